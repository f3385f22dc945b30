/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spectral norm of an infinite matrix, cut off: divisions and sums. */
#include "../kernel.h"

#define SIDE 64

static void prepare(void)
{
}

static double element(unsigned i, unsigned j)
{
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static void multiply(const double *v, double *result, int transposed)
{
    for (unsigned i = 0; i < SIDE; i++) {
        result[i] = 0;
        for (unsigned j = 0; j < SIDE; j++)
            result[i] += (transposed ? element(j, i) : element(i, j)) * v[j];
    }
}

static uint64_t run(unsigned round)
{
    double u[SIDE], v[SIDE], middle[SIDE], dot = 0, square = 0;
    for (unsigned i = 0; i < SIDE; i++)
        u[i] = 1 + round * 0.001;
    for (unsigned i = 0; i < 4; i++) {
        multiply(u, middle, 0);
        multiply(middle, v, 1);
        multiply(v, middle, 0);
        multiply(middle, u, 1);
    }
    for (unsigned i = 0; i < SIDE; i++) {
        dot = __builtin_fma(u[i], v[i], dot);
        square = __builtin_fma(v[i], v[i], square);
    }
    double norm = __builtin_sqrt(dot / square);
    return mix_doubles(round, &norm, 1);
}

KERNEL("spectral", "fp", 710)
