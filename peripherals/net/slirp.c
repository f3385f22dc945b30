/* SPDX-License-Identifier: GPL-3.0-or-later */
/* User-mode networking by libslirp. Frames from the guest go in at once; what comes out, whenever that is, is
 * posted as an input. libslirp's clock is the machine's. An annex (machine/contract/annex.h). */
#include "peripherals/net/slirp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* How long (of virtual time) a datagram's answer is waited for: what resolvers wait before they ask again. */
#define DATAGRAM_WAIT_NS (5 * NS_PER_S)

#define NETWORK     0x0a000200u /* 10.0.2.0/24 */
#define ROUTER      0x0a000202u
#define NAME_SERVER 0x0a000203u
#define GUEST       0x0a00020fu
#define BIG_BYTES   65521u /* the longest packet that libslirp takes at once */
#define NO_TIMER    INT64_MAX
#define ADVERTISE_MS 600000 /* a third of how long the guest believes it */

/* --- state (of the host's side: none of it is the machine's) --- */

struct net_slirp {
    struct net_backend backend;
    const struct clock *clock;
    Slirp *slirp;
    struct net_post post;
    struct host_poller poller;
    int64_t advertise_ms; /* when libslirp's timer is due on the machine's clock; NO_TIMER: it is not set */
    SlirpTimerId timer;
    void *timer_opaque;

    unsigned connections;       /* TCP connections at the last fill */
    bool sent_since_fill;       /* there may be a new one */
    unsigned datagrams;         /* sent by the guest, and not answered */
    uint64_t datagrams_wait_ns; /* until then */

    /* While libslirp fills or reads a list of descriptors. */
    struct pollfd *fds;
    const struct pollfd *polled;
    int fd_count, fd_capacity;
};

/* --- frames --- */

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, ICMP = 1, UDP = 17, IPV6_BYTES = 40 };
enum { DHCP_SERVER = 67, DHCP_CLIENT = 68, DHCP6_CLIENT = 546, DHCP6_SERVER = 547, MULTICAST_DNS = 5353 };

/* Whether a frame is a UDP or ICMP datagram that asks for an answer, or gives one. DHCP, and what IPv6 asks its
 * neighbours, are answered by libslirp. */
static bool is_datagram(const uint8_t *frame, size_t length)
{
    enum { IP_AT = 14 };
    unsigned type = length < IP_AT + 28 ? 0 : (unsigned)frame[12] << 8 | frame[13], ports = 0, protocol = 0;
    if (type == TYPE_IPV4) {
        protocol = frame[IP_AT + 9];
        ports = IP_AT + 4u * (frame[IP_AT] & 15);
    } else if (type == TYPE_IPV6) {
        protocol = frame[IP_AT + 6];
        ports = IP_AT + IPV6_BYTES;
    }
    if (type == TYPE_IPV4 && protocol == ICMP)
        return true;
    if (protocol != UDP || ports + 4 > length)
        return false;
    unsigned destination = (unsigned)frame[ports + 2] << 8 | frame[ports + 3];
    return destination != DHCP_SERVER && destination != DHCP_CLIENT && destination != DHCP6_CLIENT &&
           destination != DHCP6_SERVER && destination != MULTICAST_DNS;
}

static void look_at_timer(struct net_slirp *net);

static void slirp_send(struct net_backend *backend, const void *frame, size_t length)
{
    struct net_slirp *net = (struct net_slirp *)backend;
    net->sent_since_fill = true;
    if (is_datagram(frame, length)) {
        net->datagrams++;
        net->datagrams_wait_ns = clock_now_ns(net->clock) + DATAGRAM_WAIT_NS;
    }
    slirp_input(net->slirp, frame, (int)length);
    look_at_timer(net);
    net_post_flush(&net->post);
    if (net->post.inputs)
        host_waits_changed(net->post.inputs);
}

static ssize_t on_frame(const void *frame, size_t length, void *opaque)
{
    struct net_slirp *net = opaque;
    if (net->datagrams && is_datagram(frame, length))
        net->datagrams--;
    /* A frame for which the queue has no room is lost, and TCP will send it again. */
    net_post_frame(&net->post, frame, length);
    return (ssize_t)length;
}

/* --- libslirp's other callbacks --- */

static void on_guest_error(const char *message, void *opaque)
{
    /* The guest sent what no network would carry. It is dropped; there is nobody to tell. */
}

static int64_t on_clock(void *opaque)
{
    return (int64_t)clock_now_ns(((struct net_slirp *)opaque)->clock);
}

static void on_descriptor(int fd, void *opaque)
{
    /* Descriptors are collected anew before each poll(). */
}

static void on_notify(void *opaque)
{
    /* Everything runs on the machine's thread, which needs no waking. */
}

/* libslirp has one timer, for what an IPv6 router tells of itself now and then, at random times. It is no event of the
 * machine's, and must not depend on the host: it is due in fixed times, and looked at when the guest sends. */
static void *on_timer_new(SlirpTimerId id, void *timer_opaque, void *opaque)
{
    struct net_slirp *net = opaque;
    net->timer = id;
    net->timer_opaque = timer_opaque;
    return net;
}

static void on_timer_free(void *timer, void *opaque)
{
    ((struct net_slirp *)opaque)->advertise_ms = NO_TIMER;
}

static void on_timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    struct net_slirp *net = opaque;
    net->advertise_ms = (int64_t)(clock_now_ns(net->clock) / 1000000) + ADVERTISE_MS;
}

static void look_at_timer(struct net_slirp *net)
{
    if ((int64_t)(clock_now_ns(net->clock) / 1000000) < net->advertise_ms)
        return;
    net->advertise_ms = NO_TIMER;
    slirp_handle_timer(net->slirp, net->timer, net->timer_opaque);
}

static const SlirpCb callbacks = {
    .send_packet = on_frame,
    .guest_error = on_guest_error,
    .clock_get_ns = on_clock,
    .timer_new_opaque = on_timer_new,
    .timer_free = on_timer_free,
    .timer_mod = on_timer_mod,
    .register_poll_fd = on_descriptor,
    .unregister_poll_fd = on_descriptor,
    .notify = on_notify,
};

/* --- polling --- */

static const struct {
    int slirp;
    short poll;
} event_map[] = {
    {SLIRP_POLL_IN, POLLIN},   {SLIRP_POLL_OUT, POLLOUT}, {SLIRP_POLL_PRI, POLLPRI},
    {SLIRP_POLL_ERR, POLLERR}, {SLIRP_POLL_HUP, POLLHUP},
};
#define EVENT_COUNT (sizeof event_map / sizeof event_map[0])

static bool is_connection(int fd)
{
    int type = 0, listening = 0;
    socklen_t type_length = sizeof type, listening_length = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &listening_length) == 0 && !listening;
}

static int on_add_poll(int fd, int events, void *opaque)
{
    struct net_slirp *net = opaque;
    short wanted = 0;

    if (net->fd_count == net->fd_capacity)
        return -1;
    for (unsigned i = 0; i < EVENT_COUNT; i++)
        if (events & event_map[i].slirp)
            wanted |= event_map[i].poll;
    net->fds[net->fd_count] = (struct pollfd){.fd = fd, .events = wanted};
    if (is_connection(fd))
        net->connections++;
    return net->fd_count++;
}

static int slirp_fill(void *backend, struct pollfd *fds, int capacity, int *timeout_ms)
{
    struct net_slirp *net = backend;
    uint32_t timeout = *timeout_ms < 0 ? UINT32_MAX : (uint32_t)*timeout_ms;

    net->fds = fds;
    net->fd_capacity = capacity;
    net->fd_count = 0;
    net->connections = 0;
    net->sent_since_fill = false;
    slirp_pollfds_fill(net->slirp, &timeout, on_add_poll, net);
    if (timeout <= INT32_MAX)
        *timeout_ms = (int)timeout;
    return net->fd_count;
}

static int on_get_revents(int index, void *opaque)
{
    struct net_slirp *net = opaque;
    int events = 0;

    if (index < 0 || index >= net->fd_count)
        return 0;
    for (unsigned i = 0; i < EVENT_COUNT; i++)
        if (net->polled[index].revents & event_map[i].poll)
            events |= event_map[i].slirp;
    return events;
}

static void slirp_done(void *backend, const struct pollfd *fds, int count, bool poll_failed)
{
    struct net_slirp *net = backend;
    net->polled = fds;
    net->fd_count = count;
    slirp_pollfds_poll(net->slirp, poll_failed, on_get_revents, net);
    net_post_flush(&net->post);
}

static bool slirp_busy(void *backend)
{
    struct net_slirp *net = backend;
    if (net->datagrams && clock_now_ns(net->clock) >= net->datagrams_wait_ns)
        net->datagrams = 0;
    return net->sent_since_fill || net->connections || net->datagrams;
}

/* --- the backend --- */

static void slirp_attach(struct net_backend *backend, struct inputs *inputs, unsigned source)
{
    struct net_slirp *net = (struct net_slirp *)backend;
    net_post_init(&net->post, inputs, source);
    net->poller =
        (struct host_poller){.fill = slirp_fill, .done = slirp_done, .busy = slirp_busy, .backend = net};
    host_poller_add(inputs, &net->poller);
}

static void slirp_free(struct net_backend *backend)
{
    struct net_slirp *net = (struct net_slirp *)backend;
    net->post.inputs = NULL;
    slirp_cleanup(net->slirp);
    free(net);
}

static const struct net_backend_ops slirp_ops = {
    .send = slirp_send, .attach = slirp_attach, .free = slirp_free};

static struct in6_addr ipv6_address(uint8_t last)
{
    return (struct in6_addr){.s6_addr = {[0] = 0xfe, [1] = 0xc0, [15] = last}};
}

static struct net_backend *open_network(const struct clock *clock, bool restricted, struct error *error)
{
    SlirpConfig config = {
        .version = 4,
        .restricted = restricted,
        .in_enabled = true,
        .vnetwork.s_addr = htonl(NETWORK),
        .vnetmask.s_addr = htonl(0xffffff00),
        .vhost.s_addr = htonl(ROUTER),
        .in6_enabled = true,
        .vprefix_addr6 = ipv6_address(0),
        .vprefix_len = 64,
        .vhost6 = ipv6_address(2),
        .vnameserver6 = ipv6_address(3),
        .vhostname = "armature",
        .vdhcp_start.s_addr = htonl(GUEST),
        .vnameserver.s_addr = htonl(NAME_SERVER),
        .if_mtu = NET_MTU_BYTES,
        .if_mru = BIG_BYTES,
    };
    struct net_slirp *net = calloc(1, sizeof *net);

    if (net) {
        net->backend = (struct net_backend){.ops = &slirp_ops, .checksums_valid = true, .takes_big = true};
        net->clock = clock;
        net->advertise_ms = NO_TIMER;
        net->slirp = slirp_new(&config, &callbacks, net);
    }
    if (!net || !net->slirp) {
        free(net);
        error_set(error, "user-mode network: libslirp %s could not be started; leave out --net",
                  slirp_version_string());
        return NULL;
    }
    return &net->backend;
}

static bool forward(struct net_backend *backend, bool udp, uint32_t host_address, uint16_t host_port,
                    uint16_t guest_port, struct error *error)
{
    struct net_slirp *net = (struct net_slirp *)backend;
    struct in_addr host = {htonl(host_address)}, guest = {htonl(GUEST)};
    char text[INET_ADDRSTRLEN];

    if (slirp_add_hostfwd(net->slirp, udp, host, host_port, guest, guest_port) == 0)
        return true;
    inet_ntop(AF_INET, &host, text, sizeof text);
    return error_set(error, "--net: cannot listen on %s port %s:%u: %s; choose another host port",
                     udp ? "UDP" : "TCP", text, host_port, strerror(errno));
}

static bool guest_forward(struct net_backend *backend, uint32_t address, uint16_t port, const char *path,
                          struct error *error)
{
    struct net_slirp *net = (struct net_slirp *)backend;
    struct in_addr guest = {htonl(address)};
    char text[INET_ADDRSTRLEN];

    if (slirp_add_unix(net->slirp, path, &guest, port) == 0)
        return true;
    inet_ntop(AF_INET, &guest, text, sizeof text);
    return error_set(error,
                     "--net: guestfwd=tcp:%s:%u is no place in the guest's network: it must be in 10.0.2.0/24, and "
                     "none that is in use",
                     text, port);
}

const struct net_slirp_annex annex = {open_network, forward, guest_forward};
