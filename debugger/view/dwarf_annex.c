/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opens the annex that has libdw, with the first file that is loaded. */
#include "debugger/view/dwarf.h"
#include "machine/contract/annex.h"

static const struct dwarf_annex *dwarf; /* NULL: no file was loaded */

bool dwarf_load(struct session *session, const char *path, uint64_t bias, struct error *error)
{
    if (!dwarf)
        dwarf = annex_open("dwarf", error);
    return dwarf && dwarf->load(session, path, bias, error);
}

void dwarf_forget(void)
{
    if (dwarf)
        dwarf->forget();
}

bool dwarf_line(uint64_t address, struct source_line *line, bool *begins)
{
    return dwarf && dwarf->line(address, line, begins);
}

unsigned dwarf_addresses_of_line(const char *file, unsigned number, uint64_t *addresses, unsigned capacity)
{
    return dwarf ? dwarf->addresses_of_line(file, number, addresses, capacity) : 0;
}

bool dwarf_skip_prologue(uint64_t address, uint64_t *behind)
{
    return dwarf && dwarf->skip_prologue(address, behind);
}

const void *dwarf_functions(uint64_t address, dwarf_each_function *each, void *context)
{
    return dwarf ? dwarf->functions(address, each, context) : NULL;
}

bool dwarf_function(uint64_t address, uint64_t *start, uint64_t *end)
{
    return dwarf && dwarf->function(address, start, end);
}

bool dwarf_has_lines(void)
{
    return dwarf && dwarf->has_lines();
}

bool dwarf_source(const char *name, struct source_line *line)
{
    return dwarf && dwarf->source(name, line);
}

unsigned dwarf_levels(uint64_t pc, struct dwarf_level *levels, unsigned capacity)
{
    return dwarf ? dwarf->levels(pc, levels, capacity) : 0;
}

bool dwarf_variables(struct session *session, const struct frame *frame, bool parameters, dwarf_each *each,
                     void *context)
{
    return dwarf && dwarf->variables(session, frame, parameters, each, context);
}

bool dwarf_variable(struct session *session, const struct frame *frame, const char *name, struct value *value,
                    bool *found, struct error *error)
{
    *found = false;
    return dwarf && dwarf->variable(session, frame, name, value, found, error);
}

bool dwarf_knows_frame(uint64_t pc)
{
    return dwarf && dwarf->knows_frame(pc);
}

bool dwarf_unwind(const struct space *space, struct frame *frame)
{
    return dwarf && dwarf->unwind(space, frame);
}

bool dwarf_cfa(const struct space *space, const struct frame *frame, uint64_t *cfa)
{
    return dwarf && dwarf->cfa(space, frame, cfa);
}
