/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames in a pcap file (the format is draft-ietf-opsawg-pcap's). */
#include "peripherals/net/dump.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_NS       0xa1b23c4du
#define SNAP_BYTES     262144u /* frames are never cut: none is that long */
#define LINK_ETHERNET  1u
#define FLUSH_EVERY_NS 100000000u /* so that who looks meanwhile sees what was before */

struct net_dump {
    FILE *file; /* NULL: it could not be written */
    char *path;
    const struct clock *clock;
    uint64_t flushed_ns;
};

static void give_up(struct net_dump *dump)
{
    fprintf(stderr, "armature: --net: %s cannot be written: %s; no more frames are kept\n", dump->path,
            strerror(errno));
    fclose(dump->file);
    dump->file = NULL;
}

struct net_dump *net_dump_open(const char *path, const struct clock *clock, struct error *error)
{
    const struct {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t reserved[2], snap_bytes, link;
    } header = {MAGIC_NS, 2, 4, {0, 0}, SNAP_BYTES, LINK_ETHERNET};
    struct net_dump *dump = host_alloc(1, sizeof *dump);
    *dump = (struct net_dump){fopen(path, "we"), strdup(path), clock, 0};
    if (dump->file && dump->path && fwrite(&header, sizeof header, 1, dump->file) == 1 && fflush(dump->file) == 0)
        return dump;
    error_set(error, "--net: %s cannot be written: %s; name another file behind dump=", path, strerror(errno));
    net_dump_close(dump);
    return NULL;
}

void net_dump_frame(struct net_dump *dump, const void *frame, size_t length)
{
    uint64_t now_ns = clock_now_ns(dump->clock);
    const uint32_t header[4] = {(uint32_t)(now_ns / NS_PER_S), (uint32_t)(now_ns % NS_PER_S), (uint32_t)length,
                                (uint32_t)length};
    if (!dump->file)
        return;
    bool good = fwrite(header, sizeof header, 1, dump->file) == 1 && fwrite(frame, length, 1, dump->file) == 1;
    if (good && now_ns - dump->flushed_ns >= FLUSH_EVERY_NS) {
        dump->flushed_ns = now_ns;
        good = fflush(dump->file) == 0;
    }
    if (!good)
        give_up(dump);
}

void net_dump_close(struct net_dump *dump)
{
    if (!dump)
        return;
    if (dump->file && fclose(dump->file) != 0)
        fprintf(stderr, "armature: --net: %s cannot be written: %s\n", dump->path, strerror(errno));
    free(dump->path);
    free(dump);
}
