/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The switch: what each port sent, in the order of its time; what is on its way to each; where addresses were seen. */
#include "peripherals/net/switch.h"
#include <stdlib.h>
#include <string.h>

#define ADDRESS_BYTES 6u
#define ADDRESSES     256u

struct frame {
    struct frame *next;
    uint64_t ns; /* when it was sent, and then when it arrives */
    size_t length;
    uint8_t bytes[];
};

struct queue {
    struct frame *first, **last;
    size_t bytes;
};

struct port {
    struct net_backend backend;
    struct net_switch *net_switch;
    char network[256];
    struct clock *clock;
    struct net_post post;
    struct event arrival; /* of the first frame on its way */
    struct queue sent, coming;
};

struct net_switch {
    uint64_t latency_ns;
    struct port *ports[NET_SWITCH_PORTS_MAX]; /* NULL: one that is gone */
    unsigned port_count;
    struct {
        uint8_t address[ADDRESS_BYTES];
        unsigned port;
    } seen[ADDRESSES]; /* the latest takes the place of the oldest */
    unsigned seen_count, seen_next;
};

/* --- frames ---------------------------------------------------------------------------------------- */

static void queue_init(struct queue *queue)
{
    *queue = (struct queue){.last = &queue->first};
}

static void queue_add(struct queue *queue, uint64_t ns, const void *bytes, size_t length)
{
    if (queue->bytes + length > NET_SWITCH_QUEUE_BYTES)
        return;
    struct frame *frame = host_alloc(1, sizeof *frame + length);
    frame->ns = ns;
    frame->length = length;
    memcpy(frame->bytes, bytes, length);
    *queue->last = frame;
    queue->last = &frame->next;
    queue->bytes += length;
}

/* The caller frees it. */
static struct frame *queue_take(struct queue *queue)
{
    struct frame *frame = queue->first;
    queue->first = frame->next;
    if (!queue->first)
        queue->last = &queue->first;
    queue->bytes -= frame->length;
    return frame;
}

static void queue_clear(struct queue *queue)
{
    while (queue->first)
        free(queue_take(queue));
}

/* --- ports ----------------------------------------------------------------------------------------- */

static void port_send(struct net_backend *backend, const void *frame, size_t length)
{
    struct port *port = (struct port *)backend;
    queue_add(&port->sent, clock_now_ns(port->clock), frame, length);
}

static void port_attach(struct net_backend *backend, struct inputs *inputs, unsigned source)
{
    net_post_init(&((struct port *)backend)->post, inputs, source);
}

static void await_arrival(struct port *port)
{
    clock_schedule(port->clock, &port->arrival, port->coming.first ? port->coming.first->ns : CLOCK_NEVER);
}

static void arrived(void *owner)
{
    struct port *port = owner;
    while (port->coming.first && port->coming.first->ns <= clock_now_ns(port->clock)) {
        struct frame *frame = queue_take(&port->coming);
        net_post_frame(&port->post, frame->bytes, frame->length);
        free(frame);
    }
    net_post_flush(&port->post);
    await_arrival(port);
}

static void port_free(struct net_backend *backend)
{
    struct port *port = (struct port *)backend;
    clock_cancel(port->clock, &port->arrival);
    queue_clear(&port->sent);
    queue_clear(&port->coming);
    for (unsigned i = 0; i < port->net_switch->port_count; i++)
        if (port->net_switch->ports[i] == port)
            port->net_switch->ports[i] = NULL;
    free(port);
}

struct net_backend *net_switch_port(struct net_switch *net_switch, const char *network, struct clock *clock,
                                    struct error *error)
{
    static const struct net_backend_ops ops = {.send = port_send, .attach = port_attach, .free = port_free};
    if (net_switch->port_count == NET_SWITCH_PORTS_MAX) {
        error_set(error, "the machines' switch has %u ports, and all are taken", NET_SWITCH_PORTS_MAX);
        return NULL;
    }
    struct port *port = host_alloc(1, sizeof *port);
    port->backend = (struct net_backend){.ops = &ops, .checksums_valid = true};
    port->net_switch = net_switch;
    memcpy(port->network, network, strnlen(network, sizeof port->network - 1));
    port->clock = clock;
    event_init(&port->arrival, arrived, port);
    queue_init(&port->sent);
    queue_init(&port->coming);
    net_switch->ports[net_switch->port_count++] = port;
    return &port->backend;
}

/* --- the switch ------------------------------------------------------------------------------------ */

/* Where the address was seen; port_count: nowhere. An address is one of a network: ports of others do not count. */
static unsigned find(const struct net_switch *net_switch, const uint8_t *address, const char *network)
{
    for (unsigned i = 0; i < net_switch->seen_count; i++) {
        const struct port *port = net_switch->ports[net_switch->seen[i].port];
        if (!memcmp(net_switch->seen[i].address, address, ADDRESS_BYTES) && port && !strcmp(port->network, network))
            return i;
    }
    return ADDRESSES;
}

static void learn(struct net_switch *net_switch, const uint8_t *address, unsigned from)
{
    unsigned at = find(net_switch, address, net_switch->ports[from]->network);
    if (address[0] & 1)
        return; /* a group's is nobody's */
    if (at == ADDRESSES) {
        at = net_switch->seen_next;
        net_switch->seen_next = (at + 1) % ADDRESSES;
        net_switch->seen_count += net_switch->seen_count < ADDRESSES;
        memcpy(net_switch->seen[at].address, address, ADDRESS_BYTES);
    }
    net_switch->seen[at].port = from;
}

/* To the port where its address was seen, or to all others of its network. */
static void lead(struct net_switch *net_switch, unsigned from, const struct frame *frame)
{
    const char *network = net_switch->ports[from]->network;
    unsigned at = find(net_switch, frame->bytes, network);
    unsigned to = at == ADDRESSES ? NET_SWITCH_PORTS_MAX : net_switch->seen[at].port;
    learn(net_switch, frame->bytes + ADDRESS_BYTES, from);
    for (unsigned i = 0; i < net_switch->port_count; i++) {
        struct port *port = net_switch->ports[i];
        if (i != from && port && (to == NET_SWITCH_PORTS_MAX || to == i) && !strcmp(port->network, network))
            queue_add(&port->coming, frame->ns + net_switch->latency_ns, frame->bytes, frame->length);
    }
}

/* The port with the earliest frame that was sent; of several the first. NET_SWITCH_PORTS_MAX: there is none. */
static unsigned earliest(const struct net_switch *net_switch)
{
    unsigned found = NET_SWITCH_PORTS_MAX;
    uint64_t ns = UINT64_MAX;
    for (unsigned i = 0; i < net_switch->port_count; i++) {
        const struct port *port = net_switch->ports[i];
        if (port && port->sent.first && port->sent.first->ns < ns) {
            found = i;
            ns = port->sent.first->ns;
        }
    }
    return found;
}

void net_switch_exchange(struct net_switch *net_switch)
{
    for (unsigned from; (from = earliest(net_switch)) < NET_SWITCH_PORTS_MAX;) {
        struct frame *frame = queue_take(&net_switch->ports[from]->sent);
        lead(net_switch, from, frame);
        free(frame);
    }
    for (unsigned i = 0; i < net_switch->port_count; i++)
        if (net_switch->ports[i] && net_switch->ports[i]->coming.first)
            await_arrival(net_switch->ports[i]);
}

struct net_switch *net_switch_create(uint64_t latency_ns)
{
    struct net_switch *net_switch = host_alloc(1, sizeof *net_switch);
    net_switch->latency_ns = latency_ns;
    return net_switch;
}

void net_switch_free(struct net_switch *net_switch)
{
    free(net_switch);
}
