/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Linux program for AArch64 as a process of this host: `armature exec`.
 *
 * Each thread of the guest is one of the host's, with a CPU (isa/arm64/user.h), and runs thread_run(): the engine,
 * until something is to be done for the guest; then that: a call of the kernel (linux.c), a fault, a signal. Threads
 * agree as parallel CPUs do (isa/arm64/threads.h). There is one process in this program, `process`: signal handlers and
 * fork() leave no choice. */
#ifndef ARMATURE_PROCESS_H
#define ARMATURE_PROCESS_H

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include "hostcall/call.h"
#include "hostcall/paths.h"
#include "hostcall/space.h"
#include "isa/arm64/cpu.h"
#include "isa/arm64/user.h"
#include "machine/contract/engine.h"

#define PROCESS_MAX_THREADS 1024u
#define PROCESS_PATH_BYTES  4096u
#define PROCESS_SEEDS       11u
#define PROCESS_STACK_TOP   (USER_SPACE_BYTES - 0x10000ull)
#define PROCESS_MAX_STACK_BYTES (64ull << 20)
#define PROCESS_MAX_PAGES   64u /* of code that changed, and is not settled yet */

/** What the user chose. */
struct process_options {
    const char *root;             /* a foreign root file system, or NULL */
    bool strace, statistics;
    const struct policy *policy;  /* or NULL */
    const char *record, *replay;  /* a log (trail.h), or NULL */
    enum cpu_model cpu;
    const struct engine_ops *engine;
    const char *argv0;            /* what the program is told it is called, or NULL */
    const char *program;
    char **arguments;             /* behind the program, up to a NULL */
    char **own_options;           /* how this program was called up to the program's name, for a program's programs */
    unsigned own_option_count;
};

/** A signal's action as the guest's kernel interface has it. */
struct guest_action {
    uint64_t handler, flags, restorer, mask;
};

#define GUEST_SIGNALS 64u
#define SIGNAL_BIT(signal) (1ull << ((signal)-1))

struct thread {
    struct cpu *cpu;
    struct call_context call;
    pthread_t host;
    bool is_main;
    bool ends;              /* it leaves its loop */
    int end_status;
    uint64_t clear_tid;     /* guest address of the word that tells of its end, or 0 */
    uint64_t mask;          /* blocked signals */
    uint64_t waits_mask;    /* while a call waits with another mask, that one .. */
    bool waits;             /* .. if this says so */
    stack_t altstack;       /* of the guest */
    uint32_t interrupted;   /* `arrived` holds a signal: no call of the host is to begin (guard.h) */
    siginfo_t arrived;
    uint64_t held;          /* SIGSEGV and SIGBUS, which the host never blocks: sent, but blocked by the guest */
    bool vforked;           /* it is the child of vfork() at present, with .. */
    struct guest_action *actions; /* .. signals' actions of its own; else NULL: the process's */
    struct becoming *becoming;    /* what execve() has allocated, or NULL */
    uint64_t robust;        /* the head of its list of robust locks, or 0 */
    uint32_t tid;           /* what the guest knows it by */
    /* Of a recorded run (trail.h): */
    bool in_call;           /* a call is under way: what is written goes into the log */
    bool lets_others;       /* and may wait, so others run meanwhile */
    bool yields;
    struct thread *begun;   /* the thread that its call made */
    struct {
        uint64_t at;        /* guest address of the word at which it stands, or 0 .. */
        uint64_t wanted;    /* .. and of the lock's that it wants */
        uint64_t order;     /* in which it came there */
        int priority;
        uint32_t told;      /* the word at which it sleeps */
    } lock;                 /* with inherited priority, for which it waits (trail_locks.c) */
    struct thread *next_free;
};

struct process {
    const struct process_options *options;
    struct bus bus;
    struct clock clock;
    struct space space;
    struct user_space user;
    const struct engine_ops *engine_ops;
    struct engine *engine;
    struct threads *threads;
    pthread_mutex_t threads_lock;
    struct cpu *cpus[PROCESS_MAX_THREADS];
    struct thread *thread_of[PROCESS_MAX_THREADS];
    struct thread *free_threads;
    unsigned cpu_count;
    pthread_mutex_t actions_lock;
    struct guest_action actions[GUEST_SIGNALS + 1];
    uint64_t vdso, trampoline; /* guest addresses of the kernel's library, and of its code that ends a handler */
    struct {
        pthread_mutex_t lock;
        bool waits; /* anything is in it */
        bool all;
        unsigned count;
        uint64_t at[PROCESS_MAX_PAGES];
    } pages; /* of code that changed */
    char self[PROCESS_PATH_BYTES];    /* this program */
    char program[PROCESS_PATH_BYTES]; /* the guest's path of what runs, as it was at the start */
    char **arguments;                 /* of the guest: argv */
    uint64_t auxv, auxv_bytes, arguments_start, arguments_end, environment_end; /* guest addresses */
    FILE *trace;
    struct trail *trail; /* the run is recorded or, if `replays`, replayed */
    bool replays;
    const char *program_host; /* the host's absolute path of what runs */
};

extern struct process process;
extern __thread struct thread *thread_self;

/** The host's steady time, as struct clock asks for it. */
uint64_t process_host_ns(void *context);

/** Tells on standard error what was translated, if that was asked for. */
void process_report(void);

/** Takes up what the guest's thread does until it ends. */
void thread_run(struct thread *thread);

/** Code in the range is not what it was, or is about to be another: no translation of it is left. Outside of the
 * engine. */
void process_code_changed(uint64_t start, uint64_t end);

/* --- thread.c --------------------------------------------------------------------------------------- */

/** A thread with a CPU that has `from`'s state, or a new one's. NULL: there are too many, or no memory. */
struct thread *thread_create(const struct cpu *from);
void thread_release(struct thread *thread);

/** Takes up `from`'s registers, and what else belongs to a thread alone. */
void thread_copy_state(struct cpu *to, const struct cpu *from);

/** Tells whoever waits that the thread is gone (CLONE_CHILD_CLEARTID). */
void thread_tell_end(struct thread *thread);

/** A child's registers and what it tells, as clone() was told. */
void thread_set_child(struct thread *child, uint64_t flags, uint64_t stack, uint64_t tls, uint64_t child_tid);

/** clone() of a thread. */
int64_t thread_begin(struct thread *thread, uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls,
                     uint64_t child_tid);

/* --- fork.c ----------------------------------------------------------------------------------------- */

int64_t thread_clone(struct thread *thread, uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls,
                     uint64_t child_tid);

/** execve() of a guest's program, a host's, or a script (execve.c). */
int64_t process_execve(struct thread *thread, const char *path, uint64_t arguments, uint64_t environment);

/** Frees what an execve() allocated that did not come back: its parent has it, if that was a child of vfork(). */
void process_execve_over(struct thread *thread);

/** Makes process->user. */
void process_wire_user(struct process *process);

/** Around fork(), at a moment when no CPU runs. */
void process_fork_begin(struct thread *thread);
void process_fork_end(struct thread *thread, bool child);

/** Quiet: no CPU runs until the end. Outside of the engine. */
void process_quiet_begin(void);
void process_quiet_end(void);

/* --- signals.c -------------------------------------------------------------------------------------- */

/** Makes the actions of a new process; `ignored`: signals_ignored(), or what it was in a recording. */
void signals_init(struct process *process, uint64_t ignored);

/** Bits of the signals that whoever started this program has it ignore. */
uint64_t signals_ignored(void);

/** The host's mask of a thread becomes what its guest's mask asks for. */
void signals_apply_mask(struct thread *thread);

/** The host's actions as the guest's are, where they were others for a recording. */
void signals_restore(void);

/** Until signals_apply_mask(). */
void signals_block_all(void);

/** Enters the handler of the signal that arrived. `restart`: the call it interrupted is done again where its action
 * says so: pc and x0 as before it. */
void signals_deliver(struct thread *thread, bool restart, uint64_t first_argument);

/** A signal that the guest's own instruction caused: its handler, or the process's end. */
void signals_fault(struct thread *thread, int signal, int code, uint64_t address);

int64_t signals_action(struct thread *thread, uint64_t signal, uint64_t new, uint64_t old, uint64_t mask_bytes);
int64_t signals_return(struct thread *thread);
int64_t signals_mask(struct thread *thread, uint64_t how, uint64_t new, uint64_t old, uint64_t mask_bytes);
int64_t signals_altstack(struct thread *thread, uint64_t new, uint64_t old);

/** Ends the process by a signal. */
_Noreturn void signals_die(int signal);

/* --- proc.c ----------------------------------------------------------------------------------------- */

/** Opens what the guest's kernel would show of the process itself (/proc/self/maps and the like): a descriptor, -errno,
 * or PROC_ORDINARY: it is an ordinary file. `host`: an absolute path. */
#define PROC_ORDINARY INT32_MIN
int proc_open(const char *host, int flags);

/** Whether the path is that of a link to the program itself. */
bool proc_is_exe(const char *host);

/* --- linux.c ---------------------------------------------------------------------------------------- */

extern const struct call_set linux_calls;
policy_row linux_row;

/** Does a thread's call: x8 and the arguments from its CPU, the result into x0. Returns whether a signal's handler may
 *  have it done again. */
bool linux_call(struct thread *thread);

/** HWCAP bits of Linux for a CPU. */
uint64_t linux_hwcap(const struct cpu *cpu);
uint64_t linux_hwcap2(const struct cpu *cpu);

static inline struct thread *thread_of_call(const struct call_context *context)
{
    return context->owner;
}

static inline bool guest_read(const struct thread *thread, void *to, uint64_t address, size_t bytes)
{
    return thread->call.memory.read(NULL, to, address, bytes);
}

static inline bool guest_write(const struct thread *thread, uint64_t address, const void *from, size_t bytes)
{
    return thread->call.memory.write(NULL, address, from, bytes);
}

#endif
