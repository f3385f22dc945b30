/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pages of guest memory the host has given so far, so that who reads all of it need not have it make up the
 * others. */
#ifndef ARMATURE_RAM_LOOK_H
#define ARMATURE_RAM_LOOK_H

#include "machine/contract/bus.h"

#define RAM_LOOK_PAGES 512u

struct ram_look {
    const struct ram *ram;
    int pagemap; /* -1: the host does not tell */
};

/** Begins and ends looking. Any thread may. */
struct ram_look ram_look_begin(const struct ram *ram);
void ram_look_end(struct ram_look *look);

/** Says for each of `count` pages (at most RAM_LOOK_PAGES) from number `page` on whether it may hold anything but
 * zeroes. */
void ram_look(const struct ram_look *look, uint64_t page, unsigned count, bool there[RAM_LOOK_PAGES]);

#endif
