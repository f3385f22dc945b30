/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs: what an AArch64 Linux executable (ELF-64, System V ABI for AArch64) says about itself, and how it comes
 * into memory. */
#ifndef ARMATURE_PROGRAM_H
#define ARMATURE_PROGRAM_H

#include "hostcall/space.h"
#include "machine/contract/error.h"

#define PROGRAM_MAX_SEGMENTS 64u
#define PROGRAM_PATH_BYTES   4096u

struct program_segment {
    uint64_t address, file_offset, file_bytes, memory_bytes;
    int prot;
};

/** What a file says, found sound: segments in order of address, none overlapping another's pages, all below
 *  USER_SPACE_BYTES, and within the file. */
struct program_plan {
    bool movable; /* position independent */
    uint64_t entry;
    uint64_t headers;                     /* address of the program headers, or 0: in no segment */
    uint16_t header_count;
    uint64_t lowest, highest;             /* of all segments, whole pages */
    char interpreter[PROGRAM_PATH_BYTES]; /* "" : none */
    bool guarded;                         /* it is built for BTI */
    unsigned count;
    struct program_segment segments[PROGRAM_MAX_SEGMENTS];
};

enum program_kind {
    PROGRAM_GUEST,  /* an AArch64 executable */
    PROGRAM_HOST,   /* one of this host's kind */
    PROGRAM_SCRIPT, /* begins with #! */
    PROGRAM_NONE,   /* anything else */
};

/** What a file is by its first bytes. */
enum program_kind program_kind(const uint8_t *bytes, size_t length);

/** Reads the plan of an executable of `length` bytes through `read`, which copies `bytes` bytes at `offset` (false: it
 *  cannot). `name` is for messages. The content is a stranger's. */
bool program_plan(struct program_plan *plan, const char *name, uint64_t length,
                  bool (*read)(void *context, void *to, uint64_t offset, size_t bytes), void *context,
                  struct error *error);

/** Where a program lies. */
struct program_image {
    uint64_t bias, entry, headers, end;
    uint16_t header_count;
};

/** Maps the segments. `bias`: of a movable one. */
bool program_map(struct space *space, const struct program_plan *plan, int fd, uint64_t bias, const char *name,
                 struct program_image *image, struct error *error);

/** Opens and plans the executable at host path `path`. Returns its descriptor, or -1. */
int program_open(const char *path, struct program_plan *plan, struct error *error);

#endif
