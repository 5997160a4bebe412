/* libmarrow's exported functions: include/marrow.h over api.h. Each is a thin turn: options of the
 * public form into the api's, the document into text, the error into the caller's. Built into
 * libmarrow.so only, the one library with exported symbols (cmake/marrow.map). */
#include "marrow.h"

#include "api/marrow_priv.h"

#include <string.h>

/* The public numbers are those of base/err.def, in its order. */
_Static_assert((int)MARROW_OK == (int)ERR_OK && (int)MARROW_USAGE == (int)ERR_USAGE &&
                   (int)MARROW_INPUT == (int)ERR_INPUT && (int)MARROW_LIMIT == (int)ERR_LIMIT,
               "codes");
_Static_assert((int)MARROW_LOCKED == (int)ERR_LOCKED &&
                   (int)MARROW_INTEGRITY == (int)ERR_INTEGRITY &&
                   (int)MARROW_NOT_FOUND == (int)ERR_NOT_FOUND,
               "codes");
_Static_assert((int)MARROW_MEMORY == (int)ERR_MEMORY && (int)MARROW_IO == (int)ERR_IO &&
                   (int)MARROW_ENGINE == (int)ERR_ENGINE && (int)MARROW_TIMEOUT == (int)ERR_TIMEOUT,
               "codes");
_Static_assert((int)MARROW_UNSUPPORTED == (int)ERR_UNSUPPORTED &&
                   (int)MARROW_INTERRUPTED == (int)ERR_INTERRUPTED &&
                   (int)MARROW_FAILED == (int)ERR_FAILED,
               "codes");
_Static_assert(MARROW_TEXT_BYTES == ERR_TEXT_BYTES, "texts");

/* ---- errors and texts --------------------------------------------------------------------------
 */

enum marrow_code api_tell(enum err_code code, const struct err *err, struct marrow_error *error)
{
    if (code == ERR_OK || error == NULL)
        return (enum marrow_code)code;
    error->code = (enum marrow_code)code;
    memcpy(error->message, err->message, sizeof error->message);
    memcpy(error->detail, err->detail, sizeof error->detail);
    memcpy(error->hint, err->hint, sizeof error->hint);
    memcpy(error->source, err->source, sizeof error->source);
    error->line = err->line;
    error->column = err->column;
    return (enum marrow_code)code;
}

enum marrow_code api_answer(enum err_code code, json_t *document_taken, char **ret_json,
                            struct err *err, struct marrow_error *error)
{
    JSON_AUTO document = document_taken;
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (code == ERR_OK)
        code = json_compact(document, &text, err);
    char *taken = code == ERR_OK ? buf_take(&text) : NULL;
    if (code == ERR_OK && taken == NULL)
        code = err_set(err, ERR_MEMORY, "no memory for the answer");
    if (code == ERR_OK)
        *ret_json = taken;
    return api_tell(code, err, error);
}

void api_take_options(void *into, size_t bytes, const void *given)
{
    size_t size = 0;
    memset(into, 0, bytes);
    if (given == NULL)
        return;
    memcpy(&size, given, sizeof size);
    memcpy(into, given, size < bytes ? size : bytes);
}

enum err_code api_parse_option(const char *text, const char *name, json_t **ret, struct err *err)
{
    if (text == NULL)
        return ERR_OK;
    TRY(json_parse(str_of(text), name, ret, err));
    return json_is_object(*ret) ? ERR_OK
                                : err_set(err, ERR_INPUT, "%s: expected an object of tables", name);
}

const char *marrow_code_name(enum marrow_code code)
{
    return code >= MARROW_OK && code <= MARROW_INTERRUPTED ? err_code_name((enum err_code)code)
                                                           : "";
}

const char *marrow_version(void)
{
    return MARROW_VERSION;
}

void marrow_free(char *text)
{
    mem_free(text);
}

/* ---- a store -----------------------------------------------------------------------------------
 */

static void report(void *user, const struct progress_event *event)
{
    const struct marrow_progress *given = user;
    given->report(given->user, event->phase == NULL ? "" : event->phase,
                  event->subject == NULL ? "" : event->subject, event->done, event->total,
                  event->unit == NULL ? "" : event->unit);
}

static bool cancelled(void *user)
{
    const struct marrow_progress *given = user;
    return given->cancelled(given->user) != 0;
}

static void take_progress(const struct marrow_progress *given, struct marrow_progress *copy,
                          struct progress *ret)
{
    api_take_options(copy, sizeof *copy, given);
    *ret = (struct progress){.report = copy->report != NULL ? report : NULL,
                             .cancelled = copy->cancelled != NULL ? cancelled : NULL,
                             .user = copy};
}

enum marrow_code marrow_open(const struct marrow_options *options, struct marrow_store **ret,
                             struct marrow_error *error)
{
    struct err err = {.code = ERR_OK};
    struct marrow_options given;
    api_take_options(&given, sizeof given, options);
    struct marrow_store *store = mem_zalloc(1, sizeof *store);
    if (store == NULL)
        return api_tell(err_set(&err, ERR_MEMORY, "no memory to open the store"), &err, error);
    take_progress(given.progress, &store->given, &store->progress);
    struct api_options inside = {
        .store = given.directory,
        .create = given.create != 0,
        .memory_bytes = given.memory_bytes,
        .threads = given.threads,
        .spill = given.spill,
        .show_values = given.show_values != 0,
        .progress = &store->progress,
    };
    enum err_code code = api_open(&inside, &store->api, &err);
    if (code == ERR_OK)
        *ret = store;
    else
        mem_free(store);
    return api_tell(code, &err, error);
}

void marrow_close(struct marrow_store *store)
{
    if (store == NULL)
        return;
    api_close(store->api);
    mem_free(store);
}

enum marrow_code marrow_warnings(struct marrow_store *store, char **ret_json,
                                 struct marrow_error *error)
{
    struct err err = {.code = ERR_OK};
    json_t *copy = json_deep_copy(api_warnings(store->api));
    return api_answer(json_built(copy != NULL, &err), copy, ret_json, &err, error);
}

/* ---- import ------------------------------------------------------------------------------------
 */

static enum err_code import(struct marrow_store *store, const char *const *paths, size_t path_count,
                            const struct marrow_import_options *options, json_t **ret,
                            struct err *err)
{
    JSON_AUTO overrides = NULL;
    struct marrow_import_options given;
    api_take_options(&given, sizeof given, options);
    TRY(api_parse_option(given.overrides_json, "overrides", &overrides, err));
    if (given.header < 0 || given.header > 2)
        return err_set(err, ERR_USAGE, "header: expected 0 (detect), 1 (yes) or 2 (no)");
    const char **markers = mem_zalloc(given.null_marker_count + 1, sizeof *markers);
    if (markers == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the null markers");
    for (size_t i = 0; i < given.null_marker_count; i++)
        markers[i] = given.null_markers[i];
    struct api_import_options inside = {
        .paths = paths,
        .path_count = path_count,
        .name = given.name,
        .encoding = given.encoding,
        .delimiter = given.delimiter,
        .header = given.header == 0 ? -1 : given.header == 1,
        .strict = given.strict != 0,
        .overrides = overrides,
        .null_markers = given.null_markers != NULL ? markers : NULL,
        .null_marker_count = given.null_marker_count,
        .total_bytes = given.maximum_bytes,
    };
    enum err_code code = api_import(store->api, &inside, ret, err);
    mem_free(markers);
    return code;
}

enum marrow_code marrow_import(struct marrow_store *store, const char *const *paths,
                               size_t path_count, const struct marrow_import_options *options,
                               char **ret_json, struct marrow_error *error)
{
    ANSWER(import(store, paths, path_count, options, &document, &err));
}

/* ---- looking -----------------------------------------------------------------------------------
 */

enum marrow_code marrow_datasets(struct marrow_store *store, char **ret_json,
                                 struct marrow_error *error)
{
    ANSWER(api_datasets(store->api, &document, &err));
}

enum marrow_code marrow_show(struct marrow_store *store, const char *dataset, const char *version,
                             char **ret_json, struct marrow_error *error)
{
    ANSWER(api_show(store->api, dataset, version, &document, &err));
}

enum marrow_code marrow_versions(struct marrow_store *store, const char *dataset, char **ret_json,
                                 struct marrow_error *error)
{
    ANSWER(api_versions(store->api, dataset, &document, &err));
}

enum marrow_code marrow_diff(struct marrow_store *store, const char *dataset, const char *from,
                             const char *to, char **ret_json, struct marrow_error *error)
{
    ANSWER(api_diff(store->api, dataset, from, to, &document, &err));
}

enum marrow_code marrow_profile(struct marrow_store *store, const char *dataset,
                                const char *version, const char *table, char **ret_json,
                                struct marrow_error *error)
{
    ANSWER(api_profile(store->api, dataset, version, table, &document, &err));
}

enum marrow_code marrow_relations(struct marrow_store *store, const char *dataset,
                                  const char *version, char **ret_json, struct marrow_error *error)
{
    ANSWER(api_relations(store->api, dataset, version, &document, &err));
}

enum marrow_code marrow_relation_decide(struct marrow_store *store, const char *dataset,
                                        const char *decision, const char *child, const char *parent,
                                        char **ret_json, struct marrow_error *error)
{
    ANSWER(api_relation_decide(store->api, dataset, decision, child, parent, &document, &err));
}

enum marrow_code marrow_table_role(struct marrow_store *store, const char *dataset,
                                   const char *table, const char *role, char **ret_json,
                                   struct marrow_error *error)
{
    ANSWER(api_table_role(store->api, dataset, table, role, &document, &err));
}

/* ---- marts -------------------------------------------------------------------------------------
 */

static enum err_code mart(struct marrow_store *store, const char *dataset, const char *grain,
                          const struct marrow_mart_options *options,
                          enum err_code (*call)(struct api *, const struct api_mart_options *,
                                                json_t **, struct err *),
                          json_t **ret, struct err *err)
{
    JSON_AUTO policy = NULL;
    struct marrow_mart_options given;
    api_take_options(&given, sizeof given, options);
    TRY(api_parse_option(given.policy_json, "policy", &policy, err));
    struct api_mart_options inside = {
        .dataset = dataset,
        .version = given.version,
        .grain = grain,
        .anchor = given.anchor,
        .event = given.event,
        .inner = given.inner != 0,
        .policy = policy,
        .buckets = given.buckets,
        .force = given.force != 0,
    };
    return call(store->api, &inside, ret, err);
}

enum marrow_code marrow_mart_build(struct marrow_store *store, const char *dataset,
                                   const char *grain, const struct marrow_mart_options *options,
                                   char **ret_json, struct marrow_error *error)
{
    ANSWER(mart(store, dataset, grain, options, api_mart_build, &document, &err));
}

enum marrow_code marrow_mart_dry_run(struct marrow_store *store, const char *dataset,
                                     const char *grain, const struct marrow_mart_options *options,
                                     char **ret_json, struct marrow_error *error)
{
    ANSWER(mart(store, dataset, grain, options, api_mart_dry_run, &document, &err));
}

enum marrow_code marrow_mart_plan(struct marrow_store *store, const char *dataset,
                                  const char *version, const char *mart_name, char **ret_json,
                                  struct marrow_error *error)
{
    ANSWER(api_mart_query(store->api, dataset, version, mart_name, &document, &err));
}

enum marrow_code marrow_mart_list(struct marrow_store *store, const char *dataset, char **ret_json,
                                  struct marrow_error *error)
{
    ANSWER(api_mart_list(store->api, dataset, &document, &err));
}

enum marrow_code marrow_mart_show(struct marrow_store *store, const char *dataset,
                                  const char *version, const char *mart_name, char **ret_json,
                                  struct marrow_error *error)
{
    ANSWER(api_mart_show(store->api, dataset, version, mart_name, &document, &err));
}

enum marrow_code marrow_mart_verify(struct marrow_store *store, const char *dataset,
                                    const char *version, const char *mart_name, char **ret_json,
                                    struct marrow_error *error)
{
    ANSWER(api_mart_verify(store->api, dataset, version, mart_name, &document, &err));
}

/* ---- SQL ---------------------------------------------------------------------------------------
 */

static struct api_query_options query_of(const char *dataset, const char *sql,
                                         const struct marrow_query_options *options)
{
    struct marrow_query_options given;
    api_take_options(&given, sizeof given, options);
    return (struct api_query_options){.dataset = dataset,
                                      .version = given.version,
                                      .sql = sql,
                                      .time_limit_ms = given.time_limit_ms};
}

enum marrow_code marrow_query(struct marrow_store *store, const char *dataset, const char *sql,
                              const struct marrow_query_options *options, struct marrow_rows **ret,
                              struct marrow_error *error)
{
    struct err err = {.code = ERR_OK};
    struct api_query_options inside = query_of(dataset, sql, options);
    struct marrow_rows *rows = mem_zalloc(1, sizeof *rows);
    enum err_code code = rows == NULL ? err_set(&err, ERR_MEMORY, "no memory for the result")
                                      : api_query(store->api, &inside, &rows->rows, &err);
    if (code == ERR_OK)
        *ret = rows;
    else
        mem_free(rows);
    return api_tell(code, &err, error);
}

enum marrow_code marrow_rows_columns(const struct marrow_rows *rows, char **ret_json,
                                     struct marrow_error *error)
{
    const struct data_schema *schema = api_rows_schema(rows->rows);
    struct err err = {.code = ERR_OK};
    char type[32];
    bool ok = true;
    json_t *columns = json_array();
    for (size_t i = 0; i < schema->count; i++) {
        json_t *one = json_object();
        json_put_text(one, "name", schema->columns[i].name, &ok);
        json_put_text(one, "type", data_type_text(schema->columns[i].type, type), &ok);
        json_push(columns, one, &ok);
    }
    return api_answer(json_built(ok && columns != NULL, &err), columns, ret_json, &err, error);
}

const char *marrow_rows_version(const struct marrow_rows *rows)
{
    return api_rows_version(rows->rows);
}

enum marrow_code marrow_rows_to_arrow(struct marrow_rows *rows_taken, struct ArrowArrayStream *ret,
                                      struct marrow_error *error)
{
    struct err err = {.code = ERR_OK};
    enum err_code code = api_rows_to_arrow(rows_taken->rows, ret, &err);
    mem_free(rows_taken);
    return api_tell(code, &err, error);
}

void marrow_rows_close(struct marrow_rows *rows)
{
    if (rows == NULL)
        return;
    api_rows_close(rows->rows);
    mem_free(rows);
}

enum marrow_code marrow_query_parquet(struct marrow_store *store, const char *dataset,
                                      const char *sql, const struct marrow_query_options *options,
                                      const char *path, char **ret_json, struct marrow_error *error)
{
    struct api_query_options inside = query_of(dataset, sql, options);
    ANSWER(api_query_parquet(store->api, &inside, path, &document, &err));
}

/* ---- export and care ---------------------------------------------------------------------------
 */

enum marrow_code marrow_export(struct marrow_store *store, const char *dataset, const char *version,
                               const char *what, const char *format, const char *path,
                               int overwrite, char **ret_json, struct marrow_error *error)
{
    struct api_export_options inside = {.dataset = dataset,
                                        .version = version,
                                        .what = what,
                                        .format = format,
                                        .path = path,
                                        .overwrite = overwrite != 0};
    ANSWER(api_export(store->api, &inside, &document, &err));
}

enum marrow_code marrow_prune(struct marrow_store *store, const char *dataset, int64_t keep,
                              int dry_run, char **ret_json, struct marrow_error *error)
{
    ANSWER(api_prune(store->api, dataset, keep, dry_run != 0, &document, &err));
}

enum marrow_code marrow_verify(struct marrow_store *store, const char *dataset, char **ret_json,
                               struct marrow_error *error)
{
    ANSWER(api_verify(store->api, dataset, &document, &err));
}

enum marrow_code marrow_repair(struct marrow_store *store, const char *dataset, char **ret_json,
                               struct marrow_error *error)
{
    ANSWER(api_repair(store->api, dataset, &document, &err));
}

enum marrow_code marrow_doctor(struct marrow_store *store, char **ret_json,
                               struct marrow_error *error)
{
    ANSWER(api_doctor(store->api, &document, &err));
}

/* ---- history and demo data ---------------------------------------------------------------------
 */

enum marrow_code marrow_history(struct marrow_store *store, const char *dataset, int64_t last,
                                char **ret_json, struct marrow_error *error)
{
    ANSWER(api_history(store->api, dataset, last, &document, &err));
}

enum marrow_code marrow_history_verify(struct marrow_store *store, const char *dataset,
                                       char **ret_json, struct marrow_error *error)
{
    ANSWER(api_history_verify(store->api, dataset, &document, &err));
}

enum marrow_code marrow_history_replay(struct marrow_store *store, const char *dataset, int64_t seq,
                                       char **ret_json, struct marrow_error *error)
{
    ANSWER(api_history_replay(store->api, dataset, seq, &document, &err));
}

enum marrow_code marrow_history_rerun(struct marrow_store *store, const char *dataset, int64_t seq,
                                      const char *version, char **ret_json,
                                      struct marrow_error *error)
{
    ANSWER(api_history_rerun(store->api, dataset, seq, version, &document, &err));
}

enum marrow_code marrow_history_diff(struct marrow_store *store, const char *dataset,
                                     const char *against, char **ret_json,
                                     struct marrow_error *error)
{
    ANSWER(api_history_diff(store->api, dataset, against, &document, &err));
}

enum marrow_code marrow_ask(struct marrow_store *store, const char *dataset, const char *question,
                            const struct marrow_ask_options *options, char **ret_json,
                            struct marrow_error *error)
{
    struct marrow_ask_options given;
    api_take_options(&given, sizeof given, options);
    struct api_question_options inside = {.dataset = dataset,
                                          .version = given.version,
                                          .question = question,
                                          .grain = given.grain,
                                          .now = given.now,
                                          .force = given.force != 0,
                                          .llm = given.llm,
                                          .llm_model = given.llm_model,
                                          .llm_values = given.llm_values != 0,
                                          .llm_timeout_ms = given.llm_timeout_ms};
    ANSWER(api_question(store->api, &inside, &document, &err));
}

enum marrow_code marrow_alias(struct marrow_store *store, const char *dataset, const char *action,
                              const char *phrase, const char *meaning, char **ret_json,
                              struct marrow_error *error)
{
    ANSWER(api_alias(store->api, dataset, action, phrase, meaning, &document, &err));
}

enum marrow_code marrow_history_clear(struct marrow_store *store, const char *dataset,
                                      char **ret_json, struct marrow_error *error)
{
    ANSWER(api_history_clear(store->api, dataset, &document, &err));
}

enum marrow_code marrow_demo_data(const char *directory, int64_t patients, uint64_t seed,
                                  int no_fhir, const struct marrow_progress *progress,
                                  char **ret_json, struct marrow_error *error)
{
    struct marrow_progress copy;
    struct progress inside;
    struct api_demo_options options = {
        .directory = directory, .patients = patients, .seed = seed, .no_fhir = no_fhir != 0};
    take_progress(progress, &copy, &inside);
    ANSWER(api_demo_data(&options, &inside, &document, &err));
}
