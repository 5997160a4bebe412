/* What figure's files share: the figure as read, axes with their ticks, and what draws. */
#ifndef MARROW_FIGURE_PRIV_H
#define MARROW_FIGURE_PRIV_H

#include "base/arena.h"
#include "figure/figure.h"

#define FIGURE_LARGEST 1e150
#define FIGURE_COLOURS 8

enum figure_kind { FIGURE_BARS, FIGURE_BOX, FIGURE_LINES, FIGURE_SURVIVAL, FIGURE_POINTS, FIGURE_FOREST, FIGURE_KINDS };
enum figure_scale { FIGURE_NUMBER, FIGURE_DATE, FIGURE_CATEGORY };

/* A number that is not there is NaN. */
struct figure_item {
    const char *label;
    double value, low, high, n, min, q1, median, q3, max, p;
};
struct figure_point {
    double x, y, low, high, at_risk, censored;
};
struct figure_series {
    const char *label;
    double n, events, median;
    struct figure_point *points; /* by x, but of "points" */
    size_t count;
};
struct figure {
    struct arena *arena;
    enum figure_kind kind;
    const char *x, *y;
    enum figure_scale scale;  /* of x */
    const char **categories;  /* FIGURE_CATEGORY: x is an index */
    size_t category_count;
    bool log, has_line;
    double slope, intercept;
    struct figure_item *items;
    size_t item_count;
    struct figure_series *series;
    size_t series_count;
    size_t left_out;          /* marks without a place */
};

/* ---- axis.c ---- */
#define FIGURE_TICKS 24
#define FIGURE_LABEL_BYTES 32
struct figure_axis {
    double low, high; /* what is shown; log: decimal logarithms of it */
    bool log;
    double ticks[FIGURE_TICKS];
    char labels[FIGURE_TICKS][FIGURE_LABEL_BYTES];
    size_t count;
};
/* Widens *low, *high by a value; NaN passes. */
void figure_extend(double *low, double *high, double value);
/* About want ticks at round numbers. whole: at whole ones; loose: the range grows to the ticks. No value (low > high): 0 to 1. */
void figure_axis_number(struct figure_axis *ret, double low, double high, int want, bool whole, bool loose);
void figure_axis_log(struct figure_axis *ret, double low, double high);
/* Days since 1970. */
void figure_axis_date(struct figure_axis *ret, double low, double high, int want);
/* 0 at the axis' low end, 1 at its high end; NaN where it has no place (log of 0). */
double figure_axis_at(const struct figure_axis *axis, double value);
/* "12", "1,234,567" from 10,000 on, "12.3", "0.57", "1.2e9"; "–" of NaN. */
const char *figure_number(double value, char ret[FIGURE_LABEL_BYTES]);
/* "9.29 (7.60 to 11.00)": the three with the estimate's decimals; without an interval the estimate alone. */
void figure_estimate(double value, double low, double high, struct buf *ret);
/* "0.04", "0.003", "<0.001"; "" of NaN. */
const char *figure_p(double p, char ret[FIGURE_LABEL_BYTES]);
/* How many are at risk just before that time. */
double figure_at_risk(const struct figure_series *group, double time);
/* x of the figure's kind, over all series. */
void figure_axis_x(const struct figure *figure, struct figure_axis *ret, int want, bool loose);
/* y of curves: from zero where zero is near. */
void figure_axis_y(const struct figure *figure, struct figure_axis *ret, int want);
/* Values of bars, boxes and forests. */
void figure_axis_items(const struct figure *figure, struct figure_axis *ret, int want);

/* ---- what is written below a figure: marks that are not drawn ---- */
void figure_note(const struct figure *figure, size_t shown, size_t total, const char *what, struct buf *ret);

/* ---- svg.c: elements ---- */
struct figure_frame { /* of the plot, in pixels */
    double left, top, width, height;
};
enum figure_anchor { FIGURE_START, FIGURE_MIDDLE, FIGURE_END };
struct figure_svg {
    struct buf *out; /* of elements; the root comes last, when the height is known */
    double width, height;
};
extern const char *const figure_colours[FIGURE_COLOURS]; /* Okabe and Ito's, safe for the colour blind */
extern const char *const figure_dashes[FIGURE_COLOURS];
void svg_line(struct figure_svg *svg, double x1, double y1, double x2, double y2, const char *stroke, double width);
void svg_rect(struct figure_svg *svg, double x, double y, double width, double height, const char *attributes);
void svg_text(struct figure_svg *svg, double x, double y, enum figure_anchor anchor, const char *attributes, const char *text);
/* Cut with "…" to width; the whole text as the element's title then. */
void svg_text_in(struct figure_svg *svg, double x, double y, enum figure_anchor anchor, const char *attributes, const char *text, double width);
void svg_text_up(struct figure_svg *svg, double x, double y, const char *attributes, const char *text);
void svg_number(struct buf *out, double value);
double svg_width(const char *text, double size);
/* "M1 2" or "L1 2" of a path. */
void svg_step(struct buf *path, char command, double x, double y);
void svg_path(struct figure_svg *svg, const struct buf *path, const char *attributes);
void svg_axis_left(struct figure_svg *svg, const struct figure_frame *frame, const struct figure_axis *axis, const char *title);
void svg_axis_bottom(struct figure_svg *svg, const struct figure_frame *frame, const struct figure_axis *axis, const char *title);
/* Room at the left that ticks' labels and the title need. */
double svg_left_room(const struct figure_axis *axis, const char *title);
/* Series in lines of their own colour and dash; returns the height used. */
double svg_legend(struct figure_svg *svg, const struct figure *figure, double left, double top, double width, size_t shown);
double svg_notes(struct figure_svg *svg, double left, double top, const struct buf *notes);

/* ---- the kinds: svg_rows.c, svg_curves.c, text_rows.c, text_curves.c ---- */
void figure_svg_bars(const struct figure *figure, struct figure_svg *svg);
void figure_svg_box(const struct figure *figure, struct figure_svg *svg);
void figure_svg_forest(const struct figure *figure, struct figure_svg *svg);
void figure_svg_lines(const struct figure *figure, struct figure_svg *svg);
void figure_svg_points(const struct figure *figure, struct figure_svg *svg);
void figure_svg_survival(const struct figure *figure, struct figure_svg *svg);

/* ---- canvas.c: dots in cells of a terminal ---- */
struct figure_text {
    struct buf *out;
    int width;
    bool unicode, colour;
};
struct figure_canvas {
    int columns, rows, across, down; /* cells; dots of a cell */
    unsigned char *dots;             /* of each cell, the braille bits; ASCII: 1 */
    bool unicode;
};
bool canvas_new(struct figure_canvas *canvas, struct arena *arena, int columns, int rows, bool unicode);
/* x and y from 0 to 1, y upwards; outside: nothing. */
void canvas_dot(struct figure_canvas *canvas, double x, double y);
void canvas_line(struct figure_canvas *canvas, double x1, double y1, double x2, double y2);
/* The plot with its axes; indent: columns at the left of y's labels. */
void canvas_print(const struct figure_canvas *canvas, struct figure_text *text, const struct figure_axis *x, const struct figure_axis *y);
/* Columns that canvas_print puts before the plot. */
int canvas_left(const struct figure_axis *y);
enum figure_ink { FIGURE_PLAIN, FIGURE_INK, FIGURE_FAINT, FIGURE_STRONG };
void text_ink(struct figure_text *text, enum figure_ink ink);
void text_repeat(struct figure_text *text, const char *piece, int count);
/* label in exactly width columns. */
void text_label(struct figure_text *text, const char *label, int width, bool right);
void text_faint(struct figure_text *text, const char *format, ...) PRINTF_LIKE(2, 3);
/* The axis below rows: ticks and labels from column left on. */
void text_axis(struct figure_text *text, const struct figure_axis *axis, int left, int width);

void figure_text_bars(const struct figure *figure, struct figure_text *text);
void figure_text_box(const struct figure *figure, struct figure_text *text);
void figure_text_forest(const struct figure *figure, struct figure_text *text);
void figure_text_lines(const struct figure *figure, struct figure_text *text);
void figure_text_points(const struct figure *figure, struct figure_text *text);
void figure_text_survival(const struct figure *figure, struct figure_text *text);

#endif
