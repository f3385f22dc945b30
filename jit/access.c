/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jit/access.h"

#define SINGLE(prefix, kind)                                                                                 \
    [OP_##prefix##_imm] = {1, TRANSFER_##kind, INDEX_OFFSET},                                                \
    [OP_##prefix##_un] = {1, TRANSFER_##kind, INDEX_OFFSET},                                                 \
    [OP_##prefix##_pre] = {1, TRANSFER_##kind, INDEX_PRE},                                                   \
    [OP_##prefix##_post] = {1, TRANSFER_##kind, INDEX_POST},                                                 \
    [OP_##prefix##_rx] = {1, TRANSFER_##kind, INDEX_REGISTER},                                               \
    [OP_##prefix##_rw] = {1, TRANSFER_##kind, INDEX_WORD}
#define PAIR(prefix, suffix, kind)                                                                           \
    [OP_##prefix##suffix##_off] = {2, TRANSFER_##kind, INDEX_OFFSET},                                        \
    [OP_##prefix##suffix##_pre] = {2, TRANSFER_##kind, INDEX_PRE},                                           \
    [OP_##prefix##suffix##_post] = {2, TRANSFER_##kind, INDEX_POST}

const struct access_form access_forms[OP_COUNT] = {
    SINGLE(ldr, LOAD),
    SINGLE(str, STORE),
    SINGLE(ldrs64, LOAD_SIGNED_64),
    SINGLE(ldrs32, LOAD_SIGNED_32),
    SINGLE(ldrv, LOAD_VECTOR),
    SINGLE(strv, STORE_VECTOR),
    SINGLE(ldrq, LOAD_VECTOR),
    SINGLE(strq, STORE_VECTOR),
    PAIR(ldp, , LOAD),
    PAIR(stp, , STORE),
    PAIR(ldpsw, , LOAD_SIGNED_64),
    PAIR(ldp, v, LOAD_VECTOR),
    PAIR(stp, v, STORE_VECTOR),
    [OP_ldnp] = {2, TRANSFER_LOAD, INDEX_OFFSET},
    [OP_stnp] = {2, TRANSFER_STORE, INDEX_OFFSET},
    [OP_ldnpv] = {2, TRANSFER_LOAD_VECTOR, INDEX_OFFSET},
    [OP_stnpv] = {2, TRANSFER_STORE_VECTOR, INDEX_OFFSET},
};
