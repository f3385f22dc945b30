/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The device tree (Devicetree Specification 0.4; Linux, Documentation/devicetree/bindings/arm). */
#include "machine/dtb.h"
#include <inttypes.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include "machine/board.h"
#include "machine/fdt_write.h"
#include "machine/file.h"
#include "machine/seed.h"

#define TREE_BYTES      (128u << 10) /* room for the generated tree */
#define TREE_MAX_BYTES  (2u << 20)   /* the boot protocol's limit */
#define BOOT_ROOM_BYTES 4096u        /* what /chosen and /memory add, beside the command line */

/* --- the generated tree ---------------------------------------------------------------------------- */

static void describe_cpus(const struct machine *machine, void *fdt)
{
    static const char *const compatible[] = {
        [CPU_V8_0] = "arm,cortex-a57", [CPU_V8_2] = "arm,neoverse-n1", [CPU_MAX] = "arm,armv8"};
    fdt_begin_node(fdt, "cpus");
    fdt_property_cell(fdt, "#address-cells", 1);
    fdt_property_cell(fdt, "#size-cells", 0);
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        uint32_t affinity = machine->cpus[i]->mpidr & 0xffffff;
        fdt_node_at(fdt, "cpu", affinity);
        fdt_property_string(fdt, "device_type", "cpu");
        fdt_property_string(fdt, "compatible", compatible[machine->options->cpu]);
        fdt_property_cell(fdt, "reg", affinity);
        fdt_property_string(fdt, "enable-method", "psci");
        fdt_end_node(fdt);
    }
    fdt_end_node(fdt);
}

static void describe_psci(const struct machine *machine, void *fdt)
{
    static const char compatible[] = "arm,psci-1.0\0arm,psci-0.2";
    fdt_begin_node(fdt, "psci");
    fdt_property(fdt, "compatible", compatible, sizeof compatible);
    fdt_property_string(fdt, "method", machine->options->el2 ? "smc" : "hvc");
    fdt_end_node(fdt);
}

/* Private interrupts of the CPUs: type 1, active high and level-sensitive. */
static void describe_cpu_devices(const struct machine *machine, void *fdt)
{
    static const uint32_t timer[] = {
        1, BOARD_PPI_TIMER_SECURE, 4, 1, BOARD_PPI_TIMER_PHYS, 4,
        1, BOARD_PPI_TIMER_VIRT,   4, 1, BOARD_PPI_TIMER_HYP,  4,
        1, BOARD_PPI_TIMER_HYP_VIRT, 4, /* with EL2 */
    };
    fdt_begin_node(fdt, "timer");
    fdt_property_string(fdt, "compatible", "arm,armv8-timer");
    fdt_property_cells(fdt, "interrupts", machine->options->el2 ? 15 : 12, timer);
    fdt_property(fdt, "always-on", NULL, 0);
    fdt_end_node(fdt);

    fdt_begin_node(fdt, "pmu");
    fdt_property_string(fdt, "compatible", "arm,armv8-pmuv3");
    fdt_property_cells(fdt, "interrupts", 3, (const uint32_t[]){1, BOARD_PPI_PMU, 4});
    fdt_end_node(fdt);
}

/* Writes the whole tree into `fdt`; returns a libfdt error or 0. */
static int write_tree(const struct machine *machine, void *fdt)
{
    int failed = fdt_create(fdt, TREE_BYTES);
    if (!failed)
        failed = fdt_finish_reservemap(fdt);
    if (failed)
        return failed;
    fdt_begin_node(fdt, "");
    fdt_property_string(fdt, "compatible", "linux,dummy-virt");
    fdt_property_string(fdt, "model", "linux,dummy-virt");
    fdt_property_cell(fdt, "#address-cells", 2);
    fdt_property_cell(fdt, "#size-cells", 2);
    fdt_property_cell(fdt, "interrupt-parent", PHANDLE_GIC);
    fdt_property(fdt, "dma-coherent", NULL, 0);

    fdt_begin_node(fdt, "aliases");
    fdt_property_string(fdt, "serial0", "/pl011@9000000");
    fdt_end_node(fdt);
    fdt_begin_node(fdt, "chosen");
    fdt_property_string(fdt, "stdout-path", "/pl011@9000000");
    fdt_end_node(fdt);
    fdt_node_at(fdt, "memory", BOARD_RAM_BASE);
    fdt_property_string(fdt, "device_type", "memory");
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){BOARD_RAM_BASE, machine->bus.ram.size_bytes});
    fdt_end_node(fdt);
    describe_cpus(machine, fdt);
    describe_psci(machine, fdt);
    describe_cpu_devices(machine, fdt);
    board_describe(machine, fdt);
    fdt_end_node(fdt);
    return fdt_finish(fdt);
}

/* The tree of the board and its CPUs, without what depends on a boot. */
static void *generate_tree(const struct machine *machine, struct error *error)
{
    void *fdt = calloc(1, TREE_BYTES);
    int failed = fdt ? write_tree(machine, fdt) : -FDT_ERR_NOSPACE;
    if (!failed)
        return fdt;
    free(fdt);
    error_set(error, "no memory for the device tree: %s; free some on the host", fdt_strerror(failed));
    return NULL;
}

/* --- the user's tree ------------------------------------------------------------------------------- */

static void *read_tree(const char *path, struct error *error)
{
    struct file file;
    if (!file_read(&file, "device tree", path, TREE_MAX_BYTES, "make one with --dump-dtb or dtc", error))
        return NULL;
    int failed = file.length < sizeof(struct fdt_header) ? -FDT_ERR_TRUNCATED
                                                         : fdt_check_full(file.bytes, file.length);
    if (!failed)
        return file.bytes;
    error_set(error, "device tree %s: is none, or damaged: %s; make one with --dump-dtb or dtc", path,
              fdt_strerror(failed));
    file_free(&file);
    return NULL;
}

/* --- what depends on the boot ---------------------------------------------------------------------- */

/* A number of `cells` cells at `to`. */
static void put_cells(fdt32_t *to, int cells, uint64_t value)
{
    for (int i = cells; i-- > 0; value >>= 32)
        to[i] = cpu_to_fdt32((uint32_t)value);
}

static int set_memory(const struct machine *machine, void *fdt)
{
    int address_cells = fdt_address_cells(fdt, 0), size_cells = fdt_size_cells(fdt, 0);
    if (address_cells < 1 || address_cells > 4 || size_cells < 1 || size_cells > 4)
        return -FDT_ERR_BADNCELLS;
    static const char type[] = "memory";
    int node = fdt_node_offset_by_prop_value(fdt, -1, "device_type", type, sizeof type);
    if (node == -FDT_ERR_NOTFOUND) {
        node = fdt_add_subnode(fdt, 0, "memory@40000000");
        if (node >= 0)
            fdt_setprop(fdt, node, "device_type", type, sizeof type);
    }
    if (node < 0)
        return node;
    fdt32_t reg[8];
    put_cells(reg, address_cells, machine->bus.ram.base);
    put_cells(reg + address_cells, size_cells, machine->bus.ram.size_bytes);
    return fdt_setprop(fdt, node, "reg", reg, (address_cells + size_cells) * (int)sizeof reg[0]);
}

static int set_chosen(const struct machine *machine, void *fdt, const struct range *initrd)
{
    int node = fdt_path_offset(fdt, "/chosen");
    if (node == -FDT_ERR_NOTFOUND)
        node = fdt_add_subnode(fdt, 0, "chosen");
    if (node < 0)
        return node;
    uint64_t stream = machine->options->seed ^ machine->resets * SEED_STEP;
    uint64_t random[8];
    int failed = fdt_setprop_u64(fdt, node, "kaslr-seed", seed_next(&stream));
    for (unsigned i = 0; i < 8; i++)
        random[i] = seed_next(&stream);
    if (!failed)
        failed = fdt_setprop(fdt, node, "rng-seed", random, sizeof random);
    if (!failed && *machine->options->append)
        failed = fdt_setprop_string(fdt, node, "bootargs", machine->options->append);
    if (!failed && initrd)
        failed = fdt_setprop_u64(fdt, node, "linux,initrd-start", initrd->start);
    if (!failed && initrd)
        failed = fdt_setprop_u64(fdt, node, "linux,initrd-end", initrd->end);
    return failed;
}

void *dtb_make(struct machine *machine, const struct range *initrd, size_t *bytes, struct error *error)
{
    const char *path = machine->options->dtb;
    void *base = path ? read_tree(path, error) : generate_tree(machine, error);
    if (!base)
        return NULL;
    size_t room = fdt_totalsize(base) + BOOT_ROOM_BYTES + strlen(machine->options->append);
    void *fdt = room <= TREE_MAX_BYTES ? calloc(1, room) : NULL;
    int failed = fdt ? fdt_open_into(base, fdt, (int)room) : -FDT_ERR_NOSPACE;
    if (!failed)
        failed = set_memory(machine, fdt);
    if (!failed)
        failed = set_chosen(machine, fdt, initrd);
    free(base);
    if (failed) {
        error_set(error, "device tree %s: cannot take memory and command line: %s; give a shorter --append%s",
                  path ? path : "of the board", fdt_strerror(failed), path ? " or another tree" : "");
        free(fdt);
        return NULL;
    }
    fdt_pack(fdt);
    *bytes = fdt_totalsize(fdt);
    return fdt;
}
