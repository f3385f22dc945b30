/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a user names a disk: one or several image files, and what is to be done with them. The command line, what opens
 * images, and snapshots agree on it here. */
#ifndef ARMATURE_DISK_OPTION_H
#define ARMATURE_DISK_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/error.h"

enum disk_format {
    DISK_FORMAT_FIND, /* by name and beginning together, so that a guest cannot choose it by what it writes */
    DISK_FORMAT_RAW,
    DISK_FORMAT_QCOW2,
};

enum disk_layout {
    DISK_LAYOUT_PLAIN,  /* one image */
    DISK_LAYOUT_STRIPE, /* several, in turn */
    DISK_LAYOUT_MIRROR, /* several, each of which holds all */
};

/** What the guest sees of it. */
enum disk_attachment {
    DISK_ATTACH_VIRTIO, /* a virtio-blk device */
    DISK_ATTACH_NVME,   /* an NVMe controller on PCI */
    DISK_ATTACH_SCSI,   /* a disk of the SCSI controller (virtio-scsi) */
    DISK_ATTACH_CD,     /* a CD drive of the same, with the disk in it */
};

#define DISK_PARTS_MAX 8

struct disk_option {
    char path[4096]; /* of the image; of several, with '+' between them */
    enum disk_layout layout;
    enum disk_format format;
    enum disk_attachment attachment;
    bool read_only;
    bool overlay;            /* what the guest writes is kept in memory and in snapshots; the image stays as it is */
    char overlay_path[4096]; /* or in this qcow2 image; "": not so */
    uint64_t zero_bytes; /* no image at all, but zeroes under an overlay: all it holds is in a snapshot; 0: not so */
    char snapshot[256];      /* a qcow2 image's snapshot of that name, read only; "": its present content */
};

#define DISK_OPTION_WORDS "ro, overlay, overlay=FILE, format=raw|qcow2, snapshot=NAME, bus=virtio|nvme|scsi"

/** Takes "[stripe:|mirror:]FILE[+FILE...][,WORD...]". False: `error` says what was expected, in the name of `what`. */
bool disk_option_parse(const char *text, struct disk_option *option, const char *what, struct error *error);

/** The words that make the option again but for ro and overlay, each with a comma before it. `room` of 4608 is enough.
 */
void disk_option_words(const struct disk_option *option, char *text, size_t room);

/** A number of bytes, or of K, M, G or T of them (1024 each), of at least 1. False: it is none. */
bool disk_size_parse(const char *text, uint64_t *bytes);

#endif
