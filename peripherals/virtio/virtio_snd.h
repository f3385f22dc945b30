/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sound device (virtio 1.2, section 5.14): a stream to play and one to record, a jack and channel maps for each.
 * When a message is done depends on the guest's clock alone: a stream takes its messages one after the other, each for
 * as long as its frames sound. */
#ifndef ARMATURE_VIRTIO_SND_H
#define ARMATURE_VIRTIO_SND_H

#include "machine/contract/device.h"
#include "machine/contract/sound.h"
#include "peripherals/sound/pcm.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_SND_JACKS        2u
#define VIRTIO_SND_STREAMS      2u
#define VIRTIO_SND_QUEUE_SIZE   64u
#define VIRTIO_SND_EVENTS_MAX   8u
#define VIRTIO_SND_RECORDED_MAX 32768u /* frames that wait for the guest */

enum virtio_snd_queue { VIRTIO_SND_CONTROL, VIRTIO_SND_EVENT, VIRTIO_SND_TX, VIRTIO_SND_RX };

/** Streams by their numbers, which are those of the directions too. */
enum virtio_snd_direction { VIRTIO_SND_OUTPUT, VIRTIO_SND_INPUT };

/** Statuses of requests and messages. */
enum virtio_snd_status {
    VIRTIO_SND_S_OK = 0x8000,
    VIRTIO_SND_S_BAD_MSG,
    VIRTIO_SND_S_NOT_SUPP,
    VIRTIO_SND_S_IO_ERR,
};

/** Where a stream is in its life (5.14.6.6.1). */
enum virtio_snd_state {
    VIRTIO_SND_UNSET,
    VIRTIO_SND_SET,
    VIRTIO_SND_PREPARED,
    VIRTIO_SND_STARTED,
    VIRTIO_SND_STOPPED,
    VIRTIO_SND_RELEASED,
    VIRTIO_SND_STATES_END,
};

struct virtio_snd_stream {
    struct virtio_snd *snd;
    uint8_t state; /* enum virtio_snd_state */
    struct pcm_format format;
    uint32_t buffer_bytes, period_bytes, features; /* as the driver set them */
    struct pcm_resampler resampler;
    /* Messages that were taken and are not done, by their descriptors, oldest first: a ring. */
    uint16_t heads[VIRTIO_SND_QUEUE_SIZE];
    uint32_t first, count;
    /* The oldest one is done at `due_ns`, `frames_done` and its own `frames` behind `base_ns`; while started. */
    bool running; /* time passes for the oldest message */
    uint64_t base_ns, due_ns;
    uint32_t frames_done, frames;
    struct event due;
};

struct virtio_snd_jack {
    bool connected;
    uint8_t association, sequence; /* which the driver may change */
};

/** struct virtio_snd_event, as it waits for the driver to have room for it. */
struct virtio_snd_event {
    uint32_t code, data;
};

struct virtio_snd {
    struct virtio_device virtio; /* what a transport takes */
    struct clock *clock;
    struct sound_port port;
    uint32_t config[3]; /* how many jacks, streams and channel maps */
    struct virtio_snd_stream streams[VIRTIO_SND_STREAMS];
    struct virtio_snd_jack jacks[VIRTIO_SND_JACKS];
    struct virtio_snd_event events[VIRTIO_SND_EVENTS_MAX]; /* a ring, oldest at event_first */
    uint32_t event_first, event_count;
    uint8_t recorded[VIRTIO_SND_RECORDED_MAX * sizeof(struct sound_frame)]; /* a ring of frames */
    uint32_t recorded_first, recorded_count;
};

extern const struct device_class virtio_snd_class;

/** Makes a sound card, with nobody at the host's end of its port. */
struct virtio_snd *virtio_snd_create(struct bus *bus, struct clock *clock, struct inputs *inputs);

/* Between the device's two files: streams, in virtio_snd_pcm.c. */

extern const struct fields virtio_snd_stream_fields;

void snd_stream_init(struct virtio_snd *snd, unsigned number);
/** Back to the state after a reset; what was in flight is forgotten. */
void snd_stream_reset(struct virtio_snd_stream *stream);
void snd_stream_restored(struct virtio_snd_stream *stream);
/** The requests of 5.14.6.6. */
enum virtio_snd_status snd_stream_set(struct virtio_snd_stream *stream, uint32_t buffer_bytes, uint32_t period_bytes,
                                      uint32_t features, struct pcm_format format);
enum virtio_snd_status snd_stream_go(struct virtio_snd_stream *stream, enum virtio_snd_state to);
/** Takes what the driver has put into a stream's queue. */
void snd_stream_take(struct virtio_snd_stream *stream);
/** Takes recorded frames; when there are too many the oldest are lost. */
void snd_recorded(struct virtio_snd *snd, const struct sound_frame *frames, size_t count);

/** Tells the driver of something, as soon as it has room for that. */
void snd_event(struct virtio_snd *snd, uint32_t code, uint32_t data);

#define VIRTIO_SND_EVT_PCM_XRUN 0x1101u
#define VIRTIO_SND_PCM_F_EVT_XRUNS (1u << 4)

#endif
