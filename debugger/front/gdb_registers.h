/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Registers as gdb numbers them: general ones, vectors, then each system register. */
#ifndef ARMATURE_DEBUGGER_GDB_REGISTERS_H
#define ARMATURE_DEBUGGER_GDB_REGISTERS_H

#include "debugger/session/target.h"

/** The target description, in XML; freed by the caller. NULL: no memory. */
char *gdb_description(void);

/** How many registers a `g` packet has; the others are asked for by themselves. */
unsigned gdb_registers_in_g(void);

/** Reads register `number` into up to 16 bytes; returns its size in bytes, 0: there is none. */
unsigned gdb_register_read(struct cpu *cpu, unsigned number, uint8_t *bytes);
bool gdb_register_write(struct cpu *cpu, unsigned number, const uint8_t *bytes, unsigned size);

#endif
