/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults: which signal, which code, which address, and going on behind them. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "say.h"

#define PAGE 4096ul

static sigjmp_buf back;
static volatile siginfo_t seen;
static char *volatile repaired;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    seen = *info;
    siglongjmp(back, signal);
}

/* Gives the rights and goes on with the same instruction. */
static void on_repair(int signal, siginfo_t *info, void *context)
{
    repaired = info->si_addr;
    mprotect((void *)((uintptr_t)info->si_addr & ~(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE);
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(signal, &action, NULL);
}

#define FAULT(base, access)                                                                                  \
    do {                                                                                                     \
        int signal = sigsetjmp(back, 1);                                                                     \
        if (!signal) {                                                                                       \
            access;                                                                                          \
            printf("%s: none\n", #access);                                                                   \
        } else {                                                                                             \
            printf("%s: signal %d code %d at %ld\n", #access, signal, seen.si_code,                          \
                   (long)((char *)seen.si_addr - (char *)(base)));                                           \
        }                                                                                                    \
        fflush(stdout);                                                                                      \
    } while (0)

static long __attribute__((noinline)) load(const char *at)
{
    return *(const volatile long *)at;
}

static void __attribute__((noinline)) store(char *at)
{
    *(volatile int *)at = 5;
}

static long __attribute__((noinline)) sum_up(const char *from, size_t count)
{
    long sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += ((const volatile char *)from)[i];
    return sum;
}

static void end_by(int which)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        signal(SIGSEGV, SIG_DFL);
        if (which == 0)
            *(volatile int *)16 = 1;
        if (which == 1)
            abort();
        if (which == 2)
            raise(SIGTERM);
        if (which == 3)
            kill(getpid(), SIGKILL);
        if (which == 4) {
            signal(SIGSEGV, SIG_IGN);
            *(volatile int *)16 = 1;
        }
        _exit(9);
    }
    waitpid(pid, &status, 0);
    printf("child %d: signaled %d by %d\n", which, WIFSIGNALED(status), WTERMSIG(status));
}

int main(void)
{
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    sigaltstack(&stack, NULL);
    handle(SIGSEGV, on_fault);
    handle(SIGBUS, on_fault);
    char *none = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *read_only = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *writable = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int round = 0; round < 200; round++) { /* until the code is hot */
        if (round && round < 199) {
            if (!sigsetjmp(back, 1))
                load(none);
            if (!sigsetjmp(back, 1))
                store(read_only);
            continue;
        }
        FAULT(0, load((char *)8));
        FAULT(0, store((char *)8));
        FAULT(none, load(none + 24));
        FAULT(none, store(none + 24));
        FAULT(read_only, load(read_only + 16));
        FAULT(read_only, store(read_only + 16));
        FAULT(writable, store(writable + 16));
        FAULT(none, sum_up(none + 100, 10));
        FAULT(writable, ((void (*)(void))writable)());
    }
    handle(SIGSEGV, on_repair);
    for (int i = 0; i < 4; i++) {
        store(none + i * PAGE + 8);
        printf("repaired at %ld: %d\n", (long)(repaired - none), *(int *)(none + i * PAGE + 8));
    }
    handle(SIGSEGV, on_fault);
    int fd = open("short", O_RDWR | O_CREAT, 0600);
    SAY(ftruncate(fd, 100));
    char *file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    FAULT(file, load(file + 8));
    FAULT(file, load(file + PAGE + 8));
    FAULT(file, store(file + PAGE + 8));
    SAY(ftruncate(fd, 2 * PAGE));
    FAULT(file, load(file + PAGE + 8));
    SAY(read(fd, none + 4 * PAGE, 10) == -1 && errno == EFAULT);
    for (int which = 0; which < 5; which++)
        end_by(which);
    return 0;
}
