/* SPDX-License-Identifier: GPL-3.0-or-later */
/* C expressions over the guest: registers ($x0 or x0), symbols, memory, fields of structures, arithmetic, casts. */
#ifndef ARMATURE_DEBUGGER_EXPRESSION_H
#define ARMATURE_DEBUGGER_EXPRESSION_H

#include "debugger/session/session.h"

/** What an expression yields: a number, or something in memory. */
struct value {
    const struct type *type;
    bool in_memory;      /* it lies at `address`; a number then is read when it is needed */
    bool is_symbol;      /* a symbol by itself, of which no type is known */
    uint64_t address;
    uint32_t bit_offset, bits; /* of a bit field within the memory at `address`; bits 0: none */
    uint64_t number;     /* where it is not in memory */
    uint8_t vector[16];  /* of a vector register, all of it */
    bool is_vector;
    char reg[24];        /* the register it is, for assignments; "": none */
};

/** Evaluates all of `text`. False: `error` says what is wrong with it. */
bool expression_evaluate(struct session *session, const char *text, struct value *value, struct error *error);

/** Evaluates as much of `*text` as is an expression, and moves `*text` behind it. */
bool expression_evaluate_part(struct session *session, const char **text, struct value *value, struct error *error);

/** The value as a number: read from memory where it lies there, sign-extended by its type. */
bool value_number(struct session *session, const struct value *value, uint64_t *number, struct error *error);

/** The address that is meant where a command asks for one: of a symbol or structure its own, else the number. */
bool value_location(struct session *session, const struct value *value, uint64_t *address, struct error *error);

/** A number, or an address, or whether a condition holds, at once. */
bool expression_number(struct session *session, const char *text, uint64_t *number, struct error *error);
bool expression_location(struct session *session, const char *text, uint64_t *address, struct error *error);

/** Stores into what `to` is: a register or memory. */
bool value_assign(struct session *session, const struct value *to, const struct value *from, struct error *error);

/** Prints a value in the manner of its type; `format` is a letter of `print`: x d u o t c a s, or 0. */
void value_print(struct session *session, const struct value *value, char format);

/** Whether a type is a pointer or array, and so on. */
bool type_is_scalar(const struct type *type);

#endif
