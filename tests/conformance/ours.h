/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interpreter's answer to a case: a CPU at EL0 with the runner's two regions mapped. */
#ifndef ARMATURE_CONFORMANCE_OURS_H
#define ARMATURE_CONFORMANCE_OURS_H

#include <stdbool.h>
#include "isa/arm64/cpu.h"
#include "wire.h"

/** Which of an instruction's two compiled forms runs: the plain function, or the threaded handler. */
enum form { FORM_PLAIN, FORM_THREADED };

bool ours_create(void);
void ours_free(void);

/** Decodes `word` with every feature that --cpu max has. */
void ours_decode(uint32_t word, struct insn *insn);
bool ours_has_feature(unsigned feature);

/** Runs a case. False where it cannot be compared: the code's own region was read or written, or an
 *  instruction before the tested one faulted. */
bool ours_run(const struct wire_case *c, enum form form, struct wire_result *result);

#endif
