/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server of a shared folder: 9P2000.L over a directory of the host (the messages: Linux's
 * Documentation/filesystems/9p.rst and the protocol description of diod), for one guest. */
#ifndef ARMATURE_SHARE_SHARE_H
#define ARMATURE_SHARE_SHARE_H

#include "hostcall/policy.h"
#include "machine/contract/error.h"
#include "machine/contract/share.h"

struct share_config {
    const char *path; /* the directory; NULL: nobody serves (a replay) */
    bool read_only;
    /* Owners, modes and special files as the guest made them are kept in an extended attribute, and the host's files
     * are all those of whoever runs the program; else they are the host's own. */
    bool mapped;
    const struct policy *policy; /* or NULL */
};

/** Opens a server. NULL: `error` says what is wrong with the directory. A path of "" is a folder that is not there (a
 *  restored machine whose user did not say where it lies): every file of it is stale. */
struct share_server *share_server_open(const struct share_config *config, struct error *error);

#endif
