/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine comes here. All that is said of it is a stranger's word: pages go where there are pages, a state is taken
 * as a snapshot's is, and files of this host are named by its own command line alone. */
#include "snapshot/migrate.h"
#include <stdio.h>
#include <stdlib.h>
#include "snapshot/config.h"
#include "snapshot/migrate_stream.h"
#include "snapshot/parts.h"
#include "snapshot/state.h"

struct incoming {
    struct migrate_stream stream;
    struct bytes options; /* of the source; strings lie here */
    struct run_options recorded;
    const struct device *media[MACHINE_DEVICES_MAX]; /* spaces 1, 2, ... */
    unsigned medium_count;
    struct state_image state;
};

#define HERE "from outside" /* in messages of a restore, where a snapshot has its path */

static bool wrong(const char *what, struct error *error)
{
    return error_set(error, "migration: %s", what);
}

/* --- hello ----------------------------------------------------------------------------------------- */

static bool take_hello(struct incoming *incoming, struct error *error)
{
    struct reader body, options;
    struct error why = {""};
    if (!migrate_expect(&incoming->stream, MIGRATE_HELLO, &body, error))
        return false;
    const uint8_t *magic = reader_take(&body, 8);
    const uint64_t version = reader_number(&body, 4);
    if (!magic || memcmp(magic, MIGRATE_MAGIC, 8))
        return wrong("what comes is no machine", error);
    if (version != MIGRATE_VERSION)
        return error_set(error,
                         "migration: the other side speaks version %llu, and this one %u; use the same program on both",
                         (unsigned long long)version, MIGRATE_VERSION);
    bytes_put(&incoming->options, body.at, body.left);
    options = (struct reader){incoming->options.at, incoming->options.length, false};
    run_options_default(&incoming->recorded);
    return config_get(&options, &incoming->recorded, &why) ||
           error_set(error, "migration: its machine: %.400s", why.text);
}

struct incoming *incoming_take(int fd, struct error *error)
{
    struct incoming *incoming = host_alloc(1, sizeof *incoming);
    migrate_attach(&incoming->stream, fd);
    if (take_hello(incoming, error))
        return incoming;
    incoming_refuse(incoming, error);
    incoming_free(incoming);
    return NULL;
}

struct incoming *incoming_wait(const char *address, struct error *error)
{
    struct migrate_stream stream;
    return migrate_accept(&stream, address, error) ? incoming_take(stream.fd, error) : NULL;
}

bool incoming_configure(struct incoming *incoming, struct run_options *options, struct error *error)
{
    const struct run_options *recorded = &incoming->recorded;
    if (options->disk_count != recorded->disk_count)
        return error_set(error,
                         "migration: the machine that comes has %u disks; give --disk for each, with the same images",
                         recorded->disk_count);
    const struct run_options given = *options;
    options->restore = options->incoming; /* it is not booted here */
    if (!config_apply(recorded, HERE, options, error))
        return false;
    /* Which files a guest starts from that resets itself is not for the other side to say. */
    options->kernel = given.kernel;
    options->initrd = given.initrd;
    options->dtb = given.dtb;
    return true;
}

/* --- pages ----------------------------------------------------------------------------------------- */

static bool put_ram(struct machine *machine, uint64_t page, const uint8_t *content, struct error *error)
{
    struct ram *ram = &machine->bus.ram;
    if (page >= ram->size_bytes / PAGE_SIZE_BYTES)
        return wrong("a page lies outside of memory", error);
    uint8_t *to = ram->host + page * PAGE_SIZE_BYTES;
    if (content)
        memcpy(to, content, PAGE_SIZE_BYTES);
    else if (!store_page_is_zero(to))
        memset(to, 0, PAGE_SIZE_BYTES);
    return true;
}

static bool put_medium(const struct device *device, uint64_t page, const uint8_t *content, struct error *error)
{
    static const uint8_t zeroes[PAGE_SIZE_BYTES];
    const struct medium_ops *ops = device->class->medium;
    uint64_t pages = 0;
    if (!ops->watches(device->instance, &pages) || page >= pages)
        return wrong("a page lies outside of a disk", error);
    return ops->revert_page(device->instance, page, content ? content : zeroes) ||
           wrong("the host has no memory for what was written to disks", error);
}

static bool take_pages(struct incoming *incoming, struct machine *machine, struct reader *body, struct error *error)
{
    const uint32_t space = (uint32_t)reader_number(body, 4), count = (uint32_t)reader_number(body, 4);
    struct reader numbers = *body;
    if (space > incoming->medium_count || count > MIGRATE_PAGES_MAX || !reader_take(body, count * sizeof(uint64_t)))
        return wrong("its pages contradict themselves", error);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t number = reader_number(&numbers, sizeof number);
        const uint8_t *content = number & 1 ? NULL : reader_take(body, PAGE_SIZE_BYTES);
        if (!content && !(number & 1))
            return wrong("its pages contradict themselves", error);
        if (!(space ? put_medium(incoming->media[space - 1], number / 2, content, error)
                    : put_ram(machine, number / 2, content, error)))
            return false;
    }
    return true;
}

/* --- bases and state ------------------------------------------------------------------------------- */

static const struct device *find_device(const struct machine *machine, const char *name)
{
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->medium && !strcmp(machine->devices[i].name, name))
            return &machine->devices[i];
    return NULL;
}

static bool take_base(struct incoming *incoming, struct machine *machine, struct reader *body, struct error *error)
{
    struct medium_identity identity = {0};
    char name[READER_NAME_BYTES];
    reader_name(body, name);
    const struct device *device = find_device(machine, name);
    if (!device || incoming->medium_count == MACHINE_DEVICES_MAX)
        return error_set(error, "migration: has a disk '%s', which its machine has not", name);
    incoming->media[incoming->medium_count++] = device;
    return codec_get(body, &medium_identity_fields, &identity, "migration: a disk's image", error) &&
           snapshot_check_base(HERE, device, &identity, error);
}

static bool take_piece(struct incoming *incoming, struct reader *body, struct error *error)
{
    struct state_image *state = &incoming->state;
    struct state_piece piece = {.offset = state->bytes.length};
    char name[READER_NAME_BYTES];
    reader_name(body, name);
    piece.length = body->left;
    if (body->failed || strlen(name) >= sizeof piece.name || state_piece_count(state) >= FORMAT_SECTIONS_MAX ||
        state->bytes.length + body->left > MIGRATE_STATE_MAX)
        return wrong("its state is none", error);
    strcpy(piece.name, name);
    bytes_put(&state->bytes, body->at, body->left);
    bytes_put(&state->pieces, &piece, sizeof piece);
    return true;
}

static bool find_piece(void *context, const char *name, struct reader *reader, struct error *error)
{
    const struct state_image *state = context;
    for (size_t i = 0; i < state_piece_count(state); i++) {
        const struct state_piece *piece = state_piece(state, i);
        if (strcmp(piece->name, name))
            continue;
        *reader = (struct reader){state->bytes.at + piece->offset, piece->length, false};
        return true;
    }
    return error_set(error, "migration: '%s' did not come", name);
}

/* What the source has and this machine has not would be lost. */
static bool check_pieces(const struct incoming *incoming, const struct machine *machine, struct error *error)
{
    for (size_t i = 0; i < state_piece_count(&incoming->state); i++) {
        const char *name = state_piece(&incoming->state, i)->name;
        bool found = strncmp(name, "device.", 7);
        for (unsigned d = 0; d < machine->device_count && !found; d++)
            found = !strcmp(machine->devices[d].name, name + 7);
        if (!found)
            return error_set(error, "migration: has a '%s', which its machine has not", name);
    }
    return true;
}

/* --- the conversation ------------------------------------------------------------------------------ */

static bool take_all(struct incoming *incoming, struct machine *machine, struct error *error)
{
    for (;;) {
        enum migrate_kind kind;
        struct reader body;
        if (!migrate_receive(&incoming->stream, &kind, &body, error))
            return false;
        if (kind == MIGRATE_END)
            return true;
        bool good = kind == MIGRATE_PAGES   ? take_pages(incoming, machine, &body, error)
                    : kind == MIGRATE_BASE  ? take_base(incoming, machine, &body, error)
                    : kind == MIGRATE_STATE ? take_piece(incoming, &body, error)
                                            : wrong("the other side says what was not to come now", error);
        if (!good)
            return false;
    }
}

bool incoming_receive(struct incoming *incoming, struct machine *machine, struct error *error)
{
    struct migrate_stream *stream = &incoming->stream;
    const struct state_source source = {find_piece, &incoming->state, HERE, true, NULL};
    struct reader body;
    machine_reset(machine);
    bool good = migrate_send(stream, MIGRATE_READY, NULL, 0, NULL, 0, error) && take_all(incoming, machine, error) &&
                check_pieces(incoming, machine, error) && state_give(&source, machine, error);
    if (!good) {
        incoming_refuse(incoming, error);
        return false;
    }
    /* Its disks may have had bases that were not told of: then these are not what the machine knows. */
    for (unsigned i = 0, told = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->medium && incoming->media[told++] != &machine->devices[i])
            return wrong("not all of its disks came", error);
    return migrate_send(stream, MIGRATE_TAKEN, NULL, 0, NULL, 0, error) &&
           migrate_expect(stream, MIGRATE_GO, &body, error) &&
           migrate_send(stream, MIGRATE_RUNS, NULL, 0, NULL, 0, error);
}

void incoming_refuse(struct incoming *incoming, const struct error *error)
{
    migrate_send(&incoming->stream, MIGRATE_REFUSED, error->text, strlen(error->text), NULL, 0, NULL);
}

void incoming_free(struct incoming *incoming)
{
    if (!incoming)
        return;
    migrate_close(&incoming->stream);
    bytes_free(&incoming->options);
    state_free(&incoming->state);
    free(incoming);
}
