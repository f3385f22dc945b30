/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parser of expressions evaluates as it goes, by precedence:
 *
 *     ?:   ||   &&   |   ^   &   == !=   < > <= >=   << >>   + -   * / %   unary and casts   -> . []   primary
 *
 * What follows `||`, `&&` and `?:` without being needed is parsed with `skipping` set: names must still be known, but
 * nothing is read. */
#include "debugger/expression.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/dwarf.h"
#include "debugger/kernel.h"

#define NAME_MAX_BYTES 128u
#define NESTING_MAX    100u

struct parser {
    struct session *session;
    const char *at;
    struct error *error;
    unsigned nesting, skipping;
};

static bool conditional(struct parser *p, struct value *value);
static bool unary(struct parser *p, struct value *value);

/* --- values ---------------------------------------------------------------------------------------- */

bool type_is_scalar(const struct type *type)
{
    enum type_kind kind = type_strip(type)->kind;
    return kind == TYPE_INT || kind == TYPE_ENUM || kind == TYPE_POINTER || kind == TYPE_FLOAT;
}

static struct value number_of(uint64_t number, const struct type *type)
{
    return (struct value){.type = type, .number = number};
}

static struct value plain(uint64_t number)
{
    return number_of(number, type_builtin("unsigned long"));
}

static struct value in_memory(uint64_t address, const struct type *type)
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

static uint64_t fit(uint64_t number, const struct type *type)
{
    type = type_strip(type);
    if (type->is_bool)
        return number != 0;
    return type->kind == TYPE_INT || type->kind == TYPE_ENUM ? extend(number, (unsigned)type->size * 8, type->is_signed)
                                                             : number;
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
            return error_set(error, "memory at 0x%llx is not there", (unsigned long long)first);
        unsigned shift = value->bit_offset % 8;
        uint64_t joined = shift ? bytes[0] >> shift | bytes[1] << (64 - shift) : bytes[0];
        *number = extend(joined, value->bits, type->is_signed);
        return true;
    }
    if (space_read(&space, value->address, bytes, size) != size)
        return error_set(error, "memory at 0x%llx is not there", (unsigned long long)value->address);
    *number = fit(bytes[0], type);
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
    if (!value_number(session, from, &number, error))
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

/* --- words ----------------------------------------------------------------------------------------- */

static void skip_blanks(struct parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

/* Takes an operator, unless it only begins a longer one. */
static bool take(struct parser *p, const char *op)
{
    size_t length = strlen(op);
    skip_blanks(p);
    if (strncmp(p->at, op, length))
        return false;
    char next = p->at[length];
    if (length == 1 && ((strchr("<>&|=", *op) && next == *op) || (strchr("<>!", *op) && next == '=')))
        return false;
    if (length == 1 && *op == '-' && next == '>')
        return false;
    p->at += length;
    return true;
}

static bool expect(struct parser *p, const char *op)
{
    return take(p, op) || error_set(p->error, "expected '%s' at '%.20s'", op, p->at);
}

static bool is_name_byte(char byte, bool first)
{
    return byte == '_' || isalpha((unsigned char)byte) ||
           (!first && (isdigit((unsigned char)byte) || byte == '.' || byte == '$'));
}

/* A name, without moving on. In symbols '.' stands too ("foo.isra.0"): `dots` tells whether it may here. */
static size_t name_at(const struct parser *p, bool dots, char *name)
{
    size_t length = 0;
    while (is_name_byte(p->at[length], length == 0) && (dots || p->at[length] != '.') && length < NAME_MAX_BYTES - 1)
        length++;
    memcpy(name, p->at, length);
    name[length] = 0;
    return length;
}

/* --- types ----------------------------------------------------------------------------------------- */

static const struct type *tagged_type(struct parser *p, enum type_kind kind)
{
    char name[NAME_MAX_BYTES];
    skip_blanks(p);
    p->at += name_at(p, false, name);
    session_find_kernel(p->session, NULL);
    const struct type *type = types_find(p->session->types, kind, name);
    if (!type)
        error_set(p->error, "no %s '%s' is known",
                  kind == TYPE_STRUCT  ? "struct"
                  : kind == TYPE_UNION ? "union"
                                       : "enum",
                  name);
    return type;
}

/* The words of a plain type, such as "unsigned long int" or "loff_t". */
static const struct type *plain_type(struct parser *p)
{
    char words[NAME_MAX_BYTES] = "", name[NAME_MAX_BYTES];
    const char *from = p->at;
    const struct type *type = NULL;
    size_t length;
    while ((length = name_at(p, false, name)) && strlen(words) + length + 2 < sizeof words) {
        if (!strcmp(name, "const") || !strcmp(name, "volatile")) {
            p->at += length;
            skip_blanks(p);
            continue;
        }
        size_t before = strlen(words);
        if (before)
            strcat(words, " ");
        strcat(words, name);
        const struct type *longer = type_builtin(words);
        bool sign_only = !strcmp(words, "unsigned") || !strcmp(words, "signed");
        if (!longer && before && !sign_only) {
            words[before] = 0;
            break;
        }
        if (!longer && !sign_only && !(longer = types_find(p->session->types, TYPE_ALIAS, words)))
            break;
        type = longer;
        p->at += length;
        skip_blanks(p);
        if (longer && longer->is_typedef)
            break;
    }
    if (!type)
        p->at = from;
    return type;
}

/* A type's name with its stars; NULL and no error where no type stands here. */
static const struct type *parse_type(struct parser *p, bool *failed)
{
    static const struct {
        const char *word;
        enum type_kind kind;
    } tags[] = {{"struct", TYPE_STRUCT}, {"union", TYPE_UNION}, {"enum", TYPE_ENUM}};
    char name[NAME_MAX_BYTES];
    const char *from;
    const struct type *type = NULL;
    *failed = false;
    skip_blanks(p);
    from = p->at;
    size_t length = name_at(p, false, name);
    if (!strcmp(name, "const")) {
        p->at += length;
        skip_blanks(p);
        length = name_at(p, false, name);
    }
    for (unsigned i = 0; i < 3 && !type; i++)
        if (!strcmp(name, tags[i].word)) {
            p->at += length;
            if (!(type = tagged_type(p, tags[i].kind))) {
                *failed = true;
                return NULL;
            }
        }
    /* A symbol or register of that name goes before a typedef. */
    if (!type && !(type = plain_type(p))) {
        p->at = from;
        return NULL;
    }
    for (;;) {
        skip_blanks(p);
        if (*p->at == '*') {
            type = type_pointer_to(type);
            p->at++;
        } else if (!strncmp(p->at, "const", 5) && !is_name_byte(p->at[5], false)) {
            p->at += 5;
        } else {
            return type;
        }
    }
}

/* --- primaries ------------------------------------------------------------------------------------- */

static bool parse_number(struct parser *p, struct value *value)
{
    char *end;
    errno = 0;
    unsigned long long number = !strncmp(p->at, "0b", 2) ? strtoull(p->at + 2, &end, 2) : strtoull(p->at, &end, 0);
    if (errno)
        return error_set(p->error, "the number %.24s is too large", p->at);
    while (*end && strchr("uUlL", *end))
        end++;
    if (is_name_byte(*end, false) && *end != '.')
        return error_set(p->error, "'%.24s' is no number", p->at);
    p->at = end;
    *value = number_of(number, type_builtin(number >> 63 ? "unsigned long" : "long"));
    return true;
}

static bool parse_character(struct parser *p, struct value *value)
{
    static const char escapes[] = "n\nt\tr\r0\0\\\\'\'";
    unsigned char byte = (unsigned char)p->at[1];
    unsigned length = 3;
    if (byte == '\\') {
        byte = 0;
        for (unsigned i = 0; i + 1 < sizeof escapes; i += 2)
            if (escapes[i] == p->at[2])
                byte = (unsigned char)escapes[i + 1];
        length = p->at[2] ? 4 : 3;
    }
    if (!p->at[1] || strnlen(p->at, length) < length || p->at[length - 1] != '\'')
        return error_set(p->error, "a character stands as 'a'");
    p->at += length;
    *value = number_of(byte, type_builtin("char"));
    return true;
}

static bool register_value(struct parser *p, const char *name, struct value *value)
{
    uint8_t bytes[16] = {0};
    unsigned size;
    struct session *session = p->session;
    if (!register_read(session_cpu(session), name, bytes, &size))
        return false;
    *value = plain(0);
    memcpy(&value->number, bytes, size < 8 ? size : 8);
    if (size == 16) {
        value->is_vector = true;
        memcpy(value->vector, bytes, sizeof bytes);
    } else if (size < 8) {
        value->type = type_integer(size, false);
    }
    if (strlen(name) < sizeof value->reg)
        strcpy(value->reg, name);
    return true;
}

static bool symbol_value(struct parser *p, const char *name, struct value *value)
{
    struct session *session = p->session;
    const struct symbol *symbol = symbols_find(session->symbols, name);
    if (!symbol && session_find_kernel(session, NULL))
        symbol = symbols_find(session->symbols, name);
    if (!symbol)
        return false;
    if (symbol_is_code(symbol)) {
        *value = plain(symbol->address);
        return true;
    }
    const struct type *type = types_of_variable(session->types, name);
    *value = in_memory(symbol->address, type ? type : type_builtin("unsigned long"));
    value->is_symbol = !type;
    return true;
}

/* A variable of the frame that is looked at. */
static bool local_value(struct parser *p, const char *name, struct value *value, bool *known)
{
    struct frame frame;
    *known = false;
    return dwarf_has_lines() && !p->session->kernel_names &&
           backtrace_frame(p->session, p->session->frame, &frame) &&
           dwarf_variable(p->session, &frame, name, value, known, p->error);
}

static bool named_value(struct parser *p, struct value *value)
{
    char name[NAME_MAX_BYTES];
    bool dollar = *p->at == '$';
    p->at += dollar;
    const char *from = p->at;
    for (unsigned dots = 0; dots < 2; dots++) {
        p->at = from;
        size_t length = name_at(p, dots == 0, name);
        if (!length)
            break;
        p->at += length;
        bool known;
        if (!dollar && local_value(p, name, value, &known))
            return true;
        if (!dollar && known)
            return false;
        if (register_value(p, name, value))
            return true;
        if (dollar)
            continue;
        if (symbol_value(p, name, value))
            return true;
        if (!strcmp(name, "current"))
            return kernel_current(p->session, p->session->cpu, value, p->error);
        if (!strchr(name, '.'))
            break;
    }
    p->at = from;
    name_at(p, false, name);
    return error_set(p->error, dollar ? "no register '%s'" : "no register, symbol or type '%s' is known",
                     *name ? name : "(nothing)");
}

static bool primary(struct parser *p, struct value *value)
{
    skip_blanks(p);
    if (isdigit((unsigned char)*p->at))
        return parse_number(p, value);
    if (*p->at == '\'')
        return parse_character(p, value);
    if (take(p, "("))
        return conditional(p, value) && expect(p, ")");
    if (*p->at == '$' || is_name_byte(*p->at, true))
        return named_value(p, value);
    return error_set(p->error, *p->at ? "no value at '%.20s'" : "the expression ends too early", p->at);
}

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
        *value = in_memory(address, target);
        return true;
    }
    if (type->kind != TYPE_INT)
        return error_set(p->error, "that is no pointer");
    *value = in_memory(address, type_builtin("unsigned long"));
    return true;
}

static bool select_member(struct parser *p, struct value *value)
{
    char name[NAME_MAX_BYTES], type_text[NAME_MAX_BYTES];
    uint64_t offset;
    skip_blanks(p);
    size_t length = name_at(p, false, name);
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
    *value = in_memory(value->address + (member->bits ? 0 : offset / 8), member->type);
    value->bits = member->bits;
    value->bit_offset = member->bits ? (uint32_t)offset : 0;
    return true;
}

static bool select_element(struct parser *p, struct value *value)
{
    struct value index;
    uint64_t number;
    if (!conditional(p, &index) || !expect(p, "]") || !load(p, &index, &number))
        return false;
    if (!dereference(p, value))
        return false;
    value->address += number * value->type->size;
    return true;
}

static bool postfix(struct parser *p, struct value *value)
{
    if (!primary(p, value))
        return false;
    for (;;) {
        bool good = true;
        skip_blanks(p);
        if (take(p, "->")) {
            good = select_member(p, value);
        } else if (*p->at == '.' && is_name_byte(p->at[1], true)) {
            p->at++;
            good = select_member(p, value);
        } else if (take(p, "[")) {
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
    if (value->is_symbol && value->in_memory && stripped->kind == TYPE_POINTER)
        number = value->address; /* a symbol without a type stands for its address */
    else if (!load(p, value, &number))
        return false;
    *value = number_of(fit(number, type), type);
    return true;
}

static bool size_of(struct parser *p, struct value *value)
{
    bool failed, bracket = take(p, "(");
    const struct type *type = parse_type(p, &failed);
    if (failed)
        return false;
    if (!type) {
        p->skipping++;
        bool good = bracket ? conditional(p, value) : unary(p, value);
        p->skipping--;
        if (!good)
            return false;
        type = value->type;
    }
    *value = plain(type->size);
    return !bracket || expect(p, ")");
}

static bool address_of(struct parser *p, struct value *value)
{
    if (!unary(p, value))
        return false;
    if (!value->in_memory && symbols_around(p->session->symbols, value->number) && !*value->reg)
        return true; /* a function */
    if (!value->in_memory || value->bits)
        return error_set(p->error, "that has no address");
    *value = number_of(value->address, type_pointer_to(value->type));
    return true;
}

static bool unary_inner(struct parser *p, struct value *value)
{
    uint64_t number;
    bool failed;
    skip_blanks(p);
    const char *from = p->at;
    if (take(p, "-") || take(p, "~") || take(p, "+") || take(p, "!")) {
        char op = *from;
        if (!unary(p, value) || !load(p, value, &number))
            return false;
        number = op == '-' ? -number : op == '~' ? ~number : op == '!' ? !number : number;
        *value = number_of(number, type_builtin(op == '-' ? "long" : op == '!' ? "int" : "unsigned long"));
        return true;
    }
    if (take(p, "*"))
        return unary(p, value) && dereference(p, value);
    if (take(p, "&"))
        return address_of(p, value);
    if (!strncmp(p->at, "sizeof", 6) && !is_name_byte(p->at[6], false)) {
        p->at += 6;
        return size_of(p, value);
    }
    if (take(p, "(")) {
        const struct type *type = parse_type(p, &failed);
        if (failed)
            return false;
        if (type && take(p, ")"))
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
        *a = number_of((uint64_t)((int64_t)(left - right) / (int64_t)size), type_builtin("long"));
    else
        *a = number_of(op == OP_PLUS ? left + right * size : left - right * size,
                       x->kind == TYPE_ARRAY ? type_pointer_to(x->target) : a->type);
    return true;
}

static bool compute(struct parser *p, enum binary_op op, struct value *a, const struct value *b)
{
    uint64_t x, y, result = 0;
    if (!load(p, a, &x) || !load(p, b, &y))
        return false;
    if (type_strip(a->type)->kind == TYPE_FLOAT || type_strip(b->type)->kind == TYPE_FLOAT)
        return error_set(p->error, "floating-point numbers are shown, but not computed with");
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
    *a = number_of(result, truth ? type_builtin("int")
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
        while (op < OP_BINARY_COUNT && !(operators[op].level == level && take(p, operators[op].text)))
            op++;
        if (op == OP_BINARY_COUNT)
            return true;
        uint64_t left;
        if (!load(p, value, &left))
            return false;
        bool unneeded = (op == OP_OR_ELSE && left) || (op == OP_AND_THEN && !left);
        struct value right;
        p->skipping += unneeded;
        bool good = binary(p, level + 1, &right);
        if (good && unneeded)
            right = plain(0);
        p->skipping -= unneeded;
        if (!good || !compute(p, (enum binary_op)op, value, &right))
            return false;
    }
}

static bool conditional(struct parser *p, struct value *value)
{
    uint64_t condition;
    if (++p->nesting > NESTING_MAX)
        return error_set(p->error, "the expression is nested too deeply");
    bool good = binary(p, 0, value);
    if (good && take(p, "?")) {
        struct value yes, no;
        good = load(p, value, &condition);
        p->skipping += !condition;
        good = good && conditional(p, &yes) && expect(p, ":");
        p->skipping -= !condition;
        p->skipping += condition != 0;
        good = good && conditional(p, &no);
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
    if (!conditional(&parser, value))
        return false;
    skip_blanks(&parser);
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
