/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls with structures, for the debugger's `syscalls`; what they gave is printed too. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    struct timespec pause = {0, 1234567}, now;
    struct timeval today;
    struct stat stat;
    struct sockaddr_un path = {AF_UNIX, "/socket"};
    struct sockaddr_in place = {AF_INET, htons(4321), {0}, {0}}, bound;
    struct sockaddr_in6 place6 = {.sin6_family = AF_INET6, .sin6_port = htons(4322)};
    socklen_t length = sizeof bound;
    char hello[] = "hello, ", world[] = "world\n";
    struct iovec parts[] = {{hello, 7}, {world, 6}};
    usleep(1000);
    syscall(SYS_nanosleep, &pause, NULL);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    syscall(SYS_gettimeofday, &today, NULL);
    syscall(SYS_newfstatat, AT_FDCWD, "/init", &stat, 0);
    writev(1, parts, 2);
    int local = socket(AF_UNIX, SOCK_STREAM, 0), any = socket(AF_INET, SOCK_DGRAM, 0);
    int six = socket(AF_INET6, SOCK_DGRAM, 0);
    bind(local, (struct sockaddr *)&path, sizeof path);
    bind(any, (struct sockaddr *)&place, sizeof place);
    bind(six, (struct sockaddr *)&place6, sizeof place6);
    getsockname(any, (struct sockaddr *)&bound, &length);
    connect(local, (struct sockaddr *)&path, 2);
    printf("clock {sec=%lld, nsec=%lld}\n", (long long)now.tv_sec, (long long)now.tv_nsec);
    printf("day {sec=%lld, usec=%lld}\n", (long long)today.tv_sec, (long long)today.tv_usec);
    printf("stat {ino=%llu, mode=0%o, nlink=%u, uid=%u, gid=%u, size=%lld}\n", (unsigned long long)stat.st_ino,
           stat.st_mode, (unsigned)stat.st_nlink, stat.st_uid, stat.st_gid, (long long)stat.st_size);
    printf("parts [{%p, 7}, {%p, 6}]\n", hello, world);
    printf("the end\n");
    fflush(stdout);
    for (;;)
        pause.tv_sec = 1000, nanosleep(&pause, NULL);
}
