/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The assembler of translated code against Capstone: each function with all registers, widths and kinds of
 * displacement and immediate must give one instruction, of the name and with the operands that it was asked
 * for. */
#include "unit.h"
#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include "jit/x64.h"

#define RUN_ADDRESS 0x7f1234560000ull

enum { REGS = 16, ALU_OPS = 8, CONDITIONS = 16 };

static csh capstone;
static cs_insn *insn;
static uint8_t buffer[64];
static struct x64 c;

/* Operands as they were asked for. `size` in bytes. */
struct operand {
    x86_op_type type;
    unsigned size;
    x86_reg reg, index;
    int64_t value; /* immediate or displacement */
    int scale;
};

static const x86_reg names[5][REGS] = {
    {X86_REG_AL, X86_REG_CL, X86_REG_DL, X86_REG_BL, X86_REG_SPL, X86_REG_BPL, X86_REG_SIL, X86_REG_DIL,
     X86_REG_R8B, X86_REG_R9B, X86_REG_R10B, X86_REG_R11B, X86_REG_R12B, X86_REG_R13B, X86_REG_R14B,
     X86_REG_R15B},
    {X86_REG_AX, X86_REG_CX, X86_REG_DX, X86_REG_BX, X86_REG_SP, X86_REG_BP, X86_REG_SI, X86_REG_DI,
     X86_REG_R8W, X86_REG_R9W, X86_REG_R10W, X86_REG_R11W, X86_REG_R12W, X86_REG_R13W, X86_REG_R14W,
     X86_REG_R15W},
    {X86_REG_EAX, X86_REG_ECX, X86_REG_EDX, X86_REG_EBX, X86_REG_ESP, X86_REG_EBP, X86_REG_ESI, X86_REG_EDI,
     X86_REG_R8D, X86_REG_R9D, X86_REG_R10D, X86_REG_R11D, X86_REG_R12D, X86_REG_R13D, X86_REG_R14D,
     X86_REG_R15D},
    {X86_REG_RAX, X86_REG_RCX, X86_REG_RDX, X86_REG_RBX, X86_REG_RSP, X86_REG_RBP, X86_REG_RSI, X86_REG_RDI,
     X86_REG_R8, X86_REG_R9, X86_REG_R10, X86_REG_R11, X86_REG_R12, X86_REG_R13, X86_REG_R14, X86_REG_R15},
    {X86_REG_XMM0, X86_REG_XMM1, X86_REG_XMM2, X86_REG_XMM3, X86_REG_XMM4, X86_REG_XMM5, X86_REG_XMM6,
     X86_REG_XMM7, X86_REG_XMM8, X86_REG_XMM9, X86_REG_XMM10, X86_REG_XMM11, X86_REG_XMM12, X86_REG_XMM13,
     X86_REG_XMM14, X86_REG_XMM15},
};

static const int32_t displacements[] = {0, 1, -1, 8, 127, 128, -128, -129, 0x1234, INT32_MAX, INT32_MIN};
static const int32_t immediates[] = {0, 1, -1, 127, 128, -128, -129, 0xfff000, INT32_MAX, INT32_MIN};
static const char *const conditions[CONDITIONS] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
                                                   "s", "ns", "p", "np", "l", "ge", "le", "g"};
static const char *const alu_names[ALU_OPS] = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"};
static const struct {
    enum x64_shift op;
    const char *name;
} shifts[] = {
    {SHIFT_ROL, "rol"}, {SHIFT_ROR, "ror"}, {SHIFT_SHL, "shl"}, {SHIFT_SHR, "shr"}, {SHIFT_SAR, "sar"}};

#define EACH(list, i)    (unsigned i = 0; i < sizeof(list) / sizeof((list)[0]); i++)
#define EACH_BELOW(n, i) (unsigned i = 0; i < (n); i++)

/* A register of 1 << log2 bytes (4: xmm). */
static struct operand reg(unsigned log2, unsigned number)
{
    return (struct operand){.type = X86_OP_REG, .size = 1u << log2, .reg = names[log2][number]};
}

static struct operand memory(unsigned log2, unsigned base, int32_t displacement)
{
    return (struct operand){
        .type = X86_OP_MEM, .size = 1u << log2, .reg = names[3][base], .value = displacement, .scale = 1};
}

static struct operand immediate(int64_t value)
{
    return (struct operand){.type = X86_OP_IMM, .value = value};
}

static void start(void)
{
    memset(buffer, 0xcc, sizeof buffer);
    c = (struct x64){.at = buffer,
                     .end = buffer + sizeof buffer,
                     .run_offset = (ptrdiff_t)(RUN_ADDRESS - (uint64_t)buffer)};
}

static bool operand_is(const cs_x86_op *got, const struct operand *want, unsigned width)
{
    if (got->type != want->type)
        return false;
    switch (want->type) {
    case X86_OP_REG: return got->reg == want->reg;
    case X86_OP_IMM: return !(((uint64_t)got->imm ^ (uint64_t)want->value) & UINT64_MAX >> (64 - 8 * width));
    default:
        return got->size == want->size && got->mem.base == want->reg && got->mem.index == want->index &&
               got->mem.disp == want->value && got->mem.scale == want->scale &&
               got->mem.segment == X86_REG_INVALID;
    }
}

/* What was emitted since start() is `name` with `operands`. Immediates are compared in the first operand's
 * width. */
static void expect(const char *name, unsigned count, const struct operand *operands)
{
    const uint8_t *code = buffer;
    size_t size = (size_t)(c.at - buffer);
    uint64_t address = RUN_ADDRESS;
    assert_false(c.full);
    if (!cs_disasm_iter(capstone, &code, &size, &address, insn))
        fail_msg("%s: Capstone knows no such instruction", name);
    const cs_x86 *got = &insn->detail->x86;
    const unsigned width = count && operands[0].size && operands[0].size <= 8 ? operands[0].size : 8;
    bool same = size == 0 && !strcmp(insn->mnemonic, name) && got->op_count == count;
    for (unsigned i = 0; i < count && same; i++)
        same = operand_is(&got->operands[i], &operands[i], width);
    if (!same)
        fail_msg("wanted %s with %u operands, got %s %s and %zu bytes more", name, count, insn->mnemonic,
                 insn->op_str, size);
}

#define EXPECT(name, ...)                                                                                    \
    expect(name, sizeof((struct operand[]){__VA_ARGS__}) / sizeof(struct operand),                           \
           (struct operand[]){__VA_ARGS__})

/* Emits one instruction and says what it must be. */
#define CHECK(emit, ...) (start(), emit, EXPECT(__VA_ARGS__))

static void moves(void **state)
{
    static const uint64_t values[] = {
        0,          1,          UINT32_MAX,         1ull << 32,          (uint64_t)-1,
        0x80000000, 1ull << 63, 0x123456789abcdef0, (uint64_t)INT32_MIN, (uint64_t)INT32_MIN - 1};
    for
        EACH_BELOW(REGS, a)
        {
        for
            EACH_BELOW(REGS, b)
            {
                CHECK(x64_mov(&c, 1, a, b), "mov", reg(3, a), reg(3, b));
                CHECK(x64_mov(&c, 0, a, b), "mov", reg(2, a), reg(2, b));
            for
                EACH(displacements, d)
                {
                    const int32_t disp = displacements[d];
                    CHECK(x64_load(&c, 1, a, b, disp), "mov", reg(3, a), memory(3, b, disp));
                    CHECK(x64_load(&c, 0, a, b, disp), "mov", reg(2, a), memory(2, b, disp));
                    CHECK(x64_store(&c, 1, a, b, disp), "mov", memory(3, b, disp), reg(3, a));
                    CHECK(x64_store(&c, 0, a, b, disp), "mov", memory(2, b, disp), reg(2, a));
                    CHECK(x64_lea(&c, 1, a, b, disp), "lea", reg(3, a), memory(3, b, disp));
                    CHECK(x64_lea(&c, 0, a, b, disp), "lea", reg(2, a), memory(2, b, disp));
                    CHECK(x64_movdqu_load(&c, a, b, disp), "movdqu", reg(4, a), memory(4, b, disp));
                    CHECK(x64_movdqu_store(&c, a, b, disp), "movdqu", memory(4, b, disp), reg(4, a));
                }
            for
                EACH_BELOW(4, scale)
                for
                    EACH_BELOW(REGS, index)
                    for
                        EACH_BELOW(2, w)
                        {
                            if (index == RSP)
                                continue; /* cannot be one */
                            struct operand m = memory(2 + w, b, 0);
                            m.index = names[3][index];
                            m.scale = 1 << scale;
                            CHECK(x64_lea_indexed(&c, w, a, b, index, scale), "lea", reg(2 + w, a), m);
                            m.value = 0x1234;
                            CHECK(x64_alu_indexed(&c, w, ALU_CMP, a, b, index, scale, 0x1234), "cmp", reg(2 + w, a), m);
                        }
            }
        for
            EACH(values, i)
            {
                const uint64_t value = values[i];
                const bool sign_extended = (int64_t)value == (int32_t)value;
                start();
                x64_mov_imm(&c, a, value);
                if (value <= UINT32_MAX)
                    EXPECT("mov", reg(2, a), immediate((int64_t)value));
                else
                    EXPECT(sign_extended ? "mov" : "movabs", reg(3, a), immediate((int64_t)value));
            }
        CHECK(x64_push(&c, a), "push", reg(3, a));
        CHECK(x64_pop(&c, a), "pop", reg(3, a));
        }
}

static void sizes(void **state)
{
    for
        EACH_BELOW(REGS, a)
        for
            EACH_BELOW(REGS, b)
            {
            for
                EACH(displacements, d)
                {
                    const int32_t disp = displacements[d];
                for
                    EACH_BELOW(4, size)
                    {
                        CHECK(x64_store_sized(&c, size, a, b, disp), "mov", memory(size, b, disp),
                              reg(size, a));
                    for
                        EACH_BELOW(2, w)
                        {
                            CHECK(x64_load_sized(&c, size, false, w, a, b, disp), size < 2 ? "movzx" : "mov",
                                  reg(size == 3 ? 3 : 2, a), memory(size, b, disp));
                            if (size < 2 + w)
                                CHECK(x64_load_sized(&c, size, true, w, a, b, disp),
                                      size < 2    ? "movsx"
                                      : size == 2 ? "movsxd"
                                                  : "mov",
                                      reg(2 + w, a), memory(size, b, disp));
                        }
                    }
                }
            for
                EACH_BELOW(2, size)
                for
                    EACH_BELOW(2, w)
                    {
                        CHECK(x64_extend(&c, size, false, w, a, b), "movzx", reg(2 + w, a), reg(size, b));
                        CHECK(x64_extend(&c, size, true, w, a, b), "movsx", reg(2 + w, a), reg(size, b));
                    }
                CHECK(x64_extend(&c, 2, false, 1, a, b), "mov", reg(2, a), reg(2, b));
                CHECK(x64_extend(&c, 2, true, 1, a, b), "movsxd", reg(3, a), reg(2, b));
            }
}

static void arithmetic(void **state)
{
    for
        EACH_BELOW(REGS, a)
        for
            EACH_BELOW(2, w)
            {
                const unsigned log2 = 2 + w;
            for
                EACH_BELOW(REGS, b)
                {
                for
                    EACH_BELOW(ALU_OPS, op)
                    {
                        CHECK(x64_alu(&c, w, op, a, b), alu_names[op], reg(log2, a), reg(log2, b));
                    for
                        EACH(displacements, d)
                    CHECK(x64_alu_load(&c, w, op, a, b, displacements[d]), alu_names[op], reg(log2, a),
                          memory(log2, b, displacements[d]));
                    }
                CHECK(x64_test(&c, w, a, b), "test", reg(log2, a), reg(log2, b));
                CHECK(x64_imul(&c, w, a, b), "imul", reg(log2, a), reg(log2, b));
                CHECK(x64_bsr(&c, w, a, b), "bsr", reg(log2, a), reg(log2, b));
                for
                    EACH_BELOW(32u << w, n)
                CHECK(x64_shrd(&c, w, a, b, n), "shrd", reg(log2, a), reg(log2, b), immediate(n));
                }
            for
                EACH(immediates, i)
                {
                for
                    EACH_BELOW(ALU_OPS, op)
                    {
                        CHECK(x64_alu_imm(&c, w, op, a, immediates[i]), alu_names[op], reg(log2, a),
                              immediate(immediates[i]));
                    for
                        EACH(displacements, d)
                    CHECK(x64_alu_imm_store(&c, w, op, a, displacements[d], immediates[i]), alu_names[op],
                          memory(log2, a, displacements[d]), immediate(immediates[i]));
                    }
                CHECK(x64_test_imm(&c, w, a, immediates[i]), "test", reg(log2, a), immediate(immediates[i]));
                }
            CHECK(x64_not(&c, w, a), "not", reg(log2, a));
            CHECK(x64_neg(&c, w, a), "neg", reg(log2, a));
            CHECK(x64_div(&c, w, true, a), "idiv", reg(log2, a));
            CHECK(x64_div(&c, w, false, a), "div", reg(log2, a));
            CHECK(x64_bswap(&c, w, a), "bswap", reg(log2, a));
            for
                EACH(shifts, s)
                {
                    CHECK(x64_shift_cl(&c, w, shifts[s].op, a), shifts[s].name, reg(log2, a), reg(0, RCX));
                for
                    EACH_BELOW(32u << w, n)
                CHECK(x64_shift_imm(&c, w, shifts[s].op, a, n), shifts[s].name, reg(log2, a), immediate(n));
                }
            }
    for
        EACH_BELOW(REGS, a)
        {
            CHECK(x64_mul_wide(&c, true, a), "imul", reg(3, a));
            CHECK(x64_mul_wide(&c, false, a), "mul", reg(3, a));
        for
            EACH_BELOW(64, bit)
        CHECK(x64_bit_test(&c, a, bit), "bt", reg(bit > 31 ? 3 : 2, a), immediate(bit));
        for
            EACH(displacements, d)
            for
                EACH_BELOW(256, value)
            CHECK(x64_cmp_byte(&c, a, displacements[d], value), "cmp", memory(0, a, displacements[d]),
                  immediate(value));
        }
    start(), x64_sign_of_rax(&c, 1), expect("cqo", 0, NULL);
    start(), x64_sign_of_rax(&c, 0), expect("cdq", 0, NULL);
}

/* Jumps lead where they should, forwards and back. */
static void conditions_and_jumps(void **state)
{
    static const int64_t distances[] = {0, 5, -5, 127, -128, 0x12345, -0x7fff0000, 0x7fff0000};
    char name[16];
    for
        EACH_BELOW(CONDITIONS, cc)
        {
        for
            EACH_BELOW(REGS, a)
            {
                snprintf(name, sizeof name, "set%s", conditions[cc]);
            for
                EACH(displacements, d)
            CHECK(x64_setcc_store(&c, cc, a, displacements[d]), name, memory(0, a, displacements[d]));
            snprintf(name, sizeof name, "cmov%s", conditions[cc]);
            for
                EACH_BELOW(REGS, b)
                for
                    EACH_BELOW(2, w)
                CHECK(x64_cmov(&c, w, cc, a, b), name, reg(2 + w, a), reg(2 + w, b));
            }
        snprintf(name, sizeof name, "j%s", conditions[cc]);
        for
            EACH(distances, i)
        CHECK(x64_jcc_to(&c, cc, RUN_ADDRESS + (uint64_t)distances[i]), name,
              immediate((int64_t)RUN_ADDRESS + distances[i]));
        start();
        uint8_t *jump = x64_jcc(&c, cc);
        uint8_t *behind = c.at;
        x64_push(&c, RAX);
        x64_push(&c, R15);
        x64_bind(&c, jump);
        c.at = behind;
        EXPECT(name, immediate((int64_t)RUN_ADDRESS + (behind - buffer) + 3));
        x64_patch(jump, buffer);
        EXPECT(name, immediate((int64_t)RUN_ADDRESS));
        }
    for
        EACH(distances, i)
    CHECK(x64_jmp_to(&c, RUN_ADDRESS + (uint64_t)distances[i]), "jmp",
          immediate((int64_t)RUN_ADDRESS + distances[i]));
    start();
    uint8_t *jump = x64_jmp(&c);
    x64_patch(jump, buffer + 40);
    EXPECT("jmp", immediate((int64_t)RUN_ADDRESS + 40));
    for
        EACH_BELOW(REGS, a)
        {
        for
            EACH(displacements, d)
        CHECK(x64_jmp_mem(&c, a, displacements[d]), "jmp", memory(3, a, displacements[d]));
        CHECK(x64_call_reg(&c, a), "call", reg(3, a));
        }
    start(), x64_ret(&c), expect("ret", 0, NULL);
    start();
    x64_push(&c, RAX);
    assert_int_equal(x64_here(&c), RUN_ADDRESS + 1);
}

/* Where there is no room nothing is written behind the end, and `full` tells. */
static void no_room(void **state)
{
    for
        EACH_BELOW(12, room)
        {
            start();
            c.end = buffer + room;
            uint8_t *jump = x64_jcc(&c, CC_E);
            x64_alu_imm_store(&c, 1, ALU_ADD, R12, 0x1000, 0x1000); /* 12 bytes */
            x64_bind(&c, jump);
            assert_true(c.full);
            for (unsigned i = room; i < sizeof buffer; i++)
                assert_int_equal(buffer[i], 0xcc);
        }
    start();
    c.end = buffer + 12;
    x64_alu_imm_store(&c, 1, ALU_ADD, R12, 0x1000, 0x1000);
    assert_false(c.full);
    assert_ptr_equal(c.at, c.end);
}

static int open_capstone(void **state)
{
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &capstone) != CS_ERR_OK ||
        cs_option(capstone, CS_OPT_DETAIL, CS_OPT_ON))
        return -1;
    insn = cs_malloc(capstone);
    return insn ? 0 : -1;
}

static int close_capstone(void **state)
{
    cs_free(insn, 1);
    return cs_close(&capstone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves),      cmocka_unit_test(sizes),
        cmocka_unit_test(arithmetic), cmocka_unit_test(conditions_and_jumps),
        cmocka_unit_test(no_room),
    };
    return cmocka_run_group_tests(tests, open_capstone, close_capstone);
}
