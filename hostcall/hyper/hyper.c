/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hypercalls: a row of the list says what becomes of the arguments (hostcall/call.h), and what the function wrote is
 * the answer. */
#include "hostcall/hyper/hyper.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "guest/hypercall/armature_hypercall.h"
#include "hostcall/hyper/list.h"
#include "machine/file.h"

#define REVISION_MAJOR 1
#define REVISION_MINOR 0
#define CALL_COUNT     7 /* with the three of discovery */
#define IN_MAX_BYTES   (16u << 20)

struct hyper {
    struct door *door;
    struct hyper_config config;
    struct hyper_list list;
};

/* --- memory ------------------------------------------------------------------------------------------ */

static bool memory_read(void *context, void *to, uint64_t address, uint64_t bytes)
{
    const struct hyper *hyper = context;
    const uint8_t *from = ram_at(&hyper->door->bus->ram, address, bytes);
    if (from && bytes)
        memcpy(to, from, bytes);
    return from;
}

/* What the answer brings. */
static bool memory_write(void *context, uint64_t address, const void *from, uint64_t bytes)
{
    struct hyper *hyper = context;
    return door_memory(hyper->door, address, from, bytes);
}

static const struct call_set hyper_calls = {
    .table = POLICY_HYPER,
    .copies = true,
    .in_max = IN_MAX_BYTES,
    .out_max = DOOR_MEMORY_MAX,
};

/* --- the call ---------------------------------------------------------------------------------------- */

static int64_t status_of(int error)
{
    switch (error) {
    case 0: return 0;
    case -EFAULT: return ARMATURE_BAD_POINTER;
    case -E2BIG:
    case -ENOMEM: return ARMATURE_TOO_BIG;
    default: return ARMATURE_DENIED;
    }
}

static int64_t call_function(struct hyper *hyper, struct cpu *cpu, uint64_t *result)
{
    const uint64_t number = cpu->x[1], count = cpu->x[3];
    uint64_t args[CALL_MAX_ARGS] = {0};
    int64_t value;
    if (number >= hyper->list.count)
        return ARMATURE_NO_FUNCTION;
    struct call_context context = {
        .set = &hyper_calls,
        .call = &hyper->list.functions[number],
        .memory = {NULL, memory_read, memory_write, hyper},
        .owner = hyper,
        .policy = hyper->config.policy,
    };
    if (count != call_arg_count(context.call))
        return ARMATURE_BAD_COUNT;
    if (count && !memory_read(hyper, args, cpu->x[2], 8 * count))
        return ARMATURE_BAD_POINTER;
    const int error = call_perform(&context, number, args, &value);
    *result = error ? 0 : (uint64_t)value;
    return status_of(error);
}

static int64_t find_function(const struct hyper *hyper, const struct cpu *cpu)
{
    char name[HYPER_NAME_MAX];
    uint64_t length = cpu->x[2];
    const uint8_t *from = length < sizeof name ? ram_at(&cpu->bus->ram, cpu->x[1], length) : NULL;
    if (!from)
        return length < sizeof name ? ARMATURE_BAD_POINTER : ARMATURE_NO_FUNCTION;
    memcpy(name, from, length);
    name[length] = 0;
    int number = hyper_list_find(&hyper->list, name);
    return number < 0 ? ARMATURE_NO_FUNCTION : number;
}

static uint64_t steady_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* --- entry points ------------------------------------------------------------------------------------ */

/* What the guest alone determines is done at once, in a replay too. False: it is for the host to answer. */
static bool serve_at_once(struct hyper *hyper, struct cpu *cpu)
{
    const uint8_t *bytes;
    switch ((uint32_t)cpu->x[0]) {
    case ARMATURE_CALL_COUNT: cpu->x[0] = CALL_COUNT; return true;
    case ARMATURE_CALL_UID:
        cpu->x[0] = ARMATURE_UID_0;
        cpu->x[1] = ARMATURE_UID_1;
        cpu->x[2] = ARMATURE_UID_2;
        cpu->x[3] = ARMATURE_UID_3;
        return true;
    case ARMATURE_REVISION:
        cpu->x[0] = REVISION_MAJOR;
        cpu->x[1] = REVISION_MINOR;
        return true;
    case ARMATURE_CONSOLE:
        bytes = ram_at(&cpu->bus->ram, cpu->x[1], cpu->x[2]);
        if (bytes && cpu->x[2])
            hyper->config.transmit(hyper->config.transmit_context, bytes, cpu->x[2]);
        cpu->x[0] = bytes ? 0 : (uint64_t)ARMATURE_BAD_POINTER;
        return true;
    case ARMATURE_FIND:
    case ARMATURE_CALL:
    case ARMATURE_CLOCK: return false;
    default: cpu->x[0] = (uint64_t)ARMATURE_NOT_SUPPORTED; return true;
    }
}

void hyper_call(void *context, struct cpu *cpu)
{
    struct hyper *hyper = context;
    uint64_t answer[2] = {0, 0};
    if (serve_at_once(hyper, cpu))
        return;
    door_begin(hyper->door, cpu);
    if (!door_serves(hyper->door))
        return;
    uint32_t call = (uint32_t)cpu->x[0];
    if (call == ARMATURE_CLOCK)
        answer[1] = steady_ns();
    else if (call == ARMATURE_FIND)
        answer[0] = (uint64_t)find_function(hyper, cpu);
    else
        answer[0] = (uint64_t)call_function(hyper, cpu, &answer[1]);
    door_answer(hyper->door, answer, call == ARMATURE_FIND ? 1 : 2);
}

static void hyper_free(void *hyper)
{
    free(hyper);
}

static const char *policy_row_of(const void *context, unsigned index, unsigned *arguments)
{
    const struct hyper_list *list = &((const struct hyper *)context)->list;
    if (index >= list->count)
        return NULL;
    *arguments = call_arg_count(&list->functions[index]);
    return list->functions[index].name;
}

const struct device_class hyper_class = {.name = "hypercalls", .free = hyper_free};

struct hyper *hyper_create(struct door *door, const struct hyper_config *config, struct error *error)
{
    struct hyper *hyper = host_alloc(1, sizeof *hyper);
    struct file file;
    *hyper = (struct hyper){.door = door, .config = *config};
    if (!door_serves(door) || !*config->path)
        return hyper; /* answers come from a log, or nobody said what may be called */
    if (!file_read(&file, "host calls", config->path, 1u << 20, "a list is shorter", error)) {
        free(hyper);
        return NULL;
    }
    char *text = strndup((const char *)file.bytes, file.length);
    bool good = text && hyper_list_parse(&hyper->list, config->path, text, true, error) &&
                policy_check(config->policy, POLICY_HYPER, policy_row_of, hyper, error);
    free(text);
    file_free(&file);
    if (good)
        return hyper;
    free(hyper);
    return NULL;
}
