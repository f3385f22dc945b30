/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of one AArch64 processor.
 *
 * PC and the instruction count run ahead. While a block runs, `pc` and `icount` are those of the block's end,
 * and an instruction's own are `left` instructions back:
 *
 *     block at 0x1000:  ldr  (left 3)   during the block: pc = 0x100c, icount = N + 3
 *                       add  (left 2)   the add's address is pc - 4 * 2 = 0x1004, and N + 1 instructions had
 *                       b.eq (left 1)   retired before it. A branch not taken has nothing to do.
 *
 * An instruction that ends in an exception counts as well (icount is time, and time must pass even where
 * every instruction faults); `unretired` counts those, for the PMU.
 *
 * So straight code touches neither. Whoever calls an exec_ function by itself sets pc and icount to suit. */
#ifndef ARMATURE_CPU_H
#define ARMATURE_CPU_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include "machine/contract/bus.h"
#include "machine/contract/clock.h"
#include "machine/contract/fields.h"
#include "machine/contract/irq.h"
#include "isa/arm64/features.h"
#include "isa/arm64/fp.h"
#include "isa/arm64/insn.h"
#include "isa/arm64/sysregs.h"
#include "isa/arm64/tlb.h"
#include "machine/contract/error.h"

/** A vector register. Element 0 is the least significant. */
union vreg {
    uint8_t b[16];
    uint16_t h[8];
    uint32_t s[4];
    uint64_t d[2];
    int8_t sb[16];
    int16_t sh[8];
    int32_t ss[4];
    int64_t sd[2];
    unsigned __int128 q;
} __attribute__((aligned(16), may_alias));

/** The condition flags, each 0 or 1. */
struct nzcv {
    uint8_t n, z, c, v;
};

/** PSTATE without the flags (Arm ARM D1.4). */
struct pstate {
    uint8_t el;    /* current exception level */
    uint8_t spsel; /* 0: SP_EL0, 1: SP_ELx */
    uint8_t daif;  /* D = 8, A = 4, I = 2, F = 1 */
    uint8_t pan, uao, dit, ssbs, tco;
    uint8_t btype;
    uint8_t ss, il;
};

/** The local exclusive monitor. `size` 0: open access. */
struct exclusive {
    uint64_t address; /* physical */
    uint64_t value[2];
    uint32_t size; /* bytes, 1 to 16 */
};

/** Which translation regime is in use: that of EL1 and EL0, of EL2 alone, or of EL2 and EL0 (VHE's host). */
enum cpu_regime { REGIME_EL10, REGIME_EL2, REGIME_EL20 };

/** What EL1's regime goes by while another is in use: `sys` has the registers of the regime in use under the names of
 *  EL1 (el2.h). */
struct el1_bank {
    uint64_t sctlr, tcr, ttbr0, ttbr1, mair;
    uint64_t cpacr; /* always, where there is EL2: `sys` has what CPTR_EL2 leaves of it */
};

/* WAIT_HOST: for the answer to a call that the host serves. */
enum wait_kind { WAIT_NONE, WAIT_WFI, WAIT_WFE, WAIT_POWERED_OFF, WAIT_HOST };

/* See code_key. No key is ever one of the other half. */
#define CODE_KEY_EL0   4ull
#define CODE_KEY_UPPER (1ull << 63)

struct cpu {
    /* General registers by record index (insn.h): 0-30, REG_ZERO (always 0), REG_SP, REG_SINK. */
    uint64_t x[REG_COUNT];
    uint64_t pc;     /* see above */
    uint64_t icount; /* instructions retired; see above */
    uint64_t limit;  /* the engine stops exactly when icount gets here; lowered to get attention */
    struct nzcv nzcv;
    struct pstate pstate;
    union vreg v[32];
    union {
        struct {
            uint64_t fpcr, fpsr;
        };
        struct fp_state fp; /* the same two, as the arithmetic takes them */
    };

    /* Translation: the table of the regime that plain loads and stores use now (tlb.h). */
    struct tlb_entry *tlb;
    struct tlb *tlb_all;      /* one of the next */
    struct tlb *tlb_sides[2]; /* of EL1's regime, and of EL2's; without EL2 there is but the first */
    uint64_t side_keys[2][2]; /* code_key of the side that is not in use */
    struct tlb_slots slots;

    uint64_t sp_banked[4]; /* SP_ELx of the levels that are not in x[REG_SP] (see cpu_set_sp_bank) */
    struct sysregs sys;    /* one member for each stored row of sysregs.def */
    struct el1_bank el1;
    uint8_t regime; /* enum cpu_regime */
    uint8_t virtual_irq_pending, virtual_fiq_pending; /* levels of the inputs */
    uint64_t fault_ipa; /* of the translation that failed last, where stage 2 did */
    struct exclusive exclusive;
    uint8_t event_register;
    uint8_t wait;                                     /* enum wait_kind */
    uint8_t irq_pending, fiq_pending, serror_pending; /* levels of the inputs */
    uint8_t stop_requested;
    uint8_t yield_requested; /* give up the rest of this turn */
    uint8_t alone;           /* run the next instruction by itself (cpu_restart_alone) */

    uint8_t step_in_progress;   /* software step: the running instruction had PSTATE.SS = 1 before it */
    uint8_t stepped_exclusive;  /* software step: the last one stepped was a load exclusive (ESR.EX) */
    uint64_t unretired;         /* instructions counted in icount that ended in an exception */
    uint64_t event_stream_mark; /* counter value up to which event stream events have been seen */
    /* PMU: icount and unretired up to which the counters are brought up to date (pmu_update). */
    uint64_t pmu_icount, pmu_unretired;

    unsigned index; /* 0-based number of this CPU */
    uint64_t mpidr;
    struct features features;
    uint64_t rng_state[4]; /* RNDR: xoshiro256**, seeded from --seed */

    /* Wiring, none of it state. */
    struct bus *bus;
    struct clock *clock;
    const struct icc_ops *icc;
    void *icc_gic;
    struct timer_wires {
        struct irq_line virt, phys, hyp, hyp_virt;
    } timer_wires;
    struct irq_line pmu_wire;
    struct event virt_timer_event, phys_timer_event, stream_event, pmu_event;
    struct event hyp_timer_event, hyp_virt_timer_event;
    /* All CPUs of the machine, this one too: TLB maintenance, SEV. Set by the board; by cpu_init to itself.
     */
    struct cpu **peers;
    unsigned peer_count;
    struct cpu *self;
    const struct user_space *user; /* it is a thread of a process that has no kernel in the guest (user.h); or NULL */
    struct user_exception {
        bool taken;
        uint32_t esr;
        uint64_t far;
    } user_exception; /* what would have been taken to the kernel */
    bool
        parallel; /* the CPUs run at the same time, on a host thread each: accesses keep the guest's order among them */
    struct threads *threads; /* then: what they have in common (threads.h) */
    /* PSCI and other SMCCC calls: returns false where no such call is known to anybody. is_smc: by SMC. */
    bool (*smccc)(void *context, struct cpu *cpu, bool is_smc);
    void *smccc_context;
    /* HLT #0xF000, where semihosting is on; NULL: it is not. */
    void (*semihost)(void *context, struct cpu *cpu);
    void *semihost_context;
    /* Turn base: virtual time when this CPU's turn began, and its icount then (cpu_now_ns). */
    uint64_t turn_ns, turn_icount;
    uint32_t ns_per_insn_q8; /* rate: nanoseconds an instruction, in 1/256 */
    /* Where a fault goes: the engine's run loop sets it; cpu_raise and friends jump there. */
    jmp_buf *on_exception;
    /* The engine wants back before an instruction that reaches outside (cpu_reach_outside), with `alone` set. */
    bool confined;
    /* What the translation of PC depends on, in one number: a lookup of code made under another one is void. Bit 2 is
     * set at EL0; above it is a number that changes when translations are dropped (TLBI, a change of regime) and, of
     * the lower half of the address space, belongs to the ASID (struct tlb_spaces); BTYPE is added below. One for
     * each half. */
    uint64_t code_key[2];
    /* What translated code keeps for itself while it runs (jit/stubs.c). */
    struct native_code {
        uint64_t limit;    /* what is left of the turn is in a register, counted from this limit */
        uint64_t page;     /* the virtual page it is in */
        uint64_t stay_end; /* icount at which it leaves in any case, so that `stack` cannot overflow */
        uint64_t stay_insns; /* after that many */
        uintptr_t stack;   /* top of the stack of return points */
        uintptr_t stack_now, host_stack; /* its stack pointer while C code runs, and C's while it runs */
        uint64_t flag_a, flag_b; /* operands of the operation that NZCV are the flags of, ... */
        uint32_t flag_kind;      /* ... and which one; 0: nzcv holds them */
        uint32_t mxcsr;          /* on its way to and from the host's register */
        uintptr_t row_addend[34]; /* by base register: of accesses that go by the table with one check */
        uint8_t fp_armed;        /* FP access and FPCR allow that the host's MXCSR collects what FPSR is to get */
    } native;
    struct block_cache *blocks; /* the engine's decoded blocks */
    struct lookup *lookups; /* the engine's memory of where addresses led (interp/block.h) */
    /* What is to be seen to before each instruction (enum debug_reason); 0 when nothing is armed. */
    uint32_t debug_armed;
    struct stops *stops; /* a debugger's (stops.h); NULL: there is none */
    /* The instruction that it was asked about last, so that it is not asked again when the CPU goes on. */
    uint64_t asked_pc, asked_icount;
};

extern const struct fields cpu_fields;

/** The CPU's events, of struct cpu too: derived from its state but for their order among others of the same time. */
extern const struct fields cpu_event_fields;

/** The address of `insn`, and how many instructions had retired before it. */
static inline uint64_t insn_pc(const struct cpu *cpu, const struct insn *insn)
{
    return cpu->pc - 4ull * insn->left;
}

static inline uint64_t insn_icount(const struct cpu *cpu, const struct insn *insn)
{
    return cpu->icount - insn->left;
}

/** Virtual time at `icount` of this CPU's turn. */
static inline uint64_t cpu_ns_at(const struct cpu *cpu, uint64_t icount)
{
    return cpu->turn_ns + ((icount - cpu->turn_icount) * cpu->ns_per_insn_q8 >> 8);
}

/** Sets the clock to the time of `insn`; done before any device or timer code runs for it. Parallel CPUs have the
 *  host's time, which the machine lock brings. */
static inline void cpu_sync_clock(struct cpu *cpu, const struct insn *insn)
{
    if (!cpu->parallel)
        cpu->clock->now_ns = cpu_ns_at(cpu, insn_icount(cpu, insn));
}

static inline uint32_t nzcv_pack(struct nzcv f)
{
    return (uint32_t)f.n << 31 | (uint32_t)f.z << 30 | (uint32_t)f.c << 29 | (uint32_t)f.v << 28;
}

static inline struct nzcv nzcv_unpack(uint32_t word)
{
    return (struct nzcv){word >> 31 & 1, word >> 30 & 1, word >> 29 & 1, word >> 28 & 1};
}

/** What others may change of a CPU at any time: the levels of its inputs, its event register, whether it waits, whether
 *  it shall stop. */
static inline uint8_t cpu_flag(const uint8_t *flag)
{
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static inline void cpu_set_flag(uint8_t *flag, uint8_t value)
{
    __atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

static inline uint64_t cpu_limit(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->limit, __ATOMIC_RELAXED);
}

/** Makes the engine come back to its loop before the next instruction; of a parallel CPU, before the next block. */
static inline void cpu_attention(struct cpu *cpu)
{
    __atomic_store_n(&cpu->limit, 0, __ATOMIC_RELEASE);
}

/** Makes `cpu` (zeroed memory) number `index` of `model`, on `bus` and `clock`, and resets it. MPIDR affinity
 * is `index` split as GICv3 wants it: 16 CPUs in Aff0, then Aff1. False: the host has no memory. */
bool cpu_init(struct cpu *cpu, unsigned index, enum cpu_model model, struct bus *bus, struct clock *clock,
              struct error *error);

/** Gives a CPU that has not run EL2, at which it then starts, and resets it. */
bool cpu_add_el2(struct cpu *cpu, struct error *error);
void cpu_free(struct cpu *cpu);

/** After cpu_fields were replaced by a snapshot's: drops derived state. Levels of
 *  wires are the state of who receives them, and events come by cpu_events_restored(): a timer that is due when its
 *  event has not fired yet drives nothing. */
void cpu_restored(struct cpu *cpu);

/** Whether cpu_fields as a snapshot gave them are a state that a CPU can be in, and this one: index, features. What is
 * false is not to be run. Bits that no register has are dropped. */
bool cpu_state_sane(struct cpu *cpu, unsigned index, const struct features *features);

/** After cpu_event_fields were replaced too: schedules the events as they say. */
void cpu_events_restored(struct cpu *cpu);

/** Seeds RNDR's generator; the board calls it after cpu_init with the machine's seed. */
void cpu_seed_rng(struct cpu *cpu, uint64_t seed);

/** Its next number (xoshiro256**, Blackman and Vigna). */
uint64_t cpu_draw_random(struct cpu *cpu);

/** Cold reset (Arm ARM D1.4 and the reset values of sysregs.def): EL1h, everything masked, PC 0. */
void cpu_reset(struct cpu *cpu);

/** The controller's wires into the CPU; wakes it from WFI. */
void cpu_set_interrupt(struct cpu *cpu, enum cpu_interrupt which, bool level);

/** Called by the run loop when a turn of this CPU begins, after turn_ns and turn_icount were set and before
 * its limit is computed: what is due at an instruction count gets its time. */
void cpu_turn_begins(struct cpu *cpu);

/** Ends the wait of a CPU, whatever it is. */
void cpu_wake(struct cpu *cpu);

/** Whether an interrupt would be taken now, and taking it (between instructions; pc and icount exact). */
bool cpu_interrupt_ready(const struct cpu *cpu);

/** Whether one pends, masked or not: WFI does not wait then. */
bool cpu_interrupt_pends(const struct cpu *cpu);
void cpu_take_interrupt(struct cpu *cpu);

/** Whether what cpu->wait says would end now: WFI by a pending interrupt, masked or not; WFE by an unmasked
 * one or an event. cpu_set_interrupt() and cpu_send_event() end the wait by themselves. */
bool cpu_wake_ready(const struct cpu *cpu);

/** Sets the event register (SEV, the event stream), which ends a WFE. */
void cpu_send_event(struct cpu *cpu);

static inline bool cpu_has_el2(const struct cpu *cpu)
{
    return has_feature(&cpu->features, FEAT_EL2);
}

/** The counter CNTPCT_EL0 at the present time (and CNTVCT_EL0, but for CNTVOFF_EL2). */
#define COUNTER_HZ   62500000u
#define NS_PER_COUNT 16u
static inline uint64_t cpu_counter(const struct cpu *cpu)
{
    return clock_live_ns(cpu->clock) / NS_PER_COUNT;
}

#endif
