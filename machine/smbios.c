/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SMBIOS structures (DSP0134 3.0): system, chassis, processor, memory. Firmware adds its own and puts the anchor in
 * place. A structure is its bytes, then its strings, each ended by a zero, then a zero. */
#include "machine/smbios.h"
#include <assert.h>
#include <string.h>

enum type {
    TYPE_SYSTEM = 1,
    TYPE_CHASSIS = 3,
    TYPE_PROCESSOR = 4,
    TYPE_MEMORY_ARRAY = 16,
    TYPE_MEMORY_DEVICE = 17,
    TYPE_MEMORY_MAPPED = 19,
    TYPE_BOOT = 32,
    TYPE_END = 127,
};

/* Appends a structure of `length` bytes, its header filled in; `strings` are ended by zeroes, all of them by one more.
 */
static void put(struct smbios_files *files, enum type type, void *structure, size_t length, const char *strings)
{
    uint8_t *bytes = structure;
    size_t strings_bytes = 0;
    bytes[0] = (uint8_t)type;
    bytes[1] = (uint8_t)length;
    bytes[2] = 0;
    bytes[3] = (uint8_t)type; /* the handle: one structure a type */
    while (strings[strings_bytes])
        strings_bytes += strlen(strings + strings_bytes) + 1;
    strings_bytes = strings_bytes ? strings_bytes + 1 : 2;
    assert(files->tables_bytes + length + strings_bytes <= SMBIOS_TABLES_MAX);
    memcpy(files->tables + files->tables_bytes, bytes, length);
    memcpy(files->tables + files->tables_bytes + length, strings, strings_bytes);
    files->tables_bytes += length + strings_bytes;
}

static void set(uint8_t *structure, unsigned offset, unsigned size, uint64_t value)
{
    memcpy(structure + offset, &value, size);
}

static void put_processor(struct smbios_files *files, unsigned cpu_count)
{
    uint8_t structure[0x30] = {0};
    structure[0x04] = 1;           /* socket */
    structure[0x05] = 3;           /* a central processor */
    structure[0x06] = 0xfe;        /* see the family at 0x28 */
    structure[0x07] = 2;           /* manufacturer */
    structure[0x18] = 0x41;        /* there, and enabled */
    structure[0x19] = 1;           /* no upgrade */
    set(structure, 0x1a, 2, 0xffff); /* no caches */
    set(structure, 0x1c, 4, 0xffffffff);
    structure[0x23] = structure[0x24] = structure[0x25] = (uint8_t)cpu_count;
    set(structure, 0x26, 2, 4);      /* 64 bits */
    set(structure, 0x28, 2, 0x101);  /* ARMv8 */
    set(structure, 0x2a, 2, cpu_count);
    set(structure, 0x2c, 2, cpu_count);
    set(structure, 0x2e, 2, cpu_count);
    put(files, TYPE_PROCESSOR, structure, sizeof structure, "CPU 0\0Armature\0");
}

static void put_memory(struct smbios_files *files, uint64_t ram_base, uint64_t ram_bytes)
{
    uint8_t array[0x17] = {0}, device[0x28] = {0}, mapped[0x1f] = {0};
    array[0x04] = 1; /* other: no board to be on */
    array[0x05] = 3; /* system memory */
    array[0x06] = 3; /* no error correction */
    set(array, 0x07, 4, 0x80000000); /* see the extended size */
    set(array, 0x0b, 2, 0xfffe);
    set(array, 0x0d, 2, 1);
    set(array, 0x0f, 8, ram_bytes);
    put(files, TYPE_MEMORY_ARRAY, array, sizeof array, "\0");

    set(device, 0x04, 2, TYPE_MEMORY_ARRAY << 8);
    set(device, 0x06, 2, 0xfffe);
    set(device, 0x08, 4, 0xffffffff); /* widths unknown */
    set(device, 0x0c, 2, 0x7fff);     /* see the extended size */
    device[0x0e] = 9;                 /* a DIMM */
    device[0x10] = 1;
    device[0x12] = 7;                 /* RAM */
    set(device, 0x13, 2, 2);
    device[0x17] = 2;
    set(device, 0x1c, 4, ram_bytes >> 20);
    put(files, TYPE_MEMORY_DEVICE, device, sizeof device, "DIMM 0\0Armature\0");

    set(mapped, 0x04, 8, 0xffffffff); /* see the extended addresses */
    set(mapped, 0x08, 4, 0xffffffff);
    set(mapped, 0x0c, 2, TYPE_MEMORY_ARRAY << 8);
    mapped[0x0e] = 1;
    set(mapped, 0x0f, 8, ram_base);
    set(mapped, 0x17, 8, ram_base + ram_bytes - 1);
    put(files, TYPE_MEMORY_MAPPED, mapped, sizeof mapped, "\0");
}

void smbios_make(unsigned cpu_count, uint64_t ram_base, uint64_t ram_bytes, struct smbios_files *files)
{
    uint8_t system[0x1b] = {0}, chassis[0x16] = {0}, boot[0x0b] = {0}, end[4] = {0};
    *files = (struct smbios_files){.tables_bytes = 0};
    system[0x04] = 1; /* manufacturer */
    system[0x05] = 2; /* product; no version, serial number or UUID */
    system[0x18] = 6; /* woken by the power switch */
    put(files, TYPE_SYSTEM, system, sizeof system, "Armature\0Armature Virtual Machine\0");
    chassis[0x04] = 1;
    chassis[0x05] = 1; /* other */
    chassis[0x09] = chassis[0x0a] = chassis[0x0b] = 3; /* safe */
    chassis[0x0c] = 2;
    put(files, TYPE_CHASSIS, chassis, sizeof chassis, "Armature\0");
    put_processor(files, cpu_count);
    put_memory(files, ram_base, ram_bytes);
    put(files, TYPE_BOOT, boot, sizeof boot, "\0");
    put(files, TYPE_END, end, sizeof end, "\0");

    /* The 64-bit entry point (5.2.2); firmware puts in address and checksum. */
    memcpy(files->anchor, "_SM3_", 5);
    files->anchor[6] = sizeof files->anchor;
    files->anchor[7] = 3; /* version 3.0.0 */
    files->anchor[10] = 1;
    set(files->anchor, 12, 4, files->tables_bytes);
    uint8_t sum = 0;
    for (unsigned i = 0; i < sizeof files->anchor; i++)
        sum += files->anchor[i];
    files->anchor[5] = (uint8_t)-sum;
}
