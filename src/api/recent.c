/* Recent changes over a version.
 *
 *     log ──fold──▶ newest change of each resource ──compared with the version's own resource──▶
 * what stands ──▶ a table of the engine
 *
 * A change that the version holds already, or a newer one than it, stands no more: so a crash
 * between a compaction's version and the log's trimming, or an export that already knows of the
 * change, counts nothing twice. */
#include "api/recent_priv.h"

#include <stdio.h>
#include <string.h>

void api_recent_done(struct api_recent *recent)
{
    json_decref(recent->types);
    recent->types = NULL;
}

int64_t api_recent_of(const struct api_recent *recent, const char *type)
{
    return recent->count > 0 ? json_int(recent->types, type, 0) : 0;
}

static bool is_current(struct api *api, const struct store_version *version)
{
    AUTO(store_version_close) struct store_version *current = NULL;
    return store_version_open(api->store, store_version_dataset(version), NULL, &current,
                              ERR_IGNORED) == ERR_OK &&
           strcmp(store_version_id(current), store_version_id(version)) == 0;
}

/* ---- the version's own resources ----------------------------------------------------------------
 */

static bool holds_resources(const struct store_table *table)
{
    static const char *const columns[] = {"id",         "last_updated", "patient_id",
                                          "version_id", "content_hash", "resource"};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (data_schema_find(&table->schema, str_of(columns[i])) < 0)
            return false;
    return true;
}

/* RECENT_SCHEMA.asked(id): the ids of one type that fold holds, from `from` on. */
static enum err_code ask_ids(struct engine *engine, struct live_fold *fold, size_t from, size_t to,
                             struct err *err)
{
    struct engine_appender *appender = NULL;
    TRY(engine_execute(engine,
                       "CREATE SCHEMA IF NOT EXISTS " RECENT_SCHEMA
                       "; CREATE OR REPLACE TABLE " RECENT_SCHEMA ".asked (id VARCHAR)",
                       NULL, 0, err));
    TRY(engine_append_open(engine, RECENT_SCHEMA, "asked", &appender, err));
    struct str ids[DATA_BATCH_ROWS];
    struct data_vector vector = {.type = DATA_TYPE(TEXT), .text = ids};
    struct data_batch batch = {.vectors = &vector, .columns = 1};
    enum err_code code = ERR_OK;
    for (size_t i = from; i < to && code == ERR_OK; i++) {
        ids[batch.rows++] = live_fold_at(fold, i)->id;
        if (batch.rows < DATA_BATCH_ROWS && i + 1 < to)
            continue;
        code = engine_append_batch(appender, &batch, err);
        batch.rows = 0;
    }
    if (code == ERR_OK)
        return engine_append_close(appender, err);
    engine_append_abort(appender);
    return code;
}

static enum err_code take_rows(struct engine *engine, const char *sql, struct str type,
                               int64_t undated_us, struct live_fold *base, struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(engine_query(engine, sql, NULL, 0, &result, err));
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t r = 0; r < batch->rows; r++) {
            const struct data_vector *v = batch->vectors;
            bool dated = data_vector_is_valid(&v[1], r), won = false;
            struct live_change own = {.type = type,
                                      .id = v[0].text[r],
                                      .dated = dated,
                                      .instant_us = dated ? v[1].i64[r] : undated_us};
            if (data_vector_is_valid(&v[2], r))
                own.version_id = v[2].text[r];
            own.content_hash = data_vector_is_valid(&v[3], r) ? v[3].i64[r] : 0;
            TRY(live_fold_add(base, &own, &won, err));
        }
    }
}

static enum err_code add_type(struct store_version *version, struct engine *engine,
                              struct live_fold *fold, size_t from, size_t to,
                              struct live_fold *base, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    char name[LIVE_LIMIT_TYPE_BYTES + 1];
    struct str type = live_fold_at(fold, from)->type;
    int64_t undated_us = 0;
    (void)snprintf(name, sizeof name, "%.*s", (int)type.len, type.ptr);
    const struct store_table *table = store_version_table_find(version, name);
    if (table == NULL)
        return ERR_OK;
    if (!holds_resources(table))
        return err_set(err, ERR_INPUT, "table '%s' of dataset %s is no table of FHIR resources",
                       name, store_version_dataset(version));
    (void)clock_parse(json_text(store_version_manifest(version), "created_at", ""), &undated_us);
    TRY(store_version_attach(version, engine, &table->name, 1, err));
    TRY(ask_ids(engine, fold, from, to, err));
    buf_puts(&sql, "SELECT id, last_updated, version_id, content_hash FROM ");
    store_table_source(table, &sql);
    buf_puts(&sql, " SEMI JOIN " RECENT_SCHEMA ".asked USING (id)");
    TRY(buf_check(&sql, err));
    return take_rows(engine, buf_text(&sql), type, undated_us, base, err);
}

enum err_code api_recent_add_base(struct store_version *version, struct engine *engine,
                                  struct live_fold *fold, struct live_fold *base, struct err *err)
{
    size_t count = live_fold_count(fold);
    for (size_t from = 0; from < count;) {
        size_t to = from + 1;
        while (to < count &&
               str_equal(live_fold_at(fold, to)->type, live_fold_at(fold, from)->type))
            to++;
        TRY(add_type(version, engine, fold, from, to, base, err));
        from = to;
    }
    return ERR_OK;
}

/* ---- what stands, as a table --------------------------------------------------------------------
 */

#define RECENT_COLUMNS 7

struct filling {
    struct arena *arena;
    struct data_batch *batch;
    struct engine_appender *appender;
    struct api_recent *recent;
};

static enum err_code flush(struct filling *fill, struct err *err)
{
    if (fill->batch->rows == 0)
        return ERR_OK;
    TRY(engine_append_batch(fill->appender, fill->batch, err));
    for (size_t c = 0; c < RECENT_COLUMNS; c++)
        for (int64_t r = 0; r < fill->batch->rows; r++)
            data_vector_set_valid(&fill->batch->vectors[c], r, false);
    fill->batch->rows = 0;
    return ERR_OK;
}

static void put_text(struct data_vector *vector, int64_t row, struct str text, bool there)
{
    if (!there)
        return;
    vector->text[row] = text;
    data_vector_set_valid(vector, row, true);
}

static enum err_code put_change(struct filling *fill, const struct live_change *change,
                                struct err *err)
{
    struct data_vector *v = fill->batch->vectors;
    char type[LIVE_LIMIT_TYPE_BYTES + 1];
    int64_t row = fill->batch->rows++;
    bool ok = true;
    put_text(&v[0], row, change->type, true);
    put_text(&v[1], row, change->id, true);
    if (change->dated) {
        v[2].i64[row] = change->instant_us;
        data_vector_set_valid(&v[2], row, true);
    }
    put_text(&v[3], row, change->patient_id, change->patient_id.len > 0);
    put_text(&v[4], row, change->version_id, change->version_id.len > 0);
    v[5].i64[row] = change->content_hash;
    data_vector_set_valid(&v[5], row, !change->deleted);
    put_text(&v[6], row, change->resource, !change->deleted);
    (void)snprintf(type, sizeof type, "%.*s", (int)change->type.len, change->type.ptr);
    json_put_int(fill->recent->types, type, json_int(fill->recent->types, type, 0) + 1, &ok);
    fill->recent->count++;
    TRY(json_built(ok, err));
    return fill->batch->rows == DATA_BATCH_ROWS ? flush(fill, err) : ERR_OK;
}

static enum err_code recent_schema(struct data_schema *schema, struct err *err)
{
    static const struct {
        const char *name;
        enum data_kind kind;
    } columns[RECENT_COLUMNS] = {
        {"type", DATA_TEXT},       {"id", DATA_TEXT},         {"last_updated", DATA_TIMESTAMPTZ},
        {"patient_id", DATA_TEXT}, {"version_id", DATA_TEXT}, {"content_hash", DATA_BIGINT},
        {"resource", DATA_JSON}};
    for (size_t i = 0; i < RECENT_COLUMNS; i++)
        TRY(data_schema_add(schema, str_of(columns[i].name),
                            (struct data_type){.kind = columns[i].kind}, err));
    return ERR_OK;
}

/* Those of fold that the version's own do not outdo. */
static enum err_code put_standing(struct filling *fill, struct live_fold *fold,
                                  struct live_fold *base, struct err *err)
{
    for (size_t i = 0; i < live_fold_count(fold); i++) {
        bool won = false;
        const struct live_change *change = live_fold_at(fold, i);
        TRY(live_fold_add(base, change, &won, err));
        if (won)
            TRY(put_change(fill, change, err));
    }
    return flush(fill, err);
}

static enum err_code make_table(struct engine *engine, struct live_fold *fold,
                                struct live_fold *base, struct api_recent *ret, struct err *err)
{
    AUTO(data_schema_done) struct data_schema schema = {0};
    AUTO(arena_free) struct arena *arena = arena_new(0);
    struct filling fill = {.arena = arena, .recent = ret};
    TRY(engine_execute(engine,
                       "CREATE SCHEMA IF NOT EXISTS " RECENT_SCHEMA
                       "; CREATE OR REPLACE TABLE " RECENT_TABLE
                       " (type VARCHAR, id VARCHAR, last_updated TIMESTAMPTZ, patient_id VARCHAR, "
                       "version_id VARCHAR, content_hash BIGINT, resource JSON)",
                       NULL, 0, err));
    TRY(recent_schema(&schema, err));
    if (arena == NULL || (fill.batch = data_batch_new(arena, &schema, DATA_BATCH_ROWS)) == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the recent changes");
    fill.batch->rows = 0;
    TRY(engine_append_open(engine, RECENT_SCHEMA, "recent", &fill.appender, err));
    enum err_code code = put_standing(&fill, fold, base, err);
    if (code == ERR_OK)
        return engine_append_close(fill.appender, err);
    engine_append_abort(fill.appender);
    return code;
}

struct reading {
    struct live_fold *fold;
    int64_t last_seq;
};

static enum err_code take_change(void *user, const struct live_change *change, struct err *err)
{
    struct reading *reading = user;
    bool won = false;
    reading->last_seq = change->seq;
    return live_fold_add(reading->fold, change, &won, err);
}

/* A shared log is asked only about what can have changes. */
static bool has_resources(struct store_version *version)
{
    for (size_t i = 0; i < store_version_table_count(version); i++)
        if (api_holds_resources(&store_version_table(version, i)->schema))
            return true;
    return false;
}

enum err_code api_recent_attach(struct api *api, struct store_version *version,
                                struct engine *engine, struct api_recent *ret, struct err *err)
{
    AUTO(live_close) struct live *live = NULL;
    AUTO(live_fold_free) struct live_fold *fold = NULL;
    AUTO(live_fold_free) struct live_fold *base = NULL;
    struct live_options options = {
        .store = api->store, .dataset = store_version_dataset(version), .url = api->options.speed};
    *ret = (struct api_recent){.types = NULL};
    if (live_is_empty(&options) || !has_resources(version) || !is_current(api, version))
        return ERR_OK;
    fold = live_fold_new();
    base = live_fold_new();
    ret->types = json_object();
    if (fold == NULL || base == NULL || ret->types == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the recent changes");
    struct reading reading = {.fold = fold};
    TRY(live_open(&options, &live, err));
    TRY(live_read(live, 0, take_change, &reading, err));
    ret->last_seq = reading.last_seq;
    TRY(api_recent_add_base(version, engine, fold, base, err));
    return make_table(engine, fold, base, ret, err);
}

void api_recent_select(const struct store_table *table, struct str source, struct buf *out)
{
    buf_puts(out, "SELECT * FROM (");
    buf_add_str(out, source);
    buf_puts(out, ") ANTI JOIN (SELECT id FROM " RECENT_TABLE " WHERE type = ");
    engine_quote_literal(out, str_of(table->name));
    buf_puts(out,
             ") USING (id) UNION ALL BY NAME SELECT id, last_updated, patient_id, version_id, "
             "content_hash, resource FROM " RECENT_TABLE " WHERE resource IS NOT NULL AND type = ");
    engine_quote_literal(out, str_of(table->name));
}
