/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests between CPUs, the machine lock, quiet: threads.h says what they are for. */
#include "isa/arm64/threads.h"
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define QUEUE_REQUESTS 64u /* more than that at once become one flush of all */
/* A wait for another thread spins first, then gives the host's processor away, then sleeps between two looks: that
 * one may itself wait for a processor. */
#define SPINS     200u
#define YIELDS    10u
#define SLEEP_NS  20000

/* What others see of a CPU. */
struct seat {
    struct cpu *cpu;
    pthread_mutex_t queue_lock;
    struct cpu_request queue[QUEUE_REQUESTS];
    unsigned queued;
    bool overflowed;
    uint64_t asked;    /* how many requests were ever put here */
    uint64_t answered; /* up to which they have been served */
    bool running;      /* in its engine */
    pthread_cond_t woken;
    uint64_t *awaits; /* of each other CPU: its `asked` behind what this one asked last */
    bool any_awaited;
} __attribute__((aligned(64)));

struct threads {
    struct clock *clock;
    pthread_mutex_t machine;
    pthread_mutex_t quiet; /* held by whoever has the quiet; who may not enter waits for it */
    bool quiet_wanted;
    void (*accessed)(void *context);
    void *accessed_context;
    unsigned count, capacity;
    size_t bytes; /* of all this */
    uint64_t *awaits;
    struct seat seats[];
};

static struct seat *seat_of(const struct cpu *cpu)
{
    return &cpu->threads->seats[cpu->index];
}

/* Once around a loop that waits for another thread. */
static void relax(unsigned *spins)
{
    if (++*spins <= SPINS)
        __builtin_ia32_pause();
    else if (*spins <= SPINS + YIELDS)
        sched_yield();
    else
        nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
}

/* --- the machine lock ------------------------------------------------------------------------------ */

void threads_lock(struct threads *threads)
{
    pthread_mutex_lock(&threads->machine);
    threads->clock->now_ns = clock_live_ns(threads->clock);
}

void threads_unlock(struct threads *threads)
{
    pthread_mutex_unlock(&threads->machine);
}

void threads_unlock_device(struct threads *threads)
{
    if (threads->accessed)
        threads->accessed(threads->accessed_context);
    threads_unlock(threads);
}

void threads_on_device_access(struct threads *threads, void (*accessed)(void *context), void *context)
{
    threads->accessed = accessed;
    threads->accessed_context = context;
}

/* --- requests -------------------------------------------------------------------------------------- */

static void serve_side(struct cpu *cpu, const struct cpu_request *request)
{
    switch (request->kind) {
    case REQUEST_FLUSH_ALL: tlb_flush_all_of_side(cpu); break;
    case REQUEST_FLUSH_ASID: tlb_invalidate_asid(cpu, request->asid); break;
    case REQUEST_FLUSH_VA: tlb_invalidate_va(cpu, request->address, request->asid); break;
    case REQUEST_DROP_WRITE_TAGS: tlb_drop_write_tags(cpu, request->address); break;
    }
}

void tlb_serve(struct cpu *cpu, const struct cpu_request *request)
{
    unsigned side = request->kind == REQUEST_DROP_WRITE_TAGS ? cpu->tlb_all != cpu->tlb_sides[0] : request->of_el2;
    unsigned old = tlb_use_side(cpu, side);
    if (side != old)
        tlb_empty_slots(cpu);
    serve_side(cpu, request);
    tlb_use_side(cpu, old);
}

/* On the CPU's own thread, while it is between two accesses. */
static void serve(struct cpu *cpu)
{
    struct seat *seat = seat_of(cpu);
    if (__atomic_load_n(&seat->asked, __ATOMIC_SEQ_CST) == seat->answered)
        return;
    struct cpu_request requests[QUEUE_REQUESTS];
    pthread_mutex_lock(&seat->queue_lock);
    unsigned count = seat->queued;
    bool overflowed = seat->overflowed;
    uint64_t asked = seat->asked;
    for (unsigned i = 0; i < count; i++)
        requests[i] = seat->queue[i];
    seat->queued = 0;
    seat->overflowed = false;
    pthread_mutex_unlock(&seat->queue_lock);
    if (overflowed)
        tlb_flush_all(cpu);
    else
        for (unsigned i = 0; i < count; i++)
            tlb_serve(cpu, &requests[i]);
    __atomic_store_n(&seat->answered, asked, __ATOMIC_SEQ_CST);
}

void threads_ask(struct cpu *cpu, struct cpu *peer, const struct cpu_request *request)
{
    struct seat *own = seat_of(cpu), *seat = seat_of(peer);
    pthread_mutex_lock(&seat->queue_lock);
    if (seat->queued < QUEUE_REQUESTS)
        seat->queue[seat->queued++] = *request;
    else
        seat->overflowed = true;
    own->awaits[peer->index] = __atomic_add_fetch(&seat->asked, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&seat->queue_lock);
    own->any_awaited = true;
    cpu_attention(peer);
}

void threads_ask_peers(struct cpu *cpu, const struct cpu_request *request)
{
    for (unsigned i = 0; i < cpu->peer_count; i++)
        if (cpu->peers[i] != cpu)
            threads_ask(cpu, cpu->peers[i], request);
}

/* One that does not run has no access under way, and serves before it runs. */
static bool answered(const struct seat *seat, uint64_t number)
{
    return __atomic_load_n(&seat->answered, __ATOMIC_SEQ_CST) >= number ||
           !__atomic_load_n(&seat->running, __ATOMIC_SEQ_CST);
}

void threads_await(struct cpu *cpu)
{
    struct seat *own = seat_of(cpu);
    if (!own->any_awaited)
        return;
    own->any_awaited = false;
    unsigned spins = 0;
    for (unsigned i = 0; i < cpu->threads->count; i++) {
        while (!answered(&cpu->threads->seats[i], own->awaits[i])) {
            serve(cpu); /* that one may wait for this one */
            relax(&spins);
        }
    }
}

/* --- running and quiet ----------------------------------------------------------------------------- */

static void set_running(struct seat *seat, bool running)
{
    __atomic_store_n(&seat->running, running, __ATOMIC_SEQ_CST);
}

static bool is_running(const struct seat *seat)
{
    return __atomic_load_n(&seat->running, __ATOMIC_SEQ_CST);
}

void threads_enter(struct cpu *cpu)
{
    struct threads *threads = cpu->threads;
    struct seat *seat = seat_of(cpu);
    set_running(seat, true);
    while (__atomic_load_n(&threads->quiet_wanted, __ATOMIC_SEQ_CST)) {
        set_running(seat, false);
        pthread_mutex_lock(&threads->quiet);
        pthread_mutex_unlock(&threads->quiet);
        set_running(seat, true);
    }
    serve(cpu);
}

void threads_leave(struct cpu *cpu)
{
    set_running(seat_of(cpu), false);
}

void threads_await_left(const struct cpu *cpu)
{
    unsigned spins = 0;
    while (is_running(seat_of(cpu)))
        relax(&spins);
}

void threads_poke_all(struct threads *threads)
{
    for (unsigned i = 0; i < threads->count; i++)
        cpu_attention(threads->seats[i].cpu);
}

void threads_quiet_begin(struct threads *threads)
{
    pthread_mutex_lock(&threads->quiet);
    __atomic_store_n(&threads->quiet_wanted, true, __ATOMIC_SEQ_CST);
    threads_poke_all(threads);
    unsigned spins = 0;
    for (unsigned i = 0; i < threads->count; i++)
        while (is_running(&threads->seats[i]))
            relax(&spins);
    threads_lock(threads);
}

void threads_quiet_end(struct threads *threads)
{
    threads_unlock(threads);
    __atomic_store_n(&threads->quiet_wanted, false, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&threads->quiet);
}

/* --- sleep ----------------------------------------------------------------------------------------- */

void threads_sleep(struct cpu *cpu, uint64_t ns)
{
    struct seat *seat = seat_of(cpu);
    if (ns == CLOCK_NEVER) {
        pthread_cond_wait(&seat->woken, &cpu->threads->machine);
    } else {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        ns += (uint64_t)until.tv_nsec;
        until.tv_sec += (time_t)(ns / NS_PER_S);
        until.tv_nsec = (long)(ns % NS_PER_S);
        pthread_cond_timedwait(&seat->woken, &cpu->threads->machine, &until);
    }
    cpu->clock->now_ns = clock_live_ns(cpu->clock);
}

void threads_wake(struct cpu *cpu)
{
    pthread_cond_signal(&seat_of(cpu)->woken);
}

/* --- life ------------------------------------------------------------------------------------------ */

static void init_seat(struct seat *seat, struct cpu *cpu, uint64_t *awaits)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&seat->woken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&seat->queue_lock, NULL);
    seat->cpu = cpu;
    seat->awaits = awaits;
}

static void init_locks(struct threads *threads)
{
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&threads->machine, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_init(&threads->quiet, NULL);
}

struct threads *threads_create(struct cpu *const *cpus, unsigned cpu_count, unsigned capacity, struct clock *clock,
                               struct error *error)
{
    size_t bytes = sizeof(struct threads) + capacity * sizeof(struct seat);
    struct threads *threads = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t *awaits = calloc((size_t)capacity * capacity, sizeof *awaits);
    if (threads == MAP_FAILED || !awaits) {
        if (threads != MAP_FAILED)
            munmap(threads, bytes);
        free(awaits);
        error_set(error, "no memory on the host for %u parallel CPUs; free some or give fewer --cpus", capacity);
        return NULL;
    }
    threads->clock = clock;
    threads->bytes = bytes;
    threads->capacity = capacity;
    threads->awaits = awaits;
    init_locks(threads);
    for (unsigned i = 0; i < cpu_count; i++)
        threads_add(threads, cpus[i]);
    return threads;
}

/* Whoever looks at the seats meanwhile sees those there were, or one more that does not run. */
void threads_add(struct threads *threads, struct cpu *cpu)
{
    unsigned index = threads->count;
    init_seat(&threads->seats[index], cpu, threads->awaits + (size_t)index * threads->capacity);
    cpu->threads = threads;
    cpu->parallel = true;
    __atomic_store_n(&threads->count, index + 1, __ATOMIC_RELEASE);
}

void threads_forked(struct threads *threads)
{
    init_locks(threads); /* the child's thread is another than the one that holds them */
    threads->quiet_wanted = false;
    for (unsigned i = 0; i < threads->count; i++) {
        struct seat *seat = &threads->seats[i];
        pthread_mutex_init(&seat->queue_lock, NULL);
        seat->queued = 0;
        seat->overflowed = seat->any_awaited = false;
        seat->answered = seat->asked;
        set_running(seat, false);
    }
}

void threads_free(struct threads *threads)
{
    if (!threads)
        return;
    for (unsigned i = 0; i < threads->count; i++) {
        threads->seats[i].cpu->parallel = false;
        threads->seats[i].cpu->threads = NULL;
        pthread_cond_destroy(&threads->seats[i].woken);
        pthread_mutex_destroy(&threads->seats[i].queue_lock);
    }
    pthread_mutex_destroy(&threads->quiet);
    pthread_mutex_destroy(&threads->machine);
    free(threads->awaits);
    munmap(threads, threads->bytes);
}
