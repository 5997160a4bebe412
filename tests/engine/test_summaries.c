/* marrow_values, marrow_ends and marrow_levels say what DuckDB's own aggregates say one by one:
 * over random groups from one value to thousands, every type, any threads, and as window functions.
 */
#include "engine_test.h"

/* g: 1,200 groups, most small, some large. c: short and long texts. k: total, null now and then;
 * group 7 has no key at all. */
static const char *const make_rows =
    "CREATE TABLE t AS SELECT i, CASE WHEN i % 3 = 0 THEN i % 3 ELSE hash(i) % 1200 END AS g,"
    " hash(i, 1) % (1 + g % 40) AS r,"
    " CASE WHEN r % 7 <> 3 THEN CASE WHEN r % 2 = 0 THEN 'c' || r WHEN r % 5 = 0 THEN ''"
    " ELSE 'a code far longer than twelve bytes ' || r END END AS text_,"
    " CASE WHEN r % 5 <> 1 THEN (r::BIGINT - 20) * 1000000007 END AS bigint_,"
    " CASE WHEN r % 9 = 1 THEN NULL WHEN r % 9 = 3 THEN"
    " 'inf'::DOUBLE WHEN r % 9 = 4 THEN -0.0::DOUBLE WHEN r % 9 = 5 THEN 0 ELSE r / -7.0 END AS"
    " double_,"
    " CASE WHEN r % 4 <> 2 THEN DATE '1960-01-01' + (r * 700)::INTEGER END AS date_,"
    " CASE WHEN r % 6 <> 2 THEN TIMESTAMP '1969-12-31 23:59:59' + INTERVAL (r) SECOND END AS"
    " timestamp_,"
    " CASE WHEN g <> 7 AND hash(i, 2) % 10 <> 0 THEN ((hash(i, 3) % 100)::HUGEINT - 50) *"
    " 18446744073709551616 + i END AS k FROM range(120000) all_rows(i)";

static const char *const TYPES[] = {"text_", "bigint_", "double_", "date_", "timestamp_"};

static void expect_none(struct engine *engine, const char *format, const char *column,
                        const char *table)
{
    char sql[2048];
    const char *at[] = {column, table};
    size_t len = 0;
    for (const char *from = format; *from != '\0'; from++) {
        const char *put = *from == '@' ? at[0] : *from == '#' ? at[1] : NULL;
        int written = put != NULL ? snprintf(sql + len, sizeof sql - len, "%s", put)
                                  : snprintf(sql + len, sizeof sql - len, "%c", *from);
        len += (size_t)written;
        assert_true(len < sizeof sql);
    }
    const char *found = ask(engine, sql);
    if (strcmp(found, "0") != 0)
        fail_msg("%s rows differ: %s", found, sql);
}

static const char *const GROUPED =
    "SELECT count(*) FROM (SELECT g, marrow_values(@) v, marrow_ends(@, k) e, marrow_ends(@, k)"
    " FILTER (WHERE k IS NOT NULL) ef, count(@) n, count(DISTINCT @) d, mode(@ ORDER BY @) m,"
    " coalesce(arg_min(@, k), min(@)) f, coalesce(arg_max(@, k), max(@)) l, arg_min(@, k) ff FROM #"
    " GROUP BY g) WHERE v.count <> n OR v.distinct <> d OR v.mode IS DISTINCT FROM m OR e.first IS"
    " DISTINCT FROM f OR e.last IS DISTINCT FROM l OR ef.first IS DISTINCT FROM ff";

static void values_and_ends_say_what_single_aggregates_say(void **state)
{
    (void)state;
    static const int64_t threads[] = {1, 2, 4};
    struct err err = {0};
    for (size_t idx = 0; idx < 3; idx++) {
        struct engine *engine = open_engine(threads[idx]);
        OK(engine_execute(engine, make_rows, NULL, 0, &err));
        OK(engine_execute(engine, "CREATE TABLE u AS SELECT * FROM t ORDER BY hash(i, 9)", NULL, 0,
                          &err));
        for (size_t type = 0; type < sizeof TYPES / sizeof *TYPES; type++) {
            expect_none(engine, GROUPED, TYPES[type], "t");
            expect_none(engine, GROUPED, TYPES[type], "u");
        }
        engine_close(engine);
    }
}

static void levels_say_what_filtered_counts_say(void **state)
{
    (void)state;
    struct err err = {0};
    struct engine *engine = open_engine(2);
    OK(engine_execute(engine, make_rows, NULL, 0, &err));
    expect_none(engine,
                "SELECT count(*) FROM (SELECT g, marrow_levels(@, '[\"\", \"c2\", \"a code far "
                "longer than twelve bytes 7\", \"none\"]') l, count(*) FILTER (WHERE @ = '') a,"
                " count(*) FILTER (WHERE @ = 'c2') b, count(*) FILTER (WHERE @ = 'a code far longer"
                " than twelve bytes 7') c FROM # GROUP BY g) WHERE l.n1 <> a OR l.n2 <> b OR l.n3"
                " <> c OR l.n4 <> 0 OR l.n12 <> 0",
                "text_", "t");
    expect_none(engine,
                "SELECT count(*) FROM (SELECT g, marrow_levels(@, '[-20000000140, 1000000007]')"
                " FILTER (WHERE i % 2 = 0) l, count(*) FILTER (WHERE @ = -20000000140 AND i % 2 ="
                " 0) a, count(*) FILTER (WHERE @ = 1000000007 AND i % 2 = 0) b FROM # GROUP BY g)"
                " WHERE l.n1 <> a OR l.n2 <> b",
                "bigint_", "t");
    assert_string_equal(ask(engine, "SELECT marrow_levels(text_, '[\"c2\"]').n1 = count(*) FILTER "
                                    "(WHERE text_ = 'c2') FROM t"),
                        "true");
    engine_close(engine);
}

static void no_rows_and_no_values_have_a_summary(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    assert_string_equal(ask(engine, "SELECT concat_ws(' ', v.count, v.distinct, v.mode IS NULL, "
                                    "e.first IS NULL, e.last IS NULL, l.n1) FROM (SELECT "
                                    "marrow_values(i) v, marrow_ends(i, i) e, marrow_levels(i, "
                                    "'[1]') l FROM range(0) r(i))"),
                        "0 0 true true true 0");
    assert_string_equal(ask(engine, "SELECT concat_ws(' ', v.count, v.mode IS NULL, e.first IS "
                                    "NULL) FROM (SELECT marrow_values(NULL::VARCHAR) v, "
                                    "marrow_ends(NULL::VARCHAR, i) e FROM range(9) r(i))"),
                        "0 true true");
    engine_close(engine);
}

/* DuckDB's mode counts every NaN for itself. */
static void all_nans_are_one_value_and_so_are_both_zeros(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    assert_string_equal(
        ask(engine, "SELECT concat_ws(' ', v.count, v.distinct, v.mode, e.first, e.last) FROM "
                    "(SELECT marrow_values(x) v, marrow_ends(x, 1) e FROM (VALUES "
                    "('nan'::DOUBLE), (-'nan'::DOUBLE), (1), (1), ('nan'), (0), (-0.0), "
                    "('-inf')) t(x))"),
        "8 4 nan -inf nan");
    engine_close(engine);
}

static void equal_keys_give_the_least_first_and_the_greatest_last(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    assert_string_equal(ask(engine, "SELECT concat_ws(' ', e.first, e.last) FROM (SELECT "
                                    "marrow_ends(x, 1) e FROM (VALUES ('m'), ('a'), ('z'), "
                                    "(NULL)) t(x))"),
                        "a z");
    assert_string_equal(ask(engine, "SELECT concat_ws(' ', e.first, e.last) FROM (SELECT "
                                    "marrow_ends(x, k) e FROM (VALUES (5, DATE '2020-01-02'), (6, "
                                    "DATE '1950-01-02'), (1, NULL)) t(x, k))"),
                        "6 5");
    engine_close(engine);
}

static void windows_combine_a_state_more_than_once(void **state)
{
    (void)state;
    struct err err = {0};
    struct engine *engine = open_engine(2);
    OK(engine_execute(engine, make_rows, NULL, 0, &err));
    for (size_t type = 0; type < sizeof TYPES / sizeof *TYPES; type++)
        expect_none(engine,
                    "SELECT count(*) FROM (SELECT marrow_values(@) OVER w v, marrow_ends(@, k) OVER"
                    " w e, count(@) OVER w n, count(DISTINCT @) OVER w d, coalesce(arg_min(@, k)"
                    " OVER w, min(@) OVER w) f FROM (SELECT * FROM # WHERE i < 6000) WINDOW w AS"
                    " (PARTITION BY g % 5 ORDER BY i ROWS BETWEEN 90 PRECEDING AND 30 FOLLOWING))"
                    " WHERE v.count <> n OR v.distinct <> d OR e.first IS DISTINCT FROM f",
                    TYPES[type], "t");
    engine_close(engine);
}

static void wrong_levels_and_keys_are_said(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    static const char *const wrong[] = {
        "SELECT marrow_levels('a', 'no json').n1",
        "SELECT marrow_levels('a', '{}').n1",
        "SELECT marrow_levels('a', '[1]').n1",
        "SELECT marrow_levels(1::BIGINT, '[\"1\"]').n1",
        "SELECT marrow_levels('a', '[\"a\", \"a\"]').n1",
        "SELECT marrow_levels('a', '[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
        "\"11\",\"12\",\"13\"]').n1",
        "SELECT count(marrow_ends_) FROM (SELECT marrow_ends('a', 1.5::DOUBLE) marrow_ends_)",
    };
    for (size_t idx = 0; idx < sizeof wrong / sizeof *wrong; idx++) {
        struct err err = {0};
        int64_t ignored;
        if (engine_query_int(engine, wrong[idx], 0, &ignored, &err) != ERR_USAGE)
            fail_msg("%s: %s", wrong[idx], err.message);
        assert_non_null(strstr(err.message, "marrow_"));
    }
    assert_string_equal(ask(engine, "SELECT marrow_levels('a', '[\"a\"]').n1"), "1");
    engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_ends_say_what_single_aggregates_say),
        cmocka_unit_test(levels_say_what_filtered_counts_say),
        cmocka_unit_test(no_rows_and_no_values_have_a_summary),
        cmocka_unit_test(all_nans_are_one_value_and_so_are_both_zeros),
        cmocka_unit_test(equal_keys_give_the_least_first_and_the_greatest_last),
        cmocka_unit_test(windows_combine_a_state_more_than_once),
        cmocka_unit_test(wrong_levels_and_keys_are_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
