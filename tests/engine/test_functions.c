/* Marrow's own functions and the generic hook: exactness, order and thread independence, lifecycle
 * of states. */
#include "engine_test.h"

#include <math.h>

#include "base/clock.h"
#include "data/typing.h"
#include "engine/exact_priv.h"

/* ---- exact sums, in C
 * ---------------------------------------------------------------------------- */

static uint64_t random_state = 1;
static uint64_t random_next(void)
{
    random_state += 0x9e3779b97f4a7c15ULL;
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* kind 0: clinical measures; 1: whole numbers; 2: any finite double; 3: cancelling giants; 4:
 * subnormal and tiny. */
static double random_value(int kind)
{
    uint64_t bits = random_next();
    double value;
    switch (kind) {
    case 0:
        return (double)(int64_t)(bits % 2000001) / 1000.0 - 500;
    case 1:
        return (double)(int64_t)(bits % 100000) - 50000;
    case 3:
        return (bits & 1 ? 1e16 : -1e16) + (double)(bits % 7) * ((bits & 2) != 0 ? 1e300 : 1e-300);
    case 4:
        return ldexp((double)(bits >> 12), -1074 - (int)(bits % 20)) * ((bits & 1) != 0 ? -1 : 1);
    default:
        break;
    }
    do {
        bits = random_next();
        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value) || fabs(value) > 1e300);
    return value;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void any_order_and_any_split_gives_identical_bits(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    double values[COUNT];
    for (int round = 0; round < 250; round++) {
        int kind = round % 5;
        for (int idx = 0; idx < COUNT; idx++)
            values[idx] = random_value(kind);
        uint64_t first[3] = {0};
        for (int pass = 0; pass < 6; pass++) {
            for (int idx = COUNT - 1; pass > 0 && idx > 0; idx--) {
                int other = (int)(random_next() % (uint64_t)(idx + 1));
                double kept = values[idx];
                values[idx] = values[other];
                values[other] = kept;
            }
            struct exact_moments parts[4] = {0}, whole = {0};
            for (int idx = 0; idx < COUNT; idx++)
                assert_true(
                    exact_moments_add(&parts[pass == 0 ? 0 : random_next() % 4], values[idx]));
            for (int idx = 0; idx < 4; idx++) {
                assert_true(exact_moments_merge(&whole, &parts[idx]));
                exact_moments_done(&parts[idx]);
            }
            uint64_t found[3] = {bits_of(exact_sum_value(&whole.sum)),
                                 bits_of(exact_mean_value(&whole.sum)),
                                 bits_of(exact_sd_value(&whole))};
            exact_moments_done(&whole);
            for (int idx = 0; idx < 3; idx++) {
                if (pass == 0)
                    first[idx] = found[idx];
                assert_true(found[idx] == first[idx]);
            }
        }
    }
}

/* Reference figures by exact rational arithmetic: tests/engine/exact_reference.txt, made by
 * exact_reference.py. A line: count values… sum mean sd, doubles as C99 hexadecimal. */
static void results_equal_exact_rational_arithmetic(void **state)
{
    (void)state;
    FILE *file = fopen(TEST_SOURCE_DIRECTORY "/golden/engine/exact_reference.txt", "r");
    assert_non_null(file);
    int count, cases = 0;
    while (fscanf(file, "%d", &count) == 1) {
        struct exact_moments moments = {0};
        double value, expected[3];
        for (int idx = 0; idx < count; idx++) {
            assert_int_equal(fscanf(file, "%la", &value), 1);
            assert_true(exact_moments_add(&moments, value));
        }
        assert_int_equal(fscanf(file, "%la %la %la", &expected[0], &expected[1], &expected[2]), 3);
        double found[3] = {exact_sum_value(&moments.sum), exact_mean_value(&moments.sum),
                           exact_sd_value(&moments)};
        for (int idx = 0; idx < 3; idx++)
            if (bits_of(found[idx]) != bits_of(expected[idx]))
                fail_msg("case %d, figure %d: %a, exact arithmetic gives %a", cases, idx,
                         found[idx], expected[idx]);
        exact_moments_done(&moments);
        cases++;
    }
    fclose(file);
    assert_true(cases >= 500);
}

static void window_overflow_moves_to_the_wide_sum(void **state)
{
    (void)state;
    struct exact_moments moments = {0};
    double big = ldexp(1, 45);
    for (int idx = 0; idx < 100; idx++)
        assert_true(exact_moments_add(&moments, big));
    assert_true(exact_sum_value(&moments.sum) == 100 * big);
    assert_true(exact_sd_value(&moments) == 0);
    struct exact_moments doubled = {0};
    for (int idx = 0; idx < 12; idx++) /* 100 · 2^12 values through merging alone */
    {
        memset(&doubled, 0, sizeof doubled);
        assert_true(exact_moments_merge(&doubled, &moments));
        assert_true(exact_moments_merge(&doubled, &moments));
        exact_moments_done(&moments);
        moments = doubled;
    }
    assert_true(exact_sum_value(&moments.sum) == 409600 * big);
    assert_true(exact_mean_value(&moments.sum) == big);
    assert_true(exact_sd_value(&moments) == 0);
    exact_moments_done(&moments);
}

/* ---- in SQL
 * --------------------------------------------------------------------------------------- */

static void hard_sums_nulls_and_specials_in_sql(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    assert_string_equal(
        ask(engine, "SELECT marrow_sum(v) FROM (VALUES (1e16),(1.0),(-1e16),(NULL)) t(v)"), "1");
    assert_string_equal(
        ask(engine, "SELECT marrow_mean(v) FROM (VALUES (0.1),(0.2),(0.3),(NULL)) t(v)"), "0.2");
    assert_string_equal(ask(engine, "SELECT marrow_sd(v) FROM (VALUES "
                                    "(2.0),(4.0),(4.0),(4.0),(5.0),(5.0),(7.0),(9.0)) t(v)"),
                        "2.138089935299395");
    assert_string_equal(ask(engine, "SELECT marrow_sum(v) FROM (VALUES (NULL::DOUBLE)) t(v)"),
                        "NULL");
    assert_string_equal(ask(engine, "SELECT marrow_sd(v) FROM (VALUES (1.0)) t(v)"), "NULL");
    assert_string_equal(
        ask(engine, "SELECT marrow_sum(v) FROM (VALUES ('inf'::DOUBLE),(1.0)) t(v)"), "inf");
    assert_string_equal(
        ask(engine,
            "SELECT isnan(marrow_sum(v)) FROM (VALUES ('inf'::DOUBLE),('-inf'::DOUBLE)) t(v)"),
        "true");
    assert_string_equal(
        ask(engine, "SELECT marrow_sum(v) FROM (VALUES (1e308),(1e308),(-1e308)) t(v)"), "1e308");
    assert_string_equal(
        ask(engine, "SELECT marrow_sum(i::DOUBLE) OVER (ORDER BY i ROWS BETWEEN 2 PRECEDING AND "
                    "CURRENT ROW) FROM range(5000) r(i) ORDER BY i DESC LIMIT 1"),
        "14994");
    assert_string_equal(
        ask(engine,
            "SELECT marrow_mode(v) FROM (VALUES ('b'),('a'),('b'),('a'),('c'),(NULL)) t(v)"),
        "a");
    assert_string_equal(ask(engine, "SELECT marrow_mode(v) FROM (VALUES (NULL::VARCHAR)) t(v)"),
                        "NULL");
    assert_string_equal(ask(engine, "SELECT marrow_mode(v) FROM (VALUES (''),('x')) t(v)"), "");
    assert_string_equal(ask(engine, "SELECT marrow_bucket(NULL, 64)"), "NULL");
    assert_string_equal(ask(engine, "SELECT marrow_digits(NULL::UHUGEINT)"), "NULL");
    assert_string_equal(
        ask(engine, "SELECT bool_and(marrow_digits(h) = h::VARCHAR) FROM (SELECT "
                    "marrow_row_hash(i) AS h FROM range(50) r(i) UNION ALL SELECT 0::UHUGEINT "
                    "UNION ALL SELECT 340282366920938463463374607431768211455::UHUGEINT)"),
        "true");
    assert_string_equal(ask(engine,
                            "SELECT marrow_bucket('10006', 64) = marrow_bucket('10006', 64) AND "
                            "max(marrow_bucket(i::VARCHAR, 64)) = 63 FROM range(5000) r(i)"),
                        "true");
    struct err err = {0};
    assert_int_equal(engine_execute(engine, "SELECT marrow_bucket('x', 0)", NULL, 0, &err),
                     ERR_USAGE);
    assert_int_equal(engine_execute(engine, "SELECT marrow_row_hash([1,2])", NULL, 0, &err),
                     ERR_UNSUPPORTED);
    engine_close(engine);
}

static const char *const make_rows =
    "CREATE TABLE t AS SELECT i, (i * 7919) % 1500 AS g, CASE WHEN i % 11 = 0 THEN NULL ELSE ((i * "
    "104729) % 100003) / 997.0 END AS v,"
    " 'code ' || ((i * 31) % 97) AS c FROM range(600000) r(i)";

/* One figure over all groups and functions, so that a differing bit anywhere shows. */
#define DIGEST                                                                                     \
    "SELECT md5(string_agg(concat_ws(',', g, s, m, d, c, h, ty), ';' ORDER BY g)) FROM (SELECT "   \
    "g, marrow_sum(v) s, marrow_mean(v) m, marrow_sd(v) d,"                                        \
    " marrow_mode(c) c, marrow_hash_sum(marrow_row_hash(g, v, c)) h, md5(marrow_typing(c)) ty "    \
    "FROM %s GROUP BY g)"

static void any_threads_and_any_order_give_the_same_answer(void **state)
{
    (void)state;
    char first[64] = "", sql[1024];
    struct err err = {0};
    static const int64_t threads[] = {1, 2, 4};
    for (size_t idx = 0; idx < 3; idx++) {
        struct engine *engine = open_engine(threads[idx]);
        OK(engine_execute(engine, make_rows, NULL, 0, &err));
        OK(engine_execute(engine, "CREATE TABLE u AS SELECT * FROM t ORDER BY hash(i)", NULL, 0,
                          &err));
        static const char *const tables[] = {"t", "u"};
        for (size_t table = 0; table < 2; table++) {
            snprintf(sql, sizeof sql, DIGEST, tables[table]);
            const char *found = ask(engine, sql);
            if (first[0] == '\0')
                snprintf(first, sizeof first, "%s", found);
            assert_string_equal(found, first);
        }
        engine_close(engine);
    }
}

static void states_survive_many_groups_and_spilling(void **state)
{
    (void)state;
    struct err err = {0};
    struct engine *engine = NULL;
    char spill[] = "/tmp/engine-spill-XXXXXX";
    assert_non_null(mkdtemp(spill));
    const char *sql =
        "SELECT md5(string_agg(concat_ws(',', g, s, c), ';' ORDER BY g)) FROM (SELECT i % 150000 "
        "AS g, marrow_sum(i / 10.0) s, marrow_mode((i % 3)::VARCHAR) c"
        " FROM range(450000) r(i) GROUP BY g)";
    char first[64];
    OK(engine_open(&(struct engine_options){.threads = 2}, &engine, &err));
    snprintf(first, sizeof first, "%s", ask(engine, sql));
    engine_close(engine);
    OK(engine_open(
        &(struct engine_options){.threads = 2, .memory_bytes = 60 << 20, .spill_directory = spill},
        &engine, &err));
    assert_string_equal(ask(engine, sql), first);
    engine_close(engine);
    rmdir(spill);
}

static void interrupted_aggregation_frees_its_states(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    engine_set_time_limit(engine, 40);
    int64_t ignored;
    assert_int_equal(engine_query_int(engine,
                                      "SELECT count(m) FROM (SELECT marrow_mode((i % 10)::VARCHAR) "
                                      "m FROM range(100000000) r(i) GROUP BY i % 100000)",
                                      0, &ignored, &err),
                     ERR_TIMEOUT);
    engine_close(engine);
}

static void row_hash_sum_ignores_order_but_counts_duplicates(void **state)
{
    (void)state;
    struct engine *engine = open_engine(2);
    struct err err = {0};
    OK(engine_execute(engine,
                      "CREATE TABLE t AS SELECT i, (i / 4.0)::DECIMAL(9,2) AS v, 'x' || i AS c, "
                      "DATE '2020-01-01' + (i % 300)::INT AS d FROM range(50000) r(i)",
                      NULL, 0, &err));
    char first[64];
    snprintf(first, sizeof first, "%s",
             ask(engine, "SELECT marrow_hash_sum(marrow_row_hash(i, v, c, d)) FROM t"));
    assert_string_equal(ask(engine, "SELECT marrow_hash_sum(marrow_row_hash(i, v, c, d)) FROM "
                                    "(SELECT * FROM t ORDER BY hash(i))"),
                        first);
    assert_string_equal(
        ask(engine,
            "SELECT marrow_hash_sum(marrow_row_hash(i::INTEGER, v::DECIMAL(38,5), c, d)) FROM t"),
        first);
    assert_string_not_equal(ask(engine, "SELECT marrow_hash_sum(marrow_row_hash(i, v, c, d)) FROM "
                                        "(FROM t UNION ALL (FROM t LIMIT 1))"),
                            first);
    assert_string_not_equal(ask(engine, "SELECT marrow_hash_sum(marrow_row_hash(i, v, c, d)) FROM "
                                        "(FROM t UNION ALL FROM t UNION ALL FROM t)"),
                            first);
    assert_string_equal(
        ask(engine, "SELECT marrow_hash_sum(marrow_row_hash(i)) FROM t WHERE false"), "0");
    engine_close(engine);
}

static void typing_blob_reads_back(void **state)
{
    (void)state;
    struct engine *engine = open_engine(4);
    struct err err = {0};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_query(engine,
                    "SELECT marrow_typing(if(i % 5 = 0, NULL, i::VARCHAR)) FROM range(100000) r(i)",
                    NULL, 0, &result, &err));
    OK(engine_result_next(result, &batch, &err));
    assert_int_equal(batch->vectors[0].type.kind, DATA_BLOB);
    struct typing_stats *stats = mem_alloc(typing_stats_bytes());
    typing_stats_init(stats);
    assert_true(typing_stats_read(stats, batch->vectors[0].text[0]));
    struct arena *arena = arena_new(0);
    const char *names[] = {"n"};
    struct typing_decision decision;
    struct typing_options options = {0};
    OK(typing_decide(&stats, names, 1, &options, arena, &decision, &err));
    assert_int_equal(decision.type.kind, DATA_BIGINT);
    assert_int_equal(decision.rows, 100000);
    assert_int_equal(decision.nulls, 20000);
    json_decref(decision.warnings);
    arena_free(arena);
    typing_stats_done(stats);
    mem_free(stats);
    engine_result_close(result);
    engine_close(engine);
}

/* ---- the hook
 * -------------------------------------------------------------------------------------- */

static enum err_code describe(void *extra, const struct data_batch *in, struct arena *arena,
                              struct data_vector *ret, struct err *err)
{
    (void)err;
    for (int64_t row = 0; row < in->rows; row++) {
        struct buf text = BUF_INIT;
        for (size_t column = 0; column < in->columns; column++)
            if (!data_value_text(&in->vectors[column], row, &text))
                buf_puts(&text, "-");
        ret->text[row] = (struct str){arena_strndup(arena, buf_text(&text), text.len), text.len};
        buf_done(&text);
    }
    ++*(int *)extra;
    return ERR_OK;
}
static enum err_code narrow(void *extra, const struct data_batch *in, struct arena *arena,
                            struct data_vector *ret, struct err *err)
{
    (void)extra, (void)arena, (void)err;
    for (int64_t row = 0; row < in->rows; row++)
        ret->i128[row] = (struct data_int128){(uint64_t)-in->vectors[0].i64[row],
                                              in->vectors[0].i64[row] > 0 ? -1 : 0};
    return ERR_OK;
}

static void a_registered_scalar_sees_all_types_and_nulls(void **state)
{
    (void)state;
    struct engine *engine = open_engine(1);
    struct err err = {0};
    int calls = 0;
    OK(engine_register_scalar(engine,
                              &(struct engine_scalar){.name = "describe_all",
                                                      .varargs = true,
                                                      .result = DATA_TYPE(TEXT),
                                                      .evaluate = describe,
                                                      .extra = &calls},
                              &err));
    OK(engine_register_scalar(engine,
                              &(struct engine_scalar){.name = "negate_cents",
                                                      .parameters = &DATA_TYPE(BIGINT),
                                                      .parameter_count = 1,
                                                      .result = data_type_decimal(9, 2),
                                                      .null_in_null_out = true,
                                                      .evaluate = narrow},
                              &err));
    assert_string_equal(ask(engine, "SELECT max(describe_all(i, NULL::INT, 'b', 1.5::DECIMAL(4,2), "
                                    "DATE '2020-01-02', true)) FROM range(1, 2) r(i)"),
                        "1-b1.502020-01-02true");
    assert_string_equal(ask(engine, "SELECT string_agg(negate_cents(i)::VARCHAR, ' ' ORDER BY i) "
                                    "FROM (VALUES (-5),(150),(NULL)) t(i)"),
                        "0.05 -1.50");
    assert_true(calls > 0);
    engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_any_split_gives_identical_bits),
        cmocka_unit_test(results_equal_exact_rational_arithmetic),
        cmocka_unit_test(window_overflow_moves_to_the_wide_sum),
        cmocka_unit_test(hard_sums_nulls_and_specials_in_sql),
        cmocka_unit_test(any_threads_and_any_order_give_the_same_answer),
        cmocka_unit_test(states_survive_many_groups_and_spilling),
        cmocka_unit_test(interrupted_aggregation_frees_its_states),
        cmocka_unit_test(row_hash_sum_ignores_order_but_counts_duplicates),
        cmocka_unit_test(typing_blob_reads_back),
        cmocka_unit_test(a_registered_scalar_sees_all_types_and_nulls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
