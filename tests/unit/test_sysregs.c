/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System registers: who may access each row of the table, traps from EL0, ID registers, side effects. */
#include "unit.h"
#include "cpu_bench.h"

static struct cpu_bench *bench;
static struct cpu *cpu;

/* An interrupt controller with system registers, all of them 0. */
static uint64_t icc_zero(void *gic, unsigned index, enum icc_reg reg)
{
    return 0;
}

static void icc_ignore(void *gic, unsigned index, enum icc_reg reg, uint64_t value)
{
}

static int setup(void **state)
{
    static const struct icc_ops icc = {icc_zero, icc_ignore};
    bench = bench_create(CPU_MAX);
    cpu = &bench->cpu;
    cpu->icc = &icc;
    return 0;
}

static int teardown(void **state)
{
    bench_free(bench);
    return 0;
}

/* Into X7. */
static uint32_t mrs_word(enum sysreg reg)
{
    return 0xd5300007 | (uint32_t)sysreg_infos[reg].key << 5;
}

static uint32_t msr_word(enum sysreg reg)
{
    return 0xd5100000 | (uint32_t)sysreg_infos[reg].key << 5;
}

static bool read_raises(enum sysreg reg)
{
    cpu->pc = BENCH_RAM;
    struct insn insn = bench_insn(bench, mrs_word(reg));
    return RAISES(bench, sysreg_mrs(cpu, &insn));
}

static bool write_raises(enum sysreg reg, uint64_t value)
{
    cpu->pc = BENCH_RAM;
    struct insn insn = bench_insn(bench, msr_word(reg));
    return RAISES(bench, sysreg_msr(cpu, &insn, value));
}

static uint64_t read_reg(enum sysreg reg)
{
    cpu->pc = BENCH_RAM;
    struct insn insn = bench_insn(bench, mrs_word(reg));
    uint64_t value = 0;
    assert_false(RAISES(bench, value = sysreg_mrs(cpu, &insn)));
    return value;
}

static void write_reg(enum sysreg reg, uint64_t value)
{
    assert_false(write_raises(reg, value));
}

/* Everything that lets EL0 in; or nothing. */
static void open_to_el0(bool open)
{
    cpu_set_level(cpu, 1, 1);
    cpu->sys.SCTLR_EL1 = open ? 1 << 9 | 1 << 14 | 1 << 15 | 1 << 26 : 1 << 20;
    cpu->sys.CNTKCTL_EL1 = open ? 0x303 : 0;
    cpu->sys.PMUSERENR_EL0 = open ? 1 : 0;
    cpu->sys.MDSCR_EL1 = open ? 0 : 1 << 12;
    cpu->sys.CPACR_EL1 = 3 << 20;
}

static void every_row_is_accessed_from_each_level_as_the_table_says(void **state)
{
    open_to_el0(true);
    for (enum sysreg reg = SR_NONE + 1; reg < SR_COUNT; reg++) {
        const struct sysreg_info *info = &sysreg_infos[reg];
        for (unsigned el = 0; el < 2; el++) {
            bool readable = info->access & (el ? EL1_READ : EL0_READ);
            bool writable = info->access & (el ? EL1_WRITE : EL0_WRITE);
            open_to_el0(true);
            cpu_set_level(cpu, el, el);
            uint64_t old = sysreg_read(cpu, reg);
            if (read_raises(reg) == readable)
                fail_msg("%s: read at EL%u", info->name, el);
            if (!readable)
                assert_int_equal(BENCH_EC(bench), EC_UNKNOWN);
            cpu_set_level(cpu, el, el);
            if (write_raises(reg, old) == writable)
                fail_msg("%s: write at EL%u", info->name, el);
            if (!writable)
                assert_int_equal(BENCH_EC(bench), EC_UNKNOWN);
        }
    }
}

static void features_that_are_absent_take_their_registers_with_them(void **state)
{
    cpu->features = features_of(CPU_V8_0);
    cpu->features.present &= ~(1ull << FEAT_PMUv3);
    for (enum sysreg reg = SR_NONE + 1; reg < SR_COUNT; reg++) {
        const struct sysreg_info *info = &sysreg_infos[reg];
        cpu_set_level(cpu, 1, 1);
        cpu->sys.CPACR_EL1 = 3 << 20;
        if (info->access & EL1_READ)
            assert_int_equal(read_raises(reg), !has_feature(&cpu->features, info->feature));
    }
    cpu_set_level(cpu, 1, 1);
    assert_true(read_raises(SR_RNDR));
    assert_true(read_raises(SR_PMCR_EL0));
    assert_true(read_raises(SR_PAN));
}

static void el0_traps_say_which_register(void **state)
{
    static const enum sysreg trapped[] = {
        SR_CTR_EL0,        SR_DAIF,          SR_CNTVCT_EL0,  SR_CNTPCT_EL0,  SR_CNTFRQ_EL0,
        SR_CNTV_CTL_EL0,   SR_CNTP_CVAL_EL0, SR_PMCR_EL0,    SR_PMCCNTR_EL0, SR_PMEVCNTR3_EL0,
        SR_PMXEVTYPER_EL0, SR_MDCCSR_EL0,    SR_SCXTNUM_EL0,
    };
    for (unsigned i = 0; i < sizeof trapped / sizeof trapped[0]; i++) {
        const struct sysreg_info *info = &sysreg_infos[trapped[i]];
        open_to_el0(false);
        cpu_set_level(cpu, 0, 0);
        if (!read_raises(trapped[i]))
            fail_msg("%s is not trapped", info->name);
        assert_int_equal(BENCH_EC(bench), EC_SYSTEM);
        unsigned key = info->key, op0 = 2 + (key >> 14), op1 = key >> 11 & 7, crn = key >> 7 & 15;
        unsigned crm = key >> 3 & 15, op2 = key & 7;
        assert_int_equal(BENCH_ISS(bench),
                         op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | 7 << 5 | crm << 1 | 1);
        assert_int_equal(cpu->sys.ELR_EL1, BENCH_RAM);
    }
    /* DCZID is readable, and says whether DC ZVA may be used. */
    open_to_el0(false);
    cpu_set_level(cpu, 0, 0);
    assert_int_equal(read_reg(SR_DCZID_EL0), 0x14);
    open_to_el0(true);
    cpu_set_level(cpu, 0, 0);
    assert_int_equal(read_reg(SR_DCZID_EL0), 4);
}

static void pmu_access_from_el0_has_exceptions_to_its_enable(void **state)
{
    static const struct {
        unsigned enable;
        enum sysreg reg;
        bool may_read, may_write;
    } cases[] = {
        {1 << 1, SR_PMSWINC_EL0, false, true}, {1 << 1, SR_PMCCNTR_EL0, false, false},
        {1 << 2, SR_PMCCNTR_EL0, true, false}, {1 << 3, SR_PMEVCNTR1_EL0, true, false},
        {1 << 3, SR_PMSELR_EL0, true, true},   {1 << 3, SR_PMEVTYPER1_EL0, false, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned write = 0; write < 2; write++) {
            open_to_el0(false);
            cpu->sys.PMUSERENR_EL0 = cases[i].enable;
            cpu_set_level(cpu, 0, 0);
            bool raises = write ? write_raises(cases[i].reg, 0) : read_raises(cases[i].reg);
            assert_int_equal(raises, !(write ? cases[i].may_write : cases[i].may_read));
        }
    }
}

static unsigned id_field(enum sysreg reg, unsigned bit)
{
    return sysreg_read(cpu, reg) >> bit & 15;
}

static void id_registers_follow_the_features(void **state)
{
    assert_int_equal(id_field(SR_ID_AA64ISAR0_EL1, 20), 2); /* LSE */
    assert_int_equal(id_field(SR_ID_AA64ISAR0_EL1, 12), 2); /* SHA512 beats SHA256 */
    assert_int_equal(id_field(SR_ID_AA64PFR0_EL1, 16), 1);  /* FP16 */
    assert_int_equal(id_field(SR_ID_AA64PFR0_EL1, 20), 1);
    assert_int_equal(id_field(SR_ID_AA64PFR0_EL1, 24), 1);  /* GICv3 */
    cpu->icc = NULL;                                        /* an older one */
    assert_int_equal(id_field(SR_ID_AA64PFR0_EL1, 24), 0);
    assert_true(read_raises(SR_ICC_PMR_EL1));
    assert_true(write_raises(SR_ICC_SGI1R_EL1, 0));
    assert_int_equal(id_field(SR_ID_AA64PFR0_EL1, 8), 0);   /* no EL2 */
    assert_int_equal(id_field(SR_ID_AA64MMFR1_EL1, 20), 2); /* PAN2 */
    assert_int_equal(id_field(SR_ID_AA64DFR0_EL1, 12), 5);
    cpu->features = features_of(CPU_V8_0);
    assert_int_equal(id_field(SR_ID_AA64ISAR0_EL1, 20), 0);
    assert_int_equal(id_field(SR_ID_AA64ISAR0_EL1, 4), 2); /* PMULL */
    assert_int_equal(id_field(SR_ID_AA64PFR0_EL1, 16), 0);
    assert_int_equal(id_field(SR_ID_AA64PFR0_EL1, 20), 0);
    assert_int_equal(sysreg_read(cpu, SR_MIDR_EL1), 0x411fd080);
    assert_int_equal(id_field(SR_ID_AA64DFR0_EL1, 8), 4);
}

static void unknown_encodings_are_undefined(void **state)
{
    assert_int_equal(sysreg_by_key(SYSREG_KEY(3, 3, 11, 0, 0)), SR_NONE);
    struct insn insn = bench_insn(bench, 0xd53bb000);
    assert_true(RAISES(bench, sysreg_mrs(cpu, &insn)));
    assert_int_equal(BENCH_EC(bench), EC_UNKNOWN);
    assert_int_equal(BENCH_ISS(bench), 0);
}

static void pstate_as_registers(void **state)
{
    write_reg(SR_NZCV, 0xa0000000);
    assert_true(cpu->nzcv.n && !cpu->nzcv.z && cpu->nzcv.c && !cpu->nzcv.v);
    write_reg(SR_DAIF, 0x280);
    assert_int_equal(cpu->pstate.daif, 10);
    assert_int_equal(read_reg(SR_DAIF), 0x280);
    write_reg(SR_PAN, 1 << 22);
    assert_ptr_equal(cpu->tlb, tlb_table(cpu->tlb_all, TLB_EL1_PAN));
    assert_int_equal(read_reg(SR_CurrentEL), 4);
    cpu->x[REG_SP] = 0x1111;
    write_reg(SR_SP_EL0, 0x2222);
    write_reg(SR_SPSel, 0);
    assert_int_equal(cpu->x[REG_SP], 0x2222);
    assert_true(read_raises(SR_SP_EL0));
    cpu_set_level(cpu, 1, 1);
    cpu->sys.CPACR_EL1 = 0;
    assert_true(read_raises(SR_FPCR));
    assert_int_equal(BENCH_EC(bench), EC_FP_ACCESS);
}

static void control_registers_keep_only_what_is_there(void **state)
{
    write_reg(SR_SCTLR_EL1, ~0ull & ~1ull);
    assert_int_equal(cpu->sys.SCTLR_EL1 >> 24 & 3, 0); /* no big-endian data */
    assert_true(cpu->sys.SCTLR_EL1 >> 31 & 1);
    cpu->features = features_of(CPU_V8_0);
    write_reg(SR_SCTLR_EL1, 0);
    assert_int_equal(cpu->sys.SCTLR_EL1, 0x30c00980 & ~(1ull << 20));
    write_reg(SR_VBAR_EL1, 0xfff);
    assert_int_equal(cpu->sys.VBAR_EL1, 0x800);
    write_reg(SR_TCR_EL1, ~0ull);
    assert_false(cpu->sys.TCR_EL1 >> 6 & 1);
}

static void random_numbers_depend_on_the_seed(void **state)
{
    cpu_seed_rng(cpu, 1);
    cpu->nzcv = (struct nzcv){1, 1, 1, 1};
    uint64_t first = read_reg(SR_RNDR), second = read_reg(SR_RNDRRS);
    assert_int_equal(nzcv_pack(cpu->nzcv), 0);
    assert_int_not_equal(first, second);
    cpu_seed_rng(cpu, 1);
    assert_int_equal(read_reg(SR_RNDR), first);
    cpu_seed_rng(cpu, 2);
    assert_int_not_equal(read_reg(SR_RNDR), first);
}

int main(void)
{
#define SYSREG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SYSREG_TEST(every_row_is_accessed_from_each_level_as_the_table_says),
        SYSREG_TEST(features_that_are_absent_take_their_registers_with_them),
        SYSREG_TEST(el0_traps_say_which_register),
        SYSREG_TEST(pmu_access_from_el0_has_exceptions_to_its_enable),
        SYSREG_TEST(id_registers_follow_the_features),
        SYSREG_TEST(unknown_encodings_are_undefined),
        SYSREG_TEST(pstate_as_registers),
        SYSREG_TEST(control_registers_keep_only_what_is_there),
        SYSREG_TEST(random_numbers_depend_on_the_seed),
    };
    return cmocka_run_group_tests_name("sysregs", tests, NULL, NULL);
}
