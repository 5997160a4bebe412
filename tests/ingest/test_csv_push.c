/* What the engine can't read faithfully: the census tells it, and our own reading gives every
 * record, as a row or a rejected row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/parts_priv.h"

static const struct csv_dialect plain = {.delimiter = ",", .quote = '"', .escape = '"'};
static const struct csv_dialect slashed = {.delimiter = ",", .quote = '"', .escape = '\\'};

static struct csv_census census_of(const struct csv_dialect *dialect, const char *text,
                                   size_t columns)
{
    struct csv_census census;
    assert_int_equal(
        csv_census(dialect, text, text + strlen(text), columns, NULL, NULL, &census, NULL), ERR_OK);
    return census;
}

static void assert_regular(const struct csv_dialect *dialect, const char *text, size_t columns,
                           int64_t records)
{
    struct csv_census census = census_of(dialect, text, columns);
    assert_true(census.regular);
    assert_int_equal(census.records, records);
}

static void plain_texts_are_regular_and_their_records_are_counted(void **state)
{
    (void)state;
    assert_regular(&plain, "", 2, 0);
    assert_regular(&plain, "1,2\n3,4", 2, 2);
    assert_regular(&plain, "1,2\r\n3,4\r\n", 2, 2);
    assert_regular(&plain, "\"a\nb\",2\n\"x\"\"y\",\"\"\n", 2, 2);
    assert_regular(&plain, "1,\"a\r\nb\"\n", 2, 1);
    assert_regular(&plain, "1,2\n\n\n3,4\n", 2, 2);
    assert_regular(&plain, "1\n\n2\n", 1, 3);
    assert_regular(&plain, "1\n2,3,4\n5,6\n", 2, 3);
    assert_regular(&slashed, "\"a\\\"b\",\"c\\\\\"\n1,2\n", 2, 2);
    struct csv_dialect none = {.delimiter = "|"};
    assert_regular(&none, "a\"b|c\n\"|2\n", 2, 2);
}

static void faults_that_the_engine_stumbles_over_are_not_regular(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1,5\" pipe\n", "1,\"open\n2,3\n", "1,\"a\"b\n", "1, \"a\"\n",
        "1,\"a\" \n",   "1,a\rb\n",        "\"a\"\rx\n", "1,2\r"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(census_of(&plain, texts[i], 2).regular);
    assert_false(census_of(&slashed, "\"C:\\temp\",2\n", 2).regular);
    struct csv_census census = census_of(&plain, "1,2\r\n3,4\n", 2);
    assert_true(census.regular && census.crlf && census.bare_lf);
}

static void a_record_longer_than_the_engine_is_trusted_with_is_not_regular(void **state)
{
    (void)state;
    char *text = malloc(CSV_REGULAR_BYTES + 8);
    assert_non_null(text);
    memset(text, 'x', CSV_REGULAR_BYTES + 4);
    memcpy(text + CSV_REGULAR_BYTES + 4, ",1\n", 4);
    assert_false(census_of(&plain, text, 2).regular);
    free(text);
}

/* ---- pushing ------------------------------------------------------------------------------------
 */

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
    struct buf *out = user;
    for (int64_t r = 0; r < batch->rows; r++) {
        for (size_t c = 0; c < batch->columns; c++) {
            struct str cell = batch->vectors[c].text[r];
            buf_puts(out, c == 0 ? "[" : "|");
            if (!data_vector_is_valid(&batch->vectors[c], r))
                buf_puts(out, "-");
            else
                buf_add_json(out, cell);
        }
        buf_puts(out, "]");
    }
    return ERR_OK;
}

static enum err_code keep_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    (void)column;
    (void)err;
    struct buf *out = user;
    buf_printf(out, "{%lld %s: ", (long long)line, reason);
    buf_add_json(out, (struct str){raw.ptr, raw.len > 20 ? 20 : raw.len});
    buf_puts(out, "}");
    return ERR_OK;
}

static char *push_text(const struct csv_dialect *dialect, const char *bytes, size_t count,
                       size_t columns, bool valid)
{
    char path[] = "/tmp/marrow-test-push-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, count), (ssize_t)count);
    (void)close(fd);
    struct csv_reading reading = {
        .path = path, .subject = "t", .dialect = *dialect, .first_line = 1, .valid_utf8 = valid};
    struct err err = {0};
    for (size_t i = 0; i < columns; i++)
        assert_int_equal(data_schema_add(&reading.schema, STR("c"), DATA_TYPE(TEXT), &err), ERR_OK);
    struct buf out = BUF_INIT;
    struct data_sink sink = {keep_schema, keep_batch, keep_reject, &out};
    assert_int_equal(csv_push(&reading, &sink, NULL, &err), ERR_OK);
    data_schema_done(&reading.schema);
    (void)unlink(path);
    return buf_take(&out);
}

static void assert_pushed(const struct csv_dialect *dialect, const char *text, size_t columns,
                          const char *expected)
{
    char *got = push_text(dialect, text, strlen(text), columns, true);
    assert_string_equal(got, expected);
    mem_free(got);
}

static void every_record_becomes_a_row_or_a_rejected_row(void **state)
{
    (void)state;
    assert_pushed(&plain, "1,\"a,b\"\n2,\"x\ny\"\n", 2, "[\"1\"|\"a,b\"][\"2\"|\"x\\ny\"]");
    assert_pushed(&plain, "1,\n2,\"\"\n\n3,c", 2, "[\"1\"|-][\"2\"|\"\"][\"3\"|\"c\"]");
    assert_pushed(&plain, "1\n\n2\n", 1, "[\"1\"][-][\"2\"]");
    assert_pushed(&plain, "1,5\" pipe\n", 2, "[\"1\"|\"5\\\" pipe\"]");
    assert_pushed(&plain, "1, \"Smith, J\" \n", 2, "[\"1\"|\"Smith, J\"]");
    assert_pushed(&plain, "1,a\rb\r\n", 2, "[\"1\"|\"a\\rb\"]");
    assert_pushed(&plain, "1\n1,2,3\n4,5\n", 2,
                  "{1 fewer fields than the header: \"1\"}{2 more fields than the header: "
                  "\"1,2,3\"}[\"4\"|\"5\"]");
    assert_pushed(&slashed, "\"C:\\temp\",\"a\\\"b\"\n", 2, "[\"C:\\\\temp\"|\"a\\\"b\"]");
}

static void an_open_quote_costs_its_own_line_only(void **state)
{
    (void)state;
    assert_pushed(&plain, "1,\"a\n2,b\n3,c\n", 2,
                  "{1 a quote is not closed, or text follows the closing quote: "
                  "\"1,\\\"a\"}[\"2\"|\"b\"][\"3\"|\"c\"]");
    assert_pushed(&plain, "1,\"a\n2,\"b\"\n3,c\n", 2,
                  "{1 a quote is not closed, or text follows the closing quote: "
                  "\"1,\\\"a\"}[\"2\"|\"b\"][\"3\"|\"c\"]");
    assert_pushed(&plain, "\"a\nb\",1\n2,\"x\"y\n3,c\n", 2,
                  "{3 a quote is not closed, or text follows the closing quote: "
                  "\"2,\\\"x\\\"y\"}[\"a\\nb\"|\"1\"][\"3\"|\"c\"]");
}

static void zero_bytes_are_kept_and_ill_formed_utf8_is_rejected(void **state)
{
    (void)state;
    char *got = push_text(&plain, "1,a\0b\n2,\xff\n3,c\n", 14, 2, false);
    assert_string_equal(
        got, "{2 not valid UTF-8: \"2,\xef\xbf\xbd\"}[\"1\"|\"a\\u0000b\"][\"3\"|\"c\"]");
    mem_free(got);
}

static void a_line_over_the_limit_is_one_rejected_row(void **state)
{
    (void)state;
    size_t length = (size_t)INGEST_LIMIT_LINE_BYTES + 100;
    char *text = malloc(length + 16);
    assert_non_null(text);
    memset(text, 'x', length);
    memcpy(text, "1,", 2);
    memcpy(text + length, "\n2,b\n", 6);
    char *got = push_text(&plain, text, length + 5, 2, true);
    assert_string_equal(
        got, "{1 the line is longer than the limit: \"1,xxxxxxxxxxxxxxxxxx\"}[\"2\"|\"b\"]");
    mem_free(got);
    free(text);
}

static void a_file_that_is_cut_while_it_is_read_is_an_error_and_no_signal(void **state)
{
    (void)state;
    char path[] = "/tmp/marrow-mapping-XXXXXX";
    struct file_mapping mapping;
    struct err err = {0};
    int64_t sum = 0;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(file_map(path, NULL, &mapping, &err), ERR_OK);
    struct file_info before = mapping.info;
    assert_int_equal(ftruncate(fd, 5), 0);
    for (size_t i = 0; i < mapping.length; i++)
        sum += mapping.ptr[i];
    assert_int_equal(sum, 0);
    assert_int_equal(file_unmap(&mapping, ERR_OK, &err), ERR_INPUT);
    assert_string_equal(err.message, "the file changed while it was read");
    assert_int_equal(file_map(path, &before, &mapping, &err), ERR_INPUT);
    (void)close(fd);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_texts_are_regular_and_their_records_are_counted),
        cmocka_unit_test(faults_that_the_engine_stumbles_over_are_not_regular),
        cmocka_unit_test(a_record_longer_than_the_engine_is_trusted_with_is_not_regular),
        cmocka_unit_test(every_record_becomes_a_row_or_a_rejected_row),
        cmocka_unit_test(an_open_quote_costs_its_own_line_only),
        cmocka_unit_test(zero_bytes_are_kept_and_ill_formed_utf8_is_rejected),
        cmocka_unit_test(a_line_over_the_limit_is_one_rejected_row),
        cmocka_unit_test(a_file_that_is_cut_while_it_is_read_is_an_error_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
