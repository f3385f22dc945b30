/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots, and machines that move. A group of the table of options. */
#include <string.h>
#include "machine/options_values.h"

/* The next snapshot to be written. */
static struct save_option *next_save(struct run_options *options, const char *path, struct error *error)
{
    if (options->save_count == MAX_SAVES) {
        error_set(error, "--save-at, --save-on and --migrate-on can be given %u times at most", MAX_SAVES);
        return NULL;
    }
    struct save_option *save = &options->saves[options->save_count];
    *save = (struct save_option){.path = NULL};
    if (!option_path(&save->path, "--save-at or --save-on", path, error))
        return NULL;
    options->save_count++;
    return save;
}

static bool take_save_at(struct run_options *options, const char *first, const char *second, struct error *error)
{
    uint64_t number;
    if (!option_whole_number(first, UINT64_MAX - 1, &number) || number == 0)
        return error_set(error,
                         "--save-at expects a number of instructions and a file, such as 50000000 base.snap (not '%s')",
                         first);
    struct save_option *save = next_save(options, second, error);
    if (save)
        save->at_insns = number;
    return save != NULL;
}

static bool take_save_on(struct run_options *options, const char *first, const char *second, struct error *error)
{
    if (!*first)
        return error_set(error,
                         "--save-on expects a text that the guest will print, and a file, such as login: base.snap");
    struct save_option *save = next_save(options, second, error);
    if (save)
        save->text = first;
    return save != NULL;
}

static bool take_migrate_on(struct run_options *options, const char *first, const char *second, struct error *error)
{
    if (!*first || strncmp(second, "tcp:", 4))
        return error_set(error, "--migrate-on expects a text that the guest will print, and a place, such as login: "
                         "tcp:127.0.0.1:4444");
    struct save_option *save = next_save(options, second, error);
    if (save) {
        save->text = first;
        save->moves = true;
    }
    return save != NULL;
}

static bool take_incoming(struct run_options *options, const char *value, struct error *error)
{
    if (strncmp(value, "tcp:", 4))
        return error_set(error, "--incoming expects a place, such as tcp:127.0.0.1:4444 (not '%s')", value);
    options->incoming = value;
    return true;
}

const struct cli_option options_snapshot[] = {
    {"--save-at", "N FILE", NULL, true,
     "Write a snapshot of the whole machine there when the first processor has run N instructions, and go on.",
     .take_pair = take_save_at},
    {"--save-on", "TEXT FILE", NULL, true,
     "Write a snapshot there when the guest has printed TEXT on its serial line or console, and go on.",
     .take_pair = take_save_on},
    {"--compress", NULL, NULL, false,
     "Compress the memory in the snapshots that are written. They are smaller, and slower to restore.",
     CLI_FLAG(compress)},
    {"--incremental", NULL, NULL, false,
     "Have the snapshots that are written hold only what changed since the one before, or the restored one, which "
     "is then needed to restore them.",
     CLI_FLAG(incremental)},
    {"--restore", "FILE", "", false,
     "Go on with the machine in a snapshot, in place of booting one. What it has is said by the snapshot; --disk, "
     "--net, --serial and --console may say anew where its devices end on the host. Disks are overlays. With --seed "
     "it goes on as a clone with an identity of its own: other random numbers, and a generation ID by which the "
     "guest sees it.",
     CLI_FILE(restore)},
    {"--migrate-on", "TEXT PLACE", NULL, true,
     "Move the running machine to the armature that waits with --incoming at that place, such as "
     "tcp:127.0.0.1:4444, when the guest has printed TEXT. It runs on meanwhile; where it cannot move it stays.",
     .take_pair = take_migrate_on},
    {"--incoming", "PLACE", NULL, false,
     "Wait at tcp:HOST:PORT for a machine that moves here, and go on with it. --disk must name the images that it "
     "had. Nothing protects what goes over the wire.",
     take_incoming},
    {"--fresh-identity", NULL, NULL, false,
     "With --restore: an identity that no other clone has, from the host's randomness in place of --seed.",
     CLI_FLAG(fresh_identity)},
    {0},
};
