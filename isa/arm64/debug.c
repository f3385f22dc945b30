/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Self-hosted debug. Breakpoints and steps are looked at before each instruction while cpu->debug_armed says
 * that there may be any; watchpoints on the slow path of memory, for pages that they keep out of the TLB's
 * first level. */
#include "isa/arm64/debug.h"
#include <string.h>
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/stops.h"

#define MDSCR_SS  (1u << 0)
#define MDSCR_KDE (1u << 13)
#define MDSCR_MDE (1u << 15)

#define PSTATE_D  8u
#define CONTROL_E 1u

#define STEP_ISV (1u << 24)
#define STEP_EX  (1u << 6)

static uint64_t breakpoint_control(const struct cpu *cpu, unsigned n)
{
    return (&cpu->sys.DBGBCR0_EL1)[n];
}

/* DBGBVR and DBGWVR hold addresses of 49 bits, of which the topmost counts as sign. */
static uint64_t address_of(uint64_t value)
{
    return (uint64_t)((int64_t)(value << 15) >> 15) & ~3ull;
}

static uint64_t breakpoint_value(const struct cpu *cpu, unsigned n)
{
    return (&cpu->sys.DBGBVR0_EL1)[n];
}

/* AArch64.GenerateDebugExceptionsFrom(). */
static bool exceptions_enabled_at(const struct cpu *cpu, unsigned el, unsigned daif)
{
    if (cpu->sys.OSLSR_EL1 & 2 || cpu->sys.OSDLR_EL1 & 1)
        return false;
    return el == 0 || (cpu->sys.MDSCR_EL1 & MDSCR_KDE && !(daif & PSTATE_D));
}

static bool exceptions_enabled(const struct cpu *cpu)
{
    return exceptions_enabled_at(cpu, cpu->pstate.el, cpu->pstate.daif);
}

bool debug_return_steps(const struct cpu *cpu, uint64_t spsr, bool illegal)
{
    unsigned el = illegal ? cpu->pstate.el : spsr >> 2 & 3;
    return cpu->sys.MDSCR_EL1 & MDSCR_SS && !exceptions_enabled(cpu) &&
           exceptions_enabled_at(cpu, el, spsr >> 6 & 15);
}

/* PMC of a breakpoint, PAC of a watchpoint: bit 1 of the control register is EL1, bit 2 EL0. */
static bool level_selected(uint64_t control, unsigned el)
{
    return control >> (el ? 1 : 2) & 1;
}

void debug_state_changed(struct cpu *cpu)
{
    uint32_t armed = cpu->pstate.il ? DEBUG_ILLEGAL_STATE : 0;
    if (cpu->stops && cpu->stops->each_insn)
        armed |= DEBUG_OBSERVED;
    if (cpu->stops && cpu->stops->piece_begins)
        armed |= DEBUG_PIECES;
    uint64_t mdscr = cpu->sys.MDSCR_EL1;
    if (mdscr & (MDSCR_SS | MDSCR_MDE) && exceptions_enabled(cpu)) {
        if (mdscr & MDSCR_SS)
            armed |= DEBUG_STEPPING;
        if (mdscr & MDSCR_MDE)
            for (unsigned n = 0; n < DEBUG_BREAKPOINTS; n++)
                if (breakpoint_control(cpu, n) & CONTROL_E &&
                    level_selected(breakpoint_control(cpu, n), cpu->pstate.el))
                    armed |= DEBUG_BREAKPOINT;
    }
    cpu->debug_armed = armed;
}

uint64_t stops_first(const struct stops *stops, uint64_t from, uint64_t to)
{
    size_t low = 0, high = stops->insn_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stops->insns[middle] < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < stops->insn_count && stops->insns[low] < to ? stops->insns[low] : STOPS_NONE;
}

void stops_changed(struct cpu *cpu)
{
    debug_state_changed(cpu);
}

/* Context matching, of breakpoint `n` itself or of the one that an address match is linked to. */
static bool context_matches(const struct cpu *cpu, unsigned n, unsigned type)
{
    if (n < DEBUG_BREAKPOINTS - DEBUG_CONTEXT_BREAKPOINTS || n >= DEBUG_BREAKPOINTS)
        return false;
    uint64_t control = breakpoint_control(cpu, n);
    return control & CONTROL_E && (control >> 20 & 15) == type &&
           (uint32_t)breakpoint_value(cpu, n) == (uint32_t)cpu->sys.CONTEXTIDR_EL1;
}

enum breakpoint_type { ADDRESS = 0, ADDRESS_LINKED = 1, CONTEXT = 2, CONTEXT_LINKED = 3 };

static bool breakpoint_matches(const struct cpu *cpu, unsigned n)
{
    uint64_t control = breakpoint_control(cpu, n);
    if (!(control & CONTROL_E) || !level_selected(control, cpu->pstate.el))
        return false;
    bool at_address = cpu->pc == address_of(breakpoint_value(cpu, n));
    switch (control >> 20 & 15) {
    case ADDRESS: return at_address;
    case ADDRESS_LINKED: return at_address && context_matches(cpu, control >> 16 & 15, CONTEXT_LINKED);
    case CONTEXT: return context_matches(cpu, n, CONTEXT);
    default: return false;
    }
}

void debug_before_insn(struct cpu *cpu)
{
    uint32_t armed = cpu->debug_armed;
    if (armed & DEBUG_STEPPING && !cpu->pstate.ss) {
        uint32_t exclusive = cpu->stepped_exclusive ? STEP_EX : 0;
        cpu_raise_here(cpu, EC_STEP, STEP_ISV | exclusive | FAULT_DEBUG, false, 0);
    }
    bool guarded;
    uint64_t physical = mmu_fetch(cpu, cpu->pc, &guarded);
    if (armed & DEBUG_BREAKPOINT)
        for (unsigned n = 0; n < DEBUG_BREAKPOINTS; n++)
            if (breakpoint_matches(cpu, n))
                cpu_raise_here(cpu, EC_BREAKPOINT, FAULT_DEBUG, false, 0);
    if (armed & DEBUG_ILLEGAL_STATE)
        cpu_raise_here(cpu, EC_ILLEGAL_STATE, 0, false, 0);
    if (armed & DEBUG_STEPPING) {
        uint32_t word;
        memcpy(&word, memory_at(&cpu->bus->ram, physical, sizeof word), sizeof word);
        /* LDXR, LDAXR, LDXP, LDAXP: load/store exclusive with o2 = 0, L = 1, but not CASP. */
        bool casp = !(word >> 31) && word >> 21 & 1;
        cpu->stepped_exclusive = (word & 0x3fc00000) == 0x08400000 && !casp;
        cpu->step_in_progress = 1;
    }
}

void debug_after_insn(struct cpu *cpu)
{
    if (!cpu->step_in_progress)
        return;
    cpu->step_in_progress = 0;
    cpu->pstate.ss = 0;
}

/* Watchpoints. */

struct range {
    uint64_t first, last;
};

/* The bytes that watchpoint `n` watches (D2.10.5); false: none. */
static bool watched_range(const struct cpu *cpu, unsigned n, struct range *range)
{
    uint64_t control = (&cpu->sys.DBGWCR0_EL1)[n], value = address_of((&cpu->sys.DBGWVR0_EL1)[n]);
    if (!(control & CONTROL_E))
        return false;
    unsigned mask = control >> 24 & 31, bytes = control >> 5 & 0xff;
    if (mask) {
        range->first = value & ~0ull << mask;
        range->last = range->first + ((1ull << mask) - 1);
        return true;
    }
    if (value & 4)
        bytes &= 15;
    if (!bytes)
        return false;
    range->first = value + (unsigned)__builtin_ctz(bytes);
    range->last = value + 31 - (unsigned)__builtin_clz(bytes);
    return true;
}

bool debug_page_watched(const struct cpu *cpu, uint64_t va)
{
    if (!(cpu->sys.MDSCR_EL1 & MDSCR_MDE))
        return false;
    uint64_t page = (uint64_t)((int64_t)(va << 8) >> 8) & ~(PAGE_SIZE_BYTES - 1);
    for (unsigned n = 0; n < DEBUG_WATCHPOINTS; n++) {
        struct range range;
        if (watched_range(cpu, n, &range) && range.first <= page + (PAGE_SIZE_BYTES - 1) &&
            range.last >= page)
            return true;
    }
    return false;
}

void debug_check_watchpoints(struct cpu *cpu, const struct insn *insn, uint64_t va, uint64_t size,
                             unsigned kinds, unsigned el)
{
    if (!debug_page_watched(cpu, va) || !exceptions_enabled(cpu))
        return;
    uint64_t first = (uint64_t)((int64_t)(va << 8) >> 8), last = first + size - 1;
    for (unsigned n = 0; n < DEBUG_WATCHPOINTS; n++) {
        uint64_t control = (&cpu->sys.DBGWCR0_EL1)[n];
        struct range range;
        if (!watched_range(cpu, n, &range) || range.first > last || range.last < first)
            continue;
        unsigned hit = control >> 3 & 3 & kinds;
        bool linked = control >> 20 & 1;
        if (!hit || !level_selected(control, el) ||
            (linked && !context_matches(cpu, control >> 16 & 15, CONTEXT_LINKED)))
            continue;
        bool is_write = !(hit & WATCH_LOAD);
        uint64_t far = va + (range.first > first ? range.first - first : 0);
        cpu_raise_far(cpu, insn, EC_WATCHPOINT, FAULT_DEBUG | (uint32_t)is_write << 6, far);
    }
}

void debug_watchpoints_changed(struct cpu *cpu)
{
    tlb_flush_inline(cpu);
}

/* Branch targets (D8.4.10): what may be the target of a branch that left BTYPE as it is. */

#define BTI_MASK            0xffffff3fu
#define BTI_BITS            0xd503241fu
#define PACIASP             0xd503233fu
#define PACIBSP             0xd503237fu
#define IS_BRK_OR_HLT(word) (((word)&0xffe0001fu) == 0xd4200000u || ((word)&0xffe0001fu) == 0xd4400000u)

static bool is_branch_target(const struct cpu *cpu, uint32_t word)
{
    enum { BTYPE_CALL = 2, BTYPE_JUMP = 3 };
    unsigned btype = cpu->pstate.btype;
    if ((word & BTI_MASK) == BTI_BITS) {
        bool for_calls = word >> 6 & 1, for_jumps = word >> 7 & 1;
        if (btype == BTYPE_CALL)
            return for_calls;
        return btype == BTYPE_JUMP ? for_jumps : for_calls || for_jumps;
    }
    if (word == PACIASP || word == PACIBSP) {
        unsigned strict = cpu->pstate.el ? 36 : 35; /* SCTLR_EL1.BT1, BT0 */
        return btype != BTYPE_JUMP || !(cpu->sys.SCTLR_EL1 >> strict & 1);
    }
    return IS_BRK_OR_HLT(word);
}

void debug_check_branch_target(struct cpu *cpu, const struct insn *insn)
{
    if (!is_branch_target(cpu, insn->word))
        cpu_raise_here(cpu, EC_BTI, cpu->pstate.btype, false, 0);
}

uint8_t debug_btype_of_jump(struct cpu *cpu, const struct insn *insn)
{
    if (insn->rn == 16 || insn->rn == 17)
        return 1;
    bool guarded;
    cpu->pc = insn_pc(cpu, insn);
    mmu_fetch(cpu, cpu->pc, &guarded);
    return guarded ? 3 : 1;
}
