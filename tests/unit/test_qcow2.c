/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qcow2 images: random operations against a flat model, QEMU's tools as judge both ways, and what goes wrong. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit/unit.h"
#include "peripherals/disk/disk_open.h"
#include "peripherals/disk/qcow2_internal.h"

/* In place of the C library's: order on the host's disk is what test_killed looks at by itself, waiting for it is no
 * use. */
int fsync(int fd)
{
    return 0;
}

int fdatasync(int fd)
{
    return 0;
}

static char folder[64];
static uint64_t seed;

static int set_up(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/armature-qcow2-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    seed = 0x9e3779b97f4a7c15;
    return 0;
}

static int tear_down(void **state)
{
    assert_int_equal(chdir("/"), 0);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static uint64_t chance(uint64_t below)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (seed >> 11) % below;
}

/* The judge: a program of QEMU's, which must end well. */
static void judge(const char *command)
{
    char line[512];
    snprintf(line, sizeof line, "%s >judge.out 2>&1", command);
    if (system(line) != 0) {
        assert_int_equal(system("cat judge.out"), 0);
        fail_msg("%s", command);
    }
}

static struct disk *open_it(const char *name)
{
    struct disk_option option;
    struct error error = {""};
    assert_true(disk_option_parse(name, &option, "test", &error));
    struct disk *disk = disk_open(&option, &error);
    if (!disk)
        fail_msg("%s", error.text);
    return disk;
}

static void refuse(const char *name, const char *words)
{
    struct disk_option option;
    struct error error = {""};
    assert_true(disk_option_parse(name, &option, "test", &error));
    assert_null(disk_open(&option, &error));
    if (!strstr(error.text, words))
        fail_msg("'%s' is not in: %s", words, error.text);
}

static void expect_sound(const char *name)
{
    struct error error = {""};
    struct qcow2_findings found;
    struct disk *disk = qcow2_open(disk_container_open(name, true, &error), name, NULL,
                                   &(struct qcow2_open){.read_only = true}, &error);
    assert_non_null(disk);
    assert_true(qcow2_check(disk, false, &found, NULL, NULL, &error));
    disk_free(disk);
    if (found.errors || found.leaks)
        fail_msg("%s: %s, %llu leaks", name, found.first, (unsigned long long)found.leaks);
    char command[128];
    snprintf(command, sizeof command, "qemu-img check -f qcow2 %s", name);
    judge(command);
}

/* --- a model --- */

struct model {
    size_t size;
    uint8_t *bytes, *buffer;
};

static struct model make_model(size_t size)
{
    return (struct model){size, calloc(1, size), malloc(size)};
}

static void free_model(struct model *model)
{
    free(model->bytes);
    free(model->buffer);
}

static void save_model(const struct model *model, const char *name)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(model->bytes, 1, model->size, file), model->size);
    fclose(file);
}

static void expect_same(struct disk *disk, const struct model *model)
{
    assert_int_equal(disk->size_bytes, model->size);
    assert_int_equal(disk->ops->read(disk, 0, &(struct iovec){model->buffer, model->size}, 1), 0);
    for (size_t i = 0; i < model->size; i++)
        if (model->buffer[i] != model->bytes[i])
            fail_msg("byte 0x%zx is %02x, not %02x", i, model->buffer[i], model->bytes[i]);
}

/* Cuts a range into a vector of odd pieces. */
static int cut(uint8_t *bytes, size_t length, struct iovec *iov, int most)
{
    int count = 0;
    while (length > 0) {
        size_t piece = count == most - 1 || chance(3) == 0 ? length : 1 + chance(length);
        iov[count++] = (struct iovec){bytes, piece};
        bytes += piece;
        length -= piece;
    }
    return count;
}

static void random_operation(struct disk *disk, struct model *model)
{
    uint64_t sectors = model->size / 512, first = chance(sectors), most = sectors - first;
    uint64_t length = (1 + chance(chance(8) ? (most < 40 ? most : 40) : (most < 2000 ? most : 2000))) * 512,
             offset = first * 512;
    struct iovec iov[5];
    switch (chance(9)) {
    case 0:
        assert_int_equal(disk->ops->read(disk, offset, iov, cut(model->buffer, length, iov, 5)), 0);
        assert_memory_equal(model->buffer, model->bytes + offset, length);
        break;
    case 1:
    case 2: {
        bool unmap = chance(2);
        assert_int_equal(disk->ops->write_zeroes(disk, offset, length, unmap), 0);
        memset(model->bytes + offset, 0, length);
        break;
    }
    case 3:
        /* What is given up may keep its content or become zeroes. */
        assert_int_equal(disk->ops->discard(disk, offset, length), 0);
        assert_int_equal(disk->ops->read(disk, offset, &(struct iovec){model->buffer, length}, 1), 0);
        for (size_t i = 0; i < length; i++)
            assert_true(model->buffer[i] == 0 || model->buffer[i] == model->bytes[offset + i]);
        memcpy(model->bytes + offset, model->buffer, length);
        break;
    case 4: assert_int_equal(disk->ops->flush(disk), 0); break;
    default:
        for (size_t i = 0; i < length; i++)
            model->bytes[offset + i] = (uint8_t)chance(256);
        assert_int_equal(disk->ops->write(disk, offset, iov, cut(model->bytes + offset, length, iov, 5)), 0);
    }
}

static void random_operations(const char *name, struct model *model, unsigned count)
{
    struct disk *disk = open_it(name);
    for (unsigned i = 0; i < count; i++) {
        random_operation(disk, model);
        if (chance(100) == 0) {
            disk_free(disk);
            disk = open_it(name);
        }
    }
    expect_same(disk, model);
    disk_free(disk);
    disk = open_it(name);
    expect_same(disk, model);
    disk_free(disk);
    expect_sound(name);
    char command[128];
    save_model(model, "model.img");
    snprintf(command, sizeof command, "qemu-img compare -f qcow2 -F raw %s model.img", name);
    judge(command);
}

static void create(const char *name, size_t size, unsigned version, unsigned cluster, const char *backing)
{
    struct qcow2_create wanted = qcow2_create_defaults(size);
    struct error error = {""};
    wanted.version = version;
    wanted.cluster_bytes = cluster;
    wanted.backing = backing;
    wanted.backing_format = "raw";
    if (!qcow2_create(name, &wanted, &error))
        fail_msg("%s", error.text);
}

/* --- tests --- */

static void test_random(void **state)
{
    static const struct {
        unsigned version, cluster;
        size_t size;
    } images[] = {{3, 65536, 8 << 20}, {2, 65536, (8 << 20) + 512}, {3, 512, 24 << 20}, {2, 4096, 6 << 20},
                  {3, 2 << 20, (20 << 20) + 1536}};
    for (unsigned i = 0; i < sizeof images / sizeof *images; i++) {
        struct model model = make_model(images[i].size);
        create("random.qcow2", images[i].size, images[i].version, images[i].cluster, NULL);
        random_operations("random.qcow2", &model, 700);
        free_model(&model);
        unlink("random.qcow2");
    }
}

/* A base that is smaller than its overlay: behind its end are zeroes. */
static void test_backing(void **state)
{
    for (unsigned version = 2; version <= 3; version++) {
        struct model model = make_model(6 << 20);
        for (size_t i = 0; i < 5 << 20; i++)
            model.bytes[i] = (uint8_t)(i / 512 * 7 + i);
        model.size = 5 << 20;
        save_model(&model, "base.img");
        model.size = 6 << 20;
        create("over.qcow2", model.size, version, 4096u << version, "base.img");
        random_operations("over.qcow2", &model, 500);
        assert_int_equal(system("cp base.img before.img"), 0);
        judge("cmp base.img before.img");
        free_model(&model);
        unlink("over.qcow2");
    }
}

/* Images as QEMU makes them, with all that it knows and we read: then written by us, and judged. */
static void test_from_qemu(void **state)
{
    static const char *const options[] = {
        "refcount_bits=1",  "refcount_bits=2,cluster_size=4096", "refcount_bits=8",
        "refcount_bits=32", "refcount_bits=64,cluster_size=512", "lazy_refcounts=on",
        "compat=0.10",      "compression_type=zstd",             "preallocation=metadata",
    };
    for (unsigned i = 0; i < sizeof options / sizeof *options; i++) {
        char command[256];
        struct model model = make_model(4 << 20);
        for (size_t at = 0; at < model.size; at++)
            model.bytes[at] = at & 1 << 18 ? (uint8_t)(at >> 9) : 0;
        save_model(&model, "from.img");
        /* refcount_bits=1 cannot share clusters among compressed ones. */
        snprintf(command, sizeof command, "qemu-img convert %s -f raw -O qcow2 -o %s from.img qemu.qcow2",
                 i < 2 || i == 8 ? "" : "-c", options[i]);
        judge(command);
        struct disk *disk = open_it("qemu.qcow2");
        expect_same(disk, &model);
        disk_free(disk);
        random_operations("qemu.qcow2", &model, 250);
        free_model(&model);
        unlink("qemu.qcow2");
    }
}

static void test_compressed(void **state)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct model model = make_model(5 << 20);
        struct qcow2_create wanted = qcow2_create_defaults(model.size);
        struct error error = {""};
        /* Some of it cannot be made smaller. */
        for (size_t at = 0; at < model.size; at++)
            model.bytes[at] = at & 1 << 19 ? (uint8_t)chance(256) : (uint8_t)(at >> 12);
        wanted.compression = kind ? QCOW2_ZSTD : QCOW2_ZLIB;
        assert_true(qcow2_create("packed.qcow2", &wanted, &error));
        struct disk *disk = open_it("packed.qcow2");
        assert_int_equal(qcow2_write_compressed(disk, 0, model.bytes, model.size), 0);
        expect_same(disk, &model);
        disk_free(disk);
        struct stat status;
        assert_int_equal(stat("packed.qcow2", &status), 0);
        assert_true(status.st_size < 4 << 20);
        random_operations("packed.qcow2", &model, 300);
        free_model(&model);
        unlink("packed.qcow2");
    }
}

/* Snapshots made by QEMU stay as they are while we write, and are read. */
static void test_snapshots(void **state)
{
    struct model model = make_model(4 << 20), old = make_model(4 << 20);
    create("snap.qcow2", model.size, 3, 4096, NULL);
    random_operations("snap.qcow2", &model, 300);
    memcpy(old.bytes, model.bytes, model.size);
    judge("qemu-img snapshot -c first snap.qcow2");
    random_operations("snap.qcow2", &model, 300);
    struct disk *disk = open_it("snap.qcow2,snapshot=first");
    assert_true(disk->read_only);
    expect_same(disk, &old);
    disk_free(disk);
    refuse("snap.qcow2,snapshot=second", "no snapshot 'second'");
    judge("qemu-img convert -l first -O raw snap.qcow2 first.img");
    save_model(&old, "old.img");
    judge("cmp first.img old.img");
    judge("qemu-img snapshot -d first snap.qcow2");
    random_operations("snap.qcow2", &model, 100);
    free_model(&model);
    free_model(&old);
}

static void test_resize(void **state)
{
    struct error error = {""};
    struct model model = make_model(40 << 20);
    model.size = 4 << 20;
    create("size.qcow2", model.size, 3, 4096, NULL);
    random_operations("size.qcow2", &model, 100);
    static const size_t sizes[] = {36 << 20, (3 << 20) + 512, 8 << 20, 5120, 5632};
    for (unsigned i = 0; i < 5; i++) {
        struct disk *disk = open_it("size.qcow2");
        assert_true(qcow2_resize(disk, sizes[i], &error));
        disk_free(disk);
        if (sizes[i] < model.size)
            memset(model.bytes + sizes[i], 0, model.size - sizes[i]);
        model.size = sizes[i];
        random_operations("size.qcow2", &model, 50);
    }
    free_model(&model);
    /* What is behind a smaller size does not come back from behind the image. */
    struct model base = make_model(1 << 20);
    memset(base.bytes, 0xaa, base.size);
    save_model(&base, "behind.img");
    create("size2.qcow2", base.size, 3, 65536, "behind.img");
    struct disk *disk = open_it("size2.qcow2");
    assert_true(qcow2_resize(disk, 1000 * 512, &error) && qcow2_resize(disk, 1 << 20, &error));
    disk_free(disk);
    memset(base.bytes + 1000 * 512, 0, base.size - 1000 * 512);
    random_operations("size2.qcow2", &base, 50);
    free_model(&base);
}

/* The program ends at any moment: what was flushed is there, and nothing is wrong but clusters that nobody uses. */
static void test_killed(void **state)
{
    struct model model = make_model(3 << 20), flushed = make_model(3 << 20);
    create("live.qcow2", model.size, 3, 1024, NULL);
    struct disk *disk = open_it("live.qcow2");
    for (unsigned round = 0; round < 16; round++) {
        for (unsigned i = chance(20); i > 0; i--)
            random_operation(disk, &model);
        assert_int_equal(disk->ops->flush(disk), 0);
        memcpy(flushed.bytes, model.bytes, model.size);
        /* Only writes to what was not written: the model says what must be there. */
        for (unsigned i = chance(20); i > 0; i--) {
            uint64_t offset = chance(model.size / 512) * 512;
            if (model.bytes[offset])
                continue;
            assert_int_equal(disk->ops->write(disk, offset, &(struct iovec){model.bytes + offset, 512}, 1), 0);
        }
        assert_int_equal(system("cp live.qcow2 killed.qcow2"), 0);
        struct error error = {""};
        struct qcow2_findings found;
        struct disk *killed = open_it("killed.qcow2");
        assert_true(qcow2_check(killed, round & 1, &found, NULL, NULL, &error));
        if (found.errors)
            fail_msg("round %u: %s", round, found.first);
        expect_same(killed, &flushed);
        disk_free(killed);
        if (round & 1)
            expect_sound("killed.qcow2");
    }
    disk_free(disk);
    free_model(&model);
    free_model(&flushed);
}

static void poke(const char *name, uint64_t offset, uint64_t value, unsigned bytes)
{
    int fd = open(name, O_RDWR);
    uint8_t big[8];
    put_be64(big, value);
    assert_int_equal(pwrite(fd, big + 8 - bytes, bytes, (off_t)offset), bytes);
    close(fd);
}

static uint64_t peek(const char *name, uint64_t offset)
{
    int fd = open(name, O_RDONLY);
    uint8_t big[8];
    assert_int_equal(pread(fd, big, 8, (off_t)offset), 8);
    close(fd);
    return get_be64(big);
}

/* Where the table of level 2 of offset 0 lies. */
static uint64_t first_l2(const char *name)
{
    return peek(name, peek(name, HEADER_L1_OFFSET)) & ENTRY_OFFSET;
}

static void make_written(const char *name, struct model *model)
{
    create(name, model->size, 3, 4096, NULL);
    random_operations(name, model, 200);
}

static void test_dirty(void **state)
{
    struct model model = make_model(2 << 20);
    make_written("dirty.qcow2", &model);
    /* Not closed, all counts lost. */
    uint64_t block = peek("dirty.qcow2", peek("dirty.qcow2", HEADER_REFTABLE_OFFSET));
    poke("dirty.qcow2", HEADER_INCOMPATIBLE, INCOMPATIBLE_DIRTY, 8);
    for (unsigned i = 0; i < 512; i++)
        poke("dirty.qcow2", block + i * 8, 0, 8);
    random_operations("dirty.qcow2", &model, 100);
    assert_int_equal(peek("dirty.qcow2", HEADER_INCOMPATIBLE), 0);
    free_model(&model);
}

/* Entries that lead into tables: no write goes there, the image is marked, and repair makes it good again. */
static void test_damaged(void **state)
{
    struct model model = make_model(2 << 20);
    struct error error = {""};
    struct qcow2_findings found;
    make_written("bad.qcow2", &model);
    struct disk *disk = open_it("bad.qcow2");
    memset(model.bytes, 0x55, 8192);
    assert_int_equal(disk->ops->write(disk, 0, &(struct iovec){model.bytes, 8192}, 1), 0);
    disk_free(disk);
    uint64_t l2 = first_l2("bad.qcow2"), entry = peek("bad.qcow2", l2 + 8);
        assert_int_equal(dup2(open("complaint", O_RDWR | O_CREAT | O_TRUNC, 0600), 9), 9);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t block = peek("bad.qcow2", peek("bad.qcow2", HEADER_REFTABLE_OFFSET));
        uint64_t targets[] = {l2, peek("bad.qcow2", HEADER_L1_OFFSET), peek("bad.qcow2", HEADER_REFTABLE_OFFSET),
                              block};
        poke("bad.qcow2", l2, targets[i] | ENTRY_COPIED, 8);
        int kept = dup(2);
        dup2(9, 2);
        disk = open_it("bad.qcow2");
        assert_int_equal(disk->ops->write(disk, 512, &(struct iovec){model.bytes, 512}, 1), EIO);
        assert_int_equal(disk->ops->write(disk, 8192, &(struct iovec){model.bytes, 512}, 1), EIO);
        disk_free(disk);
        dup2(kept, 2);
        close(kept);
        assert_int_equal(peek("bad.qcow2", HEADER_INCOMPATIBLE), INCOMPATIBLE_CORRUPT);
        assert_int_equal(peek("bad.qcow2", l2 + 8), entry);
        refuse("bad.qcow2", "check --repair");
        disk = open_it("bad.qcow2,ro");
        disk_free(disk);
        disk = qcow2_open(disk_container_open("bad.qcow2", false, &error), "bad.qcow2", NULL,
                          &(struct qcow2_open){.repair = true}, &error);
        assert_true(qcow2_check(disk, true, &found, NULL, NULL, &error));
        assert_true(found.errors > 0 && found.errors_left == 0);
        disk_free(disk);
        poke("bad.qcow2", l2, 0, 8);
        disk = qcow2_open(disk_container_open("bad.qcow2", false, &error), "bad.qcow2", NULL,
                          &(struct qcow2_open){.repair = true}, &error);
        assert_true(qcow2_check(disk, true, &found, NULL, NULL, &error));
        disk_free(disk);
        expect_sound("bad.qcow2");
    }
    struct stat status;
    assert_int_equal(stat("complaint", &status), 0);
    assert_true(status.st_size > 0);
    /* Level 1 that leads to a block of counts. */
    poke("bad.qcow2", peek("bad.qcow2", HEADER_L1_OFFSET),
         peek("bad.qcow2", peek("bad.qcow2", HEADER_REFTABLE_OFFSET)) | ENTRY_COPIED, 8);
    refuse("bad.qcow2", "tables lie over each other");
    free_model(&model);
}

static void test_refused(void **state)
{
    struct model model = make_model(1 << 20);
    static const struct {
        uint64_t offset, value;
        unsigned bytes;
        const char *words;
    } pokes[] = {
        {HEADER_VERSION, 4, 4, "another version"},     {HEADER_CLUSTER_BITS, 8, 4, "clusters"},
        {HEADER_CLUSTER_BITS, 30, 4, "clusters"},      {HEADER_SIZE, 0, 8, "size"},
        {HEADER_SIZE, 1000, 8, "size"},                {HEADER_SIZE, 1ull << 62, 8, "size"},
        {HEADER_SIZE, 1ull << 45, 8, "too small"},     {HEADER_L1_ENTRIES, UINT32_MAX, 4, "larger"},
        {HEADER_L1_OFFSET, 512, 8, "lies where"},      {HEADER_L1_OFFSET, 0, 8, "lies where"},
        {HEADER_REFTABLE_CLUSTERS, 1 << 24, 4, "larger"}, {HEADER_SNAPSHOT_COUNT, 1 << 20, 4, "larger"},
        {HEADER_CRYPT, 2, 4, "encryption"},            {HEADER_INCOMPATIBLE, 4, 8, "another file"},
        {HEADER_INCOMPATIBLE, 16, 8, "subclusters"},   {HEADER_INCOMPATIBLE, 1 << 20, 8, "later time"},
        {HEADER_REFCOUNT_ORDER, 7, 4, "64 bits"},      {HEADER_LENGTH, 90, 4, "length"},
        {HEADER_BACKING_LENGTH, 2000, 4, ""},          {HEADER_SNAPSHOT_COUNT, 3, 4, "snapshots"},
    };
    for (unsigned i = 0; i < sizeof pokes / sizeof *pokes; i++) {
        create("no.qcow2", model.size, 3, 65536, NULL);
        if (pokes[i].offset == HEADER_BACKING_LENGTH)
            poke("no.qcow2", HEADER_BACKING_OFFSET, 65536 - 1000, 8);
        if (pokes[i].offset == HEADER_SNAPSHOT_COUNT)
            poke("no.qcow2", HEADER_SNAPSHOT_OFFSET, 1 << 30, 8);
        poke("no.qcow2", pokes[i].offset, pokes[i].value, pokes[i].bytes);
        refuse("no.qcow2", pokes[i].words);
        unlink("no.qcow2");
    }
    /* Chains: to itself, to what is not there, to what is said by nobody to be a qcow2 image. */
    create("loop.qcow2", model.size, 3, 65536, "loop.qcow2");
    refuse("loop.qcow2", "in use");
    assert_int_equal(system("qemu-img rebase -u -f qcow2 -F qcow2 -b loop.qcow2 loop.qcow2"), 0);
    refuse("loop.qcow2,ro", "circle");
    create("alone.qcow2", model.size, 3, 65536, "nothing.img");
    refuse("alone.qcow2", "nothing.img: no such");
    create("guest.img", model.size, 3, 65536, "/etc/passwd");
    refuse("guest.img", ",format=qcow2 or ,format=raw");
    struct disk *disk = open_it("guest.img,format=raw");
    assert_true(disk->size_bytes != model.size);
    disk_free(disk);
    save_model(&model, "raw.qcow2");
    refuse("raw.qcow2", "name is a qcow2 image's");
    free_model(&model);
}

/* The host's disk is full: writes fail, what was written is there, and it goes on when there is room. */
static void test_full(void **state)
{
    struct model model = make_model(4 << 20);
    create("full.qcow2", model.size, 3, 4096, NULL);
    struct disk *disk = open_it("full.qcow2");
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit, small = {300000, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &limit);
    small.rlim_max = limit.rlim_max;
    uint8_t block[4096];
    unsigned failures = 0;
    for (unsigned round = 0; round < 400; round++) {
        if (round % 100 == 50 || round % 100 == 0)
            setrlimit(RLIMIT_FSIZE, round % 100 ? &limit : &small);
        uint64_t offset = chance(model.size / 4096) * 4096;
        memset(block, (int)(1 + round % 255), sizeof block);
        int result = disk->ops->write(disk, offset, &(struct iovec){block, sizeof block}, 1);
        if (result) {
            assert_int_equal(result, EFBIG);
            failures++;
        } else {
            memcpy(model.bytes + offset, block, sizeof block);
        }
        if (round % 10 == 0)
            disk->ops->flush(disk);
    }
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_true(failures > 5);
    expect_same(disk, &model);
    assert_int_equal(disk->ops->flush(disk), 0);
    disk_free(disk);
    random_operations("full.qcow2", &model, 50);
    free_model(&model);
}

static void test_overlay_file(void **state)
{
    struct model model = make_model(1 << 20);
    memset(model.bytes, 0x11, model.size);
    save_model(&model, "disk.img");
    struct disk *disk = open_it("disk.img,overlay=mine.qcow2");
    memset(model.bytes, 0x22, 4096);
    assert_int_equal(disk->ops->write(disk, 0, &(struct iovec){model.bytes, 4096}, 1), 0);
    disk_free(disk);
    disk = open_it("disk.img,overlay=mine.qcow2");
    expect_same(disk, &model);
    disk_free(disk);
    save_model(&model, "other.img");
    refuse("other.img,overlay=mine.qcow2", "no overlay of other.img");
    save_model(&model, "model.img");
    judge("qemu-img compare -f qcow2 -F raw mine.qcow2 model.img");
    free_model(&model);
}

static void test_several(void **state)
{
    for (unsigned layout = 0; layout < 2; layout++) {
        const char *name = layout ? "mirror:one.img+two.qcow2" : "stripe:one.img+two.qcow2";
        struct model half = make_model(2 << 20), model = make_model(layout ? 2 << 20 : 4 << 20);
        unlink("two.qcow2");
        save_model(&half, "one.img");
        create("two.qcow2", half.size, 3, 65536, NULL);
        struct disk *disk = open_it(name);
        for (unsigned i = 0; i < 300; i++)
            random_operation(disk, &model);
        expect_same(disk, &model);
        disk_free(disk);
        disk = open_it(name);
        expect_same(disk, &model);
        disk_free(disk);
        if (layout)
            judge("qemu-img compare -f raw -F qcow2 one.img two.qcow2");
        free_model(&half);
        free_model(&model);
    }
}

/* One half fails, is left out, and stays left out at the next opening; the other goes on. */
static void test_mirror_fails(void **state)
{
    struct model model = make_model(1 << 20);
    save_model(&model, "one.img");
    create("two.qcow2", model.size, 3, 65536, NULL);
    int kept = dup(2), complaint = open("complaint", O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(complaint, 2);
    struct disk *disk = open_it("mirror:two.qcow2+one.img");
    struct rlimit limit, small = {400000, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
    small.rlim_max = limit.rlim_max;
    memset(model.bytes, 0x77, 4096);
    /* The qcow2 half is shorter than the limit allows soon; the raw half is written below it. */
    setrlimit(RLIMIT_FSIZE, &small);
    for (unsigned i = 0; i < 5; i++) {
        memset(model.bytes + i * 65536, 0x60 + (int)i, 65536);
        assert_int_equal(disk->ops->write(disk, i * 65536, &(struct iovec){model.bytes + i * 65536, 65536}, 1), 0);
    }
    setrlimit(RLIMIT_FSIZE, &limit);
    expect_same(disk, &model);
    assert_int_equal(disk->ops->flush(disk), 0);
    disk_free(disk);
    disk = open_it("mirror:two.qcow2+one.img");
    expect_same(disk, &model);
    disk_free(disk);
    dup2(kept, 2);
    char text[2048] = "";
    assert_true(pread(complaint, text, sizeof text - 1, 0) > 0);
    assert_non_null(strstr(text, "mirror: two.qcow2 failed"));
    assert_non_null(strstr(text, "went on without it earlier"));
    close(complaint);
    close(kept);
    free_model(&model);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        CASE(test_random), CASE(test_backing), CASE(test_from_qemu), CASE(test_compressed), CASE(test_snapshots),
        CASE(test_resize), CASE(test_killed), CASE(test_dirty), CASE(test_damaged), CASE(test_refused), CASE(test_full),
        CASE(test_overlay_file), CASE(test_several), CASE(test_mirror_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
