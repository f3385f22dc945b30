/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the options that take values share: numbers, sizes, times, words, names of files. */
#ifndef ARMATURE_OPTIONS_VALUES_H
#define ARMATURE_OPTIONS_VALUES_H

#include "machine/options_table.h"

/** Reads a plain number (decimal, or 0x and hexadecimal) up to `maximum`; `*end` is what follows it. */
bool option_number(const char *text, uint64_t maximum, uint64_t *value, const char **end);

/** The same, with nothing behind it. */
bool option_whole_number(const char *text, uint64_t maximum, uint64_t *value);

/** A number of MiB or GiB (512M, 2G) from `minimum` to `maximum` bytes. */
bool option_size(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *bytes);

/** The place of `text` in `words`, which are separated by blanks; -1 where it is none of them. */
int option_find_word(const char *words, const char *text);

/** Writes word number `index` of such `words`, of which there are more, as text of up to `size` bytes. */
void option_word_at(const char *words, unsigned index, char *word, size_t size);

/** The name of a file, as the value of the option `what`. False: it is empty, which `error` says. */
bool option_path(const char **path, const char *what, const char *value, struct error *error);

/** One of `words`, in the order of an enum. False: it is none, which `error` says. */
bool option_word(unsigned *choice, const char *what, const char *words, const char *value, struct error *error);

#endif
