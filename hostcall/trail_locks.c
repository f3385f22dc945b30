/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Locks with inherited priority of a program that is recorded (FUTEX_LOCK_PI and its kin). The host's kernel would
 * write their words when it likes to; here what is written is so in the turn of the thread whose call it is, and is in
 * the log. A replay has nothing to do: it has words and results from there.
 *
 * A word has its owner's number, FUTEX_WAITERS and FUTEX_OWNER_DIED (kernel/futex/pi.c and requeue.c of Linux). Who
 * waits stands at a word: that of the lock it wants, or with FUTEX_WAIT_REQUEUE_PI first that of a condition. It sleeps
 * at a word of its own until it is told. As only one thread runs at a time, and all get their turns, nobody inherits a
 * priority; but who waits gets the lock in the order of priorities. */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/linux.h"
#include "hostcall/trail.h"

#define DEADLINE_PRIORITY 100 /* above all that sched_param can say */

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

/* What one who waits is told. */
enum {
    TOLD_NOTHING,
    TOLD_OWNS, /* the lock is its own, and the word says so */
    TOLD_LEFT, /* so it is, as its owner has ended; the word is still to be written, in its turn */
    TOLD_OVER, /* nothing is recorded any more: the host's kernel goes on */
};

static uint64_t order; /* in which threads came to stand where they do */

bool trail_lock_is(uint64_t operation)
{
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_TRYLOCK_PI:
    case FUTEX_UNLOCK_PI:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI: return true;
    default: return false;
    }
}

/* --- who stands where, with process.threads_lock ------------------------------------------------------- */

static bool stands(const struct thread *thread)
{
    return thread && thread->lock.at && thread->lock.told == TOLD_NOTHING;
}

static struct thread *first_at(uint64_t address)
{
    struct thread *first = NULL;
    for (unsigned i = 0; i < process.cpu_count; i++) {
        struct thread *other = process.thread_of[i];
        if (!stands(other) || other->lock.at != address)
            continue;
        if (!first || other->lock.priority > first->lock.priority ||
            (other->lock.priority == first->lock.priority && other->lock.order < first->lock.order))
            first = other;
    }
    return first;
}

static struct thread *by_number(uint32_t tid)
{
    for (unsigned i = 0; i < process.cpu_count; i++)
        if (process.thread_of[i] && process.thread_of[i]->tid == tid)
            return process.thread_of[i];
    return NULL;
}

/* Who owns a lock that its owner has left, and has not said so yet. */
static struct thread *heir(uint64_t address)
{
    for (unsigned i = 0; i < process.cpu_count; i++) {
        struct thread *other = process.thread_of[i];
        if (other && other->lock.at == address && other->lock.told == TOLD_LEFT)
            return other;
    }
    return NULL;
}

static void tell(struct thread *thread, uint32_t what)
{
    __atomic_store_n(&thread->lock.told, what, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &thread->lock.told, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void stand_at(struct thread *thread, uint64_t address)
{
    thread->lock.at = address;
    thread->lock.order = ++order;
}

/* --- the words, with it too --------------------------------------------------------------------------- */

static struct thread *owner_of(const struct thread *caller, uint64_t address)
{
    uint32_t value;
    struct thread *owner = heir(address);
    return owner || !guest_read(caller, &value, address, sizeof value) ? owner : by_number(value & FUTEX_TID_MASK);
}

/* Whether the owner waits, itself or by others, for what `taker` owns. */
static bool is_circle(const struct thread *caller, const struct thread *owner, const struct thread *taker)
{
    for (unsigned i = 0; i < process.cpu_count && stands(owner) && owner->lock.at == owner->lock.wanted; i++) {
        owner = owner_of(caller, owner->lock.at);
        if (owner == taker)
            return true;
    }
    return false;
}

/* As futex_lock_pi_atomic(). 1: it is the taker's; 0: it is another's, and the word says that somebody waits; else
 * -errno. */
static int take(const struct thread *caller, const struct thread *taker, uint64_t address, bool more_wait)
{
    uint32_t value;
    if (!guest_read(caller, &value, address, sizeof value))
        return -EFAULT;
    if ((value & FUTEX_TID_MASK) == taker->tid)
        return -EDEADLK;
    if (!(value & FUTEX_TID_MASK) && !heir(address)) {
        value = (value & FUTEX_OWNER_DIED) | taker->tid | (more_wait || first_at(address) ? FUTEX_WAITERS : 0);
        return guest_write(caller, address, &value, sizeof value) ? 1 : -EFAULT;
    }
    const struct thread *owner = owner_of(caller, address);
    if (!owner)
        return -ESRCH;
    if (is_circle(caller, owner, taker))
        return -EDEADLK;
    const uint32_t waited_for = value | FUTEX_WAITERS;
    return value == waited_for || guest_write(caller, address, &waited_for, sizeof waited_for) ? 0 : -EFAULT;
}

static int64_t release(const struct thread *thread, uint64_t address)
{
    uint32_t value;
    if (!guest_read(thread, &value, address, sizeof value))
        return -EFAULT;
    if ((value & FUTEX_TID_MASK) != thread->tid)
        return -EPERM;
    struct thread *next = first_at(address);
    value = next ? FUTEX_WAITERS | next->tid : 0;
    if (!guest_write(thread, address, &value, sizeof value))
        return -EFAULT;
    if (next)
        tell(next, TOLD_OWNS);
    return 0;
}

/* --- waiting ------------------------------------------------------------------------------------------ */

static int own_priority(void)
{
    struct sched_param parameters;
    const int policy = sched_getscheduler(0);
    if (policy != SCHED_FIFO && policy != SCHED_RR)
        return policy == SCHED_DEADLINE ? DEADLINE_PRIORITY : 0;
    return sched_getparam(0, &parameters) ? 0 : parameters.sched_priority;
}

static int64_t own_at_last(const struct thread *thread, uint64_t address)
{
    const uint32_t value = FUTEX_OWNER_DIED | FUTEX_WAITERS | thread->tid;
    return guest_write(thread, address, &value, sizeof value) ? 0 : -EFAULT;
}

/* Sleeps, while others run, as one who stands at `address` and wants the lock. Without the lock of threads. */
static int64_t wait_to_be_told(struct thread *thread, bool real_time, const struct timespec *until)
{
    const int operation = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | (real_time ? FUTEX_CLOCK_REALTIME : 0);
    const uint64_t began_at = thread->lock.at;
    int64_t result;
    thread->lets_others = true;
    do
        result = linux_host(thread, SYS_futex, (uint64_t)&thread->lock.told, (uint64_t)operation, TOLD_NOTHING,
                            (uint64_t)until, 0, FUTEX_BITSET_MATCH_ANY);
    while (__atomic_load_n(&thread->lock.told, __ATOMIC_SEQ_CST) == TOLD_NOTHING && result != -ETIMEDOUT &&
           !__atomic_load_n(&thread->interrupted, __ATOMIC_SEQ_CST));
    thread->lets_others = false;
    pthread_mutex_lock(&process.threads_lock);
    const uint32_t told = thread->lock.told;
    const uint64_t at = thread->lock.at, wanted = thread->lock.wanted;
    thread->lock.at = 0;
    pthread_mutex_unlock(&process.threads_lock);
    if (told == TOLD_OWNS)
        return 0;
    if (told == TOLD_LEFT)
        return own_at_last(thread, wanted);
    if (told == TOLD_NOTHING && result == -ETIMEDOUT)
        return -ETIMEDOUT;
    return at == began_at ? GUARD_INTERRUPTED : -EWOULDBLOCK; /* what was requeued cannot be done again */
}

/* --- the calls ---------------------------------------------------------------------------------------- */

struct request {
    uint64_t address, other; /* of words */
    uint32_t value, compare; /* what the first one is to have; with FUTEX_CMP_REQUEUE_PI `compare` is */
    uint32_t requeued;       /* how many, at most */
    bool real_time, timed;
    struct timespec until;
};

static int64_t lock(struct thread *thread, const struct request *request)
{
    pthread_mutex_lock(&process.threads_lock);
    const int taken = take(thread, thread, request->address, false);
    if (!taken) {
        thread->lock.wanted = request->address;
        thread->lock.priority = own_priority();
        thread->lock.told = TOLD_NOTHING;
        stand_at(thread, request->address);
    }
    pthread_mutex_unlock(&process.threads_lock);
    if (taken)
        return taken < 0 ? taken : 0;
    return wait_to_be_told(thread, request->real_time, request->timed ? &request->until : NULL);
}

static int64_t try_to_lock(struct thread *thread, const struct request *request)
{
    pthread_mutex_lock(&process.threads_lock);
    const int taken = take(thread, thread, request->address, false);
    pthread_mutex_unlock(&process.threads_lock);
    return taken < 0 ? taken : taken ? 0 : -EWOULDBLOCK;
}

static int64_t unlock(struct thread *thread, const struct request *request)
{
    pthread_mutex_lock(&process.threads_lock);
    const int64_t result = release(thread, request->address);
    pthread_mutex_unlock(&process.threads_lock);
    return result;
}

static int64_t wait_for_condition(struct thread *thread, const struct request *request)
{
    uint32_t value;
    if (request->address == request->other)
        return -EINVAL;
    if (!guest_read(thread, &value, request->address, sizeof value))
        return -EFAULT;
    if (value != request->value)
        return -EWOULDBLOCK;
    pthread_mutex_lock(&process.threads_lock);
    thread->lock.wanted = request->other;
    thread->lock.priority = own_priority();
    thread->lock.told = TOLD_NOTHING;
    stand_at(thread, request->address);
    pthread_mutex_unlock(&process.threads_lock);
    return wait_to_be_told(thread, request->real_time, request->timed ? &request->until : NULL);
}

static int64_t requeue(struct thread *thread, const struct request *request)
{
    uint32_t value;
    int64_t count = 0, error = 0;
    if (request->address == request->other || request->value != 1 || (int32_t)request->requeued < 0)
        return -EINVAL;
    if (!guest_read(thread, &value, request->address, sizeof value))
        return -EFAULT;
    if (value != request->compare)
        return -EAGAIN;
    pthread_mutex_lock(&process.threads_lock);
    struct thread *first;
    while (!error && count < 1 + (int64_t)request->requeued && (first = first_at(request->address))) {
        const bool matches = first->lock.wanted == request->other;
        const int taken = matches ? take(thread, first, request->other, request->requeued) : -EINVAL;
        if (taken < 0)
            error = taken;
        else if (taken)
            tell(first, TOLD_OWNS);
        else
            stand_at(first, request->other);
        count += taken >= 0;
    }
    pthread_mutex_unlock(&process.threads_lock);
    return error ? error : count;
}

int64_t trail_lock_call(struct thread *thread, const uint64_t *args)
{
    const unsigned operation = args[1] & FUTEX_CMD_MASK;
    const bool waits_for_condition = operation == FUTEX_WAIT_REQUEUE_PI;
    const bool requeues = operation == FUTEX_CMP_REQUEUE_PI;
    const bool waits = waits_for_condition || operation == FUTEX_LOCK_PI || operation == FUTEX_LOCK_PI2;
    struct request request = {.address = args[0] & ~0ull >> 8,
                              .other = args[4] & ~0ull >> 8,
                              .value = (uint32_t)args[2],
                              .compare = (uint32_t)args[5],
                              .requeued = (uint32_t)args[3],
                              .real_time = args[1] & FUTEX_CLOCK_REALTIME || operation == FUTEX_LOCK_PI,
                              .timed = waits && args[3]};
    if (args[1] & FUTEX_CLOCK_REALTIME && !waits_for_condition && operation != FUTEX_LOCK_PI2)
        return -ENOSYS;
    if (request.timed && !guest_read(thread, &request.until, args[3], sizeof request.until))
        return -EFAULT;
    if (request.until.tv_sec < 0 || (uint64_t)request.until.tv_nsec >= NS_PER_S || request.address % sizeof(uint32_t) ||
        ((waits_for_condition || requeues) && request.other % sizeof(uint32_t)))
        return -EINVAL;
    switch (operation) {
    case FUTEX_TRYLOCK_PI: return try_to_lock(thread, &request);
    case FUTEX_UNLOCK_PI: return unlock(thread, &request);
    case FUTEX_WAIT_REQUEUE_PI: return wait_for_condition(thread, &request);
    case FUTEX_CMP_REQUEUE_PI: return requeue(thread, &request);
    default: return lock(thread, &request);
    }
}

bool trail_lock_refuses(const uint64_t *args)
{
    const unsigned operation = args[1] & FUTEX_CMD_MASK;
    if (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET)
        return false;
    pthread_mutex_lock(&process.threads_lock);
    const bool stand = first_at(args[0] & ~0ull >> 8);
    pthread_mutex_unlock(&process.threads_lock);
    return stand;
}

/* --- ends --------------------------------------------------------------------------------------------- */

void trail_locks_left(const struct thread *thread)
{
    pthread_mutex_lock(&process.threads_lock);
    for (unsigned i = 0; i < process.cpu_count; i++) {
        struct thread *other = process.thread_of[i];
        if (stands(other) && other->lock.at == other->lock.wanted && !heir(other->lock.at) &&
            owner_of(thread, other->lock.at) == thread)
            tell(first_at(other->lock.at), TOLD_LEFT);
    }
    pthread_mutex_unlock(&process.threads_lock);
}

void trail_locks_over(void)
{
    pthread_mutex_lock(&process.threads_lock);
    for (unsigned i = 0; i < process.cpu_count; i++)
        if (stands(process.thread_of[i]))
            tell(process.thread_of[i], TOLD_OVER);
    pthread_mutex_unlock(&process.threads_lock);
}
