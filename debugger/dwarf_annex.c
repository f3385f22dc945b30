/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opens the annex that has libdw, with the first file that is loaded. */
#include "debugger/dwarf.h"
#include "machine/contract/annex.h"

static const struct dwarf_annex *dwarf; /* NULL: no file was loaded */

bool dwarf_load(struct session *session, const char *path, uint64_t bias, struct error *error)
{
    if (!dwarf)
        dwarf = annex_open("dwarf", error);
    return dwarf && dwarf->load(session, path, bias, error);
}

bool dwarf_line(uint64_t address, struct source_line *line)
{
    return dwarf && dwarf->line(address, line);
}

bool dwarf_address_of_line(const char *file, unsigned number, uint64_t *address)
{
    return dwarf && dwarf->address_of_line(file, number, address);
}

bool dwarf_knows_frame(struct session *session, uint64_t pc)
{
    return dwarf && dwarf->knows_frame(session, pc);
}

bool dwarf_unwind(struct session *session, const struct space *space, struct unwinding *state)
{
    return dwarf && dwarf->unwind(session, space, state);
}
