/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of the American layout: their names, their Linux input codes, and the characters that they make. */
#ifndef ARMATURE_KEYS_H
#define ARMATURE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/** The code of a key by its name; 0: there is none. */
unsigned key_by_name(const char *name, size_t length);
/** The character that a key makes; 0: none. */
char key_character(unsigned code, bool shift);
/** The key that makes a character, and whether with shift; 0: none does. */
unsigned key_by_character(char character, bool *shift);
#define KEY_LEFT_SHIFT 42u

#endif
