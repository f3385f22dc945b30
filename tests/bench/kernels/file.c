/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files in memory: made, written, looked up, listed, renamed and removed. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../kernel.h"

#define FILES 20

static char folder[] = "/dev/shm/bench-XXXXXX";

static void leave(void)
{
    rmdir(folder);
}

static void prepare(void)
{
    must(mkdtemp(folder) != NULL, "file: mkdtemp");
    must(chdir(folder) == 0, "file: chdir");
    atexit(leave);
}

static uint64_t run(unsigned round)
{
    char name[32], other[32];
    uint64_t sum = round;
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%u", i);
        int file = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
        must(file >= 0 && write(file, name, i + 1) == (ssize_t)i + 1 && close(file) == 0, "file: open");
    }
    DIR *listing = opendir(".");
    must(listing != NULL, "file: opendir");
    for (struct dirent *entry; (entry = readdir(listing));) {
        struct stat status;
        must(stat(entry->d_name, &status) == 0, "file: stat");
        if (S_ISREG(status.st_mode))
            sum += (uint64_t)status.st_size;
    }
    closedir(listing);
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%u", i);
        snprintf(other, sizeof other, "other-%u", i);
        must(access(other, F_OK) != 0 && rename(name, other) == 0 && unlink(other) == 0, "file: rename");
    }
    return sum;
}

KERNEL("file", "kernel", 97)
