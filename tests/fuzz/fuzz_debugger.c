/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: what the debugger reads of others. The first byte chooses: expressions and commands, BTF, a kernel's
 * symbol table, lines of a System.map, and what peers send to the gdb server and to the control socket. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "debugger/front/channel.h"
#include "debugger/command/command.h"
#include "debugger/debugger.h"
#include "debugger/view/expression.h"
#include "debugger/symbols/kallsyms.h"
#include "interp/interp.h"
#include "machine/inputs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { EXPRESSION, BTF, KALLSYMS, MAP, GDB, CONTROL, KINDS };

static struct machine *machine;
static struct session *session;
static char paths[2][64];

static bool save(struct machine *of, const char *path, struct error *error)
{
    return error_set(error, "nothing is saved here");
}

/* A machine whose program is zeroes, so that it takes exceptions for ever, and which halts again and again. */
static void create(void)
{
    static struct run_options options;
    static const struct session_hooks hooks = {.save = save};
    struct error error;
    run_options_default(&options);
    options.memory_bytes = 16ull << 20;
    options.clock = CLOCK_CHOICE_VIRTUAL;
    options.serial.kind = SERIAL_NONE;
    machine = machine_create(&options, &interp_engine, &error);
    if (!machine || !(session = debugger_create(machine, &hooks, false, &error)))
        abort();
    machine_reset(machine);
    machine->cpus[0]->wait = WAIT_NONE;
    session->out = fopen("/dev/null", "w");
    for (unsigned i = 0; i < 2; i++) {
        char where[160];
        snprintf(paths[i], sizeof paths[i], "/tmp/armature-fuzz-%d-%u", (int)getpid(), i);
        snprintf(where, sizeof where, "unix:%s", paths[i]);
        if (!channel_open(session, "fuzz", where, i ? &control_channel : &gdb_channel, &error))
            abort();
    }
}

static void send_to(unsigned which, const uint8_t *data, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, paths[which]);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        abort();
    machine->loop.halt_at_ns = machine->loop.now_ns;
    inputs_poll(machine->inputs, 0);
    ssize_t sent = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent;
    for (unsigned i = 0; i < 4; i++)
        inputs_poll(machine->inputs, 0);
    close(fd);
    for (unsigned i = 0; i < 2; i++)
        inputs_poll(machine->inputs, 0);
    session->quit = session->go_on = false;
}

/* Commands that end the machine, or read and write whatever files a line may name: each by the letters that no shorter
 * form of its name is without. */
static bool touches_files(const char *line)
{
    static const char *const parts[] = {"q", "sa", "so", "res", "rec", "dif", "cov", "tr", "pro", "scr", "sys", "str"};
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(line, parts[i]))
            return true;
    return false;
}

static bool take_symbol(void *context, uint64_t address, char letter, const char *name)
{
    return strlen(name) < 4096;
}

/* Random bytes are rarely packets: their sums are made right, and the bytes those that packets are made of. */
static void send_packets(const uint8_t *data, size_t size)
{
    static const char letters[] = "?gGpPmMXcsbHTZzqQvD0123456789abcdef,:;=-";
    uint8_t packet[256] = "$", sum = 0;
    size_t length = 1;
    for (size_t i = 0; i < size && length < sizeof packet - 4; i++) {
        uint8_t byte = i < 2 || data[0] & 1 ? (uint8_t)letters[data[i] % (sizeof letters - 1)] : data[i];
        if (byte == '#' || byte == '$')
            continue;
        packet[length++] = byte;
        sum = (uint8_t)(sum + byte);
    }
    snprintf((char *)packet + length, 4, "#%02x", sum);
    send_to(0, packet, length + 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!machine)
        create();
    if (size < 2)
        return 0;
    const enum kind kind = data[0] % KINDS;
    struct error error;
    data++;
    size--;
    char *text = strndup((const char *)data, size);
    switch (kind) {
    case EXPRESSION: {
        struct value value;
        if (expression_evaluate(session, text, &value, &error))
            value_print(session, &value, 0);
        break;
    }
    case BTF: {
        struct types *types = types_from_btf(data, size, &error);
        if (types) {
            const struct type *type = types_find(types, TYPE_STRUCT, "s");
            struct types *was = session->types;
            session->types = types;
            if (type) {
                struct value value = {.type = type, .in_memory = true, .address = machine->bus.ram.base};
                value_print(session, &value, 0);
            }
            session->types = was;
            types_free(types);
        }
        break;
    }
    case KALLSYMS: {
        size_t tokens = size / 2;
        kallsyms_read(data, size, &tokens, take_symbol, NULL, &error);
        break;
    }
    case MAP: {
        struct symbols *symbols = symbols_create();
        symbols_read_map_line(symbols, text);
        symbols_sort(symbols);
        symbols_around(symbols, size);
        symbols_free(symbols);
        break;
    }
    case GDB:
        send_packets(data, size);
        break;
    case CONTROL:
        if (!touches_files(text))
            send_to(1, data, size);
        break;
    case KINDS: break;
    }
    free(text);
    return 0;
}
