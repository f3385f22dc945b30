/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `info` about address translation: the steps of a walk, the registers that rule it, what is mapped. */
#include <inttypes.h>
#include <string.h>
#include "debugger/command/command.h"
#include "debugger/view/expression.h"
#include "debugger/command/info.h"
#include "isa/arm64/exception.h"
#include "isa/arm64/mmu.h"

static void say_flags(struct session *session, uint32_t flags)
{
    say(session, "EL1 %s%s%s  EL0 %s%s%s  attributes 0x%02x%s%s", flags & MAY_READ_EL1 ? "r" : "-",
        flags & MAY_WRITE_EL1 ? "w" : "-", flags & MAY_EXECUTE_EL1 ? "x" : "-", flags & MAY_READ_EL0 ? "r" : "-",
        flags & MAY_WRITE_EL0 ? "w" : "-", flags & MAY_EXECUTE_EL0 ? "x" : "-", flags >> ATTRIBUTES_SHIFT,
        flags & IS_DEVICE ? " device" : "", flags & CLEAN_PAGE ? " clean" : "");
}

/* The tables that the walk went through, told again: each level's index and descriptor. */
static void tell_steps(struct session *session, const struct cpu *cpu, uint64_t va)
{
    static const uint8_t granules[2][4] = {{12, 16, 14, 12}, {12, 14, 12, 16}};
    bool upper = va >> 55 & 1;
    uint64_t tcr = cpu->sys.TCR_EL1;
    unsigned offset = upper ? tcr >> 16 & 63 : tcr & 63,
             granule = granules[upper][upper ? tcr >> 30 & 3 : tcr >> 14 & 3];
    if (offset < 16 || offset > 39) {
        say(session, "TCR_EL1 gives that half no addresses\n");
        return;
    }
    unsigned stride = granule - 3, input_bits = 64 - offset, level = 4 - (input_bits - granule + stride - 1) / stride;
    unsigned low_bit = granule + (3 - level) * stride;
    uint64_t table =
        (upper ? cpu->sys.TTBR1_EL1 : cpu->sys.TTBR0_EL1) & 0xfffffffffffeull & ~0ull << (input_bits - low_bit + 3);
    say(session, "TTBR%u_EL1: table at 0x%" PRIx64 ", %u bits of address, pages of %u KiB\n", upper, table, input_bits,
        1u << (granule - 10));
    for (unsigned bits = input_bits - low_bit; level <= 3; level++, bits = stride, low_bit -= stride) {
        uint64_t index = va >> low_bit & ((1ull << bits) - 1), descriptor;
        const uint8_t *host = ram_at(&cpu->bus->ram, table + index * 8, 8);
        if (!host) {
            say(session, "level %u: the table at 0x%" PRIx64 " is no RAM\n", level, table);
            return;
        }
        memcpy(&descriptor, host, sizeof descriptor);
        bool valid = descriptor & 1, leaf = level == 3 || !(descriptor & 2);
        say(session, "level %u: 0x%" PRIx64 "[%" PRIu64 "] = 0x%016" PRIx64 "  %s\n", level, table, index, descriptor,
            !valid ? "invalid" : leaf ? level == 3 ? "page" : "block" : "table");
        if (!valid || leaf)
            return;
        table = descriptor & 0xffffffffffffull & ~0ull << granule;
    }
}

bool info_translate(struct session *session, const char *arguments, struct error *error)
{
    uint64_t va;
    struct translation found;
    struct cpu *cpu = session_cpu(session);
    if (!*arguments)
        return error_set(error, "info translate expects an address");
    if (!expression_location(session, arguments, &va, error))
        return false;
    if (!(cpu->sys.SCTLR_EL1 & 1))
        say(session, "the MMU is off\n");
    else
        tell_steps(session, cpu, va);
    unsigned status = mmu_walk(cpu, va, false, &found);
    if (status != FAULT_NONE) {
        static const char *const words[] = {"address size fault", "translation fault", "access flag fault",
                                            "permission fault",   "external abort",    "external abort on a walk"};
        say(session, "0x%" PRIx64 " -> %s, level %u\n", va, words[status >> 2 < 6 ? status >> 2 : 5], status & 3);
        return true;
    }
    say(session, "0x%" PRIx64 " -> 0x%" PRIx64 "  %s, ", va, found.physical,
        ram_at(&cpu->bus->ram, found.physical, 1) ? "RAM" : "device or nothing");
    say_flags(session, found.flags);
    say(session, found.global ? ", global\n" : ", of ASID %u\n",
        (unsigned)((cpu->sys.TCR_EL1 >> 22 & 1 ? cpu->sys.TTBR1_EL1 : cpu->sys.TTBR0_EL1) >> 48));
    return true;
}

bool info_mmu(struct session *session, const char *arguments, struct error *error)
{
    static const char *const registers[] = {"SCTLR_EL1", "TCR_EL1", "TTBR0_EL1", "TTBR1_EL1", "MAIR_EL1"};
    const struct cpu *cpu = session_cpu(session);
    if (!words_end(arguments, error))
        return false;
    for (unsigned i = 0; i < 5; i++)
        info_show_register(session, registers[i]);
    uint64_t sctlr = cpu->sys.SCTLR_EL1, tcr = cpu->sys.TCR_EL1;
    say(session, "MMU %s, data cache %s, instruction cache %s, alignment checked: %s\n", sctlr & 1 ? "on" : "off",
        sctlr >> 2 & 1 ? "on" : "off", sctlr >> 12 & 1 ? "on" : "off", sctlr >> 1 & 1 ? "yes" : "no");
    say(session,
        "lower half: %u bits%s; upper half: %u bits%s; ASIDs of %u bits; hardware access flag: %s, dirty state: %s\n",
        64 - (unsigned)(tcr & 63), tcr >> 7 & 1 ? " (off)" : "", 64 - (unsigned)(tcr >> 16 & 63),
        tcr >> 23 & 1 ? " (off)" : "", tcr >> 36 & 1 ? 16 : 8, tcr >> 39 & 1 ? "yes" : "no",
        tcr >> 40 & 1 ? "yes" : "no");
    return true;
}

/* A run of pages that are mapped alike. */
struct run_of_pages {
    uint64_t va, physical, bytes;
    uint32_t flags;
};

static void tell_run(struct session *session, const struct run_of_pages *run)
{
    if (!run->bytes)
        return;
    say(session, "0x%016" PRIx64 " - 0x%016" PRIx64 "  0x%010" PRIx64 "  ", run->va, run->va + run->bytes - 1,
        run->physical);
    say_flags(session, run->flags);
    say(session, "\n");
}

static void list_mappings(struct session *session, uint64_t from, uint64_t to, unsigned most)
{
    struct cpu *cpu = session_cpu(session);
    struct run_of_pages run = {0};
    struct translation found;
    const uint32_t mask = 0x3f | IS_DEVICE | 0xff000000u;
    unsigned told = 0;
    for (uint64_t va = from; va < to && told < most;) {
        unsigned status = mmu_walk(cpu, va, false, &found);
        uint64_t bytes = PAGE_SIZE_BYTES;
        if (status != FAULT_NONE) {
            /* A fault at a level says that all of what an entry there maps is not there. */
            unsigned granule = 12;
            bytes = 1ull << (granule + 9 * (3 - (status & 3)));
            if ((status & ~3u) != FAULT_TRANSLATION)
                bytes = PAGE_SIZE_BYTES;
            bytes -= va & (bytes - 1);
        } else {
            bytes = (1ull << found.size_bits) - (va & ((1ull << found.size_bits) - 1));
        }
        bool joins = status == FAULT_NONE && run.bytes && run.va + run.bytes == va &&
                     run.physical + run.bytes == found.physical && (run.flags & mask) == (found.flags & mask);
        if (joins) {
            run.bytes += bytes;
        } else {
            told += run.bytes != 0;
            tell_run(session, &run);
            run = (struct run_of_pages){va, found.physical, status == FAULT_NONE ? bytes : 0, found.flags};
        }
        if (va + bytes < va)
            break;
        va += bytes;
    }
    tell_run(session, &run);
}

bool info_mappings(struct session *session, const char *arguments, struct error *error)
{
    const struct cpu *cpu = session_cpu(session);
    uint64_t from = 0, to = 0;
    char word[256];
    if (!(cpu->sys.SCTLR_EL1 & 1)) {
        say(session, "the MMU is off: every address is its own\n");
        return true;
    }
    if (words_cut(&arguments, word, sizeof word)) {
        if (!expression_number(session, word, &from, error) ||
            !expression_number(session, *arguments ? arguments : "-1", &to, error))
            return false;
        list_mappings(session, from & ~(PAGE_SIZE_BYTES - 1), to, 10000);
        return true;
    }
    uint64_t tcr = cpu->sys.TCR_EL1;
    if (!(tcr >> 7 & 1))
        list_mappings(session, 0, 1ull << (64 - (tcr & 63)), 2000);
    if (!(tcr >> 23 & 1))
        list_mappings(session, ~0ull << (64 - (tcr >> 16 & 63)), ~0ull, 2000);
    return true;
}
