/* import: paths in, a version out; prints a table of tables, what was skipped, the size beside the
 * input's. */
#include "cli/render.h"

#include "base/file.h"
#include "data/typing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT_COMPARED_BYTES                                                                      \
    1000000              /* below, the files' own overhead is all there is to compare */
#define IMPORT_NULLS 256 /* --null texts */
#define IMPORT_STACKS 64
#define IMPORT_SHOWN_SKIPPED 10

/* TABLE.COLUMN=TYPE into {TABLE:{COLUMN:{type}}}, or how its texts are to be read into {…:{read}}.
 * The last '=' and the first '.' part it: a column's name may hold dots. */
static enum err_code add_type(json_t *overrides, const char *text, struct err *err)
{
    const char *equals = strrchr(text, '='), *dot = strchr(text, '.');
    struct data_type type;
    char name[32];
    if (equals == NULL || dot == NULL || dot > equals || dot == text || equals == dot + 1 ||
        equals[1] == '\0') {
        err_set(err, ERR_USAGE, "--type: expected TABLE.COLUMN=TYPE, found '%.300s'", text);
        return err_hint(err, "for example --type labs.code=text");
    }
    bool ok = true, read = typing_format_find(str_of(equals + 1)) != NULL ||
                           strcmp(equals + 1, "comparator") == 0;
    if (!read)
        TRY(data_type_parse(str_of(equals + 1), &type, err));
    __attribute__((cleanup(auto_mem_free))) char *table = mem_strndup(text, (size_t)(dot - text));
    __attribute__((cleanup(auto_mem_free))) char *key =
        mem_strndup(dot + 1, (size_t)(equals - dot - 1));
    json_t *columns = table == NULL ? NULL : json_object_get(overrides, table);
    if (columns == NULL && table != NULL) {
        columns = json_object();
        json_put(overrides, table, columns, &ok);
    }
    json_t *column = key == NULL ? NULL : json_object_get(columns, key);
    if (column == NULL && key != NULL && columns != NULL) {
        column = json_object();
        json_put(columns, key, column, &ok);
    }
    if (column == NULL)
        ok = false;
    else
        json_put_text(column, read ? "read" : "type",
                      read ? equals + 1 : data_type_text(type, name), &ok);
    return json_built(ok, err);
}

/* yes, no, or how many rows hold names. */
enum err_code cli_read_header(const char *text, int *ret, struct err *err)
{
    if (text == NULL || strcmp(text, "yes") == 0 || strcmp(text, "no") == 0) {
        *ret = text == NULL ? -1 : strcmp(text, "yes") == 0;
        return ERR_OK;
    }
    if (text[0] >= '0' && text[0] <= '9' && text[1] == '\0') {
        *ret = text[0] - '0';
        return ERR_OK;
    }
    err_set(err, ERR_USAGE,
            "--header: expected yes, no or a number of rows up to 9, found '%.100s'", text);
    return err_hint(err, "for example --header 2 where a row of groups stands above the names");
}

enum err_code cli_read_overrides(const struct cli *cli, json_t **ret, struct err *err)
{
    const char *types[IMPORT_NULLS];
    const char *path = cli_text(cli, "overrides", NULL);
    size_t count = cli_list(cli, "type", types, IMPORT_NULLS);
    JSON_AUTO overrides = NULL;
    if (path != NULL)
        TRY(json_read_file(path, &overrides, err));
    if (overrides != NULL && !json_is_object(overrides)) {
        err_set(err, ERR_INPUT, "expected an object of tables");
        err_at(err, path, 0, 0);
        return err_hint(err, "the form is {TABLE:{COLUMN:{\"type\":\"text\"}}}");
    }
    if (overrides == NULL && count > 0)
        overrides = json_object();
    for (size_t i = 0; i < count; i++)
        TRY(add_type(overrides, types[i], err));
    *ret = json_incref(overrides);
    return ERR_OK;
}

void cli_put_imported(struct cli *cli, const json_t *tables)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "table", false);
    cli_table_column(table, "rows", true);
    cli_table_column(table, "columns", true);
    cli_table_column(table, "rejected", true);
    cli_table_column(table, "warnings", true);
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i);
        int64_t rejected = json_int(one, "rejected_rows", 0),
                warnings = (int64_t)json_array_size(json_object_get(one, "warnings"));
        char text[32];
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_count(table, json_int(one, "rows", 0));
        cli_table_count(table, (int64_t)json_array_size(json_object_get(one, "columns")));
        cli_table_cell(table, rejected > 0 ? CLI_WARN : CLI_DIM,
                       rejected > 0 ? cli_count(rejected, text) : NULL);
        cli_table_cell(table, warnings > 0 ? CLI_WARN : CLI_DIM,
                       warnings > 0 ? cli_count(warnings, text) : NULL);
    }
    cli_table_print(cli, table, true);
}

void cli_put_skipped(struct cli *cli, const json_t *skipped)
{
    size_t count = json_array_size(skipped);
    if (count == 0)
        return;
    cli_say(cli, "\nskipped (%zu):\n", count);
    for (size_t i = 0; i < count && i < IMPORT_SHOWN_SKIPPED; i++) {
        const json_t *one = json_array_get(skipped, i);
        cli_say(cli, "  ");
        cli_add_visible(&cli->out, str_of(json_text(one, "path", "")));
        cli_say(cli, ": ");
        cli_add_visible(&cli->out, str_of(json_text(one, "reason", "")));
        cli_say(cli, "\n");
    }
    if (count > IMPORT_SHOWN_SKIPPED)
        cli_say(cli, "  … and %zu more (--json lists all)\n", count - IMPORT_SHOWN_SKIPPED);
}

static void render(struct cli *cli, const json_t *answer)
{
    const json_t *tables = json_object_get(answer, "tables");
    const char *name = json_text(answer, "dataset", "");
    int64_t bytes = json_int(answer, "bytes", 0), bytes_in = json_int(answer, "bytes_in", 0),
            rejected = json_int(answer, "rejected_rows", 0), rows = 0;
    char a[32], b[32], c[32];
    for (size_t i = 0; i < json_array_size(tables); i++)
        rows += json_int(json_array_get(tables, i), "rows", 0);
    cli_put_imported(cli, tables);
    cli_put_skipped(cli, json_object_get(answer, "skipped"));
    cli_put_table_warnings(cli, tables);
    cli_say(cli, "\n");
    cli_style(cli, CLI_GOOD, "✓ %s", name);
    cli_say(
        cli, " version %.12s%s: %zu %s, %s rows in %s\n", json_text(answer, "version", ""),
        json_flag(answer, "reused", false) ? " (the same content was there already: reused)" : "",
        json_array_size(tables), cli_plural((int64_t)json_array_size(tables), "table", "tables"),
        cli_count(rows, a), cli_duration(json_int(answer, "duration_ms", 0), b));
    if (bytes > 0 && bytes_in > IMPORT_COMPARED_BYTES)
        cli_say(cli, "  %s read, %s kept (two copies of every table): %.0f %% of the input\n",
                cli_bytes(bytes_in, a), cli_bytes(bytes, b),
                100.0 * (double)bytes / (double)bytes_in);
    if (rejected > 0)
        cli_style(cli, CLI_WARN,
                  "  %s %s could not be read and %s kept apart in rejects.csv ('marrow show %s' "
                  "says where)\n",
                  cli_count(rejected, c), cli_plural(rejected, "row", "rows"),
                  cli_plural(rejected, "is", "are"), name);
    if (json_int(answer, "relations", 0) > 0)
        cli_next(cli, "marrow relations %s   # the %" PRId64 " keys found between the tables", name,
                 json_int(answer, "relations", 0));
    else
        cli_next(cli, "marrow profile %s   # what the columns hold", name);
}

/* A path that is not there is told before the store is opened, so that a slip of the hand makes no
 * store; with the nearest name beside it. */
enum err_code cli_check_path(const char *path, struct err *err)
{
    char folder[FILE_PATH_BYTES];
    struct file_list list;
    if (file_exists(path))
        return ERR_OK;
    err_set(err, ERR_NOT_FOUND, "no such file or folder: %s", path);
    err_at(err, path, 0, 0);
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (length >= sizeof folder)
        return err->code;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)length, path);
    struct nearest nearest = {.asked = path + length};
    if (file_list_directory(length == 0 ? "." : folder, &list, ERR_IGNORED) != ERR_OK)
        return err_hint(err, "there is no folder %s", folder);
    for (size_t i = 0; i < list.count; i++)
        nearest_offer(&nearest, list.entries[i].name);
    if (nearest_text(&nearest) != NULL)
        err_hint(err, "did you mean '%s%s'?", folder, nearest_text(&nearest));
    else
        err_hint(err, "check the spelling, and that the disk is there");
    file_list_done(&list);
    return err->code;
}

/* The token without the line end that editors put behind it. */
static enum err_code read_token(const struct cli *cli, struct buf *ret, struct err *err)
{
    const char *path = cli_text(cli, "token-file", NULL), *given = getenv("MARROW_FHIR_TOKEN");
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (path != NULL)
        TRY(file_read(path, 65536, &text, err));
    else if (given != NULL)
        buf_puts(&text, given);
    struct str token = str_trim(buf_view(&text));
    for (size_t i = 0; i < token.len; i++)
        if (token.ptr[i] <= 0x20 || token.ptr[i] > 0x7e) {
            err_set(err, ERR_USAGE, "the token is no bearer token: it holds blanks or odd bytes");
            return err_hint(err, "the file is to hold the token alone");
        }
    buf_add_str(ret, token);
    return buf_check(ret, err);
}

static enum err_code need_input(const struct cli *cli, struct err *err)
{
    static const char *const of_servers[] = {"group", "resource-types", "since", "token-file"};
    bool server = cli_text(cli, "from-server", NULL) != NULL;
    if (cli->word_count == 0 && !server && cli_text(cli, "from-views", NULL) == NULL) {
        err_set(err, ERR_USAGE, "'import' needs more: expected %s", cli->verb->arguments);
        return err_hint(err, "for example: %s", cli->verb->examples[0]);
    }
    for (size_t i = 0; !server && i < sizeof of_servers / sizeof *of_servers; i++)
        if (cli_text(cli, of_servers[i], NULL) != NULL) {
            err_set(err, ERR_USAGE, "--%s belongs to --from-server", of_servers[i]);
            return err_hint(err, "for example: marrow import --from-server https://host/fhir");
        }
    return ERR_OK;
}

enum err_code verb_import(struct cli *cli, struct err *err)
{
    const char *nulls[IMPORT_NULLS];
    const char *header = cli_text(cli, "header", NULL),
               *delimiter = cli_text(cli, "delimiter", NULL);
    JSON_AUTO overrides = NULL;
    JSON_AUTO answer = NULL;
    const char *stack[IMPORT_STACKS];
    AUTO(buf_done) struct buf token = BUF_INIT;
    int rows = -1;
    TRY(need_input(cli, err));
    TRY(read_token(cli, &token, err));
    TRY(cli_read_header(header, &rows, err));
    TRY(cli_read_overrides(cli, &overrides, err));
    struct api_import_options options = {
        .paths = cli->words,
        .path_count = (size_t)cli->word_count,
        .name = cli_text(cli, "name", NULL),
        .encoding = cli_text(cli, "encoding", NULL),
        .delimiter = delimiter != NULL && strcmp(delimiter, "\\t") == 0 ? "\t" : delimiter,
        .header = rows,
        .strict = cli_flag(cli, "strict"),
        .overrides = overrides,
        .null_marker_count = cli_list(cli, "null", nulls, IMPORT_NULLS),
        .total_bytes = cli_number(cli, "max-bytes", 0),
    };
    options.from_server = cli_text(cli, "from-server", NULL);
    options.from_views = cli_text(cli, "from-views", NULL);
    options.cohort = cli_text(cli, "cohort", NULL);
    options.group = cli_text(cli, "group", NULL);
    options.types = cli_text(cli, "resource-types", NULL);
    options.since = cli_text(cli, "since", NULL);
    options.token = token.len > 0 ? buf_text(&token) : NULL;
    options.no_question_index = cli_flag(cli, "no-question-index");
    options.stack = stack;
    options.stack_count = cli_list(cli, "stack", stack, IMPORT_STACKS);
    options.null_markers = options.null_marker_count > 0 ? nulls : NULL;
    for (int i = 0; i < cli->word_count; i++)
        TRY(cli_check_path(cli_word(cli, i), err));
    TRY(cli_open(cli, true, err));
    enum err_code code = api_import(cli->api, &options, &answer, err);
    if (code == ERR_INTERRUPTED && err->hint[0] == '\0')
        (void)err_hint(err, "nothing was imported; the store is as it was");
    TRY(code);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    render(cli, answer);
    return ERR_OK;
}
