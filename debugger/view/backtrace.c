/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unwinding. A frame record is the caller's x29 and the return address, and x29 points to it (AAPCS64); the kernel
 * makes one for exceptions too. A function that has not made its record yet, or made none, returns to x30. */
#include "debugger/view/backtrace.h"
#include <string.h>
#include "debugger/session/words.h"
#include "debugger/view/dwarf.h"
#include "debugger/view/location.h"

#define LEVELS_MAX 32u
#define FRAMES_MAX 128u

/* Whether the code up to `pc` in its function has made no frame record yet: then x30 is the return address. */
static bool before_prologue(struct session *session, const struct space *space, uint64_t pc)
{
    uint64_t start, end;
    if (!session_function(session, pc, &start, &end) || pc - start > 64)
        return false;
    for (uint64_t at = start; at < pc; at += 4) {
        uint32_t word;
        if (!space_read_u32(space, at, &word))
            return false;
        if ((word & 0xffc07fff) == 0xa9807bfd || (word & 0xffc07fff) == 0xa9007bfd) /* stp x29, x30, [sp...] */
            return at + 4 > pc;
    }
    return true;
}

static struct frame called_by(const struct frame *frame, uint64_t pc, uint64_t sp)
{
    struct frame caller = *frame;
    caller.pc = backtrace_strip(pc);
    caller.sp = sp;
    caller.is_return = true;
    return caller;
}

/* By the frame record. False: there is none, or the stack ends here. */
static bool unwind_record(const struct space *space, struct frame *frame)
{
    uint64_t record[2], at = frame->x[29];
    if (!at || at & 7 || space_read(space, at, record, sizeof record) != sizeof record || !record[1] ||
        (record[0] && record[0] == at))
        return false;
    *frame = called_by(frame, record[1], at + 16);
    frame->x[29] = record[0];
    frame->known = 1u << 29; /* what else it had saved is not known */
    /* A stack grows down: it cannot go on below. */
    frame->outermost = record[0] && record[0] < at && (record[0] ^ at) < 0x10000;
    return true;
}

unsigned backtrace_from(struct session *session, const struct space *space, const struct frame *top,
                        struct frame *frames, unsigned capacity)
{
    unsigned count = 0;
    struct frame state = *top;
    const uint64_t lr = top->x[30];
    if (!capacity)
        return 0;
    frames[count++] = state;
    if (count < capacity && lr && !dwarf_knows_frame(top->pc) && before_prologue(session, space, top->pc))
        frames[count++] = called_by(&state, lr, state.sp);
    while (count < capacity && !state.outermost) {
        if (dwarf_unwind(space, &state)) {
            if (!state.pc)
                break;
            state.pc = backtrace_strip(state.pc);
        } else if (!unwind_record(space, &state)) {
            break;
        } else if (count >= 2 && frames[count - 1].pc == state.pc && frames[count - 1].x[29] == state.x[29]) {
            continue;
        }
        frames[count++] = state;
    }
    return count;
}

struct frame backtrace_top(struct session *session)
{
    const struct cpu *cpu = session_cpu(session);
    struct frame top = {.pc = cpu->pc, .sp = cpu->x[REG_SP], .known = 0x7fffffff};
    memcpy(top.x, cpu->x, sizeof top.x);
    return top;
}

unsigned backtrace_of_cpu(struct session *session, const struct space *space, struct frame *frames, unsigned capacity)
{
    struct frame top = backtrace_top(session);
    return backtrace_from(session, space, &top, frames, capacity);
}

bool backtrace_frame(struct session *session, unsigned number, struct frame *frame)
{
    struct frame frames[FRAMES_MAX];
    struct dwarf_level levels[LEVELS_MAX];
    struct space space = session_space(session);
    unsigned count = number ? backtrace_of_cpu(session, &space, frames, FRAMES_MAX) : 1, seen = 0;
    if (!number)
        frames[0] = backtrace_top(session);
    for (unsigned i = 0; i < count; i++) {
        unsigned inner = dwarf_levels(frame_code(&frames[i]), levels, LEVELS_MAX);
        if (!inner)
            inner = 1;
        if (number < seen + inner) {
            *frame = frames[i];
            frame->level = number - seen;
            return true;
        }
        seen += inner;
    }
    return false;
}

/* --- printing -------------------------------------------------------------------------------------- */

struct listed {
    struct session *session;
    bool any;
};

static bool print_argument(void *context, const char *name, const struct value *value, const char *why)
{
    struct listed *listed = context;
    struct session *session = listed->session;
    say(session, listed->any ? ", %s=" : "%s=", name);
    listed->any = true;
    if (!value)
        say(session, "<%s>", why);
    else if (type_is_scalar(value->type))
        value_print(session, value, 0);
    else
        say(session, "...");
    return true;
}

static void print_line(struct session *session, const struct frame *frame, unsigned number,
                       const struct dwarf_level *level)
{
    struct source_line line = {.file = NULL};
    struct listed listed = {session, false};
    char text[256];
    say(session, "#%-2u ", number);
        say_in(session, PAINT_ADDRESS, "0x%016llx", (unsigned long long)frame->pc);
    say(session, " in ");
    if (level && level->function) {
        say_in(session, PAINT_SYMBOL, "%s", level->function);
        say(session, " (");
        dwarf_variables(session, frame, true, print_argument, &listed);
        say(session, ")");
        line = level->line;
    } else {
        session_symbolize(session, frame->pc, text, sizeof text);
        say_in(session, PAINT_SYMBOL, "%s", *text ? text : "??");
        location_line(session, frame_code(frame), &line);
    }
    if (line.line)
        say(session, " at %s:%u", line.file, line.line);
    say(session, "\n");
}

void backtrace_print_one(struct session *session, const struct frame *frame, unsigned number)
{
    struct dwarf_level levels[LEVELS_MAX];
    unsigned count = dwarf_levels(frame_code(frame), levels, LEVELS_MAX);
    print_line(session, frame, number, frame->level < count ? &levels[frame->level] : NULL);
}

unsigned backtrace_print(struct session *session, const struct frame *frames, unsigned count)
{
    unsigned number = 0;
    for (unsigned i = 0; i < count; i++) {
        struct dwarf_level levels[LEVELS_MAX];
        struct frame frame = frames[i];
        unsigned inner = dwarf_levels(frame_code(&frame), levels, LEVELS_MAX);
        for (frame.level = 0; frame.level < (inner ? inner : 1); frame.level++)
            print_line(session, &frame, number++, frame.level < inner ? &levels[frame.level] : NULL);
    }
    return number;
}
