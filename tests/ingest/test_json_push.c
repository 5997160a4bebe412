/* JSON rows: the lexemes as written, every name its own column, bad rows put aside with their line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/parts_priv.h"

static enum err_code keep_schema(void *user, const struct data_schema *schema, struct err *err)
{
    (void)user;
    (void)schema;
    (void)err;
    return ERR_OK;
}

static enum err_code keep_batch(void *user, const struct data_batch *batch, struct err *err)
{
    (void)err;
    for (int64_t r = 0; r < batch->rows; r++) {
        buf_puts(user, "[");
        for (size_t c = 0; c < batch->columns; c++) {
            buf_puts(user, c == 0 ? "" : "|");
            if (data_vector_is_valid(&batch->vectors[c], r))
                buf_add_str(user, batch->vectors[c].text[r]);
            else
                buf_puts(user, "-");
        }
        buf_puts(user, "]");
    }
    return ERR_OK;
}

static enum err_code keep_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    (void)column;
    (void)err;
    buf_printf(user, "{%lld %s: %.*s}", (long long)line, reason, (int)raw.len, raw.ptr);
    return ERR_OK;
}

static void assert_read(const char *text, const char *names, const char *expected)
{
    char path[] = "/tmp/marrow-test-json-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    struct err err = {0};
    const char *const paths[] = {path};
    struct ingest_set *set = NULL;
    assert_int_equal(ingest_open(paths, 1, NULL, &set, &err), ERR_OK);
    const struct data_source *source = ingest_source(set, 0);
    struct buf got = BUF_INIT;
    for (size_t i = 0; i < source->schema.count; i++)
        buf_printf(&got, "%s%s", i == 0 ? "" : "|", source->schema.columns[i].name);
    assert_string_equal(buf_text(&got), names);
    buf_clear(&got);
    struct data_sink sink = {keep_schema, keep_batch, keep_reject, &got};
    enum err_code code = source->push(source->user, &sink, NULL, &err);
    if (code != ERR_OK)
        buf_printf(&got, "error line %lld: %s", (long long)err.line, err.message);
    assert_string_equal(buf_text(&got), expected);
    buf_done(&got);
    ingest_close(set);
    (void)unlink(path);
}

static void numbers_keep_their_digits_and_nested_values_their_text(void **state)
{
    (void)state;
    assert_read("{\"a\":1.50,\"b\":1e5,\"c\":12345678901234567890}\n{\"a\":{\"x\":1.0, "
                "\"y\":[1]},\"b\":\"0389\",\"c\":null}\n",
                "a|b|c", "[1.50|1e5|12345678901234567890][{\"x\":1.0, \"y\":[1]}|0389|-]");
    assert_read("[{\"id\":1},\n {\"v\":true, \"id\":2}]", "id|v", "[1|-][2|true]");
    assert_read("{\n \"id\" : 1\n}\n{\"id\":2}{\"id\":3}", "id", "[1][2][3]");
}

static void texts_are_unescaped_with_surrogate_pairs(void **state)
{
    (void)state;
    assert_read("{\"a\":\"x\\n\\\"\\u00e9\\ud83d\\ude00\\/\"}\n{\"a\":\"\"}\n", "a",
                "[x\n\"\xc3\xa9\xf0\x9f\x98\x80/][]");
    assert_read("{\"a\":\"\\ud83d x\"}\n{\"a\":1}\n", "a",
                "{1 half of a surrogate pair: {\"a\":\"\\ud83d x\"}}[1]");
}

static void names_that_differ_in_case_only_or_are_empty_keep_their_columns(void **state)
{
    (void)state;
    assert_read("{\"id\":1,\"ID\":2,\"\":3,\"a\\u0062\":4,\"id\":5}\n{\"ab\":6}\n",
                "id|ID_2|column_3|ab|ab_2", "[5|2|3|4|-][-|-|-|-|6]");
}

static void a_bad_row_is_put_aside_and_the_next_is_read(void **state)
{
    (void)state;
    assert_read("{\"a\":1}\n{\"a\":\n{\"a\":3}\n", "a",
                "{2 the text ends inside an object: {\"a\":}[1][3]");
    assert_read("{\"a\":1}\n5\n\n{\"a\":01}\n{\"a\":\"\\x\"}\n{\"a\":4", "a",
                "{2 not an object: 5}{4 a comma or } was expected: {\"a\":01}}{5 an unknown escape "
                "in a text: {\"a\":\"\\x\"}}"
                "{6 the text ends inside an object: {\"a\":4}[1]");
}

static void assert_refused(const char *text, const char *expected)
{
    char path[] = "/tmp/marrow-test-json-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    struct err err = {0};
    const char *const paths[] = {path};
    struct ingest_set *set = NULL;
    assert_int_equal(ingest_open(paths, 1, NULL, &set, &err), ERR_INPUT);
    assert_string_equal(err.message, expected);
    (void)unlink(path);
}

static void a_malformed_array_is_refused_with_the_reason(void **state)
{
    (void)state;
    assert_refused("[{\"a\":1},{\"a\":2", "malformed JSON: the text ends inside an object");
    assert_refused("[{\"a\":1} {\"a\":2}]", "malformed JSON: a comma or ] was expected");
    assert_refused("[{\"a\":1}] x", "malformed JSON: text after the array");
    assert_refused("[]", "no data found in what was given");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_keep_their_digits_and_nested_values_their_text),
        cmocka_unit_test(texts_are_unescaped_with_surrogate_pairs),
        cmocka_unit_test(names_that_differ_in_case_only_or_are_empty_keep_their_columns),
        cmocka_unit_test(a_bad_row_is_put_aside_and_the_next_is_read),
        cmocka_unit_test(a_malformed_array_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
