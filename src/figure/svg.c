/* SVG elements: text escaped, numbers with at most two decimals, axes, legends. Only presentation
 * attributes are used, no style sheet, so that every program that reads SVG draws the same. */
#include "figure/figure_priv.h"

#include "base/screen.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define INK "#222222"
#define RULE "#555555"
#define GRID "#e4e4e4"

/* Okabe and Ito's palette, yellow left out (it is lost on white); black comes last. */
const char *const figure_colours[FIGURE_COLOURS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                    "#e69f00", "#56b4e9", "#7f7f7f", "#000000"};
/* In black and white they are told apart by these. */
const char *const figure_dashes[FIGURE_COLOURS] = {"",    "7 3",  "2 2.5", "9 3 2 3",
                                                   "4 2", "12 3", "2 4",   "6 2 2 2 2 2"};

void svg_number(struct buf *out, double value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%.2f", fabs(value) < 0.005 ? 0 : value);
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '0')
        length--;
    length -= length > 0 && text[length - 1] == '.' ? 1 : 0;
    buf_add(out, text, length);
}

/* About what Helvetica takes. */
double svg_width(const char *text, double size)
{
    double width = 0;
    struct str rest = str_of(text);
    while (rest.len > 0) {
        size_t length = screen_cut(rest, 1);
        bool wide = length == 0;
        length = wide ? screen_cut(rest, 2) : length;
        length = length == 0 ? 1 : length;
        char c = rest.ptr[0];
        width += wide                              ? 1
                 : strchr("il.,:;'|!jftI()[] ", c) ? 0.3
                 : strchr("mwMW@%", c)             ? 0.86
                 : c >= 'A' && c <= 'Z'            ? 0.68
                                                   : 0.54;
        rest = (struct str){rest.ptr + length, rest.len - length};
    }
    return width * size;
}

void svg_line(struct figure_svg *svg, double x1, double y1, double x2, double y2,
              const char *stroke, double width)
{
    const double at[] = {x1, y1, x2, y2};
    static const char *const names[] = {"<line x1=\"", "\" y1=\"", "\" x2=\"", "\" y2=\""};
    for (size_t i = 0; i < 4; i++) {
        buf_puts(svg->out, names[i]);
        svg_number(svg->out, at[i]);
    }
    buf_printf(svg->out, "\" stroke=\"%s\" stroke-width=\"", stroke);
    svg_number(svg->out, width);
    buf_puts(svg->out, "\"/>\n");
}

void svg_rect(struct figure_svg *svg, double x, double y, double width, double height,
              const char *attributes)
{
    const double at[] = {x, y, fmax(width, 0), fmax(height, 0)};
    static const char *const names[] = {"<rect x=\"", "\" y=\"", "\" width=\"", "\" height=\""};
    for (size_t i = 0; i < 4; i++) {
        buf_puts(svg->out, names[i]);
        svg_number(svg->out, at[i]);
    }
    buf_printf(svg->out, "\" %s/>\n", attributes);
}

static void open_text(struct figure_svg *svg, double x, double y, enum figure_anchor anchor,
                      const char *attributes)
{
    static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    buf_puts(svg->out, "<text x=\"");
    svg_number(svg->out, x);
    buf_puts(svg->out, "\" y=\"");
    svg_number(svg->out, y);
    buf_printf(svg->out, "\"%s%s%s>", anchors[anchor], attributes[0] != '\0' ? " " : "",
               attributes);
}

void svg_text(struct figure_svg *svg, double x, double y, enum figure_anchor anchor,
              const char *attributes, const char *text)
{
    open_text(svg, x, y, anchor, attributes);
    screen_escape(svg->out, text);
    buf_puts(svg->out, "</text>\n");
}

/* Bytes of text that fit. */
static size_t fitting(const char *text, double width, double size)
{
    struct str all = str_of(text);
    double used = svg_width("…", size);
    size_t at = 0;
    while (at < all.len) {
        char one[8];
        size_t length = screen_cut((struct str){text + at, all.len - at}, 2), first;
        first = screen_cut((struct str){text + at, all.len - at}, 1);
        length = first > 0 ? first : length > 0 ? length : 1;
        length = length < sizeof one ? length : sizeof one - 1;
        memcpy(one, text + at, length);
        one[length] = '\0';
        used += svg_width(one, size);
        if (used > width)
            break;
        at += length;
    }
    return at;
}

void svg_text_in(struct figure_svg *svg, double x, double y, enum figure_anchor anchor,
                 const char *attributes, const char *text, double width)
{
    AUTO(buf_done) struct buf cut = BUF_INIT;
    if (svg_width(text, 12) <= width) {
        svg_text(svg, x, y, anchor, attributes, text);
        return;
    }
    buf_add(&cut, text, fitting(text, width, 12));
    buf_puts(&cut, "…");
    open_text(svg, x, y, anchor, attributes);
    screen_escape(svg->out, buf_text(&cut));
    buf_puts(svg->out, "<title>");
    buf_clear(&cut);
    buf_add(&cut, text, screen_cut(str_of(text), 500));
    screen_escape(svg->out, buf_text(&cut));
    buf_puts(svg->out, "</title></text>\n");
}

void svg_text_up(struct figure_svg *svg, double x, double y, const char *attributes,
                 const char *text)
{
    AUTO(buf_done) struct buf turned = BUF_INIT;
    buf_puts(&turned, "transform=\"rotate(-90 ");
    svg_number(&turned, x);
    buf_putc(&turned, ' ');
    svg_number(&turned, y);
    buf_printf(&turned, ")\"%s%s", attributes[0] != '\0' ? " " : "", attributes);
    svg_text_in(svg, x, y, FIGURE_MIDDLE, buf_text(&turned), text, 320);
}

void svg_step(struct buf *path, char command, double x, double y)
{
    buf_putc(path, command);
    svg_number(path, x);
    buf_putc(path, ' ');
    svg_number(path, y);
}

void svg_path(struct figure_svg *svg, const struct buf *path, const char *attributes)
{
    if (path->len == 0)
        return;
    buf_puts(svg->out, "<path d=\"");
    buf_add_str(svg->out, buf_view(path));
    buf_printf(svg->out, "\" %s/>\n", attributes);
}

/* ---- axes */

double svg_left_room(const struct figure_axis *axis, const char *title)
{
    double widest = 0;
    for (size_t i = 0; i < axis->count; i++)
        widest = fmax(widest, svg_width(axis->labels[i], 11));
    return widest + 14 + (title[0] != '\0' ? 22 : 4);
}

void svg_axis_left(struct figure_svg *svg, const struct figure_frame *frame,
                   const struct figure_axis *axis, const char *title)
{
    double bottom = frame->top + frame->height;
    for (size_t i = 0; i < axis->count; i++) {
        double y = bottom - figure_axis_at(axis, axis->ticks[i]) * frame->height;
        if (y < bottom - 0.5)
            svg_line(svg, frame->left, y, frame->left + frame->width, y, GRID, 1);
        svg_line(svg, frame->left - 4, y, frame->left, y, RULE, 1);
        svg_text(svg, frame->left - 8, y + 4, FIGURE_END, "font-size=\"11\"", axis->labels[i]);
    }
    svg_line(svg, frame->left, frame->top, frame->left, bottom, RULE, 1);
    if (title[0] != '\0')
        svg_text_up(svg, frame->left - svg_left_room(axis, title) + 16,
                    frame->top + frame->height / 2, "", title);
}

void svg_axis_bottom(struct figure_svg *svg, const struct figure_frame *frame,
                     const struct figure_axis *axis, const char *title)
{
    double bottom = frame->top + frame->height, free = -1e9;
    for (size_t i = 0; i < axis->count; i++) {
        double x = frame->left + figure_axis_at(axis, axis->ticks[i]) * frame->width;
        double half = svg_width(axis->labels[i], 11) / 2;
        svg_line(svg, x, bottom, x, bottom + 4, RULE, 1);
        if (x - half < free) /* labels do not touch */
            continue;
        free = x + half + 4;
        svg_text(svg, x, bottom + 17, FIGURE_MIDDLE, "font-size=\"11\"", axis->labels[i]);
    }
    svg_line(svg, frame->left, bottom, frame->left + frame->width, bottom, RULE, 1);
    if (title[0] != '\0')
        svg_text_in(svg, frame->left + frame->width / 2, bottom + 36, FIGURE_MIDDLE, "", title,
                    frame->width);
}

/* ---- legends and notes */

static void legend_label(const struct figure *figure, const struct figure_series *series,
                         struct buf *ret)
{
    char number[FIGURE_LABEL_BYTES];
    size_t length = screen_cut(str_of(series->label), 48);
    buf_add(ret, series->label, length);
    buf_puts(ret, series->label[length] != '\0' ? "…" : "");
    if (figure->kind != FIGURE_SURVIVAL || isnan(series->n))
        return;
    buf_printf(ret, "%sn = %s", ret->len > 0 ? " (" : "", figure_number(series->n, number));
    if (!isnan(series->events))
        buf_printf(ret, ", %s events", figure_number(series->events, number));
    if (!isnan(series->median))
        buf_printf(ret, ", median %s", figure_number(series->median, number));
    buf_puts(ret, ret->ptr[0] == 'n' && series->label[0] == '\0' ? "" : ")");
}

double svg_legend(struct figure_svg *svg, const struct figure *figure, double left, double top,
                  double width, size_t shown)
{
    double x = left, y = top;
    for (size_t i = 0; i < shown; i++) {
        AUTO(buf_done) struct buf label = BUF_INIT;
        char attributes[100];
        legend_label(figure, &figure->series[i], &label);
        double room = 34 + svg_width(buf_text(&label), 12) + 14;
        if (x > left && x + room > left + width) {
            x = left;
            y += 18;
        }
        (void)snprintf(attributes, sizeof attributes,
                       "fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"",
                       figure_colours[i], figure_dashes[i][0] != '\0' ? figure_dashes[i] : "none");
        AUTO(buf_done) struct buf path = BUF_INIT;
        svg_step(&path, 'M', x, y + 8);
        svg_step(&path, 'L', x + 26, y + 8);
        svg_path(svg, &path, attributes);
        svg_text(svg, x + 32, y + 12, FIGURE_START, "", buf_text(&label));
        x += room;
    }
    return y - top + 24;
}

double svg_notes(struct figure_svg *svg, double left, double top, const struct buf *notes)
{
    double y = top;
    struct str rest = buf_view(notes);
    while (rest.len > 0) {
        AUTO(buf_done) struct buf line = BUF_INIT;
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t length = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
        buf_add(&line, rest.ptr, length);
        y += 15;
        svg_text(svg, left, y, FIGURE_START, "font-size=\"11\" fill=\"#666666\"", buf_text(&line));
        length += end != NULL ? 1 : 0;
        rest = (struct str){rest.ptr + length, rest.len - length};
    }
    return y - top;
}
