/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls of functions in the host's libraries, for guests of Armature: a program without an operating system, or a
 * kernel.
 *
 * Armature calls what the file given with --hostcall allows, and nothing else. Addresses are physical, and each buffer
 * lies in one piece of memory. A function is found by its name once, and called by its number:
 *
 *     if (armature_present()) {
 *         int64_t crc32 = armature_find(address_of_name, 5);
 *         uint64_t arguments[3] = {0, address_of_buffer, length}, sum;
 *         if (crc32 >= 0 && armature_call(crc32, address_of_arguments, 3, &sum) == 0) ...
 *
 * The conventions are those of the SMC Calling Convention (Arm DEN 0028), by HVC, in the range of vendor specific
 * hypervisor services. The compiler needs to know that memory changes: hence the clobbers. */
#ifndef ARMATURE_HYPERCALL_H
#define ARMATURE_HYPERCALL_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

/* Discovery (DEN 0028, 6.2): 4aca0a9d-4a21-4b1f-9c47-5c2c1ae0d0b5. */
#define ARMATURE_CALL_COUNT 0x8600ff00u
#define ARMATURE_CALL_UID   0x8600ff01u
#define ARMATURE_REVISION   0x8600ff03u /* x0: major, x1: minor */
#define ARMATURE_UID_0      0x9d0aca4au
#define ARMATURE_UID_1      0x1f4b214au
#define ARMATURE_UID_2      0x2c5c479cu
#define ARMATURE_UID_3      0xb5d0e01au

#define ARMATURE_FIND    0xc6000000u /* x1: name's address, x2: its length. x0: number or error */
#define ARMATURE_CALL                                                                                                  \
    0xc6000001u /* x1: number, x2: address of the arguments, x3: their count. x0: 0 or error, x1: result */
#define ARMATURE_CLOCK   0xc6000002u /* x0: 0, x1: nanoseconds of the host's steady clock */
#define ARMATURE_CONSOLE 0xc6000003u /* x1: address, x2: length of a text for the serial line. x0: 0 or error */

/** Errors. */
enum armature_error {
    ARMATURE_NOT_SUPPORTED = -1, /* no such call */
    ARMATURE_NO_FUNCTION = -2,   /* the list has none of that name or number */
    ARMATURE_BAD_COUNT = -3,     /* another number of arguments than the list says */
    ARMATURE_BAD_POINTER = -4,   /* not all of it is memory; a text that does not end */
    ARMATURE_TOO_BIG = -5,       /* more bytes than a call may move: 16 MiB in, 900 KiB out */
    ARMATURE_DENIED = -6,        /* the user's policy has it that the function is not called */
};

struct armature_result {
    uint64_t x0, x1, x2, x3;
};

static inline struct armature_result armature_hvc(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
    __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    return (struct armature_result){x0, x1, x2, x3};
}

/** Whether this machine has these calls. Needs EL1. */
static inline int armature_present(void)
{
    struct armature_result uid = armature_hvc(ARMATURE_CALL_UID, 0, 0, 0);
    return (uint32_t)uid.x0 == ARMATURE_UID_0 && (uint32_t)uid.x1 == ARMATURE_UID_1 &&
           (uint32_t)uid.x2 == ARMATURE_UID_2 && (uint32_t)uid.x3 == ARMATURE_UID_3;
}

/** The number of a function of the list; or an error, which is negative. */
static inline int64_t armature_find(uint64_t name_address, uint64_t length)
{
    return (int64_t)armature_hvc(ARMATURE_FIND, name_address, length, 0).x0;
}

/** Calls it: 0 or an error. `arguments_address`: of `count` numbers of 64 bits each. */
static inline int64_t armature_call(int64_t number, uint64_t arguments_address, uint64_t count, uint64_t *result)
{
    struct armature_result got = armature_hvc(ARMATURE_CALL, (uint64_t)number, arguments_address, count);
    *result = got.x1;
    return (int64_t)got.x0;
}

/** Nanoseconds of a clock of the host's that never goes back. */
static inline uint64_t armature_clock_ns(void)
{
    return armature_hvc(ARMATURE_CLOCK, 0, 0, 0).x1;
}

/** Prints on the serial line, a text at a time instead of a byte. */
static inline int64_t armature_print(uint64_t address, uint64_t length)
{
    return (int64_t)armature_hvc(ARMATURE_CONSOLE, address, length, 0).x0;
}

#endif
