/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words that commands and places are written in. */
#ifndef ARMATURE_DEBUGGER_WORDS_H
#define ARMATURE_DEBUGGER_WORDS_H

#include "machine/contract/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Cuts the next word, or a text in double quotes, off `*arguments`; false: there is none. */
bool words_cut(const char **arguments, char *word, size_t capacity);

/** Whether nothing is left; otherwise `error` says so. */
bool words_end(const char *arguments, struct error *error);

/** A plain number, decimal or hexadecimal, with nothing behind it. */
bool words_number(const char *text, uint64_t *number);

#endif
