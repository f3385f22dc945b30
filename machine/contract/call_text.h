/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the arguments of a call are, as tables of calls say it (linux_calls.def), and the call as a line of text. Who
 * does such calls has the same kinds as who only watches them. */
#ifndef ARMATURE_CALL_TEXT_H
#define ARMATURE_CALL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_MAX_ARGS 8u /* of functions; calls of the kernel have 6 */

/** The kinds of arguments. `of` and `bytes` are members of struct call_arg. */
enum call_kind {
    ARG_NONE,    /* there is none */
    ARG_VALUE,   /* a number, shown in decimal */
    ARG_BITS,    /* a number, shown in hex */
    ARG_I32,     /* a number of 32 bits with a sign; what else the guest's register has is not looked at */
    ARG_U32,     /* the same, without one */
    ARG_MODE,    /* a number, shown in octal */
    ARG_SIGNAL,  /* a signal's number */
    ARG_FD,      /* a file descriptor; AT_FDCWD has its name */
    ARG_LENGTH,  /* of what another argument points to */
    ARG_ADDRESS, /* a guest address that nobody looks at */
    ARG_STRING,  /* points to a string */
    ARG_STRINGS, /* points to pointers to strings, the last of them NULL, that nobody but who prints them looks at */
    ARG_PATH,    /* points to a path; `of` is the argument with the directory's descriptor plus 1, or 0 */
    ARG_IN,      /* points to `bytes` bytes, that are read; may be NULL. `of`: times the value of argument of - 1, .. */
                 /* .. or if `pointed`, that of the number it points to */
    ARG_OUT,     /* the same, that are written */
    ARG_IN_OUT,  /* the same, both */
    ARG_LAYOUT_IN,  /* points to a structure that the host may have otherwise: `of` is its number */
    ARG_LAYOUT_OUT, /* the same, that is written */
    ARG_CONSTANTS,  /* bits that the host may have otherwise: `of` is a number of enum linux_constants */
};

struct call_arg {
    uint8_t kind, of;
    uint32_t bytes;
    bool pointed;
};

/** The sets of bits that linux_calls.def names: those of open(). */
enum linux_constants { CONSTANTS_open };

/** A line under way. Bytes of the guest's are read by `read`, which says whether all of them were there. */
struct call_text {
    char text[2048];
    size_t length;
    bool (*read)(void *context, void *to, uint64_t address, uint64_t bytes);
    void *context;
};

/** Adds a text as printf() does; what goes over the end is cut off. */
void call_text_add(struct call_text *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Adds bytes in quotes, as C has them; what would not print is escaped. `more`: there are others. */
void call_text_quote(struct call_text *line, const void *bytes, size_t count, bool more);

/** Adds argument `index` of those in `args`, of which `kinds` tells. What the call writes is shown once it is `over`,
 *  with what came of it in `result`; until then its address is. */
void call_text_arg(struct call_text *line, const struct call_arg *kinds, const uint64_t *args, unsigned index,
                   bool over, int64_t result);

/** Whether such an argument is shown by what the call writes, or by what it reads. */
bool call_text_is_written(const struct call_arg *kind);
bool call_text_is_read(const struct call_arg *kind);

/** Adds " = " and the result: a number, or -1 and the name of the error. */
void call_text_result(struct call_text *line, int64_t result);

#endif
