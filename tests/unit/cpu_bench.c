/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A CPU with RAM and a clock. */
#include "unit.h"
#include "cpu_bench.h"
#include <stdlib.h>
#include "isa/arm64/decode.h"

struct cpu_bench *bench_create(enum cpu_model model)
{
    struct cpu_bench *bench = aligned_alloc(64, (sizeof *bench + 63) & ~63ul);
    struct error error;
    assert_non_null(bench);
    memset(bench, 0, sizeof *bench);
    clock_init(&bench->clock);
    assert_true(bus_init(&bench->bus, BENCH_RAM, BENCH_RAM_BYTES, &error));
    assert_true(cpu_init(&bench->cpu, 0, model, &bench->bus, &bench->clock, &error));
    bench->cpu.pc = BENCH_RAM;
    return bench;
}

void bench_free(struct cpu_bench *bench)
{
    cpu_free(&bench->cpu);
    bus_free(&bench->bus);
    clock_free(&bench->clock);
    free(bench);
}

uint64_t bench_peek(struct cpu_bench *bench, uint64_t physical)
{
    uint64_t value;
    assert_true(bus_dma_read(&bench->bus, physical, &value, sizeof value));
    return value;
}

void bench_poke(struct cpu_bench *bench, uint64_t physical, uint64_t value)
{
    assert_true(bus_dma_write(&bench->bus, physical, &value, sizeof value));
}

struct insn bench_insn(struct cpu_bench *bench, uint32_t word)
{
    struct insn insn;
    insn_decode(word, &bench->cpu.features, &insn);
    insn.left = 1;
    bench->cpu.pc += 4;
    bench->cpu.icount++;
    return insn;
}
