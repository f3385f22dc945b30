/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network device (virtio 1.2, section 5.1): one pair of queues and the control queue. */
#include "peripherals/virtio/virtio_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "peripherals/virtio/random.h"

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
    FIELD_HOST(struct virtio_net, source_name),
    FIELD_HOST(struct virtio_net, burnt_in_mac),
    FIELD_BYTES(struct virtio_net, config),
    FIELD_ARRAY(struct virtio_net, modes),
    FIELD_STRUCT(struct virtio_net, unicast, &table_fields),
    FIELD_STRUCT(struct virtio_net, multicast, &table_fields),
    FIELD(struct virtio_net, dropped),
    FIELDS_END,
};
static const struct fields virtio_net_fields = {"virtio-net", sizeof(struct virtio_net), virtio_net_list};

/* --- tables --- */

#define FEATURE_CSUM          (1ull << 0)
#define FEATURE_GUEST_CSUM    (1ull << 1)
#define FEATURE_MTU           (1ull << 3)
#define FEATURE_MAC           (1ull << 5)
#define FEATURE_MRG_RXBUF     (1ull << 15)
#define FEATURE_STATUS        (1ull << 16)
#define FEATURE_CTRL_VQ       (1ull << 17)
#define FEATURE_CTRL_RX       (1ull << 18)
#define FEATURE_CTRL_RX_EXTRA (1ull << 20)
#define FEATURE_CTRL_MAC_ADDR (1ull << 23)

#define STATUS_LINK_UP 1

enum queue { QUEUE_RX, QUEUE_TX, QUEUE_CONTROL };

/* 5.1.6 */
struct net_header {
    uint8_t flags, gso_type;
    uint16_t header_length, gso_size, checksum_start, checksum_offset, buffer_count;
};
enum { HEADER_NEEDS_CHECKSUM = 1, HEADER_DATA_VALID = 2 };

enum mode {
    MODE_PROMISCUOUS,
    MODE_ALL_MULTICAST,
    MODE_ALL_UNICAST,
    MODE_NO_MULTICAST,
    MODE_NO_UNICAST,
    MODE_NO_BROADCAST
};

enum control_class { CONTROL_RX = 0, CONTROL_MAC = 1 };
enum control_mac { MAC_TABLE_SET = 0, MAC_ADDRESS_SET = 1 };
enum control_status { CONTROL_OK = 0, CONTROL_ERROR = 1 };

/* --- from the guest --- */

/* 5.1.6.2.1: the ones' complement sum from `start` to the end goes to `start + offset`, where the driver has
 * put the sum of the pseudo-header. */
static void finish_checksum(uint8_t *frame, size_t length, size_t start, size_t offset)
{
    uint32_t sum = 0;

    if (start >= length || start + offset + 2 > length)
        return;
    for (size_t i = start; i + 1 < length; i += 2)
        sum += (uint32_t)frame[i] << 8 | frame[i + 1];
    if ((length - start) & 1)
        sum += (uint32_t)frame[length - 1] << 8;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~sum & 0xffff;
    if (sum == 0) /* to UDP, 0 says that there is none; the two are equal as numbers */
        sum = 0xffff;
    frame[start + offset] = sum >> 8;
    frame[start + offset + 1] = sum;
}

static void send_frame(struct virtio_net *net, const struct virtq_chain *chain)
{
    struct net_header header;
    uint8_t frame[NET_FRAME_MAX_BYTES];
    size_t length;

    if (chain->readable_bytes < sizeof header + NET_FRAME_MIN_BYTES ||
        chain->readable_bytes > sizeof header + sizeof frame)
        return; /* what no cable would carry */
    virtq_read(net->virtio.bus, chain, 0, &header, sizeof header);
    length = virtq_read(net->virtio.bus, chain, sizeof header, frame, sizeof frame);
    if ((header.flags & HEADER_NEEDS_CHECKSUM) && virtio_has(&net->virtio, FEATURE_CSUM))
        finish_checksum(frame, length, header.checksum_start, header.checksum_offset);
    net->backend->ops->send(net->backend, frame, length);
}

static void transmit(struct virtio_net *net)
{
    struct virtq_chain chain;

    while (virtio_pop(&net->virtio, QUEUE_TX, &chain)) {
        send_frame(net, &chain);
        virtio_put(&net->virtio, QUEUE_TX, chain.head, 0);
    }
    virtio_signal(&net->virtio, QUEUE_TX);
}

/* --- to the guest --- */

static bool table_has(const struct virtio_net_table *table, const uint8_t *address)
{
    for (unsigned i = 0; i < table->count; i++)
        if (memcmp(table->addresses[i], address, 6) == 0)
            return true;
    return table->overflow;
}

/* 5.1.6.5.1 and 5.1.6.5.2 */
static bool wanted(const struct virtio_net *net, const uint8_t *destination)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    if (net->modes[MODE_PROMISCUOUS])
        return true;
    if (memcmp(destination, broadcast, 6) == 0)
        return !net->modes[MODE_NO_BROADCAST];
    if (destination[0] & 1)
        return !net->modes[MODE_NO_MULTICAST] &&
               (net->modes[MODE_ALL_MULTICAST] || table_has(&net->multicast, destination));
    return !net->modes[MODE_NO_UNICAST] &&
           (net->modes[MODE_ALL_UNICAST] || memcmp(destination, net->config.mac, 6) == 0 ||
            table_has(&net->unicast, destination));
}

static bool receiving(const struct virtio_net *net)
{
    return virtio_running(&net->virtio) && net->virtio.queues[QUEUE_RX].ready;
}

/* Frames wait while a driver that is set up has no buffer free; without a driver they are lost, as on any
 * cable. */
static size_t net_ready(void *device)
{
    struct virtio_net *net = device;
    struct virtq_chain chain;

    if (receiving(net) && virtqueue_peek(&net->virtio.queues[QUEUE_RX], &chain) == VIRTQ_EMPTY)
        return 0;
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
static bool place(struct virtio_net *net, const struct net_header *header, const uint8_t *frame,
                  size_t length, struct placement *placement)
{
    bool merge = virtio_has(&net->virtio, FEATURE_MRG_RXBUF);
    size_t done = 0;
    struct virtq_chain chain;

    placement->count = 0;
    do {
        size_t skip = placement->count == 0 ? sizeof *header : 0, put;
        if (!virtio_pop(&net->virtio, QUEUE_RX, &chain))
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
static void write_buffer_count(struct virtio_net *net, uint16_t head, uint16_t count)
{
    struct virtq_chain chain;
    struct net_header header;
    struct iovec iov[VIRTQ_SIZE_MAX];
    uint8_t bytes[2] = {count & 0xff, count >> 8};
    int pieces;

    if (!virtqueue_walk(&net->virtio.queues[QUEUE_RX], head, &chain))
        return;
    pieces = virtq_iovec(net->virtio.bus, &chain, VIRTQ_WRITABLE, offsetof(struct net_header, buffer_count),
                         sizeof header.buffer_count, iov);
    for (int i = 0, at = 0; i < pieces; at += iov[i++].iov_len)
        memcpy(iov[i].iov_base, bytes + at, iov[i].iov_len);
}

static void net_deliver(void *device, const void *bytes, size_t length)
{
    struct virtio_net *net = device;
    struct net_header header = {.buffer_count = 1};
    struct placement placement;

    if (!receiving(net) || length < NET_FRAME_MIN_BYTES || length > NET_FRAME_MAX_BYTES ||
        !wanted(net, bytes)) {
        net->dropped++;
        return;
    }
    if (net->backend->checksums_valid && virtio_has(&net->virtio, FEATURE_GUEST_CSUM))
        header.flags = HEADER_DATA_VALID;
    if (!place(net, &header, bytes, length, &placement)) {
        virtqueue_unpop(&net->virtio.queues[QUEUE_RX], placement.count);
        net->dropped++;
        return;
    }
    if (placement.count > 1)
        write_buffer_count(net, placement.chains[0].head, placement.count);
    for (unsigned i = 0; i < placement.count; i++)
        virtio_put(&net->virtio, QUEUE_RX, placement.chains[i].head, placement.chains[i].written);
    virtio_signal(&net->virtio, QUEUE_RX);
}

/* --- control queue (5.1.6.5) --- */

static bool read_table(struct virtio_net *net, const struct virtq_chain *chain, uint64_t *offset,
                       struct virtio_net_table *table)
{
    uint32_t count;

    if (virtq_read(net->virtio.bus, chain, *offset, &count, sizeof count) != sizeof count)
        return false;
    *offset += sizeof count;
    if (chain->readable_bytes - *offset < 6ull * count)
        return false;
    memset(table, 0, sizeof *table);
    table->overflow = count > VIRTIO_NET_TABLE_MAX;
    table->count = table->overflow ? 0 : count;
    virtq_read(net->virtio.bus, chain, *offset, table->addresses, 6ull * table->count);
    *offset += 6ull * count;
    return true;
}

static enum control_status control_mac(struct virtio_net *net, const struct virtq_chain *chain,
                                       uint8_t command)
{
    struct virtio_net_table unicast, multicast;
    uint64_t offset = 2;
    uint8_t mac[6];

    switch (command) {
    case MAC_TABLE_SET:
        if (!virtio_has(&net->virtio, FEATURE_CTRL_RX) || !read_table(net, chain, &offset, &unicast) ||
            !read_table(net, chain, &offset, &multicast))
            return CONTROL_ERROR;
        net->unicast = unicast;
        net->multicast = multicast;
        return CONTROL_OK;
    case MAC_ADDRESS_SET:
        if (!virtio_has(&net->virtio, FEATURE_CTRL_MAC_ADDR) ||
            virtq_read(net->virtio.bus, chain, offset, mac, sizeof mac) != sizeof mac || (mac[0] & 1))
            return CONTROL_ERROR;
        memcpy(net->config.mac, mac, sizeof mac);
        return CONTROL_OK;
    }
    return CONTROL_ERROR;
}

static enum control_status control(struct virtio_net *net, const struct virtq_chain *chain)
{
    struct {
        uint8_t class, command;
    } head;
    uint8_t on;

    if (virtq_read(net->virtio.bus, chain, 0, &head, sizeof head) != sizeof head)
        return CONTROL_ERROR;
    if (head.class == CONTROL_MAC)
        return control_mac(net, chain, head.command);
    if (head.class != CONTROL_RX || head.command >= VIRTIO_NET_MODES)
        return CONTROL_ERROR;
    if (!virtio_has(&net->virtio,
                    head.command < MODE_ALL_UNICAST ? FEATURE_CTRL_RX : FEATURE_CTRL_RX_EXTRA) ||
        virtq_read(net->virtio.bus, chain, sizeof head, &on, 1) != 1 || on > 1)
        return CONTROL_ERROR;
    net->modes[head.command] = on;
    return CONTROL_OK;
}

static void take_control(struct virtio_net *net)
{
    struct virtq_chain chain;

    while (virtio_pop(&net->virtio, QUEUE_CONTROL, &chain)) {
        if (chain.writable_bytes == 0) {
            virtio_break(&net->virtio); /* nowhere to put the answer */
            return;
        }
        uint8_t status = control(net, &chain);
        virtio_put(&net->virtio, QUEUE_CONTROL, chain.head,
                   virtq_write(net->virtio.bus, &chain, 0, &status, 1));
    }
    virtio_signal(&net->virtio, QUEUE_CONTROL);
}

/* --- operations --- */

static void net_notify(void *device, unsigned queue)
{
    struct virtio_net *net = device;
    if (queue == QUEUE_TX)
        transmit(net);
    else if (queue == QUEUE_CONTROL)
        take_control(net);
    /* New room to receive in is found when there is something to deliver. */
}

static void net_reset_by_driver(void *device)
{
    struct virtio_net *net = device;
    memset(net->modes, 0, sizeof net->modes);
    memset(&net->unicast, 0, sizeof net->unicast);
    memset(&net->multicast, 0, sizeof net->multicast);
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
}

static void net_free(void *device)
{
    struct virtio_net *net = device;
    net_backend_free(net->backend);
    free(net);
}

const struct device_class virtio_net_class = {
    .name = "virtio-net",
    .state = &virtio_net_fields,
    .reset = net_reset,
    .restored = net_restored,
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
    make_mac(net->burnt_in_mac, seed, name);
    net->config =
        (struct virtio_net_config){.status = STATUS_LINK_UP, .max_virtqueue_pairs = 1, .mtu = NET_MTU_BYTES};
    memcpy(net->config.mac, net->burnt_in_mac, sizeof net->config.mac);
    snprintf(net->source_name, sizeof net->source_name, "%s.rx", name);
    virtio_device_init(&net->virtio, &net_ops, net, bus,
                       FEATURE_CSUM | FEATURE_MTU | FEATURE_MAC | FEATURE_MRG_RXBUF | FEATURE_STATUS |
                           FEATURE_CTRL_VQ | FEATURE_CTRL_RX | FEATURE_CTRL_RX_EXTRA | FEATURE_CTRL_MAC_ADDR |
                           (backend->checksums_valid ? FEATURE_GUEST_CSUM : 0));
    net->virtio.config = (const uint8_t *)&net->config;
    net->virtio.config_bytes = sizeof net->config;
    for (enum queue queue = QUEUE_RX; queue <= QUEUE_CONTROL; queue++)
        virtio_add_queue(&net->virtio, VIRTQ_SIZE_MAX);
    backend->ops->attach(backend, inputs,
                         input_register(inputs, &(struct input_source){
                                                    .name = net->source_name,
                                                    .deliver = net_deliver,
                                                    .ready = net_ready,
                                                    .device = net,
                                                }));
    return net;
}
