/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gdb's numbers for registers, and the description that tells it of them (gdb's manual, appendix G: the features
 * org.gnu.gdb.aarch64.core and .fpu have their order given). */
#include "debugger/front/gdb_registers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPSR_NUMBER   33u
#define FIRST_VECTOR  34u
#define FPSR_NUMBER   66u
#define FPCR_NUMBER   67u
#define FIRST_SYSTEM  68u
#define SYSTEM_NUMBER (SR_COUNT - SR_NONE - 1)

unsigned gdb_registers_in_g(void)
{
    return FIRST_SYSTEM;
}

/* The name of a register, as register_read() knows it; NULL: no such number. */
static const char *name_of(unsigned number, char *text, size_t capacity)
{
    if (number < 31)
        snprintf(text, capacity, "x%u", number);
    else if (number < FIRST_VECTOR)
        snprintf(text, capacity, "%s", number == 31 ? "sp" : number == 32 ? "pc" : "cpsr");
    else if (number < FPSR_NUMBER)
        snprintf(text, capacity, "v%u", number - FIRST_VECTOR);
    else if (number < FIRST_SYSTEM)
        snprintf(text, capacity, "%s", number == FPSR_NUMBER ? "fpsr" : "fpcr");
    else if (number < FIRST_SYSTEM + SYSTEM_NUMBER)
        return sysreg_infos[SR_NONE + 1 + number - FIRST_SYSTEM].name;
    else
        return NULL;
    return text;
}

unsigned gdb_register_read(struct cpu *cpu, unsigned number, uint8_t *bytes)
{
    char text[16];
    unsigned size;
    const char *name = name_of(number, text, sizeof text);
    if (!name || !register_read(cpu, name, bytes, &size))
        return 0;
    return number == CPSR_NUMBER || number == FPSR_NUMBER || number == FPCR_NUMBER ? 4 : size;
}

bool gdb_register_write(struct cpu *cpu, unsigned number, const uint8_t *bytes, unsigned size)
{
    char text[16];
    uint8_t whole[16] = {0};
    const char *name = name_of(number, text, sizeof text);
    memcpy(whole, bytes, size < sizeof whole ? size : sizeof whole);
    return name && register_write(cpu, name, whole, size > 8 ? 16 : 8);
}

static const char vector_types[] =
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/><vector id=\"v2u\" type=\"uint64\" count=\"2\"/>"
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v4u\" type=\"uint32\" count=\"4\"/>"
    "<vector id=\"v8u\" type=\"uint16\" count=\"8\"/><vector id=\"v16u\" type=\"uint8\" count=\"16\"/>"
    "<union id=\"aarch64v\"><field name=\"d\" type=\"v2d\"/><field name=\"s\" type=\"v4f\"/><field name=\"u64\" "
    "type=\"v2u\"/>"
    "<field name=\"u32\" type=\"v4u\"/><field name=\"u16\" type=\"v8u\"/><field name=\"u8\" type=\"v16u\"/>"
    "<field name=\"q\" type=\"uint128\"/></union>\n";

char *gdb_description(void)
{
    char *bytes = NULL;
    size_t count = 0;
    FILE *to = open_memstream(&bytes, &count);
    if (!to)
        return NULL;
    fputs("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM "
          "\"gdb-target.dtd\">\n<target>\n<architecture>aarch64</architecture>\n"
          "<feature name=\"org.gnu.gdb.aarch64.core\">\n",
          to);
    /* What a register is for, and its number in DWARF, is for lldb. */
    for (unsigned i = 0; i < 31; i++) {
        fprintf(to, "<reg name=\"x%u\" bitsize=\"64\" dwarf_regnum=\"%u\"", i, i);
        if (i < 8)
            fprintf(to, " generic=\"arg%u\"", i + 1);
        if (i >= 29)
            fprintf(to, " altname=\"%s\" generic=\"%s\"", i == 29 ? "fp" : "lr", i == 29 ? "fp" : "ra");
        fputs("/>\n", to);
    }
    fputs("<reg name=\"sp\" bitsize=\"64\" type=\"data_ptr\" dwarf_regnum=\"31\" generic=\"sp\"/>\n"
          "<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\" generic=\"pc\"/>\n"
          "<reg name=\"cpsr\" bitsize=\"32\" type=\"int\" generic=\"flags\"/>\n</feature>\n"
          "<feature name=\"org.gnu.gdb.aarch64.fpu\">\n",
          to);
    fputs(vector_types, to);
    for (unsigned i = 0; i < 32; i++)
        fprintf(to, "<reg name=\"v%u\" bitsize=\"128\" type=\"aarch64v\"/>\n", i);
    fputs("<reg name=\"fpsr\" bitsize=\"32\" type=\"int\"/>\n<reg name=\"fpcr\" bitsize=\"32\" "
          "type=\"int\"/>\n</feature>\n"
          "<feature name=\"org.armature.system\">\n",
          to);
    for (unsigned i = 0; i < SYSTEM_NUMBER; i++)
        fprintf(to, "<reg name=\"%s\" bitsize=\"64\" type=\"int64\" group=\"system\" save-restore=\"no\"/>\n",
                sysreg_infos[SR_NONE + 1 + i].name);
    fputs("</feature>\n</target>\n", to);
    fclose(to);
    return bytes;
}
