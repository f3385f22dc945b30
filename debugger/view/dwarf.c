/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files with symbols and DWARF: opening them, and which function is where. With the files dwarf_*.c an annex
 * (machine/contract/annex.h). */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "debugger/view/dwarf_file.h"
#include "machine/contract/ranges.h"

#define DEPTH_MAX 64u /* of namespaces around functions */

static struct dwarf_file *files;

struct dwarf_file *dwarf_files(void)
{
    return files;
}

/* --- loading --------------------------------------------------------------------------------------- */

static char letter_of(const GElf_Sym *symbol, bool code)
{
    char letter = GELF_ST_TYPE(symbol->st_info) == STT_FUNC || code ? 't' : 'd';
    return GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? letter : (char)(letter - 32);
}

static size_t read_symbols(struct session *session, struct dwarf_file *file, const char *path)
{
    Elf_Scn *section = NULL;
    size_t count = 0;
    const char *slash = strrchr(path, '/');
    symbols_loading(session->symbols, true);
    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) ||
            !header.sh_entsize)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (size_t i = 0; data && i < header.sh_size / header.sh_entsize && i <= INT32_MAX; i++) {
            GElf_Sym symbol;
            GElf_Shdr in;
            if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF ||
                GELF_ST_TYPE(symbol.st_info) > STT_FUNC)
                continue;
            const char *name = elf_strptr(file->elf, header.sh_link, symbol.st_name);
            Elf_Scn *its = elf_getscn(file->elf, symbol.st_shndx);
            bool code = its && gelf_getshdr(its, &in) && in.sh_flags & SHF_EXECINSTR;
            if (!name || !*name || *name == '$')
                continue;
            symbols_add(session->symbols, symbol.st_value + file->bias, symbol.st_size, letter_of(&symbol, code), name,
                        file->bias && slash ? slash + 1 : NULL);
            count++;
        }
    }
    symbols_loading(session->symbols, false);
    symbols_sort(session->symbols);
    return count;
}

static bool is_arm64(Elf *elf)
{
    GElf_Ehdr header;
    return elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) && header.e_machine == EM_AARCH64;
}

/* --- units ----------------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    const struct dwarf_range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* Where each unit has code. Compilers need not write .debug_aranges, so the units themselves are asked. */
static void read_ranges(struct dwarf_file *file)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    size_t capacity = 0;
    while (!dwarf_get_units(file->dwarf, unit, &unit, NULL, NULL, &die, NULL)) {
        Dwarf_Addr base, low, high;
        ptrdiff_t at = 0;
        while (dwarf_tag(&die) == DW_TAG_compile_unit && (at = dwarf_ranges(&die, at, &base, &low, &high)) > 0) {
            if (low >= high)
                continue;
            if (file->range_count == capacity) {
                capacity = capacity ? capacity * 2 : 64;
                file->ranges = host_realloc(file->ranges, capacity, sizeof *file->ranges);
            }
            file->ranges[file->range_count++] = (struct dwarf_range){low, high, die};
        }
    }
    if (file->range_count)
        qsort(file->ranges, file->range_count, sizeof *file->ranges, by_address);
}

struct dwarf_file *dwarf_find_unit(uint64_t address, Dwarf_Die *unit)
{
    for (struct dwarf_file *file = files; file; file = file->next) {
        const uint64_t at = address - file->bias;
        const unsigned count = (unsigned)file->range_count,
                       before = count ? ranges_up_to(&file->ranges->low, sizeof *file->ranges, count, at) : 0;
        if (before && at < file->ranges[before - 1].high) {
            *unit = file->ranges[before - 1].unit;
            return file;
        }
    }
    return NULL;
}

/* --- functions and blocks -------------------------------------------------------------------------- */

/* The child of `die` that has code at `at`: a function, or a block or inlined function within one. */
static bool find_inner(Dwarf_Die *die, uint64_t at, bool in_function, Dwarf_Die *found, unsigned depth)
{
    Dwarf_Die child;
    if (depth > DEPTH_MAX || dwarf_child(die, &child))
        return false;
    do {
        int tag = dwarf_tag(&child);
        bool fits = in_function ? tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine
                                : tag == DW_TAG_subprogram;
        if (fits && dwarf_haspc(&child, at) > 0) {
            *found = child;
            return true;
        }
        if (!in_function && (tag == DW_TAG_namespace || tag == DW_TAG_structure_type || tag == DW_TAG_class_type) &&
            find_inner(&child, at, false, found, depth + 1))
            return true;
    } while (!dwarf_siblingof(&child, &child));
    return false;
}

bool dwarf_find_scopes(Dwarf_Die *unit, uint64_t at, struct dwarf_scopes *scopes)
{
    Dwarf_Die *outer = unit;
    scopes->count = 0;
    while (scopes->count < SCOPES_MAX && find_inner(outer, at, scopes->count > 0, &scopes->dies[scopes->count], 0))
        outer = &scopes->dies[scopes->count++];
    return scopes->count > 0;
}

static void tell_functions(const struct dwarf_file *file, Dwarf_Die *die, dwarf_each_function *each, void *context,
                           unsigned depth)
{
    Dwarf_Die child;
    if (depth > DEPTH_MAX || dwarf_child(die, &child))
        return;
    do {
        const int tag = dwarf_tag(&child);
        Dwarf_Addr low, high;
        const char *name;
        if (tag == DW_TAG_subprogram && (name = dwarf_diename(&child)) && !dwarf_lowpc(&child, &low) &&
            !dwarf_highpc(&child, &high) && low < high)
            each(context, name, low + file->bias, high + file->bias);
        else if (tag == DW_TAG_namespace || tag == DW_TAG_structure_type || tag == DW_TAG_class_type)
            tell_functions(file, &child, each, context, depth + 1);
    } while (!dwarf_siblingof(&child, &child));
}

const void *dw_functions(uint64_t address, dwarf_each_function *each, void *context)
{
    Dwarf_Die unit;
    const struct dwarf_file *file = dwarf_find_unit(address, &unit);
    if (file && each)
        tell_functions(file, &unit, each, context, 0);
    return file ? unit.addr : NULL;
}

bool dw_function(uint64_t address, uint64_t *start, uint64_t *end)
{
    Dwarf_Die unit;
    struct dwarf_scopes scopes;
    Dwarf_Addr low, high;
    const struct dwarf_file *file = dwarf_find_unit(address, &unit);
    if (!file || !dwarf_find_scopes(&unit, address - file->bias, &scopes) || dwarf_lowpc(&scopes.dies[0], &low) ||
        dwarf_highpc(&scopes.dies[0], &high))
        return false;
    *start = low + file->bias;
    *end = high + file->bias;
    return true;
}

/* --- files ----------------------------------------------------------------------------------------- */

static void close_file(struct dwarf_file *file)
{
    if (!file->module) {
        dwarf_end(file->dwarf);
        if (file->cfi[1])
            dwarf_cfi_end(file->cfi[1]);
    }
    dwarf_module_free(file->module);
    elf_end(file->elf);
    close(file->fd);
    free(file->ranges);
    free(file);
}

void dw_forget(void)
{
    while (files) {
        struct dwarf_file *file = files;
        files = file->next;
        close_file(file);
    }
}

static void open_dwarf(struct dwarf_file *file)
{
    file->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
    file->cfi[1] = dwarf_getcfi_elf(file->elf);
    file->cfi[0] = file->dwarf ? dwarf_getcfi(file->dwarf) : NULL;
}

bool dw_load(struct session *session, const char *path, uint64_t bias, struct error *error)
{
    struct dwarf_file *file = host_alloc(1, sizeof *file);
    GElf_Ehdr header;
    elf_version(EV_CURRENT);
    file->bias = bias;
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0) {
        error_set(error, "%s cannot be read: %s", path, strerror(errno));
        free(file);
        return false;
    }
    file->elf = elf_begin(file->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
    if (!file->elf || !is_arm64(file->elf)) {
        error_set(error, "%s is no ELF file for AArch64", path);
        close_file(file);
        return false;
    }
    /* A module's symbols are read from the guest; its file is still to be linked. */
    if (gelf_getehdr(file->elf, &header) && header.e_type == ET_REL) {
        file->module = dwarf_module_open(session, path, file->fd, file, error);
        if (!file->module) {
            close_file(file);
            return false;
        }
        say(session, "%s, as the guest has it, with DWARF\n", path);
    } else {
        const size_t count = read_symbols(session, file, path);
        open_dwarf(file);
        say(session, "%zu symbols from %s%s\n", count, path, file->dwarf ? ", with DWARF" : "");
    }
    if (file->dwarf) {
        read_ranges(file);
        session->types = types_join(dwarf_types_create(file), session->types);
    }
    file->next = files;
    files = file;
    return true;
}

const struct dwarf_annex annex = {
    .load = dw_load,
    .forget = dw_forget,
    .line = dw_line,
    .addresses_of_line = dw_addresses_of_line,
    .skip_prologue = dw_skip_prologue,
    .functions = dw_functions,
    .function = dw_function,
    .has_lines = dw_has_lines,
    .source = dw_source,
    .levels = dw_levels,
    .variables = dw_variables,
    .variable = dw_variable,
    .knows_frame = dw_knows_frame,
    .unwind = dw_unwind,
    .cfa = dw_cfa,
};
