/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sound card whose cables end in WAV files (RIFF: chunks of a name, a length and that many bytes). */
#include "peripherals/sound/wav.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/input.h"
#include "peripherals/sound/pcm.h"

#define RECORD_MAX_BYTES (256u << 20)
#define PLAY_MAX_BYTES   (UINT32_MAX - 64u) /* lengths have 32 bits */
#define HEADER_EVERY     SOUND_RATE_HZ      /* frames: so that the file is whole, whenever the program stops */

/* What the file begins with. */
struct wav_header {
    char riff[4];
    uint32_t riff_bytes;
    char wave[4], format_name[4];
    uint32_t format_bytes;
    uint16_t encoding, channels;
    uint32_t rate_hz, bytes_per_s;
    uint16_t frame_bytes, sample_bits;
    char data[4];
    uint32_t data_bytes;
};

enum { ENCODING_INTEGER = 1, ENCODING_FLOATING = 3, ENCODING_EXTENDED = 0xfffe };

struct wav {
    struct sound_port *port;
    FILE *play; /* NULL: none, or no more */
    char *path;
    uint32_t bytes;
    struct sound_frame *frames; /* to be recorded */
    size_t frame_count, next;
};

/* --- what is played -------------------------------------------------------------------------------- */

static bool write_header(struct wav *wav)
{
    const struct wav_header header = {
        {'R', 'I', 'F', 'F'}, wav->bytes + (uint32_t)sizeof header - 8,
        {'W', 'A', 'V', 'E'}, {'f', 'm', 't', ' '},
        16,                   ENCODING_INTEGER,
        2,                    SOUND_RATE_HZ,
        SOUND_RATE_HZ * 4,    4,
        16,                   {'d', 'a', 't', 'a'},
        wav->bytes};
    return fseek(wav->play, 0, SEEK_SET) == 0 && fwrite(&header, sizeof header, 1, wav->play) == 1 &&
           fflush(wav->play) == 0 && fseek(wav->play, 0, SEEK_END) == 0;
}

static void give_up(struct wav *wav, const char *why)
{
    fprintf(stderr, "armature: --sound: %s cannot be written: %s; what is played is lost\n", wav->path, why);
    fclose(wav->play);
    wav->play = NULL;
}

static void wav_play(void *host, const struct sound_frame *frames, size_t count)
{
    struct wav *wav = host;
    const size_t bytes = count * sizeof *frames;
    if (!wav->play)
        return;
    if (bytes > PLAY_MAX_BYTES - wav->bytes) {
        write_header(wav);
        give_up(wav, "no such file is longer than 4 GiB");
        return;
    }
    bool good = fwrite(frames, sizeof *frames, count, wav->play) == count;
    const bool due = (wav->bytes + bytes) / sizeof *frames / HEADER_EVERY != wav->bytes / sizeof *frames / HEADER_EVERY;
    wav->bytes += (uint32_t)bytes;
    if (!good || (due && !write_header(wav)))
        give_up(wav, strerror(errno));
}

/* --- what is recorded ------------------------------------------------------------------------------ */

static void wav_capture(void *host, bool on)
{
    ((struct wav *)host)->next = 0;
}

static void wav_want(void *host, size_t count)
{
    struct wav *wav = host;
    size_t left = wav->frame_count - wav->next;
    count = count < left ? count : left;
    if (count && input_post(wav->port->inputs, wav->port->frames_source, wav->frames + wav->next,
                            count * sizeof *wav->frames))
        wav->next += count;
}

/* What a format chunk says, as one of ours. */
static bool find_format(const uint8_t *chunk, uint32_t length, struct pcm_format *format)
{
    static const struct {
        uint16_t encoding, bits;
        uint8_t format;
    } rows[] = {{ENCODING_INTEGER, 8, 4},   {ENCODING_INTEGER, 16, 5},  {ENCODING_INTEGER, 24, 11},
                {ENCODING_INTEGER, 32, 17}, {ENCODING_FLOATING, 32, 19}, {ENCODING_FLOATING, 64, 20}};
    uint16_t encoding, channels, bits;
    uint32_t rate_hz;
    if (length < 16)
        return false;
    memcpy(&encoding, chunk, 2);
    memcpy(&channels, chunk + 2, 2);
    memcpy(&rate_hz, chunk + 4, 4);
    memcpy(&bits, chunk + 14, 2);
    if (encoding == ENCODING_EXTENDED && length >= 26) /* the real one begins its identifier */
        memcpy(&encoding, chunk + 24, 2);
    *format = (struct pcm_format){.rate = pcm_rate_number(rate_hz), .channels = channels > 255 ? 0 : (uint8_t)channels};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].encoding == encoding && rows[i].bits == bits)
            format->format = rows[i].format;
    return pcm_format_valid(format);
}

static struct sound_frame *convert(const struct pcm_format *format, const uint8_t *bytes, size_t length, size_t *count)
{
    struct pcm_resampler resampler = {0};
    size_t frames = length / pcm_frame_bytes(format);
    struct sound_frame *made = host_alloc(frames + 1, PCM_FRAMES_OF_ONE * sizeof *made);
    *count = pcm_play(format, &resampler, bytes, frames, made);
    return made;
}

struct sound_frame *wav_parse(const uint8_t *bytes, size_t length, const char *path, size_t *count, struct error *error)
{
    struct pcm_format format;
    bool known = false;
    if (length < 12 || memcmp(bytes, "RIFF", 4) || memcmp(bytes + 8, "WAVE", 4)) {
        error_set(error, "--sound: %s is no WAV file", path);
        return NULL;
    }
    for (size_t at = 12; length - at >= 8;) {
        uint32_t chunk;
        memcpy(&chunk, bytes + at + 4, 4);
        size_t room = length - at - 8;
        bool data = !memcmp(bytes + at, "data", 4);
        /* A file that was not finished says too much. */
        if (data && known)
            return convert(&format, bytes + at + 8, chunk < room ? chunk : room, count);
        if (data || chunk > room)
            break;
        if (!memcmp(bytes + at, "fmt ", 4) && !(known = find_format(bytes + at + 8, chunk, &format))) {
            error_set(error, "--sound: %s has samples of a kind that is not understood; one or two channels of whole "
                      "numbers or floating-point ones, at 8 to 192 kHz, are", path);
            return NULL;
        }
        at += 8 + (size_t)chunk + (chunk & 1);
        if (at > length)
            break;
    }
    error_set(error, "--sound: %s is damaged: no samples were found in it", path);
    return NULL;
}

static bool read_record(struct wav *wav, const char *path, struct error *error)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *bytes = NULL;
    size_t length = 0, got = 1;
    while (file && got && length <= RECORD_MAX_BYTES) {
        bytes = host_realloc(bytes, length + (1u << 20), 1);
        got = fread(bytes + length, 1, 1u << 20, file);
        length += got;
    }
    bool good = file && !ferror(file);
    if (!good)
        error_set(error, "--sound: %s cannot be read: %s", path, strerror(errno));
    else if (length > RECORD_MAX_BYTES)
        good = error_set(error, "--sound: %s is larger than 256 MiB", path);
    if (file)
        fclose(file);
    if (good)
        wav->frames = wav_parse(bytes, length, path, &wav->frame_count, error);
    free(bytes);
    return good && wav->frames;
}

/* --- both ------------------------------------------------------------------------------------------ */

static void wav_free(void *host)
{
    struct wav *wav = host;
    if (wav->play && !write_header(wav))
        give_up(wav, strerror(errno));
    if (wav->play)
        fclose(wav->play);
    free(wav->path);
    free(wav->frames);
    free(wav);
}

bool wav_attach(struct sound_port *port, const char *play, const char *record, struct error *error)
{
    static const struct sound_host_ops plays = {.play = wav_play, .free = wav_free},
                                       records = {wav_play, wav_capture, wav_want, wav_free};
    struct wav *wav = host_alloc(1, sizeof *wav);
    wav->port = port;
    bool good = !record || read_record(wav, record, error);
    if (good && play) {
        wav->path = strdup(play);
        wav->play = fopen(play, "wbe");
        if (!wav->play || !wav->path || !write_header(wav))
            good = error_set(error, "--sound: %s cannot be written: %s", play, strerror(errno));
    }
    if (good)
        sound_port_attach(port, record ? &records : &plays, wav);
    else
        wav_free(wav);
    return good;
}
