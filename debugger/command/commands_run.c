/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands by which the guest runs and stops. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/view/expression.h"
#include "debugger/view/kernel.h"
#include "debugger/view/location.h"
#include "debugger/view/stepping.h"
#include "debugger/session/stopping.h"
#include "debugger/view/source.h"
#include "isa/arm64/debug.h"

#define STEPS_MAX 1000000000ull

/* --- after a stop ---------------------------------------------------------------------------------- */

struct display {
    unsigned number;
    char *text;
    struct display *next;
};
static struct display *displays;
static unsigned display_count;

static void show_display(struct session *session, const struct display *display)
{
    struct error error = {""};
    struct value value;
    say(session, "%u: %s = ", display->number, display->text);
    if (expression_evaluate(session, display->text, &value, &error))
        value_print(session, &value, 0);
    else
        say(session, "<%s>", error.text);
    say(session, "\n");
}

/* Does a breakpoint's commands, which may run the guest again. */
static void do_commands(struct session *session, const char *commands)
{
    static unsigned nested;
    char *copy = strdup(commands), *rest = copy, *line;
    if (nested >= 10) {
        free(copy);
        return;
    }
    nested++;
    while ((line = strsep(&rest, "\n"))) {
        struct error error = {""};
        if (!command_line(session, line, &error)) {
            say(session, "%s\n", error.text);
            break;
        }
    }
    nested--;
    free(copy);
}

static bool stopped(struct session *session, struct error *error)
{
    source_tell_stop(session);
    for (const struct display *display = displays; display; display = display->next)
        show_display(session, display);
    const struct point *point = stopping_find(session, session->stop.number);
    if (point && point->commands &&
        (session->stop.reason == STOP_BREAKPOINT || session->stop.reason == STOP_WATCHPOINT ||
         session->stop.reason == STOP_CATCH))
        do_commands(session, point->commands);
    return true;
}

static bool can_run(struct session *session, struct error *error)
{
    return !session->ended || error_set(error, "the machine has ended; it can be looked at, but does not run on");
}

/* --- going on -------------------------------------------------------------------------------------- */

static bool parse_count(const char *arguments, uint64_t *count, struct session *session, struct error *error)
{
    *count = 1;
    if (*arguments && !expression_number(session, arguments, count, error))
        return false;
    return (*count && *count <= STEPS_MAX) || error_set(error, "expected a number from 1 to %llu", STEPS_MAX);
}

static bool run_continue(struct session *session, const char *arguments, struct error *error)
{
    uint64_t ignore;
    if (!can_run(session, error))
        return false;
    if (*arguments) {
        struct point *point = stopping_find(session, session->stop.number);
        if (!parse_count(arguments, &ignore, session, error))
            return false;
        if (!point)
            return error_set(error, "no breakpoint stopped the machine, so there is none to be ignored");
        point->ignore = ignore - 1;
    }
    session_resume(session, 0);
    return stopped(session, error);
}

static bool run_stop(struct session *session, const char *arguments, struct error *error)
{
    if (!words_end(arguments, error))
        return false;
    if (session->running) {
        session_stop(session);
        return true;
    }
    return stopped(session, error);
}

static bool run_stepi(struct session *session, const char *arguments, struct error *error)
{
    uint64_t count;
    if (!can_run(session, error) || !parse_count(arguments, &count, session, error))
        return false;
    session_resume(session, count);
    return stopped(session, error);
}

static bool run_nexti(struct session *session, const char *arguments, struct error *error)
{
    uint64_t count;
    if (!can_run(session, error) || !parse_count(arguments, &count, session, error))
        return false;
    do
        if (!step_over(session, error))
            return false;
    while (--count && session->stop.reason == STOP_STEP);
    return stopped(session, error);
}

static bool step_lines(struct session *session, const char *arguments, bool over, struct error *error)
{
    uint64_t count;
    if (!can_run(session, error) || !parse_count(arguments, &count, session, error))
        return false;
    do
        if (!step_line(session, over, error))
            return false;
    while (--count && session->stop.reason == STOP_STEP);
    return stopped(session, error);
}

static bool run_step(struct session *session, const char *arguments, struct error *error)
{
    return step_lines(session, arguments, false, error);
}

static bool run_next(struct session *session, const char *arguments, struct error *error)
{
    return step_lines(session, arguments, true, error);
}

static bool run_finish(struct session *session, const char *arguments, struct error *error)
{
    if (!words_end(arguments, error) || !can_run(session, error) || !step_out(session, error))
        return false;
    if (session->stop.reason == STOP_STEP) {
        say(session, "Value in x0: ");
        say_address(session, session_cpu(session)->x[0]);
        say(session, "\n");
    }
    return stopped(session, error);
}

static bool run_until(struct session *session, const char *arguments, struct error *error)
{
    uint64_t address;
    if (!can_run(session, error))
        return false;
    if (!*arguments)
        return error_set(error, "until expects a place: a symbol, *ADDRESS, FILE:LINE");
    return location_address(session, arguments, &address, error) && step_to(session, address, 0, error) &&
           stopped(session, error);
}

static bool run_cpu(struct session *session, const char *arguments, struct error *error)
{
    uint64_t number = session->cpu;
    if (*arguments && (!words_number(arguments, &number) || number >= session->machine->cpu_count))
        return error_set(error, "expected the number of a CPU, 0 to %u", session->machine->cpu_count - 1);
    session->cpu = (unsigned)number;
    session->frame = 0;
    static const char *const waits[] = {"", ", waits for an interrupt", ", waits for an event", ", is off"};
    const struct cpu *cpu = session_cpu(session);
    say(session, "CPU %u, EL%u%s, ", session->cpu, cpu->pstate.el, waits[cpu->wait]);
    say_address(session, cpu->pc);
    say(session, "\n");
    return true;
}

static bool run_display(struct session *session, const char *arguments, struct error *error)
{
    struct value value;
    if (!*arguments) {
        for (const struct display *display = displays; display; display = display->next)
            show_display(session, display);
        return true;
    }
    if (!expression_evaluate(session, arguments, &value, error))
        return false;
    struct display *display = host_alloc(1, sizeof *display), **at = &displays;
    *display = (struct display){++display_count, strdup(arguments), NULL};
    while (*at)
        at = &(*at)->next;
    *at = display;
    show_display(session, display);
    return true;
}

static bool run_undisplay(struct session *session, const char *arguments, struct error *error)
{
    uint64_t number;
    bool given = *arguments, found = false;
    if (given && !words_number(arguments, &number))
        return error_set(error, "undisplay expects the number of a display, or nothing for all");
    for (struct display **at = &displays; *at;) {
        struct display *display = *at;
        if (given && display->number != number) {
            at = &display->next;
            continue;
        }
        found = true;
        *at = display->next;
        free(display->text);
        free(display);
    }
    return !given || found || error_set(error, "there is no display %s", arguments);
}

const struct command commands_run[] = {
    {"continue", "[N]", COMPLETES_EXPRESSION, run_continue,
     "Go on until something stops the guest. N: not before this breakpoint is hit for the Nth time.", "c run r", true},
    {"stop", "", COMPLETES_NOTHING, run_stop,
     "Stop the guest, from a control socket; Ctrl-C or Ctrl-A D do it at a terminal."},
    {"step", "[N]", COMPLETES_EXPRESSION, run_step,
     "Run to another line of the source, where lines are known; else one instruction.", "s", true},
    {"next", "[N]", COMPLETES_EXPRESSION, run_next, "As step, but calls run as one.", "n", true},
    {"stepi", "[N]", COMPLETES_EXPRESSION, run_stepi, "Run one instruction, or N.", "si", true},
    {"nexti", "[N]", COMPLETES_EXPRESSION, run_nexti, "As stepi, but calls run as one.", "ni", true},
    {"finish", "", COMPLETES_NOTHING, run_finish, "Run until the function returns.", "fin", true},
    {"until", "LOCATION", COMPLETES_EXPRESSION, run_until, "Run to a place.", "u advance run-until", true},
    {"cpu", "[N]", COMPLETES_NOTHING, run_cpu, "Look at another CPU."},
    {"display", "[EXPRESSION]", COMPLETES_EXPRESSION, run_display, "Print an expression at each stop."},
    {"undisplay", "[N]", COMPLETES_NOTHING, run_undisplay, "No longer."},
    {0},
};
