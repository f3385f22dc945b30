/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server of gdb's remote protocol (gdb's manual, appendix E): threads are CPUs, from 1. A packet is $TEXT#SUM,
 * answered by + or - until gdb asks to do without; 0x03 by itself asks to stop. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/front/channel.h"
#include "debugger/command/command.h"
#include "debugger/front/gdb_registers.h"
#include "debugger/session/history.h"
#include "debugger/session/stopping.h"
#include "isa/arm64/debug.h"

#define PACKET_BYTES 16384u
#define INTERRUPT    0x03
#define REGION_BYTES_MAX (1u << 20)
#define TRIPLE_HEX "616172636836342d756e6b6e6f776e2d6c696e7578" /* aarch64-unknown-linux */

struct gdb {
    bool no_acks;
    unsigned thread; /* the CPU that is looked at, from 1 */
};
static struct gdb gdb; /* one client at a time */

/* --- text ------------------------------------------------------------------------------------------ */

static void send_packet(struct channel *channel, const char *text, size_t length)
{
    uint8_t sum = 0;
    char tail[4];
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + (uint8_t)text[i]);
    snprintf(tail, sizeof tail, "#%02x", sum);
    channel_send(channel, "$", 1);
    channel_send(channel, text, length);
    channel_send(channel, tail, 3);
}

static void reply(struct channel *channel, const char *text)
{
    send_packet(channel, text, strlen(text));
}

static void to_hex(char *to, const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        to[2 * i] = digits[((const uint8_t *)bytes)[i] >> 4];
        to[2 * i + 1] = digits[((const uint8_t *)bytes)[i] & 15];
    }
    to[2 * length] = 0;
}

static int digit(char byte)
{
    return isdigit((unsigned char)byte) ? byte - '0' : isxdigit((unsigned char)byte) ? tolower(byte) - 'a' + 10 : -1;
}

/* Up to `capacity` bytes; returns how many, or SIZE_MAX where it is no hexadecimal or too long. */
static size_t from_hex(const char *text, uint8_t *bytes, size_t capacity)
{
    size_t count = 0;
    for (; *text; text += 2, count++) {
        if (digit(text[0]) < 0 || digit(text[1]) < 0 || count == capacity)
            return SIZE_MAX;
        bytes[count] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
    }
    return count;
}

/* Reads a hexadecimal number and what must stand behind it ('\0': anything). */
static bool take_number(const char **text, uint64_t *number, char behind)
{
    char *end;
    if (!isxdigit((unsigned char)**text))
        return false;
    *number = strtoull(*text, &end, 16);
    if (behind && *end != behind)
        return false;
    *text = end + (behind != 0);
    return true;
}

/* --- threads and stops ----------------------------------------------------------------------------- */

static unsigned thread_count(struct session *session)
{
    return session->machine->cpu_count;
}

static bool select_thread(struct session *session, uint64_t thread)
{
    if (thread == 0 || thread == UINT64_MAX)
        return true;
    if (thread > thread_count(session))
        return false;
    gdb.thread = (unsigned)thread;
    session->cpu = gdb.thread - 1;
    return true;
}

static void reply_stop(struct channel *channel)
{
    struct session *session = channel_session(channel);
    const struct stop *stop = &session->stop;
    char text[128];
    gdb.thread = session->cpu + 1;
    if (stop->reason == STOP_ENDED) {
        reply(channel, "W00");
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
    reply(channel, text);
}

static void resume(struct channel *channel, bool step)
{
    struct session *session = channel_session(channel);
    if (session->running) { /* somebody else has it running; gdb stopped it for a moment only */
        reply(channel, "E01");
        return;
    }
    session_resume(session, step);
    if (channel_connected(channel))
        reply_stop(channel);
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
            else if (!take_number(&text, &thread, 0) || thread > thread_count(session)) {
                reply(channel, "E01");
                return;
            }
        }
        any |= strchr("cCsS", action) != NULL && action;
        if ((action == 's' || action == 'S') && !step) {
            step = true;
            select_thread(session, thread);
        }
    }
    if (any)
        resume(channel, step);
    else
        reply(channel, "E01");
}

/* --- memory and registers -------------------------------------------------------------------------- */

static void read_memory(struct channel *channel, const char *text)
{
    struct session *session = channel_session(channel);
    static uint8_t bytes[PACKET_BYTES / 2 - 8];
    static char hex[PACKET_BYTES];
    uint64_t address, length;
    struct space space = session_space(session);
    if (!take_number(&text, &address, ',') || !take_number(&text, &length, 0)) {
        reply(channel, "E01");
        return;
    }
    if (length > sizeof bytes)
        length = sizeof bytes;
    size_t got = space_read(&space, address, bytes, length);
    if (!got && length) {
        reply(channel, "E0e");
        return;
    }
    to_hex(hex, bytes, got);
    reply(channel, hex);
}

static bool write_bytes(struct session *session, uint64_t address, const uint8_t *bytes, size_t length)
{
    struct space space = session_space(session);
    return space_write(&space, address, bytes, length);
}

static void write_memory(struct channel *channel, const char *text)
{
    static uint8_t bytes[PACKET_BYTES / 2];
    uint64_t address, length;
    if (!take_number(&text, &address, ',') || !take_number(&text, &length, ':') ||
        from_hex(text, bytes, sizeof bytes) != length)
        reply(channel, "E01");
    else
        reply(channel, write_bytes(channel_session(channel), address, bytes, length) ? "OK" : "E0e");
}

/* X: the same with bytes as they are; } stands before one that had to be changed. */
static void write_binary(struct channel *channel, const char *text, const char *end)
{
    static uint8_t bytes[PACKET_BYTES];
    uint64_t address, length;
    size_t count = 0;
    if (!take_number(&text, &address, ',') || !take_number(&text, &length, ':')) {
        reply(channel, "E01");
        return;
    }
    while (text < end) {
        bool escaped = *text == '}' && text + 1 < end;
        text += escaped;
        bytes[count++] = (uint8_t)(escaped ? *text ^ 0x20 : *text);
        text++;
    }
    if (count != length)
        reply(channel, "E01");
    else
        reply(channel, !count || write_bytes(channel_session(channel), address, bytes, count) ? "OK" : "E0e");
}

static void read_registers(struct channel *channel)
{
    static char hex[PACKET_BYTES];
    size_t used = 0;
    for (unsigned i = 0; i < gdb_registers_in_g(); i++) {
        uint8_t bytes[16];
        unsigned size = gdb_register_read(session_cpu(channel_session(channel)), i, bytes);
        to_hex(hex + used, bytes, size);
        used += 2 * size;
    }
    reply(channel, hex);
}

static void write_registers(struct channel *channel, const char *text)
{
    static uint8_t bytes[PACKET_BYTES / 2];
    size_t length = from_hex(text, bytes, sizeof bytes), used = 0;
    if (length == SIZE_MAX) {
        reply(channel, "E01");
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
    reply(channel, "OK");
}

static void read_register(struct channel *channel, const char *text)
{
    char hex[40];
    uint8_t bytes[16];
    uint64_t number;
    unsigned size = take_number(&text, &number, 0) && number < UINT32_MAX
                        ? gdb_register_read(session_cpu(channel_session(channel)), (unsigned)number, bytes)
                        : 0;
    if (!size) {
        reply(channel, "E01");
        return;
    }
    to_hex(hex, bytes, size);
    reply(channel, hex);
}

static void write_register(struct channel *channel, const char *text)
{
    uint8_t bytes[16];
    uint64_t number;
    size_t length;
    bool good = take_number(&text, &number, '=') && number < UINT32_MAX &&
                (length = from_hex(text, bytes, sizeof bytes)) != SIZE_MAX &&
                gdb_register_write(session_cpu(channel_session(channel)), (unsigned)number, bytes, (unsigned)length);
    reply(channel, good ? "OK" : "E01");
}

/* --- points ---------------------------------------------------------------------------------------- */

static bool is_ours(const struct point *point)
{
    return !point->number && !point->internal;
}

/* Z and z: TYPE,ADDRESS,KIND. Types 0 and 1 are breakpoints, 2 to 4 watch writing, reading, both. */
static void change_point(struct channel *channel, const char *text, bool set)
{
    struct session *session = channel_session(channel);
    static const unsigned kinds[] = {0, 0, WATCH_STORE, WATCH_LOAD, WATCH_LOAD | WATCH_STORE};
    uint64_t type, address, kind;
    struct error error;
    if (!take_number(&text, &type, ',') || !take_number(&text, &address, ',') || !take_number(&text, &kind, 0)) {
        reply(channel, "E01");
        return;
    }
    if (type > 4) {
        reply(channel, "");
        return;
    }
    struct point wanted = {.kind = type < 2 ? POINT_BREAK : POINT_WATCH, .enabled = true, .address = address, .cpu = -1,
                           .bytes = type < 2 ? 4 : kind, .watch_kinds = kinds[type]};
    struct point *point = stopping_first(session);
    while (point && !(is_ours(point) && point->kind == wanted.kind && point->address == address &&
                      point->bytes == wanted.bytes && point->watch_kinds == wanted.watch_kinds))
        point = point->next;
    if (set && !point && (!wanted.bytes || wanted.bytes > 4096 || !stopping_add(session, &wanted, false, &error))) {
        reply(channel, "E0e");
        return;
    }
    if (!set && point)
        stopping_remove(session, point);
    reply(channel, "OK");
}

static void remove_points(struct session *session)
{
    struct point *next;
    for (struct point *point = stopping_first(session); point; point = next) {
        next = point->next;
        if (is_ours(point))
            stopping_remove(session, point);
    }
}

/* --- queries --------------------------------------------------------------------------------------- */

static void monitor(struct channel *channel, const char *hex)
{
    struct session *session = channel_session(channel);
    static uint8_t line[PACKET_BYTES / 2];
    size_t length = from_hex(hex, line, sizeof line - 1);
    struct error error = {""};
    char *bytes = NULL;
    size_t count = 0;
    if (length == SIZE_MAX) {
        reply(channel, "E01");
        return;
    }
    line[length] = 0;
    if (!command_capture(session, (const char *)line, false, &bytes, &count, &error)) {
        char *whole = NULL; /* the complaint behind what was printed */
        if (asprintf(&whole, "%s%s\n", bytes ? bytes : "", error.text) >= 0) {
            free(bytes);
            bytes = whole;
            count = strlen(whole);
        }
    }
    /* In pieces, each as console output, and then the end. */
    for (size_t done = 0; bytes && done < count;) {
        static char text[PACKET_BYTES];
        size_t part = count - done < PACKET_BYTES / 2 - 8 ? count - done : PACKET_BYTES / 2 - 8;
        text[0] = 'O';
        to_hex(text + 1, bytes + done, part);
        reply(channel, text);
        done += part;
    }
    free(bytes);
    reply(channel, "OK");
}

/* A piece of a document: m and more to come, or l and the last. */
static void reply_piece(struct channel *channel, const char *document, const char *range)
{
    static char text[PACKET_BYTES + 1];
    uint64_t offset, length, whole = strlen(document);
    if (!take_number(&range, &offset, ',') || !take_number(&range, &length, 0)) {
        reply(channel, "E01");
        return;
    }
    if (offset > whole)
        offset = whole;
    if (length > PACKET_BYTES - 16)
        length = PACKET_BYTES - 16;
    bool last = whole - offset <= length;
    snprintf(text, sizeof text, "%c%.*s", last ? 'l' : 'm', (int)length, document + offset);
    reply(channel, text);
}

static char *threads_document(struct session *session)
{
    char *bytes = NULL;
    size_t count = 0;
    static const char *const waits[] = {"", ", waits for an interrupt", ", waits for an event", ", off"};
    FILE *memory = open_memstream(&bytes, &count);
    if (!memory)
        return NULL;
    fputs("<?xml version=\"1.0\"?>\n<threads>\n", memory);
    for (unsigned i = 0; i < thread_count(session); i++) {
        const struct cpu *cpu = session->machine->cpus[i];
        fprintf(memory, "<thread id=\"%x\" core=\"%u\" name=\"CPU %u\">EL%u%s</thread>\n", i + 1, i, i, cpu->pstate.el,
                waits[cpu->wait]);
    }
    fputs("</threads>\n", memory);
    fclose(memory);
    return bytes;
}

static void transfer(struct channel *channel, const char *text)
{
    if (!strncmp(text, "features:read:target.xml:", 25)) {
        char *document = gdb_description();
        reply_piece(channel, document ? document : "", text + 25);
        free(document);
    } else if (!strncmp(text, "threads:read::", 14)) {
        char *document = threads_document(channel_session(channel));
        reply_piece(channel, document ? document : "", text + 14);
        free(document);
    } else {
        reply(channel, "");
    }
}

/* Whether anything is mapped at an address, and up to where all is so: lldb asks before it steps and unwinds. */
static void memory_region(struct channel *channel, const char *text)
{
    struct session *session = channel_session(channel);
    struct space space = session_space(session);
    uint64_t address, physical, end;
    char answer[96];
    if (!take_number(&text, &address, 0)) {
        reply(channel, "E01");
        return;
    }
    const uint64_t start = address & ~(PAGE_SIZE_BYTES - 1);
    bool mapped = space_translate(&space, start, &physical);
    for (end = start + PAGE_SIZE_BYTES; end && end - start < REGION_BYTES_MAX; end += PAGE_SIZE_BYTES)
        if (space_translate(&space, end, &physical) != mapped)
            break;
    int used = snprintf(answer, sizeof answer, "start:%llx;size:%llx;", (unsigned long long)start,
                        (unsigned long long)(end - start));
    snprintf(answer + used, sizeof answer - (size_t)used, mapped ? "permissions:rwx;" : "");
    reply(channel, answer);
}

static void query(struct channel *channel, const char *text)
{
    struct session *session = channel_session(channel);
    char answer[1024];
    if (!strncmp(text, "Supported", 9)) {
        snprintf(answer, sizeof answer,
                 "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;vContSupported+;hwbreak+;"
                 "ReverseStep+;ReverseContinue+",
                 PACKET_BYTES - 16);
        reply(channel, answer);
    } else if (!strcmp(text, "HostInfo")) { /* this one to ...SupportInfo are lldb's */
        reply(channel, "triple:" TRIPLE_HEX ";endian:little;ptrsize:8;vm-page-size:4096;");
    } else if (!strcmp(text, "ProcessInfo")) {
        reply(channel, "pid:1;triple:" TRIPLE_HEX ";endian:little;ptrsize:8;");
    } else if (!strncmp(text, "MemoryRegionInfo:", 17)) {
        memory_region(channel, text + 17);
    } else if (!strncmp(text, "WatchpointSupportInfo:", 22)) {
        reply(channel, "num:1024;"); /* there is no limit */
    } else if (!strncmp(text, "Xfer:", 5)) {
        transfer(channel, text + 5);
    } else if (!strncmp(text, "Rcmd,", 5)) {
        monitor(channel, text + 5);
    } else if (!strcmp(text, "fThreadInfo")) {
        size_t used = (size_t)snprintf(answer, sizeof answer, "m");
        for (unsigned i = 0; i < thread_count(session); i++)
            used += (size_t)snprintf(answer + used, sizeof answer - used, i ? ",%x" : "%x", i + 1);
        reply(channel, answer);
    } else if (!strcmp(text, "sThreadInfo")) {
        reply(channel, "l");
    } else if (!strcmp(text, "C")) {
        snprintf(answer, sizeof answer, "QC%x", session->cpu + 1);
        reply(channel, answer);
    } else if (!strncmp(text, "Attached", 8)) {
        reply(channel, "1");
    } else if (!strncmp(text, "ThreadExtraInfo,", 16)) {
        uint64_t thread;
        const char *rest = text + 16;
        if (!take_number(&rest, &thread, 0) || !thread || thread > thread_count(session)) {
            reply(channel, "E01");
            return;
        }
        snprintf(answer, sizeof answer, "EL%u", session->machine->cpus[thread - 1]->pstate.el);
        char hex[64];
        to_hex(hex, answer, strlen(answer));
        reply(channel, hex);
    } else {
        reply(channel, "");
    }
}

/* --- packets --------------------------------------------------------------------------------------- */

static void detach(struct channel *channel)
{
    struct session *session = channel_session(channel);
    remove_points(session);
    reply(channel, "OK");
    session->go_on = true;
}

static void run_packet(struct channel *channel, const char *text, size_t length)
{
    struct session *session = channel_session(channel);
    uint64_t number;
    const char *rest = text + 1;
    if (gdb.thread && gdb.thread <= thread_count(session) && !session->running)
        session->cpu = gdb.thread - 1;
    switch (*text) {
    case '?': reply_stop(channel); break;
    case 'g': read_registers(channel); break;
    case 'G': write_registers(channel, rest); break;
    case 'p': read_register(channel, rest); break;
    case 'P': write_register(channel, rest); break;
    case 'm': read_memory(channel, rest); break;
    case 'M': write_memory(channel, rest); break;
    case 'X': write_binary(channel, rest, text + length); break;
    case 'c':
    case 's':
        if (take_number(&rest, &number, 0))
            register_write(session_cpu(session), "pc", &number, 8);
        resume(channel, *text == 's');
        break;
    case 'b': /* bs, bc */
        history_gdb(session, *rest == 's');
        reply_stop(channel);
        break;
    case 'H': {
        bool all = !strcmp(text + 2, "-1");
        rest = text + (length > 1 ? 2 : 1);
        reply(channel, all || (take_number(&rest, &number, 0) && select_thread(session, number)) ? "OK" : "E01");
        break;
    }
    case 'T':
        reply(channel, take_number(&rest, &number, 0) && number && number <= thread_count(session) ? "OK" : "E01");
        break;
    case 'Z': change_point(channel, rest, true); break;
    case 'z': change_point(channel, rest, false); break;
    case 'q': query(channel, rest); break;
    case 'Q':
        gdb.no_acks |= !strcmp(text, "QStartNoAckMode");
        reply(channel, !strcmp(text, "QStartNoAckMode") ? "OK" : "");
        break;
    case 'v':
        if (!strcmp(text, "vCont?"))
            reply(channel, "vCont;c;C;s;S");
        else if (!strncmp(text, "vCont", 5))
            run_vcont(channel, text + 5);
        else if (!strncmp(text, "vKill", 5)) {
            reply(channel, "OK");
            session->quit = true;
        } else
            reply(channel, "");
        break;
    case 'D': detach(channel); break;
    case 'k': session->quit = true; break;
    default: reply(channel, "");
    }
}

/* A packet that is whole: from $ to the two digits behind #. */
static bool received(struct channel *channel, const uint8_t *bytes, size_t length)
{
    static char packet[PACKET_BYTES + 1];
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
    bool good = digit((char)end[1]) >= 0 && digit((char)end[2]) >= 0 &&
                sum == (digit((char)end[1]) << 4 | digit((char)end[2])) && count <= PACKET_BYTES;
    if (good) {
        memcpy(packet, bytes + 1, count);
        packet[count] = 0;
    }
    channel_take(channel, taken);
    if (!gdb.no_acks)
        channel_send(channel, good ? "+" : "-", 1);
    if (good && channel_session(channel)->running)
        reply(channel, "E01"); /* it waits for a stop */
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
    gdb = (struct gdb){.thread = session->cpu + 1};
    if (session->running)
        session_stop(session);
}

/* The peer went without a word: its points go, and the guest goes on. */
static void gone(struct channel *channel)
{
    struct session *session = channel_session(channel);
    if (session->quit)
        return;
    remove_points(session);
    session->go_on = true;
}

const struct channel_ops gdb_channel = {
    .received = received, .interrupts = interrupts, .connected = connected, .gone = gone};
