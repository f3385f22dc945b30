/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guest's map: areas in an array by address, and the host's calls that make them true. */
#include "hostcall/space.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "isa/arm64/mmu.h"
#include "isa/arm64/user.h"
#include "machine/contract/ranges.h"

#define PAGE_UP(n) (((n) + PAGE_SIZE_BYTES - 1) & ~(PAGE_SIZE_BYTES - 1))
#define TOP        (USER_SPACE_BYTES - (1ull << 32)) /* areas without an address of their own are looked for below */

/* --- areas ------------------------------------------------------------------------------------------ */

/* The number of the first area that ends above `address`. */
static unsigned first_above(const struct space *space, uint64_t address)
{
    return space->count ? ranges_up_to(&space->areas[0].end, sizeof space->areas[0], space->count, address) : 0;
}

static bool have_room(struct space *space)
{
    if (space->count + 2 <= space->capacity)
        return true;
    unsigned capacity = space->capacity ? 2 * space->capacity : 256;
    struct area *areas = realloc(space->areas, capacity * sizeof *areas);
    if (!areas)
        return false;
    space->areas = areas;
    space->capacity = capacity;
    return true;
}

static void insert(struct space *space, unsigned at, const struct area *area)
{
    memmove(&space->areas[at + 1], &space->areas[at], (space->count - at) * sizeof *area);
    space->areas[at] = *area;
    space->count++;
}

/* No area crosses `address` any more. */
static void split(struct space *space, uint64_t address)
{
    unsigned at = first_above(space, address);
    if (at == space->count || space->areas[at].start >= address)
        return;
    struct area upper = space->areas[at];
    space->areas[at].end = upper.start = address;
    insert(space, at + 1, &upper);
}

static bool same(const struct area *a, const struct area *b)
{
    return a->end == b->start && a->prot == b->prot && a->file == b->file && a->shared == b->shared &&
           a->had_code == b->had_code && a->name == b->name;
}

/* Areas that became equal around the range become one. */
static void join(struct space *space, uint64_t start, uint64_t end)
{
    unsigned at = first_above(space, start ? start - 1 : 0);
    while (at + 1 < space->count && space->areas[at].start <= end) {
        if (!same(&space->areas[at], &space->areas[at + 1])) {
            at++;
            continue;
        }
        space->areas[at].end = space->areas[at + 1].end;
        memmove(&space->areas[at + 1], &space->areas[at + 2], (space->count - at - 2) * sizeof space->areas[0]);
        space->count--;
    }
}

/* Takes the range out; returns whether something was there. *had_code: some of it. */
static bool cut(struct space *space, uint64_t start, uint64_t end, bool *had_code)
{
    split(space, start);
    split(space, end);
    unsigned first = first_above(space, start), last = first;
    *had_code = false;
    while (last < space->count && space->areas[last].start < end)
        *had_code |= space->areas[last++].had_code;
    memmove(&space->areas[first], &space->areas[last], (space->count - last) * sizeof space->areas[0]);
    space->count -= last - first;
    return last != first;
}

/* Two areas more may come of a cut, and one that is put in its place. */
static bool prepare(struct space *space)
{
    pthread_mutex_lock(&space->areas_lock);
    space->count += 2;
    bool done = have_room(space);
    space->count -= 2;
    pthread_mutex_unlock(&space->areas_lock);
    return done;
}

static bool is_free(const struct space *space, uint64_t start, uint64_t length)
{
    if (start < SPACE_LOWEST || length > USER_SPACE_BYTES || start > USER_SPACE_BYTES - length)
        return false;
    unsigned at = first_above(space, start);
    return at == space->count || space->areas[at].start >= start + length;
}

/* The highest free range, or 0. */
static uint64_t find_free(const struct space *space, uint64_t length)
{
    uint64_t end = TOP;
    for (unsigned at = first_above(space, TOP); at-- > 0;) {
        const struct area *area = &space->areas[at];
        if (area->start >= TOP)
            continue;
        if (area->end < end && end - area->end >= length)
            return end - length;
        end = area->start < end ? area->start : end;
    }
    return end >= SPACE_LOWEST + length ? end - length : 0;
}

static bool is_covered(const struct space *space, uint64_t start, uint64_t end)
{
    for (unsigned at = first_above(space, start); at < space->count && space->areas[at].start <= start; at++) {
        start = space->areas[at].end;
        if (start >= end)
            return true;
    }
    return false;
}

/* --- what running CPUs ask -------------------------------------------------------------------------- */

uint32_t space_page(void *context, uint64_t address)
{
    struct space *space = context;
    struct area found = {0};
    pthread_mutex_lock(&space->areas_lock);
    unsigned at = first_above(space, address);
    if (at < space->count && space->areas[at].start <= address)
        found = space->areas[at];
    pthread_mutex_unlock(&space->areas_lock);
    if (!found.end)
        return USER_PAGE_NONE;
    uint32_t flags = USER_PAGE;
    if (found.prot & (PROT_READ | PROT_WRITE | PROT_EXEC))
        flags |= MAY_READ_EL0;
    if (found.prot & PROT_WRITE)
        flags |= MAY_WRITE_EL0;
    if (found.prot & PROT_EXEC)
        flags |= MAY_EXECUTE_EL0;
    if (found.prot & SPACE_PROT_BTI)
        flags |= IS_GUARDED;
    uint8_t byte;
    if (found.file && flags & MAY_READ_EL0 && !guard_copy(&byte, (const void *)address, 1))
        return USER_PAGE_BUS;
    return flags;
}

bool space_area_from(struct space *space, uint64_t address, struct area *area)
{
    pthread_mutex_lock(&space->areas_lock);
    unsigned at = first_above(space, address);
    bool found = at < space->count;
    if (found)
        *area = space->areas[at];
    pthread_mutex_unlock(&space->areas_lock);
    return found;
}

/* --- operations ------------------------------------------------------------------------------------- */

static int host_prot(int prot)
{
    int host = prot & (PROT_READ | PROT_WRITE);
    return prot & (PROT_EXEC | PROT_WRITE) ? host | PROT_READ : host; /* the guest's code is data to the host */
}

static bool is_range(uint64_t address, uint64_t length)
{
    return address % PAGE_SIZE_BYTES == 0 && length <= USER_SPACE_BYTES && address <= USER_SPACE_BYTES - length;
}

/* The range is nobody's from now on, and nobody uses it any more; its pages are still there. */
static bool take_out(struct space *space, uint64_t start, uint64_t end)
{
    bool had_code;
    pthread_mutex_lock(&space->areas_lock);
    bool any = cut(space, start, end, &had_code);
    pthread_mutex_unlock(&space->areas_lock);
    if (any)
        space->changed(space->context, start, end, had_code);
    return any;
}

static void put_in(struct space *space, const struct area *area)
{
    pthread_mutex_lock(&space->areas_lock);
    insert(space, first_above(space, area->start), area);
    join(space, area->start, area->end);
    pthread_mutex_unlock(&space->areas_lock);
}

/* Where a new area goes: 0 where nothing is free. The place is taken only under `operations`. */
static uint64_t place(const struct space *space, uint64_t hint, uint64_t length)
{
    hint &= ~(PAGE_SIZE_BYTES - 1);
    return hint && is_free(space, hint, length) ? hint : find_free(space, length);
}

static int64_t map(struct space *space, uint64_t address, uint64_t length, int prot, int flags, int fd, uint64_t offset)
{
    const bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    length = PAGE_UP(length);
    if (fixed && (!is_range(address, length)))
        return address % PAGE_SIZE_BYTES ? -EINVAL : -ENOMEM;
    if (fixed && address < SPACE_LOWEST)
        return -EPERM;
    if (flags & MAP_FIXED_NOREPLACE && !is_free(space, address, length))
        return -EEXIST;
    if (!prepare(space))
        return -ENOMEM;
    const uint64_t at = fixed ? address : place(space, address, length);
    if (!at)
        return -ENOMEM;
    bool replaced = fixed && take_out(space, at, at + length);
    const int own = MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_GROWSDOWN | MAP_32BIT | MAP_STACK;
    void *host = mmap((void *)at, length, host_prot(prot), (flags & ~own) | MAP_FIXED, fd, (off_t)offset);
    if (host == MAP_FAILED) {
        int error = errno;
        if (replaced) /* what was there is still, but for the map: what the kernel does is not said either */
            munmap((void *)at, length);
        return -error;
    }
    put_in(space, &(struct area){at, at + length, (uint32_t)prot, !(flags & MAP_ANONYMOUS),
                                 (flags & MAP_TYPE) != MAP_PRIVATE, (prot & PROT_EXEC) != 0, AREA_PLAIN});
    return (int64_t)at;
}

int64_t space_map(struct space *space, uint64_t address, uint64_t length, int prot, int flags, int fd, uint64_t offset)
{
    if (!length || offset % PAGE_SIZE_BYTES)
        return -EINVAL;
    if (length > USER_SPACE_BYTES)
        return -ENOMEM;
    pthread_mutex_lock(&space->operations);
    int64_t result = map(space, address, length, prot, flags, fd, offset);
    pthread_mutex_unlock(&space->operations);
    return result;
}

int64_t space_unmap(struct space *space, uint64_t address, uint64_t length)
{
    if (!length || length > USER_SPACE_BYTES || !is_range(address, PAGE_UP(length)))
        return -EINVAL;
    length = PAGE_UP(length);
    int64_t result = -ENOMEM;
    pthread_mutex_lock(&space->operations);
    if (prepare(space)) {
        if (take_out(space, address, address + length))
            munmap((void *)address, length);
        result = 0;
    }
    pthread_mutex_unlock(&space->operations);
    return result;
}

static int64_t protect(struct space *space, uint64_t start, uint64_t end, int prot)
{
    if (!prepare(space))
        return -ENOMEM;
    bool had_code = false, loses = false;
    pthread_mutex_lock(&space->areas_lock);
    const bool covered = is_covered(space, start, end);
    if (covered) {
        split(space, start);
        split(space, end);
        for (unsigned at = first_above(space, start); at < space->count && space->areas[at].start < end; at++) {
            struct area *area = &space->areas[at];
            had_code |= area->had_code;
            loses |= area->prot & ~(uint32_t)prot;
            area->prot = (uint32_t)prot;
            area->had_code |= (prot & PROT_EXEC) != 0;
        }
    }
    pthread_mutex_unlock(&space->areas_lock);
    if (!covered)
        return -ENOMEM;
    if (loses || had_code)
        space->changed(space->context, start, end, had_code);
    int error = mprotect((void *)start, end - start, host_prot(prot)) ? errno : 0;
    pthread_mutex_lock(&space->areas_lock);
    join(space, start, end);
    pthread_mutex_unlock(&space->areas_lock);
    return -error;
}

int64_t space_protect(struct space *space, uint64_t address, uint64_t length, int prot)
{
    if (address % PAGE_SIZE_BYTES || prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | (int)SPACE_PROT_BTI))
        return -EINVAL;
    if (!length)
        return 0;
    if (length > USER_SPACE_BYTES || !is_range(address, PAGE_UP(length)))
        return -ENOMEM;
    pthread_mutex_lock(&space->operations);
    int64_t result = protect(space, address, address + PAGE_UP(length), prot);
    pthread_mutex_unlock(&space->operations);
    return result;
}

static int64_t remap(struct space *space, uint64_t from, uint64_t old, uint64_t new, int flags, uint64_t to)
{
    struct area area;
    if (!prepare(space) || !is_covered(space, from, from + (old ? old : 1)))
        return is_covered(space, from, from + 1) ? -ENOMEM : -EFAULT;
    area = space->areas[first_above(space, from)];
    if (area.end < from + old)
        return -EFAULT;
    if (!(flags & MREMAP_FIXED)) {
        if (new <= old) {
            if (new < old && take_out(space, from + new, from + old))
                munmap((void *)(from + new), old - new);
            return (int64_t)from;
        }
        to = is_free(space, from + old, new - old) ? from : 0;
        if (!to && !(flags & MREMAP_MAYMOVE))
            return -ENOMEM;
        if (!to && !(to = find_free(space, new)))
            return -ENOMEM;
    } else if (!is_range(to, new) || to < SPACE_LOWEST || (to < from + old && from < to + new)) {
        return -EINVAL;
    } else {
        take_out(space, to, to + new);
    }
    const bool keeps = flags & MREMAP_DONTUNMAP || !old;
    if (to != from && !keeps)
        take_out(space, from, from + old);
    void *host = to == from ? mremap((void *)from, old, new, 0)
                            : mremap((void *)from, old, new, flags | MREMAP_MAYMOVE | MREMAP_FIXED, (void *)to);
    const int error = host == MAP_FAILED ? errno : 0;
    const struct area moved = {to, to + new, area.prot, area.file, area.shared, area.had_code, area.name};
    const struct area stays = {from, from + old, area.prot, area.file, area.shared, area.had_code, area.name};
    if (error && to != from && !keeps) {
        put_in(space, &stays);
    } else if (!error && to == from) {
        put_in(space,
               &(struct area){from + old, from + new, area.prot, area.file, area.shared, area.had_code, area.name});
    } else if (!error) {
        put_in(space, &moved);
    }
    return error ? -error : (int64_t)to;
}

int64_t space_remap(struct space *space, uint64_t address, uint64_t old_length, uint64_t new_length, int flags,
                    uint64_t new_address)
{
    if (!new_length || flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) ||
        (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE)))
        return -EINVAL;
    if (new_length > USER_SPACE_BYTES || old_length > USER_SPACE_BYTES || !is_range(address, PAGE_UP(old_length)))
        return -EINVAL;
    pthread_mutex_lock(&space->operations);
    int64_t result = remap(space, address, PAGE_UP(old_length), PAGE_UP(new_length), flags, new_address);
    pthread_mutex_unlock(&space->operations);
    return result;
}

/* --- the heap --------------------------------------------------------------------------------------- */

void space_set_brk(struct space *space, uint64_t start)
{
    space->brk_start = space->brk = space->brk_mapped = PAGE_UP(start);
}

int64_t space_brk(struct space *space, uint64_t address)
{
    pthread_mutex_lock(&space->operations);
    const uint64_t end = PAGE_UP(address), mapped = space->brk_mapped;
    bool done = false;
    if (address >= space->brk_start && address < USER_SPACE_BYTES) {
        done = end == mapped;
        if (end > mapped && is_free(space, mapped, end - mapped))
            done = map(space, mapped, end - mapped, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) > 0;
        if (done && end > mapped)
            space_name(space, mapped, AREA_HEAP);
        if (end < mapped && prepare(space)) {
            take_out(space, end, mapped);
            done = munmap((void *)end, mapped - end) == 0;
        }
    }
    if (done) {
        space->brk = address;
        space->brk_mapped = end;
    }
    int64_t result = (int64_t)space->brk;
    pthread_mutex_unlock(&space->operations);
    return result;
}

/* --- System V shared memory ------------------------------------------------------------------------- */

int64_t space_attach(struct space *space, int id, uint64_t address, int flags)
{
    struct shmid_ds about;
    if (shmctl(id, IPC_STAT, &about) != 0)
        return -errno;
    const uint64_t length = PAGE_UP(about.shm_segsz);
    if (flags & SHM_RND)
        address &= ~(PAGE_SIZE_BYTES - 1);
    if (address && !is_range(address, length))
        return -EINVAL;
    int64_t result = -ENOMEM;
    pthread_mutex_lock(&space->operations);
    if (address && !(flags & SHM_REMAP) && !is_free(space, address, length))
        result = -EINVAL;
    else if (prepare(space)) {
        const uint64_t at = address ? address : find_free(space, length);
        if (at) {
            take_out(space, at, at + length);
            result = syscall(SYS_shmat, id, at, (flags & ~SHM_EXEC) | (address ? SHM_REMAP : 0));
            if (result == -1)
                result = -errno;
            else
                put_in(space, &(struct area){at, at + length, PROT_READ | (flags & SHM_RDONLY ? 0u : PROT_WRITE), true,
                                             true, false, AREA_PLAIN});
        }
    }
    pthread_mutex_unlock(&space->operations);
    return result;
}

int64_t space_detach(struct space *space, uint64_t address)
{
    struct area area;
    int64_t result = -EINVAL;
    pthread_mutex_lock(&space->operations);
    if (space_area_from(space, address, &area) && area.start == address && prepare(space)) {
        result = shmdt((void *)address) ? -errno : 0;
        if (!result)
            take_out(space, area.start, area.end);
    }
    pthread_mutex_unlock(&space->operations);
    return result;
}

/* --- life ------------------------------------------------------------------------------------------- */

void space_name(struct space *space, uint64_t address, enum area_name name)
{
    pthread_mutex_lock(&space->areas_lock);
    unsigned at = first_above(space, address);
    if (at < space->count && space->areas[at].start <= address)
        space->areas[at].name = (uint8_t)name;
    if (at)
        join(space, space->areas[at - 1].start, space->areas[at].end);
    pthread_mutex_unlock(&space->areas_lock);
}

void space_init(struct space *space, void (*changed)(void *context, uint64_t start, uint64_t end, bool had_code),
                void *context)
{
    *space = (struct space){.changed = changed, .context = context};
    pthread_mutex_init(&space->operations, NULL);
    pthread_mutex_init(&space->areas_lock, NULL);
}

void space_fork_prepare(struct space *space)
{
    pthread_mutex_lock(&space->operations);
}

void space_fork_begin(struct space *space)
{
    pthread_mutex_lock(&space->areas_lock);
}

void space_fork_end(struct space *space)
{
    pthread_mutex_unlock(&space->areas_lock);
    pthread_mutex_unlock(&space->operations);
}
