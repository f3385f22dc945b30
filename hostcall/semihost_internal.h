/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of semihosting share: semihost_calls.c (the table of calls, and those that need no file),
 * semihost_files.c (files, the console as one, and names). */
#ifndef ARMATURE_SEMIHOST_INTERNAL_H
#define ARMATURE_SEMIHOST_INTERNAL_H

#include "hostcall/call.h"
#include "hostcall/semihost.h"

#define SEMIHOST_FILES_MAX  64u
#define SEMIHOST_PATH_BYTES 1024u

/* Handles of the console are always the same, and open for ever, so that a replay, which opens no files, knows them. */
enum { HANDLE_CONSOLE_IN = 0x201, HANDLE_CONSOLE_OUT };

enum semihost_kind { FILE_CLOSED, FILE_HOST, FILE_FEATURES, FILE_CONSOLE_IN, FILE_CONSOLE_OUT };

/* A file that is open. Handle h is number h - 1. */
struct semihost_file {
    uint8_t kind; /* enum semihost_kind: the first three */
    uint8_t mode; /* that of SYS_OPEN */
    uint64_t position;
    uint64_t device, inode; /* which file it is, if one of the host's */
    char name[SEMIHOST_PATH_BYTES];
};

struct semihost {
    struct door *door;
    struct semihost_config config;
    char *command_line;
    int folder; /* of O_PATH; -1: a replay, or nobody said which it is */
    /* What the guest has been told of: a function of the answers, so it is the machine's. */
    struct semihost_file files[SEMIHOST_FILES_MAX];
    uint32_t error; /* SYS_ERRNO: that of the last call that failed */
    /* The host's view, which is ahead of that by the answers on their way. */
    struct semihost_file now[SEMIHOST_FILES_MAX];
    int descriptors[SEMIHOST_FILES_MAX]; /* -1: none, or not opened again yet */
    uint32_t now_error;
    uint64_t calls_before; /* answers to calls up to this one were made by who saved the machine */
};

struct semihost_request;

/* What a call is. */
struct semihost_row {
    uint8_t number;
    const char *name;
    int64_t (*serve)(struct semihost_request *request);
    struct call_arg fields[5]; /* of its parameter's block; none: it has no block */
};

/* A call under way. */
struct semihost_request {
    struct semihost *semihost;
    struct cpu *cpu;
    uint64_t parameter; /* x1 */
    uint64_t fields[4]; /* of the block that it points to */
    const struct semihost_row *row;
    const char *texts[4];             /* of fields that are texts: what a policy looked at, or put in their place */
    char own[2][SEMIHOST_PATH_BYTES]; /* the first of these */
    unsigned own_count;
};

/* --- semihost_calls.c --- */

/* Bytes of the guest's memory at a virtual address. False: they are not all there. */
bool semihost_read(struct cpu *cpu, uint64_t address, void *to, uint64_t length);
/* Bytes that the answer brings to the guest. */
bool semihost_write(struct semihost_request *request, uint64_t address, const void *from, uint64_t length);
/* The text in field `at`, whose length is in the field that its row says. False: it is not there, or no text. */
bool semihost_text(struct semihost_request *request, unsigned at, char text[SEMIHOST_PATH_BYTES]);
/* Keeps what SYS_ERRNO will say, and is -1. */
int64_t semihost_failed(struct semihost_request *request, int error);

/* --- semihost_files.c --- */

int64_t semihost_open(struct semihost_request *request);
int64_t semihost_close(struct semihost_request *request);
int64_t semihost_write_file(struct semihost_request *request);
int64_t semihost_read_file(struct semihost_request *request);
int64_t semihost_readc(struct semihost_request *request);
int64_t semihost_istty(struct semihost_request *request);
int64_t semihost_seek(struct semihost_request *request);
int64_t semihost_flen(struct semihost_request *request);
int64_t semihost_tmpnam(struct semihost_request *request);
int64_t semihost_remove(struct semihost_request *request);
int64_t semihost_rename(struct semihost_request *request);

/* What an answer says of files and SYS_ERRNO, as door.h has notes. */
bool semihost_noted(void *semihost, uint64_t call, const void *bytes, size_t length, bool act);
/* Sends such a note: SYS_ERRNO is another one. */
void semihost_note_error(struct semihost *semihost, uint32_t error);
void semihost_close_all(struct semihost *semihost);
/* After `files` and `error` were replaced. What no guest can have been told is closed. */
void semihost_files_restored(void *semihost);

extern const struct fields semihost_file_fields;

#endif
