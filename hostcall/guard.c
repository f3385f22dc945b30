/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hostcall/guard.h"

extern const char guard_syscall_begin[], guard_syscall_end[], guard_syscall_interrupted[];
extern const char guard_copy_begin[], guard_copy_end[], guard_copy_refused[];

bool guard_move(uintptr_t *pc, bool refused)
{
    const char *at = (const char *)*pc;
    if (!refused && at >= guard_syscall_begin && at < guard_syscall_end)
        *pc = (uintptr_t)guard_syscall_interrupted;
    else if (refused && at >= guard_copy_begin && at < guard_copy_end)
        *pc = (uintptr_t)guard_copy_refused;
    else
        return false;
    return true;
}
