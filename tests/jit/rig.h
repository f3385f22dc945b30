/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine small enough to be built again for every program: one CPU under one engine, a few pages of RAM
 * behind page tables, a device, and exception vectors that go on behind what faulted.
 *
 * Virtual addresses, all but the device in RAM:
 *
 *     RIG_TABLE                    the last level of the tables, for EL1
 *     RIG_CODE_EL1, RIG_CODE_EL0   the same two pages of code, for either level; each may write its own
 *     RIG_WINDOW - page            the device
 *     RIG_WINDOW                   two pages to read and write (whose physical order is the other way round)
 *            + 2 pages             one that may only be read
 *            + 3 pages             nothing
 *            + 4 pages             the window's first page again
 *            + 5 pages             one that EL0 may not touch
 *            + 6 pages             the first page of code, as data */
#ifndef ARMATURE_TESTS_RIG_H
#define ARMATURE_TESTS_RIG_H

#include "isa/arm64/cpu.h"
#include "machine/contract/engine.h"
#include "tests/conformance/wire.h"

#define RIG_PAGE       4096u
#define RIG_CODE_EL1   CODE_BASE
#define RIG_CODE_EL0   (CODE_BASE + 0x10000)
#define RIG_TABLE      (CODE_BASE + 0x40000)
#define RIG_CODE_PAGES 2u
#define RIG_CODE_WORDS (RIG_CODE_PAGES * RIG_PAGE / 4)
#define RIG_WINDOW     WINDOW_BASE
#define RIG_PAGES      16u
#define RIG_MAX_TURNS  8u

#define RIG_NOP 0xd503201fu
#define RIG_WFI 0xd503207fu

/** What runs: code, what the CPU holds when it begins, and what happens from outside. */
struct program {
    uint32_t words[RIG_CODE_WORDS]; /* the code pages; the unused rest is WFI */
    uint32_t count;                 /* words that are the program */
    uint32_t first;                 /* where it begins: before that there is WFI */
    struct wire_state state;        /* pc is not used */
    uint8_t el;                     /* 0 or 1 */
    uint8_t daif;
    uint8_t patches;      /* it writes over its own code */
    uint8_t sp_checked;   /* SCTLR.SA, SA0 */
    uint8_t fp_disabled;  /* CPACR.FPEN = 0 */
    uint8_t aligned;      /* SCTLR.A */
    uint8_t guarded;      /* a bit for each page of code: BTI applies */
    uint64_t sctlr, tcr;  /* bits that differ from the usual ones */
    uint8_t table_writes; /* how many entries of `table` count */
    struct {
        uint16_t index; /* into the tables: three pages, a level each */
        uint64_t descriptor;
    } table[16];
    struct {
        uint32_t insns; /* how long the turn is */
        uint8_t irq;    /* an interrupt before it */
        uint8_t remap;  /* which two pages of the window change places before it (of a process, rights); 0: none */
        uint8_t guard;  /* 1 more than `guarded` from then on; 0: as it is */
        uint8_t patch;  /* which word of the program becomes a NOP before it; 0: none */
    } turns[RIG_MAX_TURNS];
    uint32_t turn_count;
};

struct rig;

/** A machine (rig_create()) or a process (rig_process.h). */
struct rig_kind {
    void (*load)(struct rig *rig, const struct program *program);
    bool (*turn)(struct rig *rig, const struct program *program, unsigned turn);
    void (*free)(struct rig *rig);
};

struct rig {
    const char *name;
    const struct rig_kind *kind;
    struct bus bus;
    struct clock clock;
    struct cpu cpu;
    const struct engine_ops *ops;
    struct engine *engine;
    uint8_t *memory; /* all that is compared */
    size_t memory_bytes;
    uint64_t code_physical;       /* of the first page of code */
    struct rig_process *process;  /* NULL: a machine */
    uint64_t device_hash;         /* of all accesses to the device; of a process: of all faults */
    enum engine_exit exit;
    uint64_t end; /* icount at which the present turn is over */
};

/** A rig for programs of `model` on `ops`. Ends the program where the host has no memory. */
struct rig *rig_create(const struct engine_ops *ops, enum cpu_model model);

/** The parts that any kind of rig has: the CPU on the bus, which is there, and the engine. */
struct rig *rig_alloc(const struct engine_ops *ops);
void rig_init_cpu(struct rig *rig, enum cpu_model model);
_Noreturn void rig_fail(const char *what);
void rig_free(struct rig *rig);

/** Makes the rig ready to run `program` from its beginning. */
void rig_load(struct rig *rig, const struct program *program);

/** Runs one turn of `program`. False: the guest waits, the program is over. */
bool rig_turn(struct rig *rig, const struct program *program, unsigned turn);

/** Whether the program has changed its code by now. */
bool rig_wrote_code(const struct rig *rig, const struct program *program);

/** The word of the code at `index`. */
uint32_t rig_word(const struct program *program, uint32_t index);

/** What the CPU of any kind of rig holds when the program begins: behind cpu_reset(). */
void rig_set_registers(struct rig *rig, const struct program *program);

/** Whether both rigs hold the same: the CPU's state by its field list, RAM, what the device saw. A process' flags count
 *  where it waits and at faults alone: else what is set anew before it is read need not be there. */
bool rig_equal(const struct rig *a, struct rig *b);

/** Prints what differs. */
void rig_print_difference(const struct rig *a, struct rig *b);

/** Prints the translation of each block of the program's code pages, as Capstone reads it. */
void rig_print_host_code(const struct rig *rig);

/** The virtual address of the program's first word. */
uint64_t rig_entry(const struct program *program);

#endif
