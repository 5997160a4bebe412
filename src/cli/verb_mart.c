/* mart build | plan | list | show | verify: what was built, from what, why, and whether it still
 * holds. */
#include "cli/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum err_code read_policy(const struct cli *cli, json_t **ret, struct err *err)
{
    const char *path = cli_text(cli, "policy", NULL);
    if (path == NULL)
        return ERR_OK;
    TRY(json_read_file(path, ret, err));
    if (json_is_object(*ret))
        return ERR_OK;
    err_set(err, ERR_INPUT, "expected an object of tables");
    err_at(err, path, 0, 0);
    return err_hint(
        err, "the form is {TABLE:{COLUMN:[\"mean\",\"last\"]}}; \"*\" is any table or column");
}

static void put_reasons(struct cli *cli, const json_t *reasons)
{
    for (size_t i = 0; i < json_array_size(reasons); i++) {
        cli_say(cli, i == 0 ? " (" : "; ");
        cli_add_visible(&cli->out, str_of(json_string_value(json_array_get(reasons, i))));
    }
    cli_say(cli, json_array_size(reasons) > 0 ? ")" : "");
}

/* "joined into A before it is aggregated; joined into B before it is aggregated" → "joined into A,
 * B before they are aggregated" */
static void add_reason(struct buf *out, const char *reason)
{
    static const char first[] = "joined into ", last[] = " before it is aggregated";
    AUTO(buf_done) struct buf tables = BUF_INIT;
    size_t joined = 0;
    for (const char *p = reason; *p != '\0';) {
        const char *end = strstr(p, "; ");
        struct str part = {p, end == NULL ? strlen(p) : (size_t)(end - p)};
        if (str_has_prefix(part, first) && str_has_suffix_nocase(part, last)) {
            buf_puts(&tables, joined++ > 0 ? ", " : "");
            buf_add(&tables, part.ptr + sizeof first - 1,
                    part.len - (sizeof first - 1) - (sizeof last - 1));
        } else {
            buf_puts(out, out->len > 0 ? "; " : "");
            buf_add_str(out, part);
        }
        p = end == NULL ? p + part.len : end + 2;
    }
    if (joined > 0)
        buf_printf(out, "%sjoined into %s before %s aggregated", out->len > 0 ? "; " : "",
                   buf_text(&tables), joined == 1 ? "it is" : "they are");
}

static void put_used(struct cli *cli, const json_t *tables, bool used)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, used ? "table used" : "table not used", false);
    cli_table_column(table, "role", false);
    cli_table_column(table, "rows", true);
    if (used) {
        cli_table_column(table, "columns", true);
        cli_table_column(table, "no key", true);
        cli_table_column(table, "orphans", true);
    }
    cli_table_column(table, "how, why", false);
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *one = json_array_get(tables, i);
        if (json_flag(one, "used", false) != used)
            continue;
        int64_t keyless = json_int(one, "rows_without_key", 0),
                orphans = json_int(one, "orphan_rows", 0);
        char text[32];
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_cell(table, CLI_PLAIN, json_text(one, "role", ""));
        cli_table_count(table, json_int(one, "rows", 0));
        if (used) {
            cli_table_count(table, json_int(one, "columns", 0));
            cli_table_cell(table, CLI_WARN, keyless > 0 ? cli_count(keyless, text) : NULL);
            cli_table_cell(table, CLI_WARN, orphans > 0 ? cli_count(orphans, text) : NULL);
        }
        AUTO(buf_done) struct buf reason = BUF_INIT;
        add_reason(&reason, json_text(one, "reason", ""));
        cli_table_cell_str(table, CLI_DIM, buf_view(&reason));
    }
    cli_table_wrap(table);
    if (cli_table_rows(table) == 0)
        return;
    cli_say(cli, "\n");
    cli_table_print(cli, table, true);
}

static void put_mart(struct cli *cli, const json_t *mart)
{
    const json_t *key = json_object_get(mart, "grain_key"),
                 *tables = json_object_get(mart, "tables");
    cli_say(cli, "grain %s", json_text(mart, "grain", ""));
    for (size_t i = 0; i < json_array_size(key); i++)
        cli_say(cli, "%s%s", i == 0 ? ", key " : " + ", json_string_value(json_array_get(key, i)));
    cli_say(cli, ", anchor ");
    cli_style(cli, CLI_BOLD, "%s", json_text(mart, "anchor_table", ""));
    put_reasons(cli, json_object_get(mart, "anchor_reasons"));
    cli_say(cli, "\n");
    put_used(cli, tables, true);
    put_used(cli, tables, false);
}

/* {plan_us: 2907, compute_us: 776944} → "plan 3 ms, compute 777 ms" */
static void put_phases(struct cli *cli, const json_t *phases)
{
    const char *key;
    json_t *value;
    char text[32];
    size_t count = 0;
    json_object_foreach((json_t *)(uintptr_t)phases, key, value)
    {
        struct str name = str_of(key);
        name.len -= str_has_suffix_nocase(name, "_us") ? 3 : 0;
        cli_say(cli, "%s%.*s %s", count++ == 0 ? "  when computed: " : ", ", (int)name.len,
                name.ptr, cli_duration((json_integer_value(value) + 500) / 1000, text));
    }
    cli_say(cli, count > 0 ? "\n" : "");
}

static void put_pushed(struct cli *cli, const json_t *pushed)
{
    const json_t *tables = json_object_get(pushed, "tables");
    if (json_array_size(tables) > 0)
        cli_say(cli, "\n%zu %s pushed first, to schema %s\n", json_array_size(tables),
                cli_plural((int64_t)json_array_size(tables), "table", "tables"),
                json_text(pushed, "schema", ""));
}

/* "computed by Marrow: …": what the server could not do itself. */
static void put_computed_here(struct cli *cli, const json_t *texts)
{
    for (size_t i = 0; i < json_array_size(texts); i++)
        cli_say(cli, "  computed by Marrow: %s\n", json_string_value(json_array_get(texts, i)));
}

static void put_place(struct cli *cli, const json_t *answer)
{
    const json_t *layout = json_object_get(answer, "layout"),
                 *tables = json_object_get(layout, "tables");
    if (strcmp(json_text(layout, "kind", ""), "table") != 0) {
        cli_say(cli, "  %s\n", json_text(answer, "path", ""));
        return;
    }
    cli_say(cli, "  %s, schema %s, %s", json_text(layout, "url", ""),
            json_text(layout, "schema", ""), json_text(layout, "table", ""));
    for (size_t i = 1; i < json_array_size(tables); i++)
        cli_say(cli, ", %s", json_string_value(json_array_get(tables, i)));
    cli_say(cli, "\n");
    put_computed_here(cli, json_object_get(answer, "computed_by_marrow"));
}

static void render_build(struct cli *cli, const json_t *answer)
{
    const char *name = json_text(answer, "name", "mart"), *dataset = cli_word(cli, 0);
    char a[32], b[32], c[32];
    put_mart(cli, answer);
    put_pushed(cli, json_object_get(answer, "pushed"));
    cli_say(cli, "\n");
    cli_style(cli, CLI_GOOD, "✓ %s", name);
    cli_say(cli, ": %s rows × %zu columns, %s%s in %s\n",
            cli_count(json_int(answer, "row_count", 0), a),
            json_object_size(json_object_get(answer, "schema")),
            cli_bytes(json_int(answer, "bytes", 0), b),
            cli_flag(cli, "force")               ? ", computed again: the same"
            : json_flag(answer, "reused", false) ? ", was there already: reused"
                                                 : "",
            cli_duration(json_int(answer, "duration_ms", 0), c));
    int64_t checked = json_int(answer, "invariants_checked", 0);
    cli_say(cli, "  %s %s checked: nothing counted twice\n  run %.16s\n", cli_count(checked, a),
            cli_plural(checked, "invariant", "invariants"), json_text(answer, "run_id", ""));
    put_place(cli, answer);
    put_phases(cli, json_object_get(answer, "phases"));
    cli_next(cli, "marrow sql %s \"SELECT * FROM %s LIMIT 5\"", dataset, name);
}

static enum err_code print_sql(struct cli *cli, const json_t *answer)
{
    const char *sql = json_text(answer, "sql", "");
    buf_puts(&cli->out, sql);
    if (sql[0] != '\0' && sql[strlen(sql) - 1] != '\n')
        buf_putc(&cli->out, '\n');
    cli_note(cli, "signature %s, dialect %s; nothing was run\n", json_text(answer, "signature", ""),
             json_text(answer, "dialect", ""));
    return ERR_OK;
}

enum err_code verb_mart_build(struct cli *cli, struct err *err)
{
    JSON_AUTO policy = NULL;
    JSON_AUTO answer = NULL;
    bool dry_run = cli_flag(cli, "dry-run");
    struct api_mart_options options = {
        .dataset = cli_word(cli, 0),
        .version = cli_text(cli, "version", NULL),
        .grain = cli_text(cli, "grain", NULL),
        .anchor = cli_text(cli, "anchor", NULL),
        .event = cli_text(cli, "event", NULL),
        .inner = cli_flag(cli, "inner"),
        .buckets = cli_number(cli, "buckets", 0),
        .force = cli_flag(cli, "force"),
        .engine = cli_text(cli, "engine", NULL),
    };
    if (options.grain == NULL) {
        err_set(err, ERR_USAGE, "'mart build' needs a grain");
        return err_hint(err, "marrow mart build %s --grain patient (or admission, or event)",
                        options.dataset);
    }
    if (cli_text(cli, "buckets", NULL) != NULL && options.buckets < 1)
        return err_set(err, ERR_USAGE, "--buckets: expected at least 1");
    TRY(read_policy(cli, &policy, err));
    options.policy = policy;
    TRY(cli_open(cli, false, err));
    TRY(dry_run ? api_mart_dry_run(cli->api, &options, &answer, err)
                : api_mart_build(cli->api, &options, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    if (dry_run)
        return print_sql(cli, answer);
    render_build(cli, answer);
    return ERR_OK;
}

enum err_code verb_mart_plan(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    const char *grain = cli_text(cli, "grain", NULL), *mart = cli_word(cli, 1);
    if (grain != NULL && mart != NULL)
        return err_set(err, ERR_USAGE, "a mart and --grain were both given");
    TRY(cli_open(cli, false, err));
    TRY(api_mart_query(cli->api, cli_word(cli, 0), cli_text(cli, "version", NULL),
                       mart != NULL    ? mart
                       : grain != NULL ? grain
                                       : "patient",
                       &answer, err));
    return cli->json ? cli_print_json(cli, json_incref(answer), err) : print_sql(cli, answer);
}

enum err_code verb_mart_list(struct cli *cli, struct err *err)
{
    static const char *const names[] = {"mart",    "version", "anchor", "rows",
                                        "columns", "size",    "built",  "run"};
    JSON_AUTO answer = NULL;
    char text[32];
    TRY(cli_open(cli, false, err));
    TRY(api_mart_list(cli->api, cli_word(cli, 0), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *marts = json_object_get(answer, "marts");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cli_table_column(table, names[i], i >= 3 && i <= 5);
    for (size_t i = 0; i < json_array_size(marts); i++) {
        const json_t *one = json_array_get(marts, i);
        const char *problem = json_text(one, "problem", NULL);
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_printf(table, CLI_PLAIN, "%.12s", json_text(one, "version", ""));
        cli_table_cell(table, problem != NULL ? CLI_BAD : CLI_PLAIN,
                       problem != NULL ? problem : json_text(one, "anchor_table", ""));
        cli_table_count(table, json_int(one, "row_count", 0));
        cli_table_count(table, json_int(one, "columns", 0));
        cli_table_cell(table, CLI_PLAIN, cli_bytes(json_int(one, "bytes", 0), text));
        cli_table_cell(table, CLI_PLAIN, cli_time(json_text(one, "materialised_at", ""), text));
        cli_table_printf(table, CLI_DIM, "%.16s", json_text(one, "run_id", ""));
    }
    if (json_array_size(marts) == 0) {
        cli_say(cli, "no mart of '%s' is built\n", cli_word(cli, 0));
        cli_next(cli, "marrow mart build %s --grain patient", cli_word(cli, 0));
        return ERR_OK;
    }
    cli_table_print(cli, table, true);
    cli_next(cli, "marrow mart show %s %s", cli_word(cli, 0),
             json_text(json_array_get(marts, 0), "name", ""));
    return ERR_OK;
}

enum err_code verb_mart_show(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    char a[32], b[32], c[32];
    TRY(cli_open(cli, false, err));
    TRY(api_mart_show(cli->api, cli_word(cli, 0), cli_text(cli, "version", NULL), cli_word(cli, 1),
                      &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *schema = json_object_get(answer, "schema");
    put_mart(cli, answer);
    cli_say(cli, "\n");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "column", false);
    cli_table_column(table, "type", false);
    for (size_t i = 0; i < json_array_size(schema); i++) {
        cli_table_cell(table, CLI_PLAIN, json_text(json_array_get(schema, i), "name", ""));
        cli_table_cell(table, CLI_DIM, json_text(json_array_get(schema, i), "type", ""));
    }
    cli_table_print(cli, table, true);
    cli_say(cli, "\n");
    cli_style(cli, CLI_BOLD, "%s", json_text(answer, "name", ""));
    cli_say(cli, ": %s rows × %zu columns, %s, built %s\n  run %.16s, version %.12s\n",
            cli_count(json_int(answer, "row_count", 0), a), json_array_size(schema),
            cli_bytes(json_int(answer, "bytes", 0), b),
            cli_time(json_text(answer, "materialised_at", ""), c), json_text(answer, "run_id", ""),
            json_text(answer, "version", ""));
    put_phases(cli, json_object_get(answer, "phases"));
    cli_next(cli, "marrow mart verify %s %s", cli_word(cli, 0), json_text(answer, "name", ""));
    return ERR_OK;
}

enum err_code verb_mart_verify(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(cli_open(cli, false, err));
    TRY(api_mart_verify(cli->api, cli_word(cli, 0), cli_text(cli, "version", NULL),
                        cli_word(cli, 1), &answer, err));
    cli->status = json_flag(answer, "ok", false) ? 0 : err_code_exit(ERR_INTEGRITY);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *checks = json_object_get(answer, "checks");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "", false);
    cli_table_column(table, "check", false);
    cli_table_column(table, "expected", true);
    cli_table_column(table, "found", true);
    for (size_t i = 0; i < json_array_size(checks); i++) {
        const json_t *one = json_array_get(checks, i);
        bool good = json_flag(one, "ok", false);
        cli_table_cell(table, good ? CLI_GOOD : CLI_BAD, good ? "✓" : "✗");
        cli_table_cell(table, CLI_PLAIN, json_text(one, "what", ""));
        cli_table_cell(table, CLI_PLAIN, json_text(one, "expected", ""));
        cli_table_cell(table, good ? CLI_PLAIN : CLI_BAD, json_text(one, "found", ""));
    }
    cli_table_print(cli, table, true);
    if (cli->status == 0)
        cli_style(cli, CLI_GOOD, "\n✓ %zu %s\n", json_array_size(checks),
                  json_array_size(checks) == 1 ? "invariant holds" : "invariants hold");
    else
        cli_style(cli, CLI_BAD,
                  "\n✗ the mart does not agree with its tables: 'marrow verify %s' tells whether a "
                  "file is damaged\n",
                  cli_word(cli, 0));
    return ERR_OK;
}
