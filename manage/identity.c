/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A machine's seed and key. */
#include "manage/identity.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_LINE_BYTES 2048 /* of an arm64 kernel */

bool identity_seed(struct config *config, struct error *error)
{
    uint64_t seed;
    char text[24];
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        return error_set(error, "the host has no random numbers: %s; give --seed", strerror(errno));
    snprintf(text, sizeof text, "%" PRIu64, seed);
    return config_add(config, "--seed", error) && config_add(config, text, error);
}

/* Runs ssh-keygen. Returns its status; 127: there is none. */
static int make_key(const char *file, const char *machine)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        execlp("ssh-keygen", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", machine, "-f", file, (char *)NULL);
        _exit(127);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Adds the key's line, in quotation marks as it has spaces: Debian 12's systemd knows no escapes or base64 here. */
static bool add_key(char line[COMMAND_LINE_BYTES], const char *file, struct error *error)
{
    char name[PATH_MAX + 32], key[1024] = "";
    snprintf(name, sizeof name, "%s.pub", file);
    FILE *from = fopen(name, "re");
    bool good = from && fgets(key, sizeof key, from);
    if (from)
        fclose(from);
    if (!good)
        return error_set(error, "%s cannot be read: %s", name, strerror(errno));
    key[strcspn(key, "\n")] = 0;
    size_t used = strlen(line);
    used += (size_t)snprintf(line + used, COMMAND_LINE_BYTES - used,
                             " \"systemd.set_credential=ssh.authorized_keys.root:%s\"", key);
    return used < COMMAND_LINE_BYTES ||
           error_set(error, "the kernel's command line is too long: at most %d bytes", COMMAND_LINE_BYTES - 1);
}

bool identity_login(struct config *config, const char *path, const char *machine, bool *made, struct error *error)
{
    char file[PATH_MAX + 16], line[COMMAND_LINE_BYTES];
    int at = -1;
    const char *before = config_find(config, "--append", &at);
    snprintf(line, sizeof line - 80, "%s", before ? before : "");
    snprintf(line + strlen(line), 80, " systemd.hostname=%s", machine);
    snprintf(file, sizeof file, "%s/" IDENTITY_KEY, path);
    int status = make_key(file, machine);
    *made = status == 0;
    if (status && status != 127)
        return error_set(error, "ssh-keygen could make no key in %s", path);
    if (*made && !add_key(line, file, error))
        return false;
    char *whole = before ? strdup(line) : NULL;
    if (!whole)
        return !before || error_set(error, "no memory on the host");
    free(config->words[at + 1]);
    config->words[at + 1] = whole;
    return true;
}
