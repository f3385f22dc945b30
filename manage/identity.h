/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What makes a machine like no other: its seed, its name, and the key by which one logs in. */
#ifndef ARMATURE_IDENTITY_H
#define ARMATURE_IDENTITY_H

#include <limits.h>
#include "machine/contract/error.h"
#include "manage/folder.h"

/** The key's file in a machine's folder; the public one has .pub behind it. */
#define IDENTITY_KEY "id_ed25519"

/** Adds --seed with a number that is the host's randomness, so that the keys and addresses which the guest makes up
 *  are no other machine's. False: the host has none. */
bool identity_seed(struct config *config, struct error *error);

/** For a guest with systemd: makes a key in the machine's folder by ssh-keygen, and adds to the kernel's command
 *  line, which is there, that root may log in by it and what the guest is called. `*made`: whether there is a key
 *  (the host may have no ssh-keygen). False: the host failed otherwise. */
bool identity_login(struct config *config, const char *path, const char *machine, bool *made, struct error *error);

#endif
