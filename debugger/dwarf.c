/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ELF symbols, lines and call frames, by libelf and libdw. A file's addresses are moved by its bias. An annex
 * (machine/contract/annex.h). */
#include "debugger/dwarf.h"
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPERATIONS_MAX 32u

struct file {
    struct file *next;
    int fd;
    Elf *elf;
    Dwarf *dwarf;   /* NULL: none */
    Dwarf_CFI *cfi; /* NULL: none */
    uint64_t bias;
};

static struct file *files;

/* --- loading --------------------------------------------------------------------------------------- */

static char letter_of(const GElf_Sym *symbol, bool code)
{
    char letter = GELF_ST_TYPE(symbol->st_info) == STT_FUNC || code ? 't' : 'd';
    return GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? letter : (char)(letter - 32);
}

static size_t read_symbols(struct session *session, struct file *file, const char *path)
{
    Elf_Scn *section = NULL;
    size_t count = 0;
    const char *slash = strrchr(path, '/');
    while ((section = elf_nextscn(file->elf, section))) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM) ||
            !header.sh_entsize)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        for (size_t i = 0; data && i < header.sh_size / header.sh_entsize && i <= INT32_MAX; i++) {
            GElf_Sym symbol;
            GElf_Shdr in;
            if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF ||
                GELF_ST_TYPE(symbol.st_info) > STT_FUNC)
                continue;
            const char *name = elf_strptr(file->elf, header.sh_link, symbol.st_name);
            Elf_Scn *its = elf_getscn(file->elf, symbol.st_shndx);
            bool code = its && gelf_getshdr(its, &in) && in.sh_flags & SHF_EXECINSTR;
            if (!name || !*name || *name == '$')
                continue;
            symbols_add(session->symbols, symbol.st_value + file->bias, symbol.st_size, letter_of(&symbol, code), name,
                        file->bias && slash ? slash + 1 : NULL);
            count++;
        }
    }
    symbols_sort(session->symbols);
    return count;
}

static bool is_arm64(Elf *elf)
{
    GElf_Ehdr header;
    return elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) && header.e_machine == EM_AARCH64;
}

static bool load(struct session *session, const char *path, uint64_t bias, struct error *error)
{
    struct file *file = host_alloc(1, sizeof *file);
    elf_version(EV_CURRENT);
    file->bias = bias;
    file->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file->fd < 0) {
        error_set(error, "%s cannot be read: %s", path, strerror(errno));
        free(file);
        return false;
    }
    file->elf = elf_begin(file->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
    if (!file->elf || !is_arm64(file->elf)) {
        error_set(error, "%s is no ELF file for AArch64", path);
        elf_end(file->elf);
        close(file->fd);
        free(file);
        return false;
    }
    size_t count = read_symbols(session, file, path);
    file->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
    file->cfi = file->dwarf ? dwarf_getcfi(file->dwarf) : NULL;
    if (!file->cfi)
        file->cfi = dwarf_getcfi_elf(file->elf);
    file->next = files;
    files = file;
    say(session, "%zu symbols from %s%s\n", count, path, file->dwarf ? ", with DWARF" : "");
    return true;
}

/* --- lines ----------------------------------------------------------------------------------------- */

static bool find_line(uint64_t address, struct source_line *line)
{
    for (const struct file *file = files; file; file = file->next) {
        Dwarf_Die unit;
        int number;
        if (!file->dwarf || !dwarf_addrdie(file->dwarf, address - file->bias, &unit))
            continue;
        Dwarf_Line *found = dwarf_getsrc_die(&unit, address - file->bias);
        if (!found || dwarf_lineno(found, &number) || number <= 0)
            continue;
        const char *name = dwarf_linesrc(found, NULL, NULL);
        *line = (struct source_line){name ? name : "?", (unsigned)number};
        return true;
    }
    return false;
}

/* Whether a path of the file's is the one that is meant: the same, or it ends with it. */
static bool is_source(const char *path, const char *wanted)
{
    size_t length = strlen(path), end = strlen(wanted);
    return length >= end && !strcmp(path + length - end, wanted) && (length == end || path[length - end - 1] == '/');
}

static bool find_address(const char *name, unsigned number, uint64_t *address)
{
    bool found = false;
    *address = UINT64_MAX;
    for (const struct file *file = files; file; file = file->next) {
        Dwarf_Off offset = 0, next;
        size_t header;
        while (file->dwarf && !dwarf_nextcu(file->dwarf, offset, &next, &header, NULL, NULL, NULL)) {
            Dwarf_Die unit;
            Dwarf_Lines *lines;
            size_t count;
            if (dwarf_offdie(file->dwarf, offset + header, &unit) && !dwarf_getsrclines(&unit, &lines, &count))
                for (size_t i = 0; i < count; i++) {
                    Dwarf_Line *line = dwarf_onesrcline(lines, i);
                    int at;
                    bool statement;
                    Dwarf_Addr where;
                    const char *source = dwarf_linesrc(line, NULL, NULL);
                    if (dwarf_lineno(line, &at) || (unsigned)at != number || !source || !is_source(source, name) ||
                        dwarf_linebeginstatement(line, &statement) || !statement || dwarf_lineaddr(line, &where))
                        continue;
                    if (where + file->bias < *address)
                        *address = where + file->bias;
                    found = true;
                }
            offset = next;
        }
    }
    return found;
}

/* --- call frames ----------------------------------------------------------------------------------- */

static Dwarf_Frame *find_frame(uint64_t pc)
{
    Dwarf_Frame *frame = NULL;
    for (const struct file *file = files; file; file = file->next)
        if (file->cfi && !dwarf_cfi_addrframe(file->cfi, pc - file->bias, &frame))
            return frame;
    return NULL;
}

static bool knows_frame(struct session *session, uint64_t pc)
{
    Dwarf_Frame *frame = files ? find_frame(pc) : NULL;
    free(frame);
    return frame != NULL;
}

static bool register_of(const struct unwinding *state, unsigned number, uint64_t *value)
{
    *value = number == 31   ? state->sp
             : number == 29 ? state->fp
             : number == 30 ? state->lr
             : number < 29  ? state->x[number]
                            : 0;
    return number <= 31 && (number >= 29 || state->has_x);
}

/* The operations that compilers use for AArch64 frames: a register and an offset, the CFA, and a load. `cfa`: where
 * DW_OP_call_frame_cfa is. What else there may be is not known. */
static bool compute(const struct unwinding *state, const struct space *space, uint64_t cfa, const Dwarf_Op *ops,
                    size_t count, bool *is_value, uint64_t *result)
{
    uint64_t stack[OPERATIONS_MAX], value;
    unsigned depth = 0;
    *is_value = false;
    for (size_t i = 0; i < count; i++) {
        const Dwarf_Op *op = &ops[i];
        if (depth + 1 >= OPERATIONS_MAX)
            return false;
        if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
            if (!register_of(state, op->atom - DW_OP_breg0, &value))
                return false;
            stack[depth++] = value + op->number;
        } else if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) {
            if (!register_of(state, op->atom - DW_OP_reg0, &value))
                return false;
            stack[depth++] = value;
            *is_value = true;
        } else if (op->atom == DW_OP_bregx) {
            if (!register_of(state, (unsigned)op->number, &value))
                return false;
            stack[depth++] = value + op->number2;
        } else if (op->atom == DW_OP_call_frame_cfa) {
            stack[depth++] = cfa;
        } else if (op->atom == DW_OP_plus_uconst && depth) {
            stack[depth - 1] += op->number;
        } else if (op->atom == DW_OP_stack_value) {
            *is_value = true;
        } else if (op->atom == DW_OP_deref && depth) {
            if (!space_read_u64(space, stack[depth - 1], &stack[depth - 1]))
                return false;
        } else {
            return false;
        }
    }
    *result = depth ? stack[depth - 1] : 0;
    return depth > 0;
}

/* A register of the caller. What the frame leaves alone is as it was. */
static bool caller_register(Dwarf_Frame *frame, const struct unwinding *state, const struct space *space, uint64_t cfa,
                            unsigned number, uint64_t *value)
{
    Dwarf_Op room[3], *ops;
    size_t count;
    bool is_value;
    if (dwarf_frame_register(frame, (int)number, room, &ops, &count))
        return false;
    if (!count) /* undefined (and no operations), or the same as before (and ops is not NULL) */
        return ops ? false : register_of(state, number, value);
    if (!compute(state, space, cfa, ops, count, &is_value, value))
        return false;
    return is_value || space_read_u64(space, *value, value);
}

static bool unwind(struct session *session, const struct space *space, struct unwinding *state)
{
    Dwarf_Frame *frame = files ? find_frame(state->pc - (state->is_return ? 1 : 0)) : NULL;
    Dwarf_Op *ops;
    size_t count;
    bool is_value;
    uint64_t cfa;
    if (!frame)
        return false;
    struct unwinding caller = *state;
    bool good = !dwarf_frame_cfa(frame, &ops, &count) && compute(state, space, 0, ops, count, &is_value, &cfa);
    good = good && caller_register(frame, state, space, cfa, 29, &caller.fp) &&
           caller_register(frame, state, space, cfa, 30, &caller.lr);
    free(frame);
    if (!good || (cfa == state->sp && caller.lr == state->pc))
        return false;
    caller.sp = cfa;
    caller.pc = caller.lr;
    caller.is_return = true;
    caller.has_x = false;
    *state = caller;
    return true;
}

const struct dwarf_annex annex = {load, find_line, find_address, knows_frame, unwind};
