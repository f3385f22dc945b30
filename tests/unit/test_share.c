/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server of a shared folder, spoken to in messages that no good driver sends: ways out of the folder, devices, fids
 * that are none, and what is left after a restore. What a guest's kernel asks is in tests/guest/test_share.py. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "tests/unit/unit.h"
#include "hostcall/share/share.h"
#include "hostcall/share/wire.h"
#include "machine/inputs.h"

enum {
    LOPEN = 12,
    LCREATE = 14,
    SYMLINK = 16,
    MKNOD = 18,
    READLINK = 22,
    GETATTR = 24,
    READDIR = 40,
    MKDIR = 72,
    RENAMEAT = 74,
    UNLINKAT = 76,
    VERSION = 100,
    AUTH = 102,
    ATTACH = 104,
    WALK = 110,
    READ = 116,
    WRITE = 118,
    CLUNK = 120,
};

struct fixture {
    char home[64], folder[96];
    struct inputs *inputs;
    struct share_server *server;
    struct policy *policy;
    uint8_t answer[SHARE_MESSAGE_MAX + SHARE_RECORDS_MAX + 4];
    size_t answer_bytes;
    struct wire_reader reply; /* behind its head */
    uint8_t journal[1 << 16];
    size_t journal_bytes;
};

static void deliver(void *device, const void *bytes, size_t length)
{
    struct fixture *f = device;
    memcpy(f->answer, bytes, length);
    f->answer_bytes = length;
}

/* --- messages --- */

struct message {
    uint8_t bytes[4096];
    struct wire_writer to;
};

static void begin(struct message *message, uint8_t type)
{
    message->to = (struct wire_writer){message->bytes, message->bytes + sizeof message->bytes, false};
    wire_put(&message->to, 4, 0);
    wire_put(&message->to, 1, type);
    wire_put(&message->to, 2, 0x1234);
}

/* Sends it; returns the errno of the answer, 0: the reply is to be read. */
static int finish(struct fixture *f, struct message *message)
{
    uint32_t size = (uint32_t)(message->to.at - message->bytes), records;
    memcpy(message->bytes, &size, sizeof size);
    f->answer_bytes = 0;
    f->server->ops->serve(f->server, message->bytes, size, SHARE_MESSAGE_MAX);
    inputs_deliver(f->inputs, (struct input_stamp){0});
    assert_true(f->answer_bytes >= 11);
    memcpy(&records, f->answer, sizeof records);
    assert_true(f->server->valid(f->answer + 4, records));
    memcpy(f->journal + f->journal_bytes, f->answer + 4, records);
    f->journal_bytes += records;
    f->reply = (struct wire_reader){f->answer + 4 + records, f->answer + f->answer_bytes, false};
    assert_int_equal(wire_get(&f->reply, 4), f->answer_bytes - 4 - records);
    uint64_t type = wire_get(&f->reply, 1);
    assert_int_equal(wire_get(&f->reply, 2), 0x1234);
    if (type == 7)
        return (int)wire_get(&f->reply, 4);
    assert_int_equal(type, message->bytes[4] + 1);
    return 0;
}

/* `arguments`: 1, 4, 8 a number, s a string. */
static int say(struct fixture *f, uint8_t type, const char *arguments, ...)
{
    struct message message;
    va_list list;
    begin(&message, type);
    va_start(list, arguments);
    for (; *arguments; arguments++) {
        const char *text = *arguments == 's' ? va_arg(list, const char *) : NULL;
        if (text)
            wire_put_text(&message.to, text, strlen(text));
        else
            wire_put(&message.to, (unsigned)(*arguments - '0'), va_arg(list, uint64_t));
    }
    va_end(list);
    return finish(f, &message);
}
#define N(number) ((uint64_t)(number))

/* Walks from fid to a new one by names separated by '|'. */
static int walk(struct fixture *f, unsigned from, unsigned to, const char *names)
{
    struct message message;
    begin(&message, WALK);
    wire_put(&message.to, 4, from);
    wire_put(&message.to, 4, to);
    uint8_t *count_at = message.to.at;
    uint16_t count = 0;
    wire_put(&message.to, 2, 0);
    while (*names) {
        size_t length = strcspn(names, "|");
        wire_put_text(&message.to, names, length);
        names += length + (names[length] == '|');
        count++;
    }
    memcpy(count_at, &count, sizeof count);
    int result = finish(f, &message);
    return result ? result : wire_get(&f->reply, 2) == count ? 0 : -1; /* -1: not all the way */
}

/* --- the folder --- */

static const char *place(const struct fixture *f, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", f->home, name);
    return path;
}

static void put_file(const struct fixture *f, const char *name, const char *content)
{
    int fd = open(place(f, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void start(struct fixture *f, bool read_only, bool mapped)
{
    struct error error;
    f->server = share_server_open(&(struct share_config){f->folder, read_only, mapped, f->policy}, &error);
    assert_non_null(f->server);
    f->server->ops->attach(
        f->server, f->inputs,
        input_register(f->inputs, &(struct input_source){.name = "s", .deliver = deliver, .device = f}));
}

static void attach_root(struct fixture *f)
{
    assert_int_equal(say(f, VERSION, "4s", N(8192), "9P2000.L"), 0);
    assert_int_equal(say(f, ATTACH, "44ss4", N(0), N(UINT32_MAX), "", "", N(0)), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error error;
    strcpy(f->home, "/tmp/armature-share-XXXXXX");
    assert_non_null(mkdtemp(f->home));
    strcpy(f->folder, place(f, "folder"));
    assert_int_equal(mkdir(f->folder, 0755), 0);
    assert_int_equal(mkdir(place(f, "folder/d"), 0755), 0);
    put_file(f, "secret", "secret");
    put_file(f, "folder/file", "content");
    assert_int_equal(symlink("../secret", place(f, "folder/out")), 0);
    assert_int_equal(symlink("..", place(f, "folder/up")), 0);
    assert_int_equal(symlink(f->home, place(f, "folder/d/absolute")), 0);
    f->inputs = inputs_create(&error);
    start(f, false, false);
    attach_root(f);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    return remove(path);
}

static int take_down(void **state)
{
    struct fixture *f = *state;
    share_server_free(f->server);
    policy_free(f->policy);
    inputs_free(f->inputs);
    nftw(f->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* --- tests --- */

static void test_version(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *asked, *answered;
    } versions[] = {{"9P2000.L", "9P2000.L"}, {"9P2000.u", "unknown"}, {"9P2000", "unknown"}, {"", "unknown"}};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(say(f, VERSION, "4s", N(1 << 30), versions[i].asked), 0);
        assert_int_equal(wire_get(&f->reply, 4), SHARE_MESSAGE_MAX);
        size_t length = wire_get(&f->reply, 2);
        assert_int_equal(length, strlen(versions[i].answered));
        assert_memory_equal(wire_take(&f->reply, length), versions[i].answered, length);
        /* A new session has no fids. */
        assert_int_equal(say(f, GETATTR, "48", N(0), N(0x7ff)), EBADF);
    }
    assert_int_equal(say(f, VERSION, "4s", N(100), "9P2000.L"), EINVAL);
    assert_int_equal(say(f, AUTH, "4ss4", N(1), "", "", N(0)), EOPNOTSUPP);
    assert_int_equal(say(f, 200, ""), EOPNOTSUPP);
}

static void test_no_way_out(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(walk(f, 0, 1, ".."), 0); /* from the folder to itself */
    assert_int_equal(walk(f, 0, 2, "..|..|..|d|..|..|file"), 0);
    assert_int_equal(walk(f, 1, 3, "secret"), ENOENT);
    assert_int_equal(walk(f, 0, 3, "../secret"), ENOENT);
    assert_int_equal(walk(f, 0, 3, "/etc"), ENOENT);
    assert_int_equal(walk(f, 0, 3, "d/.."), ENOENT);
    assert_int_equal(walk(f, 0, 3, "up|secret"), -1); /* as far as the link itself */
    assert_int_equal(walk(f, 0, 3, "d|absolute|secret"), -1);
    assert_int_equal(walk(f, 0, 3, "out"), 0);
    assert_int_equal(say(f, LOPEN, "44", N(3), N(O_RDONLY)), ELOOP);
    assert_int_equal(say(f, READ, "484", N(3), N(0), N(100)), EBADF);
    assert_int_equal(say(f, READLINK, "4", N(3)), 0); /* which the guest may follow, in its own tree */
    /* New names, too, are names. */
    static const char *const names[] = {"..", ".", "", "a/b", "../new", "/tmp/new"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(say(f, MKDIR, "4s44", N(0), names[i], N(0755), N(0)), EINVAL);
        assert_int_equal(say(f, SYMLINK, "4ss4", N(0), names[i], "x", N(0)), EINVAL);
        assert_int_equal(say(f, RENAMEAT, "4s4s", N(0), "file", N(0), names[i]), EINVAL);
        assert_int_equal(say(f, UNLINKAT, "4s4", N(0), names[i], N(0)), EINVAL);
        assert_int_equal(walk(f, 0, 4, ""), 0);
        assert_int_equal(say(f, LCREATE, "4s444", N(4), names[i], N(O_RDWR), N(0644), N(0)), EINVAL);
        assert_int_equal(say(f, CLUNK, "4", N(4)), 0);
    }
    /* A file cannot be made through a link that leads out, or that leads nowhere. */
    assert_int_equal(walk(f, 0, 4, ""), 0);
    assert_int_equal(say(f, LCREATE, "4s444", N(4), "out", N(O_RDWR), N(0644), N(0)), ELOOP);
    assert_int_equal(symlink("../new", place(f, "folder/dangling")), 0);
    assert_int_equal(say(f, LCREATE, "4s444", N(4), "dangling", N(O_RDWR), N(0644), N(0)), ELOOP);
    assert_int_equal(access(place(f, "new"), F_OK), -1);
}

/* A directory that becomes a link after the guest walked to it is still the directory. */
static void test_race(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(walk(f, 0, 1, "d"), 0);
    const char *from = strdupa(place(f, "folder/d"));
    assert_int_equal(rename(from, place(f, "folder/old")), 0);
    assert_int_equal(symlink("..", place(f, "folder/d")), 0);
    assert_int_equal(walk(f, 1, 2, "secret"), ENOENT);
    assert_int_equal(walk(f, 1, 2, ".."), 0);
    assert_int_equal(walk(f, 2, 3, "file"), 0);
    assert_int_equal(say(f, MKDIR, "4s44", N(1), "made", N(0755), N(0)), 0);
    assert_int_equal(access(place(f, "folder/old/made"), F_OK), 0);
    assert_int_equal(access(place(f, "made"), F_OK), -1);
}

static void test_devices(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(say(f, MKNOD, "4s4444", N(0), "null", N(S_IFCHR | 0666), N(1), N(3), N(0)), EPERM);
    assert_int_equal(say(f, MKNOD, "4s4444", N(0), "disk", N(S_IFBLK | 0666), N(8), N(0), N(0)), EPERM);
    assert_int_equal(mkfifo(place(f, "folder/pipe"), 0666), 0);
    assert_int_equal(walk(f, 0, 1, "pipe"), 0);
    assert_int_equal(say(f, LOPEN, "44", N(1), N(O_RDONLY)), ENXIO); /* and nobody waits for a writer */
    if (geteuid() == 0 && mknod(place(f, "folder/zero"), S_IFCHR | 0666, makedev(1, 5)) == 0) {
        assert_int_equal(walk(f, 0, 2, "zero"), 0);
        assert_int_equal(say(f, LOPEN, "44", N(2), N(O_RDONLY)), ENXIO);
        assert_int_equal(walk(f, 0, 3, ""), 0);
        assert_int_equal(say(f, LCREATE, "4s444", N(3), "zero", N(O_RDWR), N(0644), N(0)), ENXIO);
    }
    /* With owners that are kept, a device is a file on the host. */
    share_server_free(f->server);
    start(f, false, true);
    attach_root(f);
    assert_int_equal(say(f, MKNOD, "4s4444", N(0), "null", N(S_IFCHR | 0666), N(1), N(3), N(5)), 0);
    struct stat status;
    assert_int_equal(lstat(place(f, "folder/null"), &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(walk(f, 0, 1, "null"), 0);
    assert_int_equal(say(f, GETATTR, "48", N(1), N(0x7ff)), 0);
    wire_take(&f->reply, 8 + 13);
    assert_int_equal(wire_get(&f->reply, 4), S_IFCHR | 0666);
    assert_int_equal(say(f, LOPEN, "44", N(1), N(O_RDONLY)), ENXIO);
}

static void test_fids(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(walk(f, 7, 8, "file"), EBADF);
    assert_int_equal(walk(f, 0, 0xffffffff, "file"), EINVAL);
    assert_int_equal(walk(f, 0, 1, "file"), 0);
    assert_int_equal(walk(f, 0, 1, "file"), EINVAL); /* it is in use */
    assert_int_equal(say(f, ATTACH, "44ss4", N(1), N(UINT32_MAX), "", "", N(0)), EINVAL);
    assert_int_equal(say(f, ATTACH, "44ss4", N(9), N(UINT32_MAX), "", "other", N(0)), ENOENT);
    assert_int_equal(say(f, ATTACH, "44ss4", N(9), N(3), "", "", N(0)), EINVAL);
    assert_int_equal(say(f, READ, "484", N(1), N(0), N(9)), EBADF); /* it is not open */
    assert_int_equal(say(f, LOPEN, "44", N(1), N(3)), EINVAL);
    assert_int_equal(say(f, LOPEN, "44", N(1), N(O_RDONLY)), 0);
    assert_int_equal(say(f, LOPEN, "44", N(1), N(O_RDONLY)), EINVAL);
    assert_int_equal(say(f, READDIR, "484", N(1), N(0), N(1000)), ENOTDIR);
    assert_int_equal(say(f, READ, "484", N(1), N(3), N(1000)), 0);
    assert_int_equal(wire_get(&f->reply, 4), 4);
    assert_memory_equal(wire_take(&f->reply, 4), "tent", 4);
    assert_int_equal(say(f, READ, "484", N(1), N(UINT64_MAX), N(1000)), EINVAL);
    assert_int_equal(say(f, CLUNK, "4", N(1)), 0);
    assert_int_equal(say(f, CLUNK, "4", N(1)), EBADF);
    /* A message that says less than it should. */
    struct message message;
    begin(&message, LOPEN);
    wire_put(&message.to, 4, 0);
    assert_int_equal(finish(f, &message), EINVAL);
}

/* What a restored server has is what the journal says, if it is still there. */
static void test_restored(void **state)
{
    struct fixture *f = *state;
    put_file(f, "folder/other", "other");
    assert_int_equal(walk(f, 0, 1, "file"), 0);
    assert_int_equal(say(f, LOPEN, "44", N(1), N(O_RDONLY)), 0);
    assert_int_equal(walk(f, 0, 2, "other"), 0);
    assert_int_equal(walk(f, 0, 3, "d"), 0);
    assert_int_equal(walk(f, 0, 4, "d|absolute"), 0);
    assert_int_equal(say(f, RENAMEAT, "4s4s", N(0), "d", N(0), "moved"), 0);
    assert_int_equal(walk(f, 0, 5, "file"), 0);
    assert_int_equal(say(f, CLUNK, "4", N(5)), 0);
    share_server_free(f->server);
    unlink(place(f, "folder/other"));
    put_file(f, "folder/other", "another");
    start(f, false, false);
    size_t length;
    uint8_t *journal = f->server->compact(f->journal, f->journal_bytes, &length);
    assert_true(length < f->journal_bytes);
    f->server->ops->restored(f->server, journal, length);
    free(journal);
    assert_int_equal(say(f, READ, "484", N(1), N(0), N(7)), 0);
    assert_int_equal(wire_get(&f->reply, 4), 7);
    assert_memory_equal(wire_take(&f->reply, 7), "content", 7);
    assert_int_equal(say(f, GETATTR, "48", N(2), N(0x7ff)), ESTALE); /* never the wrong file */
    assert_int_equal(say(f, LOPEN, "44", N(2), N(O_RDONLY)), ESTALE);
    assert_int_equal(say(f, GETATTR, "48", N(3), N(0x7ff)), 0);
    assert_int_equal(say(f, READLINK, "4", N(4)), 0);
    assert_int_equal(say(f, GETATTR, "48", N(5), N(0x7ff)), EBADF);
    /* A journal of someone who would be elsewhere. */
    uint8_t hostile[256];
    struct wire_writer to = {hostile, hostile + sizeof hostile, false};
    wire_put(&to, 1, 1);
    wire_put(&to, 4, 6);
    for (unsigned i = 0; i < 4 + 1 + 4 + 24; i++)
        wire_put(&to, 1, 0);
    wire_put_text(&to, "../secret", 9);
    assert_true(f->server->valid(hostile, (size_t)(to.at - hostile)));
    f->server->ops->restored(f->server, hostile, (size_t)(to.at - hostile));
    assert_int_equal(say(f, GETATTR, "48", N(6), N(0x7ff)), ESTALE);
    assert_false(f->server->valid(hostile, (size_t)(to.at - hostile) - 1));
}

static void test_nobody(void **state)
{
    struct fixture *f = *state;
    struct error error;
    assert_null(share_server_open(&(struct share_config){.path = place(f, "none")}, &error));
    assert_non_null(strstr(error.text, "none: No such file"));
    assert_null(share_server_open(&(struct share_config){.path = place(f, "secret")}, &error));
    /* The folder of a restored machine that nobody gave. */
    share_server_free(f->server);
    strcpy(f->folder, "");
    start(f, false, false);
    assert_int_equal(say(f, VERSION, "4s", N(8192), "9P2000.L"), 0);
    assert_int_equal(say(f, ATTACH, "44ss4", N(0), N(UINT32_MAX), "", "", N(0)), ESTALE);
    /* A folder that vanishes. */
    share_server_free(f->server);
    strcpy(f->folder, place(f, "gone"));
    assert_int_equal(mkdir(f->folder, 0755), 0);
    start(f, false, false);
    attach_root(f);
    assert_int_equal(rmdir(f->folder), 0);
    assert_int_equal(say(f, MKDIR, "4s44", N(0), "new", N(0755), N(0)), ENOENT);
    assert_int_equal(walk(f, 0, 1, "x"), ENOENT);
}

static void test_policy(void **state)
{
    struct fixture *f = *state;
    struct error error;
    static const char rules[] = "9p mkdir if 1 = \"no*\" deny EDQUOT\n"
                                "9p mkdir if 1 = \"old\" rewrite 1 \"new\"\n"
                                "9p mkdir rewrite 2 0700\n"
                                "9p walk if 2 = \"file\" deny ENOENT\n"
                                "9p walk if 3 = \"d\" rewrite 3 \"..\"\n"
                                "9p read if 2 > 3 deny\n";
    share_server_free(f->server);
    f->policy = policy_parse("rules", rules, &error);
    assert_non_null(f->policy);
    start(f, false, false);
    attach_root(f);
    assert_int_equal(say(f, MKDIR, "4s44", N(0), "not", N(0755), N(0)), EDQUOT);
    assert_int_equal(access(place(f, "folder/not"), F_OK), -1);
    assert_int_equal(say(f, MKDIR, "4s44", N(0), "old", N(0755), N(0)), 0);
    struct stat status;
    assert_int_equal(stat(place(f, "folder/new"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(walk(f, 0, 1, "file"), ENOENT);
    /* A rule is no way out of the folder. */
    assert_int_equal(walk(f, 0, 1, "d|d"), 0);
    assert_int_equal(walk(f, 1, 2, "secret"), ENOENT);
    assert_int_equal(say(f, READ, "484", N(0), N(0), N(4)), EPERM);
    assert_int_not_equal(say(f, READ, "484", N(0), N(0), N(3)), EPERM);
    /* Rules for requests that there are none of. */
    static const char *const bad[][2] = {{"9p erase deny", "9p has no call erase"},
                                         {"9p clunk if 1 = 0 deny", "clunk has no argument 1"}};
    for (unsigned i = 0; i < 2; i++) {
        struct policy *policy = policy_parse("rules", bad[i][0], &error);
        assert_non_null(policy);
        assert_null(share_server_open(&(struct share_config){f->folder, false, false, policy}, &error));
        assert_non_null(strstr(error.text, bad[i][1]));
        policy_free(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_version, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_no_way_out, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_race, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_devices, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_fids, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_restored, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_nobody, set_up, take_down),
        cmocka_unit_test_setup_teardown(test_policy, set_up, take_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
