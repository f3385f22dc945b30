/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structures to bytes. */
#include "snapshot/codec.h"

static void put_schema(struct bytes *bytes, const struct fields *fields)
{
    uint32_t count = 0;
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++)
        count += field->kind != FIELD_KIND_HOST;
    bytes_put_name(bytes, fields->name);
    bytes_put_u32(bytes, count);
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        if (field->kind == FIELD_KIND_HOST)
            continue;
        bytes_put_name(bytes, field->name);
        bytes_put_u8(bytes, (uint8_t)field->kind);
        bytes_put_u32(bytes, field->kind == FIELD_KIND_STRUCT || field->kind == FIELD_KIND_BUFFER ? 0 : field->size);
        bytes_put_u32(bytes, field->count);
        if (field->kind == FIELD_KIND_STRUCT)
            put_schema(bytes, field->fields);
    }
}

static void put_buffer(struct bytes *bytes, const struct field *field, const uint8_t *object)
{
    const void *buffer;
    size_t length;
    memcpy(&buffer, object + field->offset, sizeof buffer);
    memcpy(&length, object + field->length_offset, sizeof length);
    bytes_put_u64(bytes, length);
    bytes_put(bytes, buffer, length);
}

void codec_put_values(struct bytes *bytes, const struct fields *fields, const void *structure)
{
    const uint8_t *object = structure;
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        const uint8_t *at = object + field->offset;
        if (field->kind == FIELD_KIND_BUFFER)
            put_buffer(bytes, field, object);
        else if (field->kind == FIELD_KIND_STRUCT)
            for (uint32_t i = 0; i < field->count; i++)
                codec_put_values(bytes, field->fields, at + (size_t)i * field->size);
        else if (field->kind != FIELD_KIND_HOST)
            bytes_put(bytes, at, (size_t)field->size * field->count);
    }
}

void codec_put(struct bytes *bytes, const struct fields *fields, const void *object)
{
    put_schema(bytes, fields);
    codec_put_values(bytes, fields, object);
}
