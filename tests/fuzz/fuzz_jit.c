/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: translated code of anything, beside the interpreter. The input is code (words of any line of
 * the tables, system instructions too, or any bits), registers, entries of the page tables, the ends of turns
 * and interrupts, pages that change places and words that are patched between turns. Whatever it is, translated code
 * must leave the host alone and the guest as the interpreter does; hot loops become regions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "interp/interp.h"
#include "jit/jit.h"
#include "tests/jit/rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_WORDS_OF_INPUT = 256, TURN_INSNS = 400, LONG_TURN_INSNS = 6000, NEAR_WORDS = 32 };

struct input {
    const uint8_t *data;
    size_t size;
};

/* The next `bytes` bytes (8 at most); zeros where the input ends. */
static uint64_t take(struct input *in, size_t bytes)
{
    uint64_t value = 0;
    const size_t n = bytes < in->size ? bytes : in->size;
    memcpy(&value, in->data, n);
    in->data += n;
    in->size -= n;
    return value;
}

/* A branch that would leave the program goes to somewhere near instead, back more often than on: to loops. */
static uint32_t keep_near(uint32_t word)
{
    static const struct {
        uint32_t mask, bits;
        unsigned at, width;
    } branches[] = {
        {0x7c000000, 0x14000000, 0, 26}, /* b, bl */
        {0xff000000, 0x54000000, 5, 19}, /* b.cond */
        {0x7e000000, 0x34000000, 5, 19}, /* cbz, cbnz */
        {0x7e000000, 0x36000000, 5, 14}, /* tbz, tbnz */
    };
    for (unsigned i = 0; i < sizeof branches / sizeof *branches; i++)
        if ((word & branches[i].mask) == branches[i].bits) {
            const uint32_t field = ((1u << branches[i].width) - 1) << branches[i].at;
            const int distance = (int)(word >> branches[i].at) % NEAR_WORDS - 3 * NEAR_WORDS / 4;
            return (word & ~field) | ((uint32_t)distance << branches[i].at & field);
        }
    return word;
}

/* Bits that are an instruction now and then only become one: of a line of the tables. */
static uint32_t take_word(struct input *in, bool near)
{
    const unsigned op = (unsigned)take(in, 2);
    const uint32_t word = (uint32_t)take(in, 4);
    const struct insn_info *info = &insn_infos[op % OP_COUNT];
    const uint32_t made = op & 0x8000 && !(op & 0x7000) ? word : (word & ~info->mask) | info->bits;
    return near ? keep_near(made) : made;
}

/* An address that leads somewhere, most often. */
static uint64_t take_register(struct input *in)
{
    const uint64_t kind = take(in, 1), value = take(in, 4);
    switch (kind % 8) {
    case 0: return value;
    case 1: return value << 32;
    case 2: return RIG_CODE_EL0 + value % (RIG_CODE_PAGES * RIG_PAGE);
    case 3: return RIG_CODE_EL1 + value % (RIG_CODE_PAGES * RIG_PAGE);
    case 4: return value % 256;
    case 5: return RIG_WINDOW + (1 + value % 7) * RIG_PAGE - (value >> 8) % 32; /* across pages */
    default: return RIG_WINDOW - RIG_PAGE + value % (8 * RIG_PAGE);
    }
}

/* A descriptor of a page of RAM, the device, or nothing; or any bits. */
static uint64_t take_descriptor(struct input *in)
{
    const uint64_t bits = take(in, 8);
    const uint64_t page = 0x40000000 + bits / RIG_PAGE % (2 * RIG_PAGES) * RIG_PAGE;
    switch (bits >> 60) {
    case 0: return bits;
    case 1: return 0;
    default: return (bits & 0x0060000000000fff) | page | 3 | 1 << 10;
    }
}

static void take_program(struct input *in, struct program *p)
{
    memset(p, 0, sizeof *p);
    const uint64_t switches = take(in, 4);
    const bool more = switches >> 31 & 1; /* happens between turns */
    p->el = switches & 1;
    p->daif = switches >> 1 & 15;
    p->sp_checked = switches >> 5 & 1;
    p->fp_disabled = (switches >> 6 & 15) == 0;
    p->aligned = (switches >> 10 & 15) == 0;
    p->first = (uint32_t)(switches >> 14 & 1023) + 64;
    p->table_writes = (uint8_t)(switches >> 24 & 7);
    for (unsigned i = 0; i < p->table_writes; i++) {
        const uint16_t index = (uint16_t)take(in, 2);
        /* What the window's pages are, most often. */
        p->table[i].index = index >> 12 ? 2 * 512 + (RIG_WINDOW >> 12 & 511) + index % 8 : index;
        p->table[i].descriptor = take_descriptor(in);
    }
    p->turn_count = 1 + (switches >> 28 & 3) * (more ? 2 : 1);
    for (unsigned i = 0; i < p->turn_count; i++) {
        const uint64_t turn = take(in, 2);
        p->turns[i].insns = 1 + (uint32_t)(turn % TURN_INSNS);
        p->turns[i].irq = turn >> 15 & 1;
        if (more) {
            const uint64_t change = take(in, 3);
            p->turns[i].remap = change & 63;
            p->turns[i].patch = change & 64 ? (uint8_t)(change >> 8) : 0;
            if (change & 128)
                p->turns[i].insns = 1 + (uint32_t)((change >> 16 << 15 | turn) % LONG_TURN_INSNS);
        }
    }
    for (unsigned i = 0; i < 31; i++)
        p->state.x[i] = take_register(in);
    p->state.sp = take_register(in);
    p->state.nzcv = (uint32_t)take(in, 4);
    for (unsigned i = 0; i < 32; i += 4)
        p->state.v[i][0] = take(in, 8);
    while (in->size && p->count < MAX_WORDS_OF_INPUT)
        p->words[p->count++] = take_word(in, switches >> 30 & 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rig *judge, *rig;
    static struct program program;
    struct input in = {data, size};
    if (!judge) {
        judge = rig_create(&interp_engine, CPU_MAX);
        rig = rig_create(&jit_only_engine, CPU_MAX);
    }
    take_program(&in, &program);
    rig_load(judge, &program);
    rig_load(rig, &program);
    bool going = true;
    for (unsigned turn = 0; going && turn < program.turn_count; turn++) {
        going = rig_turn(judge, &program, turn);
        rig_turn(rig, &program, turn);
        if (!rig_equal(judge, rig)) {
            printf("The engines differ in turn %u.\n", turn);
            for (unsigned i = 0; i < program.count; i++) {
                char text[160];
                insn_disassemble(program.words[i], rig_entry(&program) + 4 * i, text, sizeof text);
                printf("    word %-4u %08x  %s\n", program.first + i, program.words[i], text);
            }
            rig_print_difference(judge, rig);
            fflush(stdout);
            abort();
        }
    }
    return 0;
}
