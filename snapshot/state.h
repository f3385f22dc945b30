/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The state of a machine but for its memory and disks: every structure by its field list, and the inputs that wait.
 * Pieces with names, in a file (snapshots) or in memory (marks, and what a thread is still to write). */
#ifndef ARMATURE_STATE_H
#define ARMATURE_STATE_H

#include "machine/machine.h"
#include "snapshot/bytes.h"

#define STATE_NAME_BYTES 40 /* as FORMAT_NAME_BYTES */

/* Pieces. A CPU's are "cpu0", "cpu0.events", ...; a device's "device.NAME". */
#define SECTION_OPTIONS "options"
#define SECTION_CLOCK   "clock"
#define SECTION_LOOP    "loop"
#define SECTION_MACHINE "machine"
#define SECTION_INPUTS  "inputs"

struct state_piece {
    char name[STATE_NAME_BYTES];
    size_t offset, length;
};

/** The state of one moment, in memory. */
struct state_image {
    bool described; /* in the form of codec.h, as files have it; else the values alone */
    struct bytes bytes, pieces;
};

static inline size_t state_piece_count(const struct state_image *image)
{
    return image->pieces.length / sizeof(struct state_piece);
}

static inline const struct state_piece *state_piece(const struct state_image *image, size_t number)
{
    return (const struct state_piece *)image->pieces.at + number;
}

/** Takes the state of a machine that stands between two instructions. What `image` held is replaced. */
void state_take(struct state_image *image, const struct machine *machine, bool described);
void state_free(struct state_image *image);

/** Where a state comes from. */
struct state_source {
    /* Finds a piece. False: `error` says why there is none. */
    bool (*find)(void *context, const char *name, struct reader *reader, struct error *error);
    void *context;
    const char *path; /* of the file, for errors */
    bool described;
    /* Whether there is no such piece. NULL: all are there. */
    bool (*lacks)(void *context, const char *name);
};

/** Gives the state to a machine of the same parts. False: it is no state of it, and `error` has a line; the machine is
 * then to be freed. */
bool state_give(const struct state_source *source, struct machine *machine, struct error *error);

/** The same, of a state that was taken of this very machine. */
void state_give_back(const struct state_image *image, struct machine *machine);

/** Whether the state was written when no machine had that device yet, which then stays as after a reset. */
bool state_is_older(const struct state_source *source, const struct device *device);

/** One structure out of a source. */
bool state_get(const struct state_source *source, const char *name, const struct fields *fields, void *object,
               struct error *error);

#endif
