/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hypercalls: functions of the host's libraries that a list allows, called by the guest. guest/hypercall has the
 * guest's side, and the numbers. */
#ifndef ARMATURE_HYPER_HYPER_H
#define ARMATURE_HYPER_HYPER_H

#include "hostcall/door.h"
#include "hostcall/policy.h"

struct hyper_config {
    const char *path; /* the list; "": there is none (a restored machine), and no function is found */
    void (*transmit)(void *context, const void *bytes, size_t length);
    void *transmit_context;
    const struct policy *policy; /* or NULL */
};

struct hyper;

/** NULL: `error` says what is wrong with the list. */
struct hyper *hyper_create(struct door *door, const struct hyper_config *config, struct error *error);

/** Serves a call of the vendor range: its number is in w0. */
void hyper_call(void *hyper, struct cpu *cpu);

extern const struct device_class hyper_class;

#endif
