/* Aligned tables for the terminal: numbers right-aligned, widths counted in terminal columns
 * (UTF-8, wide and combining characters), cut with "…" when the terminal is narrower. Where not all
 * columns fit, the widest give way first; columns that still do not fit are left away and counted.
 * Without a terminal nothing is cut.
 *
 *     table     rows  columns
 *     ────────  ────  ───────
 *     patients   100        8 */
#include "cli/render.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TABLE_GAP 2
#define TABLE_NARROWEST 10
#define TABLE_WRAP_NARROWEST 28
#define TABLE_BELOW_INDENT 4

struct cell {
    const char *text; /* visible characters only */
    size_t length;
    int width;
    enum cli_style style;
};
struct column {
    struct cell head;
    int width;
    bool right;
};
struct cli_table {
    struct arena *names, *texts;
    struct column *columns;
    size_t column_count, column_cap;
    struct cell *cells;
    size_t cell_count, cell_cap;
    bool wrap;  /* the last column goes on in further lines */
    bool below; /* or stands under its row, where the others leave it no room */
    bool failed;
};

struct cli_table *cli_table_new(void)
{
    struct cli_table *table = mem_zalloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    table->names = arena_new(0);
    table->texts = arena_new(0);
    table->failed = table->names == NULL || table->texts == NULL;
    return table;
}

void cli_table_free(struct cli_table *table)
{
    if (table == NULL)
        return;
    arena_free(table->names);
    arena_free(table->texts);
    mem_free(table->columns);
    mem_free(table->cells);
    mem_free(table);
}

bool cli_table_failed(const struct cli_table *table)
{
    return table == NULL || table->failed;
}

static bool grow(void **ptr, size_t *cap, size_t count, size_t bytes)
{
    if (count < *cap)
        return true;
    size_t wanted = *cap == 0 ? 64 : *cap * 2;
    void *moved = mem_resize(*ptr, wanted, bytes);
    if (moved == NULL)
        return false;
    *ptr = moved;
    *cap = wanted;
    return true;
}

static struct cell make_cell(struct cli_table *table, struct arena *arena, enum cli_style style,
                             struct str text)
{
    struct cell cell = {.text = "", .style = style};
    AUTO(buf_done) struct buf visible = BUF_INIT;
    cli_add_visible(&visible, text);
    const char *copy = arena_strndup(arena, buf_text(&visible), visible.len);
    if (copy == NULL || visible.failed) {
        table->failed = true;
        return cell;
    }
    cell.text = copy;
    cell.length = visible.len;
    cell.width = cli_text_width((struct str){copy, visible.len});
    return cell;
}

void cli_table_column(struct cli_table *table, const char *name, bool right)
{
    if (cli_table_failed(table))
        return;
    if (!grow((void **)&table->columns, &table->column_cap, table->column_count,
              sizeof *table->columns)) {
        table->failed = true;
        return;
    }
    struct column *column = &table->columns[table->column_count++];
    *column = (struct column){.head = make_cell(table, table->names, CLI_BOLD, str_of(name)),
                              .right = right};
    column->width = column->head.width;
}

void cli_table_cell_str(struct cli_table *table, enum cli_style style, struct str text)
{
    if (cli_table_failed(table) || table->column_count == 0)
        return;
    if (!grow((void **)&table->cells, &table->cell_cap, table->cell_count, sizeof *table->cells)) {
        table->failed = true;
        return;
    }
    struct column *column = &table->columns[table->cell_count % table->column_count];
    struct cell cell = make_cell(table, table->texts, style, text);
    table->cells[table->cell_count++] = cell;
    if (cell.width > column->width)
        column->width = cell.width;
}

void cli_table_cell(struct cli_table *table, enum cli_style style, const char *text)
{
    cli_table_cell_str(table, text == NULL ? CLI_DIM : style, str_of(text == NULL ? "–" : text));
}

void cli_table_printf(struct cli_table *table, enum cli_style style, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cli_table_cell_str(table, style, str_of(text));
}

void cli_table_count(struct cli_table *table, int64_t number)
{
    char text[32];
    cli_table_cell(table, CLI_PLAIN, cli_count(number, text));
}

size_t cli_table_rows(const struct cli_table *table)
{
    return cli_table_failed(table) || table->column_count == 0
               ? 0
               : table->cell_count / table->column_count;
}

void cli_table_wrap(struct cli_table *table)
{
    if (table != NULL)
        table->wrap = true;
}

void cli_table_clear(struct cli_table *table)
{
    if (cli_table_failed(table))
        return;
    table->cell_count = 0;
    arena_reset(table->texts);
}

/* The last column's room: what the others leave, else lines of its own below each row. */
static void fit_wrapped(struct cli_table *table, int width, int *total)
{
    struct column *last = &table->columns[table->column_count - 1];
    int left = width - (*total - last->width);
    table->below = left < TABLE_WRAP_NARROWEST && left < last->width;
    if (table->below) {
        *total -= last->width + TABLE_GAP;
        last->width = width - TABLE_BELOW_INDENT;
    } else if (left < last->width) {
        *total -= last->width - left;
        last->width = left;
    }
}

/* Narrows the widest columns until all fit; returns how many columns are shown in a row. */
static size_t fit(struct cli_table *table, int width)
{
    int total = -TABLE_GAP;
    size_t shown = table->column_count;
    for (size_t i = 0; i < shown; i++)
        total += table->columns[i].width + TABLE_GAP;
    table->below = false;
    if (table->wrap && shown > 1 && width > 0 && total > width)
        fit_wrapped(table, width, &total);
    shown -= table->below ? 1 : 0;
    while (width > 0 && total > width) {
        size_t widest = 0;
        for (size_t i = 1; i < shown; i++)
            if (table->columns[i].width > table->columns[widest].width)
                widest = i;
        if (table->columns[widest].width > TABLE_NARROWEST) {
            table->columns[widest].width--;
            total--;
        } else if (shown > 1) {
            total -= table->columns[--shown].width + TABLE_GAP;
        } else {
            break;
        }
    }
    return shown;
}

static void put_spaces(struct buf *out, int count)
{
    for (int i = 0; i < count; i++)
        buf_putc(out, ' ');
}

static void put_cell(struct cli *cli, const struct column *column, const struct cell *cell,
                     bool last)
{
    size_t length = cell->length;
    int width = cell->width;
    bool cut = cli->width > 0 && width > column->width;
    if (cut) {
        length = cli_text_cut((struct str){cell->text, cell->length}, column->width - 1);
        width = cli_text_width((struct str){cell->text, length}) + 1;
    }
    if (column->right)
        put_spaces(&cli->out, column->width - width);
    buf_puts(&cli->out, cli_style_on(cli, cell->style));
    buf_add(&cli->out, cell->text, length);
    if (cut)
        buf_puts(&cli->out, "…");
    buf_puts(&cli->out, cli_style_off(cli, cell->style));
    if (!last) {
        if (!column->right)
            put_spaces(&cli->out, column->width - width);
        put_spaces(&cli->out, TABLE_GAP);
    }
}

/* Text over several lines, broken at blanks; the first begins where the cursor is, the others after
 * indent blanks. */
static void put_lines(struct cli *cli, const struct cell *cell, int width, int indent)
{
    struct str rest = {cell->text, cell->length};
    for (bool first = true; first || rest.len > 0; first = false) {
        size_t length = cli_text_cut(rest, width), blank = length;
        while (length < rest.len && blank > 0 && rest.ptr[blank] != ' ')
            blank--;
        if (length < rest.len && blank > 0)
            length = blank;
        if (!first) {
            buf_putc(&cli->out, '\n');
            put_spaces(&cli->out, indent);
        }
        buf_puts(&cli->out, cli_style_on(cli, cell->style));
        buf_add(&cli->out, rest.ptr, length);
        buf_puts(&cli->out, cli_style_off(cli, cell->style));
        if (length == 0 && rest.len > 0)
            break; /* a column too narrow for one character */
        rest = str_trim((struct str){rest.ptr + length, rest.len - length});
    }
}

static void put_wrapped(struct cli *cli, const struct cli_table *table, const struct cell *cell)
{
    int indent = 0;
    for (size_t i = 0; i + 1 < table->column_count; i++)
        indent += table->columns[i].width + TABLE_GAP;
    put_lines(cli, cell, table->columns[table->column_count - 1].width, indent);
}

static void put_below(struct cli *cli, const struct cli_table *table, const struct cell *cell)
{
    if (cell->length == 0)
        return;
    put_spaces(&cli->out, TABLE_BELOW_INDENT);
    put_lines(cli, cell, table->columns[table->column_count - 1].width, TABLE_BELOW_INDENT);
    buf_putc(&cli->out, '\n');
}

/* Blanks at a line's end help nobody. */
static void trim_end(struct buf *out, size_t start)
{
    while (out->len > start && out->ptr[out->len - 1] == ' ')
        out->ptr[--out->len] = '\0';
}

/* A heading too long for its column keeps a third from its beginning and the rest from its end,
 * where the names of a mart's columns differ: befunde__das28__min is "bef…8__min". */
static struct cell shorten_heading(const struct column *column, struct buf *text)
{
    struct cell head = column->head;
    struct str all = {head.text, head.length};
    size_t begin = cli_text_cut(all, (column->width - 1) / 3), end = begin;
    int room = column->width - 1 - cli_text_width((struct str){head.text, begin});
    while (end < all.len && cli_text_width((struct str){head.text + end, all.len - end}) > room) {
        size_t step = cli_text_cut((struct str){head.text + end, all.len - end}, 1);
        end += step > 0 ? step : cli_text_cut((struct str){head.text + end, all.len - end}, 2);
    }
    buf_printf(text, "%.*s…", (int)begin, head.text);
    buf_add(text, head.text + end, all.len - end);
    head.text = buf_text(text);
    head.length = text->len;
    head.width = cli_text_width(buf_view(text));
    return head;
}

static void put_heading(struct cli *cli, const struct column *column, bool last)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct cell head = column->head;
    if (cli->width > 0 && head.width > column->width && column->width > 1)
        head = shorten_heading(column, &text);
    put_cell(cli, column, &head, last);
}

static void put_header(struct cli *cli, const struct cli_table *table, size_t shown)
{
    size_t start = cli->out.len;
    for (size_t i = 0; i < shown; i++)
        put_heading(cli, &table->columns[i], i + 1 == shown);
    trim_end(&cli->out, start);
    buf_puts(&cli->out, "\n");
    buf_puts(&cli->out, cli_style_on(cli, CLI_DIM));
    for (size_t i = 0; i < shown; i++) {
        for (int k = 0; k < table->columns[i].width; k++)
            buf_puts(&cli->out, "─");
        buf_puts(&cli->out, i + 1 == shown ? "" : "  ");
    }
    buf_puts(&cli->out, cli_style_off(cli, CLI_DIM));
    buf_puts(&cli->out, "\n");
}

void cli_table_print(struct cli *cli, struct cli_table *table, bool header)
{
    if (cli_table_failed(table)) {
        cli->out.failed = true;
        return;
    }
    size_t shown = fit(table, cli->width);
    if (header)
        put_header(cli, table, shown);
    for (size_t row = 0; row < cli_table_rows(table); row++) {
        size_t start = cli->out.len;
        for (size_t i = 0; i < shown; i++) {
            const struct cell *cell = &table->cells[row * table->column_count + i];
            if (table->wrap && i + 1 == table->column_count && cli->width > 0 &&
                cell->width > table->columns[i].width)
                put_wrapped(cli, table, cell);
            else
                put_cell(cli, &table->columns[i], cell, i + 1 == shown);
        }
        trim_end(&cli->out, start);
        buf_putc(&cli->out, '\n');
        if (table->below)
            put_below(cli, table, &table->cells[(row + 1) * table->column_count - 1]);
    }
    size_t hidden = table->column_count - shown - (table->below ? 1 : 0);
    if (header && hidden > 0)
        cli_style(cli, CLI_DIM, "(%zu more %s; --json shows all)\n", hidden,
                  cli_plural((int64_t)hidden, "column", "columns"));
}
