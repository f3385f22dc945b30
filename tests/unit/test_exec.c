/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instructions of the general registers where they are tricky, each by its plain function and by its threaded
 * handler. The results of data processing were taken from QEMU's user-mode emulator. */
#include "unit.h"
#include "cpu_bench.h"
#include "interp/block.h"
#include "isa/arm64/decode.h"
#include <stdio.h>

#define INITIAL_X0 0x0123456789abcdefull

/* Virtual: RAM as it is, for EL1; a page (of DATA) for EL0 as well, one that is not mapped, one that may only
 * be read, one that EL0 may not touch. */
#define TABLE_1   (BENCH_RAM + 0x100000)
#define TABLE_2   (BENCH_RAM + 0x101000)
#define TABLE_3   (BENCH_RAM + 0x102000)
#define DATA      (BENCH_RAM + 0x200000)
#define WINDOW    0x80000000ull
#define HOLE      (WINDOW + 0x1000)
#define READ_ONLY (WINDOW + 0x2000)
#define EL1_ONLY  (WINDOW + 0x3000)
#define WORD      (BENCH_RAM + 0x300000) /* where most accesses go */

#define USER_ACCESS (1ull << 6)
#define NO_WRITE    (1ull << 7)
#define LEAF        (1ull << 10 | 3ull << 8) /* AF, shareable */

static struct cpu_bench *bench;
static struct cpu *cpu;
static bool threaded;

static int set_up(bool with_handlers)
{
    threaded = with_handlers;
    bench = bench_create(CPU_MAX);
    cpu = &bench->cpu;
    bench_poke(bench, TABLE_1 + 1 * 8, BENCH_RAM | LEAF | 1);
    bench_poke(bench, TABLE_1 + 2 * 8, TABLE_2 | 3);
    bench_poke(bench, TABLE_2, TABLE_3 | 3);
    bench_poke(bench, TABLE_3 + 0 * 8, DATA | LEAF | USER_ACCESS | 3);
    bench_poke(bench, TABLE_3 + 2 * 8, (DATA + 0x1000) | LEAF | USER_ACCESS | NO_WRITE | 3);
    bench_poke(bench, TABLE_3 + 3 * 8, (DATA + 0x2000) | LEAF | 3);
    cpu->sys.TTBR0_EL1 = TABLE_1;
    cpu->sys.TCR_EL1 = 25 | 5ull << 32; /* 39 bits, 4K */
    cpu->sys.MAIR_EL1 = 0xff;
    cpu->sys.SCTLR_EL1 |= 1 | 1 << 3 | 1 << 4; /* M, SA, SA0 */
    cpu->sys.CPACR_EL1 = 3 << 20;
    cpu_state_changed(cpu);
    mmu_control_changed(cpu);
    return 0;
}

static int set_up_plain(void **state)
{
    return set_up(false);
}

static int set_up_threaded(void **state)
{
    return set_up(true);
}

static int tear_down(void **state)
{
    bench_free(bench);
    return 0;
}

/* Executes `word`, whose text is `text`, at the start of RAM. */
static void execute(uint32_t word, const char *text)
{
    char disassembly[80];
    insn_disassemble(word, BENCH_RAM, disassembly, sizeof disassembly);
    if (strncmp(disassembly, ".inst", 5) == 0)
        fail_msg("%08x (%s) is not implemented", word, text);
    assert_string_equal(disassembly, text);
    cpu->pc = BENCH_RAM;
    struct insn records[2] = {bench_insn(bench, word), {.run = run_block_end}};
    assert_int_not_equal(records[0].op, OP_UNDEFINED);
    if (threaded && !(insn_infos[records[0].op].flags & INSN_BRANCH))
        interp_handler(insn_handler_of(&records[0]))(cpu, records);
    else
        interp_plain_of(&records[0])(cpu, &records[0]);
}

/* That it faults with a data abort of that status, and changes no register. */
static void expect_abort(uint32_t word, const char *text, enum fault_status status, uint64_t address,
                         bool write)
{
    uint64_t before[REG_SP + 1];
    memcpy(before, cpu->x, sizeof before);
    assert_true(RAISES(bench, execute(word, text)));
    assert_int_equal(BENCH_EC(bench), EC_DATA_ABORT);
    assert_int_equal(BENCH_ISS(bench) & 0x3f, status);
    assert_int_equal(BENCH_ISS(bench) >> 6 & 1, write);
    assert_int_equal(cpu->sys.FAR_EL1, address);
    assert_memory_equal(before, cpu->x, sizeof before);
}

/* Data processing */

static const struct {
    uint32_t word;
    const char *text;
    uint64_t x1, x2, x3;
    uint32_t nzcv;
    uint64_t x0;
    uint32_t nzcv_after;
} computations[] = {
    {0xeb020020, "subs x0, x1, x2", 0x8000000000000000, 1, 0, 0, 0x7fffffffffffffff, 3},
    {0x6b020020, "subs w0, w1, w2", 0xffffffff00000000, 0, 0, 0, 0, 6},
    {0xeb020020, "subs x0, x1, x2", 0, 1, 0, 15, 0xffffffffffffffff, 8},
    {0xab020020, "adds x0, x1, x2", 0xffffffffffffffff, 1, 0, 0, 0, 6},
    {0x2b020020, "adds w0, w1, w2", 0x7fffffff, 1, 0, 0, 0x80000000, 9},
    {0x2b020020, "adds w0, w1, w2", 0xffffffff, 0xffffffff80000000, 0, 0, 0x7fffffff, 3},
    {0xba020020, "adcs x0, x1, x2", 0xffffffffffffffff, 0, 0, 2, 0, 6},
    {0x3a020020, "adcs w0, w1, w2", 0x7fffffff, 0x7fffffff, 0, 2, 0xffffffff, 9},
    {0xba020020, "adcs x0, x1, x2", 0xffffffffffffffff, 0xffffffffffffffff, 0, 13, 0xfffffffffffffffe, 10},
    {0xfa020020, "sbcs x0, x1, x2", 0, 0, 0, 0, 0xffffffffffffffff, 8},
    {0xfa020020, "sbcs x0, x1, x2", 0, 0xffffffffffffffff, 0, 0, 0, 4},
    {0xfa020020, "sbcs x0, x1, x2", 5, 5, 0, 2, 0, 6},
    {0x7a020020, "sbcs w0, w1, w2", 0x80000000, 0, 0, 0, 0x7fffffff, 3},
    {0x9a020020, "adc x0, x1, x2", 0xffffffffffffffff, 0, 0, 2, 0, 2},
    {0x5a020020, "sbc w0, w1, w2", 0, 0, 0, 0, 0xffffffff, 0},
    {0x6a020020, "ands w0, w1, w2", 0x80000000, 0xffffffffffffffff, 0, 3, 0x80000000, 8},
    {0xea220020, "bics x0, x1, x2", 0xffffffffffffffff, 0xffffffffffffffff, 0, 3, 0, 4},
    {0xf200f020, "ands x0, x1, #0x5555555555555555", 0xffffffffffffffff, 0, 0, 15, 0x5555555555555555, 0},
    {0x121d7020, "and w0, w1, #0xfffffff8", 0xffffffffffffffff, 0, 0, 0, 0xfffffff8, 0},
    {0xb2089c20, "orr x0, x1, #0xff00ff00ff00ff00", 0, 0, 0, 0, 0xff00ff00ff00ff00, 0},
    {0xd2410420, "eor x0, x1, #0x8000000000000001", 0xffffffffffffffff, 0, 0, 0, 0x7ffffffffffffffe, 0},
    {0xfa420025, "ccmp x1, x2, #5, eq", 1, 2, 0, 8, 0x123456789abcdef, 5},
    {0xfa420025, "ccmp x1, x2, #5, eq", 1, 2, 0, 4, 0x123456789abcdef, 8},
    {0x3a5fd829, "ccmn w1, #0x1f, #9, le", 0xffffffe1, 0, 0, 4, 0x123456789abcdef, 6},
    {0x7a5f8829, "ccmp w1, #0x1f, #9, hi", 0x1f, 0, 0, 6, 0x123456789abcdef, 9},
    {0x8b228820, "add x0, x1, w2, sxtb #2", 0x3e8, 0x80, 0, 0, 0x1e8, 0},
    {0x8b225020, "add x0, x1, w2, uxtw #4", 1, 0xffffffffffffffff, 0, 0, 0xffffffff1, 0},
    {0x4b22a020, "sub w0, w1, w2, sxth", 0, 0x8000, 0, 0, 0x8000, 0},
    {0xeb220420, "subs x0, x1, w2, uxtb #1", 0x1fe, 0xffff, 0, 0, 0, 6},
    {0xab22ec20, "adds x0, x1, x2, sxtx #3", 8, 0xffffffffffffffff, 0, 0, 0, 6},
    {0x8b82fc20, "add x0, x1, x2, asr #63", 1, 0x8000000000000000, 0, 0, 0, 0},
    {0x4b427c20, "sub w0, w1, w2, lsr #31", 0, 0x80000000, 0, 0, 0xffffffff, 0},
    {0x4ae20420, "eon w0, w1, w2, ror #1", 0, 1, 0, 0, 0x7fffffff, 0},
    {0xaae2fc20, "orn x0, x1, x2, ror #63", 0, 1, 0, 0, 0xfffffffffffffffd, 0},
    {0x2b827c20, "adds w0, w1, w2, asr #31", 0, 0x80000000, 0, 0, 0xffffffff, 8},
    {0xba1e042a, "rmif x1, #0x3c, #0xa", 0x5000000000000000, 0, 0, 5, 0x123456789abcdef, 5},
    {0x3a00082d, "setf8 w1", 0x80, 0, 0, 2, 0x123456789abcdef, 11},
    {0x3a00082d, "setf8 w1", 0x1ff, 0, 0, 0, 0x123456789abcdef, 8},
    {0x3a00482d, "setf16 w1", 0x10000, 0, 0, 15, 0x123456789abcdef, 7},
    {0x3a00082d, "setf8 w1", 0xffffff00, 0, 0, 0, 0x123456789abcdef, 5},
    {0x9ac20c20, "sdiv x0, x1, x2", 0x8000000000000000, 0xffffffffffffffff, 0, 0, 0x8000000000000000, 0},
    {0x1ac20c20, "sdiv w0, w1, w2", 0x80000000, 0xffffffff, 0, 0, 0x80000000, 0},
    {0x1ac20c20, "sdiv w0, w1, w2", 7, 0xfffffffe, 0, 0, 0xfffffffd, 0},
    {0x9ac20820, "udiv x0, x1, x2", 5, 0, 0, 0, 0, 0},
    {0x9ac20c20, "sdiv x0, x1, x2", 0xffffffffffffffff, 0, 0, 0, 0, 0},
    {0x1ac20820, "udiv w0, w1, w2", 0xfffffffff, 0x100000002, 0, 0, 0x7fffffff, 0},
    {0x13820020, "extr w0, w1, w2, #0", 1, 2, 0, 0, 2, 0},
    {0x93c2fc20, "extr x0, x1, x2, #0x3f", 3, 0x8000000000000000, 0, 0, 7, 0},
    {0x13821020, "extr w0, w1, w2, #4", 0xf, 0x10, 0, 0, 0xf0000001, 0},
    {0x93c10420, "ror x0, x1, #1", 1, 0, 0, 0, 0x8000000000000000, 0},
    {0xb3440c20, "bfi x0, x1, #0x3c, #4", 0x15, 0, 0, 0, 0x5123456789abcdef, 0},
    {0x331c1c20, "bfi w0, w1, #4, #8", 0xffffffffffffffff, 0, 0, 0, 0x89abcfff, 0},
    {0x33107c20, "bfxil w0, w1, #0x10, #0x10", 0x1234abcd, 0, 0, 0, 0x89ab1234, 0},
    {0xb37ffc20, "bfxil x0, x1, #0x3f, #1", 0x8000000000000000, 0, 0, 0, 0x123456789abcdef, 0},
    {0x93780c20, "sbfiz x0, x1, #8, #4", 8, 0, 0, 0, 0xfffffffffffff800, 0},
    {0x13041c20, "sbfx w0, w1, #4, #4", 0x80, 0, 0, 0, 0xfffffff8, 0},
    {0x13040c20, "sbfiz w0, w1, #0x1c, #4", 8, 0, 0, 0, 0x80000000, 0},
    {0xd37cfc20, "lsr x0, x1, #0x3c", 0xffffffffffffffff, 0, 0, 0, 0xf, 0},
    {0x53010020, "lsl w0, w1, #0x1f", 0xffffffffffffffff, 0, 0, 0, 0x80000000, 0},
    {0x53010020, "lsl w0, w1, #0x1f", 3, 0, 0, 0, 0x80000000, 0},
    {0x131f7c20, "asr w0, w1, #0x1f", 0x80000000, 0, 0, 0, 0xffffffff, 0},
    {0x53017c20, "lsr w0, w1, #1", 0xffffffff80000000, 0, 0, 0, 0x40000000, 0},
    {0x93407c20, "sxtw x0, w1", 0x80000000, 0, 0, 0, 0xffffffff80000000, 0},
    {0x13001c20, "sxtb w0, w1", 0x80, 0, 0, 0, 0xffffff80, 0},
    {0x53040420, "ubfiz w0, w1, #0x1c, #2", 0xffffffffffffffff, 0, 0, 0, 0x30000000, 0},
    {0x9ac22020, "lsl x0, x1, x2", 1, 0x43, 0, 0, 8, 0},
    {0x1ac22420, "lsr w0, w1, w2", 0xffffffff80000000, 0x20, 0, 0, 0x80000000, 0},
    {0x1ac22820, "asr w0, w1, w2", 0x80000000, 0x3f, 0, 0, 0xffffffff, 0},
    {0x1ac22c20, "ror w0, w1, w2", 1, 0x21, 0, 0, 0x80000000, 0},
    {0x9ac22c20, "ror x0, x1, x2", 1, 0x40, 0, 0, 1, 0},
    {0x5ac00020, "rbit w0, w1", 1, 0, 0, 0, 0x80000000, 0},
    {0xdac00020, "rbit x0, x1", 0x8000000000000001, 0, 0, 0, 0x8000000000000001, 0},
    {0x5ac00420, "rev16 w0, w1", 0x1122334455667788, 0, 0, 0, 0x66558877, 0},
    {0xdac00820, "rev32 x0, x1", 0x1122334455667788, 0, 0, 0, 0x4433221188776655, 0},
    {0x5ac00820, "rev w0, w1", 0x1122334455667788, 0, 0, 0, 0x88776655, 0},
    {0xdac00420, "rev16 x0, x1", 0x1122334455667788, 0, 0, 0, 0x2211443366558877, 0},
    {0xdac01420, "cls x0, x1", 0xffffffffffffffff, 0, 0, 0, 0x3f, 0},
    {0x5ac01420, "cls w0, w1", 0xffffffff00000001, 0, 0, 0, 0x1e, 0},
    {0x5ac01020, "clz w0, w1", 0xffffffff00000000, 0, 0, 0, 0x20, 0},
    {0xdac01020, "clz x0, x1", 1, 0, 0, 0, 0x3f, 0},
    {0x5ac01420, "cls w0, w1", 0x80000000, 0, 0, 0, 0, 0},
    {0x9b427c20, "smulh x0, x1, x2", 0x8000000000000000, 0x8000000000000000, 0, 0, 0x4000000000000000, 0},
    {0x9bc27c20, "umulh x0, x1, x2", 0xffffffffffffffff, 0xffffffffffffffff, 0, 0, 0xfffffffffffffffe, 0},
    {0x9b220c20, "smaddl x0, w1, w2, x3", 0x80000000, 0x80000000, 1, 0, 0x4000000000000001, 0},
    {0x9ba28c20, "umsubl x0, w1, w2, x3", 0xffffffff, 0xffffffff, 0, 0, 0x1ffffffff, 0},
    {0x1b020c20, "madd w0, w1, w2, w3", 0xffffffff, 0xffffffff, 0xffffffffffffffff, 0, 0, 0},
    {0x9b02fc20, "mneg x0, x1, x2", 3, 5, 0, 0, 0xfffffffffffffff1, 0},
    {0x9b228c20, "smsubl x0, w1, w2, x3", 0xffffffff, 1, 0, 0, 1, 0},
    {0x5a82b420, "csneg w0, w1, w2, lt", 1, 1, 0, 8, 1, 8},
    {0x5a82b420, "csneg w0, w1, w2, lt", 1, 1, 0, 9, 0xffffffff, 9},
    {0xda828020, "csinv x0, x1, x2, hi", 1, 1, 0, 6, 0xfffffffffffffffe, 6},
    {0x1a829420, "csinc w0, w1, w2, ls", 5, 0xffffffff, 0, 2, 0, 2},
    {0x9a82c020, "csel x0, x1, x2, gt", 1, 2, 0, 9, 1, 9},
    {0x9a82d020, "csel x0, x1, x2, le", 1, 2, 0, 9, 2, 9},
    {0x9a82f020, "csel x0, x1, x2, nv", 1, 2, 0, 0, 1, 0},
    {0x1a9f77e0, "cset w0, vs", 0, 0, 0, 1, 1, 1},
    {0x5a9f03e0, "csetm w0, ne", 0, 0, 0, 0, 0xffffffff, 0},
    {0xf2dfffe0, "movk x0, #0xffff, lsl #32", 0, 0, 0, 0, 0x123ffff89abcdef, 0},
    {0x12a24680, "movn w0, #0x1234, lsl #16", 0, 0, 0, 0, 0xedcbffff, 0},
    {0x72800020, "movk w0, #0x1", 0, 0, 0, 0, 0x89ab0001, 0},
    {0x1ac24020, "crc32b w0, w1, w2", 0xffffffff, 0x31, 0, 0, 0x7c231048, 0},
    {0x1ac24420, "crc32h w0, w1, w2", 0x12345678, 0xabcd, 0, 0, 0x5abec668, 0},
    {0x1ac24820, "crc32w w0, w1, w2", 0xdeadbeef, 0xfeedface, 0, 0, 0xa40a828a, 0},
    {0x9ac24c20, "crc32x w0, w1, x2", 0xdeadbeef, 0x123456789abcdef, 0, 0, 0x98e4fd16, 0},
    {0x1ac25020, "crc32cb w0, w1, w2", 0x12345678, 0x31, 0, 0, 0x39dbf226, 0},
    {0x1ac25420, "crc32ch w0, w1, w2", 1, 2, 0, 0, 0x34e7a899, 0},
    {0x1ac25820, "crc32cw w0, w1, w2", 0, 1, 0, 0, 0xdd45aab8, 0},
    {0x9ac25c20, "crc32cx w0, w1, x2", 0xffffffff, 0x123456789abcdef, 0, 0, 0x9a4f27dc, 0},
};

static void test_computations(void **state)
{
    for (unsigned i = 0; i < sizeof computations / sizeof computations[0]; i++) {
        cpu->x[0] = INITIAL_X0;
        cpu->x[1] = computations[i].x1;
        cpu->x[2] = computations[i].x2;
        cpu->x[3] = computations[i].x3;
        cpu->nzcv = nzcv_unpack(computations[i].nzcv << 28);
        execute(computations[i].word, computations[i].text);
        if (cpu->x[0] != computations[i].x0 || nzcv_pack(cpu->nzcv) >> 28 != computations[i].nzcv_after)
            fail_msg("row %u, %s: %016lx, NZCV %x", i, computations[i].text, (unsigned long)cpu->x[0],
                     nzcv_pack(cpu->nzcv) >> 28);
        assert_int_equal(cpu->x[REG_ZERO], 0);
        assert_int_equal(cpu->pc, BENCH_RAM + 4);
    }
}

/* CRC-32 of "123456789", the check value that its catalogues give. */
static void test_crc_check_value(void **state)
{
    cpu->x[0] = 0xffffffff;
    for (unsigned i = 1; i <= 9; i++) {
        cpu->x[2] = '0' + i;
        execute(0x1ac24000, "crc32b w0, w0, w2");
    }
    assert_int_equal(~cpu->x[0] & 0xffffffff, 0xcbf43926);
    cpu->x[0] = 0xffffffff;
    for (unsigned i = 1; i <= 9; i++) {
        cpu->x[2] = '0' + i;
        execute(0x1ac25000, "crc32cb w0, w0, w2");
    }
    assert_int_equal(~cpu->x[0] & 0xffffffff, 0xe3069283);
}

/* Every logical immediate that there is, against the definition in words: a run of ones, rotated in an
 * element of 2 to 64 bits, repeated. */
static void test_bitmasks(void **state)
{
    unsigned valid = 0;
    for (unsigned n = 0; n < 2; n++) {
        for (unsigned imms = 0; imms < 64; imms++) {
            for (unsigned immr = 0; immr < 64; immr++) {
                unsigned size = n           ? 64
                                : imms < 32 ? 32
                                : imms < 48 ? 16
                                : imms < 56 ? 8
                                : imms < 60 ? 4
                                : imms < 62 ? 2
                                            : 0;
                uint64_t expected = 0;
                unsigned ones = size ? (imms & (size - 1)) + 1 : 0;
                if (size && ones < size) {
                    for (unsigned bit = 0; bit < 64; bit++)
                        if ((bit + immr) % size < ones)
                            expected |= 1ull << bit;
                    valid++;
                }
                if (bitmask(1, n, imms, immr) != expected)
                    fail_msg("N %u imms %u immr %u", n, imms, immr);
                assert_int_equal(bitmask(0, n, imms, immr), n ? 0 : expected);
            }
        }
    }
    assert_int_equal(valid, (63 + 31 + 15 + 7 + 3 + 1) * 64);
}

/* Branches */

static void test_branches(void **state)
{
    cpu->x[1] = BENCH_RAM + 0x1234560;
    cpu->x[30] = BENCH_RAM + 0x40;
    execute(0xd63f0020, "blr x1");
    assert_int_equal(cpu->pc, BENCH_RAM + 0x1234560);
    assert_int_equal(cpu->x[30], BENCH_RAM + 4);
    execute(0xd63f03c0, "blr x30"); /* the target is read before the link is written */
    assert_int_equal(cpu->pc, BENCH_RAM + 4);
    assert_int_equal(cpu->pstate.btype, 2);
    execute(0xd61f0020, "br x1"); /* from a page that is not guarded */
    assert_int_equal(cpu->pstate.btype, 1);
    cpu->x[1] = 0x7fffffffffffffff;
    execute(0xb6f80041, "tbz x1, #0x3f, #0x40000008");
    assert_int_equal(cpu->pc, BENCH_RAM + 8);
    cpu->x[1] = 0xffffffff00000000;
    execute(0x34ffffe1, "cbz w1, #0x3ffffffc");
    assert_int_equal(cpu->pc, BENCH_RAM - 4);
    execute(0xb4ffffe1, "cbz x1, #0x3ffffffc");
    assert_int_equal(cpu->pc, BENCH_RAM + 4);
}

/* Each condition in each state of the flags (Arm ARM C1.2.4). */
static void test_conditions(void **state)
{
    for (uint32_t flags = 0; flags < 16; flags++) {
        bool n = flags >> 3, z = flags >> 2 & 1, c = flags >> 1 & 1, v = flags & 1;
        const bool holds[16] = {z,       !z,     c,      !c,           n,           !n,   v,   !v, c && !z,
                                !c || z, n == v, n != v, !z && n == v, z || n != v, true, true};
        for (unsigned cond = 0; cond < 16; cond++) {
            static const char *const names[] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc",
                                                "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"};
            char text[40];
            cpu->nzcv = nzcv_unpack(flags << 28);
            cpu->x[1] = 1;
            cpu->x[2] = 2;
            snprintf(text, sizeof text, "b.%s #0x40000010", names[cond]);
            execute(0x54000080 | cond, text);
            assert_int_equal(cpu->pc, BENCH_RAM + (holds[cond] ? 16 : 4));
            snprintf(text, sizeof text, "csel x0, x1, x2, %s", names[cond]);
            execute(0x9a820020 | cond << 12, text);
            assert_int_equal(cpu->x[0], holds[cond] ? 1 : 2);
        }
    }
}

/* Loads and stores */

static void test_addressing(void **state)
{
    bench_poke(bench, WORD, 0x8899aabbccddeeff);
    bench_poke(bench, WORD + 8, 0x0011223344556677);
    cpu->x[1] = WORD;
    execute(0xf8408420, "ldr x0, [x1], #8");
    assert_int_equal(cpu->x[0], 0x8899aabbccddeeff);
    assert_int_equal(cpu->x[1], WORD + 8);
    execute(0xa9bf0820, "stp x0, x2, [x1, #-0x10]!");
    assert_int_equal(cpu->x[1], WORD - 8);
    assert_int_equal(bench_peek(bench, WORD - 8), 0x8899aabbccddeeff);
    cpu->x[1] = WORD + 8;
    cpu->x[2] = 0xffffffff; /* -1 as a word, which scales to -2 */
    execute(0x78a2d820, "ldrsh x0, [x1, w2, sxtw #1]");
    assert_int_equal(cpu->x[0],
                     bench_peek(bench, WORD) >> 48 | (bench_peek(bench, WORD) >> 63 ? ~0xffffull : 0));
    cpu->x[1] = WORD - (0xffffffffull << 3);
    execute(0xf8625820, "ldr x0, [x1, w2, uxtw #3]");
    assert_int_equal(cpu->x[0], bench_peek(bench, WORD));
    bench_poke(bench, WORD, 0x7fffffff80000000);
    cpu->x[1] = WORD;
    execute(0x69400820, "ldpsw x0, x2, [x1]");
    assert_int_equal(cpu->x[0], 0xffffffff80000000);
    assert_int_equal(cpu->x[2], 0x7fffffff);
    execute(0x39c00c20, "ldrsb w0, [x1, #3]");
    assert_int_equal(cpu->x[0], 0xffffff80);
    cpu->v[0].q = ~(unsigned __int128)0;
    execute(0x3d400020, "ldr b0, [x1]");
    assert_int_equal(cpu->v[0].d[0] | cpu->v[0].d[1], 0);
}

/* A base that is loaded: the base written back wins. A base that is stored is stored as it was. */
static void test_write_back_of_transferred_base(void **state)
{
    bench_poke(bench, WORD + 8, 77);
    cpu->x[1] = WORD;
    execute(0xf8408c21, "ldr x1, [x1, #8]!");
    assert_int_equal(cpu->x[1], WORD + 8);
    execute(0xf8008c21, "str x1, [x1, #8]!");
    assert_int_equal(cpu->x[1], WORD + 16);
    assert_int_equal(bench_peek(bench, WORD + 16), WORD + 8);
}

static void test_faults_change_nothing(void **state)
{
    cpu->x[0] = 1;
    cpu->x[1] = HOLE;
    cpu->x[2] = 2;
    expect_abort(0xf8408420, "ldr x0, [x1], #8", FAULT_TRANSLATION | 3, HOLE, false);
    cpu->x[1] = HOLE + 8;
    expect_abort(0xa9bf0820, "stp x0, x2, [x1, #-0x10]!", FAULT_TRANSLATION | 3, HOLE, true);
    assert_int_equal(bench_peek(bench, DATA + 0xff8), 0); /* the half that lies in the mapped page */
    cpu->x[1] = HOLE - 8;
    expect_abort(0xa8c10820, "ldp x0, x2, [x1], #0x10", FAULT_TRANSLATION | 3, HOLE, false);
    cpu->x[1] = READ_ONLY;
    expect_abort(0xf9000020, "str x0, [x1]", FAULT_PERMISSION | 3, READ_ONLY, true);
    expect_abort(0xf8220020, "ldadd x2, x0, [x1]", FAULT_PERMISSION | 3, READ_ONLY, true);
    execute(0xc85f7c20, "ldxr x0, [x1]"); /* only reads */
}

static void test_stack_alignment(void **state)
{
    cpu->x[REG_SP] = WORD + 8;
    assert_true(RAISES(bench, execute(0xf94003e0, "ldr x0, [sp]")));
    assert_int_equal(BENCH_EC(bench), EC_SP_ALIGNMENT);
    assert_true(RAISES(bench, execute(0xf8008fe0, "str x0, [sp, #8]!")));
    assert_int_equal(BENCH_EC(bench), EC_SP_ALIGNMENT);
    assert_int_equal(cpu->x[REG_SP], WORD + 8);
    assert_true(RAISES(bench, execute(0xc85f7fe0, "ldxr x0, [sp]")));
    assert_int_equal(BENCH_EC(bench), EC_SP_ALIGNMENT);
    cpu->x[REG_SP] = WORD;
    execute(0xf94007e0, "ldr x0, [sp, #8]"); /* the base is what counts */
    cpu->x[REG_SP] = WORD + 8;
    cpu->sys.SCTLR_EL1 &= ~(1ull << 3);
    execute(0xf94003e0, "ldr x0, [sp]");
}

static void test_alignment(void **state)
{
    cpu->x[1] = WORD + 4;
    execute(0xf9400020, "ldr x0, [x1]");
    expect_abort(0xc8dffc20, "ldar x0, [x1]", FAULT_ALIGNMENT, WORD + 4, false);
    expect_abort(0xc89ffc20, "stlr x0, [x1]", FAULT_ALIGNMENT, WORD + 4, true);
    expect_abort(0xc85f7c20, "ldxr x0, [x1]", FAULT_ALIGNMENT, WORD + 4, false);
    expect_abort(0xf8220020, "ldadd x2, x0, [x1]", FAULT_ALIGNMENT, WORD + 4,
                 false); /* a read would fault too */
    cpu->x[1] = WORD + 8;
    expect_abort(0xc87f0820, "ldxp x0, x2, [x1]", FAULT_ALIGNMENT, WORD + 8, false);
    execute(0x887f0820, "ldxp w0, w2, [x1]");
}

/* LDTR and STTR are EL0's accesses, unless UAO makes them EL1's. */
static void test_unprivileged(void **state)
{
    cpu->x[1] = EL1_ONLY;
    execute(0xf9400020, "ldr x0, [x1]");
    expect_abort(0xf8400820, "ldtr x0, [x1]", FAULT_PERMISSION | 3, EL1_ONLY, false);
    expect_abort(0xf8000820, "sttr x0, [x1]", FAULT_PERMISSION | 3, EL1_ONLY, true);
    cpu->pstate.uao = 1;
    cpu_state_changed(cpu);
    cpu->x[0] = 5;
    execute(0xf8000820, "sttr x0, [x1]");
    execute(0xf8400822, "ldtr x2, [x1]");
    assert_int_equal(cpu->x[2], 5);
    cpu->pstate.uao = 0;
    cpu->pstate.pan = 1;
    cpu_state_changed(cpu);
    cpu->x[1] = WINDOW; /* EL0's: closed to plain accesses by PAN */
    expect_abort(0xf9400020, "ldr x0, [x1]", FAULT_PERMISSION | 3, WINDOW, false);
    execute(0xf8400820, "ldtr x0, [x1]");
}

static void test_fp_trap(void **state)
{
    cpu->sys.CPACR_EL1 = 0;
    cpu->x[1] = HOLE; /* the trap comes before the abort */
    assert_true(RAISES(bench, execute(0x3dc00020, "ldr q0, [x1]")));
    assert_int_equal(BENCH_EC(bench), EC_FP_ACCESS);
    assert_true(RAISES(bench, execute(0xad000420, "stp q0, q1, [x1]")));
    assert_int_equal(BENCH_EC(bench), EC_FP_ACCESS);
}

/* Exclusives */

static uint64_t store_exclusive(uint64_t value)
{
    cpu->x[2] = value;
    execute(0xc8037c22, "stxr w3, x2, [x1]");
    return cpu->x[3];
}

static void test_exclusive_monitor(void **state)
{
    bench_poke(bench, WORD, 10);
    cpu->x[1] = WORD;
    assert_int_equal(store_exclusive(11), 1); /* nothing was loaded */
    execute(0xc85f7c20, "ldxr x0, [x1]");
    assert_int_equal(cpu->x[0], 10);
    assert_int_equal(store_exclusive(11), 0);
    assert_int_equal(bench_peek(bench, WORD), 11);
    assert_int_equal(store_exclusive(12), 1); /* the first store has used it up */

    execute(0xc85f7c20, "ldxr x0, [x1]");
    bench_poke(bench, WORD, 99); /* somebody else */
    assert_int_equal(store_exclusive(12), 1);
    assert_int_equal(bench_peek(bench, WORD), 99);

    execute(0xc85f7c20, "ldxr x0, [x1]");
    cpu->x[1] = WORD + 8; /* another address with the same content */
    bench_poke(bench, WORD + 8, 99);
    assert_int_equal(store_exclusive(12), 1);
    assert_int_equal(bench_peek(bench, WORD + 8), 99);

    /* The same memory under another virtual address is the same. */
    cpu->x[1] = DATA;
    execute(0xc85f7c20, "ldxr x0, [x1]");
    cpu->x[1] = WINDOW;
    assert_int_equal(store_exclusive(13), 0);
    assert_int_equal(bench_peek(bench, DATA), 13);

    /* Without a monitor set there is no access, and no fault. */
    cpu->x[1] = HOLE;
    assert_int_equal(store_exclusive(14), 1);
}

static void test_exclusive_pairs(void **state)
{
    bench_poke(bench, WORD, 1);
    bench_poke(bench, WORD + 8, 2);
    cpu->x[1] = WORD;
    execute(0xc87f0820, "ldxp x0, x2, [x1]");
    assert_int_equal(cpu->x[0], 1);
    assert_int_equal(cpu->x[2], 2);
    cpu->x[4] = 3;
    cpu->x[5] = 4;
    bench_poke(bench, WORD + 8, 7); /* only the second half has changed */
    execute(0xc8231424, "stxp w3, x4, x5, [x1]");
    assert_int_equal(cpu->x[3], 1);
    assert_int_equal(bench_peek(bench, WORD), 1);
    execute(0xc87f0820, "ldxp x0, x2, [x1]");
    execute(0xc8231424, "stxp w3, x4, x5, [x1]");
    assert_int_equal(cpu->x[3], 0);
    assert_int_equal(bench_peek(bench, WORD), 3);
    assert_int_equal(bench_peek(bench, WORD + 8), 4);

    bench_poke(bench, WORD, 0x8000000090000000);
    execute(0x887f0820, "ldxp w0, w2, [x1]");
    assert_int_equal(cpu->x[0], 0x90000000);
    assert_int_equal(cpu->x[2], 0x80000000);
    cpu->x[4] = 0xffffffff00000005;
    execute(0x88231424, "stxp w3, w4, w5, [x1]");
    assert_int_equal(cpu->x[3], 0);
    assert_int_equal(bench_peek(bench, WORD), 0x0000000400000005);
}

static void test_exclusive_bytes(void **state)
{
    bench_poke(bench, WORD, 0x1122334455667788);
    cpu->x[1] = WORD + 3;
    execute(0x085f7c20, "ldxrb w0, [x1]");
    assert_int_equal(cpu->x[0], 0x55);
    cpu->x[2] = 0xabcd;
    execute(0x08037c22, "stxrb w3, w2, [x1]");
    assert_int_equal(cpu->x[3], 0);
    assert_int_equal(bench_peek(bench, WORD), 0x11223344cd667788);
}

/* Atomics */

static void test_compare_and_swap(void **state)
{
    bench_poke(bench, WORD, 0x1122334455667788);
    bench_poke(bench, WORD + 8, 5);
    cpu->x[1] = WORD;
    cpu->x[2] = 0xffffffffffffff88; /* only the byte is compared */
    cpu->x[3] = 0x199;
    execute(0x08a27c23, "casb w2, w3, [x1]");
    assert_int_equal(cpu->x[2], 0x88);
    assert_int_equal(bench_peek(bench, WORD), 0x1122334455667799);
    execute(0xc8a27c23, "cas x2, x3, [x1]"); /* 0x88 is not there */
    assert_int_equal(cpu->x[2], 0x1122334455667799);
    assert_int_equal(bench_peek(bench, WORD), 0x1122334455667799);
    cpu->x[3] = 5;
    cpu->x[4] = 6;
    cpu->x[5] = 7;
    execute(0x48227c24, "casp x2, x3, x4, x5, [x1]");
    assert_int_equal(bench_peek(bench, WORD), 6);
    assert_int_equal(bench_peek(bench, WORD + 8), 7);
    assert_int_equal(cpu->x[2], 0x1122334455667799);
    assert_int_equal(cpu->x[3], 5);
    cpu->x[2] = 0xffffffff00000006;
    cpu->x[3] = 0xffffffff00000000;
    execute(0x08227c24, "casp w2, w3, w4, w5, [x1]");
    assert_int_equal(bench_peek(bench, WORD), 0x0000000700000006);
    assert_int_equal(cpu->x[2], 6);
    assert_int_equal(cpu->x[3], 0);
    bench_poke(bench, WORD, 8);
    bench_poke(bench, WORD + 8, 9);
    cpu->x[30] = 8;
    execute(0x483e7c24, "casp x30, xzr, x4, x5, [x1]"); /* the second of the pair is zero, and stays so */
    assert_int_equal(bench_peek(bench, WORD + 8), 9);
    assert_int_equal(cpu->x[30], 8);
    assert_int_equal(cpu->x[REG_ZERO], 0);
}

static void test_atomics(void **state)
{
    bench_poke(bench, WORD, 0xffffffffffffff80);
    cpu->x[1] = WORD;
    cpu->x[2] = 0x7f;
    execute(0x38224020, "ldsmaxb w2, w0, [x1]");
    assert_int_equal(cpu->x[0], 0x80); /* a loaded byte has no sign */
    assert_int_equal(bench_peek(bench, WORD), 0xffffffffffffff7f);
    cpu->x[2] = 0x100000000;
    execute(0xb8227020, "ldumin w2, w0, [x1]");
    assert_int_equal(cpu->x[0], 0xffffff7f);
    assert_int_equal(bench_peek(bench, WORD), 0xffffffff00000000);
    cpu->x[2] = 1;
    execute(0xf8220020, "ldadd x2, x0, [x1]");
    assert_int_equal(bench_peek(bench, WORD), 0xffffffff00000001);
    cpu->x[2] = 0xffff;
    execute(0x78221020, "ldclrh w2, w0, [x1]");
    assert_int_equal(bench_peek(bench, WORD), 0xffffffff00000000);
    execute(0xf8228020, "swp x2, x0, [x1]");
    assert_int_equal(cpu->x[0], 0xffffffff00000000);
    assert_int_equal(bench_peek(bench, WORD), 0xffff);
}

#define BOTH_WAYS(test)                                                                                      \
    cmocka_unit_test_setup_teardown(test, set_up_plain, tear_down),                                          \
        cmocka_unit_test_setup_teardown(test, set_up_threaded, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_WAYS(test_computations),
        BOTH_WAYS(test_crc_check_value),
        cmocka_unit_test(test_bitmasks),
        cmocka_unit_test_setup_teardown(test_branches, set_up_plain, tear_down),
        BOTH_WAYS(test_conditions),
        BOTH_WAYS(test_addressing),
        BOTH_WAYS(test_write_back_of_transferred_base),
        BOTH_WAYS(test_faults_change_nothing),
        BOTH_WAYS(test_stack_alignment),
        BOTH_WAYS(test_alignment),
        BOTH_WAYS(test_unprivileged),
        BOTH_WAYS(test_fp_trap),
        BOTH_WAYS(test_exclusive_monitor),
        BOTH_WAYS(test_exclusive_pairs),
        BOTH_WAYS(test_exclusive_bytes),
        BOTH_WAYS(test_compare_and_swap),
        BOTH_WAYS(test_atomics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
