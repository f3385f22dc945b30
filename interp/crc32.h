/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two CRCs of the CRC32 instructions (Arm ARM C6.2.78). */
#ifndef ARMATURE_CRC32_H
#define ARMATURE_CRC32_H

#include <stdint.h>

enum crc32_kind { CRC32_IEEE, CRC32_CASTAGNOLI };

/** Folds the low `bytes` (1, 2, 4 or 8) bytes of `value` into `accumulator`, with neither inverted. */
uint32_t crc32_update(enum crc32_kind kind, uint32_t accumulator, uint64_t value, unsigned bytes);

/** The CRC of each byte. */
const uint32_t *crc32_of_bytes(enum crc32_kind kind);

#endif
