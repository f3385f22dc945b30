/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two places where a signal changes what the host does next (guard.S). */
#ifndef ARMATURE_GUARD_H
#define ARMATURE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What guard_syscall() gives where a signal came before the call began: the call has not happened. */
#define GUARD_INTERRUPTED (-512)

/** A call of the host's kernel, unless *interrupted is set. A signal between looking at it and the call is seen too:
 *  its handler calls guard_move(). Returns the kernel's result: -errno to -1 are errors. */
int64_t guard_syscall(const uint32_t *interrupted, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                      uint64_t e, uint64_t f);

/** memcpy() of which one side may be memory that is not there. False: some of it was not. */
bool guard_copy(void *to, const void *from, size_t bytes);

/** In a handler: where code interrupted at *pc goes on. `refused`: a memory access was (SIGSEGV, SIGBUS). False: this
 * is none of the guarded places. */
bool guard_move(uintptr_t *pc, bool refused);

#endif
