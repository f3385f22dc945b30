/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Appending to an ACPI blob: numbers, and the encoding of AML (ACPI 6.3, chapter 20). */
#ifndef ARMATURE_ACPI_BLOB_H
#define ARMATURE_ACPI_BLOB_H

#include <string.h>
#include "machine/acpi.h"
#include "machine/contract/error.h"

static inline void blob_put(struct acpi_blob *blob, const void *bytes, size_t length)
{
    blob->bytes = host_realloc(blob->bytes, blob->length + length, 1);
    memcpy(blob->bytes + blob->length, bytes, length);
    blob->length += length;
}

/** A little-endian number of `size` bytes, at most 8. */
static inline void blob_number(struct acpi_blob *blob, unsigned size, uint64_t value)
{
    blob_put(blob, &value, size);
}

static inline void blob_zeroes(struct acpi_blob *blob, size_t length)
{
    for (; length > 0; length--)
        blob_number(blob, 1, 0);
}

/** Overwrites what stands at `offset`. */
static inline void blob_set(struct acpi_blob *blob, size_t offset, unsigned size, uint64_t value)
{
    memcpy(blob->bytes + offset, &value, size);
}

/** The differentiated definition block's AML. */
void acpi_put_dsdt(struct acpi_blob *blob, const struct acpi_board *board);

#endif
