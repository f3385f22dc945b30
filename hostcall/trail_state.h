/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between trail_record.c and trail_replay.c. */
#ifndef ARMATURE_TRAIL_STATE_H
#define ARMATURE_TRAIL_STATE_H

#include <sys/stat.h>
#include "hostcall/trail.h"
#include "snapshot/log.h"

#define TRAIL_PIECE_BYTES (64u << 10)   /* of memory in an entry */
#define TRAIL_TIME_INSNS  (4ull << 20)  /* so often the time is looked at, by who makes no calls */
#define TRAIL_TURN_INSNS  (1ull << 18)  /* of a thread, where others wait */

/* Numbers of Linux's calls on AArch64 that are something else here (linux_calls.def). */
enum {
    CALL_IO_SETUP = 0,
    CALL_WRITE = 64,
    CALL_READV = 65,
    CALL_WRITEV = 66,
    CALL_PREADV = 69,
    CALL_SENDFILE = 71,
    CALL_SET_TID_ADDRESS = 96,
    CALL_FUTEX = 98,
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
    int main_status; /* of the first thread, which ended before others */
};

/** The host's steady time. */
uint64_t trail_host_ns(void);

/** The count of instructions of all threads at which this one is, in its turn. */
uint64_t trail_stamp(const struct thread *thread);

/** The name of a log, however the program changes its directory. To be freed. */
char *trail_whole_name(const char *path);

/** An entry of a recording. */
void trail_put(enum trail_source source, uint64_t value, const void *bytes, size_t length);
void trail_put_at(uint64_t insns, enum trail_source source, uint64_t value, const void *bytes, size_t length);

/** Of a replay: takes the next entry; whether it is one of `source`; ends the replay where there is none. */
void trail_read_next(struct trail *trail);
bool trail_next_is(const struct trail *trail, enum trail_source source);
void trail_check_over(const struct trail *trail);
_Noreturn void trail_differ(const struct thread *thread, const char *what);

/** What a call's result means for the thread. */
void trail_note_result(struct thread *thread, uint64_t number, int64_t result);

/** How far a recorded thread's turn goes. */
uint64_t trail_turn_end(void);

/** A replay: gives the turn to others as long as the log says so here, until it is the thread's again. */
void trail_replay_turns(struct thread *thread);

/** Nobody waits for turns any more: nothing is recorded. */
void trail_turns_over(void);

int64_t trail_call_replayed(struct thread *thread, uint64_t number, const uint64_t *args);
bool trail_signal_replayed(struct thread *thread, bool in_call);
void trail_end_replayed(uint64_t status);

/** Ends a replay that cannot go on. */
_Noreturn void trail_give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
