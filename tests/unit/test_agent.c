/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's end of a guest's agent: abilities, a clipboard in both directions, chunks of any size, a port with little
 * room, what is damaged. */
#include <stdlib.h>
#include "tests/unit/unit.h"
#include "machine/inputs.h"
#include "peripherals/agent.h"

enum { TEXT = 4, ABILITIES = 6, GRAB = 7, REQUEST = 8, RELEASE = 9 };

static struct inputs *inputs;
static struct agent *agent;
static uint8_t sent[200000]; /* to the guest */
static size_t sent_bytes, room;
static unsigned copies;

static size_t take(void *context, const void *bytes, size_t length)
{
    size_t now = length < room ? length : room;
    assert_true(sent_bytes + now <= sizeof sent);
    memcpy(sent + sent_bytes, bytes, now);
    sent_bytes += now;
    room -= now;
    return now;
}

static void on_copied(void *context)
{
    copies++;
}

static int set_up(void **state)
{
    struct error error;
    inputs = inputs_create(&error);
    agent = agent_create(inputs);
    agent->port = (struct agent_port){take, NULL};
    agent->clipboard.copied = on_copied;
    agent_class.reset(agent);
    sent_bytes = copies = 0;
    room = SIZE_MAX;
    return 0;
}

static int tear_down(void **state)
{
    agent_class.free(agent);
    inputs_free(inputs);
    return 0;
}

/* What was sent, as one message whose chunks are taken apart: its body's length, or -1 where nothing (more) was. */
static long next_message(uint32_t *type, uint8_t *body)
{
    static uint8_t message[AGENT_MESSAGE_BYTES];
    size_t at = 0, length = 0;
    uint32_t head[2], size = 0;
    if (!sent_bytes)
        return -1;
    do {
        assert_true(sent_bytes - at >= 8);
        memcpy(head, sent + at, 8);
        assert_int_equal(head[0], 1);
        assert_true(head[1] <= AGENT_CHUNK_BYTES && head[1] <= sent_bytes - at - 8);
        memcpy(message + length, sent + at + 8, head[1]);
        length += head[1];
        at += 8 + head[1];
        memcpy(&size, message + 16, 4);
    } while (length < AGENT_HEAD_BYTES + size);
    assert_int_equal(length, AGENT_HEAD_BYTES + size);
    assert_int_equal(message[0], 1);
    memcpy(type, message + 4, 4);
    memcpy(body, message + AGENT_HEAD_BYTES, size);
    sent_bytes -= at;
    memmove(sent, sent + at, sent_bytes);
    return size;
}

static void expect(uint32_t type, const void *body, size_t length)
{
    static uint8_t got[AGENT_MESSAGE_BYTES];
    uint32_t is = 0;
    assert_int_equal(next_message(&is, got), length);
    assert_int_equal(is, type);
    assert_memory_equal(got, body, length);
}

static void expect_nothing(void)
{
    uint32_t type;
    assert_int_equal(next_message(&type, sent), -1);
}

/* A message of the guest's, in chunks of that size, given in pieces of `step` bytes. */
static void say(uint32_t type, const void *body, size_t length, size_t chunk, size_t step)
{
    uint8_t *message = calloc(1, AGENT_HEAD_BYTES + length), *all = malloc(20 * (length + 100));
    size_t total = AGENT_HEAD_BYTES + length, made = 0;
    uint32_t words[5] = {1, type, 0, 0, (uint32_t)length};
    memcpy(message, words, sizeof words);
    memcpy(message + AGENT_HEAD_BYTES, body, length);
    for (size_t at = 0; at < total; at += chunk) {
        uint32_t head[2] = {1, (uint32_t)(total - at < chunk ? total - at : chunk)};
        memcpy(all + made, head, 8);
        memcpy(all + made + 8, message + at, head[1]);
        made += 8 + head[1];
    }
    for (size_t at = 0; at < made; at += step)
        agent_receive(agent, all + at, made - at < step ? made - at : step);
    free(message);
    free(all);
}

#define WORDS(...) (const uint32_t[]){__VA_ARGS__}, sizeof(uint32_t[]){__VA_ARGS__}

static void open_with(uint32_t abilities)
{
    agent_opened(agent, true);
    expect(ABILITIES, WORDS(1, 0x60));
    if (abilities)
        say(ABILITIES, (const uint32_t[]){0, abilities}, 8, 2048, 4096);
}

static void host_copies(const char *text)
{
    assert_true(input_post(inputs, agent->clipboard.source, text, strlen(text)));
    inputs_deliver(inputs, (struct input_stamp){0, 0});
}

static void test_abilities(void **state)
{
    open_with(0);
    say(ABILITIES, (const uint32_t[]){1, 0x60}, 8, 2048, 1);
    expect(ABILITIES, WORDS(0, 0x60));
    expect_nothing();
}

static void test_host_to_guest(void **state)
{
    host_copies("before"); /* and told when there is somebody */
    expect_nothing();
    open_with(0x60);
    expect(GRAB, WORDS(0, 1));
    say(REQUEST, (const uint32_t[]){0, 1}, 8, 2048, 4096);
    expect(TEXT, "\0\0\0\0\1\0\0\0before", 14);
    host_copies("after");
    expect(GRAB, WORDS(0, 1));
    say(REQUEST, (const uint32_t[]){0, 2}, 8, 2048, 4096); /* a picture */
    expect(TEXT, WORDS(0, 0));
    host_copies("");
    expect(RELEASE, WORDS(0));
    say(REQUEST, (const uint32_t[]){0, 1}, 8, 2048, 4096);
    expect(TEXT, WORDS(0, 0));
    /* An agent that knows one selection only. */
    agent_opened(agent, false);
    open_with(0x20);
    host_copies("x");
    expect(GRAB, WORDS(1));
    say(REQUEST, (const uint32_t[]){1}, 4, 2048, 4096);
    expect(TEXT, "\1\0\0\0x", 5);
}

static void test_guest_to_host(void **state)
{
    open_with(0x60);
    host_copies("mine");
    expect(GRAB, WORDS(0, 1));
    say(GRAB, (const uint32_t[]){0, 2, 1}, 12, 2048, 4096);
    expect(REQUEST, WORDS(0, 1));
    say(TEXT, "\0\0\0\0\1\0\0\0theirs", 14, 5, 3);
    assert_int_equal(copies, 1);
    assert_int_equal(agent->clipboard.guest_bytes, 6);
    assert_memory_equal(agent->clipboard.guest_text, "theirs", 6);
    say(REQUEST, (const uint32_t[]){0, 1}, 8, 2048, 4096); /* the host has it no more */
    expect(TEXT, WORDS(0, 0));
    say(GRAB, (const uint32_t[]){1, 1}, 8, 2048, 4096); /* another selection */
    say(GRAB, (const uint32_t[]){0, 2}, 8, 2048, 4096); /* no text */
    expect_nothing();
    assert_int_equal(copies, 1);
}

static void test_long_texts(void **state)
{
    static char text[CLIPBOARD_MAX_BYTES + 9];
    static uint8_t body[CLIPBOARD_MAX_BYTES + 9];
    memset(text, 'a', sizeof text);
    for (unsigned i = 0; i < CLIPBOARD_MAX_BYTES; i++)
        text[i] = (char)('a' + i % 26);
    open_with(0x60);
    assert_true(input_post(inputs, agent->clipboard.source, text, CLIPBOARD_MAX_BYTES));
    inputs_deliver(inputs, (struct input_stamp){0, 0});
    expect(GRAB, WORDS(0, 1));
    room = 100; /* the rest waits for room, wherever it was cut */
    say(REQUEST, (const uint32_t[]){0, 1}, 8, 2048, 4096);
    for (unsigned i = 0; i < 1000 && agent->out_bytes; i++) {
        room = 1 + i % 997;
        agent_room(agent);
    }
    memcpy(body, "\0\0\0\0\1\0\0\0", 8);
    memcpy(body + 8, text, CLIPBOARD_MAX_BYTES);
    expect(TEXT, body, 8 + CLIPBOARD_MAX_BYTES);
    room = SIZE_MAX;
    say(TEXT, body, 8 + CLIPBOARD_MAX_BYTES, 2048, 1000);
    assert_int_equal(agent->clipboard.guest_bytes, CLIPBOARD_MAX_BYTES);
    char told[300];
    struct complaint complaint;
    complaint_begin(&complaint);
    for (unsigned i = 0; i < 3; i++) /* too long: left out, said once, and what follows is understood */
        say(TEXT, body, 9 + CLIPBOARD_MAX_BYTES, 2048, 1000);
    complaint_end(&complaint, told, sizeof told);
    assert_string_equal(told, "armature: --clipboard: the guest copied a text of more than 65536 bytes, which is not "
                              "passed on\n");
    assert_int_equal(copies, 1);
    say(TEXT, "\0\0\0\0\1\0\0\0ok", 10, 2048, 4096);
    assert_int_equal(copies, 2);
    assert_memory_equal(agent->clipboard.guest_text, "ok", 2);
}

static void test_damaged(void **state)
{
    open_with(0x60);
    say(GRAB, "\0\0\0", 3, 2048, 4096);
    say(TEXT, "\0\0\0\0\1", 5, 2048, 4096);
    say(ABILITIES, "\1\0\0\0", 4, 2048, 4096);
    say(77, "whatever", 8, 2048, 4096);
    agent_receive(agent, (const uint32_t[]){2, 8, 1, 1}, 16); /* for the server */
    agent_receive(agent, (const uint32_t[]){1, 0}, 8);
    say(GRAB, (const uint32_t[]){0, 1}, 8, 2048, 4096);
    expect(REQUEST, WORDS(0, 1));
    expect_nothing();
    /* A message that says more than there will ever be is skipped until the port is opened anew. */
    agent_receive(agent, (const uint32_t[]){1, 28, 1, 4, 0, 0, UINT32_MAX, 0, 1}, 36);
    agent_opened(agent, false);
    open_with(0x60);
    say(GRAB, (const uint32_t[]){0, 1}, 8, 2048, 4096);
    expect(REQUEST, WORDS(0, 1));
}

static void test_saved(void **state)
{
    open_with(0x60);
    host_copies("kept");
    sent_bytes = 0;
    room = 5;
    say(REQUEST, (const uint32_t[]){0, 1}, 8, 2048, 4096);
    agent_receive(agent, "\1\0\0", 3); /* in the middle of a head */
    uint64_t before = fields_hash(agent_class.state, agent, FIELDS_HASH_SEED);
    agent_class.restored(agent);
    assert_true(before == fields_hash(agent_class.state, agent, FIELDS_HASH_SEED));
    room = SIZE_MAX;
    agent_room(agent);
    expect(TEXT, "\0\0\0\0\1\0\0\0kept", 12);
    agent->out_bytes = agent->sent = agent->guest_bytes = agent->message_count = UINT32_MAX;
    agent->chunk_head_count = 99;
    agent->wanted = UINT32_MAX;
    agent_class.restored(agent);
    agent_room(agent);
    assert_int_equal(agent->clipboard.guest_bytes, 0);
    assert_int_equal(agent->out_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_abilities),  TEST(test_host_to_guest), TEST(test_guest_to_host),
        TEST(test_long_texts), TEST(test_damaged),       TEST(test_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
