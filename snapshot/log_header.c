/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The header of a log, as bytes and back. A file's header is hostile: every count and length is checked. */
#include <stdlib.h>
#include "snapshot/log.h"
#include "snapshot/log_bytes.h"

#define COUNT_MAX 1024u /* of options, files or sources */

void log_header_free(struct log_header *header)
{
    free(header->options);
    free(header->files);
    free(header->sources);
    free(header->text);
    *header = (struct log_header){0};
}

uint8_t *log_header_encode(const struct log_header *header, size_t *length)
{
    struct log_bytes bytes = {0};
    log_bytes_put_string(&bytes, header->program);
    log_bytes_put_number(&bytes, header->option_count);
    for (unsigned i = 0; i < header->option_count; i++) {
        log_bytes_put_string(&bytes, header->options[i].name);
        log_bytes_put_string(&bytes, header->options[i].value);
    }
    log_bytes_put_number(&bytes, header->file_count);
    for (unsigned i = 0; i < header->file_count; i++) {
        log_bytes_put_string(&bytes, header->files[i].what);
        log_bytes_put_number(&bytes, header->files[i].size_bytes);
        log_bytes_put_number(&bytes, header->files[i].hash);
    }
    log_bytes_put_number(&bytes, header->source_count);
    for (unsigned i = 0; i < header->source_count; i++)
        log_bytes_put_string(&bytes, header->sources[i]);
    *length = bytes.used;
    return bytes.at;
}

/* Copies a string to `*text`, which has room for all of the header and a byte for each string's end. */
static const char *take_string(struct log_cursor *from, char **text)
{
    uint64_t length = log_take_number(from);
    if (from->bad || length > (size_t)(from->end - from->at) || memchr(from->at, 0, length)) {
        from->bad = true;
        return "";
    }
    char *string = *text;
    memcpy(string, from->at, length);
    string[length] = 0;
    from->at += length;
    *text += length + 1;
    return string;
}

static unsigned take_count(struct log_cursor *from)
{
    uint64_t count = log_take_number(from);
    if (count > COUNT_MAX)
        from->bad = true;
    return from->bad ? 0 : (unsigned)count;
}

bool log_header_decode(struct log_header *header, const uint8_t *bytes, size_t length)
{
    struct log_cursor from = {bytes, bytes + length, false};
    /* A string of N bytes takes at least N + 1 in the file, which is what it takes in memory. */
    char *text = host_alloc(length + 1, 1);
    *header = (struct log_header){.text = text};
    header->program = take_string(&from, &text);

    header->option_count = take_count(&from);
    header->options = host_alloc(header->option_count + 1, sizeof *header->options);
    for (unsigned i = 0; i < header->option_count && !from.bad; i++) {
        header->options[i].name = take_string(&from, &text);
        header->options[i].value = take_string(&from, &text);
    }
    header->file_count = take_count(&from);
    header->files = host_alloc(header->file_count + 1, sizeof *header->files);
    for (unsigned i = 0; i < header->file_count && !from.bad; i++) {
        header->files[i].what = take_string(&from, &text);
        header->files[i].size_bytes = log_take_number(&from);
        header->files[i].hash = log_take_number(&from);
    }
    header->source_count = take_count(&from);
    header->sources = host_alloc(header->source_count + 1, sizeof *header->sources);
    for (unsigned i = 0; i < header->source_count && !from.bad; i++)
        header->sources[i] = take_string(&from, &text);

    if (!from.bad && from.at == from.end)
        return true;
    log_header_free(header);
    return false;
}
