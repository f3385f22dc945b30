/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The small process: its memory, its faults, its turns. */
#include "tests/jit/rig_process.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/space.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/threads.h"
#include "isa/arm64/user.h"

/* Pages of the file that is mapped, and of each rig's own copy. */
enum { CODE, CODE_2, DATA, DATA_2, READ_ONLY, PRIVATE, PAGES };

/* The window's pages that may be written at first. */
enum { WRITABLE = 3 };
static const uint8_t writable[WRITABLE] = {0, 1, 4};
static int host_rights[WRITABLE]; /* as the rig that ran last had them */

struct rig_process {
    struct space space;
    struct user_space user;
    struct cpu *cpus[1];
    struct threads *threads;
    unsigned changed; /* a bit for each page of code */
    unsigned guarded; /* the same: BTI applies */
    int rights[WRITABLE]; /* what the guest may do with the pages of `writable` */
    uint8_t memory[PAGES * RIG_PAGE];
};

static uint8_t *shared; /* where a rig's copy goes while it runs: the file */
static int shared_file = -1;
static struct rig *running;

/* --- what the CPU and the map tell ------------------------------------------------------------------ */

static uint32_t page_of(void *context, uint64_t address)
{
    return space_page(&((struct rig *)context)->process->space, address);
}

static void note_code(struct rig *rig, uint64_t address)
{
    const uint64_t page = (address - RIG_CODE_EL0) / RIG_PAGE;
    if (page < RIG_CODE_PAGES && rig->bus.ram.page_flags[address >> PAGE_BITS] & PAGE_HAS_CODE)
        rig->process->changed |= 1u << page;
}

/* By IC IVAU, within the engine. */
static void code_changed(void *context, struct cpu *cpu, uint64_t address)
{
    struct rig *rig = context;
    note_code(rig, address & ~0ull >> 8);
    if (rig->process->changed)
        threads_poke_all(cpu->threads);
}

/* Outside of the engine. */
static void map_changed(void *context, uint64_t start, uint64_t end, bool had_code)
{
    struct rig *rig = context;
    if (!rig->engine)
        return;
    for (uint64_t page = start; page < end; page += RIG_PAGE) {
        tlb_serve(&rig->cpu, &(struct cpu_request){REQUEST_FLUSH_VA, TLB_ANY_ASID, page, false});
        if (had_code)
            note_code(rig, page);
    }
}

static void settle_code(struct rig *rig)
{
    for (unsigned i = 0; i < RIG_CODE_PAGES; i++)
        if (rig->process->changed >> i & 1)
            rig->ops->page_written(rig->engine, RIG_CODE_EL0 + i * RIG_PAGE);
    rig->process->changed = 0;
}

/* --- faults ----------------------------------------------------------------------------------------- */

static void (*on_crash)(int signal_number);

static void arrive(int signal_number, siginfo_t *info, void *context)
{
    greg_t *at = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    uintptr_t pc = (uintptr_t)*at;
    if (info->si_code > 0 &&
        (guard_move(&pc, true) || (running && running->ops->fault && running->ops->fault(running->engine, &pc))))
        *at = (greg_t)pc;
    else
        on_crash(signal_number);
}

void rig_process_catch(void (*crashed)(int signal_number))
{
    struct sigaction action = {.sa_sigaction = arrive, .sa_flags = SA_SIGINFO};
    on_crash = crashed;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

/* Memory that a store may or may not have changed before it faulted. */
static void forget_memory(struct rig *rig, uint64_t address, unsigned bytes)
{
    address &= ~0ull >> 8;
    for (uint64_t at = address; at < address + bytes; at++)
        if (at < USER_SPACE_BYTES && page_of(rig, at) & MAY_WRITE_EL0)
            *(uint8_t *)at = 0;
}

/* Of several registers some may have been loaded, or stored, before an access faulted: they are UNKNOWN then, but the
 * base, and so is what was to be stored (Arm ARM D1.3.6, B2.2.1). */
static void forget_first_accesses(struct rig *rig)
{
    struct cpu *cpu = &rig->cpu;
    struct insn insn;
    uint32_t word;
    if (!guard_copy(&word, (const void *)cpu->pc, sizeof word))
        return;
    const bool pair = (word & 0x3a000000) == 0x28000000, structures = (word & 0xbe000000) == 0x0c000000;
    const bool post = structures || (word >> 23 & 7) == 1, vector = word >> 26 & 1, loads = word >> 22 & 1;
    const unsigned scale = vector ? 2 + (word >> 30) : word >> 31 ? 3 : 2;
    const int64_t offset = ((int64_t)((uint64_t)word << 42) >> 57) * (1 << scale);
    if (!pair && !structures)
        return;
    insn_decode(word, &cpu->features, &insn);
    if (!loads)
        forget_memory(rig, cpu->x[insn.rn] + (uint64_t)(post ? 0 : offset), structures ? 64 : 2u << scale);
    for (unsigned i = 0; loads && i < (structures ? 4 : 2); i++) {
        const unsigned reg = structures ? ((word & 31) + i) % 32 : i ? word >> 10 & 31 : word & 31;
        if (vector)
            memset(&cpu->v[reg], 0, sizeof cpu->v[0]);
        else if (reg != REG_ZERO && reg != insn.rn)
            cpu->x[reg] = 0;
    }
}

/* Of flags that are set anew behind an access nothing is there where that faults. */
static void take_exception(struct rig *rig, const struct program *program)
{
    struct cpu *cpu = &rig->cpu;
    const uint32_t ec = cpu->user_exception.esr >> 26;
    if (ec == EC_DATA_ABORT_LOWER)
        forget_first_accesses(rig);
    const uint64_t words[] = {rig->device_hash,
                              cpu->user_exception.esr,
                              cpu->user_exception.far,
                              cpu->pc,
                              cpu->icount,
                              cpu->fpsr,
                              ec == EC_DATA_ABORT_LOWER ? 0 : nzcv_pack(cpu->nzcv)};
    rig->device_hash = hash_bytes(words, sizeof words, FIELDS_HASH_SEED);
    rig->device_hash = hash_bytes(cpu->x, (REG_SP + 1) * sizeof cpu->x[0], rig->device_hash);
    rig->device_hash = hash_bytes(cpu->v, sizeof cpu->v, rig->device_hash);
    rig->end--;
    if (ec == EC_INSN_ABORT_LOWER || ec == EC_PC_ALIGNMENT)
        cpu->pc = rig_entry(program);
    else if (ec != EC_SVC)
        cpu->pc += 4;
}

/* --- its turns -------------------------------------------------------------------------------------- */

static void set_guarded(struct rig *rig, unsigned guarded)
{
    for (unsigned i = 0; i < RIG_CODE_PAGES; i++) {
        const int guard = guarded >> i & 1 ? (int)SPACE_PROT_BTI : 0;
        if ((guarded ^ rig->process->guarded) >> i & 1)
            space_protect(&rig->process->space, RIG_CODE_EL0 + i * RIG_PAGE, RIG_PAGE, PROT_READ | PROT_EXEC | guard);
    }
    rig->process->guarded = guarded;
}

/* The host's mapping is that of the rig which ran last. */
static void set_rights(struct rig *rig, const int rights[WRITABLE])
{
    for (unsigned i = 0; i < WRITABLE; i++) {
        if (rights[i] != rig->process->rights[i] || rights[i] != host_rights[i])
            space_protect(&rig->process->space, RIG_WINDOW + writable[i] * RIG_PAGE, RIG_PAGE, rights[i]);
        rig->process->rights[i] = host_rights[i] = rights[i];
    }
}

/* Another thread calls mprotect(). */
static void change_rights(struct rig *rig, unsigned which)
{
    static const int changed[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
    int rights[WRITABLE];
    memcpy(rights, rig->process->rights, sizeof rights);
    rights[which % WRITABLE] = changed[which / WRITABLE % 3];
    set_rights(rig, rights);
}

static void load(struct rig *rig, const struct program *program)
{
    struct cpu *cpu = &rig->cpu;
    memset(rig->memory, 0, rig->memory_bytes);
    for (unsigned i = 0; i < RIG_CODE_WORDS; i++) {
        const uint32_t word = rig_word(program, i);
        memcpy(rig->memory + CODE * RIG_PAGE + i * 4, &word, sizeof word);
    }
    wire_fill_window(rig->memory + DATA * RIG_PAGE);
    wire_fill_window(rig->memory + READ_ONLY * RIG_PAGE);
    set_guarded(rig, program->guarded);
    set_rights(rig, (const int[WRITABLE]){PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE});
    rig->process->changed = 0;
    rig->ops->flush(rig->engine);
    rig->device_hash = 0;
    rig->clock.now_ns = 0;
    rig->end = 0;

    cpu->icount = cpu->unretired = cpu->turn_icount = cpu->turn_ns = cpu->event_stream_mark = 0;
    cpu_reset(cpu);
    cpu_make_user(cpu, &rig->process->user);
    cpu_seed_rng(cpu, 1);
    cpu->sys.APIAKeyLo_EL1 = 0x0123456789abcdef;
    cpu->sys.APDBKeyHi_EL1 = 0xfedcba9876543210;
    cpu->exclusive.size = 0;
    rig_set_registers(rig, program);
    cpu_state_changed(cpu);
}

/* As thread_run() of hostcall/thread.c. */
static enum engine_exit run(struct rig *rig, const struct program *program)
{
    struct cpu *cpu = &rig->cpu;
    cpu->limit = rig->end;
    settle_code(rig);
    cpu_set_flag(&cpu->stop_requested, false);
    cpu->user_exception.taken = false;
    threads_enter(cpu);
    enum engine_exit exit = rig->ops->run(rig->engine, cpu);
    threads_leave(cpu);
    cpu->yield_requested = false;
    if (exit == ENGINE_EXIT_FULL) {
        rig->ops->make_room(rig->engine);
        exit = ENGINE_EXIT_LIMIT;
    }
    if (cpu->user_exception.taken) {
        take_exception(rig, program);
        exit = ENGINE_EXIT_LIMIT;
    }
    return exit;
}

static bool turn(struct rig *rig, const struct program *program, unsigned number)
{
    struct cpu *cpu = &rig->cpu;
    rig->end += program->turns[number].insns;
    if (program->turns[number].guard)
        set_guarded(rig, program->turns[number].guard - 1u);
    if (program->turns[number].patch) {
        const uint32_t index = (program->first + program->turns[number].patch) % RIG_CODE_WORDS, word = RIG_NOP;
        memcpy(rig->memory + CODE * RIG_PAGE + 4 * index, &word, sizeof word);
        note_code(rig, RIG_CODE_EL0 + 4 * index);
    }
    if (program->turns[number].remap)
        change_rights(rig, program->turns[number].remap);
    else
        set_rights(rig, rig->process->rights);
    memcpy(shared, rig->memory, rig->memory_bytes);
    running = rig;
    do
        rig->exit = run(rig, program);
    while (rig->exit == ENGINE_EXIT_LIMIT && cpu->icount < rig->end);
    running = NULL;
    memcpy(rig->memory, shared, rig->memory_bytes);
    cpu->limit = rig->end; /* attention, which it had or not */
    if (!cpu->exclusive.size) /* open: of what no longer matters, as a load may have faulted behind noting it */
        cpu->exclusive = (struct exclusive){0};
    return rig->exit == ENGINE_EXIT_LIMIT;
}

/* --- making it -------------------------------------------------------------------------------------- */

static void map(struct rig *rig, uint64_t address, unsigned page, int prot)
{
    const uint64_t offset = page * RIG_PAGE;
    if (space_map(&rig->process->space, address, RIG_PAGE, prot, MAP_SHARED | MAP_FIXED, shared_file, offset) < 0)
        rig_fail("the host does not map the process' memory");
}

/* The file, once. The guest's addresses have to be free: they are low ones, where this program has nothing. */
static void make_file(void)
{
    const uint64_t bytes = RIG_WINDOW + 8 * RIG_PAGE - RIG_CODE_EL0;
    void *at = mmap((void *)RIG_CODE_EL0, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    shared_file = memfd_create("process", MFD_CLOEXEC);
    if (at != (void *)RIG_CODE_EL0 || shared_file < 0 || ftruncate(shared_file, PAGES * RIG_PAGE))
        rig_fail("the host has no place for the process' memory");
    shared = mmap(NULL, PAGES * RIG_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, shared_file, 0);
    if (shared == MAP_FAILED)
        rig_fail("the host has no place for the process' memory");
}

static void map_memory(struct rig *rig)
{
    for (unsigned i = 0; i < RIG_CODE_PAGES; i++)
        map(rig, RIG_CODE_EL0 + i * RIG_PAGE, CODE + i, PROT_READ | PROT_EXEC);
    map(rig, RIG_WINDOW, DATA_2, PROT_READ | PROT_WRITE);
    map(rig, RIG_WINDOW + 1 * RIG_PAGE, DATA, PROT_READ | PROT_WRITE);
    map(rig, RIG_WINDOW + 2 * RIG_PAGE, READ_ONLY, PROT_READ);
    map(rig, RIG_WINDOW + 4 * RIG_PAGE, DATA_2, PROT_READ | PROT_WRITE);
    map(rig, RIG_WINDOW + 5 * RIG_PAGE, PRIVATE, PROT_NONE);
    map(rig, RIG_WINDOW + 6 * RIG_PAGE, CODE, PROT_READ);
}

static void process_free(struct rig *rig)
{
    threads_free(rig->process->threads);
    free(rig->process->space.areas);
    free(rig->process);
}

static const struct rig_kind process_kind = {load, turn, process_free};

struct rig *rig_process_create(const struct engine_ops *ops, enum cpu_model model)
{
    struct rig *rig = rig_alloc(ops);
    struct error error = {""};
    rig->kind = &process_kind;
    rig->process = calloc(1, sizeof *rig->process);
    if (!rig->process)
        rig_fail("no memory");
    rig->memory = rig->process->memory;
    rig->memory_bytes = sizeof rig->process->memory;
    rig->code_physical = RIG_CODE_EL0;
    if (shared_file < 0)
        make_file();
    space_init(&rig->process->space, map_changed, rig);
    rig->process->user = (struct user_space){page_of, code_changed, rig};
    if (!bus_init_process(&rig->bus, USER_SPACE_BYTES, &error))
        rig_fail(error.text);
    rig_init_cpu(rig, model);
    map_memory(rig);
    rig->process->cpus[0] = &rig->cpu;
    rig->cpu.peers = rig->process->cpus;
    rig->cpu.peer_count = 1;
    rig->process->threads = threads_create(rig->process->cpus, 1, 1, &rig->clock, &error);
    if (!rig->process->threads)
        rig_fail(error.text);
    return rig;
}
