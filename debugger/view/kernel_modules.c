/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Modules of the guest's kernel: their symbols, and where their sections are. */
#include <string.h>
#include "debugger/view/kernel.h"

#define SECTIONS_MAX       1000u
#define MODULE_SYMBOLS_MAX 100000u

/* --- symbols --------------------------------------------------------------------------------------- */

/* struct elf64_sym. */
struct module_symbol {
    uint32_t name;
    uint8_t info, other;
    uint16_t section;
    uint64_t value, size;
};

static bool sum_module(struct session *session, uint64_t module, void *context)
{
    uint64_t *sum = context;
    *sum = *sum * 31 + module;
    return true;
}

static bool add_module(struct session *session, uint64_t module, void *context)
{
    char name[64], text[256];
    uint64_t address, kallsyms, table, strings, count, types = 0;
    struct space space = session_space(session);
    if (!kernel_place(session, &address, "((struct module *)0x%llx)->name", (unsigned long long)module) ||
        !kernel_string(session, address, name, sizeof name) ||
        !kernel_number(session, &kallsyms, "((struct module *)0x%llx)->kallsyms", (unsigned long long)module) ||
        !kallsyms ||
        !kernel_number(session, &table, "((struct mod_kallsyms *)0x%llx)->symtab", (unsigned long long)kallsyms) ||
        !kernel_number(session, &strings, "((struct mod_kallsyms *)0x%llx)->strtab", (unsigned long long)kallsyms) ||
        !kernel_number(session, &count, "((struct mod_kallsyms *)0x%llx)->num_symtab", (unsigned long long)kallsyms))
        return true;
    kernel_number(session, &types, "((struct mod_kallsyms *)0x%llx)->typetab", (unsigned long long)kallsyms);
    for (uint64_t i = 1; i < count && i < MODULE_SYMBOLS_MAX; i++) {
        struct module_symbol symbol;
        char letter = 't';
        if (space_read(&space, table + i * sizeof symbol, &symbol, sizeof symbol) != sizeof symbol)
            break;
        if (!symbol.value || !symbol.section || !space_read_string(&space, strings + symbol.name, text, sizeof text) ||
            *text == '$')
            continue;
        if (types && space_read(&space, types + i, &letter, 1) == 1 && !strchr("tTwW", letter))
            letter = 'd';
        symbols_add(session->symbols, symbol.value, symbol.size, letter, text, name);
    }
    return true;
}

void kernel_refresh_modules(struct session *session)
{
    const struct symbol *modules = session->kernel->found ? kernel_symbol(session, "modules") : NULL;
    uint64_t offset, sum = 0;
    if (!modules || !kernel_offset(session, "module", "list", &offset))
        return;
    kernel_each_linked(session, modules->address, offset, sum_module, &sum);
    if (sum == session->kernel->modules_seen)
        return;
    session->kernel->modules_seen = sum;
    symbols_drop_modules(session->symbols);
    uint64_t head = kernel_symbol(session, "modules")->address;
    kernel_each_linked(session, head, offset, add_module, NULL);
    symbols_sort(session->symbols);
}

/* --- sections: struct module_sect_attrs, which /sys/module/NAME/sections shows ------------------------ */

struct wanted {
    const char *name;
    uint64_t module; /* 0: none has that name */
};

static bool is_wanted(struct session *session, uint64_t module, void *context)
{
    struct wanted *wanted = context;
    uint64_t address;
    char name[64];
    if (!kernel_place(session, &address, "((struct module *)0x%llx)->name", (unsigned long long)module) ||
        !kernel_string(session, address, name, sizeof name) || strcmp(name, wanted->name))
        return true;
    wanted->module = module;
    return false;
}

bool kernel_module_sections(struct session *session, const char *name, kernel_each_section *each, void *context,
                            struct error *error)
{
    struct wanted wanted = {.name = name};
    uint64_t offset, all, count;
    if (!kernel_find(session, error))
        return false;
    const struct symbol *modules = kernel_symbol(session, "modules");
    if (modules && kernel_offset(session, "module", "list", &offset))
        kernel_each_linked(session, modules->address, offset, is_wanted, &wanted);
    if (!wanted.module)
        return error_set(error, "the guest has no module '%s' loaded", name);
    if (!kernel_number(session, &all, "((struct module *)0x%llx)->sect_attrs", (unsigned long long)wanted.module) ||
        !all ||
        !kernel_number(session, &count, "((struct module_sect_attrs *)0x%llx)->nsections", (unsigned long long)all))
        return error_set(error, "the guest's kernel does not say where the sections of '%s' are", name);
    for (unsigned i = 0; i < count && i < SECTIONS_MAX; i++) {
        uint64_t text, address;
        char section[64];
        if (kernel_number(session, &text, "((struct module_sect_attrs *)0x%llx)->attrs[%u].battr.attr.name",
                          (unsigned long long)all, i) &&
            kernel_string(session, text, section, sizeof section) &&
            kernel_number(session, &address, "((struct module_sect_attrs *)0x%llx)->attrs[%u].address",
                          (unsigned long long)all, i))
            each(context, section, address);
    }
    return true;
}
