/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loads and stores of one or two whole registers. */
#ifndef ARMATURE_JIT_ACCESS_H
#define ARMATURE_JIT_ACCESS_H

#include "isa/arm64/insn.h"

enum transfer { TRANSFER_LOAD, TRANSFER_LOAD_SIGNED_64, TRANSFER_LOAD_SIGNED_32, TRANSFER_STORE, TRANSFER_LOAD_VECTOR,
                TRANSFER_STORE_VECTOR };

/* How the address comes of the base register: with an immediate, or with a register or a word of one. */
enum indexing { INDEX_OFFSET, INDEX_PRE, INDEX_POST, INDEX_REGISTER, INDEX_WORD };

struct access_form {
    uint8_t count; /* of registers, rd and ra; 0: it is no such instruction */
    uint8_t transfer, indexing;
};

extern const struct access_form access_forms[OP_COUNT];

static inline bool transfer_is_store(enum transfer transfer)
{
    return transfer == TRANSFER_STORE || transfer == TRANSFER_STORE_VECTOR;
}

static inline bool transfer_is_vector(enum transfer transfer)
{
    return transfer >= TRANSFER_LOAD_VECTOR;
}

/** Where the access of an instruction with an immediate lies, from its base register on. */
static inline int32_t access_offset(const struct insn *insn)
{
    return access_forms[insn->op].indexing == INDEX_POST ? 0 : (int32_t)insn->imm;
}

/** How many bytes it is of. */
static inline unsigned access_bytes(const struct insn *insn)
{
    return (unsigned)access_forms[insn->op].count << insn->size;
}

#endif
