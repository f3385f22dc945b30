/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A loaded file, among the readers of its parts. */
#ifndef ARMATURE_DEBUGGER_DWARF_FILE_H
#define ARMATURE_DEBUGGER_DWARF_FILE_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include "debugger/view/dwarf.h"
#include "debugger/symbols/types_set.h"

#define SCOPES_MAX 64u

/** Code of a unit. */
struct dwarf_range {
    uint64_t low, high;
    Dwarf_Die unit;
};

struct dwarf_file {
    struct dwarf_file *next;
    int fd;
    Elf *elf;
    Dwarf *dwarf;       /* NULL: none */
    Dwarf_CFI *cfi[2];  /* .debug_frame, .eh_frame; NULL: none */
    uint64_t bias;      /* an address in the guest, less that in the file */
    struct dwarf_range *ranges; /* by address */
    size_t range_count;
    struct dwarf_types *types;
    struct dwarf_module *module; /* NULL: a file that is linked; else `dwarf` and `cfi` are its */
};

/* What the annex has; dwarf.h says what each does. */
bool dw_load(struct session *session, const char *path, uint64_t bias, struct error *error);
void dw_forget(void);
bool dw_line(uint64_t address, struct source_line *line, bool *begins);
unsigned dw_addresses_of_line(const char *file, unsigned number, uint64_t *addresses, unsigned capacity);
bool dw_skip_prologue(uint64_t address, uint64_t *behind);
const void *dw_functions(uint64_t address, dwarf_each_function *each, void *context);
bool dw_function(uint64_t address, uint64_t *start, uint64_t *end);
bool dw_has_lines(void);
bool dw_source(const char *name, struct source_line *line);
unsigned dw_levels(uint64_t pc, struct dwarf_level *levels, unsigned capacity);
bool dw_variables(struct session *session, const struct frame *frame, bool parameters, dwarf_each *each, void *context);
bool dw_variable(struct session *session, const struct frame *frame, const char *name, struct value *value, bool *found,
                 struct error *error);
bool dw_knows_frame(uint64_t pc);
bool dw_unwind(const struct space *space, struct frame *frame);
bool dw_cfa(const struct space *space, const struct frame *frame, uint64_t *cfa);

/** A module's file, open at `fd`, linked as the guest's kernel has done: fills the DWARF, call frames and bias of
 *  `file`. NULL: `error` says why not. */
struct dwarf_module *dwarf_module_open(struct session *session, const char *path, int fd, struct dwarf_file *file,
                                       struct error *error);
/** Ends that, and its DWARF. NULL is allowed. */
void dwarf_module_free(struct dwarf_module *module);

/** The first file; others follow. */
struct dwarf_file *dwarf_files(void);
/** The file and unit that code at a guest's address is of. */
struct dwarf_file *dwarf_find_unit(uint64_t address, Dwarf_Die *unit);

/** The functions and blocks around an address (of the file), the function that has the frame first. */
struct dwarf_scopes {
    Dwarf_Die dies[SCOPES_MAX];
    unsigned count;
};
bool dwarf_find_scopes(Dwarf_Die *unit, uint64_t at, struct dwarf_scopes *scopes);

/** The file's types, as a set that the session owns, and which is filled as types are asked for. NULL: no memory. */
struct types *dwarf_types_create(struct dwarf_file *file);
/** The type of what `die` describes, by its DW_AT_type; void where it has none. */
const struct type *dwarf_type_of(struct dwarf_file *file, Dwarf_Die *die);

/** What a location's or a frame's operations came to. */
struct dwarf_place {
    enum dwarf_place_kind {
        PLACE_NONE,
        PLACE_MEMORY,
        PLACE_REGISTER,
        PLACE_VALUE,
        PLACE_BYTES,   /* a value of any length, that the file has */
        PLACE_POINTER, /* a pointer to a variable that is nowhere: dwarf_implicit_pointer() */
    } kind;
    uint64_t number; /* an address, a register's number, the value, or how many bytes there are */
    const char *why; /* of PLACE_NONE */
    const uint8_t *bytes;
    const Dwarf_Op *op;
};

/** Computes operations, and none to PLACE_NONE: `frame` has the registers, `cfa` (may be NULL) and `frame_base` what
 *  some of them need. */
struct dwarf_context {
    struct dwarf_file *file;
    const struct space *space;
    const struct frame *frame;
    const uint64_t *cfa, *frame_base;
    Dwarf_Attribute *attribute; /* that the operations are of, or NULL */
    struct session *session;    /* this and what follows: of variables alone */
    Dwarf_Die *function;        /* that has the frame */
    uint64_t at;                /* the code's address in the file */
    unsigned depth;             /* so many values were asked for by this one */
};
struct dwarf_place dwarf_compute(const struct dwarf_context *context, const Dwarf_Op *ops, size_t count);
/** What is needed to look into a frame. */
struct dwarf_view {
    struct space space;
    const struct frame *frame;
    struct dwarf_context context;
    Dwarf_Die unit;
    struct dwarf_scopes scopes;
    unsigned first, end; /* the scopes that are of the frame's level */
    uint64_t cfa, frame_base;
};
/** Fills it, where the frame's function is known; `depth` as the context has it. */
bool dwarf_look_into(struct session *session, const struct frame *frame, unsigned depth, struct dwarf_view *view);
/** The value of a variable or parameter. NULL: it is there; else why not. */
const char *dwarf_value(struct dwarf_context *context, Dwarf_Die *die, struct value *value);
/** The pointer that DW_OP_implicit_pointer means: to where its target is, or to a copy of it. */
const char *dwarf_implicit_pointer(const struct dwarf_context *context, const Dwarf_Op *op, struct value *value);
/** What DW_OP_entry_value means; false: nobody knows any more. */
bool dwarf_entry_value(const struct dwarf_context *context, const Dwarf_Op *op, uint64_t *number);

/** A register by DWARF's number; false: it is not known in the frame. */
bool dwarf_register(const struct frame *frame, unsigned number, uint64_t *value);

#endif
