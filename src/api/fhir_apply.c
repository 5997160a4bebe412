/* fhir apply: changes of resources taken as they come.
 *
 *     files ──ingest──▶ changes ──against the log and the version's own──▶ what stands
 * ──live_append, fsync──▶ acknowledged
 *
 * What loses against what is there is not written: it would lose again whenever it is looked at. */
#include "api/recent_priv.h"

#include "ingest/ingest.h"

#include <stdio.h>
#include <string.h>

struct applying {
    struct api *api;
    struct store_version *version;
    struct arena *arena;
    struct live_change *changes;
    size_t count, capacity;
    const char *type;       /* of the source now read */
    struct live_fold *fold; /* what stands: the log's and the version's own */
    struct live *live;
    const char *caveat; /* why what was appended may be lost; NULL: it is on disk */
    int64_t accepted, ignored, deleted;
    json_t *types;
};

/* ---- changes out of files
 * ------------------------------------------------------------------------ */

/* The columns of a source of resources (docs/FHIR.md), by name. */
enum { ID, UPDATED, PATIENT, VERSION, HASH, RESOURCE, COLUMNS };
static const char *const column_names[COLUMNS] = {"id",         "last_updated", "patient_id",
                                                  "version_id", "content_hash", "resource"};
struct taking {
    struct applying *applying;
    int at[COLUMNS];
};

static enum err_code take_schema(void *user, const struct data_schema *schema, struct err *err)
{
    struct taking *taking = user;
    for (size_t i = 0; i < COLUMNS; i++)
        if ((taking->at[i] = data_schema_find(schema, str_of(column_names[i]))) < 0)
            return err_set(err, ERR_INPUT, "the file holds no FHIR resources");
    return ERR_OK;
}

static struct str copy_of(struct applying *applying, const struct data_vector *vector, int64_t row)
{
    if (!data_vector_is_valid(vector, row))
        return (struct str){"", 0};
    const char *copy = arena_strndup(applying->arena, vector->text[row].ptr, vector->text[row].len);
    return (struct str){copy, copy != NULL ? vector->text[row].len : 0};
}

static enum err_code take_batch(void *user, const struct data_batch *batch, struct err *err)
{
    struct taking *taking = user;
    struct applying *applying = taking->applying;
    const struct data_vector *v = batch->vectors;
    if (applying->count + (size_t)batch->rows > applying->capacity) {
        size_t capacity = applying->capacity * 2 + (size_t)batch->rows;
        struct live_change *grown = mem_resize(applying->changes, capacity, sizeof *grown);
        if (grown == NULL)
            return err_set(err, ERR_MEMORY, "no memory for the changes");
        applying->changes = grown;
        applying->capacity = capacity;
    }
    for (int64_t r = 0; r < batch->rows; r++) {
        struct live_change *change = &applying->changes[applying->count++];
        const struct data_vector *updated = &v[taking->at[UPDATED]], *hash = &v[taking->at[HASH]];
        *change =
            (struct live_change){.type = str_of(applying->type),
                                 .id = copy_of(applying, &v[taking->at[ID]], r),
                                 .version_id = copy_of(applying, &v[taking->at[VERSION]], r),
                                 .patient_id = copy_of(applying, &v[taking->at[PATIENT]], r),
                                 .resource = copy_of(applying, &v[taking->at[RESOURCE]], r),
                                 .deleted = !data_vector_is_valid(&v[taking->at[RESOURCE]], r),
                                 .dated = data_vector_is_valid(updated, r)};
        change->instant_us = change->dated ? updated->i64[r] : clock_now_us();
        change->content_hash = data_vector_is_valid(hash, r) ? hash->i64[r] : 0;
    }
    return arena_failed(applying->arena) ? err_set(err, ERR_MEMORY, "no memory for the changes")
                                         : ERR_OK;
}

static enum err_code take_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    (void)user, (void)column, (void)raw;
    err_set(err, ERR_INPUT, "line %lld is no resource: %s", (long long)line, reason);
    return err_hint(err, "nothing was applied; take the line out and send the rest again");
}

static enum err_code read_source(struct applying *applying, const struct data_source *source,
                                 struct err *err)
{
    struct taking taking = {.applying = applying};
    struct data_sink sink = {take_schema, take_batch, take_reject, &taking};
    if (source->newest == NULL || source->push == NULL) {
        err_set(err, ERR_INPUT, "%s holds no FHIR resources", source->origin);
        return err_hint(err, "give NDJSON of resources, or Bundles");
    }
    applying->type = arena_strdup(applying->arena, source->name);
    enum err_code code = source->push(source->user, &sink, applying->api->options.progress, err);
    return code == ERR_OK ? ERR_OK : err_context(err, "%s", source->origin);
}

static enum err_code read_files(struct applying *applying, const struct api_apply_options *options,
                                const char *staging, struct err *err)
{
    AUTO(ingest_close) struct ingest_set *set = NULL;
    struct ingest_options ingest = {.staging_directory = staging,
                                    .header = -1,
                                    .deletions = true,
                                    .progress = applying->api->options.progress};
    TRY(ingest_open(options->paths, options->path_count, &ingest, &set, err));
    for (size_t i = 0; i < ingest_source_count(set); i++)
        TRY(read_source(applying, ingest_source(set, i), err));
    return ERR_OK;
}

static enum err_code read_changes(struct applying *applying,
                                  const struct api_apply_options *options, struct err *err)
{
    char staging[FILE_PATH_BYTES];
    struct err ignored;
    TRY(store_run_stage(applying->api->store, staging, err));
    enum err_code code = read_files(applying, options, staging, err);
    if (file_remove_tree(staging, &ignored) != ERR_OK)
        api_warn(applying->api, "%s is left behind", staging);
    return code;
}

/* ---- what stands
 * --------------------------------------------------------------------------------- */

static enum err_code take_logged(void *user, const struct live_change *change, struct err *err)
{
    bool won = false;
    return live_fold_add(user, change, &won, err);
}

/* The version's own resources of the ids that come, and the log. */
static enum err_code load_standing(struct applying *applying, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(live_fold_free) struct live_fold *asked = live_fold_new();
    struct engine_options options = api_engine_options(applying->api);
    bool won = false;
    if (asked == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the changes");
    for (size_t i = 0; i < applying->count; i++) {
        struct live_change id = {.type = applying->changes[i].type,
                                 .id = applying->changes[i].id,
                                 .version_id = STR(""),
                                 .patient_id = STR(""),
                                 .resource = STR("")};
        TRY(live_fold_add(asked, &id, &won, err));
    }
    TRY(engine_open(&options, &engine, err));
    TRY(api_recent_add_base(applying->version, engine, asked, applying->fold, err));
    return live_read(applying->live, 0, take_logged, applying->fold, err);
}

/* Winners to the front, in the order they came. */
static enum err_code choose(struct applying *applying, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < applying->count; i++) {
        struct live_change change = applying->changes[i];
        bool won = false, ok = true;
        char type[LIVE_LIMIT_TYPE_BYTES + 1];
        TRY(live_fold_add(applying->fold, &change, &won, err));
        applying->ignored += won ? 0 : 1;
        if (!won)
            continue;
        applying->accepted++;
        applying->deleted += change.deleted ? 1 : 0;
        (void)snprintf(type, sizeof type, "%.*s", (int)change.type.len, change.type.ptr);
        json_put_int(applying->types, type, json_int(applying->types, type, 0) + 1, &ok);
        TRY(json_built(ok, err));
        applying->changes[kept++] = change;
    }
    applying->count = kept;
    return ERR_OK;
}

static enum err_code apply(struct applying *applying, const struct api_apply_options *options,
                           struct err *err)
{
    struct live_options where = {.store = applying->api->store,
                                 .dataset = options->dataset,
                                 .url = applying->api->options.speed};
    TRY(store_version_open(applying->api->store, options->dataset, NULL, &applying->version, err));
    applying->arena = arena_new((size_t)4 << 30);
    applying->fold = live_fold_new();
    applying->types = json_object();
    if (applying->arena == NULL || applying->fold == NULL || applying->types == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the changes");
    TRY(live_open(&where, &applying->live, err));
    TRY(read_changes(applying, options, err));
    TRY(load_standing(applying, err));
    TRY(choose(applying, err));
    TRY(live_append(applying->live, applying->changes, applying->count, err));
    applying->caveat = live_caveat(applying->live);
    if (applying->caveat != NULL)
        api_warn(applying->api, "the changes were taken, but may be lost: %s", applying->caveat);
    return ERR_OK;
}

static json_t *answer_of(const struct applying *applying, const char *dataset, int64_t started_us,
                         bool *ok)
{
    char now[32];
    json_t *object = json_object();
    json_put_text(object, "dataset", dataset, ok);
    json_put_int(object, "accepted", applying->accepted, ok);
    json_put_int(object, "ignored", applying->ignored, ok);
    json_put_int(object, "deleted", applying->deleted, ok);
    json_put(object, "types", json_incref(applying->types), ok);
    if (applying->caveat == NULL)
        json_put_text(object, "durable_at", clock_format(clock_now_us(), now), ok);
    else
        json_put(object, "durable_at", json_null(), ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), ok);
    return object;
}

static void applying_done(struct applying *applying)
{
    live_close(applying->live);
    live_fold_free(applying->fold);
    mem_free(applying->changes);
    arena_free(applying->arena);
    json_decref(applying->types);
    store_version_close(applying->version);
}

enum err_code api_fhir_apply(struct api *api, const struct api_apply_options *options, json_t **ret,
                             struct err *err)
{
    struct applying applying = {.api = api};
    int64_t started_us = clock_monotonic_us();
    bool ok = true;
    api_begin(api);
    enum err_code code = apply(&applying, options, err);
    if (code == ERR_OK) {
        *ret = answer_of(&applying, options->dataset, started_us, &ok);
        code = json_built(ok, err);
    }
    if (code == ERR_OK) {
        json_t *entry = json_deep_copy(*ret);
        (void)json_object_del(entry, "dataset");
        json_put_flag(entry, "ok", true, &ok);
        api_record(api, options->dataset, "apply", entry);
    } else if (applying.version != NULL) {
        api_record_failure(api, options->dataset, "apply", err, started_us);
    }
    applying_done(&applying);
    return code;
}
