/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small machine: building it, loading a program, running turns. */
#include "tests/jit/rig.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"

#define RAM_BASE    0x40000000ull
#define DEVICE_BASE 0x09000000ull

/* Physical pages of RAM. */
enum { TABLE_1, TABLE_2, TABLE_3, VECTORS, CODE, CODE_2, DATA, DATA_2, READ_ONLY, PRIVATE };

#define RIG_VECTORS (CODE_BASE + 0x20000)
#define RIG_DEVICE  (CODE_BASE + 0x30000) /* for the vectors, whatever PAN says */

/* Descriptors (Arm ARM D8.3). */
#define LEAF           (3ull | 3ull << 8 | 1ull << 10) /* page, shareable, AF */
#define BOTH           (1ull << 6)                     /* EL0 too */
#define NO_WRITE       (1ull << 7)
#define GUARDED        (1ull << 50)
#define PXN            (1ull << 53)
#define UXN            (1ull << 54)
#define DEVICE         (1ull << 2) /* MAIR attribute 1 */
#define PHYSICAL(page) (RAM_BASE + (page)*RIG_PAGE)

#define TCR   (25ull | 5ull << 32 | 1ull << 37 | 1ull << 23) /* 39 bits below, TBI0, EPD1 */
#define SCTLR (0x30d00980ull | 1 | 1 << 2 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 26)

/* The device: a read depends on all that went before; writes clear or raise the interrupt, or are refused. */

static void device_note(struct rig *rig, uint64_t offset, unsigned size, uint64_t value)
{
    const uint64_t words[] = {rig->device_hash, offset, size, value, rig->clock.now_ns};
    rig->device_hash = hash_bytes(words, sizeof words, FIELDS_HASH_SEED);
}

static bool device_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct rig *rig = device;
    device_note(rig, offset, size, 0);
    *value = rig->device_hash & UINT64_MAX >> (64 - 8 * size);
    return (offset & 0x300) != 0x300;
}

static bool device_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct rig *rig = device;
    device_note(rig, offset, size, value);
    if (offset == 0)
        cpu_set_interrupt(&rig->cpu, CPU_IRQ, false);
    else if (offset & 0x40)
        cpu_set_interrupt(&rig->cpu, CPU_IRQ, true);
    return (offset & 0x300) != 0x200;
}

static const struct mmio_ops device_ops = {device_read, device_write};

/* Building. */

static void on_flagged_write(void *context, uint64_t page_address)
{
    struct rig *rig = context;
    rig->ops->page_written(rig->engine, page_address);
}

_Noreturn void rig_fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

struct rig *rig_alloc(const struct engine_ops *ops)
{
    struct rig *rig = aligned_alloc(64, (sizeof *rig + 63) & ~63ul);
    if (!rig)
        rig_fail("no memory");
    memset(rig, 0, sizeof *rig);
    rig->name = ops->name;
    rig->ops = ops;
    clock_init(&rig->clock);
    return rig;
}

void rig_init_cpu(struct rig *rig, enum cpu_model model)
{
    struct error error = {""};
    if (!cpu_init(&rig->cpu, 0, model, &rig->bus, &rig->clock, &error))
        rig_fail(error.text);
    rig->engine = rig->ops->create(&rig->bus, 1, &error);
    if (!rig->engine)
        rig_fail(error.text);
}

void rig_free(struct rig *rig)
{
    rig->ops->free(rig->engine);
    if (rig->kind->free)
        rig->kind->free(rig);
    cpu_free(&rig->cpu);
    bus_free(&rig->bus);
    clock_free(&rig->clock);
    free(rig);
}

/* Loading. */

static void poke(uint8_t *ram, unsigned page, unsigned index, uint64_t value)
{
    memcpy(ram + page * RIG_PAGE + index * 8, &value, sizeof value);
}

static void map(uint8_t *ram, uint64_t va, uint64_t physical, uint64_t attributes)
{
    poke(ram, TABLE_3, va >> 12 & 511, physical | LEAF | attributes);
}

static void make_tables(uint8_t *ram, const struct program *program)
{
    poke(ram, TABLE_1, CODE_BASE >> 30, PHYSICAL(TABLE_2) | 3);
    poke(ram, TABLE_2, CODE_BASE >> 21 & 511, PHYSICAL(TABLE_3) | 3);
    for (unsigned i = 0; i < RIG_CODE_PAGES; i++) {
        const uint64_t guarded = program->guarded >> i & 1 ? GUARDED : 0;
        map(ram, RIG_CODE_EL1 + i * RIG_PAGE, PHYSICAL(CODE + i), guarded | UXN);
        map(ram, RIG_CODE_EL0 + i * RIG_PAGE, PHYSICAL(CODE + i), guarded | BOTH | PXN);
    }
    map(ram, RIG_VECTORS, PHYSICAL(VECTORS), NO_WRITE | UXN);
    map(ram, RIG_DEVICE, DEVICE_BASE, DEVICE | UXN | PXN);
    map(ram, RIG_TABLE, PHYSICAL(TABLE_3), UXN | PXN);
    map(ram, RIG_WINDOW - RIG_PAGE, DEVICE_BASE, DEVICE | BOTH | UXN | PXN);
    map(ram, RIG_WINDOW, PHYSICAL(DATA_2), BOTH | UXN | PXN);
    map(ram, RIG_WINDOW + 1 * RIG_PAGE, PHYSICAL(DATA), BOTH | UXN | PXN);
    map(ram, RIG_WINDOW + 2 * RIG_PAGE, PHYSICAL(READ_ONLY), BOTH | NO_WRITE | UXN | PXN);
    map(ram, RIG_WINDOW + 4 * RIG_PAGE, PHYSICAL(DATA_2), BOTH | UXN | PXN);
    map(ram, RIG_WINDOW + 5 * RIG_PAGE, PHYSICAL(PRIVATE), UXN | PXN);
    map(ram, RIG_WINDOW + 6 * RIG_PAGE, PHYSICAL(CODE), BOTH | UXN | PXN);
    for (unsigned i = 0; i < program->table_writes; i++)
        poke(ram, TABLE_1, program->table[i].index % (3 * RIG_PAGE / 8), program->table[i].descriptor);
}

/* Synchronous exceptions go on behind the instruction; an interrupt is cleared at the device. */
static void make_vectors(uint8_t *ram)
{
    static const uint32_t skip[] = {
        0xd518d080, /* msr tpidr_el1, x0 */
        0xd5384020, /* mrs x0, elr_el1 */
        0x91001000, /* add x0, x0, #4 */
        0xd5184020, /* msr elr_el1, x0 */
        0xd538d080, /* mrs x0, tpidr_el1 */
        0xd69f03e0, /* eret */
    };
    static const uint32_t clear[] = {
        0xd518d080, /* msr tpidr_el1, x0 */
        0xd53bd060, /* mrs x0, tpidrro_el0 */
        0xb900001f, /* str wzr, [x0] */
        0xd538d080, /* mrs x0, tpidr_el1 */
        0xd69f03e0, /* eret */
    };
    uint8_t *vectors = ram + VECTORS * RIG_PAGE;
    for (unsigned i = 0; i < 16; i++)
        memcpy(vectors + i * 0x80, i % 4 ? clear : skip, i % 4 ? sizeof clear : sizeof skip);
}

uint32_t rig_word(const struct program *program, uint32_t index)
{
    const bool inside = index >= program->first && index - program->first < program->count;
    return inside ? program->words[index - program->first] : RIG_WFI;
}

static void make_ram(uint8_t *ram, const struct program *program)
{
    memset(ram, 0, RIG_PAGES * RIG_PAGE);
    make_tables(ram, program);
    make_vectors(ram);
    for (unsigned i = 0; i < RIG_CODE_WORDS; i++) {
        const uint32_t word = rig_word(program, i);
        memcpy(ram + CODE * RIG_PAGE + i * 4, &word, sizeof word);
    }
    wire_fill_window(ram + DATA * RIG_PAGE);
    wire_fill_window(ram + READ_ONLY * RIG_PAGE);
}

uint64_t rig_entry(const struct program *program)
{
    return (program->el ? RIG_CODE_EL1 : RIG_CODE_EL0) + 4ull * program->first;
}

void rig_set_registers(struct rig *rig, const struct program *program)
{
    struct cpu *cpu = &rig->cpu;
    memcpy(cpu->x, program->state.x, sizeof program->state.x);
    cpu->x[REG_SP] = program->state.sp;
    memcpy(cpu->v, program->state.v, sizeof cpu->v);
    cpu->nzcv = nzcv_unpack(program->state.nzcv);
    cpu->fpcr = program->state.fpcr;
    cpu->fpsr = program->state.fpsr;
    cpu->pc = rig_entry(program);
}

static void load(struct rig *rig, const struct program *program)
{
    static uint8_t ram[RIG_PAGES * RIG_PAGE];
    struct cpu *cpu = &rig->cpu;
    make_ram(ram, program);
    bus_dma_write(&rig->bus, RAM_BASE, ram, sizeof ram);
    rig->ops->flush(rig->engine);
    rig->device_hash = 0;
    rig->clock.now_ns = 0;
    rig->end = 0;

    cpu->icount = cpu->unretired = cpu->turn_icount = cpu->turn_ns = cpu->event_stream_mark = 0;
    cpu->irq_pending = cpu->fiq_pending = cpu->stop_requested = 0;
    cpu_reset(cpu);
    cpu_seed_rng(cpu, 1);
    cpu->sys.TTBR0_EL1 = PHYSICAL(TABLE_1);
    cpu->sys.TCR_EL1 = TCR ^ program->tcr;
    cpu->sys.APIAKeyLo_EL1 = 0x0123456789abcdef;
    cpu->sys.APDBKeyHi_EL1 = 0xfedcba9876543210;
    cpu->sys.MAIR_EL1 = 0xff;
    cpu->sys.SCTLR_EL1 = SCTLR | (program->sp_checked ? 3u << 3 : 0) | (program->aligned ? 2 : 0);
    cpu->sys.SCTLR_EL1 ^= program->sctlr;
    cpu->sys.CPACR_EL1 = program->fp_disabled ? 0 : 3u << 20;
    cpu->sys.VBAR_EL1 = RIG_VECTORS;
    cpu->sys.TPIDRRO_EL0 = RIG_DEVICE;
    cpu->pstate = (struct pstate){.el = program->el, .spsel = program->el, .daif = program->daif};
    rig_set_registers(rig, program);
    mmu_control_changed(cpu);
    cpu_state_changed(cpu);
}

bool rig_wrote_code(const struct rig *rig, const struct program *program)
{
    for (uint32_t i = 0; i < RIG_CODE_WORDS; i++) {
        uint32_t word;
        memcpy(&word, rig->bus.ram.host + CODE * RIG_PAGE + i * 4, sizeof word);
        if (word != rig_word(program, i) && word != RIG_NOP)
            return true;
    }
    return false;
}

/* Another CPU exchanges two of the window's pages, chosen by `which`, and says so by TLBI. */
static void remap(struct rig *rig, unsigned which)
{
    const uint64_t va[2] = {RIG_WINDOW + which % 8 * RIG_PAGE, RIG_WINDOW + which / 8 % 8 * RIG_PAGE};
    uint64_t entries[2];
    for (unsigned i = 0; i < 2; i++)
        bus_dma_read(&rig->bus, PHYSICAL(TABLE_3) + (va[i] >> 12 & 511) * 8, &entries[i], 8);
    for (unsigned i = 0; i < 2; i++) {
        bus_dma_write(&rig->bus, PHYSICAL(TABLE_3) + (va[i] >> 12 & 511) * 8, &entries[!i], 8);
        tlb_invalidate_va(&rig->cpu, va[i], TLB_ANY_ASID);
    }
}

/* The same of the pages of code, which become guarded or not. */
static void guard(struct rig *rig, unsigned guarded)
{
    for (unsigned i = 0; i < 2 * RIG_CODE_PAGES; i++) {
        const unsigned page = i % RIG_CODE_PAGES;
        const uint64_t va = (i == page ? RIG_CODE_EL1 : RIG_CODE_EL0) + page * RIG_PAGE;
        const uint64_t at = PHYSICAL(TABLE_3) + (va >> 12 & 511) * 8;
        uint64_t entry;
        bus_dma_read(&rig->bus, at, &entry, sizeof entry);
        entry = guarded >> page & 1 ? entry | GUARDED : entry & ~GUARDED;
        bus_dma_write(&rig->bus, at, &entry, sizeof entry);
        tlb_invalidate_va(&rig->cpu, va, TLB_ANY_ASID);
    }
}

static bool turn(struct rig *rig, const struct program *program, unsigned number)
{
    struct cpu *cpu = &rig->cpu;
    rig->end += program->turns[number].insns;
    if (program->turns[number].irq)
        cpu_set_interrupt(cpu, CPU_IRQ, true);
    if (program->turns[number].remap)
        remap(rig, program->turns[number].remap);
    if (program->turns[number].guard)
        guard(rig, program->turns[number].guard - 1u);
    if (program->turns[number].patch) {
        const uint64_t at =
            PHYSICAL(CODE) + 4 * ((program->first + program->turns[number].patch) % RIG_CODE_WORDS);
        const uint32_t word = RIG_NOP;
        bus_dma_write(&rig->bus, at, &word, sizeof word);
    }
    do {
        cpu->limit = rig->end;
        rig->exit = rig->ops->run(rig->engine, cpu);
    } while (rig->exit == ENGINE_EXIT_LIMIT && cpu->icount < rig->end);
    return rig->exit == ENGINE_EXIT_LIMIT;
}

static const struct rig_kind machine_kind = {load, turn, NULL};

struct rig *rig_create(const struct engine_ops *ops, enum cpu_model model)
{
    struct rig *rig = rig_alloc(ops);
    struct error error = {""};
    rig->kind = &machine_kind;
    if (!bus_init(&rig->bus, RAM_BASE, RIG_PAGES * RIG_PAGE, &error))
        rig_fail(error.text);
    rig->memory = rig->bus.ram.host;
    rig->memory_bytes = RIG_PAGES * RIG_PAGE;
    rig->code_physical = PHYSICAL(CODE);
    bus_add_window(&rig->bus, "device", DEVICE_BASE, RIG_PAGE, &device_ops, rig);
    rig_init_cpu(rig, model);
    rig->bus.on_flagged_write = on_flagged_write;
    rig->bus.on_flagged_write_context = rig;
    return rig;
}

/* Either kind. */

void rig_load(struct rig *rig, const struct program *program)
{
    rig->kind->load(rig, program);
}

bool rig_turn(struct rig *rig, const struct program *program, unsigned turn)
{
    return rig->kind->turn(rig, program, turn);
}
