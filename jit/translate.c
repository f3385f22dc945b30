/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a decoded block to x86-64 code, one instruction after the other.
 *
 * The code keeps the interpreter's bargain (isa/arm64/cpu.h): pc and icount are those of the block's end while it runs.
 * So any instruction can be left to its exec_ function, and a fault finds all it needs; what is translated here
 * only has to do the same faster. A load at x1 becomes
 *
 *     lea rax, [rsi + 8]                 the address (x1 is in rsi)
 *     mov ecx, eax ; shr ecx, 7 ; and ecx, 0x7fe0 ; add rcx, r15          its TLB entry
 *     mov rdx, [rcx] ; xor rdx, rax ; cmp rdx, 4096 - 8 ; ja slow         page and crossing in one compare
 *     add rax, [rcx + 16]
 *     mov rbx, [rax]
 *   slow (out of line): call_plain the exec_ function, then on behind the load.
 *
 * A comparison leaves its flags in the state and, until the next instruction that changes them, in the host. */
#include "jit/translate.h"
#include "interp/block.h"
#include "isa/arm64/cpu.h"

#define MAX_SLOW_PATHS (3 * BLOCK_MAX_INSNS)

/* A conditional way out of line: to the exec_ function of an instruction and back. */
struct slow_path {
    uint8_t *jump_end;
    uint8_t *resume;
    const struct insn *insn;
};

/* What the host's flags are now. */
enum host_flags { FLAGS_UNKNOWN, FLAGS_OF_ADD, FLAGS_OF_SUB, FLAGS_OF_LOGIC };

struct translation_state {
    struct x64 *c;
    const struct stubs *stubs;
    const struct cpu *cpu;
    const struct block *block;
    const struct insn *insn;
    enum host_flags flags;
    bool fp_checked;
    struct slow_path slow[MAX_SLOW_PATHS];
    unsigned slow_count, slow_first; /* slow_first: of the present instruction */
    struct translation_result *result;
};

#define CPU_OFFSET(member) ((int32_t)offsetof(struct cpu, member))

/* --- registers ------------------------------------------------------------------------------------- */

static int32_t offset_of(unsigned reg)
{
    return (int32_t)(offsetof(struct cpu, x) + 8 * reg);
}

static int32_t vector_offset(unsigned reg)
{
    return (int32_t)(offsetof(struct cpu, v) + 16 * reg);
}

/* The host register that holds guest register `reg`: its own, or `temp`, loaded. Flags stay. */
static unsigned use(struct translation_state *t, unsigned reg, unsigned temp)
{
    if (pin_of[reg] >= 0)
        return (unsigned)pin_of[reg];
    if (reg == REG_ZERO)
        x64_mov_imm(t->c, temp, 0);
    else
        x64_load(t->c, 1, temp, HOST_CPU, offset_of(reg));
    return temp;
}

/* A copy of guest register `reg` in `temp`, to be changed there. */
static void copy(struct translation_state *t, unsigned reg, unsigned temp)
{
    unsigned host = use(t, reg, temp);
    if (host != temp)
        x64_mov(t->c, 1, temp, host);
}

/* The host register to compute guest register `reg` in; done() takes it from there. */
static unsigned destination(unsigned reg, unsigned temp)
{
    return pin_of[reg] >= 0 ? (unsigned)pin_of[reg] : temp;
}

static void done(struct translation_state *t, unsigned reg, unsigned host)
{
    if (pin_of[reg] >= 0) {
        if (host != (unsigned)pin_of[reg])
            x64_mov(t->c, 1, (unsigned)pin_of[reg], host);
    } else if (reg != REG_SINK) {
        x64_store(t->c, 1, host, HOST_CPU, offset_of(reg));
    }
}

/* --- leaving to exec_ ------------------------------------------------------------------------------ */

static void load_plain(struct translation_state *t, const struct insn *insn)
{
    x64_mov_imm(t->c, RAX, (uint64_t)interp_plain_of(insn));
    x64_mov_imm(t->c, RCX, (uint64_t)insn);
}

static void call_stub(struct translation_state *t, uint64_t stub)
{
    x64_byte(t->c, 0xe8);
    x64_imm32(t->c, (int64_t)(stub - (x64_here(t->c) + 4)));
}

/* Where `cc` holds, the present instruction is done by its exec_ function instead. */
static void slow_if(struct translation_state *t, enum x64_cc cc)
{
    t->slow[t->slow_count++] = (struct slow_path){x64_jcc(t->c, cc), NULL, t->insn};
}

static void emit_slow_paths(struct translation_state *t)
{
    for (unsigned i = 0; i < t->slow_count; i++) {
        const struct slow_path *slow = &t->slow[i];
        x64_bind(t->c, slow->jump_end);
        /* Several ways out of one instruction share the code. */
        while (i + 1 < t->slow_count && t->slow[i + 1].insn == slow->insn)
            x64_bind(t->c, t->slow[++i].jump_end);
        load_plain(t, slow->insn);
        call_stub(t, t->stubs->call_plain);
        uint8_t *back = x64_jmp(t->c);
        if (!t->c->full)
            x64_patch(back, t->slow[i].resume);
    }
}

/* --- flags and conditions -------------------------------------------------------------------------- */

#define FLAG(member) CPU_OFFSET(nzcv.member)

/* The host's flags, just set by an operation of this kind, are the guest's. */
static void set_flags(struct translation_state *t, enum host_flags kind)
{
    x64_setcc_store(t->c, CC_S, HOST_CPU, FLAG(n));
    x64_setcc_store(t->c, CC_E, HOST_CPU, FLAG(z));
    x64_setcc_store(t->c, kind == FLAGS_OF_SUB ? CC_AE : CC_B, HOST_CPU, FLAG(c));
    x64_setcc_store(t->c, CC_O, HOST_CPU, FLAG(v));
    t->flags = kind;
}

/* The host condition for a guest condition while the host's flags are the guest's, or -1. */
static int live_condition(enum host_flags flags, unsigned cond)
{
    static const int8_t of_sub[14] = {CC_E, CC_NE, CC_AE, CC_B, CC_S,  CC_NS, CC_O,
                                      CC_NO, CC_A, CC_BE, CC_GE, CC_L, CC_G,  CC_LE};
    static const int8_t of_add[14] = {CC_E, CC_NE, CC_B, CC_AE, CC_S,  CC_NS, CC_O,
                                      CC_NO, -1,   -1,   CC_GE, CC_L, CC_G,  CC_LE};
    if (flags == FLAGS_UNKNOWN)
        return -1;
    return flags == FLAGS_OF_SUB ? of_sub[cond] : of_add[cond];
}

/* Makes the host's flags show guest condition `cond` (0 to 13); returns the host condition. Uses rax. */
static enum x64_cc condition(struct translation_state *t, unsigned cond)
{
    int live = live_condition(t->flags, cond);
    if (live >= 0)
        return (enum x64_cc)live;
    struct x64 *c = t->c;
    enum x64_cc cc = CC_NE;
    t->flags = FLAGS_UNKNOWN;
    switch (cond >> 1) {
    case 0: x64_cmp_byte(c, HOST_CPU, FLAG(z), 0); break;
    case 1: x64_cmp_byte(c, HOST_CPU, FLAG(c), 0); break;
    case 2: x64_cmp_byte(c, HOST_CPU, FLAG(n), 0); break;
    case 3: x64_cmp_byte(c, HOST_CPU, FLAG(v), 0); break;
    case 4: /* C && !Z: C > Z */
        x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(c));
        x64_rm(c, 0, 0, 0x3a, RAX, HOST_CPU, FLAG(z), false);
        cc = CC_A;
        break;
    case 5: /* N == V */
        x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(n));
        x64_rm(c, 0, 0, 0x3a, RAX, HOST_CPU, FLAG(v), false);
        cc = CC_E;
        break;
    default: /* !Z && N == V */
        x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(n));
        x64_rm(c, 0, 0, 0x32, RAX, HOST_CPU, FLAG(v), false);
        x64_rm(c, 0, 0, 0x0a, RAX, HOST_CPU, FLAG(z), false);
        cc = CC_E;
        break;
    }
    return cond & 1 ? cc ^ 1 : cc;
}

/* --- data processing ------------------------------------------------------------------------------- */

/* rd = rn op host register `m` (which may be rcx). */
static void alu_host(struct translation_state *t, unsigned w, enum x64_alu op, unsigned rd, unsigned rn, unsigned m)
{
    unsigned n = use(t, rn, RAX), d = destination(rd, RAX);
    if (d != n) {
        if (d == m)
            d = RAX;
        if (d != n)
            x64_mov(t->c, w, d, n);
    }
    x64_alu(t->c, w, op, d, m);
    done(t, rd, d);
}

static void alu_reg(struct translation_state *t, enum x64_alu op, enum host_flags sets)
{
    const struct insn *insn = t->insn;
    unsigned w = insn->sf;
    if (op == ALU_ADD && !sets && pin_of[insn->rn] >= 0 && pin_of[insn->rm] >= 0) {
        unsigned d = destination(insn->rd, RAX);
        x64_lea_indexed(t->c, w, d, (unsigned)pin_of[insn->rn], (unsigned)pin_of[insn->rm], 0);
        done(t, insn->rd, d);
        return;
    }
    alu_host(t, w, op, insn->rd, insn->rn, use(t, insn->rm, RCX));
    if (sets)
        set_flags(t, sets);
    else
        t->flags = FLAGS_UNKNOWN;
}

static void alu_imm(struct translation_state *t, enum x64_alu op, enum host_flags sets)
{
    const struct insn *insn = t->insn;
    unsigned w = insn->sf;
    int64_t imm = w ? insn->imm : (int32_t)insn->imm;
    if (imm != (int32_t)imm) {
        x64_mov_imm(t->c, RCX, (uint64_t)imm);
        alu_host(t, w, op, insn->rd, insn->rn, RCX);
    } else if (!sets && (op == ALU_ADD || op == ALU_SUB)) {
        unsigned n = use(t, insn->rn, RAX), d = destination(insn->rd, RAX);
        x64_lea(t->c, w, d, n, (int32_t)(op == ALU_ADD ? imm : -imm));
        done(t, insn->rd, d);
        return; /* and the flags are as they were */
    } else if (op == ALU_SUB && insn->rd == REG_SINK) {
        x64_alu_imm(t->c, w, ALU_CMP, use(t, insn->rn, RAX), (int32_t)imm);
    } else {
        unsigned n = use(t, insn->rn, RAX), d = destination(insn->rd, RAX);
        if (d != n)
            x64_mov(t->c, w, d, n);
        x64_alu_imm(t->c, w, op, d, (int32_t)imm);
        done(t, insn->rd, d);
    }
    if (sets)
        set_flags(t, sets);
    else
        t->flags = FLAGS_UNKNOWN;
}

/* The shifted second operand, in rcx. */
static void shifted(struct translation_state *t, bool inverted)
{
    static const uint8_t shifts[4] = {SHIFT_SHL, SHIFT_SHR, SHIFT_SAR, SHIFT_ROR};
    const struct insn *insn = t->insn;
    copy(t, insn->rm, RCX);
    if (insn->amount)
        x64_shift_imm(t->c, insn->sf, shifts[insn->opt & 3], RCX, insn->amount);
    if (inverted)
        x64_not(t->c, insn->sf, RCX);
}

static void extended(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    unsigned m = use(t, insn->rm, RCX);
    if (insn->size < 3)
        x64_extend(t->c, insn->size, insn->opt, insn->opt, RCX, m);
    else if (m != RCX)
        x64_mov(t->c, 1, RCX, m);
    if (insn->amount)
        x64_shift_imm(t->c, 1, SHIFT_SHL, RCX, insn->amount);
}

static void alu_rcx(struct translation_state *t, enum x64_alu op, enum host_flags sets)
{
    alu_host(t, t->insn->sf, op, t->insn->rd, t->insn->rn, RCX);
    if (sets)
        set_flags(t, sets);
    else
        t->flags = FLAGS_UNKNOWN;
}

/* ADC, SBC: the carry goes into the host's first. */
static void with_carry(struct translation_state *t, bool subtract, bool sets)
{
    const struct insn *insn = t->insn;
    copy(t, insn->rn, RAX);
    unsigned m = use(t, insn->rm, RDX);
    if (subtract) {
        x64_cmp_byte(t->c, HOST_CPU, FLAG(c), 1);
    } else {
        x64_load_sized(t->c, 0, false, 0, RCX, HOST_CPU, FLAG(c));
        x64_alu_imm(t->c, 0, ALU_ADD, RCX, -1);
    }
    x64_alu(t->c, insn->sf, subtract ? ALU_SBB : ALU_ADC, RAX, m);
    done(t, insn->rd, RAX);
    if (sets)
        set_flags(t, subtract ? FLAGS_OF_SUB : FLAGS_OF_ADD);
    else
        t->flags = FLAGS_UNKNOWN;
}

static void mov_reg(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    unsigned m = use(t, insn->rm, RAX), d = destination(insn->rd, insn->sf ? m : RAX);
    if (d != m || !insn->sf)
        x64_mov(t->c, insn->sf, d, m);
    done(t, insn->rd, d);
}

static void mov_constant(struct translation_state *t)
{
    unsigned d = destination(t->insn->rd, RAX);
    x64_mov_imm(t->c, d, (uint64_t)t->insn->imm);
    done(t, t->insn->rd, d);
}

static void movk(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    copy(t, insn->rd, RAX);
    x64_mov_imm(t->c, RCX, ~(0xffffull << insn->amount));
    x64_alu(t->c, insn->sf, ALU_AND, RAX, RCX);
    if (insn->imm) {
        x64_mov_imm(t->c, RCX, (uint64_t)insn->imm);
        x64_alu(t->c, insn->sf, ALU_OR, RAX, RCX);
    }
    done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

static void pc_relative(struct translation_state *t, bool page)
{
    const struct insn *insn = t->insn;
    unsigned d = destination(insn->rd, RAX);
    x64_load(t->c, 1, d, HOST_CPU, CPU_OFFSET(pc));
    int64_t offset = insn->imm - 4ll * insn->left;
    if (page) {
        x64_lea(t->c, 1, d, d, -4 * insn->left);
        x64_alu_imm(t->c, 1, ALU_AND, d, -4096);
        t->flags = FLAGS_UNKNOWN;
        offset = insn->imm;
    }
    if (offset == (int32_t)offset) {
        x64_lea(t->c, 1, d, d, (int32_t)offset);
    } else {
        x64_mov_imm(t->c, RCX, (uint64_t)offset);
        x64_alu(t->c, 1, ALU_ADD, d, RCX);
        t->flags = FLAGS_UNKNOWN;
    }
    done(t, insn->rd, d);
}

/* UBFM and SBFM: left, then right (see exec_base.c); 32-bit shifts where the upper half is only passed through. */
static void bitfield(struct translation_state *t, bool sign)
{
    const struct insn *insn = t->insn;
    enum x64_shift right = sign ? SHIFT_SAR : SHIFT_SHR;
    unsigned left_by = insn->amount, right_by = insn->opt;
    unsigned n = use(t, insn->rn, RAX), d = destination(insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
    if (left_by == right_by && (left_by == 56 || left_by == 48 || left_by == 32)) {
        x64_extend(t->c, left_by == 56 ? 0 : left_by == 48 ? 1 : 2, sign, insn->sf, d, n);
        if (!insn->sf && sign && left_by == 32)
            x64_mov(t->c, 0, d, d);
    } else if (left_by == 32 && right_by > 32 && (!sign || !insn->sf)) {
        x64_mov(t->c, 0, d, n);
        x64_shift_imm(t->c, 0, right, d, right_by - 32);
    } else {
        if (d != n)
            x64_mov(t->c, 1, d, n);
        if (left_by)
            x64_shift_imm(t->c, 1, SHIFT_SHL, d, left_by);
        if (right_by)
            x64_shift_imm(t->c, 1, right, d, right_by);
        if (sign && !insn->sf)
            x64_mov(t->c, 0, d, d);
    }
    done(t, insn->rd, d);
}

static void bfm(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    copy(t, insn->rn, RAX);
    if (insn->amount)
        x64_shift_imm(t->c, insn->sf, SHIFT_ROR, RAX, insn->amount);
    x64_mov_imm(t->c, RCX, (uint64_t)insn->imm);
    x64_alu(t->c, insn->sf, ALU_AND, RAX, RCX);
    x64_not(t->c, 1, RCX);
    x64_alu(t->c, insn->sf, ALU_AND, RCX, use(t, insn->rd, RDX));
    x64_alu(t->c, insn->sf, ALU_OR, RAX, RCX);
    done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

static void extr(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    copy(t, insn->rm, RAX);
    if (insn->amount)
        x64_shrd(t->c, insn->sf, RAX, use(t, insn->rn, RCX), insn->amount);
    else if (!insn->sf)
        x64_mov(t->c, 0, RAX, RAX);
    done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

enum select { SELECT_PLAIN, SELECT_INCREMENT, SELECT_INVERT, SELECT_NEGATE };

static void select(struct translation_state *t, enum select kind)
{
    const struct insn *insn = t->insn;
    unsigned w = insn->sf;
    bool always = insn->opt >= 14;
    enum x64_cc cc = always ? CC_E : condition(t, insn->opt);
    /* From here to the cmov nothing touches the flags. */
    copy(t, insn->rm, RCX);
    if (kind == SELECT_INVERT || kind == SELECT_NEGATE)
        x64_not(t->c, w, RCX);
    if (kind == SELECT_INCREMENT || kind == SELECT_NEGATE)
        x64_lea(t->c, w, RCX, RCX, 1);
    copy(t, insn->rn, RAX);
    if (always)
        x64_mov(t->c, w, RAX, RAX);
    else
        x64_cmov(t->c, w, cc ^ 1, RAX, RCX);
    done(t, insn->rd, RAX);
}

static void conditional_compare(struct translation_state *t, enum x64_alu op, bool immediate)
{
    const struct insn *insn = t->insn;
    uint8_t *otherwise = NULL;
    if (insn->opt < 14) {
        enum x64_cc cc = condition(t, insn->opt);
        otherwise = x64_jcc(t->c, cc ^ 1);
    }
    copy(t, insn->rn, RAX);
    if (immediate)
        x64_alu_imm(t->c, insn->sf, op, RAX, (int32_t)insn->imm);
    else
        x64_alu(t->c, insn->sf, op, RAX, use(t, insn->rm, RCX));
    set_flags(t, op == ALU_ADD ? FLAGS_OF_ADD : FLAGS_OF_SUB);
    if (otherwise) {
        uint8_t *end = x64_jmp(t->c);
        x64_bind(t->c, otherwise);
        unsigned f = insn->amount;
        x64_rm(t->c, 0, 0, 0xc7, 0, HOST_CPU, CPU_OFFSET(nzcv), false);
        x64_imm32(t->c, f >> 3 | (f >> 2 & 1) << 8 | (f >> 1 & 1) << 16 | (f & 1) << 24);
        x64_bind(t->c, end);
        t->flags = FLAGS_UNKNOWN;
    }
}

static void variable_shift(struct translation_state *t, enum x64_shift op)
{
    const struct insn *insn = t->insn;
    copy(t, insn->rm, RCX);
    copy(t, insn->rn, RAX);
    x64_shift_cl(t->c, insn->sf, op, RAX);
    if (!insn->sf)
        x64_mov(t->c, 0, RAX, RAX); /* a shift by 0 leaves the upper half */
    done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

static void multiply_add(struct translation_state *t, bool subtract)
{
    const struct insn *insn = t->insn;
    unsigned w = insn->sf;
    copy(t, insn->rn, RAX);
    x64_imul(t->c, w, RAX, use(t, insn->rm, RCX));
    t->flags = FLAGS_UNKNOWN;
    if (subtract) {
        copy(t, insn->ra, RCX);
        x64_alu(t->c, w, ALU_SUB, RCX, RAX);
        done(t, insn->rd, RCX);
        return;
    }
    if (insn->ra != REG_ZERO)
        x64_alu(t->c, w, ALU_ADD, RAX, use(t, insn->ra, RCX));
    done(t, insn->rd, RAX);
}

static void multiply_long(struct translation_state *t, bool sign, bool subtract)
{
    const struct insn *insn = t->insn;
    x64_extend(t->c, 2, sign, 1, RAX, use(t, insn->rn, RAX));
    x64_extend(t->c, 2, sign, 1, RCX, use(t, insn->rm, RCX));
    x64_imul(t->c, 1, RAX, RCX);
    t->flags = FLAGS_UNKNOWN;
    if (subtract) {
        copy(t, insn->ra, RCX);
        x64_alu(t->c, 1, ALU_SUB, RCX, RAX);
        done(t, insn->rd, RCX);
        return;
    }
    if (insn->ra != REG_ZERO)
        x64_alu(t->c, 1, ALU_ADD, RAX, use(t, insn->ra, RCX));
    done(t, insn->rd, RAX);
}

static void multiply_high(struct translation_state *t, bool sign)
{
    const struct insn *insn = t->insn;
    copy(t, insn->rn, RAX);
    x64_mul_wide(t->c, sign, use(t, insn->rm, RCX));
    done(t, insn->rd, RDX);
    t->flags = FLAGS_UNKNOWN;
}

static void divide(struct translation_state *t, bool sign)
{
    const struct insn *insn = t->insn;
    unsigned w = insn->sf;
    struct x64 *c = t->c;
    copy(t, insn->rm, RCX);
    copy(t, insn->rn, RAX);
    uint8_t *negate = NULL, *negated = NULL;
    x64_test(c, w, RCX, RCX);
    uint8_t *by_zero = x64_jcc(c, CC_E);
    if (sign) {
        x64_alu_imm(c, w, ALU_CMP, RCX, -1);
        negate = x64_jcc(c, CC_E);
        x64_sign_of_rax(c, w);
    } else {
        x64_alu(c, 0, ALU_XOR, RDX, RDX);
    }
    x64_div(c, w, sign, RCX);
    uint8_t *divided = x64_jmp(c);
    if (sign) {
        x64_bind(c, negate);
        x64_neg(c, w, RAX);
        negated = x64_jmp(c);
    }
    x64_bind(c, by_zero);
    x64_alu(c, 0, ALU_XOR, RAX, RAX);
    x64_bind(c, divided);
    if (negated)
        x64_bind(c, negated);
    done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

static void count_leading_zeros(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    unsigned bits = insn->sf ? 64 : 32;
    x64_bsr(t->c, insn->sf, RAX, use(t, insn->rn, RCX));
    x64_mov_imm(t->c, RDX, 2 * bits - 1);
    x64_cmov(t->c, 1, CC_E, RAX, RDX);
    x64_alu_imm(t->c, 0, ALU_XOR, RAX, (int32_t)bits - 1);
    done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

static void reverse_bytes(struct translation_state *t, unsigned w, bool halves)
{
    copy(t, t->insn->rn, RAX);
    x64_bswap(t->c, w, RAX);
    if (halves) {
        x64_shift_imm(t->c, 1, SHIFT_ROL, RAX, 32);
        t->flags = FLAGS_UNKNOWN;
    }
    done(t, t->insn->rd, RAX);
}

/* --- memory ---------------------------------------------------------------------------------------- */

/* rax is a guest address: makes it the host's for an access of `bytes` bytes, or takes the slow path. */
static void translate_address(struct translation_state *t, unsigned bytes, bool write)
{
    struct x64 *c = t->c;
    const unsigned entry_bits = 5;
    _Static_assert(sizeof(struct tlb_entry) == 32, "the index below is scaled by the entry's size");
    x64_mov(c, 0, RCX, RAX);
    x64_shift_imm(c, 0, SHIFT_SHR, RCX, 12 - entry_bits);
    x64_alu_imm(c, 0, ALU_AND, RCX, (TLB_ENTRIES - 1) << entry_bits);
    x64_alu(c, 1, ALU_ADD, RCX, HOST_TLB);
    x64_load(c, 1, RDX, RCX, write ? offsetof(struct tlb_entry, write_tag) : offsetof(struct tlb_entry, read_tag));
    x64_alu(c, 1, ALU_XOR, RDX, RAX);
    x64_alu_imm(c, 1, ALU_CMP, RDX, (int32_t)(PAGE_SIZE_BYTES - bytes));
    slow_if(t, CC_A);
    x64_alu_load(c, 1, ALU_ADD, RAX, RCX, offsetof(struct tlb_entry, addend));
    t->flags = FLAGS_UNKNOWN;
}

/* The base register's address plus `offset`, in rax, with the SP alignment check. */
static void address_at(struct translation_state *t, int32_t offset)
{
    unsigned n = use(t, t->insn->rn, RAX);
    if (t->insn->rn == REG_SP) {
        x64_test_imm(t->c, 0, n, 15);
        slow_if(t, CC_NE);
    }
    if (offset || n != RAX)
        x64_lea(t->c, 1, RAX, n, offset);
}

/* FP access is checked once a block: what it depends on changes only at the end of one. */
static void check_fp(struct translation_state *t)
{
    if (t->fp_checked)
        return;
    x64_load(t->c, 0, RAX, HOST_CPU, CPU_OFFSET(sys.CPACR_EL1));
    x64_not(t->c, 0, RAX);
    x64_test_imm(t->c, 0, RAX, 3 << 20);
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
    t->fp_checked = true;
}

enum transfer { LOAD, LOAD_SIGNED_64, LOAD_SIGNED_32, STORE, LOAD_VECTOR, STORE_VECTOR };

static bool is_vector(enum transfer kind)
{
    return kind >= LOAD_VECTOR;
}

/* Moves one register from or to host memory at [rax + offset]. */
static void transfer(struct translation_state *t, enum transfer kind, unsigned reg, unsigned size, int32_t offset)
{
    struct x64 *c = t->c;
    switch (kind) {
    case LOAD:
    case LOAD_SIGNED_64:
    case LOAD_SIGNED_32: {
        unsigned d = destination(reg, RCX);
        x64_load_sized(c, size, kind != LOAD, kind == LOAD_SIGNED_64, d, RAX, offset);
        done(t, reg, d);
        break;
    }
    case STORE: x64_store_sized(c, size, use(t, reg, RCX), RAX, offset); break;
    case LOAD_VECTOR:
        if (size == 4) {
            x64_movdqu_load(c, 0, RAX, offset);
            x64_movdqu_store(c, 0, HOST_CPU, vector_offset(reg));
            break;
        }
        x64_load_sized(c, size, false, 0, RCX, RAX, offset);
        x64_store(c, 1, RCX, HOST_CPU, vector_offset(reg));
        x64_rm(c, 0, 1, 0xc7, 0, HOST_CPU, vector_offset(reg) + 8, false);
        x64_imm32(c, 0);
        break;
    case STORE_VECTOR:
        if (size == 4) {
            x64_movdqu_load(c, 0, HOST_CPU, vector_offset(reg));
            x64_movdqu_store(c, 0, RAX, offset);
            break;
        }
        x64_load(c, 1, RCX, HOST_CPU, vector_offset(reg));
        x64_store_sized(c, size, RCX, RAX, offset);
        break;
    }
}

enum indexing { OFFSET, PRE_INDEX, POST_INDEX };

static bool is_store(enum transfer kind)
{
    return kind == STORE || kind == STORE_VECTOR;
}

/* One or two registers at the base register plus an immediate. False: a form for exec_ alone. */
static bool access_imm(struct translation_state *t, enum transfer kind, unsigned count, enum indexing indexing)
{
    const struct insn *insn = t->insn;
    unsigned size = insn->size;
    bool clashes = !is_vector(kind) && (insn->rd == insn->rn || (count == 2 && insn->ra == insn->rn));
    if (indexing != OFFSET && clashes)
        return false;
    if (count == 2 && !is_store(kind) && insn->rd == insn->ra)
        return false;
    if (is_vector(kind))
        check_fp(t);
    address_at(t, indexing == POST_INDEX ? 0 : (int32_t)insn->imm);
    translate_address(t, count << size, is_store(kind));
    transfer(t, kind, insn->rd, size, 0);
    if (count == 2)
        transfer(t, kind, insn->ra, size, 1 << size);
    if (indexing != OFFSET) {
        unsigned n = use(t, insn->rn, RAX);
        x64_lea(t->c, 1, n, n, (int32_t)insn->imm);
        done(t, insn->rn, n);
    }
    return true;
}

/* One register at the base register plus an index: whole, or a word extended. */
static bool access_index(struct translation_state *t, enum transfer kind, bool word)
{
    const struct insn *insn = t->insn;
    if (insn->rn == REG_SP || insn->amount > 3)
        return false; /* with its check, or too long a shift: rare */
    if (is_vector(kind))
        check_fp(t);
    unsigned m = use(t, insn->rm, RCX);
    if (word) {
        x64_extend(t->c, 2, insn->opt, 1, RCX, m);
        m = RCX;
    }
    x64_lea_indexed(t->c, 1, RAX, use(t, insn->rn, RAX), m, insn->amount);
    translate_address(t, 1u << insn->size, is_store(kind));
    transfer(t, kind, insn->rd, insn->size, 0);
    return true;
}

static void access_literal(struct translation_state *t, enum transfer kind, unsigned size)
{
    if (is_vector(kind))
        check_fp(t);
    x64_load(t->c, 1, RAX, HOST_CPU, CPU_OFFSET(pc));
    x64_lea(t->c, 1, RAX, RAX, (int32_t)(t->insn->imm - 4 * t->insn->left));
    translate_address(t, 1u << size, false);
    transfer(t, kind, t->insn->rd, size, 0);
}

/* --- ends of blocks -------------------------------------------------------------------------------- */

/* pc is in rax and in the state: on to its block where the lookups know it. */
static void jump_by_lookup(struct translation_state *t)
{
    struct x64 *c = t->c;
    _Static_assert(sizeof(struct lookup) == 32, "the index below is scaled by the entry's size");
    x64_mov(c, 1, RCX, RAX);
    x64_shift_imm(c, 1, SHIFT_SHR, RCX, 2);
    x64_mov(c, 1, RDX, RAX);
    x64_shift_imm(c, 1, SHIFT_SHR, RDX, 14);
    x64_alu(c, 0, ALU_XOR, RCX, RDX);
    x64_alu_imm(c, 0, ALU_AND, RCX, LOOKUP_ENTRIES - 1);
    x64_shift_imm(c, 0, SHIFT_SHL, RCX, 5);
    x64_alu_load(c, 1, ALU_ADD, RCX, HOST_CPU, CPU_OFFSET(lookups));
    x64_alu_load(c, 1, ALU_CMP, RAX, RCX, offsetof(struct lookup, pc));
    x64_jcc_to(c, CC_NE, t->stubs->leave);
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(code_key));
    x64_alu_load(c, 1, ALU_CMP, RDX, RCX, offsetof(struct lookup, key));
    x64_jcc_to(c, CC_NE, t->stubs->leave);
    x64_load(c, 1, RCX, RCX, offsetof(struct lookup, block));
    x64_jmp_mem(c, RCX, offsetof(struct block, native_entry));
}

/* On to the block at `distance` bytes from this block's end. Within the page it is one and the same whenever this
 * code runs, so the jump can be direct. */
static void jump_direct(struct translation_state *t, int64_t distance)
{
    uint64_t end = t->block->physical + 4ull * t->block->count, target = end + (uint64_t)distance;
    if ((target ^ t->block->physical) < PAGE_SIZE_BYTES) {
        if (distance)
            x64_alu_imm_store(t->c, 1, ALU_ADD, HOST_CPU, CPU_OFFSET(pc), (int32_t)distance);
        uint8_t *jump = x64_jmp(t->c);
        struct translation_result *result = t->result;
        result->links[result->link_count++] = (struct link){jump, target};
        return;
    }
    x64_load(t->c, 1, RAX, HOST_CPU, CPU_OFFSET(pc));
    if (distance) {
        x64_lea(t->c, 1, RAX, RAX, (int32_t)distance);
        x64_store(t->c, 1, RAX, HOST_CPU, CPU_OFFSET(pc));
    }
    jump_by_lookup(t);
}

/* `not_taken` is the jump, not yet bound, of the case that the branch is not taken. */
static void branch_both(struct translation_state *t, uint8_t *not_taken)
{
    jump_direct(t, t->insn->imm - 4);
    x64_bind(t->c, not_taken);
    jump_direct(t, 0);
}

static void branch_indirect(struct translation_state *t, bool link)
{
    copy(t, t->insn->rn, RAX);
    if (link) {
        x64_load(t->c, 1, RCX, HOST_CPU, CPU_OFFSET(pc));
        done(t, 30, RCX);
    }
    x64_store(t->c, 1, RAX, HOST_CPU, CPU_OFFSET(pc));
    jump_by_lookup(t);
}

/* --- one instruction ------------------------------------------------------------------------------- */

enum outcome { LEFT_TO_EXEC, TRANSLATED, ENDED };

static enum outcome translate_branch(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    bool bti = has_feature(&t->cpu->features, FEAT_BTI);
    switch (insn->op) {
    case OP_b: jump_direct(t, insn->imm - 4); return ENDED;
    case OP_bl: {
        unsigned d = destination(30, RAX);
        x64_load(t->c, 1, d, HOST_CPU, CPU_OFFSET(pc));
        done(t, 30, d);
        jump_direct(t, insn->imm - 4);
        return ENDED;
    }
    case OP_b_cond:
        if (insn->opt >= 14)
            jump_direct(t, insn->imm - 4);
        else
            branch_both(t, x64_jcc(t->c, condition(t, insn->opt) ^ 1));
        return ENDED;
    case OP_cbz:
    case OP_cbnz: {
        unsigned n = use(t, insn->rn, RAX);
        x64_test(t->c, insn->sf, n, n);
        branch_both(t, x64_jcc(t->c, insn->op == OP_cbz ? CC_NE : CC_E));
        return ENDED;
    }
    case OP_tbz:
    case OP_tbnz:
        x64_bit_test(t->c, use(t, insn->rn, RAX), insn->amount);
        branch_both(t, x64_jcc(t->c, insn->op == OP_tbz ? CC_B : CC_AE));
        return ENDED;
    case OP_ret: branch_indirect(t, false); return ENDED;
    case OP_br:
    case OP_blr:
        if (bti)
            return LEFT_TO_EXEC; /* they set BTYPE */
        branch_indirect(t, insn->op == OP_blr);
        return ENDED;
    default: return LEFT_TO_EXEC;
    }
}

static enum outcome translate_memory(struct translation_state *t)
{
#define ACCESS(prefix, kind)                                                                                 \
    case OP_##prefix##_imm:                                                                                  \
    case OP_##prefix##_un: return access_imm(t, kind, 1, OFFSET) ? TRANSLATED : LEFT_TO_EXEC;                \
    case OP_##prefix##_pre: return access_imm(t, kind, 1, PRE_INDEX) ? TRANSLATED : LEFT_TO_EXEC;            \
    case OP_##prefix##_post: return access_imm(t, kind, 1, POST_INDEX) ? TRANSLATED : LEFT_TO_EXEC;          \
    case OP_##prefix##_rx: return access_index(t, kind, false) ? TRANSLATED : LEFT_TO_EXEC;                  \
    case OP_##prefix##_rw: return access_index(t, kind, true) ? TRANSLATED : LEFT_TO_EXEC;
#define PAIR(prefix, suffix, kind)                                                                           \
    case OP_##prefix##suffix##_off: return access_imm(t, kind, 2, OFFSET) ? TRANSLATED : LEFT_TO_EXEC;       \
    case OP_##prefix##suffix##_pre: return access_imm(t, kind, 2, PRE_INDEX) ? TRANSLATED : LEFT_TO_EXEC;    \
    case OP_##prefix##suffix##_post: return access_imm(t, kind, 2, POST_INDEX) ? TRANSLATED : LEFT_TO_EXEC;
    switch (t->insn->op) {
        ACCESS(ldr, LOAD)
        ACCESS(str, STORE)
        ACCESS(ldrs64, LOAD_SIGNED_64)
        ACCESS(ldrs32, LOAD_SIGNED_32)
        ACCESS(ldrv, LOAD_VECTOR)
        ACCESS(strv, STORE_VECTOR)
        ACCESS(ldrq, LOAD_VECTOR)
        ACCESS(strq, STORE_VECTOR)
        PAIR(ldp, , LOAD)
        PAIR(stp, , STORE)
        PAIR(ldpsw, , LOAD_SIGNED_64)
        PAIR(ldp, v, LOAD_VECTOR)
        PAIR(stp, v, STORE_VECTOR)
    case OP_ldr_lit: access_literal(t, LOAD, 2 + t->insn->sf); return TRANSLATED;
    case OP_ldrsw_lit: access_literal(t, LOAD_SIGNED_64, 2); return TRANSLATED;
    case OP_ldrv_lit: access_literal(t, LOAD_VECTOR, t->insn->size); return TRANSLATED;
    case OP_prfm_imm:
    case OP_prfm_un:
    case OP_prfm_rx:
    case OP_prfm_rw:
    case OP_prfm_lit: return TRANSLATED;
    default: return LEFT_TO_EXEC;
    }
#undef ACCESS
#undef PAIR
}

static bool translate_data(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_adr: pc_relative(t, false); return true;
    case OP_adrp: pc_relative(t, true); return true;
    case OP_add_imm: alu_imm(t, ALU_ADD, FLAGS_UNKNOWN); return true;
    case OP_sub_imm: alu_imm(t, ALU_SUB, FLAGS_UNKNOWN); return true;
    case OP_adds_imm: alu_imm(t, ALU_ADD, FLAGS_OF_ADD); return true;
    case OP_subs_imm: alu_imm(t, ALU_SUB, FLAGS_OF_SUB); return true;
    case OP_and_imm: alu_imm(t, ALU_AND, FLAGS_UNKNOWN); return true;
    case OP_orr_imm: alu_imm(t, ALU_OR, FLAGS_UNKNOWN); return true;
    case OP_eor_imm: alu_imm(t, ALU_XOR, FLAGS_UNKNOWN); return true;
    case OP_ands_imm: alu_imm(t, ALU_AND, FLAGS_OF_LOGIC); return true;
    case OP_movz:
    case OP_movn: mov_constant(t); return true;
    case OP_movk: movk(t); return true;
    case OP_ubfm: bitfield(t, false); return true;
    case OP_sbfm: bitfield(t, true); return true;
    case OP_bfm: bfm(t); return true;
    case OP_extr: extr(t); return true;
    case OP_mov_reg: mov_reg(t); return true;
    case OP_add_reg: alu_reg(t, ALU_ADD, FLAGS_UNKNOWN); return true;
    case OP_sub_reg: alu_reg(t, ALU_SUB, FLAGS_UNKNOWN); return true;
    case OP_and_reg: alu_reg(t, ALU_AND, FLAGS_UNKNOWN); return true;
    case OP_orr_reg: alu_reg(t, ALU_OR, FLAGS_UNKNOWN); return true;
    case OP_eor_reg: alu_reg(t, ALU_XOR, FLAGS_UNKNOWN); return true;
    case OP_adds_reg: alu_reg(t, ALU_ADD, FLAGS_OF_ADD); return true;
    case OP_subs_reg: alu_reg(t, ALU_SUB, FLAGS_OF_SUB); return true;
    case OP_ands_reg: alu_reg(t, ALU_AND, FLAGS_OF_LOGIC); return true;
    case OP_add_shift: shifted(t, false); alu_rcx(t, ALU_ADD, FLAGS_UNKNOWN); return true;
    case OP_sub_shift: shifted(t, false); alu_rcx(t, ALU_SUB, FLAGS_UNKNOWN); return true;
    case OP_and_shift: shifted(t, false); alu_rcx(t, ALU_AND, FLAGS_UNKNOWN); return true;
    case OP_bic_shift: shifted(t, true); alu_rcx(t, ALU_AND, FLAGS_UNKNOWN); return true;
    case OP_orr_shift: shifted(t, false); alu_rcx(t, ALU_OR, FLAGS_UNKNOWN); return true;
    case OP_orn_shift: shifted(t, true); alu_rcx(t, ALU_OR, FLAGS_UNKNOWN); return true;
    case OP_eor_shift: shifted(t, false); alu_rcx(t, ALU_XOR, FLAGS_UNKNOWN); return true;
    case OP_eon_shift: shifted(t, true); alu_rcx(t, ALU_XOR, FLAGS_UNKNOWN); return true;
    case OP_adds_shift: shifted(t, false); alu_rcx(t, ALU_ADD, FLAGS_OF_ADD); return true;
    case OP_subs_shift: shifted(t, false); alu_rcx(t, ALU_SUB, FLAGS_OF_SUB); return true;
    case OP_ands_shift: shifted(t, false); alu_rcx(t, ALU_AND, FLAGS_OF_LOGIC); return true;
    case OP_bics_shift: shifted(t, true); alu_rcx(t, ALU_AND, FLAGS_OF_LOGIC); return true;
    case OP_add_ext: extended(t); alu_rcx(t, ALU_ADD, FLAGS_UNKNOWN); return true;
    case OP_sub_ext: extended(t); alu_rcx(t, ALU_SUB, FLAGS_UNKNOWN); return true;
    case OP_adds_ext: extended(t); alu_rcx(t, ALU_ADD, FLAGS_OF_ADD); return true;
    case OP_subs_ext: extended(t); alu_rcx(t, ALU_SUB, FLAGS_OF_SUB); return true;
    case OP_adc: with_carry(t, false, false); return true;
    case OP_adcs: with_carry(t, false, true); return true;
    case OP_sbc: with_carry(t, true, false); return true;
    case OP_sbcs: with_carry(t, true, true); return true;
    case OP_ccmn_reg: conditional_compare(t, ALU_ADD, false); return true;
    case OP_ccmn_imm: conditional_compare(t, ALU_ADD, true); return true;
    case OP_ccmp_reg: conditional_compare(t, ALU_SUB, false); return true;
    case OP_ccmp_imm: conditional_compare(t, ALU_SUB, true); return true;
    case OP_csel: select(t, SELECT_PLAIN); return true;
    case OP_csinc: select(t, SELECT_INCREMENT); return true;
    case OP_csinv: select(t, SELECT_INVERT); return true;
    case OP_csneg: select(t, SELECT_NEGATE); return true;
    case OP_lslv: variable_shift(t, SHIFT_SHL); return true;
    case OP_lsrv: variable_shift(t, SHIFT_SHR); return true;
    case OP_asrv: variable_shift(t, SHIFT_SAR); return true;
    case OP_rorv: variable_shift(t, SHIFT_ROR); return true;
    case OP_udiv: divide(t, false); return true;
    case OP_sdiv: divide(t, true); return true;
    case OP_madd: multiply_add(t, false); return true;
    case OP_msub: multiply_add(t, true); return true;
    case OP_smaddl: multiply_long(t, true, false); return true;
    case OP_smsubl: multiply_long(t, true, true); return true;
    case OP_umaddl: multiply_long(t, false, false); return true;
    case OP_umsubl: multiply_long(t, false, true); return true;
    case OP_smulh: multiply_high(t, true); return true;
    case OP_umulh: multiply_high(t, false); return true;
    case OP_clz: count_leading_zeros(t); return true;
    case OP_rev_w: reverse_bytes(t, 0, false); return true;
    case OP_rev_x: reverse_bytes(t, 1, false); return true;
    case OP_rev32: reverse_bytes(t, 1, true); return true;
    default: return false;
    }
}

static enum outcome translate_insn(struct translation_state *t)
{
    uint32_t flags = insn_infos[t->insn->op].flags;
    if (flags & INSN_BRANCH)
        return translate_branch(t);
    if (flags & INSN_MEMORY)
        return translate_memory(t);
    return translate_data(t) ? TRANSLATED : LEFT_TO_EXEC;
}

/* The block's share of icount and pc, where it ends before the limit. */
static void emit_entry(struct translation_state *t)
{
    struct x64 *c = t->c;
    x64_load(c, 1, RAX, HOST_CPU, CPU_OFFSET(icount));
    x64_lea(c, 1, RAX, RAX, (int32_t)t->block->count);
    x64_alu_load(c, 1, ALU_CMP, RAX, HOST_CPU, CPU_OFFSET(limit));
    x64_jcc_to(c, CC_A, t->stubs->leave);
    x64_store(c, 1, RAX, HOST_CPU, CPU_OFFSET(icount));
    x64_alu_imm_store(c, 1, ALU_ADD, HOST_CPU, CPU_OFFSET(pc), (int32_t)(4 * t->block->count));
}

bool translate_block(struct x64 *c, const struct stubs *stubs, const struct cpu *cpu, const struct block *block,
                     struct translation_result *result)
{
    struct translation_state t = {
        .c = c, .stubs = stubs, .cpu = cpu, .block = block, .flags = FLAGS_UNKNOWN, .result = result};
    result->link_count = 0;
    result->entry = x64_here(c);
    emit_entry(&t);
    result->body = x64_here(c);
    enum outcome outcome = TRANSLATED;
    for (unsigned i = 0; i < block->count && outcome != ENDED; i++) {
        t.insn = &block->insns[i];
        t.slow_first = t.slow_count;
        outcome = translate_insn(&t);
        if (outcome == LEFT_TO_EXEC) {
            load_plain(&t, t.insn);
            if (insn_infos[t.insn->op].flags & INSN_ENDS_BLOCK) {
                x64_jmp_to(c, stubs->end_plain);
                outcome = ENDED;
            } else {
                call_stub(&t, stubs->call_plain);
                t.flags = FLAGS_UNKNOWN;
            }
        }
        for (unsigned s = t.slow_first; s < t.slow_count; s++)
            t.slow[s].resume = c->at;
    }
    if (outcome != ENDED)
        jump_direct(&t, 0);
    emit_slow_paths(&t);
    return !c->full;
}
