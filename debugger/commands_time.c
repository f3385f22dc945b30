/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that go back in time. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/backtrace.h"
#include "debugger/command.h"
#include "debugger/expression.h"
#include "debugger/history.h"
#include "debugger/stopping.h"
#include "isa/arm64/debug.h"

static bool stands(struct session *session, bool good)
{
    if (good) {
        session->frame = 0;
        session_tell_stop(session);
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
    return command_end(arguments, error) && stands(session, history_continue_back(session, error));
}

/* Back to the call of the function: the last time that its caller's BL ran with this stack. */
static bool run_reverse_finish(struct session *session, const char *arguments, struct error *error)
{
    struct frame frames[2];
    bool found;
    struct space space = session_space(session);
    if (!command_end(arguments, error))
        return false;
    if (backtrace_of_cpu(session, &space, frames, 2) < 2)
        return error_set(error, "there is no caller to be seen");
    struct point point = {.kind = POINT_BREAK, .enabled = true, .address = frames[1].pc - 4, .cpu = (int)session->cpu};
    struct point *added = stopping_add(session, &point, false, error);
    if (!added)
        return false;
    bool good = history_last_hit(session, added, &found, error);
    stopping_remove(session, added);
    if (good && found)
        session->stop.reason = STOP_STEP;
    return stands(session, good);
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

static bool run_checkpoint(struct session *session, const char *arguments, struct error *error)
{
    return command_end(arguments, error) && history_checkpoint(session, error);
}

static bool run_timeline(struct session *session, const char *arguments, struct error *error)
{
    if (!command_end(arguments, error))
        return false;
    if (!session->history)
        return history_checkpoint(session, error);
    history_show(session);
    return true;
}

const struct command commands_time[] = {
    {"reverse-stepi", "[N]", COMPLETES_EXPRESSION, run_reverse_stepi, "Go back one instruction of this CPU, or N.",
     "rsi reverse-step rs", true},
    {"reverse-continue", "", COMPLETES_NOTHING, run_reverse_continue,
     "Go back to the last breakpoint or watchpoint that was passed; or to where history begins.", "rc", true},
    {"reverse-finish", "", COMPLETES_NOTHING, run_reverse_finish, "Go back to the call of this function.", NULL, true},
    {"goto", "N|TIME", COMPLETES_EXPRESSION, run_goto,
     "Go to where all CPUs together had run N instructions, or to a time (1.5s, 20ms), back or forward.", NULL, true},
    {"last-write", "ADDRESS|SYMBOL", COMPLETES_EXPRESSION, run_last_write,
     "Go back to behind the instruction that wrote there last.", NULL, true},
    {"checkpoint", "", COMPLETES_NOTHING, run_checkpoint,
     "Remember this moment, so that going back to what follows is fast."},
    {"timeline", "", COMPLETES_NOTHING, run_timeline, "The checkpoints, and the memory that they take."},
    {0},
};
