/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arm64 boot protocol (Linux, Documentation/arch/arm64/booting.rst): the kernel at its offset from a 2
 * MiB boundary, the initial RAM disk and the device tree behind it. */
#include "machine/boot.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "machine/board.h"
#include "machine/dtb.h"
#include "machine/file.h"
#include "machine/kernel.h"

#define ALIGN_BYTES (2ull << 20) /* the device tree must not cross a 2 MiB boundary */

static bool load_initrd(struct machine *machine, const struct range *taken, struct range *initrd,
                        struct error *error)
{
    struct file file;
    uint64_t start;
    if (!file_read(&file, "initrd", machine->options->initrd, machine->bus.ram.size_bytes,
                   "give more --memory", error))
        return false;
    bool fits = place_find(&machine->bus.ram, taken, 1, file.length, ALIGN_BYTES, &start);
    if (!fits)
        error_set(error,
                  "initrd %s: its %zu MiB do not fit into %" PRIu64 " MiB of memory beside the kernel; give "
                  "more --memory",
                  file.name, (file.length >> 20) + 1, machine->bus.ram.size_bytes >> 20);
    else if (file.length == 0)
        fits =
            error_set(error, "initrd %s: the file is empty; leave --initrd away or give another", file.name);
    else
        bus_dma_write(&machine->bus, start, file.bytes, file.length);
    *initrd = (struct range){start, start + file.length};
    file_free(&file);
    return fits;
}

/* Firmware starts at the beginning of flash, and looks for the device tree at that of RAM. */
static bool load_for_firmware(struct machine *machine, struct boot_start *start, struct error *error)
{
    size_t dtb_bytes;
    void *dtb = dtb_make(machine, NULL, &dtb_bytes, error);
    if (!dtb)
        return false;
    bus_dma_write(&machine->bus, BOARD_RAM_BASE, dtb, dtb_bytes); /* smaller than the least memory */
    free(dtb);
    *start = (struct boot_start){.entry = BOARD_FLASH_BASE, .dtb = BOARD_RAM_BASE};
    return true;
}

bool boot_load(struct machine *machine, struct boot_start *start, struct error *error)
{
    if (machine->options->firmware)
        return load_for_firmware(machine, start, error);
    const struct run_options *options = machine->options;
    struct range taken[2] = {0};
    unsigned taken_count = 1;
    struct file file;
    struct kernel_placement kernel;

    if (!file_read(&file, "kernel", options->kernel, machine->bus.ram.size_bytes, "give more --memory",
                   error))
        return false;
    bool loaded = kernel_load(&machine->bus, &file, &kernel, error);
    file_free(&file);
    if (!loaded)
        return false;
    taken[0] = (struct range){kernel.start, kernel.end};

    if (options->initrd) {
        if (!load_initrd(machine, taken, &taken[1], error))
            return false;
        taken_count = 2;
    }

    size_t dtb_bytes;
    void *dtb = dtb_make(machine, taken_count > 1 ? &taken[1] : NULL, &dtb_bytes, error);
    if (!dtb)
        return false;
    uint64_t dtb_start;
    bool fits = place_find(&machine->bus.ram, taken, taken_count, dtb_bytes, ALIGN_BYTES, &dtb_start);
    if (fits)
        bus_dma_write(&machine->bus, dtb_start, dtb, dtb_bytes);
    else
        error_set(error,
                  "memory of %" PRIu64 " MiB has no room for the device tree beside kernel and initrd; give "
                  "more --memory",
                  machine->bus.ram.size_bytes >> 20);
    free(dtb);
    *start = (struct boot_start){.entry = kernel.entry, .dtb = dtb_start};
    return fits;
}
