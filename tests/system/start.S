/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Entry, vectors, and the ways into and out of EL0 of the bare-metal test guests. */
    .section .text.start, "ax"
    .global _start
_start:
    ldr     x1, =stacks_start + 0x10000
    mov     sp, x1
    ldr     x1, =bss_start
    ldr     x2, =bss_end
1:  cmp     x1, x2
    b.hs    2f
    stp     xzr, xzr, [x1], #16
    b       1b
2:  ldr     x1, =vectors
    msr     vbar_el1, x1
    mov     x1, #(3 << 20)
    msr     cpacr_el1, x1
    isb
    bl      guest_main
    b       guest_exit

/* A secondary CPU: x0 is the function to call; stack by affinity 0. */
    .global secondary_start
secondary_start:
    mrs     x1, mpidr_el1
    and     x1, x1, #0xff
    add     x1, x1, #1
    ldr     x2, =stacks_start
    add     x2, x2, x1, lsl #16
    mov     sp, x2
    ldr     x1, =vectors
    msr     vbar_el1, x1
    mov     x1, #(3 << 20)
    msr     cpacr_el1, x1
    isb
    blr     x0
1:  wfi
    b       1b

/* The frame that trap_handler(frame, vector) sees: x0-x30, elr, spsr, sp_el0. */
    .macro  vector number
    .balign 0x80
    sub     sp, sp, #288
    stp     x0, x1, [sp]
    mov     x1, #\number
    b       trap_common
    .endm

    .section .text.vectors, "ax"
    .balign 0x800
    .global vectors
vectors:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vector  \n
    .endr

trap_common:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x2, elr_el1
    stp     x30, x2, [sp, #240]
    mrs     x2, spsr_el1
    mrs     x3, sp_el0
    stp     x2, x3, [sp, #256]
    mov     x0, sp
    bl      trap_handler
    ldp     x2, x3, [sp, #256]
    msr     spsr_el1, x2
    msr     sp_el0, x3
    ldp     x30, x2, [sp, #240]
    msr     elr_el1, x2
    ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x12, x13, [sp, #96]
    ldp     x14, x15, [sp, #112]
    ldp     x16, x17, [sp, #128]
    ldp     x18, x19, [sp, #144]
    ldp     x20, x21, [sp, #160]
    ldp     x22, x23, [sp, #176]
    ldp     x24, x25, [sp, #192]
    ldp     x26, x27, [sp, #208]
    ldp     x28, x29, [sp, #224]
    ldp     x0, x1, [sp]
    add     sp, sp, #288
    eret

/* uint64_t el0_call(function, argument, spsr): runs function(argument) at EL0 on a stack of its own. */
    .text
    .global el0_call
el0_call:
    stp     x29, x30, [sp, #-112]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    ldr     x3, =el0_saved_sp
    mov     x4, sp
    str     x4, [x3]
    msr     elr_el1, x0
    msr     spsr_el1, x2
    ldr     x3, =user_stack_top
    msr     sp_el0, x3
    ldr     x30, =el0_exit
    mov     x0, x1
    eret

/* trap_handler() sends the SVC of el0_exit here, at EL1, with the result in x0. */
    .global el0_return
el0_return:
    ldr     x3, =el0_saved_sp
    ldr     x4, [x3]
    mov     sp, x4
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #112
    ret

    .section .user, "ax"
    .global el0_exit
el0_exit:
    svc     #0x1ff
    .balign 16
    .space  4096
user_stack_top:

    .bss
    .balign 8
el0_saved_sp:
    .space  8
