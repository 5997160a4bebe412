/* Statements and results: errors, streams, cancel, limits, what stays usable after what. */
#include "conform.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/fault.h"

#define PATIENCE_MS 2500 /* 50 ms and a round trip on an idle machine; work for hours, else */

/* Work for hours without a row; rows for hours. */
static const char *endless_work(void)
{
    return sql("SELECT count(*) FROM %s CROSS JOIN %s CROSS JOIN %s WHERE a.i + b.i + c.i = 1",
               series(100000, "a"), series(100000, "b"), series(100000, "c"));
}
static const char *endless_rows(void)
{
    return sql("SELECT a.i AS i, b.i AS j FROM %s CROSS JOIN %s", series(100000, "a"),
               series(100000, "b"));
}

static enum err_code read_all(struct engine_result *result, int64_t *ret_rows, struct err *err)
{
    const struct data_batch *batch = NULL;
    for (*ret_rows = 0;; *ret_rows += batch->rows) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
    }
}

static enum err_code query_all(struct engine *engine, const char *text, int64_t *ret_rows,
                               struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    *ret_rows = 0;
    TRY(engine_query(engine, text, NULL, 0, &result, err));
    return read_all(result, ret_rows, err);
}

/* ---- results ------------------------------------------------------------------------------------
 */

static void empty_result_has_its_columns_and_no_batch(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_query(
        engine, sql("SELECT i AS a, CAST(NULL AS date) AS b FROM %s WHERE i < 0", series(10, "t")),
        NULL, 0, &result, &err));
    assert_int_equal(engine_result_schema(result)->count, 2);
    assert_int_equal(engine_result_schema(result)->columns[1].type.kind, DATA_DATE);
    for (int again = 0; again < 3; again++) {
        OK(engine_result_next(result, &batch, &err));
        assert_null(batch);
    }
    engine_result_close(result);
    engine_close(engine);
}

static int64_t resident_bytes(void)
{
    long long ignored = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lld %lld", &ignored, &resident), 2);
    fclose(file);
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

static void a_million_rows_stream_in_flat_memory(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_result *result = NULL;
    int64_t rows = 0, sum = 0, before = 0;
    OK(engine_query(
        engine,
        sql("SELECT i, 'a text of some forty characters, number ' || CAST(i AS %s) AS word FROM %s",
            type_sql(DATA_TYPE(TEXT)), series(1000000, "t")),
        NULL, 0, &result, &err));
    for (;;) {
        const struct data_batch *batch = NULL;
        OK(engine_result_next(result, &batch, &err));
        if (batch == NULL)
            break;
        assert_in_range(batch->rows, 1, DATA_BATCH_ROWS);
        for (int64_t row = 0; row < batch->rows; row++)
            sum += batch->vectors[0].i64[row];
        rows += batch->rows;
        if (before == 0)
            before = resident_bytes();
    }
    assert_int_equal(rows, 1000000);
    assert_int_equal(sum, INT64_C(500000500000));
    int64_t grown = resident_bytes() - before;
#if !defined(SLOWED_DOWN)
    if (grown > (INT64_C(48) << 20))
        fail_msg("resident memory grew by %lld bytes", (long long)grown);
#endif
    (void)grown;
    engine_result_close(result);
    engine_close(engine);
}

static void result_closed_early_leaves_the_engine_usable(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    for (int round = 0; round < 3; round++) {
        struct engine_result *result = NULL;
        const struct data_batch *batch = NULL;
        OK(engine_query(engine, endless_rows(), NULL, 0, &result, &err));
        OK(engine_result_next(result, &batch, &err));
        assert_non_null(batch);
        engine_result_close(result);
        assert_string_equal(ask(engine, "SELECT 41 + 1"), "42");
    }
    struct engine_result *unread = NULL;
    OK(engine_query(engine, endless_rows(), NULL, 0, &unread, &err));
    engine_result_close(unread);
    assert_string_equal(ask(engine, "SELECT 41 + 1"), "42");
    engine_close(engine);
}

static void another_statement_ends_an_open_result_and_it_says_so(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_result *first = NULL, *second = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_query(engine, endless_rows(), NULL, 0, &first, &err));
    OK(engine_result_next(first, &batch, &err));
    OK(engine_query(engine, "SELECT 5 AS five", NULL, 0, &second, &err));
    FAILS(ERR_USAGE, engine_result_next(first, &batch, &err));
    OK(engine_result_next(second, &batch, &err));
    assert_int_equal(batch->vectors[0].i64[0], 5);
    engine_result_close(first);
    OK(engine_result_next(second, &batch, &err));
    assert_null(batch);
    engine_result_close(second);
    engine_close(engine);
}

static void transaction_outlives_a_result_closed_early(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    NEEDS(engine, ENGINE_HAS_TRANSACTIONS);
    struct err err = {0};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_execute(engine, "DROP TABLE IF EXISTS conform_transaction", NULL, 0, &err));
    OK(engine_execute(engine, "BEGIN", NULL, 0, &err));
    OK(engine_executef(engine, &err, "CREATE TABLE conform_transaction AS SELECT i FROM %s",
                       series(20000, "t")));
    OK(engine_query(engine, "SELECT i FROM conform_transaction", NULL, 0, &result, &err));
    OK(engine_result_next(result, &batch, &err));
    engine_result_close(result);
    OK(engine_execute(engine, "INSERT INTO conform_transaction VALUES (0)", NULL, 0, &err));
    OK(engine_execute(engine, "COMMIT", NULL, 0, &err));
    assert_string_equal(ask(engine, "SELECT count(*) FROM conform_transaction"), "20001");
    OK(engine_execute(engine, "BEGIN", NULL, 0, &err));
    OK(engine_execute(engine, "DELETE FROM conform_transaction", NULL, 0, &err));
    OK(engine_execute(engine, "ROLLBACK", NULL, 0, &err));
    assert_string_equal(ask(engine, "SELECT count(*) FROM conform_transaction"), "20001");
    engine_close(engine);
}

static void statements_without_rows_run_alone_and_in_lists(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_value value = {.type = DATA_TYPE(BIGINT), .i64 = 3};
    OK(engine_execute(engine, "DROP TABLE IF EXISTS conform_list", NULL, 0, &err));
    OK(engine_execute(
        engine,
        "CREATE TABLE conform_list (i bigint); INSERT INTO conform_list VALUES (1); INSERT INTO "
        "conform_list VALUES (2);",
        NULL, 0, &err));
    OK(engine_execute(engine, "INSERT INTO conform_list VALUES ($1)", &value, 1, &err));
    assert_string_equal(ask(engine, "SELECT CAST(sum(i) AS bigint) FROM conform_list"), "6");
    FAILS(ERR_ENGINE,
          engine_execute(engine,
                         "INSERT INTO conform_list VALUES (4); SELECT * FROM conform_nowhere", NULL,
                         0, &err));
    OK(engine_execute(engine, "SELECT * FROM conform_list", NULL, 0, &err));
    engine_close(engine);
}

static void conveniences_read_small_results(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    int64_t number = 0;
    json_t *rows = NULL;
    OK(engine_query_int(engine, "SELECT count(*) + 5", 0, &number, &err));
    assert_int_equal(number, 6);
    OK(engine_query_int(engine, "SELECT CAST(NULL AS bigint)", -1, &number, &err));
    assert_int_equal(number, -1);
    OK(engine_query_int(engine, "SELECT true", -1, &number, &err));
    assert_int_equal(number, 1);
    FAILS(ERR_ENGINE, engine_query_int(engine, "SELECT 1 WHERE 1 = 2", 0, &number, &err));
    OK(engine_query_json(
        engine,
        "SELECT 1 AS a, 'x' AS b, CAST(1.50 AS decimal(4, 2)) AS c, CAST(NULL AS date) AS d", 10,
        &rows, &err));
    char *text = json_dumps(rows, JSON_COMPACT);
    assert_string_equal(text, target->decimals_are_texts ? "[[1,\"x\",\"1.50\",null]]"
                                                         : "[[1,\"x\",1.5,null]]");
    free(text);
    json_decref(rows);
    FAILS(ERR_LIMIT,
          engine_query_json(engine, sql("SELECT i FROM %s", series(1000, "t")), 10, &rows, &err));
    engine_close(engine);
}

/* ---- errors -------------------------------------------------------------------------------------
 */

static void assert_nowhere(const struct err *err, const char *secret)
{
    if (strstr(err->message, secret) != NULL || strstr(err->detail, secret) != NULL ||
        strstr(err->hint, secret) != NULL)
        fail_msg("a value is shown: %s / %s / %s", err->message, err->detail, err->hint);
}

static void errors_have_their_codes_and_the_engine_goes_on(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *message;
    } cases[] = {
        {"SELEC 1", "the statement does not parse"},
        {"SELECT FROM WHERE", NULL},
        {"SELECT * FROM conform_no_such_table",
         "the statement names something that does not exist or exists already"},
        {"SELECT no_such_column FROM (SELECT 1 AS a) AS t",
         "the statement does not fit the tables or types it names"},
        {"SELECT no_such_function_at_all(1)", NULL},
        {"", NULL},
    };
    struct engine *engine = open_target(NULL);
    for (size_t idx = 0; idx < sizeof cases / sizeof *cases; idx++) {
        struct err err = {0};
        int64_t rows;
        FAILS(ERR_ENGINE, query_all(engine, cases[idx].sql, &rows, &err));
        if (cases[idx].message != NULL)
            assert_string_equal(err.message, cases[idx].message);
        assert_string_equal(ask(engine, "SELECT 1"), "1");
    }
    engine_close(engine);
}

static void error_in_mid_stream_is_an_error_and_shows_no_value(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    int64_t rows = 0;
    FAILS(ERR_ENGINE, query_all(engine,
                                sql("SELECT CAST(CASE WHEN i = 90000 THEN 'secret-person' ELSE '1' "
                                    "END AS bigint) AS v FROM %s",
                                    series(100000, "t")),
                                &rows, &err));
    assert_nowhere(&err, "secret");
    assert_string_equal(ask(engine, "SELECT 1"), "1");
    engine_close(engine);
}

static void messages_show_patterns_and_no_values(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "INSERT INTO conform_masked VALUES (4711000815, 'secret-person')",
        "SELECT CAST(word AS date) FROM conform_masked",
        "SELECT CAST(word AS bigint) FROM conform_masked",
        "SELECT CAST(id AS smallint) FROM conform_masked",
        "SELECT CAST(word AS decimal(4, 2)) FROM conform_masked",
    };
    struct engine *engine = open_target(NULL);
    NEEDS(engine, ENGINE_HAS_TRANSACTIONS); /* an engine with constraints */
    struct err err = {0};
    OK(engine_execute(engine,
                      "DROP TABLE IF EXISTS conform_masked; CREATE TABLE conform_masked (id bigint "
                      "PRIMARY KEY, word "
                      "varchar)",
                      NULL, 0, &err));
    OK(engine_execute(engine, statements[0], NULL, 0, &err));
    for (size_t idx = 0; idx < sizeof statements / sizeof *statements; idx++) {
        int64_t rows;
        FAILS(ERR_ENGINE, query_all(engine, statements[idx], &rows, &err));
        assert_nowhere(&err, "secret");
        assert_nowhere(&err, "4711000815");
    }
    engine_close(engine);
}

/* ---- cancel, limits, interrupt ------------------------------------------------------------------
 */

static atomic_llong cancel_at_us = INT64_MAX;
static bool is_cancelled(void *user)
{
    (void)user;
    return clock_monotonic_us() >= atomic_load(&cancel_at_us);
}
static const struct progress cancelling = {.cancelled = is_cancelled};

static int64_t late_ms(int64_t due_us)
{
    return (clock_monotonic_us() - due_us) / 1000;
}
static void assert_prompt(int64_t due_us)
{
    int64_t late = late_ms(due_us);
#if !defined(SLOWED_DOWN)
    if (late > PATIENCE_MS)
        fail_msg("it took %lld ms", (long long)late);
#endif
    assert_in_range(late + 100, 0, 5000);
}

static void cancel_is_prompt_while_waiting_and_while_streaming(void **state)
{
    (void)state;
    struct engine *engine = open_target(&cancelling);
    struct err err = {0};
    int64_t rows;
    const char *const statements[] = {endless_work(), endless_rows()};
    for (size_t idx = 0; idx < 2; idx++) {
        int64_t due_us = clock_monotonic_us() + 100000;
        atomic_store(&cancel_at_us, due_us);
        FAILS(ERR_INTERRUPTED, query_all(engine, statements[idx], &rows, &err));
        assert_prompt(due_us);
        atomic_store(&cancel_at_us, INT64_MAX);
        assert_string_equal(ask(engine, "SELECT 1"), "1");
    }
    int64_t due_us = clock_monotonic_us() + 100000;
    atomic_store(&cancel_at_us, due_us);
    FAILS(ERR_INTERRUPTED, engine_execute(engine, endless_work(), NULL, 0, &err));
    assert_prompt(due_us);
    atomic_store(&cancel_at_us, 0);
    FAILS(ERR_INTERRUPTED, query_all(engine, "SELECT 1", &rows, &err)); /* before it began */
    atomic_store(&cancel_at_us, INT64_MAX);
    engine_close(engine);
}

static void time_limit_is_kept_while_waiting_and_while_streaming(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    int64_t rows;
    const char *const statements[] = {endless_work(), endless_rows()};
    for (size_t idx = 0; idx < 2; idx++) {
        int64_t due_us = clock_monotonic_us() + 150000;
        engine_set_time_limit(engine, 150);
        FAILS(ERR_TIMEOUT, query_all(engine, statements[idx], &rows, &err));
        assert_prompt(due_us);
        assert_non_null(strstr(err.message, "150 ms"));
        engine_set_time_limit(engine, 5000);
        assert_string_equal(ask(engine, "SELECT 1"), "1");
        engine_set_time_limit(engine, 0);
        assert_string_equal(ask(engine, "SELECT 2"), "2");
    }
    /* a reader that is slow itself; a server that is busy may not have begun within a second */
    struct engine_result *result = NULL;
    int64_t limit_ms = 1000;
    engine_set_time_limit(engine, limit_ms);
    while (engine_query(engine, endless_rows(), NULL, 0, &result, &err) != ERR_OK) {
        if (err.code != ERR_TIMEOUT || limit_ms > 10000)
            fail_msg("%s", err.message);
        engine_set_time_limit(engine, limit_ms *= 4);
    }
    usleep((useconds_t)(limit_ms + 100) * 1000);
    FAILS(ERR_TIMEOUT, read_all(result, &rows, &err));
    engine_result_close(result);
    engine_set_time_limit(engine, 0);
    assert_string_equal(ask(engine, "SELECT 1"), "1");
    engine_close(engine);
}

static void *interrupt_later(void *user)
{
    usleep(100000);
    engine_interrupt(user);
    return NULL;
}

static void interrupt_from_another_thread_stops_what_runs(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    int64_t rows;
    for (int streaming = 0; streaming < 2; streaming++) {
        pthread_t thread;
        int64_t due_us = clock_monotonic_us() + 100000;
        assert_int_equal(pthread_create(&thread, NULL, interrupt_later, engine), 0);
        FAILS(ERR_INTERRUPTED,
              query_all(engine, streaming ? endless_rows() : endless_work(), &rows, &err));
        assert_prompt(due_us);
        pthread_join(thread, NULL);
        assert_string_equal(ask(engine, "SELECT 1"), "1");
    }
    engine_interrupt(engine); /* nothing runs: what comes next is not touched */
    assert_string_equal(ask(engine, "SELECT 1"), "1");
    engine_close(engine);
}

/* ---- memory -------------------------------------------------------------------------------------
 */

static enum err_code some_work(struct engine *engine, const char *query, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    struct engine_value value = {.type = DATA_TYPE(TEXT), .text = STR("a word")};
    struct str word = STR("another");
    struct data_vector vector = {.type = DATA_TYPE(TEXT), .text = &word};
    struct engine_appender *appender = NULL;
    int64_t rows;
    TRY(engine_query(engine, query, &value, 1, &result, err));
    TRY(read_all(result, &rows, err));
    assert_int_equal(rows, 3000);
    engine_set_time_limit(engine, 60000);
    enum err_code code = engine_execute(engine, "DELETE FROM conform_memory", NULL, 0, err);
    engine_set_time_limit(engine, 0);
    if (code != ERR_OK || !engine_can(engine, ENGINE_CAN_APPEND))
        return code;
    TRY(engine_append_open(engine, NULL, "conform_memory", &appender, err));
    code = engine_append_batch(appender, &(struct data_batch){&vector, 1, 1}, err);
    if (code == ERR_OK)
        return engine_append_close(appender, err);
    engine_append_abort(appender);
    return code;
}

static void any_allocation_of_ours_may_fail(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    int64_t nth = 0;
    enum err_code code = ERR_MEMORY;
    OK(engine_executef(engine, &err, "DROP TABLE IF EXISTS conform_memory"));
    OK(engine_executef(engine, &err, "CREATE TABLE conform_memory (word %s)",
                       type_sql(DATA_TYPE(TEXT))));
    char *query = strdup(sql("SELECT i, CAST($1 AS %s) AS word, %s AS list FROM %s",
                             type_sql(DATA_TYPE(TEXT)), target->array, series(3000, "t")));
    while (code != ERR_OK) {
        char statement[64];
        snprintf(statement, sizeof statement, "SELECT %d", (int)++nth);
        err = (struct err){0};
        fault_arm(FAULT_ALLOC, nth);
        code = some_work(engine, query, &err);
        bool fired = fault_fired();
        fault_disarm();
        if (code == ERR_OK && fired) { /* an allocation that could be done without */
            code = ERR_MEMORY;
            continue;
        }
        if (code != ERR_OK)
            assert_int_equal(code, ERR_MEMORY);
        assert_true(nth < 2000);
        assert_string_equal(ask(engine, statement), statement + strlen("SELECT "));
    }
    assert_true(nth > 5);
    free(query);
    engine_close(engine);
}

static void engine_says_what_it_is(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct engine_about about;
    bool listed = false;
    assert_true(engine_version(engine)[0] != '\0');
    for (size_t idx = 0; engine_about(idx, &about); idx++)
        if (strcmp(about.name, engine_name(engine)) == 0) {
            listed = true;
            if (strcmp(about.name, "adbc") != 0) /* whose URL says the dialect */
                assert_string_equal(about.dialect, engine_dialect(engine));
            assert_int_equal((about.abilities & ENGINE_CAN_APPEND) != 0,
                             engine_can(engine, ENGINE_CAN_APPEND));
        }
    assert_true(listed);
    engine_close(engine);
}

const struct CMUnitTest run_cases[] = {
    cmocka_unit_test(engine_says_what_it_is),
    cmocka_unit_test(empty_result_has_its_columns_and_no_batch),
    cmocka_unit_test(a_million_rows_stream_in_flat_memory),
    cmocka_unit_test(result_closed_early_leaves_the_engine_usable),
    cmocka_unit_test(another_statement_ends_an_open_result_and_it_says_so),
    cmocka_unit_test(transaction_outlives_a_result_closed_early),
    cmocka_unit_test(statements_without_rows_run_alone_and_in_lists),
    cmocka_unit_test(conveniences_read_small_results),
    cmocka_unit_test(errors_have_their_codes_and_the_engine_goes_on),
    cmocka_unit_test(error_in_mid_stream_is_an_error_and_shows_no_value),
    cmocka_unit_test(messages_show_patterns_and_no_values),
    cmocka_unit_test(cancel_is_prompt_while_waiting_and_while_streaming),
    cmocka_unit_test(time_limit_is_kept_while_waiting_and_while_streaming),
    cmocka_unit_test(interrupt_from_another_thread_stops_what_runs),
    cmocka_unit_test(any_allocation_of_ours_may_fail),
};
const size_t run_case_count = sizeof run_cases / sizeof *run_cases;
