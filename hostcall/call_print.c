/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines of --strace. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include "hostcall/call.h"

#define SHOWN_BYTES 40u

struct line {
    char text[2048];
    size_t length;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line->text + line->length, sizeof line->text - line->length, format, arguments);
    va_end(arguments);
    line->length += (size_t)length;
    if (line->length >= sizeof line->text)
        line->length = sizeof line->text - 1;
}

static void add_quoted(struct line *line, const uint8_t *bytes, size_t count, bool more)
{
    add(line, "\"");
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = bytes[i];
        if (byte == '\n')
            add(line, "\\n");
        else if (byte == '"' || byte == '\\')
            add(line, "\\%c", byte);
        else if (isprint(byte))
            add(line, "%c", byte);
        else
            add(line, "\\x%02x", byte);
    }
    add(line, more ? "\"..." : "\"");
}

void call_quote(FILE *to, const void *bytes, size_t count)
{
    struct line line = {.length = 0};
    add_quoted(&line, bytes, count, false);
    fputs(line.text, to);
}

static void add_bytes(struct line *line, const struct call_context *context, uint64_t address, uint64_t bytes)
{
    uint8_t shown[SHOWN_BYTES];
    const size_t count = bytes < SHOWN_BYTES ? (size_t)bytes : SHOWN_BYTES;
    if (address && context->memory.read(context->memory.context, shown, address, count))
        add_quoted(line, shown, count, bytes > count);
    else
        add(line, "%#llx", (unsigned long long)address);
}

static void add_string(struct line *line, const struct call_context *context, uint64_t address)
{
    char text[CALL_PATH_BYTES];
    if (address && call_string(context, address, text, sizeof text) == 0)
        add_quoted(line, (const uint8_t *)text, strlen(text), false);
    else
        add(line, "%#llx", (unsigned long long)address);
}

static void add_arg(struct line *line, const struct call_context *context, const struct call_arg *arg,
                    const uint64_t *args, unsigned index, int64_t result)
{
    const uint64_t value = args[index];
    const bool counted = arg->of && arg->bytes == 1;
    switch (arg->kind) {
    case ARG_VALUE:
    case ARG_LENGTH: add(line, "%lld", (long long)value); break;
    case ARG_I32: add(line, "%d", (int)value); break;
    case ARG_U32: add(line, "%u", (unsigned)value); break;
    case ARG_SIGNAL: {
        const char *name = sigabbrev_np((int)value);
        add(line, name ? "SIG%s" : "%s%d", name ? name : "", (int)value);
        break;
    }
    case ARG_MODE: add(line, "0%llo", (unsigned long long)value); break;
    case ARG_FD: add(line, (int)value == AT_FDCWD ? "AT_FDCWD" : "%d", (int)value); break;
    case ARG_STRING:
    case ARG_PATH: add_string(line, context, value); break;
    case ARG_IN:
        if (counted)
            add_bytes(line, context, value, args[arg->of - 1]);
        else
            add(line, "%#llx", (unsigned long long)value);
        break;
    case ARG_OUT:
        if (counted && result >= 0)
            add_bytes(line, context, value, (uint64_t)result);
        else
            add(line, "%#llx", (unsigned long long)value);
        break;
    default: add(line, "%#llx", (unsigned long long)value); break;
    }
}

void call_print(const struct call_context *context, uint64_t number, const uint64_t *args, int64_t result)
{
    struct line line = {.length = 0};
    add(&line, "%d ", (int)gettid());
    if (context->call)
        add(&line, "%s(", context->call->name);
    else
        add(&line, "call_%llu(", (unsigned long long)number);
    for (unsigned i = 0; i < CALL_MAX_ARGS && context->call && context->call->args[i].kind != ARG_NONE; i++) {
        add(&line, i ? ", " : "");
        add_arg(&line, context, &context->call->args[i], args, i, result);
    }
    if (result < 0 && result > -4096 && strerrorname_np((int)-result))
        add(&line, ") = -1 %s\n", strerrorname_np((int)-result));
    else
        add(&line, ((uint64_t)result > 0xffffff) ? ") = %#llx\n" : ") = %lld\n", (long long)result);
    fputs(line.text, context->trace);
    fflush(context->trace);
}
