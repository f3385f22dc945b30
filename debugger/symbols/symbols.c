/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of symbols: a list by address, a hash by name, names in slabs. */
#include "debugger/symbols/symbols.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/ranges.h"

#define SLAB_BYTES (1u << 20)

struct slab {
    struct slab *next;
    size_t used;
    char bytes[SLAB_BYTES];
};

struct symbols {
    struct symbol *list;
    size_t count, capacity;
    uint32_t *hash; /* open addressing: index + 1; NULL: to be made when somebody asks for a name */
    size_t hash_size;
    bool sorted;
    struct slab *slabs;
    bool loading;
};

struct symbols *symbols_create(void)
{
    return host_alloc(1, sizeof(struct symbols));
}

void symbols_free(struct symbols *symbols)
{
    if (!symbols)
        return;
    while (symbols->slabs) {
        struct slab *slab = symbols->slabs;
        symbols->slabs = slab->next;
        free(slab);
    }
    free(symbols->list);
    free(symbols->hash);
    free(symbols);
}

static const char *keep(struct symbols *symbols, const char *text)
{
    size_t bytes = strlen(text) + 1;
    if (bytes > SLAB_BYTES)
        return "";
    if (!symbols->slabs || SLAB_BYTES - symbols->slabs->used < bytes) {
        struct slab *slab = host_realloc(NULL, 1, sizeof *slab);
        slab->next = symbols->slabs;
        slab->used = 0;
        symbols->slabs = slab;
    }
    char *at = symbols->slabs->bytes + symbols->slabs->used;
    memcpy(at, text, bytes);
    symbols->slabs->used += bytes;
    return at;
}

void symbols_add(struct symbols *symbols, uint64_t address, uint64_t size, char letter, const char *name,
                 const char *module)
{
    if (symbols->count == symbols->capacity) {
        symbols->capacity = symbols->capacity ? symbols->capacity * 2 : 4096;
        symbols->list = host_realloc(symbols->list, symbols->capacity, sizeof *symbols->list);
    }
    const char *kept = module && symbols->count && symbols->list[symbols->count - 1].module &&
                               !strcmp(symbols->list[symbols->count - 1].module, module)
                           ? symbols->list[symbols->count - 1].module
                       : module ? keep(symbols, module)
                                : NULL;
    symbols->list[symbols->count++] = (struct symbol){address, size, keep(symbols, name), kept, letter,
                                                        symbols->loading};
}

static uint32_t hash_name(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return hash;
}

static int by_address(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    /* Where several are at one address, the last is the one that is shown: global code before what is local. */
    return (symbol_is_code(x) && x->letter != 't') - (symbol_is_code(y) && y->letter != 't');
}

static bool is_sorted(const struct symbols *symbols)
{
    for (size_t i = 1; i < symbols->count; i++)
        if (symbols->list[i].address < symbols->list[i - 1].address)
            return false;
    return true;
}

void symbols_sort(struct symbols *symbols)
{
    if (!is_sorted(symbols))
        qsort(symbols->list, symbols->count, sizeof *symbols->list, by_address);
    free(symbols->hash);
    symbols->hash = NULL;
    symbols->sorted = true;
}

/* Nothing that is seen from outside changes, so `const` is kept by whoever asks. */
static void make_hash(const struct symbols *of)
{
    struct symbols *symbols = (struct symbols *)of;
    for (symbols->hash_size = 1024; symbols->hash_size < symbols->count * 2; symbols->hash_size *= 2)
        continue;
    symbols->hash = host_alloc(symbols->hash_size, sizeof *symbols->hash);
    for (size_t i = 0; i < symbols->count; i++) {
        size_t at = hash_name(symbols->list[i].name) & (symbols->hash_size - 1);
        while (symbols->hash[at])
            at = (at + 1) & (symbols->hash_size - 1);
        symbols->hash[at] = (uint32_t)i + 1;
    }
}

void symbols_loading(struct symbols *symbols, bool loading)
{
    symbols->loading = loading;
}

void symbols_keep_loaded(struct symbols *symbols, const struct symbols *from)
{
    symbols->loading = true;
    for (size_t i = 0; i < from->count; i++)
        if (from->list[i].loaded)
            symbols_add(symbols, from->list[i].address, from->list[i].size, from->list[i].letter, from->list[i].name,
                        from->list[i].module);
    symbols->loading = false;
}

void symbols_drop_modules(struct symbols *symbols)
{
    size_t kept = 0;
    for (size_t i = 0; i < symbols->count; i++)
        if (!symbols->list[i].module || symbols->list[i].loaded)
            symbols->list[kept++] = symbols->list[i];
    symbols->count = kept;
    symbols_sort(symbols);
}

size_t symbols_count(const struct symbols *symbols)
{
    return symbols->count;
}

const struct symbol *symbols_at(const struct symbols *symbols, size_t index)
{
    return &symbols->list[index];
}

const struct symbol *symbols_find(const struct symbols *symbols, const char *name)
{
    return symbols_find_above(symbols, name, 0);
}

const struct symbol *symbols_find_above(const struct symbols *symbols, const char *name, uint64_t lowest)
{
    if (!symbols->sorted)
        return NULL;
    if (!symbols->hash)
        make_hash(symbols);
    const struct symbol *found = NULL;
    for (size_t at = hash_name(name) & (symbols->hash_size - 1); symbols->hash[at];
         at = (at + 1) & (symbols->hash_size - 1)) {
        const struct symbol *symbol = &symbols->list[symbols->hash[at] - 1];
        if (symbol->address < lowest || strcmp(symbol->name, name))
            continue;
        if (symbol->letter < 'a' || symbol->letter == 'w') /* a global one goes before one that is local to a file */
            return symbol;
        if (!found)
            found = symbol;
    }
    return found;
}

const struct symbol *symbols_around(const struct symbols *symbols, uint64_t address)
{
    const unsigned count = (unsigned)symbols->count,
                   before = count ? ranges_up_to(&symbols->list->address, sizeof *symbols->list, count, address) : 0;
    if (!before)
        return NULL;
    const struct symbol *symbol = &symbols->list[before - 1];
    return symbol->size && address >= symbol->address + symbol->size ? NULL : symbol;
}

bool symbols_read_map_line(struct symbols *symbols, char *line)
{
    char *end;
    errno = 0;
    unsigned long long address = strtoull(line, &end, 16);
    if (end == line || errno || end[0] != ' ' || !end[1] || end[2] != ' ')
        return false;
    char *name = end + 3;
    name[strcspn(name, " \t\r\n")] = 0;
    if (!*name)
        return false;
    symbols_add(symbols, address, 0, end[1], name, NULL);
    return true;
}

bool symbols_read_map(struct symbols *symbols, const char *path, struct error *error)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t capacity = 0, taken = 0;
    if (!file)
        return error_set(error, "%s cannot be read: %s", path, strerror(errno));
    symbols_loading(symbols, true);
    while (getline(&line, &capacity, file) > 0)
        taken += symbols_read_map_line(symbols, line);
    symbols_loading(symbols, false);
    bool failed = ferror(file);
    free(line);
    fclose(file);
    if (failed || !taken)
        return error_set(error, failed ? "%s cannot be read" : "%s is no System.map", path);
    symbols_sort(symbols);
    return true;
}
