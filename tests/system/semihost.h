/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What guests need that call by semihosting. */
#ifndef ARMATURE_GUEST_SEMIHOST_H
#define ARMATURE_GUEST_SEMIHOST_H

#include "guest.h"

static inline uint64_t semihost(uint64_t number, const void *parameter)
{
    register uint64_t x0 asm("x0") = number;
    register uint64_t x1 asm("x1") = (uint64_t)parameter;
    asm volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}

#define CALL(number, ...) semihost(number, (const uint64_t[]){__VA_ARGS__})
#define FAILED            ((uint64_t)-1)
enum {
    OPEN = 1,
    CLOSE,
    WRITEC,
    WRITE0,
    WRITE,
    READ,
    READC,
    ISERROR,
    ISTTY,
    SEEK,
    FLEN = 12,
    TMPNAM,
    REMOVE,
    RENAME,
    CLOCK,
    TIME,
    SYSTEM,
    ERRNO,
    GET_CMDLINE = 0x15,
    HEAPINFO,
    EXIT = 0x18,
    EXIT_EXTENDED = 0x20,
    ELAPSED = 0x30,
    TICKFREQ
};
enum { ENOENT = 2, EBADF = 9, EACCES = 13, EFAULT = 14, EISDIR = 21, EINVAL = 22, ESTALE = 116 };

static inline uint64_t length_of(const char *text)
{
    uint64_t length = 0;
    while (text[length])
        length++;
    return length;
}

static inline uint64_t open(const char *name, uint64_t mode)
{
    return CALL(OPEN, (uint64_t)name, mode, length_of(name));
}

static inline bool same(const char *a, const char *b, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

#endif
