/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process with the host's sound, by SDL. Its one thread waits for the machine; SDL's own threads play what is
 * queued, and send what was recorded. An annex (machine/contract/annex.h). */
#include <SDL.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "machine/host_process.h"
#include "machine/sound_message.h"

#define DEVICE_FRAMES 1024
/* What is queued before it begins to sound, so that it does not break off at once, and what is never exceeded: a
 * machine whose time runs ahead of the host's would be heard later and later. */
#define QUEUE_BEGIN_BYTES (SOUND_RATE_HZ / 20 * sizeof(struct sound_frame))
#define QUEUE_MAX_BYTES   (SOUND_RATE_HZ / 3 * sizeof(struct sound_frame))

struct ends {
    int socket;
    SDL_AudioDeviceID speaker, microphone; /* 0: not opened */
    bool sounds;
};

static SDL_AudioSpec wanted(SDL_AudioCallback callback, void *context)
{
    return (SDL_AudioSpec){.freq = SOUND_RATE_HZ,
                           .format = AUDIO_S16LSB,
                           .channels = 2,
                           .samples = DEVICE_FRAMES,
                           .callback = callback,
                           .userdata = context};
}

static void send_recorded(void *context, Uint8 *bytes, int length)
{
    const struct ends *ends = context;
    const int most = (int)(SOUND_MESSAGE_FRAMES * sizeof(struct sound_frame));
    for (; length > 0; bytes += most, length -= most)
        send(ends->socket, bytes, (size_t)(length < most ? length : most), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A host without a microphone has silence. */
static void record(struct ends *ends, bool on)
{
    SDL_AudioSpec spec = wanted(send_recorded, ends);
    if (on && !ends->microphone)
        ends->microphone = SDL_OpenAudioDevice(NULL, 1, &spec, NULL, 0);
    if (ends->microphone)
        SDL_PauseAudioDevice(ends->microphone, !on);
}

static void play(struct ends *ends, const struct sound_message *message)
{
    Uint32 queued = SDL_GetQueuedAudioSize(ends->speaker);
    if (queued <= QUEUE_MAX_BYTES)
        SDL_QueueAudio(ends->speaker, message->frames, (Uint32)(message->count * sizeof *message->frames));
    if (queued == 0 && ends->sounds) { /* it broke off, or nothing was played for a while */
        SDL_PauseAudioDevice(ends->speaker, 1);
        ends->sounds = false;
    }
    if (!ends->sounds && SDL_GetQueuedAudioSize(ends->speaker) >= QUEUE_BEGIN_BYTES) {
        SDL_PauseAudioDevice(ends->speaker, 0);
        ends->sounds = true;
    }
}

static __attribute__((noreturn)) void sound_process(int socket)
{
    static struct ends ends; /* zero */
    static struct sound_message message;
    SDL_AudioSpec spec = wanted(NULL, NULL);
    ends.socket = socket;
    /* Why there is no sound is said in one line, by the program; the libraries would say it in ten. */
    if (!freopen("/dev/null", "w", stderr))
        _exit(1);
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    if (SDL_Init(SDL_INIT_AUDIO) != 0 || !(ends.speaker = SDL_OpenAudioDevice(NULL, 0, &spec, NULL, 0))) {
        host_process_say(socket, SDL_GetError());
        _exit(1);
    }
    host_process_say(socket, NULL);
    for (;;) {
        ssize_t length = recv(socket, &message, sizeof message, 0);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < (ssize_t)offsetof(struct sound_message, frames))
            break;
        if (message.kind == SOUND_CAPTURE)
            record(&ends, message.count);
        else if ((size_t)length == offsetof(struct sound_message, frames) + message.count * sizeof *message.frames)
            play(&ends, &message);
    }
    /* What is queued is still heard. */
    if (!ends.sounds)
        SDL_PauseAudioDevice(ends.speaker, 0);
    for (unsigned waited_ms = 0; waited_ms < 500 && SDL_GetQueuedAudioSize(ends.speaker); waited_ms += 10)
        SDL_Delay(10);
    SDL_Quit();
    _exit(0);
}

const struct sound_annex annex = {sound_process};
