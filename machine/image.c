/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arm64 Image format (Linux, Documentation/arch/arm64/booting.rst, "Call the kernel image") and the EFI
 * zboot wrapping of it (drivers/firmware/efi/libstub/zboot-header.S). */
#include <inttypes.h>
#include <string.h>
#include "machine/kernel.h"

#define HEADER_BYTES      64u
#define MAGIC_OFFSET      56u
#define PE_OFFSET_OFFSET  60u
#define COFF_HEADER_BYTES 24u
#define SECTION_BYTES     40u
#define FLAG_BIG_ENDIAN   1u
#define DEFAULT_OFFSET    0x80000u /* where kernels before 3.17, which say no size, must be put */
#define LARGEST_OFFSET    0x200000u

bool image_matches(const uint8_t *bytes, size_t length)
{
    return length >= HEADER_BYTES && memcmp(bytes + MAGIC_OFFSET, "ARM\x64", 4) == 0;
}

/* Where the file's last section ends by its EFI (PE/COFF) header, or 0 where it has none. It is the only way
 * to see that an Image was cut short. */
static uint64_t sections_end(const struct file *file)
{
    uint64_t header = file_le(file->bytes + PE_OFFSET_OFFSET, 4), end = 0;
    if (header > file->length || file->length - header < COFF_HEADER_BYTES ||
        memcmp(file->bytes + header, "PE\0\0", 4) != 0)
        return 0;
    uint64_t count = file_le(file->bytes + header + 6, 2);
    uint64_t table = header + COFF_HEADER_BYTES + file_le(file->bytes + header + 20, 2);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t section = table + i * SECTION_BYTES;
        if (section > file->length || file->length - section < SECTION_BYTES)
            return section + SECTION_BYTES;
        uint64_t raw_end = file_le(file->bytes + section + 16, 4) + file_le(file->bytes + section + 20, 4);
        end = raw_end > end ? raw_end : end;
    }
    return end;
}

bool image_load(struct bus *bus, const struct file *file, struct kernel_placement *placement,
                struct error *error)
{
    uint64_t text_offset = file_le(file->bytes + 8, 8);
    uint64_t image_size = file_le(file->bytes + 16, 8);
    uint64_t flags = file_le(file->bytes + 24, 8);
    if (image_size == 0) {
        text_offset = DEFAULT_OFFSET;
        image_size = file->length;
    }
    if (flags & FLAG_BIG_ENDIAN)
        return error_set(error, "kernel %s: is big-endian; give a little-endian one", file->name);
    if (text_offset >= LARGEST_OFFSET || text_offset % PAGE_SIZE_BYTES)
        return error_set(error, "kernel %s: damaged: its header asks for the offset 0x%" PRIx64, file->name,
                         text_offset);
    if (sections_end(file) > file->length)
        return error_set(error, "kernel %s: truncated: %zu bytes of %" PRIu64 "; fetch the file again",
                         file->name, file->length, sections_end(file));
    uint64_t bytes = image_size > file->length ? image_size : file->length;
    uint64_t start = bus->ram.base + text_offset;
    if (!ram_at(&bus->ram, start, bytes))
        return error_set(error,
                         "kernel %s: needs %" PRIu64 " MiB of memory of %" PRIu64 "; give more --memory",
                         file->name, ((text_offset + bytes) >> 20) + 1, bus->ram.size_bytes >> 20);
    bus_dma_write(bus, start, file->bytes, file->length);
    *placement = (struct kernel_placement){.start = start, .end = start + bytes, .entry = start};
    return true;
}

bool zboot_matches(const uint8_t *bytes, size_t length)
{
    return length >= HEADER_BYTES && memcmp(bytes, "MZ", 2) == 0 && memcmp(bytes + 4, "zimg", 4) == 0;
}

bool zboot_payload(const struct file *file, const uint8_t **bytes, size_t *length, struct error *error)
{
    uint64_t offset = file_le(file->bytes + 8, 4);
    uint64_t size = file_le(file->bytes + 12, 4);
    const char *kind = (const char *)file->bytes + 24;
    if (strncmp(kind, "gzip", 5) != 0)
        return error_set(error, "kernel %s: an EFI zboot image packed with %.8s; unpack it to a plain Image",
                         file->name, kind);
    if (offset > file->length || size > file->length - offset)
        return error_set(error, "kernel %s: truncated: its packed part ends behind the file's end",
                         file->name);
    *bytes = file->bytes + offset;
    *length = size;
    return true;
}
