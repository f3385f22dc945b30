/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Call stacks, by frame pointers, and by DWARF's CFI where a file with it is loaded. */
#ifndef ARMATURE_DEBUGGER_BACKTRACE_H
#define ARMATURE_DEBUGGER_BACKTRACE_H

#include "debugger/session/session.h"
#include "debugger/view/frame.h"

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
