/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls about memory, signals, threads and the process whose meaning needs code. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/linux.h"
#include "hostcall/trail.h"

/* --- memory ----------------------------------------------------------------------------------------- */

int64_t do_brk(struct call_context *context, const uint64_t *args)
{
    return space_brk(&process.space, args[0]);
}

int64_t do_mmap(struct call_context *context, const uint64_t *args)
{
    return space_map(&process.space, args[0], args[1], (int)args[2], (int)args[3], (int)args[4], args[5]);
}

int64_t do_munmap(struct call_context *context, const uint64_t *args)
{
    return space_unmap(&process.space, args[0], args[1]);
}

int64_t do_mprotect(struct call_context *context, const uint64_t *args)
{
    return space_protect(&process.space, args[0], args[1], (int)args[2]);
}

int64_t do_mremap(struct call_context *context, const uint64_t *args)
{
    return space_remap(&process.space, args[0], args[1], args[2], (int)args[3], args[4]);
}

int64_t do_shmat(struct call_context *context, const uint64_t *args)
{
    return space_attach(&process.space, (int)args[0], args[1], (int)args[2]);
}

int64_t do_shmdt(struct call_context *context, const uint64_t *args)
{
    return space_detach(&process.space, args[0]);
}

/* Of the guest's areas alone: this program has reserved far more than there is. */
static int64_t for_all_areas(int (*call)(const void *, size_t))
{
    struct area area;
    int64_t result = 0;
    for (uint64_t at = 0; space_area_from(&process.space, at, &area); at = area.end)
        if (area.prot & PROT_READ && call((const void *)area.start, area.end - area.start) != 0)
            result = -errno;
    return result;
}

int64_t do_mlockall(struct call_context *context, const uint64_t *args)
{
    if (!args[0] || args[0] & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
        return -EINVAL;
    return args[0] & MCL_CURRENT ? for_all_areas(mlock) : 0;
}

int64_t do_munlockall(struct call_context *context, const uint64_t *args)
{
    return for_all_areas(munlock);
}

/* semctl() has a structure for some commands, a number or an array for others. */
int64_t do_semctl(struct call_context *context, const uint64_t *args)
{
    const struct call_layout *layout = &linux_layouts[LAYOUT_semid];
    struct semid_ds host;
    uint8_t guest[CALL_MAX_HOST_BYTES];
    uint64_t value = args[3];
    const bool gives = args[2] == IPC_STAT || args[2] == SEM_STAT || args[2] == 20 /* SEM_STAT_ANY */;
    if (args[2] == IPC_SET) {
        if (!guest_read(context->owner, guest, args[3], layout->guest_bytes))
            return -EFAULT;
        layout->to_host(&host, guest);
    }
    if (gives || args[2] == IPC_SET)
        value = (uint64_t)&host;
    int64_t result = linux_host(context->owner, SYS_semctl, args[0], args[1], args[2], value, 0, 0);
    if (result >= 0 && gives) {
        layout->to_guest(guest, &host);
        if (!guest_write(context->owner, args[3], guest, layout->guest_bytes))
            return -EFAULT;
    }
    return result;
}

/* --- signals ---------------------------------------------------------------------------------------- */

int64_t do_rt_sigaction(struct call_context *context, const uint64_t *args)
{
    return signals_action(context->owner, args[0], args[1], args[2], args[3]);
}

int64_t do_rt_sigprocmask(struct call_context *context, const uint64_t *args)
{
    return signals_mask(context->owner, args[0], args[1], args[2], args[3]);
}

int64_t do_rt_sigreturn(struct call_context *context, const uint64_t *args)
{
    context->final = true; /* what it gives is what X0 was, and means nothing */
    return signals_return(context->owner);
}

int64_t do_sigaltstack(struct call_context *context, const uint64_t *args)
{
    return signals_altstack(context->owner, args[0], args[1]);
}

int64_t do_rt_sigpending(struct call_context *context, const uint64_t *args)
{
    struct thread *thread = context->owner;
    uint64_t pending = 0;
    if (args[1] > sizeof pending)
        return -EINVAL;
    int64_t result = linux_host(thread, SYS_rt_sigpending, (uint64_t)&pending, sizeof pending, 0, 0, 0, 0);
    pending |= thread->held;
    return result || guest_write(thread, args[0], &pending, args[1]) ? result : -EFAULT;
}

int64_t do_rt_sigsuspend(struct call_context *context, const uint64_t *args)
{
    struct thread *thread = context->owner;
    if (args[1] != 8)
        return -EINVAL;
    if (!guest_read(thread, &thread->waits_mask, args[0], 8))
        return -EFAULT;
    thread->waits = true;
    return linux_host(thread, SYS_rt_sigsuspend, (uint64_t)&thread->waits_mask, 8, 0, 0, 0, 0);
}

/* --- threads and processes -------------------------------------------------------------------------- */

int64_t do_exit(struct call_context *context, const uint64_t *args)
{
    struct thread *thread = context->owner;
    thread->ends = true;
    thread->end_status = (int)args[0];
    return 0;
}

int64_t do_exit_group(struct call_context *context, const uint64_t *args)
{
    if (context->trace)
        call_print(context, 94, args, 0);
    struct thread *thread = context->owner;
    if (thread->vforked && trail_replays()) {
        thread->ends = true;
        return 0;
    }
    if (!thread->vforked) {
        process_report();
        trail_end((uint8_t)args[0]);
    }
    syscall(SYS_exit_group, (int)args[0]);
    return 0;
}

int64_t do_set_tid_address(struct call_context *context, const uint64_t *args)
{
    struct thread *thread = context->owner;
    thread->clear_tid = args[0];
    return gettid();
}

/* Told to the host too, for processes that share locks and are killed; what a recorded program's threads write at their
 * end is this program's alone to write. */
int64_t do_set_robust_list(struct call_context *context, const uint64_t *args)
{
    struct thread *thread = context->owner;
    const int64_t result = args[1] != sizeof(struct robust_list_head) ? -EINVAL
                           : process.trail                             ? 0
                                                                       : call_plain(context, args);
    if (!result)
        thread->robust = args[0];
    return result;
}

/* Of this program's threads it is known here; the host's kernel may not have been told. */
int64_t do_get_robust_list(struct call_context *context, const uint64_t *args)
{
    const struct thread *thread = context->owner;
    const uint32_t tid = args[0] ? (uint32_t)args[0] : thread->tid;
    const uint64_t bytes = sizeof(struct robust_list_head);
    uint64_t head = 0;
    bool known = false;
    pthread_mutex_lock(&process.threads_lock);
    for (unsigned i = 0; i < process.cpu_count && !known; i++) {
        const struct thread *other = process.thread_of[i];
        known = other && other->tid == tid;
        head = known ? other->robust : 0;
    }
    pthread_mutex_unlock(&process.threads_lock);
    if (!known)
        return call_plain(context, args);
    return guest_write(thread, args[2], &bytes, sizeof bytes) && guest_write(thread, args[1], &head, sizeof head)
               ? 0
               : -EFAULT;
}

int64_t do_clone(struct call_context *context, const uint64_t *args)
{
    return thread_clone(context->owner, args[0], args[1], args[2], args[3], args[4]);
}

int64_t do_execve(struct call_context *context, const uint64_t *args)
{
    char path[CALL_PATH_BYTES];
    int error = call_string(context, args[0], path, sizeof path);
    return error ? error : process_execve(context->owner, path, args[1], args[2]);
}

int64_t do_execveat(struct call_context *context, const uint64_t *args)
{
    char path[CALL_PATH_BYTES], whole[CALL_PATH_BYTES + 64], link[64];
    int error = call_string(context, args[1], path, sizeof path);
    if (error)
        return error;
    if (path[0] == '/' || (int)args[0] == AT_FDCWD)
        return process_execve(context->owner, path, args[2], args[3]);
    if (!path[0] && !(args[4] & AT_EMPTY_PATH))
        return -ENOENT;
    snprintf(link, sizeof link, "/proc/self/fd/%d", (int)args[0]);
    snprintf(whole, sizeof whole, path[0] ? "%s/%s" : "%s", link, path);
    return process_execve(context->owner, whole, args[2], args[3]);
}

/* A wait without an end begins again behind a signal's handler; one with a time ends. */
int64_t do_futex(struct call_context *context, const uint64_t *args)
{
    const unsigned operation = args[1] & FUTEX_CMD_MASK;
    const bool waits = operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET || operation == FUTEX_LOCK_PI ||
                       operation == FUTEX_WAIT_REQUEUE_PI;
    struct thread *thread = context->owner;
    if (trail_records() && trail_lock_is(args[1]))
        return trail_lock_call(thread, args);
    if (trail_records() && trail_lock_refuses(args))
        return -EINVAL;
    int64_t result = call_plain(context, args);
    if (result == -EINTR && waits && !args[3] && thread->interrupted)
        return -EINTR;
    if (result == -EINTR && thread->interrupted)
        context->final = true; /* it is not done again */
    return result;
}

int64_t do_not_permitted(struct call_context *context, const uint64_t *args)
{
    return -EPERM;
}

/* --- time ------------------------------------------------------------------------------------------- */

/* The host's library knows it without a call of its kernel. */
int64_t do_clock_gettime(struct call_context *context, const uint64_t *args)
{
    struct timespec now;
    if (clock_gettime((clockid_t)args[0], &now) != 0)
        return -errno;
    return guest_write(context->owner, args[1], &now, sizeof now) ? 0 : -EFAULT;
}

int64_t do_gettimeofday(struct call_context *context, const uint64_t *args)
{
    struct timeval now;
    if (args[1]) /* a time zone, which nobody asks for any more */
        return call_plain(context, args);
    gettimeofday(&now, NULL);
    return !args[0] || guest_write(context->owner, args[0], &now, sizeof now) ? 0 : -EFAULT;
}

/* --- what the system is ----------------------------------------------------------------------------- */

int64_t do_uname(struct call_context *context, const uint64_t *args)
{
    struct utsname name;
    if (uname(&name) != 0)
        return -errno;
    memset(name.machine, 0, sizeof name.machine);
    strcpy(name.machine, "aarch64");
    return guest_write(context->owner, args[0], &name, sizeof name) ? 0 : -EFAULT;
}

/* Limits of address space would be this program's own, which reserves a lot. */
static bool is_own_limit(uint64_t resource)
{
    return resource == RLIMIT_AS || resource == RLIMIT_DATA;
}

int64_t do_setrlimit(struct call_context *context, const uint64_t *args)
{
    return is_own_limit(args[0]) ? 0 : call_plain(context, args);
}

int64_t do_prlimit64(struct call_context *context, const uint64_t *args)
{
    const uint64_t own[CALL_MAX_ARGS] = {args[0], args[1], is_own_limit(args[1]) ? 0 : args[2], args[3], 0, 0};
    return call_plain(context, own);
}

int64_t do_prctl(struct call_context *context, const uint64_t *args)
{
    enum { TAGGED_SET = 55, TAGGED_GET = 56, SVE_SET = 50, SVE_GET = 51, PAC_RESET_KEYS = 54, PAC_SET_ENABLED = 60,
           PAC_GET_ENABLED = 61 };
    switch (args[0]) {
    case TAGGED_SET: return args[1] > 1 ? -EINVAL : 0;
    case TAGGED_GET: return 0;
    case PR_GET_TID_ADDRESS: { /* the host knows its own */
        const struct thread *thread = context->owner;
        return guest_write(thread, args[1], &thread->clear_tid, sizeof thread->clear_tid) ? 0 : -EFAULT;
    }
    case SVE_SET:
    case SVE_GET:
    case PAC_RESET_KEYS:
    case PAC_SET_ENABLED:
    case PAC_GET_ENABLED:
    case PR_SET_SECCOMP:
    case PR_SET_MM: return -EINVAL;
    default: return call_plain(context, args);
    }
}
