/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network device (virtio 1.2, section 5.1): pairs of queues and the control queue (virtio_net_control.c). */
#include "peripherals/virtio/virtio_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "peripherals/net/dump.h"
#include "peripherals/virtio/random.h"
#include "peripherals/virtio/virtio_net_internal.h"

/* --- state --- */

static const struct field table_list[] = {
    FIELD(struct virtio_net_table, count),
    FIELD(struct virtio_net_table, overflow),
    FIELD_BYTES(struct virtio_net_table, addresses),
    FIELDS_END,
};
static const struct fields table_fields = {"virtio_net_table", sizeof(struct virtio_net_table), table_list};

static const struct field virtio_net_list[] = {
    FIELD_STRUCT(struct virtio_net, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_net, backend),
    FIELD_HOST(struct virtio_net, inputs),
    FIELD_HOST(struct virtio_net, source_name),
    FIELD_HOST(struct virtio_net, burnt_in_mac),
    FIELD_BYTES(struct virtio_net, config),
    FIELD_ARRAY(struct virtio_net, modes),
    FIELD_STRUCT(struct virtio_net, unicast, &table_fields),
    FIELD_STRUCT(struct virtio_net, multicast, &table_fields),
    FIELD_BYTES(struct virtio_net, vlans),
    FIELD(struct virtio_net, pairs),
    FIELD_BYTES(struct virtio_net, flows),
    FIELD(struct virtio_net, offloads_off),
    FIELD_HOST(struct virtio_net, pairs_max),
    FIELD_HOST(struct virtio_net, link_source),
    FIELD_HOST(struct virtio_net, link_name),
    FIELD_HOST(struct virtio_net, dump),
    FIELD(struct virtio_net, dropped),
    FIELDS_END,
};
static const struct fields virtio_net_fields = {"virtio-net", sizeof(struct virtio_net), virtio_net_list};

/* --- tables --- */

/* 5.1.6 */
struct net_header {
    uint8_t flags, gso_type;
    uint16_t header_length, gso_size, checksum_start, checksum_offset, buffer_count;
};
enum { HEADER_NEEDS_CHECKSUM = 1, HEADER_DATA_VALID = 2 };
enum { GSO_NONE = 0, GSO_TCPV4 = 1, GSO_TCPV6 = 4, GSO_ECN = 0x80 };

#define TCP_CHECKSUM_AT 16

static unsigned queue_rx(unsigned pair)
{
    return 2 * pair;
}

static bool link_up(const struct virtio_net *net)
{
    return net->config.status & STATUS_LINK_UP;
}

/* --- from the guest --- */

static void send_on(void *context, const uint8_t *frame, size_t length)
{
    struct virtio_net *net = context;
    if (!inputs_past(net->inputs))
        net->backend->ops->send(net->backend, frame, length);
}

/* Into the file of what goes by. */
static void note(const struct virtio_net *net, const uint8_t *frame, size_t length)
{
    if (net->dump && !inputs_past(net->inputs))
        net_dump_frame(net->dump, frame, length);
}

/* A packet that the driver wants cut up. One that is no such packet is lost. */
static void send_big(struct virtio_net *net, const struct net_header *header, uint8_t *frame, size_t length)
{
    unsigned kind = header->gso_type & ~GSO_ECN;
    struct net_packet packet;
    if (!net_packet_parse(frame, length, &packet) || kind != (packet.ipv6 ? GSO_TCPV6 : GSO_TCPV4) ||
        !virtio_has(&net->virtio, packet.ipv6 ? FEATURE_HOST_TSO6 : FEATURE_HOST_TSO4) ||
        header->gso_size < NET_SEGMENT_MIN)
        return;
    note(net, frame, length);
    if (net->backend->takes_big) {
        net_pseudo_checksum(frame, &packet);
        net_finish_checksum(frame, packet.end, packet.transport, TCP_CHECKSUM_AT);
        send_on(net, frame, packet.end);
    } else {
        net_segment(frame, length, header->gso_size, send_on, net);
    }
}

/* 5.1.6.5.6.1: what comes in goes to the pair on which the driver sends for that connection. */
static void learn_flow(struct virtio_net *net, unsigned pair, const uint8_t *frame, size_t length)
{
    uint32_t flow = net->pairs > 1 ? net_flow(frame, length) : 0;
    if (flow)
        net->flows[flow % VIRTIO_NET_FLOWS] = (uint8_t)(pair + 1);
}

static void send_frame(struct virtio_net *net, unsigned pair, const struct virtq_chain *chain)
{
    struct net_header header;
    uint8_t frame[NET_BIG_MAX_BYTES];
    size_t length;

    if (chain->readable_bytes < sizeof header + NET_FRAME_MIN_BYTES ||
        chain->readable_bytes > sizeof header + sizeof frame || !link_up(net))
        return; /* what no cable would carry, or there is none */
    virtq_read(net->virtio.bus, chain, 0, &header, sizeof header);
    length = virtq_read(net->virtio.bus, chain, sizeof header, frame, sizeof frame);
    learn_flow(net, pair, frame, length);
    if (header.gso_type != GSO_NONE) {
        send_big(net, &header, frame, length);
        return;
    }
    if (length > NET_FRAME_MAX_BYTES)
        return;
    if ((header.flags & HEADER_NEEDS_CHECKSUM) && virtio_has(&net->virtio, FEATURE_CSUM))
        net_finish_checksum(frame, length, header.checksum_start, header.checksum_offset);
    note(net, frame, length);
    send_on(net, frame, length);
}

static void transmit(struct virtio_net *net, unsigned queue)
{
    struct virtq_chain chain;

    while (virtio_pop(&net->virtio, queue, &chain)) {
        send_frame(net, queue / 2, &chain);
        virtio_put(&net->virtio, queue, chain.head, 0);
    }
    virtio_signal(&net->virtio, queue);
}

/* --- to the guest --- */

static bool table_has(const struct virtio_net_table *table, const uint8_t *address)
{
    for (unsigned i = 0; i < table->count; i++)
        if (memcmp(table->addresses[i], address, 6) == 0)
            return true;
    return table->overflow;
}

/* 5.1.6.5.1, 5.1.6.5.2 and 5.1.6.5.3 */
static bool wanted(const struct virtio_net *net, const uint8_t *frame, size_t length)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const uint8_t *destination = frame;
    int vlan = net_vlan(frame, length);
    if (vlan >= 0 && virtio_has(&net->virtio, FEATURE_CTRL_VLAN) && !(net->vlans[vlan / 8] >> vlan % 8 & 1))
        return false;

    if (net->modes[VIRTIO_NET_PROMISCUOUS])
        return true;
    if (memcmp(destination, broadcast, 6) == 0)
        return !net->modes[VIRTIO_NET_NO_BROADCAST];
    if (destination[0] & 1)
        return !net->modes[VIRTIO_NET_NO_MULTICAST] &&
               (net->modes[VIRTIO_NET_ALL_MULTICAST] || table_has(&net->multicast, destination));
    return !net->modes[VIRTIO_NET_NO_UNICAST] &&
           (net->modes[VIRTIO_NET_ALL_UNICAST] || memcmp(destination, net->config.mac, 6) == 0 ||
            table_has(&net->unicast, destination));
}

/* The queue for a frame: that of its connection, or one by a number made of it. */
static unsigned queue_for(const struct virtio_net *net, const uint8_t *frame, size_t length)
{
    uint32_t flow = net->pairs > 1 ? net_flow(frame, length) : 0;
    unsigned pair = flow ? net->flows[flow % VIRTIO_NET_FLOWS] : 1;
    if (pair == 0 || pair > net->pairs)
        pair = 1 + flow % net->pairs;
    return queue_rx(pair - 1);
}

/* Frames wait while a driver that is set up has no buffer free (in any queue: whose the next frame is, is not known);
 * without a driver, or with the link down, they are lost, as on any cable. */
static size_t net_ready(void *device)
{
    struct virtio_net *net = device;
    struct virtq_chain chain;

    for (unsigned pair = 0; link_up(net) && virtio_running(&net->virtio) && pair < net->pairs; pair++) {
        struct virtqueue *queue = &net->virtio.queues[queue_rx(pair)];
        if (queue->ready && virtqueue_peek(queue, &chain) == VIRTQ_EMPTY)
            return 0;
    }
    return SIZE_MAX;
}

/* Where a frame went: the chains used for it. */
struct placement {
    unsigned count;
    struct {
        uint16_t head;
        uint32_t written;
    } chains[VIRTQ_SIZE_MAX];
};

/* Writes the frame behind room for its header, over several buffers where they may be merged. False: no room.
 */
static bool place(struct virtio_net *net, unsigned queue, const struct net_header *header, const uint8_t *frame,
                  size_t length, struct placement *placement)
{
    bool merge = virtio_has(&net->virtio, FEATURE_MRG_RXBUF);
    size_t done = 0;
    struct virtq_chain chain;

    placement->count = 0;
    do {
        size_t skip = placement->count == 0 ? sizeof *header : 0, put;
        if (!virtio_pop(&net->virtio, queue, &chain))
            break;
        placement->chains[placement->count++].head = chain.head;
        if (chain.writable_bytes < skip || chain.writable_bytes == 0) {
            virtio_break(&net->virtio); /* 5.1.6.3.1: the driver must give at least the header's size */
            break;
        }
        if (skip)
            virtq_write(net->virtio.bus, &chain, 0, header, skip);
        put = virtq_write(net->virtio.bus, &chain, skip, frame + done, length - done);
        placement->chains[placement->count - 1].written = skip + put;
        done += put;
    } while (merge && done < length && placement->count < VIRTQ_SIZE_MAX);
    return done == length;
}

/* The number of buffers is known only when all are filled. It lies within the first chain, which may be split
 * anywhere. */
static void write_buffer_count(struct virtio_net *net, unsigned queue, uint16_t head, uint16_t count)
{
    struct virtq_chain chain;
    struct net_header header;
    struct iovec iov[VIRTQ_SIZE_MAX];
    uint8_t bytes[2] = {count & 0xff, count >> 8};
    int pieces;

    if (!virtqueue_walk(&net->virtio.queues[queue], head, &chain))
        return;
    pieces = virtq_iovec(net->virtio.bus, &chain, VIRTQ_WRITABLE, offsetof(struct net_header, buffer_count),
                         sizeof header.buffer_count, iov);
    for (int i = 0, at = 0; i < pieces; at += iov[i++].iov_len)
        memcpy(iov[i].iov_base, bytes + at, iov[i].iov_len);
}

static void receive(struct virtio_net *net, unsigned queue, const struct net_header *header, const uint8_t *frame,
                    size_t length)
{
    struct placement placement;

    if (!place(net, queue, header, frame, length, &placement)) {
        virtqueue_unpop(&net->virtio.queues[queue], placement.count);
        net->dropped++;
        return;
    }
    if (placement.count > 1)
        write_buffer_count(net, queue, placement.chains[0].head, (uint16_t)placement.count);
    for (unsigned i = 0; i < placement.count; i++)
        virtio_put(&net->virtio, queue, placement.chains[i].head, placement.chains[i].written);
    virtio_signal(&net->virtio, queue);
}

static void receive_frame(void *context, const uint8_t *frame, size_t length)
{
    struct virtio_net *net = context;
    struct net_header header = {.buffer_count = 1};
    unsigned queue = queue_for(net, frame, length);

    if (!virtio_running(&net->virtio) || !net->virtio.queues[queue].ready || !link_up(net) ||
        !wanted(net, frame, length)) {
        net->dropped++;
        return;
    }
    if (net->backend->checksums_valid && virtio_net_offloaded(net, FEATURE_GUEST_CSUM))
        header.flags = HEADER_DATA_VALID;
    receive(net, queue, &header, frame, length);
}

/* A big packet goes to the driver as it is where it asked for that, else in pieces. */
static void receive_big(struct virtio_net *net, const uint8_t *bytes, size_t length)
{
    unsigned size = bytes[length - 2] | (unsigned)bytes[length - 1] << 8, queue;
    uint8_t frame[NET_BIG_MAX_BYTES];
    struct net_packet packet;

    length -= 2;
    bool good = net_packet_parse(bytes, length, &packet) && size >= NET_SEGMENT_MIN;
    if (!good || !virtio_net_offloaded(net, FEATURE_GUEST_CSUM) ||
        !virtio_net_offloaded(net, packet.ipv6 ? FEATURE_GUEST_TSO6 : FEATURE_GUEST_TSO4)) {
        if (!good || !net_segment(bytes, length, size, receive_frame, net))
            net->dropped++;
        return;
    }
    queue = queue_for(net, bytes, length);
    if (!virtio_running(&net->virtio) || !net->virtio.queues[queue].ready || !link_up(net) ||
        !wanted(net, bytes, length)) {
        net->dropped++;
        return;
    }
    memcpy(frame, bytes, length);
    net_pseudo_checksum(frame, &packet);
    struct net_header header = {
        .flags = HEADER_NEEDS_CHECKSUM,
        .gso_type = packet.ipv6 ? GSO_TCPV6 : GSO_TCPV4,
        .header_length = (uint16_t)packet.payload,
        .gso_size = (uint16_t)size,
        .checksum_start = (uint16_t)packet.transport,
        .checksum_offset = TCP_CHECKSUM_AT,
        .buffer_count = 1,
    };
    receive(net, queue, &header, frame, length);
}

static void net_deliver(void *device, const void *bytes, size_t length)
{
    struct virtio_net *net = device;

    if (length < NET_FRAME_MIN_BYTES || length > NET_BIG_MAX_BYTES + 2) {
        net->dropped++;
        return;
    }
    bool big = length > NET_FRAME_MAX_BYTES;
    if (link_up(net))
        note(net, bytes, big ? length - 2 : length);
    if (big)
        receive_big(net, bytes, length);
    else
        receive_frame(net, bytes, length);
}

/* The cable is put in (1), or pulled out (0). */
static void net_deliver_link(void *device, const void *bytes, size_t length)
{
    struct virtio_net *net = device;
    bool up = length == 1 && *(const uint8_t *)bytes == 1;
    if (up == link_up(net))
        return;
    net->config.status = up ? STATUS_LINK_UP : 0;
    /* 5.1.6.5.4: others may have to learn anew where the guest is. */
    if (up && virtio_has(&net->virtio, FEATURE_GUEST_ANNOUNCE))
        net->config.status |= STATUS_ANNOUNCE;
    virtio_config_changed(&net->virtio);
}

static bool valid_link(void *device, const void *bytes, size_t length)
{
    return length == 1 && *(const uint8_t *)bytes <= 1;
}

/* --- operations --- */

static void net_notify(void *device, unsigned queue)
{
    struct virtio_net *net = device;
    if (queue == virtio_net_control_queue(net))
        virtio_net_take_control(net);
    else if (queue % 2)
        transmit(net, queue);
    /* New room to receive in is found when there is something to deliver. */
}

static void net_reset_by_driver(void *device)
{
    struct virtio_net *net = device;
    memset(net->modes, 0, sizeof net->modes);
    memset(&net->unicast, 0, sizeof net->unicast);
    memset(&net->multicast, 0, sizeof net->multicast);
    memset(net->vlans, 0, sizeof net->vlans);
    memset(net->flows, 0, sizeof net->flows);
    net->pairs = 1;
    net->offloads_off = 0;
    net->config.status &= (uint16_t)~STATUS_ANNOUNCE;
    memcpy(net->config.mac, net->burnt_in_mac, sizeof net->config.mac);
}

static const struct virtio_device_ops net_ops = {
    .id = VIRTIO_ID_NET,
    .reset = net_reset_by_driver,
    .notify = net_notify,
};

static void net_reset(void *device)
{
    struct virtio_net *net = device;
    net->dropped = 0;
    virtio_device_reset(&net->virtio);
}

static void net_restored(void *device)
{
    struct virtio_net *net = device;
    virtio_device_restored(&net->virtio);
    if (net->unicast.count > VIRTIO_NET_TABLE_MAX)
        net->unicast.count = 0;
    if (net->multicast.count > VIRTIO_NET_TABLE_MAX)
        net->multicast.count = 0;
    if (net->pairs < 1 || net->pairs > net->pairs_max)
        net->pairs = 1;
}

/* A clone may be at another cable, where nobody knows it. */
static void net_reidentify(void *device, uint64_t seed)
{
    struct virtio_net *net = device;
    if (!link_up(net) || !virtio_has(&net->virtio, FEATURE_GUEST_ANNOUNCE))
        return;
    net->config.status |= STATUS_ANNOUNCE;
    virtio_config_changed(&net->virtio);
}

static void net_free(void *device)
{
    struct virtio_net *net = device;
    net_backend_free(net->backend);
    net_dump_close(net->dump);
    free(net);
}

const struct device_class virtio_net_class = {
    .name = "virtio-net",
    .state = &virtio_net_fields,
    .reset = net_reset,
    .restored = net_restored,
    .reidentify = net_reidentify,
    .free = net_free,
};

static void make_mac(uint8_t *mac, uint64_t seed, const char *name)
{
    struct random random;
    uint64_t bits;

    random_start(&random, seed, name);
    bits = random_next(&random);
    memcpy(mac, &bits, 6);
    mac[0] = (mac[0] & 0xfc) | 2; /* one station, locally administered */
}

struct virtio_net *virtio_net_create(struct bus *bus, struct inputs *inputs, struct net_backend *backend,
                                     const char *name, uint64_t seed)
{
    struct virtio_net *net = calloc(1, sizeof *net);
    if (!net)
        abort();
    net->backend = backend;
    net->inputs = inputs;
    make_mac(net->burnt_in_mac, seed, name);
    net->config =
        (struct virtio_net_config){.status = STATUS_LINK_UP, .max_virtqueue_pairs = 1, .mtu = NET_MTU_BYTES};
    memcpy(net->config.mac, net->burnt_in_mac, sizeof net->config.mac);
    snprintf(net->source_name, sizeof net->source_name, "%s.rx", name);
    snprintf(net->link_name, sizeof net->link_name, "%s.link", name);
    net->pairs = net->pairs_max = 1;
    virtio_device_init(&net->virtio, &net_ops, net, bus,
                       FEATURE_CSUM | FEATURE_GUEST_CSUM | FEATURE_CTRL_GUEST_OFFLOADS | FEATURE_MTU | FEATURE_MAC |
                           FEATURE_GUEST_TSO4 | FEATURE_GUEST_TSO6 | FEATURE_GUEST_ECN | FEATURE_HOST_TSO4 |
                           FEATURE_HOST_TSO6 | FEATURE_HOST_ECN | FEATURE_MRG_RXBUF | FEATURE_STATUS |
                           FEATURE_CTRL_VQ | FEATURE_CTRL_RX | FEATURE_CTRL_VLAN | FEATURE_CTRL_RX_EXTRA |
                           FEATURE_GUEST_ANNOUNCE | FEATURE_CTRL_MAC_ADDR);
    net->virtio.config = (const uint8_t *)&net->config;
    net->virtio.config_bytes = sizeof net->config;
    for (unsigned queue = 0; queue < 3; queue++)
        virtio_add_queue(&net->virtio, VIRTQ_SIZE_MAX);
    backend->ops->attach(backend, inputs,
                         input_register(inputs, &(struct input_source){
                                                    .name = net->source_name,
                                                    .deliver = net_deliver,
                                                    .ready = net_ready,
                                                    .device = net,
                                                }));
    net->link_source = input_register(
        inputs, &(struct input_source){
                    .name = net->link_name, .deliver = net_deliver_link, .valid = valid_link, .device = net});
    return net;
}

void virtio_net_add_pairs(struct virtio_net *net, unsigned count)
{
    net->pairs_max += count;
    net->config.max_virtqueue_pairs = (uint16_t)net->pairs_max;
    net->virtio.offered |= FEATURE_MQ;
    for (unsigned queue = 0; queue < 2 * count; queue++)
        virtio_add_queue(&net->virtio, VIRTQ_SIZE_MAX);
}

void virtio_net_set_mac(struct virtio_net *net, const uint8_t mac[6])
{
    memcpy(net->burnt_in_mac, mac, sizeof net->burnt_in_mac);
    memcpy(net->config.mac, mac, sizeof net->config.mac);
}

void virtio_net_set_dump(struct virtio_net *net, struct net_dump *dump)
{
    net->dump = dump;
}
