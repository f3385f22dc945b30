/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gdb's memory, registers, breakpoints and watchpoints. */
#include "debugger/front/gdb.h"
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/front/gdb_registers.h"
#include "debugger/session/stopping.h"
#include "isa/arm64/debug.h"

/* --- memory and registers -------------------------------------------------------------------------- */

void gdb_read_memory(struct channel *channel, const char *text)
{
    struct session *session = channel_session(channel);
    static uint8_t bytes[GDB_PACKET_BYTES / 2 - 8];
    static char hex[GDB_PACKET_BYTES];
    uint64_t address, length;
    struct space space = session_space(session);
    if (!gdb_take_number(&text, &address, ',') || !gdb_take_number(&text, &length, 0)) {
        gdb_reply(channel, "E01");
        return;
    }
    if (length > sizeof bytes)
        length = sizeof bytes;
    size_t got = space_read(&space, address, bytes, length);
    if (!got && length) {
        gdb_reply(channel, "E0e");
        return;
    }
    gdb_to_hex(hex, bytes, got);
    gdb_reply(channel, hex);
}

static bool write_bytes(struct session *session, uint64_t address, const uint8_t *bytes, size_t length)
{
    struct space space = session_space(session);
    return space_write(&space, address, bytes, length);
}

void gdb_write_memory(struct channel *channel, const char *text)
{
    static uint8_t bytes[GDB_PACKET_BYTES / 2];
    uint64_t address, length;
    if (!gdb_take_number(&text, &address, ',') || !gdb_take_number(&text, &length, ':') ||
        gdb_from_hex(text, bytes, sizeof bytes) != length)
        gdb_reply(channel, "E01");
    else
        gdb_reply(channel, write_bytes(channel_session(channel), address, bytes, length) ? "OK" : "E0e");
}

/* X: the same with bytes as they are; } stands before one that had to be changed. */
void gdb_write_binary(struct channel *channel, const char *text, const char *end)
{
    static uint8_t bytes[GDB_PACKET_BYTES];
    uint64_t address, length;
    size_t count = 0;
    if (!gdb_take_number(&text, &address, ',') || !gdb_take_number(&text, &length, ':')) {
        gdb_reply(channel, "E01");
        return;
    }
    while (text < end) {
        bool escaped = *text == '}' && text + 1 < end;
        text += escaped;
        bytes[count++] = (uint8_t)(escaped ? *text ^ 0x20 : *text);
        text++;
    }
    if (count != length)
        gdb_reply(channel, "E01");
    else
        gdb_reply(channel, !count || write_bytes(channel_session(channel), address, bytes, count) ? "OK" : "E0e");
}

void gdb_read_registers(struct channel *channel)
{
    static char hex[GDB_PACKET_BYTES];
    size_t used = 0;
    for (unsigned i = 0; i < gdb_registers_in_g(); i++) {
        uint8_t bytes[16];
        unsigned size = gdb_register_read(session_cpu(channel_session(channel)), i, bytes);
        gdb_to_hex(hex + used, bytes, size);
        used += 2 * size;
    }
    gdb_reply(channel, hex);
}

void gdb_write_registers(struct channel *channel, const char *text)
{
    static uint8_t bytes[GDB_PACKET_BYTES / 2];
    size_t length = gdb_from_hex(text, bytes, sizeof bytes), used = 0;
    if (length == SIZE_MAX) {
        gdb_reply(channel, "E01");
        return;
    }
    for (unsigned i = 0; i < gdb_registers_in_g(); i++) {
        uint8_t old[16];
        struct cpu *cpu = session_cpu(channel_session(channel));
        unsigned size = gdb_register_read(cpu, i, old);
        if (used + size > length)
            break;
        if (memcmp(old, bytes + used, size))
            gdb_register_write(cpu, i, bytes + used, size);
        used += size;
    }
    gdb_reply(channel, "OK");
}

void gdb_read_register(struct channel *channel, const char *text)
{
    char hex[40];
    uint8_t bytes[16];
    uint64_t number;
    unsigned size = gdb_take_number(&text, &number, 0) && number < UINT32_MAX
                        ? gdb_register_read(session_cpu(channel_session(channel)), (unsigned)number, bytes)
                        : 0;
    if (!size) {
        gdb_reply(channel, "E01");
        return;
    }
    gdb_to_hex(hex, bytes, size);
    gdb_reply(channel, hex);
}

void gdb_write_register(struct channel *channel, const char *text)
{
    uint8_t bytes[16];
    uint64_t number;
    size_t length;
    bool good = gdb_take_number(&text, &number, '=') && number < UINT32_MAX &&
                (length = gdb_from_hex(text, bytes, sizeof bytes)) != SIZE_MAX &&
                gdb_register_write(session_cpu(channel_session(channel)), (unsigned)number, bytes, (unsigned)length);
    gdb_reply(channel, good ? "OK" : "E01");
}

/* --- points ---------------------------------------------------------------------------------------- */

static bool is_ours(const struct point *point)
{
    return !point->number && !point->internal;
}

/* Z and z: TYPE,ADDRESS,KIND. Types 0 and 1 are breakpoints, 2 to 4 watch writing, reading, both. */
void gdb_change_point(struct channel *channel, const char *text, bool set)
{
    struct session *session = channel_session(channel);
    static const unsigned kinds[] = {0, 0, WATCH_STORE, WATCH_LOAD, WATCH_LOAD | WATCH_STORE};
    uint64_t type, address, kind;
    struct error error;
    if (!gdb_take_number(&text, &type, ',') || !gdb_take_number(&text, &address, ',') ||
        !gdb_take_number(&text, &kind, 0)) {
        gdb_reply(channel, "E01");
        return;
    }
    if (type > 4) {
        gdb_reply(channel, "");
        return;
    }
    struct point wanted = {.kind = type < 2 ? POINT_BREAK : POINT_WATCH, .enabled = true, .address = address, .cpu = -1,
                           .bytes = type < 2 ? 4 : kind, .watch_kinds = kinds[type]};
    struct point *point = stopping_first(session);
    while (point && !(is_ours(point) && point->kind == wanted.kind && point->address == address &&
                      point->bytes == wanted.bytes && point->watch_kinds == wanted.watch_kinds))
        point = point->next;
    if (set && !point && (!wanted.bytes || wanted.bytes > 4096 || !stopping_add(session, &wanted, false, &error))) {
        gdb_reply(channel, "E0e");
        return;
    }
    if (!set && point)
        stopping_remove(session, point);
    gdb_reply(channel, "OK");
}

void gdb_remove_points(struct session *session)
{
    struct point *next;
    for (struct point *point = stopping_first(session); point; point = next) {
        next = point->next;
        if (is_ours(point))
            stopping_remove(session, point);
    }
}
