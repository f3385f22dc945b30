/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Saves a machine while it runs on: it stands still for the moment in which its state is taken, and a thread of its own
 * writes the file. Knows what changed since the last snapshot, so that the next may hold that alone. */
#ifndef ARMATURE_SAVER_H
#define ARMATURE_SAVER_H

#include "machine/machine.h"

struct saver;
struct snapshot;

struct saver_options {
    bool compress;
    bool
        incremental; /* what changed since the snapshot that was written, or restored, last; all, where there is none */
};

/** Of a machine that was made, and, where `restored` is not NULL, given that snapshot's state. `done` is called from
 *  another thread when a file is finished, or will not be. */
struct saver *saver_create(struct machine *machine, const struct snapshot *restored, void (*done)(void *context),
                           void *context);

/** The machine was given that snapshot's state while it ran: the next incremental one is its child. */
void saver_restored(struct saver *saver, const struct snapshot *restored);

/** Begins to save the machine, which stands between two instructions and is not changed. One that is being written is
 * waited for first, and its error is this one's. False: `error` says why nothing is being written. */
bool saver_save(struct saver *saver, const char *path, const struct saver_options *options, struct error *error);

/** Whether a file is being written. */
bool saver_busy(const struct saver *saver);

/** Waits for the file. False: there is none, and an old one is as it was; `error` says why. True where none was begun.
 */
bool saver_wait(struct saver *saver, struct error *error);

/** Waits, and frees. Before the machine is. NULL is allowed. */
void saver_free(struct saver *saver);

#endif
