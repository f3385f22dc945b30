/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a debugger outside the machine asks of CPUs: to be told before certain instructions, of accesses to watched
 * memory, of exceptions. None of it is state, and none of it changes what the guest does.
 *
 * A breakpoint is the physical address of an instruction. A block ends before it, and the block that begins there is
 * never remembered by its virtual address, nor translated: so whoever comes there, from the interpreter or from
 * translated code, comes by the engine's slow path, and all other code is what it would be without. A watched page has
 * a flag (enum page_flag), so that accesses to it are no plain ones; an access to a watched byte runs alone. Beside the
 * watched bytes the page is accessed by what struct tlb_watched_page knows of it, from translated code inline.
 *
 * A hook that wants the CPU to stop calls run_loop_halt(): before the instruction for `reached` and `each_insn`, behind
 * it for the others. */
#ifndef ARMATURE_STOPS_H
#define ARMATURE_STOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu;

struct stops {
    /* Physical addresses of instructions with breakpoints, ascending. */
    const uint64_t *insns;
    size_t insn_count;
    /* The instruction at PC is about to run, and stands in `insns`. True: it does not, as the loop was halted. */
    bool (*reached)(void *context, struct cpu *cpu);
    /* Code at PC was found at `physical`, by the slow path; `insns` may change now. NULL: nobody asks. */
    void (*fetched)(void *context, struct cpu *cpu, uint64_t physical);
    /* Whether a byte from `physical` on is watched for reading or writing (WATCH_LOAD, WATCH_STORE). */
    bool (*watched)(void *context, uint64_t physical, unsigned size, unsigned kinds);
    /* Between which places of the page all lies that is watched in it. */
    void (*watched_within)(void *context, uint64_t physical_page, uint32_t *from, uint32_t *to);
    /* Such an access is about to be made, by an instruction that runs alone. */
    void (*accessed)(void *context, struct cpu *cpu, uint64_t va, uint64_t physical, unsigned size, unsigned kinds);
    /* Each instruction, about to run. True: it does not. NULL: nobody asks, and code runs at full speed. */
    bool (*each_insn)(void *context, struct cpu *cpu);
    /* Code is about to run from PC on, straight; behind it `piece_ran` says how many instructions of it retired. Both
     * or none; NULL: nobody asks. Code is interpreted then, a block at a time, which costs far less than each_insn. */
    void (*piece_begins)(void *context, struct cpu *cpu);
    void (*piece_ran)(void *context, uint64_t insns);
    /* An exception was taken: PC stands at the vector. `vector`: its offset within its set (0x80: IRQ). */
    void (*excepted)(void *context, struct cpu *cpu, unsigned vector);
    /* An exception return was done: PC and level are those returned to. */
    void (*returned)(void *context, struct cpu *cpu);
    /* A device was accessed. */
    void (*device_accessed)(void *context, struct cpu *cpu, uint64_t physical, unsigned size, bool write,
                            uint64_t value);
    void *context;
};

/** Whether `physical` is the address of an instruction with a breakpoint; the first in [from, to). */
uint64_t stops_first(const struct stops *stops, uint64_t from, uint64_t to);
#define STOPS_NONE UINT64_MAX

/** After each_insn or the hooks of pieces were set or cleared. */
void stops_changed(struct cpu *cpu);

#endif
