/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is behind a shared folder's device: the contract between the device, which is the machine's, and the server,
 * which is the host's.
 *
 * The server answers each request by exactly one input, and nothing of the host reaches the machine but by it. What a
 * snapshot must know of the server's state stands in the answers too, as records that the device only strings together,
 * its journal: so the journal is a function of the inputs, in a replay as in the recorded run. An answer is
 *
 *     length of the records, records, reply        (the length is of 4 bytes, little-endian)
 */
#ifndef ARMATURE_SHARE_H
#define ARMATURE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/input.h"

/** The longest request and reply. */
#define SHARE_MESSAGE_MAX (512u << 10)
/** The longest records of one answer. */
#define SHARE_RECORDS_MAX (64u << 10)
#define SHARE_TAG_MAX     32u

struct share_server;

struct share_server_ops {
    /* From now on answers go to input_post(inputs, source, ...). */
    void (*attach)(struct share_server *server, struct inputs *inputs, unsigned source);
    /* Answers a request of up to SHARE_MESSAGE_MAX bytes by a reply of up to `room` bytes. */
    void (*serve)(struct share_server *server, const uint8_t *request, size_t length, size_t room);
    /* The guest forgot all it had. */
    void (*reset)(struct share_server *server);
    /* The journal of a snapshot: all that the guest has. `more` tells of records that arrive later by answers that
     * waited. */
    void (*restored)(struct share_server *server, const uint8_t *journal, size_t length);
    void (*more)(struct share_server *server, const uint8_t *records, size_t length);
    void (*free)(struct share_server *server);
};

/** The host's end; servers embed it. */
struct share_server {
    const struct share_server_ops *ops;
    /* A journal of what counts of another, allocated by malloc(): a function of the other alone. */
    uint8_t *(*compact)(const uint8_t *journal, size_t length, size_t *new_length);
    /* Whether bytes are records at all. */
    bool (*valid)(const uint8_t *records, size_t length);
};

static inline void share_server_free(struct share_server *server)
{
    if (server)
        server->ops->free(server);
}

#endif
