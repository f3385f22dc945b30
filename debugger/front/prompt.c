/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prompt: lines of a terminal, which readline reads (prompt_readline.c), or of a pipe. */
#include "debugger/front/prompt.h"
#include <stdlib.h>
#include <unistd.h>
#include "debugger/command/command.h"
#include "debugger/front/channel.h"
#include "machine/contract/annex.h"
#include "machine/inputs.h"

bool prompt_do(struct session *session, const char *line)
{
    struct error error = {""};
    if (command_line(session, line, &error)) {
        fflush(session->out);
        return true;
    }
    fflush(session->out);
    fprintf(stderr, "%s\n", error.text);
    return false;
}

static bool run_piped(struct session *session)
{
    char *line = NULL;
    size_t capacity = 0;
    bool good = true;
    while (!session->quit && getline(&line, &capacity, stdin) > 0)
        good &= prompt_do(session, line);
    free(line);
    session->quit = true;
    return good;
}

void prompt_wait(struct session *session)
{
    session->go_on = false;
    while (!session->quit && !session->go_on && !(session->ended && channels_left())) {
        if (session->machine->left)
            session->quit = true;
        else
            inputs_poll(session->machine->inputs, UINT64_MAX);
    }
}

bool prompt_run(struct session *session)
{
    struct error error = {""};
    const struct prompt_annex *readline = isatty(STDIN_FILENO) ? annex_open("prompt", &error) : NULL;
    if (!readline) {
        if (*error.text)
            fprintf(stderr, "%s\n", error.text);
        return run_piped(session);
    }
    readline->run(session);
    return true;
}
