/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What differs between Linux on AArch64 and on x86-64: structures and constants. All else is the same on both. */
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include "hostcall/linux.h"

/* include/uapi/asm-generic/stat.h */
struct guest_stat {
    uint64_t dev, ino;
    uint32_t mode, nlink, uid, gid;
    uint64_t rdev, pad1;
    int64_t size;
    int32_t block_bytes, pad2;
    int64_t blocks;
    int64_t atime;
    uint64_t atime_ns;
    int64_t mtime;
    uint64_t mtime_ns;
    int64_t ctime;
    uint64_t ctime_ns;
    uint32_t unused[2];
};
_Static_assert(sizeof(struct guest_stat) == 128, "as the guest has it");

static void stat_to_guest(void *to, const void *from)
{
    const struct stat *host = from;
    const struct guest_stat guest = {
        .dev = host->st_dev,
        .ino = host->st_ino,
        .mode = host->st_mode,
        .nlink = (uint32_t)host->st_nlink,
        .uid = host->st_uid,
        .gid = host->st_gid,
        .rdev = host->st_rdev,
        .size = host->st_size,
        .block_bytes = (int32_t)host->st_blksize,
        .blocks = host->st_blocks,
        .atime = host->st_atim.tv_sec,
        .atime_ns = (uint64_t)host->st_atim.tv_nsec,
        .mtime = host->st_mtim.tv_sec,
        .mtime_ns = (uint64_t)host->st_mtim.tv_nsec,
        .ctime = host->st_ctim.tv_sec,
        .ctime_ns = (uint64_t)host->st_ctim.tv_nsec,
    };
    memcpy(to, &guest, sizeof guest);
}

/* x86-64 alone has it without the padding. */
struct guest_epoll_event {
    uint32_t events, pad;
    uint64_t data;
};

static void epoll_event_to_host(void *to, const void *from)
{
    struct guest_epoll_event guest;
    memcpy(&guest, from, sizeof guest);
    const struct epoll_event host = {.events = guest.events, .data.u64 = guest.data};
    memcpy(to, &host, sizeof host);
}

static void epoll_event_to_guest(void *to, const void *from)
{
    struct epoll_event host;
    memcpy(&host, from, sizeof host);
    const struct guest_epoll_event guest = {.events = host.events, .data = host.data.u64};
    memcpy(to, &guest, sizeof guest);
}

/* include/uapi/asm-generic/sembuf.h; x86-64 has a word more behind each time. */
struct guest_semid {
    struct ipc_perm perm;
    int64_t otime, ctime;
    uint64_t count, unused[2];
};

static void semid_to_guest(void *to, const void *from)
{
    const struct semid_ds *host = from;
    const struct guest_semid guest = {
        .perm = host->sem_perm, .otime = host->sem_otime, .ctime = host->sem_ctime, .count = host->sem_nsems};
    memcpy(to, &guest, sizeof guest);
}

static void semid_to_host(void *to, const void *from)
{
    struct guest_semid guest;
    memcpy(&guest, from, sizeof guest);
    const struct semid_ds host = {
        .sem_perm = guest.perm, .sem_otime = guest.otime, .sem_ctime = guest.ctime, .sem_nsems = guest.count};
    memcpy(to, &host, sizeof host);
}

const struct call_layout linux_layouts[] = {
    [LAYOUT_stat] = {sizeof(struct guest_stat), sizeof(struct stat), stat_to_guest, NULL},
    [LAYOUT_epoll_event] = {sizeof(struct guest_epoll_event), sizeof(struct epoll_event), epoll_event_to_guest,
                            epoll_event_to_host},
    [LAYOUT_semid] = {sizeof(struct guest_semid), sizeof(struct semid_ds), semid_to_guest, semid_to_host},
};
_Static_assert(sizeof(struct semid_ds) <= CALL_MAX_HOST_BYTES && sizeof(struct stat) <= CALL_MAX_HOST_BYTES,
               "they fit where they are prepared");

/* arch/arm64/include/uapi/asm/fcntl.h */
static const struct call_bits open_bits[] = {
    {040000, 0200000},  /* O_DIRECTORY */
    {0100000, 0400000}, /* O_NOFOLLOW */
    {0200000, 040000},  /* O_DIRECT */
    {0400000, 0100000}, /* O_LARGEFILE */
    {0, 0},
};

const struct call_bits *const linux_constants[] = {[CONSTANTS_open] = open_bits};
