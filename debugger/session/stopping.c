/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points at which the machine stops, and the hooks by which CPUs ask about them. */
#include "debugger/session/stopping.h"
#include <stdlib.h>
#include <string.h>
#include "isa/arm64/debug.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/tlb.h"

#define VECTOR_IRQ_OFFSET 0x80u
#define VECTOR_FIQ_OFFSET 0x100u

const char *const catch_names[CATCH_KINDS] = {"exception", "irq", "smc", "reset", "panic"};

struct stopping {
    struct point *first;
    unsigned next_number;
    uint64_t *insns; /* what session->stops.insns shows */
    size_t insn_capacity;
    bool held, untold;
    struct {
        uint64_t pc, icount; /* where the CPU stood when it began to run */
    } off[MAX_CPUS];
    bool steps_off;
    struct stopping_tracer *tracers;
    /* The firmware's calls pass us while something catches them. */
    bool (*smccc)(void *context, struct cpu *cpu, bool is_smc);
    void (*system_reset)(void *context, struct cpu *cpu);
};

static struct session *the_session; /* for the firmware's hooks, whose contexts are others' */

struct stopping *stopping_create(struct session *session)
{
    struct stopping *stopping = host_alloc(1, sizeof *stopping);
    stopping->next_number = 1;
    the_session = session;
    return stopping;
}

static void free_point(struct point *point)
{
    free(point->condition);
    free(point->commands);
    free(point->what);
    free(point);
}

void stopping_free(struct stopping *stopping)
{
    while (stopping && stopping->first) {
        struct point *point = stopping->first;
        stopping->first = point->next;
        free_point(point);
    }
    if (stopping)
        free(stopping->insns);
    free(stopping);
}

/* --- hits ------------------------------------------------------------------------------------------ */

/* Whether the CPU is in the point's process, if it has one. */
static bool in_process(const struct point *point, const struct cpu *cpu)
{
    const uint64_t table_mask = 0xfffffffff000ull;
    return !point->user || !((cpu->sys.TTBR0_EL1 ^ point->user_table) & table_mask);
}

/* Whether the point counts on this CPU now: its process, its condition. A condition that cannot be evaluated stops. */
static bool applies(struct session *session, struct point *point, struct cpu *cpu)
{
    if (session->stopping->held || !point->enabled || (point->cpu >= 0 && (unsigned)point->cpu != cpu->index))
        return false;
    if (!in_process(point, cpu))
        return false;
    if (point->frame_checked && cpu->x[REG_SP] < point->frame_sp)
        return false;
    if (!point->condition)
        return true;
    struct error error;
    uint64_t number;
    unsigned selected = session->cpu;
    session->cpu = cpu->index;
    bool known = session->above->condition(session, point->condition, &number, &error);
    session->cpu = selected;
    if (!known)
        snprintf(session->stop.text, sizeof session->stop.text, "its condition: %.150s", error.text);
    return !known || number;
}

static void stop_for(struct session *session, struct point *point, struct cpu *cpu, enum stop_reason reason)
{
    char text[sizeof session->stop.text];
    memcpy(text, session->stop.text, sizeof text);
    session->stop =
        (struct stop){.reason = reason, .cpu = cpu->index, .number = point->number, .point = point, .insn_pc = cpu->pc};
    memcpy(session->stop.text, text, sizeof text);
    if (point->internal && reason == STOP_BREAKPOINT)
        session->stop.reason = STOP_STEP;
    run_loop_halt(&session->machine->loop);
}

/* Counts a hit; false: it is one of those to be ignored. */
static bool count_hit(struct point *point)
{
    point->hits++;
    if (!point->ignore)
        return true;
    point->ignore--;
    return false;
}

static bool hits_breakpoint(struct session *session, struct cpu *cpu)
{
    bool hit = false;
    const struct stopping *stopping = session->stopping;
    if (stopping->steps_off && stopping->off[cpu->index].pc == cpu->pc &&
        stopping->off[cpu->index].icount == cpu->icount)
        return false;
    for (struct point *point = stopping->first; point; point = point->next) {
        if (point->kind != POINT_BREAK || point->address != cpu->pc || !applies(session, point, cpu) ||
            !count_hit(point))
            continue;
        if (!hit || point->number)
            stop_for(session, point, cpu, STOP_BREAKPOINT);
        hit = true;
    }
    return hit;
}

static bool on_reached(void *context, struct cpu *cpu)
{
    return hits_breakpoint(context, cpu);
}

bool stopping_at(struct session *session, struct cpu *cpu)
{
    return hits_breakpoint(session, cpu);
}

static bool is_told(const struct stopping *stopping, const struct stopping_tracer *tracer)
{
    return tracer->of_past || !stopping->untold;
}

/* Tells each tracer that wants to know. */
#define TELL(session, what, ...)                                                                                       \
    for (struct stopping_tracer *tracer_ = (session)->stopping->tracers; tracer_; tracer_ = tracer_->next)             \
        if (tracer_->what && is_told((session)->stopping, tracer_))                                                    \
    tracer_->what(session, __VA_ARGS__)

static bool on_each_insn(void *context, struct cpu *cpu)
{
    struct session *session = context;
    if (session->stops.insn_count && hits_breakpoint(session, cpu))
        return true;
    TELL(session, insn, cpu);
    return false;
}

static void on_piece(void *context, struct cpu *cpu)
{
    struct session *session = context;
    TELL(session, piece, cpu);
}

static void on_piece_ran(void *context, uint64_t insns)
{
    struct session *session = context;
    TELL(session, piece_ran, insns);
}

/* --- watchpoints ----------------------------------------------------------------------------------- */

static bool overlaps(const struct point *point, uint64_t physical, unsigned size)
{
    return point->physical_known && physical < point->physical + point->bytes && point->physical < physical + size;
}

static bool on_watched(void *context, uint64_t physical, unsigned size, unsigned kinds)
{
    const struct session *session = context;
    for (const struct point *point = session->stopping->first; point; point = point->next)
        if (point->kind == POINT_WATCH && point->enabled && point->watch_kinds & kinds &&
            overlaps(point, physical, size))
            return true;
    return false;
}

static void on_watched_within(void *context, uint64_t physical_page, uint32_t *from, uint32_t *to)
{
    const struct session *session = context;
    *from = (uint32_t)PAGE_SIZE_BYTES;
    *to = 0;
    for (const struct point *point = session->stopping->first; point; point = point->next) {
        if (point->kind != POINT_WATCH || !point->enabled || !overlaps(point, physical_page, PAGE_SIZE_BYTES))
            continue;
        const uint32_t at = (uint32_t)(point->physical - physical_page), end = at + (uint32_t)point->bytes;
        *from = at < *from ? at : *from;
        *to = end > *to ? end : *to;
    }
}

static void on_accessed(void *context, struct cpu *cpu, uint64_t va, uint64_t physical, unsigned size, unsigned kinds)
{
    struct session *session = context;
    for (struct point *point = session->stopping->first; point; point = point->next) {
        if (point->kind != POINT_WATCH || !(point->watch_kinds & kinds) || !overlaps(point, physical, size))
            continue;
        const uint8_t *host = ram_at(&session->machine->bus.ram, point->physical, point->bytes);
        if (host)
            memcpy(point->old, host, point->bytes < sizeof point->old ? point->bytes : sizeof point->old);
        if (!applies(session, point, cpu) || !count_hit(point))
            continue;
        stop_for(session, point, cpu, STOP_WATCHPOINT);
        session->stop.insn_pc = cpu->pc - 4; /* it runs alone, and PC is behind it */
        session->stop.watch_address = va + (point->physical > physical ? point->physical - physical : 0);
        session->stop.watch_kinds = kinds & point->watch_kinds;
    }
}

static void set_page_flag(struct session *session, const struct point *point)
{
    const struct ram *ram = &session->machine->bus.ram;
    uint8_t flags = (point->watch_kinds & 2 ? PAGE_WATCHED : 0) | (point->watch_kinds & 1 ? PAGE_READ_WATCHED : 0);
    for (uint64_t at = point->physical & ~(PAGE_SIZE_BYTES - 1); at < point->physical + point->bytes;
         at += PAGE_SIZE_BYTES)
        ram->page_flags[(at - ram->base) / PAGE_SIZE_BYTES] |= flags;
}

static void clear_page_flags(struct session *session, const struct point *point)
{
    const struct ram *ram = &session->machine->bus.ram;
    for (uint64_t at = point->physical & ~(PAGE_SIZE_BYTES - 1); at < point->physical + point->bytes;
         at += PAGE_SIZE_BYTES)
        ram->page_flags[(at - ram->base) / PAGE_SIZE_BYTES] &= (uint8_t)~(PAGE_WATCHED | PAGE_READ_WATCHED);
}

/* --- catches --------------------------------------------------------------------------------------- */

static void hit_catch(struct session *session, struct cpu *cpu, enum catch_kind kind, const char *text)
{
    for (struct point *point = session->stopping->first; point; point = point->next)
        if (point->kind == POINT_CATCH && point->catch_kind == kind && applies(session, point, cpu) &&
            count_hit(point)) {
            stop_for(session, point, cpu, STOP_CATCH);
            snprintf(session->stop.text, sizeof session->stop.text, "%s", text);
        }
}

static void on_excepted(void *context, struct cpu *cpu, unsigned vector)
{
    struct session *session = context;
    char text[128];
    bool irq = vector == VECTOR_IRQ_OFFSET || vector == VECTOR_FIQ_OFFSET;
    snprintf(text, sizeof text,
             irq ? "an interrupt at 0x%llx" : "an exception at 0x%llx, ESR_EL1 0x%llx, FAR_EL1 0x%llx",
             (unsigned long long)cpu->sys.ELR_EL1, (unsigned long long)cpu->sys.ESR_EL1,
             (unsigned long long)cpu->sys.FAR_EL1);
    hit_catch(session, cpu, irq ? CATCH_IRQ : CATCH_EXCEPTION, text);
    if (!session->stopping->untold)
        TELL(session, excepted, cpu, vector);
}

static void on_returned(void *context, struct cpu *cpu)
{
    struct session *session = context;
    TELL(session, returned, cpu);
}

static void on_device(void *context, struct cpu *cpu, uint64_t physical, unsigned size, bool write, uint64_t value)
{
    struct session *session = context;
    TELL(session, device, cpu, physical, size, write, value);
}

static bool on_smccc(void *context, struct cpu *cpu, bool is_smc)
{
    char text[96];
    snprintf(text, sizeof text, "a call of the firmware: x0 = 0x%llx", (unsigned long long)cpu->x[0]);
    hit_catch(the_session, cpu, CATCH_SMC, text);
    return the_session->stopping->smccc(context, cpu, is_smc);
}

static void on_reset(void *context, struct cpu *cpu)
{
    hit_catch(the_session, cpu, CATCH_RESET, "the guest resets the machine");
    the_session->stopping->system_reset(context, cpu);
}

/* --- taking effect --------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The block there is decoded anew, with the breakpoint or without. */
static void forget_code(struct session *session, uint64_t physical)
{
    struct machine *machine = session->machine;
    if (ram_at(&machine->bus.ram, physical, 4))
        machine->engine_ops->insn_asked(machine->engine, physical);
}

static void collect_insns(struct session *session)
{
    struct stopping *stopping = session->stopping;
    size_t count = 0;
    for (struct point *point = stopping->first; point; point = point->next) {
        if (point->kind != POINT_BREAK || !point->enabled || !point->physical_known)
            continue;
        if (count == stopping->insn_capacity) {
            stopping->insn_capacity = stopping->insn_capacity ? stopping->insn_capacity * 2 : 64;
            stopping->insns = host_realloc(stopping->insns, stopping->insn_capacity, sizeof *stopping->insns);
        }
        stopping->insns[count++] = point->physical;
    }
    if (count)
        qsort(stopping->insns, count, sizeof *stopping->insns, by_number);
    session->stops.insns = stopping->insns;
    session->stops.insn_count = count;
}

/* Code at PC was found: breakpoints in its page may learn where they are. */
static void on_fetched(void *context, struct cpu *cpu, uint64_t physical)
{
    struct session *session = context;
    const uint64_t mask = ~(PAGE_SIZE_BYTES - 1);
    bool learnt = false;
    for (struct point *point = session->stopping->first; point; point = point->next) {
        if (point->kind != POINT_BREAK || (point->address ^ cpu->pc) & mask || !in_process(point, cpu))
            continue;
        uint64_t at = (physical & mask) | (point->address & ~mask);
        if (point->physical_known && point->physical == at)
            continue;
        if (point->physical_known)
            forget_code(session, point->physical);
        point->physical = at;
        point->physical_known = learnt = true;
        forget_code(session, at);
    }
    if (learnt)
        collect_insns(session);
}

/* Only breakpoints of the lower half have to be looked for while the guest runs: the kernel's stay where they are once
 * they are mapped. */
static bool wanders(const struct point *point)
{
    return point->kind == POINT_BREAK && point->enabled && (!(point->address >> 63) || !point->physical_known);
}

static bool any(struct session *session, enum point_kind kind, enum catch_kind catch_kind)
{
    for (const struct point *point = session->stopping->first; point; point = point->next)
        if (point->kind == kind && point->enabled && (kind != POINT_CATCH || point->catch_kind == catch_kind))
            return true;
    return false;
}

static void hook_firmware(struct session *session)
{
    struct machine *machine = session->machine;
    struct stopping *stopping = session->stopping;
    bool smc = any(session, POINT_CATCH, CATCH_SMC), reset = any(session, POINT_CATCH, CATCH_RESET);
    if (!stopping->smccc && machine->cpu_count) {
        stopping->smccc = machine->cpus[0]->smccc;
        stopping->system_reset = machine->psci.system_reset;
    }
    for (unsigned i = 0; i < machine->cpu_count; i++)
        machine->cpus[i]->smccc = smc ? on_smccc : stopping->smccc;
    machine->psci.system_reset = reset ? on_reset : stopping->system_reset;
}

void stopping_changed(struct session *session)
{
    struct machine *machine = session->machine;
    struct stopping *stopping = session->stopping;
    struct stops *stops = &session->stops;
    bool wandering = false, watching = any(session, POINT_WATCH, 0);
    for (struct point *point = stopping->first; point; point = point->next) {
        wandering |= wanders(point);
        if (point->kind == POINT_WATCH && point->physical_known)
            clear_page_flags(session, point);
    }
    for (struct point *point = stopping->first; point; point = point->next)
        if (point->kind == POINT_WATCH && point->enabled && point->physical_known)
            set_page_flag(session, point);
    collect_insns(session);
    stops->context = session;
    stops->reached = on_reached;
    stops->fetched = wandering ? on_fetched : NULL;
    stops->watched = on_watched;
    stops->watched_within = on_watched_within;
    stops->accessed = on_accessed;
    stops->each_insn = NULL;
    stops->piece_begins = NULL;
    stops->piece_ran = NULL;
    stops->excepted =
        any(session, POINT_CATCH, CATCH_EXCEPTION) || any(session, POINT_CATCH, CATCH_IRQ) ? on_excepted : NULL;
    stops->returned = NULL;
    stops->device_accessed = NULL;
    for (const struct stopping_tracer *tracer = stopping->tracers; tracer; tracer = tracer->next) {
        if (!is_told(stopping, tracer))
            continue;
        stops->each_insn = tracer->insn ? on_each_insn : stops->each_insn;
        stops->piece_begins = tracer->piece ? on_piece : stops->piece_begins;
        stops->piece_ran = tracer->piece ? on_piece_ran : stops->piece_ran;
        stops->excepted = tracer->excepted ? on_excepted : stops->excepted;
        stops->returned = tracer->returned ? on_returned : stops->returned;
        stops->device_accessed = tracer->device ? on_device : stops->device_accessed;
    }
    bool needed = stops->insn_count || stops->fetched || watching || stops->each_insn || stops->piece_begins ||
                  stops->excepted || stops->returned || stops->device_accessed;
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        machine->cpus[i]->stops = needed ? stops : NULL;
        stops_changed(machine->cpus[i]);
        if (watching)
            tlb_flush_inline(machine->cpus[i]);
    }
    hook_firmware(session);
}

/* --- entry points ---------------------------------------------------------------------------------- */

/* Finds where the point is in RAM, as far as it is mapped now. */
static bool place(struct session *session, struct point *point, struct error *error)
{
    struct space space = session_space(session);
    if (point->user) {
        space.other_user = true;
        space.user_table = point->user_table;
    }
    point->physical_known = space_translate(&space, point->address, &point->physical) &&
                            ram_at(&session->machine->bus.ram, point->physical, 4);
    if (point->kind != POINT_WATCH)
        return true;
    if (!point->physical_known)
        return error_set(error, "0x%llx is no memory that is mapped now", (unsigned long long)point->address);
    if (point->address % PAGE_SIZE_BYTES + point->bytes > PAGE_SIZE_BYTES)
        return error_set(error, "a watchpoint lies within a page");
    return true;
}

struct point *stopping_add(struct session *session, const struct point *model, bool numbered, struct error *error)
{
    struct stopping *stopping = session->stopping;
    struct point *point = host_alloc(1, sizeof *point), **at = &stopping->first;
    *point = *model;
    point->next = NULL;
    if (point->kind == POINT_BREAK && point->address & 3) {
        error_set(error, "an instruction's address is a multiple of 4");
        free(point);
        return NULL;
    }
    if (point->kind != POINT_CATCH && !place(session, point, error)) {
        free(point);
        return NULL;
    }
    point->condition = model->condition ? strdup(model->condition) : NULL;
    point->what = model->what ? strdup(model->what) : NULL;
    point->commands = NULL;
    point->number = numbered ? stopping->next_number++ : 0;
    while (*at)
        at = &(*at)->next;
    *at = point;
    stopping_changed(session);
    if (point->kind == POINT_BREAK && point->physical_known)
        forget_code(session, point->physical);
    /* What other address spaces remember of the page, they must find anew. */
    if (wanders(point))
        session->machine->engine_ops->flush(session->machine->engine);
    return point;
}

void stopping_remove(struct session *session, struct point *point)
{
    struct point **at = &session->stopping->first;
    while (*at && *at != point)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = point->next;
    if (point->kind == POINT_WATCH && point->physical_known)
        clear_page_flags(session, point);
    stopping_changed(session);
    if (point->kind == POINT_BREAK && point->physical_known)
        forget_code(session, point->physical);
    free_point(point);
}

void stopping_enable(struct session *session, struct point *point, bool enabled)
{
    if (point->enabled == enabled)
        return;
    point->enabled = enabled;
    stopping_changed(session);
    if (point->kind == POINT_BREAK && point->physical_known)
        forget_code(session, point->physical);
}

void stopping_relocate(struct session *session)
{
    for (struct point *point = session->stopping->first; point; point = point->next)
        if (point->kind != POINT_CATCH && !place(session, point, NULL))
            point->physical_known = false;
    stopping_changed(session);
    session->machine->engine_ops->flush(session->machine->engine);
}

struct point *stopping_find(struct session *session, unsigned number)
{
    struct point *point = session->stopping->first;
    while (point && (!number || point->number != number))
        point = point->next;
    return point;
}

struct point *stopping_first(struct session *session)
{
    return session->stopping->first;
}

/* Whoever is told of each instruction is told of this one, too; for others it counts as asked for. */
void stopping_step_off(struct session *session, bool off)
{
    struct stopping *stopping = session->stopping;
    stopping->steps_off = off;
    for (unsigned i = 0; off && i < session->machine->cpu_count; i++) {
        struct cpu *cpu = session->machine->cpus[i];
        stopping->off[i].pc = cpu->pc;
        stopping->off[i].icount = cpu->icount;
        cpu->asked_pc = cpu->pc;
        cpu->asked_icount = session->stops.each_insn ? UINT64_MAX : cpu->icount;
    }
}

bool stopping_hold(struct session *session, bool held)
{
    bool was = session->stopping->held;
    session->stopping->held = held;
    return was;
}

void stopping_settle(struct session *session)
{
    struct point *next;
    for (struct point *point = session->stopping->first; point; point = next) {
        next = point->next;
        bool hit = session->stop.number && session->stop.number == point->number;
        if (point->internal || (point->temporary && hit))
            stopping_remove(session, point);
    }
}

void stopping_trace(struct session *session, struct stopping_tracer *tracer)
{
    tracer->next = session->stopping->tracers;
    session->stopping->tracers = tracer;
    stopping_changed(session);
}

void stopping_untrace(struct session *session, struct stopping_tracer *tracer)
{
    struct stopping_tracer **at = &session->stopping->tracers;
    while (*at && *at != tracer)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = tracer->next;
    stopping_changed(session);
}

bool stopping_untold(struct session *session, bool untold)
{
    struct stopping *stopping = session->stopping;
    const bool was = stopping->untold;
    stopping->untold = untold;
    if (was != untold && stopping->tracers)
        stopping_changed(session);
    return was;
}
