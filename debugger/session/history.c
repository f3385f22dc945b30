/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checkpoints, kept inputs, and running from one to the other. history.h draws it. */
#include "debugger/session/history.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/session/stopping.h"
#include "machine/tape.h"
#include "snapshot/checkpoints.h"

/* Between checkpoints: a moment of the host's time. Where the guest changes many pages it is longer, so that keeping
 * them is a small part of the run, but no longer than a user may wait for a step back. */
#define INTERVAL_INSNS     50000000ull
#define INTERVAL_INSNS_MAX 100000000ull
#define PAGE_COST_INSNS    1000ull /* a page that is kept takes as long as about so many instructions */
#define COST_PARTS         20ull   /* of the whole, the part that is to go there */

/* What is longer ago may be further apart: to go back there may take in proportion. So history reaches further back,
 * and the host's memory is used over again: to get more of it costs more than to fill it. Where the guest writes much,
 * what is kept grows by no more than a small part of the run pays for. */
#define AGE_PARTS             2ull         /* of its age, the part that lies between a checkpoint and the next one */
#define DISTANCE_MAX_INSNS    1000000000ull /* and no more than that, which can be run again while a user waits */
#define ROOM_START_BYTES      (16ull << 20)
#define ROOM_INSNS_PER_BYTE   64ull

struct kept_input {
    struct input_stamp at;
    unsigned source;
    size_t length;
    uint8_t *bytes;
};

struct moment {
    uint64_t insns, ns;
    size_t inputs; /* how many had come before */
    uint64_t interval; /* to the next checkpoint, in instructions */
    bool marked;   /* it is not dropped for room */
    bool asked;    /* the user set it: it stays while there is room */
    bool pinned;   /* for a moment: the last hit that was found is behind it */
};

struct history {
    struct session *session;
    struct checkpoints *points;
    struct moment *moments; /* of each checkpoint */
    unsigned moment_capacity;
    struct kept_input *inputs;
    size_t input_count, input_capacity;
    uint64_t budget_bytes;
    struct tape tape;
    const struct tape *beside; /* what the machine had while it was not in the past: a recording, a replay, or NULL */
    size_t next;            /* of inputs, while it replays */
    struct input_stamp end; /* up to where the machine had come */
};

static unsigned count_of(const struct history *history)
{
    return checkpoints_count(history->points);
}

static struct run_loop *loop_of(const struct history *history)
{
    return &history->session->machine->loop;
}

/* --- inputs ---------------------------------------------------------------------------------------- */

static void on_input(void *context, unsigned source, struct input_stamp stamp, const void *bytes, size_t length)
{
    struct history *history = context;
    if (history->tape.replays)
        return; /* it is here already */
    if (history->input_count == history->input_capacity) {
        history->input_capacity = history->input_capacity ? history->input_capacity * 2 : 256;
        history->inputs = host_realloc(history->inputs, history->input_capacity, sizeof *history->inputs);
    }
    struct kept_input *input = &history->inputs[history->input_count++];
    *input = (struct kept_input){.at = stamp, .source = source, .length = length, .bytes = host_alloc(length + 1, 1)};
    if (length)
        memcpy(input->bytes, bytes, length);
}

static void drop_inputs(struct history *history, size_t kept)
{
    while (history->input_count > kept)
        free(history->inputs[--history->input_count].bytes);
}

static bool same_moment(struct input_stamp a, struct input_stamp b)
{
    return a.insns == b.insns && a.ns == b.ns && a.fires == b.fires;
}

static void become_live(struct history *history)
{
    if (history->tape.replays)
        history->session->machine->loop.tape = history->beside;
    history->tape.replays = false;
    inputs_set_past(history->session->machine->inputs, false);
}

static bool tape_next(void *context, struct input_stamp *at)
{
    const struct history *history = context;
    *at = history->next < history->input_count ? history->inputs[history->next].at : history->end;
    return true;
}

static bool tape_feed(void *context, struct input_stamp now)
{
    struct history *history = context;
    bool any = false;
    while (history->tape.replays && history->next < history->input_count &&
           same_moment(history->inputs[history->next].at, now)) {
        const struct kept_input *input = &history->inputs[history->next++];
        any |= inputs_replay(history->session->machine->inputs, input->source, input->at, input->bytes,
                             input->length);
    }
    if (history->next == history->input_count && (now.insns > history->end.insns || same_moment(now, history->end))) {
        become_live(history);
        if (tape_replays(history->beside)) /* which may have more for this moment */
            any |= history->beside->feed(history->beside->context, now);
    }
    return any;
}

static bool tape_at_top(void *context)
{
    struct history *history = context;
    return history->tape.replays && tape_feed(context, run_loop_stamp(loop_of(history)));
}

static void tape_stuck(void *context)
{
    become_live(context);
}

static void tape_before_wait(void *context, uint64_t wait_ns)
{
}

/* --- life ------------------------------------------------------------------------------------------ */

struct history *history_create(struct session *session, uint64_t bytes)
{
    struct history *history = host_alloc(1, sizeof *history);
    history->session = session;
    history->points = checkpoints_create(session->machine);
    history->budget_bytes = bytes;
    history->tape = (struct tape){.context = history,
                                  .at_top = tape_at_top,
                                  .next = tape_next,
                                  .feed = tape_feed,
                                  .stuck = tape_stuck,
                                  .before_wait = tape_before_wait};
    inputs_observe(session->machine->inputs, on_input, history);
    return history;
}

void history_free(struct history *history)
{
    if (!history)
        return;
    become_live(history);
    inputs_observe(history->session->machine->inputs, NULL, history);
    checkpoints_free(history->points);
    drop_inputs(history, 0);
    free(history->inputs);
    free(history->moments);
    free(history);
}

bool history_replays(const struct history *history)
{
    return history && history->tape.replays;
}

/* --- checkpoints ----------------------------------------------------------------------------------- */

static uint64_t bytes_kept(const struct history *history)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count_of(history); i++)
        bytes += checkpoints_bytes(history->points, i);
    return bytes;
}

/* The oldest make room, but for two, between which something can be done. */
static void keep_budget(struct history *history)
{
    unsigned dropped = 0;
    uint64_t bytes = bytes_kept(history);
    while (bytes > history->budget_bytes && count_of(history) - dropped > 2 &&
           !history->moments[dropped].marked && !history->moments[dropped].pinned)
        bytes -= checkpoints_bytes(history->points, dropped++);
    if (!dropped)
        return;
    checkpoints_drop_oldest(history->points, dropped);
    memmove(history->moments, history->moments + dropped, count_of(history) * sizeof *history->moments);
}

/* How far apart the neighbours of a checkpoint are, which may be dropped; UINT64_MAX: it may not. */
static uint64_t distance_around(const struct history *history, unsigned number)
{
    const struct moment *moment = &history->moments[number];
    return moment->marked || moment->asked || moment->pinned ? UINT64_MAX : moment[1].insns - moment[-1].insns;
}

static bool join(struct history *history, unsigned number)
{
    if (!checkpoints_join(history->points, number))
        return false;
    memmove(history->moments + number, history->moments + number + 1,
            (count_of(history) - number) * sizeof *history->moments);
    return true;
}

/* Forgets checkpoints that are closer together than they need be at their age. */
static void thin_out(struct history *history)
{
    const uint64_t now = history->moments[count_of(history) - 1].insns;
    for (unsigned i = count_of(history) - 1; i-- > 1;) {
        const uint64_t part = (now - history->moments[i + 1].insns) / AGE_PARTS;
        if (distance_around(history, i) <= (part < DISTANCE_MAX_INSNS ? part : DISTANCE_MAX_INSNS))
            join(history, i);
    }
}

/* The checkpoint that is missed least: the one whose neighbours are closest together for their age. 0: none. */
static unsigned least_missed(const struct history *history)
{
    const uint64_t now = history->moments[count_of(history) - 1].insns;
    unsigned found = 0;
    double least = 0;
    for (unsigned i = 1; i + 2 < count_of(history); i++) {
        const uint64_t distance = distance_around(history, i);
        const double part = (double)distance / (double)(now - history->moments[i + 1].insns + 1);
        if (distance > DISTANCE_MAX_INSNS || (found && part >= least))
            continue;
        found = i;
        least = part;
    }
    return found;
}

static void limit_growth(struct history *history)
{
    const uint64_t room = ROOM_START_BYTES + run_loop_insns(loop_of(history)) / ROOM_INSNS_PER_BYTE;
    unsigned number;
    while (bytes_kept(history) > room && (number = least_missed(history)) && join(history, number))
        continue;
}

/* By what changed behind the last checkpoint: a function of the guest alone. */
static uint64_t interval_behind(const struct history *history, unsigned number)
{
    const uint64_t pages = number ? checkpoints_pages(history->points, number - 1) : 0;
    const uint64_t wanted = pages * PAGE_COST_INSNS * COST_PARTS;
    if (wanted < INTERVAL_INSNS)
        return INTERVAL_INSNS;
    return wanted < INTERVAL_INSNS_MAX ? wanted : INTERVAL_INSNS_MAX;
}

static void set_point(struct history *history)
{
    struct run_loop *loop = loop_of(history);
    unsigned number = checkpoints_set(history->points);
    if (number >= history->moment_capacity) {
        history->moment_capacity = history->moment_capacity ? history->moment_capacity * 2 : 64;
        history->moments = host_realloc(history->moments, history->moment_capacity, sizeof *history->moments);
    }
    history->moments[number] = (struct moment){.insns = run_loop_insns(loop),
                                               .ns = history->session->machine->clock.now_ns,
                                               .inputs = history->tape.replays ? history->next : history->input_count,
                                               .interval = interval_behind(history, number)};
    thin_out(history);
    limit_growth(history);
    keep_budget(history);
}

static uint64_t next_point(const struct history *history)
{
    const struct moment *last = &history->moments[count_of(history) - 1];
    return last->insns + last->interval;
}

bool history_resume(struct session *session, struct error *error)
{
    struct history *history = session->history;
    struct run_loop *loop = &session->machine->loop;
    if (!history)
        return machine_resume(session->machine, error);
    if (!count_of(history))
        set_point(history);
    const uint64_t wanted = loop->halt_at_insns;
    bool good;
    for (;;) {
        uint64_t point = next_point(history);
        if (point <= run_loop_insns(loop)) {
            set_point(history);
            continue;
        }
        loop->halt_at_insns = point < wanted ? point : wanted;
        good = machine_resume(session->machine, error);
        if (!good || !loop->halted || run_loop_insns(loop) < point || point >= wanted ||
            session->stop.reason != STOP_STEP || session->asked_to_stop || session->peers_wait ||
            (loop->halt_cpu && loop->halt_cpu->icount >= loop->halt_cpu_insns) || loop->now_ns >= loop->halt_at_ns ||
            session->machine->debugger.output_found)
            break;
    }
    loop->halt_at_insns = wanted;
    return good;
}

/* --- going back ------------------------------------------------------------------------------------ */

/* Makes the machine what it was at a checkpoint, to run again from there. What waits to be delivered is the present's,
 * and stays; but `anew` nothing of that present remains. */
static bool go_to_point(struct history *history, unsigned number, bool anew, struct error *error)
{
    struct session *session = history->session;
    struct run_loop *loop = loop_of(history);
    if (!history->tape.replays) {
        history->end = run_loop_stamp(loop);
        history->beside = loop->tape;
    }
    inputs_set_past(session->machine->inputs, !anew);
    if (!checkpoints_go(history->points, number, error)) {
        session->ended = true;
        return false;
    }
    history->next = history->moments[number].inputs;
    history->tape.replays = true;
    loop->tape = &history->tape;
    session->ended = false;
    for (unsigned i = 0; i < session->machine->cpu_count; i++)
        session->machine->cpus[i]->asked_icount = UINT64_MAX;
    stopping_changed(session);
    return true;
}

/* The last checkpoint that is at or before an instruction count and a time; -1: there is none. */
static int point_at_most(const struct history *history, uint64_t insns, uint64_t ns)
{
    int number = (int)count_of(history) - 1;
    while (number >= 0 && (history->moments[number].insns > insns || history->moments[number].ns > ns))
        number--;
    return number;
}

static int point_before(const struct history *history, uint64_t insns)
{
    return point_at_most(history, insns, UINT64_MAX);
}

/* To the last checkpoint before both. */
static bool go_behind(struct history *history, uint64_t insns, uint64_t ns, struct error *error)
{
    const int number = point_at_most(history, insns, ns);
    return number < 0 ? error_set(error, "history begins at instruction %" PRIu64 ", at %.6f s",
                                  history->moments[0].insns, (double)history->moments[0].ns / NS_PER_S)
                      : go_to_point(history, (unsigned)number, false, error);
}

static bool check(struct session *session, struct error *error)
{
    if (!session->history)
        return error_set(error, "no history is kept: --history 0M was given");
    if (!count_of(session->history))
        set_point(session->history); /* it has not run yet */
    return true;
}

/* Runs without stopping for anybody's breakpoints, to an instruction count of all CPUs or of one. */
static bool run_quietly(struct session *session, uint64_t insns, struct cpu *cpu, uint64_t cpu_insns,
                        struct error *error)
{
    struct run_loop *loop = &session->machine->loop;
    bool good = true;
    loop->halt_at_insns = insns;
    loop->halt_cpu = cpu;
    loop->halt_cpu_insns = cpu_insns;
    while (good && run_loop_insns(loop) < insns && !(cpu && cpu->icount >= cpu_insns)) {
        session->stop = (struct stop){.reason = STOP_STEP, .cpu = session->cpu};
        good = history_resume(session, error);
        if (!loop->halted && session->machine->stop != MACHINE_RUNNING)
            break;
    }
    loop->halt_at_insns = UINT64_MAX;
    loop->halt_cpu = NULL;
    session->stop = (struct stop){.reason = STOP_STEP, .cpu = session->cpu};
    return good;
}

bool history_return(struct session *session, struct error *error)
{
    struct history *history = session->history;
    if (!history_replays(history))
        return true;
    struct run_loop *loop = loop_of(history);
    bool was = stopping_hold(session, true), told = stopping_untold(session, true);
    bool good = run_quietly(session, history->end.insns, NULL, 0, error);
    loop->halt_at_ns = history->end.ns; /* the CPUs may have slept since */
    while (good && history->tape.replays && run_loop_stamp(loop).ns < history->end.ns) {
        session->stop = (struct stop){.reason = STOP_STEP, .cpu = session->cpu};
        good = history_resume(session, error);
        if (!loop->halted)
            break;
    }
    loop->halt_at_ns = CLOCK_NEVER;
    stopping_untold(session, told);
    stopping_hold(session, was);
    become_live(history);
    return good;
}

bool history_go(struct session *session, uint64_t insns, struct error *error)
{
    if (!check(session, error))
        return false;
    struct history *history = session->history;
    uint64_t now = run_loop_insns(loop_of(history));
    if (insns > now) {
        session->machine->loop.halt_at_insns = insns;
        session_resume(session, 0);
        session->machine->loop.halt_at_insns = UINT64_MAX;
        return true;
    }
    bool was = stopping_hold(session, true), told = stopping_untold(session, true);
    bool good = go_behind(history, insns, UINT64_MAX, error) && run_quietly(session, insns, NULL, 0, error);
    stopping_hold(session, was);
    stopping_untold(session, told);
    if (good)
        session->stop.reason = STOP_STEP;
    return good;
}

bool history_go_time(struct session *session, uint64_t ns, struct error *error)
{
    if (!check(session, error))
        return false;
    struct history *history = session->history;
    struct run_loop *loop = loop_of(history);
    bool was = stopping_hold(session, true), back = ns < session->machine->clock.now_ns;
    bool told = stopping_untold(session, back), good = !back || go_behind(history, UINT64_MAX, ns, error);
    loop->halt_at_ns = ns;
    while (good && loop->now_ns < ns && !session->asked_to_stop) {
        session->stop = (struct stop){.reason = STOP_STEP, .cpu = session->cpu};
        good = history_resume(session, error);
        if (!loop->halted)
            break;
    }
    loop->halt_at_ns = CLOCK_NEVER;
    stopping_hold(session, was);
    stopping_untold(session, told);
    return good;
}

bool history_step_back(struct session *session, uint64_t count, struct error *error)
{
    if (!check(session, error))
        return false;
    struct history *history = session->history;
    struct cpu *cpu = session_cpu(session);
    if (session->machine->cpu_count == 1)
        return count > run_loop_insns(loop_of(history))
                   ? error_set(error, "history begins later")
                   : history_go(session, run_loop_insns(loop_of(history)) - count, error);
    if (cpu->icount < count)
        return error_set(error, "CPU %u has not run that many instructions", session->cpu);
    /* Which checkpoint is before the CPU's instruction shows when the machine is there. */
    const uint64_t wanted = cpu->icount - count, now = run_loop_insns(loop_of(history));
    bool was = stopping_hold(session, true), told = stopping_untold(session, true), good = false;
    for (int number = point_before(history, now - count); number >= 0; number--) {
        good = go_to_point(history, (unsigned)number, false, error);
        if (!good || cpu->icount <= wanted)
            break;
        if (!number)
            good = error_set(error, "history begins later");
    }
    good = good && (cpu->icount == wanted || run_quietly(session, UINT64_MAX, cpu, wanted, error));
    stopping_hold(session, was);
    stopping_untold(session, told);
    return good;
}

uint64_t history_reach(const struct session *session)
{
    const struct history *history = session->history;
    if (!history || !count_of(history))
        return 0;
    uint64_t all = run_loop_insns(loop_of(history)) - history->moments[0].insns,
             own = session_cpu(session)->icount;
    return all < own ? all : own;
}

bool history_look_back(struct session *session, uint64_t count, struct stopping_tracer *tracer,
                       struct error *error)
{
    struct cpu *cpu = session_cpu(session);
    const uint64_t now = cpu->icount;
    const unsigned selected = session->cpu;
    if (!count)
        return error_set(error, "history begins here");
    if (!history_step_back(session, count, error))
        return false;
    bool was = stopping_hold(session, true), told = stopping_untold(session, true);
    stopping_trace(session, tracer);
    bool good = run_quietly(session, UINT64_MAX, cpu, now, error);
    stopping_untrace(session, tracer);
    stopping_untold(session, told);
    stopping_hold(session, was);
    session->cpu = selected;
    return good;
}

/* The last hit that a run came by: so many behind the checkpoint that is pinned. 0: there was none. */
struct hits {
    struct stop last;
    unsigned behind;
};

static void pin_newest(struct history *history)
{
    for (unsigned i = 0; i < count_of(history); i++)
        history->moments[i].pinned = i + 1 == count_of(history);
}

/* From where the machine is: runs to `insns`, and notes the hits of points before it. With `stop_behind` not 0, it
 * stays where it is at the hit of that number. */
static bool note_hits(struct session *session, const struct point *only, uint64_t insns, unsigned stop_behind,
                      struct hits *hits, struct error *error)
{
    struct history *history = session->history;
    struct run_loop *loop = loop_of(history);
    bool good = true;
    hits->behind = 0;
    loop->halt_at_insns = insns;
    while (good && run_loop_insns(loop) < insns) {
        session->stop = (struct stop){.reason = STOP_STEP, .cpu = session->cpu};
        good = history_resume(session, error);
        if (session->asked_to_stop || (!loop->halted && session->machine->stop != MACHINE_RUNNING))
            break;
        bool is_hit = session->stop.reason != STOP_STEP && (!only || session->stop.point == only);
        if (!is_hit || run_loop_insns(loop) >= insns)
            continue;
        if (!history->moments[count_of(history) - 1].pinned) {
            hits->behind = 0;
            pin_newest(history);
        }
        hits->last = session->stop;
        if (++hits->behind == stop_behind)
            break;
    }
    loop->halt_at_insns = UINT64_MAX;
    return good;
}

/* To the hit that was noted: from the checkpoint before it, which the run itself set if it was long. */
static bool go_to_hit(struct session *session, const struct point *only, uint64_t insns, struct hits *hits,
                      struct error *error)
{
    struct history *history = session->history;
    unsigned number = 0;
    struct hits again;
    while (!history->moments[number].pinned)
        number++;
    if (!go_to_point(history, number, false, error) || !note_hits(session, only, insns, hits->behind, &again, error))
        return false;
    if (again.behind)
        hits->last = again.last;
    return true;
}

static bool last_hit(struct session *session, const struct point *only, bool *found, struct error *error)
{
    struct history *history = session->history;
    uint64_t until = run_loop_insns(loop_of(history)), end = until;
    struct hits hits = {.last = {.reason = STOP_BEGINNING, .cpu = session->cpu}};
    bool good = true, told = stopping_untold(session, true);
    int number;
    session->asked_to_stop = false;
    while (good && !hits.behind && !session->asked_to_stop && until &&
           (number = point_before(history, until - 1)) >= 0) {
        const uint64_t from = history->moments[number].insns;
        good = go_to_point(history, (unsigned)number, false, error) && note_hits(session, only, until, 0, &hits, error);
        end = until;
        until = from;
    }
    *found = hits.behind;
    if (good && hits.behind)
        good = go_to_hit(session, only, end, &hits, error);
    else if (good && !session->asked_to_stop)
        good = go_to_point(history, 0, false, error); /* stand at the beginning */
    for (unsigned i = 0; i < count_of(history); i++)
        history->moments[i].pinned = false;
    stopping_untold(session, told);
    session->stop = hits.last;
    session->cpu = hits.last.cpu;
    return good;
}

bool history_continue_back(struct session *session, struct error *error)
{
    bool found;
    return check(session, error) && last_hit(session, NULL, &found, error);
}

bool history_last_hit(struct session *session, const struct point *point, bool *found, struct error *error)
{
    return check(session, error) && last_hit(session, point, found, error);
}

void history_gdb(struct session *session, bool step)
{
    struct error error;
    bool good = step ? history_step_back(session, 1, &error) : history_continue_back(session, &error);
    if (!good)
        session->stop = (struct stop){.reason = STOP_BEGINNING, .cpu = session->cpu};
}

bool history_checkpoint(struct session *session, bool stays, struct error *error)
{
    if (!session->history)
        return check(session, error);
    set_point(session->history);
    session->history->moments[count_of(session->history) - 1].asked = stays;
    return true;
}

bool history_mark(struct session *session, struct error *error)
{
    if (!session->history)
        return check(session, error);
    for (unsigned i = 0; i < count_of(session->history); i++)
        session->history->moments[i].marked = false;
    set_point(session->history);
    session->history->moments[count_of(session->history) - 1].marked = true;
    return true;
}

/* The checkpoint with the mark; -1: there is none. */
static int find_mark(struct session *session, struct error *error)
{
    if (!check(session, error))
        return -1;
    int number = (int)count_of(session->history) - 1;
    while (number >= 0 && !session->history->moments[number].marked)
        number--;
    if (number < 0)
        error_set(error, "there is no mark, or it lies in a future that was gone back from");
    return number;
}

bool history_marked(struct session *session, bool go, struct error *error)
{
    const int number = find_mark(session, error);
    return number >= 0 && (!go || go_to_point(session->history, (unsigned)number, false, error));
}

bool history_reset(struct session *session, struct error *error)
{
    struct history *history = session->history;
    const int number = find_mark(session, error);
    if (number < 0)
        return false;
    if (history->tape.replays ? history->beside != NULL : session->machine->loop.tape != NULL)
        return error_set(error, "a run that is recorded or replayed has one way only: it is not reset");
    if (!go_to_point(history, (unsigned)number, true, error))
        return false;
    become_live(history);
    drop_inputs(history, history->moments[number].inputs);
    session->stop = (struct stop){.reason = STOP_STEP, .cpu = session->cpu};
    return true;
}

void history_show(struct session *session)
{
    const struct history *history = session->history;
    for (unsigned i = 0; i < count_of(history); i++)
        say(session, "%4u  instruction %14" PRIu64 "  %6llu.%06llu s  %6" PRIu64 " KiB\n", i, history->moments[i].insns,
            history->moments[i].ns / NS_PER_S, history->moments[i].ns % NS_PER_S / 1000,
            checkpoints_bytes(history->points, i) >> 10);
    say(session, "now   instruction %14" PRIu64 "%s; %zu inputs, %" PRIu64 " of %" PRIu64 " MiB\n",
        run_loop_insns(loop_of(history)), history->tape.replays ? ", in the past" : "", history->input_count,
        bytes_kept(history) >> 20, history->budget_bytes >> 20);
}
