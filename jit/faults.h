/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where translated code goes on when an access to memory, which nothing has checked, is refused by the host.
 *
 * A row says: if an instruction between `from` and `to` faults, go on at `slow`, which does the guest's instruction by
 * its exec_ function, from the beginning. Rows are added by any thread that compiles (two at a time at most) and looked
 * for in a signal handler, without a lock: a row is complete before it can be found. Where code is compiled anew at the
 * same place its rows are found first; all go together with all code. */
#ifndef ARMATURE_JIT_FAULTS_H
#define ARMATURE_JIT_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fault_table {
    struct fault_row *rows;
    uint32_t *heads; /* of the lists by address: a row's number plus 1, or 0 */
    uint32_t used;
};

/** False: the host has no memory. */
bool fault_table_create(struct fault_table *table);
void fault_table_free(struct fault_table *table);

/** Forgets all rows. Nobody runs translated code or compiles. */
void fault_table_clear(struct fault_table *table);

/** Adds a row, by run addresses. False: there is no room. */
bool fault_table_add(struct fault_table *table, uint64_t from, uint64_t to, uint64_t slow);

/** Where the code goes on, or 0. */
uintptr_t fault_table_find(const struct fault_table *table, uintptr_t host_pc);

#endif
