/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pointer authentication instructions (tables/pauth.tab). */
#include "interp/exec.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/pauth.h"

static uint64_t add(struct cpu *cpu, const struct insn *insn, uint64_t pointer, uint64_t modifier)
{
    pauth_check_use(cpu, insn, insn->opt);
    return pauth_add(cpu, pointer, modifier, insn->opt);
}

static uint64_t check(struct cpu *cpu, const struct insn *insn, uint64_t pointer, uint64_t modifier, enum pauth_key key)
{
    pauth_check_use(cpu, insn, key);
    return pauth_check(cpu, pointer, modifier, key);
}

/* Those in the space of hints. */

static bool present(const struct cpu *cpu)
{
    return has_feature(&cpu->features, FEAT_PAuth);
}

EXEC(pac_1716)
{
    if (present(cpu))
        cpu->x[17] = add(cpu, insn, cpu->x[17], cpu->x[16]);
}

EXEC(aut_1716)
{
    if (present(cpu))
        cpu->x[17] = check(cpu, insn, cpu->x[17], cpu->x[16], insn->opt);
}

EXEC(pac_lr)
{
    if (present(cpu))
        cpu->x[30] = add(cpu, insn, cpu->x[30], insn->amount ? cpu->x[REG_SP] : 0);
}

EXEC(aut_lr)
{
    if (present(cpu))
        cpu->x[30] = check(cpu, insn, cpu->x[30], insn->amount ? cpu->x[REG_SP] : 0, insn->opt);
}

EXEC(xpac_lri)
{
    if (present(cpu))
        cpu->x[30] = pauth_strip(cpu, cpu->x[30], false);
}

/* General. */

EXEC(pac)
{
    cpu->x[insn->rd] = add(cpu, insn, cpu->x[insn->rd], cpu->x[insn->rn]);
}

EXEC(aut)
{
    cpu->x[insn->rd] = check(cpu, insn, cpu->x[insn->rd], cpu->x[insn->rn], insn->opt);
}

EXEC(pac_zero)
{
    cpu->x[insn->rd] = add(cpu, insn, cpu->x[insn->rd], 0);
}

EXEC(aut_zero)
{
    cpu->x[insn->rd] = check(cpu, insn, cpu->x[insn->rd], 0, insn->opt);
}

EXEC(xpac)
{
    cpu->x[insn->rd] = pauth_strip(cpu, cpu->x[insn->rd], insn->opt);
}

EXEC(pacga)
{
    pauth_check_use(cpu, insn, PAUTH_GA);
    cpu->x[insn->rd] = pauth_generic(cpu, cpu->x[insn->rn], cpu->x[insn->rm]);
}

/* Branches. */

static void jump(struct cpu *cpu, const struct insn *insn, uint64_t modifier)
{
    uint64_t target = check(cpu, insn, cpu->x[insn->rn], modifier, insn->opt);
    if (has_feature(&cpu->features, FEAT_BTI))
        cpu->pstate.btype = debug_btype_of_jump(cpu, insn);
    cpu->pc = target;
}

static void call(struct cpu *cpu, const struct insn *insn, uint64_t modifier)
{
    uint64_t target = check(cpu, insn, cpu->x[insn->rn], modifier, insn->opt);
    if (has_feature(&cpu->features, FEAT_BTI))
        cpu->pstate.btype = 2;
    cpu->x[30] = cpu->pc;
    cpu->pc = target;
}

EXEC(braz)
{
    jump(cpu, insn, 0);
}

EXEC(blraz)
{
    call(cpu, insn, 0);
}

EXEC(reta)
{
    cpu->pc = check(cpu, insn, cpu->x[30], cpu->x[REG_SP], insn->opt);
}

EXEC(ereta)
{
    if (!cpu->pstate.el)
        cpu_undefined(cpu, insn);
    uint64_t elr = cpu->pstate.el == 2 ? cpu->sys.ELR_EL2 : cpu->sys.ELR_EL1;
    exception_return_to(cpu, insn, check(cpu, insn, elr, cpu->x[REG_SP], insn->opt));
}

EXEC(bra)
{
    jump(cpu, insn, cpu->x[insn->rm]);
}

EXEC(blra)
{
    call(cpu, insn, cpu->x[insn->rm]);
}

/* Loads by an authenticated data pointer. */

static uint64_t address_of(struct cpu *cpu, const struct insn *insn)
{
    uint64_t base = check(cpu, insn, cpu->x[insn->rn], 0, insn->opt ? PAUTH_DB : PAUTH_DA);
    cpu_check_sp(cpu, insn, base);
    return base + (uint64_t)insn->imm;
}

EXEC(ldra)
{
    uint64_t address = address_of(cpu, insn);
    cpu->x[insn->rd] = mem_read64(cpu, insn, address);
}

EXEC(ldra_pre)
{
    uint64_t address = address_of(cpu, insn);
    uint64_t value = mem_read64(cpu, insn, address);
    cpu->x[insn->rn] = address;
    cpu->x[insn->rd] = value;
}

HANDLERS(pauth)
