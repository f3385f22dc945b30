/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes to structures. The schema is walked beside the values, again from its beginning for each element of an array. A
 * walk without a target passes over values, or tells them to somebody.
 *
 * Work is bounded by the bytes there are: a structure without a byte of values is refused, so that each step of a loop
 * takes at least one, and structures nest DEPTH_MAX deep. */
#include <assert.h>
#include <stdio.h>
#include "snapshot/codec.h"

#define DEPTH_MAX     6
#define BUFFER_MAX    (64u << 20)
#define PATH_BYTES    512

struct decoder {
    struct reader schema, values;
    const char *what;
    struct error *error;
    bool (*each)(void *context, const struct codec_value *value); /* NULL: values go to a structure */
    void *context;
    char path[PATH_BYTES]; /* of the structure, for `each` */
};

/* A field as the bytes have it. */
struct described {
    char name[READER_NAME_BYTES];
    enum field_kind kind;
    uint32_t size, count;
};

static bool complain(struct decoder *decoder, const char *field, const char *why)
{
    return error_set(decoder->error, "%s: field '%s' %s", decoder->what, field, why);
}

static bool damaged(struct decoder *decoder)
{
    return error_set(decoder->error, "%s: the description of its fields is damaged", decoder->what);
}

/* --- the schema ------------------------------------------------------------------------------------ */

static bool take_described(struct decoder *decoder, struct described *field)
{
    reader_name(&decoder->schema, field->name);
    field->kind = (enum field_kind)reader_number(&decoder->schema, 1);
    field->size = (uint32_t)reader_number(&decoder->schema, 4);
    field->count = (uint32_t)reader_number(&decoder->schema, 4);
    bool number = field->size == 1 || field->size == 2 || field->size == 4 || field->size == 8;
    bool good = field->kind == FIELD_KIND_UINT ? number && field->count : field->kind == FIELD_KIND_BYTES
                ? field->size && field->count : field->kind == FIELD_KIND_STRUCT ? field->count
                : field->kind == FIELD_KIND_BUFFER && field->count == 1;
    return (!decoder->schema.failed && good) || damaged(decoder);
}

/* Passes over the schema of a structure; `*least` becomes the fewest bytes that its values can have. */
static bool pass_schema(struct decoder *decoder, unsigned depth, uint64_t *least)
{
    char name[READER_NAME_BYTES];
    reader_name(&decoder->schema, name);
    uint32_t count = (uint32_t)reader_number(&decoder->schema, 4);
    *least = 0;
    if (depth > DEPTH_MAX || decoder->schema.failed)
        return damaged(decoder);
    for (uint32_t i = 0; i < count; i++) {
        struct described field;
        uint64_t bytes;
        if (!take_described(decoder, &field))
            return false;
        if (field.kind == FIELD_KIND_STRUCT) {
            if (!pass_schema(decoder, depth + 1, &bytes))
                return false;
            if (!bytes)
                return damaged(decoder);
        } else {
            bytes = field.kind == FIELD_KIND_BUFFER ? 8 : field.size;
        }
        if (bytes > decoder->values.left || field.count > decoder->values.left / bytes)
            return error_set(decoder->error, "%s: cut short: field '%s' is not all there", decoder->what, field.name);
        *least += bytes * field.count;
    }
    return true;
}

/* --- where a field goes ---------------------------------------------------------------------------- */

/* The field of that name, by its present name; NULL: it is retired, or (`*known` false) nobody has heard of it. */
static const struct field *find_field(const struct fields *fields, const char *name, bool *known)
{
    for (const struct codec_history *row = codec_history; row->structure; row++)
        if (!strcmp(row->structure, fields->name) && !strcmp(row->was, name)) {
            *known = true;
            if (!row->now)
                return NULL;
            name = row->now;
            break;
        }
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++)
        if (field->kind != FIELD_KIND_HOST && !strcmp(field->name, name)) {
            *known = true;
            return field;
        }
    return NULL;
}

static bool store_number(struct decoder *decoder, const struct field *field, uint8_t *to, uint64_t value)
{
    if ((field->size < 8 && value >> (8 * field->size)) || (field->boolean && value > 1))
        return complain(decoder, field->name, "has a value that is too large");
    memcpy(to, &value, field->size);
    return true;
}

static bool store_plain(struct decoder *decoder, const struct described *from, const struct field *field,
                        uint8_t *object)
{
    uint8_t *to = object + field->offset;
    if (from->kind == FIELD_KIND_BYTES) {
        uint64_t length = (uint64_t)from->size * from->count;
        const uint8_t *bytes = reader_take(&decoder->values, length);
        if (!bytes || length != (uint64_t)field->size * field->count)
            return complain(decoder, field->name, "has another length than here");
        memcpy(to, bytes, length);
        return true;
    }
    for (uint32_t i = 0; i < from->count; i++)
        if (!store_number(decoder, field, to + (size_t)i * field->size, reader_number(&decoder->values, from->size)))
            return false;
    return true;
}

static void set_buffer(const struct field *field, uint8_t *object, const uint8_t *from, size_t length)
{
    void *buffer;
    memcpy(&buffer, object + field->offset, sizeof buffer);
    buffer = host_realloc(buffer, length, 1);
    if (length)
        memcpy(buffer, from, length);
    memcpy(object + field->offset, &buffer, sizeof buffer);
    memcpy(object + field->length_offset, &length, sizeof length);
}

static bool store_buffer(struct decoder *decoder, const struct field *field, uint8_t *object)
{
    size_t length = (size_t)reader_number(&decoder->values, 8);
    const uint8_t *from = length <= BUFFER_MAX ? reader_take(&decoder->values, length) : NULL;
    if (!from)
        return complain(decoder, field->name, "has a length that cannot be");
    if (!field)
        return true;
    set_buffer(field, object, from, length);
    return true;
}

/* --- values that are told -------------------------------------------------------------------------- */

static bool tell(struct decoder *decoder, const struct described *field)
{
    size_t length = strlen(decoder->path);
    uint32_t count = field->kind == FIELD_KIND_BUFFER ? 1 : field->count;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t size = field->kind == FIELD_KIND_BUFFER ? reader_number(&decoder->values, 8) : field->size;
        struct codec_value value = {decoder->path, NULL, (uint32_t)size, field->kind != FIELD_KIND_UINT};
        if (size > BUFFER_MAX || !(value.at = reader_take(&decoder->values, size)))
            return complain(decoder, field->name, "is not all there");
        if (!decoder->each)
            continue;
        snprintf(decoder->path + length, PATH_BYTES - length, count > 1 ? "%s[%u]" : "%s", field->name, i);
        bool good = decoder->each(decoder->context, &value);
        decoder->path[length] = 0;
        if (!good)
            return false;
    }
    return true;
}

/* --- structures ------------------------------------------------------------------------------------ */

static bool get_structure(struct decoder *decoder, const struct fields *fields, uint8_t *object, unsigned depth);

static bool get_structures(struct decoder *decoder, const struct described *from, const struct field *field,
                           uint8_t *object, unsigned depth)
{
    struct reader schema = decoder->schema;
    size_t length = strlen(decoder->path);
    for (uint32_t i = 0; i < from->count; i++) {
        decoder->schema = schema;
        if (decoder->each)
            snprintf(decoder->path + length, PATH_BYTES - length, from->count > 1 ? "%s[%u]." : "%s.", from->name, i);
        if (!get_structure(decoder, field ? field->fields : NULL,
                           field ? object + field->offset + (size_t)i * field->size : NULL, depth + 1))
            return false;
        decoder->path[length] = 0;
    }
    return true;
}

static bool get_field(struct decoder *decoder, const struct described *from, const struct field *field, uint8_t *object,
                      unsigned depth)
{
    if (field && (field->kind != from->kind || from->count > field->count))
        return complain(decoder, from->name, "is of another kind, or has more elements than here");
    if (from->kind == FIELD_KIND_STRUCT)
        return get_structures(decoder, from, field, object, depth);
    if (!field)
        return tell(decoder, from);
    if (from->kind == FIELD_KIND_BUFFER)
        return store_buffer(decoder, field, object);
    return store_plain(decoder, from, field, object);
}

/* `fields` NULL: there is no target. */
static bool get_structure(struct decoder *decoder, const struct fields *fields, uint8_t *object, unsigned depth)
{
    char name[READER_NAME_BYTES];
    reader_name(&decoder->schema, name);
    uint32_t count = (uint32_t)reader_number(&decoder->schema, 4);
    if (depth > DEPTH_MAX || decoder->schema.failed)
        return damaged(decoder);
    if (fields && strcmp(name, fields->name))
        return error_set(decoder->error, "%s: is a '%s' where a '%s' was expected", decoder->what, name, fields->name);
    for (uint32_t i = 0; i < count; i++) {
        struct described from;
        bool known = false;
        if (!take_described(decoder, &from))
            return false;
        const struct field *field = fields ? find_field(fields, from.name, &known) : NULL;
        if (fields && !known)
            return complain(decoder, from.name, "is not known here; a newer version of the program made this");
        if (!get_field(decoder, &from, field, object, depth))
            return false;
    }
    return true;
}

/* Finds where the schema ends and the values begin, and whether the values can be all there. */
static bool begin(struct decoder *decoder, struct reader *reader)
{
    uint64_t least;
    decoder->schema = decoder->values = *reader;
    if (!pass_schema(decoder, 0, &least))
        return false;
    decoder->values = decoder->schema;
    if (least > decoder->values.left)
        return error_set(decoder->error, "%s: cut short", decoder->what);
    decoder->schema = *reader;
    decoder->schema.left -= decoder->values.left;
    return true;
}

bool codec_get(struct reader *reader, const struct fields *fields, void *object, const char *what, struct error *error)
{
    struct decoder decoder = {.what = what, .error = error};
    if (!begin(&decoder, reader) || !get_structure(&decoder, fields, object, 0))
        return false;
    *reader = decoder.values;
    return !reader->failed || error_set(error, "%s: cut short", what);
}

bool codec_each(struct reader *reader, bool (*each)(void *context, const struct codec_value *value), void *context)
{
    struct decoder decoder = {.what = "", .each = each, .context = context};
    if (!begin(&decoder, reader) || !get_structure(&decoder, NULL, NULL, 0))
        return false;
    *reader = decoder.values;
    return !reader->failed;
}

void codec_take_values(struct reader *reader, const struct fields *fields, void *object)
{
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        uint8_t *to = (uint8_t *)object + field->offset;
        const size_t length = (size_t)field->size * field->count;
        if (field->kind == FIELD_KIND_BUFFER) {
            const size_t bytes = (size_t)reader_number(reader, 8);
            set_buffer(field, object, reader_take(reader, bytes), bytes);
        } else if (field->kind == FIELD_KIND_STRUCT) {
            for (uint32_t i = 0; i < field->count; i++)
                codec_take_values(reader, field->fields, to + (size_t)i * field->size);
        } else if (field->kind != FIELD_KIND_HOST) {
            memcpy(to, reader_take(reader, length), length);
        }
    }
}
