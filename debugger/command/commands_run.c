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
#define PLACES_MAX 64u

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

/* --- points ---------------------------------------------------------------------------------------- */

/* Cuts " if EXPRESSION" off a line; returns the expression. */
static char *cut_condition(char *line)
{
    char *at = !strncmp(line, "if ", 3) ? line : strstr(line, " if ");
    if (!at)
        return NULL;
    char *condition = at + (at == line ? 3 : 4);
    for (*at = 0; at > line && isspace((unsigned char)at[-1]); at--)
        at[-1] = 0;
    return condition;
}

static bool check_condition(struct session *session, const char *condition, struct error *error)
{
    struct value value;
    return !condition || expression_evaluate(session, condition, &value, error);
}

bool command_cut_user(struct session *session, char *line, struct point *point, struct error *error)
{
    char *at = strstr(line, " user ");
    uint64_t pid, task;
    if (!at)
        return true;
    const char *who = at + 6;
    *at = 0;
    if (!words_number(who, &pid)) {
        if (!kernel_task_named(session, who, &task, error))
            return false;
        pid = kernel_pid(session, task);
    } else if (!kernel_task_of(session, pid, &task, error)) {
        return false;
    }
    point->user = true;
    point->user_pid = pid;
    return kernel_user_table(session, task, &point->user_table) ||
           error_set(error, "process %llu has no memory of its own: it is a thread of the kernel",
                     (unsigned long long)pid);
}

static void tell_point(struct session *session, const struct point *point)
{
    static const char *const kinds[] = {"Breakpoint", "Watchpoint", "Catchpoint"};
    say(session, "%s %u", kinds[point->kind], point->number);
    if (point->kind != POINT_CATCH) {
        say(session, " at ");
        say_address(session, point->address);
        if (point->kind == POINT_BREAK && !point->physical_known)
            say(session, ", which is not mapped yet");
    } else {
        say(session, ", %s", catch_names[point->catch_kind]);
    }
    struct source_line at;
    if (point->kind == POINT_BREAK && location_line(session, point->address, &at))
        say(session, ", %s:%u", at.file, at.line);
    say(session, "\n");
}

static bool set_breakpoint(struct session *session, const char *arguments, bool temporary, struct error *error)
{
    char line[1024];
    uint64_t addresses[PLACES_MAX];
    unsigned count = 1;
    struct point point = {.kind = POINT_BREAK, .enabled = true, .temporary = temporary, .cpu = -1};
    if (strlen(arguments) >= sizeof line)
        return error_set(error, "the line is too long");
    strcpy(line, arguments);
    point.condition = cut_condition(line);
    if (!check_condition(session, point.condition, error) || !command_cut_user(session, line, &point, error))
        return false;
    point.what = line;
    addresses[0] = session_cpu(session)->pc;
    if (*line && !(count = location_addresses(session, line, addresses, PLACES_MAX, error)))
        return false;
    /* A line that was inlined is in several places. */
    for (unsigned i = 0; i < count; i++) {
        point.address = addresses[i];
        struct point *added = stopping_add(session, &point, true, error);
        if (!added)
            return false;
        tell_point(session, added);
    }
    return true;
}

static bool run_break(struct session *session, const char *arguments, struct error *error)
{
    return set_breakpoint(session, arguments, false, error);
}

static bool run_tbreak(struct session *session, const char *arguments, struct error *error)
{
    return set_breakpoint(session, arguments, true, error);
}

static bool set_watchpoint(struct session *session, const char *arguments, unsigned kinds, struct error *error)
{
    char line[1024];
    struct value value;
    struct point point = {.kind = POINT_WATCH, .enabled = true, .watch_kinds = kinds, .cpu = -1};
    if (!*arguments)
        return error_set(error, "expected an address or symbol, and maybe a size in bytes");
    if (strlen(arguments) >= sizeof line)
        return error_set(error, "the line is too long");
    strcpy(line, arguments);
    point.condition = cut_condition(line);
    if (!check_condition(session, point.condition, error))
        return false;
    const char *rest = line;
    if (!expression_evaluate_part(session, &rest, &value, error))
        return false;
    /* What lies in memory is watched where it lies; a plain number is an address. */
    if (value.in_memory) {
        point.address = value.address + value.bit_offset / 8;
        point.bytes = value.bits ? (value.bit_offset % 8 + value.bits + 7) / 8 : value.type->size;
    } else if (!value_number(session, &value, &point.address, error)) {
        return false;
    }
    if (*rest && !expression_number(session, rest, &point.bytes, error))
        return false;
    if (!point.bytes)
        point.bytes = 8;
    if (point.bytes > PAGE_SIZE_BYTES)
        return error_set(error, "a watchpoint is 1 to 4096 bytes long");
    point.what = line;
    struct point *added = stopping_add(session, &point, true, error);
    if (added)
        tell_point(session, added);
    return added != NULL;
}

static bool run_watch(struct session *session, const char *arguments, struct error *error)
{
    return set_watchpoint(session, arguments, WATCH_STORE, error);
}

static bool run_rwatch(struct session *session, const char *arguments, struct error *error)
{
    return set_watchpoint(session, arguments, WATCH_LOAD, error);
}

static bool run_awatch(struct session *session, const char *arguments, struct error *error)
{
    return set_watchpoint(session, arguments, WATCH_LOAD | WATCH_STORE, error);
}

static bool run_catch(struct session *session, const char *arguments, struct error *error)
{
    char line[1024];
    struct point point = {.kind = POINT_CATCH, .enabled = true, .cpu = -1};
    snprintf(line, sizeof line, "%s", arguments);
    point.condition = cut_condition(line);
    if (!check_condition(session, point.condition, error))
        return false;
    while (point.catch_kind < CATCH_KINDS && strcmp(line, catch_names[point.catch_kind]))
        point.catch_kind++;
    if (point.catch_kind == CATCH_KINDS)
        return error_set(error, "catch expects one of: exception irq smc reset panic");
    point.what = line;
    if (point.catch_kind == CATCH_PANIC) { /* where the kernel begins to panic */
        point.kind = POINT_BREAK;
        if (!location_address(session, "panic", &point.address, error))
            return false;
    }
    struct point *added = stopping_add(session, &point, true, error);
    if (added)
        tell_point(session, added);
    return added != NULL;
}

/* Does `act` to the points whose numbers are given, or to all. */
static bool each_point(struct session *session, const char *arguments, struct error *error,
                       void (*act)(struct session *session, struct point *point))
{
    char word[32];
    uint64_t number;
    struct point *next;
    if (!*arguments)
        for (struct point *point = stopping_first(session); point; point = next) {
            next = point->next;
            if (point->number)
                act(session, point);
        }
    while (words_cut(&arguments, word, sizeof word)) {
        struct point *point = words_number(word, &number) ? stopping_find(session, (unsigned)number) : NULL;
        if (!point)
            return error_set(error, "there is no breakpoint '%s'", word);
        act(session, point);
    }
    return true;
}

static void disable_point(struct session *session, struct point *point)
{
    stopping_enable(session, point, false);
}

static void enable_point(struct session *session, struct point *point)
{
    stopping_enable(session, point, true);
}

static bool run_delete(struct session *session, const char *arguments, struct error *error)
{
    return each_point(session, arguments, error, stopping_remove);
}

static bool run_disable(struct session *session, const char *arguments, struct error *error)
{
    return each_point(session, arguments, error, disable_point);
}

static bool run_enable(struct session *session, const char *arguments, struct error *error)
{
    return each_point(session, arguments, error, enable_point);
}

static bool run_condition(struct session *session, const char *arguments, struct error *error)
{
    char word[32];
    uint64_t number;
    struct point *point = words_cut(&arguments, word, sizeof word) && words_number(word, &number)
                              ? stopping_find(session, (unsigned)number)
                              : NULL;
    if (!point)
        return error_set(error, "condition expects the number of a breakpoint, and an expression or nothing");
    if (*arguments && !check_condition(session, arguments, error))
        return false;
    free(point->condition);
    point->condition = *arguments ? strdup(arguments) : NULL;
    return true;
}

static bool run_commands(struct session *session, const char *arguments, struct error *error)
{
    char word[32];
    uint64_t number;
    struct point *point = words_cut(&arguments, word, sizeof word) && words_number(word, &number)
                              ? stopping_find(session, (unsigned)number)
                              : NULL;
    if (!point)
        return error_set(error, "commands expects the number of a breakpoint, and commands with ';' between them");
    free(point->commands);
    point->commands = *arguments ? strdup(arguments) : NULL;
    for (char *at = point->commands; at && *at; at++)
        if (*at == ';')
            *at = '\n';
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
    {"break", "[LOCATION] [user PID|NAME] [if EXPRESSION]", COMPLETES_EXPRESSION, run_break,
     "Stop before the instruction at a symbol, *ADDRESS or FILE:LINE. With user, only in that process.", "b"},
    {"tbreak", "[LOCATION] [user PID|NAME] [if EXPRESSION]", COMPLETES_EXPRESSION, run_tbreak,
     "As break, for one time.", "tb"},
    {"watch", "ADDRESS|SYMBOL [SIZE] [if EXPRESSION]", COMPLETES_EXPRESSION, run_watch,
     "Stop behind an instruction that writes there.", NULL},
    {"rwatch", "ADDRESS|SYMBOL [SIZE] [if EXPRESSION]", COMPLETES_EXPRESSION, run_rwatch,
     "Stop behind an instruction that reads there."},
    {"awatch", "ADDRESS|SYMBOL [SIZE] [if EXPRESSION]", COMPLETES_EXPRESSION, run_awatch,
     "Stop behind an instruction that reads or writes there."},
    {"catch", "exception|irq|smc|reset|panic", COMPLETES_NOTHING, run_catch,
     "Stop when that happens. An expression may follow behind if."},
    {"delete", "[N...]", COMPLETES_NOTHING, run_delete, "Remove breakpoints, watchpoints and catchpoints, or all.",
     "d"},
    {"disable", "[N...]", COMPLETES_NOTHING, run_disable, "Keep them, but do not stop for them."},
    {"enable", "[N...]", COMPLETES_NOTHING, run_enable, "Stop for them again."},
    {"condition", "N [EXPRESSION]", COMPLETES_EXPRESSION, run_condition,
     "Stop for one only while the expression is not 0."},
    {"commands", "N COMMAND [; COMMAND...]", COMPLETES_COMMAND, run_commands, "Do commands whenever it stops there."},
    {"display", "[EXPRESSION]", COMPLETES_EXPRESSION, run_display, "Print an expression at each stop."},
    {"undisplay", "[N]", COMPLETES_NOTHING, run_undisplay, "No longer."},
    {0},
};
