/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is behind a socket device: the contract between virtio-vsock and what its connections lead to. The packets are
 * those of virtio 1.2, section 5.10.6. */
#ifndef ARMATURE_VSOCK_H
#define ARMATURE_VSOCK_H

#include <stdint.h>
#include "machine/contract/error.h"
#include "machine/contract/input.h"

#define VSOCK_HOST_CID          2u
#define VSOCK_PAYLOAD_MAX_BYTES 65536u

struct vsock_header {
    uint64_t source_cid, destination_cid;
    uint32_t source_port, destination_port, length;
    uint16_t type, operation;
    uint32_t flags, buffer_bytes, forwarded_bytes;
} __attribute__((packed));

#define VSOCK_PACKET_MAX_BYTES (sizeof(struct vsock_header) + VSOCK_PAYLOAD_MAX_BYTES)

enum { VSOCK_TYPE_STREAM = 1 };
enum vsock_operation {
    VSOCK_REQUEST = 1,
    VSOCK_RESPONSE = 2,
    VSOCK_RESET = 3,
    VSOCK_SHUTDOWN = 4,
    VSOCK_DATA = 5,
    VSOCK_CREDIT_UPDATE = 6,
    VSOCK_CREDIT_REQUEST = 7,
};
enum { VSOCK_SHUTDOWN_RECEIVE = 1, VSOCK_SHUTDOWN_SEND = 2 };

struct vsock_backend;

struct vsock_backend_ops {
    /* The guest sends a packet, of header->length bytes. */
    void (*send)(struct vsock_backend *backend, const struct vsock_header *header, const void *payload);
    /* From now on packets for the guest (header and payload) go to input_post(inputs, source, ...). */
    void (*attach)(struct vsock_backend *backend, struct inputs *inputs, unsigned source);
    void (*free)(struct vsock_backend *backend);
};

struct vsock_backend {
    const struct vsock_backend_ops *ops;
};

/** Listens at the Unix socket `path`: who connects there and says "CONNECT PORT\n" is connected to that port of the
 *  guest and told "OK PORT\n"; a connection of the guest to port N goes to the socket `path`_N. "": leads nowhere, as
 *  in a replay. NULL: the host could not. */
struct vsock_backend *vsock_unix_open(const char *path, uint32_t guest_cid, struct error *error);

#endif
