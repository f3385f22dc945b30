/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Isolation: the files that a run may still open (Landlock), in terms of its options. */
#include "machine/isolation.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What later kernels added; the host's headers may be older. The number is the version of the interface. */
#define ACCESS_REFER     (1ull << 13) /* 2 */
#define ACCESS_TRUNCATE  (1ull << 14) /* 3 */
#define ACCESS_IOCTL     (1ull << 15) /* 5 */
#define NET_BIND_CONNECT 3ull         /* 4 */
#define SCOPE_ABSTRACT   1ull         /* 6 */
#define SCOPE_SIGNAL     2ull         /* 6 */

struct ruleset {
    uint64_t files, network, scoped;
};

#define READ  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE)
/* Files, sockets and folders may be made, renamed and removed beneath. */
#define MAKE                                                                                                         \
    (WRITE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_DIR |              \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | ACCESS_REFER)
#define OF_FILES \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | ACCESS_TRUNCATE)

struct walls {
    int fd;
    uint64_t handled;
    bool verbose;
};

/* Lets `path`, and what is beneath it, be used so. What is not there cannot be. */
static void allow(const struct walls *walls, const char *path, uint64_t access)
{
    struct stat information;
    struct landlock_path_beneath_attr beneath = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (beneath.parent_fd < 0)
        return;
    beneath.allowed_access = access & walls->handled;
    if (fstat(beneath.parent_fd, &information) == 0 && !S_ISDIR(information.st_mode))
        beneath.allowed_access &= OF_FILES;
    if (syscall(SYS_landlock_add_rule, walls->fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0 && walls->verbose)
        fprintf(stderr, "armature: isolation: %s: %s\n", path, strerror(errno));
    close(beneath.parent_fd);
}

/* The folder that a file is in, or is to be in. NULL is allowed. */
static void allow_folder_of(const struct walls *walls, const char *path)
{
    char folder[4096];
    if (!path || snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder)
        return;
    char *end = strrchr(folder, '/');
    if (!end)
        strcpy(folder, ".");
    else
        end[end == folder] = 0;
    allow(walls, folder, MAKE);
}

static void allow_place(const struct walls *walls, const char *place)
{
    if (place && !strncmp(place, "unix:", 5))
        allow_folder_of(walls, place + 5);
}

static void allow_line(const struct walls *walls, const struct serial_option *line)
{
    if (line->kind == SERIAL_UNIX)
        allow_folder_of(walls, line->path);
}

static void allow_options(const struct walls *walls, const struct run_options *options)
{
    const char *const read[] = {options->kernel, options->initrd, options->dtb, options->firmware, options->symbols};
    for (unsigned i = 0; i < sizeof read / sizeof read[0]; i++)
        if (read[i])
            allow(walls, read[i], READ);
    const char *const made[] = {options->screenshot, options->record,   options->failure_snapshot,
                                options->restore,    options->jit_dump, options->firmware_vars};
    for (unsigned i = 0; i < sizeof made / sizeof made[0]; i++)
        allow_folder_of(walls, made[i]);
    for (unsigned i = 0; i < options->save_count; i++)
        if (!options->saves[i].moves)
            allow_folder_of(walls, options->saves[i].path);
    for (unsigned i = 0; i < options->at_count; i++)
        if (!strncmp(options->at[i].action, "screenshot ", 11))
            allow_folder_of(walls, options->at[i].action + 11);
    for (unsigned i = 0; i < options->share_count; i++)
        if (*options->shares[i].path)
            allow(walls, options->shares[i].path,
                  options->shares[i].read_only ? READ : MAKE | LANDLOCK_ACCESS_FS_MAKE_FIFO);
    for (unsigned i = 0; i < options->net_count; i++)
        if (options->nets[i].kind == NET_SOCKET && options->nets[i].listens)
            allow_place(walls, options->nets[i].place);
    if (*options->vsock.path)
        allow_folder_of(walls, options->vsock.path);
    if (options->semihosting && *options->semihosting)
        allow(walls, options->semihosting, MAKE);
    if (options->perf_map)
        allow(walls, "/tmp", MAKE);
    allow_line(walls, &options->serial);
    allow_line(walls, &options->console);
    allow_place(walls, options->control);
    allow_place(walls, options->gdb);
}

/* What the program's own parts read: the name servers, its memory's map, and annexes where a debugger may open them. */
static void allow_own(const struct walls *walls, const struct run_options *options)
{
    static const char *const libraries[] = {"/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/usr/local/lib"};
    char program[4096];
    allow(walls, "/dev/null", WRITE);
    allow(walls, "/proc/self/pagemap", READ);
    if (options->net_count)
        allow(walls, "/etc/resolv.conf", READ);
    if (options->display.kind == DISPLAY_SDL) { /* where its key puts screenshots, and their names' time */
        allow(walls, ".", MAKE);
        allow(walls, "/etc/localtime", READ);
    }
    const bool sockets = options->control || options->gdb;
    if (!sockets && !isatty(STDIN_FILENO)) /* where Ctrl-A D leads to the debugger's prompt */
        return;
    const char *temporary = getenv("TMPDIR");
    if (sockets) {
        allow(walls, ".", MAKE);
        allow(walls, temporary && *temporary ? temporary : "/tmp", MAKE);
    }
    for (unsigned i = 0; i < sizeof libraries / sizeof libraries[0]; i++)
        allow(walls, libraries[i], READ);
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 16);
    if (length <= 0)
        return;
    program[length] = 0;
    *strrchr(program, '/') = 0;
    allow(walls, program, READ);
}

/* Whether anything that was asked for opens connections of TCP later. */
static bool wants_network(const struct run_options *options)
{
    bool wants = options->incoming || options->control || options->gdb;
    for (unsigned i = 0; i < options->net_count; i++)
        wants |= options->nets[i].kind == NET_USER || options->nets[i].kind == NET_SOCKET;
    for (unsigned i = 0; i < options->save_count; i++)
        wants |= options->saves[i].moves;
    return wants;
}

/* Whether there are processes beside it, which it ends. */
static bool has_child(const struct run_options *options)
{
    return options->display.kind == DISPLAY_SDL || options->sound.kind == SOUND_SDL;
}

static bool any_wants_network(const struct run_options *const all[], unsigned count)
{
    bool wants = false;
    for (unsigned i = 0; i < count; i++)
        wants |= wants_network(all[i]);
    return wants;
}

static bool build_walls(const struct run_options *const all[], unsigned count, struct error *error)
{
    const struct run_options *options = all[0];
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        if (options->verbose)
            fprintf(stderr, "armature: isolation: this kernel has no Landlock (%s), so files are not kept from the "
                            "process but by the user's rights\n", strerror(errno));
        return true;
    }
    struct ruleset rules = {.files = (1ull << 13) - 1};
    rules.files |= version >= 2 ? ACCESS_REFER : 0;
    rules.files |= version >= 3 ? ACCESS_TRUNCATE : 0;
    rules.files |= version >= 5 ? ACCESS_IOCTL : 0;
    rules.network = version >= 4 && !any_wants_network(all, count) ? NET_BIND_CONNECT : 0;
    rules.scoped = version >= 6 ? SCOPE_ABSTRACT | (has_child(options) ? 0 : SCOPE_SIGNAL) : 0;
    size_t size = version >= 6 ? sizeof rules : version >= 4 ? 16 : 8;
    struct walls walls = {(int)syscall(SYS_landlock_create_ruleset, &rules, size, 0), rules.files, options->verbose};
    if (walls.fd < 0)
        return error_set(error, "isolation: no Landlock rules from the host: %s; --no-isolation goes without",
                         strerror(errno));
    for (unsigned i = 0; i < count; i++) {
        allow_options(&walls, all[i]);
        allow_own(&walls, all[i]);
    }
    bool good = syscall(SYS_landlock_restrict_self, walls.fd, 0) == 0;
    close(walls.fd);
    if (good && options->verbose)
        fprintf(stderr, "armature: isolation: Landlock version %ld keeps all files away but those that were named%s\n",
                version, rules.network ? ", and TCP" : "");
    return good || error_set(error, "isolation: the Landlock rules are refused: %s; --no-isolation goes without",
                             strerror(errno));
}

bool isolation_enter(const struct run_options *options, bool commands, struct error *error)
{
    return isolation_enter_all(&options, 1, commands, error);
}

bool isolation_enter_all(const struct run_options *const all[], unsigned count, bool commands, struct error *error)
{
    const struct run_options *options = all[0];
    bool hostcall = false;
    for (unsigned i = 0; i < count; i++)
        hostcall |= all[i]->hostcall != NULL;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set(error, "isolation: privileges cannot be given up: %s", strerror(errno));
    if (options->no_isolation || hostcall) {
        if (options->verbose)
            fprintf(stderr, "armature: isolation: %s: only new privileges are given up\n",
                    options->no_isolation ? "--no-isolation" : "functions of host libraries may need anything");
        return true;
    }
    if (!commands && !build_walls(all, count, error))
        return false;
    if (commands && options->verbose)
        fprintf(stderr, "armature: isolation: commands may name any file, so files are not kept away\n");
    bool network = any_wants_network(all, count) || commands;
    if (!isolation_filter(network, has_child(options), error))
        return false;
    if (options->verbose)
        fprintf(stderr, "armature: isolation: system calls are filtered: no programs, no other processes%s\n",
                network ? "" : ", no sockets but Unix ones");
    return true;
}
