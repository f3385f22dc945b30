/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Semihosting: every call, right and wrong, in a folder that tests/cli makes ("data" is "0123456789\n", "out" a link
 * that leads out of it, "sub" a folder). The program ends with status 42. */
#include "semihost.h"

static void files(void)
{
    static char buffer[3 * 4096] __attribute__((aligned(16)));
    uint64_t data = open("data", 0);
    EXPECT(data != FAILED);
    EXPECT_EQ(CALL(FLEN, data), 11);
    EXPECT_EQ(CALL(ISTTY, data), 0);
    EXPECT_EQ(CALL(READ, data, (uint64_t)buffer, 4), 0);
    EXPECT(same(buffer, "0123", 4));
    EXPECT_EQ(CALL(READ, data, (uint64_t)buffer, 100), 93); /* 7 were left */
    EXPECT_EQ(CALL(READ, data, (uint64_t)buffer, 100), 100);
    EXPECT_EQ(CALL(SEEK, data, 8), 0);
    EXPECT_EQ(CALL(READ, data, (uint64_t)buffer + 4090, 3), 0);
    EXPECT(same(buffer + 4090, "89\n", 3));
    EXPECT_EQ(CALL(WRITE, data, (uint64_t)buffer, 5), 5); /* it is open to be read */
    EXPECT_EQ(semihost(ERRNO, 0), EBADF);
    EXPECT_EQ(CALL(CLOSE, data), 0);
    EXPECT_EQ(CALL(CLOSE, data), FAILED);
    EXPECT_EQ(CALL(READ, data, (uint64_t)buffer, 5), 5);

    /* Over pages, there and back. */
    for (unsigned i = 0; i < sizeof buffer; i++)
        buffer[i] = (char)(i * 7 + i / 4096);
    uint64_t made = open("sub/made", 7); /* w+b */
    EXPECT_EQ(CALL(WRITE, made, (uint64_t)buffer, sizeof buffer), 0);
    EXPECT_EQ(CALL(SEEK, made, 0), 0);
    for (unsigned i = 0; i < sizeof buffer; i++)
        buffer[i] = 0;
    EXPECT_EQ(CALL(READ, made, (uint64_t)buffer, sizeof buffer), 0);
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof buffer; i++)
        wrong += buffer[i] != (char)(i * 7 + i / 4096);
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(CALL(CLOSE, made), 0);
    EXPECT_EQ(CALL(RENAME, (uint64_t)"sub/made", 8, (uint64_t)"moved", 5), 0);
    EXPECT_EQ(CALL(REMOVE, (uint64_t)"sub/made", 8), FAILED);
    EXPECT_EQ(semihost(ERRNO, 0), ENOENT);
    uint64_t appended = open("moved", 8);
    EXPECT_EQ(CALL(WRITE, appended, (uint64_t)"end", 3), 0);
    EXPECT_EQ(CALL(FLEN, appended), sizeof buffer + 3);
    EXPECT_EQ(CALL(CLOSE, appended), 0);
    EXPECT_EQ(CALL(TMPNAM, (uint64_t)buffer, 17, 24), 0);
    EXPECT(same(buffer, "semihost-17.tmp", 16));
    EXPECT_EQ(CALL(TMPNAM, (uint64_t)buffer, 17, 15), FAILED);
}

/* As much as one answer brings. */
static void much(void)
{
    static char big[880 << 10];
    for (unsigned i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 13 >> 3);
    uint64_t made = open("big", 6);
    EXPECT_EQ(CALL(WRITE, made, (uint64_t)big, sizeof big), 0);
    EXPECT_EQ(CALL(SEEK, made, 0), 0);
    for (unsigned i = 0; i < sizeof big; i++)
        big[i] = 0;
    EXPECT_EQ(CALL(READ, made, (uint64_t)big, sizeof big), 0);
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof big; i++)
        wrong += big[i] != (char)(i * 13 >> 3);
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(CALL(CLOSE, made), 0);
    EXPECT_EQ(CALL(REMOVE, (uint64_t)"big", 3), 0);
}

static void wrong_ones(void)
{
    /* No way out of the folder: it is the root of all names and links. */
    EXPECT_EQ(open("out", 0), FAILED);
    EXPECT_EQ(semihost(ERRNO, 0), ENOENT);
    EXPECT_EQ(open("../secret", 0), FAILED);
    EXPECT_EQ(open("sub/../../secret", 0), FAILED);
    EXPECT_EQ(open("/etc/passwd", 0), FAILED);
    EXPECT_EQ(CALL(REMOVE, (uint64_t)"../secret", 9), FAILED);
    EXPECT_EQ(CALL(RENAME, (uint64_t)"../secret", 9, (uint64_t)"mine", 4), FAILED);
    EXPECT_EQ(open("sub", 0), FAILED);
    EXPECT_EQ(semihost(ERRNO, 0), EISDIR);
    EXPECT_EQ(open("none", 0), FAILED);
    EXPECT_EQ(open("data", 12), FAILED);
    EXPECT_EQ(CALL(OPEN, (uint64_t)"data", 0, 5000), FAILED);
    /* Pointers to nothing, and that wrap. */
    EXPECT_EQ(CALL(OPEN, 0x10, 0, 4), FAILED);
    EXPECT_EQ(semihost(OPEN, (void *)0x10), FAILED);
    EXPECT_EQ(semihost(ERRNO, 0), EFAULT);
    uint64_t data = open("data", 0);
    EXPECT_EQ(CALL(READ, data, 0xfffffffffffffff8, 11), 11);
    EXPECT_EQ(CALL(WRITE, data, 0xfffffffffffffff8, 16), 16);
    EXPECT_EQ(CALL(CLOSE, data), 0);
    EXPECT_EQ(CALL(CLOSE, 0), FAILED);
    EXPECT_EQ(CALL(CLOSE, 1000), FAILED);
    EXPECT_EQ(CALL(SYSTEM, (uint64_t)"true", 4), FAILED);
    EXPECT_EQ(semihost(0x7f, 0), FAILED);
}

static void the_rest(void)
{
    static char line[64];
    uint64_t block[4] = {(uint64_t)line, sizeof line}, before, after;
    EXPECT_EQ(semihost(GET_CMDLINE, block), 0);
    EXPECT(same(line, "guest-semihosting.elf one two", 30));
    EXPECT_EQ(block[1], 29);
    EXPECT_EQ(CALL(GET_CMDLINE, (uint64_t)line, 5), FAILED);
    uint64_t where = (uint64_t)block;
    EXPECT_EQ(semihost(HEAPINFO, &where), 0);
    EXPECT(block[0] < block[1] && block[1] <= block[3] && block[3] < block[2]);
    *(volatile uint64_t *)block[0] = 1; /* it is memory */
    *(volatile uint64_t *)(block[2] - 8) = 1;
    EXPECT_EQ(semihost(TICKFREQ, 0), 1000000000);
    EXPECT_EQ(semihost(ELAPSED, &before), 0);
    for (volatile unsigned i = 0; i < 1000; i++)
        continue;
    EXPECT_EQ(semihost(ELAPSED, &after), 0);
    EXPECT(after > before && after - before < 1000000000);
    EXPECT(semihost(CLOCK, 0) < 6000);
    EXPECT(semihost(TIME, 0) >= 1767225600); /* what --clock virtual begins with */
    EXPECT_EQ(CALL(ISERROR, FAILED), 1);
    EXPECT_EQ(CALL(ISERROR, 3), 0);
    static const uint8_t expected[] = {0x53, 0x48, 0x46, 0x42, 3};
    uint64_t features = open(":semihosting-features", 0);
    EXPECT_EQ(CALL(FLEN, features), 5);
    EXPECT_EQ(CALL(READ, features, (uint64_t)line, 5), 0);
    EXPECT(same(line, (const char *)expected, 5));
    EXPECT_EQ(CALL(SEEK, features, 4), 0);
    EXPECT_EQ(CALL(READ, features, (uint64_t)line, 5), 4);
    EXPECT_EQ(CALL(CLOSE, features), 0);
    EXPECT_EQ(open(":semihosting-features", 4), FAILED);
}

static void console(void)
{
    char letter = '!';
    uint64_t out = open(":tt", 4), error = open(":tt", 8), in = open(":tt", 0);
    EXPECT_EQ(CALL(ISTTY, out), 1);
    EXPECT_EQ(CALL(WRITE, out, (uint64_t)"written\n", 8), 0);
    EXPECT_EQ(CALL(WRITE, error, (uint64_t)"complained\n", 11), 0);
    semihost(WRITE0, "text up to its end\n");
    semihost(WRITEC, &letter);
    letter = '\n';
    semihost(WRITEC, &letter);
    EXPECT_EQ(CALL(READ, out, (uint64_t)&letter, 1), 1);
    EXPECT_EQ(CALL(WRITE, in, (uint64_t)&letter, 1), 1);
    EXPECT_EQ(CALL(SEEK, out, 0), FAILED);
    EXPECT_EQ(CALL(READ, in, (uint64_t)&letter, 1), 1); /* the serial line has the input */
    EXPECT_EQ(semihost(READC, 0), FAILED);
}

void guest_main(void)
{
    files();
    much();
    wrong_ones();
    the_rest();
    console();
    /* With the MMU on, addresses are translated. */
    mmu_on(identity_map());
    EXPECT_EQ(CALL(REMOVE, (uint64_t)"moved", 5), 0);
    /* Other numbers are no calls. */
    trap_clear();
    asm volatile("hlt #0xf001" ::: "memory");
    EXPECT_EQ(trap.count, 1);
    EXPECT_EQ(TRAP_EC(), 0);
    print(guest_failures() ? "FAIL\n" : "PASS\n");
    CALL(EXIT_EXTENDED, 0x20026, guest_failures() ? 1 : 42);
}
