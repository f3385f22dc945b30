/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bench for one device. */
#include "tests/unit/device_bench.h"

static void probe_set(void *receiver, unsigned number, bool level)
{
    struct probe_wire *wire = receiver;
    wire->changes += level != wire->level;
    wire->level = level;
}

struct irq_line probe_line(struct probe_wire *wire)
{
    return (struct irq_line){probe_set, wire, 0};
}

void bench_init(struct bench *bench)
{
    *bench = (struct bench){0};
    clock_init(&bench->clock);
}

/* Some have nothing to reset. */
static void bench_reset(const struct bench *bench)
{
    if (bench->class->reset)
        bench->class->reset(bench->device);
}

void bench_place(struct bench *bench, const struct device_class *class, const struct mmio_ops *mmio,
                 void *device)
{
    bench->class = class;
    bench->mmio = mmio;
    bench->device = device;
    bench_reset(bench);
}

void bench_free(struct bench *bench)
{
    bench->class->free(bench->device);
    assert_int_equal(bench->clock.heap_count, 0); /* a freed device leaves no event behind */
    clock_free(&bench->clock);
}

uint64_t bench_read(struct bench *bench, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    assert_true(bench->mmio->read(bench->device, offset, size, &value));
    return value;
}

void bench_write(struct bench *bench, uint64_t offset, unsigned size, uint64_t value)
{
    assert_true(bench->mmio->write(bench->device, offset, size, value));
}

void bench_run_to(struct bench *bench, uint64_t now_ns)
{
    while (clock_next_ns(&bench->clock) <= now_ns) {
        if (bench->clock.now_ns < clock_next_ns(&bench->clock))
            bench->clock.now_ns = clock_next_ns(&bench->clock);
        clock_fire_due(&bench->clock);
    }
    bench->clock.now_ns = now_ns;
}

void bench_transplant(const struct fields *fields, const void *from, void *to)
{
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        const uint8_t *source = (const uint8_t *)from + field->offset;
        uint8_t *target = (uint8_t *)to + field->offset;
        assert_int_not_equal(field->kind, FIELD_KIND_BUFFER);
        if (field->kind == FIELD_KIND_HOST)
            continue;
        if (field->kind != FIELD_KIND_STRUCT) {
            memcpy(target, source, (size_t)field->size * field->count);
            continue;
        }
        for (uint32_t i = 0; i < field->count; i++)
            bench_transplant(field->fields, source + (size_t)i * field->size,
                             target + (size_t)i * field->size);
    }
}

static bool row_expected(const struct reg *row, const struct reg_expectation *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (list[i].offset == row->offset)
            return true;
    }
    return false;
}

void bench_check_registers(struct bench *bench, const struct reg_expectation *list, unsigned count)
{
    const struct reg_bank *bank = bench->class->regs;
    for (unsigned i = 0; i < bank->count; i++) {
        assert_true(i == 0 || bank->list[i].offset > bank->list[i - 1].offset);
        if (!row_expected(&bank->list[i], list, count))
            fail_msg("%s: no expectation", bank->list[i].name);
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t reset, after;
        bench_reset(bench);
        reset = bench_read(bench, list[i].offset, list[i].size);
        bench_write(bench, list[i].offset, list[i].size, ~0ull);
        after = bench_read(bench, list[i].offset, list[i].size);
        if (reset != list[i].reset || after != list[i].after_ones)
            fail_msg("offset 0x%llx: 0x%llx after reset, 0x%llx after ones",
                     (unsigned long long)list[i].offset, (unsigned long long)reset,
                     (unsigned long long)after);
    }
    bench_reset(bench);
}
