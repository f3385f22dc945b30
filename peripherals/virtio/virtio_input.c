/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The input device (virtio 1.2, section 5.8). */
#include "peripherals/virtio/virtio_input.h"

#include <stdlib.h>
#include <string.h>

/* --- state --- */

static const struct field event_list[] = {
    FIELD(struct input_event_record, type),
    FIELD(struct input_event_record, code),
    FIELD(struct input_event_record, value),
    FIELDS_END,
};
static const struct fields event_record_fields = {"input_event_record", sizeof(struct input_event_record), event_list};

static const struct field virtio_input_list[] = {
    FIELD_STRUCT(struct virtio_input, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_input, kind),
    FIELD(struct virtio_input, config.select),
    FIELD(struct virtio_input, config.subsel),
    FIELD_HOST(struct virtio_input, config),
    FIELD_STRUCT_ARRAY(struct virtio_input, waiting, &event_record_fields),
    FIELD(struct virtio_input, first),
    FIELD(struct virtio_input, count),
    FIELD(struct virtio_input, leds),
    FIELD_HOST(struct virtio_input, source),
    FIELDS_END,
};
static const struct fields virtio_input_fields = {"virtio-input", sizeof(struct virtio_input), virtio_input_list};

/* --- tables --- */

enum { QUEUE_EVENT, QUEUE_STATUS };
enum { SELECT_NAME = 1, SELECT_SERIAL, SELECT_IDS, SELECT_PROPERTIES = 0x10, SELECT_EVENTS, SELECT_ABSOLUTE };

#define KEYS_END    248u /* codes from 1 to here are keys that some keyboard has */
#define LEDS_COUNT  3u   /* num lock, caps lock, scroll lock */
#define BUS_VIRTUAL 6u

/* A range of codes of one type that a kind of device has. */
static const struct {
    enum virtio_input_kind kind;
    uint8_t type;
    uint16_t first, last;
} abilities[] = {
    {VIRTIO_INPUT_KEYBOARD, EVENT_KEY, 1, KEYS_END},
    {VIRTIO_INPUT_KEYBOARD, EVENT_LED, 0, LEDS_COUNT - 1},
    {VIRTIO_INPUT_KEYBOARD, EVENT_REPEAT, 0, 1},
    {VIRTIO_INPUT_TABLET, EVENT_KEY, BUTTON_LEFT, BUTTON_EXTRA},
    {VIRTIO_INPUT_TABLET, EVENT_RELATIVE, RELATIVE_WHEEL_SIDE, RELATIVE_WHEEL_SIDE},
    {VIRTIO_INPUT_TABLET, EVENT_RELATIVE, RELATIVE_WHEEL, RELATIVE_WHEEL},
    {VIRTIO_INPUT_TABLET, EVENT_ABSOLUTE, ABSOLUTE_X, ABSOLUTE_Y},
};

/* --- configuration --- */

static void put_bits(struct virtio_input *input, uint8_t type)
{
    struct virtio_input_config *config = &input->config;
    for (unsigned i = 0; i < sizeof abilities / sizeof *abilities; i++)
        for (unsigned code = abilities[i].first; code <= abilities[i].last; code++)
            if (abilities[i].kind == input->kind && abilities[i].type == type) {
                config->content[code / 8] |= (uint8_t)(1u << code % 8);
                if (config->size < code / 8 + 1)
                    config->size = (uint8_t)(code / 8 + 1);
            }
}

static void put_content(struct virtio_input_config *config, const void *content, size_t length)
{
    memcpy(config->content, content, length);
    config->size = (uint8_t)length;
}

/* What select and subsel ask for; size 0: there is no such thing. */
static void fill_config(struct virtio_input *input)
{
    static const char *const names[] = {"Armature Keyboard", "Armature Tablet"};
    struct virtio_input_config *config = &input->config;
    const uint16_t ids[4] = {BUS_VIRTUAL, 0x0627, (uint16_t)(1 + input->kind), 1};
    const uint32_t absolute[5] = {0, TABLET_MAX, 0, 0, 0};
    config->size = 0;
    memset(config->content, 0, sizeof config->content);
    switch (config->select) {
    case SELECT_NAME:
        if (config->subsel == 0)
            put_content(config, names[input->kind], strlen(names[input->kind]));
        break;
    case SELECT_IDS:
        if (config->subsel == 0)
            put_content(config, ids, sizeof ids);
        break;
    case SELECT_EVENTS: put_bits(input, config->subsel); break;
    case SELECT_ABSOLUTE:
        if (input->kind == VIRTIO_INPUT_TABLET && config->subsel <= ABSOLUTE_Y)
            put_content(config, absolute, sizeof absolute);
        break;
    }
}

static void input_config_write(void *device, unsigned offset, unsigned size, uint64_t value)
{
    struct virtio_input *input = device;
    for (unsigned i = 0; i < size; i++, value >>= 8)
        if (offset + i == 0)
            input->config.select = (uint8_t)value;
        else if (offset + i == 1)
            input->config.subsel = (uint8_t)value;
    fill_config(input);
}

/* --- events to the guest --- */

static void send_waiting(struct virtio_input *input)
{
    struct virtq_chain chain;
    while (input->count && virtio_pop(&input->virtio, QUEUE_EVENT, &chain)) {
        const struct input_event_record *event = &input->waiting[input->first];
        uint32_t written = (uint32_t)virtq_write(input->virtio.bus, &chain, 0, event, sizeof *event);
        virtio_put(&input->virtio, QUEUE_EVENT, chain.head, written);
        input->first = (input->first + 1) % VIRTIO_INPUT_WAITING_MAX;
        input->count--;
    }
    virtio_signal(&input->virtio, QUEUE_EVENT);
}

/* One input is all or nothing: half of one would leave a key pressed. */
static void input_deliver(void *device, const void *bytes, size_t length)
{
    struct virtio_input *input = device;
    size_t count = length / sizeof(struct input_event_record);
    if (!virtio_running(&input->virtio) || count > VIRTIO_INPUT_WAITING_MAX - input->count)
        return;
    for (size_t i = 0; i < count; i++) {
        unsigned slot = (input->first + input->count++) % VIRTIO_INPUT_WAITING_MAX;
        memcpy(&input->waiting[slot], (const uint8_t *)bytes + i * sizeof input->waiting[0], sizeof input->waiting[0]);
    }
    send_waiting(input);
}

/* A guest that is behind is waited for. */
static size_t input_ready(void *device)
{
    const struct virtio_input *input = device;
    return virtio_running(&input->virtio) && input->count > VIRTIO_INPUT_WAITING_MAX / 2 ? 0 : SIZE_MAX;
}

/* --- from the guest: lights --- */

static void take_status(struct virtio_input *input)
{
    struct virtq_chain chain;
    while (virtio_pop(&input->virtio, QUEUE_STATUS, &chain)) {
        struct input_event_record event;
        if (virtq_read(input->virtio.bus, &chain, 0, &event, sizeof event) == sizeof event && event.type == EVENT_LED &&
            event.code < LEDS_COUNT)
            input->leds = (input->leds & ~(1u << event.code)) | (uint32_t)!!event.value << event.code;
        virtio_put(&input->virtio, QUEUE_STATUS, chain.head, 0);
    }
    virtio_signal(&input->virtio, QUEUE_STATUS);
}

static void input_notify(void *device, unsigned queue)
{
    struct virtio_input *input = device;
    if (queue == QUEUE_EVENT)
        send_waiting(input);
    else
        take_status(input);
}

/* --- the device --- */

static void input_reset_by_driver(void *device)
{
    struct virtio_input *input = device;
    memset(input->waiting, 0, sizeof input->waiting);
    input->first = input->count = input->leds = 0;
    input->config.select = input->config.subsel = 0;
    fill_config(input);
}

static const struct virtio_device_ops input_ops = {
    .id = VIRTIO_ID_INPUT,
    .reset = input_reset_by_driver,
    .notify = input_notify,
    .config_write = input_config_write,
};

static void input_reset(void *device)
{
    virtio_device_reset(&((struct virtio_input *)device)->virtio);
}

static void input_restored(void *device)
{
    struct virtio_input *input = device;
    virtio_device_restored(&input->virtio);
    input->first %= VIRTIO_INPUT_WAITING_MAX;
    if (input->count > VIRTIO_INPUT_WAITING_MAX)
        input->count = 0;
    fill_config(input);
}

const struct device_class virtio_input_class = {
    .name = "virtio-input",
    .state = &virtio_input_fields,
    .reset = input_reset,
    .restored = input_restored,
    .free = free,
};

struct virtio_input *virtio_input_create(struct bus *bus, struct inputs *inputs, enum virtio_input_kind kind,
                                         const char *name)
{
    struct virtio_input *input = host_alloc(1, sizeof *input);
    input->kind = kind;
    virtio_device_init(&input->virtio, &input_ops, input, bus, 0);
    input->virtio.config = (const uint8_t *)&input->config;
    input->virtio.config_bytes = sizeof input->config;
    virtio_add_queue(&input->virtio, 64);
    virtio_add_queue(&input->virtio, 64);
    input->source = input_register(
        inputs, &(struct input_source){.name = name, .deliver = input_deliver, .ready = input_ready, .device = input});
    return input;
}
