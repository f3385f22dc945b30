/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a fuzz target without libFuzzer: every file of a kept corpus, then random inputs from a fixed seed.
 *
 *     fuzz_devices CORPUS_DIRECTORY RUNS
 *
 * With clang the same target links against libFuzzer instead (-fsanitize=fuzzer, without this file). A crash
 * leaves the input that did it in the working directory as crash.bin. */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 16, RANDOM_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t input[INPUT_MAX];
static size_t input_size;

static void keep_input(int signal_number)
{
    FILE *file = fopen("crash.bin", "wb");
    if (file) {
        fwrite(input, 1, input_size, file);
        fclose(file);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* A copy of exactly the input's size, so that a sanitizer sees a read past its end. */
static void run_input(void)
{
    uint8_t *copy = malloc(input_size ? input_size : 1);
    if (!copy)
        abort();
    memcpy(copy, input, input_size);
    LLVMFuzzerTestOneInput(copy, input_size);
    free(copy);
}

static unsigned run_corpus(const char *directory)
{
    unsigned count = 0;
    DIR *listing = opendir(directory);
    if (!listing) {
        perror(directory);
        exit(1);
    }
    for (struct dirent *entry; (entry = readdir(listing));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        FILE *file = fopen(path, "rb");
        if (!file) {
            perror(path);
            exit(1);
        }
        input_size = fread(input, 1, sizeof input, file);
        fclose(file);
        run_input();
        count++;
    }
    closedir(listing);
    return count;
}

static void run_random(unsigned long runs)
{
    uint64_t random = 0x9e3779b97f4a7c15;
    for (unsigned long run = 0; run < runs; run++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        input_size = random % RANDOM_MAX;
        for (size_t i = 0; i < input_size; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            input[i] = (uint8_t)(random >> 24);
        }
        run_input();
    }
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fprintf(stderr, "usage: %s CORPUS_DIRECTORY RUNS\n", arguments[0]);
        return 2;
    }
    signal(SIGABRT, keep_input);
    signal(SIGSEGV, keep_input);
    unsigned kept = run_corpus(arguments[1]);
    unsigned long runs = strtoul(arguments[2], NULL, 10);
    run_random(runs);
    printf("%u kept inputs and %lu random ones\n", kept, runs);
    return 0;
}
