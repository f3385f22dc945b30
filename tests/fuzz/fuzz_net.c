/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets: what is cut up is whole again when it is joined, and nothing is read or written outside of a frame. */
#include <stdlib.h>
#include <string.h>
#include "peripherals/net/net.h"
#include "tests/fuzz/feed.h"

struct cut {
    struct net_join *join;
    size_t payload;
    struct net_packet packet;
};

static void on_segment(void *context, const uint8_t *frame, size_t length)
{
    struct cut *cut = context;
    struct net_packet packet;
    check(length <= NET_FRAME_MAX_BYTES && net_packet_parse(frame, length, &packet) && packet.end == length,
          "a segment that is none");
    check(packet.payload == cut->packet.payload && packet.ipv6 == cut->packet.ipv6,
          "a segment of something else");
    cut->payload += packet.end - packet.payload;
    net_join_add(cut->join, frame, length);
}

static void on_joined(void *context, const uint8_t *frame, size_t length, unsigned size)
{
    size_t *payload = context;
    struct net_packet packet;
    check(length <= NET_BIG_MAX_BYTES && (size == 0 || size >= NET_SEGMENT_MIN), "sizes that none has");
    if (net_packet_parse(frame, length, &packet))
        *payload += packet.end - packet.payload;
    else
        check(size == 0, "what was joined is no packet");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct net_join join;
    struct feed feed = {data, data + size};
    unsigned segment = (unsigned)take(&feed, 2) % 2000;
    bool repaired = take(&feed, 1) & 1;
    size_t length = (size_t)(feed.end - feed.at), joined = 0;
    uint8_t *frame = malloc(length + !length);
    struct cut cut = {.join = &join};

    memcpy(frame, feed.at, length);
    if (repaired && length >= 54) { /* near enough to TCP over IPv4 */
        memcpy(frame + 12, "\x08\0\x45\0", 4);
        frame[16] = (uint8_t)((length - 14) >> 8);
        frame[17] = (uint8_t)(length - 14);
        memcpy(frame + 20, "\0\0\x40\6", 4);
        frame[46] = 0x50;
    }
    memset(&join, 0, offsetof(struct net_join, frame));
    join.emit = on_joined;
    join.context = &joined;
    net_flow(frame, length);
    check(net_vlan(frame, length) < 4096, "no VLAN");
    net_finish_checksum(frame, length, segment, segment % 64);
    bool good = net_packet_parse(frame, length, &cut.packet);
    check(!good || (cut.packet.end <= length && cut.packet.payload <= cut.packet.end), "parts outside");
    bool done = net_segment(frame, length, segment, on_segment, &cut);
    check(!done || (good && cut.payload == cut.packet.end - cut.packet.payload), "not all was cut up");
    net_join_flush(&join);
    check(joined == cut.payload, "not all came out");
    /* And as frames that come from outside, twice. */
    for (unsigned i = 0; i < 2 && length && length <= NET_FRAME_MAX_BYTES; i++)
        net_join_add(&join, frame, length);
    net_join_flush(&join);
    free(frame);
    return 0;
}
