/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The conversation by which a machine moves to another process.
 *
 *     source                                       target
 *     HELLO: of what it is made       ->
 *                                     <-           READY, or REFUSED and why
 *     BASE: a disk's image, each      ->
 *     PAGES, while the guest runs     ->           (and those that changed meanwhile, round after round)
 *     the guest stands still
 *     PAGES, STATE, each piece, END   ->
 *                                     <-           TAKEN: it has all of it
 *     GO                              ->
 *                                     <-           RUNS
 *     ends                                         runs
 *
 * Until it has heard RUNS the source can go on, and does so where the conversation breaks; the target runs nothing
 * before it could say RUNS. Each message is a head and a body; numbers are little-endian. The target trusts none of
 * them. */
#ifndef ARMATURE_MIGRATE_STREAM_H
#define ARMATURE_MIGRATE_STREAM_H

#include "machine/contract/bus.h"
#include "snapshot/bytes.h"

#define MIGRATE_MAGIC      "ARMAMOVE"
#define MIGRATE_VERSION    1u
#define MIGRATE_BODY_MAX   (32u << 20)
#define MIGRATE_STATE_MAX  (64u << 20) /* of all pieces together */
#define MIGRATE_PAGES_MAX  128u        /* in a message */
#define MIGRATE_PATIENCE_S 10          /* without a byte */

enum migrate_kind {
    MIGRATE_HELLO = 1, /* magic, version (4 bytes), options as snapshots have them */
    MIGRATE_READY,
    MIGRATE_REFUSED, /* a line of text */
    MIGRATE_BASE,    /* the name of a device, its medium's identity; the first is space 1 */
    MIGRATE_PAGES, /* space (4 bytes; 0: RAM), count (4), numbers * 2 + (1: all zeroes) (8 each), the others' content */
    MIGRATE_STATE, /* the name of a piece, and what it holds */
    MIGRATE_END,
    MIGRATE_TAKEN,
    MIGRATE_GO,
    MIGRATE_RUNS,
};

struct migrate_head {
    uint32_t kind, length;
    uint64_t checksum; /* of the body */
};

struct migrate_stream {
    int fd;
    struct bytes body;   /* of the message that was received last */
    struct bytes out;    /* messages that are not sent yet */
    bool held;           /* they are to go together */
    uint64_t sent_bytes;
    /* What was received and not asked for yet. */
    uint8_t *ahead;
    size_t ahead_at, ahead_end;
};

/** Connects to, or waits for a connection at, "tcp:HOST:PORT". False: `error` says why there is none. */
bool migrate_connect(struct migrate_stream *stream, const char *address, struct error *error);
bool migrate_accept(struct migrate_stream *stream, const char *address, struct error *error);
/** Takes a socket, which is the stream's from then on. */
void migrate_attach(struct migrate_stream *stream, int fd);
void migrate_close(struct migrate_stream *stream);

/** Sends a message whose body is these two. False: `error` says why it cannot be. */
bool migrate_send(struct migrate_stream *stream, enum migrate_kind kind, const void *first, size_t first_length,
                  const void *second, size_t second_length, struct error *error);

/** Has messages wait from now on, or sends those that do: many small ones take long one by one. */
void migrate_hold(struct migrate_stream *stream);
bool migrate_release(struct migrate_stream *stream, struct error *error);

/** The next message; its body holds until the one after it. False: there is none, or it is damaged. */
bool migrate_receive(struct migrate_stream *stream, enum migrate_kind *kind, struct reader *body, struct error *error);

/** The next message, which is to be of that kind. A refusal of the other side becomes the error. */
bool migrate_expect(struct migrate_stream *stream, enum migrate_kind kind, struct reader *body, struct error *error);

#endif
