/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What runs in the virtual machine of kvm_host.c, at EL1, from 0x40000000 on: says at which level it is, turns its MMU
 * on, sums numbers that go through memory, takes an interrupt of the virtual timer, and powers off by PSCI. What it
 * prints it stores to 0x09000000, where there is nothing. */

#define CONSOLE      0x09000000
#define REDIST       0x080a0000
#define CPU_INTERFACE 0x08010000 /* of version 2 */
#define TABLE        0x40100000 /* stage 1: one table of 1 GiB blocks */
#define NUMBERS      0x40200000
#define TIMER_INTID  27

    .section .rodata
    .balign 4096
    .global kvm_guest_begin, kvm_guest_end
kvm_guest_begin:
    mov x23, x0 /* the version of its interrupt controller */
    adr x20, text_level
    bl print
    mrs x0, CurrentEL
    lsr x0, x0, #2
    add x0, x0, #'0'
    bl put
    bl newline

    /* MMU: 0 to 1 GiB Device, 1 to 2 GiB write-back. */
    ldr x0, =TABLE
    movz x1, #0x0405 /* block, AF, attribute 1: Device */
    str x1, [x0]
    movz x1, #0x0701 /* block, AF, inner shareable, attribute 0 */
    movk x1, #0x4000, lsl #16
    str x1, [x0, #8]
    movz x1, #0x00ff
    msr mair_el1, x1
    movz x1, #0x3519
    movk x1, #0x0080, lsl #16 /* T0SZ 25, write-back, inner shareable; EPD1 */
    movk x1, #0x2, lsl #32
    msr tcr_el1, x1
    msr ttbr0_el1, x0
    isb
    tlbi vmalle1
    dsb sy
    mrs x1, sctlr_el1
    orr x1, x1, #1
    msr sctlr_el1, x1
    isb

    ldr x0, =NUMBERS
    mov x1, #0
1:  str x1, [x0, x1, lsl #3]
    add x1, x1, #1
    cmp x1, #1000
    b.ne 1b
    mov x4, #40 /* times, so that who looks now and then finds it here */
sum:
    mov x2, #0
    mov x1, #0
2:  ldr x3, [x0, x1, lsl #3]
    add x2, x2, x3
    add x1, x1, #1
    cmp x1, #1000
    b.ne 2b
    ldr x3, =499500
    cmp x2, x3
    b.ne failed
    subs x4, x4, #1
    b.ne sum
    adr x20, text_sum
    bl print

    /* The interrupt controller, and the virtual timer. */
    adr x0, vectors
    msr vbar_el1, x0
    cmp x23, #2
    b.eq version_2
    ldr x0, =REDIST
    str wzr, [x0, #0x14] /* GICR_WAKER */
    add x0, x0, #0x10000
    mov w1, #-1
    str w1, [x0, #0x80] /* group 1 */
    mov w1, #1 << TIMER_INTID
    str w1, [x0, #0x100]
    ldr x0, =0x08000000
    mov w1, #3
    str w1, [x0] /* GICD_CTLR */
    mov x1, #0xff
    msr S3_0_C4_C6_0, x1   /* ICC_PMR_EL1 */
    mov x1, #1
    msr S3_0_C12_C12_7, x1 /* ICC_IGRPEN1_EL1 */
    isb
    b timer
version_2:
    ldr x0, =0x08000000
    mov w1, #1 << TIMER_INTID
    str w1, [x0, #0x100]
    mov w1, #1
    str w1, [x0] /* GICD_CTLR */
    ldr x0, =CPU_INTERFACE
    str w1, [x0] /* GICC_CTLR */
    mov w1, #0xff
    str w1, [x0, #4] /* GICC_PMR */
    dsb sy
timer:
    mov x21, #0
    ldr x1, =62500
    msr cntv_tval_el0, x1
    mov x1, #1
    msr cntv_ctl_el0, x1
    msr daifclr, #2
3:  wfi
    cbz x21, 3b
    msr daifset, #2
    cmp x21, #TIMER_INTID
    b.ne failed
    adr x20, text_timer
    bl print
    b off
failed:
    adr x20, text_failed
    bl print
off:
    ldr x0, =0x84000008 /* SYSTEM_OFF */
    hvc #0
    b .

irq:
    cmp x23, #2
    b.eq irq_2
    mrs x21, S3_0_C12_C12_0 /* ICC_IAR1_EL1 */
    msr cntv_ctl_el0, xzr
    isb
    msr S3_0_C12_C12_1, x21 /* ICC_EOIR1_EL1 */
    eret

irq_2:
    ldr x0, =CPU_INTERFACE
    ldr w21, [x0, #0xc] /* GICC_IAR */
    msr cntv_ctl_el0, xzr
    isb
    str w21, [x0, #0x10] /* GICC_EOIR */
    dsb sy
    eret

print:
    mov x22, x30
4:  ldrb w0, [x20], #1
    cbz w0, 5f
    bl put
    b 4b
5:  ret x22
newline:
    mov w0, #'\n'
put:
    ldr x19, =CONSOLE
    strb w0, [x19]
    ret
    .ltorg

text_level: .asciz "guest at EL"
text_sum: .asciz "guest sums\n"
text_timer: .asciz "guest had its timer\n"
text_failed: .asciz "guest failed\n"

    .balign 2048
vectors:
    .balign 128
    b failed
    .skip 0x280 - 4
    b irq
    .skip 0x580 - 4
    .balign 4096
kvm_guest_end:
    .section .note.GNU-stack, "", %progbits
