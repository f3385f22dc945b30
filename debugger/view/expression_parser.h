/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the parser of expressions share: expression.c (operators), expression_primary.c (what they work
 * on), expression_words.c (how both are written), value.c (what comes of it). */
#ifndef ARMATURE_DEBUGGER_EXPRESSION_PARSER_H
#define ARMATURE_DEBUGGER_EXPRESSION_PARSER_H

#include "debugger/view/expression.h"

#define NAME_MAX_BYTES 128u

struct parser {
    struct session *session;
    const char *at;
    struct error *error;
    unsigned nesting;
    unsigned skipping; /* not 0: what is parsed is not needed, and nothing is read for it */
};

/* --- values ---------------------------------------------------------------------------------------- */

/** A number, and one of type unsigned long. */
struct value value_of(uint64_t number, const struct type *type);
struct value value_plain(uint64_t number);
struct value value_in_memory(uint64_t address, const struct type *type);
/** The number as a variable of that type would hold it. */
uint64_t value_fit(uint64_t number, const struct type *type);

/* --- floating point (expression_float.c) ----------------------------------------------------------- */

bool value_is_float(const struct value *value);
/** `type`: float or double. */
struct value value_of_float(double number, const struct type *type);
/** Any number as a floating-point one. */
bool value_float(struct session *session, const struct value *value, double *number, struct error *error);
/** Makes a number one of `type`, a scalar, where either floats; else it stays what it is. */
bool value_convert(struct session *session, struct value *value, const struct type *type, struct error *error);

/* --- words ----------------------------------------------------------------------------------------- */

void parser_skip_blanks(struct parser *p);
/** Takes an operator, unless it only begins a longer one. */
bool parser_take(struct parser *p, const char *op);
/** The same, or an error. */
bool parser_expect(struct parser *p, const char *op);
/** Whether a byte may stand in a name, or begin one. */
bool parser_is_name(char byte, bool first);
/** A name, without moving on; its length. `dots`: '.' may stand in it, as in "foo.isra.0". */
size_t parser_name(const struct parser *p, bool dots, char name[NAME_MAX_BYTES]);
/** A type's name with its stars. NULL: none stands here, or (`*failed`) one that is not known. */
const struct type *parser_type(struct parser *p, bool *failed);

/* --- grammar --------------------------------------------------------------------------------------- */

/** A whole expression. */
bool parser_conditional(struct parser *p, struct value *value);
/** A number, a name, or an expression in brackets. */
bool parser_primary(struct parser *p, struct value *value);

#endif
