/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recognises what kind of kernel a file is, and unwraps it. */
#include <string.h>
#include "machine/kernel.h"

static bool load_plain(struct bus *bus, const struct file *file, struct kernel_placement *placement,
                       struct error *error)
{
    if (image_matches(file->bytes, file->length))
        return image_load(bus, file, placement, error);
    if (elf_matches(file->bytes, file->length))
        return elf_load(bus, file, placement, error);
    return error_set(error, "kernel %s: neither an arm64 Image nor an AArch64 ELF file; give one of these",
                     file->name);
}

bool kernel_load(struct bus *bus, const struct file *file, struct kernel_placement *placement,
                 struct error *error)
{
    const uint8_t *packed = file->bytes;
    size_t packed_length = file->length;
    if (file->length == 0)
        return error_set(error, "kernel %s: the file is empty; give an arm64 Image", file->name);
    /* A zboot image is looked for first: it is an EFI program as an Image is. */
    if (zboot_matches(file->bytes, file->length)) {
        if (!zboot_payload(file, &packed, &packed_length, error))
            return false;
    } else if (!gzip_matches(file->bytes, file->length)) {
        return load_plain(bus, file, placement, error);
    }
    struct file unpacked;
    if (!gzip_unpack(file->name, packed, packed_length, bus->ram.size_bytes, &unpacked, error))
        return false;
    bool loaded = load_plain(bus, &unpacked, placement, error);
    file_free(&unpacked);
    return loaded;
}
