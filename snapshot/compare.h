/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is different in two snapshots. */
#ifndef ARMATURE_COMPARE_H
#define ARMATURE_COMPARE_H

#include <stdio.h>
#include "snapshot/parts.h"

/** Whether a section is a structure in the form of codec.h. */
bool section_is_structure(const char *name);

/** Prints a line for each thing that is not the same, and counts them in `*differences`. False: one is damaged. */
bool snapshot_compare(FILE *to, struct snapshot *a, struct snapshot *b, uint64_t *differences, struct error *error);

#endif
