/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shorthands over libfdt's sequential writing. Errors stay in the tree that is being written: once a call has
 * failed for want of room, so does fdt_finish(). */
#ifndef ARMATURE_FDT_WRITE_H
#define ARMATURE_FDT_WRITE_H

#include <libfdt.h>
#include <stdint.h>
#include <stdio.h>

/** Begins the node "name@address". */
static inline void fdt_node_at(void *fdt, const char *name, uint64_t address)
{
    char full[64];
    snprintf(full, sizeof full, "%s@%llx", name, (unsigned long long)address);
    fdt_begin_node(fdt, full);
}

/** A property of `count` 32-bit cells, at most 32. */
static inline void fdt_property_cells(void *fdt, const char *name, unsigned count, const uint32_t *cells)
{
    fdt32_t out[32];
    for (unsigned i = 0; i < count; i++)
        out[i] = cpu_to_fdt32(cells[i]);
    fdt_property(fdt, name, out, (int)(count * sizeof out[0]));
}

/** A property of `count` numbers of two cells each, at most 16. */
static inline void fdt_property_pairs(void *fdt, const char *name, unsigned count, const uint64_t *numbers)
{
    fdt64_t out[16];
    for (unsigned i = 0; i < count; i++)
        out[i] = cpu_to_fdt64(numbers[i]);
    fdt_property(fdt, name, out, (int)(count * sizeof out[0]));
}

/** "interrupts" of one shared, level-sensitive, active-high interrupt. */
static inline void fdt_property_spi(void *fdt, unsigned spi)
{
    fdt_property_cells(fdt, "interrupts", 3, (const uint32_t[]){0, spi, 4});
}

/** The same of one that is triggered by its rising edge. */
static inline void fdt_property_spi_edge(void *fdt, unsigned spi)
{
    fdt_property_cells(fdt, "interrupts", 3, (const uint32_t[]){0, spi, 1});
}

#endif
