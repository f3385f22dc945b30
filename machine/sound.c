/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's sound, as the machine sees it: a process at the other end of a socket. */
#include "machine/sound.h"
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/annex.h"
#include "machine/contract/input.h"
#include "machine/host_process.h"
#include "machine/machine.h"
#include "machine/sound_message.h"

struct sound {
    struct host_process process;
    struct machine *machine;
    struct host_watch watch;
    bool watched;
};

/* A process that does not keep up loses sound; the machine does not wait for it. */
static void send_message(struct sound *sound, const struct sound_message *message, size_t frames)
{
    if (sound->watched)
        send(sound->process.socket, message, offsetof(struct sound_message, frames) + frames * sizeof *message->frames,
             MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void play(void *host, const struct sound_frame *frames, size_t count)
{
    struct sound_message message = {.kind = SOUND_PLAY};
    while (count) {
        message.count = count < SOUND_MESSAGE_FRAMES ? (uint32_t)count : SOUND_MESSAGE_FRAMES;
        memcpy(message.frames, frames, message.count * sizeof *frames);
        send_message(host, &message, message.count);
        frames += message.count;
        count -= message.count;
    }
}

static void capture(void *host, bool on)
{
    send_message(host, &(struct sound_message){.kind = SOUND_CAPTURE, .count = on}, 0);
}

/* The port lets go of it; sound_free() does the rest. */
static void let_go(void *host)
{
    struct sound *sound = host;
    if (sound->watched)
        host_watch_remove(sound->machine->inputs, &sound->watch);
    sound->watched = false;
}

/* The machine goes on. The process has ended, or says what makes no sense. */
static void lose(struct sound *sound)
{
    fprintf(stderr, "armature: the host's sound is gone; the machine runs on without it\n");
    sound_port_detach(sound->machine->sound);
    host_process_end(&sound->process, true);
}

static void on_ready(void *backend, short revents)
{
    struct sound *sound = backend;
    const struct sound_port *port = sound->machine->sound;
    struct sound_frame frames[SOUND_MESSAGE_FRAMES];
    ssize_t length;
    while ((length = recv(sound->process.socket, frames, sizeof frames, MSG_DONTWAIT | MSG_TRUNC)) > 0 &&
           (size_t)length <= sizeof frames && length % (ssize_t)sizeof *frames == 0)
        if (port->capturing)
            input_post(port->inputs, port->frames_source, frames, (size_t)length);
    if (length >= 0 || (errno != EAGAIN && errno != EINTR))
        lose(sound);
}

static void run_process(int socket, const void *context)
{
    struct error error = {""};
    const struct sound_annex *sdl = annex_open("sound", &error);
    if (sdl)
        sdl->process(socket);
    host_process_say(socket, error.text);
}

struct sound *sound_create(struct error *error)
{
    struct sound *sound = host_alloc(1, sizeof *sound);
    struct error why = {""};
    if (host_process_start(&sound->process, "sound", run_process, NULL, &why))
        return sound;
    error_set(error, "%s; --sound none has a sound card without it", why.text);
    free(sound);
    return NULL;
}

bool sound_attach(struct sound *sound, struct machine *machine, struct error *error)
{
    static const struct sound_host_ops ops = {.play = play, .capture = capture, .free = let_go},
                                       replayed = {.play = play, .free = let_go}; /* what it records is in its log */
    if (!machine->sound)
        return error_set(error, "the machine has no sound card that could be heard");
    sound->machine = machine;
    sound->watch = (struct host_watch){sound->process.socket, POLLIN, on_ready, sound};
    sound->watched = true;
    host_watch_add(machine->inputs, &sound->watch);
    sound_port_attach(machine->sound, tape_replays(machine->options->tape) ? &replayed : &ops, sound);
    return true;
}

void sound_free(struct sound *sound)
{
    if (sound)
        host_process_end(&sound->process, false);
    free(sound);
}
