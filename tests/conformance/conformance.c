/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every instruction line of the tables, in random encodings and states, on our interpreter and under
 * qemu-aarch64.
 *
 * conformance QEMU RUNNER [--cases N] [--seed N] [--line NAME] [--verbose]
 *
 * For each line it makes N cases, runs them in batches on both sides, and compares registers, flags, FPSR,
 * vectors and memory; our two compiled forms of an instruction (plain, threaded) are compared too. Reserved
 * encodings of a line must be UNDEFINED on both sides. The first difference of a line is shrunk to what it
 * needs and printed. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "isa/arm64/decode.h"
#include "ours.h"
#include "random.h"

#define FPSR_MASK 0x0800009fu
#define TRIES     4000u /* words tried for a case that can be compared */

static const struct {
    const char *name, *reason;
} exempt[] = {
#define EXEMPT(line, reason) {#line, reason},
#define EXEMPT_WORDS(mask, bits, reason)
#include "exempt.def"
#undef EXEMPT
#undef EXEMPT_WORDS
    {NULL, NULL},
};

static const struct {
    uint32_t mask, bits;
} exempt_words[] = {
#define EXEMPT(line, reason)
#define EXEMPT_WORDS(mask, bits, reason) {mask, bits},
#include "exempt.def"
#undef EXEMPT
#undef EXEMPT_WORDS
};

static struct {
    int to, from;
    pid_t pid;
} judge;

static struct {
    unsigned lines, covered, excused, differing, uncovered, unallocated;
    uint64_t cases;
} totals;

/* The judge. */

static void fail(const char *what)
{
    fprintf(stderr, "conformance: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void judge_start(const char *qemu, const char *runner)
{
    int in[2], out[2];
    if (pipe(in) || pipe(out))
        fail("pipe");
    judge.pid = fork();
    if (judge.pid < 0)
        fail("fork");
    if (judge.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execl(qemu, qemu, "-cpu", "max,sve=off,sme=off", runner, (char *)NULL);
        fail(qemu);
    }
    close(in[0]);
    close(out[1]);
    judge.to = in[1];
    judge.from = out[0];
    signal(SIGPIPE, SIG_IGN);
}

static void judge_stop(void)
{
    close(judge.to);
    waitpid(judge.pid, NULL, 0);
}

static void transfer(bool out, void *buffer, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        char *at = (char *)buffer + done;
        ssize_t n = out ? write(judge.to, at, bytes - done) : read(judge.from, at, bytes - done);
        if (n <= 0)
            fail("the runner under qemu-aarch64 went away");
        done += (size_t)n;
    }
}

/* QEMU 7.2 leaves the sign of a negative result of FCVTZS Hd, Hn, #fbits in bits 31:16, which are zero. */
static void mend_judge(const struct wire_case *c, struct wire_result *result)
{
    const uint32_t word = c->words[c->count - 1];
    if ((word & 0xfff0fc00) == 0x5f10fc00)
        result->state.v[word & 31][0] = (uint16_t)result->state.v[word & 31][0];
}

static void judge_run(struct wire_case *cases, struct wire_result *results, uint32_t count)
{
    transfer(true, &count, sizeof count);
    transfer(true, cases, count * sizeof *cases);
    transfer(false, results, count * sizeof *results);
    for (uint32_t i = 0; i < count; i++)
        mend_judge(&cases[i], &results[i]);
}

/* Comparing. */

static void print_number(const char *name, uint64_t before, uint64_t ours, uint64_t theirs)
{
    printf("    %-6s %016" PRIx64 " -> ours %016" PRIx64 "  judge %016" PRIx64 "%s\n", name, before, ours,
           theirs, ours == theirs ? "" : "  <--");
}

static void print_word(const char *label, uint32_t word)
{
    char text[128];
    insn_disassemble(word, CODE_SLOT, text, sizeof text);
    printf("    %s %08" PRIx32 "  %s\n", label, word, text);
}

static const char *outcome_name(uint32_t outcome)
{
    static const char *const names[] = {"done", "undefined", "memory fault", "another exception"};
    return outcome < 4 ? names[outcome] : "?";
}

static bool dirty_equal(const struct wire_result *a, const struct wire_result *b)
{
    return a->dirty_from == b->dirty_from && a->dirty_to == b->dirty_to &&
           !memcmp(a->dirty, b->dirty, sizeof a->dirty);
}

/* What is left open after a fault is not compared: vectors that were partly loaded, parts of a store. */
static bool results_equal(const struct wire_result *ours, const struct wire_result *theirs)
{
    const struct wire_state *a = &ours->state, *b = &theirs->state;
    if (ours->outcome != theirs->outcome || a->pc != b->pc || a->sp != b->sp ||
        memcmp(a->x, b->x, sizeof a->x))
        return false;
    if (ours->outcome != OUTCOME_DONE)
        return true;
    return a->nzcv == b->nzcv && a->fpcr == b->fpcr && ((a->fpsr ^ b->fpsr) & FPSR_MASK) == 0 &&
           !memcmp(a->v, b->v, sizeof a->v) && dirty_equal(ours, theirs);
}

static void print_dirty(const char *who, const struct wire_result *r)
{
    printf("    memory %s: [0x%x, 0x%x)", who, r->dirty_from, r->dirty_to);
    for (uint32_t i = r->dirty_from; i < r->dirty_to && i - r->dirty_from < DIRTY_SHOWN; i++)
        printf(" %02x", r->dirty[i - r->dirty_from]);
    printf("\n");
}

/* Registers that neither changed nor hold anything are left out. */
static void print_difference(const struct wire_case *c, const struct wire_result *ours,
                             const struct wire_result *theirs)
{
    const struct wire_state *s = &c->state, *a = &ours->state, *b = &theirs->state;
    char name[16];
    for (unsigned i = 0; i < c->count; i++)
        print_word(i == c->count - 1 ? "word  " : "before", c->words[i]);
    printf("    outcome: ours %s, judge %s\n", outcome_name(ours->outcome), outcome_name(theirs->outcome));
    for (unsigned i = 0; i < 31; i++)
        if (s->x[i] || a->x[i] || b->x[i]) {
            snprintf(name, sizeof name, "x%u", i);
            print_number(name, s->x[i], a->x[i], b->x[i]);
        }
    for (unsigned i = 0; i < 64; i++)
        if (s->v[i / 2][i % 2] || a->v[i / 2][i % 2] || b->v[i / 2][i % 2]) {
            snprintf(name, sizeof name, "v%u.%c", i / 2, i % 2 ? 'h' : 'l');
            print_number(name, s->v[i / 2][i % 2], a->v[i / 2][i % 2], b->v[i / 2][i % 2]);
        }
    print_number("sp", s->sp, a->sp, b->sp);
    print_number("pc", CODE_SLOT, a->pc, b->pc);
    print_number("nzcv", s->nzcv, a->nzcv, b->nzcv);
    print_number("fpcr", s->fpcr, a->fpcr, b->fpcr);
    print_number("fpsr", s->fpsr, a->fpsr & FPSR_MASK, b->fpsr & FPSR_MASK);
    if (!dirty_equal(ours, theirs)) {
        print_dirty("ours", ours);
        print_dirty("judge", theirs);
    }
}

static bool differs(struct wire_case *c, struct wire_result *ours, struct wire_result *theirs)
{
    if (!ours_run(c, FORM_PLAIN, ours))
        return false;
    judge_run(c, theirs, 1);
    return !results_equal(ours, theirs);
}

/* Clears one word of the state after the other, as long as the difference stays. */
static void shrink(struct wire_case *c)
{
    struct wire_result ours, theirs;
    uint64_t *words[31 + 64 + 1];
    unsigned count = 0;
    for (unsigned i = 0; i < 31; i++)
        words[count++] = &c->state.x[i];
    for (unsigned i = 0; i < 64; i++)
        words[count++] = &c->state.v[i / 2][i % 2];
    words[count++] = &c->state.sp;
    for (unsigned i = 0; i < count; i++) {
        const uint64_t was = *words[i];
        *words[i] = 0;
        if (was && !differs(c, &ours, &theirs))
            *words[i] = was;
    }
    uint32_t *small[] = {&c->state.nzcv, &c->state.fpcr, &c->state.fpsr};
    for (unsigned i = 0; i < 3; i++) {
        const uint32_t was = *small[i];
        *small[i] = 0;
        if (was && !differs(c, &ours, &theirs))
            *small[i] = was;
    }
}

static void report(const struct insn_info *info, struct wire_case *c)
{
    struct wire_result ours, theirs;
    printf("DIFFERS %s (%s:%u)\n", info->name, info->file, info->line);
    if (differs(c, &ours, &theirs)) {
        shrink(c);
        differs(c, &ours, &theirs);
    }
    print_difference(c, &ours, &theirs);
}

static void report_forms(const struct insn_info *info, const struct wire_case *c,
                         const struct wire_result *plain, const struct wire_result *threaded)
{
    printf("DIFFERS %s (%s:%u): the plain form (as ours) and the threaded one (as judge)\n", info->name,
           info->file, info->line);
    print_difference(c, plain, threaded);
}

/* Lines. */

static const char *reason_to_skip(const struct insn_info *info)
{
    if (info->flags & INSN_UNIMPLEMENTED)
        return "unimplemented";
    if (info->flags & (INSN_SYSTEM | INSN_PRIVILEGED))
        return "system";
    if (!ours_has_feature(info->feature))
        return "a feature that no model has";
    for (unsigned i = 0; exempt[i].name; i++)
        if (!strcmp(exempt[i].name, info->name))
            return exempt[i].reason;
    return NULL;
}

/* Our results for one more case of the line, or false where none was found. Faults are kept now and then
 * only. */
static bool next_case(struct rng *rng, unsigned op, struct wire_case *c, struct wire_result *plain,
                      struct wire_result *threaded)
{
    const struct insn_info *info = &insn_infos[op];
    for (unsigned i = 0; i < TRIES; i++) {
        struct insn insn;
        const uint32_t word = random_word(rng, info);
        ours_decode(word, &insn);
        if (insn.op != op || word_is_unpredictable(info, word))
            continue;
        random_case(rng, info, word, c);
        if (!ours_run(c, FORM_PLAIN, plain))
            continue;
        if (plain->outcome == OUTCOME_DONE ? plain->state.pc == CODE_SLOT : rng_below(rng, 64))
            continue;
        ours_run(c, FORM_THREADED, threaded);
        return true;
    }
    return false;
}

/* A reserved encoding: of the line by its pattern, and refused by its checks. */
static bool next_reserved(struct rng *rng, unsigned op, struct wire_case *c, struct wire_result *ours)
{
    const struct insn_info *info = &insn_infos[op];
    for (unsigned i = 0; i < 100; i++) {
        struct insn insn;
        const uint32_t word = random_word(rng, info);
        ours_decode(word, &insn);
        if (insn.op != OP_UNDEFINED || (unsigned)insn_op_of(word) != op)
            continue;
        random_case(rng, info, word, c);
        return ours_run(c, FORM_PLAIN, ours);
    }
    return false;
}

struct batch {
    struct wire_case cases[MAX_BATCH];
    struct wire_result ours[MAX_BATCH], theirs[MAX_BATCH];
    unsigned count, done;
    bool differed;
};

static void finish_batch(struct batch *batch, const struct insn_info *info)
{
    if (!batch->count)
        return;
    judge_run(batch->cases, batch->theirs, batch->count);
    for (unsigned i = 0; i < batch->count && !batch->differed; i++)
        if (!results_equal(&batch->ours[i], &batch->theirs[i])) {
            report(info, &batch->cases[i]);
            batch->differed = true;
        }
    totals.cases += batch->count;
    batch->count = 0;
}

static void check_line(unsigned op, unsigned cases, uint64_t seed)
{
    static struct batch batch;
    const struct insn_info *info = &insn_infos[op];
    struct rng rng = rng_for(seed, info->name);
    batch.count = batch.done = 0;
    batch.differed = false;
    for (unsigned i = 0; i < cases && !batch.differed; i++) {
        struct wire_result threaded;
        struct wire_result *ours = &batch.ours[batch.count];
        if (i % 16 == 15) {
            batch.count += next_reserved(&rng, op, &batch.cases[batch.count], ours);
        } else if (next_case(&rng, op, &batch.cases[batch.count], ours, &threaded)) {
            if (!results_equal(ours, &threaded)) {
                report_forms(info, &batch.cases[batch.count], ours, &threaded);
                batch.differed = true;
            }
            batch.done += ours->outcome == OUTCOME_DONE;
            batch.count++;
        } else {
            break;
        }
        if (batch.count == MAX_BATCH)
            finish_batch(&batch, info);
    }
    finish_batch(&batch, info);
    totals.covered += batch.done > 0;
    totals.differing += batch.differed;
    if (!batch.done) {
        printf("UNCOVERED %s (%s:%u): no case of it ran to its end, and exempt.def gives no reason\n",
               info->name, info->file, info->line);
        totals.uncovered++;
    }
}

static bool word_is_exempt(uint32_t word)
{
    for (unsigned i = 0; i < sizeof exempt_words / sizeof exempt_words[0]; i++)
        if ((word & exempt_words[i].mask) == exempt_words[i].bits)
            return true;
    return false;
}

/* Words that no line has: the judge must know none of them either. Half of them miss a line by a bit or two.
 */
static void check_unallocated(unsigned cases, uint64_t seed)
{
    static struct batch batch;
    static const struct insn_info none = {.name = "(no line)"};
    struct rng rng = rng_for(seed, none.name);
    batch.count = 0;
    batch.differed = false;
    while (totals.unallocated < cases && !batch.differed) {
        uint32_t word = (uint32_t)rng_next(&rng);
        if (rng_below(&rng, 2)) {
            word = random_word(&rng, &insn_infos[1 + rng_below(&rng, OP_COUNT - 1)]);
            word ^= 1u << rng_below(&rng, 32) | 1u << rng_below(&rng, 32);
        }
        if (insn_op_of(word) != OP_UNDEFINED || word_is_exempt(word))
            continue;
        random_case(&rng, &none, word, &batch.cases[batch.count]);
        ours_run(&batch.cases[batch.count], FORM_PLAIN, &batch.ours[batch.count]);
        totals.unallocated++;
        if (++batch.count == MAX_BATCH)
            finish_batch(&batch, &none);
    }
    finish_batch(&batch, &none);
    totals.differing += batch.differed;
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: conformance QEMU RUNNER [--cases N] [--seed N] [--line NAME] [--verbose]\n");
    exit(2);
}

int main(int argc, char **argv)
{
    unsigned cases = 64;
    uint64_t seed = 1;
    const char *only = NULL;
    bool verbose = false;
    if (argc < 3)
        usage();
    for (int i = 3; i < argc; i++) {
        if (!strcmp(argv[i], "--verbose"))
            verbose = true;
        else if (i + 1 == argc)
            usage();
        else if (!strcmp(argv[i], "--cases"))
            cases = (unsigned)strtoul(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[++i], NULL, 0);
        else if (!strcmp(argv[i], "--line"))
            only = argv[++i];
        else
            usage();
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!ours_create())
        fail("no memory for the processor");
    judge_start(argv[1], argv[2]);
    for (unsigned op = OP_UNDEFINED + 1; op < OP_COUNT; op++) {
        const struct insn_info *info = &insn_infos[op];
        if (only && strcmp(only, info->name))
            continue;
        const char *reason = reason_to_skip(info);
        totals.lines++;
        if (reason)
            totals.excused++;
        else
            check_line(op, cases, seed);
        if (verbose)
            printf("%-24s %s:%u %s\n", info->name, info->file, info->line, reason ? reason : "compared");
    }
    if (!only)
        check_unallocated(cases * 256, seed);
    judge_stop();
    ours_free();
    printf("%u lines: %u covered, %u excused, %u without a case; %u unallocated words; %" PRIu64
           " cases, %u differences\n",
           totals.lines, totals.covered, totals.excused, totals.uncovered, totals.unallocated, totals.cases,
           totals.differing);
    return totals.differing || totals.uncovered || !totals.covered;
}
