/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keeps virtual time near the host's (--clock paced): says how far time may go, and how long an instruction
 * should take. What it decides is no state of the machine: each decision enters as an input. */
#ifndef ARMATURE_GOVERNOR_H
#define ARMATURE_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

#define GOVERNOR_RATE_DEFAULT_Q8 256u          /* 1 ns an instruction */
#define GOVERNOR_RATE_MIN_Q8     64u           /* 4 instructions a nanosecond */
#define GOVERNOR_RATE_MAX_Q8     (256u * 1000) /* a million instructions a second */

/** A decision, as it stands in the input log. */
struct governor_decision {
    uint64_t advance_to_ns; /* idle time ends there; 0: no change */
    uint64_t rate_q8;       /* nanoseconds an instruction, in 1/256; 0: no change */
};

struct governor {
    bool paced;
    uint64_t (*host_ns)(void); /* the host's clock */
    unsigned source;           /* the input source "clock" */
    uint32_t rate_q8;
    uint64_t base_host_ns, base_virtual_ns; /* a pair of moments that are the same */
    /* Since the last adjustment, not counting idle time. */
    uint64_t busy_host_ns, busy_virtual_ns;
};

/** `host_ns` NULL: the host's monotonic clock. */
void governor_init(struct governor *governor, bool paced, uint64_t (*host_ns)(void));

/** Virtual and host time are the same from here on: at the start, and after the machine stood still. */
void governor_start(struct governor *governor, uint64_t virtual_ns);

/** The virtual time that the host's clock shows now. */
uint64_t governor_target_ns(const struct governor *governor);

/** CPUs ran from virtual time `from_ns` to `to_ns` in `host_ns` of host time. Returns the rate that they
 * should have from now on, or 0: leave it. */
uint32_t governor_ran(struct governor *governor, uint64_t from_ns, uint64_t to_ns, uint64_t host_ns);

/** How long the host should sleep when CPUs are at `virtual_ns`: 0 unless they are well ahead of the host. */
uint64_t governor_ahead_ns(const struct governor *governor, uint64_t virtual_ns);

#endif
