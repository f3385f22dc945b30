/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command ring (4.6): slots, addresses, endpoints. */
#include <string.h>
#include "peripherals/usb/xhci_internal.h"

#define COMMANDS_MAX 256u /* at a time: a ring without an end is the driver's fault */

/* Numbers in a context in guest memory: context 0 is the slot's, the others those of its endpoints. */
static uint32_t get(struct xhci *xhci, uint64_t contexts, unsigned index, unsigned word)
{
    uint32_t value = 0;
    if (!bus_dma_read(xhci->bus, contexts + index * XHCI_CONTEXT_BYTES + word * 4, &value, sizeof value))
        xhci_host_error(xhci);
    return value;
}

static void put(struct xhci *xhci, uint64_t contexts, unsigned index, unsigned word, uint32_t value)
{
    if (!bus_dma_write(xhci->bus, contexts + index * XHCI_CONTEXT_BYTES + word * 4, &value, sizeof value))
        xhci_host_error(xhci);
}

static void copy(struct xhci *xhci, uint64_t from, uint64_t to, unsigned index)
{
    for (unsigned word = 0; word < XHCI_CONTEXT_BYTES / 4; word++)
        put(xhci, to, index, word, get(xhci, from, index, word));
}

void xhci_set_state(struct xhci *xhci, struct xhci_slot *slot, unsigned endpoint, enum xhci_endpoint_state state)
{
    slot->endpoints[endpoint].state = state;
    put(xhci, slot->context, endpoint, 0, (get(xhci, slot->context, endpoint, 0) & ~7u) | state);
    if (state == ENDPOINT_STOPPED || state == ENDPOINT_HALTED) {
        const struct xhci_ring *ring = &slot->endpoints[endpoint].ring;
        put(xhci, slot->context, endpoint, 2, (uint32_t)ring->at | ring->cycle);
        put(xhci, slot->context, endpoint, 3, (uint32_t)(ring->at >> 32));
    }
}

static void set_slot_state(struct xhci *xhci, struct xhci_slot *slot, unsigned address, enum xhci_slot_state state)
{
    slot->state = state;
    put(xhci, slot->context, 0, 3, address | (uint32_t)state << 27);
}

/* Takes an endpoint as its context says, which is copied. */
static void start_endpoint(struct xhci *xhci, struct xhci_slot *slot, uint64_t from, unsigned endpoint)
{
    uint64_t dequeue = get(xhci, from, endpoint, 2) | (uint64_t)get(xhci, from, endpoint, 3) << 32;
    copy(xhci, from, slot->context, endpoint);
    slot->endpoints[endpoint] = (struct xhci_endpoint){
        .type = get(xhci, from, endpoint, 1) >> 3 & 7,
        .ring = {dequeue & ~15ull, dequeue & 1},
    };
    xhci_set_state(xhci, slot, endpoint, ENDPOINT_RUNNING);
}

static void stop_endpoints(struct xhci *xhci, struct xhci_slot *slot, unsigned from)
{
    for (unsigned endpoint = from; endpoint < XHCI_ENDPOINTS; endpoint++)
        if (slot->endpoints[endpoint].state != ENDPOINT_DISABLED) {
            xhci_set_state(xhci, slot, endpoint, ENDPOINT_DISABLED);
            slot->endpoints[endpoint] = (struct xhci_endpoint){0};
        }
}

/* --- commands -------------------------------------------------------------------------------------- */

static enum xhci_code enable_slot(struct xhci *xhci, unsigned *number)
{
    unsigned most = xhci->configuration & 255;
    for (unsigned i = 1; i <= XHCI_SLOTS && i <= most; i++)
        if (!xhci->slots[i].enabled) {
            xhci->slots[i] = (struct xhci_slot){.enabled = true};
            *number = i;
            return CODE_SUCCESS;
        }
    return CODE_NO_SLOTS;
}

static enum xhci_code disable_slot(struct xhci *xhci, unsigned number, struct xhci_slot *slot)
{
    if (slot->context)
        set_slot_state(xhci, slot, 0, SLOT_DISABLED);
    *slot = (struct xhci_slot){0};
    xhci->rung[number] = 0;
    return CODE_SUCCESS;
}

/* 4.6.5. The device is the one at the root port that the slot's context names: there are no hubs. */
static enum xhci_code address_device(struct xhci *xhci, unsigned number, struct xhci_slot *slot,
                                     const struct xhci_trb *trb)
{
    uint64_t input = trb->parameter & ~15ull, contexts = input + XHCI_CONTEXT_BYTES, output;
    bool block = trb->control & TRB_BSR;
    if ((get(xhci, input, 0, 1) & 3) != 3 || get(xhci, input, 0, 0) & 3)
        return CODE_PARAMETER_ERROR;
    if (slot->state > SLOT_DEFAULT || (block && slot->state == SLOT_DEFAULT))
        return CODE_CONTEXT_STATE;
    slot->port = get(xhci, contexts, 0, 1) >> 16 & 255;
    if (get(xhci, contexts, 0, 0) & 0xfffff || !xhci_device(xhci, slot)) {
        slot->port = 0;
        return CODE_TRANSACTION_ERROR;
    }
    if (!bus_dma_read(xhci->bus, xhci->contexts + number * 8ull, &output, sizeof output)) {
        xhci_host_error(xhci);
        return CODE_PARAMETER_ERROR;
    }
    slot->context = output & ~63ull;
    copy(xhci, contexts, slot->context, 0);
    start_endpoint(xhci, slot, contexts, 1);
    set_slot_state(xhci, slot, block ? 0 : number, block ? SLOT_DEFAULT : SLOT_ADDRESSED);
    return CODE_SUCCESS;
}

static enum xhci_code configure_endpoints(struct xhci *xhci, struct xhci_slot *slot, const struct xhci_trb *trb)
{
    uint64_t input = trb->parameter & ~15ull, contexts = input + XHCI_CONTEXT_BYTES;
    uint32_t drop, add;
    if (slot->state < SLOT_ADDRESSED)
        return CODE_CONTEXT_STATE;
    if (trb->control & TRB_DECONFIGURE) {
        stop_endpoints(xhci, slot, 2);
        set_slot_state(xhci, slot, get(xhci, slot->context, 0, 3) & 255, SLOT_ADDRESSED);
        return CODE_SUCCESS;
    }
    drop = get(xhci, input, 0, 0);
    add = get(xhci, input, 0, 1);
    if (drop & 3 || !(add & 1) || add & 2)
        return CODE_PARAMETER_ERROR;
    for (unsigned endpoint = 2; endpoint < XHCI_ENDPOINTS; endpoint++) {
        if (drop >> endpoint & 1 && slot->endpoints[endpoint].state != ENDPOINT_DISABLED) {
            xhci_set_state(xhci, slot, endpoint, ENDPOINT_DISABLED);
            slot->endpoints[endpoint] = (struct xhci_endpoint){0};
        }
        if (add >> endpoint & 1)
            start_endpoint(xhci, slot, contexts, endpoint);
    }
    put(xhci, slot->context, 0, 0,
        (get(xhci, slot->context, 0, 0) & 0x07ffffff) | (get(xhci, contexts, 0, 0) & 0xf8000000));
    set_slot_state(xhci, slot, get(xhci, slot->context, 0, 3) & 255, SLOT_CONFIGURED);
    return CODE_SUCCESS;
}

/* 4.6.7: the greatest packet of the control endpoint, the slot's latency and interrupter. */
static enum xhci_code evaluate(struct xhci *xhci, struct xhci_slot *slot, const struct xhci_trb *trb)
{
    uint64_t input = trb->parameter & ~15ull, contexts = input + XHCI_CONTEXT_BYTES;
    uint32_t add = get(xhci, input, 0, 1);
    if (slot->state < SLOT_DEFAULT)
        return CODE_CONTEXT_STATE;
    if (add & 1) {
        put(xhci, slot->context, 0, 1,
            (get(xhci, slot->context, 0, 1) & 0xffff0000) | (get(xhci, contexts, 0, 1) & 0xffff));
        put(xhci, slot->context, 0, 2,
            (get(xhci, slot->context, 0, 2) & 0x003fffff) | (get(xhci, contexts, 0, 2) & 0xffc00000));
    }
    if (add & 2)
        put(xhci, slot->context, 1, 1,
            (get(xhci, slot->context, 1, 1) & 0xffff) | (get(xhci, contexts, 1, 1) & 0xffff0000));
    return CODE_SUCCESS;
}

static enum xhci_code change_endpoint(struct xhci *xhci, struct xhci_slot *slot, const struct xhci_trb *trb)
{
    unsigned number = trb->control >> 16 & 31;
    struct xhci_endpoint *endpoint = &slot->endpoints[number];
    if (number == 0)
        return CODE_TRB_ERROR;
    if (endpoint->state == ENDPOINT_DISABLED)
        return CODE_ENDPOINT_NOT_ENABLED;
    switch (trb_type(trb)) {
    case TRB_RESET_ENDPOINT:
        if (endpoint->state != ENDPOINT_HALTED)
            return CODE_CONTEXT_STATE;
        break;
    case TRB_STOP_ENDPOINT:
        if (endpoint->state != ENDPOINT_RUNNING)
            return CODE_CONTEXT_STATE;
        break;
    default:
        if (endpoint->state != ENDPOINT_STOPPED && endpoint->state != ENDPOINT_ERROR)
            return CODE_CONTEXT_STATE;
        endpoint->ring = (struct xhci_ring){trb->parameter & ~15ull, trb->parameter & 1};
        slot->data_bytes = slot->data_done = 0;
    }
    xhci->rung[slot - xhci->slots] &= ~(1u << number); /* what waits, waits for another doorbell */
    xhci_set_state(xhci, slot, number, ENDPOINT_STOPPED);
    return CODE_SUCCESS;
}

static enum xhci_code reset_device(struct xhci *xhci, struct xhci_slot *slot)
{
    if (slot->state < SLOT_ADDRESSED)
        return CODE_CONTEXT_STATE;
    stop_endpoints(xhci, slot, 2);
    set_slot_state(xhci, slot, 0, SLOT_DEFAULT);
    return CODE_SUCCESS;
}

static enum xhci_code do_command(struct xhci *xhci, const struct xhci_trb *trb, unsigned *number)
{
    unsigned type = trb_type(trb);
    if (type == TRB_NO_OP_COMMAND || type == TRB_ENABLE_SLOT) {
        *number = 0;
        return type == TRB_ENABLE_SLOT ? enable_slot(xhci, number) : CODE_SUCCESS;
    }
    if (type < TRB_DISABLE_SLOT || type > TRB_RESET_DEVICE)
        return CODE_TRB_ERROR;
    if (*number == 0 || *number > XHCI_SLOTS || !xhci->slots[*number].enabled)
        return CODE_SLOT_NOT_ENABLED;
    struct xhci_slot *slot = &xhci->slots[*number];
    switch (type) {
    case TRB_DISABLE_SLOT: return disable_slot(xhci, *number, slot);
    case TRB_ADDRESS_DEVICE: return address_device(xhci, *number, slot, trb);
    case TRB_CONFIGURE_ENDPOINT: return configure_endpoints(xhci, slot, trb);
    case TRB_EVALUATE_CONTEXT: return evaluate(xhci, slot, trb);
    case TRB_RESET_DEVICE: return reset_device(xhci, slot);
    default: return change_endpoint(xhci, slot, trb);
    }
}

bool xhci_run_commands(struct xhci *xhci)
{
    struct xhci_trb trb;
    uint64_t address;
    for (unsigned i = 0; i < COMMANDS_MAX; i++) {
        if (!xhci_has_room(xhci))
            return false;
        if (!xhci_ring_next(xhci, &xhci->command_ring, &trb, &address))
            return true;
        unsigned slot = trb.control >> 24;
        enum xhci_code code = do_command(xhci, &trb, &slot);
        xhci_post(xhci, address, (uint32_t)code << 24, TRB_COMMAND_EVENT << 10 | slot << 24);
    }
    return true;
}
