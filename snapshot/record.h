/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recording a run: all that reaches the machine goes into a log, with its stamp. */
#ifndef ARMATURE_RECORD_H
#define ARMATURE_RECORD_H

#include "machine/machine.h"

struct record;

/** Readies a recording; its tape belongs into the options of the machine that is made next. */
struct record *record_create(void);
const struct tape *record_tape(const struct record *record);

/** Makes the log at `path`, before the machine runs (on). `program`: the version that writes it. */
bool record_start(struct record *record, struct machine *machine, const char *path, const char *program,
                  struct error *error);

/** The machine has stopped: writes how, and ends the log. False: it is not whole, and `error` says why. */
bool record_finish(struct record *record, struct error *error);
void record_free(struct record *record);

#endif
