/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unwinding. A frame record is the caller's x29 and the return address, and x29 points to it (AAPCS64); the kernel
 * makes one for exceptions too. A function that has not made its record yet, or made none, returns to x30. */
#include "debugger/backtrace.h"
#include "debugger/command.h"
#include "debugger/dwarf.h"
#include "debugger/location.h"

/* Return addresses may be signed: the bits above the address are put right, as XPAC does. */
static uint64_t strip_signature(uint64_t address)
{
    return address >> 55 & 1 ? address | 0xffff000000000000ull : address & 0x0000ffffffffffffull;
}

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

unsigned backtrace_from(struct session *session, const struct space *space, uint64_t pc, uint64_t sp, uint64_t fp,
                        uint64_t lr, struct frame *frames, unsigned capacity)
{
    unsigned count = 0;
    struct unwinding state = {.pc = pc, .sp = sp, .fp = fp, .lr = lr};
    if (!capacity)
        return 0;
    frames[count++] = (struct frame){pc, sp, fp, false};
    if (count < capacity && lr && !dwarf_knows_frame(session, pc) && before_prologue(session, space, pc))
        frames[count++] = (struct frame){strip_signature(lr), sp, fp, true};
    state.is_return = false;
    while (count < capacity) {
        uint64_t record[2];
        if (dwarf_unwind(session, space, &state)) {
            if (!state.pc)
                break;
            frames[count++] = (struct frame){strip_signature(state.pc), state.sp, state.fp, true};
            continue;
        }
        uint64_t at = state.fp;
        if (!at || at & 7 || space_read(space, at, record, sizeof record) != sizeof record)
            break;
        state.pc = strip_signature(record[1]);
        state.sp = at + 16;
        state.fp = record[0];
        state.is_return = true;
        if (!state.pc || (record[0] && record[0] == at))
            break;
        if (count >= 2 && frames[count - 1].pc == state.pc && frames[count - 1].fp == state.fp)
            continue;
        frames[count++] = (struct frame){state.pc, state.sp, state.fp, true};
        if (record[0] && record[0] < at && (record[0] ^ at) < 0x10000) /* a stack grows down: it cannot go on below */
            break;
    }
    return count;
}

unsigned backtrace_of_cpu(struct session *session, const struct space *space, struct frame *frames, unsigned capacity)
{
    const struct cpu *cpu = session_cpu(session);
    return backtrace_from(session, space, cpu->pc, cpu->x[REG_SP], cpu->x[29], cpu->x[30], frames, capacity);
}

void backtrace_print(struct session *session, const struct frame *frames, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct source_line line;
        uint64_t pc = frames[i].pc - (frames[i].is_return ? 4 : 0);
        char text[256];
        say(session, "#%-2u ", i);
        say_in(session, PAINT_ADDRESS, "0x%016llx", (unsigned long long)frames[i].pc);
        session_symbolize(session, frames[i].pc, text, sizeof text);
        say(session, " in ");
        say_in(session, PAINT_SYMBOL, "%s", *text ? text : "??");
        if (location_line(session, pc, &line))
            say(session, " at %s:%u", line.file, line.line);
        say(session, "\n");
    }
}
