/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine moves to another process while it runs, here or on another host, to whatever engine that has. Memory and
 * what was written to disks is sent while the guest runs on; what it changes meanwhile is sent again, round after
 * round, until so little is left that it can stand still for it. migrate_stream.h has the conversation.
 *
 * The images of disks are not sent: both sides have the same ones. Connections of the network end, as with a snapshot.
 */
#ifndef ARMATURE_MIGRATE_H
#define ARMATURE_MIGRATE_H

#include "machine/machine.h"

/* --- the source ------------------------------------------------------------------------------------ */

struct migration;

/** Of a machine whose run has not begun. */
struct migration *migration_create(struct machine *machine);
/** Gives up what is under way. Before the machine is freed. NULL is allowed. */
void migration_free(struct migration *migration);

/** Begins to move the machine to "tcp:HOST:PORT". On the machine's thread, which then goes on running the guest. When
 * all has moved the machine stops (MACHINE_MOVED); where it cannot be moved it goes on, and migration_failed() says so.
 * False: `error` says why nothing was begun. */
bool migration_start(struct migration *migration, const char *address, struct error *error);

/** Takes the next step, if it is time for one. The machine stands between two instructions. */
void migration_step(struct migration *migration);

/** Whether something was begun that has not come to its end. */
bool migration_busy(const struct migration *migration);

/** Whether one failed since this was asked last; `error` then says why. */
bool migration_failed(struct migration *migration, struct error *error);

/* --- the target ------------------------------------------------------------------------------------ */

struct incoming;

/** Waits at "tcp:HOST:PORT" for a machine to announce itself. NULL: `error` says what is wrong with it. */
struct incoming *incoming_wait(const char *address, struct error *error);

/** The same on a socket that is connected, which is closed by incoming_free(). */
struct incoming *incoming_take(int fd, struct error *error);
/** Not before the machine that came is freed. NULL is allowed. */
void incoming_free(struct incoming *incoming);

/** Completes the options by what the source says of the machine, as snapshot_configure() does. Images of disks are not
 * taken from a stranger's words: `options` must name all of them. */
bool incoming_configure(struct incoming *incoming, struct run_options *options, struct error *error);

/** Fills the machine that was made of these options. True: it is here, and is to run now. False: the source goes on,
 * and the machine is to be freed. */
bool incoming_receive(struct incoming *incoming, struct machine *machine, struct error *error);

/** Tells the source why nothing comes of it. */
void incoming_refuse(struct incoming *incoming, const struct error *error);

#endif
