/* Questions read over a catalogue and values written by hand: text in; status, sentence and, where
 * asked for, SQL out. Nothing is run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ask/ask_priv.h"
#include "base/clock.h"
#include "dialect/dialect.h"
#include "golden.h"
#include "mart/plan_case.h"
#include "plan/rewrite.h"

/* The catalogue of tests/golden/ask/catalogue.txt: plan_case's lines, and "value TABLE.COLUMN
 * text|rows|patients" (~ for a blank; TABLE.CODE>LABEL of a dictionary), "latest DAY". */
struct world {
    struct plan_case *tables;
    struct ask_catalogue *catalogue;
    struct buf bytes;
    struct ask_index *index;
};
static struct world world;

static size_t find_source(const char *name)
{
    for (size_t s = 0; s < world.catalogue->source_count; s++) {
        const struct ask_source *source = &world.catalogue->sources[s];
        const struct ask_table *table = &world.catalogue->tables[source->table];
        char text[300];
        if (source->edge == ASK_NONE)
            (void)snprintf(text, sizeof text, "%s.%s", table->name,
                           table->columns[source->column].name);
        else
            (void)snprintf(text, sizeof text, "%s.%s>%s", table->name,
                           table->columns[source->column].name,
                           world.catalogue->tables[world.catalogue->edges[source->edge].parent]
                               .columns[source->label_column]
                               .name);
        if (strcmp(text, name) == 0)
            return s;
    }
    fail_msg("no source %s", name);
    return 0;
}

static void add_value(struct ask_index_builder *builder, const char *line)
{
    char name[200], text[200];
    long rows = 0, patients = 0;
    struct err err = {0};
    assert_int_equal(sscanf(line, "value %199s %199[^|]|%ld|%ld", name, text, &rows, &patients), 4);
    for (char *p = text; *p != '\0'; p++)
        *p = *p == '~' ? ' ' : *p;
    assert_int_equal(ask_index_add(builder, find_source(name), str_of(text), rows, patients, &err),
                     ERR_OK);
}

static void make_world(void)
{
    AUTO(buf_done) struct buf file = BUF_INIT, tables = BUF_INIT;
    AUTO(ask_index_builder_free) struct ask_index_builder *builder = NULL;
    struct err err = {0};
    int64_t latest = INT64_MIN;
    assert_int_equal(file_read(TEST_SOURCE_DIRECTORY "/golden/ask/catalogue.txt", 0, &file, &err),
                     ERR_OK);
    struct str rest = buf_view(&file);
    while (rest.len > 0) {
        struct str line = golden_line(&rest);
        if (!str_has_prefix(line, "value ") && !str_has_prefix(line, "latest "))
            buf_add_str(&tables, line);
    }
    world.tables = case_new(buf_view(&tables));
    assert_int_equal(ask_catalogue_new(&world.tables->profile, NULL, &world.catalogue, &err),
                     ERR_OK);
    assert_int_equal(ask_index_builder_new(&builder, &err), ERR_OK);
    rest = buf_view(&file);
    while (rest.len > 0) {
        char line[400];
        struct str text = golden_line(&rest);
        (void)snprintf(line, sizeof line, "%.*s", (int)str_trim(text).len, str_trim(text).ptr);
        if (str_has_prefix(text, "value "))
            add_value(builder, line);
        else if (str_has_prefix(text, "latest "))
            latest = clock_days_from_civil(atoi(line + 7), (unsigned)atoi(line + 12),
                                           (unsigned)atoi(line + 15));
    }
    assert_int_equal(ask_index_finish(builder, latest, &world.bytes, &err), ERR_OK);
    assert_int_equal(ask_index_open(buf_view(&world.bytes), &world.index, &err), ERR_OK);
}

static void write_list(const json_t *json, const char *member, const char *mark, struct buf *ret)
{
    const json_t *list = json_object_get(json, member);
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_printf(ret, "%s %s\n", mark, json_string_value(json_array_get(list, i)));
}

static void write_sql(const struct ask_reading *reading, struct buf *ret)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL, *quick = NULL;
    const char **params = NULL;
    size_t count = 0;
    struct err err = {0};
    if (ask_lower(reading, plan, &root, &err) != ERR_OK) {
        buf_printf(ret, "error: %s\n", err.message);
        return;
    }
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    assert_int_equal(plan_optimise(over, root, &quick, &err), ERR_OK);
    assert_int_equal(dialect_sql(dialect_find("duckdb"), quick, NULL, ret, &params, &count, &err),
                     ERR_OK);
    assert_int_equal(count, 0);
    mem_free(params);
    if (ret->len > 0 && ret->ptr[ret->len - 1] != '\n')
        buf_putc(ret, '\n');
}

/* The input: one question a line; "sql " before it asks for the SQL too. */
static void read_questions(const struct golden_case *test, struct buf *ret)
{
    struct str rest = golden_section(test, "input");
    while (rest.len > 0) {
        struct str line = str_trim(golden_line(&rest));
        bool sql = str_has_prefix(line, "sql ");
        char text[1000];
        struct err err = {0};
        AUTO(ask_reading_free) struct ask_reading *reading = NULL;
        AUTO(buf_done) struct buf masked = BUF_INIT;
        JSON_AUTO json = NULL;
        struct ask_options options = {.now_day = INT64_MIN};
        (void)snprintf(text, sizeof text, "%.*s", (int)(line.len - (sql ? 4 : 0)),
                       line.ptr + (sql ? 4 : 0));
        assert_int_equal(ask_read(world.catalogue, world.index, text, &options, &reading, &err),
                         ERR_OK);
        assert_int_equal(ask_reading_json(reading, &json, &err), ERR_OK);
        buf_printf(ret, "? %s\n%s %s %.2f: %s\n", text, json_text(json, "status", ""),
                   json_text(json, "intent", ""), json_number(json, "confidence", 0),
                   json_text(json, "reading", ""));
        write_list(json, "missing", "missing", ret);
        write_list(json, "choices", "choice", ret);
        write_list(json, "warnings", "warning", ret);
        for (size_t i = 0; i < ask_other_count(reading); i++) {
            AUTO(plan_free) struct plan *plan = plan_new();
            const struct plan_rel *root = NULL;
            assert_int_equal(ask_other_lower(reading, i, plan, &root, &err), ERR_OK);
            buf_printf(ret, "or: %s\n", reading->others[i].settled);
        }
        if (strcmp(json_text(json, "status", ""), "answered") == 0) {
            AUTO(buf_done) struct buf lowered = BUF_INIT;
            write_sql(reading, &lowered); /* every answered question has a plan */
            if (sql || str_has_prefix(buf_view(&lowered), "error"))
                buf_add_str(ret, buf_view(&lowered));
        }
        ask_reading_masked(reading, &masked);
        buf_printf(ret, "history: %s\n", buf_text(&masked));
    }
}

static void print_catalogue(const struct golden_case *test, struct buf *ret)
{
    (void)test;
    ask_catalogue_print(world.catalogue, ret);
}

static void questions_are_read_as_the_golden_file_says(void **state)
{
    (void)state;
    assert_int_equal(
        golden_check(TEST_SOURCE_DIRECTORY "/golden/ask/questions.txt", read_questions), 0);
}

static void catalogue_is_as_the_golden_file_says(void **state)
{
    (void)state;
    assert_int_equal(
        golden_check(TEST_SOURCE_DIRECTORY "/golden/ask/catalogue_print.txt", print_catalogue), 0);
}

static void too_long_a_question_is_refused_with_its_limit(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct ask_options options = {.now_day = INT64_MIN};
    struct ask_reading *reading = NULL;
    struct err err = {0};
    for (int i = 0; i < ASK_LIMIT_TOKENS + 1; i++)
        buf_puts(&text, "a ");
    assert_int_equal(
        ask_read(world.catalogue, world.index, buf_text(&text), &options, &reading, &err),
        ERR_LIMIT);
    while (text.len <= ASK_LIMIT_QUESTION_BYTES)
        buf_puts(&text, "patients ");
    assert_int_equal(
        ask_read(world.catalogue, world.index, buf_text(&text), &options, &reading, &err),
        ERR_LIMIT);
}

static void damaged_index_is_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < world.bytes.len; at += 7) {
        AUTO(buf_done) struct buf copy = BUF_INIT;
        struct ask_index *index = NULL;
        struct err err = {0};
        buf_add_str(&copy, buf_view(&world.bytes));
        copy.ptr[at] = (char)(copy.ptr[at] ^ 1);
        assert_int_equal(ask_index_open(buf_view(&copy), &index, &err), ERR_INTEGRITY);
    }
}

static void damaged_index_cut_short_is_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length < world.bytes.len; length += 11) {
        struct ask_index *index = NULL;
        struct err err = {0};
        assert_int_equal(ask_index_open((struct str){world.bytes.ptr, length}, &index, &err),
                         ERR_INTEGRITY);
    }
}

/* Values added one by one, and the same in parts that are joined. */
static void parts_joined_are_the_whole(void **state)
{
    (void)state;
    static const char *const values[] = {"Sodium", "sodium, urine", "Urine", "of of of", "Cardiovascular shock", "Cardiovascular failure", "", "1_female"};
    enum { COUNT = sizeof values / sizeof *values, SOURCES = 3 };
    AUTO(ask_index_builder_free) struct ask_index_builder *whole = NULL;
    AUTO(ask_index_builder_free) struct ask_index_builder *joined = NULL;
    AUTO(buf_done) struct buf one = BUF_INIT, other = BUF_INIT;
    struct err err = {0};
    assert_int_equal(ask_index_builder_new(&whole, &err), ERR_OK);
    assert_int_equal(ask_index_builder_new(&joined, &err), ERR_OK);
    for (size_t s = 0; s < SOURCES; s++) {
        AUTO(ask_index_builder_free) struct ask_index_builder *part = NULL;
        assert_int_equal(ask_index_builder_new(&part, &err), ERR_OK);
        for (size_t v = s; v < COUNT; v++) {
            assert_int_equal(ask_index_add(whole, s, str_of(values[v]), (int64_t)(9 * v), (int64_t)v, &err), ERR_OK);
            assert_int_equal(ask_index_add(part, s, str_of(values[v]), (int64_t)(9 * v), (int64_t)v, &err), ERR_OK);
        }
        assert_int_equal(ask_index_join(joined, part, &err), ERR_OK);
    }
    assert_int_equal(ask_index_finish(whole, 7, &one, &err), ERR_OK);
    assert_int_equal(ask_index_finish(joined, 7, &other, &err), ERR_OK);
    assert_int_equal(one.len, other.len);
    assert_memory_equal(one.ptr, other.ptr, one.len);
    struct ask_index *index = NULL;
    assert_int_equal(ask_index_open(buf_view(&other), &index, &err), ERR_OK);
    size_t count = 0;
    assert_non_null(ask_index_word(index, "cardiovascular", &count));
    assert_int_equal(count, 6);
    ask_index_free(index);
}

static void words_lose_their_plural(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"Diagnoses", "diagnosis"},
                                           {"patients", "patient"},
                                           {"biopsies", "biopsy"},
                                           {"women", "woman"},
                                           {"sepsis", "sepsis"},
                                           {"virus", "virus"},
                                           {"boxes", "box"},
                                           {"abscess", "abscess"},
                                           {"ICU", "icu"},
                                           {"F", "f"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char stem[ASK_STEM_BYTES];
        ask_stem(str_of(cases[i][0]), stem);
        assert_string_equal(stem, cases[i][1]);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_lose_their_plural),
        cmocka_unit_test(parts_joined_are_the_whole),
        cmocka_unit_test(catalogue_is_as_the_golden_file_says),
        cmocka_unit_test(questions_are_read_as_the_golden_file_says),
        cmocka_unit_test(too_long_a_question_is_refused_with_its_limit),
        cmocka_unit_test(damaged_index_is_refused),
        cmocka_unit_test(damaged_index_cut_short_is_refused),
    };
    golden_arguments(argc, argv);
    json_install();
    make_world();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ask_index_free(world.index);
    ask_catalogue_free(world.catalogue);
    buf_done(&world.bytes);
    case_free(world.tables);
    return failed;
}
