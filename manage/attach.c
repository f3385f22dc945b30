/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's side of a machine's sockets. */
#include "manage/attach.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#define DETACH_KEY 0x1d /* Ctrl-] */
#define ANSWER_MS  10000

#define BACKLOG_BYTES 65536
#define BACKLOG_LINES 24
#define BACKLOG_MS    100 /* the machine has what it holds back ready */

/* Sockets are named within their folder, as a whole path may be too long for one. -1: nobody is there. */
static int connect_to(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strlen(path) < sizeof address.sun_path) {
        strcpy(address.sun_path, path);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
    } else {
        errno = ENAMETOOLONG;
    }
    error_set(error, "the machine cannot be reached at %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return true;
}

/* Shows the end of what was printed before somebody looked; armature logs has all of it. */
static bool show_backlog(int fd)
{
    static char bytes[BACKLOG_BYTES];
    struct pollfd in = {fd, POLLIN, 0};
    size_t kept = 0;
    while (kept < sizeof bytes && poll(&in, 1, BACKLOG_MS) == 1) { /* a machine holds back no more than that */
        ssize_t length = read(fd, bytes + kept, sizeof bytes - kept);
        if (length <= 0)
            return false;
        kept += (size_t)length;
    }
    size_t from = kept;
    for (unsigned lines = 0; from && lines < BACKLOG_LINES; lines += from && bytes[from - 1] == '\n')
        from--;
    return write_all(STDOUT_FILENO, bytes + from, kept - from);
}

/* Hands bytes on both ways. */
static void talk(int fd)
{
    struct pollfd fds[2] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    char bytes[4096];
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (fds[0].revents) {
            ssize_t length = read(fd, bytes, sizeof bytes);
            if (length <= 0 || !write_all(STDOUT_FILENO, bytes, (size_t)length))
                return;
        }
        if (fds[1].revents) {
            ssize_t length = read(STDIN_FILENO, bytes, sizeof bytes);
            const char *key = length > 0 ? memchr(bytes, DETACH_KEY, (size_t)length) : NULL;
            size_t sent = key ? (size_t)(key - bytes) : length > 0 ? (size_t)length : 0;
            if (length <= 0 || !write_all(fd, bytes, sent) || key)
                return;
        }
    }
}

bool attach_console(const char *path, struct error *error)
{
    struct termios before, raw;
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
    int fd = connect_to(path, error);
    if (fd < 0)
        return false;
    if (terminal) {
        fprintf(stderr, "armature: attached; Ctrl-] detaches, and the machine runs on\n");
        raw = before;
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    if (show_backlog(fd))
        talk(fd);
    close(fd);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
        fprintf(stderr, "\narmature: detached\n");
    }
    return true;
}

bool attach_command(const char *path, const char *line, char *answer, size_t capacity, struct error *error)
{
    size_t length = 0;
    int fd = connect_to(path, error);
    if (fd < 0)
        return false;
    bool sent = write_all(fd, line, strlen(line)) && write_all(fd, "\n", 1);
    struct pollfd in = {fd, POLLIN, 0};
    while (sent && length < capacity - 1 && !memchr(answer, '\n', length) && poll(&in, 1, ANSWER_MS) > 0) {
        ssize_t got = read(fd, answer + length, capacity - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    close(fd);
    answer[length] = 0;
    return strstr(answer, "\"ok\":true") ||
           error_set(error, "the machine does not do '%s': %s", line, length ? answer : "no answer");
}
