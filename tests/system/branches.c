/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Control flow that the processor guards: branch targets (BTI) and pointer authentication. On a processor
 * without them their instructions do nothing or are undefined, and the same code runs unguarded. */
#include "guest.h"

#define GUARDED 0x44000000ull
#define PLAIN   0x44001000ull

#define NOP    0xd503201fu
#define BTI_C  0xd503245fu
#define BTI_J  0xd503249fu
#define BTI_JC 0xd50324dfu
#define BR_X9  0xd61f0120u
#define BR_X16 0xd61f0200u
#define RET    0xd65f03c0u

#define EC_BTI  0x0d
#define NO_TRAP 0xff

static bool has_bti, has_pauth;
static volatile uint64_t bti_iss, bti_spsr;

/* A branch to a wrong target: back to the caller. */
static bool on_bad_target(struct frame *frame, unsigned vector)
{
    uint64_t esr = MRS(esr_el1);
    (void)vector;
    if (esr >> 26 != EC_BTI)
        return false;
    bti_iss = esr & 0x1ffffff;
    bti_spsr = frame->spsr;
    frame->spsr &= ~(3ull << 10);
    frame->elr = frame->x[30];
    return true;
}

static void write_code(uint64_t address, uint32_t first, uint32_t second)
{
    volatile uint32_t *code = (volatile uint32_t *)address;
    code[0] = first;
    code[1] = second;
    asm volatile("dc cvau, %0; dsb ish; ic ivau, %0; dsb ish; isb" ::"r"(address) : "memory");
}

/* Calls `address` with `target` in x9 and x16; returns the BTYPE that was refused, or NO_TRAP. */
static uint64_t call(uint64_t address, uint64_t target)
{
    register uint64_t x9 asm("x9") = target;
    register uint64_t x16 asm("x16") = target;
    bti_iss = NO_TRAP;
    asm volatile("blr %0" ::"r"(address), "r"(x9), "r"(x16) : "x30", "memory");
    if (bti_iss != NO_TRAP)
        EXPECT_EQ(bti_spsr >> 10 & 3, bti_iss);
    return bti_iss;
}

static void branch_targets(void)
{
    static const struct {
        uint32_t word;
        bool called, jumped, jumped_by_x16; /* may be reached by BLR, BR, BR X16 */
    } targets[] = {
        {NOP, false, false, false},
        {BTI_C, true, false, true},
        {BTI_J, false, true, true},
        {BTI_JC, true, true, true},
    };
    const uint64_t by_any = GUARDED + 0x100, by_x16 = GUARDED + 0x200, by_plain = PLAIN;
    write_code(by_any, BTI_C, BR_X9);
    write_code(by_x16, BTI_C, BR_X16);
    write_code(by_plain, BTI_C, BR_X9);
    for (unsigned i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        write_code(GUARDED, targets[i].word, RET);
        EXPECT_EQ(call(GUARDED, 0), has_bti && !targets[i].called ? 2 : NO_TRAP);
        EXPECT_EQ(call(by_any, GUARDED), has_bti && !targets[i].jumped ? 3 : NO_TRAP);
        EXPECT_EQ(call(by_x16, GUARDED), has_bti && !targets[i].jumped_by_x16 ? 1 : NO_TRAP);
        EXPECT_EQ(call(by_plain, GUARDED), has_bti && !targets[i].jumped_by_x16 ? 1 : NO_TRAP);
        write_code(PLAIN + 0x100, targets[i].word, RET);
        EXPECT_EQ(call(PLAIN + 0x100, 0), NO_TRAP);
    }
    /* RET may go anywhere, and so may what runs on from the target. */
    write_code(GUARDED, BTI_C, NOP);
    write_code(GUARDED + 8, NOP, RET);
    EXPECT_EQ(call(GUARDED, 0), NO_TRAP);
}

static uint64_t sign(uint64_t pointer, uint64_t modifier)
{
    asm volatile(".arch armv8.3-a\n pacia %0, %1" : "+r"(pointer) : "r"(modifier));
    return pointer;
}

static uint64_t authenticate(uint64_t pointer, uint64_t modifier)
{
    asm volatile(".arch armv8.3-a\n autia %0, %1" : "+r"(pointer) : "r"(modifier));
    return pointer;
}

static void pointer_authentication(void)
{
    static volatile uint64_t datum = 0x1234;
    uint64_t pointer = (uint64_t)&datum;
    if (!has_pauth) {
        trap_clear();
        sign(pointer, 1);
        EXPECT_EQ(TRAP_EC(), 0);
        EXPECT_EQ(trap.count, 1);
        return;
    }
    EXPECT_EQ(sign(pointer, 1), pointer);  /* not enabled yet */
    MSR(s3_0_c2_c1_0, 0x0123456789abcdef); /* APIAKeyLo_EL1, APIAKeyHi_EL1 */
    MSR(s3_0_c2_c1_1, 0xfedcba9876543210);
    MSR(sctlr_el1, MRS(sctlr_el1) | 1u << 31);
    ISB();

    uint64_t signed_pointer = 0, modifier = 0;
    while (modifier < 16 && (signed_pointer = sign(pointer, modifier)) == pointer)
        modifier++;
    EXPECT(signed_pointer != pointer);
    EXPECT_EQ(authenticate(signed_pointer, modifier), pointer);
    EXPECT_EQ(*(volatile uint64_t *)authenticate(signed_pointer, modifier), 0x1234);
    uint64_t stripped = signed_pointer;
    asm volatile(".arch armv8.3-a\n xpacd %0" : "+r"(stripped));
    EXPECT_EQ(stripped, pointer);

    /* Used all the same, a pointer that failed faults: by its address, or where FEAT_FPAC is, at once. */
    trap_clear();
    uint64_t failed = authenticate(signed_pointer ^ 1ull << 48, modifier), address = failed;
    asm volatile("ldr %0, [%0]" : "+r"(failed));
    EXPECT(trap.count >= 1);
    EXPECT(TRAP_EC() == 0x25 || TRAP_EC() == 0x1c);
    if (TRAP_EC() == 0x25) {
        EXPECT_EQ(trap.far, address);
        EXPECT_EQ(TRAP_ISS() & 0x3c, 4); /* translation fault */
    }

    /* A signed return. */
    uint64_t result = 0;
    asm volatile(".arch armv8.3-a\n"
                 "bl 1f\n"
                 "mov %0, #7\n"
                 "b 2f\n"
                 "1: paciasp\n"
                 "retaa\n"
                 "2:\n"
                 : "+r"(result)::"x30");
    EXPECT_EQ(result, 7);
    MSR(sctlr_el1, MRS(sctlr_el1) & ~(1ull << 31));
    ISB();
}

void guest_main(void)
{
    uint64_t *root = identity_map();
    has_bti = MRS(id_aa64pfr1_el1) & 15;
    has_pauth = MRS(id_aa64isar1_el1) >> 4 & 0xff;
    *pte_of(root, GUARDED) |= PTE_GP;
    EXPECT(!(*pte_of(root, PLAIN) & PTE_GP));
    mmu_on(root);
    sync_handler = on_bad_target;
    branch_targets();
    pointer_authentication();
}
