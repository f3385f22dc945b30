/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The UART: registers, sending, receiving through the FIFO and without, thresholds, the receive timeout,
 * errors, loopback, modem lines, and what a driver of it does. */
#include "tests/unit/device_bench.h"
#include "peripherals/pl011.h"

enum {
    DR = 0x00,
    RSR = 0x04,
    FR = 0x18,
    ILPR = 0x20,
    IBRD = 0x24,
    FBRD = 0x28,
    LCR_H = 0x2c,
    CR = 0x30,
    IFLS = 0x34,
    IMSC = 0x38,
    RIS = 0x3c,
    MIS = 0x40,
    ICR = 0x44,
    DMACR = 0x48,
    INT_RX = 0x10,
    INT_TX = 0x20,
    INT_RT = 0x40,
    INT_BE = 0x200,
    INT_OE = 0x400,
    MODEM = 0x007, /* CTS, DSR, DCD in UARTFR */
    ALL_ON = 0x301,
    FIFOS_8_BITS = 0x70,
};

static struct bench bench;
static struct probe_wire wire;
static struct input_source line;
static char sent[256];
static size_t sent_length;

static void note_sent(void *context, const void *bytes, size_t length)
{
    assert_true(sent_length + length < sizeof sent);
    memcpy(sent + sent_length, bytes, length);
    sent_length += length;
    sent[sent_length] = 0;
}

static int set_up_with(bool firmware)
{
    bench_init(&bench);
    wire = (struct probe_wire){0};
    sent_length = 0;
    sent[0] = 0;
    const struct pl011_config config = {
        .clock = &bench.clock, .irq = probe_line(&wire), .transmit = note_sent, .firmware_setup = firmware};
    bench_place(&bench, &pl011_class, &pl011_mmio, pl011_create(&config));
    line = pl011_receive_line(bench.device, "uart.rx");
    return 0;
}

static int set_up_bare(void **state)
{
    return set_up_with(false);
}

static int set_up(void **state)
{
    return set_up_with(true);
}

static int tear_down(void **state)
{
    bench_free(&bench);
    return 0;
}

static uint32_t get(unsigned offset)
{
    return (uint32_t)bench_read(&bench, offset, 4);
}

static void set(unsigned offset, uint32_t value)
{
    bench_write(&bench, offset, 4, value);
}

static void arrive(const char *text)
{
    line.deliver(line.device, text, strlen(text));
}

static void registers(void **state)
{
    static const struct reg_expectation list[] = {
        {DR, 4, 0, 0},          {RSR, 4, 0, 0},         {FR, 4, 0x90 | MODEM, 0x90 | MODEM},
        {ILPR, 4, 0, 0xff},     {IBRD, 4, 0, 0xffff},   {FBRD, 4, 0, 0x3f},
        {LCR_H, 4, 0, 0xff},    {CR, 4, 0x300, 0xff87}, {IFLS, 4, 0x12, 0x3f},
        {IMSC, 4, 0, 0x7ff},    {RIS, 4, 0, 0},         {MIS, 4, 0, 0},
        {ICR, 4, 0, 0},         {DMACR, 4, 0, 7},       {0xfe0, 4, 0x11, 0x11},
        {0xfe4, 4, 0x10, 0x10}, {0xfe8, 4, 0x14, 0x14}, {0xfec, 4, 0, 0},
        {0xff0, 4, 0x0d, 0x0d}, {0xff4, 4, 0xf0, 0xf0}, {0xff8, 4, 0x05, 0x05},
        {0xffc, 4, 0xb1, 0xb1},
    };
    bench_check_registers(&bench, list, sizeof list / sizeof list[0]);
}

static void firmware_leaves_it_ready(void **state)
{
    assert_int_equal(get(CR), ALL_ON);
    assert_int_equal(get(LCR_H), FIFOS_8_BITS);
    assert_int_equal(get(IBRD), 13);
    assert_int_equal(get(FBRD), 1);
    bench_write(&bench, DR, 1, 'A');
    assert_string_equal(sent, "A");
}

static void what_is_sent_leaves_at_once(void **state)
{
    for (const char *at = "hello, host"; *at; at++) {
        assert_int_equal(get(FR) & 0x28, 0); /* neither busy nor full */
        set(DR, (uint8_t)*at);
    }
    assert_string_equal(sent, "hello, host");
    assert_int_equal(get(FR) & 0x80, 0x80);
}

static void the_transmit_interrupt_is_a_transition(void **state)
{
    set(IMSC, INT_TX);
    assert_false(wire.level); /* empty from the start is not becoming empty */
    set(DR, 'x');
    assert_true(wire.level);
    set(ICR, INT_TX);
    assert_false(wire.level);
    assert_int_equal(get(RIS), 0);
    set(DR, 'y');
    assert_int_equal(get(MIS), INT_TX);
}

static void a_transmitter_that_is_off_keeps_its_fifo(void **state)
{
    set(DR, '!');
    assert_int_equal(get(RIS), INT_TX);
    sent_length = 0;
    sent[0] = 0;
    set(CR, 0x300);
    for (unsigned i = 0; i < 20; i++)
        set(DR, 'a' + i);
    assert_int_equal(get(FR) & 0xa8, 0x28); /* busy, full, not empty */
    assert_int_equal(get(RIS), 0);
    assert_string_equal(sent, "");
    set(CR, ALL_ON);
    assert_string_equal(sent, "abcdefghijklmnop");
    assert_int_equal(get(RIS), INT_TX);
    assert_int_equal(get(FR) & 0xa8, 0x80);
}

static void flow_control_waits_for_cts(void **state)
{
    pl011_set_modem(bench.device, PL011_CTS, false);
    set(DR, 'v'); /* flow control is off */
    assert_string_equal(sent, "v");
    sent_length = 0;
    sent[0] = 0;
    set(CR, ALL_ON | 1 << 15);
    set(DR, 'w');
    assert_string_equal(sent, "");
    pl011_set_modem(bench.device, PL011_CTS, true);
    assert_string_equal(sent, "w");
}

static void received_bytes_queue_in_order(void **state)
{
    arrive("0123456789abcdef");
    assert_int_equal(get(FR) & 0x50, 0x40);
    assert_int_equal(line.ready(line.device), 0);
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(line.ready(line.device), i);
        assert_int_equal(get(DR), "0123456789abcdef"[i]);
    }
    assert_int_equal(get(FR) & 0x50, 0x10);
    arrive("again");
    assert_int_equal(get(DR), 'a');
}

static void the_threshold_interrupts(void **state)
{
    static const unsigned levels[] = {2, 4, 8, 12, 14};
    set(IMSC, INT_RX);
    for (unsigned i = 0; i < 5; i++) {
        set(IFLS, i << 3);
        for (unsigned n = 1; n < levels[i]; n++)
            arrive("x");
        assert_false(wire.level);
        arrive("x");
        assert_true(wire.level);
        arrive("x");
        get(DR); /* at the level still */
        assert_true(wire.level);
        get(DR); /* below it */
        assert_false(wire.level);
        arrive("x");
        assert_true(wire.level);
        set(ICR, INT_RX); /* cleared by hand, the level being still there */
        assert_false(wire.level);
        while (!(get(FR) & 0x10))
            get(DR);
    }
}

static void the_timeout_comes_after_32_bits(void **state)
{
    /* 32 bit times of 16 / 24 MHz * (13 + 1/64), rounded down. */
    const uint64_t timeout_ns = 1000000000ull * 32 * 16 * (13 * 64 + 1) / 64 / 24000000;
    set(IMSC, INT_RX | INT_RT);
    arrive("a");
    bench_run_to(&bench, 1000);
    arrive("b"); /* begins the wait anew */
    bench_run_to(&bench, 1000 + timeout_ns - 1);
    assert_false(wire.level);
    bench_run_to(&bench, 1000 + timeout_ns);
    assert_int_equal(get(MIS), INT_RT);
    assert_true(wire.level);
    get(DR);
    assert_true(wire.level); /* one more byte is there */
    get(DR);
    assert_false(wire.level);
    assert_int_equal(get(RIS), 0);
    arrive("c");
    get(DR);
    bench_run_to(&bench, NS_PER_S);
    assert_int_equal(get(RIS), 0); /* nothing left to time out on */
}

static void without_fifos_there_is_one_place(void **state)
{
    set(LCR_H, 0x60);
    set(IMSC, INT_RX);
    assert_int_equal(line.ready(line.device), 1);
    arrive("p");
    assert_true(wire.level);
    assert_int_equal(get(FR) & 0x50, 0x40);
    assert_int_equal(line.ready(line.device), 0);
    arrive("q");
    assert_int_equal(get(RIS) & INT_OE, INT_OE);
    assert_int_equal(get(DR), 0x800 | 'p');
    assert_false(wire.level);
}

static void switching_fifos_flushes_them(void **state)
{
    set(IMSC, INT_RX | INT_RT);
    arrive("lost ones");
    bench_run_to(&bench, NS_PER_S / 2);
    assert_int_equal(get(MIS), INT_RX | INT_RT);
    arrive("m");
    set(LCR_H, 0x60);
    assert_false(wire.level);
    assert_int_equal(get(FR) & 0x10, 0x10);
    bench_run_to(&bench, NS_PER_S);
    assert_int_equal(get(RIS), 0);
}

static void an_overrun_is_told(void **state)
{
    set(IMSC, INT_OE);
    arrive("0123456789abcdefX");
    assert_true(wire.level);
    assert_int_equal(get(RSR), 8);
    assert_int_equal(get(DR), 0x800 | '0');
    assert_int_equal(get(RSR), 8);
    set(RSR, 0xff);
    assert_int_equal(get(RSR), 0);
    arrive("g"); /* room again: the flag in UARTDR goes */
    assert_int_equal(get(DR), '1');
    set(ICR, INT_OE);
    assert_false(wire.level);
}

static void a_break_is_a_character_with_a_mark(void **state)
{
    struct input_source broken = pl011_break_line(bench.device, "uart.break");
    arrive("a");
    broken.deliver(broken.device, "", 0);
    arrive("b");
    assert_int_equal(get(RIS) & INT_BE, INT_BE);
    assert_int_equal(get(DR), 'a');
    assert_int_equal(get(RSR), 0);
    assert_int_equal(get(DR), 0x400);
    assert_int_equal(get(RSR), 4);
    assert_int_equal(get(DR), 'b');
    assert_int_equal(get(RSR), 0);
}

static void loopback_turns_the_lines_round(void **state)
{
    set(CR, ALL_ON | 0x80 | 1 << 11 | 1 << 13); /* RTS, Out2 */
    assert_int_equal(get(FR) & 0x107, 0x101);   /* CTS, RI */
    set(LCR_H, FIFOS_8_BITS | 2);
    set(LCR_H, FIFOS_8_BITS);
    assert_int_equal(get(FR) & 0x10, 0x10); /* parity is no break */
    set(DR, 'L');
    arrive("outside");
    assert_int_equal(line.ready(line.device), 0);
    assert_int_equal(get(DR), 'L');
    assert_int_equal(get(FR) & 0x10, 0x10);
    set(LCR_H, FIFOS_8_BITS | 1);
    assert_int_equal(get(DR), 0x400);
}

static void each_output_has_its_line_in_loopback(void **state)
{
    static const struct {
        unsigned control, flag, interrupt;
    } lines[] = {{1 << 10, 2, 1 << 3}, {1 << 11, 1, 1 << 1}, {1 << 12, 4, 1 << 2}, {1 << 13, 0x100, 1 << 0}};
    set(CR, ALL_ON | 0x80);
    for (unsigned i = 0; i < 4; i++) {
        set(ICR, 0x7ff);
        set(CR, ALL_ON | 0x80 | lines[i].control);
        assert_int_equal(get(FR) & 0x107, lines[i].flag);
        assert_int_equal(get(RIS), lines[i].interrupt);
        set(CR, ALL_ON | 0x80);
    }
}

static void the_mask_gates_the_wire(void **state)
{
    arrive("12345678");
    assert_false(wire.level);
    set(IMSC, INT_RX);
    assert_true(wire.level);
    assert_int_equal(get(MIS), INT_RX);
    set(IMSC, INT_OE);
    assert_false(wire.level);
    assert_int_equal(get(RIS), INT_RX);
}

static void a_reset_silences_it(void **state)
{
    set(IMSC, INT_RX);
    arrive("12345678");
    pl011_class.reset(bench.device);
    assert_false(wire.level);
    assert_int_equal(get(FR) & 0x10, 0x10);
    bench_run_to(&bench, NS_PER_S);
    assert_int_equal(get(RIS), 0);
}

static void modem_changes_interrupt(void **state)
{
    set(IMSC, 0xf);
    pl011_set_modem(bench.device, PL011_RI + 1, true);
    assert_int_equal(get(RIS), 0);
    pl011_set_modem(bench.device, PL011_DCD, false);
    assert_int_equal(get(MIS), 1 << 2);
    assert_int_equal(get(FR) & 7, 3);
    set(ICR, 1 << 2);
    assert_false(wire.level);
    pl011_set_modem(bench.device, PL011_DCD, false);
    assert_false(wire.level);
    pl011_set_modem(bench.device, PL011_RI, true);
    pl011_set_modem(bench.device, PL011_DSR, false);
    pl011_set_modem(bench.device, PL011_CTS, false);
    assert_int_equal(get(MIS), 1 << 0 | 1 << 3 | 1 << 1);
}

static void a_receiver_that_is_off_takes_nothing(void **state)
{
    set(CR, 0x101);
    assert_int_equal(line.ready(line.device), 0);
    arrive("x");
    assert_int_equal(get(FR) & 0x10, 0x10);
}

static void listening_means_a_driver_waits(void **state)
{
    assert_true(line.divisible);
    assert_false(line.listening(line.device));
    set(IMSC, INT_TX);
    assert_false(line.listening(line.device));
    set(IMSC, INT_RT);
    assert_true(line.listening(line.device));
    set(IMSC, INT_RX);
    assert_true(line.listening(line.device));
    set(CR, 0x300);
    assert_false(line.listening(line.device));
}

static void saved_state_carries_the_fifo_and_the_timeout(void **state)
{
    struct probe_wire other_wire = {0};
    const struct pl011_config config = {.clock = &bench.clock, .irq = probe_line(&other_wire)};
    struct pl011 *other = pl011_create(&config);
    uint64_t value;
    set(IMSC, INT_RT);
    arrive("abc");
    get(DR);
    bench_transplant(pl011_class.state, bench.device, other);
    pl011_class.restored(other);
    assert_true(fields_hash(pl011_class.state, other, 0) == fields_hash(pl011_class.state, bench.device, 0));
    bench_run_to(&bench, NS_PER_S);
    assert_true(other_wire.level);
    assert_true(pl011_mmio.read(other, DR, 4, &value));
    assert_int_equal(value, 'b');
    pl011_class.free(other);
}

#define WITH(set_up_function, test) cmocka_unit_test_setup_teardown(test, set_up_function, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(set_up_bare, registers),
        WITH(set_up, firmware_leaves_it_ready),
        WITH(set_up, what_is_sent_leaves_at_once),
        WITH(set_up, the_transmit_interrupt_is_a_transition),
        WITH(set_up, a_transmitter_that_is_off_keeps_its_fifo),
        WITH(set_up, flow_control_waits_for_cts),
        WITH(set_up, received_bytes_queue_in_order),
        WITH(set_up, the_threshold_interrupts),
        WITH(set_up, the_timeout_comes_after_32_bits),
        WITH(set_up, without_fifos_there_is_one_place),
        WITH(set_up, switching_fifos_flushes_them),
        WITH(set_up, an_overrun_is_told),
        WITH(set_up, a_break_is_a_character_with_a_mark),
        WITH(set_up, loopback_turns_the_lines_round),
        WITH(set_up, each_output_has_its_line_in_loopback),
        WITH(set_up, the_mask_gates_the_wire),
        WITH(set_up, a_reset_silences_it),
        WITH(set_up, modem_changes_interrupt),
        WITH(set_up, a_receiver_that_is_off_takes_nothing),
        WITH(set_up, listening_means_a_driver_waits),
        WITH(set_up, saved_state_carries_the_fifo_and_the_timeout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
