/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places in code. */
#include "debugger/location.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/command.h"
#include "debugger/dwarf.h"
#include "debugger/expression.h"

static bool file_and_line(const char *text, uint64_t *address, bool *is_one, struct error *error)
{
    const char *colon = strrchr(text, ':');
    char file[1024];
    uint64_t number;
    *is_one = colon && colon != text && command_number(colon + 1, &number) && (size_t)(colon - text) < sizeof file &&
              !memchr(text, ' ', (size_t)(colon - text));
    if (!*is_one)
        return false;
    snprintf(file, sizeof file, "%.*s", (int)(colon - text), text);
    return dwarf_address_of_line(file, (unsigned)number, address) ||
           error_set(error, "no code of %s, line %u, is known; 'symbols FILE' loads what has lines", file,
                     (unsigned)number);
}

bool location_address(struct session *session, const char *text, uint64_t *address, struct error *error)
{
    bool is_line;
    if (file_and_line(text, address, &is_line, error) || is_line)
        return is_line && *address;
    if (*text == '*' &&
        (isdigit((unsigned char)text[1]) || text[1] == '(' || text[1] == '$' || isalpha((unsigned char)text[1])))
        text++;
    return expression_location(session, text, address, error);
}

bool location_line(struct session *session, uint64_t address, struct source_line *line)
{
    return dwarf_line(address, line);
}
