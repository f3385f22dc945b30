/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signals: raised and handled, and faults that a handler mends. */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../kernel.h"

static volatile unsigned handled;
static unsigned char *page;

static void on_signal(int number)
{
    handled += (unsigned)number;
}

static void on_fault(int number)
{
    handled += (unsigned)number;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void prepare(void)
{
    signal(SIGUSR1, on_signal);
    signal(SIGSEGV, on_fault);
    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(page != MAP_FAILED, "signal: mmap");
}

static uint64_t run(unsigned round)
{
    handled = 0;
    for (unsigned i = 0; i < 80; i++)
        kill(getpid(), SIGUSR1);
    for (unsigned i = 0; i < 20; i++) {
        mprotect(page, 4096, PROT_READ);
        *(volatile unsigned char *)page = (unsigned char)i;
    }
    return round + handled;
}

KERNEL("signal", "kernel", 110)
