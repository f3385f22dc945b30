/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a device is: a structure with a field list, a register table, and the operations that the board
 * calls. A device knows the contracts in this folder and nothing else of the machine. */
#ifndef ARMATURE_DEVICE_H
#define ARMATURE_DEVICE_H

#include "machine/contract/bus.h"
#include "machine/contract/clock.h"
#include "machine/contract/fields.h"
#include "machine/contract/input.h"
#include "machine/contract/irq.h"
#include "machine/contract/medium.h"

/** One register of a device, or a row of equal ones. A field is as wide as the register, and a row's field
 *  is an array of `count` of them. */
struct reg {
    uint64_t offset;
    const char *name;
    unsigned size;         /* bytes: 1, 2, 4 or 8 */
    unsigned count;        /* how many, `size` bytes apart (or `stride`); 0 means 1 */
    unsigned stride;       /* distance in bytes where it is not `size` */
    int32_t field_offset;  /* where the value is kept in the device's structure, or REG_NO_FIELD */
    uint64_t reset;        /* value after reset; also the value read where there is no field and no hook */
    uint64_t write_mask;   /* bits that a write changes; 0: read-only, writes are ignored */
    uint64_t (*read)(void *device, unsigned index);                  /* in place of the field */
    void (*write)(void *device, unsigned index, uint64_t value);     /* in place of storing; value unmasked */
    bool read_acts; /* a read changes the device (pops a FIFO): the debugger leaves it alone */
};

#define REG_NO_FIELD (-1)
#define REG_FIELD(type, member) ((int32_t)offsetof(type, member))

/** A device's register table: `list` sorted by offset, `count` rows. Access widths in `widths` (a bit mask of
 *  sizes, e.g. 4 or 1|2|4|8): a narrower access than the register reads or writes that part of it; a wider
 *  one covers neighbours. A narrower write reaches the write hook with the register's other bits taken from
 *  its field, or zero where it has none. Offsets that no row names read as zero and ignore writes. */
struct reg_bank {
    const struct reg *list;
    unsigned count;
    unsigned widths;
};

/** Reads or writes through a register table; the common body of a device's mmio_ops. False where the
 *  width is not one the bank carries. */
bool regs_read(const struct reg_bank *bank, void *device, uint64_t offset, unsigned size, uint64_t *value);
bool regs_write(const struct reg_bank *bank, void *device, uint64_t offset, unsigned size, uint64_t value);

/** Sets every field that a row names to the row's reset value. */
void regs_reset(const struct reg_bank *bank, void *device);

/** What the machine does with any device. NULL operations mean there is nothing to do. */
struct device_class {
    const char *name;            /* "pl011": the type, as in snapshots and `info` */
    const struct fields *state;  /* what a snapshot holds of it */
    const struct reg_bank *regs; /* for the debugger's view; may be NULL */
    void (*reset)(void *device);   /* cold reset, as at power-on */
    /* The machine is a clone from now on, with an identity of its own, which all of `seed` makes: new randomness, and
     * whatever tells the guest. After `restored`. NULL: it has nothing of that kind. */
    void (*reidentify)(void *device, uint64_t seed);
    void (*restored)(void *device); /* after its fields were replaced: re-schedules events, re-drives wires */
    void (*free)(void *device);
    const struct medium_ops *medium; /* NULL: all there is of it are its fields */
};

/** A device on the board. */
struct device {
    const struct device_class *class;
    const char *name; /* "uart0" */
    void *instance;
};

#endif
