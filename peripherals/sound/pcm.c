/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Samples as guests have them, to and from 16 bits at 48 kHz. */
#include "peripherals/sound/pcm.h"

#include <assert.h>
#include <string.h>

static const struct field resampler_list[] = {
    FIELD(struct pcm_resampler, phase),
    FIELD_ARRAY(struct pcm_resampler, before),
    FIELD_ARRAY(struct pcm_resampler, now),
    FIELDS_END,
};
const struct fields pcm_resampler_fields = {"pcm_resampler", sizeof(struct pcm_resampler), resampler_list};

/* --- formats --------------------------------------------------------------------------------------- */

enum kind { NONE, SIGNED, UNSIGNED, FLOATING };

/* By their numbers. A sample of `bits` stands in the low ones of its bytes, least significant byte first. */
static const struct {
    uint8_t kind, bytes, bits;
} formats[] = {
    [3] = {SIGNED, 1, 8},    [4] = {UNSIGNED, 1, 8},    [5] = {SIGNED, 2, 16},   [6] = {UNSIGNED, 2, 16},
    [7] = {SIGNED, 3, 18},   [8] = {UNSIGNED, 3, 18},   [9] = {SIGNED, 3, 20},   [10] = {UNSIGNED, 3, 20},
    [11] = {SIGNED, 3, 24},  [12] = {UNSIGNED, 3, 24},  [13] = {SIGNED, 4, 20},  [14] = {UNSIGNED, 4, 20},
    [15] = {SIGNED, 4, 24},  [16] = {UNSIGNED, 4, 24},  [17] = {SIGNED, 4, 32},  [18] = {UNSIGNED, 4, 32},
    [19] = {FLOATING, 4, 32}, [20] = {FLOATING, 8, 64},
};
#define FORMATS_END (sizeof formats / sizeof formats[0])

/* By their numbers. */
static const uint32_t rates_hz[] = {0,     8000,  11025, 16000, 22050,  32000, 44100,
                                    48000, 64000, 88200, 96000, 176400, 192000};
#define RATES_END (sizeof rates_hz / sizeof rates_hz[0])

uint64_t pcm_formats(void)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < FORMATS_END; i++)
        bits |= (uint64_t)(formats[i].kind != NONE) << i;
    return bits;
}

uint64_t pcm_rates(void)
{
    return ((1ull << RATES_END) - 1) & ~1ull;
}

bool pcm_format_valid(const struct pcm_format *format)
{
    return format->format < FORMATS_END && formats[format->format].kind && format->rate && format->rate < RATES_END &&
           format->channels >= 1 && format->channels <= PCM_CHANNELS_MAX;
}

uint8_t pcm_rate_number(uint32_t hz)
{
    uint8_t number = RATES_END - 1;
    while (number && rates_hz[number] != hz)
        number--;
    return number;
}

unsigned pcm_frame_bytes(const struct pcm_format *format)
{
    return formats[format->format].bytes * format->channels;
}

unsigned pcm_rate_hz(const struct pcm_format *format)
{
    return rates_hz[format->rate];
}

/* --- samples --------------------------------------------------------------------------------------- */

/* A number of IEEE 754 with that many bits of exponent and fraction, as a part of 2^15. What is no number is 0. */
static int16_t load_floating(uint64_t bits, unsigned exponent_bits, unsigned fraction_bits)
{
    const unsigned bias = (1u << (exponent_bits - 1)) - 1, all = (1u << exponent_bits) - 1;
    bool negative = bits >> (exponent_bits + fraction_bits) & 1;
    unsigned exponent = (unsigned)(bits >> fraction_bits) & all;
    uint64_t fraction = bits & ((1ull << fraction_bits) - 1);
    if (exponent == all && fraction)
        return 0;
    if (exponent >= bias)
        return negative ? INT16_MIN : INT16_MAX;
    /* 1.fraction * 2^(exponent - bias) * 2^15 */
    unsigned right = fraction_bits + bias - exponent - 15;
    int magnitude = right > fraction_bits ? 0 : (int)((fraction | 1ull << fraction_bits) >> right);
    return (int16_t)(negative ? -magnitude : magnitude);
}

static uint64_t store_floating(int16_t sample, unsigned exponent_bits, unsigned fraction_bits)
{
    const unsigned bias = (1u << (exponent_bits - 1)) - 1;
    uint32_t magnitude = (uint32_t)(sample < 0 ? -sample : sample);
    if (!magnitude)
        return 0;
    unsigned top = 31 - (unsigned)__builtin_clz(magnitude);
    uint64_t fraction = ((uint64_t)magnitude << (fraction_bits - top)) & ((1ull << fraction_bits) - 1);
    return (uint64_t)(sample < 0) << (exponent_bits + fraction_bits) | (uint64_t)(bias + top - 15) << fraction_bits |
           fraction;
}

int16_t pcm_load(unsigned format, const uint8_t *bytes)
{
    const unsigned count = formats[format].bytes, bits = formats[format].bits;
    uint64_t raw = 0;
    memcpy(&raw, bytes, count);
    if (formats[format].kind == FLOATING)
        return count == 4 ? load_floating(raw, 8, 23) : load_floating(raw, 11, 52);
    /* The topmost 16 of its bits; a narrower sample has zeroes below. */
    uint16_t top = (uint16_t)(bits < 16 ? raw << (16 - bits) : raw >> (bits - 16));
    return (int16_t)(formats[format].kind == UNSIGNED ? top ^ 0x8000 : top);
}

void pcm_store(unsigned format, uint8_t *bytes, int16_t sample)
{
    const unsigned count = formats[format].bytes, bits = formats[format].bits;
    uint64_t raw;
    if (formats[format].kind == FLOATING) {
        raw = count == 4 ? store_floating(sample, 8, 23) : store_floating(sample, 11, 52);
    } else if (formats[format].kind == UNSIGNED) {
        uint16_t top = (uint16_t)sample ^ 0x8000;
        raw = bits < 16 ? (uint64_t)top >> (16 - bits) : (uint64_t)top << (bits - 16);
    } else { /* the sign fills the container */
        raw = bits < 16 ? (uint64_t)(sample >> (16 - bits)) : (uint64_t)(int64_t)sample << (bits - 16);
    }
    memcpy(bytes, &raw, count);
}

/* --- frames ---------------------------------------------------------------------------------------- */

static struct sound_frame load_frame(const struct pcm_format *format, const uint8_t *bytes)
{
    int16_t left = pcm_load(format->format, bytes);
    return (struct sound_frame){
        left, format->channels == 1 ? left : pcm_load(format->format, bytes + formats[format->format].bytes)};
}

/* One channel hears both. */
static void store_frame(const struct pcm_format *format, uint8_t *bytes, struct sound_frame frame)
{
    if (format->channels == 1) {
        pcm_store(format->format, bytes, (int16_t)((frame.left + frame.right) / 2));
        return;
    }
    pcm_store(format->format, bytes, frame.left);
    pcm_store(format->format, bytes + formats[format->format].bytes, frame.right);
}

static void shift(struct pcm_resampler *resampler, struct sound_frame frame)
{
    memcpy(resampler->before, resampler->now, sizeof resampler->before);
    resampler->now[0] = (uint16_t)frame.left;
    resampler->now[1] = (uint16_t)frame.right;
}

/* What lies `phase` parts of `whole` behind the frame before. */
static struct sound_frame between(const struct pcm_resampler *resampler, uint32_t whole)
{
    int64_t sample[2];
    for (unsigned i = 0; i < 2; i++) {
        int16_t from = (int16_t)resampler->before[i], to = (int16_t)resampler->now[i];
        sample[i] = from + (int64_t)(to - from) * resampler->phase / whole;
    }
    return (struct sound_frame){(int16_t)sample[0], (int16_t)sample[1]};
}

size_t pcm_play(const struct pcm_format *format, struct pcm_resampler *resampler, const uint8_t *bytes, size_t count,
                struct sound_frame *frames)
{
    const uint32_t rate = pcm_rate_hz(format);
    const unsigned step = pcm_frame_bytes(format);
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        struct sound_frame frame = load_frame(format, bytes + i * step);
        if (rate == SOUND_RATE_HZ) {
            frames[made++] = frame;
            continue;
        }
        shift(resampler, frame);
        for (; resampler->phase < SOUND_RATE_HZ; resampler->phase += rate)
            frames[made++] = between(resampler, SOUND_RATE_HZ);
        resampler->phase -= SOUND_RATE_HZ;
    }
    return made;
}

size_t pcm_record_takes(const struct pcm_format *format, const struct pcm_resampler *resampler, size_t count)
{
    return (resampler->phase + (uint64_t)count * SOUND_RATE_HZ) / pcm_rate_hz(format);
}

void pcm_record(const struct pcm_format *format, struct pcm_resampler *resampler, const struct sound_frame *frames,
                size_t count, uint8_t *bytes)
{
    const uint32_t rate = pcm_rate_hz(format);
    const unsigned step = pcm_frame_bytes(format);
    for (size_t i = 0; i < count; i++) {
        if (rate == SOUND_RATE_HZ) {
            store_frame(format, bytes + i * step, frames[i]);
            continue;
        }
        for (resampler->phase += SOUND_RATE_HZ; resampler->phase >= rate; resampler->phase -= rate)
            shift(resampler, *frames++);
        store_frame(format, bytes + i * step, between(resampler, rate));
    }
}
