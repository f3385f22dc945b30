/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that look at registers, memory and code, and set them. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/backtrace.h"
#include "debugger/command/command.h"
#include "debugger/view/devices.h"
#include "debugger/view/dwarf.h"
#include "debugger/view/expression.h"
#include "debugger/view/kernel.h"
#include "debugger/view/location.h"

#define FRAMES_MAX 128u

/* --- print, set ------------------------------------------------------------------------------------ */

/* Cuts "/FMT" off the beginning. */
static void cut_format(const char **arguments, char *format, size_t capacity)
{
    size_t used = 0;
    *format = 0;
    if (**arguments != '/')
        return;
    for (++*arguments; **arguments && !isspace((unsigned char)**arguments); ++*arguments)
        if (used + 1 < capacity)
            format[used++] = **arguments;
    format[used] = 0;
    *arguments += strspn(*arguments, " \t");
}

static bool run_print(struct session *session, const char *arguments, struct error *error)
{
    char format[8];
    struct value value;
    cut_format(&arguments, format, sizeof format);
    if (*format && (format[1] || !strchr("xduotcas", *format)))
        return error_set(error, "the formats of print are x d u o t c a s, not '%s'", format);
    if (!*arguments)
        return error_set(error, "print expects an expression");
    if (!expression_evaluate(session, arguments, &value, error))
        return false;
    value_print(session, &value, *format);
    say(session, "\n");
    return true;
}

static bool run_ptype(struct session *session, const char *arguments, struct error *error)
{
    struct value value;
    char text[256];
    const struct type *type;
    kernel_find(session, NULL);
    static const struct {
        const char *word;
        enum type_kind kind;
    } tags[] = {{"struct ", TYPE_STRUCT}, {"union ", TYPE_UNION}, {"enum ", TYPE_ENUM}};
    type = NULL;
    for (unsigned i = 0; i < 3 && !type; i++)
        if (!strncmp(arguments, tags[i].word, strlen(tags[i].word)))
            type = types_find(session->types, tags[i].kind, arguments + strlen(tags[i].word));
    if (!type && !(type = types_find(session->types, TYPE_ALIAS, arguments))) {
        if (!expression_evaluate(session, arguments, &value, error))
            return false;
        type = value.type;
    }
    type_name(type, text, sizeof text);
    type = type_strip(type);
    say(session, "%s, %" PRIu64 " bytes\n", text, type->size);
    if (type->kind == TYPE_POINTER)
        type = type_strip(type->target);
    for (uint32_t i = 0; (type->kind == TYPE_STRUCT || type->kind == TYPE_UNION) && i < type->count; i++) {
        type_name(type->members[i].type, text, sizeof text);
        say(session, "  %5" PRIu64 "  %s %s", type->members[i].bit_offset / 8, text, type->members[i].name);
        say(session, type->members[i].bits ? ": %u\n" : "\n", type->members[i].bits);
    }
    for (uint32_t i = 0; type->kind == TYPE_ENUM && i < type->count; i++)
        say(session, "  %s = %" PRId64 "\n", type->enumerators[i].name, type->enumerators[i].value);
    return true;
}

static bool run_set(struct session *session, const char *arguments, struct error *error)
{
    struct value to, from;
    const char *rest = arguments;
    bool found;
    if (!strncmp(arguments, "var ", 4))
        rest = arguments += 4;
    if (!strchr(arguments, '='))
        return error_set(error, "set expects PLACE = VALUE: a register, a symbol, memory, or DEVICE.FIELD");
    if (devices_set(session, arguments, &found, error))
        return true;
    if (found)
        return false;
    if (!expression_evaluate_part(session, &rest, &to, error))
        return false;
    if (*rest != '=')
        return error_set(error, "expected '=' at '%.20s'", rest);
    return expression_evaluate(session, rest + 1 + strspn(rest + 1, " "), &from, error) &&
           value_assign(session, &to, &from, error);
}

/* --- memory ---------------------------------------------------------------------------------------- */

struct x_format {
    uint64_t count;
    char letter;   /* x d u o t c a s i */
    unsigned size; /* bytes */
};

static bool parse_x_format(const char *text, struct x_format *format, struct error *error)
{
    char *end;
    *format = (struct x_format){1, 'x', 4};
    if (isdigit((unsigned char)*text)) {
        format->count = strtoull(text, &end, 10);
        text = end;
    }
    for (; *text; text++)
        switch (*text) {
        case 'b': format->size = 1; break;
        case 'h': format->size = 2; break;
        case 'w': format->size = 4; break;
        case 'g': format->size = 8; break;
        default:
            if (!strchr("xduotcasi", *text))
                return error_set(error, "x/COUNT and a format (x d u o t c a s i) and a size (b h w g); not '%c'",
                                 *text);
            format->letter = *text;
            if (*text == 'a')
                format->size = 8;
            if (*text == 'c')
                format->size = 1;
        }
    return (format->count && format->count <= 100000) || error_set(error, "from 1 to 100000 at once");
}

/* Memory as `x` names it: virtual, or physical. */
static size_t read_memory(struct session *session, bool physical, uint64_t address, void *to, size_t length)
{
    struct space space = session_space(session);
    if (!physical)
        return space_read(&space, address, to, length);
    const uint8_t *host = ram_at(&session->machine->bus.ram, address, length);
    if (host)
        memcpy(to, host, length);
    return host ? length : 0;
}

static bool not_there(uint64_t address, struct error *error)
{
    return error_set(error, "there is no memory at 0x%llx", (unsigned long long)address);
}

static void disassemble_one(struct session *session, uint64_t address, uint32_t word)
{
    char text[160];
    bool here = address == session_cpu(session)->pc;
    insn_disassemble(word, address, text, sizeof text);
    say(session, "%s ", here ? "=>" : "  ");
    say_address(session, address);
    say(session, ":  %08x  ", word);
    say_in(session, here ? PAINT_STRONG : PAINT_NONE, "%s", text);
    const char *target = strrchr(text, '#');
    if (target && !strncmp(target, "#0x", 3) && strlen(target) > 6) {
        char symbol[160];
        session_symbolize(session, strtoull(target + 1, NULL, 16), symbol, sizeof symbol);
        if (*symbol)
            say(session, "  <%s>", symbol);
    }
    say(session, "\n");
}

static bool x_strings(struct session *session, bool physical, uint64_t *address, uint64_t count, struct error *error)
{
    while (count--) {
        char text[1024];
        size_t length = 0;
        while (length < sizeof text - 1 && read_memory(session, physical, *address + length, text + length, 1) == 1 &&
               text[length])
            length++;
        if (!length && read_memory(session, physical, *address, text, 1) != 1)
            return not_there(*address, error);
        struct value value = {
            .type = type_array_of(type_builtin("char"), (uint32_t)length), .in_memory = true, .address = *address};
        say_address(session, *address);
        say(session, ":  ");
        if (physical) {
            text[length] = 0;
            say(session, "\"%s\"\n", text);
        } else {
            value_print(session, &value, 0);
            say(session, "\n");
        }
        *address += length + 1;
    }
    return true;
}

static bool x_numbers(struct session *session, bool physical, uint64_t *address, const struct x_format *format,
                      struct error *error)
{
    unsigned columns = format->letter == 'a'   ? 1
                       : format->letter == 't' ? 2
                       : 16 / format->size > 8 ? 8
                                               : 16 / format->size;
    for (uint64_t i = 0; i < format->count; i++) {
        uint64_t number = 0;
        if (read_memory(session, physical, *address, &number, format->size) != format->size) {
            if (i)
                say(session, "\n");
            return not_there(*address, error);
        }
        if (i % columns == 0) {
            say(session, i ? "\n" : "");
            say_address(session, *address);
            say(session, ":");
        }
        struct value value = {.type = type_integer(format->size, format->letter == 'd'), .number = number};
        say(session, "  ");
        if (format->letter == 'x')
            say(session, "0x%0*" PRIx64, (int)format->size * 2, number);
        else
            value_print(session, &value, format->letter);
        *address += format->size;
    }
    say(session, "\n");
    return true;
}

static bool x_insns(struct session *session, bool physical, uint64_t *address, uint64_t count, struct error *error)
{
    for (*address &= ~3ull; count--; *address += 4) {
        uint32_t word;
        if (read_memory(session, physical, *address, &word, sizeof word) != sizeof word)
            return not_there(*address, error);
        disassemble_one(session, *address, word);
    }
    return true;
}

static bool run_x(struct session *session, const char *arguments, struct error *error)
{
    char text[16];
    struct x_format format;
    cut_format(&arguments, text, sizeof text);
    if (*text)
        snprintf(session->x_format, sizeof session->x_format, "%s", text);
    if (!parse_x_format(session->x_format, &format, error)) {
        *session->x_format = 0;
        return false;
    }
    static bool physical;
    uint64_t address = session->x_next;
    if (*arguments) {
        physical = !strncmp(arguments, "phys:", 5);
        if (!expression_location(session, arguments + (physical ? 5 : 0), &address, error))
            return false;
    }
    bool good = format.letter == 's'   ? x_strings(session, physical, &address, format.count, error)
                : format.letter == 'i' ? x_insns(session, physical, &address, format.count, error)
                                       : x_numbers(session, physical, &address, &format, error);
    session->x_next = address;
    return good;
}

static bool run_disassemble(struct session *session, const char *arguments, struct error *error)
{
    uint64_t address = session_cpu(session)->pc, start, end;
    const char *comma = strchr(arguments, ',');
    if (comma) {
        char first[512];
        snprintf(first, sizeof first, "%.*s", (int)(comma - arguments), arguments);
        uint64_t count;
        if (!expression_location(session, first, &start, error))
            return false;
        comma++;
        bool relative = *(comma + strspn(comma, " ")) == '+';
        if (!expression_location(session, comma, &count, error))
            return false;
        end = relative ? start + count : count;
    } else {
        if (*arguments && !expression_location(session, arguments, &address, error))
            return false;
        if (!session_function(session, address, &start, &end)) {
            start = address & ~3ull;
            end = start + 64;
        }
    }
    if (end <= start || end - start > 1u << 20)
        return error_set(error, "disassemble expects a place, or FROM,TO, or FROM,+BYTES");
    return x_insns(session, false, &start, (end - start + 3) / 4, error);
}

/* --- stacks ---------------------------------------------------------------------------------------- */

static bool run_backtrace(struct session *session, const char *arguments, struct error *error)
{
    struct frame frames[FRAMES_MAX];
    struct space space = session_space(session);
    uint64_t pid;
    if (*arguments && !words_number(arguments, &pid))
        return error_set(error, "backtrace expects nothing, or the number of a process");
    kernel_find(session, NULL);
    if (*arguments)
        return kernel_backtrace(session, pid, error);
    backtrace_print(session, frames, backtrace_of_cpu(session, &space, frames, FRAMES_MAX));
    return true;
}

static bool load_symbols(struct session *session, const char *path, uint64_t bias, struct error *error)
{
    FILE *file = fopen(path, "re");
    char magic[4] = "";
    if (file) {
        size_t got = fread(magic, 1, sizeof magic, file);
        fclose(file);
        if (got == sizeof magic && !memcmp(magic, "\177ELF", 4))
            return dwarf_load(session, path, bias, error);
    }
    return symbols_read_map(session->symbols, path, error);
}

bool command_symbols(struct session *session, const char *path, struct error *error)
{
    return load_symbols(session, path, 0, error);
}

static bool run_symbols(struct session *session, const char *arguments, struct error *error)
{
    char path[1024];
    uint64_t bias = 0;
    if (!words_cut(&arguments, path, sizeof path)) {
        struct error why = {""};
        bool found = kernel_find(session, &why);
        say(session, "%zu symbols, %u types", symbols_count(session->symbols), types_count(session->types));
        if (found)
            say(session, "; the guest's kernel at 0x%" PRIx64 " (physical 0x%" PRIx64 "), found in %.1f ms\n",
                session->kernel->text, session->kernel->physical, (double)session->kernel->search_ns / 1e6);
        else
            say(session, "; %s\n", why.text);
        return true;
    }
    if (*arguments && !expression_number(session, arguments, &bias, error))
        return false;
    return load_symbols(session, path, bias, error);
}

const struct command commands_see[] = {
    {"print", "[/FMT] EXPRESSION", COMPLETES_EXPRESSION, run_print,
     "Print a value: registers, symbols, memory, fields of structures, arithmetic. Formats: x d u o t c a s.",
     "p inspect"},
    {"ptype", "TYPE|EXPRESSION", COMPLETES_EXPRESSION, run_ptype, "Show a type and its members with their offsets."},
    {"set", "PLACE = VALUE", COMPLETES_PLACE, run_set, "Set a register, memory, or the field of a device."},
    {"x", "[/COUNT FMT SIZE] ADDRESS", COMPLETES_EXPRESSION, run_x,
     "Show memory; phys:ADDRESS is physical. Formats x d u o t c a s i (instructions), sizes b h w g."},
    {"disassemble", "[LOCATION | FROM,TO]", COMPLETES_EXPRESSION, run_disassemble,
     "Show a function's instructions, or some.", "disas"},
    {"backtrace", "[PID]", COMPLETES_NOTHING, run_backtrace, "Show the stack of calls of the CPU, or of a process.",
     "bt where"},
    {"symbols", "[FILE [OFFSET]]", COMPLETES_FILE, run_symbols,
     "Load symbols: an ELF file (with DWARF, if it has it) or a System.map. Without a file: what is known.", "file"},
    {0},
};
