/* Libraries of SQL read: golden cases (what is in them and the statement with its parameters, or
 * the error with its place), and values of parameters by their FHIR types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fhir/fhir.h"

#include "golden.h"

static void show_error(const struct err *err, struct buf *ret)
{
    buf_printf(ret, "error %s at %s: %s\n", err_code_name(err->code), err->source, err->message);
    if (err->detail[0] != '\0')
        buf_printf(ret, "%s\n", err->detail);
    if (err->hint[0] != '\0')
        buf_printf(ret, "try: %s\n", err->hint);
}

static void show(const struct fhir_library *library, struct buf *ret)
{
    buf_printf(ret, "%s %s\n", fhir_library_is_view(library) ? "SQLView" : "SQLQuery",
               fhir_library_name(library));
    for (size_t i = 0; i < fhir_library_parameter_count(library); i++) {
        char type[32];
        const struct fhir_library_parameter *one = fhir_library_parameter(library, i);
        buf_printf(ret, "$%zu %s: %s as %s%s\n", i + 1, one->name, one->fhir_type,
                   data_type_text(one->type, type), one->required ? "" : ", may be left out");
    }
    for (size_t i = 0; i < fhir_library_dependency_count(library); i++)
        buf_printf(ret, "%s: %s\n", fhir_library_dependency(library, i)->label,
                   fhir_library_dependency(library, i)->canonical);
    for (size_t i = 0; i < json_array_size(fhir_library_notes(library)); i++) {
        const json_t *note = json_array_get(fhir_library_notes(library), i);
        buf_printf(ret, "note at %s: %s\n", json_text(note, "path", ""),
                   json_text(note, "message", ""));
    }
    buf_printf(ret, "%s\n", fhir_library_sql(library));
}

static void add_base64(struct str bytes, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i > 3 ? 3 : bytes.len - i;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < left ? (unsigned char)bytes.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_putc(out, k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=');
    }
}

/* The case's SQL becomes the data of the content that has none. */
static void put_sql(json_t *library, const char *sql)
{
    AUTO(buf_done) struct buf data = BUF_INIT;
    bool ok = true;
    json_t *contents = json_object_get(library, "content");
    if (sql == NULL)
        return;
    size_t length = strlen(sql);
    add_base64((struct str){sql, length > 0 && sql[length - 1] == '\n' ? length - 1 : length},
               &data);
    if (contents == NULL) {
        json_t *content = json_object();
        contents = json_array();
        json_put_text(content, "contentType", "application/sql", &ok);
        json_push(contents, content, &ok);
        json_put(library, "content", contents, &ok);
    }
    for (size_t i = 0; i < json_array_size(contents); i++)
        if (json_object_get(json_array_get(contents, i), "data") == NULL)
            json_put_str(json_array_get(contents, i), "data", buf_view(&data), &ok);
}

static void run_case(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    JSON_AUTO definition = NULL;
    AUTO(fhir_library_free) struct fhir_library *library = NULL;
    enum err_code code =
        json_parse(golden_section(test, "library"), "library.json", &definition, &err);
    if (code == ERR_OK) {
        struct str sql = golden_section(test, "sql");
        AUTO(buf_done) struct buf text = BUF_INIT;
        buf_add_str(&text, sql);
        put_sql(definition, sql.len > 0 ? buf_text(&text) : NULL);
        code = fhir_library_read(definition, "library.json", "duckdb", &library, &err);
    }
    if (code != ERR_OK)
        show_error(&err, ret);
    else
        show(library, ret);
}

static void test_golden(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/fhir/library.golden", run_case),
                     0);
}

static void test_values(void **state)
{
    static const struct {
        const char *type, *good, *bad; /* separated by | */
    } cases[] = {
        {"boolean", "true|false", "TRUE|1|"},
        {"integer", "0|-5|12", "1.5|x|"},
        {"unsignedInt", "0|3", "-1"},
        {"positiveInt", "1", "0|-1"},
        {"decimal", "1|-1.50|1e3", "x|NaN|Infinity|"},
        {"date", "2024|2024-02|2024-02-29", "2023-02-29|2024-13|12:30:00|2024-02-29T10:00:00Z|"},
        {"dateTime", "2024|2024-02-29T10:00:00Z", "2024-02-30|10:00:00"},
        {"time", "12:30:00|12:30", "25:00:00|2024"},
        {"code", "final", " final|"},
        {"string", "any; DROP TABLE x|", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int bad = 0; bad < 2; bad++) {
            struct fhir_library_parameter parameter = {.name = "p", .fhir_type = cases[i].type};
            const char *at = bad ? cases[i].bad : cases[i].good;
            for (; at != NULL;
                 at = *(at + strcspn(at, "|")) == '|' ? at + strcspn(at, "|") + 1 : NULL) {
                struct err err = {0};
                struct str text = {at, strcspn(at, "|")};
                enum err_code code = fhir_library_value_check(&parameter, text, &err);
                if (code != (bad ? ERR_INPUT : ERR_OK))
                    fail_msg("%s '%.*s': %s", cases[i].type, (int)text.len, text.ptr, err.message);
            }
        }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden),
                                       cmocka_unit_test(test_values)};
    json_install();
    golden_arguments(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
