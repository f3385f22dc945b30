/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Line tables, and which functions were inlined where. */
#include <stdlib.h>
#include <string.h>
#include "debugger/view/dwarf_file.h"

#define INLINED_MAX 32u

/* --- lines ----------------------------------------------------------------------------------------- */

static const char *folder_of(Dwarf_Die *unit)
{
    Dwarf_Attribute attribute;
    return dwarf_attr(unit, DW_AT_comp_dir, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

static Dwarf_Line *line_at(const struct dwarf_file *file, Dwarf_Die *unit, uint64_t address, int *number)
{
    Dwarf_Line *found = dwarf_getsrc_die(unit, address - file->bias);
    return found && !dwarf_lineno(found, number) && *number > 0 ? found : NULL;
}

bool dw_line(uint64_t address, struct source_line *line, bool *begins)
{
    Dwarf_Die unit;
    Dwarf_Addr where;
    bool statement;
    int number;
    const struct dwarf_file *file = dwarf_find_unit(address, &unit);
    Dwarf_Line *found = file ? line_at(file, &unit, address, &number) : NULL;
    if (!found)
        return false;
    const char *name = dwarf_linesrc(found, NULL, NULL);
    *line = (struct source_line){name ? name : "?", (unsigned)number, folder_of(&unit)};
    if (begins)
        *begins = !dwarf_lineaddr(found, &where) && where == address - file->bias &&
                  !dwarf_linebeginstatement(found, &statement) && statement;
    return true;
}

bool dw_has_lines(void)
{
    for (const struct dwarf_file *file = dwarf_files(); file; file = file->next)
        if (file->dwarf)
            return true;
    return false;
}

/* Whether a path of the file's is the one that is meant: the same, or it ends with it. */
static bool is_source(const char *path, const char *wanted)
{
    size_t length = strlen(path), end = strlen(wanted);
    return length >= end && !strcmp(path + length - end, wanted) && (length == end || path[length - end - 1] == '/');
}

/* A row where a statement of the wanted file begins. */
typedef void each_row(void *context, const struct dwarf_file *file, Dwarf_Die *unit, unsigned number, uint64_t address,
                      const char *source);

static void rows_of(const char *name, each_row *each, void *context)
{
    for (struct dwarf_file *file = dwarf_files(); file; file = file->next) {
        Dwarf_CU *at = NULL;
        Dwarf_Die unit;
        while (file->dwarf && !dwarf_get_units(file->dwarf, at, &at, NULL, NULL, &unit, NULL)) {
            Dwarf_Lines *lines;
            size_t count;
            if (dwarf_tag(&unit) != DW_TAG_compile_unit || dwarf_getsrclines(&unit, &lines, &count))
                continue;
            for (size_t i = 0; i < count; i++) {
                Dwarf_Line *line = dwarf_onesrcline(lines, i);
                const char *source = dwarf_linesrc(line, NULL, NULL);
                int number;
                bool statement;
                Dwarf_Addr where;
                if (source && is_source(source, name) && !dwarf_lineno(line, &number) && number > 0 &&
                    !dwarf_linebeginstatement(line, &statement) && statement && !dwarf_lineaddr(line, &where))
                    each(context, file, &unit, (unsigned)number, where + file->bias, source);
            }
        }
    }
}

struct nearest {
    unsigned wanted, best; /* UINT_MAX: none */
};

static void look_for_nearest(void *context, const struct dwarf_file *file, Dwarf_Die *unit, unsigned number,
                             uint64_t address, const char *source)
{
    struct nearest *nearest = context;
    if (number >= nearest->wanted && number < nearest->best)
        nearest->best = number;
}

struct places {
    unsigned number, count, capacity;
    uint64_t *addresses;
    const void *scopes[64]; /* the function or inlined copy of each */
};

/* Of the rows in one function or copy, the lowest is kept. */
static void collect(void *context, const struct dwarf_file *file, Dwarf_Die *unit, unsigned number, uint64_t address,
                    const char *source)
{
    struct places *places = context;
    struct dwarf_scopes scopes;
    const void *scope = NULL;
    if (number != places->number)
        return;
    if (dwarf_find_scopes(unit, address - file->bias, &scopes))
        for (unsigned i = 0; i < scopes.count; i++)
            if (dwarf_tag(&scopes.dies[i]) != DW_TAG_lexical_block)
                scope = scopes.dies[i].addr;
    for (unsigned i = 0; i < places->count; i++)
        if (places->scopes[i] == scope) {
            if (address < places->addresses[i])
                places->addresses[i] = address;
            return;
        }
    if (places->count < places->capacity && places->count < sizeof places->scopes / sizeof *places->scopes) {
        places->scopes[places->count] = scope;
        places->addresses[places->count++] = address;
    }
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

unsigned dw_addresses_of_line(const char *name, unsigned number, uint64_t *addresses, unsigned capacity)
{
    struct nearest nearest = {number, UINT32_MAX};
    rows_of(name, look_for_nearest, &nearest);
    struct places places = {.number = nearest.best, .capacity = capacity, .addresses = addresses};
    if (nearest.best == UINT32_MAX)
        return 0;
    rows_of(name, collect, &places);
    qsort(addresses, places.count, sizeof *addresses, by_number);
    return places.count;
}

static void take_source(void *context, const struct dwarf_file *file, Dwarf_Die *unit, unsigned number,
                        uint64_t address, const char *source)
{
    struct source_line *line = context;
    line->file = source;
    line->folder = folder_of(unit);
}

bool dw_source(const char *name, struct source_line *line)
{
    *line = (struct source_line){.line = 1};
    rows_of(name, take_source, line);
    return line->file;
}

/* The second row of a function begins behind its prologue, if the table does not say so itself. */
bool dw_skip_prologue(uint64_t address, uint64_t *behind)
{
    Dwarf_Die unit;
    Dwarf_Lines *lines;
    size_t count;
    uint64_t start, end;
    const struct dwarf_file *file = dwarf_find_unit(address, &unit);
    if (!file || !dw_function(address, &start, &end) || start != address ||
        dwarf_getsrclines(&unit, &lines, &count))
        return false;
    const uint64_t low = address - file->bias, high = end - file->bias;
    bool in = false;
    for (size_t i = 0; i < count; i++) {
        Dwarf_Line *line = dwarf_onesrcline(lines, i);
        Dwarf_Addr where;
        bool statement;
        int number;
        if (dwarf_lineaddr(line, &where) || dwarf_linebeginstatement(line, &statement) || !statement ||
            dwarf_lineno(line, &number) || number <= 0)
            continue;
        if (in && where > low && where < high) {
            *behind = where + file->bias;
            return true;
        }
        in |= where == low;
    }
    return false;
}

/* --- inlined functions ----------------------------------------------------------------------------- */

static unsigned attribute_number(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_attr(die, name, &attribute) && !dwarf_formudata(&attribute, &value) ? (unsigned)value : 0;
}

static const char *source_of_call(Dwarf_Die *unit, Dwarf_Die *inlined)
{
    Dwarf_Files *sources;
    size_t count;
    unsigned number = attribute_number(inlined, DW_AT_call_file);
    bool known = !dwarf_getsrcfiles(unit, &sources, &count) && number < count;
    const char *name = known ? dwarf_filesrc(sources, number, NULL, NULL) : NULL;
    return name ? name : "?";
}

unsigned dw_levels(uint64_t pc, struct dwarf_level *levels, unsigned capacity)
{
    Dwarf_Die unit;
    struct dwarf_scopes scopes;
    unsigned count = 0;
    struct source_line line = {.file = "?"};
    struct dwarf_file *file = dwarf_find_unit(pc, &unit);
    if (!file || !dwarf_find_scopes(&unit, pc - file->bias, &scopes))
        return 0;
    dw_line(pc, &line, NULL);
    for (unsigned i = scopes.count; i-- > 0 && count < capacity;) {
        Dwarf_Die *die = &scopes.dies[i];
        if (dwarf_tag(die) == DW_TAG_lexical_block)
            continue;
        levels[count++] = (struct dwarf_level){dwarf_diename(die), line};
        if (i)
            line = (struct source_line){source_of_call(&unit, die), attribute_number(die, DW_AT_call_line),
                                        folder_of(&unit)};
    }
    return count;
}
