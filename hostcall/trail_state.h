/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between trail_record.c and trail_replay.c. */
#ifndef ARMATURE_TRAIL_STATE_H
#define ARMATURE_TRAIL_STATE_H

#include <sys/stat.h>
#include "hostcall/trail.h"
#include "snapshot/log.h"

#define TRAIL_PIECE_BYTES (64u << 10)   /* of memory in an entry */
#define TRAIL_TIME_INSNS  (4ull << 20)  /* so often the time is looked at, by who makes no calls */

/* Numbers of Linux's calls on AArch64 that are something else here (linux_calls.def). */
enum {
    CALL_IO_SETUP = 0,
    CALL_WRITE = 64,
    CALL_READV = 65,
    CALL_WRITEV = 66,
    CALL_PREADV = 69,
    CALL_SENDFILE = 71,
    CALL_SPLICE = 76,
    CALL_SIGRETURN = 139, /* whose result is what a register was */
    CALL_MSGRCV = 188,
    CALL_SHMAT = 196,
    CALL_RECVMSG = 212,
    CALL_BRK = 214,
    CALL_MREMAP = 216,
    CALL_CLONE = 220,
    CALL_EXECVE = 221,
    CALL_MMAP = 222,
    CALL_MINCORE = 232,
    CALL_RECVMMSG = 243,
    CALL_PROCESS_VM_READV = 270,
    CALL_EXECVEAT = 281,
    CALL_COPY_FILE_RANGE = 285,
    CALL_PREADV2 = 286,
};

struct trail {
    char *path;
    /* Recording */
    struct log_writer *writer;
    int fd;
    bool in_call;
    uint64_t time_at;    /* the instruction at which the time is looked at again */
    uint64_t flushed_ns;
    struct stat shown[2]; /* what standard output and error were at the start */
    /* Replaying */
    struct log_reader *reader;
    struct log_entry next;
    struct trail_start start;
    uint64_t sp;
    struct error error; /* of what is wrong with the log */
    enum log_result state; /* of `next` */
    unsigned file_count;
};

/** The host's steady time. */
uint64_t trail_host_ns(void);

int64_t trail_call_replayed(struct thread *thread, uint64_t number, const uint64_t *args);
void trail_signal_replayed(struct thread *thread, bool in_call);
void trail_end_replayed(uint64_t status);

/** Ends a replay that cannot go on. */
_Noreturn void trail_give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
