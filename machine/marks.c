/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points in a run at which something is to be done. What is due at an instruction count stops CPU 0 there; what is due
 * when a text was printed waits for the end of the instruction that printed its last byte. */
#include "machine/marks.h"
#include <stdio.h>
#include <string.h>

/* --- instruction counts ---------------------------------------------------------------------------- */

static uint64_t insns_of_first(const struct machine *machine)
{
    return machine->cpus[0]->icount;
}

/* The nearest mark that lies ahead comes to stand in the loop. */
static void set_next_mark(struct machine *machine)
{
    const struct run_options *options = machine->options;
    uint64_t next = UINT64_MAX, now = insns_of_first(machine);
    for (unsigned i = 0; i < options->hash_count; i++)
        if (options->hash_at[i] > now && options->hash_at[i] < next)
            next = options->hash_at[i];
    for (unsigned i = 0; i < options->save_count; i++)
        if (options->saves[i].at_insns > now && options->saves[i].at_insns < next)
            next = options->saves[i].at_insns;
    if (machine->stop_insns > now && machine->stop_insns < next)
        next = machine->stop_insns;
    machine->loop.mark_insns = next;
}

static void print_hash(struct machine *machine, uint64_t insns)
{
    fprintf(stderr, "armature: state at instruction %llu: %016llx\n", (unsigned long long)insns,
            (unsigned long long)machine_hash(machine));
    machine->hashes_printed++;
}

/* A failure leaves the machine running, and shows in the exit status at the end. */
static void fail(struct machine *machine, const struct error *error)
{
    fprintf(stderr, "armature: %s\n", error->text);
    machine->saving.failed = true;
}

static void save(struct machine *machine, unsigned number)
{
    struct error error = {""};
    const struct save_option *option = &machine->options->saves[number];
    machine->saving.watches[number] = (struct save_watch){.done = true};
    if (option->moves) {
        if (!machine->moving.start(machine->moving.migration, option->path, &error))
            fail(machine, &error);
        return;
    }
    if (!machine->saving.finish(machine, true, &error))
        fail(machine, &error); /* the one before */
    if (!machine->saving.save(machine, option->path, &error))
        fail(machine, &error);
}

/* What is due at this count: hashes first, as a snapshot does not change the machine. */
static void on_mark(void *context)
{
    struct machine *machine = context;
    const struct run_options *options = machine->options;
    uint64_t now = insns_of_first(machine);
    for (unsigned i = 0; i < options->hash_count; i++)
        if (options->hash_at[i] == now)
            print_hash(machine, now);
    for (unsigned i = 0; i < options->save_count; i++)
        if (options->saves[i].at_insns == now)
            save(machine, i);
    if (machine->stop_insns == now)
        machine_stop_for(machine, MACHINE_TIMEOUT);
    set_next_mark(machine);
}

/* --- texts ----------------------------------------------------------------------------------------- */

unsigned marks_match(const char *text, unsigned matched, char byte)
{
    while (text[matched] != byte) {
        if (!matched)
            return 0;
        /* The longest beginning of the text that what was matched ends with, less than all of it. */
        unsigned shorter = matched - 1;
        while (memcmp(text, text + matched - shorter, shorter))
            shorter--;
        matched = shorter;
    }
    return matched + 1;
}

void save_watch_output(struct machine *machine, const void *bytes, size_t length)
{
    const char *from = bytes;
    for (unsigned i = 0; i < machine->options->save_count; i++) {
        struct save_watch *watch = &machine->saving.watches[i];
        const char *text = machine->options->saves[i].text;
        for (size_t at = 0; text && at < length && !watch->done && !watch->wanted; at++) {
            watch->matched = marks_match(text, watch->matched, from[at]);
            watch->wanted = !text[watch->matched];
        }
        if (watch->wanted)
            run_loop_pause(&machine->loop);
    }
}

static void on_pause(void *context)
{
    struct machine *machine = context;
    struct error error = {""};
    if (machine->saving.finish && !machine->saving.finish(machine, false, &error))
        fail(machine, &error);
    for (unsigned i = 0; i < machine->options->save_count; i++)
        if (machine->saving.watches[i].wanted)
            save(machine, i);
    if (!machine->moving.step)
        return;
    machine->moving.step(machine->moving.migration);
    if (machine->moving.failed(machine->moving.migration, &error))
        fail(machine, &error);
}

/* --- entry points ---------------------------------------------------------------------------------- */

void marks_init(struct machine *machine)
{
    machine->loop.on_mark = on_mark;
    machine->loop.on_pause = on_pause;
    machine->loop.on_mark_context = machine;
}

void marks_begin(struct machine *machine)
{
    const uint64_t now = insns_of_first(machine), after = machine->options->stop_after_insns;
    machine->stop_insns = after && after < UINT64_MAX - now ? now + after : UINT64_MAX;
    if (machine->restored)
        on_mark(machine);
    set_next_mark(machine);
}

int marks_end(struct machine *machine, int status, struct error *error)
{
    if (machine->saving.finish && !machine->saving.finish(machine, true, error))
        fail(machine, error);
    for (unsigned i = 0; i < machine->options->save_count; i++) {
        const struct save_option *option = &machine->options->saves[i];
        if (machine->saving.watches[i].done)
            continue;
        if (option->moves)
            error_set(error, "it did not move to %s: the guest never printed '%s'", option->path, option->text);
        else if (option->text)
            error_set(error, "%s was not saved: the guest never printed '%s'", option->path, option->text);
        else
            error_set(error, "%s was not saved: the guest ended before instruction %llu", option->path,
                      (unsigned long long)option->at_insns);
        return EXIT_STATUS_HOST;
    }
    if (machine->moving.busy && machine->moving.busy(machine->moving.migration)) {
        error_set(error, "the machine did not move: the guest ended on the way");
        return EXIT_STATUS_HOST;
    }
    if (machine->saving.failed) {
        error_set(error, "not every snapshot was written, or the machine did not move; the reason stands above");
        return EXIT_STATUS_HOST;
    }
    return status;
}
