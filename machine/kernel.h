/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel files: an arm64 Image (plain, gzip'd, or inside an EFI zboot image) or an AArch64 ELF file. All of
 * it comes from outside and is hostile until parsed. */
#ifndef ARMATURE_KERNEL_H
#define ARMATURE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/bus.h"
#include "machine/contract/error.h"
#include "machine/file.h"

/** Where a kernel was put: guest physical addresses; [start, end) includes what it clears for itself. */
struct kernel_placement {
    uint64_t start, end, entry;
};

/** Puts the kernel in `file` into RAM. False: `error` says what is wrong with the file or with RAM's size. */
bool kernel_load(struct bus *bus, const struct file *file, struct kernel_placement *placement,
                 struct error *error);

/* The formats. Each `_matches` looks at the first bytes only; each `_load` checks everything. */
bool image_matches(const uint8_t *bytes, size_t length);
bool image_load(struct bus *bus, const struct file *file, struct kernel_placement *placement,
                struct error *error);
bool elf_matches(const uint8_t *bytes, size_t length);
bool elf_load(struct bus *bus, const struct file *file, struct kernel_placement *placement,
              struct error *error);

bool gzip_matches(const uint8_t *bytes, size_t length);
/** Unpacks a gzip stream of `length` bytes into a new buffer of `out`, at most `limit_bytes` long. */
bool gzip_unpack(const char *name, const uint8_t *bytes, size_t length, size_t limit_bytes, struct file *out,
                 struct error *error);

bool zboot_matches(const uint8_t *bytes, size_t length);
/** The compressed kernel inside an EFI zboot image: a part of `file`. Fails where it is not gzip'd. */
bool zboot_payload(const struct file *file, const uint8_t **bytes, size_t *length, struct error *error);

/** Little-endian numbers of a file, which may lie at any alignment. */
static inline uint64_t file_le(const uint8_t *from, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = size; i-- > 0;)
        value = value << 8 | from[i];
    return value;
}

#endif
