/* One pass over resources for all views: the same rows from files and from a query, on any number of threads, into tables and as a
 * stream in the order of the input; a resource that fails leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/view_pass.h"
#include "base/file.h"

#define RESOURCES 20000

static char folder[FILE_PATH_BYTES];
static struct err err;

static void check(enum err_code code)
{
    if (code != ERR_OK)
        fail_msg("%s: %s / %s", err_code_name(code), err.message, err.detail);
}

static const char *path_of(const char *name)
{
    static char paths[4][FILE_PATH_BYTES + 32];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Lines of all lengths; some are longer than a block, some blank; the last has no line end. */
static const char *write_lines(const char *name, int bad)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int idx = 0; idx < RESOURCES; idx++) {
        fprintf(file, "{\"resourceType\":\"Patient\",\"id\":\"p%d\",\"gender\":%s,\"name\":[{\"family\":\"F\\u00e9%d\"},{\"family\":\"G\"}],\"text\":{\"div\":\"", idx,
                idx == bad ? "[\"y\",\"z\"]" : "\"male\"", idx);
        for (int byte = 0; byte < (idx % 9973 == 17 ? 5000000 : idx % 700); byte++)
            fputc('a' + byte % 26, file);
        fputs(idx % 100 == 0 ? "\"}}\r\n\n  \n" : idx + 1 < RESOURCES ? "\"}}\n" : "\"}}", file);
    }
    fclose(file);
    return path;
}

struct views {
    struct fhir_view *views[2];
    struct fhir_program *program;
};

static void views_open(struct views *ret)
{
    static const char *const texts[] = {
        "{\"resource\":\"Patient\",\"select\":[{\"column\":[{\"name\":\"id\",\"path\":\"id\"},{\"name\":\"gender\",\"path\":\"gender\"}]}]}",
        "{\"resource\":\"Patient\",\"select\":[{\"column\":[{\"name\":\"id\",\"path\":\"id\"}]},{\"forEach\":\"name\",\"column\":[{\"name\":\"i\",\"path\":\"%rowIndex\"},"
        "{\"name\":\"family\",\"path\":\"family\"}]}]}"};
    for (size_t idx = 0; idx < 2; idx++) {
        JSON_AUTO definition = NULL;
        check(json_parse(str_of(texts[idx]), "view", &definition, &err));
        check(fhir_view_read(definition, "view", &ret->views[idx], &err));
    }
    check(fhir_program_new((const struct fhir_view *const *)ret->views, 2, NULL, &ret->program, &err));
}

static void views_close(struct views *views)
{
    fhir_program_free(views->program);
    fhir_view_free(views->views[0]);
    fhir_view_free(views->views[1]);
}

static int64_t ask(struct engine *engine, const char *sql)
{
    int64_t value = -1;
    check(engine_query_int(engine, sql, -1, &value, &err));
    return value;
}

static void files_and_queries_give_the_same_tables_on_any_number_of_threads(void **state)
{
    (void)state;
    const char *path = write_lines("patients.ndjson", -1), *tables[] = {"v1", "v 2"};
    AUTO(engine_close) struct engine *engine = NULL;
    struct views views;
    views_open(&views);
    check(engine_open(&(struct engine_options){.threads = 2}, &engine, &err));
    check(engine_executef(engine, &err, "CREATE TABLE r AS SELECT json AS resource FROM read_ndjson_objects('%s', maximum_object_size=20000000)", path));
    const struct view_pass_source sources[] = {{.paths = &path, .path_count = 1}, {.engine = engine, .sql = "SELECT resource FROM r"}};
    for (size_t source = 0; source < 2; source++)
        for (size_t threads = 1; threads <= 4; threads++) {
            struct fhir_counts counts;
            char schema[16];
            snprintf(schema, sizeof schema, "s%zu%zu", source, threads);
            check(view_pass_tables(&sources[source], views.program, engine, schema, tables, threads, NULL, NULL, &counts, &err));
            assert_int_equal(counts.resources, RESOURCES);
            char sql[256];
            snprintf(sql, sizeof sql, "SELECT count(*) * 1000000 + count(DISTINCT id) FROM %s.v1 WHERE gender = 'male'", schema);
            assert_int_equal(ask(engine, sql), (int64_t)RESOURCES * 1000000 + RESOURCES);
            snprintf(sql, sizeof sql, "SELECT count(*) FROM %s.\"v 2\" WHERE i = 0 AND family = 'Fé' || substr(id, 2)", schema);
            assert_int_equal(ask(engine, sql), RESOURCES);
            snprintf(sql, sizeof sql, "SELECT count(*) FROM %s.\"v 2\"", schema);
            assert_int_equal(ask(engine, sql), RESOURCES * 2);
        }
    views_close(&views);
}

static void a_resource_that_fails_is_named_with_its_line_and_leaves_no_table(void **state)
{
    (void)state;
    const char *path = write_lines("bad.ndjson", 12345), *tables[] = {"v1", "v2"};
    AUTO(engine_close) struct engine *engine = NULL;
    struct views views;
    views_open(&views);
    check(engine_open(&(struct engine_options){0}, &engine, &err));
    const struct view_pass_source source = {.paths = &path, .path_count = 1};
    for (size_t threads = 1; threads <= 3; threads++) {
        assert_int_equal(view_pass_tables(&source, views.program, engine, NULL, tables, threads, NULL, NULL, NULL, &err), ERR_INPUT);
        assert_non_null(strstr(err.message, "Patient/p12345: column gender: several values"));
        assert_string_equal(err.source, path);
        assert_int_equal(err.line, 12346 + 124 * 2); /* two blank lines behind each hundredth */
        assert_int_equal(ask(engine, "SELECT count(*) FROM duckdb_tables()"), 0);
    }
    views_close(&views);
}

static enum err_code format(void *user, size_t view, const struct data_schema *schema, const struct data_batch *batch, struct buf *out, struct err *ret_err)
{
    (void)user;
    (void)schema;
    (void)ret_err;
    for (int64_t row = 0; view == 0 && row < batch->rows; row++) {
        data_value_text(&batch->vectors[0], row, out);
        buf_putc(out, '\n');
    }
    return ERR_OK;
}

static enum err_code write_out(void *user, struct str text, struct err *ret_err)
{
    (void)ret_err;
    buf_add_str(user, text);
    return ERR_OK;
}

static void a_stream_has_the_order_of_the_input(void **state)
{
    (void)state;
    const char *paths[] = {write_lines("a.ndjson", -1), write_lines("b.ndjson", -1)};
    AUTO(buf_done) struct buf expected = BUF_INIT;
    struct views views;
    views_open(&views);
    for (int idx = 0; idx < RESOURCES * 2; idx++)
        buf_printf(&expected, "p%d\n", idx % RESOURCES);
    for (size_t threads = 1; threads <= 4; threads++) {
        AUTO(buf_done) struct buf out = BUF_INIT;
        const struct view_pass_source source = {.paths = paths, .path_count = 2};
        const struct view_pass_writer writer = {format, write_out, &out};
        check(view_pass_stream(&source, views.program, &writer, threads, NULL, NULL, &err));
        assert_true(str_equal(buf_view(&out), buf_view(&expected)));
    }
    views_close(&views);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    const char *path = path_of("none.ndjson");
    AUTO(buf_done) struct buf out = BUF_INIT;
    struct views views;
    views_open(&views);
    const struct view_pass_source source = {.paths = &path, .path_count = 1};
    const struct view_pass_writer writer = {format, write_out, &out};
    assert_int_equal(view_pass_stream(&source, views.program, &writer, 2, NULL, NULL, &err), ERR_NOT_FOUND);
    views_close(&views);
}

static bool always(void *user)
{
    (void)user;
    return true;
}

static void a_pass_can_be_cancelled(void **state)
{
    (void)state;
    const char *path = path_of("patients.ndjson"), *tables[] = {"v1", "v2"};
    AUTO(engine_close) struct engine *engine = NULL;
    struct progress progress = {.cancelled = always};
    struct views views;
    views_open(&views);
    check(engine_open(&(struct engine_options){0}, &engine, &err));
    const struct view_pass_source source = {.paths = &path, .path_count = 1};
    assert_int_equal(view_pass_tables(&source, views.program, engine, NULL, tables, 2, &progress, NULL, NULL, &err), ERR_INTERRUPTED);
    assert_int_equal(ask(engine, "SELECT count(*) FROM duckdb_tables()"), 0);
    views_close(&views);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s/marrow-pass-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(folder) == NULL;
}

static int drop_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"patients.ndjson", "bad.ndjson", "a.ndjson", "b.ndjson"};
    for (size_t idx = 0; idx < 4; idx++)
        unlink(path_of(names[idx]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_queries_give_the_same_tables_on_any_number_of_threads),
        cmocka_unit_test(a_resource_that_fails_is_named_with_its_line_and_leaves_no_table),
        cmocka_unit_test(a_stream_has_the_order_of_the_input),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error),
        cmocka_unit_test(a_pass_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
