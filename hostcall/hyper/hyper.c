/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hypercalls: arguments are checked and copied by their kinds, libffi makes the call, and what it wrote is the answer.
 */
#include "hostcall/hyper/hyper.h"
#include <ffi.h>
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
#define STRING_MAX     65536u

struct hyper {
    struct door *door;
    struct hyper_config config;
    struct hyper_list list;
};

/* A call of a function under way. */
struct pass {
    const struct hyper_function *function;
    const struct ram *ram;
    uint64_t given[HYPER_ARGUMENTS_MAX];  /* by the guest */
    uint64_t values[HYPER_ARGUMENTS_MAX]; /* for the host */
    uint64_t lengths[HYPER_ARGUMENTS_MAX];
    void *copies[HYPER_ARGUMENTS_MAX];
};

/* --- arguments --------------------------------------------------------------------------------------- */

static int copy_string(struct pass *pass, unsigned i)
{
    for (uint64_t length = 0; length < STRING_MAX; length++) {
        const uint8_t *at = ram_at(pass->ram, pass->given[i] + length, 1);
        if (!at)
            return ARMATURE_BAD_POINTER;
        if (*at)
            continue;
        pass->lengths[i] = length + 1;
        pass->copies[i] = host_alloc(length + 1, 1);
        memcpy(pass->copies[i], ram_at(pass->ram, pass->given[i], length + 1), length + 1);
        return 0;
    }
    return ARMATURE_BAD_POINTER;
}

/* How many bytes an argument points to. */
static int length_of(const struct pass *pass, unsigned i, uint64_t *length)
{
    const struct hyper_argument *argument = &pass->function->arguments[i];
    *length = argument->number;
    if (argument->length == HYPER_OF_ARGUMENT) {
        *length = pass->given[argument->number];
        if (pass->function->arguments[argument->number].kind <= HYPER_U32)
            *length = (uint32_t)*length; /* as the function will see it; what is negative is too much */
    } else if (argument->length == HYPER_POINTED_TO) {
        const uint8_t *at = ram_at(pass->ram, pass->given[argument->number], sizeof *length);
        if (!at)
            return ARMATURE_BAD_POINTER;
        memcpy(length, at, sizeof *length);
    }
    return *length > (argument->kind == HYPER_IN ? IN_MAX_BYTES : DOOR_MEMORY_MAX) ? ARMATURE_TOO_BIG : 0;
}

/* The host gets a copy, so that nothing changes while it looks, and nothing is written but by the answer. */
static int copy_memory(struct pass *pass, unsigned i)
{
    uint64_t length;
    int result = length_of(pass, i, &length);
    if (result)
        return result;
    const uint8_t *from = ram_at(pass->ram, pass->given[i], length);
    if (!from)
        return ARMATURE_BAD_POINTER;
    pass->lengths[i] = length;
    pass->copies[i] = host_alloc(length + 1, 1);
    /* What is not written over must be there too. */
    memcpy(pass->copies[i], from, length);
    return 0;
}

/* The length that a copy was made for is the length that the function sees, though the guest's other CPUs may write. */
static int settle_lengths(const struct pass *pass)
{
    const struct hyper_function *function = pass->function;
    for (unsigned i = 0; i < function->count; i++) {
        const struct hyper_argument *argument = &function->arguments[i];
        uint64_t length;
        if (argument->kind < HYPER_IN || argument->length != HYPER_POINTED_TO)
            continue;
        memcpy(&length, pass->copies[argument->number], sizeof length);
        if (length > pass->lengths[i])
            return ARMATURE_BAD_POINTER;
    }
    return 0;
}

static int take_arguments(struct pass *pass)
{
    const struct hyper_function *function = pass->function;
    uint64_t out = 0;
    for (unsigned i = 0; i < function->count; i++) {
        enum hyper_kind kind = function->arguments[i].kind;
        int result = kind == HYPER_STRING ? copy_string(pass, i) : kind >= HYPER_IN ? copy_memory(pass, i) : 0;
        if (result)
            return result;
        pass->values[i] = pass->copies[i] ? (uint64_t)(uintptr_t)pass->copies[i] : pass->given[i];
        if (kind == HYPER_OUT || kind == HYPER_INOUT)
            out += pass->lengths[i];
    }
    return out > DOOR_MEMORY_MAX ? ARMATURE_TOO_BIG : settle_lengths(pass);
}

static int give_memory(struct door *door, const struct pass *pass)
{
    for (unsigned i = 0; i < pass->function->count; i++) {
        enum hyper_kind kind = pass->function->arguments[i].kind;
        if ((kind == HYPER_OUT || kind == HYPER_INOUT) &&
            !door_memory(door, pass->given[i], pass->copies[i], pass->lengths[i]))
            return ARMATURE_BAD_POINTER;
    }
    return 0;
}

/* --- the call ---------------------------------------------------------------------------------------- */

static ffi_type *type_of(enum hyper_kind kind)
{
    switch (kind) {
    case HYPER_VOID: return &ffi_type_void;
    case HYPER_I32: return &ffi_type_sint32;
    case HYPER_U32: return &ffi_type_uint32;
    case HYPER_I64: return &ffi_type_sint64;
    case HYPER_U64: return &ffi_type_uint64;
    default: return &ffi_type_pointer;
    }
}

static uint64_t invoke(struct pass *pass)
{
    const struct hyper_function *function = pass->function;
    ffi_type *types[HYPER_ARGUMENTS_MAX];
    void *values[HYPER_ARGUMENTS_MAX];
    ffi_cif form;
    ffi_arg result = 0;
    for (unsigned i = 0; i < function->count; i++) {
        types[i] = type_of(function->arguments[i].kind);
        values[i] = &pass->values[i]; /* little-endian: the lower half is where a narrower number lies */
    }
    if (ffi_prep_cif(&form, FFI_DEFAULT_ABI, function->count, type_of(function->result), types) != FFI_OK)
        abort(); /* a form that every ABI has */
    ffi_call(&form, function->address, &result, values);
    switch (function->result) {
    case HYPER_VOID: return 0;
    case HYPER_I32: return (uint64_t)(int64_t)(int32_t)result;
    case HYPER_U32: return (uint32_t)result;
    case HYPER_POINTER: return result != 0; /* an address of the host's is no business of the guest's */
    default: return result;
    }
}

static int64_t call_function(struct hyper *hyper, struct cpu *cpu, uint64_t *result)
{
    const struct ram *ram = &cpu->bus->ram;
    uint64_t number = cpu->x[1], count = cpu->x[3];
    struct pass pass = {.ram = ram};
    if (number >= hyper->list.count)
        return ARMATURE_NO_FUNCTION;
    pass.function = &hyper->list.functions[number];
    if (count != pass.function->count)
        return ARMATURE_BAD_COUNT;
    const uint8_t *arguments = ram_at(ram, cpu->x[2], 8 * count);
    if (!arguments && count)
        return ARMATURE_BAD_POINTER;
    if (count)
        memcpy(pass.given, arguments, 8 * count);
    int64_t status = take_arguments(&pass);
    if (!status) {
        *result = invoke(&pass);
        status = give_memory(hyper->door, &pass);
    }
    for (unsigned i = 0; i < HYPER_ARGUMENTS_MAX; i++)
        free(pass.copies[i]);
    return status;
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
    bool good = text && hyper_list_parse(&hyper->list, config->path, text, true, error);
    free(text);
    file_free(&file);
    if (good)
        return hyper;
    free(hyper);
    return NULL;
}
