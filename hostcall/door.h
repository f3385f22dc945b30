/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls of the guest that the host serves: a CPU waits in the instruction that calls, until its answer comes, which is
 * an input. All that the host says to the guest is in it: registers, and what goes to memory. So a recorded run is
 * replayed without the host, and a snapshot may be taken while a CPU waits.
 *
 *     door_begin(door, cpu);                    the CPU waits
 *     if (door_serves(door)) {                  else: a replay, whose log has the answer
 *         door_memory(door, address, bytes, n); any number of these
 *         door_note(door, bytes, n);            and of these, which are for who serves
 *         door_answer(door, registers, count);  x0 and so on
 *     } */
#ifndef ARMATURE_HOSTCALL_DOOR_H
#define ARMATURE_HOSTCALL_DOOR_H

#include "isa/arm64/cpu.h"
#include "machine/contract/device.h"

/** How many bytes one answer may bring to memory. */
#define DOOR_MEMORY_MAX    (900u << 10)
#define DOOR_CPUS_MAX      64u
#define DOOR_REGISTERS_MAX 4u

struct door {
    struct bus *bus;
    struct inputs *inputs;
    /* Takes a note of the answer to call number `call`; not `act`: looks whether it is one. NULL: there are none. */
    bool (*noted)(void *context, uint64_t call, const void *bytes, size_t length, bool act);
    void *note_context;
    struct cpu *const *cpus;
    unsigned cpu_count, source;
    bool serves;
    uint64_t calls;                  /* how many there were */
    uint64_t waiting[DOOR_CPUS_MAX]; /* the number of the call that a CPU waits for; 0: none */
    /* The answer that is being made. */
    unsigned for_cpu;
    uint8_t *answer;
    size_t answer_bytes, memory_bytes;
};

extern const struct device_class door_class;

/** A door for the machine's CPUs. `serves`: there is a host behind it; false: answers come from a log. */
struct door *door_create(struct bus *bus, struct inputs *inputs, struct cpu *const *cpus, unsigned cpu_count,
                         bool serves);

/** `cpu` calls, and waits from now on. In a past that is run again (inputs_past()) its answer is known. */
void door_begin(struct door *door, struct cpu *cpu);

static inline bool door_serves(const struct door *door)
{
    return door->serves && !inputs_past(door->inputs);
}

/** Adds `length` bytes for guest physical `address`, all of it RAM. False: it is not, or all together is too much. */
bool door_memory(struct door *door, uint64_t address, const void *bytes, size_t length);

/** Adds what who serves calls wants to be told when the answer arrives, in a replay too: how its state changes by it.
 *  Up to 2 KiB. */
void door_note(struct door *door, const void *bytes, size_t length);

/** Sends the answer: `count` registers from x0 on. */
void door_answer(struct door *door, const uint64_t *registers, unsigned count);

#endif
