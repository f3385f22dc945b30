/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pointer authentication (Arm ARM D8.10) with an IMPLEMENTATION DEFINED hash: cheap, and no secret is safe
 * behind it. */
#ifndef ARMATURE_PAUTH_H
#define ARMATURE_PAUTH_H

#include "isa/arm64/cpu.h"

enum pauth_key { PAUTH_IA, PAUTH_IB, PAUTH_DA, PAUTH_DB, PAUTH_GA };

/** TrapPACUse(): tells a hypervisor that wants to know of it (HCR_EL2.API), before a key that is enabled is used. */
void pauth_check_use(struct cpu *cpu, const struct insn *insn, enum pauth_key key);

/** AddPAC(): `pointer` with the authentication code of `modifier`; unchanged where SCTLR_EL1 disables the
 * key. */
uint64_t pauth_add(const struct cpu *cpu, uint64_t pointer, uint64_t modifier, enum pauth_key key);

/** Auth(): the plain pointer, or one that faults when used where the code is wrong. */
uint64_t pauth_check(const struct cpu *cpu, uint64_t pointer, uint64_t modifier, enum pauth_key key);

/** Strip(): the pointer without its code. */
uint64_t pauth_strip(const struct cpu *cpu, uint64_t pointer, bool is_data);

/** PACGA: the code of any value, in the upper half. */
uint64_t pauth_generic(const struct cpu *cpu, uint64_t value, uint64_t modifier);

#endif
