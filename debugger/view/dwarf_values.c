/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a variable's value is, wherever it lies (DWARF 5, section 2.6): in memory, in a register, in several parts, or
 * known to the compiler alone. What is no number, and not in the guest's memory, is put together in the debugger's own
 * (struct made_memory), so that all that works on structures in memory works on these:
 *
 *     struct { int a, b; } p;     DW_OP_reg3, DW_OP_piece 4, DW_OP_piece 4      a: of x3; b: optimized out */
#include <stdlib.h>
#include <string.h>
#include "debugger/view/dwarf_file.h"

#define REG_V_NUMBER 64u
#define DEPTH_MAX    8u /* of pointers to what is known to the compiler alone */

/* --- numbers --------------------------------------------------------------------------------------- */

static bool is_vector(unsigned number)
{
    return number >= REG_V_NUMBER && number < REG_V_NUMBER + 32;
}

/* All of a register, in `bytes`, of which `*length` are filled. */
static bool read_register(const struct dwarf_context *c, unsigned number, uint8_t bytes[16], size_t *length)
{
    uint64_t value;
    char name[8];
    unsigned size;
    if (!is_vector(number)) {
        *length = sizeof value;
        if (!dwarf_register(c->frame, number, &value))
            return false;
        memcpy(bytes, &value, sizeof value);
        return true;
    }
    *length = 16;
    snprintf(name, sizeof name, "q%u", number - REG_V_NUMBER);
    /* Those of callers are not kept. */
    return !c->frame->is_return && register_read(session_cpu(c->session), name, bytes, &size);
}

/* Of its low bytes alone. */
static void fit(struct value *value)
{
    const struct type *type = type_strip(value->type);
    unsigned bits = type->size < 8 ? (unsigned)type->size * 8 : 64;
    if (bits == 64 || !bits)
        return;
    value->number &= (1ull << bits) - 1;
    if (type->is_signed && value->number >> (bits - 1))
        value->number |= ~0ull << bits;
}

static bool is_number(const struct type *type)
{
    return type_is_scalar(type) && type_strip(type)->size <= 8;
}

/* --- parts ----------------------------------------------------------------------------------------- */

/* A value that is being put together. */
struct joined {
    uint8_t bytes[MADE_MAX];
    bool told[MADE_MAX], missing[MADE_MAX]; /* some bit of the byte is known; or is not */
    uint64_t bit_count, at;                 /* of all; where the next part goes */
};

/* The first `length` bytes of what a location came to. */
static bool read_place(const struct dwarf_context *c, const struct dwarf_place *place, uint8_t *bytes, size_t length)
{
    uint8_t whole[16] = {0};
    size_t there = sizeof place->number;
    struct value pointer = {.type = type_builtin("unsigned long")};
    memcpy(whole, &place->number, sizeof place->number);
    switch (place->kind) {
    case PLACE_NONE: return false;
    case PLACE_MEMORY: return space_read(c->space, place->number, bytes, length) == length;
    case PLACE_BYTES:
        if (length <= place->number)
            memcpy(bytes, place->bytes, length);
        return length <= place->number;
    case PLACE_VALUE: break;
    case PLACE_POINTER:
        if (dwarf_implicit_pointer(c, place->op, &pointer))
            return false;
        memcpy(whole, &pointer.number, sizeof pointer.number);
        break;
    case PLACE_REGISTER:
        if (!read_register(c, (unsigned)place->number, whole, &there))
            return false;
    }
    if (length > there)
        return false;
    memcpy(bytes, whole, length);
    return true;
}

/* `bits` from bit `from` of what a location came to are the next part. */
static void add_part(const struct dwarf_context *c, const struct dwarf_place *place, uint64_t bits, uint64_t from,
                     struct joined *joined)
{
    static uint8_t source[MADE_MAX];
    if (bits > joined->bit_count - joined->at)
        bits = joined->bit_count - joined->at;
    const bool good = from <= MADE_MAX * 8 - bits && read_place(c, place, source, (size_t)((from + bits + 7) / 8));
    for (uint64_t i = 0; i < bits; i++, joined->at++) {
        const uint64_t byte = joined->at / 8, bit = joined->at % 8;
        (good ? joined->told : joined->missing)[byte] = true;
        if (good && source[(from + i) / 8] >> (from + i) % 8 & 1)
            joined->bytes[byte] |= (uint8_t)(1u << bit);
    }
}

static bool is_part(const Dwarf_Op *op)
{
    return op->atom == DW_OP_piece || op->atom == DW_OP_bit_piece;
}

/* Where there are no parts, all of it is one. */
static void add_parts(const struct dwarf_context *c, const Dwarf_Op *ops, size_t count, struct joined *joined)
{
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_part(&ops[i]))
            continue;
        const struct dwarf_place place = dwarf_compute(c, ops + from, i - from); /* of none: it was optimized out */
        const bool bits = ops[i].atom == DW_OP_bit_piece;
        if (bits || ops[i].number <= MADE_MAX)
            add_part(c, &place, bits ? ops[i].number : ops[i].number * 8, bits ? ops[i].number2 : 0, joined);
        from = i + 1;
    }
    if (!from) {
        const struct dwarf_place place = dwarf_compute(c, ops, count);
        add_part(c, &place, joined->bit_count, 0, joined);
    }
}

/* Makes the value of what is known of it. */
static const char *take_joined(const struct dwarf_context *c, struct joined *joined, uint64_t size, struct value *value)
{
    uint64_t known = 0;
    for (uint64_t i = 0; i < size; i++) {
        joined->told[i] &= !joined->missing[i];
        known += joined->told[i];
    }
    if (!known || (is_number(value->type) && known < size))
        return "optimized out";
    if (is_number(value->type)) {
        memcpy(&value->number, joined->bytes, size);
        fit(value);
        return NULL;
    }
    value->in_memory = true;
    value->address = made_put(c->session->made, joined->bytes, joined->told, size);
    return NULL;
}

/* NULL: the value is there, or what is left of it; else why not. */
static const char *join(const struct dwarf_context *c, const Dwarf_Op *ops, size_t count, struct value *value)
{
    const uint64_t size = type_strip(value->type)->size;
    if (!size || size > MADE_MAX)
        return "its value is too long to be shown";
    struct joined *joined = host_alloc(1, sizeof *joined);
    joined->bit_count = size * 8;
    add_parts(c, ops, count, joined);
    const char *why = take_joined(c, joined, size, value);
    free(joined);
    return why;
}

/* --- pointers to what is nowhere ------------------------------------------------------------------- */

const char *dwarf_implicit_pointer(const struct dwarf_context *c, const Dwarf_Op *op, struct value *value)
{
    Dwarf_Die target;
    struct value it;
    struct dwarf_context inner = *c;
    inner.depth++;
    if (c->depth > DEPTH_MAX || !c->attribute || dwarf_getlocation_die(c->attribute, op, &target) ||
        dwarf_value(&inner, &target, &it))
        return "it points to what was optimized out";
    if (!it.in_memory) {
        static const bool known[sizeof it.number] = {true, true, true, true, true, true, true, true};
        const uint64_t size = type_strip(it.type)->size;
        it.address = made_put(c->session->made, (const uint8_t *)&it.number, known,
                              size <= sizeof it.number ? size : sizeof it.number);
    }
    value->number = it.address + op->number2;
    return NULL;
}

/* --- all ------------------------------------------------------------------------------------------- */

/* Registers of the innermost frame can be set by the variable's name. */
static const char *value_in_register(const struct dwarf_context *c, unsigned number, struct value *value)
{
    uint8_t bytes[16] = {0};
    size_t length;
    if (!read_register(c, number, bytes, &length))
        return "the register that it is in was not kept";
    if (!c->frame->is_return)
        snprintf(value->reg, sizeof value->reg,
                 is_vector(number) ? type_strip(value->type)->size == 4 ? "s%u" : "d%u" : number == 31 ? "sp" : "x%u",
                 number & 31);
    memcpy(&value->number, bytes, sizeof value->number);
    fit(value);
    return NULL;
}

static const char *constant(Dwarf_Attribute *attribute, struct value *value)
{
    Dwarf_Word plain;
    Dwarf_Sword with_sign;
    Dwarf_Block block;
    const bool is_signed = type_strip(value->type)->is_signed;
    if (type_is_scalar(value->type) && !dwarf_formblock(attribute, &block) && block.length <= 8) {
        memcpy(&value->number, block.data, block.length); /* of a floating-point number */
        return NULL;
    }
    if (!type_is_scalar(value->type) ||
        (is_signed ? dwarf_formsdata(attribute, &with_sign) : dwarf_formudata(attribute, &plain)))
        return "its value is no number";
    value->number = is_signed ? (uint64_t)with_sign : plain;
    return NULL;
}

const char *dwarf_value(struct dwarf_context *c, Dwarf_Die *die, struct value *value)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *ops;
    size_t count;
    *value = (struct value){.type = dwarf_type_of(c->file, die)};
    if (dwarf_attr_integrate(die, DW_AT_const_value, &attribute))
        return constant(&attribute, value);
    if (!dwarf_attr_integrate(die, DW_AT_location, &attribute) ||
        dwarf_getlocation_addr(&attribute, c->at, &ops, &count, 1) != 1)
        return "optimized out";
    c->attribute = &attribute;
    for (size_t i = 0; i < count; i++)
        if (is_part(&ops[i]))
            return join(c, ops, count, value);
    const struct dwarf_place place = dwarf_compute(c, ops, count);
    switch (place.kind) {
    case PLACE_NONE: return place.why;
    case PLACE_MEMORY:
        value->in_memory = true;
        value->address = place.number;
        return NULL;
    case PLACE_POINTER: return dwarf_implicit_pointer(c, place.op, value);
    case PLACE_REGISTER:
        if (is_number(value->type))
            return value_in_register(c, (unsigned)place.number, value);
        break;
    case PLACE_VALUE:
        if (is_number(value->type)) {
            value->number = place.number;
            fit(value);
            return NULL;
        }
        break;
    case PLACE_BYTES: break;
    }
    return join(c, ops, count, value);
}
