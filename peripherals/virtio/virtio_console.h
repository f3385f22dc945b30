/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console device (virtio 1.2, section 5.3): one port that is a console, and more where asked for. */
#ifndef ARMATURE_VIRTIO_CONSOLE_H
#define ARMATURE_VIRTIO_CONSOLE_H

#include "machine/contract/device.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_CONSOLE_PORTS_MAX     4
#define VIRTIO_CONSOLE_CONTROL_MAX   32
#define VIRTIO_CONSOLE_PORT_NAME_MAX 32

struct virtio_console;

/** The host's end of a port. What comes from the host is posted to virtio_console_source(). */
struct virtio_console_sink {
    void (*transmit)(void *context, const void *bytes, size_t length); /* NULL: output is dropped */
    void *context;
    /* For what is at that end and belongs to the machine: the guest has opened the port or closed it; may have given
     * room for virtio_console_send(). NULL: it does not matter. */
    void (*opened)(void *context, bool open);
    void (*room)(void *context);
};

struct virtio_console_port {
    struct virtio_console *console;
    struct virtio_console_sink sink;
    char name[VIRTIO_CONSOLE_PORT_NAME_MAX]; /* the guest's /dev/virtio-ports/NAME; empty for the console */
    char source_name[VIRTIO_CONSOLE_PORT_NAME_MAX + 8];
    unsigned source; /* number of its input source */
    bool guest_open; /* the guest has the port open (only told with several ports) */
};

/** A control message (5.3.6.2) that waits for the driver to have room for it. */
struct virtio_console_control {
    uint32_t id;
    uint16_t event, value;
};

struct virtio_console {
    struct virtio_device virtio; /* what virtio_mmio_create() takes */
    struct inputs *inputs;
    uint8_t config[12]; /* cols, rows, max_nr_ports, emerg_wr */
    unsigned port_count;
    struct virtio_console_port ports[VIRTIO_CONSOLE_PORTS_MAX];
    struct virtio_console_control control[VIRTIO_CONSOLE_CONTROL_MAX]; /* a ring, oldest at control_first */
    uint32_t control_first, control_count;
};

extern const struct device_class virtio_console_class;

/** Makes a console with one port, port 0. `name` ("console0") names its input source. `inputs` may be NULL
 * where nothing is ever typed. */
struct virtio_console *virtio_console_create(struct bus *bus, struct inputs *inputs, const char *name,
                                             struct virtio_console_sink sink);

/** Makes one whose port 0 is no console but called `port_name`. */
struct virtio_console *virtio_console_create_port(struct bus *bus, const char *port_name,
                                                  struct virtio_console_sink sink);

/** Sends to the guest what there is room for, from within the machine; returns how many bytes that was. */
size_t virtio_console_send(struct virtio_console *console, unsigned port, const void *bytes, size_t length);

/** Adds a port (at most VIRTIO_CONSOLE_PORTS_MAX in all), before the machine runs; returns its number. */
unsigned virtio_console_add_port(struct virtio_console *console, const char *name,
                                 struct virtio_console_sink sink);

/** The input source of a port, for input_post() and serial_attach(). */
unsigned virtio_console_source(const struct virtio_console *console, unsigned port);

#endif
