/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A damaged snapshot's effect on a device. */
#ifndef ARMATURE_FUZZ_SCRAMBLE_H
#define ARMATURE_FUZZ_SCRAMBLE_H

#include <string.h>
#include "machine/contract/fields.h"
#include "tests/fuzz/feed.h"

/** Puts bytes of the input in the place of an object's saved fields, as a damaged snapshot would. */
static inline void scramble(const struct fields *fields, void *object, struct feed *feed)
{
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        uint8_t *at = (uint8_t *)object + field->offset;
        for (uint32_t i = 0; i < field->count; i++, at += field->size) {
            uint64_t value = take(feed, 8);
            if (field->kind == FIELD_KIND_STRUCT)
                scramble(field->fields, at, feed);
            else if (field->kind == FIELD_KIND_UINT)
                memcpy(at, &value, field->size);
        }
    }
}

#endif
