/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arguments of a call, by its row, in the host's form, and what the host wrote back to the guest. */
#include "hostcall/call_args.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

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
    for (unsigned i = 0; i < CALL_MAX_ARGS; i++)
        if (context->texts[i] && address == (uint64_t)context->texts[i])
            return snprintf(to, bytes, "%s", context->texts[i]) < (int)bytes ? 0 : -ENAMETOOLONG;
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

/* --- what rows say ------------------------------------------------------------------------------------ */

unsigned call_arg_count(const struct call *call)
{
    unsigned count = 0;
    while (count < CALL_MAX_ARGS && call->args[count].kind != ARG_NONE)
        count++;
    return count;
}

uint64_t call_number(enum call_kind kind, uint64_t value)
{
    switch (kind) {
    case ARG_FD:
    case ARG_SIGNAL:
    case ARG_I32: return (uint64_t)(int32_t)value;
    case ARG_U32: return (uint32_t)value;
    default: return value;
    }
}

static bool is_memory(const struct call_arg *arg)
{
    return arg->kind == ARG_IN || arg->kind == ARG_OUT || arg->kind == ARG_IN_OUT;
}

/* Bytes of an argument whose length is no number in memory. */
static bool plain_bytes(const struct call *call, const struct call_arg *arg, const uint64_t *args, uint64_t *bytes)
{
    *bytes = arg->bytes;
    if (!arg->of)
        return true;
    const enum call_kind kind = call->args[arg->of - 1].kind;
    uint64_t count = call_number(kind, args[arg->of - 1]);
    if (kind == ARG_I32)
        count = (uint32_t)count; /* what is negative is too much */
    return !__builtin_mul_overflow(*bytes, count, bytes);
}

bool call_arg_bytes(const struct call_context *context, unsigned index, const uint64_t *args, uint64_t *bytes)
{
    const struct call_arg *arg = &context->call->args[index];
    uint64_t count = 0;
    if (!arg->pointed)
        return plain_bytes(context->call, arg, args, bytes);
    return context->memory.read(context->memory.context, &count, args[arg->of - 1],
                                context->call->args[arg->of - 1].bytes) &&
           !__builtin_mul_overflow((uint64_t)arg->bytes, count, bytes);
}

static bool follows(const struct call *call, const uint64_t *args)
{
    if (call->flags & CALL_NO_FOLLOW)
        return false;
    return !(call->flags & CALL_FLAGS_FOLLOW && args[call_arg_count(call) - 1] & AT_SYMLINK_NOFOLLOW);
}

/* --- what becomes another for the host ---------------------------------------------------------------- */

static int prepare_path(struct call_context *context, const struct call_arg *arg, const uint64_t *args,
                        struct call_prepared *prepared, uint64_t *value)
{
    char guest[CALL_PATH_BYTES];
    if (!*value) /* some calls have a meaning for it, the others' answer is the host's */
        return 0;
    int error = call_string(context, *value, guest, sizeof guest);
    if (error)
        return error;
    char *host = prepared->paths[prepared->path_count++];
    const int directory = arg->of ? (int)args[arg->of - 1] : AT_FDCWD;
    error = context->set->path(context->owner, directory, guest, host, follows(context->call, args));
    *value = (uint64_t)host;
    return error;
}

static int prepare_layout(struct call_context *context, const struct call_arg *arg, struct call_prepared *prepared,
                          uint64_t *value)
{
    const struct call_layout *layout = &context->set->layouts[arg->of];
    uint8_t *host = prepared->structures[prepared->structure_count++], guest[CALL_MAX_HOST_BYTES];
    const uint64_t address = *value;
    if (!address)
        return 0;
    *value = (uint64_t)host;
    if (arg->kind == ARG_LAYOUT_OUT)
        return context->memory.at(context->memory.context, address, layout->guest_bytes) ? 0 : -EFAULT;
    if (!context->memory.read(context->memory.context, guest, address, layout->guest_bytes))
        return -EFAULT;
    layout->to_host(host, guest);
    return 0;
}

/* --- memory: the guest's own -------------------------------------------------------------------------- */

static int direct_memory(const struct call_context *context, unsigned index, const uint64_t *args, uint64_t *value)
{
    uint64_t bytes;
    if (!*value)
        return 0;
    if (context->call->args[index].pointed) /* the host looks, and what is above the guest's memory is not there */
        bytes = 1;
    else if (!plain_bytes(context->call, &context->call->args[index], args, &bytes))
        return -EFAULT;
    *value = (uint64_t)context->memory.at(context->memory.context, *value, bytes);
    return *value ? 0 : -EFAULT;
}

/* Its end is the host's to find: the guest's addresses end below what is not the guest's. */
static int direct_string(const struct call_context *context, unsigned index, uint64_t *value)
{
    if (*value && !context->texts[index] && !context->memory.at(context->memory.context, *value, 1))
        return -EFAULT;
    return 0;
}

/* --- memory: copies, so that nothing changes while the host looks, and all that it writes is known ----- */

static int copy_string(const struct call_context *context, unsigned index, struct call_prepared *prepared)
{
    char *copy = malloc(CALL_STRING_BYTES);
    if (!copy)
        return -ENOMEM;
    const int error = call_string(context, prepared->args[index], copy, CALL_STRING_BYTES);
    prepared->copies[index] = copy;
    prepared->args[index] = (uint64_t)copy;
    return error ? -EFAULT : 0;
}

/* What is not written over must be there too, so all is copied. */
static int copy_memory(const struct call_context *context, unsigned index, uint64_t bytes,
                       struct call_prepared *prepared)
{
    const struct call_set *set = context->set;
    if (bytes > (context->call->args[index].kind == ARG_IN ? set->in_max : set->out_max))
        return -E2BIG;
    if (!(prepared->copies[index] = malloc(bytes + 1)))
        return -ENOMEM;
    prepared->lengths[index] = bytes;
    if (!context->memory.read(context->memory.context, prepared->copies[index], prepared->args[index], bytes))
        return -EFAULT;
    prepared->args[index] = (uint64_t)prepared->copies[index];
    return 0;
}

/* Those first that measure others: the length that a copy is made for is the length that the function sees, though the
 * guest's other CPUs may write. */
static int copy_all(const struct call_context *context, const uint64_t *args, struct call_prepared *prepared)
{
    const struct call_arg *row = context->call->args;
    uint64_t bytes, out = 0;
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < CALL_MAX_ARGS; i++) {
            const struct call_arg *arg = &row[i];
            int error = 0;
            if (arg->kind == ARG_STRING && !pass) {
                error = copy_string(context, i, prepared);
            } else if (is_memory(arg) && arg->pointed == pass) {
                uint64_t count = 0;
                if (!arg->pointed && !plain_bytes(context->call, arg, args, &bytes))
                    return -E2BIG;
                if (arg->pointed) {
                    memcpy(&count, prepared->copies[arg->of - 1], sizeof count);
                    if (__builtin_mul_overflow((uint64_t)arg->bytes, count, &bytes))
                        return -E2BIG;
                }
                error = copy_memory(context, i, bytes, prepared);
            }
            if (error)
                return error;
        }
    for (unsigned i = 0; i < CALL_MAX_ARGS; i++)
        out += row[i].kind == ARG_OUT || row[i].kind == ARG_IN_OUT ? prepared->lengths[i] : 0;
    return out > context->set->out_max ? -E2BIG : 0;
}

/* --- all of them -------------------------------------------------------------------------------------- */

int call_prepare(struct call_context *context, const uint64_t *args, struct call_prepared *prepared)
{
    const bool direct = !context->set->copies;
    int error = 0;
    prepared->path_count = prepared->structure_count = 0;
    memset(prepared->copies, 0, sizeof prepared->copies);
    for (unsigned i = 0; i < CALL_MAX_ARGS && !error; i++) {
        const struct call_arg *arg = &context->call->args[i];
        uint64_t *value = &prepared->args[i];
        *value = args[i];
        switch (arg->kind) {
        case ARG_STRING: error = direct ? direct_string(context, i, value) : 0; break;
        case ARG_PATH: error = prepare_path(context, arg, args, prepared, value); break;
        case ARG_IN:
        case ARG_OUT:
        case ARG_IN_OUT: error = direct ? direct_memory(context, i, args, value) : 0; break;
        case ARG_LAYOUT_IN:
        case ARG_LAYOUT_OUT: error = prepare_layout(context, arg, prepared, value); break;
        case ARG_CONSTANTS: *value = call_bits_to_host(context->set->constants[arg->of], args[i]); break;
        default: break;
        }
    }
    return error || direct ? error : copy_all(context, args, prepared);
}

static bool give_layout(const struct call_context *context, const struct call_arg *arg, uint64_t address,
                        uint64_t host)
{
    const struct call_layout *layout = &context->set->layouts[arg->of];
    uint8_t guest[CALL_MAX_HOST_BYTES];
    layout->to_guest(guest, (const void *)host);
    return context->memory.write(context->memory.context, address, guest, layout->guest_bytes);
}

int call_give(const struct call_context *context, const uint64_t *args, const struct call_prepared *prepared)
{
    for (unsigned i = 0; i < CALL_MAX_ARGS; i++) {
        const struct call_arg *arg = &context->call->args[i];
        bool given = true;
        if (arg->kind == ARG_LAYOUT_OUT && args[i])
            given = give_layout(context, arg, args[i], prepared->args[i]);
        else if ((arg->kind == ARG_OUT || arg->kind == ARG_IN_OUT) && prepared->copies[i])
            given = context->memory.write(context->memory.context, args[i], prepared->copies[i],
                                          prepared->lengths[i]);
        if (!given)
            return -EFAULT;
    }
    return 0;
}

void call_unprepare(struct call_prepared *prepared)
{
    for (unsigned i = 0; i < CALL_MAX_ARGS; i++)
        free(prepared->copies[i]);
}
