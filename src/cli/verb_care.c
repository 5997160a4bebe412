/* Looking after the store: verify, repair, prune, doctor, and export. */
#include "cli/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_problems(struct cli *cli, const json_t *problems)
{
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *one = json_array_get(problems, i);
        cli_style(cli, CLI_BAD, "✗ %s\n", json_text(one, "file", ""));
        cli_say(cli, "    expected %s, found %s\n", json_text(one, "expected", ""),
                json_text(one, "found", ""));
        if (json_text(one, "fix", NULL) != NULL)
            cli_say(cli, "    fix: %s\n", json_text(one, "fix", ""));
    }
}

enum err_code verb_verify(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    char a[32], b[32];
    TRY(cli_open(cli, false, err));
    TRY(api_verify(cli->api, cli_word(cli, 0), &answer, err));
    cli->status = json_flag(answer, "ok", false) ? 0 : err_code_exit(ERR_INTEGRITY);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *problems = json_object_get(answer, "problems");
    put_problems(cli, problems);
    if (cli->status == 0)
        cli_style(cli, CLI_GOOD, "✓ all as written: ");
    else
        cli_say(cli, "\n%zu %s; ", json_array_size(problems),
                cli_plural((int64_t)json_array_size(problems), "problem", "problems"));
    cli_say(cli, "%s files, %s read\n", cli_count(json_int(answer, "files", 0), a),
            cli_bytes(json_int(answer, "bytes", 0), b));
    if (cli->status != 0)
        cli_next(cli, "marrow repair %s", cli_word(cli, 0) != NULL ? cli_word(cli, 0) : "");
    return ERR_OK;
}

enum err_code verb_repair(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(cli_open(cli, false, err));
    TRY(api_repair(cli->api, cli_word(cli, 0), &answer, err));
    const json_t *repaired = json_object_get(answer, "repaired"),
                 *failed = json_object_get(answer, "failed");
    cli->status = json_array_size(failed) > 0 ? err_code_exit(ERR_INTEGRITY) : 0;
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    for (size_t i = 0; i < json_array_size(repaired); i++) {
        const json_t *one = json_array_get(repaired, i);
        cli_style(cli, CLI_GOOD, "✓ %s", json_text(one, "file", ""));
        cli_say(cli, " from %s\n", json_text(one, "from", ""));
    }
    for (size_t i = 0; i < json_array_size(failed); i++) {
        const json_t *one = json_array_get(failed, i);
        cli_style(cli, CLI_BAD, "✗ %s", json_text(one, "file", ""));
        cli_say(cli, ": %s\n", json_text(one, "reason", ""));
    }
    if (json_array_size(repaired) + json_array_size(failed) == 0)
        cli_say(cli, "nothing to repair\n");
    else
        cli_next(cli, "marrow verify %s", cli_word(cli, 0) != NULL ? cli_word(cli, 0) : "");
    return ERR_OK;
}

enum err_code verb_prune(struct cli *cli, struct err *err)
{
    static const struct {
        const char *key, *one, *many;
    } counted[] = {{"versions_removed", "version", "versions"},
                   {"objects_removed", "table", "tables"},
                   {"runs_removed", "run", "runs"}};
    JSON_AUTO answer = NULL;
    char text[32];
    bool dry_run = cli_flag(cli, "dry-run");
    TRY(cli_open(cli, false, err));
    TRY(api_prune(cli->api, cli_word(cli, 0), cli_number(cli, "keep", 1), dry_run, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    cli_say(cli, dry_run ? "would remove" : "removed");
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        const json_t *value = json_object_get(answer, counted[i].key);
        int64_t count = json_is_array(value) ? (int64_t)json_array_size(value)
                                             : json_int(answer, counted[i].key, 0);
        cli_say(cli, "%s %s %s", i == 0 ? "" : ",", cli_count(count, text),
                cli_plural(count, counted[i].one, counted[i].many));
    }
    cli_say(cli, ": %s\n", cli_bytes(json_int(answer, "bytes_freed", 0), text));
    if (dry_run)
        cli_next(cli, "marrow prune %s --keep %" PRId64, cli_word(cli, 0),
                 cli_number(cli, "keep", 1));
    return ERR_OK;
}

enum err_code verb_doctor(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(cli_open(cli, false, err));
    TRY(api_doctor(cli->api, &answer, err));
    cli->status = json_flag(answer, "ok", false) ? 0 : 1;
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *checks = json_object_get(answer, "checks");
    for (size_t i = 0; i < json_array_size(checks); i++) {
        const json_t *one = json_array_get(checks, i);
        bool good = json_flag(one, "ok", false);
        const char *fix = json_text(one, "fix", NULL);
        cli_style(cli,
                  good               ? CLI_GOOD
                  : cli->status == 0 ? CLI_WARN
                                     : CLI_BAD,
                  good               ? "✓ "
                  : cli->status == 0 ? "! "
                                     : "✗ ");
        cli_style(cli, CLI_BOLD, "%s", json_text(one, "what", ""));
        cli_say(cli, ": ");
        cli_add_visible(&cli->out, str_of(json_text(one, "found", "")));
        cli_say(cli, "\n");
        if (!good && fix != NULL)
            cli_say(cli, "    %s\n", fix);
    }
    cli_style(cli, cli->status == 0 ? CLI_GOOD : CLI_BAD,
              cli->status == 0 ? "\nall is well\n" : "\nsomething needs care\n");
    return ERR_OK;
}

/* The format by the file's name, where --format is not given. */
static const char *format_of(const struct cli *cli, const char *path)
{
    static const char *const formats[][2] = {{".csv", "csv"},
                                             {".parquet", "parquet"},
                                             {".ndjson", "ndjson"},
                                             {".json", "json"},
                                             {".duckdb", "duckdb"}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (path != NULL && str_has_suffix_nocase(str_of(path), formats[i][0]))
            return cli_text(cli, "format", formats[i][1]);
    return cli_text(cli, "format", NULL);
}

enum err_code verb_export(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    char text[32];
    struct api_export_options options = {
        .dataset = cli_word(cli, 0),
        .version = cli_text(cli, "version", NULL),
        .what = cli_word(cli, 1),
        .path = cli_text(cli, "out", NULL),
        .overwrite = cli_flag(cli, "overwrite"),
    };
    options.format = format_of(cli, options.path);
    if (options.path == NULL || options.format == NULL) {
        err_set(err, ERR_USAGE,
                options.path == NULL ? "'export' needs --out PATH" : "'export' needs --format");
        if (options.path != NULL && str_has_suffix_nocase(str_of(options.path), ".xlsx"))
            return err_hint(err,
                            "for Excel: --format xlsx-csv --out FILE.csv, which Excel opens with "
                            "a double click");
        return err_hint(err, "marrow export %s mart_patient --format csv --out patients.csv",
                        options.dataset);
    }
    TRY(cli_open(cli, false, err));
    TRY(api_export(cli->api, &options, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *files = json_object_get(answer, "files");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "written", false);
    cli_table_column(table, "size", true);
    cli_table_column(table, "to", false);
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *one = json_array_get(files, i);
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_cell(table, CLI_PLAIN, cli_bytes(json_int(one, "bytes", 0), text));
        cli_table_cell(table, CLI_PLAIN, json_text(one, "path", ""));
    }
    cli_table_print(cli, table, true);
    return ERR_OK;
}
