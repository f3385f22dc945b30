#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes C of the characters of GNU Unifont that a terminal needs and that are 8 pixels wide: those of most European
languages, punctuation, arrows, some of mathematics, boxes and blocks.

usage: make_font.py UNIFONT.HEX OUTPUT.C
"""
import sys

RANGES = [(0x20, 0x7e), (0xa0, 0x17f), (0x1c0, 0x24f), (0x370, 0x52f), (0x1e00, 0x1eff), (0x2010, 0x204f),
          (0x2070, 0x209c),
          (0x20a0, 0x20bf), (0x2190, 0x21ff), (0x2200, 0x22ff), (0x2300, 0x23ff), (0x2500, 0x25ff), (0x2600, 0x266f),
          (0x2713, 0x2718), (0xfffd, 0xfffd)]
BOX = "0000007E424242424242424242427E00"

glyphs = {}
with open(sys.argv[1], encoding="ascii") as file:
    for line in file:
        code, rows = line.strip().split(":")
        code = int(code, 16)
        if len(rows) == 32 and any(first <= code <= last for first, last in RANGES):
            glyphs[code] = rows
if 0x41 not in glyphs:
    sys.exit("make_font: this is no file of Unifont's")
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write('#include "machine/font.h"\n\nstatic const struct {\n    uint32_t character;\n    uint8_t rows[16];\n'
              '} glyphs[] = {\n')
    for code in sorted(glyphs):
        rows = ", ".join("0x" + glyphs[code][i:i + 2] for i in range(0, 32, 2))
        out.write(f"    {{{code:#x}, {{{rows}}}}},\n")
    box = ", ".join("0x" + BOX[i:i + 2] for i in range(0, 32, 2))
    out.write(f"""}};
static const uint8_t box[16] = {{{box}}};

const uint8_t *font_glyph(uint32_t character)
{{
    unsigned low = 0, high = sizeof glyphs / sizeof glyphs[0];
    while (low < high) {{
        unsigned middle = (low + high) / 2;
        if (glyphs[middle].character == character)
            return glyphs[middle].rows;
        if (glyphs[middle].character < character)
            low = middle + 1;
        else
            high = middle;
    }}
    return box;
}}
""")
