/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Going back in time. While the guest runs, checkpoints are set every so many instructions, of which fewer stay as
 * time goes on, and inputs are kept with their stamps. To be at an earlier moment, the machine goes back to the
 * checkpoint before it and runs again, with the same inputs, to that moment; what it prints meanwhile was printed before,
 * and is not again. When it has come to where it had been, it takes inputs from the host once more.
 *
 *     checkpoints  0......1......2......3...  now        goto X: back to 1, then forward to X; 2 and 3 are set again on
 *                          X                              the way forward */
#ifndef ARMATURE_DEBUGGER_HISTORY_H
#define ARMATURE_DEBUGGER_HISTORY_H

#include "debugger/session/session.h"

struct stopping_tracer;

/** Begins to keep history in up to `bytes` of the host's memory. */
struct history *history_create(struct session *session, uint64_t bytes);
void history_free(struct history *history);

/** Runs the machine as machine_resume() does, with checkpoints on the way. `history` may be NULL. False: the host
 * failed. */
bool history_resume(struct session *session, struct error *error);

/** Whether the machine runs again what it ran before. */
bool history_replays(const struct history *history);

/** Whether there is a mark in what is past. If so, and `go`, the machine goes there, to run again from there. */
bool history_marked(struct session *session, bool go, struct error *error);

/** Where the machine is in the past: goes to where it had come, so that it can go on, or end, as if it had not. */
bool history_return(struct session *session, struct error *error);

/** Goes to where all CPUs together had run `insns` instructions. */
bool history_go(struct session *session, uint64_t insns, struct error *error);
/** The same for a time: where it begins, of the instructions that start then or later. */
bool history_go_time(struct session *session, uint64_t ns, struct error *error);
/** Back by so many instructions of the selected CPU. */
bool history_step_back(struct session *session, uint64_t count, struct error *error);
/** How many instructions of the selected CPU can be gone back at most. */
uint64_t history_reach(const struct session *session);
/** Runs the last `count` instructions of the selected CPU again, up to here, with all told to `tracer` (which is
 * `of_past`). */
bool history_look_back(struct session *session, uint64_t count, struct stopping_tracer *tracer, struct error *error);
/** Back to the last breakpoint or watchpoint that was hit before now; to the beginning of history if there was none. */
bool history_continue_back(struct session *session, struct error *error);
/** As history_continue_back() for hits of `point` alone; *found tells whether there was one. */
bool history_last_hit(struct session *session, const struct point *point, bool *found, struct error *error);

/** gdb's bs and bc; session->stop tells what came of it. */
void history_gdb(struct session *session, bool step);

/** Sets a checkpoint here, for faster ways back. Where it `stays`, only the budget of memory can end it. */
bool history_checkpoint(struct session *session, bool stays, struct error *error);
/** Marks this moment, in place of an earlier mark. */
bool history_mark(struct session *session, struct error *error);
/** Makes the machine what it was at the mark. What came after is forgotten, and is no future to be run again. */
bool history_reset(struct session *session, struct error *error);
/** Tells what is kept. */
void history_show(struct session *session);

#endif
