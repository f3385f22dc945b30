/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recording a run. An input is put into the log just before the device gets it. What is in the log goes to the file
 * soon after, and before a disk changes, so that a recording that is killed can be replayed up to its end. */
#include "snapshot/record.h"
#include <stdlib.h>
#include "snapshot/log.h"
#include "snapshot/log_identity.h"
#include "snapshot/state_sums.h"

#define SUMS_EVERY_INSNS 50000000ull
#define FLUSH_AFTER_NS   50000000ull /* of host time */

struct record {
    struct tape tape;
    struct machine *machine;
    struct log_writer *writer; /* NULL: not started */
    uint64_t sums_insns;       /* when the next sums are due */
    uint64_t sums_taken;
    uint64_t flushed_ns; /* host time */
    struct input_stamp last;
};

static void put(struct record *record, struct log_entry entry)
{
    record->last = entry.at;
    log_put(record->writer, &entry);
}

static void on_input(void *context, unsigned source, struct input_stamp at, const void *bytes, size_t length)
{
    const struct record *record = context;
    if (tape_replays(record->machine->loop.tape))
        return; /* a debugger runs the past again, whose inputs are in the log */
    put(context, (struct log_entry){.kind = LOG_INPUT, .at = at, .number = source, .bytes = bytes, .length = length});
}

static void put_sums(struct record *record, struct input_stamp at)
{
    uint32_t sums[STATE_SUMS_MAX];
    unsigned count = state_sums(record->machine, record->sums_taken, sums);
    put(record, (struct log_entry){.kind = LOG_SUMS,
                                   .at = at,
                                   .number = record->sums_taken++,
                                   .bytes = (const uint8_t *)sums,
                                   .length = count * sizeof sums[0]});
    record->sums_insns = at.insns + SUMS_EVERY_INSNS;
}

static void flush(struct record *record, uint64_t host_ns)
{
    log_flush(record->writer);
    record->flushed_ns = host_ns;
}

static bool at_top(void *context)
{
    struct record *record = context;
    struct input_stamp now = run_loop_stamp(&record->machine->loop);
    uint64_t host_ns = record->machine->loop.last_poll_host_ns; /* now, as exactly as it matters */
    if (now.insns >= record->sums_insns)
        put_sums(record, now);
    if (host_ns - record->flushed_ns >= FLUSH_AFTER_NS)
        flush(record, host_ns);
    return false;
}

static void before_wait(void *context, uint64_t wait_ns)
{
    struct record *record = context;
    if (wait_ns >= FLUSH_AFTER_NS && log_pending(record->writer))
        flush(record, record->machine->loop.last_poll_host_ns);
}

static void keep_block(void *context, unsigned disk, uint64_t offset, const void *bytes, size_t length)
{
    struct record *record = context;
    if (!record->writer)
        return;
    put(record, (struct log_entry){.kind = LOG_BLOCK,
                                   .at = record->last,
                                   .number = disk,
                                   .value = offset,
                                   .bytes = bytes,
                                   .length = length});
}

/* The pieces of a request that were kept go to the file together, before the disk changes. */
static void blocks_kept(void *context)
{
    struct record *record = context;
    if (record->writer)
        log_flush(record->writer);
}

struct record *record_create(void)
{
    struct record *record = host_alloc(1, sizeof *record);
    record->tape = (struct tape){
        .context = record,
        .at_top = at_top,
        .before_wait = before_wait,
        .keep_block = keep_block,
        .blocks_kept = blocks_kept,
    };
    return record;
}

const struct tape *record_tape(const struct record *record)
{
    return &record->tape;
}

bool record_start(struct record *record, struct machine *machine, const char *path, const char *program,
                  struct error *error)
{
    struct log_header header;
    if (!log_describe(&header, machine, program, error))
        return false;
    record->machine = machine;
    record->sums_insns = SUMS_EVERY_INSNS;
    record->writer = log_create(path, &header, error);
    log_describe_free(&header);
    if (record->writer)
        inputs_observe(machine->inputs, on_input, record);
    return record->writer != NULL;
}

bool record_finish(struct record *record, struct error *error)
{
    struct machine *machine = record->machine;
    put(record, (struct log_entry){.kind = LOG_END,
                                   .at = run_loop_stamp(&machine->loop),
                                   .number = machine->stop == MACHINE_RUNNING ? MACHINE_HALTED : machine->stop,
                                   .value = state_hash_halted(machine)});
    struct log_writer *writer = record->writer;
    record->writer = NULL;
    return log_close(writer, error);
}

void record_free(struct record *record)
{
    if (record && record->writer)
        log_close(record->writer, NULL);
    free(record);
}
