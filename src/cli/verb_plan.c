/* plan check | print | sql | substrait | hash | run, engines, dialects: a plan is a JSON file
 * (docs/plan.schema.json), - is standard input. */
#include "cli/render.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

#define PARAMS_MOST 1000
#define PARAM_LIMIT_BYTES (16 << 20)

static enum err_code read_plan(const char *path, struct api_plan **ret, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    bool is_stdin = strcmp(path, "-") == 0;
    if (is_stdin)
        TRY(cli_read_stdin(API_PLAN_LIMIT_BYTES, "the plan", &text, err));
    else
        TRY(file_read(path, API_PLAN_LIMIT_BYTES, &text, err));
    return api_plan_read(buf_view(&text), is_stdin ? "standard input" : path, ret, err);
}

/* ---- what a plan is ----------------------------------------------------------------------------
 */

static void put_columns(struct cli *cli, const char *title, const json_t *columns)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    if (json_array_size(columns) == 0)
        return;
    cli_table_column(table, title, false);
    cli_table_column(table, "type", false);
    for (size_t i = 0; i < json_array_size(columns); i++) {
        cli_table_cell(table, CLI_BOLD, json_text(json_array_get(columns, i), "name", ""));
        cli_table_cell(table, CLI_PLAIN, json_text(json_array_get(columns, i), "type", ""));
    }
    cli_table_print(cli, table, true);
    cli_say(cli, "\n");
}

static void put_reads(struct cli *cli, const json_t *reads)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    if (json_array_size(reads) == 0)
        return;
    cli_table_column(table, "reads", false);
    cli_table_column(table, "columns", false);
    for (size_t i = 0; i < json_array_size(reads); i++) {
        const json_t *one = json_array_get(reads, i), *columns = json_object_get(one, "columns");
        AUTO(buf_done) struct buf names = BUF_INIT;
        for (size_t c = 0; c < json_array_size(columns); c++)
            buf_printf(&names, "%s%s", c == 0 ? "" : ", ",
                       json_text(json_array_get(columns, c), "name", ""));
        cli_table_cell(table, CLI_BOLD, json_text(one, "table", ""));
        cli_table_cell_str(table, CLI_PLAIN, buf_view(&names));
    }
    cli_table_wrap(table);
    cli_table_print(cli, table, true);
    cli_say(cli, "\n");
}

/* "ordered by day descending, patient_id" */
static void put_ordered_by(struct cli *cli, const json_t *keys)
{
    if (keys == NULL)
        return;
    cli_say(cli, json_array_size(keys) == 0 ? "in no order" : "ordered by ");
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);
        cli_say(cli, "%s", i == 0 ? "" : ", ");
        cli_add_visible(&cli->out, str_of(json_text(key, "name", "")));
        cli_say(cli, "%s%s", json_flag(key, "descending", false) ? " descending" : "",
                json_flag(key, "nulls_first", false) ? " nulls first" : "");
    }
    cli_say(cli, "\n");
}

static void put_problems(struct cli *cli, const json_t *answer)
{
    const json_t *problems = json_object_get(answer, "problems");
    for (size_t i = 0; i < json_array_size(problems); i++) {
        cli_style(cli, CLI_BAD, "✗ ");
        cli_add_visible(&cli->out, str_of(json_text(json_array_get(problems, i), "words", "")));
        cli_say(cli, "\n");
    }
    if (json_text(answer, "dataset", NULL) == NULL)
        cli_style(cli, CLI_GOOD, "✓ the plan is sound");
    else if (json_flag(answer, "ok", false))
        cli_style(cli, CLI_GOOD, "✓ the plan is sound and fits %s",
                  json_text(answer, "dataset", ""));
    else
        cli_style(cli, CLI_BAD, "the plan does not fit %s", json_text(answer, "dataset", ""));
    cli_say(cli, "\n");
}

enum err_code verb_plan_check(struct cli *cli, struct err *err)
{
    AUTO(api_plan_free) struct api_plan *plan = NULL;
    JSON_AUTO answer = NULL;
    const char *dataset = cli_text(cli, "dataset", NULL);
    if (dataset == NULL && cli_text(cli, "version", NULL) != NULL) {
        err_set(err, ERR_USAGE, "--version is a dataset's: which?");
        return err_hint(err, "add --dataset NAME");
    }
    TRY(read_plan(cli_word(cli, 0), &plan, err));
    if (dataset != NULL)
        TRY(cli_open(cli, false, err));
    TRY(api_plan_check(cli->api, plan, dataset, cli_text(cli, "version", NULL), &answer, err));
    cli->status = json_flag(answer, "ok", true) ? 0 : err_code_exit(ERR_INPUT);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    put_columns(cli, "result", json_object_get(answer, "columns"));
    put_columns(cli, "parameter", json_object_get(answer, "parameters"));
    put_reads(cli, json_object_get(answer, "reads"));
    put_ordered_by(cli, json_object_get(answer, "ordered_by"));
    cli_style(cli, CLI_DIM, "signature %s\n", json_text(answer, "signature", ""));
    put_problems(cli, answer);
    if (cli->status == 0)
        cli_next(cli, "marrow plan run %s --dataset %s", cli_word(cli, 0),
                 dataset != NULL ? dataset : "NAME");
    return ERR_OK;
}

/* A plan's answer as one member's text, or the whole with --json. */
static enum err_code say_text(struct cli *cli, const json_t *answer, const char *member,
                              struct err *err)
{
    if (cli->json)
        return cli_print_json(cli, json_incref((json_t *)(uintptr_t)answer), err);
    const char *text = json_text(answer, member, "");
    size_t length = strlen(text);
    if (cli->stdout_tty) { /* a plan may come from anywhere */
        for (const char *line = text; *line != '\0';) {
            const char *end = strchr(line, '\n');
            size_t count = end == NULL ? strlen(line) : (size_t)(end - line);
            cli_add_visible(&cli->out, (struct str){line, count});
            buf_putc(&cli->out, '\n');
            line += count + (end != NULL ? 1 : 0);
        }
        return ERR_OK;
    }
    buf_puts(&cli->out, text);
    if (length == 0 || text[length - 1] != '\n')
        buf_putc(&cli->out, '\n');
    return ERR_OK;
}

enum err_code verb_plan_print(struct cli *cli, struct err *err)
{
    AUTO(api_plan_free) struct api_plan *plan = NULL;
    JSON_AUTO answer = NULL;
    TRY(read_plan(cli_word(cli, 0), &plan, err));
    TRY(api_plan_print(plan, &answer, err));
    return say_text(cli, answer, "text", err);
}

enum err_code verb_plan_sql(struct cli *cli, struct err *err)
{
    AUTO(api_plan_free) struct api_plan *plan = NULL;
    JSON_AUTO answer = NULL;
    TRY(read_plan(cli_word(cli, 0), &plan, err));
    TRY(api_plan_sql(plan, cli_text(cli, "dialect", NULL), &answer, err));
    return say_text(cli, answer, "sql", err);
}

enum err_code verb_plan_hash(struct cli *cli, struct err *err)
{
    AUTO(api_plan_free) struct api_plan *plan = NULL;
    JSON_AUTO answer = NULL;
    TRY(read_plan(cli_word(cli, 0), &plan, err));
    TRY(api_plan_hash(plan, &answer, err));
    return say_text(cli, answer, "signature", err);
}

enum err_code verb_plan_lineage(struct cli *cli, struct err *err)
{
    AUTO(api_plan_free) struct api_plan *plan = NULL;
    JSON_AUTO answer = NULL;
    TRY(read_plan(cli_word(cli, 0), &plan, err));
    TRY(api_plan_lineage(plan, cli_text(cli, "dataset", NULL), &answer, err));
    return say_text(cli, answer, cli_flag(cli, "dot") ? "dot" : "text", err);
}

enum err_code verb_plan_diff(struct cli *cli, struct err *err)
{
    AUTO(api_plan_free) struct api_plan *before = NULL;
    AUTO(api_plan_free) struct api_plan *after = NULL;
    JSON_AUTO answer = NULL;
    TRY(read_plan(cli_word(cli, 0), &before, err));
    TRY(read_plan(cli_word(cli, 1), &after, err));
    TRY(api_plan_diff(before, after, &answer, err));
    bool equal = json_flag(answer, "equal", false);
    cli->status = equal ? 0 : 1;
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *changes = json_object_get(answer, "changes");
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *one = json_array_get(changes, i);
        cli_style(cli, CLI_DIM, "%s: ", json_text(one, "path", ""));
        cli_add_visible(&cli->out, str_of(json_text(one, "words", "")));
        cli_say(cli, "\n");
    }
    cli_say(cli, equal ? "the plans mean the same\n" : "");
    return ERR_OK;
}

/* ---- parameters --------------------------------------------------------------------------------
 */

/* NAME=VALUE, NAME=@FILE (JSON) → params */
static enum err_code read_param(const char *given, json_t *params, struct err *err)
{
    const char *equals = strchr(given, '=');
    char name[200];
    bool ok = true;
    if (equals == NULL || equals == given || (size_t)(equals - given) >= sizeof name) {
        err_set(err, ERR_USAGE, "--param: expected NAME=VALUE");
        return err_hint(err, "--param since=2020-01-31, --param 'codes=[\"0389\",\"4019\"]', "
                             "--param codes=@codes.json");
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(equals - given), given);
    if (json_object_get(params, name) != NULL)
        return err_set(err, ERR_USAGE, "--param %s is given twice", name);
    if (equals[1] == '@') {
        json_t *value = NULL;
        AUTO(buf_done) struct buf text = BUF_INIT;
        TRY(file_read(equals + 2, PARAM_LIMIT_BYTES, &text, err));
        TRY(json_parse(buf_view(&text), equals + 2, &value, err));
        json_put(params, name, value, &ok);
    } else {
        json_put_text(params, name, equals + 1, &ok);
    }
    return json_built(ok, err);
}

enum err_code cli_params(const struct cli *cli, json_t *params, struct err *err)
{
    static const char *given[PARAMS_MOST];
    size_t count = cli_list(cli, "param", given, PARAMS_MOST);
    for (size_t i = 0; i < count; i++)
        TRY(read_param(given[i], params, err));
    return ERR_OK;
}

/* ---- Substrait ---------------------------------------------------------------------------------
 */

static void put_base64(struct str bytes, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t three = 0;
        for (size_t k = 0; k < 3; k++)
            three = three << 8 | (i + k < bytes.len ? (unsigned char)bytes.ptr[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            buf_putc(out, i + k <= bytes.len ? digits[three >> (18 - 6 * k) & 63] : '=');
    }
}

static enum err_code say_substrait(struct cli *cli, struct str bytes, struct err *err)
{
    const char *path = cli_text(cli, "out", NULL);
    AUTO(buf_done) struct buf text = BUF_INIT;
    char size[32];
    bool ok = true;
    if (path != NULL)
        TRY(file_replace(path, bytes, err));
    if (cli->json) {
        json_t *answer = json_object();
        put_base64(bytes, &text);
        json_put_int(answer, "bytes", (int64_t)bytes.len, &ok);
        if (path != NULL)
            json_put_text(answer, "path", path, &ok);
        else
            json_put_str(answer, "substrait", buf_view(&text), &ok);
        TRY(json_built(ok && !text.failed, err));
        return cli_print_json(cli, answer, err);
    }
    if (path != NULL) {
        cli_note(cli, "✓ %s: %s\n", cli_bytes((int64_t)bytes.len, size), path);
        return ERR_OK;
    }
    if (cli->stdout_tty) {
        err_set(err, ERR_USAGE, "a plan in Substrait is no text for a terminal");
        return err_hint(err, "add --out FILE, or --json for base64");
    }
    buf_add_str(&cli->out, bytes);
    return ERR_OK;
}

enum err_code verb_plan_substrait(struct cli *cli, struct err *err)
{
    AUTO(api_plan_free) struct api_plan *plan = NULL;
    AUTO(buf_done) struct buf bytes = BUF_INIT;
    JSON_AUTO params = json_object();
    TRY(read_plan(cli_word(cli, 0), &plan, err));
    TRY(cli_params(cli, params, err));
    TRY(api_plan_substrait(plan, params, cli_text(cli, "schema", NULL), &bytes, err));
    return say_substrait(cli, buf_view(&bytes), err);
}

/* ---- run ---------------------------------------------------------------------------------------
 */

struct running {
    const struct api_plan *plan;
    struct api_plan_options options;
};

static enum err_code open_rows(void *user, struct api *api, struct api_rows **ret, struct err *err)
{
    const struct running *running = user;
    return api_plan_run(api, running->plan, &running->options, ret, err);
}

static enum err_code write_parquet(void *user, struct api *api, const char *path, json_t **ret,
                                   struct err *err)
{
    const struct running *running = user;
    return api_plan_write(api, running->plan, &running->options, path, ret, err);
}

static enum err_code save(struct cli *cli, const struct running *running, struct err *err)
{
    JSON_AUTO answer = NULL;
    char a[32], b[32], c[32];
    TRY(cli_open(cli, false, err));
    TRY(api_plan_save(cli->api, running->plan, &running->options, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    int64_t rows = json_int(answer, "row_count", 0);
    cli_style(cli, CLI_GOOD, "✓ ");
    cli_style(cli, CLI_BOLD, "%s", json_text(answer, "name", ""));
    cli_say(cli, ": %s %s × %zu %s, %s%s in %s\n", cli_count(rows, a),
            cli_plural(rows, "row", "rows"), json_array_size(json_object_get(answer, "schema")),
            cli_plural((int64_t)json_array_size(json_object_get(answer, "schema")), "column",
                       "columns"),
            cli_bytes(json_int(answer, "bytes", 0), b),
            json_flag(answer, "reused", false) ? ", was there already: reused" : "",
            cli_duration(json_int(answer, "duration_ms", 0), c));
    cli_style(cli, CLI_DIM, "run %s\n%s\n", json_text(answer, "run_id", ""),
              json_text(answer, "path", ""));
    cli_next(cli, "marrow sql %s \"SELECT * FROM %s\"", running->options.dataset,
             json_text(answer, "name", ""));
    return ERR_OK;
}

static enum err_code write_folder(struct cli *cli, struct running *running, struct err *err)
{
    JSON_AUTO answer = NULL;
    char a[32], b[32];
    const char *path = cli_text(cli, "out", NULL);
    if (path == NULL) {
        err_set(err, ERR_USAGE, "--partition-by makes a folder");
        return err_hint(err, "add --out DIR");
    }
    TRY(cli_open(cli, false, err));
    TRY(write_parquet(running, cli->api, path, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    int64_t rows = json_int(answer, "row_count", 0);
    cli_note(cli, "✓ %s %s, %s: %s\n", cli_count(rows, a), cli_plural(rows, "row", "rows"),
             cli_bytes(json_int(answer, "bytes", 0), b), path);
    return ERR_OK;
}

static enum err_code check_options(const struct cli *cli, struct err *err)
{
    bool keep = cli_flag(cli, "save");
    static const char *const not_saved[] = {"out", "format", "limit", "timeout", "partition-by"};
    if (cli_text(cli, "dataset", NULL) == NULL) {
        err_set(err, ERR_USAGE, "'plan run' needs --dataset NAME");
        return err_hint(err, "marrow plan run %s --dataset mimic", cli_word(cli, 0));
    }
    for (size_t i = 0; keep && i < sizeof not_saved / sizeof *not_saved; i++)
        if (cli_text(cli, not_saved[i], NULL) != NULL)
            return err_set(err, ERR_USAGE, "--save and --%s contradict each other", not_saved[i]);
    if (cli_text(cli, "engine", NULL) != NULL &&
        (keep || cli_text(cli, "partition-by", NULL) != NULL))
        return err_set(err, ERR_USAGE, "--engine does not go with --save or --partition-by");
    if (!keep && (cli_text(cli, "name", NULL) != NULL || cli_flag(cli, "force")))
        return err_set(err, ERR_USAGE, "--name and --force go with --save");
    return ERR_OK;
}

enum err_code verb_plan_run(struct cli *cli, struct err *err)
{
    AUTO(api_plan_free) struct api_plan *plan = NULL;
    JSON_AUTO params = json_object();
    const char *by[64];
    struct running running = {.options = {.dataset = cli_text(cli, "dataset", NULL),
                                          .version = cli_text(cli, "version", NULL),
                                          .params = params,
                                          .row_limit = cli_number(cli, "limit", 0),
                                          .time_limit_ms = cli_number(cli, "timeout", 0),
                                          .engine = cli_text(cli, "engine", NULL),
                                          .name = cli_text(cli, "name", NULL),
                                          .force = cli_flag(cli, "force"),
                                          .overwrite = cli_flag(cli, "overwrite"),
                                          .partition_by = by}};
    TRY(check_options(cli, err));
    TRY(read_plan(cli_word(cli, 0), &plan, err));
    TRY(cli_params(cli, params, err));
    running.plan = plan;
    running.options.partition_count = cli_list(cli, "partition-by", by, sizeof by / sizeof *by);
    if (cli_flag(cli, "save"))
        return save(cli, &running, err);
    if (running.options.partition_count > 0)
        return write_folder(cli, &running, err);
    struct cli_rows_ask ask = {.open = open_rows,
                               .parquet = running.options.engine == NULL ? write_parquet : NULL,
                               .user = &running};
    TRY(cli_rows_write(cli, &ask, err));
    cli_next(cli, "marrow plan run %s --dataset %s --save --name NAME   # keep it as a table",
             cli_word(cli, 0), running.options.dataset);
    return ERR_OK;
}

/* ---- engines, dialects -------------------------------------------------------------------------
 */

static void add_words(struct buf *out, const json_t *words)
{
    for (size_t i = 0; i < json_array_size(words); i++)
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", json_string_value(json_array_get(words, i)));
}

enum err_code verb_engines(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(api_engines(&answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *engines = json_object_get(answer, "engines");
    for (size_t i = 0; i < json_array_size(engines); i++) {
        const json_t *one = json_array_get(engines, i);
        AUTO(buf_done) struct buf can = BUF_INIT;
        add_words(&can, json_object_get(one, "abilities"));
        cli_style(cli, CLI_BOLD, "%s%s", i == 0 ? "" : "\n", json_text(one, "name", ""));
        cli_say(cli, ": %s\n", json_text(one, "what", ""));
        cli_say(cli, "  URL      %s\n", json_text(one, "example", "none needed"));
        cli_say(cli, "  dialect  %s\n  can      %s\n", json_text(one, "dialect", ""),
                buf_text(&can));
    }
    return ERR_OK;
}

enum err_code verb_dialects(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(api_dialects(&answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *dialects = json_object_get(answer, "dialects");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "dialect", false);
    cli_table_column(table, "engines", false);
    cli_table_column(table, "lacks", false);
    for (size_t i = 0; i < json_array_size(dialects); i++) {
        const json_t *one = json_array_get(dialects, i);
        AUTO(buf_done) struct buf engines = BUF_INIT, lacks = BUF_INIT;
        add_words(&engines, json_object_get(one, "engines"));
        add_words(&lacks, json_object_get(one, "lacks"));
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_cell_str(table, CLI_PLAIN, buf_view(&engines));
        cli_table_cell(table, CLI_PLAIN, lacks.len > 0 ? buf_text(&lacks) : NULL);
    }
    cli_table_wrap(table);
    cli_table_print(cli, table, true);
    return ERR_OK;
}
