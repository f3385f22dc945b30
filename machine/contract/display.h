/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A screen: what a display device shows, for a window and for screenshots. The device draws into a frame of its own
 * memory (a file without a name, so that another process can see it too); a watcher is told which part changed. Nothing
 * of it is state of the machine: after a restore the device draws again. */
#ifndef ARMATURE_DISPLAY_H
#define ARMATURE_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include "machine/contract/error.h"

#define DISPLAY_WIDTH_MAX  8192u
#define DISPLAY_HEIGHT_MAX 4320u
#define DISPLAY_CURSOR_PIXELS 64u /* its width and height */

/** Layout of what display_memory() gives: the cursor's pixels stand behind the frame's. */
#define DISPLAY_CURSOR_OFFSET ((uint64_t)DISPLAY_WIDTH_MAX * DISPLAY_HEIGHT_MAX * 4)
#define DISPLAY_MEMORY_BYTES  (DISPLAY_CURSOR_OFFSET + DISPLAY_CURSOR_PIXELS * DISPLAY_CURSOR_PIXELS * 4)

/** Where in a pixel's four bytes its colours stand; alpha is DISPLAY_NO_ALPHA where it has none. */
struct display_format {
    uint8_t red, green, blue, alpha;
};
#define DISPLAY_NO_ALPHA 0xff

struct display_area {
    uint32_t x, y, width, height;
};

/** Told on the thread that changes the display. */
struct display_watcher {
    /* A new size, or another's picture, black so far; 0: nothing is shown. */
    void (*mode)(void *context, uint32_t width, uint32_t height);
    void (*damage)(void *context, struct display_area area);
    void (*cursor)(void *context); /* another picture, place or visibility */
    void *context;
};

struct display_cursor {
    int32_t x, y;           /* of its hot spot */
    uint32_t hot_x, hot_y;  /* within the picture */
    bool visible;
};

struct display;

/** NULL: the host gives no memory. */
struct display *display_create(struct error *error);
void display_free(struct display *display);

/** NULL: nobody. The watcher is told of the mode at once. */
void display_watch(struct display *display, const struct display_watcher *watcher);

/* For devices. */

/** Shows pictures of that size from now on, black; 0: nothing. `over`: also where there is an underlay. */
void display_mode(struct display *display, uint32_t width, uint32_t height, bool over);
/** Draws the part of a picture that lies in `area` of the screen. `pixels` is the picture's first pixel of that area,
 * its rows `stride` bytes apart. What lies outside of the screen is left out. */
void display_draw(struct display *display, struct display_area area, struct display_format format,
                  const uint8_t *pixels, uint64_t stride);
/** The cursor's picture: DISPLAY_CURSOR_PIXELS squared, of that format; NULL: no other. */
void display_cursor(struct display *display, const struct display_cursor *cursor, struct display_format format,
                    const uint8_t *pixels);

/** A picture that nobody draws: it lies in the guest's memory, and is seen while display_mode() shows nothing over it.
 * `refresh` is to draw (by display_draw()) what has changed of it, or `all`, since it was called last. */
struct display_underlay {
    uint32_t width, height; /* 0: there is none */
    void (*refresh)(void *context, bool all);
    void *context;
};
void display_underlay(struct display *display, const struct display_underlay *underlay);

/* For those who look. */

/** Whether what is shown is an underlay, which is up to date only behind display_refresh(). */
bool display_is_underlay(const struct display *display);
/** Brings the frame up to date, where that is needed. */
void display_refresh(struct display *display);

/** The frame: rows of `*width` pixels of 0xffRRGGBB, without gaps, valid until the mode changes. NULL: nothing is
 * shown. */
const uint32_t *display_frame(const struct display *display, uint32_t *width, uint32_t *height);
/** The same of what was shown last, where nothing is now: a guest that powers off switches its screen off before. */
const uint32_t *display_last_frame(const struct display *display, uint32_t *width, uint32_t *height);
/** The cursor as it is, and its picture: pixels of 0xAARRGGBB. */
struct display_cursor display_cursor_now(const struct display *display, const uint32_t **picture);
/** The descriptor of the memory that holds frame and cursor: DISPLAY_MEMORY_BYTES of it. */
int display_memory(const struct display *display);

#endif
