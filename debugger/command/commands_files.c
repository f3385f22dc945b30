/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands about the machine in files: snapshots, what is different in two, logs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "debugger/command/command.h"
#include "debugger/session/history.h"
#include "debugger/view/kernel.h"
#include "debugger/session/recording.h"
#include "debugger/session/stopping.h"
#include "debugger/view/source.h"
#include "snapshot/compare.h"
#include "snapshot/snapshot.h"

/* --- snapshots ------------------------------------------------------------------------------------- */

/* What is written to an image itself is in no snapshot. */
static bool can_be_saved(struct session *session, struct error *error)
{
    const struct run_options *options = session->machine->options;
    for (unsigned i = 0; !options->restore && i < options->disk_count; i++)
        if (!options->disks[i].read_only && !options->disks[i].overlay)
            return error_set(error,
                             "a snapshot needs disks whose images stay as they are: start with --disk %s,overlay",
                             options->disks[i].path);
    return true;
}

/* A file that is still being written may be the one that is asked for. */
static bool wait_for_file(struct session *session, struct error *error)
{
    struct machine *machine = session->machine;
    return !machine->saving.finish || machine->saving.finish(machine, true, error);
}

static bool run_save(struct session *session, const char *arguments, struct error *error)
{
    if (!*arguments)
        return error_set(error, "save expects the name of a file");
    if (!can_be_saved(session, error) || !session->hooks->save(session->machine, arguments, error))
        return false;
    say(session, "saved in %s\n", arguments);
    return true;
}

/* What was is no past of what comes; and history would keep every page of it. */
static void on_restore_begins(void *context)
{
    struct session *session = context;
    history_free(session->history);
    session->history = NULL;
    session->ended = true; /* until it is whole again */
}

static bool run_restore(struct session *session, const char *arguments, struct error *error)
{
    const struct run_options *options = session->machine->options;
    const bool had_history = session->history != NULL;
    if (!*arguments)
        return error_set(error, "restore expects the name of a snapshot");
    if (session->running)
        return error_set(error, "the guest runs; stop it first");
    if (recording_under_way() || options->tape)
        return error_set(error, "the run is recorded or replayed, and stays one run");
    if (!can_be_saved(session, error) || !wait_for_file(session, error) ||
        !session->hooks->restore(session->machine, arguments, on_restore_begins, session, error))
        return false;
    if (had_history)
        session->history = history_create(session, options->history_bytes);
    session->ended = false;
    session->frame = 0;
    session->stop = (struct stop){.reason = STOP_STEP, .cpu = session->cpu};
    kernel_forget(session);
    stopping_relocate(session);
    source_tell_stop(session);
    return true;
}

/* --- differences ----------------------------------------------------------------------------------- */

static bool compare(struct session *session, const char *first, const char *second, struct error *error)
{
    uint64_t differences = 0;
    struct snapshot *a = snapshot_open(first, error), *b = a ? snapshot_open(second, error) : NULL;
    bool good = a && b && snapshot_compare(session->out, a, b, &differences, error);
    snapshot_close(a);
    snapshot_close(b);
    if (good)
        say(session, differences ? "%" PRIu64 " differences\n" : "no differences\n", differences);
    return good;
}

/* The machine as it is now, in a file that its caller removes. */
static bool save_aside(struct session *session, char *path, size_t capacity, struct error *error)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, capacity, "%s/armature-diff-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(path);
    if (fd < 0) {
        *path = 0;
        return error_set(error, "%s cannot be written", path);
    }
    close(fd);
    return snapshot_save(session->machine, path, false, error);
}

/* Saves what is now, goes to the mark and saves that, and comes back. */
static bool compare_with_mark(struct session *session, const char *now, struct error *error)
{
    char mark[1024] = "";
    const uint64_t insns = run_loop_insns(&session->machine->loop);
    const struct stop stop = session->stop;
    bool good = history_marked(session, true, error) && save_aside(session, mark, sizeof mark, error);
    good = history_go(session, insns, good ? error : NULL) && good;
    session->stop = stop;
    good = good && compare(session, mark, now, error);
    if (*mark)
        unlink(mark);
    return good;
}

/* diff: what is now with the mark; diff FILE: a file with what is now; diff FILE FILE. */
static bool run_diff(struct session *session, const char *arguments, struct error *error)
{
    char first[1024] = "", second[1024] = "", now[1024] = "";
    const bool one = words_cut(&arguments, first, sizeof first),
               two = one && words_cut(&arguments, second, sizeof second);
    if (!words_end(arguments, error) || !wait_for_file(session, error))
        return false;
    if (two)
        return compare(session, first, second, error);
    if (session->running)
        return error_set(error, "the guest runs; stop it first");
    if ((!one && !history_marked(session, false, error)) || !can_be_saved(session, error))
        return false;
    bool good = save_aside(session, now, sizeof now, error) &&
                (one ? compare(session, first, now, error) : compare_with_mark(session, now, error));
    if (*now)
        unlink(now);
    return good;
}

/* --- logs ------------------------------------------------------------------------------------------ */

static bool run_record(struct session *session, const char *arguments, struct error *error)
{
    char word[1024];
    if (!words_cut(&arguments, word, sizeof word))
        return error_set(error, "record expects the name of a log, or stop");
    if (!words_end(arguments, error))
        return false;
    if (session->running)
        return error_set(error, "the guest runs; stop it first");
    if (!strcmp(word, "stop")) {
        if (!recording_end(session, error))
            return false;
        say(session, "recorded up to here\n");
        return true;
    }
    if (!can_be_saved(session, error) || !recording_begin(session, word, error))
        return false;
    say(session, "recorded in %s, from %s.snap on; 'record stop' ends it\n", word, word);
    return true;
}

const struct command commands_files[] = {
    {"save", "FILE", COMPLETES_FILE, run_save, "Save the machine as it is now in a snapshot, for --restore."},
    {"restore", "FILE", COMPLETES_FILE, run_restore,
     "Make the machine what a snapshot of it, or of one of the same parts, holds. Its history begins anew; "
     "symbols that were loaded stay."},
    {"diff", "[FILE [FILE]]", COMPLETES_FILE, run_diff,
     "What is different: now from the mark; now from a snapshot; in two snapshots."},
    {"record", "FILE|stop", COMPLETES_FILE, run_record,
     "Record the run from now on, for --replay, with a snapshot of this moment in FILE.snap."},
    {0},
};
