/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System calls that do next to nothing. */
#include <sys/syscall.h>
#include <unistd.h>
#include "../kernel.h"

static void prepare(void)
{
}

static uint64_t run(unsigned round)
{
    long parent = syscall(SYS_getppid);
    unsigned same = 0;
    for (unsigned i = 0; i < 1000; i++)
        same += syscall(SYS_getppid) == parent;
    return round + same;
}

KERNEL("syscall", "kernel", 66)
