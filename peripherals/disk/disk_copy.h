/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copies the content of one disk to another, with a line that shows how far it is. */
#ifndef ARMATURE_DISK_COPY_H
#define ARMATURE_DISK_COPY_H

#include "peripherals/virtio/disk.h"

/** How far something is, on standard error where that is a terminal. */
void disk_progress(void *what, unsigned permille);
void disk_progress_end(const char *what);

/** Copies all of `from` that may not be zeroes to `to`, which is as large, and reads as zeroes so far where `fresh`.
 * `compress`: `to` is a qcow2 image, and gets compressed clusters of `cluster_bytes`. Ends with a flush. */
bool disk_copy(struct disk *from, struct disk *to, bool fresh, unsigned cluster_bytes, bool compress, const char *name,
               struct error *error);

/** Writes all that the qcow2 image `overlay` holds to `base`. */
bool disk_commit(struct disk *overlay, struct disk *base, const char *name, struct error *error);

#endif
