/* Batches become columns: numbers, texts as categories in bytewise order, dates as days, nulls as
 * missing; and a test runs on them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "stats/collect.h"

enum { AGE, SEX, DOSE, ALIVE, SEEN, BORN, GRADE, COLUMNS };

static void schema_make(struct data_schema *schema)
{
    static const char *const names[COLUMNS] = {"age",  "sex",  "dose", "alive",
                                               "seen", "born", "grade"};
    const struct data_type types[COLUMNS] = {
        DATA_TYPE(BIGINT),    DATA_TYPE(TEXT), data_type_decimal(38, 2), DATA_TYPE(BOOLEAN),
        DATA_TYPE(TIMESTAMP), DATA_TYPE(DATE), DATA_TYPE(BIGINT)};
    struct err err;
    for (size_t c = 0; c < COLUMNS; c++)
        assert_int_equal(data_schema_add(schema, str_of(names[c]), types[c], &err), ERR_OK);
    assert_int_equal(
        data_schema_add_value_label(&schema->columns[GRADE], STR("1"), STR("mild"), &err), ERR_OK);
    assert_int_equal(
        data_schema_add_value_label(&schema->columns[GRADE], STR("3"), STR("severe"), &err),
        ERR_OK);
}

static struct data_batch *batch_make(struct arena *arena, const struct data_schema *schema,
                                     const char *sexes, int64_t first_age)
{
    int64_t rows = (int64_t)strlen(sexes);
    struct data_batch *batch = data_batch_new(arena, schema, rows);
    batch->rows = rows;
    for (int64_t r = 0; r < rows; r++) {
        batch->vectors[AGE].i64[r] = first_age + 3 * r + r % 2;
        batch->vectors[SEX].text[r] = sexes[r] == 'm' ? STR("male") : STR("female");
        batch->vectors[DOSE].i128[r] =
            r == 0 ? (struct data_int128){0, 1} : (struct data_int128){(uint64_t)(-125 * r), -1};
        batch->vectors[ALIVE].u8[r] = r % 2 == 0;
        batch->vectors[SEEN].i64[r] = 43200000000 * (r + 1);
        batch->vectors[BORN].i64[r] = -r;
        batch->vectors[GRADE].i64[r] = 1 + r % 3;
        for (size_t c = 0; c < COLUMNS; c++)
            data_vector_set_valid(&batch->vectors[c], r, sexes[r] != '-' || c != SEX);
    }
    return batch;
}

static void batches_become_columns(void **state)
{
    (void)state;
    AUTO(data_schema_done) struct data_schema schema = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(stats_collector_free) struct stats_collector *collector = NULL;
    AUTO(stats_result_done) struct stats_result result = {0};
    const struct stats_column *columns = NULL;
    struct err err;
    schema_make(&schema);
    assert_int_equal(stats_collector_new(&schema, &collector, &err), ERR_OK);
    assert_int_equal(stats_collector_add(collector, batch_make(arena, &schema, "mfmf-m", 40), &err),
                     ERR_OK);
    assert_int_equal(stats_collector_add(collector, batch_make(arena, &schema, "ffmm", 50), &err),
                     ERR_OK);
    assert_int_equal(stats_collector_finish(collector, &columns, &err), ERR_OK);
    assert_int_equal(columns[SEX].rows, 10);
    assert_true(columns[SEX].category && columns[SEX].label_count == 2);
    assert_string_equal(columns[SEX].labels[0], "female");
    assert_true(columns[SEX].values[0] == 1 && columns[SEX].values[1] == 0 &&
                columns[SEX].values[6] == 0 && columns[SEX].values[9] == 1);
    assert_true(isnan(columns[SEX].values[4]));
    assert_true(columns[DOSE].values[1] == -1.25 &&
                columns[DOSE].values[0] == 184467440737095516.16);
    assert_true(columns[ALIVE].values[0] == 1 && columns[ALIVE].values[1] == 0 &&
                columns[ALIVE].category);
    assert_true(columns[SEEN].values[0] == 0.5 && columns[SEEN].values[2] == 1.5);
    assert_true(columns[BORN].values[3] == -3);
    assert_string_equal(columns[GRADE].labels[3], "severe");
    assert_true(columns[GRADE].labels[2] == NULL && !columns[GRADE].category);
    assert_int_equal(stats_t_test(&columns[AGE], &columns[SEX], NULL, &result, &err), ERR_OK);
    assert_int_equal(result.n, 9);
    assert_int_equal(result.dropped_rows, 1);
    assert_string_equal(result.dropped[0].reason, "sex is missing");
    assert_string_equal(result.groups[0].name, "female");
    assert_int_equal(result.groups[0].n, 4);
}

static void what_is_no_number_is_refused_by_name(void **state)
{
    (void)state;
    AUTO(data_schema_done) struct data_schema schema = {0};
    struct stats_collector *collector = NULL;
    struct err err;
    assert_int_equal(data_schema_add(&schema, STR("picture"), DATA_TYPE(BLOB), &err), ERR_OK);
    assert_int_equal(stats_collector_new(&schema, &collector, &err), ERR_INPUT);
    assert_string_equal(err.message,
                        "column picture is of type blob, expected a number, a date or a text");
    assert_null(collector);
}

static void too_many_texts_are_an_error_that_names_the_column(void **state)
{
    (void)state;
    AUTO(data_schema_done) struct data_schema schema = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(stats_collector_free) struct stats_collector *collector = NULL;
    struct err err;
    assert_int_equal(data_schema_add(&schema, STR("note"), DATA_TYPE(TEXT), &err), ERR_OK);
    struct data_batch *batch = data_batch_new(arena, &schema, STATS_LEVELS_MAX + 1);
    batch->rows = STATS_LEVELS_MAX + 1;
    for (int64_t r = 0; r < batch->rows; r++) {
        batch->vectors[0].text[r] = str_of(arena_printf(arena, "text %lld", (long long)r));
        data_vector_set_valid(&batch->vectors[0], r, true);
    }
    assert_int_equal(stats_collector_new(&schema, &collector, &err), ERR_OK);
    assert_int_equal(stats_collector_add(collector, batch, &err), ERR_LIMIT);
    assert_string_equal(err.message,
                        "column note has more than 1000 distinct texts, too many for groups");
}

static void no_row_is_no_error(void **state)
{
    (void)state;
    AUTO(data_schema_done) struct data_schema schema = {0};
    AUTO(stats_collector_free) struct stats_collector *collector = NULL;
    AUTO(stats_result_done) struct stats_result result = {0};
    const struct stats_column *columns = NULL;
    struct err err;
    schema_make(&schema);
    assert_int_equal(stats_collector_new(&schema, &collector, &err), ERR_OK);
    assert_int_equal(stats_collector_finish(collector, &columns, &err), ERR_OK);
    assert_int_equal(stats_describe(&columns[AGE], NULL, NULL, &result, &err), ERR_OK);
    assert_int_equal(result.n, 0);
}

static void a_failing_allocation_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    AUTO(data_schema_done) struct data_schema schema = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    schema_make(&schema);
    struct data_batch *batch = batch_make(arena, &schema, "mfmf", 40);
    bool passed = false;
    for (int64_t nth = 1; !passed; nth++) {
        struct stats_collector *collector = NULL;
        const struct stats_column *columns = NULL;
        struct err err;
        fault_arm(FAULT_ALLOC, nth);
        enum err_code code = stats_collector_new(&schema, &collector, &err);
        if (code == ERR_OK)
            code = stats_collector_add(collector, batch, &err);
        if (code == ERR_OK)
            code = stats_collector_finish(collector, &columns, &err);
        passed = !fault_fired();
        fault_disarm();
        assert_int_equal(code, passed ? ERR_OK : ERR_MEMORY);
        stats_collector_free(collector);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_become_columns),
        cmocka_unit_test(what_is_no_number_is_refused_by_name),
        cmocka_unit_test(too_many_texts_are_an_error_that_names_the_column),
        cmocka_unit_test(no_row_is_no_error),
        cmocka_unit_test(a_failing_allocation_is_an_error_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
