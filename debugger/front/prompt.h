/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prompt on standard input: GNU readline at a terminal, plain lines elsewhere. */
#ifndef ARMATURE_DEBUGGER_PROMPT_H
#define ARMATURE_DEBUGGER_PROMPT_H

#include "debugger/session/session.h"

/** Reads and does commands until one says that the session is over, or standard input ends. While it waits, sockets are
 *  served. Returns false where a command of a piped input failed. */
bool prompt_run(struct session *session);

/** Does a line and tells of its error as the prompt does. */
bool prompt_do(struct session *session, const char *line);

/** Serves sockets until the session is over or session->go_on is set; or the machine has ended, and who was connected
 * has left; or the user
 * ended the machine. */
void prompt_wait(struct session *session);

/** What the annex "prompt" has: reads and does the commands of a terminal. */
struct prompt_annex {
    void (*run)(struct session *session);
};
extern const struct prompt_annex annex;

#endif
