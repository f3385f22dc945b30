/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What makes the machine stop: breakpoints, watchpoints, catches. isa/arm64/stops.h is how CPUs know of them. */
#ifndef ARMATURE_DEBUGGER_STOPPING_H
#define ARMATURE_DEBUGGER_STOPPING_H

#include "debugger/session/session.h"

enum point_kind { POINT_BREAK, POINT_WATCH, POINT_CATCH };
enum catch_kind { CATCH_EXCEPTION, CATCH_IRQ, CATCH_SMC, CATCH_RESET, CATCH_PANIC, CATCH_KINDS };

struct point {
    unsigned number;      /* as the user knows it; 0: a front end's or the debugger's own, which is not listed */
    enum point_kind kind;
    enum catch_kind catch_kind;
    bool enabled, temporary;
    bool internal;        /* `finish` and the like: gone with the next stop */
    uint64_t address;     /* virtual; of a watchpoint too */
    bool physical_known;  /* of a breakpoint: it has a place in RAM now */
    uint64_t physical;
    uint64_t bytes;       /* of a watchpoint */
    unsigned watch_kinds; /* WATCH_LOAD, WATCH_STORE */
    uint8_t old[16];      /* what a watchpoint's bytes were */
    bool any_value;       /* a store of what was there is a hit too */
    char *condition;      /* an expression; NULL: none */
    char *commands;       /* lines; NULL: none */
    char *what;           /* as the user wrote it */
    bool user;            /* only in one process: */
    uint64_t user_table;  /* its page table, by TTBR0_EL1 */
    uint64_t user_pid;
    bool frame_checked;   /* `finish`: only once the stack is above */
    uint64_t frame_sp;
    int cpu;              /* only on this CPU; -1: on any */
    uint64_t hits, ignore;
    struct point *next;
};

struct stopping *stopping_create(struct session *session);
void stopping_free(struct stopping *stopping);

/** Adds one, which takes effect at once, and gives it a number if it is the user's. NULL: `error` says why not. */
struct point *stopping_add(struct session *session, const struct point *point, bool numbered, struct error *error);
void stopping_remove(struct session *session, struct point *point);
struct point *stopping_find(struct session *session, unsigned number);
/** The first; others follow by `next`. In order of their numbers. */
struct point *stopping_first(struct session *session);
/** Memory and page tables are others now: each point finds its place anew, or has none (yet). */
void stopping_relocate(struct session *session);
/** Makes a point one that counts, or one that waits. */
void stopping_enable(struct session *session, struct point *point, bool enabled);
/** Has CPUs ask for what there is now. For us, and for who changed their hooks. */
void stopping_changed(struct session *session);

/** The machine stands: temporary points that were hit go, and whatever was internal. */
void stopping_settle(struct session *session);

/** The machine is about to run (`off`), and does not stop at breakpoints where its CPUs stand; it has run. */
void stopping_step_off(struct session *session, bool off);

/** While held, nothing stops for any point. Returns how it was. */
bool stopping_hold(struct session *session, bool held);

/** Whether a breakpoint would stop CPU `cpu` where it stands. For whoever steps by other means. */
bool stopping_at(struct session *session, struct cpu *cpu);

/** Whoever is told what the guest does: trace, coverage, syscalls. A member that is NULL: it does not want to know. */
struct stopping_tracer {
    /* Each instruction, about to run. */
    void (*insn)(struct session *session, struct cpu *cpu);
    /* A piece of straight code is about to run from PC on; so many instructions of it ran. Both or none. */
    void (*piece)(struct session *session, struct cpu *cpu);
    void (*piece_ran)(struct session *session, uint64_t insns);
    /* An exception was taken; `vector` is its offset. */
    void (*excepted)(struct session *session, struct cpu *cpu, unsigned vector);
    void (*returned)(struct session *session, struct cpu *cpu);
    void (*device)(struct session *session, struct cpu *cpu, uint64_t physical, unsigned size, bool write,
                   uint64_t value);
    bool of_past; /* it is the past that it wants to see: it is told on the way there, too */
    struct stopping_tracer *next; /* others; for us */
};

/** From now on, until stopping_untrace() of the same structure. Not told while somebody goes back in time: what happens
 *  then was told when it happened first. */
void stopping_trace(struct session *session, struct stopping_tracer *tracer);
void stopping_untrace(struct session *session, struct stopping_tracer *tracer);
/** While the machine is on its way to a moment in the past. Returns how it was. */
bool stopping_untold(struct session *session, bool untold);

extern const char *const catch_names[CATCH_KINDS];

#endif
