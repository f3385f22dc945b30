/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands for breakpoints, watchpoints and catches. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/session/stopping.h"
#include "debugger/view/expression.h"
#include "debugger/view/kernel.h"
#include "debugger/view/location.h"
#include "isa/arm64/debug.h"

#define PLACES_MAX 64u

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

/* The point whose number is the next word of `*arguments`, which then begins behind it; NULL: it is none's. */
static struct point *cut_point(struct session *session, const char **arguments)
{
    char word[32];
    uint64_t number;
    bool given = words_cut(arguments, word, sizeof word) && words_number(word, &number);
    return given ? stopping_find(session, (unsigned)number) : NULL;
}

static bool run_condition(struct session *session, const char *arguments, struct error *error)
{
    struct point *point = cut_point(session, &arguments);
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
    struct point *point = cut_point(session, &arguments);
    if (!point)
        return error_set(error, "commands expects the number of a breakpoint, and commands with ';' between them");
    free(point->commands);
    point->commands = *arguments ? strdup(arguments) : NULL;
    for (char *at = point->commands; at && *at; at++)
        if (*at == ';')
            *at = '\n';
    return true;
}

const struct command commands_points[] = {
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
    {0},
};
