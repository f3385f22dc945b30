/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server of gdb's remote protocol (gdb's manual, appendix E): threads are CPUs, from 1. A packet is $TEXT#SUM,
 * answered by + or - until gdb asks to do without; 0x03 by itself asks to stop. */
#include <ctype.h>
#include "debugger/front/gdb.h"
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/session/history.h"
#include "debugger/session/stopping.h"
#include "isa/arm64/debug.h"

#define INTERRUPT 0x03

struct gdb gdb;

/* --- threads and stops ----------------------------------------------------------------------------- */

unsigned gdb_thread_count(struct session *session)
{
    return session->machine->cpu_count;
}

bool gdb_select_thread(struct session *session, uint64_t thread)
{
    if (thread == 0 || thread == UINT64_MAX)
        return true;
    if (thread > gdb_thread_count(session))
        return false;
    gdb.monitor = gdb.thread = (unsigned)thread;
    session->cpu = gdb.thread - 1;
    return true;
}

void gdb_reply_stop(struct channel *channel)
{
    struct session *session = channel_session(channel);
    const struct stop *stop = &session->stop;
    char text[128];
    gdb.monitor = gdb.thread = session->cpu + 1;
    if (stop->reason == STOP_ENDED) {
        gdb_reply(channel, "W00");
        return;
    }
    int used = snprintf(text, sizeof text, "T%02xthread:%x;", stop->reason == STOP_ASKED ? 2 : 5, gdb.thread);
    if (stop->reason == STOP_WATCHPOINT)
        snprintf(text + used, sizeof text - (size_t)used, "%s:%llx;",
                 stop->watch_kinds == (WATCH_LOAD | WATCH_STORE) ? "awatch"
                 : stop->watch_kinds & WATCH_STORE               ? "watch"
                                                                 : "rwatch",
                 (unsigned long long)stop->watch_address);
    else if (stop->reason == STOP_BREAKPOINT)
        snprintf(text + used, sizeof text - (size_t)used, "hwbreak:;");
    else if (stop->reason == STOP_BEGINNING)
        snprintf(text + used, sizeof text - (size_t)used, "replaylog:begin;");
    gdb_reply(channel, text);
}

static void resume(struct channel *channel, bool step)
{
    struct session *session = channel_session(channel);
    if (session->running) { /* somebody else has it running; gdb stopped it for a moment only */
        gdb_reply(channel, "E01");
        return;
    }
    session_resume(session, step);
    if (channel_connected(channel))
        gdb_reply_stop(channel);
}

/* vCont;ACTION[:THREAD]... All CPUs run together; a step is of its thread, and the others run beside it. */
static void run_vcont(struct channel *channel, const char *text)
{
    struct session *session = channel_session(channel);
    bool step = false, any = false;
    while (*text == ';') {
        char action = *++text;
        uint64_t thread = 0;
        text += *text != 0;
        if (action == 'C' || action == 'S')
            text += strspn(text, "0123456789abcdef");
        if (*text == ':') {
            text++;
            bool all = !strncmp(text, "-1", 2);
            if (all)
                text += 2;
            else if (!gdb_take_number(&text, &thread, 0) || thread > gdb_thread_count(session)) {
                gdb_reply(channel, "E01");
                return;
            }
        }
        any |= strchr("cCsS", action) != NULL && action;
        if ((action == 's' || action == 'S') && !step) {
            step = true;
            gdb_select_thread(session, thread);
        }
    }
    if (any)
        resume(channel, step);
    else
        gdb_reply(channel, "E01");
}

/* --- packets --------------------------------------------------------------------------------------- */

static void detach(struct channel *channel)
{
    struct session *session = channel_session(channel);
    gdb_remove_points(session);
    gdb_reply(channel, "OK");
    session->go_on = true;
}

static void run_packet(struct channel *channel, const char *text, size_t length)
{
    struct session *session = channel_session(channel);
    uint64_t number;
    bool known;
    const char *rest = text + 1;
    if (gdb.thread && gdb.thread <= gdb_thread_count(session) && !session->running)
        session->cpu = gdb.thread - 1;
    switch (*text) {
    case '?': gdb_reply_stop(channel); break;
    case 'g': gdb_read_registers(channel); break;
    case 'G': gdb_write_registers(channel, rest); break;
    case 'p': gdb_read_register(channel, rest); break;
    case 'P': gdb_write_register(channel, rest); break;
    case 'm': gdb_read_memory(channel, rest); break;
    case 'M': gdb_write_memory(channel, rest); break;
    case 'X': gdb_write_binary(channel, rest, text + length); break;
    case 'c':
    case 's':
        if (gdb_take_number(&rest, &number, 0))
            register_write(session_cpu(session), "pc", &number, 8);
        resume(channel, *text == 's');
        break;
    case 'b': /* bs, bc */
        history_gdb(session, *rest == 's');
        gdb_reply_stop(channel);
        break;
    case 'H': {
        bool all = !strcmp(text + 2, "-1");
        rest = text + (length > 1 ? 2 : 1);
        gdb_reply(channel, all || (gdb_take_number(&rest, &number, 0) && gdb_select_thread(session, number)) ? "OK"
                                                                                                           : "E01");
        break;
    }
    case 'T':
        known = gdb_take_number(&rest, &number, 0) && number && number <= gdb_thread_count(session);
        gdb_reply(channel, known ? "OK" : "E01");
        break;
    case 'Z': gdb_change_point(channel, rest, true); break;
    case 'z': gdb_change_point(channel, rest, false); break;
    case 'q': gdb_query(channel, rest); break;
    case 'Q':
        gdb.no_acks |= !strcmp(text, "QStartNoAckMode");
        gdb_reply(channel, !strcmp(text, "QStartNoAckMode") ? "OK" : "");
        break;
    case 'v':
        if (!strcmp(text, "vCont?"))
            gdb_reply(channel, "vCont;c;C;s;S");
        else if (!strncmp(text, "vCont", 5))
            run_vcont(channel, text + 5);
        else if (!strncmp(text, "vKill", 5)) {
            gdb_reply(channel, "OK");
            session->quit = true;
        } else
            gdb_reply(channel, "");
        break;
    case 'D': detach(channel); break;
    case 'k':
        gdb_reply(channel, "X09"); /* lldb waits for it, gdb does not */
        session->quit = true;
        break;
    default: gdb_reply(channel, "");
    }
}

/* A packet that is whole: from $ to the two digits behind #. */
static bool received(struct channel *channel, const uint8_t *bytes, size_t length)
{
    static char packet[GDB_PACKET_BYTES + 1];
    if (*bytes == INTERRUPT) {
        channel_take(channel, 1);
        if (channel_session(channel)->running)
            session_stop(channel_session(channel));
        return true;
    }
    if (*bytes != '$') { /* + and -, and what is nothing */
        channel_take(channel, 1);
        return true;
    }
    const uint8_t *end = memchr(bytes, '#', length);
    if (!end || (size_t)(end - bytes) + 3 > length)
        return false;
    size_t count = (size_t)(end - bytes) - 1, taken = count + 4;
    uint8_t sum = 0;
    for (size_t i = 1; i <= count; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bool good = gdb_digit((char)end[1]) >= 0 && gdb_digit((char)end[2]) >= 0 &&
                sum == (gdb_digit((char)end[1]) << 4 | gdb_digit((char)end[2])) && count <= GDB_PACKET_BYTES;
    if (good) {
        memcpy(packet, bytes + 1, count);
        packet[count] = 0;
    }
    channel_take(channel, taken);
    if (!gdb.no_acks)
        channel_send(channel, good ? "+" : "-", 1);
    if (good && channel_session(channel)->running)
        gdb_reply(channel, "E01"); /* it waits for a stop */
    else if (good)
        run_packet(channel, packet, count);
    return true;
}

static bool interrupts(struct channel *channel, const uint8_t *bytes, size_t length)
{
    return true;
}

static void connected(struct channel *channel)
{
    struct session *session = channel_session(channel);
    gdb = (struct gdb){.thread = session->cpu + 1, .monitor = session->cpu + 1};
    if (session->running)
        session_stop(session);
}

/* The peer went without a word: its points go, and the guest goes on. */
static void gone(struct channel *channel)
{
    struct session *session = channel_session(channel);
    if (session->quit)
        return;
    gdb_remove_points(session);
    session->go_on = true;
}

const struct channel_ops gdb_channel = {
    .received = received, .interrupts = interrupts, .connected = connected, .gone = gone};
