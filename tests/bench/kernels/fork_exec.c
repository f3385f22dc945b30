/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starts processes: fork, exec of this program, which ends at once, and wait. */
#include <sys/wait.h>
#include <unistd.h>
#include "../kernel.h"

static void prepare(void)
{
}

static uint64_t run(unsigned round)
{
    int status;
    pid_t child = fork();
    must(child >= 0, "fork-exec: fork");
    if (child == 0) {
        execl("/proc/self/exe", "kernels", "end", NULL);
        _exit(1);
    }
    must(waitpid(child, &status, 0) == child && status == 0, "fork-exec: the child");
    return round;
}

KERNEL("fork-exec", "kernel", 200)
