/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What passes a network device, in a file that tcpdump and Wireshark read (pcap, with nanoseconds). The times are the
 * machine's, so that two equal runs write equal files. */
#ifndef ARMATURE_NET_DUMP_H
#define ARMATURE_NET_DUMP_H

#include <stddef.h>
#include "machine/contract/clock.h"
#include "machine/contract/error.h"

struct net_dump;

/** Makes or empties the file. NULL: the host could not. */
struct net_dump *net_dump_open(const char *path, const struct clock *clock, struct error *error);

/** Adds a frame (or big packet). Where it cannot be written that is said once on standard error, and no more is. */
void net_dump_frame(struct net_dump *dump, const void *frame, size_t length);

/** Closes the file. NULL is allowed. */
void net_dump_close(struct net_dump *dump);

#endif
