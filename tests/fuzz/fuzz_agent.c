/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the host's end of a guest's agent under anything that a guest sends, with a port that has room now and
 * then. What it sends is always whole chunks of whole messages, and a restore of its own state changes nothing.
 *
 * Where the first byte is 0xff it begins in a nonsensical state, as from a damaged snapshot. An action is a byte that
 * says what, and as many bytes as that takes. */
#include <stdlib.h>
#include <string.h>
#include "machine/inputs.h"
#include "peripherals/agent.h"
#include "tests/fuzz/scramble.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rig {
    struct agent *agent;
    size_t room;
    /* Of the chunk that is on its way: its head so far, and what is left. */
    uint8_t head[8];
    unsigned head_count;
    uint32_t left;
    bool whole; /* what is sent is looked at, as the state was never nonsensical */
};

static size_t take_sent(void *context, const void *bytes, size_t length)
{
    struct rig *rig = context;
    const uint8_t *from = bytes;
    size_t now = length < rig->room ? length : rig->room;
    check(length > 0, "nothing is sent");
    rig->room -= now;
    for (size_t i = 0; i < now && rig->whole; i++) {
        uint32_t words[2];
        if (rig->left) {
            rig->left--;
            continue;
        }
        rig->head[rig->head_count++] = from[i];
        if (rig->head_count < 8)
            continue;
        memcpy(words, rig->head, 8);
        check(words[0] == 1 && words[1] > 0 && words[1] <= AGENT_CHUNK_BYTES, "a chunk that is none");
        rig->left = words[1];
        rig->head_count = 0;
    }
    return now;
}

static void say_message(struct rig *rig, struct feed *feed)
{
    static const uint8_t types[] = {4, 6, 7, 8, 9, 1};
    uint32_t words[12] = {1, 20, 1, types[take(feed, 1) % sizeof types]};
    unsigned body = (unsigned)take(feed, 1) % 6;
    words[1] += body * 4;
    words[6] = take(feed, 1) % 8 ? body * 4 : (uint32_t)take(feed, 4);
    for (unsigned i = 0; i < body && i < 5; i++)
        words[7 + i] = (uint32_t)take(feed, 1) % 3 ? (uint32_t)take(feed, 1) % 4 : 0x60;
    agent_receive(rig->agent, words, words[1] + 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[AGENT_MESSAGE_BYTES];
    struct feed feed = {data, data + size};
    struct error error;
    struct rig rig = {.whole = true};
    struct inputs *inputs = inputs_create(&error);
    check(inputs, "no host memory");
    rig.agent = agent_create(inputs);
    rig.agent->port = (struct agent_port){take_sent, &rig};
    agent_class.reset(rig.agent);
    if (take(&feed, 1) == 0xff) {
        rig.whole = false;
        scramble(agent_class.state, rig.agent, &feed);
        agent_class.restored(rig.agent);
    }
    while (feed.at < feed.end) {
        unsigned action = (unsigned)take(&feed, 1);
        size_t length = take(&feed, 1) * (action & 0x80 ? 257u : 1u);
        switch (action % 6) {
        case 0:
            rig.head_count = rig.left = 0; /* both ends begin anew */
            agent_opened(rig.agent, action & 8);
            break;
        case 1: say_message(&rig, &feed); break;
        case 2:
            for (size_t i = 0; i < length && i < 64; i++)
                bytes[i] = (uint8_t)take(&feed, 1);
            agent_receive(rig.agent, bytes, length);
            break;
        case 3:
            rig.room = length;
            agent_room(rig.agent);
            break;
        case 4:
            input_post(inputs, rig.agent->clipboard.source, bytes, length);
            inputs_deliver(inputs, (struct input_stamp){0, 0});
            break;
        case 5: rig.room += length; break;
        }
        check(rig.agent->clipboard.guest_bytes <= CLIPBOARD_MAX_BYTES, "a text longer than any");
    }
    uint64_t before = fields_hash(agent_class.state, rig.agent, FIELDS_HASH_SEED);
    agent_class.restored(rig.agent);
    check(fields_hash(agent_class.state, rig.agent, FIELDS_HASH_SEED) == before, "a restore changed the state");
    agent_class.free(rig.agent);
    inputs_free(inputs);
    return 0;
}
