/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The spaces of a machine and their watches. */
#include "snapshot/watched.h"

unsigned watched_spaces(struct machine *machine, struct watched_space spaces[WATCHED_MAX])
{
    struct ram *ram = &machine->bus.ram;
    unsigned count = 1;
    spaces[0] = (struct watched_space){NULL, &ram->watches, ram->size_bytes / PAGE_SIZE_BYTES};
    for (unsigned i = 0; i < machine->device_count; i++) {
        const struct device *device = &machine->devices[i];
        struct watched_space *space = &spaces[count];
        if (!device->class->medium)
            continue;
        *space = (struct watched_space){.device = device};
        space->list = device->class->medium->watches(device->instance, &space->page_count);
        count++;
    }
    return count;
}

void watched_begin(struct machine *machine, const struct watched_space *space, struct page_watch *watch,
                   void (*changes)(void *context, uint64_t page, const uint8_t *content), void *context)
{
    page_watch_init(watch, space->page_count, changes, context);
    if (!space->device)
        machine_watch_ram(machine, watch);
    else if (space->list)
        page_watch_add(space->list, watch);
}

void watched_again(struct machine *machine, const struct watched_space *space, struct page_watch *watch)
{
    if (space->device) {
        page_watch_arm(watch);
        return;
    }
    ram_watch_again(&machine->bus.ram, watch);
    machine_drop_write_tags(machine);
}

void watched_end(const struct watched_space *space, struct page_watch *watch)
{
    if (space->list)
        page_watch_remove(space->list, watch);
    page_watch_free(watch);
}
