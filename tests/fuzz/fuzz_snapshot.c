/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: snapshots. The input says which bytes of a good file are changed, and whether the checksums are made
 * right again, so that what lies behind them is reached; where the file is taken all the same, the machine runs a
 * little. The first byte chooses: bit 0 the checksums, bit 1 a compressed file, bit 2 the file's end is cut off; then
 * follow places (a section, an offset in it) and bytes. */
#include <fcntl.h>
#include "machine/contract/fields.h"
#include "snapshot/format.h"
#include "snapshot/snapshot.h"
#include "tests/fuzz/small_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];
static struct bytes good[2]; /* the file, raw and compressed */

static void read_file(struct bytes *bytes)
{
    FILE *file = fopen(path, "rb");
    uint8_t block[65536];
    size_t length;
    while ((length = fread(block, 1, sizeof block, file)) > 0)
        bytes_put(bytes, block, length);
    fclose(file);
}

static uint8_t *page_of(int value)
{
    return memset(host_alloc(1, PAGE_SIZE_BYTES), value, PAGE_SIZE_BYTES);
}

static void make_good_files(void)
{
    snprintf(path, sizeof path, "/tmp/armature-fuzz-%d.snap", (int)getpid());
    struct machine *machine = make_small_machine("snapshot");
    for (unsigned i = 0; i < 400; i++)
        memset(machine->bus.ram.host + i * 3 % 500 * PAGE_SIZE_BYTES, (int)(i % 97), PAGE_SIZE_BYTES);
    for (unsigned i = 0; i < machine->device_count; i++)
        for (uint64_t page = 3; machine->devices[i].class->medium && page < 9; page++)
            machine->devices[i].class->medium->put_page(machine->devices[i].instance, page,
                                                        page % 3 ? page_of((int)page) : NULL, true);
    for (unsigned compress = 0; compress < 2; compress++) {
        if (!snapshot_save(machine, path, compress, &error))
            abort();
        read_file(&good[compress]);
    }
    machine_free(machine);
}

static void remove_files(void)
{
    unlink(path);
    unlink(image);
}

static void make_checksums_right(uint8_t *file, size_t length)
{
    struct format_header *header = (struct format_header *)file;
    if (header->table_offset % 8 || header->table_offset > length ||
        header->section_count > (length - header->table_offset) / sizeof(struct format_section))
        return;
    struct format_section *table = (struct format_section *)(file + header->table_offset);
    for (uint32_t i = 0; i < header->section_count; i++)
        if (table[i].offset <= length && table[i].length <= length - table[i].offset)
            table[i].checksum = hash_bytes(file + table[i].offset, table[i].length, FIELDS_HASH_SEED);
    header->table_checksum = hash_bytes(table, header->section_count * sizeof *table, FIELDS_HASH_SEED);
    header->file_bytes = length;
    header->checksum = hash_bytes(header, offsetof(struct format_header, checksum), FIELDS_HASH_SEED);
}

/* Changes bytes: mostly in sections, of which small ones are as likely as large ones. */
static void change(uint8_t *file, size_t length, const uint8_t *data, size_t size)
{
    const struct format_header *header = (const struct format_header *)file;
    const struct format_header before = *header;
    const struct format_section *table = (const struct format_section *)(file + before.table_offset);
    for (; size >= 5; data += 5, size -= 5) {
        unsigned which = data[0] % (before.section_count + 3);
        uint64_t offset = data[1] | data[2] << 8 | (uint64_t)data[3] << 16;
        if (which < before.section_count)
            offset = table[which].length ? table[which].offset + offset % table[which].length : 0;
        else
            offset = which == before.section_count ? offset % sizeof *header
                     : which == before.section_count + 1 ? before.table_offset + offset : PAGE_SIZE_BYTES + offset;
        file[offset % length] ^= data[4];
    }
}

static void restore_it(void)
{
    struct run_options mine;
    struct snapshot *snapshot = snapshot_open(path, &error);
    if (!snapshot)
        return;
    run_options_default(&mine);
    mine.clock = CLOCK_CHOICE_VIRTUAL;
    /* Names in a changed file are not to be followed. */
    if (snapshot_configure(snapshot, &mine, &error) && mine.memory_bytes == options.memory_bytes &&
        mine.cpus == options.cpus) {
        struct machine *machine = machine_create(&options, &interp_engine, &error);
        if (machine && snapshot_restore(snapshot, machine, &error))
            run_a_little(machine);
        machine_free(machine);
    }
    snapshot_close(snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!good[0].length) {
        make_good_files();
        atexit(remove_files);
    }
    if (size < 1)
        return 0;
    const struct bytes *from = &good[data[0] >> 1 & 1];
    uint8_t *file = malloc(from->length);
    memcpy(file, from->at, from->length);
    size_t length = from->length, used = size < 1 + 5 * 12 ? size : 1 + 5 * 12;
    change(file, length, data + 1, used - 1);
    if (data[0] & 4)
        length = length * data[size - 1] / 256;
    if (data[0] & 1 && length > sizeof(struct format_header))
        make_checksums_right(file, length);
    int fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0 || write(fd, file, length) != (ssize_t)length)
        abort();
    close(fd);
    restore_it();
    free(file);
    return 0;
}
