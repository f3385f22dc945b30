/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The VM generation ID. A guest that sees it change knows that it is a clone: Linux makes new keys then (crng_reseed).
 */
#include "peripherals/vmgenid.h"
#include <stdlib.h>
#include "peripherals/virtio/random.h"

struct vmgenid {
    uint64_t id[VMGENID_BYTES / 8];
    uint64_t seed;
    struct irq_line irq;
};

static const struct field vmgenid_list[] = {
    FIELD_ARRAY(struct vmgenid, id),
    FIELD_HOST(struct vmgenid, seed),
    FIELD_HOST(struct vmgenid, irq),
    FIELDS_END,
};
static const struct fields vmgenid_fields = {"vmgenid", sizeof(struct vmgenid), vmgenid_list};

static void make_id(struct vmgenid *genid, uint64_t seed)
{
    struct random random;
    random_start(&random, seed, "vmgenid");
    genid->seed = seed;
    for (unsigned i = 0; i < VMGENID_BYTES / 8; i++)
        genid->id[i] = random_next(&random);
}

/* --- registers ------------------------------------------------------------------------------------- */

static const struct reg vmgenid_registers[] = {
    {0x000, "ID", 8, .count = VMGENID_BYTES / 8, .field_offset = REG_FIELD(struct vmgenid, id)},
};
static const struct reg_bank vmgenid_bank = {vmgenid_registers, 1, 1 | 2 | 4 | 8};

static bool vmgenid_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    return regs_read(&vmgenid_bank, device, offset, size, value);
}

static bool vmgenid_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return regs_write(&vmgenid_bank, device, offset, size, value);
}

const struct mmio_ops vmgenid_mmio = {vmgenid_read, vmgenid_write};

/* --- life ------------------------------------------------------------------------------------------ */

/* A guest that starts again is the same one. */
static void vmgenid_reset(void *device)
{
    struct vmgenid *genid = device;
    make_id(genid, genid->seed);
}

static void vmgenid_reidentify(void *device, uint64_t seed)
{
    struct vmgenid *genid = device;
    make_id(genid, seed);
    irq_set(&genid->irq, true);
    irq_set(&genid->irq, false);
}

const struct device_class vmgenid_class = {
    .name = "vmgenid",
    .state = &vmgenid_fields,
    .regs = &vmgenid_bank,
    .reset = vmgenid_reset,
    .reidentify = vmgenid_reidentify,
    .free = free,
};

struct vmgenid *vmgenid_create(uint64_t seed, struct irq_line irq)
{
    struct vmgenid *genid = host_alloc(1, sizeof *genid);
    genid->irq = irq;
    make_id(genid, seed);
    return genid;
}
