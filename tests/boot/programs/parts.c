/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values that an optimising compiler leaves in several registers, or nowhere: the lines that test_sources.py names are
 * marked. */
#include <stdio.h>

struct pair {
    long first;
    int second, third;
};

struct link {
    struct pair *to;
    long weight;
};

volatile long sink;

#define HERE(...) __asm__ volatile("nop" : : __VA_ARGS__)
#define NOINLINE  __attribute__((noinline, noclone))

NOINLINE static long whole(struct pair pair)
{
    HERE("r"(pair.first)); /* whole */
    return pair.first + pair.second + pair.third;
}

/* A pointer to what was never in memory. */
static inline __attribute__((always_inline)) long through(const struct link *link)
{
    HERE("r"(link->to->first), "r"(link->weight)); /* through */
    return link->to->first * link->weight + link->to->second;
}

NOINLINE static long nowhere(long a, int b)
{
    struct pair pair = {a, b, 3};
    struct link link = {&pair, a + 1};
    return through(&link) + b;
}

NOINLINE static void other(long value)
{
    sink = value;
}

/* What it was called with is known to its caller alone. */
NOINLINE static long forgets(long early, long late)
{
    other(late);
    HERE("r"(late)); /* forgotten */
    return late;
}

int main(int count, char **arguments)
{
    long sum = whole((struct pair){count + 40, count + 1, -count - 2});
    sum += nowhere(count + 6, count + 8);
    for (long i = count + 76; i < 79; i++) {
        sum += forgets(i, i + 1);
        sum += i;
    }
    printf("sum %ld\n", sum);
    fflush(stdout);
    for (;;)
        __asm__ volatile("wfe");
}
