/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accesses that do not run inline: the first to a page, those that cross pages, device accesses, and faults.
 *
 * Every access goes by place_of(), page by page: translation, permissions, watchpoints; then the TLB learns
 * what may run inline next time. Of a write that touches two pages, both have been found before the first
 * byte changes. */
#include "isa/arm64/mem.h"
#include "isa/arm64/debug.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/stops.h"
#include "isa/arm64/threads.h"
#include "isa/arm64/tlb_fill.h"

/* Where the bytes of an access are, within one page. */
struct place {
    uint8_t *host; /* NULL: not RAM, nor ROM that is read */
    uint64_t physical;
};

static uint8_t page_flags(const struct ram *ram, uint64_t physical)
{
    return __atomic_load_n(&ram->page_flags[ram_page(ram, physical)], __ATOMIC_ACQUIRE);
}

static bool page_flagged(const struct ram *ram, uint64_t physical)
{
    return page_flags(ram, physical) & (uint8_t)~PAGE_READ_WATCHED;
}

void ram_settle_write(struct cpu *cpu, uint64_t page_address)
{
    struct bus *bus = cpu->bus;
    if (cpu->parallel)
        tlb_announce_write(cpu, page_address);
    if (!page_flagged(&bus->ram, page_address) || !bus->on_flagged_write)
        return;
    cpu_lock_machine(cpu);
    bus->on_flagged_write(bus->on_flagged_write_context, page_address);
    cpu_unlock_machine(cpu);
}

static bool alignment_checked(const struct cpu *cpu)
{
    return cpu->sys.SCTLR_EL1 >> 1 & 1;
}

/* The level and PAN of an access of the running instruction. */
static struct mmu_request request_of(const struct cpu *cpu, enum mmu_access access, unsigned attributes)
{
    unsigned el = mmu_access_el(cpu, attributes & MEM_UNPRIVILEGED);
    return (struct mmu_request){.access = access, .el = el, .pan = el && cpu->pstate.pan};
}

static bool writes(const struct mmu_request *request)
{
    return request->access == ACCESS_WRITE || request->access == ACCESS_ATOMIC;
}

/* WnR of a fault (D17.2.37): an atomic access is a read where a read would have faulted too. */
static bool write_not_read(struct cpu *cpu, uint64_t va, const struct mmu_request *request, unsigned status)
{
    if (request->access != ACCESS_ATOMIC)
        return request->access == ACCESS_WRITE;
    if ((status & FAULT_CODE & ~3u) != FAULT_PERMISSION)
        return false;
    struct mmu_request read = *request;
    struct translation found;
    read.access = ACCESS_READ;
    return mmu_translate(cpu, va, &read, &found) == FAULT_NONE;
}

#define WATCH_FLAGS (PAGE_WATCHED | PAGE_READ_WATCHED)

/* The page is watched, and may be accessed beside what is. */
static void learn_watched(struct cpu *cpu, uint64_t va, const struct translation *found, bool write)
{
    const struct ram *ram = &cpu->bus->ram;
    const uint64_t mask = ~(PAGE_SIZE_BYTES - 1), physical = found->physical & mask;
    struct tlb_watched_page *page = &cpu->slots.watched[write];
    *page = (struct tlb_watched_page){.tag = va & mask,
                                      .limit = PAGE_SIZE_BYTES,
                                      .addend = (uintptr_t)ram->host + (physical - ram->base) - (va & mask),
                                      .physical = physical,
                                      .flags = &ram->page_flags[ram_page(ram, physical)]};
    cpu->stops->watched_within(cpu->stops->context, physical, &page->from, &page->to);
    page->near = page->from < TLB_ROW_BYTES ? 0 : page->from - TLB_ROW_BYTES;
    page->near_bytes = page->to - page->near;
}

/* The host address of an access beside what is watched in its page, where that is known; or NULL. */
static uint8_t *beside_watched(const struct cpu *cpu, uint64_t address, unsigned size, bool write)
{
    const struct tlb_watched_page *page = &cpu->slots.watched[write];
    const uint64_t place = address ^ page->tag;
    if (place >= page->limit || place > PAGE_SIZE_BYTES - size || !cpu->stops || *page->flags & (uint8_t)~WATCH_FLAGS)
        return NULL;
    const struct stops *stops = cpu->stops;
    if (place < page->to && place + size > page->from &&
        stops->watched(stops->context, page->physical + place, size, write ? WATCH_STORE : WATCH_LOAD))
        return NULL;
    return (uint8_t *)(page->addend + address);
}

static void learn(struct cpu *cpu, uint64_t va, const struct mmu_request *request,
                  const struct translation *found)
{
    if (found->flags & IS_DEVICE || alignment_checked(cpu) || debug_page_watched(cpu, va))
        return;
    uint32_t flags = found->flags;
    bool readable = request->el ? !(request->pan && flags & USER_PAGE) : (flags & MAY_READ_EL0) != 0;
    bool writable =
        readable && flags & (request->el ? MAY_WRITE_EL1 : MAY_WRITE_EL0) && !(flags & CLEAN_PAGE);
    const unsigned flags_of_page = page_flags(&cpu->bus->ram, found->physical);
    const enum tlb_regime regime = mmu_regime(cpu, request->el);
    if (writable && cpu->parallel)
        tlb_announce_write(cpu, found->physical & ~(PAGE_SIZE_BYTES - 1));
    /* A check for a store is one for the loads that share it, too. */
    tlb_fill_data(cpu, regime, va, found, readable && !(flags_of_page & PAGE_READ_WATCHED), writable && !flags_of_page);
    if (flags_of_page & WATCH_FLAGS && cpu->stops && cpu->tlb == tlb_table(cpu->tlb_all, regime) &&
        (writes(request) ? writable : readable))
        learn_watched(cpu, va, found, writes(request));
}

/* The debugger watches bytes of the page: an access to one runs alone, and is told. */
static void see_watched(struct cpu *cpu, const struct insn *insn, uint64_t va, uint64_t physical, unsigned size,
                        unsigned kinds)
{
    const struct stops *stops = cpu->stops;
    if (!stops->watched(stops->context, physical, size, kinds))
        return;
    if (!cpu->alone)
        cpu_restart_alone(cpu, insn);
    stops->accessed(stops->context, cpu, va, physical, size, kinds);
}

/* Finds the `size` bytes at `va`, which lie in one page, and makes them ready for the access. */
static struct place place_of(struct cpu *cpu, const struct insn *insn, uint64_t va, unsigned size,
                             const struct mmu_request *request)
{
    struct translation found;
    unsigned status = mmu_translate(cpu, va, request, &found);
    if (status != FAULT_NONE)
        mmu_data_abort(cpu, insn, va, status, write_not_read(cpu, va, request, status), false);
    static const uint8_t kinds[] = {
        [ACCESS_READ] = WATCH_LOAD, [ACCESS_WRITE] = WATCH_STORE, [ACCESS_ATOMIC] = WATCH_LOAD | WATCH_STORE};
    debug_check_watchpoints(cpu, insn, va, size, kinds[request->access], request->el);
    const struct ram *ram = &cpu->bus->ram;
    uint8_t *host =
        writes(request) ? ram_at(ram, found.physical, size) : (uint8_t *)memory_at(ram, found.physical, size);
    struct place place = {host, found.physical};
    if (!place.host) {
        if (!cpu->alone)
            cpu_restart_alone(cpu, insn);
        return place;
    }
    if (cpu->stops && page_flags(&cpu->bus->ram, found.physical) & WATCH_FLAGS)
        see_watched(cpu, insn, va, found.physical, size, kinds[request->access]);
    if (writes(request))
        ram_settle_write(cpu, found.physical & ~(PAGE_SIZE_BYTES - 1));
    learn(cpu, va, request, &found);
    return place;
}

/* Checks alignment, then finds the one or two places of an access. `first`: bytes in the first. */
static unsigned places_of(struct cpu *cpu, const struct insn *insn, uint64_t va, unsigned size,
                          enum mmu_access access, unsigned attributes, struct place places[2])
{
    struct mmu_request request = request_of(cpu, access, attributes);
    request.unaligned = va & (size - 1);
    if (request.unaligned && (attributes & MEM_ALIGNED || alignment_checked(cpu)))
        mmu_data_abort(cpu, insn, va, FAULT_ALIGNMENT, writes(&request), false);
    unsigned room = (unsigned)(PAGE_SIZE_BYTES - va % PAGE_SIZE_BYTES);
    unsigned first = size < room ? size : room;
    places[0] = place_of(cpu, insn, va, first, &request);
    if (first < size) {
        places[1] = place_of(cpu, insn, va + first, size - first, &request);
        /* The second may have settled flags or updated the table in the first one's page; neither moves it. But it may
         * have flushed what announces the write to the first one. */
        if (cpu->parallel && writes(&request) && places[0].host)
            ram_settle_write(cpu, places[0].physical & ~(PAGE_SIZE_BYTES - 1));
    }
    return first;
}

/* Up to 16 bytes between the guest's memory and a buffer: 1, 2, 4 or 8 at once, so that another CPU sees all of an
 * aligned datum or nothing. */
static void copy_datum(void *to, const void *from, unsigned size)
{
    switch (size) {
    case 1: memcpy(to, from, 1); break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    case 8: memcpy(to, from, 8); break;
    default: memcpy(to, from, size); break;
    }
}

/* Device accesses: as one transfer where aligned and at most 8 bytes, else in aligned parts. */

static unsigned transfer_size(uint64_t physical, unsigned size)
{
    unsigned part = size > 8 ? 8 : 1u << (31 - __builtin_clz(size));
    while (physical & (part - 1))
        part /= 2;
    return part;
}

static bool device_transfer(struct cpu *cpu, bool write, uint64_t physical, unsigned size, uint64_t *value)
{
    cpu_lock_machine(cpu);
    cpu->bus->requester = cpu->index;
    bool done =
        write ? bus_mmio_write(cpu->bus, physical, size, *value) : bus_mmio_read(cpu->bus, physical, size, value);
    if (cpu->parallel)
        threads_unlock_device(cpu->threads);
    if (cpu->stops && cpu->stops->device_accessed)
        cpu->stops->device_accessed(cpu->stops->context, cpu, physical, size, write, *value);
    return done;
}

static void device_read(struct cpu *cpu, const struct insn *insn, uint64_t va, uint64_t physical,
                        unsigned size, uint8_t *to)
{
    cpu_sync_clock(cpu, insn);
    for (unsigned done = 0; done < size;) {
        unsigned part = transfer_size(physical + done, size - done);
        uint64_t value;
        if (!device_transfer(cpu, false, physical + done, part, &value))
            mmu_data_abort(cpu, insn, va + done, FAULT_EXTERNAL, false, false);
        memcpy(to + done, &value, part);
        done += part;
    }
}

static void device_write(struct cpu *cpu, const struct insn *insn, uint64_t va, uint64_t physical,
                         unsigned size, const uint8_t *from)
{
    cpu_sync_clock(cpu, insn);
    for (unsigned done = 0; done < size;) {
        unsigned part = transfer_size(physical + done, size - done);
        uint64_t value = 0;
        memcpy(&value, from + done, part);
        if (!device_transfer(cpu, true, physical + done, part, &value))
            mmu_data_abort(cpu, insn, va + done, FAULT_EXTERNAL, true, false);
        done += part;
    }
}

/* The first level's entry for an access, which may be in its second way; those with attributes have no inline path of
 * their own. NULL: it is not to be looked at. */
static const struct tlb_entry *entry_for(struct cpu *cpu, uint64_t address, unsigned size, unsigned attributes)
{
    if (attributes == MEM_PLAIN)
        return tlb_entry_of(cpu, address);
    if (attributes & MEM_ALIGNED && address & (size - 1))
        return NULL;
    enum tlb_regime regime = mmu_regime(cpu, mmu_access_el(cpu, attributes & MEM_UNPRIVILEGED));
    return &tlb_table(cpu->tlb_all, regime)[tlb_index(address)];
}

void mem_slow_read(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size, void *to,
                   unsigned attributes)
{
    const struct tlb_entry *e = entry_for(cpu, address, size, attributes);
    if (e && (address ^ e->read_tag) <= PAGE_SIZE_BYTES - size) {
        copy_datum(to, (const void *)(e->addend + address), size);
        return;
    }
    const uint8_t *host = attributes == MEM_PLAIN ? beside_watched(cpu, address, size, false) : NULL;
    if (host) {
        copy_datum(to, host, size);
        return;
    }
    struct place places[2];
    unsigned first = places_of(cpu, insn, address, size, ACCESS_READ, attributes, places);
    uint8_t *bytes = to;
    for (unsigned i = 0, done = 0; done < size; i++) {
        unsigned part = i ? size - first : first;
        if (places[i].host)
            copy_datum(bytes + done, places[i].host, part);
        else
            device_read(cpu, insn, address + done, places[i].physical, part, bytes + done);
        done += part;
    }
}

void mem_slow_write(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size,
                    const void *from, unsigned attributes)
{
    const struct tlb_entry *e = entry_for(cpu, address, size, attributes);
    if (e && (address ^ e->write_tag) <= PAGE_SIZE_BYTES - size) {
        copy_datum((void *)(e->addend + address), from, size);
        return;
    }
    uint8_t *host = attributes == MEM_PLAIN ? beside_watched(cpu, address, size, true) : NULL;
    if (host) {
        copy_datum(host, from, size);
        return;
    }
    struct place places[2];
    unsigned first = places_of(cpu, insn, address, size, ACCESS_WRITE, attributes, places);
    const uint8_t *bytes = from;
    for (unsigned i = 0, done = 0; done < size; i++) {
        unsigned part = i ? size - first : first;
        if (places[i].host)
            copy_datum(places[i].host, bytes + done, part);
        else
            device_write(cpu, insn, address + done, places[i].physical, part, bytes + done);
        done += part;
    }
}

void mem_probe_write(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size)
{
    const struct tlb_entry *e = tlb_entry_of(cpu, address);
    if ((address ^ e->write_tag) <= PAGE_SIZE_BYTES - size || beside_watched(cpu, address, size, true))
        return;
    const struct mmu_request request = request_of(cpu, ACCESS_WRITE, MEM_PLAIN);
    for (unsigned done = 0; done < size;) {
        uint64_t room = PAGE_SIZE_BYTES - (address + done) % PAGE_SIZE_BYTES;
        unsigned part = size - done < room ? size - done : (unsigned)room;
        place_of(cpu, insn, address + done, part, &request);
        done += part;
    }
}

/* STXR, STLXR, STXP, STLXP, as against the atomic instructions, CASP among them. */
static bool is_store_exclusive(uint32_t word)
{
    bool exclusive_class = (word & 0x3f800000) == 0x08000000;
    bool casp = !(word >> 31) && word >> 21 & 1;
    return exclusive_class && !casp;
}

void *mem_exclusive(struct cpu *cpu, const struct insn *insn, uint64_t address, unsigned size, bool write,
                    uint64_t *physical)
{
    const struct tlb_entry *e = tlb_entry_of(cpu, address);
    uint64_t page = address & ~(PAGE_SIZE_BYTES - 1);
    bool aligned = !(address & (size - 1));
    if (aligned && e->read_tag == page && (!write || e->write_tag == page)) {
        if (physical)
            *physical = e->physical | (address - page);
        return (void *)(e->addend + address);
    }
    enum mmu_access access = !write                           ? ACCESS_READ
                             : is_store_exclusive(insn->word) ? ACCESS_WRITE
                                                              : ACCESS_ATOMIC;
    if (!aligned)
        mmu_data_abort(cpu, insn, address, FAULT_ALIGNMENT, access == ACCESS_WRITE, false);
    const struct mmu_request request = request_of(cpu, access, MEM_PLAIN);
    struct place place = place_of(cpu, insn, address, size, &request);
    if (!place.host)
        mmu_data_abort(cpu, insn, address, FAULT_EXCLUSIVE, access == ACCESS_WRITE, false);
    if (physical)
        *physical = place.physical;
    return place.host;
}

void mem_zero_block(struct cpu *cpu, const struct insn *insn, uint64_t address)
{
    static const uint8_t zeros[ZERO_BLOCK_BYTES];
    uint64_t block = address & ~(uint64_t)(ZERO_BLOCK_BYTES - 1);
    const struct tlb_entry *e = tlb_entry_of(cpu, block);
    if ((block ^ e->write_tag) < PAGE_SIZE_BYTES) {
        memset((void *)(e->addend + block), 0, ZERO_BLOCK_BYTES);
        return;
    }
    /* Device memory counts as unaligned: an alignment fault (D7.5.8). FAR is the address as given. */
    struct mmu_request request = request_of(cpu, ACCESS_WRITE, MEM_PLAIN);
    request.unaligned = true;
    struct translation found;
    unsigned status = mmu_translate(cpu, address, &request, &found);
    if (status != FAULT_NONE)
        mmu_data_abort(cpu, insn, address, status, true, false);
    request.unaligned = false;
    struct place place = place_of(cpu, insn, block, ZERO_BLOCK_BYTES, &request);
    if (place.host)
        memset(place.host, 0, ZERO_BLOCK_BYTES);
    else
        device_write(cpu, insn, block, place.physical, ZERO_BLOCK_BYTES, zeros);
}
