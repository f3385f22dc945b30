/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A debugging session: what the commands work on. One machine, one session; all front ends (prompt, script, control
 * socket, gdb) share it and take turns. Its parts:
 *
 *     session.c    life; how the machine runs and why it stood still        command.c    the table, and running a line
 *     stopping.c   breakpoints, watchpoints, catches                        prompt.c     readline, scripts
 *     expression.c values of C expressions                                  channel.c    sockets; control.c, gdb*.c
 *     kernel.c     the guest's kernel: symbols, types, tasks                history.c    going back
 */
#ifndef ARMATURE_DEBUGGER_SESSION_H
#define ARMATURE_DEBUGGER_SESSION_H

#include <stdio.h>
#include "debugger/symbols.h"
#include "debugger/target.h"
#include "debugger/types.h"
#include "isa/arm64/stops.h"
#include "machine/machine.h"

struct kernel;
struct stopping;
struct session;
struct point;
struct debugger_hooks;

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
    const struct debugger_hooks *hooks;

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
};

/* --- running --------------------------------------------------------------------------------------- */

/** Runs the machine until something stops it, and fills session->stop. `insns`: after so many instructions of the
 *  selected CPU (0: no such limit). */
void session_resume(struct session *session, uint64_t insns);

/** From a hook, a signal handler or a front end: the machine is to stand still. */
void session_stop(struct session *session);

/** Tells in a line or two where and why the machine stands. */
void session_tell_stop(struct session *session);

/** The selected CPU, and its address space. */
struct cpu *session_cpu(const struct session *session);
struct space session_space(const struct session *session);
/** The address space of another CPU. */
struct space session_space_of(const struct session *session, unsigned cpu);

/* --- names ----------------------------------------------------------------------------------------- */

/** Looks for the guest's kernel, its symbols and types, if that was not done yet and can be. */
bool session_find_kernel(struct session *session, struct error *error);

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
