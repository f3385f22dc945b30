/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steps. Forward they go an instruction at a time, and over what is not looked at by a breakpoint. Back, the way that
 * led here is run again and each instruction looked at: its lines are strung together as visits. */
#include "debugger/view/stepping.h"
#include <stdlib.h>
#include <string.h>
#include "debugger/view/backtrace.h"
#include "debugger/view/dwarf.h"
#include "debugger/session/history.h"
#include "debugger/session/stopping.h"

#define LEVELS_MAX 32u
#define TABLE_MASK 0xfffffffff000ull /* of TTBR0_EL1: without ASID and flags */

/* --- runs ------------------------------------------------------------------------------------------ */

/* Whether the instruction at PC is a call, and where it returns to. */
static bool is_call(struct session *session, uint64_t *back)
{
    struct space space = session_space(session);
    struct insn insn;
    uint32_t word;
    const struct cpu *cpu = session_cpu(session);
    if (!space_read_u32(&space, cpu->pc, &word))
        return false;
    insn_decode(word, &cpu->features, &insn);
    *back = cpu->pc + 4;
    return insn.op == OP_bl || insn.op == OP_blr || insn.op == OP_svc || (word & 0xfffff800) == 0xd73f0800 /* BLRAA */;
}

/* A place in a program is met on any CPU, but only in the process; in the kernel only on this CPU. */
static bool run_to(struct session *session, uint64_t address, uint64_t sp, bool in_program, struct error *error)
{
    const struct cpu *cpu = session_cpu(session);
    struct point point = {.kind = POINT_BREAK,
                          .enabled = true,
                          .internal = true,
                          .address = address,
                          .cpu = in_program ? -1 : (int)session->cpu,
                          .user = in_program,
                          .user_table = cpu->sys.TTBR0_EL1 & TABLE_MASK,
                          .frame_checked = sp != 0,
                          .frame_sp = sp};
    if (!stopping_add(session, &point, false, error))
        return false;
    session_resume(session, 0);
    return true;
}

bool step_to(struct session *session, uint64_t address, uint64_t sp, struct error *error)
{
    return run_to(session, address, sp, session_cpu(session)->pstate.el == 0 && !(address >> 55 & 1), error);
}

bool step_over(struct session *session, struct error *error)
{
    uint64_t back;
    if (is_call(session, &back))
        return step_to(session, back, session_cpu(session)->x[REG_SP], error);
    session_resume(session, 1);
    return true;
}

/* The caller's frame, and what SP is there at least: so a call of the function by itself is told from its caller. */
static bool find_caller(struct session *session, struct frame *caller, uint64_t *sp)
{
    struct frame frames[2];
    struct space space = session_space(session);
    if (backtrace_of_cpu(session, &space, frames, 2) < 2)
        return false;
    *caller = frames[1];
    *sp = frames[1].sp > frames[0].sp && !dwarf_knows_frame(frames[0].pc) ? frames[0].sp + 1 : frames[1].sp;
    return true;
}

bool step_out(struct session *session, struct error *error)
{
    struct frame caller;
    uint64_t sp;
    return find_caller(session, &caller, &sp) ? step_to(session, caller.pc, sp, error)
                                              : error_set(error, "there is no caller to be seen");
}

/* --- lines forward --------------------------------------------------------------------------------- */

static bool same_line(const struct source_line *a, const struct source_line *b)
{
    return a->line == b->line && !strcmp(a->file, b->file);
}

/* How deep in inlined functions code is. */
static unsigned depth_of_inlining(uint64_t pc)
{
    struct dwarf_level levels[LEVELS_MAX];
    return dwarf_levels(pc, levels, LEVELS_MAX);
}

struct line_step {
    struct source_line from;
    uint64_t start, end; /* of the function */
    unsigned inlined, el;
    bool over;
};

/* Into a function that has lines: to behind its prologue. */
static bool enter(struct session *session, struct error *error)
{
    uint64_t body;
    const uint64_t pc = session_cpu(session)->pc;
    return !dwarf_skip_prologue(pc, &body) || body == pc || step_to(session, body, 0, error);
}

enum progress { GO_ON, DONE, FAILED };

/* What the instruction that was just run means for the step; `called`: it was a call, from where SP was `sp`. */
static enum progress judge(struct session *session, const struct line_step *step, bool called, uint64_t back,
                           uint64_t sp, struct error *error)
{
    const struct cpu *cpu = session_cpu(session);
    struct source_line to;
    bool begins;
    bool away = called && cpu->pc != back, excepted = !called && cpu->pstate.el > step->el;
    if (away && dwarf_line(cpu->pc, &to, NULL))
        return enter(session, error) ? DONE : FAILED;
    if (away || excepted) { /* into what has no lines; by an interrupt, or a fault */
        if (!(away ? step_to(session, back, sp, error)
                   : run_to(session, cpu->sys.ELR_EL1, 0, step->el == 0, error)))
            return FAILED;
        if (session->stop.reason != STOP_STEP)
            return DONE;
        cpu = session_cpu(session);
    }
    bool known = dwarf_line(cpu->pc, &to, &begins);
    bool inside = cpu->pc >= step->start && cpu->pc < step->end;
    if (!inside)
        return DONE; /* back in the caller, or in what was jumped to */
    if (!known || !begins || same_line(&to, &step->from))
        return GO_ON;
    return step->over && depth_of_inlining(cpu->pc) > step->inlined ? GO_ON : DONE;
}

bool step_line(struct session *session, bool over, struct error *error)
{
    struct line_step step = {.over = over};
    const struct cpu *cpu = session_cpu(session);
    if (!dwarf_line(cpu->pc, &step.from, NULL) || !dwarf_function(cpu->pc, &step.start, &step.end)) {
        if (over)
            return step_over(session, error);
        session_resume(session, 1);
        return true;
    }
    step.inlined = depth_of_inlining(cpu->pc);
    step.el = cpu->pstate.el;
    for (enum progress progress = GO_ON; progress == GO_ON;) {
        uint64_t back = 0, sp = session_cpu(session)->x[REG_SP];
        bool called = is_call(session, &back);
        if (over && called) {
            if (!step_to(session, back, sp, error))
                return false;
            called = false;
        } else {
            session_resume(session, 1);
        }
        if (session->stop.reason != STOP_STEP)
            return true;
        progress = judge(session, &step, called, back, sp, error);
        if (progress == FAILED)
            return false;
    }
    return true;
}

/* --- lines back ------------------------------------------------------------------------------------ */

/* A stay in a line: from where on. Those of calls that are over are dropped, where calls are one. */
struct visit {
    struct source_line line;
    uint64_t began;  /* the CPU's instructions */
    uint64_t start;  /* of the function */
    int64_t depth;   /* of calls, from where the look began */
    bool is_beginning; /* it began where a statement does */
};

static struct look {
    struct visit *visits;
    size_t count, capacity;
    struct cpu *cpu;
    unsigned el;
    uint64_t table; /* of the process, at EL0 */
    bool over;
    int64_t depth;
    uint64_t page, start, end; /* what was looked at last: a page of code, a function */
    const uint8_t *host;
} look;

static bool read_word(struct session *session, const struct cpu *cpu, uint32_t *word)
{
    const uint64_t page = cpu->pc & ~(PAGE_SIZE_BYTES - 1);
    if (!look.host || page != look.page) {
        uint64_t physical;
        struct space space = session_space_of(session, cpu->index);
        look.page = page;
        look.host = space_translate(&space, page, &physical)
                        ? ram_at(&session->machine->bus.ram, physical, PAGE_SIZE_BYTES)
                        : NULL;
    }
    if (look.host)
        memcpy(word, look.host + cpu->pc % PAGE_SIZE_BYTES, sizeof *word);
    return look.host;
}

/* The depth changes behind the instruction. */
static int change_of_depth(struct session *session, const struct cpu *cpu)
{
    uint32_t word;
    if (!read_word(session, cpu, &word))
        return 0;
    /* BL, BLR and BLRA.; RET, RETAA, RETAB */
    if (word >> 26 == 0x25 || (word & 0xfffffc1f) == 0xd63f0000 || (word & 0xfefff800) == 0xd63f0800)
        return 1;
    if ((word & 0xfffffc1f) == 0xd65f0000 || (word & 0xfffffbff) == 0xd65f0bff)
        return -1;
    return 0;
}

static void add_visit(const struct visit *visit)
{
    /* The last two of a depth are all that can be asked for; where calls count for nothing, the last that began where a
     * statement does, which optimised code may have few of. */
    const size_t kept = look.over ? 4 : 64;
    size_t same = 0;
    while (same < look.count && look.visits[look.count - 1 - same].depth == visit->depth)
        same++;
    if (same >= kept) {
        memmove(&look.visits[look.count - kept], &look.visits[look.count - kept + 1], (kept - 1) * sizeof *look.visits);
        look.count--;
    }
    if (look.count == look.capacity) {
        look.capacity = look.capacity ? look.capacity * 2 : 64;
        look.visits = host_realloc(look.visits, look.capacity, sizeof *look.visits);
    }
    look.visits[look.count++] = *visit;
}

static void on_insn(struct session *session, struct cpu *cpu)
{
    struct visit visit = {.began = cpu->icount, .depth = look.over ? look.depth : 0};
    if (cpu != look.cpu || cpu->pstate.el != look.el ||
        (look.el == 0 && (cpu->sys.TTBR0_EL1 & TABLE_MASK) != look.table))
        return;
    if (look.over)
        look.depth += change_of_depth(session, cpu);
    if (!dwarf_line(cpu->pc, &visit.line, &visit.is_beginning))
        return;
    if ((cpu->pc < look.start || cpu->pc >= look.end) && !dwarf_function(cpu->pc, &look.start, &look.end))
        look.start = look.end = 0;
    visit.start = look.start;
    while (look.count && look.visits[look.count - 1].depth > visit.depth)
        look.count--;
    const struct visit *last = look.count ? &look.visits[look.count - 1] : NULL;
    if (!last || last->depth != visit.depth || last->start != visit.start || !same_line(&last->line, &visit.line))
        add_visit(&visit);
}

/* The visit that is gone back to from `now`. NULL: none of those that are known. */
static const struct visit *choose(uint64_t now)
{
    while (look.over && look.count && look.visits[look.count - 1].depth > look.depth)
        look.count--; /* of a call that has just returned */
    for (size_t i = look.count; i-- > 0;) {
        const struct visit *visit = &look.visits[i];
        /* What began in the middle of a line is the rest of it behind a call: the call's last line is before it. */
        if (visit->began < now && (visit->is_beginning || look.over))
            return visit;
    }
    return NULL;
}

/* Looks at the last `count` instructions of the CPU. */
static bool look_back(struct session *session, uint64_t count, bool over, struct error *error)
{
    struct cpu *cpu = session_cpu(session);
    look.count = 0;
    look.cpu = cpu;
    look.el = cpu->pstate.el;
    look.table = cpu->sys.TTBR0_EL1 & TABLE_MASK;
    look.over = over;
    look.depth = 0;
    look.host = NULL;
    look.start = look.end = 0;
    struct stopping_tracer tracer = {.insn = on_insn, .of_past = true};
    return history_look_back(session, count, &tracer, error);
}

bool step_line_back(struct session *session, bool over, struct error *error)
{
    struct source_line line;
    const struct cpu *cpu = session_cpu(session);
    const uint64_t now = cpu->icount;
    if (!dwarf_line(cpu->pc, &line, NULL))
        return history_step_back(session, 1, error);
    for (uint64_t count = 3000;; count *= 100) {
        uint64_t most = history_reach(session);
        if (!look_back(session, count < most ? count : most, over, error))
            return false;
        const struct visit *visit = choose(now);
        /* The first that was seen may have begun before. */
        bool whole = visit && (visit != look.visits || count >= most);
        if (whole && visit->began < now)
            return history_step_back(session, now - visit->began, error);
        if (count >= most)
            return error_set(error, "history has no line before this one");
    }
}

bool step_back_out(struct session *session, struct error *error)
{
    struct frame caller;
    uint64_t sp;
    bool found, in_program = session_cpu(session)->pstate.el == 0;
    if (!find_caller(session, &caller, &sp))
        return error_set(error, "there is no caller to be seen");
    struct point point = {.kind = POINT_BREAK, .enabled = true, .address = caller.pc - 4,
                          .cpu = in_program ? -1 : (int)session->cpu, .user = in_program,
                          .user_table = session_cpu(session)->sys.TTBR0_EL1 & TABLE_MASK,
                          .frame_checked = true, .frame_sp = sp};
    struct point *added = stopping_add(session, &point, false, error);
    if (!added)
        return false;
    bool good = history_last_hit(session, added, &found, error);
    stopping_remove(session, added);
    if (good && found)
        session->stop.reason = STOP_STEP;
    return good;
}
