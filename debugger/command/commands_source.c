/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands for whoever has the sources: lines, frames, variables. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "debugger/view/backtrace.h"
#include "debugger/command/command.h"
#include "debugger/view/dwarf.h"
#include "debugger/command/info.h"
#include "debugger/view/source.h"

#define LINES_SHOWN 10u
/* list [LOCATION | LINE] */
static bool run_list(struct session *session, const char *arguments, struct error *error)
{
    struct source_line line = source_listed, here = {.file = NULL};
    struct frame frame;
    uint64_t address, number;
    const char *colon = strrchr(arguments, ':');
    bool known = backtrace_frame(session, session->frame, &frame) && location_line(session, frame_code(&frame), &here);
    if (colon && words_number(colon + 1, &number) && number <= UINT32_MAX) {
        char name[1024];
        snprintf(name, sizeof name, "%.*s", (int)(colon - arguments), arguments);
        if (!dwarf_source(name, &line))
            return error_set(error, "no file with lines is named %s", name);
        line.line = (unsigned)number;
    } else if (*arguments && words_number(arguments, &number) && number <= UINT32_MAX) {
        if (!line.file)
            line = here;
        line.line = (unsigned)number;
    } else if (*arguments) {
        if (!location_address(session, arguments, &address, error))
            return false;
        if (!location_line(session, address, &line))
            return error_set(error, "no line is known at 0x%" PRIx64, address);
    } else if (!line.file) {
        line = here;
    }
    if (!line.file)
        return error_set(error, known || dwarf_has_lines() ? "no line is known here"
                                                           : "no lines are known; 'symbols FILE' loads what has some");
    unsigned first = !*arguments && source_listed.file    ? line.line
                     : line.line > LINES_SHOWN / 2 ? line.line - LINES_SHOWN / 2
                                                   : 1;
    bool same = here.file && !strcmp(here.file, line.file);
    int shown = source_print_lines(session, &line, first, LINES_SHOWN, same ? here.line : 0);
    if (shown < 0)
        return error_set(error, "%s: %s; 'directory FOLDER' says where sources are", line.file, strerror(errno));
    if (!shown)
        return error_set(error, "%s has no line %u", line.file, first);
    source_listed = line;
    source_listed.line = first + (unsigned)shown;
    return true;
}

static bool run_directory(struct session *session, const char *arguments, struct error *error)
{
    struct stat found;
    if (!*arguments)
        source_forget_folders();
    else if (stat(arguments, &found) != 0 || !S_ISDIR(found.st_mode))
        return error_set(error, "%s is no folder", arguments);
    else if (!source_add_folder(arguments))
        return error_set(error, "that are too many folders; 'directory' by itself forgets them");
    return true;
}

/* --- frames ---------------------------------------------------------------------------------------- */

static bool select_frame(struct session *session, uint64_t number, struct error *error)
{
    struct frame frame;
    struct dwarf_level levels[32];
    if (number > UINT32_MAX || !backtrace_frame(session, (unsigned)number, &frame))
        return error_set(error, "there is no frame %" PRIu64, number);
    session->frame = (unsigned)number;
    backtrace_print_one(session, &frame, session->frame);
    source_listed = (struct source_line){.file = NULL};
    unsigned count = dwarf_levels(frame_code(&frame), levels, 32);
    if (frame.level < count && levels[frame.level].line.line)
        source_print_lines(session, &levels[frame.level].line, levels[frame.level].line.line, 1,
                    levels[frame.level].line.line);
    return true;
}

static bool run_frame(struct session *session, const char *arguments, struct error *error)
{
    uint64_t number = session->frame;
    if (*arguments && !words_number(arguments, &number))
        return error_set(error, "frame expects the number of a frame, as backtrace shows them");
    return select_frame(session, number, error);
}

static bool steps_of(const char *arguments, uint64_t *count, struct error *error)
{
    *count = 1;
    return !*arguments || words_number(arguments, count) || error_set(error, "expected a number of frames");
}

static bool run_up(struct session *session, const char *arguments, struct error *error)
{
    uint64_t count;
    return steps_of(arguments, &count, error) && select_frame(session, session->frame + count, error);
}

static bool run_down(struct session *session, const char *arguments, struct error *error)
{
    uint64_t count;
    if (!steps_of(arguments, &count, error))
        return false;
    if (!session->frame)
        return error_set(error, "this is the innermost frame");
    return select_frame(session, count < session->frame ? session->frame - count : 0, error);
}

bool info_frame(struct session *session, const char *arguments, struct error *error)
{
    struct frame frame;
    uint64_t cfa;
    struct space space = session_space(session);
    if (!words_end(arguments, error))
        return false;
    if (!backtrace_frame(session, session->frame, &frame))
        return error_set(error, "there is no frame %u any more", session->frame);
    backtrace_print_one(session, &frame, session->frame);
    say(session, "pc 0x%" PRIx64 ", sp 0x%" PRIx64, frame.pc, frame.sp);
    if (dwarf_cfa(&space, &frame, &cfa))
        say(session, ", sp before the call 0x%" PRIx64, cfa);
    say(session, "\nregisters that are known:");
    for (unsigned i = 0; i < 31; i++)
        if (frame.known >> i & 1)
            say(session, " x%u=0x%" PRIx64, i, frame.x[i]);
    say(session, "\n");
    return true;
}

/* --- variables ------------------------------------------------------------------------------------- */

static bool show_variable(void *context, const char *name, const struct value *value, const char *why)
{
    struct session *session = context;
    say_in(session, PAINT_SYMBOL, "%s", name);
    say(session, " = ");
    if (value)
        value_print(session, value, 0);
    else
        say(session, "<%s>", why);
    say(session, "\n");
    return true;
}

static bool show_variables(struct session *session, const char *arguments, bool parameters, struct error *error)
{
    struct frame frame;
    if (!words_end(arguments, error))
        return false;
    return (backtrace_frame(session, session->frame, &frame) &&
            dwarf_variables(session, &frame, parameters, show_variable, session)) ||
           error_set(error, "no variables are known here; 'symbols FILE' loads a file with DWARF");
}

bool info_locals(struct session *session, const char *arguments, struct error *error)
{
    return show_variables(session, arguments, false, error);
}

bool info_args(struct session *session, const char *arguments, struct error *error)
{
    return show_variables(session, arguments, true, error);
}

bool info_line(struct session *session, const char *arguments, struct error *error)
{
    uint64_t addresses[64];
    struct source_line line;
    unsigned count = 1;
    addresses[0] = session_cpu(session)->pc;
    if (*arguments && !(count = location_addresses(session, arguments, addresses, 64, error)))
        return false;
    for (unsigned i = 0; i < count; i++) {
        say_address(session, addresses[i]);
        if (location_line(session, addresses[i], &line))
            say(session, " is %s:%u\n", line.file, line.line);
        else
            say(session, ": no line is known\n");
    }
    return true;
}

const struct command commands_source[] = {
    {"list", "[LINE|LOCATION]", COMPLETES_EXPRESSION, run_list,
     "Show ten lines of the source around a place; alone, those that follow.", "l"},
    {"directory", "[FOLDER]", COMPLETES_FILE, run_directory,
     "Look for sources there too, if they are not where the compiler saw them. Alone: forget such folders."},
    {"frame", "[N]", COMPLETES_NOTHING, run_frame,
     "Look at a frame of the stack: its variables are what names in expressions mean.", "f"},
    {"up", "[N]", COMPLETES_NOTHING, run_up, "Look at the frame of the caller."},
    {"down", "[N]", COMPLETES_NOTHING, run_down, "Look at the frame of what was called.", "do"},
    {0},
};
