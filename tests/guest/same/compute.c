/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiled and run in the guest and on the host, at several levels of optimisation: prints the same
 * everywhere. */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 4096

static uint64_t state = 88172645463325252u;

static uint64_t next_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t hash_bytes(const void *bytes, size_t length)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
    return hash;
}

static void print_hash(const char *name, const void *bytes, size_t length)
{
    printf("%-12s %016" PRIx64 "\n", name, hash_bytes(bytes, length));
}

/* Each defines a function that fills `result` from `a` and `b` lane by lane, which compilers turn into
 * vectors. */
#define LANES(name, type, expression)                                                                        \
    static void __attribute__((noinline)) name(type *restrict result, const type *a, const type *b)          \
    {                                                                                                        \
        for (int i = 0; i < COUNT; i++)                                                                      \
            result[i] = (type)(expression);                                                                  \
    }

LANES(bytes_average, uint8_t, (a[i] + b[i] + 1) >> 1)
LANES(bytes_clamped, uint8_t, a[i] + b[i] > 255 ? 255 : a[i] + b[i])
LANES(halves_mixed, int16_t, (a[i] * b[i]) >> 15)
LANES(words_mixed, uint32_t, (a[i] << 7 | a[i] >> 25) * b[i] ^ (a[i] > b[i] ? a[i] : b[i]))
LANES(words_shifted, int32_t, (a[i] >> (b[i] & 31)) - (b[i] ^ a[i]))
LANES(longs_mixed, uint64_t, (a[i] >> 11) * (b[i] | 1) + (a[i] ^ b[i]))
LANES(longs_wide, uint64_t, ((unsigned __int128)a[i] * b[i] >> 64) + a[i] / (b[i] | 1) + a[i] % (b[i] | 1))
LANES(singles_mixed, float, a[i] * b[i] + a[i] / (b[i] + 1.5f) - sqrtf(fabsf(a[i])))
LANES(singles_rounded, float, floorf(a[i]) + ceilf(b[i]) + truncf(a[i] * 8) + rintf(b[i] * 4))
LANES(doubles_mixed, double, a[i] * b[i] + a[i] / (b[i] + 1.5) - sqrt(fabs(a[i])))
LANES(doubles_fused, double, fma(a[i], b[i], -a[i]) + fmin(a[i], b[i]) * fmax(a[i], b[i]))
LANES(doubles_whole, double, (double)(int64_t)(a[i] * 1e6) + (double)(uint32_t)(int64_t)(b[i] * 100))

static union {
    uint8_t bytes[COUNT];
    int16_t halves[COUNT];
    uint32_t words[COUNT];
    int32_t signed_words[COUNT];
    uint64_t longs[COUNT];
    float singles[COUNT];
    double doubles[COUNT];
} first, second, result;

#define RUN(name, member)                                                                                    \
    name(result.member, first.member, second.member);                                                        \
    print_hash(#name, result.member, sizeof result.member);

static int compare_longs(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void run_lanes(void)
{
    for (int i = 0; i < COUNT; i++) {
        first.longs[i] = next_number();
        second.longs[i] = next_number();
    }
    RUN(bytes_average, bytes)
    RUN(bytes_clamped, bytes)
    RUN(halves_mixed, halves)
    RUN(words_mixed, words)
    RUN(words_shifted, signed_words)
    RUN(longs_mixed, longs)
    RUN(longs_wide, longs)
    memcpy(&result, &first, sizeof result);
    qsort(result.longs, COUNT, sizeof result.longs[0], compare_longs);
    print_hash("sorted", &result, sizeof result);
    for (int i = 0; i < COUNT; i++) {
        first.singles[i] = (float)((int64_t)next_number() >> 40) / 1024;
        second.singles[i] = (float)(next_number() >> 44) / 4096;
    }
    RUN(singles_mixed, singles)
    RUN(singles_rounded, singles)
    for (int i = 0; i < COUNT; i++) {
        first.doubles[i] = (double)((int64_t)next_number() >> 20) / (1 << 30);
        second.doubles[i] = (double)(next_number() >> 24) / (1 << 30);
    }
    RUN(doubles_mixed, doubles)
    RUN(doubles_fused, doubles)
    RUN(doubles_whole, doubles)
}

/* Orbits of five bodies: sums, products and square roots whose errors would grow. */
static void run_bodies(void)
{
    double place[5][3], speed[5][3], mass[5];
    for (int i = 0; i < 5; i++) {
        mass[i] = 1.0 / (i + 1);
        for (int k = 0; k < 3; k++) {
            place[i][k] = i * 1.5 + k * 0.25 * (i & 1);
            speed[i][k] = (double)(i - 2) * (k - 1) / 16;
        }
    }
    for (int step = 0; step < 20000; step++) {
        for (int i = 0; i < 5; i++)
            for (int j = i + 1; j < 5; j++) {
                double away[3], square = 0.01;
                for (int k = 0; k < 3; k++) {
                    away[k] = place[i][k] - place[j][k];
                    square += away[k] * away[k];
                }
                double pull = 0.001 / (square * sqrt(square));
                for (int k = 0; k < 3; k++) {
                    speed[i][k] -= away[k] * mass[j] * pull;
                    speed[j][k] += away[k] * mass[i] * pull;
                }
            }
        for (int i = 0; i < 5; i++)
            for (int k = 0; k < 3; k++)
                place[i][k] += speed[i][k] * 0.001;
    }
    for (int i = 0; i < 5; i++)
        printf("body %d %.17g %.17g %.17g\n", i, place[i][0], place[i][1], place[i][2]);
}

static void run_words(void)
{
    char text[64];
    uint64_t sum = 0;
    for (int i = 0; i < 2000; i++) {
        int exponent = (int)(next_number() % 400) - 200;
        double value = ldexp((double)(int64_t)next_number(), exponent);
        snprintf(text, sizeof text, "%.17g", value);
        if (strtod(text, NULL) != value)
            printf("%a is not what it reads as\n", value);
        sum = sum * 31 + hash_bytes(text, strlen(text));
    }
    printf("text         %016" PRIx64 "\n", sum);
    _Atomic uint32_t shared = 1;
    for (uint32_t i = 1; i < 1000; i++) {
        atomic_fetch_add(&shared, i);
        atomic_fetch_xor(&shared, i << 16);
        uint32_t expected = atomic_load(&shared);
        atomic_compare_exchange_strong(&shared, &expected, expected * 5);
    }
    printf("shared       %" PRIx32 "\n", atomic_load(&shared));
    unsigned bits = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t number = next_number();
        bits += (unsigned)(__builtin_popcountll(number) * __builtin_clzll(number | 1) +
                           __builtin_ctzll(number | 1u << 31));
        bits ^= __builtin_bswap32((uint32_t)number);
    }
    printf("bits         %x\n", bits);
}

int main(void)
{
    run_lanes();
    run_bodies();
    run_words();
    return 0;
}
