/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Isolation: the system calls that a running machine makes, and no others (seccomp). What is not in the table fails
 * with EPERM: programs, other processes, mounts, modules, keys, and whatever the kernel learns in future. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>
#include "machine/isolation.h"

static const uint16_t allowed[] = {
    /* files */
    SYS_read, SYS_readv, SYS_write, SYS_writev, SYS_pread64, SYS_preadv, SYS_preadv2, SYS_pwrite64, SYS_pwritev,
    SYS_pwritev2, SYS_lseek, SYS_close, SYS_close_range, SYS_fstat, SYS_newfstatat, SYS_stat, SYS_lstat, SYS_statx,
    SYS_open, SYS_openat, SYS_openat2, SYS_access, SYS_faccessat, SYS_faccessat2, SYS_readlink, SYS_readlinkat,
    SYS_getcwd, SYS_getdents64, SYS_ftruncate, SYS_truncate, SYS_fallocate, SYS_fsync, SYS_fdatasync,
    SYS_sync_file_range, SYS_syncfs, SYS_rename, SYS_renameat, SYS_renameat2, SYS_link, SYS_linkat, SYS_symlink,
    SYS_symlinkat, SYS_unlink, SYS_unlinkat, SYS_mkdir, SYS_mkdirat, SYS_rmdir, SYS_mknodat, SYS_chmod, SYS_fchmod,
    SYS_fchmodat, SYS_chown, SYS_fchown, SYS_fchownat, SYS_lchown, SYS_utimensat, SYS_statfs, SYS_fstatfs, SYS_umask,
    SYS_flock, SYS_fcntl, SYS_dup, SYS_dup2, SYS_dup3, SYS_pipe, SYS_pipe2, SYS_copy_file_range, SYS_fadvise64,
    SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_listxattr,
    SYS_llistxattr, SYS_flistxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
    /* memory and threads */
    SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_msync, SYS_mincore, SYS_brk, SYS_mlock,
    SYS_munlock, SYS_memfd_create, SYS_futex, SYS_set_robust_list, SYS_get_robust_list, SYS_rseq, SYS_membarrier,
    SYS_exit, SYS_exit_group, SYS_gettid, SYS_getpid, SYS_getppid, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid,
    SYS_getpgrp, SYS_getrlimit, SYS_prlimit64, SYS_getrusage, SYS_times, SYS_sysinfo, SYS_uname, SYS_sched_yield,
    SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_getcpu, SYS_arch_prctl, SYS_getrandom, SYS_wait4,
    /* signals and time */
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_rt_sigsuspend,
    SYS_sigaltstack, SYS_restart_syscall, SYS_pause, SYS_setitimer, SYS_getitimer, SYS_alarm, SYS_nanosleep,
    SYS_clock_nanosleep, SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_time, SYS_timer_create,
    SYS_timer_settime, SYS_timer_gettime, SYS_timer_delete, SYS_timerfd_create, SYS_timerfd_settime,
    /* waiting and sockets */
    SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait,
    SYS_eventfd2, SYS_signalfd4, SYS_socketpair, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_connect,
    SYS_getsockname, SYS_getpeername, SYS_getsockopt, SYS_setsockopt, SYS_sendto, SYS_recvfrom, SYS_sendmsg,
    SYS_recvmsg, SYS_sendmmsg, SYS_recvmmsg, SYS_shutdown,
};
#define ALLOWED_COUNT (sizeof allowed / sizeof allowed[0])

/* Terminals (but not to type at them), block devices, and how much there is to read. */
static const uint32_t ioctls[] = {
    TCGETS, TCSETS, TCSETSW, TCSETSF, TCFLSH, TCXONC, TCSBRK, TIOCGWINSZ, TIOCGPGRP, TIOCSPGRP, FIONREAD, FIONBIO,
    BLKGETSIZE64, BLKSSZGET, BLKDISCARD, BLKZEROOUT, BLKFLSBUF, FICLONE,
};
#define IOCTL_COUNT (sizeof ioctls / sizeof ioctls[0])

struct program {
    struct sock_filter code[2 * (ALLOWED_COUNT + IOCTL_COUNT) + 64];
    unsigned short count;
};

static void emit(struct program *program, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
    program->code[program->count++] = (struct sock_filter){code, yes, no, k};
}

static void load(struct program *program, size_t offset)
{
    emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void answer(struct program *program, uint32_t verdict)
{
    emit(program, BPF_RET | BPF_K, verdict, 0, 0);
}

/* The low half of an argument; what the kernel looks at of those that are asked about here. */
static size_t argument(unsigned number)
{
    return offsetof(struct seccomp_data, args) + 8 * number;
}

/* Allows where what was loaded is `value`. */
static void allow_if(struct program *program, uint32_t value)
{
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(program, SECCOMP_RET_ALLOW);
}

/* Begins what is said of one call only: the number of instructions that follow. */
static void for_call(struct program *program, uint32_t number, uint8_t length)
{
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, length);
}

#define DENY(number) (SECCOMP_RET_ERRNO | (number))

static void make_program(struct program *program, bool network, bool child)
{
    load(program, offsetof(struct seccomp_data, arch));
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    answer(program, SECCOMP_RET_KILL_PROCESS);
    load(program, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < ALLOWED_COUNT; i++)
        allow_if(program, allowed[i]);

    /* Threads of this process; glibc tries clone3() first, whose flags cannot be seen from here. */
    for_call(program, SYS_clone3, 1);
    answer(program, DENY(ENOSYS));
    for_call(program, SYS_clone, 4);
    load(program, argument(0));
    emit(program, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
    answer(program, SECCOMP_RET_ALLOW);
    answer(program, DENY(EPERM));

    /* Signals to itself. */
    for_call(program, SYS_tgkill, 4);
    load(program, argument(0));
    allow_if(program, (uint32_t)getpid());
    answer(program, DENY(EPERM));
    if (child)
        allow_if(program, SYS_kill);
    for_call(program, SYS_kill, 4);
    load(program, argument(0));
    allow_if(program, (uint32_t)getpid());
    answer(program, DENY(EPERM));

    for_call(program, SYS_prctl, 4);
    load(program, argument(0));
    allow_if(program, PR_SET_NAME);
    answer(program, DENY(EPERM));

    for_call(program, SYS_socket, network ? 8 : 4);
    load(program, argument(0));
    allow_if(program, AF_UNIX);
    if (network) {
        allow_if(program, AF_INET);
        allow_if(program, AF_INET6);
    }
    answer(program, DENY(EACCES));

    for_call(program, SYS_ioctl, 2 * IOCTL_COUNT + 2);
    load(program, argument(1));
    for (unsigned i = 0; i < IOCTL_COUNT; i++)
        allow_if(program, ioctls[i]);
    answer(program, DENY(EPERM));

    answer(program, DENY(EPERM));
}

bool isolation_filter(bool network, bool child, struct error *error)
{
    struct program program = {.count = 0};
    make_program(&program, network, child);
    struct sock_fprog filter = {program.count, program.code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0 ||
           error_set(error, "isolation: the host takes no filter of system calls: %s; --no-isolation goes without",
                     strerror(errno));
}
