/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The library for programs of a Linux guest: requests to /dev/armature. */
#include "armature_device.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include "../armature_hypercall.h"

int armature_device_open(void)
{
    return open("/dev/armature", O_RDWR | O_CLOEXEC);
}

static int64_t ask(int device, unsigned long what, void *request)
{
    return ioctl(device, what, request) ? ARMATURE_ERRNO - errno : 0;
}

int64_t armature_device_find(int device, const char *name)
{
    struct armature_find_request request = {.number = ARMATURE_NO_FUNCTION};
    if (strlen(name) >= sizeof request.name)
        return ARMATURE_NO_FUNCTION;
    strcpy(request.name, name);
    const int64_t failed = ask(device, ARMATURE_IOC_FIND, &request);
    return failed ? failed : request.number;
}

int64_t armature_device_call(int device, int64_t number, uint64_t *result, unsigned count,
                             const struct armature_argument *arguments)
{
    struct armature_call_request request = {.number = number, .count = count};
    if (count > ARMATURE_ARGUMENTS_MAX)
        return ARMATURE_BAD_COUNT;
    memcpy(request.arguments, arguments, count * sizeof *arguments);
    const int64_t failed = ask(device, ARMATURE_IOC_CALL, &request);
    if (failed || request.status)
        return failed ? failed : request.status;
    *result = request.result;
    return 0;
}

int64_t armature_device_clock(int device, uint64_t *ns)
{
    __u64 now;
    const int64_t failed = ask(device, ARMATURE_IOC_CLOCK, &now);
    if (!failed)
        *ns = now;
    return failed;
}

const char *armature_device_error(int64_t error)
{
    static const char *const words[] = {
        [-ARMATURE_NOT_SUPPORTED] = "the host has no such call",
        [-ARMATURE_NO_FUNCTION] = "the host's list has no such function",
        [-ARMATURE_BAD_COUNT] = "another number of arguments than the list says",
        [-ARMATURE_BAD_POINTER] = "a buffer that is smaller than the function needs, or a text that does not end",
        [-ARMATURE_TOO_BIG] = "more bytes than a call may move",
        [-ARMATURE_DENIED] = "the host's policy has it that the function is not called",
    };
    if (error <= ARMATURE_ERRNO)
        return strerror((int)(ARMATURE_ERRNO - error));
    return error >= 0                                           ? "no error"
           : error <= -(int64_t)(sizeof words / sizeof *words) ? "an error that is not known"
                                                                : words[-error];
}
