/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes beside the machine's. */
#include "machine/host_process.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool begin(const struct host_process *process, const char *what, struct error *error)
{
    struct host_process_first first;
    ssize_t length;
    do
        length = recv(process->socket, &first, sizeof first, 0);
    while (length < 0 && errno == EINTR);
    if (length == (ssize_t)sizeof first && first.good)
        return true;
    first.why[sizeof first.why - 1] = 0;
    return error_set(error, "there is no %s: %s", what,
                     length == (ssize_t)sizeof first ? first.why : "its process ended");
}

bool host_process_start(struct host_process *process, const char *what,
                        void (*run)(int socket, const void *context), const void *context, struct error *error)
{
    int sockets[2];
    pid_t parent = getpid();
    *process = (struct host_process){.socket = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return error_set(error, "there is no %s: %s", what, strerror(errno));
    process->process = fork();
    if (process->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        close(sockets[0]);
        if (getppid() == parent)
            run(sockets[1], context);
        _exit(1);
    }
    close(sockets[1]);
    process->socket = sockets[0];
    if (process->process > 0 && begin(process, what, error))
        return true;
    if (process->process < 0) {
        error_set(error, "there is no %s: %s", what, strerror(errno));
        process->process = 0;
    }
    host_process_end(process, false);
    return false;
}

void host_process_end(struct host_process *process, bool by_force)
{
    if (process->socket >= 0)
        close(process->socket);
    process->socket = -1;
    if (process->process && by_force)
        kill(process->process, SIGKILL);
    while (process->process && waitpid(process->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    process->process = 0;
}
