/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Guest memory and registers. Walks are done with a copy of what the walk looks at, so that they can be done for an
 * address space that no CPU is in. */
#include "debugger/session/target.h"
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"

/* --- memory ---------------------------------------------------------------------------------------- */

/* struct cpu is large, and a walk reads three members of it. */
static bool walk(const struct space *space, uint64_t va, bool kernel_table, uint64_t *physical)
{
    static struct cpu copy;
    struct translation found;
    copy.sys = space->cpu->sys;
    copy.features = space->cpu->features;
    copy.bus = space->cpu->bus;
    copy.regime = space->cpu->regime;
    if (space->other_user)
        copy.sys.TTBR0_EL1 = space->user_table;
    if (kernel_table)
        copy.sys.TTBR1_EL1 = space->kernel_table;
    unsigned status = mmu_walk(&copy, va, false, &found);
    /* A page that was not accessed yet is there all the same. */
    if (status != FAULT_NONE && (status & ~3u) != FAULT_ACCESS_FLAG)
        return false;
    *physical = found.physical;
    return true;
}

bool space_translate(const struct space *space, uint64_t va, uint64_t *physical)
{
    bool upper = va >> 55 & 1;
    if (!upper && space->other_user && !(space->cpu->sys.SCTLR_EL1 & 1))
        return false;
    return walk(space, va, false, physical) || (upper && space->kernel_table && walk(space, va, true, physical));
}

/* Bytes of `length` from `va` on that lie in its page. */
static size_t in_page(uint64_t va, size_t length)
{
    size_t room = PAGE_SIZE_BYTES - va % PAGE_SIZE_BYTES;
    return length < room ? length : room;
}

uint64_t made_put(struct made_memory *made, const uint8_t *bytes, const bool *known, size_t length)
{
    assert(length <= MADE_MAX);
    if (length > MADE_BYTES - made->used)
        made->used = 0;
    const uint64_t address = MADE_BASE + made->used;
    memcpy(made->bytes + made->used, bytes, length);
    memcpy(made->known + made->used, known, length);
    made->used += (length + 15) & ~(size_t)15;
    return address;
}

static size_t made_read(const struct made_memory *made, uint64_t va, uint8_t *to, size_t length)
{
    size_t at = (size_t)(va - MADE_BASE), done = 0;
    for (; done < length && at < made->used && made->known[at]; done++)
        to[done] = made->bytes[at++];
    return done;
}

size_t space_read(const struct space *space, uint64_t va, void *to, size_t length)
{
    size_t done = 0;
    if (made_is(va))
        return space->made ? made_read(space->made, va, to, length) : 0;
    while (done < length) {
        uint64_t physical;
        size_t part = in_page(va + done, length - done);
        const uint8_t *host =
            space_translate(space, va + done, &physical) ? ram_at(&space->cpu->bus->ram, physical, part) : NULL;
        if (!host)
            break;
        memcpy((uint8_t *)to + done, host, part);
        done += part;
    }
    return done;
}

bool space_write(const struct space *space, uint64_t va, const void *from, size_t length)
{
    for (unsigned pass = 0; pass < 2; pass++)
        for (size_t done = 0; done < length;) {
            uint64_t physical;
            size_t part = in_page(va + done, length - done);
            if (!space_translate(space, va + done, &physical) || !ram_at(&space->cpu->bus->ram, physical, part))
                return false;
            if (pass)
                bus_dma_write(space->cpu->bus, physical, (const uint8_t *)from + done, part);
            done += part;
        }
    return true;
}

bool space_read_u64(const struct space *space, uint64_t va, uint64_t *value)
{
    return space_read(space, va, value, sizeof *value) == sizeof *value;
}

bool space_read_u32(const struct space *space, uint64_t va, uint32_t *value)
{
    return space_read(space, va, value, sizeof *value) == sizeof *value;
}

bool space_read_string(const struct space *space, uint64_t va, char *to, size_t capacity)
{
    size_t length = space_read(space, va, to, capacity - 1);
    to[length] = 0;
    return length > 0;
}

/* --- registers ------------------------------------------------------------------------------------- */

uint32_t register_cpsr(const struct cpu *cpu)
{
    return (uint32_t)pstate_to_spsr(cpu);
}

/* A letter and a number from 0 to `last`; -1: it is not. */
static int numbered(const char *name, char letter, int last)
{
    char *end;
    if (tolower(*name) != letter || !isdigit((unsigned char)name[1]) || (name[1] == '0' && name[2]))
        return -1;
    long number = strtol(name + 1, &end, 10);
    return *end || number > last ? -1 : (int)number;
}

/* Registers that are a place in struct cpu. */
static void *place_of(struct cpu *cpu, const char *name, unsigned *size)
{
    static const struct {
        const char *name;
        unsigned reg;
    } aliases[] = {{"fp", 29}, {"lr", 30}, {"sp", REG_SP}};
    static const struct {
        char letter;
        unsigned size;
    } vectors[] = {{'v', 16}, {'q', 16}, {'d', 8}, {'s', 4}, {'h', 2}, {'b', 1}};
    int number = numbered(name, 'x', 30);
    *size = 8;
    if (number >= 0)
        return &cpu->x[number];
    for (unsigned i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (!strcasecmp(name, aliases[i].name))
            return &cpu->x[aliases[i].reg];
    if (!strcasecmp(name, "pc"))
        return &cpu->pc;
    if (!strcasecmp(name, "icount"))
        return &cpu->icount;
    if (!strcasecmp(name, "fpcr"))
        return &cpu->fpcr;
    if (!strcasecmp(name, "fpsr"))
        return &cpu->fpsr;
    if ((number = numbered(name, 'w', 30)) >= 0) {
        *size = 4;
        return &cpu->x[number];
    }
    for (unsigned i = 0; i < sizeof vectors / sizeof *vectors; i++)
        if ((number = numbered(name, vectors[i].letter, 31)) >= 0) {
            *size = vectors[i].size;
            return &cpu->v[number];
        }
    return NULL;
}

static enum sysreg find_system(const char *name)
{
    for (unsigned i = SR_NONE + 1; i < SR_COUNT; i++)
        if (!strcasecmp(sysreg_infos[i].name, name))
            return (enum sysreg)i;
    return SR_NONE;
}

bool register_read(struct cpu *cpu, const char *name, void *bytes, unsigned *size)
{
    const void *place = place_of(cpu, name, size);
    uint64_t value;
    if (place) {
        memcpy(bytes, place, *size);
        return true;
    }
    *size = 8;
    if (!strcasecmp(name, "cpsr") || !strcasecmp(name, "pstate"))
        value = register_cpsr(cpu);
    else if (!strcasecmp(name, "nzcv"))
        value = nzcv_pack(cpu->nzcv);
    else if (!strcasecmp(name, "el"))
        value = cpu->pstate.el;
    else {
        enum sysreg reg = find_system(name);
        if (reg == SR_NONE)
            return false;
        value = sysreg_infos[reg].access & (EL1_READ | EL0_READ) ? sysreg_read(cpu, reg) : 0;
    }
    memcpy(bytes, &value, sizeof value);
    return true;
}

bool register_write(struct cpu *cpu, const char *name, const void *bytes, unsigned size)
{
    unsigned own;
    uint64_t value = 0;
    void *place = place_of(cpu, name, &own);
    memcpy(&value, bytes, size < sizeof value ? size : sizeof value);
    if (!strcasecmp(name, "icount") || !strcasecmp(name, "el"))
        return false;
    if (!strcasecmp(name, "pc"))
        value &= ~3ull; /* PC alignment faults are for branches; here it would stand nowhere */
    if (place && own <= 8) {
        bool word = tolower(*name) == 'w';
        bool vector = (uint8_t *)place >= (uint8_t *)cpu->v && (uint8_t *)place < (uint8_t *)(cpu->v + 32);
        if (word)
            *(uint64_t *)place = (uint32_t)value;
        else if (vector)
            *(union vreg *)place = (union vreg){0};
        if (!word)
            memcpy(place, &value, own);
        return true;
    }
    if (place) {
        memcpy(place, bytes, size < own ? size : own);
        return true;
    }
    if (!strcasecmp(name, "nzcv")) {
        cpu->nzcv = nzcv_unpack((uint32_t)value);
        return true;
    }
    if (!strcasecmp(name, "cpsr") || !strcasecmp(name, "pstate")) {
        cpu->nzcv = nzcv_unpack((uint32_t)value);
        cpu->pstate.daif = value >> 6 & 15;
        cpu_state_changed(cpu);
        return true;
    }
    enum sysreg reg = find_system(name);
    if (reg == SR_NONE || !(sysreg_infos[reg].access & (EL1_WRITE | EL0_WRITE)))
        return false;
    sysreg_write(cpu, reg, value);
    return true;
}

void register_each(const char *group, void (*each)(void *context, const char *name), void *context)
{
    char name[8];
    if (!group || !strcmp(group, "general")) {
        for (unsigned i = 0; i < 31; i++) {
            snprintf(name, sizeof name, "x%u", i);
            each(context, name);
        }
        static const char *const others[] = {"sp", "pc", "cpsr"};
        for (unsigned i = 0; i < 3; i++)
            each(context, others[i]);
    }
    if (!group || !strcmp(group, "vector")) {
        for (unsigned i = 0; i < 32; i++) {
            snprintf(name, sizeof name, "v%u", i);
            each(context, name);
        }
        each(context, "fpsr");
        each(context, "fpcr");
    }
    if (!group || !strcmp(group, "system"))
        for (unsigned i = SR_NONE + 1; i < SR_COUNT; i++)
            if (sysreg_infos[i].access & (EL1_READ | EL0_READ))
                each(context, sysreg_infos[i].name);
}
