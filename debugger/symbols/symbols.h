/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symbols by name and by address, whatever they were read from. */
#ifndef ARMATURE_DEBUGGER_SYMBOLS_H
#define ARMATURE_DEBUGGER_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/error.h"

struct symbol {
    uint64_t address;
    uint64_t size;       /* 0: up to the next one */
    const char *name;
    const char *module;  /* NULL: none */
    char letter;         /* as nm has it: t, T, w, W code; others data */
    bool loaded;         /* from a file of the user's, not found in the guest */
};

struct symbols;

struct symbols *symbols_create(void);
void symbols_free(struct symbols *symbols);

/** Adds one; both strings are copied. Not found before symbols_sort(). */
void symbols_add(struct symbols *symbols, uint64_t address, uint64_t size, char letter, const char *name,
                 const char *module);
void symbols_sort(struct symbols *symbols);
/** Whether what is added from now on is from a file of the user's. */
void symbols_loading(struct symbols *symbols, bool loading);
/** Adds those of `from` that are. */
void symbols_keep_loaded(struct symbols *symbols, const struct symbols *from);
/** Forgets those of all the guest's modules. */
void symbols_drop_modules(struct symbols *symbols);

size_t symbols_count(const struct symbols *symbols);
const struct symbol *symbols_at(const struct symbols *symbols, size_t index); /* in order of addresses */

/** The symbol of that name (the first, where there are several), or NULL. */
const struct symbol *symbols_find(const struct symbols *symbols, const char *name);

/** The same of those at `lowest` or above. */
const struct symbol *symbols_find_above(const struct symbols *symbols, const char *name, uint64_t lowest);

/** The symbol that `address` belongs to: the last at or before it, unless that is of known size and ends before. NULL:
 *  there is none. */
const struct symbol *symbols_around(const struct symbols *symbols, uint64_t address);

static inline bool symbol_is_code(const struct symbol *symbol)
{
    return symbol->letter == 't' || symbol->letter == 'T' || symbol->letter == 'w' || symbol->letter == 'W';
}

/** Reads a System.map. False: `error` says why not. */
bool symbols_read_map(struct symbols *symbols, const char *path, struct error *error);
/** Reads one of its lines ("ffff800008000000 T _text"); false: it is none. The text is changed. */
bool symbols_read_map_line(struct symbols *symbols, char *line);

#endif
