/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sound device (virtio 1.2, section 5.14): requests, events, jacks. Its streams are in virtio_snd_pcm.c. */
#include "peripherals/virtio/virtio_snd.h"

#include <stdlib.h>
#include <string.h>

/* --- state ----------------------------------------------------------------------------------------- */

static const struct field jack_list[] = {
    FIELD(struct virtio_snd_jack, connected),
    FIELD(struct virtio_snd_jack, association),
    FIELD(struct virtio_snd_jack, sequence),
    FIELDS_END,
};
static const struct fields jack_fields = {"virtio_snd_jack", sizeof(struct virtio_snd_jack), jack_list};

static const struct field event_list[] = {
    FIELD(struct virtio_snd_event, code),
    FIELD(struct virtio_snd_event, data),
    FIELDS_END,
};
static const struct fields snd_event_fields = {"virtio_snd_event", sizeof(struct virtio_snd_event), event_list};

static const struct field virtio_snd_list[] = {
    FIELD_STRUCT(struct virtio_snd, virtio, &virtio_device_fields),
    FIELD_HOST(struct virtio_snd, clock),
    FIELD_HOST(struct virtio_snd, port),
    FIELD_HOST(struct virtio_snd, config),
    FIELD_STRUCT_ARRAY(struct virtio_snd, streams, &virtio_snd_stream_fields),
    FIELD_STRUCT_ARRAY(struct virtio_snd, jacks, &jack_fields),
    FIELD_STRUCT_ARRAY(struct virtio_snd, events, &snd_event_fields),
    FIELD(struct virtio_snd, event_first),
    FIELD(struct virtio_snd, event_count),
    FIELD_BYTES(struct virtio_snd, recorded),
    FIELD(struct virtio_snd, recorded_first),
    FIELD(struct virtio_snd, recorded_count),
    FIELDS_END,
};
static const struct fields virtio_snd_fields = {"virtio-snd", sizeof(struct virtio_snd), virtio_snd_list};

/* --- tables ---------------------------------------------------------------------------------------- */

/* Requests and events (5.14.6.1). */
enum {
    R_JACK_INFO = 1,
    R_JACK_REMAP,
    R_PCM_INFO = 0x100,
    R_PCM_SET_PARAMS,
    R_PCM_PREPARE,
    R_PCM_RELEASE,
    R_PCM_START,
    R_PCM_STOP,
    R_CHMAP_INFO = 0x200,
    EVT_JACK_CONNECTED = 0x1000,
    EVT_JACK_DISCONNECTED,
};

#define JACK_F_REMAP 1u

struct query {
    uint32_t code, start, count, size;
};
struct jack_info {
    uint32_t node, features, defaults, capabilities;
    uint8_t connected, padding[7];
};
struct jack_remap {
    uint32_t code, jack, association, sequence;
};
struct pcm_info {
    uint32_t node, features;
    uint64_t formats, rates;
    uint8_t direction, channels_min, channels_max, padding[5];
};
struct pcm_request {
    uint32_t code, stream;
};
struct pcm_set {
    uint32_t code, stream, buffer_bytes, period_bytes, features;
    uint8_t channels, format, rate, padding;
};
struct channel_map {
    uint32_t node;
    uint8_t direction, channels, positions[18];
};

enum { POSITION_MONO = 2, POSITION_FRONT_LEFT, POSITION_FRONT_RIGHT };

static const struct channel_map channel_maps[] = {
    {0, VIRTIO_SND_OUTPUT, 1, {POSITION_MONO}},
    {0, VIRTIO_SND_OUTPUT, 2, {POSITION_FRONT_LEFT, POSITION_FRONT_RIGHT}},
    {0, VIRTIO_SND_INPUT, 1, {POSITION_MONO}},
    {0, VIRTIO_SND_INPUT, 2, {POSITION_FRONT_LEFT, POSITION_FRONT_RIGHT}},
};
#define CHANNEL_MAPS (sizeof channel_maps / sizeof channel_maps[0])

/* The jacks as High Definition Audio describes them (its section 7.3.3.31 and 7.3.4.9): sockets of 3.5 mm at the back,
 * green for what is played and pink for a microphone, which tell what is plugged in. Association and sequence are put
 * in where they are asked for. */
static const struct {
    uint32_t defaults, capabilities;
} jacks[VIRTIO_SND_JACKS] = {{0x01014000, 0x14}, {0x01a19000, 0x24}};

/* --- events ---------------------------------------------------------------------------------------- */

static void send_events(struct virtio_snd *snd)
{
    struct virtq_chain chain;
    while (snd->event_count && virtio_pop(&snd->virtio, VIRTIO_SND_EVENT, &chain)) {
        struct virtio_snd_event event = snd->events[snd->event_first];
        size_t length = virtq_write(snd->virtio.bus, &chain, 0, &event, sizeof event);
        virtio_put(&snd->virtio, VIRTIO_SND_EVENT, chain.head, (uint32_t)length);
        snd->event_first = (snd->event_first + 1) % VIRTIO_SND_EVENTS_MAX;
        snd->event_count--;
    }
    virtio_signal(&snd->virtio, VIRTIO_SND_EVENT);
}

void snd_event(struct virtio_snd *snd, uint32_t code, uint32_t data)
{
    /* A driver that gives no room for so long hears no more of it. */
    if (snd->event_count < VIRTIO_SND_EVENTS_MAX) {
        unsigned slot = (snd->event_first + snd->event_count++) % VIRTIO_SND_EVENTS_MAX;
        snd->events[slot] = (struct virtio_snd_event){code, data};
    }
    send_events(snd);
}

/* --- requests -------------------------------------------------------------------------------------- */

/* Item `index` of a kind of information, into room for the largest; returns its size. */
static size_t jack_item(const struct virtio_snd *snd, unsigned index, void *item)
{
    const struct virtio_snd_jack *jack = &snd->jacks[index];
    struct jack_info info = {
        .features = JACK_F_REMAP,
        .defaults = jacks[index].defaults | (uint32_t)jack->association << 4 | jack->sequence,
        .capabilities = jacks[index].capabilities,
        .connected = jack->connected,
    };
    memcpy(item, &info, sizeof info);
    return sizeof info;
}

static size_t stream_item(const struct virtio_snd *snd, unsigned index, void *item)
{
    struct pcm_info info = {
        .features = VIRTIO_SND_PCM_F_EVT_XRUNS,
        .formats = pcm_formats(),
        .rates = pcm_rates(),
        .direction = (uint8_t)index,
        .channels_min = 1,
        .channels_max = PCM_CHANNELS_MAX,
    };
    memcpy(item, &info, sizeof info);
    return sizeof info;
}

static size_t map_item(const struct virtio_snd *snd, unsigned index, void *item)
{
    memcpy(item, &channel_maps[index], sizeof channel_maps[index]);
    return sizeof channel_maps[index];
}

#define ITEM_MAX_BYTES 32u
#define ANSWER_MAX_BYTES (4 + ITEM_MAX_BYTES * CHANNEL_MAPS)

/* 5.14.6.2: the driver says how large it takes an item to be; what it does not know of one is left out, and what we do
 * not know is zero. */
static enum virtio_snd_status answer_query(const struct virtio_snd *snd, const struct query *query,
                                           const struct virtq_chain *chain, uint8_t *answer, size_t *length)
{
    size_t (*item)(const struct virtio_snd *snd, unsigned index, void *item) =
        query->code == R_JACK_INFO ? jack_item : query->code == R_PCM_INFO ? stream_item : map_item;
    const uint32_t there = query->code == R_JACK_INFO  ? VIRTIO_SND_JACKS
                           : query->code == R_PCM_INFO ? VIRTIO_SND_STREAMS
                                                       : (uint32_t)CHANNEL_MAPS;
    if (query->start > there || query->count > there - query->start || query->size < 4 ||
        query->size > ITEM_MAX_BYTES ||
        chain->writable_bytes < 4 + (uint64_t)query->count * query->size)
        return VIRTIO_SND_S_BAD_MSG;
    for (uint32_t i = 0; i < query->count; i++) {
        uint8_t bytes[ITEM_MAX_BYTES] = {0};
        item(snd, query->start + i, bytes);
        memcpy(answer + *length, bytes, query->size);
        *length += query->size;
    }
    return VIRTIO_SND_S_OK;
}

static enum virtio_snd_status remap(struct virtio_snd *snd, const struct jack_remap *request)
{
    if (request->jack >= VIRTIO_SND_JACKS || request->association > 15 || request->sequence > 15)
        return VIRTIO_SND_S_BAD_MSG;
    snd->jacks[request->jack].association = (uint8_t)request->association;
    snd->jacks[request->jack].sequence = (uint8_t)request->sequence;
    return VIRTIO_SND_S_OK;
}

static enum virtio_snd_status set_stream(struct virtio_snd *snd, const struct pcm_set *set)
{
    const struct pcm_format format = {.format = set->format, .rate = set->rate, .channels = set->channels};
    return snd_stream_set(&snd->streams[set->stream], set->buffer_bytes, set->period_bytes, set->features, format);
}

/* What each request is, and where it brings a stream; `bytes` is what it has at least. */
static const struct request {
    uint32_t code, bytes;
    enum { QUERY, REMAP, SET, GO } kind;
    enum virtio_snd_state to;
} requests[] = {
    {R_JACK_INFO, sizeof(struct query), QUERY},
    {R_JACK_REMAP, sizeof(struct jack_remap), REMAP},
    {R_PCM_INFO, sizeof(struct query), QUERY},
    {R_PCM_SET_PARAMS, sizeof(struct pcm_set), SET},
    {R_PCM_PREPARE, sizeof(struct pcm_request), GO, VIRTIO_SND_PREPARED},
    {R_PCM_RELEASE, sizeof(struct pcm_request), GO, VIRTIO_SND_RELEASED},
    {R_PCM_START, sizeof(struct pcm_request), GO, VIRTIO_SND_STARTED},
    {R_PCM_STOP, sizeof(struct pcm_request), GO, VIRTIO_SND_STOPPED},
    {R_CHMAP_INFO, sizeof(struct query), QUERY},
};

static enum virtio_snd_status do_request(struct virtio_snd *snd, const struct virtq_chain *chain, uint8_t *answer,
                                         size_t *length)
{
    union {
        uint32_t code;
        struct query query;
        struct jack_remap remap;
        struct pcm_request stream;
        struct pcm_set set;
    } request = {0};
    size_t got = virtq_read(snd->virtio.bus, chain, 0, &request, sizeof request);
    const struct request *row = requests, *end = requests + sizeof requests / sizeof requests[0];
    while (row < end && row->code != request.code)
        row++;
    if (row == end)
        return got < sizeof request.code ? VIRTIO_SND_S_BAD_MSG : VIRTIO_SND_S_NOT_SUPP;
    if (got < row->bytes || ((row->kind == SET || row->kind == GO) && request.stream.stream >= VIRTIO_SND_STREAMS))
        return VIRTIO_SND_S_BAD_MSG;
    switch (row->kind) {
    case QUERY: return answer_query(snd, &request.query, chain, answer, length);
    case REMAP: return remap(snd, &request.remap);
    case SET: return set_stream(snd, &request.set);
    case GO: break;
    }
    return snd_stream_go(&snd->streams[request.stream.stream], row->to);
}

static void take_requests(struct virtio_snd *snd)
{
    struct virtq_chain chain;
    while (virtio_pop(&snd->virtio, VIRTIO_SND_CONTROL, &chain)) {
        uint8_t answer[ANSWER_MAX_BYTES];
        size_t length = 4;
        uint32_t status = do_request(snd, &chain, answer, &length);
        memcpy(answer, &status, sizeof status);
        virtio_put(&snd->virtio, VIRTIO_SND_CONTROL, chain.head,
                   (uint32_t)virtq_write(snd->virtio.bus, &chain, 0, answer, length));
    }
    virtio_signal(&snd->virtio, VIRTIO_SND_CONTROL);
}

static void snd_notify(void *device, unsigned queue)
{
    struct virtio_snd *snd = device;
    switch (queue) {
    case VIRTIO_SND_CONTROL: take_requests(snd); break;
    case VIRTIO_SND_EVENT: send_events(snd); break;
    case VIRTIO_SND_TX: snd_stream_take(&snd->streams[VIRTIO_SND_OUTPUT]); break;
    case VIRTIO_SND_RX: snd_stream_take(&snd->streams[VIRTIO_SND_INPUT]); break;
    }
}

/* --- from the host --------------------------------------------------------------------------------- */

static void deliver_frames(void *device, const void *bytes, size_t length)
{
    struct sound_frame frame;
    for (const uint8_t *at = bytes; length >= sizeof frame; at += sizeof frame, length -= sizeof frame) {
        memcpy(&frame, at, sizeof frame);
        snd_recorded(device, &frame, 1);
    }
}

static bool valid_frames(void *device, const void *bytes, size_t length)
{
    return length % sizeof(struct sound_frame) == 0;
}

static void deliver_jack(void *device, const void *bytes, size_t length)
{
    struct virtio_snd *snd = device;
    uint8_t change[2];
    if (length != sizeof change)
        return;
    memcpy(change, bytes, sizeof change);
    if (change[0] >= VIRTIO_SND_JACKS || snd->jacks[change[0]].connected == (change[1] != 0))
        return;
    snd->jacks[change[0]].connected = change[1] != 0;
    if (virtio_running(&snd->virtio))
        snd_event(snd, change[1] ? EVT_JACK_CONNECTED : EVT_JACK_DISCONNECTED, change[0]);
}

static bool valid_jack(void *device, const void *bytes, size_t length)
{
    return length == 2 && ((const uint8_t *)bytes)[0] < VIRTIO_SND_JACKS && ((const uint8_t *)bytes)[1] <= 1;
}

/* --- the device ------------------------------------------------------------------------------------ */

/* What is plugged in stays so. */
static void snd_reset_by_driver(void *device)
{
    struct virtio_snd *snd = device;
    for (unsigned i = 0; i < VIRTIO_SND_STREAMS; i++)
        snd_stream_reset(&snd->streams[i]);
    for (unsigned i = 0; i < VIRTIO_SND_JACKS; i++) {
        snd->jacks[i].association = (uint8_t)(i + 1);
        snd->jacks[i].sequence = 0;
    }
    memset(snd->events, 0, sizeof snd->events);
    snd->event_first = snd->event_count = 0;
    memset(snd->recorded, 0, sizeof snd->recorded);
    snd->recorded_first = snd->recorded_count = 0;
}

static const struct virtio_device_ops snd_ops = {
    .id = VIRTIO_ID_SOUND,
    .reset = snd_reset_by_driver,
    .notify = snd_notify,
};

static void snd_reset(void *device)
{
    struct virtio_snd *snd = device;
    virtio_device_reset(&snd->virtio);
    for (unsigned i = 0; i < VIRTIO_SND_JACKS; i++)
        snd->jacks[i].connected = true;
}

static void snd_restored(void *device)
{
    struct virtio_snd *snd = device;
    for (unsigned i = 0; i < VIRTIO_SND_JACKS; i++) {
        snd->jacks[i].association &= 15;
        snd->jacks[i].sequence &= 15;
    }
    snd->event_first %= VIRTIO_SND_EVENTS_MAX;
    if (snd->event_count > VIRTIO_SND_EVENTS_MAX)
        snd->event_count = VIRTIO_SND_EVENTS_MAX;
    snd->recorded_first %= VIRTIO_SND_RECORDED_MAX;
    if (snd->recorded_count > VIRTIO_SND_RECORDED_MAX)
        snd->recorded_count = VIRTIO_SND_RECORDED_MAX;
    virtio_device_restored(&snd->virtio);
    for (unsigned i = 0; i < VIRTIO_SND_STREAMS; i++)
        snd_stream_restored(&snd->streams[i]);
}

static void snd_free(void *device)
{
    struct virtio_snd *snd = device;
    for (unsigned i = 0; i < VIRTIO_SND_STREAMS; i++)
        clock_cancel(snd->clock, &snd->streams[i].due);
    sound_port_detach(&snd->port);
    free(snd);
}

const struct device_class virtio_snd_class = {
    .name = "virtio-snd",
    .state = &virtio_snd_fields,
    .reset = snd_reset,
    .restored = snd_restored,
    .free = snd_free,
};

static unsigned new_source(struct virtio_snd *snd, const char *name, void (*deliver)(void *, const void *, size_t),
                           bool (*valid)(void *, const void *, size_t))
{
    return input_register(snd->port.inputs, &(struct input_source){
                                                .name = name, .deliver = deliver, .valid = valid, .device = snd});
}

struct virtio_snd *virtio_snd_create(struct bus *bus, struct clock *clock, struct inputs *inputs)
{
    static const uint16_t size = VIRTIO_SND_QUEUE_SIZE;
    struct virtio_snd *snd = host_alloc(1, sizeof *snd);
    snd->clock = clock;
    snd->config[0] = VIRTIO_SND_JACKS;
    snd->config[1] = VIRTIO_SND_STREAMS;
    snd->config[2] = CHANNEL_MAPS;
    virtio_device_init(&snd->virtio, &snd_ops, snd, bus, 0);
    snd->virtio.config = (const uint8_t *)snd->config;
    snd->virtio.config_bytes = sizeof snd->config;
    for (unsigned i = VIRTIO_SND_CONTROL; i <= VIRTIO_SND_RX; i++)
        virtio_add_queue(&snd->virtio, size);
    for (unsigned i = 0; i < VIRTIO_SND_STREAMS; i++)
        snd_stream_init(snd, i);
    snd->port.inputs = inputs;
    snd->port.jack_count = VIRTIO_SND_JACKS;
    snd->port.frames_source = new_source(snd, "sound0.frames", deliver_frames, valid_frames);
    snd->port.jack_source = new_source(snd, "sound0.jacks", deliver_jack, valid_jack);
    return snd;
}
