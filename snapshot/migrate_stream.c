/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Messages between two processes, over a socket. */
#include "snapshot/migrate_stream.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "machine/contract/fields.h"

#define AHEAD_BYTES (256u << 10)
#define STEP_BYTES                                                                                                     \
    (1u << 20) /* a body is taken in by so much at a time: nobody makes us allocate what he does not send */

/* --- connections ----------------------------------------------------------------------------------- */

void migrate_attach(struct migrate_stream *stream, int fd)
{
    const struct timeval patience = {.tv_sec = MIGRATE_PATIENCE_S};
    const int on = 1;
    *stream = (struct migrate_stream){.fd = fd};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* of no effect on other sockets */
}

void migrate_close(struct migrate_stream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    bytes_free(&stream->body);
    bytes_free(&stream->out);
    free(stream->ahead);
    stream->ahead = NULL;
    stream->fd = -1;
}

/* The places that "tcp:HOST:PORT" may mean; NULL: none. Freed by freeaddrinfo(). */
static struct addrinfo *resolve(const char *address, int flags, struct error *error)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    char host[256];
    const char *port = strrchr(address, ':');
    bool good =
        !strncmp(address, "tcp:", 4) && port > address + 4 && port[1] && (size_t)(port - address - 4) < sizeof host;
    if (!good) {
        error_set(error, "migration: %s is no place: tcp:HOST:PORT is expected", address);
        return NULL;
    }
    snprintf(host, sizeof host, "%.*s", (int)(port - address - 4), address + 4);
    int failure = getaddrinfo(host, port + 1, &hints, &found);
    if (!failure)
        return found;
    error_set(error, "migration: %s: %s", address, gai_strerror(failure));
    return NULL;
}

/* A socket that `use` could use for one of the places. */
static int open_socket(const char *address, int flags, int (*use)(int, const struct sockaddr *, socklen_t),
                       struct error *error)
{
    struct addrinfo *places = resolve(address, flags, error);
    const struct timeval patience = {.tv_sec = MIGRATE_PATIENCE_S}; /* of connect(), too */
    const int on = 1;
    int fd = -1, reason = 0;
    for (const struct addrinfo *at = places; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd >= 0)
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (fd >= 0 && flags)
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (fd >= 0 && use(fd, at->ai_addr, at->ai_addrlen) == 0)
            break;
        reason = errno;
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    if (places) {
        freeaddrinfo(places);
        if (fd < 0)
            error_set(error, "migration: %s: %s", address, strerror(reason));
    }
    return fd;
}

bool migrate_connect(struct migrate_stream *stream, const char *address, struct error *error)
{
    migrate_attach(stream, open_socket(address, 0, connect, error));
    return stream->fd >= 0;
}

bool migrate_accept(struct migrate_stream *stream, const char *address, struct error *error)
{
    int listener = open_socket(address, AI_PASSIVE, bind, error), fd = -1;
    stream->fd = -1;
    if (listener < 0)
        return false;
    if (listen(listener, 1) == 0) {
        struct sockaddr_storage place;
        socklen_t length = sizeof place;
        char port[16] = "?";
        if (getsockname(listener, (struct sockaddr *)&place, &length) == 0)
            getnameinfo((struct sockaddr *)&place, length, NULL, 0, port, sizeof port, NI_NUMERICSERV);
        fprintf(stderr, "armature: waiting for a machine at port %s\n", port);
        do
            fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        while (fd < 0 && errno == EINTR);
    }
    if (fd < 0)
        error_set(error, "migration: %s: %s", address, strerror(errno));
    close(listener);
    migrate_attach(stream, fd);
    return fd >= 0;
}

/* --- messages -------------------------------------------------------------------------------------- */

static bool broken(const char *doing, ssize_t result, struct error *error)
{
    return error_set(error, "migration: the other side %s", result == 0 ? "ended"
                     : errno == EAGAIN || errno == EWOULDBLOCK ? doing : strerror(errno));
}

static bool send_all(struct migrate_stream *stream, const void *bytes, size_t length, struct error *error)
{
    const uint8_t *at = bytes;
    while (length > 0) {
        ssize_t done = send(stream->fd, at, length, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return broken("takes nothing any more", done, error);
        at += done;
        length -= (size_t)done;
        stream->sent_bytes += (uint64_t)done;
    }
    return true;
}

static bool flush(struct migrate_stream *stream, struct error *error)
{
    bool good = send_all(stream, stream->out.at, stream->out.length, error);
    stream->out.length = 0;
    return good;
}

static bool look_ahead(struct migrate_stream *stream, struct error *error)
{
    ssize_t got;
    if (!stream->ahead)
        stream->ahead = host_alloc(1, AHEAD_BYTES);
    do
        got = recv(stream->fd, stream->ahead, AHEAD_BYTES, 0);
    while (got < 0 && errno == EINTR);
    stream->ahead_at = 0;
    stream->ahead_end = got > 0 ? (size_t)got : 0;
    return got > 0 || broken("is silent", got, error);
}

static bool receive_all(struct migrate_stream *stream, void *bytes, size_t length, struct error *error)
{
    uint8_t *at = bytes;
    while (length > 0) {
        if (stream->ahead_at == stream->ahead_end && !look_ahead(stream, error))
            return false;
        const size_t there = stream->ahead_end - stream->ahead_at, step = length < there ? length : there;
        memcpy(at, stream->ahead + stream->ahead_at, step);
        stream->ahead_at += step;
        at += step;
        length -= step;
    }
    return true;
}

bool migrate_send(struct migrate_stream *stream, enum migrate_kind kind, const void *first, size_t first_length,
                  const void *second, size_t second_length, struct error *error)
{
    struct bytes *out = &stream->out;
    struct migrate_head head = {.kind = kind, .length = (uint32_t)(first_length + second_length)};
    if (first_length + second_length > MIGRATE_BODY_MAX)
        return error_set(error, "migration: a part of the machine is too large to be sent");
    const size_t from = out->length;
    bytes_grow(out, sizeof head);
    bytes_put(out, first, first_length);
    bytes_put(out, second, second_length);
    head.checksum = hash_bytes(out->at + from + sizeof head, head.length, FIELDS_HASH_SEED);
    memcpy(out->at + from, &head, sizeof head);
    return (stream->held && out->length < STEP_BYTES) || flush(stream, error);
}

void migrate_hold(struct migrate_stream *stream)
{
    stream->held = true;
}

bool migrate_release(struct migrate_stream *stream, struct error *error)
{
    stream->held = false;
    return flush(stream, error);
}

bool migrate_receive(struct migrate_stream *stream, enum migrate_kind *kind, struct reader *body, struct error *error)
{
    struct migrate_head head;
    if (!receive_all(stream, &head, sizeof head, error))
        return false;
    if (head.kind < MIGRATE_HELLO || head.kind > MIGRATE_RUNS || head.length > MIGRATE_BODY_MAX)
        return error_set(error, "migration: what comes is no message of a machine that moves");
    stream->body.length = 0;
    for (size_t left = head.length, step; left > 0; left -= step) {
        step = left < STEP_BYTES ? left : STEP_BYTES;
        if (!receive_all(stream, bytes_grow(&stream->body, step), step, error))
            return false;
    }
    *kind = (enum migrate_kind)head.kind;
    *body = (struct reader){stream->body.at, head.length, false};
    return hash_bytes(stream->body.at, head.length, FIELDS_HASH_SEED) == head.checksum ||
           error_set(error, "migration: a message was damaged on its way");
}

bool migrate_expect(struct migrate_stream *stream, enum migrate_kind kind, struct reader *body, struct error *error)
{
    enum migrate_kind got;
    if (!migrate_receive(stream, &got, body, error))
        return false;
    if (got == MIGRATE_REFUSED)
        return error_set(error, "migration: the other side says: %.*s", (int)(body->left < 400 ? body->left : 400),
                         (const char *)body->at);
    return got == kind || error_set(error, "migration: the other side says what was not to come now");
}
