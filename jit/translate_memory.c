/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loads and stores of general and vector registers. */
#include "jit/access.h"
#include "jit/sharing.h"
#include "jit/translate_vector.h"

#define WAYS_OF_A_MISS 2 /* the page is not known; the access goes past its end */

/* rcx = how far behind a table's beginning the entry of the guest address in `address` lies. Uses rdx. */
void load_tlb_place(struct x64 *c, unsigned address)
{
    const unsigned entry_bits = 5;
    _Static_assert(sizeof(struct tlb_entry) == 32, "the index is scaled by the entry's size");
    _Static_assert(TLB_ENTRIES <= 1u << (32 - TLB_FOLD_BIT), "it is made of the low half of the address");
    if (host_has.bmi2) {
        x64_rorx(c, 0, RCX, address, 12 - entry_bits);
        x64_rorx(c, 0, RDX, address, TLB_FOLD_BIT - entry_bits);
    } else {
        x64_mov(c, 0, RCX, address);
        x64_shift_imm(c, 0, SHIFT_SHR, RCX, 12 - entry_bits);
        x64_mov(c, 0, RDX, address);
        x64_shift_imm(c, 0, SHIFT_SHR, RDX, TLB_FOLD_BIT - entry_bits);
    }
    x64_alu(c, 0, ALU_XOR, RCX, RDX);
    x64_alu_imm(c, 0, ALU_AND, RCX, (TLB_ENTRIES - 1) << entry_bits);
}

/* to = the table of a regime. Uses temp. */
void load_tlb_table(struct x64 *c, unsigned to, unsigned temp, enum tlb_regime regime)
{
    const unsigned table_bits = 17;
    _Static_assert(sizeof ((struct tlb *)0)->tables[0] == 1 << 17, "the number is scaled by a table's size");
    _Static_assert(offsetof(struct tlb, tables) == 0, "the tables come first");
    x64_load(c, 1, temp, HOST_CPU, CPU_OFFSET(tlb_all));
    x64_load_sized(c, 0, false, 0, to, temp, (int32_t)(offsetof(struct tlb, table_of) + regime));
    x64_shift_imm(c, 1, SHIFT_SHL, to, table_bits);
    x64_alu(c, 1, ALU_ADD, to, temp);
}

/* rcx = the entry of the guest address in `address`, in the table that plain accesses go by. Uses rdx. */
static void load_tlb_entry(struct x64 *c, unsigned address)
{
    load_tlb_place(c, address);
    x64_alu_load(c, 1, ALU_ADD, RCX, HOST_CPU, CPU_OFFSET(tlb));
}

#define BY_TABLE REG_COUNT

#define SECOND_WAY (int32_t)(TLB_ENTRIES * sizeof(struct tlb_entry))

static int32_t tag_of(bool write)
{
    return write ? offsetof(struct tlb_entry, write_tag) : offsetof(struct tlb_entry, read_tag);
}

/* ecx is how many bytes at the guest address in rax are accessed. Where they lie in a page of the table's second way,
 * returns with the carry set and what makes rax the host's in rcx. Else goes on, with rcx as it was. Uses rdx. */
static void emit_find_in_second_way(struct x64 *c, bool write)
{
    x64_push(c, RCX);
    load_tlb_entry(c, RAX);
    x64_load(c, 1, RDX, RCX, SECOND_WAY + tag_of(write));
    x64_alu(c, 1, ALU_XOR, RDX, RAX);
    x64_alu_imm(c, 1, ALU_CMP, RDX, (int32_t)PAGE_SIZE_BYTES);
    uint8_t *other = x64_jcc(c, CC_AE);
    x64_alu_load(c, 1, ALU_ADD, RDX, RSP, 0);
    x64_alu_imm(c, 1, ALU_CMP, RDX, (int32_t)PAGE_SIZE_BYTES);
    uint8_t *crosses = x64_jcc(c, CC_A);
    x64_load(c, 1, RCX, RCX, SECOND_WAY + (int32_t)offsetof(struct tlb_entry, addend));
    x64_pop(c, RDX);
    x64_stc(c);
    x64_ret(c);
    x64_bind(c, other);
    x64_bind(c, crosses);
    x64_pop(c, RCX);
}

/* rax is a guest address. Where it lies in the page that the debugger watches bytes of, and beside those, the carry is
 * set; else it is clear. Of an access that misses the table, ecx is how many bytes it has and becomes what makes rax
 * the host's. Of one that misses the slot of `base`, which may be a row, rcx becomes its place in the page; the slot
 * gets the addend alone. */
static void emit_find_watched(struct x64 *c, bool write, unsigned base)
{
    const bool row = base != BY_TABLE;
    uint8_t *other[3];
    if (!row)
        emit_find_in_second_way(c, write);
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(slots.watched[write].tag));
    x64_alu(c, 1, ALU_XOR, RDX, RAX);
    x64_alu_load(c, 1, ALU_CMP, RDX, HOST_CPU, CPU_OFFSET(slots.watched[write].limit));
    other[0] = x64_jcc(c, CC_AE);
    if (row) {
        x64_mov(c, 0, RCX, RDX);
        x64_alu_load(c, 0, ALU_SUB, RDX, HOST_CPU, CPU_OFFSET(slots.watched[write].near));
        x64_alu_load(c, 0, ALU_CMP, RDX, HOST_CPU, CPU_OFFSET(slots.watched[write].near_bytes));
        other[1] = x64_jcc(c, CC_B);
    } else {
        x64_alu(c, 0, ALU_ADD, RCX, RDX);
        x64_alu_load(c, 0, ALU_CMP, RCX, HOST_CPU, CPU_OFFSET(slots.watched[write].from));
        uint8_t *in_front = x64_jcc(c, CC_BE);
        x64_alu_imm(c, 0, ALU_CMP, RCX, (int32_t)PAGE_SIZE_BYTES);
        uint8_t *crosses = x64_jcc(c, CC_A);
        x64_alu_load(c, 0, ALU_CMP, RDX, HOST_CPU, CPU_OFFSET(slots.watched[write].to));
        other[1] = x64_jcc(c, CC_B);
        x64_bind(c, in_front);
        other[2] = crosses;
    }
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(slots.watched[write].flags));
    x64_load_sized(c, 0, false, 0, RDX, RDX, 0);
    x64_test_imm(c, 0, RDX, (uint8_t)~(PAGE_WATCHED | PAGE_READ_WATCHED));
    uint8_t *flagged = x64_jcc(c, CC_NE);
    x64_load(c, 1, row ? RDX : RCX, HOST_CPU, CPU_OFFSET(slots.watched[write].addend));
    if (row) {
        x64_store(c, 1, RDX, HOST_CPU, CPU_OFFSET(slots.addend[write][base]));
        x64_store_imm(c, 1, HOST_CPU, CPU_OFFSET(slots.limit[write][base]), 0);
    }
    x64_stc(c);
    x64_ret(c);
    for (unsigned i = 0; i < (row ? 2 : 3); i++)
        x64_bind(c, other[i]);
    x64_bind(c, flagged);
    x64_alu(c, 0, ALU_XOR, RDX, RDX); /* no carry */
    x64_ret(c);
}

/* rdx = what makes the guest address in `address` the host's, by the indexed table. Returns the jump of a miss, to be
 * bound. Uses rcx. */
static uint8_t *find_in_table(struct x64 *c, unsigned address, unsigned bytes, bool write)
{
    load_tlb_entry(c, address);
    x64_load(c, 1, RDX, RCX, tag_of(write));
    x64_alu(c, 1, ALU_XOR, RDX, address);
    x64_alu_imm(c, 1, ALU_CMP, RDX, (int32_t)(PAGE_SIZE_BYTES - bytes));
    uint8_t *missed = x64_jcc(c, CC_A);
    x64_load(c, 1, RDX, RCX, offsetof(struct tlb_entry, addend));
    return missed;
}

static unsigned find_by_table(struct translation_state *t, unsigned address, unsigned bytes, bool write)
{
    uint8_t *missed = find_in_table(t->c, address, bytes, write);
    t->misses[t->miss_count++] = (struct slot_miss){.jump_end = missed,
                                                    .resume = t->c->at,
                                                    .insn = t->insn,
                                                    .address = (uint8_t)address,
                                                    .bytes = (uint16_t)bytes,
                                                    .write = write,
                                                    .of_table = true,
                                                    .slow_index = t->slow_count};
    t->slow[t->slow_count++] = (struct slow_path){.insn = t->insn, .flags = t->pending};
    return X64_INDEXED(address, RDX, 0);
}

unsigned find_host(struct translation_state *t, unsigned address, int32_t offset, unsigned bytes, bool write,
                   bool has_base)
{
    struct x64 *c = t->c;
    t->flags = FLAGS_UNKNOWN;
    if (!has_base || t->changes_pages)
        return find_by_table(t, address, bytes, write);
    const unsigned base = t->insn->rn, checked = bytes + (unsigned)offset;
    sharing_slot_used(t, base, write);
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(slots.tag[write][base]));
    x64_alu(c, 1, ALU_XOR, RDX, address);
    x64_alu_load(c, 1, ALU_CMP, RDX, HOST_CPU, CPU_OFFSET(slots.limit[write][base]));
    uint8_t *missed = x64_jcc(c, CC_AE);
    if (checked > TLB_SLOT_BYTES) { /* rdx is the place in the page */
        x64_alu_imm(c, 0, ALU_CMP, RDX, (int32_t)(PAGE_SIZE_BYTES - checked));
        slow_if(t, CC_A);
    }
    t->misses[t->miss_count++] = (struct slot_miss){.jump_end = missed,
                                                    .resume = c->at,
                                                    .insn = t->insn,
                                                    .address = (uint8_t)address,
                                                    .offset = (uint8_t)offset,
                                                    .bytes = (uint16_t)bytes,
                                                    .write = write,
                                                    .counter = t->miss_counter,
                                                    .begun_at = t->begun_at,
                                                    .slow_index = t->slow_count};
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(slots.addend[write][base]));
    for (unsigned i = 0; i < WAYS_OF_A_MISS; i++)
        t->slow[t->slow_count++] = (struct slow_path){.insn = t->insn, .flags = t->pending};
    return X64_INDEXED(address, RDX, 0);
}

void translate_address(struct translation_state *t, unsigned bytes, bool write, bool has_base)
{
    if (t->cpu->user) {
        t->flags = FLAGS_UNKNOWN;
        may_fault(t);
        return;
    }
    find_host(t, RAX, 0, bytes, write, has_base);
    x64_alu(t->c, 1, ALU_ADD, RAX, RDX);
}

/* Where rax lies in a page that the table knows, the slot of base register `base` becomes that of the page, rcx the
 * place in the page, and the carry is set. Else it is clear. */
static void emit_fill_slot(struct x64 *c, unsigned base, bool write)
{
    const int32_t tag = tag_of(write);
    load_tlb_entry(c, RAX);
    x64_load(c, 1, RDX, RCX, tag);
    x64_alu(c, 1, ALU_XOR, RDX, RAX);
    x64_alu_imm(c, 1, ALU_CMP, RDX, (int32_t)PAGE_SIZE_BYTES);
    uint8_t *missed = x64_jcc(c, CC_AE);
    const uint64_t found = x64_here(c);
    x64_load(c, 1, RDX, RCX, tag);
    x64_store(c, 1, RDX, HOST_CPU, CPU_OFFSET(slots.tag[write][base]));
    x64_load(c, 1, RCX, RCX, offsetof(struct tlb_entry, addend));
    x64_store(c, 1, RCX, HOST_CPU, CPU_OFFSET(slots.addend[write][base]));
    x64_store_imm(c, 1, HOST_CPU, CPU_OFFSET(slots.limit[write][base]), TLB_SLOT_LIMIT);
    x64_mov(c, 0, RCX, RAX);
    x64_alu_imm(c, 0, ALU_AND, RCX, PAGE_SIZE_BYTES - 1);
    x64_stc(c);
    x64_ret(c);
    x64_bind(c, missed);
    x64_alu_imm(c, 1, ALU_ADD, RCX, SECOND_WAY);
    x64_load(c, 1, RDX, RCX, tag);
    x64_alu(c, 1, ALU_XOR, RDX, RAX);
    x64_alu_imm(c, 1, ALU_CMP, RDX, (int32_t)PAGE_SIZE_BYTES);
    x64_jcc_to(c, CC_B, found);
    emit_find_watched(c, write, base);
}

/* Whatever a slot holds, nothing lies within a limit of 0. */
static void emit_empty_slots(struct x64 *c)
{
    const int32_t bytes = sizeof ((struct cpu *)0)->slots.limit;
    vec_zero(c, 0);
    for (int32_t at = 0; at < bytes; at += 16)
        vec_unary_load(c, SSE_MOVUPS_STORE, 0, HOST_CPU, CPU_OFFSET(slots.limit) + at);
    for (unsigned write = 0; write < 2; write++)
        x64_store_imm(c, 1, HOST_CPU, CPU_OFFSET(slots.watched[write].limit), 0);
    x64_ret(c);
}

void memory_stubs_emit(struct x64 *c, struct stubs *stubs)
{
    stubs->empty_slots = x64_here(c);
    emit_empty_slots(c);
    for (unsigned write = 0; write < 2; write++) {
        stubs->find_watched[write] = x64_here(c);
        emit_find_watched(c, write, BY_TABLE);
        for (unsigned base = 0; base < REG_COUNT; base++) {
            stubs->fill_slot[write][base] = x64_here(c);
            emit_fill_slot(c, base, write);
        }
    }
}

/* The access misses often: the region may be better otherwise. */
static void adapt_and_begin_anew(struct translation_state *t, const struct slot_miss *miss, uint8_t *often)
{
    x64_bind(t->c, often);
    t->adapt_calls[t->adapt_call_count++] = x64_call(t->c);
    uint8_t *back = x64_jmp(t->c);
    if (!t->c->full)
        x64_patch(back, miss->begun_at);
}

/* rax = the guest address of an access that missed. */
static void load_missed_address(struct translation_state *t, const struct slot_miss *miss)
{
    if (miss->address != RAX || miss->offset)
        x64_lea(t->c, 1, RAX, miss->address, miss->offset);
}

/* The access misses the table, maybe only as its page is watched. */
static void emit_table_miss(struct translation_state *t, const struct slot_miss *miss)
{
    struct x64 *c = t->c;
    x64_bind(c, miss->jump_end);
    load_missed_address(t, miss);
    x64_mov_imm(c, RCX, miss->bytes);
    x64_call_to(c, t->stubs->find_watched[miss->write]);
    t->slow[miss->slow_index].jump_end = x64_jcc(c, CC_AE);
    x64_mov(c, 1, RDX, RCX);
    uint8_t *back = x64_jmp(c);
    if (!c->full)
        x64_patch(back, miss->resume);
}

void emit_slot_misses(struct translation_state *t)
{
    struct x64 *c = t->c;
    for (unsigned i = 0; i < t->miss_count; i++) {
        const struct slot_miss *miss = &t->misses[i];
        uint8_t *often = NULL;
        if (miss->of_table) {
            emit_table_miss(t, miss);
            continue;
        }
        x64_bind(c, miss->jump_end);
        if (miss->counter)
            x64_increment_at(c, (uint64_t)miss->counter);
        if (miss->counter && t->ir->is_region)
            often = x64_jcc(c, CC_E);
        load_missed_address(t, miss);
        x64_call_to(c, t->stubs->fill_slot[miss->write][miss->insn->rn]);
        t->slow[miss->slow_index].jump_end = x64_jcc(c, CC_AE);
        x64_alu_imm(c, 0, ALU_CMP, RCX, (int32_t)(PAGE_SIZE_BYTES - miss->bytes));
        t->slow[miss->slow_index + 1].jump_end = x64_jcc(c, CC_A);
        if (miss->address == RAX && miss->offset)
            x64_lea(c, 1, RAX, RAX, -miss->offset);
        uint8_t *back = x64_jmp(c);
        if (!c->full)
            x64_patch(back, miss->resume);
        if (often)
            adapt_and_begin_anew(t, miss, often);
    }
}

/* The SP alignment check of the base register, which is in `host`: once, as long as nothing else is done to it. */
static void check_base(struct translation_state *t, unsigned host)
{
    if (t->insn->rn != REG_SP || (t->cpu->user && t->sp_aligned))
        return;
    x64_test_imm(t->c, 0, host, 15);
    slow_if(t, CC_NE);
    t->sp_aligned = true;
    t->flags = FLAGS_UNKNOWN;
}

bool access_keeps_flags(const struct translation_state *t)
{
    const struct access_form *form = &access_forms[t->insn->op];
    return t->cpu->user && form->count && (t->insn->rn != REG_SP || t->sp_aligned) &&
           (!transfer_is_vector(form->transfer) || t->ir->is_region || t->fp_checked);
}

/* The base register's address plus `offset`, in rax, with the SP alignment check. */
void address_at(struct translation_state *t, int32_t offset)
{
    unsigned n = general_use(t, t->insn->rn, RAX);
    check_base(t, n);
    if (offset || n != RAX)
        x64_lea(t->c, 1, RAX, n, offset);
}

unsigned base_address(struct translation_state *t, int32_t offset)
{
    const unsigned n = general_use(t, t->insn->rn, RAX);
    check_base(t, n);
    if (!offset)
        return n;
    x64_lea(t->c, 1, RAX, n, offset);
    return RAX;
}

/* v<reg> is 1 << size bytes from [base + offset], and zeroes. Uses rcx. */
static void load_vector(struct translation_state *t, unsigned reg, unsigned size, unsigned base, int32_t offset)
{
    static const enum sse_op loads[] = {[2] = SSE_MOVD, [3] = SSE_MOVQ, [4] = SSE_MOVUPS};
    const unsigned xmm = vector_destination(t, reg, 0);
    if (size >= 2) {
        vec_unary_load(t->c, loads[size], xmm, base, offset);
    } else {
        x64_load_sized(t->c, size, false, 0, RCX, base, offset);
        vec_unary(t->c, SSE_MOVD, xmm, RCX);
    }
    vector_done(t, reg, xmm, 16, size < 2 ? 4 : 1u << size);
}

static void store_vector(struct translation_state *t, unsigned reg, unsigned size, unsigned base, int32_t offset)
{
    static const enum sse_op stores[] = {[2] = SSE_MOVSS_STORE, [3] = SSE_MOVQ_STORE, [4] = SSE_MOVUPS_STORE};
    const unsigned xmm = vector_use_low(t, reg, 0, size < 2 ? 4 : 1u << size);
    if (size >= 2) {
        vec_unary_load(t->c, stores[size], xmm, base, offset);
    } else {
        vec_unary(t->c, SSE_MOVD_TO, xmm, RCX);
        x64_store_sized(t->c, size, RCX, base, offset);
    }
}

/* Moves one register from or to host memory at [base + offset]; base is a host register, or X64_INDEXED(); not rcx. */
static void transfer(struct translation_state *t, enum transfer kind, unsigned reg, unsigned size, unsigned base,
                     int32_t offset)
{
    struct x64 *c = t->c;
    switch (kind) {
    case TRANSFER_LOAD:
    case TRANSFER_LOAD_SIGNED_64:
    case TRANSFER_LOAD_SIGNED_32: {
        unsigned d = general_destination(t, reg, RCX);
        x64_load_sized(c, size, kind != TRANSFER_LOAD, kind == TRANSFER_LOAD_SIGNED_64, d, base, offset);
        general_done(t, reg, d);
        break;
    }
    case TRANSFER_STORE:
        if (reg == REG_ZERO)
            x64_store_zero(c, size, base, offset);
        else
            x64_store_sized(c, size, general_use(t, reg, RCX), base, offset);
        break;
    case TRANSFER_LOAD_VECTOR: load_vector(t, reg, size, base, offset); break;
    case TRANSFER_STORE_VECTOR: store_vector(t, reg, size, base, offset); break;
    }
}

/* At the base register plus an immediate. False: a form for exec_ alone. */
static bool access_imm(struct translation_state *t, const struct access_form *form)
{
    const struct insn *insn = t->insn;
    const enum transfer kind = form->transfer;
    const bool pair = form->count == 2;
    const bool clashes = !transfer_is_vector(kind) && (insn->rd == insn->rn || (pair && insn->ra == insn->rn));
    if (form->indexing != INDEX_OFFSET && clashes)
        return false;
    if (pair && !transfer_is_store(kind) && insn->rd == insn->ra)
        return false;
    if (transfer_is_vector(kind))
        check_fp(t);
    unsigned base;
    int32_t at;
    if (t->cpu->user) { /* the guest's addresses are the host's */
        base = general_use(t, insn->rn, RAX);
        check_base(t, base);
        may_fault(t);
        at = access_offset(insn);
    } else {
        at = access_offset(insn);
        base = share_address(t, &at, access_bytes(insn), transfer_is_store(kind));
    }
    const int32_t step = 1 << insn->size;
    if (pair && insn->rd == insn->rn) { /* loaded last, as the other may fault, and needs it */
        transfer(t, kind, insn->ra, insn->size, base, at + step);
        transfer(t, kind, insn->rd, insn->size, base, at);
    } else {
        transfer(t, kind, insn->rd, insn->size, base, at);
        if (pair)
            transfer(t, kind, insn->ra, insn->size, base, at + step);
    }
    if (form->indexing != INDEX_OFFSET) {
        unsigned n = general_use(t, insn->rn, RAX);
        x64_lea(t->c, 1, n, n, (int32_t)insn->imm);
        general_done(t, insn->rn, n);
    }
    return true;
}

/* At the base register plus an index: a register, or a word of one extended. */
static void access_index(struct translation_state *t, const struct access_form *form)
{
    const struct insn *insn = t->insn;
    struct x64 *c = t->c;
    if (transfer_is_vector(form->transfer))
        check_fp(t);
    unsigned n = general_use(t, insn->rn, RAX), m = general_use(t, insn->rm, RCX), shift = insn->amount;
    check_base(t, n);
    if (form->indexing == INDEX_WORD) {
        x64_extend(c, 2, insn->opt, 1, RCX, m);
        m = RCX;
    }
    if (shift > 3) { /* by 16: in two steps, as x86 scales by 8 at most */
        x64_lea_indexed(c, 1, RAX, n, m, 3);
        n = RAX;
        shift = 3;
    }
    if (t->cpu->user) {
        const bool stores =
            form->transfer == TRANSFER_STORE && t->host_of[insn->rd] < 0 && insn->rd != REG_ZERO;
        may_fault(t);
        if (m == RCX && (stores || (transfer_is_vector(form->transfer) && insn->size < 2))) { /* which want rcx */
            x64_lea_indexed(c, 1, RAX, n, m, shift);
            transfer(t, form->transfer, insn->rd, insn->size, RAX, 0);
        } else {
            transfer(t, form->transfer, insn->rd, insn->size, X64_INDEXED(n, m, shift), 0);
        }
        return;
    }
    x64_lea_indexed(c, 1, RAX, n, m, shift);
    const unsigned at = find_host(t, RAX, 0, 1u << insn->size, transfer_is_store(form->transfer), true);
    transfer(t, form->transfer, insn->rd, insn->size, at, 0);
}

static void access_literal(struct translation_state *t, enum transfer kind, unsigned size)
{
    if (transfer_is_vector(kind))
        check_fp(t);
    load_page_address(t, RAX, page_offset(t, t->insn->imm));
    translate_address(t, 1u << size, false, false);
    transfer(t, kind, t->insn->rd, size, RAX, 0);
}

enum outcome translate_memory(struct translation_state *t)
{
    const struct access_form *form = &access_forms[t->insn->op];
    if (form->count) {
        if (form->indexing <= INDEX_POST)
            return access_imm(t, form) ? TRANSLATED : LEFT_TO_EXEC;
        access_index(t, form);
        return TRANSLATED;
    }
    switch (t->insn->op) {
    case OP_ldr_lit: access_literal(t, TRANSFER_LOAD, 2 + t->insn->sf); return TRANSLATED;
    case OP_ldrsw_lit: access_literal(t, TRANSFER_LOAD_SIGNED_64, 2); return TRANSLATED;
    case OP_ldrv_lit: access_literal(t, TRANSFER_LOAD_VECTOR, t->insn->size); return TRANSLATED;
    default: return translate_structure(t) || translate_atomic(t) ? TRANSLATED : LEFT_TO_EXEC;
    }
}
