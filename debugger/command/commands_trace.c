/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tracing and profiling: the guest runs, and what it does is written down. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/backtrace.h"
#include "debugger/command/command.h"
#include "debugger/view/coverage.h"
#include "debugger/view/flame.h"
#include "debugger/view/kernel.h"
#include "debugger/session/stopping.h"

#define SAMPLE_INSNS 100000u
#define FRAMES_MAX   64u

/* --- trace ----------------------------------------------------------------------------------------- */

static struct tracing {
    FILE *to;
    char filter[128]; /* only lines that contain it; "": all */
    uint64_t last_pc;
    unsigned last_cpu;
} tracing;

static void line(struct session *session, const struct cpu *cpu, const char *text)
{
    if (*tracing.filter && !strstr(text, tracing.filter))
        return;
    fprintf(tracing.to, "%" PRIu64 " CPU%u %s\n", run_loop_insns(&session->machine->loop), cpu->index, text);
}

static void describe_insn(struct session *session, struct cpu *cpu, char *text, size_t capacity)
{
    char symbol[128], insn[128] = "?";
    uint32_t word;
    struct space space = session_space_of(session, cpu->index);
    if (space_read_u32(&space, cpu->pc, &word))
        insn_disassemble(word, cpu->pc, insn, sizeof insn);
    session_symbolize(session, cpu->pc, symbol, sizeof symbol);
    snprintf(text, capacity, "0x%016" PRIx64 " %s: %s", cpu->pc, symbol, insn);
}

static void trace_insn(struct session *session, struct cpu *cpu)
{
    char text[400];
    describe_insn(session, cpu, text, sizeof text);
    line(session, cpu, text);
}

static void trace_block(struct session *session, struct cpu *cpu)
{
    bool follows = cpu->index == tracing.last_cpu && cpu->pc == tracing.last_pc + 4;
    tracing.last_cpu = cpu->index;
    tracing.last_pc = cpu->pc;
    if (!follows)
        trace_insn(session, cpu);
}

static void trace_call(struct session *session, struct cpu *cpu)
{
    struct space space = session_space_of(session, cpu->index);
    char text[400], from[128], to[128];
    struct insn insn;
    uint32_t word;
    if (!space_read_u32(&space, cpu->pc, &word))
        return;
    insn_decode(word, &cpu->features, &insn);
    if (insn.op != OP_bl && insn.op != OP_blr && insn.op != OP_ret)
        return;
    uint64_t target = insn.op == OP_bl ? cpu->pc + (uint64_t)insn.imm : cpu->x[insn.rn];
    session_symbolize(session, cpu->pc, from, sizeof from);
    session_symbolize(session, target, to, sizeof to);
    snprintf(text, sizeof text, "%s 0x%" PRIx64 " %s -> 0x%" PRIx64 " %s", insn.op == OP_ret ? "return" : "call",
             cpu->pc, from, target, to);
    line(session, cpu, text);
}

static bool is_interrupt(unsigned vector)
{
    return vector == 0x80 || vector == 0x100;
}

static void trace_exception(struct session *session, struct cpu *cpu, unsigned vector)
{
    char text[300], place[128];
    session_symbolize(session, cpu->sys.ELR_EL1, place, sizeof place);
    if (is_interrupt(vector))
        return;
    snprintf(text, sizeof text, "exception ESR 0x%08" PRIx64 " FAR 0x%" PRIx64 " at 0x%" PRIx64 " %s", cpu->sys.ESR_EL1,
             cpu->sys.FAR_EL1, cpu->sys.ELR_EL1, place);
    line(session, cpu, text);
}

static void trace_irq(struct session *session, struct cpu *cpu, unsigned vector)
{
    char text[300], place[128];
    session_symbolize(session, cpu->sys.ELR_EL1, place, sizeof place);
    snprintf(text, sizeof text, "%s at 0x%" PRIx64 " %s", vector == 0x80 ? "IRQ" : "FIQ", cpu->sys.ELR_EL1, place);
    if (is_interrupt(vector))
        line(session, cpu, text);
}

static void trace_device(struct session *session, struct cpu *cpu, uint64_t physical, unsigned size, bool write,
                         uint64_t value)
{
    const struct bus *bus = &session->machine->bus;
    const char *name = "?";
    char text[200];
    for (unsigned i = 0; i < bus->window_count; i++)
        if (physical - bus->windows[i].base < bus->windows[i].size_bytes)
            name = bus->windows[i].name;
    snprintf(text, sizeof text, "%s 0x%" PRIx64 " %s %u bytes 0x%" PRIx64, name, physical, write ? "write" : "read",
             size, value);
    line(session, cpu, text);
}

/* trace KIND INSNS [FILE] [FILTER] */
static bool run_trace(struct session *session, const char *arguments, struct error *error)
{
    static struct {
        const char *kind;
        struct stopping_tracer tracer;
    } kinds[] = {
        {"insns", {.insn = trace_insn}},
        {"blocks", {.insn = trace_block}},
        {"calls", {.insn = trace_call}},
        {"exceptions", {.excepted = trace_exception}},
        {"irqs", {.excepted = trace_irq}},
        {"mmio", {.device = trace_device}},
    };
    char kind[32] = "", count_text[32] = "", path[1024] = "";
    uint64_t count;
    unsigned chosen = 0;
    tracing = (struct tracing){.to = session->out};
    bool given = words_cut(&arguments, kind, sizeof kind) && words_cut(&arguments, count_text, sizeof count_text);
    while (chosen < sizeof kinds / sizeof *kinds && strcmp(kinds[chosen].kind, kind))
        chosen++;
    if (!given || chosen == sizeof kinds / sizeof *kinds || !words_number(count_text, &count) || !count)
        return error_set(error,
                         "trace expects insns, blocks, calls, exceptions, irqs or mmio, and for how many instructions");
    if (words_cut(&arguments, path, sizeof path) && strcmp(path, "-") && !(tracing.to = fopen(path, "we")))
        return error_set(error, "%s cannot be written: %s", path, strerror(errno));
    if (*arguments)
        words_cut(&arguments, tracing.filter, sizeof tracing.filter);
    kernel_find(session, NULL);
    stopping_trace(session, &kinds[chosen].tracer);
    session->machine->loop.halt_at_insns = run_loop_insns(&session->machine->loop) + count;
    session_resume(session, 0);
    session->machine->loop.halt_at_insns = UINT64_MAX;
    stopping_untrace(session, &kinds[chosen].tracer);
    bool written = tracing.to == session->out || fclose(tracing.to) == 0;
    return written || error_set(error, "%s could not be written to its end", path);
}

/* --- profile --------------------------------------------------------------------------------------- */

/* The stack of the CPU that runs, the outermost function first, with ';' between: "collapsed". */
static void collapse(struct session *session, char *text, size_t capacity)
{
    struct frame frames[FRAMES_MAX];
    const struct run_loop *loop = &session->machine->loop;
    session->cpu = loop->round.cpu < loop->cpu_count ? loop->round.cpu : 0;
    struct space space = session_space(session);
    struct value current;
    size_t used = 0;
    char comm[17] = "";
    if (kernel_current(session, session->cpu, &current, NULL))
        kernel_comm(session, current.number, comm);
    used += (size_t)snprintf(text, capacity, "%s", *comm ? comm : "guest");
    unsigned count = backtrace_of_cpu(session, &space, frames, FRAMES_MAX);
    for (unsigned i = count; i-- > 0 && used + 160 < capacity;) {
        char name[128];
        const struct symbol *symbol = symbols_around(session->symbols, frames[i].pc);
        if (symbol && frames[i].pc - symbol->address < 1u << 20)
            snprintf(name, sizeof name, "%s", symbol->name);
        else
            snprintf(name, sizeof name, "0x%" PRIx64, frames[i].pc);
        used += (size_t)snprintf(text + used, capacity - used, ";%s", name);
    }
}

/* profile TIME FILE.svg [INSNS]: samples of guest time, each INSNS instructions. */
static bool run_profile(struct session *session, const char *arguments, struct error *error)
{
    char duration[32] = "", path[1000] = "", text[8192], every[32];
    uint64_t interval = SAMPLE_INSNS;
    uint64_t duration_ns;
    bool given = words_cut(&arguments, duration, sizeof duration) && words_cut(&arguments, path, sizeof path);
    if (!given || !time_parse(duration, &duration_ns) || !duration_ns)
        return error_set(error, "profile expects a time of the guest's such as 5s, and a file for the flame graph");
    if (words_cut(&arguments, every, sizeof every) && (!words_number(every, &interval) || interval < 100))
        return error_set(error, "a sample is taken every so many instructions: 100 or more");
    struct flame *flame = flame_create();
    uint64_t end_ns = session->machine->clock.now_ns + duration_ns;
    unsigned samples = 0, selected = session->cpu;
    kernel_find(session, NULL);
    session->machine->loop.halt_at_ns = end_ns;
    while (!session->ended && session->machine->clock.now_ns < end_ns) {
        session->machine->loop.halt_at_insns = run_loop_insns(&session->machine->loop) + interval;
        session_resume(session, 0);
        if (session->stop.reason != STOP_STEP)
            break;
        collapse(session, text, sizeof text);
        flame_add(flame, text);
        samples++;
    }
    session->machine->loop.halt_at_ns = CLOCK_NEVER;
    session->machine->loop.halt_at_insns = UINT64_MAX;
    session->cpu = selected;
    bool good = flame_write(flame, path, error);
    flame_free(flame);
    if (good)
        say(session, "%u samples, one each %" PRIu64 " instructions; %s and %s.folded\n", samples, interval, path,
            path);
    return good;
}

/* --- coverage -------------------------------------------------------------------------------------- */

/* coverage on [user PID|NAME] | off | FILE */
static bool run_coverage(struct session *session, const char *arguments, struct error *error)
{
    char word[1024], rest[1024];
    const char *line = arguments;
    struct coverage_of of = {0};
    if (!words_cut(&arguments, word, sizeof word))
        return error_set(error, "coverage expects on, off, or the file that is to be written");
    if (!strcmp(word, "off"))
        return words_end(arguments, error) && coverage_end(session, error);
    kernel_find(session, NULL);
    if (strcmp(word, "on"))
        return words_end(arguments, error) && coverage_write(session, word, error);
    snprintf(rest, sizeof rest, " %s", line + strlen("on") + strspn(line + strlen("on"), " "));
    struct point who = {0};
    if (!command_cut_user(session, rest, &who, error) || !words_end(rest + strspn(rest, " "), error))
        return false;
    of.user = who.user;
    of.table = who.user_table;
    return coverage_begin(session, &of, error);
}

const struct command commands_trace[] = {
    {"trace", "KIND INSNS [FILE|-] [FILTER]", COMPLETES_FILE, run_trace,
     "Write down what the guest does for so many instructions: insns, blocks, calls, exceptions, irqs or mmio. FILTER: "
     "lines that "
     "contain it.",
     NULL, true},
    {"profile", "TIME FILE [INSNS]", COMPLETES_FILE, run_profile,
     "Sample the stacks of a time of the guest's, every 100000 instructions, into a flame graph (SVG) and FILE.folded.",
     NULL, true},
    {"coverage", "on [user PID|NAME] | off | FILE", COMPLETES_FILE, run_coverage,
     "Count how often instructions run, at EL1 or in one process, and write it as a tracefile of lcov's: by lines of "
     "source where they are known, else by those of a listing, FILE.asm."},
    {0},
};
