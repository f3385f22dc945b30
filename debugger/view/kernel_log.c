/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's log: the ring of records since 5.10 (kernel/printk/printk_ringbuffer.h). Descriptors are numbered on and
 * on, and lie at their number modulo the ring's size; the two topmost bits of a descriptor's state say whether it is
 * whole. A record's text is in a ring of its own, behind its number, and begins anew at the ring's start where it would
 * not fit. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "debugger/view/kernel_views.h"

#define BITS_MAX  22u
#define TEXT_MAX  4096u
#define DESC_COMMITTED 1u
#define DESC_FINALIZED 2u

struct ring {
    uint64_t ring, count_bits, head, tail, data_bits;
    uint8_t *descs, *infos, *data;
    uint64_t desc_bytes, info_bytes, state_at, begin_at, next_at, time_at, length_at;
};

static uint64_t get(const uint8_t *at, uint64_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, at, bytes < 8 ? bytes : 8);
    return value;
}

/* A copy of `bytes` of the kernel's memory; NULL: not there. */
static uint8_t *copy_of(struct session *session, uint64_t address, uint64_t bytes)
{
    struct space space = session_space(session);
    uint8_t *copy = bytes <= 1ull << 30 ? malloc(bytes) : NULL;
    if (copy && space_read(&space, address, copy, bytes) == bytes)
        return copy;
    free(copy);
    return NULL;
}

static bool read_ring(struct session *session, struct ring *ring)
{
    uint64_t descs, infos, data, blocks;
    const struct symbol *prb = kernel_symbol(session, "prb");
    struct space space = session_space(session);
    if (!prb || !space_read_u64(&space, prb->address, &ring->ring))
        return false;
#define RING "((struct printk_ringbuffer *)0x%" PRIx64 ")"
    if (!kernel_number(session, &ring->count_bits, RING "->desc_ring.count_bits", ring->ring) ||
        !kernel_number(session, &descs, RING "->desc_ring.descs", ring->ring) ||
        !kernel_number(session, &infos, RING "->desc_ring.infos", ring->ring) ||
        !kernel_number(session, &ring->head, RING "->desc_ring.head_id.counter", ring->ring) ||
        !kernel_number(session, &ring->tail, RING "->desc_ring.tail_id.counter", ring->ring) ||
        !kernel_number(session, &ring->data_bits, RING "->text_data_ring.size_bits", ring->ring) ||
        !kernel_number(session, &data, RING "->text_data_ring.data", ring->ring) ||
        !kernel_number(session, &ring->desc_bytes, "sizeof(struct prb_desc)") ||
        !kernel_number(session, &ring->info_bytes, "sizeof(struct printk_info)") ||
        !kernel_offset(session, "prb_desc", "state_var", &ring->state_at) ||
        !kernel_offset(session, "prb_desc", "text_blk_lpos", &blocks) ||
        !kernel_offset(session, "printk_info", "ts_nsec", &ring->time_at) ||
        !kernel_offset(session, "printk_info", "text_len", &ring->length_at))
        return false;
    ring->begin_at = blocks;
    ring->next_at = blocks + 8;
    if (ring->count_bits > BITS_MAX || ring->data_bits > BITS_MAX + 8 || ring->desc_bytes < ring->next_at + 8 ||
        ring->info_bytes < ring->time_at + 8 || ring->info_bytes < ring->length_at + 2)
        return false;
    ring->descs = copy_of(session, descs, ring->desc_bytes << ring->count_bits);
    ring->infos = copy_of(session, infos, ring->info_bytes << ring->count_bits);
    ring->data = copy_of(session, data, 1ull << ring->data_bits);
    return ring->descs && ring->infos && ring->data;
}

static void show_text(struct session *session, const char *text, uint64_t length, uint64_t ns)
{
    while (length) { /* a record may have several lines */
        const char *end = memchr(text, '\n', length);
        uint64_t part = end ? (uint64_t)(end - text) : length;
        say(session, "[%5llu.%06llu] ", ns / NS_PER_S, ns % NS_PER_S / 1000);
        for (uint64_t i = 0; i < part; i++)
            say(session, (unsigned char)text[i] >= ' ' || text[i] == '\t' ? "%c" : "?", text[i]);
        say(session, "\n");
        text += part + (end != NULL);
        length -= part + (end != NULL);
    }
}

static void show_record(struct session *session, const struct ring *ring, uint64_t id)
{
    uint64_t index = id & ((1ull << ring->count_bits) - 1), mask = (1ull << ring->data_bits) - 1;
    const uint8_t *desc = ring->descs + index * ring->desc_bytes, *info = ring->infos + index * ring->info_bytes;
    uint64_t state = get(desc + ring->state_at, 8), begin = get(desc + ring->begin_at, 8),
             next = get(desc + ring->next_at, 8);
    unsigned whole = (unsigned)(state >> 62);
    if ((state & ~0ull >> 2) != id || (whole != DESC_COMMITTED && whole != DESC_FINALIZED))
        return;
    uint64_t length = get(info + ring->length_at, 2), ns = get(info + ring->time_at, 8);
    if (begin & 1) /* a record without text, or whose text is lost */
        return;
    uint64_t at = begin >> ring->data_bits == next >> ring->data_bits || !(next & mask) ? begin & mask : 0;
    if (at + 8 > mask)
        return;
    uint64_t room = mask + 1 - at - 8;
    if (length > room)
        length = room;
    show_text(session, (const char *)ring->data + at + 8, length < TEXT_MAX ? length : TEXT_MAX, ns);
}

bool kernel_show_log(struct session *session, struct error *error)
{
    struct ring ring = {0};
    bool good = read_ring(session, &ring);
    if (good) {
        const uint64_t id_mask = ~0ull >> 2, most = 1ull << ring.count_bits;
        uint64_t id = ring.tail & id_mask, head = ring.head & id_mask;
        for (uint64_t i = 0; i < most; i++, id = (id + 1) & id_mask) {
            show_record(session, &ring, id);
            if (id == head)
                break;
        }
    }
    free(ring.descs);
    free(ring.infos);
    free(ring.data);
    return good || error_set(error, "the kernel's log is not of a kind that is known");
}
