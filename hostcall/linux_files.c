/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls about files and sockets whose meaning needs code. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "hostcall/guard.h"
#include "hostcall/linux.h"
#include "hostcall/trail.h"

#define MAX_EVENTS 1024u

static int64_t host_path(struct call_context *context, int directory, uint64_t address, bool follow,
                         char host[CALL_PATH_BYTES])
{
    char guest[CALL_PATH_BYTES];
    int error = call_string(context, address, guest, sizeof guest);
    return error ? error : context->set->path(context->owner, directory, guest, host, follow);
}

int64_t do_getcwd(struct call_context *context, const uint64_t *args)
{
    char host[CALL_PATH_BYTES];
    int64_t length = syscall(SYS_getcwd, host, sizeof host);
    if (length < 0)
        return -errno;
    const char *guest = paths_to_guest(host);
    const size_t bytes = strlen(guest) + 1;
    if (bytes > args[1])
        return -ERANGE;
    return guest_write(context->owner, args[0], guest, bytes) ? (int64_t)bytes : -EFAULT;
}

int64_t do_openat(struct call_context *context, const uint64_t *args)
{
    char host[CALL_PATH_BYTES];
    const int flags = (int)call_bits_to_host(linux_constants[CONSTANTS_open], args[2]);
    int64_t error = host_path(context, (int)args[0], args[1], !(flags & O_NOFOLLOW), host);
    if (error)
        return error;
    const int own = proc_open(host, flags);
    if (own != PROC_ORDINARY)
        return own;
    return linux_host(context->owner, SYS_openat, args[0], (uint64_t)host, (uint64_t)flags, args[3], 0, 0);
}

int64_t do_readlinkat(struct call_context *context, const uint64_t *args)
{
    char host[CALL_PATH_BYTES], target[CALL_PATH_BYTES];
    int64_t error = host_path(context, (int)args[0], args[1], false, host);
    if (error)
        return error;
    if ((int64_t)args[3] <= 0)
        return -EINVAL;
    ssize_t length = readlinkat((int)args[0], host, target, sizeof target - 1);
    if (length < 0)
        return -errno;
    target[length] = 0;
    const char *guest = target;
    if (proc_is_exe(host))
        guest = paths_to_guest(process.program_host);
    else if (!strncmp(host, "/proc/", 6)) /* what the kernel knows is the host's; a link in a file is the guest's */
        guest = paths_to_guest(target);
    const size_t bytes = strlen(guest) < args[3] ? strlen(guest) : args[3];
    return guest_write(context->owner, args[2], guest, bytes) ? (int64_t)bytes : -EFAULT;
}

int64_t do_statx(struct call_context *context, const uint64_t *args)
{
    char host[CALL_PATH_BYTES];
    int64_t error = host_path(context, (int)args[0], args[1], !(args[2] & AT_SYMLINK_NOFOLLOW), host);
    void *to = context->memory.at(context->memory.context, args[4], 256);
    if (error || !to)
        return error ? error : -EFAULT;
    return linux_host(context->owner, SYS_statx, args[0], (uint64_t)host, args[2], args[3], (uint64_t)to, 0);
}

int64_t do_fcntl(struct call_context *context, const uint64_t *args)
{
    const struct call_bits *bits = linux_constants[CONSTANTS_open];
    uint64_t value = args[2];
    if (args[1] == F_SETFL)
        value = call_bits_to_host(bits, value);
    int64_t result = linux_host(context->owner, SYS_fcntl, args[0], args[1], value, 0, 0, 0);
    if (result >= 0 && args[1] == F_GETFL)
        result = (int64_t)call_bits_to_guest(bits, (uint64_t)result);
    return result;
}

/* The host's own root stays what it is: this program's programs are to be found. Who may is who may on the host. */
int64_t do_chroot(struct call_context *context, const uint64_t *args)
{
    char host[CALL_PATH_BYTES];
    struct __user_cap_header_struct who = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct may[_LINUX_CAPABILITY_U32S_3];
    int64_t error = host_path(context, AT_FDCWD, args[0], true, host);
    struct stat about;
    if (!error && stat(host, &about) != 0)
        error = -errno;
    if (!error && !S_ISDIR(about.st_mode))
        error = -ENOTDIR;
    if (!error && access(host, X_OK) != 0)
        error = -EACCES;
    if (!error && (syscall(SYS_capget, &who, may) != 0 || !(may[0].effective & 1u << CAP_SYS_CHROOT)))
        error = -EPERM;
    return error ? error : paths_set_root(host);
}

/* With a root of its own /proc, /sys and /dev are the host's, and so is its table of mounts: none of a guest's that
 * sets up its system. So it is no more permitted than to a user. */
int64_t do_mount(struct call_context *context, const uint64_t *args)
{
    return paths_root()[0] ? -EPERM : call_plain(context, args);
}

int64_t do_umount2(struct call_context *context, const uint64_t *args)
{
    return paths_root()[0] ? -EPERM : call_plain(context, args);
}

/* A log's descriptor is none of the guest's. */
int64_t do_close(struct call_context *context, const uint64_t *args)
{
    return (int)args[0] == trail_descriptor() && trail_records() ? -EBADF : call_plain(context, args);
}

int64_t do_close_range(struct call_context *context, const uint64_t *args)
{
    const uint32_t first = (uint32_t)args[0], last = (uint32_t)args[1], log_fd = (uint32_t)trail_descriptor();
    if (!trail_records() || first > last || log_fd < first || log_fd > last)
        return call_plain(context, args);
    int64_t result = 0;
    if (first < log_fd)
        result = linux_host(context->owner, SYS_close_range, first, log_fd - 1, args[2], 0, 0, 0);
    if (!result && last > log_fd)
        result = linux_host(context->owner, SYS_close_range, log_fd + 1, last, args[2], 0, 0, 0);
    return result;
}

/* --- waiting ---------------------------------------------------------------------------------------- */

/* A call that waits with another signal mask: what handlers that begin meanwhile block besides. */
static int64_t take_mask(struct thread *thread, uint64_t address, uint64_t bytes)
{
    if (!address)
        return 0;
    if (bytes != sizeof thread->waits_mask)
        return -EINVAL;
    if (!guest_read(thread, &thread->waits_mask, address, sizeof thread->waits_mask))
        return -EFAULT;
    thread->waits = true;
    return 0;
}

static uint64_t mask_of(const struct thread *thread)
{
    return thread->waits ? (uint64_t)&thread->waits_mask : 0;
}

int64_t do_epoll_pwait(struct call_context *context, const uint64_t *args)
{
    struct thread *thread = context->owner;
    const struct call_layout *layout = &linux_layouts[LAYOUT_epoll_event];
    const int count = (int)args[2];
    if (count <= 0)
        return -EINVAL;
    const unsigned room = (unsigned)count < MAX_EVENTS ? (unsigned)count : MAX_EVENTS;
    if (!context->memory.at(NULL, args[1], (uint64_t)room * layout->guest_bytes))
        return -EFAULT;
    struct epoll_event few[16], *events = room <= 16 ? few : malloc(room * sizeof *events);
    int64_t result = events ? take_mask(thread, args[4], args[5]) : -ENOMEM;
    if (!result)
        result = linux_host(thread, SYS_epoll_pwait, args[0], (uint64_t)events, room, args[3], mask_of(thread), 8);
    for (int64_t i = 0; i < result; i++) {
        uint8_t guest[CALL_MAX_HOST_BYTES];
        layout->to_guest(guest, &events[i]);
        if (!guest_write(thread, args[1] + (uint64_t)i * layout->guest_bytes, guest, layout->guest_bytes)) {
            result = -EFAULT;
            break;
        }
    }
    if (events != few)
        free(events);
    return result;
}

int64_t do_ppoll(struct call_context *context, const uint64_t *args)
{
    struct thread *thread = context->owner;
    int64_t error = take_mask(thread, args[3], args[4]);
    const uint64_t own[CALL_MAX_ARGS] = {args[0], args[1], args[2], 0, 8, 0};
    if (error || !args[3])
        return error ? error : call_plain(context, own);
    void *at = context->memory.at(NULL, args[0], 8 * (uint64_t)(uint32_t)args[1]);
    void *timeout = context->memory.at(NULL, args[2], 16);
    if (args[0] && !at)
        return -EFAULT;
    return linux_host(thread, SYS_ppoll, (uint64_t)at, args[1], (uint64_t)(args[2] ? timeout : NULL), mask_of(thread),
                      8, 0);
}

int64_t do_pselect6(struct call_context *context, const uint64_t *args)
{
    struct thread *thread = context->owner;
    uint64_t guest[2] = {0, 8};
    if (args[5] && !guest_read(thread, guest, args[5], sizeof guest))
        return -EFAULT;
    int64_t error = take_mask(thread, guest[0], guest[1]);
    if (error)
        return error;
    const uint64_t mask[2] = {mask_of(thread), 8};
    for (unsigned i = 1; i <= 4; i++)
        if (args[i] && !context->memory.at(NULL, args[i], 16))
            return -EFAULT;
    return linux_host(thread, SYS_pselect6, args[0], args[1], args[2], args[3], args[4], (uint64_t)mask);
}

/* --- sockets ---------------------------------------------------------------------------------------- */

/* The address of a local socket is a path. */
static int64_t with_address(struct call_context *context, const uint64_t *args)
{
    struct sockaddr_un guest = {0}, host = {.sun_family = AF_UNIX};
    const uint64_t bytes = args[2];
    if (!paths_root()[0] || bytes < 4 || bytes > sizeof guest || !guest_read(context->owner, &guest, args[1], bytes) ||
        guest.sun_family != AF_UNIX || !guest.sun_path[0])
        return call_plain(context, args);
    char path[CALL_PATH_BYTES], text[sizeof guest.sun_path + 1] = {0};
    memcpy(text, guest.sun_path, bytes - offsetof(struct sockaddr_un, sun_path));
    int64_t error = context->set->path(context->owner, AT_FDCWD, text, path, true);
    if (error)
        return error;
    if (strlen(path) >= sizeof host.sun_path)
        return -ENAMETOOLONG;
    strcpy(host.sun_path, path);
    return linux_host(context->owner, context->call->host, args[0], (uint64_t)&host, sizeof host, 0, 0, 0);
}

int64_t do_bind(struct call_context *context, const uint64_t *args)
{
    return with_address(context, args);
}

int64_t do_connect(struct call_context *context, const uint64_t *args)
{
    return with_address(context, args);
}
