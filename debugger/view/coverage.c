/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Coverage: counts by page of code while the guest runs, and from them a tracefile. */
#include "debugger/view/coverage.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/dwarf.h"
#include "debugger/view/location.h"
#include "debugger/session/stopping.h"

#define PAGE_INSNS (PAGE_SIZE_BYTES / 4)
#define TABLE_MASK 0xfffffffff000ull /* the address in TTBR0_EL1 */

/* Pieces of straight code are counted where they begin and where they end: how often an instruction ran is the sum of
 * what stands up to it. */
struct counted_page {
    uint64_t va;
    struct counted_page *next; /* in its bucket */
    int64_t edges[PAGE_INSNS + 1];
    uint32_t counts[PAGE_INSNS]; /* these sums, made when they are asked for */
};

#define BUCKETS 4096u

static struct coverage {
    bool on;
    struct coverage_of of;
    struct counted_page *buckets[BUCKETS];
    struct counted_page *last; /* where the last piece was */
    int64_t *edge; /* of the piece that runs; NULL: it is not counted */
    size_t page_count;
} coverage;

/* A line of a source that was compiled into code that ran. */
struct covered_line {
    const char *file, *folder; /* libdw's: the same file is the same pointer */
    unsigned line;
    uint32_t count;
};

/* A function that ran. */
struct covered_function {
    const char *name; /* NULL: not known */
    uint64_t start, end;
    uint32_t count; /* of its first instruction */
};

struct report {
    struct session *session;
    FILE *info, *listing; /* the listing is made when it is needed */
    char *listing_path;   /* as the tracefile names it */
    unsigned listing_line;
    struct covered_line *lines;
    size_t line_count, line_capacity;
    struct covered_line *entries; /* of functions with lines: where they begin */
    const char **entry_names;
    size_t entry_count, entry_capacity;
    unsigned functions;
    const void **units; /* whose functions that did not run are told already */
    size_t unit_count, unit_capacity;
};

/* --- counting -------------------------------------------------------------------------------------- */

static struct counted_page **bucket_of(uint64_t va)
{
    return &coverage.buckets[(va / PAGE_SIZE_BYTES * 0x9e3779b97f4a7c15ull) >> 52];
}

static struct counted_page *find_page(uint64_t va)
{
    struct counted_page *page = *bucket_of(va);
    while (page && page->va != va)
        page = page->next;
    return page;
}

static struct counted_page *get_page(uint64_t va)
{
    struct counted_page *page = find_page(va);
    if (page)
        return page;
    page = host_alloc(1, sizeof *page);
    page->va = va;
    page->next = *bucket_of(va);
    *bucket_of(va) = page;
    coverage.page_count++;
    return page;
}

static void on_piece(struct session *session, struct cpu *cpu)
{
    coverage.edge = NULL;
    if (coverage.of.user ? cpu->pstate.el != 0 || (cpu->sys.TTBR0_EL1 & TABLE_MASK) != coverage.of.table
                         : cpu->pstate.el == 0)
        return;
    const uint64_t va = cpu->pc & ~(PAGE_SIZE_BYTES - 1);
    if (!coverage.last || coverage.last->va != va)
        coverage.last = get_page(va);
    coverage.edge = &coverage.last->edges[cpu->pc % PAGE_SIZE_BYTES / 4];
}

/* A piece lies within its page. */
static void on_piece_ran(struct session *session, uint64_t insns)
{
    if (!coverage.edge)
        return;
    ++coverage.edge[0];
    --coverage.edge[insns];
}

static struct stopping_tracer tracer = {.piece = on_piece, .piece_ran = on_piece_ran};

static void sum_up(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct counted_page *page = coverage.buckets[i]; page; page = page->next) {
            int64_t sum = 0;
            for (unsigned n = 0; n < PAGE_INSNS; n++) {
                sum += page->edges[n];
                page->counts[n] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
            }
        }
}

static uint32_t count_at(uint64_t address)
{
    const struct counted_page *page = find_page(address & ~(PAGE_SIZE_BYTES - 1));
    return page ? page->counts[address % PAGE_SIZE_BYTES / 4] : 0;
}

static void forget_counts(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        while (coverage.buckets[i]) {
            struct counted_page *page = coverage.buckets[i];
            coverage.buckets[i] = page->next;
            free(page);
        }
    coverage.last = NULL;
    coverage.page_count = 0;
}

/* --- functions with lines -------------------------------------------------------------------------- */

static void add_line(struct report *report, const struct source_line *at, uint32_t count)
{
    if (report->line_count == report->line_capacity) {
        report->line_capacity = report->line_capacity ? report->line_capacity * 2 : 1024;
        report->lines = host_realloc(report->lines, report->line_capacity, sizeof *report->lines);
    }
    report->lines[report->line_count++] = (struct covered_line){at->file, at->folder, at->line, count};
}

static void add_entry(struct report *report, const struct covered_function *function, const struct source_line *at)
{
    if (report->entry_count == report->entry_capacity) {
        report->entry_capacity = report->entry_capacity ? report->entry_capacity * 2 : 256;
        report->entries = host_realloc(report->entries, report->entry_capacity, sizeof *report->entries);
        report->entry_names = host_realloc(report->entry_names, report->entry_capacity, sizeof *report->entry_names);
    }
    report->entry_names[report->entry_count] = function->name;
    report->entries[report->entry_count++] = (struct covered_line){at->file, at->folder, at->line, function->count};
}

static void take_lines(struct report *report, const struct covered_function *function)
{
    struct source_line at;
    for (uint64_t address = function->start; address < function->end; address += 4)
        if (location_line(report->session, address, &at)) {
            if (address == function->start)
                add_entry(report, function, &at);
            add_line(report, &at, count_at(address));
        }
}

static void take_if_idle(void *context, const char *name, uint64_t start, uint64_t end)
{
    struct report *report = context;
    const struct covered_function function = {.name = name, .start = start & ~3ull, .end = end};
    for (uint64_t address = function.start; address < end; address += 4)
        if (count_at(address))
            return;
    take_lines(report, &function);
}

/* The functions beside one that ran, which did not: their lines are told with 0. */
static void take_idle(struct report *report, uint64_t address)
{
    const void *unit = dwarf_functions(address, NULL, NULL);
    for (size_t i = report->unit_count; i-- > 0;)
        if (report->units[i] == unit)
            return;
    if (report->unit_count == report->unit_capacity) {
        report->unit_capacity = report->unit_capacity ? report->unit_capacity * 2 : 64;
        report->units = host_realloc(report->units, report->unit_capacity, sizeof *report->units);
    }
    report->units[report->unit_count++] = unit;
    dwarf_functions(address, take_if_idle, report);
}

/* A relative path is one within its unit's folder; two of these may have the same name. */
static const char *folder_of(const struct covered_line *line)
{
    return *line->file != '/' && line->folder ? line->folder : "";
}

static int by_file(const struct covered_line *x, const struct covered_line *y)
{
    const int files = x->file == y->file ? 0 : strcmp(x->file, y->file);
    return files ? files : x->folder == y->folder ? 0 : strcmp(folder_of(x), folder_of(y));
}

static int by_place(const void *a, const void *b)
{
    const struct covered_line *x = a, *y = b;
    const int files = by_file(x, y);
    return files ? files : x->line < y->line ? -1 : x->line > y->line;
}

/* The lines of each file. A line is as often run as the instruction of it that ran most. */
static void write_files(struct report *report)
{
    if (report->line_count)
        qsort(report->lines, report->line_count, sizeof *report->lines, by_place);
    for (size_t from = 0, to; from < report->line_count; from = to) {
        const struct covered_line *first = &report->lines[from];
        fprintf(report->info, "TN:\nSF:%s%s%s\n", folder_of(first), *folder_of(first) ? "/" : "", first->file);
        for (size_t i = 0; i < report->entry_count; i++)
            if (!by_file(&report->entries[i], first))
                fprintf(report->info, "FN:%u,%s\nFNDA:%" PRIu32 ",%s\n", report->entries[i].line,
                        report->entry_names[i], report->entries[i].count, report->entry_names[i]);
        for (to = from; to < report->line_count && !by_file(&report->lines[to], first);) {
            struct covered_line line = report->lines[to];
            for (; to < report->line_count && !by_place(&report->lines[to], &line); to++)
                if (report->lines[to].count > line.count)
                    line.count = report->lines[to].count;
            fprintf(report->info, "DA:%u,%" PRIu32 "\n", line.line, line.count);
        }
        fputs("end_of_record\n", report->info);
    }
}

/* --- other functions ------------------------------------------------------------------------------- */

static bool open_listing(struct report *report, struct error *error)
{
    if (report->listing)
        return true;
    char *whole = NULL;
    report->listing = fopen(report->listing_path, "we");
    if (!report->listing)
        return error_set(error, "%s cannot be written: %s", report->listing_path, strerror(errno));
    if ((whole = realpath(report->listing_path, NULL))) {
        free(report->listing_path);
        report->listing_path = whole;
    }
    fprintf(report->info, "TN:\nSF:%s\n", report->listing_path);
    return true;
}

static void list_function(struct report *report, const struct covered_function *function)
{
    struct session *session = report->session;
    const struct space space = session_space(session);
    char name[160];
    session_symbolize(session, function->start, name, sizeof name);
    if (!*name)
        snprintf(name, sizeof name, "0x%" PRIx64, function->start);
    fprintf(report->listing, "%s:\n", name);
    report->listing_line++;
    fprintf(report->info, "FN:%u,%s\nFNDA:%" PRIu32 ",%s\n", report->listing_line, name, function->count, name);
    for (uint64_t address = function->start; address < function->end; address += 4) {
        char text[160] = "?";
        uint32_t word, count = count_at(address);
        if (space_read_u32(&space, address, &word))
            insn_disassemble(word, address, text, sizeof text);
        fprintf(report->listing, "  0x%" PRIx64 "  %s\n", address, text);
        fprintf(report->info, "DA:%u,%" PRIu32 "\n", ++report->listing_line, count);
    }
}

/* --- all ------------------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    const struct counted_page *x = *(struct counted_page *const *)a, *y = *(struct counted_page *const *)b;
    return x->va < y->va ? -1 : x->va > y->va;
}

/* The function around `address`; where none is known, the instructions that ran one behind the other. */
static struct covered_function function_at(struct session *session, uint64_t address)
{
    struct covered_function function = {.start = address, .end = address + 4};
    uint64_t start, end;
    if (session_function(session, address, &start, &end) && end > address && end - start <= 1u << 20) {
        function.start = start & ~3ull;
        function.end = end;
        function.name = symbols_around(session->symbols, address)->name;
    } else {
        while (count_at(function.end))
            function.end += 4;
    }
    function.count = count_at(function.start);
    return function;
}

/* Each function that ran, in the order of addresses; those with lines, or the others. */
static bool each_function(struct report *report, bool with_lines, struct error *error)
{
    struct counted_page **pages = host_alloc(coverage.page_count + 1, sizeof *pages);
    size_t count = 0;
    bool good = true;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct counted_page *page = coverage.buckets[i]; page; page = page->next)
            pages[count++] = page;
    qsort(pages, count, sizeof *pages, by_address);
    uint64_t done = 0; /* what is below was told */
    for (size_t i = 0; i < count && good; i++)
        for (unsigned n = 0; n < PAGE_INSNS && good; n++) {
            struct source_line at;
            const uint64_t address = pages[i]->va + 4ull * n;
            if (!pages[i]->counts[n] || address < done)
                continue;
            const struct covered_function function = function_at(report->session, address);
            done = function.end;
            if ((function.name && location_line(report->session, function.start, &at)) != with_lines)
                continue;
            report->functions++;
            if (with_lines) {
                take_lines(report, &function);
                take_idle(report, function.start);
            } else if ((good = open_listing(report, error)))
                list_function(report, &function);
        }
    free(pages);
    return good;
}

/* --- entry points ---------------------------------------------------------------------------------- */

bool coverage_begin(struct session *session, const struct coverage_of *of, struct error *error)
{
    if (coverage.on)
        return error_set(error, "it is counted already; 'coverage off' ends that");
    coverage.on = true;
    coverage.of = *of;
    coverage.of.table &= TABLE_MASK;
    stopping_trace(session, &tracer);
    return true;
}

bool coverage_end(struct session *session, struct error *error)
{
    if (!coverage.on)
        return error_set(error, "nothing is counted; 'coverage on' begins");
    stopping_untrace(session, &tracer);
    coverage.on = false;
    forget_counts();
    return true;
}

bool coverage_write(struct session *session, const char *path, struct error *error)
{
    struct report report = {.session = session};
    if (!coverage.on)
        return error_set(error, "nothing was counted; 'coverage on' begins");
    if (!(report.info = fopen(path, "we")))
        return error_set(error, "%s cannot be written: %s", path, strerror(errno));
    if (asprintf(&report.listing_path, "%s.asm", path) < 0)
        abort();
    sum_up();
    bool good = each_function(&report, true, error);
    write_files(&report);
    good = good && each_function(&report, false, error);
    if (report.listing)
        fputs("end_of_record\n", report.info);
    const bool listed = !report.listing || fclose(report.listing) == 0, written = fclose(report.info) == 0;
    if (good && !(listed && written))
        good = error_set(error, "%s could not be written to its end", path);
    if (good)
        say(session, "%u functions; %s%s%s\n", report.functions, path, report.listing ? " and " : "",
            report.listing ? report.listing_path : "");
    free(report.listing_path);
    free(report.lines);
    free(report.units);
    free(report.entries);
    free(report.entry_names);
    return good;
}
