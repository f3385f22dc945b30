/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: the server of a shared folder, given messages that are nearly right and others, in a folder of links
 * that lead out of it. Whatever the guest says, each message has one answer of a length that fits, what lies beside the
 * folder stays as it is, its content is never told, and the journal stays one that a restore takes.
 *
 * An input is a byte that chooses the kind of folder, then messages: a byte that says which, and as many bytes as its
 * arguments take; where the input ends, zeros follow. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hostcall/share/fids.h"
#include "hostcall/share/share.h"
#include "machine/inputs.h"
#include "tests/fuzz/feed.h"

#define SECRET   "what-no-guest-may-see"
#define MESSAGES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    char home[64];
    struct inputs *inputs;
    struct share_server *server;
    uint8_t *journal;
    size_t journal_bytes;
    unsigned answers;
    size_t room;
} world;

/* --- the folder, and what lies beside it --- */

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
    /* In memory, where there is a place for that. */
    sprintf(world.home, "%s/armature-fuzz-share-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    check(mkdtemp(world.home) != NULL, "no folder for the test");
    check(!mkdir(place("share"), 0755) && !mkdir(place("share/a"), 0755), "no folder for the test");
    put_file("secret", SECRET);
    put_file("share/b", "content");
    check(!symlink("../secret", place("share/c")) && !symlink("..", place("share/a/d")) &&
              !symlink("/", place("share/a/c")) && !mkfifo(place("share/d"), 0644),
          "no links for the test");
}

static void check_beside(void)
{
    char content[64] = {0};
    struct stat status;
    int fd = open(place("secret"), O_RDONLY);
    check(fd >= 0 && read(fd, content, sizeof content - 1) > 0 && !strcmp(content, SECRET),
          "a file beside was changed");
    check(!fstat(fd, &status) && (status.st_mode & 07777) == 0644 && status.st_nlink == 1, "a file beside was touched");
    close(fd);
    check(!stat(place("share"), &status) && !stat(world.home, &status) && status.st_nlink <= 3,
          "a folder beside was changed");
}

/* --- answers --- */

static void deliver(void *device, const void *bytes, size_t length)
{
    uint32_t records, size;
    world.answers++;
    check(length >= sizeof records, "an answer without records");
    memcpy(&records, bytes, sizeof records);
    check(records <= SHARE_RECORDS_MAX && length >= sizeof records + records + 7, "an answer without a reply");
    const uint8_t *from = (const uint8_t *)bytes + sizeof records;
    size_t reply = length - sizeof records - records;
    memcpy(&size, from + records, sizeof size);
    check(size == reply && reply <= world.room, "a reply of another length than it says, or than there is room");
    check(!memmem(from + records, reply, SECRET, strlen(SECRET)), "what lies beside the folder was told");
    check(world.server->valid(from, records), "records that are none");
    world.journal = realloc(world.journal, world.journal_bytes + records + 1);
    memcpy(world.journal + world.journal_bytes, from, records);
    world.journal_bytes += records;
}

static void send_message(const uint8_t *bytes, size_t length, size_t room)
{
    unsigned before = world.answers;
    world.room = room;
    world.server->ops->serve(world.server, bytes, length, room);
    inputs_deliver(world.inputs, (struct input_stamp){0});
    check(world.answers == before + 1, "not one answer");
}

/* --- messages --- */

static const struct {
    uint8_t type;
    const char *arguments; /* 1, 4, 8; m: a mode; s: a name; t: any text; w: names; d: data; i: a fid */
} shapes[] = {
    {100, "4t"},  {104, "iittn"}, {110, "iiw"},   {12, "i4"},  {14, "is4m4"},   {116, "i88"},   {118, "i8d"},
    {120, "i"},   {16, "ist4"},   {18, "ism444"}, {20, "iis"}, {22, "i"},       {24, "i8"},     {26, "i4m44888888"},
    {30, "iit"},  {32, "it84"},   {40, "i88"},    {50, "i4"},  {52, "i14884t"}, {54, "i1884t"}, {70, "iis"},
    {72, "ism4"}, {74, "isis"},   {76, "is4"},    {122, "i"},  {8, "i"},        {102, "itt4"},  {108, "1"},
};

static void put_name(struct wire_writer *to, struct feed *feed, bool any)
{
    static const char *const names[] = {"a", "b", "c", "d", "..", ".", "", "/", "../secret", "e", "secret", "user.x",
                                        "user.armature.owner", "9P2000.L", "9P2000.u", "a/b"};
    const char *name = names[take(feed, 1) % (any ? 16 : 11)];
    wire_put_text(to, name, strlen(name));
}

static void put_argument(struct wire_writer *to, struct feed *feed, char kind)
{
    uint64_t number = take(feed, 1);
    switch (kind) {
    case 'i': wire_put(to, 4, number < 250 ? number % 6 : UINT32_MAX); break;
    case 'n': wire_put(to, 4, number); break;
    case 'm': wire_put(to, 4, number << 12 | take(feed, 2) % 010000); break;
    case 's': put_name(to, feed, false); break;
    case 't': put_name(to, feed, true); break;
    case 'w':
        wire_put(to, 2, number % 4);
        for (unsigned i = 0; i < number % 4; i++)
            put_name(to, feed, false);
        break;
    case 'd':
        wire_put(to, 4, number % 32);
        for (unsigned i = 0; i < number % 32; i++)
            wire_put(to, 1, take(feed, 1));
        break;
    default: wire_put(to, (unsigned)(kind - '0'), number < 200 ? number : UINT64_MAX - take(feed, 2));
    }
}

static void message(struct feed *feed)
{
    uint8_t bytes[1024];
    unsigned shape = take(feed, 1) % (sizeof shapes / sizeof shapes[0]);
    uint32_t size;
    struct wire_writer to = {bytes, bytes + sizeof bytes, false};
    wire_put(&to, 4, 0);
    wire_put(&to, 1, shapes[shape].type);
    wire_put(&to, 2, take(feed, 1));
    for (const char *argument = shapes[shape].arguments; *argument; argument++)
        put_argument(&to, feed, *argument);
    size = (uint32_t)(to.at - bytes);
    memcpy(bytes, &size, sizeof size);
    uint64_t odd = take(feed, 1);
    if (odd == 255)
        bytes[take(feed, 1) % size] = (uint8_t)take(feed, 1);
    send_message(bytes, odd == 254 ? 7 + take(feed, 1) % (size - 6) : size, odd % 16 == 15 ? 11 + odd : 8192);
}

/* A good beginning: a session, and the folder as fid 0. */
static void begin(void)
{
    static const uint8_t version[] = {21, 0, 0,   0,   100, 0,   0,   0,   32,  0,  0,
                                      8,  0, '9', 'P', '2', '0', '0', '0', '.', 'L'};
    static const uint8_t attach[] = {23, 0, 0, 0, 104, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0};
    send_message(version, sizeof version, 8192);
    send_message(attach, sizeof attach, 8192);
}

/* The journal, shortened or not, is taken; what it says is the same, and survives being taken twice. */
static void check_journal(void)
{
    size_t once_bytes, twice_bytes;
    uint8_t *once = world.server->compact(world.journal, world.journal_bytes, &once_bytes);
    uint8_t *twice = world.server->compact(once, once_bytes, &twice_bytes);
    check(once_bytes == twice_bytes && !memcmp(once, twice, once_bytes), "a journal that is short becomes another");
    check(world.server->valid(once, once_bytes), "a short journal that is none");
    world.server->ops->restored(world.server, once, once_bytes);
    free(once);
    free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, data + size};
    struct error error;
    uint64_t kind = take(&feed, 1);
    memset(&world, 0, sizeof world);
    make_folder();
    world.inputs = inputs_create(&error);
    char root[512];
    snprintf(root, sizeof root, "%s", place("share"));
    world.server = share_server_open(
        &(struct share_config){.path = root, .read_only = kind % 8 == 7, .mapped = kind % 2 == 1}, &error);
    check(world.inputs && world.server, "no server");
    world.server->ops->attach(
        world.server, world.inputs,
        input_register(world.inputs, &(struct input_source){.name = "share", .deliver = deliver}));
    begin();
    for (unsigned i = 0; i < MESSAGES && feed.at < feed.end; i++) {
        if (i == MESSAGES / 2)
            check_journal();
        message(&feed);
    }
    check_journal();
    check_beside();
    share_server_free(world.server);
    inputs_free(world.inputs);
    free(world.journal);
    nftw(world.home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
