/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The graphics device and what it shows, the keyboard and the tablet, screenshots. */
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "tests/unit/virtio_driver.h"
#include "machine/contract/input_event.h"
#include "machine/inputs.h"
#include "machine/screen.h"
#include "peripherals/virtio/virtio_gpu.h"
#include "peripherals/virtio/virtio_input.h"

struct bench {
    struct driver driver;
    struct inputs *inputs;
    struct display *display;
    struct virtio_gpu *gpu;
    struct virtio_input *input;
    struct machine_screen screen;
    struct display_area damage;
    unsigned modes, damages, cursors;
};

static struct bench bench;

static void on_mode(void *context, uint32_t width, uint32_t height)
{
    bench.modes++;
}

static void on_damage(void *context, struct display_area area)
{
    bench.damages++;
    bench.damage = area;
}

static void on_cursor(void *context)
{
    bench.cursors++;
}

static void start_bench(void)
{
    struct error error;
    memset(&bench, 0, sizeof bench);
    driver_init(&bench.driver);
    bench.inputs = inputs_create(&error);
    bench.screen.inputs = bench.inputs;
}

static int set_up_gpu(void **state)
{
    struct error error;
    start_bench();
    bench.display = bench.screen.views[0].display = bench.screen.display = display_create(&error);
    bench.gpu = virtio_gpu_create(&bench.driver.bus, bench.inputs, bench.display, 1280, 800);
    bench.screen.size_source = bench.gpu->size_source;
    driver_attach(&bench.driver, &bench.gpu->virtio);
    virtio_gpu_class.reset(bench.gpu);
    display_watch(bench.display, &(struct display_watcher){on_mode, on_damage, on_cursor, NULL});
    driver_start(&bench.driver, VIRTIO_F_VERSION_1 | 2, 2);
    return 0;
}

static int set_up_input(enum virtio_input_kind kind)
{
    start_bench();
    bench.input = virtio_input_create(&bench.driver.bus, bench.inputs, kind, "test.events");
    bench.screen.keyboard_source = bench.screen.tablet_source = bench.input->source;
    driver_attach(&bench.driver, &bench.input->virtio);
    virtio_input_class.reset(bench.input);
    return 0;
}

static int set_up_keyboard(void **state)
{
    return set_up_input(VIRTIO_INPUT_KEYBOARD);
}

static int set_up_tablet(void **state)
{
    return set_up_input(VIRTIO_INPUT_TABLET);
}

static int tear_down(void **state)
{
    driver_free(&bench.driver);
    if (bench.gpu)
        virtio_gpu_class.free(bench.gpu);
    if (bench.input)
        virtio_input_class.free(bench.input);
    inputs_free(bench.inputs);
    display_free(bench.display);
    return 0;
}

/* --- the graphics device --- */

enum { OK = 0x1100, DISPLAY_INFO = 0x1101, EDID = 0x1104, UNSPEC = 0x1200, OUT_OF_MEMORY, BAD_SCANOUT, BAD_RESOURCE,
       BAD_PARAMETER = 0x1205 };

static uint8_t answer[2048];
static uint32_t answer_bytes;

/* Sends a command with what stands behind its header, and returns the type of the answer. */
static uint32_t command(unsigned queue, uint32_t type, const uint32_t *words, unsigned count)
{
    uint64_t request = driver_alloc(&bench.driver, 24 + count * 4), reply = driver_alloc(&bench.driver, sizeof answer);
    uint32_t header[6] = {type, 1, 77, 0, 5, 0}; /* with a fence */
    uint16_t head;
    memcpy(driver_ram(&bench.driver, request), header, 24);
    memcpy(driver_ram(&bench.driver, request + 24), words, count * 4);
    struct driver_buffer buffers[] = {{request, 24 + count * 4, false}, {reply, sizeof answer, true}};
    driver_add(&bench.driver, queue, buffers, 2);
    driver_kick(&bench.driver, queue);
    assert_true(driver_used(&bench.driver, queue, &head, &answer_bytes));
    memcpy(answer, driver_ram(&bench.driver, reply), sizeof answer);
    bench.driver.allocated = request - DRIVER_RAM_BASE; /* the memory may be used again */
    memcpy(header, answer, 24);
    assert_int_equal(header[1], 1);
    assert_int_equal(header[2], 77);
    assert_int_equal(header[4], 5);
    return header[0];
}

#define COMMAND(type, ...)                                                                                             \
    command(0, type, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
#define CURSOR(type, ...) command(1, type, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
enum {
    GET_INFO = 0x100,
    CREATE,
    UNREF,
    SCANOUT,
    FLUSH,
    TRANSFER,
    ATTACH,
    DETACH,
    GET_EDID = 0x10a,
    UPDATE = 0x300,
    MOVE
};

static uint32_t pixel(uint32_t x, uint32_t y)
{
    uint32_t width, height;
    const uint32_t *frame = display_frame(bench.display, &width, &height);
    assert_non_null(frame);
    return frame[y * width + x];
}

static void test_display_info(void **state)
{
    assert_int_equal(COMMAND(GET_INFO, 0), DISPLAY_INFO);
    uint32_t mode[6];
    memcpy(mode, answer + 24, sizeof mode);
    assert_int_equal(mode[2], 1280);
    assert_int_equal(mode[3], 800);
    assert_int_equal(mode[4], 1);
    assert_int_equal(answer_bytes, 24 + 16 * 24);
    assert_int_equal(COMMAND(GET_EDID, 0, 0), EDID);
    uint8_t sum = 0;
    for (unsigned i = 0; i < 128; i++)
        sum = (uint8_t)(sum + answer[32 + i]);
    assert_int_equal(sum, 0);
    assert_int_equal(answer[32 + 54 + 2] | answer[32 + 54 + 4] >> 4 << 8, 1280);
    assert_int_equal(answer[32 + 54 + 5] | answer[32 + 54 + 7] >> 4 << 8, 800);
    assert_int_equal(COMMAND(GET_EDID, 1, 0), BAD_SCANOUT);
    assert_int_equal(COMMAND(0x1ff, 0), UNSPEC);
}

/* A picture that the guest keeps in two pieces, of which a part is copied, and a part of that flushed. */
static void test_drawing(void **state)
{
    uint64_t pieces[2] = {driver_alloc(&bench.driver, 64 * 32 * 4), driver_alloc(&bench.driver, 64 * 32 * 4)};
    for (unsigned i = 0; i < 64 * 64; i++)
        ((uint32_t *)driver_ram(&bench.driver, pieces[i / 2048]))[i % 2048] = 0xff000000 | i;
    assert_int_equal(COMMAND(CREATE, 9, 2, 64, 64), OK);
    assert_int_equal(COMMAND(CREATE, 9, 2, 64, 64), BAD_RESOURCE);
    assert_int_equal(COMMAND(ATTACH, 9, 2, (uint32_t)pieces[0], 0, 8192, 0, (uint32_t)pieces[1], 0, 8192, 0), OK);
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 64, 48, 0, 9), OK);
    assert_int_equal(bench.modes, 2); /* the first when it was watched */
    assert_int_equal(pixel(3, 3), 0xff000000);
    /* x 8 to 24, y 30 to 34: over the end of the first piece. */
    assert_int_equal(COMMAND(TRANSFER, 8, 30, 16, 4, (30 * 64 + 8) * 4, 0, 9, 0), OK);
    assert_int_equal(pixel(8, 30), 0xff000000);
    bench.damages = 0;
    assert_int_equal(COMMAND(FLUSH, 10, 20, 10, 30, 9, 0), OK);
    assert_int_equal(bench.damages, 1);
    assert_int_equal(bench.damage.y, 20);
    assert_int_equal(bench.damage.height, 28); /* as far as it is shown */
    for (unsigned y = 30; y < 34; y++)
        for (unsigned x = 10; x < 20; x++)
            assert_int_equal(pixel(x, y), 0xff000000 | (y * 64 + x));
    assert_int_equal(pixel(8, 30), 0xff000000);
    /* Switched off, and with the resource away. */
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 0, 0, 0, 0), OK);
    uint32_t width, height;
    assert_null(display_frame(bench.display, &width, &height));
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 64, 48, 0, 9), OK);
    assert_int_equal(COMMAND(DETACH, 9, 0), OK);
    assert_int_equal(COMMAND(TRANSFER, 0, 0, 1, 1, 0, 0, 9, 0), BAD_RESOURCE);
    assert_int_equal(COMMAND(UNREF, 9, 0), OK);
    assert_null(display_frame(bench.display, &width, &height));
    assert_int_equal(COMMAND(UNREF, 9, 0), BAD_RESOURCE);
}

static void draw_nothing(void *context, bool all)
{
}

/* What firmware drew is seen until something else than black is on the screen; then that, black or not. */
static void test_black_hides_nothing(void **state)
{
    uint64_t pixels = driver_alloc(&bench.driver, 64 * 64 * 4);
    uint32_t *first = (uint32_t *)driver_ram(&bench.driver, pixels);
    display_underlay(bench.display, &(struct display_underlay){32, 32, draw_nothing, NULL});
    memset(first, 0, 64 * 64 * 4);
    assert_int_equal(COMMAND(CREATE, 9, 2, 64, 64), OK);
    assert_int_equal(COMMAND(ATTACH, 9, 1, (uint32_t)pixels, 0, 64 * 64 * 4, 0), OK);
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 64, 64, 0, 9), OK);
    for (unsigned colour = 0; colour < 3; colour++) {
        first[64 * 9 + 9] = (uint32_t[]){0xff000000, 0x00010000, 0}[colour];
        assert_int_equal(COMMAND(TRANSFER, 0, 0, 64, 64, 0, 0, 9, 0), OK);
        assert_int_equal(COMMAND(FLUSH, 0, 0, 64, 64, 9, 0), OK);
        assert_int_equal(display_is_underlay(bench.display), colour == 0);
    }
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 0, 0, 0, 0), OK);
    assert_true(display_is_underlay(bench.display));
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 64, 64, 0, 9), OK); /* it is black now */
    assert_true(display_is_underlay(bench.display));
}

static void test_refused(void **state)
{
    assert_int_equal(COMMAND(CREATE, 0, 2, 64, 64), BAD_RESOURCE);
    assert_int_equal(COMMAND(CREATE, 1, 99, 64, 64), BAD_PARAMETER);
    assert_int_equal(COMMAND(CREATE, 1, 2, 0, 64), BAD_PARAMETER);
    assert_int_equal(COMMAND(CREATE, 1, 2, 20000, 64), BAD_PARAMETER);
    assert_int_equal(COMMAND(CREATE, 1, 2, 16384, 16384), OUT_OF_MEMORY);
    assert_int_equal(COMMAND(CREATE, 1, 2), BAD_PARAMETER);
    /* The store is finite, and what is given back can be had again. */
    for (uint32_t i = 1; i <= 4; i++)
        assert_int_equal(COMMAND(CREATE, i, 2, 4096, 4096), OK);
    assert_int_equal(COMMAND(CREATE, 5, 2, 16, 16), OUT_OF_MEMORY);
    assert_int_equal(COMMAND(UNREF, 2, 0), OK);
    assert_int_equal(COMMAND(CREATE, 5, 2, 16, 16), OK);
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 17, 16, 0, 5), BAD_PARAMETER);
    assert_int_equal(COMMAND(SCANOUT, 8, 0, 9, 16, 0, 5), BAD_PARAMETER);
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 16, 16, 1, 5), BAD_SCANOUT);
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 16, 16, 0, 6), BAD_RESOURCE);
    assert_int_equal(COMMAND(FLUSH, 0, 0, UINT32_MAX, 16, 5, 0), BAD_PARAMETER);
    assert_int_equal(COMMAND(ATTACH, 5, 1000), BAD_PARAMETER);
    assert_int_equal(COMMAND(ATTACH, 5, 0), BAD_PARAMETER);
    assert_int_equal(COMMAND(DETACH, 5, 0), BAD_RESOURCE);
    /* A list that leads out of RAM: nothing is copied from there. */
    assert_int_equal(COMMAND(ATTACH, 5, 1, 0, 1, 4096, 0), OK);
    assert_int_equal(COMMAND(TRANSFER, 0, 0, 16, 16, 0, 0, 5, 0), OK);
    assert_int_equal(COMMAND(TRANSFER, 0, 0, 16, 16, 0xffffffff, 0x7fffffff, 5, 0), OK);
    assert_int_equal(COMMAND(TRANSFER, 0, 0, 16, 17, 0, 0, 5, 0), BAD_PARAMETER);
}

static void test_cursor_and_screenshot(void **state)
{
    uint64_t picture = driver_alloc(&bench.driver, 64 * 64 * 4);
    uint32_t *pixels = driver_ram(&bench.driver, picture);
    struct error error = {""};
    assert_false(display_screenshot(&bench.screen, "/tmp/x.png", &error));
    assert_non_null(strstr(error.text, "nothing is on the screen"));
    pixels[0] = 0xff00ff00;
    pixels[1] = 0x80ffffff;
    assert_int_equal(COMMAND(CREATE, 1, 2, 100, 80), OK);
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 100, 80, 0, 1), OK);
    assert_int_equal(COMMAND(CREATE, 2, 2, 64, 64), OK); /* without alpha, as Linux has it */
    assert_int_equal(COMMAND(ATTACH, 2, 1, (uint32_t)picture, 0, 16384, 0), OK);
    assert_int_equal(COMMAND(TRANSFER, 0, 0, 64, 64, 0, 0, 2, 0), OK);
    assert_int_equal(CURSOR(UPDATE, 0, 90, 70, 0, 2, 3, 4, 0), OK);
    assert_int_equal(CURSOR(MOVE, 0, 98, 79, 0, 0, 0, 0, 0), OK);
    const uint32_t *shown;
    struct display_cursor cursor = display_cursor_now(bench.display, &shown);
    assert_true(cursor.visible && cursor.x == 98 && cursor.y == 79 && cursor.hot_x == 3 && cursor.hot_y == 4);
    assert_int_equal(shown[1], 0x80ffffff);
    char path[] = "/tmp/armature-screen-XXXXXX";
    close(mkstemp(path));
    assert_true(display_screenshot(&bench.screen, path, &error));
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, path));
    assert_int_equal(image.width, 100);
    assert_int_equal(image.height, 80);
    image.format = PNG_FORMAT_RGB;
    uint8_t bytes[100 * 80 * 3];
    assert_true(png_image_finish_read(&image, NULL, bytes, 0, NULL));
    assert_memory_equal(bytes + (79 * 100 + 98) * 3, "\0\377\0\200\200\200", 6);
    assert_int_equal(bytes[0], 0);
    unlink(path);
    assert_false(display_screenshot(&bench.screen, "/no/such/folder/x.png", &error));
    assert_non_null(strstr(error.text, "cannot be written"));
    assert_int_equal(CURSOR(UPDATE, 0, 0, 0, 0, 0, 0, 0, 0), OK);
    assert_false(display_cursor_now(bench.display, &shown).visible);
}

/* What a snapshot holds is enough to show the same again. */
static void test_restored(void **state)
{
    uint64_t picture = driver_alloc(&bench.driver, 64 * 64 * 4);
    memset(driver_ram(&bench.driver, picture), 0x42, 64 * 64 * 4);
    assert_int_equal(COMMAND(CREATE, 7, 2, 64, 64), OK);
    assert_int_equal(COMMAND(ATTACH, 7, 1, (uint32_t)picture, 0, 16384, 0), OK);
    assert_int_equal(COMMAND(TRANSFER, 0, 0, 64, 64, 0, 0, 7, 0), OK);
    assert_int_equal(COMMAND(SCANOUT, 0, 0, 64, 64, 0, 7), OK);
    struct error error;
    struct inputs *inputs = inputs_create(&error);
    struct display *display = display_create(&error);
    struct virtio_gpu *other = virtio_gpu_create(&bench.driver.bus, inputs, display, 1280, 800);
    const struct medium_ops *medium = virtio_gpu_class.medium;
    unsigned pages = 0;
    const uint8_t *content;
    for (uint64_t page = 0; (content = medium->next_page(bench.gpu, &page)); page++, pages++)
        assert_true(medium->put_page(other, page, (uint8_t *)content, false));
    assert_int_equal(pages, 5); /* four of pixels, one of the list */
    assert_false(medium->put_page(other, VIRTIO_GPU_STORE_BYTES / 4096, NULL, false));
    fields_copy(virtio_gpu_class.state, other, bench.gpu);
    virtio_gpu_class.restored(other);
    assert_int_equal(fields_hash(virtio_gpu_class.state, other, 1), fields_hash(virtio_gpu_class.state, bench.gpu, 1));
    uint32_t width, height;
    const uint32_t *frame = display_frame(display, &width, &height);
    assert_non_null(frame);
    assert_int_equal(frame[64 * 63 + 63], 0xff424242);
    /* What no device can have meant is not believed. */
    other->resources[0].pixels_at = VIRTIO_GPU_STORE_BYTES - 4096;
    virtio_gpu_class.restored(other);
    assert_null(display_frame(display, &width, &height));
    virtio_gpu_class.free(other);
    display_free(display);
    inputs_free(inputs);
}

static void test_resize(void **state)
{
    uint32_t before = driver_read(&bench.driver, MMIO_CONFIG_GENERATION);
    input_resize(&bench.screen, 10, 10); /* too small to be meant */
    inputs_deliver(bench.inputs, (struct input_stamp){0});
    assert_int_equal(driver_read(&bench.driver, MMIO_CONFIG), 0);
    input_resize(&bench.screen, 900, 700);
    inputs_deliver(bench.inputs, (struct input_stamp){0});
    assert_int_equal(driver_read(&bench.driver, MMIO_CONFIG), 1);
    assert_true(driver_read(&bench.driver, MMIO_CONFIG_GENERATION) != before);
    assert_int_equal(driver_read(&bench.driver, MMIO_INTERRUPT_STATUS) & 2, 2);
    driver_write(&bench.driver, MMIO_CONFIG + 4, 1);
    assert_int_equal(driver_read(&bench.driver, MMIO_CONFIG), 0);
    assert_int_equal(COMMAND(GET_INFO, 0), DISPLAY_INFO);
    uint32_t mode[6];
    memcpy(mode, answer + 24, sizeof mode);
    assert_int_equal(mode[2], 900);
    assert_int_equal(mode[3], 700);
}

/* --- keyboard and tablet --- */

/* What select and subsel show; returns its size. */
static unsigned look(uint8_t select, uint8_t subsel, uint8_t content[128])
{
    uint64_t value;
    assert_true(bus_mmio_write(&bench.driver.bus, DRIVER_SLOT + MMIO_CONFIG, 1, select));
    assert_true(bus_mmio_write(&bench.driver.bus, DRIVER_SLOT + MMIO_CONFIG + 1, 1, subsel));
    assert_true(bus_mmio_read(&bench.driver.bus, DRIVER_SLOT + MMIO_CONFIG + 2, 1, &value));
    for (unsigned i = 0; i < 128; i++) {
        uint64_t byte;
        assert_true(bus_mmio_read(&bench.driver.bus, DRIVER_SLOT + MMIO_CONFIG + 8 + i, 1, &byte));
        content[i] = (uint8_t)byte;
    }
    return (unsigned)value;
}

static void test_input_config(void **state)
{
    uint8_t content[128];
    assert_int_equal(look(1, 0, content), 17);
    assert_memory_equal(content, "Armature Keyboard", 17);
    assert_int_equal(look(3, 0, content), 8);
    assert_int_equal(look(0x11, EVENT_KEY, content), 32);
    assert_int_equal(content[0], 0xfe); /* code 0 is no key */
    assert_int_equal(content[3] & 0x40, 0x40); /* 30: a */
    assert_int_equal(look(0x11, EVENT_LED, content), 1);
    assert_int_equal(content[0], 7);
    assert_int_equal(look(0x11, EVENT_ABSOLUTE, content), 0);
    assert_int_equal(look(0x12, 0, content), 0);
    assert_int_equal(look(0x55, 1, content), 0);
}

static void test_tablet_config(void **state)
{
    uint8_t content[128];
    uint32_t range[2];
    assert_int_equal(look(0x11, EVENT_ABSOLUTE, content), 1);
    assert_int_equal(content[0], 3);
    assert_int_equal(look(0x12, 1, content), 20);
    memcpy(range, content, sizeof range);
    assert_int_equal(range[0], 0);
    assert_int_equal(range[1], TABLET_MAX);
    assert_int_equal(look(0x11, EVENT_KEY, content), 35);
    assert_int_equal(content[34], 0x1f);
}

static uint64_t buffers;

static void give_room(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        driver_add(&bench.driver, 0, &(struct driver_buffer){buffers + i * 8, 8, true}, 1);
    driver_kick(&bench.driver, 0);
}

/* The next event that the guest sees. */
static struct input_event_record next_event(unsigned number)
{
    uint16_t head;
    uint32_t length;
    struct input_event_record record;
    assert_true(driver_used(&bench.driver, 0, &head, &length));
    assert_int_equal(length, 8);
    memcpy(&record, driver_ram(&bench.driver, buffers + number * 8), 8);
    return record;
}

static void expect_event(unsigned number, unsigned type, unsigned code, uint32_t value)
{
    struct input_event_record record = next_event(number);
    assert_int_equal(record.type, type);
    assert_int_equal(record.code, code);
    assert_int_equal(record.value, value);
}

static void deliver(void)
{
    inputs_deliver(bench.inputs, (struct input_stamp){0});
}

static void test_keys(void **state)
{
    input_key(&bench.screen, 30, true); /* nobody listens: lost */
    deliver();
    driver_start(&bench.driver, VIRTIO_F_VERSION_1, 2);
    buffers = driver_alloc(&bench.driver, 128);
    assert_int_equal(input_type(&bench.screen, "A\x01"), 1);
    deliver();
    give_room(8);
    static const uint32_t expected[][2] = {{42, 1}, {30, 1}, {30, 0}, {42, 0}};
    for (unsigned i = 0; i < 4; i++) {
        expect_event(i * 2, EVENT_KEY, expected[i][0], expected[i][1]);
        expect_event(i * 2 + 1, EVENT_SYN, 0, 0);
    }
    /* A chord: down in order, up the other way. */
    struct error error = {""};
    assert_true(input_chord(&bench.screen, "ctrl-alt-F2", &error));
    assert_false(input_chord(&bench.screen, "ctrl-nonsense", &error));
    assert_non_null(strstr(error.text, "ctrl-nonsense"));
    deliver();
    give_room(12);
    static const uint32_t chord[][2] = {{29, 1}, {56, 1}, {60, 1}, {60, 0}, {56, 0}, {29, 0}};
    for (unsigned i = 0; i < 6; i++) {
        expect_event(i * 2, EVENT_KEY, chord[i][0], chord[i][1]);
        expect_event(i * 2 + 1, EVENT_SYN, 0, 0);
    }
}

/* A guest that gives no room is waited for, and nothing is lost or torn. */
static void test_many_keys(void **state)
{
    driver_start(&bench.driver, VIRTIO_F_VERSION_1, 2);
    buffers = driver_alloc(&bench.driver, 128);
    for (unsigned i = 0; i < 500; i++)
        input_key(&bench.screen, 2 + i % 8, i & 1);
    deliver();
    for (unsigned i = 0; i < 500; i++) {
        deliver();
        give_room(2);
        expect_event(0, EVENT_KEY, 2 + i % 8, i & 1);
        expect_event(1, EVENT_SYN, 0, 0);
    }
}

static void test_pointer(void **state)
{
    driver_start(&bench.driver, VIRTIO_F_VERSION_1, 2);
    buffers = driver_alloc(&bench.driver, 128);
    input_pointer(&bench.screen, 100, 40000);
    input_button(&bench.screen, BUTTON_RIGHT, true);
    input_wheel(&bench.screen, 0, -2);
    input_wheel(&bench.screen, 0, 0);
    deliver();
    give_room(7);
    expect_event(0, EVENT_ABSOLUTE, ABSOLUTE_X, 100);
    expect_event(1, EVENT_ABSOLUTE, ABSOLUTE_Y, TABLET_MAX);
    expect_event(2, EVENT_SYN, 0, 0);
    expect_event(3, EVENT_KEY, BUTTON_RIGHT, 1);
    expect_event(4, EVENT_SYN, 0, 0);
    expect_event(5, EVENT_RELATIVE, RELATIVE_WHEEL, (uint32_t)-2);
    expect_event(6, EVENT_SYN, 0, 0);
}

static void test_lights(void **state)
{
    driver_start(&bench.driver, VIRTIO_F_VERSION_1, 2);
    buffers = driver_alloc(&bench.driver, 128);
    uint64_t place = driver_alloc(&bench.driver, 8);
    struct input_event_record light = {EVENT_LED, 1, 1};
    memcpy(driver_ram(&bench.driver, place), &light, 8);
    driver_add(&bench.driver, 1, &(struct driver_buffer){place, 8, false}, 1);
    driver_kick(&bench.driver, 1);
    assert_int_equal(bench.input->leds, 2);
}

int main(void)
{
#define CASE(name, up) cmocka_unit_test_setup_teardown(name, up, tear_down)
    static const struct CMUnitTest tests[] = {
        CASE(test_display_info, set_up_gpu),      CASE(test_drawing, set_up_gpu),
        CASE(test_black_hides_nothing, set_up_gpu),
        CASE(test_refused, set_up_gpu),           CASE(test_cursor_and_screenshot, set_up_gpu),
        CASE(test_restored, set_up_gpu),          CASE(test_resize, set_up_gpu),
        CASE(test_input_config, set_up_keyboard), CASE(test_tablet_config, set_up_tablet),
        CASE(test_keys, set_up_keyboard),         CASE(test_many_keys, set_up_keyboard),
        CASE(test_pointer, set_up_tablet),        CASE(test_lights, set_up_keyboard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
