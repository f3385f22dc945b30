/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The panic notice. A read says which events are known here; a write says that some have happened. It keeps nothing. */
#include "peripherals/pvpanic.h"
#include <stdlib.h>

#define KNOWN_EVENTS (PVPANIC_PANICKED | PVPANIC_CRASH_LOADED)

struct pvpanic {
    void (*told)(void *context, enum pvpanic_event event);
    void *context;
};

static const struct field pvpanic_list[] = {
    FIELD_HOST(struct pvpanic, told),
    FIELD_HOST(struct pvpanic, context),
    FIELDS_END,
};
static const struct fields pvpanic_fields = {"pvpanic", sizeof(struct pvpanic), pvpanic_list};

/* --- registers ------------------------------------------------------------------------------------- */

static void write_events(void *device, unsigned index, uint64_t value)
{
    struct pvpanic *pvpanic = device;
    for (uint64_t event = 1; event <= (value & KNOWN_EVENTS); event <<= 1)
        if (value & event)
            pvpanic->told(pvpanic->context, (enum pvpanic_event)event);
}

static const struct reg pvpanic_registers[] = {
    {0x000, "EVENTS", 1, .field_offset = REG_NO_FIELD, .reset = KNOWN_EVENTS, .write = write_events},
};
static const struct reg_bank pvpanic_bank = {pvpanic_registers, 1, 1};

static bool pvpanic_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    return regs_read(&pvpanic_bank, device, offset, size, value);
}

static bool pvpanic_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return regs_write(&pvpanic_bank, device, offset, size, value);
}

const struct mmio_ops pvpanic_mmio = {pvpanic_read, pvpanic_write};

/* --- life ------------------------------------------------------------------------------------------ */

const struct device_class pvpanic_class = {
    .name = "pvpanic",
    .state = &pvpanic_fields,
    .regs = &pvpanic_bank,
    .free = free,
};

struct pvpanic *pvpanic_create(void (*told)(void *context, enum pvpanic_event event), void *context)
{
    struct pvpanic *pvpanic = host_alloc(1, sizeof *pvpanic);
    *pvpanic = (struct pvpanic){told, context};
    return pvpanic;
}
