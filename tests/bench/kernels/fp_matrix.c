/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matrices of doubles and of floats, multiplied. */
#include "../kernel.h"

#define SIDE 48

static double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
static float single_a[SIDE][SIDE], single_b[SIDE][SIDE];

static void prepare(void)
{
    for (unsigned i = 0; i < SIDE; i++)
        for (unsigned j = 0; j < SIDE; j++) {
            a[i][j] = 1.0 / (1 + i + j);
            b[i][j] = 0.5 - 1.0 / (2 + i * j);
            single_a[i][j] = (float)a[j][i];
            single_b[i][j] = (float)b[j][i];
        }
}

static uint64_t run(unsigned round)
{
    for (unsigned i = 0; i < SIDE; i++)
        for (unsigned j = 0; j < SIDE; j++) {
            double sum = 0.01 * round;
            for (unsigned k = 0; k < SIDE; k++)
                sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
    for (unsigned i = 0; i < SIDE; i++)
        for (unsigned j = 0; j < SIDE; j++) {
            float sum = 0;
            for (unsigned k = 0; k < SIDE; k++)
                sum += single_a[i][k] * single_b[k][j];
            b[i][j] = 0.75 * b[i][j] + 0.01 * c[i][j] + 0.001 * (double)sum;
        }
    return mix_doubles(round, c[round % SIDE], SIDE);
}

KERNEL("fp-matrix", "fp", 620)
