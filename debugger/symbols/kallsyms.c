/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading kallsyms (scripts/kallsyms.c of Linux writes it). Its parts stand in the image's read-only data:
 *
 *     names        for each symbol: a length (7 bits, or 14 in two bytes), and so many tokens' numbers
 *     markers      u32: where in `names` every 256th symbol begins
 *     token_table  256 strings; token_index: u16, where each begins
 *     offsets      u32: addresses, less relative_base (u64); or addresses, u64
 *     num_syms     u32, in front of names
 *
 * Their order has changed with versions, and nothing says where they are. But a token table has the digits in a row,
 * and is proved by its index; markers are a long ascending row that begins with 0, and are proved by the names. */
#include "debugger/symbols/kallsyms.h"
#include <string.h>

#define TOKENS         256u
#define SYMBOLS_MIN    256u
#define SYMBOLS_MAX    4000000u
#define NAME_BYTES     1024u
#define GROUP          256u /* symbols a marker */
#define GROUP_BYTES    (GROUP * 130u)
#define KERNEL_ADDRESS 0xffff000000000000ull
#define NEAR_BYTES     (64u << 20) /* how far the parts may be from each other */

struct tables {
    const uint8_t *image;
    size_t length;
    size_t tokens, index; /* offsets in the image */
    size_t markers, names;
    uint32_t marker_count, count;
    size_t addresses;
    bool relative;
    uint64_t base;
};

static uint16_t u16_at(const struct tables *t, size_t at)
{
    uint16_t value;
    memcpy(&value, t->image + at, sizeof value);
    return value;
}

static uint32_t u32_at(const struct tables *t, size_t at)
{
    uint32_t value;
    memcpy(&value, t->image + at, sizeof value);
    return value;
}

static uint64_t u64_at(const struct tables *t, size_t at)
{
    uint64_t value;
    memcpy(&value, t->image + at, sizeof value);
    return value;
}

static size_t align(size_t value, size_t to)
{
    return (value + to - 1) & ~(to - 1);
}

/* --- finding --------------------------------------------------------------------------------------- */

/* Proves a token table that begins at `start`. */
static bool prove_tokens_from(struct tables *t, size_t start)
{
    size_t end = start;
    uint16_t offsets[TOKENS];
    for (unsigned i = 0; i < TOKENS; i++) {
        const uint8_t *nul = memchr(t->image + end, 0, t->length - end);
        if (!nul || end - start > UINT16_MAX)
            return false;
        offsets[i] = (uint16_t)(end - start);
        end = (size_t)(nul - t->image) + 1;
    }
    for (size_t step = 4; step <= 8; step += 4) {
        size_t index = align(end, step);
        if (index > t->length || t->length - index < sizeof offsets ||
            memcmp(t->image + index, offsets, sizeof offsets))
            continue;
        t->tokens = start;
        t->index = index;
        return true;
    }
    return false;
}

/* `at` is where the token "0" stands. Proves a token table around it. What is in front of the table may end in any
 * byte, so the first token begins at one of the aligned places. */
static bool prove_tokens(struct tables *t, size_t at)
{
    size_t start = at, second = at;
    for (unsigned i = 0; i < '0'; i++) {
        if (start < 2 || t->image[start - 1])
            return false;
        second = start;
        for (start--; start && t->image[start - 1]; start--)
            continue;
    }
    for (size_t first = align(start, 4); first < second; first += 4)
        if (prove_tokens_from(t, first))
            return true;
    return false;
}

/* Whether the four bytes at `at` are a digit and the next one, each with a NUL behind or before it. Any row of ten such
 * has them at every eighth byte, so that most of the image is not looked at. */
static bool may_be_digits(const uint8_t *at)
{
    unsigned phase = at[0] ? 0 : 1;
    uint8_t first = at[phase];
    return !at[1 - phase] && !at[3 - phase] && first >= '0' && first < '9' && at[phase + 2] == first + 1;
}

/* The next token table from `from` on. */
static bool find_tokens(struct tables *t, size_t from)
{
    static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009"; /* and a NUL */
    for (size_t at = align(from, 8); at + 24 <= t->length; at += 8) {
        if (!may_be_digits(t->image + at))
            continue;
        unsigned phase = t->image[at] ? 0 : 1;
        size_t back = 2u * (t->image[at + phase] - '0'), start = at + phase - back;
        if (at + phase >= back && start + sizeof digits <= t->length &&
            !memcmp(t->image + start, digits, sizeof digits) && prove_tokens(t, start))
            return true;
    }
    return false;
}

/* Length of the name at `at` with its own bytes; false: not within `end`. */
static bool name_length(const struct tables *t, size_t at, size_t end, size_t *header, size_t *length)
{
    if (at >= end)
        return false;
    *header = 1;
    *length = t->image[at];
    if (*length & 0x80) { /* since 6.1 */
        if (at + 1 >= end)
            return false;
        *header = 2;
        *length = (*length & 0x7f) | (size_t)t->image[at + 1] << 7;
    }
    return *length && *length <= end - at - *header;
}

static bool skip_names(const struct tables *t, size_t *at, size_t end, uint32_t count)
{
    size_t header, length;
    for (uint32_t i = 0; i < count; i++) {
        if (!name_length(t, *at, end, &header, &length))
            return false;
        *at += header + length;
    }
    return true;
}

/* Whether names at `names` are what the markers say, with their number in front. */
static bool prove_names(struct tables *t, size_t names)
{
    if (names < 8)
        return false;
    uint32_t count = u32_at(t, align(names - 7, 8) == names ? names - 8 : names - 4);
    if (count < SYMBOLS_MIN || count > SYMBOLS_MAX || (count + GROUP - 1) / GROUP != t->marker_count)
        return false;
    size_t at = names;
    for (uint32_t i = 0; i < t->marker_count; i++) {
        uint32_t group = count - i * GROUP < GROUP ? count - i * GROUP : GROUP;
        if (at - names != u32_at(t, t->markers + 4ull * i) || !skip_names(t, &at, t->markers, group))
            return false;
    }
    t->names = names;
    t->count = count;
    return true;
}

/* A row of markers at `at`, or 0. */
static uint32_t marker_row(const struct tables *t, size_t at)
{
    uint32_t count = 1, last = 0;
    for (size_t next = at + 4; next + 4 <= t->length; next += 4, count++) {
        uint32_t value = u32_at(t, next);
        if (value < last + GROUP * 2 || value > last + GROUP_BYTES)
            break;
        last = value;
    }
    return count;
}

/* From the tokens backwards: in most versions the markers stand right before them. */
static bool find_names(struct tables *t)
{
    const size_t lowest = t->tokens > NEAR_BYTES ? t->tokens - NEAR_BYTES : 8,
                 behind = t->index + 1024 < t->length ? t->index + 1024 : t->length;
    for (size_t at = (behind - 8) & ~(size_t)3; at >= lowest; at -= 4) {
        if (u32_at(t, at) || u32_at(t, at + 4) < GROUP * 2 || u32_at(t, at + 4) > GROUP_BYTES)
            continue;
        uint32_t row = marker_row(t, at);
        if (row < 2)
            continue;
        /* What comes behind the row may look like one more of it. */
        t->markers = at;
        for (t->marker_count = row; t->marker_count >= 2 && t->marker_count + 2 > row; t->marker_count--) {
            size_t last = u32_at(t, at + 4ull * (t->marker_count - 1));
            for (size_t bytes = align(last + 2, 4); bytes <= last + GROUP_BYTES && bytes + 8 <= at; bytes += 4)
                if (prove_names(t, at - bytes))
                    return true;
        }
    }
    return false;
}

static bool is_kernel_address(uint64_t address)
{
    return address >= KERNEL_ADDRESS;
}

/* u32 offsets at `at`, and the base at `base`. */
static bool prove_offsets(struct tables *t, size_t at, size_t base)
{
    if (base + 8 > t->length || at + 4ull * t->count > t->length || !is_kernel_address(u64_at(t, base)))
        return false;
    for (uint32_t i = 1; i < t->count; i++)
        if (u32_at(t, at + 4ull * i) < u32_at(t, at + 4ull * (i - 1)))
            return false;
    t->addresses = at;
    t->base = u64_at(t, base);
    t->relative = true;
    return true;
}

static bool prove_addresses(struct tables *t, size_t at)
{
    for (uint32_t i = 1; i < t->count; i++)
        if (u64_at(t, at + 8ull * i) < u64_at(t, at + 8ull * (i - 1)))
            return false;
    if (!is_kernel_address(u64_at(t, at + 8ull * (t->count - 1))))
        return false;
    t->addresses = at;
    t->relative = false;
    return true;
}

static bool find_addresses(struct tables *t)
{
    const size_t number = t->names - 8, offsets_bytes = align(4ull * t->count, 8),
                 behind = align(t->index + TOKENS * 2, 8);
    /* In front of the number of symbols, or (since 6.4) behind the tokens. */
    if (number >= 8 + offsets_bytes && prove_offsets(t, number - 8 - offsets_bytes, number - 8))
        return true;
    if (behind + offsets_bytes + 8 <= t->length && prove_offsets(t, behind, behind + offsets_bytes))
        return true;
    return number >= 8ull * t->count && prove_addresses(t, number - 8ull * t->count);
}

/* --- reading --------------------------------------------------------------------------------------- */

/* Expands the name at `at` into `text` and moves on. */
static bool expand(const struct tables *t, size_t *at, char *text)
{
    size_t header, length, used = 0;
    if (!name_length(t, *at, t->markers, &header, &length))
        return false;
    for (size_t i = 0; i < length; i++) {
        const char *token =
            (const char *)t->image + t->tokens + u16_at(t, t->index + 2ull * t->image[*at + header + i]);
        size_t bytes = strlen(token);
        if (used + bytes >= NAME_BYTES)
            return false;
        memcpy(text + used, token, bytes);
        used += bytes;
    }
    text[used] = 0;
    *at += header + length;
    return used >= 2;
}

size_t kallsyms_read(const uint8_t *image, size_t length, size_t *tokens, kallsyms_each *each, void *context,
                     struct error *error)
{
    struct tables t = {.image = image, .length = length};
    char text[NAME_BYTES];
    bool any = false, found = false;
    const size_t first = *tokens < length ? *tokens : 0;
    for (unsigned round = 0; length >= 64 && round < 2 && !found; round++)
        for (size_t from = round ? 0 : first; !found && find_tokens(&t, from); from = t.index) {
            if (round && t.tokens >= first)
                break; /* looked at before */
            any = true;
            found = find_names(&t) && find_addresses(&t);
        }
    if (!found) {
        error_set(error, any ? "the kernel's symbol table (kallsyms) is of a kind that is not known, or not ready yet"
                             : "no Linux kernel is in guest memory (yet)");
        return 0;
    }
    *tokens = t.tokens;
    size_t at = t.names;
    for (uint32_t i = 0; i < t.count; i++) {
        uint64_t address =
            t.relative ? t.base + u32_at(&t, t.addresses + 4ull * i) : u64_at(&t, t.addresses + 8ull * i);
        if (!expand(&t, &at, text) || !each(context, address, text[0], text + 1))
            return i;
    }
    return t.count;
}
