/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guest's paths and the host's. */
#ifndef ARMATURE_PATHS_H
#define ARMATURE_PATHS_H

#include <stdbool.h>
#include "hostcall/call.h"

/** The host's path of the directory where the guest's files begin, without a slash at the end; "": the host's own. */
const char *paths_root(void);

/** The directory becomes that: 0 or -errno. */
int paths_set_root(const char *host);

/** Takes back a root that paths_root() gave before. */
void paths_restore_root(const char *root);

/** With a root, whoever works in a directory that is not below it works in the root. */
void paths_enter_root(void);

/** struct call_set.path. */
int paths_to_host(void *owner, int directory, const char *guest, char host[CALL_PATH_BYTES], bool follow);

/** Cuts the root off a host's path. */
const char *paths_to_guest(const char *host);

#endif
