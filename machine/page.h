/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A text page: the end of a serial line that is a terminal of 80 by 24 characters, drawn into a display like a
 * screen's, with what has scrolled off it. None of it is state of the machine. */
#ifndef ARMATURE_PAGE_H
#define ARMATURE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include "machine/contract/error.h"
#include "machine/page_text.h"

#define PAGE_CELL_WIDTH  8
#define PAGE_CELL_HEIGHT 16

struct display;
struct page;

/** Makes an empty page. What is typed there, and what the terminal answers, goes to send(context, ...). NULL: the host
 * has not what it takes. */
struct page *page_create(void (*send)(void *context, const void *bytes, size_t length), void *context,
                         struct error *error);
void page_free(struct page *page);

/** Its picture, which display_refresh() brings up to date. */
struct display *page_display(const struct page *page);

/** The guest prints. */
void page_write(struct page *page, const void *bytes, size_t length);

/** A key by its Linux input code, of the American layout. With Shift, page up and page down scroll. */
void page_key(struct page *page, unsigned code, bool pressed);

/** Shows what is that many lines further up; back to the end with what is typed. */
void page_scroll(struct page *page, int lines);

#endif
