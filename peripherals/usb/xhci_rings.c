/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rings (4.9): of the driver's requests, and the one of events, which lies in segments. */
#include "peripherals/usb/xhci_internal.h"

#define LINKS_MAX        16u /* that follow each other: a ring of links alone holds nothing */
#define EVENTS_OF_A_STEP 3u

bool xhci_ring_next(struct xhci *xhci, struct xhci_ring *ring, struct xhci_trb *trb, uint64_t *address)
{
    for (unsigned links = 0; links < LINKS_MAX; links++) {
        if (!bus_dma_read(xhci->bus, ring->at, trb, sizeof *trb)) {
            xhci_host_error(xhci);
            return false;
        }
        if ((trb->control & TRB_CYCLE) != ring->cycle)
            return false;
        if (trb_type(trb) != TRB_LINK) {
            *address = ring->at;
            ring->at += sizeof *trb;
            return true;
        }
        ring->cycle ^= (trb->control & TRB_TOGGLE) != 0;
        ring->at = trb->parameter & ~15ull;
    }
    return false;
}

/* --- events (4.9.4) -------------------------------------------------------------------------------- */

struct segment {
    uint64_t base;
    uint32_t blocks, unused;
};

/* False: there is no such segment, or it is none. */
static bool read_segment(const struct xhci *xhci, uint32_t index, struct segment *segment)
{
    return index < xhci->segments &&
           bus_dma_read(xhci->bus, xhci->segment_table + index * sizeof *segment, segment, sizeof *segment) &&
           (segment->blocks &= 0xffff) >= 16 && segment->blocks <= 4096;
}

/* The place for the next event, or the one behind it. */
static bool step(const struct xhci *xhci, uint32_t *index, uint32_t *block, bool *cycle)
{
    struct segment segment;
    if (!read_segment(xhci, *index, &segment))
        return false;
    if (++*block >= segment.blocks) {
        *block = 0;
        if (++*index >= xhci->segments) {
            *index = 0;
            *cycle = !*cycle;
        }
    }
    return true;
}

static uint64_t place(const struct xhci *xhci, uint32_t index, uint32_t block)
{
    struct segment segment;
    return read_segment(xhci, index, &segment) ? (segment.base & ~63ull) + block * sizeof(struct xhci_trb) : 0;
}

bool xhci_has_room(struct xhci *xhci)
{
    uint32_t index = xhci->event_segment, block = xhci->event_index;
    bool cycle = xhci->event_cycle;
    for (unsigned i = 0; i < EVENTS_OF_A_STEP; i++)
        if (!step(xhci, &index, &block, &cycle) || place(xhci, index, block) == (xhci->dequeue & ~15ull))
            return false;
    return true;
}

void xhci_post(struct xhci *xhci, uint64_t parameter, uint32_t status, uint32_t control)
{
    struct xhci_trb event = {parameter, status, control | xhci->event_cycle};
    if (!bus_dma_write(xhci->bus, place(xhci, xhci->event_segment, xhci->event_index), &event, sizeof event) ||
        !step(xhci, &xhci->event_segment, &xhci->event_index, &xhci->event_cycle)) {
        xhci_host_error(xhci);
        return;
    }
    xhci->status |= 1u << 3; /* EINT */
    xhci->management |= 1;   /* IP */
}
