/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a place in code that runs: its frame, with the registers that the function has, and its line. */
#ifndef ARMATURE_DEBUGGER_FRAME_H
#define ARMATURE_DEBUGGER_FRAME_H

#include <stdbool.h>
#include <stdint.h>

struct frame {
    uint64_t pc;    /* of outer frames: the address returned to */
    uint64_t sp;
    bool is_return; /* pc is a return address: the call is before it */
    uint64_t x[31]; /* as the function has them: */
    uint32_t known; /* those that can be told, a bit each */
    unsigned level; /* 0, or so many functions were inlined in the frame below this one */
    bool outermost; /* the CFI says that it was called by nobody */
};

/** The address that the frame's line and variables are found by: of the call, where it is one. */
static inline uint64_t frame_code(const struct frame *frame)
{
    return frame->is_return ? frame->pc - 4 : frame->pc;
}

/** Return addresses may be signed: the bits above the address are put right, as XPAC does. */
static inline uint64_t backtrace_strip(uint64_t address)
{
    return address >> 55 & 1 ? address | 0xffff000000000000ull : address & 0x0000ffffffffffffull;
}

/** A line of the source. */
struct source_line {
    const char *file;
    unsigned line;
    const char *folder; /* that a relative `file` is to be looked for from; NULL: not known */
};

#endif
