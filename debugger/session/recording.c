/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recording from a moment on. The log says that the run begins with the snapshot, and is replayed as any other. */
#include "debugger/session/recording.h"
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "debugger/session/history.h"
#include "snapshot/record.h"
#include "snapshot/snapshot.h"

static struct record *record; /* NULL: nothing is recorded */

bool recording_under_way(void)
{
    return record != NULL;
}

/* The log's header describes a machine that was restored from the snapshot, which this one is not. */
static bool start(struct session *session, const char *path, const char *snapshot, struct error *error)
{
    struct machine *machine = session->machine;
    const struct run_options *options = machine->options;
    struct run_options restored = *options;
    restored.restore = snapshot;
    for (unsigned i = 0; i < restored.disk_count; i++)
        restored.disks[i].overlay = !restored.disks[i].read_only;
    machine->options = &restored;
    bool good = record_start(record, machine, path, session->hooks->version, error);
    machine->options = options;
    return good;
}

bool recording_begin(struct session *session, const char *path, struct error *error)
{
    struct machine *machine = session->machine;
    char snapshot[PATH_MAX];
    if (record || machine->options->tape)
        return error_set(error, machine->options->replay ? "a run that is replayed is not recorded"
                                                         : "the run is recorded already");
    if (session->ended)
        return error_set(error, "the machine has ended");
    if (history_replays(session->history))
        return error_set(error, "the machine is in the past; 'continue' or 'goto' leads back to where it had come");
    if (snprintf(snapshot, sizeof snapshot, "%s.snap", path) >= (int)sizeof snapshot)
        return error_set(error, "the name of the file is too long");
    if (!snapshot_save(machine, snapshot, false, error))
        return false;
    record = record_create();
    if (start(session, path, snapshot, error)) {
        machine->loop.tape = record_tape(record);
        return true;
    }
    record_free(record);
    record = NULL;
    unlink(snapshot);
    return false;
}

bool recording_end(struct session *session, struct error *error)
{
    struct machine *machine = session->machine;
    if (!record)
        return error_set(error, "nothing is recorded");
    /* The log ends where the machine had come, wherever the user looked at last. */
    if (!history_return(session, error))
        return false;
    machine->loop.tape = NULL;
    inputs_observe(machine->inputs, NULL, record);
    bool good = record_finish(record, error);
    record_free(record);
    record = NULL;
    return good;
}
