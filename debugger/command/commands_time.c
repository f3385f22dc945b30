/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that go back in time. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/view/expression.h"
#include "debugger/session/history.h"
#include "debugger/view/stepping.h"
#include "debugger/session/stopping.h"
#include "debugger/view/source.h"
#include "isa/arm64/debug.h"

static bool stands(struct session *session, bool good)
{
    if (good) {
        session->frame = 0;
        source_tell_stop(session);
    }
    return good;
}

static bool run_reverse_stepi(struct session *session, const char *arguments, struct error *error)
{
    uint64_t count = 1;
    if (*arguments && !expression_number(session, arguments, &count, error))
        return false;
    return stands(session,
                  (count || error_set(error, "0 instructions are none")) && history_step_back(session, count, error));
}

static bool run_reverse_continue(struct session *session, const char *arguments, struct error *error)
{
    return words_end(arguments, error) && stands(session, history_continue_back(session, error));
}

static bool run_reverse_finish(struct session *session, const char *arguments, struct error *error)
{
    return words_end(arguments, error) && stands(session, step_back_out(session, error));
}

static bool lines_back(struct session *session, const char *arguments, bool over, struct error *error)
{
    uint64_t count = 1;
    if (*arguments && !expression_number(session, arguments, &count, error))
        return false;
    if (!count || count > 100000)
        return error_set(error, "expected a number of lines, from 1 to 100000");
    bool good = true;
    while (good && count--)
        good = step_line_back(session, over, error);
    return stands(session, good);
}

static bool run_reverse_step(struct session *session, const char *arguments, struct error *error)
{
    return lines_back(session, arguments, false, error);
}

static bool run_reverse_next(struct session *session, const char *arguments, struct error *error)
{
    return lines_back(session, arguments, true, error);
}

static bool run_goto(struct session *session, const char *arguments, struct error *error)
{
    uint64_t insns, ns;
    if (!*arguments)
        return error_set(error, "goto expects a count of instructions, or a time such as 1.5s");
    if (time_parse(arguments, &ns))
        return stands(session, history_go_time(session, ns, error));
    return expression_number(session, arguments, &insns, error) && stands(session, history_go(session, insns, error));
}

static bool run_last_write(struct session *session, const char *arguments, struct error *error)
{
    struct value value;
    bool found;
    struct point point = {.kind = POINT_WATCH, .enabled = true, .watch_kinds = WATCH_STORE, .cpu = -1, .bytes = 8};
    if (!*arguments)
        return error_set(error, "last-write expects an address or symbol");
    if (!expression_evaluate(session, arguments, &value, error))
        return false;
    if (value.in_memory) {
        point.address = value.address + value.bit_offset / 8;
        point.bytes = value.type->size ? value.type->size : 8;
    } else if (!value_number(session, &value, &point.address, error)) {
        return false;
    }
    point.what = (char *)arguments;
    struct point *added = stopping_add(session, &point, false, error);
    if (!added)
        return false;
    bool good = history_last_hit(session, added, &found, error);
    uint64_t writer = session->stop.insn_pc;
    stopping_remove(session, added);
    if (good && found) {
        say(session, "written by ");
        say_address(session, writer);
        say(session, ", instruction %" PRIu64 " of all\n", run_loop_insns(&session->machine->loop));
        session->stop.reason = STOP_STEP;
    }
    return stands(session, good);
}

/* --- bisect ---------------------------------------------------------------------------------------- */

/* A moment, as a count of all CPUs' instructions. */
static bool parse_moment(struct session *session, const char *text, uint64_t *insns, struct error *error)
{
    uint64_t ns;
    if (!time_parse(text, &ns))
        return expression_number(session, text, insns, error);
    if (!history_go_time(session, ns, error))
        return false;
    *insns = run_loop_insns(&session->machine->loop);
    return true;
}

/* Whether the command succeeds at that moment, at which the machine then stands. False: it cannot be gone to. */
static bool holds_at(struct session *session, uint64_t insns, const char *line, bool *holds, struct error *error)
{
    FILE *out = session->out, *none = fopen("/dev/null", "we");
    struct error why;
    if (!none)
        return error_set(error, "/dev/null cannot be opened");
    session->out = none;
    bool good = history_go(session, insns, error);
    if (good && run_loop_insns(&session->machine->loop) != insns)
        good = error_set(error, session->ended ? "the machine ends before that" : "it was stopped");
    if (good)
        *holds = command_line(session, line, &why);
    session->out = out;
    fclose(none);
    return good;
}

/* It holds at `*to` and not at `from`; so there is a first moment between them. */
static bool search(struct session *session, uint64_t from, uint64_t *to, const char *line, struct error *error)
{
    bool holds;
    while (*to - from > 1) {
        uint64_t middle = from + (*to - from) / 2;
        if (session->asked_to_stop)
            return error_set(error, "it was stopped; between instructions %" PRIu64 " and %" PRIu64, from, *to);
        if (!holds_at(session, middle, line, &holds, error))
            return false;
        if (holds) {
            *to = middle;
        } else {
            from = middle;
            if (!history_checkpoint(session, false, error)) /* what is tried from now on lies behind */
                return false;
        }
    }
    return holds_at(session, *to, line, &holds, error);
}

static bool bisect(struct session *session, uint64_t from, uint64_t to, const char *line, struct error *error)
{
    bool at_from, at_to;
    session->asked_to_stop = false;
    if (from >= to)
        return error_set(error, "bisect expects the earlier moment first");
    if (!holds_at(session, to, line, &at_to, error) || !holds_at(session, from, line, &at_from, error))
        return false;
    if (at_from || !at_to)
        return error_set(error, at_from ? "'%.100s' succeeds at the first moment already, instruction %" PRIu64
                                        : "'%.100s' fails at the second moment, instruction %" PRIu64,
                         line, at_from ? from : to);
    if (!search(session, from, &to, line, error))
        return false;
    say(session, "'%s' succeeds from instruction %" PRIu64 " on\n", line, to);
    return true;
}

/* bisect A B COMMAND */
static bool run_bisect(struct session *session, const char *arguments, struct error *error)
{
    char first[128], second[128];
    uint64_t from, to;
    if (!words_cut(&arguments, first, sizeof first) || !words_cut(&arguments, second, sizeof second) ||
        !*arguments)
        return error_set(error, "bisect expects two moments, and a command such as assert $x0 == 5");
    size_t name = strcspn(arguments, " /");
    const struct command *command = command_find(arguments, name, error);
    if (!command)
        return false;
    if (command->runs || command->run == run_bisect)
        return error_set(error, "'%s' runs the guest, and bisect wants to know what is true while it stands still",
                         command->name);
    const bool was = stopping_hold(session, true);
    bool good = parse_moment(session, first, &from, error) && parse_moment(session, second, &to, error) &&
                bisect(session, from, to, arguments, error);
    stopping_hold(session, was);
    return stands(session, good);
}

static bool run_checkpoint(struct session *session, const char *arguments, struct error *error)
{
    return words_end(arguments, error) && history_checkpoint(session, true, error);
}

static bool run_timeline(struct session *session, const char *arguments, struct error *error)
{
    if (!words_end(arguments, error))
        return false;
    if (!session->history)
        return history_checkpoint(session, true, error);
    history_show(session);
    return true;
}

const struct command commands_time[] = {
    {"reverse-stepi", "[N]", COMPLETES_EXPRESSION, run_reverse_stepi, "Go back one instruction of this CPU, or N.",
     "rsi", true},
    {"reverse-step", "[N]", COMPLETES_EXPRESSION, run_reverse_step,
     "Go back to the beginning of the line, or of the one before, into what it called; one instruction, where no lines "
     "are known.",
     "rs", true},
    {"reverse-next", "[N]", COMPLETES_EXPRESSION, run_reverse_next, "As reverse-step, but past calls.", "rn", true},
    {"reverse-continue", "", COMPLETES_NOTHING, run_reverse_continue,
     "Go back to the last breakpoint or watchpoint that was passed; or to where history begins.", "rc", true},
    {"reverse-finish", "", COMPLETES_NOTHING, run_reverse_finish, "Go back to the call of this function.", NULL, true},
    {"goto", "N|TIME", COMPLETES_EXPRESSION, run_goto,
     "Go to where all CPUs together had run N instructions, or to a time (1.5s, 20ms), back or forward.", NULL, true},
    {"last-write", "ADDRESS|SYMBOL", COMPLETES_EXPRESSION, run_last_write,
     "Go back to behind the instruction that wrote there last.", NULL, true},
    {"bisect", "A B COMMAND", COMPLETES_COMMAND, run_bisect,
     "Find the first moment between A and B (counts as for goto, or times) at which a command succeeds, such as "
     "assert.",
     NULL, true},
    {"checkpoint", "", COMPLETES_NOTHING, run_checkpoint,
     "Remember this moment, so that going back to what follows is fast."},
    {"timeline", "", COMPLETES_NOTHING, run_timeline, "The checkpoints, and the memory that they take."},
    {0},
};
