/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine's screen, keyboard and tablet, from the host's side. All input goes through the door
 * (machine/contract/input.h), so it is recorded; each function may be called from the machine's thread, the input_ ones
 * from any. */
#ifndef ARMATURE_SCREEN_H
#define ARMATURE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/error.h"

struct display;
struct inputs;
struct machine;
struct page;

/** What can be looked at and typed on: the screen, and serial lines that end on text pages. */
#define VIEWS_MAX 3u
struct machine_view {
    const char *name;        /* "screen", "serial", "console"; NULL: there is none */
    struct display *display;
    struct page *page;       /* NULL: the screen */
};

/** The ends of the machine's devices. Without a display all is 0. */
struct machine_screen {
    struct display *display;
    struct machine_view views[VIEWS_MAX];
    unsigned viewed; /* the one that is looked at, in the window, and by what follows */
    const char *state; /* what the machine does, for a window's title: "running" */
    void (*on_view)(void *context);  /* another view is looked at; NULL: nobody asks */
    void (*on_state)(void *context); /* it does something else */
    void *watcher;                   /* the context of both */
    struct inputs *inputs;
    unsigned size_source, keyboard_source, tablet_source;
};

/** Has another view looked at. False: there is none of that number. */
bool screen_view(struct machine_screen *screen, unsigned number);

/** Says what the machine does now: "running", "stopped". A text that stays. */
void screen_state(struct machine_screen *screen, const char *state);

/** Writes what the screen shows to `path`, as PNG, the cursor in it. False where the machine has no screen, or nothing
 * is shown on it, or the file cannot be written. */
bool display_screenshot(const struct machine_screen *screen, const char *path, struct error *error);

/** The same of what was shown last, where nothing is now. */
bool display_screenshot_last(const struct machine_screen *screen, const char *path, struct error *error);

/** Presses a key or lets it go: its Linux input code (1 to 248). */
void input_key(const struct machine_screen *screen, unsigned code, bool pressed);
/** The same for a button of the tablet (BUTTON_LEFT, ...). */
void input_button(const struct machine_screen *screen, unsigned code, bool pressed);
/** Moves the tablet's pen, in parts of TABLET_MAX of the screen's width and height. */
void input_pointer(const struct machine_screen *screen, uint32_t x, uint32_t y);
/** The same in pixels of what is shown. */
void input_pointer_pixels(const struct machine_screen *screen, uint32_t x, uint32_t y);
/** Turns the wheel: up or right is positive. */
void input_wheel(const struct machine_screen *screen, int sideways, int up);
/** Types a text as on a keyboard with the American layout. What that has no key for is left out; returns how much was.
 */
size_t input_type(const struct machine_screen *screen, const char *text);
/** Presses and lets go keys together: "a", "ctrl-alt-f2", "enter". False: one has no such name. */
bool input_chord(const struct machine_screen *screen, const char *names, struct error *error);
/** The screen would like that size (the window has it). */
void input_resize(const struct machine_screen *screen, uint32_t width, uint32_t height);

#endif
