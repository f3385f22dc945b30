/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels and bare-metal programs as AArch64 ELF executables (ELF-64 object file format, version 1.5): loaded
 * at their physical addresses. */
#include <elf.h>
#include <inttypes.h>
#include <string.h>
#include "machine/kernel.h"

bool elf_matches(const uint8_t *bytes, size_t length)
{
    return length >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

/* The checks on the file's header: what it is, and that its program headers lie within it. */
static bool check_header(const struct file *file, const Elf64_Ehdr *header, struct error *error)
{
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_AARCH64)
        return error_set(error, "kernel %s: an ELF file of another processor; give one for AArch64",
                         file->name);
    if (header->e_ident[EI_DATA] != ELFDATA2LSB)
        return error_set(error, "kernel %s: is big-endian; give a little-endian one", file->name);
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return error_set(error, "kernel %s: an ELF file that is not linked; link it first", file->name);
    if (header->e_phnum == 0 || header->e_phentsize != sizeof(Elf64_Phdr))
        return error_set(error, "kernel %s: an ELF file with nothing to load; give an executable",
                         file->name);
    uint64_t table_bytes = (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);
    if (header->e_phoff > file->length || table_bytes > file->length - header->e_phoff)
        return error_set(error, "kernel %s: truncated: its program headers lie behind the file's end",
                         file->name);
    return true;
}

static bool load_segment(struct bus *bus, const struct file *file, const Elf64_Phdr *segment,
                         struct error *error)
{
    if (segment->p_filesz > segment->p_memsz)
        return error_set(error, "kernel %s: damaged: a segment is longer in the file than in memory",
                         file->name);
    if (segment->p_offset > file->length || segment->p_filesz > file->length - segment->p_offset)
        return error_set(error, "kernel %s: truncated: a segment ends behind the file's end", file->name);
    uint8_t *to = bus_dma_writable(bus, segment->p_paddr, segment->p_memsz);
    if (!to)
        return error_set(error,
                         "kernel %s: a segment at 0x%" PRIx64 " of 0x%" PRIx64 " bytes lies outside memory "
                         "(0x%" PRIx64 " to 0x%" PRIx64
                         "); link it there, give more --memory, or (for Linux) "
                         "give its Image",
                         file->name, (uint64_t)segment->p_paddr, (uint64_t)segment->p_memsz, bus->ram.base,
                         bus->ram.base + bus->ram.size_bytes);
    memcpy(to, file->bytes + segment->p_offset, segment->p_filesz);
    memset(to + segment->p_filesz, 0, segment->p_memsz - segment->p_filesz);
    return true;
}

bool elf_load(struct bus *bus, const struct file *file, struct kernel_placement *placement,
              struct error *error)
{
    Elf64_Ehdr header;
    if (file->length < sizeof header)
        return error_set(error, "kernel %s: truncated: shorter than an ELF header", file->name);
    memcpy(&header, file->bytes, sizeof header);
    if (!check_header(file, &header, error))
        return false;

    *placement = (struct kernel_placement){.start = UINT64_MAX, .entry = header.e_entry};
    bool entry_found = false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, file->bytes + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type != PT_LOAD || segment.p_memsz == 0)
            continue;
        if (!load_segment(bus, file, &segment, error))
            return false;
        if (segment.p_paddr < placement->start)
            placement->start = segment.p_paddr;
        if (segment.p_paddr + segment.p_memsz > placement->end)
            placement->end = segment.p_paddr + segment.p_memsz;
        /* The entry is a virtual address; the processor starts with the MMU off. */
        if (!entry_found && header.e_entry - segment.p_vaddr < segment.p_memsz) {
            placement->entry = header.e_entry - segment.p_vaddr + segment.p_paddr;
            entry_found = true;
        }
    }
    if (!entry_found || placement->entry % 4)
        return error_set(error, "kernel %s: its entry point 0x%" PRIx64 " is not in any segment", file->name,
                         (uint64_t)header.e_entry);
    return true;
}
