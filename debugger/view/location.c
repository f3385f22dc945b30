/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Places in code. */
#include "debugger/view/location.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "debugger/session/words.h"
#include "debugger/view/backtrace.h"
#include "debugger/view/dwarf.h"
#include "debugger/view/expression.h"

static bool is_file_and_line(const char *text, char *file, size_t capacity, uint64_t *number)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || !words_number(colon + 1, number) || (size_t)(colon - text) >= capacity ||
        memchr(text, ' ', (size_t)(colon - text)) || *number > UINT32_MAX)
        return false;
    snprintf(file, capacity, "%.*s", (int)(colon - text), text);
    return true;
}

/* A function's name alone means its body, where parameters are what they are. */
static bool function_body(struct session *session, const char *text, uint64_t *address)
{
    const struct symbol *symbol = symbols_find(session->symbols, text);
    return symbol && symbol_is_code(symbol) && dwarf_skip_prologue(symbol->address, address);
}

unsigned location_addresses(struct session *session, const char *text, uint64_t *addresses, unsigned capacity,
                            struct error *error)
{
    char file[1024];
    uint64_t number;
    struct frame frame;
    struct source_line line;
    if (is_file_and_line(text, file, sizeof file, &number)) {
        unsigned count = dwarf_addresses_of_line(file, (unsigned)number, addresses, capacity);
        if (!count)
            error_set(error, "no code of %s, line %u, is known; 'symbols FILE' loads what has lines", file,
                      (unsigned)number);
        return count;
    }
    /* A number alone is a line of the file that is looked at, as long as it could be one. */
    if (words_number(text, &number) && number < 1000000 && isdigit((unsigned char)*text) && text[1] != 'x' &&
        backtrace_frame(session, session->frame, &frame) && location_line(session, frame_code(&frame), &line)) {
        unsigned count = dwarf_addresses_of_line(line.file, (unsigned)number, addresses, capacity);
        if (count)
            return count;
    }
    if (function_body(session, text, addresses))
        return 1;
    if (*text == '*' &&
        (isdigit((unsigned char)text[1]) || text[1] == '(' || text[1] == '$' || isalpha((unsigned char)text[1])))
        text++;
    return expression_location(session, text, addresses, error);
}

bool location_address(struct session *session, const char *text, uint64_t *address, struct error *error)
{
    return location_addresses(session, text, address, 1, error) == 1;
}

bool location_line(struct session *session, uint64_t address, struct source_line *line)
{
    return dwarf_line(address, line, NULL);
}
