/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a machine is, as a log's header says it, and where two differ. */
#ifndef ARMATURE_LOG_IDENTITY_H
#define ARMATURE_LOG_IDENTITY_H

#include "machine/machine.h"
#include "snapshot/log.h"

/** Describes a machine that was built and has not run: options, hashes of its files and disks, input sources. Freed by
 *  log_describe_free(). False: `error` says which file cannot be read. */
bool log_describe(struct log_header *header, const struct machine *machine, const char *program, struct error *error);
void log_describe_free(struct log_header *header);

/** Whether `machine` is what `log` was recorded of. False: `error` names the first difference. */
bool log_matches(const struct log_header *log, const struct log_header *machine, struct error *error);

#endif
