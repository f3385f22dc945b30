/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A CPU with RAM and a clock, and nothing around it, for unit tests. */
#ifndef ARMATURE_TESTS_CPU_BENCH_H
#define ARMATURE_TESTS_CPU_BENCH_H

#include "isa/arm64/cpu.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mem.h"
#include "isa/arm64/mmu.h"

#define BENCH_RAM       0x40000000ull
#define BENCH_RAM_BYTES (64ull << 20)

struct cpu_bench {
    struct bus bus;
    struct clock clock;
    struct cpu cpu;
    jmp_buf on_exception;
};

struct cpu_bench *bench_create(enum cpu_model model);
void bench_free(struct cpu_bench *bench);

/** Reads and writes 8 bytes of RAM. */
uint64_t bench_peek(struct cpu_bench *bench, uint64_t physical);
void bench_poke(struct cpu_bench *bench, uint64_t physical, uint64_t value);

/** An instruction record for `word` at the CPU's pc, which is moved behind it, as an engine does. */
struct insn bench_insn(struct cpu_bench *bench, uint32_t word);

/** Whether `statement` takes an exception. */
#define RAISES(bench, statement)                                                                             \
    ({                                                                                                       \
        volatile bool raised_ = true;                                                                        \
        (bench)->cpu.on_exception = &(bench)->on_exception;                                                  \
        if (!_setjmp((bench)->on_exception)) {                                                               \
            statement;                                                                                       \
            raised_ = false;                                                                                 \
        }                                                                                                    \
        raised_;                                                                                             \
    })

/** ESR_EL1.EC and ISS of the last exception. */
#define BENCH_EC(bench)  ((unsigned)((bench)->cpu.sys.ESR_EL1 >> 26))
#define BENCH_ISS(bench) ((unsigned)((bench)->cpu.sys.ESR_EL1 & 0x1ffffff))

#endif
