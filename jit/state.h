/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translators of the instruction classes share while a block is translated. */
#ifndef ARMATURE_JIT_STATE_H
#define ARMATURE_JIT_STATE_H

#include "interp/block.h"
#include "isa/arm64/cpu.h"
#include "jit/translate.h"

#define MAX_SLOW_PATHS (3 * BLOCK_MAX_INSNS)

/* A conditional way out of line: to the exec_ function of an instruction and back. */
struct slow_path {
    uint8_t *jump_end;
    uint8_t *resume;
    const struct insn *insn;
    uint32_t spilled, reloaded; /* vector registers that go to the state before, and come back behind it */
    bool armed;                 /* the host's FP flags are the guest's */
};

/* An access that does not hit its base register's slot: it goes by the indexed table, out of line. */
struct slot_miss {
    uint8_t *jump_end;
    uint8_t *resume; /* with the host address in rax */
    const struct insn *insn;
    uint8_t bytes;
    bool write;
    unsigned slow_index; /* its place among the slow paths */
};

/* Where a unit's first FP operation finds that the host's FP flags are not the guest's yet: that is seen to, or else the
 * rest of the block, from `insn` on, is done by exec_ functions. */
struct fp_exit {
    uint8_t *jump_end, *resume;
    const struct insn *insn;
    uint32_t spilled;
};

/* A comparison whose operands are unordered, out of line: the host's flags become the guest's for that. */
struct unordered {
    uint8_t *jump_end, *resume;
};

/* 16 bytes beside the code, at a run address. */
struct vector_constant {
    uint64_t low, high, at;
};

#define MAX_VECTOR_CONSTANTS 16

/* What the host's flags are now. */
enum host_flags { FLAGS_UNKNOWN, FLAGS_OF_ADD, FLAGS_OF_SUB, FLAGS_OF_LOGIC };

enum outcome { LEFT_TO_EXEC, TRANSLATED, ENDED };

struct translation_state {
    struct x64 *c, *cold;
    const struct stubs *stubs;
    const struct cpu *cpu;
    const struct block *block;
    const struct insn *insn;
    enum host_flags flags;
    bool fp_checked; /* FP access is free */
    bool fp_armed;   /* and FPCR is 0, and the host's FP flags are the guest's */
    struct fp_exit fp_exit;
    struct unordered unordered[BLOCK_MAX_INSNS];
    unsigned unordered_count;
    /* Vector registers (translate_vector.h), as they are at this place of the unit. */
    int8_t vector_of[32];    /* the host register of each, or -1: it is in the state */
    bool vectors_kept;       /* all that have one hold their value from the unit's entry on, and */
    uint32_t vectors_to_write; /* these may be written in it */
    uint32_t vector_valid;   /* those whose host register holds their value */
    uint32_t vector_written; /* of these, those whose value in the state may be old */
    uint8_t vector_bytes[32]; /* of each, how many of the lowest bytes may be other than zero: 4, 8 or 16 */
    const struct insn *done_too; /* the next instruction, where this one's code does it as well */
    struct vector_constant constants[MAX_VECTOR_CONSTANTS];
    unsigned constant_count;
    struct slow_path slow[MAX_SLOW_PATHS];
    unsigned slow_count, slow_first; /* slow_first: of the present instruction */
    struct slot_miss misses[BLOCK_MAX_INSNS];
    unsigned miss_count;
    struct translation_result *result;
    uint32_t end_offset; /* the block's end in its page, up to the page's size */
};

#define CPU_OFFSET(member) ((int32_t)offsetof(struct cpu, member))
#define FLAG(member)       CPU_OFFSET(nzcv.member)

static inline int32_t offset_of(unsigned reg)
{
    return (int32_t)(offsetof(struct cpu, x) + 8 * reg);
}

/** The host register that holds guest register `reg`: its own, or `temp`, loaded. The host's flags stay. */
unsigned use(struct translation_state *t, unsigned reg, unsigned temp);

/** A copy of guest register `reg` in `temp`, to be changed there. The host's flags stay. */
void copy(struct translation_state *t, unsigned reg, unsigned temp);

/** The host register to compute guest register `reg` in; done() takes it from there. */
unsigned destination(unsigned reg, unsigned temp);
void done(struct translation_state *t, unsigned reg, unsigned host);

/** Where `cc` holds, the present instruction is done by its exec_ function instead, and the code goes on
 * behind it. Nothing of the instruction may have happened yet. */
void slow_if(struct translation_state *t, enum x64_cc cc);

/** Emits what slow_if() promised, out of line behind the block. */
void emit_slow_paths(struct translation_state *t);

/** The base register's address plus `offset`, in rax, with the SP alignment check. */
void address_at(struct translation_state *t, int32_t offset);

/** rax is the guest address of an access: makes it the host's, or takes the slow path. Uses rcx, rdx. `has_base`: it
 *  lies at the present instruction's base register. */
void translate_address(struct translation_state *t, unsigned bytes, bool write, bool has_base);

/** Emits the out-of-line parts of the block's accesses (translate_memory.c). */
void emit_slot_misses(struct translation_state *t);

/** Emits the FP access check, once a unit (it may change only at the end of one). Uses rax. */
void check_fp(struct translation_state *t);

/** FP access is free, FPCR is 0, and the host's FP flags are the guest's from here on: else the rest of the block is left
 *  to exec_ functions. Emitted once a unit, before anything of the instruction. Uses rax. */
void arm_fp(struct translation_state *t);

/** What is out of line of arm_fp() and of comparisons, behind the block. */
void emit_fp_exits(struct translation_state *t);

/** Calls the exec_ function of `insn`. True where it ends the block: then the code does not go on. */
bool call_exec(struct translation_state *t, const struct insn *insn);

/** The host's flags, just set by an operation of this kind, are the guest's: they go into the state. */
void set_flags(struct translation_state *t, enum host_flags kind);

/** Makes the host's flags show guest condition `cond` (0 to 13); returns the host condition. Uses rax. */
enum x64_cc condition(struct translation_state *t, unsigned cond);

/** The classes: each translates the present instruction, or leaves it to exec_ having emitted nothing. */
bool translate_data(struct translation_state *t);
bool translate_fp(struct translation_state *t);
bool translate_vector(struct translation_state *t);
bool translate_structure(struct translation_state *t);
enum outcome translate_memory(struct translation_state *t);
enum outcome translate_branch(struct translation_state *t);

/** The address of the present instruction plus `distance`, as an offset from native.page. */
static inline int64_t page_offset(const struct translation_state *t, int64_t distance)
{
    return (int64_t)t->end_offset - 4ll * t->insn->left + distance;
}

/** to = native.page + offset. */
void load_page_address(struct translation_state *t, unsigned to, int64_t offset);

/** Ends the block: on to the code at `distance` bytes from its end. */
void jump_direct(struct translation_state *t, int64_t distance);

#endif
