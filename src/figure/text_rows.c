/* Text of what has a row for each label: bars, box plots, forest plots.
 *
 *     Medicaid  ████████████▌ 42        F  ├──────▒▒▒▒▒█▒▒▒───────┤  61 (48 to 73)
 *     Private   ███████ 24             age  │   ──●──   1.04 (1.01 to 1.08)  0.012 */
#include "figure/figure_priv.h"

#include "base/screen.h"

#include <math.h>
#include <string.h>

#define ROWS_SHOWN 40
#define LABELS_WIDEST 32
#define PLOT_WIDEST 60

static size_t shown_of(const struct figure *figure)
{
    return figure->item_count < ROWS_SHOWN ? figure->item_count : ROWS_SHOWN;
}

/* Columns of the labels, of the texts behind the plot, and what is left for it. */
struct rows {
    const struct figure *figure;
    struct figure_text *text;
    struct figure_axis axis;
    size_t shown;
    int label, plot;
};
typedef void (*row_text)(const struct figure_item *item, struct buf *ret);

static void measure(struct rows *rows, row_text behind)
{
    int most = rows->text->width / 3, widest = 0;
    most = most < LABELS_WIDEST ? most : LABELS_WIDEST;
    for (size_t i = 0; i < rows->shown; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        int label = screen_width(str_of(rows->figure->items[i].label));
        behind(&rows->figure->items[i], &text);
        int wide = screen_width(buf_view(&text));
        rows->label = label > rows->label ? label : rows->label;
        widest = wide > widest ? wide : widest;
    }
    rows->label = rows->label < most ? rows->label : most;
    rows->plot = rows->text->width - rows->label - widest - 4;
    rows->plot = rows->plot > PLOT_WIDEST ? PLOT_WIDEST : rows->plot < 12 ? 12 : rows->plot;
}

static int column(const struct rows *rows, double value)
{
    double share = figure_axis_at(&rows->axis, value);
    return isnan(share) ? -1 : (int)lround(fmin(fmax(share, 0), 1) * (rows->plot - 1));
}

static void notes(const struct rows *rows)
{
    figure_note(rows->figure, rows->shown, rows->figure->item_count, "groups", rows->text->out);
}

static void title(const struct rows *rows, const char *what)
{
    if (what[0] == '\0')
        return;
    text_repeat(rows->text, " ", rows->label + 2);
    text_ink(rows->text, FIGURE_FAINT);
    text_label(rows->text, what, rows->text->width - rows->label - 2, false);
    while (rows->text->out->len > 0 && rows->text->out->ptr[rows->text->out->len - 1] == ' ')
        rows->text->out->ptr[--rows->text->out->len] = '\0';
    text_ink(rows->text, FIGURE_PLAIN);
    buf_putc(rows->text->out, '\n');
}

/* ---- bars */

static void bar_text(const struct figure_item *item, struct buf *ret)
{
    char number[FIGURE_LABEL_BYTES];
    figure_estimate(item->value, item->low, item->high, ret);
    if (!isnan(item->n))
        buf_printf(ret, "  n = %s", figure_number(item->n, number));
}

/* From zero to the right in eighths of a cell; to the left, and in ASCII, in whole ones. */
static void bar(const struct rows *rows, double value)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    double zero = figure_axis_at(&rows->axis, 0) * rows->plot,
           end = figure_axis_at(&rows->axis, value) * rows->plot;
    struct figure_text *text = rows->text;
    const char *full = text->unicode ? "█" : "#";
    text_ink(text, FIGURE_INK);
    if (zero < 0.5 && text->unicode && !isnan(end)) {
        int parts = (int)lround(end * 8);
        parts = parts == 0 && value > 0 ? 1 : parts;
        text_repeat(text, full, parts / 8);
        buf_puts(text->out, eighths[parts % 8]);
    } else if (!isnan(end)) {
        int from = (int)lround(fmin(zero, end)), to = (int)lround(fmax(zero, end));
        text_repeat(text, " ", from);
        text_repeat(text, full, to - from);
        text_repeat(text, " ", (int)lround(zero) - to);
    }
    text_ink(text, FIGURE_PLAIN);
}

void figure_text_bars(const struct figure *figure, struct figure_text *text)
{
    struct rows rows = {.figure = figure, .text = text, .shown = shown_of(figure)};
    figure_axis_items(figure, &rows.axis, 4);
    measure(&rows, bar_text);
    double most = 0, least = 0; /* the longest bar fills the plot */
    for (size_t i = 0; i < figure->item_count; i++)
        figure_extend(&least, &most, figure->items[i].value);
    rows.axis.low = least;
    rows.axis.high = most > least ? most : least + 1;
    title(&rows, figure->y);
    for (size_t i = 0; i < rows.shown; i++) {
        AUTO(buf_done) struct buf value = BUF_INIT;
        text_label(text, figure->items[i].label, rows.label, false);
        buf_puts(text->out, "  ");
        bar(&rows, figure->items[i].value);
        bar_text(&figure->items[i], &value);
        buf_putc(text->out, ' ');
        buf_add_str(text->out, buf_view(&value));
        buf_putc(text->out, '\n');
    }
    notes(&rows);
}

/* ---- boxes */

static void box_text(const struct figure_item *item, struct buf *ret)
{
    char number[FIGURE_LABEL_BYTES];
    figure_estimate(item->median, item->q1, item->q3, ret);
    if (!isnan(item->n))
        buf_printf(ret, "  n = %s", figure_number(item->n, number));
}

/* What stands in a cell, of ASCII and of Unicode. */
enum piece {
    NOTHING,
    WHISKER,
    LEFT_END,
    RIGHT_END,
    BODY,
    MEDIAN,
    BEYOND,
    REFERENCE,
    POINT,
    LEFT_ARROW,
    RIGHT_ARROW
};
static const char *const pieces[][2] = {
    [NOTHING] = {" ", " "},    [WHISKER] = {"-", "─"},    [LEFT_END] = {"|", "├"},
    [RIGHT_END] = {"|", "┤"},  [BODY] = {"=", "▒"},       [MEDIAN] = {"#", "█"},
    [BEYOND] = {"o", "∘"},     [REFERENCE] = {"|", "│"},  [POINT] = {"O", "●"},
    [LEFT_ARROW] = {"<", "◂"}, [RIGHT_ARROW] = {">", "▸"}};

static void fill(enum piece *cells, int from, int to, enum piece piece)
{
    for (int i = from; from >= 0 && i <= to; i++)
        cells[i] = piece;
}

static void put_cells(struct figure_text *text, const enum piece *cells, int count)
{
    text_ink(text, FIGURE_INK);
    for (int i = 0; i < count; i++)
        buf_puts(text->out, pieces[cells[i]][text->unicode]);
    text_ink(text, FIGURE_PLAIN);
}

static void box(const struct rows *rows, const struct figure_item *item, enum piece *cells)
{
    double low = isnan(item->low) ? item->min : item->low,
           high = isnan(item->high) ? item->max : item->high;
    int from = column(rows, low), to = column(rows, high);
    fill(cells, from, to, WHISKER);
    fill(cells, from, from, LEFT_END);
    fill(cells, to, to, RIGHT_END);
    fill(cells, column(rows, item->q1), column(rows, item->q3), BODY);
    if (item->min < low && column(rows, item->min) < from)
        fill(cells, column(rows, item->min), column(rows, item->min), BEYOND);
    if (item->max > high && column(rows, item->max) > to)
        fill(cells, column(rows, item->max), column(rows, item->max), BEYOND);
    fill(cells, column(rows, item->median), column(rows, item->median), MEDIAN);
}

static void row(struct rows *rows, const struct figure_item *item, const enum piece *cells,
                row_text behind)
{
    AUTO(buf_done) struct buf value = BUF_INIT;
    text_label(rows->text, item->label, rows->label, false);
    buf_puts(rows->text->out, "  ");
    put_cells(rows->text, cells, rows->plot);
    behind(item, &value);
    buf_puts(rows->text->out, "  ");
    buf_add_str(rows->text->out, buf_view(&value));
    buf_putc(rows->text->out, '\n');
}

/* A row for each item over one axis: its picture, and its text behind. */
static void rows_over_axis(const struct figure *figure, struct figure_text *text, const char *above,
                           void (*draw)(const struct rows *rows, const struct figure_item *item,
                                        enum piece *cells),
                           row_text behind)
{
    struct rows rows = {.figure = figure, .text = text, .shown = shown_of(figure)};
    figure_axis_items(figure, &rows.axis, 4);
    measure(&rows, behind);
    title(&rows, above);
    for (size_t i = 0; i < rows.shown; i++) {
        enum piece cells[PLOT_WIDEST] = {NOTHING};
        draw(&rows, &figure->items[i], cells);
        row(&rows, &figure->items[i], cells, behind);
    }
    text_axis(text, &rows.axis, rows.label + 2, rows.plot);
    notes(&rows);
}

void figure_text_box(const struct figure *figure, struct figure_text *text)
{
    rows_over_axis(figure, text, figure->y, box, box_text);
}

/* ---- forest */

static void estimate_text(const struct figure_item *item, struct buf *ret)
{
    char number[FIGURE_LABEL_BYTES];
    figure_estimate(item->value, item->low, item->high, ret);
    if (!isnan(item->p))
        buf_printf(ret, "  p %s%s", item->p < 0.001 ? "" : "= ", figure_p(item->p, number));
}

static void interval(const struct rows *rows, const struct figure_item *item, enum piece *cells)
{
    double low = figure_axis_at(&rows->axis, item->low),
           high = figure_axis_at(&rows->axis, item->high),
           at = figure_axis_at(&rows->axis, item->value);
    low = isnan(low) && item->low <= 0 ? -1 : low; /* 0 on a log axis */
    double none = rows->figure->log ? 1 : 0;
    fill(cells, column(rows, none), column(rows, none), REFERENCE);
    if (!isnan(low) && !isnan(high) && high >= 0 && low <= 1) {
        int from = (int)lround(fmax(low, 0) * (rows->plot - 1)),
            to = (int)lround(fmin(high, 1) * (rows->plot - 1));
        fill(cells, from, to, WHISKER);
        if (low < -1e-9)
            cells[from] = LEFT_ARROW;
        if (high > 1 + 1e-9)
            cells[to] = RIGHT_ARROW;
    }
    if (at >= -1e-9 && at <= 1 + 1e-9)
        cells[column(rows, item->value)] = POINT;
}

void figure_text_forest(const struct figure *figure, struct figure_text *text)
{
    rows_over_axis(figure, text, figure->x, interval, estimate_text);
}
