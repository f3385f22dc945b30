/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes beside the machine's, for what the host may take away at any time: a window, its sound. Each is at the
 * other end of a socket that keeps messages apart, and ends with the program. */
#ifndef ARMATURE_HOST_PROCESS_H
#define ARMATURE_HOST_PROCESS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include "machine/contract/error.h"

struct host_process {
    pid_t process; /* 0: it has ended */
    int socket;    /* -1: there is none */
};

/** What a new process says first: whether it has what it is for, and why not. */
struct host_process_first {
    bool good;
    char why[200];
};

/** Makes a process that does run(socket, context), which never returns, and waits until that has said the first thing.
 * To be called before the program has threads, locks or terminals, none of which the process is to inherit. False:
 * `error` says why there is no such process; it is called `what` there ("window"). */
bool host_process_start(struct host_process *process, const char *what,
                        void (*run)(int socket, const void *context), const void *context, struct error *error);

/** Ends it, if need be by force where it has closed its end, and closes the socket. */
void host_process_end(struct host_process *process, bool by_force);

/** The first thing that a process says. NULL: all is well. */
static inline void host_process_say(int socket, const char *why)
{
    struct host_process_first first = {.good = !why};
    snprintf(first.why, sizeof first.why, "%s", why ? why : "");
    send(socket, &first, sizeof first, MSG_NOSIGNAL);
}

#endif
