/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sound device's streams (virtio 1.2, 5.14.6.6 and 5.14.6.8): their states, and messages of samples.
 *
 * A message has all of its effect when it is done: only then are its samples read, or written. In between there is
 * nothing but a descriptor in a ring. A stream that runs out of messages stands still, and goes on when the next one
 * comes. */
#include "peripherals/virtio/virtio_snd.h"

#include <string.h>

/* --- state ----------------------------------------------------------------------------------------- */

static const struct field format_list[] = {
    FIELD(struct pcm_format, format),
    FIELD(struct pcm_format, rate),
    FIELD(struct pcm_format, channels),
    FIELDS_END,
};
static const struct fields format_fields = {"pcm_format", sizeof(struct pcm_format), format_list};

static const struct field stream_list[] = {
    FIELD_HOST(struct virtio_snd_stream, snd),
    FIELD(struct virtio_snd_stream, state),
    FIELD_STRUCT(struct virtio_snd_stream, format, &format_fields),
    FIELD(struct virtio_snd_stream, buffer_bytes),
    FIELD(struct virtio_snd_stream, period_bytes),
    FIELD(struct virtio_snd_stream, features),
    FIELD_STRUCT(struct virtio_snd_stream, resampler, &pcm_resampler_fields),
    FIELD_ARRAY(struct virtio_snd_stream, heads),
    FIELD(struct virtio_snd_stream, first),
    FIELD(struct virtio_snd_stream, count),
    FIELD(struct virtio_snd_stream, running),
    FIELD(struct virtio_snd_stream, base_ns),
    FIELD(struct virtio_snd_stream, due_ns),
    FIELD(struct virtio_snd_stream, frames_done),
    FIELD(struct virtio_snd_stream, frames),
    FIELD_STRUCT(struct virtio_snd_stream, due, &event_fields),
    FIELDS_END,
};
const struct fields virtio_snd_stream_fields = {"virtio_snd_stream", sizeof(struct virtio_snd_stream), stream_list};

/* --- messages -------------------------------------------------------------------------------------- */

#define MESSAGE_MAX_BYTES (4u << 20) /* of samples; more than any driver's whole buffer */

struct message_header {
    uint32_t stream;
};
struct message_status {
    uint32_t status, latency_bytes;
};

static unsigned direction(const struct virtio_snd_stream *stream)
{
    return (unsigned)(stream - stream->snd->streams);
}

static unsigned queue_of(const struct virtio_snd_stream *stream)
{
    return direction(stream) == VIRTIO_SND_OUTPUT ? VIRTIO_SND_TX : VIRTIO_SND_RX;
}

static bool well_formed(const struct virtq_chain *chain)
{
    return chain->readable_bytes >= sizeof(struct message_header) &&
           chain->writable_bytes >= sizeof(struct message_status);
}

/* How many bytes of samples a message has, or has room for. */
static uint64_t sample_bytes(const struct virtio_snd_stream *stream, const struct virtq_chain *chain)
{
    return direction(stream) == VIRTIO_SND_OUTPUT ? chain->readable_bytes - sizeof(struct message_header)
                                                  : chain->writable_bytes - sizeof(struct message_status);
}

/* Hands a message back, `written` bytes of samples being in it: the status is the last that can be written. */
static void finish(struct virtio_snd_stream *stream, const struct virtq_chain *chain, enum virtio_snd_status status,
                   uint64_t written)
{
    struct virtio_device *virtio = &stream->snd->virtio;
    struct message_status answer = {status, 0};
    uint64_t place = chain->writable_bytes - sizeof answer;
    virtq_write(virtio->bus, chain, place, &answer, sizeof answer);
    /* 2.7.8.2: the length covers only what is written without a gap. */
    virtio_put(virtio, queue_of(stream), chain->head, (uint32_t)(written == place ? written + sizeof answer : written));
}

/* --- samples --------------------------------------------------------------------------------------- */

#define CHUNK_FRAMES 256u

static void play(struct virtio_snd_stream *stream, const struct virtq_chain *chain)
{
    const unsigned step = pcm_frame_bytes(&stream->format);
    uint64_t left = sample_bytes(stream, chain) / step, offset = sizeof(struct message_header);
    uint8_t bytes[CHUNK_FRAMES * PCM_CHANNELS_MAX * sizeof(double)];
    struct sound_frame frames[CHUNK_FRAMES * PCM_FRAMES_OF_ONE];
    while (left) {
        size_t now = left < CHUNK_FRAMES ? left : CHUNK_FRAMES;
        virtq_read(stream->snd->virtio.bus, chain, offset, bytes, now * step);
        sound_port_play(&stream->snd->port, frames, pcm_play(&stream->format, &stream->resampler, bytes, now, frames));
        offset += now * step;
        left -= now;
    }
}

void snd_recorded(struct virtio_snd *snd, const struct sound_frame *frames, size_t count)
{
    if (!snd->port.capturing)
        return;
    for (; count; frames++, count--) {
        if (snd->recorded_count == VIRTIO_SND_RECORDED_MAX) {
            snd->recorded_first = (snd->recorded_first + 1) % VIRTIO_SND_RECORDED_MAX;
            snd->recorded_count--;
        }
        unsigned slot = (snd->recorded_first + snd->recorded_count++) % VIRTIO_SND_RECORDED_MAX;
        memcpy(snd->recorded + slot * sizeof *frames, frames, sizeof *frames);
    }
}

/* The next frames; silence where there are none. */
static void next_recorded(struct virtio_snd *snd, struct sound_frame *frames, size_t count)
{
    memset(frames, 0, count * sizeof *frames);
    for (; count && snd->recorded_count; frames++, count--) {
        memcpy(frames, snd->recorded + snd->recorded_first * sizeof *frames, sizeof *frames);
        snd->recorded_first = (snd->recorded_first + 1) % VIRTIO_SND_RECORDED_MAX;
        snd->recorded_count--;
    }
}

static void record(struct virtio_snd_stream *stream, const struct virtq_chain *chain)
{
    const unsigned step = pcm_frame_bytes(&stream->format);
    uint64_t left = sample_bytes(stream, chain) / step, offset = 0;
    uint8_t bytes[CHUNK_FRAMES * PCM_CHANNELS_MAX * sizeof(double)];
    struct sound_frame frames[CHUNK_FRAMES * PCM_FRAMES_OF_ONE + 1];
    while (left) {
        size_t now = left < CHUNK_FRAMES ? left : CHUNK_FRAMES;
        next_recorded(stream->snd, frames, pcm_record_takes(&stream->format, &stream->resampler, now));
        pcm_record(&stream->format, &stream->resampler, frames, now, bytes);
        virtq_write(stream->snd->virtio.bus, chain, offset, bytes, now * step);
        offset += now * step;
        left -= now;
    }
    memset(bytes, 0, step); /* what is left of a message that is no whole frames */
    virtq_write(stream->snd->virtio.bus, chain, offset, bytes, sample_bytes(stream, chain) - offset);
}

/* --- time ------------------------------------------------------------------------------------------ */

/* Says when the oldest message is done. */
static void begin_message(struct virtio_snd_stream *stream)
{
    struct virtio_snd *snd = stream->snd;
    struct virtq_chain chain;
    const uint32_t rate = pcm_rate_hz(&stream->format);

    if (!virtqueue_walk(&snd->virtio.queues[queue_of(stream)], stream->heads[stream->first], &chain) ||
        !well_formed(&chain)) {
        stream->running = false;
        virtio_break(&snd->virtio);
        return;
    }
    uint64_t bytes = sample_bytes(stream, &chain);
    bytes = bytes < MESSAGE_MAX_BYTES ? bytes : MESSAGE_MAX_BYTES;
    stream->frames = (uint32_t)(bytes / pcm_frame_bytes(&stream->format));
    /* Whole seconds are counted apart, so that nothing is ever rounded twice. */
    stream->base_ns += stream->frames_done / rate * NS_PER_S;
    stream->frames_done %= rate;
    stream->due_ns = stream->base_ns + (stream->frames_done + (uint64_t)stream->frames) * NS_PER_S / rate;
    clock_schedule(snd->clock, &stream->due, stream->due_ns);
    if (direction(stream) == VIRTIO_SND_INPUT) {
        size_t takes = pcm_record_takes(&stream->format, &stream->resampler, stream->frames);
        if (takes > snd->recorded_count)
            sound_port_want(&snd->port, takes - snd->recorded_count);
    }
}

/* Lets time pass for a stream that was started and has a message. */
static void run(struct virtio_snd_stream *stream)
{
    if (stream->state != VIRTIO_SND_STARTED || stream->running || !stream->count)
        return;
    stream->running = true;
    stream->base_ns = clock_now_ns(stream->snd->clock);
    stream->frames_done = 0;
    begin_message(stream);
}

static void pause(struct virtio_snd_stream *stream)
{
    stream->running = false;
    stream->due_ns = 0;
    stream->frames = stream->frames_done = 0;
    clock_cancel(stream->snd->clock, &stream->due);
}

/* The oldest message is done. */
static void complete(struct virtio_snd_stream *stream, bool sounded)
{
    struct virtio_snd *snd = stream->snd;
    struct virtq_chain chain;
    uint16_t head = stream->heads[stream->first];

    stream->first = (stream->first + 1) % VIRTIO_SND_QUEUE_SIZE;
    stream->count--;
    /* A queue that was disabled, or a device that waits for its reset, answers nothing. */
    if (!virtio_running(&snd->virtio) || !snd->virtio.queues[queue_of(stream)].ready)
        return;
    /* The driver owns the descriptors and may have changed them; what they say now is what counts. */
    if (!virtqueue_walk(&snd->virtio.queues[queue_of(stream)], head, &chain) || !well_formed(&chain)) {
        virtio_break(&snd->virtio);
        return;
    }
    bool output = direction(stream) == VIRTIO_SND_OUTPUT;
    if (sample_bytes(stream, &chain) > MESSAGE_MAX_BYTES) {
        finish(stream, &chain, VIRTIO_SND_S_BAD_MSG, 0);
        return;
    }
    if (sounded && output)
        play(stream, &chain);
    else if (sounded)
        record(stream, &chain);
    finish(stream, &chain, VIRTIO_SND_S_OK, output || !sounded ? 0 : sample_bytes(stream, &chain));
}

static void on_due(void *owner)
{
    struct virtio_snd_stream *stream = owner;
    struct virtio_snd *snd = stream->snd;

    while (stream->running && stream->count && stream->due_ns <= clock_now_ns(snd->clock)) {
        stream->frames_done += stream->frames;
        complete(stream, true);
        if (stream->count)
            begin_message(stream);
    }
    virtio_signal(&snd->virtio, queue_of(stream));
    snd_stream_take(stream);
    if (stream->running && !stream->count) {
        pause(stream);
        if (stream->features & VIRTIO_SND_PCM_F_EVT_XRUNS)
            snd_event(snd, VIRTIO_SND_EVT_PCM_XRUN, direction(stream));
    }
}

void snd_stream_take(struct virtio_snd_stream *stream)
{
    struct virtio_snd *snd = stream->snd;
    struct virtq_chain chain;
    const bool takes = stream->state >= VIRTIO_SND_PREPARED && stream->state <= VIRTIO_SND_STOPPED;
    const bool none = !stream->count;

    while (stream->count < VIRTIO_SND_QUEUE_SIZE && virtio_pop(&snd->virtio, queue_of(stream), &chain)) {
        struct message_header header;
        if (!well_formed(&chain)) {
            virtio_break(&snd->virtio);
            return;
        }
        virtq_read(snd->virtio.bus, &chain, 0, &header, sizeof header);
        if (header.stream != direction(stream) || !takes || sample_bytes(stream, &chain) > MESSAGE_MAX_BYTES)
            finish(stream, &chain, VIRTIO_SND_S_BAD_MSG, 0);
        else
            stream->heads[(stream->first + stream->count++) % VIRTIO_SND_QUEUE_SIZE] = chain.head;
    }
    /* In the middle of on_due() the stream has run out just now, and goes on without a gap. */
    if (none && stream->count && stream->running)
        begin_message(stream);
    run(stream);
    virtio_signal(&snd->virtio, queue_of(stream));
}

/* --- requests -------------------------------------------------------------------------------------- */

/* Whether a driver may ask for `to` (5.14.6.6.1). */
static bool may_go(enum virtio_snd_state from, enum virtio_snd_state to)
{
    static const uint8_t allowed[VIRTIO_SND_STATES_END] = {
        [VIRTIO_SND_UNSET] = 1 << VIRTIO_SND_SET,
        [VIRTIO_SND_SET] = 1 << VIRTIO_SND_SET | 1 << VIRTIO_SND_PREPARED,
        [VIRTIO_SND_PREPARED] =
            1 << VIRTIO_SND_SET | 1 << VIRTIO_SND_PREPARED | 1 << VIRTIO_SND_STARTED | 1 << VIRTIO_SND_RELEASED,
        [VIRTIO_SND_STARTED] = 1 << VIRTIO_SND_STOPPED,
        [VIRTIO_SND_STOPPED] = 1 << VIRTIO_SND_STARTED | 1 << VIRTIO_SND_RELEASED,
        [VIRTIO_SND_RELEASED] = 1 << VIRTIO_SND_SET | 1 << VIRTIO_SND_PREPARED,
    };
    return allowed[from] >> to & 1;
}

enum virtio_snd_status snd_stream_set(struct virtio_snd_stream *stream, uint32_t buffer_bytes, uint32_t period_bytes,
                                      uint32_t features, struct pcm_format format)
{
    if (!may_go(stream->state, VIRTIO_SND_SET))
        return VIRTIO_SND_S_BAD_MSG;
    if ((features & ~VIRTIO_SND_PCM_F_EVT_XRUNS) || !pcm_format_valid(&format))
        return VIRTIO_SND_S_NOT_SUPP;
    if (!period_bytes || !buffer_bytes || buffer_bytes % period_bytes || period_bytes > MESSAGE_MAX_BYTES)
        return VIRTIO_SND_S_BAD_MSG;
    stream->buffer_bytes = buffer_bytes;
    stream->period_bytes = period_bytes;
    stream->features = features;
    stream->format = format;
    stream->state = VIRTIO_SND_SET;
    return VIRTIO_SND_S_OK;
}

/* 5.14.6.6.4.1: all messages of a stream are completed before its release is. */
static void release(struct virtio_snd_stream *stream)
{
    pause(stream);
    do {
        while (stream->count)
            complete(stream, false);
        snd_stream_take(stream); /* those that there was no room for: no more than the queue has */
    } while (stream->count && virtio_running(&stream->snd->virtio));
    virtio_signal(&stream->snd->virtio, queue_of(stream));
}

enum virtio_snd_status snd_stream_go(struct virtio_snd_stream *stream, enum virtio_snd_state to)
{
    if (!may_go(stream->state, to))
        return VIRTIO_SND_S_BAD_MSG;
    if (to == VIRTIO_SND_RELEASED)
        release(stream);
    if (to == VIRTIO_SND_STOPPED)
        pause(stream);
    if (to == VIRTIO_SND_PREPARED)
        stream->resampler = (struct pcm_resampler){0};
    stream->state = to;
    if (direction(stream) == VIRTIO_SND_INPUT && (to == VIRTIO_SND_STARTED || to == VIRTIO_SND_STOPPED)) {
        stream->snd->recorded_first = stream->snd->recorded_count = 0;
        sound_port_capture(&stream->snd->port, to == VIRTIO_SND_STARTED);
    }
    run(stream);
    return VIRTIO_SND_S_OK;
}

/* --- the stream ------------------------------------------------------------------------------------ */

void snd_stream_init(struct virtio_snd *snd, unsigned number)
{
    struct virtio_snd_stream *stream = &snd->streams[number];
    stream->snd = snd;
    event_init(&stream->due, on_due, stream);
}

void snd_stream_reset(struct virtio_snd_stream *stream)
{
    pause(stream);
    stream->state = VIRTIO_SND_UNSET;
    stream->format = (struct pcm_format){0};
    stream->buffer_bytes = stream->period_bytes = stream->features = 0;
    stream->resampler = (struct pcm_resampler){0};
    memset(stream->heads, 0, sizeof stream->heads);
    stream->first = stream->count = 0;
    stream->base_ns = 0;
    if (direction(stream) == VIRTIO_SND_INPUT)
        sound_port_capture(&stream->snd->port, false);
}

void snd_stream_restored(struct virtio_snd_stream *stream)
{
    stream->first %= VIRTIO_SND_QUEUE_SIZE;
    if (stream->count > VIRTIO_SND_QUEUE_SIZE)
        stream->count = VIRTIO_SND_QUEUE_SIZE;
    if (stream->state >= VIRTIO_SND_STATES_END ||
        (stream->state != VIRTIO_SND_UNSET && !pcm_format_valid(&stream->format)))
        stream->state = VIRTIO_SND_UNSET;
    if (stream->state == VIRTIO_SND_UNSET)
        stream->count = 0;
    else
        stream->resampler.phase %= pcm_rate_hz(&stream->format);
    stream->running = stream->running && stream->state == VIRTIO_SND_STARTED && stream->count;
    /* The event as it was, which keeps its order among others, if it is what the stream says. */
    if (stream->due.when_ns == (stream->running ? stream->due_ns : CLOCK_NEVER))
        clock_restore(stream->snd->clock, &stream->due);
    else
        clock_schedule(stream->snd->clock, &stream->due, stream->running ? stream->due_ns : CLOCK_NEVER);
    if (direction(stream) == VIRTIO_SND_INPUT)
        sound_port_capture(&stream->snd->port, stream->state == VIRTIO_SND_STARTED);
}
