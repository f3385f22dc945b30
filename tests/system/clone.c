/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who the machine is: its generation ID and its random numbers stay what they are. tests/snapshots saves this guest
 * where it says "waiting", and makes clones of it: one says so by an interrupt, and then both are others. */
#include "gic.h"

#define GENERATION_ID  0x090c0000ull
#define GENERATION_IRQ 41u /* the board's 9 */
#define WAIT           62500u /* a millisecond */

static volatile unsigned changes;

static void on_change(struct frame *frame, unsigned vector)
{
    uint64_t intid = MRS(ICC_IAR1);
    if (intid == GENERATION_IRQ)
        changes++;
    MSR(ICC_EOIR1, intid);
    ISB();
    (void)frame;
    (void)vector;
}

static uint64_t id_word(unsigned number)
{
    return *(volatile uint64_t *)(GENERATION_ID + 8 * number);
}

static void print_line(const char *what, uint64_t value)
{
    print(what);
    print_hex(value);
    print("\n");
}

void guest_main(void)
{
    mmu_on(identity_map());
    gic_init();
    const uint64_t config = GICD + 0xc00 + 4 * (GENERATION_IRQ / 16);
    mmio_write32(config, mmio_read32(config) | 2u << GENERATION_IRQ % 16 * 2); /* triggered by its edge */
    gic_enable_shared(GENERATION_IRQ, 0x80);
    interrupt_handler = on_change;
    IRQ_ON();

    const uint64_t first = id_word(0), second = id_word(1);
    EXPECT(first | second);
    EXPECT_EQ(mmio_read32(GENERATION_ID + 4), first >> 32);
    EXPECT_EQ(id_word(2), 0);
    mmio_write32(GENERATION_ID, 1); /* which it ignores */
    EXPECT_EQ(id_word(0), first);
    print("waiting\n");
    for (uint64_t start = MRS(cntvct_el0); MRS(cntvct_el0) - start < WAIT;)
        ;
    EXPECT(changes <= 1);
    EXPECT_EQ(id_word(0) != first && id_word(1) != second, changes);
    print(changes ? "a clone\n" : "the same\n");
    print_line("id ", id_word(0));
    if (MRS(id_aa64isar0_el1) >> 60)
        print_line("random ", MRS(s3_3_c2_c4_0)); /* RNDR */
    guest_exit();
}
