/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hash of a state, folded over its field list. */
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
