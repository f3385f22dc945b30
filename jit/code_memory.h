/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory that translated code is kept in: written through one mapping, run through another, so that none is both
 * writable and executable. Words that code counts in lie beside it, within its reach. */
#ifndef ARMATURE_JIT_CODE_MEMORY_H
#define ARMATURE_JIT_CODE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/error.h"

struct code_memory {
    uint8_t *write, *run; /* the two mappings */
    size_t bytes;
    uint32_t *counters;
    unsigned counter_count;
};

/** `copied`: fork() is to give the child a memory of its own, which takes one mapping, to write and to run. False: the
 * host has no such memory, or does not let it be executed. */
bool code_memory_create(struct code_memory *memory, size_t bytes, unsigned counter_count, bool copied,
                        struct error *error);
void code_memory_free(struct code_memory *memory);

/** Tells that code (by write address) or counters from `from` on are about to be written: the host gives the pages in
 *  one go. */
void code_memory_touch(const struct code_memory *memory, uint8_t *from, size_t bytes);

#endif
