/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DSDT: the board's devices in AML (ACPI 6.3, chapter 20). An object whose length comes first is written without
 * it, and gets it when it ends. Example, a device of nothing but its name:
 *
 *     size_t device = aml_begin(blob, AML_DEVICE);    5b 82
 *     aml_name(blob, "COM0");                         5b 82 43 4f 4d 30
 *     aml_end(blob, device);                          5b 82 05 43 4f 4d 30
 */
#include <stdio.h>
#include <stdlib.h>
#include "machine/acpi_blob.h"

enum {
    AML_NAME = 0x08,
    AML_BYTE = 0x0a,
    AML_WORD = 0x0b,
    AML_DWORD = 0x0c,
    AML_STRING = 0x0d,
    AML_QWORD = 0x0e,
    AML_SCOPE = 0x10,
    AML_BUFFER = 0x11,
    AML_PACKAGE = 0x12,
    AML_METHOD = 0x14,
    AML_DEVICE = 0x5b82,
    AML_NOTIFY = 0x86,
};

/* --- AML ------------------------------------------------------------------------------------------- */

static size_t aml_begin(struct acpi_blob *blob, unsigned opcode)
{
    if (opcode > 0xff)
        blob_number(blob, 1, opcode >> 8);
    blob_number(blob, 1, opcode & 0xff);
    return blob->length;
}

/* Puts the length (20.2.4), which counts itself, at `start`. */
static void aml_end(struct acpi_blob *blob, size_t start)
{
    size_t length = blob->length - start;
    unsigned more = length + 1 < 0x40 ? 0 : length + 2 < 0x1000 ? 1 : length + 3 < 0x100000 ? 2 : 3;
    uint8_t encoded[4];
    length += more + 1;
    encoded[0] = (uint8_t)(more ? more << 6 | (length & 15) : length);
    for (unsigned i = 0; i < more; i++)
        encoded[i + 1] = (uint8_t)(length >> (4 + 8 * i));
    blob_zeroes(blob, more + 1);
    memmove(blob->bytes + start + more + 1, blob->bytes + start, blob->length - more - 1 - start);
    memcpy(blob->bytes + start, encoded, more + 1);
}

static void aml_name(struct acpi_blob *blob, const char *name)
{
    blob_put(blob, name, strlen(name));
}

static void aml_integer(struct acpi_blob *blob, uint64_t value)
{
    if (value <= 1) {
        blob_number(blob, 1, value);
        return;
    }
    unsigned size = value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
    blob_number(blob, 1, size == 1 ? AML_BYTE : size == 2 ? AML_WORD : size == 4 ? AML_DWORD : AML_QWORD);
    blob_number(blob, size, value);
}

static void aml_string(struct acpi_blob *blob, const char *text)
{
    blob_number(blob, 1, AML_STRING);
    blob_put(blob, text, strlen(text) + 1);
}

static void name_integer(struct acpi_blob *blob, const char *name, uint64_t value)
{
    blob_number(blob, 1, AML_NAME);
    aml_name(blob, name);
    aml_integer(blob, value);
}

static void name_string(struct acpi_blob *blob, const char *name, const char *text)
{
    blob_number(blob, 1, AML_NAME);
    aml_name(blob, name);
    aml_string(blob, text);
}

/* A device with its hardware ID, and its number among those of that ID. */
static size_t begin_device(struct acpi_blob *blob, const char *name, const char *hid, unsigned uid)
{
    size_t device = aml_begin(blob, AML_DEVICE);
    aml_name(blob, name);
    name_string(blob, "_HID", hid);
    name_integer(blob, "_UID", uid);
    return device;
}

/* --- resources (6.4): a buffer named _CRS or the like, which ends with a tag ------------------------- */

struct resources {
    struct acpi_blob *blob;
    struct acpi_blob bytes;
};

static struct resources begin_resources(struct acpi_blob *blob, const char *name)
{
    blob_number(blob, 1, AML_NAME);
    aml_name(blob, name);
    return (struct resources){.blob = blob};
}

static void end_resources(struct resources *resources)
{
    blob_number(&resources->bytes, 2, 0x0079); /* the end tag, without a checksum */
    size_t buffer = aml_begin(resources->blob, AML_BUFFER);
    aml_integer(resources->blob, resources->bytes.length);
    blob_put(resources->blob, resources->bytes.bytes, resources->bytes.length);
    aml_end(resources->blob, buffer);
    free(resources->bytes.bytes);
}

static void add_memory(struct resources *resources, uint64_t base, uint64_t length)
{
    blob_number(&resources->bytes, 4, 0x01000986); /* 32-bit fixed memory, 9 bytes, read and write */
    blob_number(&resources->bytes, 4, base);
    blob_number(&resources->bytes, 4, length);
}

/* Level-sensitive, active high, for this device alone. */
static void add_interrupt(struct resources *resources, unsigned gsi)
{
    blob_number(&resources->bytes, 4, 0x01000689); /* extended interrupt, 6 bytes, consumer */
    blob_number(&resources->bytes, 1, 1);
    blob_number(&resources->bytes, 4, gsi);
}

enum address_space { ADDRESS_MEMORY, ADDRESS_IO, ADDRESS_BUS };

/* A QWord address space that the bridge hands on (6.4.3.5.1). `translation`: what is added to get the CPU's address. */
static void add_address_space(struct resources *resources, enum address_space kind, unsigned type_flags, uint64_t base,
                              uint64_t length, uint64_t translation)
{
    const uint64_t numbers[] = {0, base, base + length - 1, translation, length};
    blob_number(&resources->bytes, 1, 0x8a);
    blob_number(&resources->bytes, 2, 43);
    blob_number(&resources->bytes, 1, kind);
    blob_number(&resources->bytes, 1, 0x0c); /* produced; both ends fixed; positive decode */
    blob_number(&resources->bytes, 1, type_flags);
    for (unsigned i = 0; i < 5; i++)
        blob_number(&resources->bytes, 8, numbers[i]);
}

/* --- the devices ----------------------------------------------------------------------------------- */

static void put_cpus(struct acpi_blob *blob, const struct acpi_board *board)
{
    for (unsigned i = 0; i < board->cpu_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "C%03X", i);
        aml_end(blob, begin_device(blob, name, "ACPI0007", i));
    }
}

static void put_simple(struct acpi_blob *blob, const char *name, const char *hid, unsigned uid, uint64_t base,
                       uint64_t length, unsigned gsi)
{
    size_t device = begin_device(blob, name, hid, uid);
    name_integer(blob, "_CCA", 1); /* its DMA is coherent */
    struct resources resources = begin_resources(blob, "_CRS");
    add_memory(&resources, base, length);
    if (gsi)
        add_interrupt(&resources, gsi);
    end_resources(&resources);
    aml_end(blob, device);
}

static void put_virtio(struct acpi_blob *blob, const struct acpi_board *board)
{
    for (unsigned i = 0; i < board->virtio_count; i++) {
        char name[16];
        snprintf(name, sizeof name, "VR%02X", i);
        put_simple(blob, name, "LNRO0005", i, board->virtio + i * board->virtio_bytes, board->virtio_bytes,
                   board->virtio_gsi + i);
    }
}

/* The GPIO block, whose pin for the power key is an event: method _Exx tells the button's device (5.6.5, 4.8.2.2). */
static void put_gpio(struct acpi_blob *blob, const struct acpi_board *board)
{
    size_t device = begin_device(blob, "GPO0", "ARMH0061", 0);
    struct resources resources = begin_resources(blob, "_CRS");
    add_memory(&resources, board->gpio, 0x1000);
    add_interrupt(&resources, board->gpio_gsi);
    end_resources(&resources);

    static const char source[] = "GPO0";
    struct resources events = begin_resources(blob, "_AEI");
    struct acpi_blob *bytes = &events.bytes;
    blob_number(bytes, 1, 0x8c); /* a GPIO connection (6.4.3.8.1) */
    blob_number(bytes, 2, 22 + 2 + sizeof source - 2);
    blob_number(bytes, 1, 1); /* revision; type: interrupt */
    blob_number(bytes, 1, 0);
    blob_number(bytes, 2, 1); /* consumer */
    blob_number(bytes, 2, 1); /* edge, active high, exclusive */
    blob_number(bytes, 1, 1); /* pull up */
    blob_zeroes(bytes, 4);    /* drive strength, debounce */
    blob_number(bytes, 2, 23);               /* the pins */
    blob_number(bytes, 1, 0);                /* index of the source */
    blob_number(bytes, 2, 25);               /* its name */
    blob_number(bytes, 2, 25 + sizeof source); /* vendor's data, of which there are none */
    blob_number(bytes, 2, 0);
    blob_number(bytes, 2, board->power_key_pin);
    blob_put(bytes, source, sizeof source);
    end_resources(&events);

    char name[16];
    snprintf(name, sizeof name, "_E%02X", board->power_key_pin);
    size_t method = aml_begin(blob, AML_METHOD);
    aml_name(blob, name);
    blob_number(blob, 1, 0); /* no arguments, not serialised */
    blob_number(blob, 1, AML_NOTIFY);
    aml_name(blob, "PWRB");
    aml_integer(blob, 0x80);
    aml_end(blob, method);
    aml_end(blob, device);

    aml_end(blob, begin_device(blob, "PWRB", "PNP0C0C", 0));
}

/* Which interrupt each pin of each slot leads to (6.2.13). */
static void put_pci_routes(struct acpi_blob *blob, const struct acpi_board *board)
{
    blob_number(blob, 1, AML_NAME);
    aml_name(blob, "_PRT");
    size_t routes = aml_begin(blob, AML_PACKAGE);
    blob_number(blob, 1, 32 * 4);
    for (unsigned i = 0; i < 32 * 4; i++) {
        unsigned slot = i / 4, pin = i % 4;
        size_t route = aml_begin(blob, AML_PACKAGE);
        blob_number(blob, 1, 4);
        aml_integer(blob, slot << 16 | 0xffff);
        aml_integer(blob, pin);
        aml_integer(blob, 0); /* no link: a GSI */
        aml_integer(blob, board->pci_gsi + (slot + pin) % 4);
        aml_end(blob, route);
    }
    aml_end(blob, routes);
}

static void put_pci(struct acpi_blob *blob, const struct acpi_board *board)
{
    size_t device = begin_device(blob, "PCI0", "PNP0A08", 0);
    name_string(blob, "_CID", "PNP0A03");
    name_integer(blob, "_SEG", 0);
    name_integer(blob, "_BBN", 0);
    name_integer(blob, "_CCA", 1);
    put_pci_routes(blob, board);
    struct resources resources = begin_resources(blob, "_CRS");
    add_address_space(&resources, ADDRESS_BUS, 0, 0, 256, 0);
    add_address_space(&resources, ADDRESS_MEMORY, 1, board->pci_memory, board->pci_memory_bytes, 0);
    add_address_space(&resources, ADDRESS_IO, 0x13, 0, board->pci_io_bytes, board->pci_io); /* translated, all of it */
    add_address_space(&resources, ADDRESS_MEMORY, 1, board->pci_memory64, board->pci_memory64_bytes, 0);
    end_resources(&resources);
    aml_end(blob, device);

    /* Configuration space is taken, and by nobody else (PCI Firmware Specification 3.2, 4.1.2). */
    size_t taken = begin_device(blob, "RES0", "PNP0C02", 0);
    struct resources space = begin_resources(blob, "_CRS");
    add_address_space(&space, ADDRESS_MEMORY, 1, board->ecam, 256ull << 20, 0);
    end_resources(&space);
    aml_end(blob, taken);
}

void acpi_put_dsdt(struct acpi_blob *blob, const struct acpi_board *board)
{
    size_t scope = aml_begin(blob, AML_SCOPE);
    aml_name(blob, "\\_SB_");
    put_cpus(blob, board);
    put_simple(blob, "COM0", "ARMH0011", 0, board->uart, 0x1000, board->uart_gsi);
    put_simple(blob, "FLS0", "LNRO0015", 0, board->flash, board->flash_bytes, 0);
    put_simple(blob, "FLS1", "LNRO0015", 1, board->flash + board->flash_bytes, board->flash_bytes, 0);
    put_simple(blob, "FWCF", "QEMU0002", 0, board->fw_cfg, 0x18, 0);
    put_simple(blob, "PEVT", "QEMU0001", 0, board->pvpanic, 1, 0);
    put_virtio(blob, board);
    put_gpio(blob, board);
    if (board->ecam)
        put_pci(blob, board);
    aml_end(blob, scope);
}
