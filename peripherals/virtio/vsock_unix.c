/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections between sockets of the guest and Unix sockets of the host. All that is known of them is here, and none of
 * it is the machine's: what the guest gets of them are inputs.
 *
 * Each side tells the other how many bytes it can hold, and how many it has handed on (5.10.6.3); what is on its way is
 * never more. */
#include "peripherals/virtio/vsock.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BUFFER_BYTES    (256u << 10) /* of a connection, for what the guest sends */
#define PIECE_BYTES     3072u        /* at a time to the guest: less than a buffer of Linux's driver holds */
#define PIECES          16           /* one after the other */
#define CONNECTIONS_MAX 100
#define FIRST_PORT      (1u << 30) /* of the host, for connections from there */
#define LINE_BYTES      32

enum state {
    ASKING,    /* the host's side has not said yet which port it wants */
    REQUESTED, /* the guest has not answered yet */
    OPEN,
};

struct connection {
    struct connection *next;
    enum state state;
    int fd;
    uint32_t host_port, guest_port;
    uint32_t guest_buffer, guest_forwarded, sent; /* what the guest said, and how many bytes it was sent */
    uint32_t forwarded, forwarded_told;
    bool host_ended, guest_ended; /* nothing more comes from there */
    char line[LINE_BYTES];
    size_t line_bytes, out_at, out_count;
    uint8_t out[BUFFER_BYTES]; /* for the host's side */
};

struct vsock_unix {
    struct vsock_backend backend;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    uint32_t guest_cid, next_port;
    int listener; /* -1: it leads nowhere */
    struct inputs *inputs;
    unsigned source;
    struct host_poller poller;
    struct connection *connections;
    unsigned count;
};

/* --- packets for the guest ------------------------------------------------------------------------- */

static void post(struct vsock_unix *vsock, uint32_t host_port, uint32_t guest_port, enum vsock_operation operation,
                 uint32_t flags, const struct connection *connection, const void *payload, size_t length)
{
    uint8_t bytes[sizeof(struct vsock_header) + PIECE_BYTES];
    const struct vsock_header header = {
        .source_cid = VSOCK_HOST_CID,
        .destination_cid = vsock->guest_cid,
        .source_port = host_port,
        .destination_port = guest_port,
        .length = (uint32_t)length,
        .type = VSOCK_TYPE_STREAM,
        .operation = operation,
        .flags = flags,
        .buffer_bytes = connection ? BUFFER_BYTES : 0,
        .forwarded_bytes = connection ? connection->forwarded : 0,
    };
    memcpy(bytes, &header, sizeof header);
    if (length)
        memcpy(bytes + sizeof header, payload, length);
    input_post(vsock->inputs, vsock->source, bytes, sizeof header + length);
}

static void tell(struct vsock_unix *vsock, struct connection *connection, enum vsock_operation operation,
                 uint32_t flags, const void *payload, size_t length)
{
    connection->forwarded_told = connection->forwarded;
    post(vsock, connection->host_port, connection->guest_port, operation, flags, connection, payload, length);
}

/* How many bytes the guest can take. */
static uint32_t credit(const struct connection *connection)
{
    uint32_t under_way = connection->sent - connection->guest_forwarded;
    return under_way >= connection->guest_buffer ? 0 : connection->guest_buffer - under_way;
}

/* --- connections ----------------------------------------------------------------------------------- */

static struct connection *add(struct vsock_unix *vsock, enum state state, int fd)
{
    struct connection *connection = vsock->count < CONNECTIONS_MAX ? calloc(1, sizeof *connection) : NULL;
    if (!connection) {
        close(fd);
        return NULL;
    }
    connection->state = state;
    connection->fd = fd;
    connection->next = vsock->connections;
    vsock->connections = connection;
    vsock->count++;
    return connection;
}

static void drop(struct vsock_unix *vsock, struct connection *connection)
{
    struct connection **link = &vsock->connections;
    while (*link != connection)
        link = &(*link)->next;
    *link = connection->next;
    vsock->count--;
    close(connection->fd);
    free(connection);
}

static struct connection *find(struct vsock_unix *vsock, uint32_t host_port, uint32_t guest_port)
{
    for (struct connection *connection = vsock->connections; connection; connection = connection->next)
        if (connection->state != ASKING && connection->host_port == host_port && connection->guest_port == guest_port)
            return connection;
    return NULL;
}

/* Writes what the host's side takes. False: it is gone, and with it the connection. */
static bool flush_out(struct vsock_unix *vsock, struct connection *connection)
{
    while (connection->out_count) {
        ssize_t sent = send(connection->fd, connection->out + connection->out_at, connection->out_count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            return true;
        if (sent < 0) {
            tell(vsock, connection, VSOCK_RESET, 0, NULL, 0);
            drop(vsock, connection);
            return false;
        }
        connection->out_at += (size_t)sent;
        connection->out_count -= (size_t)sent;
        connection->forwarded += (uint32_t)sent;
    }
    connection->out_at = 0;
    if (connection->forwarded - connection->forwarded_told >= BUFFER_BYTES / 4)
        tell(vsock, connection, VSOCK_CREDIT_UPDATE, 0, NULL, 0);
    if (connection->guest_ended)
        shutdown(connection->fd, SHUT_WR);
    return true;
}

/* --- from the guest -------------------------------------------------------------------------------- */

static void take_request(struct vsock_unix *vsock, const struct vsock_header *header)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s_%u", vsock->path, header->destination_port);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && length < (int)sizeof address.sun_path &&
                connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    struct connection *connection = good ? add(vsock, OPEN, fd) : NULL;
    if (!good && fd >= 0)
        close(fd);
    if (!connection) {
        post(vsock, header->destination_port, header->source_port, VSOCK_RESET, 0, NULL, NULL, 0);
        return;
    }
    connection->host_port = header->destination_port;
    connection->guest_port = header->source_port;
    connection->guest_buffer = header->buffer_bytes;
    connection->guest_forwarded = header->forwarded_bytes;
    tell(vsock, connection, VSOCK_RESPONSE, 0, NULL, 0);
}

static void take_response(struct vsock_unix *vsock, struct connection *connection)
{
    char answer[LINE_BYTES];
    int length = snprintf(answer, sizeof answer, "OK %u\n", connection->host_port);
    connection->state = OPEN;
    /* A new socket has room for that. */
    if (send(connection->fd, answer, (size_t)length, MSG_NOSIGNAL) == length)
        return;
    tell(vsock, connection, VSOCK_RESET, 0, NULL, 0);
    drop(vsock, connection);
}

static void take_data(struct vsock_unix *vsock, struct connection *connection, const void *payload, size_t length)
{
    if (connection->out_count + length > BUFFER_BYTES || connection->guest_ended || connection->state != OPEN) {
        tell(vsock, connection, VSOCK_RESET, 0, NULL, 0); /* it was told how many bytes there is room for */
        drop(vsock, connection);
        return;
    }
    if (connection->out_at + connection->out_count + length > BUFFER_BYTES) {
        memmove(connection->out, connection->out + connection->out_at, connection->out_count);
        connection->out_at = 0;
    }
    memcpy(connection->out + connection->out_at + connection->out_count, payload, length);
    connection->out_count += length;
    flush_out(vsock, connection);
}

static void take_shutdown(struct vsock_unix *vsock, struct connection *connection, uint32_t flags)
{
    connection->guest_ended |= flags & VSOCK_SHUTDOWN_SEND;
    if (!flush_out(vsock, connection) || !(flags & VSOCK_SHUTDOWN_RECEIVE))
        return;
    connection->host_ended = true;
    if (connection->guest_ended && !connection->out_count) {
        tell(vsock, connection, VSOCK_RESET, 0, NULL, 0);
        drop(vsock, connection);
    }
}

static void vsock_send(struct vsock_backend *backend, const struct vsock_header *header, const void *payload)
{
    struct vsock_unix *vsock = (struct vsock_unix *)backend;
    if (vsock->listener < 0)
        return;
    struct connection *connection = find(vsock, header->destination_port, header->source_port);
    bool stream = header->type == VSOCK_TYPE_STREAM && header->destination_cid == VSOCK_HOST_CID;
    if (stream && !connection && header->operation == VSOCK_REQUEST) {
        take_request(vsock, header);
    } else if (!stream || !connection) {
        if (header->operation != VSOCK_RESET) /* nobody has that connection */
            post(vsock, header->destination_port, header->source_port, VSOCK_RESET, 0, NULL, NULL, 0);
    } else {
        connection->guest_buffer = header->buffer_bytes;
        connection->guest_forwarded = header->forwarded_bytes;
        switch (header->operation) {
        case VSOCK_RESPONSE:
            if (connection->state == REQUESTED)
                take_response(vsock, connection);
            break;
        case VSOCK_RESET: drop(vsock, connection); break;
        case VSOCK_SHUTDOWN: take_shutdown(vsock, connection, header->flags); break;
        case VSOCK_DATA: take_data(vsock, connection, payload, header->length); break;
        case VSOCK_CREDIT_UPDATE: break;
        case VSOCK_CREDIT_REQUEST: tell(vsock, connection, VSOCK_CREDIT_UPDATE, 0, NULL, 0); break;
        default:
            tell(vsock, connection, VSOCK_RESET, 0, NULL, 0);
            drop(vsock, connection);
        }
    }
    if (vsock->inputs)
        host_waits_changed(vsock->inputs);
}

/* --- from the host --------------------------------------------------------------------------------- */

/* Reads "CONNECT PORT\n", a byte at a time, as what follows is the guest's. */
static void take_line(struct vsock_unix *vsock, struct connection *connection)
{
    unsigned port;
    char byte, end;
    while (connection->line_bytes < sizeof connection->line - 1) {
        ssize_t got = recv(connection->fd, &byte, 1, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0)
            break;
        if (byte != '\n') {
            connection->line[connection->line_bytes++] = byte;
            continue;
        }
        if (sscanf(connection->line, "CONNECT %u%c", &port, &end) != 1)
            break;
        connection->state = REQUESTED;
        connection->guest_port = port;
        do
            connection->host_port = vsock->next_port++ | FIRST_PORT;
        while (find(vsock, connection->host_port, port) != connection);
        tell(vsock, connection, VSOCK_REQUEST, 0, NULL, 0);
        return;
    }
    drop(vsock, connection);
}

/* Hands on what the host's side sends. */
static void take_bytes(struct vsock_unix *vsock, struct connection *connection, bool hung_up)
{
    uint8_t bytes[PIECE_BYTES];
    for (unsigned i = 0; i < PIECES && credit(connection); i++) {
        uint32_t room = credit(connection);
        ssize_t got = recv(connection->fd, bytes, room < sizeof bytes ? room : sizeof bytes, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got > 0) {
            connection->sent += (uint32_t)got;
            tell(vsock, connection, VSOCK_DATA, 0, bytes, (size_t)got);
            continue;
        }
        connection->host_ended = true;
        if (got < 0 || hung_up) {
            tell(vsock, connection, VSOCK_SHUTDOWN, VSOCK_SHUTDOWN_SEND | VSOCK_SHUTDOWN_RECEIVE, NULL, 0);
            drop(vsock, connection);
        } else {
            tell(vsock, connection, VSOCK_SHUTDOWN, VSOCK_SHUTDOWN_SEND, NULL, 0);
        }
        return;
    }
}

/* --- polling --------------------------------------------------------------------------------------- */

static short wanted(const struct connection *connection)
{
    bool reads = connection->state == ASKING ||
                 (connection->state == OPEN && !connection->host_ended && credit(connection) > 0);
    return (short)((reads ? POLLIN : 0) | (connection->out_count ? POLLOUT : 0));
}

static int vsock_fill(void *backend, struct pollfd *fds, int capacity, int *timeout_ms)
{
    struct vsock_unix *vsock = backend;
    int count = 0;
    if (capacity > 0)
        fds[count++] = (struct pollfd){.fd = vsock->listener, .events = POLLIN};
    bool room = input_room(vsock->inputs, vsock->source) > CONNECTIONS_MAX * PIECES * 2 * PIECE_BYTES;
    for (const struct connection *at = vsock->connections; room && at && count < capacity; at = at->next)
        if (wanted(at)) /* one that asks for nothing would report that its peer hung up, again and again */
            fds[count++] = (struct pollfd){.fd = at->fd, .events = wanted(at)};
    return count;
}

static void serve(struct vsock_unix *vsock, struct connection *connection, short got)
{
    if (connection->state == ASKING) {
        take_line(vsock, connection);
        return;
    }
    if ((got & (POLLOUT | POLLERR)) && !flush_out(vsock, connection))
        return;
    if (connection->state == OPEN && !connection->host_ended && (got & (POLLIN | POLLHUP | POLLERR)))
        take_bytes(vsock, connection, got & POLLHUP);
}

static void vsock_done(void *backend, const struct pollfd *fds, int count, bool poll_failed)
{
    struct vsock_unix *vsock = backend;
    for (int i = 0; i < count && !poll_failed; i++) {
        struct connection *at = vsock->connections;
        if (!fds[i].revents)
            continue;
        if (fds[i].fd == vsock->listener) {
            int fd = accept4(vsock->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0)
                add(vsock, ASKING, fd);
            continue;
        }
        while (at && at->fd != fds[i].fd)
            at = at->next;
        if (at)
            serve(vsock, at, fds[i].revents);
    }
}

/* The host's side of a connection may say something at any time. */
static bool vsock_busy(void *backend)
{
    return ((struct vsock_unix *)backend)->count > 0;
}

/* --- life ------------------------------------------------------------------------------------------ */

static void vsock_attach(struct vsock_backend *backend, struct inputs *inputs, unsigned source)
{
    struct vsock_unix *vsock = (struct vsock_unix *)backend;
    vsock->inputs = inputs;
    vsock->source = source;
    if (vsock->listener < 0)
        return;
    vsock->poller = (struct host_poller){.fill = vsock_fill, .done = vsock_done, .busy = vsock_busy, .backend = vsock};
    host_poller_add(inputs, &vsock->poller);
}

static void vsock_free(struct vsock_backend *backend)
{
    struct vsock_unix *vsock = (struct vsock_unix *)backend;
    while (vsock->connections)
        drop(vsock, vsock->connections);
    if (vsock->listener >= 0) {
        close(vsock->listener);
        unlink(vsock->path);
    }
    free(vsock);
}

struct vsock_backend *vsock_unix_open(const char *path, uint32_t guest_cid, struct error *error)
{
    static const struct vsock_backend_ops ops = {.send = vsock_send, .attach = vsock_attach, .free = vsock_free};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct vsock_unix *vsock = host_alloc(1, sizeof *vsock);
    *vsock = (struct vsock_unix){.backend = {&ops}, .guest_cid = guest_cid, .next_port = FIRST_PORT, .listener = -1};
    if (!*path)
        return &vsock->backend;
    snprintf(vsock->path, sizeof vsock->path, "%s", path);
    strcpy(address.sun_path, vsock->path);
    vsock->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (vsock->listener >= 0 && bind(vsock->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(vsock->listener, 16) == 0)
        return &vsock->backend;
    error_set(error, "--vsock %s: cannot listen there: %s; remove it, or choose another path", path, strerror(errno));
    if (vsock->listener >= 0)
        close(vsock->listener);
    free(vsock);
    return NULL;
}
