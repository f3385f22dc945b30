/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: kernel files of every kind. The first byte says how to dress up the rest, so that random bytes
 * get past the magic numbers. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "machine/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM_BASE  0x40000000ull
#define RAM_BYTES (1ull << 20)

enum dress { PLAIN, IMAGE, IMAGE_PE, ELF, ELF_NEAR, GZIP, GZIP_DAMAGED, ZBOOT, DRESSES };

static void set(uint8_t *bytes, size_t size, size_t offset, const void *value, size_t length)
{
    if (offset <= size && length <= size - offset)
        memcpy(bytes + offset, value, length);
}

static void dress_elf(uint8_t *bytes, size_t size, bool near)
{
    static const uint8_t ident[] = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB};
    static const uint16_t type = ET_EXEC, machine = EM_AARCH64, phentsize = sizeof(Elf64_Phdr), phnum = 2;
    static const uint64_t phoff = sizeof(Elf64_Ehdr), in_ram = RAM_BASE;
    static const uint32_t load = PT_LOAD;
    set(bytes, size, 0, ident, sizeof ident);
    set(bytes, size, offsetof(Elf64_Ehdr, e_type), &type, sizeof type);
    set(bytes, size, offsetof(Elf64_Ehdr, e_machine), &machine, sizeof machine);
    set(bytes, size, offsetof(Elf64_Ehdr, e_phentsize), &phentsize, sizeof phentsize);
    if (!near)
        return;
    set(bytes, size, offsetof(Elf64_Ehdr, e_phnum), &phnum, sizeof phnum);
    set(bytes, size, offsetof(Elf64_Ehdr, e_phoff), &phoff, sizeof phoff);
    set(bytes, size, phoff + offsetof(Elf64_Phdr, p_type), &load, sizeof load);
    set(bytes, size, phoff + offsetof(Elf64_Phdr, p_paddr) + 4, (const uint8_t *)&in_ram + 4, 4);
}

static uint8_t *dress_gzip(const uint8_t *data, size_t *size)
{
    uLong bound = compressBound(*size) + 32;
    uint8_t *packed = malloc(bound);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data,
                       .avail_in = (uInt)*size,
                       .next_out = packed,
                       .avail_out = (uInt)bound};
    if (deflateInit2(&stream, 1, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&stream, Z_FINISH) != Z_STREAM_END)
        abort();
    deflateEnd(&stream);
    *size = stream.total_out;
    return packed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bus bus;
    if (!bus.ram.host && !bus_init(&bus, RAM_BASE, RAM_BYTES, NULL))
        abort();
    if (size == 0)
        return 0;
    enum dress dress = data[0] % DRESSES;
    data++;
    size--;

    uint8_t *bytes = malloc(size + 1);
    memcpy(bytes, data, size);
    if (dress == IMAGE || dress == IMAGE_PE || dress == GZIP)
        set(bytes, size, 56, "ARM\x64", 4);
    if (dress == IMAGE_PE) {
        set(bytes, size, 60, "\x40\0\0\0", 4);
        set(bytes, size, 64, "PE\0\0", 4);
    }
    if (dress == ELF || dress == ELF_NEAR)
        dress_elf(bytes, size, dress == ELF_NEAR);
    if (dress == GZIP || dress == GZIP_DAMAGED) {
        uint8_t *packed = dress_gzip(bytes, &size);
        if (dress == GZIP_DAMAGED)
            packed[size / 2] ^= 0x10;
        free(bytes);
        bytes = packed;
    }
    if (dress == ZBOOT) {
        set(bytes, size, 0, "MZ\0\0zimg", 8);
        set(bytes, size, 24, "gzip\0", 5);
    }

    struct file file = {.name = "fuzz", .bytes = bytes, .length = size};
    struct kernel_placement placement;
    struct error error = {""};
    if (kernel_load(&bus, &file, &placement, &error)) {
        /* What was accepted lies in RAM, with its entry. */
        if (placement.start >= placement.end ||
            !ram_at(&bus.ram, placement.start, placement.end - placement.start) ||
            !ram_at(&bus.ram, placement.entry, 4))
            abort();
    } else if (!error.text[0]) {
        abort(); /* a refusal has its reason */
    }
    free(bytes);
    return 0;
}
