/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads: creation and end, locks, conditions, atomics, thread-local storage, fork among them. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "say.h"

#define THREADS 8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static atomic_long counter, tickets;
static long guarded, turn;
static __thread int own = 5;
static __thread char space[3000];
static sem_t sem;

static void *work(void *argument)
{
    long index = (long)argument;
    own += (int)index;
    memset(space, (int)index, sizeof space);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 5000; i++) {
        counter++;
        atomic_fetch_xor(&tickets, 1l << index);
        pthread_mutex_lock(&lock);
        guarded++;
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock);
    while (turn != index)
        pthread_cond_wait(&changed, &lock);
    printf("turn %ld own %d %d\n", index, own, space[2999]);
    turn++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    sem_post(&sem);
    return (void *)(index * 3);
}

static void *spin(void *flag)
{
    while (!atomic_load((atomic_int *)flag))
        ;
    return NULL;
}

static void *quick(void *argument)
{
    return argument;
}

static void *forks(void *argument)
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid)
        _exit(own + 1);
    waitpid(pid, &status, 0);
    return (void *)(long)WEXITSTATUS(status);
}

int main(void)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    sem_init(&sem, 0, 0);
    for (long i = 0; i < THREADS; i++)
        SAY(pthread_create(&threads[i], NULL, work, (void *)i));
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++)
        sem_wait(&sem);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        printf("joined %ld\n", (long)result);
    }
    printf("%ld %ld %ld %d\n", (long)counter, guarded, (long)tickets, own);
    atomic_int flag = 0;
    pthread_create(&threads[0], NULL, spin, &flag);
    pthread_create(&threads[1], NULL, spin, &flag);
    usleep(20000);
    flag = 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    puts("spun");
    for (long i = 0; i < 300; i++) {
        void *result = NULL;
        pthread_create(&threads[0], NULL, quick, (void *)i);
        pthread_join(threads[0], &result);
        if ((long)result != i)
            printf("wrong %ld\n", i);
    }
    for (int i = 0; i < 10; i++) {
        void *result;
        pthread_create(&threads[0], NULL, forks, NULL);
        pthread_join(threads[0], &result);
        printf("%ld ", (long)result);
    }
    puts("forked");
    SAY(syscall(SYS_gettid) == getpid());
    int *ends = NULL;
    SAY(prctl(PR_GET_TID_ADDRESS, &ends));
    SAY(ends && *ends == getpid());
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    pthread_mutex_lock(&lock);
    SAY(pthread_cond_timedwait(&changed, &lock, &until));
    pthread_mutex_unlock(&lock);
    cpu_set_t cpus;
    SAY(sched_getaffinity(0, sizeof cpus, &cpus));
    SAY(CPU_COUNT(&cpus) == sysconf(_SC_NPROCESSORS_ONLN));
    fflush(stdout);
    pthread_create(&threads[0], NULL, quick, NULL);
    pthread_exit(NULL); /* the process ends with its last thread, with 0 */
}
