/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What programs say to /dev/armature (armature.c), by which they call functions of the host's libraries. The library of
 * armature_device.h does it for them. */
#ifndef ARMATURE_IOCTL_H
#define ARMATURE_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ARMATURE_ARGUMENTS_MAX 8
#define ARMATURE_BUFFER_MAX    (4u << 20)

/** An argument: a number; or memory of the program's, `bytes` of it, which the function reads or writes or both. */
struct armature_argument {
    __u64 value; /* the number, or the memory's address */
    __u32 bytes;
    __u32 flags;
};
#define ARMATURE_READ  1u /* the function reads it */
#define ARMATURE_WRITE 2u /* the function writes it */

struct armature_find_request {
    char name[64]; /* ends with a NUL */
    __s64 number;  /* becomes the function's, or an error of armature_hypercall.h */
};

struct armature_call_request {
    __s64 number;
    __s64 status; /* becomes 0, or an error of armature_hypercall.h */
    __u64 result;
    __u32 count;
    __u32 reserved;
    struct armature_argument arguments[ARMATURE_ARGUMENTS_MAX];
};

#define ARMATURE_IOC_FIND _IOWR('A', 1, struct armature_find_request)
#define ARMATURE_IOC_CALL _IOWR('A', 2, struct armature_call_request)
#define ARMATURE_IOC_CLOCK _IOR('A', 3, __u64) /* nanoseconds of the host's steady clock */

#endif
