/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process that there is. */
#include "hostcall/process.h"
#include <time.h>

struct process process;

/* CNTVCT_EL0 counts the host's monotonic time. */
uint64_t process_host_ns(void *context)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void process_report(void)
{
    fflush(NULL); /* a translator's dump: exit_group() does not */
    if (!process.options->statistics || !process.engine_ops->describe)
        return;
    fprintf(stderr, "armature: translated code of %s:\n", process.program);
    process.engine_ops->describe(process.engine, stderr);
}
