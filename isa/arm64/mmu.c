/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Translation with permissions: data accesses, fetches, address translation instructions, their faults. */
#include "isa/arm64/mmu.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/tlb_fill.h"

static bool permitted(uint32_t flags, const struct mmu_request *request)
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
    unsigned need = needed[request->el != 0][request->access];
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

unsigned mmu_translate(struct cpu *cpu, uint64_t va, const struct mmu_request *request,
                       struct translation *out)
{
    bool is_fetch = request->access == ACCESS_FETCH;
    if (!(cpu->sys.SCTLR_EL1 & 1)) {
        unsigned status = mmu_walk(cpu, va, is_fetch, out);
        return status == FAULT_NONE ? check(out, request) : status;
    }
    if ((uint64_t)((int64_t)(va << 8) >> 8) != va && !mmu_top_byte_ignored(cpu, va, is_fetch))
        return FAULT_TRANSLATION;
    /* E0PD0, E0PD1: EL0 may not use that half at all (and learns nothing of what is in it). */
    if (!request->el && cpu->sys.TCR_EL1 >> (va >> 55 & 1 ? 56 : 55) & 1 && has_feature(&cpu->features, FEAT_E0PD))
        return FAULT_TRANSLATION;
    if (from_tlb(cpu, va, request, out))
        return FAULT_NONE;
    for (;;) {
        unsigned status = mmu_walk(cpu, va, is_fetch, out);
        if (status == FAULT_NONE)
            status = check(out, request);
        if (status != FAULT_NONE)
            return status;
        bool dirties = is_write(request->access) && out->flags & CLEAN_PAGE;
        if (!(out->flags & NOT_ACCESSED) && !dirties)
            break;
        if (!mmu_update_descriptor(cpu, out, dirties))
            continue;
        out->flags &= ~(uint32_t)(NOT_ACCESSED | (dirties ? CLEAN_PAGE : 0));
        break;
    }
    tlb_add_page(cpu, va, out);
    return FAULT_NONE;
}

_Noreturn void mmu_data_abort(struct cpu *cpu, const struct insn *insn, uint64_t va, unsigned status,
                              bool is_write, bool is_cache)
{
    cpu_raise_far(cpu, insn, EC_DATA_ABORT, status | (uint32_t)is_write << 6 | (uint32_t)is_cache << 8, va);
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
        cpu_raise_here(cpu, EC_INSN_ABORT, status, true, pc);
    tlb_fill_code(cpu, cpu->pstate.el != 0, pc, &found);
    return pc;
}

uint64_t mmu_fetch(struct cpu *cpu, uint64_t pc, bool *guarded)
{
    struct tlb *tlb = cpu->tlb_all;
    const struct tlb_code_entry *e = &tlb->code[cpu->pstate.el != 0][tlb_code_index(pc)];
    if ((pc ^ e->tag) >= PAGE_SIZE_BYTES || pc & 3)
        pc = fetch_miss(cpu, pc);
    tlb_code_looked_up(&tlb->spaces, pc, e->private);
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

uint64_t mmu_address_translate(struct cpu *cpu, uint64_t va, unsigned el, bool write, bool pan,
                               unsigned *external)
{
    const struct mmu_request request = {.access = write ? ACCESS_WRITE : ACCESS_READ, .el = el, .pan = pan};
    struct translation found;
    unsigned status = mmu_walk(cpu, va, false, &found);
    *external = FAULT_NONE;
    if (status >= FAULT_EXTERNAL_WALK && status != FAULT_NONE)
        *external = status;
    if (status == FAULT_NONE)
        status = check(&found, &request);
    if (status != FAULT_NONE)
        return PAR_FAILED | PAR_RES1 | (uint64_t)status << 1;
    uint64_t attributes = found.flags >> ATTRIBUTES_SHIFT;
    /* Device and Non-cacheable memory is outer shareable whatever the descriptor says. */
    uint64_t shareability = found.flags & IS_DEVICE || attributes == 0x44 ? 2 : found.shareability;
    return PAR_RES1 | attributes << 56 | (found.physical & 0x0000fffffffff000) | shareability << 7;
}
