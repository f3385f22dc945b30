/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A rig whose CPU is the thread of a process (isa/arm64/user.h), with memory mapped as hostcall/ maps it.
 *
 * The addresses are those of rig.h's EL0, as far as a process has such: the code may be executed and read, instead of
 * the device there is nothing, nobody may touch the window's sixth page. All rigs lie at the same addresses of this
 * program: one has its memory there while it runs.
 *
 * A fault is noted (its syndrome, its address, the CPU's state) and the program goes on behind the instruction, or from
 * its beginning where there was none. Each costs the turn an instruction. */
#ifndef ARMATURE_TESTS_RIG_PROCESS_H
#define ARMATURE_TESTS_RIG_PROCESS_H

#include "tests/jit/rig.h"

/** jit_settings.process is set. Ends the program where the host has no memory, or not where it is wanted. */
struct rig *rig_process_create(const struct engine_ops *ops, enum cpu_model model);

/** From now on accesses that the host refuses go to the rig that runs; `crashed` is told of all that are not its. */
void rig_process_catch(void (*crashed)(int signal_number));

#endif
