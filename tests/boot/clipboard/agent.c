/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest's agent for a clipboard of text, in the protocol of spice-vdagent, at the port named com.redhat.spice.0: says
 * what it can, prints what the host has copied, then copies a text of its own and gives it when it is asked for. Ends
 * with status 0 when both have happened. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT = 4, ABILITIES = 6, GRAB = 7, REQUEST = 8 };

static int port;

static void say(uint32_t type, const void *body, uint32_t length)
{
    uint32_t words[7] = {1, 20 + length, 1, type, 0, 0, length};
    uint8_t all[512];
    memcpy(all, words, sizeof words);
    memcpy(all + sizeof words, body, length);
    if (write(port, all, sizeof words + length) != (ssize_t)(sizeof words + length))
        exit(2);
}

static void take(void *to, size_t length)
{
    for (uint8_t *at = to; length;) {
        ssize_t got = read(port, at, length);
        if (got <= 0) {
            usleep(10000); /* nobody at the other end yet */
            continue;
        }
        at += got;
        length -= (size_t)got;
    }
}

/* The next message, which is one chunk; returns its body's length. */
static uint32_t hear(uint32_t *type, uint8_t body[4096])
{
    uint32_t words[7];
    take(words, sizeof words);
    *type = words[3];
    if (words[0] != 1 || words[2] != 1 || words[6] > 4095 || words[1] != 20 + words[6])
        exit(3);
    take(body, words[6]);
    body[words[6]] = 0;
    return words[6];
}

static int open_port(void)
{
    char path[300], name[64] = "";
    DIR *all = opendir("/sys/class/virtio-ports");
    for (struct dirent *entry; all && (entry = readdir(all));) {
        snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file || !fgets(name, sizeof name, file) || strcmp(name, "com.redhat.spice.0\n"))
            continue;
        snprintf(path, sizeof path, "/dev/%s", entry->d_name);
        printf("agent: the port is %s\n", path);
        return open(path, O_RDWR);
    }
    return -1;
}

int main(void)
{
    static const char mine[] = "\0\0\0\0\1\0\0\0copied in the guest";
    uint8_t body[4096];
    uint32_t type;
    setvbuf(stdout, NULL, _IONBF, 0);
    if ((port = open_port()) < 0) {
        printf("agent: no port\n");
        return 1;
    }
    say(ABILITIES, (const uint32_t[]){1, 0x60}, 8);
    for (unsigned given = 0; given == 0;) {
        hear(&type, body);
        if (type == GRAB) {
            say(REQUEST, (const uint32_t[]){0, 1}, 8);
        } else if (type == TEXT) {
            printf("agent: the host copied '%s'\n", body + 8);
            say(GRAB, (const uint32_t[]){0, 1}, 8);
        } else if (type == REQUEST) {
            say(TEXT, mine, sizeof mine - 1);
            given = 1;
        }
    }
    printf("agent: given\n");
    return 0;
}
