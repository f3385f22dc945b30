/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Barriers, hints, system registers and PSTATE: those whose effect is a load or a store in the state. What a level
 * may not do, what a trap bit forbids, and what would wake somebody (an interrupt, the PMU, the debug architecture)
 * is left to exec_: code is shared by all levels, so the checks are made as it runs. What ends a block here still
 * ends it. */
#include "isa/arm64/el2.h"
#include "isa/arm64/fp.h"
#include "jit/state.h"
#include "jit/x64_atomic.h"

#define SYSTEM_REGISTER(offset) (CPU_OFFSET(sys) + (offset))

static void need_el1(struct translation_state *t)
{
    x64_cmp_byte(t->c, HOST_CPU, CPU_OFFSET(pstate.el), 0);
    slow_if(t, CC_E);
    t->flags = FLAGS_UNKNOWN;
}

/* The low half of a system register has one of `bits`, or exec_ does it. */
static void need_bits(struct translation_state *t, int32_t offset, int32_t bits)
{
    x64_test_store(t->c, HOST_CPU, offset, bits);
    slow_if(t, CC_E);
    t->flags = FLAGS_UNKNOWN;
}

/* It has none of them, or exec_ does it. */
static void need_no_bits(struct translation_state *t, int32_t offset, int32_t bits)
{
    x64_test_store(t->c, HOST_CPU, offset, bits);
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
}

/* Where there is EL2, what most registers are depends on more than this code knows: traps, names that mean others. */
static bool left_to_exec(const struct translation_state *t, enum sysreg reg)
{
    if (!has_feature(&t->cpu->features, FEAT_EL2))
        return false;
    switch (reg) {
    case SR_SP_EL0:
    case SR_NZCV:
    case SR_FPCR:
    case SR_FPSR:
    case SR_TPIDR_EL0:
    case SR_TPIDRRO_EL0:
    case SR_TPIDR_EL1:
    case SR_CurrentEL:
    case SR_DAIF: return false;
    default: return true;
    }
}

/* --- reading --------------------------------------------------------------------------------------- */

/* rax = how many instructions retired before the present one. */
static void load_icount(struct translation_state *t)
{
    x64_load(t->c, 1, RAX, HOST_CPU, CPU_OFFSET(native.limit));
    x64_alu(t->c, 1, ALU_SUB, RAX, HOST_LEFT);
    x64_alu_imm(t->c, 1, ALU_SUB, RAX, t->insn->left);
    t->flags = FLAGS_UNKNOWN;
}

/* The time of the instruction, for the clock and as a count (cpu_sync_clock, cpu_counter). */
static void read_counter(struct translation_state *t)
{
    enum { EL0VCTEN = 2 };
    _Static_assert(NS_PER_COUNT == 16, "a count is a shift of nanoseconds");
    struct x64 *c = t->c;
    need_bits(t, CPU_OFFSET(sys.CNTKCTL_EL1), EL0VCTEN); /* where EL0 may, everybody may */
    load_icount(t);
    x64_alu_load(c, 1, ALU_SUB, RAX, HOST_CPU, CPU_OFFSET(turn_icount));
    x64_load(c, 0, RCX, HOST_CPU, CPU_OFFSET(ns_per_insn_q8));
    x64_imul(c, 1, RAX, RCX);
    x64_shift_imm(c, 1, SHIFT_SHR, RAX, 8);
    x64_alu_load(c, 1, ALU_ADD, RAX, HOST_CPU, CPU_OFFSET(turn_ns));
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(clock));
    x64_store(c, 1, RAX, RCX, offsetof(struct clock, now_ns));
    x64_shift_imm(c, 1, SHIFT_SHR, RAX, 4);
    general_done(t, t->insn->rd, RAX);
}

static void read_member(struct translation_state *t, int32_t offset)
{
    unsigned d = general_destination(t, t->insn->rd, RAX);
    x64_load(t->c, 1, d, HOST_CPU, offset);
    general_done(t, t->insn->rd, d);
}

static void read_constant(struct translation_state *t, uint64_t value)
{
    unsigned d = general_destination(t, t->insn->rd, RAX);
    x64_mov_imm(t->c, d, value);
    general_done(t, t->insn->rd, d);
}

/* A register without behaviour: what is stored, or the constant. */
static bool read_plain(struct translation_state *t, enum sysreg reg)
{
    const struct sysreg_info *info = &sysreg_infos[reg];
    if (sysreg_hooks[reg].read || sysreg_hooks[reg].trapped)
        return false;
    if (!(info->access & EL0_READ))
        need_el1(t);
    if (info->offset < 0)
        read_constant(t, info->reset);
    else
        read_member(t, SYSTEM_REGISTER(info->offset));
    return true;
}

static bool read_register(struct translation_state *t)
{
    enum { SCTLR_DZE = 1 << 14, SCTLR_UCT = 1 << 15, DCZID_LOG2_WORDS = 4 };
    const enum sysreg reg = sysreg_by_key(sysreg_key(t->insn->word));
    const struct sysreg_info *info = &sysreg_infos[reg];
    if (!(info->access & EL1_READ) || !has_feature(&t->cpu->features, (enum feature)info->feature) ||
        left_to_exec(t, reg))
        return false;
    switch (reg) {
    case SR_SP_EL0: /* where it is not the stack pointer, the level is EL1 */
        need_bits(t, CPU_OFFSET(pstate.spsel), 1);
        read_member(t, CPU_OFFSET(sp_banked[0]));
        return true;
    case SR_CurrentEL:
        need_el1(t);
        x64_load_sized(t->c, 0, false, 0, RAX, HOST_CPU, CPU_OFFSET(pstate.el));
        x64_shift_imm(t->c, 0, SHIFT_SHL, RAX, 2);
        t->flags = FLAGS_UNKNOWN;
        general_done(t, t->insn->rd, RAX);
        return true;
    case SR_DAIF:
        need_el1(t);
        x64_load_sized(t->c, 0, false, 0, RAX, HOST_CPU, CPU_OFFSET(pstate.daif));
        x64_shift_imm(t->c, 0, SHIFT_SHL, RAX, 6);
        general_done(t, t->insn->rd, RAX);
        return true;
    case SR_MPIDR_EL1:
        need_el1(t);
        read_member(t, CPU_OFFSET(mpidr));
        return true;
    case SR_NZCV: read_nzcv(t); return true;
    case SR_FPCR:
        check_fp(t);
        read_member(t, CPU_OFFSET(fpcr));
        return true;
    case SR_FPSR:
        check_fp(t);
        x64_call_to(t->c, t->stubs->collect_fp);
        t->flags = FLAGS_UNKNOWN;
        read_member(t, CPU_OFFSET(fpsr));
        return true;
    case SR_DCZID_EL0:
        need_bits(t, CPU_OFFSET(sys.SCTLR_EL1), SCTLR_DZE);
        read_constant(t, DCZID_LOG2_WORDS);
        return true;
    case SR_CTR_EL0:
        need_bits(t, CPU_OFFSET(sys.SCTLR_EL1), SCTLR_UCT);
        read_constant(t, sysreg_ctr((struct cpu *)t->cpu, reg));
        return true;
    case SR_CNTVCT_EL0:
        if (t->cpu->parallel)
            return false;
        read_counter(t);
        return true;
    default: return read_plain(t, reg);
    }
}

/* --- writing --------------------------------------------------------------------------------------- */

static bool write_plain(struct translation_state *t, enum sysreg reg)
{
    const struct sysreg_info *info = &sysreg_infos[reg];
    struct x64 *c = t->c;
    if (sysreg_hooks[reg].write || sysreg_hooks[reg].trapped)
        return false;
    if (!(info->access & EL0_WRITE))
        need_el1(t);
    if (info->offset < 0)
        return true;
    const int32_t offset = SYSTEM_REGISTER(info->offset);
    unsigned n = general_use(t, t->insn->rn, RAX);
    if (info->mask == UINT64_MAX) {
        x64_store(c, 1, n, HOST_CPU, offset);
        return true;
    }
    x64_load(c, 1, RDX, HOST_CPU, offset);
    x64_mov_imm(c, RCX, info->mask);
    general_copy(t, t->insn->rn, RAX);
    x64_alu(c, 1, ALU_XOR, RAX, RDX);
    x64_alu(c, 1, ALU_AND, RAX, RCX);
    x64_alu(c, 1, ALU_XOR, RDX, RAX);
    x64_store(c, 1, RDX, HOST_CPU, offset);
    t->flags = FLAGS_UNKNOWN;
    return true;
}

/* What PSTATE.DAIF may change without anybody to be told: the PMU stands still, the debug architecture is off. */
static void check_daif_quiet(struct translation_state *t, bool d_changes)
{
    enum { PMCR_E = 1, MDSCR_SS = 1, MDSCR_KDE = 1 << 13, MDSCR_MDE = 1 << 15 };
    need_el1(t);
    need_no_bits(t, CPU_OFFSET(sys.PMCR_EL0), PMCR_E);
    if (d_changes)
        need_no_bits(t, CPU_OFFSET(sys.MDSCR_EL1), MDSCR_SS | MDSCR_KDE | MDSCR_MDE);
}

/* An interrupt that waits, of those in `mask` (of DAIF), is taken behind the instruction: by the engine's loop. Of a
 * virtual machine's, any. */
static void check_nothing_pends(struct translation_state *t, unsigned mask)
{
    _Static_assert(offsetof(struct cpu, fiq_pending) == offsetof(struct cpu, irq_pending) + 1 &&
                       offsetof(struct cpu, serror_pending) == offsetof(struct cpu, irq_pending) + 2 &&
                       offsetof(struct cpu, virtual_fiq_pending) == offsetof(struct cpu, virtual_irq_pending) + 1,
                   "the three are tested as one word, and the two");
    const int32_t bytes = (mask & 2 ? 0xff : 0) | (mask & 1 ? 0xff00 : 0) | (mask & 4 ? 0xff0000 : 0);
    need_no_bits(t, CPU_OFFSET(irq_pending), bytes);
    if (has_feature(&t->cpu->features, FEAT_EL2)) {
        need_no_bits(t, CPU_OFFSET(virtual_irq_pending), 0xffff);
        need_no_bits(t, CPU_OFFSET(sys.HCR_EL2), HCR_VF | HCR_VI | HCR_VSE);
    }
}

static void write_daif(struct translation_state *t)
{
    check_daif_quiet(t, true);
    check_nothing_pends(t, 7);
    general_copy(t, t->insn->rn, RAX);
    x64_shift_imm(t->c, 0, SHIFT_SHR, RAX, 6);
    x64_alu_imm(t->c, 0, ALU_AND, RAX, 15);
    x64_store_sized(t->c, 0, RAX, HOST_CPU, CPU_OFFSET(pstate.daif));
}

static void change_daif(struct translation_state *t, bool set)
{
    const unsigned bits = (unsigned)t->insn->imm;
    check_daif_quiet(t, bits & 8);
    if (!set && bits & 7)
        check_nothing_pends(t, bits);
    x64_alu_byte(t->c, set ? ALU_OR : ALU_AND, HOST_CPU, CPU_OFFSET(pstate.daif), set ? bits : ~bits & 15);
}

/* --- the other fields of PSTATE, by an immediate ----------------------------------------------------- */

static void set_field(struct translation_state *t, int32_t offset)
{
    x64_rm(t->c, 0, 0, 0xc6, 0, HOST_CPU, offset, false);
    x64_byte(t->c, t->insn->imm & 1);
}

static void set_uao(struct translation_state *t)
{
    need_el1(t);
    set_field(t, CPU_OFFSET(pstate.uao));
}

/* At EL1 the one stack pointer goes to where it waits, and the other one comes. */
static bool select_stack_pointer(struct translation_state *t)
{
    const bool el1 = t->insn->imm & 1;
    struct x64 *c = t->c;
    if (has_feature(&t->cpu->features, FEAT_EL2))
        return false;
    need_el1(t);
    x64_cmp_byte(c, HOST_CPU, CPU_OFFSET(pstate.spsel), el1);
    uint8_t *same = x64_jcc(c, CC_E);
    set_field(t, CPU_OFFSET(pstate.spsel));
    x64_store(c, 1, general_use(t, REG_SP, RAX), HOST_CPU, CPU_OFFSET(sp_banked[!el1]));
    const unsigned sp = general_destination(t, REG_SP, RAX);
    x64_load(c, 1, sp, HOST_CPU, CPU_OFFSET(sp_banked[el1]));
    general_done(t, REG_SP, sp);
    x64_bind(c, same);
    t->flags = FLAGS_UNKNOWN;
    return true;
}

/* Where PAN changes, accesses go by another table. */
static bool change_pan(struct translation_state *t)
{
    const bool set = t->insn->imm & 1;
    const enum tlb_regime regime = set ? TLB_EL1_PAN : TLB_EL1;
    struct x64 *c = t->c;
    if (has_feature(&t->cpu->features, FEAT_EL2))
        return false;
    check_daif_quiet(t, true);
    x64_cmp_byte(c, HOST_CPU, CPU_OFFSET(pstate.pan), set);
    uint8_t *same = x64_jcc(c, CC_E);
    set_field(t, CPU_OFFSET(pstate.pan));
    load_tlb_table(c, RAX, RCX, regime);
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(tlb));
    x64_call_to(c, t->stubs->empty_slots);
    x64_bind(c, same);
    t->flags = FLAGS_UNKNOWN;
    return true;
}

/* --- FP's control and state -------------------------------------------------------------------------- */

/* Only where nothing changes: what translated code knows of FPCR holds until it is left. */
static void write_fpcr(struct translation_state *t)
{
    check_fp(t);
    x64_alu_load(t->c, 0, ALU_CMP, general_use(t, t->insn->rn, RAX), HOST_CPU, CPU_OFFSET(fpcr));
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
}

/* What the host's FP flags have collected is not of it. */
static void write_fpsr(struct translation_state *t)
{
    check_fp(t);
    const uint32_t all = FPSR_IOC | FPSR_DZC | FPSR_OFC | FPSR_UFC | FPSR_IXC | FPSR_IDC | FPSR_QC;
    general_copy(t, t->insn->rn, RAX);
    x64_alu_imm(t->c, 0, ALU_AND, RAX, (int32_t)all);
    x64_store(t->c, 0, RAX, HOST_CPU, CPU_OFFSET(fpsr));
    x64_call_to(t->c, t->stubs->rearm_fp);
    t->flags = FLAGS_UNKNOWN;
}

static bool write_register(struct translation_state *t)
{
    const enum sysreg reg = sysreg_by_key(sysreg_key(t->insn->word));
    const struct sysreg_info *info = &sysreg_infos[reg];
    if (!(info->access & EL1_WRITE) || !has_feature(&t->cpu->features, (enum feature)info->feature) ||
        left_to_exec(t, reg))
        return false;
    switch (reg) {
    case SR_SP_EL0:
        need_bits(t, CPU_OFFSET(pstate.spsel), 1);
        x64_store(t->c, 1, general_use(t, t->insn->rn, RAX), HOST_CPU, CPU_OFFSET(sp_banked[0]));
        return true;
    case SR_NZCV: write_nzcv(t); return true;
    case SR_FPCR: write_fpcr(t); return true;
    case SR_FPSR: write_fpsr(t); return true;
    case SR_DAIF: write_daif(t); return true;
    case SR_CPACR_EL1: return false; /* regions know what it says until translated code is left */
    default: return write_plain(t, reg);
    }
}

/* --- the rest -------------------------------------------------------------------------------------- */

/* x86 lets a load pass an earlier store, and nothing else: only a barrier of both kinds does anything. */
static void barrier(struct translation_state *t)
{
    const unsigned kinds = t->insn->word >> 8 & 3; /* 1: loads, 2: stores, 3 and 0: all */
    if (t->cpu->parallel && kinds != 1 && kinds != 2)
        x64_mfence(t->c);
}

static enum outcome end_if(struct translation_state *t, bool translated)
{
    if (!translated)
        return LEFT_TO_EXEC;
    go_on(t);
    return ENDED;
}

enum outcome translate_system(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_dsb:
        if (t->cpu->parallel)
            return LEFT_TO_EXEC; /* it awaits what other CPUs were asked for */
        return TRANSLATED;
    case OP_dmb: barrier(t); return TRANSLATED;
    case OP_dgh:
    case OP_esb:
    case OP_psb:
    case OP_tsb:
    case OP_ssbb:
    case OP_pssbb:
    case OP_sb:
    case OP_prfm_imm:
    case OP_prfm_un:
    case OP_prfm_rx:
    case OP_prfm_rw:
    case OP_prfm_lit: return TRANSLATED;
    case OP_clrex: x64_store_imm(t->c, 0, HOST_CPU, CPU_OFFSET(exclusive.size), 0); return TRANSLATED;
    case OP_isb: return end_if(t, !t->cpu->parallel); /* whose engine looks there whether code has changed */
    case OP_mrs: return read_register(t) ? TRANSLATED : LEFT_TO_EXEC;
    case OP_msr: return end_if(t, write_register(t));
    case OP_msr_daifset:
    case OP_msr_daifclr:
        change_daif(t, t->insn->op == OP_msr_daifset);
        go_on(t);
        return ENDED;
    case OP_msr_ssbs: set_field(t, CPU_OFFSET(pstate.ssbs)); return TRANSLATED;
    case OP_msr_dit: set_field(t, CPU_OFFSET(pstate.dit)); return TRANSLATED;
    case OP_msr_uao: set_uao(t); return end_if(t, true);
    case OP_msr_spsel: return end_if(t, select_stack_pointer(t));
    case OP_msr_pan: return end_if(t, change_pan(t));
    default: return LEFT_TO_EXEC;
    }
}
