/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of accesses that may fault: an arena of rows, in lists by address. */
#include "jit/faults.h"
#include <string.h>
#include <sys/mman.h>

#define ROWS        (4u << 20)
#define HEADS       (1u << 16)
#define BUCKET_BITS 7 /* bytes of code that share a list */

struct fault_row {
    uint64_t from, slow;
    uint32_t length, next;
};

static uint32_t *head_of(const struct fault_table *table, uint64_t bucket)
{
    return &table->heads[bucket % HEADS];
}

static size_t bytes(void)
{
    return ROWS * sizeof(struct fault_row) + HEADS * sizeof(uint32_t);
}

bool fault_table_create(struct fault_table *table)
{
    void *at = mmap(NULL, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return false;
    *table = (struct fault_table){.rows = at, .heads = (uint32_t *)((uint8_t *)at + ROWS * sizeof(struct fault_row))};
    return true;
}

void fault_table_free(struct fault_table *table)
{
    if (table->rows)
        munmap(table->rows, bytes());
    table->rows = NULL;
}

void fault_table_clear(struct fault_table *table)
{
    if (!table->rows)
        return;
    memset(table->heads, 0, HEADS * sizeof *table->heads);
    table->used = 0;
}

bool fault_table_add(struct fault_table *table, uint64_t from, uint64_t to, uint64_t slow)
{
    for (uint64_t bucket = from >> BUCKET_BITS; bucket <= (to - 1) >> BUCKET_BITS; bucket++) {
        const uint32_t index = __atomic_fetch_add(&table->used, 1, __ATOMIC_RELAXED);
        if (index >= ROWS) {
            __atomic_store_n(&table->used, ROWS, __ATOMIC_RELAXED);
            return false;
        }
        struct fault_row *row = &table->rows[index];
        uint32_t *head = head_of(table, bucket);
        *row = (struct fault_row){from, slow, (uint32_t)(to - from), __atomic_load_n(head, __ATOMIC_RELAXED)};
        while (!__atomic_compare_exchange_n(head, &row->next, index + 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            continue;
    }
    return true;
}

uintptr_t fault_table_find(const struct fault_table *table, uintptr_t host_pc)
{
    uint32_t number = __atomic_load_n(head_of(table, host_pc >> BUCKET_BITS), __ATOMIC_ACQUIRE);
    while (number) {
        const struct fault_row *row = &table->rows[number - 1];
        if (host_pc - row->from < row->length)
            return row->slow;
        number = row->next;
    }
    return 0;
}
