/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The interpreter's answer to a case. */
#include "ours.h"
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include "interp/block.h"
#include "isa/arm64/decode.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"

#define RAM_BASE  0x40000000ull
#define RAM_BYTES (32ull << 20)
#define TABLES    RAM_BASE /* levels 1, 2, 3: a page each */

#define TABLE_OR_PAGE 3ull
#define DATA_PAGE     (TABLE_OR_PAGE | 1ull << 6 | 3ull << 8 | 1ull << 10 | 3ull << 53) /* EL0 RW, AF, XN */

#define TCR (25ull | 5ull << 32 | 1ull << 37 | 1ull << 23) /* 39 bits below, TBI0, EPD1 */

static struct bus bus;
static struct clock virtual_clock;
static struct cpu *cpu;
static uint8_t pristine[WINDOW_BYTES];
static uint64_t sctlr;

static void poke(uint64_t physical, uint64_t value)
{
    memcpy(ram_at(&bus.ram, physical, 8), &value, sizeof value);
}

#define CODE_PAGE                                                                                            \
    (TABLE_OR_PAGE | 3ull << 8 | 1ull << 10 | 1ull << 53) /* EL0 executes, and has no access                 \
                                                           */

static void map_regions(void)
{
    poke(TABLES + (WINDOW_BASE >> 30) * 8, (TABLES + 0x1000) | TABLE_OR_PAGE);
    poke(TABLES + 0x1000 + (WINDOW_BASE >> 21 & 511) * 8, (TABLES + 0x2000) | TABLE_OR_PAGE);
    for (uint64_t at = WINDOW_BASE; at < WINDOW_BASE + WINDOW_BYTES; at += PAGE_SIZE_BYTES)
        poke(TABLES + 0x2000 + (at >> 12 & 511) * 8, at | DATA_PAGE);
    for (uint64_t at = CODE_BASE; at < CODE_BASE + CODE_BYTES; at += PAGE_SIZE_BYTES)
        poke(TABLES + 0x2000 + (at >> 12 & 511) * 8, at | CODE_PAGE);
}

bool ours_create(void)
{
    struct error error;
    cpu = aligned_alloc(64, (sizeof *cpu + 63) & ~63ul);
    if (!cpu)
        return false;
    memset(cpu, 0, sizeof *cpu);
    clock_init(&virtual_clock);
    if (!bus_init(&bus, RAM_BASE, RAM_BYTES, &error) ||
        !cpu_init(cpu, 0, CPU_MAX, &bus, &virtual_clock, &error))
        return false;
    map_regions();
    wire_fill_window(pristine);
    memcpy(ram_at(&bus.ram, WINDOW_BASE, WINDOW_BYTES), pristine, WINDOW_BYTES);
    cpu->sys.TTBR0_EL1 = TABLES;
    cpu->sys.TCR_EL1 = TCR;
    cpu->sys.MAIR_EL1 = 0xff;
    /* The MMU on; no stack alignment checks, which the judge does not make. */
    sctlr = (cpu->sys.SCTLR_EL1 | 1) & ~(3ull << 3);
    cpu->sys.SCTLR_EL1 = sctlr;
    cpu->sys.CPACR_EL1 = 3u << 20;
    /* Branches look up where they lead: nowhere known, so that they come back. */
    cpu->lookups = aligned_alloc(64, LOOKUP_ENTRIES * sizeof(struct lookup));
    if (!cpu->lookups)
        return false;
    memset(cpu->lookups, 0xff, LOOKUP_ENTRIES * sizeof(struct lookup));
    mmu_control_changed(cpu);
    return true;
}

void ours_free(void)
{
    free(cpu->lookups);
    cpu_free(cpu);
    bus_free(&bus);
    clock_free(&virtual_clock);
    free(cpu);
}

void ours_decode(uint32_t word, struct insn *insn)
{
    insn_decode(word, &cpu->features, insn);
}

bool ours_has_feature(unsigned feature)
{
    return has_feature(&cpu->features, (enum feature)feature);
}

static void set_state(const struct wire_state *state)
{
    cpu->pstate = (struct pstate){.el = 0};
    cpu->sys.ESR_EL1 = 0;
    cpu->sys.FAR_EL1 = 0;
    cpu_state_changed(cpu);
    memcpy(cpu->x, state->x, sizeof state->x);
    cpu->x[REG_ZERO] = 0;
    cpu->x[REG_SP] = state->sp;
    cpu->nzcv = nzcv_unpack(state->nzcv);
    memcpy(cpu->v, state->v, sizeof state->v);
    cpu->fpcr = state->fpcr;
    cpu->fpsr = state->fpsr;
    cpu->exclusive.size = 0;
    cpu->pc = CODE_SLOT;
    cpu->icount = 0;
    cpu->limit = 0;
}

static void get_state(struct wire_state *state, bool raised)
{
    memcpy(state->x, cpu->x, sizeof state->x);
    state->sp = raised ? cpu->sp_banked[0] : cpu->x[REG_SP];
    state->pc = raised ? cpu->sys.ELR_EL1 : cpu->pc;
    state->nzcv = nzcv_pack(raised ? nzcv_unpack((uint32_t)cpu->sys.SPSR_EL1) : cpu->nzcv);
    memcpy(state->v, cpu->v, sizeof state->v);
    state->fpcr = (uint32_t)cpu->fpcr;
    state->fpsr = (uint32_t)cpu->fpsr;
}

static void step(uint32_t word, enum form form)
{
    struct insn records[2];
    ours_decode(word, &records[0]);
    records[0].left = 1;
    records[1] = (struct insn){.run = run_block_end};
    cpu->pc += 4;
    cpu->icount++;
    if (form == FORM_THREADED)
        interp_handler(insn_handler_of(&records[0]))(cpu, &records[0]);
    else
        interp_plain_of (&records[0])(cpu, &records[0]);
}

static enum outcome outcome_of_exception(void)
{
    switch (cpu->sys.ESR_EL1 >> 26) {
    case EC_UNKNOWN: return OUTCOME_UNDEFINED;
    case EC_DATA_ABORT_LOWER: return OUTCOME_MEMORY_FAULT;
    default: return OUTCOME_OTHER;
    }
}

static bool touched_code(void)
{
    const uint64_t far = cpu->sys.FAR_EL1 & 0x00ffffffffffffff;
    return far >= CODE_BASE - 64 && far < CODE_BASE + CODE_BYTES;
}

bool ours_run(const struct wire_case *c, enum form form, struct wire_result *result)
{
    jmp_buf on_exception;
    volatile bool raised = true;
    volatile uint32_t done = 0;
    memset(result, 0, sizeof *result);
    set_state(&c->state);
    cpu->on_exception = &on_exception;
    if (!_setjmp(on_exception)) {
        for (; done < c->count; done++)
            step(c->words[done], form);
        raised = false;
    }
    result->outcome = raised ? outcome_of_exception() : OUTCOME_DONE;
    get_state(&result->state, raised);
    if (c->uses_memory)
        wire_settle_window(result, ram_at(&bus.ram, WINDOW_BASE, WINDOW_BYTES), pristine);
    return !raised || (done == c->count - 1 && !touched_code());
}
