/* Which kinds a long table holds, their labels and how often each has a value: one grouped read of
 * two or three columns, kept as a run of kind "kinds" beside the profile, so that the next plan
 * over the version opens no engine. The profile's own most frequent values would not do: they count
 * rows without a value, stop at twenty, and know no labels.
 *
 *   [{table, measure, by, label?, unit?, numeric, least, kind_count, rows, kinds:[[code, label,
 * values, texts, unit, units]…]}] */
#include "mart/mart_priv.h"

#include "base/clock.h"

#include <string.h>

#define KINDS_FORMAT "marrow-kinds-1"

json_t *mart_kinds_request(const struct profile *profile, size_t table, size_t column,
                           const struct mart_kind_rule *rule, bool *ok)
{
    const struct profile_table *t = &profile->tables[table];
    json_t *request = json_object();
    json_put_text(request, "table", t->table->name, ok);
    json_put_text(request, "measure", t->columns[column].name, ok);
    json_put_text(request, "by", t->columns[rule->by].name, ok);
    json_put_flag(request, "text", rule->text, ok);
    if (rule->unit >= 0)
        json_put_text(request, "unit", t->columns[rule->unit].name, ok);
    if (rule->has_label) {
        const struct profile_table *holder =
            rule->dictionary != NULL ? &profile->tables[rule->dictionary->parent] : t;
        json_put_text(request, "label", holder->columns[rule->label].name, ok);
        if (rule->dictionary != NULL) {
            json_put_text(request, "dictionary", holder->table->name, ok);
            json_put_text(request, "key", holder->columns[rule->dictionary->parent_columns[0]].name,
                          ok);
        }
    }
    return request;
}

const json_t *mart_kinds_find(const json_t *kinds, const struct profile *profile, size_t table,
                              size_t column, const struct mart_kind_rule *rule)
{
    size_t idx;
    json_t *entry, *found = NULL;
    bool ok = true;
    json_t *request = mart_kinds_request(profile, table, column, rule, &ok);
    json_array_foreach((json_t *)(uintptr_t)kinds, idx, entry)
    {
        if (ok && json_equal(json_object_get(entry, "request"), request))
            found = entry;
    }
    json_decref(request);
    return found;
}

/* Every rule in force over the version's tables. */
static enum err_code requests_of(const struct profile *profile, const json_t *policy, json_t *ret,
                                 struct err *err)
{
    bool ok = true;
    for (size_t t = 0; t < profile->table_count; t++) {
        for (size_t c = 0; c < profile->tables[t].table->schema.count; c++) {
            struct mart_kind_rule rule;
            struct mart_kind_policy ignored;
            TRY(mart_kind_rule_for(profile, policy, t, c, &rule, &ignored, err));
            if (rule.on)
                json_push(ret, mart_kinds_request(profile, t, c, &rule, &ok), &ok);
        }
    }
    return json_built(ok, err);
}

static void put_name(struct buf *sql, const char *before, const char *name)
{
    buf_puts(sql, before);
    engine_quote_identifier(sql, str_of(name));
}

/* WITH g AS (SELECT by, count … GROUP BY by) SELECT …, label FROM g LEFT JOIN dictionary: the join
 * is over kinds, not rows. */
static void compose(const json_t *request, struct buf *sql)
{
    AUTO(buf_done) struct buf value = BUF_INIT;
    const char *label = json_text(request, "label", NULL),
               *dictionary = json_text(request, "dictionary", NULL),
               *unit = json_text(request, "unit", NULL);
    bool text = json_flag(request, "text", false);
    put_name(&value, text ? "TRY_CAST(" : "", json_text(request, "measure", ""));
    buf_puts(&value, text ? " AS DOUBLE)" : "");
    put_name(sql, "WITH g AS (SELECT ", json_text(request, "by", ""));
    buf_printf(sql, " AS k, count(%s) AS n, min(%s) AS least, ", buf_text(&value),
               buf_text(&value));
    put_name(sql, "count(", json_text(request, "measure", ""));
    buf_puts(sql, ") AS texts, ");
    if (text)
        buf_printf(sql, "count(*) FILTER (WHERE NOT isfinite(%s)) AS odd, ", buf_text(&value));
    else
        buf_puts(sql, "0 AS odd, ");
    if (unit == NULL) {
        buf_puts(sql, "NULL AS u, NULL AS v, ");
    } else {
        put_name(sql, "min(", unit);
        put_name(sql, ") AS u, max(", unit);
        buf_puts(sql, ") AS v, ");
    }
    if (label != NULL && dictionary == NULL) {
        put_name(sql, "min(", label);
        buf_puts(sql, ") AS l");
    } else {
        buf_puts(sql, "NULL AS l");
    }
    put_name(sql, " FROM ", json_text(request, "table", ""));
    put_name(sql, " WHERE ", json_text(request, "by", ""));
    put_name(sql, " IS NOT NULL AND ", json_text(request, "measure", ""));
    buf_puts(sql, " IS NOT NULL GROUP BY 1) SELECT CAST(g.k AS VARCHAR), ");
    put_name(sql, dictionary != NULL ? "CAST(d." : "CAST(g.", dictionary != NULL ? label : "l");
    buf_puts(sql, " AS VARCHAR), g.n, g.texts, g.odd, CAST(g.u AS VARCHAR), g.u IS DISTINCT FROM "
                  "g.v, CAST(CAST(g.least AS DOUBLE) AS VARCHAR) FROM g");
    if (dictionary != NULL) {
        put_name(sql, " LEFT JOIN ", dictionary);
        put_name(sql, " AS d ON g.k = d.", json_text(request, "key", ""));
    }
    buf_puts(sql, " WHERE g.n > 0 ORDER BY 3 DESC, 1");
}

/* The commonest kinds one by one, all of them in total. Of a text column those whose values are
 * numbers, but for one in twenty. */
static json_t *summary(const json_t *request, const json_t *rows, bool *ok)
{
    json_t *entry = json_object(), *kinds = json_array(), *row;
    int64_t values = 0, count = 0;
    double least = 0;
    size_t idx;
    json_array_foreach((json_t *)(uintptr_t)rows, idx, row)
    {
        int64_t n = json_integer_value(json_array_get(row, 2)),
                texts = json_integer_value(json_array_get(row, 3)),
                odd = json_integer_value(json_array_get(row, 4));
        double low = 0;
        if (n * 20 < texts * 19 || odd > 0)
            continue;
        if (str_to_double(str_of(json_string_value(json_array_get(row, 7))), &low))
            least = low < least ? low : least;
        values += n;
        if (++count > MART_LIMIT_KINDS)
            continue;
        json_t *kind = json_array();
        static const int kept[] = {0, 1, 2, 5, 6};
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            json_push(kind, json_incref(json_array_get(row, (size_t)kept[i])), ok);
        json_push(kinds, kind, ok);
    }
    json_put(entry, "request", json_incref((json_t *)(uintptr_t)request), ok);
    json_put(entry, "kinds", kinds, ok);
    json_put_int(entry, "kind_count", count, ok);
    json_put_int(entry, "values", values, ok);
    json_put_real(entry, "least", least, ok);
    return entry;
}

static enum err_code read_all(struct store *store, struct store_version *version,
                              const json_t *requests, json_t *ret, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    size_t idx;
    json_t *request;
    bool ok = true;
    TRY(engine_open(&store_get_options(store)->engine, &engine, err));
    json_array_foreach((json_t *)(uintptr_t)requests, idx, request)
    {
        AUTO(buf_done) struct buf sql = BUF_INIT;
        JSON_AUTO rows = NULL;
        const char *tables[] = {json_text(request, "table", ""),
                                json_text(request, "dictionary", NULL)};
        TRY(store_version_attach(version, engine, tables, tables[1] != NULL ? 2 : 1, err));
        compose(request, &sql);
        TRY(buf_check(&sql, err));
        TRY(engine_query_json(engine, buf_text(&sql), MART_LIMIT_KIND_ROWS, &rows, err));
        json_push(ret, summary(request, rows, &ok), &ok);
    }
    return json_built(ok, err);
}

static enum err_code run_id_of_kinds(const struct store_version *version, const json_t *requests,
                                     char ret[HASH_HEX_BYTES], struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_add(&text, KINDS_FORMAT, sizeof KINDS_FORMAT);
    buf_puts(&text, store_version_id(version));
    buf_putc(&text, '\0');
    TRY(json_canonical(requests, &text, err));
    hash_sha256_of(text.ptr, text.len, ret);
    return ERR_OK;
}

/* A store that can't be written costs only the time to read again. */
static enum err_code keep(struct store *store, struct store_version *version, const char *run_id,
                          json_t *content, struct err *err)
{
    char staged[FILE_PATH_BYTES], now[32];
    bool existed = false;
    if (!store_is_writable(store))
        return ERR_OK;
    JSON_AUTO manifest = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:O}", "kind", "kinds", "name",
                                   "kinds", "format", 1, "version", store_version_id(version),
                                   "dataset", store_version_dataset(version), "materialised_at",
                                   clock_format(clock_now_us(), now), "content", content);
    if (manifest == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the kinds' manifest");
    TRY(store_run_stage(store, staged, err));
    return store_run_publish(store, store_version_dataset(version), run_id, staged, manifest,
                             &existed, err);
}

enum err_code mart_kinds_read(struct store *store, struct store_version *version,
                              const struct profile *profile, const json_t *policy, json_t **ret,
                              struct err *err)
{
    JSON_AUTO requests = json_array();
    JSON_AUTO manifest = NULL;
    JSON_AUTO content = json_array();
    char run_id[HASH_HEX_BYTES];
    struct err ignored;
    if (requests == NULL || content == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the kinds");
    TRY(requests_of(profile, policy, requests, err));
    TRY(run_id_of_kinds(version, requests, run_id, err));
    if (json_array_size(requests) > 0 &&
        store_run_read(store, store_version_dataset(version), run_id, &manifest, &ignored) ==
            ERR_OK &&
        json_is_array(json_object_get(manifest, "content"))) {
        *ret = json_incref(json_object_get(manifest, "content"));
        return ERR_OK;
    }
    if (json_array_size(requests) > 0) {
        TRY(read_all(store, version, requests, content, err));
        TRY(keep(store, version, run_id, content, err));
    }
    *ret = json_incref(content);
    return ERR_OK;
}
