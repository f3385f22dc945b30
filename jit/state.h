/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translators of the instruction classes share while a block is translated. */
#ifndef ARMATURE_JIT_STATE_H
#define ARMATURE_JIT_STATE_H

#include "interp/block.h"
#include "isa/arm64/cpu.h"
#include "jit/translate.h"

#define MAX_SLOW_PATHS (4 * BLOCK_MAX_INSNS)

/* A conditional way out of line: to the exec_ function of an instruction and back. */
struct slow_path {
    uint8_t *jump_end;
    uint8_t *resume;
    const struct insn *insn;
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

/* A conditional way out of line for the rest of the block, from `insn` on: by exec_ functions. */
struct fp_exit {
    uint8_t *jump_end;
    const struct insn *insn;
};

/* What the host's flags are now. */
enum host_flags { FLAGS_UNKNOWN, FLAGS_OF_ADD, FLAGS_OF_SUB, FLAGS_OF_LOGIC };

enum outcome { LEFT_TO_EXEC, TRANSLATED, ENDED };

struct translation_state {
    struct x64 *c;
    const struct stubs *stubs;
    const struct cpu *cpu;
    const struct block *block;
    const struct insn *insn;
    enum host_flags flags;
    bool fp_checked, fp_mode_checked, fp_inexact_checked;
    struct fp_exit fp_exits[2];
    unsigned fp_exit_count;
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

static inline int32_t vector_offset(unsigned reg)
{
    return (int32_t)(offsetof(struct cpu, v) + 16 * reg);
}

/** The host register that holds guest register `reg`: its own, or `temp`, loaded. The host's flags stay. */
unsigned use(struct translation_state *t, unsigned reg, unsigned temp);

/** A copy of guest register `reg` in `temp`, to be changed there. The host's flags stay. */
void copy(struct translation_state *t, unsigned reg, unsigned temp);

/** The host register to compute guest register `reg` in; done() takes it from there. */
unsigned destination(unsigned reg, unsigned temp);
void done(struct translation_state *t, unsigned reg, unsigned host);

/** Where `cc` holds, the present instruction is done by its exec_ function instead, and the code goes on
 * behind it, or back in the engine's loop if it ends the block. Nothing of the instruction may have happened yet. */
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

/** Emits the FP access check, once a block (it may change only at the end of one). Uses rax. */
void check_fp(struct translation_state *t);

/** FPCR asks for round to nearest and no flushing, and IXC is set (`inexact`): else the rest of the block is
 * left to exec_ functions. Emitted once a block, before anything of the instruction. */
void check_fp_mode(struct translation_state *t, bool inexact);

/** The code of those exits, behind the block. */
void emit_fp_exits(struct translation_state *t);

/** Calls the exec_ function of `insn`. True where it ends the block: then the code does not go on. */
bool call_exec(struct translation_state *t, const struct insn *insn);

/** The host's flags, just set by an operation of this kind, are the guest's: they go into the state. */
void set_flags(struct translation_state *t, enum host_flags kind);

/** Makes the host's flags show guest condition `cond` (0 to 13); returns the host condition. Uses rax. */
enum x64_cc condition(struct translation_state *t, unsigned cond);

/** The classes: each translates the present instruction, or leaves it to exec_ having emitted nothing. */
bool translate_data(struct translation_state *t);
bool translate_bits(struct translation_state *t);
bool translate_fp(struct translation_state *t);
bool translate_vector(struct translation_state *t);
bool translate_structure(struct translation_state *t);
bool translate_atomic(struct translation_state *t);
enum outcome translate_memory(struct translation_state *t);
enum outcome translate_branch(struct translation_state *t);
enum outcome translate_system(struct translation_state *t);

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
