/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Call stacks, by frame pointers, and by DWARF's CFI where a file with it is loaded. */
#ifndef ARMATURE_DEBUGGER_BACKTRACE_H
#define ARMATURE_DEBUGGER_BACKTRACE_H

#include "debugger/session/session.h"

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

/** The frame of the selected CPU's registers. */
struct frame backtrace_top(struct session *session);

/** Unwinds from the registers of the selected CPU; returns how many frames there are, at most `capacity`. */
unsigned backtrace_of_cpu(struct session *session, const struct space *space, struct frame *frames, unsigned capacity);

/** From a frame, which becomes the first one. */
unsigned backtrace_from(struct session *session, const struct space *space, const struct frame *top,
                        struct frame *frames, unsigned capacity);

/** The frame with that number, inlined functions counted. False: there are not so many. */
bool backtrace_frame(struct session *session, unsigned number, struct frame *frame);

/** Prints frames, one a line, and inlined functions as frames of their own. Returns how many lines there were. */
unsigned backtrace_print(struct session *session, const struct frame *frames, unsigned count);
/** Prints one, as number `number`. */
void backtrace_print_one(struct session *session, const struct frame *frame, unsigned number);

#endif
