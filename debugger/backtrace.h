/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Call stacks, by frame pointers, and by DWARF's CFI where a file with it is loaded. */
#ifndef ARMATURE_DEBUGGER_BACKTRACE_H
#define ARMATURE_DEBUGGER_BACKTRACE_H

#include "debugger/session.h"

struct frame {
    uint64_t pc;    /* of outer frames: the address returned to */
    uint64_t sp, fp;
    bool is_return; /* pc is a return address: the call is before it */
};

/** Unwinds from the registers of the selected CPU; returns how many frames there are, at most `capacity`. */
unsigned backtrace_of_cpu(struct session *session, const struct space *space, struct frame *frames, unsigned capacity);

/** From given registers. */
unsigned backtrace_from(struct session *session, const struct space *space, uint64_t pc, uint64_t sp, uint64_t fp,
                        uint64_t lr, struct frame *frames, unsigned capacity);

/** Prints frames, one a line. */
void backtrace_print(struct session *session, const struct frame *frames, unsigned count);

#endif
