/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Host errors as values, and memory for our own bookkeeping. */
#include "machine/contract/error.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

bool error_set(struct error *error, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return false;
}

static void *checked(void *memory)
{
    if (!memory) {
        fputs("armature: the host has no memory left; close other programs or give the guest less\n", stderr);
        exit(HOST_FAILURE_STATUS);
    }
    return memory;
}

void *host_alloc(size_t count, size_t size_bytes)
{
    return checked(calloc(count ? count : 1, size_bytes ? size_bytes : 1));
}

void *host_realloc(void *memory, size_t count, size_t size_bytes)
{
    if (size_bytes && count > SIZE_MAX / size_bytes)
        return checked(NULL);
    size_t total = count * size_bytes;
    return checked(realloc(memory, total ? total : 1));
}

void *host_map(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

void host_unmap(void *memory, size_t bytes)
{
    if (memory)
        munmap(memory, bytes);
}
