/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The physical address space: RAM as one lazy mapping, and the devices' windows by binary search. */
#include "machine/contract/bus.h"
#include "machine/contract/ranges.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GUARD_BYTES ((uint64_t)64 << 10)

/* Address space that costs nothing until it is touched, between places that nobody may touch: a way past its
 * ends is seen at once, and the host keeps its account apart from its neighbours'. */
static void *reserve(uint64_t length, bool large_pages)
{
    uint8_t *at =
        mmap(NULL, length + 2 * GUARD_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    if (!mprotect(at + GUARD_BYTES, length, PROT_READ | PROT_WRITE)) {
        if (large_pages)
            madvise(at + GUARD_BYTES, length, MADV_HUGEPAGE); /* where the host has none, it goes without */
        return at + GUARD_BYTES;
    }
    munmap(at, length + 2 * GUARD_BYTES);
    return NULL;
}

static void release(void *memory, uint64_t length)
{
    if (memory)
        munmap((uint8_t *)memory - GUARD_BYTES, length + 2 * GUARD_BYTES);
}

/* How many windows start at or below `address`; the last of them is the only one that can hold it. */
static unsigned windows_up_to(const struct bus *bus, uint64_t address)
{
    return bus->window_count ? ranges_up_to(&bus->windows[0].base, sizeof *bus->windows, bus->window_count, address)
                             : 0;
}

/* The window that carries an access, and where in it. */
static const struct mmio_window *window_for(const struct bus *bus, uint64_t address, unsigned size,
                                            uint64_t *offset)
{
    bool carried = size == 1 || size == 2 || size == 4 || size == 8;
    unsigned count = windows_up_to(bus, address);
    if (!carried || address % size || !count)
        return NULL;
    const struct mmio_window *window = &bus->windows[count - 1];
    *offset = address - window->base;
    return *offset < window->size_bytes && size <= window->size_bytes - *offset ? window : NULL;
}

/* Settles the flags of all pages of a range of RAM that is about to be written. */
static void settle_flags(struct bus *bus, uint64_t address, uint64_t length)
{
    if (!length || !bus->on_flagged_write)
        return;
    uint64_t first = (address - bus->ram.base) >> PAGE_BITS;
    uint64_t last = (address - bus->ram.base + length - 1) >> PAGE_BITS;
    for (uint64_t page = first; page <= last; page++) {
        if (bus->ram.page_flags[page])
            bus->on_flagged_write(bus->on_flagged_write_context, bus->ram.base + (page << PAGE_BITS));
    }
}

/* What of the mapping lies below RAM. */
static uint64_t below_bytes(const struct ram *ram)
{
    return ram->rom_bytes ? ram->base - ram->rom_base : 0;
}

bool bus_init(struct bus *bus, uint64_t ram_base, uint64_t ram_size_bytes, struct error *error)
{
    return bus_init_with_rom(bus, 0, 0, ram_base, ram_size_bytes, error);
}

bool bus_init_with_rom(struct bus *bus, uint64_t rom_base, uint64_t rom_bytes, uint64_t ram_base,
                       uint64_t ram_size_bytes, struct error *error)
{
    assert(ram_size_bytes && ram_size_bytes % PAGE_SIZE_BYTES == 0 && ram_base % PAGE_SIZE_BYTES == 0);
    assert(rom_base % PAGE_SIZE_BYTES == 0 && rom_bytes % PAGE_SIZE_BYTES == 0 && rom_base + rom_bytes <= ram_base);
    *bus = (struct bus){
        .ram = {.base = ram_base, .size_bytes = ram_size_bytes, .rom_base = rom_base, .rom_bytes = rom_bytes}};
    uint64_t below = below_bytes(&bus->ram);
    uint8_t *memory = reserve(below + ram_size_bytes, true),
            *flags = reserve((below + ram_size_bytes) >> PAGE_BITS, true);
    int reason = errno;
    bus->ram.host = memory ? memory + below : NULL;
    bus->ram.page_flags = flags ? flags + (below >> PAGE_BITS) : NULL;
    if (memory && flags) {
        memset(flags, PAGE_ROM, rom_bytes >> PAGE_BITS);
        return true;
    }
    bus_free(bus);
    return error_set(error, "cannot reserve %llu MiB of guest RAM: %s; ask for less with --memory",
                     (unsigned long long)(ram_size_bytes >> 20), strerror(reason));
}

bool bus_init_process(struct bus *bus, uint64_t size_bytes, struct error *error)
{
    *bus = (struct bus){.ram = {.size_bytes = size_bytes}, .process = true};
    bus->ram.page_flags = reserve(size_bytes >> PAGE_BITS, false);
    return bus->ram.page_flags ||
           error_set(error, "the host gives no address space for the program: %s", strerror(errno));
}

void bus_free(struct bus *bus)
{
    uint64_t below = below_bytes(&bus->ram), length = below + bus->ram.size_bytes;
    if (!bus->process)
        release(bus->ram.host ? bus->ram.host - below : NULL, length);
    release(bus->ram.page_flags ? bus->ram.page_flags - (below >> PAGE_BITS) : NULL, length >> PAGE_BITS);
    free(bus->windows);
    *bus = (struct bus){0};
}

void ram_watch_again(struct ram *ram, struct page_watch *watch)
{
    const uint64_t all_clean = 0x0101010101010101ull * PAGE_CLEAN;
    uint64_t page = 0;
    page_watch_arm(watch);
    for (; page + sizeof all_clean <= watch->page_count; page += sizeof all_clean) {
        uint64_t flags;
        memcpy(&flags, ram->page_flags + page, sizeof flags);
        flags |= all_clean;
        memcpy(ram->page_flags + page, &flags, sizeof flags);
    }
    for (; page < watch->page_count; page++)
        ram->page_flags[page] |= PAGE_CLEAN;
}

void ram_watch(struct ram *ram, struct page_watch *watch)
{
    page_watch_add(&ram->watches, watch);
    ram_watch_again(ram, watch);
}

void ram_unwatch(struct ram *ram, struct page_watch *watch)
{
    page_watch_remove(&ram->watches, watch);
}

void ram_page_changes(struct ram *ram, uint64_t page_address)
{
    const uint64_t page = (page_address - ram->base) / PAGE_SIZE_BYTES;
    ram->page_flags[page] &= (uint8_t)~PAGE_CLEAN;
    page_watch_tell(ram->watches, page, ram->host + page * PAGE_SIZE_BYTES);
}

/* All of it changes. Pages of zeroes too, which costs what it costs: this happens where a guest that is watched resets.
 */
static void change_all(struct ram *ram)
{
    for (uint64_t page = 0; ram->watches && page < ram->size_bytes / PAGE_SIZE_BYTES; page++)
        if (ram->page_flags[page] & PAGE_CLEAN)
            ram_page_changes(ram, ram->base + page * PAGE_SIZE_BYTES);
}

void ram_clear(struct ram *ram)
{
    change_all(ram);
    /* A new mapping, as pages of a file that were given back would come again from there. */
    void *at = mmap(ram->host, ram->size_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (at == MAP_FAILED)
        memset(ram->host, 0, ram->size_bytes);
    else
        madvise(at, ram->size_bytes, MADV_HUGEPAGE);
    ram->of_file = false;
}

bool ram_map_file(struct ram *ram, uint64_t offset, uint64_t length, int fd, uint64_t file_offset)
{
    assert(offset <= ram->size_bytes && length <= ram->size_bytes - offset);
    ram->of_file = true;
    return mmap(ram->host + offset, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, fd,
                (off_t)file_offset) != MAP_FAILED;
}

void bus_add_window(struct bus *bus, const char *name, uint64_t base, uint64_t size_bytes,
                    const struct mmio_ops *ops, void *device)
{
    unsigned at = windows_up_to(bus, base);
    /* An aligned base makes an aligned address an aligned offset, which devices rely on. */
    assert(base % 8 == 0 && size_bytes && base + size_bytes - 1 >= base);
    assert(at == 0 || base - bus->windows[at - 1].base >= bus->windows[at - 1].size_bytes);
    assert(at == bus->window_count || bus->windows[at].base - base >= size_bytes);
    assert(base >= bus->ram.base ? base - bus->ram.base >= bus->ram.size_bytes
                                 : bus->ram.base - base >= size_bytes);
    if (bus->window_count == bus->window_capacity) {
        bus->window_capacity = bus->window_capacity ? bus->window_capacity * 2 : 64;
        bus->windows = host_realloc(bus->windows, bus->window_capacity, sizeof bus->windows[0]);
    }
    memmove(&bus->windows[at + 1], &bus->windows[at], (bus->window_count - at) * sizeof bus->windows[0]);
    bus->windows[at] = (struct mmio_window){name, base, size_bytes, ops, device};
    bus->window_count++;
}

void bus_show_rom(struct bus *bus, bool readable)
{
    bus->ram.rom_readable = readable;
    if (bus->on_rom_changed)
        bus->on_rom_changed(bus->on_rom_changed_context);
}

bool bus_mmio_read(struct bus *bus, uint64_t address, unsigned size, uint64_t *value)
{
    uint64_t offset;
    const struct mmio_window *window = window_for(bus, address, size, &offset);
    *value = 0;
    return window && window->ops->read(window->device, offset, size, value);
}

bool bus_mmio_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value)
{
    uint64_t offset;
    const struct mmio_window *window = window_for(bus, address, size, &offset);
    return window && window->ops->write(window->device, offset, size, value);
}

bool bus_dma_read(struct bus *bus, uint64_t address, void *to, uint64_t length)
{
    const uint8_t *from = ram_at(&bus->ram, address, length);
    if (!from)
        return false;
    memcpy(to, from, length);
    return true;
}

bool bus_dma_write(struct bus *bus, uint64_t address, const void *from, uint64_t length)
{
    uint8_t *to = bus_dma_writable(bus, address, length);
    if (!to)
        return false;
    memcpy(to, from, length);
    return true;
}

uint64_t bus_give_back(struct bus *bus, uint64_t address, uint64_t length)
{
    if (!ram_at(&bus->ram, address, length))
        return 0;
    uint64_t first = (address + PAGE_SIZE_BYTES - 1) / PAGE_SIZE_BYTES * PAGE_SIZE_BYTES;
    uint64_t end = (address + length) / PAGE_SIZE_BYTES * PAGE_SIZE_BYTES;
    if (first >= end)
        return 0;
    settle_flags(bus, first, end - first);
    uint8_t *at = ram_at(&bus->ram, first, end - first);
    /* What may come again from a file is mapped anew; that costs more, and cuts the mapping into pieces. */
    bool given = bus->ram.of_file ? mmap(at, end - first, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED
                                  : !madvise(at, end - first, MADV_DONTNEED);
    if (!given)
        memset(at, 0, end - first);
    return end - first;
}

uint8_t *bus_dma_writable(struct bus *bus, uint64_t address, uint64_t length)
{
    uint8_t *to = ram_at(&bus->ram, address, length);
    if (to)
        settle_flags(bus, address, length);
    return to;
}
