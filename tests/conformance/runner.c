/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs single instructions in given states, as an AArch64 program under qemu-aarch64.
 *
 * Every case is entered by returning from a signal handler with the case's registers in the frame, and left
 * by the signal of the BRK behind it (or of the fault it takes), whose frame is the result:
 *
 *     main: BRK -> handler: case 0 into the frame -> the instruction, BRK -> handler: result 0 out of it,
 * case 1 into it -> ... -> handler: the last result out of the frame, main's own registers back into it */
#include <asm/sigcontext.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include "wire.h"

#define BRK 0xd4200000u

/* Where no case's SP points: the kernel would take it for a handler's own, and lay the frame there. */
#define SIGNAL_STACK_BASE  0x2d7531000ull
#define SIGNAL_STACK_BYTES 0x10000ull

static struct wire_case cases[MAX_BATCH];
static struct wire_result results[MAX_BATCH];
static uint32_t count;
static int current = -1; /* the case that runs; -1: main does */
static ucontext_t main_context;
static struct fpsimd_context main_fp;
static uint8_t pristine[WINDOW_BYTES];

static struct fpsimd_context *fp_of(ucontext_t *context)
{
    struct _aarch64_ctx *record = (struct _aarch64_ctx *)context->uc_mcontext.__reserved;
    while (record->magic && record->magic != FPSIMD_MAGIC)
        record = (struct _aarch64_ctx *)((char *)record + record->size);
    if (!record->magic)
        _exit(3);
    return (struct fpsimd_context *)record;
}

static enum outcome outcome_of(int signal, uint64_t pc, uint64_t tested)
{
    if (pc != tested)
        return signal == SIGTRAP || signal == SIGSEGV ? OUTCOME_DONE : OUTCOME_OTHER;
    return signal == SIGILL                        ? OUTCOME_UNDEFINED
           : signal == SIGSEGV || signal == SIGBUS ? OUTCOME_MEMORY_FAULT
                                                   : OUTCOME_OTHER;
}

static void take_result(ucontext_t *context, int signal)
{
    const struct wire_case *c = &cases[current];
    struct wire_result *r = &results[current];
    const struct fpsimd_context *fp = fp_of(context);
    memset(r, 0, sizeof *r);
    memcpy(r->state.x, context->uc_mcontext.regs, sizeof r->state.x);
    memcpy(r->state.v, fp->vregs, sizeof r->state.v);
    r->state.sp = context->uc_mcontext.sp;
    r->state.pc = context->uc_mcontext.pc;
    r->state.nzcv = context->uc_mcontext.pstate & 0xf0000000;
    r->state.fpcr = fp->fpcr;
    r->state.fpsr = fp->fpsr;
    r->outcome = outcome_of(signal, r->state.pc, CODE_SLOT + 4 * (c->count - 1));
    if (c->uses_memory)
        wire_settle_window(r, (uint8_t *)WINDOW_BASE, pristine);
}

static void set_case(ucontext_t *context)
{
    const struct wire_case *c = &cases[current];
    struct fpsimd_context *fp = fp_of(context);
    uint32_t *slot = (uint32_t *)CODE_SLOT;
    for (unsigned i = 0; i < MAX_WORDS; i++)
        slot[i] = i < c->count ? c->words[i] : BRK;
    __builtin___clear_cache((char *)slot, (char *)(slot + MAX_WORDS));
    memcpy(context->uc_mcontext.regs, c->state.x, sizeof c->state.x);
    memcpy(fp->vregs, c->state.v, sizeof c->state.v);
    context->uc_mcontext.sp = c->state.sp;
    context->uc_mcontext.pc = CODE_SLOT;
    context->uc_mcontext.pstate = (context->uc_mcontext.pstate & 0x0fffffff) | c->state.nzcv;
    fp->fpcr = c->state.fpcr;
    fp->fpsr = c->state.fpsr;
}

static void on_signal(int signal, siginfo_t *info, void *frame)
{
    ucontext_t *context = frame;
    (void)info;
    if (current < 0) {
        if (signal != SIGTRAP)
            _exit(4);
        context->uc_mcontext.pc += 4;
        main_context = *context;
        main_fp = *fp_of(context);
    } else {
        take_result(context, signal);
    }
    current++;
    if (current < (int)count) {
        set_case(context);
        return;
    }
    current = -1;
    context->uc_mcontext = main_context.uc_mcontext;
    *fp_of(context) = main_fp;
}

static bool transfer(bool out, void *buffer, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        char *at = (char *)buffer + done;
        ssize_t n = out ? write(1, at, bytes - done) : read(0, at, bytes - done);
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static void *map(uint64_t base, size_t bytes, int protection)
{
    void *at =
        mmap((void *)base, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != (void *)base) {
        perror("runner: mmap");
        exit(2);
    }
    return at;
}

int main(void)
{
    uint32_t *code = map(CODE_BASE, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
    for (unsigned i = 0; i < CODE_BYTES / 4; i++)
        code[i] = BRK;
    wire_fill_window(map(WINDOW_BASE, WINDOW_BYTES, PROT_READ | PROT_WRITE));
    wire_fill_window(pristine);

    const stack_t stack = {.ss_sp = map(SIGNAL_STACK_BASE, SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE),
                           .ss_size = SIGNAL_STACK_BYTES};
    sigaltstack(&stack, NULL);
    static const int signals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);

    while (transfer(false, &count, sizeof count)) {
        if (count > MAX_BATCH || !transfer(false, cases, count * sizeof cases[0]))
            return 1;
        __asm__ volatile("brk #0" ::: "memory");
        if (!transfer(true, results, count * sizeof results[0]))
            return 1;
    }
    return 0;
}
