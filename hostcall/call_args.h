/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a call is made of - its row, the set that it is of, the memory that its arguments point to - and its arguments
 * in the host's form. call.h makes the calls. */
#ifndef ARMATURE_CALL_ARGS_H
#define ARMATURE_CALL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "hostcall/policy.h"
#include "machine/contract/call_text.h"

/** What a call gives. */
enum call_result {
    RESULT_WORD,    /* as it is; of the kernel: or -errno */
    RESULT_VOID,    /* nothing: 0 */
    RESULT_I32,
    RESULT_U32,
    RESULT_POINTER, /* an address of the host's is no business of the guest's: 0 or 1 */
};

enum call_flag {
    CALL_NO_RESTART = 1,  /* a signal with a handler ends it with EINTR in any case */
    CALL_NO_FOLLOW = 2,   /* a symbolic link at the path's end is meant itself */
    CALL_FLAGS_FOLLOW = 4, /* the same, if its last argument has AT_SYMLINK_NOFOLLOW */
    CALL_QUIET = 8,       /* not there, and programs know what to do without: ENOSYS, and no word of it */
    CALL_SETS_MASK = 16,  /* waits with another signal mask, its argument of ARG_IN with 8 bytes */
    CALL_LOCAL = 64,      /* about memory or the program itself: a replay makes it too */
    CALL_CREATES = 32,    /* the path's end need not exist */
};

struct call_context;

struct call {
    const char *name;
    int64_t (*handler)(struct call_context *context, const uint64_t *args); /* in place of the plain call; or NULL */
    int32_t host;                                                           /* the host's number, or -1 */
    uint16_t flags;                                                         /* enum call_flag */
    struct call_arg args[CALL_MAX_ARGS];
    void (*function)(void); /* in place of the host's number; or NULL */
    uint8_t result;         /* of it: enum call_result */
};

/** A structure that differs: how long it is here and there, and how the one becomes the other. */
struct call_layout {
    uint16_t guest_bytes, host_bytes;
    void (*to_guest)(void *guest, const void *host);
    void (*to_host)(void *host, const void *guest);
};

/** The same bits under two numbers; what no row names stays. A table ends with {0, 0}. */
struct call_bits {
    uint64_t guest, host;
};

#define CALL_MAX_HOST_BYTES 256u /* of a layout */
#define CALL_PATH_BYTES     4096u
#define CALL_STRING_BYTES   65536u /* of a string that is copied */

/** Where the guest's addresses lead. */
struct call_memory {
    /** The host's pointer to `bytes` bytes, or NULL: they are not all the guest's. What is there may be refused still
     *  when it is accessed. */
    void *(*at)(void *context, uint64_t address, uint64_t bytes);
    /** Copies, and says whether all of it was there. */
    bool (*read)(void *context, void *to, uint64_t address, uint64_t bytes);
    bool (*write)(void *context, uint64_t address, const void *from, uint64_t bytes);
    void *context;
};

/** What a set of calls is. */
struct call_set {
    enum policy_table table;
    /* The host gets copies of what arguments point to, so that nothing changes under it, and what it wrote goes back by
     * call_memory.write. They are of at most so many bytes: what is only read, and all together that is written. */
    bool copies;
    uint32_t in_max, out_max;
    const struct call *calls; /* by the guest's number; name NULL: unknown */
    unsigned count;
    const struct call_layout *layouts;
    const struct call_bits *const *constants;
    /** Makes the host's path of the guest's, relative to descriptor `directory`; returns 0 or -errno. */
    int (*path)(void *owner, int directory, const char *guest, char host[CALL_PATH_BYTES], bool follow);
    /** The plain call: `host` is the row's number. Through libffi. */
    int64_t (*invoke)(void *owner, int64_t host, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                      uint64_t f);
};

/** A call under way. */
struct call_context {
    const struct call_set *set;
    const struct call *call;
    bool final; /* a handler says that a signal's handler is not to have it done again */
    struct call_memory memory;
    void *owner;   /* whose call it is: given to what the set points to */
    FILE *trace;   /* --strace, or NULL */
    const struct policy *policy; /* or NULL */
    /* Texts that a policy looked at, or put in their place; the arguments' values point to them. */
    const char *texts[CALL_MAX_ARGS];
    uint32_t own_texts; /* bits: those that are allocated */
    const uint64_t *judged;
};

/** How many arguments a call has. */
unsigned call_arg_count(const struct call *call);

/** How many bytes argument `index` points to, as the others say; false: that is beyond any memory, or a number that it
 * is measured by is not there. */
bool call_arg_bytes(const struct call_context *context, unsigned index, const uint64_t *args, uint64_t *bytes);

/** Copies a guest's string of less than `bytes` bytes: 0, -EFAULT, or -ENAMETOOLONG. */
int call_string(const struct call_context *context, uint64_t address, char *to, size_t bytes);

/** The guest's bits as the host has them, and back. */
uint64_t call_bits_to_host(const struct call_bits *rows, uint64_t guest);
uint64_t call_bits_to_guest(const struct call_bits *rows, uint64_t host);

/** A call's arguments as the host is to see them. */
struct call_prepared {
    uint64_t args[CALL_MAX_ARGS];
    char paths[2][CALL_PATH_BYTES];
    uint8_t structures[2][CALL_MAX_HOST_BYTES];
    unsigned path_count, structure_count;
    void *copies[CALL_MAX_ARGS]; /* malloc'd, where the host gets copies */
    uint64_t lengths[CALL_MAX_ARGS];
};

/** Makes what the host is to see. 0, or -errno: -EFAULT, -E2BIG of what is to be copied, -ENOMEM, of paths theirs.
 * call_unprepare() in any case. */
int call_prepare(struct call_context *context, const uint64_t *args, struct call_prepared *prepared);

/** Gives the guest what the host wrote: 0 or -EFAULT. */
int call_give(const struct call_context *context, const uint64_t *args, const struct call_prepared *prepared);

void call_unprepare(struct call_prepared *prepared);

/** A number as the call sees it, whatever else the guest's register has. */
uint64_t call_number(enum call_kind kind, uint64_t value);

#endif
