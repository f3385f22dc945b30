/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Structures of Linux's calls as AArch64 has them (include/uapi/linux/time_types.h, socket.h, in.h, in6.h, un.h, uio.h,
 * asm-generic/stat.h). */
#include "debugger/view/kernel_structures.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#define SPANS_SHOWN 8u

enum {
    FAMILY_UNIX = 1, FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_NETLINK = 16, FAMILY_PACKET = 17, FAMILY_VSOCK = 40
};

typedef bool show(struct call_text *line, uint64_t address, uint64_t extra, bool over);

static bool read_at(const struct call_text *line, void *to, uint64_t address, uint64_t bytes)
{
    return line->read(line->context, to, address, bytes);
}

/* --- what they say --------------------------------------------------------------------------------- */

static bool show_seconds(struct call_text *line, uint64_t address, const char *fraction)
{
    int64_t time[2];
    if (!read_at(line, time, address, sizeof time))
        return false;
    call_text_add(line, "{sec=%" PRId64 ", %s=%" PRId64 "}", time[0], fraction, time[1]);
    return true;
}

static bool show_time(struct call_text *line, uint64_t address, uint64_t extra, bool over)
{
    return show_seconds(line, address, "nsec");
}

static bool show_timeval(struct call_text *line, uint64_t address, uint64_t extra, bool over)
{
    return show_seconds(line, address, "usec");
}

static bool show_stat(struct call_text *line, uint64_t address, uint64_t extra, bool over)
{
    struct {
        uint64_t dev, ino;
        uint32_t mode, nlink, uid, gid;
        uint64_t rdev, pad;
        int64_t size;
        int32_t block_bytes, pad2;
        int64_t blocks;
    } stat;
    if (!read_at(line, &stat, address, sizeof stat))
        return false;
    call_text_add(line, "{ino=%" PRIu64 ", mode=0%o, nlink=%u, uid=%u, gid=%u, size=%" PRId64 "}", stat.ino, stat.mode,
                  stat.nlink, stat.uid, stat.gid, stat.size);
    return true;
}

/* `length`: of the address. */
static bool show_socket(struct call_text *line, uint64_t address, uint64_t length, bool over)
{
    uint8_t bytes[128] = {0};
    char text[64];
    uint16_t family;
    if (length < sizeof family || length > sizeof bytes || !read_at(line, bytes, address, length))
        return false;
    memcpy(&family, bytes, sizeof family);
    const unsigned port = bytes[2] << 8 | bytes[3];
    if (family == FAMILY_UNIX) {
        const char *path = (const char *)bytes + 2;
        const bool hidden = length > 2 && !*path; /* in Linux's own name space */
        call_text_add(line, "{unix, ");
        call_text_quote(line, path, hidden ? length - 2 : strnlen(path, length - 2), false);
        call_text_add(line, "}");
    } else if (family == FAMILY_INET && length >= 8) {
        call_text_add(line, "{inet, %s:%u}", inet_ntop(AF_INET, bytes + 4, text, sizeof text), port);
    } else if (family == FAMILY_INET6 && length >= 24) {
        call_text_add(line, "{inet6, [%s]:%u}", inet_ntop(AF_INET6, bytes + 8, text, sizeof text), port);
    } else {
        call_text_add(line, "{%s%u, %" PRIu64 " bytes}",
                      family == FAMILY_NETLINK ? "netlink " : family == FAMILY_PACKET ? "packet "
                      : family == FAMILY_VSOCK ? "vsock " : "family ", family, length);
    }
    return true;
}

/* `where`: of the length, which the call writes too. */
static bool show_socket_back(struct call_text *line, uint64_t address, uint64_t where, bool over)
{
    uint32_t length;
    return where && read_at(line, &length, where, sizeof length) && show_socket(line, address, length, over);
}

static bool show_spans(struct call_text *line, uint64_t address, uint64_t count, bool over)
{
    call_text_add(line, "[");
    for (uint64_t i = 0; i < count && i < SPANS_SHOWN; i++) {
        uint64_t span[2];
        if (!read_at(line, span, address + i * sizeof span, sizeof span)) {
            call_text_add(line, "%s?", i ? ", " : "");
            break;
        }
        call_text_add(line, "%s{0x%" PRIx64 ", %" PRIu64 "}", i ? ", " : "", span[0], span[1]);
    }
    call_text_add(line, count > SPANS_SHOWN ? ", ...]" : "]");
    return true;
}

/* --- which calls have them ------------------------------------------------------------------------- */

static const struct known {
    uint16_t number;
    uint8_t index, extra; /* the argument; the one that goes with it, plus 1, or 0 */
    bool written;
    show *show;
} known[] = {
    {65, 1, 3, false, show_spans},      /* readv */
    {66, 1, 3, false, show_spans},      /* writev */
    {72, 4, 0, false, show_time},       /* pselect6 */
    {73, 2, 0, false, show_time},       /* ppoll */
    {79, 2, 0, true, show_stat},        /* newfstatat */
    {80, 1, 0, true, show_stat},        /* fstat */
    {101, 0, 0, false, show_time},      /* nanosleep */
    {113, 1, 0, true, show_time},       /* clock_gettime */
    {114, 1, 0, true, show_time},       /* clock_getres */
    {115, 2, 0, false, show_time},      /* clock_nanosleep */
    {137, 2, 0, false, show_time},      /* rt_sigtimedwait */
    {169, 0, 0, true, show_timeval},    /* gettimeofday */
    {200, 1, 3, false, show_socket},    /* bind */
    {202, 1, 3, true, show_socket_back}, /* accept */
    {203, 1, 3, false, show_socket},    /* connect */
    {204, 1, 3, true, show_socket_back}, /* getsockname */
    {205, 1, 3, true, show_socket_back}, /* getpeername */
    {206, 4, 6, false, show_socket},    /* sendto */
    {207, 4, 6, true, show_socket_back}, /* recvfrom */
    {242, 1, 3, true, show_socket_back}, /* accept4 */
};

bool kernel_structure_is_written(uint64_t number, unsigned index)
{
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].number == number && known[i].index == index)
            return known[i].written;
    return false;
}

bool kernel_structure(struct call_text *line, uint64_t number, const uint64_t *args, unsigned index, bool over,
                      int64_t result)
{
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
        const struct known *row = &known[i];
        if (row->number != number || row->index != index)
            continue;
        if (!args[index] || (row->written && (!over || result < 0)))
            return false;
        const size_t before = line->length;
        if (row->show(line, args[index], row->extra ? args[row->extra - 1] : 0, over))
            return true;
        line->length = before;
        line->text[before] = 0;
        return false;
    }
    return false;
}
