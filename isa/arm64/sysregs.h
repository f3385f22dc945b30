/* SPDX-License-Identifier: GPL-3.0-or-later */
/* System registers: the storage that sysregs.def asks for. */
#ifndef ARMATURE_SYSREGS_H
#define ARMATURE_SYSREGS_H

#include <stdint.h>

/** One member for each STORED row of sysregs.def, under the register's name. */
struct sysregs {
#define SYSREG_STORAGE_STORED(name) uint64_t name;
#define SYSREG_STORAGE_CONSTANT(name)
#define SYSREG_STORAGE_HOOKED(name)
#define SYSREG(name, op0, op1, crn, crm, op2, access, storage, reset, mask, feature)                         \
    SYSREG_STORAGE_##storage(name)
#include "isa/arm64/sysregs.def"
#undef SYSREG
};

#endif
