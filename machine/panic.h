/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds a Linux kernel panic in what the guest prints. */
#ifndef ARMATURE_PANIC_H
#define ARMATURE_PANIC_H

#include <stdbool.h>
#include <stddef.h>

/** How far the two messages have been matched. Zeroed at the start. */
struct panic_watch {
    unsigned begin_matched, end_matched;
    bool begun; /* "Kernel panic - not syncing" was printed */
    bool ended; /* and "end Kernel panic - not syncing", after which the kernel says nothing more */
};

/** Looks at the next bytes printed. Returns whether `begun` or `ended` became true. */
bool panic_watch(struct panic_watch *watch, const void *bytes, size_t length);

/** After its members came from a file: no match goes on beyond its text. */
void panic_watch_restored(struct panic_watch *watch);

#endif
