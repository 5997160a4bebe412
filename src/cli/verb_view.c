/* view check | sql | ddl | run | query | create | refresh | list | status | drop: SQL on FHIR. */
#include "cli/render.h"

#include <stdio.h>
#include <string.h>

#define VIEWS_MOST 1000
#define PATHS_MOST 1000

/* ---- what a view is -----------------------------------------------------------------------------
 */

/* The store is opened only where a dataset's own views are meant. */
static enum err_code open_for(struct cli *cli, const char **ret_dataset, struct err *err)
{
    *ret_dataset = cli_text(cli, "dataset", NULL);
    return *ret_dataset != NULL ? cli_open(cli, false, err) : ERR_OK;
}

static void put_columns(struct cli *cli, const json_t *columns)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    bool typed = json_object_get(json_array_get(columns, 0), "fhir_type") != NULL;
    cli_table_column(table, "column", false);
    if (typed)
        cli_table_column(table, "FHIR type", false);
    cli_table_column(table, "type", false);
    cli_table_column(table, "what", false);
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *one = json_array_get(columns, i);
        const char *fhir_type = json_text(one, "fhir_type", "");
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        if (typed)
            cli_table_printf(table, CLI_PLAIN, "%s%s",
                             fhir_type[0] != '\0' ? fhir_type : "not known",
                             json_flag(one, "collection", false) ? " (several)" : "");
        cli_table_cell(table, CLI_PLAIN, json_text(one, "type", ""));
        cli_table_cell(table, CLI_DIM, json_text(one, "description", ""));
    }
    cli_table_wrap(table);
    cli_table_print(cli, table, true);
}

static void put_notes(struct cli *cli, const json_t *notes)
{
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const json_t *note = json_array_get(notes, i);
        cli_style(cli, CLI_WARN, "· ");
        cli_add_visible(&cli->out, str_of(json_text(note, "path", "")));
        cli_say(cli, ": ");
        cli_add_visible(&cli->out, str_of(json_text(note, "message", "")));
        cli_say(cli, "\n");
    }
}

/* Indented: what a dependency depends on. */
static void put_dependencies(struct cli *cli, const json_t *list, int indent)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        cli_say(cli, "%*s", indent, "");
        cli_style(cli, CLI_BOLD, "%s", json_text(one, "label", ""));
        cli_say(cli, ": %s ", json_text(one, "kind", ""));
        cli_add_visible(&cli->out, str_of(json_text(one, "canonical", "")));
        cli_say(cli, "\n");
        put_dependencies(cli, json_object_get(one, "dependencies"), indent + 2);
    }
}

static void put_library(struct cli *cli, const json_t *answer)
{
    const json_t *parameters = json_object_get(answer, "parameters");
    cli_style(cli, CLI_BOLD, "%s", json_text(answer, "library", ""));
    cli_say(cli, ": a %s over\n", json_text(answer, "profile", ""));
    put_dependencies(cli, json_object_get(answer, "dependencies"), 2);
    for (size_t i = 0; i < json_array_size(parameters); i++) {
        const json_t *one = json_array_get(parameters, i);
        cli_say(cli, "%s--param %s=%s%s\n", i == 0 ? "with\n  " : "  ", json_text(one, "name", ""),
                json_text(one, "fhir_type", ""),
                json_flag(one, "required", true) ? "" : "   (may be left out)");
    }
    cli_say(cli, "\n");
}

enum err_code verb_view_check(struct cli *cli, struct err *err)
{
    static const char *context[PATHS_MOST];
    JSON_AUTO answer = NULL;
    const char *dataset = NULL;
    TRY(open_for(cli, &dataset, err));
    TRY(api_view_check(cli->api, dataset, cli_word(cli, 0), context,
                       cli_list(cli, "context", context, PATHS_MOST), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    if (json_object_get(answer, "library") != NULL) {
        put_library(cli, answer);
    } else {
        cli_style(cli, CLI_BOLD, "%s", json_text(answer, "view", ""));
        cli_say(cli, ": rows of %s\n\n", json_text(answer, "resource", ""));
    }
    put_columns(cli, json_object_get(answer, "columns"));
    cli_say(cli, "\n");
    put_notes(cli, json_object_get(answer, "notes"));
    cli_style(cli, CLI_GOOD, "✓ the %s is sound\n",
              json_object_get(answer, "library") != NULL ? "Library" : "view");
    cli_next(cli, "marrow view run %s --data FOLDER", cli_word(cli, 0));
    return ERR_OK;
}

static enum err_code put_text(struct cli *cli, json_t *answer, const char *member, struct err *err)
{
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    buf_puts(&cli->out, json_text(answer, member, ""));
    cli_say(cli, ";\n");
    return ERR_OK;
}

enum err_code verb_view_sql(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    const char *dataset = NULL;
    TRY(open_for(cli, &dataset, err));
    TRY(api_view_sql(cli->api, dataset, cli_word(cli, 0), cli_text(cli, "dialect", NULL), &answer,
                     err));
    return put_text(cli, answer, "sql", err);
}

enum err_code verb_view_ddl(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    const char *dataset = NULL;
    TRY(open_for(cli, &dataset, err));
    TRY(api_view_ddl(cli->api, dataset, cli_word(cli, 0), cli_text(cli, "dialect", NULL), &answer,
                     err));
    return put_text(cli, answer, "ddl", err);
}

/* ---- its rows -----------------------------------------------------------------------------------
 */

static enum err_code open_rows(void *user, struct api *api, struct api_rows **ret, struct err *err)
{
    return api_view_rows(api, user, ret, err);
}

static enum err_code write_parquet(void *user, struct api *api, const char *path, json_t **ret,
                                   struct err *err)
{
    return api_view_parquet(api, user, path, ret, err);
}

static enum err_code stream_rows(void *user, struct api *api, const char *format,
                                 enum err_code (*write)(void *, struct str, struct err *),
                                 void *write_user, json_t **ret, struct err *err)
{
    struct api_view_stream stream = {.write = write, .user = write_user};
    stream.format = strcmp(format, "csv") == 0    ? API_VIEW_CSV
                    : strcmp(format, "json") == 0 ? API_VIEW_JSON
                                                  : API_VIEW_NDJSON;
    return api_view_stream(api, user, &stream, ret, err);
}

static enum err_code write_rows(struct cli *cli, struct api_view_run_options *options,
                                struct err *err)
{
    const char *freshness = cli_text(cli, "freshness", "latest"),
               *on_error = cli_text(cli, "on-error", "fail");
    options->snapshot = strcmp(freshness, "snapshot") == 0;
    options->null_on_error = strcmp(on_error, "null") == 0;
    options->row_limit = cli_number(cli, "limit", 0);
    bool is_library = false;
    if (options->dataset != NULL)
        TRY(cli_open(cli, false, err));
    TRY(api_view_is_library(cli->api, options->dataset, options->view, &is_library, err));
    if (!is_library && json_object_size(options->params) > 0)
        return err_set(err, ERR_USAGE, "a ViewDefinition takes no --param; a Library does");
    struct cli_rows_ask ask = {
        .open = open_rows,
        .parquet = options->engine == NULL ? write_parquet : NULL,
        .stream =
            options->path_count > 0 && !is_library && cli_text(cli, "limit", NULL) == NULL
                ? stream_rows
                : NULL,
        .objects = true,
        .user = options};
    return cli_rows_write(cli, &ask, err);
}

enum err_code verb_view_run(struct cli *cli, struct err *err)
{
    static const char *paths[PATHS_MOST], *context[PATHS_MOST];
    JSON_AUTO params = json_object();
    TRY(cli_params(cli, params, err));
    struct api_view_run_options options = {.view = cli_word(cli, 0),
                                           .dataset = cli_text(cli, "dataset", NULL),
                                           .version = cli_text(cli, "version", NULL),
                                           .paths = paths,
                                           .path_count = cli_list(cli, "data", paths, PATHS_MOST),
                                           .engine = cli_text(cli, "engine", NULL),
                                           .params = params,
                                           .context = context,
                                           .context_count =
                                               cli_list(cli, "context", context, PATHS_MOST)};
    if ((options.dataset == NULL) == (options.path_count == 0)) {
        err_set(err, ERR_USAGE,
                options.dataset == NULL ? "'view run' needs resources to read"
                                        : "--dataset and --data were both given");
        return err_hint(err, "marrow view run %s --data FOLDER, or --dataset NAME", options.view);
    }
    if (options.engine != NULL && strcmp(cli_text(cli, "on-error", "fail"), "null") == 0)
        return err_set(err, ERR_USAGE,
                       "--on-error null goes with evaluation here: a server's SQL fails");
    if (options.engine != NULL && options.dataset == NULL)
        return err_set(err, ERR_USAGE,
                       "--engine runs over a dataset that was pushed: --dataset NAME");
    TRY(write_rows(cli, &options, err));
    if (options.dataset != NULL)
        cli_next(cli, "marrow view create %s %s   # keep it as a table", options.dataset,
                 options.view);
    return ERR_OK;
}

enum err_code verb_view_query(struct cli *cli, struct err *err)
{
    struct api_view_run_options options = {.dataset = cli_word(cli, 0),
                                           .view = cli_word(cli, 1),
                                           .search = cli_word(cli, 2),
                                           .version = cli_text(cli, "version", NULL)};
    return write_rows(cli, &options, err);
}

/* ---- what is materialised
 * ------------------------------------------------------------------------ */

static enum err_code max_staleness(struct cli *cli, int64_t *ret, struct err *err)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    const char *text = cli_text(cli, "max-staleness", NULL);
    *ret = -1;
    if (text == NULL)
        return ERR_OK;
    struct str number = str_of(text);
    int64_t factor = 1;
    for (size_t i = 0; i < sizeof units / sizeof *units && number.len > 0; i++)
        if (text[number.len - 1] == units[i].unit) {
            factor = units[i].seconds;
            number.len--;
            break;
        }
    if (str_to_int64(number, ret) && *ret >= 0 && *ret <= INT64_C(1000000000)) {
        *ret *= factor;
        return ERR_OK;
    }
    err_set(err, ERR_USAGE, "--max-staleness: expected a time such as 15m, 2h or 1d");
    return err_hint(err, "0 means: only what holds every change is fresh");
}

static const char *words_of(const json_t *view)
{
    const char *how = json_text(view, "how", "");
    return strcmp(how, "kept") == 0           ? "kept"
           : json_flag(view, "reused", false) ? "reused"
           : strcmp(how, "delta") == 0        ? "refreshed"
                                              : "built";
}

static bool all_kept(const json_t *views)
{
    bool kept = true;
    for (size_t i = 0; i < json_array_size(views); i++)
        kept = kept && strcmp(json_text(json_array_get(views, i), "how", ""), "kept") == 0;
    return kept;
}

/* What of each view's rows is null because it broke a rule, and where. */
static void put_nulled(struct cli *cli, const json_t *views)
{
    char a[32], b[32];
    for (size_t i = 0; i < json_array_size(views); i++) {
        const json_t *one = json_array_get(views, i), *nulled = json_object_get(one, "nulled"),
                     *first = json_object_get(nulled, "first");
        int64_t values = json_int(nulled, "values", 0), resources = json_int(nulled, "resources", 0);
        if (resources == 0)
            continue;
        cli_style(cli, CLI_WARN, "! ");
        cli_say(cli, "%s: %s %s of %s %s %s null, against the column's rule: ",
                json_text(one, "name", ""), cli_count(values, a),
                cli_plural(values, "value", "values"), cli_count(resources, b),
                cli_plural(resources, "resource", "resources"), values == 1 ? "is" : "are");
        for (size_t k = 0; k < json_array_size(first); k++) {
            const json_t *place = json_array_get(first, k);
            cli_say(cli, "%s%s/", k > 0 ? "; " : "", json_text(one, "resource", ""));
            cli_add_visible(&cli->out, str_of(json_text(place, "id", "")));
            cli_say(cli, " %s", json_text(place, "column", ""));
        }
        cli_say(cli, resources > (int64_t)json_array_size(first) ? "; …\n" : "\n");
    }
}

static void put_made(struct cli *cli, const json_t *answer)
{
    char a[32], b[32];
    const json_t *views = json_object_get(answer, "views");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "view", false);
    cli_table_column(table, "state", false);
    cli_table_column(table, "rows written", true); /* of a delta: with a mark a changed resource */
    cli_table_column(table, "bytes", true);
    cli_table_column(table, "time", true);
    cli_table_column(table, "why", false);
    for (size_t i = 0; i < json_array_size(views); i++) {
        const json_t *one = json_array_get(views, i);
        bool made = json_object_get(one, "row_count") != NULL;
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_cell(table, made ? CLI_GOOD : CLI_DIM, words_of(one));
        cli_table_cell(table, CLI_PLAIN, made ? cli_count(json_int(one, "row_count", 0), a) : "");
        cli_table_cell(table, CLI_PLAIN, made ? cli_bytes(json_int(one, "bytes", 0), a) : "");
        cli_table_cell(table, CLI_PLAIN,
                       made ? cli_duration(json_int(one, "duration_ms", 0), a) : "");
        if (json_object_get(one, "changed_resources") != NULL)
            cli_table_printf(table, CLI_DIM, "%s: %s resources", json_text(one, "reason", ""),
                             cli_count(json_int(one, "changed_resources", 0), a));
        else
            cli_table_cell(table, CLI_DIM, json_text(one, "reason", ""));
    }
    cli_table_wrap(table);
    cli_table_print(cli, table, true);
    put_nulled(cli, views);
    bool idle = all_kept(views); /* its time would be a rounded nothing */
    cli_style(cli, CLI_GOOD, "✓ %zu %s of %s, version %.12s%s%s\n", json_array_size(views),
              cli_plural((int64_t)json_array_size(views), "view", "views"),
              json_text(answer, "dataset", ""), json_text(answer, "version", ""),
              idle ? ": up to date, nothing was made" : ", in ",
              idle ? "" : cli_duration(json_int(answer, "duration_ms", 0), b));
}

static void put_server(struct cli *cli, const json_t *server)
{
    if (server != NULL)
        cli_style(cli, CLI_GOOD, "✓ %zu tables of schema %s on %s\n",
                  json_array_size(json_object_get(server, "tables")),
                  json_text(server, "schema", ""), json_text(server, "engine", ""));
}

static enum err_code call_views(struct cli *cli,
                                enum err_code (*call)(struct api *,
                                                      const struct api_views_options *, json_t **,
                                                      struct err *),
                                json_t **ret, struct err *err)
{
    static const char *views[VIEWS_MOST], *context[PATHS_MOST];
    struct api_views_options options = {.dataset = cli_word(cli, 0),
                                        .views = views,
                                        .context = context,
                                        .context_count =
                                            cli_list(cli, "context", context, PATHS_MOST),
                                        .engine = cli_text(cli, "engine", NULL),
                                        .force = cli_flag(cli, "force")};
    const char *on_error = cli_text(cli, "on-error", NULL);
    if (on_error != NULL)
        options.on_error = strcmp(on_error, "null") == 0 ? API_ON_ERROR_NULL : API_ON_ERROR_FAIL;
    for (int i = 1; cli_word(cli, i) != NULL && options.view_count < VIEWS_MOST; i++)
        views[options.view_count++] = cli_word(cli, i);
    TRY(max_staleness(cli, &options.max_staleness_s, err));
    TRY(cli_open(cli, false, err));
    return call(cli->api, &options, ret, err);
}

enum err_code verb_view_create(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(call_views(cli, api_views_create, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    put_made(cli, answer);
    put_server(cli, json_object_get(answer, "server"));
    cli_next(cli, "marrow sql %s \"SELECT * FROM sqlonfhir.%s\"", cli_word(cli, 0),
             json_text(json_array_get(json_object_get(answer, "views"), 0), "name", ""));
    return ERR_OK;
}

enum err_code verb_view_refresh(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(call_views(cli, api_views_refresh, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    put_made(cli, answer);
    put_server(cli, json_object_get(answer, "server"));
    return ERR_OK;
}

enum err_code verb_view_drop(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(call_views(cli, api_views_drop, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    size_t count = json_array_size(json_object_get(answer, "dropped"));
    cli_style(cli, CLI_GOOD, "✓ %zu %s dropped\n", count,
              cli_plural((int64_t)count, "view", "views"));
    cli_next(cli, "marrow prune %s   # frees the space of what nothing uses", cli_word(cli, 0));
    return ERR_OK;
}

static const char *age_text(int64_t seconds, char ret[32])
{
    return seconds == 0 ? "nothing newer" : cli_duration(seconds * 1000, ret);
}

/* How often rows came which way, since the dataset is. */
static void put_routes(struct cli *cli, const json_t *routes)
{
    char a[32], b[32], c[32], d[32];
    if (routes == NULL)
        return;
    cli_say(cli, "\nanswered from materialised rows %s, stale ones %s, on the fly %s, by bitmaps %s\n",
            cli_count(json_int(routes, "materialised", 0), a),
            cli_count(json_int(routes, "stale", 0), b),
            cli_count(json_int(routes, "on_the_fly", 0), c),
            cli_count(json_int(routes, "bitmap", 0), d));
}

static enum err_code put_list(struct cli *cli, bool close_look, struct err *err)
{
    static const char *views[VIEWS_MOST];
    size_t count = 0;
    char a[32];
    JSON_AUTO answer = NULL;
    for (int i = 1; cli_word(cli, i) != NULL && count < VIEWS_MOST; i++)
        views[count++] = cli_word(cli, i);
    TRY(cli_open(cli, false, err));
    TRY(api_views_list(cli->api, cli_word(cli, 0), views, count, close_look, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *list = json_object_get(answer, "views");
    if (json_array_size(list) == 0) {
        cli_say(cli, "no views are materialised\n");
        cli_next(cli, "marrow view create %s", cli_word(cli, 0));
        return ERR_OK;
    }
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "view", false);
    cli_table_column(table, "rows", true);
    cli_table_column(table, "bytes", true);
    cli_table_column(table, "as of", false);
    cli_table_column(table, "lacks changes since", true);
    cli_table_column(table, "fresh", false);
    cli_table_column(table, "last took", true);
    if (close_look)
        cli_table_column(table, "changes it lacks", true);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        bool fresh = json_flag(one, "fresh", false);
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_count(table, json_int(one, "rows", 0));
        cli_table_cell(table, CLI_PLAIN, cli_bytes(json_int(one, "bytes", 0), a));
        cli_table_cell(table, CLI_PLAIN, cli_time(json_text(one, "as_of", ""), a));
        cli_table_cell(table, CLI_PLAIN, age_text(json_int(one, "staleness_s", 0), a));
        cli_table_cell(table, fresh ? CLI_GOOD : CLI_WARN, fresh ? "yes" : "stale");
        cli_table_cell(table, CLI_PLAIN, cli_duration(json_int(one, "last_duration_ms", 0), a));
        if (close_look && json_is_null(json_object_get(one, "pending_changes")))
            cli_table_cell(table, CLI_PLAIN, "all");
        else if (close_look)
            cli_table_count(table, json_int(one, "pending_changes", 0));
    }
    cli_table_print(cli, table, true);
    put_nulled(cli, list);
    put_routes(cli, json_object_get(answer, "routes"));
    return ERR_OK;
}

enum err_code verb_view_list(struct cli *cli, struct err *err)
{
    return put_list(cli, false, err);
}

enum err_code verb_view_status(struct cli *cli, struct err *err)
{
    return put_list(cli, true, err);
}
