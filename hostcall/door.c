/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The door of calls. An answer is: CPU[1] count[1] call[8] registers[8] each, then address[8] length[4] bytes as often
 * as there is memory; a note has NOTE for its address. */
#include "hostcall/door.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES   10u
#define PIECE_BYTES  12u
#define NOTE         UINT64_MAX
#define NOTE_BYTES   2048u
/* Memory goes by pages, most of the time. */
#define MEMORY_BYTES                                                                                                   \
    (HEAD_BYTES + 8 * DOOR_REGISTERS_MAX + DOOR_MEMORY_MAX + (DOOR_MEMORY_MAX / PAGE_SIZE_BYTES + 64) * PIECE_BYTES)
#define ANSWER_BYTES (MEMORY_BYTES + 4 * (NOTE_BYTES + PIECE_BYTES))

static const struct field door_list[] = {
    FIELD_HOST(struct door, bus),
    FIELD_HOST(struct door, inputs),
    FIELD_HOST(struct door, noted),
    FIELD_HOST(struct door, note_context),
    FIELD_HOST(struct door, cpus),
    FIELD_HOST(struct door, cpu_count),
    FIELD_HOST(struct door, source),
    FIELD_HOST(struct door, serves),
    FIELD(struct door, calls),
    FIELD_ARRAY(struct door, waiting),
    FIELD_HOST(struct door, for_cpu),
    FIELD_HOST(struct door, answer),
    FIELD_HOST(struct door, answer_bytes),
    FIELD_HOST(struct door, memory_bytes),
    FIELDS_END,
};
static const struct fields door_fields = {"host-door", sizeof(struct door), door_list};

/* --- calling --------------------------------------------------------------------------------------- */

void door_begin(struct door *door, struct cpu *cpu)
{
    door->waiting[cpu->index] = ++door->calls;
    door->for_cpu = cpu->index;
    door->answer_bytes = HEAD_BYTES + 8 * DOOR_REGISTERS_MAX;
    door->memory_bytes = 0;
    cpu_set_flag(&cpu->wait, WAIT_HOST);
}

/* Where a piece fits. */
static void add_piece(struct door *door, uint64_t address, const void *bytes, size_t length)
{
    const uint32_t piece = (uint32_t)length;
    uint8_t *to = door->answer + door->answer_bytes;
    memcpy(to, &address, sizeof address);
    memcpy(to + 8, &piece, sizeof piece);
    if (length)
        memcpy(to + PIECE_BYTES, bytes, length);
    door->answer_bytes += PIECE_BYTES + length;
}

bool door_memory(struct door *door, uint64_t address, const void *bytes, size_t length)
{
    if (length > DOOR_MEMORY_MAX || door->memory_bytes + length > DOOR_MEMORY_MAX ||
        door->answer_bytes + PIECE_BYTES + length > MEMORY_BYTES ||
        !ram_at(&door->bus->ram, address, length))
        return false;
    add_piece(door, address, bytes, length);
    door->memory_bytes += length;
    return true;
}

void door_note(struct door *door, const void *bytes, size_t length)
{
    assert(length <= NOTE_BYTES && door->answer_bytes + PIECE_BYTES + length <= ANSWER_BYTES);
    add_piece(door, NOTE, bytes, length);
}

void door_answer(struct door *door, const uint64_t *registers, unsigned count)
{
    size_t unused = 8 * (DOOR_REGISTERS_MAX - count), memory = HEAD_BYTES + 8 * DOOR_REGISTERS_MAX;
    uint64_t call = door->waiting[door->for_cpu];
    door->answer[0] = (uint8_t)door->for_cpu;
    door->answer[1] = (uint8_t)count;
    memcpy(door->answer + 2, &call, sizeof call);
    memcpy(door->answer + HEAD_BYTES, registers, 8 * count);
    memmove(door->answer + memory - unused, door->answer + memory, door->answer_bytes - memory);
    if (!input_post(door->inputs, door->source, door->answer, door->answer_bytes - unused))
        abort(); /* out of memory: no CPU has more than one answer waiting */
}

/* --- answers --------------------------------------------------------------------------------------- */

/* Walks an answer, and does it if `act`. False: it is none. */
static bool take(struct door *door, const uint8_t *bytes, size_t length, bool act)
{
    if (length < HEAD_BYTES || bytes[0] >= door->cpu_count || bytes[1] > DOOR_REGISTERS_MAX ||
        length < HEAD_BYTES + 8u * bytes[1])
        return false;
    struct cpu *cpu = door->cpus[bytes[0]];
    uint64_t call;
    memcpy(&call, bytes + 2, sizeof call);
    size_t at = HEAD_BYTES + 8u * bytes[1];
    while (at < length) {
        uint64_t address;
        uint32_t piece;
        if (length - at < PIECE_BYTES)
            return false;
        memcpy(&address, bytes + at, sizeof address);
        memcpy(&piece, bytes + at + 8, sizeof piece);
        at += PIECE_BYTES;
        if (piece > length - at)
            return false;
        if (address == NOTE ? !door->noted || !door->noted(door->note_context, call, bytes + at, piece, act)
                            : !ram_at(&door->bus->ram, address, piece))
            return false;
        if (act && piece && address != NOTE)
            bus_dma_write(door->bus, address, bytes + at, piece);
        at += piece;
    }
    if (act)
        memcpy(cpu->x, bytes + HEAD_BYTES, 8u * bytes[1]);
    return true;
}

/* Whether it is what a CPU waits for; after a reset it may not be any more. */
static bool awaited(const struct door *door, const uint8_t *bytes, size_t length)
{
    uint64_t call;
    if (length < HEAD_BYTES || bytes[0] >= door->cpu_count)
        return false;
    memcpy(&call, bytes + 2, sizeof call);
    return call && door->waiting[bytes[0]] == call && cpu_flag(&door->cpus[bytes[0]]->wait) == WAIT_HOST;
}

static void deliver(void *device, const void *bytes, size_t length)
{
    struct door *door = device;
    const uint8_t *answer = bytes;
    if (!awaited(door, answer, length) || !take(door, answer, length, true))
        return;
    door->waiting[answer[0]] = 0;
    cpu_wake(door->cpus[answer[0]]);
}

static bool valid(void *device, const void *bytes, size_t length)
{
    return take(device, bytes, length, false);
}

/* --- operations ------------------------------------------------------------------------------------ */

static void door_reset(void *device)
{
    struct door *door = device;
    memset(door->waiting, 0, sizeof door->waiting);
}

static void door_free(void *device)
{
    struct door *door = device;
    free(door->answer);
    free(door);
}

const struct device_class door_class = {
    .name = "host-door",
    .state = &door_fields,
    .reset = door_reset,
    .free = door_free,
};

struct door *door_create(struct bus *bus, struct inputs *inputs, struct cpu *const *cpus, unsigned cpu_count,
                         bool serves)
{
    struct door *door = host_alloc(1, sizeof *door);
    *door = (struct door){
        .bus = bus,
        .inputs = inputs,
        .cpus = cpus,
        .cpu_count = cpu_count,
        .serves = serves,
        .answer = host_alloc(ANSWER_BYTES, 1),
    };
    door->source = input_register(
        inputs, &(struct input_source){.name = "hostcalls", .deliver = deliver, .valid = valid, .device = door});
    return door;
}
