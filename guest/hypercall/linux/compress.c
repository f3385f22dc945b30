/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An example: what is on standard input, compressed by the host's zlib, goes to standard output. Up to 512 KiB. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "armature_ioctl.h"

static unsigned char plain[512 << 10], packed[600 << 10];

int main(void)
{
    struct armature_find_request find = {.name = "compress2"};
    uint64_t packed_bytes = sizeof packed, plain_bytes = 0;
    ssize_t got;
    int device = open("/dev/armature", O_RDWR | O_CLOEXEC);
    if (device < 0 || ioctl(device, ARMATURE_IOC_FIND, &find) || find.number < 0) {
        fprintf(stderr, "compress: the host offers no compress2\n");
        return 1;
    }
    while ((got = read(STDIN_FILENO, plain + plain_bytes, sizeof plain - plain_bytes)) > 0)
        plain_bytes += (uint64_t)got;
    struct armature_call_request call = {
        .number = find.number,
        .count = 5,
        .arguments = {{(uintptr_t)packed, sizeof packed, ARMATURE_WRITE},
                      {(uintptr_t)&packed_bytes, sizeof packed_bytes, ARMATURE_READ | ARMATURE_WRITE},
                      {(uintptr_t)plain, plain_bytes ? (uint32_t)plain_bytes : 1, ARMATURE_READ},
                      {plain_bytes, 0, 0},
                      {9, 0, 0}},
    };
    if (ioctl(device, ARMATURE_IOC_CALL, &call) || call.status || call.result) {
        fprintf(stderr, "compress: the host's answer is %lld, zlib's %lld\n", (long long)call.status,
                (long long)call.result);
        return 1;
    }
    return fwrite(packed, 1, packed_bytes, stdout) != packed_bytes || fflush(stdout);
}
