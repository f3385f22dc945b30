/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The frame buffer in the guest's memory: formats, what changed alone is drawn, who is seen, nonsense. */
#include "tests/unit/unit.h"
#include "machine/contract/endian.h"
#include "peripherals/ramfb.h"

#define RAM_BASE 0x40000000ull
#define PICTURE  (RAM_BASE + 0x1000)

static struct bus bus;
static struct fw_cfg *fw_cfg;
static struct display *display;
static struct ramfb *ramfb;
static struct display_area damage;
static unsigned damages, modes;

static void on_mode(void *context, uint32_t width, uint32_t height)
{
    modes++;
}

static void on_damage(void *context, struct display_area area)
{
    damage = area;
    damages++;
}

static int set_up(void **state)
{
    struct error error;
    assert_true(bus_init(&bus, RAM_BASE, 8 * PAGE_SIZE_BYTES, NULL));
    fw_cfg = fw_cfg_create(&bus);
    display = display_create(&error);
    ramfb = ramfb_create(&bus, fw_cfg, display);
    fw_cfg_class.reset(fw_cfg);
    display_watch(display, &(struct display_watcher){.mode = on_mode, .damage = on_damage});
    damages = modes = 0;
    return 0;
}

static int tear_down(void **state)
{
    ramfb_class.free(ramfb);
    fw_cfg_class.free(fw_cfg);
    display_free(display);
    bus_free(&bus);
    return 0;
}

/* As EDK2 does: the file, all at once, by DMA. Its key is the first file's. */
static void write_file(uint64_t address, const char *fourcc, uint32_t width, uint32_t height, uint32_t stride)
{
    uint8_t *descriptor = bus.ram.host, *file = descriptor + 64;
    put_be32(file, (uint32_t)(address >> 32));
    put_be32(file + 4, (uint32_t)address);
    for (unsigned i = 0; i < 4; i++)
        file[8 + i] = (uint8_t)fourcc[3 - i];
    put_be32(file + 12, 0);
    put_be32(file + 16, width);
    put_be32(file + 20, height);
    put_be32(file + 24, stride);
    put_be32(descriptor, FW_CFG_FILES << 16 | 8 | 16);
    put_be32(descriptor + 4, RAMFB_FILE_BYTES);
    put_be32(descriptor + 8, 0);
    put_be32(descriptor + 12, (uint32_t)RAM_BASE + 64);
    fw_cfg_mmio.write(fw_cfg, 16, 8, __builtin_bswap64(RAM_BASE));
    assert_int_equal(get_be32(descriptor), 0);
}

static uint32_t pixel(uint32_t x, uint32_t y)
{
    uint32_t width, height;
    display_refresh(display);
    const uint32_t *frame = display_frame(display, &width, &height);
    assert_non_null(frame);
    return frame[y * width + x];
}

static void formats(void **state)
{
    static const struct {
        const char *fourcc;
        uint32_t memory, seen;
    } rows[] = {
        {"XR24", 0x99123456, 0xff123456}, {"XB24", 0x99123456, 0xff563412}, {"RX24", 0x12345699, 0xff123456},
        {"BX24", 0x12345699, 0xff563412}, {"RG24", 0x00123456, 0xff123456}, {"BG24", 0x00123456, 0xff563412},
        {"RG16", 0xf81f, 0xffff00ff},     {"BG16", 0x07e0, 0xff00ff00},     {"XR15", 0x7c00, 0xffff0000},
        {"XR30", 0x3ff00000, 0xffff0000}, {"XB30", 0x200, 0xff800000},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy(bus.ram.host + 0x1000, &rows[i].memory, 4);
        write_file(PICTURE, rows[i].fourcc, 2, 2, 0);
        assert_int_equal(pixel(0, 0), rows[i].seen);
        write_file(PICTURE, rows[i].fourcc, 0, 0, 0);
    }
}

static void what_changed_is_drawn(void **state)
{
    uint32_t *picture = (uint32_t *)(bus.ram.host + 0x1000);
    write_file(PICTURE, "XR24", 16, 8, 128);
    assert_int_equal(modes, 1 + 0);
    display_refresh(display); /* all of it, a row at a time */
    damages = 0;
    display_refresh(display);
    assert_int_equal(damages, 0);
    picture[3 * 32 + 5] = 0x00ff00;
    assert_int_equal(pixel(5, 3), 0xff00ff00);
    assert_int_equal(damages, 1);
    assert_int_equal(damage.x, 5);
    assert_int_equal(damage.y, 3);
    assert_int_equal(damage.width, 1);
    picture[3 * 32 + 16] = 0x00ff00; /* between two rows */
    display_refresh(display);
    assert_int_equal(damages, 1);
}

static void a_device_is_seen_before_it(void **state)
{
    const uint8_t white[4] = {255, 255, 255, 255};
    write_file(PICTURE, "XR24", 4, 4, 0);
    *(uint32_t *)(bus.ram.host + 0x1000) = 0x0000ff;
    assert_int_equal(pixel(0, 0), 0xff0000ff);
    display_mode(display, 4, 4, false);
    assert_true(display_is_underlay(display));
    display_mode(display, 4, 4, true);
    assert_false(display_is_underlay(display));
    assert_int_equal(pixel(0, 0), 0xff000000);
    display_draw(display, (struct display_area){0, 0, 1, 1}, (struct display_format){2, 1, 0, DISPLAY_NO_ALPHA}, white,
                 4);
    assert_int_equal(pixel(0, 0), 0xffffffff);
    display_mode(display, 0, 0, true);
    assert_true(display_is_underlay(display));
    assert_int_equal(pixel(0, 0), 0xff0000ff);
    fw_cfg_class.reset(fw_cfg);
    uint32_t width, height;
    assert_null(display_frame(display, &width, &height));
}

static void nonsense_shows_nothing(void **state)
{
    static const struct {
        uint64_t address;
        const char *fourcc;
        uint32_t width, height, stride;
    } rows[] = {
        {PICTURE, "NV12", 4, 4, 0},           {PICTURE, "XR24", 4, 4, 15},
        {RAM_BASE - 4, "XR24", 4, 4, 0},      {RAM_BASE + 0x7ff8, "XR24", 4, 1, 0},
        {PICTURE, "XR24", 4, 4, 0xffffffff},  {PICTURE, "XR24", 0xffffffff, 0xffffffff, 0},
        {~0ull, "XR24", 1, 1, 0},             {PICTURE, "XR24", 8192, 4321, 0},
        {PICTURE, "XR24", 0, 4, 0},
    };
    uint32_t width, height;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file(PICTURE, "XR24", 4, 4, 0);
        assert_true(display_is_underlay(display));
        write_file(rows[i].address, rows[i].fourcc, rows[i].width, rows[i].height, rows[i].stride);
        assert_false(display_is_underlay(display));
        assert_null(display_frame(display, &width, &height));
    }
    write_file(RAM_BASE + 0x7ff0, "XR24", 4, 1, 0); /* up to the last byte */
    assert_true(display_is_underlay(display));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(formats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_changed_is_drawn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_device_is_seen_before_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_shows_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
