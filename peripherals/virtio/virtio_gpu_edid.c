/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a screen says of itself (VESA Enhanced EDID 1.4). */
#include <string.h>
#include "peripherals/virtio/virtio_gpu.h"

#define DOTS_PER_INCH 96u
#define HORIZONTAL_BLANK 160u /* reduced blanking */
#define VERTICAL_BLANK   30u
#define REFRESH_HZ       60u

static uint32_t millimetres(uint32_t pixels)
{
    return pixels * 254 / DOTS_PER_INCH / 10;
}

/* Section 3.10.2. The clock is in units of 10 kHz, of 16 bits: a large screen is refreshed less often. */
static void put_timing(uint8_t *to, uint32_t width, uint32_t height)
{
    uint64_t clock = (uint64_t)(width + HORIZONTAL_BLANK) * (height + VERTICAL_BLANK) * REFRESH_HZ / 10000;
    uint32_t x_mm = millimetres(width), y_mm = millimetres(height);
    if (clock > 65535)
        clock = 65535;
    width &= 4095;
    height &= 4095;
    to[0] = (uint8_t)clock;
    to[1] = (uint8_t)(clock >> 8);
    to[2] = (uint8_t)width;
    to[3] = (uint8_t)HORIZONTAL_BLANK;
    to[4] = (uint8_t)(width >> 8 << 4 | HORIZONTAL_BLANK >> 8);
    to[5] = (uint8_t)height;
    to[6] = (uint8_t)VERTICAL_BLANK;
    to[7] = (uint8_t)(height >> 8 << 4 | VERTICAL_BLANK >> 8);
    to[8] = 48;          /* the sync pulse begins so many pixels behind the picture, */
    to[9] = 32;          /* and is as long */
    to[10] = 3 << 4 | 6; /* the same in lines */
    to[12] = (uint8_t)x_mm;
    to[13] = (uint8_t)y_mm;
    to[14] = (uint8_t)((x_mm >> 8 & 15) << 4 | (y_mm >> 8 & 15));
    to[17] = 0x1e; /* digital, separate syncs, both positive */
}

static void put_text(uint8_t *to, uint8_t tag, const char *text)
{
    size_t length = strlen(text);
    memset(to, 0, 5);
    to[3] = tag;
    memset(to + 5, ' ', 13);
    memcpy(to + 5, text, length);
    to[5 + length] = '\n';
}

void virtio_gpu_edid(uint32_t width, uint32_t height, uint8_t edid[128])
{
    static const uint8_t head[] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
    static const uint8_t colours[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54}; /* sRGB */
    uint8_t sum = 0;
    memset(edid, 0, 128);
    memcpy(edid, head, sizeof head);
    edid[8] = (uint8_t)(('A' - 64) << 2 | ('R' - 64) >> 3); /* the maker: ARM, five bits a letter */
    edid[9] = (uint8_t)(('R' - 64) << 5 | ('M' - 64));
    edid[10] = 1;
    edid[16] = 1;
    edid[17] = 36; /* 2026 */
    edid[18] = 1;
    edid[19] = 4;
    edid[20] = 0xa0; /* digital, 8 bits a colour */
    edid[21] = (uint8_t)(millimetres(width) / 10);
    edid[22] = (uint8_t)(millimetres(height) / 10);
    edid[23] = 120;  /* gamma 2.2 */
    edid[24] = 0x06; /* sRGB; the first timing is the preferred one */
    memcpy(edid + 25, colours, sizeof colours);
    memset(edid + 38, 1, 16); /* no standard timings */
    put_timing(edid + 54, width, height);
    put_text(edid + 72, 0xfc, "Armature");
    put_text(edid + 90, 0xfe, "virtio-gpu");
    edid[108 + 3] = 0x10; /* unused */
    for (unsigned i = 0; i < 127; i++)
        sum = (uint8_t)(sum + edid[i]);
    edid[127] = (uint8_t)-sum;
}
