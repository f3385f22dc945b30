/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Translation with permissions: data accesses, fetches, address translation instructions, their faults. */
#include "isa/arm64/mmu.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/tlb_fill.h"

/* The rights that an access needs. */
static unsigned needed_by(const struct mmu_request *request)
{
    static const uint16_t needed[2][5] = {
        {
            [ACCESS_READ] = MAY_READ_EL0,
            [ACCESS_WRITE] = MAY_WRITE_EL0,
            [ACCESS_ATOMIC] = MAY_READ_EL0 | MAY_WRITE_EL0,
            [ACCESS_FETCH] = MAY_EXECUTE_EL0,
            [ACCESS_CACHE] = MAY_READ_EL0,
        },
        {
            [ACCESS_READ] = MAY_READ_EL1,
            [ACCESS_WRITE] = MAY_WRITE_EL1,
            [ACCESS_ATOMIC] = MAY_READ_EL1 | MAY_WRITE_EL1,
            [ACCESS_FETCH] = MAY_EXECUTE_EL1,
            [ACCESS_CACHE] = 0,
        },
    };
    return needed[request->el != 0][request->access];
}

static bool permitted(uint32_t flags, const struct mmu_request *request)
{
    unsigned need = needed_by(request);
    if ((flags & need) != need)
        return false;
    return !(request->pan && request->el && flags & USER_PAGE && request->access <= ACCESS_ATOMIC);
}

static bool is_write(enum mmu_access access)
{
    return access == ACCESS_WRITE || access == ACCESS_ATOMIC;
}

/* What stands between a found translation and the access. */
static unsigned check(const struct translation *found, const struct mmu_request *request)
{
    unsigned level = found->flags >> LEVEL_SHIFT & 3;
    if (request->unaligned && found->flags & IS_DEVICE)
        return FAULT_ALIGNMENT;
    return permitted(found->flags, request) ? FAULT_NONE : FAULT_PERMISSION + level;
}

/* Behind stage 1's checks come those of stage 2, whose rights then limit what is kept. */
static unsigned check_stage2(struct cpu *cpu, struct translation *found, const struct mmu_request *request)
{
    if (!found->stage2_descriptor)
        return FAULT_NONE;
    bool writes = is_write(request->access);
    unsigned status = stage2_check(cpu, found, needed_by(request), writes);
    found->flags &= stage2_rights_left(found, writes && status == FAULT_NONE);
    return status;
}

/* Stage 1's descriptor is about to be updated by hardware: stage 2 must let it be written. */
static unsigned check_update(struct cpu *cpu, const struct translation *found)
{
    uint64_t physical;
    return stage2_is_on(cpu) ? stage2_of_table(cpu, found->descriptor_ipa, true, &physical) : FAULT_NONE;
}

static bool from_tlb(struct cpu *cpu, uint64_t va, const struct mmu_request *request, struct translation *out)
{
    const struct tlb_page *page = tlb_find_page(cpu, va);
    if (!page || !permitted(page->flags, request) ||
        (is_write(request->access) && page->flags & CLEAN_PAGE) ||
        (request->unaligned && page->flags & IS_DEVICE))
        return false;
    unsigned size_bits = page->tag & 63;
    *out = (struct translation){
        .physical = page->physical | (va & ((1ull << size_bits) - 1)),
        .flags = page->flags,
        .size_bits = (uint8_t)size_bits,
        .global = page->asid == TLB_GLOBAL,
    };
    return true;
}

/* E0PD0, E0PD1: EL0 may not use that half at all (and learns nothing of what is in it). */
static bool half_is_open(const struct cpu *cpu, uint64_t va, unsigned el)
{
    return el || !(cpu->sys.TCR_EL1 >> (va >> 55 & 1 ? 56 : 55) & 1) || !has_feature(&cpu->features, FEAT_E0PD);
}

unsigned mmu_translate(struct cpu *cpu, uint64_t va, const struct mmu_request *request,
                       struct translation *out)
{
    bool is_fetch = request->access == ACCESS_FETCH;
    if (!mmu_is_on(cpu)) {
        unsigned status = mmu_walk(cpu, va, is_fetch, out);
        if (status == FAULT_NONE)
            status = check(out, request);
        return status == FAULT_NONE ? check_stage2(cpu, out, request) : status;
    }
    if ((uint64_t)((int64_t)(va << 8) >> 8) != va && !mmu_top_byte_ignored(cpu, va, is_fetch))
        return FAULT_TRANSLATION;
    if (!half_is_open(cpu, va, request->el))
        return FAULT_TRANSLATION;
    if (from_tlb(cpu, va, request, out))
        return FAULT_NONE;
    for (;;) {
        unsigned status = mmu_walk(cpu, va, is_fetch, out);
        if (status == FAULT_NONE)
            status = check(out, request);
        if (status == FAULT_NONE)
            status = check_stage2(cpu, out, request);
        if (status != FAULT_NONE)
            return status;
        bool dirties = is_write(request->access) && out->flags & CLEAN_PAGE;
        if (!(out->flags & NOT_ACCESSED) && !dirties)
            break;
        status = check_update(cpu, out);
        if (status != FAULT_NONE)
            return status;
        if (!mmu_update_descriptor(cpu, out, dirties))
            continue;
        out->flags &= ~(uint32_t)(NOT_ACCESSED | (dirties ? CLEAN_PAGE : 0));
        break;
    }
    tlb_add_page(cpu, va, out);
    return FAULT_NONE;
}

bool mmu_would_fetch(struct cpu *cpu, uint64_t va, unsigned el, struct translation *out)
{
    const struct mmu_request request = {.access = ACCESS_FETCH, .el = el};
    if (!mmu_is_on(cpu) || !half_is_open(cpu, va, el))
        return false;
    if (from_tlb(cpu, va, &request, out))
        return true;
    return mmu_walk(cpu, va, true, out) == FAULT_NONE && check(out, &request) == FAULT_NONE &&
           !(out->flags & NOT_ACCESSED);
}

/* --- faults ---------------------------------------------------------------------------------------- */

/* ISS of an abort that is EL2's: with ISV, what the instruction was about to do with which register (D19.2.37). It is
 * valid for loads and stores of one general register that write nothing back. */
static uint32_t access_syndrome(uint32_t word)
{
    enum { ISV = 1 << 24, SSE = 1 << 21, SF = 1 << 15, AR = 1 << 14 };
    uint32_t size = word >> 30, opc = word >> 22 & 3, rt = word & 31;
    bool unsigned_offset = (word & 0x3f000000) == 0x39000000, other = (word & 0x3f000000) == 0x38000000;
    bool ordered = (word & 0x3fb0fc00) == 0x0880fc00 && (word >> 10 & 31) == 31 && !(word >> 21 & 1);
    if (ordered) /* LDAR, STLR, and their LOR forms */
        return ISV | size << 22 | rt << 16 | (size == 3 ? SF : 0) | (word >> 15 & 1 ? AR : 0);
    bool by_register = word >> 21 & 1 && (word >> 10 & 3) == 2, unscaled = !(word >> 21 & 1) && !(word >> 10 & 1);
    if (!unsigned_offset && !(other && (by_register || unscaled)))
        return 0;
    if (size == 3 && opc >= 2) /* a prefetch */
        return 0;
    bool sign_extended = opc >= 2, wide = sign_extended ? opc == 2 : size == 3;
    return ISV | size << 22 | (sign_extended ? SSE : 0) | rt << 16 | (wide ? SF : 0);
}

static void set_fault_ipa(struct cpu *cpu)
{
    cpu->sys.HPFAR_EL2 = cpu->fault_ipa >> 12 << 4;
}

static bool is_external(unsigned status)
{
    return (status & FAULT_CODE) >= FAULT_EXTERNAL && (status & FAULT_CODE) < FAULT_EXTERNAL_WALK + 4;
}

_Noreturn void mmu_data_abort(struct cpu *cpu, const struct insn *insn, uint64_t va, unsigned status,
                              bool is_write, bool is_cache)
{
    uint32_t iss = (status & FAULT_CODE) | (uint32_t)is_write << 6 | (uint32_t)is_cache << 8;
    if (status & FAULT_STAGE2) {
        set_fault_ipa(cpu);
        iss |= status & FAULT_S1PTW ? 1u << 7 : is_cache ? 0 : access_syndrome(insn->word);
        cpu_raise_el2_far(cpu, insn, EC_DATA_ABORT, iss, va);
    }
    if (el2_may_trap(cpu) && cpu->sys.HCR_EL2 & HCR_TEA && is_external(status))
        cpu_raise_el2_far(cpu, insn, EC_DATA_ABORT, iss, va);
    cpu_raise_far(cpu, insn, EC_DATA_ABORT, iss, va);
}

static _Noreturn void fetch_abort(struct cpu *cpu, uint64_t pc, unsigned status)
{
    uint32_t iss = (status & FAULT_CODE) | (status & FAULT_S1PTW ? 1u << 7 : 0);
    if (status & FAULT_STAGE2)
        set_fault_ipa(cpu);
    if (status & FAULT_STAGE2 || (el2_may_trap(cpu) && cpu->sys.HCR_EL2 & HCR_TEA && is_external(status)))
        cpu_raise_here_to_el2(cpu, EC_INSN_ABORT, iss, pc);
    cpu_raise_here(cpu, EC_INSN_ABORT, iss, true, pc);
}

enum tlb_regime mmu_regime(const struct cpu *cpu, unsigned el)
{
    if (!el)
        return TLB_EL0;
    return cpu->pstate.pan ? TLB_EL1_PAN : TLB_EL1;
}

void mmu_control_changed(struct cpu *cpu)
{
    tlb_flush_all(cpu);
}

/* Fetches. */

/* Translates for a fetch and adds to the first level; returns `pc` without its tag. */
static uint64_t fetch_miss(struct cpu *cpu, uint64_t pc)
{
    if (mmu_top_byte_ignored(cpu, pc, true)) {
        uint64_t untagged = (uint64_t)((int64_t)(pc << 8) >> 8);
        if (cpu->pc == pc)
            cpu->pc = untagged;
        pc = untagged;
    }
    if (pc & 3)
        cpu_raise_here(cpu, EC_PC_ALIGNMENT, 0, true, pc);
    const struct mmu_request request = {.access = ACCESS_FETCH, .el = cpu->pstate.el};
    struct translation found;
    unsigned status = mmu_translate(cpu, pc, &request, &found);
    if (status == FAULT_NONE && !memory_at(&cpu->bus->ram, found.physical, 4))
        status = FAULT_EXTERNAL;
    if (status != FAULT_NONE)
        fetch_abort(cpu, pc, status);
    tlb_fill_code(cpu, cpu->pstate.el != 0, pc, &found);
    return pc;
}

uint64_t mmu_fetch(struct cpu *cpu, uint64_t pc, bool *guarded)
{
    struct tlb *tlb = cpu->tlb_all;
    const struct tlb_code_entry *e = &tlb->code[cpu->pstate.el != 0][tlb_code_index(pc)];
    if ((pc ^ e->tag) >= PAGE_SIZE_BYTES || pc & 3)
        pc = fetch_miss(cpu, pc);
    tlb_code_looked_up(cpu, pc, e);
    *guarded = e->guarded;
    return e->physical | (pc & (PAGE_SIZE_BYTES - 1));
}

/* Instructions about addresses. */

void mmu_cache_access(struct cpu *cpu, const struct insn *insn, uint64_t va)
{
    const struct mmu_request request = {.access = ACCESS_CACHE, .el = cpu->pstate.el};
    struct translation found;
    unsigned status = mmu_translate(cpu, va, &request, &found);
    if (status != FAULT_NONE)
        mmu_data_abort(cpu, insn, va, status, true, true);
}

/* PAR_EL1 (D17.2.105). */
#define PAR_FAILED 1ull
#define PAR_RES1   (1ull << 11)

#define PAR_STAGE2 (1ull << 9)
#define PAR_PTW    (1ull << 8)

static uint64_t par_of_fault(unsigned status)
{
    return PAR_FAILED | PAR_RES1 | (uint64_t)(status & FAULT_CODE) << 1 | (status & FAULT_STAGE2 ? PAR_STAGE2 : 0) |
           (status & FAULT_S1PTW ? PAR_PTW : 0);
}

static uint64_t par_of(const struct translation *found)
{
    uint64_t attributes = found->flags >> ATTRIBUTES_SHIFT;
    /* Device and Non-cacheable memory is outer shareable whatever the descriptor says. */
    uint64_t shareability = found->flags & IS_DEVICE || attributes == 0x44 ? 2 : found->shareability;
    return PAR_RES1 | attributes << 56 | (found->physical & 0x0000fffffffff000) | shareability << 7;
}

uint64_t mmu_address_translate(struct cpu *cpu, uint64_t va, unsigned el, bool write, bool pan,
                               unsigned *external)
{
    const struct mmu_request request = {.access = write ? ACCESS_WRITE : ACCESS_READ, .el = el, .pan = pan};
    struct translation found;
    unsigned status = cpu->user ? mmu_walk(cpu, va, false, &found) : mmu_walk_stage1(cpu, va, false, &found);
    *external = FAULT_NONE;
    if (status & FAULT_STAGE2 || (status >= FAULT_EXTERNAL_WALK && status != FAULT_NONE))
        *external = status;
    if (status == FAULT_NONE)
        status = check(&found, &request);
    if (status != FAULT_NONE)
        return par_of_fault(status);
    return par_of(&found);
}

uint64_t mmu_address_translate_both(struct cpu *cpu, uint64_t va, unsigned el, bool write, unsigned *external)
{
    const struct mmu_request request = {.access = write ? ACCESS_WRITE : ACCESS_READ, .el = el};
    struct translation found;
    unsigned status = mmu_walk(cpu, va, false, &found);
    *external = FAULT_NONE;
    if (status != FAULT_NONE && !(status & FAULT_STAGE2) && is_external(status))
        *external = status;
    if (status == FAULT_NONE)
        status = check(&found, &request);
    if (status == FAULT_NONE)
        status = check_stage2(cpu, &found, &request);
    return status == FAULT_NONE ? par_of(&found) : par_of_fault(status);
}
