/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parses JSON: objects, lists, strings with escapes, numbers, words; sums up what it finds. */
#include <stdio.h>
#include <string.h>
#include "../kernel.h"

#define RECORDS 120

static char text[RECORDS * 240];

static void prepare(void)
{
    char words[RECORDS * 40], *to = text;
    text_make(words, sizeof words);
    for (unsigned i = 0; i < sizeof words; i++)
        if (words[i] == '\n')
            words[i] = '/';
    to += sprintf(to, "[");
    for (unsigned i = 0; i < RECORDS; i++) {
        uint32_t random = random_next();
        to +=
            sprintf(to,
                    "%s\n  {\"id\": %u, \"name\": \"%.20s\\n\", \"at\": [%d, -%u.%03u, %ue2],\n"
                    "   \"note\": \"\\u0041%.16s\\\"\", \"on\": %s, \"up\": null, \"in\": {\"deep\": [[], {}, [%u]]}}",
                    i ? "," : "", i, words + i * 40, (int)random >> 8, random % 997, random % 1000, random % 100,
                    words + i * 40 + 20, i % 3 ? "true" : "false", i);
    }
    sprintf(to, "]\n");
}

static const char *skip(const char *at)
{
    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

/* Behind the string that starts at `at`; NULL: it is none. */
static const char *string(const char *at, uint64_t *sum)
{
    uint32_t hash = 0;
    for (at++; *at != '"'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c < ' ')
            return NULL;
        if (c == '\\') {
            switch (*++at) {
            case 'n': c = '\n'; break;
            case 't': c = '\t'; break;
            case 'u':
                c = 0;
                for (unsigned i = 0; i < 4; i++) {
                    char digit = *++at;
                    c = (unsigned char)(c * 16 + (digit <= '9' ? digit - '0' : (digit | 32) - 'a' + 10));
                }
                break;
            default: c = (unsigned char)*at;
            }
        }
        hash = hash * 31 + c;
    }
    *sum = mix(*sum, hash);
    return at + 1;
}

static const char *number(const char *at, uint64_t *sum)
{
    int negative = *at == '-', point = 0, exponent = 0;
    uint64_t digits = 0;
    for (at += negative; (*at >= '0' && *at <= '9') || (*at == '.' && !point); at++)
        if (*at == '.')
            point = 1;
        else
            digits = digits * 10 + (uint64_t)(*at - '0');
    if (*at == 'e' || *at == 'E')
        for (at++; *at >= '0' && *at <= '9'; at++)
            exponent = exponent * 10 + *at - '0';
    *sum = mix(*sum, digits * 4 + (uint64_t)(point * 2 + negative + exponent * 1000));
    return at;
}

static const char *value(const char *at, uint64_t *sum)
{
    at = skip(at);
    if (*at == '"')
        return string(at, sum);
    if (*at == '-' || (*at >= '0' && *at <= '9'))
        return number(at, sum);
    if (!strncmp(at, "true", 4) || !strncmp(at, "null", 4)) {
        *sum = mix(*sum, (uint64_t)*at);
        return at + 4;
    }
    if (!strncmp(at, "false", 5))
        return at + 5;
    if (*at != '[' && *at != '{')
        return NULL;
    char end = *at == '[' ? ']' : '}';
    at = skip(at + 1);
    if (*at == end)
        return at + 1;
    for (unsigned count = 1;; count++) {
        if (end == '}') {
            at = skip(at);
            at = *at == '"' ? string(at, sum) : NULL;
            if (!at || *(at = skip(at)) != ':')
                return NULL;
            at++;
        }
        at = value(at, sum);
        if (!at)
            return NULL;
        at = skip(at);
        if (*at == end) {
            *sum = mix(*sum, count);
            return at + 1;
        }
        if (*at++ != ',')
            return NULL;
    }
}

static uint64_t run(unsigned round)
{
    uint64_t sum = round;
    must(value(text, &sum) != NULL, "json: it does not parse");
    return sum;
}

KERNEL("json", "integer", 5400)
