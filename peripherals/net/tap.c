/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TAP interface: a descriptor, a frame at a time. */
#include "peripherals/net/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FRAMES_AT_ONCE 64

struct net_tap {
    struct net_backend backend;
    int fd;
    struct net_post post;
    struct host_poller poller;
};

static void tap_send(struct net_backend *backend, const void *frame, size_t length)
{
    /* An interface that is down, or whose queue is full, loses the frame. */
    ssize_t written = write(((struct net_tap *)backend)->fd, frame, length);
    (void)written;
}

static int tap_fill(void *backend, struct pollfd *fds, int capacity, int *timeout_ms)
{
    struct net_tap *tap = backend;
    if (capacity < 1 || !net_post_room(&tap->post))
        return 0;
    fds[0] = (struct pollfd){.fd = tap->fd, .events = POLLIN};
    return 1;
}

static void tap_done(void *backend, const struct pollfd *fds, int count, bool poll_failed)
{
    struct net_tap *tap = backend;
    uint8_t frame[NET_FRAME_MAX_BYTES + 1]; /* a longer one is seen to be so, and lost */
    ssize_t length;
    if (poll_failed || count < 1 || !(fds[0].revents & POLLIN))
        return;
    for (unsigned i = 0; i < FRAMES_AT_ONCE && (length = read(tap->fd, frame, sizeof frame)) > 0; i++)
        net_post_frame(&tap->post, frame, (size_t)length);
    net_post_flush(&tap->post);
}

/* Whoever is at the other end may send at any time. */
static bool tap_busy(void *backend)
{
    return true;
}

static void tap_attach(struct net_backend *backend, struct inputs *inputs, unsigned source)
{
    struct net_tap *tap = (struct net_tap *)backend;
    net_post_init(&tap->post, inputs, source);
    tap->poller = (struct host_poller){.fill = tap_fill, .done = tap_done, .busy = tap_busy, .backend = tap};
    host_poller_add(inputs, &tap->poller);
}

static void tap_free(struct net_backend *backend)
{
    struct net_tap *tap = (struct net_tap *)backend;
    close(tap->fd);
    free(tap);
}

struct net_backend *net_tap_on(int fd)
{
    static const struct net_backend_ops ops = {.send = tap_send, .attach = tap_attach, .free = tap_free};
    struct net_tap *tap = host_alloc(1, sizeof *tap);
    tap->backend = (struct net_backend){.ops = &ops};
    tap->fd = fd;
    return &tap->backend;
}

struct net_backend *net_tap_open(const char *name, struct error *error)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        error_set(error, "--net tap:%s: /dev/net/tun cannot be opened: %s; load the module tun, or use --net user",
                  name, strerror(errno));
        return NULL;
    }
    if (strlen(name) < sizeof request.ifr_name)
        strcpy(request.ifr_name, name);
    if (!*request.ifr_name || ioctl(fd, TUNSETIFF, &request) < 0) {
        error_set(error,
                  "--net tap:%s: the host gives no such interface: %s; make it with: ip tuntap add %s mode tap user "
                  "NAME",
                  name, *request.ifr_name ? strerror(errno) : "its name is too long", name);
        close(fd);
        return NULL;
    }
    return net_tap_on(fd);
}
