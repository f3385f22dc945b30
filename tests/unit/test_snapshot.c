/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots: every structure of a machine in random states, saved, restored, equal; the codec; memory by pages; files
 * that are damaged in every place. */
#include "tests/unit/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "machine/machine.h"
#include "snapshot/codec.h"
#include "snapshot/snapshot.h"
#include "tests/unit/still_engine.h"

static struct run_options options;
static struct error error;
static char path[] = "/tmp/armature-snapshot-XXXXXX";
static uint64_t state = 88172645463325252ull;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static struct machine *make(void)
{
    struct machine *machine = machine_create(&options, &still_engine, &error);
    if (!machine)
        fail_msg("%s", error.text);
    machine_reset(machine);
    return machine;
}

static void save(struct machine *machine, bool compress)
{
    if (!snapshot_save(machine, path, compress, &error))
        fail_msg("%s", error.text);
}

/* The machine in the file; the snapshot stays open in `*snapshot`. NULL: `error` says why not. */
static struct machine *restore(struct snapshot **snapshot)
{
    error.text[0] = 0;
    *snapshot = snapshot_open(path, &error);
    if (!*snapshot)
        return NULL;
    struct machine *machine = machine_create(&options, &still_engine, &error);
    assert_non_null(machine);
    if (snapshot_restore(*snapshot, machine, &error))
        return machine;
    machine_free(machine);
    return NULL;
}

static int set_up(void **unused)
{
    run_options_default(&options);
    options.serial.kind = SERIAL_NONE;
    options.console = (struct serial_option){SERIAL_FILE, "/dev/null"};
    options.memory_bytes = 32ull << 20;
    options.cpus = 3;
    options.clock = CLOCK_CHOICE_VIRTUAL;
    options.net_count = 1;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    return 0;
}

static int tear_down(void **unused)
{
    unlink(path);
    strcpy(path + strlen(path) - 6, "XXXXXX");
    return 0;
}

/* --- random states --------------------------------------------------------------------------------- */

/* Random numbers in every field that has no bounds which only its owner knows. */
static void randomise(const struct fields *fields, uint8_t *object)
{
    for (const struct field *field = fields->list; field->kind != FIELD_KIND_END; field++) {
        uint8_t *at = object + field->offset;
        for (uint32_t i = 0; i < field->count; i++, at += field->size) {
            uint64_t value = next_random();
            if (field->kind == FIELD_KIND_STRUCT)
                randomise(field->fields, at);
            else if (field->kind == FIELD_KIND_UINT)
                memcpy(at, &(uint64_t){field->boolean ? value & 1 : value}, field->size);
            else if (field->kind == FIELD_KIND_BYTES)
                for (uint32_t b = 0; b < field->size; b++)
                    at[b] = (uint8_t)next_random();
        }
    }
}

/* Saving and loading one structure by itself changes nothing, whatever is in it. */
static void check_codec(const struct fields *fields, void *object)
{
    uint8_t *other = calloc(1, fields->size);
    struct bytes bytes = {0}, again = {0};
    randomise(fields, object);
    codec_put(&bytes, fields, object);
    struct reader reader = {bytes.at, bytes.length, false};
    if (!codec_get(&reader, fields, other, fields->name, &error))
        fail_msg("%s", error.text);
    assert_int_equal(reader.left, 0);
    assert_true(fields_equal(fields, object, other));
    codec_put(&again, fields, other);
    assert_int_equal(bytes.length, again.length);
    assert_memory_equal(bytes.at, again.at, bytes.length);
    bytes_free(&bytes);
    bytes_free(&again);
    free(other);
}

static void every_structure_comes_back(void **unused)
{
    struct machine *machine = make();
    const struct fields *others[] = {&run_loop_fields, &machine_fields, &clock_fields, &cpu_event_fields, &cpu_fields};
    for (unsigned i = 0; i < machine->device_count; i++)
        if (machine->devices[i].class->state) {
            void *copy = calloc(1, machine->devices[i].class->state->size);
            check_codec(machine->devices[i].class->state, copy);
            free(copy);
        }
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        void *copy = aligned_alloc(64, (others[i]->size + 63) / 64 * 64);
        memset(copy, 0, others[i]->size);
        check_codec(others[i], copy);
        free(copy);
    }
    machine_free(machine);
}

/* A state that a machine could have: registers, time, events, memory, what waits to be told. */
static void stir(struct machine *machine)
{
    for (unsigned i = 0; i < machine->cpu_count; i++) {
        struct cpu *cpu = machine->cpus[i];
        for (unsigned r = 0; r < REG_ZERO; r++)
            cpu->x[r] = next_random();
        for (unsigned v = 0; v < 32; v++)
            cpu->v[v].d[0] = next_random(), cpu->v[v].d[1] = next_random();
        cpu->pc = next_random() & ~3ull;
        cpu->icount = cpu->turn_icount = next_random() >> 8;
        cpu->limit = next_random();
        cpu->sys.CNTV_CTL_EL0 = 1;
        cpu->sys.CNTV_CVAL_EL0 = 1000 + next_random() % 1000;
    }
    machine->clock.next_order = 77;
    machine->clock.now_ns = 1 << 20; /* timers are due, and their events have not fired: no wire is driven yet */
    machine->loop.round = (struct run_round){.under_way = true, .in_turn = true, .cpu = 1, .before_insns = 5};
    machine->loop.end_ns = 12345;
    machine->uart.panic.begun = true;
    for (uint64_t page = 0; page < 600; page++) {
        uint64_t *at = (uint64_t *)(machine->bus.ram.host + page * page % 8000 * PAGE_SIZE_BYTES);
        for (unsigned n = 0; n < PAGE_SIZE_BYTES / 8; n++)
            at[n] = page % 7 == 0 ? 42 : next_random();
    }
    input_post(machine->inputs, machine->uart.source, "typed ahead", 11);
}

static void round_trip(bool compress)
{
    struct machine *machine = make();
    struct snapshot *snapshot;
    stir(machine);
    uint64_t hash = machine_hash(machine);
    save(machine, compress);
    assert_int_equal(machine_hash(machine), hash);
    struct machine *other = restore(&snapshot);
    if (!other)
        fail_msg("%s", error.text);
    for (unsigned i = 0; i < machine->device_count; i++)
        assert_true(fields_hash(machine->devices[i].class->state, machine->devices[i].instance, 0) ==
                    fields_hash(machine->devices[i].class->state, other->devices[i].instance, 0));
    assert_int_equal(machine_hash(other), hash);
    assert_int_equal(other->clock.next_order, 77);
    assert_true(other->loop.round.in_turn);
    assert_true(other->uart.panic.begun);
    assert_true(inputs_queued(other->inputs));
    machine_reset(other); /* what was mapped does not come back */
    assert_true(other->bus.ram.host[0] == 0);
    machine_free(other);
    snapshot_close(snapshot);
    machine_free(machine);
}

static void a_machine_comes_back(void **unused)
{
    round_trip(false);
}

static void a_machine_comes_back_compressed(void **unused)
{
    round_trip(true);
}

/* --- bad files ------------------------------------------------------------------------------------- */

/* The file as bytes; the caller frees it. */
static uint8_t *content_of(size_t *length)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    assert_int_equal(fstat(fd, &status), 0);
    uint8_t *bytes = malloc((size_t)status.st_size);
    *length = (size_t)status.st_size;
    assert_int_equal(read(fd, bytes, *length), status.st_size);
    close(fd);
    return bytes;
}

static void replace(const uint8_t *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

/* Restores what stands in the file, which may succeed; where it does not, there is one line that names the file. */
static bool try_it(void)
{
    struct snapshot *snapshot;
    struct machine *machine = restore(&snapshot);
    if (!machine) {
        assert_non_null(strstr(error.text, path));
        assert_null(strchr(error.text, '\n'));
    }
    machine_free(machine);
    snapshot_close(snapshot);
    return machine != NULL;
}

static void a_short_file_is_refused(void **unused)
{
    struct machine *machine = make();
    size_t length;
    save(machine, false);
    machine_free(machine);
    uint8_t *bytes = content_of(&length);
    for (unsigned i = 0; i < 40; i++) {
        replace(bytes, i < 20 ? i * 13 : next_random() % length);
        assert_false(try_it());
    }
    replace(bytes, length);
    assert_true(try_it());
    free(bytes);
}

static void a_flipped_bit_is_noticed(void **unused)
{
    struct machine *machine = make();
    size_t length;
    save(machine, false);
    machine_free(machine);
    uint8_t *bytes = content_of(&length);
    unsigned passed = 0;
    for (unsigned i = 0; i < 150; i++) {
        /* The header, and the part behind it: there are no stored pages. The rest of page 0 says nothing. */
        size_t at = i < 40 ? next_random() % 72 : PAGE_SIZE_BYTES + next_random() % (length - PAGE_SIZE_BYTES);
        bytes[at] ^= (uint8_t)(1u << i % 8);
        replace(bytes, length);
        passed += try_it(); /* a byte between two sections says nothing */
        bytes[at] ^= (uint8_t)(1u << i % 8);
    }
    assert_in_range(passed, 0, 5);
    free(bytes);
}

static void an_old_file_survives_a_failure(void **unused)
{
    struct machine *machine = make();
    assert_false(snapshot_save(machine, "/tmp/armature-no-such-folder/x", false, &error));
    assert_non_null(strstr(error.text, "/tmp/armature-no-such-folder/x"));
    assert_false(snapshot_save(machine, "/dev/null", false, &error));
    machine_free(machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_structure_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_machine_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_machine_comes_back_compressed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_short_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flipped_bit_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_file_survives_a_failure, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
