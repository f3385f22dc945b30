/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The PCI transport (virtio 1.2, section 4.1), modern only: a function with MSI-X and INTx, its structures behind
 * BAR 4. */
#ifndef ARMATURE_VIRTIO_PCI_H
#define ARMATURE_VIRTIO_PCI_H

#include "peripherals/pci_msix.h"
#include "peripherals/virtio/virtio.h"

#define VIRTIO_PCI_NO_VECTOR 0xffffu

/** A function around a device. */
struct virtio_pci {
    struct pci_function function;
    struct pci_msix msix;
    uint32_t device_features_select, driver_features_select;
    uint16_t queue_select, config_vector;
    uint16_t queue_vectors[VIRTIO_QUEUES_MAX];
    uint32_t isr; /* virtio_interrupt bits; INTx is asserted while any is set */
    bool master;  /* the function could be a bus master when its command register was looked at last */
    struct virtio_device *virtio;
    unsigned access_capability; /* that by which configuration cycles reach the BAR */
};

extern const struct device_class virtio_pci_class;

/** Makes a function around `virtio`, to be put into a slot by pci_host_add(). The caller frees it by
 *  virtio_pci_class.free; the device in it is not owned. */
struct virtio_pci *virtio_pci_create(struct virtio_device *virtio);

#endif
