/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sound device: requests, states, messages in the guest's time, jacks, samples of each format, WAV files. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "tests/unit/virtio_driver.h"
#include "machine/inputs.h"
#include "peripherals/sound/wav.h"
#include "peripherals/virtio/virtio_snd.h"

enum { CONTROL, EVENT, TX, RX };
enum { INFO_JACK = 1, REMAP, INFO_PCM = 0x100, SET, PREPARE, RELEASE, START, STOP, INFO_MAP = 0x200 };
enum { S16 = 5, HZ_8000 = 1, HZ_48000 = 7 };

#define FRAMES_MAX 8192

struct bench {
    struct driver driver;
    struct inputs *inputs;
    struct virtio_snd *snd;
    struct sound_frame played[FRAMES_MAX];
    size_t played_count, wanted;
    bool capturing;
};

static void on_play(void *host, const struct sound_frame *frames, size_t count)
{
    struct bench *bench = host;
    assert_true(bench->played_count + count <= FRAMES_MAX);
    memcpy(bench->played + bench->played_count, frames, count * sizeof *frames);
    bench->played_count += count;
}

static void on_capture(void *host, bool on)
{
    ((struct bench *)host)->capturing = on;
}

static void on_want(void *host, size_t count)
{
    ((struct bench *)host)->wanted += count;
}

static void on_free(void *host)
{
}

static int set_up(void **state)
{
    static struct bench bench;
    static const struct sound_host_ops ops = {on_play, on_capture, on_want, on_free};
    struct error error;
    memset(&bench, 0, sizeof bench);
    driver_init(&bench.driver);
    bench.inputs = inputs_create(&error);
    bench.snd = virtio_snd_create(&bench.driver.bus, &bench.driver.clock, bench.inputs);
    sound_port_attach(&bench.snd->port, &ops, &bench);
    driver_attach(&bench.driver, &bench.snd->virtio);
    virtio_snd_class.reset(bench.snd);
    driver_start(&bench.driver, 0, 4);
    *state = &bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    virtio_snd_class.free(bench->snd);
    driver_free(&bench->driver);
    inputs_free(bench->inputs);
    return 0;
}

/* --- what a driver does ---------------------------------------------------------------------------- */

/* A request of words; returns the status, and the answer's bytes behind it. */
static uint32_t ask(struct bench *bench, const uint32_t *words, unsigned count, void *answer, uint32_t bytes)
{
    struct driver_buffer buffers[2] = {{driver_alloc(&bench->driver, count * 4), count * 4, false},
                                       {driver_alloc(&bench->driver, bytes + 4), bytes + 4, true}};
    uint32_t status, used;
    uint16_t head;
    memcpy(driver_ram(&bench->driver, buffers[0].address), words, count * 4);
    driver_add(&bench->driver, CONTROL, buffers, 2);
    driver_kick(&bench->driver, CONTROL);
    assert_true(driver_used(&bench->driver, CONTROL, &head, &used));
    memcpy(&status, driver_ram(&bench->driver, buffers[1].address), 4);
    assert_int_equal(used, status == VIRTIO_SND_S_OK ? bytes + 4 : 4);
    if (bytes)
        memcpy(answer, driver_ram(&bench->driver, buffers[1].address + 4), bytes);
    return status;
}

static uint32_t go(struct bench *bench, uint32_t code, uint32_t stream)
{
    return ask(bench, (uint32_t[]){code, stream}, 2, NULL, 0);
}

static uint32_t set(struct bench *bench, uint32_t stream, uint32_t features, unsigned channels, unsigned format,
                    unsigned rate)
{
    return ask(bench, (uint32_t[]){SET, stream, 4096, 1024, features, channels | format << 8 | rate << 16}, 6, NULL, 0);
}

static void start(struct bench *bench, uint32_t stream, uint32_t features, unsigned channels, unsigned rate)
{
    assert_int_equal(set(bench, stream, features, channels, S16, rate), VIRTIO_SND_S_OK);
    assert_int_equal(go(bench, PREPARE, stream), VIRTIO_SND_S_OK);
    assert_int_equal(go(bench, START, stream), VIRTIO_SND_S_OK);
}

/* A message with its samples; returns the address of samples, behind which the status is. */
static uint64_t send(struct bench *bench, uint32_t stream, const int16_t *samples, uint32_t bytes)
{
    bool tx = stream == 0;
    struct driver_buffer buffers[3] = {{driver_alloc(&bench->driver, 4), 4, false},
                                       {driver_alloc(&bench->driver, bytes + 8), bytes, !tx},
                                       {0, 8, true}};
    buffers[2].address = buffers[1].address + bytes;
    memcpy(driver_ram(&bench->driver, buffers[0].address), &stream, 4);
    if (tx)
        memcpy(driver_ram(&bench->driver, buffers[1].address), samples, bytes);
    driver_add(&bench->driver, tx ? TX : RX, buffers, 3);
    driver_kick(&bench->driver, tx ? TX : RX);
    return buffers[1].address;
}

static uint32_t status_at(struct bench *bench, uint64_t address)
{
    uint32_t status;
    memcpy(&status, driver_ram(&bench->driver, address), 4);
    return status;
}

static bool done(struct bench *bench, unsigned queue)
{
    uint16_t head;
    uint32_t used;
    return driver_used(&bench->driver, queue, &head, &used);
}

/* --- requests -------------------------------------------------------------------------------------- */

static void test_information(void **state)
{
    struct bench *bench = *state;
    uint8_t answer[128];
    assert_int_equal(driver_read(&bench->driver, MMIO_DEVICE_ID), 25);
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG), 2);
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG + 4), 2);
    assert_int_equal(driver_read(&bench->driver, MMIO_CONFIG + 8), 4);

    assert_int_equal(ask(bench, (uint32_t[]){INFO_JACK, 0, 2, 24}, 4, answer, 48), VIRTIO_SND_S_OK);
    assert_int_equal(answer[16], 1); /* connected */
    assert_int_equal(answer[8], 0x10);
    assert_int_equal(ask(bench, (uint32_t[]){INFO_PCM, 1, 1, 32}, 4, answer, 32), VIRTIO_SND_S_OK);
    assert_int_equal(answer[4], VIRTIO_SND_PCM_F_EVT_XRUNS);
    assert_int_equal(answer[24], VIRTIO_SND_INPUT);
    assert_int_equal(answer[25], 1);
    assert_int_equal(answer[26], 2);
    assert_true(answer[8] & 1 << S16);
    assert_int_equal(ask(bench, (uint32_t[]){INFO_MAP, 1, 1, 24}, 4, answer, 24), VIRTIO_SND_S_OK);
    assert_int_equal(answer[5], 2);
    assert_int_equal(answer[6], 3);
    assert_int_equal(answer[7], 4);

    assert_int_equal(ask(bench, (uint32_t[]){INFO_PCM, 1, 2, 32}, 4, answer, 64), VIRTIO_SND_S_BAD_MSG);
    assert_int_equal(ask(bench, (uint32_t[]){INFO_PCM, 0xffffffff, 2, 32}, 4, answer, 64), VIRTIO_SND_S_BAD_MSG);
    assert_int_equal(ask(bench, (uint32_t[]){INFO_PCM, 0, 1, 32}, 4, answer, 16), VIRTIO_SND_S_BAD_MSG);
    assert_int_equal(ask(bench, (uint32_t[]){INFO_PCM, 0}, 2, answer, 16), VIRTIO_SND_S_BAD_MSG);
    assert_int_equal(ask(bench, (uint32_t[]){0x300, 0}, 2, answer, 0), VIRTIO_SND_S_NOT_SUPP);

    assert_int_equal(ask(bench, (uint32_t[]){REMAP, 1, 7, 3}, 4, NULL, 0), VIRTIO_SND_S_OK);
    assert_int_equal(ask(bench, (uint32_t[]){INFO_JACK, 1, 1, 24}, 4, answer, 24), VIRTIO_SND_S_OK);
    assert_int_equal(answer[8], 0x73);
    assert_int_equal(ask(bench, (uint32_t[]){REMAP, 2, 7, 3}, 4, NULL, 0), VIRTIO_SND_S_BAD_MSG);
    assert_int_equal(ask(bench, (uint32_t[]){REMAP, 1, 16, 3}, 4, NULL, 0), VIRTIO_SND_S_BAD_MSG);
}

static void test_life(void **state)
{
    static const struct {
        uint32_t code;
        uint32_t status;
    } steps[] = {
        {START, VIRTIO_SND_S_BAD_MSG}, {PREPARE, VIRTIO_SND_S_BAD_MSG}, {SET, VIRTIO_SND_S_OK},
        {SET, VIRTIO_SND_S_OK},        {START, VIRTIO_SND_S_BAD_MSG},   {RELEASE, VIRTIO_SND_S_BAD_MSG},
        {PREPARE, VIRTIO_SND_S_OK},    {PREPARE, VIRTIO_SND_S_OK},      {STOP, VIRTIO_SND_S_BAD_MSG},
        {START, VIRTIO_SND_S_OK},      {START, VIRTIO_SND_S_BAD_MSG},   {SET, VIRTIO_SND_S_BAD_MSG},
        {RELEASE, VIRTIO_SND_S_BAD_MSG}, {STOP, VIRTIO_SND_S_OK},       {PREPARE, VIRTIO_SND_S_BAD_MSG},
        {START, VIRTIO_SND_S_OK},      {STOP, VIRTIO_SND_S_OK},         {RELEASE, VIRTIO_SND_S_OK},
        {RELEASE, VIRTIO_SND_S_BAD_MSG}, {PREPARE, VIRTIO_SND_S_OK},    {RELEASE, VIRTIO_SND_S_OK},
        {SET, VIRTIO_SND_S_OK},
    };
    struct bench *bench = *state;
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++)
        assert_int_equal(steps[i].code == SET ? set(bench, 0, 0, 2, S16, HZ_48000) : go(bench, steps[i].code, 0),
                         steps[i].status);
    assert_int_equal(set(bench, 0, 0, 3, S16, HZ_48000), VIRTIO_SND_S_NOT_SUPP);
    assert_int_equal(set(bench, 0, 0, 2, 0, HZ_48000), VIRTIO_SND_S_NOT_SUPP);
    assert_int_equal(set(bench, 0, 0, 2, S16, 13), VIRTIO_SND_S_NOT_SUPP);
    assert_int_equal(set(bench, 0, 1, 2, S16, HZ_48000), VIRTIO_SND_S_NOT_SUPP);
    assert_int_equal(set(bench, 2, 0, 2, S16, HZ_48000), VIRTIO_SND_S_BAD_MSG);
    assert_int_equal(ask(bench, (uint32_t[]){SET, 0, 1000, 300, 0, 0x70502}, 6, NULL, 0), VIRTIO_SND_S_BAD_MSG);
    assert_int_equal(ask(bench, (uint32_t[]){SET, 0, 0, 0, 0, 0x70502}, 6, NULL, 0), VIRTIO_SND_S_BAD_MSG);
}

/* --- messages -------------------------------------------------------------------------------------- */

static void test_playback_in_the_guests_time(void **state)
{
    struct bench *bench = *state;
    int16_t samples[2][96];
    for (unsigned i = 0; i < 96; i++)
        samples[0][i] = (int16_t)(i * 100 - 4000), samples[1][i] = (int16_t)(-i);
    assert_int_equal(set(bench, 0, VIRTIO_SND_PCM_F_EVT_XRUNS, 2, S16, HZ_48000), VIRTIO_SND_S_OK);
    assert_int_equal(go(bench, PREPARE, 0), VIRTIO_SND_S_OK);
    uint64_t first = send(bench, 0, samples[0], sizeof samples[0]), second = send(bench, 0, samples[1], 192);
    assert_false(driver_advance(&bench->driver)); /* not started */
    bench->driver.clock.now_ns = 5000;
    assert_int_equal(go(bench, START, 0), VIRTIO_SND_S_OK);
    assert_false(done(bench, TX));
    assert_true(driver_advance(&bench->driver));
    assert_int_equal(bench->driver.clock.now_ns, 5000 + 1000000); /* 48 frames at 48 kHz */
    assert_true(done(bench, TX));
    assert_false(done(bench, TX));
    assert_int_equal(status_at(bench, first + 192), VIRTIO_SND_S_OK);
    assert_int_equal(bench->played_count, 48);
    assert_memory_equal(bench->played, samples[0], 192);
    assert_int_equal(status_at(bench, second + 192), 0);

    /* An overrun is told, where that was asked for; what comes then begins anew. */
    struct driver_buffer room = {driver_alloc(&bench->driver, 8), 8, true};
    driver_add(&bench->driver, EVENT, &room, 1);
    assert_true(driver_advance(&bench->driver));
    assert_true(done(bench, TX));
    assert_true(done(bench, EVENT));
    assert_int_equal(status_at(bench, room.address), VIRTIO_SND_EVT_PCM_XRUN);
    assert_false(driver_advance(&bench->driver));
    bench->driver.clock.now_ns = 9000000;
    send(bench, 0, samples[0], 192);
    assert_true(driver_advance(&bench->driver));
    assert_int_equal(bench->driver.clock.now_ns, 10000000);
    assert_int_equal(bench->played_count, 144);
}

static void test_no_rounding_is_gathered(void **state)
{
    struct bench *bench = *state;
    int16_t samples[147 * 2] = {0};
    start(bench, 0, 0, 2, 6); /* 44.1 kHz: 147 frames are 3.33.. ms */
    for (unsigned i = 0; i < 4; i++)
        send(bench, 0, samples, sizeof samples);
    for (unsigned i = 0; i < 3000; i++) {
        assert_true(driver_advance(&bench->driver));
        assert_true(done(bench, TX));
        bench->played_count = 0;
        bench->driver.allocated -= 16 + 608; /* the same memory again and again */
        send(bench, 0, samples, sizeof samples);
    }
    assert_int_equal(bench->driver.clock.now_ns, 10 * NS_PER_S);
}

static void test_stop_and_release(void **state)
{
    struct bench *bench = *state;
    int16_t samples[96] = {1};
    start(bench, 0, 0, 2, HZ_48000);
    uint64_t first = send(bench, 0, samples, 192);
    send(bench, 0, samples, 192);
    assert_int_equal(go(bench, STOP, 0), VIRTIO_SND_S_OK);
    assert_false(driver_advance(&bench->driver));
    assert_false(done(bench, TX));
    assert_int_equal(go(bench, RELEASE, 0), VIRTIO_SND_S_OK);
    assert_true(done(bench, TX)); /* both, and not heard */
    assert_true(done(bench, TX));
    assert_int_equal(status_at(bench, first + 192), VIRTIO_SND_S_OK);
    assert_int_equal(bench->played_count, 0);
    first = send(bench, 0, samples, 192); /* no stream takes it */
    assert_true(done(bench, TX));
    assert_int_equal(status_at(bench, first + 192), VIRTIO_SND_S_BAD_MSG);
}

static void test_bad_messages(void **state)
{
    struct bench *bench = *state;
    int16_t samples[8] = {0};
    start(bench, 0, 0, 2, HZ_48000);
    struct driver_buffer wrong[2] = {{driver_alloc(&bench->driver, 16), 16, false},
                                     {driver_alloc(&bench->driver, 8), 8, true}};
    *(uint32_t *)driver_ram(&bench->driver, wrong[0].address) = 1; /* the other stream */
    driver_add(&bench->driver, TX, wrong, 2);
    driver_kick(&bench->driver, TX);
    assert_true(done(bench, TX));
    assert_int_equal(status_at(bench, wrong[1].address), VIRTIO_SND_S_BAD_MSG);
    send(bench, 0, samples, 7); /* a frame and a bit */
    assert_true(driver_advance(&bench->driver));
    assert_int_equal(bench->played_count, 1);
    wrong[1].length = 7;
    driver_add(&bench->driver, TX, wrong, 2);
    driver_kick(&bench->driver, TX);
    assert_true(driver_needs_reset(&bench->driver));
}

static void test_capture(void **state)
{
    struct bench *bench = *state;
    const struct sound_frame frames[60] = {{1, 2}, {3, 4}, [47] = {5, 6}, [48] = {7, 8}, [59] = {9, 10}};
    input_post(bench->inputs, bench->snd->port.frames_source, frames, sizeof frames);
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0}); /* nobody records: it is lost */
    start(bench, 1, 0, 2, HZ_48000);
    assert_true(bench->capturing);
    uint64_t first = send(bench, 1, NULL, 192), second = send(bench, 1, NULL, 192);
    assert_int_equal(bench->wanted, 48);
    input_post(bench->inputs, bench->snd->port.frames_source, frames, sizeof frames);
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
    assert_false(done(bench, RX));
    assert_true(driver_advance(&bench->driver));
    uint16_t head;
    uint32_t used;
    assert_true(driver_used(&bench->driver, RX, &head, &used));
    assert_int_equal(used, 200);
    assert_memory_equal(driver_ram(&bench->driver, first), frames, 192);
    assert_int_equal(bench->wanted, 48 + 36);
    assert_true(driver_advance(&bench->driver)); /* the rest, and silence */
    assert_memory_equal(driver_ram(&bench->driver, second), frames + 48, 48);
    for (unsigned i = 48; i < 192; i++)
        assert_int_equal(((uint8_t *)driver_ram(&bench->driver, second))[i], 0);
    assert_int_equal(go(bench, STOP, 1), VIRTIO_SND_S_OK);
    assert_false(bench->capturing);
}

static void test_saved_in_the_middle(void **state)
{
    struct bench *bench = *state;
    int16_t samples[96];
    for (unsigned i = 0; i < 96; i++)
        samples[i] = (int16_t)(i * 3);
    start(bench, 0, 0, 1, HZ_8000);
    send(bench, 0, samples, 192);
    send(bench, 0, samples, 192);
    assert_true(driver_advance(&bench->driver));
    /* As a restore finds it: the fields are there, and nothing is scheduled. */
    uint64_t before = fields_hash(virtio_snd_class.state, bench->snd, FIELDS_HASH_SEED);
    struct event due = bench->snd->streams[0].due;
    clock_cancel(&bench->driver.clock, &bench->snd->streams[0].due);
    bench->snd->streams[0].due.when_ns = due.when_ns;
    bench->snd->streams[0].due.order = due.order;
    virtio_snd_class.restored(bench->snd);
    assert_true(before == fields_hash(virtio_snd_class.state, bench->snd, FIELDS_HASH_SEED));
    assert_true(driver_advance(&bench->driver));
    assert_int_equal(bench->driver.clock.now_ns, 24000000); /* 2 x 96 frames at 8 kHz */
    assert_int_equal(bench->played_count, 2 * 96 * 6);

    /* What no device has been in is put right. */
    bench->snd->streams[1].state = 77;
    bench->snd->streams[1].count = 1000;
    bench->snd->streams[0].format.rate = 200;
    bench->snd->recorded_first = UINT32_MAX;
    bench->snd->recorded_count = UINT32_MAX;
    bench->snd->event_count = 99;
    virtio_snd_class.restored(bench->snd);
    assert_int_equal(bench->snd->streams[0].state, VIRTIO_SND_UNSET);
    assert_int_equal(bench->snd->streams[1].state, VIRTIO_SND_UNSET);
    assert_int_equal(bench->snd->streams[1].count, 0);
    assert_true(bench->snd->recorded_count <= VIRTIO_SND_RECORDED_MAX && bench->snd->event_count <= 8);
}

static void test_jacks(void **state)
{
    struct bench *bench = *state;
    uint8_t answer[24];
    struct driver_buffer room = {driver_alloc(&bench->driver, 8), 8, true};
    input_post(bench->inputs, bench->snd->port.jack_source, "\1\0", 2);
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
    assert_false(done(bench, EVENT));
    driver_add(&bench->driver, EVENT, &room, 1);
    driver_kick(&bench->driver, EVENT);
    assert_true(done(bench, EVENT));
    assert_int_equal(status_at(bench, room.address), 0x1001);
    assert_int_equal(status_at(bench, room.address + 4), 1);
    assert_int_equal(ask(bench, (uint32_t[]){INFO_JACK, 1, 1, 24}, 4, answer, 24), VIRTIO_SND_S_OK);
    assert_int_equal(answer[16], 0);
    driver_start(&bench->driver, 0, 4); /* a new driver finds it as it is */
    assert_int_equal(ask(bench, (uint32_t[]){INFO_JACK, 1, 1, 24}, 4, answer, 24), VIRTIO_SND_S_OK);
    assert_int_equal(answer[16], 0);
}

/* --- samples --------------------------------------------------------------------------------------- */

static void test_formats(void **state)
{
    static const struct {
        unsigned format, bytes;
        uint8_t low[8], high[8]; /* of -32768 and of 0x1234 */
    } rows[] = {
        {3, 1, {0x80}, {0x12}},
        {4, 1, {0}, {0x92}},
        {5, 2, {0, 0x80}, {0x34, 0x12}},
        {6, 2, {0, 0}, {0x34, 0x92}},
        {7, 3, {0, 0, 0xfe}, {0xd0, 0x48, 0}},
        {8, 3, {0, 0, 0}, {0xd0, 0x48, 2}},
        {11, 3, {0, 0, 0x80}, {0, 0x34, 0x12}},
        {12, 3, {0, 0, 0}, {0, 0x34, 0x92}},
        {13, 4, {0, 0, 0xf8, 0xff}, {0x40, 0x23, 1, 0}},
        {15, 4, {0, 0, 0x80, 0xff}, {0, 0x34, 0x12, 0}},
        {17, 4, {0, 0, 0, 0x80}, {0, 0, 0x34, 0x12}},
        {18, 4, {0, 0, 0, 0}, {0, 0, 0x34, 0x92}},
        {19, 4, {0, 0, 0x80, 0xbf}, {0, 0xa0, 0x11, 0x3e}},
        {20, 8, {0, 0, 0, 0, 0, 0, 0xf0, 0xbf}, {0, 0, 0, 0, 0, 0x34, 0xc2, 0x3f}},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[8] = {0};
        pcm_store(rows[i].format, bytes, INT16_MIN);
        assert_memory_equal(bytes, rows[i].low, rows[i].bytes);
        pcm_store(rows[i].format, bytes, 0x1234);
        assert_memory_equal(bytes, rows[i].high, rows[i].bytes);
        for (int sample = INT16_MIN; sample <= INT16_MAX; sample += 137) {
            pcm_store(rows[i].format, bytes, (int16_t)sample);
            assert_int_equal(pcm_load(rows[i].format, bytes), rows[i].bytes == 1 ? sample & ~0xff : sample);
        }
    }
    const float odd[] = {__builtin_inff(), -__builtin_inff(), __builtin_nanf(""), 1e-40f, 2.0f, -1.5f};
    const int16_t is[] = {INT16_MAX, INT16_MIN, 0, 0, INT16_MAX, INT16_MIN};
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(pcm_load(19, (const uint8_t *)&odd[i]), is[i]);
}

static void test_rates(void **state)
{
    struct pcm_resampler resampler = {0};
    struct pcm_format slow = {.format = S16, .rate = HZ_8000, .channels = 1};
    const int16_t ramp[3] = {600, 1200, 600};
    struct sound_frame frames[18];
    assert_int_equal(pcm_play(&slow, &resampler, (const uint8_t *)ramp, 3, frames), 18);
    for (unsigned i = 0; i < 18; i++) {
        int expected = i < 12 ? (int)i * 100 : 1200 - (int)(i - 12) * 100;
        assert_int_equal(frames[i].left, expected);
        assert_int_equal(frames[i].right, expected);
    }
    int16_t back[3];
    resampler = (struct pcm_resampler){0};
    assert_int_equal(pcm_record_takes(&slow, &resampler, 3), 18);
    pcm_record(&slow, &resampler, frames, 3, (uint8_t *)back);
    assert_int_equal(back[0], frames[4].left); /* a frame late, by which it is interpolated */
    assert_int_equal(back[1], frames[10].left);
}

static void test_wav(void **state)
{
    struct bench *bench = *state;
    char name[] = "/tmp/armature-wav-XXXXXX";
    const struct sound_frame frames[5] = {{1, -1}, {2, -2}, {300, -300}, {4, -4}, {5, -5}};
    struct error error = {""};
    uint8_t bytes[128];
    size_t count;
    close(mkstemp(name));
    assert_true(wav_attach(&bench->snd->port, name, NULL, &error));
    sound_port_play(&bench->snd->port, frames, 3);
    sound_port_play(&bench->snd->port, frames + 3, 2);
    sound_port_detach(&bench->snd->port);
    FILE *file = fopen(name, "rb");
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_int_equal(length, 44 + 20);
    struct sound_frame *read = wav_parse(bytes, length, name, &count, &error);
    assert_non_null(read);
    assert_int_equal(count, 5);
    assert_memory_equal(read, frames, sizeof frames);
    free(read);

    /* Recorded from there. */
    bench->snd->port.capturing = false;
    assert_true(wav_attach(&bench->snd->port, NULL, name, &error));
    start(bench, 1, 0, 2, HZ_48000);
    uint64_t first = send(bench, 1, NULL, 32);
    inputs_deliver(bench->inputs, (struct input_stamp){0, 0});
    assert_true(driver_advance(&bench->driver));
    assert_memory_equal(driver_ram(&bench->driver, first), frames, 20);
    assert_int_equal(((uint8_t *)driver_ram(&bench->driver, first))[20], 0);

    /* Damaged ones. */
    for (size_t cut = 0; cut < length; cut++) {
        read = wav_parse(bytes, cut, name, &count, &error);
        assert_true(cut < 44 ? !read : read && count == (cut - 44) / 4);
        free(read);
    }
    bytes[22] = 3; /* channels */
    assert_null(wav_parse(bytes, length, name, &count, &error));
    assert_non_null(strstr(error.text, "not understood"));
    assert_false(wav_attach(&bench->snd->port, NULL, "/nonexistent", &error));
    assert_non_null(strstr(error.text, "cannot be read"));
    unlink(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_information, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_playback_in_the_guests_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_rounding_is_gathered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_and_release, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_messages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_capture, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_saved_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_jacks, set_up, tear_down),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_rates),
        cmocka_unit_test_setup_teardown(test_wav, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
