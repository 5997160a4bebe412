/* TPC-H's 22 queries as plans (plans/q01.json …) on every engine that is there, in SQL and, where
 * the engine takes it, in Substrait: the rows must be
 * those of the same query by hand (reference/q01.sql …) on DuckDB. Numbers agree to a relative
 * 1e-12, whatever their types; the rest exactly; rows as bags, and in order by what the plan orders
 * them by. tpch DATA_DIRECTORY */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "conform.h"
#include "dialect/dialect.h"
#include "plan/lineage.h"

#define QUERIES 22
static const char *const TABLES[] = {"customer", "lineitem", "nation", "orders",
                                     "part",     "partsupp", "region", "supplier"};
#define TABLE_COUNT (sizeof TABLES / sizeof *TABLES)

static const struct plan_rel *roots[QUERIES];
static const struct plan_rel *scans[TABLE_COUNT];

static void check(enum err_code code, const struct err *err, const char *what)
{
    if (code == ERR_OK)
        return;
    fprintf(stderr, "tpch: %s: %s / %s\n", what, err->message, err->detail);
    exit(1);
}

static void read_plans(struct plan *plan)
{
    struct err err = {0};
    char path[512];
    for (int q = 0; q < QUERIES; q++) {
        json_t *json = NULL;
        (void)snprintf(path, sizeof path, "%s/tpch/plans/q%02d.json", TEST_SOURCE_DIRECTORY, q + 1);
        check(json_read_file(path, &json, &err), &err, path);
        check(plan_from_json(plan, json, path, &roots[q], &err), &err, path);
        json_decref(json);
    }
}

static void find_scans(const struct plan_rel *rel)
{
    for (size_t t = 0; rel->kind == PLAN_SCAN && t < TABLE_COUNT; t++)
        if (strcmp(rel->table, TABLES[t]) == 0)
            scans[t] = rel;
    for (size_t i = 0; i < rel->input_count; i++)
        find_scans(rel->inputs[i]);
}

/* ---- tables -------------------------------------------------------------------------------------
 */

/* On the embedded engine: of the plans' types. */
static void read_parquet(struct engine *embedded, const char *directory)
{
    struct err err = {0};
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        struct buf sql = BUF_INIT;
        buf_printf(&sql, "CREATE TABLE %s AS SELECT ", TABLES[t]);
        for (size_t i = 0; i < scans[t]->column_count; i++) {
            buf_printf(&sql, "%sCAST(%s AS ", i > 0 ? ", " : "", scans[t]->columns[i].name);
            engine_type_sql(scans[t]->columns[i].type, &sql);
            buf_printf(&sql, ") AS %s", scans[t]->columns[i].name);
        }
        buf_printf(&sql, " FROM read_parquet('%s/%s.parquet')", directory, TABLES[t]);
        check(engine_execute(embedded, buf_text(&sql), NULL, 0, &err), &err, TABLES[t]);
        buf_done(&sql);
    }
}

/* One table's rows to a server. */
struct load {
    struct engine *embedded, *engine;
    const char *table;
    const struct plan_rel *scan;
};

static enum err_code load_by_append(const struct load *load, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    struct engine_appender *appender = NULL;
    const struct data_batch *batch = NULL;
    TRY(engine_executef(load->engine, err, "DROP TABLE IF EXISTS %s", load->table));
    buf_printf(&sql, "CREATE TABLE %s (", load->table);
    for (size_t i = 0; i < load->scan->column_count; i++)
        buf_printf(&sql, "%s%s %s", i > 0 ? ", " : "", load->scan->columns[i].name,
                   type_sql(load->scan->columns[i].type));
    buf_putc(&sql, ')');
    TRY(engine_execute(load->engine, buf_text(&sql), NULL, 0, err));
    buf_clear(&sql);
    buf_printf(&sql, "SELECT * FROM %s", load->table);
    TRY(engine_query(load->embedded, buf_text(&sql), NULL, 0, &result, err));
    TRY(engine_append_open(load->engine, NULL, load->table, &appender, err));
    do {
        TRY(engine_result_next(result, &batch, err));
        if (batch != NULL)
            TRY(engine_append_batch(appender, batch, err));
    } while (batch != NULL);
    return engine_append_close(appender, err);
}

static enum err_code load_and_analyze(const struct load *load, struct err *err)
{
    TRY(load_by_append(load, err));
    return engine_executef(load->engine, err, "ANALYZE %s", load->table);
}

/* A Parquet file in the folder that the server sees, declared as a table. */
static enum err_code load_by_file(const struct load *load, struct err *err)
{
    AUTO(buf_done) struct buf directory = BUF_INIT, at = BUF_INIT;
    const char *path, *location;
    struct data_schema schema = {0};
    if (!engine_shared_folder(load->engine, &path, &location))
        return err_set(err, ERR_USAGE, "the engine's URL names no folder (files=)");
    buf_printf(&directory, "%s/tpch/%s", path, load->table);
    buf_printf(&at, "%s/tpch/%s", location, load->table);
    TRY(file_make_directory(buf_text(&directory), err));
    TRY(engine_executef(load->embedded, err, "COPY %s TO '%s/table.parquet' (FORMAT parquet)",
                        load->table, buf_text(&directory)));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < load->scan->column_count && code == ERR_OK; i++)
        code = data_schema_add(&schema, str_of(load->scan->columns[i].name),
                               load->scan->columns[i].type, err);
    if (code == ERR_OK)
        code = engine_executef(load->engine, err, "DROP TABLE IF EXISTS %s", load->table);
    if (code == ERR_OK)
        code = engine_create_external(
            load->engine, NULL, load->table,
            &(const struct engine_external){.columns = &schema, .location = buf_text(&at)}, err);
    data_schema_done(&schema);
    return code;
}

/* How tables get to an engine, by its dialect. An engine that is not listed is skipped, and that is
 * said. */
static const struct loader {
    const char *dialect;
    enum err_code (*load)(const struct load *load, struct err *err); /* NULL: they are there */
} LOADERS[] = {
    {"duckdb", NULL},
    {"postgresql", load_and_analyze},
    {"trino", load_by_file},
    {"datafusion", load_by_append},
};

static const struct loader *loader_of(const struct engine *engine)
{
    for (size_t i = 0; i < sizeof LOADERS / sizeof *LOADERS; i++)
        if (strcmp(LOADERS[i].dialect, engine_dialect(engine)) == 0)
            return &LOADERS[i];
    return NULL;
}

static void push(struct engine *embedded, struct engine *engine, const struct loader *loader)
{
    struct err err = {0};
    int64_t start = clock_monotonic_us();
    for (size_t t = 0; t < TABLE_COUNT && loader->load != NULL; t++) {
        struct load load = {embedded, engine, TABLES[t], scans[t]};
        check(loader->load(&load, &err), &err, TABLES[t]);
    }
    printf("tpch: tables on %s after %lld ms\n", engine_name(engine),
           (long long)((clock_monotonic_us() - start) / 1000));
}

/* ---- rows ---------------------------------------------------------------------------------------
 */

struct rows {
    struct arena *arena;
    const char ***rows;
    size_t count, columns;
};

static int compare_rows(const void *a, const void *b, void *user)
{
    const char *const *x = *(const char *const *const *)a, *const *y =
                                                               *(const char *const *const *)b;
    for (size_t i = 0; i < *(const size_t *)user; i++) {
        double left, right;
        int order = strcmp(x[i], y[i]);
        if (str_to_double(str_of(x[i]), &left) && str_to_double(str_of(y[i]), &right))
            order = fabs(left - right) <= 1e-9 * fabs(left) ? 0 : left < right ? -1 : 1;
        if (order != 0)
            return order;
    }
    return 0;
}

static enum err_code read_rows(struct engine_result *result, struct rows *ret, struct err *err)
{
    const struct data_batch *batch = NULL;
    size_t cap = 0;
    do {
        TRY(engine_result_next(result, &batch, err));
        for (int64_t row = 0; batch != NULL && row < batch->rows; row++) {
            if (ret->count == cap) {
                const char ***grown = arena_array(ret->arena, cap = cap * 2 + 64, sizeof *grown);
                if (ret->count > 0)
                    memcpy(grown, ret->rows, ret->count * sizeof *grown);
                ret->rows = grown;
            }
            const char **cells = arena_array(ret->arena, batch->columns, sizeof *cells);
            for (size_t i = 0; i < batch->columns; i++) {
                struct buf text = BUF_INIT;
                bool there = data_value_text(&batch->vectors[i], row, &text);
                cells[i] = there ? arena_strndup(ret->arena, buf_text(&text), text.len) : "NULL";
                buf_done(&text);
            }
            ret->columns = batch->columns;
            ret->rows[ret->count++] = cells;
        }
    } while (batch != NULL);
    return ERR_OK;
}

static enum err_code rows_of(struct engine *engine, const char *sql, struct rows *ret,
                             struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    *ret = (struct rows){.arena = arena_new(0)};
    TRY(engine_query(engine, sql, NULL, 0, &result, err));
    return read_rows(result, ret, err);
}

/* The plan's rows: in Substrait where that is asked for and can be said, else in SQL. */
static enum err_code rows_of_plan(struct engine *engine, const struct plan_rel *root,
                                  bool *substrait, struct rows *ret, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    *ret = (struct rows){.arena = arena_new(0)};
    enum err_code code = ERR_UNSUPPORTED;
    if (*substrait)
        code = dialect_substrait(root, NULL, &text, err);
    if (code == ERR_OK)
        code = engine_query_substrait(engine, buf_view(&text), &result, err);
    *substrait = code == ERR_OK;
    if (code == ERR_UNSUPPORTED) {
        buf_clear(&text);
        TRY(dialect_sql(dialect_find(engine_dialect(engine)), root, NULL, &text, NULL, NULL, err));
        code = engine_query(engine, buf_text(&text), NULL, 0, &result, err);
    }
    TRY(code);
    return read_rows(result, ret, err);
}

static void sort_rows(const struct rows *rows)
{
    size_t columns = rows->columns;
    if (rows->count > 0)
        qsort_r(rows->rows, rows->count, sizeof *rows->rows, compare_rows, &columns);
}

static bool same_cell(const char *left, const char *right)
{
    double x, y;
    bool numbers = str_to_double(str_of(left), &x) && str_to_double(str_of(right), &y);
    return strcmp(left, right) == 0 || (numbers && fabs(x - y) <= 1e-12 * fmax(fabs(x), fabs(y)));
}

/* The columns by which the plan orders its rows are the reference's, row by row: rows that tie in
 * them may change places. */
static bool same_order(const struct plan_rel *root, const struct rows *a, const struct rows *b)
{
    struct err err = {0};
    const struct plan_ordered_by *keys = NULL;
    size_t count = 0;
    bool same = true;
    check(plan_ordering(root, a->arena, &keys, &count, &err), &err, "ordering");
    for (size_t row = 0; row < a->count && row < b->count && same; row++)
        for (size_t k = 0; k < count && same; k++) {
            int64_t i = plan_column_find(root, keys[k].column);
            same = same_cell(a->rows[row][i], b->rows[row][i]);
            if (!same)
                printf("row %zu is out of order by %s\n", row + 1, keys[k].column);
        }
    return same;
}

static bool same_rows(const struct rows *a, const struct rows *b)
{
    if (a->count != b->count || (a->count > 0 && a->columns != b->columns))
        return false;
    for (size_t row = 0; row < a->count; row++)
        for (size_t i = 0; i < a->columns; i++)
            if (!same_cell(a->rows[row][i], b->rows[row][i])) {
                printf("row %zu, column %zu: %s against %s\n", row + 1, i + 1, a->rows[row][i],
                       b->rows[row][i]);
                return false;
            }
    return true;
}

/* The plan's rows there and its reference's, equal? */
static bool query_agrees(struct engine *engine, struct rows *expected, int q, bool *substrait)
{
    struct err err = {0};
    struct rows found = {0};
    bool same = false;
    int64_t start = clock_monotonic_us();
    enum err_code code = rows_of_plan(engine, roots[q], substrait, &found, &err);
    int64_t elapsed_ms = (clock_monotonic_us() - start) / 1000;
    if (code == ERR_OK) {
        same = same_order(roots[q], expected, &found);
        sort_rows(expected);
        sort_rows(&found);
        same = same_rows(expected, &found) && same;
    }
    printf("tpch: q%02d on %s: %s, %zu rows, %lld ms%s\n", q + 1, target->name,
           same             ? "agrees"
           : code == ERR_OK ? "DIFFERS"
                            : err.message,
           found.count, (long long)elapsed_ms, *substrait ? " (Substrait)" : "");
    if (code != ERR_OK)
        printf("%s\n", err.detail);
    arena_free(found.arena);
    return same;
}

static int run_queries(struct engine *embedded, struct engine *engine, bool in_substrait)
{
    struct err err = {0};
    char path[512];
    int wrong = 0, said = 0;
    int64_t start = clock_monotonic_us();
    for (int q = 0; q < QUERIES; q++) {
        struct buf sql = BUF_INIT;
        struct rows expected;
        (void)snprintf(path, sizeof path, "%s/tpch/reference/q%02d.sql", TEST_SOURCE_DIRECTORY,
                       q + 1);
        check(file_read(path, 0, &sql, &err), &err, path);
        check(rows_of(embedded, buf_text(&sql), &expected, &err), &err, path);
        bool substrait = in_substrait;
        wrong += !query_agrees(engine, &expected, q, &substrait);
        said += substrait;
        arena_free(expected.arena);
        buf_done(&sql);
    }
    printf("tpch: %d of %d queries agree on %s, %d asked in Substrait, %d in SQL; %lld ms with the "
           "reference's\n",
           QUERIES - wrong, QUERIES, target->name, said, QUERIES - said,
           (long long)((clock_monotonic_us() - start) / 1000));
    return wrong;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    char command[512];
    int wrong = 0;
    AUTO(engine_close) struct engine *embedded = NULL;
    AUTO(plan_free) struct plan *plan = plan_new();
    const char *directory = argc > 1 ? argv[1] : "tpch-data";
    (void)snprintf(command, sizeof command, "sh '%s/tpch/data.sh' '%s'", TEST_SOURCE_DIRECTORY,
                   directory);
    int status = system(command);
    if (status != 0) {
        printf("tpch: SKIPPED: tpchgen-cli is not to be had (PyPI)\n");
        return WIFEXITED(status) && WEXITSTATUS(status) == 3 ? 0 : 1;
    }
    read_plans(plan);
    for (int q = 0; q < QUERIES; q++)
        find_scans(roots[q]);
    check(engine_open(&(struct engine_options){.threads = 2}, &embedded, &err), &err, "duckdb");
    read_parquet(embedded, directory);
    struct target *targets = targets_find();
    for (target = targets; target->name != NULL; target++) {
        struct engine *engine = embedded;
        if (target->url[0] != '\0')
            check(engine_open(&(struct engine_options){.url = target->url}, &engine, &err), &err,
                  target->name);
        const struct loader *loader = loader_of(engine);
        if (loader == NULL || dialect_find(engine_dialect(engine)) == NULL) {
            printf("tpch: SKIPPED %s: no way to load tables, or no dialect\n", target->name);
        } else {
            push(embedded, engine, loader);
            wrong += run_queries(embedded, engine, false);
            if (engine_can(engine, ENGINE_TAKES_SUBSTRAIT)) /* both ways must be right */
                wrong += run_queries(embedded, engine, true);
        }
        if (engine != embedded)
            engine_close(engine);
    }
    targets_stop(targets);
    return wrong == 0 ? 0 : 1;
}
