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

void text_target(struct text *out, uint64_t address)
{
    text_uimm(out, address);
}

void text_bitmask(struct text *out, unsigned sf, unsigned n, unsigned imms, unsigned immr)
{
    uint64_t mask = bitmask(sf, n, imms, immr);
    text_uimm(out, sf ? mask : (uint32_t)mask);
}

void text_extended(struct text *out, unsigned sf, unsigned rd, unsigned rn, unsigned rm, unsigned sext,
                   unsigned width, unsigned amount)
{
    text_r(out, sf && width == 3, rm);
    if (!sext && width == 2 + sf && (rd == 31 || rn == 31)) {
        text_shift(out, 0, amount);
        return;
    }
    text_printf(out, ", %cxt%c", sext ? 's' : 'u', "bhwx"[width & 3]);
    if (amount)
        text_printf(out, " #%u", amount);
}

void text_bh(struct text *out, unsigned size)
{
    if (size < 2)
        text_printf(out, "%c", "bh"[size]);
}

void text_bhwx(struct text *out, unsigned size)
{
    text_printf(out, "%c", "bhwx"[size & 3]);
}

void text_offset(struct text *out, int64_t offset)
{
    if (offset) {
        text_literal(out, ", ");
        text_imm(out, offset);
    }
}

void text_indexed_by(struct text *out, unsigned sext, unsigned is_x, unsigned scaled, unsigned size,
                     unsigned reg)
{
    text_r(out, is_x, reg);
    if (is_x && !sext) {
        if (scaled)
            text_printf(out, ", lsl #%u", size);
        return;
    }
    text_printf(out, ", %cxt%c", sext ? 's' : 'u', is_x ? 'x' : 'w');
    if (scaled)
        text_printf(out, " #%u", size);
}

void text_prefetch(struct text *out, unsigned operation)
{
    unsigned type = operation >> 3 & 3, level = operation >> 1 & 3;
    if (type == 3 || level == 3) {
        text_uimm(out, operation);
        return;
    }
    static const char *const types[3] = {"pld", "pli", "pst"};
    text_printf(out, "%sl%u%s", types[type], level + 1, operation & 1 ? "strm" : "keep");
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
