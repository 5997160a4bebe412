/* Looking at what is there: datasets, show, versions, diff. */
#include "cli/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_VERSION_DIGITS 12

/* "2026-11-20T16:13:00.123456Z" → "2026-11-20 16:13" */
const char *cli_time(const char *instant, char ret[32])
{
    (void)snprintf(ret, 32, "%.10s %.5s", instant, strlen(instant) > 16 ? instant + 11 : "");
    return ret;
}

static void put_last(struct cli *cli, const json_t *datasets)
{
    char time[32];
    for (size_t i = 0; i < json_array_size(datasets); i++) {
        const json_t *dataset = json_array_get(datasets, i),
                     *last = json_object_get(dataset, "last");
        if (json_array_size(last) == 0)
            continue;
        cli_say(cli, "\nlast in ");
        cli_style(cli, CLI_BOLD, "%s", json_text(dataset, "dataset", ""));
        cli_say(cli, ":\n");
        for (size_t k = json_array_size(last); k > 0; k--) {
            const json_t *entry = json_array_get(last, k - 1);
            cli_say(cli, "  %s  %-7s ", cli_time(json_text(entry, "time", ""), time),
                    json_text(entry, "kind", ""));
            cli_put_entry(cli, entry);
            cli_say(cli, "\n");
        }
    }
}

enum err_code verb_datasets(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    char text[32];
    TRY(cli_open(cli, false, err));
    TRY(api_datasets(cli->api, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *datasets = json_object_get(answer, "datasets");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    static const char *const names[] = {"dataset", "version", "tables",  "rows",
                                        "size",    "marts",   "imported"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cli_table_column(table, names[i], i >= 2 && i <= 5);
    for (size_t i = 0; i < json_array_size(datasets); i++) {
        const json_t *one = json_array_get(datasets, i);
        const char *problem = json_text(one, "problem", NULL);
        cli_table_cell(table, CLI_BOLD, json_text(one, "dataset", ""));
        cli_table_printf(table, CLI_PLAIN, "%.12s", json_text(one, "version", ""));
        cli_table_count(table, json_int(one, "tables", 0));
        cli_table_count(table, json_int(one, "rows", 0));
        cli_table_cell(table, CLI_PLAIN, cli_bytes(json_int(one, "bytes", 0), text));
        cli_table_count(table, json_int(one, "marts", 0));
        cli_table_cell(table, problem != NULL ? CLI_BAD : CLI_PLAIN,
                       problem != NULL ? problem
                                       : cli_time(json_text(one, "created_at", ""), text));
    }
    if (json_array_size(datasets) == 0) {
        cli_say(cli, "no datasets in %s yet\n", json_text(answer, "store", ""));
        cli_next(cli, "marrow import FILE-OR-FOLDER   (or: marrow demo-data ./hospital)");
        return ERR_OK;
    }
    cli_table_print(cli, table, true);
    put_last(cli, datasets);
    cli_next(cli, "marrow show %s", json_text(json_array_get(datasets, 0), "dataset", ""));
    return ERR_OK;
}

static void put_rejects(struct cli *cli, const json_t *tables)
{
    char text[32];
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i);
        int64_t rejected = json_int(one, "rejected_rows", 0);
        if (rejected > 0)
            cli_style(cli, CLI_WARN, "  %s: %s %s kept apart in objects/%.12s…/rejects.csv\n",
                      json_text(one, "name", ""), cli_count(rejected, text),
                      cli_plural(rejected, "row", "rows"),
                      json_text(one, "hash", json_text(one, "object", "")));
    }
}

static void put_marts(struct cli *cli, const json_t *marts)
{
    char text[32];
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    if (json_array_size(marts) == 0)
        return;
    cli_table_column(table, "mart", false);
    cli_table_column(table, "rows", true);
    cli_table_column(table, "columns", true);
    cli_table_column(table, "size", true);
    cli_table_column(table, "built", false);
    for (size_t i = 0; i < json_array_size(marts); i++) {
        const json_t *one = json_array_get(marts, i);
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_count(table, json_int(one, "rows", 0));
        cli_table_count(table, json_int(one, "columns", 0));
        cli_table_cell(table, CLI_PLAIN, cli_bytes(json_int(one, "bytes", 0), text));
        cli_table_cell(table, CLI_PLAIN, cli_time(json_text(one, "materialised_at", ""), text));
    }
    cli_say(cli, "\n");
    cli_table_print(cli, table, true);
}

enum err_code verb_show(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    char text[32];
    const char *name = cli_word(cli, 0);
    TRY(cli_open(cli, false, err));
    TRY(api_show(cli->api, name, cli_text(cli, "version", NULL), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *tables = json_object_get(answer, "tables"),
                 *marts = json_object_get(answer, "marts");
    cli_style(cli, CLI_BOLD, "%s", name);
    cli_say(cli, "  version %s, imported %s\n\n", json_text(answer, "version", ""),
            cli_time(json_text(answer, "created_at", ""), text));
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    static const char *const names[] = {"table",    "rows", "columns", "rejected",
                                        "warnings", "size", "from"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cli_table_column(table, names[i], i >= 1 && i <= 5);
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i);
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_count(table, json_int(one, "rows", 0));
        cli_table_count(table, (int64_t)json_array_size(json_object_get(one, "columns")));
        cli_table_count(table, json_int(one, "rejected_rows", 0));
        cli_table_count(table, (int64_t)json_array_size(json_object_get(one, "warnings")));
        cli_table_cell(table, CLI_PLAIN,
                       json_object_get(one, "place") != NULL
                           ? "in place"
                           : cli_bytes(json_int(one, "bytes", 0), text));
        cli_table_cell(table, CLI_DIM, json_text(one, "source", json_text(one, "origin", "")));
    }
    cli_table_print(cli, table, true);
    put_rejects(cli, tables);
    cli_put_table_warnings(cli, tables);
    put_marts(cli, marts);
    if (json_array_size(marts) == 0)
        cli_next(cli, "marrow mart build %s --grain patient", name);
    else
        cli_next(cli, "marrow sql %s \"SELECT * FROM %s LIMIT 5\"", name,
                 json_text(json_array_get(marts, 0), "name", ""));
    return ERR_OK;
}

enum err_code verb_versions(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    char text[32];
    TRY(cli_open(cli, false, err));
    TRY(api_versions(cli->api, cli_word(cli, 0), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *versions = json_object_get(answer, "versions");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    static const char *const names[] = {"version", "imported", "tables", "rows",
                                        "size",    "after",    ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cli_table_column(table, names[i], i >= 2 && i <= 4);
    for (size_t i = 0; i < json_array_size(versions); i++) {
        const json_t *one = json_array_get(versions, i);
        cli_table_printf(table, CLI_BOLD, "%.*s", SHOWN_VERSION_DIGITS,
                         json_text(one, "version", ""));
        cli_table_cell(table, CLI_PLAIN, cli_time(json_text(one, "created_at", ""), text));
        cli_table_count(table, json_int(one, "tables", 0));
        cli_table_count(table, json_int(one, "rows", 0));
        cli_table_cell(table, CLI_PLAIN, cli_bytes(json_int(one, "bytes", 0), text));
        cli_table_printf(table, CLI_DIM, "%.*s", SHOWN_VERSION_DIGITS,
                         json_text(one, "parent", ""));
        const char *problem = json_text(one, "problem", NULL);
        if (problem == NULL && !json_flag(one, "available", true)) {
            cli_table_printf(table, CLI_BAD, "no longer available: %s",
                             json_text(one, "unavailable", ""));
            continue;
        }
        cli_table_cell(table, problem != NULL ? CLI_BAD : CLI_GOOD,
                       problem != NULL                    ? problem
                       : json_flag(one, "current", false) ? "current"
                                                          : "");
    }
    cli_table_print(cli, table, true);
    if (json_array_size(versions) > 1)
        cli_next(cli, "marrow diff %s   # what changed last", cli_word(cli, 0));
    return ERR_OK;
}

/* The two newest versions of a dataset. */
static enum err_code last_two(struct cli *cli, char from[65], char to[65], struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(api_versions(cli->api, cli_word(cli, 0), &answer, err));
    const json_t *versions = json_object_get(answer, "versions");
    if (json_array_size(versions) < 2) {
        err_set(err, ERR_NOT_FOUND, "'%s' has one version: there is nothing to compare",
                cli_word(cli, 0));
        return err_hint(err, "import changed data with --name %s", cli_word(cli, 0));
    }
    (void)snprintf(to, 65, "%s", json_text(json_array_get(versions, 0), "version", ""));
    (void)snprintf(from, 65, "%s", json_text(json_array_get(versions, 1), "version", ""));
    return ERR_OK;
}

static void put_names(struct buf *out, const char *label, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const json_t *one = json_array_get(names, i);
        buf_puts(out, i > 0 ? ", " : out->len > 0 ? "; " : "");
        buf_puts(out, i == 0 ? label : "");
        buf_puts(out, json_is_string(one) ? json_string_value(one)
                                          : json_text(one, "name", json_text(one, "column", "")));
        if (json_text(one, "to", NULL) != NULL)
            buf_printf(out, " (%s → %s)", json_text(one, "from", ""), json_text(one, "to", ""));
    }
}

/* null: the files of one of the versions have changed since, so it is not known. */
static void put_counted(struct cli_table *table, const json_t *number)
{
    if (json_is_null(number))
        cli_table_cell(table, CLI_DIM, "not known");
    else
        cli_table_count(table, json_integer_value(number));
}

static void render_diff(struct cli *cli, const json_t *answer)
{
    const json_t *tables = json_object_get(answer, "tables");
    size_t same = 0;
    cli_say(cli, "%.12s → %.12s\n\n", json_text(answer, "from", ""), json_text(answer, "to", ""));
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    static const char *const names[] = {"table", "change",  "rows before", "rows after",
                                        "added", "removed", "columns"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cli_table_column(table, names[i], i >= 2 && i <= 5);
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i);
        const char *change = json_text(one, "change", "");
        if (strcmp(change, "same") == 0) {
            same++;
            continue;
        }
        AUTO(buf_done) struct buf columns = BUF_INIT;
        put_names(&columns, "new: ", json_object_get(one, "columns_added"));
        put_names(&columns, "gone: ", json_object_get(one, "columns_removed"));
        put_names(&columns, "retyped: ", json_object_get(one, "columns_retyped"));
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_cell(table,
                       strcmp(change, "added") == 0     ? CLI_GOOD
                       : strcmp(change, "removed") == 0 ? CLI_BAD
                                                        : CLI_WARN,
                       change);
        cli_table_count(table, json_int(one, "rows_before", 0));
        cli_table_count(table, json_int(one, "rows_after", 0));
        put_counted(table, json_object_get(one, "rows_added"));
        put_counted(table, json_object_get(one, "rows_removed"));
        cli_table_cell(table, CLI_PLAIN, buf_text(&columns));
    }
    if (cli_table_rows(table) > 0)
        cli_table_print(cli, table, true);
    cli_say(cli, "%s%zu %s the same\n", cli_table_rows(table) > 0 ? "\n" : "", same,
            cli_plural((int64_t)same, "table is", "tables are"));
}

enum err_code verb_diff(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    char from[65] = "", to[65] = "";
    if (cli->word_count == 2) {
        err_set(err, ERR_USAGE, "'diff' needs both versions, or none");
        return err_hint(err, "marrow diff NAME FROM TO; 'marrow versions NAME' lists them");
    }
    TRY(cli_open(cli, false, err));
    if (cli->word_count == 3) {
        (void)snprintf(from, sizeof from, "%s", cli_word(cli, 1));
        (void)snprintf(to, sizeof to, "%s", cli_word(cli, 2));
    } else {
        TRY(last_two(cli, from, to, err));
    }
    TRY(api_diff(cli->api, cli_word(cli, 0), from, to, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    render_diff(cli, answer);
    return ERR_OK;
}
