/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The handlers of calls whose meaning needs code (linux_calls.def), by file. */
#ifndef ARMATURE_LINUX_H
#define ARMATURE_LINUX_H

#include "hostcall/process.h"

#define LINUX_HANDLERS(of)                                                                                   \
    of(do_getcwd) of(do_epoll_pwait) of(do_fcntl) of(do_openat) of(do_readlinkat) of(do_statx) of(do_bind)   \
    of(do_connect) of(do_pselect6) of(do_ppoll) of(do_exit) of(do_exit_group) of(do_set_tid_address)         \
    of(do_futex) of(do_not_permitted) of(do_sigaltstack) of(do_rt_sigsuspend) of(do_rt_sigaction)            \
    of(do_rt_sigprocmask) of(do_rt_sigpending) of(do_rt_sigreturn) of(do_uname) of(do_setrlimit)             \
    of(do_prlimit64) of(do_prctl) of(do_semctl) of(do_shmat) of(do_shmdt) of(do_brk) of(do_munmap)           \
    of(do_mremap) of(do_clone) of(do_execve) of(do_execveat) of(do_mmap) of(do_mprotect) of(do_mlockall)     \
    of(do_munlockall) of(do_close) of(do_close_range) of(do_chroot) of(do_mount) of(do_umount2)              \
    of(do_clock_gettime) of(do_gettimeofday) of(do_set_robust_list) of(do_get_robust_list)

#define LINUX_DECLARE(name) int64_t name(struct call_context *context, const uint64_t *args);
LINUX_HANDLERS(LINUX_DECLARE)

/** A call of the host's for a thread: -errno, or GUARD_INTERRUPTED. */
int64_t linux_host(struct thread *thread, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                   uint64_t f);

enum linux_layout { LAYOUT_stat, LAYOUT_epoll_event, LAYOUT_semid };

extern const struct call_layout linux_layouts[];
extern const struct call_bits *const linux_constants[];

#endif
