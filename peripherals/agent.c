/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's end of a guest's agent: chunks, messages, who has the clipboard. */
#include "peripherals/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- state ----------------------------------------------------------------------------------------- */

static const struct field agent_list[] = {
    FIELD_HOST(struct agent, clipboard),
    FIELD_HOST(struct agent, port),
    FIELD_HOST(struct agent, told_too_long),
    FIELD(struct agent, open),
    FIELD(struct agent, abilities),
    FIELD(struct agent, wanted),
    FIELD(struct agent, offers),
    FIELD(struct agent, host_bytes),
    FIELD(struct agent, guest_bytes),
    FIELD_BYTES(struct agent, host_text),
    FIELD_BYTES(struct agent, guest_text),
    FIELD_BYTES(struct agent, chunk_head),
    FIELD(struct agent, chunk_head_count),
    FIELD(struct agent, chunk_left),
    FIELD(struct agent, message_count),
    FIELD_BYTES(struct agent, message),
    FIELD(struct agent, out_bytes),
    FIELD(struct agent, sent),
    FIELD_BYTES(struct agent, out),
    FIELDS_END,
};
static const struct fields agent_fields = {"agent", sizeof(struct agent), agent_list};

/* --- tables ---------------------------------------------------------------------------------------- */

enum { PROTOCOL = 1, PORT_CLIENT = 1, TEXT_NONE = 0, TEXT_UTF8 = 1, SELECTION_CLIPBOARD = 0, CHUNK_HEAD_BYTES = 8 };

enum type {
    CLIPBOARD = 4,
    ANNOUNCE_CAPABILITIES = 6,
    CLIPBOARD_GRAB,
    CLIPBOARD_REQUEST,
    CLIPBOARD_RELEASE,
};

/* Of an agent's abilities, those that matter here. */
enum { BY_DEMAND = 1 << 5, SELECTION = 1 << 6, GRAB_SERIAL = 1 << 17 };

#define OUR_ABILITIES (BY_DEMAND | SELECTION)

/* Messages to be sent, in this order. The same one is not wanted twice at a time: what it says is what holds then. */
enum wanted {
    WANT_ASK_ABILITIES = 1 << 0,
    WANT_ABILITIES = 1 << 1,
    WANT_RELEASE = 1 << 2,
    WANT_GRAB = 1 << 3,
    WANT_REQUEST = 1 << 4,
    WANT_TEXT = 1 << 5,
    WANT_NO_TEXT = 1 << 6,
    WANTED_ALL = (1 << 7) - 1,
};

/* --- to the guest ---------------------------------------------------------------------------------- */

static void put_word(struct agent *agent, uint32_t word)
{
    memcpy(agent->out + agent->out_bytes, &word, sizeof word);
    agent->out_bytes += (uint32_t)sizeof word;
}

static void begin_message(struct agent *agent, enum type type)
{
    agent->out_bytes = agent->sent = 0;
    put_word(agent, PROTOCOL);
    put_word(agent, type);
    put_word(agent, 0); /* opaque */
    put_word(agent, 0);
    put_word(agent, 0); /* the size, by end_message() */
    if (type != ANNOUNCE_CAPABILITIES && agent->abilities & SELECTION)
        put_word(agent, SELECTION_CLIPBOARD);
}

static void end_message(struct agent *agent)
{
    uint32_t size = agent->out_bytes - AGENT_HEAD_BYTES;
    memcpy(agent->out + 16, &size, sizeof size);
}

static void make_message(struct agent *agent, enum wanted what)
{
    switch (what) {
    case WANT_ASK_ABILITIES:
    case WANT_ABILITIES:
        begin_message(agent, ANNOUNCE_CAPABILITIES);
        put_word(agent, what == WANT_ASK_ABILITIES);
        put_word(agent, OUR_ABILITIES);
        break;
    case WANT_RELEASE: begin_message(agent, CLIPBOARD_RELEASE); break;
    case WANT_GRAB:
        begin_message(agent, CLIPBOARD_GRAB);
        put_word(agent, TEXT_UTF8);
        break;
    case WANT_REQUEST:
        begin_message(agent, CLIPBOARD_REQUEST);
        put_word(agent, TEXT_UTF8);
        break;
    default:
        begin_message(agent, CLIPBOARD);
        bool has = what == WANT_TEXT && agent->offers;
        put_word(agent, has ? TEXT_UTF8 : TEXT_NONE);
        if (has) {
            memcpy(agent->out + agent->out_bytes, agent->host_text, agent->host_bytes);
            agent->out_bytes += agent->host_bytes;
        }
    }
    end_message(agent);
}

/* Sends as much of the message as there is room for. False: not all of it. */
static bool send_message(struct agent *agent)
{
    const uint32_t step = AGENT_CHUNK_BYTES + CHUNK_HEAD_BYTES;
    for (;;) {
        uint32_t begun = agent->sent / step, within = agent->sent % step;
        uint32_t left = agent->out_bytes - begun * AGENT_CHUNK_BYTES;
        uint32_t head[2] = {PORT_CLIENT, left < AGENT_CHUNK_BYTES ? left : AGENT_CHUNK_BYTES};
        if (begun * AGENT_CHUNK_BYTES >= agent->out_bytes || within >= CHUNK_HEAD_BYTES + head[1])
            return true;
        const uint8_t *from = within < CHUNK_HEAD_BYTES
                                  ? (const uint8_t *)head + within
                                  : agent->out + begun * AGENT_CHUNK_BYTES + within - CHUNK_HEAD_BYTES;
        uint32_t length = (within < CHUNK_HEAD_BYTES ? CHUNK_HEAD_BYTES : CHUNK_HEAD_BYTES + head[1]) - within;
        size_t taken = agent->port.send(agent->port.context, from, length);
        agent->sent += (uint32_t)taken;
        if (taken < length)
            return false;
    }
}

void agent_room(void *context)
{
    struct agent *agent = context;
    while (agent->open) {
        if (agent->out_bytes && !send_message(agent))
            return;
        agent->out_bytes = agent->sent = 0;
        if (!agent->wanted)
            return;
        uint32_t next = agent->wanted & -agent->wanted;
        agent->wanted &= ~next;
        make_message(agent, next);
    }
}

static void want(struct agent *agent, uint32_t what)
{
    if (agent->open)
        agent->wanted |= what;
}

/* Tells an agent that can do something with it who has the clipboard now. */
static void tell_offer(struct agent *agent)
{
    if (agent->abilities & BY_DEMAND) {
        agent->wanted &= ~(uint32_t)(WANT_GRAB | WANT_RELEASE);
        want(agent, agent->offers ? WANT_GRAB : WANT_RELEASE);
    }
}

/* --- messages -------------------------------------------------------------------------------------- */

static uint32_t word_at(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static void take_abilities(struct agent *agent, const uint8_t *body, uint32_t bytes)
{
    if (bytes < 8)
        return;
    agent->abilities = word_at(body + 4);
    if (word_at(body))
        want(agent, WANT_ABILITIES);
    if (agent->offers)
        tell_offer(agent);
}

/* The guest has the clipboard now, in forms of which text may be one: which is asked for at once. */
static void take_grab(struct agent *agent, const uint8_t *body, uint32_t bytes)
{
    agent->offers = false;
    agent->wanted &= ~(uint32_t)(WANT_GRAB | WANT_RELEASE);
    for (uint32_t i = 0; i + 4 <= bytes; i += 4)
        if (word_at(body + i) == TEXT_UTF8)
            want(agent, WANT_REQUEST);
}

/* Once, until there is one again that is passed on: what the guest says often is not to fill the user's terminal. */
static void tell_too_long(struct agent *agent)
{
    if (!agent->told_too_long && !inputs_past(agent->clipboard.inputs))
        fprintf(stderr,
                "armature: --clipboard: the guest copied a text of more than %u bytes, which is not passed on\n",
                CLIPBOARD_MAX_BYTES);
    agent->told_too_long = true;
}

static void take_text(struct agent *agent, const uint8_t *body, uint32_t bytes)
{
    if (bytes < 4 || word_at(body) != TEXT_UTF8)
        return;
    if (bytes - 4 > CLIPBOARD_MAX_BYTES) {
        tell_too_long(agent);
        return;
    }
    agent->told_too_long = false;
    agent->guest_bytes = bytes - 4;
    memcpy(agent->guest_text, body + 4, agent->guest_bytes);
    agent->clipboard.guest_bytes = agent->guest_bytes;
    if (agent->clipboard.copied)
        agent->clipboard.copied(agent->clipboard.context);
}

/* A whole message. What is longer than any text that is passed on is not looked at. */
static void take_message(struct agent *agent)
{
    const uint8_t *body = agent->message + AGENT_HEAD_BYTES;
    uint32_t size = word_at(agent->message + 16), type = word_at(agent->message + 4);
    if (word_at(agent->message) != PROTOCOL)
        return;
    if (size > AGENT_MESSAGE_BYTES - AGENT_HEAD_BYTES) {
        if (type == CLIPBOARD)
            tell_too_long(agent);
        return;
    }
    if (type == ANNOUNCE_CAPABILITIES) {
        take_abilities(agent, body, size);
        return;
    }
    if (agent->abilities & SELECTION) { /* which selection of several: there is but one here */
        if (size < 4 || body[0] != SELECTION_CLIPBOARD)
            return;
        body += 4;
        size -= 4;
    }
    switch (type) {
    case CLIPBOARD_GRAB: take_grab(agent, body, size); break;
    case CLIPBOARD: take_text(agent, body, size); break;
    case CLIPBOARD_REQUEST:
        want(agent, size >= 4 && word_at(body) == TEXT_UTF8 && agent->offers ? WANT_TEXT : WANT_NO_TEXT);
        break;
    }
}

/* --- chunks ---------------------------------------------------------------------------------------- */

/* How many bytes the message has in all; before its head is there, the head's. */
static uint32_t message_bytes(const struct agent *agent)
{
    if (agent->message_count < AGENT_HEAD_BYTES)
        return AGENT_HEAD_BYTES;
    uint32_t size = word_at(agent->message + 16);
    return size > UINT32_MAX - AGENT_HEAD_BYTES ? UINT32_MAX : AGENT_HEAD_BYTES + size;
}

static void take_content(struct agent *agent, const uint8_t *bytes, uint32_t length)
{
    while (length) {
        uint32_t wanted = message_bytes(agent) - agent->message_count, now = length < wanted ? length : wanted;
        if (agent->message_count < AGENT_MESSAGE_BYTES) {
            uint32_t room = AGENT_MESSAGE_BYTES - agent->message_count;
            memcpy(agent->message + agent->message_count, bytes, now < room ? now : room);
        }
        agent->message_count += now;
        bytes += now;
        length -= now;
        if (agent->message_count >= AGENT_HEAD_BYTES && agent->message_count == message_bytes(agent)) {
            take_message(agent);
            agent->message_count = 0;
        }
    }
}

void agent_receive(void *context, const void *from, size_t length)
{
    struct agent *agent = context;
    const uint8_t *bytes = from;
    while (length) {
        if (agent->chunk_left) {
            uint32_t now = length < agent->chunk_left ? (uint32_t)length : agent->chunk_left;
            if (word_at(agent->chunk_head) == PORT_CLIENT) /* others are for the server that this is not */
                take_content(agent, bytes, now);
            agent->chunk_left -= now;
            bytes += now;
            length -= now;
            continue;
        }
        agent->chunk_head[agent->chunk_head_count++] = *bytes++;
        length--;
        if (agent->chunk_head_count == CHUNK_HEAD_BYTES) {
            agent->chunk_left = word_at(agent->chunk_head + 4);
            agent->chunk_head_count = 0;
        }
    }
    agent_room(agent);
}

/* Who opens it anew begins anew. */
void agent_opened(void *context, bool open)
{
    struct agent *agent = context;
    agent->open = open;
    agent->abilities = agent->wanted = 0;
    agent->chunk_head_count = agent->chunk_left = agent->message_count = 0;
    agent->out_bytes = agent->sent = 0;
    want(agent, WANT_ASK_ABILITIES);
    agent_room(agent);
}

/* --- from the host --------------------------------------------------------------------------------- */

static void deliver(void *device, const void *bytes, size_t length)
{
    struct agent *agent = device;
    if (length > CLIPBOARD_MAX_BYTES)
        return;
    agent->host_bytes = (uint32_t)length;
    if (length)
        memcpy(agent->host_text, bytes, length);
    agent->offers = length != 0;
    tell_offer(agent);
    agent_room(agent);
}

static bool valid(void *device, const void *bytes, size_t length)
{
    return length <= CLIPBOARD_MAX_BYTES;
}

/* --- the device ------------------------------------------------------------------------------------ */

static void agent_reset(void *device)
{
    struct agent *agent = device;
    agent_opened(agent, false);
    agent->offers = false;
    agent->host_bytes = agent->guest_bytes = 0;
    agent->clipboard.guest_bytes = 0;
    memset(agent->host_text, 0, sizeof agent->host_text);
    memset(agent->guest_text, 0, sizeof agent->guest_text);
    memset(agent->chunk_head, 0, sizeof agent->chunk_head);
    memset(agent->message, 0, sizeof agent->message);
    memset(agent->out, 0, sizeof agent->out);
}

static void agent_restored(void *device)
{
    struct agent *agent = device;
    if (agent->host_bytes > CLIPBOARD_MAX_BYTES)
        agent->host_bytes = 0;
    if (agent->guest_bytes > CLIPBOARD_MAX_BYTES)
        agent->guest_bytes = 0;
    agent->wanted &= agent->open ? WANTED_ALL : 0;
    if (agent->chunk_head_count >= CHUNK_HEAD_BYTES)
        agent->chunk_head_count = 0;
    if (agent->message_count >= message_bytes(agent))
        agent->message_count = 0;
    if (agent->out_bytes > AGENT_MESSAGE_BYTES ||
        agent->sent / (AGENT_CHUNK_BYTES + CHUNK_HEAD_BYTES) > agent->out_bytes / AGENT_CHUNK_BYTES)
        agent->out_bytes = agent->sent = 0;
    agent->clipboard.guest_bytes = agent->guest_bytes;
}

const struct device_class agent_class = {
    .name = "agent",
    .state = &agent_fields,
    .reset = agent_reset,
    .restored = agent_restored,
    .free = free,
};

struct agent *agent_create(struct inputs *inputs)
{
    struct agent *agent = host_alloc(1, sizeof *agent);
    agent->clipboard.inputs = inputs;
    agent->clipboard.guest_text = agent->guest_text;
    agent->clipboard.source = input_register(
        inputs, &(struct input_source){.name = "clipboard0.host", .deliver = deliver, .valid = valid, .device = agent});
    return agent;
}
