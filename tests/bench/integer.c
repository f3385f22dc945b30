/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Integer work of the kinds that programs are made of, as a bare-metal guest: linked lists searched and sorted, small
 * matrices, a state machine over text, checksums. Prints one line with a checksum and the ticks it took. */
#include "guest.h"

#define ROUNDS 6000

struct node {
    struct node *next;
    int16_t value, index;
};

static struct node nodes[256];
static int16_t matrix_a[16][16], matrix_b[16][16];
static int32_t matrix_c[16][16];
static const char text[] = "5012 1234 -874 +122 35.54400 .1234500 -110.700 +0.64400 5.500e+3 -.123e-2 -87e+832 "
                           "T0.3e-1F -T.T++Tq 1T3.4e4z 34.0e-T^ 0x12 99999999 -1.5e 12..5";

static uint16_t crc16(uint16_t crc, uint32_t value, unsigned bits)
{
    for (; bits; bits--, value >>= 1)
        crc = (uint16_t)((crc ^ value) & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
    return crc;
}

static struct node *sort_list(struct node *list, bool by_index)
{
    for (unsigned run = 1;; run *= 2) {
        struct node *from = list, *tail = NULL;
        unsigned merges = 0;
        list = NULL;
        while (from) {
            struct node *a = from, *b = from;
            unsigned a_left = 0, b_left = run;
            merges++;
            while (a_left < run && b)
                a_left++, b = b->next;
            while (a_left || (b_left && b)) {
                struct node *pick;
                bool take_a = a_left && (!b_left || !b ||
                                         (by_index ? a->index <= b->index : a->value <= b->value));
                if (take_a)
                    pick = a, a = a->next, a_left--;
                else
                    pick = b, b = b->next, b_left--;
                if (tail)
                    tail->next = pick;
                else
                    list = pick;
                tail = pick;
            }
            from = b;
        }
        tail->next = NULL;
        if (merges <= 1)
            return list;
    }
}

static struct node *reverse(struct node *list)
{
    struct node *result = NULL;
    while (list) {
        struct node *next = list->next;
        list->next = result;
        result = list;
        list = next;
    }
    return result;
}

static uint16_t lists(uint16_t crc, unsigned round)
{
    for (unsigned i = 0; i < 256; i++) {
        nodes[i].next = i < 255 ? &nodes[i + 1] : NULL;
        nodes[i].value = (int16_t)(i * 7919 + round * 31);
        nodes[i].index = (int16_t)i;
    }
    struct node *list = sort_list(&nodes[0], false);
    for (int wanted = 0; wanted < 16; wanted++) {
        const struct node *node = list;
        while (node && node->index != wanted * 16)
            node = node->next;
        crc = crc16(crc, (uint16_t)node->value, 16);
        list = reverse(list);
    }
    list = sort_list(list, true);
    return crc16(crc, (uint16_t)list->next->value, 16);
}

static uint16_t matrices(uint16_t crc, unsigned round)
{
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) {
            matrix_a[i][j] = (int16_t)(i * 3 + j + round);
            matrix_b[i][j] = (int16_t)(i - j * 5);
        }
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) {
            int32_t sum = 0;
            for (int k = 0; k < 16; k++)
                sum += matrix_a[i][k] * matrix_b[k][j];
            matrix_c[i][j] = sum >> 2;
        }
    for (int i = 0; i < 16; i++)
        crc = crc16(crc, (uint32_t)matrix_c[i][15 - i], 32);
    return crc;
}

enum state { START, SIGN, INTEGER, POINT, EXPONENT, SCIENTIFIC, INVALID, STATES };

static uint16_t states(uint16_t crc, unsigned round)
{
    uint32_t counts[STATES] = {0};
    for (unsigned pass = 0; pass < 4; pass++) {
        enum state state = START;
        for (unsigned i = 0; i < sizeof text - 1; i++) {
            char c = text[i];
            if ((i + round + pass) % 61 == 0)
                c ^= 1;
            bool digit = c >= '0' && c <= '9';
            if (c == ' ') {
                counts[state]++;
                state = START;
                continue;
            }
            switch (state) {
            case START: state = digit ? INTEGER : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : INVALID; break;
            case SIGN: state = digit ? INTEGER : c == '.' ? POINT : INVALID; break;
            case INTEGER: state = digit ? INTEGER : c == '.' ? POINT : INVALID; break;
            case POINT: state = digit ? POINT : c == 'e' || c == 'E' ? EXPONENT : INVALID; break;
            case EXPONENT: state = c == '+' || c == '-' ? SCIENTIFIC : INVALID; break;
            case SCIENTIFIC: state = digit ? SCIENTIFIC : INVALID; break;
            default: break;
            }
        }
    }
    for (int i = 0; i < STATES; i++)
        crc = crc16(crc, counts[i], 16);
    return crc;
}

void guest_main(void)
{
    mmu_on(identity_map());
    uint64_t start = MRS(cntvct_el0);
    uint16_t crc = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        crc = lists(crc, round);
        crc = matrices(crc, round);
        crc = states(crc, round);
    }
    uint64_t ticks = MRS(cntvct_el0) - start;
    print("checksum ");
    print_hex(crc);
    print(" ticks ");
    print_hex(ticks);
    print("\n");
}
