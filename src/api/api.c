/* Opening, warnings, history entries: what every use case needs. */
#include "api/api_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *store_directory_of(const struct api_options *options)
{
    const char *environment = getenv("MARROW_STORE");
    if (options->store != NULL)
        return options->store;
    return environment != NULL && environment[0] != '\0' ? environment : "marrow-store";
}

enum err_code api_open(const struct api_options *options, struct api **ret, struct err *err)
{
    json_install();
    AUTO(api_close) struct api *api = mem_zalloc(1, sizeof *api);
    if (api == NULL || (api->warnings = json_array()) == NULL)
        return err_set(err, ERR_MEMORY, "no memory to open the store");
    api->options = *options;
    (void)snprintf(api->directory, sizeof api->directory, "%s", store_directory_of(options));
    TRY(api_runtime_resolve(api, err));
    struct store_options store = {.directory = api->directory,
                                  .create = options->create,
                                  .engine = api_engine_options(api),
                                  .progress = options->progress};
    if (!options->storeless)
        TRY(store_open(&store, &api->store, err));
    *ret = api;
    api = NULL;
    return ERR_OK;
}

void api_close(struct api *api)
{
    if (api == NULL)
        return;
    store_close(api->store);
    json_decref(api->warnings);
    mem_free(api);
}

const char *api_store_directory(const struct api *api)
{
    return api->directory;
}

const json_t *api_warnings(const struct api *api)
{
    return api->warnings;
}

void api_begin(struct api *api)
{
    (void)json_array_clear(api->warnings);
}

void api_warn(struct api *api, const char *format, ...)
{
    char text[1024];
    bool ok = true;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_push_text(api->warnings, text, &ok);
}

/* What a process takes beside its engine's buffers: programs and libraries, readers' batches,
 * typing statistics, what the allocator keeps (measured at 1 GB of CSV on two threads: 145 MB; the
 * rest is margin). */
#define PROCESS_BYTES (144LL << 20)
#define THREAD_BYTES (16LL << 20)

/* The number that a person gives is what the process may take; the engine gets what is left, a
 * quarter at least. */
static int64_t engine_share(const struct api_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t given = options->memory_bytes;
    int64_t threads = options->threads > 0 ? options->threads : cores > 0 ? cores : 1;
    int64_t left = given - PROCESS_BYTES - threads * THREAD_BYTES;
    return given <= 0 ? 0 : left > given / 4 ? left : given / 4;
}

struct engine_options api_engine_options(const struct api *api)
{
    return (struct engine_options){
        .memory_bytes = engine_share(&api->options),
        .threads = api->options.threads,
        .spill_directory = api->options.storeless && !file_exists(api->spill) ? NULL : api->spill,
        .spill_bytes = api->options.spill_bytes,
        .progress = api->options.progress,
    };
}

int64_t api_elapsed_ms(int64_t started_us)
{
    return (clock_monotonic_us() - started_us) / 1000;
}

void api_record(struct api *api, const char *dataset, const char *kind, json_t *entry_taken)
{
    struct err err = {0};
    bool ok = entry_taken != NULL;
    JSON_AUTO entry = json_object();
    json_put_text(entry, "kind", kind, &ok);
    if (ok && json_object_update(entry, entry_taken) != 0)
        ok = false;
    json_decref(entry_taken);
    if (!store_is_writable(api->store)) {
        api_warn(api, "the store is read-only: this was not recorded in the history");
        return;
    }
    if (!ok || store_history_append(api->store, dataset, entry, &err) != ERR_OK)
        api_warn(api, "this was not recorded in the history: %s", ok ? err.message : "no memory");
}

/* What stands between quotes may be a cell that somebody typed (a name that is no column, a literal
 * that is not closed): all from the first quote that begins a word to the last one goes. */
static void mask_quoted(const char *text, struct buf *ret)
{
    const char *first = NULL, *last = NULL;
    for (const char *p = text; *p != '\0'; p++) {
        bool quote = *p == '\'' || *p == '"' || *p == '`';
        bool begins = p == text || strchr(" ([{:=,", p[-1]) != NULL;
        if (quote && first == NULL && begins)
            first = p;
        if (quote)
            last = p;
    }
    if (first == NULL) {
        buf_puts(ret, text);
        return;
    }
    buf_add_str(ret, (struct str){text, (size_t)(first - text)});
    buf_puts(ret, "'…'");
    buf_puts(ret, last > first ? last + 1 : "");
}

void api_record_failure(struct api *api, const char *dataset, const char *kind,
                        const struct err *err, int64_t started_us)
{
    bool ok = true;
    if (!store_is_writable(api->store))
        return; /* nobody expects a failure to be recorded there: the error alone is shown */
    json_t *entry = json_object();
    json_put_flag(entry, "ok", false, &ok);
    json_put_text(entry, "error", err_code_name(err->code), &ok);
    if (!api->options.show_values) { /* else cells may stand in it */
        AUTO(buf_done) struct buf message = BUF_INIT;
        mask_quoted(err->message, &message);
        json_put_str(entry, "message", buf_view(&message), &ok);
        /* an engine's words may hold a value without quotes: what kind of error it was stays */
        size_t kind_bytes = strcspn(err->detail, ":'\"");
        if (err->detail[kind_bytes] == ':' && kind_bytes > 0)
            json_put_str(entry, "detail", (struct str){err->detail, kind_bytes}, &ok);
    }
    json_put_int(entry, "duration_ms", api_elapsed_ms(started_us), &ok);
    api_record(api, dataset, kind, entry);
}

enum err_code api_open_profile(struct api *api, const char *dataset, const char *version,
                               struct store_version **ret_version, struct profile **ret_profile,
                               struct err *err)
{
    TRY(store_version_open(api->store, dataset, version, ret_version, err));
    return profile_open(api->store, *ret_version, ret_profile, err);
}

json_t *api_push_column(json_t *columns, const char *name, struct data_type type, bool *ok)
{
    char text[32];
    size_t before = json_array_size(columns);
    json_t *one = json_object();
    json_put_text(one, "name", name, ok);
    json_put_text(one, "type", data_type_text(type, text), ok);
    json_push(columns, one, ok);
    return json_array_size(columns) > before ? one : NULL;
}
