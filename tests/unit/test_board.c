/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board: its device tree against its memory map, a user's device tree, loading, reset, the state's hash.
 */
#include "tests/unit/unit.h"
#include <inttypes.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "machine/board.h"
#include "machine/boot.h"
#include "machine/dtb.h"
#include "machine/file.h"

static struct run_options options;
static struct error error;
static unsigned pages_dropped, flushes;

/* --- an engine that never runs --------------------------------------------------------------------- */

static struct engine *still_create(struct bus *bus, unsigned cpu_count, struct error *why)
{
    return (struct engine *)&pages_dropped;
}

static void still_free(struct engine *engine)
{
}

static enum engine_exit still_run(struct engine *engine, struct cpu *cpu)
{
    fail();
    return ENGINE_EXIT_LIMIT;
}

static void still_page_written(struct engine *engine, uint64_t page_address)
{
    pages_dropped++;
}

static void still_flush(struct engine *engine)
{
    flushes++;
}

static const struct engine_ops still_engine = {
    .name = "still",
    .create = still_create,
    .free = still_free,
    .run = still_run,
    .page_written = still_page_written,
    .flush = still_flush,
};

static struct machine *make(void)
{
    struct machine *machine = machine_create(&options, &still_engine, &error);
    if (!machine)
        fail_msg("%s", error.text);
    machine_reset(machine);
    return machine;
}

static int set_up(void **state)
{
    run_options_default(&options);
    options.serial.kind = SERIAL_NONE;
    options.append = "console=ttyAMA0 quiet";
    options.memory_bytes = 64ull << 20;
    options.cpus = 18;
    options.clock = CLOCK_CHOICE_VIRTUAL;
    return 0;
}

/* A file of these bytes in /tmp; the caller unlinks it. */
static void make_file(char *path, const void *bytes, size_t length)
{
    strcpy(path, "/tmp/armature-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

/* --- the generated tree ---------------------------------------------------------------------------- */

static const struct range initrd = {0x42000000, 0x42345678};

static void *tree(struct machine *machine)
{
    size_t bytes;
    void *fdt = dtb_make(machine, &initrd, &bytes, &error);
    if (!fdt)
        fail_msg("%s", error.text);
    assert_int_equal(fdt_check_full(fdt, bytes), 0);
    return fdt;
}

static uint32_t cell(const void *fdt, const char *path, const char *name, unsigned index)
{
    int length;
    const fdt32_t *cells = fdt_getprop(fdt, fdt_path_offset(fdt, path), name, &length);
    if (!cells || length < (int)(4 * index + 4))
        fail_msg("%s has no %s[%u]", path, name, index);
    return fdt32_to_cpu(cells[index]);
}

/* Every window of the bus is described by a node, with its address and size. Returns how many there are. */
static unsigned described_windows(struct machine *machine, void *fdt)
{
    unsigned described = 0;
    for (unsigned w = 0; w < machine->bus.window_count; w++) {
        const struct mmio_window *window = &machine->bus.windows[w];
        bool found = false;
        for (int node = fdt_next_node(fdt, -1, NULL); node >= 0; node = fdt_next_node(fdt, node, NULL)) {
            int length;
            const uint8_t *reg = fdt_getprop(fdt, node, "reg", &length);
            for (int i = 0; reg && i + 1 < length / 8; i += 2)
                found = found || (fdt64_ld((const fdt64_t *)(reg + 8 * i)) == window->base &&
                                  fdt64_ld((const fdt64_t *)(reg + 8 * i + 8)) == window->size_bytes);
        }
        if (!found)
            fail_msg("no node describes %s", window->name);
        described++;
    }
    return described;
}

static void the_tree_describes_the_memory_map(void **state)
{
    struct machine *machine = make();
    void *fdt = tree(machine);
    assert_int_equal(described_windows(machine, fdt), 10 + BOARD_VIRTIO_SLOTS);
    free(fdt);
    machine_free(machine);
}

static void a_gicv2_is_described_and_has_no_system_registers(void **state)
{
    options.gic = GIC_VERSION_2;
    options.cpus = 8;
    struct machine *machine = make();
    void *fdt = tree(machine);
    assert_int_equal(described_windows(machine, fdt), 10 + BOARD_VIRTIO_SLOTS);
    int node = fdt_path_offset(fdt, "/intc@8000000");
    assert_int_equal(fdt_node_check_compatible(fdt, node, "arm,gic-400"), 0);
    assert_int_equal(fdt_node_check_compatible(fdt, node, "arm,cortex-a15-gic"), 0);
    assert_int_equal(sysreg_read(machine->cpus[7], SR_ID_AA64PFR0_EL1) >> 24 & 15, 0);
    free(fdt);
    machine_free(machine);
    options.gic = GIC_VERSION_3;
    machine = make();
    assert_int_equal(sysreg_read(machine->cpus[7], SR_ID_AA64PFR0_EL1) >> 24 & 15, 1);
    machine_free(machine);
}

static void a_gicv2_takes_messages_in_a_frame(void **state)
{
    options.gic = GIC_VERSION_2;
    options.bus = BUS_CHOICE_PCI;
    options.cpus = 1;
    struct machine *machine = make();
    void *fdt = tree(machine);
    int node = fdt_path_offset(fdt, "/intc@8000000/v2m@8020000");
    assert_int_equal(fdt_node_check_compatible(fdt, node, "arm,gic-v2m-frame"), 0);
    assert_int_equal(cell(fdt, "/pcie@10000000", "msi-map", 1), fdt_get_phandle(fdt, node));
    assert_null(machine->its);
    free(fdt);
    machine_free(machine);
}

static void the_map_is_that_of_the_virt_board(void **state)
{
    static const struct {
        uint64_t base, size;
    } map[] = {{0x08000000, 0x10000}, {0x080a0000, 18 * 0x20000}, {0x09000000, 0x1000}, {0x09010000, 0x1000},
               {0x09030000, 0x1000},  {0x090c0000, 0x1000},       {0x0a000000, 0x200},  {0x0a003e00, 0x200}};
    struct machine *machine = make();
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        bool found = false;
        for (unsigned w = 0; w < machine->bus.window_count; w++)
            found = found || (machine->bus.windows[w].base == map[i].base &&
                              machine->bus.windows[w].size_bytes == map[i].size);
        if (!found)
            fail_msg("nothing at 0x%" PRIx64, map[i].base);
    }
    assert_int_equal(machine->bus.ram.base, 0x40000000);
    machine_free(machine);
}

static void interrupts_and_cpus_are_those_of_the_virt_board(void **state)
{
    struct machine *machine = make();
    void *fdt = tree(machine);
    assert_int_equal(cell(fdt, "/pl011@9000000", "interrupts", 1), 1);
    assert_int_equal(cell(fdt, "/pl031@9010000", "interrupts", 1), 2);
    assert_int_equal(cell(fdt, "/pl061@9030000", "interrupts", 1), 7);
    assert_int_equal(cell(fdt, "/rng@90c0000", "interrupts", 1), 9);
    assert_int_equal(cell(fdt, "/rng@90c0000", "interrupts", 2), 1); /* its rising edge, as Linux has the binding */
    assert_string_equal(fdt_getprop(fdt, fdt_path_offset(fdt, "/rng@90c0000"), "compatible", NULL),
                        "microsoft,vmgenid");
    assert_string_equal(fdt_getprop(fdt, fdt_path_offset(fdt, "/pvpanic@90d0000"), "compatible", NULL),
                        "qemu,pvpanic-mmio");
    assert_int_equal(cell(fdt, "/virtio_mmio@a000000", "interrupts", 1), 16);
    assert_int_equal(cell(fdt, "/virtio_mmio@a003e00", "interrupts", 1), 47);
    static const unsigned timer_ppis[] = {13, 14, 11, 10};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(cell(fdt, "/timer", "interrupts", 3 * i), 1);
        assert_int_equal(cell(fdt, "/timer", "interrupts", 3 * i + 1), timer_ppis[i]);
        assert_int_equal(cell(fdt, "/timer", "interrupts", 3 * i + 2), 4);
    }
    assert_int_equal(cell(fdt, "/pmu", "interrupts", 1), 7);
    assert_int_equal(cell(fdt, "/cpus/cpu@0", "reg", 0), 0);
    assert_int_equal(cell(fdt, "/cpus/cpu@f", "reg", 0), 15);
    assert_int_equal(cell(fdt, "/cpus/cpu@100", "reg", 0), 0x100);
    assert_int_equal(cell(fdt, "/cpus/cpu@101", "reg", 0), 0x101);
    assert_int_equal(machine->cpus[17]->mpidr & 0xffffff, 0x101);
    assert_string_equal(fdt_getprop(fdt, fdt_path_offset(fdt, "/psci"), "method", NULL), "hvc");
    free(fdt);
    machine_free(machine);
}

static void chosen_tells_what_the_kernel_needs(void **state)
{
    struct machine *machine = make();
    void *fdt = tree(machine);
    int chosen = fdt_path_offset(fdt, "/chosen"), length;
    assert_string_equal(fdt_getprop(fdt, chosen, "bootargs", NULL), options.append);
    assert_int_equal(cell(fdt, "/chosen", "linux,initrd-start", 1), initrd.start);
    assert_int_equal(cell(fdt, "/chosen", "linux,initrd-end", 1), initrd.end);
    const char *output = fdt_getprop(fdt, chosen, "stdout-path", NULL);
    assert_true(fdt_path_offset(fdt, output) > 0);
    assert_int_equal(cell(fdt, "/memory@40000000", "reg", 1), 0x40000000);
    assert_int_equal(cell(fdt, "/memory@40000000", "reg", 3), options.memory_bytes);

    /* The seeds are functions of --seed, and not the same after a reset. */
    uint64_t kaslr[3];
    char rng[3][64];
    for (unsigned i = 0; i < 3; i++) {
        free(fdt);
        machine->resets = i == 2;
        fdt = tree(machine);
        chosen = fdt_path_offset(fdt, "/chosen");
        memcpy(&kaslr[i], fdt_getprop(fdt, chosen, "kaslr-seed", &length), 8);
        memcpy(rng[i], fdt_getprop(fdt, chosen, "rng-seed", &length), 64);
        assert_int_equal(length, 64);
    }
    assert_int_equal(kaslr[0], kaslr[1]);
    assert_memory_equal(rng[0], rng[1], 64);
    assert_true(kaslr[0] != kaslr[2]);
    free(fdt);
    machine_free(machine);
}

/* dtc, the outside judge, has nothing to complain about. */
static void dtc_accepts_the_tree(void **state)
{
    char path[64], command[256], complaint[256] = "";
    struct machine *machine = make();
    void *fdt = tree(machine);
    make_file(path, fdt, fdt_totalsize(fdt));
    snprintf(command, sizeof command, "dtc -I dtb -O dts -o /dev/null %s 2>&1", path);
    FILE *dtc = popen(command, "r");
    bool complains = fgets(complaint, sizeof complaint, dtc);
    int status = pclose(dtc);
    unlink(path);
    if (complains || status)
        fail_msg("dtc: %s", complaint);
    free(fdt);
    machine_free(machine);
}

/* --- a user's tree --------------------------------------------------------------------------------- */

static void a_given_tree_gets_memory_and_chosen(void **state)
{
    char path[64];
    uint8_t given[1024];
    assert_int_equal(fdt_create(given, sizeof given), 0);
    fdt_finish_reservemap(given);
    fdt_begin_node(given, "");
    fdt_property_u32(given, "#address-cells", 2);
    fdt_property_u32(given, "#size-cells", 1);
    fdt_property_string(given, "model", "mine");
    fdt_end_node(given);
    fdt_finish(given);
    make_file(path, given, fdt_totalsize(given));
    options.dtb = path;
    struct machine *machine = make();
    void *fdt = tree(machine);
    assert_string_equal(fdt_getprop(fdt, 0, "model", NULL), "mine");
    assert_string_equal(fdt_getprop(fdt, fdt_path_offset(fdt, "/chosen"), "bootargs", NULL), options.append);
    assert_int_equal(cell(fdt, "/memory@40000000", "reg", 1), 0x40000000);
    assert_int_equal(cell(fdt, "/memory@40000000", "reg", 2), options.memory_bytes);
    free(fdt);
    machine_free(machine);
    unlink(path);
}

/* Any byte of a tree may be wrong: the answer is a message or a tree, and no harm. */
static void damaged_trees_are_refused_or_harmless(void **state)
{
    char path[64];
    options.cpus = 1;
    struct machine *machine = make();
    uint8_t *good = tree(machine);
    size_t length = fdt_totalsize(good), refused = 0;
    options.dtb = path;
    for (unsigned i = 0; i < 400; i++) {
        size_t at = i < 40 ? i : i * 6151u % length;
        uint8_t before = good[at];
        good[at] ^= (uint8_t)(1 + i * 37 % 255);
        make_file(path, good, length);
        size_t bytes;
        error.text[0] = 0;
        void *fdt = dtb_make(machine, NULL, &bytes, &error);
        if (!fdt) {
            assert_non_null(strstr(error.text, path));
            refused++;
        }
        free(fdt);
        good[at] = before;
        unlink(path);
    }
    assert_true(refused > 20);
    for (size_t cut = 0; cut < length; cut += 97) {
        size_t bytes;
        make_file(path, good, cut);
        assert_null(dtb_make(machine, NULL, &bytes, &error));
        assert_non_null(strstr(error.text, path));
        unlink(path);
    }
    free(good);
    machine_free(machine);
}

/* --- loading --------------------------------------------------------------------------------------- */

static void make_kernel(char *path, uint64_t image_size)
{
    uint8_t image[4096] = {0};
    for (unsigned i = 0; i < 8; i++)
        image[16 + i] = (uint8_t)(image_size >> 8 * i);
    memcpy(image + 56, "ARM\x64", 4);
    make_file(path, image, sizeof image);
}

static void kernel_initrd_and_tree_lie_apart(void **state)
{
    char kernel[64], ramdisk[64];
    struct boot_start start;
    make_kernel(kernel, 5 << 20);
    make_file(ramdisk, "ramdisk", 7);
    options.kernel = kernel;
    options.initrd = ramdisk;
    struct machine *machine = make();
    assert_true(boot_load(machine, &start, &error));
    assert_int_equal(start.entry, 0x40000000);
    assert_memory_equal(ram_at(&machine->bus.ram, 0x40600000, 7), "ramdisk", 7);
    assert_int_equal(start.dtb, 0x40800000);
    const void *fdt = ram_at(&machine->bus.ram, start.dtb, 4096);
    assert_int_equal(cell(fdt, "/chosen", "linux,initrd-start", 1), 0x40600000);
    assert_int_equal(cell(fdt, "/chosen", "linux,initrd-end", 1), 0x40600007);
    machine_free(machine);
    unlink(kernel);
    unlink(ramdisk);
}

static void what_does_not_fit_is_named(void **state)
{
    char kernel[64], ramdisk[64];
    struct boot_start start;
    make_kernel(kernel, (64 << 20) - 100);
    make_file(ramdisk, "ramdisk", 7);
    options.kernel = kernel;
    struct machine *machine = make();
    assert_false(boot_load(machine, &start, &error));
    assert_non_null(strstr(error.text, "device tree"));
    options.initrd = ramdisk;
    assert_false(boot_load(machine, &start, &error));
    assert_non_null(strstr(error.text, ramdisk));
    assert_non_null(strstr(error.text, "--memory"));
    assert_int_equal(machine_run(machine, &error), EXIT_STATUS_HOST);
    options.initrd = "/nonexistent";
    assert_false(boot_load(machine, &start, &error));
    assert_non_null(strstr(error.text, "initrd /nonexistent"));
    machine_free(machine);
    unlink(kernel);
    unlink(ramdisk);
}

/* --- the machine ----------------------------------------------------------------------------------- */

static void disks_take_the_first_slots_in_their_order(void **state)
{
    char path[2][64];
    uint8_t sectors[1024] = {0};
    make_file(path[0], sectors, 1024);
    make_file(path[1], sectors, 512);
    strcpy(options.disks[0].path, path[0]);
    strcpy(options.disks[1].path, path[1]);
    options.disk_count = 2;
    struct machine *machine = make();
    for (unsigned i = 0; i < 2; i++) {
        uint64_t id, capacity;
        assert_true(bus_mmio_read(&machine->bus, 0x0a000000 + i * 0x200 + 8, 4, &id));
        assert_int_equal(id, 2);
        assert_true(bus_mmio_read(&machine->bus, 0x0a000000 + i * 0x200 + 0x100, 4, &capacity));
        assert_int_equal(capacity, 2 - i);
        unlink(path[i]);
    }
    machine_free(machine);
    strcpy(options.disks[0].path, "/nonexistent/disk");
    assert_null(machine_create(&options, &still_engine, &error));
    assert_non_null(strstr(error.text, "/nonexistent/disk"));
}

static void equal_machines_have_equal_hashes(void **state)
{
    struct machine *one = make(), *other = make();
    uint64_t hash = machine_hash(one);
    assert_int_equal(hash, machine_hash(other));
    uint8_t byte = 1;
    bus_dma_write(&one->bus, 0x43fffffe, &byte, 1);
    assert_true(machine_hash(one) != hash);
    byte = 0;
    bus_dma_write(&one->bus, 0x43fffffe, &byte, 1);
    assert_int_equal(machine_hash(one), hash);
    one->cpus[17]->x[5] = 1;
    assert_true(machine_hash(one) != hash);
    one->cpus[17]->x[5] = 0;
    assert_true(bus_mmio_write(&one->bus, 0x09000024, 4, 77)); /* the UART's baud rate */
    assert_true(machine_hash(one) != hash);
    machine_free(one);
    machine_free(other);
}

static void a_reset_machine_is_as_new(void **state)
{
    struct machine *machine = make();
    uint64_t hash = machine_hash(machine);
    unsigned before = flushes;
    memset(bus_dma_writable(&machine->bus, 0x40000000, 1 << 20), 0x5a, 1 << 20);
    machine->cpus[0]->x[7] = 7;
    machine->cpus[1]->wait = WAIT_NONE;
    assert_true(bus_mmio_write(&machine->bus, 0x09000024, 4, 77));
    assert_true(bus_mmio_write(&machine->bus, 0x08000104, 4, 2)); /* an interrupt enabled */
    assert_true(machine_hash(machine) != hash);
    machine_reset(machine);
    assert_int_equal(flushes, before + 1);
    assert_int_equal(machine_hash(machine), hash);
    machine_free(machine);
}

static void a_write_by_a_device_tells_the_engine(void **state)
{
    struct machine *machine = make();
    machine->bus.ram.page_flags[3] = PAGE_HAS_CODE;
    unsigned before = pages_dropped;
    uint8_t byte = 1;
    bus_dma_write(&machine->bus, 0x40002fff, &byte, 1);
    assert_int_equal(pages_dropped, before);
    bus_dma_write(&machine->bus, 0x40003000, &byte, 1);
    assert_int_equal(pages_dropped, before + 1);
    machine_free(machine);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        TEST(the_tree_describes_the_memory_map),
        TEST(a_gicv2_is_described_and_has_no_system_registers),
        TEST(a_gicv2_takes_messages_in_a_frame),
        TEST(the_map_is_that_of_the_virt_board),
        TEST(interrupts_and_cpus_are_those_of_the_virt_board),
        TEST(chosen_tells_what_the_kernel_needs),
        TEST(dtc_accepts_the_tree),
        TEST(a_given_tree_gets_memory_and_chosen),
        TEST(damaged_trees_are_refused_or_harmless),
        TEST(kernel_initrd_and_tree_lie_apart),
        TEST(what_does_not_fit_is_named),
        TEST(disks_take_the_first_slots_in_their_order),
        TEST(equal_machines_have_equal_hashes),
        TEST(a_reset_machine_is_as_new),
        TEST(a_write_by_a_device_tells_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
