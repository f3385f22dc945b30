/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threads whose results depend on how they interleave, to be recorded and replayed: races, spinning, a lock whose owner
 * ends, signals among them, CPUs that come and go, and a first thread that ends before the others. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 4

static volatile long racing, order[64];
static volatile int placed;
static atomic_int arrived, go;
static pthread_mutex_t robust;
static pthread_t main_thread;
static int pipe_of[2];

static void *race(void *index)
{
    arrived++;
    while (!go)
        if ((long)index % 2)
            __asm__ volatile("yield");
    for (int i = 0; i < 300000; i++)
        racing = racing + 1;
    order[placed++] = (long)index;
    return NULL;
}

static void *takes_and_ends(void *unused)
{
    pthread_mutex_lock(&robust);
    return NULL;
}

static void *wants(void *unused)
{
    const int error = pthread_mutex_lock(&robust);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(&robust);
    pthread_mutex_unlock(&robust);
    return (void *)(long)error;
}

static void *holds_until_told(void *unused)
{
    char byte;
    pthread_mutex_lock(&robust);
    if (read(pipe_of[0], &byte, 1) != 1)
        abort();
    return NULL;
}

static void on_signal(int number)
{
    racing = racing * 3 + number;
}

static void *is_sent(void *unused)
{
    arrived++;
    while (!go)
        racing = racing + 1;
    return NULL;
}

static void *random_number(void *at)
{
    unsigned long number;
    __asm__ volatile("mrs %0, s3_3_c2_c4_0" : "=r"(number) : : "cc"); /* RNDR */
    *(unsigned long *)at = number;
    return NULL;
}

static void *goes_on(void *unused)
{
    pthread_join(main_thread, NULL);
    printf("the first is gone %ld\n", racing);
    fflush(stdout);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int round = 0; round < 3; round++) {
        racing = placed = arrived = go = 0;
        for (long i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, race, (void *)i);
        while (arrived < THREADS)
            sched_yield();
        go = 1;
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        printf("%ld:", racing);
        for (int i = 0; i < THREADS; i++)
            printf(" %ld", order[i]);
        printf("\n");
    }
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attributes);
    void *result;
    pthread_create(&threads[0], NULL, takes_and_ends, NULL);
    pthread_join(threads[0], NULL);
    pthread_create(&threads[0], NULL, wants, NULL);
    pthread_join(threads[0], &result);
    printf("robust %d\n", (long)result == EOWNERDEAD);
    if (pipe(pipe_of))
        return 1;
    pthread_create(&threads[0], NULL, holds_until_told, NULL); /* and this one is woken by its end */
    while (pthread_mutex_trylock(&robust) != EBUSY) {
        pthread_mutex_unlock(&robust);
        sched_yield();
    }
    pthread_create(&threads[1], NULL, wants, NULL);
    usleep(20000);
    if (write(pipe_of[1], "x", 1) != 1)
        return 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], &result);
    printf("woken %d\n", (long)result == EOWNERDEAD);

    signal(SIGUSR1, on_signal);
    racing = arrived = go = 0;
    pthread_create(&threads[0], NULL, is_sent, NULL);
    while (!arrived)
        sched_yield();
    for (int i = 0; i < 20; i++) {
        pthread_kill(threads[0], SIGUSR1);
        usleep(500);
    }
    go = 1;
    pthread_join(threads[0], NULL);
    printf("sent %ld\n", racing);
    unsigned long numbers[2];
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, random_number, &numbers[i]);
        pthread_join(threads[i], NULL);
    }
    printf("random %lx %lx %d\n", numbers[0], numbers[1], numbers[0] != numbers[1]);
    main_thread = pthread_self();
    pthread_create(&threads[0], NULL, goes_on, NULL);
    fflush(stdout);
    pthread_exit(NULL);
}
