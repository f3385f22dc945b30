/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translators of the instruction classes share while a block is translated. */
#ifndef ARMATURE_JIT_STATE_H
#define ARMATURE_JIT_STATE_H

#include "interp/block.h"
#include "isa/arm64/cpu.h"
#include "jit/faults.h"
#include "jit/ir.h"
#include "jit/translate.h"

/* Twins (sharing.h) have some of a block's operations a second time. */
#define MAX_EMITTED    (2 * BLOCK_MAX_INSNS)
#define MAX_SLOW_PATHS (7 * MAX_EMITTED) /* FCVTAU of two doubles has five, and one may check access */

/* What the host's flags are now. */
enum host_flags {
    FLAGS_UNKNOWN,
    FLAGS_OF_ADD,
    FLAGS_OF_SUB, /* the carry is the opposite of the guest's */
    FLAGS_OF_LOGIC,
    FLAGS_OF_ORDER, /* UCOMISS or UCOMISD of two numbers */
};

/* NZCV that are not in the state yet. Either the operands of the operation are still there, so that it can be done
 * again; or (`host_only`) the host's flags are all there is. */
struct pending_flags {
    uint8_t kind;      /* FLAG_KIND_ of translate.h, plus 1 if of 64 bits; 0: nothing is pending */
    bool host_only;
    bool of_result;    /* `a` is the result: the first operand is a + b (of a sum, a - b) */
    bool immediate;    /* the second operand is `imm`, not b */
    uint8_t a, b;      /* guest registers */
    int32_t moved;     /* that `a` has been changed by since: it was so much more */
    int64_t imm;
};

/* A conditional way out of line: to the exec_ function of an instruction and back. */
struct slow_path {
    uint8_t *jump_end;
    uint8_t *resume;
    uint8_t *twin; /* it goes there instead; or NULL */
    const struct insn *insn;
    struct pending_flags flags;
    uint8_t index; /* of the operation in its block */
    bool leads;    /* of a check for several accesses (sharing.h) */
    /* Vector registers, of a block by itself: what goes to the state before, and comes back behind. */
    uint32_t vectors_written, vectors_valid;
};

/* An access that does not hit its base register's slot: it goes by the indexed table, out of line. */
struct slot_miss {
    uint8_t *jump_end;
    uint8_t *resume; /* of a slot, which is filled then: where its addend is taken; else with the addend in rdx */
    const struct insn *insn;
    uint8_t address; /* the host register with the guest address, which the access lies .. */
    uint8_t offset;  /* .. so many bytes behind */
    uint16_t bytes;
    bool write;
    bool of_table;       /* there is no slot for it: the table does not know the page, or it is watched */
    uint32_t *counter;   /* of misses, or NULL */
    uint8_t *begun_at;   /* where the operation can be begun anew */
    unsigned slow_index; /* the place of its own among the slow paths */
};

/* A conditional way out of line for the rest of the block, from `insn` on: by exec_ functions. */
struct block_exit {
    uint8_t *jump_end;
    const uint8_t *faults_from, *faults_to; /* instead of a jump: where the host may refuse an access */
    const struct insn *insn;
    struct pending_flags flags;
    enum host_flags host_flags; /* what the host's are there */
    uint32_t vectors_written;
};

/* 16 bytes beside the code, at a run address. */
struct vector_constant {
    uint64_t low, high, at;
};

#define MAX_VECTOR_CONSTANTS 64

/* A jump out of line for what comes back. */
struct detour {
    uint8_t *jump_end, *resume;
};

/* What is known of the flags where a block of the unit begins, and of the vector registers (vector_bytes). */
struct flags_state {
    enum host_flags flags;
    struct pending_flags pending;
    bool raw;
    uint8_t vector_bytes[32];
};

/* A jump to another page, or a call of one, by the lookup that belongs to this place (translate_branch.c). */
struct far_jump {
    uint8_t *call_end;                       /* where it is called; NULL: it stands in line */
    uint8_t *missed[6];                      /* jumps of a lookup that does not know it, or out of a table */
    uint8_t *refused[2];                     /* jumps of one that must not leave a BTYPE behind it (emit_begin_check) */
    bool indirect;                           /* to rax; else to `offset` from native.page */
    int64_t offset;
    uint32_t lookup;                         /* offset from cpu->lookups */
    uint8_t btype;                           /* that it leaves; BTYPE_OF_PAGE: 1, or 3 from a guarded page; 0: none */
    const struct insn *insn;                 /* of a jump with one, or by a table */
    bool of_table;                           /* by the region's table, which does not lead on; with its registers, */
    struct pending_flags pending;            /* and flags */
    uint8_t *off_table[2];                   /* jumps from where the table does not lead on, before the lookup */
};

#define BTYPE_OF_PAGE 3

/* A jump out of a region, out of line: to other code, or because too little is left of the turn. Or within it: where
 * flags are committed on the way. */
struct way_out {
    uint8_t *jump_end;
    int64_t distance;              /* of its target from the block's end */
    const struct ir_block *falls_back; /* to this block's own translation instead */
    enum host_flags flags;
    struct pending_flags pending;
    bool flags_raw;
    int to;                        /* a block of the region, or IR_OUTSIDE */
    bool constant;                 /* the flags are `nzcv` on this way */
    uint8_t nzcv;
};

/* A conditional comparison whose condition does not hold, before a conditional branch: to wherever that leads with the
 * flags `nzcv`. */
struct known_way {
    uint8_t *jump_end;
    uint8_t nzcv;
};

/* A jump to a block of this unit. */
struct fixup {
    uint8_t *jump_end;
    unsigned to;
};

/* A region's table of where its BR may lead: run addresses, by place in the page. What leads elsewhere goes on at one
 * place behind it; where BTYPE may be asked for, each jump has its own, and the table 0 there. */
struct jump_table {
    unsigned jumps;                /* that use it */
    bool of_pads;                  /* it has BTI for jumps alone: no BTYPE matters */
    uint32_t first, places;        /* of the page's 1024, the first that it has, and how many */
    uint32_t longest;              /* of its targets: so much must be left of the turn */
    bool wants_flags;              /* one of them may look at those in the state */
    uint8_t *loads[IR_MAX_BLOCKS]; /* that load its address, */
    unsigned load_count;
    struct flags_state flags;      /* if one alone jumps, what is pending there, */
    unsigned rn;                   /* the register that it jumps by, */
    uint32_t lookup;               /* and its place's lookup */
};

/* What is pending on all edges to a block of a region: found the first time, known the second. */
struct met_flags {
    struct pending_flags pending;
    bool seen, differ, known;
};

/* What an access through a base register was checked for: from `from` up to `to` from where the register points now. */
struct shared_check {
    int32_t from, to;
    const uint8_t *addend_end; /* rdx holds the addend where the code is at this point .. */
    bool holds_addend;         /* .. or, of the present operation, at its end */
    bool valid, write;
    bool by_table; /* the addend is not the slot's but cpu->native.row_addend */
    uint8_t row;
};

/* Accesses with one check (sharing.h): places in the block, and what was known before the first one's check. */
struct row {
    uint8_t first, last;
    struct flags_state before;
};

#define MAX_ROWS 16

enum outcome { LEFT_TO_EXEC, TRANSLATED, ENDED };

struct translation_state {
    struct x64 *c, *cold;
    const struct stubs *stubs;
    const struct cpu *cpu;
    struct ir *ir;
    const struct ir_block *here;
    const int8_t *host_of;           /* the host register of each guest register in this unit, or -1 */
    bool lends_rdx;                  /* rdx is the host register of one of them; the translators leave it alone */
    uint64_t uses[REG_COUNT];        /* by how often the blocks are entered */
    uint64_t written;                /* a bit for each register that an operation of the unit writes */
    bool needs_fp, needs_armed_fp;
    uint8_t *label[IR_MAX_BLOCKS];
    struct flags_state flags_at[IR_MAX_BLOCKS]; /* of blocks that one edge leads to */
    bool flags_handed[IR_MAX_BLOCKS];           /* flags_at is valid */
    bool flags_needed[IR_MAX_BLOCKS];  /* NZCV may be looked at before they are set anew */
    bool flags_first[IR_MAX_BLOCKS];   /* they are read before anything else may look at them */
    struct flags_learned {
        bool needed, first, passes; /* passes: it neither reads nor sets them, and ends in no call or way out */
    } learned[IR_MAX_BLOCKS]; /* the same, as it is found out */
    struct jump_table table;
    struct met_flags met[IR_MAX_BLOCKS];
    struct fixup fixups[(4 + MAX_KNOWN_WAYS) * IR_MAX_BLOCKS]; /* edges, and those that renewed the stay on the way */
    unsigned fixup_count;
    uint8_t *plain_calls[IR_MAX_OPS * 3]; /* calls of the unit's own way to call_plain, which stands at its end */
    unsigned plain_call_count;
    uint8_t *adapt_calls[IR_MAX_OPS * 2]; /* the same for its way to job->adapt */
    unsigned adapt_call_count;
    const struct insn *insn;
    enum host_flags flags;
    struct pending_flags pending;
    bool flags_raw; /* what is in the state is known to be FLAG_KIND_RAW */
    struct detour settles[MAX_EMITTED];
    unsigned settle_count;
    struct way_out ways_out[4 + MAX_KNOWN_WAYS];
    unsigned way_out_count;
    struct known_way known_ways[MAX_KNOWN_WAYS]; /* of the comparisons before the branch that ends the block */
    unsigned known_way_count;
    struct far_jump far[4 + MAX_KNOWN_WAYS];
    unsigned far_count;
    uint8_t *return_missed; /* the jump of a return point that was not returned to */
    unsigned half;          /* of the address space, where the code is */
    bool fp_checked, fp_armed;
    struct arming {
        uint8_t *jump_end, *resume; /* jump_end NULL: there is none */
        struct block_exit exit;     /* where that cannot be */
    } arming;               /* out of line, where FP was not armed yet */
    /* Vector registers (translate_vector.h), as they are at this place of the unit. */
    int8_t vector_of[32];      /* the host register of each, or -1: it is in the state */
    uint32_t vectors_to_write; /* of a region: those that it writes */
    uint32_t vector_valid;     /* those whose host register holds their value */
    uint32_t vector_written;   /* of these, those whose value in the state may be old */
    uint8_t vector_bytes[32];  /* of each, how many of the lowest bytes may be other than zero: 4, 8 or 16 */
    const struct insn *done_too; /* a later instruction, where an earlier one's code does it as well */
    struct vector_constant constants[MAX_VECTOR_CONSTANTS];
    unsigned constant_count;
    struct block_exit exits[3 * MAX_EMITTED + 2];
    unsigned exit_count, exit_first; /* exit_first: of the present instruction */
    bool flags_read, flags_set; /* by the present instruction */
    bool may_leave;             /* the present instruction may go on elsewhere, where the flags may be looked at */
    struct fault_table *faults; /* NULL: what is compiled now is not kept */
    unsigned faults_here;       /* how many of the present instruction's exits are faults */
    bool sp_aligned;            /* known, of the guest's SP */
    struct slow_path slow[MAX_SLOW_PATHS];
    unsigned slow_count, slow_first; /* slow_first: of the present instruction */
    struct slot_miss misses[MAX_EMITTED];
    unsigned miss_count;
    void (*adapt)(struct cpu *cpu, const struct insn *insn);
    uint32_t *misses_counted; /* counters of a block's accesses, or NULL */
    uint32_t *miss_counter; /* of the present instruction, or NULL */
    bool changes_pages;     /* the present access goes by the indexed table at once */
    /* A host register that was stored for guest register `stored`, and what was emitted ended there. */
    const uint8_t *stored_end;
    unsigned stored, stored_from;
    unsigned index;         /* of the present operation in its block */
    uint8_t *begun_at;      /* where its own code begins, behind flags_before_insn() */
    bool in_twin;           /* it is emitted a second time */
    struct shared_check checks[REG_COUNT]; /* by base register */
    struct row rows[MAX_ROWS];             /* in the order of their first */
    unsigned row_count;
    uint8_t *behind[BLOCK_MAX_INSNS];      /* each operation's code in line */
    struct unit_code *result;
    uint32_t end_offset; /* the block's end in its page, up to the page's size */
};

#define CPU_OFFSET(member) ((int32_t)offsetof(struct cpu, member) - CPU_BIAS)
#define FLAG(member)       CPU_OFFSET(nzcv.member)

static inline int32_t offset_of(unsigned reg)
{
    return (int32_t)(offsetof(struct cpu, x) + 8 * reg) - CPU_BIAS;
}

/** The host register that holds guest register `reg`: its own, or `temp`, loaded. The host's flags stay. */
unsigned general_use(struct translation_state *t, unsigned reg, unsigned temp);

/** Whether guest register `reg` is in the state alone: at `*at` from HOST_CPU, for an operand of that use. */
bool general_in_state(struct translation_state *t, unsigned reg, int32_t *at);

/** A copy of guest register `reg` in `temp`, to be changed there. The host's flags stay. */
void general_copy(struct translation_state *t, unsigned reg, unsigned temp);

/** The host register to compute guest register `reg` in; general_done() takes it from there. */
unsigned general_destination(const struct translation_state *t, unsigned reg, unsigned temp);
void general_done(struct translation_state *t, unsigned reg, unsigned host);

/** From the registers as they are everywhere (pin_of; the vector registers in the state) to the unit's own, and back.
 *  The flags stay. */
void take_registers(struct translation_state *t);
void give_registers(struct translation_state *t);

/** The same where keep_rdx() has been and rdx is another by now: what it held for the guest goes to the state. */
void give_registers_but_rdx(struct translation_state *t);
void keep_rdx(struct translation_state *t);

/** Where `cc` holds, the present instruction is done by its exec_ function instead, and the code goes on
 * behind it, or back in the engine's loop if it ends the block. Nothing of the instruction may have happened yet. */
void slow_if(struct translation_state *t, enum x64_cc cc);

/** From here on up to its end the present instruction accesses the process's memory at addresses that nobody has
 * checked. Where the host refuses, it and the rest of the block are done by exec_ functions, from its beginning: no
 * base register has changed. The guest's flags are right there only where somebody will read them. */
void may_fault(struct translation_state *t);

/** Emits what slow_if() promised, out of line behind the block. */
void emit_slow_paths(struct translation_state *t);

/** The base register's address plus `offset`, in rax, with the SP alignment check. */
void address_at(struct translation_state *t, int32_t offset);

/** rax is the guest address of an access: makes it the host's, or takes the slow path. Uses rcx, rdx. `has_base`: it
 *  lies at the present instruction's base register. */
void translate_address(struct translation_state *t, unsigned bytes, bool write, bool has_base);

/** The base register's address plus `offset` as address_at() has it, in the base's own host register or rax: which is
 *  returned, and not to be changed. */
unsigned base_address(struct translation_state *t, int32_t offset);

/** An access lies `offset` (not negative) bytes behind the guest address in host register `address`. Returns the host's
 *  operand for that address, with what is added to it in rdx; or takes the slow path. Uses rcx, and rax where that is
 *  not `address`. `has_base`: it goes by the slot of the present instruction's base register, unless that was seen to
 *  change pages often; only then may there be an offset, and the access must be within TLB_SLOT_BYTES. */
unsigned find_host(struct translation_state *t, unsigned address, int32_t offset, unsigned bytes, bool write,
                   bool has_base);

/** rcx = how far behind a table's beginning the TLB's entry of the guest address in `address` lies. Uses rdx. */
void load_tlb_place(struct x64 *c, unsigned address);

/** to = the TLB's table of a regime. Uses temp. */
void load_tlb_table(struct x64 *c, unsigned to, unsigned temp, enum tlb_regime regime);

/** Whether the present instruction is an access whose code leaves the host's flags alone. */
bool access_keeps_flags(const struct translation_state *t);

/** Emits the out-of-line parts of the block's accesses (translate_memory.c). */
void emit_slot_misses(struct translation_state *t);

/** Emits the FP access check, once a block of its own (it may change only at the end of one). Uses rax. */
void check_fp(struct translation_state *t);

/** Where `cc` holds, this and the rest of the block are done by exec_ functions. Nothing of the present instruction
 *  may have happened yet. */
void exit_if(struct translation_state *t, enum x64_cc cc);

/** FP access is free, FPCR is 0, and the host's FP flags are the guest's from here on: else the rest of the block is
 *  left to exec_ functions. Emitted once a block, before anything of the instruction. Uses rax. */
void arm_fp(struct translation_state *t);

/** What arm_fp() has out of line. */
void emit_arms(struct translation_state *t);

/** Leaves as exit_if() does. */
void leave_by_exit(struct translation_state *t, const struct block_exit *way);

/** The code of exit_if(), behind the block. */
void emit_exits(struct translation_state *t);

/** Loads what the stubs call_plain and end_plain want for `insn`. */
void load_plain(struct translation_state *t, const struct insn *insn);

/** Calls the exec_ function of `insn`. True where it ends the block: then the code does not go on. */
bool call_exec(struct translation_state *t, const struct insn *insn);

/* NZCV (flags.c). */

/** The host's flags, just set by an operation of this kind, are the guest's. */
void set_flags(struct translation_state *t, enum host_flags kind);

/** The same, of an operation that can be done again: `kind` is FLAG_KIND_SUB, _ADD or _AND of guest register a and
 *  register b or `imm`. The members are those of struct pending_flags. */
void set_flags_of(struct translation_state *t, struct pending_flags operation);

/** The host's flags become those of a subtraction with these NZCV (bits 3 to 0). Uses rax. */
void set_flags_constant(struct translation_state *t, unsigned nzcv);

/** The host's flags, of t->flags' kind, take the form of a subtraction's; those of numbers in order, of what is greater
 *  less what is less. Uses rax. */
void flags_to_subtraction(struct translation_state *t);

/** Makes the host's flags show guest condition `cond` (0 to 13); returns the host condition. Uses rax, rcx, rdx. */
enum x64_cc condition(struct translation_state *t, unsigned cond);

/** Whether guest condition `cond` (0 to 13) holds with these NZCV (bits 3 to 0). */
bool condition_of(unsigned cond, unsigned nzcv);

/** Whether the present instruction, a conditional comparison, need not make its NZCV where its condition does not hold:
 *  a conditional branch is all that reads them, and both ways on do without. */
bool comparison_only_branches(const struct translation_state *t);

/** Makes the host's carry the guest's, or its opposite. Uses rax, rcx, rdx. */
void carry_to_host(struct translation_state *t, bool inverted);

/** rax = the flags as FLAG_KIND_RAW has them, with anything above. Uses rcx, rdx. */
void flags_to_rax(struct translation_state *t);

/** They become what rax says in that form. */
void flags_from_rax(struct translation_state *t);

/** What is pending goes into the state. The host's flags stay as they are, or become those of a subtraction. Uses rax,
 *  rcx. */
void commit_flags(struct translation_state *t);

/** The flags are in the state, in the form that is read most easily: for a place that several edges lead to and that
 *  begins with reading them. The host's flags are lost unless they are pending. Uses rax, rcx, rdx. */
void commit_flags_raw(struct translation_state *t);

/** Whether the instruction is a product that translate_data() makes without touching the host's flags. */
bool multiplies_quietly(const struct translation_state *t, const struct insn *insn);

/** Whether it is RBIT and CLZ of its result into the same register, which is one instruction of the host's. */
bool counts_trailing(const struct insn *reverse, const struct insn *count);

/** An edge leads to this block of the region, or to IR_OUTSIDE, from here: before anything is committed for it. */
void flags_note_edge(struct translation_state *t, int to);

/** The region was emitted for the first time: from now on it is known what all edges to a block bring. */
void flags_meet(struct translation_state *t);

/** Before the present instruction: commits what could not be committed behind it. */
void flags_before_insn(struct translation_state *t);

/** The code of detours to flags in the state. */
void emit_settles(struct translation_state *t);

/** rcx is a block: sets `refused` where it may not begin, being stale or too long for what is left. Uses rdx. */
void emit_begin_check(struct x64 *c, uint8_t *refused[2]);

/** The code of jumps out of a region that stands out of line. */
void emit_ways_out(struct translation_state *t);

/** The code of jumps to other pages that stands out of line. */
void emit_far_jumps(struct translation_state *t);

/** Room for another jump out of line, of the block that is translated. */
struct far_jump *new_far_jump(struct translation_state *t);

/** The lookup of the present instruction's place, as an offset from cpu->lookups. Places may share one: it says itself
 *  what it knows. */
uint32_t lookup_of(const struct translation_state *t);

/** BTYPE that BR leaves, as far as that is known (BTYPE_OF_PAGE). */
uint8_t btype_of(const struct insn *insn);

/** BR by the region's table (translate_table.c). Ends the block. */
void branch_by_table(struct translation_state *t);

/** Says what the region's jump table has; and writes it, when all blocks have their places, with what is behind it. */
void begin_jump_table(struct translation_state *t);
void emit_jump_table(struct translation_state *t);

/** The classes: each translates the present instruction, or leaves it to exec_ having emitted nothing. */
bool translate_data(struct translation_state *t);
bool translate_bits(struct translation_state *t);
bool translate_flags(struct translation_state *t);
bool translate_pauth(struct translation_state *t);
bool translate_fp(struct translation_state *t);
bool translate_vector(struct translation_state *t);
bool translate_structure(struct translation_state *t);
bool translate_atomic(struct translation_state *t);
enum outcome translate_memory(struct translation_state *t);
enum outcome translate_branch(struct translation_state *t);
enum outcome translate_system(struct translation_state *t);

/** rax = the pointer in `reg` authenticated with `modifier` by the present instruction's key (translate_pauth.c). Uses
 *  rcx, rdx. */
void pauth_check_to_rax(struct translation_state *t, unsigned reg, unsigned modifier);

/** MRS and MSR of NZCV (translate_flags.c). */
void read_nzcv(struct translation_state *t);
void write_nzcv(struct translation_state *t);

/** The address of the present instruction plus `distance`, as an offset from native.page. */
static inline int64_t page_offset(const struct translation_state *t, int64_t distance)
{
    return (int64_t)t->end_offset - 4ll * t->insn->left + distance;
}

/** to = native.page + offset. */
void load_page_address(struct translation_state *t, unsigned to, int64_t offset);

/** Whether a block of the region is entered with FLAG_KIND_RAW by all edges that commit flags for it. */
static inline bool raw_at(const struct translation_state *t, int to)
{
    const struct ir_block *block = &t->ir->blocks[to];
    return to > 0 && !block->is_return && !block->is_target && !t->met[to].known && t->flags_first[to];
}

/** Branches whose way on says itself whether somebody will look at the flags. */
static inline bool passes_flags(unsigned op)
{
    return op == OP_b || op == OP_cbz || op == OP_cbnz || op == OP_tbz || op == OP_tbnz;
}

/** Ends the block: on to the block behind it. */
void go_on(struct translation_state *t);

#endif
