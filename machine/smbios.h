/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the machine is, as SMBIOS structures (DSP0134 3.0), which firmware takes through fw_cfg. */
#ifndef ARMATURE_SMBIOS_H
#define ARMATURE_SMBIOS_H

#include <stddef.h>
#include <stdint.h>

#define SMBIOS_TABLES_MAX 1024u

/** What goes into the files etc/smbios/smbios-tables and etc/smbios/smbios-anchor. */
struct smbios_files {
    uint8_t tables[SMBIOS_TABLES_MAX];
    size_t tables_bytes;
    uint8_t anchor[24];
};

void smbios_make(unsigned cpu_count, uint64_t ram_base, uint64_t ram_bytes, struct smbios_files *files);

#endif
