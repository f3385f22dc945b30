/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's end of a serial line: nothing is lost to slow readers, clients come and go, files cannot be had,
 * and a terminal is put right. */
#include "tests/unit/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "machine/inputs.h"
#include "machine/serial.h"

static char directory[] = "/tmp/serial-test-XXXXXX";
static char path[128], other_path[128];
static unsigned char got[1 << 20];
static size_t got_length;

static void take(void *device, const void *bytes, size_t length)
{
    assert_true(got_length + length <= sizeof got);
    memcpy(got + got_length, bytes, length);
    got_length += length;
}

static const struct input_source source = {.name = "test.rx", .deliver = take, .divisible = true};

/* A line of bytes that tells where it stands. */
static void pattern(unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = (unsigned char)(i % 61 == 60 ? '\n' : 'A' + i / 61 % 26);
}

static void pump(struct inputs *inputs, int times)
{
    while (times--) {
        inputs_poll(inputs, 1000000);
        inputs_deliver(inputs, (struct input_stamp){0});
    }
}

static struct serial *open_serial(enum serial_kind kind, const char *at, struct inputs **inputs)
{
    struct error error = {""};
    const struct serial_option option = {kind, at};
    struct serial *serial = serial_open("serial", &option, &error);
    if (!serial)
        fail_msg("%s", error.text);
    *inputs = inputs_create(&error);
    assert_non_null(*inputs);
    got_length = 0;
    assert_true(serial_attach(serial, *inputs, input_register(*inputs, &source), false, NULL, &error));
    return serial;
}

static void test_file(void **state)
{
    enum { LENGTH = 300000 };
    static unsigned char sent[LENGTH], read_back[LENGTH + 1];
    struct inputs *inputs;
    struct serial *serial = open_serial(SERIAL_FILE, path, &inputs);
    pattern(sent, LENGTH);
    for (size_t i = 0; i < LENGTH; i += 7)
        serial_transmit(serial, sent + i, LENGTH - i < 7 ? LENGTH - i : 7);
    serial_close(serial);
    inputs_free(inputs);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, read_back, sizeof read_back), LENGTH);
    assert_memory_equal(read_back, sent, LENGTH);
    close(fd);
}

static void refuse(enum serial_kind kind, const char *at, const char *word)
{
    struct error error = {""};
    const struct serial_option option = {kind, at};
    assert_null(serial_open("serial", &option, &error));
    if (!strstr(error.text, at) || !strstr(error.text, word) || strchr(error.text, '\n'))
        fail_msg("the message is: %s", error.text);
}

static void test_refused(void **state)
{
    char long_name[300];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = 0;
    snprintf(other_path, sizeof other_path, "%s/no/such", directory);
    refuse(SERIAL_FILE, other_path, "No such file");
    refuse(SERIAL_FILE, directory, "directory");
    refuse(SERIAL_UNIX, other_path, "No such file");
    refuse(SERIAL_UNIX, long_name, "too long");

    /* A file that is there and no socket stays as it is. */
    snprintf(other_path, sizeof other_path, "%s/file", directory);
    close(open(other_path, O_CREAT | O_WRONLY, 0600));
    refuse(SERIAL_UNIX, other_path, other_path);
    struct stat information;
    assert_int_equal(stat(other_path, &information), 0);
    assert_true(S_ISREG(information.st_mode));
}

/* A child sends `length` bytes on standard output into a pipe, which is read slowly. */
static void test_slow_pipe(void **state)
{
    enum { LENGTH = 500000 };
    static unsigned char sent[LENGTH], received[LENGTH];
    int fds[2];
    pattern(sent, LENGTH);
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(fds[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
        close(fds[0]);
        close(fds[1]);
        struct inputs *inputs;
        struct serial *serial = open_serial(SERIAL_STDIO, NULL, &inputs);
        for (size_t i = 0; i < LENGTH; i += 1000)
            serial_transmit(serial, sent + i, 1000);
        serial_close(serial);
        _exit(0);
    }
    close(fds[1]);
    size_t total = 0;
    ssize_t length;
    while ((length = read(fds[0], received + total, total < 20000 ? 100 : LENGTH - total)) > 0) {
        total += (size_t)length;
        if (total < 20000)
            usleep(500);
    }
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(total, LENGTH);
    assert_memory_equal(received, sent, LENGTH);
}

static int connect_to(const char *at)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, at);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void test_unix(void **state)
{
    struct inputs *inputs;
    char bytes[64];
    snprintf(other_path, sizeof other_path, "%s/socket", directory);
    struct serial *serial = open_serial(SERIAL_UNIX, other_path, &inputs);
    serial_transmit(serial, "early\n", 6); /* kept for the first client */
    for (int client = 0; client < 3; client++) {
        int fd = connect_to(other_path);
        assert_int_equal(write(fd, "typed", 5), 5);
        pump(inputs, 5);
        if (client)
            serial_transmit(serial, "early\n", 6);
        pump(inputs, 3);
        assert_int_equal(read(fd, bytes, sizeof bytes), 6);
        assert_memory_equal(bytes, "early\n", 6);
        assert_int_equal(got_length, 5 * (client + 1));
        close(fd);
        pump(inputs, 3);
    }
    refuse(SERIAL_UNIX, other_path, "in use");
    serial_close(serial);
    inputs_free(inputs);
    assert_int_equal(access(other_path, F_OK), -1);

    /* A socket whose program was killed is in nobody's way. */
    int left = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, other_path);
    assert_int_equal(bind(left, (struct sockaddr *)&address, sizeof address), 0);
    close(left);
    serial = open_serial(SERIAL_UNIX, other_path, &inputs);
    serial_close(serial);
    inputs_free(inputs);
}

static void note_quit(void *context)
{
    *(bool *)context = true;
}

static void test_keys(void **state)
{
    bool quit = false;
    struct terminal_keys filter = {.actions = {.quit = note_quit, .context = &quit}};
    unsigned char bytes[] = "a\001\001b\001";
    assert_int_equal(terminal_keys_filter(&filter, bytes, 5), 3);
    assert_memory_equal(bytes, "a\001b", 3);
    assert_false(quit);
    unsigned char rest[] = "xc";
    assert_int_equal(terminal_keys_filter(&filter, rest, 2), 1);
    assert_int_equal(rest[0], 'c');
    assert_true(quit);
}

static bool is_raw_now(int fd)
{
    struct termios now;
    return tcgetattr(fd, &now) == 0 && !(now.c_lflag & ICANON);
}

static bool becomes_raw(int fd)
{
    for (int i = 0; i < 1000 && !is_raw_now(fd); i++)
        usleep(2000);
    return is_raw_now(fd);
}

static void raw_program(int signal_number)
{
    struct error error;
    if (!terminal_raw(STDIN_FILENO, &error))
        _exit(9);
    if (signal_number == 0) {
        usleep(20000);
        exit(0);
    }
    for (;;)
        pause();
}

/* Runs as a shell does, leading a session: starts the program in the foreground of the terminal, ends it,
 * looks at the terminal. Returns 0, or the number of what went wrong. */
static int shell(int terminal_fd, int signal_number)
{
    int status;
    signal(SIGTTOU, SIG_IGN);
    setsid();
    ioctl(terminal_fd, TIOCSCTTY, 0);
    dup2(terminal_fd, STDIN_FILENO);
    pid_t child = fork();
    setpgid(child, child);
    if (child == 0) {
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        raw_program(signal_number);
    }
    if (!becomes_raw(terminal_fd))
        return 1;
    if (signal_number == SIGTSTP) {
        kill(child, SIGTSTP);
        if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
            return 2;
        if (is_raw_now(terminal_fd))
            return 3;
        kill(child, SIGCONT);
        if (!becomes_raw(terminal_fd))
            return 4;
        kill(child, SIGTERM);
    } else if (signal_number) {
        kill(child, signal_number);
    }
    if (waitpid(child, &status, 0) != child)
        return 5;
    int ended_by = signal_number == SIGTSTP ? SIGTERM : signal_number;
    if (ended_by ? !WIFSIGNALED(status) || WTERMSIG(status) != ended_by : status != 0)
        return 6;
    return is_raw_now(terminal_fd) ? 7 : 0;
}

/* A program with a raw terminal that then ends by `signal_number`, or by exit() where that is 0. */
static void end_on_terminal(int signal_number)
{
    int main_fd, terminal_fd, status;
    assert_int_equal(openpty(&main_fd, &terminal_fd, NULL, NULL, NULL), 0);
    pid_t leader = fork();
    if (leader == 0)
        _exit(shell(terminal_fd, signal_number));
    assert_int_equal(waitpid(leader, &status, 0), leader);
    if (status != 0)
        fail_msg("signal %d: wrong at %d", signal_number, WEXITSTATUS(status));
    close(main_fd);
    close(terminal_fd);
}

static void test_terminal_restored(void **state)
{
    static const int signals[] = {0, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT, SIGTSTP};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
        end_on_terminal(signals[i]);
}

static int set_up(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/out", directory);
    return 0;
}

static int tear_down(void **state)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file), cmocka_unit_test(test_refused), cmocka_unit_test(test_slow_pipe),
        cmocka_unit_test(test_unix), cmocka_unit_test(test_keys),    cmocka_unit_test(test_terminal_restored),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
