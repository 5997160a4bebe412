/* CSV: dialects, headers, stacked tables (golden/ingest/csv_sniff.txt and csv_stack.txt), the
 * tokenizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ingest/golden.h"
#include "ingest/parts_priv.h"

static void show_byte(struct buf *out, const char *label, char c)
{
    if (c == 0)
        buf_printf(out, " %s=none", label);
    else
        buf_printf(out, " %s=%c", label, c);
}

static void show_delimiter(struct buf *out, const char *delimiter)
{
    unsigned char c = (unsigned char)delimiter[0];
    if (c < 0x20)
        buf_printf(out, "delimiter=\\x%02x", (unsigned)c);
    else
        buf_printf(out, "delimiter=%s", delimiter);
}

static void sniff_case(struct str input, struct buf *out)
{
    struct err err = {0};
    struct csv_guess guess;
    struct csv_hints hints = {.header = -1};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    if (csv_sniff(input, true, &hints, arena, &guess, &err) != ERR_OK) {
        buf_printf(out, "error %s: %s", err_code_name(err.code), err.message);
        return;
    }
    show_delimiter(out, guess.dialect.delimiter);
    show_byte(out, "quote", guess.dialect.quote);
    show_byte(out, "escape", guess.dialect.escape);
    buf_printf(out, " skip=%lld header=%s rows=%lld", (long long)guess.skip_lines,
               guess.header ? "yes" : "no", (long long)guess.rows);
    if (guess.ragged > 0)
        buf_printf(out, " ragged=%lld", (long long)guess.ragged);
    if (guess.comment_lines > 0)
        buf_printf(out, " comments=%lld", (long long)guess.comment_lines);
    if (guess.row_names)
        buf_puts(out, " row_names");
    if (guess.trailing)
        buf_puts(out, " trailing");
    buf_printf(out, "\ncolumns=%zu", guess.columns);
    for (size_t i = 0; guess.named && i < guess.columns; i++)
        buf_printf(out, "%s%.*s", i == 0 ? ": " : " | ", (int)guess.names[i].len,
                   guess.names[i].ptr == NULL ? "" : guess.names[i].ptr);
}

static void stack_case(struct str input, struct buf *out)
{
    struct err err = {0};
    struct csv_guess guess;
    struct csv_stack stack = {0};
    struct csv_hints hints = {.header = -1};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    if (csv_sniff(input, true, &hints, arena, &guess, &err) != ERR_OK ||
        csv_stack_find(input, &guess, NULL, NULL, &stack, &err) != ERR_OK) {
        buf_printf(out, "error %s: %s", err_code_name(err.code), err.message);
        return;
    }
    if (stack.count == 0)
        buf_puts(out, "one table");
    for (size_t i = 0; i < stack.count; i++)
        buf_printf(out, "%sline %lld: bytes %lld to %lld", i == 0 ? "" : "\n",
                   (long long)stack.pieces[i].line, (long long)stack.pieces[i].offset,
                   (long long)(stack.pieces[i].offset + stack.pieces[i].bytes));
    if (stack.doubtful_line > 0)
        buf_printf(out, "%sdoubtful: line %lld", out->len > 0 ? "\n" : "",
                   (long long)stack.doubtful_line);
    csv_stack_done(&stack);
}

static void dialects_and_headers_are_sniffed_as_written_down(void **state)
{
    (void)state;
    assert_int_equal(golden_run("csv_sniff.txt", sniff_case), 0);
}

static void stacked_tables_are_found_as_written_down(void **state)
{
    (void)state;
    assert_int_equal(golden_run("csv_stack.txt", stack_case), 0);
}

static void a_quoted_line_end_does_not_end_the_row(void **state)
{
    (void)state;
    struct csv_dialect dialect = {.delimiter = ",", .quote = '"', .escape = '"'};
    struct str text = STR("a,\"b\nc\"\"d\"\r\ne,f\n");
    const char *at = text.ptr;
    struct csv_row row = {0};
    AUTO_BUF cell = BUF_INIT;
    assert_true(csv_next_row(&dialect, &at, text.ptr + text.len, true, &row));
    assert_int_equal(row.count, 2);
    assert_int_equal(row.lines, 2);
    csv_field_text(&dialect, &row.fields[1], &cell);
    assert_string_equal(buf_text(&cell), "b\nc\"d");
    assert_true(csv_next_row(&dialect, &at, text.ptr + text.len, true, &row));
    assert_int_equal(row.count, 2);
    assert_false(csv_next_row(&dialect, &at, text.ptr + text.len, true, &row));
    csv_row_done(&row);
}

static void ten_thousand_columns_are_sniffed(void **state)
{
    (void)state;
    AUTO_BUF text = BUF_INIT;
    for (int row = 0; row < 3; row++)
        for (int i = 0; i < 10000; i++)
            buf_printf(&text, row == 0 ? "c%d%c" : "%d%c", i, i == 9999 ? '\n' : ',');
    struct err err = {0};
    struct csv_guess guess;
    struct csv_hints hints = {.header = -1};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    assert_int_equal(csv_sniff(buf_view(&text), true, &hints, arena, &guess, &err), ERR_OK);
    assert_int_equal(guess.columns, 10000);
    assert_true(guess.header);
}

static void more_columns_than_the_limit_are_refused(void **state)
{
    (void)state;
    AUTO_BUF text = BUF_INIT;
    for (int i = 0; i <= INGEST_LIMIT_COLUMNS; i++)
        buf_puts(&text, i == INGEST_LIMIT_COLUMNS ? "c\n" : "c,");
    struct err err = {0};
    struct csv_guess guess;
    struct csv_hints hints = {.header = 1};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    assert_int_equal(csv_sniff(buf_view(&text), true, &hints, arena, &guess, &err), ERR_LIMIT);
}

static void a_given_delimiter_and_header_are_obeyed(void **state)
{
    (void)state;
    struct err err = {0};
    struct csv_guess guess;
    struct csv_hints hints = {.delimiter = ";", .header = 0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    assert_int_equal(csv_sniff(STR("a,b;c\n1,2;3\n"), true, &hints, arena, &guess, &err), ERR_OK);
    assert_string_equal(guess.dialect.delimiter, ";");
    assert_int_equal(guess.columns, 2);
    assert_false(guess.header);
    assert_int_equal(guess.rows, 2);
}

static void cells_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(csv_cell_kind(STR("12.5")), CSV_NUMBER);
    assert_int_equal(csv_cell_kind(STR("-1e-3")), CSV_NUMBER);
    assert_int_equal(csv_cell_kind(STR("<0.5")), CSV_NUMBER);
    assert_int_equal(csv_cell_kind(STR("2020-01-31")), CSV_MOMENT);
    assert_int_equal(csv_cell_kind(STR("31.12.2020 10:00")), CSV_MOMENT);
    assert_int_equal(csv_cell_kind(STR("2020-01-31T10:00:00Z")), CSV_MOMENT);
    assert_int_equal(csv_cell_kind(STR(" NA ")), CSV_EMPTY);
    assert_int_equal(csv_cell_kind(STR("V4581")), CSV_TEXT);
    assert_int_equal(csv_cell_kind(STR("e5")), CSV_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialects_and_headers_are_sniffed_as_written_down),
        cmocka_unit_test(stacked_tables_are_found_as_written_down),
        cmocka_unit_test(a_quoted_line_end_does_not_end_the_row),
        cmocka_unit_test(ten_thousand_columns_are_sniffed),
        cmocka_unit_test(more_columns_than_the_limit_are_refused),
        cmocka_unit_test(a_given_delimiter_and_header_are_obeyed),
        cmocka_unit_test(cells_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
