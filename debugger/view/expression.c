/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parser of expressions evaluates as it goes, by precedence:
 *
 *     ?:   ||   &&   |   ^   &   == !=   < > <= >=   << >>   + -   * / %   unary and casts   -> . []   primary
 *
 * What follows `||`, `&&` and `?:` without being needed is parsed with `skipping` set: names must still be known, but
 * nothing is read. */
#include "debugger/view/expression.h"
#include <string.h>
#include "debugger/view/expression_parser.h"

#define NESTING_MAX 100u

static bool unary(struct parser *p, struct value *value);

/* --- postfix --------------------------------------------------------------------------------------- */

static bool load(struct parser *p, const struct value *value, uint64_t *number)
{
    *number = 0;
    return p->skipping || value_number(p->session, value, number, p->error);
}

/* What a pointer points to, or an array's first element. */
static bool dereference(struct parser *p, struct value *value)
{
    const struct type *type = type_strip(value->type);
    uint64_t address;
    if (!load(p, value, &address))
        return false;
    if (type->kind == TYPE_POINTER || type->kind == TYPE_ARRAY) {
        const struct type *target = type->target;
        if (type_strip(target)->kind == TYPE_VOID)
            return error_set(p->error, "that is a void *: cast it first");
        if (type_strip(target)->kind == TYPE_FORWARD && target->name) {
            const struct type *whole = types_find(p->session->types, TYPE_STRUCT, target->name);
            target = whole ? whole : target;
        }
        *value = value_in_memory(address, target);
        return true;
    }
    if (type->kind != TYPE_INT)
        return error_set(p->error, "that is no pointer");
    *value = value_in_memory(address, type_builtin("unsigned long"));
    return true;
}

static bool select_member(struct parser *p, struct value *value)
{
    char name[NAME_MAX_BYTES], type_text[NAME_MAX_BYTES];
    uint64_t offset;
    parser_skip_blanks(p);
    size_t length = parser_name(p, false, name);
    if (type_strip(value->type)->kind == TYPE_POINTER && !dereference(p, value))
        return false;
    const struct member *member = length ? type_member(value->type, name, &offset) : NULL;
    if (!member) {
        type_name(value->type, type_text, sizeof type_text);
        return error_set(p->error, "%s has no member '%s'", type_text, name);
    }
    if (!value->in_memory && !p->skipping)
        return error_set(p->error, "that is not in memory");
    p->at += length;
    *value = value_in_memory(value->address + (member->bits ? 0 : offset / 8), member->type);
    value->bits = member->bits;
    value->bit_offset = member->bits ? (uint32_t)offset : 0;
    return true;
}

static bool select_element(struct parser *p, struct value *value)
{
    struct value index;
    uint64_t number;
    if (!parser_conditional(p, &index) || !parser_expect(p, "]") || !load(p, &index, &number))
        return false;
    if (!dereference(p, value))
        return false;
    value->address += number * value->type->size;
    return true;
}

static bool postfix(struct parser *p, struct value *value)
{
    if (!parser_primary(p, value))
        return false;
    for (;;) {
        bool good = true;
        parser_skip_blanks(p);
        if (parser_take(p, "->")) {
            good = select_member(p, value);
        } else if (*p->at == '.' && parser_is_name(p->at[1], true)) {
            p->at++;
            good = select_member(p, value);
        } else if (parser_take(p, "[")) {
            good = select_element(p, value);
        } else {
            return true;
        }
        if (!good)
            return false;
    }
}

/* --- unary ----------------------------------------------------------------------------------------- */

static bool cast(struct parser *p, struct value *value, const struct type *type)
{
    uint64_t number;
    if (!unary(p, value))
        return false;
    const struct type *stripped = type_strip(type);
    if (!type_is_scalar(stripped)) { /* what lies there, seen in another way */
        if (!value->in_memory)
            return error_set(p->error, "only memory can be seen as that type");
        value->type = type;
        value->bits = 0;
        return true;
    }
    if (!p->skipping && !value_convert(p->session, value, type, p->error))
        return false;
    if (stripped->kind == TYPE_FLOAT) {
        value->type = type;
        return true;
    }
    if (value->is_symbol && value->in_memory && stripped->kind == TYPE_POINTER)
        number = value->address; /* a symbol without a type stands for its address */
    else if (!load(p, value, &number))
        return false;
    *value = value_of(value_fit(number, type), type);
    return true;
}

static bool size_of(struct parser *p, struct value *value)
{
    bool failed, bracket = parser_take(p, "(");
    const struct type *type = parser_type(p, &failed);
    if (failed)
        return false;
    if (!type) {
        p->skipping++;
        bool good = bracket ? parser_conditional(p, value) : unary(p, value);
        p->skipping--;
        if (!good)
            return false;
        type = value->type;
    }
    *value = value_plain(type->size);
    return !bracket || parser_expect(p, ")");
}

static bool address_of(struct parser *p, struct value *value)
{
    if (!unary(p, value))
        return false;
    if (!value->in_memory && symbols_around(p->session->symbols, value->number) && !*value->reg)
        return true; /* a function */
    if (!value->in_memory || value->bits)
        return error_set(p->error, "that has no address");
    *value = value_of(value->address, type_pointer_to(value->type));
    return true;
}

static bool load_float(struct parser *p, const struct value *value, double *number)
{
    *number = 0;
    return p->skipping || value_float(p->session, value, number, p->error);
}

static bool unary_float(struct parser *p, char op, struct value *value)
{
    double number;
    if (op == '~')
        return error_set(p->error, "~ takes no floating-point number");
    if (!load_float(p, value, &number))
        return false;
    if (op == '!')
        *value = value_of(number == 0, type_builtin("int"));
    else
        *value = value_of_float(op == '-' ? -number : number, value->type);
    return true;
}

/* Whether a condition holds. */
static bool load_truth(struct parser *p, const struct value *value, uint64_t *truth)
{
    double number;
    if (!value_is_float(value))
        return load(p, value, truth);
    bool good = load_float(p, value, &number);
    *truth = number != 0;
    return good;
}

static bool unary_inner(struct parser *p, struct value *value)
{
    uint64_t number;
    bool failed;
    parser_skip_blanks(p);
    const char *from = p->at;
    if (parser_take(p, "-") || parser_take(p, "~") || parser_take(p, "+") || parser_take(p, "!")) {
        char op = *from;
        if (!unary(p, value))
            return false;
        if (value_is_float(value))
            return unary_float(p, op, value);
        if (!load(p, value, &number))
            return false;
        number = op == '-' ? -number : op == '~' ? ~number : op == '!' ? !number : number;
        *value = value_of(number, type_builtin(op == '-' ? "long" : op == '!' ? "int" : "unsigned long"));
        return true;
    }
    if (parser_take(p, "*"))
        return unary(p, value) && dereference(p, value);
    if (parser_take(p, "&"))
        return address_of(p, value);
    if (!strncmp(p->at, "sizeof", 6) && !parser_is_name(p->at[6], false)) {
        p->at += 6;
        return size_of(p, value);
    }
    if (parser_take(p, "(")) {
        const struct type *type = parser_type(p, &failed);
        if (failed)
            return false;
        if (type && parser_take(p, ")"))
            return cast(p, value, type);
        p->at = from;
    }
    return postfix(p, value);
}

static bool unary(struct parser *p, struct value *value)
{
    if (++p->nesting > NESTING_MAX)
        return error_set(p->error, "the expression is nested too deeply");
    bool good = unary_inner(p, value);
    p->nesting--;
    return good;
}

/* --- binary ---------------------------------------------------------------------------------------- */

enum binary_op {
    OP_OR_ELSE, OP_AND_THEN, OP_BIT_OR, OP_BIT_XOR, OP_BIT_AND, OP_EQUAL, OP_UNEQUAL, OP_AT_MOST, OP_AT_LEAST, OP_LESS,
    OP_GREATER, OP_LEFT, OP_RIGHT, OP_PLUS, OP_MINUS, OP_TIMES, OP_DIVIDE, OP_REMAINDER, OP_BINARY_COUNT
};

static const struct {
    const char *text;
    unsigned level;
} operators[OP_BINARY_COUNT] = {
    [OP_OR_ELSE] = {"||", 0}, [OP_AND_THEN] = {"&&", 1}, [OP_BIT_OR] = {"|", 2},     [OP_BIT_XOR] = {"^", 3},
    [OP_BIT_AND] = {"&", 4},  [OP_EQUAL] = {"==", 5},    [OP_UNEQUAL] = {"!=", 5},   [OP_AT_MOST] = {"<=", 6},
    [OP_AT_LEAST] = {">=", 6}, [OP_LESS] = {"<", 6},     [OP_GREATER] = {">", 6},    [OP_LEFT] = {"<<", 7},
    [OP_RIGHT] = {">>", 7},   [OP_PLUS] = {"+", 8},      [OP_MINUS] = {"-", 8},      [OP_TIMES] = {"*", 9},
    [OP_DIVIDE] = {"/", 9},   [OP_REMAINDER] = {"%", 9},
};
#define LEVELS 10u

static bool is_signed_value(const struct value *value)
{
    const struct type *type = type_strip(value->type);
    return type->kind == TYPE_INT && type->is_signed;
}

static bool divide(struct parser *p, enum binary_op op, uint64_t a, uint64_t b, bool is_signed, uint64_t *result)
{
    if (p->skipping) {
        *result = 0;
        return true;
    }
    if (!b)
        return error_set(p->error, "division by zero");
    if (is_signed && b == UINT64_MAX)
        *result = op == OP_DIVIDE ? -a : 0;
    else if (is_signed)
        *result = (uint64_t)(op == OP_DIVIDE ? (int64_t)a / (int64_t)b : (int64_t)a % (int64_t)b);
    else
        *result = op == OP_DIVIDE ? a / b : a % b;
    return true;
}

/* Adding to a pointer counts in what it points to. */
static bool pointer_arithmetic(enum binary_op op, struct value *a, uint64_t left, const struct value *b, uint64_t right)
{
    const struct type *x = type_strip(a->type), *y = type_strip(b->type);
    bool left_points = x->kind == TYPE_POINTER || x->kind == TYPE_ARRAY, right_points = y->kind == TYPE_POINTER;
    if ((op != OP_PLUS && op != OP_MINUS) || !left_points)
        return false;
    uint64_t size = x->target->size ? x->target->size : 1;
    if (op == OP_MINUS && right_points)
        *a = value_of((uint64_t)((int64_t)(left - right) / (int64_t)size), type_builtin("long"));
    else
        *a = value_of(op == OP_PLUS ? left + right * size : left - right * size,
                       x->kind == TYPE_ARRAY ? type_pointer_to(x->target) : a->type);
    return true;
}

/* At least one of them floats. */
static bool compute_float(struct parser *p, enum binary_op op, struct value *a, const struct value *b)
{
    const struct type *one = type_strip(a->type), *other = type_strip(b->type);
    const bool twice = (one->kind == TYPE_FLOAT && one->size > 4) || (other->kind == TYPE_FLOAT && other->size > 4);
    double x, y, result = 0;
    int truth = -1;
    if (!load_float(p, a, &x) || !load_float(p, b, &y))
        return false;
    switch (op) {
    case OP_OR_ELSE: truth = x != 0 || y != 0; break;
    case OP_AND_THEN: truth = x != 0 && y != 0; break;
    case OP_EQUAL: truth = x == y; break;
    case OP_UNEQUAL: truth = x != y; break;
    case OP_AT_MOST: truth = x <= y; break;
    case OP_AT_LEAST: truth = x >= y; break;
    case OP_LESS: truth = x < y; break;
    case OP_GREATER: truth = x > y; break;
    case OP_PLUS: result = x + y; break;
    case OP_MINUS: result = x - y; break;
    case OP_TIMES: result = x * y; break;
    case OP_DIVIDE: result = x / y; break; /* by zero too, as the guest would */
    default: return error_set(p->error, "%s takes no floating-point numbers", operators[op].text);
    }
    *a = truth >= 0 ? value_of((uint64_t)truth, type_builtin("int"))
                    : value_of_float(result, type_builtin(twice ? "double" : "float"));
    return true;
}

static bool compute(struct parser *p, enum binary_op op, struct value *a, const struct value *b)
{
    uint64_t x, y, result = 0;
    if (value_is_float(a) || value_is_float(b))
        return compute_float(p, op, a, b);
    if (!load(p, a, &x) || !load(p, b, &y))
        return false;
    if (pointer_arithmetic(op, a, x, b, y))
        return true;
    bool is_signed = is_signed_value(a) && is_signed_value(b);
    bool truth = false;
    switch (op) {
    case OP_OR_ELSE: result = x || y; truth = true; break;
    case OP_AND_THEN: result = x && y; truth = true; break;
    case OP_BIT_OR: result = x | y; break;
    case OP_BIT_XOR: result = x ^ y; break;
    case OP_BIT_AND: result = x & y; break;
    case OP_EQUAL: result = x == y; truth = true; break;
    case OP_UNEQUAL: result = x != y; truth = true; break;
    case OP_AT_MOST: result = is_signed ? (int64_t)x <= (int64_t)y : x <= y; truth = true; break;
    case OP_AT_LEAST: result = is_signed ? (int64_t)x >= (int64_t)y : x >= y; truth = true; break;
    case OP_LESS: result = is_signed ? (int64_t)x < (int64_t)y : x < y; truth = true; break;
    case OP_GREATER: result = is_signed ? (int64_t)x > (int64_t)y : x > y; truth = true; break;
    case OP_LEFT: result = y < 64 ? x << y : 0; break;
    case OP_RIGHT:
        if (is_signed_value(a))
            result = (uint64_t)((int64_t)x >> (y < 63 ? y : 63));
        else
            result = y < 64 ? x >> y : 0;
        break;
    case OP_PLUS: result = x + y; break;
    case OP_MINUS: result = x - y; break;
    case OP_TIMES: result = x * y; break;
    case OP_DIVIDE:
    case OP_REMAINDER:
        if (!divide(p, op, x, y, is_signed, &result))
            return false;
        break;
    case OP_BINARY_COUNT: break;
    }
    bool left_points = type_strip(a->type)->kind == TYPE_POINTER;
    *a = value_of(result, truth ? type_builtin("int")
                           : left_points && (op == OP_BIT_AND || op == OP_BIT_OR)
                               ? a->type
                               : type_builtin(is_signed ? "long" : "unsigned long"));
    return true;
}

static bool binary(struct parser *p, unsigned level, struct value *value)
{
    if (level == LEVELS)
        return unary(p, value);
    if (!binary(p, level + 1, value))
        return false;
    for (;;) {
        unsigned op = 0;
        while (op < OP_BINARY_COUNT && !(operators[op].level == level && parser_take(p, operators[op].text)))
            op++;
        if (op == OP_BINARY_COUNT)
            return true;
        uint64_t left;
        if (!load_truth(p, value, &left))
            return false;
        bool unneeded = (op == OP_OR_ELSE && left) || (op == OP_AND_THEN && !left);
        struct value right;
        p->skipping += unneeded;
        bool good = binary(p, level + 1, &right);
        if (good && unneeded)
            right = value_plain(0);
        p->skipping -= unneeded;
        if (!good || !compute(p, (enum binary_op)op, value, &right))
            return false;
    }
}

bool parser_conditional(struct parser *p, struct value *value)
{
    uint64_t condition;
    if (++p->nesting > NESTING_MAX)
        return error_set(p->error, "the expression is nested too deeply");
    bool good = binary(p, 0, value);
    if (good && parser_take(p, "?")) {
        struct value yes, no;
        good = load_truth(p, value, &condition);
        p->skipping += !condition;
        good = good && parser_conditional(p, &yes) && parser_expect(p, ":");
        p->skipping -= !condition;
        p->skipping += condition != 0;
        good = good && parser_conditional(p, &no);
        p->skipping -= condition != 0;
        if (good)
            *value = condition ? yes : no;
    }
    p->nesting--;
    return good;
}

/* --- entry points ---------------------------------------------------------------------------------- */

bool expression_evaluate_part(struct session *session, const char **text, struct value *value, struct error *error)
{
    struct parser parser = {.session = session, .at = *text, .error = error};
    if (!parser_conditional(&parser, value))
        return false;
    parser_skip_blanks(&parser);
    *text = parser.at;
    return true;
}

bool expression_evaluate(struct session *session, const char *text, struct value *value, struct error *error)
{
    if (!expression_evaluate_part(session, &text, value, error))
        return false;
    return !*text || error_set(error, "'%.40s' is left over behind the expression", text);
}

bool expression_number(struct session *session, const char *text, uint64_t *number, struct error *error)
{
    struct value value;
    return expression_evaluate(session, text, &value, error) && value_number(session, &value, number, error);
}

bool expression_location(struct session *session, const char *text, uint64_t *address, struct error *error)
{
    struct value value;
    return expression_evaluate(session, text, &value, error) && value_location(session, &value, address, error);
}
