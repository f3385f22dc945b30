/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bench for one device: a clock, a wire that remembers its level, and checks of whole register tables. */
#ifndef ARMATURE_TESTS_DEVICE_BENCH_H
#define ARMATURE_TESTS_DEVICE_BENCH_H

#include "tests/unit/unit.h"
#include "machine/contract/device.h"

/* The end of a wire. */
struct probe_wire {
    bool level;
    unsigned changes;
};

struct irq_line probe_line(struct probe_wire *wire);

/* A device under test, as the bus reaches it. */
struct bench {
    struct clock clock;
    const struct device_class *class;
    const struct mmio_ops *mmio;
    void *device;
};

void bench_init(struct bench *bench);
/* Takes the device that the test made, and resets it. */
void bench_place(struct bench *bench, const struct device_class *class, const struct mmio_ops *mmio,
                 void *device);
void bench_free(struct bench *bench);

uint64_t bench_read(struct bench *bench, uint64_t offset, unsigned size);
void bench_write(struct bench *bench, uint64_t offset, unsigned size, uint64_t value);

/* Lets virtual time pass, events and all. */
void bench_run_to(struct bench *bench, uint64_t now_ns);

/* Copies the saved state of one instance into another of the same class and tells it so. */
void bench_transplant(const struct fields *fields, const void *from, void *to);

/* What the manual says of a register: its value after reset, and after all ones were written to it. */
struct reg_expectation {
    uint64_t offset;
    unsigned size;
    uint64_t reset, after_ones;
};

/* Checks each of `list` on a freshly reset device, and that the list leaves out no row of the class's table.
 */
void bench_check_registers(struct bench *bench, const struct reg_expectation *list, unsigned count);

#endif
