/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System registers: the storage, the table and the access rules that sysregs.def asks for. */
#ifndef ARMATURE_SYSREGS_H
#define ARMATURE_SYSREGS_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;
struct insn;

/** One member for each STORED row of sysregs.def, under the register's name. */
struct sysregs {
#define SYSREG_STORAGE_STORED(name) uint64_t name;
#define SYSREG_STORAGE_CONSTANT(name)
#define SYSREG_STORAGE_HOOKED(name)
#define SYSREG(name, op0, op1, crn, crm, op2, access, storage, reset, mask, feature)                         \
    SYSREG_STORAGE_##storage(name)
#include "isa/arm64/sysregs.def"
#undef SYSREG
};
#undef SYSREG_STORAGE_STORED
#undef SYSREG_STORAGE_CONSTANT
#undef SYSREG_STORAGE_HOOKED

/** Every row of sysregs.def: SR_<name>. SR_NONE: no such register. */
enum sysreg {
    SR_NONE,
#define SYSREG(name, op0, op1, crn, crm, op2, access, storage, reset, mask, feature) SR_##name,
#include "isa/arm64/sysregs.def"
#undef SYSREG
    SR_COUNT
};

/** Who may read and write a register; what is not in it is UNDEFINED. EL0's rights may hang on a trap
 * besides. */
enum sysreg_access {
    EL1_READ = 1,
    EL1_WRITE = 2,
    EL0_READ = 4,
    EL0_WRITE = 8,
    EL1_RO = EL1_READ,
    EL1_WO = EL1_WRITE,
    EL1_RW = EL1_READ | EL1_WRITE,
    EL0_RO = EL1_READ | EL0_READ,
    EL0_WO = EL1_WRITE | EL0_WRITE,
    EL0_RW = EL1_RW | EL0_READ | EL0_WRITE,
    EL0_RO_EL1_RW = EL1_RW | EL0_READ,
    EL2_READ = 16, /* what EL1 may, EL2 may too */
    EL2_WRITE = 32,
    EL2_RO = EL2_READ,
    EL2_RW = EL2_READ | EL2_WRITE,
    OF_ICC = 64, /* UNDEFINED where the interrupt controller has no registers here (cpu->icc): a GICv2 */
};

struct sysreg_info {
    const char *name;
    uint16_t key;    /* sysreg_key() of the encoding */
    uint8_t access;  /* enum sysreg_access */
    uint8_t feature; /* enum feature */
    int32_t offset;  /* in struct sysregs, or -1 */
    uint64_t reset, mask;
};

extern const struct sysreg_info sysreg_infos[SR_COUNT];

/** The encoding as MRS and MSR have it in bits 19:5: op0's low bit, op1, CRn, CRm, op2. */
#define SYSREG_KEY(op0, op1, crn, crm, op2) (((op0)&1) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

static inline unsigned sysreg_key(uint32_t word)
{
    return word >> 5 & 0x7fff;
}

/** The register with that encoding, or SR_NONE. */
enum sysreg sysreg_by_key(unsigned key);

/** MRS and MSR (register) by an instruction: with every check and trap, which do not return. */
uint64_t sysreg_mrs(struct cpu *cpu, const struct insn *insn);
void sysreg_msr(struct cpu *cpu, const struct insn *insn, uint64_t value);

/** The same for the debugger and for tests: at no level, with no check; side effects of reading happen. The
 *  clock and icount are exact. */
uint64_t sysreg_read(struct cpu *cpu, enum sysreg reg);
void sysreg_write(struct cpu *cpu, enum sysreg reg, uint64_t value);

/** Takes the trap of a system instruction (MSR, MRS, SYS) to EL1, or where EL0 is a host's to EL2: EC 0x18, ISS made of
 *  the word; sysreg_iss() is that ISS. */
uint32_t sysreg_iss(const struct insn *insn);
_Noreturn void sysreg_trap(struct cpu *cpu, const struct insn *insn);

/** What must stand at the instruction before a hook looks: the clock, the PMU's counters. */
enum sysreg_needs { NEEDS_CLOCK_AND_PMU, NEEDS_CLOCK, NEEDS_NOTHING };

/** Behaviour beyond storing. NULL members: there is none. */
struct sysreg_hooks {
    uint64_t (*read)(struct cpu *cpu, enum sysreg reg);
    void (*write)(struct cpu *cpu, enum sysreg reg, uint64_t value);
    bool (*trapped)(struct cpu *cpu, enum sysreg reg, bool write); /* from EL0 */
    bool outside; /* an access may drive wires or schedule events (cpu_reach_outside) */
    enum sysreg_needs needs; /* of read and write */
};

/** The hooks by register (sysreg_hooks.c). */
extern const struct sysreg_hooks sysreg_hooks[SR_COUNT];

/** CTR_EL0: without DIC, "no IC is needed", where translations are kept until IC IVAU (user.h). */
uint64_t sysreg_ctr(struct cpu *cpu, enum sysreg reg);

/** The value of an ID register for the CPU's model and features (id_registers.c). */
uint64_t id_register_read(struct cpu *cpu, enum sysreg reg);

#endif
