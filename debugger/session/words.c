/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words of a line. */
#include "debugger/session/words.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

bool words_cut(const char **arguments, char *word, size_t capacity)
{
    const char *at = *arguments;
    size_t used = 0;
    while (isspace((unsigned char)*at))
        at++;
    if (!*at)
        return false;
    bool quoted = *at == '"';
    at += quoted;
    while (*at && (quoted ? *at != '"' : !isspace((unsigned char)*at))) {
        char byte = *at++;
        if (quoted && byte == '\\' && *at) {
            byte = *at++;
            byte = byte == 'n' ? '\n' : byte == 'r' ? '\r' : byte == 't' ? '\t' : byte;
        }
        if (used + 1 < capacity)
            word[used++] = byte;
    }
    if (quoted && *at == '"')
        at++;
    while (isspace((unsigned char)*at))
        at++;
    word[used] = 0;
    *arguments = at;
    return true;
}

bool words_end(const char *arguments, struct error *error)
{
    return !*arguments || error_set(error, "'%.60s' is too much", arguments);
}

bool words_number(const char *text, uint64_t *number)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    *number = strtoull(text, &end, 0);
    return !*end && !errno;
}
