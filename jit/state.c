/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the translators of the instruction classes share: registers, the way to exec_ and back, flags, addresses. */
#include "jit/translate_vector.h"

/* --- registers ------------------------------------------------------------------------------------- */

/* The host register that holds guest register `reg`: its own, or `temp`, loaded. Flags stay. */
unsigned use(struct translation_state *t, unsigned reg, unsigned temp)
{
    if (pin_of[reg] >= 0)
        return (unsigned)pin_of[reg];
    if (reg == REG_ZERO)
        x64_mov_imm(t->c, temp, 0);
    else
        x64_load(t->c, 1, temp, HOST_CPU, offset_of(reg));
    return temp;
}

/* A copy of guest register `reg` in `temp`, to be changed there. */
void copy(struct translation_state *t, unsigned reg, unsigned temp)
{
    unsigned host = use(t, reg, temp);
    if (host != temp)
        x64_mov(t->c, 1, temp, host);
}

/* The host register to compute guest register `reg` in; done() takes it from there. */
unsigned destination(unsigned reg, unsigned temp)
{
    return pin_of[reg] >= 0 ? (unsigned)pin_of[reg] : temp;
}

void done(struct translation_state *t, unsigned reg, unsigned host)
{
    if (pin_of[reg] >= 0) {
        if (host != (unsigned)pin_of[reg])
            x64_mov(t->c, 1, (unsigned)pin_of[reg], host);
    } else if (reg != REG_SINK) {
        x64_store(t->c, 1, host, HOST_CPU, offset_of(reg));
    }
}

/* --- leaving to exec_ ------------------------------------------------------------------------------ */

static void load_plain(struct translation_state *t, const struct insn *insn)
{
    x64_mov_imm(t->c, RAX, (uint64_t)interp_plain_of(insn));
    x64_mov_imm(t->c, RCX, (uint64_t)insn);
    x64_mov_imm(t->c, RDX, t->end_offset);
}

static void call_stub(struct translation_state *t, uint64_t stub)
{
    x64_byte(t->c, 0xe8);
    x64_imm32(t->c, (int64_t)(stub - (x64_here(t->c) + 4)));
}

bool call_exec(struct translation_state *t, const struct insn *insn)
{
    vectors_store(t);
    load_plain(t, insn);
    if (insn_infos[insn->op].flags & INSN_ENDS_BLOCK) {
        x64_jmp_to(t->c, t->stubs->end_plain);
        return true;
    }
    call_stub(t, t->fp_armed ? t->stubs->call_plain_armed : t->stubs->call_plain);
    vectors_lost(t);
    t->flags = FLAGS_UNKNOWN;
    return false;
}

/* Where `cc` holds, the present instruction is done by its exec_ function instead. */
void slow_if(struct translation_state *t, enum x64_cc cc)
{
    t->slow[t->slow_count++] = (struct slow_path){.jump_end = x64_jcc(t->c, cc), .insn = t->insn};
}

void emit_slow_paths(struct translation_state *t)
{
    for (unsigned i = 0; i < t->slow_count; i++) {
        const struct slow_path *slow = &t->slow[i];
        x64_bind(t->c, slow->jump_end);
        /* Several ways out of one instruction share the code. */
        while (i + 1 < t->slow_count && t->slow[i + 1].insn == slow->insn)
            x64_bind(t->c, t->slow[++i].jump_end);
        vectors_move_all(t, slow->spilled, true);
        load_plain(t, slow->insn);
        call_stub(t, slow->armed ? t->stubs->call_plain_armed : t->stubs->call_plain);
        vectors_move_all(t, slow->reloaded, false);
        uint8_t *back = x64_jmp(t->c);
        if (!t->c->full)
            x64_patch(back, t->slow[i].resume);
    }
}

/* --- flags and conditions -------------------------------------------------------------------------- */

/* The host's flags, just set by an operation of this kind, are the guest's. */
void set_flags(struct translation_state *t, enum host_flags kind)
{
    x64_setcc_store(t->c, CC_S, HOST_CPU, FLAG(n));
    x64_setcc_store(t->c, CC_E, HOST_CPU, FLAG(z));
    x64_setcc_store(t->c, kind == FLAGS_OF_SUB ? CC_AE : CC_B, HOST_CPU, FLAG(c));
    x64_setcc_store(t->c, CC_O, HOST_CPU, FLAG(v));
    t->flags = kind;
}

/* The host condition for a guest condition while the host's flags are the guest's, or -1. */
static int live_condition(enum host_flags flags, unsigned cond)
{
    static const int8_t of_sub[14] = {CC_E, CC_NE, CC_AE, CC_B, CC_S,  CC_NS, CC_O,
                                      CC_NO, CC_A, CC_BE, CC_GE, CC_L, CC_G,  CC_LE};
    static const int8_t of_add[14] = {CC_E, CC_NE, CC_B, CC_AE, CC_S,  CC_NS, CC_O,
                                      CC_NO, -1,   -1,   CC_GE, CC_L, CC_G,  CC_LE};
    if (flags == FLAGS_UNKNOWN)
        return -1;
    return flags == FLAGS_OF_SUB ? of_sub[cond] : of_add[cond];
}

/* Makes the host's flags show guest condition `cond` (0 to 13); returns the host condition. Uses rax. */
enum x64_cc condition(struct translation_state *t, unsigned cond)
{
    int live = live_condition(t->flags, cond);
    if (live >= 0)
        return (enum x64_cc)live;
    struct x64 *c = t->c;
    enum x64_cc cc = CC_NE;
    t->flags = FLAGS_UNKNOWN;
    switch (cond >> 1) {
    case 0: x64_cmp_byte(c, HOST_CPU, FLAG(z), 0); break;
    case 1: x64_cmp_byte(c, HOST_CPU, FLAG(c), 0); break;
    case 2: x64_cmp_byte(c, HOST_CPU, FLAG(n), 0); break;
    case 3: x64_cmp_byte(c, HOST_CPU, FLAG(v), 0); break;
    case 4: /* C && !Z: C > Z */
        x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(c));
        x64_rm(c, 0, 0, 0x3a, RAX, HOST_CPU, FLAG(z), false);
        cc = CC_A;
        break;
    case 5: /* N == V */
        x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(n));
        x64_rm(c, 0, 0, 0x3a, RAX, HOST_CPU, FLAG(v), false);
        cc = CC_E;
        break;
    default: /* !Z && N == V */
        x64_load_sized(c, 0, false, 0, RAX, HOST_CPU, FLAG(n));
        x64_rm(c, 0, 0, 0x32, RAX, HOST_CPU, FLAG(v), false);
        x64_rm(c, 0, 0, 0x0a, RAX, HOST_CPU, FLAG(z), false);
        cc = CC_E;
        break;
    }
    return cond & 1 ? cc ^ 1 : cc;
}

/* FP access is checked once a block: what it depends on changes only at the end of one. */
void check_fp(struct translation_state *t)
{
    if (t->fp_checked)
        return;
    x64_load(t->c, 0, RAX, HOST_CPU, CPU_OFFSET(sys.CPACR_EL1));
    x64_not(t->c, 0, RAX);
    x64_test_imm(t->c, 0, RAX, 3 << 20);
    slow_if(t, CC_NE);
    t->flags = FLAGS_UNKNOWN;
    t->fp_checked = true;
}

void load_page_address(struct translation_state *t, unsigned to, int64_t offset)
{
    x64_load(t->c, 1, to, HOST_CPU, CPU_OFFSET(native.page));
    if (offset == (int32_t)offset) {
        x64_lea(t->c, 1, to, to, (int32_t)offset);
        return;
    }
    x64_mov_imm(t->c, RCX, (uint64_t)offset);
    x64_lea_indexed(t->c, 1, to, to, RCX, 0);
}
