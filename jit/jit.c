/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where translated code is kept, and how the interpreter comes to it.
 *
 * The interpreter counts how often a block is entered and brings the hot ones here. Afterwards the handler of the
 * block's first record is stubs.enter, and jumps from other translated blocks go to native_entry. Code is
 * written through one mapping and runs through another; none is both writable and executable. When the cache is
 * full all translations are dropped, and what is still hot comes again. */
#include "jit/jit.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "interp/block.h"
#include "interp/interp.h"
#include "jit/translate.h"

#define CACHE_BYTES   (32u << 20) /* one half for what is usually run, one for the rest */
#define LARGEST_BYTES (64 << 10) /* more than any block's translation needs */
#define LINK_BUCKETS  4096u
#define HOT           32u /* how often a block is entered before it is worth a translation */

/* A jump that waits for its target to be translated. */
struct waiting_link {
    struct link link;
    struct waiting_link *next;
};

struct jit {
    uint8_t *write, *run; /* two mappings of the cache */
    struct x64 hot, cold;
    struct stubs stubs;
    uint8_t *first; /* of the hot half, behind the stubs */
    struct waiting_link *waiting[LINK_BUCKETS];
};

static unsigned bucket_of(uint64_t physical)
{
    return (unsigned)(physical >> 2 ^ physical >> 14) & (LINK_BUCKETS - 1);
}

static void drop_links(struct jit *jit)
{
    for (unsigned i = 0; i < LINK_BUCKETS; i++) {
        while (jit->waiting[i]) {
            struct waiting_link *link = jit->waiting[i];
            jit->waiting[i] = link->next;
            free(link);
        }
    }
}

static void jit_free(void *translator)
{
    struct jit *jit = translator;
    drop_links(jit);
    if (jit->write)
        munmap(jit->write, CACHE_BYTES);
    if (jit->run)
        munmap(jit->run, CACHE_BYTES);
    free(jit);
}

static void *map(int fd, int protection)
{
    void *at = mmap(NULL, CACHE_BYTES, protection, MAP_SHARED, fd, 0);
    return at == MAP_FAILED ? NULL : at;
}

static void *jit_create(struct error *error)
{
    struct jit *jit = calloc(1, sizeof *jit);
    int fd = memfd_create("armature-jit", MFD_CLOEXEC);
    if (!jit || fd < 0 || ftruncate(fd, CACHE_BYTES) != 0) {
        error_set(error, "the host gives no memory for translated code; run with --engine interp");
        if (fd >= 0)
            close(fd);
        free(jit);
        return NULL;
    }
    jit->write = map(fd, PROT_READ | PROT_WRITE);
    jit->run = map(fd, PROT_READ | PROT_EXEC);
    close(fd);
    if (!jit->write || !jit->run) {
        error_set(error, "the host does not let memory be executed; run with --engine interp");
        jit_free(jit);
        return NULL;
    }
    uint8_t *middle = jit->write + CACHE_BYTES / 2;
    ptrdiff_t run_offset = jit->run - jit->write;
    jit->hot = (struct x64){.at = jit->write, .end = middle, .run_offset = run_offset};
    jit->cold = (struct x64){.at = middle, .end = jit->write + CACHE_BYTES, .run_offset = run_offset};
    stubs_emit(&jit->hot, &jit->stubs);
    jit->first = jit->hot.at;
    return jit;
}

static void jit_drop_all(void *translator)
{
    struct jit *jit = translator;
    drop_links(jit);
    jit->hot.at = jit->first;
    jit->cold.at = jit->hot.end;
}

static bool jit_has_room(void *translator)
{
    const struct jit *jit = translator;
    return jit->hot.end - jit->hot.at >= LARGEST_BYTES && jit->cold.end - jit->cold.at >= LARGEST_BYTES;
}

static void patch(const struct jit *jit, const struct link *link, uint64_t run_address)
{
    x64_patch(link->jump_end, (const uint8_t *)run_address - jit->hot.run_offset);
}

static void connect(struct jit *jit, struct block_cache *cache, const struct link *link)
{
    const struct block *block = block_find(cache, link->target);
    if (block && block->native_entry != jit->stubs.leave) {
        patch(jit, link, block->native_entry);
        return;
    }
    struct waiting_link *waiting = malloc(sizeof *waiting);
    if (!waiting)
        return; /* the jump leaves for ever, which is right, and slow */
    unsigned bucket = bucket_of(link->target);
    *waiting = (struct waiting_link){*link, jit->waiting[bucket]};
    jit->waiting[bucket] = waiting;
}

static void connect_waiting(struct jit *jit, const struct block *block)
{
    struct waiting_link **at = &jit->waiting[bucket_of(block->physical)];
    while (*at) {
        struct waiting_link *waiting = *at;
        if (waiting->link.target != block->physical) {
            at = &waiting->next;
            continue;
        }
        patch(jit, &waiting->link, block->native_entry);
        *at = waiting->next;
        free(waiting);
    }
}

/* Translates one block. Returns the one that its code is to fall into, which must come next; or NULL. */
static struct block *translate_one(struct jit *jit, struct block_cache *cache, struct cpu *cpu, struct block *block)
{
    struct translation_result result;
    bool complete = translate_block(&jit->hot, &jit->cold, &jit->stubs, cpu, block, &result);
    assert(complete); /* there was room for the largest */
    block->native_body = result.body;
    __atomic_thread_fence(__ATOMIC_RELEASE); /* parallel CPUs may come from here on */
    block->native_entry = result.entry;
    block->insns[0].run = (void (*)(struct cpu *, const struct insn *))jit->stubs.enter;
    struct block *next = NULL;
    for (unsigned i = 0; i < result.link_count; i++) {
        const struct link *link = &result.links[i];
        struct block *target = block_find(cache, link->target);
        bool falls = link->jump_end == jit->hot.at && target && target->native_entry == jit->stubs.leave;
        falls = falls && target->heat && jit_has_room(jit);
        if (falls)
            next = target;
        if (falls && !cpu->parallel)
            jit->hot.at -= X64_JMP_BYTES;
        else
            connect(jit, cache, link); /* what a parallel CPU may be in already goes on by a jump */
    }
    connect_waiting(jit, block);
    return next;
}

/* Blocks that were entered and follow each other come in a row, without jumps between them. */
static void jit_translate(void *translator, struct block_cache *cache, struct cpu *cpu, struct block *block)
{
    while (block)
        block = translate_one(translator, cache, cpu, block);
}

/* The entry's last instruction is the long conditional jump to where too little is left: it becomes one that is always
 * taken. Whoever is behind it in the block is not disturbed. */
static void jit_forget(void *translator, const struct block *block)
{
    const struct jit *jit = translator;
    static const uint8_t nop_jmp[2] = {0x90, 0xe9};
    uint8_t *body = (uint8_t *)block->native_body - jit->hot.run_offset;
    memcpy(body - 6, nop_jmp, sizeof nop_jmp);
}

static uint64_t jit_leave(void *translator)
{
    return ((struct jit *)translator)->stubs.leave;
}

static const struct translator_ops jit_translator = {
    .create = jit_create,
    .free = jit_free,
    .translate = jit_translate,
    .has_room = jit_has_room,
    .drop_all = jit_drop_all,
    .leave = jit_leave,
    .forget = jit_forget,
};

static struct engine *create_auto(struct bus *bus, unsigned cpu_count, struct error *error)
{
    return interp_create_translating(bus, cpu_count, &jit_translator, HOT, error);
}

static struct engine *create_jit(struct bus *bus, unsigned cpu_count, struct error *error)
{
    return interp_create_translating(bus, cpu_count, &jit_translator, 1, error);
}

const struct engine_ops jit_engine = {
    .name = "auto",
    .create = create_auto,
    .free = interp_free,
    .run = interp_run,
    .page_written = interp_page_written,
    .flush = interp_flush,
    .make_room = interp_make_room,
};

const struct engine_ops jit_only_engine = {
    .name = "jit",
    .create = create_jit,
    .free = interp_free,
    .run = interp_run,
    .page_written = interp_page_written,
    .flush = interp_flush,
    .make_room = interp_make_room,
};
