/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a cluster: sections, and lines as a machine's configuration has them. */
#include "manage/cluster_file.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/clock.h"
#include "machine/options_table.h"

/* [NAME], which is part of the names of files. */
static bool begin_section(struct cluster_file *file, char *line, const char *path, unsigned number, struct error *error)
{
    char *name = line + 1, *end = strchr(name, ']');
    bool good = end && end > name && end - name < 64 && !end[1] && isalnum((unsigned char)*name);
    for (char *at = name; good && at < end; at++)
        good = isalnum((unsigned char)*at) || strchr("._-", *at);
    if (!good)
        return error_set(error, "%s:%u: a machine begins with its name of letters, digits, '.', '-' and '_', such as "
                         "[one]", path, number);
    *end = 0;
    for (unsigned i = 0; i < file->count; i++)
        if (!strcmp(file->sections[i].name, name))
            return error_set(error, "%s:%u: there is a machine '%s' already", path, number, name);
    if (file->count == CLUSTER_MACHINES_MAX)
        return error_set(error, "%s:%u: a cluster has at most %u machines", path, number, CLUSTER_MACHINES_MAX);
    strcpy(file->sections[file->count++].name, name);
    return true;
}

/* What stands above the first machine. */
static bool take_setting(struct cluster_file *file, const char *line, const char *path, unsigned number,
                         struct error *error)
{
    size_t length = strcspn(line, " \t");
    const char *value = line + length + strspn(line + length, " \t");
    return (length == strlen("latency") && !strncmp(line, "latency", length) && time_parse(value, &file->latency_ns) &&
            file->latency_ns >= 1000 && file->latency_ns <= NS_PER_S) ||
           error_set(error, "%s:%u: expected [NAME] of a machine, or before the first one latency TIME, from 1us to 1s",
                     path, number);
}

static bool take_line(struct cluster_file *file, char *line, const char *path, unsigned number, struct error *error)
{
    line += strspn(line, " \t");
    for (size_t end = strlen(line); end && strchr(" \t\r\n", line[end - 1]);)
        line[--end] = 0;
    if (!*line || *line == '#')
        return true;
    if (*line == '[')
        return begin_section(file, line, path, number, error);
    if (!file->count)
        return take_setting(file, line, path, number, error);
    return config_line(&file->sections[file->count - 1].config, line, path, number, error);
}

static bool says(const struct config *config, const char *name)
{
    for (int i = 0; i < config->count; i++) {
        const struct cli_option *option = cli_find(config->words[i]);
        if (!strcmp(config->words[i], name))
            return true;
        i += option && option->value ? 1 : 0;
    }
    return false;
}

bool cluster_says(const struct cluster_section *section, const char *option)
{
    return says(&section->config, option);
}

/* What is said for all machines and not of this one, and then what is said of it. */
static bool join(struct cluster_section *section, int argc, char *const argv[], struct error *error)
{
    bool good = true;
    for (int i = 0; good && i < argc; i++) {
        const struct cli_option *option = cli_find(argv[i]);
        int values = !option ? 0 : option->take_pair ? 2 : option->value ? 1 : 0;
        bool taken = option && strcmp(option->name, "--cluster") && !says(&section->config, option->name);
        for (int word = 0; good && taken && word <= values && i + word < argc; word++)
            good = config_add(&section->all, argv[i + word], error);
        i += values;
    }
    for (int i = 0; good && i < section->config.count; i++)
        good = config_add(&section->all, section->config.words[i], error);
    return good;
}

struct cluster_file *cluster_file_read(const char *path, int argc, char *const argv[], struct error *error)
{
    struct cluster_file *file = host_alloc(1, sizeof *file);
    char *line = NULL;
    size_t room = 0;
    file->latency_ns = CLUSTER_LATENCY_NS;
    FILE *from = fopen(path, "re");
    bool good = from || error_set(error, "%s cannot be read: %s", path, strerror(errno));
    for (unsigned number = 1; good && getline(&line, &room, from) >= 0; number++)
        good = take_line(file, line, path, number, error);
    free(line);
    if (from)
        fclose(from);
    if (good && !file->count)
        good = error_set(error, "%s names no machine; each begins with its name, such as [one]", path);
    for (unsigned i = 0; good && i < file->count; i++)
        good = join(&file->sections[i], argc, argv, error);
    if (good)
        return file;
    cluster_file_free(file);
    return NULL;
}

void cluster_file_free(struct cluster_file *file)
{
    for (unsigned i = 0; file && i < file->count; i++) {
        config_free(&file->sections[i].config);
        config_free(&file->sections[i].all);
    }
    free(file);
}
