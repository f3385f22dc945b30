/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A cable made of a stream socket. */
#include "peripherals/net/socket.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OUT_BYTES (1u << 20) /* what waits for a peer that is slow; more is lost */
#define IN_BYTES  (256u << 10)
#define AGAIN_MS  500

struct net_socket {
    struct net_backend backend;
    char *place;
    struct sockaddr_storage address;
    socklen_t address_bytes;
    int listener, fd; /* -1: not there */
    bool connecting;  /* fd is not connected yet */
    struct net_post post;
    struct host_poller poller;
    size_t in_count, out_count, out_at;
    uint8_t in[IN_BYTES], out[OUT_BYTES];
};

/* --- places ---------------------------------------------------------------------------------------- */

static bool find_unix(struct net_socket *net, const char *path, struct error *error)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&net->address;
    if (!*path || strlen(path) >= sizeof address->sun_path)
        return error_set(error, "--net socket:%s: a socket's path has 1 to %zu bytes", net->place,
                         sizeof address->sun_path - 1);
    address->sun_family = AF_UNIX;
    strcpy(address->sun_path, path);
    net->address_bytes = sizeof *address;
    return true;
}

static bool find_tcp(struct net_socket *net, const char *text, struct error *error)
{
    char host[256] = "";
    const char *port = strrchr(text, ':');
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (!port || port == text || !port[1] || (size_t)(port - text) >= sizeof host)
        return error_set(error, "--net socket:%s: tcp:HOST:PORT is expected", net->place);
    bool bracketed = text[0] == '[' && port[-1] == ']';
    memcpy(host, text + bracketed, (size_t)(port - text) - 2u * bracketed);
    int failure = getaddrinfo(host, port + 1, &hints, &found);
    if (failure)
        return error_set(error, "--net socket:%s: %s", net->place, gai_strerror(failure));
    memcpy(&net->address, found->ai_addr, found->ai_addrlen);
    net->address_bytes = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool find_place(struct net_socket *net, struct error *error)
{
    if (!strncmp(net->place, "unix:", 5))
        return find_unix(net, net->place + 5, error);
    if (!strncmp(net->place, "tcp:", 4))
        return find_tcp(net, net->place + 4, error);
    return error_set(error, "--net socket:%s: unix:PATH or tcp:HOST:PORT is expected", net->place);
}

/* --- the connection -------------------------------------------------------------------------------- */

static void drop(struct net_socket *net)
{
    close(net->fd);
    net->fd = -1;
    net->connecting = false;
    net->in_count = net->out_count = net->out_at = 0;
}

static void hung_up(struct net_socket *net)
{
    if (!net->connecting)
        fprintf(stderr, "armature: --net socket:%s: the other machine hung up; waiting for it\n", net->place);
    drop(net);
}

static bool start_connecting(struct net_socket *net)
{
    net->fd = socket(net->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (net->fd < 0)
        return false;
    net->connecting = connect(net->fd, (struct sockaddr *)&net->address, net->address_bytes) < 0;
    if (!net->connecting || errno == EINPROGRESS)
        return true;
    drop(net);
    return false;
}

static void flush_out(struct net_socket *net)
{
    while (net->out_at < net->out_count) {
        ssize_t sent = send(net->fd, net->out + net->out_at, net->out_count - net->out_at, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN)
            hung_up(net);
        if (sent < 0)
            return;
        net->out_at += (size_t)sent;
    }
    net->out_at = net->out_count = 0;
}

static void socket_send(struct net_backend *backend, const void *frame, size_t length)
{
    struct net_socket *net = (struct net_socket *)backend;
    const uint8_t head[4] = {0, 0, (uint8_t)(length >> 8), (uint8_t)length};
    if (net->fd < 0 || net->connecting)
        return;
    if (net->out_at && net->out_count + sizeof head + length > OUT_BYTES) {
        memmove(net->out, net->out + net->out_at, net->out_count - net->out_at);
        net->out_count -= net->out_at;
        net->out_at = 0;
    }
    if (net->out_count + sizeof head + length > OUT_BYTES)
        return;
    memcpy(net->out + net->out_count, head, sizeof head);
    memcpy(net->out + net->out_count + sizeof head, frame, length);
    net->out_count += sizeof head + length;
    flush_out(net);
    if (net->out_count && net->post.inputs)
        host_waits_changed(net->post.inputs);
}

/* Posts the whole frames that have come. False: that is no stream of frames. */
static bool take_frames(struct net_socket *net)
{
    size_t at = 0;
    while (net->in_count - at >= 4) {
        const uint8_t *head = net->in + at;
        size_t length = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        if (length > NET_BIG_MAX_BYTES)
            return false;
        if (net->in_count - at - 4 < length)
            break;
        net_post_frame(&net->post, head + 4, length); /* which drops one that no cable carries */
        at += 4 + length;
    }
    memmove(net->in, net->in + at, net->in_count - at);
    net->in_count -= at;
    return true;
}

static void receive(struct net_socket *net)
{
    ssize_t length = recv(net->fd, net->in + net->in_count, IN_BYTES - net->in_count, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length > 0) {
        net->in_count += (size_t)length;
        if (take_frames(net)) {
            net_post_flush(&net->post);
            return;
        }
        fprintf(stderr, "armature: --net socket:%s: what comes is no network\n", net->place);
    }
    net_post_flush(&net->post);
    hung_up(net);
}

/* --- polling --------------------------------------------------------------------------------------- */

static int socket_fill(void *backend, struct pollfd *fds, int capacity, int *timeout_ms)
{
    struct net_socket *net = backend;
    if (capacity < 1)
        return 0;
    if (net->fd < 0 && net->listener < 0 && !start_connecting(net)) {
        if (*timeout_ms < 0 || *timeout_ms > AGAIN_MS)
            *timeout_ms = AGAIN_MS;
        return 0;
    }
    if (net->fd < 0)
        fds[0] = (struct pollfd){.fd = net->listener, .events = POLLIN};
    else
        fds[0] = (struct pollfd){.fd = net->fd,
                                 .events = (short)((net->connecting || net->out_count ? POLLOUT : 0) |
                                                   (net_post_room(&net->post) ? POLLIN : 0))};
    return 1;
}

static void finish_connecting(struct net_socket *net)
{
    int failure = 0;
    socklen_t length = sizeof failure;
    getsockopt(net->fd, SOL_SOCKET, SO_ERROR, &failure, &length);
    if (failure)
        drop(net);
    else
        net->connecting = false;
}

static void socket_done(void *backend, const struct pollfd *fds, int count, bool poll_failed)
{
    struct net_socket *net = backend;
    short got = poll_failed || count < 1 ? 0 : fds[0].revents;
    if (!got)
        return;
    if (net->fd < 0 && net->listener >= 0 && fds[0].fd == net->listener) {
        net->fd = accept4(net->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        return;
    }
    if (fds[0].fd != net->fd)
        return;
    if (net->connecting) {
        finish_connecting(net);
        return;
    }
    if (got & POLLOUT)
        flush_out(net);
    if (net->fd >= 0 && (got & (POLLIN | POLLHUP | POLLERR)))
        receive(net);
}

/* The other machine may send at any time, as long as there is one. */
static bool socket_busy(void *backend)
{
    return ((struct net_socket *)backend)->fd >= 0;
}

/* --- life ------------------------------------------------------------------------------------------ */

static void socket_attach(struct net_backend *backend, struct inputs *inputs, unsigned source)
{
    struct net_socket *net = (struct net_socket *)backend;
    net_post_init(&net->post, inputs, source);
    net->poller =
        (struct host_poller){.fill = socket_fill, .done = socket_done, .busy = socket_busy, .backend = net};
    host_poller_add(inputs, &net->poller);
}

static void socket_free(struct net_backend *backend)
{
    struct net_socket *net = (struct net_socket *)backend;
    if (net->fd >= 0)
        close(net->fd);
    if (net->listener >= 0) {
        close(net->listener);
        if (net->address.ss_family == AF_UNIX)
            unlink(((struct sockaddr_un *)&net->address)->sun_path);
    }
    free(net->place);
    free(net);
}

static bool start_listening(struct net_socket *net, struct error *error)
{
    int one = 1;
    net->listener = socket(net->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (net->listener >= 0 && net->address.ss_family != AF_UNIX)
        setsockopt(net->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (net->listener >= 0 && bind(net->listener, (struct sockaddr *)&net->address, net->address_bytes) == 0 &&
        listen(net->listener, 1) == 0)
        return true;
    error_set(error, "--net socket:%s: cannot listen there: %s; choose another place", net->place, strerror(errno));
    if (net->listener >= 0)
        close(net->listener);
    net->listener = -1; /* whose path is somebody else's */
    return false;
}

struct net_backend *net_socket_open(const char *place, bool listens, struct error *error)
{
    static const struct net_backend_ops ops = {.send = socket_send, .attach = socket_attach, .free = socket_free};
    struct net_socket *net = host_alloc(1, sizeof *net);
    net->backend = (struct net_backend){.ops = &ops};
    net->listener = net->fd = -1;
    net->place = strdup(place);
    bool good = net->place && find_place(net, error);
    if (good && listens)
        good = start_listening(net, error);
    else if (good && !start_connecting(net))
        good = error_set(error, "--net socket:%s: cannot connect: %s; start the machine that listens there first",
                         place, strerror(errno));
    if (good)
        return &net->backend;
    socket_free(&net->backend);
    return NULL;
}
