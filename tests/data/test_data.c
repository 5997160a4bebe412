/* Types, schemas, batches, value texts, and the canonical row hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "data/data.h"

static struct data_type parsed(const char *text)
{
    struct data_type type = DATA_TYPE(NULL);
    struct err err;
    assert_int_equal(data_type_parse(str_of(text), &type, &err), ERR_OK);
    return type;
}

static void types_read_back_from_their_text(void **state)
{
    (void)state;
    char text[32];
#define DATA_KIND(name, word)                                                                      \
    if (DATA_##name != DATA_DECIMAL && DATA_##name < DATA_LIST)                                    \
        assert_int_equal(parsed(word).kind, DATA_##name);
#include "data/kind.def"
#undef DATA_KIND
    for (unsigned precision = 1; precision <= 38; precision++)
        for (unsigned scale = 0; scale <= precision; scale++) {
            struct data_type type = data_type_decimal(precision, scale);
            assert_true(data_type_equal(parsed(data_type_text(type, text)), type));
        }
    assert_int_equal(parsed(" VARCHAR(20) ").kind, DATA_TEXT);
    assert_int_equal(parsed("Integer").kind, DATA_BIGINT);
    assert_true(data_type_equal(parsed("NUMERIC( 10 , 2 )"), data_type_decimal(10, 2)));
    assert_true(data_type_equal(parsed("decimal(5)"), data_type_decimal(5, 0)));
}

static void lists_and_structs_read_back_from_their_text(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "list(bigint)", "list(list(decimal(18,4)))", "struct(value decimal(9,2), unit text)",
        "list(struct(\"odd name\" text, \"a \\\"b\\\"\" list(date)))"};
    static const char *const BAD[] = {
        "list",        "list()",         "list(bigint, text)", "struct(bigint)",
        "list(bigint", "list(bigint) x", "struct(\"a text)"};
    struct arena *arena = arena_new(0);
    struct err err;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct data_type type = DATA_TYPE(NULL), again = DATA_TYPE(NULL);
        struct buf text = BUF_INIT;
        assert_int_equal(data_type_parse_nested(arena, str_of(TEXTS[i]), &type, &err), ERR_OK);
        data_type_write(type, &text);
        assert_string_equal(buf_text(&text), TEXTS[i]);
        assert_int_equal(data_type_parse_nested(arena, buf_view(&text), &again, &err), ERR_OK);
        assert_true(data_type_equal(type, again));
        buf_done(&text);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct data_type type;
        assert_int_equal(data_type_parse_nested(arena, str_of(BAD[i]), &type, &err), ERR_INPUT);
    }
    struct buf deep = BUF_INIT;
    for (int i = 0; i <= DATA_TYPE_LIMIT_DEPTH; i++)
        buf_puts(&deep, "list(");
    struct data_type type;
    assert_int_equal(data_type_parse_nested(arena, buf_view(&deep), &type, &err), ERR_LIMIT);
    buf_done(&deep);
    arena_free(arena);
}

static void nonsense_types_are_refused(void **state)
{
    (void)state;
    static const char *const words[] = {"",         "number",      "decimal(39,0)", "decimal(4,5)",
                                        "decimal(", "decimal(4,2", "bigint(3)",     "decimal(-1)"};
    struct data_type type;
    struct err err;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_int_equal(data_type_parse(str_of(words[i]), &type, &err), ERR_INPUT);
        assert_true(err.message[0] != '\0' && err.hint[0] != '\0');
    }
}

static void add_column(struct data_schema *schema, const char *name, struct data_type type)
{
    assert_int_equal(data_schema_add(schema, str_of(name), type, NULL), ERR_OK);
}

static void schema_survives_json(void **state)
{
    (void)state;
    struct data_schema schema = {0}, again = {0}, copy = {0};
    struct buf a = BUF_INIT, b = BUF_INIT;
    add_column(&schema, "sex", DATA_TYPE(BIGINT));
    add_column(&schema, "dose", data_type_decimal(18, 4));
    schema.columns[0].label = mem_strdup("Sex of the patient");
    schema.columns[0].source_name = mem_strdup("SEX ");
    schema.columns[1].source_format = mem_strdup("F8.4");
    assert_int_equal(data_schema_add_value_label(&schema.columns[0], STR("1"), STR("male"), NULL),
                     ERR_OK);
    assert_int_equal(data_schema_add_value_label(&schema.columns[0], STR("2"), STR("female"), NULL),
                     ERR_OK);
    JSON_AUTO json = data_schema_to_json(&schema);
    assert_int_equal(data_schema_from_json(json, "test", &again, NULL), ERR_OK);
    assert_int_equal(data_schema_copy(&again, &copy, NULL), ERR_OK);
    JSON_AUTO back = data_schema_to_json(&copy);
    assert_int_equal(json_canonical(json, &a, NULL), ERR_OK);
    assert_int_equal(json_canonical(back, &b, NULL), ERR_OK);
    assert_string_equal(buf_text(&a), buf_text(&b));
    assert_int_equal(data_schema_find(&copy, STR("DOSE")), 1);
    assert_int_equal(data_schema_find(&copy, STR("dos")), -1);
    buf_done(&a);
    buf_done(&b);
    data_schema_done(&schema);
    data_schema_done(&again);
    data_schema_done(&copy);
}

static void damaged_schema_json_is_refused_with_its_source(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}", "[1]", "[{\"name\":\"a\"}]", "[{\"name\":\"a\",\"type\":\"odd\"}]",
        "[{\"name\":\"a\",\"type\":\"text\",\"value_labels\":[[\"1\"]]}]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct data_schema schema = {0};
        struct err err;
        json_t *json = NULL;
        assert_int_equal(json_parse(str_of(texts[i]), "t", &json, &err), ERR_OK);
        assert_int_equal(data_schema_from_json(json, "manifest.json", &schema, &err), ERR_INPUT);
        assert_string_equal(err.source, "manifest.json");
        assert_int_equal(schema.count, 0);
        json_decref(json);
    }
}

static void header_names_become_usable_and_unique(void **state)
{
    (void)state;
    static const char *const given[] = {"id", "", " ID ", "id_2", "a\tb", "Id", "x"};
    static const char *const wanted[] = {"id", "column_2", "ID_2", "id_2_2", "a_b", "Id_3", "x"};
    struct data_schema schema = {0};
    int64_t changed = 0;
    for (size_t i = 0; i < 7; i++)
        add_column(&schema, given[i], DATA_TYPE(TEXT));
    assert_int_equal(data_schema_name_columns(&schema, &changed, NULL), ERR_OK);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(schema.columns[i].name, wanted[i]);
    assert_string_equal(schema.columns[2].source_name, " ID ");
    assert_null(schema.columns[0].source_name);
    assert_int_equal(changed, 5);
    assert_int_equal(data_schema_name_columns(&schema, &changed, NULL), ERR_OK);
    assert_int_equal(changed, 0);
    data_schema_done(&schema);
}

static void names_are_texts_whatever_bytes_they_came_as(void **state)
{
    (void)state;
    struct data_schema schema = {0};
    assert_int_equal(data_schema_add(&schema, (struct str){"a\0b", 3}, DATA_TYPE(TEXT), NULL),
                     ERR_OK);
    assert_int_equal(data_schema_add(&schema, (struct str){"x\xff\xc3", 3}, DATA_TYPE(TEXT), NULL),
                     ERR_OK);
    assert_string_equal(schema.columns[0].name, "a_b");
    assert_string_equal(schema.columns[1].name, "x\xef\xbf\xbd\xef\xbf\xbd");
    data_schema_done(&schema);
}

static void long_names_are_cut_between_characters_and_stay_unique(void **state)
{
    (void)state;
    struct data_schema schema = {0};
    struct buf name = BUF_INIT;
    for (int i = 0; i < 200; i++)
        buf_puts(&name, "é");
    for (int i = 0; i < 12; i++)
        add_column(&schema, buf_text(&name), DATA_TYPE(TEXT));
    assert_int_equal(data_schema_name_columns(&schema, NULL, NULL), ERR_OK);
    for (size_t i = 0; i < 12; i++) {
        struct str text = str_of(schema.columns[i].name);
        assert_true(text.len <= 255);
        assert_int_equal(str_utf8_valid_prefix(text), text.len);
        assert_int_equal(data_schema_find(&schema, text), (int)i);
    }
    buf_done(&name);
    data_schema_done(&schema);
}

static void ten_thousand_equal_names_are_made_unique_quickly(void **state)
{
    (void)state;
    struct data_schema schema = {0};
    int64_t changed = 0;
    for (int i = 0; i < 10000; i++)
        add_column(&schema, i % 2 == 0 ? "" : "x", DATA_TYPE(TEXT));
    assert_int_equal(data_schema_name_columns(&schema, &changed, NULL), ERR_OK);
    assert_int_equal(changed, 9999);
    assert_string_equal(schema.columns[9999].name, "x_5000");
    data_schema_done(&schema);
}

/* A batch of one column of the type with one row, valid; the caller sets the value. */
static struct data_vector *one_value(struct arena *arena, struct data_type type,
                                     struct data_batch **ret_batch)
{
    struct data_schema schema = {0};
    add_column(&schema, "v", type);
    struct data_batch *batch = data_batch_new(arena, &schema, 1);
    data_schema_done(&schema);
    assert_non_null(batch);
    assert_false(data_vector_is_valid(&batch->vectors[0], 0));
    data_vector_set_valid(&batch->vectors[0], 0, true);
    batch->rows = 1;
    if (ret_batch != NULL)
        *ret_batch = batch;
    return &batch->vectors[0];
}

static void assert_texts(const struct data_vector *vector, const char *text, const char *json)
{
    struct buf out = BUF_INIT;
    assert_true(data_value_text(vector, 0, &out));
    assert_string_equal(buf_text(&out), text);
    buf_clear(&out);
    data_value_json(vector, 0, &out);
    assert_string_equal(buf_text(&out), json);
    buf_done(&out);
}

static void numbers_are_written_exactly(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    struct data_vector *v = one_value(arena, DATA_TYPE(BIGINT), NULL);
    v->i64[0] = INT64_MIN;
    assert_texts(v, "-9223372036854775808", "-9223372036854775808");
    v = one_value(arena, data_type_decimal(18, 4), NULL);
    v->i128[0] = (struct data_int128){(uint64_t)-5, -1};
    assert_texts(v, "-0.0005", "-0.0005");
    v->i128[0] = (struct data_int128){0, 0};
    assert_texts(v, "0.0000", "0.0000");
    v = one_value(arena, data_type_decimal(38, 0), NULL);
    v->i128[0] = (struct data_int128){UINT64_C(0x098a223fffffffff),
                                      INT64_C(0x4b3b4ca85a86c47a)}; /* 10^38 - 1 */
    assert_texts(v, "99999999999999999999999999999999999999",
                 "99999999999999999999999999999999999999");
    v = one_value(arena, DATA_TYPE(UHUGEINT), NULL);
    v->i128[0] = (struct data_int128){UINT64_MAX, -1};
    assert_texts(v, "340282366920938463463374607431768211455",
                 "340282366920938463463374607431768211455");
    v = one_value(arena, DATA_TYPE(DOUBLE), NULL);
    v->f64[0] = 0.1;
    assert_texts(v, "0.1", "0.1");
    v->f64[0] = NAN;
    assert_texts(v, "nan", "null");
    arena_free(arena);
}

static void times_and_texts_are_written_exactly(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    struct data_vector *v = one_value(arena, DATA_TYPE(DATE), NULL);
    v->i64[0] = -1;
    assert_texts(v, "1969-12-31", "\"1969-12-31\"");
    v = one_value(arena, DATA_TYPE(TIMESTAMP), NULL);
    v->i64[0] = -1;
    assert_texts(v, "1969-12-31 23:59:59.999999", "\"1969-12-31 23:59:59.999999\"");
    v = one_value(arena, DATA_TYPE(TIMESTAMPTZ), NULL);
    v->i64[0] = INT64_C(951782400000000); /* 2000-02-29 */
    assert_texts(v, "2000-02-29 00:00:00+00", "\"2000-02-29 00:00:00+00\"");
    v = one_value(arena, DATA_TYPE(TIME), NULL);
    v->i64[0] = INT64_C(86399000001);
    assert_texts(v, "23:59:59.000001", "\"23:59:59.000001\"");
    v = one_value(arena, DATA_TYPE(BOOLEAN), NULL);
    v->u8[0] = 1;
    assert_texts(v, "true", "true");
    v = one_value(arena, DATA_TYPE(INTERVAL), NULL);
    v->interval[0] = (struct data_interval){14, -3, -1500000};
    assert_texts(v, "14 months -3 days -00:00:01.500000", "\"14 months -3 days -00:00:01.500000\"");
    v = one_value(arena, DATA_TYPE(TEXT), NULL);
    v->text[0] = (struct str){"a\"\n\xFF\0", 5};
    struct buf out = BUF_INIT;
    data_value_json(v, 0, &out);
    assert_string_equal(buf_text(&out), "\"a\\\"\\n\xEF\xBF\xBD\\u0000\"");
    buf_done(&out);
    v = one_value(arena, DATA_TYPE(JSON), NULL);
    v->text[0] = STR("{\"a\":1.50}");
    assert_texts(v, "{\"a\":1.50}", "{\"a\":1.50}");
    v->text[0] = STR("{broken");
    assert_texts(v, "{broken", "\"{broken\"");
    v = one_value(arena, DATA_TYPE(BLOB), NULL);
    v->text[0] = (struct str){"\x00\xAB", 2};
    assert_texts(v, "00ab", "\"00ab\"");
    arena_free(arena);
}

static void null_has_no_text(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    struct data_vector *v = one_value(arena, DATA_TYPE(BIGINT), NULL);
    struct buf out = BUF_INIT;
    data_vector_set_valid(v, 0, false);
    assert_false(data_value_text(v, 0, &out));
    assert_int_equal(out.len, 0);
    data_value_json(v, 0, &out);
    assert_string_equal(buf_text(&out), "null");
    buf_done(&out);
    arena_free(arena);
}

static struct hash128 hash_of(const struct data_batch *batch)
{
    static const size_t order[] = {0};
    struct hash128 hash;
    struct buf scratch = BUF_INIT;
    data_row_hash(batch, order, &scratch, &hash);
    assert_false(scratch.failed);
    buf_done(&scratch);
    return hash;
}

static struct hash128 hash_bigint(struct arena *arena, int64_t value)
{
    struct data_batch *batch = NULL;
    one_value(arena, DATA_TYPE(BIGINT), &batch)->i64[0] = value;
    return hash_of(batch);
}

static struct hash128 hash_double(struct arena *arena, double value)
{
    struct data_batch *batch = NULL;
    one_value(arena, DATA_TYPE(DOUBLE), &batch)->f64[0] = value;
    return hash_of(batch);
}

static struct hash128 hash_decimal(struct arena *arena, unsigned scale, uint64_t low, int64_t high)
{
    struct data_batch *batch = NULL;
    one_value(arena, data_type_decimal(38, scale), &batch)->i128[0] =
        (struct data_int128){low, high};
    return hash_of(batch);
}

static bool same(struct hash128 a, struct hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

static void equal_numbers_hash_alike_whatever_their_storage(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    assert_true(same(hash_bigint(arena, 5), hash_double(arena, 5.0)));
    assert_true(same(hash_bigint(arena, 5), hash_decimal(arena, 2, 500, 0)));
    assert_true(same(hash_bigint(arena, -7), hash_decimal(arena, 1, (uint64_t)-70, -1)));
    assert_true(same(hash_bigint(arena, 0), hash_double(arena, -0.0)));
    assert_true(same(hash_bigint(arena, INT64_MIN), hash_double(arena, -0x1p63)));
    assert_true(same(hash_decimal(arena, 2, 150, 0), hash_decimal(arena, 1, 15, 0)));
    assert_true(same(hash_decimal(arena, 0, 0, 1), hash_double(arena, 0x1p64)));
    assert_true(same(hash_double(arena, NAN), hash_double(arena, -NAN)));
    assert_false(same(hash_bigint(arena, 5), hash_bigint(arena, 50)));
    assert_false(same(hash_decimal(arena, 1, 15, 0), hash_decimal(arena, 2, 15, 0)));
    assert_false(same(hash_double(arena, 1.5), hash_double(arena, 1.25)));
    assert_false(same(hash_bigint(arena, 1), hash_bigint(arena, -1)));
    arena_free(arena);
}

/* Two text columns; returns the hash of the one row. */
static struct hash128 hash_texts(struct arena *arena, const char *a, const char *b, bool swapped)
{
    struct data_schema schema = {0};
    struct buf scratch = BUF_INIT;
    struct hash128 hash;
    size_t order[2] = {swapped ? 1 : 0, swapped ? 0 : 1};
    add_column(&schema, swapped ? "b" : "a", DATA_TYPE(TEXT));
    add_column(&schema, swapped ? "a" : "b", DATA_TYPE(TEXT));
    struct data_batch *batch = data_batch_new(arena, &schema, 1);
    batch->rows = 1;
    const char *texts[2] = {a, b};
    for (size_t k = 0; k < 2; k++)
        if (texts[k] != NULL) {
            batch->vectors[order[k]].text[0] = str_of(texts[k]);
            data_vector_set_valid(&batch->vectors[order[k]], 0, true);
        }
    data_row_hash(batch, order, &scratch, &hash);
    buf_done(&scratch);
    data_schema_done(&schema);
    return hash;
}

static void row_hash_depends_on_content_and_not_on_column_order(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    assert_true(same(hash_texts(arena, "x", "y", false), hash_texts(arena, "x", "y", true)));
    assert_false(same(hash_texts(arena, "x", "y", false), hash_texts(arena, "y", "x", false)));
    assert_false(same(hash_texts(arena, "ab", "c", false), hash_texts(arena, "a", "bc", false)));
    assert_false(same(hash_texts(arena, "", NULL, false), hash_texts(arena, NULL, "", false)));
    assert_false(same(hash_texts(arena, "", "", false), hash_texts(arena, NULL, NULL, false)));
    arena_free(arena);
}

static void row_hash_is_the_documented_one(void **state)
{
    (void)state;
    struct arena *arena = arena_new(0);
    static const char five[] = {3, 5, 0, 0, 0, 0, 0, 0, 0};
    static const char half[] = {4, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    static const char row[] = {6, 1, 0, 0, 0, 0, 0, 0, 0, 'x', 0};
    assert_true(same(hash_bigint(arena, 5), hash_xxh3_128(five, sizeof five, 0)));
    assert_true(same(hash_decimal(arena, 2, 50, 0), hash_xxh3_128(half, sizeof half, 0)));
    assert_true(same(hash_texts(arena, "x", NULL, false), hash_xxh3_128(row, sizeof row, 0)));
    arena_free(arena);
}

static void failed_allocations_leave_no_half_schema(void **state)
{
    (void)state;
    struct data_schema schema = {0};
    bool passed = false;
    add_column(&schema, "a", DATA_TYPE(TEXT));
    add_column(&schema, "A", DATA_TYPE(TEXT));
    schema.columns[0].label = mem_strdup("label");
    assert_int_equal(data_schema_add_value_label(&schema.columns[0], STR("1"), STR("one"), NULL),
                     ERR_OK);
    for (int nth = 1; nth < 100 && !passed; nth++) {
        struct data_schema copy = {0};
        struct err err;
        fault_arm(FAULT_ALLOC, nth);
        enum err_code code = data_schema_copy(&schema, &copy, &err);
        if (code == ERR_OK)
            code = data_schema_name_columns(&copy, NULL, &err);
        passed = !fault_fired();
        fault_disarm();
        assert_int_equal(code, passed ? ERR_OK : ERR_MEMORY);
        data_schema_done(&copy);
    }
    assert_true(passed);
    data_schema_done(&schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_texts_whatever_bytes_they_came_as),
        cmocka_unit_test(types_read_back_from_their_text),
        cmocka_unit_test(lists_and_structs_read_back_from_their_text),
        cmocka_unit_test(nonsense_types_are_refused),
        cmocka_unit_test(schema_survives_json),
        cmocka_unit_test(damaged_schema_json_is_refused_with_its_source),
        cmocka_unit_test(header_names_become_usable_and_unique),
        cmocka_unit_test(long_names_are_cut_between_characters_and_stay_unique),
        cmocka_unit_test(ten_thousand_equal_names_are_made_unique_quickly),
        cmocka_unit_test(numbers_are_written_exactly),
        cmocka_unit_test(times_and_texts_are_written_exactly),
        cmocka_unit_test(null_has_no_text),
        cmocka_unit_test(equal_numbers_hash_alike_whatever_their_storage),
        cmocka_unit_test(row_hash_depends_on_content_and_not_on_column_order),
        cmocka_unit_test(row_hash_is_the_documented_one),
        cmocka_unit_test(failed_allocations_leave_no_half_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
