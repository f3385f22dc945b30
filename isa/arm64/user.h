/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A CPU as one thread of a process: there is EL0 only, and what stands in for the kernel is on the host.
 *
 * Guest addresses are the host's own, and physical addresses too (bus_init_process()): the guest's memory is mapped
 * into this process where the guest has it, and translated code goes there without asking. So the MMU has one question
 * left, whether the process may: its map answers. An exception is not taken to EL1 but written into
 * cpu->user_exception, and the engine comes back with ENGINE_EXIT_REQUEST.
 *
 * Stores to code are not looked for. The architecture says that they are not seen until IC IVAU of their address, DSB
 * and ISB (Arm ARM B2.7.4.2), and there is no other level whose code could change without: so translations live until
 * IC IVAU comes by, or the map changes. */
#ifndef ARMATURE_USER_H
#define ARMATURE_USER_H

#include "isa/arm64/cpu.h"

/** Guest addresses are below: the rest of the host's half belongs to this program itself. */
#define USER_SPACE_BITS  46
#define USER_SPACE_BYTES (1ull << USER_SPACE_BITS)

/** What the map says of a page: enum translation_flag of EL0 (mmu.h) and IS_GUARDED; or one of these alone. */
#define USER_PAGE_NONE 0u
#define USER_PAGE_BUS  (1u << 31) /* mapped, but behind the end of its file */

struct user_space {
    uint32_t (*page)(void *context, uint64_t address);
    /** IC IVAU by `cpu`: what was made of the code at `address` is to go. */
    void (*code_changed)(void *context, struct cpu *cpu, uint64_t address);
    void *context;
};

/** Makes a CPU after cpu_init() a thread of the process, at EL0, with what Linux sets up for EL0. */
void cpu_make_user(struct cpu *cpu, const struct user_space *user);

/** The permissions of the page of `va`, as mmu_walk() gives them. */
struct translation;
unsigned user_walk(struct cpu *cpu, uint64_t va, struct translation *out);

#endif
