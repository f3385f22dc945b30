/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board. The only file that names devices: one table builds the memory map, the wiring and the device
 * tree. */
#include "machine/board.h"
#include <assert.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hostcall/hyper/hyper.h"
#include "hostcall/semihost.h"
#include "hostcall/share/share.h"
#include "machine/acpi.h"
#include "machine/fdt_write.h"
#include "machine/firmware.h"
#include "machine/serial.h"
#include "machine/smbios.h"
#include "peripherals/disk/disk_open.h"
#include "peripherals/flash.h"
#include "peripherals/fw_cfg.h"
#include "peripherals/gicv3.h"
#include "peripherals/gicv3_its.h"
#include "peripherals/pci.h"
#include "peripherals/pl011.h"
#include "peripherals/pl031.h"
#include "peripherals/pl061.h"
#include "peripherals/virtio/net_slirp.h"
#include "peripherals/virtio/virtio_9p.h"
#include "peripherals/virtio/virtio_balloon.h"
#include "peripherals/virtio/virtio_blk.h"
#include "peripherals/virtio/virtio_console.h"
#include "peripherals/virtio/virtio_mmio.h"
#include "peripherals/virtio/virtio_net.h"
#include "peripherals/virtio/virtio_pci.h"
#include "peripherals/virtio/virtio_rng.h"
#include "peripherals/vmgenid.h"

#define KEY_POWER 116 /* Linux input event code */

/** A row of the table. */
struct board_row {
    const char *name;
    uint64_t base, size_bytes; /* size of one window */
    unsigned spi;
    bool (*build)(struct machine *machine, const struct board_row *row, struct error *error);
    void (*describe)(const struct machine *machine, const struct board_row *row, void *fdt);
};

static bool build_gic(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_uart(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_rtc(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_gpio(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_vmgenid(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_virtio(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_calls(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_flash(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_flash_vars(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_fw_cfg(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_its(struct machine *machine, const struct board_row *row, struct error *error);
static bool build_pci(struct machine *machine, const struct board_row *row, struct error *error);
static void describe_pci(const struct machine *machine, const struct board_row *row, void *fdt);
static void describe_flash(const struct machine *machine, const struct board_row *row, void *fdt);
static void describe_nothing(const struct machine *machine, const struct board_row *row, void *fdt);
static void describe_fw_cfg(const struct machine *machine, const struct board_row *row, void *fdt);
static void describe_gic(const struct machine *machine, const struct board_row *row, void *fdt);
static void describe_uart(const struct machine *machine, const struct board_row *row, void *fdt);
static void describe_rtc(const struct machine *machine, const struct board_row *row, void *fdt);
static void describe_gpio(const struct machine *machine, const struct board_row *row, void *fdt);
static void describe_vmgenid(const struct machine *machine, const struct board_row *row, void *fdt);
static void describe_virtio(const struct machine *machine, const struct board_row *row, void *fdt);

#define ITS_BASE 0x08080000ull

/* The interrupt controller stands first: the others are wired to it. */
static const struct board_row board[] = {
    {"gic", 0x08000000, GICV3_DIST_WINDOW_BYTES, 0, build_gic, describe_gic},
    {"its0", ITS_BASE, GICV3_ITS_WINDOW_BYTES, 0, build_its, describe_nothing},
    {"uart0", 0x09000000, PL011_WINDOW_BYTES, 1, build_uart, describe_uart},
    {"rtc0", 0x09010000, PL031_WINDOW_BYTES, 2, build_rtc, describe_rtc},
    {"fw-cfg", 0x09020000, FW_CFG_WINDOW_BYTES, 0, build_fw_cfg, describe_fw_cfg},
    {"gpio0", 0x09030000, PL061_WINDOW_BYTES, 7, build_gpio, describe_gpio},
    {"vmgenid", 0x090c0000, VMGENID_WINDOW_BYTES, 9, build_vmgenid, describe_vmgenid},
    {"flash0", BOARD_FLASH_BASE, FLASH_BANK_BYTES, 0, build_flash, describe_flash},
    {"flash1", BOARD_FLASH_BASE + FLASH_BANK_BYTES, FLASH_BANK_BYTES, 0, build_flash_vars, describe_nothing},
    {"pci0", 0x4010000000, 256 * PCI_ECAM_BUS_BYTES, 3, build_pci, describe_pci},
    {"hostcalls", 0, 0, 0, build_calls, describe_nothing},
    {"virtio", 0x0a000000, VIRTIO_MMIO_SLOT_BYTES, 16, build_virtio, describe_virtio},
};

#define GIC_REDIST_BASE 0x080a0000ull

/* --- interrupts ------------------------------------------------------------------------------------ */

static bool has_pci(const struct machine *machine)
{
    return machine->options->bus == BUS_CHOICE_PCI;
}

static struct irq_line spi_of(const struct machine *machine, unsigned spi)
{
    return gicv3_spi(machine->devices[0].instance, spi);
}

static void cpu_input(void *cpu, unsigned number, bool level)
{
    cpu_set_interrupt(cpu, (enum cpu_interrupt)number, level);
}

static bool build_gic(struct machine *machine, const struct board_row *row, struct error *error)
{
    struct gicv3_cpu_config cpus[MAX_CPUS];
    for (unsigned i = 0; i < machine->cpu_count; i++)
        cpus[i] = (struct gicv3_cpu_config){
            .mpidr = machine->cpus[i]->mpidr,
            .irq = {cpu_input, machine->cpus[i], CPU_IRQ},
            .fiq = {cpu_input, machine->cpus[i], CPU_FIQ},
        };
    struct gicv3 *gic = gicv3_create(
        &(struct gicv3_config){.cpus = cpus,
                               .cpu_count = machine->cpu_count,
                               .spi_count = BOARD_SPI_COUNT,
                               .lpi_bus = has_pci(machine) ? &machine->bus : NULL,
                               .firmware_setup = true});
    machine_add_device(machine, &gicv3_class, row->name, gic);
    bus_add_window(&machine->bus, "gic-distributor", row->base, row->size_bytes, &gicv3_dist_mmio, gic);
    bus_add_window(&machine->bus, "gic-redistributors", GIC_REDIST_BASE,
                   machine->cpu_count * (uint64_t)GICV3_REDIST_WINDOW_BYTES, &gicv3_redist_mmio, gic);
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        struct cpu *cpu = machine->cpus[i];
        cpu->icc = &gicv3_icc;
        cpu->icc_gic = gic;
        cpu->timer_wires.virt = gicv3_ppi(gic, i, BOARD_PPI_TIMER_VIRT);
        cpu->timer_wires.phys = gicv3_ppi(gic, i, BOARD_PPI_TIMER_PHYS);
        cpu->pmu_wire = gicv3_ppi(gic, i, BOARD_PPI_PMU);
    }
    return true;
}

/* What makes LPIs of the messages on PCI. */
static bool build_its(struct machine *machine, const struct board_row *row, struct error *error)
{
    if (!has_pci(machine))
        return true;
    machine->its = gicv3_its_create(machine->devices[0].instance, &machine->bus);
    machine_add_device(machine, &gicv3_its_class, row->name, machine->its);
    bus_add_window(&machine->bus, row->name, row->base, row->size_bytes, &gicv3_its_mmio, machine->its);
    return true;
}

static void describe_its(void *fdt)
{
    fdt_property_cell(fdt, "#address-cells", 2);
    fdt_property_cell(fdt, "#size-cells", 2);
    fdt_property(fdt, "ranges", NULL, 0);
    fdt_node_at(fdt, "its", ITS_BASE);
    fdt_property_string(fdt, "compatible", "arm,gic-v3-its");
    fdt_property(fdt, "msi-controller", NULL, 0);
    fdt_property_cell(fdt, "#msi-cells", 1);
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){ITS_BASE, GICV3_ITS_WINDOW_BYTES});
    fdt_property_cell(fdt, "phandle", PHANDLE_ITS);
    fdt_end_node(fdt);
}

static void describe_gic(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "intc", row->base);
    fdt_property_string(fdt, "compatible", "arm,gic-v3");
    if (!has_pci(machine))
        fdt_property_cell(fdt, "#address-cells", 0);
    fdt_property_cell(fdt, "#interrupt-cells", 3);
    fdt_property(fdt, "interrupt-controller", NULL, 0);
    fdt_property_cell(fdt, "#redistributor-regions", 1);
    fdt_property_pairs(fdt, "reg", 4,
                       (const uint64_t[]){row->base, row->size_bytes, GIC_REDIST_BASE,
                                          machine->cpu_count * (uint64_t)GICV3_REDIST_WINDOW_BYTES});
    fdt_property_cell(fdt, "phandle", PHANDLE_GIC);
    if (has_pci(machine))
        describe_its(fdt);
    fdt_end_node(fdt);
}

/* --- the simple devices ---------------------------------------------------------------------------- */

static void add_mmio_device(struct machine *machine, const struct board_row *row,
                            const struct device_class *class, const struct mmio_ops *ops, void *instance)
{
    machine_add_device(machine, class, row->name, instance);
    bus_add_window(&machine->bus, row->name, row->base, row->size_bytes, ops, instance);
}

/* A PrimeCell's node, left open for what is special. */
static void begin_primecell(void *fdt, const struct board_row *row, const char *name, const char *compatible,
                            unsigned compatible_bytes)
{
    fdt_node_at(fdt, name, row->base);
    fdt_property(fdt, "compatible", compatible, (int)compatible_bytes);
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){row->base, row->size_bytes});
    fdt_property_spi(fdt, row->spi);
    fdt_property_cell(fdt, "clocks", PHANDLE_CLOCK);
    fdt_property_string(fdt, "clock-names", "apb_pclk");
}

static bool build_uart(struct machine *machine, const struct board_row *row, struct error *error)
{
    struct pl011 *uart = pl011_create(&(struct pl011_config){
        .clock = &machine->clock,
        .irq = spi_of(machine, row->spi),
        .transmit = machine_transmit,
        .transmit_context = &machine->uart,
        .firmware_setup = true,
    });
    add_mmio_device(machine, row, &pl011_class, &pl011_mmio, uart);
    struct input_source receive = pl011_receive_line(uart, "uart0.rx");
    struct input_source held = pl011_break_line(uart, "uart0.break");
    machine->uart.source = input_register(machine->inputs, &receive);
    machine->break_source = input_register(machine->inputs, &held);
    return true;
}

static void describe_uart(const struct machine *machine, const struct board_row *row, void *fdt)
{
    static const char compatible[] = "arm,pl011\0arm,primecell";
    fdt_node_at(fdt, "pl011", row->base);
    fdt_property(fdt, "compatible", compatible, sizeof compatible);
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){row->base, row->size_bytes});
    fdt_property_spi(fdt, row->spi);
    fdt_property_cells(fdt, "clocks", 2, (const uint32_t[]){PHANDLE_CLOCK, PHANDLE_CLOCK});
    static const char clock_names[] = "uartclk\0apb_pclk";
    fdt_property(fdt, "clock-names", clock_names, sizeof clock_names);
    fdt_end_node(fdt);
}

static bool build_rtc(struct machine *machine, const struct board_row *row, struct error *error)
{
    add_mmio_device(machine, row, &pl031_class, &pl031_mmio,
                    pl031_create(&machine->clock, run_options_rtc_s(machine->options), spi_of(machine, row->spi)));
    return true;
}

static void describe_rtc(const struct machine *machine, const struct board_row *row, void *fdt)
{
    static const char compatible[] = "arm,pl031\0arm,primecell";
    begin_primecell(fdt, row, "pl031", compatible, sizeof compatible);
    fdt_end_node(fdt);
}

static bool build_gpio(struct machine *machine, const struct board_row *row, struct error *error)
{
    struct pl061 *gpio = pl061_create(&machine->clock, spi_of(machine, row->spi));
    add_mmio_device(machine, row, &pl061_class, &pl061_mmio, gpio);
    struct input_source power_key = pl061_power_key(gpio, "power-key");
    machine->power_source = input_register(machine->inputs, &power_key);
    return true;
}

static void describe_gpio(const struct machine *machine, const struct board_row *row, void *fdt)
{
    static const char compatible[] = "arm,pl061\0arm,primecell";
    begin_primecell(fdt, row, "pl061", compatible, sizeof compatible);
    fdt_property_cell(fdt, "#gpio-cells", 2);
    fdt_property(fdt, "gpio-controller", NULL, 0);
    fdt_property_cell(fdt, "#address-cells", 0);
    fdt_property_cell(fdt, "#interrupt-cells", 2);
    fdt_property(fdt, "interrupt-controller", NULL, 0);
    fdt_property_cell(fdt, "phandle", PHANDLE_GPIO);
    fdt_end_node(fdt);

    fdt_begin_node(fdt, "gpio-keys");
    fdt_property_string(fdt, "compatible", "gpio-keys");
    fdt_begin_node(fdt, "poweroff");
    fdt_property_string(fdt, "label", "GPIO Key Poweroff");
    fdt_property_cell(fdt, "linux,code", KEY_POWER);
    fdt_property_cells(fdt, "gpios", 3, (const uint32_t[]){PHANDLE_GPIO, PL061_POWER_KEY_PIN, 0});
    fdt_end_node(fdt);
    fdt_end_node(fdt);
}

static bool build_vmgenid(struct machine *machine, const struct board_row *row, struct error *error)
{
    add_mmio_device(machine, row, &vmgenid_class, &vmgenid_mmio,
                    vmgenid_create(machine->options->seed, spi_of(machine, row->spi)));
    return true;
}

static void describe_vmgenid(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "rng", row->base);
    fdt_property_string(fdt, "compatible", "microsoft,vmgenid");
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){row->base, row->size_bytes});
    fdt_property_spi_edge(fdt, row->spi);
    fdt_end_node(fdt);
}

/* --- firmware -------------------------------------------------------------------------------------- */

static void describe_nothing(const struct machine *machine, const struct board_row *row, void *fdt)
{
}

/* What the banks of a restored machine hold comes from the snapshot. */
static bool build_flash(struct machine *machine, const struct board_row *row, struct error *error)
{
    static_assert(FLASH_BANK_BYTES == BOARD_FLASH_BANK_BYTES, "the bus has room for a bank");
    struct flash *flash = flash_create(&(struct flash_config){.bus = &machine->bus, .is_rom = true}, error);
    if (!flash)
        return false;
    add_mmio_device(machine, row, &flash_class, &flash_mmio, flash);
    if (!machine->options->firmware || machine->options->restore)
        return true;
    struct file file;
    if (!firmware_read(machine->options, FLASH_BANK_BYTES, &file, error))
        return false;
    flash_load(flash, file.bytes, file.length);
    file_free(&file);
    return true;
}

static bool build_flash_vars(struct machine *machine, const struct board_row *row, struct error *error)
{
    const char *path = machine->options->restore ? NULL : machine->options->firmware_vars;
    struct disk *backing = NULL;
    if (path && (!firmware_make_vars(path, FLASH_BANK_BYTES, error) || !(backing = disk_raw_open(path, false, error))))
        return false;
    struct flash *flash = flash_create(&(struct flash_config){.bus = &machine->bus, .backing = backing}, error);
    if (!flash)
        return false;
    add_mmio_device(machine, row, &flash_class, &flash_mmio, flash);
    return true;
}

/* Both banks. */
static void describe_flash(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "flash", row->base);
    fdt_property_string(fdt, "compatible", "cfi-flash");
    fdt_property_pairs(fdt, "reg", 4,
                       (const uint64_t[]){row->base, row->size_bytes, row->base + row->size_bytes, row->size_bytes});
    fdt_property_cell(fdt, "bank-width", 4);
    fdt_end_node(fdt);
}

static bool build_fw_cfg(struct machine *machine, const struct board_row *row, struct error *error)
{
    machine->fw_cfg = fw_cfg_create(&machine->bus);
    add_mmio_device(machine, row, &fw_cfg_class, &fw_cfg_mmio, machine->fw_cfg);
    return firmware_describe(machine->options, machine->fw_cfg, error);
}

static void describe_fw_cfg(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "fw-cfg", row->base);
    fdt_property_string(fdt, "compatible", "qemu,fw-cfg-mmio");
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){row->base, row->size_bytes});
    fdt_property(fdt, "dma-coherent", NULL, 0);
    fdt_end_node(fdt);
}

/* --- PCI Express ----------------------------------------------------------------------------------- */

/* The windows of the bridge beside its configuration space. */
static const struct pci_place {
    const char *name;
    uint64_t base, size_bytes;
    const struct mmio_ops *ops;
    uint32_t space;    /* of the device tree's binding: I/O, memory of 32 bits, memory of 64 */
    uint64_t bus_base; /* the address on PCI */
} pci_places[] = {
    {"pci-memory", 0x10000000, 0x2eff0000, &pci_memory32_mmio, 0x02000000, 0x10000000},
    {"pci-io", 0x3eff0000, 0x10000, &pci_io_mmio, 0x01000000, 0},
    {"pci-memory64", 0x8000000000, 0x8000000000, &pci_memory64_mmio, 0x03000000, 0x8000000000},
};
#define PCI_PLACES (sizeof pci_places / sizeof pci_places[0])

/* A message on PCI: to the translation service, or a write to memory like any other. */
static void pci_message(void *context, uint32_t requester, uint64_t address, uint32_t data)
{
    struct machine *machine = context;
    if (address == ITS_BASE + GICV3_ITS_TRANSLATER)
        gicv3_its_message(machine->its, requester, data);
    else
        bus_dma_write(&machine->bus, address, &data, sizeof data);
}

static bool build_pci(struct machine *machine, const struct board_row *row, struct error *error)
{
    if (!has_pci(machine))
        return true;
    struct pci_host_config config = {.message = pci_message,
                                     .context = machine,
                                     .memory32_base = pci_places[0].base,
                                     .memory64_base = pci_places[2].base};
    for (unsigned pin = 0; pin < PCI_PINS; pin++)
        config.pins[pin] = spi_of(machine, row->spi + pin);
    machine->pci = pci_host_create(&config);
    add_mmio_device(machine, row, &pci_host_class, &pci_ecam_mmio, machine->pci);
    for (unsigned i = 0; i < PCI_PLACES; i++)
        bus_add_window(&machine->bus, pci_places[i].name, pci_places[i].base, pci_places[i].size_bytes, pci_places[i].ops,
                       machine->pci);
    return true;
}

/* Which interrupt a slot's pin leads to: four slots by four pins, then again. */
static void describe_pci_pins(const struct board_row *row, void *fdt)
{
    fdt32_t map[PCI_PINS * PCI_PINS][10] = {{0}};
    for (unsigned i = 0; i < PCI_PINS * PCI_PINS; i++) {
        unsigned slot = i / PCI_PINS, pin = i % PCI_PINS;
        map[i][0] = cpu_to_fdt32(slot << 11);
        map[i][3] = cpu_to_fdt32(pin + 1);
        map[i][4] = cpu_to_fdt32(PHANDLE_GIC); /* two cells of an address that means nothing follow */
        map[i][8] = cpu_to_fdt32(row->spi + (slot + pin) % PCI_PINS);
        map[i][9] = cpu_to_fdt32(4);
    }
    fdt_property(fdt, "interrupt-map", map, sizeof map);
    fdt_property_cells(fdt, "interrupt-map-mask", 4, (const uint32_t[]){(PCI_PINS - 1) << 11, 0, 0, 7});
}

static void describe_pci(const struct machine *machine, const struct board_row *row, void *fdt)
{
    if (!has_pci(machine))
        return;
    uint32_t ranges[PCI_PLACES * 7];
    for (unsigned i = 0; i < PCI_PLACES; i++) {
        const struct pci_place *place = &pci_places[i];
        const uint64_t numbers[3] = {place->bus_base, place->base, place->size_bytes};
        ranges[7 * i] = place->space;
        for (unsigned n = 0; n < 6; n++)
            ranges[7 * i + 1 + n] = (uint32_t)(numbers[n / 2] >> (n % 2 ? 0 : 32));
    }
    fdt_node_at(fdt, "pcie", pci_places[0].base);
    fdt_property_string(fdt, "compatible", "pci-host-ecam-generic");
    fdt_property_string(fdt, "device_type", "pci");
    fdt_property_cell(fdt, "#address-cells", 3);
    fdt_property_cell(fdt, "#size-cells", 2);
    fdt_property_cell(fdt, "#interrupt-cells", 1);
    fdt_property_cell(fdt, "linux,pci-domain", 0);
    fdt_property_cells(fdt, "bus-range", 2, (const uint32_t[]){0, 255});
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){row->base, row->size_bytes});
    fdt_property_cells(fdt, "ranges", PCI_PLACES * 7, ranges);
    fdt_property(fdt, "dma-coherent", NULL, 0);
    fdt_property_cells(fdt, "msi-map", 4, (const uint32_t[]){0, PHANDLE_ITS, 0, 0x10000});
    describe_pci_pins(row, fdt);
    fdt_end_node(fdt);
}

/* --- calls that the host serves --------------------------------------------------------------------- */

/* Where the board has no serial line that leads anywhere, the program's own output. */
static void call_transmit(void *context, const void *bytes, size_t length)
{
    struct machine *machine = context;
    machine_transmit(&machine->uart, bytes, length);
    if (machine->uart.serial)
        return;
    fwrite(bytes, 1, length, stdout);
    fflush(stdout);
}

static bool build_semihosting(struct machine *machine, struct door *door, struct error *error)
{
    const struct run_options *options = machine->options;
    const struct ram *ram = &machine->bus.ram;
    const char *kernel = options->kernel ? options->kernel : "", *slash = strrchr(kernel, '/');
    char command_line[4096];
    snprintf(command_line, sizeof command_line, "%s%s%s", slash ? slash + 1 : kernel, *options->append ? " " : "",
             options->append);
    struct semihost *semihost = semihost_create(door,
                                                &(struct semihost_config){
                                                    .folder = options->semihosting,
                                                    .command_line = command_line,
                                                    .start_s = run_options_rtc_s(options),
                                                    .reads_stdin = options->serial.kind == SERIAL_NONE,
                                                    .heap_base = ram->base + ram->size_bytes / 2,
                                                    .heap_limit = ram->base + ram->size_bytes,
                                                    .transmit = call_transmit,
                                                    .transmit_context = machine,
                                                    .exit = machine_exit,
                                                    .exit_context = machine,
                                                },
                                                error);
    if (!semihost)
        return false;
    machine_add_device(machine, &semihost_class, "semihosting", semihost);
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        machine->cpus[i]->semihost = semihost_call;
        machine->cpus[i]->semihost_context = semihost;
    }
    return true;
}

static bool build_hypercalls(struct machine *machine, struct door *door, struct error *error)
{
    struct hyper *hyper = hyper_create(door,
                                       &(struct hyper_config){
                                           .path = machine->options->hostcall,
                                           .transmit = call_transmit,
                                           .transmit_context = machine,
                                       },
                                       error);
    if (!hyper)
        return false;
    machine_add_device(machine, &hyper_class, "hypercalls", hyper);
    machine->psci.vendor = hyper_call;
    machine->psci.vendor_context = hyper;
    return true;
}

static bool build_calls(struct machine *machine, const struct board_row *row, struct error *error)
{
    if (!machine->options->semihosting && !machine->options->hostcall)
        return true;
    struct door *door = door_create(&machine->bus, machine->inputs, machine->cpus, machine->cpu_count,
                                    !tape_replays(machine->options->tape));
    machine_add_device(machine, &door_class, row->name, door);
    return (!machine->options->hostcall || build_hypercalls(machine, door, error)) &&
           (!machine->options->semihosting || build_semihosting(machine, door, error));
}

/* --- virtio ---------------------------------------------------------------------------------------- */

/* Puts a device into the next slot; NULL: an empty one. Linux numbers devices in the order of the slots. */
static void fill_slot(struct machine *machine, const struct board_row *row, struct virtio_device *virtio)
{
    static char names[BOARD_VIRTIO_SLOTS][16];
    unsigned slot = machine->virtio_slots_used++;
    snprintf(names[slot], sizeof names[slot], "virtio%u", slot);
    if (machine->pci) {
        struct virtio_pci *pci = virtio_pci_create(virtio);
        pci_host_add(machine->pci, &pci->function);
        machine_add_device(machine, &virtio_pci_class, names[slot], pci);
        return;
    }
    struct virtio_mmio *mmio = virtio_mmio_create(virtio, spi_of(machine, row->spi + slot));
    machine_add_device(machine, &virtio_mmio_class, names[slot], mmio);
    bus_add_window(&machine->bus, names[slot], row->base + slot * row->size_bytes, row->size_bytes,
                   &virtio_mmio_ops, mmio);
}

/* What a recording does before a piece of a disk changes. */
static void keep_block(void *context, unsigned number, uint64_t offset, const void *bytes, size_t length)
{
    const struct tape *tape = context;
    if (bytes)
        tape->keep_block(tape->context, number, offset, bytes, length);
    else
        tape->blocks_kept(tape->context);
}

static void put_kept_block(void *overlay, uint64_t offset, const void *bytes, size_t length)
{
    disk_overlay_put(overlay, offset, bytes, length);
}

/* A replay sees the disk as it was when the recording began, and leaves it alone. */
static struct disk *open_disk(struct machine *machine, unsigned number, struct error *error)
{
    const struct disk_option *option = &machine->options->disks[number];
    const struct tape *tape = machine->options->tape;
    const bool overlay = option->overlay || tape_replays(tape), changes = !option->read_only && !overlay;
    struct disk_option how = *option;
    how.overlay = overlay;
    struct disk *disk = disk_open(&how, error);
    if (disk && overlay)
        disk = disk_overlay_create(disk, option->read_only);
    if (!disk || !tape)
        return disk;
    if (tape->replays)
        tape->each_kept_block(tape->context, number, put_kept_block, disk);
    machine->disks[number] = (struct machine_disk){disk->size_bytes, disk_identity(disk)};
    return changes ? disk_keep_create(disk, number, keep_block, (void *)tape) : disk;
}

static bool build_disks(struct machine *machine, const struct board_row *row, struct error *error)
{
    static char names[MAX_DISKS][16];
    for (unsigned i = 0; i < machine->options->disk_count; i++) {
        struct disk *disk = open_disk(machine, i, error);
        if (!disk)
            return false;
        snprintf(names[i], sizeof names[i], "disk%u", i);
        struct virtio_blk *blk = virtio_blk_create(&machine->bus, &machine->clock, disk, names[i]);
        machine_add_device(machine, &virtio_blk_class, names[i], blk);
        fill_slot(machine, row, &blk->virtio);
    }
    return true;
}

static struct net_backend *open_net(struct machine *machine, const struct net_option *option, struct error *error)
{
    struct net_backend *backend = net_slirp_open(&machine->clock, error);
    for (unsigned f = 0; backend && f < option->forward_count; f++) {
        const struct forward_option *forward = &option->forwards[f];
        if (!net_slirp_forward(backend, forward->udp, forward->host_address, forward->host_port, forward->guest_port,
                               error)) {
            net_backend_free(backend);
            return NULL;
        }
    }
    return backend;
}

static bool build_nets(struct machine *machine, const struct board_row *row, struct error *error)
{
    static const char *const names[MAX_NETS] = {"net0", "net1", "net2", "net3"};
    for (unsigned i = 0; i < machine->options->net_count; i++) {
        struct net_backend *backend = tape_replays(machine->options->tape)
                                          ? net_none_create(true)
                                          : open_net(machine, &machine->options->nets[i], error);
        if (!backend)
            return false;
        struct virtio_net *net =
            virtio_net_create(&machine->bus, machine->inputs, backend, names[i], machine->options->seed);
        machine_add_device(machine, &virtio_net_class, names[i], net);
        fill_slot(machine, row, &net->virtio);
    }
    return true;
}

/* A replay has the answers in its log. */
static bool build_shares(struct machine *machine, const struct board_row *row, struct error *error)
{
    static char names[MAX_SHARES][16];
    for (unsigned i = 0; i < machine->options->share_count; i++) {
        const struct share_option *option = &machine->options->shares[i];
        struct share_server *server = share_server_open(
            &(struct share_config){
                .path = tape_replays(machine->options->tape) ? NULL : option->path,
                .read_only = option->read_only,
                .mapped = option->mapped,
            },
            error);
        if (!server)
            return false;
        snprintf(names[i], sizeof names[i], "share%u", i);
        struct virtio_9p *share = virtio_9p_create(&machine->bus, machine->inputs, server, names[i], option->tag);
        machine_add_device(machine, &virtio_9p_class, names[i], share);
        fill_slot(machine, row, &share->virtio);
    }
    return true;
}

static void build_balloon(struct machine *machine, const struct board_row *row)
{
    struct virtio_balloon *balloon = virtio_balloon_create(&machine->bus);
    machine_add_device(machine, &virtio_balloon_class, "balloon0", balloon);
    fill_slot(machine, row, &balloon->virtio);
}

static void build_rng(struct machine *machine, const struct board_row *row)
{
    struct virtio_rng *rng = virtio_rng_create(&machine->bus, machine->options->seed);
    machine_add_device(machine, &virtio_rng_class, "rng0", rng);
    fill_slot(machine, row, &rng->virtio);
}

static void build_console(struct machine *machine, const struct board_row *row)
{
    struct virtio_console *console = virtio_console_create(
        &machine->bus, machine->inputs, "console0",
        (struct virtio_console_sink){.transmit = machine_transmit, .context = &machine->console});
    machine_add_device(machine, &virtio_console_class, "console0", console);
    fill_slot(machine, row, &console->virtio);
    machine->console.source = virtio_console_source(console, 0);
}

static bool build_virtio(struct machine *machine, const struct board_row *row, struct error *error)
{
    if (!build_disks(machine, row, error) || !build_nets(machine, row, error))
        return false;
    if (!build_shares(machine, row, error))
        return false;
    if (machine->options->console.kind != SERIAL_NONE)
        build_console(machine, row);
    if (machine->options->balloon)
        build_balloon(machine, row);
    build_rng(machine, row);
    while (!machine->pci && machine->virtio_slots_used < BOARD_VIRTIO_SLOTS)
        fill_slot(machine, row, NULL);
    return true;
}

static void describe_virtio(const struct machine *machine, const struct board_row *row, void *fdt)
{
    for (unsigned slot = 0; !machine->pci && slot < BOARD_VIRTIO_SLOTS; slot++) {
        uint64_t base = row->base + slot * row->size_bytes;
        fdt_node_at(fdt, "virtio_mmio", base);
        fdt_property_string(fdt, "compatible", "virtio,mmio");
        fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){base, row->size_bytes});
        fdt_property_spi(fdt, row->spi + slot);
        fdt_property(fdt, "dma-coherent", NULL, 0);
        fdt_end_node(fdt);
    }
}

/* --- what firmware is told of the board ------------------------------------------------------------ */

static const struct board_row *find_row(const char *name);

/* An INTID from the numbers that the device tree has. */
static unsigned spi_gsi(unsigned spi)
{
    return 32 + spi;
}

static unsigned ppi_gsi(enum board_ppi ppi)
{
    return 16 + ppi;
}

static void tell_acpi(struct machine *machine)
{
    uint64_t mpidrs[MAX_CPUS];
    for (unsigned i = 0; i < machine->cpu_count; i++)
        mpidrs[i] = machine->cpus[i]->mpidr & 0xff00ffffff;
    const struct board_row *virtio = find_row("virtio"), *pci = find_row("pci0");
    struct acpi_board told = {
        .cpu_count = machine->cpu_count,
        .mpidrs = mpidrs,
        .timer_gsi = {ppi_gsi(BOARD_PPI_TIMER_SECURE), ppi_gsi(BOARD_PPI_TIMER_PHYS), ppi_gsi(BOARD_PPI_TIMER_VIRT),
                      ppi_gsi(BOARD_PPI_TIMER_HYP)},
        .pmu_gsi = ppi_gsi(BOARD_PPI_PMU),
        .gic_dist = find_row("gic")->base,
        .gic_redist = GIC_REDIST_BASE,
        .gic_redist_bytes = machine->cpu_count * (uint64_t)GICV3_REDIST_WINDOW_BYTES,
        .uart = find_row("uart0")->base,
        .uart_gsi = spi_gsi(find_row("uart0")->spi),
        .gpio = find_row("gpio0")->base,
        .gpio_gsi = spi_gsi(find_row("gpio0")->spi),
        .power_key_pin = PL061_POWER_KEY_PIN,
        .fw_cfg = find_row("fw-cfg")->base,
        .flash = BOARD_FLASH_BASE,
        .flash_bytes = FLASH_BANK_BYTES,
        .virtio = virtio->base,
        .virtio_bytes = virtio->size_bytes,
        .virtio_count = machine->pci ? 0 : BOARD_VIRTIO_SLOTS,
        .virtio_gsi = spi_gsi(virtio->spi),
    };
    if (machine->pci) {
        told.gic_its = ITS_BASE;
        told.ecam = pci->base;
        told.pci_gsi = spi_gsi(pci->spi);
        told.pci_memory = pci_places[0].base;
        told.pci_memory_bytes = pci_places[0].size_bytes;
        told.pci_io = pci_places[1].base;
        told.pci_io_bytes = pci_places[1].size_bytes;
        told.pci_memory64 = pci_places[2].base;
        told.pci_memory64_bytes = pci_places[2].size_bytes;
    }
    struct acpi_files files;
    acpi_make(&told, &files);
    fw_cfg_add_file(machine->fw_cfg, "etc/acpi/tables", files.tables.bytes, files.tables.length);
    fw_cfg_add_file(machine->fw_cfg, "etc/acpi/rsdp", files.rsdp.bytes, files.rsdp.length);
    fw_cfg_add_file(machine->fw_cfg, "etc/table-loader", files.loader.bytes, files.loader.length);
    acpi_free(&files);
}

static void tell_smbios(struct machine *machine)
{
    struct smbios_files files;
    smbios_make(machine->cpu_count, BOARD_RAM_BASE, machine->bus.ram.size_bytes, &files);
    fw_cfg_add_file(machine->fw_cfg, "etc/smbios/smbios-tables", files.tables, files.tables_bytes);
    fw_cfg_add_file(machine->fw_cfg, "etc/smbios/smbios-anchor", files.anchor, sizeof files.anchor);
}

/* Disks are booted from in their order (as Open Firmware would name them). Where there are none firmware has its own. */
static void tell_boot_order(struct machine *machine)
{
    const struct board_row *virtio = find_row("virtio");
    char order[MAX_DISKS * 64];
    size_t length = 0;
    for (unsigned i = 0; i < machine->options->disk_count; i++) {
        if (machine->pci)
            length += (size_t)sprintf(order + length, "/pci@i0cf8/scsi@%x/disk@0,0\n", i + 1);
        else
            length += (size_t)sprintf(order + length, "/virtio-mmio@%016llx/disk@0,0\n",
                                      (unsigned long long)(virtio->base + i * virtio->size_bytes));
    }
    if (length)
        fw_cfg_add_file(machine->fw_cfg, "bootorder", order, length + 1);
}

/* --- the board ------------------------------------------------------------------------------------- */

static const struct board_row *find_row(const char *name)
{
    size_t i = 0;
    while (strcmp(board[i].name, name))
        i++;
    return &board[i];
}

bool board_build(struct machine *machine, struct error *error)
{
    for (size_t i = 0; i < sizeof board / sizeof board[0]; i++)
        if (!board[i].build(machine, &board[i], error))
            return false;
    if (machine->options->firmware) {
        tell_acpi(machine);
        tell_smbios(machine);
        tell_boot_order(machine);
    }
    return true;
}

int board_describe(const struct machine *machine, void *fdt)
{
    for (size_t i = 0; i < sizeof board / sizeof board[0]; i++)
        board[i].describe(machine, &board[i], fdt);

    fdt_begin_node(fdt, "apb-pclk");
    fdt_property_string(fdt, "compatible", "fixed-clock");
    fdt_property_cell(fdt, "#clock-cells", 0);
    fdt_property_cell(fdt, "clock-frequency", PL011_CLOCK_HZ);
    fdt_property_string(fdt, "clock-output-names", "clk24mhz");
    fdt_property_cell(fdt, "phandle", PHANDLE_CLOCK);
    return fdt_end_node(fdt);
}
