/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How packets of gdb's protocol are written: $TEXT#SUM, bytes in hexadecimal. */
#include "debugger/front/gdb.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- text ------------------------------------------------------------------------------------------ */

void gdb_send(struct channel *channel, const char *text, size_t length)
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

void gdb_reply(struct channel *channel, const char *text)
{
    gdb_send(channel, text, strlen(text));
}

void gdb_to_hex(char *to, const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        to[2 * i] = digits[((const uint8_t *)bytes)[i] >> 4];
        to[2 * i + 1] = digits[((const uint8_t *)bytes)[i] & 15];
    }
    to[2 * length] = 0;
}

int gdb_digit(char byte)
{
    return isdigit((unsigned char)byte) ? byte - '0' : isxdigit((unsigned char)byte) ? tolower(byte) - 'a' + 10 : -1;
}

/* Up to `capacity` bytes; returns how many, or SIZE_MAX where it is no hexadecimal or too long. */
size_t gdb_from_hex(const char *text, uint8_t *bytes, size_t capacity)
{
    size_t count = 0;
    for (; *text; text += 2, count++) {
        if (gdb_digit(text[0]) < 0 || gdb_digit(text[1]) < 0 || count == capacity)
            return SIZE_MAX;
        bytes[count] = (uint8_t)(gdb_digit(text[0]) << 4 | gdb_digit(text[1]));
    }
    return count;
}

/* Reads a hexadecimal number and what must stand behind it ('\0': anything). */
bool gdb_take_number(const char **text, uint64_t *number, char behind)
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
