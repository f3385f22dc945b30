/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Data processing: arithmetic, logic, shifts, selects, products. */
#include "jit/state.h"
#include "machine/contract/host.h"

/* rd = rn op host register `m` (which may be rcx). */
static void alu_host(struct translation_state *t, unsigned w, enum x64_alu op, unsigned rd, unsigned rn, unsigned m)
{
    unsigned n = general_use(t, rn, RAX), d = general_destination(t, rd, RAX);
    if (d != n && d == m && op != ALU_SUB) { /* the others take their operands either way round */
        x64_alu(t->c, w, op, d, n);
        general_done(t, rd, d);
        return;
    }
    if (d != n) {
        if (d == m)
            d = RAX;
        if (d != n)
            x64_mov(t->c, w, d, n);
    }
    x64_alu(t->c, w, op, d, m);
    general_done(t, rd, d);
}

/* rd = rn op rm */
static void alu_registers(struct translation_state *t, unsigned w, enum x64_alu op)
{
    const struct insn *insn = t->insn;
    int32_t at;
    if (op == ALU_SUB && insn->rn == REG_ZERO) { /* and the flags are those of the subtraction */
        const unsigned m = general_use(t, insn->rm, RAX), d = general_destination(t, insn->rd, RAX);
        if (d != m)
            x64_mov(t->c, w, d, m);
        x64_neg(t->c, w, d);
        general_done(t, insn->rd, d);
    } else if (general_in_state(t, insn->rm, &at)) {
        const unsigned n = general_use(t, insn->rn, RAX), d = general_destination(t, insn->rd, RAX);
        if (d != n)
            x64_mov(t->c, w, d, n);
        x64_alu_load(t->c, w, op, d, HOST_CPU, at);
        general_done(t, insn->rd, d);
    } else {
        alu_host(t, w, op, insn->rd, insn->rn, general_use(t, insn->rm, RCX));
    }
}

/* Sets the host's flags by rn - rm. */
static void compare_registers(struct translation_state *t, unsigned w)
{
    const struct insn *insn = t->insn;
    const unsigned n = general_use(t, insn->rn, RAX);
    int32_t at;
    if (general_in_state(t, insn->rm, &at))
        x64_alu_load(t->c, w, ALU_CMP, n, HOST_CPU, at);
    else
        x64_alu(t->c, w, ALU_CMP, n, general_use(t, insn->rm, RCX));
}

/* Which operation of flags.c it is. */
static unsigned flag_kind(enum x64_alu op)
{
    return op == ALU_ADD ? FLAG_KIND_ADD : op == ALU_SUB ? FLAG_KIND_SUB : FLAG_KIND_AND;
}

/* The flags of rd = rn op rm. */
static void flags_of_registers(struct translation_state *t, enum x64_alu op, enum host_flags sets)
{
    const struct insn *insn = t->insn;
    struct pending_flags flags = {.kind = flag_kind(op), .a = insn->rn, .b = insn->rm};
    if (insn->rd != REG_SINK && op == ALU_AND) {
        flags.a = flags.b = insn->rd;
    } else if (insn->rd == insn->rm) {
        set_flags(t, sets);
        return;
    } else if (insn->rd == insn->rn) {
        flags.of_result = true;
    }
    set_flags_of(t, flags);
}

static void alu_reg(struct translation_state *t, enum x64_alu op, enum host_flags sets)
{
    const struct insn *insn = t->insn;
    unsigned w = insn->sf;
    if (op == ALU_ADD && !sets && t->host_of[insn->rn] >= 0 && t->host_of[insn->rm] >= 0) {
        unsigned d = general_destination(t, insn->rd, RAX);
        x64_lea_indexed(t->c, w, d, (unsigned)t->host_of[insn->rn], (unsigned)t->host_of[insn->rm], 0);
        general_done(t, insn->rd, d);
        return;
    }
    if (sets && insn->rd == REG_SINK && op != ALU_ADD) {
        if (op == ALU_SUB) {
            compare_registers(t, w);
        } else {
            const unsigned n = general_use(t, insn->rn, RAX);
            x64_test(t->c, w, n, general_use(t, insn->rm, RCX));
        }
    } else {
        alu_registers(t, w, op);
    }
    if (sets)
        flags_of_registers(t, op, sets);
    else
        t->flags = FLAGS_UNKNOWN;
}

static void flags_of_immediate(struct translation_state *t, enum x64_alu op, int64_t imm)
{
    const struct insn *insn = t->insn;
    struct pending_flags flags = {.kind = flag_kind(op), .a = insn->rn, .immediate = true, .imm = imm};
    if (insn->rd != REG_SINK && op == ALU_AND)
        flags = (struct pending_flags){.kind = flag_kind(op), .a = insn->rd, .b = insn->rd};
    else if (insn->rd == insn->rn) {
        flags.of_result = true;
    }
    set_flags_of(t, flags);
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
        unsigned n = general_use(t, insn->rn, RAX), d = general_destination(t, insn->rd, RAX);
        if (!imm && w)
            d = n; /* a move from or to SP */
        else
            x64_lea(t->c, w, d, n, (int32_t)(op == ALU_ADD ? imm : -imm));
        general_done(t, insn->rd, d);
        return; /* and the flags are as they were */
    } else if (!sets && op == ALU_AND && (imm == 0xff || imm == 0xffff)) {
        const unsigned n = general_use(t, insn->rn, RAX), d = general_destination(t, insn->rd, RAX);
        x64_extend(t->c, imm == 0xffff, false, 0, d, n);
        general_done(t, insn->rd, d);
        return;
    } else if (op == ALU_SUB && insn->rd == REG_SINK) {
        x64_alu_imm(t->c, w, ALU_CMP, general_use(t, insn->rn, RAX), (int32_t)imm);
    } else if (op == ALU_AND && insn->rd == REG_SINK) {
        x64_test_imm(t->c, w, general_use(t, insn->rn, RAX), (int32_t)imm);
    } else {
        unsigned n = general_use(t, insn->rn, RAX), d = general_destination(t, insn->rd, RAX);
        if (d != n)
            x64_mov(t->c, w, d, n);
        x64_alu_imm(t->c, w, op, d, (int32_t)imm);
        general_done(t, insn->rd, d);
    }
    if (sets)
        flags_of_immediate(t, op, imm);
    else
        t->flags = FLAGS_UNKNOWN;
}

/* The shifted second operand, in rcx. */
static void shifted(struct translation_state *t, bool inverted)
{
    static const uint8_t shifts[4] = {SHIFT_SHL, SHIFT_SHR, SHIFT_SAR, SHIFT_ROR};
    const struct insn *insn = t->insn;
    if (host_has.bmi2 && insn->amount && shifts[insn->opt & 3] == SHIFT_ROR) {
        x64_rorx(t->c, insn->sf, RCX, general_use(t, insn->rm, RCX), insn->amount);
    } else {
        general_copy(t, insn->rm, RCX);
        if (insn->amount)
            x64_shift_imm(t->c, insn->sf, shifts[insn->opt & 3], RCX, insn->amount);
    }
    if (inverted)
        x64_not(t->c, insn->sf, RCX);
}

static void extended(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    unsigned m = general_use(t, insn->rm, RCX);
    if (insn->size < 3)
        x64_extend(t->c, insn->size, insn->opt, insn->opt, RCX, m);
    else if (m != RCX)
        x64_mov(t->c, 1, RCX, m);
    if (insn->amount)
        x64_shift_imm(t->c, 1, SHIFT_SHL, RCX, insn->amount);
}

/* rd = rn op rcx */
static void alu_rcx(struct translation_state *t, enum x64_alu op, enum host_flags sets)
{
    const struct insn *insn = t->insn;
    if (insn->rn == REG_ZERO && !sets && (op == ALU_OR || op == ALU_XOR || op == ALU_ADD)) {
        const unsigned d = general_destination(t, insn->rd, RCX);
        x64_mov(t->c, insn->sf, d, RCX);
        general_done(t, insn->rd, d);
    } else {
        alu_host(t, insn->sf, op, insn->rd, insn->rn, RCX);
    }
    if (!sets)
        t->flags = FLAGS_UNKNOWN;
    else if (op == ALU_AND && insn->rd != REG_SINK)
        set_flags_of(t, (struct pending_flags){.kind = FLAG_KIND_AND, .a = insn->rd, .b = insn->rd});
    else
        set_flags(t, sets);
}

/* rd = rn + (host register `m` << scale), up to 3, without the flags. */
static void add_scaled(struct translation_state *t, unsigned m, unsigned scale)
{
    const struct insn *insn = t->insn;
    const unsigned n = general_use(t, insn->rn, RAX), d = general_destination(t, insn->rd, RAX);
    x64_lea_indexed(t->c, insn->sf, d, n, m, scale);
    general_done(t, insn->rd, d);
}

static void add_shifted(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if ((insn->opt & 3) == 0 && insn->amount <= 3) {
        add_scaled(t, general_use(t, insn->rm, RCX), insn->amount);
        return;
    }
    shifted(t, false);
    alu_rcx(t, ALU_ADD, FLAGS_UNKNOWN);
}

static void add_extended(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (insn->amount > 3) {
        extended(t);
        alu_rcx(t, ALU_ADD, FLAGS_UNKNOWN);
        return;
    }
    if (insn->size < 3)
        x64_extend(t->c, insn->size, insn->opt, insn->opt, RCX, general_use(t, insn->rm, RCX));
    add_scaled(t, insn->size < 3 ? RCX : general_use(t, insn->rm, RCX), insn->amount);
}

/* rd = rn and not rm */
static void clear_bits(struct translation_state *t, enum host_flags sets)
{
    const struct insn *insn = t->insn;
    if (!host_has.bmi1 || insn->amount) {
        shifted(t, true);
        alu_rcx(t, ALU_AND, sets);
        return;
    }
    const unsigned n = general_use(t, insn->rn, RAX), m = general_use(t, insn->rm, RCX);
    const unsigned d = general_destination(t, insn->rd, RAX);
    x64_andn(t->c, insn->sf, d, m, n);
    general_done(t, insn->rd, d);
    if (!sets)
        t->flags = FLAGS_UNKNOWN;
    else if (insn->rd != REG_SINK)
        set_flags_of(t, (struct pending_flags){.kind = FLAG_KIND_AND, .a = insn->rd, .b = insn->rd});
    else
        set_flags(t, sets);
}

/* ADC, SBC: the carry goes into the host's first. */
static void with_carry(struct translation_state *t, bool subtract, bool sets)
{
    const struct insn *insn = t->insn;
    carry_to_host(t, subtract);
    general_copy(t, insn->rn, RAX); /* moves leave it alone */
    unsigned m = general_use(t, insn->rm, RCX);
    x64_alu(t->c, insn->sf, subtract ? ALU_SBB : ALU_ADC, RAX, m);
    general_done(t, insn->rd, RAX);
    if (sets)
        set_flags(t, subtract ? FLAGS_OF_SUB : FLAGS_OF_ADD);
}

static void mov_reg(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const unsigned m = general_use(t, insn->rm, general_destination(t, insn->rd, RAX));
    const unsigned d = general_destination(t, insn->rd, insn->sf ? m : RAX);
    if (d != m || !insn->sf)
        x64_mov(t->c, insn->sf, d, m);
    general_done(t, insn->rd, d);
}

static void mov_constant(struct translation_state *t)
{
    const unsigned d = general_destination(t, t->insn->rd, RAX);
    x64_mov_imm(t->c, d, (uint64_t)t->insn->imm);
    general_done(t, t->insn->rd, d);
}

static void movk(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    general_copy(t, insn->rd, RAX);
    x64_mov_imm(t->c, RCX, ~(0xffffull << insn->amount));
    x64_alu(t->c, insn->sf, ALU_AND, RAX, RCX);
    if (insn->imm) {
        x64_mov_imm(t->c, RCX, (uint64_t)insn->imm);
        x64_alu(t->c, insn->sf, ALU_OR, RAX, RCX);
    }
    general_done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

static void pc_relative(struct translation_state *t, bool page)
{
    const struct insn *insn = t->insn;
    unsigned d = general_destination(t, insn->rd, RAX);
    load_page_address(t, d, page ? insn->imm : page_offset(t, insn->imm));
    general_done(t, insn->rd, d);
}

/* UBFM and SBFM: left, then right (see exec_base.c); 32-bit shifts where the upper half is only passed through. */
static void bitfield(struct translation_state *t, bool sign)
{
    const struct insn *insn = t->insn;
    enum x64_shift right = sign ? SHIFT_SAR : SHIFT_SHR;
    unsigned left_by = insn->amount, right_by = insn->opt;
    unsigned n = general_use(t, insn->rn, RAX), d = general_destination(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
    if (left_by == right_by && (left_by == 56 || left_by == 48 || left_by == 32)) {
        x64_extend(t->c, left_by == 56 ? 0 : left_by == 48 ? 1 : 2, sign, insn->sf, d, n);
        if (!insn->sf && sign && left_by == 32)
            x64_mov(t->c, 0, d, d);
    } else if ((left_by == 56 || left_by == 48 || left_by == 32) && right_by < left_by && insn->sf) { /* an index */
        x64_extend(t->c, left_by == 56 ? 0 : left_by == 48 ? 1 : 2, sign, 1, d, n);
        x64_shift_imm(t->c, 1, SHIFT_SHL, d, left_by - right_by);
    } else if (!sign && !insn->sf && right_by == 32 && left_by > 32) { /* LSL */
        x64_mov(t->c, 0, d, n);
        x64_shift_imm(t->c, 0, SHIFT_SHL, d, left_by - 32);
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
    general_done(t, insn->rd, d);
}

static void bfm(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    general_copy(t, insn->rn, RAX);
    if (insn->amount)
        x64_shift_imm(t->c, insn->sf, SHIFT_ROR, RAX, insn->amount);
    x64_mov_imm(t->c, RCX, (uint64_t)insn->imm);
    x64_alu(t->c, insn->sf, ALU_AND, RAX, RCX);
    x64_not(t->c, 1, RCX);
    int32_t at;
    if (general_in_state(t, insn->rd, &at))
        x64_alu_load(t->c, insn->sf, ALU_AND, RCX, HOST_CPU, at);
    else
        x64_alu(t->c, insn->sf, ALU_AND, RCX, general_use(t, insn->rd, RDX));
    x64_alu(t->c, insn->sf, ALU_OR, RAX, RCX);
    general_done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

static void extr(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (host_has.bmi2 && insn->amount && insn->rn == insn->rm) {
        const unsigned m = general_use(t, insn->rm, RAX), d = general_destination(t, insn->rd, RAX);
        x64_rorx(t->c, insn->sf, d, m, insn->amount);
        general_done(t, insn->rd, d);
        return;
    }
    general_copy(t, insn->rm, RAX);
    if (insn->amount)
        x64_shrd(t->c, insn->sf, RAX, general_use(t, insn->rn, RCX), insn->amount);
    else if (!insn->sf)
        x64_mov(t->c, 0, RAX, RAX);
    general_done(t, insn->rd, RAX);
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
    if (always) {
        general_copy(t, insn->rn, RAX);
        x64_mov(t->c, w, RAX, RAX);
        general_done(t, insn->rd, RAX);
        return;
    }
    const unsigned d = general_destination(t, insn->rd, RAX);
    if (kind == SELECT_INCREMENT && insn->rn == REG_ZERO && insn->rm == REG_ZERO) { /* CSET */
        x64_setcc(t->c, cc ^ 1, RAX);
        x64_extend(t->c, 0, false, 0, d, RAX);
        general_done(t, insn->rd, d);
        return;
    }
    unsigned m = general_use(t, insn->rm, RCX);
    if (kind == SELECT_INVERT || kind == SELECT_NEGATE) {
        if (m != RCX)
            x64_mov(t->c, w, RCX, m);
        x64_not(t->c, w, RCX);
        m = RCX;
    }
    if (kind == SELECT_INCREMENT || kind == SELECT_NEGATE) {
        x64_lea(t->c, w, RCX, m, 1);
        m = RCX;
    }
    if (d == m) {
        x64_cmov(t->c, w, cc, d, general_use(t, insn->rn, RAX));
    } else {
        general_copy(t, insn->rn, d);
        x64_cmov(t->c, w, cc ^ 1, d, m);
    }
    general_done(t, insn->rd, d);
}

/* The condition does not hold, and a branch is all that reads the flags: where that leads is known. The present
 * comparison is the next one for those before it: whose condition may hold with the flags that they have. */
static void know_way(struct translation_state *t, uint8_t *otherwise)
{
    const struct insn *insn = t->insn;
    unsigned kept = 0;
    for (unsigned i = 0; i < t->known_way_count; i++) {
        const struct known_way *way = &t->known_ways[i];
        if (insn->opt >= 14 || condition_of(insn->opt, way->nzcv))
            x64_bind(t->c, way->jump_end);
        else
            t->known_ways[kept++] = (struct known_way){way->jump_end, insn->amount};
    }
    t->known_way_count = kept;
    if (otherwise)
        t->known_ways[t->known_way_count++] = (struct known_way){otherwise, insn->amount};
}

/* Both ways end with the flags of a subtraction in the host, where both are wanted. */
static void conditional_compare(struct translation_state *t, enum x64_alu op, bool immediate)
{
    const struct insn *insn = t->insn;
    const bool only_branches = comparison_only_branches(t);
    uint8_t *otherwise = NULL;
    if (insn->opt < 14) {
        enum x64_cc cc = condition(t, insn->opt);
        otherwise = x64_jcc(t->c, cc ^ 1);
    }
    if (only_branches) {
        know_way(t, otherwise);
        otherwise = NULL;
    }
    unsigned n = general_use(t, insn->rn, RAX);
    if (op == ALU_ADD && n != RAX) {
        x64_mov(t->c, 1, RAX, n);
        n = RAX;
    }
    if (immediate)
        x64_alu_imm(t->c, insn->sf, op == ALU_SUB ? ALU_CMP : op, n, (int32_t)insn->imm);
    else
        x64_alu(t->c, insn->sf, op == ALU_SUB ? ALU_CMP : op, n, general_use(t, insn->rm, RCX));
    if (op == ALU_ADD)
        x64_cmc(t->c);
    if (otherwise) {
        uint8_t *end = x64_jmp(t->c);
        x64_bind(t->c, otherwise);
        set_flags_constant(t, insn->amount);
        x64_bind(t->c, end);
    }
    set_flags(t, FLAGS_OF_SUB);
}

static void variable_shift(struct translation_state *t, enum x64_shift op)
{
    const struct insn *insn = t->insn;
    if (host_has.bmi2 && op != SHIFT_ROR) {
        const unsigned n = general_use(t, insn->rn, RAX), m = general_use(t, insn->rm, RCX);
        const unsigned d = general_destination(t, insn->rd, RAX);
        x64_shift_by(t->c, insn->sf, op, d, n, m);
        general_done(t, insn->rd, d);
        return;
    }
    general_copy(t, insn->rm, RCX);
    general_copy(t, insn->rn, RAX);
    x64_shift_cl(t->c, insn->sf, op, RAX);
    if (!insn->sf)
        x64_mov(t->c, 0, RAX, RAX); /* a shift by 0 leaves the upper half */
    general_done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

bool multiplies_quietly(const struct translation_state *t, const struct insn *insn)
{
    return host_has.bmi2 && !t->lends_rdx && (insn->op == OP_umulh || (insn->op == OP_madd && insn->sf && insn->ra == REG_ZERO));
}

/* Chains of carries go through products of this kind. */
static void multiply_quietly(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    general_copy(t, insn->rn, RDX);
    unsigned m = general_use(t, insn->rm, RCX);
    unsigned d = general_destination(t, insn->rd, RAX);
    if (insn->op == OP_umulh)
        x64_mulx(t->c, d, RCX, m);
    else
        x64_mulx(t->c, RCX, d, m);
    general_done(t, insn->rd, d);
}

static void multiply_add(struct translation_state *t, bool subtract)
{
    const struct insn *insn = t->insn;
    unsigned w = insn->sf;
    t->flags = FLAGS_UNKNOWN;
    if (insn->ra == REG_ZERO && !subtract) {
        unsigned n = general_use(t, insn->rn, RAX), m = general_use(t, insn->rm, RCX);
        const unsigned d = general_destination(t, insn->rd, RAX);
        if (d == m)
            m = n;
        else if (d != n)
            x64_mov(t->c, w, d, n);
        x64_imul(t->c, w, d, m);
        general_done(t, insn->rd, d);
        return;
    }
    general_copy(t, insn->rn, RAX);
    x64_imul(t->c, w, RAX, general_use(t, insn->rm, RCX));
    if (subtract) {
        general_copy(t, insn->ra, RCX);
        x64_alu(t->c, w, ALU_SUB, RCX, RAX);
        general_done(t, insn->rd, RCX);
        return;
    }
    if (insn->ra != REG_ZERO) {
        const unsigned a = general_use(t, insn->ra, RCX), d = general_destination(t, insn->rd, RAX);
        x64_lea_indexed(t->c, w, d, a, RAX, 0);
        general_done(t, insn->rd, d);
        return;
    }
    general_done(t, insn->rd, RAX);
}

static void multiply_long(struct translation_state *t, bool sign, bool subtract)
{
    const struct insn *insn = t->insn;
    x64_extend(t->c, 2, sign, 1, RAX, general_use(t, insn->rn, RAX));
    x64_extend(t->c, 2, sign, 1, RCX, general_use(t, insn->rm, RCX));
    x64_imul(t->c, 1, RAX, RCX);
    t->flags = FLAGS_UNKNOWN;
    if (subtract) {
        general_copy(t, insn->ra, RCX);
        x64_alu(t->c, 1, ALU_SUB, RCX, RAX);
        general_done(t, insn->rd, RCX);
        return;
    }
    if (insn->ra != REG_ZERO)
        x64_alu(t->c, 1, ALU_ADD, RAX, general_use(t, insn->ra, RCX));
    general_done(t, insn->rd, RAX);
}

static void multiply_high(struct translation_state *t, bool sign)
{
    const struct insn *insn = t->insn;
    general_copy(t, insn->rn, RAX);
    x64_mul_wide(t->c, sign, general_use(t, insn->rm, RCX));
    general_done(t, insn->rd, RDX);
    t->flags = FLAGS_UNKNOWN;
}

static void divide(struct translation_state *t, bool sign)
{
    const struct insn *insn = t->insn;
    unsigned w = insn->sf;
    struct x64 *c = t->c;
    general_copy(t, insn->rm, RCX);
    general_copy(t, insn->rn, RAX);
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
    general_done(t, insn->rd, RAX);
    t->flags = FLAGS_UNKNOWN;
}

static void count_leading_zeros(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    unsigned bits = insn->sf ? 64 : 32;
    t->flags = FLAGS_UNKNOWN;
    if (host_has.lzcnt) {
        const unsigned n = general_use(t, insn->rn, RCX), d = general_destination(t, insn->rd, RAX);
        x64_lzcnt(t->c, insn->sf, d, n);
        general_done(t, insn->rd, d);
        return;
    }
    x64_bsr(t->c, insn->sf, RAX, general_use(t, insn->rn, RCX));
    x64_mov_imm(t->c, RDX, 2 * bits - 1);
    x64_cmov(t->c, 1, CC_E, RAX, RDX);
    x64_alu_imm(t->c, 0, ALU_XOR, RAX, (int32_t)bits - 1);
    general_done(t, insn->rd, RAX);
}

static void reverse_bytes(struct translation_state *t, unsigned w, bool halves)
{
    general_copy(t, t->insn->rn, RAX);
    x64_bswap(t->c, w, RAX);
    if (halves) {
        x64_shift_imm(t->c, 1, SHIFT_ROL, RAX, 32);
        t->flags = FLAGS_UNKNOWN;
    }
    general_done(t, t->insn->rd, RAX);
}

bool translate_data(struct translation_state *t)
{
    switch (t->insn->op) {
    case OP_nop:
    case OP_hint:
    case OP_csdb:
    case OP_bti: return true;
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
    case OP_add_shift: add_shifted(t); return true;
    case OP_sub_shift: shifted(t, false); alu_rcx(t, ALU_SUB, FLAGS_UNKNOWN); return true;
    case OP_and_shift: shifted(t, false); alu_rcx(t, ALU_AND, FLAGS_UNKNOWN); return true;
    case OP_bic_shift: clear_bits(t, FLAGS_UNKNOWN); return true;
    case OP_orr_shift: shifted(t, false); alu_rcx(t, ALU_OR, FLAGS_UNKNOWN); return true;
    case OP_orn_shift: shifted(t, true); alu_rcx(t, ALU_OR, FLAGS_UNKNOWN); return true;
    case OP_eor_shift: shifted(t, false); alu_rcx(t, ALU_XOR, FLAGS_UNKNOWN); return true;
    case OP_eon_shift: shifted(t, true); alu_rcx(t, ALU_XOR, FLAGS_UNKNOWN); return true;
    case OP_adds_shift: shifted(t, false); alu_rcx(t, ALU_ADD, FLAGS_OF_ADD); return true;
    case OP_subs_shift: shifted(t, false); alu_rcx(t, ALU_SUB, FLAGS_OF_SUB); return true;
    case OP_ands_shift: shifted(t, false); alu_rcx(t, ALU_AND, FLAGS_OF_LOGIC); return true;
    case OP_bics_shift: clear_bits(t, FLAGS_OF_LOGIC); return true;
    case OP_add_ext: add_extended(t); return true;
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
    case OP_madd:
        if (multiplies_quietly(t, t->insn) && (t->flags != FLAGS_UNKNOWN || t->pending.host_only))
            multiply_quietly(t);
        else
            multiply_add(t, false);
        return true;
    case OP_msub: multiply_add(t, true); return true;
    case OP_smaddl: multiply_long(t, true, false); return true;
    case OP_smsubl: multiply_long(t, true, true); return true;
    case OP_umaddl: multiply_long(t, false, false); return true;
    case OP_umsubl: multiply_long(t, false, true); return true;
    case OP_smulh: multiply_high(t, true); return true;
    case OP_umulh:
        if (multiplies_quietly(t, t->insn))
            multiply_quietly(t);
        else
            multiply_high(t, false);
        return true;
    case OP_clz: count_leading_zeros(t); return true;
    case OP_rev_w: reverse_bytes(t, 0, false); return true;
    case OP_rev_x: reverse_bytes(t, 1, false); return true;
    case OP_rev32: reverse_bytes(t, 1, true); return true;
    default: return false;
    }
}

