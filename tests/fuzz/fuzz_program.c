/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: programs for `armature exec`. The first byte says how to dress up the rest, so that random bytes get
 * past the header. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include "hostcall/program.h"
#include "isa/arm64/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum dress { PLAIN, HEADER, SEGMENTS, INTERPRETER, PROPERTY, DRESSES };

struct bytes {
    uint8_t *at;
    size_t length;
};

static void set(struct bytes *bytes, size_t offset, const void *value, size_t length)
{
    if (offset <= bytes->length && length <= bytes->length - offset)
        memcpy(bytes->at + offset, value, length);
}

static void dress_up(struct bytes *bytes, enum dress dress)
{
    static const uint32_t types[DRESSES] = {0, 0, PT_LOAD, PT_INTERP, PT_GNU_PROPERTY};
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB}};
    if (dress == PLAIN)
        return;
    memcpy((uint8_t *)&header + 16, bytes->at + 16, bytes->length < sizeof header ? 0 : sizeof header - 16);
    header.e_type = header.e_type & 1 ? ET_EXEC : ET_DYN;
    header.e_machine = EM_AARCH64;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = (uint16_t)(1 + header.e_phnum % 4);
    header.e_phoff = sizeof header;
    set(bytes, 0, &header, sizeof header);
    for (unsigned i = 0; i < header.e_phnum && dress > HEADER; i++) {
        const size_t at = sizeof header + i * sizeof(Elf64_Phdr);
        static const uint8_t none[6];
        set(bytes, at, i ? &types[SEGMENTS] : &types[dress], 4);
        for (unsigned word = 1; word < 6; word++) /* small numbers: what lies within the file is worth more */
            set(bytes, at + 8 * word + 2, none, 6);
    }
}

static bool read_bytes(void *context, void *to, uint64_t offset, size_t count)
{
    const struct bytes *bytes = context;
    if (offset > bytes->length || count > bytes->length - offset)
        return false;
    memcpy(to, bytes->at + offset, count);
    return true;
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct program_plan plan;
    struct error error = {""};
    if (!size)
        return 0;
    struct bytes bytes = {malloc(size), size - 1};
    memcpy(bytes.at, data + 1, size - 1);
    dress_up(&bytes, data[0] % DRESSES);
    program_kind(bytes.at, bytes.length);
    if (program_plan(&plan, "fuzz", bytes.length, read_bytes, &bytes, &error)) {
        uint64_t end = 0;
        must(plan.count && plan.count <= PROGRAM_MAX_SEGMENTS && memchr(plan.interpreter, 0, sizeof plan.interpreter));
        for (unsigned i = 0; i < plan.count; i++) {
            const struct program_segment *segment = &plan.segments[i];
            must(segment->address >= end && segment->memory_bytes && segment->file_bytes <= segment->memory_bytes);
            must(segment->file_offset + segment->file_bytes <= bytes.length);
            end = (segment->address + segment->memory_bytes + 4095) & ~4095ull;
        }
        must(end <= USER_SPACE_BYTES && plan.highest == end);
    } else {
        must(error.text[0]); /* a refusal has its reason */
    }
    free(bytes.at);
    return 0;
}
