/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Verdicts as XML. */
#include "debugger/front/junit.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What XML 1.0 has no character for is left out. */
static void put_byte(FILE *to, int byte)
{
    switch (byte) {
    case '&': fputs("&amp;", to); break;
    case '<': fputs("&lt;", to); break;
    case '>': fputs("&gt;", to); break;
    case '"': fputs("&quot;", to); break;
    case '\n':
    case '\t': putc(byte, to); break;
    default:
        if (byte >= 0x20 && byte < 0x7f)
            putc(byte, to);
        else if (byte >= 0x80)
            putc('?', to);
    }
}

static void put_text(FILE *to, const char *text)
{
    for (; *text; text++)
        put_byte(to, (unsigned char)*text);
}

static void put_file(FILE *to, const char *path)
{
    FILE *from = fopen(path, "re");
    for (int byte; from && (byte = getc(from)) != EOF;)
        put_byte(to, byte);
    if (from)
        fclose(from);
}

static void put_case(FILE *to, const struct junit_case *one)
{
    fputs("  <testcase name=\"", to);
    put_text(to, one->name);
    fprintf(to, "\" time=\"%.3f\">\n", one->seconds);
    if (!one->passed) {
        fputs("    <failure message=\"", to);
        put_text(to, one->message);
        fputs("\"/>\n", to);
    }
    fputs("    <system-out>", to);
    put_file(to, one->output);
    fputs("</system-out>\n  </testcase>\n", to);
}

bool junit_write(const char *path, const struct junit_case *cases, unsigned count, struct error *error)
{
    FILE *to = fopen(path, "we");
    unsigned failed = 0;
    if (!to)
        return error_set(error, "%s cannot be written: %s", path, strerror(errno));
    for (unsigned i = 0; i < count; i++)
        failed += !cases[i].passed;
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"armature\" tests=\"%u\" failures=\"%u\">\n",
            count, failed);
    for (unsigned i = 0; i < count; i++)
        put_case(to, &cases[i]);
    fputs("</testsuite>\n", to);
    bool good = !ferror(to);
    good = !fclose(to) && good;
    return good || error_set(error, "%s cannot be written: %s", path, strerror(errno));
}
