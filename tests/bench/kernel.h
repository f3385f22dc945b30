/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a kernel of the benchmark is, and what kernels share. A kernel is a file in kernels/: a prepare() that is not
 * timed, a run() that is called once a round and returns a checksum of what it computed, and a line KERNEL(). All are
 * linked into one program (main.c), for the guest and for the host. */
#ifndef BENCH_KERNEL_H
#define BENCH_KERNEL_H

#include <stddef.h>
#include <stdint.h>

struct kernel {
    const char *name;
    unsigned rounds; /* 1 to 3 s under QEMU on the machine that this was written on */
    void (*prepare)(void);
    uint64_t (*run)(unsigned round);
    struct kernel *next;
};

/** Makes the kernel known to main.c. */
void kernel_add(struct kernel *kernel);

/** The file's kernel, for the group of that name. tests/bench/workloads.py reads these lines. */
#define KERNEL(kernel_name, group, rounds)                                                                   \
    __attribute__((constructor)) static void add_this(void)                                                  \
    {                                                                                                        \
        static struct kernel this = {kernel_name, rounds, prepare, run, NULL};                               \
        kernel_add(&this);                                                                                   \
    }

/** Mixes a value into a checksum. */
static inline uint64_t mix(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

/** A checksum of bytes. */
uint64_t mix_bytes(const void *bytes, size_t size);

/** Mixes the bits of doubles into a checksum. */
uint64_t mix_doubles(uint64_t sum, const double *values, size_t count);

/** The next of a fixed row of 32-bit numbers, and the row's start. */
uint32_t random_next(void);
void random_start(uint32_t seed);

/** Fills `text` with words, some frequent and some rare, in lines. */
void text_make(char *text, size_t size);

/** Ends the program with the reason, for kernels that need the system, and find it refuses. */
void must(int true_, const char *what);

#endif
