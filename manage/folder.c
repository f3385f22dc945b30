/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Folders of machines, their locks and configurations. */
#include "manage/folder.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "machine/options_table.h"

bool folder_home(char path[PATH_MAX], const char *name, struct error *error)
{
    const char *own = getenv("ARMATURE_HOME"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int length;
    if (own && *own)
        length = snprintf(path, PATH_MAX, "%s%s%s", own, *name ? "/" : "", name);
    else if (data && *data == '/')
        length = snprintf(path, PATH_MAX, "%s/armature%s%s", data, *name ? "/" : "", name);
    else if (home && *home)
        length = snprintf(path, PATH_MAX, "%s/.local/share/armature%s%s", home, *name ? "/" : "", name);
    else
        return error_set(error, "there is no place for machines: set ARMATURE_HOME, or HOME");
    return length < PATH_MAX || error_set(error, "the name of the folder of machines is too long");
}

bool folder_path(char path[PATH_MAX], const char *machine, struct error *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    char name[80];
    size_t length = strlen(machine);
    if (length == 0 || length > 63 || strspn(machine, letters) != length || machine[0] == '.' || machine[0] == '-')
        return error_set(error,
                         "'%s' is no name for a machine: letters, digits, '.', '-' and '_' make one, 63 at most",
                         machine);
    snprintf(name, sizeof name, "machines/%s", machine);
    return folder_home(path, name, error);
}

bool folder_find(char path[PATH_MAX], const char *machine, struct error *error)
{
    struct stat information;
    if (!folder_path(path, machine, error))
        return false;
    return (stat(path, &information) == 0 && S_ISDIR(information.st_mode)) ||
           error_set(error, "there is no machine '%s' (%s); armature list shows those there are", machine, path);
}

static int open_lock(const char *path)
{
    char name[PATH_MAX + 8];
    snprintf(name, sizeof name, "%s/lock", path);
    return open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

pid_t folder_runner(const char *path)
{
    char text[32] = "";
    int fd = open_lock(path);
    if (fd < 0)
        return 0;
    bool runs = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    ssize_t length = runs ? read(fd, text, sizeof text - 1) : 0;
    close(fd);
    return length > 0 ? (pid_t)atol(text) : runs ? -1 : 0;
}

int folder_lock(const char *path, struct error *error)
{
    int fd = open_lock(path);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0 && errno == EWOULDBLOCK)
        error_set(error, "the machine runs already; armature list shows its process");
    else
        error_set(error, "%s/lock cannot be taken: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool config_add(struct config *config, const char *word, struct error *error)
{
    if (config->count == CONFIG_WORDS_MAX || !(config->words[config->count] = strdup(word)))
        return error_set(error, "a machine's configuration has at most %d words", CONFIG_WORDS_MAX);
    config->words[++config->count] = NULL;
    return true;
}

bool config_line(struct config *config, char *line, const char *path, unsigned number, struct error *error)
{
    char name[64] = "--";
    line += strspn(line, " \t");
    for (size_t end = strlen(line); end && strchr(" \t\r\n", line[end - 1]);)
        line[--end] = 0;
    if (!*line || *line == '#')
        return true;
    size_t length = strcspn(line, " \t");
    if (length < sizeof name - 3)
        memcpy(name + 2, line, length);
    const struct cli_option *option = cli_find(name);
    const char *value = line + length + strspn(line + length, " \t");
    if (!option || option->take_pair)
        return error_set(error, "%s:%u: '%.*s' is no option of a machine; armature run --help lists them", path,
                         number, (int)length, line);
    if (!option->value != !*value)
        return error_set(error, "%s:%u: %s behind '%.*s'", path, number,
                         option->value ? "a value is missing" : "nothing is expected", (int)length, line);
    return config_add(config, name, error) && (!option->value || config_add(config, value, error));
}

bool config_read(struct config *config, const char *path, struct error *error)
{
    char name[PATH_MAX + 8], *line = NULL;
    size_t room = 0;
    bool good = true;
    config->count = 0;
    snprintf(name, sizeof name, "%s/config", path);
    FILE *file = fopen(name, "re");
    if (!file)
        return error_set(error, "%s cannot be read: %s", name, strerror(errno));
    for (unsigned number = 1; good && getline(&line, &room, file) >= 0; number++)
        good = config_line(config, line, name, number, error);
    free(line);
    fclose(file);
    if (!good)
        config_free(config);
    return good;
}

const char *config_find(const struct config *config, const char *name, int *from)
{
    for (int i = *from + 1; i + 1 < config->count; i++)
        if (!strcmp(config->words[i], name)) {
            *from = i;
            return config->words[i + 1];
        }
    return NULL;
}

void config_free(struct config *config)
{
    while (config->count)
        free(config->words[--config->count]);
}
