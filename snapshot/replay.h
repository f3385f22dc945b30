/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Following a log: the recorded run is done again, input by input, and compared on the way. */
#ifndef ARMATURE_REPLAY_H
#define ARMATURE_REPLAY_H

#include "machine/machine.h"

struct replay;

/** Opens the log at `path` and checks all of it. NULL: `error` says what is wrong. */
struct replay *replay_open(const char *path, struct error *error);

/** Puts what the log says of its machine into `options`, which holds the defaults. */
bool replay_options(const struct replay *replay, struct run_options *options, struct error *error);

/** The tape, which belongs into the options of the machine that is made next. */
const struct tape *replay_tape(const struct replay *replay);

/** Whether the machine, which was built and has not run, is the one that was recorded. */
bool replay_start(struct replay *replay, struct machine *machine, const char *program, struct error *error);

/** The machine has stopped, with `status`. Returns the program's exit status; for EXIT_STATUS_HOST `error` says why. */
int replay_finish(struct replay *replay, int status, struct error *error);
void replay_free(struct replay *replay);

#endif
