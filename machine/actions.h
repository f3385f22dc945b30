/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be done with a machine's screen, keyboard and tablet by words: for --at, and for whoever has commands. */
#ifndef ARMATURE_ACTIONS_H
#define ARMATURE_ACTIONS_H

#include <stdbool.h>
#include "machine/contract/error.h"

struct machine;

/** Whether `action` is one: "screenshot FILE", "key NAME[-NAME...]", "type TEXT", "mouse X Y", "click X Y [BUTTON]" or
 *  "power". False: `error` says what was expected. */
bool action_check(const char *action, struct error *error);

/** Does it now. On the machine's thread. */
bool action_do(struct machine *machine, const char *action, struct error *error);

/** Has each of --at done at its time, from now on. A replay does only what the guest does not see: screenshots. */
void actions_schedule(struct machine *machine);
void actions_cancel(struct machine *machine);

#endif
