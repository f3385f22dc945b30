/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines of --strace. */
#include <unistd.h>
#include "hostcall/call.h"

void call_print(const struct call_context *context, uint64_t number, const uint64_t *args, int64_t result)
{
    struct call_text line = {.read = context->memory.read, .context = context->memory.context};
    call_text_add(&line, "%d ", (int)gettid());
    if (context->call)
        call_text_add(&line, "%s(", context->call->name);
    else
        call_text_add(&line, "call_%llu(", (unsigned long long)number);
    for (unsigned i = 0; i < CALL_MAX_ARGS && context->call && context->call->args[i].kind != ARG_NONE; i++) {
        call_text_add(&line, i ? ", " : "");
        call_text_arg(&line, context->call->args, args, i, true, result);
    }
    call_text_add(&line, ")");
    call_text_result(&line, result);
    fprintf(context->trace, "%s\n", line.text);
    fflush(context->trace);
}
