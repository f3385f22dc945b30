/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PrimeCell UART (PL011, Arm DDI 0183). What is sent leaves at once, so that the transmit FIFO holds bytes
 * only while the transmitter is off; what is received takes virtual time where an interrupt waits for it. */
#include "peripherals/pl011.h"
#include <stdlib.h>

enum {
    FIFO_DEPTH = 16,
    /* UARTDR and UARTRSR */
    DR_BREAK = 1 << 10,
    DR_OVERRUN = 1 << 11,
    DR_ERROR_SHIFT = 8,
    RSR_OVERRUN = 1 << 3,
    /* UARTFR */
    FR_CTS = 1 << 0,
    FR_DSR = 1 << 1,
    FR_DCD = 1 << 2,
    FR_BUSY = 1 << 3,
    FR_RXFE = 1 << 4,
    FR_TXFF = 1 << 5,
    FR_RXFF = 1 << 6,
    FR_TXFE = 1 << 7,
    FR_RI = 1 << 8,
    /* UARTLCR_H */
    LCR_BREAK = 1 << 0,
    LCR_FIFOS = 1 << 4,
    LCR_8_BITS = 3 << 5,
    /* UARTCR */
    CR_ENABLE = 1 << 0,
    CR_LOOPBACK = 1 << 7,
    CR_TRANSMIT = 1 << 8,
    CR_RECEIVE = 1 << 9,
    CR_DTR = 1 << 10,
    CR_RTS = 1 << 11,
    CR_OUT1 = 1 << 12,
    CR_OUT2 = 1 << 13,
    CR_CTS_FLOW = 1 << 15,
    /* Interrupts: UARTRIS, UARTMIS, UARTIMSC, UARTICR */
    INT_RI = 1 << 0,
    INT_CTS = 1 << 1,
    INT_DCD = 1 << 2,
    INT_DSR = 1 << 3,
    INT_RECEIVE = 1 << 4,
    INT_TRANSMIT = 1 << 5,
    INT_TIMEOUT = 1 << 6,
    INT_ERROR_SHIFT = 7, /* framing, parity, break, overrun: the order of the bits in UARTRSR */
    INT_OVERRUN = 1 << 10,
    TIMEOUT_BITS = 32,
    /* So often in a row UARTFR was read while there was nothing to receive, and nothing else was done: */
    POLLS_LISTENING = 64, /* then the guest waits for it, between times of sleep perhaps */
    POLLS_BUSY = 4096,    /* then it does nothing else */
    FIRMWARE_DIVISOR = 13 * 64 + 1, /* 115200 baud */
};

struct pl011 {
    uint16_t receive[FIFO_DEPTH]; /* data and the error bits of each character, as UARTDR shows them */
    uint32_t receive_first, receive_count;
    uint8_t waiting[FIFO_DEPTH]; /* the transmit FIFO, while the transmitter may not send */
    uint32_t waiting_count;
    uint32_t status;     /* UARTRSR */
    uint32_t overrun;    /* characters were lost since there was last room (bit 11 of UARTDR) */
    uint32_t modem;      /* the lines from outside, as UARTFR bits */
    uint32_t modem_seen; /* the lines as the modem interrupts last saw them */
    uint32_t low_power, integer_divisor, fraction_divisor, line_control, control, fifo_levels, mask, raw, dma;
    uint32_t divisor; /* baud rate divisor in 64ths, as a write to UARTLCR_H took it over */
    uint32_t polls;   /* up to POLLS_BUSY */
    struct event timeout;
    struct pl011_config config;
};

static const struct field pl011_field_list[] = {
    FIELD_ARRAY(struct pl011, receive),
    FIELD(struct pl011, receive_first),
    FIELD(struct pl011, receive_count),
    FIELD_ARRAY(struct pl011, waiting),
    FIELD(struct pl011, waiting_count),
    FIELD(struct pl011, status),
    FIELD(struct pl011, overrun),
    FIELD(struct pl011, modem),
    FIELD(struct pl011, modem_seen),
    FIELD(struct pl011, low_power),
    FIELD(struct pl011, integer_divisor),
    FIELD(struct pl011, fraction_divisor),
    FIELD(struct pl011, line_control),
    FIELD(struct pl011, control),
    FIELD(struct pl011, fifo_levels),
    FIELD(struct pl011, mask),
    FIELD(struct pl011, raw),
    FIELD(struct pl011, dma),
    FIELD(struct pl011, divisor),
    FIELD(struct pl011, polls),
    FIELD_STRUCT(struct pl011, timeout, &event_fields),
    FIELD_HOST(struct pl011, config),
    FIELDS_END,
};
static const struct fields pl011_fields = {"pl011", sizeof(struct pl011), pl011_field_list};

static void drive_irq(const struct pl011 *uart)
{
    irq_set(&uart->config.irq, uart->raw & uart->mask);
}

static void raise_raw(struct pl011 *uart, uint32_t interrupts)
{
    uart->raw |= interrupts;
    drive_irq(uart);
}

static void lower_raw(struct pl011 *uart, uint32_t interrupts)
{
    uart->raw &= ~interrupts;
    drive_irq(uart);
}

static unsigned fifo_depth(const struct pl011 *uart)
{
    return uart->line_control & LCR_FIFOS ? FIFO_DEPTH : 1;
}

/* UARTIFLS: one eighth, a quarter, a half, three quarters, seven eighths; reserved values as the last. */
static unsigned receive_trigger(const struct pl011 *uart)
{
    static const unsigned levels[8] = {2, 4, 8, 12, 14, 14, 14, 14};
    return fifo_depth(uart) == 1 ? 1 : levels[uart->fifo_levels >> 3 & 7];
}

/* The modem lines as the UART sees them: in loopback its own outputs. */
static uint32_t modem_lines(const struct pl011 *uart)
{
    if (!(uart->control & CR_LOOPBACK))
        return uart->modem;
    return (uart->control & CR_RTS ? FR_CTS : 0) | (uart->control & CR_DTR ? FR_DSR : 0) |
           (uart->control & CR_OUT1 ? FR_DCD : 0) | (uart->control & CR_OUT2 ? FR_RI : 0);
}

static void modem_changed(struct pl011 *uart)
{
    uint32_t lines = modem_lines(uart), changed = lines ^ uart->modem_seen;
    uart->modem_seen = lines;
    raise_raw(uart, (changed & FR_CTS ? INT_CTS : 0) | (changed & FR_DSR ? INT_DSR : 0) |
                        (changed & FR_DCD ? INT_DCD : 0) | (changed & FR_RI ? INT_RI : 0));
}

static bool may_send(const struct pl011 *uart)
{
    const uint32_t on = CR_ENABLE | CR_TRANSMIT;
    return (uart->control & on) == on && (!(uart->control & CR_CTS_FLOW) || modem_lines(uart) & FR_CTS);
}

static bool may_receive(const struct pl011 *uart)
{
    const uint32_t on = CR_ENABLE | CR_RECEIVE;
    return (uart->control & on) == on;
}

static void start_timeout(struct pl011 *uart)
{
    uint64_t ns = NS_PER_S * TIMEOUT_BITS * 16 / 64 * uart->divisor / PL011_CLOCK_HZ;
    clock_schedule(uart->config.clock, &uart->timeout, clock_now_ns(uart->config.clock) + ns);
}

static void timeout_fired(void *owner)
{
    raise_raw(owner, INT_TIMEOUT);
}

/* One character arrives, with its error bits as in UARTDR. */
static void receive(struct pl011 *uart, uint16_t character)
{
    if (!may_receive(uart))
        return;
    if (uart->receive_count >= fifo_depth(uart)) {
        uart->overrun = 1;
        uart->status |= RSR_OVERRUN;
        raise_raw(uart, INT_OVERRUN);
        return;
    }
    uart->overrun = 0;
    uart->receive[(uart->receive_first + uart->receive_count++) % FIFO_DEPTH] = character;
    uint32_t interrupts = (uint32_t)(character >> DR_ERROR_SHIFT) << INT_ERROR_SHIFT;
    if (uart->receive_count >= receive_trigger(uart))
        interrupts |= INT_RECEIVE;
    start_timeout(uart);
    raise_raw(uart, interrupts);
}

/* Sends one byte. The interrupt stands for the FIFO's passing its trigger level on the way to empty. Word
 * lengths below eight are not applied: there is no wire whose two ends could disagree. */
static void send(struct pl011 *uart, uint8_t byte)
{
    if (uart->config.transmit)
        uart->config.transmit(uart->config.transmit_context, &byte, 1);
    if (uart->control & CR_LOOPBACK)
        receive(uart, byte);
}

static void send_waiting(struct pl011 *uart)
{
    if (!uart->waiting_count || !may_send(uart))
        return;
    for (unsigned i = 0; i < uart->waiting_count; i++)
        send(uart, uart->waiting[i]);
    uart->waiting_count = 0;
    raise_raw(uart, INT_TRANSMIT);
}

static uint64_t read_data(void *device, unsigned index)
{
    struct pl011 *uart = device;
    uint32_t value = uart->receive[uart->receive_first] | (uart->overrun ? DR_OVERRUN : 0);
    if (uart->receive_count) {
        uart->receive_first = (uart->receive_first + 1) % FIFO_DEPTH;
        uart->receive_count--;
    }
    uart->status = (uart->status & RSR_OVERRUN) | (value >> DR_ERROR_SHIFT & 7);
    if (!uart->receive_count)
        clock_cancel(uart->config.clock, &uart->timeout);
    lower_raw(uart, (uart->receive_count < receive_trigger(uart) ? INT_RECEIVE : 0) |
                        (uart->receive_count ? 0 : INT_TIMEOUT));
    return value;
}

static void write_data(void *device, unsigned index, uint64_t value)
{
    struct pl011 *uart = device;
    uart->polls = 0;
    if (may_send(uart)) {
        send(uart, (uint8_t)value);
        raise_raw(uart, INT_TRANSMIT);
    } else if (uart->waiting_count < fifo_depth(uart)) {
        uart->waiting[uart->waiting_count++] = (uint8_t)value;
        lower_raw(uart, INT_TRANSMIT);
    }
}

static void write_status(void *device, unsigned index, uint64_t value)
{
    struct pl011 *uart = device;
    uart->status = 0;
}

static uint64_t read_flags(void *device, unsigned index)
{
    struct pl011 *uart = device;
    if (!uart->receive_count && uart->polls < POLLS_BUSY)
        uart->polls++;
    return modem_lines(uart) | (uart->waiting_count ? FR_BUSY : FR_TXFE) |
           (uart->waiting_count >= fifo_depth(uart) ? FR_TXFF : 0) | (uart->receive_count ? 0 : FR_RXFE) |
           (uart->receive_count >= fifo_depth(uart) ? FR_RXFF : 0);
}

/* The divisors take effect with this write. Switching the FIFOs flushes them. */
static void write_line_control(void *device, unsigned index, uint64_t value)
{
    struct pl011 *uart = device;
    uint32_t changed = uart->line_control ^ (uint32_t)value;
    uart->line_control = value & 0xff;
    uart->divisor = uart->integer_divisor * 64 + uart->fraction_divisor;
    if (changed & LCR_FIFOS) {
        uart->receive_first = uart->receive_count = uart->waiting_count = 0;
        clock_cancel(uart->config.clock, &uart->timeout);
        lower_raw(uart, INT_RECEIVE | INT_TIMEOUT);
    }
    if (changed & value & LCR_BREAK && uart->control & CR_LOOPBACK)
        receive(uart, DR_BREAK);
}

static void write_control(void *device, unsigned index, uint64_t value)
{
    struct pl011 *uart = device;
    uart->control = value & 0xff87;
    modem_changed(uart);
    send_waiting(uart);
}

static void write_mask(void *device, unsigned index, uint64_t value)
{
    struct pl011 *uart = device;
    uart->mask = value & 0x7ff;
    drive_irq(uart);
}

static uint64_t read_masked(void *device, unsigned index)
{
    struct pl011 *uart = device;
    return uart->raw & uart->mask;
}

static void write_clear(void *device, unsigned index, uint64_t value)
{
    lower_raw(device, (uint32_t)value);
}

#define UART(member) .field_offset = REG_FIELD(struct pl011, member)
#define NO_FIELD     .field_offset = REG_NO_FIELD

static const struct reg pl011_registers[] = {
    {0x000, "UARTDR", 4, NO_FIELD, .read = read_data, .write = write_data, .read_acts = true},
    {0x004, "UARTRSR", 4, UART(status), .write = write_status},
    {0x018, "UARTFR", 4, NO_FIELD, .read = read_flags, .read_acts = true},
    {0x020, "UARTILPR", 4, UART(low_power), .write_mask = 0xff},
    {0x024, "UARTIBRD", 4, UART(integer_divisor), .write_mask = 0xffff},
    {0x028, "UARTFBRD", 4, UART(fraction_divisor), .write_mask = 0x3f},
    {0x02c, "UARTLCR_H", 4, UART(line_control), .write = write_line_control},
    {0x030, "UARTCR", 4, UART(control), .reset = CR_TRANSMIT | CR_RECEIVE, .write = write_control},
    {0x034, "UARTIFLS", 4, UART(fifo_levels), .reset = 0x12, .write_mask = 0x3f},
    {0x038, "UARTIMSC", 4, UART(mask), .write = write_mask},
    {0x03c, "UARTRIS", 4, UART(raw)},
    {0x040, "UARTMIS", 4, NO_FIELD, .read = read_masked},
    {0x044, "UARTICR", 4, NO_FIELD, .write = write_clear},
    {0x048, "UARTDMACR", 4, UART(dma), .write_mask = 7},
    {0xfe0, "UARTPeriphID0", 4, NO_FIELD, .reset = 0x11},
    {0xfe4, "UARTPeriphID1", 4, NO_FIELD, .reset = 0x10},
    {0xfe8, "UARTPeriphID2", 4, NO_FIELD, .reset = 0x14},
    {0xfec, "UARTPeriphID3", 4, NO_FIELD, .reset = 0x00},
    {0xff0, "UARTPCellID0", 4, NO_FIELD, .reset = 0x0d},
    {0xff4, "UARTPCellID1", 4, NO_FIELD, .reset = 0xf0},
    {0xff8, "UARTPCellID2", 4, NO_FIELD, .reset = 0x05},
    {0xffc, "UARTPCellID3", 4, NO_FIELD, .reset = 0xb1},
};
static const struct reg_bank pl011_bank = {pl011_registers,
                                           sizeof pl011_registers / sizeof pl011_registers[0], 1 | 2 | 4};

static bool pl011_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    return regs_read(&pl011_bank, device, offset, size, value);
}

static bool pl011_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    return regs_write(&pl011_bank, device, offset, size, value);
}

const struct mmio_ops pl011_mmio = {pl011_read, pl011_write};

static void deliver_bytes(void *device, const void *bytes, size_t length)
{
    struct pl011 *uart = device;
    const uint8_t *at = bytes;
    if (uart->control & CR_LOOPBACK)
        return;
    uart->polls = 0;
    for (size_t i = 0; i < length; i++)
        receive(uart, at[i]);
}

static size_t room_to_receive(void *device)
{
    struct pl011 *uart = device;
    return may_receive(uart) && !(uart->control & CR_LOOPBACK) ? fifo_depth(uart) - uart->receive_count : 0;
}

static bool guest_listens(void *device)
{
    struct pl011 *uart = device;
    return may_receive(uart) && (uart->mask & (INT_RECEIVE | INT_TIMEOUT) || uart->polls >= POLLS_LISTENING);
}

static bool guest_polls(void *device)
{
    struct pl011 *uart = device;
    return may_receive(uart) && uart->polls >= POLLS_BUSY;
}

static void deliver_break(void *device, const void *bytes, size_t length)
{
    struct pl011 *uart = device;
    if (!(uart->control & CR_LOOPBACK))
        receive(uart, DR_BREAK);
}

struct input_source pl011_receive_line(struct pl011 *uart, const char *name)
{
    return (struct input_source){
        .name = name,
        .deliver = deliver_bytes,
        .ready = room_to_receive,
        .listening = guest_listens,
        .polling = guest_polls,
        .divisible = true,
        .device = uart,
    };
}

struct input_source pl011_break_line(struct pl011 *uart, const char *name)
{
    return (struct input_source){
        .name = name, .deliver = deliver_break, .ready = room_to_receive, .device = uart};
}

void pl011_set_modem(void *device, unsigned line, bool asserted)
{
    static const uint32_t flags[] = {
        [PL011_CTS] = FR_CTS, [PL011_DSR] = FR_DSR, [PL011_DCD] = FR_DCD, [PL011_RI] = FR_RI};
    struct pl011 *uart = device;
    if (line >= sizeof flags / sizeof flags[0])
        return;
    uart->modem = asserted ? uart->modem | flags[line] : uart->modem & ~flags[line];
    modem_changed(uart);
    send_waiting(uart);
}

static void pl011_reset(void *device)
{
    struct pl011 *uart = device;
    regs_reset(&pl011_bank, uart);
    uart->receive_first = uart->receive_count = uart->waiting_count = 0;
    uart->receive[0] = 0;
    uart->overrun = 0;
    uart->polls = 0;
    uart->divisor = 0;
    if (uart->config.firmware_setup) {
        uart->divisor = FIRMWARE_DIVISOR;
        uart->integer_divisor = FIRMWARE_DIVISOR / 64;
        uart->fraction_divisor = FIRMWARE_DIVISOR % 64;
        uart->line_control = LCR_8_BITS | LCR_FIFOS;
        uart->control |= CR_ENABLE;
    }
    uart->modem_seen = modem_lines(uart);
    clock_cancel(uart->config.clock, &uart->timeout);
    drive_irq(uart);
}

/* Saved state comes from a file: counts that no FIFO could have must not get in that way. */
static void pl011_restored(void *device)
{
    struct pl011 *uart = device;
    uart->receive_first %= FIFO_DEPTH;
    if (uart->receive_count > FIFO_DEPTH)
        uart->receive_count = FIFO_DEPTH;
    if (uart->waiting_count > FIFO_DEPTH)
        uart->waiting_count = FIFO_DEPTH;
    clock_restore(uart->config.clock, &uart->timeout);
    drive_irq(uart);
}

static void pl011_free(void *device)
{
    struct pl011 *uart = device;
    clock_cancel(uart->config.clock, &uart->timeout);
    free(uart);
}

const struct device_class pl011_class = {
    .name = "pl011",
    .state = &pl011_fields,
    .regs = &pl011_bank,
    .reset = pl011_reset,
    .restored = pl011_restored,
    .free = pl011_free,
};

struct pl011 *pl011_create(const struct pl011_config *config)
{
    struct pl011 *uart = host_alloc(1, sizeof *uart);
    uart->config = *config;
    uart->modem = FR_CTS | FR_DSR | FR_DCD;
    event_init(&uart->timeout, timeout_fired, uart);
    return uart;
}
