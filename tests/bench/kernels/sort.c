/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sorts numbers: quicksort by a comparison function, and heap sort in place. */
#include "../kernel.h"

#define COUNT 4000

static uint32_t source[COUNT], numbers[COUNT];

static void prepare(void)
{
    for (unsigned i = 0; i < COUNT; i++)
        source[i] = random_next();
}

static int compare_bits(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_low(uint32_t a, uint32_t b)
{
    return (int)(a & 0xffff) - (int)(b & 0xffff);
}

static void quick(uint32_t *from, uint32_t *to, int (*compare)(uint32_t, uint32_t))
{
    while (to - from > 12) {
        uint32_t middle = from[(to - from) / 2], *low = from, *high = to - 1;
        while (low <= high) {
            while (compare(*low, middle) < 0)
                low++;
            while (compare(*high, middle) > 0)
                high--;
            if (low <= high) {
                uint32_t keep = *low;
                *low++ = *high;
                *high-- = keep;
            }
        }
        quick(from, high + 1, compare);
        from = low;
    }
    for (uint32_t *at = from + 1; at < to; at++) {
        uint32_t value = *at, *hole = at;
        for (; hole > from && compare(hole[-1], value) > 0; hole--)
            *hole = hole[-1];
        *hole = value;
    }
}

static void sift(uint32_t *heap, unsigned at, unsigned count)
{
    for (unsigned child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1] > heap[child])
            child++;
        if (heap[at] >= heap[child])
            break;
        uint32_t keep = heap[at];
        heap[at] = heap[child];
        heap[child] = keep;
    }
}

static void heap_sort(uint32_t *heap, unsigned count)
{
    for (unsigned at = count / 2; at-- > 0;)
        sift(heap, at, count);
    while (count-- > 1) {
        uint32_t keep = heap[0];
        heap[0] = heap[count];
        heap[count] = keep;
        sift(heap, 0, count);
    }
}

static uint64_t run(unsigned round)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < COUNT; i++)
        numbers[i] = source[i] ^ round * 0x9e3779b9u;
    quick(numbers, numbers + COUNT, round & 1 ? compare_low : compare_bits);
    for (unsigned i = 0; i < COUNT; i += 7)
        sum = mix(sum, round & 1 ? numbers[i] & 0xffff : numbers[i]);
    heap_sort(numbers, COUNT);
    for (unsigned i = 0; i < COUNT; i += 7)
        sum = mix(sum, numbers[i]);
    return sum;
}

KERNEL("sort", "integer", 400)
