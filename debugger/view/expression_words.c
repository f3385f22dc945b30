/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of expressions: blanks, operators, names, and the names of types. */
#include <ctype.h>
#include <string.h>
#include "debugger/view/expression_parser.h"
#include "debugger/view/kernel.h"

/* --- words ----------------------------------------------------------------------------------------- */

void parser_skip_blanks(struct parser *p)
{
    while (isspace((unsigned char)*p->at))
        p->at++;
}

/* Takes an operator, unless it only begins a longer one. */
bool parser_take(struct parser *p, const char *op)
{
    size_t length = strlen(op);
    parser_skip_blanks(p);
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

bool parser_expect(struct parser *p, const char *op)
{
    return parser_take(p, op) || error_set(p->error, "expected '%s' at '%.20s'", op, p->at);
}

bool parser_is_name(char byte, bool first)
{
    return byte == '_' || isalpha((unsigned char)byte) ||
           (!first && (isdigit((unsigned char)byte) || byte == '.' || byte == '$'));
}

/* A name, without moving on. In symbols '.' stands too ("foo.isra.0"): `dots` tells whether it may here. */
size_t parser_name(const struct parser *p, bool dots, char name[NAME_MAX_BYTES])
{
    size_t length = 0;
    while (parser_is_name(p->at[length], length == 0) && (dots || p->at[length] != '.') && length < NAME_MAX_BYTES - 1)
        length++;
    memcpy(name, p->at, length);
    name[length] = 0;
    return length;
}

/* --- types ----------------------------------------------------------------------------------------- */

static const struct type *tagged_type(struct parser *p, enum type_kind kind)
{
    char name[NAME_MAX_BYTES];
    parser_skip_blanks(p);
    p->at += parser_name(p, false, name);
    kernel_find(p->session, NULL);
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
    while ((length = parser_name(p, false, name)) && strlen(words) + length + 2 < sizeof words) {
        if (!strcmp(name, "const") || !strcmp(name, "volatile")) {
            p->at += length;
            parser_skip_blanks(p);
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
        parser_skip_blanks(p);
        if (longer && longer->is_typedef)
            break;
    }
    if (!type)
        p->at = from;
    return type;
}

/* A type's name with its stars; NULL and no error where no type stands here. */
const struct type *parser_type(struct parser *p, bool *failed)
{
    static const struct {
        const char *word;
        enum type_kind kind;
    } tags[] = {{"struct", TYPE_STRUCT}, {"union", TYPE_UNION}, {"enum", TYPE_ENUM}};
    char name[NAME_MAX_BYTES];
    const char *from;
    const struct type *type = NULL;
    *failed = false;
    parser_skip_blanks(p);
    from = p->at;
    size_t length = parser_name(p, false, name);
    if (!strcmp(name, "const")) {
        p->at += length;
        parser_skip_blanks(p);
        length = parser_name(p, false, name);
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
        parser_skip_blanks(p);
        if (*p->at == '*') {
            type = type_pointer_to(type);
            p->at++;
        } else if (!strncmp(p->at, "const", 5) && !parser_is_name(p->at[5], false)) {
            p->at += 5;
        } else {
            return type;
        }
    }
}
