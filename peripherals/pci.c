/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PCI Express: configuration space, BARs, and the host bridge. What nobody answers to reads as all ones, writes to it
 * go nowhere. */
#include "peripherals/pci.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_CAPABILITIES 0x0010
#define BAR_WIDE            0x4u
#define CAPABILITIES_BEGIN  0x40u

static const struct field function_list[] = {
    FIELD_BYTES(struct pci_function, config),
    FIELD(struct pci_function, intx),
    FIELD_HOST(struct pci_function, ops),
    FIELD_HOST(struct pci_function, device),
    FIELD_HOST(struct pci_function, host),
    FIELD_HOST(struct pci_function, slot),
    FIELD_HOST(struct pci_function, bars),
    FIELD_HOST(struct pci_function, reset_config),
    FIELD_HOST(struct pci_function, writable),
    FIELD_HOST(struct pci_function, capability_end),
    FIELD_HOST(struct pci_function, capability_last),
    FIELDS_END,
};
const struct fields pci_function_fields = {"pci_function", sizeof(struct pci_function), function_list};

struct pci_host {
    struct pci_function bridge; /* slot 0 */
    struct pci_host_config config;
    struct pci_function *slots[PCI_SLOTS];
    unsigned slot_count;
};

static const struct field host_list[] = {
    FIELD_STRUCT(struct pci_host, bridge, &pci_function_fields),
    FIELD_HOST(struct pci_host, config),
    FIELD_HOST(struct pci_host, slots),
    FIELD_HOST(struct pci_host, slot_count),
    FIELDS_END,
};
static const struct fields host_fields = {"pci-host", sizeof(struct pci_host), host_list};

/* --- bytes ----------------------------------------------------------------------------------------- */

static uint64_t all_ones(unsigned size)
{
    return ~0ull >> (64 - 8 * size);
}

static uint32_t get_bytes(const uint8_t *from, unsigned size)
{
    uint32_t value = 0;
    memcpy(&value, from, size);
    return value;
}

uint32_t pci_config_get(const struct pci_function *function, unsigned offset, unsigned size)
{
    return get_bytes(function->config + offset, size);
}

void pci_config_set(struct pci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    memcpy(function->config + offset, &value, size);
}

/* --- making a function ----------------------------------------------------------------------------- */

static void fix(struct pci_function *function, unsigned offset, unsigned size, uint32_t value)
{
    memcpy(function->reset_config + offset, &value, size);
}

static void allow(struct pci_function *function, unsigned offset, unsigned size, uint32_t bits)
{
    memcpy(function->writable + offset, &bits, size);
}

void pci_function_init(struct pci_function *function, const struct pci_identity *identity,
                       const struct pci_function_ops *ops, void *device)
{
    *function = (struct pci_function){.ops = ops, .device = device, .capability_end = CAPABILITIES_BEGIN};
    fix(function, 0x00, 2, identity->vendor);
    fix(function, 0x02, 2, identity->device);
    fix(function, 0x08, 4, identity->class_code << 8 | identity->revision);
    fix(function, 0x2c, 2, identity->subsystem_vendor);
    fix(function, 0x2e, 2, identity->subsystem);
    fix(function, PCI_CONFIG_PIN, 1, identity->interrupts);
    allow(function, PCI_CONFIG_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX);
    allow(function, 0x0c, 1, 0xff); /* the cache line's size, which concerns nobody */
    allow(function, PCI_CONFIG_LINE, 1, 0xff);
}

unsigned pci_add_capability(struct pci_function *function, enum pci_capability id, const void *bytes,
                            const void *writable, unsigned length)
{
    unsigned at = function->capability_end;
    assert(at + 2 + length <= PCI_CONFIG_BYTES);
    fix(function, at, 1, id);
    memcpy(function->reset_config + at + 2, bytes, length);
    if (writable)
        memcpy(function->writable + at + 2, writable, length);
    /* At the list's end. */
    fix(function, function->capability_last ? function->capability_last + 1 : PCI_CONFIG_CAPABILITIES, 1, at);
    function->capability_last = at;
    function->capability_end = (at + 2 + length + 3) & ~3u;
    fix(function, PCI_CONFIG_STATUS, 2, STATUS_CAPABILITIES);
    return at;
}

void pci_add_express(struct pci_function *function)
{
    /* 7.5.3: version 2, root complex integrated endpoint, which has no link; role-based errors; 128 bytes of payload,
     * and whatever the driver chooses in the control registers. */
    uint8_t bytes[0x3a] = {0}, writable[0x3a] = {0};
    bytes[0] = 0x92;
    bytes[3] = 0x80;
    memset(writable + 6, 0xff, 2);
    writable[7] = 0x7f; /* no function-level reset */
    pci_add_capability(function, PCI_CAPABILITY_EXPRESS, bytes, writable, sizeof bytes);
}

void pci_add_bar(struct pci_function *function, unsigned index, const struct pci_bar *bar)
{
    unsigned at = PCI_CONFIG_BARS + 4 * index;
    uint64_t bits = ~(bar->size_bytes - 1);
    assert(index + bar->wide < PCI_BARS && bar->size_bytes >= 16 && !(bar->size_bytes & (bar->size_bytes - 1)));
    function->bars[index] = *bar;
    fix(function, at, 4, bar->wide ? BAR_WIDE : 0);
    allow(function, at, 4, (uint32_t)bits & ~15u);
    if (bar->wide)
        allow(function, at + 4, 4, (uint32_t)(bits >> 32));
}

/* --- interrupts ------------------------------------------------------------------------------------ */

/* A pin of the bus is shared by slots. */
static void drive_pins(struct pci_host *host)
{
    bool levels[PCI_PINS] = {false};
    for (unsigned slot = 0; slot < host->slot_count; slot++) {
        const struct pci_function *function = host->slots[slot];
        if (function->intx && !pci_command_has(function, PCI_COMMAND_NO_INTX))
            levels[slot % PCI_PINS] = true;
    }
    for (unsigned pin = 0; pin < PCI_PINS; pin++)
        irq_set(&host->config.pins[pin], levels[pin]);
}

/* Bit 3 of the status register tells of the pin, also where it is disabled. */
static void show_intx(struct pci_function *function)
{
    uint8_t *status = &function->config[PCI_CONFIG_STATUS];
    *status = function->intx ? *status | 8 : *status & ~8;
}

void pci_set_intx(struct pci_function *function, bool asserted)
{
    if (function->intx == asserted)
        return;
    function->intx = asserted;
    show_intx(function);
    drive_pins(function->host);
}

void pci_send_message(struct pci_function *function, uint64_t address, uint32_t data)
{
    const struct pci_host_config *config = &function->host->config;
    if (pci_command_has(function, PCI_COMMAND_MASTER))
        config->message(config->context, function->slot << 3, address, data);
}

/* --- configuration space --------------------------------------------------------------------------- */

static struct pci_function *function_at(struct pci_host *host, uint64_t offset)
{
    uint64_t number = offset / PCI_FUNCTION_BYTES; /* bus, slot, function */
    return number % 8 == 0 && number / 8 < host->slot_count ? host->slots[number / 8] : NULL;
}

/* What lies behind the first 256 bytes is the extended configuration space: a list of capabilities that is empty. */
static void config_read(struct pci_function *function, unsigned offset, unsigned size, uint64_t *value)
{
    *value = 0;
    if (offset >= PCI_CONFIG_BYTES)
        return;
    if (function->ops->config_read)
        function->ops->config_read(function, offset, size);
    memcpy(value, function->config + offset, size);
}

static void config_write(struct pci_function *function, unsigned offset, unsigned size, uint64_t value)
{
    if (offset >= PCI_CONFIG_BYTES)
        return;
    for (unsigned i = 0; i < size; i++) {
        uint8_t *byte = &function->config[offset + i], bits = function->writable[offset + i];
        *byte = (*byte & ~bits) | ((uint8_t)(value >> 8 * i) & bits);
    }
    if (offset <= PCI_CONFIG_COMMAND + 1 && offset + size > PCI_CONFIG_COMMAND)
        drive_pins(function->host);
    if (function->ops->config_written)
        function->ops->config_written(function, offset, size);
}

static bool ecam_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct pci_function *function = function_at(device, offset);
    *value = all_ones(size);
    if (function)
        config_read(function, offset % PCI_FUNCTION_BYTES, size, value);
    return true;
}

static bool ecam_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_function *function = function_at(device, offset);
    if (function)
        config_write(function, offset % PCI_FUNCTION_BYTES, size, value);
    return true;
}

const struct mmio_ops pci_ecam_mmio = {ecam_read, ecam_write};

/* --- memory ---------------------------------------------------------------------------------------- */

static uint64_t bar_address(const struct pci_function *function, unsigned index)
{
    unsigned at = PCI_CONFIG_BARS + 4 * index;
    uint64_t low = pci_config_get(function, at, 4) & ~15u;
    return function->bars[index].wide ? low | (uint64_t)pci_config_get(function, at + 4, 4) << 32 : low;
}

/* The BAR that holds all of an access; NULL: none. Where two do, the first slot's has it. */
static const struct pci_bar *bar_at(struct pci_host *host, uint64_t address, unsigned size, uint64_t *offset)
{
    for (unsigned slot = 0; slot < host->slot_count; slot++) {
        const struct pci_function *function = host->slots[slot];
        if (!pci_command_has(function, PCI_COMMAND_MEMORY))
            continue;
        for (unsigned i = 0; i < PCI_BARS; i++) {
            const struct pci_bar *bar = &function->bars[i];
            *offset = address - bar_address(function, i);
            if (bar->size_bytes >= size && *offset <= bar->size_bytes - size)
                return bar;
        }
    }
    return NULL;
}

static bool memory_read(struct pci_host *host, uint64_t address, unsigned size, uint64_t *value)
{
    uint64_t offset;
    const struct pci_bar *bar = bar_at(host, address, size, &offset);
    if (!bar || !bar->ops->read(bar->device, offset, size, value))
        *value = all_ones(size);
    return true;
}

static bool memory_write(struct pci_host *host, uint64_t address, unsigned size, uint64_t value)
{
    uint64_t offset;
    const struct pci_bar *bar = bar_at(host, address, size, &offset);
    if (bar)
        bar->ops->write(bar->device, offset, size, value);
    return true;
}

static bool memory32_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct pci_host *host = device;
    return memory_read(host, host->config.memory32_base + offset, size, value);
}

static bool memory32_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_host *host = device;
    return memory_write(host, host->config.memory32_base + offset, size, value);
}

static bool memory64_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct pci_host *host = device;
    return memory_read(host, host->config.memory64_base + offset, size, value);
}

static bool memory64_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_host *host = device;
    return memory_write(host, host->config.memory64_base + offset, size, value);
}

static bool io_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    *value = all_ones(size);
    return true;
}

static bool io_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return true;
}

const struct mmio_ops pci_memory32_mmio = {memory32_read, memory32_write};
const struct mmio_ops pci_memory64_mmio = {memory64_read, memory64_write};
const struct mmio_ops pci_io_mmio = {io_read, io_write};

bool pci_bar_access(struct pci_function *function, unsigned index, uint64_t offset, unsigned size, uint64_t *value,
                    bool write)
{
    const struct pci_bar *bar = index < PCI_BARS ? &function->bars[index] : NULL;
    if (!bar || bar->size_bytes < size || offset > bar->size_bytes - size || offset % size)
        return false;
    return write ? bar->ops->write(bar->device, offset, size, *value)
                 : bar->ops->read(bar->device, offset, size, value);
}

/* --- the devices ----------------------------------------------------------------------------------- */

void pci_function_reset(struct pci_function *function)
{
    memcpy(function->config, function->reset_config, sizeof function->config);
    function->intx = false;
    if (function->host)
        drive_pins(function->host);
}

/* Saved state comes from a file: what is read-only is as it was made. */
void pci_function_restored(struct pci_function *function)
{
    for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++)
        function->config[i] = (function->reset_config[i] & ~function->writable[i]) |
                              (function->config[i] & function->writable[i]);
    show_intx(function);
    if (function->host)
        drive_pins(function->host);
}

static void host_reset(void *device)
{
    struct pci_host *host = device;
    pci_function_reset(&host->bridge);
}

static void host_restored(void *device)
{
    struct pci_host *host = device;
    host->bridge.intx = false;
    pci_function_restored(&host->bridge);
}

const struct device_class pci_host_class = {
    .name = "pci-host",
    .state = &host_fields,
    .reset = host_reset,
    .restored = host_restored,
    .free = free,
};

bool pci_host_add(struct pci_host *host, struct pci_function *function, unsigned *slot)
{
    if (host->slot_count == PCI_SLOTS)
        return false;
    function->host = host;
    function->slot = *slot = host->slot_count++;
    host->slots[*slot] = function;
    return true;
}

struct pci_host *pci_host_create(const struct pci_host_config *config)
{
    static const struct pci_function_ops none;
    /* The generic host bridge of QEMU's boards, which firmware and kernels know. */
    static const struct pci_identity identity = {
        .vendor = 0x1b36, .device = 0x0008, .subsystem_vendor = 0x1af4, .subsystem = 0x1100, .class_code = 0x060000};
    struct pci_host *host = host_alloc(1, sizeof *host);
    unsigned slot;
    host->config = *config;
    pci_function_init(&host->bridge, &identity, &none, host);
    pci_host_add(host, &host->bridge, &slot);
    return host;
}
