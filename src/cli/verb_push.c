/* push: what was loaded, how fast, and where it lies now. */
#include "cli/render.h"

#define PUSH_TABLES_MOST 1000

/* Of a registered table: read there as it stands, or why it was copied. */
static const char *how_it_stands(const json_t *table, char how[200])
{
    const char *why = json_text(table, "copied_because", NULL);
    if (json_flag(table, "in_place", false))
        return "read where it stands";
    (void)snprintf(how, 200, "%s%s", why == NULL ? "" : "copied: ", why == NULL ? "" : why);
    return how;
}

static void put_tables(struct cli *cli, const json_t *tables)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    char text[32], how[200];
    cli_table_column(table, "table", false);
    cli_table_column(table, "rows", true);
    cli_table_column(table, "", false);
    cli_table_column(table, "", false);
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i);
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_count(table, json_int(one, "rows", 0));
        cli_table_cell(table, CLI_DIM,
                       json_flag(one, "reused", false)
                           ? "was there already: reused"
                           : cli_duration(json_int(one, "duration_ms", 0), text));
        cli_table_cell(table, CLI_DIM, how_it_stands(one, how));
    }
    if (cli_table_rows(table) > 0)
        cli_table_print(cli, table, true);
}

static void render(struct cli *cli, const json_t *answer)
{
    const json_t *tables = json_object_get(answer, "tables");
    int64_t rows = 0;
    char a[32], b[32];
    for (size_t i = 0; i < json_array_size(tables); i++)
        rows += json_int(json_array_get(tables, i), "rows", 0);
    put_tables(cli, tables);
    cli_say(cli, "\n");
    cli_style(cli, CLI_GOOD, "✓ %zu %s", json_array_size(tables),
              cli_plural((int64_t)json_array_size(tables), "table", "tables"));
    cli_say(cli, ", %s rows, read back and compared, in %s\n  %s schema %s\n", cli_count(rows, a),
            cli_duration(json_int(answer, "duration_ms", 0), b), json_text(answer, "url", ""),
            json_text(answer, "schema", ""));
    cli_next(cli, "marrow mart build %s --grain patient --engine URL", cli_word(cli, 0));
}

enum err_code verb_push(struct cli *cli, struct err *err)
{
    const char *tables[PUSH_TABLES_MOST];
    json_t *answer = NULL;
    struct api_push_options options = {
        .dataset = cli_word(cli, 0),
        .version = cli_text(cli, "version", NULL),
        .engine = cli_text(cli, "engine", NULL),
        .tables = tables,
        .table_count = cli_list(cli, "table", tables, PUSH_TABLES_MOST),
    };
    if (options.engine == NULL) {
        err_set(err, ERR_USAGE, "'push' needs --engine URL");
        return err_hint(err, "'marrow engines' lists the engines and how their URLs look");
    }
    TRY(cli_open(cli, false, err));
    TRY(api_push(cli->api, &options, &answer, err));
    if (cli->json)
        return cli_print_json(cli, answer, err);
    render(cli, answer);
    json_decref(answer);
    return ERR_OK;
}
