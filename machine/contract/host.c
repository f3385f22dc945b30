/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks CPUID what the host's processor has. */
#include "machine/contract/host.h"
#include <cpuid.h>
#include <stdint.h>
#include <string.h>

/* The registers that the host's system must save for a feature: bits of XCR0. */
enum host_state { STATE_NONE = 0, STATE_YMM = 0x06, STATE_ZMM = 0xe6 };

struct leaf {
    uint32_t eax, ebx, ecx, edx;
};

struct host_features host_has;

/* CPUID is slow in a virtual machine: each leaf is asked once. Zeros where the processor does not know it. */
static struct leaf leaf_1, leaf_7, leaf_80000001;
static uint32_t saved_state;

static void ask(uint32_t number, struct leaf *leaf)
{
    __get_cpuid_count(number, 0, &leaf->eax, &leaf->ebx, &leaf->ecx, &leaf->edx);
}

/* Before all constructors of no order, which may ask host_has. */
static __attribute__((constructor(101))) void find_all(void)
{
    ask(1, &leaf_1);
    ask(7, &leaf_7);
    ask(0x80000001, &leaf_80000001);
    uint32_t high;
    if (leaf_1.ecx & bit_OSXSAVE)
        __asm__("xgetbv" : "=a"(saved_state), "=d"(high) : "c"(0));
    host_limit(HOST_LEVEL_NATIVE);
}

void host_limit(enum host_level level)
{
#define HOST_FEATURE(name, first, leaf, reg, bit, state)                                                               \
    host_has.name = level >= HOST_LEVEL_##first && (saved_state & STATE_##state) == STATE_##state &&                   \
                    leaf_##leaf.reg >> (bit) & 1;
#include "machine/contract/host_features.def"
#undef HOST_FEATURE
}

bool host_find_level(const char *name, enum host_level *level)
{
    const char *words = HOST_LEVELS;
    for (unsigned i = 0; *words; i++) {
        const size_t length = strcspn(words, " ");
        if (strlen(name) == length && !memcmp(name, words, length)) {
            *level = (enum host_level)i;
            return true;
        }
        words += length + strspn(words + length, " ");
    }
    return false;
}

bool host_is_v2(void)
{
    return host_has.sse3 && host_has.ssse3 && host_has.cx16 && host_has.sse4_1 && host_has.sse4_2 && host_has.popcnt;
}
