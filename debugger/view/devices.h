/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The machine's structures by their field lists: devices, CPUs, the loop, the clock. */
#ifndef ARMATURE_DEBUGGER_DEVICES_H
#define ARMATURE_DEBUGGER_DEVICES_H

#include "debugger/session/session.h"

/** Prints a device by its name: its registers and its fields. */
bool devices_show(struct session *session, const char *name, struct error *error);

/** DEVICE.FIELD = VALUE. `*found`: there is such a device; else the text means something else. */
bool devices_set(struct session *session, const char *text, bool *found, struct error *error);

/** Prints all fields of a structure. */
void fields_show(struct session *session, const struct fields *fields, const void *object, unsigned indent);

#endif
