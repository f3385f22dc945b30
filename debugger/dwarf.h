/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files with symbols and DWARF, by elfutils' libdw: a vmlinux, a module, a program. */
#ifndef ARMATURE_DEBUGGER_DWARF_H
#define ARMATURE_DEBUGGER_DWARF_H

#include "debugger/location.h"
#include "debugger/session.h"

/** Reads a file's symbols, moved by `bias`, and keeps it open for lines and call frames if it has DWARF. False: `error`
 *  says why not. */
bool dwarf_load(struct session *session, const char *path, uint64_t bias, struct error *error);

/** See location_line() and location_address(). */
bool dwarf_line(uint64_t address, struct source_line *line);
bool dwarf_address_of_line(const char *file, unsigned number, uint64_t *address);

/** Registers of a frame, to be made those of its caller. */
struct unwinding {
    uint64_t pc, sp, fp, lr;
    uint64_t x[31]; /* where they are known */
    bool has_x, is_return;
};

/** Whether call frame information covers `pc`. */
bool dwarf_knows_frame(struct session *session, uint64_t pc);
/** One frame up. False: nothing is known there. */
bool dwarf_unwind(struct session *session, const struct space *space, struct unwinding *state);

/** What the annex "dwarf" has: the functions above. */
struct dwarf_annex {
    bool (*load)(struct session *session, const char *path, uint64_t bias, struct error *error);
    bool (*line)(uint64_t address, struct source_line *line);
    bool (*address_of_line)(const char *file, unsigned number, uint64_t *address);
    bool (*knows_frame)(struct session *session, uint64_t pc);
    bool (*unwind)(struct session *session, const struct space *space, struct unwinding *state);
};
extern const struct dwarf_annex annex;

#endif
