/* Text that a person sees: characters of the data that could steer a terminal or hide what is there are replaced, widths are
 * counted in terminal columns (UTF-8, wide and combining characters; colour codes ESC [ … m count none). */
#ifndef MARROW_BASE_SCREEN_H
#define MARROW_BASE_SCREEN_H

#include "base/str.h"

/* Appends text with control characters as pictures (U+2400 …), and direction overrides and ill-formed bytes as U+FFFD. */
void screen_add_visible(struct buf *out, struct str text);
/* Appends text as XML and HTML write it: & < > " by name, and what XML has no place for left out. */
void screen_escape(struct buf *out, const char *text);
/* Terminal columns that text takes. */
int screen_width(struct str text);
/* Bytes of text that fit into width terminal columns. */
size_t screen_cut(struct str text, int width);

#endif
