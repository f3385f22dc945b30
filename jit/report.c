/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translator tells its user: a map for perf, a dump of every unit, counts. */
#include "jit/report.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "jit/ir_print.h"
#include "jit/jit.h"

#define HEX_BYTES 16u /* a line of the dump */

/* --- opening and closing ---------------------------------------------------------------------------- */

/* Line by line, so that it is there whatever ends the program. The name is perf's, in a directory that all may write
 * to. */
static FILE *open_perf_map(void)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file)
        setvbuf(file, NULL, _IOLBF, 0);
    else if (fd >= 0)
        close(fd);
    return file;
}

bool report_open(struct report *report, struct error *error)
{
    report->counting = jit_settings.statistics || jit_settings.counting;
    if (jit_settings.perf_map && !(report->perf_map = open_perf_map()))
        return error_set(error, "/tmp/perf-%d.map cannot be written", (int)getpid());
    if (jit_settings.dump && !(report->dump = fopen(jit_settings.dump, "we")))
        return error_set(error, "%s cannot be written", jit_settings.dump);
    return true;
}

void report_counts(const struct report *report, FILE *to)
{
    const struct report_counts *counts = &report->counts;
    const struct {
        const char *name;
        uint64_t value;
    } lines[] = {
        {"blocks compiled", counts->blocks},
        {"regions compiled", counts->regions},
        {"compiled in vain", counts->given_up},
        {"bytes of code", counts->bytes},
        {"parts dropped", counts->parts_dropped},
        {"units dropped", counts->units_dropped},
        {"times all was dropped", counts->all_dropped},
        {"regions gone stale", counts->stale},
        {"compiling, CPUs (us)", counts->compile_ns / 1000},
        {"compiling, aside (us)", counts->background_ns / 1000},
    };
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++)
        fprintf(to, "  %-22s %12" PRIu64 "\n", lines[i].name, lines[i].value);
}

static void close_file(FILE *file, const char *name)
{
    if (!file)
        return;
    bool wrong = ferror(file);
    if (fclose(file) != 0 || wrong)
        fprintf(stderr, "armature: %s could not be written to its end\n", name);
}

void report_close(struct report *report)
{
    close_file(report->perf_map, "the map for perf");
    close_file(report->dump, jit_settings.dump);
    report->perf_map = report->dump = NULL;
    if (!jit_settings.statistics)
        return;
    fprintf(stderr, "armature: translated code:\n");
    report_counts(report, stderr);
}

/* --- the map for perf ------------------------------------------------------------------------------- */

static void map_entry(struct report *report, uint64_t from, uint64_t bytes, const char *kind, uint64_t physical,
                      const char *suffix)
{
    if (bytes)
        fprintf(report->perf_map, "%" PRIx64 " %" PRIx64 " %s:%#" PRIx64 "%s\n", from, bytes, kind, physical, suffix);
}

struct stub_name {
    uint64_t address;
    const char *name;
};

static int by_address(const void *a, const void *b)
{
    uint64_t one = ((const struct stub_name *)a)->address, other = ((const struct stub_name *)b)->address;
    return one < other ? -1 : one > other;
}

void report_stubs(struct report *report, const struct stubs *stubs, uint64_t end)
{
    struct stub_name names[] = {
        {stubs->enter, "enter"},
        {stubs->leave, "leave"},
        {stubs->leave_at, "leave_at"},
        {stubs->renew_stay, "renew_stay"},
        {stubs->call_plain, "call_plain"},
        {stubs->end_plain, "end_plain"},
        {stubs->rest_plain, "rest_plain"},
        {stubs->settle_flags, "settle_flags"},
        {stubs->settle_raw, "settle_raw"},
        {stubs->jump_by_hash, "jump_by_hash"},
        {stubs->fill_site, "fill_site"},
        {stubs->fill_guarded, "fill_guarded"},
        {stubs->pauth_add[0], "pauth_add_ia"},
        {stubs->pauth_add[1], "pauth_add_ib"},
        {stubs->pauth_add[2], "pauth_add_da"},
        {stubs->pauth_add[3], "pauth_add_db"},
        {stubs->pauth_check[0], "pauth_check_ia"},
        {stubs->pauth_check[1], "pauth_check_ib"},
        {stubs->pauth_check[2], "pauth_check_da"},
        {stubs->pauth_check[3], "pauth_check_db"},
        {stubs->pauth_strip[0], "pauth_strip_code"},
        {stubs->pauth_strip[1], "pauth_strip_data"},
        {stubs->arm_fp, "arm_fp"},
        {stubs->fill_slot[0][0], "fill_slot"},
        {stubs->collect_fp, "collect_fp"},
        {stubs->rearm_fp, "rearm_fp"},
        {stubs->bottom, "bottom"},
    };
    const unsigned count = sizeof names / sizeof *names;
    if (!report->perf_map)
        return;
    qsort(names, count, sizeof *names, by_address);
    for (unsigned i = 0; i < count; i++) {
        uint64_t next = i + 1 < count ? names[i + 1].address : end;
        if (next > names[i].address)
            fprintf(report->perf_map, "%" PRIx64 " %" PRIx64 " stub:%s\n", names[i].address, next - names[i].address,
                    names[i].name);
    }
}

/* --- the dump --------------------------------------------------------------------------------------- */

struct dump_context {
    const struct unit_place *place;
    const struct unit_layout *layout;
    const struct ir *ir;
};

static void dump_code(FILE *to, const uint8_t *from, const uint8_t *end, ptrdiff_t run_offset)
{
    for (; from < end; from += HEX_BYTES) {
        fprintf(to, "      %#" PRIx64 " ", (uint64_t)(from + run_offset));
        for (const uint8_t *at = from; at < from + HEX_BYTES && at < end; at++)
            fprintf(to, " %02x", *at);
        fprintf(to, "\n");
    }
}

/* The host's code of a block, behind its form. Of a region's first block: from the entry on. */
static void dump_block_code(FILE *to, const void *context, unsigned index)
{
    const struct dump_context *dump = context;
    bool last = index + 1 == dump->ir->block_count;
    fprintf(to, "    host code\n");
    dump_code(to, index ? dump->layout->labels[index] : dump->place->hot,
              last ? dump->place->hot_end : dump->layout->labels[index + 1], dump->place->run_offset);
}

static void dump_unit(FILE *to, const struct unit_layout *layout, const struct ir *ir, const struct unit_place *place)
{
    const struct dump_context context = {place, layout, ir};
    ir_print(to, ir, layout->host_of, dump_block_code, &context);
    fprintf(to, "  out of line\n");
    dump_code(to, place->cold, place->cold_end, place->run_offset);
    fprintf(to, "\n");
}

/* --- units ------------------------------------------------------------------------------------------ */

/* Not the thread's processor time, to ask for which takes as long as a short block does. */
uint64_t report_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void report_begin(struct report *report)
{
    report->began_ns = report_now_ns();
}

void report_end(struct report *report)
{
    report->counts.compile_ns += report_now_ns() - report->began_ns;
}

void report_unit(struct report *report, const struct ir *ir, const struct compiler *compiler,
                 const struct unit_place *place)
{
    const uint64_t hot_bytes = (uint64_t)(place->hot_end - place->hot);
    const uint64_t cold_bytes = (uint64_t)(place->cold_end - place->cold);
    report_end(report);
    report->counts.bytes += hot_bytes + cold_bytes;
    if (ir->is_region)
        report->counts.regions++;
    else
        report->counts.blocks++;
    if (report->perf_map) {
        const char *kind = ir->is_region ? "region" : "arm64";
        uint64_t physical = ir->blocks[0].block->physical;
        map_entry(report, (uint64_t)(place->hot + place->run_offset), hot_bytes, kind, physical, "");
        map_entry(report, (uint64_t)(place->cold + place->run_offset), cold_bytes, kind, physical, ":cold");
    }
    if (report->dump) {
        const struct unit_layout layout = compiler_layout(compiler);
        dump_unit(report->dump, &layout, ir, place);
    }
}

void report_given_up(struct report *report)
{
    report_end(report);
    report->counts.given_up++;
}
