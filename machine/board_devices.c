/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board's small devices: serial line, clock, lines, generation ID. */
#include "machine/board_parts.h"
#include <libfdt.h>
#include <string.h>
#include "machine/fdt_write.h"
#include "machine/firmware.h"
#include "peripherals/pl011.h"
#include "peripherals/pl031.h"
#include "peripherals/pl061.h"
#include "peripherals/pvpanic.h"
#include "peripherals/vmgenid.h"

#define KEY_POWER 116 /* Linux input event code */

/* --- the simple devices ---------------------------------------------------------------------------- */

void board_add_device(struct machine *machine, const struct board_row *row,
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

bool board_build_uart(struct machine *machine, const struct board_row *row, struct error *error)
{
    struct pl011 *uart = pl011_create(&(struct pl011_config){
        .clock = &machine->clock,
        .irq = board_spi(machine, row->spi),
        .transmit = machine_transmit,
        .transmit_context = &machine->uart,
        .firmware_setup = true,
    });
    board_add_device(machine, row, &pl011_class, &pl011_mmio, uart);
    struct input_source receive = pl011_receive_line(uart, "uart0.rx");
    struct input_source held = pl011_break_line(uart, "uart0.break");
    machine->uart.source = input_register(machine->inputs, &receive);
    machine->break_source = input_register(machine->inputs, &held);
    return true;
}

void board_describe_uart(const struct machine *machine, const struct board_row *row, void *fdt)
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

bool board_build_rtc(struct machine *machine, const struct board_row *row, struct error *error)
{
    board_add_device(machine, row, &pl031_class, &pl031_mmio,
                    pl031_create(&machine->clock, run_options_rtc_s(machine->options), board_spi(machine, row->spi)));
    return true;
}

void board_describe_rtc(const struct machine *machine, const struct board_row *row, void *fdt)
{
    static const char compatible[] = "arm,pl031\0arm,primecell";
    begin_primecell(fdt, row, "pl031", compatible, sizeof compatible);
    fdt_end_node(fdt);
}

bool board_build_gpio(struct machine *machine, const struct board_row *row, struct error *error)
{
    struct pl061 *gpio = pl061_create(&machine->clock, board_spi(machine, row->spi));
    board_add_device(machine, row, &pl061_class, &pl061_mmio, gpio);
    struct input_source power_key = pl061_power_key(gpio, "power-key");
    machine->power_source = input_register(machine->inputs, &power_key);
    return true;
}

void board_describe_gpio(const struct machine *machine, const struct board_row *row, void *fdt)
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

bool board_build_vmgenid(struct machine *machine, const struct board_row *row, struct error *error)
{
    board_add_device(machine, row, &vmgenid_class, &vmgenid_mmio,
                    vmgenid_create(machine->options->seed, board_spi(machine, row->spi)));
    return true;
}

void board_describe_vmgenid(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "rng", row->base);
    fdt_property_string(fdt, "compatible", "microsoft,vmgenid");
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){row->base, row->size_bytes});
    fdt_property_spi_edge(fdt, row->spi);
    fdt_end_node(fdt);
}

static void on_panic(void *machine, enum pvpanic_event event)
{
    machine_panicked(machine, event == PVPANIC_CRASH_LOADED);
}

bool board_build_pvpanic(struct machine *machine, const struct board_row *row, struct error *error)
{
    board_add_device(machine, row, &pvpanic_class, &pvpanic_mmio, pvpanic_create(on_panic, machine));
    return true;
}

void board_describe_pvpanic(const struct machine *machine, const struct board_row *row, void *fdt)
{
    fdt_node_at(fdt, "pvpanic", row->base);
    fdt_property_string(fdt, "compatible", "qemu,pvpanic-mmio");
    fdt_property_pairs(fdt, "reg", 2, (const uint64_t[]){row->base, row->size_bytes});
    fdt_end_node(fdt);
}
