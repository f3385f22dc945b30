/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The device tree that the guest gets: generated from the board, or the user's with memory and /chosen set.
 */
#ifndef ARMATURE_DTB_H
#define ARMATURE_DTB_H

#include "machine/machine.h"
#include "machine/place.h"

/** Makes the tree; `initrd` NULL: none. The caller frees it. NULL: `error` says what is wrong with --dtb. */
void *dtb_make(struct machine *machine, const struct range *initrd, size_t *bytes, struct error *error);

#endif
