/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A structure as bytes that say themselves what they are: the names, kinds and sizes of its fields as its list has
 * them, then their values, packed in that order.
 *
 *     struct point {uint32_t x, y[2];}:   schema   "point" 2 fields: "x" UINT 4 bytes, 1; "y" UINT 4 bytes, 2
 *                                         values   x y[0] y[1]: 12 bytes
 *
 * A field is found by its name, so that fields may be added (those that the bytes lack keep what they have), moved,
 * widened, retired and renamed (history.c). */
#ifndef ARMATURE_CODEC_H
#define ARMATURE_CODEC_H

#include "machine/contract/fields.h"
#include "snapshot/bytes.h"

/** Appends `object` as its list describes it. */
void codec_put(struct bytes *bytes, const struct fields *fields, const void *object);

/** Replaces the fields of `object` by what the bytes say; they are hostile. False: `error` names `what`, the field, and
 *  what is wrong; some fields may have been replaced. */
bool codec_get(struct reader *reader, const struct fields *fields, void *object, const char *what, struct error *error);

/** The values alone, for who keeps them within one run of the program: nothing says what they are, and they are
 * trusted. */
void codec_put_values(struct bytes *bytes, const struct fields *fields, const void *object);
void codec_take_values(struct reader *reader, const struct fields *fields, void *object);

/** One number or row of opaque bytes of a structure. */
struct codec_value {
    const char *name; /* "requests[3].head" */
    const uint8_t *at;
    uint32_t size;
    bool opaque;
};

/** Tells `each` every value in the bytes, in order, no list being at hand. False: they are damaged, or `each` said so.
 */
bool codec_each(struct reader *reader, bool (*each)(void *context, const struct codec_value *value), void *context);

/** A field that had another name (`now`), or that is no more (NULL), in a structure by the name `structure`. */
struct codec_history {
    const char *structure, *was, *now;
};
extern const struct codec_history codec_history[]; /* ends with a row of NULL */

/** Pieces of a state (state.h) that an earlier version had not, as it had no such device; ends with NULL. */
extern const char *const section_history[];

#endif
