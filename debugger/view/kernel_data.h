/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Variables of the kernel whose names are not in its symbol table: most distributions keep functions alone there. */
#ifndef ARMATURE_DEBUGGER_KERNEL_DATA_H
#define ARMATURE_DEBUGGER_KERNEL_DATA_H

#include "debugger/view/kernel.h"

/** Finds the BTF in the image around `near` (an offset in RAM). False: there is none. */
bool kernel_find_types(struct session *session, size_t near);

/** Adds the variables that the commands need to the symbols: init_task, modules, prb, irq_desc_tree and so on. */
void kernel_find_variables(struct session *session);

#endif
