/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's library: what is in it, by its own tables; and the way from a signal's handler back through it. */
#include <elf.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>
#include "say.h"

#ifdef __aarch64__
#define PREFIX  "__kernel_"
#define VERSION "LINUX_2.6.39"
#else
#define PREFIX  "__vdso_"
#define VERSION "LINUX_2.6"
#endif

static const uint8_t *base;
static const Elf64_Sym *symbols;
static const char *strings;
static const uint16_t *versions;
static const uint8_t *definitions;
static unsigned symbol_count;

static void read_tables(void)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)base;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(base + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++)
        for (const Elf64_Dyn *at = (const Elf64_Dyn *)(base + segments[i].p_offset);
             segments[i].p_type == PT_DYNAMIC && at->d_tag != DT_NULL; at++)
            switch (at->d_tag) {
            case DT_SYMTAB: symbols = (const Elf64_Sym *)(base + at->d_un.d_ptr); break;
            case DT_STRTAB: strings = (const char *)(base + at->d_un.d_ptr); break;
            case DT_VERSYM: versions = (const uint16_t *)(base + at->d_un.d_ptr); break;
            case DT_VERDEF: definitions = base + at->d_un.d_ptr; break;
            case DT_HASH: symbol_count = ((const uint32_t *)(base + at->d_un.d_ptr))[1]; break;
            default: break;
            }
}

static const char *version_name(unsigned index)
{
    for (const uint8_t *at = definitions;;) {
        const Elf64_Verdef *entry = (const Elf64_Verdef *)at;
        const Elf64_Verdaux *name = (const Elf64_Verdaux *)(at + entry->vd_aux);
        if (entry->vd_ndx == index)
            return strings + name->vda_name;
        if (!entry->vd_next)
            return "none";
        at += entry->vd_next;
    }
}

static void *find(const char *name)
{
    for (unsigned i = 1; i < symbol_count; i++)
        if (!strcmp(strings + symbols[i].st_name, name) && !strcmp(version_name(versions[i] & 0x7fff), VERSION))
            return (void *)(base + symbols[i].st_value);
    return NULL;
}

static int64_t ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Whether its clock lies between what the call gives before and after. */
static int agrees(int (*function)(clockid_t, struct timespec *), clockid_t clock)
{
    struct timespec before, now, after;
    syscall(SYS_clock_gettime, clock, &before);
    const int result = function(clock, &now);
    syscall(SYS_clock_gettime, clock, &after);
    return result == 0 && ns(before) <= ns(now) && ns(now) <= ns(after);
}

/* --- unwinding --------------------------------------------------------------------------------------- */

static uintptr_t frames[64];
static int frame_count;

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *argument)
{
    if (frame_count < 64)
        frames[frame_count++] = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

static void on_signal(int signal)
{
    frame_count = 0;
    _Unwind_Backtrace(note_frame, NULL);
}

static int passes(uintptr_t function, uintptr_t bytes)
{
    for (int i = 0; i < frame_count; i++)
        if (frames[i] - function < bytes)
            return 1;
    return 0;
}

static __attribute__((noinline)) void interrupted(void)
{
    raise(SIGUSR1);
    __asm__ volatile("" ::: "memory");
}

int main(void)
{
    base = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
    SAY(base != NULL && !memcmp(base, ELFMAG, SELFMAG));
    read_tables();
    int (*gettime)(clockid_t, struct timespec *) = find(PREFIX "clock_gettime");
    int (*getres)(clockid_t, struct timespec *) = find(PREFIX "clock_getres");
    int (*timeofday)(struct timeval *, void *) = find(PREFIX "gettimeofday");
    SAY(gettime != NULL && getres != NULL && timeofday != NULL);
    SAY(agrees(gettime, CLOCK_MONOTONIC));
    SAY(agrees(gettime, CLOCK_REALTIME));
    SAY(agrees(gettime, CLOCK_BOOTTIME));
    SAY(agrees(gettime, CLOCK_PROCESS_CPUTIME_ID));
    SAY(gettime(12345, &(struct timespec){0}) == -EINVAL);
    struct timespec resolution;
    SAY(getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_nsec > 0);
    struct timeval now;
    const time_t before = time(NULL);
    SAY(timeofday(&now, NULL) == 0 && now.tv_sec - before < 2);
    SAY(syscall(SYS_clock_gettime, CLOCK_REALTIME, (void *)16));
    SAY(syscall(SYS_clock_gettime, -1000, &resolution));
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    interrupted();
    SAY(passes((uintptr_t)interrupted, 128));
    SAY(passes((uintptr_t)main, 4096));
    return 0;
}
