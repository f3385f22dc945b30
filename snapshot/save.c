/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine into a file. What is done while it stands still is to take its state and to freeze its memory and disks;
 * what is frozen, a thread writes. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include "machine/contract/ram_look.h"
#include "snapshot/family.h"
#include "snapshot/frozen.h"
#include "snapshot/lineage.h"
#include "snapshot/parts.h"
#include "snapshot/saver.h"

#define PIECE_PAGES 128u /* that are copied at a time, in which the guest may have to wait */

/* The pages that a medium had, and where it had them. */
struct medium_page {
    uint64_t page;
    const uint8_t *content;
};

struct medium_part {
    const struct device *device;
    struct page_watch **list; /* NULL: nothing to watch, and no pages */
    struct frozen frozen;
    struct medium_identity identity;
    struct bytes pages; /* of struct medium_page */
    struct bytes index;
};

struct saver {
    struct machine *machine;
    struct lineage lineage;
    void (*done)(void *context);
    void *context;
    char path[PATH_MAX];
    uint64_t begun_ns, took_ns, pause_ns; /* of the host's time: since when, for how long, the guest standing still */
    pthread_t thread;
    bool begun, finished; /* a thread was begun and not waited for; it is at its end */
    bool good;
    struct error error;
    /* The snapshot that is being written. */
    struct format_writer *file;
    struct store_writer *store;
    struct state_image state;
    struct frozen ram;
    struct bytes ram_index;
    bool partly; /* only what changed since the parent */
    struct bytes parent;
    const uint64_t *changed; /* pages of RAM, where it is that */
    struct medium_part media[MACHINE_DEVICES_MAX];
    unsigned medium_count;
};

static uint64_t host_ns(const struct saver *saver)
{
    return saver->machine->loop.governor.host_ns();
}

/* --- in the thread --------------------------------------------------------------------------------- */

/* Copies what a piece of RAM held to `staging`, and says which pages there are to be stored. */
static void stage_ram(struct saver *saver, const struct ram_look *look, uint64_t first, unsigned count,
                      uint8_t *staging, bool stored[RAM_LOOK_PAGES])
{
    const struct ram *ram = &saver->machine->bus.ram;
    ram_look(look, first, count, stored);
    frozen_lock(&saver->ram);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t page = first + i;
        const uint8_t *now = frozen_page(&saver->ram, page, ram->host + page * PAGE_SIZE_BYTES);
        if (saver->partly)
            stored[i] = saver->changed[page / 64] >> page % 64 & 1;
        else
            stored[i] = stored[i] && !store_page_is_zero(now);
        if (stored[i])
            memcpy(staging + i * PAGE_SIZE_BYTES, now, PAGE_SIZE_BYTES);
    }
    frozen_unlock(&saver->ram, first + count);
}

static void store_ram(struct saver *saver, uint8_t *staging)
{
    const uint64_t pages = saver->machine->bus.ram.size_bytes / PAGE_SIZE_BYTES;
    struct ram_look look = ram_look_begin(&saver->machine->bus.ram);
    store_index_begin(saver->store, saver->partly);
    for (uint64_t first = 0; first < pages; first += PIECE_PAGES) {
        bool stored[RAM_LOOK_PAGES];
        unsigned count = pages - first < PIECE_PAGES ? (unsigned)(pages - first) : PIECE_PAGES;
        stage_ram(saver, &look, first, count, staging, stored);
        for (unsigned i = 0; i < count; i++)
            if (stored[i])
                store_put(saver->store, first + i, staging + i * PAGE_SIZE_BYTES);
        store_settle(saver->store);
    }
    store_index_end(saver->store, &saver->ram_index);
    ram_look_end(&look);
}

static void store_medium(struct saver *saver, struct medium_part *part, uint8_t *staging)
{
    const struct medium_page *pages = (const struct medium_page *)part->pages.at;
    const size_t count = part->pages.length / sizeof *pages;
    store_index_begin(saver->store, true);
    for (size_t first = 0; first < count; first += PIECE_PAGES) {
        const size_t end = count - first < PIECE_PAGES ? count : first + PIECE_PAGES;
        frozen_lock(&part->frozen);
        for (size_t i = first; i < end; i++)
            memcpy(staging + (i - first) * PAGE_SIZE_BYTES, frozen_page(&part->frozen, pages[i].page, pages[i].content),
                   PAGE_SIZE_BYTES);
        frozen_unlock(&part->frozen, pages[end - 1].page + 1);
        for (size_t i = first; i < end; i++)
            store_put(saver->store, pages[i].page, staging + (i - first) * PAGE_SIZE_BYTES);
        store_settle(saver->store);
    }
    store_index_end(saver->store, &part->index);
}

static void write_piece(struct saver *saver, const char *name, const uint8_t *at, size_t length)
{
    format_section(saver->file, name, &(struct bytes){(uint8_t *)(uintptr_t)at, length, length});
}

static void write_medium(struct saver *saver, const struct medium_part *part)
{
    char name[FORMAT_NAME_BYTES];
    struct bytes bytes = {0};
    codec_put(&bytes, &medium_identity_fields, &part->identity);
    snprintf(name, sizeof name, "base.%s", part->device->name);
    format_section(saver->file, name, &bytes);
    snprintf(name, sizeof name, "medium.%s", part->device->name);
    format_section(saver->file, name, &part->index);
    bytes_free(&bytes);
}

/* Stored pages come first in the file, and everything else behind them. */
static void write_all(struct saver *saver)
{
    uint8_t *staging = host_alloc(PIECE_PAGES, PAGE_SIZE_BYTES);
    store_ram(saver, staging);
    for (unsigned i = 0; i < saver->medium_count; i++)
        store_medium(saver, &saver->media[i], staging);
    free(staging);
    store_finish(saver->store);
    format_section(saver->file, SECTION_RAM, &saver->ram_index);
    for (size_t i = 0; i < state_piece_count(&saver->state); i++) {
        const struct state_piece *piece = state_piece(&saver->state, i);
        write_piece(saver, piece->name, saver->state.bytes.at + piece->offset, piece->length);
    }
    for (unsigned i = 0; i < saver->medium_count; i++)
        write_medium(saver, &saver->media[i]);
    if (saver->partly)
        format_section(saver->file, SECTION_PARENT, &saver->parent);
}

static bool copies_complete(const struct saver *saver)
{
    bool complete = !saver->ram.short_of_memory;
    for (unsigned i = 0; i < saver->medium_count; i++)
        complete = complete && !saver->media[i].frozen.short_of_memory;
    return complete;
}

static void *write_file(void *context)
{
    struct saver *saver = context;
    write_all(saver);
    uint64_t identity = 0;
    if (copies_complete(saver)) {
        saver->good = format_finish(saver->file, &identity, &saver->error);
    } else {
        format_abandon(saver->file);
        saver->good =
            error_set(&saver->error, "snapshot: no memory on the host for what the guest changed meanwhile; free some");
    }
    lineage_written(&saver->lineage, saver->good, identity);
    saver->took_ns = host_ns(saver) - saver->begun_ns;
    __atomic_store_n(&saver->finished, true, __ATOMIC_RELEASE);
    if (saver->done)
        saver->done(saver->context);
    return NULL;
}

/* --- the moment ------------------------------------------------------------------------------------ */

/* The pages that the medium has of its own. False: its base cannot be looked at. */
static bool freeze_medium(struct saver *saver, const struct device *device, struct error *error)
{
    const struct medium_ops *ops = device->class->medium;
    struct medium_part *part = &saver->media[saver->medium_count];
    const struct page_watch *changes = saver->partly ? lineage_changes(&saver->lineage, device) : NULL;
    uint64_t page_count = 0;
    const uint8_t *content;
    *part = (struct medium_part){.device = device};
    if (!ops->identify(device->instance, &part->identity, error))
        return false;
    part->list = ops->watches(device->instance, &page_count);
    frozen_init(&part->frozen, page_count);
    if (part->list)
        page_watch_add(part->list, &part->frozen.watch);
    saver->medium_count++;
    for (uint64_t page = 0; (content = ops->next_page(device->instance, &page)); page++)
        if (!changes || page_watch_changed(changes, page))
            bytes_put(&part->pages, &(struct medium_page){page, content}, sizeof(struct medium_page));
    return true;
}

static bool freeze(struct saver *saver, const char *path, bool incremental, struct error *error)
{
    struct machine *machine = saver->machine;
    machine_collect_scripts(machine);
    saver->partly = incremental && lineage_parent(&saver->lineage, path, &saver->parent, &saver->changed);
    state_take(&saver->state, machine, true);
    frozen_init(&saver->ram, machine->bus.ram.size_bytes / PAGE_SIZE_BYTES);
    machine_watch_ram(machine, &saver->ram.watch);
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->medium && !freeze_medium(saver, &machine->devices[i], error))
            return false;
    return true;
}

/* When the file is written, or will not be. */
static void thaw(struct saver *saver)
{
    ram_unwatch(&saver->machine->bus.ram, &saver->ram.watch);
    frozen_free(&saver->ram);
    for (unsigned i = 0; i < saver->medium_count; i++) {
        struct medium_part *part = &saver->media[i];
        if (part->list)
            page_watch_remove(part->list, &part->frozen.watch);
        frozen_free(&part->frozen);
        bytes_free(&part->pages);
        bytes_free(&part->index);
    }
    saver->medium_count = 0;
    bytes_free(&saver->ram_index);
    store_free(saver->store);
}

/* --- entry points ---------------------------------------------------------------------------------- */

bool saver_save(struct saver *saver, const char *path, const struct saver_options *options, struct error *error)
{
    if (!saver_wait(saver, error))
        return false;
    saver->begun_ns = host_ns(saver);
    snprintf(saver->path, sizeof saver->path, "%s", path);
    if (options->incremental && saver->lineage.known && !family_may_write(path, saver->lineage.path, error))
        return false;
    saver->file = format_create(path, error);
    if (!saver->file)
        return false;
    saver->store = store_create(saver->file, options->compress);
    saver->finished = saver->good = false;
    bool good = freeze(saver, path, options->incremental, error);
    if (good) {
        lineage_begin(&saver->lineage, path);
        int failure = pthread_create(&saver->thread, NULL, write_file, saver);
        good = !failure || error_set(error, "snapshot %s: the host gives no thread: %s", path, strerror(failure));
        if (!good) {
            lineage_written(&saver->lineage, false, 0);
            lineage_settle(&saver->lineage);
        }
    }
    saver->begun = good;
    saver->pause_ns = host_ns(saver) - saver->begun_ns;
    if (!good) {
        format_abandon(saver->file);
        thaw(saver);
    }
    return good;
}

bool saver_busy(const struct saver *saver)
{
    return saver->begun && !__atomic_load_n(&saver->finished, __ATOMIC_ACQUIRE);
}

/* Who saves a machine that runs is told what it cost. */
static void tell(const struct saver *saver)
{
    struct stat status;
    if (saver->good && saver->done && !stat(saver->path, &status))
        fprintf(stderr, "armature: saved %s: %.1f MiB in %.0f ms, the guest stood still for %.1f ms\n", saver->path,
                (double)status.st_size / (1 << 20), (double)saver->took_ns / 1e6, (double)saver->pause_ns / 1e6);
}

bool saver_wait(struct saver *saver, struct error *error)
{
    if (!saver->begun)
        return true;
    pthread_join(saver->thread, NULL);
    saver->begun = false;
    thaw(saver);
    lineage_settle(&saver->lineage);
    tell(saver);
    if (!saver->good && error)
        *error = saver->error;
    return saver->good;
}

struct saver *saver_create(struct machine *machine, const struct snapshot *restored, void (*done)(void *context),
                           void *context)
{
    struct saver *saver = host_alloc(1, sizeof *saver);
    saver->machine = machine;
    saver->done = done;
    saver->context = context;
    lineage_init(&saver->lineage, machine);
    if (restored)
        lineage_restored(&saver->lineage, restored->file.path, snapshot_identity(restored));
    return saver;
}

void saver_restored(struct saver *saver, const struct snapshot *restored)
{
    saver_wait(saver, NULL);
    lineage_restored(&saver->lineage, restored->file.path, snapshot_identity(restored));
}

void saver_free(struct saver *saver)
{
    if (!saver)
        return;
    saver_wait(saver, NULL);
    lineage_free(&saver->lineage);
    state_free(&saver->state);
    bytes_free(&saver->parent);
    free(saver);
}

bool snapshot_save(struct machine *machine, const char *path, bool compress, struct error *error)
{
    struct saver *saver = saver_create(machine, NULL, NULL, NULL);
    bool good =
        saver_save(saver, path, &(struct saver_options){.compress = compress}, error) && saver_wait(saver, error);
    saver_free(saver);
    return good;
}
