/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The MMIO transport (virtio 1.2, section 4.2), version 2: one slot of 0x200 bytes of registers and one wire.
 */
#include "peripherals/virtio/virtio_mmio.h"

#include <stdlib.h>

#define CONFIG_SPACE 0x100

/* --- state --- */

static const struct field virtio_mmio_list[] = {
    FIELD_HOST(struct virtio_mmio, virtio),
    FIELD_HOST(struct virtio_mmio, irq),
    FIELD(struct virtio_mmio, device_features_select),
    FIELD(struct virtio_mmio, driver_features_select),
    FIELD(struct virtio_mmio, queue_select),
    FIELD(struct virtio_mmio, shared_memory_select),
    FIELD(struct virtio_mmio, interrupt_status),
    FIELDS_END,
};

static const struct fields virtio_mmio_fields = {"virtio-mmio", sizeof(struct virtio_mmio), virtio_mmio_list};

static void update_wire(struct virtio_mmio *slot)
{
    irq_set(&slot->irq, slot->interrupt_status != 0);
}

static void mmio_interrupt(void *transport, enum virtio_interrupt cause, unsigned queue)
{
    struct virtio_mmio *slot = transport;
    slot->interrupt_status |= cause;
    update_wire(slot);
}

static const struct virtio_transport_ops transport_ops = {.interrupt = mmio_interrupt};

/* --- registers with behaviour --- */

static struct virtqueue *selected_queue(struct virtio_mmio *slot)
{
    if (!slot->virtio || slot->queue_select >= slot->virtio->queue_count)
        return NULL;
    return &slot->virtio->queues[slot->queue_select];
}

static uint64_t device_id_read(void *device, unsigned index)
{
    struct virtio_mmio *slot = device;
    return slot->virtio ? slot->virtio->ops->id : 0;
}

static uint64_t device_features_read(void *device, unsigned index)
{
    struct virtio_mmio *slot = device;
    if (!slot->virtio || slot->device_features_select > 1)
        return 0;
    return (uint32_t)(slot->virtio->offered >> (32 * slot->device_features_select));
}

static void driver_features_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_mmio *slot = device;
    if (slot->virtio)
        virtio_write_features(slot->virtio, slot->driver_features_select, value);
}

static uint64_t queue_size_max_read(void *device, unsigned index)
{
    const struct virtqueue *queue = selected_queue(device);
    return queue ? queue->size_max : 0;
}

/* 4.2.2.2: an enabled queue's registers do not change. */
static struct virtqueue *queue_in_set_up(struct virtio_mmio *slot)
{
    struct virtqueue *queue = selected_queue(slot);
    return queue && !queue->ready ? queue : NULL;
}

/* EDK2's driver of graphics writes 0, and means the greatest size. */
static void queue_size_write(void *device, unsigned index, uint64_t value)
{
    struct virtqueue *queue = queue_in_set_up(device);
    if (queue && value)
        queue->size = value <= queue->size_max ? value : 0; /* which does not enable */
}

static uint64_t queue_ready_read(void *device, unsigned index)
{
    const struct virtqueue *queue = selected_queue(device);
    return queue && queue->ready;
}

static void queue_ready_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_mmio *slot = device;
    struct virtqueue *queue = selected_queue(slot);
    if (!queue)
        return;
    if (!(value & 1))
        queue->ready = false;
    else if (!queue->ready)
        virtio_enable_queue(slot->virtio, slot->queue_select);
}

static void queue_notify_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_mmio *slot = device;
    if (slot->virtio)
        virtio_notify(slot->virtio, value);
}

static void interrupt_acknowledge_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_mmio *slot = device;
    slot->interrupt_status &= ~value;
    update_wire(slot);
}

static uint64_t status_read(void *device, unsigned index)
{
    struct virtio_mmio *slot = device;
    return slot->virtio ? slot->virtio->status : 0;
}

static void status_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_mmio *slot = device;
    if (!slot->virtio)
        return;
    virtio_write_status(slot->virtio, value);
    if ((uint8_t)value == 0) {
        slot->interrupt_status = 0;
        update_wire(slot);
    }
}

static void set_half(uint64_t *address, unsigned half, uint32_t value)
{
    *address &= ~(0xffffffffull << (32 * half));
    *address |= (uint64_t)value << (32 * half);
}

static void queue_descriptors_write(void *device, unsigned index, uint64_t value)
{
    struct virtqueue *queue = queue_in_set_up(device);
    if (queue)
        set_half(&queue->descriptors, index, value);
}

static void queue_driver_write(void *device, unsigned index, uint64_t value)
{
    struct virtqueue *queue = queue_in_set_up(device);
    if (queue)
        set_half(&queue->driver_area, index, value);
}

static void queue_device_write(void *device, unsigned index, uint64_t value)
{
    struct virtqueue *queue = queue_in_set_up(device);
    if (queue)
        set_half(&queue->device_area, index, value);
}

static uint64_t config_generation_read(void *device, unsigned index)
{
    struct virtio_mmio *slot = device;
    return slot->virtio ? slot->virtio->config_generation : 0;
}

/* --- register table (4.2.2, table 4.1) --- */

#define SELECTOR(member) .field_offset = REG_FIELD(struct virtio_mmio, member), .write_mask = 0xffffffff
#define HOOKED           .field_offset = REG_NO_FIELD

static const struct reg registers[] = {
    {0x000, "MagicValue", 4, HOOKED, .reset = 0x74726976},
    {0x004, "Version", 4, HOOKED, .reset = 2},
    {0x008, "DeviceID", 4, HOOKED, .read = device_id_read},
    {0x00c, "VendorID", 4, HOOKED, .reset = 0x414d5241 /* "ARMA" */},
    {0x010, "DeviceFeatures", 4, HOOKED, .read = device_features_read},
    {0x014, "DeviceFeaturesSel", 4, SELECTOR(device_features_select)},
    {0x020, "DriverFeatures", 4, HOOKED, .write = driver_features_write},
    {0x024, "DriverFeaturesSel", 4, SELECTOR(driver_features_select)},
    {0x030, "QueueSel", 4, SELECTOR(queue_select)},
    {0x034, "QueueNumMax", 4, HOOKED, .read = queue_size_max_read},
    {0x038, "QueueNum", 4, HOOKED, .write = queue_size_write},
    {0x044, "QueueReady", 4, HOOKED, .read = queue_ready_read, .write = queue_ready_write},
    {0x050, "QueueNotify", 4, HOOKED, .write = queue_notify_write},
    {0x060, "InterruptStatus", 4, .field_offset = REG_FIELD(struct virtio_mmio, interrupt_status)},
    {0x064, "InterruptACK", 4, HOOKED, .write = interrupt_acknowledge_write},
    {0x070, "Status", 4, HOOKED, .read = status_read, .write = status_write},
    {0x080, "QueueDesc", 4, 2, HOOKED, .write = queue_descriptors_write},
    {0x090, "QueueDriver", 4, 2, HOOKED, .write = queue_driver_write},
    {0x0a0, "QueueDevice", 4, 2, HOOKED, .write = queue_device_write},
    {0x0ac, "SHMSel", 4, SELECTOR(shared_memory_select)},
    /* 4.2.2: a region that does not exist has length -1. No device here has one. */
    {0x0b0, "SHMLen", 4, 2, HOOKED, .reset = 0xffffffff},
    {0x0b8, "SHMBase", 4, 2, HOOKED, .reset = 0xffffffff},
    {0x0fc, "ConfigGeneration", 4, HOOKED, .read = config_generation_read},
};

static const struct reg_bank bank = {registers, sizeof registers / sizeof registers[0], 4};

/* --- accesses --- */

static bool mmio_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct virtio_mmio *slot = device;
    if (offset < CONFIG_SPACE)
        return regs_read(&bank, slot, offset, size, value);
    *value = slot->virtio ? virtio_config_read(slot->virtio, offset - CONFIG_SPACE, size) : 0;
    return true;
}

static bool mmio_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio_mmio *slot = device;
    if (offset < CONFIG_SPACE)
        return regs_write(&bank, slot, offset, size, value);
    if (slot->virtio)
        virtio_config_write(slot->virtio, offset - CONFIG_SPACE, size, value);
    return true;
}

const struct mmio_ops virtio_mmio_ops = {.read = mmio_read, .write = mmio_write};

/* --- the device --- */

struct virtio_mmio *virtio_mmio_create(struct virtio_device *virtio, struct irq_line irq)
{
    struct virtio_mmio *slot = calloc(1, sizeof *slot);
    if (!slot)
        abort();
    slot->virtio = virtio;
    slot->irq = irq;
    if (virtio) {
        virtio->transport_ops = &transport_ops;
        virtio->transport = slot;
    }
    return slot;
}

static void mmio_reset(void *device)
{
    struct virtio_mmio *slot = device;
    regs_reset(&bank, slot);
    update_wire(slot);
}

static void mmio_restored(void *device)
{
    update_wire(device);
}

const struct device_class virtio_mmio_class = {
    .name = "virtio-mmio",
    .state = &virtio_mmio_fields,
    .regs = &bank,
    .reset = mmio_reset,
    .restored = mmio_restored,
    .free = free,
};
