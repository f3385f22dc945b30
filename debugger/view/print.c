/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values as text. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/expression.h"

#define STRING_MAX   200u
#define ELEMENTS_MAX 200u
#define DEPTH_MAX    12u
#define VALUES_MAX   20000u /* in one: what comes from outside may say that it contains itself, again and again */

static unsigned values_left;

static void print_value(struct session *session, const struct value *value, char format, unsigned indent);

static void print_quoted(struct session *session, const char *text, size_t length)
{
    fputc('"', session->out);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\')
            say(session, "\\%c", byte);
        else if (byte == '\n')
            say(session, "\\n");
        else if (byte == '\t')
            say(session, "\\t");
        else if (isprint(byte))
            say(session, "%c", byte);
        else
            say(session, "\\%03o", byte);
    }
    fputc('"', session->out);
}

static void print_string_at(struct session *session, uint64_t address)
{
    char text[STRING_MAX + 1];
    struct space space = session_space(session);
    if (!space_read_string(&space, address, text, sizeof text))
        return;
    say(session, " ");
    print_quoted(session, text, strlen(text));
    if (strlen(text) == STRING_MAX)
        say(session, "...");
}

static void print_number_as(struct session *session, uint64_t number, char format, const struct type *type)
{
    unsigned bits = type->size && type->size < 8 ? (unsigned)type->size * 8 : 64;
    uint64_t low = bits < 64 ? number & ((1ull << bits) - 1) : number;
    switch (format) {
    case 'x': say(session, "0x%" PRIx64, low); break;
    case 'd':
        say(session, "%" PRId64, bits < 64 && low >> (bits - 1) ? (int64_t)(low | ~0ull << bits) : (int64_t)low);
        break;
    case 'u': say(session, "%" PRIu64, low); break;
    case 'o': say(session, "0%" PRIo64, low); break;
    case 'c':
        say(session, isprint((int)(low & 0xff)) ? "%u '%c'" : "%u '\\%03o'", (unsigned)(low & 0xff),
            (unsigned)(low & 0xff));
        break;
    case 'a': say_address(session, number); break;
    case 't':
        say(session, "0b");
        for (unsigned bit = bits; bit-- > 0;)
            if (low >> bit || bit == 0)
                say(session, "%u", (unsigned)(low >> bit & 1));
        break;
    default: break;
    }
}

static void print_enum(struct session *session, uint64_t number, const struct type *type)
{
    for (uint32_t i = 0; i < type->count; i++)
        if ((uint64_t)type->enumerators[i].value == number) {
            say(session, "%s", type->enumerators[i].name);
            return;
        }
    say(session, "%" PRId64, (int64_t)number);
}

/* float, double and long double, which is IEEE's quadruple precision on this architecture. */
static void print_float(struct session *session, const struct value *value, uint64_t number, const struct type *type)
{
    union {
        uint64_t bits[2];
        float single;
        double twice;
        _Float128 quad;
    } is = {.bits = {number}};
    struct space space = session_space(session);
    if (type->size == 4)
        say(session, "%.9g", (double)is.single);
    else if (type->size == 8)
        say(session, "%.17g", is.twice);
    else if (type->size == 16 && value->in_memory && space_read(&space, value->address, &is, sizeof is) == sizeof is)
        say(session, "%.17g", (double)is.quad);
    else
        print_number_as(session, number, 'x', type);
}

static void print_scalar(struct session *session, const struct value *value, char format)
{
    struct error error;
    uint64_t number;
    const struct type *type = type_strip(value->type);
    if (!value_number(session, value, &number, &error)) {
        say(session, "<%s>", error.text);
        return;
    }
    if (type->kind == TYPE_FLOAT && !format) {
        print_float(session, value, number, type);
        return;
    }
    if (format && format != 's') {
        print_number_as(session, number, format, type);
        return;
    }
    switch (type->kind) {
    case TYPE_POINTER: {
        const struct type *target = type_strip(type->target);
        if (made_is(number))
            say(session, "<of what is in no memory>");
        else
            say_address(session, number);
        if (number && target->kind == TYPE_INT && target->is_char)
            print_string_at(session, number);
        break;
    }
    case TYPE_ENUM: print_enum(session, number, type); break;
    case TYPE_INT:
        if (type->is_bool)
            say(session, number == 0 ? "false" : number == 1 ? "true" : "%" PRIu64, number);
        else if (type->is_char)
            print_number_as(session, number, 'c', type);
        else if (*value->reg && value->type == type_builtin("unsigned long"))
            say_address(session, number);
        else
            print_number_as(session, number, type->is_signed ? 'd' : type->size == 8 && number >> 32 ? 'x' : 'u', type);
        break;
    default: print_number_as(session, number, 'x', type);
    }
}

static void new_line(struct session *session, unsigned indent)
{
    say(session, "\n%*s", (int)indent * 2, "");
}

static void print_members(struct session *session, const struct value *value, char format, unsigned indent)
{
    const struct type *type = type_strip(value->type);
    if (indent > DEPTH_MAX) {
        say(session, "{...}");
        return;
    }
    say(session, "{");
    for (uint32_t i = 0; i < type->count; i++) {
        const struct member *member = &type->members[i];
        struct value inner = {
            .type = member->type,
            .in_memory = true,
            .address = value->address + (member->bits ? 0 : member->bit_offset / 8),
            .bits = member->bits,
            .bit_offset = member->bits ? (uint32_t)member->bit_offset : 0,
        };
        new_line(session, indent + 1);
        if (*member->name)
            say_in(session, PAINT_SYMBOL, "%s", member->name), say(session, " = ");
        print_value(session, &inner, format, indent + 1);
        if (i + 1 < type->count)
            say(session, ",");
    }
    new_line(session, indent);
    say(session, "}");
}

static void print_array(struct session *session, const struct value *value, char format, unsigned indent)
{
    const struct type *type = type_strip(value->type), *target = type_strip(type->target);
    if ((target->is_char || format == 's') && target->size == 1 && (!format || format == 's')) {
        char text[STRING_MAX + 1];
        struct space space = session_space(session);
        size_t room = type->count < STRING_MAX ? type->count : STRING_MAX;
        size_t length = space_read(&space, value->address, text, room);
        print_quoted(session, text, strnlen(text, length));
        return;
    }
    uint32_t shown = type->count < ELEMENTS_MAX ? type->count : ELEMENTS_MAX;
    if (indent > DEPTH_MAX)
        shown = 0;
    say(session, "{");
    for (uint32_t i = 0; i < shown; i++) {
        struct value element = {
            .type = type->target, .in_memory = true, .address = value->address + i * type->target->size};
        print_value(session, &element, format, indent + 1);
        if (i + 1 < type->count)
            say(session, ", ");
    }
    say(session, shown < type->count ? "...}" : "}");
}

static void print_value(struct session *session, const struct value *value, char format, unsigned indent)
{
    const struct type *type = type_strip(value->type);
    if (!values_left) {
        say(session, "...");
        return;
    }
    values_left--;
    if (value->is_vector) {
        uint64_t halves[2];
        memcpy(halves, value->vector, sizeof halves);
        say(session, "0x%016" PRIx64 "%016" PRIx64, halves[1], halves[0]);
        return;
    }
    switch (type->kind) {
    case TYPE_STRUCT:
    case TYPE_UNION: print_members(session, value, format, indent); break;
    case TYPE_ARRAY: print_array(session, value, format, indent); break;
    case TYPE_VOID:
    case TYPE_FUNCTION:
    case TYPE_FORWARD: say_address(session, value->in_memory ? value->address : value->number); break;
    default:
        if (format == 's') {
            uint64_t number;
            if (value_number(session, value, &number, NULL)) {
                say(session, "0x%" PRIx64, number);
                print_string_at(session, number);
                break;
            }
        }
        print_scalar(session, value, format);
    }
}

void value_print(struct session *session, const struct value *value, char format)
{
    const struct type *type = type_strip(value->type);
    if (type->kind == TYPE_POINTER || type->kind == TYPE_STRUCT || type->kind == TYPE_UNION) {
        char name[160];
        type_name(value->type, name, sizeof name);
        if (type->kind == TYPE_POINTER && !type_strip(type->target)->is_char)
            say(session, "(%s) ", name);
    }
    values_left = VALUES_MAX;
    print_value(session, value, format, 0);
}
