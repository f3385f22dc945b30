/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hostcall/program.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "isa/arm64/user.h"

#define PAGE_DOWN(n) ((n) & ~(PAGE_SIZE_BYTES - 1))
#define PAGE_UP(n)   PAGE_DOWN((n) + PAGE_SIZE_BYTES - 1)

#define MAX_HEADERS      128u
#define MAX_NOTE_BYTES   1024u
#define NOTE_PROPERTY    5u /* NT_GNU_PROPERTY_TYPE_0 */
#define PROPERTY_AARCH64 0xc0000000u
#define PROPERTY_BTI     1u

enum program_kind program_kind(const uint8_t *bytes, size_t length)
{
    Elf64_Ehdr header;
    if (length >= 2 && bytes[0] == '#' && bytes[1] == '!')
        return PROGRAM_SCRIPT;
    if (length < sizeof header || memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return PROGRAM_NONE;
    memcpy(&header, bytes, sizeof header);
    if (header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == ELFDATA2LSB &&
        header.e_machine == EM_AARCH64)
        return PROGRAM_GUEST;
    if (header.e_ident[EI_DATA] == ELFDATA2LSB && (header.e_machine == EM_X86_64 || header.e_machine == EM_386))
        return PROGRAM_HOST;
    return PROGRAM_NONE;
}

/* --- planning --------------------------------------------------------------------------------------- */

struct source {
    const char *name;
    uint64_t length;
    bool (*read)(void *context, void *to, uint64_t offset, size_t bytes);
    void *context;
};

static bool within(const struct source *source, uint64_t offset, uint64_t bytes)
{
    return offset <= source->length && bytes <= source->length - offset;
}

static bool check_header(const struct source *source, const Elf64_Ehdr *header, struct error *error)
{
    const char *name = source->name;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(error, "%s: is no ELF program", name);
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_AARCH64)
        return error_set(error, "%s: is a program for another processor (ELF machine %u); exec runs AArch64 ones", name,
                         header->e_machine);
    if (header->e_ident[EI_DATA] != ELFDATA2LSB)
        return error_set(error, "%s: is a big-endian program; exec runs little-endian ones", name);
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return error_set(error, "%s: is not linked to a program (ELF type %u)", name, header->e_type);
    if (!header->e_phnum || header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > MAX_HEADERS)
        return error_set(error, "%s: damaged: has %u program headers of %u bytes", name, header->e_phnum,
                         header->e_phentsize);
    if (!within(source, header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr)))
        return error_set(error, "%s: truncated: its program headers lie behind its end", name);
    return true;
}

static bool plan_segment(struct program_plan *plan, const struct source *source, const Elf64_Phdr *header,
                         struct error *error)
{
    const char *name = source->name;
    if (!header->p_memsz)
        return true;
    if (plan->count == PROGRAM_MAX_SEGMENTS)
        return error_set(error, "%s: has more than %u segments", name, PROGRAM_MAX_SEGMENTS);
    if (header->p_filesz > header->p_memsz)
        return error_set(error, "%s: damaged: a segment is longer in the file than in memory", name);
    if (!within(source, header->p_offset, header->p_filesz))
        return error_set(error, "%s: truncated: a segment lies behind its end", name);
    if (header->p_vaddr >= USER_SPACE_BYTES || header->p_memsz > USER_SPACE_BYTES - header->p_vaddr)
        return error_set(error, "%s: a segment at %#" PRIx64 " of %#" PRIx64 " bytes lies outside the address space",
                         name, (uint64_t)header->p_vaddr, (uint64_t)header->p_memsz);
    if ((header->p_vaddr ^ header->p_offset) % PAGE_SIZE_BYTES)
        return error_set(error, "%s: damaged: a segment's place in its page differs between file and memory", name);
    if (plan->count && PAGE_DOWN(header->p_vaddr) < plan->highest)
        return error_set(error, "%s: damaged: segments overlap, or are not in order", name);
    struct program_segment *segment = &plan->segments[plan->count++];
    *segment = (struct program_segment){
        .address = header->p_vaddr,
        .file_offset = header->p_offset,
        .file_bytes = header->p_filesz,
        .memory_bytes = header->p_memsz,
        .prot = (header->p_flags & PF_R ? PROT_READ : 0) | (header->p_flags & PF_W ? PROT_WRITE : 0) |
                (header->p_flags & PF_X ? PROT_EXEC : 0),
    };
    if (plan->count == 1)
        plan->lowest = PAGE_DOWN(segment->address);
    plan->highest = PAGE_UP(segment->address + segment->memory_bytes);
    return true;
}

static bool plan_interpreter(struct program_plan *plan, const struct source *source, const Elf64_Phdr *header,
                             struct error *error)
{
    const uint64_t bytes = header->p_filesz;
    if (bytes < 2 || bytes > sizeof plan->interpreter || !within(source, header->p_offset, bytes) ||
        !source->read(source->context, plan->interpreter, header->p_offset, bytes) || plan->interpreter[bytes - 1])
        return error_set(error, "%s: damaged: the name of its interpreter", source->name);
    return true;
}

/* Looks for the property that says that all code has landing pads. What cannot be read says nothing. */
static void plan_property(struct program_plan *plan, const struct source *source, const Elf64_Phdr *header)
{
    uint8_t note[MAX_NOTE_BYTES];
    uint32_t words[6]; /* name and description bytes, type, "GNU", property, its bytes */
    const uint64_t bytes = header->p_filesz;
    if (bytes < sizeof words + 4 || bytes > sizeof note || !within(source, header->p_offset, bytes) ||
        !source->read(source->context, note, header->p_offset, bytes))
        return;
    memcpy(words, note, sizeof words);
    if (words[0] != 4 || words[2] != NOTE_PROPERTY || memcmp(&words[3], "GNU", 4) != 0)
        return;
    for (uint64_t at = 16; at + 12 <= bytes;) {
        uint32_t type, length, value;
        memcpy(&type, note + at, 4);
        memcpy(&length, note + at + 4, 4);
        memcpy(&value, note + at + 8, 4);
        if (type == PROPERTY_AARCH64 && length == 4)
            plan->guarded = value & PROPERTY_BTI;
        at += 8 + ((uint64_t)length + 7) / 8 * 8;
    }
}

static uint64_t address_of_headers(const struct program_plan *plan, const Elf64_Ehdr *header)
{
    const uint64_t offset = header->e_phoff, bytes = header->e_phnum * sizeof(Elf64_Phdr);
    for (unsigned i = 0; i < plan->count; i++) {
        const struct program_segment *segment = &plan->segments[i];
        if (offset >= segment->file_offset && offset - segment->file_offset + bytes <= segment->file_bytes)
            return segment->address + (offset - segment->file_offset);
    }
    return 0;
}

bool program_plan(struct program_plan *plan, const char *name, uint64_t length,
                  bool (*read)(void *context, void *to, uint64_t offset, size_t bytes), void *context,
                  struct error *error)
{
    const struct source source = {name, length, read, context};
    Elf64_Ehdr header;
    Elf64_Phdr headers[MAX_HEADERS];
    memset(plan, 0, sizeof *plan);
    if (length < sizeof header || !read(context, &header, 0, sizeof header))
        return error_set(error, "%s: is no program: it has %" PRIu64 " bytes", name, length);
    if (!check_header(&source, &header, error))
        return false;
    if (!read(context, headers, header.e_phoff, header.e_phnum * sizeof headers[0]))
        return error_set(error, "%s: its program headers cannot be read", name);
    for (unsigned i = 0; i < header.e_phnum; i++) {
        const Elf64_Phdr *at = &headers[i];
        if ((at->p_type == PT_LOAD && !plan_segment(plan, &source, at, error)) ||
            (at->p_type == PT_INTERP && !plan_interpreter(plan, &source, at, error)))
            return false;
        if (at->p_type == PT_GNU_PROPERTY)
            plan_property(plan, &source, at);
    }
    if (!plan->count)
        return error_set(error, "%s: has no segment to load", name);
    plan->movable = header.e_type == ET_DYN;
    if (!plan->movable && plan->lowest < SPACE_LOWEST)
        return error_set(error, "%s: wants to lie at %#" PRIx64 "; the lowest address is %#llx", name, plan->lowest,
                         SPACE_LOWEST);
    plan->entry = header.e_entry;
    plan->headers = address_of_headers(plan, &header);
    plan->header_count = header.e_phnum;
    return true;
}

/* --- mapping ---------------------------------------------------------------------------------------- */

static bool map_segment(struct space *space, const struct program_segment *segment, uint64_t bias, int fd, int prot)
{
    const uint64_t start = PAGE_DOWN(segment->address) + bias, in_page = segment->address % PAGE_SIZE_BYTES;
    const uint64_t file_end = segment->address + bias + segment->file_bytes;
    const uint64_t end = PAGE_UP(segment->address + bias + segment->memory_bytes);
    const uint64_t mapped = segment->file_bytes ? PAGE_UP(file_end) : start;
    if (segment->file_bytes &&
        space_map(space, start, mapped - start, prot, MAP_PRIVATE | MAP_FIXED, fd, segment->file_offset - in_page) < 0)
        return false;
    if (mapped < end &&
        space_map(space, mapped, end - mapped, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) < 0)
        return false;
    if (segment->memory_bytes > segment->file_bytes && prot & PROT_WRITE && file_end < mapped)
        memset((void *)file_end, 0, mapped - file_end);
    return true;
}

bool program_map(struct space *space, const struct program_plan *plan, int fd, uint64_t bias, const char *name,
                 struct program_image *image, struct error *error)
{
    if (!plan->movable)
        bias = 0;
    for (unsigned i = 0; i < plan->count; i++) {
        const struct program_segment *segment = &plan->segments[i];
        const int guard = plan->guarded && segment->prot & PROT_EXEC ? (int)SPACE_PROT_BTI : 0;
        if (!map_segment(space, segment, bias, fd, segment->prot | guard))
            return error_set(error, "%s: the host does not map a segment at %#" PRIx64 ": %s", name,
                             segment->address + bias, strerror(errno));
    }
    *image = (struct program_image){
        .bias = bias,
        .entry = plan->entry + bias,
        .headers = plan->headers ? plan->headers + bias : 0,
        .end = plan->highest + bias,
        .header_count = plan->header_count,
    };
    return true;
}

static bool read_file(void *context, void *to, uint64_t offset, size_t bytes)
{
    return pread(*(int *)context, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

int program_open(const char *path, struct program_plan *plan, struct error *error)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) != 0) {
        error_set(error, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (!S_ISREG(about.st_mode))
        error_set(error, "%s: is no file", path);
    else if (program_plan(plan, path, (uint64_t)about.st_size, read_file, &fd, error))
        return fd;
    close(fd);
    return -1;
}
