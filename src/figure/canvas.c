/* Dots in the cells of a terminal: braille has 2 × 4 in each, ASCII one. Around them the axes, with
 * ticks where there is room for their labels. */
#include "figure/figure_priv.h"

#include "base/screen.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool canvas_new(struct figure_canvas *canvas, struct arena *arena, int columns, int rows,
                bool unicode)
{
    *canvas = (struct figure_canvas){.columns = columns,
                                     .rows = rows,
                                     .across = unicode ? 2 : 1,
                                     .down = unicode ? 4 : 1,
                                     .unicode = unicode};
    canvas->dots = arena_array(arena, (size_t)columns * (size_t)rows, 1);
    return canvas->dots != NULL;
}

static void set(struct figure_canvas *canvas, int x, int y)
{
    static const unsigned char bits[4][2] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    int column = x / canvas->across, row = y / canvas->down;
    if (x < 0 || y < 0 || column >= canvas->columns || row >= canvas->rows)
        return;
    canvas->dots[row * canvas->columns + column] |=
        canvas->unicode ? bits[y % 4][x % 2] : (unsigned char)1;
}

static int to_dot(double share, int dots)
{
    return (int)lround(share * (dots - 1));
}

void canvas_dot(struct figure_canvas *canvas, double x, double y)
{
    if (x >= -1e-9 && x <= 1 + 1e-9 && y >= -1e-9 && y <= 1 + 1e-9)
        set(canvas, to_dot(x, canvas->columns * canvas->across),
            to_dot(1 - y, canvas->rows * canvas->down));
}

void canvas_line(struct figure_canvas *canvas, double x1, double y1, double x2, double y2)
{
    double dots = fmax(fabs(x2 - x1) * canvas->columns * canvas->across,
                       fabs(y2 - y1) * canvas->rows * canvas->down);
    int steps = dots < 4000 ? (int)ceil(dots) : 4000;
    if (isnan(dots))
        return;
    for (int i = 0; i <= steps; i++) {
        double share = steps > 0 ? (double)i / steps : 0;
        canvas_dot(canvas, x1 + (x2 - x1) * share, y1 + (y2 - y1) * share);
    }
}

/* ---- text */

void text_ink(struct figure_text *text, enum figure_ink ink)
{
    static const char *const codes[] = {"\x1b[0m", "\x1b[36m", "\x1b[2m", "\x1b[1m"};
    if (text->colour)
        buf_puts(text->out, codes[ink]);
}

void text_repeat(struct figure_text *text, const char *piece, int count)
{
    for (int i = 0; i < count; i++)
        buf_puts(text->out, piece);
}

void text_label(struct figure_text *text, const char *label, int width, bool right)
{
    struct str all = str_of(label);
    int wide = screen_width(all);
    const char *mark = "";
    if (wide > width) {
        mark = text->unicode ? "…" : ".";
        all.len = screen_cut(all, width - 1);
        wide = screen_width(all) + 1;
    }
    text_repeat(text, " ", right ? width - wide : 0);
    buf_add_str(text->out, all);
    buf_puts(text->out, mark);
    text_repeat(text, " ", right ? 0 : width - wide);
}

void text_faint(struct figure_text *text, const char *format, ...)
{
    char line[400];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_ink(text, FIGURE_FAINT);
    buf_puts(text->out, line);
    text_ink(text, FIGURE_PLAIN);
}

/* ---- axes */

/* Which columns have a tick, and its labels, those left away that would touch. */
void text_axis(struct figure_text *text, const struct figure_axis *axis, int left, int width)
{
    AUTO(buf_done) struct buf rule = BUF_INIT, labels = BUF_INIT;
    size_t next = 0;
    int used = 0; /* columns of the line of labels, counted from 0 */
    for (int column = 0; column < width; column++) {
        bool tick = false;
        while (next < axis->count &&
               lround(figure_axis_at(axis, axis->ticks[next]) * (width - 1)) <= column) {
            int wide = screen_width(str_of(axis->labels[next]));
            int start = left + column - wide / 2;
            start = start < 0 ? 0 : start;
            if (used == 0 || start >= used + 2) {
                for (; used < start; used++)
                    buf_putc(&labels, ' ');
                buf_puts(&labels, axis->labels[next]);
                used += wide;
                tick = true;
            }
            next++;
        }
        buf_puts(&rule, tick ? (text->unicode ? "┴" : "+") : (text->unicode ? "─" : "-"));
    }
    text_repeat(text, " ", left);
    text_ink(text, FIGURE_FAINT);
    buf_add_str(text->out, buf_view(&rule));
    text_ink(text, FIGURE_PLAIN);
    buf_putc(text->out, '\n');
    text_ink(text, FIGURE_FAINT);
    buf_add_str(text->out, buf_view(&labels));
    text_ink(text, FIGURE_PLAIN);
    buf_putc(text->out, '\n');
    text->out->failed = text->out->failed || rule.failed || labels.failed;
}

int canvas_left(const struct figure_axis *y)
{
    int widest = 0;
    for (size_t i = 0; i < y->count; i++) {
        int wide = screen_width(str_of(y->labels[i]));
        widest = wide > widest ? wide : widest;
    }
    return widest + 2;
}

static const char *label_at(const struct figure_canvas *canvas, const struct figure_axis *y,
                            int row)
{
    for (size_t i = 0; i < y->count; i++)
        if (lround((1 - figure_axis_at(y, y->ticks[i])) * (canvas->rows - 1)) == row)
            return y->labels[i];
    return NULL;
}

static void print_row(const struct figure_canvas *canvas, struct figure_text *text, int row)
{
    int last = canvas->columns;
    while (last > 0 && canvas->dots[row * canvas->columns + last - 1] == 0)
        last--;
    text_ink(text, FIGURE_INK);
    for (int column = 0; column < last; column++) {
        unsigned char dots = canvas->dots[row * canvas->columns + column];
        if (dots == 0) {
            buf_putc(text->out, ' ');
        } else if (canvas->unicode) {
            char cell[4] = {'\xe2', (char)(0xa0 | dots >> 6), (char)(0x80 | (dots & 0x3f)), 0};
            buf_puts(text->out, cell);
        } else {
            buf_putc(text->out, '*');
        }
    }
    text_ink(text, FIGURE_PLAIN);
    buf_putc(text->out, '\n');
}

void canvas_print(const struct figure_canvas *canvas, struct figure_text *text,
                  const struct figure_axis *x, const struct figure_axis *y)
{
    int left = canvas_left(y);
    for (int row = 0; row < canvas->rows; row++) {
        const char *label = label_at(canvas, y, row);
        text_ink(text, FIGURE_FAINT);
        text_label(text, label != NULL ? label : "", left - 2, true);
        buf_putc(text->out, ' ');
        buf_puts(text->out,
                 label != NULL ? (text->unicode ? "┤" : "+") : (text->unicode ? "│" : "|"));
        text_ink(text, FIGURE_PLAIN);
        print_row(canvas, text, row);
    }
    text_axis(text, x, left, canvas->columns);
}
