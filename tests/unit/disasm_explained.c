/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/disasm_explained.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "isa/arm64/features.h"

struct explanation {
    const char *reason;
    uint32_t example;
    bool (*covers)(const struct difference *d);
};

static bool name_starts(const struct difference *d, const char *start)
{
    return strncmp(d->info->name, start, strlen(start)) == 0;
}

static bool name_ends(const struct difference *d, const char *end)
{
    size_t length = strlen(d->info->name), end_length = strlen(end);
    return length >= end_length && strcmp(d->info->name + length - end_length, end) == 0;
}

static bool only_ours(const struct difference *d)
{
    return *d->ours && !*d->capstones;
}

static bool only_capstones(const struct difference *d)
{
    return !*d->ours && *d->capstones;
}

static unsigned field(const struct difference *d, unsigned low, unsigned width)
{
    return d->word >> low & ((1u << width) - 1);
}

static bool starts(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Capstone knows what Armv8.0 has, and CRC32. */
static bool is_newer(const struct difference *d)
{
    static const uint8_t newer[FEAT_COUNT] = {
        [FEAT_LSE] = 1,    [FEAT_LOR] = 1,   [FEAT_LRCPC] = 1,   [FEAT_LRCPC2] = 1,  [FEAT_FlagM] = 1,
        [FEAT_FlagM2] = 1, [FEAT_PAuth] = 1, [FEAT_FP16] = 1,    [FEAT_FCMA] = 1,    [FEAT_JSCVT] = 1,
        [FEAT_FHM] = 1,    [FEAT_BF16] = 1,  [FEAT_I8MM] = 1,    [FEAT_FRINTTS] = 1, [FEAT_DIT] = 1,
        [FEAT_SSBS] = 1,   [FEAT_RDM] = 1,   [FEAT_DotProd] = 1, [FEAT_SHA512] = 1,  [FEAT_SHA3] = 1,
    };
    return only_ours(d) && newer[d->info->feature];
}

/* Hints, barriers and system instructions that have got names since: Capstone prints the space they lie in.
 */
static bool is_newly_named(const struct difference *d)
{
    static const char *const spaces[] = {"hint #", "dsb #", "sys #", "msr s3_3_c3_c"};
    static const char *const lines[] = {"pac_",    "aut_",     "xpac_",    "dgh",    "esb",   "psb",
                                        "tsb",     "csdb",     "bti",      "ssbb",   "pssbb", "sb",
                                        "dc_cvap", "dc_cvadp", "at_s1e1p", "dsb_nxs"};
    bool is_line = false, is_space = false;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++)
        is_line |= name_starts(d, lines[i]);
    for (unsigned i = 0; i < sizeof spaces / sizeof spaces[0]; i++)
        is_space |= starts(d->capstones, spaces[i]);
    return is_line && is_space;
}

static bool is_unimplemented(const struct difference *d)
{
    return only_capstones(d) && d->info->flags & INSN_UNIMPLEMENTED && d->info->mask;
}

/* The name of a system register by its encoding, S<op0>_<op1>_<Cn>_<Cm>_<op2>, with op0 as it is or always 3.
 */
static bool is_generic_register(const struct difference *d, const char *name, unsigned op0)
{
    char generic[32];
    int length = snprintf(generic, sizeof generic, "s%u_%u_c%u_c%u_%u", op0, field(d, 16, 3), field(d, 12, 4),
                          field(d, 8, 4), field(d, 5, 3));
    return strncmp(name, generic, (size_t)length) == 0;
}

static const char *register_of(const char *text, bool is_read)
{
    const char *comma = strchr(text, ',');
    return !comma ? "" : is_read ? comma + 2 : strchr(text, ' ') + 1;
}

/* Either prints the registers that it has no name for by their encodings; Capstone takes op0 2 for 3 in
 * writes. */
static bool is_register_name(const struct difference *d)
{
    bool is_read = strcmp(d->info->name, "mrs") == 0;
    if (!is_read && strcmp(d->info->name, "msr") != 0)
        return false;
    if (!*d->ours || !*d->capstones)
        return false;
    unsigned op0 = 2 + field(d, 19, 1);
    const char *ours = register_of(d->ours, is_read), *capstones = register_of(d->capstones, is_read);
    return is_generic_register(d, ours, op0) || is_generic_register(d, capstones, op0) ||
           is_generic_register(d, capstones, 3);
}

/* Loads of a pair into one register, and loads and stores with write-back whose base they transfer as well,
 * are instructions with an effect left open. Capstone says so of LDTR too, which writes nothing back. */
static bool is_unpredictable(const struct difference *d)
{
    unsigned rt = field(d, 0, 5), rn = field(d, 5, 5), rt2 = field(d, 10, 5);
    bool pair =
        name_starts(d, "ldp") || name_starts(d, "ldnp") || name_starts(d, "stp") || name_starts(d, "ldxp");
    bool based = name_ends(d, "_pre") || name_ends(d, "_post") || name_ends(d, "_tr");
    return only_ours(d) &&
           ((pair && d->info->name[0] == 'l' && rt == rt2) || (based && (rt == rn || (pair && rt2 == rn))));
}

static bool is_negative_post_index(const struct difference *d)
{
    const char *ours = strrchr(d->ours, '#'), *capstones = strrchr(d->capstones, '#');
    if (!name_ends(d, "_post") || !ours || !capstones || ours[1] != '-')
        return false;
    return (int64_t)strtoull(capstones + 1, NULL, 0) == strtoll(ours + 1, NULL, 0) &&
           ours - d->ours == capstones - d->capstones &&
           strncmp(d->ours, d->capstones, (size_t)(ours - d->ours)) == 0;
}

/* Bits 20:19 of zero are PSTATE fields, barriers and hints; the rest of that space is unallocated. */
static bool is_unallocated_system(const struct difference *d)
{
    return only_capstones(d) && (starts(d->capstones, "msr s3_") || starts(d->capstones, "mrs ")) &&
           field(d, 19, 2) == 0;
}

/* One encoding, two registers: read it receives, written it transmits. */
static bool is_debug_transfer(const struct difference *d)
{
    return strcmp(d->info->name, "msr") == 0 && starts(d->ours, "msr dbgdtrrx_el0") &&
           starts(d->capstones, "msr dbgdtrtx_el0");
}

/* DUP and INS ignore the bits of imm5 and imm4 that the lane's size leaves over (C7.2.103, C7.2.175). */
static bool has_ignored_bits(const struct difference *d)
{
    if (strcmp(d->info->name, "dup_general") != 0 && strcmp(d->info->name, "ins_elem") != 0)
        return false;
    unsigned imm5 = field(d, 16, 5), imm4 = field(d, 11, 4), lane = imm5 & -imm5;
    return only_ours(d) && (d->info->name[0] == 'd' ? imm5 != lane : imm4 & (lane - 1));
}

static bool is_alias_of_al(const struct difference *d)
{
    return name_starts(d, "cs") && field(d, 12, 4) == 14 && strstr(d->capstones, ", nv");
}

static const struct explanation explained[] = {
    {"the feature is newer than Capstone", 0xf8200041, is_newer},
    {"the name is newer than Capstone", 0xd503245f, is_newly_named},
    {"known to the tables, and not implemented", 0xd4bee881, is_unimplemented},
    {"a system register without a name", 0xd53103df, is_register_name},
    {"DBGDTRTX_EL0, which is DBGDTRRX_EL0 when read", 0xd5130518, is_debug_transfer},
    {"unallocated, which Capstone takes for MSR or MRS", 0xd505eeca, is_unallocated_system},
    {"CONSTRAINED UNPREDICTABLE registers: Capstone knows no instruction", 0xa846ff1f, is_unpredictable},
    {"a negative post-index: Capstone prints it without a sign", 0xb815d7e1, is_negative_post_index},
    {"ignored bits that are not zero: Capstone knows no instruction", 0x6e041799, has_ignored_bits},
    {"CSINC and the like on AL are no CINC on NV (C6.2.65: 'when cond is not 111x')", 0x9a94e681,
     is_alias_of_al},
};

const unsigned disasm_explanation_count = sizeof explained / sizeof explained[0];

const char *disasm_explanation(unsigned index, uint32_t *example)
{
    *example = explained[index].example;
    return explained[index].reason;
}

int disasm_explained_by(const struct difference *difference)
{
    for (unsigned i = 0; i < disasm_explanation_count; i++)
        if (explained[i].covers(difference))
            return (int)i;
    return -1;
}
