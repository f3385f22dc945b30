/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Interrupt Translation Service (IHI 0069, 5.2 to 5.3, 12.18).
 *
 * Nothing is cached: each message walks the tables. Worked example, device 8 sends event 1:
 *
 *     device table, entry 8        valid, its translation table at 0x50000000, 5 bits of event
 *     0x50000000 + 1 * 8           valid, LPI 8195, collection 2
 *     collection table, entry 2    valid, processor 1: LPI 8195 becomes pending there
 *
 * A command that makes no sense is skipped, which the architecture allows; commands outside of RAM stall the queue. */
#include "peripherals/gicv3_its.h"
#include <string.h>
#include <stdlib.h>

enum {
    BASERS = 8,
    BASER_DEVICES = 0,
    BASER_COLLECTIONS = 1,
    ENTRY_BYTES = 8, /* of every table */
    COMMAND_BYTES = 32,
    ID_BITS = 16, /* of devices, events, collections */
    IIDR = 0x43b,
};

/* GITS_TYPER: physical LPIs, the size of an entry, bits of event, device and collection (CIL). */
#define TYPER                                                                                                  \
    (1ull | (uint64_t)(ENTRY_BYTES - 1) << 4 | (uint64_t)(ID_BITS - 1) << 8 | (uint64_t)(ID_BITS - 1) << 13 | \
     (uint64_t)(ID_BITS - 1) << 32 | 1ull << 36)

#define BASER_VALID    (1ull << 63)
#define BASER_INDIRECT (1ull << 62)
#define BASER_WRITABLE 0xf8e0ffffffffffffull /* all but type and size of an entry */
#define CBASER_MASK    0xb8effffffffffcffull
#define QUEUE_ADDRESS  0x000ffffffffff000ull
#define QUEUE_MASK     0x000fffe0ull /* of an offset into the queue */
#define STALLED        1ull

/* Entries, in a format of ours. */
#define ENTRY_VALID (1ull << 63)
#define DTE_ADDRESS 0x000fffffffffff00ull
#define DTE_BITS    31ull /* of event, less one */
#define ITE_LPI     0xffffffull
#define ITE_SHIFT   24 /* of the collection */

enum command {
    COMMAND_MOVI = 0x01,
    COMMAND_INT = 0x03,
    COMMAND_CLEAR = 0x04,
    COMMAND_SYNC = 0x05,
    COMMAND_MAPD = 0x08,
    COMMAND_MAPC = 0x09,
    COMMAND_MAPTI = 0x0a,
    COMMAND_MAPI = 0x0b,
    COMMAND_INV = 0x0c,
    COMMAND_INVALL = 0x0d,
    COMMAND_MOVALL = 0x0e,
    COMMAND_DISCARD = 0x0f,
};

struct gicv3_its {
    uint32_t enabled;
    uint64_t queue_base, queue_write, queue_read;
    uint64_t table_base[BASERS];
    struct gicv3 *gic;
    struct bus *bus;
};

static const struct field its_list[] = {
    FIELD(struct gicv3_its, enabled),
    FIELD(struct gicv3_its, queue_base),
    FIELD(struct gicv3_its, queue_write),
    FIELD(struct gicv3_its, queue_read),
    FIELD_ARRAY(struct gicv3_its, table_base),
    FIELD_HOST(struct gicv3_its, gic),
    FIELD_HOST(struct gicv3_its, bus),
    FIELDS_END,
};
static const struct fields its_fields = {"gicv3-its", sizeof(struct gicv3_its), its_list};

/* --- tables in guest memory ------------------------------------------------------------------------ */

/* What a GITS_BASER is for, and the size of its entries: read-only. */
static uint64_t baser_fixed(unsigned index)
{
    static const uint64_t types[BASERS] = {[BASER_DEVICES] = 1, [BASER_COLLECTIONS] = 4};
    return types[index] ? types[index] << 56 | (uint64_t)(ENTRY_BYTES - 1) << 48 : 0;
}

static bool read_entry(struct gicv3_its *its, uint64_t at, uint64_t *entry)
{
    return bus_dma_read(its->bus, at, entry, sizeof *entry);
}

/* The address of entry `id` of the table of a GITS_BASER; false where the table does not reach so far. */
static bool entry_address(struct gicv3_its *its, unsigned index, uint32_t id, uint64_t *at)
{
    uint64_t base = its->table_base[index];
    unsigned page_bits = (base >> 8 & 3) == 0 ? 12 : (base >> 8 & 3) == 1 ? 14 : 16;
    uint64_t bytes = ((base & 0xff) + 1) << page_bits, address = base & 0x0000fffffffff000ull;
    if (page_bits == 16) /* bits 15 to 12 stand for 51 to 48 */
        address = (address & ~0xf000ull) | (base >> 12 & 15) << 48;
    else
        address &= ~0ull << page_bits;
    if (!(base & BASER_VALID) || id >> ID_BITS)
        return false;
    if (!(base & BASER_INDIRECT)) {
        *at = address + (uint64_t)id * ENTRY_BYTES;
        return (uint64_t)id * ENTRY_BYTES < bytes;
    }
    uint64_t per_page = (1ull << page_bits) / ENTRY_BYTES, page, slot = id / per_page * 8;
    if (slot >= bytes || !read_entry(its, address + slot, &page) || !(page & ENTRY_VALID))
        return false;
    *at = (page & 0x000ffffffffff000ull & ~0ull << page_bits) + id % per_page * ENTRY_BYTES;
    return true;
}

/* An entry that is valid. */
static bool find_entry(struct gicv3_its *its, unsigned index, uint32_t id, uint64_t *entry)
{
    uint64_t at;
    return entry_address(its, index, id, &at) && read_entry(its, at, entry) && *entry & ENTRY_VALID;
}

static void set_entry(struct gicv3_its *its, unsigned index, uint32_t id, uint64_t entry)
{
    uint64_t at;
    if (entry_address(its, index, id, &at))
        bus_dma_write(its->bus, at, &entry, sizeof entry);
}

/* Where the translation of an event stands; false: the device has none, or not so many events. */
static bool translation_address(struct gicv3_its *its, uint32_t device, uint32_t event, uint64_t *at)
{
    uint64_t entry;
    if (!find_entry(its, BASER_DEVICES, device, &entry) || (uint64_t)event >> ((entry & DTE_BITS) + 1))
        return false;
    *at = (entry & DTE_ADDRESS) + (uint64_t)event * ENTRY_BYTES;
    return true;
}

static bool find_processor(struct gicv3_its *its, uint32_t collection, unsigned *processor)
{
    uint64_t entry;
    if (!find_entry(its, BASER_COLLECTIONS, collection, &entry))
        return false;
    *processor = entry & 0xffff;
    return true;
}

/* What an event leads to. */
struct translation {
    uint64_t at; /* of its entry */
    unsigned lpi, collection, processor;
};

static bool translate(struct gicv3_its *its, uint32_t device, uint32_t event, struct translation *found)
{
    uint64_t entry;
    if (!translation_address(its, device, event, &found->at) || !read_entry(its, found->at, &entry) ||
        !(entry & ENTRY_VALID))
        return false;
    found->lpi = entry & ITE_LPI;
    found->collection = entry >> ITE_SHIFT & 0xffff;
    return find_processor(its, found->collection, &found->processor);
}

void gicv3_its_message(struct gicv3_its *its, uint32_t device, uint32_t event)
{
    struct translation found;
    if (its->enabled && translate(its, device, event, &found))
        gicv3_set_lpi(its->gic, found.processor, found.lpi, true);
}

/* --- commands -------------------------------------------------------------------------------------- */

static void map_device(struct gicv3_its *its, const uint64_t *command)
{
    uint64_t bits = command[1] & DTE_BITS;
    if (bits >= ID_BITS)
        return;
    set_entry(its, BASER_DEVICES, (uint32_t)(command[0] >> 32),
              command[2] & ENTRY_VALID ? ENTRY_VALID | (command[2] & DTE_ADDRESS) | bits : 0);
}

static void map_collection(struct gicv3_its *its, const uint64_t *command)
{
    set_entry(its, BASER_COLLECTIONS, command[2] & 0xffff,
              command[2] & ENTRY_VALID ? ENTRY_VALID | (command[2] >> 16 & 0xffff) : 0);
}

static void map_event(struct gicv3_its *its, const uint64_t *command, uint32_t event, uint32_t lpi)
{
    uint64_t at, entry = ENTRY_VALID | (command[2] & 0xffff) << ITE_SHIFT | lpi;
    if (lpi >= GICV3_FIRST_LPI && lpi < 1u << GICV3_INTID_BITS &&
        translation_address(its, (uint32_t)(command[0] >> 32), event, &at))
        bus_dma_write(its->bus, at, &entry, sizeof entry);
}

/* The event goes to another collection, and with it that it is pending. */
static void move_event(struct gicv3_its *its, const uint64_t *command, const struct translation *found)
{
    unsigned collection = command[2] & 0xffff, processor;
    uint64_t entry = ENTRY_VALID | (uint64_t)collection << ITE_SHIFT | found->lpi;
    if (!find_processor(its, collection, &processor))
        return;
    bus_dma_write(its->bus, found->at, &entry, sizeof entry);
    if (processor != found->processor && gicv3_set_lpi(its->gic, found->processor, found->lpi, false))
        gicv3_set_lpi(its->gic, processor, found->lpi, true);
}

static void discard_event(struct gicv3_its *its, const struct translation *found)
{
    const uint64_t nothing = 0;
    gicv3_set_lpi(its->gic, found->processor, found->lpi, false);
    bus_dma_write(its->bus, found->at, &nothing, sizeof nothing);
}

/* Commands about one event that is mapped. */
static void command_event(struct gicv3_its *its, const uint64_t *command, uint32_t event)
{
    struct translation found;
    if (!translate(its, (uint32_t)(command[0] >> 32), event, &found))
        return;
    switch ((uint8_t)command[0]) {
    case COMMAND_INT: gicv3_set_lpi(its->gic, found.processor, found.lpi, true); break;
    case COMMAND_CLEAR: gicv3_set_lpi(its->gic, found.processor, found.lpi, false); break;
    case COMMAND_INV: gicv3_look_at_lpis(its->gic, found.processor); break;
    case COMMAND_MOVI: move_event(its, command, &found); break;
    case COMMAND_DISCARD: discard_event(its, &found); break;
    }
}

static void run_command(struct gicv3_its *its, const uint64_t *command)
{
    uint32_t event = (uint32_t)command[1];
    unsigned processor;
    switch ((uint8_t)command[0]) {
    case COMMAND_MAPD: map_device(its, command); break;
    case COMMAND_MAPC: map_collection(its, command); break;
    case COMMAND_MAPTI: map_event(its, command, event, (uint32_t)(command[1] >> 32)); break;
    case COMMAND_MAPI: map_event(its, command, event, event); break;
    case COMMAND_INVALL:
        if (find_processor(its, command[2] & 0xffff, &processor))
            gicv3_look_at_lpis(its->gic, processor);
        break;
    case COMMAND_MOVALL:
        gicv3_move_lpis(its->gic, command[2] >> 16 & 0xffff, command[3] >> 16 & 0xffff);
        break;
    case COMMAND_SYNC: break; /* everything is done when it is asked for */
    default: command_event(its, command, event); break;
    }
}

static void run_queue(struct gicv3_its *its)
{
    uint64_t size = ((its->queue_base & 0xff) + 1) << 12, base = its->queue_base & QUEUE_ADDRESS;
    if (!its->enabled || !(its->queue_base & BASER_VALID) || its->queue_read & STALLED || its->queue_write >= size)
        return;
    while (its->queue_read != its->queue_write) {
        uint64_t command[4];
        if (!bus_dma_read(its->bus, base + its->queue_read, command, sizeof command)) {
            its->queue_read |= STALLED;
            return;
        }
        its->queue_read = (its->queue_read + COMMAND_BYTES) % size;
        run_command(its, command);
    }
}

/* --- registers ------------------------------------------------------------------------------------- */

/* Enabled; always quiescent, as nothing takes time. */
static uint64_t read_control(void *device, unsigned index)
{
    struct gicv3_its *its = device;
    return its->enabled | 1u << 31;
}

static void write_control(void *device, unsigned index, uint64_t value)
{
    struct gicv3_its *its = device;
    its->enabled = value & 1;
    run_queue(its);
}

/* Bases do not change while the service is enabled. */
static void write_queue_base(void *device, unsigned index, uint64_t value)
{
    struct gicv3_its *its = device;
    if (its->enabled)
        return;
    its->queue_base = value & CBASER_MASK;
    its->queue_read = its->queue_write = 0;
}

/* Bit 0 is Retry, for a queue that stalled. */
static void write_queue_write(void *device, unsigned index, uint64_t value)
{
    struct gicv3_its *its = device;
    its->queue_write = value & QUEUE_MASK;
    if (value & 1)
        its->queue_read &= ~STALLED;
    run_queue(its);
}

static void write_table_base(void *device, unsigned index, uint64_t value)
{
    struct gicv3_its *its = device;
    if (!its->enabled && baser_fixed(index))
        its->table_base[index] = (value & BASER_WRITABLE) | baser_fixed(index);
}

#define NO_FIELD .field_offset = REG_NO_FIELD

static const struct reg its_registers[] = {
    {0x0000, "GITS_CTLR", 4, NO_FIELD, .read = read_control, .write = write_control},
    {0x0004, "GITS_IIDR", 4, NO_FIELD, .reset = IIDR},
    {0x0008, "GITS_TYPER", 8, NO_FIELD, .reset = TYPER},
    {0x0080, "GITS_CBASER", 8, .field_offset = REG_FIELD(struct gicv3_its, queue_base), .write = write_queue_base},
    {0x0088, "GITS_CWRITER", 8, .field_offset = REG_FIELD(struct gicv3_its, queue_write), .write = write_queue_write},
    {0x0090, "GITS_CREADR", 8, .field_offset = REG_FIELD(struct gicv3_its, queue_read)},
    {0x0100, "GITS_BASER", 8, BASERS, .field_offset = REG_FIELD(struct gicv3_its, table_base),
     .write = write_table_base},
    {0xffd0, "GITS_PIDR4", 4, NO_FIELD, .reset = 0x44},
    {0xffe0, "GITS_PIDR0", 4, NO_FIELD, .reset = 0x94},
    {0xffe4, "GITS_PIDR1", 4, NO_FIELD, .reset = 0xb4},
    {0xffe8, "GITS_PIDR2", 4, NO_FIELD, .reset = 0x3b},
    {0xfff0, "GITS_CIDR0", 4, NO_FIELD, .reset = 0x0d},
    {0xfff4, "GITS_CIDR1", 4, NO_FIELD, .reset = 0xf0},
    {0xfff8, "GITS_CIDR2", 4, NO_FIELD, .reset = 0x05},
    {0xfffc, "GITS_CIDR3", 4, NO_FIELD, .reset = 0xb1},
};
static const struct reg_bank its_bank = {its_registers, sizeof its_registers / sizeof its_registers[0], 4 | 8};

/* Of the widths that the registers do not take, reads are zero and writes ignored. A write to GITS_TRANSLATER by a CPU
 * is no device's message. */
static bool its_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = 0;
    return size < 4 || regs_read(&its_bank, device, offset, size, value);
}

static bool its_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return size < 4 || regs_write(&its_bank, device, offset, size, value);
}

const struct mmio_ops gicv3_its_mmio = {its_read, its_write};

/* --- the device ------------------------------------------------------------------------------------ */

/* Saved state comes from a file. */
static void its_restored(void *device)
{
    struct gicv3_its *its = device;
    uint64_t size;
    its->enabled &= 1;
    its->queue_base &= CBASER_MASK;
    size = ((its->queue_base & 0xff) + 1) << 12;
    its->queue_write &= QUEUE_MASK;
    its->queue_read &= QUEUE_MASK | STALLED;
    if (its->queue_read >= size)
        its->queue_read = 0;
    for (unsigned i = 0; i < BASERS; i++)
        its->table_base[i] = baser_fixed(i) ? (its->table_base[i] & BASER_WRITABLE) | baser_fixed(i) : 0;
}

static void its_reset(void *device)
{
    struct gicv3_its *its = device;
    regs_reset(&its_bank, its);
    its->enabled = 0;
    its_restored(its);
}

const struct device_class gicv3_its_class = {
    .name = "gicv3-its",
    .state = &its_fields,
    .regs = &its_bank,
    .reset = its_reset,
    .restored = its_restored,
    .free = free,
};

struct gicv3_its *gicv3_its_create(struct gicv3 *gic, struct bus *bus)
{
    struct gicv3_its *its = host_alloc(1, sizeof *its);
    its->gic = gic;
    its->bus = bus;
    return its;
}
