/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzz target: a text page under whatever a guest prints and somebody types and looks at. An input is actions: a byte
 * that says what, and as many as that takes; what is printed begins with the pieces that sequences are made of. */
#include <stdlib.h>
#include <string.h>
#include "machine/contract/display.h"
#include "machine/keys.h"
#include "machine/page.h"
#include "tests/fuzz/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_typed(void *context, const void *bytes, size_t length)
{
    check(length > 0 && length < 4096, "an answer that is none");
}

static void print(struct page *page, struct feed *feed)
{
    static const char *const pieces[] = {
        "\033[", "\033]", "\033P", "\033#8", "\033c", "\r\n", "\t", "\xe4\xb8\xad", "\xcc\x81", "\033[?1049h",
        "\033[?1049l", "\033[1;99r", "\033(0", "\033[9999;9999H", "\033[999L", "\033[999M", "\033[999@",
        "\033[?69h", "\033[5;9s", "\033[4h", "\033[999b", "\x9b",
    };
    const char *piece = pieces[take(feed, 1) % (sizeof pieces / sizeof pieces[0])];
    uint8_t bytes[24];
    unsigned length = (unsigned)take(feed, 1) % sizeof bytes;
    for (unsigned i = 0; i < length; i++)
        bytes[i] = (uint8_t)take(feed, 1);
    page_write(page, piece, strlen(piece));
    page_write(page, bytes, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feed feed = {data, data + size};
    struct error error = {""};
    struct page *page = page_create(take_typed, NULL, &error);
    uint32_t width, height;
    check(page, error.text);
    while (feed.at < feed.end) {
        switch (take(&feed, 1) % 6) {
        case 0: page_key(page, (unsigned)take(&feed, 1), take(&feed, 1) % 4); break;
        case 1: page_scroll(page, (int)take(&feed, 1) - 128); break;
        case 2: display_refresh(page_display(page)); break;
        default: print(page, &feed); break;
        }
    }
    display_refresh(page_display(page));
    check(display_frame(page_display(page), &width, &height) && width == PAGE_COLUMNS * PAGE_CELL_WIDTH, "no picture");
    check(key_character(30, false) == 'a', "no keys");
    page_free(page);
    return 0;
}
