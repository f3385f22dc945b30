/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log of a recorded run: a header that says what machine ran, then what reached it, each with its stamp.
 *
 *     magic, version, length and CRC of the header, header
 *     chunk: length, CRC of the content, CRC of these two; content      (and so on)
 *
 * The contents, one behind the other, are one stream of zlib's, flushed at the end of each chunk: what stands in whole
 * chunks can be read, however the writer ended. Numbers in front of a chunk are little-endian; all within the header
 * and the stream are of variable length, 7 bits a byte. An entry is
 *
 *     kind, instructions since the last entry, ns since (zigzag), fires since, number, value, length, bytes
 */
#ifndef ARMATURE_LOG_H
#define ARMATURE_LOG_H

#include "machine/contract/error.h"
#include "machine/inputs.h"

#define LOG_MAGIC           "ARMLOG\x1a\n"
#define LOG_VERSION         1u
#define LOG_HEADER_MAX      (1u << 20)
#define LOG_CHUNK_MAX       (1u << 18)
#define LOG_ENTRY_BYTES_MAX (1u << 20)

/* --- the header ------------------------------------------------------------------------------------ */

struct log_option {
    const char *name, *value;
};

/** A file or disk that the machine was made of: its size, and a hash of what it held. */
struct log_file {
    const char *what; /* "kernel", "disk 0" */
    uint64_t size_bytes, hash;
};

/** Strings lie in `text`, which is the header's. */
struct log_header {
    const char *program; /* the version of Armature that wrote it */
    struct log_option *options;
    struct log_file *files;
    const char **sources;
    unsigned option_count, file_count, source_count;
    char *text;
};

void log_header_free(struct log_header *header);

/** The header's bytes; the caller frees them. */
uint8_t *log_header_encode(const struct log_header *header, size_t *length);

/** Takes up `length` bytes of a header. False: they are none; nothing is to be freed. */
bool log_header_decode(struct log_header *header, const uint8_t *bytes, size_t length);

/* --- entries --------------------------------------------------------------------------------------- */

enum log_kind {
    LOG_INPUT = 1, /* number: the source; the bytes are what it got */
    LOG_SUMS,      /* number: which check it is; the bytes are sums of the state's parts, 4 bytes each */
    LOG_BLOCK,     /* number: the disk, value: the offset; the bytes stood there before the run changed them */
    LOG_END,       /* number: why the machine stopped (enum machine_stop), value: the hash of its state */
    LOG_KINDS
};

struct log_entry {
    enum log_kind kind;
    struct input_stamp at;
    uint64_t number, value;
    const uint8_t *bytes; /* of one that was read: until the next is */
    size_t length;
};

/* --- writing --------------------------------------------------------------------------------------- */

struct log_writer;

/** Makes or empties `path` and writes the header. NULL: `error` says what cannot be. */
struct log_writer *log_create(const char *path, const struct log_header *header, struct error *error);

/** Adds an entry. It is on disk after the next log_flush(), or when a chunk is full. */
void log_put(struct log_writer *writer, const struct log_entry *entry);
void log_flush(struct log_writer *writer);

/** Whether there is something that log_flush() would write. */
bool log_pending(const struct log_writer *writer);

/** Gives the log another descriptor, which `move` makes of the one it has; returns it. */
int log_move(struct log_writer *writer, int (*move)(int fd));

/** Flushes, closes and frees. False: the log is not whole, and `error` says why. */
bool log_close(struct log_writer *writer, struct error *error);

/* --- reading --------------------------------------------------------------------------------------- */

struct log_reader;

enum log_result {
    LOG_ENTRY,
    LOG_OVER,    /* there are no more whole entries */
    LOG_DAMAGED, /* what follows is not what was written: `error` says where */
};

/** Opens a log and reads its header. NULL: `error` says what is wrong with it. */
struct log_reader *log_open(const char *path, struct error *error);
const struct log_header *log_reader_header(const struct log_reader *reader);

/** The next entry. */
enum log_result log_next(struct log_reader *reader, struct log_entry *entry, struct error *error);

/** Goes back to the first entry. */
void log_rewind(struct log_reader *reader);
void log_reader_free(struct log_reader *reader);

#endif
