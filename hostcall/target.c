/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hostcall/target.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hostcall/paths.h"

unsigned strings_count(char **strings)
{
    unsigned count = 0;
    while (strings[count])
        count++;
    return count;
}

int target_by_name(const char *name, char guest[CALL_PATH_BYTES], char host[CALL_PATH_BYTES])
{
    const char *path = strchr(name, '/') ? NULL : getenv("PATH");
    if (!path) {
        snprintf(guest, CALL_PATH_BYTES, "%s", name);
        return paths_to_host(NULL, AT_FDCWD, name, host, true);
    }
    for (; *path; path += strcspn(path, ":"), path += *path == ':') {
        const int length = (int)strcspn(path, ":");
        snprintf(guest, CALL_PATH_BYTES, "%.*s/%s", length ? length : 1, length ? path : ".", name);
        if (!paths_to_host(NULL, AT_FDCWD, guest, host, true) && access(host, X_OK) == 0)
            return 0;
    }
    return -ENOENT;
}

static ssize_t read_head(const char *host, uint8_t *head, size_t bytes)
{
    int fd = open(host, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, head, bytes);
    const int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return length;
}

/* A script's first line gives two words: the interpreter, and one argument with all the rest, or "". */
static bool parse_script(uint8_t *head, size_t length, char **interpreter, char **argument)
{
    head[length] = 0;
    char *line = (char *)head + 2;
    char *end = strpbrk(line, "\n");
    if (!end)
        return false;
    *end = 0;
    while (end > line && strchr(" \t\r", end[-1]) && end[-1])
        *--end = 0;
    line += strspn(line, " \t");
    *interpreter = line;
    line += strcspn(line, " \t");
    if (*line)
        *line++ = 0;
    *argument = line + strspn(line, " \t");
    return **interpreter;
}

int target_find(struct target *target)
{
    target->before_count = 0;
    for (unsigned depth = 0;; depth++) {
        if (depth == SCRIPT_DEPTH)
            return -ELOOP;
        uint8_t *head = target->heads[depth];
        struct stat about;
        if (stat(target->host, &about) != 0)
            return -errno;
        if (!S_ISREG(about.st_mode) || access(target->host, X_OK) != 0)
            return -EACCES;
        const ssize_t length = read_head(target->host, head, SCRIPT_BYTES);
        if (length < 0)
            return -errno;
        target->kind = program_kind(head, (size_t)length);
        if (target->kind != PROGRAM_SCRIPT)
            return target->kind == PROGRAM_NONE ? -ENOEXEC : 0;
        char *interpreter, *argument;
        if (!parse_script(head, (size_t)length, &interpreter, &argument))
            return -ENOEXEC;
        strcpy(target->scripts[depth], target->guest);
        /* the script's path stands for its argv[0]; of a script's script, before that */
        if (target->before_count)
            memmove(target->before + 1 + (*argument != 0), target->before,
                    target->before_count * sizeof *target->before);
        unsigned added = 0;
        if (*argument)
            target->before[added++] = argument;
        target->before[added] = target->scripts[depth];
        target->before_count += added + 1;
        snprintf(target->guest, sizeof target->guest, "%s", interpreter);
        int error = paths_to_host(NULL, AT_FDCWD, target->guest, target->host, true);
        if (error)
            return error;
    }
}

char **target_arguments(const struct target *target, char **arguments)
{
    const unsigned count = strings_count(arguments);
    char **all = calloc(count + target->before_count + 2, sizeof *all);
    unsigned used = 0;
    if (!all)
        return NULL;
    if (target->before_count) {
        all[used++] = (char *)target->guest;
        memcpy(all + used, target->before, target->before_count * sizeof *all);
        used += target->before_count;
    } else {
        all[used++] = count ? arguments[0] : (char *)"";
    }
    if (count > 1)
        memcpy(all + used, arguments + 1, (count - 1) * sizeof *all);
    return all;
}
