/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Views of the guest's kernel that are made from more than a line of expressions. */
#ifndef ARMATURE_DEBUGGER_KERNEL_VIEWS_H
#define ARMATURE_DEBUGGER_KERNEL_VIEWS_H

#include "debugger/view/kernel.h"

/** R, S, D ... as ps has it. */
char kernel_state_letter(struct session *session, uint64_t task);

bool kernel_show_log(struct session *session, struct error *error);
bool kernel_show_files(struct session *session, uint64_t task, struct error *error);
bool kernel_show_maps(struct session *session, uint64_t task, struct error *error);
bool kernel_show_mounts(struct session *session, uint64_t task, struct error *error);
bool kernel_show_irqs(struct session *session, struct error *error);

#endif
