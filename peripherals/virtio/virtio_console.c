/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The console device (virtio 1.2, section 5.3).
 *
 * Queues: 0 and 1 receive and transmit for port 0; 2 and 3 are the control queues, to and from the driver;
 * port n > 0 has 2n + 2 and 2n + 3. A console of one port offers no control queues, and needs none. */
#include "peripherals/virtio/virtio_console.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- state --- */

static const struct field port_list[] = {
    FIELD_HOST(struct virtio_console_port, console),
    FIELD_HOST(struct virtio_console_port, sink),
    FIELD_HOST(struct virtio_console_port, name),
    FIELD_HOST(struct virtio_console_port, source_name),
    FIELD_HOST(struct virtio_console_port, source),
    FIELD(struct virtio_console_port, guest_open),
    FIELDS_END,
};
static const struct fields port_fields = {"virtio_console_port", sizeof(struct virtio_console_port),
                                          port_list};

static const struct field control_list[] = {
    FIELD(struct virtio_console_control, id),
    FIELD(struct virtio_console_control, event),
    FIELD(struct virtio_console_control, value),
    FIELDS_END,
};
static const struct fields control_fields = {"virtio_console_control", sizeof(struct virtio_console_control),
                                             control_list};

static const struct field virtio_console_list[] = {
    FIELD_STRUCT(struct virtio_console, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_console, inputs),
    FIELD_HOST(struct virtio_console, config),
    FIELD_HOST(struct virtio_console, port_count),
    FIELD_STRUCT_ARRAY(struct virtio_console, ports, &port_fields),
    FIELD_STRUCT_ARRAY(struct virtio_console, control, &control_fields),
    FIELD(struct virtio_console, control_first),
    FIELD(struct virtio_console, control_count),
    FIELDS_END,
};
static const struct fields virtio_console_fields = {"virtio-console", sizeof(struct virtio_console),
                                                    virtio_console_list};

/* --- tables --- */

#define FEATURE_MULTIPORT   (1ull << 1)
#define FEATURE_EMERG_WRITE (1ull << 2)

#define QUEUE_SIZE       128
#define QUEUE_CONTROL_RX 2
#define QUEUE_CONTROL_TX 3

#define CONFIG_MAX_PORTS   4
#define CONFIG_EMERG_WRITE 8

/* 5.3.6.2 */
enum control_event {
    CONTROL_DEVICE_READY = 0,
    CONTROL_PORT_ADD = 1,
    CONTROL_PORT_READY = 3,
    CONTROL_CONSOLE_PORT = 4,
    CONTROL_PORT_OPEN = 6,
    CONTROL_PORT_NAME = 7,
};

static unsigned port_rx_queue(unsigned port)
{
    return port == 0 ? 0 : 2 * port + 2;
}

static bool multiport(const struct virtio_console *console)
{
    return virtio_has(&console->virtio, FEATURE_MULTIPORT);
}

static unsigned port_number(const struct virtio_console_port *port)
{
    return port - port->console->ports;
}

/* --- from the host to the guest --- */

/* Whether the driver takes input of this port, and in which queue. */
static struct virtqueue *receiving_queue(struct virtio_console_port *port)
{
    struct virtio_console *console = port->console;
    struct virtqueue *queue = &console->virtio.queues[port_rx_queue(port_number(port))];

    if (!virtio_running(&console->virtio) || !queue->ready)
        return NULL;
    return multiport(console) && !port->guest_open ? NULL : queue;
}

static size_t port_ready(void *device)
{
    struct virtqueue *queue = receiving_queue(device);
    struct virtq_chain chain;

    if (!queue)
        return 0;
    switch (virtqueue_peek(queue, &chain)) {
    case VIRTQ_EMPTY: return 0;
    case VIRTQ_CHAIN: return chain.writable_bytes ? chain.writable_bytes : 1;
    case VIRTQ_BROKEN: break;
    }
    return 1; /* port_deliver() finds it out */
}

static bool port_listening(void *device)
{
    return port_ready(device) != 0;
}

/* Returns how many bytes there was room for. */
static size_t send_to(struct virtio_console_port *port, const void *bytes, size_t length)
{
    struct virtio_console *console = port->console;
    unsigned queue = port_rx_queue(port_number(port));
    struct virtq_chain chain;
    size_t done = 0;

    while (done < length && receiving_queue(port) && virtio_pop(&console->virtio, queue, &chain)) {
        size_t put =
            virtq_write(console->virtio.bus, &chain, 0, (const uint8_t *)bytes + done, length - done);
        virtio_put(&console->virtio, queue, chain.head, put);
        done += put;
    }
    virtio_signal(&console->virtio, queue);
    return done;
}

static void port_deliver(void *device, const void *bytes, size_t length)
{
    send_to(device, bytes, length);
}

size_t virtio_console_send(struct virtio_console *console, unsigned port, const void *bytes, size_t length)
{
    return send_to(&console->ports[port], bytes, length);
}

/* --- control --- */

static void post_control(struct virtio_console *console, uint32_t id, enum control_event event,
                         uint16_t value)
{
    unsigned slot = (console->control_first + console->control_count) % VIRTIO_CONSOLE_CONTROL_MAX;
    /* A driver that says again and again that it is ready gets no more than this. */
    if (console->control_count == VIRTIO_CONSOLE_CONTROL_MAX)
        return;
    console->control[slot] = (struct virtio_console_control){id, event, value};
    console->control_count++;
}

static void send_control(struct virtio_console *console)
{
    struct virtq_chain chain;

    while (console->control_count && virtio_pop(&console->virtio, QUEUE_CONTROL_RX, &chain)) {
        struct virtio_console_control message = console->control[console->control_first];
        size_t length = virtq_write(console->virtio.bus, &chain, 0, &message, sizeof message);
        if (message.event == CONTROL_PORT_NAME) {
            const char *name = console->ports[message.id].name;
            length += virtq_write(console->virtio.bus, &chain, sizeof message, name, strlen(name));
        }
        virtio_put(&console->virtio, QUEUE_CONTROL_RX, chain.head, length);
        console->control_first = (console->control_first + 1) % VIRTIO_CONSOLE_CONTROL_MAX;
        console->control_count--;
    }
    virtio_signal(&console->virtio, QUEUE_CONTROL_RX);
}

static void port_became_ready(struct virtio_console *console, unsigned port)
{
    if (console->ports[port].name[0])
        post_control(console, port, CONTROL_PORT_NAME, 0);
    else
        post_control(console, port, CONTROL_CONSOLE_PORT, 1);
    post_control(console, port, CONTROL_PORT_OPEN, 1);
}

static void port_opened(struct virtio_console_port *port, bool open)
{
    bool before = port->guest_open;
    port->guest_open = open;
    if (before != open && port->sink.opened)
        port->sink.opened(port->sink.context, open);
}

static void take_control(struct virtio_console *console)
{
    struct virtq_chain chain;

    while (virtio_pop(&console->virtio, QUEUE_CONTROL_TX, &chain)) {
        struct virtio_console_control message;
        size_t length = virtq_read(console->virtio.bus, &chain, 0, &message, sizeof message);
        virtio_put(&console->virtio, QUEUE_CONTROL_TX, chain.head, 0);
        if (length < sizeof message)
            continue;
        if (message.event == CONTROL_DEVICE_READY && message.value == 1) {
            for (unsigned i = 0; i < console->port_count; i++)
                post_control(console, i, CONTROL_PORT_ADD, 1);
        } else if (message.id < console->port_count) {
            if (message.event == CONTROL_PORT_READY && message.value == 1)
                port_became_ready(console, message.id);
            if (message.event == CONTROL_PORT_OPEN)
                port_opened(&console->ports[message.id], message.value == 1);
        }
    }
    virtio_signal(&console->virtio, QUEUE_CONTROL_TX);
    send_control(console);
}

/* --- from the guest to the host --- */

static void transmit(struct virtio_console *console, unsigned port, unsigned queue)
{
    const struct virtio_console_sink *sink = &console->ports[port].sink;
    struct virtq_chain chain;

    while (virtio_pop(&console->virtio, queue, &chain)) {
        struct iovec iov[VIRTQ_SIZE_MAX];
        int count = virtq_iovec(console->virtio.bus, &chain, VIRTQ_READABLE, 0, chain.readable_bytes, iov);
        for (int i = 0; sink->transmit && i < count; i++)
            sink->transmit(sink->context, iov[i].iov_base, iov[i].iov_len);
        virtio_put(&console->virtio, queue, chain.head, 0);
    }
    virtio_signal(&console->virtio, queue);
}

static void port_has_room(const struct virtio_console_port *port)
{
    if (port->sink.room)
        port->sink.room(port->sink.context);
}

static void console_notify(void *device, unsigned queue)
{
    struct virtio_console *console = device;

    if (queue == QUEUE_CONTROL_RX)
        send_control(console);
    else if (queue == QUEUE_CONTROL_TX)
        take_control(console);
    else if (queue == 1)
        transmit(console, 0, queue);
    else if (queue >= 4 && queue % 2 == 1)
        transmit(console, (queue - 3) / 2, queue);
    else /* what waits at the door finds new room by itself */
        port_has_room(&console->ports[queue == 0 ? 0 : (queue - 2) / 2]);
}

/* 5.3.4: a character goes out by a configuration write, at any time, even before there are queues. */
static void console_config_write(void *device, unsigned offset, unsigned size, uint64_t value)
{
    struct virtio_console *console = device;
    uint8_t byte = value;
    if (offset == CONFIG_EMERG_WRITE && console->ports[0].sink.transmit)
        console->ports[0].sink.transmit(console->ports[0].sink.context, &byte, 1);
}

/* --- the device --- */

static void console_reset_by_driver(void *device)
{
    struct virtio_console *console = device;
    console->control_first = console->control_count = 0;
    memset(console->control, 0, sizeof console->control);
    for (unsigned i = 0; i < VIRTIO_CONSOLE_PORTS_MAX; i++)
        port_opened(&console->ports[i], false);
}

static const struct virtio_device_ops console_ops = {
    .id = VIRTIO_ID_CONSOLE,
    .reset = console_reset_by_driver,
    .notify = console_notify,
    .config_write = console_config_write,
};

static void console_reset(void *device)
{
    virtio_device_reset(&((struct virtio_console *)device)->virtio);
}

static void console_restored(void *device)
{
    struct virtio_console *console = device;
    virtio_device_restored(&console->virtio);
    console->control_first %= VIRTIO_CONSOLE_CONTROL_MAX;
    if (console->control_count > VIRTIO_CONSOLE_CONTROL_MAX)
        console->control_count = 0;
    for (unsigned i = 0; i < VIRTIO_CONSOLE_CONTROL_MAX; i++)
        console->control[i].id %= VIRTIO_CONSOLE_PORTS_MAX;
}

const struct device_class virtio_console_class = {
    .name = "virtio-console",
    .state = &virtio_console_fields,
    .reset = console_reset,
    .restored = console_restored,
    .free = free,
};

static unsigned new_port(struct virtio_console *console, const char *name, struct virtio_console_sink sink)
{
    unsigned number = console->port_count++;
    struct virtio_console_port *port = &console->ports[number];

    assert(number < VIRTIO_CONSOLE_PORTS_MAX);
    port->console = console;
    port->sink = sink;
    snprintf(port->source_name, sizeof port->source_name, "%s.rx", name);
    if (console->inputs)
        port->source = input_register(console->inputs, &(struct input_source){
                                                           .name = port->source_name,
                                                           .deliver = port_deliver,
                                                           .ready = port_ready,
                                                           .listening = port_listening,
                                                           .divisible = true,
                                                           .device = port,
                                                       });
    console->config[CONFIG_MAX_PORTS] = console->port_count;
    return number;
}

static struct virtio_console *create(struct bus *bus, struct inputs *inputs, const char *name,
                                     struct virtio_console_sink sink)
{
    struct virtio_console *console = calloc(1, sizeof *console);
    if (!console)
        abort();
    console->inputs = inputs;
    virtio_device_init(&console->virtio, &console_ops, console, bus, FEATURE_EMERG_WRITE);
    console->virtio.config = console->config;
    console->virtio.config_bytes = sizeof console->config;
    virtio_add_queue(&console->virtio, QUEUE_SIZE);
    virtio_add_queue(&console->virtio, QUEUE_SIZE);
    new_port(console, name, sink);
    return console;
}

struct virtio_console *virtio_console_create(struct bus *bus, struct inputs *inputs, const char *name,
                                             struct virtio_console_sink sink)
{
    return create(bus, inputs, name, sink);
}

/* Several ports are what names belong to, even where there is but one. */
static void name_port(struct virtio_console *console, unsigned number, const char *name)
{
    snprintf(console->ports[number].name, sizeof console->ports[number].name, "%s", name);
    console->virtio.offered |= FEATURE_MULTIPORT;
    while (console->virtio.queue_count < 2 * number + 4)
        virtio_add_queue(&console->virtio, QUEUE_SIZE);
}

struct virtio_console *virtio_console_create_port(struct bus *bus, const char *port_name,
                                                  struct virtio_console_sink sink)
{
    struct virtio_console *console = create(bus, NULL, port_name, sink);
    name_port(console, 0, port_name);
    return console;
}

unsigned virtio_console_add_port(struct virtio_console *console, const char *name,
                                 struct virtio_console_sink sink)
{
    unsigned number = new_port(console, name, sink);
    name_port(console, number, name);
    return number;
}

unsigned virtio_console_source(const struct virtio_console *console, unsigned port)
{
    return console->ports[port].source;
}
