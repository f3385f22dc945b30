/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board as ACPI tables (ACPI 6.3, chapter 5): the fixed ones, and the commands for firmware (QEMU, docs/specs and
 * hw/acpi/bios-linker-loader: allocate a file, add a file's address to a pointer, compute a checksum). */
#include "machine/acpi.h"
#include <stdlib.h>
#include "machine/acpi_blob.h"

#define TABLES "etc/acpi/tables"
#define RSDP   "etc/acpi/rsdp"

enum loader_command { LOADER_ALLOCATE = 1, LOADER_ADD_POINTER = 2, LOADER_ADD_CHECKSUM = 3 };
enum { FILE_NAME_BYTES = 56, LOADER_ENTRY_BYTES = 128, ZONE_HIGH = 1, ZONE_FSEG = 2, HEADER_BYTES = 36 };

#define FADT_HARDWARE_REDUCED (1u << 20)
#define ARM_BOOT_PSCI         1u
#define ARM_BOOT_PSCI_HVC     2u

/* --- commands for firmware ------------------------------------------------------------------------- */

static void put_file_name(struct acpi_blob *loader, const char *name)
{
    size_t length = strlen(name);
    blob_put(loader, name, length);
    blob_zeroes(loader, FILE_NAME_BYTES - length);
}

static void end_entry(struct acpi_blob *loader)
{
    blob_zeroes(loader, (LOADER_ENTRY_BYTES - loader->length % LOADER_ENTRY_BYTES) % LOADER_ENTRY_BYTES);
}

static void loader_allocate(struct acpi_blob *loader, const char *file, uint32_t align, unsigned zone)
{
    blob_number(loader, 4, LOADER_ALLOCATE);
    put_file_name(loader, file);
    blob_number(loader, 4, align);
    blob_number(loader, 1, zone);
    end_entry(loader);
}

/* The pointer holds an offset into the tables, to which their address is added. */
static void loader_pointer(struct acpi_blob *loader, const char *file, size_t offset, unsigned size)
{
    blob_number(loader, 4, LOADER_ADD_POINTER);
    put_file_name(loader, file);
    put_file_name(loader, TABLES);
    blob_number(loader, 4, offset);
    blob_number(loader, 1, size);
    end_entry(loader);
}

static void loader_checksum(struct acpi_blob *loader, const char *file, size_t offset, size_t start, size_t length)
{
    blob_number(loader, 4, LOADER_ADD_CHECKSUM);
    put_file_name(loader, file);
    blob_number(loader, 4, offset);
    blob_number(loader, 4, start);
    blob_number(loader, 4, length);
    end_entry(loader);
}

/* --- a table --------------------------------------------------------------------------------------- */

static size_t begin_table(struct acpi_files *files, const char signature[4], unsigned revision)
{
    struct acpi_blob *tables = &files->tables;
    blob_zeroes(tables, (8 - tables->length % 8) % 8);
    size_t table = tables->length;
    blob_put(tables, signature, 4);
    blob_number(tables, 4, 0); /* length, when it ends */
    blob_number(tables, 1, revision);
    blob_number(tables, 1, 0); /* checksum */
    blob_put(tables, "ARMTURARMATURE", 14);
    blob_number(tables, 4, 1);
    blob_put(tables, "ARMT", 4);
    blob_number(tables, 4, 1);
    return table;
}

static void end_table(struct acpi_files *files, size_t table)
{
    size_t length = files->tables.length - table;
    blob_set(&files->tables, table + 4, 4, length);
    loader_checksum(&files->loader, TABLES, table + 9, table, length);
}

/* A generic address (5.2.3.2) of a register of 32 bits in memory. */
static void put_address(struct acpi_blob *blob, uint64_t address)
{
    blob_number(blob, 4, 0x03002000); /* memory, 32 bits wide, accessed as such */
    blob_number(blob, 8, address);
}

/* --- the tables ------------------------------------------------------------------------------------ */

static size_t put_dsdt(struct acpi_files *files, const struct acpi_board *board)
{
    size_t table = begin_table(files, "DSDT", 2);
    acpi_put_dsdt(&files->tables, board);
    end_table(files, table);
    return table;
}

/* 5.2.9: nothing of the fixed hardware is there, so that all but a few fields are zero. */
static size_t put_fadt(struct acpi_files *files, const struct acpi_board *board, size_t dsdt)
{
    struct acpi_blob *tables = &files->tables;
    size_t table = begin_table(files, "FACP", 6);
    blob_zeroes(tables, 276 - HEADER_BYTES);
    blob_set(tables, table + 112, 4, FADT_HARDWARE_REDUCED);
    blob_set(tables, table + 129, 2, board->maintenance_gsi ? ARM_BOOT_PSCI : ARM_BOOT_PSCI | ARM_BOOT_PSCI_HVC);
    blob_set(tables, table + 131, 1, 3); /* 6.3 */
    blob_set(tables, table + 140, 8, dsdt);
    loader_pointer(&files->loader, TABLES, table + 140, 8);
    end_table(files, table);
    return table;
}

static void put_gicc(struct acpi_blob *tables, const struct acpi_board *board, unsigned cpu)
{
    size_t start = tables->length;
    blob_number(tables, 2, 0x500b); /* GICC, 80 bytes */
    blob_number(tables, 2, 0);
    blob_number(tables, 4, cpu); /* interface number; none with system registers */
    blob_number(tables, 4, cpu); /* its device's _UID */
    blob_number(tables, 4, 1);   /* enabled */
    blob_number(tables, 4, 0);
    blob_number(tables, 4, board->pmu_gsi);
    blob_zeroes(tables, 32 - 24);
    blob_number(tables, 8, board->gic2_cpu); /* 0: system registers */
    blob_number(tables, 8, board->gic2_virtual);
    blob_number(tables, 8, board->gic2_hyp);
    blob_number(tables, 4, board->maintenance_gsi);
    blob_zeroes(tables, 68 - 60);
    blob_number(tables, 8, board->mpidrs[cpu]);
    blob_zeroes(tables, 80 - (tables->length - start));
}

static size_t put_madt(struct acpi_files *files, const struct acpi_board *board)
{
    struct acpi_blob *tables = &files->tables;
    size_t table = begin_table(files, "APIC", 5);
    blob_zeroes(tables, 8);
    blob_number(tables, 2, 0x180c); /* GICD, 24 bytes */
    blob_zeroes(tables, 6);
    blob_number(tables, 8, board->gic_dist);
    blob_zeroes(tables, 4);
    blob_number(tables, 4, board->gic2_cpu ? 2 : 3); /* its version */
    for (unsigned i = 0; i < board->cpu_count; i++)
        put_gicc(tables, board, i);
    if (board->gic_redist) {
        blob_number(tables, 4, 0x100e); /* GICR, 16 bytes */
        blob_number(tables, 8, board->gic_redist);
        blob_number(tables, 4, board->gic_redist_bytes);
    }
    if (board->gic2_msi) {
        blob_number(tables, 4, 0x180d); /* GIC MSI frame, 24 bytes */
        blob_number(tables, 4, 0);
        blob_number(tables, 8, board->gic2_msi);
        blob_number(tables, 4, 0); /* the frame says itself which SPIs it has */
        blob_number(tables, 2, board->gic2_msi_count);
        blob_number(tables, 2, board->gic2_msi_gsi);
    }
    if (board->gic_its) {
        blob_number(tables, 4, 0x140f); /* ITS, 20 bytes */
        blob_number(tables, 4, 0);
        blob_number(tables, 8, board->gic_its);
        blob_number(tables, 4, 0);
    }
    end_table(files, table);
    return table;
}

/* 5.2.24. */
static size_t put_gtdt(struct acpi_files *files, const struct acpi_board *board)
{
    struct acpi_blob *tables = &files->tables;
    size_t table = begin_table(files, "GTDT", 2);
    blob_number(tables, 8, ~0ull); /* no counter in memory */
    blob_number(tables, 4, 0);
    for (unsigned i = 0; i < 4; i++) {
        blob_number(tables, 4, board->timer_gsi[i]);
        blob_number(tables, 4, 4); /* level, active high, always on */
    }
    blob_number(tables, 8, ~0ull);
    blob_zeroes(tables, 8); /* no platform timers */
    end_table(files, table);
    return table;
}

/* Microsoft's SPCR, version 2: a PL011 of 115200 baud. */
static size_t put_spcr(struct acpi_files *files, const struct acpi_board *board)
{
    struct acpi_blob *tables = &files->tables;
    size_t table = begin_table(files, "SPCR", 2);
    blob_number(tables, 4, 3);
    put_address(tables, board->uart);
    blob_number(tables, 2, 8 | 0 << 8); /* an interrupt of the GIC */
    blob_number(tables, 4, board->uart_gsi);
    blob_number(tables, 4, 7 | 0 << 8 | 1 << 16); /* 115200 baud, no parity, one stop bit */
    blob_number(tables, 4, 0xffff0000 | 3); /* ANSI terminal; no PCI device */
    blob_number(tables, 2, 0xffff);
    blob_zeroes(tables, 80 - (tables->length - table));
    end_table(files, table);
    return table;
}

static size_t put_mcfg(struct acpi_files *files, const struct acpi_board *board)
{
    struct acpi_blob *tables = &files->tables;
    size_t table = begin_table(files, "MCFG", 1);
    blob_zeroes(tables, 8);
    blob_number(tables, 8, board->ecam);
    blob_number(tables, 4, 0xff000000); /* segment 0, buses 0 to 255 */
    blob_zeroes(tables, 4);
    end_table(files, table);
    return table;
}

/* Arm's IORT (DEN 0049): the translation service, and the root complex whose requester IDs are its device IDs. */
static size_t put_iort(struct acpi_files *files, const struct acpi_board *board)
{
    struct acpi_blob *tables = &files->tables;
    size_t table = begin_table(files, "IORT", 0);
    blob_number(tables, 4, 2);  /* nodes */
    blob_number(tables, 4, 48); /* where they begin */
    blob_zeroes(tables, 4);
    size_t its = tables->length;
    blob_number(tables, 1, 0); /* an ITS group */
    blob_number(tables, 2, 24);
    blob_number(tables, 1, 0);
    blob_zeroes(tables, 12);   /* no identifier, no mappings */
    blob_number(tables, 4, 1); /* services */
    blob_number(tables, 4, 0); /* its identifier in the MADT */
    size_t complex = tables->length;
    blob_number(tables, 1, 2); /* a root complex */
    blob_number(tables, 2, 36 + 20);
    blob_number(tables, 1, 0);
    blob_zeroes(tables, 4);
    blob_number(tables, 4, 1);  /* mappings */
    blob_number(tables, 4, 36); /* where they begin */
    blob_number(tables, 4, 1);  /* fully coherent */
    blob_zeroes(tables, 3);
    blob_number(tables, 1, 3);
    blob_zeroes(tables, 8); /* no ATS, segment 0 */
    blob_zeroes(tables, 36 - (tables->length - complex));
    blob_number(tables, 4, 0);      /* requester IDs from 0 */
    blob_number(tables, 4, 0xffff); /* one less than their number */
    blob_number(tables, 4, 0);      /* are device IDs from 0 */
    blob_number(tables, 4, its - table);
    blob_number(tables, 4, 0);
    end_table(files, table);
    return table;
}

static size_t put_xsdt(struct acpi_files *files, const size_t *tables, unsigned count)
{
    size_t table = begin_table(files, "XSDT", 1);
    for (unsigned i = 0; i < count; i++) {
        size_t at = files->tables.length;
        blob_number(&files->tables, 8, tables[i]);
        loader_pointer(&files->loader, TABLES, at, 8);
    }
    end_table(files, table);
    return table;
}

static void put_rsdp(struct acpi_files *files, size_t xsdt)
{
    struct acpi_blob *rsdp = &files->rsdp;
    blob_put(rsdp, "RSD PTR ", 8);
    blob_number(rsdp, 1, 0);
    blob_put(rsdp, "ARMTUR", 6);
    blob_number(rsdp, 1, 2);
    blob_number(rsdp, 4, 0); /* no RSDT */
    blob_number(rsdp, 4, 36);
    blob_number(rsdp, 8, xsdt);
    blob_zeroes(rsdp, 4);
    loader_pointer(&files->loader, RSDP, 24, 8);
    loader_checksum(&files->loader, RSDP, 8, 0, 20);
    loader_checksum(&files->loader, RSDP, 32, 0, 36);
}

void acpi_make(const struct acpi_board *board, struct acpi_files *files)
{
    size_t tables[7];
    unsigned count = 0;
    *files = (struct acpi_files){{NULL}};
    loader_allocate(&files->loader, TABLES, 64, ZONE_HIGH);
    loader_allocate(&files->loader, RSDP, 16, ZONE_FSEG);
    size_t dsdt = put_dsdt(files, board);
    tables[count++] = put_fadt(files, board, dsdt);
    tables[count++] = put_madt(files, board);
    tables[count++] = put_gtdt(files, board);
    tables[count++] = put_spcr(files, board);
    if (board->ecam)
        tables[count++] = put_mcfg(files, board);
    if (board->gic_its)
        tables[count++] = put_iort(files, board);
    put_rsdp(files, put_xsdt(files, tables, count));
}

void acpi_free(struct acpi_files *files)
{
    free(files->tables.bytes);
    free(files->rsdp.bytes);
    free(files->loader.bytes);
}
