/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls by their rows: arguments to the host's form, the call, results back. */
#include "hostcall/call.h"
#include <errno.h>
#include <fcntl.h>
#include <ffi.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MAX 1024u

/* What a call needs while it is made: arguments in the host's form. */
struct prepared {
    uint64_t args[CALL_MAX_ARGS];
    char paths[2][CALL_PATH_BYTES];
    uint8_t structures[2][CALL_MAX_HOST_BYTES];
    unsigned path_count, structure_count;
};

uint64_t call_bits_to_host(const struct call_bits *rows, uint64_t guest)
{
    uint64_t known = 0, host = 0;
    for (; rows->guest; rows++) {
        known |= rows->guest;
        host |= guest & rows->guest ? rows->host : 0;
    }
    return (guest & ~known) | host;
}

uint64_t call_bits_to_guest(const struct call_bits *rows, uint64_t host)
{
    uint64_t known = 0, guest = 0;
    for (; rows->guest; rows++) {
        known |= rows->host;
        guest |= host & rows->host ? rows->guest : 0;
    }
    return (host & ~known) | guest;
}

int call_string(const struct call_context *context, uint64_t address, char *to, size_t bytes)
{
    const struct call_memory *memory = &context->memory;
    for (size_t done = 0; done < bytes;) {
        size_t part = 256 - (address + done) % 256; /* never into a page that the string does not reach */
        if (part > bytes - done)
            part = bytes - done;
        if (!memory->read(memory->context, to + done, address + done, part))
            return -EFAULT;
        if (memchr(to + done, 0, part))
            return 0;
        done += part;
    }
    return -ENAMETOOLONG;
}

/* --- arguments -------------------------------------------------------------------------------------- */

static unsigned arg_count(const struct call *call)
{
    unsigned count = 0;
    while (count < CALL_MAX_ARGS && call->args[count].kind != ARG_NONE)
        count++;
    return count;
}

static bool follows(const struct call *call, const uint64_t *args)
{
    if (call->flags & CALL_NO_FOLLOW)
        return false;
    return !(call->flags & CALL_FLAGS_FOLLOW && args[arg_count(call) - 1] & AT_SYMLINK_NOFOLLOW);
}

static int64_t prepare_path(struct call_context *context, const struct call_arg *arg, uint64_t address,
                            const uint64_t *args, struct prepared *prepared, uint64_t *value)
{
    char guest[CALL_PATH_BYTES];
    if (!address) /* some calls have a meaning for it, the others' answer is the host's */
        return 0;
    int error = call_string(context, address, guest, sizeof guest);
    if (error)
        return error;
    char *host = prepared->paths[prepared->path_count++];
    const int directory = arg->of ? (int)args[arg->of - 1] : AT_FDCWD;
    error = context->set->path(context->owner, directory, guest, host, follows(context->call, args));
    *value = (uint64_t)host;
    return error;
}

static int64_t prepare_pointer(const struct call_context *context, const struct call_arg *arg, const uint64_t *args,
                               uint64_t *value)
{
    if (!*value)
        return 0;
    uint64_t bytes = arg->bytes;
    if (arg->of && __builtin_mul_overflow(bytes, args[arg->of - 1], &bytes))
        return -EFAULT;
    void *at = context->memory.at(context->memory.context, *value, bytes);
    *value = (uint64_t)at;
    return at ? 0 : -EFAULT;
}

static int64_t prepare(struct call_context *context, const uint64_t *args, struct prepared *prepared)
{
    int64_t error = 0;
    prepared->path_count = prepared->structure_count = 0;
    for (unsigned i = 0; i < CALL_MAX_ARGS && !error; i++) {
        const struct call_arg *arg = &context->call->args[i];
        uint64_t *value = &prepared->args[i];
        *value = args[i];
        switch (arg->kind) {
        case ARG_STRING: /* its end is the host's to find: the guest's addresses end below what is not the guest's */
            error = *value && !context->memory.at(context->memory.context, *value, 1) ? -EFAULT : 0;
            break;
        case ARG_PATH: error = prepare_path(context, arg, args[i], args, prepared, value); break;
        case ARG_IN:
        case ARG_OUT:
        case ARG_IN_OUT: error = prepare_pointer(context, arg, args, value); break;
        case ARG_LAYOUT_IN:
        case ARG_LAYOUT_OUT: {
            const struct call_layout *layout = &context->set->layouts[arg->of];
            uint8_t *host = prepared->structures[prepared->structure_count++], guest[CALL_MAX_HOST_BYTES];
            if (!args[i])
                break;
            *value = (uint64_t)host;
            if (arg->kind == ARG_LAYOUT_OUT)
                error = context->memory.at(context->memory.context, args[i], layout->guest_bytes) ? 0 : -EFAULT;
            else if (context->memory.read(context->memory.context, guest, args[i], layout->guest_bytes))
                layout->to_host(host, guest);
            else
                error = -EFAULT;
            break;
        }
        case ARG_CONSTANTS: *value = call_bits_to_host(context->set->constants[arg->of], args[i]); break;
        default: break;
        }
    }
    return error;
}

static int64_t give_structures(const struct call_context *context, const uint64_t *args,
                               const struct prepared *prepared)
{
    for (unsigned i = 0; i < CALL_MAX_ARGS; i++) {
        const struct call_arg *arg = &context->call->args[i];
        if (arg->kind != ARG_LAYOUT_OUT || !args[i])
            continue;
        const struct call_layout *layout = &context->set->layouts[arg->of];
        uint8_t guest[CALL_MAX_HOST_BYTES];
        layout->to_guest(guest, (const void *)prepared->args[i]);
        if (!context->memory.write(context->memory.context, args[i], guest, layout->guest_bytes))
            return -EFAULT;
    }
    return 0;
}

/* --- the call --------------------------------------------------------------------------------------- */

/* Eight words in, one out: every plain call has this form. */
static ffi_cif *plain_form(void)
{
    static ffi_type *types[8] = {&ffi_type_pointer, &ffi_type_sint64, &ffi_type_uint64, &ffi_type_uint64,
                                 &ffi_type_uint64,  &ffi_type_uint64, &ffi_type_uint64, &ffi_type_uint64};
    static ffi_cif form;
    static bool ready;
    if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) {
        if (ffi_prep_cif(&form, FFI_DEFAULT_ABI, 8, &ffi_type_sint64, types) != FFI_OK)
            abort(); /* a form that every ABI has */
        __atomic_store_n(&ready, true, __ATOMIC_RELEASE);
    }
    return &form;
}

static int64_t invoke(struct call_context *context, uint64_t *args)
{
    int64_t number = context->call->host, result;
    void *values[8] = {&context->owner, &number, &args[0], &args[1], &args[2], &args[3], &args[4], &args[5]};
    ffi_call(plain_form(), FFI_FN(context->set->invoke), &result, values);
    return result;
}

int64_t call_plain(struct call_context *context, const uint64_t *args)
{
    struct prepared prepared;
    int64_t result = prepare(context, args, &prepared);
    if (result)
        return result;
    result = invoke(context, prepared.args);
    if (result >= 0 || result == -EFAULT) {
        int64_t error = result >= 0 ? give_structures(context, args, &prepared) : 0;
        return error ? error : result;
    }
    return result;
}

static void name_unknown(uint64_t number, const char *who)
{
    static uint8_t named[NAMED_MAX / 8];
    const uint64_t slot = number < NAMED_MAX ? number : NAMED_MAX - 1;
    const uint8_t bit = (uint8_t)(1u << slot % 8);
    if (!(__atomic_fetch_or(&named[slot / 8], bit, __ATOMIC_RELAXED) & bit))
        fprintf(stderr, "armature: %s makes call %llu, which is not known here\n", who, (unsigned long long)number);
}

int64_t call_do(struct call_context *context, uint64_t number, const uint64_t *args, const char *who)
{
    const struct call_set *set = context->set;
    context->call = number < set->count && set->calls[number].name ? &set->calls[number] : NULL;
    int64_t result = -ENOSYS;
    if (!context->call)
        name_unknown(number, who);
    else if (context->call->handler)
        result = context->call->handler(context, args);
    else if (context->call->host >= 0)
        result = call_plain(context, args);
    if (context->trace)
        call_print(context, number, args, result);
    return result;
}
