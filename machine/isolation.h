/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the process gives up once the machine is set up, so that a guest that gets hold of it gets nowhere: new
 * privileges, programs, other processes (seccomp), files but those that the options name and the folders in which it is
 * to make some, and where no option wants it the network (Landlock, as far as the kernel has it). Whatever was opened
 * before stays open. */
#ifndef ARMATURE_ISOLATION_H
#define ARMATURE_ISOLATION_H

#include "machine/options.h"

/** Gives all that up, in all threads that this one makes from now on. `commands`: somebody gives commands here (a
 *  prompt, a script), who may name any file. False: the host refuses what it must be able to do. */
bool isolation_enter(const struct run_options *options, bool commands, struct error *error);

/** The same for several machines of one process, of which each keeps what it needs; the first's options say how. */
bool isolation_enter_all(const struct run_options *const options[], unsigned count, bool commands, struct error *error);

/** Only the filter of system calls. `network`: sockets of the Internet are among them. `child`: signals to other
 *  processes are, as a window is one. */
bool isolation_filter(bool network, bool child, struct error *error);

#endif
