/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keeps virtual time near the host's (--clock paced). */
#include "machine/governor.h"
#include <time.h>

#define ADJUST_EVERY_NS 10000000ull   /* busy host time between adjustments */
#define AHEAD_NS        2000000ull    /* how far CPUs may be ahead of the host before it sleeps */
#define LOST_NS         1000000000ull /* what cannot be made good is forgotten (the host was suspended) */
#define CORRECT_OVER_NS 100000000     /* lag that asks for twice the rate */

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void governor_init(struct governor *governor, bool paced, uint64_t (*host_ns)(void))
{
    *governor = (struct governor){
        .paced = paced,
        .host_ns = host_ns ? host_ns : monotonic_ns,
        .rate_q8 = GOVERNOR_RATE_DEFAULT_Q8,
    };
}

void governor_start(struct governor *governor, uint64_t virtual_ns)
{
    governor->base_host_ns = governor->host_ns();
    governor->base_virtual_ns = virtual_ns;
    governor->busy_host_ns = governor->busy_virtual_ns = 0;
}

uint64_t governor_target_ns(const struct governor *governor)
{
    return governor->base_virtual_ns + (governor->host_ns() - governor->base_host_ns);
}

uint32_t governor_ran(struct governor *governor, uint64_t from_ns, uint64_t to_ns, uint64_t host_ns)
{
    governor->busy_host_ns += host_ns;
    governor->busy_virtual_ns += to_ns - from_ns;
    if (!governor->paced || governor->busy_host_ns < ADJUST_EVERY_NS || governor->busy_virtual_ns == 0)
        return 0;

    int64_t lag_ns = (int64_t)(governor_target_ns(governor) - to_ns);
    if (lag_ns > (int64_t)LOST_NS) {
        governor_start(governor, to_ns);
        return 0;
    }
    /* The rate at which busy CPUs would just keep up, then more or less of it to make good what was lost. */
    double rate = governor->rate_q8;
    double even = rate * (double)governor->busy_host_ns / (double)governor->busy_virtual_ns;
    double correction = (double)lag_ns / CORRECT_OVER_NS;
    correction = correction > 1 ? 1 : correction < -0.5 ? -0.5 : correction;
    double wanted = (rate + even * (1 + correction)) / 2;
    wanted = wanted < GOVERNOR_RATE_MIN_Q8   ? GOVERNOR_RATE_MIN_Q8
             : wanted > GOVERNOR_RATE_MAX_Q8 ? GOVERNOR_RATE_MAX_Q8
                                             : wanted;
    governor->busy_host_ns = governor->busy_virtual_ns = 0;
    /* Small changes are not worth a record in the log. */
    if (wanted < rate * 1.06 && wanted > rate * 0.94)
        return 0;
    return governor->rate_q8 = (uint32_t)wanted;
}

uint64_t governor_ahead_ns(const struct governor *governor, uint64_t virtual_ns)
{
    if (!governor->paced)
        return 0;
    uint64_t target_ns = governor_target_ns(governor);
    return virtual_ns > target_ns + AHEAD_NS ? virtual_ns - target_ns : 0;
}
