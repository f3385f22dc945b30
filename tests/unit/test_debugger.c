/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The debugger's parts by themselves: expressions on a machine that stands still, BTF and a kernel's symbol table made
 * by hand, symbols by name and address. */
#include "unit.h"
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/debugger.h"
#include "debugger/view/expression.h"
#include "debugger/view/kernel_structures.h"
#include "debugger/symbols/kallsyms.h"
#include "machine/contract/engine.h"

static struct run_options options;
static struct machine *machine;
static struct session *session;
static struct error error;

static struct engine *create_engine(struct bus *bus, unsigned cpu_count, struct error *why)
{
    return (struct engine *)bus;
}

static void free_engine(struct engine *engine)
{
}

static void flush_engine(struct engine *engine)
{
}

static void insn_asked(struct engine *engine, uint64_t physical)
{
}

static const struct engine_ops no_engine = {
    .name = "none", .create = create_engine, .free = free_engine, .flush = flush_engine, .insn_asked = insn_asked};

static int set_up(void **state)
{
    run_options_default(&options);
    options.memory_bytes = 16ull << 20;
    options.serial.kind = SERIAL_NONE;
    machine = machine_create(&options, &no_engine, &error);
    if (!machine)
        return 1;
    machine_reset(machine);
    session = debugger_session(machine);
    return 0;
}

static int tear_down(void **state)
{
    session_free(session);
    machine_free(machine);
    return 0;
}

static uint64_t number(const char *text)
{
    uint64_t result = 0;
    if (!expression_number(session, text, &result, &error))
        fail_msg("%s: %s", text, error.text);
    return result;
}

static void refuses(const char *text)
{
    uint64_t result;
    error.text[0] = 0;
    assert_false(expression_number(session, text, &result, &error));
    assert_true(error.text[0]);
}

static void test_arithmetic(void **state)
{
    assert_int_equal(number("1 + 2 * 3 - 4 / 2"), 5);
    assert_int_equal(number("(1 + 2) * 3 % 4"), 1);
    assert_int_equal(number("0x10 | 1 << 4 ^ 0xff & 0x0f"), 0x1f);
    assert_int_equal(number("-1 >> 70"), (uint64_t)-1);
    assert_int_equal(number("(unsigned long)1 << 70"), 0);
    assert_int_equal(number("-7 / 2"), (uint64_t)-3);
    assert_int_equal(number("(unsigned char)-1"), 255);
    assert_int_equal(number("(signed char)255"), (uint64_t)-1);
    assert_int_equal(number("1 < 2 && 3 >= 3 && !(4 != 4) && -1 < 0"), 1);
    assert_int_equal(number("0 && 1 / 0 || 1"), 1);
    assert_int_equal(number("1 ? 2 : 1 / 0"), 2);
    assert_int_equal(number("'a' + '\\n'"), 107);
    assert_int_equal(number("sizeof(unsigned short) + sizeof(u64) + sizeof(char *)"), 18);
    static const char *const wrong[] = {"",           "1 +",
                                        "1 / 0",      "1 % 0",
                                        "(1",         "nothing",
                                        "$x31",       "1 2",
                                        "'a",         "99999999999999999999",
                                        "*(void *)1", "(struct nothing *)1",
                                        "3->x",       "&3",
                                        "12ab"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses(wrong[i]);
    char deep[512];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    refuses(deep);
}

static void test_floats(void **state)
{
    struct cpu *cpu = machine->cpus[0];
    const double twice = 2.5;
    const float single = -0.75f;
    cpu->x[REG_SP] = machine->bus.ram.base + 64;
    memcpy(machine->bus.ram.host, &twice, sizeof twice);
    memcpy(machine->bus.ram.host + 8, &single, sizeof single);
    assert_int_equal(number("(int)(1.5 + 2 * 0.25e1)"), 6);
    assert_int_equal(number("(int)-1.9"), (uint64_t)-1);
    assert_int_equal(number("1.5 < 2 && 2 >= 1.5f && !(0.1 == 0.1f) && -0.0 == 0"), 1);
    assert_int_equal(number("-0.0 ? 1 : 2"), 2);
    assert_int_equal(number("0.0 || -0.0"), 0);
    assert_int_equal(number("!0.5"), 0);
    assert_int_equal(number("sizeof(1.5 + 1) + sizeof(1.5f * 2.0f)"), 12);
    assert_int_equal(number("(long)(*(double *)($sp - 64) * 10)"), 25);
    assert_int_equal(number("*(float *)($sp - 56) < -0.5"), 1);
    assert_int_equal(number("(unsigned char)1e9 == (unsigned char)1000000000"), 1);
    assert_int_equal(number("(long)1e300"), INT64_MAX);
    assert_int_equal(number("(double)3 / 2 == 1.5"), 1);
    assert_int_equal(number("(int)(1.0 / 0 > 1e308)"), 1);
    struct value to, from;
    assert_true(expression_evaluate(session, "*(float *)($sp - 56)", &to, &error));
    assert_true(expression_evaluate(session, "3", &from, &error));
    assert_true(value_assign(session, &to, &from, &error));
    assert_int_equal(number("*(float *)($sp - 56) == 3.0"), 1);
    assert_true(expression_evaluate(session, "*(int *)($sp - 56)", &to, &error));
    assert_true(expression_evaluate(session, "-7.9", &from, &error));
    assert_true(value_assign(session, &to, &from, &error));
    assert_int_equal(number("*(int *)($sp - 56)"), (uint64_t)-7);
    static const char *const wrong[] = {"1.5 % 2", "~1.5", "1.5 << 1", "1.5x", "1.5.5", "1e"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses(wrong[i]);
}

/* The guest's memory is this structure, at address 0x1000. */
static const void *guest_bytes;
static size_t guest_length;

static bool read_memory(void *context, void *to, uint64_t address, uint64_t bytes)
{
    if (address < 0x1000 || address - 0x1000 + bytes > guest_length)
        return false;
    memcpy(to, (const uint8_t *)guest_bytes + (address - 0x1000), bytes);
    return true;
}

static void shows(uint64_t number, unsigned index, uint64_t extra, int64_t result, const void *bytes, size_t length,
                  const char *wanted)
{
    struct call_text line = {.read = read_memory};
    const uint64_t args[CALL_MAX_ARGS] = {[1] = extra, [2] = extra, [5] = extra};
    uint64_t with[CALL_MAX_ARGS];
    memcpy(with, args, sizeof with);
    with[index] = 0x1000;
    guest_bytes = bytes;
    guest_length = length;
    assert_int_equal(kernel_structure(&line, number, with, index, true, result), wanted != NULL);
    assert_string_equal(line.text, wanted ? wanted : "");
}

static void test_structures(void **state)
{
    const int64_t time[] = {3, 500000000};
    const uint8_t inet[] = {2, 0, 0x1f, 0x90, 127, 0, 0, 1}, unix_path[] = "\1\0/run/x";
    const uint64_t spans[] = {0x2000, 5, 0x3000, 7};
    uint8_t stat[128] = {[8] = 42, [16] = 0xa4, [17] = 0x81, [20] = 1, [48] = 77};
    shows(101, 0, 0, 0, time, sizeof time, "{sec=3, nsec=500000000}");
    shows(101, 0, 0, 0, time, 8, NULL);
    shows(113, 1, 0, -22, time, sizeof time, NULL); /* an error wrote nothing */
    shows(169, 0, 0, 0, time, sizeof time, "{sec=3, usec=500000000}");
    shows(203, 1, sizeof inet, 0, inet, sizeof inet, "{inet, 127.0.0.1:8080}");
    shows(203, 1, 1 << 20, 0, inet, sizeof inet, NULL);
    shows(203, 1, sizeof unix_path, 0, unix_path, sizeof unix_path, "{unix, \"/run/x\"}");
    shows(66, 1, 2, 0, spans, sizeof spans, "[{0x2000, 5}, {0x3000, 7}]");
    shows(66, 1, UINT64_MAX, 0, spans, sizeof spans, "[{0x2000, 5}, {0x3000, 7}, ?, ...]");
    shows(80, 1, 0, 0, stat, sizeof stat, "{ino=42, mode=0100644, nlink=1, uid=0, gid=0, size=77}");
    shows(64, 1, 0, 0, stat, sizeof stat, NULL);
}

static void test_registers_and_memory(void **state)
{
    struct cpu *cpu = machine->cpus[0];
    const uint64_t base = machine->bus.ram.base;
    cpu->x[3] = 0x123456789;
    cpu->x[REG_SP] = base + 64;
    memcpy(machine->bus.ram.host, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    assert_int_equal(number("$x3"), 0x123456789);
    assert_int_equal(number("x3"), 0x123456789);
    assert_int_equal(number("w3"), 0x23456789);
    assert_int_equal(number("$sp - 64 == $SP - 0x40"), 1);
    assert_int_equal(number("SCTLR_EL1"), cpu->sys.SCTLR_EL1);
    assert_int_equal(number("*(unsigned short *)($sp - 64)"), 0x2211);
    assert_int_equal(number("((unsigned char *)($sp - 64))[3]"), 0x44);
    assert_int_equal(number("*((unsigned int *)($sp - 64) + 1)"), 0x88776655);
    assert_int_equal(number("(int *)16 - (int *)8"), 2);
    refuses("*(int *)0x10");
    struct value to, from;
    assert_true(expression_evaluate(session, "*(unsigned short *)($sp - 64)", &to, &error));
    assert_true(expression_evaluate(session, "0xabcd", &from, &error));
    assert_true(value_assign(session, &to, &from, &error));
    assert_int_equal(number("*(unsigned int *)($sp - 64)"), 0x4433abcd);
    assert_true(expression_evaluate(session, "$x3", &to, &error));
    assert_true(value_assign(session, &to, &from, &error));
    assert_int_equal(cpu->x[3], 0xabcd);
    assert_false(value_assign(session, &from, &to, &error));
}

/* struct s { int a; int b : 3; struct { long c; }; }, and a pointer to itself. */
static void test_types(void **state)
{
    static const char strings[] = "\0int\0s\0a\0b\0c\0long\0self";
    const uint32_t types[] = {
        1, 1u << 24, 4, 0x01000020,                   /* 1: int, signed, 32 bits */
        13, 1u << 24, 8, 0x01000040,                  /* 2: long */
        0, 4u << 24 | 1, 8, 11, 2, 0,                 /* 3: struct { long c; } */
        5, 1u << 31 | 4u << 24 | 4, 24, 7, 1, 0, 9, 1, 3u << 24 | 32, 0, 3, 64, 18, 5, 128, /* 4: struct s */
        0, 2u << 24, 4,                               /* 5: struct s * */
    };
    struct {
        uint16_t magic;
        uint8_t version, flags;
        uint32_t header, types_at, types_bytes, strings_at, strings_bytes;
    } header = {0xeb9f, 1, 0, 24, 0, sizeof types, sizeof types, sizeof strings};
    uint8_t blob[sizeof header + sizeof types + sizeof strings];
    memcpy(blob, &header, sizeof header);
    memcpy(blob + sizeof header, types, sizeof types);
    memcpy(blob + sizeof header + sizeof types, strings, sizeof strings);
    session->types = types_from_btf(blob, sizeof blob, &error);
    assert_non_null(session->types);
    assert_int_equal(number("sizeof(struct s)"), 24);
    uint64_t *memory = (uint64_t *)machine->bus.ram.host;
    const uint64_t base = machine->bus.ram.base;
    memory[0] = 0xfffffffe | 0xfdull << 32;
    memory[1] = 77;
    memory[2] = base;
    machine->cpus[0]->x[0] = base;
    assert_int_equal(number("((struct s *)x0)->a"), (uint64_t)-2);
    assert_int_equal(number("((struct s *)x0)->c"), 77);
    assert_int_equal(number("((struct s *)x0)->self->self->c"), 77);
    assert_int_equal(number("((struct s *)x0)->b"), (uint64_t)-3);
    refuses("((struct s *)x0)->nothing");
    for (size_t length = 0; length < sizeof blob; length += 7) { /* cut off, it is refused or holds together */
        struct types *cut = types_from_btf(blob, length, &error);
        types_free(cut);
    }
}

static bool count_symbol(void *context, uint64_t address, char letter, const char *name)
{
    unsigned *count = context;
    char expected[16];
    snprintf(expected, sizeof expected, "f%u", *count);
    assert_string_equal(name, expected);
    assert_int_equal(letter, 'T');
    assert_int_equal(address, 0xffff800008000000 + *count * 16);
    ++*count;
    return true;
}

/* The parts in the order of Linux 6.1, each aligned to 8: offsets, base, number, names, markers, tokens, index. */
static void test_kallsyms(void **state)
{
    enum { SYMBOLS = 600 };
    static uint8_t image[65536];
    size_t at = 4096, start;
    for (uint32_t i = 0; i < SYMBOLS; i++, at += 4)
        memcpy(image + at, &(uint32_t){i * 16}, 4);
    memcpy(image + at, &(uint64_t){0xffff800008000000}, 8);
    memcpy(image + at + 8, &(uint32_t){SYMBOLS}, 4);
    start = at += 16;
    uint32_t markers[3], marker_count = 0;
    for (unsigned i = 0; i < SYMBOLS; i++) {
        char name[16];
        int length = snprintf(name, sizeof name, "Tf%u", i);
        if (i % 256 == 0)
            markers[marker_count++] = (uint32_t)(at - start);
        image[at++] = (uint8_t)length;
        memcpy(image + at, name, (size_t)length);
        at += (size_t)length;
    }
    at = (at + 7) & ~7ull;
    memcpy(image + at, markers, sizeof markers);
    at += sizeof markers + 4;
    start = at;
    uint16_t index[256];
    for (unsigned i = 0; i < 256; i++) {
        index[i] = (uint16_t)(at - start);
        image[at++] = (uint8_t)(i ? i : 'z');
        image[at++] = 0;
    }
    at = (at + 7) & ~7ull;
    memcpy(image + at, index, sizeof index);
    unsigned count = 0;
    size_t tokens = 0;
    assert_int_equal(kallsyms_read(image, sizeof image, &tokens, count_symbol, &count, &error), SYMBOLS);
    assert_int_equal(count, SYMBOLS);
    assert_int_equal(tokens, start);
    for (size_t first = start - 8; first < sizeof image; first += 4099) { /* from in front of it, from behind it */
        tokens = first;
        count = 0;
        assert_int_equal(kallsyms_read(image, sizeof image, &tokens, count_symbol, &count, &error), SYMBOLS);
        assert_int_equal(tokens, start);
    }
    image[start + 70]++; /* the index does not agree any more */
    image[start + 71]++;
    assert_int_equal(kallsyms_read(image, sizeof image, &tokens, count_symbol, &count, &error), 0);
}

static void test_symbols(void **state)
{
    char line[] = "ffff800008000100 T second", damaged[] = "hello";
    symbols_add(session->symbols, 0xffff800008000200, 0x10, 't', "third", "module");
    symbols_add(session->symbols, 0xffff800008000000, 0, 'T', "first", NULL);
    assert_true(symbols_read_map_line(session->symbols, line));
    assert_false(symbols_read_map_line(session->symbols, damaged));
    symbols_sort(session->symbols);
    assert_string_equal(symbols_around(session->symbols, 0xffff8000080000ff)->name, "first");
    assert_string_equal(symbols_around(session->symbols, 0xffff800008000100)->name, "second");
    assert_null(symbols_around(session->symbols, 0xffff800008000210));
    assert_null(symbols_around(session->symbols, 5));
    assert_int_equal(number("second + 4"), 0xffff800008000104);
    char text[64];
    session_symbolize(session, 0xffff800008000204, text, sizeof text);
    assert_string_equal(text, "third+0x4 [module]");
    symbols_drop_modules(session->symbols);
    assert_null(symbols_find(session->symbols, "third"));
}

/* Each command has a help, and no name or alias means two things. */
static void test_commands(void **state)
{
    for (const struct command_group *group = command_groups; group->title; group++)
        for (const struct command *command = group->commands; command->name; command++) {
            assert_ptr_equal(command_find(command->name, strlen(command->name), &error), command);
            assert_true(strlen(command->help) > 5 && strchr(command->help, '.'));
        }
    assert_string_equal(command_find("c", 1, &error)->name, "continue");
    assert_null(command_find("re", 2, &error)); /* several */
    assert_null(command_find("nonsense", 8, &error));
    assert_false(command_line(session, "print", &error));
    assert_false(command_line(session, "break 3", &error));
    assert_true(command_line(session, "   # a comment", &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_arithmetic, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_floats, set_up, tear_down),
        cmocka_unit_test(test_structures),
        cmocka_unit_test_setup_teardown(test_registers_and_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_types, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kallsyms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_symbols, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commands, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
