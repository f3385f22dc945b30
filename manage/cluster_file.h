/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a cluster: which machines run together. */
#ifndef ARMATURE_CLUSTER_FILE_H
#define ARMATURE_CLUSTER_FILE_H

#include "machine/cluster.h"
#include "manage/folder.h"

struct cluster_file {
    uint64_t latency_ns;
    struct cluster_section {
        char name[64];
        struct config config; /* what stands below the name */
        struct config all;    /* with what is said for all machines, but not said there */
    } sections[CLUSTER_MACHINES_MAX];
    unsigned count;
};

#define CLUSTER_LATENCY_NS 500000ull

/** Reads the file; argv has the options for all machines. NULL: it cannot be read, or makes no sense. */
struct cluster_file *cluster_file_read(const char *path, int argc, char *const argv[], struct error *error);

/** Whether the machine is told an option, by its own lines. */
bool cluster_says(const struct cluster_section *section, const char *option);

/** NULL is allowed. */
void cluster_file_free(struct cluster_file *file);

#endif
