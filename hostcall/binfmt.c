/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `armature install-binfmt`: the entry by which Linux's binfmt_misc hands AArch64 programs to this program
 * (Documentation/admin-guide/binfmt-misc.rst). Its flag P has the kernel pass on what a program was called, and say in
 * the auxiliary vector that it did, by which a start through the entry is known. */
#include "hostcall/binfmt.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define FOLDER "/proc/sys/fs/binfmt_misc"
#define NAME   "armature-aarch64"

#define AT_FLAGS_PRESERVE_ARGV0 1u /* include/uapi/linux/binfmts.h, since Linux 5.12 */
#define REGISTER_MAX_BYTES      1920u

/* The head of a little-endian ELF of 64 bits, a program or a movable one, for AArch64; what the mask leaves out may be
 * anything: the ABI and what follows it. */
static const struct {
    uint8_t value, mask;
} head[] = {
    {0x7f, 0xff}, {'E', 0xff},        {'L', 0xff}, {'F', 0xff}, {ELFCLASS64, 0xff}, {ELFDATA2LSB, 0xff},
    {EV_CURRENT, 0xff}, {0, 0},       {0, 0},      {0, 0},      {0, 0},             {0, 0},
    {0, 0},       {0, 0},             {0, 0},      {0, 0},      {ET_EXEC, 0xfe},    {0, 0xff},
    {EM_AARCH64, 0xff}, {0, 0xff},
};

static bool make_entry(char *entry, size_t room, struct error *error)
{
    char self[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return error_set(error, "/proc/self/exe: %s", strerror(errno));
    self[length] = 0;
    if (strpbrk(self, ":\n"))
        return error_set(error, "%s: an entry of binfmt_misc cannot name a path with a colon", self);
    char magic[4 * sizeof head / sizeof *head + 1] = "", mask[sizeof magic] = "";
    for (size_t i = 0; i < sizeof head / sizeof *head; i++) {
        sprintf(magic + 4 * i, "\\x%02x", head[i].value);
        sprintf(mask + 4 * i, "\\x%02x", head[i].mask);
    }
    if ((size_t)snprintf(entry, room, ":" NAME ":M::%s:%s:%s:P", magic, mask, self) >= room)
        return error_set(error, "%s: too long a path for an entry of binfmt_misc", self);
    return true;
}

/* The kernel wants it in one write. */
static bool register_entry(const char *entry, struct error *error)
{
    const int fd = open(FOLDER "/register", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error,
                         errno == ENOENT
                             ? "not registered: binfmt_misc is not mounted; mount -t binfmt_misc none " FOLDER
                             : "not registered: " FOLDER "/register: %s",
                         strerror(errno));
    const bool written = write(fd, entry, strlen(entry)) == (ssize_t)strlen(entry);
    const int reason = errno;
    close(fd);
    if (written)
        return true;
    if (reason == EEXIST)
        return error_set(error, "not registered: " FOLDER "/" NAME " is there already; echo -1 > " FOLDER "/" NAME
                                " takes it out");
    return error_set(error, "not registered: " FOLDER "/register: %s", strerror(reason));
}

int binfmt_command(int count, char **arguments, struct error *error)
{
    char entry[REGISTER_MAX_BYTES];
    if (count) {
        error_set(error, "install-binfmt: unknown option %s; armature install-binfmt --help tells", arguments[0]);
        return BINFMT_USAGE;
    }
    if (!make_entry(entry, sizeof entry, error))
        return BINFMT_FAILED;
    puts(entry);
    if (geteuid() != 0) {
        error_set(error, "not registered: that needs root; the line above is what " FOLDER "/register takes, and "
                         "/etc/binfmt.d/armature.conf");
        return BINFMT_FAILED;
    }
    return register_entry(entry, error) ? BINFMT_DONE : BINFMT_FAILED;
}

bool binfmt_started(int argc)
{
    return getauxval(AT_FLAGS) & AT_FLAGS_PRESERVE_ARGV0 && argc >= 3;
}

void binfmt_help(FILE *to)
{
    fputs("usage: armature install-binfmt\n\n"
          "Prints the line by which Linux's binfmt_misc hands programs for AArch64 to this program, so that they are\n"
          "started like any other; as root, with binfmt_misc mounted, registers it until the next boot. In\n"
          "/etc/binfmt.d/armature.conf it stays. Needs Linux 5.12. A dynamic program finds its interpreter and\n"
          "libraries where this host has them.\n",
          to);
}
