/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moving away. A thread does what takes time - connecting, a round of pages - while the guest runs; between two of
 * these the machine's thread takes a step, the guest standing still: it looks what has changed, and begins the next
 * round, or ends it.
 *
 *     machine's thread   step          step                     step: rest, state, end
 *     the other               hello        all pages ...  round 2 ...
 *
 * A page that changes while it is read is told of before (page_watch.h), so it is sent again. */
#include "snapshot/migrate.h"
#include <inttypes.h>
#include <pthread.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "machine/contract/ram_look.h"
#include "snapshot/codec.h"
#include "snapshot/config.h"
#include "snapshot/migrate_stream.h"
#include "snapshot/state.h"
#include "snapshot/store.h"
#include "snapshot/watched.h"

#define STOP_NS           8000000ull /* for how long the guest may stand still while pages are sent */
#define ROUNDS_MAX        30u        /* then it stands still for what there is */
#define MEDIA_ROUND_PAGES 1024u      /* of disks in a round: they are copied while the guest stands still */

/* A device's medium: what was written over its base. */
struct moved_medium {
    struct watched_space of;
    struct medium_identity base;
    struct page_watch watch;
    uint64_t *pending; /* a bit a page: to be sent */
};

enum phase { PHASE_NONE, PHASE_HELLO, PHASE_ROUND };

struct migration {
    struct machine *machine;
    enum phase phase;
    char address[300];
    struct migrate_stream stream;
    struct error error;
    bool failed;
    /* The thread, and how it is heard of. */
    pthread_t thread;
    bool finished, good;
    struct host_watch wake;
    /* What is sent. */
    struct watched_space ram_space;
    struct page_watch ram;
    uint64_t *round; /* pages of RAM: a bit each */
    bool first;      /* the first round: what the target has is zeroes */
    struct moved_medium media[MACHINE_DEVICES_MAX];
    unsigned medium_count;
    struct bytes of_media; /* of struct media_page, of this round */
    uint8_t *staging;      /* MIGRATE_PAGES_MAX pages */
    /* How it goes. */
    unsigned rounds;
    uint64_t round_begun_ns, round_begun_bytes;
};

struct media_page {
    uint32_t space;
    uint64_t page;
    uint8_t content[PAGE_SIZE_BYTES];
};

static uint64_t host_ns(const struct migration *migration)
{
    return migration->machine->loop.governor.host_ns();
}

static size_t bitmap_bytes(uint64_t pages)
{
    return (pages + 63) / 64 * sizeof(uint64_t);
}

/* --- sending --------------------------------------------------------------------------------------- */

/* Pages of one space that go in one message. */
struct parcel {
    uint32_t space, count;
    uint64_t numbers[MIGRATE_PAGES_MAX];
    uint8_t *contents; /* of those that are not zeroes */
    size_t length;
};

static bool parcel_send(struct migration *migration, struct parcel *parcel, struct error *error)
{
    struct bytes head = {0};
    if (!parcel->count)
        return true;
    bytes_put_u32(&head, parcel->space);
    bytes_put_u32(&head, parcel->count);
    bytes_put(&head, parcel->numbers, parcel->count * sizeof parcel->numbers[0]);
    bool good =
        migrate_send(&migration->stream, MIGRATE_PAGES, head.at, head.length, parcel->contents, parcel->length, error);
    bytes_free(&head);
    parcel->count = 0;
    parcel->length = 0;
    return good;
}

/* `skip_zeroes`: the target has zeroes there. */
static bool parcel_put(struct migration *migration, struct parcel *parcel, uint32_t space, uint64_t page,
                       const uint8_t *content, bool skip_zeroes, struct error *error)
{
    if ((parcel->space != space || parcel->count == MIGRATE_PAGES_MAX) && !parcel_send(migration, parcel, error))
        return false;
    uint8_t *copy = parcel->contents + parcel->length;
    memcpy(copy, content, PAGE_SIZE_BYTES); /* which may be changing */
    const bool zero = store_page_is_zero(copy);
    if (zero && skip_zeroes)
        return true;
    parcel->space = space;
    parcel->numbers[parcel->count++] = page * 2 + zero;
    parcel->length += zero ? 0 : PAGE_SIZE_BYTES;
    return true;
}

/* The pages of RAM of which a bit says so. */
static bool send_ram(struct migration *migration, const uint64_t *bits, bool first, struct error *error)
{
    const struct ram *ram = &migration->machine->bus.ram;
    const uint64_t pages = ram->size_bytes / PAGE_SIZE_BYTES;
    struct ram_look look = ram_look_begin(ram);
    struct parcel parcel = {.contents = migration->staging};
    bool there[RAM_LOOK_PAGES], good = true;
    for (uint64_t from = 0; from < pages && good; from += RAM_LOOK_PAGES) {
        const unsigned count = pages - from < RAM_LOOK_PAGES ? (unsigned)(pages - from) : RAM_LOOK_PAGES;
        if (first)
            ram_look(&look, from, count, there);
        for (unsigned i = 0; i < count && good; i++)
            if (bits[(from + i) / 64] >> (from + i) % 64 & 1 && (!first || there[i]))
                good =
                    parcel_put(migration, &parcel, 0, from + i, ram->host + (from + i) * PAGE_SIZE_BYTES, first, error);
    }
    ram_look_end(&look);
    return good && parcel_send(migration, &parcel, error);
}

static bool send_media(struct migration *migration, struct error *error)
{
    const struct media_page *pages = (const struct media_page *)migration->of_media.at;
    const size_t count = migration->of_media.length / sizeof *pages;
    struct parcel parcel = {.contents = migration->staging};
    for (size_t i = 0; i < count; i++)
        if (!parcel_put(migration, &parcel, pages[i].space, pages[i].page, pages[i].content, false, error))
            return false;
    return parcel_send(migration, &parcel, error);
}

static bool send_named(struct migration *migration, enum migrate_kind kind, const char *name, const void *at,
                       size_t length, struct error *error)
{
    struct bytes head = {0};
    bytes_put_name(&head, name);
    bool good = migrate_send(&migration->stream, kind, head.at, head.length, at, length, error);
    bytes_free(&head);
    return good;
}

static bool send_base(struct migration *migration, const struct moved_medium *medium, struct error *error)
{
    struct bytes bytes = {0};
    codec_put(&bytes, &medium_identity_fields, &medium->base);
    bool good = send_named(migration, MIGRATE_BASE, medium->of.device->name, bytes.at, bytes.length, error);
    bytes_free(&bytes);
    return good;
}

static bool send_hello(struct migration *migration, struct error *error)
{
    struct bytes hello = {0}, options = {0};
    struct reader body;
    bytes_put(&hello, MIGRATE_MAGIC, 8);
    bytes_put_u32(&hello, MIGRATE_VERSION);
    config_put(&options, migration->machine->options);
    bool good =
        migrate_connect(&migration->stream, migration->address, error) &&
        migrate_send(&migration->stream, MIGRATE_HELLO, hello.at, hello.length, options.at, options.length, error) &&
        migrate_expect(&migration->stream, MIGRATE_READY, &body, error);
    for (unsigned i = 0; i < migration->medium_count && good; i++)
        good = send_base(migration, &migration->media[i], error);
    bytes_free(&hello);
    bytes_free(&options);
    return good;
}

static bool send_state(struct migration *migration, struct error *error)
{
    struct state_image state = {.described = true};
    bool good = true;
    machine_collect_scripts(migration->machine);
    state_take(&state, migration->machine, true);
    for (size_t i = 0; i < state_piece_count(&state) && good; i++) {
        const struct state_piece *piece = state_piece(&state, i);
        good = send_named(migration, MIGRATE_STATE, piece->name, state.bytes.at + piece->offset, piece->length, error);
    }
    state_free(&state);
    return good;
}

/* --- the thread ------------------------------------------------------------------------------------ */

static void *work(void *context)
{
    struct migration *migration = context;
    struct error *error = &migration->error;
    migration->good =
        migration->phase == PHASE_HELLO
            ? send_hello(migration, error)
            : send_ram(migration, migration->round, migration->first, error) && send_media(migration, error);
    __atomic_store_n(&migration->finished, true, __ATOMIC_RELEASE);
    (void)!write(migration->wake.fd, &(uint64_t){1}, sizeof(uint64_t));
    run_loop_pause_later(&migration->machine->loop);
    return NULL;
}

/* On the machine's thread, which may have been waiting for the host. */
static void on_wake(void *context, short events)
{
    struct migration *migration = context;
    uint64_t count;
    (void)!read(migration->wake.fd, &count, sizeof count);
    run_loop_pause(&migration->machine->loop);
}

static bool begin(struct migration *migration, enum phase phase, struct error *error)
{
    migration->finished = false;
    migration->phase = phase;
    migration->round_begun_ns = host_ns(migration);
    migration->round_begun_bytes = migration->stream.sent_bytes;
    int failure = pthread_create(&migration->thread, NULL, work, migration);
    if (!failure)
        return true;
    migration->phase = PHASE_NONE;
    return error_set(error, "migration: the host gives no thread: %s", strerror(failure));
}

/* --- what changed ---------------------------------------------------------------------------------- */

static void watch_all(struct migration *migration)
{
    struct machine *machine = migration->machine;
    watched_begin(machine, &migration->ram_space, &migration->ram, NULL, NULL);
    migration->round = host_alloc(1, bitmap_bytes(migration->ram.page_count));
    memset(migration->round, 0xff, bitmap_bytes(migration->ram.page_count));
    for (unsigned i = 0; i < migration->medium_count; i++) {
        struct moved_medium *medium = &migration->media[i];
        const struct medium_ops *ops = medium->of.device->class->medium;
        watched_begin(machine, &medium->of, &medium->watch, NULL, NULL);
        medium->pending = host_alloc(1, bitmap_bytes(medium->of.page_count));
        for (uint64_t page = 0; medium->of.list && ops->next_page(medium->of.device->instance, &page); page++)
            medium->pending[page / 64] |= 1ull << page % 64;
    }
}

static void unwatch_all(struct migration *migration)
{
    if (!migration->round)
        return; /* nothing is watched yet */
    watched_end(&migration->ram_space, &migration->ram);
    for (unsigned i = 0; i < migration->medium_count; i++) {
        watched_end(&migration->media[i].of, &migration->media[i].watch);
        free(migration->media[i].pending);
    }
    free(migration->round);
    migration->round = NULL;
}

/* Copies what of a medium is to be sent, `room` pages at most. Returns how many it was. */
static uint64_t collect_medium(struct migration *migration, unsigned number, uint64_t room)
{
    struct moved_medium *medium = &migration->media[number];
    const struct medium_ops *ops = medium->of.device->class->medium;
    const uint8_t *content;
    uint64_t count = 0;
    for (uint64_t i = 0; medium->of.list && i < bitmap_bytes(medium->watch.page_count) / sizeof(uint64_t); i++)
        medium->pending[i] |= medium->watch.changed[i];
    if (medium->of.list)
        page_watch_arm(&medium->watch);
    void *instance = medium->of.device->instance;
    for (uint64_t page = 0; medium->of.list && count < room && (content = ops->next_page(instance, &page)); page++) {
        if (!(medium->pending[page / 64] >> page % 64 & 1))
            continue;
        medium->pending[page / 64] &= ~(1ull << page % 64);
        struct media_page *copy = bytes_grow(&migration->of_media, sizeof *copy);
        copy->space = number + 1;
        copy->page = page;
        memcpy(copy->content, content, PAGE_SIZE_BYTES);
        count++;
    }
    return count;
}

static uint64_t collect_media(struct migration *migration, uint64_t room)
{
    uint64_t count = 0;
    migration->of_media.length = 0;
    for (unsigned i = 0; i < migration->medium_count; i++)
        count += collect_medium(migration, i, room - count);
    return count;
}

static uint64_t changed_pages(const struct migration *migration)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < bitmap_bytes(migration->ram.page_count) / sizeof(uint64_t); i++)
        count += (uint64_t)__builtin_popcountll(migration->ram.changed[i]);
    return count;
}

/* --- steps ----------------------------------------------------------------------------------------- */

static void clean_up(struct migration *migration)
{
    unwatch_all(migration);
    migrate_close(&migration->stream);
    bytes_free(&migration->of_media);
    free(migration->staging);
    migration->staging = NULL;
    host_watch_remove(migration->machine->inputs, &migration->wake);
    close(migration->wake.fd);
    migration->phase = PHASE_NONE;
}

/* The guest stands still until the target has all, or until it is known that it will not. */
static bool hand_over(struct migration *migration, uint64_t since_ns, struct error *error)
{
    struct migrate_stream *stream = &migration->stream;
    struct reader body;
    migrate_hold(stream);
    bool good = send_ram(migration, migration->ram.changed, false, error) && send_media(migration, error) &&
                send_state(migration, error) && migrate_send(stream, MIGRATE_END, NULL, 0, NULL, 0, error) &&
                migrate_release(stream, error) &&
                migrate_expect(stream, MIGRATE_TAKEN, &body, error) &&
                migrate_send(stream, MIGRATE_GO, NULL, 0, NULL, 0, error) &&
                migrate_expect(stream, MIGRATE_RUNS, &body, error);
    if (!good)
        return false;
    fprintf(stderr, "armature: moved to %s: %u rounds, %" PRIu64 " MiB, stood still for %.1f ms\n", migration->address,
            migration->rounds, stream->sent_bytes >> 20, (double)(host_ns(migration) - since_ns) / 1e6);
    return true;
}

/* Whether what has changed can be sent while the guest stands still. */
static bool is_little(const struct migration *migration, uint64_t pages)
{
    const uint64_t bytes = migration->stream.sent_bytes - migration->round_begun_bytes;
    const uint64_t took_ns = host_ns(migration) - migration->round_begun_ns + 1;
    return (double)(pages * PAGE_SIZE_BYTES) * (double)took_ns <= (double)STOP_NS * (double)bytes ||
           pages * PAGE_SIZE_BYTES <= 1u << 20;
}

static void next_round(struct migration *migration, struct error *error)
{
    memcpy(migration->round, migration->ram.changed, bitmap_bytes(migration->ram.page_count));
    watched_again(migration->machine, &migration->ram_space, &migration->ram);
    migration->first = false;
    migration->rounds++;
    migration->failed = !begin(migration, PHASE_ROUND, error);
}

static void after_round(struct migration *migration, uint64_t since_ns)
{
    const uint64_t of_media = collect_media(migration, MEDIA_ROUND_PAGES);
    const bool last = migration->rounds >= ROUNDS_MAX;
    if (of_media == MEDIA_ROUND_PAGES || (!last && !is_little(migration, changed_pages(migration) + of_media))) {
        next_round(migration, &migration->error);
        return;
    }
    if (hand_over(migration, since_ns, &migration->error))
        machine_stop_for(migration->machine, MACHINE_MOVED);
    else
        migration->failed = true;
}

void migration_step(struct migration *migration)
{
    if (!migration_busy(migration) || !__atomic_load_n(&migration->finished, __ATOMIC_ACQUIRE))
        return;
    const uint64_t since_ns = host_ns(migration);
    pthread_join(migration->thread, NULL);
    const enum phase done = migration->phase;
    migration->phase = PHASE_NONE;
    migration->failed = !migration->good;
    if (!migration->failed && done == PHASE_HELLO) {
        watch_all(migration);
        collect_media(migration, MEDIA_ROUND_PAGES);
        migration->first = true;
        migration->rounds = 1;
        migration->failed = !begin(migration, PHASE_ROUND, &migration->error);
    } else if (!migration->failed) {
        after_round(migration, since_ns);
    }
    if (migration->phase == PHASE_NONE)
        clean_up(migration);
}

/* --- entry points ---------------------------------------------------------------------------------- */

static bool can_move(const struct machine *machine, struct error *error)
{
    const struct run_options *options = machine->options;
    if (options->parallel)
        return error_set(error, "migration: needs processors that take turns, which those of --parallel do not");
    if (options->tape)
        return error_set(error, "migration: a run that is recorded or replayed stays where it is");
    for (unsigned i = 0; i < options->disk_count; i++)
        if (!options->disks[i].read_only && !options->disks[i].overlay)
            return error_set(error,
                             "migration: needs disks whose images stay as they are, such as --disk %.300s,overlay",
                             options->disks[i].path);
    return true;
}

static bool find_media(struct migration *migration, struct error *error)
{
    struct watched_space all[WATCHED_MAX];
    const unsigned count = watched_spaces(migration->machine, all);
    migration->ram_space = all[0];
    for (unsigned i = 1; i < count; i++) {
        struct moved_medium *medium = &migration->media[migration->medium_count];
        *medium = (struct moved_medium){.of = all[i]};
        if (!all[i].device->class->medium->identify(all[i].device->instance, &medium->base, error))
            return false;
        migration->medium_count++;
    }
    return true;
}

bool migration_start(struct migration *migration, const char *address, struct error *error)
{
    struct machine *machine = migration->machine;
    if (migration_busy(migration))
        return error_set(error, "migration: the machine is on its way to %s already", migration->address);
    if (!can_move(machine, error))
        return false;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return error_set(error, "migration: the host gives no event");
    snprintf(migration->address, sizeof migration->address, "%s", address);
    migration->stream = (struct migrate_stream){.fd = -1};
    migration->wake = (struct host_watch){.fd = fd, .events = POLLIN, .ready = on_wake, .backend = migration};
    host_watch_add(machine->inputs, &migration->wake);
    migration->staging = host_alloc(MIGRATE_PAGES_MAX, PAGE_SIZE_BYTES);
    migration->medium_count = 0;
    if (find_media(migration, error) && begin(migration, PHASE_HELLO, error))
        return true;
    clean_up(migration);
    return false;
}

bool migration_busy(const struct migration *migration)
{
    return migration->phase != PHASE_NONE;
}

bool migration_failed(struct migration *migration, struct error *error)
{
    const bool failed = migration->failed && !migration_busy(migration);
    if (failed) {
        *error = migration->error;
        migration->failed = false;
    }
    return failed;
}

struct migration *migration_create(struct machine *machine)
{
    struct migration *migration = host_alloc(1, sizeof *migration);
    migration->machine = machine;
    return migration;
}

void migration_free(struct migration *migration)
{
    if (!migration)
        return;
    if (migration_busy(migration)) {
        shutdown(migration->stream.fd, SHUT_RDWR); /* so that the thread waits for nobody */
        pthread_join(migration->thread, NULL);
        clean_up(migration);
    }
    free(migration);
}
