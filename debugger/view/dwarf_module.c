/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A kernel's module with DWARF. Its file is still to be linked: libdw's libdwfl does that to a copy of the file's
 * sections, with the addresses that the guest's kernel has given them, so that all that is in it has the guest's. */
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "debugger/view/dwarf_file.h"
#include "debugger/view/kernel.h"

#define SECTIONS_MAX 256u
#define NAME_BYTES   64u

struct section {
    char name[NAME_BYTES];
    uint64_t address;
};

struct dwarf_module {
    Dwfl *dwfl;
    int fd;
    struct section sections[SECTIONS_MAX];
    unsigned section_count;
};

/* "a/b-c.ko" and "b-c.ko.debug" are of b_c. */
static void name_of(const char *path, char name[NAME_BYTES])
{
    const char *slash = strrchr(path, '/');
    snprintf(name, NAME_BYTES, "%s", slash ? slash + 1 : path);
    name[strcspn(name, ".")] = 0;
    for (char *at = name; *at; at++)
        if (*at == '-')
            *at = '_';
}

static void note_section(void *context, const char *name, uint64_t address)
{
    struct dwarf_module *module = context;
    if (module->section_count == SECTIONS_MAX || strlen(name) >= NAME_BYTES)
        return;
    struct section *section = &module->sections[module->section_count++];
    strcpy(section->name, name);
    section->address = address;
}

/* --- what libdwfl asks ----------------------------------------------------------------------------- */

static int find_elf(Dwfl_Module *it, void **context, const char *name, Dwarf_Addr base, char **path, Elf **elf)
{
    const struct dwarf_module *module = *context;
    return dup(module->fd); /* it closes that */
}

static int find_no_other(Dwfl_Module *it, void **context, const char *name, Dwarf_Addr base, const char *file,
                         const char *link, GElf_Word crc, char **path)
{
    return -1;
}

static int place_section(Dwfl_Module *it, void **context, const char *name, Dwarf_Addr base, const char *section,
                         GElf_Word index, const GElf_Shdr *header, Dwarf_Addr *address)
{
    const struct dwarf_module *module = *context;
    *address = (Dwarf_Addr)-1; /* the kernel has dropped it */
    for (unsigned i = 0; i < module->section_count; i++)
        if (!strcmp(module->sections[i].name, section))
            *address = module->sections[i].address;
    return 0;
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = find_elf, .find_debuginfo = find_no_other, .section_address = place_section};

/* --- entry points ---------------------------------------------------------------------------------- */

void dwarf_module_free(struct dwarf_module *module)
{
    if (!module)
        return;
    if (module->dwfl)
        dwfl_end(module->dwfl);
    close(module->fd);
    free(module);
}

struct dwarf_module *dwarf_module_open(struct session *session, const char *path, int fd, struct dwarf_file *file,
                                       struct error *error)
{
    char name[NAME_BYTES];
    uint64_t low = UINT64_MAX, high = 0;
    Dwarf_Addr bias;
    struct dwarf_module *module = host_alloc(1, sizeof *module);
    module->fd = dup(fd);
    name_of(path, name);
    if (!kernel_module_sections(session, name, note_section, module, error)) {
        dwarf_module_free(module);
        return NULL;
    }
    for (unsigned i = 0; i < module->section_count; i++) {
        low = module->sections[i].address < low ? module->sections[i].address : low;
        high = module->sections[i].address > high ? module->sections[i].address : high;
    }
    module->dwfl = dwfl_begin(&callbacks);
    Dwfl_Module *it = NULL;
    if (module->dwfl && module->section_count) {
        void **context;
        dwfl_report_begin(module->dwfl);
        it = dwfl_report_module(module->dwfl, name, low, high + PAGE_SIZE_BYTES);
        if (it && dwfl_module_info(it, &context, NULL, NULL, NULL, NULL, NULL, NULL))
            *context = module;
        dwfl_report_end(module->dwfl, NULL, NULL);
    }
    file->dwarf = it ? dwfl_module_getdwarf(it, &bias) : NULL;
    if (!file->dwarf) {
        error_set(error, "%s has no DWARF that can be placed: %s", path,
                  it ? dwfl_errmsg(-1) : "no sections are known");
        dwarf_module_free(module);
        return NULL;
    }
    file->bias = bias;
    file->cfi[0] = dwfl_module_dwarf_cfi(it, &bias);
    file->cfi[1] = dwfl_module_eh_cfi(it, &bias);
    return module;
}
