/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PrimeCell GPIO (PL061, Arm DDI 0190): eight pins; the address of a data access carries its bit mask. */
#include "peripherals/pl061.h"
#include <stdlib.h>

#define POWER_KEY_HOLD_NS (100 * NS_PER_S / 1000)

struct pl061 {
    uint8_t inputs;  /* levels that the outside drives */
    uint8_t outputs; /* the data register: what the guest drives on its output pins */
    uint32_t direction;
    uint32_t sense_level, both_edges, event_high, enable; /* IS, IBE, IEV, IE */
    uint32_t edges;                                       /* edge interrupts that were detected */
    uint32_t alternate;
    struct event key_release;
    struct clock *clock;
    struct irq_line irq;
};

static const struct field pl061_field_list[] = {
    FIELD(struct pl061, inputs),
    FIELD(struct pl061, outputs),
    FIELD(struct pl061, direction),
    FIELD(struct pl061, sense_level),
    FIELD(struct pl061, both_edges),
    FIELD(struct pl061, event_high),
    FIELD(struct pl061, enable),
    FIELD(struct pl061, edges),
    FIELD(struct pl061, alternate),
    FIELD_STRUCT(struct pl061, key_release, &event_fields),
    FIELD_HOST(struct pl061, clock),
    FIELD_HOST(struct pl061, irq),
    FIELDS_END,
};
static const struct fields pl061_fields = {"pl061", sizeof(struct pl061), pl061_field_list};

static uint8_t pins(const struct pl061 *gpio)
{
    return (gpio->outputs & gpio->direction) | (gpio->inputs & ~gpio->direction);
}

/* RIS: level-sensitive pins as they stand now, the others as their edges were latched. */
static uint32_t raw_status(const struct pl061 *gpio)
{
    uint32_t active = ~(pins(gpio) ^ gpio->event_high) & ~gpio->direction & 0xff;
    return (active & gpio->sense_level) | gpio->edges;
}

static void drive_irq(const struct pl061 *gpio)
{
    irq_set(&gpio->irq, raw_status(gpio) & gpio->enable);
}

static uint64_t read_data(void *device, unsigned index)
{
    return pins(device) & index;
}

static void write_data(void *device, unsigned index, uint64_t value)
{
    struct pl061 *gpio = device;
    uint8_t mask = index & gpio->direction;
    gpio->outputs = (gpio->outputs & ~mask) | (value & mask);
}

static void write_direction(void *device, unsigned index, uint64_t value)
{
    struct pl061 *gpio = device;
    gpio->direction = value & 0xff;
    drive_irq(gpio);
}

static void write_sense(void *device, unsigned index, uint64_t value)
{
    struct pl061 *gpio = device;
    gpio->sense_level = value & 0xff;
    gpio->edges &= ~gpio->sense_level;
    drive_irq(gpio);
}

static void write_event(void *device, unsigned index, uint64_t value)
{
    struct pl061 *gpio = device;
    gpio->event_high = value & 0xff;
    drive_irq(gpio);
}

static void write_enable(void *device, unsigned index, uint64_t value)
{
    struct pl061 *gpio = device;
    gpio->enable = value & 0xff;
    drive_irq(gpio);
}

static uint64_t read_raw(void *device, unsigned index)
{
    return raw_status(device);
}

static uint64_t read_masked(void *device, unsigned index)
{
    struct pl061 *gpio = device;
    return raw_status(gpio) & gpio->enable;
}

static void write_clear(void *device, unsigned index, uint64_t value)
{
    struct pl061 *gpio = device;
    gpio->edges &= ~(uint32_t)value;
    drive_irq(gpio);
}

static const struct reg pl061_registers[] = {
    {0x000, "GPIODATA", 4, 256, .field_offset = REG_NO_FIELD, .read = read_data, .write = write_data},
    {0x400, "GPIODIR", 4, .field_offset = REG_FIELD(struct pl061, direction), .write = write_direction},
    {0x404, "GPIOIS", 4, .field_offset = REG_FIELD(struct pl061, sense_level), .write = write_sense},
    {0x408, "GPIOIBE", 4, .field_offset = REG_FIELD(struct pl061, both_edges), .write_mask = 0xff},
    {0x40c, "GPIOIEV", 4, .field_offset = REG_FIELD(struct pl061, event_high), .write = write_event},
    {0x410, "GPIOIE", 4, .field_offset = REG_FIELD(struct pl061, enable), .write = write_enable},
    {0x414, "GPIORIS", 4, .field_offset = REG_NO_FIELD, .read = read_raw},
    {0x418, "GPIOMIS", 4, .field_offset = REG_NO_FIELD, .read = read_masked},
    {0x41c, "GPIOIC", 4, .field_offset = REG_NO_FIELD, .write = write_clear},
    {0x420, "GPIOAFSEL", 4, .field_offset = REG_FIELD(struct pl061, alternate), .write_mask = 0xff},
    {0xfe0, "GPIOPeriphID0", 4, .field_offset = REG_NO_FIELD, .reset = 0x61},
    {0xfe4, "GPIOPeriphID1", 4, .field_offset = REG_NO_FIELD, .reset = 0x10},
    {0xfe8, "GPIOPeriphID2", 4, .field_offset = REG_NO_FIELD, .reset = 0x04},
    {0xfec, "GPIOPeriphID3", 4, .field_offset = REG_NO_FIELD, .reset = 0x00},
    {0xff0, "GPIOPCellID0", 4, .field_offset = REG_NO_FIELD, .reset = 0x0d},
    {0xff4, "GPIOPCellID1", 4, .field_offset = REG_NO_FIELD, .reset = 0xf0},
    {0xff8, "GPIOPCellID2", 4, .field_offset = REG_NO_FIELD, .reset = 0x05},
    {0xffc, "GPIOPCellID3", 4, .field_offset = REG_NO_FIELD, .reset = 0xb1},
};
static const struct reg_bank pl061_bank = {pl061_registers,
                                           sizeof pl061_registers / sizeof pl061_registers[0], 1 | 2 | 4};

static bool pl061_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    return regs_read(&pl061_bank, device, offset, size, value);
}

static bool pl061_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return regs_write(&pl061_bank, device, offset, size, value);
}

const struct mmio_ops pl061_mmio = {pl061_read, pl061_write};

void pl061_set_input(void *device, unsigned pin, bool level)
{
    struct pl061 *gpio = device;
    uint8_t bit = 1 << (pin & 7);
    if (level == !!(gpio->inputs & bit))
        return;
    gpio->inputs ^= bit;
    bool wanted = gpio->both_edges & bit || level == !!(gpio->event_high & bit);
    if (wanted && !(gpio->sense_level & bit) && !(gpio->direction & bit))
        gpio->edges |= bit;
    drive_irq(gpio);
}

uint8_t pl061_outputs(const struct pl061 *gpio)
{
    return gpio->outputs & gpio->direction;
}

static void release_key(void *owner)
{
    pl061_set_input(owner, PL061_POWER_KEY_PIN, false);
}

static void press_key(void *device, const void *bytes, size_t length)
{
    struct pl061 *gpio = device;
    pl061_set_input(gpio, PL061_POWER_KEY_PIN, true);
    clock_schedule(gpio->clock, &gpio->key_release, clock_now_ns(gpio->clock) + POWER_KEY_HOLD_NS);
}

struct input_source pl061_power_key(struct pl061 *gpio, const char *name)
{
    return (struct input_source){.name = name, .deliver = press_key, .device = gpio};
}

static void pl061_reset(void *device)
{
    struct pl061 *gpio = device;
    regs_reset(&pl061_bank, gpio);
    gpio->outputs = 0;
    gpio->edges = 0;
    clock_cancel(gpio->clock, &gpio->key_release);
    gpio->inputs &= ~(1 << PL061_POWER_KEY_PIN);
    drive_irq(gpio);
}

static void pl061_restored(void *device)
{
    struct pl061 *gpio = device;
    clock_restore(gpio->clock, &gpio->key_release);
    drive_irq(gpio);
}

static void pl061_free(void *device)
{
    struct pl061 *gpio = device;
    clock_cancel(gpio->clock, &gpio->key_release);
    free(gpio);
}

const struct device_class pl061_class = {
    .name = "pl061",
    .state = &pl061_fields,
    .regs = &pl061_bank,
    .reset = pl061_reset,
    .restored = pl061_restored,
    .free = pl061_free,
};

struct pl061 *pl061_create(struct clock *clock, struct irq_line irq)
{
    struct pl061 *gpio = host_alloc(1, sizeof *gpio);
    gpio->clock = clock;
    gpio->irq = irq;
    event_init(&gpio->key_release, release_key, gpio);
    return gpio;
}
