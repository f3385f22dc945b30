/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Machines in lockstep. */
#include "machine/cluster.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOTHING_STEP_NS 10000000ull /* where nobody has anything to do, and only the host may change that */

struct member {
    struct cluster *cluster;
    struct machine *machine;
    struct event gate;
    pthread_t thread;
    bool at_terminal;
    int status;
    struct error error;
};

struct cluster {
    uint64_t latency_ns;
    void (*exchange)(void *context);
    void *context;
    struct member members[CLUSTER_MACHINES_MAX];
    unsigned count;
    pthread_mutex_t lock;
    pthread_cond_t opened;
    unsigned running, waiting; /* members that have not ended, and those of them at the gate */
    uint64_t gate_ns;
    unsigned long gates; /* how many were opened */
    bool closing;        /* all are to end */
};

/* The first moment at which the machine, which stands still at the gate, does anything by itself. */
static uint64_t acts_ns(const struct machine *machine)
{
    const struct run_loop *loop = &machine->loop;
    uint64_t next_ns = clock_next_ns(&machine->clock);
    bool awake = inputs_queued(machine->inputs) || inputs_scripted(machine->inputs);
    for (unsigned i = 0; i < loop->cpu_count; i++)
        awake |= loop->cpus[i]->wait == WAIT_NONE || loop->cpus[i]->wait == WAIT_WFE || /* which the gate ends */
                 (loop->cpus[i]->wait != WAIT_POWERED_OFF && cpu_wake_ready(loop->cpus[i]));
    return awake || next_ns < loop->now_ns ? loop->now_ns : next_ns;
}

/* Everybody is at the gate. */
static void open_gate(struct cluster *cluster)
{
    uint64_t first_ns = CLOCK_NEVER;
    cluster->exchange(cluster->context);
    for (unsigned i = 0; i < cluster->count; i++) {
        const struct member *member = &cluster->members[i];
        if (member->machine && acts_ns(member->machine) < first_ns)
            first_ns = acts_ns(member->machine);
    }
    if (first_ns == CLOCK_NEVER) {
        first_ns = cluster->gate_ns + NOTHING_STEP_NS;
        nanosleep(&(struct timespec){.tv_nsec = NOTHING_STEP_NS}, NULL);
    }
    cluster->gate_ns = (first_ns > cluster->gate_ns ? first_ns : cluster->gate_ns) + cluster->latency_ns;
    cluster->waiting = 0;
    cluster->gates++;
    pthread_cond_broadcast(&cluster->opened);
}

static void at_gate(void *owner)
{
    struct member *member = owner;
    struct cluster *cluster = member->cluster;
    pthread_mutex_lock(&cluster->lock);
    unsigned long gate = cluster->gates;
    if (++cluster->waiting == cluster->running)
        open_gate(cluster);
    while (gate == cluster->gates)
        pthread_cond_wait(&cluster->opened, &cluster->lock);
    bool closing = cluster->closing;
    uint64_t next_ns = cluster->gate_ns;
    pthread_mutex_unlock(&cluster->lock);
    if (closing)
        machine_quit(member->machine);
    clock_schedule(&member->machine->clock, &member->gate, next_ns);
}

static void *run_member(void *context)
{
    struct member *member = context;
    struct cluster *cluster = member->cluster;
    struct machine *machine = member->machine;
    inputs_serve_here(machine->inputs);
    member->status = machine_run(machine, &member->error);
    clock_cancel(&machine->clock, &member->gate);
    pthread_mutex_lock(&cluster->lock);
    member->machine = NULL;
    cluster->closing |= member->at_terminal;
    if (--cluster->running == cluster->waiting && cluster->running)
        open_gate(cluster);
    pthread_mutex_unlock(&cluster->lock);
    return NULL;
}

bool cluster_run(struct cluster *cluster, int statuses[], struct error errors[], struct error *error)
{
    int failed = 0;
    unsigned started = 0;
    cluster->gate_ns = cluster->latency_ns;
    cluster->running = cluster->count;
    for (unsigned i = 0; i < cluster->count; i++)
        clock_schedule(&cluster->members[i].machine->clock, &cluster->members[i].gate, cluster->gate_ns);
    while (started < cluster->count && !failed) {
        failed = pthread_create(&cluster->members[started].thread, NULL, run_member, &cluster->members[started]);
        started += !failed;
    }
    if (failed) { /* those that run get to a gate and end */
        pthread_mutex_lock(&cluster->lock);
        cluster->closing = true;
        cluster->running -= cluster->count - started;
        for (unsigned i = started; i < cluster->count; i++)
            cluster->members[i].machine = NULL;
        if (cluster->running && cluster->waiting == cluster->running)
            open_gate(cluster);
        pthread_mutex_unlock(&cluster->lock);
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(cluster->members[i].thread, NULL);
        statuses[i] = cluster->members[i].status;
        errors[i] = cluster->members[i].error;
    }
    return !failed || error_set(error, "the host has no thread for a machine: %s", strerror(failed));
}

void cluster_add(struct cluster *cluster, struct machine *machine)
{
    struct member *member = &cluster->members[cluster->count++];
    *member = (struct member){.cluster = cluster, .machine = machine};
    member->at_terminal = machine->options->serial.kind == SERIAL_STDIO && isatty(STDIN_FILENO);
    event_init(&member->gate, at_gate, member);
}

struct cluster *cluster_create(uint64_t latency_ns, void (*exchange)(void *context), void *context)
{
    struct cluster *cluster = host_alloc(1, sizeof *cluster);
    cluster->latency_ns = latency_ns;
    cluster->exchange = exchange;
    cluster->context = context;
    pthread_mutex_init(&cluster->lock, NULL);
    pthread_cond_init(&cluster->opened, NULL);
    return cluster;
}

void cluster_free(struct cluster *cluster)
{
    if (!cluster)
        return;
    pthread_cond_destroy(&cluster->opened);
    pthread_mutex_destroy(&cluster->lock);
    free(cluster);
}
