/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The symbol table that a Linux kernel carries in its read-only data, found and read in guest memory. */
#ifndef ARMATURE_DEBUGGER_KALLSYMS_H
#define ARMATURE_DEBUGGER_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/error.h"

/** Told of each symbol: its address at run time, its letter as nm has it, its name. False: no more. */
typedef bool kallsyms_each(void *context, uint64_t address, char letter, const char *name);

/** Looks for the table in `length` bytes of memory, and hands out its symbols in ascending order. What is there may be
 *  anything. `*tokens` says from where on it is looked for first, and receives where it was found: the kernel's image
 *  is around that. Returns how many symbols there were; 0: `error` says why. */
size_t kallsyms_read(const uint8_t *memory, size_t length, size_t *tokens, kallsyms_each *each, void *context,
                     struct error *error);

#endif
