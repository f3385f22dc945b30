/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of `info` share: commands_info.c (the table, registers, devices), info_translation.c (page tables),
 * commands_source.c (frames, lines), info_machine.c (interrupts, timers, time, inputs, memory, the engine). */
#ifndef ARMATURE_DEBUGGER_INFO_H
#define ARMATURE_DEBUGGER_INFO_H

#include "debugger/session/session.h"

/** Prints a register of the selected CPU; `context` is the session. */
void info_show_register(void *context, const char *name);

/* Commands, as struct command has them. */
bool info_translate(struct session *session, const char *arguments, struct error *error);
bool info_mmu(struct session *session, const char *arguments, struct error *error);
bool info_mappings(struct session *session, const char *arguments, struct error *error);
bool info_irq(struct session *session, const char *arguments, struct error *error);
bool info_timers(struct session *session, const char *arguments, struct error *error);
bool info_time(struct session *session, const char *arguments, struct error *error);
bool info_inputs(struct session *session, const char *arguments, struct error *error);
bool info_memory(struct session *session, const char *arguments, struct error *error);
bool info_jit(struct session *session, const char *arguments, struct error *error);
bool info_locals(struct session *session, const char *arguments, struct error *error);
bool info_args(struct session *session, const char *arguments, struct error *error);
bool info_frame(struct session *session, const char *arguments, struct error *error);
bool info_line(struct session *session, const char *arguments, struct error *error);

#endif
