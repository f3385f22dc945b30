/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two processes that hand a few bytes to and fro through pipes. */
#include <signal.h>
#include <unistd.h>
#include "../kernel.h"

static int there[2], back[2];

static void prepare(void)
{
    must(pipe(there) == 0 && pipe(back) == 0, "pipe: pipe");
    pid_t child = fork();
    must(child >= 0, "pipe: fork");
    if (child > 0) {
        close(there[0]);
        close(back[1]);
        return;
    }
    close(there[1]);
    close(back[0]);
    uint64_t value;
    while (read(there[0], &value, sizeof value) == sizeof value) {
        value = mix(value, 1);
        must(write(back[1], &value, sizeof value) == sizeof value, "pipe: write");
    }
    _exit(0);
}

static uint64_t run(unsigned round)
{
    uint64_t value = round;
    for (unsigned i = 0; i < 100; i++) {
        must(write(there[1], &value, sizeof value) == sizeof value, "pipe: write");
        must(read(back[0], &value, sizeof value) == sizeof value, "pipe: read");
    }
    return value;
}

KERNEL("pipe", "kernel", 37)
