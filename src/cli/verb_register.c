/* register: folders that stay where they are; registry: how each table is read, and who says so. */
#include "cli/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REGISTER_WORDS 256 /* of each repeated option */

/* ---- register ----------------------------------------------------------------------------------
 */

static void render(struct cli *cli, const json_t *answer)
{
    const json_t *tables = json_object_get(answer, "tables");
    const char *name = json_text(answer, "dataset", "");
    int64_t rows = 0, files = 0, bytes = 0, rejected = json_int(answer, "rejected_rows", 0);
    char a[32], b[32], c[32];
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i), *place = json_object_get(one, "place");
        rows += json_int(one, "rows", 0);
        files += json_int(place, "files", 0);
        bytes += json_int(place, "bytes", 0);
    }
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
    cli_say(cli, "  %s %s, %s, read where they stand; nothing was copied\n", cli_count(files, a),
            cli_plural(files, "file", "files"), cli_bytes(bytes, b));
    if (rejected > 0)
        cli_style(cli, CLI_WARN,
                  "  %s %s could not be read and %s left out ('marrow show %s' says "
                  "which)\n",
                  cli_count(rejected, c), cli_plural(rejected, "row", "rows"),
                  cli_plural(rejected, "is", "are"), name);
    cli_next(cli, "marrow registry %s   # how its tables are read", name);
}

enum err_code verb_register(struct cli *cli, struct err *err)
{
    const char *tables[REGISTER_WORDS], *keys[REGISTER_WORDS], *sort[REGISTER_WORDS],
        *nulls[REGISTER_WORDS];
    const char *delimiter = cli_text(cli, "delimiter", NULL);
    JSON_AUTO overrides = NULL;
    JSON_AUTO answer = NULL;
    int rows = -1;
    TRY(cli_read_header(cli_text(cli, "header", NULL), &rows, err));
    TRY(cli_read_overrides(cli, &overrides, err));
    struct api_place_options place = {
        .format = cli_text(cli, "format", NULL),
        .tables = tables,
        .table_count = cli_list(cli, "table", tables, REGISTER_WORDS),
        .partition = keys,
        .partition_count = cli_list(cli, "partition", keys, REGISTER_WORDS),
        .sort = sort,
        .sort_count = cli_list(cli, "sort", sort, REGISTER_WORDS),
        .schema_policy = cli_text(cli, "schema-policy", NULL),
    };
    struct api_import_options options = {
        .paths = cli->words,
        .path_count = (size_t)cli->word_count,
        .name = cli_text(cli, "name", NULL),
        .delimiter = delimiter != NULL && strcmp(delimiter, "\\t") == 0 ? "\t" : delimiter,
        .header = rows,
        .overrides = overrides,
        .null_marker_count = cli_list(cli, "null", nulls, REGISTER_WORDS),
        .place = &place,
    };
    options.null_markers = options.null_marker_count > 0 ? nulls : NULL;
    for (int i = 0; i < cli->word_count; i++)
        TRY(cli_check_path(cli_word(cli, i), err));
    TRY(cli_open(cli, cli->word_count > 0, err));
    enum err_code code = api_register(cli->api, &options, &answer, err);
    if (code == ERR_INTERRUPTED && err->hint[0] == '\0')
        (void)err_hint(err, "nothing was registered; the store is as it was");
    TRY(code);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    render(cli, answer);
    return ERR_OK;
}

/* ---- registry ----------------------------------------------------------------------------------
 */

/* A word, or a list of columns; then who says it, where it is not the default. */
static void put_setting(struct cli_table *table, const json_t *entry, const char *key)
{
    const json_t *one = json_object_get(entry, key), *value = json_object_get(one, "value");
    const char *from = json_text(one, "from", "default");
    bool told = strcmp(from, "default") != 0 && strcmp(from, "registered") != 0;
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_puts(&text, json_is_string(value) ? json_string_value(value) : "");
    for (size_t i = 0; i < json_array_size(value); i++)
        buf_printf(&text, "%s%s", i == 0 ? "" : ", ", json_string_value(json_array_get(value, i)));
    if (told && text.len > 0 && strcmp(from, "table") != 0)
        buf_printf(&text, " (%s)", from);
    cli_table_cell(table, told ? CLI_BOLD : CLI_PLAIN, text.len > 0 ? buf_text(&text) : NULL);
}

static void render_registry(struct cli *cli, const json_t *answer)
{
    static const char *const keys[] = {"format", "partition_columns", "sort_order", "pruning",
                                       "schema_policy"};
    const json_t *tables = json_object_get(answer, "tables");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    char text[32];
    cli_table_column(table, "table", false);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cli_table_column(table, keys[i], false);
    cli_table_column(table, "files", true);
    cli_table_column(table, "size", true);
    cli_table_column(table, "stands at", false);
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i), *place = json_object_get(one, "place");
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            put_setting(table, one, keys[k]);
        if (place == NULL) {
            cli_table_cell(table, CLI_DIM, NULL);
            cli_table_cell(table, CLI_DIM, NULL);
            cli_table_cell(table, CLI_DIM, "in the store");
            continue;
        }
        cli_table_count(table, json_int(place, "files", 0));
        cli_table_cell(table, CLI_PLAIN, cli_bytes(json_int(place, "bytes", 0), text));
        cli_table_cell(table, CLI_DIM, json_text(place, "root", ""));
    }
    cli_table_print(cli, table, true);
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i);
        const char *problem = json_text(json_object_get(one, "place"), "problem", NULL);
        if (problem == NULL)
            continue;
        cli_style(cli, CLI_BAD, "✗ %s is not available: ", json_text(one, "name", ""));
        cli_add_visible(&cli->out, str_of(problem));
        cli_say(cli, "\n  marrow register --name %s   # a new version, of what is there now\n",
                json_text(answer, "dataset", ""));
    }
}

static enum err_code read_assignments(const struct cli *cli, int from, json_t **ret,
                                      struct err *err)
{
    bool ok = true;
    *ret = json_object();
    for (int i = from; i < cli->word_count; i++) {
        const char *word = cli_word(cli, i), *equals = strchr(word, '=');
        char key[64];
        if (equals == NULL || equals == word || equals - word >= (ptrdiff_t)sizeof key) {
            err_set(err, ERR_USAGE, "expected KEY=VALUE, found '%.200s'", word);
            return err_hint(err, "for example set pruning=off");
        }
        (void)snprintf(key, sizeof key, "%.*s", (int)(equals - word), word);
        json_put_text(*ret, key, equals + 1, &ok);
    }
    return json_built(ok, err);
}

enum err_code verb_registry(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    JSON_AUTO assignments = NULL;
    const char *first = cli_word(cli, 1), *second = cli_word(cli, 2);
    bool all = first != NULL && strcmp(first, "set") == 0;
    const char *table = all ? NULL : first, *verb = all ? first : second;
    if (verb != NULL && (strcmp(verb, "set") != 0 || cli->word_count < (all ? 3 : 4))) {
        err_set(err, ERR_USAGE, "'registry': expected NAME [TABLE] [set KEY=VALUE…]");
        return err_hint(err, "for example marrow registry %s %sset pruning=off", cli_word(cli, 0),
                        all ? "" : "TABLE ");
    }
    if (verb != NULL)
        TRY(read_assignments(cli, all ? 2 : 3, &assignments, err));
    TRY(cli_open(cli, false, err));
    TRY(api_registry(cli->api, cli_word(cli, 0), cli_text(cli, "version", NULL), table, assignments,
                     &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    render_registry(cli, answer);
    return ERR_OK;
}
