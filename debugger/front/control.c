/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control socket: each line is a command, or a JSON object {"command": TEXT, "id": ANYTHING}; each gets one line of
 * JSON back: {"ok": true, "output": TEXT, "state": {...}} or {"ok": false, "error": TEXT, ...}, with the id if there
 * was one. A command that runs the guest is answered when the guest stands still again. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/front/channel.h"
#include "debugger/command/command.h"

static const char *const reasons[] = {
    [STOP_START] = "start",           [STOP_ASKED] = "asked", [STOP_STEP] = "step",   [STOP_BREAKPOINT] = "breakpoint",
    [STOP_WATCHPOINT] = "watchpoint", [STOP_CATCH] = "catch", [STOP_ENDED] = "ended", [STOP_BEGINNING] = "beginning",
};

static json_t *hexadecimal(uint64_t number)
{
    return json_sprintf("0x%llx", (unsigned long long)number);
}

static json_t *state_of(struct session *session)
{
    char place[256];
    const struct cpu *cpu = session_cpu(session);
    session_symbolize(session, cpu->pc, place, sizeof place);
    json_t *state = json_object();
    json_object_set_new(state, "running", json_boolean(session->running));
    json_object_set_new(state, "reason", json_string(reasons[session->stop.reason]));
    json_object_set_new(state, "number", json_integer(session->stop.number));
    json_object_set_new(state, "text", json_stringn_nocheck(session->stop.text, strlen(session->stop.text)));
    json_object_set_new(state, "cpu", json_integer(session->cpu));
    json_object_set_new(state, "pc", hexadecimal(cpu->pc));
    json_object_set_new(state, "symbol", json_string(place));
    json_object_set_new(state, "instructions", json_integer((json_int_t)run_loop_insns(&session->machine->loop)));
    json_object_set_new(state, "time_ns", json_integer((json_int_t)clock_now_ns(&session->machine->clock)));
    return state;
}

/* Text of the guest's may be no UTF-8, which JSON has to be. */
static json_t *json_text(char *bytes, size_t length)
{
    json_t *text = json_stringn(bytes, length);
    if (text)
        return text;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)bytes[i] >= 0x80)
            bytes[i] = '?';
    text = json_stringn(bytes, length);
    return text ? text : json_string("");
}

static void reply(struct channel *channel, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    if (text) {
        channel_send(channel, text, strlen(text));
        channel_send(channel, "\n", 1);
    }
    free(text);
    json_decref(object);
}

static void run(struct channel *channel, const char *line, json_t *id)
{
    struct session *session = channel_session(channel);
    struct error error = {""};
    char *bytes = NULL;
    size_t length = 0;
    bool good = false;
    const struct command *command = NULL;
    if (session->running) { /* the guest was halted for us, and goes on: what would run it again has to wait */
        size_t name = strcspn(line + strspn(line, " "), " /");
        command = command_find(line + strspn(line, " "), name, NULL);
    }
    if (command && command->runs)
        error_set(&error, "the guest runs; stop it first");
    else
        good = command_capture(session, line, true, &bytes, &length, &error);
    json_t *object = json_object();
    json_object_set_new(object, "ok", json_boolean(good));
    if (id)
        json_object_set(object, "id", id);
    json_object_set_new(object, "output", json_text(bytes ? bytes : (char[]){""}, length));
    if (!good)
        json_object_set_new(object, "error", json_text(error.text, strlen(error.text)));
    json_object_set_new(object, "state", state_of(session));
    free(bytes);
    reply(channel, object);
}

static void run_line(struct channel *channel, const char *line, size_t length)
{
    json_error_t wrong;
    while (length && (line[length - 1] == '\r' || line[length - 1] == ' '))
        length--;
    if (!length)
        return;
    if (*line != '{') {
        char *copy = strndup(line, length);
        if (copy)
            run(channel, copy, NULL);
        free(copy);
        return;
    }
    json_t *request = json_loadb(line, length, 0, &wrong);
    const char *text = request ? json_string_value(json_object_get(request, "command")) : NULL;
    if (text) {
        run(channel, text, json_object_get(request, "id"));
    } else {
        json_t *object = json_object();
        json_object_set_new(object, "ok", json_false());
        json_object_set_new(object, "error",
                            json_string(request ? "the object has no \"command\"" : "that is no JSON"));
        reply(channel, object);
    }
    json_decref(request);
}

static bool received(struct channel *channel, const uint8_t *bytes, size_t length)
{
    const uint8_t *end = memchr(bytes, '\n', length);
    if (!end)
        return false;
    size_t taken = (size_t)(end - bytes) + 1;
    char *line = strndup((const char *)bytes, taken - 1);
    channel_take(channel, taken);
    if (line)
        run_line(channel, line, strlen(line));
    free(line);
    return true;
}

static bool interrupts(struct channel *channel, const uint8_t *bytes, size_t length)
{
    return memchr(bytes, '\n', length) != NULL;
}

const struct channel_ops control_channel = {.received = received, .interrupts = interrupts};
