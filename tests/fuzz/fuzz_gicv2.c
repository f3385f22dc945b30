/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: a GICv2 and its frame for messages under any sequence of accesses of any CPU, wires and messages. After
 * it the controller must come through a restore of its own state unchanged.
 *
 * Where the first byte is 0xff, it begins in a nonsensical state, as from a damaged snapshot; its low bits otherwise
 * say how many CPUs there are. An action is a byte that says what, and as many bytes as that takes. */
#include <stdlib.h>
#include <string.h>
#include "peripherals/gicv2.h"
#include "peripherals/gicv2m.h"
#include "tests/fuzz/scramble.h"

enum { SPIS = 64, FIRST_MESSAGE = 32, MESSAGES = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rig {
    struct bus bus;
    struct gicv2 *gic;
    struct gicv2m *frame;
    unsigned cpus;
    bool level[2 * GICV2_MAX_CPUS][2]; /* of CPUs, and of what they lend to virtual machines */
};

static void cpu_wire(void *receiver, unsigned number, bool level)
{
    struct rig *rig = receiver;
    rig->level[number / 2][number % 2] = level;
}

static void build(struct rig *rig, unsigned cpus)
{
    struct gicv2_config config = {.bus = &rig->bus, .cpu_count = cpus, .spi_count = SPIS};
    struct gicv2m_config messages = {.first_intid = 32 + FIRST_MESSAGE, .count = MESSAGES};
    for (unsigned i = 0; i < cpus; i++) {
        config.irq[i] = (struct irq_line){cpu_wire, rig, 2 * i};
        config.fiq[i] = (struct irq_line){cpu_wire, rig, 2 * i + 1};
        config.virtual_irq[i] = (struct irq_line){cpu_wire, rig, 2 * (GICV2_MAX_CPUS + i)};
        config.virtual_fiq[i] = (struct irq_line){cpu_wire, rig, 2 * (GICV2_MAX_CPUS + i) + 1};
    }
    rig->cpus = cpus;
    rig->gic = gicv2_create(&config);
    gicv2_class.reset(rig->gic);
    for (unsigned i = 0; i < MESSAGES; i++)
        messages.spi[i] = gicv2_spi(rig->gic, FIRST_MESSAGE + i);
    rig->frame = gicv2m_create(&messages);
}

/* Offsets come from the register table half of the time. */
static uint64_t pick_offset(const struct reg_bank *bank, struct feed *feed, unsigned what, uint64_t window_bytes)
{
    if (what & 0x80)
        return take(feed, 2) % window_bytes;
    const struct reg *row = &bank->list[take(feed, 1) % bank->count];
    return (row->offset + take(feed, 1)) % window_bytes;
}

static void act(struct rig *rig, struct feed *feed)
{
    unsigned action = (unsigned)take(feed, 1), size = 1u << (action >> 3 & 3);
    rig->bus.requester = (unsigned)take(feed, 1) % rig->cpus;
    bool distributor = action & 1, write = action & 2;
    struct irq_line line;
    uint64_t value;
    switch (action >> 5 & 3) {
    case 1: {
        const struct reg_bank *bank = distributor ? gicv2_hyp_regs : gicv2_virtual_regs;
        const struct mmio_ops *mmio = distributor ? &gicv2_hyp_mmio : &gicv2_virtual_mmio;
        uint64_t offset = pick_offset(bank, feed, action, GICV2_VIRTUAL_WINDOW_BYTES) & -(uint64_t)size;
        if (write)
            mmio->write(rig->gic, offset, size, take(feed, size));
        else
            mmio->read(rig->gic, offset, size, &value);
        break;
    }
    case 0: {
        const struct reg_bank *bank = distributor ? gicv2_class.regs : gicv2_cpu_regs;
        const struct mmio_ops *mmio = distributor ? &gicv2_dist_mmio : &gicv2_cpu_mmio;
        uint64_t offset = pick_offset(bank, feed, action,
                                      distributor ? GICV2_DIST_WINDOW_BYTES : GICV2_CPU_WINDOW_BYTES) & -(uint64_t)size;
        if (write) {
            mmio->write(rig->gic, offset, size, take(feed, size));
        } else {
            mmio->read(rig->gic, offset, size, &value);
            check(size == 8 || value >> 8 * size == 0, "a value wider than the access");
        }
        break;
    }
    case 2:
        line = distributor ? gicv2_spi(rig->gic, take(feed, 1) % SPIS)
                           : gicv2_ppi(rig->gic, rig->bus.requester, take(feed, 1) % 16);
        irq_set(&line, write);
        break;
    case 3:
        if (distributor)
            gicv2m_mmio.write(rig->frame, GICV2M_SETSPI, 4, take(feed, 2));
        else
            gicv2m_mmio.read(rig->frame, take(feed, 2) % GICV2M_WINDOW_BYTES & -(uint64_t)size, size, &value);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig rig = {0};
    struct feed feed = {data, data + size};
    unsigned first = (unsigned)take(&feed, 1);
    build(&rig, first % GICV2_MAX_CPUS + 1);
    if (first == 0xff) {
        scramble(gicv2_class.state, rig.gic, &feed);
        gicv2_class.restored(rig.gic);
    }
    while (feed.at < feed.end)
        act(&rig, &feed);
    bool levels[2 * GICV2_MAX_CPUS][2];
    memcpy(levels, rig.level, sizeof levels);
    uint64_t before = fields_hash(gicv2_class.state, rig.gic, FIELDS_HASH_SEED);
    gicv2_class.restored(rig.gic);
    check(fields_hash(gicv2_class.state, rig.gic, FIELDS_HASH_SEED) == before, "a restore changed the state");
    check(!memcmp(levels, rig.level, sizeof levels), "a restore changed a wire");
    for (unsigned i = 0; i < 2 * GICV2_MAX_CPUS; i++)
        check(!(levels[i][0] && levels[i][1]), "IRQ and FIQ at once");
    gicv2m_class.free(rig.frame);
    gicv2_class.free(rig.gic);
    return 0;
}
