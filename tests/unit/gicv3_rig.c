/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GICv3 of three CPUs: 0.0.0.0, 0.0.0.1 and 1.2.3.17. */
#include "tests/unit/gicv3_rig.h"

struct bench bench;
struct bench redist;
struct probe_wire irq[CPUS], fiq[CPUS];
static const uint64_t mpidr[CPUS] = {0x80000000, 0x80000001, 0x0180020311};

struct gicv3 *create(struct probe_wire *irq_wires, struct probe_wire *fiq_wires)
{
    struct gicv3_cpu_config cpus[CPUS];
    for (unsigned i = 0; i < CPUS; i++)
        cpus[i] = (struct gicv3_cpu_config){mpidr[i], probe_line(&irq_wires[i]), probe_line(&fiq_wires[i])};
    const struct gicv3_config config = {cpus, CPUS, SPIS};
    return gicv3_create(&config);
}

int set_up(void **state)
{
    memset(irq, 0, sizeof irq);
    memset(fiq, 0, sizeof fiq);
    bench_init(&bench);
    bench_place(&bench, &gicv3_class, &gicv3_dist_mmio, create(irq, fiq));
    redist = bench;
    redist.mmio = &gicv3_redist_mmio;
    return 0;
}

int tear_down(void **state)
{
    bench_free(&bench);
    return 0;
}

uint32_t dist(unsigned offset)
{
    return (uint32_t)bench_read(&bench, offset, 4);
}

void set_dist(unsigned offset, uint32_t value)
{
    bench_write(&bench, offset, 4, value);
}

uint32_t priv(unsigned cpu, unsigned offset)
{
    return (uint32_t)bench_read(&redist, cpu * 0x20000 + offset, 4);
}

void set_priv(unsigned cpu, unsigned offset, uint32_t value)
{
    bench_write(&redist, cpu * 0x20000 + offset, 4, value);
}

uint64_t icc(unsigned cpu, enum icc_reg reg)
{
    return gicv3_icc.read(bench.device, cpu, reg);
}

void set_icc(unsigned cpu, enum icc_reg reg, uint64_t value)
{
    gicv3_icc.write(bench.device, cpu, reg, value);
}

void spi_level(unsigned intid, bool level)
{
    struct irq_line line = gicv3_spi(bench.device, intid - 32);
    irq_set(&line, level);
}

void ppi_level(unsigned cpu, unsigned intid, bool level)
{
    struct irq_line line = gicv3_ppi(bench.device, cpu, intid - 16);
    irq_set(&line, level);
}

/* Everything on, all interrupts in group 1 and masked by nothing; edges where the test says so. */
int set_up_running(void **state)
{
    set_up(state);
    set_dist(CTLR, 3);
    for (unsigned i = 1; i <= SPIS / 32; i++)
        set_dist(IGROUPR + 4 * i, ~0u);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        set_priv(cpu, WAKER, 0);
        set_priv(cpu, SGI_FRAME + IGROUPR, ~0u);
        set_icc(cpu, ICC_PMR, 0xff);
        set_icc(cpu, ICC_IGRPEN0, 1);
        set_icc(cpu, ICC_IGRPEN1, 1);
    }
    return 0;
}

void set_spi_up(unsigned intid, uint8_t priority, bool edge)
{
    uint32_t bit = 1u << intid % 32;
    unsigned config = ICFGR + 4 * (intid / 16);
    bench_write(&bench, IPRIORITYR + intid, 1, priority);
    set_dist(config, (dist(config) & ~(3u << intid % 16 * 2)) | (edge ? 2u << intid % 16 * 2 : 0));
    set_dist(ISENABLER + 4 * (intid / 32), bit);
}
