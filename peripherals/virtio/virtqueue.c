/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Split virtqueues (virtio 1.2, section 2.7), the device's side, over guest RAM.
 *
 * Layout in RAM: descriptor table of 16-byte entries; available ring {flags, idx, ring[size], used_event};
 * used ring {flags, idx, {id, len}[size], avail_event}. Indices run freely and wrap at 65536. */
#include "peripherals/virtio/virtqueue.h"

#include <assert.h>
#include <string.h>

/* --- state --- */

static const struct field virtqueue_list[] = {
    FIELD_HOST(struct virtqueue, bus),       FIELD_HOST(struct virtqueue, fault),
    FIELD_HOST(struct virtqueue, size_max),  FIELD(struct virtqueue, size),
    FIELD(struct virtqueue, ready),          FIELD(struct virtqueue, event_index),
    FIELD(struct virtqueue, indirect),       FIELD(struct virtqueue, descriptors),
    FIELD(struct virtqueue, driver_area),    FIELD(struct virtqueue, device_area),
    FIELD(struct virtqueue, next_available), FIELD(struct virtqueue, next_used),
    FIELD(struct virtqueue, signalled_used), FIELDS_END,
};

const struct fields virtqueue_fields = {"virtqueue", sizeof(struct virtqueue), virtqueue_list};

/* --- the rings' layout --- */

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, DESCRIPTOR_INDIRECT = 4 };
enum { AVAILABLE_NO_INTERRUPT = 1 };

struct used_element {
    uint32_t id, length;
};

#define RING_INDEX   2 /* offset of `idx` in both rings */
#define RING_ENTRIES 4

static uint64_t used_event_address(const struct virtqueue *queue)
{
    return queue->driver_area + RING_ENTRIES + 2ull * queue->size;
}

static uint64_t available_event_address(const struct virtqueue *queue)
{
    return queue->device_area + RING_ENTRIES + sizeof(struct used_element) * queue->size;
}

static bool broken(struct virtqueue *queue, const char *fault)
{
    queue->fault = fault;
    return false;
}

/* Ring indices are exchanged with a driver that may run on another host thread: loads acquire, stores
 * release. */
static bool load_u16(struct virtqueue *queue, uint64_t address, uint16_t *value)
{
    const uint16_t *host = (const uint16_t *)ram_at(&queue->bus->ram, address, 2);
    if (!host || (address & 1))
        return broken(queue, "ring outside RAM");
    *value = __atomic_load_n(host, __ATOMIC_ACQUIRE);
    return true;
}

static bool store_u16(struct virtqueue *queue, uint64_t address, uint16_t value)
{
    uint16_t *host = (address & 1) ? NULL : (uint16_t *)bus_dma_writable(queue->bus, address, 2);
    if (!host)
        return broken(queue, "ring outside RAM");
    __atomic_store_n(host, value, __ATOMIC_SEQ_CST);
    return true;
}

/* --- set-up --- */

void virtqueue_init(struct virtqueue *queue, struct bus *bus, uint16_t size_max)
{
    assert(size_max <= VIRTQ_SIZE_MAX && (size_max & (size_max - 1)) == 0);
    *queue = (struct virtqueue){.bus = bus, .size_max = size_max, .size = size_max};
}

void virtqueue_reset(struct virtqueue *queue)
{
    virtqueue_init(queue, queue->bus, queue->size_max);
}

bool virtqueue_enable(struct virtqueue *queue)
{
    const struct ram *ram = &queue->bus->ram;
    uint64_t size = queue->size;

    queue->ready = false;
    if (size == 0 || size > queue->size_max || (size & (size - 1)))
        return broken(queue, "queue size");
    if ((queue->descriptors & 15) || (queue->driver_area & 1) || (queue->device_area & 3))
        return broken(queue, "misaligned queue area");
    if (!ram_at(ram, queue->descriptors, sizeof(struct descriptor) * size) ||
        !ram_at(ram, queue->driver_area, RING_ENTRIES + 2 * size + 2) ||
        !ram_at(ram, queue->device_area, RING_ENTRIES + sizeof(struct used_element) * size + 2))
        return broken(queue, "queue area outside RAM");
    queue->ready = true;
    return true;
}

/* --- chains --- */

static bool add_segment(struct virtqueue *queue, struct virtq_chain *chain,
                        const struct descriptor *descriptor)
{
    if (descriptor->length == 0)
        return broken(queue, "descriptor of length zero");
    if (!ram_at(&queue->bus->ram, descriptor->address, descriptor->length))
        return broken(queue, "descriptor outside RAM");
    /* This also ends every loop. */
    if (chain->segment_count == VIRTQ_SIZE_MAX)
        return broken(queue, "descriptor chain too long");
    if (descriptor->flags & DESCRIPTOR_WRITE) {
        chain->writable_bytes += descriptor->length;
    } else {
        if (chain->readable_count != chain->segment_count)
            return broken(queue, "readable descriptor after a writable one");
        chain->readable_bytes += descriptor->length;
        chain->readable_count++;
    }
    if (chain->readable_bytes + chain->writable_bytes > 1ull << 32)
        return broken(queue, "descriptor chain over 4 GiB");
    chain->segments[chain->segment_count++] =
        (struct virtq_segment){.address = descriptor->address, .length = descriptor->length};
    return true;
}

bool virtqueue_walk(struct virtqueue *queue, uint16_t head, struct virtq_chain *chain)
{
    uint64_t table = queue->descriptors;
    uint32_t entries = queue->size, index = head;
    bool in_indirect = false;

    chain->head = head;
    chain->readable_count = chain->segment_count = 0;
    chain->readable_bytes = chain->writable_bytes = 0;
    for (;;) {
        struct descriptor descriptor;
        if (index >= entries)
            return broken(queue, "descriptor index out of range");
        if (!bus_dma_read(queue->bus, table + index * sizeof descriptor, &descriptor, sizeof descriptor))
            return broken(queue, "descriptor table outside RAM");
        if (descriptor.flags & DESCRIPTOR_INDIRECT) {
            /* 2.7.5.3: never nested, nothing follows it; ordinary descriptors may come before it. */
            if (!queue->indirect || in_indirect || (descriptor.flags & DESCRIPTOR_NEXT))
                return broken(queue, "indirect descriptor where none may be");
            if (descriptor.length == 0 || descriptor.length % sizeof descriptor)
                return broken(queue, "length of an indirect table");
            table = descriptor.address;
            entries = descriptor.length / sizeof descriptor;
            index = 0;
            in_indirect = true;
            continue;
        }
        if (!add_segment(queue, chain, &descriptor))
            return false;
        if (!(descriptor.flags & DESCRIPTOR_NEXT))
            return true;
        index = descriptor.next;
    }
}

/* --- the available ring --- */

/* Whether a chain waits. With `ask`, when none does, the driver is asked to notify of the next. */
static enum virtq_result look(struct virtqueue *queue, bool ask)
{
    uint16_t index;
    if (!queue->ready || !load_u16(queue, queue->driver_area + RING_INDEX, &index))
        return VIRTQ_BROKEN;
    if (index == queue->next_available) {
        if (!ask || !queue->event_index)
            return VIRTQ_EMPTY;
        if (!store_u16(queue, available_event_address(queue), queue->next_available) ||
            !load_u16(queue, queue->driver_area + RING_INDEX, &index))
            return VIRTQ_BROKEN;
        if (index == queue->next_available)
            return VIRTQ_EMPTY;
    }
    if ((uint16_t)(index - queue->next_available) > queue->size) {
        broken(queue, "more chains available than the queue has entries");
        return VIRTQ_BROKEN;
    }
    return VIRTQ_CHAIN;
}

static enum virtq_result first_chain(struct virtqueue *queue, struct virtq_chain *chain)
{
    uint64_t entry = queue->driver_area + RING_ENTRIES + 2ull * (queue->next_available % queue->size);
    uint16_t head;
    return load_u16(queue, entry, &head) && virtqueue_walk(queue, head, chain) ? VIRTQ_CHAIN : VIRTQ_BROKEN;
}

enum virtq_result virtqueue_peek(struct virtqueue *queue, struct virtq_chain *chain)
{
    enum virtq_result result = look(queue, false);
    return result == VIRTQ_CHAIN ? first_chain(queue, chain) : result;
}

enum virtq_result virtqueue_pop(struct virtqueue *queue, struct virtq_chain *chain)
{
    enum virtq_result result = look(queue, true);
    if (result == VIRTQ_CHAIN)
        result = first_chain(queue, chain);
    if (result == VIRTQ_CHAIN)
        queue->next_available++;
    return result;
}

void virtqueue_unpop(struct virtqueue *queue, unsigned count)
{
    queue->next_available -= count;
}

/* --- the used ring --- */

bool virtqueue_put(struct virtqueue *queue, uint16_t head, uint32_t written)
{
    struct used_element element = {.id = head, .length = written};
    uint64_t slot = queue->next_used % queue->size;

    if (!bus_dma_write(queue->bus, queue->device_area + RING_ENTRIES + slot * sizeof element, &element,
                       sizeof element))
        return broken(queue, "ring outside RAM");
    queue->next_used++;
    return true;
}

bool virtqueue_publish(struct virtqueue *queue)
{
    return store_u16(queue, queue->device_area + RING_INDEX, queue->next_used);
}

bool virtqueue_wants_interrupt(struct virtqueue *queue)
{
    uint16_t before = queue->signalled_used, event;

    if (queue->next_used == before)
        return false;
    queue->signalled_used = queue->next_used;
    if (queue->event_index) {
        /* 2.7.10: used_event is one of the entries just published. */
        if (!load_u16(queue, used_event_address(queue), &event))
            return false;
        return (uint16_t)(queue->next_used - event - 1) < (uint16_t)(queue->next_used - before);
    }
    if (!load_u16(queue, queue->driver_area, &event))
        return false;
    return !(event & AVAILABLE_NO_INTERRUPT);
}

/* --- the data of a chain --- */

static bool part_next(const struct virtq_chain *chain, unsigned *index, unsigned end, uint64_t *offset)
{
    while (*index < end && *offset >= chain->segments[*index].length)
        *offset -= chain->segments[(*index)++].length;
    return *index < end;
}

size_t virtq_read(struct bus *bus, const struct virtq_chain *chain, uint64_t offset, void *to, size_t length)
{
    unsigned index = 0;
    size_t done = 0;

    while (done < length && part_next(chain, &index, chain->readable_count, &offset)) {
        size_t piece = chain->segments[index].length - offset;
        if (piece > length - done)
            piece = length - done;
        bus_dma_read(bus, chain->segments[index].address + offset, (uint8_t *)to + done, piece);
        done += piece;
        offset += piece;
    }
    return done;
}

size_t virtq_write(struct bus *bus, const struct virtq_chain *chain, uint64_t offset, const void *from,
                   size_t length)
{
    unsigned index = chain->readable_count;
    size_t done = 0;

    while (done < length && part_next(chain, &index, chain->segment_count, &offset)) {
        size_t piece = chain->segments[index].length - offset;
        if (piece > length - done)
            piece = length - done;
        bus_dma_write(bus, chain->segments[index].address + offset, (const uint8_t *)from + done, piece);
        done += piece;
        offset += piece;
    }
    return done;
}

int virtq_iovec(struct bus *bus, const struct virtq_chain *chain, enum virtq_direction direction,
                uint64_t offset, uint64_t length, struct iovec *iov)
{
    unsigned index = direction == VIRTQ_READABLE ? 0 : chain->readable_count;
    unsigned end = direction == VIRTQ_READABLE ? chain->readable_count : chain->segment_count;
    int count = 0;

    while (length && part_next(chain, &index, end, &offset)) {
        uint64_t piece = chain->segments[index].length - offset;
        uint64_t address = chain->segments[index].address + offset;
        if (piece > length)
            piece = length;
        iov[count].iov_base = direction == VIRTQ_READABLE ? ram_at(&bus->ram, address, piece)
                                                          : bus_dma_writable(bus, address, piece);
        iov[count++].iov_len = piece;
        length -= piece;
        offset += piece;
    }
    return length ? -1 : count;
}
