/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The calls of Linux on AArch64: the table, and the way of one through it. */
#include "hostcall/linux.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include "hostcall/guard.h"
#include "hostcall/trail.h"

#define PLAIN(number, name, flags, ...)        [number] = {#name, NULL, SYS_##name, flags, {__VA_ARGS__}},
#define OWN(number, name, handler, flags, ...) [number] = {#name, handler, SYS_##name, flags, {__VA_ARGS__}},
#define ABSENT(number, name, ...)              [number] = {#name, NULL, -1, CALL_QUIET, {__VA_ARGS__}},
#define OTHER(number, name, ...)
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
static const struct call calls[] = {
#include "machine/contract/linux_calls.def"
};

/* --- what the set needs ------------------------------------------------------------------------------ */

int64_t linux_host(struct thread *thread, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                   uint64_t f)
{
    const bool lets_others = thread->lets_others;
    if (lets_others)
        trail_let_others(thread);
    const int64_t result = guard_syscall(&thread->interrupted, number, a, b, c, d, e, f);
    if (lets_others)
        trail_back_from_others(thread);
    return result;
}

static int64_t invoke(void *owner, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                      uint64_t f)
{
    return linux_host(owner, number, a, b, c, d, e, f);
}

/* The link to the program is the guest's. */
static int path_of(void *owner, int directory, const char *guest, char host[CALL_PATH_BYTES], bool follow)
{
    int error = paths_to_host(owner, directory, guest, host, follow);
    if (!error && follow && proc_is_exe(host) &&
        snprintf(host, CALL_PATH_BYTES, "%s", process.program_host) >= (int)CALL_PATH_BYTES)
        return -ENAMETOOLONG;
    return error;
}

const struct call_set linux_calls = {
    .table = POLICY_LINUX,
    .calls = calls,
    .count = sizeof calls / sizeof *calls,
    .layouts = linux_layouts,
    .constants = linux_constants,
    .path = path_of,
    .invoke = invoke,
};

const char *linux_row(const void *context, unsigned index, unsigned *arguments)
{
    if (index >= linux_calls.count)
        return NULL;
    const struct call *call = &linux_calls.calls[index];
    *arguments = call_arg_count(call);
    return call->name ? call->name : "";
}

/* --- a thread's call -------------------------------------------------------------------------------- */

bool linux_call(struct thread *thread)
{
    struct cpu *cpu = thread->cpu;
    struct call_context *context = &thread->call;
    uint64_t args[CALL_MAX_ARGS];
    memcpy(args, cpu->x, sizeof args);
    const uint64_t number = (uint32_t)cpu->x[8];
    int64_t result = process.trail ? trail_call(thread, number, args)
                                   : call_do(context, number, args, process.program);
    /* The signal came before the call: it is as if it had come before SVC. */
    if (result == GUARD_INTERRUPTED && !context->final) {
        cpu->pc -= 4;
        return false;
    }
    cpu->x[0] = (uint64_t)result;
    const bool may_again = context->call && !context->final && !(context->call->flags & CALL_NO_RESTART);
    return result == -EINTR && may_again;
}

/* --- what the CPU has ------------------------------------------------------------------------------- */

struct hwcap {
    uint8_t bit, feature;
};

static uint64_t caps_of(const struct cpu *cpu, const struct hwcap *rows, unsigned count)
{
    uint64_t caps = 0;
    for (unsigned i = 0; i < count; i++)
        if (has_feature(&cpu->features, (enum feature)rows[i].feature))
            caps |= 1ull << rows[i].bit;
    return caps;
}

/* Bits of arch/arm64/include/uapi/asm/hwcap.h. CPUID is what thread.c emulates. */
uint64_t linux_hwcap(const struct cpu *cpu)
{
    static const struct hwcap rows[] = {
        {0, FEAT_FP},     {1, FEAT_AdvSIMD}, {3, FEAT_AES},    {4, FEAT_PMULL},   {5, FEAT_SHA1},   {6, FEAT_SHA256},
        {7, FEAT_CRC32},  {8, FEAT_LSE},     {9, FEAT_FP16},   {10, FEAT_FP16},   {11, FEAT_BASE},  {12, FEAT_RDM},
        {13, FEAT_JSCVT}, {14, FEAT_FCMA},   {15, FEAT_LRCPC}, {16, FEAT_DPB},    {17, FEAT_SHA3},  {20, FEAT_DotProd},
        {21, FEAT_SHA512}, {23, FEAT_FHM},   {24, FEAT_DIT},   {26, FEAT_LRCPC2}, {27, FEAT_FlagM}, {28, FEAT_SSBS},
        {29, FEAT_SB},    {30, FEAT_PAuth},  {31, FEAT_PAuth},
    };
    return caps_of(cpu, rows, sizeof rows / sizeof *rows);
}

uint64_t linux_hwcap2(const struct cpu *cpu)
{
    static const struct hwcap rows[] = {{0, FEAT_DPB2},  {7, FEAT_FlagM2}, {8, FEAT_FRINTTS}, {13, FEAT_I8MM},
                                        {14, FEAT_BF16}, {16, FEAT_RNG},   {17, FEAT_BTI}};
    return caps_of(cpu, rows, sizeof rows / sizeof *rows);
}
