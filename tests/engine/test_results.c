/* Statements, parameters, result conversion, errors, cancel, time limit. */
#include "engine_test.h"

#include "base/clock.h"

static void every_type_reads_as_its_canonical_text(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum data_kind kind;
        const char *text;
    } cases[] = {
        {"true", DATA_BOOLEAN, "true"},
        {"(-128)::TINYINT", DATA_BIGINT, "-128"},
        {"(-32768)::SMALLINT", DATA_BIGINT, "-32768"},
        {"(-2147483648)::INTEGER", DATA_BIGINT, "-2147483648"},
        {"(-9223372036854775808)::BIGINT", DATA_BIGINT, "-9223372036854775808"},
        {"255::UTINYINT", DATA_BIGINT, "255"},
        {"65535::USMALLINT", DATA_BIGINT, "65535"},
        {"4294967295::UINTEGER", DATA_BIGINT, "4294967295"},
        {"18446744073709551615::UBIGINT", DATA_DECIMAL, "18446744073709551615"},
        {"(-12345678901234567890123456789)::HUGEINT", DATA_DECIMAL,
         "-12345678901234567890123456789"},
        {"340282366920938463463374607431768211455::UHUGEINT", DATA_UHUGEINT,
         "340282366920938463463374607431768211455"},
        {"(-1.5)::DECIMAL(4,2)", DATA_DECIMAL, "-1.50"},
        {"(-1234.5)::DECIMAL(9,3)", DATA_DECIMAL, "-1234.500"},
        {"(-0.000001)::DECIMAL(18,6)", DATA_DECIMAL, "-0.000001"},
        {"(-12345678901234567890.123)::DECIMAL(38,5)", DATA_DECIMAL, "-12345678901234567890.12300"},
        {"0.5::FLOAT", DATA_DOUBLE, "0.5"},
        {"0.1::DOUBLE", DATA_DOUBLE, "0.1"},
        {"'short'", DATA_TEXT, "short"},
        {"'a text that is longer than twelve bytes'", DATA_TEXT,
         "a text that is longer than twelve bytes"},
        {"DATE '1950-02-03'", DATA_DATE, "1950-02-03"},
        {"TIME '12:34:56.5'", DATA_TIME, NULL},
        {"TIMESTAMP '2020-01-02 03:04:05.25'", DATA_TIMESTAMP, NULL},
        {"TIMESTAMP_S '1969-12-31 23:59:59'", DATA_TIMESTAMP, "1969-12-31 23:59:59"},
        {"TIMESTAMP_MS '2020-01-02 03:04:05'", DATA_TIMESTAMP, "2020-01-02 03:04:05"},
        {"TIMESTAMP_NS '2020-01-02 03:04:05'", DATA_TIMESTAMP, "2020-01-02 03:04:05"},
        {"TIMESTAMPTZ '2020-01-02 03:04:05+02'", DATA_TIMESTAMPTZ, NULL},
        {"INTERVAL '14 months'", DATA_INTERVAL, NULL},
        {"'\\xAA'::BLOB", DATA_BLOB, NULL},
        {"'{\"a\":1}'::JSON", DATA_JSON, "{\"a\":1}"},
        {"[1,2,NULL]", DATA_TEXT, "[1, 2, NULL]"},
        {"{'k': 'v'}", DATA_TEXT, "{'k': v}"},
        {"'x'::ENUM('x','y')", DATA_TEXT, "x"},
        {"'12345678-1234-1234-1234-123456789abc'::UUID", DATA_TEXT,
         "12345678-1234-1234-1234-123456789abc"},
        {"MAP {'a': 1}", DATA_TEXT, "{a=1}"},
        {"TIMETZ '01:02:03+01'", DATA_TEXT, "01:02:03+01"},
        {"'101'::BIT", DATA_TEXT, "101"},
    };
    struct engine *engine = open_engine(1);
    struct err err = {0};
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        char sql[256];
        snprintf(sql, sizeof sql,
                 "SELECT v, NULL_V FROM (SELECT %s AS v, if(false, %s, NULL) AS NULL_V);",
                 cases[idx].sql, cases[idx].sql);
        struct engine_result *result = NULL;
        const struct data_batch *batch = NULL;
        OK(engine_query(engine, sql, NULL, 0, &result, &err));
        OK(engine_result_next(result, &batch, &err));
        struct buf text = BUF_INIT;
        assert_int_equal(engine_result_schema(result)->columns[0].type.kind, cases[idx].kind);
        assert_true(data_value_text(&batch->vectors[0], 0, &text));
        if (cases[idx].text != NULL)
            assert_string_equal(buf_text(&text), cases[idx].text);
        assert_true(text.len > 0);
        assert_false(data_vector_is_valid(&batch->vectors[1], 0));
        assert_string_equal(engine_result_schema(result)->columns[0].name, "v");
        OK(engine_result_next(result, &batch, &err));
        assert_null(batch);
        buf_done(&text);
        engine_result_close(result);
    }
    engine_close(engine);
}

static void nested_result_keeps_names_order_and_parameters(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    struct engine_value value = {.type = DATA_TYPE(BIGINT), .i64 = 3};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_query(engine,
                    "SELECT i AS \"a b\", [i::VARCHAR, ';'] AS \"a b\", 'x;''y' /* ; */ AS q FROM "
                    "range($1) t(i) ORDER BY i DESC -- end;\n ;",
                    &value, 1, &result, &err));
    OK(engine_result_next(result, &batch, &err));
    assert_int_equal(batch->rows, 3);
    assert_int_equal(batch->vectors[0].i64[0], 2);
    assert_string_equal(engine_result_schema(result)->columns[1].name, "a b");
    assert_memory_equal(batch->vectors[1].text[0].ptr, "[2, ", 4);
    assert_memory_equal(batch->vectors[2].text[0].ptr, "x;'y", 4);
    engine_result_close(result);
    engine_close(engine);
}

static void parameters_of_every_kind_round_trip(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    struct err err = {0};
    struct engine_value values[] = {
        {.type = DATA_TYPE(NULL)},
        {.type = DATA_TYPE(BOOLEAN), .i64 = 1},
        {.type = DATA_TYPE(BIGINT), .i64 = INT64_MIN},
        {.type = DATA_TYPE(DOUBLE), .f64 = -0.1},
        {.type = DATA_TYPE(TEXT), .text = STR("O'Hara")},
        {.type = DATA_TYPE(DATE), .i64 = -1},
        {.type = DATA_TYPE(TIMESTAMP), .i64 = -1000000},
        {.type = data_type_decimal(20, 3), .text = STR("-12345678901234567.5")},
        {.type = DATA_TYPE(BLOB), .text = STR("a\0b")},
    };
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_query(
        engine, "SELECT concat_ws('|', $1 IS NULL, $2, $3, $4, $5, $6, $7, $8, octet_length($9))",
        values, 9, &result, &err));
    OK(engine_result_next(result, &batch, &err));
    struct str text = batch->vectors[0].text[0];
    const char *expected = "true|true|-9223372036854775808|-0.1|O'Hara|1969-12-31|1969-12-31 "
                           "23:59:59|-12345678901234567.500|3";
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
    engine_result_close(result);
    assert_int_equal(engine_query(engine, "SELECT $1", NULL, 0, &result, &err), ERR_USAGE);
    struct engine_value bad = {.type = data_type_decimal(4, 1), .text = STR("12345")};
    assert_int_equal(engine_query(engine, "SELECT $1", &bad, 1, &result, &err), ERR_USAGE);
    engine_close(engine);
}

static void streaming_gives_every_row_in_order(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    struct engine_result *result = NULL;
    OK(engine_execute(engine, "CREATE TABLE t AS SELECT i FROM range(1000000) r(i)", NULL, 0,
                      &err));
    OK(engine_query(engine, "SELECT i FROM t", NULL, 0, &result, &err));
    int64_t expected = 0;
    for (;;) {
        const struct data_batch *batch = NULL;
        OK(engine_result_next(result, &batch, &err));
        if (batch == NULL)
            break;
        for (int64_t row = 0; row < batch->rows; row++)
            assert_int_equal(batch->vectors[0].i64[row], expected++);
    }
    assert_int_equal(expected, 1000000);
    engine_result_close(result);
    engine_close(engine);
}

static void stale_result_is_refused(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    struct err err = {0};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_query(engine, "SELECT i FROM range(1000000) r(i)", NULL, 0, &result, &err));
    assert_string_equal(ask(engine, "SELECT 42"), "42");
    assert_int_equal(engine_result_next(result, &batch, &err), ERR_USAGE);
    engine_result_close(result);
    engine_close(engine);
}

static void errors_show_patterns_and_no_values(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum err_code code;
        const char *secret;
    } cases[] = {
        {"SELECT CAST('Schmidt77' AS INTEGER)", ERR_ENGINE, "Schmidt77"},
        {"SELECT CAST('1977-13-45' AS DATE)", ERR_ENGINE, "1977"},
        {"SELECT CAST(v AS TINYINT) FROM (VALUES (31337)) t(v)", ERR_ENGINE, "31337"},
        {"SELECT error('secret ''Meier''')", ERR_ENGINE, "Meier"},
        {"SELECT v + 'Mueller99'::INT FROM (VALUES (1)) t(v)", ERR_ENGINE, "Mueller99"},
        {"SELEC 1", ERR_ENGINE, NULL},
        {"SELECT * FROM nowhere", ERR_ENGINE, NULL},
        {"SELECT * FROM read_csv('/nowhere/x.csv', auto_detect=false, columns={'a':'VARCHAR'})",
         ERR_IO, NULL},
    };
    struct engine *engine = open_engine(1);
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        struct err err = {0};
        enum err_code code = engine_execute(engine, cases[idx].sql, NULL, 0, &err);
        assert_int_equal(code, cases[idx].code);
        assert_int_equal(err.code, code);
        assert_true(err.message[0] != '\0');
        if (cases[idx].secret != NULL) {
            assert_null(strstr(err.message, cases[idx].secret));
            assert_null(strstr(err.detail, cases[idx].secret));
        }
    }
    engine_close(engine);
}

static void memory_limit_gives_a_hint_and_spill_helps(void **state)
{
    (void)state;
    const char *sql =
        "SELECT count(*) FROM (SELECT i, md5(i::VARCHAR) m FROM range(2000000) r(i) ORDER BY m, i)";
    struct err err = {0};
    struct engine *engine = NULL;
    OK(engine_open(&(struct engine_options){.threads = 2, .memory_bytes = 30 << 20}, &engine,
                   &err));
    OK(engine_execute(engine, "CREATE TABLE probe(i INT)", NULL, 0, &err));
    const char *group = "SELECT count(*) FROM (SELECT md5(i::VARCHAR) m, count(*) c FROM "
                        "range(3000000) r(i) GROUP BY m)";
    int64_t count = 0;
    assert_int_equal(engine_query_int(engine, group, 0, &count, &err), ERR_MEMORY);
    assert_non_null(strstr(err.hint, "--spill"));
    engine_close(engine);
    char spill[] = "/tmp/engine-spill-XXXXXX";
    assert_non_null(mkdtemp(spill));
    OK(engine_open(
        &(struct engine_options){.threads = 2, .memory_bytes = 120 << 20, .spill_directory = spill},
        &engine, &err));
    OK(engine_query_int(engine, group, 0, &count, &err));
    assert_int_equal(count, 3000000);
    OK(engine_query_int(engine, sql, 0, &count, &err));
    engine_close(engine);
    rmdir(spill);
}

#define SLOW "SELECT count(*) FROM range(100000000) a(i), range(1000) b(j) WHERE (i * j) % 7 = 3"

static void time_limit_stops_a_statement(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    engine_set_time_limit(engine, 50);
    int64_t begun = clock_monotonic_us(), ignored;
    assert_int_equal(engine_query_int(engine, SLOW, 0, &ignored, &err), ERR_TIMEOUT);
    assert_in_range((clock_monotonic_us() - begun) / 1000, 40, 400);
    engine_set_time_limit(engine, 0);
    assert_string_equal(ask(engine, "SELECT 1"), "1");
    engine_close(engine);
}

static _Atomic int64_t cancel_at_us; /* read by the watch thread */
static int reports;
static bool cancel_when_due(void *user)
{
    (void)user;
    return cancel_at_us != 0 && clock_monotonic_us() >= cancel_at_us;
}
static void count_report(void *user, const struct progress_event *event)
{
    (void)user;
    assert_string_equal(event->phase, "count");
    assert_true(event->done <= event->total);
    reports++;
}

static void cancel_stops_running_and_streaming(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    struct progress progress = {.cancelled = cancel_when_due};
    int64_t ignored;
    engine_set_progress(engine, &progress, "count", "t");
    cancel_at_us = clock_monotonic_us() + 50000;
    assert_int_equal(engine_query_int(engine, SLOW, 0, &ignored, &err), ERR_INTERRUPTED);
    assert_in_range((clock_monotonic_us() - cancel_at_us) / 1000, 0, 300);
    cancel_at_us = 0;
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_query(engine, "SELECT i FROM range(100000000000) r(i)", NULL, 0, &result, &err));
    OK(engine_result_next(result, &batch, &err));
    cancel_at_us = clock_monotonic_us() + 30000;
    enum err_code code = ERR_OK;
    while (code == ERR_OK && clock_monotonic_us() < cancel_at_us + 2000000)
        code = engine_result_next(result, &batch, &err);
    assert_int_equal(code, ERR_INTERRUPTED);
    assert_in_range((clock_monotonic_us() - cancel_at_us) / 1000, 0, 300);
    engine_result_close(result);
    cancel_at_us = 0;
    assert_string_equal(ask(engine, "SELECT 1"), "1");
    engine_close(engine);
}

static void progress_is_reported(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    OK(engine_execute(engine, "CREATE TABLE t AS SELECT i FROM range(3000000) r(i)", NULL, 0,
                      &err));
    struct progress progress = {.report = count_report};
    engine_set_progress(engine, &progress, "count", "t");
    reports = 0;
    OK(engine_execute(engine, "CREATE TABLE u AS SELECT md5(md5(i::VARCHAR)) AS m FROM t", NULL, 0,
                      &err));
    assert_true(reports > 0);
    engine_set_progress(engine, NULL, NULL, NULL);
    engine_close(engine);
}

static void small_results_come_as_json_rows(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    struct err err = {0};
    json_t *rows = NULL;
    OK(engine_query_json(engine,
                         "SELECT 1, 2.50::DECIMAL(9,2), 0.25::DOUBLE, 'a\"b', NULL, true, "
                         "12345678901234567890.5::DECIMAL(38,1), 'nan'::DOUBLE, DATE '2020-01-01'",
                         10, &rows, &err));
    char *text = json_dumps(rows, JSON_COMPACT);
    assert_string_equal(
        text, "[[1,2.5,0.25,\"a\\\"b\",null,true,\"12345678901234567890.5\",null,\"2020-01-01\"]]");
    free(text);
    json_decref(rows);
    assert_int_equal(engine_query_json(engine, "SELECT * FROM range(11)", 10, &rows, &err),
                     ERR_LIMIT);
    assert_int_equal(engine_query_json(engine, "SELECT * FROM range(0)", 10, &rows, &err), ERR_OK);
    assert_int_equal(json_array_size(rows), 0);
    json_decref(rows);
    engine_close(engine);
}

static void one_value_queries_have_fallbacks(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    struct err err = {0};
    int64_t number = 0;
    OK(engine_query_int(engine, "SELECT sum(i) FROM range(10) r(i)", 0, &number, &err));
    assert_int_equal(number, 45);
    OK(engine_query_int(engine, "SELECT NULL", -7, &number, &err));
    assert_int_equal(number, -7);
    assert_int_equal(engine_query_int(engine, "SELECT 1 WHERE false", 0, &number, &err),
                     ERR_ENGINE);
    struct buf text = BUF_INIT;
    OK(engine_query_text(engine, "SELECT current_setting('TimeZone')", &text, &err));
    assert_string_equal(buf_text(&text), "UTC");
    buf_done(&text);
    engine_close(engine);
}

/* ---- opening and closing beside other work ---- */

static void an_engine_opened_on_a_thread_is_the_callers_once_it_is_joined(void **state)
{
    (void)state;
    struct err err = {0};
    struct engine *engine = NULL;
    struct engine_options options = {.threads = 1};
    struct engine_opening *opening = engine_opening_begin(&options);
    assert_non_null(opening);
    OK(engine_opening_end(opening, &engine, &err));
    assert_string_equal(ask(engine, "SELECT current_setting('TimeZone')"), "UTC");
    assert_string_equal(ask(engine, "SELECT marrow_sum(x) FROM (VALUES (1e0), (2e0)) AS t(x)"), "3");
    engine_closing_end(engine_closing_begin(engine));
}

static void an_opening_that_fails_tells_why_and_leaves_nothing(void **state)
{
    (void)state;
    struct err err = {0};
    struct engine *engine = NULL;
    struct engine_options options = {.database = "/nowhere/at/all.duckdb", .read_only = true};
    struct engine_opening *opening = engine_opening_begin(&options);
    assert_non_null(opening);
    assert_int_not_equal(engine_opening_end(opening, &engine, &err), ERR_OK);
    assert_null(engine);
    assert_string_not_equal(err.message, "");
    engine_opening_drop(engine_opening_begin(&options));
}

static void an_opening_that_is_not_needed_is_dropped(void **state)
{
    (void)state;
    struct engine_options options = {.threads = 1};
    engine_opening_drop(engine_opening_begin(&options));
    engine_opening_drop(NULL);
    engine_closing_end(engine_closing_begin(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_opened_on_a_thread_is_the_callers_once_it_is_joined),
        cmocka_unit_test(an_opening_that_fails_tells_why_and_leaves_nothing),
        cmocka_unit_test(an_opening_that_is_not_needed_is_dropped),
        cmocka_unit_test(every_type_reads_as_its_canonical_text),
        cmocka_unit_test(nested_result_keeps_names_order_and_parameters),
        cmocka_unit_test(parameters_of_every_kind_round_trip),
        cmocka_unit_test(streaming_gives_every_row_in_order),
        cmocka_unit_test(stale_result_is_refused),
        cmocka_unit_test(errors_show_patterns_and_no_values),
        cmocka_unit_test(memory_limit_gives_a_hint_and_spill_helps),
        cmocka_unit_test(time_limit_stops_a_statement),
        cmocka_unit_test(cancel_stops_running_and_streaming),
        cmocka_unit_test(progress_is_reported),
        cmocka_unit_test(small_results_come_as_json_rows),
        cmocka_unit_test(one_value_queries_have_fallbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
