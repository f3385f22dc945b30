/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The terminal behind a text page. */
#include "machine/page_text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "machine/contract/error.h"

#define COLOUR_NONE INT32_MIN
#define NUMBER_MAX  9999u
#define FOREGROUND  0xd0d0d0u
#define BACKGROUND  0u

/* --- colours --------------------------------------------------------------------------------------- */

static uint32_t palette(unsigned number)
{
    static const uint32_t first[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x3465d4, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
                                       0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x729fff, 0xff00ff, 0x00ffff, 0xffffff};
    if (number < 16)
        return first[number];
    if (number >= 232)
        return (8 + 10 * (number - 232)) * 0x010101u;
    unsigned parts[3] = {(number - 16) / 36, (number - 16) / 6 % 6, (number - 16) % 6};
    uint32_t colour = 0;
    for (unsigned i = 0; i < 3; i++)
        colour = colour << 8 | (parts[i] ? 55 + 40 * parts[i] : 0);
    return colour;
}

static uint32_t colour_of(int32_t colour, uint32_t none)
{
    return colour == COLOUR_NONE ? none : colour < 0 ? (uint32_t)(-1 - colour) : palette((unsigned)colour & 255);
}

static struct page_cell cell_with(const struct page_text *text, uint32_t character)
{
    const struct page_pen *pen = &text->pen;
    int32_t front = pen->foreground;
    if (pen->bold && front >= 0 && front < 8)
        front += 8;
    struct page_cell cell = {character, colour_of(front, pen->bold ? 0xffffff : FOREGROUND),
                             colour_of(pen->background, BACKGROUND)};
    if (pen->reverse)
        cell = (struct page_cell){character, cell.background, cell.foreground};
    return cell;
}

/* --- cells ----------------------------------------------------------------------------------------- */

static void make_stale(struct page_text *text, int from, int to)
{
    for (int row = from + text->scrolled; row < to + text->scrolled && row < PAGE_ROWS; row++)
        text->stale[row] = true;
}

static int bound(int value, int least, int most)
{
    return value < least ? least : value > most ? most : value;
}

/* Cells of a row, from a column to the one before another. */
static void erase(struct page_text *text, int row, int from, int to)
{
    struct page_cell blank = {' ', FOREGROUND, colour_of(text->pen.background, BACKGROUND)};
    for (int column = from; column < to; column++)
        text->rows[row].cells[column] = blank;
    make_stale(text, row, row + 1);
}

static void erase_rows(struct page_text *text, int from, int to)
{
    for (int row = from; row < to; row++)
        erase(text, row, 0, PAGE_COLUMNS);
}

/* Who looks at earlier lines goes on looking at them. */
static void keep_line(struct page_text *text)
{
    struct page_line **slot = &text->history[(text->history_first + text->history_count) % PAGE_HISTORY];
    if (!*slot)
        *slot = host_alloc(1, sizeof **slot);
    **slot = text->rows[0];
    if (text->history_count < PAGE_HISTORY)
        text->history_count++;
    else
        text->history_first = (text->history_first + 1) % PAGE_HISTORY;
    if (text->scrolled)
        page_text_scroll(text, 1);
}

/* Moves rows up by `count` (down where that is negative); what comes in is blank. */
static void move_rows(struct page_text *text, int top, int bottom, int count)
{
    const int height = bottom - top, step = bound(count, -height, height), size = height - abs(step);
    for (int i = 0; i < step && top == 0 && !text->second; i++) {
        keep_line(text);
        memmove(text->rows, text->rows + 1, (size_t)(bottom - 1) * sizeof *text->rows);
        erase(text, bottom - 1, 0, PAGE_COLUMNS);
    }
    if (step > 0 && (top != 0 || text->second)) {
        memmove(text->rows + top, text->rows + top + step, (size_t)size * sizeof *text->rows);
        erase_rows(text, bottom - step, bottom);
    } else if (step < 0) {
        memmove(text->rows + top - step, text->rows + top, (size_t)size * sizeof *text->rows);
        erase_rows(text, top, top - step);
    }
    make_stale(text, top, bottom);
}

/* Moves what stands right of the cursor to the right, or for a negative number to the left. */
static void move_cells(struct page_text *text, int count)
{
    const int column = text->pen.column, room = PAGE_COLUMNS - column, step = bound(count, -room, room);
    struct page_cell *cells = text->rows[text->pen.row].cells + column;
    const size_t size = (size_t)(room - abs(step)) * sizeof *cells;
    if (step > 0)
        memmove(cells + step, cells, size);
    else
        memmove(cells, cells - step, size);
    erase(text, text->pen.row, step > 0 ? column : PAGE_COLUMNS + step, step > 0 ? column + step : PAGE_COLUMNS);
}

/* --- the cursor ------------------------------------------------------------------------------------ */

static void move_to(struct page_text *text, int row, int column)
{
    struct page_pen *pen = &text->pen;
    make_stale(text, pen->row, pen->row + 1);
    pen->row = bound(row, 0, PAGE_ROWS - 1);
    pen->column = bound(column, 0, PAGE_COLUMNS - 1);
    pen->wraps = false;
    make_stale(text, pen->row, pen->row + 1);
}

/* A place as sequences say it, from 1 on, and within the rows that scroll where that was asked for. */
static void place(struct page_text *text, int row, int column)
{
    if (text->origin)
        row = bound(row + text->top, text->top + 1, text->bottom);
    move_to(text, row - 1, column - 1);
}

static void line_feed(struct page_text *text)
{
    if (text->pen.row == text->bottom - 1)
        move_rows(text, text->top, text->bottom, 1);
    else
        move_to(text, text->pen.row + 1, text->pen.column);
}

static void reverse_feed(struct page_text *text)
{
    if (text->pen.row == text->top)
        move_rows(text, text->top, text->bottom, -1);
    else
        move_to(text, text->pen.row - 1, text->pen.column);
}

/* DEC's special graphics, from '`' to '~'. */
static uint32_t line_character(uint32_t character)
{
    static const uint16_t pieces[] = {0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1,
                                      0x2424, 0x240b, 0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba,
                                      0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c,
                                      0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7};
    return character >= '`' && character <= '~' ? pieces[character - '`'] : character;
}

static void put(struct page_text *text, uint32_t character)
{
    struct page_pen *pen = &text->pen;
    if (character >= 0x300 && character <= 0x36f) /* belongs to the one before, which is drawn without */
        return;
    if (pen->wraps && !text->no_wrap) {
        move_to(text, pen->row, 0);
        line_feed(text);
    }
    if (text->insert)
        move_cells(text, 1);
    text->rows[pen->row].cells[pen->column] = cell_with(text, pen->lines ? line_character(character) : character);
    make_stale(text, pen->row, pen->row + 1);
    if (pen->column == PAGE_COLUMNS - 1)
        pen->wraps = true;
    else
        pen->column++;
}

/* --- sequences ------------------------------------------------------------------------------------- */

/* A number of the sequence, or what it is where none was given. */
static int number(const struct page_text *text, unsigned index, int otherwise)
{
    return index < text->number_count && text->numbers[index] ? text->numbers[index] : otherwise;
}

/* 38 and 48: ;5;NUMBER or ;2;RED;GREEN;BLUE. Returns how many numbers that were. */
static unsigned take_colour(const struct page_text *text, unsigned index, int32_t *colour)
{
    const uint16_t *numbers = text->numbers + index;
    unsigned left = text->number_count - index;
    if (left >= 3 && numbers[1] == 5) {
        *colour = numbers[2] & 255;
        return 3;
    }
    if (left >= 5 && numbers[1] == 2) {
        *colour = -1 - (int32_t)((numbers[2] & 255u) << 16 | (numbers[3] & 255u) << 8 | (numbers[4] & 255u));
        return 5;
    }
    return left;
}

static void set_pen(struct page_text *text)
{
    struct page_pen *pen = &text->pen;
    for (unsigned i = 0; i < text->number_count; i++) {
        unsigned what = text->numbers[i];
        switch (what) {
        case 0:
            pen->foreground = pen->background = COLOUR_NONE;
            pen->bold = pen->reverse = false;
            break;
        case 1: pen->bold = true; break;
        case 22: pen->bold = false; break;
        case 7: pen->reverse = true; break;
        case 27: pen->reverse = false; break;
        case 38: i += take_colour(text, i, &pen->foreground) - 1; break;
        case 39: pen->foreground = COLOUR_NONE; break;
        case 48: i += take_colour(text, i, &pen->background) - 1; break;
        case 49: pen->background = COLOUR_NONE; break;
        default:
            if (what >= 30 && what <= 37)
                pen->foreground = (int32_t)what - 30;
            else if (what >= 40 && what <= 47)
                pen->background = (int32_t)what - 40;
            else if (what >= 90 && what <= 97)
                pen->foreground = (int32_t)what - 82;
            else if (what >= 100 && what <= 107)
                pen->background = (int32_t)what - 92;
        }
    }
}

static void show_second(struct page_text *text, bool second)
{
    if (text->second == second)
        return;
    struct page_line line;
    for (unsigned row = 0; row < PAGE_ROWS; row++) {
        line = text->rows[row];
        text->rows[row] = text->other[row];
        text->other[row] = line;
    }
    text->second = second;
    page_text_scroll(text, INT16_MIN);
    if (second)
        erase_rows(text, 0, PAGE_ROWS);
    make_stale(text, 0, PAGE_ROWS);
}

static void set_mode(struct page_text *text, unsigned mode, bool on)
{
    if (text->mark != '?') {
        if (mode == 4)
            text->insert = on;
        return;
    }
    switch (mode) {
    case 1: text->cursor_keys = on; break;
    case 6:
        text->origin = on;
        place(text, 1, 1);
        break;
    case 7: text->no_wrap = !on; break;
    case 25:
        text->cursor_hidden = !on;
        make_stale(text, text->pen.row, text->pen.row + 1);
        break;
    case 47:
    case 1047: show_second(text, on); break;
    case 1049:
        if (on)
            text->saved = text->pen;
        show_second(text, on);
        if (!on)
            text->pen = text->saved;
        break;
    }
}

static void answer(struct page_text *text, int what)
{
    char bytes[32];
    if (what == 5)
        text->send(text->context, "\033[0n", 4);
    if (what == 6) {
        int row = text->pen.row + 1 - (text->origin ? text->top : 0);
        int length = snprintf(bytes, sizeof bytes, "\033[%d;%dR", row, text->pen.column + 1);
        text->send(text->context, bytes, (size_t)length);
    }
}

/* J and K: from the cursor, up to it, or all. */
static void erase_some(struct page_text *text, bool rows, int what)
{
    const struct page_pen *pen = &text->pen;
    if (rows && what >= 1)
        erase_rows(text, 0, what == 1 ? pen->row : PAGE_ROWS);
    if (rows && what == 0)
        erase_rows(text, pen->row + 1, PAGE_ROWS);
    erase(text, pen->row, what == 0 ? pen->column : 0, what == 1 ? pen->column + 1 : PAGE_COLUMNS);
}

static void tabulate(struct page_text *text, int count)
{
    int column = text->pen.column / 8 + count;
    if (count < 0 && text->pen.column % 8)
        column++;
    move_to(text, text->pen.row, 8 * bound(column, 0, PAGE_COLUMNS));
}

static void do_control(struct page_text *text, uint8_t letter)
{
    const int one = number(text, 0, 1), row = text->pen.row, column = text->pen.column;
    const bool inside = row >= text->top && row < text->bottom;
    switch (letter) {
    case '@': move_cells(text, one); break;
    case 'A': move_to(text, bound(row - one, inside ? text->top : 0, PAGE_ROWS), column); break;
    case 'B':
    case 'e': move_to(text, bound(row + one, 0, inside ? text->bottom - 1 : PAGE_ROWS), column); break;
    case 'C':
    case 'a': move_to(text, row, column + one); break;
    case 'D': move_to(text, row, column - one); break;
    case 'E': move_to(text, row + one, 0); break;
    case 'F': move_to(text, row - one, 0); break;
    case 'G':
    case '`': move_to(text, row, one - 1); break;
    case 'H':
    case 'f': place(text, one, number(text, 1, 1)); break;
    case 'I': tabulate(text, one); break;
    case 'J': erase_some(text, true, number(text, 0, 0)); break;
    case 'K': erase_some(text, false, number(text, 0, 0)); break;
    case 'L':
        if (inside)
            move_rows(text, row, text->bottom, -one);
        break;
    case 'M': /* lines that are taken out are not history */
        if (inside && row == 0 && !text->second) {
            const int gone = bound(one, 0, text->bottom);
            memmove(text->rows, text->rows + gone, (size_t)(text->bottom - gone) * sizeof *text->rows);
            erase_rows(text, text->bottom - gone, text->bottom);
            make_stale(text, 0, text->bottom);
        } else if (inside) {
            move_rows(text, row, text->bottom, one);
        }
        break;
    case 'P': move_cells(text, -one); break;
    case 'S': move_rows(text, text->top, text->bottom, one); break;
    case 'T': move_rows(text, text->top, text->bottom, -one); break;
    case 'X': erase(text, row, column, bound(column + one, 0, PAGE_COLUMNS)); break;
    case 'Z': tabulate(text, -one); break;
    case 'c':
        if (text->mark != '>')
            text->send(text->context, "\033[?6c", 5);
        break;
    case 'd': place(text, one, column + 1); break;
    case 'h':
    case 'l':
        for (unsigned i = 0; i < text->number_count; i++)
            set_mode(text, text->numbers[i], letter == 'h');
        break;
    case 'm':
        if (text->mark != '>' && text->mark != '?')
            set_pen(text);
        break;
    case 'n': answer(text, number(text, 0, 0)); break;
    case 'r':
        if (text->mark == '?')
            break;
        text->top = bound(one, 1, PAGE_ROWS) - 1;
        text->bottom = bound(number(text, 1, PAGE_ROWS), 1, PAGE_ROWS);
        if (text->bottom - text->top < 2) {
            text->top = 0;
            text->bottom = PAGE_ROWS;
        }
        place(text, 1, 1);
        break;
    case 's': text->saved = text->pen; break;
    case 'u':
        move_to(text, row, column);
        text->pen = text->saved;
        make_stale(text, text->pen.row, text->pen.row + 1);
        break;
    }
}

static void do_escape(struct page_text *text, uint8_t letter)
{
    text->state = PAGE_TEXT;
    switch (letter) {
    case '[':
        text->state = PAGE_CONTROL;
        text->mark = 0;
        text->number_count = 1;
        memset(text->numbers, 0, sizeof text->numbers);
        break;
    case ']':
    case 'P':
    case '^':
    case '_':
    case 'X': text->state = PAGE_STRING; break;
    case '(':
    case ')':
    case '#':
    case '%':
    case ' ':
        text->state = PAGE_CHARSET;
        text->charset = letter;
        break;
    case '7': text->saved = text->pen; break;
    case '8':
        make_stale(text, text->pen.row, text->pen.row + 1);
        text->pen = text->saved;
        make_stale(text, text->pen.row, text->pen.row + 1);
        break;
    case 'D': line_feed(text); break;
    case 'E':
        move_to(text, text->pen.row, 0);
        line_feed(text);
        break;
    case 'M': reverse_feed(text); break;
    case 'c': page_text_reset(text); break;
    }
}

/* Within CSI: digits, what separates them, marks, and the letter that ends it. */
static void take_control(struct page_text *text, uint8_t byte)
{
    uint16_t *last = &text->numbers[text->number_count - 1];
    if (byte >= '0' && byte <= '9') {
        unsigned value = *last * 10u + byte - '0';
        *last = (uint16_t)(value < NUMBER_MAX ? value : NUMBER_MAX);
    } else if (byte == ';' || byte == ':') {
        if (text->number_count < PAGE_NUMBERS_MAX)
            text->number_count++;
    } else if (byte >= 0x40) {
        text->state = PAGE_TEXT;
        if (byte < 0x7f && text->mark != ' ')
            do_control(text, byte);
    } else {
        text->mark = byte >= 0x3c ? byte : ' ';
    }
}

static void take_low(struct page_text *text, uint8_t byte)
{
    switch (byte) {
    case '\b': move_to(text, text->pen.row, text->pen.column - 1); break;
    case '\t': tabulate(text, 1); break;
    case '\n':
    case '\v':
    case '\f': line_feed(text); break;
    case '\r': move_to(text, text->pen.row, 0); break;
    case 0x18:
    case 0x1a: text->state = PAGE_TEXT; break;
    case 0x1b: text->state = PAGE_ESCAPE; break;
    }
}

/* A byte of a character; one that makes no sense where it stands is shown as such. */
static void take_character(struct page_text *text, uint8_t byte)
{
    if (text->more && (byte & 0xc0) == 0x80) {
        text->character = text->character << 6 | (byte & 0x3f);
        if (!--text->more)
            put(text, text->character);
        return;
    }
    if (text->more)
        put(text, 0xfffd);
    text->more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
    text->character = byte & (0x3fu >> text->more);
    if (byte < 0x80)
        put(text, byte);
    else if (!text->more)
        put(text, 0xfffd);
}

static void take(struct page_text *text, uint8_t byte)
{
    if (text->state == PAGE_STRING || text->state == PAGE_STRING_ESCAPE) {
        bool ends = byte == 7 || byte == 0x18 || byte == 0x1a || (text->state == PAGE_STRING_ESCAPE && byte == '\\');
        text->state = ends ? PAGE_TEXT : byte == 0x1b ? PAGE_STRING_ESCAPE : PAGE_STRING;
    } else if (byte < 0x20) {
        text->more = 0;
        take_low(text, byte);
    } else if (text->state == PAGE_ESCAPE) {
        do_escape(text, byte);
    } else if (text->state == PAGE_CONTROL) {
        take_control(text, byte);
    } else if (text->state == PAGE_CHARSET) {
        if (text->charset == '(')
            text->pen.lines = byte == '0';
        text->state = PAGE_TEXT;
    } else if (byte != 0x7f) {
        take_character(text, byte);
    }
}

/* --- entry points ---------------------------------------------------------------------------------- */

void page_text_write(struct page_text *text, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        take(text, ((const uint8_t *)bytes)[i]);
}

void page_text_reset(struct page_text *text)
{
    page_text_scroll(text, INT16_MIN);
    text->pen = text->saved = (struct page_pen){.foreground = COLOUR_NONE, .background = COLOUR_NONE};
    text->top = 0;
    text->bottom = PAGE_ROWS;
    text->second = text->insert = text->no_wrap = text->origin = text->cursor_hidden = text->cursor_keys = false;
    text->state = PAGE_TEXT;
    text->more = 0;
    erase_rows(text, 0, PAGE_ROWS);
    memcpy(text->other, text->rows, sizeof text->other);
}

void page_text_free(struct page_text *text)
{
    for (unsigned i = 0; i < PAGE_HISTORY; i++)
        free(text->history[i]);
}

void page_text_scroll(struct page_text *text, int lines)
{
    int scrolled = bound(text->scrolled + lines, 0, text->second ? 0 : (int)text->history_count);
    if (scrolled != text->scrolled)
        memset(text->stale, true, sizeof text->stale);
    text->scrolled = scrolled;
}

void page_text_row(const struct page_text *text, unsigned row, struct page_cell cells[PAGE_COLUMNS])
{
    const int above = text->scrolled - (int)row;
    const struct page_line *line =
        above > 0 ? text->history[(text->history_first + text->history_count - (unsigned)above) % PAGE_HISTORY]
                  : &text->rows[-above];
    memcpy(cells, line->cells, sizeof line->cells);
    if (above <= 0 && -above == text->pen.row && !text->cursor_hidden) {
        struct page_cell *under = &cells[text->pen.column];
        *under = (struct page_cell){under->character, under->background, under->foreground};
    }
}
