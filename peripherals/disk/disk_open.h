/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opens what the user named: an image of any format with what is behind it, or several as one disk. */
#ifndef ARMATURE_DISK_OPEN_H
#define ARMATURE_DISK_OPEN_H

#include "machine/contract/disk_option.h"
#include "peripherals/virtio/disk.h"

/** How many images may stand behind each other. */
#define DISK_CHAIN_MAX 32u

/** Opens the disk, for writing unless read_only or overlay is set (the overlay in memory is the caller's). An overlay
 * image that is not there is made. NULL: `error` says why. */
struct disk *disk_open(const struct disk_option *option, struct error *error);

/** The format of an image, as disk_open() would take it. `beginning` is its first 4 bytes. */
bool disk_find_format(const char *path, const uint8_t beginning[4], enum disk_format *format, struct error *error);

/** The name of a backing file, as it stands in the image `path`, seen from here. To be freed; NULL: it is no file's. */
char *disk_backing_path(const char *path, const char *backing);

/** `parts` (which become the new disk's) in turn, DISK_STRIPE_BYTES from each. */
#define DISK_STRIPE_BYTES 65536u
struct disk *disk_stripe_create(struct disk **parts, unsigned count, struct error *error);

/** `parts`, each of which holds all. A part that fails is left out from then on, which is said, and written down in the
 * file PART.mirror-lost beside those that go on, so that it is not taken for good later. A part that is NULL is left
 * out from the beginning. Takes the parts over. */
struct disk *disk_mirror_create(struct disk **parts, const char *const *names, unsigned count, struct error *error);

/** Whether a mirror went on without `name` at some time, as is written down beside `good`. */
bool disk_mirror_lost(const char *good, const char *name);

#endif
