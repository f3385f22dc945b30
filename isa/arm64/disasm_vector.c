/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disassembler's text styles of vector registers. */
#include <inttypes.h>
#include "isa/arm64/disasm_text.h"

static const char element_names[] = "bhsdq";

void text_vec(struct text *out, unsigned reg, unsigned size, unsigned q)
{
    text_printf(out, "v%u.%u%c", reg, (q ? 16u : 8u) >> size, element_names[size]);
}

void text_v2(struct text *out, unsigned size, unsigned q, unsigned rd, unsigned rn)
{
    text_vec(out, rd, size, q);
    text_literal(out, ", ");
    text_vec(out, rn, size, q);
}

void text_v3(struct text *out, unsigned size, unsigned q, unsigned rd, unsigned rn, unsigned rm)
{
    text_v2(out, size, q, rd, rn);
    text_literal(out, ", ");
    text_vec(out, rm, size, q);
}

void text_scalar(struct text *out, unsigned reg, unsigned size)
{
    text_printf(out, "%c%u", element_names[size], reg);
}

void text_s2(struct text *out, unsigned size, unsigned rd, unsigned rn)
{
    text_printf(out, "%c%u, %c%u", element_names[size], rd, element_names[size], rn);
}

void text_s3(struct text *out, unsigned size, unsigned rd, unsigned rn, unsigned rm)
{
    text_s2(out, size, rd, rn);
    text_printf(out, ", %c%u", element_names[size], rm);
}

void text_index(struct text *out, unsigned index)
{
    text_printf(out, index <= 9 ? "[%u]" : "[0x%x]", index);
}

void text_elem(struct text *out, unsigned reg, unsigned size, unsigned index)
{
    text_printf(out, "v%u.%c", reg, element_names[size]);
    text_index(out, index);
}

void text_hex(struct text *out, uint64_t value)
{
    text_printf(out, value ? "#0x%" PRIx64 : "#%" PRIu64, value);
}

void text_imm64(struct text *out, uint64_t value)
{
    text_printf(out, "#%#016" PRIx64, value);
}

void text_vlist(struct text *out, unsigned reg, unsigned count, unsigned size, unsigned q)
{
    for (unsigned i = 0; i < count; i++) {
        text_literal(out, i ? ", " : "{");
        text_vec(out, (reg + i) % 32, size, q);
    }
    text_literal(out, "}");
}

void text_vlist_lane(struct text *out, unsigned reg, unsigned count, unsigned size, unsigned index)
{
    for (unsigned i = 0; i < count; i++)
        text_printf(out, "%sv%u.%c", i ? ", " : "{", (reg + i) % 32, element_names[size]);
    text_literal(out, "}");
    text_index(out, index);
}

void text_post(struct text *out, unsigned rm, unsigned bytes)
{
    if (rm == 31)
        text_uimm(out, bytes);
    else
        text_x(out, rm);
}
