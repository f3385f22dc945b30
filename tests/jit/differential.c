/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The translating engines against the interpreter: random programs from the same state, compared after every
 * turn.
 *
 * jit_differential [--programs N] [--seed N] [--host-features LEVEL] [--jit-cache MIB] [--hotter N] [--stay N]
 *     [--prefer NAME] [--process] [--verbose]
 *
 * With --process the programs are those of processes (isa/arm64/user.h), which are translated differently; lockstep is
 * not for them.
 * With --hotter, programs that are short enough for this test get regions under auto too, at any time. The
 * environment's ARMATURE_JIT_PROGRAMS stands for --programs. --prefer makes half of the random instructions those
 * whose name in the tables contains NAME, and may be repeated. A difference is shrunk to the instructions
 * and registers that it needs, and printed with the guest's code, the host's, and what differs. Then the run
 * ends. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "interp/interp.h"
#include "jit/jit.h"
#include "jit/lockstep.h"
#include "machine/contract/host.h"
#include "tests/jit/cases.h"
#include "tests/jit/generate.h"
#include "tests/jit/rig_process.h"

static const enum cpu_model models[] = {CPU_V8_2, CPU_MAX, CPU_V8_0};
#define MODELS (sizeof models / sizeof models[0])

/* The interpreter, and those that must do the same. */
enum { JUDGE, ENGINES = 4 };
static const struct engine_ops *const engines[ENGINES] = {&interp_engine, &jit_only_engine, &jit_engine,
                                                         &lockstep_engine};
static unsigned engine_count = ENGINES;
static struct rig *rigs[MODELS][ENGINES];
static uint64_t insns;

/* Whether `program` ends differently under engine `other`; *turn is where. */
static bool differs(struct rig **at, unsigned other, const struct program *program, unsigned *turn)
{
    struct rig *judge = at[JUDGE], *rig = at[other];
    /* What runs before IC and ISB depends on where blocks are entered, which lockstep's chunks change. (A stray store
     * into the code does the same.) */
    if (program->patches && rig->ops == &lockstep_engine)
        return false;
    rig_load(judge, program);
    rig_load(rig, program);
    bool going = true;
    for (*turn = 0; going && *turn < program->turn_count; ++*turn) {
        going = rig_turn(judge, program, *turn);
        rig_turn(rig, program, *turn);
        if (!rig_equal(judge, rig))
            return rig->ops != &lockstep_engine || !rig_wrote_code(judge, program);
    }
    insns += judge->cpu.icount;
    return false;
}

/* Makes the program smaller as long as it still differs. */

static bool try_without(struct rig **at, unsigned other, struct program *program, void *part, size_t size,
                        const void *instead)
{
    uint8_t was[64 * 4];
    unsigned turn;
    memcpy(was, part, size);
    if (!memcmp(was, instead, size))
        return false;
    memcpy(part, instead, size);
    if (differs(at, other, program, &turn))
        return true;
    memcpy(part, was, size);
    return false;
}

static bool shrink_once(struct rig **at, unsigned other, struct program *p)
{
    static const uint64_t zeros[2];
    static const struct program no_program;
    uint32_t nops[64];
    bool smaller = false;
    for (unsigned i = 0; i < 64; i++)
        nops[i] = RIG_NOP;
    for (uint32_t chunk = 64; chunk; chunk /= 2)
        for (uint32_t i = 0; i + chunk <= p->count; i += chunk)
            smaller |= try_without(at, other, p, &p->words[i], chunk * 4, nops);
    for (unsigned i = 0; i < 31; i++)
        smaller |= try_without(at, other, p, &p->state.x[i], 8, zeros);
    for (unsigned i = 0; i < 32; i++)
        smaller |= try_without(at, other, p, p->state.v[i], 16, zeros);
    smaller |= try_without(at, other, p, &p->state.nzcv, 12, zeros);
    for (unsigned i = 0; i + 1 < p->turn_count; i++)
        smaller |= try_without(at, other, p, &p->turns[i], sizeof p->turns[i], &no_program.turns[i]);
    return smaller;
}

static void print_program(const struct program *p)
{
    printf("  guest code (NOPs left out), EL%u, SP %s, DAIF %x, FP %s:\n", p->el,
           p->sp_checked ? "checked" : "free", p->daif, p->fp_disabled ? "off" : "on");
    for (uint32_t i = 0; i < p->count; i++)
        if (p->words[i] != RIG_NOP) {
            char text[160];
            insn_disassemble(p->words[i], rig_entry(p) + 4 * i, text, sizeof text);
            printf("    word %-4u %" PRIx64 "  %08" PRIx32 "  %s\n", p->first + i, rig_entry(p) + 4 * i,
                   p->words[i], text);
        }
    printf("  registers that are not 0:\n");
    for (unsigned i = 0; i < 31; i++)
        if (p->state.x[i])
            printf("    x%-2u   %016" PRIx64 "\n", i, p->state.x[i]);
    for (unsigned i = 0; i < 32; i++)
        if (p->state.v[i][0] || p->state.v[i][1])
            printf("    v%-2u   %016" PRIx64 "%016" PRIx64 "\n", i, p->state.v[i][1], p->state.v[i][0]);
    printf("    sp    %016" PRIx64 "\n    nzcv  %08" PRIx32 "\n    fpcr  %08" PRIx32 "\n", p->state.sp,
           p->state.nzcv, p->state.fpcr);
    printf("  turns:");
    for (unsigned i = 0; i < p->turn_count; i++)
        printf(" %s%" PRIu32 " (remap %u, guard %u, patch %u)", p->turns[i].irq ? "irq+" : "", p->turns[i].insns,
               p->turns[i].remap, p->turns[i].guard, p->turns[i].patch);
    printf("\n");
}

/* Lockstep reports each difference by itself; while a program is shrunk only the last one is wanted. */
static void hush(bool quiet)
{
    static int kept;
    fflush(stderr);
    if (quiet) {
        kept = dup(STDERR_FILENO);
        const int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDERR_FILENO);
        close(nowhere);
    } else {
        dup2(kept, STDERR_FILENO);
        close(kept);
    }
}

static void report(struct rig **at, unsigned other, uint64_t seed, struct program *program)
{
    unsigned turn;
    hush(true);
    while (shrink_once(at, other, program))
        ;
    hush(false);
    if (!differs(at, other, program, &turn))
        printf("The difference is gone when the program runs again: something is left of the one before.\n");
    printf("DIFFERS: seed %" PRIu64 ", model %d, in turn %u\n", seed, at[JUDGE]->cpu.features.model, turn);
    print_program(program);
    rig_print_difference(at[JUDGE], at[other]);
    rig_print_host_code(at[other]);
}

/* A translation that crashes the host has no state to compare. */
static const struct program *running;
static uint64_t running_seed;

static void crashed(int signal_number)
{
    printf("CRASHED by signal %d: seed %" PRIu64 "\n", signal_number, running_seed);
    print_program(running);
    fflush(stdout);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static uint64_t number(const char *text)
{
    char *end;
    const uint64_t value = strtoull(text, &end, 0);
    if (!*text || *end) {
        fprintf(stderr, "'%s' is no number\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    static struct program program;
    const char *programs_text = getenv("ARMATURE_JIT_PROGRAMS");
    uint64_t programs = programs_text ? number(programs_text) : 1000, seed = 1;
    bool verbose = false, same = true;
    enum host_level level;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--verbose")) {
            verbose = true;
        } else if (i + 1 < argc && !strcmp(argv[i], "--programs")) {
            programs = number(argv[++i]);
        } else if (i + 1 < argc && !strcmp(argv[i], "--seed")) {
            seed = number(argv[++i]);
        } else if (i + 1 < argc && !strcmp(argv[i], "--host-features") && host_find_level(argv[i + 1], &level)) {
            host_limit(level);
            i++;
        } else if (i + 1 < argc && !strcmp(argv[i], "--prefer") && generate_preferred(argv[i + 1])) {
            i++;
        } else if (!strcmp(argv[i], "--process")) {
            jit_settings.process = true;
            engine_count = ENGINES - 1;
        } else if (i + 1 < argc && !strcmp(argv[i], "--jit-cache")) {
            jit_settings.cache_bytes = number(argv[++i]) << 20;
        } else if (i + 1 < argc && !strcmp(argv[i], "--hotter")) {
            jit_settings.hotter = (unsigned)number(argv[++i]);
        } else if (i + 1 < argc && !strcmp(argv[i], "--stay") && number(argv[i + 1]) >= JIT_MIN_STAY) {
            jit_settings.stay_insns = (unsigned)number(argv[++i]);
        } else {
            fprintf(stderr, "usage: jit_differential [--programs N] [--seed N] [--host-features LEVEL] "
                            "[--jit-cache MIB] [--hotter N] [--stay N] [--prefer NAME] [--process] [--verbose]\n");
            return 2;
        }
    }
    for (unsigned m = 0; m < MODELS; m++)
        for (unsigned e = 0; e < engine_count; e++)
            rigs[m][e] = jit_settings.process ? rig_process_create(engines[e], models[m])
                                              : rig_create(engines[e], models[m]);
    running = &program;
    if (jit_settings.process)
        rig_process_catch(crashed);
    else
        signal(SIGSEGV, crashed);
    signal(SIGFPE, crashed);
    signal(SIGILL, crashed);
    for (const struct kept_case *kept = kept_cases; kept->what && same; kept++)
        for (unsigned m = 0; m < MODELS && same; m++)
            for (unsigned e = JUDGE + 1; e < engine_count && same; e++) {
                unsigned turn;
                kept_program(kept, &program);
                program.el = jit_settings.process ? 0 : program.el;
                same = !differs(rigs[m], e, &program, &turn);
                if (!same) {
                    printf("Kept case: %s\n", kept->what);
                    report(rigs[m], e, 0, &program);
                }
            }
    for (uint64_t i = 0; i < programs && same; i++) {
        running_seed = seed + i;
        struct rig **at = rigs[(seed + i) % MODELS];
        (jit_settings.process ? generate_process : generate_program)(seed + i, &at[JUDGE]->cpu.features, &program);
        for (unsigned e = JUDGE + 1; e < engine_count && same; e++) {
            unsigned turn;
            if (verbose)
                printf("seed %" PRIu64 " under %s\n", seed + i, at[e]->name), fflush(stdout);
            same = !differs(at, e, &program, &turn);
            if (!same)
                report(at, e, seed + i, &program);
        }
    }
    for (unsigned m = 0; m < MODELS; m++)
        for (unsigned e = 0; e < engine_count; e++)
            rig_free(rigs[m][e]);
    printf("%" PRIu64 " programs, %" PRIu64 " instructions by the interpreter%s\n", programs, insns,
           same ? "" : "; the engines differ");
    return !same;
}
