/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a decoded block to x86-64 code. */
#ifndef ARMATURE_TRANSLATE_H
#define ARMATURE_TRANSLATE_H

#include "interp/block.h"
#include "jit/ir.h"
#include "jit/x64.h"

/** Code that all translations share, by run address (stubs.c). */
struct stubs {
    uint64_t enter;       /* a handler: enters the native code of the block of its record */
    uint64_t leave;       /* rax = pc: everything to the state, back to the interpreter's loop */
    uint64_t leave_at;    /* the same with rdx = pc's place in the page */
    uint64_t renew_stay;  /* called where too little is left: the carry says that the turn goes on, and enough is left
                             for any unit again. Uses rax, rcx */
    uint64_t call_plain;  /* called: rax = function, rcx = record, rdx = the block's end in the page: runs it with
                             everything in the state */
    uint64_t end_plain;   /* jumped to: the same for a block's last instruction, and on to where that led */
    uint64_t settle_flags; /* called: nzcv from the operation that flag_kind tells. Uses rax, rcx, rdx */
    uint64_t settle_raw;   /* called: from whatever it is to FLAG_KIND_RAW. Uses rax, rcx, rdx */
    uint64_t jump_by_hash; /* rax = pc: on to its block where a lookup knows it, else it leaves */
    uint64_t fill_site;    /* the same; the lookup at offset rdx from cpu->lookups learns it */
    uint64_t fill_guarded; /* the same for a jump that leaves a BTYPE, which is in the low bits of rdx; where the block
                              is not known for that, it goes on at rcx */
    uint64_t fill_unguarded; /* the same for a jump that may stay in its page by a table: what the lookup learns is
                                whether the page is not guarded */
    uint64_t rest_plain;   /* jumped to: rcx = record, rdx as for call_plain: it and what follows in its block, and back
                              to the loop */
    uint64_t pauth_add[4], pauth_check[4]; /* called: rax = pointer, rdx = modifier, by key. Uses rcx, rdx */
    uint64_t pauth_generic;                /* called: rax = value, rdx = modifier: rax = its code. Uses rcx, rdx */
    uint64_t pauth_strip[2];               /* called: rax = pointer; of code, of data. Uses rcx */
    uint32_t *dropped;     /* not 0: code was dropped since translated code was entered */
    uint64_t arm_fp;       /* called: lets the host collect the guest's FP flags where FP access is free and FPCR is 0;
                              the zero flag says whether. Uses rax */
    uint64_t find_watched[2]; /* called behind a miss of the table, of a load or store (translate_memory.c) */
    uint64_t empty_slots;     /* called: tlb_empty_slots(). Uses xmm0 */
    uint64_t fill_slot[2][REG_COUNT]; /* called: rax = guest address of a load or store, by base register
                                         (translate_memory.c) */
    uint64_t collect_fp;   /* called: FPSR is what it is, with what the host has collected. Uses rcx, rdx */
    uint64_t rearm_fp;     /* called: the host has collected nothing */
    uint64_t bottom;       /* where a return goes that has no call: rax = pc */
};

/** Writes the shared code; `dropped` is set. */
void stubs_emit(struct x64 *c, struct stubs *stubs);

/** The part of it that is of pointer authentication (translate_pauth.c). */
void pauth_stubs_emit(struct x64 *c, struct stubs *stubs);

/** And of the slots of base registers (translate_memory.c). */
void memory_stubs_emit(struct x64 *c, struct stubs *stubs);

/** A jump to a block of the same page, to be patched when that one is translated. */
struct unit_link {
    uint8_t *jump_end; /* write address */
    uint8_t *stub;     /* where it goes until then: back to the loop */
    uint64_t target;   /* guest physical address */
};

#define MAX_KNOWN_WAYS   8u /* comparisons before a conditional branch that may know where it leads */
#define UNIT_MAX_LINKS   ((2 + MAX_KNOWN_WAYS) * IR_MAX_BLOCKS)
#define UNIT_MAX_RETURNS IR_MAX_BLOCKS

/** What became of a unit. All are run addresses unless they are pointers. */
struct unit_code {
    uint64_t entry;   /* for jumps from translated code: accounts for the block first */
    uint64_t counted; /* a block: the same, behind what counts the entries */
    uint64_t body;    /* a block: for the interpreter, which has accounted for it */
    struct unit_link links[UNIT_MAX_LINKS];
    unsigned link_count;
    uint8_t *returns[UNIT_MAX_RETURNS]; /* write addresses behind the jumps of return points that were missed */
    unsigned return_count;
    unsigned left_to_exec; /* operations that are nothing but a call of their exec_ functions */
};

struct compiler;

/** One for each thread that compiles. NULL: the host has no memory. */
struct compiler *compiler_create(const struct stubs *stubs);
void compiler_free(struct compiler *compiler);

/** What is compiled, where the code goes, and for whom it is. */
struct compile_job {
    struct ir *ir;
    struct x64 *hot, *cold; /* what is usually run, and the rest */
    const struct cpu *cpu;  /* features, and other things that do not change */
    unsigned half;          /* of the address space, where the code runs */
    uint32_t *counter;      /* a block: counts its entries up to 0, where promote is called; or NULL */
    uint32_t *misses;       /* a block: counters for slots that missed, one for each access; or NULL */
    struct fault_table *faults; /* of accesses that go to memory without a check (isa/arm64/user.h) */
    void (*promote)(struct cpu *cpu, const struct insn *insn);
    void (*adapt)(struct cpu *cpu, const struct insn *insn); /* a region: called as promote, by its first record, when
                                                                an operation's `misses` come to 0 */
};

/** Compiles. False where there is no room. Jumps of `links` go to their stubs until they are patched; the one
 *  that ends at hot->at, if any, goes on behind the unit. */
bool compile(struct compiler *compiler, const struct compile_job *job, struct unit_code *result);

/* Where guest registers live in translated code (the others stay in the state, at rbp). */
#define HOST_CPU RBP /* plus CPU_BIAS, so that more of it is within reach of short displacements */
#define CPU_BIAS 128
#define HOST_LEFT R10 /* instructions left before the limit, this block's taken off */
/** The host register of a guest register (record index), or -1. */
extern const int8_t pin_of[REG_COUNT];
/** All pinned guest registers. */
#define PIN_COUNT 10
extern const uint8_t pinned[PIN_COUNT];

/** A stay in translated code may end after so many instructions, whatever is left of the turn: with as many calls the
 *  stack of return points is full. While it holds those of another stay, the stay is renewed instead. */
#define MAX_STAY_INSNS 0x40000
/* A parallel CPU's attention may be wanted any time: it looks at the end of a stay, so that is shorter. */
#define PARALLEL_STAY_INSNS 0x4000
/** The stack of return points: two words for each call of a stay, and room for a signal's frame. */
#define RETURN_POINT_BITS  4
#define RETURN_STACK_BYTES ((MAX_STAY_INSNS << RETURN_POINT_BITS) + (1u << 20))

/* What operation cpu->native.flag_a and flag_b are the operands of: plus 1 if of 64 bits. The last two have the host's
 * flags in flag_a, as LAHF and SETO AL left them: of a subtraction, or of the comparison of two numbers by UCOMIS. */
enum {
    FLAG_KIND_NONE,
    FLAG_KIND_SUB = 2,
    FLAG_KIND_ADD = 4,
    FLAG_KIND_AND = 6,
    FLAG_KIND_RAW = 8,
    FLAG_KIND_ORDER = 10
};
/* Beside the kind, where the second operand is a small number: that stands above instead of in flag_b; and flag_a is
 * what came out instead of the first. */
enum { FLAG_OF_RESULT = 0x40, FLAG_IMMEDIATE = 0x80, FLAG_IMMEDIATE_SHIFT = 8 };

#endif
