/* SPDX-License-Identifier: GPL-3.0-or-later */
/* By what a medium's base is known again, in a snapshot. */
#include "machine/contract/medium.h"

static const struct field identity_list[] = {
    FIELD(struct medium_identity, size_bytes),
    FIELD(struct medium_identity, head_hash),
    FIELD(struct medium_identity, modified_ns),
    FIELDS_END,
};
const struct fields medium_identity_fields = {"medium_identity", sizeof(struct medium_identity), identity_list};
