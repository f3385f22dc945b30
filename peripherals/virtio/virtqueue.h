/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Split virtqueues (virtio 1.2, section 2.7), the device's side, over guest RAM.
 *
 * The rings lie in guest RAM and are hostile until read and checked. Whatever breaks a rule of the
 * specification gives VIRTQ_BROKEN; the device then asks to be reset. Descriptor chains are copied out before
 * they are checked. */
#ifndef ARMATURE_VIRTQUEUE_H
#define ARMATURE_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include "machine/contract/bus.h"
#include "machine/contract/fields.h"

/** The longest queue offered, and with it the longest chain (2.7.5.3.1: no longer than the queue). */
#define VIRTQ_SIZE_MAX 256

/** A piece of guest RAM that a descriptor names. Checked: `length` > 0 and the whole of it is RAM. */
struct virtq_segment {
    uint64_t address;
    uint32_t length; /* bytes */
};

/** One request: a chain of descriptors, those that the device reads before those that it writes. */
struct virtq_chain {
    uint16_t head;           /* descriptor index by which the request is known in the used ring */
    unsigned readable_count; /* segments[0 .. readable_count - 1] are the driver's to the device */
    unsigned segment_count;  /* the rest, up to segment_count - 1, the device writes */
    uint64_t readable_bytes, writable_bytes;
    struct virtq_segment segments[VIRTQ_SIZE_MAX];
};

/** Which part of a chain. */
enum virtq_direction { VIRTQ_READABLE, VIRTQ_WRITABLE };

enum virtq_result { VIRTQ_EMPTY, VIRTQ_CHAIN, VIRTQ_BROKEN };

/** The state of one queue. */
struct virtqueue {
    struct bus *bus;
    const char *fault;       /* which rule the driver broke, for people; NULL while none */
    uint16_t size_max;       /* entries; 0: there is no such queue */
    uint16_t size;           /* entries that the driver chose, a power of two */
    bool ready;              /* the driver has enabled it */
    bool event_index;        /* VIRTIO_F_EVENT_IDX negotiated */
    bool indirect;           /* VIRTIO_F_INDIRECT_DESC negotiated */
    uint64_t descriptors;    /* guest physical addresses of the three areas */
    uint64_t driver_area;    /* available ring */
    uint64_t device_area;    /* used ring */
    uint16_t next_available; /* free-running index of the next available entry to take */
    uint16_t next_used;      /* free-running index of the next used entry to write */
    uint16_t signalled_used; /* next_used when the interrupt was last considered */
};

extern const struct fields virtqueue_fields;

/** Makes a queue of up to `size_max` (at most VIRTQ_SIZE_MAX, a power of two) entries, not enabled. */
void virtqueue_init(struct virtqueue *queue, struct bus *bus, uint16_t size_max);

/** Back to what virtqueue_init() left. */
void virtqueue_reset(struct virtqueue *queue);

/** Enables the queue. False where size or addresses break the specification (alignment, 2.7; all areas in
 * RAM). */
bool virtqueue_enable(struct virtqueue *queue);

/** Takes the next available chain off the ring. On VIRTQ_EMPTY the driver has been asked to notify of the
 * next. */
enum virtq_result virtqueue_pop(struct virtqueue *queue, struct virtq_chain *chain);

/** Puts the last `count` chains popped back, as if they had not been taken. */
void virtqueue_unpop(struct virtqueue *queue, unsigned count);

/** The chain that virtqueue_pop() would take, left on the ring. Nothing changes, in guest RAM either. */
enum virtq_result virtqueue_peek(struct virtqueue *queue, struct virtq_chain *chain);

/** Reads again the chain that starts at descriptor `head` (a request in flight). False: it breaks a rule. */
bool virtqueue_walk(struct virtqueue *queue, uint16_t head, struct virtq_chain *chain);

/** Hands a chain back to the driver, `written` bytes of its writable part having been written from its start.
 *  Not visible to the driver before virtqueue_publish(). False: the used ring is not in RAM any more. */
bool virtqueue_put(struct virtqueue *queue, uint16_t head, uint32_t written);

/** Shows the driver every chain put since the last call. */
bool virtqueue_publish(struct virtqueue *queue);

/** Whether the driver wants an interrupt for what was published since this was last asked (2.7.7, 2.7.10). */
bool virtqueue_wants_interrupt(struct virtqueue *queue);

/** Copies from the readable part, beginning `offset` bytes into it; returns how many bytes there were, at
 * most `length`. */
size_t virtq_read(struct bus *bus, const struct virtq_chain *chain, uint64_t offset, void *to, size_t length);

/** Copies to the writable part, beginning `offset` bytes into it; returns how many bytes there was room for.
 */
size_t virtq_write(struct bus *bus, const struct virtq_chain *chain, uint64_t offset, const void *from,
                   size_t length);

/** Fills `iov` (room for VIRTQ_SIZE_MAX) with the host addresses of `length` bytes of one part, beginning
 * `offset` bytes into it, to be used before the machine runs on. Returns the number of entries, -1 where the
 * part is shorter. */
int virtq_iovec(struct bus *bus, const struct virtq_chain *chain, enum virtq_direction direction,
                uint64_t offset, uint64_t length, struct iovec *iov);

#endif
