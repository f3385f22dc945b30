/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log of a recorded run: what was written is read; what is cut or changed is told from what is whole. */
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "snapshot/log.h"

enum { ENTRIES = 400 };

static char path[] = "/tmp/armature-log-XXXXXX";
static struct error error;

static struct log_option options[] = {{"--memory", "64M"}, {"--append", "a b\nc"}};
static struct log_file files[] = {{"kernel", 1ull << 40, UINT64_MAX}};
static const char *sources[] = {"clock", "uart0.rx"};
static const struct log_header header = {
    .program = "1.2", .options = options, .files = files, .sources = sources,
    .option_count = 2, .file_count = 1, .source_count = 2,
};

/* Entry `i`: time goes back now and then, as it does from one CPU's turn to the next's. */
static struct log_entry entry_number(unsigned i, uint8_t bytes[64])
{
    for (unsigned b = 0; b < 64; b++)
        bytes[b] = (uint8_t)(i * b * 37);
    return (struct log_entry){
        .kind = LOG_INPUT + i % 4,
        .at = {.ns = 1000000 + i * 1000 - (i % 3) * 1500, .insns = i * (uint64_t)i * i, .fires = i / 7},
        .number = i % 2,
        .value = i % 5 ? i : UINT64_MAX - i,
        .bytes = bytes,
        .length = i % 65,
    };
}

static int write_log(void **state)
{
    uint8_t bytes[64];
    strcpy(path, "/tmp/armature-log-XXXXXX");
    close(mkstemp(path));
    struct log_writer *writer = log_create(path, &header, &error);
    assert_non_null(writer);
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct log_entry entry = entry_number(i, bytes);
        log_put(writer, &entry);
        assert_true(log_pending(writer));
        if (i % 50 == 49)
            log_flush(writer);
    }
    assert_true(log_close(writer, &error));
    return 0;
}

static int remove_log(void **state)
{
    return unlink(path);
}

/* Reads entries until there is no more, each of which must be the one that was written. */
static enum log_result read_entries(struct log_reader *reader, unsigned *count)
{
    uint8_t bytes[64];
    struct log_entry entry;
    enum log_result result;
    for (*count = 0; (result = log_next(reader, &entry, &error)) == LOG_ENTRY; ++*count) {
        struct log_entry wanted = entry_number(*count, bytes);
        assert_int_equal(entry.kind, wanted.kind);
        assert_memory_equal(&entry.at, &wanted.at, sizeof entry.at);
        assert_int_equal(entry.number, wanted.number);
        assert_int_equal(entry.value, wanted.value);
        assert_int_equal(entry.length, wanted.length);
        assert_memory_equal(entry.bytes, bytes, entry.length);
    }
    return result;
}

static void what_is_written_is_read(void **state)
{
    unsigned count;
    struct log_reader *reader = log_open(path, &error);
    assert_non_null(reader);
    const struct log_header *read = log_reader_header(reader);
    assert_string_equal(read->program, "1.2");
    assert_int_equal(read->option_count, 2);
    assert_string_equal(read->options[1].name, "--append");
    assert_string_equal(read->options[1].value, "a b\nc");
    assert_int_equal(read->file_count, 1);
    assert_int_equal(read->files[0].size_bytes, 1ull << 40);
    assert_int_equal(read->files[0].hash, UINT64_MAX);
    assert_string_equal(read->sources[1], "uart0.rx");
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(read_entries(reader, &count), LOG_OVER);
        assert_int_equal(count, ENTRIES);
        log_rewind(reader);
    }
    log_reader_free(reader);
}

static void a_log_that_is_cut_holds_what_stands_before(void **state)
{
    unsigned count, last = ENTRIES;
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    for (long length = ftell(file); length-- > 0;) {
        assert_int_equal(truncate(path, length), 0);
        struct log_reader *reader = log_open(path, &error);
        if (!reader) {
            assert_int_equal(last, 0); /* within the header */
            continue;
        }
        assert_int_equal(read_entries(reader, &count), LOG_OVER);
        assert_true(count <= last && count % 50 == 0);
        last = count;
        log_reader_free(reader);
    }
    fclose(file);
}

static void a_changed_byte_is_noticed(void **state)
{
    unsigned count;
    FILE *file = fopen(path, "r+b");
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    for (long at = 0; at < length; at += at < 400 ? 1 : 13) {
        fseek(file, at, SEEK_SET);
        int byte = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(byte ^ 1 << at % 8, file);
        fflush(file);
        error.text[0] = 0;
        struct log_reader *reader = log_open(path, &error);
        if (reader)
            assert_int_equal(read_entries(reader, &count), LOG_DAMAGED);
        assert_true(error.text[0] && !strchr(error.text, '\n'));
        log_reader_free(reader);
        fseek(file, at, SEEK_SET);
        fputc(byte, file);
        fflush(file);
    }
    fclose(file);
}

static void a_full_host_is_told_at_the_end(void **state)
{
    uint8_t bytes[64];
    struct log_writer *writer = log_create("/dev/full", &header, &error);
    assert_non_null(writer);
    struct log_entry entry = entry_number(1, bytes);
    log_put(writer, &entry);
    log_flush(writer);
    assert_false(log_close(writer, &error));
    assert_non_null(strstr(error.text, "/dev/full"));
    assert_null(log_create("/nonexistent/log", &header, &error));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, write_log, remove_log)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(a_log_that_is_cut_holds_what_stands_before),
        TEST(a_changed_byte_is_noticed),
        TEST(a_full_host_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
