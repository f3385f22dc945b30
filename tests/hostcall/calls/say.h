/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the test programs of calls share. Each runs natively on the host and for AArch64 under `armature exec`, in an
 * empty directory, and must print the same. */
#ifndef ARMATURE_SAY_H
#define ARMATURE_SAY_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Prints what a call gave: its result, and the error's name where it is -1. */
#define SAY(call)                                                                                            \
    do {                                                                                                     \
        errno = 0;                                                                                           \
        long said = (long)(call);                                                                            \
        printf("%s = %ld %s\n", #call, said, said == -1 ? strerrorname_np(errno) : "");                      \
        fflush(stdout);                                                                                      \
    } while (0)

/** Only whether it worked: the result differs between runs. */
#define WORKS(call)                                                                                          \
    do {                                                                                                     \
        errno = 0;                                                                                           \
        int worked = (long)(call) != -1;                                                                     \
        printf("%s %s\n", #call, worked ? "works" : strerrorname_np(errno));                                 \
        fflush(stdout);                                                                                      \
    } while (0)

#endif
