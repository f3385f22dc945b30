/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text pages: what is printed is drawn, in its colours, when somebody looks; history; keys; the terminal's answers. */
#include <stdio.h>
#include <stdlib.h>
#include "tests/unit/unit.h"
#include "machine/contract/display.h"
#include "machine/keys.h"
#include "machine/page.h"

static struct page *page;
static char typed[256];

static void take(void *context, const void *bytes, size_t length)
{
    strncat(typed, bytes, length);
}

static int set_up(void **state)
{
    struct error error = {""};
    page = page_create(take, NULL, &error);
    typed[0] = 0;
    return page ? 0 : -1;
}

static int tear_down(void **state)
{
    page_free(page);
    return 0;
}

static void print(const char *text)
{
    page_write(page, text, strlen(text));
}

/* How many pixels of a cell have a colour. */
static unsigned count(int row, int column, uint32_t colour)
{
    uint32_t width, height;
    unsigned found = 0;
    display_refresh(page_display(page));
    const uint32_t *frame = display_frame(page_display(page), &width, &height);
    assert_int_equal(width, PAGE_COLUMNS * PAGE_CELL_WIDTH);
    assert_int_equal(height, PAGE_ROWS * PAGE_CELL_HEIGHT);
    for (int i = 0; i < PAGE_CELL_HEIGHT * PAGE_CELL_WIDTH; i++)
        found += frame[(unsigned)(row * PAGE_CELL_HEIGHT + i / PAGE_CELL_WIDTH) * width +
                       (unsigned)(column * PAGE_CELL_WIDTH + i % PAGE_CELL_WIDTH)] == (0xff000000 | colour);
    return found;
}

static unsigned lit(int row, int column)
{
    return PAGE_CELL_HEIGHT * PAGE_CELL_WIDTH - count(row, column, 0);
}

static void test_drawing(void **state)
{
    assert_int_equal(lit(0, 0), 128); /* the cursor */
    print("I\r\n\033[41m \033[0m\033[7m \033[0m\xe2\x96\x88\xe2\x94\x80?");
    assert_in_range(lit(0, 0), 10, 40);
    assert_int_equal(lit(0, 1), 0);
    assert_int_equal(lit(1, 0), 128); /* red */
    assert_int_equal(lit(1, 1), 128); /* reverse */
    assert_int_equal(lit(1, 2), 128); /* a full block */
    assert_int_equal(lit(1, 3), 8);   /* a line of a box */
    assert_int_equal(lit(1, 5), 128); /* the cursor */
    print("\033[?25l");
    assert_int_equal(lit(1, 5), 0);
    print("\033[2J");
    assert_int_equal(lit(0, 0), 0);
    assert_int_equal(lit(1, 3), 0);
}

/* Line 7 is a full block, all others are dashes. */
static void test_history(void **state)
{
    print("\033[?25l");
    for (int i = 0; i < PAGE_ROWS + 10; i++) {
        char line[16];
        snprintf(line, sizeof line, "%s%s", i ? "\r\n" : "", i == 7 ? "\xe2\x96\x88" : "-");
        print(line);
    }
    assert_int_equal(lit(7, 0), 4);
    page_scroll(page, 5);
    assert_int_equal(lit(2, 0), 128); /* line 7 */
    print("\r\n"); /* who looks goes on looking at the same */
    assert_int_equal(lit(2, 0), 128);
    page_scroll(page, 1000);
    assert_int_equal(lit(7, 0), 128);
    page_key(page, 30, true);
    assert_int_equal(lit(7, 0), 4); /* typing leads back to the end */
    page_key(page, 42, true); /* Shift and page up */
    page_key(page, 104, true);
    assert_int_equal(lit(7, 0), 128);
    assert_string_equal(typed, "a");
    for (int i = 0; i < 3 * PAGE_HISTORY; i++)
        print("\r\n");
    page_scroll(page, 10 * PAGE_HISTORY);
    assert_int_equal(lit(7, 0), 0);
}

static void press(unsigned code)
{
    page_key(page, code, true);
    page_key(page, code, false);
}

static void test_keys(void **state)
{
    press(35);
    page_key(page, 42, true);
    press(35);
    press(3);
    page_key(page, 42, false);
    press(57);
    press(28);
    press(14);
    press(103);
    press(59);
    page_key(page, 29, true);
    press(46);
    press(26);
    page_key(page, 29, false);
    page_key(page, 56, true);
    press(45);
    page_key(page, 56, false);
    press(0);
    press(255);
    assert_string_equal(typed, "hH@ \r\x7f\033[A\033OP\003\033\033x");
    assert_int_equal(key_character(16, true), 'Q');
}

static void test_hostile(void **state)
{
    print("\033[999b\033[2147483647b\033[99999999999999999999;99999999999999999999H");
    print("\033[88888888888L\033[77777777777@x\033[2;1r");
    print("\033[5;5;5;5;5;5;5;5;5;5;5;5;5;5;5;5;5;5;5;5m\033[38;2m\033[48;5m");
    print("\033[?25l\033[HI");
    assert_in_range(lit(0, 0), 10, 40);
}

static void test_answers(void **state)
{
    print("\033[5;7H\033[6n");
    assert_string_equal(typed, "\033[5;7R");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_drawing), TEST(test_history), TEST(test_keys), TEST(test_answers),
                                       TEST(test_hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
