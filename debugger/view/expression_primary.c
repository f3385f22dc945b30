/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What expressions are made of: numbers, characters, registers, symbols, what is in brackets. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/backtrace.h"
#include "debugger/view/dwarf.h"
#include "debugger/view/expression_parser.h"
#include "debugger/view/kernel.h"

/* --- primaries ------------------------------------------------------------------------------------- */

/* Digits with a fraction or an exponent. */
static bool is_float(const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    const char *behind = text + digits;
    if (*behind == '.' && isdigit((unsigned char)behind[1]))
        return true;
    if (*behind != 'e' && *behind != 'E')
        return false;
    behind += behind[1] == '+' || behind[1] == '-' ? 2 : 1;
    return isdigit((unsigned char)*behind);
}

static bool parse_float(struct parser *p, struct value *value)
{
    char *end;
    const double number = strtod(p->at, &end);
    const bool single = *end == 'f' || *end == 'F';
    end += single;
    if (parser_is_name(*end, false))
        return error_set(p->error, "'%.24s' is no number", p->at);
    p->at = end;
    *value = value_of_float(number, type_builtin(single ? "float" : "double"));
    return true;
}

static bool parse_number(struct parser *p, struct value *value)
{
    char *end;
    if (is_float(p->at))
        return parse_float(p, value);
    errno = 0;
    unsigned long long number = !strncmp(p->at, "0b", 2) ? strtoull(p->at + 2, &end, 2) : strtoull(p->at, &end, 0);
    if (errno)
        return error_set(p->error, "the number %.24s is too large", p->at);
    while (*end && strchr("uUlL", *end))
        end++;
    if (parser_is_name(*end, false) && *end != '.')
        return error_set(p->error, "'%.24s' is no number", p->at);
    p->at = end;
    *value = value_of(number, type_builtin(number >> 63 ? "unsigned long" : "long"));
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
    *value = value_of(byte, type_builtin("char"));
    return true;
}

static bool register_value(struct parser *p, const char *name, struct value *value)
{
    uint8_t bytes[16] = {0};
    unsigned size;
    struct session *session = p->session;
    if (!register_read(session_cpu(session), name, bytes, &size))
        return false;
    *value = value_plain(0);
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
    if (!symbol && kernel_find(session, NULL))
        symbol = symbols_find(session->symbols, name);
    if (!symbol)
        return false;
    if (symbol_is_code(symbol)) {
        *value = value_plain(symbol->address);
        return true;
    }
    const struct type *type = types_of_variable(session->types, name);
    *value = value_in_memory(symbol->address, type ? type : type_builtin("unsigned long"));
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
        size_t length = parser_name(p, dots == 0, name);
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
    parser_name(p, false, name);
    return error_set(p->error, dollar ? "no register '%s'" : "no register, symbol or type '%s' is known",
                     *name ? name : "(nothing)");
}

bool parser_primary(struct parser *p, struct value *value)
{
    parser_skip_blanks(p);
    if (isdigit((unsigned char)*p->at))
        return parse_number(p, value);
    if (*p->at == '\'')
        return parse_character(p, value);
    if (parser_take(p, "("))
        return parser_conditional(p, value) && parser_expect(p, ")");
    if (*p->at == '$' || parser_is_name(*p->at, true))
        return named_value(p, value);
    return error_set(p->error, *p->at ? "no value at '%.20s'" : "the expression ends too early", p->at);
}
