/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A debugging session: what the commands work on. One machine, one session; all front ends share it and take turns.
 * This folder has what a session owns: how the machine runs and why it stood still (session.c), breakpoints,
 * watchpoints and catches (stopping.c), going back (history.c), the guest's memory as CPUs see it (target.c). What is
 * above - views of what the guest runs, commands, front ends - is told and asked by struct session_above. */
#ifndef ARMATURE_DEBUGGER_SESSION_H
#define ARMATURE_DEBUGGER_SESSION_H

#include <stdio.h>
#include "debugger/symbols/symbols.h"
#include "debugger/session/target.h"
#include "debugger/symbols/types.h"
#include "isa/arm64/stops.h"
#include "machine/machine.h"

struct kernel;
struct stopping;
struct session;
struct point;

/** What only the program as a whole can do. */
struct session_hooks {
    bool (*save)(struct machine *machine, const char *path, struct error *error);
    /* Gives the machine the state in a file. `begins(context)` is called when the file was found to be one of such a
     * machine, and before the machine changes. False: if it was called, the machine is of no more use. */
    bool (*restore)(struct machine *machine, const char *path, void (*begins)(void *context), void *context,
                    struct error *error);
    const char *version; /* the program's, for logs */
};

/** What the layers above do for a session. */
struct session_above {
    /* Makes what they keep in it, and frees that. */
    void (*begins)(struct session *session);
    void (*ends)(struct session *session);
    /* The value of a breakpoint's condition. */
    bool (*condition)(struct session *session, const char *text, uint64_t *number, struct error *error);
    /* The machine ran, and stands. */
    void (*stood)(struct session *session);
    /* The machine halted: does what peers asked for meanwhile. Returns whether anybody had asked. */
    bool (*serve)(struct session *session);
    /* The terminal is the guest's, or ours. */
    void (*terminal)(struct session *session, bool guest);
};

/** Why the machine stands still. */
enum stop_reason {
    STOP_START,      /* it has not run yet */
    STOP_ASKED,      /* Ctrl-C, Ctrl-A D, `stop` */
    STOP_STEP,       /* what was asked for is done */
    STOP_BREAKPOINT,
    STOP_WATCHPOINT,
    STOP_CATCH,
    STOP_ENDED,      /* the guest is off, panicked, or its time is over: it cannot go on */
    STOP_BEGINNING,  /* history begins here: it cannot go back further */
};

struct stop {
    enum stop_reason reason;
    unsigned cpu;
    unsigned number;    /* of the breakpoint, watchpoint or catch */
    const struct point *point; /* which may be gone by now */
    uint64_t insn_pc;   /* the instruction that made it stop */
    char text[200];     /* what is to be told besides */
    uint64_t watch_address;
    unsigned watch_kinds; /* of the access: WATCH_LOAD, WATCH_STORE */
};

struct session {
    struct machine *machine;
    struct stops stops; /* what the CPUs know of us */
    struct stopping *stopping;
    struct kernel *kernel;
    struct symbols *symbols;
    struct types *types;   /* of loaded files, and the kernel's; NULL: none are known (yet) */
    const struct session_hooks *hooks;
    const struct session_above *above;
    uint64_t kernel_table; /* TTBR1_EL1 of the kernel's own tables; 0: not known */

    unsigned cpu;          /* the one that is looked at */
    unsigned frame;        /* of its stack */
    bool kernel_names;     /* names in expressions are the kernel's: no local variables */
    struct stop stop;
    bool running;          /* inside session_resume() */
    volatile bool asked_to_stop; /* while it ran */
    bool peers_wait;       /* something came from a socket meanwhile */
    bool quit;             /* the program is to end */
    bool go_on;            /* whoever stopped the guest has left it to itself */
    bool ended;            /* the guest is */
    struct error host_error; /* the machine could not go on, and why */

    FILE *out;             /* where the running command writes */
    bool colour;
    bool json;             /* the caller is a program: no terminal's niceties */
    uint64_t x_next;       /* where `x` without an address goes on */
    char x_format[16];
    struct history *history;
    struct made_memory *made; /* values that lie in parts */
};

struct session *session_create(struct machine *machine, const struct session_above *above);
void session_free(struct session *session);

/* --- running --------------------------------------------------------------------------------------- */

/** Runs the machine until something stops it, and fills session->stop. `insns`: after so many instructions of the
 *  selected CPU (0: no such limit). */
void session_resume(struct session *session, uint64_t insns);

/** From a hook, a signal handler or a front end: the machine is to stand still. */
void session_stop(struct session *session);

/** The selected CPU, and its address space. */
struct cpu *session_cpu(const struct session *session);
struct space session_space(const struct session *session);
/** The address space of another CPU. */
struct space session_space_of(const struct session *session, unsigned cpu);

/* --- names ----------------------------------------------------------------------------------------- */

/** Writes "vfs_read+0x14" (or "vfs_read+0x14 [ext4]"), or nothing where no symbol is near. */
void session_symbolize(const struct session *session, uint64_t address, char *text, size_t capacity);

/** The start and end of the function around `address`; false: not known. */
bool session_function(const struct session *session, uint64_t address, uint64_t *start, uint64_t *end);

/* --- output ---------------------------------------------------------------------------------------- */

enum paint { PAINT_NONE, PAINT_ADDRESS, PAINT_SYMBOL, PAINT_NUMBER, PAINT_STRONG };

void say(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** In a colour, if the output is a terminal. */
void say_in(struct session *session, enum paint paint, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** An address in hexadecimal and, if there is one, " <symbol>". */
void say_address(struct session *session, uint64_t address);

#endif
