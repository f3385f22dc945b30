/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cryptographic primitives behind AES, PMULL, SHA1 and SHA256 instructions: a portable definition of
 * each, and the host's own instruction where it has one. Both tables do the same; a test compares them. */
#ifndef ARMATURE_CRYPTO_H
#define ARMATURE_CRYPTO_H

#include "isa/arm64/cpu.h"

struct crypto_ops {
    /** SubBytes(ShiftRows(state)), and their inverses. */
    union vreg (*aes_encrypt)(union vreg state);
    union vreg (*aes_decrypt)(union vreg state);
    /** MixColumns, and its inverse. */
    union vreg (*aes_mix)(union vreg state);
    union vreg (*aes_unmix)(union vreg state);
    /** The 128-bit polynomial product over {0,1}. */
    union vreg (*multiply)(uint64_t a, uint64_t b);
    /** Four rounds of SHA-256 on abcd and efgh with W + K; `upper` selects which of the two comes back. */
    union vreg (*sha256)(union vreg abcd, union vreg efgh, union vreg wk, bool upper);
};

extern const struct crypto_ops crypto_portable;

/** What instructions use: the host's instructions where it has them. Set before main. */
extern struct crypto_ops crypto_best;

/** Chooses again, by what host_has shows now. */
void crypto_choose(void);

#endif
