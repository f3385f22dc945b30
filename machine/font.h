/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Characters of 8 by 16 pixels, of GNU Unifont (machine/make_font.py makes them for the build). */
#ifndef ARMATURE_FONT_H
#define ARMATURE_FONT_H

#include <stdint.h>

/** The 16 rows of a character, the leftmost pixel in the highest bit; of one that there is none of, a box. */
const uint8_t *font_glyph(uint32_t character);

#endif
