/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sound card whose cables end in files: what is played goes into one, what is recorded comes from another. */
#ifndef ARMATURE_WAV_H
#define ARMATURE_WAV_H

#include "machine/contract/error.h"
#include "machine/contract/sound.h"

/** Makes `play` (NULL: none), which gets what the guest plays, as two channels of 16 bits at 48 kHz; and reads `record`
 * (NULL: none), a WAV file of one or two channels, which the guest records from its beginning each time, and silence
 * behind its end. Puts both at the end of `port`. False: one cannot be written or read. */
bool wav_attach(struct sound_port *port, const char *play, const char *record, struct error *error);

/** The frames of a WAV file's bytes, for the caller to free. NULL: it is none that is understood, and `error` says why.
 */
struct sound_frame *wav_parse(const uint8_t *bytes, size_t length, const char *path, size_t *count,
                              struct error *error);

#endif
