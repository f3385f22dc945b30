/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PrimeCell real-time clock (PL031, Arm DDI 0224): a 32-bit counter of seconds, a match register, one
 * interrupt. Only the distance between the counter and virtual time is kept. */
#include "peripherals/pl031.h"
#include <stdlib.h>

struct pl031 {
    uint32_t epoch_s;  /* what the counter shows at virtual time 0 after reset */
    uint32_t offset_s; /* the counter less the whole seconds of virtual time, modulo 2^32 */
    uint32_t match, load, mask, raw;
    struct event alarm;
    struct clock *clock;
    struct irq_line irq;
};

static const struct field pl031_field_list[] = {
    FIELD(struct pl031, epoch_s),
    FIELD(struct pl031, offset_s),
    FIELD(struct pl031, match),
    FIELD(struct pl031, load),
    FIELD(struct pl031, mask),
    FIELD(struct pl031, raw),
    FIELD_STRUCT(struct pl031, alarm, &event_fields),
    FIELD_HOST(struct pl031, clock),
    FIELD_HOST(struct pl031, irq),
    FIELDS_END,
};
static const struct fields pl031_fields = {"pl031", sizeof(struct pl031), pl031_field_list};

static uint32_t counter(const struct pl031 *rtc)
{
    return rtc->offset_s + (uint32_t)(clock_now_ns(rtc->clock) / NS_PER_S);
}

static void drive_irq(const struct pl031 *rtc)
{
    irq_set(&rtc->irq, rtc->raw & rtc->mask);
}

/* The counter comes to the match value within 2^32 seconds; where it stands there now, that is now. */
static void schedule_alarm(struct pl031 *rtc)
{
    uint64_t second = clock_now_ns(rtc->clock) / NS_PER_S;
    uint32_t wait_s = rtc->match - counter(rtc);
    clock_schedule(rtc->clock, &rtc->alarm, wait_s ? (second + wait_s) * NS_PER_S : clock_now_ns(rtc->clock));
}

/* Not scheduled again: the counter takes 136 years to come round, and an idle machine would skip to there. */
static void alarm_fired(void *owner)
{
    struct pl031 *rtc = owner;
    rtc->raw = 1;
    drive_irq(rtc);
}

static uint64_t read_data(void *device, unsigned index)
{
    return counter(device);
}

static void write_match(void *device, unsigned index, uint64_t value)
{
    struct pl031 *rtc = device;
    rtc->match = (uint32_t)value;
    schedule_alarm(rtc);
}

static void write_load(void *device, unsigned index, uint64_t value)
{
    struct pl031 *rtc = device;
    rtc->load = (uint32_t)value;
    rtc->offset_s += (uint32_t)value - counter(rtc);
    schedule_alarm(rtc);
}

static void write_mask(void *device, unsigned index, uint64_t value)
{
    struct pl031 *rtc = device;
    rtc->mask = value & 1;
    drive_irq(rtc);
}

static uint64_t read_masked(void *device, unsigned index)
{
    struct pl031 *rtc = device;
    return rtc->raw & rtc->mask;
}

static void write_clear(void *device, unsigned index, uint64_t value)
{
    struct pl031 *rtc = device;
    rtc->raw &= ~(uint32_t)value;
    drive_irq(rtc);
}

static const struct reg pl031_registers[] = {
    {0x000, "RTCDR", 4, .field_offset = REG_NO_FIELD, .read = read_data},
    {0x004, "RTCMR", 4, .field_offset = REG_FIELD(struct pl031, match), .write = write_match},
    {0x008, "RTCLR", 4, .field_offset = REG_FIELD(struct pl031, load), .write = write_load},
    /* RTCCR: the start bit reads as one; once enabled, the counter cannot be stopped. */
    {0x00c, "RTCCR", 4, .field_offset = REG_NO_FIELD, .reset = 1},
    {0x010, "RTCIMSC", 4, .field_offset = REG_FIELD(struct pl031, mask), .write = write_mask},
    {0x014, "RTCRIS", 4, .field_offset = REG_FIELD(struct pl031, raw)},
    {0x018, "RTCMIS", 4, .field_offset = REG_NO_FIELD, .read = read_masked},
    {0x01c, "RTCICR", 4, .field_offset = REG_NO_FIELD, .write = write_clear},
    {0xfe0, "RTCPeriphID0", 4, .field_offset = REG_NO_FIELD, .reset = 0x31},
    {0xfe4, "RTCPeriphID1", 4, .field_offset = REG_NO_FIELD, .reset = 0x10},
    {0xfe8, "RTCPeriphID2", 4, .field_offset = REG_NO_FIELD, .reset = 0x04},
    {0xfec, "RTCPeriphID3", 4, .field_offset = REG_NO_FIELD, .reset = 0x00},
    {0xff0, "RTCPCellID0", 4, .field_offset = REG_NO_FIELD, .reset = 0x0d},
    {0xff4, "RTCPCellID1", 4, .field_offset = REG_NO_FIELD, .reset = 0xf0},
    {0xff8, "RTCPCellID2", 4, .field_offset = REG_NO_FIELD, .reset = 0x05},
    {0xffc, "RTCPCellID3", 4, .field_offset = REG_NO_FIELD, .reset = 0xb1},
};
static const struct reg_bank pl031_bank = {pl031_registers,
                                           sizeof pl031_registers / sizeof pl031_registers[0], 1 | 2 | 4};

static bool pl031_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    return regs_read(&pl031_bank, device, offset, size, value);
}

static bool pl031_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return regs_write(&pl031_bank, device, offset, size, value);
}

const struct mmio_ops pl031_mmio = {pl031_read, pl031_write};

/* The time of day outlives a reset of the machine: the counter goes on from virtual time. */
static void pl031_reset(void *device)
{
    struct pl031 *rtc = device;
    regs_reset(&pl031_bank, rtc);
    rtc->offset_s = rtc->epoch_s;
    clock_cancel(rtc->clock, &rtc->alarm);
    drive_irq(rtc);
}

static void pl031_restored(void *device)
{
    struct pl031 *rtc = device;
    clock_restore(rtc->clock, &rtc->alarm);
    drive_irq(rtc);
}

static void pl031_free(void *device)
{
    struct pl031 *rtc = device;
    clock_cancel(rtc->clock, &rtc->alarm);
    free(rtc);
}

const struct device_class pl031_class = {
    .name = "pl031",
    .state = &pl031_fields,
    .regs = &pl031_bank,
    .reset = pl031_reset,
    .restored = pl031_restored,
    .free = pl031_free,
};

struct pl031 *pl031_create(struct clock *clock, uint32_t epoch_s, struct irq_line irq)
{
    struct pl031 *rtc = host_alloc(1, sizeof *rtc);
    rtc->epoch_s = epoch_s;
    rtc->clock = clock;
    rtc->irq = irq;
    event_init(&rtc->alarm, alarm_fired, rtc);
    return rtc;
}
