/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EL2: which registers a regime goes by, names with E2H, stage 2 and its faults, traps, where exceptions and interrupts
 * go. */
#include "unit.h"
#include "cpu_bench.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/pauth.h"
#include "isa/arm64/tlb_fill.h"
#include "isa/arm64/threads.h"

#define STAGE2_TABLE (BENCH_RAM + 0x100000) /* level 1; 4K granule, 39 bits of input */
#define STAGE1_TABLE (BENCH_RAM + 0x200000) /* level 1; the same */
#define STAGE1_AT    0x80200000ull          /* the IPA of that table */

#define BLOCK     (1ull | 1ull << 10) /* valid, AF */
#define S2_READ   (1ull << 6)
#define S2_WRITE  (1ull << 7)
#define S2_NORMAL (0xfull << 2)
#define S2_XN     (1ull << 54)
#define S2_ALL    (BLOCK | S2_READ | S2_WRITE | S2_NORMAL)

enum { TO_EL1H = 5, TO_EL0 = 0, TO_EL2H = 9 };

static struct cpu_bench *bench;
static struct cpu *cpu;

static int setup(void **state)
{
    struct error error;
    bench = bench_create(CPU_V8_2);
    cpu = &bench->cpu;
    assert_true(cpu_add_el2(cpu, &error));
    return 0;
}

static int teardown(void **state)
{
    bench_free(bench);
    return 0;
}

static void go_to(unsigned spsr, uint64_t pc)
{
    cpu->sys.SPSR_EL2 = spsr;
    cpu->sys.ELR_EL2 = pc;
    struct insn eret = bench_insn(bench, 0xd69f03e0);
    exception_return(cpu, &eret);
}

static uint64_t mrs(uint32_t op0, uint32_t op1, uint32_t crn, uint32_t crm, uint32_t op2)
{
    uint32_t word = 0xd5300000 | (op0 & 1) << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | 1;
    struct insn insn = bench_insn(bench, word);
    return sysreg_mrs(cpu, &insn);
}

static void msr(uint32_t op1, uint32_t crn, uint32_t crm, uint32_t op2, uint64_t value)
{
    struct insn insn = bench_insn(bench, 0xd5180000 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | 1);
    sysreg_msr(cpu, &insn, value);
}

/* Two stages: all of IPA 0x80000000 on lies at BENCH_RAM; stage 1 maps VA 0 there, if it is on. */
static void map_both(uint64_t stage2_bits)
{
    bench_poke(bench, STAGE2_TABLE + 2 * 8, BENCH_RAM | stage2_bits);
    bench_poke(bench, STAGE1_TABLE, 0x80000000 | BLOCK);
    sysreg_write(cpu, SR_VTCR_EL2, 25 | 1 << 6 | 2 << 16);
    sysreg_write(cpu, SR_VTTBR_EL2, STAGE2_TABLE | 7ull << 48);
    sysreg_write(cpu, SR_TCR_EL1, 25 | 2ull << 32);
    sysreg_write(cpu, SR_TTBR0_EL1, STAGE1_AT);
    sysreg_write(cpu, SR_MAIR_EL1, 0xff);
    sysreg_write(cpu, SR_SCTLR_EL1, 1);
    sysreg_write(cpu, SR_HCR_EL2, HCR_VM);
    tlb_flush_all(cpu);
}

static unsigned translate(uint64_t va, enum mmu_access access, struct translation *found)
{
    const struct mmu_request request = {.access = access, .el = cpu->pstate.el};
    return mmu_translate(cpu, va, &request, found);
}

static void it_starts_at_el2(void **state)
{
    assert_int_equal(cpu->pstate.el, 2);
    assert_int_equal(sysreg_read(cpu, SR_ID_AA64PFR0_EL1) >> 8 & 15, 1);
    assert_int_equal(sysreg_read(cpu, SR_ID_AA64MMFR1_EL1) >> 8 & 15, 1);
    struct cpu_bench *old = bench_create(CPU_V8_0);
    struct error error;
    assert_int_equal(sysreg_read(&old->cpu, SR_ID_AA64PFR0_EL1) >> 8 & 15, 0);
    assert_true(cpu_add_el2(&old->cpu, &error));
    assert_int_equal(sysreg_read(&old->cpu, SR_ID_AA64MMFR1_EL1) >> 8 & 15, 0); /* no VHE in Armv8.0 */
    sysreg_write(&old->cpu, SR_HCR_EL2, HCR_E2H);
    assert_int_equal(old->cpu.sys.HCR_EL2 & HCR_E2H, 0);
    bench_free(old);
}

/* While EL2 runs its registers are in use, and EL1's keep what they have. */
static void each_regime_has_its_registers(void **state)
{
    sysreg_write(cpu, SR_TTBR0_EL1, 0x1000);
    sysreg_write(cpu, SR_TTBR0_EL2, 0x2000);
    sysreg_write(cpu, SR_MAIR_EL1, 0x11);
    assert_int_equal(sysreg_read(cpu, SR_TTBR0_EL1), 0x1000);
    assert_int_equal(cpu->sys.TTBR0_EL1, 0x2000); /* in use */
    go_to(TO_EL1H, BENCH_RAM);
    assert_int_equal(cpu->pstate.el, 1);
    assert_int_equal(cpu->sys.TTBR0_EL1, 0x1000);
    sysreg_write(cpu, SR_TTBR0_EL1, 0x3000);
    assert_true(RAISES(bench, cpu_raise_el2(cpu, &(struct insn){0}, EC_HVC, 0)));
    assert_int_equal(cpu->pstate.el, 2);
    assert_int_equal(cpu->sys.TTBR0_EL1, 0x2000);
    assert_int_equal(sysreg_read(cpu, SR_TTBR0_EL1), 0x3000);
    assert_int_equal(sysreg_read(cpu, SR_MAIR_EL1), 0x11);
}

static void names_mean_others_with_e2h(void **state)
{
    msr(0, 12, 0, 0, 0x10800); /* VBAR_EL1 */
    msr(4, 12, 0, 0, 0x20800); /* VBAR_EL2 */
    assert_true(RAISES(bench, mrs(3, 5, 12, 0, 0))); /* VBAR_EL12: not without E2H */
    assert_int_equal(cpu->pstate.el, 2);
    sysreg_write(cpu, SR_HCR_EL2, HCR_E2H);
    assert_int_equal(mrs(3, 0, 12, 0, 0), 0x20800);
    assert_int_equal(mrs(3, 5, 12, 0, 0), 0x10800);
    msr(0, 12, 0, 0, 0x30800);
    assert_int_equal(cpu->sys.VBAR_EL2, 0x30800);
    msr(5, 12, 0, 0, 0x40800);
    assert_int_equal(cpu->sys.VBAR_EL1, 0x40800);
    msr(0, 1, 0, 2, 3 << 20); /* CPACR_EL1: CPTR_EL2 */
    assert_int_equal(cpu->sys.CPTR_EL2, 3 << 20);
    assert_int_equal(sysreg_read(cpu, SR_CPACR_EL1), 0);
    msr(3, 14, 3, 2, 77); /* CNTV_CVAL_EL0: CNTHV_CVAL_EL2 */
    assert_int_equal(cpu->sys.CNTHV_CVAL_EL2, 77);
    msr(5, 14, 3, 2, 78);
    assert_int_equal(cpu->sys.CNTV_CVAL_EL0, 78);
}

static void el1_has_no_registers_of_el2(void **state)
{
    go_to(TO_EL1H, BENCH_RAM);
    assert_true(RAISES(bench, mrs(3, 4, 1, 1, 0)));
    assert_int_equal(cpu->pstate.el, 1);
    assert_int_equal(BENCH_EC(bench), EC_UNKNOWN);
}

static void both_stages_translate(void **state)
{
    struct translation found;
    map_both(S2_ALL);
    go_to(TO_EL1H, 0);
    assert_int_equal(translate(0x1234, ACCESS_WRITE, &found), FAULT_NONE);
    assert_int_equal(found.physical, BENCH_RAM + 0x1234);
    assert_int_equal(found.flags & IS_DEVICE, 0);
    assert_int_equal(translate(0x1234, ACCESS_READ, &found), FAULT_NONE); /* from the TLB */
    assert_int_equal(found.physical, BENCH_RAM + 0x1234);
    assert_int_equal(translate(1ull << 30, ACCESS_READ, &found), FAULT_TRANSLATION + 1); /* stage 1's */
}

static void stage_2_allows_what_both_allow(void **state)
{
    struct translation found;
    map_both(BLOCK | S2_READ | S2_NORMAL | S2_XN);
    go_to(TO_EL1H, 0);
    assert_int_equal(translate(0, ACCESS_READ, &found), FAULT_NONE);
    assert_int_equal(translate(0x8008, ACCESS_WRITE, &found), (FAULT_PERMISSION + 1) | FAULT_STAGE2);
    assert_int_equal(cpu->fault_ipa, 0x80008008);
    assert_int_equal(translate(0, ACCESS_FETCH, &found), (FAULT_PERMISSION + 1) | FAULT_STAGE2);
    tlb_flush_all(cpu);
    bench_poke(bench, STAGE1_TABLE, 0x80000000 | BLOCK | 1 << 7); /* stage 1 comes first */
    assert_int_equal(translate(0, ACCESS_WRITE, &found), FAULT_PERMISSION + 1);
}

static void stage_2_makes_memory_device(void **state)
{
    struct translation found;
    map_both(BLOCK | S2_READ | S2_WRITE | 1 << 2);
    go_to(TO_EL1H, 0);
    assert_int_equal(translate(0, ACCESS_READ, &found), FAULT_NONE);
    assert_true(found.flags & IS_DEVICE);
    assert_int_equal(found.flags >> ATTRIBUTES_SHIFT, 0x04);
}

static void faults_of_stage_2_go_to_el2(void **state)
{
    uint64_t value;
    map_both(S2_ALL);
    bench_poke(bench, STAGE1_TABLE, 0xc0000000 | BLOCK); /* where stage 2 has nothing */
    go_to(TO_EL1H, BENCH_RAM);
    struct insn ldr = bench_insn(bench, 0xb9400062); /* ldr w2, [x3] */
    assert_true(RAISES(bench, mem_slow_read(cpu, &ldr, 0x5678, 4, &value, MEM_PLAIN)));
    assert_int_equal(cpu->pstate.el, 2);
    assert_int_equal(cpu->sys.ESR_EL2 >> 26, EC_DATA_ABORT_LOWER);
    assert_int_equal(cpu->sys.ESR_EL2 & 0x3f, FAULT_TRANSLATION + 1);
    assert_int_equal(cpu->sys.ESR_EL2 >> 24 & 1, 1); /* ISV: 4 bytes into W2 */
    assert_int_equal(cpu->sys.ESR_EL2 >> 22 & 3, 2);
    assert_int_equal(cpu->sys.ESR_EL2 >> 16 & 31, 2);
    assert_int_equal(cpu->sys.ESR_EL2 >> 15 & 1, 0);
    assert_int_equal(cpu->sys.FAR_EL2, 0x5678);
    assert_int_equal(cpu->sys.HPFAR_EL2, 0xc0005ull << 4);
}

/* Stage 1's table lies where stage 2 has nothing. */
static void walks_of_stage_1_meet_stage_2(void **state)
{
    struct translation found;
    map_both(S2_ALL);
    sysreg_write(cpu, SR_TTBR0_EL1, 0xc0000000);
    tlb_flush_all(cpu);
    go_to(TO_EL1H, 0);
    assert_int_equal(translate(0, ACCESS_READ, &found), (FAULT_TRANSLATION + 1) | FAULT_STAGE2 | FAULT_S1PTW);
    assert_int_equal(cpu->fault_ipa, 0xc0000000);
}

/* Translations of another VMID are not used. */
static void vmids_are_kept_apart(void **state)
{
    struct translation found;
    map_both(S2_ALL);
    go_to(TO_EL1H, 0);
    assert_int_equal(translate(0, ACCESS_READ, &found), FAULT_NONE);
    bench_poke(bench, STAGE1_TABLE, 0); /* what was kept stands until TLBI */
    assert_int_equal(translate(0, ACCESS_READ, &found), FAULT_NONE);
    assert_true(RAISES(bench, cpu_raise_el2(cpu, &(struct insn){0}, EC_HVC, 0)));
    sysreg_write(cpu, SR_VTTBR_EL2, STAGE2_TABLE | 8ull << 48);
    go_to(TO_EL1H, 0);
    assert_int_equal(translate(0, ACCESS_READ, &found), FAULT_TRANSLATION + 1);
    assert_true(RAISES(bench, cpu_raise_el2(cpu, &(struct insn){0}, EC_HVC, 0)));
    sysreg_write(cpu, SR_VTTBR_EL2, STAGE2_TABLE | 7ull << 48);
    go_to(TO_EL1H, 0);
    assert_int_equal(translate(0, ACCESS_READ, &found), FAULT_NONE);
    tlb_serve(cpu, &(struct cpu_request){REQUEST_FLUSH_ALL, 0, 0, true}); /* EL2's own alone */
    assert_int_equal(translate(0, ACCESS_READ, &found), FAULT_NONE);
    tlb_serve(cpu, &(struct cpu_request){REQUEST_FLUSH_ALL, 0, 0, false});
    assert_int_equal(translate(0, ACCESS_READ, &found), FAULT_TRANSLATION + 1);
}

static void registers_are_trapped(void **state)
{
    static const struct {
        uint64_t hcr, mdcr;
        uint8_t op1, crn, crm, op2;
        bool read, write;
    } list[] = {
        {HCR_TVM, 0, 0, 2, 0, 0, false, true},  {HCR_TRVM, 0, 0, 2, 0, 0, true, false},
        {HCR_TVM, 0, 0, 1, 0, 0, false, true},  {HCR_TVM, 0, 0, 5, 2, 0, false, true},
        {HCR_TACR, 0, 0, 1, 0, 1, true, true},  {HCR_TID2, 0, 2, 0, 0, 0, true, true},
        {0, 0, 0, 2, 0, 0, false, false},       {0, 1 << 6, 3, 9, 13, 0, true, true},
        {0, 1 << 5, 3, 9, 12, 0, true, true},   {HCR_TVM, 0, 0, 12, 0, 0, false, false},
        {HCR_TIDCP, 0, 3, 15, 2, 0, true, true}, {HCR_TIDCP, 0, 0, 11, 0, 2, true, true},
    };
    teardown(state);
    for (volatile unsigned i = 0; i < sizeof list / sizeof list[0]; i++) {
        for (volatile unsigned write = 0; write < 2; write++) {
            setup(state);
            sysreg_write(cpu, SR_HCR_EL2, list[i].hcr);
            sysreg_write(cpu, SR_MDCR_EL2, list[i].mdcr);
            go_to(TO_EL1H, BENCH_RAM);
            bool raised = RAISES(bench, {
                if (write)
                    msr(list[i].op1, list[i].crn, list[i].crm, list[i].op2, 0);
                else
                    mrs(3, list[i].op1, list[i].crn, list[i].crm, list[i].op2);
            });
            if (raised != (write ? list[i].write : list[i].read))
                fail_msg("row %u, write %u", i, write);
            if (raised) {
                assert_int_equal(cpu->pstate.el, 2);
                assert_int_equal(cpu->sys.ESR_EL2 >> 26, EC_SYSTEM);
                assert_int_equal(cpu->sys.ESR_EL2 & 1, !write);
            }
            teardown(state);
        }
    }
    setup(state);
}

static void exceptions_go_where_tge_says(void **state)
{
    sysreg_write(cpu, SR_VBAR_EL2, 0x2000);
    go_to(TO_EL0, BENCH_RAM);
    struct insn svc = bench_insn(bench, 0xd4000001);
    cpu_take_after(cpu, &svc, EC_SVC, 0);
    assert_int_equal(cpu->pstate.el, 1);
    assert_true(RAISES(bench, cpu_raise_el2(cpu, &svc, EC_HVC, 0)));
    sysreg_write(cpu, SR_HCR_EL2, HCR_TGE | HCR_E2H);
    go_to(TO_EL0, BENCH_RAM);
    assert_int_equal(cpu->regime, REGIME_EL20);
    svc = bench_insn(bench, 0xd4000001);
    cpu_take_after(cpu, &svc, EC_SVC, 0);
    assert_int_equal(cpu->pstate.el, 2);
    assert_int_equal(cpu->pc, 0x2400);
    go_to(TO_EL1H, BENCH_RAM); /* there is no EL1 */
    assert_int_equal(cpu->pstate.el, 2);
    assert_true(cpu->pstate.il);
}

static void interrupts_go_where_they_are_routed(void **state)
{
    unsigned target;
    cpu_set_interrupt(cpu, CPU_IRQ, true);
    assert_int_equal(el2_interrupt_due(cpu, &target), EL2_NONE); /* EL1's, while EL2 runs */
    cpu->pstate.daif = 0;
    assert_int_equal(el2_interrupt_due(cpu, &target), EL2_NONE);
    sysreg_write(cpu, SR_HCR_EL2, HCR_IMO);
    assert_int_equal(el2_interrupt_due(cpu, &target), EL2_IRQ);
    cpu->pstate.daif = 2;
    assert_int_equal(el2_interrupt_due(cpu, &target), EL2_NONE);
    go_to(TO_EL1H | 0x3c0, BENCH_RAM);
    assert_int_equal(el2_interrupt_due(cpu, &target), EL2_IRQ); /* EL1 cannot mask it */
    assert_int_equal(target, 2);
    cpu_set_interrupt(cpu, CPU_IRQ, false);
    cpu_set_interrupt(cpu, CPU_VIRTUAL_IRQ, true);
    assert_int_equal(el2_interrupt_due(cpu, &target), EL2_NONE); /* but its own */
    assert_true(cpu_interrupt_pends(cpu));
    cpu->pstate.daif = 0;
    assert_int_equal(el2_interrupt_due(cpu, &target), EL2_VIRTUAL_IRQ);
    assert_int_equal(target, 1);
    assert_int_equal(sysreg_read(cpu, SR_ISR_EL1), 1 << 7);
    cpu->sys.HCR_EL2 &= ~HCR_IMO;
    assert_int_equal(el2_interrupt_due(cpu, &target), EL2_NONE);
}

static void identity_is_what_el2_says(void **state)
{
    sysreg_write(cpu, SR_VPIDR_EL2, 0x12345678);
    sysreg_write(cpu, SR_VMPIDR_EL2, 0x80000003);
    assert_int_not_equal(mrs(3, 0, 0, 0, 0), 0x12345678);
    go_to(TO_EL1H, BENCH_RAM);
    assert_int_equal(mrs(3, 0, 0, 0, 0), 0x12345678);
    assert_int_equal(mrs(3, 0, 0, 0, 5), 0x80000003);
}

static void counters_have_an_offset(void **state)
{
    bench->clock.now_ns = 1600;
    sysreg_write(cpu, SR_CNTVOFF_EL2, 40);
    assert_int_equal(sysreg_read(cpu, SR_CNTVCT_EL0), 60);
    assert_int_equal(sysreg_read(cpu, SR_CNTPCT_EL0), 100);
    sysreg_write(cpu, SR_HCR_EL2, HCR_E2H);
    assert_int_equal(sysreg_read(cpu, SR_CNTVCT_EL0), 100); /* of a host it is its own */
}

static void fp_is_trapped_by_either(void **state)
{
    struct insn insn = {0};
    sysreg_write(cpu, SR_CPACR_EL1, 3 << 20);
    sysreg_write(cpu, SR_CPTR_EL2, 1 << 10);
    go_to(TO_EL1H, BENCH_RAM);
    assert_true(RAISES(bench, cpu_check_fp(cpu, &insn)));
    assert_int_equal(cpu->pstate.el, 2);
    assert_int_equal(cpu->sys.ESR_EL2 >> 26, EC_FP_ACCESS);
    sysreg_write(cpu, SR_CPTR_EL2, 0);
    go_to(TO_EL1H, BENCH_RAM);
    assert_false(RAISES(bench, cpu_check_fp(cpu, &insn)));
    sysreg_write(cpu, SR_CPACR_EL1, 0);
    assert_true(RAISES(bench, cpu_check_fp(cpu, &insn)));
    assert_int_equal(cpu->pstate.el, 1);
}

/* HCR_EL2.API and APK: use of pointer authentication, where it is enabled, and its keys. */
static void pointer_authentication_is_trapped(void **state)
{
    struct error error;
    teardown(state);
    bench = bench_create(CPU_MAX);
    cpu = &bench->cpu;
    assert_true(cpu_add_el2(cpu, &error));
    for (volatile unsigned allowed = 0; allowed < 2; allowed++) {
        for (volatile unsigned enabled = 0; enabled < 2; enabled++) {
            sysreg_write(cpu, SR_HCR_EL2, allowed ? HCR_API | HCR_APK : 0);
            sysreg_write(cpu, SR_SCTLR_EL2, 1u << 31);
            struct insn paciasp = bench_insn(bench, 0xd503233f);
            assert_false(RAISES(bench, pauth_check_use(cpu, &paciasp, PAUTH_IA))); /* EL2's own */
            go_to(TO_EL1H, BENCH_RAM + 0x40);
            sysreg_write(cpu, SR_SCTLR_EL1, enabled ? 1u << 31 : 0);
            paciasp = bench_insn(bench, 0xd503233f);
            assert_false(RAISES(bench, pauth_check_use(cpu, &paciasp, PAUTH_IB)));
            assert_int_equal(RAISES(bench, pauth_check_use(cpu, &paciasp, PAUTH_IA)), enabled && !allowed);
            assert_int_equal(cpu->pstate.el, enabled && !allowed ? 2 : 1);
            if (cpu->pstate.el == 2) {
                assert_int_equal(cpu->sys.ESR_EL2, (uint64_t)EC_PAC << 26 | 1 << 25);
                assert_int_equal(cpu->sys.ELR_EL2, BENCH_RAM + 0x40);
                go_to(TO_EL1H, BENCH_RAM);
            }
            assert_int_equal(RAISES(bench, pauth_check_use(cpu, &paciasp, PAUTH_GA)), !allowed);
            if (cpu->pstate.el == 2)
                go_to(TO_EL1H, BENCH_RAM);
            assert_int_equal(RAISES(bench, mrs(3, 0, 2, 1, 0)), !allowed); /* APIAKeyLo_EL1 */
            if (cpu->pstate.el == 1)
                assert_true(RAISES(bench, cpu_raise_el2(cpu, &paciasp, EC_HVC, 0)));
        }
    }
    sysreg_write(cpu, SR_HCR_EL2, HCR_TGE | HCR_E2H);
    go_to(TO_EL0, BENCH_RAM);
    struct insn pacga = bench_insn(bench, 0x9ac13000);
    assert_false(RAISES(bench, pauth_check_use(cpu, &pacga, PAUTH_GA))); /* of the host's programs */
}

/* HCR_EL2.FWB: stage 2 decides. MemAttr, the attribute of stage 1, and what comes of both. */
static void stage_2_forces_attributes(void **state)
{
    static const struct {
        uint8_t type, first, both;
    } list[] = {
        {0, 0xff, 0x00}, {1, 0xff, 0x04}, {3, 0x44, 0x0c}, {2, 0x00, 0x08},                  /* Device */
        {5, 0xff, 0x44}, {5, 0x44, 0x44}, {5, 0x04, 0x04}, {5, 0xbb, 0x44},                  /* Non-cacheable */
        {6, 0x00, 0xff}, {6, 0x44, 0xff}, {6, 0xbb, 0xff}, {6, 0xee, 0xee}, {6, 0x0c, 0xff}, /* write-back */
        {7, 0x00, 0x00}, {7, 0x44, 0x44}, {7, 0xff, 0xff}, {7, 0xbb, 0xbb},                  /* as stage 1 has it */
    };
    struct error error;
    assert_int_equal(sysreg_read(cpu, SR_ID_AA64MMFR2_EL1) >> 40 & 15, 0);
    sysreg_write(cpu, SR_HCR_EL2, HCR_FWB);
    assert_int_equal(cpu->sys.HCR_EL2 & HCR_FWB, 0);
    teardown(state);
    bench = bench_create(CPU_MAX);
    cpu = &bench->cpu;
    assert_true(cpu_add_el2(cpu, &error));
    assert_int_equal(sysreg_read(cpu, SR_ID_AA64MMFR2_EL1) >> 40 & 15, 1);
    for (unsigned i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct translation found;
        /* The tables of stage 1 lie there too, and are read whatever the type: HCR_EL2.PTW is 0. */
        map_both((S2_ALL & ~S2_NORMAL) | (uint64_t)list[i].type << 2);
        sysreg_write(cpu, SR_MAIR_EL1, list[i].first);
        sysreg_write(cpu, SR_HCR_EL2, HCR_VM | HCR_FWB);
        go_to(TO_EL1H, 0);
        assert_int_equal(translate(0, ACCESS_READ, &found), FAULT_NONE);
        if (found.flags >> ATTRIBUTES_SHIFT != list[i].both || !(found.flags & IS_DEVICE) != !!(list[i].both & 0xf0))
            fail_msg("row %u: %#x", i, found.flags);
        assert_true(RAISES(bench, cpu_raise_el2(cpu, &(struct insn){0}, EC_HVC, 0)));
    }
    /* A table in what stage 2 says is Device, where EL2 forbids that. */
    for (volatile unsigned type = 0; type < 8; type++) {
        struct translation found;
        map_both((S2_ALL & ~S2_NORMAL) | (uint64_t)type << 2);
        sysreg_write(cpu, SR_HCR_EL2, HCR_VM | HCR_FWB | HCR_PTW);
        go_to(TO_EL1H, 0);
        assert_int_equal(translate(0, ACCESS_READ, &found) == FAULT_NONE, type >= 4);
        assert_true(RAISES(bench, cpu_raise_el2(cpu, &(struct insn){0}, EC_HVC, 0)));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_starts_at_el2),
        TEST(each_regime_has_its_registers),
        TEST(names_mean_others_with_e2h),
        TEST(el1_has_no_registers_of_el2),
        TEST(both_stages_translate),
        TEST(stage_2_allows_what_both_allow),
        TEST(stage_2_makes_memory_device),
        TEST(faults_of_stage_2_go_to_el2),
        TEST(walks_of_stage_1_meet_stage_2),
        TEST(vmids_are_kept_apart),
        TEST(registers_are_trapped),
        TEST(exceptions_go_where_tge_says),
        TEST(interrupts_go_where_they_are_routed),
        TEST(identity_is_what_el2_says),
        TEST(counters_have_an_offset),
        TEST(fp_is_trapped_by_either),
        TEST(pointer_authentication_is_trapped),
        TEST(stage_2_forces_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
