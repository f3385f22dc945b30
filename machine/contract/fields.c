/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hash of a state, folded over its field list; copies, comparisons. */
#include "machine/contract/fields.h"
#include <assert.h>
#include <string.h>

/* One step: every bit of the word reaches every bit of the hash. */
static uint64_t hash_word(uint64_t word, uint64_t hash)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 32;
}

uint64_t hash_bytes(const void *bytes, size_t length, uint64_t hash)
{
    const uint8_t *at = bytes;
    uint64_t word;
    hash = hash_word(length, hash);
    for (; length >= sizeof word; at += sizeof word, length -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = hash_word(word, hash);
    }
    if (length) {
        word = 0;
        memcpy(&word, at, length);
        hash = hash_word(word, hash);
    }
    return hash;
}

static uint64_t hash_field(const struct field *field, const uint8_t *object, uint64_t hash)
{
    const uint8_t *at = object + field->offset;
    switch (field->kind) {
    case FIELD_KIND_UINT:
        for (uint32_t i = 0; i < field->count; i++) {
            uint64_t value = 0;
            memcpy(&value, at + (size_t)i * field->size, field->size);
            hash = hash_word(value, hash);
        }
        return hash;
    case FIELD_KIND_BYTES: return hash_bytes(at, (size_t)field->size * field->count, hash);
    case FIELD_KIND_STRUCT:
        for (uint32_t i = 0; i < field->count; i++)
            hash = fields_hash(field->fields, at + (size_t)i * field->size, hash);
        return hash;
    case FIELD_KIND_BUFFER: {
        const void *buffer;
        size_t length;
        memcpy(&buffer, at, sizeof buffer);
        memcpy(&length, object + field->length_offset, sizeof length);
        return hash_bytes(buffer, length, hash);
    }
    case FIELD_KIND_HOST:
    case FIELD_KIND_END: return hash;
    }
    assert(!"a field kind that is in the list");
    return hash;
}

uint64_t fields_hash(const struct fields *fields, const void *object, uint64_t hash)
{
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++)
        hash = hash_field(field, object, hash);
    return hash;
}

void fields_copy(const struct fields *fields, void *to, const void *from)
{
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        uint8_t *at = (uint8_t *)to + field->offset;
        const uint8_t *source = (const uint8_t *)from + field->offset;
        assert(field->kind != FIELD_KIND_BUFFER);
        if (field->kind == FIELD_KIND_STRUCT)
            for (uint32_t i = 0; i < field->count; i++)
                fields_copy(field->fields, at + (size_t)i * field->size, source + (size_t)i * field->size);
        else if (field->kind != FIELD_KIND_HOST)
            memcpy(at, source, (size_t)field->size * field->count);
    }
}

bool fields_equal(const struct fields *fields, const void *a, const void *b)
{
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        const uint8_t *x = (const uint8_t *)a + field->offset, *y = (const uint8_t *)b + field->offset;
        assert(field->kind != FIELD_KIND_BUFFER);
        if (field->kind == FIELD_KIND_STRUCT) {
            for (uint32_t i = 0; i < field->count; i++)
                if (!fields_equal(field->fields, x + (size_t)i * field->size, y + (size_t)i * field->size))
                    return false;
        } else if (field->kind != FIELD_KIND_HOST && memcmp(x, y, (size_t)field->size * field->count)) {
            return false;
        }
    }
    return true;
}

static void print_bytes(FILE *to, const uint8_t *bytes, size_t size)
{
    for (size_t i = size; i--;)
        fprintf(to, "%02x", bytes[i]);
}

static void print_difference(FILE *to, const char *indent, const char *prefix, const struct fields *fields,
                             const uint8_t *a, const uint8_t *b)
{
    enum { OPAQUE_BYTES = 16 };
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        assert(field->kind != FIELD_KIND_BUFFER);
        const bool opaque = field->kind == FIELD_KIND_BYTES && field->size % OPAQUE_BYTES == 0;
        const uint32_t size = opaque ? OPAQUE_BYTES : field->size, count = field->size / size * field->count;
        for (uint32_t i = 0; i < count && field->kind != FIELD_KIND_HOST; i++) {
            const uint8_t *x = a + field->offset + (size_t)i * size, *y = b + field->offset + (size_t)i * size;
            if (!memcmp(x, y, size))
                continue;
            char name[80];
            snprintf(name, sizeof name, count > 1 ? "%s%s[%u]" : "%s%s", prefix, field->name, i);
            if (field->kind == FIELD_KIND_STRUCT) {
                strncat(name, ".", sizeof name - strlen(name) - 1);
                print_difference(to, indent, name, field->fields, x, y);
                continue;
            }
            fprintf(to, "%s%-20s ", indent, name);
            print_bytes(to, x, size);
            fprintf(to, "  ");
            print_bytes(to, y, size);
            fprintf(to, "\n");
        }
    }
}

void fields_print_difference(FILE *to, const char *indent, const struct fields *fields, const void *a, const void *b)
{
    print_difference(to, indent, "", fields, a, b);
}
