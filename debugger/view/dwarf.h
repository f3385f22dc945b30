/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files with symbols and DWARF, by elfutils' libdw: a vmlinux, a program. What they say is checked by libdw, and what
 * follows from it here: a file may be damaged. */
#ifndef ARMATURE_DEBUGGER_DWARF_H
#define ARMATURE_DEBUGGER_DWARF_H

#include "debugger/view/expression.h"
#include "debugger/view/frame.h"

/** Reads a file's symbols, moved by `bias`, and keeps it open for types, variables, lines and call frames if it has
 *  DWARF. False: `error` says why not. */
bool dwarf_load(struct session *session, const char *path, uint64_t bias, struct error *error);
/** Closes all files; the session's types that are theirs are gone before. */
void dwarf_forget(void);

/* --- lines ----------------------------------------------------------------------------------------- */

/** See location_line(). `*begins` (may be NULL) tells whether a statement of that line begins at the address. */
bool dwarf_line(uint64_t address, struct source_line *line, bool *begins);
/** The places where code of a line begins, or of the next line that has code: one for each function or inlined copy
 *  that it is in, in order. `file` is a path or its end. Returns how many there are, at most `capacity`. */
unsigned dwarf_addresses_of_line(const char *file, unsigned number, uint64_t *addresses, unsigned capacity);
/** The place behind a function's prologue, of the function that begins at `address`; false: not known. */
bool dwarf_skip_prologue(uint64_t address, uint64_t *behind);
/** Tells of each function that has code in the unit whose code is at `address`; `end` is behind it. Returns what the
 *  unit is known by; NULL: there is none. With `each` NULL it only returns that. */
typedef void dwarf_each_function(void *context, const char *name, uint64_t start, uint64_t end);
const void *dwarf_functions(uint64_t address, dwarf_each_function *each, void *context);
/** The function that `address` is in, from its beginning to its end. */
bool dwarf_function(uint64_t address, uint64_t *start, uint64_t *end);
/** Whether a file with lines is loaded at all. */
bool dwarf_has_lines(void);
/** Where `name` is a source's path or its end: its whole path, as the file has it. */
bool dwarf_source(const char *name, struct source_line *line);

/** A function at an address: one that was inlined there, or the one that is really called. */
struct dwarf_level {
    const char *function; /* NULL: it has no name */
    struct source_line line; /* where in it; line 0: not known */
};

/** The functions at `pc`, from the innermost inlined one to the one that has the frame. 0: none is known. */
unsigned dwarf_levels(uint64_t pc, struct dwarf_level *levels, unsigned capacity);

/* --- variables ------------------------------------------------------------------------------------- */

/** Told of a variable: its value, or (NULL) why there is none. False: no more. */
typedef bool dwarf_each(void *context, const char *name, const struct value *value, const char *why);

/** The parameters, or the other variables, of the function at a level of the frame, innermost first. `innermost`: the
 *  frame is where the CPU stands. False: nothing is known there. */
bool dwarf_variables(struct session *session, const struct frame *frame, bool parameters, dwarf_each *each,
                     void *context);
/** The variable that `name` means in the frame. False: there is none, or (`*found`) it has no value now: `error` says
 *  why. */
bool dwarf_variable(struct session *session, const struct frame *frame, const char *name, struct value *value,
                    bool *found, struct error *error);

/* --- call frames ----------------------------------------------------------------------------------- */

/** Whether call frame information covers `pc`. */
bool dwarf_knows_frame(uint64_t pc);
/** One frame up. False: nothing is known there. */
bool dwarf_unwind(const struct space *space, struct frame *frame);
/** The frame's CFA: what SP was before the call. */
bool dwarf_cfa(const struct space *space, const struct frame *frame, uint64_t *cfa);

/** What the annex "dwarf" has: the functions above. */
struct dwarf_annex {
    bool (*load)(struct session *session, const char *path, uint64_t bias, struct error *error);
    void (*forget)(void);
    bool (*line)(uint64_t address, struct source_line *line, bool *begins);
    unsigned (*addresses_of_line)(const char *file, unsigned number, uint64_t *addresses, unsigned capacity);
    bool (*skip_prologue)(uint64_t address, uint64_t *behind);
    const void *(*functions)(uint64_t address, dwarf_each_function *each, void *context);
    bool (*function)(uint64_t address, uint64_t *start, uint64_t *end);
    bool (*has_lines)(void);
    bool (*source)(const char *name, struct source_line *line);
    unsigned (*levels)(uint64_t pc, struct dwarf_level *levels, unsigned capacity);
    bool (*variables)(struct session *session, const struct frame *frame, bool parameters, dwarf_each *each,
                      void *context);
    bool (*variable)(struct session *session, const struct frame *frame, const char *name, struct value *value,
                     bool *found, struct error *error);
    bool (*knows_frame)(uint64_t pc);
    bool (*unwind)(const struct space *space, struct frame *frame);
    bool (*cfa)(const struct space *space, const struct frame *frame, uint64_t *cfa);
};
extern const struct dwarf_annex annex;

#endif
