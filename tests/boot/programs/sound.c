/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plays noise on the first sound card, or records from it, by the kernel's own calls:
 *   sound play FRAMES    the noise that test_large_pages.py computes too
 *   sound record FRAMES  prints a sum (FNV-1a) of what was recorded, from the first frame on that is no silence */
#include <fcntl.h>
#include <sound/asound.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { RATE_HZ = 48000, PERIOD_FRAMES = 1200, PERIODS = 4 };

static void must(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(1);
    }
}

static void only(struct snd_pcm_hw_params *params, unsigned number, unsigned value)
{
    struct snd_mask *mask = &params->masks[number - SNDRV_PCM_HW_PARAM_FIRST_MASK];
    memset(mask, 0, sizeof *mask);
    mask->bits[value / 32] = 1u << value % 32;
}

static void exactly(struct snd_pcm_hw_params *params, unsigned number, unsigned value)
{
    params->intervals[number - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL] =
        (struct snd_interval){.min = value, .max = value, .integer = 1};
}

static int open_stream(const char *name)
{
    struct snd_pcm_hw_params hw;
    struct snd_pcm_sw_params sw = {.period_step = 1, .avail_min = PERIOD_FRAMES, .start_threshold = 1,
                                   .stop_threshold = PERIOD_FRAMES * PERIODS};
    int stream = open(name, O_RDWR);
    must(stream, name);
    memset(&hw, 0, sizeof hw);
    memset(hw.masks, 0xff, sizeof hw.masks);
    for (unsigned i = 0; i < sizeof hw.intervals / sizeof hw.intervals[0]; i++)
        hw.intervals[i].max = UINT32_MAX;
    hw.rmask = hw.cmask = UINT32_MAX;
    hw.info = UINT32_MAX;
    only(&hw, SNDRV_PCM_HW_PARAM_ACCESS, SNDRV_PCM_ACCESS_RW_INTERLEAVED);
    only(&hw, SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S16_LE);
    only(&hw, SNDRV_PCM_HW_PARAM_SUBFORMAT, SNDRV_PCM_SUBFORMAT_STD);
    exactly(&hw, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
    exactly(&hw, SNDRV_PCM_HW_PARAM_RATE, RATE_HZ);
    exactly(&hw, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, PERIOD_FRAMES);
    exactly(&hw, SNDRV_PCM_HW_PARAM_PERIODS, PERIODS);
    must(ioctl(stream, SNDRV_PCM_IOCTL_HW_PARAMS, &hw), "HW_PARAMS");
    must(ioctl(stream, SNDRV_PCM_IOCTL_SW_PARAMS, &sw), "SW_PARAMS");
    must(ioctl(stream, SNDRV_PCM_IOCTL_PREPARE), "PREPARE");
    return stream;
}

static void play(unsigned long frames)
{
    int16_t piece[PERIOD_FRAMES][2];
    uint32_t noise = 1;
    int stream = open_stream("/dev/snd/pcmC0D0p");
    while (frames) {
        struct snd_xferi transfer = {.buf = piece, .frames = frames < PERIOD_FRAMES ? frames : PERIOD_FRAMES};
        for (unsigned i = 0; i < 2 * transfer.frames; i++) {
            noise = noise * 1664525 + 1013904223;
            piece[i / 2][i % 2] = (int16_t)(noise >> 16);
        }
        must(ioctl(stream, SNDRV_PCM_IOCTL_WRITEI_FRAMES, &transfer), "WRITEI_FRAMES");
        frames -= transfer.frames;
    }
    must(ioctl(stream, SNDRV_PCM_IOCTL_DRAIN), "DRAIN");
    close(stream);
    puts("played");
}

static void record(unsigned long frames)
{
    int16_t piece[PERIOD_FRAMES][2];
    uint64_t sum = 0xcbf29ce484222325;
    int stream = open_stream("/dev/snd/pcmC0D0c"), silent = 1;
    while (frames) {
        struct snd_xferi transfer = {.buf = piece, .frames = PERIOD_FRAMES};
        must(ioctl(stream, SNDRV_PCM_IOCTL_READI_FRAMES, &transfer), "READI_FRAMES");
        for (unsigned i = 0; i < PERIOD_FRAMES && frames; i++) {
            silent = silent && !piece[i][0] && !piece[i][1];
            for (unsigned byte = 0; !silent && byte < 4; byte++)
                sum = (sum ^ ((uint8_t *)piece[i])[byte]) * 0x100000001b3;
            frames -= !silent;
        }
    }
    close(stream);
    printf("recorded %016llx\n", (unsigned long long)sum);
}

int main(int count, char **words)
{
    if (count != 3)
        return 2;
    unsigned long frames = strtoul(words[2], NULL, 10);
    if (!strcmp(words[1], "play"))
        play(frames);
    else
        record(frames);
    return 0;
}
