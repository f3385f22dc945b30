/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The terminal behind a text page: what a guest prints, by the sequences of ECMA-48 and of xterm that Linux's
 * programs use (login, shells, vi, less, htop), as cells; and the lines that have scrolled off. Whatever is printed,
 * only its own cells change, and a number in a sequence does no more than fill the page once. */
#ifndef ARMATURE_PAGE_TEXT_H
#define ARMATURE_PAGE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_COLUMNS     80
#define PAGE_ROWS        24
#define PAGE_HISTORY     2000 /* lines that have scrolled off and are kept */
#define PAGE_NUMBERS_MAX 16u

struct page_cell {
    uint32_t character, foreground, background; /* colours: 0xRRGGBB */
};

struct page_line {
    struct page_cell cells[PAGE_COLUMNS];
};

/** How characters are written; what ESC 7 keeps of it. */
struct page_pen {
    int row, column;
    bool wraps;            /* the last column was written, and the next character begins a line */
    int32_t foreground, background; /* a number of the palette, or -1 - 0xRRGGBB; PAGE_COLOUR_NONE */
    bool bold, reverse, lines; /* lines: letters are pieces of boxes (DEC's special graphics) */
};

struct page_text {
    struct page_line rows[PAGE_ROWS], other[PAGE_ROWS]; /* other: of the screen that is not shown */
    struct page_pen pen, saved;
    int top, bottom; /* the rows that scroll: from top to the one before bottom */
    bool second;     /* the alternate screen is shown, which has no history */
    bool insert, no_wrap, origin, cursor_hidden, cursor_keys;
    /* Within a sequence. */
    enum {
        PAGE_TEXT,
        PAGE_ESCAPE,   /* ESC */
        PAGE_CHARSET,  /* ESC ( and the like: one more byte */
        PAGE_CONTROL,  /* CSI: numbers, and a letter */
        PAGE_STRING,   /* OSC, DCS and others, which are left out, up to BEL or ST */
        PAGE_STRING_ESCAPE,
    } state;
    uint8_t charset, mark; /* which ESC ( it was; '?' or '>' behind CSI, or a blank before the letter */
    uint16_t numbers[PAGE_NUMBERS_MAX];
    unsigned number_count;
    uint32_t character; /* UTF-8 so far */
    unsigned more;      /* bytes of it that are to come */
    bool stale[PAGE_ROWS];
    int scrolled; /* lines, up */
    struct page_line *history[PAGE_HISTORY]; /* a ring, made as they come */
    unsigned history_first, history_count;
    void (*send)(void *context, const void *bytes, size_t length); /* answers */
    void *context;
};

/** As after power-on; history stays. */
void page_text_reset(struct page_text *text);
void page_text_free(struct page_text *text);
void page_text_write(struct page_text *text, const void *bytes, size_t length);
/** Scrolls up; far down is the end. */
void page_text_scroll(struct page_text *text, int lines);
/** What a row shows, the cursor in it. */
void page_text_row(const struct page_text *text, unsigned row, struct page_cell cells[PAGE_COLUMNS]);

#endif
