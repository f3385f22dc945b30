/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The library that Linux maps into each process, of which programs learn by AT_SYSINFO_EHDR. */
#ifndef ARMATURE_VDSO_H
#define ARMATURE_VDSO_H

#include <stdint.h>

#define VDSO_BYTES 4096u

/** Writes it: an ELF library of a page that may lie anywhere. Returns where in it the code is that a signal's handler
 * returns to. */
uint32_t vdso_build(uint8_t image[VDSO_BYTES]);

#endif
