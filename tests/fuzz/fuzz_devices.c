/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the board's simple devices on one bus, wired to the interrupt controller as on the board,
 * under any sequence of accesses, wires, inputs and passing time. After it each device must come through a
 * restore of its own state unchanged.
 *
 * Where the first byte is 0xff, the devices begin in a nonsensical state, as from a damaged snapshot.
 *
 * An input is a sequence of actions, each a byte that says what, and as many bytes as that takes; where the
 * input ends, zeros follow. Offsets come from the device's register table half of the time, as random ones
 * would seldom meet a register. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "machine/contract/device.h"
#include "peripherals/flash.h"
#include "peripherals/fw_cfg.h"
#include "peripherals/gicv3.h"
#include "peripherals/pl011.h"
#include "peripherals/pl031.h"
#include "peripherals/pl061.h"
#include "peripherals/pvpanic.h"
#include "peripherals/ramfb.h"
#include "peripherals/vmgenid.h"
#include "tests/fuzz/scramble.h"

enum { CPUS = 3, SPIS = 64, DEVICES = 9, RAM_BYTES = 0x1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A device through one of its windows. */
struct window {
    const struct device_class *class;
    const struct reg_bank *regs;
    void *device;
    uint64_t base, size_bytes;
};

struct board {
    struct bus bus;
    struct clock clock;
    struct gicv3 *gic;
    struct pl011 *uart;
    struct pl061 *gpio;
    struct window windows[DEVICES];
    unsigned wire_levels[2 * CPUS][2]; /* of CPUs, and of their virtual machines */
    size_t sent_bytes;
    struct display *display;
    struct ramfb *ramfb;
};

static void cpu_wire(void *receiver, unsigned number, bool level)
{
    struct board *board = receiver;
    board->wire_levels[number / 2][number % 2] = level;
}

static void count_sent(void *context, const void *bytes, size_t length)
{
    struct board *board = context;
    board->sent_bytes += length;
}

static void count_written(void *context, const uint8_t *bytes)
{
    struct board *board = context;
    board->sent_bytes += bytes[27];
}

static void count_event(void *context, enum pvpanic_event event)
{
    struct board *board = context;
    check(event == PVPANIC_PANICKED || event == PVPANIC_CRASH_LOADED, "an event that nobody knows");
    board->sent_bytes++;
}

static void place(struct board *board, unsigned index, const struct device_class *class,
                  const struct mmio_ops *mmio, void *device, uint64_t base, uint64_t size_bytes)
{
    board->windows[index] = (struct window){class, class->regs, device, base, size_bytes};
    bus_add_window(&board->bus, class->name, base, size_bytes, mmio, device);
}

static void build(struct board *board)
{
    struct error error;
    struct gicv3_cpu_config cpus[CPUS];
    check(bus_init_with_rom(&board->bus, 0, FLASH_BANK_BYTES, 0x40000000, RAM_BYTES, &error), "no RAM");
    clock_init(&board->clock);
    for (unsigned i = 0; i < CPUS; i++)
        cpus[i] = (struct gicv3_cpu_config){.mpidr = i,
                                            .irq = {cpu_wire, board, 2 * i},
                                            .fiq = {cpu_wire, board, 2 * i + 1},
                                            .virtual_irq = {cpu_wire, board, 2 * (CPUS + i)},
                                            .virtual_fiq = {cpu_wire, board, 2 * (CPUS + i) + 1}};
    board->gic = gicv3_create(&(struct gicv3_config){cpus, CPUS, SPIS});
    board->uart = pl011_create(&(struct pl011_config){.clock = &board->clock,
                                                      .irq = gicv3_spi(board->gic, 1),
                                                      .transmit = count_sent,
                                                      .transmit_context = board,
                                                      .firmware_setup = true});
    board->gpio = pl061_create(&board->clock, gicv3_spi(board->gic, 7));
    place(board, 0, &gicv3_class, &gicv3_dist_mmio, board->gic, 0x08000000, GICV3_DIST_WINDOW_BYTES);
    place(board, 1, &gicv3_class, &gicv3_redist_mmio, board->gic, 0x080a0000,
          (CPUS + 1) * GICV3_REDIST_WINDOW_BYTES);
    board->windows[1].regs = gicv3_redist_regs;
    place(board, 2, &pl011_class, &pl011_mmio, board->uart, 0x09000000, PL011_WINDOW_BYTES);
    place(board, 3, &pl031_class, &pl031_mmio,
          pl031_create(&board->clock, 1700000000, gicv3_spi(board->gic, 2)), 0x09010000, PL031_WINDOW_BYTES);
    place(board, 4, &pl061_class, &pl061_mmio, board->gpio, 0x09030000, PL061_WINDOW_BYTES);
    madvise(rom_host(&board->bus.ram), FLASH_BANK_BYTES, MADV_NOHUGEPAGE); /* else each touch is 2 MiB of zeroes */
    struct flash *flash = flash_create(&(struct flash_config){.bus = &board->bus, .is_rom = true}, &error);
    check(flash != NULL, "no flash");
    place(board, 5, &flash_class, &flash_mmio, flash, 0, FLASH_BANK_BYTES);
    struct fw_cfg *fw_cfg = fw_cfg_create(&board->bus);
    fw_cfg_add_file(fw_cfg, "etc/fixed", "content", 7);
    fw_cfg_add_writable_file(fw_cfg, "etc/written", 28, count_written, board);
    board->display = display_create(&error);
    check(board->display != NULL, "no display");
    board->ramfb = ramfb_create(&board->bus, fw_cfg, board->display);
    place(board, 6, &fw_cfg_class, &fw_cfg_mmio, fw_cfg, 0x09020000, FW_CFG_WINDOW_BYTES);
    place(board, 7, &vmgenid_class, &vmgenid_mmio, vmgenid_create(1, gicv3_spi(board->gic, 9)), 0x090c0000,
          VMGENID_WINDOW_BYTES);
    place(board, 8, &pvpanic_class, &pvpanic_mmio, pvpanic_create(count_event, board), 0x090d0000,
          PVPANIC_WINDOW_BYTES);
    for (unsigned i = 0; i < DEVICES; i++)
        if (board->windows[i].class->reset)
            board->windows[i].class->reset(board->windows[i].device);
}

static void demolish(struct board *board)
{
    for (unsigned i = DEVICES; i-- > 1;) /* the controller stands there twice */
        if (i != 1)
            board->windows[i].class->free(board->windows[i].device);
    ramfb_class.free(board->ramfb);
    display_free(board->display);
    gicv3_class.free(board->gic);
    check(board->clock.heap_count == 0, "a freed device left an event behind");
    clock_free(&board->clock);
    bus_free(&board->bus);
}

static uint64_t pick_address(struct board *board, struct feed *feed)
{
    unsigned what = (unsigned)take(feed, 1);
    const struct window *window = &board->windows[what % DEVICES];
    if (!window->regs) /* near its beginning, or anywhere */
        return window->base + take(feed, what & 0x80 ? 4 : 1) % window->size_bytes;
    if (what & 0x80)
        return window->base + take(feed, 3) % (window->size_bytes + 16);
    const struct reg *row = &window->regs->list[take(feed, 1) % window->regs->count];
    uint64_t cpu = window->regs == gicv3_redist_regs ? take(feed, 1) % (CPUS + 1) : 0;
    return window->base + cpu * GICV3_REDIST_WINDOW_BYTES + row->offset + take(feed, 1);
}

static void pass_time(struct board *board, uint64_t ns)
{
    board->clock.now_ns += ns;
    display_refresh(board->display);
    clock_fire_due(&board->clock);
    check(clock_next_ns(&board->clock) > board->clock.now_ns, "an event that is due did not fire");
}

static void receive(struct board *board, struct feed *feed, unsigned what)
{
    struct input_source source =
        what & 1 ? pl011_receive_line(board->uart, "rx") : pl011_break_line(board->uart, "break");
    if (what & 2)
        source = pl061_power_key(board->gpio, "key");
    uint64_t bytes = take(feed, 4);
    size_t length = what >> 2 & 7; /* also more than there is room for */
    uint8_t text[8] = {0};
    memcpy(text, &bytes, sizeof bytes);
    source.deliver(source.device, text, length);
    if (source.listening)
        (void)source.listening(source.device);
    check(!source.ready || source.ready(source.device) <= 16, "more room than there can be");
}

/* Registers of a CPU's interface: its own (ICC), a virtual machine's (ICV), a hypervisor's (ICH, whose list registers
 * take 8 bytes). */
static void write_interface(struct board *board, unsigned action, struct feed *feed)
{
    unsigned cpu = action >> 6 & 1, reg = (unsigned)take(feed, 1);
    switch (action >> 4 & 3) {
    case 1: gicv3_icc.virtual_write(board->gic, cpu, reg % ICC_REG_COUNT, take(feed, 6)); break;
    case 2: gicv3_icc.hyp_write(board->gic, cpu, reg % ICH_REG_COUNT, take(feed, 8)); break;
    default: gicv3_icc.write(board->gic, cpu, reg % ICC_REG_COUNT, take(feed, 6));
    }
}

static void read_interface(struct board *board, unsigned action, struct feed *feed)
{
    unsigned cpu = action >> 6 & 1, reg = (unsigned)take(feed, 1);
    switch (action >> 4 & 3) {
    case 1: gicv3_icc.virtual_read(board->gic, cpu, reg % ICC_REG_COUNT); break;
    case 2: gicv3_icc.hyp_read(board->gic, cpu, reg % ICH_REG_COUNT); break;
    default: gicv3_icc.read(board->gic, cpu, reg % ICC_REG_COUNT);
    }
}

static void act(struct board *board, struct feed *feed)
{
    unsigned action = (unsigned)take(feed, 1), size = 1u << (action >> 4 & 3);
    uint64_t address, value;
    struct irq_line line;
    switch (action & 15) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        address = pick_address(board, feed);
        bus_mmio_write(&board->bus, address & -(uint64_t)size, size, take(feed, size));
        break;
    case 5:
    case 6:
        address = pick_address(board, feed);
        bus_mmio_read(&board->bus, address & -(uint64_t)size, size, &value);
        check(size == 8 || value >> 8 * size == 0, "a value wider than the access");
        break;
    case 7:
    case 8: write_interface(board, action, feed); break;
    case 9:
    case 10: read_interface(board, action, feed); break;
    case 11:
        line = gicv3_spi(board->gic, take(feed, 1) % SPIS);
        irq_set(&line, action >> 4 & 1);
        break;
    case 12:
        line = gicv3_ppi(board->gic, (action >> 6 & 3) % CPUS, take(feed, 1) % 16);
        irq_set(&line, action >> 4 & 1);
        break;
    case 13:
        if (action & 0x80)
            pl011_set_modem(board->uart, action >> 4 & 3, action >> 6 & 1);
        else
            pl061_set_input(board->gpio, action >> 4 & 7, take(feed, 1) & 1);
        break;
    case 14: receive(board, feed, action >> 4 | (unsigned)take(feed, 1) << 2); break;
    case 15:
        pass_time(board, take(feed, 1 + (action >> 4) % 5));
        if (action == 0xff)
            vmgenid_class.reidentify(board->windows[7].device, take(feed, 8));
        break;
    }
}

static void tell_restored(const struct window *window)
{
    if (window->class->restored)
        window->class->restored(window->device);
}

static void restore_nonsense(struct board *board, struct feed *feed)
{
    for (unsigned i = 0; i < DEVICES; i++)
        scramble(board->windows[i].class->state, board->windows[i].device, feed);
    for (unsigned i = 0; i < DEVICES; i++)
        tell_restored(&board->windows[i]);
}

/* A restore of what is already there changes neither the state nor the wires. */
static void check_restore(struct board *board)
{
    unsigned levels[2 * CPUS][2];
    memcpy(levels, board->wire_levels, sizeof levels);
    for (unsigned i = 0; i < DEVICES; i++) {
        const struct window *window = &board->windows[i];
        uint64_t before = fields_hash(window->class->state, window->device, FIELDS_HASH_SEED);
        tell_restored(window);
        uint64_t after = fields_hash(window->class->state, window->device, FIELDS_HASH_SEED);
        check(before == after, "a restore changed the state");
    }
    check(!memcmp(levels, board->wire_levels, sizeof levels), "a restore changed a wire");
    for (unsigned i = 0; i < 2 * CPUS; i++)
        check(!(levels[i][0] && levels[i][1]), "IRQ and FIQ at once");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board board = {0};
    struct feed feed = {data, data + size};
    build(&board);
    if (take(&feed, 1) == 0xff)
        restore_nonsense(&board, &feed);
    while (feed.at < feed.end)
        act(&board, &feed);
    check_restore(&board);
    demolish(&board);
    return 0;
}
