/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands about the machine as a whole. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/view/expression.h"
#include "debugger/command/watch_output.h"
#include "debugger/view/source.h"
#include "machine/actions.h"
#include "machine/contract/clipboard.h"

/* It moves while it runs: nothing more happens here until the user lets it. */
static bool run_migrate(struct session *session, const char *arguments, struct error *error)
{
    const struct machine_moving *moving = &session->machine->moving;
    if (!*arguments)
        return error_set(error, "migrate expects a place, such as tcp:127.0.0.1:4444");
    if (session->ended)
        return error_set(error, "the machine has ended");
    if (!moving->start)
        return error_set(error, "this machine stays where it is");
    return moving->start(moving->migration, arguments, error);
}

static bool run_hash(struct session *session, const char *arguments, struct error *error)
{
    if (!words_end(arguments, error))
        return false;
    say(session, "state at instruction %" PRIu64 ": %016" PRIx64 "\n", run_loop_insns(&session->machine->loop),
        machine_hash(session->machine));
    return true;
}

/* The line that `send` and `expect` mean: the console where the guest has one, else the UART. */
static struct machine_line *guest_line(struct session *session)
{
    struct machine *machine = session->machine;
    return machine->options->serial.kind == SERIAL_NONE && machine->options->console.kind != SERIAL_NONE
               ? &machine->console
               : &machine->uart;
}

static bool run_send(struct session *session, const char *arguments, struct error *error)
{
    char text[4096];
    struct machine *machine = session->machine;
    const char *rest = arguments;
    bool quoted = *arguments == '"';
    if (!*arguments)
        return error_set(error,
                         "send expects a text; in double quotes \\n and \\t may stand in it, else a new line is added");
    if (quoted) {
        words_cut(&rest, text, sizeof text);
        if (!words_end(rest, error))
            return false;
    } else {
        snprintf(text, sizeof text, "%s\n", arguments);
    }
    return input_post(machine->inputs, guest_line(session)->source, text, strlen(text)) ||
           error_set(error, "the guest does not take what was sent before");
}

static bool run_key(struct session *session, const char *arguments, struct error *error)
{
    struct machine *machine = session->machine;
    unsigned char byte;
    if (!strcmp(arguments, "power")) {
        input_post(machine->inputs, machine->power_source, NULL, 0);
    } else if (!strcmp(arguments, "break")) {
        input_post(machine->inputs, machine->break_source, NULL, 0);
    } else if (!strncmp(arguments, "ctrl-", 5) && arguments[5] && !arguments[6]) {
        byte = (unsigned char)arguments[5] & 0x1f;
        input_post(machine->inputs, guest_line(session)->source, &byte, 1);
    } else {
        return command_act(session, "key", arguments, error);
    }
    return true;
}

static bool run_link(struct session *session, const char *arguments, struct error *error)
{
    return command_act(session, "link", arguments, error);
}

static bool run_clipboard(struct session *session, const char *arguments, struct error *error)
{
    const struct clipboard *clipboard = session->machine->clipboard;
    if (*arguments || !clipboard)
        return command_act(session, "clipboard", *arguments ? arguments : "?", error);
    say(session, "%.*s\n", (int)clipboard->guest_bytes, (const char *)clipboard->guest_text);
    return true;
}

static bool run_expect(struct session *session, const char *arguments, struct error *error)
{
    char text[1024], word[32];
    uint64_t seconds = 60;
    if (!words_cut(&arguments, text, sizeof text) || !*text)
        return error_set(
            error, "expect expects a text, in double quotes where it has blanks, and maybe seconds of guest time");
    if (words_cut(&arguments, word, sizeof word) &&
        (!words_number(word, &seconds) || !seconds || seconds > 1000000))
        return error_set(error, "'%s' is no number of seconds", word);
    if (!words_end(arguments, error))
        return false;
    if (session->ended)
        return error_set(error, "the machine has ended");
    return watch_output_for(session, text, seconds * NS_PER_S, error);
}

/* Runs until a number of instructions of all CPUs. */
static void run_to_insns(struct session *session, uint64_t insns)
{
    session->machine->loop.halt_at_insns = insns;
    session_resume(session, 0);
    session->machine->loop.halt_at_insns = UINT64_MAX;
}

static bool run_advance(struct session *session, const char *arguments, struct error *error)
{
    uint64_t count;
    if (!*arguments || !expression_number(session, arguments, &count, error) || !count)
        return *arguments ? false : error_set(error, "skip expects a number of instructions");
    if (session->ended)
        return error_set(error, "the machine has ended");
    run_to_insns(session, run_loop_insns(&session->machine->loop) + count);
    source_tell_stop(session);
    return true;
}

const struct command commands_control[] = {
    {"migrate", "PLACE", COMPLETES_NOTHING, run_migrate,
     "Move the machine to the armature that waits with --incoming there, as it runs on from here."},
    {"hash", "", COMPLETES_NOTHING, run_hash, "A sum over the whole state: equal machines have equal ones."},
    {"send", "TEXT", COMPLETES_NOTHING, run_send,
     "Type a line at the guest's console; \"TEXT\" with \\n and \\t as they stand."},
    {"key", "power|break|ctrl-LETTER|NAME[-NAME...]", COMPLETES_NOTHING, run_key,
     "Press a key: power, a break on the line, a control key there, or keys of a keyboard."},
    {"link", "NAME up|down", COMPLETES_NOTHING, run_link,
     "Put in or pull out the cable of a network card, such as net0, as the guest runs on."},
    {"clipboard", "[TEXT]", COMPLETES_NOTHING, run_clipboard,
     "Show what the guest has copied, or put a text on the clipboard that it shares."},
    {"expect", "TEXT [SECONDS]", COMPLETES_NOTHING, run_expect,
     "Run until the guest prints a text (60 seconds of its time at most).", NULL, true},
    {"skip", "N", COMPLETES_EXPRESSION, run_advance, "Run N instructions, of all CPUs together.", NULL, true},
    {0},
};
