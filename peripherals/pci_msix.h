/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MSI-X (PCI Local Bus 3.0, 6.8.2): a table of messages, one a vector, behind a BAR of a function. */
#ifndef ARMATURE_PCI_MSIX_H
#define ARMATURE_PCI_MSIX_H

#include "peripherals/pci.h"

#define MSIX_VECTORS_MAX 64u
#define MSIX_BAR_BYTES   4096u

struct msix_vector {
    uint64_t address;
    uint32_t data, control; /* bit 0 of control: masked */
};

struct pci_msix {
    struct msix_vector vectors[MSIX_VECTORS_MAX];
    uint64_t pending; /* a bit for each vector */
    struct pci_function *function;
    unsigned vector_count, capability;
};

extern const struct fields pci_msix_fields;

/** Gives `function` MSI-X with that many vectors (at most MSIX_VECTORS_MAX), its table behind BAR `bar`. */
void pci_msix_init(struct pci_msix *msix, struct pci_function *function, unsigned bar, unsigned vector_count);
void pci_msix_reset(struct pci_msix *msix);
void pci_msix_restored(struct pci_msix *msix);

/** Whether the driver chose MSI-X in place of INTx. */
bool pci_msix_enabled(const struct pci_msix *msix);

/** Sends a vector's message, now or when it is not masked any more. A vector that there is not does nothing. */
void pci_msix_notify(struct pci_msix *msix, unsigned vector);

/** The function's configuration space was written: what waited may be sent now. */
void pci_msix_config_written(struct pci_msix *msix);

#endif
