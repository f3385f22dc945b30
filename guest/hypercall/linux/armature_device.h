/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For programs of a Linux guest: functions of the host's libraries, called by way of /dev/armature (armature.c).
 *
 *     int device = armature_device_open();
 *     int64_t crc32 = armature_device_find(device, "crc32");
 *     uint64_t sum;
 *     if (crc32 >= 0 && !armature_device_call(device, crc32, &sum, 3, (struct armature_argument[]){
 *             armature_number(0), armature_in(text, length), armature_number(length)})) ...
 *
 * Errors are negative: those of ../armature_hypercall.h, which are the host's answer, or below ARMATURE_ERRNO - the
 * driver's, as -errno from there on. */
#ifndef ARMATURE_DEVICE_H
#define ARMATURE_DEVICE_H

#include <stdint.h>
#include "armature_ioctl.h"

#define ARMATURE_ERRNO (-1000) /* an error e of the driver's is ARMATURE_ERRNO - e */

/** The device; -1, with errno: there is none, or it is not this user's. close() ends it. */
int armature_device_open(void);

/** The number of a function that the host's list names; an error where there is none. */
int64_t armature_device_find(int device, const char *name);

/** Calls it with `count` arguments, up to ARMATURE_ARGUMENTS_MAX. 0: `*result` has what it returned, and memory that it
 *  writes is written; else an error, and nothing is. */
int64_t armature_device_call(int device, int64_t number, uint64_t *result, unsigned count,
                             const struct armature_argument *arguments);

/** Nanoseconds of a clock of the host's that never goes back, to `*ns`. 0 or an error. */
int64_t armature_device_clock(int device, uint64_t *ns);

/** What an error means, in some words. */
const char *armature_device_error(int64_t error);

/** Arguments: a number; memory of `bytes` (1 to ARMATURE_BUFFER_MAX) that the function reads, writes, or both. */
static inline struct armature_argument armature_number(uint64_t value)
{
    return (struct armature_argument){value, 0, 0};
}

static inline struct armature_argument armature_in(const void *memory, uint32_t bytes)
{
    return (struct armature_argument){(uintptr_t)memory, bytes, ARMATURE_READ};
}

static inline struct armature_argument armature_out(void *memory, uint32_t bytes)
{
    return (struct armature_argument){(uintptr_t)memory, bytes, ARMATURE_WRITE};
}

static inline struct armature_argument armature_inout(void *memory, uint32_t bytes)
{
    return (struct armature_argument){(uintptr_t)memory, bytes, ARMATURE_READ | ARMATURE_WRITE};
}

#endif
