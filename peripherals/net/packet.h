/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What network devices and their backends know of packets: where a TCP packet's parts lie, how its checksums are made,
 * how one that is too large is cut up, how several become one.
 *
 * A *big* packet is a TCP packet over IPv4 or IPv6 of up to NET_BIG_MAX_BYTES, to be cut into segments of a size that
 * goes with it. Frames come from guests and from outside; nothing in them is believed before it is looked at. */
#ifndef ARMATURE_NET_PACKET_H
#define ARMATURE_NET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_FRAME_MAX_BYTES 1518 /* Ethernet header, a VLAN tag, MTU; no checksum at the end */
#define NET_BIG_MAX_BYTES (18 + 65535) /* an Ethernet header with a VLAN tag, and the longest packet */
#define NET_SEGMENT_MIN   48u          /* bytes that a segment carries at least: smaller ones are no use but harm */

/** Where the parts of a TCP packet begin in its frame. */
struct net_packet {
    unsigned network, transport, payload, end; /* `end`: behind the payload; padding may follow */
    bool ipv6;
};

/** Takes a frame apart. False: it is no TCP packet, or a fragment of one, or not whole. */
bool net_packet_parse(const uint8_t *frame, size_t length, struct net_packet *packet);

/** The VLAN that a frame's tag says, 0 to 4095; -1: it has no tag. */
int net_vlan(const uint8_t *frame, size_t length);

/** A number that is the same for all frames of a connection, in both directions (TCP and UDP); 0 for other frames. */
uint32_t net_flow(const uint8_t *frame, size_t length);

/** Puts the ones' complement sum from `start` to the frame's end at `start + offset`, where the pseudo-header's sum
 *  stands (virtio 1.2, section 5.1.6.2.1). Does nothing where that is not within the frame. */
void net_finish_checksum(uint8_t *frame, size_t length, size_t start, size_t offset);

/** Puts the sum of the pseudo-header into the checksum field, as net_finish_checksum() expects it. */
void net_pseudo_checksum(uint8_t *frame, const struct net_packet *packet);

/** Cuts a big packet into frames of `size` bytes each, with lengths, numbers and checksums of their own. `emit` gets
 *  each in order. False: it is no TCP packet, or `size` is none (below NET_SEGMENT_MIN, or more than a frame holds). */
bool net_segment(const uint8_t *frame, size_t length, unsigned size,
                 void (*emit)(void *context, const uint8_t *frame, size_t length), void *context);

/** Makes big packets of frames of one connection that follow each other. Zeroed with `emit` set it is empty. */
struct net_join {
    /* Takes what was joined (`size` > 0: a big packet of such segments, its checksum field having the pseudo-header's
     * sum), or one frame as it came (`size` 0). */
    void (*emit)(void *context, const uint8_t *frame, size_t length, unsigned size);
    void *context;
    struct net_packet packet;
    unsigned count, size; /* frames that are held, and what each but the last carries */
    size_t length;
    uint8_t frame[NET_BIG_MAX_BYTES];
};

/** Takes the next frame, of at most NET_FRAME_MAX_BYTES; holds it where more may be joined to it. */
void net_join_add(struct net_join *join, const uint8_t *frame, size_t length);

/** Emits what is held. */
void net_join_flush(struct net_join *join);

#endif
