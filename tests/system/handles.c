/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Handles of semihosting over a snapshot: tests/snapshots saves this guest where it says "waiting". "data" is
 * "0123456789\n"; to "log" it writes. Where "data" is another file by then it says so. */
#include "semihost.h"

void guest_main(void)
{
    static char buffer[16];
    uint64_t data = open("data", 0), log = open("log", 4), gone = open("data", 0);
    EXPECT(data != FAILED && log != FAILED && gone != FAILED);
    EXPECT_EQ(CALL(READ, data, (uint64_t)buffer, 4), 0);
    EXPECT_EQ(CALL(WRITE, log, (uint64_t)"one ", 4), 0);
    EXPECT_EQ(CALL(CLOSE, gone), 0);
    EXPECT_EQ(open("none", 0), FAILED);
    print("waiting\n");
    for (volatile unsigned i = 0; i < 100000; i++)
        continue;
    EXPECT_EQ(semihost(ERRNO, 0), ENOENT);
    EXPECT_EQ(CALL(CLOSE, gone), FAILED);
    if (CALL(READ, data, (uint64_t)buffer, 3) == 3) {
        EXPECT_EQ(semihost(ERRNO, 0), ESTALE);
        print("another file\n");
    } else {
        EXPECT(same(buffer, "456", 3));
    }
    EXPECT_EQ(CALL(WRITE, log, (uint64_t)"two\n", 4), 0);
    EXPECT_EQ(CALL(CLOSE, data), 0);
    EXPECT_EQ(CALL(CLOSE, log), 0);
    guest_exit();
}
