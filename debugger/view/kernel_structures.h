/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structures that system calls point to, as text. */
#ifndef ARMATURE_DEBUGGER_KERNEL_STRUCTURES_H
#define ARMATURE_DEBUGGER_KERNEL_STRUCTURES_H

#include "machine/contract/call_text.h"

/** Adds what argument `index` of call `number` points to, where that is a structure that we know and it can be read.
 *  What the call writes is there once it is `over` with a `result` that is no error. False: nothing was added. */
bool kernel_structure(struct call_text *line, uint64_t number, const uint64_t *args, unsigned index, bool over,
                      int64_t result);

/** Whether the call writes it. */
bool kernel_structure_is_written(uint64_t number, unsigned index);

#endif
