/* view run: a view's rows.
 *
 *   over a dataset   as a query: SELECT * FROM sqlonfhir.NAME, where the router says what that is
 * (views_route.c); on a server the lowered plan over files       evaluated into a private engine
 * (table, Parquet), or straight into text, worker beside worker (CSV, NDJSON, JSON) */
#include "api/library_priv.h"
#include "api/plan_priv.h"
#include "api/recent_priv.h"
#include "api/view_pass.h"
#include "api/views_priv.h"

#include "base/mapping.h"
#include "ingest/ingest.h"

#include <stdlib.h>
#include <string.h>

#define FOLDER_LIMIT_DEPTH 8
#define FILES_MOST 100000
#define HEAD_BYTES ((size_t)64 << 10) /* of a file, that tell how it is read */

/* ---- files -------------------------------------------------------------------------------------
 */

/* Plain NDJSON files are read where they stand; what is packed or a Bundle goes through ingest into
 * a table of texts. */
struct input {
    char **plain;
    size_t plain_count;
    const char **others;
    size_t other_count;
};

static void input_done(struct input *input)
{
    for (size_t i = 0; i < input->plain_count; i++)
        mem_free(input->plain[i]);
    mem_free(input->plain);
    mem_free(input->others);
}

static enum err_code add_plain(struct input *input, const char *path, struct err *err)
{
    char **more = mem_resize(input->plain, input->plain_count + 1, sizeof *more);
    if (more != NULL)
        input->plain = more;
    if (more == NULL || (more[input->plain_count] = mem_strdup(path)) == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the files' names");
    if (++input->plain_count > FILES_MOST)
        return err_set(err, ERR_LIMIT, "more than %d files", FILES_MOST);
    return ERR_OK;
}

static bool is_ndjson(const char *name)
{
    return str_has_suffix_nocase(str_of(name), ".ndjson") ||
           str_has_suffix_nocase(str_of(name), ".jsonl");
}

/* A resource a line, by the first of them: no array, no Bundle, no resource over several lines, no
 * mark of an encoding. What is none of these is plain: the reader finds its fault. */
static enum err_code looks_plain(const char *path, bool *ret, struct err *err)
{
    static const char bundle[] = "\"Bundle\"";
    struct file_mapping mapping = {0};
    TRY(file_map(path, NULL, &mapping, err));
    struct str head = {mapping.ptr, mapping.length < HEAD_BYTES ? mapping.length : HEAD_BYTES};
    while (head.len > 0 && strchr(" \t\r\n", head.ptr[0]) != NULL && head.ptr[0] != '\0')
        head = (struct str){head.ptr + 1, head.len - 1};
    const char *feed = head.len > 0 ? memchr(head.ptr, '\n', head.len) : NULL;
    bool whole = feed != NULL;
    if (whole)
        head = str_trim((struct str){head.ptr, (size_t)(feed - head.ptr)});
    unsigned char first = head.len > 0 ? (unsigned char)head.ptr[0] : '{';
    *ret = first != '[' && first != '\0' && first < 0x80 &&
           !(head.len > 1 && head.ptr[1] == '\0') &&
           !(whole && first == '{' && head.ptr[head.len - 1] != '}');
    for (size_t i = 0; *ret && i + sizeof bundle <= head.len; i++)
        *ret = memcmp(head.ptr + i, bundle, sizeof bundle - 1) != 0;
    return file_unmap(&mapping, ERR_OK, err);
}

/* *ret_plain: below path there are NDJSON files only (or what nobody reads: texts, hidden files).
 */
static enum err_code walk(struct input *input, const char *path, int depth, bool *ret_plain,
                          struct err *err)
{
    struct file_info info;
    struct file_list list = {0};
    TRY(file_stat(path, &info, err));
    if (info.kind == FILE_MISSING) {
        err_set(err, ERR_NOT_FOUND, "no file or folder '%s'", path);
        return err_hint(err, "give NDJSON files, a folder of them, a Bundle or an archive");
    }
    if (info.kind == FILE_REGULAR) {
        bool plain = is_ndjson(path);
        if (plain)
            TRY(looks_plain(path, &plain, err));
        *ret_plain = *ret_plain && plain;
        return plain ? add_plain(input, path, err) : ERR_OK;
    }
    if (depth > FOLDER_LIMIT_DEPTH)
        return err_set(err, ERR_LIMIT, "folders within one another deeper than %d",
                       FOLDER_LIMIT_DEPTH);
    TRY(file_list_directory(path, &list, err));
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < list.count && code == ERR_OK; i++) {
        char child[FILE_PATH_BYTES];
        bool ignored = true, text = list.entries[i].name[0] == '.' ||
                                    str_has_suffix_nocase(str_of(list.entries[i].name), ".txt");
        code = text ? ERR_OK : file_path_join(path, list.entries[i].name, child, err);
        if (code == ERR_OK && !text)
            code = walk(input, child, depth + 1,
                        list.entries[i].kind == FILE_DIRECTORY ? ret_plain : &ignored, err);
        *ret_plain = *ret_plain && (text || ignored);
    }
    file_list_done(&list);
    return code;
}

static enum err_code collect(const struct api_view_run_options *options, struct input *input,
                             struct err *err)
{
    input->others = mem_zalloc(options->path_count + 1, sizeof *input->others);
    if (input->others == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the files' names");
    for (size_t i = 0; i < options->path_count; i++) {
        size_t before = input->plain_count;
        bool plain = true;
        TRY(walk(input, options->paths[i], 0, &plain, err));
        if (plain && input->plain_count > before)
            continue;
        while (input->plain_count > before)
            mem_free(input->plain[--input->plain_count]);
        input->others[input->other_count++] = options->paths[i];
    }
    return ERR_OK;
}

/* ---- what is packed: through ingest -------------------------------------------------------------
 */

#define TEXTS VIEWS_MADE ".resources"

struct texts {
    struct engine *engine;
    struct engine_appender *appender;
    int column;
};

static enum err_code take_schema(void *user, const struct data_schema *schema, struct err *err)
{
    struct texts *texts = user;
    texts->column = data_schema_find(schema, STR("resource"));
    return texts->column >= 0 ? ERR_OK
                              : err_set(err, ERR_INPUT, "the file holds no FHIR resources");
}

static enum err_code take_batch(void *user, const struct data_batch *batch, struct err *err)
{
    struct texts *texts = user;
    struct data_vector vector = batch->vectors[texts->column];
    struct data_batch one = {.vectors = &vector, .columns = 1, .rows = batch->rows};
    return engine_append_batch(texts->appender, &one, err);
}

static enum err_code take_reject(void *user, int64_t line, const char *column, const char *reason,
                                 struct str raw, struct err *err)
{
    (void)user, (void)column, (void)raw;
    err_set(err, ERR_INPUT, "line %lld is no resource: %s", (long long)line, reason);
    return err_hint(err, "'marrow import' puts such lines aside and goes on");
}

static enum err_code take_texts(struct api *api, const struct data_source *source,
                                struct engine *engine, struct err *err)
{
    struct texts texts = {.engine = engine};
    struct data_sink sink = {take_schema, take_batch, take_reject, &texts};
    TRY(engine_append_open(engine, VIEWS_MADE, "resources", &texts.appender, err));
    enum err_code code = source->push(source->user, &sink, api->options.progress, err);
    if (code != ERR_OK) {
        engine_append_abort(texts.appender);
        return err_context(err, "%s", source->origin);
    }
    return engine_append_close(texts.appender, err);
}

static enum err_code ingest_texts(struct api *api, const struct input *input, const char *resource,
                                  const char *staging, struct engine *engine, struct err *err)
{
    AUTO(ingest_close) struct ingest_set *set = NULL;
    struct ingest_options options = {
        .staging_directory = staging, .header = -1, .progress = api->options.progress};
    TRY(ingest_open(input->others, input->other_count, &options, &set, err));
    size_t fhir = 0;
    for (size_t i = 0; i < ingest_source_count(set); i++) {
        const struct data_source *source = ingest_source(set, i);
        fhir += source->newest != NULL ? 1 : 0;
        if (source->push != NULL && str_equal(str_of(source->name), str_of(resource)))
            TRY(take_texts(api, source, engine, err));
    }
    if (fhir > 0)
        return ERR_OK;
    err_set(err, ERR_INPUT, "%s holds no FHIR resources", input->others[0]);
    return err_hint(err, "views read NDJSON of resources, Bundles, or archives of them");
}

/* Everything as one table of texts, where not all is plain. */
static enum err_code gather(struct api *api, const struct input *input, const char *resource,
                            struct engine *engine, struct err *err)
{
    char staging[FILE_PATH_BYTES];
    const char *parent = getenv("TMPDIR");
    struct err ignored;
    TRY(engine_execute(engine,
                       "CREATE SCHEMA IF NOT EXISTS " VIEWS_MADE "; CREATE OR REPLACE TABLE " TEXTS
                       " (resource VARCHAR)",
                       NULL, 0, err));
    TRY(file_make_staging(parent != NULL && parent[0] != '\0' ? parent : "/tmp", "marrow", staging,
                          err));
    enum err_code code = ingest_texts(api, input, resource, staging, engine, err);
    if (file_remove_tree(staging, &ignored) != ERR_OK)
        api_warn(api, "%s is left behind", staging);
    return code;
}

/* ---- one view over the input --------------------------------------------------------------------
 */

struct running {
    struct api *api;
    const struct api_view_run_options *options;
    struct api_view view;
    struct input input;
    struct fhir_program *program;
    struct engine *engine;
    struct fhir_counts counts;
    int64_t streamed; /* rows written as text */
};

static void running_done(struct running *running)
{
    fhir_program_free(running->program);
    input_done(&running->input);
    engine_close(running->engine);
    api_view_done(&running->view);
}

static enum err_code prepare(struct running *running, struct err *err)
{
    JSON_AUTO views = NULL;
    struct fhir_program_options options = {.on_error = running->options->null_on_error ? FHIR_NULL
                                                                                       : FHIR_FAIL};
    if (running->options->dataset != NULL)
        TRY(api_views_read(running->api, running->options->dataset, &views, err));
    TRY(api_view_find(views, running->options->view, &running->view, err));
    const struct fhir_view *all[] = {running->view.view};
    return fhir_program_new(all, 1, &options, &running->program, err);
}

/* Where the texts come from: files, or a table of running->engine. sql holds the SELECT. */
static enum err_code source_of(struct running *running, struct store_version *version,
                               struct buf *sql, struct view_pass_source *ret, struct err *err)
{
    const char *resource = fhir_view_resource(running->view.view);
    const struct store_table *table =
        version != NULL ? store_version_table_find(version, resource) : NULL;
    *ret = (struct view_pass_source){.paths = (const char *const *)running->input.plain,
                                     .path_count = running->input.plain_count};
    if (version == NULL && running->input.other_count == 0)
        return ERR_OK;
    if (table != NULL) {
        TRY(store_version_attach(version, running->engine, &table->name, 1, err));
        buf_puts(sql, "SELECT resource FROM ");
        store_table_source(table, sql);
    } else if (version != NULL) {
        buf_puts(sql, "SELECT CAST(NULL AS VARCHAR) AS resource WHERE false");
    } else {
        TRY(gather(running->api, &running->input, resource, running->engine, err));
        buf_puts(sql, "SELECT resource FROM " TEXTS);
    }
    TRY(buf_check(sql, err));
    ret->engine = running->engine;
    ret->sql = buf_text(sql);
    return ERR_OK;
}

static enum err_code open_engine(struct running *running, struct err *err)
{
    struct engine_options options = api_engine_options(running->api);
    return engine_open(&options, &running->engine, err);
}

/* FHIR's decimals keep their digits as text; JSON writes them as the numbers that they are. */
static void mark_numbers(const struct fhir_view *view, struct data_schema *schema)
{
    static char number[] = "number";
    for (size_t i = 0; i < fhir_view_column_count(view); i++) {
        int at = data_schema_find(schema, str_of(fhir_view_column(view, i)->name));
        if (at >= 0 && strcmp(fhir_view_column(view, i)->fhir_type, "decimal") == 0 &&
            schema->columns[at].source_format == NULL)
            schema->columns[at].source_format = mem_strdup(number);
    }
}

/* ---- several views over the input: for a library ----------------------------------------------
 */

/* Those of one resource type, in one pass, into VIEWS_SCHEMA.NAME. */
static enum err_code group_over(struct running *running, const struct api_view *const *views,
                                size_t count, struct err *err)
{
    AUTO(mem_free) const struct fhir_view **all = mem_zalloc(count + 1, sizeof *all);
    AUTO(mem_free) const char **tables = mem_zalloc(count + 1, sizeof *tables);
    AUTO(fhir_program_free) struct fhir_program *program = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct fhir_program_options options = {.on_error = running->options->null_on_error ? FHIR_NULL
                                                                                       : FHIR_FAIL};
    struct view_pass_source source;
    if (all == NULL || tables == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the views");
    for (size_t i = 0; i < count; i++) {
        all[i] = views[i]->view;
        tables[i] = views[i]->name;
    }
    running->view = *views[0]; /* borrowed: says the type */
    TRY(fhir_program_new(all, count, &options, &program, err));
    TRY(source_of(running, NULL, &sql, &source, err));
    return view_pass_tables(&source, program, running->engine, VIEWS_SCHEMA, tables,
                            (size_t)running->api->options.threads, running->api->options.progress,
                            NULL, &running->counts, err);
}

static enum err_code over_files(struct running *running, const struct api_view *const *views,
                                size_t count, struct err *err)
{
    AUTO(mem_free) const struct api_view **group = mem_zalloc(count + 1, sizeof *group);
    AUTO(mem_free) bool *done = mem_zalloc(count + 1, sizeof *done);
    if (group == NULL || done == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the views");
    TRY(collect(running->options, &running->input, err));
    for (size_t i = 0; i < count; i++) {
        size_t members = 0;
        for (size_t k = i; k < count && !done[i]; k++) {
            if (done[k] || strcmp(fhir_view_resource(views[i]->view),
                                  fhir_view_resource(views[k]->view)) != 0)
                continue;
            group[members++] = views[k];
            done[k] = k != i;
        }
        if (members > 0)
            TRY(group_over(running, group, members, err));
    }
    return ERR_OK;
}

enum err_code api_views_over_files(struct api *api, const struct api_view_run_options *options,
                                   const struct api_view *const *views, size_t count,
                                   struct engine *engine, struct err *err)
{
    struct running running = {.api = api, .options = options, .engine = engine};
    enum err_code code = over_files(&running, views, count, err);
    input_done(&running.input);
    return code;
}

enum err_code api_view_is_library(struct api *api, const char *dataset, const char *word, bool *ret,
                                  struct err *err)
{
    JSON_AUTO kept = NULL;
    if (api != NULL && dataset != NULL)
        TRY(api_sql_views_read(api, dataset, &kept, err));
    *ret = api_library_is(kept, word);
    return ERR_OK;
}

/* ---- straight into text -------------------------------------------------------------------------
 */

struct text_out {
    const struct api_view_stream *stream;
    const struct data_schema *schema;
    int64_t rows; /* formatted so far, by all workers: atomic */
    bool begun;
};

static enum err_code format_batch(void *user, size_t view_idx, const struct data_schema *schema,
                                  const struct data_batch *batch, struct buf *out, struct err *err)
{
    struct text_out *text = user;
    AUTO(buf_done) struct buf scratch = BUF_INIT;
    (void)view_idx, (void)schema;
    (void)__atomic_add_fetch(&text->rows, batch->rows, __ATOMIC_RELAXED);
    for (int64_t row = 0; row < batch->rows; row++) {
        if (text->stream->format == API_VIEW_CSV) {
            data_row_csv(batch, row, &scratch, out);
            continue;
        }
        if (text->stream->format == API_VIEW_JSON)
            buf_puts(out, ",\n");
        data_row_object(text->schema, batch, row, out);
        if (text->stream->format == API_VIEW_NDJSON)
            buf_putc(out, '\n');
    }
    return buf_check(out, err);
}

/* The first object of a JSON array has no comma before it. */
static enum err_code write_text(void *user, struct str piece, struct err *err)
{
    struct text_out *text = user;
    if (text->stream->format == API_VIEW_JSON && !text->begun && piece.len > 2)
        piece = (struct str){piece.ptr + 2, piece.len - 2};
    text->begun = text->begun || piece.len > 0;
    return piece.len > 0 ? text->stream->write(text->stream->user, piece, err) : ERR_OK;
}

static enum err_code write_head(const struct text_out *text, struct err *err)
{
    AUTO(buf_done) struct buf head = BUF_INIT;
    if (text->stream->format == API_VIEW_JSON)
        buf_puts(&head, "[");
    for (size_t c = 0; c < text->schema->count && text->stream->format == API_VIEW_CSV; c++) {
        buf_puts(&head, c > 0 ? "," : "");
        data_csv_field(str_of(text->schema->columns[c].name), &head);
    }
    if (text->stream->format == API_VIEW_CSV)
        buf_puts(&head, "\r\n");
    TRY(buf_check(&head, err));
    return head.len > 0 ? text->stream->write(text->stream->user, buf_view(&head), err) : ERR_OK;
}

static enum err_code stream(struct running *running, const struct api_view_stream *to,
                            struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(data_schema_done) struct data_schema schema = {0};
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct view_pass_source source;
    struct api *api = running->api;
    TRY(prepare(running, err));
    if (running->options->dataset != NULL)
        TRY(store_version_open(api->store, running->options->dataset, running->options->version,
                               &version, err));
    else
        TRY(collect(running->options, &running->input, err));
    if (version != NULL || running->input.other_count > 0)
        TRY(open_engine(running, err));
    TRY(source_of(running, version, &sql, &source, err));
    TRY(data_schema_copy(fhir_program_schema(running->program, 0), &schema, err));
    mark_numbers(running->view.view, &schema);
    struct text_out text = {.stream = to, .schema = &schema};
    struct view_pass_writer writer = {format_batch, write_text, &text};
    TRY(write_head(&text, err));
    TRY(view_pass_stream(&source, running->program, &writer, (size_t)api->options.threads,
                         api->options.progress, &running->counts, err));
    running->streamed = text.rows;
    return to->format == API_VIEW_JSON ? to->write(to->user, STR("]\n"), err) : ERR_OK;
}

enum err_code api_view_stream(struct api *api, const struct api_view_run_options *options,
                              const struct api_view_stream *to, json_t **ret, struct err *err)
{
    struct running running = {.api = api, .options = options};
    int64_t started_us = clock_monotonic_us();
    bool ok = true;
    api_begin(api);
    enum err_code code = stream(&running, to, err);
    if (code == ERR_OK) {
        *ret = json_object();
        json_put_text(*ret, "view", running.view.name, &ok);
        json_put_int(*ret, "row_count", running.streamed, &ok);
        json_put_int(*ret, "resources", running.counts.resources, &ok);
        json_put_int(*ret, "nulled", running.counts.nulled, &ok);
        json_put_int(*ret, "duration_ms", api_elapsed_ms(started_us), &ok);
        code = json_built(ok, err);
    }
    running_done(&running);
    return code;
}

/* ---- as rows ------------------------------------------------------------------------------------
 */

static void add_select(struct buf *sql, const char *name)
{
    buf_puts(sql, "SELECT * FROM " VIEWS_SCHEMA ".");
    engine_quote_identifier(sql, str_of(name));
}

/* On a server: the lowered plan over the pushed table of resources. */
static enum err_code server_sql(const struct running *running, struct store_version *version,
                                struct buf *sql, struct err *err)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    const struct plan_rel *root = NULL;
    const struct dialect *dialect = NULL;
    const char *resource = fhir_view_resource(running->view.view);
    const struct store_table *table = store_version_table_find(version, resource);
    struct err ignored;
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = api_engine_options(running->api);
    options.url = running->options->engine;
    if (table == NULL)
        return err_set(err, ERR_NOT_FOUND, "dataset %s has no resources of type %s",
                       store_version_dataset(version), resource);
    if (plan == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a plan");
    if (run_engine_open(&options, version, &engine, &ignored) != ERR_OK) {
        *err = ignored;
        return err->code;
    }
    dialect = dialect_find(engine_dialect(engine));
    TRY(fhir_view_lower(running->view.view, plan, table->name, NULL, false, &root, err));
    return api_plan_quick_sql(dialect, root, sql, NULL, NULL, err);
}

static enum err_code dataset_rows(struct running *running, struct api_rows **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    const struct api_view_run_options *options = running->options;
    TRY(store_version_open(running->api->store, options->dataset, options->version, &version, err));
    if (options->engine != NULL)
        TRY(server_sql(running, version, &sql, err));
    else
        add_select(&sql, running->view.name);
    TRY(buf_check(&sql, err));
    if (options->search != NULL)
        TRY(api_view_search_sql(&running->view, options->search, &sql, err));
    struct api_ask ask = {.query = {.dataset = options->dataset,
                                    .version = store_version_id(version),
                                    .recent = options->version == NULL,
                                    .sql = buf_text(&sql),
                                    .row_limit = options->row_limit,
                                    .engine = options->engine},
                          .kind = "view",
                          .view = &running->view,
                          .null_on_error = options->null_on_error,
                          .snapshot = options->snapshot};
    return api_ask(running->api, &ask, ret, err);
}

static enum err_code file_rows(struct running *running, struct api_rows **ret, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT, select = BUF_INIT;
    struct view_pass_source source;
    const char *tables[] = {running->view.name};
    TRY(collect(running->options, &running->input, err));
    TRY(open_engine(running, err));
    TRY(source_of(running, NULL, &sql, &source, err));
    TRY(view_pass_tables(&source, running->program, running->engine, VIEWS_SCHEMA, tables,
                         (size_t)running->api->options.threads, running->api->options.progress,
                         NULL, &running->counts, err));
    add_select(&select, running->view.name);
    TRY(buf_check(&select, err));
    struct engine *engine = running->engine;
    running->engine = NULL; /* the rows' now */
    TRY(api_rows_over(running->api, engine, buf_text(&select), NULL, 0, running->options->row_limit,
                      ret, err));
    return running->options->null_on_error
               ? api_rows_nulled(*ret, running->counts.nulled, err)
               : ERR_OK;
}

enum err_code api_view_rows(struct api *api, const struct api_view_run_options *options,
                            struct api_rows **ret, struct err *err)
{
    struct running running = {.api = api, .options = options};
    bool is_library = false;
    api_begin(api);
    TRY(api_view_is_library(api, options->dataset, options->view, &is_library, err));
    if (is_library)
        return api_library_rows(api, options, ret, err);
    enum err_code code = prepare(&running, err);
    if (code == ERR_OK)
        code = options->dataset != NULL ? dataset_rows(&running, ret, err)
                                        : file_rows(&running, ret, err);
    if (code == ERR_OK)
        mark_numbers(running.view.view, api_rows_own_schema(*ret));
    running_done(&running);
    return code;
}

/* ---- as Parquet ---------------------------------------------------------------------------------
 */

/* Leaves sqlonfhir.NAME in running->engine. */
static enum err_code make_rows(struct running *running, struct store_version *version,
                               struct err *err)
{
    struct view_pass_source source;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    JSON_AUTO nulled = json_object();
    bool found = false;
    const char *tables[] = {running->view.name};
    AUTO(api_recent_done) struct api_recent recent = {.types = NULL};
    struct api_query_marts marts = {.view = &running->view,
                                    .snapshot = running->options->snapshot,
                                    .exact = running->options->version != NULL,
                                    .takes_on_error = true,
                                    .nulled = nulled,
                                    .recent = &recent};
    marts.null_on_error = running->options->null_on_error;
    TRY(open_engine(running, err));
    if (version != NULL) {
        if (!marts.snapshot && !marts.exact)
            TRY(api_recent_attach(running->api, version, running->engine, &recent, err));
        TRY(api_view_attach(running->api, version, running->engine, running->view.name, &marts,
                            NULL, &found, err));
        running->counts.nulled += api_nulled_values(nulled);
        return ERR_OK;
    }
    TRY(collect(running->options, &running->input, err));
    TRY(source_of(running, NULL, &sql, &source, err));
    return view_pass_tables(&source, running->program, running->engine, VIEWS_SCHEMA, tables,
                            (size_t)running->api->options.threads, running->api->options.progress,
                            NULL, &running->counts, err);
}

static enum err_code parquet(struct running *running, const char *path, int64_t *ret_rows,
                             int64_t *ret_bytes, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(buf_done) struct buf select = BUF_INIT;
    TRY(prepare(running, err));
    if (running->options->dataset != NULL)
        TRY(store_version_open(running->api->store, running->options->dataset,
                               running->options->version, &version, err));
    TRY(make_rows(running, version, err));
    add_select(&select, running->view.name);
    TRY(buf_check(&select, err));
    if (running->options->search != NULL)
        TRY(api_view_search_sql(&running->view, running->options->search, &select, err));
    return api_write_parquet(running->engine, version, buf_text(&select), path, ret_rows, ret_bytes,
                             err);
}

enum err_code api_view_parquet(struct api *api, const struct api_view_run_options *options,
                               const char *path, json_t **ret, struct err *err)
{
    struct running running = {.api = api, .options = options};
    int64_t started_us = clock_monotonic_us(), rows = 0, bytes = 0;
    bool ok = true, is_library = false;
    api_begin(api);
    TRY(api_view_is_library(api, options->dataset, options->view, &is_library, err));
    if (is_library)
        return api_library_parquet(api, options, path, ret, err);
    enum err_code code = parquet(&running, path, &rows, &bytes, err);
    if (code == ERR_OK) {
        *ret = json_object();
        json_put_text(*ret, "view", running.view.name, &ok);
        json_put_text(*ret, "path", path, &ok);
        json_put_int(*ret, "row_count", rows, &ok);
        json_put_int(*ret, "bytes", bytes, &ok);
        json_put_int(*ret, "nulled", running.counts.nulled, &ok);
        json_put_int(*ret, "duration_ms", api_elapsed_ms(started_us), &ok);
        code = json_built(ok, err);
    }
    running_done(&running);
    return code;
}
