/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fork(), vfork() and clone() of a guest's program. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hostcall/trail.h"
#include "isa/arm64/threads.h"

#define VFORK_STACK_BYTES (256u << 10)

/* There with the address sanitizer, which takes memory for what it was before it was unmapped. */
extern void __asan_unpoison_memory_region(void const volatile *address, size_t bytes) __attribute__((weak));

void process_fork_begin(struct thread *thread)
{
    space_fork_begin(&process.space);
    pthread_mutex_lock(&process.threads_lock);
    pthread_mutex_lock(&process.actions_lock);
    process_quiet_begin();
    pthread_mutex_lock(&process.pages.lock);
    if (process.engine_ops->fork)
        process.engine_ops->fork(process.engine, ENGINE_FORK_BEFORE);
}

void process_fork_end(struct thread *thread, bool child)
{
    if (process.engine_ops->fork)
        process.engine_ops->fork(process.engine, child ? ENGINE_FORK_CHILD : ENGINE_FORK_PARENT);
    if (child) {
        threads_forked(process.threads);
        for (unsigned i = 0; i < process.cpu_count; i++) {
            struct thread *other = process.thread_of[i];
            if (!other || other == thread)
                continue;
            process.thread_of[i] = NULL;
            other->next_free = process.free_threads;
            process.free_threads = other;
        }
        thread->is_main = true;
        if (thread->actions) /* a child of vfork()'s own child */
            memcpy(process.actions, thread->actions, sizeof process.actions);
        thread->actions = NULL;
        thread->vforked = false;
    }
    pthread_mutex_unlock(&process.pages.lock);
    if (!child)
        process_quiet_end();
    pthread_mutex_unlock(&process.actions_lock);
    pthread_mutex_unlock(&process.threads_lock);
    space_fork_end(&process.space);
}

static int64_t begin_process(struct thread *thread, uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls,
                             uint64_t child_tid)
{
    if ((flags & CSIGNAL) != SIGCHLD && (flags & CSIGNAL))
        return -EINVAL;
    if (trail_replays())
        return 0; /* it is another process: the log has its number */
    fflush(NULL);
    process_fork_begin(thread);
    const pid_t pid = fork();
    const int error = errno;
    process_fork_end(thread, pid == 0);
    if (pid < 0)
        return -error;
    if (!pid && process.trail) {
        trail_forget();
        signals_restore();
        thread->in_call = thread->lets_others = false;
    }
    if (pid) {
        if (flags & CLONE_PARENT_SETTID)
            guest_write(thread, parent_tid, &pid, sizeof pid);
        return pid;
    }
    thread_set_child(thread, flags, stack, tls, child_tid);
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) == sizeof random) /* not its parent's */
        cpu_seed_rng(thread->cpu, random);
    const pid_t own = getpid();
    if (flags & CLONE_CHILD_SETTID)
        guest_write(thread, child_tid, &own, sizeof own);
    thread->held = 0;
    thread->robust = 0;
    thread->tid = (uint32_t)own;
    return 0;
}

/* The child of vfork() shares all memory with its parent, this program's too, until it runs another program or ends;
 * the parent's thread sleeps meanwhile. So the child goes on with the parent's CPU on a stack of its own, and the
 * parent takes back what is its own. */

static _Noreturn int vfork_child(void *argument)
{
    struct thread *thread = argument;
    signals_apply_mask(thread);
    thread_run(thread);
    syscall(SYS_exit_group, thread->end_status);
    abort(); /* the call does not come back */
}

static int64_t begin_vfork(struct thread *thread, uint64_t flags, uint64_t stack, uint64_t tls)
{
    struct cpu *cpu = thread->cpu;
    struct guest_action actions[GUEST_SIGNALS + 1];
    struct cpu *saved = malloc(sizeof *saved);
    void *host_stack = mmap(NULL, VFORK_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!saved || host_stack == MAP_FAILED) {
        free(saved);
        return -ENOMEM;
    }
    const struct thread before = *thread;
    const char *const root = paths_root();
    const bool recorded = trail_records();
    pthread_mutex_lock(&process.actions_lock);
    memcpy(actions, process.actions, sizeof actions);
    pthread_mutex_unlock(&process.actions_lock);
    if (__asan_unpoison_memory_region)
        __asan_unpoison_memory_region(host_stack, VFORK_STACK_BYTES);
    memcpy(saved, cpu, sizeof *saved);
    thread_set_child(thread, flags & ~(uint64_t)CLONE_CHILD_CLEARTID, stack, tls, 0);
    thread->vforked = true;
    thread->actions = actions;
    thread->becoming = NULL;
    thread->held = 0;
    memset(thread->call.texts, 0, sizeof thread->call.texts); /* the parent's to free */
    thread->call.own_texts = 0;
    thread->in_call = thread->lets_others = false;
    int pid = 0;
    if (trail_replays()) {
        thread_run(thread);
    } else {
        signals_block_all();
        pid = clone(vfork_child, (uint8_t *)host_stack + VFORK_STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, thread);
    }
    const int error = errno;
    threads_leave(cpu); /* it may have ended where it was */
    const struct tlb_slots slots = {0};
    thread_copy_state(cpu, saved);
    cpu->slots = slots;
    process_execve_over(thread);
    call_forget_texts(&thread->call);
    *thread = before;
    if (process.trail)
        trail_leave_child(thread);
    else if (recorded) /* the child's mapping ended that, with its own actions */
        signals_restore();
    paths_restore_root(root);
    munmap(host_stack, VFORK_STACK_BYTES);
    free(saved);
    signals_apply_mask(thread);
    return pid < 0 ? -error : pid;
}

#define THREAD_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)

int64_t thread_clone(struct thread *thread, uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls,
                     uint64_t child_tid)
{
    if ((flags & THREAD_FLAGS) == THREAD_FLAGS)
        return thread_begin(thread, flags, stack, parent_tid, tls, child_tid);
    if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                 CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP))
        return -EINVAL;
    if ((flags & (CLONE_VM | CLONE_VFORK)) == (CLONE_VM | CLONE_VFORK) && !thread->vforked)
        return begin_vfork(thread, flags, stack, tls);
    if (flags & CLONE_VM && !thread->vforked)
        return -EINVAL;
    return begin_process(thread, flags, stack, parent_tid, tls, child_tid);
}
