/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ACPI and SMBIOS as firmware takes them: the commands are carried out, then every checksum, length and pointer must be
 * right. */
#include "tests/unit/unit.h"
#include "machine/acpi.h"
#include "machine/smbios.h"

#define TABLES_AT 0x7c430000ull
#define RSDP_AT   0x000f0000ull

static const uint64_t mpidrs[3] = {0, 1, 0x100};

static struct acpi_board some_board(bool pci)
{
    struct acpi_board board = {
        .cpu_count = 3, .mpidrs = mpidrs, .timer_gsi = {29, 30, 27, 26}, .pmu_gsi = 23, .gic_dist = 0x08000000,
        .gic_redist = 0x080a0000, .gic_redist_bytes = 0x60000, .uart = 0x09000000, .uart_gsi = 33, .gpio = 0x09030000,
        .gpio_gsi = 39, .power_key_pin = 3, .fw_cfg = 0x09020000, .flash_bytes = 64 << 20, .virtio = 0x0a000000,
        .virtio_bytes = 0x200, .virtio_count = pci ? 0 : 32, .virtio_gsi = 48};
    if (pci) {
        board.gic_its = 0x08080000;
        board.ecam = 0x4010000000;
        board.pci_memory = 0x10000000;
        board.pci_memory_bytes = 0x2eff0000;
        board.pci_io_bytes = 0x10000;
        board.pci_memory64 = 0x8000000000;
        board.pci_memory64_bytes = 0x8000000000;
        board.pci_gsi = 35;
    }
    return board;
}

/* The same with a GICv2. */
static struct acpi_board some_gic2_board(bool pci)
{
    struct acpi_board board = some_board(pci);
    board.gic_redist = board.gic_redist_bytes = board.gic_its = 0;
    board.gic2_cpu = 0x08010000;
    board.gic2_hyp = 0x08030000;
    board.gic2_virtual = 0x08040000;
    if (pci) {
        board.gic2_msi = 0x08020000;
        board.gic2_msi_gsi = 80;
        board.gic2_msi_count = 64;
    }
    return board;
}

static uint64_t number(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, at, size);
    return value;
}

static uint8_t sum(const uint8_t *bytes, size_t length)
{
    uint8_t total = 0;
    for (size_t i = 0; i < length; i++)
        total += bytes[i];
    return total;
}

static struct acpi_blob *file_of(struct acpi_files *files, const uint8_t *name)
{
    if (!strcmp((const char *)name, "etc/acpi/tables"))
        return &files->tables;
    assert_string_equal(name, "etc/acpi/rsdp");
    return &files->rsdp;
}

/* What firmware does. */
static void carry_out(struct acpi_files *files)
{
    assert_int_equal(files->loader.length % 128, 0);
    for (const uint8_t *entry = files->loader.bytes; entry < files->loader.bytes + files->loader.length; entry += 128) {
        struct acpi_blob *file = file_of(files, entry + 4);
        switch (number(entry, 4)) {
        case 1: assert_in_range(number(entry + 64, 1), 1, 2); break;
        case 2: {
            uint64_t offset = number(entry + 116, 4);
            unsigned size = (unsigned)number(entry + 120, 1);
            assert_string_equal(entry + 60, "etc/acpi/tables");
            assert_true(offset + size <= file->length);
            uint64_t value = number(file->bytes + offset, size) + TABLES_AT;
            assert_true(value - TABLES_AT < files->tables.length);
            memcpy(file->bytes + offset, &value, size);
            break;
        }
        case 3: {
            uint64_t offset = number(entry + 60, 4), start = number(entry + 64, 4), length = number(entry + 68, 4);
            assert_true(start + length <= file->length && offset >= start && offset < start + length);
            file->bytes[offset] = (uint8_t)-sum(file->bytes + start, length);
            break;
        }
        default: fail();
        }
    }
}

static const uint8_t *table_at(const struct acpi_files *files, uint64_t address)
{
    uint64_t offset = address - TABLES_AT;
    assert_true(offset + 36 <= files->tables.length && offset % 8 == 0);
    const uint8_t *table = files->tables.bytes + offset;
    assert_true(offset + number(table + 4, 4) <= files->tables.length);
    assert_int_equal(sum(table, number(table + 4, 4)), 0);
    return table;
}

/* Subtables of a type and a length fill the MADT exactly. */
static unsigned count_subtables(const uint8_t *madt, unsigned type)
{
    unsigned count = 0;
    size_t at = 44, length = number(madt + 4, 4);
    for (; at < length; at += madt[at + 1]) {
        assert_in_range(madt[at + 1], 2, length - at);
        count += madt[at] == type;
    }
    return count;
}

/* Length of an AML package (20.2.4). */
static size_t package_length(const uint8_t *at)
{
    size_t length = at[0] >> 6 ? at[0] & 15 : at[0] & 63;
    for (unsigned i = 0; i < (unsigned)at[0] >> 6; i++)
        length |= (size_t)at[1 + i] << (4 + 8 * i);
    return length;
}

/* The first subtable of a type in the MADT. */
static const uint8_t *subtable(const uint8_t *madt, unsigned type)
{
    const uint8_t *at = madt + 44;
    while (at[0] != type)
        at += at[1];
    return at;
}

static void check_madt(const uint8_t *madt, bool pci, bool gic2)
{
    assert_int_equal(count_subtables(madt, 0x0b), 3);
    assert_int_equal(count_subtables(madt, 0x0c), 1);
    assert_int_equal(count_subtables(madt, 0x0d), pci && gic2);
    assert_int_equal(count_subtables(madt, 0x0e), !gic2);
    assert_int_equal(count_subtables(madt, 0x0f), pci && !gic2);
    assert_int_equal(subtable(madt, 0x0c)[20], gic2 ? 2 : 3);
    assert_int_equal(number(subtable(madt, 0x0b) + 32, 8), gic2 ? 0x08010000 : 0);
    assert_int_equal(number(subtable(madt, 0x0b) + 40, 8), gic2 ? 0x08040000 : 0);
    assert_int_equal(number(subtable(madt, 0x0b) + 48, 8), gic2 ? 0x08030000 : 0);
    if (pci && gic2) {
        const uint8_t *frame = subtable(madt, 0x0d);
        assert_int_equal(number(frame + 8, 8), 0x08020000);
        assert_int_equal(number(frame + 20, 2), 64);
        assert_int_equal(number(frame + 22, 2), 80);
    }
}

static void check_board(bool pci, bool gic2)
{
    struct acpi_board board = gic2 ? some_gic2_board(pci) : some_board(pci);
    struct acpi_files files;
    acpi_make(&board, &files);
    carry_out(&files);
    assert_memory_equal(files.rsdp.bytes, "RSD PTR ", 8);
    assert_int_equal(sum(files.rsdp.bytes, 20), 0);
    assert_int_equal(sum(files.rsdp.bytes, 36), 0);
    const uint8_t *xsdt = table_at(&files, number(files.rsdp.bytes + 24, 8));
    assert_memory_equal(xsdt, "XSDT", 4);
    static const char *const signatures[] = {"FACP", "APIC", "GTDT", "SPCR", "MCFG", "IORT"};
    unsigned count = pci && gic2 ? 5 : pci ? 6 : 4;
    assert_int_equal(number(xsdt + 4, 4), 36 + 8 * count);
    for (unsigned i = 0; i < count; i++)
        assert_memory_equal(table_at(&files, number(xsdt + 36 + 8 * i, 8)), signatures[i], 4);
    check_madt(table_at(&files, number(xsdt + 44, 8)), pci, gic2);
    const uint8_t *fadt = table_at(&files, number(xsdt + 36, 8)), *dsdt = table_at(&files, number(fadt + 140, 8));
    assert_memory_equal(dsdt, "DSDT", 4);
    assert_int_equal(dsdt[36], 0x10); /* one scope, to the table's end */
    assert_int_equal(package_length(dsdt + 37), number(dsdt + 4, 4) - 37);
    acpi_free(&files);
}

static void in_slots(void **state)
{
    check_board(false, false);
    check_board(false, true);
}

static void on_pci(void **state)
{
    check_board(true, false);
    check_board(true, true);
}

static void smbios(void **state)
{
    struct smbios_files files;
    smbios_make(64, 0x40000000, 64ull << 30, &files);
    assert_int_equal(sum(files.anchor, sizeof files.anchor), 0);
    assert_int_equal(number(files.anchor + 12, 4), files.tables_bytes);
    size_t at = 0;
    unsigned last = 0, count = 0;
    while (at < files.tables_bytes) {
        last = files.tables[at];
        at += files.tables[at + 1];
        do /* strings, to two zeroes */
            at += strlen((const char *)files.tables + at) + 1;
        while (at < files.tables_bytes && files.tables[at]);
        at++;
        count++;
    }
    assert_int_equal(at, files.tables_bytes);
    assert_int_equal(last, 127);
    assert_int_equal(count, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_slots),
        cmocka_unit_test(on_pci),
        cmocka_unit_test(smbios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
