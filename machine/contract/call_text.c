/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls as text. */
#include "machine/contract/call_text.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES      40u
#define STRING_BYTES     512u
#define SHOWN_STRINGS    32u
#define PART_BYTES       256u /* what is read at once lies within a page */

/* The bits of open() on AArch64: include/uapi/asm-generic/fcntl.h and arch/arm64/include/uapi/asm/fcntl.h. Those of
 * several bits come first. */
static const struct {
    uint64_t bits;
    const char *name;
} open_bits[] = {
    {04010000, "O_SYNC"},     {020040000, "O_TMPFILE"}, {01, "O_WRONLY"},          {02, "O_RDWR"},
    {0100, "O_CREAT"},        {0200, "O_EXCL"},         {0400, "O_NOCTTY"},        {01000, "O_TRUNC"},
    {02000, "O_APPEND"},      {04000, "O_NONBLOCK"},    {010000, "O_DSYNC"},       {020000, "O_ASYNC"},
    {040000, "O_DIRECTORY"},  {0100000, "O_NOFOLLOW"},  {0200000, "O_DIRECT"},     {0400000, "O_LARGEFILE"},
    {01000000, "O_NOATIME"},  {02000000, "O_CLOEXEC"},  {010000000, "O_PATH"},
};

void call_text_add(struct call_text *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line->text + line->length, sizeof line->text - line->length, format, arguments);
    va_end(arguments);
    line->length += (size_t)length;
    if (line->length >= sizeof line->text)
        line->length = sizeof line->text - 1;
}

static void add_hex(struct call_text *line, uint64_t value)
{
    call_text_add(line, "%#llx", (unsigned long long)value);
}

void call_text_quote(struct call_text *line, const void *bytes, size_t count, bool more)
{
    call_text_add(line, "\"");
    for (size_t i = 0; i < count; i++) {
        const uint8_t byte = ((const uint8_t *)bytes)[i];
        if (byte == '\n')
            call_text_add(line, "\\n");
        else if (byte == '"' || byte == '\\')
            call_text_add(line, "\\%c", byte);
        else if (isprint(byte))
            call_text_add(line, "%c", byte);
        else
            call_text_add(line, "\\x%02x", byte);
    }
    call_text_add(line, more ? "\"..." : "\"");
}

static void add_bytes(struct call_text *line, uint64_t address, uint64_t bytes)
{
    uint8_t shown[SHOWN_BYTES];
    const size_t count = bytes < SHOWN_BYTES ? (size_t)bytes : SHOWN_BYTES;
    if (address && line->read(line->context, shown, address, count))
        call_text_quote(line, shown, count, bytes > count);
    else
        add_hex(line, address);
}

static void add_string(struct call_text *line, uint64_t address)
{
    uint8_t text[STRING_BYTES];
    size_t length = 0;
    while (address && length < sizeof text) {
        size_t part = PART_BYTES - (size_t)((address + length) % PART_BYTES);
        if (part > sizeof text - length)
            part = sizeof text - length;
        if (!line->read(line->context, text + length, address + length, part))
            break;
        const uint8_t *end = memchr(text + length, 0, part);
        if (end) {
            call_text_quote(line, text, (size_t)(end - text), false);
            return;
        }
        length += part;
    }
    if (length)
        call_text_quote(line, text, length, true);
    else
        add_hex(line, address);
}

static void add_strings(struct call_text *line, uint64_t address)
{
    uint64_t at = 0;
    unsigned count = 0;
    if (!address || !line->read(line->context, &at, address, sizeof at)) {
        add_hex(line, address);
        return;
    }
    call_text_add(line, "[");
    while (at && count < SHOWN_STRINGS) {
        call_text_add(line, count ? ", " : "");
        add_string(line, at);
        if (!line->read(line->context, &at, address + ++count * sizeof at, sizeof at))
            break;
    }
    call_text_add(line, at ? ", ...]" : "]");
}

static void add_open_bits(struct call_text *line, uint64_t value)
{
    const char *between = "";
    if (!(value & 3)) {
        call_text_add(line, "O_RDONLY");
        between = "|";
    }
    for (unsigned i = 0; i < sizeof open_bits / sizeof *open_bits; i++) {
        if ((value & open_bits[i].bits) != open_bits[i].bits)
            continue;
        call_text_add(line, "%s%s", between, open_bits[i].name);
        value &= ~open_bits[i].bits;
        between = "|";
    }
    if (value)
        call_text_add(line, "%s%#llx", between, (unsigned long long)value);
}

bool call_text_is_written(const struct call_arg *kind)
{
    return kind->kind == ARG_OUT && kind->of && kind->bytes == 1 && !kind->pointed;
}

bool call_text_is_read(const struct call_arg *kind)
{
    return kind->kind == ARG_STRING || kind->kind == ARG_PATH || (kind->kind == ARG_IN && kind->of && kind->bytes == 1);
}

void call_text_arg(struct call_text *line, const struct call_arg *kinds, const uint64_t *args, unsigned index,
                   bool over, int64_t result)
{
    const struct call_arg *arg = &kinds[index];
    const uint64_t value = args[index];
    switch (arg->kind) {
    case ARG_VALUE:
    case ARG_LENGTH: call_text_add(line, "%lld", (long long)value); break;
    case ARG_I32: call_text_add(line, "%d", (int)value); break;
    case ARG_U32: call_text_add(line, "%u", (unsigned)value); break;
    case ARG_SIGNAL: {
        const char *name = sigabbrev_np((int)value);
        call_text_add(line, name ? "SIG%s" : "%s%d", name ? name : "", (int)value);
        break;
    }
    case ARG_MODE: call_text_add(line, "0%llo", (unsigned long long)value); break;
    case ARG_FD: call_text_add(line, (int)value == AT_FDCWD ? "AT_FDCWD" : "%d", (int)value); break;
    case ARG_STRING:
    case ARG_PATH: add_string(line, value); break;
    case ARG_STRINGS: add_strings(line, value); break;
    case ARG_CONSTANTS:
        if (arg->of == CONSTANTS_open)
            add_open_bits(line, value);
        else
            add_hex(line, value);
        break;
    case ARG_IN:
        if (arg->of && arg->bytes == 1 && !arg->pointed)
            add_bytes(line, value, args[arg->of - 1]);
        else
            add_hex(line, value);
        break;
    case ARG_OUT:
        if (call_text_is_written(arg) && over && result >= 0)
            add_bytes(line, value, (uint64_t)result);
        else
            add_hex(line, value);
        break;
    default: add_hex(line, value); break;
    }
}

void call_text_result(struct call_text *line, int64_t result)
{
    if (result < 0 && result > -4096 && strerrorname_np((int)-result))
        call_text_add(line, " = -1 %s", strerrorname_np((int)-result));
    else
        call_text_add(line, (uint64_t)result > 0xffffff ? " = %#llx" : " = %lld", (long long)result);
}
