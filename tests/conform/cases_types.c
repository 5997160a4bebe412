/* Values: appended and read back, bound as parameters, all kinds with their extremes. */
#include "conform.h"

#include <math.h>

#include "base/clock.h"

#define VALUES_MOST 12
struct kind_case {
    struct data_type type;
    enum engine_ability needs; /* 0 = none */
    size_t count;
    union {
        int64_t i64[VALUES_MOST];
        double f64[VALUES_MOST];
        struct data_int128 i128[VALUES_MOST];
        struct str text[VALUES_MOST];
        struct data_interval interval[VALUES_MOST];
        uint8_t u8[VALUES_MOST];
    };
};
#define DECIMAL(p, s)                                                                              \
    {                                                                                              \
        .kind = DATA_DECIMAL, .precision = (p), .scale = (s)                                       \
    }
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    } /* as STR, in a static table */
#define KIND(name)                                                                                 \
    {                                                                                              \
        .kind = DATA_##name                                                                        \
    }
#define DAY INT64_C(86400000000)
#define YEAR_1 INT64_C(-719162) /* 0001-01-01 */
#define YEAR_9999 INT64_C(2932896)

/* ±(10^38 - 1), the extremes of 38 digits */
#define MOST_38                                                                                    \
    {                                                                                              \
        UINT64_C(0x098a223fffffffff), INT64_C(0x4b3b4ca85a86c47a)                                  \
    }
#define LEAST_38                                                                                   \
    {                                                                                              \
        UINT64_C(0xf675ddc000000001), INT64_C(-0x4b3b4ca85a86c47b)                                 \
    }
static const struct kind_case kinds[] = {
    {KIND(BOOLEAN), 0, 2, .u8 = {0, 1}},
    {KIND(BIGINT), 0, 5, .i64 = {INT64_MIN, INT64_MAX, 0, -1, 4294967296}},
    {DECIMAL(38, 10), 0, 6,
     .i128 = {MOST_38, LEAST_38, {0, 0}, {1, 0}, {UINT64_MAX, -1}, {100000, 0}}},
    {DECIMAL(38, 0), 0, 4, .i128 = {MOST_38, LEAST_38, {10000, 0}, {UINT64_MAX, 0}}},
    {DECIMAL(38, 38), 0, 3, .i128 = {MOST_38, LEAST_38, {1, 0}}},
    {DECIMAL(38, 37), 0, 3, .i128 = {MOST_38, LEAST_38, {1, 0}}},
    {DECIMAL(4, 2), 0, 4, .i128 = {{9999, 0}, {(uint64_t)-9999, -1}, {150, 0}, {1, 0}}},
    {DECIMAL(9, 3), 0, 2, .i128 = {{123456789, 0}, {1000, 0}}},
    {DECIMAL(18, 5), 0, 2, .i128 = {{UINT64_C(999999999999999999), 0}, {10, 0}}},
    {KIND(DOUBLE), 0, 9,
     .f64 = {0.1, -0.0, 5e-324, 1.7976931348623157e308, INFINITY, -INFINITY, NAN, 1e15,
             -1.0 / 3.0}},
    {KIND(TEXT), 0, 7,
     .text = {TEXT(""), TEXT("plain"), TEXT("Größe 健康 \xF0\x9F\xA9\xBA"),
              TEXT("it's \"quoted\" \\ $1 -- ; /*"), TEXT("line\nbreak\ttab\r"), TEXT("null"),
              TEXT("\\N")}},
    {KIND(JSON), 0, 3, .text = {TEXT("{\"a\": [1, 2.50, null]}"), TEXT("\"ä\""), TEXT("[]")}},
    {KIND(BLOB), 0, 3, .text = {TEXT(""), TEXT("\0\x01\xFF\xFE'\\"), TEXT("\\x41")}},
    {KIND(DATE), 0, 5, .i64 = {YEAR_1, YEAR_9999, 0, -1, 11016}},
    {KIND(TIME), 0, 3, .i64 = {0, DAY - 1, 45296500000}},
    {KIND(TIMESTAMP), 0, 6,
     .i64 = {YEAR_1 * DAY, (YEAR_9999 + 1) * DAY - 1, 0, -1, -DAY - 123457, 1709164800000001}},
    {KIND(TIMESTAMPTZ), ENGINE_HAS_TIMESTAMPTZ, 4,
     .i64 = {YEAR_1 * DAY, (YEAR_9999 + 1) * DAY - 1, -1, 1709164800000001}},
};
static const struct kind_case extended_kinds[] = {
    /* not on every engine that appends */
    {KIND(INTERVAL), 0, 4, .interval = {{0, 0, 0}, {14, -3, 1}, {-1, 1000, -DAY}, {0, 0, 3 * DAY}}},
    {KIND(UHUGEINT), 0, 4, .i128 = {{0, 0}, {UINT64_MAX, -1}, {0, INT64_MIN}, {10000, 0}}},
    /* infinite */
    {KIND(DATE), 0, 2, .i64 = {2147483647, -2147483647}},
    {KIND(TIMESTAMP), 0, 3, .i64 = {INT64_MAX, -INT64_MAX, -210000000000000000}},
};

/* The case's values and a null behind them, as a vector. */
static struct data_vector vector_of(const struct kind_case *kind, uint64_t *validity)
{
    struct data_vector vector = {.type = kind->type, .validity = validity};
    size_t bytes = data_kind_bytes(kind->type.kind);
    vector.any = test_calloc(kind->count + 1, bytes);
    memcpy(vector.any, kind->u8, kind->count * bytes);
    *validity = (UINT64_C(1) << kind->count) - 1;
    return vector;
}

static void create_table(struct engine *engine, const char *name, const char *columns)
{
    struct err err = {0};
    OK(engine_executef(engine, &err, "DROP TABLE IF EXISTS %s", name));
    OK(engine_executef(engine, &err, "CREATE TABLE %s (%s)", name, columns));
}

/* The type that values of type come back with. */
static struct data_type expected_type(struct data_type type)
{
    bool decimal = type.kind == DATA_DECIMAL || type.kind == DATA_UHUGEINT;
    return decimal && target->decimals_are_texts ? DATA_TYPE(TEXT) : type;
}

/* batch's rows of the table's column v, in the order of id, are those of vector. */
static void check_column(struct engine *engine, const struct data_vector *vector, int64_t count)
{
    struct err err = {0};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    int64_t seen = 0;
    OK(engine_query(engine, "SELECT v, id FROM conform_types ORDER BY id", NULL, 0, &result, &err));
    if (!data_type_equal(engine_result_schema(result)->columns[0].type,
                         expected_type(vector->type))) {
        char a[32], b[32];
        fail_msg("%s came back as %s", data_type_text(vector->type, a),
                 data_type_text(engine_result_schema(result)->columns[0].type, b));
    }
    for (;;) {
        OK(engine_result_next(result, &batch, &err));
        if (batch == NULL)
            break;
        for (int64_t row = 0; row < batch->rows; row++, seen++) {
            struct buf expected = BUF_INIT, found = BUF_INIT;
            assert_int_equal(data_value_text(vector, seen, &expected),
                             data_value_text(&batch->vectors[0], row, &found));
            assert_string_equal(buf_text(&found), buf_text(&expected));
            assert_int_equal(found.len, expected.len);
            buf_done(&expected);
            buf_done(&found);
        }
    }
    assert_int_equal(seen, count);
    engine_result_close(result);
}

static void round_trip(struct engine *engine, const struct kind_case *kind)
{
    struct err err = {0};
    if (type_sql(kind->type) == NULL) {
        target->skipped++;
        return;
    }
    uint64_t validity = 0;
    struct data_vector vectors[2] = {{.type = DATA_TYPE(BIGINT)}, vector_of(kind, &validity)};
    int64_t ids[VALUES_MOST + 1], count = (int64_t)kind->count + 1;
    for (int64_t idx = 0; idx < count; idx++)
        ids[idx] = idx;
    vectors[0].i64 = ids;
    create_table(engine, "conform_types", sql("id bigint, v %s", type_sql(kind->type)));
    struct engine_appender *appender = NULL;
    OK(engine_append_open(engine, NULL, "conform_types", &appender, &err));
    OK(engine_append_batch(appender, &(struct data_batch){vectors, 2, count}, &err));
    OK(engine_append_close(appender, &err));
    check_column(engine, &vectors[1], count);
    test_free(vectors[1].any);
}

static void every_kind_comes_back_as_it_was_appended(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    NEEDS(engine, ENGINE_CAN_APPEND);
    for (size_t idx = 0; idx < sizeof kinds / sizeof *kinds; idx++)
        if (kinds[idx].needs == 0 || engine_can(engine, kinds[idx].needs))
            round_trip(engine, &kinds[idx]);
    for (size_t idx = 0; idx < sizeof extended_kinds / sizeof *extended_kinds; idx++)
        if (!target->decimals_are_texts || extended_kinds[idx].type.kind == DATA_INTERVAL)
            round_trip(engine, &extended_kinds[idx]);
    engine_close(engine);
}

static void many_batches_are_appended_in_order_with_nulls(void **state)
{
    (void)state;
    enum { ROWS = 10000 };
    struct engine *engine = open_target(NULL);
    NEEDS(engine, ENGINE_CAN_APPEND);
    struct err err = {0};
    struct data_schema schema = {0};
    OK(data_schema_add(&schema, STR("id"), DATA_TYPE(BIGINT), &err));
    OK(data_schema_add(&schema, STR("word"), DATA_TYPE(TEXT), &err));
    struct arena *arena = arena_new(0);
    struct data_batch *batch = data_batch_new(arena, &schema, ROWS);
    for (int64_t row = 0; row < ROWS; row++) {
        data_vector_set_valid(&batch->vectors[0], row, true);
        batch->vectors[0].i64[row] = row;
        data_vector_set_valid(&batch->vectors[1], row, row % 3 != 0);
        const char *word = arena_printf(arena, "word %lld", (long long)row);
        batch->vectors[1].text[row] = str_of(word);
    }
    batch->rows = ROWS;
    create_table(engine, "conform_many", sql("id bigint, word %s", type_sql(DATA_TYPE(TEXT))));
    struct engine_appender *appender = NULL;
    OK(engine_append_open(engine, NULL, "conform_many", &appender, &err));
    for (int round = 0; round < 5; round++)
        OK(engine_append_batch(appender, batch, &err));
    OK(engine_append_close(appender, &err));
    assert_string_equal(ask(engine, "SELECT count(*) FROM conform_many"), "50000");
    assert_string_equal(ask(engine, "SELECT count(word) FROM conform_many"), "33330");
    assert_string_equal(ask(engine, "SELECT count(*) FROM conform_many WHERE word = 'word 9998'"),
                        "5");
    arena_free(arena);
    data_schema_done(&schema);
    engine_close(engine);
}

static void refused_batches_leave_the_engine_usable(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    NEEDS(engine, ENGINE_CAN_APPEND);
    struct err err = {0};
    int64_t one = 1;
    struct str bad = STR("\xFF\xFE");
    struct data_vector vectors[] = {{.type = DATA_TYPE(BIGINT), .i64 = &one},
                                    {.type = DATA_TYPE(TEXT), .text = &bad}};
    create_table(engine, "conform_refused", sql("id bigint, word %s", type_sql(DATA_TYPE(TEXT))));
    struct engine_appender *appender = NULL;
    FAILS(ERR_ENGINE, engine_append_open(engine, NULL, "conform_no_such_table", &appender, &err));
    assert_null(appender);
    OK(engine_append_open(engine, NULL, "conform_refused", &appender, &err));
    FAILS(ERR_USAGE, engine_append_batch(appender, &(struct data_batch){vectors, 1, 1}, &err));
    engine_append_abort(appender);
    OK(engine_append_open(engine, NULL, "conform_refused", &appender, &err));
    vectors[1].type = DATA_TYPE(DATE);
    FAILS(ERR_USAGE, engine_append_batch(appender, &(struct data_batch){vectors, 2, 1}, &err));
    engine_append_abort(appender);
    OK(engine_append_open(engine, NULL, "conform_refused", &appender, &err));
    vectors[1].type = DATA_TYPE(TEXT);
    FAILS(ERR_INPUT, engine_append_batch(appender, &(struct data_batch){vectors, 2, 1}, &err));
    engine_append_abort(appender);
    assert_string_equal(ask(engine, "SELECT count(*) FROM conform_refused"), "0");
    engine_close(engine);
}

/* ---- parameters ---------------------------------------------------------------------------------
 */

static struct engine_value value_of(const struct kind_case *kind, const struct data_vector *vector,
                                    size_t idx, struct buf *scratch)
{
    struct engine_value value = {.type = kind->type};
    buf_clear(scratch);
    switch (kind->type.kind) {
    case DATA_BOOLEAN:
        value.i64 = kind->u8[idx];
        break;
    case DATA_DOUBLE:
        value.f64 = kind->f64[idx];
        break;
    case DATA_TEXT:
    case DATA_JSON:
    case DATA_BLOB:
        value.text = kind->text[idx];
        break;
    case DATA_DECIMAL:
        (void)data_value_text(vector, (int64_t)idx, scratch);
        value.text = buf_view(scratch);
        break;
    case DATA_BIGINT:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
        value.i64 = kind->i64[idx];
        break;
    case DATA_NULL:
    case DATA_UHUGEINT:
    case DATA_INTERVAL:
    case DATA_LIST:
    case DATA_STRUCT:
        fail_msg("not bound");
    }
    return value;
}

static void check_parameter(struct engine *engine, struct engine_value value,
                            const struct data_vector *vector, int64_t row, struct data_type type)
{
    struct err err = {0};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    struct buf expected = BUF_INIT, found = BUF_INIT;
    OK(engine_query(engine, sql("SELECT CAST($1 AS %s) AS v", type_sql(type)), &value, 1, &result,
                    &err));
    OK(engine_result_next(result, &batch, &err));
    assert_non_null(batch);
    assert_true(
        data_type_equal(engine_result_schema(result)->columns[0].type, expected_type(type)));
    assert_int_equal(data_value_text(vector, row, &expected),
                     data_value_text(&batch->vectors[0], 0, &found));
    assert_int_equal(found.len, expected.len);
    assert_string_equal(buf_text(&found), buf_text(&expected));
    engine_result_close(result);
    buf_done(&expected);
    buf_done(&found);
}

static void every_kind_is_bound_exactly_and_as_null(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct buf scratch = BUF_INIT;
    for (size_t at = 0; at < sizeof kinds / sizeof *kinds; at++) {
        uint64_t validity = 0;
        if ((kinds[at].type.kind == DATA_JSON && !target->keeps_json) ||
            type_sql(kinds[at].type) == NULL)
            continue;
        struct data_vector vector = vector_of(&kinds[at], &validity);
        for (size_t idx = 0; idx < kinds[at].count; idx++)
            check_parameter(engine, value_of(&kinds[at], &vector, idx, &scratch), &vector,
                            (int64_t)idx, kinds[at].type);
        check_parameter(engine, (struct engine_value){.type = DATA_TYPE(NULL)}, &vector,
                        (int64_t)kinds[at].count, kinds[at].type);
        test_free(vector.any);
    }
    buf_done(&scratch);
    engine_close(engine);
}

static void hostile_texts_stay_values(void **state)
{
    (void)state;
    static const struct str corpus[] = {
        TEXT("'"),
        TEXT("''"),
        TEXT("\""),
        TEXT("\\"),
        TEXT("\\'"),
        TEXT("\\\\'"),
        TEXT("';--"),
        TEXT("'; DROP TABLE conform_hostile; --"),
        TEXT("$1"),
        TEXT("$$"),
        TEXT("$$ || 1 || $$"),
        TEXT("$a$"),
        TEXT("--"),
        TEXT("/*"),
        TEXT("*/"),
        TEXT("?"),
        TEXT(":x"),
        TEXT("%s%n"),
        TEXT("{}"),
        TEXT("E'\\x'"),
        TEXT("' OR '1'='1"),
        TEXT("1); DELETE FROM conform_hostile; --"),
        TEXT("\xEF\xBC\x87"),
        TEXT("\xE2\x80\x99"),
        TEXT("a\nb"),
        TEXT("a\r\nb"),
        TEXT(" "),
        TEXT("\x01\x1F\x7F"),
        TEXT("U&'\\0041'"),
        TEXT("NULL"),
        TEXT("\xC2\xA0"),
        TEXT("\xF0\x9F\x98\x80'"),
        TEXT("\\u0000"),
        TEXT("');"),
    };
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    create_table(engine, "conform_hostile", sql("id bigint, word %s", type_sql(DATA_TYPE(TEXT))));
    OK(engine_execute(engine, "INSERT INTO conform_hostile VALUES (1, 'here')", NULL, 0, &err));
    for (size_t idx = 0; idx < sizeof corpus / sizeof *corpus; idx++) {
        struct engine_value values[] = {{.type = DATA_TYPE(TEXT), .text = corpus[idx]},
                                        {.type = DATA_TYPE(BIGINT), .i64 = (int64_t)idx},
                                        {.type = DATA_TYPE(TEXT), .text = corpus[idx]}};
        struct engine_result *result = NULL;
        const struct data_batch *batch = NULL;
        OK(engine_query(
            engine,
            sql("SELECT CAST($1 AS %s), CAST($2 AS bigint), count(*) FROM conform_hostile WHERE "
                "word <> $3",
                type_sql(DATA_TYPE(TEXT))),
            values, 3, &result, &err));
        OK(engine_result_next(result, &batch, &err));
        assert_non_null(batch);
        assert_true(str_equal(batch->vectors[0].text[0], corpus[idx]));
        assert_int_equal(batch->vectors[1].i64[0], idx);
        assert_int_equal(batch->vectors[2].i64[0], 1);
        engine_result_close(result);
    }
    assert_string_equal(ask(engine, "SELECT word FROM conform_hostile"), "here");
    engine_close(engine);
}

static void zero_byte_in_a_text_is_kept_or_refused(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_value value = {.type = DATA_TYPE(TEXT), .text = STR("a\0b")};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    const char *text = sql("SELECT CAST($1 AS %s)", type_sql(DATA_TYPE(TEXT)));
    if (target->keeps_zero_bytes) {
        OK(engine_query(engine, text, &value, 1, &result, &err));
        OK(engine_result_next(result, &batch, &err));
        assert_true(str_equal(batch->vectors[0].text[0], value.text));
        engine_result_close(result);
    } else {
        FAILS(ERR_INPUT, engine_query(engine, text, &value, 1, &result, &err));
        assert_non_null(strstr(err.message, "parameter 1"));
        assert_non_null(strstr(err.message, "zero byte"));
    }
    assert_string_equal(ask(engine, "SELECT 7"), "7");
    engine_close(engine);
}

static void wrong_parameters_are_refused(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_result *result = NULL;
    struct engine_value values[] = {{.type = DATA_TYPE(BIGINT), .i64 = 1},
                                    {.type = DATA_TYPE(BIGINT), .i64 = 2}};
    FAILS(ERR_USAGE, engine_query(engine, "SELECT CAST($1 AS bigint) + CAST($2 AS bigint)", values,
                                  1, &result, &err));
    FAILS(ERR_USAGE, engine_query(engine, "SELECT CAST($1 AS bigint)", NULL, 0, &result, &err));
    static const char *const no_decimals[] = {"",     "x",   "1e3",   "NaN", "1.234",
                                              "1000", "--1", "1.2.3", "+",   "."};
    for (size_t idx = 0; idx < sizeof no_decimals / sizeof *no_decimals; idx++) {
        values[0] = (struct engine_value){.type = data_type_decimal(5, 2),
                                          .text = str_of(no_decimals[idx])};
        FAILS(ERR_USAGE,
              engine_query(engine, "SELECT CAST($1 AS decimal(5, 2))", values, 1, &result, &err));
    }
    static const char *const decimals[][2] = {{"-1.5", "-1.50"},      {"+007", "7.00"},
                                              {"999.9900", "999.99"}, {".5", "0.50"},
                                              {"5.", "5.00"},         {"-0", "0.00"}};
    for (size_t idx = 0; idx < sizeof decimals / sizeof *decimals; idx++) {
        const struct data_batch *batch = NULL;
        struct buf text = BUF_INIT;
        values[0] = (struct engine_value){.type = data_type_decimal(5, 2),
                                          .text = str_of(decimals[idx][0])};
        OK(engine_query(engine, "SELECT CAST($1 AS decimal(5, 2))", values, 1, &result, &err));
        OK(engine_result_next(result, &batch, &err));
        (void)data_value_text(&batch->vectors[0], 0, &text);
        assert_string_equal(buf_text(&text), decimals[idx][1]);
        engine_result_close(result);
        buf_done(&text);
    }
    engine_close(engine);
}

static void nested_values_arrive_as_text_in_order(void **state)
{
    (void)state;
    struct engine *engine = open_target(NULL);
    struct err err = {0};
    struct engine_value value = {.type = DATA_TYPE(BIGINT), .i64 = 500};
    struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    OK(engine_query(engine,
                    sql("SELECT i AS \"a b\", %s AS \"it's\", 'x;''y' /* ; */ AS q FROM %s WHERE i "
                        "<= $1 ORDER BY i DESC "
                        "-- the end;\n ;",
                        target->array, series(1000, "t")),
                    &value, 1, &result, &err));
    const struct data_schema *schema = engine_result_schema(result);
    assert_string_equal(schema->columns[0].name, "a b");
    assert_string_equal(schema->columns[1].name, "it's");
    assert_int_equal(schema->columns[1].type.kind, DATA_TEXT);
    OK(engine_result_next(result, &batch, &err));
    assert_int_equal(batch->rows, 500);
    for (int64_t row = 0; row < 500; row++)
        assert_int_equal(batch->vectors[0].i64[row], 500 - row);
    struct str list = batch->vectors[1].text[0];
    assert_true(list.ptr[0] == '[' && list.ptr[list.len - 1] == ']');
    assert_true(str_equal(batch->vectors[2].text[0], STR("x;'y")));
    engine_result_close(result);
    engine_close(engine);
}

const struct CMUnitTest type_cases[] = {
    cmocka_unit_test(every_kind_comes_back_as_it_was_appended),
    cmocka_unit_test(many_batches_are_appended_in_order_with_nulls),
    cmocka_unit_test(refused_batches_leave_the_engine_usable),
    cmocka_unit_test(every_kind_is_bound_exactly_and_as_null),
    cmocka_unit_test(hostile_texts_stay_values),
    cmocka_unit_test(zero_byte_in_a_text_is_kept_or_refused),
    cmocka_unit_test(wrong_parameters_are_refused),
    cmocka_unit_test(nested_values_arrive_as_text_in_order),
};
const size_t type_case_count = sizeof type_cases / sizeof *type_cases;
