/* SPDX-License-Identifier: GPL-3.0-or-later */
/* linux-vdso.so.1, with what arch/arm64/kernel/vdso/vdso.lds.S of Linux lists, under its version. Its functions make
 * the call: that is quick enough here, and there is one truth about time (linux_process.c). Libraries find them by
 * name; who walks a stack knows what handlers return to by its two instructions, and that nothing else is said of
 * them. */
#include "hostcall/vdso.h"
#include <elf.h>
#include <stddef.h>
#include <string.h>

#define VERSION "LINUX_2.6.39"
#define SONAME  "linux-vdso.so.1"

enum { NUMBER_CLOCK_GETTIME = 113, NUMBER_CLOCK_GETRES = 114, NUMBER_SIGRETURN = 139, NUMBER_GETTIMEOFDAY = 169 };

static const struct function {
    const char *name;
    uint32_t number; /* of the call that it makes */
} functions[] = {
    {"__kernel_rt_sigreturn", NUMBER_SIGRETURN},
    {"__kernel_gettimeofday", NUMBER_GETTIMEOFDAY},
    {"__kernel_clock_gettime", NUMBER_CLOCK_GETTIME},
    {"__kernel_clock_getres", NUMBER_CLOCK_GETRES},
};

#define FUNCTIONS      (sizeof functions / sizeof *functions)
#define SYMBOLS        (FUNCTIONS + 1)
#define FUNCTION_BYTES 16u

/* NOP, for those who look at the instruction before the one that is returned to; MOV X8, #number; SVC #0; RET. */
#define INSN_NOP    0xd503201fu
#define INSN_MOV_X8 0xd2800008u
#define INSN_SVC    0xd4000001u
#define INSN_RET    0xd65f03c0u

/* The image's parts, in their order. */
struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segments[2];
    Elf64_Dyn dynamic[10];
    Elf64_Sym symbols[SYMBOLS];
    struct {
        Elf64_Verdef entry;
        Elf64_Verdaux name;
    } versions[2];
    uint32_t hash[2 + 1 + SYMBOLS]; /* one chain with all */
    uint16_t version_of[SYMBOLS];
    char strings[192];
    uint32_t code[FUNCTIONS][FUNCTION_BYTES / 4] __attribute__((aligned(16)));
};

_Static_assert(sizeof(struct image) <= VDSO_BYTES, "it is one page");

/* The hash of System V's ABI, by which versions are compared. */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = 0;
    for (; *name; name++) {
        hash = (hash << 4) + (uint8_t)*name;
        const uint32_t high = hash & 0xf0000000;
        hash = (hash ^ high >> 24) & ~high;
    }
    return hash;
}

/* The place of a name among the strings, where it comes to stand. */
static uint32_t add_string(struct image *image, uint32_t *used, const char *text)
{
    const uint32_t at = *used;
    strcpy(image->strings + at, text);
    *used += (uint32_t)strlen(text) + 1;
    return at;
}

static void fill_symbols(struct image *image, uint32_t *used)
{
    image->hash[0] = 1; /* buckets */
    image->hash[1] = SYMBOLS;
    image->hash[2] = 1;
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        const unsigned symbol = i + 1;
        image->symbols[symbol] = (Elf64_Sym){
            .st_name = add_string(image, used, functions[i].name),
            .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
            .st_shndx = 1, /* defined; of sections nothing is said */
            .st_value = offsetof(struct image, code[i][1]),
            .st_size = FUNCTION_BYTES - 4,
        };
        image->hash[3 + symbol] = symbol < FUNCTIONS ? symbol + 1 : 0;
        image->version_of[symbol] = 2;
        const uint32_t code[] = {INSN_NOP, INSN_MOV_X8 | functions[i].number << 5, INSN_SVC, INSN_RET};
        memcpy(image->code[i], code, sizeof code);
    }
}

static void fill_versions(struct image *image, uint32_t soname, uint32_t version)
{
    for (unsigned i = 0; i < 2; i++) {
        image->versions[i].entry = (Elf64_Verdef){
            .vd_version = VER_DEF_CURRENT,
            .vd_flags = i ? 0 : VER_FLG_BASE,
            .vd_ndx = (uint16_t)(i + 1),
            .vd_cnt = 1,
            .vd_hash = hash_of(i ? VERSION : SONAME),
            .vd_aux = sizeof(Elf64_Verdef),
            .vd_next = i ? 0 : sizeof image->versions[0],
        };
        image->versions[i].name = (Elf64_Verdaux){.vda_name = i ? version : soname};
    }
}

uint32_t vdso_build(uint8_t bytes[VDSO_BYTES])
{
    struct image image;
    uint32_t used = 1;
    memset(&image, 0, sizeof image);
    memset(bytes, 0, VDSO_BYTES);
    image.header = (Elf64_Ehdr){
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_DYN,
        .e_machine = EM_AARCH64,
        .e_version = EV_CURRENT,
        .e_phoff = offsetof(struct image, segments),
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 2,
        .e_shentsize = sizeof(Elf64_Shdr),
    };
    image.segments[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                                     .p_flags = PF_R | PF_X,
                                     .p_filesz = VDSO_BYTES,
                                     .p_memsz = VDSO_BYTES,
                                     .p_align = VDSO_BYTES};
    image.segments[1] = (Elf64_Phdr){.p_type = PT_DYNAMIC,
                                     .p_flags = PF_R,
                                     .p_offset = offsetof(struct image, dynamic),
                                     .p_vaddr = offsetof(struct image, dynamic),
                                     .p_paddr = offsetof(struct image, dynamic),
                                     .p_filesz = sizeof image.dynamic,
                                     .p_memsz = sizeof image.dynamic,
                                     .p_align = 8};
    const uint32_t soname = add_string(&image, &used, SONAME), version = add_string(&image, &used, VERSION);
    fill_symbols(&image, &used);
    fill_versions(&image, soname, version);
    const Elf64_Dyn dynamic[] = {
        {DT_SONAME, {soname}},
        {DT_HASH, {offsetof(struct image, hash)}},
        {DT_STRTAB, {offsetof(struct image, strings)}},
        {DT_SYMTAB, {offsetof(struct image, symbols)}},
        {DT_STRSZ, {used}},
        {DT_SYMENT, {sizeof(Elf64_Sym)}},
        {DT_VERSYM, {offsetof(struct image, version_of)}},
        {DT_VERDEF, {offsetof(struct image, versions)}},
        {DT_VERDEFNUM, {2}},
        {DT_NULL, {0}},
    };
    _Static_assert(sizeof dynamic == sizeof image.dynamic, "all of it");
    memcpy(image.dynamic, dynamic, sizeof dynamic);
    memcpy(bytes, &image, sizeof image);
    return offsetof(struct image, code[0][1]);
}
