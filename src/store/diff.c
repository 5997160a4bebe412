/* What changed between two versions: tables, columns, rows.
 *
 * The one idea: equal table hashes need no look at the data. Others are compared as bags: rows
 * hashed over the columns that both have, counted per hash on each side, the differences added up.
 * A number that was only retyped (5 → 5.0) hashes alike. */
#include <string.h>

#include "store/store_priv.h"

struct compare {
    struct store_version *from, *to;
    struct engine *engine; /* opened when rows must be compared */
    json_t *tables;
};

static const struct data_column *find_column(const struct data_schema *schema, const char *name)
{
    int idx = data_schema_find(schema, str_of(name));
    return idx < 0 ? NULL : &schema->columns[idx];
}

static void put_columns(json_t *entry, const struct data_schema *before,
                        const struct data_schema *after, bool *ok)
{
    json_t *added = json_array(), *removed = json_array(), *retyped = json_array();
    for (size_t i = 0; after != NULL && i < after->count; i++) {
        const struct data_column *now = &after->columns[i],
                                 *then = before == NULL ? NULL : find_column(before, now->name);
        char type_then[32], type_now[32];
        if (then == NULL) {
            json_push_text(added, now->name, ok);
            continue;
        }
        if (data_type_equal(then->type, now->type))
            continue;
        json_t *change = json_object();
        json_put_text(change, "name", now->name, ok);
        json_put_text(change, "from", data_type_text(then->type, type_then), ok);
        json_put_text(change, "to", data_type_text(now->type, type_now), ok);
        json_push(retyped, change, ok);
    }
    for (size_t i = 0; before != NULL && i < before->count; i++)
        if (after == NULL || find_column(after, before->columns[i].name) == NULL)
            json_push_text(removed, before->columns[i].name, ok);
    json_put(entry, "columns_added", added, ok);
    json_put(entry, "columns_removed", removed, ok);
    json_put(entry, "columns_retyped", retyped, ok);
}

/* SELECT marrow_row_hash(common columns) AS h, count(*) AS n FROM object GROUP BY h */
static enum err_code bag_sql(const struct store_table *table, const char *const *names,
                             size_t count, struct buf *out, struct err *err)
{
    char alias[32];
    store_object_alias(table->hash, alias);
    buf_puts(out, "(SELECT ");
    TRY(store_sql_row_hash(names, count, "", out, err));
    buf_printf(out, " AS h, count(*) AS n FROM %s.main.data GROUP BY h)", alias);
    return buf_check(out, err);
}

static enum err_code open_bags(struct compare *compare, const struct store_table *before,
                               const struct store_table *after, struct err *err)
{
    struct store *store = store_version_store(compare->from);
    if (compare->engine == NULL)
        TRY(store_engine_open(store, NULL, NULL, &compare->engine, err));
    const char *names[] = {before->name}, *later[] = {after->name};
    TRY(store_version_attach(compare->from, compare->engine, names, 1, err));
    return store_version_attach(compare->to, compare->engine, later, 1, err);
}

static enum err_code count_rows(struct compare *compare, const struct store_table *before,
                                const struct store_table *after, int64_t *ret_added,
                                int64_t *ret_removed, struct err *err)
{
    size_t count = 0;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(mem_free) const char **names = mem_zalloc(after->schema.count + 1, sizeof *names);
    if (names == NULL)
        return err_set(err, ERR_MEMORY, "no memory to compare two tables");
    for (size_t i = 0; i < after->schema.count; i++)
        if (find_column(&before->schema, after->schema.columns[i].name) != NULL)
            names[count++] = after->schema.columns[i].name;
    *ret_added = after->rows;
    *ret_removed = before->rows;
    if (count == 0)
        return ERR_OK;
    TRY(open_bags(compare, before, after, err));
    buf_puts(
        &sql,
        "SELECT CAST(coalesce(sum(greatest(coalesce(b.n, 0) - coalesce(a.n, 0), 0)), 0) AS "
        "BIGINT), "
        "CAST(coalesce(sum(greatest(coalesce(a.n, 0) - coalesce(b.n, 0), 0)), 0) AS BIGINT) FROM ");
    TRY(bag_sql(before, names, count, &sql, err));
    buf_puts(&sql, " AS a FULL JOIN ");
    TRY(bag_sql(after, names, count, &sql, err));
    buf_puts(&sql, " AS b ON a.h = b.h");
    TRY(buf_check(&sql, err));
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(engine_query(compare->engine, buf_text(&sql), NULL, 0, &result, err));
    TRY(engine_result_next(result, &batch, err));
    if (batch == NULL || batch->rows != 1)
        return err_set(err, ERR_ENGINE, "the engine gave no counts");
    *ret_added = batch->vectors[0].i64[0];
    *ret_removed = batch->vectors[1].i64[0];
    return ERR_OK;
}

/* Rows of files outside the store that have changed since are no more to be compared: -1. */
static enum err_code count_where_there(struct compare *compare, const struct store_table *before,
                                       const struct store_table *after, int64_t *ret_added,
                                       int64_t *ret_removed, struct err *err)
{
    struct err own = {0};
    const char *then[] = {before->name}, *now[] = {after->name};
    enum err_code code = store_version_available(compare->from, then, 1, &own);
    if (code == ERR_OK)
        code = store_version_available(compare->to, now, 1, &own);
    if (code == ERR_OK)
        return count_rows(compare, before, after, ret_added, ret_removed, err);
    *ret_added = *ret_removed = -1;
    if (code == ERR_INTEGRITY)
        return ERR_OK;
    if (err != NULL)
        *err = own;
    return code;
}

static enum err_code compare_table(struct compare *compare, const struct store_table *before,
                                   const struct store_table *after, struct err *err)
{
    bool ok = true;
    int64_t added = after == NULL ? 0 : after->rows, removed = before == NULL ? 0 : before->rows;
    bool same = before != NULL && after != NULL && strcmp(before->hash, after->hash) == 0;
    if (same)
        added = removed = 0;
    else if (before != NULL && after != NULL)
        TRY(count_where_there(compare, before, after, &added, &removed, err));
    json_t *entry = json_object();
    json_put_text(entry, "name",
                  after != NULL    ? after->name
                  : before != NULL ? before->name
                                   : "",
                  &ok);
    json_put_text(entry, "change",
                  before == NULL  ? "added"
                  : after == NULL ? "removed"
                  : same          ? "same"
                                  : "changed",
                  &ok);
    put_columns(entry, before == NULL ? NULL : &before->schema,
                after == NULL ? NULL : &after->schema, &ok);
    json_put_int(entry, "rows_before", before == NULL ? 0 : before->rows, &ok);
    json_put_int(entry, "rows_after", after == NULL ? 0 : after->rows, &ok);
    json_put(entry, "rows_added", added < 0 ? json_null() : json_integer((json_int_t)added), &ok);
    json_put(entry, "rows_removed", removed < 0 ? json_null() : json_integer((json_int_t)removed),
             &ok);
    json_push(compare->tables, entry, &ok);
    return json_built(ok, err);
}

static enum err_code compare_tables(struct compare *compare, struct err *err)
{
    for (size_t i = 0; i < store_version_table_count(compare->to); i++) {
        const struct store_table *after = store_version_table(compare->to, i);
        TRY(compare_table(compare, store_version_table_find(compare->from, after->name), after,
                          err));
    }
    for (size_t i = 0; i < store_version_table_count(compare->from); i++) {
        const struct store_table *before = store_version_table(compare->from, i);
        if (store_version_table_find(compare->to, before->name) == NULL)
            TRY(compare_table(compare, before, NULL, err));
    }
    return ERR_OK;
}

enum err_code store_version_diff(struct store *store, const char *dataset, const char *from,
                                 const char *to, json_t **ret, struct err *err)
{
    bool ok = true;
    *ret = NULL;
    AUTO(store_version_close) struct store_version *before = NULL;
    AUTO(store_version_close) struct store_version *after = NULL;
    JSON_AUTO tables = json_array();
    JSON_AUTO result = json_object();
    TRY(json_built(tables != NULL && result != NULL, err));
    TRY(store_version_open(store, dataset, from, &before, err));
    TRY(store_version_open(store, dataset, to, &after, err));
    struct compare compare = {.from = before, .to = after, .tables = tables};
    enum err_code code = compare_tables(&compare, err);
    engine_close(compare.engine);
    TRY(code);
    json_put_text(result, "from", store_version_id(before), &ok);
    json_put_text(result, "to", store_version_id(after), &ok);
    json_put(result, "tables", json_incref(tables), &ok);
    TRY(json_built(ok, err));
    *ret = json_incref(result);
    return ERR_OK;
}
