/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PCI transport (virtio 1.2, section 4.1), modern only. BAR 4: a page each for the common configuration, the ISR
 * status, the device's own configuration, and notifications; BAR 1: MSI-X. */
#include "peripherals/virtio/virtio_pci.h"
#include <stdlib.h>
#include <string.h>

#define BAR_MSIX        1u
#define BAR_STRUCTURES  4u
#define STRUCTURE_BYTES 0x1000u
#define NOTIFY_MULTIPLE 4u /* bytes between the queues' notification addresses */

enum structure { STRUCTURE_COMMON, STRUCTURE_ISR, STRUCTURE_DEVICE, STRUCTURE_NOTIFY, STRUCTURE_COUNT };

/* 4.1.4 */
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_ACCESS = 5 };

/* --- state --- */

static const struct field virtio_pci_list[] = {
    FIELD_STRUCT(struct virtio_pci, function, &pci_function_fields),
    FIELD_STRUCT(struct virtio_pci, msix, &pci_msix_fields),
    FIELD(struct virtio_pci, device_features_select),
    FIELD(struct virtio_pci, driver_features_select),
    FIELD(struct virtio_pci, queue_select),
    FIELD(struct virtio_pci, config_vector),
    FIELD_ARRAY(struct virtio_pci, queue_vectors),
    FIELD(struct virtio_pci, isr),
    FIELD(struct virtio_pci, master),
    FIELD_HOST(struct virtio_pci, virtio),
    FIELD_HOST(struct virtio_pci, access_capability),
    FIELDS_END,
};
static const struct fields virtio_pci_fields = {"virtio-pci", sizeof(struct virtio_pci), virtio_pci_list};

/* --- interrupts --- */

static void pci_interrupt(void *transport, enum virtio_interrupt cause, unsigned queue)
{
    struct virtio_pci *pci = transport;
    if (pci_msix_enabled(&pci->msix)) {
        pci_msix_notify(&pci->msix, cause == VIRTIO_INTERRUPT_CONFIG ? pci->config_vector : pci->queue_vectors[queue]);
        return;
    }
    pci->isr |= cause;
    pci_set_intx(&pci->function, true);
}

static const struct virtio_transport_ops transport_ops = {.interrupt = pci_interrupt};

/* --- the common configuration (4.1.4.3) --- */

static struct virtqueue *selected_queue(struct virtio_pci *pci)
{
    return pci->queue_select < pci->virtio->queue_count ? &pci->virtio->queues[pci->queue_select] : NULL;
}

/* An enabled queue's registers do not change. */
static struct virtqueue *queue_in_set_up(struct virtio_pci *pci)
{
    struct virtqueue *queue = selected_queue(pci);
    return queue && !queue->ready ? queue : NULL;
}

static uint64_t device_features_read(void *device, unsigned index)
{
    struct virtio_pci *pci = device;
    return pci->device_features_select > 1 ? 0 : (uint32_t)(pci->virtio->offered >> 32 * pci->device_features_select);
}

static uint64_t driver_features_read(void *device, unsigned index)
{
    struct virtio_pci *pci = device;
    return pci->driver_features_select > 1 ? 0 : (uint32_t)(pci->virtio->features >> 32 * pci->driver_features_select);
}

static void driver_features_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_pci *pci = device;
    virtio_write_features(pci->virtio, pci->driver_features_select, (uint32_t)value);
}

/* A vector that there is not is refused: NO_VECTOR is read back. */
static uint16_t vector_taken(const struct virtio_pci *pci, uint64_t value)
{
    return (uint16_t)value < pci->msix.vector_count ? (uint16_t)value : VIRTIO_PCI_NO_VECTOR;
}

static void config_vector_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_pci *pci = device;
    pci->config_vector = vector_taken(pci, value);
}

static uint64_t queue_vector_read(void *device, unsigned index)
{
    struct virtio_pci *pci = device;
    return selected_queue(pci) ? pci->queue_vectors[pci->queue_select] : VIRTIO_PCI_NO_VECTOR;
}

static void queue_vector_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_pci *pci = device;
    if (selected_queue(pci))
        pci->queue_vectors[pci->queue_select] = vector_taken(pci, value);
}

static uint64_t queue_count_read(void *device, unsigned index)
{
    return ((struct virtio_pci *)device)->virtio->queue_count;
}

static uint64_t status_read(void *device, unsigned index)
{
    return ((struct virtio_pci *)device)->virtio->status;
}

static void forget_driver(struct virtio_pci *pci)
{
    pci->isr = 0;
    pci->config_vector = VIRTIO_PCI_NO_VECTOR;
    for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++)
        pci->queue_vectors[i] = VIRTIO_PCI_NO_VECTOR;
}

static void status_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_pci *pci = device;
    virtio_write_status(pci->virtio, (uint8_t)value);
    if ((uint8_t)value == 0) {
        forget_driver(pci);
        pci_set_intx(&pci->function, false);
    }
}

static uint64_t config_generation_read(void *device, unsigned index)
{
    return (uint8_t)((struct virtio_pci *)device)->virtio->config_generation;
}

static uint64_t queue_size_read(void *device, unsigned index)
{
    const struct virtqueue *queue = selected_queue(device);
    return queue ? queue->size ? queue->size : queue->size_max : 0;
}

static void queue_size_write(void *device, unsigned index, uint64_t value)
{
    struct virtqueue *queue = queue_in_set_up(device);
    if (queue)
        queue->size = value <= queue->size_max ? (uint16_t)value : 0;
}

static uint64_t queue_enable_read(void *device, unsigned index)
{
    const struct virtqueue *queue = selected_queue(device);
    return queue && queue->ready;
}

/* 4.1.4.3.2: the driver writes nothing but 1. The size is the greatest unless another was chosen. */
static void queue_enable_write(void *device, unsigned index, uint64_t value)
{
    struct virtio_pci *pci = device;
    struct virtqueue *queue = queue_in_set_up(pci);
    if (!queue || (uint16_t)value != 1)
        return;
    if (!queue->size)
        queue->size = queue->size_max;
    virtio_enable_queue(pci->virtio, pci->queue_select);
}

static uint64_t queue_notify_offset_read(void *device, unsigned index)
{
    struct virtio_pci *pci = device;
    return selected_queue(pci) ? pci->queue_select : 0;
}

static uint64_t half_of(uint64_t address, unsigned half)
{
    return (uint32_t)(address >> 32 * half);
}

static void set_half(uint64_t *address, unsigned half, uint64_t value)
{
    *address = (*address & ~(0xffffffffull << 32 * half)) | (uint64_t)(uint32_t)value << 32 * half;
}

#define QUEUE_AREA(name, member)                                                \
    static uint64_t name##_read(void *device, unsigned half)                    \
    {                                                                           \
        const struct virtqueue *queue = selected_queue(device);                 \
        return queue ? half_of(queue->member, half) : 0;                        \
    }                                                                           \
    static void name##_write(void *device, unsigned half, uint64_t value)       \
    {                                                                           \
        struct virtqueue *queue = queue_in_set_up(device);                      \
        if (queue)                                                              \
            set_half(&queue->member, half, value);                              \
    }
QUEUE_AREA(queue_descriptors, descriptors)
QUEUE_AREA(queue_driver, driver_area)
QUEUE_AREA(queue_device, device_area)

#define FIELD_ROW(member) .field_offset = REG_FIELD(struct virtio_pci, member)
#define HOOKED            .field_offset = REG_NO_FIELD

static const struct reg registers[] = {
    {0x00, "device_feature_select", 4, FIELD_ROW(device_features_select), .write_mask = 0xffffffff},
    {0x04, "device_feature", 4, HOOKED, .read = device_features_read},
    {0x08, "driver_feature_select", 4, FIELD_ROW(driver_features_select), .write_mask = 0xffffffff},
    {0x0c, "driver_feature", 4, HOOKED, .read = driver_features_read, .write = driver_features_write},
    {0x10, "config_msix_vector", 2, FIELD_ROW(config_vector), .reset = VIRTIO_PCI_NO_VECTOR,
     .write = config_vector_write},
    {0x12, "num_queues", 2, HOOKED, .read = queue_count_read},
    {0x14, "device_status", 1, HOOKED, .read = status_read, .write = status_write},
    {0x15, "config_generation", 1, HOOKED, .read = config_generation_read},
    {0x16, "queue_select", 2, FIELD_ROW(queue_select), .write_mask = 0xffff},
    {0x18, "queue_size", 2, HOOKED, .read = queue_size_read, .write = queue_size_write},
    {0x1a, "queue_msix_vector", 2, HOOKED, .read = queue_vector_read, .write = queue_vector_write},
    {0x1c, "queue_enable", 2, HOOKED, .read = queue_enable_read, .write = queue_enable_write},
    {0x1e, "queue_notify_off", 2, HOOKED, .read = queue_notify_offset_read},
    {0x20, "queue_desc", 4, 2, HOOKED, .read = queue_descriptors_read, .write = queue_descriptors_write},
    {0x28, "queue_driver", 4, 2, HOOKED, .read = queue_driver_read, .write = queue_driver_write},
    {0x30, "queue_device", 4, 2, HOOKED, .read = queue_device_read, .write = queue_device_write},
};
static const struct reg_bank bank = {registers, sizeof registers / sizeof registers[0], 1 | 2 | 4 | 8};

/* --- the structures behind BAR 4 --- */

/* Without the right to be a bus master the device does not touch memory; it looks when it gets the right. */
static void notify(struct virtio_pci *pci, uint64_t offset)
{
    if (pci->master)
        virtio_notify(pci->virtio, (uint32_t)(offset / NOTIFY_MULTIPLE));
}

static bool structures_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct virtio_pci *pci = device;
    uint64_t within = offset % STRUCTURE_BYTES;
    *value = 0;
    switch ((enum structure)(offset / STRUCTURE_BYTES)) {
    case STRUCTURE_COMMON: return regs_read(&bank, pci, within, size, value);
    case STRUCTURE_ISR: /* reading takes it back */
        if (within == 0) {
            *value = pci->isr;
            pci->isr = 0;
            pci_set_intx(&pci->function, false);
        }
        return true;
    case STRUCTURE_DEVICE: *value = virtio_config_read(pci->virtio, within, size); return true;
    default: return true;
    }
}

static bool structures_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct virtio_pci *pci = device;
    uint64_t within = offset % STRUCTURE_BYTES;
    switch ((enum structure)(offset / STRUCTURE_BYTES)) {
    case STRUCTURE_COMMON: return regs_write(&bank, pci, within, size, value);
    case STRUCTURE_DEVICE: virtio_config_write(pci->virtio, within, size, value); return true;
    case STRUCTURE_NOTIFY: notify(pci, within); return true;
    default: return true;
    }
}

static const struct mmio_ops structures_mmio = {structures_read, structures_write};

/* --- configuration space --- */

/* 4.1.4.9: the driver chooses BAR, offset and length, and reads or writes the data. */
enum { ACCESS_BAR = 4, ACCESS_OFFSET = 8, ACCESS_LENGTH = 12, ACCESS_DATA = 16, ACCESS_END = 20 };

static void access_bar(struct virtio_pci *pci, bool write)
{
    struct pci_function *function = &pci->function;
    unsigned at = pci->access_capability;
    unsigned bar = pci_config_get(function, at + ACCESS_BAR, 1);
    uint32_t offset = pci_config_get(function, at + ACCESS_OFFSET, 4);
    uint32_t length = pci_config_get(function, at + ACCESS_LENGTH, 4);
    uint64_t value = pci_config_get(function, at + ACCESS_DATA, 4);
    if (length != 1 && length != 2 && length != 4)
        return;
    if (pci_bar_access(function, bar, offset, length, &value, write) && !write)
        pci_config_set(function, at + ACCESS_DATA, length, (uint32_t)value);
}

static bool touches_data(const struct virtio_pci *pci, unsigned offset, unsigned size)
{
    return offset < pci->access_capability + ACCESS_END && offset + size > pci->access_capability + ACCESS_DATA;
}

static void config_read(struct pci_function *function, unsigned offset, unsigned size)
{
    struct virtio_pci *pci = function->device;
    if (touches_data(pci, offset, size))
        access_bar(pci, false);
}

static void config_written(struct pci_function *function, unsigned offset, unsigned size)
{
    struct virtio_pci *pci = function->device;
    if (touches_data(pci, offset, size))
        access_bar(pci, true);
    bool master = pci_command_has(function, PCI_COMMAND_MASTER), granted = master && !pci->master;
    pci->master = master;
    pci_msix_config_written(&pci->msix);
    if (granted)
        for (unsigned i = 0; i < pci->virtio->queue_count; i++)
            virtio_notify(pci->virtio, i);
}

static const struct pci_function_ops function_ops = {config_read, config_written};

/* --- making it --- */

/* Class, subclass and interface of each kind of device. */
static uint32_t class_code(enum virtio_id id)
{
    switch (id) {
    case VIRTIO_ID_NET: return 0x020000;
    case VIRTIO_ID_BLOCK: return 0x010000;
    case VIRTIO_ID_SCSI: return 0x010000;
    case VIRTIO_ID_CONSOLE: return 0x078000;
    case VIRTIO_ID_SOUND: return 0x040100;
    case VIRTIO_ID_GPU: return 0x038000; /* by which EDK2 knows where to draw its console */
    case VIRTIO_ID_INPUT: return 0x098000;
    case VIRTIO_ID_VSOCK: return 0x078000;
    default: return 0x00ff00;
    }
}

static unsigned add_structure(struct virtio_pci *pci, uint8_t type, unsigned index, uint32_t length, bool notify)
{
    struct {
        uint8_t length, type, bar, id, padding[2];
        uint32_t offset, bytes, multiplier;
    } __attribute__((packed)) capability = {
        .length = notify ? 20 : 16,
        .type = type,
        .bar = BAR_STRUCTURES,
        .offset = index * STRUCTURE_BYTES,
        .bytes = length,
        .multiplier = NOTIFY_MULTIPLE,
    };
    return pci_add_capability(&pci->function, PCI_CAPABILITY_VENDOR, &capability, NULL, capability.length - 2u);
}

static void add_access(struct virtio_pci *pci)
{
    static const uint8_t bytes[ACCESS_END - 2] = {ACCESS_END, CAP_ACCESS};
    uint8_t writable[sizeof bytes] = {0};
    writable[ACCESS_BAR - 2] = 0xff;
    memset(writable + ACCESS_OFFSET - 2, 0xff, ACCESS_END - ACCESS_OFFSET);
    pci->access_capability = pci_add_capability(&pci->function, PCI_CAPABILITY_VENDOR, bytes, writable, sizeof bytes);
}

struct virtio_pci *virtio_pci_create(struct virtio_device *virtio)
{
    struct virtio_pci *pci = host_alloc(1, sizeof *pci);
    const struct pci_identity identity = {
        .vendor = 0x1af4,
        .device = (uint16_t)(0x1040 + virtio->ops->id),
        .subsystem_vendor = 0x1af4,
        .subsystem = 0x1100,
        .class_code = class_code(virtio->ops->id),
        .revision = 1,
        .interrupts = true,
    };
    pci->virtio = virtio;
    virtio->transport_ops = &transport_ops;
    virtio->transport = pci;
    pci_function_init(&pci->function, &identity, &function_ops, pci);
    pci_add_bar(&pci->function, BAR_STRUCTURES,
                &(struct pci_bar){STRUCTURE_COUNT * STRUCTURE_BYTES, true, &structures_mmio, pci});
    pci_msix_init(&pci->msix, &pci->function, BAR_MSIX, virtio->queue_count + 1);
    add_structure(pci, CAP_COMMON, STRUCTURE_COMMON, 0x38, false);
    add_structure(pci, CAP_ISR, STRUCTURE_ISR, 1, false);
    if (virtio->config_bytes)
        add_structure(pci, CAP_DEVICE, STRUCTURE_DEVICE, virtio->config_bytes, false);
    add_structure(pci, CAP_NOTIFY, STRUCTURE_NOTIFY, NOTIFY_MULTIPLE * virtio->queue_count, true);
    add_access(pci);
    pci_add_express(&pci->function);
    return pci;
}

static void pci_reset(void *device)
{
    struct virtio_pci *pci = device;
    regs_reset(&bank, pci);
    forget_driver(pci);
    pci->master = false;
    pci_msix_reset(&pci->msix);
    pci_function_reset(&pci->function);
}

/* Saved state comes from a file. */
static void pci_restored(void *device)
{
    struct virtio_pci *pci = device;
    pci->config_vector = vector_taken(pci, pci->config_vector);
    for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++)
        pci->queue_vectors[i] = vector_taken(pci, pci->queue_vectors[i]);
    pci->isr &= VIRTIO_INTERRUPT_QUEUE | VIRTIO_INTERRUPT_CONFIG;
    pci->function.intx = pci->isr != 0;
    pci_function_restored(&pci->function);
    pci->master = pci_command_has(&pci->function, PCI_COMMAND_MASTER);
    pci_msix_restored(&pci->msix);
}

const struct device_class virtio_pci_class = {
    .name = "virtio-pci",
    .state = &virtio_pci_fields,
    .regs = &bank,
    .reset = pci_reset,
    .restored = pci_restored,
    .free = free,
};
