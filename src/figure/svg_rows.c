/* SVG of what has a row for each label: bars, box plots, forest plots. Boxes stand where few labels
 * fit below them, else they lie. */
#include "figure/figure_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 640
#define LABELS_WIDEST 220
#define ROWS_SHOWN 60
#define STANDING_MOST 7

static size_t shown_of(const struct figure *figure)
{
    return figure->item_count < ROWS_SHOWN ? figure->item_count : ROWS_SHOWN;
}

/* "label (n = 12)" */
static void label_of(const struct figure_item *item, bool with_n, struct buf *ret)
{
    char number[FIGURE_LABEL_BYTES];
    buf_puts(ret, item->label);
    if (with_n && !isnan(item->n))
        buf_printf(ret, "%s(n = %s)", ret->len > 0 ? " " : "", figure_number(item->n, number));
}

static double labels_width(const struct figure *figure, size_t shown, bool with_n)
{
    double widest = svg_width(figure->kind == FIGURE_BARS ? figure->x : "", 12);
    for (size_t i = 0; i < shown; i++) {
        AUTO(buf_done) struct buf label = BUF_INIT;
        label_of(&figure->items[i], with_n, &label);
        widest = fmax(widest, svg_width(buf_text(&label), 12));
    }
    return fmin(widest, LABELS_WIDEST);
}

static void grid_down(struct figure_svg *svg, const struct figure_frame *frame,
                      const struct figure_axis *axis)
{
    for (size_t i = 0; i < axis->count; i++) {
        double x = frame->left + figure_axis_at(axis, axis->ticks[i]) * frame->width;
        svg_line(svg, x, frame->top, x, frame->top + frame->height, "#e4e4e4", 1);
    }
}

static void end_rows(const struct figure *figure, struct figure_svg *svg,
                     const struct figure_frame *frame, size_t shown)
{
    AUTO(buf_done) struct buf notes = BUF_INIT;
    figure_note(figure, shown, figure->item_count, "groups", &notes);
    double top = frame->top + frame->height + 44;
    svg->width = WIDTH;
    svg->height = top + svg_notes(svg, 12, top, &notes) + (notes.len > 0 ? 10 : 2);
}

/* ---- bars */

static void bar(const struct figure *figure, struct figure_svg *svg,
                const struct figure_frame *frame, const struct figure_axis *axis, size_t i,
                double height)
{
    const struct figure_item *item = &figure->items[i];
    double middle = frame->top + ((double)i + 0.5) * height, thick = height * 0.62;
    double zero = frame->left + figure_axis_at(axis, 0) * frame->width, end = zero;
    AUTO(buf_done) struct buf label = BUF_INIT, value = BUF_INIT;
    label_of(item, true, &label);
    figure_estimate(item->value, item->low, item->high, &value);
    svg_text_in(svg, frame->left - 8, middle + 4, FIGURE_END, "", buf_text(&label), LABELS_WIDEST);
    if (!isnan(item->value)) {
        end = frame->left + figure_axis_at(axis, item->value) * frame->width;
        svg_rect(svg, fmin(zero, end), middle - thick / 2, fabs(end - zero), thick,
                 "fill=\"#0072b2\"");
    }
    double far = fmax(zero, end);
    if (!isnan(item->low) && !isnan(item->high)) {
        double low = frame->left + figure_axis_at(axis, item->low) * frame->width;
        double high = frame->left + figure_axis_at(axis, item->high) * frame->width;
        svg_line(svg, low, middle, high, middle, "#222222", 1.4);
        svg_line(svg, low, middle - 4, low, middle + 4, "#222222", 1.4);
        svg_line(svg, high, middle - 4, high, middle + 4, "#222222", 1.4);
        far = fmax(far, high);
    }
    svg_text(svg, far + 6, middle + 4, FIGURE_START, "font-size=\"11\"", buf_text(&value));
}

void figure_svg_bars(const struct figure *figure, struct figure_svg *svg)
{
    size_t shown = shown_of(figure);
    struct figure_axis axis;
    double widest = 0, height = shown > 30 ? 18 : 26;
    figure_axis_items(figure, &axis, 5);
    for (size_t i = 0; i < shown; i++) {
        AUTO(buf_done) struct buf value = BUF_INIT;
        figure_estimate(figure->items[i].value, figure->items[i].low, figure->items[i].high,
                        &value);
        widest = fmax(widest, svg_width(buf_text(&value), 11));
    }
    double left = labels_width(figure, shown, true) + 22;
    struct figure_frame frame = {left, 30, WIDTH - left - widest - 18,
                                 fmax(1, (double)shown) * height};
    svg_text_in(svg, left - 8, 18, FIGURE_END, "font-weight=\"bold\"", figure->x, LABELS_WIDEST);
    grid_down(svg, &frame, &axis);
    for (size_t i = 0; i < shown; i++)
        bar(figure, svg, &frame, &axis, i, height);
    svg_axis_bottom(svg, &frame, &axis, figure->y);
    double zero = frame.left + figure_axis_at(&axis, 0) * frame.width;
    svg_line(svg, zero, frame.top, zero, frame.top + frame.height, "#555555", 1);
    end_rows(figure, svg, &frame, shown);
}

/* ---- boxes */

struct boxes {
    const struct figure *figure;
    struct figure_svg *svg;
    struct figure_frame frame;
    struct figure_axis axis;
    bool standing;
    double slot;
};

/* Along the values: down the page or across it. */
static double along(const struct boxes *boxes, double value)
{
    double share = figure_axis_at(&boxes->axis, value);
    return boxes->standing ? boxes->frame.top + (1 - share) * boxes->frame.height
                           : boxes->frame.left + share * boxes->frame.width;
}

static void stroke(const struct boxes *boxes, double along1, double across1, double along2,
                   double across2, double width)
{
    if (isnan(along1) || isnan(along2))
        return;
    if (boxes->standing)
        svg_line(boxes->svg, across1, along1, across2, along2, "#222222", width);
    else
        svg_line(boxes->svg, along1, across1, along2, across2, "#222222", width);
}

static void outlier(const struct boxes *boxes, double at, double middle)
{
    buf_puts(boxes->svg->out, "<circle cx=\"");
    svg_number(boxes->svg->out, boxes->standing ? middle : at);
    buf_puts(boxes->svg->out, "\" cy=\"");
    svg_number(boxes->svg->out, boxes->standing ? at : middle);
    buf_puts(boxes->svg->out, "\" r=\"2.6\" fill=\"none\" stroke=\"#222222\"/>\n");
}

static void box(const struct boxes *boxes, const struct figure_item *item, double middle)
{
    double half = fmin(boxes->slot * 0.28, 34), q1 = along(boxes, item->q1),
           q3 = along(boxes, item->q3), median = along(boxes, item->median);
    double low = isnan(item->low) ? item->min : item->low,
           high = isnan(item->high) ? item->max : item->high;
    const char *fill = "fill=\"#c6dff0\" stroke=\"#222222\" stroke-width=\"1.2\"";
    stroke(boxes, along(boxes, low), middle, q1, middle, 1.2);
    stroke(boxes, q3, middle, along(boxes, high), middle, 1.2);
    stroke(boxes, along(boxes, low), middle - half / 2, along(boxes, low), middle + half / 2, 1.2);
    stroke(boxes, along(boxes, high), middle - half / 2, along(boxes, high), middle + half / 2,
           1.2);
    if (!isnan(q1) && !isnan(q3) && boxes->standing)
        svg_rect(boxes->svg, middle - half, q3, 2 * half, q1 - q3, fill);
    else if (!isnan(q1) && !isnan(q3))
        svg_rect(boxes->svg, q1, middle - half, q3 - q1, 2 * half, fill);
    stroke(boxes, median, middle - half, median, middle + half, 2.4);
    if (item->min < low) /* beyond the whisker: the farthest of them */
        outlier(boxes, along(boxes, item->min), middle);
    if (item->max > high)
        outlier(boxes, along(boxes, item->max), middle);
}

static void stand(struct boxes *boxes, size_t shown)
{
    char text[FIGURE_LABEL_BYTES + 8], number[FIGURE_LABEL_BYTES];
    double left = svg_left_room(&boxes->axis, boxes->figure->y);
    double width = fmin(WIDTH - left - 16, 120 * fmax((double)shown, 1) + 40);
    boxes->frame = (struct figure_frame){left, 16, width, 280};
    boxes->slot = width / fmax((double)shown, 1);
    svg_axis_left(boxes->svg, &boxes->frame, &boxes->axis, boxes->figure->y);
    double bottom = boxes->frame.top + boxes->frame.height;
    svg_line(boxes->svg, left, bottom, left + width, bottom, "#555555", 1);
    for (size_t i = 0; i < shown; i++) {
        const struct figure_item *item = &boxes->figure->items[i];
        double middle = left + ((double)i + 0.5) * boxes->slot;
        box(boxes, item, middle);
        svg_text_in(boxes->svg, middle, bottom + 18, FIGURE_MIDDLE, "", item->label,
                    boxes->slot - 6);
        if (isnan(item->n))
            continue;
        (void)snprintf(text, sizeof text, "n = %s", figure_number(item->n, number));
        svg_text(boxes->svg, middle, bottom + 33, FIGURE_MIDDLE,
                 "font-size=\"11\" fill=\"#555555\"", text);
    }
    if (boxes->figure->x[0] != '\0') {
        svg_text_in(boxes->svg, left + width / 2, bottom + 54, FIGURE_MIDDLE, "", boxes->figure->x,
                    width);
        boxes->frame.height += 16;
    }
    end_rows(boxes->figure, boxes->svg, &boxes->frame, shown);
    boxes->svg->width = left + width + 16;
}

static void lie(struct boxes *boxes, size_t shown)
{
    double left = labels_width(boxes->figure, shown, true) + 22;
    boxes->slot = shown > 30 ? 22 : 34;
    boxes->frame =
        (struct figure_frame){left, 14, WIDTH - left - 22, fmax(1, (double)shown) * boxes->slot};
    grid_down(boxes->svg, &boxes->frame, &boxes->axis);
    for (size_t i = 0; i < shown; i++) {
        AUTO(buf_done) struct buf label = BUF_INIT;
        double middle = boxes->frame.top + ((double)i + 0.5) * boxes->slot;
        label_of(&boxes->figure->items[i], true, &label);
        svg_text_in(boxes->svg, left - 8, middle + 4, FIGURE_END, "", buf_text(&label),
                    LABELS_WIDEST);
        box(boxes, &boxes->figure->items[i], middle);
    }
    svg_axis_bottom(boxes->svg, &boxes->frame, &boxes->axis, boxes->figure->y);
    end_rows(boxes->figure, boxes->svg, &boxes->frame, shown);
}

void figure_svg_box(const struct figure *figure, struct figure_svg *svg)
{
    struct boxes boxes = {.figure = figure, .svg = svg};
    size_t shown = shown_of(figure);
    double widest = 0;
    for (size_t i = 0; i < shown; i++)
        widest = fmax(widest, svg_width(figure->items[i].label, 12));
    boxes.standing = shown <= STANDING_MOST && widest <= 520 / fmax((double)shown, 4.5);
    figure_axis_items(figure, &boxes.axis, 6);
    if (boxes.standing)
        stand(&boxes, shown);
    else
        lie(&boxes, shown);
}

/* ---- forest */

struct forest {
    const struct figure *figure;
    struct figure_svg *svg;
    struct figure_frame frame;
    struct figure_axis axis;
    double estimates, ps; /* where their columns begin and end */
};

/* Where the interval goes beyond the axis, an arrow. */
static void arrow(struct figure_svg *svg, double x, double y, double direction)
{
    AUTO(buf_done) struct buf path = BUF_INIT;
    svg_step(&path, 'M', x - 6 * direction, y - 4);
    svg_step(&path, 'L', x, y);
    svg_step(&path, 'L', x - 6 * direction, y + 4);
    svg_path(svg, &path, "fill=\"none\" stroke=\"#222222\" stroke-width=\"1.4\"");
}

static void forest_row(const struct forest *forest, const struct figure_item *item, double middle)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    char p[FIGURE_LABEL_BYTES];
    const struct figure_frame *frame = &forest->frame;
    double at = figure_axis_at(&forest->axis, item->value),
           low = figure_axis_at(&forest->axis, item->low),
           high = figure_axis_at(&forest->axis, item->high);
    low = isnan(low) && item->low <= 0 ? -1 : low; /* 0 on a log axis */
    double from = frame->left + fmax(low, 0) * frame->width,
           to = frame->left + fmin(high, 1) * frame->width;
    svg_text_in(forest->svg, 12, middle + 4, FIGURE_START, "", item->label, LABELS_WIDEST);
    if (!isnan(low) && !isnan(high) && from <= to) {
        svg_line(forest->svg, from, middle, to, middle, "#222222", 1.4);
        if (low < -1e-9)
            arrow(forest->svg, from, middle, -1);
        if (high > 1 + 1e-9)
            arrow(forest->svg, to, middle, 1);
    }
    if (at >= -1e-9 && at <= 1 + 1e-9)
        svg_rect(forest->svg, frame->left + at * frame->width - 4.5, middle - 4.5, 9, 9,
                 "fill=\"#0072b2\"");
    figure_estimate(item->value, item->low, item->high, &text);
    svg_text(forest->svg, forest->estimates, middle + 4, FIGURE_START, "", buf_text(&text));
    svg_text(forest->svg, forest->ps, middle + 4, FIGURE_END, "", figure_p(item->p, p));
}

void figure_svg_forest(const struct figure *figure, struct figure_svg *svg)
{
    struct forest forest = {.figure = figure, .svg = svg, .ps = WIDTH + 80 - 12};
    size_t shown = shown_of(figure);
    double widest = svg_width(figure->x, 12) + 10, height = 25;
    figure_axis_items(figure, &forest.axis, 5);
    for (size_t i = 0; i < shown; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        figure_estimate(figure->items[i].value, figure->items[i].low, figure->items[i].high, &text);
        widest = fmax(widest, svg_width(buf_text(&text), 12));
    }
    widest = fmin(widest, 230);
    double left = labels_width(figure, shown, false) + 32;
    forest.estimates = forest.ps - 56 - widest;
    forest.frame = (struct figure_frame){left, 34, fmax(120, forest.estimates - left - 22),
                                         fmax(1, (double)shown) * height + 6};
    grid_down(svg, &forest.frame, &forest.axis);
    double none = figure_axis_at(&forest.axis, figure->log ? 1 : 0);
    double x = forest.frame.left + none * forest.frame.width;
    svg_line(svg, x, forest.frame.top - 6, x, forest.frame.top + forest.frame.height, "#555555",
             1.2);
    svg_text_in(svg, forest.estimates, 20, FIGURE_START, "font-weight=\"bold\"", figure->x, widest);
    svg_text(svg, forest.ps, 20, FIGURE_END, "font-weight=\"bold\" font-style=\"italic\"", "p");
    svg_line(svg, 12, 28, forest.ps, 28, "#222222", 1);
    for (size_t i = 0; i < shown; i++)
        forest_row(&forest, &figure->items[i], forest.frame.top + ((double)i + 0.5) * height + 3);
    svg_axis_bottom(svg, &forest.frame, &forest.axis, figure->log ? "log scale" : "");
    end_rows(figure, svg, &forest.frame, shown);
    svg->width = WIDTH + 80;
}
