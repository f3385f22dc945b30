/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A program to be debugged: the lines that test_sources.py names are marked. */
#include <stdio.h>
#include <string.h>

enum colour { RED = 1, GREEN, BLUE = -7 };
typedef unsigned int pixels;

struct flags {
    unsigned visible : 1;
    int depth : 5;
    enum colour colour : 8;
};

struct shape {
    const char *name;
    struct flags flags;
    union {
        pixels sides[3];
        struct {
            short x, y;
        } at;
    };
    double area;
    float grid[2][3];
    struct shape *next;
};

static struct shape shapes[3];
int total;

static inline __attribute__((always_inline)) pixels doubled(pixels of)
{
    pixels twice = of * 2;
    __asm__ volatile("nop" : "+r"(twice)); /* inlined */
    return twice;
}

__attribute__((noinline)) static int count_down(int from)
{
    if (from <= 0)
        return 0; /* bottom */
    return 1 + count_down(from - 1);
}

__attribute__((noinline)) static int measure(struct shape *shape, int scale, double ratio)
{
    int sum = 0;
    for (unsigned i = 0; i < 3; i++) {
        pixels side = shape->sides[i];
        sum += (int)side * scale; /* in the loop */
    }
    sum += (int)doubled((pixels)scale);
    shape->area = sum * ratio;
    return sum;
}

__attribute__((noinline, used)) static int never_called(int of)
{
    return of + 1; /* idle */
}

int main(int count, char **arguments)
{
    int depth;
    strcpy((char[16]){0}, "nothing");
    for (int i = 0; i < 3; i++)
        shapes[i] = (struct shape){.name = i == 1 ? "square" : "other", .flags = {i & 1, -3 + i, i ? BLUE : GREEN},
                                   .sides = {1, 2, (pixels)i}, .grid = {{1, 2, 3}, {4.5f, 5, 6}},
                                   .next = i ? &shapes[i - 1] : NULL};
    total = measure(&shapes[1], 10, 0.5); /* call */
    total += 1;                           /* after */
    depth = count_down(5);                /* down */
    total += depth;                       /* last */
    printf("total %d\n", total);
    fflush(stdout);
    for (;;)
        __asm__ volatile("wfe");
}
