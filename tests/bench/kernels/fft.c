/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fast Fourier transform, forth and back, of complex numbers in double precision. */
#include "../kernel.h"

#define BITS  10
#define COUNT (1u << BITS)

static double real[COUNT], imaginary[COUNT], cosines[COUNT / 2], sines[COUNT / 2];

/* Sine and cosine by their series at a small angle, then by the angle's multiples: no library's rounding matters. */
static void prepare(void)
{
    double angle = 2 * 3.14159265358979323846 / COUNT, square = angle * angle;
    double sine = angle * (1 - square / 6 * (1 - square / 20 * (1 - square / 42)));
    double cosine = 1 - square / 2 * (1 - square / 12 * (1 - square / 30));
    cosines[0] = 1;
    for (unsigned i = 1; i < COUNT / 2; i++) {
        cosines[i] = cosines[i - 1] * cosine - sines[i - 1] * sine;
        sines[i] = sines[i - 1] * cosine + cosines[i - 1] * sine;
    }
    for (unsigned i = 0; i < COUNT; i++)
        real[i] = (int32_t)random_next() * 0x1p-31;
}

static void transform(double direction)
{
    for (unsigned i = 1, j = 0; i < COUNT; i++) {
        unsigned bit = COUNT / 2;
        for (; j & bit; bit /= 2)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            double keep = real[i];
            real[i] = real[j];
            real[j] = keep;
            keep = imaginary[i];
            imaginary[i] = imaginary[j];
            imaginary[j] = keep;
        }
    }
    for (unsigned half = 1; half < COUNT; half *= 2)
        for (unsigned start = 0; start < COUNT; start += 2 * half)
            for (unsigned i = 0; i < half; i++) {
                double c = cosines[i * (COUNT / 2 / half)], s = direction * sines[i * (COUNT / 2 / half)];
                unsigned a = start + i, b = a + half;
                double x = real[b] * c - imaginary[b] * s, y = real[b] * s + imaginary[b] * c;
                real[b] = real[a] - x;
                imaginary[b] = imaginary[a] - y;
                real[a] += x;
                imaginary[a] += y;
            }
}

static uint64_t run(unsigned round)
{
    transform(-1);
    uint64_t sum = mix_doubles(round, real, COUNT / 16);
    transform(1);
    for (unsigned i = 0; i < COUNT; i++) {
        real[i] *= 1.0 / COUNT;
        imaginary[i] *= 1.0 / COUNT;
    }
    return mix_doubles(sum, imaginary, COUNT / 16);
}

KERNEL("fft", "fp", 1500)
