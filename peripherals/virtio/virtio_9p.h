/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The 9P transport device (virtio device ID 9): one queue of requests, each with room for its reply, to the server of a
 * shared folder. What the messages say is the server's affair. */
#ifndef ARMATURE_VIRTIO_9P_H
#define ARMATURE_VIRTIO_9P_H

#include "machine/contract/device.h"
#include "machine/contract/share.h"
#include "peripherals/virtio/virtio.h"

/** Requests that are with the server at a time. Their answers fit into what waits for the machine. */
#define VIRTIO_9P_IN_FLIGHT_MAX 16u

/** Configuration space: the tag by which the guest names the folder. */
struct virtio_9p_config {
    uint16_t tag_length;
    char tag[SHARE_TAG_MAX];
} __attribute__((packed));

struct virtio_9p {
    struct virtio_device virtio; /* what virtio_mmio_create() takes */
    struct share_server *server; /* is left as it is while the machine is in its past, inputs_past() */
    struct inputs *inputs;
    uint8_t *request; /* room for the one that is read */
    char source_name[24];
    struct virtio_9p_config config;
    uint16_t heads[VIRTIO_9P_IN_FLIGHT_MAX]; /* the requests that await their answers: a ring, oldest at `first` */
    uint32_t first, in_flight;
    uint64_t stale;       /* answers to come that belong to before a reset */
    uint64_t waited;      /* answers to come that a snapshot brought along */
    uint8_t *journal;     /* records, see machine/contract/share.h */
    size_t journal_bytes, journal_room;
    uint64_t compact_at_bytes; /* when the journal is shortened next */
};

extern const struct device_class virtio_9p_class;

/** Makes a device in front of `server`, which it owns from now on. `name` ("share0") names its input source; `tag` has
 *  1 to SHARE_TAG_MAX bytes. */
struct virtio_9p *virtio_9p_create(struct bus *bus, struct inputs *inputs, struct share_server *server,
                                   const char *name, const char *tag);

#endif
