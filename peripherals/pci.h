/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PCI Express (PCI Express Base Specification 5.0, chapter 7; PCI Local Bus 3.0, chapter 6): a host bridge with ECAM,
 * whose functions all lie on bus 0, as devices integrated into the root complex.
 *
 * A function (virtio_pci.c) embeds a struct pci_function, says what it is by a struct pci_identity, adds capabilities
 * and BARs, and is put into the next slot. Memory behind a BAR is reached through mmio_ops, as on the bus. */
#ifndef ARMATURE_PCI_H
#define ARMATURE_PCI_H

#include "machine/contract/device.h"

#define PCI_SLOTS           32u
#define PCI_BARS            6u
#define PCI_PINS            4u
#define PCI_CONFIG_BYTES    256u
#define PCI_FUNCTION_BYTES  4096ull /* of ECAM */
#define PCI_ECAM_BUS_BYTES  (1ull << 20)

/** Bits of the command register. */
enum pci_command {
    PCI_COMMAND_IO = 1,
    PCI_COMMAND_MEMORY = 2,
    PCI_COMMAND_MASTER = 4,
    PCI_COMMAND_NO_INTX = 1 << 10,
};

/** Offsets in configuration space that functions have to do with. */
enum pci_config {
    PCI_CONFIG_COMMAND = 0x04,
    PCI_CONFIG_STATUS = 0x06,
    PCI_CONFIG_BARS = 0x10,
    PCI_CONFIG_CAPABILITIES = 0x34,
    PCI_CONFIG_LINE = 0x3c,
    PCI_CONFIG_PIN = 0x3d,
};

enum pci_capability { PCI_CAPABILITY_VENDOR = 0x09, PCI_CAPABILITY_EXPRESS = 0x10, PCI_CAPABILITY_MSIX = 0x11 };

struct pci_host;
struct pci_function;

/** What a function is. */
struct pci_identity {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* class, subclass, interface: 24 bits */
    uint8_t revision;
    bool interrupts; /* it has an INTx pin (INTA) */
};

/** What a function does about accesses to its configuration space. NULL: nothing. */
struct pci_function_ops {
    /* Before `size` bytes at `offset`, aligned, are read. */
    void (*config_read)(struct pci_function *function, unsigned offset, unsigned size);
    /* After they were written, of which only what may be changed was. */
    void (*config_written)(struct pci_function *function, unsigned offset, unsigned size);
};

/** A base address register: a power of two of memory. */
struct pci_bar {
    uint64_t size_bytes; /* 0: there is none */
    bool wide;           /* of 64 bits, the next register being its upper half */
    const struct mmio_ops *ops;
    void *device;
};

struct pci_function {
    uint8_t config[PCI_CONFIG_BYTES];
    bool intx; /* the pin is asserted */
    const struct pci_function_ops *ops;
    void *device;
    struct pci_host *host;
    unsigned slot;
    struct pci_bar bars[PCI_BARS];
    uint8_t reset_config[PCI_CONFIG_BYTES],
        writable[PCI_CONFIG_BYTES]; /* what a reset leaves; bits that a write changes */
    unsigned capability_end, capability_last;
};

extern const struct fields pci_function_fields;

/** Makes a function of `device` that is in no slot yet. */
void pci_function_init(struct pci_function *function, const struct pci_identity *identity,
                       const struct pci_function_ops *ops, void *device);

/** Adds a capability: `bytes` are what follows its two first bytes, of which writes change the bits in `writable`
 * (NULL: none). Returns its offset. */
unsigned pci_add_capability(struct pci_function *function, enum pci_capability id, const void *bytes,
                            const void *writable, unsigned length);

/** Adds the Express capability of a device that is integrated into the root complex. */
void pci_add_express(struct pci_function *function);

void pci_add_bar(struct pci_function *function, unsigned index, const struct pci_bar *bar);

/** To be called by the device's reset and restored. */
void pci_function_reset(struct pci_function *function);
void pci_function_restored(struct pci_function *function);

/** Numbers in configuration space, little-endian. */
uint32_t pci_config_get(const struct pci_function *function, unsigned offset, unsigned size);
void pci_config_set(struct pci_function *function, unsigned offset, unsigned size, uint32_t value);

static inline bool pci_command_has(const struct pci_function *function, enum pci_command bits)
{
    return (pci_config_get(function, PCI_CONFIG_COMMAND, 2) & bits) == (uint32_t)bits;
}

/** Asserts or deasserts the function's INTx pin. */
void pci_set_intx(struct pci_function *function, bool asserted);

/** Sends a message (MSI): a write of 32 bits, if the function may be a bus master. */
void pci_send_message(struct pci_function *function, uint64_t address, uint32_t data);

/** An access to the memory behind a BAR of the function itself; false: there is none there. */
bool pci_bar_access(struct pci_function *function, unsigned bar, uint64_t offset, unsigned size, uint64_t *value,
                    bool write);

/** Where the bridge is in the address space. */
struct pci_window {
    uint64_t base, size_bytes;
};

struct pci_host_config {
    struct irq_line pins[PCI_PINS]; /* INTA to INTD of the bus; slot n's INTA is pin n mod 4 */
    /* A message of a function: who sends it, and what is written where. */
    void (*message)(void *context, uint32_t requester, uint64_t address, uint32_t data);
    void *context;
    uint64_t memory32_base, memory64_base; /* of the windows whose offsets the mmio_ops below get */
};

extern const struct device_class pci_host_class;

/** The windows of the bridge: ECAM of bus 0 and on, memory below and above 4 GiB, I/O ports (of which nobody has any).
 */
extern const struct mmio_ops pci_ecam_mmio, pci_memory32_mmio, pci_memory64_mmio, pci_io_mmio;

/** Makes the bridge, which is in slot 0. */
struct pci_host *pci_host_create(const struct pci_host_config *config);

/** Puts a function into the next slot and tells which that is; the bridge does not own it. False: all are taken. */
bool pci_host_add(struct pci_host *host, struct pci_function *function, unsigned *slot);

#endif
