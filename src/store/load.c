/* Loading one source into a staged object: typed table.duckdb, table.parquet, rejects.csv,
 * object.json.
 *
 *     source ──1 typing──▶ decisions ──2 CREATE TABLE AS──▶ table.duckdb ──3 hash + measure──▶
 * object.json (scan, or scratch table)                                  └──4 COPY──▶ table.parquet
 *
 * The one idea: two passes over the text, none over a sample: the first sees every cell and decides
 * the types, the second casts every cell and may not fail. Where it fails nevertheless, that is an
 * error that names the column, never a silent null. The stored rows keep the file's order. Rows
 * that a given (overridden) type can't hold, and lines that are no rows, go to rejects.csv. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/place_priv.h"

#define LOAD_PUSH_BYTES (1LL << 20)

/* ---- where the rows are ------------------------------------------------------------------------
 */

enum err_code store_load_watch(struct load *load, const struct data_source *source, struct err *err)
{
    for (size_t i = 0; source->scan != NULL && i < source->scan->path_count; i++)
        TRY(file_stat(source->scan->paths[i], &load->files[i], err));
    return ERR_OK;
}

/* The files must be what they were when the first pass read them. */
enum err_code store_load_check_unchanged(const struct load *load, const struct data_source *source,
                                         struct err *err)
{
    const struct data_scan *scan = source->scan;
    if (load->place != NULL)
        return store_place_check_unchanged(load, err);
    for (size_t i = 0; scan != NULL && i < scan->path_count; i++) {
        struct file_info now;
        TRY(file_stat(scan->paths[i], &now, err));
        if (now.kind == load->files[i].kind && now.bytes == load->files[i].bytes &&
            now.modified_us == load->files[i].modified_us)
            continue;
        (void)err_set(err, ERR_INPUT, "the file changed while it was read");
        (void)err_at(err, source->origin, 0, 0);
        return err_hint(err, "import it again when nothing writes to it any more");
    }
    return ERR_OK;
}

/* The tag of the reject tables that each pass over a CSV scan fills; dropped with the table. */
enum pass { PASS_READ, PASS_WRITE };
static const char *const REJECTS_TAG[] = {STORE_REJECTS_READ, STORE_REJECTS_WRITE};

static bool has_rejects(const struct load *load)
{
    return load->scan != NULL && load->scan->kind == DATA_SCAN_CSV;
}

static enum err_code scan_relation(struct load *load, enum pass pass, struct buf *ret,
                                   struct err *err)
{
    buf_clear(ret);
    struct data_schema scanned = {load->schema.columns, load->schema.count - load->split_count};
    load->scanned = has_rejects(load);
    TRY(engine_scan_expression(load->scan, &scanned, has_rejects(load) ? REJECTS_TAG[pass] : NULL,
                               ret, err));
    return buf_check(ret, err);
}

static enum err_code take_rejects(struct load *load, enum pass pass, struct err *err)
{
    int64_t rows = 0;
    if (!has_rejects(load))
        return ERR_OK;
    struct data_sink sink = {.reject = store_rejects_add, .user = &load->rejects};
    return engine_scan_rejects(load->engine, REJECTS_TAG[pass], &sink, &rows, err);
}

/* Very wide files are parsed once, into the scratch table, and not once for each 500 columns. */
static enum err_code spool_wide(struct load *load, struct err *err)
{
    AUTO(buf_done) struct buf relation = BUF_INIT;
    TRY(scan_relation(load, PASS_READ, &relation, err));
    TRY(engine_executef(load->engine, err,
                        "CREATE OR REPLACE TEMP TABLE " STORE_SCRATCH_TABLE " AS SELECT * FROM %s",
                        buf_text(&relation)));
    TRY(take_rejects(load, PASS_READ, err));
    load->spooled = true;
    return ERR_OK;
}

/* Did the engine's scan, run to its end, give every record that the reader had counted? */
static enum err_code check_records(const struct load *load, enum pass pass, struct err *err)
{
    int64_t rejected = 0;
    if (load->scan == NULL || load->source->push == NULL)
        return ERR_OK;
    TRY(engine_scan_rejects(load->engine, REJECTS_TAG[pass], NULL, &rejected, err));
    if (load->read_rows + rejected == load->scan->records)
        return ERR_OK;
    return err_set(err, ERR_ENGINE, "the engine read %lld rows and rejected %lld, of %lld records",
                   (long long)load->read_rows, (long long)rejected, (long long)load->scan->records);
}

/* SQL: the rows to be read, from the scratch table or from the file. */
static enum err_code row_relation(struct load *load, enum pass pass, struct buf *ret,
                                  struct err *err)
{
    if (load->place != NULL)
        return store_place_relation(load->place, ret, err);
    if (load->spooled)
        buf_puts(ret, load->stack != NULL ? STORE_STACK_TABLE : STORE_SCRATCH_TABLE);
    else
        TRY(scan_relation(load, pass, ret, err));
    return store_load_split(load, ret, err);
}

static enum err_code find_rows(struct load *load, struct err *err)
{
    int64_t changed = 0;
    const struct data_source *source = load->source;
    if (source->place != NULL) {
        TRY(store_place_fill(load, err));
    } else if (load->stack != NULL) {
        TRY(store_stack_fill(load, err));
    } else if (load->scan == NULL) {
        load->spooled = true;
        TRY(store_stream_fill(load->engine, source, load->progress, &load->rejects, &load->schema,
                              &load->pushed_rows, err));
    } else {
        if (source->schema.count > 0)
            TRY(data_schema_copy(&source->schema, &load->schema, err));
        else
            TRY(engine_scan_schema(load->engine, source->scan, &load->schema, err));
        TRY(data_schema_name_columns(&load->schema, &changed, err));
        if (load->schema.count > STORE_COLUMNS_PER_QUERY)
            TRY(spool_wide(load, err));
    }
    if (load->schema.count == 0)
        return err_set(err, ERR_INPUT, "no columns");
    TRY(store_load_find_splits(load, err));
    if (load->place != NULL && load->split_count > 0) {
        (void)err_set(err, ERR_UNSUPPORTED,
                      "a column can't be parted in two (comparator) where its file stands");
        return err_hint(err, "import it");
    }
    return row_relation(load, PASS_READ, &load->relation, err);
}

/* ---- 1: types ----------------------------------------------------------------------------------
 */

static enum err_code read_types(struct load *load, struct err *err)
{
    size_t count = load->schema.count;
    const char **expressions = arena_array(load->arena, count + 1, sizeof *expressions);
    if (expressions == NULL)
        return err_set(err, ERR_MEMORY, "no memory to load a table");
    for (size_t i = 0; i < count; i++) {
        AUTO(buf_done) struct buf name = BUF_INIT;
        store_sql_name(&name, load->schema.columns[i].name);
        TRY(buf_check(&name, err));
        expressions[i] = arena_strdup(load->arena, buf_text(&name));
        if (expressions[i] == NULL)
            return err_set(err, ERR_MEMORY, "no memory to load a table");
    }
    TRY(store_measure_typing(load->engine, buf_text(&load->relation), expressions, count,
                             &load->stats, &load->read_rows, err));
    TRY(check_records(load, PASS_READ, err));
    if (load->place != NULL)
        TRY(store_place_rejects(load, err));
    if (load->import->options.strict && !load->spooled) { /* refuse before the work */
        TRY(take_rejects(load, PASS_READ, err));
    }
    return store_load_decide(load, err);
}

/* The engine could not read the file, or lost records: read it ourselves, from the start. */
static enum err_code read_again(struct load *load, struct err *err)
{
    load->scan = NULL;
    load->read_rows = 0;
    buf_clear(&load->relation);
    store_stats_done(&load->stats);
    data_schema_done(&load->schema);
    load->schema = (struct data_schema){0};
    load->split_count = 0;
    store_rejects_done(&load->rejects);
    if (file_exists(load->rejects.path))
        TRY(file_remove(load->rejects.path, err));
    TRY(store_rejects_init(&load->rejects, load->directory, load->source->origin,
                           &load->import->options, err));
    TRY(find_rows(load, err));
    return read_types(load, err);
}

static enum err_code read_source(struct load *load, struct err *err)
{
    struct err own = {0};
    enum err_code code = find_rows(load, &own);
    if (code == ERR_OK)
        code = load->text ? read_types(load, &own) : store_load_decide(load, &own);
    if (code == ERR_ENGINE && load->scan != NULL && load->source->push != NULL)
        return read_again(load, err);
    if (code != ERR_OK && err != NULL)
        *err = own;
    return code;
}

/* ---- rows that a given type can't hold ---------------------------------------------------------
 */

static bool any_forced(const struct load *load)
{
    for (size_t i = 0; i < load->schema.count; i++)
        if (load->plans[i].forced)
            return true;
    return false;
}

static void add_misfits(const struct load *load, const char *between, struct buf *out)
{
    bool first = true;
    for (size_t i = 0; i < load->schema.count; i++) {
        if (!load->plans[i].forced)
            continue;
        buf_puts(out, first ? "" : between);
        store_sql_column_misfit(&load->plans[i], out);
        first = false;
    }
}

/* row number, name of the first column that does not fit, the row as comma-separated text */
static enum err_code misfit_sql(const struct load *load, struct buf *sql, struct err *err)
{
    buf_puts(sql, "SELECT marrow_row, CASE");
    for (size_t i = 0; i < load->schema.count; i++) {
        if (!load->plans[i].forced)
            continue;
        buf_puts(sql, " WHEN ");
        store_sql_column_misfit(&load->plans[i], sql);
        buf_printf(sql, " THEN %zu", i);
    }
    buf_puts(sql, " END, concat_ws(','");
    for (size_t i = 0; i < load->schema.count; i++) {
        buf_puts(sql, ", coalesce('\"' || replace(CAST(");
        store_sql_name(sql, load->schema.columns[i].name);
        buf_puts(sql, " AS VARCHAR), '\"', '\"\"') || '\"', '')");
    }
    buf_printf(sql, ") FROM (SELECT row_number() OVER () AS marrow_row, * FROM %s) WHERE ",
               buf_text(&load->relation));
    add_misfits(load, " OR ", sql);
    buf_puts(sql, " ORDER BY 1");
    return buf_check(sql, err);
}

static enum err_code reject_misfits(struct load *load, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_scan *scan = load->source->scan; /* also where we read the file ourselves */
    int64_t before =
        scan != NULL && scan->kind == DATA_SCAN_CSV ? scan->skip_lines + scan->header : 0;
    TRY(misfit_sql(load, &sql, err));
    TRY(engine_query(load->engine, buf_text(&sql), NULL, 0, &result, err));
    for (;;) {
        const struct data_batch *batch = NULL;
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            char reason[96], type[32];
            size_t column = (size_t)batch->vectors[1].i64[row];
            (void)snprintf(reason, sizeof reason, "does not fit the type %s that was given",
                           data_type_text(load->plans[column].type, type));
            TRY(store_rejects_add(&load->rejects, batch->vectors[0].i64[row] + before,
                                  load->schema.columns[column].name, reason,
                                  batch->vectors[2].text[row], err));
        }
    }
}

static enum err_code find_misfits(struct load *load, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    if (!any_forced(load))
        return ERR_OK;
    buf_printf(&sql, "SELECT count(*) FROM %s WHERE ", buf_text(&load->relation));
    add_misfits(load, " OR ", &sql);
    TRY(buf_check(&sql, err));
    TRY(engine_query_int(load->engine, buf_text(&sql), 0, &load->misfit_rows, err));
    if (load->misfit_rows > 0 && load->place != NULL) {
        (void)err_set(err, ERR_INPUT, "%lld rows of table %s do not fit the types that were given",
                      (long long)load->misfit_rows, load->source->name);
        return err_hint(err, "where files stand no row can be set aside: give types that hold them, "
                             "or import");
    }
    return load->misfit_rows > 0 ? reject_misfits(load, err) : ERR_OK;
}

/* ---- 2: the typed table ------------------------------------------------------------------------
 */

/* A cast failed that could not fail: say in which column. */
static enum err_code name_culprit(struct load *load, struct err *err)
{
    struct err first = *err;
    for (size_t i = 0; i < load->schema.count; i++) {
        AUTO(buf_done) struct buf sql = BUF_INIT;
        int64_t rows = 0;
        char type[32];
        if (!load->plans[i].from_text)
            continue;
        buf_printf(&sql, "SELECT count(*) FROM %s WHERE ", buf_text(&load->relation));
        store_sql_column_misfit(&load->plans[i], &sql);
        if (sql.failed || engine_query_int(load->engine, buf_text(&sql), 0, &rows, err) != ERR_OK ||
            rows == 0)
            continue;
        (void)err_set(
            err, ERR_FAILED,
            "column %s: %lld values can't be read as %s, as which all had been recognised",
            load->schema.columns[i].name, (long long)rows,
            data_type_text(load->plans[i].type, type));
        return err_hint(
            err,
            "give the column's type (text always fits), and report this: it is a fault in Marrow");
    }
    *err = first;
    return first.code;
}

static enum err_code write_table(struct load *load, struct err *err)
{
    AUTO(buf_done) struct buf relation = BUF_INIT;
    AUTO(buf_done) struct buf sql = BUF_INIT;
    TRY(row_relation(load, PASS_WRITE, &relation, err));
    buf_printf(&sql, "CREATE %s " LOAD_STAGE_TABLE " AS SELECT ",
               load->place != NULL ? "VIEW" : "TABLE");
    for (size_t i = 0; i < load->schema.count; i++) {
        buf_puts(&sql, i == 0 ? "" : ", ");
        store_sql_column_value(&load->plans[i], &sql);
        buf_puts(&sql, " AS ");
        store_sql_name(&sql, load->schema.columns[i].name);
    }
    buf_printf(&sql, " FROM %s", buf_text(&relation));
    if (load->misfit_rows > 0) {
        buf_puts(&sql, " WHERE NOT (");
        add_misfits(load, " OR ", &sql);
        buf_puts(&sql, ")");
    }
    TRY(buf_check(&sql, err));
    struct err own = {0};
    enum err_code code = engine_execute(load->engine, buf_text(&sql), NULL, 0, &own);
    if (code == ERR_ENGINE && load->text)
        code = name_culprit(load, &own);
    if (code != ERR_OK && err != NULL)
        *err = own;
    TRY(code);
    return load->spooled ? ERR_OK : take_rejects(load, PASS_WRITE, err);
}

static enum err_code attach_stage(struct load *load, const char *with, struct err *err)
{
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf sql = BUF_INIT;
    TRY(file_path_join(load->directory, "table.duckdb", path, err));
    buf_puts(&sql, "ATTACH ");
    engine_quote_literal(&sql, load->place != NULL ? STR(":memory:") : str_of(path));
    buf_puts(&sql, " AS " LOAD_STAGE_NAME " (TYPE duckdb");
    if (load->place == NULL && load->source->bytes > 0 &&
        load->source->bytes <
            STORE_SMALL_BYTES) /* most tables are small: 256 KiB blocks would hold mostly nothing */
        buf_puts(&sql, ", BLOCK_SIZE 16384");
    buf_printf(&sql, "%s%s)", with[0] == '\0' ? "" : ", ", with);
    TRY(buf_check(&sql, err));
    TRY(engine_execute(load->engine, buf_text(&sql), NULL, 0, err));
    load->attached = true;
    return ERR_OK;
}

enum err_code store_load_attach(struct load *load, const char *with, bool *ret_with,
                                struct err *err)
{
    struct err own = {0};
    *ret_with = attach_stage(load, with, &own) == ERR_OK;
    return *ret_with ? ERR_OK : attach_stage(load, "", err);
}

enum err_code store_load_detach(struct load *load, struct err *err)
{
    if (!load->attached)
        return ERR_OK;
    load->attached = false;
    return engine_execute(load->engine, "DETACH " LOAD_STAGE_NAME, NULL, 0, err);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static int64_t lap(int64_t *at_us)
{
    int64_t now = clock_monotonic_us(), took = now - *at_us;
    *at_us = now;
    return took;
}

static void phase(struct load *load, const char *name)
{
    engine_set_progress(load->engine, load->progress, name, load->source->name);
}

static enum err_code check_rows(const struct load *load, struct err *err)
{
    int64_t stored = json_int(load->object, "rows", -1);
    int64_t expected = load->text            ? load->read_rows - load->misfit_rows
                       : load->place != NULL ? stored
                       : load->scan == NULL ? load->pushed_rows - load->misfit_rows - load->left_out
                                            : stored;
    if (stored == expected)
        return ERR_OK;
    return err_set(err, ERR_FAILED, "%lld rows were stored where %lld were read", (long long)stored,
                   (long long)expected);
}

static enum err_code load_rows(struct load *load, struct err *err)
{
    int64_t at = clock_monotonic_us();
    struct store_worker *worker = load->worker;
    TRY(store_load_watch(load, load->source, err));
    phase(load, "read");
    if (load->source->newest != NULL && load->stack == NULL) {
        TRY(store_load_newest(load, err));
        worker->load_us += lap(&at);
        return ERR_OK;
    }
    TRY(read_source(load, err));
    TRY(find_misfits(load, err));
    if (load->place != NULL)
        store_place_settle_keys(load);
    worker->infer_us += lap(&at);
    phase(load, "write");
    TRY(attach_stage(load, "", err));
    TRY(write_table(load, err));
    TRY(store_load_check_unchanged(load, load->source, err));
    worker->load_us += lap(&at);
    return ERR_OK;
}

static enum err_code load_steps(struct load *load, struct err *err)
{
    struct store_worker *worker = load->worker;
    TRY(load_rows(load, err));
    int64_t at = clock_monotonic_us();
    phase(load, "hash");
    struct store_measure measure = {LOAD_STAGE_TABLE, &load->schema,
                                    load->text ? load->decisions : NULL, &load->stats};
    TRY(store_measure_table(load->engine, &measure, load->object, err));
    TRY(check_rows(load, err));
    if (load->place != NULL)
        TRY(store_place_check_order(load, err));
    worker->hash_us += lap(&at);
    phase(load, "export");
    if (load->place != NULL) /* read to the end just now */
        TRY(store_place_check_unchanged(load, err));
    else
        TRY(store_write_parquet(load->engine, LOAD_STAGE_TABLE, &load->schema, load->directory,
                                err));
    TRY(store_load_detach(load, err));
    TRY(store_rejects_finish(&load->rejects, err));
    TRY(store_load_describe(load, err));
    worker->write_us += lap(&at);
    return ERR_OK;
}

void store_load_drop_rejects(const struct load *load)
{
    for (size_t pass = 0; load->scanned && pass < sizeof REJECTS_TAG / sizeof *REJECTS_TAG; pass++)
        (void)!engine_executef(load->engine, ERR_IGNORED,
                               "DROP TABLE IF EXISTS %s_errors; DROP TABLE IF EXISTS %s_scans",
                               REJECTS_TAG[pass], REJECTS_TAG[pass]);
}

/* Whatever this table left in the engine goes; failures only leave something for the next to
 * replace. */
static void clean_engine(struct load *load)
{
    if (load->attached)
        (void)!store_load_detach(load, ERR_IGNORED);
    if (load->spooled)
        (void)!engine_execute(load->engine, "DROP TABLE IF EXISTS " STORE_SCRATCH_TABLE, NULL, 0,
                              ERR_IGNORED);
    if (load->stack != NULL)
        (void)!engine_execute(load->engine, "DROP TABLE IF EXISTS " STORE_STACK_TABLE, NULL, 0,
                              ERR_IGNORED);
    store_load_drop_rejects(load);
    engine_set_progress(load->engine, load->import->store->options.progress, NULL, NULL);
}

/* Only what lies in the file can make the engine fail on one: it is input that is rejected. */
static enum err_code unreadable_parquet(struct err *err)
{
    char said[ERR_TEXT_BYTES] = "";
    if (err != NULL)
        memcpy(said, err->detail, sizeof said);
    (void)err_set(
        err, ERR_INPUT,
        "the Parquet file can't be read: it is damaged, or uses what this version does not know");
    if (said[0] != '\0')
        (void)err_detail(err, "%s", said);
    (void)err_hint(err, "copy or write the file again");
    return ERR_INPUT;
}

/* A small text is read by our own reader, once: setting up the engine's would take longer. */
const struct data_scan *store_load_scan_of(const struct data_source *source)
{
    bool small = source->bytes > 0 && source->bytes <= LOAD_PUSH_BYTES;
    return source->push != NULL && small ? NULL : source->scan;
}

/* Files of a scan, or of the part of a stack that has most. */
static size_t most_paths(const struct data_source *source, const struct store_stack *stack)
{
    size_t most = source->scan == NULL ? 0 : source->scan->path_count;
    for (size_t i = 0; stack != NULL && i < stack->count; i++) {
        const struct data_scan *scan = stack->parts[i].source->scan;
        most = scan != NULL && scan->path_count > most ? scan->path_count : most;
    }
    return most;
}

static bool reads_parquet(const struct data_source *source, const struct store_stack *stack)
{
    const struct data_scan *scan = stack != NULL ? stack->parts[0].source->scan : source->scan;
    if (source->place != NULL)
        return strcmp(source->place->format, "parquet") == 0;
    return scan != NULL && scan->kind == DATA_SCAN_PARQUET;
}

enum err_code store_load(struct store_worker *worker, const struct data_source *source,
                         const struct store_stack *stack, const char *directory,
                         const struct progress *progress, json_t **ret_entry, struct err *err)
{
    struct load load = {.worker = worker,
                        .import = worker->import,
                        .engine = worker->engine,
                        .progress = progress,
                        .source = source,
                        .stack = stack,
                        .scan = store_load_scan_of(source),
                        .text = source->text_columns,
                        .directory = directory,
                        .rejects = {.fd = -1}};
    *ret_entry = NULL;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(mem_free)
    struct file_info *files = mem_zalloc(most_paths(source, stack) + 1, sizeof *files);
    JSON_AUTO parts = json_array();
    JSON_AUTO object = json_object();
    JSON_AUTO entry = json_object();
    load.arena = arena;
    load.files = files;
    load.parts = parts;
    load.object = object;
    load.entry = entry;
    enum err_code code = ERR_OK;
    if (arena == NULL || files == NULL || object == NULL || entry == NULL || parts == NULL)
        return err_set(err, ERR_MEMORY, "no memory to load a table");
    code = store_rejects_init(&load.rejects, directory,
                              source->origin == NULL ? source->name : source->origin,
                              &load.import->options, err);
    if (code == ERR_OK)
        code = load_steps(&load, err);
    if (code == ERR_ENGINE && reads_parquet(source, stack))
        code = unreadable_parquet(err);
    if (code != ERR_OK && err != NULL && err->source[0] == '\0')
        (void)err_at(err, source->origin, err->line, err->column);
    if (code != ERR_OK)
        (void)err_context(err, "table %s", source->name);
    clean_engine(&load);
    store_rejects_done(&load.rejects);
    store_decisions_done(load.decisions, load.schema.count);
    store_stats_done(&load.stats);
    data_schema_done(&load.schema);
    if (load.place != NULL)
        store_place_done(load.place);
    buf_done(&load.relation);
    if (code == ERR_OK)
        *ret_entry = json_incref(entry);
    return code;
}
