/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Semihosting (Arm, "Semihosting for AArch32 and AArch64", release 2.0): files, a console and the time of the host for
 * a bare program, by HLT #0xF000 with the call's number in w0 and its parameter in x1. */
#ifndef ARMATURE_SEMIHOST_H
#define ARMATURE_SEMIHOST_H

#include "hostcall/door.h"
#include "hostcall/policy.h"

struct semihost_config {
    const char *folder; /* where its files are; beneath it, and nowhere else. "": there are none (a restored machine) */
    const char *command_line;
    uint32_t start_s; /* the time when the machine was switched on, in seconds since 1970 */
    bool reads_stdin; /* its console has the program's standard input; else it is at its end */
    uint64_t heap_base, heap_limit; /* RAM from here to there is the program's, the stack at its end */
    void (*transmit)(void *context, const void *bytes, size_t length); /* its console */
    void *transmit_context;
    void (*exit)(void *context, uint8_t status);
    void *exit_context;
    const struct policy *policy; /* or NULL */
};

struct semihost;

/** NULL: `error` says what is wrong with the folder. */
struct semihost *semihost_create(struct door *door, const struct semihost_config *config, struct error *error);
void semihost_free(void *semihost);

/** Serves a call, as cpu.semihost does. */
void semihost_call(void *semihost, struct cpu *cpu);

/** It is a device whose state is the open files: by their names, and which files they were. */
extern const struct device_class semihost_class;

#endif
