/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listening, accepting one peer at a time, buffering both ways. */
#include "debugger/front/channel.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define RECEIVE_BYTES   65536u
#define SEND_TIMEOUT_MS 10000

struct channel {
    struct session *session;
    const char *what;
    const struct channel_ops *ops;
    char *path; /* of a Unix socket */
    int listen_fd, fd;
    struct host_watch listen_watch, watch;
    uint8_t bytes[RECEIVE_BYTES];
    size_t used;
    bool pending, serving;
    struct channel *next;
};

static struct channel *channels;
static bool anybody_came;

struct session *channel_session(const struct channel *channel)
{
    return channel->session;
}

bool channel_connected(const struct channel *channel)
{
    return channel->fd >= 0;
}

bool channels_left(void)
{
    for (const struct channel *channel = channels; channel; channel = channel->next)
        if (channel->fd >= 0)
            return false;
    return anybody_came;
}

/* --- the peer -------------------------------------------------------------------------------------- */

static void drop(struct channel *channel)
{
    if (channel->fd < 0)
        return;
    host_watch_remove(channel->session->machine->inputs, &channel->watch);
    close(channel->fd);
    channel->fd = -1;
    channel->used = 0;
    channel->pending = false;
    if (channel->ops->gone)
        channel->ops->gone(channel);
}

void channel_send(struct channel *channel, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    while (channel->fd >= 0 && length) {
        ssize_t sent = send(channel->fd, from, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            from += sent;
            length -= (size_t)sent;
            continue;
        }
        struct pollfd poll_fd = {channel->fd, POLLOUT, 0};
        if (sent < 0 && errno == EINTR)
            continue;
        if (!(sent < 0 && errno == EAGAIN) || poll(&poll_fd, 1, SEND_TIMEOUT_MS) <= 0) {
            drop(channel);
            return;
        }
    }
}

void channel_take(struct channel *channel, size_t length)
{
    memmove(channel->bytes, channel->bytes + length, channel->used - length);
    channel->used -= length;
}

void channel_drop(struct channel *channel)
{
    drop(channel);
}

/* Deals with what has been received, as far as it is whole. What comes while a command of the peer's runs the guest is
 * dealt with inside that. */
static void serve(struct channel *channel)
{
    const bool was_serving = channel->serving;
    if (was_serving && !channel->session->running)
        return;
    channel->serving = true;
    while (channel->fd >= 0 && channel->used && !channel->session->quit)
        if (!channel->ops->received(channel, channel->bytes, channel->used)) {
            if (channel->used == sizeof channel->bytes)
                drop(channel); /* a line longer than that is none of ours */
            break;
        }
    channel->serving = was_serving;
}

static void on_readable(void *backend, short revents)
{
    struct channel *channel = backend;
    ssize_t length = recv(channel->fd, channel->bytes + channel->used, sizeof channel->bytes - channel->used, 0);
    if (length < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (length <= 0) {
        drop(channel);
        return;
    }
    size_t before = channel->used;
    channel->used += (size_t)length;
    if (!channel->session->running) {
        serve(channel);
        return;
    }
    if (channel->ops->interrupts(channel, channel->bytes + before, (size_t)length)) {
        channel->pending = channel->session->peers_wait = true;
        run_loop_halt(&channel->session->machine->loop);
    }
}

bool channels_serve(struct session *session)
{
    bool any = false;
    session->peers_wait = false;
    for (struct channel *channel = channels; channel; channel = channel->next) {
        if (!channel->pending)
            continue;
        any = true;
        channel->pending = false;
        serve(channel);
    }
    return any;
}

/* --- listening ------------------------------------------------------------------------------------- */

static void on_client(void *backend, short revents)
{
    struct channel *channel = backend;
    int fd = accept4(channel->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (channel->fd >= 0) { /* one at a time */
        close(fd);
        return;
    }
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* of a Unix socket it fails, and is not needed */
    channel->fd = fd;
    anybody_came = true;
    channel->used = 0;
    channel->watch = (struct host_watch){fd, POLLIN, on_readable, channel};
    host_watch_add(channel->session->machine->inputs, &channel->watch);
    if (channel->ops->connected)
        channel->ops->connected(channel);
}

static bool listen_unix(struct channel *channel, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat information;
    if (!*path || strlen(path) >= sizeof address.sun_path)
        return error_set(error, "%s: unix:%s: the name of a socket has 1 to %zu bytes", channel->what, path,
                         sizeof address.sun_path - 1);
    strcpy(address.sun_path, path);
    const struct sockaddr *to = (const struct sockaddr *)&address;
    channel->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool bound = channel->listen_fd >= 0 && bind(channel->listen_fd, to, sizeof address) == 0;
    if (!bound && channel->listen_fd >= 0 && errno == EADDRINUSE) { /* one that a program left behind, or in use */
        if (lstat(path, &information) < 0 || !S_ISSOCK(information.st_mode) ||
            connect(channel->listen_fd, to, sizeof address) == 0 || errno != ECONNREFUSED)
            return error_set(error, "%s: %s is in use by another program or is no socket; choose another name",
                             channel->what, path);
        bound = unlink(path) == 0 && bind(channel->listen_fd, to, sizeof address) == 0;
    }
    if (!bound || listen(channel->listen_fd, 4) < 0)
        return error_set(error, "%s: the socket %s cannot be made: %s", channel->what, path, strerror(errno));
    channel->path = strdup(path);
    return true;
}

static bool listen_tcp(struct channel *channel, const char *text, struct error *error)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
    char host[64], *end;
    unsigned long number = strtoul(port, &end, 10);
    bool good = *port >= '0' && *port <= '9' && !*end && number > 0 && number <= UINT16_MAX;
    if (good && colon) {
        good = (size_t)(colon - text) < sizeof host;
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
        good = good && inet_pton(AF_INET, host, &address.sin_addr) == 1;
    }
    if (!good)
        return error_set(error, "%s expects unix:PATH or tcp:PORT (also tcp:ADDRESS:PORT), not 'tcp:%s'", channel->what,
                         text);
    address.sin_port = htons((uint16_t)number);
    channel->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;
    if (channel->listen_fd >= 0)
        setsockopt(channel->listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (channel->listen_fd < 0 || bind(channel->listen_fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(channel->listen_fd, 4) < 0)
        return error_set(error, "%s: port %lu cannot be listened on: %s", channel->what, number, strerror(errno));
    return true;
}

struct channel *channel_open(struct session *session, const char *what, const char *address,
                             const struct channel_ops *ops, struct error *error)
{
    struct channel *channel = host_alloc(1, sizeof *channel);
    channel->session = session;
    channel->what = what;
    channel->ops = ops;
    channel->listen_fd = channel->fd = -1;
    bool opened = !strncmp(address, "unix:", 5) ? listen_unix(channel, address + 5, error)
                  : !strncmp(address, "tcp:", 4)
                      ? listen_tcp(channel, address + 4, error)
                      : error_set(error, "%s expects unix:PATH or tcp:PORT, not '%s'", what, address);
    if (!opened) {
        if (channel->listen_fd >= 0)
            close(channel->listen_fd);
        free(channel);
        return NULL;
    }
    channel->listen_watch = (struct host_watch){channel->listen_fd, POLLIN, on_client, channel};
    host_watch_add(session->machine->inputs, &channel->listen_watch);
    channel->next = channels;
    channels = channel;
    return channel;
}

void channels_close(struct session *session)
{
    while (channels) {
        struct channel *channel = channels;
        channels = channel->next;
        channel->serving = true; /* `gone` does nothing that matters any more */
        drop(channel);
        host_watch_remove(session->machine->inputs, &channel->listen_watch);
        close(channel->listen_fd);
        if (channel->path)
            unlink(channel->path);
        free(channel->path);
        free(channel);
    }
}
