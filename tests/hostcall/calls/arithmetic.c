/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loops of what compilers make of comparisons in a row, selections, shifts, fields and products: long enough to be
 * translated as a whole, with more values at a time than a host has registers, with calls and divisions in them and
 * without, and so long that they do not fit into one page. Each prints what it came to. */
#include <stdint.h>
#include "say.h"

#define ROUNDS 60000

static uint32_t words[64];
static uint8_t bytes[256];

static uint64_t mixed(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

/* All ways that two or three comparisons may be joined, each with a branch and with a selection. */
#define JOINED(type, a, b, c, d)                                                                             \
    static __attribute__((noinline)) uint64_t joined_##type(uint64_t x, uint64_t y, uint64_t sum)            \
    {                                                                                                        \
        const type a = (type)x, b = (type)y, c = (type)(x >> 3), d = (type)(y >> 5);                         \
        BRANCHES(a < b && c >= d, 1)                                                                         \
        BRANCHES(a > b || c == d, 2)                                                                         \
        BRANCHES(a != 10 && b != 32 && c <= d, 3)                                                            \
        BRANCHES((a & 0x5f) && b != 10, 4)                                                                   \
        BRANCHES(a == 7 || b == 9 || c == 31, 5)                                                             \
        BRANCHES((a <= b || c < 5) && d > 17, 6)                                                             \
        BRANCHES(a + b < c && d != 0, 7)                                                                     \
        BRANCHES(a == b ? c > d : c < d, 8)                                                                  \
        BRANCHES(a >= (type)-9 && b < (type)-3, 9)                                                             \
        BRANCHES((a ^ b) > 100 && (c ^ d) > 100 && a != d && b != c, 10)                                     \
        BRANCHES(a == (type)-1 || (b == (type)-2 && c != (type)-3), 11)                                        \
        return sum;                                                                                          \
    }
#define BRANCHES(condition, n)                                                                               \
    if (condition) {                                                                                         \
        sum = mixed(sum, n);                                                                                 \
        words[n] += (uint32_t)sum;                                                                           \
    }                                                                                                        \
    sum += (condition) ? words[n + 16] : words[n + 32];                                                      \
    sum ^= (uint64_t)(condition) << n;

JOINED(int32_t, a, b, c, d)
JOINED(uint32_t, a, b, c, d)
JOINED(int64_t, a, b, c, d)
JOINED(uint64_t, a, b, c, d)

static void comparisons(void)
{
    uint64_t sum = 1;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        const uint64_t x = i % 5 ? i % 61 : sum, y = i % 7 ? i % 53 : sum >> 32;
        sum = joined_int32_t(x, y, sum);
        sum = joined_uint32_t(y, x, sum);
        sum = joined_int64_t(x, -y, sum);
        sum = joined_uint64_t(-x, y, sum);
    }
    printf("comparisons %llx\n", (unsigned long long)sum);
}

/* Words of a text, as a loop of one branch on two comparisons finds them. */
static void scanning(void)
{
    uint64_t sum = 2, count = 0;
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = i % 11 == 10 ? ' ' : i % 29 == 28 ? '\n' : (uint8_t)('a' + i % 26);
    bytes[sizeof bytes - 1] = 0;
    for (unsigned round = 0; round < ROUNDS / 20; round++)
        for (const uint8_t *at = bytes + round % 9, *end; *at; at = *end ? end + 1 : end) {
            for (end = at; *end && *end != ' ' && *end != '\n'; end++)
                ;
            sum = mixed(sum, (uint64_t)(end - at));
            count++;
        }
    printf("words %llu %llx\n", (unsigned long long)count, (unsigned long long)sum);
}

static uint32_t rotated(uint32_t value, unsigned by)
{
    return value >> by | value << (32 - by);
}

static uint64_t rotated_long(uint64_t value, unsigned by)
{
    return value >> by | value << (64 - by);
}

/* More values than host registers, in a loop of nothing that wants one of them for itself. */
static void many_values(void)
{
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
    uint32_t i = 9, j = 10, k = 11, l = 12, m = 13, n = 14;
    for (unsigned round = 0; round < 10 * ROUNDS; round++) {
        a += b << 3, b ^= c >> 7, c = (c & ~d) + 1, d += (int64_t)(int32_t)i << 2;
        e = rotated_long(e, 13) ^ a, f += (uint64_t)j << 1, g = g > h ? g - h : h - g + a, h = h << 5 ^ f;
        i = rotated(i, 7) + j, j ^= k << 4, k += (l >> 3 & 0x1f) | m << 9, l = l < m ? l + 3 : l ^ n;
        m = (uint8_t)(m + i) + (uint16_t)n, n = n * i + k;
        if (a & 16 && !(b & 1ull << 40))
            e += words[i & 63] + (e >> 63);
        if ((int32_t)i < 0)
            words[j & 63] ^= n, g += (uint64_t)(int64_t)(int8_t)m << 3;
    }
    printf("many %llx %llx %llx %llx\n", (unsigned long long)(a ^ b), (unsigned long long)(c ^ d),
           (unsigned long long)(e ^ f), (unsigned long long)(g ^ h));
    printf("many %x %x %x\n", i ^ j, k ^ l, m ^ n);
}

/* The same with counts of zeroes, and where d is odd a division and the high half of a product. */
static void some_wide(int divides)
{
    uint64_t a = 0x123456789, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7;
    uint32_t i = 9, j = 10, k = 11;
    for (unsigned round = 0; round < 4 * ROUNDS; round++) {
        a = a * 0x9e3779b97f4a7c15u + b, b ^= c << 17, c += a >> 9, d += (uint64_t)__builtin_clzll(a | 1);
        e += (uint64_t)__builtin_ctzll(b | 1ull << 60), f ^= __builtin_bswap64(e), g += (a >> 12 & 0xfff) << 2;
        i += (uint32_t)__builtin_clz((uint32_t)a | 1) * 3, j = j * i + (uint32_t)c, k ^= (uint32_t)(g - f * d);
        if (divides && d & 1) {
            a += b / (c | 1), f += (uint64_t)((unsigned __int128)a * b >> 64);
            j += (uint32_t)((int32_t)k / (int32_t)(i | 1));
        }
    }
    printf("wide %d %llx %llx %llx %llx\n", divides, (unsigned long long)(a ^ b), (unsigned long long)(c ^ d),
           (unsigned long long)(e ^ f), (unsigned long long)(g + i + j + k));
}

static uint64_t (*volatile chosen)(uint64_t, unsigned);

static __attribute__((noinline)) uint64_t down(uint64_t value, unsigned depth)
{
    return depth && value % 3 ? down(value * 5 + depth, depth - 1) ^ value : value + 1;
}

static __attribute__((noinline)) uint64_t across(uint64_t value, unsigned depth)
{
    return value ^ (value > 1000 && depth != 3 ? 0x55 : depth);
}

/* Values live across calls, by name and by address, and recursion. */
static void with_calls(void)
{
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;
    for (unsigned round = 0; round < ROUNDS; round++) {
        chosen = round & 4 ? down : across;
        a += down(b, round % 13), b ^= chosen(c, round & 7), c += a >> 3, d ^= b << 2, e += c > d && d != e, f += e ^ a;
        if (a > b && down(f, 2) != c)
            d += a;
    }
    printf("calls %llx %llx %llx\n", (unsigned long long)(a ^ b), (unsigned long long)(c ^ d),
           (unsigned long long)(e ^ f));
}

/* A loop that takes several pages. */
#define STEP(n)                                                                                              \
    if (a < b + (n) && (c & 255) != (n))                                                                     \
        a += c >> 3 ^ (n), words[(n) & 63] += (uint32_t)a;                                                   \
    else                                                                                                     \
        c = c * 3 + (b > (n) ? a : b);                                                                       \
    b ^= (int64_t)a > (int64_t)c ? a << 1 : c >> 1;
#define STEPS(n) STEP(n) STEP(n + 1) STEP(n + 2) STEP(n + 3) STEP(n + 4) STEP(n + 5) STEP(n + 6) STEP(n + 7)

static void over_pages(void)
{
    uint64_t a = 1, b = 2, c = 3;
    for (unsigned round = 0; round < ROUNDS; round++) {
        STEPS(0) STEPS(8) STEPS(16) STEPS(24) STEPS(32) STEPS(40) STEPS(48) STEPS(56)
        STEPS(64) STEPS(72) STEPS(80) STEPS(88) STEPS(96) STEPS(104) STEPS(112) STEPS(120)
    }
    printf("pages %llx %llx %llx\n", (unsigned long long)a, (unsigned long long)b, (unsigned long long)c);
}

int main(void)
{
    for (unsigned i = 0; i < 64; i++)
        words[i] = i * 2654435761u;
    comparisons();
    scanning();
    many_values();
    some_wide(0);
    some_wide(1);
    with_calls();
    over_pages();
    return 0;
}
