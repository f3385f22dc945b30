/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text styles of the disassembler. */
#include "isa/arm64/disasm_text.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "isa/arm64/decode.h"

extern void (*const insn_texts[OP_COUNT])(struct text *out, uint32_t word, uint64_t pc);

void text_printf(struct text *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    unsigned room = out->capacity - out->length;
    int written = vsnprintf(out->at + out->length, room, format, arguments);
    va_end(arguments);
    if (written > 0)
        out->length += (unsigned)written < room ? (unsigned)written : room - 1;
}

void text_literal(struct text *out, const char *literal)
{
    text_printf(out, "%s", literal);
}

static void put_register(struct text *out, char kind, const char *name_of_31, unsigned reg)
{
    if (reg == 31)
        text_literal(out, name_of_31);
    else
        text_printf(out, "%c%u", kind, reg);
}

void text_x(struct text *out, unsigned reg)
{
    put_register(out, 'x', "xzr", reg);
}

void text_w(struct text *out, unsigned reg)
{
    put_register(out, 'w', "wzr", reg);
}

void text_xsp(struct text *out, unsigned reg)
{
    put_register(out, 'x', "sp", reg);
}

void text_wsp(struct text *out, unsigned reg)
{
    put_register(out, 'w', "wsp", reg);
}

void text_r(struct text *out, unsigned sf, unsigned reg)
{
    (sf ? text_x : text_w)(out, reg);
}

void text_rsp(struct text *out, unsigned sf, unsigned reg)
{
    (sf ? text_xsp : text_wsp)(out, reg);
}

void text_imm(struct text *out, int64_t value)
{
    if (value < -9)
        text_printf(out, "#-0x%" PRIx64, -(uint64_t)value);
    else if (value <= 9)
        text_printf(out, "#%" PRId64, value);
    else
        text_printf(out, "#0x%" PRIx64, value);
}

void text_uimm(struct text *out, uint64_t value)
{
    text_printf(out, value <= 9 ? "#%" PRIu64 : "#0x%" PRIx64, value);
}

void text_dec(struct text *out, int64_t value)
{
    text_printf(out, "%" PRId64, value);
}

void text_address(struct text *out, uint64_t address)
{
    text_printf(out, "#0x%" PRIx64, address);
}

void text_cond(struct text *out, unsigned cond)
{
    static const char *const names[16] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc",
                                          "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"};
    text_literal(out, names[cond & 15]);
}

void text_shift(struct text *out, unsigned type, unsigned amount)
{
    static const char *const names[4] = {"lsl", "lsr", "asr", "ror"};
    if (type || amount)
        text_printf(out, ", %s #%u", names[type & 3], amount);
}

unsigned insn_disassemble(uint32_t word, uint64_t pc, char *text, unsigned capacity)
{
    struct text out = {.at = text, .capacity = capacity};
    text[0] = 0;
    const struct features all = {.present = ~0ull};
    struct insn insn;
    insn_decode(word, &all, &insn);
    if (insn.op != OP_UNDEFINED)
        insn_texts[insn.op](&out, word, pc);
    if (insn.op == OP_UNDEFINED || out.undefined) {
        out.length = 0;
        text_printf(&out, ".inst 0x%08" PRIx32, word);
    }
    return out.length;
}
