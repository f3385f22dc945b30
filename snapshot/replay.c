/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Following a log. The log is read twice: first all of it, so that a damaged one is refused before anything runs, then
 * entry by entry as the machine comes to them. */
#include "snapshot/replay.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "snapshot/log.h"
#include "snapshot/log_identity.h"
#include "snapshot/state_sums.h"

struct replay {
    struct tape tape;
    struct log_reader *reader;
    struct machine *machine;
    struct log_entry next;
    bool over;      /* there is no next */
    bool ended;     /* the log has its end, and it was reached */
    bool differs;   /* `error` says where */
    uint64_t insns; /* where the run was last known to be the recorded one */
    struct error error;
};

/* --- the log --------------------------------------------------------------------------------------- */

static void stop(struct replay *replay, enum machine_stop reason)
{
    replay->machine->stop = reason;
    run_loop_stop(&replay->machine->loop);
}

#define MOMENT_BYTES 80

static const char *moment_text(struct input_stamp at, char text[MOMENT_BYTES])
{
    snprintf(text, MOMENT_BYTES, "instruction %" PRIu64 " (%.6f s)", at.insns, (double)at.ns / NS_PER_S);
    return text;
}

/* The first difference stops the run. */
static void differ(struct replay *replay, const char *what)
{
    if (replay->differs)
        return;
    struct input_stamp now = run_loop_stamp(&replay->machine->loop);
    replay->differs = replay->over = true;
    char moment[MOMENT_BYTES];
    error_set(&replay->error,
              "replay: the run differs from the recorded one at %s: %s; it was the same at instruction %" PRIu64,
              moment_text(now, moment), what, replay->insns);
    stop(replay, MACHINE_HALTED);
}

/* Takes up the next entry that happens during the run. */
static void advance(struct replay *replay)
{
    enum log_result result;
    do
        result = log_next(replay->reader, &replay->next, &replay->error);
    while (result == LOG_ENTRY && replay->next.kind == LOG_BLOCK);
    replay->over = result != LOG_ENTRY;
    if (result == LOG_DAMAGED) { /* since it was opened */
        replay->differs = true;
        stop(replay, MACHINE_HALTED);
    }
}

static const char *source_name(const struct replay *replay, uint64_t source)
{
    return inputs_source(replay->machine->inputs, (unsigned)source)->name;
}

static bool same_stamp(struct input_stamp a, struct input_stamp b)
{
    return a.insns == b.insns && a.fires == b.fires && a.ns == b.ns;
}

/* --- comparing ------------------------------------------------------------------------------------- */

static void compare_sums(struct replay *replay)
{
    const struct machine *machine = replay->machine;
    uint32_t sums[STATE_SUMS_MAX];
    unsigned count = state_sums(machine, replay->next.number, sums);
    char what[2 * 80 + 64], name[80];
    unsigned wrong = 0, length = 0;
    if (replay->next.length != count * sizeof sums[0]) {
        differ(replay, "the log has sums of another machine");
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!memcmp(replay->next.bytes + i * sizeof sums[0], &sums[i], sizeof sums[0]))
            continue;
        state_sum_name(machine, replay->next.number, i, name);
        if (wrong++ < 2)
            length += (unsigned)snprintf(what + length, sizeof what - length, "%s%s", wrong > 1 ? ", " : "", name);
    }
    if (wrong > 2)
        snprintf(what + length, sizeof what - length, " and %u other parts", wrong - 2);
    if (wrong)
        differ(replay, what);
    else
        replay->insns = replay->next.at.insns;
}

/* The machine stands where the recorded one stopped. */
static void compare_end(struct replay *replay)
{
    if (state_hash_halted(replay->machine) != replay->next.value)
        differ(replay, "its state at the end");
    else
        replay->insns = replay->next.at.insns;
    replay->ended = replay->over = true;
}

/* --- the tape -------------------------------------------------------------------------------------- */

static bool next_at(void *context, struct input_stamp *at)
{
    const struct replay *replay = context;
    *at = replay->next.at;
    return !replay->over;
}

static void give_input(struct replay *replay)
{
    char what[160];
    const struct log_entry *entry = &replay->next;
    if (inputs_replay(replay->machine->inputs, (unsigned)entry->number, entry->at, entry->bytes, entry->length)) {
        advance(replay);
        return;
    }
    snprintf(what, sizeof what, "%s cannot take its input of %zu bytes", source_name(replay, entry->number),
             entry->length);
    differ(replay, what);
}

static bool feed(void *context, struct input_stamp now)
{
    struct replay *replay = context;
    bool any = false;
    while (!replay->over && replay->next.kind == LOG_INPUT && same_stamp(replay->next.at, now)) {
        give_input(replay);
        any = true;
    }
    if (!replay->over && replay->next.kind == LOG_END && replay->next.number == MACHINE_HALTED &&
        same_stamp(replay->next.at, now)) { /* a debugger left the machine there, in the middle of a round */
        stop(replay, MACHINE_HALTED);
        compare_end(replay);
    }
    return any;
}

/* Whether the moment of the next entry is over, and it was not. */
static bool missed(const struct replay *replay, struct input_stamp now)
{
    struct input_stamp at = replay->next.at;
    if (at.insns != now.insns)
        return at.insns < now.insns;
    return at.fires != now.fires ? at.fires < now.fires : at.ns < now.ns;
}

static void tell_missed(struct replay *replay)
{
    char what[200], moment[MOMENT_BYTES];
    const struct log_entry *entry = &replay->next;
    const char *name = entry->kind == LOG_INPUT  ? source_name(replay, entry->number)
                       : entry->kind == LOG_SUMS ? "a comparison"
                                                 : "the end";
    snprintf(what, sizeof what, "it is not where %s was due, at %s", name, moment_text(entry->at, moment));
    differ(replay, what);
}

static bool at_top(void *context)
{
    struct replay *replay = context;
    struct run_loop *loop = &replay->machine->loop;
    bool any = false;
    while (!loop->stop) {
        struct input_stamp now = run_loop_stamp(loop); /* which an input may have moved */
        if (replay->over) {
            stop(replay, MACHINE_HALTED);
        } else if (!same_stamp(replay->next.at, now)) {
            if (missed(replay, now))
                tell_missed(replay);
            break;
        } else if (replay->next.kind == LOG_INPUT) {
            any |= feed(replay, now);
        } else if (replay->next.kind == LOG_SUMS) {
            compare_sums(replay);
            if (!replay->differs)
                advance(replay);
        } else {
            stop(replay, (enum machine_stop)replay->next.number);
            compare_end(replay);
        }
    }
    return any;
}

static void stuck(void *context)
{
    differ(context, "all processors wait, for ever");
}

/* Rereads the log, so that what is kept need not be kept in memory twice. */
static void each_kept_block(void *context, unsigned disk,
                            void (*put)(void *to, uint64_t offset, const void *bytes, size_t length), void *to)
{
    struct replay *replay = context;
    struct log_entry entry;
    log_rewind(replay->reader);
    while (log_next(replay->reader, &entry, NULL) == LOG_ENTRY)
        if (entry.kind == LOG_BLOCK && entry.number == disk)
            put(to, entry.value, entry.bytes, entry.length);
    log_rewind(replay->reader);
}

/* --- life ------------------------------------------------------------------------------------------ */

/* Whether every entry is one that there can be. */
static bool check_entries(struct replay *replay, const char *path, struct error *error)
{
    const struct log_header *header = log_reader_header(replay->reader);
    struct log_entry entry;
    enum log_result result;
    while ((result = log_next(replay->reader, &entry, error)) == LOG_ENTRY) {
        bool possible = (entry.kind != LOG_INPUT || entry.number < header->source_count) &&
                        (entry.kind != LOG_END || (entry.number > MACHINE_RUNNING && entry.number <= MACHINE_HALTED));
        if (!possible)
            return error_set(error, "log %s: it holds what no recording writes; replay a copy that is whole", path);
    }
    log_rewind(replay->reader);
    return result == LOG_OVER;
}

struct replay *replay_open(const char *path, struct error *error)
{
    struct log_reader *reader = log_open(path, error);
    if (!reader)
        return NULL;
    struct replay *replay = host_alloc(1, sizeof *replay);
    replay->reader = reader;
    replay->tape = (struct tape){
        .context = replay,
        .replays = true,
        .at_top = at_top,
        .next = next_at,
        .feed = feed,
        .stuck = stuck,
        .each_kept_block = each_kept_block,
    };
    if (check_entries(replay, path, error))
        return replay;
    replay_free(replay);
    return NULL;
}

bool replay_options(const struct replay *replay, struct run_options *options, struct error *error)
{
    const struct log_header *header = log_reader_header(replay->reader);
    struct error why = {""};
    for (unsigned i = 0; i < header->option_count; i++)
        if (!run_options_take(options, header->options[i].name, header->options[i].value, &why))
            return error_set(error, "the log asks for no machine there can be: %.400s", why.text);
    return true;
}

const struct tape *replay_tape(const struct replay *replay)
{
    return &replay->tape;
}

bool replay_start(struct replay *replay, struct machine *machine, const char *program, struct error *error)
{
    struct log_header header;
    if (!log_describe(&header, machine, program, error))
        return false;
    bool matches = log_matches(log_reader_header(replay->reader), &header, error);
    log_describe_free(&header);
    replay->machine = machine;
    if (matches) {
        log_rewind(replay->reader);
        advance(replay);
    }
    return matches;
}

/* The guest stopped the machine. Did it so when it was recorded? */
static void compare_stop(struct replay *replay)
{
    if (replay->next.kind != LOG_END || !same_stamp(replay->next.at, run_loop_stamp(&replay->machine->loop)) ||
        replay->next.number != replay->machine->stop)
        differ(replay, "the machine stops");
    else
        compare_end(replay);
}

int replay_finish(struct replay *replay, int status, struct error *error)
{
    if (status == EXIT_STATUS_HOST)
        return status;
    if (!replay->over)
        compare_stop(replay);
    if (replay->differs) {
        *error = replay->error;
        return EXIT_STATUS_HOST;
    }
    if (!replay->ended)
        fprintf(stderr,
                "armature: replay: the log ends at instruction %" PRIu64 ", where the recording was cut short\n",
                run_loop_stamp(&replay->machine->loop).insns);
    return status;
}

void replay_free(struct replay *replay)
{
    if (!replay)
        return;
    log_reader_free(replay->reader);
    free(replay);
}
