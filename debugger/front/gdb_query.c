/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What gdb asks about the target: what the server can do, threads, documents; and `monitor`. */
#include "debugger/front/gdb.h"
#include <stdlib.h>
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/front/gdb_registers.h"

#define REGION_BYTES_MAX (1u << 20)
#define TRIPLE_HEX "616172636836342d756e6b6e6f776e2d6c696e7578" /* aarch64-unknown-linux */

/* --- queries --------------------------------------------------------------------------------------- */

static void monitor(struct channel *channel, const char *hex)
{
    struct session *session = channel_session(channel);
    static uint8_t line[GDB_PACKET_BYTES / 2];
    size_t length = gdb_from_hex(hex, line, sizeof line - 1);
    struct error error = {""};
    char *bytes = NULL;
    size_t count = 0;
    if (length == SIZE_MAX) {
        gdb_reply(channel, "E01");
        return;
    }
    line[length] = 0;
    if (!session->running)
        session->cpu = gdb.monitor - 1;
    if (!command_capture(session, (const char *)line, false, &bytes, &count, &error)) {
        char *whole = NULL; /* the complaint behind what was printed */
        if (asprintf(&whole, "%s%s\n", bytes ? bytes : "", error.text) >= 0) {
            free(bytes);
            bytes = whole;
            count = strlen(whole);
        }
    }
    gdb.monitor = session->cpu + 1;
    /* In pieces, each as console output, and then the end. */
    for (size_t done = 0; bytes && done < count;) {
        static char text[GDB_PACKET_BYTES];
        size_t part = count - done < GDB_PACKET_BYTES / 2 - 8 ? count - done : GDB_PACKET_BYTES / 2 - 8;
        text[0] = 'O';
        gdb_to_hex(text + 1, bytes + done, part);
        gdb_reply(channel, text);
        done += part;
    }
    free(bytes);
    gdb_reply(channel, "OK");
}

/* A piece of a document: m and more to come, or l and the last. */
static void reply_piece(struct channel *channel, const char *document, const char *range)
{
    static char text[GDB_PACKET_BYTES + 1];
    uint64_t offset, length, whole = strlen(document);
    if (!gdb_take_number(&range, &offset, ',') || !gdb_take_number(&range, &length, 0)) {
        gdb_reply(channel, "E01");
        return;
    }
    if (offset > whole)
        offset = whole;
    if (length > GDB_PACKET_BYTES - 16)
        length = GDB_PACKET_BYTES - 16;
    bool last = whole - offset <= length;
    snprintf(text, sizeof text, "%c%.*s", last ? 'l' : 'm', (int)length, document + offset);
    gdb_reply(channel, text);
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
    for (unsigned i = 0; i < gdb_thread_count(session); i++) {
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
        gdb_reply(channel, "");
    }
}

/* Whether anything is mapped at an address, and up to where all is so: lldb asks before it steps and unwinds. */
static void memory_region(struct channel *channel, const char *text)
{
    struct session *session = channel_session(channel);
    struct space space = session_space(session);
    uint64_t address, physical, end;
    char answer[96];
    if (!gdb_take_number(&text, &address, 0)) {
        gdb_reply(channel, "E01");
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
    gdb_reply(channel, answer);
}

void gdb_query(struct channel *channel, const char *text)
{
    struct session *session = channel_session(channel);
    char answer[1024];
    if (!strncmp(text, "Supported", 9)) {
        snprintf(answer, sizeof answer,
                 "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;vContSupported+;hwbreak+;"
                 "ReverseStep+;ReverseContinue+",
                 GDB_PACKET_BYTES - 16);
        gdb_reply(channel, answer);
    } else if (!strcmp(text, "HostInfo")) { /* this one to ...SupportInfo are lldb's */
        gdb_reply(channel, "triple:" TRIPLE_HEX ";endian:little;ptrsize:8;vm-page-size:4096;");
    } else if (!strcmp(text, "ProcessInfo")) {
        gdb_reply(channel, "pid:1;triple:" TRIPLE_HEX ";endian:little;ptrsize:8;");
    } else if (!strncmp(text, "MemoryRegionInfo:", 17)) {
        memory_region(channel, text + 17);
    } else if (!strncmp(text, "WatchpointSupportInfo:", 22)) {
        gdb_reply(channel, "num:1024;"); /* there is no limit */
    } else if (!strncmp(text, "Xfer:", 5)) {
        transfer(channel, text + 5);
    } else if (!strncmp(text, "Rcmd,", 5)) {
        monitor(channel, text + 5);
    } else if (!strcmp(text, "fThreadInfo")) {
        size_t used = (size_t)snprintf(answer, sizeof answer, "m");
        for (unsigned i = 0; i < gdb_thread_count(session); i++)
            used += (size_t)snprintf(answer + used, sizeof answer - used, i ? ",%x" : "%x", i + 1);
        gdb_reply(channel, answer);
    } else if (!strcmp(text, "sThreadInfo")) {
        gdb_reply(channel, "l");
    } else if (!strcmp(text, "C")) {
        snprintf(answer, sizeof answer, "QC%x", session->cpu + 1);
        gdb_reply(channel, answer);
    } else if (!strncmp(text, "Attached", 8)) {
        gdb_reply(channel, "1");
    } else if (!strncmp(text, "ThreadExtraInfo,", 16)) {
        uint64_t thread;
        const char *rest = text + 16;
        if (!gdb_take_number(&rest, &thread, 0) || !thread || thread > gdb_thread_count(session)) {
            gdb_reply(channel, "E01");
            return;
        }
        snprintf(answer, sizeof answer, "EL%u", session->machine->cpus[thread - 1]->pstate.el);
        char hex[64];
        gdb_to_hex(hex, answer, strlen(answer));
        gdb_reply(channel, hex);
    } else {
        gdb_reply(channel, "");
    }
}
