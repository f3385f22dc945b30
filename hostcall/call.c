/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls by their rows: what a policy says, the call, and its result. */
#include "hostcall/call.h"
#include <errno.h>
#include <ffi.h>
#include <stdlib.h>
#include <string.h>
#include "hostcall/call_args.h"

#define NAMED_MAX 1024u

/* --- the call of a kernel ----------------------------------------------------------------------------- */

/* Eight words in, one out: every call of the kernel has this form. */
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

static int64_t invoke_kernel(struct call_context *context, uint64_t *args)
{
    int64_t number = context->call->host, result;
    void *values[8] = {&context->owner, &number, &args[0], &args[1], &args[2], &args[3], &args[4], &args[5]};
    ffi_call(plain_form(), FFI_FN(context->set->invoke), &result, values);
    return result;
}

/* --- the call of a function --------------------------------------------------------------------------- */

static ffi_type *type_of(enum call_kind kind)
{
    switch (kind) {
    case ARG_VALUE: return &ffi_type_sint64;
    case ARG_BITS: return &ffi_type_uint64;
    case ARG_I32: return &ffi_type_sint32;
    case ARG_U32: return &ffi_type_uint32;
    default: return &ffi_type_pointer;
    }
}

static ffi_type *result_type(enum call_result result)
{
    switch (result) {
    case RESULT_VOID: return &ffi_type_void;
    case RESULT_I32: return &ffi_type_sint32;
    case RESULT_U32: return &ffi_type_uint32;
    case RESULT_POINTER: return &ffi_type_pointer;
    default: return &ffi_type_sint64;
    }
}

static int64_t invoke_function(const struct call *call, uint64_t *args)
{
    const unsigned count = call_arg_count(call);
    ffi_type *types[CALL_MAX_ARGS];
    void *values[CALL_MAX_ARGS];
    ffi_cif form;
    ffi_arg result = 0;
    for (unsigned i = 0; i < count; i++) {
        types[i] = type_of(call->args[i].kind);
        values[i] = &args[i]; /* little-endian: the lower half is where a narrower number lies */
    }
    if (ffi_prep_cif(&form, FFI_DEFAULT_ABI, count, result_type(call->result), types) != FFI_OK)
        abort(); /* a form that every ABI has */
    ffi_call(&form, call->function, &result, values);
    switch (call->result) {
    case RESULT_VOID: return 0;
    case RESULT_I32: return (int32_t)result;
    case RESULT_U32: return (uint32_t)result;
    case RESULT_POINTER: return result != 0;
    default: return (int64_t)result;
    }
}

/* --- one call ----------------------------------------------------------------------------------------- */

/* 0 and the result, or -errno: it could not be made. */
static int make(struct call_context *context, const uint64_t *args, int64_t *result)
{
    struct call_prepared prepared;
    int error = call_prepare(context, args, &prepared);
    if (!error) {
        *result = context->call->function ? invoke_function(context->call, prepared.args)
                                          : invoke_kernel(context, prepared.args);
        if (context->call->function || *result >= 0)
            error = call_give(context, args, &prepared);
    }
    call_unprepare(&prepared);
    return error;
}

int64_t call_plain(struct call_context *context, const uint64_t *args)
{
    int64_t result;
    const int error = make(context, args, &result);
    return error ? error : result;
}

/* --- policy ------------------------------------------------------------------------------------------- */

/* The text that a rule looks at is the one that the call will see, whatever the guest writes there meanwhile. */
static const char *fetch_text(void *owner, unsigned index)
{
    struct call_context *context = owner;
    const struct call_arg *arg = &context->call->args[index];
    if ((arg->kind != ARG_STRING && arg->kind != ARG_PATH) || !context->judged[index])
        return NULL;
    if (!context->texts[index]) {
        char *text = malloc(POLICY_TEXT_MAX);
        if (!text || call_string(context, context->judged[index], text, POLICY_TEXT_MAX)) {
            free(text);
            return NULL;
        }
        context->texts[index] = text;
        context->own_texts |= 1u << index;
    }
    return context->texts[index];
}

/* Judges the call; `changed`: its arguments as they are to be. */
static struct policy_verdict judge(struct call_context *context, const uint64_t *args, uint64_t *changed)
{
    struct policy_subject subject = {.table = context->set->table,
                                     .name = context->call->name,
                                     .count = call_arg_count(context->call),
                                     .fetch = fetch_text,
                                     .context = context};
    context->judged = args;
    for (unsigned i = 0; i < subject.count; i++)
        subject.numbers[i] = call_number(context->call->args[i].kind, args[i]);
    const struct policy_verdict verdict = policy_judge(context->policy, &subject);
    for (unsigned i = 0; i < CALL_MAX_ARGS; i++) {
        const bool rewritten = i < subject.count && subject.rewritten & 1u << i;
        if (rewritten && subject.texts[i] != context->texts[i]) {
            if (context->own_texts & 1u << i)
                free((char *)context->texts[i]);
            context->own_texts &= ~(1u << i);
            context->texts[i] = subject.texts[i];
        }
        changed[i] = context->texts[i] ? (uint64_t)context->texts[i] : rewritten ? subject.numbers[i] : args[i];
    }
    return verdict;
}

void call_forget_texts(struct call_context *context)
{
    for (unsigned i = 0; i < CALL_MAX_ARGS; i++) {
        if (context->own_texts & 1u << i)
            free((char *)context->texts[i]);
        context->texts[i] = NULL;
    }
    context->own_texts = 0;
}

int call_perform(struct call_context *context, uint64_t number, const uint64_t *args, int64_t *result)
{
    const struct call *call = context->call;
    uint64_t changed[CALL_MAX_ARGS];
    struct policy_verdict verdict = {POLICY_GO, 0, 0};
    int error = 0;
    *result = 0;
    if (context->policy) {
        verdict = judge(context, args, changed);
        args = changed;
    }
    if (verdict.kind == POLICY_DENY)
        error = -verdict.error;
    else if (verdict.kind == POLICY_RETURN)
        *result = (int64_t)verdict.value;
    else if (call->handler)
        *result = call->handler(context, args);
    else if (call->host >= 0 || call->function)
        error = make(context, args, result);
    else
        error = -ENOSYS;
    if (context->trace)
        call_print(context, number, args, error ? error : *result);
    if (context->policy)
        call_forget_texts(context);
    return error;
}

/* --- by number ---------------------------------------------------------------------------------------- */

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
    int64_t result;
    context->final = false;
    context->call = number < set->count && set->calls[number].name ? &set->calls[number] : NULL;
    if (context->call) {
        const int error = call_perform(context, number, args, &result);
        return error ? error : result;
    }
    name_unknown(number, who);
    if (context->trace)
        call_print(context, number, args, -ENOSYS);
    return -ENOSYS;
}
