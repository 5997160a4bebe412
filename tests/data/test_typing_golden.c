/* Typing decisions, case by case, in tests/golden/data/typing.txt. Input: the first line names the
 * columns, each further line is a row; cells are separated by '|'; <null> is a null cell. Lines
 * "!markers a,b", "!force N type", "!format N format" and "!semicolon" set options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/typing.h"
#include "golden.h"

#define COLUMNS 8

struct table {
    size_t count;
    const char *names[COLUMNS];
    struct typing_stats *stats[COLUMNS];
    struct data_type forced[COLUMNS];
    const char *formats[COLUMNS];
    bool decimal_comma;
    const char *markers[16];
    size_t marker_count;
    bool has_markers;
    struct arena *arena;
};

/* Cuts up to the separator off *rest; false when nothing is left. */
static bool cut(struct str *rest, char separator, struct str *ret)
{
    if (rest->ptr == NULL)
        return false;
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, separator, rest->len);
    *ret = (struct str){rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr)};
    *rest = end == NULL ? (struct str){NULL, 0} : (struct str){end + 1, rest->len - ret->len - 1};
    return true;
}

static const char *keep(struct table *table, struct str text)
{
    return arena_strndup(table->arena, text.ptr, text.len);
}

static void read_option(struct table *table, struct str line)
{
    struct str word, part;
    assert_true(cut(&line, ' ', &word));
    if (str_equal(word, STR("!markers"))) {
        table->has_markers = true;
        while (cut(&line, ',', &part))
            table->markers[table->marker_count++] = keep(table, part);
        return;
    }
    if (str_equal(word, STR("!semicolon"))) {
        table->decimal_comma = true;
        return;
    }
    int64_t column = 0;
    assert_true(cut(&line, ' ', &part) && str_to_int64(part, &column));
    if (str_equal(word, STR("!format"))) {
        table->formats[column] = typing_format_find(line);
        assert_non_null(table->formats[column]);
        return;
    }
    assert_true(str_equal(word, STR("!force")));
    assert_int_equal(data_type_parse(line, &table->forced[column], NULL), ERR_OK);
}

static void read_row(struct table *table, struct str line)
{
    struct str cell;
    for (size_t i = 0; cut(&line, '|', &cell); i++) {
        assert_true(i < table->count);
        if (str_equal(cell, STR("<null>")))
            typing_stats_add_null(table->stats[i]);
        else
            typing_stats_add(table->stats[i], cell);
    }
}

static void read_table(struct table *table, struct str input)
{
    struct str line, name;
    while (str_has_prefix(input, "!") && cut(&input, '\n', &line))
        read_option(table, line);
    assert_true(cut(&input, '\n', &line));
    while (cut(&line, '|', &name)) {
        struct typing_stats *stats = arena_alloc(table->arena, typing_stats_bytes());
        typing_stats_init(stats);
        table->stats[table->count] = stats;
        table->names[table->count++] = keep(table, name);
    }
    while (input.len > 0 && cut(&input, '\n', &line))
        read_row(table, line);
}

static void print_decision(const char *name, const struct typing_decision *decision,
                           struct buf *out)
{
    char type[32];
    buf_printf(out, "%s: %s", name, data_type_text(decision->type, type));
    if (decision->format != NULL)
        buf_printf(out, " format=%s", decision->format);
    buf_printf(out, " rows=%lld nulls=%lld distinct=%.0f length=%lld..%lld",
               (long long)decision->rows, (long long)decision->nulls, decision->distinct_estimate,
               (long long)decision->shortest, (long long)decision->longest);
    for (size_t i = 0; i < decision->null_marker_count; i++)
        buf_printf(out, "%s%s", i == 0 ? " markers=" : ",", decision->null_markers[i]);
    if (decision->padded)
        buf_puts(out, " padded");
    for (size_t i = 0; i < json_array_size(decision->warnings); i++)
        buf_printf(out, "%s%s", i == 0 ? " warnings=" : ",",
                   json_text(json_array_get(decision->warnings, i), "code", "?"));
    buf_putc(out, '\n');
    for (size_t i = 0; i < json_array_size(decision->warnings); i++)
        buf_printf(out, "  %s\n", json_text(json_array_get(decision->warnings, i), "message", "?"));
}

static void decide(const struct golden_case *test, struct buf *out)
{
    struct table table = {.arena = arena_new(0)};
    struct typing_decision decisions[COLUMNS];
    struct err err;
    read_table(&table, golden_section(test, "input"));
    struct typing_options options = {.null_markers = table.has_markers ? table.markers : NULL,
                                     .null_marker_count = table.marker_count,
                                     .forced = table.forced,
                                     .formats = table.formats,
                                     .decimal_comma = table.decimal_comma};
    assert_int_equal(typing_decide(table.stats, table.names, table.count, &options, table.arena,
                                   decisions, &err),
                     ERR_OK);
    for (size_t i = 0; i < table.count; i++) {
        print_decision(table.names[i], &decisions[i], out);
        json_decref(decisions[i].warnings);
        typing_stats_done(table.stats[i]);
    }
    arena_free(table.arena);
}

static void typing_decisions_match_golden_file(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/data/typing.txt", decide), 0);
}

int main(int argc, char **argv)
{
    golden_arguments(argc, argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(typing_decisions_match_golden_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
