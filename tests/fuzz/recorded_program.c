/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program whose log fuzz_trail changes: a bit of everything that a log has. For AArch64. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile int signals, told;

static void on_signal(int number)
{
    signals += number;
}

static void *second(void *argument)
{
    while (!told)
        __asm__ volatile("yield");
    return argument;
}

int main(void)
{
    char text[64];
    struct timespec now;
    struct stat about;
    pthread_t thread;
    int ends[2];
    signal(SIGUSR1, on_signal);
    kill(getpid(), SIGUSR1);
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_create(&thread, NULL, second, NULL);
    if (pipe(ends) || write(ends[1], "through", 7) != 7)
        return 1;
    struct iovec parts[2] = {{text, 3}, {text + 8, 20}};
    ssize_t count = readv(ends[0], parts, 2);
    told = 1;
    pthread_join(thread, NULL);
    const int file = open("/proc/self/exe", O_RDONLY);
    unsigned char *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    fstat(file, &about);
    printf("%zd %d %ld %d %d\n", count, signals, now.tv_nsec, mapped[1], (int)(about.st_size & 1));
    munmap(mapped, 4096);
    fflush(stdout);
    for (volatile int i = 0; i < 1500000; i++)
        continue; /* long enough for the time to be looked at */
    return 5;
}
