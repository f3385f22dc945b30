/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The firmware configuration device (QEMU, docs/specs/fw_cfg.rst). All numbers in it are big-endian, but for those in
 * items.
 *
 * Example, reading the item 0x19 by DMA: the guest writes at 0x40001000 {control 0x0019000a (select 0x19, read), length
 * 64, address 0x40002000}, all big-endian, then the address 0x40001000 to the DMA register, its lower half last; the
 * device copies 64 bytes, and the control word becomes 0. */
#include "peripherals/fw_cfg.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/endian.h"

#define KEYS               (FW_CFG_FILES + FW_CFG_FILES_MAX)
#define KEY_MASK           0x3fffu /* above it: "write" and "of the architecture", of which there are no items */
#define WRITABLE_MAX       4u
#define WRITABLE_MAX_BYTES 64u

enum dma_control { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };

#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */

struct dma_access {
    uint32_t control, length;
    uint64_t address;
};

struct item {
    uint8_t *bytes;
    size_t length;
    char name[FW_CFG_FILE_NAME_BYTES]; /* of a file */
    unsigned writable;                 /* 1 + which of the writable ones */
    void (*written)(void *context, const uint8_t *bytes);
    void *context;
};

struct fw_cfg {
    uint16_t key;
    uint32_t offset;
    uint64_t dma_address; /* its upper half, while the lower has not been written */
    uint8_t writable[WRITABLE_MAX][WRITABLE_MAX_BYTES];
    struct bus *bus;
    struct item items[KEYS];
    unsigned file_count, writable_count;
};

static const struct field fw_cfg_list[] = {
    FIELD(struct fw_cfg, key),
    FIELD(struct fw_cfg, offset),
    FIELD(struct fw_cfg, dma_address),
    FIELD_BYTES(struct fw_cfg, writable),
    FIELD_HOST(struct fw_cfg, bus),
    FIELD_HOST(struct fw_cfg, items),
    FIELD_HOST(struct fw_cfg, file_count),
    FIELD_HOST(struct fw_cfg, writable_count),
    FIELDS_END,
};
static const struct fields fw_cfg_fields = {"fw-cfg", sizeof(struct fw_cfg), fw_cfg_list};

/* --- items ----------------------------------------------------------------------------------------- */

static uint8_t *content_of(struct fw_cfg *fw_cfg, const struct item *item)
{
    return item->writable ? fw_cfg->writable[item->writable - 1] : item->bytes;
}

/* The item that is selected; NULL: there is none. */
static const struct item *selected(const struct fw_cfg *fw_cfg)
{
    unsigned key = fw_cfg->key & KEY_MASK;
    return key < KEYS && fw_cfg->key <= KEY_MASK ? &fw_cfg->items[key] : NULL;
}

/* Reads on from the selected item, then zeroes. */
static void read_on(struct fw_cfg *fw_cfg, uint8_t *to, size_t length)
{
    const struct item *item = selected(fw_cfg);
    size_t left = item && fw_cfg->offset < item->length ? item->length - fw_cfg->offset : 0;
    size_t part = length < left ? length : left;
    if (part)
        memcpy(to, content_of(fw_cfg, item) + fw_cfg->offset, part);
    memset(to + part, 0, length - part);
    fw_cfg->offset += (uint32_t)part;
}

static void set_bytes(struct item *item, const void *bytes, size_t length)
{
    uint8_t *copy = host_alloc(1, length + 1);
    if (length)
        memcpy(copy, bytes, length);
    free(item->bytes);
    item->bytes = copy;
    item->length = length;
}

static struct item *find_file(struct fw_cfg *fw_cfg, const char *name)
{
    for (unsigned i = 0; i < fw_cfg->file_count; i++)
        if (!strcmp(fw_cfg->items[FW_CFG_FILES + i].name, name))
            return &fw_cfg->items[FW_CFG_FILES + i];
    return NULL;
}

/* The number of files, then of each its size, key, two zeroes and name. */
static void make_directory(struct fw_cfg *fw_cfg)
{
    uint8_t directory[4 + FW_CFG_FILES_MAX * (8 + FW_CFG_FILE_NAME_BYTES)] = {0};
    put_be32(directory, fw_cfg->file_count);
    for (unsigned i = 0; i < fw_cfg->file_count; i++) {
        uint8_t *entry = directory + 4 + i * (8 + FW_CFG_FILE_NAME_BYTES);
        const struct item *item = &fw_cfg->items[FW_CFG_FILES + i];
        put_be32(entry, (uint32_t)item->length);
        put_be16(entry + 4, (uint16_t)(FW_CFG_FILES + i));
        memcpy(entry + 8, item->name, FW_CFG_FILE_NAME_BYTES);
    }
    set_bytes(&fw_cfg->items[FW_CFG_DIRECTORY], directory, 4 + fw_cfg->file_count * (8 + FW_CFG_FILE_NAME_BYTES));
}

/* The file of that name, a new one in its place where there is none. */
static struct item *make_file(struct fw_cfg *fw_cfg, const char *name)
{
    struct item *known = find_file(fw_cfg, name);
    if (known)
        return known;
    assert(fw_cfg->file_count < FW_CFG_FILES_MAX && strlen(name) < FW_CFG_FILE_NAME_BYTES);
    unsigned at = 0;
    while (at < fw_cfg->file_count && strcmp(fw_cfg->items[FW_CFG_FILES + at].name, name) < 0)
        at++;
    struct item *item = &fw_cfg->items[FW_CFG_FILES + at];
    memmove(item + 1, item, (fw_cfg->file_count++ - at) * sizeof *item);
    *item = (struct item){NULL};
    strcpy(item->name, name);
    return item;
}

void fw_cfg_add(struct fw_cfg *fw_cfg, enum fw_cfg_key key, const void *bytes, size_t length)
{
    assert(key < FW_CFG_FILES && key != FW_CFG_DIRECTORY);
    set_bytes(&fw_cfg->items[key], bytes, length);
}

void fw_cfg_add_u16(struct fw_cfg *fw_cfg, enum fw_cfg_key key, uint16_t value)
{
    fw_cfg_add(fw_cfg, key, &value, sizeof value);
}

void fw_cfg_add_u32(struct fw_cfg *fw_cfg, enum fw_cfg_key key, uint32_t value)
{
    fw_cfg_add(fw_cfg, key, &value, sizeof value);
}

void fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *bytes, size_t length)
{
    set_bytes(make_file(fw_cfg, name), bytes, length);
    make_directory(fw_cfg);
}

void fw_cfg_add_writable_file(struct fw_cfg *fw_cfg, const char *name, size_t length,
                              void (*written)(void *context, const uint8_t *bytes), void *context)
{
    assert(length <= WRITABLE_MAX_BYTES && fw_cfg->writable_count < WRITABLE_MAX);
    struct item *item = make_file(fw_cfg, name);
    item->length = length;
    item->writable = ++fw_cfg->writable_count;
    item->written = written;
    item->context = context;
    make_directory(fw_cfg);
}

const uint8_t *fw_cfg_file(const struct fw_cfg *fw_cfg, const char *name, size_t *length)
{
    const struct item *item = find_file((struct fw_cfg *)fw_cfg, name);
    if (!item)
        return NULL;
    *length = item->length;
    return content_of((struct fw_cfg *)fw_cfg, item);
}

/* --- DMA ------------------------------------------------------------------------------------------- */

/* Whether all of the range is RAM. An empty one always is. */
static bool dma_reachable(const struct fw_cfg *fw_cfg, const struct dma_access *access)
{
    return !access->length || ram_at(&fw_cfg->bus->ram, access->address, access->length);
}

static bool dma_read(struct fw_cfg *fw_cfg, const struct dma_access *access)
{
    if (!dma_reachable(fw_cfg, access))
        return false;
    if (access->length)
        read_on(fw_cfg, bus_dma_writable(fw_cfg->bus, access->address, access->length), access->length);
    return true;
}

/* Only within a file that may be written. */
static bool dma_write(struct fw_cfg *fw_cfg, const struct dma_access *access)
{
    const struct item *item = selected(fw_cfg);
    if (!item || !item->writable || fw_cfg->offset > item->length || access->length > item->length - fw_cfg->offset ||
        !dma_reachable(fw_cfg, access))
        return false;
    bus_dma_read(fw_cfg->bus, access->address, content_of(fw_cfg, item) + fw_cfg->offset, access->length);
    fw_cfg->offset += access->length;
    item->written(item->context, content_of(fw_cfg, item));
    return true;
}

static void dma_skip(struct fw_cfg *fw_cfg, uint32_t length)
{
    const struct item *item = selected(fw_cfg);
    size_t left = item && fw_cfg->offset < item->length ? item->length - fw_cfg->offset : 0;
    fw_cfg->offset += (uint32_t)(length < left ? length : left);
}

static void dma_run(struct fw_cfg *fw_cfg, uint64_t descriptor)
{
    uint8_t raw[16], result[4];
    if (!bus_dma_read(fw_cfg->bus, descriptor, raw, sizeof raw))
        return; /* there is nowhere to say so */
    struct dma_access access = {get_be32(raw), get_be32(raw + 4), get_be64(raw + 8)};
    bool good = true;
    if (access.control & DMA_SELECT) {
        fw_cfg->key = (uint16_t)(access.control >> 16);
        fw_cfg->offset = 0;
    }
    if (access.control & DMA_READ)
        good = dma_read(fw_cfg, &access);
    else if (access.control & DMA_WRITE)
        good = dma_write(fw_cfg, &access);
    else if (access.control & DMA_SKIP)
        dma_skip(fw_cfg, access.length);
    put_be32(result, good ? 0 : DMA_ERROR);
    bus_dma_write(fw_cfg->bus, descriptor, result, sizeof result);
}

/* --- registers ------------------------------------------------------------------------------------- */

/* The data register is a string of bytes: a wider access takes more of them, the first in the lowest address. */
static bool fw_cfg_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct fw_cfg *fw_cfg = device;
    *value = 0;
    if (offset < 8)
        read_on(fw_cfg, (uint8_t *)value, size);
    else if (offset >= 16) /* big-endian, so that its first byte is 'Q' */
        *value = __builtin_bswap64(DMA_SIGNATURE) >> 8 * (offset - 16) & ~0ull >> (64 - 8 * size);
    return true;
}

static bool fw_cfg_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct fw_cfg *fw_cfg = device;
    if (offset == 8 && size == 2) {
        fw_cfg->key = __builtin_bswap16((uint16_t)value);
        fw_cfg->offset = 0;
    } else if (offset == 16 && size == 8) {
        fw_cfg->dma_address = 0;
        dma_run(fw_cfg, __builtin_bswap64(value));
    } else if (offset == 16 && size == 4) {
        fw_cfg->dma_address = (uint64_t)__builtin_bswap32((uint32_t)value) << 32;
    } else if (offset == 20 && size == 4) {
        uint64_t descriptor = fw_cfg->dma_address | __builtin_bswap32((uint32_t)value);
        fw_cfg->dma_address = 0;
        dma_run(fw_cfg, descriptor);
    }
    return true;
}

const struct mmio_ops fw_cfg_mmio = {fw_cfg_read, fw_cfg_write};

/* --- the device ------------------------------------------------------------------------------------ */

static void fw_cfg_restored(void *device)
{
    struct fw_cfg *fw_cfg = device;
    for (unsigned i = 0; i < fw_cfg->file_count; i++) {
        const struct item *item = &fw_cfg->items[FW_CFG_FILES + i];
        if (item->written)
            item->written(item->context, content_of(fw_cfg, item));
    }
}

static void fw_cfg_reset(void *device)
{
    struct fw_cfg *fw_cfg = device;
    fw_cfg->key = 0;
    fw_cfg->offset = 0;
    fw_cfg->dma_address = 0;
    memset(fw_cfg->writable, 0, sizeof fw_cfg->writable);
    fw_cfg_restored(fw_cfg);
}

static void fw_cfg_free(void *device)
{
    struct fw_cfg *fw_cfg = device;
    for (unsigned i = 0; i < KEYS; i++)
        free(fw_cfg->items[i].bytes);
    free(fw_cfg);
}

const struct device_class fw_cfg_class = {
    .name = "fw-cfg",
    .state = &fw_cfg_fields,
    .reset = fw_cfg_reset,
    .restored = fw_cfg_restored,
    .free = fw_cfg_free,
};

struct fw_cfg *fw_cfg_create(struct bus *bus)
{
    struct fw_cfg *fw_cfg = host_alloc(1, sizeof *fw_cfg);
    fw_cfg->bus = bus;
    fw_cfg_add(fw_cfg, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(fw_cfg, FW_CFG_ID, 3); /* the traditional interface, and DMA */
    make_directory(fw_cfg);
    return fw_cfg;
}
