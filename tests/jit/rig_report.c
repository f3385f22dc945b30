/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comparing two rigs and printing what they hold. */
#include <capstone/capstone.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "interp/block.h"
#include "tests/jit/rig.h"

/* The flags of `b` become those of `a` where they do not count; what they were. */
static struct nzcv hide_flags(const struct rig *a, struct rig *b)
{
    const struct nzcv were = b->cpu.nzcv;
    if (a->process && a->exit != ENGINE_EXIT_WAIT)
        b->cpu.nzcv = a->cpu.nzcv;
    return were;
}

bool rig_equal(const struct rig *a, struct rig *b)
{
    const struct nzcv were = hide_flags(a, b);
    const bool equal = a->exit == b->exit && a->device_hash == b->device_hash &&
                       fields_equal(&cpu_fields, &a->cpu, &b->cpu) && !memcmp(a->memory, b->memory, a->memory_bytes);
    b->cpu.nzcv = were;
    return equal;
}

void rig_print_difference(const struct rig *a, struct rig *b)
{
    const struct nzcv were = hide_flags(a, b);
    printf("  %-22s %s  %s\n", "differs:", a->name, b->name);
    if (a->exit != b->exit)
        printf("    exit                 %d  %d\n", a->exit, b->exit);
    if (a->device_hash != b->device_hash)
        printf("    %-20s %016" PRIx64 "  %016" PRIx64 "\n", a->process ? "faults" : "device accesses", a->device_hash,
               b->device_hash);
    fields_print_difference(stdout, "    ", &cpu_fields, &a->cpu, &b->cpu);
    const uint8_t *x = a->memory, *y = b->memory;
    for (unsigned i = 0, shown = 0; i < a->memory_bytes && shown < 16; i++)
        if (x[i] != y[i]) {
            printf("    RAM %#x           %02x  %02x\n", i, x[i], y[i]);
            shown++;
        }
    b->cpu.nzcv = were;
}

/* A translation ends where the next one begins, or at what is no instruction. */
static void print_block(csh capstone, const struct rig *rig, const struct block *block)
{
    enum { LONGEST = 4096 };
    uint64_t end = block->native_entry + LONGEST;
    for (unsigned i = 0; i < RIG_CODE_WORDS; i++) {
        const struct block *other = block_find(rig->cpu.blocks, rig->code_physical + 4 * i);
        if (other && other->native_entry > block->native_entry && other->native_entry < end)
            end = other->native_entry;
    }
    const uint8_t *code = (const uint8_t *)block->native_entry;
    size_t size = end - block->native_entry;
    uint64_t address = block->native_entry;
    cs_insn *insn = cs_malloc(capstone);
    static const uint8_t nothing[8];
    while (size >= sizeof nothing && memcmp(code, nothing, sizeof nothing) &&
           cs_disasm_iter(capstone, &code, &size, &address, insn))
        printf("    %" PRIx64 "  %s %s\n", insn->address, insn->mnemonic, insn->op_str);
    cs_free(insn, 1);
}

void rig_print_host_code(const struct rig *rig)
{
    const struct block_cache *cache = rig->cpu.blocks;
    csh capstone;
    if (!cache || cs_open(CS_ARCH_X86, CS_MODE_64, &capstone) != CS_ERR_OK)
        return;
    for (unsigned i = 0; i < RIG_CODE_WORDS; i++) {
        const struct block *block = block_find(cache, rig->code_physical + 4 * i);
        const bool translated =
            block && block->insns[0].run != run_warming && block->insns[0].run != block->first;
        if (!translated)
            continue;
        printf("  host code of the block at word %u (%u instructions):\n", i, block->count);
        print_block(capstone, rig, block);
    }
    cs_close(&capstone);
}
