/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loads and stores of general and vector registers. */
#include "jit/translate_vector.h"

/* rcx = the entry of the guest address in rax, in the table whose address stands at `table` from rbp. Uses rdx. */
void load_tlb_entry(struct x64 *c, int32_t table)
{
    const unsigned entry_bits = 5;
    _Static_assert(sizeof(struct tlb_entry) == 32, "the index is scaled by the entry's size");
    _Static_assert(TLB_ENTRIES <= 1u << (32 - TLB_FOLD_BIT), "it is made of the low half of the address");
    x64_mov(c, 0, RCX, RAX);
    x64_shift_imm(c, 0, SHIFT_SHR, RCX, 12 - entry_bits);
    x64_mov(c, 0, RDX, RAX);
    x64_shift_imm(c, 0, SHIFT_SHR, RDX, TLB_FOLD_BIT - entry_bits);
    x64_alu(c, 0, ALU_XOR, RCX, RDX);
    x64_alu_imm(c, 0, ALU_AND, RCX, (TLB_ENTRIES - 1) << entry_bits);
    x64_alu_load(c, 1, ALU_ADD, RCX, HOST_CPU, table);
}

/* rax is a guest address: finds what makes it the host's, in rcx, by the indexed table. Returns the jump of a miss, to
 * be bound. */
static uint8_t *find_in_table(struct x64 *c, unsigned bytes, bool write)
{
    load_tlb_entry(c, CPU_OFFSET(tlb));
    x64_load(c, 1, RDX, RCX, write ? offsetof(struct tlb_entry, write_tag) : offsetof(struct tlb_entry, read_tag));
    x64_alu(c, 1, ALU_XOR, RDX, RAX);
    x64_alu_imm(c, 1, ALU_CMP, RDX, (int32_t)(PAGE_SIZE_BYTES - bytes));
    uint8_t *missed = x64_jcc(c, CC_A);
    x64_load(c, 1, RCX, RCX, offsetof(struct tlb_entry, addend));
    return missed;
}

/* rax is the guest address of an access: makes it the host's, or takes the slow path. An access through a base register
 * goes by that one's slot first, unless it was seen to change pages often. */
void translate_address(struct translation_state *t, unsigned bytes, bool write, bool has_base)
{
    struct x64 *c = t->c;
    t->flags = FLAGS_UNKNOWN;
    if (!has_base || bytes > TLB_SLOT_BYTES || t->changes_pages) {
        uint8_t *missed = find_in_table(c, bytes, write);
        t->slow[t->slow_count++] = (struct slow_path){.jump_end = missed, .insn = t->insn, .flags = t->pending};
        x64_alu(c, 1, ALU_ADD, RAX, RCX);
        return;
    }
    unsigned base = t->insn->rn;
    x64_load(c, 1, RDX, HOST_CPU, CPU_OFFSET(slots.tag[write][base]));
    x64_alu(c, 1, ALU_XOR, RDX, RAX);
    x64_alu_load(c, 1, ALU_CMP, RDX, HOST_CPU, CPU_OFFSET(slots.limit[write][base]));
    uint8_t *missed = x64_jcc(c, CC_AE);
    x64_alu_load(c, 1, ALU_ADD, RAX, HOST_CPU, CPU_OFFSET(slots.addend[write][base]));
    t->misses[t->miss_count++] = (struct slot_miss){missed,         c->at,           t->insn, (uint8_t)bytes, write,
                                                    t->miss_counter, t->slow_count};
    t->slow[t->slow_count++] = (struct slow_path){.insn = t->insn, .flags = t->pending};
}

void emit_slot_misses(struct translation_state *t)
{
    struct x64 *c = t->c;
    for (unsigned i = 0; i < t->miss_count; i++) {
        const struct slot_miss *miss = &t->misses[i];
        unsigned base = miss->insn->rn;
        x64_bind(c, miss->jump_end);
        t->slow[miss->slow_index].jump_end = find_in_table(c, miss->bytes, miss->write);
        x64_store(c, 1, RCX, HOST_CPU, CPU_OFFSET(slots.addend[miss->write][base]));
        x64_mov(c, 1, RDX, RAX);
        x64_alu_imm(c, 1, ALU_AND, RDX, -4096);
        x64_store(c, 1, RDX, HOST_CPU, CPU_OFFSET(slots.tag[miss->write][base]));
        x64_rm(c, 0, 1, 0xc7, 0, HOST_CPU, CPU_OFFSET(slots.limit[miss->write][base]), false);
        x64_imm32(c, TLB_SLOT_LIMIT);
        if (miss->counter)
            x64_increment_at(c, (uint64_t)miss->counter);
        x64_alu(c, 1, ALU_ADD, RAX, RCX);
        uint8_t *back = x64_jmp(c);
        if (!c->full)
            x64_patch(back, miss->resume);
    }
}

/* The base register's address plus `offset`, in rax, with the SP alignment check. */
void address_at(struct translation_state *t, int32_t offset)
{
    unsigned n = use(t, t->insn->rn, RAX);
    if (t->insn->rn == REG_SP) {
        x64_test_imm(t->c, 0, n, 15);
        slow_if(t, CC_NE);
    }
    if (offset || n != RAX)
        x64_lea(t->c, 1, RAX, n, offset);
}

enum transfer { LOAD, LOAD_SIGNED_64, LOAD_SIGNED_32, STORE, LOAD_VECTOR, STORE_VECTOR };

static bool is_vector(enum transfer kind)
{
    return kind >= LOAD_VECTOR;
}

/* v<reg> is 1 << size bytes from [rax + offset], and zeroes. Uses rcx. */
static void load_vector(struct translation_state *t, unsigned reg, unsigned size, int32_t offset)
{
    static const enum sse_op loads[] = {[2] = SSE_MOVD, [3] = SSE_MOVQ, [4] = SSE_MOVUPS};
    const unsigned xmm = vector_destination(t, reg, 0);
    if (size >= 2) {
        vec_unary_load(t->c, loads[size], xmm, RAX, offset);
    } else {
        x64_load_sized(t->c, size, false, 0, RCX, RAX, offset);
        vec_unary(t->c, SSE_MOVD, xmm, RCX);
    }
    vector_done(t, reg, xmm, 16, size < 2 ? 4 : 1u << size);
}

static void store_vector(struct translation_state *t, unsigned reg, unsigned size, int32_t offset)
{
    static const enum sse_op stores[] = {[2] = SSE_MOVSS_STORE, [3] = SSE_MOVQ_STORE, [4] = SSE_MOVUPS_STORE};
    const unsigned xmm = vector_use_low(t, reg, 0, size < 2 ? 4 : 1u << size);
    if (size >= 2) {
        vec_unary_load(t->c, stores[size], xmm, RAX, offset);
    } else {
        vec_unary(t->c, SSE_MOVD_TO, xmm, RCX);
        x64_store_sized(t->c, size, RCX, RAX, offset);
    }
}

/* Moves one register from or to host memory at [rax + offset]. */
static void transfer(struct translation_state *t, enum transfer kind, unsigned reg, unsigned size, int32_t offset)
{
    struct x64 *c = t->c;
    switch (kind) {
    case LOAD:
    case LOAD_SIGNED_64:
    case LOAD_SIGNED_32: {
        unsigned d = destination(t, reg, RCX);
        x64_load_sized(c, size, kind != LOAD, kind == LOAD_SIGNED_64, d, RAX, offset);
        done(t, reg, d);
        break;
    }
    case STORE: x64_store_sized(c, size, use(t, reg, RCX), RAX, offset); break;
    case LOAD_VECTOR:
        load_vector(t, reg, size, offset);
        break;
    case STORE_VECTOR: store_vector(t, reg, size, offset); break;
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
    translate_address(t, count << size, is_store(kind), true);
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
    translate_address(t, 1u << insn->size, is_store(kind), true);
    transfer(t, kind, insn->rd, insn->size, 0);
    return true;
}

static void access_literal(struct translation_state *t, enum transfer kind, unsigned size)
{
    if (is_vector(kind))
        check_fp(t);
    load_page_address(t, RAX, page_offset(t, t->insn->imm));
    translate_address(t, 1u << size, false, false);
    transfer(t, kind, t->insn->rd, size, 0);
}

enum outcome translate_memory(struct translation_state *t)
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
    case OP_ldnp: return access_imm(t, LOAD, 2, OFFSET) ? TRANSLATED : LEFT_TO_EXEC;
    case OP_stnp: return access_imm(t, STORE, 2, OFFSET) ? TRANSLATED : LEFT_TO_EXEC;
    case OP_ldnpv: return access_imm(t, LOAD_VECTOR, 2, OFFSET) ? TRANSLATED : LEFT_TO_EXEC;
    case OP_stnpv: return access_imm(t, STORE_VECTOR, 2, OFFSET) ? TRANSLATED : LEFT_TO_EXEC;
    default: return translate_structure(t) || translate_atomic(t) ? TRANSLATED : LEFT_TO_EXEC;
    }
#undef ACCESS
#undef PAIR
}

