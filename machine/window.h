/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The windows that show a machine's screen and text pages. They are a process of their own: a window server that
 * vanishes takes that along, and not the machine. The two share the displays' memory, and talk by messages. */
#ifndef ARMATURE_WINDOW_H
#define ARMATURE_WINDOW_H

#include <stdbool.h>
#include "machine/contract/error.h"

struct machine;
struct run_options;
struct window;

/** Starts the window's process and waits until it has a window, or none. To be called before the program has threads,
 * locks or terminals, none of which the process is to inherit. NULL: `error` says why there is no window. */
struct window *window_create(const struct run_options *options, struct error *error);

/** Has the window show the machine's screen, and the machine get what is typed and clicked there. The machine must end
 * before the window. False: the machine has no screen. */
bool window_attach(struct window *window, struct machine *machine, struct error *error);

/** Closes the window. NULL is allowed. */
void window_free(struct window *window);

#endif
