/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What --share says: TAG=DIR[,ro][,mapped]. A snapshot or log has no directory, only TAG[,ro][,mapped]. */
#include <string.h>
#include "machine/options.h"

/* Takes the words at the end of a value, and returns where they begin. `least`: they are behind that. */
static size_t take_words(struct share_option *share, const char *value, size_t least)
{
    static const char read_only[] = ",ro", mapped[] = ",mapped";
    size_t end = strlen(value);
    for (const char *word; (word = memrchr(value, ',', end)) && (size_t)(word - value) >= least;) {
        size_t length = (size_t)(value + end - word);
        if (length == strlen(read_only) && !memcmp(word, read_only, length))
            share->read_only = true;
        else if (length == strlen(mapped) && !memcmp(word, mapped, length))
            share->mapped = true;
        else
            break;
        end = (size_t)(word - value);
    }
    return end;
}

bool share_option_add(struct run_options *options, const char *value, struct error *error)
{
    struct share_option share = {""};
    size_t tag = strcspn(value, "=,");
    bool has_path = value[tag] == '=';
    size_t end = take_words(&share, value, tag + has_path), path = has_path ? end - tag - 1 : 0;
    if (tag == 0 || tag >= sizeof share.tag || path >= sizeof share.path || (has_path ? path == 0 : end != tag))
        return error_set(error,
                         "--share expects a tag of up to 31 bytes and a directory, such as work=/srv/work, and behind "
                         "it ',ro' for read-only or ',mapped' (not '%s')",
                         value);
    memcpy(share.tag, value, tag);
    memcpy(share.path, value + tag + has_path, path);
    for (unsigned i = 0; i < options->share_count; i++)
        if (!strcmp(options->shares[i].tag, share.tag))
            return error_set(error, "--share gives the tag '%s' twice", share.tag);
    options->shares[options->share_count++] = share;
    return true;
}
