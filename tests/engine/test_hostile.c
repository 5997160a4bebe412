/* What must never bring the engine down: callbacks that fail in any phase, hostile SQL given to the
 * inspection, wrong arguments to Marrow's own functions. */
#include "engine_test.h"

#include <stdatomic.h>

#include "engine/functions_priv.h"

/* ---- states, counted: an aggregate whose n-th call of a phase fails -----------------------------
 */

enum phase { PHASE_NONE, PHASE_UPDATE, PHASE_COMBINE, PHASE_FINALIZE };
static atomic_int failing_phase, calls_left;
static atomic_llong blocks_alive;

struct block_state {
    void *block; /* made by the first update or combine */
};

static bool phase_fails(enum phase phase)
{
    return atomic_load(&failing_phase) == (int)phase && atomic_fetch_sub(&calls_left, 1) == 1;
}

static void block_init(void *state)
{
    memset(state, 0, sizeof(struct block_state));
}

static enum err_code block_need(struct block_state *state, struct err *err)
{
    if (state->block == NULL) {
        state->block = malloc(8);
        atomic_fetch_add(&blocks_alive, 1);
    }
    return state->block != NULL ? ERR_OK : err_set(err, ERR_MEMORY, "no block");
}

static enum err_code block_update(const struct data_batch *in, void *const *states, struct err *err)
{
    for (int64_t row = 0; row < in->rows; row++)
        TRY(block_need(states[row], err));
    return phase_fails(PHASE_UPDATE) ? err_set(err, ERR_MEMORY, "injected in update") : ERR_OK;
}

static enum err_code block_combine(void *const *sources, void *const *targets, int64_t count,
                                   struct err *err)
{
    (void)sources;
    for (int64_t idx = 0; idx < count; idx++)
        TRY(block_need(targets[idx], err));
    return phase_fails(PHASE_COMBINE) ? err_set(err, ERR_MEMORY, "injected in combine") : ERR_OK;
}

static enum err_code block_finalize(void *const *states, int64_t count, struct arena *arena,
                                    struct data_vector *ret, int64_t offset, struct err *err)
{
    (void)states, (void)arena;
    for (int64_t idx = 0; idx < count; idx++)
        ret->i64[offset + idx] = 1;
    return phase_fails(PHASE_FINALIZE) ? err_set(err, ERR_MEMORY, "injected in finalize") : ERR_OK;
}

static void block_done(void *state)
{
    struct block_state *block = state;
    if (block->block == NULL)
        return;
    free(block->block);
    block->block = NULL;
    atomic_fetch_sub(&blocks_alive, 1);
}

static void fail_in(enum phase phase, int nth, const char *sql)
{
    struct err err = {0};
    int64_t ignored;
    struct engine *engine = open_engine(2);
    const struct data_type bigint = DATA_TYPE(BIGINT);
    const struct engine_aggregate block = {"test_block",
                                           &bigint,
                                           1,
                                           bigint,
                                           sizeof(struct block_state),
                                           block_init,
                                           block_update,
                                           block_combine,
                                           block_finalize,
                                           block_done,
                                           0};
    OK(engine_register_aggregate(engine, &block, 1, &err));
    OK(engine_execute(engine, "CREATE TABLE t AS SELECT i, i % 1000 AS g FROM range(400000) r(i)",
                      NULL, 0, &err));
    atomic_store(&calls_left, nth);
    atomic_store(&failing_phase, (int)phase);
    enum err_code code = engine_query_int(engine, sql, 0, &ignored, &err);
    bool fired = atomic_load(&calls_left) <= 0;
    atomic_store(&failing_phase, (int)PHASE_NONE);
    if (fired) {
        assert_int_equal(code, ERR_MEMORY);
        assert_non_null(strstr(err.message, "injected"));
    } else {
        assert_int_equal(code, ERR_OK);
    }
    assert_string_equal(ask(engine, "SELECT test_block(i) FROM t"), "1"); /* still of use */
    engine_close(engine);
    if (atomic_load(&blocks_alive) != 0)
        fail_msg("phase %d call %d leaves %lld states: %s", (int)phase, nth,
                 (long long)atomic_load(&blocks_alive), sql);
}

static void a_failing_callback_frees_every_state(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "SELECT test_block(i) FROM t",
        "SELECT sum(b + c) FROM (SELECT test_block(i) b, test_block(i + 1) c FROM t)",
        "SELECT sum(b) FROM (SELECT test_block(i) b FROM t GROUP BY g)",
        "SELECT sum(b) FROM (SELECT test_block(DISTINCT i) b FROM t GROUP BY g)",
        "SELECT sum(b) FROM (SELECT test_block(i) OVER (PARTITION BY g) b FROM t)",
    };
    for (size_t idx = 0; idx < sizeof statements / sizeof *statements; idx++)
        for (int phase = PHASE_UPDATE; phase <= PHASE_FINALIZE; phase++)
            for (int nth = 1; nth <= 5; nth += 2)
                fail_in((enum phase)phase, nth, statements[idx]);
}

/* ---- hostile SQL -------------------------------------------------------------------------------
 */

static enum err_code inspect(struct engine *engine, const char *sql, bool *ret_select)
{
    struct engine_statement statement;
    struct err err = {0};
    enum err_code code = engine_statement_inspect(engine, sql, &statement, &err);
    *ret_select = code == ERR_OK && statement.count == 1 && statement.is_select;
    if (code != ERR_OK)
        assert_true(err.message[0] != '\0');
    engine_statement_done(&statement);
    return code;
}

/* open × count, middle, close × count */
static char *nested(const char *start, const char *open, int count, const char *middle,
                    const char *close)
{
    struct buf text = BUF_INIT;
    buf_puts(&text, start);
    for (int idx = 0; idx < count; idx++)
        buf_puts(&text, open);
    buf_puts(&text, middle);
    for (int idx = 0; idx < count; idx++)
        buf_puts(&text, close);
    assert_false(text.failed);
    return text.ptr;
}

static void deep_and_long_statements_are_refused_or_read(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    static const struct {
        const char *start, *open, *middle, *close;
        bool always_fine; /* at any length */
    } shapes[] = {
        {"SELECT ", "(", "1", ")", false},
        {"SELECT ", "abs(", "1", ")", false},
        {"SELECT ", "-", "1", "", false},
        {"SELECT ", "NOT ", "true", "", false},
        {"SELECT ", "[", "1", "]", false},
        {"", "SELECT * FROM (", "SELECT 1", ")", false},
        {"", "WITH a AS (", "SELECT 1", ") SELECT * FROM a", false},
        {"SELECT 1", " UNION ALL SELECT 1", "", "", false},
        {"SELECT 1", "+1", "", "", false},
        {"SELECT ", "CASE WHEN true THEN ", "1", " END", false},
        {"SELECT 1 FROM t", ", t", "", "", false},
        {"SELECT 1", ", 1", "", "", true},
        {"SELECT '", "x", "", "", false},
        {"/*", "/*", "", "*/", false},
        {"", "SELECT 1;", "", "", false},
    };
    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        for (int count = 10; count <= 40000; count *= count < 1000 ? 100 : 40) {
            char *sql = nested(shapes[shape].start, shapes[shape].open, count, shapes[shape].middle,
                               shapes[shape].close);
            bool is_select;
            enum err_code code = inspect(engine, sql, &is_select);
            if (count > ENGINE_LIMIT_SET_OPERATIONS && strstr(shapes[shape].open, "UNION") != NULL)
                assert_int_equal(code, ERR_LIMIT);
            if (shapes[shape].always_fine)
                assert_int_equal(code, ERR_OK);
            mem_free(sql);
        }
    }
    assert_string_equal(ask(engine, "SELECT 1"), "1"); /* alive */
    engine_close(engine);
}

static void bytes_that_are_no_text_give_an_error(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    static const char *const texts[] = {
        "",
        " ",
        ";",
        ";;;",
        "\xff\xfe",
        "SELECT '\xff'",
        "SELECT \xc3",
        "\xef\xbb\xbfSELECT 1",
        "SELECT $1",
        "SELECT ?",
        "SELECT 1 --",
        "SELECT 1 /*",
        "SELECT 'a",
        "SELECT \"a",
        "SELECT $$a",
        "SELECT \x01\x02",
        "PRAGMA version",
        "SET threads = 1",
        "COPY t TO '/tmp/x'",
        "CALL x()",
        "EXPLAIN SELECT 1",
        "SELECT 1 INTO t",
        "FROM '/etc/passwd'",
        "DESCRIBE t",
        "SHOW TABLES",
        "INSERT INTO t SELECT 1 RETURNING *",
        "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
        "BEGIN",
        "INSTALL httpfs",
        "ATTACH 'x'",
        "EXPORT DATABASE 'x'",
        "SELECT 1; DROP TABLE t",
    };
    static const char *const selects[] = {
        "SELECT $1",  "SELECT ?",   "SELECT 1 --", "FROM '/etc/passwd'", "\xef\xbb\xbfSELECT 1",
        "DESCRIBE t", "SHOW TABLES"};
    for (size_t idx = 0; idx < sizeof texts / sizeof *texts; idx++) {
        bool is_select, may = false;
        (void)!inspect(engine, texts[idx], &is_select);
        for (size_t known = 0; known < sizeof selects / sizeof *selects; known++)
            may = may || strcmp(selects[known], texts[idx]) == 0;
        if (is_select && !may)
            fail_msg("taken for a SELECT: %s", texts[idx]);
    }
    assert_string_equal(ask(engine, "SELECT 1"), "1");
    engine_close(engine);
}

static void what_would_crash_or_hide_is_refused(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    static const char *const texts[] = {
        "SELECT marrow_sum(i ORDER BY i) FROM t",
        "SELECT 1 + Marrow_Mode(i::VARCHAR ORDER BY i DESC) OVER () FROM t",
        "WITH x AS (SELECT g, marrow_sum(i ORDER BY i) FROM t GROUP BY g) SELECT * FROM x",
        "SELECT * FROM query('SELECT marrow_sum(i ORDER BY i) FROM t')",
        "FROM QUERY_TABLE('t')",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    };
    for (size_t idx = 0; idx < sizeof texts / sizeof *texts; idx++) {
        bool is_select;
        assert_int_equal(inspect(engine, texts[idx], &is_select), ERR_INPUT);
    }
    bool is_select; /* the engine's own may be ordered */
    assert_int_equal(
        inspect(engine, "SELECT list(i ORDER BY i), marrow_sum(i) FROM t ORDER BY 1", &is_select),
        ERR_OK);
    assert_true(is_select);
    engine_close(engine);
}

static int reports;
static void count_report(void *user, const struct progress_event *event)
{
    (void)user;
    reports += event->total > 0;
}

static void a_confined_engine_still_reports_progress(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    int64_t ignored;
    json_t *allowed = json_array();
    struct progress progress = {.report = count_report};
    OK(engine_execute(engine, "CREATE TABLE t AS SELECT i FROM range(3000000) r(i)", NULL, 0,
                      &err));
    OK(engine_confine(engine, allowed, &err));
    json_decref(allowed);
    engine_set_progress(engine, &progress, "query", "t");
    reports = 0;
    for (int turn = 0; turn < 20 && reports == 0;
         turn++) /* DuckDB tells nothing of what is over soon */
        OK(engine_query_int(engine, "SELECT max(length(md5(repeat(i::VARCHAR, 20)))) FROM t", 0,
                            &ignored, &err));
    assert_true(reports > 0);
    engine_close(engine);
}

/* ---- wrong arguments ---------------------------------------------------------------------------
 */

static void functions_survive_wrong_arguments(void **state)
{
    (void)state;
    static const char *const functions[] = {"marrow_row_hash", "marrow_hash_sum", "marrow_typing",
                                            "marrow_bucket",   "marrow_sum",      "marrow_mean",
                                            "marrow_sd",       "marrow_mode"};
    static const char *const arguments[] = {
        "",
        "NULL",
        "1",
        "'x'",
        "'x', 1",
        "'x', 0",
        "'x', -9223372036854775807",
        "NULL, NULL",
        "'x', 'y', 'z'",
        "[1, 2]",
        "range(100000)",
        "{'a': 1, 'b': [2]}",
        "MAP {'a': 1}",
        "'\\xFF'::BLOB, 1",
        "'nan'::DOUBLE",
        "'infinity'::DATE",
        "INTERVAL 1 YEAR",
        "uuid()",
        "repeat('x', 10000000)",
        "repeat('{\"a\":', 100000), 'a'",
        "'{\"a\":\"\\', 'a'",
        "'{\"a', 'a'",
        "'{\"a\":1', ''",
        "'{\"\\u00', ''",
        "'{\"a\":\"\\ud83d', 'a'",
        "*",
        "DISTINCT i",
        "i ORDER BY i",
        "repeat('x', i::BIGINT) FILTER (WHERE i % 2 = 0)",
    };
    struct engine *engine = open_engine(2);
    int64_t answered = 0, refused = 0;
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        for (size_t a = 0; a < sizeof arguments / sizeof *arguments; a++) {
            struct err err = {0};
            json_t *rows = NULL;
            AUTO(buf_done) struct buf sql = BUF_INIT;
            buf_printf(&sql, "SELECT %s(%s) FROM range(3) r(i)", functions[f], arguments[a]);
            bool is_select;
            enum err_code code = inspect(engine, buf_text(&sql), &is_select);
            if (code == ERR_OK)
                code = engine_query_json(engine, buf_text(&sql), 10, &rows, &err);
            else
                (void)err_set(&err, code, "refused");
            answered += code == ERR_OK;
            refused += code != ERR_OK;
            if (code != ERR_OK &&
                (err.message[0] == '\0' || code == ERR_FAILED || code == ERR_MEMORY))
                fail_msg("%s: %s %s", buf_text(&sql), err_code_name(code), err.message);
            json_decref(rows);
        }
    }
    assert_true(answered >= 40 && refused >= 100);
    assert_string_equal(ask(engine, "SELECT marrow_row_hash() IS NOT NULL"), "true");
    engine_close(engine);
}

static void row_hash_takes_thousands_of_columns(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "SELECT marrow_row_hash(i");
    for (int idx = 0; idx < 5000; idx++)
        buf_printf(&sql, ", i + %d", idx);
    buf_puts(&sql, ") IS NOT NULL FROM range(5000) r(i) LIMIT 1");
    assert_string_equal(ask(engine, buf_text(&sql)), "true");
    engine_close(engine);
}

int main(void)
{
    json_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_callback_frees_every_state),
        cmocka_unit_test(deep_and_long_statements_are_refused_or_read),
        cmocka_unit_test(bytes_that_are_no_text_give_an_error),
        cmocka_unit_test(what_would_crash_or_hide_is_refused),
        cmocka_unit_test(a_confined_engine_still_reports_progress),
        cmocka_unit_test(functions_survive_wrong_arguments),
        cmocka_unit_test(row_hash_takes_thousands_of_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
