/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The virtio transport and queues: negotiation, indirect descriptors, event index, and hostile drivers. */
#include "tests/unit/virtio_driver.h"

#define QUEUE        0
#define FEATURE_ECHO (1ull << 3)

/* A device that writes back, in upper case, what it reads. */
struct echo {
    struct virtio_device virtio;
    unsigned resets, served;
    uint8_t config[6], beyond[2];
    struct driver driver;
};

static void echo_reset(void *device)
{
    ((struct echo *)device)->resets++;
}

static void echo_notify(void *device, unsigned queue)
{
    struct echo *echo = device;
    struct virtq_chain chain;

    while (virtio_pop(&echo->virtio, queue, &chain)) {
        uint8_t bytes[64];
        size_t length = virtq_read(echo->virtio.bus, &chain, 0, bytes, sizeof bytes);
        for (size_t i = 0; i < length; i++)
            bytes[i] -= 32;
        length = virtq_write(echo->virtio.bus, &chain, 0, bytes, length);
        virtio_put(&echo->virtio, queue, chain.head, length);
        echo->served++;
    }
    virtio_signal(&echo->virtio, queue);
}

static void echo_config_write(void *device, unsigned offset, unsigned size, uint64_t value)
{
    memcpy(((struct echo *)device)->config + offset, &value, size);
}

static const struct virtio_device_ops echo_ops = {
    .id = VIRTIO_ID_RNG,
    .reset = echo_reset,
    .notify = echo_notify,
    .config_write = echo_config_write,
};

static int set_up(void **state)
{
    static struct echo echo;
    memset(&echo, 0, sizeof echo);
    driver_init(&echo.driver);
    virtio_device_init(&echo.virtio, &echo_ops, &echo, &echo.driver.bus, FEATURE_ECHO);
    virtio_add_queue(&echo.virtio, 64);
    virtio_add_queue(&echo.virtio, 32);
    memcpy(echo.config, "\1\2\3\4\5\6", 6);
    memset(echo.beyond, 0xff, sizeof echo.beyond);
    echo.virtio.config = echo.config;
    echo.virtio.config_bytes = sizeof echo.config;
    driver_attach(&echo.driver, &echo.virtio);
    *state = &echo;
    return 0;
}

static int tear_down(void **state)
{
    driver_free(&((struct echo *)*state)->driver);
    return 0;
}

/* --- the transport --- */

static void test_identity(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    assert_int_equal(driver_read(driver, MMIO_MAGIC), 0x74726976);
    assert_int_equal(driver_read(driver, MMIO_VERSION), 2);
    assert_int_equal(driver_read(driver, MMIO_DEVICE_ID), VIRTIO_ID_RNG);
    assert_true(driver_offered(driver) ==
                (FEATURE_ECHO | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX));
    driver_write(driver, MMIO_DEVICE_FEATURES_SEL, 2);
    assert_int_equal(driver_read(driver, MMIO_DEVICE_FEATURES), 0);
    driver_write(driver, MMIO_QUEUE_SEL, 0);
    assert_int_equal(driver_read(driver, MMIO_QUEUE_NUM_MAX), 64);
    driver_write(driver, MMIO_QUEUE_SEL, 2);
    assert_int_equal(driver_read(driver, MMIO_QUEUE_NUM_MAX), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(driver_read(driver, MMIO_SHM_LENGTH + 4 * i), 0xffffffff);
}

static void test_empty_slot(void **state)
{
    struct echo *echo = *state;
    struct virtio_mmio *slot = virtio_mmio_create(NULL, (struct irq_line){NULL, NULL, 0});
    uint64_t value;

    bus_add_window(&echo->driver.bus, "empty", 0x0a000200, VIRTIO_MMIO_SLOT_BYTES, &virtio_mmio_ops, slot);
    virtio_mmio_class.reset(slot);
    assert_true(bus_mmio_read(&echo->driver.bus, 0x0a000200, 4, &value));
    assert_int_equal(value, 0x74726976);
    for (unsigned reg = 0; reg < VIRTIO_MMIO_SLOT_BYTES; reg += 4) {
        assert_true(bus_mmio_write(&echo->driver.bus, 0x0a000200 + reg, 4, 0xffffffff));
        assert_true(bus_mmio_read(&echo->driver.bus, 0x0a000200 + reg, 4, &value));
        if (reg == MMIO_DEVICE_ID || reg == MMIO_STATUS || reg == MMIO_QUEUE_NUM_MAX || reg >= MMIO_CONFIG)
            assert_int_equal(value, 0);
    }
    virtio_mmio_class.free(slot);
}

static void test_register_width(void **state)
{
    struct echo *echo = *state;
    uint64_t value;
    assert_false(bus_mmio_read(&echo->driver.bus, DRIVER_SLOT, 1, &value));
    assert_false(bus_mmio_read(&echo->driver.bus, DRIVER_SLOT, 8, &value));
    assert_false(bus_mmio_write(&echo->driver.bus, DRIVER_SLOT + MMIO_STATUS, 2, 1));
    assert_int_equal(driver_read(&echo->driver, MMIO_STATUS), 0);
}

static void test_config_space(void **state)
{
    struct echo *echo = *state;
    struct bus *bus = &echo->driver.bus;
    uint64_t value;

    assert_true(bus_mmio_read(bus, DRIVER_SLOT + MMIO_CONFIG, 8, &value));
    assert_true(value == 0x060504030201);
    assert_true(bus_mmio_read(bus, DRIVER_SLOT + MMIO_CONFIG + 3, 1, &value));
    assert_int_equal(value, 4);
    assert_true(bus_mmio_write(bus, DRIVER_SLOT + MMIO_CONFIG + 4, 2, 0xbbaa));
    assert_true(bus_mmio_write(bus, DRIVER_SLOT + MMIO_CONFIG + 4, 4, 0xffffffff)); /* reaches past the end */
    assert_true(bus_mmio_read(bus, DRIVER_SLOT + MMIO_CONFIG + 4, 4, &value));
    assert_int_equal(value, 0xbbaa);
    assert_int_equal(driver_read(&echo->driver, MMIO_CONFIG + 0xfc), 0);

    driver_start(&echo->driver, 0, 1);
    uint32_t generation = driver_read(&echo->driver, MMIO_CONFIG_GENERATION);
    virtio_config_changed(&echo->virtio);
    assert_int_not_equal(driver_read(&echo->driver, MMIO_CONFIG_GENERATION), generation);
    assert_int_equal(driver_read(&echo->driver, MMIO_INTERRUPT_STATUS), VIRTIO_INTERRUPT_CONFIG);
    assert_true(echo->driver.wire);
    driver_write(&echo->driver, MMIO_INTERRUPT_ACK, VIRTIO_INTERRUPT_CONFIG);
    assert_false(echo->driver.wire);
}

static void test_negotiation_refused(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    /* A feature that was not offered. */
    driver_write(driver, MMIO_DRIVER_FEATURES_SEL, 1);
    driver_write(driver, MMIO_DRIVER_FEATURES, 1);
    driver_write(driver, MMIO_DRIVER_FEATURES_SEL, 0);
    driver_write(driver, MMIO_DRIVER_FEATURES, 1u << 9);
    driver_write(driver, MMIO_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK);
    assert_int_equal(driver_read(driver, MMIO_STATUS), 3);
    /* Without FEATURES_OK no DRIVER_OK. */
    driver_write(driver, MMIO_STATUS, 3 | VIRTIO_STATUS_DRIVER_OK);
    assert_int_equal(driver_read(driver, MMIO_STATUS), 3);
    /* A driver for legacy devices: no VERSION_1. */
    driver_write(driver, MMIO_STATUS, 0);
    driver_write(driver, MMIO_DRIVER_FEATURES, 0);
    driver_write(driver, MMIO_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK);
    assert_int_equal(driver_read(driver, MMIO_STATUS), 3);
    /* Once settled, features stay as they are. */
    driver_negotiate(driver, FEATURE_ECHO, 0);
    driver_write(driver, MMIO_DRIVER_FEATURES_SEL, 0);
    driver_write(driver, MMIO_DRIVER_FEATURES, 0);
    assert_true(virtio_has(&echo->virtio, FEATURE_ECHO));
}

static void test_reset_by_driver(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;
    unsigned resets;

    driver_start(driver, FEATURE_ECHO, 2);
    virtio_config_changed(&echo->virtio);
    assert_true(driver->wire);
    resets = echo->resets;
    driver_write(driver, MMIO_STATUS, 0);
    assert_int_equal(echo->resets, resets + 1);
    assert_false(driver->wire);
    assert_int_equal(driver_read(driver, MMIO_STATUS), 0);
    assert_int_equal(driver_read(driver, MMIO_INTERRUPT_STATUS), 0);
    for (unsigned i = 0; i < 2; i++) {
        driver_write(driver, MMIO_QUEUE_SEL, i);
        assert_int_equal(driver_read(driver, MMIO_QUEUE_READY), 0);
    }
    assert_true(echo->virtio.features == 0);
    assert_int_equal(driver_read(driver, MMIO_CONFIG_GENERATION), 0);
}

static void test_queue_that_cannot_be_enabled(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;
    static const struct {
        uint32_t size, descriptors, available, used;
    } bad[] = {
        {128, 0x40000000, 0x40001000, 0x40002000}, /* more than offered */
        {12, 0x40000000, 0x40001000, 0x40002000},  /* no power of two */
        {16, 0x40000008, 0x40001000, 0x40002000},  /* misaligned areas */
        {16, 0x40000000, 0x40001001, 0x40002000},  {16, 0x40000000, 0x40001000, 0x40002002},
        {16, 0x30000000, 0x40001000, 0x40002000}, /* not in RAM */
        {16, 0x40000000, 0x403ffff0, 0x40002000}, /* runs out of it */
        {16, 0x40000000, 0x40001000, 0x403fffe0},  {16, 0xfffffff0, 0x40001000, 0x40002000},
    };

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        driver_negotiate(driver, 0, 0);
        driver_write(driver, MMIO_QUEUE_SEL, QUEUE);
        driver_write(driver, MMIO_QUEUE_NUM, bad[i].size);
        driver_write(driver, MMIO_QUEUE_DESC, bad[i].descriptors);
        driver_write(driver, MMIO_QUEUE_DRIVER, bad[i].available);
        driver_write(driver, MMIO_QUEUE_DEVICE, bad[i].used);
        driver_write(driver, MMIO_QUEUE_READY, 1);
        assert_int_equal(driver_read(driver, MMIO_QUEUE_READY), 0);
        assert_true(driver_needs_reset(driver));
        assert_false(driver->wire); /* no driver to tell yet */
    }
}

static void test_longest_queue(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    driver_negotiate(driver, 0, 0);
    driver_write(driver, MMIO_QUEUE_SEL, QUEUE);
    driver_write(driver, MMIO_QUEUE_NUM, 64);
    driver_write(driver, MMIO_QUEUE_NUM, 0); /* the same still */
    driver_write(driver, MMIO_QUEUE_DESC, DRIVER_RAM_BASE);
    driver_write(driver, MMIO_QUEUE_DRIVER, DRIVER_RAM_BASE + 0x1000);
    /* The used ring of 64 entries ends with RAM. */
    driver_write(driver, MMIO_QUEUE_DEVICE, DRIVER_RAM_BASE + DRIVER_RAM_BYTES - (4 + 64 * 8 + 4));
    driver_write(driver, MMIO_QUEUE_READY, 1);
    assert_int_equal(driver_read(driver, MMIO_QUEUE_READY), 1);
    /* What is enabled does not change. */
    driver_write(driver, MMIO_QUEUE_NUM, 8);
    driver_write(driver, MMIO_QUEUE_DESC, 0);
    driver_write(driver, MMIO_QUEUE_DRIVER + 4, 1);
    driver_write(driver, MMIO_QUEUE_DEVICE, 0);
    assert_int_equal(echo->virtio.queues[QUEUE].size, 64);
    assert_true(echo->virtio.queues[QUEUE].descriptors == DRIVER_RAM_BASE);
    assert_true(echo->virtio.queues[QUEUE].driver_area == DRIVER_RAM_BASE + 0x1000);
    driver_write(driver, MMIO_QUEUE_READY, 0);
    assert_int_equal(driver_read(driver, MMIO_QUEUE_READY), 0);
}

/* --- well-behaved drivers --- */

static uint64_t text(struct driver *driver, const char *bytes)
{
    uint64_t address = driver_alloc(driver, strlen(bytes));
    memcpy(driver_ram(driver, address), bytes, strlen(bytes));
    return address;
}

static void expect_echo(struct driver *driver, uint16_t head, uint64_t address, const char *bytes)
{
    uint16_t used_head;
    uint32_t length;
    assert_true(driver_used(driver, QUEUE, &used_head, &length));
    assert_int_equal(used_head, head);
    assert_int_equal(length, strlen(bytes));
    assert_memory_equal(driver_ram(driver, address), bytes, strlen(bytes));
}

static void test_chain(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    driver_start(driver, 0, 1);
    for (unsigned round = 0; round < 200; round++) { /* the rings wrap */
        driver->allocated = 0x10000;
        uint64_t out = driver_alloc(driver, 64);
        struct driver_buffer buffers[] = {
            {text(driver, "ab"), 2, false},
            {text(driver, "cdefg"), 5, false},
            {out, 3, true},
            {out + 3, 61, true},
        };
        uint16_t head = driver_add(driver, QUEUE, buffers, 4);
        driver_kick(driver, QUEUE);
        expect_echo(driver, head, out, "ABCDEFG");
        assert_true(driver->wire);
        driver_write(driver, MMIO_INTERRUPT_ACK, VIRTIO_INTERRUPT_QUEUE);
        assert_false(driver->wire);
    }
    assert_false(driver_needs_reset(driver));
}

static void test_added_before_ready(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    driver_negotiate(driver, 0, 1);
    uint64_t out = driver_alloc(driver, 4);
    struct driver_buffer buffers[] = {{text(driver, "xyz"), 3, false}, {out, 4, true}};
    uint16_t head = driver_add(driver, QUEUE, buffers, 2);
    driver_kick(driver, QUEUE);
    assert_int_equal(echo->served, 0); /* 2.1: nothing before DRIVER_OK */
    driver_write(driver, MMIO_STATUS, 3 | VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK);
    expect_echo(driver, head, out, "XYZ");
}

static void test_no_interrupt_flag(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    driver_start(driver, 0, 1);
    driver->queues[QUEUE].available->flags = 1;
    uint64_t out = driver_alloc(driver, 4);
    struct driver_buffer buffers[] = {{text(driver, "xyz"), 3, false}, {out, 4, true}};
    uint16_t head = driver_add(driver, QUEUE, buffers, 2);
    driver_kick(driver, QUEUE);
    expect_echo(driver, head, out, "XYZ");
    assert_false(driver->wire);
}

static void test_indirect(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    driver_start(driver, VIRTIO_F_INDIRECT_DESC, 1);
    uint64_t out = driver_alloc(driver, 8);
    struct driver_buffer buffers[] = {
        {text(driver, "ind"), 3, false}, {text(driver, "ir"), 2, false}, {out, 8, true}};
    uint16_t head = driver_add_indirect(driver, QUEUE, buffers, 3);
    driver->queues[QUEUE].descriptors[head].flags |= D_WRITE; /* to be ignored (2.7.5.3.2) */
    driver_kick(driver, QUEUE);
    expect_echo(driver, head, out, "INDIR");

    /* An ordinary descriptor first, then the table (2.7.5.3.2). */
    uint64_t first = text(driver, "pre");
    head = driver_add_indirect(driver, QUEUE, buffers, 3);
    struct driver_descriptor table = driver->queues[QUEUE].descriptors[head];
    driver->queues[QUEUE].descriptors[15] = table;
    driver->queues[QUEUE].descriptors[head] = (struct driver_descriptor){first, 3, D_NEXT, 15};
    driver_kick(driver, QUEUE);
    expect_echo(driver, head, out, "PREINDIR");
}

static void test_event_index(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;
    struct driver_queue *queue = &driver->queues[QUEUE];

    driver_start(driver, VIRTIO_F_EVENT_IDX, 1);
    uint64_t out = driver_alloc(driver, 8);
    struct driver_buffer buffers[] = {{text(driver, "e"), 1, false}, {out, 8, true}};

    /* Interrupt at the third used entry only. */
    queue->available->used_event = 2;
    queue->available->flags = 1; /* to be ignored with event index */
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(queue->used->available_event, i);
        driver_add(driver, QUEUE, buffers, 2);
        driver_kick(driver, QUEUE);
        assert_int_equal(driver->wire, i == 2);
        driver_write(driver, MMIO_INTERRUPT_ACK, VIRTIO_INTERRUPT_QUEUE);
    }

    /* Several at once, the event in the middle. */
    queue->available->used_event = 6;
    for (unsigned i = 0; i < 4; i++)
        driver_add(driver, QUEUE, buffers, 2);
    driver_kick(driver, QUEUE);
    assert_int_equal(driver->wire_rises, 2);
    assert_int_equal(queue->used->available_event, 9);
}

static void test_state_moves(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;
    uint64_t hash;

    driver_start(driver, FEATURE_ECHO, 1);
    hash = fields_hash(&virtio_device_fields, &echo->virtio, FIELDS_HASH_SEED);
    assert_true(hash == fields_hash(&virtio_device_fields, &echo->virtio, FIELDS_HASH_SEED));
    struct driver_buffer buffer = {text(driver, "e"), 1, false};
    driver_add(driver, QUEUE, &buffer, 1);
    driver_kick(driver, QUEUE);
    assert_true(hash != fields_hash(&virtio_device_fields, &echo->virtio, FIELDS_HASH_SEED));
}

static void test_restored_is_distrusted(void **state)
{
    struct echo *echo = *state;

    driver_start(&echo->driver, 0, 1);
    virtio_device_restored(&echo->virtio);
    assert_false(driver_needs_reset(&echo->driver));
    echo->virtio.queues[0].size = 0;
    virtio_device_restored(&echo->virtio);
    assert_true(driver_needs_reset(&echo->driver));
    driver_kick(&echo->driver, QUEUE);
    assert_int_equal(echo->served, 0);
}

static void test_wire_after_reset_and_restore(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    driver_start(driver, 0, 1);
    virtio_config_changed(&echo->virtio);
    driver->wire = false; /* as after a restore of the interrupt controller */
    virtio_mmio_class.restored(driver->slot);
    assert_true(driver->wire);
    virtio_mmio_class.reset(driver->slot);
    assert_false(driver->wire);
    assert_int_equal(driver_read(driver, MMIO_INTERRUPT_STATUS), 0);
}

/* --- hostile drivers --- */

enum hostile {
    HOSTILE_LOOP,
    HOSTILE_LOOP_OF_ONE,
    HOSTILE_NEXT,
    HOSTILE_HEAD,
    HOSTILE_INDEX,
    HOSTILE_ADDRESS_BELOW,
    HOSTILE_ADDRESS_ABOVE,
    HOSTILE_ADDRESS_WRAPS,
    HOSTILE_LENGTH,
    HOSTILE_LENGTH_ZERO,
    HOSTILE_ORDER,
    HOSTILE_INDIRECT_NEXT,
    HOSTILE_INDIRECT_LENGTH,
    HOSTILE_INDIRECT_LENGTH_ZERO,
    HOSTILE_INDIRECT_ADDRESS,
    HOSTILE_INDIRECT_NESTED,
    HOSTILE_INDIRECT_LOOP,
    HOSTILE_INDIRECT_NEXT_OUT,
    HOSTILE_COUNT
};

static const char *const faults[HOSTILE_COUNT] = {
    [HOSTILE_LOOP] = "descriptor chain too long",
    [HOSTILE_LOOP_OF_ONE] = "descriptor chain too long",
    [HOSTILE_NEXT] = "descriptor index out of range",
    [HOSTILE_HEAD] = "descriptor index out of range",
    [HOSTILE_INDEX] = "more chains available than the queue has entries",
    [HOSTILE_ADDRESS_BELOW] = "descriptor outside RAM",
    [HOSTILE_ADDRESS_ABOVE] = "descriptor outside RAM",
    [HOSTILE_ADDRESS_WRAPS] = "descriptor outside RAM",
    [HOSTILE_LENGTH] = "descriptor outside RAM",
    [HOSTILE_LENGTH_ZERO] = "descriptor of length zero",
    [HOSTILE_ORDER] = "readable descriptor after a writable one",
    [HOSTILE_INDIRECT_NEXT] = "indirect descriptor where none may be",
    [HOSTILE_INDIRECT_LENGTH] = "length of an indirect table",
    [HOSTILE_INDIRECT_LENGTH_ZERO] = "length of an indirect table",
    [HOSTILE_INDIRECT_ADDRESS] = "descriptor table outside RAM",
    [HOSTILE_INDIRECT_NESTED] = "indirect descriptor where none may be",
    [HOSTILE_INDIRECT_LOOP] = "descriptor chain too long",
    [HOSTILE_INDIRECT_NEXT_OUT] = "descriptor index out of range",
};

static void spoil(struct driver *driver, enum hostile hostile)
{
    struct driver_queue *queue = &driver->queues[QUEUE];
    struct driver_descriptor *d = queue->descriptors;
    uint64_t buffer = driver_alloc(driver, 64), table = driver_alloc(driver, 64);
    struct driver_descriptor *t = driver_ram(driver, table);

    d[0] = (struct driver_descriptor){buffer, 16, D_NEXT, 1};
    d[1] = (struct driver_descriptor){buffer, 16, D_WRITE, 0};
    t[0] = (struct driver_descriptor){buffer, 16, D_NEXT, 1};
    t[1] = (struct driver_descriptor){buffer, 16, D_WRITE, 0};
    driver_offer(driver, QUEUE, 0);
    if (hostile >= HOSTILE_INDIRECT_NEXT)
        d[0] = (struct driver_descriptor){table, 32, D_INDIRECT, 1};
    switch (hostile) {
    case HOSTILE_LOOP:
        d[1].flags |= D_NEXT;
        d[0].flags |= D_WRITE;
        break;
    case HOSTILE_LOOP_OF_ONE: d[0].next = 0; break;
    case HOSTILE_NEXT: d[0].next = DRIVER_QUEUE_SIZE; break;
    case HOSTILE_HEAD: queue->available->ring[0] = DRIVER_QUEUE_SIZE; break;
    case HOSTILE_INDEX: queue->available->index = DRIVER_QUEUE_SIZE + 1; break;
    case HOSTILE_ADDRESS_BELOW: d[1].address = DRIVER_RAM_BASE - 8; break;
    case HOSTILE_ADDRESS_ABOVE: d[1].address = DRIVER_RAM_BASE + DRIVER_RAM_BYTES - 15; break;
    case HOSTILE_ADDRESS_WRAPS: d[1].address = UINT64_MAX - 7; break;
    case HOSTILE_LENGTH: d[0].length = 0xffffffff; break;
    case HOSTILE_LENGTH_ZERO: d[1].length = 0; break;
    case HOSTILE_ORDER:
        d[0].flags |= D_WRITE;
        d[1].flags = 0;
        break;
    case HOSTILE_INDIRECT_NEXT: d[0].flags |= D_NEXT; break;
    case HOSTILE_INDIRECT_LENGTH: d[0].length = 40; break;
    case HOSTILE_INDIRECT_LENGTH_ZERO: d[0].length = 0; break;
    case HOSTILE_INDIRECT_ADDRESS: d[0].address = DRIVER_RAM_BASE + DRIVER_RAM_BYTES; break;
    case HOSTILE_INDIRECT_NESTED: t[0] = (struct driver_descriptor){table, 32, D_INDIRECT, 0}; break;
    case HOSTILE_INDIRECT_LOOP: t[0].next = 0; break;
    case HOSTILE_INDIRECT_NEXT_OUT: t[0].next = 2; break;
    case HOSTILE_COUNT: break;
    }
}

static void test_hostile(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    for (enum hostile hostile = 0; hostile < HOSTILE_COUNT; hostile++) {
        driver_start(driver, VIRTIO_F_INDIRECT_DESC, 1);
        unsigned served = echo->served;
        spoil(driver, hostile);
        driver_kick(driver, QUEUE);
        if (!driver_needs_reset(driver))
            fail_msg("case %u was accepted", hostile);
        assert_int_equal(echo->served, served);
        /* The driver is told, and the device does nothing more until it is reset. */
        assert_int_equal(driver_read(driver, MMIO_INTERRUPT_STATUS), VIRTIO_INTERRUPT_CONFIG);
        assert_true(driver->wire);
        assert_string_equal(echo->virtio.queues[QUEUE].fault, faults[hostile]);
        driver->queues[QUEUE].available->index = 0;
        driver_kick(driver, QUEUE);
        assert_int_equal(driver->queues[QUEUE].used->index, 0);
    }
    /* After a reset all is well again. */
    test_chain(state);
}

static void test_indirect_not_negotiated(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    driver_start(driver, 0, 1);
    struct driver_buffer buffer = {text(driver, "e"), 1, false};
    driver_add_indirect(driver, QUEUE, &buffer, 1);
    driver_kick(driver, QUEUE);
    assert_true(driver_needs_reset(driver));
    assert_int_equal(echo->served, 0);
}

static void test_odd_notifications(void **state)
{
    struct echo *echo = *state;
    struct driver *driver = &echo->driver;

    driver_start(driver, 0, 1);
    driver_kick(driver, 1); /* exists, not enabled */
    driver_kick(driver, 2);
    driver_kick(driver, 0xffffffff);
    assert_false(driver_needs_reset(driver));
    assert_int_equal(echo->served, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_identity),
        TEST(test_empty_slot),
        TEST(test_register_width),
        TEST(test_config_space),
        TEST(test_negotiation_refused),
        TEST(test_reset_by_driver),
        TEST(test_queue_that_cannot_be_enabled),
        TEST(test_longest_queue),
        TEST(test_chain),
        TEST(test_added_before_ready),
        TEST(test_no_interrupt_flag),
        TEST(test_indirect),
        TEST(test_event_index),
        TEST(test_state_moves),
        TEST(test_restored_is_distrusted),
        TEST(test_wire_after_reset_and_restore),
        TEST(test_hostile),
        TEST(test_indirect_not_negotiated),
        TEST(test_odd_notifications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
