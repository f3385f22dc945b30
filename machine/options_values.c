/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the values of options are made of: numbers, sizes, times, words, names of files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/clock.h"
#include "machine/options_values.h"

bool option_number(const char *text, uint64_t maximum, uint64_t *value, const char **end)
{
    bool hexadecimal = text[0] == '0' && text[1] == 'x';
    const char *digits = hexadecimal ? "0123456789abcdefABCDEF" : "0123456789";
    const char *first = hexadecimal ? text + 2 : text;
    if (!*first || !strchr(digits, *first))
        return false;
    char *after;
    errno = 0;
    *value = strtoull(text, &after, hexadecimal ? 16 : 10);
    *end = after;
    return errno == 0 && *value <= maximum;
}

bool option_whole_number(const char *text, uint64_t maximum, uint64_t *value)
{
    const char *end;
    return option_number(text, maximum, value, &end) && !*end;
}

bool option_size(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *bytes)
{
    uint64_t number;
    const char *unit;
    if (!option_number(text, maximum >> 20, &number, &unit) || (strcmp(unit, "M") && strcmp(unit, "G")))
        return false;
    uint64_t size = number << (*unit == 'M' ? 20 : 30);
    if (size < minimum || size > maximum)
        return false;
    *bytes = size;
    return true;
}

int option_find_word(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (int index = 0; *words; index++) {
        size_t word = strcspn(words, " ");
        if (word == length && !memcmp(words, text, length))
            return index;
        words += word + strspn(words + word, " ");
    }
    return -1;
}

void option_word_at(const char *words, unsigned index, char *word, size_t size)
{
    while (index--)
        words += strcspn(words, " ") + 1;
    snprintf(word, size, "%.*s", (int)strcspn(words, " "), words);
}

bool option_path(const char **path, const char *what, const char *value, struct error *error)
{
    if (!*value)
        return error_set(error, "%s expects the name of a file", what);
    *path = value;
    return true;
}

bool option_word(unsigned *choice, const char *what, const char *words, const char *value, struct error *error)
{
    int found = option_find_word(words, value);
    if (found < 0)
        return error_set(error, "%s expects one of: %s (not '%s')", what, words, value);
    *choice = (unsigned)found;
    return true;
}
