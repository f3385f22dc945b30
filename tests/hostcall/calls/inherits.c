/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Locks with inherited priority: by the library, robust ones too, and by the kernel's own calls. With an argument it
 * prints in which order threads had the lock, which is another one each time; with two it waits while it maps a file,
 * too, which ends a recording. */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "say.h"

#define THREADS 4
#define ROUNDS  300

static pthread_mutex_t shared, robust;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long guarded, turn, hash;
static _Atomic unsigned first, second, condition;
static atomic_int handled, hold;

static long futex(_Atomic unsigned *word, int operation, unsigned value, const void *time, _Atomic unsigned *other,
                  unsigned compare)
{
    return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, time, other, compare);
}

static _Atomic unsigned *word_of(pthread_mutex_t *mutex)
{
    return (_Atomic unsigned *)&mutex->__data.__lock;
}

static void until_waited_for(_Atomic unsigned *word)
{
    while (!(*word & FUTEX_WAITERS))
        usleep(1000);
}

static void make(pthread_mutex_t *mutex, int robustness)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutexattr_setrobust(&attributes, robustness);
    if (pthread_mutex_init(mutex, &attributes))
        abort();
}

static void *work(void *index)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&shared);
        guarded++;
        hash = hash * 31 + (long)index;
        if (i % 8 == 0)
            usleep(10);
        pthread_mutex_unlock(&shared);
    }
    pthread_mutex_lock(&shared);
    while (turn != (long)index)
        pthread_cond_wait(&changed, &shared);
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&shared);
    return NULL;
}

static void *holds(void *mutex)
{
    if (pthread_mutex_lock(mutex) == EOWNERDEAD)
        pthread_mutex_consistent(mutex);
    hold = 1;
    while (hold)
        usleep(1000);
    return NULL; /* and does not unlock it */
}

static void *wants(void *mutex)
{
    const int error = pthread_mutex_lock(mutex);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(mutex);
    pthread_mutex_unlock(mutex);
    return (void *)(long)error;
}

static void robust_ones(void)
{
    pthread_t owner, waiters[3];
    void *result;
    struct timespec soon;
    make(&robust, PTHREAD_MUTEX_ROBUST);
    pthread_create(&owner, NULL, holds, &robust);
    while (!hold)
        usleep(1000);
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec = (soon.tv_nsec + 5000000) % 1000000000;
    printf("trylock %s\n", strerrorname_np(pthread_mutex_trylock(&robust)));
    printf("timedlock %s\n", strerrorname_np(pthread_mutex_timedlock(&robust, &soon)));
    clock_gettime(CLOCK_MONOTONIC, &soon);
    printf("clocklock %s\n", strerrorname_np(pthread_mutex_clocklock(&robust, CLOCK_MONOTONIC, &soon)));
    hold = 0; /* ends before anybody waits */
    pthread_join(owner, NULL);
    printf("behind its owner %d\n", (long)wants(&robust) == EOWNERDEAD);
    pthread_create(&owner, NULL, holds, &robust);
    while (!hold)
        usleep(1000);
    for (int i = 0; i < 3; i++)
        pthread_create(&waiters[i], NULL, wants, &robust);
    until_waited_for(word_of(&robust));
    usleep(20000);
    hold = 0; /* ends while they wait */
    pthread_join(owner, NULL);
    int told = 0;
    for (int i = 0; i < 3; i++) {
        pthread_join(waiters[i], &result);
        told += (long)result == EOWNERDEAD;
    }
    printf("told of its end %d\n", told);
}

static void *takes_first(void *unused)
{
    const unsigned own = (unsigned)gettid();
    const long result = futex(&first, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    const unsigned word = first;
    printf("takes %ld %d%s%s\n", result, (word & FUTEX_TID_MASK) == own, word & FUTEX_OWNER_DIED ? " died" : "",
           handled ? " handled" : "");
    fflush(stdout);
    if (!(word & FUTEX_OWNER_DIED)) /* else it ends with it, too */
        futex(&first, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    return NULL;
}

static void *takes_both(void *unused)
{
    futex(&first, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    hold = 1;
    while (hold)
        usleep(1000);
    const long result = futex(&second, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    printf("both %ld\n", result);
    fflush(stdout);
    futex(&second, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    futex(&first, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    return NULL;
}

static void *keeps_first(void *unused)
{
    futex(&first, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    until_waited_for(&first);
    usleep(20000);
    return NULL;
}

static void on_signal(int number)
{
    handled++;
}

static void raw_ones(void)
{
    pthread_t thread;
    long result;
    const unsigned own = (unsigned)gettid();
    const struct timespec bad = {0, 2000000000}, past = {0, 0};
    SAY(futex(&first, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SAY(first == own);
    SAY(futex(&first, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SAY(futex(&first, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    SAY(futex(&first, FUTEX_LOCK_PI, 0, &bad, NULL, 0));
    SAY(futex(&first, FUTEX_LOCK_PI, 0, (void *)8, NULL, 0));
    SAY(futex((void *)((char *)&first + 1), FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SAY(futex((void *)4096, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SAY(futex(&second, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    pthread_create(&thread, NULL, takes_first, NULL);
    until_waited_for(&first);
    usleep(20000);
    SAY(futex(&first, FUTEX_WAKE, 1, NULL, NULL, 0));
    signal(SIGUSR1, on_signal);
    pthread_kill(thread, SIGUSR1);
    while (!handled)
        usleep(1000);
    usleep(5000);
    result = futex(&first, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    pthread_join(thread, NULL);
    SAY(result);
    SAY(first);
    hold = 0;
    SAY(futex(&second, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    pthread_create(&thread, NULL, takes_both, NULL);
    while (!hold)
        usleep(1000);
    SAY(futex(&first, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    SAY(futex(&first, FUTEX_LOCK_PI, 0, &past, NULL, 0));
    hold = 0;
    until_waited_for(&second);
    usleep(20000);
    SAY(futex(&first, FUTEX_LOCK_PI, 0, NULL, NULL, 0)); /* a circle */
    result = futex(&second, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    pthread_join(thread, NULL);
    SAY(result);
    handled = 0;
    pthread_create(&thread, NULL, keeps_first, NULL);
    while (!first)
        usleep(1000);
    takes_first(NULL); /* from an owner that ends, and was not robust */
    pthread_join(thread, NULL);
    SAY(futex(&first, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    first = own | FUTEX_WAITERS; /* though nobody does */
    SAY(futex(&first, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    SAY(first);
    first = 0x3fffffff; /* which nobody has */
    SAY(futex(&first, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    first = FUTEX_OWNER_DIED;
    SAY(futex(&first, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    SAY(first == (FUTEX_OWNER_DIED | own));
    SAY(futex(&first, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
}

static void *waits_for_condition(void *unused)
{
    const long result = futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &first, 0);
    if (result)
        return (void *)1;
    guarded += (first & FUTEX_TID_MASK) == (unsigned)gettid();
    futex(&first, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    return NULL;
}

static void requeued_ones(void)
{
    pthread_t threads[THREADS];
    const struct timespec past = {0, 0};
    first = 0;
    guarded = 0;
    SAY(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &first, 0));
    SAY(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &condition, 0));
    SAY(futex(&condition, FUTEX_WAIT_REQUEUE_PI, 0, &past, &first, 0));
    SAY(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, &first, 1));
    SAY(futex(&condition, FUTEX_CMP_REQUEUE_PI, 2, (void *)0, &first, 0));
    SAY(futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, &condition, 0));
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, waits_for_condition, NULL);
    SAY(futex(&first, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    for (long moved = 0; moved < THREADS;) {
        const long more = futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)100, &first, 0);
        if (more < 0) {
            printf("requeue fails: %s\n", strerrorname_np(errno));
            return;
        }
        moved += more;
    }
    SAY(guarded);
    SAY(futex(&first, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        SAY(result);
    }
    SAY(guarded);
    SAY(first);
    pthread_create(&threads[0], NULL, waits_for_condition, NULL); /* and one that gets the lock at once */
    while (!futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)0, &first, 0))
        usleep(1000);
    pthread_join(threads[0], NULL);
    SAY(guarded);
}

/* Some wait for a lock, others for a condition, when the recording ends. */
static void mapping(void)
{
    pthread_t threads[THREADS];
    void *result;
    FILE *file = tmpfile();
    guarded = 0;
    condition = 0;
    pthread_mutex_lock(&shared);
    futex(&first, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, i % 2 ? wants : waits_for_condition, &shared);
    until_waited_for(word_of(&shared));
    usleep(20000);
    if (ftruncate(fileno(file), 4096))
        abort();
    printf("mapped %d\n", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0) != MAP_FAILED);
    fflush(stdout);
    usleep(20000);
    for (long moved = 0; moved < THREADS / 2;)
        moved += futex(&condition, FUTEX_CMP_REQUEUE_PI, 1, (void *)100, &first, 0);
    futex(&first, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    pthread_mutex_unlock(&shared);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        SAY(result);
    }
    SAY(guarded);
}

int main(int count, char **arguments)
{
    pthread_t threads[THREADS];
    void *head, *own_head;
    size_t bytes;
    make(&shared, PTHREAD_MUTEX_STALLED);
    SAY(syscall(SYS_get_robust_list, 0, &head, &bytes));
    SAY(bytes);
    SAY(syscall(SYS_get_robust_list, gettid(), &own_head, &bytes));
    SAY(head && head == own_head && *(void **)head == head); /* an empty list */
    SAY(syscall(SYS_get_robust_list, 0, 8, &bytes));
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SAY(guarded);
    SAY(*word_of(&shared));
    if (count > 1)
        printf("order %lx\n", hash);
    robust_ones();
    raw_ones();
    requeued_ones();
    if (count > 2)
        mapping();
    return 0;
}
