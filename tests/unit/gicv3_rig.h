/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A GICv3 on a bench, for the tests of its parts: what it is wired to, and its registers by CPU. */
#ifndef ARMATURE_TESTS_GICV3_RIG_H
#define ARMATURE_TESTS_GICV3_RIG_H

#include "tests/unit/device_bench.h"
#include "peripherals/gicv3.h"

enum {
    CPUS = 3,
    SPIS = 256,
    SPURIOUS = 1023,
    /* distributor */
    CTLR = 0x0000,
    TYPER = 0x0004,
    SETSPI = 0x0040,
    CLRSPI = 0x0048,
    IGROUPR = 0x0080,
    ISENABLER = 0x0100,
    ICENABLER = 0x0180,
    ISPENDR = 0x0200,
    ICPENDR = 0x0280,
    ISACTIVER = 0x0300,
    ICACTIVER = 0x0380,
    IPRIORITYR = 0x0400,
    ICFGR = 0x0c00,
    IROUTER = 0x6000,
    /* redistributor */
    WAKER = 0x0014,
    SGI_FRAME = 0x10000,
};

extern struct bench bench;
extern struct bench redist; /* the same device through its other window */
extern struct probe_wire irq[CPUS], fiq[CPUS];

struct gicv3 *create(struct probe_wire *irq_wires, struct probe_wire *fiq_wires);
int set_up(void **state);
int tear_down(void **state);
uint32_t dist(unsigned offset);
void set_dist(unsigned offset, uint32_t value);
uint32_t priv(unsigned cpu, unsigned offset);
void set_priv(unsigned cpu, unsigned offset, uint32_t value);
uint64_t icc(unsigned cpu, enum icc_reg reg);
void set_icc(unsigned cpu, enum icc_reg reg, uint64_t value);
void spi_level(unsigned intid, bool level);
void ppi_level(unsigned cpu, unsigned intid, bool level);
/* Everything on, all interrupts in group 1 and masked by nothing; edges where the test says so. */
int set_up_running(void **state);
void set_spi_up(unsigned intid, uint8_t priority, bool edge);

#endif
