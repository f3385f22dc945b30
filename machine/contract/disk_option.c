/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a user names a disk. */
#include "machine/contract/disk_option.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool take_text(char *to, size_t room, const char *from, size_t length)
{
    if (length == 0 || length >= room)
        return false;
    memcpy(to, from, length);
    to[length] = 0;
    return true;
}

static const char *const attachments[] = {"bus=virtio", "bus=nvme", "bus=scsi", "bus=cd"};

/* One word behind a comma; false: it is none that is known, so it belongs to the file's name. */
static bool take_word(struct disk_option *option, const char *word, size_t length)
{
    static const char over[] = "overlay=", snapshot[] = "snapshot=";
    char text[32] = "";
    take_text(text, sizeof text, word, length);
    if (!strcmp(text, "ro") || !strcmp(text, "overlay")) {
        *(text[0] == 'r' ? &option->read_only : &option->overlay) = true;
        return true;
    }
    if (!strcmp(text, "format=raw") || !strcmp(text, "format=qcow2")) {
        option->format = text[7] == 'r' ? DISK_FORMAT_RAW : DISK_FORMAT_QCOW2;
        return true;
    }
    for (unsigned i = DISK_ATTACH_VIRTIO; i <= DISK_ATTACH_CD; i++)
        if (!strcmp(text, attachments[i])) {
            option->attachment = i;
            return true;
        }
    if (!strncmp(word, over, sizeof over - 1))
        return take_text(option->overlay_path, sizeof option->overlay_path, word + sizeof over - 1,
                         length - (sizeof over - 1));
    if (!strncmp(word, snapshot, sizeof snapshot - 1))
        return take_text(option->snapshot, sizeof option->snapshot, word + sizeof snapshot - 1,
                         length - (sizeof snapshot - 1));
    return false;
}

static bool check_together(const struct disk_option *option, const char *text, const char *what, struct error *error)
{
    if (option->read_only && (option->overlay || option->overlay_path[0]))
        return error_set(error, "%s: what is only read needs no overlay (not '%s')", what, text);
    if (option->layout != DISK_LAYOUT_PLAIN &&
        (!strchr(option->path, '+') || option->overlay_path[0] || option->snapshot[0]))
        return error_set(error, "%s: stripe: and mirror: are of several images, with + between them, and take neither "
                         "overlay=FILE nor snapshot=NAME (not '%s')", what, text);
    if (option->attachment == DISK_ATTACH_CD && !option->read_only)
        return error_set(error, "%s: a CD is only read: add ,ro (not '%s')", what, text);
    if (option->snapshot[0] && option->format == DISK_FORMAT_RAW)
        return error_set(error, "%s: a raw image has no snapshots (not '%s')", what, text);
    return true;
}

bool disk_option_parse(const char *text, struct disk_option *option, const char *what, struct error *error)
{
    static const char *const layouts[] = {[DISK_LAYOUT_STRIPE] = "stripe:", [DISK_LAYOUT_MIRROR] = "mirror:"};
    const char *start = text;
    *option = (struct disk_option){.layout = DISK_LAYOUT_PLAIN};
    for (unsigned i = DISK_LAYOUT_STRIPE; i <= DISK_LAYOUT_MIRROR; i++)
        if (!strncmp(text, layouts[i], strlen(layouts[i]))) {
            option->layout = i;
            start = text + strlen(layouts[i]);
        }
    /* From the end: a name may hold commas. */
    size_t length = strlen(start);
    for (const char *comma; (comma = memrchr(start, ',', length)) != NULL; length = (size_t)(comma - start))
        if (!take_word(option, comma + 1, (size_t)(start + length - comma - 1)))
            break;
    if (!take_text(option->path, sizeof option->path, start, length))
        return error_set(error, "%s expects the name of a file, and behind it, after commas, any of: " DISK_OPTION_WORDS
                         " (not '%s')", what, text);
    if (option->snapshot[0] && !option->overlay)
        option->read_only = true;
    return check_together(option, text, what, error);
}

void disk_option_words(const struct disk_option *option, char *text, size_t room)
{
    static const char *const formats[] = {"", ",format=raw", ",format=qcow2"};
    snprintf(text, room, "%s%s%s%s%s%s%s", formats[option->format], option->attachment ? "," : "",
             option->attachment ? attachments[option->attachment] : "", option->snapshot[0] ? ",snapshot=" : "",
             option->snapshot, option->overlay_path[0] ? ",overlay=" : "", option->overlay_path);
}

bool disk_size_parse(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 18)
        return false;
    *bytes = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    if (*end && (!unit || end[1]))
        return false;
    if (*bytes == 0 || *bytes > UINT64_MAX >> shift >> 8)
        return false;
    *bytes <<= shift;
    return true;
}
