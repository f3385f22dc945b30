/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The condition codes of A64 (Arm ARM C1.2.4). */
#ifndef ARMATURE_CONDITIONS_H
#define ARMATURE_CONDITIONS_H

#include "isa/arm64/cpu.h"

/** Whether `cond` (0 to 15) holds. Where it is a constant this is a compare or two of bytes. */
static inline __attribute__((always_inline)) bool cond_holds(const struct cpu *cpu, unsigned cond)
{
    const struct nzcv *f = &cpu->nzcv;
    switch (cond) {
    case 0: return f->z;
    case 1: return !f->z;
    case 2: return f->c;
    case 3: return !f->c;
    case 4: return f->n;
    case 5: return !f->n;
    case 6: return f->v;
    case 7: return !f->v;
    case 8: return f->c > f->z; /* C and not Z */
    case 9: return f->c <= f->z;
    case 10: return f->n == f->v;
    case 11: return f->n != f->v;
    case 12: return !f->z & (f->n == f->v);
    case 13: return f->z | (f->n != f->v);
    default: return true; /* AL and NV */
    }
}

#endif
