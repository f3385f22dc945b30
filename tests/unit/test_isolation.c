/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Isolation, tried from within: each attempt runs in a child that gave up what a running machine gives up. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "machine/isolation.h"
#include "tests/unit/unit.h"

static char folder[] = "/tmp/armature-isolation-XXXXXX";
static char named[64], beside[64], saved[64], elsewhere[64];

/* Each returns 0 where it succeeded, else errno. */
static int result_of(long result)
{
    return result < 0 ? errno : 0;
}

static int try_program(void)
{
    return result_of(execl("/bin/true", "true", (char *)NULL));
}

static int try_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return result_of(child);
}

static int try_trace(void)
{
    return result_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int try_signal(void)
{
    return result_of(kill(getppid(), 0));
}

static int try_internet(void)
{
    return result_of(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_packets(void)
{
    return result_of(socket(AF_PACKET, SOCK_RAW, 0));
}

static int try_typing(void)
{
    return result_of(ioctl(0, TIOCSTI, "x"));
}

static int try_mount(void)
{
    return result_of(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
}

static int try_namespace(void)
{
    return result_of(syscall(SYS_unshare, 0x10000000));
}

static int try_later_calls(void)
{
    return result_of(syscall(SYS_io_uring_setup, 1, NULL));
}

static int try_named(void)
{
    return result_of(open(named, O_RDONLY));
}

static int try_named_for_writing(void)
{
    return result_of(open(named, O_RDWR));
}

static int try_passwords(void)
{
    return result_of(open("/etc/passwd", O_RDONLY));
}

static int try_beside(void)
{
    return result_of(open(beside, O_RDONLY));
}

static int try_elsewhere(void)
{
    return result_of(open(elsewhere, O_WRONLY | O_CREAT, 0600));
}

static int try_saving(void)
{
    char temporary[80];
    int fd = open(saved, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    snprintf(temporary, sizeof temporary, "%s.new", saved);
    return fd < 0 ? errno : result_of(rename(saved, temporary));
}

/* What a machine goes on doing. */
static int try_own_life(void)
{
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ends[2], pair[2];
    if (code == MAP_FAILED || mprotect(code, 4096, PROT_READ | PROT_EXEC) < 0 || pipe(ends) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || write(ends[1], "x", 1) != 1 ||
        memfd_create("m", MFD_CLOEXEC) < 0)
        return errno;
    return 0;
}

static const struct attempt {
    const char *name;
    int (*try)(void);
    bool walled; /* Landlock's to say */
    int filtered, debugged; /* what comes of it: isolated; and where commands may name any file */
} attempts[] = {
    {"a program", try_program, false, EPERM, EPERM},
    {"a process", try_process, false, EPERM, EPERM},
    {"another's memory", try_trace, false, EPERM, EPERM},
    {"another's signals", try_signal, false, EPERM, EPERM},
    {"the Internet", try_internet, false, EACCES, 0},
    {"raw packets", try_packets, false, EACCES, EACCES},
    {"typing at the terminal", try_typing, false, EPERM, EPERM},
    {"a mount", try_mount, false, EPERM, EPERM},
    {"a name space", try_namespace, false, EPERM, EPERM},
    {"what kernels learn later", try_later_calls, false, EPERM, EPERM},
    {"its own life", try_own_life, false, 0, 0},
    {"a named file", try_named, false, 0, 0},
    {"writing to a kernel", try_named_for_writing, true, EACCES, 0},
    {"passwords", try_passwords, true, EACCES, 0},
    {"a file beside a named one", try_beside, true, EACCES, 0},
    {"a file elsewhere", try_elsewhere, true, EACCES, 0},
    {"a snapshot", try_saving, false, 0, 0},
};

static void *in_thread(void *attempt)
{
    return (void *)(intptr_t)((const struct attempt *)attempt)->try();
}

/* Runs an attempt in a child, in its own thread or in one that it makes; returns what came of it. */
static int run_attempt(const struct attempt *attempt, bool commands, bool threaded)
{
    struct run_options options;
    struct error error = {""};
    char *words[] = {"--kernel", named, "--save-at", "5", saved, "--serial", "null"};
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pthread_t thread;
        void *result;
        run_options_default(&options);
        if (!run_options_parse(&options, 7, words, &error) || !isolation_enter(&options, commands, &error)) {
            fprintf(stderr, "%s\n", error.text);
            _exit(255);
        }
        if (!threaded)
            _exit(attempt->try());
        if (pthread_create(&thread, NULL, in_thread, (void *)attempt) != 0 || pthread_join(thread, &result) != 0)
            _exit(254);
        _exit((int)(intptr_t)result);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool has_landlock(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 3;
}

static void test_attempts(void **state)
{
    for (unsigned i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        for (unsigned way = 0; way < 4; way++) {
            const struct attempt *attempt = &attempts[i];
            int expected = way & 1 || (attempt->walled && !has_landlock()) ? attempt->debugged : attempt->filtered;
            int got = run_attempt(attempt, way & 1, way & 2);
            if (got != expected)
                fail_msg("%s: %s, expected %s", attempt->name, strerror(got), strerror(expected));
            unlink(elsewhere);
        }
}

/* Without isolation the same attempts get somewhere, so that they are attempts at all. */
static void test_without(void **state)
{
    pid_t child = fork();
    int status;
    if (child == 0)
        _exit(try_process() | try_internet() | try_passwords() | try_beside() | try_elsewhere() | try_program());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    unlink(elsewhere);
}

/* New privileges are given up in any case. */
static void test_privileges(void **state)
{
    pid_t child = fork();
    int status;
    if (child == 0) {
        struct run_options options;
        struct error error;
        run_options_default(&options);
        options.no_isolation = true;
        bool good = isolation_enter(&options, false, &error) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
        _exit(good && try_process() == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void make(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attempts),
        cmocka_unit_test(test_without),
        cmocka_unit_test(test_privileges),
    };
    char name[64];
    if (!mkdtemp(folder))
        return 1;
    snprintf(name, sizeof name, "%s/in", folder);
    mkdir(name, 0700);
    snprintf(name, sizeof name, "%s/saves", folder);
    mkdir(name, 0700);
    snprintf(named, sizeof named, "%s/in/Image", folder);
    snprintf(beside, sizeof beside, "%s/in/other", folder);
    snprintf(saved, sizeof saved, "%s/saves/a.snap", folder);
    snprintf(elsewhere, sizeof elsewhere, "%s/in/new", folder);
    make(named);
    make(beside);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) ? 1 : failed;
}
