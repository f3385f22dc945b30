/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The disassembler's text styles of system instructions. */
#include "isa/arm64/disasm_text.h"
#include <ctype.h>
#include "isa/arm64/sysregs.h"

void text_barrier(struct text *out, unsigned crm)
{
    static const char *const names[16] = {
        [1] = "oshld", [2] = "oshst",  [3] = "osh",  [5] = "nshld", [6] = "nshst", [7] = "nsh",
        [9] = "ishld", [10] = "ishst", [11] = "ish", [13] = "ld",   [14] = "st",   [15] = "sy",
    };
    if (names[crm])
        text_literal(out, names[crm]);
    else
        text_printf(out, "#%s%x", crm < 10 ? "" : "0x", crm);
}

void text_sysreg(struct text *out, unsigned o0, unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
    enum sysreg reg = sysreg_by_key(SYSREG_KEY(o0, op1, crn, crm, op2));
    if (reg == SR_NONE) {
        text_printf(out, "s%u_%u_c%u_c%u_%u", 2 + o0, op1, crn, crm, op2);
        return;
    }
    for (const char *at = sysreg_infos[reg].name; *at; at++)
        text_printf(out, "%c", tolower((unsigned char)*at));
}

void text_pac_key(struct text *out, unsigned key)
{
    static const char *const names[4] = {"ia", "ib", "da", "db"};
    text_literal(out, names[key]);
}

void text_pac_zero_key(struct text *out, unsigned key)
{
    static const char *const names[4] = {"iza", "izb", "dza", "dzb"};
    text_literal(out, names[key]);
}
