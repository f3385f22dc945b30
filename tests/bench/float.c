/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Floating-point work of the usual kinds, as a bare-metal guest: planets under gravity, matrices in double
 * and single precision, Mandelbrot's set in both. Prints the ticks of each part and a checksum of all
 * results' bits. */
#include "guest.h"

#define PLANETS 5
#define STEPS   400000
#define SIDE    64
#define FIELD   160
#define DEPTH   400

static uint64_t checksum;

static void mix(double value)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    checksum = (checksum << 7 | checksum >> 57) ^ bits;
}

static struct planet {
    double at[3], speed[3], mass;
} planets[PLANETS];

static void gravity(void)
{
    for (unsigned i = 0; i < PLANETS; i++)
        planets[i] = (struct planet){
            {4.8 * i, 1.1 - 0.7 * i, 0.3 * i}, {0.1 * i, 0.7 - 0.2 * i, 0.01}, 39.5 / (1 + 20 * i)};
    for (unsigned step = 0; step < STEPS; step++) {
        for (unsigned i = 0; i < PLANETS; i++) {
            for (unsigned j = i + 1; j < PLANETS; j++) {
                struct planet *a = &planets[i], *b = &planets[j];
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
        }
        for (unsigned i = 0; i < PLANETS; i++)
            for (unsigned k = 0; k < 3; k++)
                planets[i].at[k] += 0.001 * planets[i].speed[k];
    }
    for (unsigned i = 0; i < PLANETS; i++)
        mix(planets[i].at[0] + planets[i].speed[1]);
}

#define MATRICES(type, name)                                                                                 \
    static type name##_a[SIDE][SIDE], name##_b[SIDE][SIDE], name##_c[SIDE][SIDE];                            \
    static void name(void)                                                                                   \
    {                                                                                                        \
        for (unsigned i = 0; i < SIDE; i++)                                                                  \
            for (unsigned j = 0; j < SIDE; j++) {                                                            \
                name##_a[i][j] = (type)(1.0 / (1 + i + j));                                                  \
                name##_b[i][j] = (type)(0.5 - 1.0 / (2 + i * j));                                            \
            }                                                                                                \
        for (unsigned round = 0; round < 60; round++)                                                        \
            for (unsigned i = 0; i < SIDE; i++)                                                              \
                for (unsigned j = 0; j < SIDE; j++) {                                                        \
                    type sum = (type)(0.01 * round);                                                         \
                    for (unsigned k = 0; k < SIDE; k++)                                                      \
                        sum += name##_a[i][k] * name##_b[k][j];                                              \
                    name##_c[i][j] = sum;                                                                    \
                    name##_b[i][j] = (type)0.75 * name##_b[i][j] + (type)0.01 * sum;                         \
                }                                                                                            \
        for (unsigned i = 0; i < SIDE; i++)                                                                  \
            mix((double)name##_c[i][SIDE - 1 - i]);                                                          \
    }

MATRICES(double, matrices_double)
MATRICES(float, matrices_single)

#define MANDELBROT(type, name)                                                                               \
    static void name(void)                                                                                   \
    {                                                                                                        \
        unsigned long all = 0;                                                                               \
        for (int py = 0; py < FIELD; py++)                                                                   \
            for (int px = 0; px < FIELD; px++) {                                                             \
                type cx = (type)px * (type)(3.0 / FIELD) - (type)2.1,                                        \
                     cy = (type)py * (type)(2.4 / FIELD) - (type)1.2;                                        \
                type x = cx, y = cy;                                                                         \
                unsigned n = 0;                                                                              \
                for (; n < DEPTH && x * x + y * y < (type)4; n++) {                                          \
                    type next = x * x - y * y + cx;                                                          \
                    y = 2 * x * y + cy;                                                                      \
                    x = next;                                                                                \
                }                                                                                            \
                all = all * 31 + n;                                                                          \
            }                                                                                                \
        checksum ^= all;                                                                                     \
    }

MANDELBROT(double, mandelbrot_double)
MANDELBROT(float, mandelbrot_single)

static uint64_t part(const char *name, void (*work)(void))
{
    uint64_t start = MRS(cntvct_el0);
    work();
    uint64_t ticks = MRS(cntvct_el0) - start;
    print(name);
    print(" ");
    print_hex(ticks);
    print("\n");
    return ticks;
}

void guest_main(void)
{
    mmu_on(identity_map());
    uint64_t ticks = part("gravity", gravity) + part("matrices double", matrices_double) +
                     part("matrices single", matrices_single) + part("mandelbrot double", mandelbrot_double) +
                     part("mandelbrot single", mandelbrot_single);
    print("checksum ");
    print_hex(checksum);
    print(" flags ");
    print_hex(MRS(fpsr));
    print(" ticks ");
    print_hex(ticks);
    print("\n");
}
