/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that makes code of regions, and the ring of them. */
#include "jit/background.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include "jit/report.h"

#define MAX_REGIONS 16u /* on their way; a power of two */
#define MAX_TOUCHES 4u  /* that wait; what is more is left to page faults */
#define WAKE_FOR    8u  /* so many wait for the thread before it is woken, which takes longer than to form them */

/* Regions from `taken` to `compiled` can be installed, from there to `submitted` they wait for the thread. The numbers
 * only grow. */
struct background {
    pthread_mutex_t lock;
    pthread_cond_t submission, completion;
    pthread_t thread;
    bool stopping;
    bool idle, busy;       /* the thread waits until it is woken; it compiles */
    bool awaited;          /* somebody waits for the thread */
    bool full;             /* something did not fit into what is left of the room: known by who takes it */
    bool fresh;            /* nothing lies in the room: known by the thread */
    unsigned taken, compiled, submitted;
    unsigned touch_count;
    struct touch {
        const struct code_memory *memory;
        uint8_t *from;
        size_t bytes;
    } touches[MAX_TOUCHES];
    struct x64 hot, cold;
    struct compiler *compiler;
    struct region regions[MAX_REGIONS];
};

static struct region *region_at(struct background *background, unsigned number)
{
    return &background->regions[number % MAX_REGIONS];
}

/* --- the thread ------------------------------------------------------------------------------------- */

static void compile_one(struct background *background, struct region *region)
{
    const uint64_t began_ns = report_now_ns();
    struct x64 hot = background->hot, cold = background->cold;
    const struct compile_job job = {
        .ir = &region->ir, .hot = &hot, .cold = &cold, .cpu = region->cpu, .half = region->half, .adapt = region->adapt,
        .faults = region->faults};
    region->hot = hot;
    region->cold = cold;
    region->compiled = compile(background->compiler, &job, &region->code);
    region->hot_end = hot.at;
    region->cold_end = cold.at;
    region->had_all = background->fresh;
    region->ns = report_now_ns() - began_ns;
    if (!region->compiled)
        return;
    background->hot = hot;
    background->cold = cold;
    background->fresh = false;
}

/* Each of these is called with the lock, and gives it up while it works. */

static void do_touch(struct background *background)
{
    const struct touch touch = background->touches[--background->touch_count];
    pthread_mutex_unlock(&background->lock);
    code_memory_touch(touch.memory, touch.from, touch.bytes);
    pthread_mutex_lock(&background->lock);
}

static void do_region(struct background *background)
{
    struct region *region = region_at(background, background->compiled);
    background->busy = true;
    pthread_mutex_unlock(&background->lock);
    compile_one(background, region);
    pthread_mutex_lock(&background->lock);
    background->busy = false;
    __atomic_store_n(&background->compiled, background->compiled + 1, __ATOMIC_RELEASE);
    if (background->awaited)
        pthread_cond_signal(&background->completion);
}

static void sleep_until_woken(struct background *background)
{
    background->idle = true;
    while (background->idle && !background->stopping)
        pthread_cond_wait(&background->submission, &background->lock);
}

static void *background_main(void *argument)
{
    struct background *background = argument;
    pthread_mutex_lock(&background->lock);
    while (!background->stopping) {
        if (background->touch_count)
            do_touch(background);
        else if (background->compiled != background->submitted)
            do_region(background);
        else
            sleep_until_woken(background);
    }
    pthread_mutex_unlock(&background->lock);
    return NULL;
}

/* Signals are for the program's other threads. */
static bool start(struct background *background)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&background->thread, NULL, background_main, background) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

/* --- the other side --------------------------------------------------------------------------------- */

struct region *background_next(struct background *background)
{
    if (background->full || background->submitted - background->taken == MAX_REGIONS)
        return NULL;
    return region_at(background, background->submitted);
}

static void wake(struct background *background)
{
    background->idle = false;
    pthread_cond_signal(&background->submission);
}

void background_submit(struct background *background)
{
    pthread_mutex_lock(&background->lock);
    background->submitted++;
    if (background->idle && background->submitted - background->compiled >= WAKE_FOR)
        wake(background);
    pthread_mutex_unlock(&background->lock);
}

void background_hurry(struct background *background)
{
    pthread_mutex_lock(&background->lock);
    if (background->idle && background->submitted != background->compiled)
        wake(background);
    pthread_mutex_unlock(&background->lock);
}

static bool is_part_of(const struct ir *ir, const struct block *block)
{
    for (unsigned i = 0; i < ir->block_count; i++)
        if (ir->blocks[i].block == block)
            return true;
    return false;
}

bool background_has(const struct background *background, const struct block *block)
{
    for (unsigned i = background->taken; i != background->submitted; i++)
        if (is_part_of(&background->regions[i % MAX_REGIONS].ir, block))
            return true;
    return false;
}

struct region *background_finished(struct background *background)
{
    const unsigned compiled = __atomic_load_n(&background->compiled, __ATOMIC_ACQUIRE);
    return compiled == background->taken ? NULL : region_at(background, background->taken);
}

void background_taken(struct background *background)
{
    const struct region *region = region_at(background, background->taken++);
    background->full |= !region->compiled && !region->had_all;
}

bool background_wants_room(const struct background *background)
{
    return background->full && background->submitted == background->taken;
}

void background_give_room(struct background *background, const struct x64 *hot, const struct x64 *cold)
{
    pthread_mutex_lock(&background->lock);
    background->hot = *hot;
    background->cold = *cold;
    background->full = false;
    background->fresh = true;
    pthread_mutex_unlock(&background->lock);
}

void background_touch(struct background *background, const struct code_memory *memory, uint8_t *from, size_t bytes)
{
    pthread_mutex_lock(&background->lock);
    if (background->touch_count < MAX_TOUCHES)
        background->touches[background->touch_count++] = (struct touch){memory, from, bytes};
    if (background->idle)
        wake(background);
    pthread_mutex_unlock(&background->lock);
}

unsigned background_cancel(struct background *background)
{
    pthread_mutex_lock(&background->lock);
    const unsigned count = background->submitted - background->taken;
    background->submitted = background->compiled + background->busy;
    background->awaited = true;
    while (background->busy)
        pthread_cond_wait(&background->completion, &background->lock);
    background->awaited = false;
    background->taken = background->submitted;
    background->full = true;
    pthread_mutex_unlock(&background->lock);
    return count;
}

void background_fork(struct background *background, enum engine_fork when)
{
    if (when == ENGINE_FORK_BEFORE) {
        pthread_mutex_lock(&background->lock);
        background->awaited = true;
        while (background->busy)
            pthread_cond_wait(&background->completion, &background->lock);
        background->awaited = false;
    } else if (when == ENGINE_FORK_PARENT) {
        pthread_mutex_unlock(&background->lock);
    } else {
        compiler_free(background->compiler);
        free(background); /* what was on its way is asked for again */
    }
}

/* --- life ------------------------------------------------------------------------------------------- */

static void destroy(struct background *background)
{
    pthread_cond_destroy(&background->completion);
    pthread_cond_destroy(&background->submission);
    pthread_mutex_destroy(&background->lock);
    compiler_free(background->compiler);
    free(background);
}

struct background *background_create(const struct stubs *stubs)
{
    struct background *background = calloc(1, sizeof *background);
    if (!background)
        return NULL;
    background->full = true;
    pthread_mutex_init(&background->lock, NULL);
    pthread_cond_init(&background->submission, NULL);
    pthread_cond_init(&background->completion, NULL);
    background->compiler = compiler_create(stubs);
    if (!background->compiler || !start(background)) {
        destroy(background);
        return NULL;
    }
    return background;
}

void background_free(struct background *background)
{
    if (!background)
        return;
    pthread_mutex_lock(&background->lock);
    background->stopping = true;
    pthread_cond_signal(&background->submission);
    pthread_mutex_unlock(&background->lock);
    pthread_join(background->thread, NULL);
    destroy(background);
}
