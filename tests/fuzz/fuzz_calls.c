/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: calls of the guest that the host serves, semihosting and hypercalls, with registers and memory that are
 * nearly right and others. Whatever the guest asks, its CPU gets one answer and goes on, nothing beside the folder is
 * told or changed, and no function but those of the list is called.
 *
 * An input is actions: a byte that says which, and as many bytes as that takes; where the input ends, zeros follow. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "guest/hypercall/armature_hypercall.h"
#include "hostcall/hyper/hyper.h"
#include "hostcall/semihost.h"
#include "machine/inputs.h"
#include "tests/fuzz/feed.h"

#define RAM_BASE   0x40000000ull
#define RAM_BYTES  0x10000ull
#define NAMES      (RAM_BASE + 0xf000) /* 32 bytes each */
#define ACTIONS    64
#define SECRET     "what-no-guest-may-see"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    char home[64];
    struct bus bus;
    struct clock clock;
    struct cpu *cpu;
    struct cpu *cpus[1];
    struct inputs *inputs;
    struct door *door;
    struct semihost *semihost;
    struct hyper *hyper;
    bool ended;
} world;

/* --- the world --- */

static const char *place(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", world.home, name);
    return path;
}

static void put_file(const char *name, const char *content)
{
    int fd = open(place(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    check(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content), "no file for the test");
    close(fd);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    return remove(path);
}

static void make_folder(void)
{
    sprintf(world.home, "%s/armature-fuzz-calls-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    check(mkdtemp(world.home) != NULL && !mkdir(place("folder"), 0755) && !mkdir(place("folder/sub"), 0755),
          "no folder for the test");
    put_file("secret", SECRET);
    put_file("folder/data", "content");
    check(!symlink("../secret", place("folder/out")) && !symlink("/", place("folder/sub/root")),
          "no links for the test");
    put_file(
        "list",
        "library libc.so.6\nfunction memcpy pointer out[@2] in[@2] u64\nfunction memset pointer inout[@2] i32 u64\n"
        "library libz.so.1\nfunction compress2 i32 out[*1] inout[8] in[@3] u64 i32\n"
        "function uncompress i32 out[*1] inout[8] in[@3] u64\nfunction crc32 u64 u64 in[@2] u32\n");
}

static void check_beside(void)
{
    char content[64] = {0};
    int fd = open(place("secret"), O_RDONLY);
    check(fd >= 0 && read(fd, content, sizeof content - 1) > 0 && !strcmp(content, SECRET),
          "a file beside was changed");
    close(fd);
    check(!memmem(world.bus.ram.host, RAM_BYTES, SECRET, strlen(SECRET)), "what lies beside the folder was told");
}

static void transmit(void *context, const void *bytes, size_t length)
{
    const uint8_t *from = bytes, *ram = world.bus.ram.host;
    check(from >= ram && length <= RAM_BYTES && from + length <= ram + RAM_BYTES, "output from outside of guest RAM");
}

static void on_exit_call(void *context, uint8_t status)
{
    world.ended = true;
}

static void put_names(void)
{
    static const char *const names[] = {"data", "out",      "sub/new",    "../secret", ":tt",   ":semihosting-features",
                                        "sub",  "sub/root", "memcpy",     "compress2", "crc32", "system",
                                        "/",    "new",      "uncompress", "memset"};
    for (unsigned i = 0; i < 16; i++)
        bus_dma_write(&world.bus, NAMES + 32 * i, names[i], strlen(names[i]) + 1);
}

static void build(void)
{
    struct error error;
    memset(&world, 0, sizeof world);
    make_folder();
    clock_init(&world.clock);
    world.inputs = inputs_create(&error);
    world.cpu = aligned_alloc(64, (sizeof *world.cpu + 63) / 64 * 64);
    memset(world.cpu, 0, sizeof *world.cpu);
    check(world.inputs && bus_init(&world.bus, RAM_BASE, RAM_BYTES, &error) &&
              cpu_init(world.cpu, 0, CPU_V8_2, &world.bus, &world.clock, &error),
          "no host memory");
    world.cpus[0] = world.cpu;
    world.door = door_create(&world.bus, world.inputs, world.cpus, 1, true);
    char folder[512], list[512];
    strcpy(folder, place("folder"));
    strcpy(list, place("list"));
    world.semihost = semihost_create(world.door,
                                     &(struct semihost_config){.folder = folder,
                                                               .command_line = "fuzz one",
                                                               .heap_base = RAM_BASE,
                                                               .heap_limit = RAM_BASE + RAM_BYTES,
                                                               .transmit = transmit,
                                                               .exit = on_exit_call},
                                     &error);
    world.hyper = hyper_create(world.door, &(struct hyper_config){.path = list, .transmit = transmit}, &error);
    check(world.semihost && world.hyper, "no host for the calls");
    put_names();
}

static void take_down(void)
{
    semihost_class.free(world.semihost);
    hyper_class.free(world.hyper);
    door_class.free(world.door);
    cpu_free(world.cpu);
    free(world.cpu);
    inputs_free(world.inputs);
    bus_free(&world.bus);
    clock_free(&world.clock);
    nftw(world.home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- actions --- */

static uint64_t take_address(struct feed *feed)
{
    uint64_t kind = take(feed, 1);
    if (kind < 100)
        return NAMES + 32 * (kind % 16);
    if (kind < 240)
        return RAM_BASE + (take(feed, 2) & 0xfff8);
    return kind < 248 ? RAM_BASE + RAM_BYTES - take(feed, 1) : (uint64_t)-1 - take(feed, 2);
}

static uint64_t take_word(struct feed *feed)
{
    uint64_t kind = take(feed, 1);
    return kind < 128 ? take_address(feed) : kind < 250 ? kind % 24 : UINT64_MAX - take(feed, 2);
}

/* A block of words, as both kinds of calls have one. */
static uint64_t make_block(struct feed *feed)
{
    uint64_t words[5], at = RAM_BASE + 0x100 * (take(feed, 1) % 64);
    for (unsigned i = 0; i < 5; i++)
        words[i] = take_word(feed);
    bus_dma_write(&world.bus, at, words, sizeof words);
    return at;
}

static void after_call(void)
{
    bool waits = world.cpu->wait == WAIT_HOST;
    check(waits == inputs_queued(world.inputs), "a call without an answer, or an answer without a call");
    inputs_deliver(world.inputs, (struct input_stamp){0});
    check(world.cpu->wait == WAIT_NONE, "a CPU waits for ever");
}

static void call_semihost(struct feed *feed)
{
    world.cpu->x[0] = take(feed, 1) % 0x34;
    world.cpu->x[1] = take(feed, 1) < 240 ? make_block(feed) : take_word(feed);
    semihost_call(world.semihost, world.cpu);
    after_call();
}

static void call_hyper(struct feed *feed)
{
    static const uint32_t functions[] = {ARMATURE_FIND, ARMATURE_CALL, ARMATURE_CALL, ARMATURE_CALL, ARMATURE_CLOCK,
                                         ARMATURE_CONSOLE, ARMATURE_CALL_UID, ARMATURE_REVISION};
    uint64_t kind = take(feed, 1);
    world.cpu->x[0] = kind < 240 ? functions[kind % 8] : 0xc6000000 + take(feed, 2);
    bool calls = (uint32_t)world.cpu->x[0] == ARMATURE_CALL;
    world.cpu->x[1] = calls ? take(feed, 1) % 6 : take_address(feed);
    world.cpu->x[2] = calls ? make_block(feed) : take(feed, 1) % 16;
    world.cpu->x[3] = take(feed, 1) % 5 + 1;
    hyper_call(world.hyper, world.cpu);
    after_call();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, data + size};
    build();
    for (unsigned i = 0; i < ACTIONS && feed.at < feed.end && !world.ended; i++) {
        if (take(&feed, 1) % 2)
            call_semihost(&feed);
        else
            call_hyper(&feed);
        if (i % 8 == 7)
            put_names();
    }
    check_beside();
    take_down();
    return 0;
}
