/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signals: handlers, masks, waiting, interrupted calls. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "say.h"

static volatile int count, last, code, value, nested, depth;
static volatile sigset_t in_handler;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    sigset_t mask;
    count++;
    last = signal;
    code = info->si_code;
    value = info->si_value.sival_int;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    in_handler = mask;
    if (nested && depth < 1) {
        depth++;
        raise(SIGUSR2);
        printf("in handler: blocked %d\n", sigismember((sigset_t *)&in_handler, SIGUSR2));
    }
}

static void handle(int signal, int flags, int also)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags};
    if (also)
        sigaddset(&action.sa_mask, also);
    sigaction(signal, &action, NULL);
}

static void say(const char *what)
{
    printf("%s: count %d last %d code %d\n", what, count, last, code);
    count = last = code = 0;
}

static void alarm_in(int ms)
{
    struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void *wait_here(void *unused)
{
    struct timespec long_time = {5, 0};
    int result = nanosleep(&long_time, NULL);
    printf("thread: %d %s\n", result, strerrorname_np(errno));
    return NULL;
}

int main(void)
{
    sigset_t set, old;
    handle(SIGUSR1, 0, 0);
    handle(SIGUSR2, 0, 0);
    raise(SIGUSR1);
    say("raise");
    kill(getpid(), SIGUSR1);
    say("kill");
    union sigval with = {.sival_int = 77};
    sigqueue(getpid(), SIGUSR1, with);
    printf("value %d\n", value);
    say("sigqueue");

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    SAY(sigprocmask(SIG_BLOCK, &set, &old));
    raise(SIGUSR1);
    raise(SIGUSR1);
    say("blocked");
    sigset_t pending;
    SAY(sigpending(&pending));
    printf("pending %d %d\n", sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2));
    SAY(sigprocmask(SIG_SETMASK, &old, NULL));
    say("unblocked");
    for (int i = 0; i < 3; i++) { /* real-time signals queue */
        sigset_t rt;
        sigemptyset(&rt);
        sigaddset(&rt, SIGRTMIN + 1);
        if (i == 0)
            sigprocmask(SIG_BLOCK, &rt, NULL), handle(SIGRTMIN + 1, 0, 0);
        with.sival_int = i;
        sigqueue(getpid(), SIGRTMIN + 1, with);
        if (i == 2)
            sigprocmask(SIG_UNBLOCK, &rt, NULL);
    }
    printf("queued %d\n", count);
    count = 0;
    nested = 1;
    handle(SIGUSR1, 0, SIGUSR2);
    raise(SIGUSR1);
    nested = 0;
    say("nested, second blocked");
    depth = 0;
    handle(SIGUSR1, SA_RESETHAND, 0);
    raise(SIGUSR1);
    struct sigaction now;
    sigaction(SIGUSR1, NULL, &now);
    printf("reset %d\n", now.sa_handler == SIG_DFL);
    count = 0;

    int fds[2];
    char byte;
    SAY(pipe(fds));
    handle(SIGALRM, 0, 0);
    alarm_in(30);
    SAY(read(fds[0], &byte, 1));
    say("read");
    handle(SIGALRM, SA_RESTART, 0);
    pid_t writer = fork();
    if (!writer) {
        usleep(150000);
        _exit(write(fds[1], "x", 1) != 1);
    }
    alarm_in(30);
    SAY(read(fds[0], &byte, 1));
    say("read, restarted");
    waitpid(writer, NULL, 0);
    alarm_in(30);
    SAY(poll(NULL, 0, 3000));
    say("poll");
    alarm_in(30);
    SAY(pause());
    say("pause");
    alarm_in(30);
    SAY(select(0, NULL, NULL, NULL, &(struct timeval){3, 0}));
    say("select");
    struct timespec rest = {0};
    alarm_in(30);
    SAY(nanosleep(&(struct timespec){3, 0}, &rest));
    printf("rest %d\n", rest.tv_sec == 2);
    say("nanosleep");
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    alarm_in(30);
    sigset_t empty;
    sigemptyset(&empty);
    SAY(sigsuspend(&empty));
    sigprocmask(SIG_BLOCK, NULL, &old);
    printf("blocked again %d\n", sigismember(&old, SIGALRM));
    say("sigsuspend");
    alarm_in(30);
    SAY(ppoll(NULL, 0, NULL, &empty));
    say("ppoll");
    alarm_in(30);
    SAY(pselect(0, NULL, NULL, NULL, NULL, &empty));
    say("pselect");
    alarm_in(30);
    siginfo_t info;
    SAY(sigwaitinfo(&set, &info));
    printf("%d %d\n", info.si_signo, info.si_code);
    SAY(sigtimedwait(&set, &info, &(struct timespec){0, 1000000}));
    int sfd = signalfd(-1, &set, 0);
    raise(SIGALRM);
    struct signalfd_siginfo got;
    SAY(read(sfd, &got, sizeof got));
    printf("signalfd %d\n", got.ssi_signo);
    sigprocmask(SIG_UNBLOCK, &set, NULL);

    pthread_t thread;
    handle(SIGUSR2, 0, 0);
    pthread_create(&thread, NULL, wait_here, NULL);
    usleep(100000);
    pthread_kill(thread, SIGUSR2);
    pthread_join(thread, NULL);
    say("to a thread");

    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    say("ignored");
    SAY(kill(getpid(), 0));
    SAY(kill(getpid(), 65));
    SAY(sigaction(SIGKILL, &now, NULL));
    SAY(sigaction(65, NULL, &now));

    timer_t id;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    SAY(timer_create(CLOCK_MONOTONIC, &event, &id));
    SAY(timer_settime(id, 0, &(struct itimerspec){.it_value = {0, 20000000}}, NULL));
    while (!count)
        usleep(1000);
    say("timer");
    SAY(timer_delete(id));
    /* A flood: none is lost between looking and calling. */
    handle(SIGALRM, SA_RESTART, 0);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 1000}, {0, 1000}}, NULL);
    long sum = 0;
    while (count < 50)
        for (int i = 0; i < 1000; i++)
            sum += i * (long)getppid() > 0;
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    printf("flood %d\n", count >= 50 && sum > 0);
    return 0;
}
