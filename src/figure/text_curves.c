/* Text of what lies in a plane: one block of braille (ASCII: asterisks) for each series or group,
 * all on the same axes, so that they can be compared. */
#include "figure/figure_priv.h"

#include "base/screen.h"

#include <math.h>
#include <string.h>

#define PLOT_WIDEST 72
#define BLOCKS_SHOWN 8

struct plane {
    const struct figure *figure;
    struct figure_text *text;
    struct figure_axis x, y;
    struct figure_canvas canvas;
    struct arena *arena;
    size_t shown;
    int rows;
};

static bool open_plane(struct plane *plane)
{
    const struct figure *figure = plane->figure;
    plane->shown = figure->series_count < BLOCKS_SHOWN ? figure->series_count : BLOCKS_SHOWN;
    plane->rows = plane->shown > 4 ? 7 : plane->shown > 1 ? 9 : 13; /* odd: a row in the middle */
    figure_axis_x(figure, &plane->x, plane->text->width / 12, figure->kind == FIGURE_POINTS);
    figure_axis_y(figure, &plane->y, figure->kind == FIGURE_SURVIVAL ? 2 : plane->rows / 3);
    plane->arena = arena_new(0);
    return plane->arena != NULL;
}

static bool clear(struct plane *plane)
{
    int columns = plane->text->width - canvas_left(&plane->y) - 4;
    columns = columns > PLOT_WIDEST ? PLOT_WIDEST : columns;
    arena_reset(plane->arena);
    bool ok = canvas_new(&plane->canvas, plane->arena, columns, plane->rows, plane->text->unicode);
    plane->text->out->failed = plane->text->out->failed || !ok;
    return ok;
}

static void close_plane(struct plane *plane, const char *what)
{
    const struct figure *figure = plane->figure;
    if (figure->x[0] != '\0') {
        int left = canvas_left(&plane->y), wide = screen_width(str_of(figure->x)),
            room = plane->canvas.columns;
        text_repeat(plane->text, " ", left + (wide < room ? (room - wide) / 2 : 0));
        text_ink(plane->text, FIGURE_FAINT);
        text_label(plane->text, figure->x, wide < room ? wide : room, false);
        text_ink(plane->text, FIGURE_PLAIN);
        buf_putc(plane->text->out, '\n');
    }
    figure_note(figure, plane->shown, figure->series_count, what, plane->text->out);
    arena_free(plane->arena);
}

static void heading(struct plane *plane, const char *label, const char *more)
{
    if (label[0] == '\0' && more[0] == '\0')
        return;
    text_ink(plane->text, FIGURE_STRONG);
    size_t length = screen_cut(str_of(label), plane->text->width / 2);
    buf_add(plane->text->out, label, length);
    buf_puts(plane->text->out, label[length] != '\0' ? (plane->text->unicode ? "…" : ".") : "");
    text_ink(plane->text, FIGURE_PLAIN);
    if (more[0] != '\0')
        text_faint(plane->text, "%s%s", label[0] != '\0' ? "  " : "", more);
    buf_putc(plane->text->out, '\n');
}

static double at_x(const struct plane *plane, double value)
{
    return figure_axis_at(&plane->x, value);
}
static double at_y(const struct plane *plane, double value)
{
    return figure_axis_at(&plane->y, value);
}

static void name_y(struct plane *plane)
{
    if (plane->figure->y[0] == '\0')
        return;
    text_ink(plane->text, FIGURE_FAINT);
    int wide = screen_width(str_of(plane->figure->y));
    text_label(plane->text, plane->figure->y, wide < plane->text->width ? wide : plane->text->width,
               false);
    text_ink(plane->text, FIGURE_PLAIN);
    buf_putc(plane->text->out, '\n');
}

/* One small picture below the other: draws each, has a line about it, and perhaps one below. */
static void small_multiples(const struct figure *figure, struct figure_text *text,
                            void (*draw)(struct plane *plane, const struct figure_series *series),
                            void (*describe)(const struct figure_series *series, struct buf *ret),
                            void (*below)(struct plane *plane, const struct figure_series *series),
                            const char *what)
{
    struct plane plane = {.figure = figure, .text = text};
    if (!open_plane(&plane)) {
        text->out->failed = true;
        return;
    }
    name_y(&plane);
    for (size_t s = 0; s < plane.shown && clear(&plane); s++) {
        AUTO(buf_done) struct buf more = BUF_INIT;
        if (describe != NULL)
            describe(&figure->series[s], &more);
        heading(&plane, figure->series[s].label, buf_text(&more));
        draw(&plane, &figure->series[s]);
        canvas_print(&plane.canvas, text, &plane.x, &plane.y);
        if (below != NULL)
            below(&plane, &figure->series[s]);
    }
    close_plane(&plane, what);
}

static void joined_points(struct plane *plane, const struct figure_series *series)
{
    for (size_t i = 0; i < series->count; i++) {
        const struct figure_point *point = &series->points[i];
        canvas_dot(&plane->canvas, at_x(plane, point->x), at_y(plane, point->y));
        if (i > 0)
            canvas_line(&plane->canvas, at_x(plane, point[-1].x), at_y(plane, point[-1].y),
                        at_x(plane, point->x), at_y(plane, point->y));
    }
}

void figure_text_lines(const struct figure *figure, struct figure_text *text)
{
    small_multiples(figure, text, joined_points, NULL, NULL, "series");
}

void figure_text_points(const struct figure *figure, struct figure_text *text)
{
    struct plane plane = {.figure = figure, .text = text};
    if (!open_plane(&plane) || !clear(&plane)) {
        text->out->failed = true;
        arena_free(plane.arena);
        return;
    }
    name_y(&plane);
    for (size_t i = 0; i < figure->series[0].count; i++)
        canvas_dot(&plane.canvas, at_x(&plane, figure->series[0].points[i].x),
                   at_y(&plane, figure->series[0].points[i].y));
    for (int i = 0; figure->has_line && i <= 200; i += 3) {
        double x = plane.x.low + (plane.x.high - plane.x.low) * i / 200;
        canvas_dot(&plane.canvas, at_x(&plane, x),
                   at_y(&plane, figure->slope * x + figure->intercept));
    }
    canvas_print(&plane.canvas, text, &plane.x, &plane.y);
    close_plane(&plane, "series");
}

/* ---- survival */

static void describe_group(const struct figure_series *group, struct buf *ret)
{
    char number[FIGURE_LABEL_BYTES];
    if (!isnan(group->n))
        buf_printf(ret, "n = %s", figure_number(group->n, number));
    if (!isnan(group->events))
        buf_printf(ret, "%s%s events", ret->len > 0 ? ", " : "",
                   figure_number(group->events, number));
    if (!isnan(group->median))
        buf_printf(ret, "%smedian %s", ret->len > 0 ? ", " : "",
                   figure_number(group->median, number));
    else if (!isnan(group->n))
        buf_puts(ret, ", median not reached");
}

static void steps(struct plane *plane, const struct figure_series *group)
{
    double x = 0, y = 1;
    for (size_t i = 0; i < group->count; i++) {
        const struct figure_point *point = &group->points[i];
        double next = fmin(fmax(point->y, 0), 1);
        canvas_line(&plane->canvas, at_x(plane, x), at_y(plane, y), at_x(plane, point->x),
                    at_y(plane, y));
        if (next != y)
            canvas_line(&plane->canvas, at_x(plane, point->x), at_y(plane, y),
                        at_x(plane, point->x), at_y(plane, next));
        x = point->x;
        y = next;
    }
}

/* Under the axis' labels, the number at risk; the same places, so that both are read together. */
static void at_risk(struct plane *plane, const struct figure_series *group)
{
    struct figure_axis axis = plane->x;
    AUTO(buf_done) struct buf line = BUF_INIT;
    int left = canvas_left(&plane->y), used = 0;
    for (size_t i = 0; i < axis.count; i++) {
        char number[FIGURE_LABEL_BYTES];
        (void)figure_number(figure_at_risk(group, axis.ticks[i]), number);
        int wide = screen_width(str_of(number)),
            start = left - wide / 2 +
                    (int)lround(at_x(plane, axis.ticks[i]) * (plane->canvas.columns - 1));
        start = start < 0 ? 0 : start;
        if (used > 0 && start < used + 1)
            continue;
        for (; used < start; used++)
            buf_putc(&line, ' ');
        buf_puts(&line, number);
        used += wide;
    }
    text_ink(plane->text, FIGURE_FAINT);
    buf_add_str(plane->text->out, buf_view(&line));
    buf_puts(plane->text->out, "  at risk");
    text_ink(plane->text, FIGURE_PLAIN);
    buf_putc(plane->text->out, '\n');
}

void figure_text_survival(const struct figure *figure, struct figure_text *text)
{
    small_multiples(figure, text, steps, describe_group, at_risk, "groups");
}
