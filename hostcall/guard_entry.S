/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard.h says what these are. */
    .text

/* rdi = interrupted, rsi = number, rdx rcx r8 r9 = a b c d, the stack = e f */
    .globl guard_syscall
    .type guard_syscall, @function
guard_syscall:
    mov %rdi, %r11
    mov %rsi, %rax
    mov %rdx, %rdi
    mov %rcx, %rsi
    mov %r8, %rdx
    mov %r9, %r10
    mov 8(%rsp), %r8
    mov 16(%rsp), %r9
    .globl guard_syscall_begin
guard_syscall_begin:
    cmpl $0, (%r11)
    jne guard_syscall_interrupted
    syscall
    .globl guard_syscall_end /* the call has begun where pc is here */
guard_syscall_end:
    ret
    .globl guard_syscall_interrupted
guard_syscall_interrupted:
    mov $-512, %rax
    ret
    .size guard_syscall, . - guard_syscall

    .globl guard_copy
    .type guard_copy, @function
guard_copy:
    mov %rdx, %rcx
    .globl guard_copy_begin
guard_copy_begin:
    rep movsb
    .globl guard_copy_end
guard_copy_end:
    mov $1, %eax
    ret
    .globl guard_copy_refused
guard_copy_refused:
    xor %eax, %eax
    ret
    .size guard_copy, . - guard_copy

    .section .note.GNU-stack, "", @progbits
