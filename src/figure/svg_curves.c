/* SVG of what lies in a plane: lines over time, clouds of points, survival curves (Kaplan–Meier:
 * steps, confidence band, ticks where someone was censored, and how many were at risk, below). */
#include "figure/figure_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 640
#define HEIGHT 290
#define MARKED_MOST 60 /* points of a line that get a mark each */
#define CLOUD_MOST 4000
#define LABELS_WIDEST 150
#define BANDS_MOST 4 /* groups whose bands are drawn: more lie over each other */

static size_t shown_of(const struct figure *figure)
{
    return figure->series_count < FIGURE_COLOURS ? figure->series_count : FIGURE_COLOURS;
}

struct plane {
    const struct figure *figure;
    struct figure_svg *svg;
    struct figure_frame frame;
    struct figure_axis x, y;
};

static double across(const struct plane *plane, double value)
{
    return plane->frame.left + figure_axis_at(&plane->x, value) * plane->frame.width;
}

static double up(const struct plane *plane, double value)
{
    return plane->frame.top + (1 - figure_axis_at(&plane->y, value)) * plane->frame.height;
}

static void line_style(char ret[160], size_t series, double width)
{
    (void)snprintf(
        ret, 160,
        "fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\" stroke-linejoin=\"round\"%s%s%s",
        figure_colours[series], width,
        figure_dashes[series][0] != '\0' ? " stroke-dasharray=\"" : "", figure_dashes[series],
        figure_dashes[series][0] != '\0' ? "\"" : "");
}

static void dot(struct figure_svg *svg, double x, double y, double radius, const char *attributes)
{
    buf_puts(svg->out, "<circle cx=\"");
    svg_number(svg->out, x);
    buf_puts(svg->out, "\" cy=\"");
    svg_number(svg->out, y);
    buf_puts(svg->out, "\" r=\"");
    svg_number(svg->out, radius);
    buf_printf(svg->out, "\"%s%s/>\n", attributes[0] != '\0' ? " " : "", attributes);
}

/* Legend where there is more than one, axes; what is drawn comes between. */
static void open_plane(struct plane *plane, size_t shown, bool legend)
{
    double left = svg_left_room(&plane->y, plane->figure->y);
    for (size_t s = 0; plane->figure->kind == FIGURE_SURVIVAL && s < shown; s++)
        left = fmax(left, fmin(svg_width(plane->figure->series[s].label, 11), LABELS_WIDEST) + 36);
    left = plane->figure->kind == FIGURE_SURVIVAL ? fmax(left, 76) : left;
    double top =
        legend ? 10 + svg_legend(plane->svg, plane->figure, left, 6, WIDTH - left - 12, shown) : 14;
    plane->frame = (struct figure_frame){left, top, WIDTH - left - 22, HEIGHT};
    svg_axis_left(plane->svg, &plane->frame, &plane->y, plane->figure->y);
    svg_axis_bottom(plane->svg, &plane->frame, &plane->x, plane->figure->x);
}

static void close_plane(struct plane *plane, double top, size_t shown, size_t total,
                        const char *what)
{
    AUTO(buf_done) struct buf notes = BUF_INIT;
    figure_note(plane->figure, shown, total, what, &notes);
    plane->svg->width = WIDTH;
    plane->svg->height = top + svg_notes(plane->svg, 12, top, &notes) + (notes.len > 0 ? 10 : 2);
}

/* ---- lines */

static void draw_line(struct plane *plane, size_t s)
{
    const struct figure_series *series = &plane->figure->series[s];
    AUTO(buf_done) struct buf path = BUF_INIT;
    char style[160];
    bool on = false;
    for (size_t i = 0; i < series->count; i++) {
        const struct figure_point *point = &series->points[i];
        if (!isnan(point->y))
            svg_step(&path, on ? 'L' : 'M', across(plane, point->x), up(plane, point->y));
        on = !isnan(point->y);
    }
    line_style(style, s, 1.8);
    svg_path(plane->svg, &path, style);
    (void)snprintf(style, sizeof style, "fill=\"%s\"", figure_colours[s]);
    for (size_t i = 0; i < series->count; i++) {
        bool alone = (i == 0 || isnan(series->points[i - 1].y)) &&
                     (i + 1 == series->count || isnan(series->points[i + 1].y));
        if (!isnan(series->points[i].y) && (series->count <= MARKED_MOST || alone))
            dot(plane->svg, across(plane, series->points[i].x), up(plane, series->points[i].y), 2.6,
                style);
    }
}

void figure_svg_lines(const struct figure *figure, struct figure_svg *svg)
{
    struct plane plane = {.figure = figure, .svg = svg};
    size_t shown = shown_of(figure);
    figure_axis_x(figure, &plane.x, 7, false);
    figure_axis_y(figure, &plane.y, 6);
    open_plane(&plane, shown, figure->series_count > 1);
    for (size_t s = 0; s < shown; s++)
        draw_line(&plane, s);
    close_plane(&plane, plane.frame.top + HEIGHT + 44, shown, figure->series_count, "series");
}

/* ---- points */

static void fitted(struct plane *plane)
{
    const struct figure *figure = plane->figure;
    double from = plane->x.low, to = plane->x.high;
    if (!figure->has_line)
        return;
    if (figure->slope != 0) { /* only where it lies within the plot */
        double a = (plane->y.low - figure->intercept) / figure->slope,
               b = (plane->y.high - figure->intercept) / figure->slope;
        from = fmax(from, fmin(a, b));
        to = fmin(to, fmax(a, b));
    }
    double y1 = figure->slope * from + figure->intercept,
           y2 = figure->slope * to + figure->intercept;
    double slack = (plane->y.high - plane->y.low) * 1e-6;
    if (from < to && fmin(y1, y2) >= plane->y.low - slack && fmax(y1, y2) <= plane->y.high + slack)
        svg_line(plane->svg, across(plane, from), up(plane, y1), across(plane, to), up(plane, y2),
                 "#d55e00", 2);
}

void figure_svg_points(const struct figure *figure, struct figure_svg *svg)
{
    struct plane plane = {.figure = figure, .svg = svg};
    const struct figure_series *cloud = figure->series;
    size_t every = cloud->count / CLOUD_MOST + 1, shown = 0;
    figure_axis_x(figure, &plane.x, 7, true);
    figure_axis_y(figure, &plane.y, 6);
    open_plane(&plane, 1, false);
    buf_puts(svg->out, "<g fill=\"#0072b2\" fill-opacity=\"0.55\">\n");
    for (size_t i = 0; i < cloud->count; i += every, shown++)
        dot(svg, across(&plane, cloud->points[i].x), up(&plane, cloud->points[i].y), 2.6, "");
    buf_puts(svg->out, "</g>\n");
    fitted(&plane);
    close_plane(&plane, plane.frame.top + HEIGHT + 44, shown, cloud->count, "points");
}

/* ---- survival */

/* Steps of one bound, forwards; the first at 1. */
static void steps(struct plane *plane, const struct figure_series *group, size_t member,
                  struct buf *path, char first)
{
    double y = 1;
    svg_step(path, first, across(plane, 0), up(plane, 1));
    for (size_t i = 0; i < group->count; i++) {
        const struct figure_point *point = &group->points[i];
        double next = member == 0 ? point->y : member == 1 ? point->low : point->high;
        next = isnan(next) ? y : fmin(fmax(next, 0), 1);
        if (next == y && i + 1 < group->count)
            continue;
        svg_step(path, 'L', across(plane, point->x), up(plane, y));
        if (next != y)
            svg_step(path, 'L', across(plane, point->x), up(plane, next));
        y = next;
    }
}

/* The lower bound, backwards to the beginning. */
static void steps_back(struct plane *plane, const struct figure_series *group, const double *low,
                       struct buf *path)
{
    for (size_t i = group->count; i-- > 0;) {
        double before = i > 0 ? low[i - 1] : 1, x = across(plane, group->points[i].x);
        if (before == low[i] && i + 1 < group->count)
            continue;
        svg_step(path, 'L', x, up(plane, low[i]));
        if (before != low[i])
            svg_step(path, 'L', x, up(plane, before));
    }
}

static void band(struct plane *plane, const struct figure_series *group, size_t colour)
{
    AUTO(buf_done) struct buf path = BUF_INIT;
    AUTO(mem_free) double *low = mem_zalloc(group->count + 1, sizeof *low);
    char style[80];
    if (group->count == 0)
        return;
    path.failed = low == NULL;
    for (size_t i = 0; low != NULL && i < group->count; i++)
        low[i] = !isnan(group->points[i].low) ? fmin(fmax(group->points[i].low, 0), 1)
                 : i > 0                      ? low[i - 1]
                                              : 1;
    steps(plane, group, 2, &path, 'M');
    if (low != NULL)
        steps_back(plane, group, low, &path);
    svg_step(&path, 'L', across(plane, 0), up(plane, 1));
    buf_putc(&path, 'Z');
    plane->svg->out->failed = plane->svg->out->failed || path.failed;
    (void)snprintf(style, sizeof style, "fill=\"%s\" fill-opacity=\"0.16\" stroke=\"none\"",
                   figure_colours[colour]);
    svg_path(plane->svg, &path, style);
}

static void censored(struct plane *plane, const struct figure_series *group, size_t colour)
{
    AUTO(buf_done) struct buf path = BUF_INIT;
    char style[80];
    double last = -10;
    for (size_t i = 0; i < group->count; i++) {
        const struct figure_point *point = &group->points[i];
        double x = across(plane, point->x), y = up(plane, fmin(fmax(point->y, 0), 1));
        if (!(point->censored > 0) || x - last < 1.2)
            continue;
        last = x;
        svg_step(&path, 'M', x, y - 3.5);
        svg_step(&path, 'L', x, y + 3.5);
    }
    (void)snprintf(style, sizeof style, "fill=\"none\" stroke=\"%s\" stroke-width=\"1\"",
                   figure_colours[colour]);
    svg_path(plane->svg, &path, style);
}

/* Below the axis, under its ticks; returns where it ends. */
static double at_risk(struct plane *plane, size_t shown)
{
    double top = plane->frame.top + plane->frame.height + 62, left = plane->frame.left;
    char number[FIGURE_LABEL_BYTES], style[60];
    svg_text(plane->svg, left - 24, top, FIGURE_END, "font-size=\"11\" font-weight=\"bold\"",
             "At risk");
    for (size_t s = 0; s < shown; s++) {
        const struct figure_series *group = &plane->figure->series[s];
        double y = top + (group->label[0] != '\0' ? 17 : 0) + (double)s * 16;
        (void)snprintf(style, sizeof style, "font-size=\"11\" fill=\"%s\"", figure_colours[s]);
        svg_text_in(plane->svg, left - 24, y, FIGURE_END, style, group->label, LABELS_WIDEST);
        for (size_t i = 0; i < plane->x.count; i++)
            svg_text(plane->svg, across(plane, plane->x.ticks[i]), y, FIGURE_MIDDLE,
                     "font-size=\"11\"",
                     figure_number(figure_at_risk(group, plane->x.ticks[i]), number));
    }
    return top + 10 + (double)shown * 16;
}

void figure_svg_survival(const struct figure *figure, struct figure_svg *svg)
{
    struct plane plane = {.figure = figure, .svg = svg};
    size_t shown = shown_of(figure);
    char style[160];
    figure_axis_x(figure, &plane.x, 7, false);
    figure_axis_y(figure, &plane.y, 5);
    open_plane(&plane, shown, shown > 0);
    for (size_t s = 0; s < shown && shown <= BANDS_MOST; s++)
        band(&plane, &figure->series[s], s);
    for (size_t s = 0; s < shown; s++) {
        AUTO(buf_done) struct buf path = BUF_INIT;
        if (figure->series[s].count == 0)
            continue;
        steps(&plane, &figure->series[s], 0, &path, 'M');
        line_style(style, s, 1.8);
        svg_path(svg, &path, style);
        censored(&plane, &figure->series[s], s);
    }
    close_plane(&plane, at_risk(&plane, shown), shown, figure->series_count, "groups");
}
