/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registers of a GICv2's CPU interface, physical (GICC) and virtual (GICV) alike (IHI 0048B, 4.4 and 5.5). */
#ifndef ARMATURE_TESTS_GICV2_CPU_INTERFACE_H
#define ARMATURE_TESTS_GICV2_CPU_INTERFACE_H

enum {
    CTLR = 0x00,
    PMR = 0x04,
    BPR = 0x08,
    IAR = 0x0c,
    EOIR = 0x10,
    RPR = 0x14,
    HPPIR = 0x18,
    ABPR = 0x1c,
    AIAR = 0x20,
    AEOIR = 0x24,
    AHPPIR = 0x28,
    APR = 0xd0,
    DIR = 0x1000,
    /* of CTLR */
    ACK_CTL = 4,
    FIQ_EN = 8,
    EOI_MODE = 0x200,
};

#endif
