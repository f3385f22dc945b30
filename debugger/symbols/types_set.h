/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a reader (BTF, DWARF) fills a set of types. */
#ifndef ARMATURE_DEBUGGER_TYPES_SET_H
#define ARMATURE_DEBUGGER_TYPES_SET_H

#include "debugger/symbols/types.h"

/** An empty set. NULL: no memory. */
struct types *types_create(void);

/** About so many bytes of memory will be asked for: they are taken from the host at once. */
void types_expect(struct types *types, size_t bytes);

/** Zeroed memory for `count` things, which lives as long as the set. NULL: there is none. */
void *types_room(struct types *types, size_t count, size_t bytes);

/** Makes a type findable by its name, which is not copied: later ones go behind. False: no memory. */
bool types_put(struct types *types, const char *name, const struct type *type);
/** The same for a variable of that type; `type` may become known by types_completed_by(). */
bool types_put_variable(struct types *types, const char *name, const struct type *type);

/** What completes a type that was only named so far, when somebody finds it. `context` is freed by `free_context`. */
void types_completed_by(struct types *types, void (*complete)(void *context, const struct type *type), void *context,
                        void (*free_context)(void *context));

/** Puts right the sizes of an alias or array, of what it is made of, which may come in a circle. */
uint64_t types_size_of(const struct type *type);

#endif
