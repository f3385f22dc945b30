/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies under gravity, step by step, in double precision. */
#include "../kernel.h"

#define BODIES 5
#define STEPS  1000

static struct body {
    double at[3], speed[3], mass;
} bodies[BODIES];

static void prepare(void)
{
    for (unsigned i = 0; i < BODIES; i++)
        bodies[i] = (struct body){
            {4.8 * i, 1.1 - 0.7 * i, 0.3 * i}, {0.1 * i, 0.7 - 0.2 * i, 0.01}, 39.5 / (1 + 20 * i)};
}

static void step(void)
{
    for (unsigned i = 0; i < BODIES; i++)
        for (unsigned j = i + 1; j < BODIES; j++) {
            struct body *a = &bodies[i], *b = &bodies[j];
            double d[3], square = 0.001;
            for (unsigned k = 0; k < 3; k++) {
                d[k] = a->at[k] - b->at[k];
                square += d[k] * d[k];
            }
            double force = 0.001 / (square * __builtin_sqrt(square));
            for (unsigned k = 0; k < 3; k++) {
                a->speed[k] -= d[k] * b->mass * force;
                b->speed[k] += d[k] * a->mass * force;
            }
        }
    for (unsigned i = 0; i < BODIES; i++)
        for (unsigned k = 0; k < 3; k++)
            bodies[i].at[k] += 0.001 * bodies[i].speed[k];
}

static uint64_t run(unsigned round)
{
    uint64_t sum = round;
    for (unsigned i = 0; i < STEPS; i++)
        step();
    for (unsigned i = 0; i < BODIES; i++)
        sum = mix_doubles(sum, bodies[i].at, 3);
    return sum;
}

KERNEL("nbody", "fp", 760)
