/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's sound (--sound sdl), which is a process of its own: where the host's sound server vanishes, that goes, and
 * not the machine. Nothing here ever makes the machine wait. */
#ifndef ARMATURE_MACHINE_SOUND_H
#define ARMATURE_MACHINE_SOUND_H

#include "machine/contract/error.h"

struct machine;
struct sound;

/** Starts the process and waits until it has the host's sound, or none. To be called as host_process_start(). NULL:
 * `error` says why there is no sound. */
struct sound *sound_create(struct error *error);

/** Puts it at the end of the cables of the machine's sound card. The machine must end before it. False: the machine has
 * no sound card. */
bool sound_attach(struct sound *sound, struct machine *machine, struct error *error);

/** Ends it. NULL is allowed. */
void sound_free(struct sound *sound);

#endif
