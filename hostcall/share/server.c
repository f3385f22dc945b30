/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests: their table, taking them apart, and the session. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "hostcall/share/server.h"
#include "machine/contract/error.h"

/* --- table --- */

#define HEAD_BYTES 7u
#define TYPE_ERROR 7u /* of the reply Rlerror */

/* `arguments`, in order: 1, 4, 8 a number of so many bytes; s a string; w a count of 2 bytes and as many strings; d a
 * count of 4 bytes and as many bytes, f a number of 2 bytes that is of no interest. The reply's type is the next. */
static const struct message {
    uint8_t type;
    bool changes; /* the folder: not where it is read-only */
    const char *name, *arguments;
    serve_message *serve;
} messages[] = {
    {8, false, "statfs", "4", serve_statfs},
    {12, false, "lopen", "44", serve_open},
    {14, true, "lcreate", "4s444", serve_create},
    {16, true, "symlink", "4ss4", serve_symlink},
    {18, true, "mknod", "4s4444", serve_mknod},
    {20, true, "rename", "44s", serve_rename},
    {22, false, "readlink", "4", serve_readlink},
    {24, false, "getattr", "48", serve_getattr},
    {26, true, "setattr", "4444488888", serve_setattr},
    {30, false, "xattrwalk", "44s", serve_xattrwalk},
    {32, true, "xattrcreate", "4s84", serve_xattrcreate},
    {40, false, "readdir", "484", serve_readdir},
    {50, false, "fsync", "44", serve_fsync},
    {52, false, "lock", "414884s", serve_lock},
    {54, false, "getlock", "41884s", serve_getlock},
    {70, true, "link", "44s", serve_link},
    {72, true, "mkdir", "4s44", serve_mkdir},
    {74, true, "renameat", "4s4s", serve_renameat},
    {76, true, "unlinkat", "4s4", serve_unlinkat},
    {100, false, "version", "4s", serve_version},
    {102, false, "auth", "4ss4", serve_auth},
    {104, false, "attach", "44ss4", serve_attach},
    {108, false, "flush", "f", serve_flush},
    {110, false, "walk", "44w", serve_walk},
    {116, false, "read", "484", serve_read},
    {118, false, "write", "48d", serve_write},
    {120, false, "clunk", "4", serve_clunk},
    {122, true, "remove", "4", serve_remove},
};

static const struct message *find_message(uint8_t type)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        if (messages[i].type == type)
            return &messages[i];
    return NULL;
}

/* --- taking apart --- */

struct texts {
    char *at, *end;
};

static bool take_text(struct request *request, struct wire_reader *from, struct texts *room)
{
    size_t length = wire_get(from, 2);
    const uint8_t *bytes = wire_take(from, length);
    if (!bytes || length >= SHARE_PATH_MAX || (size_t)(room->end - room->at) <= length ||
        request->text_count == WALK_MAX || memchr(bytes, 0, length))
        return false;
    memcpy(room->at, bytes, length);
    room->at[length] = 0;
    request->texts[request->text_count++] = room->at;
    room->at += length + 1;
    return true;
}

static bool take_walk(struct request *request, struct wire_reader *from, struct texts *room)
{
    uint64_t count = wire_get(from, 2);
    bool good = count <= WALK_MAX;
    for (uint64_t i = 0; i < count && good; i++)
        good = take_text(request, from, room);
    return good;
}

static bool take_arguments(struct request *request, const char *arguments, struct wire_reader *from)
{
    struct texts room = {request->room, request->room + sizeof request->room};
    unsigned count = 0;
    bool good = true;
    for (; *arguments && good; arguments++) {
        switch (*arguments) {
        case 's': good = take_text(request, from, &room); break;
        case 'w': good = take_walk(request, from, &room); break;
        case 'f': wire_get(from, 2); break;
        case 'd':
            request->data_bytes = wire_get(from, 4);
            request->data = wire_take(from, request->data_bytes);
            break;
        default: request->numbers[count++] = wire_get(from, (unsigned)(*arguments - '0'));
        }
    }
    return good && !from->bad;
}

/* --- policy --- */

static unsigned count_of(const char *arguments)
{
    unsigned count = 0;
    for (; *arguments; arguments++)
        count += *arguments == 'w' ? WALK_MAX : 1;
    return count;
}

static const char *row_of(const void *context, unsigned index, unsigned *arguments)
{
    if (index >= sizeof messages / sizeof messages[0])
        return NULL;
    *arguments = count_of(messages[index].arguments);
    return messages[index].name;
}

/* Rules count arguments as the message has them; data is a number, its length. */
static int judge(const struct message *message, struct request *request)
{
    struct policy_subject subject = {.table = POLICY_9P, .name = message->name};
    uint8_t number_at[POLICY_ARGUMENTS_MAX], text_at[POLICY_ARGUMENTS_MAX];
    unsigned numbers = 0, texts = 0;
    for (const char *at = message->arguments; *at; at++) {
        const unsigned last = *at == 's' ? texts + 1 : *at == 'w' ? request->text_count : texts;
        for (; texts < last; texts++, subject.count++) {
            text_at[texts] = (uint8_t)subject.count;
            subject.texts[subject.count] = request->texts[texts];
        }
        if (*at == 's' || *at == 'w')
            continue;
        subject.numbers[subject.count] = *at == 'd' ? request->data_bytes : *at == 'f' ? 0 : request->numbers[numbers];
        if (*at != 'd' && *at != 'f')
            number_at[numbers++] = (uint8_t)subject.count;
        subject.count++;
    }
    const struct policy_verdict verdict = policy_judge(request->server->config.policy, &subject);
    for (unsigned i = 0; i < numbers; i++)
        request->numbers[i] = subject.numbers[number_at[i]];
    for (unsigned i = 0; i < texts; i++)
        request->texts[i] = subject.texts[text_at[i]];
    return verdict.kind == POLICY_DENY ? verdict.error : 0;
}

/* --- answering --- */

static int do_message(struct server *server, const struct message *message, struct request *request,
                      struct wire_reader *from)
{
    if (!message)
        return EOPNOTSUPP;
    if (!take_arguments(request, message->arguments, from))
        return EINVAL;
    if (server->root < 0 && message->serve != serve_version)
        return ESTALE;
    if (message->changes && server->config.read_only)
        return EROFS;
    const int denied = server->config.policy ? judge(message, request) : 0;
    return denied ? denied : message->serve(request);
}

static void put_head(uint8_t *reply, size_t length, uint8_t type, uint16_t tag)
{
    struct wire_writer head = {reply, reply + HEAD_BYTES, false};
    wire_put(&head, 4, length);
    wire_put(&head, 1, type);
    wire_put(&head, 2, tag);
}

static void post(struct server *server, size_t records, size_t reply)
{
    uint32_t length = (uint32_t)records;
    memcpy(server->answer, &length, sizeof length);
    /* The reply was written behind the room for records. */
    memmove(server->answer + sizeof length + records, server->answer + sizeof length + SHARE_RECORDS_MAX, reply);
    bool posted = input_post(server->inputs, server->source, server->answer, sizeof length + records + reply);
    if (!posted)
        abort(); /* out of memory: VIRTIO_9P_IN_FLIGHT_MAX answers fit */
}

static void serve(struct share_server *share, const uint8_t *bytes, size_t length, size_t room)
{
    struct server *server = (struct server *)share;
    struct request request; /* whose room for texts is filled as far as there are any */
    if (!server->inputs)
        return; /* a replay: the log has the answer */
    if (room > server->message_max)
        room = server->message_max;
    uint8_t *records = server->answer + 4, *reply = records + SHARE_RECORDS_MAX;
    request.server = server;
    request.text_count = 0;
    request.reply = (struct wire_writer){reply + HEAD_BYTES, reply + room, false};
    request.records = (struct wire_writer){records, records + SHARE_RECORDS_MAX, false};
    struct wire_reader from = {bytes, bytes + length, false};
    uint64_t size = wire_get(&from, 4);
    uint8_t type = (uint8_t)wire_get(&from, 1);
    uint16_t tag = (uint16_t)wire_get(&from, 2);
    const struct message *message = find_message(type);
    int wrong = size < HEAD_BYTES || size > length ? EINVAL : 0;
    from.end = bytes + (wrong ? HEAD_BYTES : size);
    if (!wrong)
        wrong = do_message(server, message, &request, &from);
    if (!wrong && request.reply.bad)
        wrong = ENOBUFS;
    if (wrong) {
        request.reply = (struct wire_writer){reply + HEAD_BYTES, reply + room, false};
        wire_put(&request.reply, 4, (uint32_t)wrong);
    }
    size_t reply_bytes = (size_t)(request.reply.at - reply);
    put_head(reply, reply_bytes, wrong ? TYPE_ERROR : (uint8_t)(type + 1), tag);
    post(server, (size_t)(request.records.at - records), reply_bytes);
}

/* --- the session --- */

static void forget_all(struct server *server)
{
    locks_clear(&server->locks);
    fids_clear(&server->fids);
}

/* 9P2000.L and nothing else is spoken here: 9P2000.u and the plain protocol are told so, in the protocol's way. */
int serve_version(struct request *request)
{
    struct server *server = request->server;
    bool known = !strcmp(request->texts[0], "9P2000.L");
    uint64_t most = request->numbers[0] < SHARE_MESSAGE_MAX ? request->numbers[0] : SHARE_MESSAGE_MAX;
    if (most < 512)
        return EINVAL; /* nothing could be said */
    const char *version = known ? "9P2000.L" : "unknown";
    forget_all(server);
    journal_put_clear(&request->records);
    if (known)
        server->message_max = (uint32_t)most;
    wire_put(&request->reply, 4, most);
    wire_put_text(&request->reply, version, strlen(version));
    return 0;
}

int serve_auth(struct request *request)
{
    return EOPNOTSUPP; /* whoever is the guest may have the folder */
}

int serve_attach(struct request *request)
{
    struct server *server = request->server;
    struct share_identity identity;
    struct statx attributes;
    uint32_t number = (uint32_t)request->numbers[0];
    const char *tree = request->texts[1];
    if (request->numbers[1] != NO_FID)
        return EINVAL;
    if (*tree && strcmp(tree, "/"))
        return ENOENT;
    if (number == NO_FID || fids_find(&server->fids, number))
        return EINVAL;
    int fd = host_at(server->root, "");
    int result = fd < 0 ? fd : guest_stat(server, fd, &attributes, &identity);
    if (result < 0) {
        if (fd >= 0)
            close(fd);
        return -result;
    }
    struct fid *fid = fids_add(&server->fids, number, (uint32_t)request->numbers[2], "", &identity, fd);
    if (!fid) {
        close(fd);
        return ENFILE;
    }
    note_fid(request, fid);
    put_qid(request, &attributes, &identity);
    return 0;
}

/* Every request is answered before the next is looked at. */
int serve_flush(struct request *request)
{
    return 0;
}

/* --- operations --- */

static void attach(struct share_server *share, struct inputs *inputs, unsigned source)
{
    struct server *server = (struct server *)share;
    server->inputs = server->config.path ? inputs : NULL;
    server->source = source;
}

static void reset(struct share_server *share)
{
    forget_all((struct server *)share);
}

/* Descriptors are opened again when they are needed, and what is found is compared then. */
static void restored(struct share_server *share, const uint8_t *journal, size_t length)
{
    struct server *server = (struct server *)share;
    forget_all(server);
    if (server->inputs)
        journal_apply(&server->fids, journal, length);
}

static void more(struct share_server *share, const uint8_t *records, size_t length)
{
    struct server *server = (struct server *)share;
    if (server->inputs)
        journal_apply(&server->fids, records, length);
}

static void free_server(struct share_server *share)
{
    struct server *server = (struct server *)share;
    forget_all(server);
    if (server->root >= 0)
        close(server->root);
    free(server);
}

static const struct share_server_ops server_ops = {attach, serve, reset, restored, more, free_server};

/* A fid costs a descriptor as long as there are enough. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool open_root(struct server *server, struct error *error)
{
    const char *path = server->config.path;
    struct share_identity identity;
    server->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (server->root < 0)
        return error_set(error, "share %s: %s; --share expects a directory of the host", path, strerror(errno));
    int result = host_stat(server->root, NULL, &identity);
    if (result)
        return error_set(error, "share %s: %s", path, strerror(-result));
    int again = host_at(server->root, "");
    if (again < 0)
        return error_set(error, "share %s: this host cannot keep a guest in it (openat2: %s); leave --share out", path,
                         strerror(-again));
    close(again);
    server->devices[server->device_count++] = identity.device;
    raise_limit();
    return true;
}

struct share_server *share_server_open(const struct share_config *config, struct error *error)
{
    struct server *server = host_alloc(1, sizeof *server);
    *server = (struct server){
        .share = {.ops = &server_ops, .compact = journal_compact, .valid = journal_valid},
        .config = *config,
        .root = -1,
        .message_max = SHARE_MESSAGE_MAX,
    };
    if (!policy_check(config->policy, POLICY_9P, row_of, NULL, error) ||
        (config->path && *config->path && !open_root(server, error))) {
        free_server(&server->share);
        return NULL;
    }
    return &server->share;
}
