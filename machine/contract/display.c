/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A screen. */
#include "machine/contract/display.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct display {
    int memory_fd;
    uint32_t *frame, *picture;
    uint32_t width, height;           /* of what is shown */
    uint32_t own_width, own_height;   /* of what display_mode() has */
    bool over;                        /* that is shown over an underlay */
    struct display_underlay underlay; /* shown where there is nothing over it */
    bool under, stale;                /* it is; all of it is to be drawn */
    uint32_t last_width, last_height; /* of what the frame holds, shown or not */
    struct display_cursor cursor;
    struct display_watcher watcher;
};

struct display *display_create(struct error *error)
{
    struct display *display = host_alloc(1, sizeof *display);
    display->memory_fd = memfd_create("armature-display", MFD_CLOEXEC);
    void *memory = MAP_FAILED;
    if (display->memory_fd >= 0 && ftruncate(display->memory_fd, DISPLAY_MEMORY_BYTES) == 0)
        memory = mmap(NULL, DISPLAY_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, display->memory_fd, 0);
    if (memory == MAP_FAILED) {
        error_set(error, "no memory on the host for a display: %s", strerror(errno));
        if (display->memory_fd >= 0)
            close(display->memory_fd);
        free(display);
        return NULL;
    }
    display->frame = memory;
    display->picture = display->frame + DISPLAY_CURSOR_OFFSET / 4;
    return display;
}

void display_free(struct display *display)
{
    if (!display)
        return;
    munmap(display->frame, DISPLAY_MEMORY_BYTES);
    close(display->memory_fd);
    free(display);
}

void display_watch(struct display *display, const struct display_watcher *watcher)
{
    display->watcher = watcher ? *watcher : (struct display_watcher){0};
    if (watcher && watcher->mode)
        watcher->mode(watcher->context, display->width, display->height);
}

/* --- drawing --- */

/* Shows what is to be shown now. */
static void choose(struct display *display)
{
    bool under = display->underlay.width != 0 && (display->own_width == 0 || !display->over);
    uint32_t width = under ? display->underlay.width : display->own_width,
             height = under ? display->underlay.height : display->own_height;
    if (width == display->width && height == display->height && under == display->under)
        return;
    display->width = width;
    display->height = height;
    display->under = display->stale = under;
    if (width) {
        display->last_width = width;
        display->last_height = height;
    }
    for (uint64_t i = 0; i < (uint64_t)width * height; i++)
        display->frame[i] = 0xff000000;
    if (display->watcher.mode)
        display->watcher.mode(display->watcher.context, width, height);
}

static bool can_be_shown(uint32_t width, uint32_t height)
{
    return width && height && width <= DISPLAY_WIDTH_MAX && height <= DISPLAY_HEIGHT_MAX;
}

void display_mode(struct display *display, uint32_t width, uint32_t height, bool over)
{
    bool good = can_be_shown(width, height);
    display->own_width = good ? width : 0;
    display->own_height = good ? height : 0;
    display->over = over;
    choose(display);
}

void display_underlay(struct display *display, const struct display_underlay *underlay)
{
    bool good = can_be_shown(underlay->width, underlay->height);
    display->underlay = good ? *underlay : (struct display_underlay){0};
    display->stale = true;
    choose(display);
}

bool display_is_underlay(const struct display *display)
{
    return display->under;
}

void display_refresh(struct display *display)
{
    if (!display->under)
        return;
    bool all = display->stale;
    display->stale = false;
    display->underlay.refresh(display->underlay.context, all);
}

static void convert(uint32_t *to, const uint8_t *from, uint32_t count, struct display_format format)
{
    if (format.red == 2 && format.green == 1 && format.blue == 0 && format.alpha == DISPLAY_NO_ALPHA) { /* nearly all */
        memcpy(to, from, count * sizeof *to);
        for (uint32_t i = 0; i < count; i++)
            to[i] |= 0xff000000;
        return;
    }
    for (uint32_t i = 0; i < count; i++, from += 4) {
        uint32_t alpha = format.alpha == DISPLAY_NO_ALPHA ? 0xff : from[format.alpha];
        to[i] = alpha << 24 | (uint32_t)from[format.red] << 16 | (uint32_t)from[format.green] << 8 | from[format.blue];
    }
}

void display_draw(struct display *display, struct display_area area, struct display_format format,
                  const uint8_t *pixels, uint64_t stride)
{
    if (area.x >= display->width || area.y >= display->height)
        return;
    if (area.width > display->width - area.x)
        area.width = display->width - area.x;
    if (area.height > display->height - area.y)
        area.height = display->height - area.y;
    if (area.width == 0 || area.height == 0)
        return;
    format.alpha = DISPLAY_NO_ALPHA; /* nothing is behind the screen */
    for (uint32_t row = 0; row < area.height; row++)
        convert(display->frame + (uint64_t)(area.y + row) * display->width + area.x, pixels + row * stride, area.width,
                format);
    if (display->watcher.damage)
        display->watcher.damage(display->watcher.context, area);
}

void display_cursor(struct display *display, const struct display_cursor *cursor, struct display_format format,
                    const uint8_t *pixels)
{
    display->cursor = *cursor;
    if (pixels)
        convert(display->picture, pixels, DISPLAY_CURSOR_PIXELS * DISPLAY_CURSOR_PIXELS, format);
    if (display->watcher.cursor)
        display->watcher.cursor(display->watcher.context);
}

/* --- looking --- */

const uint32_t *display_frame(const struct display *display, uint32_t *width, uint32_t *height)
{
    *width = display->width;
    *height = display->height;
    return display->width ? display->frame : NULL;
}

const uint32_t *display_last_frame(const struct display *display, uint32_t *width, uint32_t *height)
{
    *width = display->last_width;
    *height = display->last_height;
    return display->last_width ? display->frame : NULL;
}

struct display_cursor display_cursor_now(const struct display *display, const uint32_t **picture)
{
    *picture = display->picture;
    return display->cursor;
}

int display_memory(const struct display *display)
{
    return display->memory_fd;
}
