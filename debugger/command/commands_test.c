/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that scenarios are made of, beside `expect` and `send`: time, going back to a mark, and what must be true.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/view/expression.h"
#include "debugger/session/history.h"
#include "debugger/view/source.h"
#include "machine/actions.h"

static bool run_wait(struct session *session, const char *arguments, struct error *error)
{
    struct machine *machine = session->machine;
    uint64_t ns;
    if (!time_parse(arguments, &ns) || !ns)
        return error_set(error, "wait expects a time of the guest with its unit, such as 2s or 150ms");
    if (session->ended)
        return error_set(error, "the machine has ended");
    const uint64_t end_ns = machine->clock.now_ns + ns;
    machine->loop.halt_at_ns = end_ns;
    session_resume(session, 0);
    machine->loop.halt_at_ns = CLOCK_NEVER;
    if (machine->clock.now_ns >= end_ns)
        return true;
    source_tell_stop(session);
    return error_set(error, "the guest stopped before that time was over");
}

static bool run_mark(struct session *session, const char *arguments, struct error *error)
{
    return words_end(arguments, error) && history_mark(session, error);
}

static bool run_reset(struct session *session, const char *arguments, struct error *error)
{
    return words_end(arguments, error) && history_reset(session, error);
}

static bool run_assert(struct session *session, const char *arguments, struct error *error)
{
    uint64_t number;
    if (!*arguments)
        return error_set(error, "assert expects an expression");
    if (!expression_number(session, arguments, &number, error))
        return false;
    return number || error_set(error, "it is not true that %.300s", arguments);
}

/* Bytes in hexadecimal, or a text in double quotes. Returns how many; 0: it is neither. */
static size_t take_bytes(const char **arguments, uint8_t *bytes, size_t room)
{
    size_t count = 0;
    while (isspace((unsigned char)**arguments))
        ++*arguments;
    if (**arguments == '"')
        return words_cut(arguments, (char *)bytes, room) ? strlen((char *)bytes) : 0;
    for (char pair[3] = {0};
         isxdigit((unsigned char)(*arguments)[0]) && isxdigit((unsigned char)(*arguments)[1]) && count < room;
         *arguments += 2) {
        memcpy(pair, *arguments, 2);
        bytes[count++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return count;
}

static bool run_assert_memory(struct session *session, const char *arguments, struct error *error)
{
    char word[256];
    uint8_t wanted[1024], found[1024];
    uint64_t address;
    const struct space space = session_space(session);
    if (!words_cut(&arguments, word, sizeof word))
        return error_set(error,
                         "assert-memory expects an address, and bytes in hexadecimal or a text in double quotes");
    if (!expression_number(session, word, &address, error))
        return false;
    size_t count = take_bytes(&arguments, wanted, sizeof wanted);
    if (!count)
        return error_set(error, "'%.100s' is neither bytes in hexadecimal nor a text in double quotes", arguments);
    if (!words_end(arguments, error))
        return false;
    if (space_read(&space, address, found, count) != count)
        return error_set(error, "not all of the %zu bytes at %s are there", count, word);
    for (size_t i = 0; i < count; i++)
        if (found[i] != wanted[i])
            return error_set(error, "the byte at %s + %zu is %02x, not %02x", word, i, found[i], wanted[i]);
    return true;
}

bool command_act(struct session *session, const char *word, const char *arguments, struct error *error)
{
    char action[4096];
    snprintf(action, sizeof action, "%s %s", word, arguments);
    return action_check(action, error) && action_do(session->machine, action, error);
}

static bool run_screenshot(struct session *session, const char *arguments, struct error *error)
{
    return command_act(session, "screenshot", arguments, error);
}

static bool run_type(struct session *session, const char *arguments, struct error *error)
{
    return command_act(session, "type", arguments, error);
}

static bool run_mouse(struct session *session, const char *arguments, struct error *error)
{
    return command_act(session, "mouse", arguments, error);
}

static bool run_click(struct session *session, const char *arguments, struct error *error)
{
    return command_act(session, "click", arguments, error);
}

static bool run_jack(struct session *session, const char *arguments, struct error *error)
{
    return command_act(session, "jack", arguments, error);
}

static bool run_page(struct session *session, const char *arguments, struct error *error)
{
    return command_act(session, "page", arguments, error);
}

const struct command commands_test[] = {
    {"wait", "TIME", COMPLETES_NOTHING, run_wait, "Run for a time of the guest's, such as 2s or 150ms.", NULL, true},
    {"mark", "", COMPLETES_NOTHING, run_mark,
     "Remember this moment for `reset`. What --history gives must hold what changes since."},
    {"reset", "", COMPLETES_NOTHING, run_reset,
     "Go back to the mark, and forget what came after; what is typed next is new."},
    {"assert", "EXPRESSION", COMPLETES_EXPRESSION, run_assert, "Fail where it is 0."},
    {"assert-memory", "ADDRESS BYTES|\"TEXT\"", COMPLETES_EXPRESSION, run_assert_memory,
     "Fail where memory holds anything else than these bytes (in hexadecimal) or this text."},
    {"screenshot", "FILE", COMPLETES_FILE, run_screenshot, "Write what the screen shows as a PNG."},
    {"page", "screen|serial|console", COMPLETES_NOTHING, run_page,
     "What the window, screenshots and keys are of: the screen, or a line that ends on a text page."},
    {"jack", "line|mic in|out", COMPLETES_NOTHING, run_jack,
     "Plug something into the sound card, or pull it out, as the guest runs on."},
    {"type", "TEXT", COMPLETES_NOTHING, run_type, "Type at the keyboard of a machine with a screen."},
    {"mouse", "X Y", COMPLETES_NOTHING, run_mouse, "Move the pointer."},
    {"click", "X Y [BUTTON]", COMPLETES_NOTHING, run_click, "Move the pointer there and press a button."},
    {0},
};
