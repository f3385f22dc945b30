/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the intermediate form to x86-64 code, one operation after the other.
 *
 * Any instruction can be left to its exec_ function, which finds pc and icount as the interpreter's bargain has them
 * (isa/arm64/cpu.h; the stubs see to that), and so does a fault; what is translated here only has to do the same
 * faster. A load at x1 becomes
 *
 *     mov rdx, [slot.tag] ; xor rdx, rsi ; cmp rdx, [slot.limit] ; jae miss    x1's slot: page and crossing at once
 *     mov rdx, [slot.addend]                                                   (x1 is in rsi)
 *     mov rbx, [rsi + rdx + 8]
 *
 * At `miss`, out of line, the indexed TLB entry fills the slot; where that does not fit either, the exec_ function is
 * called; then on behind the load.
 *
 * A region is compiled twice: the first time tells which registers it uses, what it needs of FPCR and FPSR, and which
 * of its blocks may look at the flags that they are entered with. */
#include <stdlib.h>
#include <string.h>
#include "isa/arm64/fp/fast.h"
#include "jit/access.h"
#include "jit/assign.h"
#include "jit/ir_print.h"
#include "jit/operations.h"
#include "jit/passes.h"
#include "jit/sharing.h"
#include "jit/translate_vector.h"
#include "machine/contract/host.h"

#define SCRATCH_BYTES (256u << 10)

struct compiler {
    struct translation_state state;
    int8_t assigned[REG_COUNT];
    struct cpu cpu; /* to compute constants in */
    uint8_t scratch[2][SCRATCH_BYTES]; /* for the code of the first time */
};

struct compiler *compiler_create(const struct stubs *stubs)
{
    struct compiler *compiler = calloc(1, sizeof *compiler);
    if (compiler)
        compiler->state.stubs = stubs;
    return compiler;
}

void compiler_free(struct compiler *compiler)
{
    free(compiler);
}

struct unit_layout compiler_layout(const struct compiler *compiler)
{
    return (struct unit_layout){compiler->state.host_of, compiler->state.label};
}

/* --- blocks ----------------------------------------------------------------------------------------- */

static enum outcome translate_insn(struct translation_state *t)
{
    uint32_t flags = insn_infos[t->insn->op].flags;
    if (flags & INSN_BRANCH)
        return translate_branch(t);
    if (flags & INSN_MEMORY)
        return translate_memory(t);
    if (translate_bits(t) || translate_data(t) || translate_fp(t) || translate_vector(t) || translate_pauth(t) ||
        translate_flags(t))
        return TRANSLATED;
    return translate_system(t);
}

/* Whether the present instruction may go on elsewhere, where the flags may be looked at. An access that the host
 * refuses does not count (may_fault). */
static bool may_leave(const struct translation_state *t, enum outcome outcome)
{
    return outcome == LEFT_TO_EXEC || t->slow_count != t->slow_first || t->exit_count - t->exit_first != t->faults_here;
}

/* Whether what its code leaves in a host register beside storing it is there however the code behind it is come to. */
static bool leaves_result(const struct translation_state *t)
{
    const struct insn *insn = t->insn;
    return insn_is_pure(insn->op) || (t->cpu->user && access_forms[insn->op].count);
}

/* The code of an operation of the block. `begun`: all before that has been emitted. */
static enum outcome emit_op(struct translation_state *t, unsigned index, bool begun)
{
    const struct ir_op *op = &t->here->ops[index];
    t->index = index;
    t->insn = &op->insn;
    t->changes_pages = op->changes_pages;
    if (t->ir->is_region)
        t->miss_counter = t->in_twin ? NULL : op->misses;
    t->slow_first = t->slow_count;
    t->exit_first = t->exit_count;
    t->flags_read = t->flags_set = false;
    t->faults_here = 0;
    if (!begun)
        flags_before_insn(t);
    t->begun_at = t->c->at;
    const uint32_t vectors_written = t->vector_written;
    enum outcome outcome = translate_insn(t);
    if (t->slow_count != t->slow_first || !leaves_result(t))
        t->stored_end = NULL; /* this place may be come to by other ways */
    if (t->slow_count != t->slow_first && !t->flags_set)
        t->flags = FLAGS_UNKNOWN; /* the way back from out of line brings others */
    t->may_leave = may_leave(t, outcome);
    if (insn_may_write(t->insn, REG_SP) && !keeps_sp_aligned(t->insn))
        t->sp_aligned = false;
    sharing_follow(t, outcome);
    t->result->left_to_exec += outcome == LEFT_TO_EXEC;
    if (outcome == LEFT_TO_EXEC && call_exec(t, t->insn))
        outcome = ENDED;
    for (unsigned i = t->exit_first; i < t->exit_count; i++)
        t->exits[i].faults_to = t->c->at;
    for (unsigned s = t->slow_first; s < t->slow_count; s++) {
        t->slow[s].resume = t->c->at;
        t->slow[s].index = (uint8_t)index;
        t->slow[s].vectors_written = vectors_written;
        t->slow[s].vectors_valid = t->vector_valid;
    }
    return outcome;
}

static void emit_insns(struct translation_state *t, unsigned index)
{
    const struct ir_block *here = t->here;
    uint32_t *misses = t->misses_counted;
    enum outcome outcome = TRANSLATED;
    bool open = true; /* the flags that the block was entered with are still the guest's */
    struct flags_learned *learned = &t->learned[index];
    *learned = (struct flags_learned){false, false, false};
    for (unsigned i = 0; i < here->count && outcome != ENDED; i++) {
        t->miss_counter = misses && insn_infos[here->ops[i].insn.op].flags & INSN_MEMORY ? misses++ : NULL;
        outcome = emit_op(t, i, false);
        t->behind[i] = t->c->at;
        if (open && t->flags_read && !t->may_leave)
            learned->first = true;
        if (open && outcome == ENDED && !t->flags_read && !t->may_leave && passes_flags(t->insn->op))
            break;
        if (open && (outcome == ENDED || t->flags_read || t->may_leave))
            learned->needed = true, open = false;
        open = open && !t->flags_set;
    }
    learned->passes = open;
    if (outcome != ENDED)
        go_on(t);
}

static void emit_again(struct translation_state *t, unsigned index, bool begun)
{
    emit_op(t, index, begun);
}

static void begin_block(struct translation_state *t, unsigned index)
{
    const struct ir_block *here = &t->ir->blocks[index];
    t->here = here;
    t->end_offset = (uint32_t)(here->physical % PAGE_SIZE_BYTES) + 4 * here->count;
    t->slow_count = t->miss_count = t->exit_count = t->settle_count = t->far_count = t->way_out_count =
        t->known_way_count = 0;
    t->return_missed = NULL;
    t->stored_end = NULL;
    t->sp_aligned = false;
    sharing_begin(t);
    t->fp_checked = t->fp_armed = false;
    t->arming.jump_end = NULL;
    vectors_begin(t);
    bool inherits = here->preds == 1 && t->flags_handed[index];
    const struct flags_state known = inherits ? t->flags_at[index] : (struct flags_state){.flags = FLAGS_UNKNOWN};
    t->flags = known.flags;
    t->pending = !inherits && t->met[index].known ? t->met[index].pending : known.pending;
    if (inherits)
        memcpy(t->vector_bytes, known.vector_bytes, sizeof t->vector_bytes);
    t->flags_raw = inherits ? known.raw : t->ir->is_region && raw_at(t, (int)index);
}

static void emit_leave_at(struct translation_state *t, uint64_t page_offset)
{
    x64_mov_imm(t->c, RDX, page_offset);
    x64_jmp_to(t->c, t->stubs->leave_at);
}

/* Everything of the block that is out of line, into `cold`. */
static void emit_cold(struct translation_state *t, struct x64 *cold, unsigned first_link)
{
    struct x64 *hot = t->c;
    t->c = cold;
    emit_twins(t, emit_again);
    emit_slot_misses(t);
    emit_slow_paths(t);
    emit_ways_out(t);
    emit_settles(t);
    emit_far_jumps(t);
    emit_arms(t);
    emit_exits(t);
    for (unsigned i = first_link; i < t->result->link_count; i++) {
        struct unit_link *link = &t->result->links[i];
        link->stub = cold->at;
        x64_bind(cold, link->jump_end);
        emit_leave_at(t, link->target % PAGE_SIZE_BYTES);
    }
    t->c = hot;
}

static void resolve_fixups(struct translation_state *t)
{
    for (unsigned i = 0; i < t->fixup_count && !t->c->full; i++)
        x64_patch(t->fixups[i].jump_end, t->label[t->fixups[i].to]);
    t->fixup_count = 0;
}

/* --- a block by itself ------------------------------------------------------------------------------ */

static bool compile_block(struct translation_state *t, const struct compile_job *job)
{
    struct x64 *hot = job->hot, *cold = job->cold;
    const struct ir_block *block = t->ir->blocks;
    uint8_t *hot_enough = NULL;
    t->host_of = pin_of;
    t->c = hot;
    t->cold = cold;
    vectors_assign(t);
    begin_block(t, 0);
    t->result->entry = x64_here(hot);
    if (job->counter) {
        x64_increment_at(hot, (uint64_t)job->counter);
        hot_enough = x64_jcc(hot, CC_E);
    }
    t->result->counted = x64_here(hot);
    x64_alu_imm(hot, 1, ALU_SUB, HOST_LEFT, (int32_t)block->count);
    uint8_t *too_little = x64_jcc(hot, CC_L);
    t->result->body = x64_here(hot);
    emit_insns(t, 0);
    emit_cold(t, cold, 0);
    x64_bind(cold, too_little);
    x64_alu_imm(cold, 1, ALU_ADD, HOST_LEFT, (int32_t)block->count);
    x64_call_to(cold, t->stubs->renew_stay);
    x64_jcc_to(cold, CC_B, t->result->counted);
    t->c = cold;
    emit_leave_at(t, block->physical % PAGE_SIZE_BYTES);
    if (hot_enough) {
        x64_bind(cold, hot_enough);
        x64_mov_imm(cold, RAX, (uint64_t)job->promote);
        x64_mov_imm(cold, RCX, (uint64_t)block->block->insns);
        x64_mov_imm(cold, RDX, block->physical % PAGE_SIZE_BYTES);
        x64_call_to(cold, t->stubs->call_plain);
        x64_jmp_to(cold, t->result->counted);
    }
    return !hot->full && !cold->full;
}

/* --- regions ---------------------------------------------------------------------------------------- */

/* FP is enabled, or even armed: what blocks test by themselves. */
static unsigned emit_fp_tests(struct translation_state *t, uint8_t **failed)
{
    unsigned count = 0;
    if (t->needs_armed_fp) {
        x64_cmp_byte(t->c, HOST_CPU, CPU_OFFSET(native.fp_armed), 0);
        uint8_t *armed = x64_jcc(t->c, CC_NE);
        x64_call_to(t->c, t->stubs->arm_fp);
        failed[count++] = x64_jcc(t->c, CC_NE);
        x64_bind(t->c, armed);
    } else if (t->needs_fp) {
        x64_load(t->c, 0, RAX, HOST_CPU, CPU_OFFSET(sys.CPACR_EL1));
        x64_not(t->c, 0, RAX);
        x64_test_imm(t->c, 0, RAX, 3 << 20);
        failed[count++] = x64_jcc(t->c, CC_NE);
    }
    return count;
}

/* The way to call_plain with the registers as they are everywhere. If the function wrote over this code, the rest of
 * the block is for exec_ functions. */
static void emit_plain_call(struct translation_state *t)
{
    struct x64 *c = t->c;
    if (!t->plain_call_count)
        return;
    for (unsigned i = 0; i < t->plain_call_count; i++)
        x64_bind(c, t->plain_calls[i]);
    give_registers_but_rdx(t);
    x64_push(c, RCX);
    x64_push(c, RDX);
    x64_call_to(c, t->stubs->call_plain);
    x64_pop(c, RDX);
    x64_pop(c, RCX);
    x64_mov_imm(c, RAX, (uint64_t)t->stubs->dropped);
    x64_alu_imm_store(c, 0, ALU_CMP, RAX, 0, 0);
    uint8_t *dropped = x64_jcc(c, CC_NE);
    take_registers(t);
    x64_ret(c);
    x64_bind(c, dropped);
    x64_alu_imm(c, 1, ALU_ADD, RCX, sizeof(struct insn));
    x64_jmp_to(c, t->stubs->rest_plain);
}

/* The way to what looks how the region does: without effect on the guest's state. */
static void emit_adapt_call(struct translation_state *t)
{
    struct x64 *c = t->c;
    if (!t->adapt_call_count)
        return;
    for (unsigned i = 0; i < t->adapt_call_count; i++)
        x64_bind(c, t->adapt_calls[i]);
    give_registers(t);
    x64_mov_imm(c, RAX, (uint64_t)t->adapt);
    x64_mov_imm(c, RCX, (uint64_t)t->ir->blocks[0].ops[0].record);
    x64_mov_imm(c, RDX, t->ir->blocks[0].physical % PAGE_SIZE_BYTES);
    x64_call_to(c, t->stubs->call_plain);
    take_registers(t);
    x64_ret(c);
}

static void emit_region(struct translation_state *t, struct x64 *hot, struct x64 *cold)
{
    const struct ir *ir = t->ir;
    uint8_t *failed[2];
    t->result->link_count = t->result->return_count = t->result->left_to_exec = 0;
    t->fixup_count = t->plain_call_count = t->adapt_call_count = 0;
    memset(t->flags_handed, false, sizeof t->flags_handed);
    t->c = hot;
    t->cold = cold;
    t->constant_count = 0;
    begin_jump_table(t);
    t->result->entry = x64_here(hot);
    x64_alu_imm(hot, 1, ALU_CMP, HOST_LEFT, (int32_t)ir->blocks[0].longest);
    failed[0] = x64_jcc(hot, CC_L);
    unsigned failures = 1 + emit_fp_tests(t, failed + 1);
    take_registers(t);
    for (unsigned i = 0; i < ir->block_count; i++) {
        const struct ir_block *block = &ir->blocks[i];
        unsigned first_link = t->result->link_count;
        begin_block(t, i);
        t->label[i] = hot->at;
        x64_lea(hot, 1, HOST_LEFT, HOST_LEFT, -(int32_t)block->count);
        emit_insns(t, i);
        emit_cold(t, cold, first_link);
    }
    resolve_fixups(t);
    t->c = cold;
    for (unsigned i = 0; i < failures; i++)
        x64_bind(cold, failed[i]);
    x64_jmp_to(cold, ir->blocks[0].counted); /* which does everything one block at a time */
    emit_plain_call(t);
    emit_adapt_call(t);
    emit_jump_table(t);
}

/* Which blocks want the guest's flags in the state. One that only lets them through wants them where they may come out:
 * of the region, or in the midst of it, where what is left of the turn is tested. Of a process nobody sees there what
 * nothing will read (isa/arm64/user.h): so only if a block that it leads to does. */
static void find_flags_needed(struct translation_state *t)
{
    const struct ir *ir = t->ir;
    bool changed = true;
    for (unsigned i = 0; i < ir->block_count; i++) {
        t->flags_needed[i] = t->learned[i].needed || (t->learned[i].passes && !t->cpu->user);
        t->flags_first[i] = t->learned[i].first;
    }
    while (changed) {
        changed = false;
        for (unsigned i = 0; i < ir->block_count; i++) {
            const struct ir_block *block = &ir->blocks[i];
            const unsigned op = block->ops[block->count - 1].insn.op;
            if (t->flags_needed[i] || !t->learned[i].passes)
                continue;
            const int ways[2] = {passes_flags(op) ? block->taken : block->next,
                                 op == OP_b ? block->taken : block->next};
            for (unsigned w = 0; w < 2; w++)
                changed |= t->flags_needed[i] |= ways[w] == IR_OUTSIDE || t->flags_needed[ways[w]];
        }
    }
}

static bool translates_without_rdx(const struct insn *insn)
{
    switch (insn->op) {
    case OP_rev16:
    case OP_udiv:
    case OP_sdiv:
    case OP_smulh:
    case OP_umulh: return false;
    case OP_clz: return host_has.lzcnt;
    case OP_hint:
    case OP_bti:
    case OP_adc:
    case OP_adcs:
    case OP_sbc:
    case OP_sbcs:
    case OP_b:
    case OP_b_cond:
    case OP_cbz:
    case OP_cbnz:
    case OP_tbz:
    case OP_tbnz:
    case OP_bl:
    case OP_blr:
    case OP_ret: return true;
    default:
        return only_sets_flags(insn->op) || is_conditional_select(insn->op) || is_conditional_comparison(insn->op) ||
               insn_is_pure(insn->op) || access_forms[insn->op].count;
    }
}

/* Whether no operation of a process' region wants rdx for itself while the region has its own registers. (Of a machine
 * its accesses do.) */
static bool leaves_rdx(const struct ir *ir)
{
    for (unsigned i = 0; i < ir->block_count; i++) {
        const struct ir_block *block = &ir->blocks[i];
        for (unsigned k = 0; k < block->count; k++) {
            const struct insn *insn = &block->ops[k].insn;
            const bool last = k + 1 == block->count;
            const bool trailing = !last && host_has.bmi1 && counts_trailing(insn, &block->ops[k + 1].insn);
            if (!(insn->op == OP_rbit ? trailing : translates_without_rdx(insn)))
                return false;
        }
    }
    return true;
}

static bool compile_region(struct compiler *compiler, const struct compile_job *job)
{
    struct translation_state *t = &compiler->state;
    struct x64 hot = {.at = compiler->scratch[0], .end = compiler->scratch[0] + SCRATCH_BYTES, .avx = job->hot->avx};
    struct x64 cold = {.at = compiler->scratch[1], .end = compiler->scratch[1] + SCRATCH_BYTES, .avx = job->hot->avx};
    ir_simplify(t->ir, &compiler->cpu);
    t->faults = NULL;
    t->host_of = pin_of;
    t->c = &hot;
    vectors_assign(t);
    emit_region(t, &hot, &cold);
    if (hot.full || cold.full)
        return false;
    find_flags_needed(t);
    flags_meet(t);
    t->lends_rdx = t->cpu->user && leaves_rdx(t->ir);
    assign_registers(t->ir, t->uses, compiler->assigned, t->lends_rdx);
    t->host_of = compiler->assigned;
    t->faults = job->faults;
    emit_region(t, job->hot, job->cold);
    return !job->hot->full && !job->cold->full;
}

/* A jump that does not fit any more is patched all the same, as if it ended where the room ends: which must not be what
 * was compiled before. */
static bool holds_jump(const struct x64 *c)
{
    return c->end - c->at >= X64_JMP_BYTES;
}

bool compile(struct compiler *compiler, const struct compile_job *job, struct unit_code *result)
{
    struct translation_state *t = &compiler->state;
    if (!holds_jump(job->hot) || !holds_jump(job->cold))
        return false;
    t->ir = job->ir;
    t->cpu = job->cpu;
    t->misses_counted = job->misses;
    t->half = job->half;
    t->result = result;
    t->adapt = job->adapt;
    t->faults = job->faults;
    t->fixup_count = t->plain_call_count = 0;
    t->needs_fp = t->needs_armed_fp = t->lends_rdx = false;
    t->done_too = NULL;
    t->constant_count = 0;
    result->link_count = result->return_count = result->left_to_exec = 0;
    t->written = 0;
    t->flags_handed[0] = false;
    memset(t->uses, 0, sizeof t->uses);
    memset(t->flags_needed, true, sizeof t->flags_needed);
    memset(t->flags_first, false, sizeof t->flags_first);
    memset(t->met, 0, sizeof t->met);
    return t->ir->is_region ? compile_region(compiler, job) : compile_block(t, job);
}
