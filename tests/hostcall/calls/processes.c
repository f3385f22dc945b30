/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes: fork, exec of this program and of the host's, vfork and posix_spawn, waiting, pipes, groups. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "say.h"

extern char **environ;
static volatile int handled;

static void on_usr(int signal)
{
    handled++;
}

static char *page;
static atomic_int spawning;

static void on_fault(int signal)
{
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void *faults(void *unused)
{
    while (spawning) {
        mprotect(page, 4096, PROT_NONE);
        ((volatile char *)page)[0] = 1;
    }
    return NULL;
}

/* Each child of posix_spawn() sets handlers to what they are by default, which is no other thread's matter. */
static int spawns_among_faults(void)
{
    pthread_t thread;
    int ended = 0;
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGSEGV, on_fault);
    spawning = 1;
    pthread_create(&thread, NULL, faults, NULL);
    for (int i = 0; i < 30; i++) {
        pid_t pid;
        if (!posix_spawn(&pid, "/bin/true", NULL, NULL, (char *[]){"true", NULL}, environ))
            ended += waitpid(pid, NULL, 0) == pid;
    }
    spawning = 0;
    pthread_join(thread, NULL);
    signal(SIGSEGV, SIG_DFL);
    return ended;
}

static int end_of(pid_t pid)
{
    int status = -1;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

static int run(char **arguments)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        execve(arguments[0], arguments, environ);
        _exit(errno);
    }
    return end_of(pid);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        printf("started as %s with %s, value %s\n", argv[0], argv[1], getenv("VALUE") ? getenv("VALUE") : "none");
        if (!strcmp(argv[1], "ignored"))
            printf("ignored %d, handler %d\n", signal(SIGUSR1, SIG_DFL) == SIG_IGN,
                   signal(SIGUSR2, SIG_DFL) == SIG_DFL);
        return argc + 10;
    }
    char self[4096] = "";
    SAY(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    SAY(access(self, X_OK));
    setenv("VALUE", "of the environment", 1);
    SAY(run((char *[]){self, "one", NULL}));
    SAY(run((char *[]){self, "two", "three", NULL}));
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, on_usr);
    SAY(run((char *[]){self, "ignored", NULL}));
    SAY(run((char *[]){"/bin/sh", "-c", "exit 33", NULL}));
    SAY(run((char *[]){"./missing", NULL}));
    SAY(run((char *[]){"/", NULL}));
    int script = open("script", O_WRONLY | O_CREAT, 0755);
    dprintf(script, "#! %s first argument\n", self);
    close(script);
    SAY(run((char *[]){"./script", "more", NULL}));
    int empty = open("empty", O_WRONLY | O_CREAT, 0755);
    close(empty);
    SAY(run((char *[]){"./empty", NULL}));
    SAY(execve(self, (char **)8, environ));
    SAY(execve((char *)8, argv, environ));

    int fds[2];
    SAY(pipe2(fds, O_CLOEXEC));
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        dup2(fds[1], 1);
        execl("/bin/echo", "echo", "through a pipe", NULL);
        _exit(1);
    }
    char text[64] = "";
    SAY(read(fds[0], text, sizeof text));
    fputs(text, stdout);
    SAY(end_of(pid));

    volatile int in_parent = 1;
    fflush(stdout);
    pid = vfork();
    if (!pid) {
        in_parent = 2; /* one memory */
        signal(SIGUSR2, SIG_DFL);
        _exit(4);
    }
    SAY(end_of(pid));
    printf("vfork %d\n", in_parent);
    raise(SIGUSR2);
    printf("handler of the parent's %d\n", handled);
    fflush(stdout);
    SAY(posix_spawn(&pid, "/bin/sh", NULL, NULL, (char *[]){"sh", "-c", "exit 5", NULL}, environ));
    SAY(end_of(pid));
    SAY(posix_spawn(&pid, "./missing", NULL, NULL, (char *[]){"x", NULL}, environ));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "out", O_WRONLY | O_CREAT, 0600);
    SAY(posix_spawnp(&pid, "echo", &actions, NULL, (char *[]){"echo", "to a file", NULL}, environ));
    SAY(end_of(pid));
    SAY(system("cat out; exit 6") >> 8);
    FILE *stream = popen("echo popen; exit 7", "r");
    SAY(fgets(text, sizeof text, stream) != NULL);
    fputs(text, stdout);
    SAY(pclose(stream) >> 8);

    fflush(stdout);
    int hold[2];
    SAY(pipe(hold));
    pid = fork();
    if (!pid) {
        close(hold[1]);
        raise(SIGSTOP);
        _exit(read(hold[0], text, 1) ? 9 : 8);
    }
    int status;
    SAY(waitpid(pid, &status, WUNTRACED) == pid);
    printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
    SAY(kill(pid, SIGCONT));
    SAY(waitpid(pid, &status, WCONTINUED) == pid);
    printf("continued %d\n", WIFCONTINUED(status));
    close(hold[1]);
    siginfo_t info = {0};
    SAY(waitid(P_PID, (id_t)pid, &info, WEXITED));
    printf("waitid %d %d %d\n", info.si_pid == pid, info.si_code == CLD_EXITED, info.si_status);
    SAY(waitpid(pid, NULL, 0));
    SAY(wait4(-1, NULL, WNOHANG, NULL));
    SAY(getppid() > 0);
    SAY(getpgrp() == getpgid(0));
    SAY(setpgid(0, 0));
    SAY(getpgrp() == getpid());
    SAY(getpriority(PRIO_PROCESS, 0));
    struct rlimit limit;
    SAY(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = 20;
    SAY(setrlimit(RLIMIT_NOFILE, &limit));
    SAY(open("/", O_RDONLY) < 20);
    SAY(dup2(0, 25));
    SAY(prctl(PR_SET_NAME, "a name"));
    memset(text, 0, sizeof text);
    SAY(prctl(PR_GET_NAME, text));
    puts(text);
    struct utsname name;
    SAY(uname(&name));
    puts(name.sysname);
    struct rusage usage;
    SAY(getrusage(RUSAGE_SELF, &usage));
    SAY(usage.ru_maxrss > 0);
    gid_t groups[100];
    SAY(getgroups(100, groups) >= 0);
    SAY(spawns_among_faults());
    fflush(stdout);
    return 3;
}
