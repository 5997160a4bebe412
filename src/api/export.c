/* Export: a table, a mart or a whole version as files for other tools. Written beside the target
 * and renamed, so that a half-written file never carries the name asked for. The rows come through
 * the same checked, read-only path as `sql`. */
#include "api/api_priv.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct format {
    const char *name, *suffix;
    const char *copy; /* options of COPY; NULL: not by COPY */
};
static const struct format formats[] = {
    {"csv", ".csv", "(FORMAT csv, HEADER)"},
    {"parquet", ".parquet", "(FORMAT parquet, COMPRESSION zstd)"},
    {"ndjson", ".ndjson", "(FORMAT json)"},
    {"json", ".json", "(FORMAT json, ARRAY true)"},
    {"xlsx-csv", ".csv", "(FORMAT csv, HEADER)"}, /* UTF-8 with BOM, so that Excel reads umlauts */
    {"duckdb", ".duckdb", NULL},
};

/* Resources as NDJSON are the texts themselves. */
static const struct format resource_lines = {"ndjson", ".ndjson", API_RESOURCE_COPY};

static enum err_code format_find(const char *name, const struct format **ret, struct err *err)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            *ret = &formats[i];
            return ERR_OK;
        }
    }
    err_set(err, ERR_USAGE, "unknown export format '%s'", name);
    return err_hint(err, "formats: csv, parquet, ndjson, json, xlsx-csv, duckdb");
}

static enum err_code refuse_existing(const char *path, bool overwrite, struct err *err)
{
    if (overwrite || !file_exists(path))
        return ERR_OK;
    err_set(err, ERR_INPUT, "'%s' is there already", path);
    return err_hint(err, "give another name, or --overwrite");
}

/* Staged name beside the target. */
static enum err_code staged_name(const char *path, char ret[FILE_PATH_BYTES], struct err *err)
{
    int written = snprintf(ret, FILE_PATH_BYTES, "%s.part-%ld", path, (long)getpid());
    return written > 0 && written < FILE_PATH_BYTES
               ? ERR_OK
               : err_set(err, ERR_LIMIT, "the path is too long");
}

static enum err_code settle(const char *staged, const char *path, bool overwrite, struct err *err)
{
    TRY(file_fsync(staged, err));
    if (overwrite)
        TRY(file_remove(path, err));
    return file_publish(staged, path, NULL, err);
}

/* A UTF-8 byte order mark in front of a finished file: copied in blocks. */
static enum err_code prepend_bom(const char *staged, struct err *err)
{
    char marked[FILE_PATH_BYTES], block[65536];
    TRY(staged_name(staged, marked, err));
    FILE *in = fopen(staged, "rb"), *out = fopen(marked, "wb");
    bool good = in != NULL && out != NULL && fwrite("\xef\xbb\xbf", 1, 3, out) == 3;
    for (size_t n; good && (n = fread(block, 1, sizeof block, in)) > 0;)
        good = fwrite(block, 1, n, out) == n;
    good = good && ferror(in) == 0;
    if (in != NULL)
        (void)fclose(in);
    if (out != NULL && fclose(out) != 0)
        good = false;
    if (!good) {
        struct err ignored;
        enum err_code removed = file_remove(marked, &ignored);
        (void)removed;
        return err_set(err, ERR_IO, "the export could not be written: %s", staged);
    }
    TRY(file_remove(staged, err));
    return file_publish(marked, staged, NULL, err);
}

/* version: whose tables it reads, still as they were when it ends. */
static enum err_code copy_select(struct engine *engine, struct store_version *version,
                                 const char *select, const struct format *format,
                                 const char *path, bool overwrite, int64_t *ret_rows,
                                 struct err *err)
{
    char staged[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf sql = BUF_INIT;
    TRY(refuse_existing(path, overwrite, err));
    TRY(staged_name(path, staged, err));
    buf_printf(&sql, "COPY (%s\n) TO ", select);
    engine_quote_literal(&sql, str_of(staged));
    buf_printf(&sql, " %s", format->copy);
    TRY(buf_check(&sql, err));
    enum err_code code =
        engine_query_int(engine, buf_text(&sql), 0, ret_rows, err); /* COPY answers with its rows */
    if (code == ERR_OK)
        code = store_version_still(version, err);
    if (code == ERR_OK && strcmp(format->name, "xlsx-csv") == 0)
        code = prepend_bom(staged, err);
    if (code == ERR_OK)
        code = settle(staged, path, overwrite, err);
    if (code != ERR_OK) {
        struct err ignored;
        enum err_code removed = file_remove(staged, &ignored);
        (void)removed;
    }
    return code;
}

struct exporter {
    struct api *api;
    const struct api_export_options *options;
    const struct format *format;
    struct store_version *version;
    struct engine *engine;
    json_t *files;
};

static enum err_code add_file(struct exporter *exporter, const char *name, const char *path,
                              int64_t rows, struct err *err)
{
    struct file_info info;
    bool ok = true;
    TRY(file_stat(path, &info, err));
    json_t *entry = json_object();
    json_put_text(entry, "name", name, &ok);
    json_put_text(entry, "path", path, &ok);
    if (rows >= 0)
        json_put_int(entry, "rows", rows, &ok);
    json_put_int(entry, "bytes", info.bytes, &ok);
    json_push(exporter->files, entry, &ok);
    return json_built(ok, err);
}

static enum err_code export_one(struct exporter *exporter, const char *name, const char *path,
                                struct err *err)
{
    AUTO(buf_done) struct buf select = BUF_INIT;
    int64_t rows = 0;
    TRY(api_attach_names(exporter->api, exporter->version, exporter->engine, &name, 1, err));
    const struct store_table *table = store_version_table_find(exporter->version, name);
    bool lines = strcmp(exporter->format->name, "ndjson") == 0 && table != NULL &&
                 api_holds_resources(&table->schema);
    buf_puts(&select, lines ? "SELECT " API_RESOURCE_LINE " FROM " : "SELECT * FROM ");
    engine_quote_identifier(&select, str_of(name));
    TRY(buf_check(&select, err));
    TRY(copy_select(exporter->engine, exporter->version, buf_text(&select),
                    lines ? &resource_lines : exporter->format, path,
                    exporter->options->overwrite, &rows, err));
    return add_file(exporter, name, path, rows, err);
}

/* Every table of the version, then every mart built on it. */
static enum err_code names_of(struct exporter *exporter, json_t *names, struct err *err)
{
    bool ok = true;
    JSON_AUTO runs = NULL;
    json_t *run;
    size_t idx;
    for (size_t i = 0; i < store_version_table_count(exporter->version); i++)
        json_push_text(names, store_version_table(exporter->version, i)->name, &ok);
    TRY(mart_list(exporter->api->store, exporter->options->dataset, &runs, err));
    json_array_foreach(runs, idx, run)
    {
        bool seen = false;
        for (size_t i = 0; i < json_array_size(names); i++)
            seen = seen || strcmp(json_string_value(json_array_get(names, i)),
                                  json_text(run, "name", "")) == 0;
        if (!seen &&
            strcmp(json_text(run, "version", ""), store_version_id(exporter->version)) == 0)
            json_push_text(names, json_text(run, "name", ""), &ok);
    }
    return json_built(ok, err);
}

/* A table's name as a file name: no separators, no leading dot. */
static void file_name_of(const char *name, const char *suffix, char ret[512])
{
    (void)snprintf(ret, 512, "%.400s%s", name, suffix);
    for (char *p = ret; *p != '\0'; p++)
        if (*p == '/' || *p == '\\' || (unsigned char)*p < 0x20 || (p == ret && *p == '.'))
            *p = '_';
}

static enum err_code export_folder(struct exporter *exporter, const json_t *names, struct err *err)
{
    size_t idx;
    json_t *name;
    TRY(file_make_directory(exporter->options->path, err));
    json_array_foreach((json_t *)(uintptr_t)names, idx, name)
    {
        char file[512], path[FILE_PATH_BYTES];
        file_name_of(json_string_value(name), exporter->format->suffix, file);
        TRY(file_path_join(exporter->options->path, file, path, err));
        TRY(export_one(exporter, json_string_value(name), path, err));
    }
    return ERR_OK;
}

/* One .duckdb file with every table (or the one asked for), for other tools. */
static enum err_code export_database(struct exporter *exporter, const json_t *names,
                                     struct err *err)
{
    char staged[FILE_PATH_BYTES];
    const char *path = exporter->options->path;
    size_t idx;
    json_t *name;
    TRY(refuse_existing(path, exporter->options->overwrite, err));
    TRY(staged_name(path, staged, err));
    AUTO(buf_done) struct buf sql = BUF_INIT;
    buf_puts(&sql, "ATTACH ");
    engine_quote_literal(&sql, str_of(staged));
    buf_puts(&sql, " AS marrow_export");
    TRY(engine_execute(exporter->engine, buf_text(&sql), NULL, 0, err));
    enum err_code code = ERR_OK;
    json_array_foreach((json_t *)(uintptr_t)names, idx, name)
    {
        const char *text = json_string_value(name);
        if (code == ERR_OK)
            code =
                api_attach_names(exporter->api, exporter->version, exporter->engine, &text, 1, err);
        buf_clear(&sql);
        buf_puts(&sql, "CREATE TABLE marrow_export.");
        engine_quote_identifier(&sql, str_of(text));
        buf_puts(&sql, " AS SELECT * FROM ");
        engine_quote_identifier(&sql, str_of(text));
        if (code == ERR_OK)
            code = engine_execute(exporter->engine, buf_text(&sql), NULL, 0, err);
    }
    if (code == ERR_OK)
        code = engine_execute(exporter->engine, "DETACH marrow_export", NULL, 0, err);
    if (code == ERR_OK)
        code = settle(staged, path, exporter->options->overwrite, err);
    if (code != ERR_OK) {
        struct err ignored;
        enum err_code removed = file_remove(staged, &ignored);
        (void)removed;
        return code;
    }
    return add_file(exporter, file_base_name(path), path, -1, err);
}

static enum err_code run_export(struct exporter *exporter, struct err *err)
{
    const struct api_export_options *options = exporter->options;
    bool ok = true;
    JSON_AUTO names = json_array();
    if (options->what != NULL)
        json_push_text(names, options->what, &ok);
    else
        TRY(names_of(exporter, names, err));
    TRY(json_built(ok, err));
    if (exporter->format->copy == NULL)
        return export_database(exporter, names, err);
    return options->what != NULL ? export_one(exporter, options->what, options->path, err)
                                 : export_folder(exporter, names, err);
}

enum err_code api_export(struct api *api, const struct api_export_options *options, json_t **ret,
                         struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    AUTO(engine_close) struct engine *engine = NULL;
    JSON_AUTO files = json_array();
    struct exporter exporter = {.api = api, .options = options, .files = files};
    int64_t started_us = clock_monotonic_us();
    bool ok = true;
    api_begin(api);
    TRY(format_find(options->format, &exporter.format, err));
    TRY(store_version_open(api->store, options->dataset, options->version, &version, err));
    struct engine_options engine_options = api_engine_options(api);
    TRY(engine_open(&engine_options, &engine, err));
    engine_set_progress(engine, api->options.progress, "export", options->dataset);
    exporter.version = version;
    exporter.engine = engine;
    enum err_code code = run_export(&exporter, err);
    if (code != ERR_OK) {
        api_record_failure(api, options->dataset, "export", err, started_us);
        return code;
    }
    json_t *object = json_object();
    json_put_text(object, "dataset", options->dataset, &ok);
    json_put_text(object, "version", store_version_id(version), &ok);
    json_put_text(object, "format", options->format, &ok);
    json_put(object, "files", json_incref(files), &ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = object;
    json_t *entry = json_object();
    json_put_flag(entry, "ok", true, &ok);
    json_put_text(entry, "version", store_version_id(version), &ok);
    json_put_text(entry, "what", options->what, &ok);
    json_put_text(entry, "format", options->format, &ok);
    json_put_int(entry, "files", (int64_t)json_array_size(files), &ok);
    api_record(api, options->dataset, "export", entry);
    return json_built(ok, err);
}

/* The statement without a closing semicolon, so that it can stand inside COPY (…). It has been
 * checked to be one SELECT by then. */
static void bare_select(const char *sql, struct buf *out)
{
    struct str text = str_trim(str_of(sql));
    while (text.len > 0 && text.ptr[text.len - 1] == ';') {
        text.len--;
        text = str_trim(text);
    }
    buf_add_str(out, text);
}

enum err_code api_write_parquet(struct engine *engine, struct store_version *version,
                                const char *select, const char *path, int64_t *ret_rows,
                                int64_t *ret_bytes, struct err *err)
{
    const struct format *format = NULL;
    struct file_info info;
    TRY(format_find("parquet", &format, err));
    TRY(copy_select(engine, version, select, format, path, true, ret_rows, err));
    TRY(file_stat(path, &info, err));
    *ret_bytes = info.bytes;
    return ERR_OK;
}

enum err_code api_write_csv_nulls(struct engine *engine, struct store_version *version,
                                  const char *select, const char *path, struct err *err)
{
    static const struct format csv = {"csv", ".csv", "(FORMAT csv, HEADER, NULLSTR '\\N')"};
    int64_t rows = 0;
    return copy_select(engine, version, select, &csv, path, true, &rows, err);
}

struct written {
    struct store_version *version;
    json_t *marts;
    int64_t rows, bytes;
};

static enum err_code write_query(struct api *api, const struct api_query_options *options,
                                 const char *path, struct written *written, struct err *err)
{
    AUTO(engine_close) struct engine *engine = NULL;
    AUTO(buf_done) struct buf select = BUF_INIT;
    const struct format *format = NULL;
    char staged[FILE_PATH_BYTES];
    struct file_info info;
    struct api_query_marts marts = {.pinned = options->marts,
                                    .used = written->marts,
                                    .exact = options->version != NULL && !options->recent};
    TRY(format_find("parquet", &format, err));
    TRY(staged_name(path, staged, err));
    TRY(api_query_prepare(api, written->version, options->sql, &marts, staged, &engine, err));
    engine_set_time_limit(engine, options->time_limit_ms > 0 ? options->time_limit_ms
                                                             : API_QUERY_TIME_LIMIT_MS);
    engine_set_progress(engine, api->options.progress, "query", options->dataset);
    bare_select(options->sql, &select);
    TRY(buf_check(&select, err));
    TRY(api_statement_blame(
        copy_select(engine, written->version, buf_text(&select), format, path, true, &written->rows,
                    err),
        err));
    TRY(file_stat(path, &info, err));
    written->bytes = info.bytes;
    return ERR_OK;
}

enum err_code api_query_parquet(struct api *api, const struct api_query_options *options,
                                const char *path, json_t **ret, struct err *err)
{
    AUTO(store_version_close) struct store_version *version = NULL;
    JSON_AUTO marts = json_object();
    int64_t started_us = clock_monotonic_us();
    bool ok = true;
    api_begin(api);
    TRY(store_version_open(api->store, options->dataset, options->version, &version, err));
    struct written written = {.version = version, .marts = marts};
    enum err_code code = write_query(api, options, path, &written, err);
    if (code != ERR_OK) {
        api_record_failure(api, options->dataset, "sql", err, started_us);
        return code;
    }
    json_t *entry = api_statement_entry(api, version, options->sql, options->sql, marts, &ok);
    json_put_flag(entry, "ok", true, &ok);
    json_put_int(entry, "rows", written.rows, &ok);
    json_put_flag(entry, "streamed", true, &ok);
    json_put_text(entry, "format", "parquet", &ok);
    json_put_int(entry, "duration_ms", api_elapsed_ms(started_us), &ok);
    api_record(api, options->dataset, "sql", entry);
    json_t *object = json_object();
    json_put_text(object, "version", store_version_id(version), &ok);
    json_put_text(object, "path", path, &ok);
    json_put_int(object, "rows", written.rows, &ok);
    json_put_int(object, "bytes", written.bytes, &ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = object;
    return json_built(ok, err);
}
