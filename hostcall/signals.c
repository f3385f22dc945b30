/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signals of a guest's process.
 *
 * The host's kernel keeps them: what is blocked, ignored, pending and for whom is as the guest says. For a signal that
 * the guest handles the host calls arrive(), which keeps the one signal, blocks all others, and makes the thread come
 * back from where it is: the engine stops at the next block, a call of the kernel has ended with EINTR or does not
 * begin (guard.h). Then signals_deliver() writes the guest's frame, as Linux on AArch64 has it, and opens the mask
 * again, so that the next one may come. SIGSEGV and SIGBUS are never blocked on the host: translated code's accesses
 * need them.
 *
 * The frame: siginfo, struct ucontext with the registers, records of FP state and syndrome, and a frame record
 * (arch/arm64/include/uapi/asm/sigcontext.h and ucontext.h of Linux give the layout). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/trail.h"
#include "isa/arm64/exception.h"

#define HOST_OPEN (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS))
#define UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

#define GUEST_MIN_STACK 5120u /* MINSIGSTKSZ of AArch64 */

/* Linux's flags for actions, of the guest. */
#define GUEST_SA_NOCLDSTOP 1u
#define GUEST_SA_NOCLDWAIT 2u
#define GUEST_SA_SIGINFO   4u
#define GUEST_SA_ONSTACK   0x08000000u
#define GUEST_SA_RESTART   0x10000000u
#define GUEST_SA_NODEFER   0x40000000u
#define GUEST_SA_RESETHAND 0x80000000u
#define GUEST_SA_RESTORER  0x04000000u

#define FP_MAGIC  0x46508001u
#define ESR_MAGIC 0x45535201u

struct guest_stack {
    uint64_t pointer;
    int32_t flags;
    uint32_t pad;
    uint64_t bytes;
};

struct guest_fp {
    uint32_t magic, bytes;
    uint32_t fpsr, fpcr;
    union vreg v[32];
};

struct guest_frame {
    siginfo_t info;
    uint64_t uc_flags, uc_link;
    struct guest_stack stack;
    uint64_t mask;
    uint8_t reserved_for_mask[120];
    uint64_t pad;
    uint64_t fault_address, x[31], sp, pc, pstate;
    uint64_t pad2;
    struct guest_fp fp;
    struct {
        uint32_t magic, bytes;
        uint64_t esr;
    } syndrome;
    uint32_t end[2];
    uint8_t rest[4096 - sizeof(struct guest_fp) - 16 - 8];
    uint64_t record[2]; /* frame pointer and return address, for whoever walks the stack */
};

_Static_assert(offsetof(struct guest_frame, fault_address) == 128 + 176, "mcontext lies at 176 of the ucontext");
_Static_assert(offsetof(struct guest_frame, fp) == 128 + 176 + 288, "its records are aligned to 16");
_Static_assert(offsetof(struct guest_frame, record) == 128 + 176 + 288 + 4096, "and have 4096 bytes");

/* --- masks ------------------------------------------------------------------------------------------ */

static void set_host_mask(uint64_t mask)
{
    mask &= ~HOST_OPEN;
    if (trail_replays())
        return; /* whoever runs a replay can still end it */
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

void signals_apply_mask(struct thread *thread)
{
    set_host_mask(thread->interrupted ? ~0ull : thread->mask);
}

void signals_block_all(void)
{
    set_host_mask(~0ull);
}

/* --- the host's side -------------------------------------------------------------------------------- */

static void arrive(int signal, siginfo_t *info, void *context)
{
    ucontext_t *host = context;
    struct thread *thread = thread_self;
    const int saved_errno = errno;
    uintptr_t pc = (uintptr_t)host->uc_mcontext.gregs[REG_RIP];
    const bool sync = (signal == SIGSEGV || signal == SIGBUS) && info->si_code > 0;
    if (sync &&
        (guard_move(&pc, true) || (process.engine_ops->fault && process.engine_ops->fault(process.engine, &pc)))) {
        host->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
        return;
    }
    if (sync || !thread) { /* this program's own mistake */
        struct sigaction own = {.sa_handler = SIG_DFL};
        static const char text[] = "armature: an access that nobody asked for; this is a mistake in armature\n";
        if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
            _exit(HOST_FAILURE_STATUS);
        sigaction(signal, &own, NULL);
        return;
    }
    if (HOST_OPEN & SIGNAL_BIT(signal) && (thread->mask & SIGNAL_BIT(signal) || thread->interrupted)) {
        thread->held |= SIGNAL_BIT(signal);
        return;
    }
    thread->arrived = *info;
    __atomic_store_n(&thread->interrupted, 1, __ATOMIC_SEQ_CST);
    cpu_attention(thread->cpu);
    if (guard_move(&pc, false))
        host->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
    sigfillset(&host->uc_sigmask);
    sigdelset(&host->uc_sigmask, SIGSEGV);
    sigdelset(&host->uc_sigmask, SIGBUS);
    errno = saved_errno;
}

/* Whether it does where nothing else was asked for; SIGKILL is nobody's to know of. */
static bool ends_program(int signal)
{
    switch (signal) {
    case SIGKILL:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGCONT:
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH: return false;
    default: return true;
    }
}

static void host_action(int signal, const struct guest_action *action)
{
    struct sigaction host = {.sa_flags = SA_SIGINFO};
    const bool handled = action->handler > 1;
    sigfillset(&host.sa_mask);
    sigdelset(&host.sa_mask, SIGSEGV);
    sigdelset(&host.sa_mask, SIGBUS);
    if (trail_replays() && !(HOST_OPEN & SIGNAL_BIT(signal)))
        return;
    if (HOST_OPEN & SIGNAL_BIT(signal) || handled || (trail_records() && !action->handler && ends_program(signal)))
        host.sa_sigaction = arrive;
    else
        host.sa_handler = action->handler ? SIG_IGN : SIG_DFL;
    host.sa_flags |= (action->flags & GUEST_SA_NOCLDSTOP ? SA_NOCLDSTOP : 0) |
                     (action->flags & GUEST_SA_NOCLDWAIT ? SA_NOCLDWAIT : 0);
    sigaction(signal, &host, NULL);
}

uint64_t signals_ignored(void)
{
    uint64_t ignored = 0;
    for (unsigned signal = 1; signal <= GUEST_SIGNALS; signal++) {
        struct sigaction host;
        if (sigaction((int)signal, NULL, &host) == 0 && host.sa_handler == SIG_IGN)
            ignored |= SIGNAL_BIT(signal);
    }
    return ignored;
}

void signals_init(struct process *owner, uint64_t ignored)
{
    for (unsigned signal = 1; signal <= GUEST_SIGNALS; signal++) {
        struct guest_action *action = &owner->actions[signal];
        *action = (struct guest_action){.handler = ignored & SIGNAL_BIT(signal) ? (uint64_t)SIG_IGN : 0};
        if (HOST_OPEN & SIGNAL_BIT(signal) || (trail_records() && !action->handler && ends_program((int)signal)))
            host_action((int)signal, action);
    }
}

void signals_restore(void)
{
    for (int signal = 1; signal <= (int)GUEST_SIGNALS; signal++)
        if (!process.actions[signal].handler && ends_program(signal))
            host_action(signal, &process.actions[signal]);
}

_Noreturn void signals_die(int signal)
{
    struct sigaction own = {.sa_handler = SIG_DFL};
    trail_end(256 + (uint64_t)signal);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* it would be this program's memory */
    sigaction(signal, &own, NULL);
    const uint64_t mask = ~SIGNAL_BIT(signal);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
    syscall(SYS_tgkill, getpid(), gettid(), signal);
    _exit(128 + signal); /* a signal that does not end a process by itself */
}

/* --- entering a handler ----------------------------------------------------------------------------- */

static bool on_altstack(const struct thread *thread, uint64_t sp)
{
    const stack_t *stack = &thread->altstack;
    return !(stack->ss_flags & SS_DISABLE) && sp - (uint64_t)stack->ss_sp < stack->ss_size;
}

static void fill_frame(const struct thread *thread, struct guest_frame *frame, const siginfo_t *info, uint64_t esr)
{
    const struct cpu *cpu = thread->cpu;
    memset(frame, 0, sizeof *frame);
    frame->info = *info;
    frame->stack = (struct guest_stack){(uint64_t)thread->altstack.ss_sp, thread->altstack.ss_flags, 0,
                                        thread->altstack.ss_size};
    if (on_altstack(thread, cpu->x[REG_SP]))
        frame->stack.flags |= SS_ONSTACK;
    frame->mask = thread->mask;
    memcpy(frame->x, cpu->x, sizeof frame->x);
    frame->sp = cpu->x[REG_SP];
    frame->pc = cpu->pc;
    frame->pstate = pstate_to_spsr(cpu);
    frame->fp = (struct guest_fp){.magic = FP_MAGIC, .bytes = sizeof frame->fp, .fpsr = (uint32_t)cpu->fpsr,
                                  .fpcr = (uint32_t)cpu->fpcr};
    memcpy(frame->fp.v, cpu->v, sizeof frame->fp.v);
    if (esr) {
        frame->fault_address = (uint64_t)info->si_addr;
        frame->syndrome.magic = ESR_MAGIC;
        frame->syndrome.bytes = sizeof frame->syndrome;
        frame->syndrome.esr = esr;
    }
    frame->record[0] = cpu->x[29];
    frame->record[1] = cpu->pc;
}

/* False: there is no room for the frame. */
static bool enter_handler(struct thread *thread, int signal, const siginfo_t *info, const struct guest_action *action,
                          uint64_t esr)
{
    struct cpu *cpu = thread->cpu;
    struct guest_frame frame;
    uint64_t sp = cpu->x[REG_SP];
    const stack_t *alternate = &thread->altstack;
    if (action->flags & GUEST_SA_ONSTACK && !(alternate->ss_flags & SS_DISABLE) && !on_altstack(thread, sp))
        sp = (uint64_t)alternate->ss_sp + alternate->ss_size;
    sp = (sp & ~15ull) - sizeof frame;
    sp &= ~15ull;
    fill_frame(thread, &frame, info, esr);
    if (!guest_write(thread, sp, &frame, sizeof frame))
        return false;
    cpu->x[0] = (uint64_t)signal;
    if (action->flags & GUEST_SA_SIGINFO) {
        cpu->x[1] = sp;
        cpu->x[2] = sp + sizeof(siginfo_t);
    }
    cpu->x[REG_SP] = sp;
    cpu->x[29] = sp + offsetof(struct guest_frame, record);
    cpu->x[30] = action->flags & GUEST_SA_RESTORER ? action->restorer : process.trampoline;
    cpu->pc = action->handler;
    cpu->pstate.btype = has_feature(&cpu->features, FEAT_BTI) ? 2 : 0;
    cpu->exclusive.size = 0;
    thread->mask = (thread->waits ? thread->waits_mask : thread->mask) | action->mask;
    if (!(action->flags & GUEST_SA_NODEFER))
        thread->mask |= SIGNAL_BIT(signal);
    thread->mask &= ~UNBLOCKABLE;
    return true;
}

/* A child of vfork() has its own: its parent's other threads go on with theirs, and no lock is held where it is
 * killed. */
static struct guest_action *lock_actions(const struct thread *thread)
{
    if (thread->actions)
        return thread->actions;
    pthread_mutex_lock(&process.actions_lock);
    return process.actions;
}

static void unlock_actions(const struct thread *thread)
{
    if (!thread->actions)
        pthread_mutex_unlock(&process.actions_lock);
}

static struct guest_action take_action(const struct thread *thread, int signal)
{
    struct guest_action *actions = lock_actions(thread);
    const struct guest_action action = actions[signal];
    if (action.handler > 1 && action.flags & GUEST_SA_RESETHAND) {
        actions[signal].handler = 0;
        host_action(signal, &actions[signal]);
    }
    unlock_actions(thread);
    return action;
}

void signals_deliver(struct thread *thread, bool restart, uint64_t first_argument)
{
    struct cpu *cpu = thread->cpu;
    const siginfo_t info = thread->arrived;
    const int signal = info.si_signo;
    const struct guest_action action = take_action(thread, signal);
    __atomic_store_n(&thread->interrupted, 0, __ATOMIC_SEQ_CST);
    const bool handled = action.handler > 1;
    if (restart && (!handled || action.flags & GUEST_SA_RESTART)) {
        cpu->pc -= 4;
        cpu->x[0] = first_argument;
    }
    if (!handled && !action.handler && (HOST_OPEN & SIGNAL_BIT(signal) || (process.trail && ends_program(signal))))
        signals_die(signal);
    if (handled && !enter_handler(thread, signal, &info, &action, 0))
        signals_die(SIGSEGV);
    signals_apply_mask(thread);
    /* The guest has changed its mind since: what the host does then. */
    if (!handled && !action.handler && !trail_replays())
        syscall(SYS_tgkill, getpid(), gettid(), signal);
}

void signals_fault(struct thread *thread, int signal, int code, uint64_t address)
{
    siginfo_t info = {.si_signo = signal, .si_code = code};
    info.si_addr = (void *)address;
    const struct guest_action action = take_action(thread, signal);
    const bool blocked = thread->mask & SIGNAL_BIT(signal);
    if (action.handler <= 1 || blocked ||
        !enter_handler(thread, signal, &info, &action, thread->cpu->user_exception.esr))
        signals_die(signal);
    signals_apply_mask(thread);
}

/* --- the guest's calls ------------------------------------------------------------------------------ */

int64_t signals_return(struct thread *thread)
{
    struct cpu *cpu = thread->cpu;
    struct guest_frame frame;
    const uint64_t sp = cpu->x[REG_SP];
    if (sp & 15 || !guest_read(thread, &frame, sp, sizeof frame) || frame.fp.magic != FP_MAGIC) {
        signals_fault(thread, SIGSEGV, SEGV_MAPERR, sp);
        return (int64_t)cpu->x[0];
    }
    memcpy(cpu->x, frame.x, sizeof frame.x);
    cpu->x[REG_SP] = frame.sp;
    cpu->pc = frame.pc;
    cpu->nzcv = nzcv_unpack((uint32_t)frame.pstate);
    cpu->pstate.btype = has_feature(&cpu->features, FEAT_BTI) ? frame.pstate >> 10 & 3 : 0;
    memcpy(cpu->v, frame.fp.v, sizeof frame.fp.v);
    cpu->fpsr = frame.fp.fpsr;
    cpu->fpcr = frame.fp.fpcr;
    cpu->native.flag_kind = 0;
    thread->mask = frame.mask & ~UNBLOCKABLE;
    if (!on_altstack(thread, cpu->x[REG_SP])) {
        thread->altstack.ss_sp = (void *)frame.stack.pointer;
        thread->altstack.ss_size = frame.stack.bytes;
        thread->altstack.ss_flags = frame.stack.flags & SS_DISABLE;
    }
    signals_apply_mask(thread);
    return (int64_t)cpu->x[0];
}

int64_t signals_action(struct thread *thread, uint64_t signal, uint64_t new, uint64_t old, uint64_t mask_bytes)
{
    struct guest_action action, before;
    if (mask_bytes != 8 || !signal || signal > GUEST_SIGNALS)
        return -EINVAL;
    if (new && (signal == SIGKILL || signal == SIGSTOP))
        return -EINVAL;
    if (new && !guest_read(thread, &action, new, sizeof action))
        return -EFAULT;
    struct guest_action *actions = lock_actions(thread);
    before = actions[signal];
    if (new) {
        action.mask &= ~UNBLOCKABLE;
        actions[signal] = action;
        host_action((int)signal, &action);
    }
    unlock_actions(thread);
    return old && !guest_write(thread, old, &before, sizeof before) ? -EFAULT : 0;
}

int64_t signals_mask(struct thread *thread, uint64_t how, uint64_t new, uint64_t old, uint64_t mask_bytes)
{
    uint64_t set = 0;
    const uint64_t before = thread->mask;
    if (mask_bytes != 8)
        return -EINVAL;
    if (new && !guest_read(thread, &set, new, sizeof set))
        return -EFAULT;
    if (new) {
        switch (how) {
        case SIG_BLOCK: thread->mask |= set; break;
        case SIG_UNBLOCK: thread->mask &= ~set; break;
        case SIG_SETMASK: thread->mask = set; break;
        default: return -EINVAL;
        }
        thread->mask &= ~UNBLOCKABLE;
        signals_apply_mask(thread);
    }
    const uint64_t due = thread->held & ~thread->mask;
    if (due) { /* it comes again, now that it may */
        thread->held &= ~due;
        for (uint64_t left = trail_replays() ? 0 : due; left; left &= left - 1)
            syscall(SYS_tgkill, getpid(), gettid(), __builtin_ctzll(left) + 1);
    }
    return old && !guest_write(thread, old, &before, sizeof before) ? -EFAULT : 0;
}

int64_t signals_altstack(struct thread *thread, uint64_t new, uint64_t old)
{
    const bool in_use = on_altstack(thread, thread->cpu->x[REG_SP]);
    const struct guest_stack before = {(uint64_t)thread->altstack.ss_sp,
                                       thread->altstack.ss_flags | (in_use ? SS_ONSTACK : 0), 0,
                                       thread->altstack.ss_size};
    struct guest_stack stack;
    if (new) {
        if (!guest_read(thread, &stack, new, sizeof stack))
            return -EFAULT;
        if (in_use)
            return -EPERM;
        const int32_t mode = stack.flags & ~(int32_t)(1u << 31); /* SS_AUTODISARM */
        if (mode && mode != SS_DISABLE && mode != SS_ONSTACK)
            return -EINVAL;
        if (mode != SS_DISABLE && stack.bytes < GUEST_MIN_STACK)
            return -ENOMEM;
        thread->altstack =
            (stack_t){.ss_sp = (void *)stack.pointer, .ss_flags = mode & SS_DISABLE, .ss_size = stack.bytes};
        if (mode == SS_DISABLE)
            thread->altstack.ss_sp = NULL, thread->altstack.ss_size = 0;
    }
    return old && !guest_write(thread, old, &before, sizeof before) ? -EFAULT : 0;
}
