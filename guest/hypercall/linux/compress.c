/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An example: what is on standard input, compressed by the host's zlib, goes to standard output. Up to 512 KiB. */
#include <stdio.h>
#include "armature_device.h"

static unsigned char plain[512 << 10], packed[600 << 10];

int main(void)
{
    const int device = armature_device_open();
    if (device < 0) {
        perror("compress: /dev/armature");
        return 1;
    }
    const int64_t compress2 = armature_device_find(device, "compress2");
    const uint64_t plain_bytes = fread(plain, 1, sizeof plain, stdin);
    uint64_t packed_bytes = sizeof packed, result = 0;
    const struct armature_argument arguments[] = {
        armature_out(packed, sizeof packed),
        armature_inout(&packed_bytes, sizeof packed_bytes),
        armature_in(plain, plain_bytes ? (uint32_t)plain_bytes : 1),
        armature_number(plain_bytes),
        armature_number(9),
    };
    const int64_t error = compress2 < 0 ? compress2 : armature_device_call(device, compress2, &result, 5, arguments);
    if (error || result) {
        fprintf(stderr, "compress: %s; zlib says %lld\n", armature_device_error(error), (long long)result);
        return 1;
    }
    return fwrite(packed, 1, packed_bytes, stdout) != packed_bytes || fflush(stdout);
}
