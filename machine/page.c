/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text pages: a display with the picture of a terminal (page_text.h), keys for it, and scrolling. Rows are drawn when
 * somebody looks, however much was printed in between. */
#include "machine/page.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/display.h"
#include "machine/font.h"
#include "machine/keys.h"

#define WIDTH  (PAGE_COLUMNS * PAGE_CELL_WIDTH)
#define HEIGHT (PAGE_ROWS * PAGE_CELL_HEIGHT)

struct page {
    struct page_text text;
    struct display *display;
    unsigned shift, control, alt; /* how many such keys are down */
};

/* --- drawing --------------------------------------------------------------------------------------- */

static void draw_row(struct page *page, unsigned row)
{
    static const struct display_format format = {2, 1, 0, DISPLAY_NO_ALPHA};
    uint32_t pixels[PAGE_CELL_HEIGHT][WIDTH];
    struct page_cell cells[PAGE_COLUMNS];
    page_text_row(&page->text, row, cells);
    for (unsigned column = 0; column < PAGE_COLUMNS; column++) {
        const struct page_cell *cell = &cells[column];
        const uint8_t *glyph = font_glyph(cell->character);
        for (unsigned y = 0; y < PAGE_CELL_HEIGHT; y++)
            for (unsigned x = 0; x < PAGE_CELL_WIDTH; x++)
                pixels[y][column * PAGE_CELL_WIDTH + x] =
                    glyph[y] >> (PAGE_CELL_WIDTH - 1 - x) & 1 ? cell->foreground : cell->background;
    }
    display_draw(page->display, (struct display_area){0, row * PAGE_CELL_HEIGHT, WIDTH, PAGE_CELL_HEIGHT}, format,
                 (const uint8_t *)pixels, sizeof pixels[0]);
}

static void refresh(void *context, bool all)
{
    struct page *page = context;
    for (unsigned row = 0; row < PAGE_ROWS; row++) {
        if (page->text.stale[row] || all)
            draw_row(page, row);
        page->text.stale[row] = false;
    }
}

/* --- keys ------------------------------------------------------------------------------------------ */

enum { CODE_PAGE_UP = 104, CODE_PAGE_DOWN = 109 };

/* Keys that make no character, by their Linux input codes, and what xterm sends for them. With `cursor` it is ESC O in
 * place of ESC [ where the guest has asked for that. */
static const struct {
    uint8_t code;
    bool cursor;
    const char *sends;
} special[] = {
    {1, false, "\033"},      {14, false, "\x7f"},     {15, false, "\t"},       {28, false, "\r"},
    {96, false, "\r"},       {103, true, "\033[A"},   {108, true, "\033[B"},   {106, true, "\033[C"},
    {105, true, "\033[D"},   {102, true, "\033[H"},   {107, true, "\033[F"},   {110, false, "\033[2~"},
    {111, false, "\033[3~"}, {104, false, "\033[5~"}, {109, false, "\033[6~"}, {59, false, "\033OP"},
    {60, false, "\033OQ"},   {61, false, "\033OR"},   {62, false, "\033OS"},   {63, false, "\033[15~"},
    {64, false, "\033[17~"}, {65, false, "\033[18~"}, {66, false, "\033[19~"}, {67, false, "\033[20~"},
    {68, false, "\033[21~"}, {87, false, "\033[23~"}, {88, false, "\033[24~"},
};

/* Whether the key is one that changes what others mean. */
static bool take_modifier(struct page *page, unsigned code, bool pressed)
{
    unsigned *count = code == 42 || code == 54    ? &page->shift
                      : code == 29 || code == 97  ? &page->control
                      : code == 56 || code == 100 ? &page->alt
                                                  : NULL;
    if (count && (pressed || *count))
        *count += pressed ? 1u : -1u;
    return count;
}

/* What a key sends; its length. */
static size_t key_bytes(const struct page *page, unsigned code, char bytes[8])
{
    for (unsigned i = 0; i < sizeof special / sizeof special[0]; i++)
        if (special[i].code == code) {
            strcpy(bytes, special[i].sends);
            if (special[i].cursor && page->text.cursor_keys)
                bytes[1] = 'O';
            return strlen(bytes);
        }
    bytes[0] = key_character(code, page->shift != 0);
    if (!bytes[0])
        return 0;
    if (page->control && (bytes[0] >= '@' || bytes[0] == ' '))
        bytes[0] &= 0x1f;
    return 1;
}

void page_key(struct page *page, unsigned code, bool pressed)
{
    char bytes[9] = "\033";
    if (take_modifier(page, code, pressed) || !pressed)
        return;
    if (page->shift && (code == CODE_PAGE_UP || code == CODE_PAGE_DOWN)) {
        page_scroll(page, code == CODE_PAGE_UP ? PAGE_ROWS / 2 : -PAGE_ROWS / 2);
        return;
    }
    size_t length = key_bytes(page, code, bytes + 1);
    if (!length)
        return;
    page_text_scroll(&page->text, INT16_MIN);
    page->text.send(page->text.context, bytes + !page->alt, length + (page->alt != 0));
}

/* --- the page -------------------------------------------------------------------------------------- */

void page_scroll(struct page *page, int lines)
{
    page_text_scroll(&page->text, lines);
}

void page_write(struct page *page, const void *bytes, size_t length)
{
    page_text_write(&page->text, bytes, length);
}

struct display *page_display(const struct page *page)
{
    return page->display;
}

struct page *page_create(void (*send)(void *context, const void *bytes, size_t length), void *context,
                         struct error *error)
{
    struct display *display = display_create(error);
    if (!display)
        return NULL;
    struct page *page = host_alloc(1, sizeof *page);
    page->display = display;
    page->text.send = send;
    page->text.context = context;
    page_text_reset(&page->text);
    display_underlay(display, &(struct display_underlay){WIDTH, HEIGHT, refresh, page});
    return page;
}

void page_free(struct page *page)
{
    if (!page)
        return;
    page_text_free(&page->text);
    display_free(page->display);
    free(page);
}
