/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lockstep's memory: the pages that a chunk writes. PAGE_CLEAN stands on all others, so that the first store to each
 * comes by. */
#include <stdlib.h>
#include <string.h>
#include "jit/lockstep_state.h"

static uint8_t *bytes_of(const struct journal *journal, const struct journal_page *entry)
{
    return journal->ram->host + entry->page * PAGE_SIZE_BYTES;
}

bool journal_create(struct journal *journal, struct ram *ram)
{
    const uint64_t pages = ram->size_bytes / PAGE_SIZE_BYTES;
    journal->ram = ram;
    journal->entry_of = calloc(pages, sizeof *journal->entry_of);
    for (uint64_t page = 0; page < pages; page++)
        ram->page_flags[page] |= PAGE_CLEAN;
    return journal->entry_of;
}

void journal_free(struct journal *journal)
{
    free(journal->entry_of);
    free(journal->pages);
}

void journal_note(struct journal *journal, uint64_t page_address)
{
    const uint64_t page = (page_address - journal->ram->base) / PAGE_SIZE_BYTES;
    journal->ram->page_flags[page] &= (uint8_t)~PAGE_CLEAN;
    if (journal->entry_of[page])
        return;
    if (journal->count == journal->capacity) {
        journal->capacity = journal->capacity ? journal->capacity * 2 : 64;
        journal->pages = realloc(journal->pages, journal->capacity * sizeof *journal->pages);
        if (!journal->pages)
            abort(); /* the host is out of memory in the middle of a store */
    }
    struct journal_page *entry = &journal->pages[journal->count++];
    journal->entry_of[page] = journal->count;
    entry->page = page;
    memcpy(entry->before, bytes_of(journal, entry), PAGE_SIZE_BYTES);
    memcpy(entry->after, entry->before, PAGE_SIZE_BYTES); /* the tested engine did not write it, or will say so */
}

void journal_undo(struct journal *journal)
{
    for (unsigned i = 0; i < journal->count; i++) {
        struct journal_page *entry = &journal->pages[i];
        memcpy(entry->after, bytes_of(journal, entry), PAGE_SIZE_BYTES);
        memcpy(bytes_of(journal, entry), entry->before, PAGE_SIZE_BYTES);
        journal->ram->page_flags[entry->page] |= PAGE_CLEAN;
    }
}

bool journal_equal(struct journal *journal)
{
    bool equal = true;
    for (unsigned i = 0; i < journal->count; i++) {
        const struct journal_page *entry = &journal->pages[i];
        equal = equal && !memcmp(entry->after, bytes_of(journal, entry), PAGE_SIZE_BYTES);
        journal->ram->page_flags[entry->page] |= PAGE_CLEAN;
    }
    return equal;
}

void journal_restore(struct journal *journal)
{
    for (unsigned i = 0; i < journal->count; i++)
        memcpy(bytes_of(journal, &journal->pages[i]), journal->pages[i].before, PAGE_SIZE_BYTES);
}

void journal_clear(struct journal *journal)
{
    for (unsigned i = 0; i < journal->count; i++)
        journal->entry_of[journal->pages[i].page] = 0;
    journal->count = 0;
}
