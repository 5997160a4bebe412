/* What a plan's scans expect, held against what a version has: its tables, its marts, the plans
 * saved on it. All problems are found, not the first.
 *
 * A column whose type in the version is narrower without loss (decimal(8,2) where the plan says
 * decimal(15,2), a date where it says timestamp) is no problem: the scan is given the version's
 * type and a cast above it, so that the plan means on this data exactly what it says. */
#include "api/views_priv.h"

#include <stdio.h>
#include <string.h>

/* What a name means. */
struct source {
    const struct data_schema *schema; /* NULL: nothing */
    struct data_schema own;           /* a run's, a view's */
    json_t *run;
    char identity[65]; /* a run's id, what a view's rows are */
};

static void source_done(struct source *source)
{
    data_schema_done(&source->own);
    json_decref(source->run);
}

struct checker {
    struct api *api;
    struct store_version *version;
    const json_t *runs;
    json_t *problems;
    bool ok;
    struct err *err;
};

static enum err_code source_find(struct checker *checker, const char *name, struct source *ret)
{
    struct err err = {.code = ERR_OK};
    bool is_view = false;
    const struct store_table *table = store_version_table_find(checker->version, name);
    if (table != NULL) {
        ret->schema = &table->schema;
        return ERR_OK;
    }
    TRY(api_view_identity(checker->api, checker->version, name, ret->identity, &ret->own, &is_view,
                          checker->err));
    if (is_view) {
        ret->schema = &ret->own;
        return ERR_OK;
    }
    enum err_code code = api_run_find(checker->api, checker->version, name,
                                      json_text(checker->runs, name, NULL), &ret->run, &err);
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    if (code == ERR_OK)
        code = data_schema_from_json(json_object_get(ret->run, "schema"), name, &ret->own, &err);
    if (code != ERR_OK) {
        *checker->err = err;
        return code;
    }
    (void)snprintf(ret->identity, sizeof ret->identity, "%s", json_text(ret->run, "run_id", ""));
    ret->schema = &ret->own;
    return ERR_OK;
}

static void problem(struct checker *checker, const char *table, const char *column,
                    const char *expected, const char *found, const char *nearest)
{
    AUTO(buf_done) struct buf words = BUF_INIT;
    json_t *one = json_object(), *other;
    size_t idx;
    char node[300];
    (void)snprintf(node, sizeof node, "scan \"%.250s\"", table);
    buf_printf(&words, "%s: ", node);
    if (column == NULL)
        buf_puts(&words, "there is no such table, mart or saved plan");
    else if (found == NULL)
        buf_printf(&words, "no column \"%s\" (%s expected)", column, expected);
    else
        buf_printf(&words, "column \"%s\" is %s, %s expected", column, found, expected);
    if (nearest != NULL)
        buf_printf(&words, "; did you mean \"%s\"?", nearest);
    json_put_text(one, "node", node, &checker->ok);
    json_put_text(one, "table", table, &checker->ok);
    json_put_text(one, "column", column, &checker->ok);
    json_put_text(one, "expected", expected, &checker->ok);
    json_put_text(one, "found", found, &checker->ok);
    json_put_text(one, "nearest", nearest, &checker->ok);
    json_put_str(one, "words", buf_view(&words), &checker->ok);
    json_array_foreach(checker->problems, idx, other)
    { /* two scans of one table have the same problems */
        if (json_equal(one, other)) {
            json_decref(one);
            return;
        }
    }
    json_push(checker->problems, one, &checker->ok);
}

static enum err_code unknown_table(struct checker *checker, const char *table)
{
    struct nearest nearest = {.asked = table};
    JSON_AUTO marts = NULL;
    JSON_AUTO saved = NULL;
    json_t *run;
    size_t idx;
    const char *dataset = store_version_dataset(checker->version);
    for (size_t i = 0; i < store_version_table_count(checker->version); i++)
        nearest_offer(&nearest, store_version_table(checker->version, i)->name);
    TRY(store_run_list(checker->api->store, dataset, "mart", &marts, checker->err));
    TRY(store_run_list(checker->api->store, dataset, "plan", &saved, checker->err));
    json_array_foreach(marts, idx, run)
    {
        nearest_offer(&nearest, json_text(run, "name", ""));
    }
    json_array_foreach(saved, idx, run)
    {
        nearest_offer(&nearest, json_text(run, "name", ""));
    }
    problem(checker, table, NULL, "a table", NULL, nearest_text(&nearest));
    return ERR_OK;
}

/* Every value of found is a value of expected. */
static bool widens(struct data_type found, struct data_type expected)
{
    if (expected.kind == DATA_DECIMAL && found.kind == DATA_DECIMAL)
        return expected.scale >= found.scale &&
               expected.precision - expected.scale >= found.precision - found.scale;
    if (expected.kind == DATA_DECIMAL && found.kind == DATA_BIGINT)
        return expected.precision - expected.scale >= 19;
    return expected.kind == DATA_TIMESTAMP && found.kind == DATA_DATE;
}

/* One column [name, type] of a scan: true when it needs a cast from *ret_found. */
static bool check_column(struct checker *checker, const char *table,
                         const struct data_schema *schema, const json_t *column,
                         struct data_type *ret_found)
{
    const char *name = json_string_value(json_array_get(column, 0)),
               *wanted = json_string_value(json_array_get(column, 1));
    struct nearest nearest = {.asked = name};
    struct data_type type = {.kind = DATA_NULL};
    char found[32];
    int at = data_schema_find(schema, str_of(name));
    for (size_t i = 0; at < 0 && i < schema->count; i++)
        nearest_offer(&nearest, schema->columns[i].name);
    if (at < 0) {
        problem(checker, table, name, wanted, NULL, nearest_text(&nearest));
        return false;
    }
    *ret_found = schema->columns[at].type;
    AUTO(arena_free) struct arena *arena = arena_new(1 << 16);
    if (arena == NULL ||
        data_type_parse_nested(arena, str_of(wanted), &type, ERR_IGNORED) != ERR_OK) {
        checker->ok = false;
        return false;
    }
    if (data_type_equal(type, *ret_found))
        return false;
    if (widens(*ret_found, type))
        return true;
    problem(checker, table, name, wanted, data_type_text(*ret_found, found), NULL);
    return false;
}

/* ---- the scan given the version's types --------------------------------------------------------
 */

static json_t *output_of(const char *name, const char *cast_to, bool *ok)
{
    json_t *output = json_object(), *column = json_object(), *expr = column;
    json_put_text(column, "column", name, ok);
    if (cast_to != NULL) {
        expr = json_object();
        json_put(expr, "cast", column, ok);
        json_put_text(expr, "type", cast_to, ok);
    }
    json_put_text(output, "as", name, ok);
    json_put(output, "expr", expr, ok);
    return output;
}

/* Node `at` of nodes, a scan, becomes two: the scan under a new number, then a project with the
 * casts under its own. */
static void split_scan(struct checker *checker, json_t *nodes, size_t at, json_t *outputs_taken,
                       json_t *columns_taken)
{
    json_t *scan = json_deep_copy(json_array_get(nodes, at)), *project = json_object();
    int64_t number = json_int(scan, "id", 0);
    json_put(scan, "columns", columns_taken, &checker->ok);
    json_put_int(scan, "id", 1000000000 + number, &checker->ok);
    json_put_int(project, "id", number, &checker->ok);
    json_put_text(project, "node", "project", &checker->ok);
    json_put_int(project, "input", 1000000000 + number, &checker->ok);
    json_put(project, "outputs", outputs_taken, &checker->ok);
    if (json_array_set_new(nodes, at, project) != 0 || json_array_insert_new(nodes, at, scan) != 0)
        checker->ok = false;
}

static json_t *renumbered(const json_t *numbers, const json_t *old)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%lld", (long long)json_integer_value(old));
    return json_deep_copy(json_object_get(numbers, key));
}

/* Nodes are numbered 1, 2, 3 … in their order again. */
static void renumber(struct checker *checker, json_t *plan)
{
    json_t *nodes = json_object_get(plan, "nodes"), *node, *input;
    JSON_AUTO numbers = json_object();
    size_t idx, i;
    json_array_foreach(nodes, idx, node)
    {
        char key[32];
        (void)snprintf(key, sizeof key, "%lld", (long long)json_int(node, "id", 0));
        json_put_int(numbers, key, (int64_t)idx + 1, &checker->ok);
    }
    json_array_foreach(nodes, idx, node)
    {
        json_put_int(node, "id", (int64_t)idx + 1, &checker->ok);
        if (json_object_get(node, "input") != NULL)
            json_put(node, "input", renumbered(numbers, json_object_get(node, "input")),
                     &checker->ok);
        json_array_foreach(json_object_get(node, "inputs"), i, input)
        {
            if (json_array_set_new(json_object_get(node, "inputs"), i,
                                   renumbered(numbers, input)) != 0)
                checker->ok = false;
        }
    }
    json_put(plan, "root", renumbered(numbers, json_object_get(plan, "root")), &checker->ok);
}

/* Returns true when the scan was split in two. */
static bool check_scan(struct checker *checker, const struct source *source, json_t *nodes,
                       size_t at, bool adapt)
{
    const json_t *scan = json_array_get(nodes, at);
    const char *table = json_text(scan, "table", "");
    json_t *outputs = json_array(), *columns = json_array(), *column;
    size_t idx;
    bool casts = false;
    json_array_foreach(json_object_get(scan, "columns"), idx, column)
    {
        struct data_type found = {.kind = DATA_NULL};
        AUTO(buf_done) struct buf type = BUF_INIT;
        const char *name = json_string_value(json_array_get(column, 0)),
                   *wanted = json_string_value(json_array_get(column, 1));
        bool cast = check_column(checker, table, source->schema, column, &found);
        json_t *pair = json_array();
        data_type_write(found, &type);
        json_push_text(pair, name, &checker->ok);
        json_push_text(pair, cast ? buf_text(&type) : wanted, &checker->ok);
        json_push(columns, pair, &checker->ok);
        json_push(outputs, output_of(name, cast ? wanted : NULL, &checker->ok), &checker->ok);
        casts = casts || cast;
    }
    if (casts && adapt) {
        split_scan(checker, nodes, at, outputs, columns);
        return true;
    }
    json_decref(outputs);
    json_decref(columns);
    return false;
}

static enum err_code check_nodes(struct checker *checker, json_t *nodes, bool adapt)
{
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        json_t *node = json_array_get(nodes, i);
        if (strcmp(json_text(node, "node", ""), "scan") != 0)
            continue;
        struct source source = {.schema = NULL};
        enum err_code code = source_find(checker, json_text(node, "table", ""), &source);
        if (code == ERR_OK && source.schema == NULL)
            code = unknown_table(checker, json_text(node, "table", ""));
        else if (code == ERR_OK) {
            if (adapt && source.identity[0] != '\0') /* what is kept depends on what was read */
                json_put_text(node, "identity", source.identity, &checker->ok);
            i += check_scan(checker, &source, nodes, i, adapt) ? 1 : 0;
        }
        source_done(&source);
        TRY(code);
    }
    return ERR_OK;
}

enum err_code api_plan_problems(struct api *api, struct store_version *version, const json_t *runs,
                                const json_t *plan, json_t *adapt, json_t **ret, struct err *err)
{
    JSON_AUTO problems = json_array();
    struct checker checker = {.api = api,
                              .version = version,
                              .runs = runs,
                              .problems = problems,
                              .ok = problems != NULL,
                              .err = err};
    TRY(check_nodes(&checker, json_object_get(adapt != NULL ? adapt : plan, "nodes"),
                    adapt != NULL));
    if (adapt != NULL)
        renumber(&checker, adapt);
    TRY(json_built(checker.ok, err));
    *ret = json_incref(problems);
    return ERR_OK;
}
