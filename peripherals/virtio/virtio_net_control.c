/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network device's control queue (virtio 1.2, section 5.1.6.5): which frames the driver wants, on how many queues,
 * and how. */
#include "peripherals/virtio/virtio_net_internal.h"
#include <string.h>

enum control_mac { MAC_TABLE_SET = 0, MAC_ADDRESS_SET = 1 };
enum { VLAN_ADD = 0, VLAN_DELETE = 1, ANNOUNCE_ACK = 0, PAIRS_SET = 0, OFFLOADS_SET = 0 };
enum control_status { CONTROL_OK = 0, CONTROL_ERROR = 1 };

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

static enum control_status control_rx(struct virtio_net *net, const struct virtq_chain *chain, uint8_t command)
{
    uint8_t on;
    if (command >= VIRTIO_NET_MODES ||
        !virtio_has(&net->virtio, command < VIRTIO_NET_ALL_UNICAST ? FEATURE_CTRL_RX : FEATURE_CTRL_RX_EXTRA) ||
        virtq_read(net->virtio.bus, chain, 2, &on, 1) != 1 || on > 1)
        return CONTROL_ERROR;
    net->modes[command] = on;
    return CONTROL_OK;
}

/* 5.1.6.5.3 */
static enum control_status control_vlan(struct virtio_net *net, const struct virtq_chain *chain, uint8_t command)
{
    uint16_t vlan;
    if (!virtio_has(&net->virtio, FEATURE_CTRL_VLAN) || command > VLAN_DELETE ||
        virtq_read(net->virtio.bus, chain, 2, &vlan, sizeof vlan) != sizeof vlan || vlan >= VIRTIO_NET_VLANS)
        return CONTROL_ERROR;
    if (command == VLAN_ADD)
        net->vlans[vlan / 8] |= (uint8_t)(1u << vlan % 8);
    else
        net->vlans[vlan / 8] &= (uint8_t)~(1u << vlan % 8);
    return CONTROL_OK;
}

/* 5.1.6.5.4 */
static enum control_status control_announce(struct virtio_net *net, const struct virtq_chain *chain, uint8_t command)
{
    if (!virtio_has(&net->virtio, FEATURE_GUEST_ANNOUNCE) || command != ANNOUNCE_ACK)
        return CONTROL_ERROR;
    net->config.status &= (uint16_t)~STATUS_ANNOUNCE;
    return CONTROL_OK;
}

/* 5.1.6.5.5 and 5.1.6.5.6.1: from now on what comes in goes to that many pairs. */
static enum control_status control_pairs(struct virtio_net *net, const struct virtq_chain *chain, uint8_t command)
{
    uint16_t pairs;
    if (!virtio_has(&net->virtio, FEATURE_MQ) || command != PAIRS_SET ||
        virtq_read(net->virtio.bus, chain, 2, &pairs, sizeof pairs) != sizeof pairs || pairs < 1 ||
        pairs > net->pairs_max)
        return CONTROL_ERROR;
    net->pairs = pairs;
    return CONTROL_OK;
}

/* 5.1.6.5.8: of what was negotiated for receiving, that is left on. */
static enum control_status control_offloads(struct virtio_net *net, const struct virtq_chain *chain, uint8_t command)
{
    uint64_t on;
    if (!virtio_has(&net->virtio, FEATURE_CTRL_GUEST_OFFLOADS) || command != OFFLOADS_SET ||
        virtq_read(net->virtio.bus, chain, 2, &on, sizeof on) != sizeof on ||
        (on & ~(net->virtio.features & GUEST_OFFLOADS)))
        return CONTROL_ERROR;
    net->offloads_off = GUEST_OFFLOADS & ~on;
    return CONTROL_OK;
}

static enum control_status control(struct virtio_net *net, const struct virtq_chain *chain)
{
    static enum control_status (*const classes[])(struct virtio_net *net, const struct virtq_chain *chain,
                                                  uint8_t command) = {
        control_rx, control_mac, control_vlan, control_announce, control_pairs, control_offloads,
    };
    struct {
        uint8_t class, command;
    } head;

    if (virtq_read(net->virtio.bus, chain, 0, &head, sizeof head) != sizeof head ||
        head.class >= sizeof classes / sizeof classes[0])
        return CONTROL_ERROR;
    return classes[head.class](net, chain, head.command);
}

unsigned virtio_net_control_queue(const struct virtio_net *net)
{
    return virtio_has(&net->virtio, FEATURE_MQ) ? 2 * net->pairs_max : 2;
}

void virtio_net_take_control(struct virtio_net *net)
{
    unsigned queue = virtio_net_control_queue(net);
    struct virtq_chain chain;

    while (virtio_pop(&net->virtio, queue, &chain)) {
        if (chain.writable_bytes == 0) {
            virtio_break(&net->virtio); /* nowhere to put the answer */
            return;
        }
        uint8_t status = control(net, &chain);
        virtio_put(&net->virtio, queue, chain.head,
                   virtq_write(net->virtio.bus, &chain, 0, &status, 1));
    }
    virtio_signal(&net->virtio, queue);
}
