/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A snapshot with all that its disks hold. What a disk's image had comes to lie among the pages that were written over
 * it, and the base is none: a disk of zeroes of the same size (an identity with nothing but a size). */
#include "snapshot/export.h"
#include <stdio.h>
#include "snapshot/compact.h"
#include "snapshot/parts.h"

#define PIECE_PAGES 64u

static const struct device *find_disk(const struct machine *machine, const char *name)
{
    for (unsigned i = 0; i < machine->device_count; i++) {
        const struct device *device = &machine->devices[i];
        if (!strcmp(device->name, name) && device->class->medium && device->class->medium->read)
            return device;
    }
    return NULL;
}

/* Whether all of the piece is zeroes is seen page by page: these are not stored. */
static bool store_pages(const struct device *device, struct store_writer *store, uint64_t size_bytes,
                        struct error *error)
{
    uint8_t *piece = host_alloc(PIECE_PAGES, PAGE_SIZE_BYTES);
    bool good = true;
    for (uint64_t at = 0; at < size_bytes && good; at += PIECE_PAGES * PAGE_SIZE_BYTES) {
        const uint64_t left = size_bytes - at,
                       length = left < PIECE_PAGES * PAGE_SIZE_BYTES ? left : PIECE_PAGES * PAGE_SIZE_BYTES;
        memset(piece, 0, PIECE_PAGES * PAGE_SIZE_BYTES);
        good = device->class->medium->read(device->instance, at, piece, length) ||
               error_set(error, "snapshot: the image of %s cannot be read", device->name);
        for (uint64_t n = 0; n * PAGE_SIZE_BYTES < length && good; n++)
            store_put(store, at / PAGE_SIZE_BYTES + n, piece + n * PAGE_SIZE_BYTES);
        store_settle(store);
    }
    free(piece);
    return good;
}

static bool whole_disk(void *context, const char *name, struct store_writer *store, struct medium_identity *base,
                       bool *whole, struct error *error)
{
    const struct device *device = find_disk(context, name);
    struct medium_identity identity;
    *whole = device;
    if (!device)
        return true; /* no disk, and all there is of it is in the snapshot */
    if (!device->class->medium->identify(device->instance, &identity, error))
        return false;
    *base = (struct medium_identity){.size_bytes = identity.size_bytes};
    return store_pages(device, store, identity.size_bytes, error);
}

/* Nothing of the host is opened but the images. */
static bool configure(struct snapshot *snapshot, struct run_options *options, const char *from, struct error *error)
{
    run_options_default(options);
    options->clock = CLOCK_CHOICE_VIRTUAL;
    options->restore = from;
    if (!snapshot_configure(snapshot, options, error))
        return false;
    options->serial.kind = SERIAL_NULL;
    if (options->console.kind != SERIAL_NONE)
        options->console.kind = SERIAL_NULL;
    return true;
}

bool snapshot_export(const char *from, const char *to, const struct engine_ops *engine, struct error *error)
{
    struct run_options *options = host_alloc(1, sizeof *options);
    struct snapshot *snapshot = snapshot_open(from, error);
    struct machine *machine =
        snapshot && configure(snapshot, options, from, error) ? machine_create(options, engine, error) : NULL;
    bool good = machine && snapshot_restore(snapshot, machine, error);
    if (good) {
        const struct compact_media media = {whole_disk, machine};
        good = snapshot_rewrite(snapshot, to, true, &media, error);
    }
    machine_free(machine);
    snapshot_close(snapshot);
    free(options);
    return good;
}
