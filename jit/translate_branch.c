/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Branches, and how a block goes on to the next. */
#include <assert.h>
#include "jit/state.h"

struct far_jump *new_far_jump(struct translation_state *t)
{
    assert(t->far_count < sizeof t->far / sizeof *t->far);
    return &t->far[t->far_count++];
}

static struct way_out *new_way_out(struct translation_state *t)
{
    assert(t->way_out_count < sizeof t->ways_out / sizeof *t->ways_out);
    return &t->ways_out[t->way_out_count++];
}

uint32_t lookup_of(const struct translation_state *t)
{
    uint64_t place = t->here->physical + 4ull * t->here->count - 4ull * t->insn->left;
    unsigned index = LOOKUP_ENTRIES + ((place >> 2 ^ place >> 13) & (LOOKUP_SITES - 1));
    return (uint32_t)(index * sizeof(struct lookup));
}

/* BTYPE lives from the jump to the beginning of the next instruction. Native code has no such state: it jumps only
 * where that instruction does begin. */
void emit_begin_check(struct x64 *c, uint8_t *refused[2])
{
    x64_alu_imm_store(c, 1, ALU_CMP, RCX, offsetof(struct block, physical), -1);
    refused[0] = x64_jcc(c, CC_E);
    x64_load(c, 0, RDX, RCX, offsetof(struct block, count));
    x64_alu(c, 1, ALU_CMP, HOST_LEFT, RDX);
    refused[1] = x64_jcc(c, CC_L);
}

/* rax is a pc: on to its block, if this place's lookup knows it. */
static void jump_by_lookup(struct translation_state *t, struct far_jump *far)
{
    struct x64 *c = t->c;
    const int32_t lookup = (int32_t)far->lookup;
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(lookups));
    x64_alu_load(c, 1, ALU_CMP, RAX, RCX, lookup + (int32_t)offsetof(struct lookup, pc));
    far->missed[0] = x64_jcc(c, CC_NE);
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(code_key) + 8 * (int32_t)t->half);
    if (far->btype)
        x64_alu_imm(c, 1, ALU_OR, RDX, far->btype);
    x64_alu_load(c, 1, ALU_CMP, RDX, RCX, lookup + (int32_t)offsetof(struct lookup, key));
    far->missed[1] = x64_jcc(c, CC_NE);
    if (far->btype == BTYPE_OF_PAGE) {
        x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.page));
        x64_alu_load(c, 1, ALU_CMP, RDX, RCX, lookup + (int32_t)offsetof(struct lookup, from));
        far->missed[2] = x64_jcc(c, CC_NE);
    }
    x64_load(c, 1, RCX, RCX, lookup + (int32_t)offsetof(struct lookup, block));
    if (far->btype)
        emit_begin_check(c, far->refused);
    x64_mov(c, 1, RDX, RAX);
    x64_alu_imm(c, 1, ALU_AND, RDX, -4096);
    x64_store(c, 1, RDX, HOST_CPU, CPU_OFFSET(native.page));
    x64_jmp_mem(c, RCX, offsetof(struct block, native_entry));
}

/* On to pc in rax (`indirect`), or at `offset` from the page. */
static void jump_far(struct translation_state *t, bool indirect, int64_t offset)
{
    struct far_jump *far = new_far_jump(t);
    *far = (struct far_jump){.indirect = indirect, .offset = offset, .lookup = lookup_of(t)};
    if (!indirect)
        load_page_address(t, RAX, offset);
    jump_by_lookup(t, far);
}

/* A jump by the region's table goes on as others do: rax = pc. */
static void leave_table(struct translation_state *t, const struct far_jump *far)
{
    t->flags = FLAGS_UNKNOWN;
    t->pending = far->pending;
    commit_flags(t);
    general_copy(t, far->insn->rn, RAX);
    give_registers(t);
}

void emit_far_jumps(struct translation_state *t)
{
    struct x64 *c = t->c;
    for (unsigned i = 0; i < t->far_count; i++) {
        struct far_jump *far = &t->far[i];
        if (far->off_table[0]) {
            x64_bind(c, far->off_table[0]);
            x64_bind(c, far->off_table[1]);
            leave_table(t, far);
            jump_by_lookup(t, far);
        }
        if (far->call_end) {
            x64_bind(c, far->call_end);
            if (!far->indirect)
                load_page_address(t, RAX, far->offset);
            jump_by_lookup(t, far);
        }
        const uint64_t refused = x64_here(c);
        if (far->btype) {
            for (unsigned r = 0; r < 2 && far->refused[r]; r++)
                x64_bind(c, far->refused[r]);
            load_plain(t, far->insn);
            x64_jmp_to(c, t->stubs->end_plain);
        }
        for (unsigned m = 0; m < sizeof far->missed / sizeof far->missed[0]; m++)
            if (far->missed[m])
                x64_bind(c, far->missed[m]);
        if (far->of_table)
            leave_table(t, far);
        x64_mov_imm(c, RDX, far->lookup | far->btype);
        if (far->btype)
            x64_mov_imm(c, RCX, refused);
        x64_jmp_to(c, !far->btype                             ? t->stubs->fill_site
                      : far->of_table && !t->table.of_pads ? t->stubs->fill_unguarded
                                                              : t->stubs->fill_guarded);
    }
    if (t->return_missed) {
        x64_bind(c, t->return_missed);
        x64_jmp_to(c, t->stubs->jump_by_hash);
    }
}

static uint64_t block_end(const struct translation_state *t)
{
    return t->here->physical + 4ull * t->here->count;
}

static bool within_page(const struct translation_state *t, uint64_t target)
{
    return (target ^ t->here->physical) < PAGE_SIZE_BYTES;
}

/* Whether the target is one and the same whenever this code runs. A process has one address space, and its addresses
 * stand for physical ones (isa/arm64/user.h). */
static bool is_fixed(const struct translation_state *t, uint64_t target)
{
    return t->cpu->user || within_page(t, target);
}

/* native.page becomes the page of a fixed address. Uses rax. */
static void store_page(struct translation_state *t, uint64_t address)
{
    const int64_t page = (int64_t)(address & ~(PAGE_SIZE_BYTES - 1));
    if (page == (int32_t)page) {
        x64_store_imm(t->c, 1, HOST_CPU, CPU_OFFSET(native.page), (int32_t)page);
        return;
    }
    x64_mov_imm(t->c, RAX, (uint64_t)page);
    x64_store(t->c, 1, RAX, HOST_CPU, CPU_OFFSET(native.page));
}

/* The target of the jump that comes, with an opcode of `opcode_bytes`, may be changed while parallel CPUs run: by a
 * store within one cache line, which they see all or nothing of. */
static void make_patchable(struct translation_state *t, unsigned opcode_bytes)
{
    enum { LINE_BYTES = 64, TARGET_BYTES = 4 };
    if (t->cpu->parallel)
        while ((x64_here(t->c) + opcode_bytes) % LINE_BYTES > LINE_BYTES - TARGET_BYTES && !t->c->full)
            x64_byte(t->c, 0x90);
}

static void add_link(struct translation_state *t, uint8_t *jump_end, uint64_t target)
{
    struct unit_code *result = t->result;
    assert(result->link_count < UNIT_MAX_LINKS);
    result->links[result->link_count++] = (struct unit_link){jump_end, NULL, target};
}

/* Jumps to other code, with the registers as they are everywhere: directly where the target is fixed. */
static void jump_out(struct translation_state *t, int64_t distance)
{
    uint64_t target = block_end(t) + (uint64_t)distance;
    if (is_fixed(t, target)) {
        if (!within_page(t, target))
            store_page(t, target);
        make_patchable(t, 1);
        add_link(t, x64_jmp(t->c), target);
    } else {
        jump_far(t, false, (int64_t)t->end_offset + distance);
    }
}

/* --- edges within a unit ---------------------------------------------------------------------------- */

static bool comes_next(const struct translation_state *t, int to)
{
    return to == (int)(t->here - t->ir->blocks) + 1;
}

/* Whether the flags must be in the state where this edge leads: it may look at them, and cannot know what is pending
 * here, since several edges meet there or its code stands already. */
static bool wants_flags(const struct translation_state *t, int to)
{
    if (to == IR_OUTSIDE)
        return false;
    bool knows = t->ir->blocks[to].preds == 1 && to > (int)(t->here - t->ir->blocks);
    return !knows && !t->met[to].known && t->flags_needed[to];
}

/* Commits the flags for edges to these blocks, in a form that both can do with. The host's flags stay. */
static void commit_for(struct translation_state *t, int a, int b)
{
    if ((wants_flags(t, a) && raw_at(t, a)) || (wants_flags(t, b) && raw_at(t, b)))
        commit_flags_raw(t);
    else if (wants_flags(t, a) || wants_flags(t, b))
        commit_flags(t);
}

static void hand_flags(struct translation_state *t, int to)
{
    t->flags_handed[to] = true;
    t->flags_at[to] = (struct flags_state){t->flags, t->pending, t->flags_raw, {0}};
    memcpy(t->flags_at[to].vector_bytes, t->vector_bytes, sizeof t->vector_bytes);
}

static void jump_within(struct translation_state *t, uint8_t *jump_end, int to)
{
    assert(t->fixup_count < sizeof t->fixups / sizeof *t->fixups);
    t->fixups[t->fixup_count++] = (struct fixup){jump_end, (unsigned)to};
}

/* The edge tests whether enough is left of the turn. */
static void follow_to_loop(struct translation_state *t, int to)
{
    const struct ir_block *block = &t->ir->blocks[to];
    if (t->pending.host_only && t->cpu->user && !t->flags_needed[to])
        t->pending.kind = FLAG_KIND_NONE;
    else if (t->pending.host_only)
        commit_flags(t);
    t->flags = FLAGS_UNKNOWN;
    hand_flags(t, to);
    x64_alu_imm(t->c, 1, ALU_CMP, HOST_LEFT, (int32_t)block->longest);
    uint8_t *too_little;
    if (comes_next(t, to)) {
        too_little = x64_jcc(t->c, CC_L);
    } else {
        jump_within(t, x64_jcc(t->c, CC_GE), to);
        too_little = x64_jmp(t->c);
    }
    *new_way_out(t) =
        (struct way_out){.jump_end = too_little, .falls_back = block, .pending = t->pending};
}

/* The ways that comparisons before the branch know lead here as well, on to block `to`, or where that is outside, to
 * `distance` from the block's end: if the branch leads there (`taken`, or not) with their flags. Nobody looks at the
 * flags in a block that comes next. `here`: the code of this way stands here. */
static void join_known_ways(struct translation_state *t, bool taken, int to, int64_t distance, bool here)
{
    bool joined = false;
    for (unsigned i = 0; i < t->known_way_count; i++) {
        const struct known_way *way = &t->known_ways[i];
        if (condition_of(t->insn->opt, way->nzcv) != taken)
            continue;
        joined = true;
        if (to == IR_OUTSIDE)
            *new_way_out(t) = (struct way_out){
                .jump_end = way->jump_end, .distance = distance, .to = to, .constant = true, .nzcv = way->nzcv};
        else if (here)
            x64_bind(t->c, way->jump_end);
        else
            jump_within(t, way->jump_end, to);
    }
    if (joined && to != IR_OUTSIDE) {
        t->flags = FLAGS_UNKNOWN;
        t->pending.kind = FLAG_KIND_NONE;
    }
}

/* Commits the flags for the way out of the region: the usual one where `distance` is 0, else the branch's. */
static void commit_for_outside(struct translation_state *t, int64_t distance)
{
    if (distance ? t->here->taken_reads : t->here->next_reads)
        commit_flags_raw(t);
    else
        commit_flags(t);
}

/* On along the edge to block `to`, which may test; or out to `distance` from the block's end. */
static void follow(struct translation_state *t, int to, bool tests, int64_t distance)
{
    if (to == IR_OUTSIDE) {
        commit_for_outside(t, distance);
        give_registers(t);
        jump_out(t, distance);
        return;
    }
    commit_for(t, to, IR_OUTSIDE);
    if (tests) {
        follow_to_loop(t, to);
        return;
    }
    hand_flags(t, to);
    if (!comes_next(t, to))
        jump_within(t, x64_jmp(t->c), to);
}

void go_on(struct translation_state *t)
{
    flags_note_edge(t, t->here->next);
    follow(t, t->here->next, t->here->next_tests, 0);
}

static void branch_always(struct translation_state *t)
{
    flags_note_edge(t, t->here->taken);
    follow(t, t->here->taken, t->here->taken_tests, t->insn->imm - 4);
}

/* The conditional jump of the branch's edge, taken or not. */
static void follow_if(struct translation_state *t, enum x64_cc cc, bool taken, int to, int64_t distance)
{
    const struct flags_state before = {t->flags, t->pending, t->flags_raw, {0}};
    uint8_t *jump_end = x64_jcc(t->c, cc);
    join_known_ways(t, taken, to, distance, false);
    const bool commits = wants_flags(t, to) && (t->pending.kind || (raw_at(t, to) && !t->flags_raw));
    if (to != IR_OUTSIDE && !commits) {
        hand_flags(t, to);
        jump_within(t, jump_end, to);
    } else {
        *new_way_out(t) =
            (struct way_out){jump_end, distance, NULL, t->flags, t->pending, t->flags_raw, to, false, 0};
    }
    t->flags = before.flags;
    t->pending = before.pending;
}

void emit_ways_out(struct translation_state *t)
{
    for (unsigned i = 0; i < t->way_out_count; i++) {
        const struct way_out *way = &t->ways_out[i];
        x64_bind(t->c, way->jump_end);
        if (way->falls_back) {
            x64_call_to(t->c, t->stubs->renew_stay);
            jump_within(t, x64_jcc(t->c, CC_B), (int)(way->falls_back - t->ir->blocks));
        }
        t->flags = way->flags;
        t->pending = way->pending;
        t->flags_raw = way->flags_raw;
        if (way->constant) {
            set_flags_constant(t, way->nzcv);
            t->pending = (struct pending_flags){.kind = FLAG_KIND_RAW, .host_only = true};
        }
        if (!way->falls_back && way->to != IR_OUTSIDE) {
            commit_for(t, way->to, IR_OUTSIDE);
            jump_within(t, x64_jmp(t->c), way->to);
            continue;
        }
        if (way->falls_back)
            commit_flags(t);
        else
            commit_for_outside(t, way->distance);
        give_registers(t);
        if (way->falls_back)
            x64_jmp_to(t->c, way->falls_back->counted);
        else
            jump_out(t, way->distance);
    }
}

/* A block by itself: the conditional jump is the link. */
static void branch_out(struct translation_state *t, enum x64_cc cc)
{
    int64_t distance = t->insn->imm - 4;
    uint64_t target = block_end(t) + (uint64_t)distance;
    commit_flags(t);
    give_registers(t);
    if (within_page(t, target)) {
        make_patchable(t, 2);
        add_link(t, x64_jcc(t->c, cc), target);
    } else {
        uint8_t *not_taken = x64_jcc(t->c, cc ^ 1);
        jump_out(t, distance);
        x64_bind(t->c, not_taken);
    }
    jump_out(t, 0);
}

/* Of a conditional branch within a region that does not test on both ways: whether the jump is made where it is not
 * taken, and the other way goes on behind it. */
static bool jumps_if_not(const struct translation_state *t)
{
    const int taken = t->here->taken, next = t->here->next;
    return t->here->taken_tests ||
           (taken != IR_OUTSIDE && !t->here->next_tests && (comes_next(t, taken) || next == IR_OUTSIDE));
}

/* Before a conditional branch. Each way on sees to its own flags, that of the jump out of line; unless both want them,
 * or the jump is usually made. */
static void commit_before_branch(struct translation_state *t)
{
    const int taken = t->here->taken, next = t->here->next;
    if (!t->ir->is_region)
        return;
    flags_note_edge(t, taken);
    flags_note_edge(t, next);
    if (t->here->taken_tests && t->here->next_tests)
        return;
    const int jump = jumps_if_not(t) ? next : taken, other = jumps_if_not(t) ? taken : next;
    if (wants_flags(t, jump) && (wants_flags(t, other) || other == IR_OUTSIDE ||
                                 t->ir->blocks[jump].heat > t->ir->blocks[other].heat))
        commit_for(t, jump, other);
}

/* The branch is taken where `cc` holds. Nothing here touches the host's flags, except that what is pending has been
 * committed where only they hold it. */
static void branch_both(struct translation_state *t, enum x64_cc cc)
{
    const int taken = t->here->taken, next = t->here->next;
    const int64_t distance = t->insn->imm - 4;
    if (!t->ir->is_region) {
        branch_out(t, cc);
        return;
    }
    const bool taken_tests = t->here->taken_tests, next_tests = t->here->next_tests;
    if (taken_tests && next_tests) {
        const struct flags_state flags = {t->flags, t->pending, t->flags_raw, {0}};
        uint8_t *otherwise = x64_jcc(t->c, cc ^ 1);
        join_known_ways(t, true, taken, distance, true);
        follow(t, taken, taken_tests, distance);
        if (comes_next(t, taken))
            jump_within(t, x64_jmp(t->c), taken);
        x64_bind(t->c, otherwise);
        t->flags = flags.flags;
        t->pending = flags.pending;
        t->flags_raw = flags.raw;
        join_known_ways(t, false, next, 0, true);
        follow(t, next, next_tests, 0);
        return;
    }
    if (jumps_if_not(t)) {
        follow_if(t, cc ^ 1, false, next, 0);
        join_known_ways(t, true, taken, distance, true);
        follow(t, taken, taken_tests, distance);
    } else {
        follow_if(t, cc, true, taken, distance);
        join_known_ways(t, false, next, 0, true);
        follow(t, next, next_tests, 0);
    }
}

/* --- calls and returns --------------------------------------------------------------------------------
 *
 * A call leaves the guest's (of a process it is known) and a host return address on the stack of return points
 * (stubs.c). Whatever returns there comes with where the guest wanted to return to in rax, and first looks whether that
 * is it; translations do not change within a stay, so an address that was this place's at the call still is. */

/* Compares a register with a fixed address. Uses rcx. */
static void compare_fixed(struct translation_state *t, unsigned reg, uint64_t address)
{
    if (address <= INT32_MAX) {
        x64_alu_imm(t->c, 1, ALU_CMP, reg, (int32_t)address);
        return;
    }
    x64_mov_imm(t->c, RCX, address);
    x64_alu(t->c, 1, ALU_CMP, reg, RCX);
}

static void begin_call(struct translation_state *t)
{
    struct x64 *c = t->c;
    give_registers(t);
    if (t->cpu->user) {
        x64_mov_imm(c, (unsigned)pin_of[30], block_end(t));
        return;
    }
    x64_load(c, 1, RCX, HOST_CPU, CPU_OFFSET(native.page));
    x64_lea(c, 1, (unsigned)pin_of[30], RCX, (int32_t)t->end_offset);
    x64_push(c, (unsigned)pin_of[30]);
}

static void end_call(struct translation_state *t)
{
    struct x64 *c = t->c;
    if (t->cpu->user) {
        compare_fixed(t, RAX, block_end(t));
    } else {
        x64_pop(c, RCX);
        x64_alu(c, 1, ALU_CMP, RAX, RCX);
    }
    t->return_missed = x64_jcc(c, CC_NE);
    if (t->cpu->user) {
        store_page(t, t->here->physical);
    } else {
        x64_lea(c, 1, RCX, RCX, -(int32_t)t->end_offset);
        x64_store(c, 1, RCX, HOST_CPU, CPU_OFFSET(native.page));
    }
    t->result->returns[t->result->return_count++] = t->return_missed;
    t->flags = FLAGS_UNKNOWN;
    t->flags_raw = false;
    const int next = t->here->next;
    if (next == IR_OUTSIDE) {
        jump_out(t, 0);
        return;
    }
    const struct ir_block *block = &t->ir->blocks[next];
    x64_alu_imm(c, 1, ALU_CMP, HOST_LEFT, (int32_t)block->longest);
    x64_jcc_to(c, CC_L, block->counted);
    take_registers(t);
    hand_flags(t, next);
    if (!comes_next(t, next))
        jump_within(t, x64_jmp(c), next);
}

static struct far_jump *call_out_of_line(struct translation_state *t, bool indirect, int64_t offset)
{
    struct far_jump *far = new_far_jump(t);
    *far = (struct far_jump){
        .call_end = x64_call(t->c), .indirect = indirect, .offset = offset, .lookup = lookup_of(t), .insn = t->insn};
    return far;
}

static void call_direct(struct translation_state *t)
{
    int64_t distance = t->insn->imm - 4;
    uint64_t target = block_end(t) + (uint64_t)distance;
    begin_call(t);
    if (is_fixed(t, target)) {
        if (!within_page(t, target))
            store_page(t, target);
        make_patchable(t, 1);
        add_link(t, x64_call(t->c), target);
    } else {
        call_out_of_line(t, false, (int64_t)t->end_offset + distance);
    }
    end_call(t);
}

/* rax = where a register leads, and with an instruction that authenticates it, what is left of it then. */
static void load_target(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    switch (insn->op) {
    case OP_bra:
    case OP_blra: pauth_check_to_rax(t, insn->rn, insn->rm); break;
    case OP_braz:
    case OP_blraz: pauth_check_to_rax(t, insn->rn, REG_ZERO); break;
    case OP_reta: pauth_check_to_rax(t, 30, REG_SP); break;
    default: general_copy(t, insn->rn, RAX); break;
    }
}

static void return_to_rax(struct translation_state *t)
{
    give_registers(t);
    x64_ret(t->c);
}

static void call_indirect(struct translation_state *t, unsigned btype)
{
    load_target(t);
    begin_call(t);
    call_out_of_line(t, true, 0)->btype = (uint8_t)btype;
    end_call(t);
}

static void branch_indirect(struct translation_state *t)
{
    load_target(t);
    give_registers(t);
    x64_jmp_to(t->c, t->stubs->jump_by_hash);
}

/* BR where there is Branch Target Identification: the target's block must be known for the BTYPE that it leaves. Else
 * exec_ does it. */
static void branch_guarded(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    struct far_jump *far = new_far_jump(t);
    *far = (struct far_jump){.indirect = true, .lookup = lookup_of(t), .btype = btype_of(insn), .insn = insn};
    load_target(t);
    give_registers(t);
    jump_by_lookup(t, far);
}

static void branch_to_register(struct translation_state *t)
{
    if (has_feature(&t->cpu->features, FEAT_BTI))
        branch_guarded(t);
    else
        branch_indirect(t);
}

/* BLR. With Branch Target Identification exec_ may do it, from the start: so it must not have lost its operands. */
static bool call_register(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    const bool bti = has_feature(&t->cpu->features, FEAT_BTI);
    if (bti && (insn->rn == 30 || (insn->op == OP_blra && insn->rm == 30)))
        return false;
    call_indirect(t, bti ? 2 : 0);
    return true;
}

static void branch_if(struct translation_state *t, unsigned cond)
{
    if (t->pending.host_only && !t->ir->is_region)
        commit_flags(t); /* which may turn the carry over */
    branch_both(t, condition(t, cond));
}

/* Before a test of their own. What is pending and only there has been committed (flags_before_insn). */
static void forget_host_flags(struct translation_state *t)
{
    if (!t->ir->is_region)
        commit_flags(t);
    t->flags = FLAGS_UNKNOWN;
}

static bool leaves_always(unsigned op)
{
    switch (op) {
    case OP_bl:
    case OP_ret:
    case OP_reta:
    case OP_br:
    case OP_bra:
    case OP_braz:
    case OP_blr:
    case OP_blra:
    case OP_blraz: return true;
    default: return false;
    }
}

enum outcome translate_branch(struct translation_state *t)
{
    const struct insn *insn = t->insn;
    if (t->here->jumps && t->table.places) {
        branch_by_table(t);
        return ENDED;
    }
    if (leaves_always(insn->op))
        commit_flags(t);
    else if (insn->op != OP_b && (insn->op != OP_b_cond || insn->opt < 14))
        commit_before_branch(t);
    switch (insn->op) {
    case OP_b: branch_always(t); return ENDED;
    case OP_bl: call_direct(t); return ENDED;
    case OP_b_cond:
        if (insn->opt >= 14)
            branch_always(t);
        else
            branch_if(t, insn->opt);
        return ENDED;
    case OP_cbz:
    case OP_cbnz: {
        forget_host_flags(t);
        unsigned n = general_use(t, insn->rn, RAX);
        x64_test(t->c, insn->sf, n, n);
        branch_both(t, insn->op == OP_cbz ? CC_E : CC_NE);
        return ENDED;
    }
    case OP_tbz:
    case OP_tbnz:
        forget_host_flags(t);
        if (insn->amount < 32) { /* the host does that and the jump in one */
            x64_test_imm(t->c, 0, general_use(t, insn->rn, RAX), (int32_t)(1u << insn->amount));
            branch_both(t, insn->op == OP_tbz ? CC_E : CC_NE);
        } else {
            x64_bit_test(t->c, general_use(t, insn->rn, RAX), insn->amount);
            branch_both(t, insn->op == OP_tbz ? CC_AE : CC_B);
        }
        return ENDED;
    case OP_ret:
        if (insn->rn == 30) {
            load_target(t);
            return_to_rax(t);
        } else {
            branch_indirect(t);
        }
        return ENDED;
    case OP_reta:
        load_target(t);
        return_to_rax(t);
        return ENDED;
    case OP_br:
    case OP_bra:
    case OP_braz: branch_to_register(t); return ENDED;
    case OP_blr:
    case OP_blra:
    case OP_blraz: return call_register(t) ? ENDED : LEFT_TO_EXEC;
    default: return LEFT_TO_EXEC;
    }
}

