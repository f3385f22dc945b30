/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The raw disk backend: opening with all that can be wrong, locking, and what it does to the file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/unit.h"
#include "peripherals/virtio/disk.h"

#define SIZE (1u << 20)

/* In place of the C library's: what the backend asks of the host, and answers that real disks seldom give. */
static atomic_uint syncs;
static atomic_int sync_fails; /* an errno value */
static bool no_fallocate;

int fdatasync(int fd)
{
    int fails = sync_fails;
    syncs++;
    errno = fails;
    return fails ? -1 : 0;
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    if (!no_fallocate)
        return (int)syscall(SYS_fallocate, fd, mode, offset, length);
    errno = EOPNOTSUPP;
    return -1;
}

static char directory[64], path[96];

static int set_up(void **state)
{
    snprintf(directory, sizeof directory, "/tmp/armature-disk-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/disk.img", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    close(fd);
    return 0;
}

static int tear_down(void **state)
{
    unlink(path);
    return rmdir(directory);
}

/* The message is one line that names the thing and holds `words`. */
static void expect_refusal(const char *name, bool read_only, const char *words)
{
    struct error error = {""};
    assert_null(disk_raw_open(name, read_only, &error));
    assert_non_null(strstr(error.text, name));
    if (!strstr(error.text, words))
        fail_msg("'%s' is not in: %s", words, error.text);
    assert_null(strchr(error.text, '\n'));
}

static struct disk *open_disk(bool read_only)
{
    struct error error = {""};
    struct disk *disk = disk_raw_open(path, read_only, &error);
    if (!disk)
        fail_msg("%s", error.text);
    return disk;
}

static int write_at(struct disk *disk, uint64_t offset, uint8_t byte, size_t length)
{
    uint8_t *bytes = malloc(length);
    struct iovec iov[2] = {{bytes, length / 4}, {bytes + length / 4, length - length / 4}};
    memset(bytes, byte, length);
    int result = disk->ops->write(disk, offset, iov, 2);
    free(bytes);
    return result;
}

static void expect_bytes(struct disk *disk, uint64_t offset, uint8_t byte, size_t length)
{
    uint8_t *bytes = malloc(length);
    struct iovec iov[2] = {{bytes, 100}, {bytes + 100, length - 100}};
    memset(bytes, ~byte, length);
    assert_int_equal(disk->ops->read(disk, offset, iov, 2), 0);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], byte);
    free(bytes);
}

static void test_refusals(void **state)
{
    char other[128];

    snprintf(other, sizeof other, "%s/none.img", directory);
    expect_refusal(other, false, "no such disk image");
    expect_refusal(other, true, "no such disk image");
    expect_refusal(directory, false, "a directory");
    expect_refusal(directory, true, "a directory");
    expect_refusal("/dev/null", false, "neither a file nor a block device");
    snprintf(other, sizeof other, "%s/fifo", directory);
    assert_int_equal(mkfifo(other, 0600), 0);
    expect_refusal(other, true, "neither a file nor a block device");
    unlink(other);
    assert_int_equal(truncate(path, 0), 0);
    expect_refusal(path, false, "is empty");
    assert_int_equal(truncate(path, 1000), 0);
    expect_refusal(path, false, "1000 bytes is not a whole number of 512-byte sectors");
}

static void test_permissions(void **state)
{
    if (geteuid() == 0) { /* root may do anything; as somebody else, in a child */
        pid_t child = fork();
        if (child == 0) {
            struct error error = {""};
            chmod(directory, 0755);
            chmod(path, 0444);
            if (setuid(65534) != 0)
                _exit(1);
            if (disk_raw_open(path, false, &error) || !strstr(error.text, "attach it with ,ro"))
                _exit(2);
            _exit(0);
        }
        int status;
        assert_true(child > 0 && waitpid(child, &status, 0) == child);
        assert_int_equal(status, 0);
        chmod(path, 0600);
        return;
    }
    chmod(path, 0444);
    expect_refusal(path, false, "attach it with ,ro");
    disk_free(open_disk(true));
    chmod(path, 0);
    expect_refusal(path, true, "no permission");
    chmod(path, 0600);
}

static void test_lock(void **state)
{
    struct disk *first = open_disk(false), *second;

    expect_refusal(path, false, "in use by another running machine");
    expect_refusal(path, true, "in use by another running machine");
    disk_free(first);
    /* Readers share it with readers only. */
    first = open_disk(true);
    second = open_disk(true);
    expect_refusal(path, false, "in use by another running machine");
    disk_free(second);
    expect_refusal(path, false, "in use by another running machine");
    disk_free(first);
    disk_free(open_disk(false));
}

static void test_read_write_flush(void **state)
{
    struct disk *disk = open_disk(false);

    assert_int_equal(disk->size_bytes, SIZE);
    assert_int_equal(write_at(disk, 4096, 0xab, 8192), 0);
    expect_bytes(disk, 4096, 0xab, 8192);
    expect_bytes(disk, 0, 0, 4096);
    for (unsigned i = 0; i < 20; i++) {
        if (i % 2)
            disk->ops->expect_flush(disk);
        if (i % 3)
            assert_int_equal(write_at(disk, 512 * i, i, 512), 0);
        disk->ops->expect_read(disk, 0, 512);
        assert_int_equal(disk->ops->flush(disk), 0);
    }
    disk->ops->expect_flush(disk); /* and nobody waits for it */
    disk_free(disk);
    disk = open_disk(true);
    expect_bytes(disk, 512 * 19, 19, 512);
    disk_free(disk);
}

static void test_flush_syncs_what_was_written(void **state)
{
    struct disk *disk = open_disk(false);

    syncs = 0;
    assert_int_equal(disk->ops->flush(disk), 0);
    disk->ops->expect_flush(disk);
    assert_int_equal(disk->ops->flush(disk), 0);
    assert_int_equal(syncs, 0); /* nothing to do */
    for (unsigned i = 1; i <= 10; i++) {
        assert_int_equal(write_at(disk, 0, i, 512), 0);
        if (i % 2)
            disk->ops->expect_flush(disk);
        assert_int_equal(disk->ops->flush(disk), 0);
        assert_int_equal(syncs, i); /* one each, announced or not */
        assert_int_equal(disk->ops->flush(disk), 0);
        assert_int_equal(syncs, i);
    }
    /* What is written after the announcement is synced too. */
    assert_int_equal(write_at(disk, 0, 1, 512), 0);
    disk->ops->expect_flush(disk);
    while (syncs < 11)
        usleep(100);
    assert_int_equal(disk->ops->discard(disk, 0, 4096), 0);
    assert_int_equal(disk->ops->flush(disk), 0);
    assert_int_equal(syncs, 12);
    disk_free(disk);
}

static void test_failed_sync_is_told_once(void **state)
{
    struct disk *disk = open_disk(false);

    for (unsigned announced = 0; announced < 2; announced++) {
        assert_int_equal(write_at(disk, 0, 1, 512), 0);
        syncs = 0;
        sync_fails = EIO;
        if (announced) {
            disk->ops->expect_flush(disk);
            while (syncs == 0)
                usleep(100);
            /* The host reports an error once; by now it would say that all is well. */
            sync_fails = 0;
        }
        assert_int_equal(disk->ops->flush(disk), EIO);
        sync_fails = 0;
        assert_int_equal(disk->ops->flush(disk), 0);
        assert_int_equal(syncs, 2);
    }
    disk_free(disk);
}

static void test_without_fallocate(void **state)
{
    struct disk *disk = open_disk(false);

    no_fallocate = true;
    assert_int_equal(write_at(disk, 0, 0xff, SIZE), 0);
    assert_int_equal(disk->ops->discard(disk, 0, 4096), 0);
    expect_bytes(disk, 0, 0xff, 4096);
    for (unsigned unmap = 0; unmap < 2; unmap++) {
        uint64_t at = 8192 + unmap * 200 * 1024, length = 65536 + 1024;
        assert_int_equal(disk->ops->write_zeroes(disk, at, length, unmap), 0);
        expect_bytes(disk, at - 512, 0xff, 512);
        expect_bytes(disk, at, 0, length);
        expect_bytes(disk, at + length, 0xff, 512);
    }
    no_fallocate = false;
    disk_free(disk);
}

static uint64_t blocks(void)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_blocks;
}

/* Blocks are counted when they are allocated, which may be late. */
static int sync_image(void)
{
    int fd = open(path, O_RDWR), result = fsync(fd);
    close(fd);
    return result;
}

static void test_discard_and_write_zeroes(void **state)
{
    struct disk *disk = open_disk(false);

    assert_int_equal(write_at(disk, 0, 0xff, SIZE), 0);
    assert_int_equal(sync_image(), 0);
    uint64_t before = blocks();
    assert_int_equal(disk->ops->write_zeroes(disk, 512, 1024, false), 0);
    expect_bytes(disk, 512, 0, 1024);
    expect_bytes(disk, 0, 0xff, 512);
    expect_bytes(disk, 1536, 0xff, 512);
    assert_int_equal(disk->ops->write_zeroes(disk, 65536, 200 * 1024, true), 0);
    expect_bytes(disk, 65536, 0, 200 * 1024);
    expect_bytes(disk, 65536 + 200 * 1024, 0xff, 512);
    assert_int_equal(disk->ops->discard(disk, 512 * 1024, 256 * 1024), 0);
    assert_int_equal(sync_image(), 0);
    assert_true(blocks() < before); /* the host has the room back */
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, SIZE);
    disk_free(disk);
}

static void test_host_full(void **state)
{
    struct disk *disk = open_disk(false);
    struct rlimit limit, old;

    /* A limit on the size of files stands for a full file system: half of the write fits. */
    assert_int_equal(write_at(disk, 0, 1, 65536), 0);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 65536 + 4096;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int result = write_at(disk, 65536, 2, 16384);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_not_equal(result, 0);
    expect_bytes(disk, 0, 1, 65536);
    assert_int_equal(disk->ops->flush(disk), 0);
    assert_int_equal(write_at(disk, 65536, 2, 16384), 0);
    expect_bytes(disk, 65536, 2, 16384);
    disk_free(disk);
}

static void test_file_cut_short(void **state)
{
    struct disk *disk = open_disk(false);
    uint8_t sector[512];
    struct iovec iov = {sector, sizeof sector};

    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(disk->ops->read(disk, 4096, &iov, 1), EIO);
    assert_int_equal(disk->ops->read(disk, 0, &iov, 1), 0);
    disk_free(disk);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_refusals),
        TEST(test_permissions),
        TEST(test_lock),
        TEST(test_read_write_flush),
        TEST(test_flush_syncs_what_was_written),
        TEST(test_failed_sync_is_told_once),
        TEST(test_without_fallocate),
        TEST(test_discard_and_write_zeroes),
        TEST(test_host_full),
        TEST(test_file_cut_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
