/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jit/passes.h"
#include <string.h>
#include "interp/interp.h"
#include "jit/access.h"
#include "jit/translate.h"

/* What is known of a register. */
struct known {
    enum { NOTHING, NUMBER, PLACE, COPY } kind;
    uint64_t value; /* the number; the place, from the beginning of the page of code; the register */
};

/* --- what instructions are made of ------------------------------------------------------------------- */

bool insn_is_pure(unsigned op)
{
    switch (op) {
    case OP_nop:
    case OP_adr:
    case OP_adrp:
    case OP_movz:
    case OP_movn:
    case OP_movk:
    case OP_mov_reg:
    case OP_add_imm:
    case OP_sub_imm:
    case OP_and_imm:
    case OP_orr_imm:
    case OP_eor_imm:
    case OP_add_reg:
    case OP_sub_reg:
    case OP_and_reg:
    case OP_orr_reg:
    case OP_eor_reg:
    case OP_add_shift:
    case OP_sub_shift:
    case OP_and_shift:
    case OP_bic_shift:
    case OP_orr_shift:
    case OP_orn_shift:
    case OP_eor_shift:
    case OP_eon_shift:
    case OP_add_ext:
    case OP_sub_ext:
    case OP_sbfm:
    case OP_bfm:
    case OP_ubfm:
    case OP_extr:
    case OP_lslv:
    case OP_lsrv:
    case OP_asrv:
    case OP_rorv:
    case OP_rbit:
    case OP_rev16:
    case OP_rev_w:
    case OP_rev32:
    case OP_rev_x:
    case OP_clz:
    case OP_cls:
    case OP_udiv:
    case OP_sdiv:
    case OP_madd:
    case OP_msub:
    case OP_smaddl:
    case OP_smsubl:
    case OP_umaddl:
    case OP_umsubl:
    case OP_smulh:
    case OP_umulh: return true;
    default: return false;
    }
}

static bool reads_its_result(unsigned op)
{
    return op == OP_movk || op == OP_bfm;
}

/* A bit for each general register that the instruction, a pure one, reads. */
static uint64_t registers_read(const struct insn *insn)
{
    const unsigned generals = insn_infos[insn->op].generals;
    const uint64_t all[4] = {1ull << insn->rd, 1ull << insn->rn, 1ull << insn->rm, 1ull << insn->ra};
    uint64_t read = reads_its_result(insn->op) ? all[0] : 0;
    for (unsigned i = 0; i < 4; i++)
        read |= generals >> i & 1 ? all[i] : 0;
    return read;
}

static struct insn replaced(const struct insn *insn, unsigned op, int64_t imm)
{
    struct insn now = *insn;
    now.op = (uint16_t)op;
    now.imm = imm;
    now.sf = 1;
    return now;
}

/* --- constants and copies ---------------------------------------------------------------------------- */

static bool all_numbers(const struct known known[REG_COUNT], uint64_t registers)
{
    for (; registers; registers &= registers - 1)
        if (known[__builtin_ctzll(registers)].kind != NUMBER)
            return false;
    return true;
}

static uint64_t computed(const struct insn *insn, const struct known known[REG_COUNT], struct cpu *scratch)
{
    for (uint64_t read = registers_read(insn); read; read &= read - 1) {
        const unsigned reg = (unsigned)__builtin_ctzll(read);
        scratch->x[reg] = known[reg].value;
    }
    interp_plain_of(insn)(scratch, insn);
    scratch->x[REG_ZERO] = 0;
    return scratch->x[insn->rd];
}

/* What a pure instruction, which is at `place` in its page, makes known of its result. */
static struct known result_of(const struct insn *insn, const struct known known[REG_COUNT], uint64_t place,
                              struct cpu *scratch)
{
    const struct known *n = &known[insn->rn];
    switch (insn->op) {
    case OP_adr: return (struct known){PLACE, place + (uint64_t)insn->imm};
    case OP_adrp: return (struct known){PLACE, (uint64_t)insn->imm};
    case OP_add_imm:
        if (n->kind == PLACE && insn->sf)
            return (struct known){PLACE, n->value + (uint64_t)insn->imm};
        break;
    case OP_sub_imm:
        if (n->kind == PLACE && insn->sf)
            return (struct known){PLACE, n->value - (uint64_t)insn->imm};
        break;
    case OP_mov_reg:
        if (!insn->sf)
            break;
        if (known[insn->rm].kind == NOTHING)
            return (struct known){COPY, insn->rm};
        return known[insn->rm];
    default: break;
    }
    if (!all_numbers(known, registers_read(insn)))
        return (struct known){NOTHING, 0};
    return (struct known){NUMBER, computed(insn, known, scratch)};
}

static void forget_written(struct known known[REG_COUNT], const struct insn *insn)
{
    for (unsigned reg = 0; reg < REG_COUNT; reg++) {
        const bool original_goes = known[reg].kind == COPY && insn_may_write(insn, (unsigned)known[reg].value);
        if (reg != REG_ZERO && (original_goes || insn_may_write(insn, reg)))
            known[reg].kind = NOTHING;
    }
}

/* Whether any registers may be the instruction's operands. (Not of CASP, where one stands for two.) */
static bool may_read_elsewhere(unsigned op)
{
    const uint32_t flags = insn_infos[op].flags;
    return !(flags & (INSN_SYSTEM | INSN_BRANCH)) && (!(flags & INSN_MEMORY) || access_forms[op].count);
}

/* Reads copies where they were copied from, if that is a better place. */
static void read_originals(struct insn *insn, const struct known known[REG_COUNT])
{
    const unsigned generals = insn_infos[insn->op].generals;
    uint8_t *const operands[4] = {&insn->rd, &insn->rn, &insn->rm, &insn->ra};
    for (unsigned i = 0; i < 4; i++) {
        const struct known *it = &known[*operands[i]];
        if ((generals >> i & 0x11) == 1 && it->kind == COPY && (pin_of[it->value] >= 0 || pin_of[*operands[i]] < 0))
            *operands[i] = (uint8_t)it->value;
    }
}

/* `read`: for each pure operation, what it may read: not only what stands in it now, but what its exec_ function
 * would read in the guest's own instruction, to which it may be left unless it is a constant by now. */
static void propagate(struct ir_block *block, struct cpu *scratch, uint64_t read[BLOCK_MAX_INSNS])
{
    struct known known[REG_COUNT] = {[REG_ZERO] = {NUMBER, 0}};
    const uint64_t begin = block->physical % PAGE_SIZE_BYTES;
    for (unsigned i = 0; i < block->count; i++) {
        struct insn *insn = &block->ops[i].insn;
        const uint64_t place = begin + 4 * i;
        struct known result = {NOTHING, 0};
        if (insn_is_pure(insn->op) && insn->op != OP_nop)
            result = result_of(insn, known, place, scratch);
        read[i] = insn_is_pure(insn->op) ? registers_read(insn) : 0;
        if (may_read_elsewhere(insn->op))
            read_originals(insn, known);
        if (result.kind == NUMBER)
            *insn = replaced(insn, OP_movz, (int64_t)result.value);
        else if (result.kind == PLACE)
            *insn = replaced(insn, OP_adr, (int64_t)(result.value - place));
        if (result.kind == NUMBER || result.kind == PLACE)
            read[i] = 0;
        else if (insn_is_pure(insn->op))
            read[i] |= registers_read(insn);
        forget_written(known, insn);
        const bool to_itself = result.kind == COPY && result.value == insn->rd;
        if (result.kind != NOTHING && !to_itself && insn->rd != REG_SINK && insn->rd != REG_SP)
            known[insn->rd] = result;
    }
}

/* --- what nobody sees -------------------------------------------------------------------------------- */

static void leave_out_dead(struct ir_block *block, const uint64_t read[BLOCK_MAX_INSNS])
{
    uint64_t live = UINT64_MAX;
    for (unsigned i = block->count; i--;) {
        struct insn *insn = &block->ops[i].insn;
        if (!insn_is_pure(insn->op)) {
            live = UINT64_MAX; /* it may leave, or something behind it looks at everything */
            continue;
        }
        if (insn->op == OP_nop)
            continue;
        if (insn->rd == REG_SINK || !(live >> insn->rd & 1)) {
            insn->op = OP_nop;
            continue;
        }
        live &= ~(1ull << insn->rd);
        live |= read[i];
    }
}

void ir_simplify(struct ir *ir, struct cpu *scratch)
{
    for (unsigned i = 0; i < ir->block_count; i++) {
        uint64_t read[BLOCK_MAX_INSNS];
        propagate(&ir->blocks[i], scratch, read);
        leave_out_dead(&ir->blocks[i], read);
    }
}
