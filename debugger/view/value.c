/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What expressions yield: numbers, and places in memory that are read and written when it comes to that. */
#include <string.h>
#include "debugger/view/expression_parser.h"

/* --- values ---------------------------------------------------------------------------------------- */

bool type_is_scalar(const struct type *type)
{
    enum type_kind kind = type_strip(type)->kind;
    return kind == TYPE_INT || kind == TYPE_ENUM || kind == TYPE_POINTER || kind == TYPE_FLOAT;
}

struct value value_of(uint64_t number, const struct type *type)
{
    return (struct value){.type = type, .number = number};
}

struct value value_plain(uint64_t number)
{
    return value_of(number, type_builtin("unsigned long"));
}

struct value value_in_memory(uint64_t address, const struct type *type)
{
    return (struct value){.type = type, .in_memory = true, .address = address};
}

/* The low `bits` of a number, extended as its type says. */
static uint64_t extend(uint64_t number, unsigned bits, bool is_signed)
{
    if (bits == 0 || bits >= 64)
        return number;
    number &= (1ull << bits) - 1;
    return is_signed && number >> (bits - 1) & 1 ? number | ~0ull << bits : number;
}

uint64_t value_fit(uint64_t number, const struct type *type)
{
    type = type_strip(type);
    if (type->is_bool)
        return number != 0;
    return type->kind == TYPE_INT || type->kind == TYPE_ENUM ? extend(number, (unsigned)type->size * 8, type->is_signed)
                                                             : number;
}

static bool nothing_there(uint64_t address, struct error *error)
{
    return made_is(address) ? error_set(error, "optimized out")
                            : error_set(error, "memory at 0x%llx is not there", (unsigned long long)address);
}

bool value_number(struct session *session, const struct value *value, uint64_t *number, struct error *error)
{
    const struct type *type = type_strip(value->type);
    if (!value->in_memory) {
        *number = value->number;
        return true;
    }
    if (type->kind == TYPE_ARRAY || type->kind == TYPE_FUNCTION) {
        *number = value->address;
        return true;
    }
    if (!type_is_scalar(type)) {
        char name[128];
        type_name(value->type, name, sizeof name);
        return error_set(error, "a value of type %s is no number", name);
    }
    struct space space = session_space(session);
    uint64_t bytes[2] = {0};
    size_t size = type->size <= 8 ? (size_t)type->size : 8;
    if (value->bits) {
        if (value->bits > 64)
            return error_set(error, "a bit field of %u bits", value->bits);
        uint64_t first = value->address + value->bit_offset / 8;
        size = (value->bit_offset % 8 + value->bits + 7) / 8;
        if (space_read(&space, first, bytes, size) != size)
            return nothing_there(first, error);
        unsigned shift = value->bit_offset % 8;
        uint64_t joined = shift ? bytes[0] >> shift | bytes[1] << (64 - shift) : bytes[0];
        *number = extend(joined, value->bits, type->is_signed);
        return true;
    }
    if (space_read(&space, value->address, bytes, size) != size)
        return nothing_there(value->address, error);
    *number = value_fit(bytes[0], type);
    return true;
}

bool value_location(struct session *session, const struct value *value, uint64_t *address, struct error *error)
{
    const struct type *type = type_strip(value->type);
    if (value->in_memory && (value->is_symbol || !type_is_scalar(type))) {
        *address = value->address;
        return true;
    }
    return value_number(session, value, address, error);
}

bool value_assign(struct session *session, const struct value *to, const struct value *from, struct error *error)
{
    uint64_t number;
    struct value converted = *from;
    if (to->in_memory && type_is_scalar(to->type) && !value_convert(session, &converted, to->type, error))
        return false;
    if (!value_number(session, &converted, &number, error))
        return false;
    if (*to->reg)
        return register_write(session_cpu(session), to->reg, &number, 8) ||
               error_set(error, "register %s cannot be written", to->reg);
    if (!to->in_memory)
        return error_set(error, "there is nothing to be set: name a register, a symbol or memory");
    const struct type *type = type_strip(to->type);
    if (!type_is_scalar(type) || type->size > 8)
        return error_set(error, "only numbers and pointers can be set");
    struct space space = session_space(session);
    uint64_t address = to->address;
    size_t size = type->size;
    if (made_is(address))
        return error_set(error, "it lies in several parts, or nowhere: it cannot be set");
    if (to->bits) {
        uint64_t old = 0;
        address += to->bit_offset / 8;
        unsigned shift = to->bit_offset % 8;
        size = (shift + to->bits + 7) / 8;
        if (size > 8 || space_read(&space, address, &old, size) != size)
            return error_set(error, "that bit field cannot be set");
        uint64_t mask = (to->bits == 64 ? ~0ull : (1ull << to->bits) - 1) << shift;
        number = (old & ~mask) | (number << shift & mask);
    }
    return space_write(&space, address, &number, size) ||
           error_set(error, "memory at 0x%llx is not there", (unsigned long long)address);
}
