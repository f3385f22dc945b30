/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Turns of a recorded program's threads, and of a replayed one's (trail.h): whose it is, who waits for one, and the
 * count of instructions of all, by which entries are stamped.
 *
 * A recording gives turns in the order in which threads ask, and writes down whose it is where that changes. A replay
 * asks nobody: the thread whose turn it is reads the log and gives the turn to the one that it names. A thread's offset
 * makes the count of all of its CPU's own; it is set where its turn begins. */
#include <pthread.h>
#include "hostcall/trail_state.h"

#define NOBODY PROCESS_MAX_THREADS

static struct turns {
    pthread_mutex_t lock;
    unsigned holder;       /* whose turn it is: the index of its CPU, or NOBODY */
    unsigned last;         /* whose it was before, if it is nobody's */
    unsigned first, final; /* of those who wait, in order; `first` is NOBODY: none */
    unsigned live;         /* threads */
    bool over;             /* nobody waits any more */
    uint64_t end;          /* the count at which it is another's, if one waits */
    uint64_t stamp;        /* the count at which the last one ended */
    struct {
        pthread_cond_t comes;
        unsigned next;   /* of those who wait */
        uint64_t offset; /* of the count of all to its own */
    } of[PROCESS_MAX_THREADS];
} turns = {.lock = PTHREAD_MUTEX_INITIALIZER, .first = NOBODY, .live = 1};

static uint64_t stamp_of(unsigned index)
{
    return process.cpus[index]->icount + turns.of[index].offset;
}

uint64_t trail_stamp(const struct thread *thread)
{
    return stamp_of(thread->cpu->index);
}

uint64_t trail_turn_end(void)
{
    return turns.live > 1 ? turns.end : UINT64_MAX;
}

/* --- with the lock ----------------------------------------------------------------------------------- */

static void give_to(unsigned index)
{
    turns.holder = index;
    pthread_cond_signal(&turns.of[index].comes);
}

/* To whoever waits first. */
static void give_away(unsigned from)
{
    turns.stamp = stamp_of(from);
    turns.last = from;
    turns.holder = NOBODY;
    if (turns.first == NOBODY)
        return;
    const unsigned index = turns.first;
    turns.first = turns.of[index].next;
    give_to(index);
}

static void stand_in_line(unsigned index)
{
    turns.of[index].next = NOBODY;
    if (turns.first == NOBODY)
        turns.first = index;
    else
        turns.of[turns.final].next = index;
    turns.final = index;
}

static bool stands_in_line(unsigned index)
{
    for (unsigned at = turns.first; at != NOBODY; at = turns.of[at].next)
        if (at == index)
            return true;
    return false;
}

static void wait_for_turn(unsigned index)
{
    while (turns.holder != index && !turns.over)
        pthread_cond_wait(&turns.of[index].comes, &turns.lock);
}

/* Its turn begins, behind another's or its own. */
static void begin(unsigned index)
{
    const bool changes = turns.last != index;
    turns.of[index].offset = turns.stamp - process.cpus[index]->icount;
    turns.end = turns.stamp + TRAIL_TURN_INSNS;
    turns.last = index;
    if (changes && trail_records())
        trail_put_at(turns.stamp, TRAIL_TURN, index, NULL, 0);
}

static void take(unsigned index)
{
    if (turns.over)
        return;
    if (turns.holder == NOBODY && turns.first == NOBODY)
        turns.holder = index;
    else if (!stands_in_line(index)) /* as a child of vfork() may, which was killed there */
        stand_in_line(index);
    wait_for_turn(index);
    if (!turns.over)
        begin(index);
}

/* --- a thread's -------------------------------------------------------------------------------------- */

static void await_recorded(struct thread *thread)
{
    const unsigned index = thread->cpu->index;
    if (turns.over || turns.holder != index) {
        take(index);
    } else if (thread->yields || stamp_of(index) >= turns.end) {
        turns.end = stamp_of(index) + TRAIL_TURN_INSNS;
        if (turns.first != NOBODY) {
            give_away(index);
            take(index);
        }
    }
    thread->yields = false;
}

void trail_await_turn(struct thread *thread)
{
    const unsigned index = thread->cpu->index;
    pthread_mutex_lock(&turns.lock);
    if (trail_records()) {
        await_recorded(thread);
    } else if (turns.last != index) { /* it begins */
        wait_for_turn(index);
        begin(index);
    }
    pthread_mutex_unlock(&turns.lock);
}

void trail_let_others(struct thread *thread)
{
    pthread_mutex_lock(&turns.lock);
    if (!turns.over)
        give_away(thread->cpu->index);
    pthread_mutex_unlock(&turns.lock);
}

void trail_back_from_others(struct thread *thread)
{
    pthread_mutex_lock(&turns.lock);
    take(thread->cpu->index);
    pthread_mutex_unlock(&turns.lock);
}

void trail_leave_child(struct thread *thread)
{
    pthread_mutex_lock(&turns.lock);
    if (trail_records() && turns.holder != thread->cpu->index) /* it was killed while it waited */
        take(thread->cpu->index);
    pthread_mutex_unlock(&turns.lock);
}

void trail_turns_over(void)
{
    pthread_mutex_lock(&turns.lock);
    turns.over = true;
    for (unsigned i = 0; i < process.cpu_count; i++)
        pthread_cond_signal(&turns.of[i].comes);
    pthread_mutex_unlock(&turns.lock);
}

/* --- a replay's -------------------------------------------------------------------------------------- */

/* Gives the turn to whom the log names here. Returns whether it names one. */
static bool give_as_told(unsigned index)
{
    struct trail *trail = process.trail;
    if (!trail_next_is(trail, TRAIL_TURN) || trail->next.at.insns != stamp_of(index))
        return false;
    const uint64_t to = trail->next.value;
    if (to >= process.cpu_count || to == index || !process.thread_of[to])
        trail_differ(process.thread_of[index] ? process.thread_of[index] : thread_self, "a thread that is none");
    turns.stamp = trail->next.at.insns;
    trail_read_next(trail);
    give_to((unsigned)to);
    return true;
}

void trail_replay_turns(struct thread *thread)
{
    const unsigned index = thread->cpu->index;
    pthread_mutex_lock(&turns.lock);
    while (give_as_told(index)) {
        wait_for_turn(index);
        begin(index);
    }
    pthread_mutex_unlock(&turns.lock);
}

/* --- their lives ------------------------------------------------------------------------------------- */

void trail_thread_begins(struct thread *thread, struct thread *child)
{
    turns.live++;
    thread->begun = child;
}

void trail_thread_ended(unsigned index, bool is_main, int status)
{
    struct trail *trail = process.trail;
    pthread_mutex_lock(&turns.lock);
    if (is_main)
        trail->main_status = (uint8_t)status;
    if (--turns.live == 0) {
        trail_end((uint64_t)trail->main_status);
    } else if (!process.replays) {
        give_away(index);
    } else if (!give_as_told(index)) {
        trail_check_over(trail);
        trail_differ(thread_self, "the end of a thread");
    }
    pthread_mutex_unlock(&turns.lock);
}
