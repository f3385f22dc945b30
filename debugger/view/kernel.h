/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guest's Linux kernel, as far as guest memory tells: where it is, what it calls things, its tasks. */
#ifndef ARMATURE_DEBUGGER_KERNEL_H
#define ARMATURE_DEBUGGER_KERNEL_H

#include "debugger/view/expression.h"

struct kernel {
    bool searched;       /* and maybe not found: not searched again before the guest ran on */
    uint64_t searched_at; /* instructions of all CPUs then */
    bool found;
    uint64_t physical; /* where its image begins in RAM; 0: not known */
    uint64_t text;            /* the virtual address of its beginning */
    uint64_t search_ns;       /* how long it took on the host */
    struct types *types;      /* BTF's; they are joined to the session's, which owns them */
    uint64_t modules_seen;    /* a sum over the list of modules when their symbols were read */
};

/** What a session has of us from its beginning to its end (struct session_above); nothing is found yet. */
void kernel_attach(struct session *session);
void kernel_detach(struct session *session);
/** The guest ran: it may have loaded modules. */
void kernel_stood(struct session *session);

/** Finds the kernel's image, symbols and types. False: `error` (may be NULL) says why not. */
bool kernel_find(struct session *session, struct error *error);

/** Memory holds another kernel now, or none: what was found is forgotten; what the user loaded stays. */
void kernel_forget(struct session *session);

/** Reads the symbols of loaded modules anew, if the list of modules changed. */
void kernel_refresh_modules(struct session *session);

/** Tells where each section of a loaded module is. False: `error` says why that is not known. */
typedef void kernel_each_section(void *context, const char *section, uint64_t address);
bool kernel_module_sections(struct session *session, const char *name, kernel_each_section *each, void *context,
                            struct error *error);

/** The task that a CPU runs, as a value of type struct task_struct *. */
bool kernel_current(struct session *session, unsigned cpu, struct value *value, struct error *error);

/** A symbol of the kernel's or its modules'. NULL: there is none. */
const struct symbol *kernel_symbol(const struct session *session, const char *name);

/** Evaluates an expression made by printf(), to a number or to a location. False: something in it is not known, or not
 *  there, which is no error of the user's: versions of the kernel differ. */
bool kernel_number(struct session *session, uint64_t *number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool kernel_place(struct session *session, uint64_t *address, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Reads a string of the kernel's at `address`, with what is no text as '?'. */
bool kernel_string(struct session *session, uint64_t address, char *to, size_t capacity);

/** Each task, threads too where `threads`; stops where `each` returns false. False: the list cannot be read. */
bool kernel_each_task(struct session *session, bool threads,
                      bool (*each)(struct session *session, uint64_t task, void *context), void *context,
                      struct error *error);
/** The first task of that name. */
bool kernel_task_named(struct session *session, const char *name, uint64_t *task, struct error *error);
/** The task with that PID. */
bool kernel_task_of(struct session *session, uint64_t pid, uint64_t *task, struct error *error);
uint64_t kernel_pid(struct session *session, uint64_t task);
void kernel_comm(struct session *session, uint64_t task, char text[17]);
/** The task's page table, as TTBR0_EL1 has it; false: it is a thread of the kernel. */
bool kernel_user_table(struct session *session, uint64_t task, uint64_t *table);
/** Prints the stack of a process, in the kernel and in the program. */
bool kernel_backtrace(struct session *session, uint64_t pid, struct error *error);
/** Whether a CPU runs the task, and which. */
bool kernel_is_running(struct session *session, uint64_t task, unsigned *cpu);

/** Follows a circular list of the kernel's (struct list_head) from its head; `offset` is that of the link in what is
 *  linked. Bounded, as a damaged list may never end. False: it could not be read. */
bool kernel_each_linked(struct session *session, uint64_t head, uint64_t offset,
                        bool (*each)(struct session *session, uint64_t object, void *context), void *context);

/** The offset of a member; false: there is none. */
bool kernel_offset(struct session *session, const char *structure, const char *member, uint64_t *offset);

#endif
