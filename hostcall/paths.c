/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guest's paths and the host's: with --root the guest's begin in another directory, as under chroot(). Symbolic
 * links are followed here, as the host would follow absolute ones from its own root. /proc, /sys and /dev are the
 * host's. */
#include "hostcall/paths.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINKS 40u

static const char *current_root = "";

const char *paths_root(void)
{
    return __atomic_load_n(&current_root, __ATOMIC_ACQUIRE);
}

void paths_restore_root(const char *root)
{
    __atomic_store_n(&current_root, root, __ATOMIC_RELEASE);
}

static const char *const hosts_own[] = {"/proc", "/sys", "/dev"};

static bool begins(const char *path, const char *with)
{
    const size_t length = strlen(with);
    return !strncmp(path, with, length) && (!path[length] || path[length] == '/');
}

static bool is_hosts_own(const char *path)
{
    for (unsigned i = 0; i < sizeof hosts_own / sizeof *hosts_own; i++)
        if (begins(path, hosts_own[i]))
            return true;
    return false;
}

const char *paths_to_guest(const char *host)
{
    if (!paths_root()[0] || !begins(host, paths_root()))
        return host;
    host += strlen(paths_root());
    return *host ? host : "/";
}

int paths_set_root(const char *host)
{
    struct stat about;
    char *root = realpath(host, NULL);
    if (!root)
        return -errno;
    const int error = stat(root, &about) != 0 ? errno : S_ISDIR(about.st_mode) ? 0 : ENOTDIR;
    if (error) {
        free(root);
        return -error;
    }
    /* The one before stays: another thread may be looking at it. */
    paths_restore_root(strcmp(root, "/") ? root : "");
    return 0;
}

void paths_enter_root(void)
{
    char at[CALL_PATH_BYTES];
    if (!paths_root()[0] || (getcwd(at, sizeof at) && (begins(at, paths_root()) || is_hosts_own(at))))
        return;
    if (chdir(paths_root()) != 0)
        return; /* where it may not go it stays */
}

/* A path on its way: `done` is the guest's, without links, `left` what is still to be walked. */
struct walk {
    char done[CALL_PATH_BYTES], left[CALL_PATH_BYTES];
    unsigned links;
};

static void up(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
}

/* The link's target comes before what is left. */
static int follow_link(struct walk *walk, const char *target, const char *rest)
{
    char left[CALL_PATH_BYTES];
    if (++walk->links > MAX_LINKS)
        return -ELOOP;
    if (snprintf(left, sizeof left, "%s%s", target, rest) >= (int)sizeof left)
        return -ENAMETOOLONG;
    strcpy(walk->left, left);
    if (target[0] == '/')
        walk->done[0] = 0;
    else
        up(walk->done);
    return 0;
}

static int walk_on(struct walk *walk, bool follow_last)
{
    while (*walk->left) {
        char name[256], host[2 * CALL_PATH_BYTES], target[CALL_PATH_BYTES];
        const char *at = walk->left + strspn(walk->left, "/");
        const size_t length = strcspn(at, "/");
        if (length >= sizeof name)
            return -ENAMETOOLONG;
        memcpy(name, at, length);
        name[length] = 0;
        const char *rest = at + length;
        const bool last = !rest[strspn(rest, "/")];
        char kept[CALL_PATH_BYTES];
        strcpy(kept, rest);
        if (!length) {
            break;
        } else if (!strcmp(name, "..")) {
            up(walk->done);
        } else if (strcmp(name, ".") != 0) {
            if (strlen(walk->done) + length + 2 > sizeof walk->done)
                return -ENAMETOOLONG;
            strcat(strcat(walk->done, "/"), name);
            const bool may_be_link = !is_hosts_own(walk->done) && (!last || follow_last || *rest);
            snprintf(host, sizeof host, "%s%s", paths_root(), walk->done);
            const ssize_t bytes = may_be_link ? readlink(host, target, sizeof target - 1) : -1;
            if (bytes >= 0) {
                target[bytes] = 0;
                int error = follow_link(walk, target, kept);
                if (error)
                    return error;
                continue;
            }
        }
        memmove(walk->left, kept, strlen(kept) + 1);
    }
    return 0;
}

/* The guest's absolute path of a directory that it has open, or works in. */
static int directory_path(int directory, char path[CALL_PATH_BYTES])
{
    char link[64], host[CALL_PATH_BYTES];
    if (directory == AT_FDCWD) {
        if (!getcwd(host, sizeof host))
            return -errno;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        const ssize_t bytes = readlink(link, host, sizeof host - 1);
        if (bytes < 0)
            return -EBADF;
        host[bytes] = 0;
    }
    strcpy(path, paths_to_guest(host));
    return 0;
}

int paths_to_host(void *owner, int directory, const char *guest, char host[CALL_PATH_BYTES], bool follow)
{
    if (!paths_root()[0] || !*guest) {
        strcpy(host, guest);
        return 0;
    }
    struct walk walk = {.links = 0};
    int error = 0;
    if (*guest != '/') {
        char base[CALL_PATH_BYTES];
        error = directory_path(directory, base);
        if (!error && snprintf(walk.left, sizeof walk.left, "%s/%s", base, guest) >= (int)sizeof walk.left)
            error = -ENAMETOOLONG;
    } else {
        strcpy(walk.left, guest);
    }
    const size_t length = strlen(guest);
    const bool wants_directory = guest[length - 1] == '/' && length > 1;
    error = error ? error : walk_on(&walk, follow || wants_directory);
    if (error)
        return error;
    const char *root = is_hosts_own(walk.done) ? "" : paths_root();
    const int bytes =
        snprintf(host, CALL_PATH_BYTES, "%s%s%s", root, walk.done, wants_directory || !*walk.done ? "/" : "");
    return bytes >= (int)CALL_PATH_BYTES ? -ENAMETOOLONG : 0;
}
