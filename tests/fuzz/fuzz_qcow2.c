/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: qcow2 images. The input says which bytes of a good image are changed, and what is then done with it:
 * read, written, resized, checked, repaired. The first byte chooses: bits 0 and 1 the image, bit 2 read-only, bit 3
 * repair. Then follow 5 bytes each: bit 7 of the first says operation or change, the others where and what. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include "peripherals/disk/disk_open.h"
#include "peripherals/disk/qcow2_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE   (1u << 20)
#define IMAGES 4u

static struct error error;
static uint8_t *good[IMAGES];
static size_t good_bytes[IMAGES];
static char path[64];
static uint8_t block[65536];

/* In place of the C library's: nothing here outlives the program. */
int fdatasync(int fd)
{
    return 0;
}

static void fill(struct disk *disk, bool compressed)
{
    for (unsigned i = 0; i < 20; i++) {
        memset(block, (int)i + 1, sizeof block);
        uint64_t offset = i * 49152 % SIZE / 4096 * 4096;
        int result = compressed && i % 3 ? qcow2_write_compressed(disk, i * 32768, block, 8192)
                                         : disk->ops->write(disk, offset, &(struct iovec){block, 8192}, 1);
        if (result)
            abort();
    }
    disk->ops->write_zeroes(disk, 300 * 512, 70000 / 512 * 512, true);
}

static void make_good_images(void)
{
    snprintf(path, sizeof path, "/tmp/armature-fuzz-%d.qcow2", (int)getpid());
    for (unsigned i = 0; i < IMAGES; i++) {
        struct qcow2_create wanted = qcow2_create_defaults(SIZE);
        wanted.version = i == 1 ? 2 : 3;
        wanted.cluster_bytes = i == 2 ? 512 : 4096;
        wanted.compression = i == 3 ? QCOW2_ZSTD : QCOW2_ZLIB;
        unlink(path);
        if (!qcow2_create(path, &wanted, &error))
            abort();
        struct disk *disk =
            qcow2_open(disk_container_open(path, false, &error), path, NULL, &(struct qcow2_open){0}, &error);
        fill(disk, i & 1);
        disk_free(disk);
        FILE *file = fopen(path, "rb");
        good[i] = malloc(SIZE * 3);
        good_bytes[i] = fread(good[i], 1, SIZE * 3, file);
        fclose(file);
    }
}

static void remove_file(void)
{
    unlink(path);
}

static void ignore_snapshot(void *context, const struct qcow2_snapshot_about *about)
{
}

static void operate(struct disk *disk, const uint8_t *data)
{
    uint64_t sectors = disk->size_bytes / 512, first = (data[1] | data[2] << 8) % sectors, offset = first * 512;
    uint64_t length = (data[3] % 64 + 1) * 512ull, run;
    bool holds;
    if (length > disk->size_bytes - offset)
        length = disk->size_bytes - offset;
    struct iovec iov[2] = {{block, length / 3}, {block + length / 3, length - length / 3}};
    switch (data[4] % 9) {
    case 0:
    case 1: disk->ops->read(disk, offset, iov, 2); break;
    case 2: disk->ops->next_data(disk, offset); break;
    case 3: qcow2_holds(disk, offset, &run, &holds); break;
    default:
        if (disk->read_only)
            return;
    }
    switch (data[4] % 9) {
    case 4:
    case 5: disk->ops->write(disk, offset, iov, 2); break;
    case 6: disk->ops->write_zeroes(disk, offset, length, data[3] & 1); break;
    case 7: disk->ops->flush(disk); break;
    case 8:
        if (data[3] == 1)
            qcow2_make_empty(disk);
        else if (data[3] == 2)
            qcow2_resize(disk, (data[1] + 1) * 65536ull, &error);
        else
            disk->ops->discard(disk, offset, length);
    }
}

static void change(uint8_t *file, size_t length, const uint8_t *data, unsigned cluster)
{
    /* Mostly the header, and what stands in the clusters behind it: tables. */
    size_t offset = data[1] | (data[2] & 0x0f) << 8;
    offset = data[0] & 0x40 ? offset % 112 : data[0] & 0x20 ? (data[1] % 8) * cluster + data[2] % 64 : offset * 37;
    file[offset % length] = data[0] & 0x10 ? data[4] : file[offset % length] ^ data[3];
}

static void use(const struct qcow2_open *how, const uint8_t *data, size_t size)
{
    struct qcow2_about about;
    struct qcow2_findings found;
    struct disk *file = disk_container_open(path, how->read_only, &error);
    if (!file)
        return;
    qcow2_look(file, path, &about, &error);
    struct disk *disk = qcow2_open(file, path, NULL, how, &error);
    if (!disk)
        return;
    qcow2_each_snapshot(disk, ignore_snapshot, NULL, &error);
    if (how->repair)
        qcow2_check(disk, !how->read_only, &found, NULL, NULL, &error);
    for (; size >= 5; data += 5, size -= 5)
        if (data[0] & 0x80)
            operate(disk, data);
    disk_free(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!good[0]) {
        /* Images say where their tables lie: the file must not fill the host's disk. */
        struct rlimit limit = {64u << 20, 64u << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
        signal(SIGXFSZ, SIG_IGN);
        if (!freopen("/dev/null", "w", stderr))
            abort();
        make_good_images();
        atexit(remove_file);
    }
    if (size < 1)
        return 0;
    unsigned image = data[0] % IMAGES;
    struct qcow2_open how = {.read_only = data[0] & 4, .repair = data[0] & 8};
    size_t used = size < 1 + 5 * 30 ? size : 1 + 5 * 30, left = used - 1;
    uint8_t *bytes = malloc(good_bytes[image]);
    memcpy(bytes, good[image], good_bytes[image]);
    unsigned changes = 0;
    for (const uint8_t *at = data + 1; left >= 5 && changes < 4; at += 5, left -= 5)
        if (!(at[0] & 0x80)) {
            change(bytes, good_bytes[image], at, image == 2 ? 512 : 4096);
            changes++;
        }
    int fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0 || write(fd, bytes, good_bytes[image]) != (ssize_t)good_bytes[image])
        abort();
    close(fd);
    free(bytes);
    use(&how, data + 1, used - 1);
    return 0;
}
