/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Units of translation: forming them. */
#include "jit/ir.h"
#include <assert.h>
#include <string.h>
#include "jit/operations.h"

/* A block belongs to a region if it was entered at least once for so many entries of the region's first. */
#define RARE_FRACTION 32u

/* --- where blocks lead ------------------------------------------------------------------------------ */

struct successors {
    uint64_t taken, next; /* physical; 0: nowhere in this page */
    bool call, jump;      /* jump: to an address in a register */
};

static uint64_t in_page(const struct block *block, uint64_t physical)
{
    return (physical ^ block->physical) < PAGE_SIZE_BYTES ? physical : 0;
}

/* CPACR_EL1, and what of EL2 there is, some of which decides what is left of it. */
static bool changes_fp_access(enum sysreg reg)
{
    unsigned feature = sysreg_infos[reg].feature;
    return reg == SR_CPACR_EL1 || feature == FEAT_EL2 || feature == FEAT_VHE;
}

/* Whether what is known of the code there begins with reading NZCV. */
static bool reads_flags(const struct block_cache *cache, uint64_t physical)
{
    const struct block *block = block_find(cache, physical);
    if (!block)
        return false;
    const unsigned op = block->insns[0].op;
    return op == OP_b_cond || is_conditional_select(op) || is_conditional_comparison(op);
}

static struct successors successors_of(const struct block *block)
{
    const struct insn *last = &block->insns[block->count - 1];
    const uint64_t end = block->physical + 4ull * block->count;
    const uint64_t target = in_page(block, end - 4 + (uint64_t)last->imm), next = in_page(block, end);
    switch (last->op) {
    case OP_b: return (struct successors){.taken = target};
    case OP_b_cond:
        if (last->opt >= 14)
            return (struct successors){.taken = target};
        return (struct successors){.taken = target, .next = next};
    case OP_cbz:
    case OP_cbnz:
    case OP_tbz:
    case OP_tbnz: return (struct successors){.taken = target, .next = next};
    case OP_br: return (struct successors){.jump = true};
    case OP_isb:
    case OP_msr_daifset:
    case OP_msr_daifclr:
    case OP_msr_pan:
    case OP_msr_uao:
    case OP_msr_spsel: return (struct successors){.next = next};
    case OP_msr: /* not of what a region tests only where it is entered */
        if (changes_fp_access(sysreg_by_key(sysreg_key(last->word))))
            return (struct successors){0};
        return (struct successors){.next = next};
    case OP_bl:
    case OP_blr:
    case OP_blra:
    case OP_blraz: return (struct successors){.next = next, .call = true};
    default:
        if (insn_infos[last->op].flags & INSN_ENDS_BLOCK)
            return (struct successors){0};
        return (struct successors){.next = next};
    }
}

/* --- choosing blocks -------------------------------------------------------------------------------- */

struct forming {
    struct ir *ir;
    const struct block_cache *cache;
    ir_heat *heat;
    const void *context;
    uint32_t enough;
    struct block *chosen[IR_MAX_BLOCKS];
    struct successors ways[IR_MAX_BLOCKS];
    uint32_t heats[IR_MAX_BLOCKS];
    bool placed[IR_MAX_BLOCKS];
    bool jumps;   /* there is a BR, which may stay in the region */
    bool repeats; /* its head comes a second time */
    unsigned count, insns;
};

static int find_chosen(const struct forming *f, uint64_t physical)
{
    for (unsigned i = 0; physical && i < f->count; i++)
        if (f->chosen[i]->physical == physical)
            return (int)i;
    return IR_OUTSIDE;
}

static void choose(struct forming *f, struct block *block)
{
    const unsigned at = f->count++;
    f->chosen[at] = block;
    f->ways[at] = successors_of(block);
    f->heats[at] = f->heat(f->context, block);
    f->insns += block->count;
}

static void consider(struct forming *f, uint64_t physical)
{
    if (!physical || f->count == IR_MAX_BLOCKS || find_chosen(f, physical) != IR_OUTSIDE)
        return;
    struct block *block = block_find(f->cache, physical);
    if (block && f->insns + block->count <= IR_MAX_OPS && f->heat(f->context, block) >= f->enough)
        choose(f, block);
}

/* Where BR leads is not said by the block, but those that came by it are known. */
static void consider_jumps(struct forming *f)
{
    for (const struct block *block = block_of_page(f->cache, f->chosen[0]->physical); block; block = block->next_page)
        if (block->jumped_to)
            consider(f, block->physical);
}

/* The hottest of two that are not placed yet, or IR_OUTSIDE. */
static int hotter(const struct forming *f, int a, int b)
{
    if (a != IR_OUTSIDE && f->placed[a])
        a = IR_OUTSIDE;
    if (b == IR_OUTSIDE || f->placed[b])
        return a;
    return a == IR_OUTSIDE || f->heats[b] > f->heats[a] ? b : a;
}

static void place(struct forming *f, int index)
{
    struct ir *ir = f->ir;
    struct ir_block *to = &ir->blocks[ir->block_count++];
    struct block *block = f->chosen[index];
    f->placed[index] = true;
    *to = (struct ir_block){
        .block = block,
        .physical = block->physical,
        .ops = &ir->ops[ir->op_count],
        .count = block->count,
        .heat = f->heats[index],
        .taken = IR_OUTSIDE,
        .next = IR_OUTSIDE,
        .ends_in_call = f->ways[index].call,
        .jumps = f->ways[index].jump && f->ir->is_region,
        .is_target = f->jumps && block->jumped_to,
    };
    for (unsigned i = 0; i < block->count; i++)
        ir->ops[ir->op_count++] = (struct ir_op){.insn = block->insns[i], .record = &block->insns[i]};
}

/* Whether the region begins with a loop: its own edges lead to the head's second copy. */
static bool repeats_head(const struct forming *f)
{
    const struct block *head = f->chosen[0];
    bool is_loop = false, has_access = false;
    for (unsigned i = 0; i < f->count; i++)
        is_loop |= f->ways[i].taken == head->physical || (f->ways[i].next == head->physical && !f->ways[i].call);
    for (unsigned i = 0; i < head->count; i++)
        has_access |= (insn_infos[head->insns[i].op].flags & INSN_MEMORY) != 0;
    return is_loop && has_access && f->count < IR_MAX_BLOCKS && f->insns + head->count <= IR_MAX_OPS;
}

/* Block `at` of those chosen comes next; the head may be wanted again. */
static void place_next(struct forming *f, int at)
{
    struct ir *ir = f->ir;
    place(f, at);
    if (at || !f->repeats)
        return;
    f->placed[0] = ir->block_count > 1;
    if (f->placed[0]) {
        ir->head_again = ir->block_count - 1;
        ir->blocks[ir->head_again].is_target = false; /* the first is */
    }
}

/* Blocks that usually follow each other come in a row. */
static void lay_out(struct forming *f)
{
    for (int at = 0; at != IR_OUTSIDE;) {
        place_next(f, at);
        at = hotter(f, find_chosen(f, f->ways[at].taken), find_chosen(f, f->ways[at].next));
        for (unsigned i = 0; at == IR_OUTSIDE && i < f->count; i++)
            if (!f->placed[i])
                at = (int)i;
    }
}

static int index_of(const struct ir *ir, uint64_t physical)
{
    for (unsigned i = ir->head_again ? 1 : 0; physical && i < ir->block_count; i++)
        if (ir->blocks[i].block->physical == physical)
            return (int)i;
    return IR_OUTSIDE;
}

/* --- edges, loops, tests ---------------------------------------------------------------------------- */

static bool is_direct_branch(unsigned op)
{
    return op == OP_b || op == OP_b_cond || op == OP_cbz || op == OP_cbnz || op == OP_tbz || op == OP_tbnz;
}

/* What its ways out find. (The page behind may be another one for this CPU: then its code gets flags in the form that
 * is not the quickest.) */
static void look_outside(const struct forming *f, struct ir_block *block)
{
    const struct insn *last = &block->block->insns[block->count - 1];
    const uint64_t end = block->physical + 4ull * block->count;
    block->taken_reads = block->taken == IR_OUTSIDE && is_direct_branch(last->op) &&
                         reads_flags(f->cache, end - 4 + (uint64_t)last->imm);
    block->next_reads = block->next == IR_OUTSIDE && !block->ends_in_call && reads_flags(f->cache, end);
}

static void connect(const struct forming *f, struct ir *ir)
{
    ir->blocks[0].preds = 1;
    for (unsigned i = 0; i < ir->block_count; i++) {
        struct ir_block *block = &ir->blocks[i];
        struct successors ways = successors_of(block->block);
        block->taken = (int16_t)index_of(ir, ways.taken);
        block->next = (int16_t)index_of(ir, ways.next);
        if (block->taken != IR_OUTSIDE)
            ir->blocks[block->taken].preds++;
        if (block->next != IR_OUTSIDE) {
            ir->blocks[block->next].preds++;
            ir->blocks[block->next].is_return |= block->ends_in_call;
        }
        look_outside(f, block);
        for (unsigned to = 0; block->jumps && to < ir->block_count; to++)
            ir->blocks[to].preds += 2 * ir->blocks[to].is_target; /* for it is never the only way there */
    }
}

/* A call's return tests again. */
static int next_without_call(const struct ir_block *block)
{
    return block->ends_in_call ? IR_OUTSIDE : block->next;
}

enum visit { NOT_SEEN, OPEN, CLOSED };

static void find_loops(struct ir *ir, int index, uint8_t *seen)
{
    struct ir_block *block = &ir->blocks[index];
    const int ways[2] = {block->taken, next_without_call(block)};
    bool *const tests[2] = {&block->taken_tests, &block->next_tests};
    seen[index] = OPEN;
    for (unsigned w = 0; w < 2; w++) {
        if (ways[w] == IR_OUTSIDE)
            continue;
        if (seen[ways[w]] == OPEN)
            *tests[w] = ir->blocks[ways[w]].is_loop_head = true;
        else if (seen[ways[w]] == NOT_SEEN)
            find_loops(ir, ways[w], seen);
    }
    seen[index] = CLOSED;
}

static void measure_way(struct ir *ir, struct ir_block *block);

/* Instructions from the edge to `index` on to the next test. */
static uint32_t longest_behind(struct ir *ir, int index, bool tests)
{
    if (index == IR_OUTSIDE || tests)
        return 0;
    if (!ir->blocks[index].longest)
        measure_way(ir, &ir->blocks[index]);
    return ir->blocks[index].longest;
}

static void measure_way(struct ir *ir, struct ir_block *block)
{
    const uint32_t taken = longest_behind(ir, block->taken, block->taken_tests);
    const uint32_t next = longest_behind(ir, next_without_call(block), block->next_tests);
    block->longest = block->count + (taken > next ? taken : next);
}

static void measure_ways(struct ir *ir)
{
    uint8_t seen[IR_MAX_BLOCKS] = {NOT_SEEN};
    if (ir->head_again) /* not from the first, which may lead into the midst of the loop by several ways */
        find_loops(ir, (int)ir->head_again, seen);
    for (unsigned i = 0; i < ir->block_count; i++)
        if (seen[i] == NOT_SEEN)
            find_loops(ir, (int)i, seen);
    for (unsigned i = 0; i < ir->block_count; i++)
        measure_way(ir, &ir->blocks[i]);
}

/* --- entry points ----------------------------------------------------------------------------------- */

void ir_of_region(struct ir *ir, const struct block_cache *cache, struct block *head, ir_heat *heat,
                  const void *context, bool guards)
{
    struct forming f = {.ir = ir, .cache = cache, .heat = heat, .context = context};
    f.enough = heat(context, head) / RARE_FRACTION + 1;
    choose(&f, head);
    for (unsigned i = 0; i < f.count; i++) {
        consider(&f, f.ways[i].taken);
        consider(&f, f.ways[i].next);
        if (f.ways[i].jump && !f.jumps) {
            f.jumps = true;
            consider_jumps(&f);
        }
    }
    ir->block_count = ir->op_count = ir->head_again = 0;
    ir->is_region = true;
    ir->guards = guards;
    f.repeats = repeats_head(&f);
    lay_out(&f);
    connect(&f, ir);
    measure_ways(ir);
    if (JIT_VERIFIES)
        ir_verify(ir);
}

void ir_of_block(struct ir *ir, struct block *block)
{
    struct forming f = {.ir = ir};
    f.chosen[0] = block;
    f.ways[0] = successors_of(block);
    f.count = 1;
    ir->block_count = ir->op_count = ir->head_again = 0;
    ir->is_region = false;
    place(&f, 0);
    ir->blocks[0].preds = 1;
    ir->blocks[0].longest = block->count;
    if (JIT_VERIFIES)
        ir_verify(ir);
}

void ir_verify(const struct ir *ir)
{
    assert(ir->block_count && ir->block_count <= IR_MAX_BLOCKS && ir->op_count <= IR_MAX_OPS);
    for (unsigned i = 0; i < ir->block_count; i++) {
        const struct ir_block *block = &ir->blocks[i];
        assert(block->taken < (int)ir->block_count && block->next < (int)ir->block_count);
        assert(block->ops >= ir->ops && block->ops + block->count <= ir->ops + ir->op_count);
        assert(block->longest >= block->count && block->preds);
        /* What one test at `longest` vouches for covers both ways on. */
        const int ways[2] = {block->taken, next_without_call(block)};
        const bool tests[2] = {block->taken_tests, block->next_tests};
        for (unsigned w = 0; w < 2; w++) {
            if (ways[w] == IR_OUTSIDE)
                continue;
            const struct ir_block *to = &ir->blocks[ways[w]];
            assert(to->block->physical / PAGE_SIZE_BYTES == block->block->physical / PAGE_SIZE_BYTES);
            assert(tests[w] ? to->is_loop_head : block->longest >= block->count + to->longest);
        }
        assert(!block->jumps || (ways[0] == IR_OUTSIDE && ways[1] == IR_OUTSIDE));
        assert(!block->is_target || block->preds > 1);
        for (unsigned k = 0; k < block->count; k++) {
            const struct ir_op *op = &block->ops[k];
            assert(op->record == &block->block->insns[k] && op->insn.left == op->record->left);
            assert(k + 1 == block->count || !(insn_infos[op->record->op].flags & INSN_ENDS_BLOCK));
        }
    }
}
