/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MSI-X (PCI Local Bus 3.0, 6.8.2). The table is at the beginning of its BAR, the pending bits at PENDING_OFFSET. */
#include "peripherals/pci_msix.h"
#include <assert.h>
#include <string.h>

#define PENDING_OFFSET  0x800u
#define CONTROL_ENABLE  0x8000u /* of the capability */
#define CONTROL_MASKED  0x4000u
#define VECTOR_MASKED   1u
#define VECTOR_BYTES    16u

static const struct field vector_list[] = {
    FIELD(struct msix_vector, address),
    FIELD(struct msix_vector, data),
    FIELD(struct msix_vector, control),
    FIELDS_END,
};
static const struct fields vector_fields = {"msix_vector", sizeof(struct msix_vector), vector_list};

static const struct field msix_list[] = {
    FIELD_STRUCT_ARRAY(struct pci_msix, vectors, &vector_fields),
    FIELD(struct pci_msix, pending),
    FIELD_HOST(struct pci_msix, function),
    FIELD_HOST(struct pci_msix, vector_count),
    FIELD_HOST(struct pci_msix, capability),
    FIELDS_END,
};
const struct fields pci_msix_fields = {"pci_msix", sizeof(struct pci_msix), msix_list};

static unsigned control(const struct pci_msix *msix)
{
    return pci_config_get(msix->function, msix->capability + 2, 2);
}

bool pci_msix_enabled(const struct pci_msix *msix)
{
    return control(msix) & CONTROL_ENABLE;
}

/* Sends what is pending and not masked. */
static void send_pending(struct pci_msix *msix)
{
    if (!(control(msix) & CONTROL_ENABLE) || control(msix) & CONTROL_MASKED)
        return;
    for (uint64_t left = msix->pending; left; left &= left - 1) {
        unsigned vector = (unsigned)__builtin_ctzll(left);
        if (msix->vectors[vector].control & VECTOR_MASKED)
            continue;
        msix->pending &= ~(1ull << vector);
        pci_send_message(msix->function, msix->vectors[vector].address, msix->vectors[vector].data);
    }
}

void pci_msix_notify(struct pci_msix *msix, unsigned vector)
{
    if (vector >= msix->vector_count)
        return;
    msix->pending |= 1ull << vector;
    send_pending(msix);
}

void pci_msix_config_written(struct pci_msix *msix)
{
    send_pending(msix);
}

/* --- the table ------------------------------------------------------------------------------------- */

static bool msix_read(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
    struct pci_msix *msix = device;
    uint8_t bar[16] = {0};
    uint64_t within = offset % VECTOR_BYTES, vector = offset / VECTOR_BYTES;
    *value = 0;
    if (vector < msix->vector_count)
        memcpy(bar, &msix->vectors[vector], sizeof bar);
    else if (offset - within == PENDING_OFFSET)
        memcpy(bar, &msix->pending, sizeof msix->pending);
    memcpy(value, bar + within, size);
    return true;
}

/* 6.8.2: software writes whole doublewords or quadwords; what is narrower is ignored. */
static bool msix_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct pci_msix *msix = device;
    uint64_t vector = offset / VECTOR_BYTES;
    if (size < 4 || vector >= msix->vector_count)
        return true;
    struct msix_vector *entry = &msix->vectors[vector];
    memcpy((uint8_t *)entry + offset % VECTOR_BYTES, &value, size);
    entry->address &= ~3ull;
    entry->control &= VECTOR_MASKED;
    send_pending(msix);
    return true;
}

static const struct mmio_ops msix_mmio = {msix_read, msix_write};

/* --- the whole ------------------------------------------------------------------------------------- */

void pci_msix_reset(struct pci_msix *msix)
{
    memset(msix->vectors, 0, sizeof msix->vectors);
    for (unsigned i = 0; i < msix->vector_count; i++)
        msix->vectors[i].control = VECTOR_MASKED;
    msix->pending = 0;
}

void pci_msix_restored(struct pci_msix *msix)
{
    for (unsigned i = 0; i < MSIX_VECTORS_MAX; i++) {
        msix->vectors[i].address &= ~3ull;
        msix->vectors[i].control &= VECTOR_MASKED;
        if (i >= msix->vector_count)
            msix->vectors[i] = (struct msix_vector){0};
    }
    msix->pending &= ~0ull >> (64 - msix->vector_count);
}

void pci_msix_init(struct pci_msix *msix, struct pci_function *function, unsigned bar, unsigned vector_count)
{
    static_assert(sizeof(struct msix_vector) == VECTOR_BYTES, "the table is kept as the driver sees it");
    assert(vector_count && vector_count <= MSIX_VECTORS_MAX);
    struct {
        uint16_t control;
        uint32_t table, pending; /* offsets, the BAR in their lowest bits */
    } __attribute__((packed)) bytes = {(uint16_t)(vector_count - 1), bar, PENDING_OFFSET | bar},
                              writable = {CONTROL_ENABLE | CONTROL_MASKED, 0, 0};
    *msix = (struct pci_msix){.function = function, .vector_count = vector_count};
    msix->capability = pci_add_capability(function, PCI_CAPABILITY_MSIX, &bytes, &writable, sizeof bytes);
    pci_add_bar(function, bar, &(struct pci_bar){.size_bytes = MSIX_BAR_BYTES, .ops = &msix_mmio, .device = msix});
}
