/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jit/sharing.h"
#include <string.h>
#include "jit/access.h"

#define SP_ALIGNMENT 16

/* How far apart accesses in a row may lie. The farther, the more often the row crosses pages, and goes by its twin;
 * where the check is the table's, more is saved by sharing it. */
#define ROW_BYTES       (int32_t)TLB_ROW_BYTES
#define TABLE_ROW_BYTES 768

/* --- what instructions do to a base register --------------------------------------------------------- */

/* Whether `insn`, which writes `base`, adds to it a number that is known. */
static bool adds_to(const struct insn *insn, unsigned base, int32_t *delta)
{
    const struct access_form *form = &access_forms[insn->op];
    bool adds = false;
    if (insn->rn == base && insn->imm == (int16_t)insn->imm) {
        const bool moves = insn->sf && insn->rd == base;
        if (form->count)
            adds = (form->indexing == INDEX_PRE || form->indexing == INDEX_POST) &&
                   (transfer_is_store(form->transfer) || transfer_is_vector(form->transfer) ||
                    (insn->rd != base && insn->ra != base));
        else
            adds = moves && (insn->op == OP_add_imm || insn->op == OP_sub_imm);
    }
    *delta = insn->op == OP_sub_imm ? -(int32_t)insn->imm : (int32_t)insn->imm;
    return adds && (base != REG_SP || *delta % SP_ALIGNMENT == 0);
}

bool keeps_sp_aligned(const struct insn *insn)
{
    int32_t delta;
    return adds_to(insn, REG_SP, &delta);
}

/* --- rows -------------------------------------------------------------------------------------------- */

struct range {
    int32_t from, to;
    bool write, by_table;
};

static bool takes_in(struct range *range, int32_t from, int32_t to, bool write)
{
    const struct range wider = {from < range->from ? from : range->from, to > range->to ? to : range->to,
                                range->write || write, range->by_table};
    if (wider.to - wider.from > (range->by_table ? TABLE_ROW_BYTES : ROW_BYTES))
        return false;
    *range = wider;
    return true;
}

/* Widens the range of the present access by those behind it that can do with the same check. Returns whether there is
 * one. */
static bool look_ahead(const struct translation_state *t, struct range *range)
{
    const unsigned base = t->insn->rn;
    int32_t moved = 0, delta;
    bool found = false;
    for (unsigned i = t->index; i < t->here->count; i++) {
        const struct insn *insn = &t->here->ops[i].insn;
        const struct access_form *form = &access_forms[insn->op];
        if (insn_infos[insn->op].flags & (INSN_ENDS_BLOCK | INSN_SYSTEM))
            return found;
        if (i > t->index && insn_infos[insn->op].flags & INSN_MEMORY && insn->rn == base) {
            if (!form->count || form->indexing > INDEX_POST || (t->here->ops[i].changes_pages && !range->by_table))
                return found;
            const int32_t from = moved + access_offset(insn), to = from + (int32_t)access_bytes(insn);
            if (!takes_in(range, from, to, transfer_is_store(form->transfer)))
                return found;
            found = true;
        }
        if (insn_may_write(insn, base)) {
            if (!adds_to(insn, base, &delta))
                return found;
            moved += delta;
        }
    }
    return found;
}

static void begin_row(struct translation_state *t, const struct range *range)
{
    const uint8_t index = (uint8_t)t->index;
    struct row *row = &t->rows[t->row_count];
    *row = (struct row){index, index, {t->flags, t->pending, t->flags_raw, {0}}};
    memcpy(row->before.vector_bytes, t->vector_bytes, sizeof t->vector_bytes);
    t->checks[t->insn->rn] = (struct shared_check){.from = range->from,
                                                   .to = range->to,
                                                   .valid = true,
                                                   .write = range->write,
                                                   .by_table = range->by_table,
                                                   .row = (uint8_t)t->row_count++};
}

/* The check is done, of an access that lies in the range of an earlier one. If nothing came between them, rdx is still
 * that one's addend. */
static unsigned join_row(struct translation_state *t)
{
    const unsigned base = t->insn->rn;
    struct shared_check *check = &t->checks[base];
    t->rows[check->row].last = (uint8_t)t->index;
    t->flags = FLAGS_UNKNOWN;
    if (check->addend_end != t->c->at)
        x64_load(t->c, 1, RDX, HOST_CPU, check->by_table ? CPU_OFFSET(native.row_addend[base])
                                                         : CPU_OFFSET(slots.addend[check->write][base]));
    check->addend_end = NULL;
    check->holds_addend = true;
    return X64_INDEXED(general_use(t, base, RAX), RDX, 0);
}

unsigned share_address(struct translation_state *t, int32_t *offset, unsigned bytes, bool write)
{
    struct shared_check *check = &t->checks[t->insn->rn];
    const int32_t to = *offset + (int32_t)bytes;
    if (check->valid && check->from <= *offset && to <= check->to && check->write >= write)
        return join_row(t);
    struct range range = {*offset, to, write, t->changes_pages};
    const bool may_lead = t->ir->is_region && !t->in_twin && t->row_count < MAX_ROWS;
    const bool leads = may_lead && look_ahead(t, &range);
    if (leads)
        begin_row(t, &range);
    /* A slot is looked at by the base register alone where it would be known for what lies before the access too. */
    const bool near = !t->changes_pages && range.from > 0 && range.to <= (int32_t)TLB_SLOT_BYTES;
    const unsigned address = base_address(t, near ? 0 : range.from);
    const unsigned host = find_host(t, address, near ? range.from : 0, (unsigned)(range.to - range.from), range.write,
                                    true);
    if (!near)
        *offset -= range.from;
    if (leads && range.by_table)
        x64_store(t->c, 1, RDX, HOST_CPU, CPU_OFFSET(native.row_addend[t->insn->rn]));
    for (unsigned i = t->slow_first; leads && i < t->slow_count; i++)
        t->slow[i].leads = true;
    check->valid = leads;
    check->holds_addend = leads;
    return host;
}

/* --- as the block goes on ---------------------------------------------------------------------------- */

void sharing_begin(struct translation_state *t)
{
    memset(t->checks, 0, sizeof t->checks);
    t->row_count = 0;
}

void sharing_slot_used(struct translation_state *t, unsigned base, bool write)
{
    if (t->checks[base].write == write && !t->checks[base].by_table)
        t->checks[base].valid = false;
}

void sharing_follow(struct translation_state *t, enum outcome outcome)
{
    const struct insn *insn = t->insn;
    if (!t->row_count)
        return;
    if (outcome == LEFT_TO_EXEC) {
        memset(t->checks, 0, sizeof t->checks);
        return;
    }
    for (unsigned base = 0; base < REG_COUNT; base++) {
        struct shared_check *check = &t->checks[base];
        const bool writes = insn_may_write(insn, base);
        int32_t delta = 0;
        check->valid = check->valid && (!writes || adds_to(insn, base, &delta));
        check->from -= delta;
        check->to -= delta;
        if (check->holds_addend)
            check->addend_end = t->c->at;
        check->holds_addend = false;
    }
}

/* --- twins ------------------------------------------------------------------------------------------- */

/* Where a twin has an operation: from the beginning, and behind what a leader's check stands behind too. */
struct places {
    uint8_t *whole[BLOCK_MAX_INSNS], *begun[BLOCK_MAX_INSNS];
};

/* Ways out of line of the operations from row->first to `last` lead to the twin. */
static void lead_to_twin(struct translation_state *t, unsigned slow_count, const struct row *row, unsigned last,
                         const struct places *at)
{
    for (unsigned i = 0; i < slow_count; i++) {
        struct slow_path *slow = &t->slow[i];
        if (slow->index < row->first || slow->index > last)
            continue;
        if (slow->leads)
            slow->twin = at->begun[slow->index];
        else if (slow->index < last)
            slow->resume = at->whole[slow->index + 1];
    }
}

static void emit_twin(struct translation_state *t, const struct row *row, unsigned last,
                      void (*emit)(struct translation_state *t, unsigned index, bool begun))
{
    const unsigned slow_count = t->slow_count;
    struct places at;
    t->flags = FLAGS_UNKNOWN;
    t->pending = row->before.pending;
    t->flags_raw = row->before.raw;
    memcpy(t->vector_bytes, row->before.vector_bytes, sizeof t->vector_bytes);
    for (unsigned i = row->first; i <= last; i++) {
        at.whole[i] = t->c->at;
        emit(t, i, i == row->first);
        at.begun[i] = t->begun_at;
    }
    uint8_t *back = x64_jmp(t->c);
    if (t->c->full)
        return;
    x64_patch(back, t->behind[last]);
    lead_to_twin(t, slow_count, row, last, &at);
}

void emit_twins(struct translation_state *t, void (*emit)(struct translation_state *t, unsigned index, bool begun))
{
    const unsigned count = t->row_count;
    memset(t->checks, 0, sizeof t->checks);
    t->in_twin = true;
    for (unsigned i = 0; i < count;) {
        const struct row *row = &t->rows[i];
        unsigned last = row->last;
        /* Rows that run through each other have one twin. */
        for (i++; i < count && t->rows[i].first <= last; i++)
            last = t->rows[i].last > last ? t->rows[i].last : last;
        emit_twin(t, row, last, emit);
    }
    t->in_twin = false;
}
