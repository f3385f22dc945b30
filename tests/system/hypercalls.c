/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hypercalls: discovery, functions of the host's libraries, and everything wrong that a guest can ask for. The list is
 * the one of tests/system/test_hostcalls.py. Between marks it prints what the host checks. */
#include "guest.h"
#include "guest/hypercall/armature_hypercall.h"

#define CALL(function, result, ...)                                                                          \
    ({                                                                                                       \
        const uint64_t arguments_[] = {__VA_ARGS__};                                                         \
        armature_call(function, (uint64_t)arguments_, sizeof arguments_ / 8, result);                        \
    })

static int64_t find(const char *name)
{
    uint64_t length = 0;
    while (name[length])
        length++;
    return armature_find((uint64_t)name, length);
}

static char text[100000], packed[101000], again[100000];

static void compressing(void)
{
    int64_t bound = find("compressBound"), compress = find("compress2"), uncompress = find("uncompress");
    uint64_t room = 0, packed_bytes = sizeof packed, again_bytes = sizeof again, result;
    EXPECT(bound >= 0 && compress >= 0 && uncompress >= 0);
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (char)("host calls "[i % 11] + (i % 1009 == 0));
    EXPECT_EQ(CALL(bound, &room, sizeof text), 0);
    EXPECT(room > sizeof text && room <= sizeof packed);
    EXPECT_EQ(CALL(compress, &result, (uint64_t)packed, (uint64_t)&packed_bytes, (uint64_t)text, sizeof text, 9), 0);
    EXPECT_EQ(result, 0);
    EXPECT(packed_bytes > 100 && packed_bytes < sizeof text / 10);
    EXPECT_EQ(CALL(uncompress, &result, (uint64_t)again, (uint64_t)&again_bytes, (uint64_t)packed, packed_bytes), 0);
    EXPECT_EQ(result, 0);
    EXPECT_EQ(again_bytes, sizeof text);
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof text; i++)
        wrong += text[i] != again[i];
    EXPECT_EQ(wrong, 0);
    /* Too little room is zlib's error, which is a result: Z_BUF_ERROR. */
    packed_bytes = 10;
    EXPECT_EQ(CALL(compress, &result, (uint64_t)packed, (uint64_t)&packed_bytes, (uint64_t)text, sizeof text, 9), 0);
    EXPECT_EQ(result, (uint64_t)-5);
    EXPECT_EQ(CALL(find("crc32"), &result, 0, (uint64_t)"123456789", 9), 0);
    EXPECT_EQ(result, 0xcbf43926);
}

static void others(void)
{
    static const uint8_t abc[] = {0xba, 0x78, 0x16, 0xbf}; /* how SHA-256 of "abc" begins */
    uint8_t digest[32];
    uint64_t result, time[2] = {0, 0};
    EXPECT_EQ(CALL(find("memcpy"), &result, (uint64_t)again, (uint64_t)"copied by the host", 19), 0);
    EXPECT_EQ(result, 1); /* no address of the host's */
    print(again);
    print("\n");
    EXPECT_EQ(CALL(find("clock_gettime"), &result, 0, (uint64_t)time), 0);
    EXPECT_EQ(result, 0);
    EXPECT(time[0] > 1700000000 && time[1] < 1000000000);
    EXPECT_EQ(CALL(find("log"), &result, (uint64_t)"a line\nand no other"), 0);
    int64_t sha = find("SHA256");
    if (sha >= 0) { /* where the host has OpenSSL */
        EXPECT_EQ(CALL(sha, &result, (uint64_t)"abc", 3, (uint64_t)digest), 0);
        for (unsigned i = 0; i < sizeof abc; i++)
            EXPECT_EQ(digest[i], abc[i]);
        print("sha256\n");
    }
    uint64_t before = armature_clock_ns(), after = armature_clock_ns();
    EXPECT(before && after >= before);
    print_hex(after);
    print("\n");
    EXPECT_EQ(armature_print((uint64_t)"printed at once\n", 16), 0);
    EXPECT_EQ(armature_print(0x10, 16), (uint64_t)ARMATURE_BAD_POINTER);
}

static void wrong_ones(void)
{
    int64_t compress = find("compress2"), copy = find("memcpy"), log = find("log");
    uint64_t result, length = sizeof packed, top = 0x40000000 + (64ull << 20);
    EXPECT_EQ(find("system"), (uint64_t)ARMATURE_NO_FUNCTION);
    EXPECT_EQ(find(""), (uint64_t)ARMATURE_NO_FUNCTION);
    EXPECT_EQ(armature_find((uint64_t)"crc32", 1u << 30), (uint64_t)ARMATURE_NO_FUNCTION);
    EXPECT_EQ(armature_find(0x10, 5), (uint64_t)ARMATURE_BAD_POINTER);
    EXPECT_EQ(CALL(1000, &result, 1), (uint64_t)ARMATURE_NO_FUNCTION);
    EXPECT_EQ(CALL(-1, &result, 1), (uint64_t)ARMATURE_NO_FUNCTION);
    EXPECT_EQ(CALL(copy, &result, 1), (uint64_t)ARMATURE_BAD_COUNT);
    EXPECT_EQ(armature_call(copy, 0x10, 3, &result), (uint64_t)ARMATURE_BAD_POINTER);
    EXPECT_EQ(armature_call(copy, (uint64_t)-8, 3, &result), (uint64_t)ARMATURE_BAD_POINTER);
    EXPECT_EQ(CALL(copy, &result, (uint64_t)again, 0x10, 8), (uint64_t)ARMATURE_BAD_POINTER);
    EXPECT_EQ(CALL(copy, &result, 0x09000000, (uint64_t)text, 8), (uint64_t)ARMATURE_BAD_POINTER);
    EXPECT_EQ(CALL(copy, &result, (uint64_t)again, top - 4, 8), (uint64_t)ARMATURE_BAD_POINTER);
    EXPECT_EQ(CALL(copy, &result, (uint64_t)again, (uint64_t)-4, 8), (uint64_t)ARMATURE_BAD_POINTER);
    EXPECT_EQ(CALL(copy, &result, (uint64_t)again, (uint64_t)text, (uint64_t)-1), (uint64_t)ARMATURE_TOO_BIG);
    EXPECT_EQ(CALL(copy, &result, (uint64_t)again, (uint64_t)text, 2u << 20), (uint64_t)ARMATURE_TOO_BIG);
    EXPECT_EQ(CALL(compress, &result, (uint64_t)packed, 0x10, (uint64_t)text, 100, 9), (uint64_t)ARMATURE_BAD_POINTER);
    /* The length where the result goes: it is read once. */
    length = (uint64_t)-1;
    EXPECT_EQ(CALL(compress, &result, (uint64_t)packed, (uint64_t)&length, (uint64_t)text, 100, 9),
              (uint64_t)ARMATURE_TOO_BIG);
    /* A text without an end. */
    for (uint64_t at = top - 64; at < top; at++)
        *(volatile char *)at = 'x';
    EXPECT_EQ(CALL(log, &result, top - 64), (uint64_t)ARMATURE_BAD_POINTER);
    EXPECT_EQ(armature_hvc(0xc6001234, 0, 0, 0).x0, (uint64_t)ARMATURE_NOT_SUPPORTED);
}

void guest_main(void)
{
    EXPECT(armature_present());
    struct armature_result revision = armature_hvc(ARMATURE_REVISION, 0, 0, 0);
    EXPECT_EQ(revision.x0, 1);
    EXPECT_EQ(revision.x1, 0);
    EXPECT_EQ(psci(PSCI_VERSION, 0, 0, 0), 0x10001); /* which others asked for before */
    if (armature_present()) {
        compressing();
        others();
        wrong_ones();
    }
    guest_exit();
}
