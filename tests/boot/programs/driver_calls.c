/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls functions of the host's libraries from a program in the guest, by /dev/armature, right and wrong. Prints what
 * came of each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "armature_device.h"

static int device;

static void call(const char *name, unsigned count, const struct armature_argument *arguments)
{
    uint64_t result = 0;
    const int64_t number = armature_device_find(device, name);
    const int64_t error = number < 0 ? number : armature_device_call(device, number, &result, count, arguments);
    if (error)
        printf("%s: %s\n", name, armature_device_error(error));
    else
        printf("%s: 0x%" PRIx64 "\n", name, result);
}

#define CALL(name, ...)                                                                                                \
    call(name, sizeof((struct armature_argument[]){__VA_ARGS__}) / sizeof(struct armature_argument),                   \
         (struct armature_argument[]){__VA_ARGS__})

int main(void)
{
    static const char text[] = "a text of the guest's";
    const uint32_t length = sizeof text - 1;
    unsigned char digest[32];
    uint64_t first, second;

    device = armature_device_open();
    if (device < 0) {
        perror("/dev/armature");
        return 1;
    }
    CALL("crc32", armature_number(0), armature_in(text, length), armature_number(length));
    CALL("SHA256", armature_in(text, length), armature_number(length), armature_out(digest, sizeof digest));
    for (unsigned i = 0; i < sizeof digest; i++)
        printf("%02x%s", digest[i], i + 1 == sizeof digest ? "\n" : "");
    CALL("log", armature_in(text, sizeof text));
    CALL("system", armature_in(text, sizeof text));
    CALL("crc32", armature_number(0));
    CALL("crc32", armature_number(0), armature_number(~0ull), armature_number(length));
    CALL("crc32", armature_number(0), armature_in((const void *)8, length), armature_number(length));
    const int64_t failed = armature_device_clock(device, &first) | armature_device_clock(device, &second);
    printf("clock: %s\n", !failed && first && second >= first ? "goes on" : "wrong");
    return 0;
}
