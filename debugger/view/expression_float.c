/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floating-point numbers in expressions: computed as the host's doubles, in which float and double are exact. */
#include <string.h>
#include "debugger/view/expression_parser.h"

bool value_is_float(const struct value *value)
{
    return type_strip(value->type)->kind == TYPE_FLOAT;
}

struct value value_of_float(double number, const struct type *type)
{
    struct value value = value_of(0, type);
    const float single = (float)number;
    if (type_strip(type)->size == 4)
        memcpy(&value.number, &single, sizeof single);
    else
        memcpy(&value.number, &number, sizeof number);
    return value;
}

bool value_float(struct session *session, const struct value *value, double *number, struct error *error)
{
    const struct type *type = type_strip(value->type);
    uint64_t bits;
    float single;
    _Float16 half;
    _Float128 quad;
    if (type->kind == TYPE_FLOAT && type->size == sizeof quad) {
        struct space space = session_space(session);
        if (!value->in_memory || space_read(&space, value->address, &quad, sizeof quad) != sizeof quad)
            return error_set(error, "that long double is not in memory");
        *number = (double)quad;
        return true;
    }
    if (!value_number(session, value, &bits, error))
        return false;
    if (type->kind != TYPE_FLOAT) {
        *number = type->is_signed ? (double)(int64_t)bits : (double)bits;
        return true;
    }
    memcpy(&half, &bits, sizeof half);
    memcpy(&single, &bits, sizeof single);
    memcpy(number, &bits, sizeof *number);
    if (type->size != 2 && type->size != 4 && type->size != 8)
        return error_set(error, "a floating-point number of %llu bytes", (unsigned long long)type->size);
    *number = type->size == 2 ? (double)half : type->size == 4 ? (double)single : *number;
    return true;
}

/* What C leaves undefined is what the guest's FCVTZS and FCVTZU do: the nearest there is, and 0 for a NaN. */
static uint64_t whole(double number, bool is_signed)
{
    if (number != number)
        return 0;
    if (is_signed || number < 0)
        return number >= 0x1p63 ? INT64_MAX : number < -0x1p63 ? (uint64_t)INT64_MIN : (uint64_t)(int64_t)number;
    return number >= 0x1p64 ? UINT64_MAX : (uint64_t)number;
}

bool value_convert(struct session *session, struct value *value, const struct type *type, struct error *error)
{
    const struct type *to = type_strip(type);
    double number;
    if (to->kind != TYPE_FLOAT && !value_is_float(value))
        return true;
    if (to->kind == TYPE_FLOAT && to->size != 4 && to->size != 8)
        return error_set(error, "numbers are made float or double, and nothing else that floats");
    if (!value_float(session, value, &number, error))
        return false;
    if (to->kind == TYPE_FLOAT)
        *value = value_of_float(number, type);
    else
        *value = value_of(value_fit(to->is_bool ? number != 0 : whole(number, to->is_signed), type), type);
    return true;
}
