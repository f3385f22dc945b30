/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The translator, as its files share it: where translated code is kept (parts.c), the two tiers (jit.c, regions.c). */
#ifndef ARMATURE_JIT_TRANSLATOR_H
#define ARMATURE_JIT_TRANSLATOR_H

#include "interp/block.h"
#include "jit/background.h"
#include "jit/code_memory.h"
#include "jit/faults.h"
#include "jit/report.h"
#include "jit/translate.h"
#include "jit/unit.h"

#define LARGEST_BYTES (256u << 10) /* more than any unit's translation needs */
#define SOME_BYTES    (64u << 10)  /* more than nearly every unit's needs: without so much none is begun */
#define MAX_PARTS     8u

/* What is filled in one go, of both halves. */
struct part {
    uint8_t *hot, *hot_end, *cold, *cold_end;
    uint32_t *counters;
    bool used; /* units may lie in it */
};

struct jit {
    uint32_t hotter; /* how often a translated block is entered before it becomes a region */
    struct code_memory memory;
    struct part parts[MAX_PARTS];
    unsigned part_count, part; /* part: the one that is being filled */
    bool wants_part;           /* for something that did not fit into this one */
    bool parallel;             /* other CPUs run translated code at any time */
    struct x64 hot, cold;      /* what is left of the part */
    struct {
        uint8_t *hot, *cold, *counters;
    } touched; /* up to where the host has given the part's pages */
    struct stubs stubs;
    uint8_t *stacks; /* of return points, one a CPU, each behind a page that nobody may touch */
    size_t stacks_bytes;
    struct compiler *compiler;
    struct fault_table faults; /* of a process */
    bool wants_background;
    struct background *background; /* compiles regions; NULL: that is done where they are found */
    unsigned background_part;      /* where its room lies */
    struct ir block_ir;
    struct region region; /* the one that is compiled where it is found */
    struct unit *units;
    struct unit *spare; /* for the block that another falls into; or NULL */
    unsigned counters_used, part_counters; /* of the part; of each */
    uint32_t dropped; /* code was dropped since translated code was entered */
    struct links links;
    struct report report;
};

/* --- parts.c ---------------------------------------------------------------------------------------- */

/** Goes on to fill this part, where nothing lies. */
void begin_part(struct jit *jit, unsigned index);

/** The same for the next one. False: something lies there. */
bool take_free_part(struct jit *jit);

/** The same where something may lie, which is dropped. Nobody runs translated code. */
void take_next_part(struct jit *jit);

bool has_bytes(const struct jit *jit, size_t bytes);

/** Before the part is filled further: has the host give what comes next, not page by page. */
void touch_ahead(struct jit *jit);

/** Makes who comes to a block's own translation go on at `run_address`: the first instruction there, which counts,
 *  becomes a jump. */
void redirect(struct jit *jit, struct unit *unit, uint64_t run_address);

/** Drops all units and what is on its way. Nobody runs translated code. */
void drop_units(struct jit *jit);

void add_links(struct jit *jit, const struct block_cache *cache, const struct unit_code *code);

/* --- regions.c -------------------------------------------------------------------------------------- */

/** Called by a block's own translation, as if it were its first instruction, when it has been entered often enough. */
void promote(struct cpu *cpu, const struct insn *insn);

/** Called by a region in the name of its first instruction, when an access has gone past its slot often. */
void adapt(struct cpu *cpu, const struct insn *insn);

/** translator_ops.holds: an own translation holds its block alone. */
bool region_holds(const void *translator, const struct block *block, uint64_t physical);

/** Starts the thread, if there is to be one and there is none. */
void begin_background(struct jit *jit);

/** Installs the regions that the thread is done with. Where CPUs are parallel: under the machine lock. */
void install_finished(struct jit *jit, struct cpu *cpu);

#endif
