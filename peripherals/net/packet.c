/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packets: taken apart, summed, cut up, joined. */
#include "peripherals/net/packet.h"
#include <string.h>

enum { ETHERNET_BYTES = 14, TAG_BYTES = 4, IPV6_BYTES = 40, TCP_BYTES = 20, TCP = 6, UDP = 17 };
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100 };
enum { TCP_FIN = 1, TCP_PSH = 8, TCP_ACK = 16, TCP_CWR = 128 };
enum { TCP_SEQUENCE = 4, TCP_OFFSET = 12, TCP_FLAGS = 13, TCP_CHECKSUM = 16 };

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

/* --- taking apart ---------------------------------------------------------------------------------- */

int net_vlan(const uint8_t *frame, size_t length)
{
    if (length < ETHERNET_BYTES + TAG_BYTES || get16(frame + 12) != TYPE_VLAN)
        return -1;
    return (int)(get16(frame + 14) & 0xfff);
}

/* Finds the packet in the frame, and what it carries. False: neither IPv4 nor IPv6, or cut short, or a fragment, or
 * with extension headers. */
static bool find_transport(const uint8_t *frame, size_t length, struct net_packet *packet, unsigned *protocol)
{
    unsigned network = net_vlan(frame, length) >= 0 ? ETHERNET_BYTES + TAG_BYTES : ETHERNET_BYTES, bytes;
    if (length < network + 20)
        return false;
    const uint8_t *ip = frame + network;
    unsigned type = get16(ip - 2);
    *packet = (struct net_packet){.network = network, .ipv6 = type == TYPE_IPV6};
    if (type == TYPE_IPV4) {
        unsigned header = 4u * (ip[0] & 15);
        bytes = get16(ip + 2);
        *protocol = ip[9];
        packet->transport = network + header;
        if (ip[0] >> 4 != 4 || header < 20 || bytes < header || (get16(ip + 6) & 0x3fff))
            return false;
    } else if (type == TYPE_IPV6 && length >= network + IPV6_BYTES) {
        bytes = IPV6_BYTES + get16(ip + 4);
        *protocol = ip[6];
        packet->transport = network + IPV6_BYTES;
    } else {
        return false;
    }
    packet->end = network + bytes;
    return packet->end <= length;
}

bool net_packet_parse(const uint8_t *frame, size_t length, struct net_packet *packet)
{
    unsigned protocol;
    if (!find_transport(frame, length, packet, &protocol) || protocol != TCP ||
        packet->end - packet->transport < TCP_BYTES)
        return false;
    unsigned header = 4u * (frame[packet->transport + TCP_OFFSET] >> 4);
    packet->payload = packet->transport + header;
    return header >= TCP_BYTES && packet->payload <= packet->end;
}

uint32_t net_flow(const uint8_t *frame, size_t length)
{
    struct net_packet packet;
    unsigned protocol;
    if (!find_transport(frame, length, &packet, &protocol) || (protocol != TCP && protocol != UDP) ||
        packet.end - packet.transport < 4)
        return 0;
    const uint8_t *addresses = frame + packet.network + (packet.ipv6 ? 8 : 12);
    uint32_t sum = protocol + get16(frame + packet.transport) + get16(frame + packet.transport + 2);
    for (unsigned i = 0; i < (packet.ipv6 ? 32 : 8); i += 4)
        sum += get32(addresses + i) * 0x9e3779b1u;
    sum = (sum ^ sum >> 15) * 0x85ebca6bu;
    return sum ^ sum >> 13;
}

/* --- checksums ------------------------------------------------------------------------------------- */

static uint32_t sum_bytes(const uint8_t *bytes, size_t length, uint32_t sum)
{
    uint64_t wide = sum;
    for (; length >= 8; bytes += 8, length -= 8)
        wide += (uint64_t)get32(bytes) + get32(bytes + 4);
    for (; length >= 2; bytes += 2, length -= 2)
        wide += get16(bytes);
    if (length)
        wide += (uint32_t)bytes[0] << 8;
    while (wide >> 16)
        wide = (wide & 0xffff) + (wide >> 16);
    return (uint32_t)wide;
}

void net_finish_checksum(uint8_t *frame, size_t length, size_t start, size_t offset)
{
    if (start >= length || start + offset + 2 > length)
        return;
    uint32_t sum = ~sum_bytes(frame + start, length - start, 0) & 0xffff;
    /* To UDP, 0 says that there is none; the two are equal as numbers. */
    put16(frame + start + offset, sum ? sum : 0xffff);
}

void net_pseudo_checksum(uint8_t *frame, const struct net_packet *packet)
{
    const uint8_t *addresses = frame + packet->network + (packet->ipv6 ? 8 : 12);
    uint32_t sum = sum_bytes(addresses, packet->ipv6 ? 32 : 8, TCP + (packet->end - packet->transport));
    put16(frame + packet->transport + TCP_CHECKSUM, sum);
}

/* The packet's length, its number and checksum (IPv4). */
static void finish_network(uint8_t *frame, const struct net_packet *packet, unsigned identification)
{
    uint8_t *ip = frame + packet->network;
    if (packet->ipv6) {
        put16(ip + 4, packet->end - packet->transport);
        return;
    }
    put16(ip + 2, packet->end - packet->network);
    put16(ip + 4, identification);
    put16(ip + 10, 0);
    put16(ip + 10, ~sum_bytes(ip, packet->transport - packet->network, 0) & 0xffff);
}

/* --- cutting up ------------------------------------------------------------------------------------ */

bool net_segment(const uint8_t *frame, size_t length, unsigned size,
                 void (*emit)(void *context, const uint8_t *frame, size_t length), void *context)
{
    struct net_packet packet;
    uint8_t segment[NET_FRAME_MAX_BYTES];
    if (!net_packet_parse(frame, length, &packet) || size < NET_SEGMENT_MIN || size > sizeof segment - packet.payload)
        return false;
    uint32_t sequence = get32(frame + packet.transport + TCP_SEQUENCE);
    unsigned first = packet.ipv6 ? 0 : get16(frame + packet.network + 4), flags = frame[packet.transport + TCP_FLAGS];
    unsigned at = packet.payload, number = 0;
    do {
        unsigned bytes = packet.end - at < size ? packet.end - at : size, not_here = 0;
        struct net_packet piece = packet;
        piece.end = packet.payload + bytes;
        memcpy(segment, frame, packet.payload);
        memcpy(segment + packet.payload, frame + at, bytes);
        if (number > 0)
            not_here |= TCP_CWR; /* RFC 3168, 6.1.2: said once */
        if (at + bytes < packet.end)
            not_here |= TCP_FIN | TCP_PSH;
        finish_network(segment, &piece, first + number++);
        put32(segment + packet.transport + TCP_SEQUENCE, sequence + (at - packet.payload));
        segment[packet.transport + TCP_FLAGS] = (uint8_t)(flags & ~not_here);
        net_pseudo_checksum(segment, &piece);
        net_finish_checksum(segment, piece.end, packet.transport, TCP_CHECKSUM);
        emit(context, segment, piece.end);
        at += bytes;
    } while (at < packet.end);
    return true;
}

/* --- joining --------------------------------------------------------------------------------------- */

/* Whether the headers of `next` are those of what is held, one further. What lengths, numbers and sums say is made
 * anew; a flag but PSH ends what can be joined. */
static bool continues(const struct net_join *join, const uint8_t *next, const struct net_packet *packet)
{
    const struct net_packet *held = &join->packet;
    const uint8_t *ip = join->frame + held->network, *next_ip = next + held->network;
    const uint8_t *tcp = join->frame + held->transport, *next_tcp = next + held->transport;
    unsigned address = held->ipv6 ? 6 : 8; /* what stands before it: class, length, number, fragment */
    if (packet->network != held->network || packet->transport != held->transport || packet->payload != held->payload ||
        packet->ipv6 != held->ipv6)
        return false;
    return !memcmp(join->frame, next, held->network) && ip[0] == next_ip[0] && ip[1] == next_ip[1] &&
           !memcmp(ip + address, next_ip + address, 2) &&
           !memcmp(ip + (held->ipv6 ? 8 : 12), next_ip + (held->ipv6 ? 8 : 12),
                   held->transport - held->network - (held->ipv6 ? 8 : 12)) &&
           !memcmp(tcp, next_tcp, 4) && !memcmp(tcp + 8, next_tcp + 8, 5) && !memcmp(tcp + 14, next_tcp + 14, 2) &&
           !memcmp(tcp + 18, next_tcp + 18, held->payload - held->transport - 18) &&
           get32(next_tcp + TCP_SEQUENCE) == get32(tcp + TCP_SEQUENCE) + (held->end - held->payload);
}

/* Whether more may be joined to a frame at all: data, and no flag but ACK, and no network that marks congestion. */
static bool joinable(const uint8_t *frame, const struct net_packet *packet)
{
    return packet->end - packet->payload >= NET_SEGMENT_MIN &&
           (frame[packet->transport + TCP_FLAGS] & ~TCP_PSH) == TCP_ACK &&
           !(frame[packet->transport + TCP_OFFSET] & 15);
}

void net_join_flush(struct net_join *join)
{
    unsigned count = join->count;
    join->count = 0;
    if (count == 0)
        return;
    if (count == 1) {
        join->emit(join->context, join->frame, join->length, 0);
        return;
    }
    unsigned number = join->packet.ipv6 ? 0 : get16(join->frame + join->packet.network + 4);
    finish_network(join->frame, &join->packet, number);
    net_pseudo_checksum(join->frame, &join->packet);
    join->emit(join->context, join->frame, join->length, join->size);
}

void net_join_add(struct net_join *join, const uint8_t *frame, size_t length)
{
    struct net_packet packet;
    bool good = net_packet_parse(frame, length, &packet) && joinable(frame, &packet);
    unsigned bytes = good ? packet.end - packet.payload : 0;
    if (join->count && (!good || bytes > join->size || join->packet.end - join->packet.network + bytes > 65535 ||
                        !continues(join, frame, &packet)))
        net_join_flush(join);
    if (!good) {
        join->emit(join->context, frame, length, 0);
        return;
    }
    if (join->count++ == 0) {
        join->packet = packet;
        join->size = bytes;
        join->length = length;
        memcpy(join->frame, frame, length);
    } else {
        memcpy(join->frame + join->packet.end, frame + packet.payload, bytes);
        join->packet.end += bytes;
        join->length = join->packet.end;
    }
    bool pushed = frame[packet.transport + TCP_FLAGS] & TCP_PSH;
    join->frame[join->packet.transport + TCP_FLAGS] |= pushed ? TCP_PSH : 0;
    if (bytes < join->size || pushed)
        net_join_flush(join);
}
