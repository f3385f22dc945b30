/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The program of all kernels. `kernels NAME [PART]` runs one, with the PART-th part of its rounds, between two lines
 * that the host takes the time at; `kernels NAME once` makes one round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "kernel.h"

static struct kernel *kernels;
static uint32_t random_state;

void kernel_add(struct kernel *kernel)
{
    kernel->next = kernels;
    kernels = kernel;
}

uint64_t mix_bytes(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t sum = size;
    for (size_t i = 0; i < size; i++)
        sum = mix(sum, at[i]);
    return sum;
}

uint64_t mix_doubles(uint64_t sum, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        sum = mix(sum, bits);
    }
    return sum;
}

uint32_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    return random_state ^= random_state << 5;
}

void random_start(uint32_t seed)
{
    random_state = seed ? seed : 1;
}

void text_make(char *text, size_t size)
{
    static const char *const words[] = {"the", "of",  "and",   "a",     "guest",  "memory",   "page",      "is",
                                        "to",  "in",  "on",    "block", "branch", "register", "interrupt", "clock",
                                        "for", "not", "count", "when",  "writes", "timer",    "exception", "level"};
    for (size_t at = 0, column = 0; at < size;) {
        const char *word = words[(random_next() % 24 * (random_next() % 24)) / 24];
        size_t length = strlen(word);
        for (size_t i = 0; i < length && at < size; i++)
            text[at++] = word[i];
        if (random_next() % 7 == 0)
            for (uint32_t number = random_next() >> 12; number && at < size; number /= 10)
                text[at++] = (char)('0' + number % 10);
        column += length + 1;
        if (at < size)
            text[at++] = column > 70 ? '\n' : ' ';
        if (column > 70)
            column = 0;
    }
}

void must(int true_, const char *what)
{
    if (!true_) {
        perror(what);
        exit(1);
    }
}

/* The line is on its way to the host when this returns. */
static void say(const char *word, const char *name, const char *more)
{
    printf("== %s %s%s\n", word, name, more);
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "end")) /* what the kernel fork-exec starts */
        return 0;
    struct kernel *kernel = kernels;
    while (kernel && argc > 1 && strcmp(kernel->name, argv[1]) != 0)
        kernel = kernel->next;
    if (argc < 2 || !kernel) {
        fprintf(stderr, "usage: kernels NAME [PART|once]\n");
        return 2;
    }
    unsigned rounds = kernel->rounds;
    if (argc > 2)
        rounds = !strcmp(argv[2], "once") ? 1 : rounds / (unsigned)atoi(argv[2]);
    random_start(1);
    kernel->prepare();
    say("begin", kernel->name, "");
    uint64_t sum = 0;
    for (unsigned round = 0; round < rounds; round++)
        sum = mix(sum, kernel->run(round));
    char text[24];
    snprintf(text, sizeof text, " %016llx", (unsigned long long)sum);
    say("end", kernel->name, text);
    return 0;
}
