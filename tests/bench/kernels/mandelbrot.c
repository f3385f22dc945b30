/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mandelbrot's set, in double and in single precision. */
#include "../kernel.h"

#define SIDE  48
#define DEPTH 200

static void prepare(void)
{
}

#define FIELD(type, name)                                                                                    \
    static uint64_t name(type left, type top, type step)                                                     \
    {                                                                                                        \
        uint64_t sum = 0;                                                                                    \
        for (int py = 0; py < SIDE; py++)                                                                    \
            for (int px = 0; px < SIDE; px++) {                                                              \
                type cx = left + (type)px * step, cy = top + (type)py * step, x = cx, y = cy;                \
                unsigned n = 0;                                                                              \
                for (; n < DEPTH && x * x + y * y < (type)4; n++) {                                          \
                    type next = x * x - y * y + cx;                                                          \
                    y = 2 * x * y + cy;                                                                      \
                    x = next;                                                                                \
                }                                                                                            \
                sum = sum * 31 + n;                                                                          \
            }                                                                                                \
        return sum;                                                                                          \
    }

FIELD(double, field_double)
FIELD(float, field_float)

static uint64_t run(unsigned round)
{
    double step = 2.5 / SIDE / (1 + round % 10);
    return mix(field_double(-2, -1.25, step), field_float(-1.9f, -1.2f, (float)step));
}

KERNEL("mandelbrot", "fp", 1200)
