/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: files with symbols and DWARF. An input is a file as it is, or (where it does not begin as ELF does) a
 * list of changes to the kept one that has most: each an offset, and bytes. Whatever a file says, all that a user may
 * ask of it is asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "debugger/command/command.h"
#include "debugger/debugger.h"
#include "debugger/view/dwarf.h"
#include "interp/interp.h"
#include "tests/fuzz/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX (256u << 10)
#define PLACES   24u

static struct machine *machine;
static FILE *nowhere;
static uint8_t whole[FILE_MAX]; /* what is changed: made by the build of programs/shapes.c */
static size_t whole_bytes;

static void create(void)
{
    static struct run_options options;
    struct error error;
    const char *model = getenv("ARMATURE_FUZZ_MODEL");
    FILE *file = model ? fopen(model, "rb") : NULL;
    if (file) {
        whole_bytes = fread(whole, 1, sizeof whole, file);
        fclose(file);
    }
    check(whole_bytes > 0, "ARMATURE_FUZZ_MODEL names no file to be changed");
    run_options_default(&options);
    options.memory_bytes = 16ull << 20;
    options.clock = CLOCK_CHOICE_VIRTUAL;
    options.serial.kind = SERIAL_NONE;
    machine = machine_create(&options, &interp_engine, &error);
    check(machine != NULL, "no machine");
    machine_reset(machine);
    nowhere = fopen("/dev/null", "w");
}

static bool on_variable(void *context, const char *name, const struct value *value, const char *why)
{
    check(name && (value || why), "a variable without a name, a value or a reason");
    if (value)
        value_print(context, value, 0);
    return true;
}

/* All that is known at an address. */
static void ask_at(struct session *session, uint64_t address)
{
    struct dwarf_level levels[16];
    struct source_line line;
    uint64_t start, end, cfa, behind;
    bool begins;
    struct space space = session_space(session);
    struct frame frame = {.pc = address, .sp = machine->bus.ram.base + 4096, .known = 0x7fffffff};
    for (unsigned i = 0; i < 31; i++)
        frame.x[i] = machine->bus.ram.base + 8192 + i * 16;
    dwarf_line(address, &line, &begins);
    dwarf_skip_prologue(address, &behind);
    check(!dwarf_function(address, &start, &end) || start <= end, "a function that ends before it begins");
    unsigned count = dwarf_levels(address, levels, 16);
    for (frame.level = 0; frame.level < count; frame.level++) {
        dwarf_variables(session, &frame, true, on_variable, session);
        dwarf_variables(session, &frame, false, on_variable, session);
    }
    dwarf_cfa(&space, &frame, &cfa);
    for (unsigned i = 0; i < 8 && dwarf_unwind(&space, &frame); i++)
        continue;
}

static bool on_type(void *context, const char *name)
{
    struct session *session = context;
    static const enum type_kind kinds[] = {TYPE_STRUCT, TYPE_UNION, TYPE_ENUM, TYPE_ALIAS};
    for (unsigned i = 0; i < 4; i++) {
        const struct type *type = types_find(session->types, kinds[i], name);
        struct value value = {.type = type, .in_memory = true, .address = machine->bus.ram.base};
        char text[256];
        if (!type)
            continue;
        type_name(type, text, sizeof text);
        value_print(session, &value, 0);
    }
    return true;
}

static void ask(struct session *session)
{
    uint64_t addresses[8];
    const size_t count = symbols_count(session->symbols);
    for (size_t i = 0; i < count && i < PLACES; i++) {
        const struct symbol *symbol = symbols_at(session->symbols, i * (count < PLACES ? 1 : count / PLACES));
        ask_at(session, symbol->address);
        ask_at(session, symbol->address + symbol->size / 2 / 4 * 4);
    }
    for (unsigned line = 1; line < 80; line += 13) {
        unsigned found = dwarf_addresses_of_line("shapes.c", line, addresses, 8);
        check(found <= 8, "too many places");
        for (unsigned i = 0; i < found; i++)
            ask_at(session, addresses[i]);
    }
    types_each(session->types, "", on_type, session);
}

/* The bytes, as a file: read, and asked for all. */
static void try_file(const uint8_t *bytes, size_t size)
{
    struct error error;
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "no file");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct session *session = debugger_session(machine);
    session->out = nowhere;
    if (dwarf_load(session, path, 0, &error))
        ask(session);
    session_free(session);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t changed[FILE_MAX];
    struct feed feed = {data, data + size};
    if (!machine)
        create();
    if (size >= 4 && !memcmp(data, "\177ELF", 4)) {
        try_file(data, size);
        return 0;
    }
    memcpy(changed, whole, whole_bytes);
    /* Some changes only: a file that is wrong everywhere is refused at once. */
    for (unsigned count = 1 + take(&feed, 1) % 8; count-- && feed.at < feed.end;) {
        size_t at = take(&feed, 4) % whole_bytes;
        unsigned length = 1 + take(&feed, 1) % 4;
        for (unsigned i = 0; i < length && at + i < whole_bytes; i++)
            changed[at + i] = (uint8_t)take(&feed, 1);
    }
    try_file(changed, whole_bytes);
    return 0;
}
