/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of gdb's protocol share: gdb_packet.c (how packets are written), gdb.c (threads, running, which packet
 * is what), gdb_data.c (memory, registers, breakpoints), gdb_query.c (what gdb asks about the target). */
#ifndef ARMATURE_DEBUGGER_GDB_H
#define ARMATURE_DEBUGGER_GDB_H

#include "debugger/front/channel.h"

#define GDB_PACKET_BYTES 16384u

extern struct gdb {
    bool no_acks;
    unsigned thread;  /* the CPU that gdb looks at, from 1 */
    unsigned monitor; /* the one of `monitor`: the same, unless its commands moved it, of which gdb does not hear */
} gdb; /* one client at a time */

/* --- text ------------------------------------------------------------------------------------------ */

/** Sends a packet, or one of text. */
void gdb_send(struct channel *channel, const char *text, size_t length);
void gdb_reply(struct channel *channel, const char *text);
/** Writes bytes as hexadecimal, with a 0 behind. */
void gdb_to_hex(char *to, const void *bytes, size_t length);
/** What a hexadecimal digit is worth; -1: it is none. */
int gdb_digit(char byte);
/** Up to `capacity` bytes; returns how many, or SIZE_MAX where it is no hexadecimal or too long. */
size_t gdb_from_hex(const char *text, uint8_t *bytes, size_t capacity);
/** Takes a hexadecimal number and what stands behind it (0: anything) off `*text`. False: it is none. */
bool gdb_take_number(const char **text, uint64_t *number, char behind);

/* --- threads --------------------------------------------------------------------------------------- */

/** Threads are CPUs. False: there is no such one. */
unsigned gdb_thread_count(struct session *session);
bool gdb_select_thread(struct session *session, uint64_t thread);
/** Says why the machine stands. */
void gdb_reply_stop(struct channel *channel);

/* --- packets: each does what its text says, and answers -------------------------------------------- */

void gdb_read_memory(struct channel *channel, const char *text);
void gdb_write_memory(struct channel *channel, const char *text);
void gdb_write_binary(struct channel *channel, const char *text, const char *end);
void gdb_read_registers(struct channel *channel);
void gdb_write_registers(struct channel *channel, const char *text);
void gdb_read_register(struct channel *channel, const char *text);
void gdb_write_register(struct channel *channel, const char *text);
void gdb_change_point(struct channel *channel, const char *text, bool set);
void gdb_query(struct channel *channel, const char *text);
/** Takes away what this client set. */
void gdb_remove_points(struct session *session);

#endif
