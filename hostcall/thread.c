/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread of the guest: its loop, its making and its end. */
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/futex.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/trail.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/threads.h"

#define HOST_STACK_BYTES  (256u << 10)
#define ROBUST_LOCKS_MAX  2048u /* as many as Linux looks at (ROBUST_LIST_LIMIT) */

__thread struct thread *thread_self;

/* --- code that changed ------------------------------------------------------------------------------ */

void process_quiet_begin(void)
{
    threads_quiet_begin(process.threads);
}

void process_quiet_end(void)
{
    threads_quiet_end(process.threads);
}

/* By IC IVAU, within the engine: settled before anybody goes on who may rely on it. */
static void note_page(void *context, struct cpu *cpu, uint64_t address)
{
    struct process *owner = context;
    address &= ~0ull >> 8;
    if (address >= USER_SPACE_BYTES || !(owner->bus.ram.page_flags[address >> PAGE_BITS] & PAGE_HAS_CODE))
        return;
    const uint64_t page = address & ~(PAGE_SIZE_BYTES - 1);
    pthread_mutex_lock(&owner->pages.lock);
    if (!owner->pages.count || owner->pages.at[owner->pages.count - 1] != page) {
        if (owner->pages.count < PROCESS_MAX_PAGES)
            owner->pages.at[owner->pages.count++] = page;
        else
            owner->pages.all = true;
    }
    __atomic_store_n(&owner->pages.waits, true, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&owner->pages.lock);
    threads_poke_all(owner->threads);
}

static void settle_pages(void)
{
    if (!__atomic_load_n(&process.pages.waits, __ATOMIC_SEQ_CST))
        return;
    process_quiet_begin();
    pthread_mutex_lock(&process.pages.lock);
    if (process.pages.all)
        process.engine_ops->flush(process.engine);
    else
        for (unsigned i = 0; i < process.pages.count; i++)
            process.engine_ops->page_written(process.engine, process.pages.at[i]);
    process.pages.count = 0;
    process.pages.all = false;
    __atomic_store_n(&process.pages.waits, false, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&process.pages.lock);
    process_quiet_end();
}

/* Above so many pages one does not look at each. */
#define MANY_PAGES 4096u

void process_code_changed(uint64_t start, uint64_t end)
{
    const uint8_t *flags = process.bus.ram.page_flags;
    const uint64_t first = start >> PAGE_BITS, last = (end - 1) >> PAGE_BITS;
    bool any = last - first > MANY_PAGES;
    for (uint64_t page = first; page <= last && !any; page++)
        any = flags[page] & PAGE_HAS_CODE;
    if (!any)
        return;
    process_quiet_begin();
    if (last - first > MANY_PAGES)
        process.engine_ops->flush(process.engine);
    else
        for (uint64_t page = first; page <= last; page++)
            if (flags[page] & PAGE_HAS_CODE)
                process.engine_ops->page_written(process.engine, page << PAGE_BITS);
    process_quiet_end();
}

/* --- the loop --------------------------------------------------------------------------------------- */

/* MRS of an ID register, which Linux shows to programs (Documentation/arch/arm64/cpu-feature-registers.rst). */
static bool emulate_mrs(struct cpu *cpu)
{
    uint32_t word;
    if (!guard_copy(&word, (const void *)cpu->pc, sizeof word) || (word & 0xfff00000) != 0xd5300000)
        return false;
    const unsigned key = word >> 5 & 0x7fff;
    if (key >> 3 > SYSREG_KEY(3, 0, 0, 7, 0) >> 3 || (key >> 7) != SYSREG_KEY(3, 0, 0, 0, 0) >> 7)
        return false;
    const enum sysreg reg = sysreg_by_key(key);
    const unsigned crm = key >> 3 & 15;
    uint64_t value = 0; /* what is not shown, or not there */
    if (reg != SR_NONE && (crm >= 4 || reg == SR_MIDR_EL1))
        value = id_register_read(cpu, reg);
    if (reg == SR_MPIDR_EL1)
        value = 1ull << 31;
    if (crm == 0 && reg != SR_MIDR_EL1 && reg != SR_MPIDR_EL1 && reg != SR_REVIDR_EL1)
        return false;
    if ((word & 31) != 31)
        cpu->x[word & 31] = value;
    cpu->pc += 4;
    return true;
}

static void data_abort(struct thread *thread, uint32_t esr, uint64_t far)
{
    const unsigned status = esr & 0x3f;
    if (status == FAULT_ALIGNMENT)
        signals_fault(thread, SIGBUS, BUS_ADRALN, far);
    else if (status == FAULT_EXTERNAL)
        signals_fault(thread, SIGBUS, BUS_ADRERR, far);
    else
        signals_fault(thread, SIGSEGV, (status & ~3u) == FAULT_PERMISSION ? SEGV_ACCERR : SEGV_MAPERR, far);
}

static void take_exception(struct thread *thread)
{
    struct cpu *cpu = thread->cpu;
    const uint32_t esr = cpu->user_exception.esr;
    const uint64_t far = cpu->user_exception.far & ~0ull >> 8;
    switch (esr >> 26) {
    case EC_SVC: {
        const uint64_t first_argument = cpu->x[0];
        const bool restart = linux_call(thread);
        if (!thread->ends && (process.trail ? trail_signal(thread, true) : thread->interrupted))
            signals_deliver(thread, restart, first_argument);
        thread->waits = false;
        break;
    }
    case EC_DATA_ABORT_LOWER:
    case EC_INSN_ABORT_LOWER: data_abort(thread, esr, far); break;
    case EC_PC_ALIGNMENT:
    case EC_SP_ALIGNMENT: signals_fault(thread, SIGBUS, BUS_ADRALN, cpu->pc); break;
    case EC_BRK: signals_fault(thread, SIGTRAP, TRAP_BRKPT, cpu->pc); break;
    case EC_UNKNOWN:
    case EC_SYSTEM:
        if (!emulate_mrs(cpu))
            signals_fault(thread, SIGILL, ILL_ILLOPC, cpu->pc);
        break;
    default: signals_fault(thread, SIGILL, ILL_ILLOPC, cpu->pc); break;
    }
}

static void run_engine(struct thread *thread)
{
    struct cpu *cpu = thread->cpu;
    threads_enter(cpu);
    enum engine_exit exit = process.engine_ops->run(process.engine, cpu);
    threads_leave(cpu);
    if (exit == ENGINE_EXIT_FULL) {
        process_quiet_begin();
        process.engine_ops->make_room(process.engine);
        process_quiet_end();
    }
    const bool waits = exit == ENGINE_EXIT_WAIT; /* WFE and WFI: a hint to wait, for what nobody says */
    if (waits)
        cpu_set_flag(&cpu->wait, WAIT_NONE);
    if (waits || cpu->yield_requested) {
        cpu->yield_requested = false;
        thread->yields = true; /* of its turn, where there are such */
        if (!process.trail)
            sched_yield();
    }
}

void thread_run(struct thread *thread)
{
    struct cpu *cpu = thread->cpu;
    while (!thread->ends) {
        if (process.trail) {
            trail_await_turn(thread);
            trail_before_run(thread);
        }
        /* Whoever wants attention says for what before, so it is seen here or ends the turn. */
        __atomic_store_n(&cpu->limit, process.trail ? trail_limit(thread) : UINT64_MAX, __ATOMIC_SEQ_CST);
        settle_pages();
        if (process.trail ? trail_signal(thread, false) : __atomic_load_n(&thread->interrupted, __ATOMIC_SEQ_CST))
            signals_deliver(thread, false, 0);
        cpu_set_flag(&cpu->stop_requested, false);
        cpu->user_exception.taken = false;
        run_engine(thread);
        if (cpu->user_exception.taken)
            take_exception(thread);
        else if (process.trail)
            trail_after_run(thread);
    }
}

/* --- making and ending ------------------------------------------------------------------------------ */

static void *call_memory_at(void *context, uint64_t address, uint64_t bytes)
{
    address &= ~0ull >> 8; /* the kernel takes tagged addresses */
    return address < USER_SPACE_BYTES && bytes <= USER_SPACE_BYTES - address ? (void *)address : NULL;
}

static bool memory_read(void *context, void *to, uint64_t address, uint64_t bytes)
{
    const void *at = call_memory_at(context, address, bytes);
    return at && guard_copy(to, at, bytes);
}

static bool memory_write(void *context, uint64_t address, const void *from, uint64_t bytes)
{
    void *at = call_memory_at(context, address, bytes);
    if (!at || !guard_copy(at, from, bytes))
        return false;
    trail_wrote(address, from, bytes);
    return true;
}

void thread_copy_state(struct cpu *to, const struct cpu *from)
{
    memcpy(to->x, from->x, sizeof to->x);
    memcpy(to->v, from->v, sizeof to->v);
    to->pc = from->pc;
    to->nzcv = from->nzcv;
    to->fp = from->fp;
    to->pstate = from->pstate;
    to->sys = from->sys;
    to->exclusive.size = 0;
    cpu_state_changed(to);
}

static struct cpu *new_cpu(void)
{
    const unsigned index = process.cpu_count;
    struct cpu *cpu = index < PROCESS_MAX_THREADS ? aligned_alloc(64, (sizeof *cpu + 63) / 64 * 64) : NULL;
    struct error error;
    if (!cpu)
        return NULL;
    memset(cpu, 0, sizeof *cpu);
    if (!cpu_init(cpu, index, process.options->cpu, &process.bus, &process.clock, &error)) {
        free(cpu);
        return NULL;
    }
    cpu_make_user(cpu, &process.user);
    cpu->peers = process.cpus;
    process.cpus[index] = cpu;
    process.cpu_count = index + 1;
    if (process.threads)
        threads_add(process.threads, cpu);
    for (unsigned i = 0; i <= index; i++)
        __atomic_store_n(&process.cpus[i]->peer_count, index + 1, __ATOMIC_RELEASE);
    return cpu;
}

struct thread *thread_create(const struct cpu *from)
{
    pthread_mutex_lock(&process.threads_lock);
    struct thread *thread = process.free_threads;
    if (thread) {
        struct cpu *cpu = thread->cpu;
        process.free_threads = thread->next_free;
        *thread = (struct thread){.cpu = cpu};
    } else {
        thread = calloc(1, sizeof *thread);
        if (thread && !(thread->cpu = new_cpu())) {
            free(thread);
            thread = NULL;
        }
    }
    pthread_mutex_unlock(&process.threads_lock);
    if (!thread)
        return NULL;
    process.thread_of[thread->cpu->index] = thread;
    thread->altstack.ss_flags = SS_DISABLE;
    thread->call = (struct call_context){.set = &linux_calls,
                                         .memory = {call_memory_at, memory_read, memory_write, NULL},
                                         .owner = thread,
                                         .trace = process.trace,
                                         .policy = process.options->policy};
    if (from)
        thread_copy_state(thread->cpu, from);
    return thread;
}

void thread_release(struct thread *thread)
{
    pthread_mutex_lock(&process.threads_lock);
    process.thread_of[thread->cpu->index] = NULL;
    thread->next_free = process.free_threads;
    process.free_threads = thread;
    pthread_mutex_unlock(&process.threads_lock);
}

/* The owner of a lock that is in the list of robust ones is gone (handle_futex_death() of Linux). The lowest bit of an
 * entry says that the lock inherits priority: it goes on by itself to who waits. */
static void let_go(const struct thread *thread, uint64_t entry, uint64_t offset, bool pending)
{
    const uint64_t word = (entry & ~1ull) + offset;
    const bool inherits = entry & 1;
    uint32_t value;
    if (word % sizeof value || !guest_read(thread, &value, word, sizeof value))
        return;
    const bool was_released = pending && !inherits && !value; /* and nobody has been woken yet */
    if (!was_released) {
        const uint32_t died = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        if ((value & FUTEX_TID_MASK) != thread->tid || !guest_write(thread, word, &died, sizeof died))
            return;
    }
    if (was_released || (!inherits && value & FUTEX_WAITERS))
        syscall(SYS_futex, word & ~0ull >> 8, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void let_all_go(const struct thread *thread)
{
    uint64_t head[3], at, next; /* the list, where words lie in what it has, and what is being locked */
    if (!thread->robust || !guest_read(thread, head, thread->robust, sizeof head))
        return;
    at = head[0];
    for (unsigned i = 0; i < ROBUST_LOCKS_MAX && at && (at & ~1ull) != thread->robust; i++, at = next) {
        if (!guest_read(thread, &next, at & ~1ull, sizeof next))
            break;
        if ((at & ~1ull) != (head[2] & ~1ull))
            let_go(thread, at, head[1], false);
    }
    if (head[2])
        let_go(thread, head[2], head[1], true);
}

/* In this order, as Linux does it: who waits for the end may use the thread's memory again at once. */
void thread_tell_end(struct thread *thread)
{
    if (trail_records())
        trail_locks_left(thread);
    let_all_go(thread);
    syscall(SYS_set_robust_list, NULL, sizeof(struct robust_list_head)); /* that was it, whatever lies there later */
    const uint32_t none = 0;
    if (thread->clear_tid && guest_write(thread, thread->clear_tid, &none, sizeof none))
        syscall(SYS_futex, thread->clear_tid, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* What a new thread is told, and tells. */
struct start {
    struct thread *thread;
    uint64_t set_tid, parent_tid; /* where its number goes before it runs, or 0 */
    sem_t begun;
    pid_t tid;
};

static void *thread_main(void *argument)
{
    struct start *start = argument;
    struct thread *thread = start->thread;
    thread_self = thread;
    const pid_t tid = gettid();
    thread->tid = (uint32_t)tid;
    if (start->set_tid)
        guest_write(thread, start->set_tid, &tid, sizeof tid);
    if (start->parent_tid)
        guest_write(thread, start->parent_tid, &tid, sizeof tid);
    start->tid = tid;
    sem_post(&start->begun);
    signals_apply_mask(thread);
    thread_run(thread);
    signals_block_all();
    const unsigned index = thread->cpu->index;
    const int status = thread->end_status;
    thread_tell_end(thread);
    thread_release(thread); /* with a trail still in its turn, so that who begins next has the same CPU in a replay */
    if (process.trail)
        trail_thread_ended(index, false, status);
    thread_self = NULL;
    return NULL;
}

void thread_set_child(struct thread *child, uint64_t flags, uint64_t stack, uint64_t tls, uint64_t child_tid)
{
    child->cpu->x[0] = 0;
    if (stack)
        child->cpu->x[REG_SP] = stack;
    if (flags & CLONE_SETTLS)
        child->cpu->sys.TPIDR_EL0 = tls;
    child->clear_tid = flags & CLONE_CHILD_CLEARTID ? child_tid : 0;
}

int64_t thread_begin(struct thread *thread, uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls,
                            uint64_t child_tid)
{
    struct thread *child = thread_create(thread->cpu);
    if (!child)
        return -EAGAIN;
    struct start start = {.thread = child, .set_tid = flags & CLONE_CHILD_SETTID ? child_tid : 0,
                          .parent_tid = flags & CLONE_PARENT_SETTID ? parent_tid : 0};
    if (trail_replays()) /* the log has the number that it had */
        start.set_tid = start.parent_tid = 0;
    cpu_seed_rng(child->cpu, cpu_draw_random(thread->cpu));
    thread_set_child(child, flags, stack, tls, child_tid);
    child->mask = thread->mask;
    sem_init(&start.begun, 0, 0);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, HOST_STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    signals_block_all(); /* which it begins with */
    int error = pthread_create(&child->host, &attributes, thread_main, &start);
    pthread_attr_destroy(&attributes);
    if (!error)
        while (sem_wait(&start.begun) != 0)
            continue;
    sem_destroy(&start.begun);
    signals_apply_mask(thread);
    if (error) {
        thread_release(child);
        return -EAGAIN;
    }
    if (process.trail)
        trail_thread_begins(thread, child);
    if (start.set_tid)
        trail_wrote(start.set_tid, &start.tid, sizeof start.tid);
    if (start.parent_tid)
        trail_wrote(start.parent_tid, &start.tid, sizeof start.tid);
    return start.tid;
}

/* --- its wiring ------------------------------------------------------------------------------------- */

static uint32_t page_of(void *context, uint64_t address)
{
    return space_page(&((struct process *)context)->space, address);
}

void process_wire_user(struct process *owner)
{
    owner->user = (struct user_space){page_of, note_page, owner};
}
