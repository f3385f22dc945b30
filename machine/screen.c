/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine's screen, keyboard and tablet, from the host's side. */
#include "machine/screen.h"
#include <endian.h>
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "machine/contract/display.h"
#include "machine/contract/input.h"
#include "machine/contract/input_event.h"
#include "machine/keys.h"
#include "machine/page.h"

/* --- pictures -------------------------------------------------------------------------------------- */

/* Lays the cursor's picture over a copy of the frame. */
static void put_cursor(const struct display *display, uint32_t *pixels, uint32_t width, uint32_t height)
{
    const uint32_t *picture;
    struct display_cursor cursor = display_cursor_now(display, &picture);
    for (unsigned i = 0; cursor.visible && i < DISPLAY_CURSOR_PIXELS * DISPLAY_CURSOR_PIXELS; i++) {
        int64_t x = (int64_t)cursor.x + i % DISPLAY_CURSOR_PIXELS, y = (int64_t)cursor.y + i / DISPLAY_CURSOR_PIXELS;
        uint32_t alpha = picture[i] >> 24;
        if (x < 0 || y < 0 || x >= width || y >= height)
            continue;
        uint32_t *to = &pixels[y * width + x], mixed = 0xff000000;
        for (unsigned shift = 0; shift < 24; shift += 8)
            mixed |= ((picture[i] >> shift & 255) * alpha + (*to >> shift & 255) * (255 - alpha)) / 255 << shift;
        *to = mixed;
    }
}

/* Rows of 0xffRRGGBB to PNG's bytes: libpng does the rest. */
static bool write_png(FILE *file, const uint32_t *pixels, uint32_t width, uint32_t height)
{
    png_image image = {.version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_BGRA};
    uint8_t *bytes = host_alloc((size_t)width * height, 3);
    for (size_t i = 0; i < (size_t)width * height; i++) {
        bytes[i * 3] = (uint8_t)(pixels[i] >> 16);
        bytes[i * 3 + 1] = (uint8_t)(pixels[i] >> 8);
        bytes[i * 3 + 2] = (uint8_t)pixels[i];
    }
    image.format = PNG_FORMAT_RGB;
    bool good = png_image_write_to_stdio(&image, file, 0, bytes, 0, NULL) != 0;
    free(bytes);
    return good;
}

bool screen_view(struct machine_screen *screen, unsigned number)
{
    if (number >= VIEWS_MAX || !screen->views[number].name)
        return false;
    screen->viewed = number;
    if (screen->on_view)
        screen->on_view(screen->watcher);
    return true;
}

void screen_state(struct machine_screen *screen, const char *state)
{
    bool same = screen->state && !strcmp(screen->state, state);
    screen->state = state;
    if (!same && screen->on_state)
        screen->on_state(screen->watcher);
}

typedef const uint32_t *frame_of(const struct display *display, uint32_t *width, uint32_t *height);

static bool take_screenshot(const struct machine_screen *screen, frame_of *frame_now, const char *path,
                            struct error *error)
{
    uint32_t width, height;
    struct display *display = screen->views[screen->viewed].display;
    if (!display)
        return error_set(error, "%s: the machine has no screen; give --display none, or sdl", path);
    display_refresh(display);
    const uint32_t *frame = frame_now(display, &width, &height);
    if (!frame)
        return error_set(error, "%s: nothing is on the screen: the guest has no driver for it, or has switched it off",
                         path);
    uint32_t *pixels = host_alloc((size_t)width * height, sizeof *pixels);
    memcpy(pixels, frame, (size_t)width * height * sizeof *pixels);
    put_cursor(display, pixels, width, height);
    FILE *file = fopen(path, "wbe");
    bool good = file && write_png(file, pixels, width, height);
    int reason = errno;
    if (file && fclose(file) != 0 && good) {
        good = false;
        reason = errno;
    }
    struct stat information;
    if (file && !good && stat(path, &information) == 0 && S_ISREG(information.st_mode))
        unlink(path); /* half of a picture is of no use */
    free(pixels);
    return good || error_set(error, "%s: the screenshot cannot be written: %s", path, strerror(reason));
}

bool display_screenshot(const struct machine_screen *screen, const char *path, struct error *error)
{
    return take_screenshot(screen, display_frame, path, error);
}

bool display_screenshot_last(const struct machine_screen *screen, const char *path, struct error *error)
{
    return take_screenshot(screen, display_last_frame, path, error);
}

/* --- input ----------------------------------------------------------------------------------------- */

static struct input_event_record event(unsigned type, unsigned code, uint32_t value)
{
    return (struct input_event_record){htole16((uint16_t)type), htole16((uint16_t)code), htole32(value)};
}

/* The text page that is looked at. NULL: it is the screen. */
static struct page *page_of(const struct machine_screen *screen)
{
    return screen->views[screen->viewed].page;
}

/* Up to two events and what ends them. An input that finds the door's queue full is lost, as the guest is not
 * listening. */
static void post(const struct machine_screen *screen, unsigned source, const struct input_event_record *events,
                 unsigned count)
{
    struct input_event_record all[3];
    memcpy(all, events, count * sizeof *events);
    all[count] = event(EVENT_SYN, 0, 0);
    if (screen->inputs && !page_of(screen))
        input_post(screen->inputs, source, all, (count + 1) * sizeof *all);
}

void input_key(const struct machine_screen *screen, unsigned code, bool pressed)
{
    struct input_event_record one = event(EVENT_KEY, code, pressed);
    if (page_of(screen))
        page_key(page_of(screen), code, pressed);
    post(screen, screen->keyboard_source, &one, 1);
}

void input_button(const struct machine_screen *screen, unsigned code, bool pressed)
{
    struct input_event_record one = event(EVENT_KEY, code, pressed);
    post(screen, screen->tablet_source, &one, 1);
}

void input_pointer(const struct machine_screen *screen, uint32_t x, uint32_t y)
{
    struct input_event_record both[2] = {event(EVENT_ABSOLUTE, ABSOLUTE_X, x < TABLET_MAX ? x : TABLET_MAX),
                                         event(EVENT_ABSOLUTE, ABSOLUTE_Y, y < TABLET_MAX ? y : TABLET_MAX)};
    post(screen, screen->tablet_source, both, 2);
}

void input_pointer_pixels(const struct machine_screen *screen, uint32_t x, uint32_t y)
{
    uint32_t width = 0, height = 0;
    if (!screen->display || !display_frame(screen->display, &width, &height))
        return;
    /* The middle of the pixel. */
    input_pointer(screen, (uint32_t)((x * 2ull + 1) * (TABLET_MAX + 1) / (width * 2ull)),
                  (uint32_t)((y * 2ull + 1) * (TABLET_MAX + 1) / (height * 2ull)));
}

void input_wheel(const struct machine_screen *screen, int sideways, int up)
{
    struct input_event_record one = event(EVENT_RELATIVE, up ? RELATIVE_WHEEL : RELATIVE_WHEEL_SIDE,
                                          (uint32_t)(up ? up : sideways));
    if (page_of(screen))
        page_scroll(page_of(screen), 3 * up);
    if (up || sideways)
        post(screen, screen->tablet_source, &one, 1);
}

size_t input_type(const struct machine_screen *screen, const char *text)
{
    size_t left_out = 0;
    for (; *text; text++) {
        bool shift = false;
        unsigned code = key_by_character(*text, &shift);
        left_out += code == 0;
        if (!code)
            continue;
        if (shift)
            input_key(screen, KEY_LEFT_SHIFT, true);
        input_key(screen, code, true);
        input_key(screen, code, false);
        if (shift)
            input_key(screen, KEY_LEFT_SHIFT, false);
    }
    return left_out;
}

#define CHORD_KEYS_MAX 8u

/* The codes of "ctrl-alt-f2"; 0: one has no such name. */
static unsigned parse_chord(const char *names, unsigned codes[CHORD_KEYS_MAX])
{
    unsigned count = 0;
    while (count < CHORD_KEYS_MAX) {
        size_t length = strcspn(names, "-");
        if (!(codes[count++] = key_by_name(names, length)))
            return 0;
        if (!names[length])
            return count;
        names += length + 1;
    }
    return 0;
}

bool input_chord(const struct machine_screen *screen, const char *names, struct error *error)
{
    unsigned codes[CHORD_KEYS_MAX], count = parse_chord(names, codes);
    if (!count)
        return error_set(error, "'%s' is no key, nor several with '-' between them, such as ctrl-alt-f2", names);
    for (unsigned i = 0; screen && i < count; i++)
        input_key(screen, codes[i], true);
    for (unsigned i = count; screen && i-- > 0;)
        input_key(screen, codes[i], false);
    return true;
}

void input_resize(const struct machine_screen *screen, uint32_t width, uint32_t height)
{
    uint32_t size[2] = {htole32(width), htole32(height)};
    if (screen->inputs)
        input_post(screen->inputs, screen->size_source, size, sizeof size);
}
