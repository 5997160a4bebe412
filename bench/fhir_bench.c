/* A pass over one NDJSON file for the views given, into tables of the engine, timed within the process as DuckDB's own statements
 * are timed in bench/fhir.py: fhir_bench THREADS FILE VIEW…   VIEW: a file, or the name of a built-in view. Prints {"seconds", "rows"}.
 * With STREAM=1 no engine: rows are counted and dropped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/view_pass.h"
#include "base/clock.h"
#include "base/file.h"

static enum err_code view_open(const char *name, struct fhir_view **ret, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    JSON_AUTO definition = NULL;
    size_t count;
    const struct fhir_builtin *views = fhir_builtin_views(&count);
    for (size_t idx = 0; idx < count; idx++)
        if (strcmp(views[idx].name, name) == 0)
            buf_puts(&text, views[idx].json);
    if (text.len == 0)
        TRY(file_read(name, 0, &text, err));
    TRY(json_parse(buf_view(&text), name, &definition, err));
    return fhir_view_read(definition, name, ret, err);
}

static int64_t dropped;

static enum err_code drop_rows(void *user, size_t view, const struct data_schema *schema, const struct data_batch *batch, struct buf *out, struct err *err)
{
    (void)user, (void)view, (void)schema, (void)out, (void)err;
    __atomic_add_fetch(&dropped, batch->rows, __ATOMIC_RELAXED);
    return ERR_OK;
}

static enum err_code drop_text(void *user, struct str text, struct err *err)
{
    (void)user, (void)text, (void)err;
    return ERR_OK;
}

static enum err_code run(size_t threads, const char *path, char **names, size_t count, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(fhir_program_free) struct fhir_program *program = NULL;
    struct fhir_view *views[16];
    const char *tables[16];
    char number[16][8];
    struct fhir_counts counts;
    struct fhir_program_options options = {.on_error = FHIR_NULL};
    const struct view_pass_source source = {.paths = &path, .path_count = 1};
    const struct view_pass_writer writer = {drop_rows, drop_text, NULL};
    for (size_t idx = 0; idx < count; idx++) {
        TRY(view_open(names[idx], &views[idx], err));
        snprintf(number[idx], sizeof number[idx], "v%zu", idx);
        tables[idx] = number[idx];
    }
    if (getenv("STREAM") == NULL)
        TRY(engine_open(&(struct engine_options){.threads = (int64_t)threads}, &engine, err));
    int64_t start = clock_monotonic_us(), rows = 0;
    clock_t worked = clock(); /* of all threads */
    TRY(fhir_program_new((const struct fhir_view *const *)views, count, &options, &program, err));
    if (getenv("STREAM") != NULL)
        TRY(view_pass_stream(&source, program, &writer, threads, NULL, &counts, err));
    else
        TRY(view_pass_tables(&source, program, engine, NULL, tables, threads, NULL, NULL, &counts, err));
    int64_t end = clock_monotonic_us();
    worked = clock() - worked;
    for (size_t idx = 0; idx < count && getenv("STREAM") == NULL; idx++) {
        char sql[64];
        int64_t table_rows;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM v%zu", idx);
        TRY(engine_query_int(engine, sql, 0, &table_rows, err));
        rows += table_rows;
    }
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"rows\": %lld, \"resources\": %lld}\n", (double)(end - start) / 1e6, (double)worked / CLOCKS_PER_SEC, (long long)(rows + dropped), (long long)counts.resources);
    for (size_t idx = 0; idx < count; idx++)
        fhir_view_free(views[idx]);
    return ERR_OK;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    if (argc < 4 || argc > 19) {
        fprintf(stderr, "fhir_bench THREADS FILE VIEW…\n");
        return 2;
    }
    if (run((size_t)strtoul(argv[1], NULL, 10), argv[2], argv + 3, (size_t)argc - 3, &err) == ERR_OK)
        return 0;
    fprintf(stderr, "%s: %s\n", err.message, err.detail);
    return 1;
}
