/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interpreter as an engine. */
#ifndef ARMATURE_INTERP_H
#define ARMATURE_INTERP_H

#include "machine/contract/engine.h"

struct cpu;
struct engine;
struct translator_ops;

/** An interpreter that has each block translated when it is entered for the `hot`th time. Its other operations are
 *  those of interp_engine. */
struct engine *interp_create_translating(struct bus *bus, unsigned cpu_count, const struct translator_ops *translator,
                                         unsigned hot, struct error *error);
void interp_free(struct engine *engine);
enum engine_exit interp_run(struct engine *engine, struct cpu *cpu);

/** The same, of one instruction by itself, below the limit. */
enum engine_exit interp_step(struct engine *engine, struct cpu *cpu);
void interp_page_written(struct engine *engine, uint64_t page_address);
void interp_insn_asked(struct engine *engine, uint64_t physical);
void interp_flush(struct engine *engine);
void interp_make_room(struct engine *engine);
void interp_fork(struct engine *engine, enum engine_fork when);
bool interp_fault(struct engine *engine, uintptr_t *host_pc);

/** Runs decoded blocks by threaded handlers (see interp/block.h and interp/exec.h). */
extern const struct engine_ops interp_engine;

/** engine_ops.describe of an engine with a translator. */
void interp_describe(struct engine *engine, FILE *to);

#endif
