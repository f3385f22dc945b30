/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of a process that runs as a guest: what of the host's address space below USER_SPACE_BYTES it has.
 *
 * Guest addresses are the host's. The host's page tables do the work; here is what they cannot tell: what is the
 * guest's and what nobody's, and what the guest may execute (the host never may). One operation runs at a time
 * (`operations`); `areas_lock` is held for moments only, as running CPUs ask for pages. */
#ifndef ARMATURE_SPACE_H
#define ARMATURE_SPACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPACE_PROT_BTI 0x10u /* PROT_BTI of Linux on AArch64 */
#define SPACE_LOWEST   0x10000ull

struct area {
    uint64_t start, end;
    uint32_t prot;  /* PROT_ of the guest */
    bool file;      /* pages of it may be behind the file's end */
    bool shared;
    bool had_code;  /* the guest could execute it at some time */
    uint8_t name;   /* enum area_name */
};

enum area_name { AREA_PLAIN, AREA_STACK, AREA_HEAP, AREA_VDSO };

struct space {
    pthread_mutex_t operations, areas_lock;
    struct area *areas; /* by address, never overlapping */
    unsigned count, capacity;
    uint64_t brk_start, brk, brk_mapped;
    /** Pages of the range lose rights or become others: told before the host does it, when the map says so already. */
    void (*changed)(void *context, uint64_t start, uint64_t end, bool had_code);
    void *context;
};

void space_init(struct space *space, void (*changed)(void *context, uint64_t start, uint64_t end, bool had_code),
                void *context);

/** The calls, with the guest's flags (the same as the host's): their results are addresses, 0, or -errno. */
int64_t space_map(struct space *space, uint64_t address, uint64_t length, int prot, int flags, int fd, uint64_t offset);
int64_t space_unmap(struct space *space, uint64_t address, uint64_t length);
int64_t space_protect(struct space *space, uint64_t address, uint64_t length, int prot);
int64_t space_remap(struct space *space, uint64_t address, uint64_t old_length, uint64_t new_length, int flags,
                    uint64_t new_address);
int64_t space_brk(struct space *space, uint64_t address);
int64_t space_attach(struct space *space, int id, uint64_t address, int flags);
int64_t space_detach(struct space *space, uint64_t address);

/** Where the heap begins. */
void space_set_brk(struct space *space, uint64_t start);

/** What the area of an address is called in /proc/self/maps. */
void space_name(struct space *space, uint64_t address, enum area_name name);

/** struct user_space.page (isa/arm64/user.h); `space` is the context. */
uint32_t space_page(void *space, uint64_t address);

/** The area that holds the address, or the next one above it. False: there is none. */
bool space_area_from(struct space *space, uint64_t address, struct area *area);

/** Around fork(), space_fork_end() in both processes. The map stands still from space_fork_prepare() on; a CPU that
 * runs may still look at it, so space_fork_begin() is for a moment when none does. */
void space_fork_prepare(struct space *space);
void space_fork_begin(struct space *space);
void space_fork_end(struct space *space);

#endif
