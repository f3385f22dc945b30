/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a device keeps beside its fields and in no RAM of the guest: the pages written over a base that stays as it is
 * (a disk's image). A snapshot holds the pages, and knows the base again. */
#ifndef ARMATURE_MEDIUM_H
#define ARMATURE_MEDIUM_H

#include <stdbool.h>
#include <stdint.h>
#include "machine/contract/error.h"
#include "machine/contract/fields.h"
#include "machine/contract/page_watch.h"

/** By what a base is known again. All 0: there is none. */
struct medium_identity {
    uint64_t size_bytes;
    uint64_t head_hash;    /* of its first MEDIUM_HEAD_BYTES */
    uint64_t modified_ns;  /* when it was changed last */
};
#define MEDIUM_HEAD_BYTES 65536u

extern const struct fields medium_identity_fields;

/** Pages are of PAGE_SIZE_BYTES, numbered from the beginning of the medium; the last may reach over its end. */
struct medium_ops {
    /* Looks at the base, all that was written to it being there. */
    bool (*identify)(void *device, struct medium_identity *identity, struct error *error);
    /* The content of the first page at or after `*page` that does not come from the base, its number going to `*page`.
     * NULL: there is none. */
    const uint8_t *(*next_page)(void *device, uint64_t *page);
    /* Has the medium hold `content` for that page. `owned`: it was allocated by malloc() and now belongs to the medium,
     * else it is a page that may be written, and lasts as long as the medium; NULL: zeroes. False: there is no such
     * page, or it came before. */
    bool (*put_page)(void *device, uint64_t page, uint8_t *content, bool owned);
    /* Its watches, and how many pages it has. NULL: what is written goes to the base, and cannot be watched. */
    struct page_watch **(*watches)(void *device, uint64_t *page_count);
    /* Has the medium hold a copy of `content` for that page again, or, where that is NULL, of what the base has. False:
     * the host has no memory, or cannot read the base. */
    bool (*revert_page)(void *device, uint64_t page, const uint8_t *content);
    /* Reads what the medium holds, base and all. False: the base cannot be read. NULL: there is none to speak of. */
    bool (*read)(void *device, uint64_t offset, void *to, uint64_t length);
};

#endif
