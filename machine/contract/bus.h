/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The physical address space: one block of RAM and the devices' windows. */
#ifndef ARMATURE_BUS_H
#define ARMATURE_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "machine/contract/error.h"
#include "machine/contract/page_watch.h"

#define PAGE_BITS 12
#define PAGE_SIZE_BYTES 4096ull

/** What stands against an inline store to a page of guest RAM (one byte of flags a page). */
enum page_flag {
    PAGE_HAS_CODE = 1,   /* an engine holds translations of it */
    PAGE_CLEAN = 2,      /* somebody waits for its first change (page_watch.h, lockstep's journal) */
    PAGE_WATCHED = 4,    /* the debugger watches an address in it */
    PAGE_ROM = 8,        /* of the memory below RAM, which only its device writes */
    PAGE_READ_WATCHED = 16, /* as PAGE_WATCHED, for loads: it does not stand against a store */
};

/** Guest RAM: one mapping of the host, taken from it page by page as the guest touches it. The mapping may begin below
 *  RAM, with a ROM: memory that CPUs read and run as they do RAM, while its device lets them; writes go to the device.
 */
struct ram {
    uint8_t *host;       /* host address of guest physical address `base` */
    uint64_t base;       /* first guest physical address */
    uint64_t size_bytes; /* a multiple of PAGE_SIZE_BYTES */
    uint8_t *page_flags; /* by ram_page() */
    bool of_file;        /* parts of it begin as a file has them, and may lie there alone */
    struct page_watch *watches;
    uint64_t rom_base, rom_bytes; /* multiples of PAGE_SIZE_BYTES, below `base`; rom_bytes 0: none */
    bool rom_readable;            /* its device lets it be read as memory now */
};

/** What a device's window does with an access. `offset` is within the window, `size` 1, 2, 4 or 8 bytes,
 *  `offset` a multiple of it. Returns false where the device signals an error (the CPU takes an external
 *  abort). Values are zero-extended. */
struct mmio_ops {
    bool (*read)(void *device, uint64_t offset, unsigned size, uint64_t *value);
    bool (*write)(void *device, uint64_t offset, unsigned size, uint64_t value);
};

struct mmio_window {
    const char *name;
    uint64_t base, size_bytes;
    const struct mmio_ops *ops;
    void *device;
};

struct bus {
    struct ram ram;
    struct mmio_window *windows; /* sorted by base, never overlapping */
    unsigned window_count, window_capacity;
    /* Told before any write to RAM that does not come from a CPU's inline path (DMA, loaders), for pages
     * with flags; clears the flags that the write makes untrue. NULL while no engine runs. */
    void (*on_flagged_write)(void *context, uint64_t page_address);
    void *on_flagged_write_context;
    /* Told when ROM has become readable, or is no more: what CPUs and engines know of it is void. */
    void (*on_rom_changed)(void *context);
    void *on_rom_changed_context;
    bool process; /* bus_init_process() made it */
    unsigned requester; /* the CPU whose access is under way, for devices that are not the same for all */
};

/** Reserves RAM. Fails when the host cannot give the address space. */
bool bus_init(struct bus *bus, uint64_t ram_base, uint64_t ram_size_bytes, struct error *error);

/** The same with a ROM of zeroes below RAM, not readable yet. */
bool bus_init_with_rom(struct bus *bus, uint64_t rom_base, uint64_t rom_bytes, uint64_t ram_base,
                       uint64_t ram_size_bytes, struct error *error);

/** The address space of a process whose addresses are the host's own: RAM is all below `size_bytes`, and none of it is
 *  mapped yet. Only page_flags is taken from the host. Stores to pages with PAGE_HAS_CODE are nobody's business. */
bool bus_init_process(struct bus *bus, uint64_t size_bytes, struct error *error);
void bus_free(struct bus *bus);

/** Adds a watch, or arms it anew: each page's next change is told. Stores that already run inline are not seen: the
 * caller drops the CPUs' write tags (machine_watch_ram()). */
void ram_watch(struct ram *ram, struct page_watch *watch);
void ram_watch_again(struct ram *ram, struct page_watch *watch);
void ram_unwatch(struct ram *ram, struct page_watch *watch);

/** To be called before a page with PAGE_CLEAN changes: tells the watches, and takes the flag away. */
void ram_page_changes(struct ram *ram, uint64_t page_address);

/** Makes all of RAM zeroes, which cost the host nothing until they are touched. */
void ram_clear(struct ram *ram);

/** Has `length` bytes of RAM at byte `offset` begin as those of the file at `file_offset`, all of them multiples of a
 * page: what the guest writes goes to memory of its own. The file must not change while the machine lives. */
bool ram_map_file(struct ram *ram, uint64_t offset, uint64_t length, int fd, uint64_t file_offset);

/** Adds a window; asserts that it overlaps nothing. */
void bus_add_window(struct bus *bus, const char *name, uint64_t base, uint64_t size_bytes,
                    const struct mmio_ops *ops, void *device);

/** A device access by a CPU. False: nothing is there, the width or alignment is not one the bus carries,
 *  or the device said no; the CPU takes an external abort. */
bool bus_mmio_read(struct bus *bus, uint64_t address, unsigned size, uint64_t *value);
bool bus_mmio_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value);

/** The host address of `length` bytes of RAM at guest physical `address`, or NULL where any of them lies
 *  outside RAM. To read only: writers use bus_dma_write() or bus_dma_writable(). */
static inline uint8_t *ram_at(const struct ram *ram, uint64_t address, uint64_t length)
{
    uint64_t offset = address - ram->base;
    if (offset >= ram->size_bytes || length > ram->size_bytes - offset)
        return NULL;
    return ram->host + offset;
}

/** The number of a page of RAM or ROM among the page flags: below 0 for ROM. */
static inline int64_t ram_page(const struct ram *ram, uint64_t address)
{
    return (int64_t)(address - ram->base) >> PAGE_BITS;
}

/** As ram_at(), also for ROM that is readable now. For what CPUs read: data, code, tables. */
static inline const uint8_t *memory_at(const struct ram *ram, uint64_t address, uint64_t length)
{
    uint64_t into = address - ram->rom_base;
    if (!ram->rom_readable || into >= ram->rom_bytes)
        return ram_at(ram, address, length);
    return length > ram->rom_bytes - into ? NULL : ram->host - (ram->base - address);
}

/** The ROM's content, for its device. */
static inline uint8_t *rom_host(const struct ram *ram)
{
    return ram->host - (ram->base - ram->rom_base);
}

/** The ROM's device lets it be read as memory from now on, or does not. Also to be called when its content has changed.
 */
void bus_show_rom(struct bus *bus, bool readable);

/** Device access to RAM. False (and nothing done) where the range is not wholly RAM. */
bool bus_dma_read(struct bus *bus, uint64_t address, void *to, uint64_t length);
bool bus_dma_write(struct bus *bus, uint64_t address, const void *from, uint64_t length);

/** Gives the pages that lie wholly within a range back to the host; they read as zeroes. Returns how many bytes that
 * were. */
uint64_t bus_give_back(struct bus *bus, uint64_t address, uint64_t length);

/** A host pointer for a device that writes `length` bytes in place (a disk read straight into RAM). Page flags
 *  are settled before it returns; the pointer holds until the machine runs on. NULL: not wholly RAM. */
uint8_t *bus_dma_writable(struct bus *bus, uint64_t address, uint64_t length);

#endif
