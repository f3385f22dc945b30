/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel files, good, damaged and hostile; and the search for room in RAM. */
#include "tests/unit/unit.h"
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "machine/kernel.h"
#include "machine/panic.h"
#include "machine/place.h"

#define RAM_BASE  0x40000000ull
#define RAM_BYTES (16ull << 20)

static struct bus bus;
static struct kernel_placement placement;
static struct error error;

static int set_up(void **state)
{
    memset(&bus, 0, sizeof bus);
    error.text[0] = 0;
    return bus_init(&bus, RAM_BASE, RAM_BYTES, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    bus_free(&bus);
    return 0;
}

static bool load(const void *bytes, size_t length)
{
    struct file file = {.name = "vmlinuz", .bytes = malloc(length ? length : 1), .length = length};
    memcpy(file.bytes, bytes, length); /* of its exact size, so that a sanitizer sees any step beside it */
    error.text[0] = 0;
    bool loaded = kernel_load(&bus, &file, &placement, &error);
    file_free(&file);
    return loaded;
}

/* A refusal is one line that names the file. */
static void assert_refused(const void *bytes, size_t length, const char *word)
{
    assert_false(load(bytes, length));
    assert_non_null(strstr(error.text, "vmlinuz"));
    assert_non_null(strstr(error.text, word));
    assert_null(strchr(error.text, '\n'));
}

/* --- Image ----------------------------------------------------------------------------------------- */

enum { IMAGE_BYTES = 4096 };
static uint8_t image[IMAGE_BYTES];

static void put(uint8_t *to, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void make_image(uint64_t text_offset, uint64_t image_size, uint64_t flags)
{
    for (unsigned i = 0; i < IMAGE_BYTES; i++)
        image[i] = (uint8_t)(i * 7);
    put(image, 0x14000000, 4);
    put(image + 8, text_offset, 8);
    put(image + 16, image_size, 8);
    put(image + 24, flags, 8);
    memcpy(image + 56, "ARM\x64", 4);
    put(image + 60, 0, 4);
}

/* A PE header with one section that ends at `end` of the file. */
static void add_section(uint32_t end)
{
    put(image + 60, 64, 4);
    memset(image + 64, 0, 128);
    memcpy(image + 64, "PE\0\0", 4);
    put(image + 64 + 6, 1, 2);
    put(image + 64 + 24 + 16, end - 256, 4);
    put(image + 64 + 24 + 20, 256, 4);
}

static void an_image_goes_to_its_offset(void **state)
{
    make_image(0x80000, 0x100000, 0xa);
    assert_true(load(image, IMAGE_BYTES));
    assert_int_equal(placement.start, RAM_BASE + 0x80000);
    assert_int_equal(placement.entry, placement.start);
    assert_int_equal(placement.end, placement.start + 0x100000);
    assert_memory_equal(ram_at(&bus.ram, placement.start, IMAGE_BYTES), image, IMAGE_BYTES);
}

static void an_image_without_a_size_is_an_old_one(void **state)
{
    make_image(0, 0, 0);
    assert_true(load(image, IMAGE_BYTES));
    assert_int_equal(placement.start, RAM_BASE + 0x80000);
    assert_int_equal(placement.end, placement.start + IMAGE_BYTES);
}

static void bad_images_are_refused(void **state)
{
    make_image(0, IMAGE_BYTES, 1);
    assert_refused(image, IMAGE_BYTES, "big-endian");
    make_image(0x200000, IMAGE_BYTES, 0);
    assert_refused(image, IMAGE_BYTES, "damaged");
    make_image(0x1001, IMAGE_BYTES, 0);
    assert_refused(image, IMAGE_BYTES, "damaged");
    make_image(UINT64_MAX - 4095, IMAGE_BYTES, 0);
    assert_refused(image, IMAGE_BYTES, "damaged");
    make_image(0, RAM_BYTES + 1, 0);
    assert_refused(image, IMAGE_BYTES, "--memory");
    make_image(0x80000, UINT64_MAX, 0);
    assert_refused(image, IMAGE_BYTES, "--memory");
    make_image(0, IMAGE_BYTES, 0);
    add_section(IMAGE_BYTES);
    assert_true(load(image, IMAGE_BYTES));
    assert_refused(image, IMAGE_BYTES - 1, "truncated");
    assert_refused(image, 0, "empty");
    assert_refused("hello, I am no kernel", 21, "neither");
    assert_refused(image, 40, "neither");
}

/* --- packed ---------------------------------------------------------------------------------------- */

static uint8_t packed[1 << 20];

static size_t pack(const void *bytes, size_t length)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes,
                       .avail_in = (uInt)length,
                       .next_out = packed,
                       .avail_out = sizeof packed};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return stream.total_out;
}

static void a_gzipped_image_is_unpacked(void **state)
{
    make_image(0, 0x10000, 0);
    size_t length = pack(image, IMAGE_BYTES);
    assert_true(load(packed, length));
    assert_int_equal(placement.end, RAM_BASE + 0x10000);
    assert_memory_equal(ram_at(&bus.ram, RAM_BASE, IMAGE_BYTES), image, IMAGE_BYTES);
    for (size_t cut = 3; cut < length; cut += 17)
        assert_refused(packed, cut, "truncated");
    packed[length / 2] ^= 0x55;
    assert_refused(packed, length, "damaged");
}

static void what_unpacks_to_more_than_ram_is_refused(void **state)
{
    void *zeroes = calloc(1, RAM_BYTES + 1);
    size_t length = pack(zeroes, RAM_BYTES + 1);
    assert_refused(packed, length, "--memory");
    length = pack(zeroes, RAM_BYTES);
    assert_refused(packed, length, "neither"); /* it fits, and is no kernel */
    free(zeroes);
}

static void a_zboot_image_is_unwrapped(void **state)
{
    static uint8_t zboot[8192];
    make_image(0, 0x10000, 0);
    size_t length = pack(image, IMAGE_BYTES);
    assert_true(length + 128 < sizeof zboot);
    memcpy(zboot, "MZ\0\0zimg", 8);
    put(zboot + 8, 128, 4);
    put(zboot + 12, length, 4);
    memcpy(zboot + 24, "gzip", 5);
    memcpy(zboot + 128, packed, length);
    assert_true(load(zboot, 128 + length));
    assert_int_equal(placement.end, RAM_BASE + 0x10000);
    assert_refused(zboot, 128 + length - 1, "truncated");
    put(zboot + 8, 0xffffffff, 4);
    assert_refused(zboot, 128 + length, "truncated");
    memcpy(zboot + 24, "zstd22", 6);
    assert_refused(zboot, 128 + length, "zstd22");
}

/* --- ELF ------------------------------------------------------------------------------------------- */

static struct {
    Elf64_Ehdr header;
    Elf64_Phdr segment[2];
    uint8_t text[64];
} elf;

static void make_elf(void)
{
    memset(&elf, 0, sizeof elf);
    memcpy(elf.header.e_ident, ELFMAG, SELFMAG);
    elf.header.e_ident[EI_CLASS] = ELFCLASS64;
    elf.header.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.header.e_type = ET_EXEC;
    elf.header.e_machine = EM_AARCH64;
    elf.header.e_phoff = sizeof elf.header;
    elf.header.e_phentsize = sizeof elf.segment[0];
    elf.header.e_phnum = 2;
    elf.header.e_entry = 0xffff000000001008;
    elf.segment[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                                  .p_offset = offsetof(__typeof__(elf), text),
                                  .p_vaddr = 0xffff000000001000,
                                  .p_paddr = RAM_BASE + 0x1000,
                                  .p_filesz = sizeof elf.text,
                                  .p_memsz = 0x2000};
    elf.segment[1] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = UINT64_MAX, .p_paddr = 4, .p_memsz = 8};
    memset(elf.text, 0xd5, sizeof elf.text);
}

static void an_elf_file_goes_to_its_physical_addresses(void **state)
{
    make_elf();
    memset(bus_dma_writable(&bus, RAM_BASE + 0x1000, 0x2000), 0xff, 0x2000);
    assert_true(load(&elf, sizeof elf));
    assert_int_equal(placement.entry, RAM_BASE + 0x1008);
    assert_int_equal(placement.start, RAM_BASE + 0x1000);
    assert_int_equal(placement.end, RAM_BASE + 0x3000);
    const uint8_t *loaded = ram_at(&bus.ram, RAM_BASE + 0x1000, 0x2000);
    assert_memory_equal(loaded, elf.text, sizeof elf.text);
    for (unsigned i = sizeof elf.text; i < 0x2000; i++)
        assert_int_equal(loaded[i], 0);
}

#define REFUSED_WITH(change, word)                                                                           \
    do {                                                                                                     \
        make_elf();                                                                                          \
        change;                                                                                              \
        assert_refused(&elf, sizeof elf, word);                                                              \
    } while (0)

static void bad_elf_files_are_refused(void **state)
{
    REFUSED_WITH(elf.header.e_machine = EM_X86_64, "another processor");
    REFUSED_WITH(elf.header.e_ident[EI_CLASS] = ELFCLASS32, "another processor");
    REFUSED_WITH(elf.header.e_ident[EI_DATA] = ELFDATA2MSB, "big-endian");
    REFUSED_WITH(elf.header.e_type = ET_REL, "not linked");
    REFUSED_WITH(elf.header.e_phnum = 0, "nothing to load");
    REFUSED_WITH(elf.header.e_phentsize = 32, "nothing to load");
    REFUSED_WITH(elf.header.e_phnum = 0xffff, "truncated");
    REFUSED_WITH(elf.header.e_phoff = UINT64_MAX - 8, "truncated");
    REFUSED_WITH(elf.segment[0].p_offset = UINT64_MAX - 8, "truncated");
    REFUSED_WITH(elf.segment[0].p_offset++, "truncated");
    REFUSED_WITH(elf.segment[0].p_filesz = 0x2001, "damaged");
    REFUSED_WITH(elf.segment[0].p_paddr = 0, "outside memory");
    REFUSED_WITH(elf.segment[0].p_paddr = UINT64_MAX - 0xfff, "outside memory");
    REFUSED_WITH(elf.segment[0].p_paddr = RAM_BASE + RAM_BYTES - 0x1fff, "outside memory");
    REFUSED_WITH(elf.segment[0].p_memsz = UINT64_MAX, "outside memory");
    REFUSED_WITH(elf.segment[0].p_type = PT_NOTE, "entry point");
    REFUSED_WITH(elf.header.e_entry = 0xffff000000000000, "entry point");
    REFUSED_WITH(elf.header.e_entry += 2, "entry point");
}

static void no_cut_or_flipped_file_does_harm(void **state)
{
    make_elf();
    for (size_t length = 0; length < sizeof elf; length++)
        assert_false(load(&elf, length));
    uint8_t *bytes = (uint8_t *)&elf;
    for (size_t at = 0; at < sizeof elf; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[at] ^= 1 << bit;
            if (!load(&elf, sizeof elf))
                assert_non_null(strstr(error.text, "vmlinuz"));
            bytes[at] ^= 1 << bit;
        }
    }
}

/* --- files ----------------------------------------------------------------------------------------- */

static void files_that_cannot_be_read_are_named(void **state)
{
    struct file file;
    assert_false(file_read(&file, "kernel", "/nonexistent/Image", 100, "give more --memory", &error));
    assert_non_null(strstr(error.text, "/nonexistent/Image: No such file"));
    assert_false(file_read(&file, "kernel", "/", 100, "give more --memory", &error));
    assert_non_null(strstr(error.text, "directory"));

    char path[] = "/tmp/armature-test-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    close(fd);
    assert_false(file_read(&file, "kernel", path, 9, "give more --memory", &error));
    assert_non_null(strstr(error.text, "--memory"));
    assert_true(file_read(&file, "kernel", path, 10, "give more --memory", &error));
    assert_int_equal(file.length, 10);
    assert_memory_equal(file.bytes, "0123456789", 10);
    file_free(&file);
    unlink(path);
}

static void an_endless_file_is_refused(void **state)
{
    struct file file;
    assert_false(file_read(&file, "kernel", "/dev/zero", 1 << 20, "give more --memory", &error));
    assert_non_null(strstr(error.text, "larger"));
}

static void a_file_that_cannot_be_written_is_not_left_behind(void **state)
{
    assert_false(file_write("device tree", "/nonexistent/x.dtb", "abc", 3, &error));
    assert_non_null(strstr(error.text, "/nonexistent/x.dtb"));
}

/* --- room ------------------------------------------------------------------------------------------ */

static void room_is_found_beside_what_is_taken(void **state)
{
    const struct ram ram = {.base = 0x1000, .size_bytes = 0x9000, .host = (uint8_t *)0x100000};
    const struct range taken[] = {{0x3000, 0x4800}, {0x5000, 0x7001}};
    uint64_t start;
    assert_true(place_find(&ram, taken, 2, 0x1000, 0x1000, &start));
    assert_int_equal(start, 0x8000);
    assert_true(place_find(&ram, taken, 2, 0x2000, 0x1000, &start));
    assert_int_equal(start, 0x8000);
    assert_true(place_find(&ram, taken, 2, 0x800, 0x800, &start));
    assert_int_equal(start, 0x4800);
    assert_true(place_find(&ram, taken, 1, 0x5000, 0x1000, &start));
    assert_int_equal(start, 0x5000);
    assert_false(place_find(&ram, taken, 1, 0x5001, 0x1000, &start));
    assert_false(place_find(&ram, taken, 2, 0x2001, 0x1000, &start));
    const struct range high[] = {{0x4000, 0xa000}};
    assert_true(place_find(&ram, high, 1, 0x3000, 0x1000, &start));
    assert_int_equal(start, 0x1000);
    assert_false(place_find(&ram, high, 1, UINT64_MAX, 0x1000, &start));
}

/* --- panics ---------------------------------------------------------------------------------------- */

static void a_panic_is_found_however_it_is_cut(void **state)
{
    static const char text[] = "KKernel panic - not sync Kernel panic - not syncing: x\n"
                               "---[ eend Kernel panic - not syncing: x ]---";
    const char *begun_at = strstr(text, "syncing:") + 7, *ended_at = strstr(begun_at, "syncing:") + 7;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct panic_watch watch = {0};
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            size_t length = sizeof text - 1 - at < piece ? sizeof text - 1 - at : piece;
            bool begun = watch.begun, ended = watch.ended;
            bool news = panic_watch(&watch, text + at, length);
            assert_int_equal(news, begun != watch.begun || ended != watch.ended);
            assert_int_equal(watch.begun, text + at + length >= begun_at);
            assert_int_equal(watch.ended, text + at + length >= ended_at);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_image_goes_to_its_offset),
        TEST(an_image_without_a_size_is_an_old_one),
        TEST(bad_images_are_refused),
        TEST(a_gzipped_image_is_unpacked),
        TEST(what_unpacks_to_more_than_ram_is_refused),
        TEST(a_zboot_image_is_unwrapped),
        TEST(an_elf_file_goes_to_its_physical_addresses),
        TEST(bad_elf_files_are_refused),
        TEST(no_cut_or_flipped_file_does_harm),
        TEST(files_that_cannot_be_read_are_named),
        TEST(an_endless_file_is_refused),
        TEST(a_file_that_cannot_be_written_is_not_left_behind),
        TEST(room_is_found_beside_what_is_taken),
        TEST(a_panic_is_found_however_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
