/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of sources: their files, and where the machine stands in them. */
#include "debugger/view/source.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/session/stopping.h"

#define FOLDERS_MAX 16u

static char *folders[FOLDERS_MAX]; /* where sources are looked for besides */
static unsigned folder_count;
struct source_line source_listed;

/* --- files ----------------------------------------------------------------------------------------- */

/* As it is named, or its end in one of the folders. */
static FILE *open_source(const struct source_line *line)
{
    const char *path = line->file;
    char from[4096];
    FILE *file = NULL;
    if (*path != '/' && line->folder && snprintf(from, sizeof from, "%s/%s", line->folder, path) < (int)sizeof from)
        file = fopen(from, "re");
    if (!file)
        file = fopen(path, "re");
    for (unsigned i = 0; !file && i < folder_count; i++)
        for (const char *end = path; !file && end; end = strchr(end, '/')) {
            char whole[4096];
            end += *end == '/';
            snprintf(whole, sizeof whole, "%s/%s", folders[i], end);
            file = fopen(whole, "re");
        }
    return file;
}

int source_print_lines(struct session *session, const struct source_line *of, unsigned first, unsigned count,
                       unsigned mark)
{
    FILE *file = open_source(of);
    char *text = NULL;
    size_t capacity = 0;
    int shown = 0;
    if (!file)
        return -1;
    for (unsigned number = 1; number < first + count && getline(&text, &capacity, file) > 0; number++) {
        if (number < first)
            continue;
        text[strcspn(text, "\r\n")] = 0;
        say(session, number == mark ? "=> %-5u %s\n" : "   %-5u %s\n", number, text);
        shown++;
    }
    free(text);
    fclose(file);
    return shown;
}

void source_tell_line(struct session *session, uint64_t address)
{
    struct source_line line;
    if (!location_line(session, address, &line))
        return;
    say(session, "%s:%u\n", line.file, line.line);
    source_print_lines(session, &line, line.line, 1, line.line);
    source_listed = (struct source_line){.file = NULL};
}

void source_forget_folders(void)
{
    while (folder_count)
        free(folders[--folder_count]);
}

bool source_add_folder(const char *path)
{
    if (folder_count == FOLDERS_MAX)
        return false;
    folders[folder_count++] = strdup(path);
    return true;
}

/* --- where the machine stands ---------------------------------------------------------------------- */

static void tell_watch(struct session *session, const struct point *point)
{
    uint64_t old = 0, new = 0;
    size_t bytes = point->bytes < 8 ? (size_t)point->bytes : 8;
    const uint8_t *host = ram_at(&session->machine->bus.ram, point->physical, point->bytes);
    memcpy(&old, point->old, bytes);
    if (host)
        memcpy(&new, host, bytes);
    if (session->stop.watch_kinds & 2)
        say(session, "  old 0x%llx, new 0x%llx\n", (unsigned long long)old, (unsigned long long)new);
    else
        say(session, "  value 0x%llx\n", (unsigned long long)new);
}

void source_tell_stop(struct session *session)
{
    const struct stop *stop = &session->stop;
    struct point *point = stopping_find(session, stop->number);
    char place[256];
    switch (stop->reason) {
    case STOP_START:
    case STOP_STEP: break;
    case STOP_ASKED: say(session, "Stopped.\n"); break;
    case STOP_BREAKPOINT:
        say(session, "Breakpoint %u%s%s\n", stop->number, point && point->what ? ", " : "",
            point && point->what ? point->what : "");
        break;
    case STOP_WATCHPOINT:
        say(session, "Watchpoint %u, %s\n", stop->number, point && point->what ? point->what : "");
        break;
    case STOP_CATCH: say(session, "Catchpoint %u, %s\n", stop->number, stop->text); break;
    case STOP_ENDED: say(session, "The machine has ended: %s.\n", stop->text); break;
    case STOP_BEGINNING: say(session, "History begins here.\n"); break;
    }
    if (stop->reason == STOP_BREAKPOINT && *stop->text)
        say(session, "  %s\n", stop->text);
    if (point && stop->reason == STOP_WATCHPOINT)
        tell_watch(session, point);
    const struct cpu *cpu = session_cpu(session);
    char text[128] = "";
    uint32_t word;
    struct space space = session_space(session);
    if (space_read(&space, cpu->pc, &word, sizeof word) == sizeof word)
        insn_disassemble(word, cpu->pc, text, sizeof text);
    session_symbolize(session, cpu->pc, place, sizeof place);
    if (session->machine->cpu_count > 1)
        say(session, "CPU %u  ", session->cpu);
    say_address(session, cpu->pc);
    say(session, ":  %s\n", text);
    source_tell_line(session, cpu->pc);
}
