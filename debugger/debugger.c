/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The debugger's beginning and end: what the options ask for, whom standard input belongs to, Ctrl-C. */
#include "debugger/debugger.h"
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "debugger/front/channel.h"
#include "debugger/command/command.h"
#include "debugger/session/history.h"
#include "debugger/front/prompt.h"
#include "debugger/session/recording.h"
#include "debugger/view/expression.h"
#include "debugger/view/kernel.h"
#include "debugger/view/source.h"
#include "machine/inputs.h"
#include "machine/serial.h"

static struct session *the_session; /* for the signal's handler */
static bool has_prompt, entered_by_key, script_failed, started;

bool debugger_failed(const struct session *session)
{
    return session && script_failed;
}

static void on_interrupt(int signal_number)
{
    the_session->asked_to_stop = true;
    run_loop_halt(&the_session->machine->loop);
}

static void catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

static void own_terminal(struct session *session, bool guest)
{
    struct machine_line *lines[] = {&session->machine->uart, &session->machine->console};
    for (unsigned i = 0; i < 2; i++) {
        if (guest)
            serial_resume(lines[i]->serial);
        else
            serial_suspend(lines[i]->serial);
        serial_flush(lines[i]->serial);
    }
}

/* Ctrl-A D, or Ctrl-C. */
static void on_key(void *context)
{
    struct session *session = context;
    entered_by_key = true;
    session_stop(session);
}

static void enter_prompt(struct session *session)
{
    catch_interrupt();
    if (!prompt_run(session))
        script_failed = true;
}

static bool run_scripts_of_options(struct session *session)
{
    const struct run_options *options = session->machine->options;
    struct error error = {""};
    if (!options->script || command_script(session, options->script, &error))
        return true;
    fflush(session->out);
    fprintf(stderr, "armature: %s\n", error.text);
    script_failed = true;
    if (options->failure_snapshot && !session->hooks->save(session->machine, options->failure_snapshot, &error))
        fprintf(stderr, "armature: %s\n", error.text);
    return false;
}

static void keep_history(struct session *session)
{
    const struct run_options *options = session->machine->options;
    if (!session->history && options->history_bytes)
        session->history = history_create(session, options->history_bytes);
}

/* A run with sockets, or one that Ctrl-A D came from: the guest runs, and stands still when somebody wants it to. */
static void run_watched(struct session *session)
{
    while (!session->quit && !session->ended) {
        if (entered_by_key) {
            entered_by_key = false;
            own_terminal(session, false);
            keep_history(session); /* from here on */
            printf("\nStopped; 'continue' goes on.\n");
            source_tell_stop(session);
            enter_prompt(session);
            return;
        }
        session_resume(session, 0);
        if (!entered_by_key && !session->ended)
            prompt_wait(session);
    }
}

static bool stand(struct session *session)
{
    const struct run_options *options = session->machine->options;
    bool first = !started && session->machine->debugger.at_start;
    started = true;
    if (!first && !session->machine->loop.halted)
        return false; /* the end of a run that nobody stopped */
    session->stop = (struct stop){.reason = first ? STOP_START : STOP_ASKED, .cpu = session->cpu};
    screen_state(&session->machine->screen, "stopped");
    if (first && !run_scripts_of_options(session))
        return false;
    if (!has_prompt) {
        run_watched(session);
        return false;
    }
    own_terminal(session, false);
    catch_interrupt();
    bool scripted = options->script && !isatty(STDIN_FILENO);
    if (!scripted)
        enter_prompt(session);
    else if (options->control || options->gdb)
        prompt_wait(session);
    return false;
}

static bool halted(void *context)
{
    struct session *session = context;
    struct error error;
    bool goes_on = stand(session);
    /* What is recorded ends where it had come, wherever the user looked at last. */
    if (!goes_on && session->machine->options->tape && !history_return(session, &error)) {
        fprintf(stderr, "armature: %s\n", error.text);
        script_failed = true;
    }
    return goes_on;
}

static const struct session_above above = {
    .begins = kernel_attach,
    .ends = kernel_detach,
    .condition = expression_number,
    .stood = kernel_stood,
    .serve = channels_serve,
    .terminal = own_terminal,
};

struct session *debugger_session(struct machine *machine)
{
    return session_create(machine, &above);
}

struct session *debugger_create(struct machine *machine, const struct session_hooks *hooks, bool prompt,
                                struct error *error)
{
    const struct run_options *options = machine->options;
    struct session *session = debugger_session(machine);
    session->hooks = hooks;
    session->colour = isatty(STDOUT_FILENO);
    the_session = session;
    has_prompt = prompt;
    machine->debugger.halted = halted;
    machine->debugger.context = session;
    machine->debugger.at_start = prompt || options->script || options->control || options->gdb;
    machine->debugger.key = on_key;
    machine->debugger.prompt = prompt;
    if (machine->debugger.at_start)
        keep_history(session);
    if ((options->control && !channel_open(session, "--control", options->control, &control_channel, error)) ||
        (options->gdb && !channel_open(session, "--gdb", options->gdb, &gdb_channel, error))) {
        debugger_free(session);
        return NULL;
    }
    if (options->symbols && !command_symbols(session, options->symbols, error)) {
        debugger_free(session);
        return NULL;
    }
    return session;
}

void debugger_free(struct session *session)
{
    if (!session)
        return;
    session->quit = true;
    struct error error;
    if (recording_under_way() && !recording_end(session, &error)) {
        fprintf(stderr, "armature: %s\n", error.text);
        script_failed = true;
    }
    channels_close(session);
    session_free(session);
}
