/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A frame buffer in the guest's memory. The guest never says that it has drawn, so whoever looks has the picture
 * compared with what was drawn last. All state is the file's, which is the firmware configuration device's. */
#include "peripherals/ramfb.h"
#include <stdlib.h>
#include <string.h>
#include "machine/contract/endian.h"

/** What a pixel of one or several bytes is. The fourcc codes are those of the kernel (drm_fourcc.h), whose names say
 * the bits from the highest; memory is little-endian. */
struct pixel_format {
    char fourcc[5];
    uint8_t bytes;
    struct {
        uint8_t shift, bits;
    } red, green, blue;
};

static const struct pixel_format formats[] = {
    {"XR24", 4, {16, 8}, {8, 8}, {0, 8}},   {"AR24", 4, {16, 8}, {8, 8}, {0, 8}},
    {"XB24", 4, {0, 8}, {8, 8}, {16, 8}},   {"AB24", 4, {0, 8}, {8, 8}, {16, 8}},
    {"RX24", 4, {24, 8}, {16, 8}, {8, 8}},  {"RA24", 4, {24, 8}, {16, 8}, {8, 8}},
    {"BX24", 4, {8, 8}, {16, 8}, {24, 8}},  {"BA24", 4, {8, 8}, {16, 8}, {24, 8}},
    {"XR30", 4, {20, 10}, {10, 10}, {0, 10}}, {"XB30", 4, {0, 10}, {10, 10}, {20, 10}},
    {"RG24", 3, {16, 8}, {8, 8}, {0, 8}},   {"BG24", 3, {0, 8}, {8, 8}, {16, 8}},
    {"RG16", 2, {11, 5}, {5, 6}, {0, 5}},   {"BG16", 2, {0, 5}, {5, 6}, {11, 5}},
    {"XR15", 2, {10, 5}, {5, 5}, {0, 5}},   {"AR15", 2, {10, 5}, {5, 5}, {0, 5}},
};

struct ramfb {
    struct bus *bus;
    struct display *display;
    const struct pixel_format *format;
    uint64_t address, stride; /* bytes from a row to the next */
    uint32_t width, height;
    uint8_t *drawn; /* rows of `width` pixels, as they were drawn last */
};

static const struct field ramfb_list[] = {
    FIELD_HOST(struct ramfb, bus),
    FIELD_HOST(struct ramfb, display),
    FIELD_HOST(struct ramfb, format),
    FIELD_HOST(struct ramfb, address),
    FIELD_HOST(struct ramfb, stride),
    FIELD_HOST(struct ramfb, width),
    FIELD_HOST(struct ramfb, height),
    FIELD_HOST(struct ramfb, drawn),
    FIELDS_END,
};
static const struct fields ramfb_fields = {"ramfb", sizeof(struct ramfb), ramfb_list};

/* --- drawing --------------------------------------------------------------------------------------- */

/* A colour's bits as eight, the highest repeated below. */
static uint32_t widen(uint32_t pixel, unsigned shift, unsigned bits)
{
    uint32_t value = pixel >> shift & ((1u << bits) - 1);
    return bits >= 8 ? value >> (bits - 8) : (value << (8 - bits) | value >> (2 * bits - 8)) & 255;
}

static void draw_rows(struct ramfb *ramfb, uint32_t top, uint32_t bottom, uint32_t left, uint32_t right)
{
    static const struct display_format plain = {2, 1, 0, DISPLAY_NO_ALPHA};
    const struct pixel_format *format = ramfb->format;
    uint32_t *row = host_alloc(right - left, sizeof *row);
    for (uint32_t y = top; y < bottom; y++) {
        const uint8_t *from = ramfb->drawn + ((uint64_t)y * ramfb->width + left) * format->bytes;
        for (uint32_t x = 0; x < right - left; x++, from += format->bytes) {
            uint32_t pixel = 0;
            memcpy(&pixel, from, format->bytes);
            row[x] = widen(pixel, format->red.shift, format->red.bits) << 16 |
                     widen(pixel, format->green.shift, format->green.bits) << 8 |
                     widen(pixel, format->blue.shift, format->blue.bits);
        }
        display_draw(ramfb->display, (struct display_area){left, y, right - left, 1}, plain, (const uint8_t *)row, 0);
    }
    free(row);
}

/* Takes what is new of a row. False: nothing is; else `*left` and `*right` come to enclose it. */
static bool take_row(struct ramfb *ramfb, uint32_t y, uint32_t *left, uint32_t *right)
{
    uint64_t bytes = (uint64_t)ramfb->width * ramfb->format->bytes, first = 0, last = bytes;
    const uint8_t *now = ram_at(&ramfb->bus->ram, ramfb->address + y * ramfb->stride, bytes);
    uint8_t *before = ramfb->drawn + y * bytes;
    if (!now || !memcmp(now, before, bytes))
        return false;
    while (first < bytes && now[first] == before[first])
        first++;
    while (last > first && now[last - 1] == before[last - 1])
        last--;
    memcpy(before, now, bytes);
    uint32_t from = (uint32_t)(first / ramfb->format->bytes),
             to = (uint32_t)((last + ramfb->format->bytes - 1) / ramfb->format->bytes);
    *left = from < *left ? from : *left;
    *right = to > *right ? to : *right;
    return to > from;
}

/* Rows that follow each other are drawn together. */
static void refresh(void *context, bool all)
{
    struct ramfb *ramfb = context;
    uint32_t top = 0, left = ramfb->width, right = 0;
    bool open = false;
    for (uint32_t y = 0; y < ramfb->height; y++) {
        bool changed = take_row(ramfb, y, &left, &right);
        if (changed && !open)
            top = y;
        if (open && !changed && !all) {
            draw_rows(ramfb, top, y, left, right);
            left = ramfb->width;
            right = 0;
        }
        open = changed;
    }
    if (all)
        draw_rows(ramfb, 0, ramfb->height, 0, ramfb->width);
    else if (open)
        draw_rows(ramfb, top, ramfb->height, left, right);
}

/* --- what the guest says --------------------------------------------------------------------------- */

static const struct pixel_format *find_format(const uint8_t *fourcc)
{
    char name[4];
    for (unsigned i = 0; i < 4; i++)
        name[i] = (char)fourcc[3 - i];
    for (unsigned i = 0; i < sizeof formats / sizeof *formats; i++)
        if (!memcmp(formats[i].fourcc, name, 4))
            return &formats[i];
    return NULL;
}

static void show_nothing(struct ramfb *ramfb)
{
    display_underlay(ramfb->display, &(struct display_underlay){0});
    free(ramfb->drawn);
    ramfb->drawn = NULL;
    ramfb->width = ramfb->height = 0;
}

static void file_written(void *context, const uint8_t *file)
{
    struct ramfb *ramfb = context;
    show_nothing(ramfb);
    const struct pixel_format *format = find_format(file + 8);
    uint32_t width = get_be32(file + 16), height = get_be32(file + 20);
    uint64_t address = get_be64(file), stride = get_be32(file + 24);
    if (!format || width == 0 || height == 0 || width > DISPLAY_WIDTH_MAX || height > DISPLAY_HEIGHT_MAX)
        return;
    if (stride == 0)
        stride = (uint64_t)width * format->bytes;
    if (stride < (uint64_t)width * format->bytes ||
        !ram_at(&ramfb->bus->ram, address, stride * (height - 1) + (uint64_t)width * format->bytes))
        return;
    ramfb->format = format;
    ramfb->address = address;
    ramfb->stride = stride;
    ramfb->width = width;
    ramfb->height = height;
    ramfb->drawn = host_alloc((size_t)width * height, format->bytes);
    display_underlay(ramfb->display, &(struct display_underlay){width, height, refresh, ramfb});
}

/* --- the device ------------------------------------------------------------------------------------ */

static void ramfb_free(void *device)
{
    struct ramfb *ramfb = device;
    show_nothing(ramfb);
    free(ramfb);
}

const struct device_class ramfb_class = {.name = "ramfb", .state = &ramfb_fields, .free = ramfb_free};

struct ramfb *ramfb_create(struct bus *bus, struct fw_cfg *fw_cfg, struct display *display)
{
    struct ramfb *ramfb = host_alloc(1, sizeof *ramfb);
    ramfb->bus = bus;
    ramfb->display = display;
    fw_cfg_add_writable_file(fw_cfg, "etc/ramfb", RAMFB_FILE_BYTES, file_written, ramfb);
    return ramfb;
}
