/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The assembler of translated code against Capstone: each function with all registers, widths and kinds of
 * displacement and immediate must give one instruction, of the name and with the operands that it was asked
 * for. */
#include "unit.h"
#include <capstone/capstone.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "jit/x64.h"
#include "jit/x64_atomic.h"
#include "jit/x64_vec.h"

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

#define LENGTH(list) (sizeof(list) / sizeof((list)[0]))

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
        return (got->size == want->size || !want->size) && got->mem.base == want->reg &&
               got->mem.index == want->index && got->mem.disp == want->value &&
               got->mem.scale == want->scale && got->mem.segment == X86_REG_INVALID;
    }
}

/* What was emitted since start(), from `code` on, is `name` with `operands`, and nothing else where it is the `last`.
 * Immediates are compared in the first operand's width. Returns what follows. */
static const uint8_t *expect_at(const uint8_t *code, bool last, const char *name, unsigned count,
                                const struct operand *operands)
{
    size_t size = (size_t)(c.at - code);
    uint64_t address = RUN_ADDRESS + (uint64_t)(code - buffer);
    assert_false(c.full);
    if (!cs_disasm_iter(capstone, &code, &size, &address, insn))
        fail_msg("%s: Capstone knows no such instruction", name);
    const cs_x86 *got = &insn->detail->x86;
    const unsigned width = count && operands[0].size && operands[0].size <= 8 ? operands[0].size : 8;
    bool same = (size == 0) == last && !strcmp(insn->mnemonic, name) && got->op_count == count;
    for (unsigned i = 0; i < count && same; i++)
        same = operand_is(&got->operands[i], &operands[i], width);
    if (!same)
        fail_msg("wanted %s with %u operands, got %s %s and %zu bytes more", name, count, insn->mnemonic,
                 insn->op_str, size);
    return code;
}

static void expect(const char *name, unsigned count, const struct operand *operands)
{
    expect_at(buffer, true, name, count, operands);
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
    for (unsigned a = 0; a < REGS; a++) {
        for (unsigned b = 0; b < REGS; b++) {
            CHECK(x64_mov(&c, 1, a, b), "mov", reg(3, a), reg(3, b));
            CHECK(x64_mov(&c, 0, a, b), "mov", reg(2, a), reg(2, b));
            for (unsigned d = 0; d < LENGTH(displacements); d++) {
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
            for (unsigned scale = 0; scale < 4; scale++)
                for (unsigned index = 0; index < REGS; index++)
                    for (unsigned w = 0; w < 2; w++) {
                        if (index == RSP)
                            continue; /* cannot be one */
                        struct operand m = memory(2 + w, b, 0);
                        m.index = names[3][index];
                        m.scale = 1 << scale;
                        CHECK(x64_lea_indexed(&c, w, a, b, index, scale), "lea", reg(2 + w, a), m);
                        m.value = 0x1234;
                        CHECK(x64_alu_indexed(&c, w, ALU_CMP, a, b, index, scale, 0x1234), "cmp",
                              reg(2 + w, a), m);
                    }
        }
        for (unsigned i = 0; i < LENGTH(values); i++) {
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
    for (unsigned a = 0; a < REGS; a++)
        for (unsigned b = 0; b < REGS; b++) {
            for (unsigned d = 0; d < LENGTH(displacements); d++) {
                const int32_t disp = displacements[d];
                for (unsigned size = 0; size < 4; size++) {
                    CHECK(x64_store_sized(&c, size, a, b, disp), "mov", memory(size, b, disp), reg(size, a));
                    for (unsigned w = 0; w < 2; w++) {
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
            for (unsigned size = 0; size < 2; size++)
                for (unsigned w = 0; w < 2; w++) {
                    CHECK(x64_extend(&c, size, false, w, a, b), "movzx", reg(2 + w, a), reg(size, b));
                    CHECK(x64_extend(&c, size, true, w, a, b), "movsx", reg(2 + w, a), reg(size, b));
                }
            CHECK(x64_extend(&c, 2, false, 1, a, b), "mov", reg(2, a), reg(2, b));
            CHECK(x64_extend(&c, 2, true, 1, a, b), "movsxd", reg(3, a), reg(2, b));
        }
}

static void arithmetic(void **state)
{
    for (unsigned a = 0; a < REGS; a++)
        for (unsigned w = 0; w < 2; w++) {
            const unsigned log2 = 2 + w;
            for (unsigned b = 0; b < REGS; b++) {
                for (unsigned op = 0; op < ALU_OPS; op++) {
                    CHECK(x64_alu(&c, w, op, a, b), alu_names[op], reg(log2, a), reg(log2, b));
                    for (unsigned d = 0; d < LENGTH(displacements); d++)
                        CHECK(x64_alu_load(&c, w, op, a, b, displacements[d]), alu_names[op], reg(log2, a),
                              memory(log2, b, displacements[d]));
                }
                CHECK(x64_test(&c, w, a, b), "test", reg(log2, a), reg(log2, b));
                CHECK(x64_imul(&c, w, a, b), "imul", reg(log2, a), reg(log2, b));
                CHECK(x64_imul_imm(&c, w, a, b, 24000), "imul", reg(log2, a), reg(log2, b), immediate(24000));
                CHECK(x64_bsr(&c, w, a, b), "bsr", reg(log2, a), reg(log2, b));
                for (unsigned n = 0; n < 32u << w; n++)
                    CHECK(x64_shrd(&c, w, a, b, n), "shrd", reg(log2, a), reg(log2, b), immediate(n));
            }
            for (unsigned i = 0; i < LENGTH(immediates); i++) {
                for (unsigned op = 0; op < ALU_OPS; op++) {
                    CHECK(x64_alu_imm(&c, w, op, a, immediates[i]), alu_names[op], reg(log2, a),
                          immediate(immediates[i]));
                    for (unsigned d = 0; d < LENGTH(displacements); d++)
                        CHECK(x64_alu_imm_store(&c, w, op, a, displacements[d], immediates[i]), alu_names[op],
                              memory(log2, a, displacements[d]), immediate(immediates[i]));
                }
                for (unsigned d = 0; d < LENGTH(displacements); d++)
                    CHECK(x64_test_store(&c, a, displacements[d], immediates[i]), "test",
                          memory(2, a, displacements[d]), immediate(immediates[i]));
                CHECK(x64_test_imm(&c, w, a, immediates[i]), "test", reg(log2, a), immediate(immediates[i]));
            }
            CHECK(x64_not(&c, w, a), "not", reg(log2, a));
            CHECK(x64_neg(&c, w, a), "neg", reg(log2, a));
            CHECK(x64_div(&c, w, true, a), "idiv", reg(log2, a));
            CHECK(x64_div(&c, w, false, a), "div", reg(log2, a));
            CHECK(x64_bswap(&c, w, a), "bswap", reg(log2, a));
            for (unsigned s = 0; s < LENGTH(shifts); s++) {
                CHECK(x64_shift_cl(&c, w, shifts[s].op, a), shifts[s].name, reg(log2, a), reg(0, RCX));
                for (unsigned n = 0; n < 32u << w; n++)
                    CHECK(x64_shift_imm(&c, w, shifts[s].op, a, n), shifts[s].name, reg(log2, a),
                          immediate(n));
            }
        }
    for (unsigned a = 0; a < REGS; a++) {
        for (unsigned b = 0; b < REGS; b++)
            CHECK(x64_mulx(&c, a, b, a ^ 9), "mulx", reg(3, a), reg(3, b), reg(3, a ^ 9));
        for (unsigned b = 0; b < REGS; b++)
            for (unsigned w = 0; w < 2; w++)
                CHECK(x64_rorx(&c, w, a, b, 9), "rorx", reg(2 + w, a), reg(2 + w, b), immediate(9));
        for (unsigned b = 0; b < REGS; b++)
            for (unsigned w = 0; w < 2; w++) {
                CHECK(x64_andn(&c, w, a, a ^ 9, b), "andn", reg(2 + w, a), reg(2 + w, a ^ 9), reg(2 + w, b));
                CHECK(x64_lzcnt(&c, w, a, b), "lzcnt", reg(2 + w, a), reg(2 + w, b));
                CHECK(x64_tzcnt(&c, w, a, b), "tzcnt", reg(2 + w, a), reg(2 + w, b));
            }
        static const struct {
            const char *name;
            enum x64_shift op;
        } by[] = {{"shlx", SHIFT_SHL}, {"shrx", SHIFT_SHR}, {"sarx", SHIFT_SAR}};
        for (unsigned i = 0; i < 2 * LENGTH(by) * REGS; i++) {
            const unsigned s = i % LENGTH(by), w = i / LENGTH(by) % 2, b = i / LENGTH(by) / 2, log2 = 2 + w;
            CHECK(x64_shift_by(&c, w, by[s].op, a, b, a ^ 9), by[s].name, reg(log2, a), reg(log2, b), reg(log2, a ^ 9));
        }
        CHECK(x64_mul_wide(&c, true, a), "imul", reg(3, a));
        CHECK(x64_mul_wide(&c, false, a), "mul", reg(3, a));
        for (unsigned bit = 0; bit < 64; bit++)
            CHECK(x64_bit_test(&c, a, bit), "bt", reg(bit > 31 ? 3 : 2, a), immediate(bit)),
                CHECK(x64_bit_reset(&c, a, bit), "btr", reg(bit > 31 ? 3 : 2, a), immediate(bit));
        for (unsigned d = 0; d < LENGTH(displacements); d++)
            for (unsigned value = 0; value < 256; value++)
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
    for (unsigned cc = 0; cc < CONDITIONS; cc++) {
        for (unsigned a = 0; a < REGS; a++) {
            snprintf(name, sizeof name, "set%s", conditions[cc]);
            for (unsigned d = 0; d < LENGTH(displacements); d++)
                CHECK(x64_setcc_store(&c, cc, a, displacements[d]), name, memory(0, a, displacements[d]));
            CHECK(x64_setcc(&c, cc, a), name, reg(0, a));
            snprintf(name, sizeof name, "cmov%s", conditions[cc]);
            for (unsigned b = 0; b < REGS; b++)
                for (unsigned w = 0; w < 2; w++)
                    CHECK(x64_cmov(&c, w, cc, a, b), name, reg(2 + w, a), reg(2 + w, b));
        }
        snprintf(name, sizeof name, "j%s", conditions[cc]);
        for (unsigned i = 0; i < LENGTH(distances); i++)
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
    for (unsigned i = 0; i < LENGTH(distances); i++)
        CHECK(x64_jmp_to(&c, RUN_ADDRESS + (uint64_t)distances[i]), "jmp",
              immediate((int64_t)RUN_ADDRESS + distances[i]));
    start();
    uint8_t *jump = x64_jmp(&c);
    x64_patch(jump, buffer + 40);
    EXPECT("jmp", immediate((int64_t)RUN_ADDRESS + 40));
    for (unsigned a = 0; a < REGS; a++) {
        for (unsigned d = 0; d < LENGTH(displacements); d++)
            CHECK(x64_jmp_mem(&c, a, displacements[d]), "jmp", memory(3, a, displacements[d]));
        CHECK(x64_call_reg(&c, a), "call", reg(3, a));
        CHECK(x64_jmp_reg(&c, a), "jmp", reg(3, a));
        start();
        uint8_t *end = x64_lea_rip(&c, a);
        x64_patch(end, buffer + 40);
        const struct operand near = {
            .type = X86_OP_MEM, .reg = X86_REG_RIP, .value = buffer + 40 - end, .scale = 1};
        EXPECT("lea", reg(3, a), near);
        for (unsigned index = 0; index < REGS; index++) {
            struct operand m = memory(3, a, 0);
            m.index = names[3][index];
            m.scale = 8;
            if (index != RSP)
                CHECK(x64_jmp_indexed(&c, a, index, 3), "jmp", m);
        }
    }
    start(), x64_ret(&c), expect("ret", 0, NULL);
    start(), x64_cmc(&c), expect("cmc", 0, NULL);
    start(), x64_stc(&c), expect("stc", 0, NULL);
    start(), x64_lahf(&c), expect("lahf", 0, NULL);
    start(), x64_sahf(&c), expect("sahf", 0, NULL);
    start();
    x64_push(&c, RAX);
    assert_int_equal(x64_here(&c), RUN_ADDRESS + 1);
}

/* Vector operations by their names in the header, which are the instructions' own. */
struct named {
    enum sse_op op;
    const char *name;
};

#define OP(name)                                                                                             \
    {                                                                                                        \
        SSE_##name, #name                                                                                    \
    }
static const struct named plain_ops[] = {
    OP(CVTSS2SD),   OP(CVTSD2SS),   OP(CVTPS2PD),   OP(CVTPD2PS),   OP(CVTDQ2PS),  OP(CVTTPS2DQ),
    OP(PAND),       OP(PANDN),      OP(POR),        OP(PXOR),       OP(PADDB),     OP(PADDW),
    OP(PADDD),      OP(PADDQ),      OP(PSUBB),      OP(PSUBW),      OP(PSUBD),     OP(PSUBQ),
    OP(PADDSB),     OP(PADDSW),     OP(PADDUSB),    OP(PADDUSW),    OP(PSUBSB),    OP(PSUBSW),
    OP(PSUBUSB),    OP(PSUBUSW),    OP(PCMPEQB),    OP(PCMPEQW),    OP(PCMPEQD),   OP(PCMPEQQ),
    OP(PCMPGTB),    OP(PCMPGTW),    OP(PCMPGTD),    OP(PCMPGTQ),    OP(PMAXSB),    OP(PMAXSW),
    OP(PMAXSD),     OP(PMAXUB),     OP(PMAXUW),     OP(PMAXUD),     OP(PMINSB),    OP(PMINSW),
    OP(PMINSD),     OP(PMINUB),     OP(PMINUW),     OP(PMINUD),     OP(PABSB),     OP(PABSW),
    OP(PABSD),      OP(PAVGB),      OP(PAVGW),      OP(PSADBW),     OP(PMULLW),    OP(PMULLD),
    OP(PMULUDQ),    OP(PMULDQ),     OP(PMADDWD),    OP(PMADDUBSW),  OP(PSHUFB),    OP(PUNPCKLBW),
    OP(PUNPCKLWD),  OP(PUNPCKLDQ),  OP(PUNPCKLQDQ), OP(PUNPCKHBW),  OP(PUNPCKHWD), OP(PUNPCKHDQ),
    OP(PUNPCKHQDQ), OP(PACKUSWB),   OP(PACKUSDW),   OP(PACKSSWB),   OP(PACKSSDW),  OP(PMOVSXBW),
    OP(PMOVSXWD),   OP(PMOVSXDQ),   OP(PMOVZXBW),   OP(PMOVZXWD),   OP(PMOVZXDQ),  OP(AESIMC),
    OP(AESENC),     OP(AESENCLAST), OP(AESDEC),     OP(AESDECLAST), OP(SHA256MSG1), OP(SHA256MSG2),
    OP(SHA1NEXTE),  OP(SHA1MSG1),   OP(SHA1MSG2),   OP(PMULHW),     OP(PMULHUW),    OP(PMULHRSW),
    OP(PHADDW),     OP(PHADDD),     OP(PTEST),      OP(PSLLW),      OP(ANDPS),      OP(ANDPD),
    OP(XORPS),      OP(XORPD),      OP(CVTDQ2PD),   OP(PMOVSXBD),   OP(PMOVZXBD)};
static const struct named immediate_ops[] = {OP(SHUFPS),  OP(PSHUFD),    OP(PSHUFLW),   OP(PSHUFHW),
                                             OP(SHUFPD),  OP(INSERTPS),  OP(BLENDPS),   OP(PBLENDW),
                                             OP(PALIGNR), OP(PCLMULQDQ), OP(ROUNDPS),
                                             OP(ROUNDPD), OP(ROUNDSS),   OP(ROUNDSD)};
static const struct named fp_ops[] = {OP(SQRT), OP(ADD), OP(MUL), OP(SUB), OP(MIN), OP(DIV), OP(MAX)};

static const char *lower(const char *name, const char *suffix)
{
    static char text[32];
    snprintf(text, sizeof text, "%s%s", name, suffix);
    for (char *at = text; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return text;
}

static const char *const form_names[] = {[SSE_PS] = "ps", [SSE_PD] = "pd", [SSE_SS] = "ss", [SSE_SD] = "sd"};

static void vectors(void **state)
{
    static const char *const comparisons[] = {"cmpeq", "cmplt", "cmple", "cmpunord"};
    for (unsigned a = 0; a < REGS; a++) {
        for (unsigned b = 0; b < REGS; b++) {
            for (unsigned i = 0; i < LENGTH(plain_ops); i++) {
                CHECK(sse_rr(&c, plain_ops[i].op, a, b), lower(plain_ops[i].name, ""), reg(4, a), reg(4, b));
                for (unsigned d = 0; d < LENGTH(displacements); d++) {
                    struct operand m = memory(4, b, displacements[d]);
                    m.size = 0; /* some take less than 16 bytes */
                    CHECK(sse_rm(&c, plain_ops[i].op, a, b, displacements[d]), lower(plain_ops[i].name, ""),
                          reg(4, a), m);
                }
            }
            for (unsigned i = 0; i < LENGTH(immediate_ops); i++)
                CHECK(sse_rr_imm(&c, immediate_ops[i].op, a, b, 3), lower(immediate_ops[i].name, ""),
                      reg(4, a), reg(4, b), immediate(3));
            for (unsigned f = 0; f < LENGTH(form_names); f++) {
                for (unsigned i = 0; i < LENGTH(fp_ops); i++)
                    CHECK(sse_rr(&c, sse_fp(fp_ops[i].op, f), a, b), lower(fp_ops[i].name, form_names[f]),
                          reg(4, a), reg(4, b));
                for (unsigned i = 0; i < LENGTH(comparisons); i++)
                    CHECK(sse_rr_imm(&c, sse_fp(SSE_CMP, f), a, b, i), lower(comparisons[i], form_names[f]),
                          reg(4, a), reg(4, b));
            }
            CHECK(sse_rr(&c, sse_fp(SSE_UCOMIS, SSE_PS), a, b), "ucomiss", reg(4, a), reg(4, b));
            CHECK(sse_rr(&c, sse_fp(SSE_UCOMIS, SSE_PD), a, b), "ucomisd", reg(4, a), reg(4, b));
            CHECK(sse_rr(&c, SSE_MOVAPS, a, b), "movaps", reg(4, a), reg(4, b));
            CHECK(sse_rr(&c, SSE_MOVQ, a, b), "movq", reg(4, a), reg(4, b));
            CHECK(sse_rr(&c, SSE_MOVMSKPS, a, b), "movmskps", reg(2, a), reg(4, b));
            CHECK(sse_rr(&c, SSE_MOVMSKPD, a, b), "movmskpd", reg(2, a), reg(4, b));
            CHECK(sse_rr(&c, SSE_PMOVMSKB, a, b), "pmovmskb", reg(2, a), reg(4, b));
            CHECK(sse_rr_imm(&c, SSE_PINSRB, a, b, 5), "pinsrb", reg(4, a), reg(2, b), immediate(5));
            CHECK(sse_rr_imm(&c, SSE_PINSRW, a, b, 5), "pinsrw", reg(4, a), reg(2, b), immediate(5));
            CHECK(sse_rr_imm(&c, SSE_PINSRD, a, b, 2), "pinsrd", reg(4, a), reg(2, b), immediate(2));
            CHECK(sse_rr_imm(&c, SSE_PEXTRW, a, b, 5), "pextrw", reg(2, a), reg(4, b), immediate(5));
            for (unsigned w = 0; w < 2; w++) {
                CHECK(sse_rr_w(&c, w, SSE_MOVD, a, b), w ? "movq" : "movd", reg(4, a), reg(2 + w, b));
                CHECK(sse_rr_w(&c, w, SSE_MOVD_TO, a, b), w ? "movq" : "movd", reg(2 + w, b), reg(4, a));
                CHECK(sse_rr_w(&c, w, SSE_CVTSI2SS, a, b), "cvtsi2ss", reg(4, a), reg(2 + w, b));
                CHECK(sse_rr_w(&c, w, SSE_CVTSI2SD, a, b), "cvtsi2sd", reg(4, a), reg(2 + w, b));
                CHECK(sse_rr_w(&c, w, SSE_CVTTSS2SI, a, b), "cvttss2si", reg(2 + w, a), reg(4, b));
                CHECK(sse_rr_w(&c, w, SSE_CVTTSD2SI, a, b), "cvttsd2si", reg(2 + w, a), reg(4, b));
            }
            for (unsigned d = 0; d < LENGTH(displacements); d++) {
                CHECK(sse_rm(&c, SSE_MOVAPS_STORE, a, b, displacements[d]), "movaps",
                      memory(4, b, displacements[d]), reg(4, a));
                CHECK(sse_rm(&c, SSE_MOVQ, a, b, displacements[d]), "movq", reg(4, a),
                      memory(3, b, displacements[d]));
                CHECK(sse_rm(&c, SSE_MOVD, a, b, displacements[d]), "movd", reg(4, a),
                      memory(2, b, displacements[d]));
            }
        }
        static const char *const groups[][4] = {[SSE_SHIFT_RIGHT] = {"", "psrlw", "psrld", "psrlq"},
                                                [SSE_SHIFT_RIGHT_SIGNED] = {"", "psraw", "psrad", ""},
                                                [SSE_SHIFT_LEFT] = {"", "psllw", "pslld", "psllq"}};
        for (unsigned group = SSE_SHIFT_RIGHT; group <= SSE_SHIFT_LEFT; group += 2)
            for (unsigned size = 1; size < 4; size++)
                if (groups[group][size][0])
                    CHECK(sse_shift(&c, group, size, a, 7), groups[group][size], reg(4, a), immediate(7));
        CHECK(sse_shift_bytes(&c, a, 5), "psrldq", reg(4, a), immediate(5));
    }
}

/* An operation's place among the ones that have no AVX form, or the ones that take one operand. */
static bool is_sha(enum sse_op op)
{
    return ((unsigned)op & 0xff000000) == 0 && ((unsigned)op & 0xffff00) == 0x0f3800;
}

static bool is_unary(enum sse_op op)
{
    switch (op) {
    case SSE_PABSB:
    case SSE_PABSW:
    case SSE_PABSD:
    case SSE_PMOVSXBW:
    case SSE_PMOVSXBD:
    case SSE_PMOVSXWD:
    case SSE_PMOVSXDQ:
    case SSE_PMOVZXBW:
    case SSE_PMOVZXBD:
    case SSE_PMOVZXWD:
    case SSE_PMOVZXDQ:
    case SSE_AESIMC:
    case SSE_PTEST:
    case SSE_CVTPS2PD:
    case SSE_CVTPD2PS:
    case SSE_CVTDQ2PS:
    case SSE_CVTDQ2PD:
    case SSE_CVTTPS2DQ:
    case SSE_PSHUFD:
    case SSE_PSHUFLW:
    case SSE_PSHUFHW:
    case SSE_ROUNDPS:
    case SSE_ROUNDPD: return true;
    default: return false;
    }
}

static void start_avx(void)
{
    start();
    c.avx = true;
}

#define CHECK_AVX(emit, ...) (start_avx(), emit, EXPECT(__VA_ARGS__))
#define NEAR_ADDRESS         (RUN_ADDRESS - 0x12340)

/* What a near operand is for Capstone: [rip + displacement]. */
static struct operand near_operand(void)
{
    return (struct operand){.type = X86_OP_MEM,
                            .reg = X86_REG_RIP,
                            .value = (int64_t)(NEAR_ADDRESS - RUN_ADDRESS) - (c.at - buffer),
                            .scale = 1};
}

/* `emit` with d, a, b without AVX: moves where the operation would lose an operand, then the SSE form. */
static void expect_prepared(const char *name, unsigned d, unsigned a, unsigned b)
{
    const uint8_t *at = buffer;
    if (d == b && d != a) {
        at = expect_at(at, false, "movaps", 2, (struct operand[]){reg(4, VEC_SCRATCH), reg(4, b)});
        b = VEC_SCRATCH;
    }
    if (d != a)
        at = expect_at(at, false, "movaps", 2, (struct operand[]){reg(4, d), reg(4, a)});
    expect_at(at, true, name, 2, (struct operand[]){reg(4, d), reg(4, b)});
}

static void three_operands(void **state)
{
    for (unsigned n = 0; n < REGS * REGS * REGS; n++) {
        const unsigned d = n % REGS, a = n / REGS % REGS, b = n / REGS / REGS;
        for (unsigned i = n % 3; i < LENGTH(plain_ops); i += 3) {
            const enum sse_op op = plain_ops[i].op;
            if (is_sha(op) || is_unary(op))
                continue;
            CHECK_AVX(vec_op(&c, op, d, a, b), lower("v", plain_ops[i].name), reg(4, d), reg(4, a), reg(4, b));
            if (a == 3) { /* the base register */
                struct operand m = memory(4, b, displacements[d % LENGTH(displacements)]);
                m.size = 0;
                CHECK_AVX(vec_op_load(&c, op, d, a, b, (int32_t)m.value), lower("v", plain_ops[i].name),
                          reg(4, d), reg(4, a), m);
            }
            if (a == 4)
                CHECK_AVX(vec_op_at(&c, op, d, b, NEAR_ADDRESS), lower("v", plain_ops[i].name), reg(4, d),
                          reg(4, b), near_operand());
            if (b != VEC_SCRATCH || d == a) {
                start();
                vec_op(&c, op, d, a, b);
                expect_prepared(lower(plain_ops[i].name, ""), d, a, b);
            }
        }
        for (unsigned i = n % 3; i < LENGTH(immediate_ops); i += 3)
            if (!is_unary(immediate_ops[i].op))
                CHECK_AVX(vec_op_imm(&c, immediate_ops[i].op, d, a, b, 3), lower("v", immediate_ops[i].name),
                          reg(4, d), reg(4, a), reg(4, b), immediate(3));
        for (unsigned f = 0; f < LENGTH(form_names); f++)
            for (unsigned i = f >= SSE_SS ? 0 : 1; i < LENGTH(fp_ops); i++) {
                char name[40];
                snprintf(name, sizeof name, "v%s", lower(fp_ops[i].name, form_names[f]));
                CHECK_AVX(vec_op(&c, sse_fp(fp_ops[i].op, f), d, a, b), name, reg(4, d), reg(4, a), reg(4, b));
            }
        static const char *const comparisons[] = {"vcmpeqps", "vcmpltps", "vcmpleps", "vcmpunordps",
                                                  "vcmpneqps", "vcmpnltps", "vcmpnleps", "vcmpordps"};
        const unsigned predicate = n % LENGTH(comparisons);
        CHECK_AVX(vec_op_imm(&c, sse_fp(SSE_CMP, SSE_PS), d, a, b, predicate), comparisons[predicate], reg(4, d),
                  reg(4, a), reg(4, b));
        for (unsigned w = 0; w < 2; w++) {
            CHECK_AVX(vec_op_general(&c, w, SSE_CVTSI2SD, d, a, b), "vcvtsi2sd", reg(4, d), reg(4, a),
                      reg(2 + w, b));
            CHECK_AVX(vec_op_general(&c, w, SSE_CVTSI2SS, d, a, b), "vcvtsi2ss", reg(4, d), reg(4, a),
                      reg(2 + w, b));
            CHECK_AVX((vec_op_general(&c, w, SSE_PINSRD, d, a, b), x64_byte(&c, 1)), w ? "vpinsrq" : "vpinsrd",
                      reg(4, d), reg(4, a), reg(2 + w, b), immediate(1));
        }
        CHECK_AVX((vec_op_general(&c, 0, SSE_PINSRB, d, a, b), x64_byte(&c, 9)), "vpinsrb", reg(4, d), reg(4, a),
                  reg(2, b), immediate(9));
        CHECK_AVX((vec_op_general(&c, 0, SSE_PINSRW, d, a, b), x64_byte(&c, 5)), "vpinsrw", reg(4, d), reg(4, a),
                  reg(2, b), immediate(5));
    }
}

static void two_operands(void **state)
{
    static const char *const shift_names[][4] = {[SSE_SHIFT_RIGHT] = {"", "psrlw", "psrld", "psrlq"},
                                                 [SSE_SHIFT_BYTES_RIGHT] = {"", "", "", "psrldq"},
                                                 [SSE_SHIFT_RIGHT_SIGNED] = {"", "psraw", "psrad", ""},
                                                 [SSE_SHIFT_LEFT] = {"", "psllw", "pslld", "psllq"},
                                                 [SSE_SHIFT_BYTES_LEFT] = {"", "", "", "pslldq"}};
    static const struct named moves[] = {OP(MOVAPS), OP(MOVUPS)},
                              broadcasts[] = {OP(PBROADCASTB), OP(PBROADCASTW), OP(PBROADCASTD), OP(PBROADCASTQ),
                                              OP(CVTPH2PS), OP(TESTPS), OP(TESTPD)};
    for (unsigned n = 0; n < REGS * REGS; n++) {
        const unsigned d = n % REGS, b = n / REGS;
        for (unsigned i = 0; i < LENGTH(plain_ops); i++) {
            if (!is_unary(plain_ops[i].op))
                continue;
            CHECK_AVX(vec_unary(&c, plain_ops[i].op, d, b), lower("v", plain_ops[i].name), reg(4, d), reg(4, b));
            struct operand m = memory(4, b, -129);
            m.size = 0;
            if (plain_ops[i].op != SSE_CVTPD2PS) /* Capstone's name for it differs */
                CHECK_AVX(vec_unary_load(&c, plain_ops[i].op, d, b, -129), lower("v", plain_ops[i].name), reg(4, d), m);
            CHECK(vec_unary(&c, plain_ops[i].op, d, b), lower(plain_ops[i].name, ""), reg(4, d), reg(4, b));
        }
        for (unsigned i = 0; i < LENGTH(immediate_ops); i++)
            if (is_unary(immediate_ops[i].op))
                CHECK_AVX(vec_unary_imm(&c, immediate_ops[i].op, d, b, 3), lower("v", immediate_ops[i].name),
                          reg(4, d), reg(4, b), immediate(3));
        for (unsigned i = 0; i < LENGTH(broadcasts); i++) {
            CHECK_AVX(vec_unary(&c, broadcasts[i].op, d, b), lower("v", broadcasts[i].name), reg(4, d), reg(4, b));
        }
        CHECK_AVX(vec_unary_imm(&c, SSE_CVTPS2PH, d, b, 4), "vcvtps2ph", reg(4, b), reg(4, d), immediate(4));
        for (unsigned shift = SSE_SHIFT_RIGHT; shift <= SSE_SHIFT_BYTES_LEFT; shift++)
            for (unsigned size = 1; size < 4; size++) {
                const char *name = shift == 5 ? "" : shift_names[shift][size];
                if (!name[0])
                    continue;
                CHECK_AVX(vec_shift(&c, shift, size, d, b, 7), lower("v", name), reg(4, d), reg(4, b), immediate(7));
                start();
                vec_shift(&c, shift, size, d, b, 7);
                const uint8_t *at = buffer;
                if (d != b)
                    at = expect_at(at, false, "movaps", 2, (struct operand[]){reg(4, d), reg(4, b)});
                expect_at(at, true, name, 2, (struct operand[]){reg(4, d), immediate(7)});
            }
        for (unsigned i = 0; i < LENGTH(moves); i++) {
            CHECK_AVX(vec_unary(&c, moves[i].op, d, b), lower("v", moves[i].name), reg(4, d), reg(4, b));
            CHECK_AVX(vec_unary_load(&c, moves[i].op, d, b, 0x1234), lower("v", moves[i].name), reg(4, d),
                      memory(4, b, 0x1234));
        }
        CHECK_AVX(vec_unary_load(&c, SSE_MOVAPS_STORE, d, b, 8), "vmovaps", memory(4, b, 8), reg(4, d));
        CHECK_AVX(vec_unary_load(&c, SSE_MOVUPS_STORE, d, b, 8), "vmovups", memory(4, b, 8), reg(4, d));
        CHECK_AVX(vec_unary_load(&c, SSE_MOVQ_STORE, d, b, 8), "vmovq", memory(3, b, 8), reg(4, d));
        CHECK_AVX(vec_unary_load(&c, SSE_MOVQ, d, b, 8), "vmovq", reg(4, d), memory(3, b, 8));
        CHECK_AVX(vec_unary_load(&c, SSE_MOVD, d, b, 8), "vmovd", reg(4, d), memory(2, b, 8));
        CHECK_AVX(vec_unary_load(&c, SSE_MOVSS_STORE, d, b, 8), "vmovss", memory(2, b, 8), reg(4, d));
        CHECK_AVX(vec_unary_load(&c, SSE_MOVHPS_STORE, d, b, 8), "vmovhps", memory(3, b, 8), reg(4, d));
        CHECK_AVX(vec_op_load(&c, SSE_MOVHPS, d, 9, b, 8), "vmovhps", reg(4, d), reg(4, 9), memory(3, b, 8));
        CHECK_AVX(vec_op_load(&c, SSE_MOVLPS, d, 9, b, 8), "vmovlps", reg(4, d), reg(4, 9), memory(3, b, 8));
        CHECK_AVX(vec_unary(&c, SSE_MOVQ, d, b), "vmovq", reg(4, d), reg(4, b));
        CHECK_AVX(vec_unary(&c, sse_fp(SSE_UCOMIS, SSE_PS), d, b), "vucomiss", reg(4, d), reg(4, b));
        CHECK_AVX(vec_unary(&c, sse_fp(SSE_COMIS, SSE_PD), d, b), "vcomisd", reg(4, d), reg(4, b));
        CHECK_AVX(vec_unary_at(&c, sse_fp(SSE_UCOMIS, SSE_PD), d, NEAR_ADDRESS), "vucomisd", reg(4, d),
                  near_operand());
        CHECK(vec_unary_at(&c, sse_fp(SSE_UCOMIS, SSE_PD), d, NEAR_ADDRESS), "ucomisd", reg(4, d), near_operand());
        CHECK(vec_op_at(&c, SSE_PAND, d, d, NEAR_ADDRESS), "pand", reg(4, d), near_operand());
        CHECK_AVX(vec_op_imm_at(&c, SSE_SHUFPS, d, b, NEAR_ADDRESS, 3), "vshufps", reg(4, d), reg(4, b),
                  near_operand(), immediate(3));
        CHECK_AVX(vec_unary(&c, SSE_MOVMSKPS, d, b), "vmovmskps", reg(2, d), reg(4, b));
        CHECK_AVX(vec_unary(&c, SSE_PMOVMSKB, d, b), "vpmovmskb", reg(2, d), reg(4, b));
        CHECK_AVX(vec_unary_imm(&c, SSE_PEXTRW, d, b, 5), "vpextrw", reg(2, d), reg(4, b), immediate(5));
        for (unsigned w = 0; w < 2; w++) {
            CHECK_AVX(vec_unary_w(&c, w, SSE_MOVD, d, b), w ? "vmovq" : "vmovd", reg(4, d), reg(2 + w, b));
            CHECK_AVX(vec_unary_w(&c, w, SSE_MOVD_TO, d, b), w ? "vmovq" : "vmovd", reg(2 + w, b), reg(4, d));
            CHECK_AVX(vec_unary_w(&c, w, SSE_CVTTSD2SI, d, b), "vcvttsd2si", reg(2 + w, d), reg(4, b));
            CHECK_AVX((vec_unary_w(&c, w, SSE_PEXTRD, d, b), x64_byte(&c, 1)), w ? "vpextrq" : "vpextrd",
                      reg(2 + w, b), reg(4, d), immediate(1));
            CHECK_AVX(vex_rr(&c, w, SSE_PSLLVD, d, 9, b), w ? "vpsllvq" : "vpsllvd", reg(4, d), reg(4, 9),
                      reg(4, b));
        }
        CHECK_AVX((vec_unary(&c, SSE_PEXTRB, d, b), x64_byte(&c, 1)), "vpextrb", reg(2, b), reg(4, d), immediate(1));
    }
}

static void fused(void **state)
{
    static const struct {
        enum fma_op op;
        const char *name;
    } ops[] = {{FMA_ADD, "vfmadd231"},
               {FMA_SUB, "vfmsub231"},
               {FMA_NEGATED_ADD, "vfnmadd231"},
               {FMA_NEGATED_SUB, "vfnmsub231"}};
    for (unsigned i = 0; i < LENGTH(ops); i++)
        for (unsigned f = 0; f < LENGTH(form_names); f++)
            for (unsigned n = 0; n < REGS * REGS * REGS; n++) {
                const unsigned addend = n % REGS, a = n / REGS % REGS, b = n / REGS / REGS;
                CHECK(vec_fma(&c, ops[i].op, f, addend, a, b), lower(ops[i].name, form_names[f]),
                      reg(4, addend), reg(4, a), reg(4, b));
            }
}

static void memory_operands(void **state)
{
    for (unsigned a = 0; a < REGS; a++)
        for (unsigned b = 0; b < REGS; b++) {
            for (unsigned d = 0; d < LENGTH(displacements); d++) {
                const int32_t disp = displacements[d];
                for (unsigned size = 0; size < 4; size++) {
                    const struct operand m = memory(size, b, disp), r = reg(size, a);
                    CHECK(x64_cmpxchg(&c, size, a, b, disp), "cmpxchg", m, r);
                    CHECK(x64_xadd(&c, size, a, b, disp), "xadd", m, r);
                    CHECK(x64_xchg_store(&c, size, a, b, disp), "xchg", m, r);
                    for (unsigned op = 0; op < ALU_OPS; op++)
                        CHECK(x64_alu_store(&c, size, op, a, b, disp), alu_names[op], m, r);
                    CHECK((x64_lock(&c), x64_xadd(&c, size, a, b, disp)), "lock xadd", m, r);
                }
                CHECK(x64_imul_load(&c, 1, a, b, disp), "imul", reg(3, a), memory(3, b, disp));
                for (unsigned w = 0; w < 2; w++)
                    CHECK(x64_store_imm(&c, w, b, disp, -2), "mov", memory(2 + w, b, disp), immediate(-2));
                for (unsigned size = 0; size < 4; size++)
                    CHECK(x64_store_zero(&c, size, b, disp), "mov", memory(size, b, disp), immediate(0));
                for (unsigned op = 0; op < ALU_OPS; op++)
                    CHECK(x64_alu_byte(&c, op, b, disp, 0x7f), alu_names[op], memory(0, b, disp), immediate(0x7f));
                CHECK(x64_store_byte(&c, b, disp, 1), "mov", memory(0, b, disp), immediate(1));
            }
            for (unsigned size = 0; size < 4; size++)
                CHECK(x64_crc32c(&c, size, a, b), "crc32", reg(size == 3 ? 3 : 2, a), reg(size, b));
            for (unsigned w = 0; w < 2; w++)
                CHECK(x64_bsf(&c, w, a, b), "bsf", reg(2 + w, a), reg(2 + w, b));
        }
    CHECK(x64_mfence(&c), "mfence");
}

/* Where there is no room nothing is written behind the end, and `full` tells. */
static void no_room(void **state)
{
    for (unsigned room = 0; room < 12; room++) {
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
        cmocka_unit_test(vectors),    cmocka_unit_test(three_operands),
        cmocka_unit_test(two_operands), cmocka_unit_test(fused),
        cmocka_unit_test(no_room),    cmocka_unit_test(memory_operands),
    };
    return cmocka_run_group_tests(tests, open_capstone, close_capstone);
}
