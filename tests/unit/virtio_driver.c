/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A driver for tests: sets up a virtio device through its MMIO registers and drives its queues. */
#include "tests/unit/virtio_driver.h"

static void wire_set(void *receiver, unsigned number, bool level)
{
    struct driver *driver = receiver;
    if (level && !driver->wire)
        driver->wire_rises++;
    driver->wire = level;
}

void driver_init(struct driver *driver)
{
    struct error error;
    memset(driver, 0, sizeof *driver);
    clock_init(&driver->clock);
    assert_true(bus_init(&driver->bus, DRIVER_RAM_BASE, DRIVER_RAM_BYTES, &error));
}

void driver_attach(struct driver *driver, struct virtio_device *virtio)
{
    driver->slot = virtio_mmio_create(virtio, (struct irq_line){wire_set, driver, 1});
    bus_add_window(&driver->bus, "virtio-mmio", DRIVER_SLOT, VIRTIO_MMIO_SLOT_BYTES, &virtio_mmio_ops,
                   driver->slot);
    virtio_mmio_class.reset(driver->slot);
}

void driver_free(struct driver *driver)
{
    virtio_mmio_class.free(driver->slot);
    bus_free(&driver->bus);
    clock_free(&driver->clock);
}

uint32_t driver_read(struct driver *driver, unsigned reg)
{
    uint64_t value;
    assert_true(bus_mmio_read(&driver->bus, DRIVER_SLOT + reg, 4, &value));
    return value;
}

void driver_write(struct driver *driver, unsigned reg, uint32_t value)
{
    assert_true(bus_mmio_write(&driver->bus, DRIVER_SLOT + reg, 4, value));
}

uint64_t driver_alloc(struct driver *driver, uint64_t length)
{
    uint64_t address = DRIVER_RAM_BASE + driver->allocated;
    driver->allocated += (length + 15) & ~15ull;
    assert_true(driver->allocated <= DRIVER_RAM_BYTES);
    return address;
}

void *driver_ram(struct driver *driver, uint64_t address)
{
    return driver->bus.ram.host + (address - DRIVER_RAM_BASE);
}

uint64_t driver_offered(struct driver *driver)
{
    uint64_t offered;
    driver_write(driver, MMIO_DEVICE_FEATURES_SEL, 1);
    offered = (uint64_t)driver_read(driver, MMIO_DEVICE_FEATURES) << 32;
    driver_write(driver, MMIO_DEVICE_FEATURES_SEL, 0);
    return offered | driver_read(driver, MMIO_DEVICE_FEATURES);
}

static void set_address(struct driver *driver, unsigned reg, uint64_t address)
{
    driver_write(driver, reg, (uint32_t)address);
    driver_write(driver, reg + 4, address >> 32);
}

static void set_up_queue(struct driver *driver, unsigned index)
{
    struct driver_queue *queue = &driver->queues[index];
    uint64_t descriptors = driver_alloc(driver, sizeof *queue->descriptors * DRIVER_QUEUE_SIZE);
    uint64_t available = driver_alloc(driver, sizeof *queue->available);
    uint64_t used = driver_alloc(driver, sizeof *queue->used);

    *queue = (struct driver_queue){driver_ram(driver, descriptors), driver_ram(driver, available),
                                   driver_ram(driver, used), 0, 0};
    memset(queue->descriptors, 0, sizeof *queue->descriptors * DRIVER_QUEUE_SIZE);
    memset(queue->available, 0, sizeof *queue->available);
    memset(queue->used, 0, sizeof *queue->used);
    driver_write(driver, MMIO_QUEUE_SEL, index);
    assert_true(driver_read(driver, MMIO_QUEUE_NUM_MAX) >= DRIVER_QUEUE_SIZE);
    driver_write(driver, MMIO_QUEUE_NUM, DRIVER_QUEUE_SIZE);
    set_address(driver, MMIO_QUEUE_DESC, descriptors);
    set_address(driver, MMIO_QUEUE_DRIVER, available);
    set_address(driver, MMIO_QUEUE_DEVICE, used);
    driver_write(driver, MMIO_QUEUE_READY, 1);
    assert_int_equal(driver_read(driver, MMIO_QUEUE_READY), 1);
}

void driver_negotiate(struct driver *driver, uint64_t features, unsigned queue_count)
{
    driver->allocated = 0;
    driver_write(driver, MMIO_STATUS, 0);
    driver_write(driver, MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
    driver_write(driver, MMIO_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    features |= VIRTIO_F_VERSION_1;
    for (unsigned word = 0; word < 2; word++) {
        driver_write(driver, MMIO_DRIVER_FEATURES_SEL, word);
        driver_write(driver, MMIO_DRIVER_FEATURES, (uint32_t)(features >> (32 * word)));
    }
    driver_write(driver, MMIO_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK);
    assert_int_equal(driver_read(driver, MMIO_STATUS), 3 | VIRTIO_STATUS_FEATURES_OK);
    for (unsigned i = 0; i < queue_count; i++)
        set_up_queue(driver, i);
}

void driver_start(struct driver *driver, uint64_t features, unsigned queue_count)
{
    driver_negotiate(driver, features, queue_count);
    driver_write(driver, MMIO_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
}

static void fill_table(struct driver_descriptor *table, unsigned size, unsigned first,
                       const struct driver_buffer *buffers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct driver_descriptor *descriptor = &table[(first + i) % size];
        descriptor->address = buffers[i].address;
        descriptor->length = buffers[i].length;
        descriptor->flags = (buffers[i].device_writes ? D_WRITE : 0) | (i + 1 < count ? D_NEXT : 0);
        descriptor->next = (first + i + 1) % size;
    }
}

void driver_offer(struct driver *driver, unsigned queue, uint16_t head)
{
    struct driver_available *available = driver->queues[queue].available;
    available->ring[available->index % DRIVER_QUEUE_SIZE] = head;
    available->index++;
}

uint16_t driver_add(struct driver *driver, unsigned queue, const struct driver_buffer *buffers,
                    unsigned count)
{
    struct driver_queue *q = &driver->queues[queue];
    uint16_t head = q->free;
    fill_table(q->descriptors, DRIVER_QUEUE_SIZE, head, buffers, count);
    q->free = (q->free + count) % DRIVER_QUEUE_SIZE;
    driver_offer(driver, queue, head);
    return head;
}

uint16_t driver_add_indirect(struct driver *driver, unsigned queue, const struct driver_buffer *buffers,
                             unsigned count)
{
    struct driver_queue *q = &driver->queues[queue];
    uint64_t table = driver_alloc(driver, count * sizeof(struct driver_descriptor));
    uint16_t head = q->free;
    fill_table(driver_ram(driver, table), count, 0, buffers, count);
    q->descriptors[head] =
        (struct driver_descriptor){table, count * sizeof(struct driver_descriptor), D_INDIRECT, 0};
    q->free = (q->free + 1) % DRIVER_QUEUE_SIZE;
    driver_offer(driver, queue, head);
    return head;
}

void driver_kick(struct driver *driver, unsigned queue)
{
    driver_write(driver, MMIO_QUEUE_NOTIFY, queue);
}

bool driver_used(struct driver *driver, unsigned queue, uint16_t *head, uint32_t *length)
{
    struct driver_queue *q = &driver->queues[queue];
    if (q->used->index == q->seen)
        return false;
    *head = q->used->ring[q->seen % DRIVER_QUEUE_SIZE].id;
    *length = q->used->ring[q->seen % DRIVER_QUEUE_SIZE].length;
    q->seen++;
    return true;
}

bool driver_advance(struct driver *driver)
{
    uint64_t next = clock_next_ns(&driver->clock);
    if (next == CLOCK_NEVER)
        return false;
    if (next > driver->clock.now_ns)
        driver->clock.now_ns = next;
    clock_fire_due(&driver->clock);
    return true;
}

bool driver_needs_reset(struct driver *driver)
{
    return driver_read(driver, MMIO_STATUS) & VIRTIO_STATUS_NEEDS_RESET;
}
