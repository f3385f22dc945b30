/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Samples as guests have them (formats and rates by their numbers in virtio 1.2, 5.14.6.6.2), to and from the frames of
 * machine/contract/sound.h. Other rates are interpolated linearly. All is done with whole numbers: devices run between
 * the guest's instructions, and what those have gathered in the host's floating-point flags is not to change. */
#ifndef ARMATURE_PCM_H
#define ARMATURE_PCM_H

#include "machine/contract/fields.h"
#include "machine/contract/sound.h"

#define PCM_CHANNELS_MAX 2u

struct pcm_format {
    uint8_t format, rate; /* numbers of which pcm_formats() and pcm_rates() have the bits */
    uint8_t channels;     /* 1 or 2 */
};

/** Where a stream of another rate stands between two frames. State; {0} at its beginning. */
struct pcm_resampler {
    uint32_t phase;
    uint16_t before[2], now[2]; /* left and right, of the last two frames of the side that is read */
};

extern const struct fields pcm_resampler_fields;

/** A bit for each format and each rate that there is. */
uint64_t pcm_formats(void);
uint64_t pcm_rates(void);
bool pcm_format_valid(const struct pcm_format *format);

/** The number of a rate in frames a second; 0: there is none. */
uint8_t pcm_rate_number(uint32_t hz);

/** Of a valid format: bytes of a frame, and how many frames a second. */
unsigned pcm_frame_bytes(const struct pcm_format *format);
unsigned pcm_rate_hz(const struct pcm_format *format);

/** The most frames that pcm_play() makes of one. */
#define PCM_FRAMES_OF_ONE 6u

/** Converts `count` frames that the guest plays; returns how many came of them, at most PCM_FRAMES_OF_ONE each. */
size_t pcm_play(const struct pcm_format *format, struct pcm_resampler *resampler, const uint8_t *bytes, size_t count,
                struct sound_frame *frames);

/** How many frames pcm_record() takes for `count` of the guest's. */
size_t pcm_record_takes(const struct pcm_format *format, const struct pcm_resampler *resampler, size_t count);

/** Converts what is recorded to `count` frames of the guest's, in `bytes`. `frames` has as many as that takes. */
void pcm_record(const struct pcm_format *format, struct pcm_resampler *resampler, const struct sound_frame *frames,
                size_t count, uint8_t *bytes);

/** Converts one sample to 16 bits, and back. */
int16_t pcm_load(unsigned format, const uint8_t *bytes);
void pcm_store(unsigned format, uint8_t *bytes, int16_t sample);

#endif
