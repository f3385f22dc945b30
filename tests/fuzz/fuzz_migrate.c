/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: a machine that comes over a socket. The input says which bytes of a good conversation are changed, and
 * whether the checksums are made right again; where the machine is taken all the same, it runs a little. The first byte
 * chooses: bit 0 the checksums, bit 1 messages change places, bit 2 the end is cut off; then follow places (a message,
 * an offset in it) and bytes. */
#include <fcntl.h>
#include <sys/socket.h>
#include "machine/contract/fields.h"
#include "snapshot/codec.h"
#include "snapshot/config.h"
#include "snapshot/migrate.h"
#include "snapshot/migrate_stream.h"
#include "snapshot/state.h"
#include "tests/fuzz/small_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 256u
#define BUFFER_BYTES (4 << 20)

static struct bytes good;                  /* the conversation of a source */
static size_t starts[MESSAGES_MAX + 1];    /* of its messages, and where it ends */
static unsigned message_count;

static void say(enum migrate_kind kind, const struct bytes *body)
{
    struct migrate_head head = {kind, (uint32_t)body->length, hash_bytes(body->at, body->length, FIELDS_HASH_SEED)};
    if (message_count == MESSAGES_MAX)
        abort();
    starts[message_count++] = good.length;
    bytes_put(&good, &head, sizeof head);
    bytes_put(&good, body->at, body->length);
    starts[message_count] = good.length;
}

static void say_pages(uint32_t space, unsigned count)
{
    struct bytes body = {0};
    uint8_t content[PAGE_SIZE_BYTES];
    bytes_put_u32(&body, space);
    bytes_put_u32(&body, count);
    for (unsigned i = 0; i < count; i++)
        bytes_put_u64(&body, (i * 3 + 5) * 2 + (i % 4 == 3));
    for (unsigned i = 0; i < count; i++)
        if (i % 4 != 3)
            bytes_put(&body, memset(content, (int)i, sizeof content), sizeof content);
    say(MIGRATE_PAGES, &body);
    bytes_free(&body);
}

static void say_base(const struct device *device)
{
    struct medium_identity identity;
    struct bytes body = {0};
    if (!device->class->medium->identify(device->instance, &identity, &error))
        abort();
    bytes_put_name(&body, device->name);
    codec_put(&body, &medium_identity_fields, &identity);
    say(MIGRATE_BASE, &body);
    bytes_free(&body);
}

static void say_state(const struct machine *machine)
{
    struct state_image state = {0};
    state_take(&state, machine, true);
    for (size_t i = 0; i < state_piece_count(&state); i++) {
        const struct state_piece *piece = state_piece(&state, i);
        struct bytes body = {0};
        bytes_put_name(&body, piece->name);
        bytes_put(&body, state.bytes.at + piece->offset, piece->length);
        say(MIGRATE_STATE, &body);
        bytes_free(&body);
    }
    state_free(&state);
}

static void make_good(void)
{
    struct bytes body = {0};
    struct machine *machine = make_small_machine("migrate");
    bytes_put(&body, MIGRATE_MAGIC, 8);
    bytes_put_u32(&body, MIGRATE_VERSION);
    config_put(&body, &options);
    say(MIGRATE_HELLO, &body);
    body.length = 0;
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->medium)
            say_base(&machine->devices[i]);
    say_pages(0, 12);
    say_pages(1, 3);
    say_state(machine);
    say(MIGRATE_END, &body);
    say(MIGRATE_GO, &body);
    bytes_free(&body);
    machine_free(machine);
}

static void remove_image(void)
{
    unlink(image);
}

/* A target, at the other end of `fd`. Returns whether the machine is here. */
static bool receive(int fd)
{
    struct run_options mine;
    bool here = false;
    struct incoming *incoming = incoming_take(fd, &error);
    if (!incoming)
        return false;
    run_options_default(&mine);
    mine.clock = CLOCK_CHOICE_VIRTUAL;
    mine.incoming = "here";
    mine.disk_count = 1;
    mine.disks[0] = options.disks[0];
    if (incoming_configure(incoming, &mine, &error) && mine.memory_bytes == options.memory_bytes &&
        mine.cpus == options.cpus && mine.net_count == 0 && mine.share_count == 0) {
        struct machine *machine = machine_create(&options, &interp_engine, &error);
        if (machine && incoming_receive(incoming, machine, &error)) {
            here = true;
            run_a_little(machine);
        }
        machine_free(machine);
    }
    incoming_free(incoming);
    return here;
}

/* Sends the bytes, all of which the socket has room for. */
static bool converse(const struct bytes *bytes)
{
    int ends[2], room = BUFFER_BYTES;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        abort();
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    ssize_t sent = send(ends[0], bytes->at, bytes->length, MSG_NOSIGNAL);
    if (sent != (ssize_t)bytes->length)
        abort();
    shutdown(ends[0], SHUT_WR);
    bool here = receive(ends[1]);
    close(ends[0]);
    return here;
}

static void change(uint8_t *at, bool checksums, const uint8_t *data, size_t size)
{
    for (; size >= 5; data += 5, size -= 5) {
        const unsigned message = data[0] % message_count;
        const size_t length = starts[message + 1] - starts[message];
        at[starts[message] + (data[1] | data[2] << 8 | (size_t)data[3] << 16) % length] ^= data[4];
    }
    for (unsigned i = 0; checksums && i < message_count; i++) {
        struct migrate_head head;
        const size_t length = starts[i + 1] - starts[i] - sizeof head;
        memcpy(&head, at + starts[i], sizeof head);
        head.length = (uint32_t)length;
        head.checksum = hash_bytes(at + starts[i] + sizeof head, length, FIELDS_HASH_SEED);
        memcpy(at + starts[i], &head, sizeof head);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!good.length) {
        make_good();
        atexit(remove_image);
        if (!converse(&good)) {
            fprintf(stderr, "fuzz_migrate: the good conversation is refused: %s\n", error.text);
            abort();
        }
    }
    if (size < 2)
        return 0;
    struct bytes bytes = {0}, moved = {0};
    bytes_put(&bytes, good.at, good.length);
    change(bytes.at, data[0] & 1, data + 2, size - 2 < 5 * 12 ? size - 2 : 5 * 12);
    if (data[0] & 2) { /* one message comes twice, and all behind it a place later */
        const unsigned twice = data[1] % message_count;
        bytes_put(&moved, bytes.at, starts[twice + 1]);
        bytes_put(&moved, bytes.at + starts[twice], bytes.length - starts[twice]);
    } else {
        bytes_put(&moved, bytes.at, bytes.length);
    }
    if (data[0] & 4)
        moved.length = moved.length * data[size - 1] / 256;
    converse(&moved);
    bytes_free(&bytes);
    bytes_free(&moved);
    return 0;
}
