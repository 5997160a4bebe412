/* rules check | run | explain | graph: a bundle is a JSON or TOML file or a folder with bundle.json or bundle.toml. */
#include "cli/render.h"

#include <stdio.h>
#include <string.h>

#define RULES_MOST 1000

static enum err_code need_dataset(struct cli *cli, const char **ret, struct err *err)
{
    *ret = cli_text(cli, "dataset", NULL);
    if (*ret != NULL)
        return cli_open(cli, false, err);
    err_set(err, ERR_USAGE, "'%s' needs --dataset NAME", cli->verb->name);
    return err_hint(err, "marrow %s %s --dataset mimic", cli->verb->name, cli_word(cli, 0));
}

static void put_lines(struct cli *cli, enum cli_style style, const char *mark, const json_t *lines,
                      const char *member)
{
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *one = json_array_get(lines, i);
        const char *text = member != NULL ? json_text(one, member, "") : json_string_value(one);
        cli_style(cli, style, "%s ", mark);
        if (member != NULL) {
            cli_add_visible(&cli->out, str_of(json_text(one, "file", "")));
            cli_say(cli, ": ");
        }
        cli_add_visible(&cli->out, str_of(text));
        cli_say(cli, "\n");
    }
}

static void put_rules(struct cli *cli, const json_t *rules)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "rule", false);
    cli_table_column(table, "columns", true);
    cli_table_column(table, "uses", false);
    cli_table_column(table, "what", false);
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *one = json_array_get(rules, i), *uses = json_object_get(one, "uses");
        AUTO(buf_done) struct buf names = BUF_INIT;
        for (size_t k = 0; k < json_array_size(uses); k++)
            buf_printf(&names, "%s%s", k == 0 ? "" : ", ",
                       json_string_value(json_array_get(uses, k)));
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_count(table, (int64_t)json_array_size(json_object_get(one, "output")));
        cli_table_cell_str(table, CLI_PLAIN, buf_view(&names));
        cli_table_cell(table, CLI_DIM, json_text(one, "description", ""));
    }
    cli_table_wrap(table);
    cli_table_print(cli, table, true);
    cli_say(cli, "\n");
}

enum err_code verb_rules_check(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    const char *dataset = cli_text(cli, "dataset", NULL);
    if (dataset == NULL && cli_text(cli, "version", NULL) != NULL) {
        err_set(err, ERR_USAGE, "--version is a dataset's: which?");
        return err_hint(err, "add --dataset NAME");
    }
    if (dataset != NULL)
        TRY(cli_open(cli, false, err));
    TRY(api_rules_check(cli->api, cli_word(cli, 0), dataset, cli_text(cli, "version", NULL),
                        &answer, err));
    cli->status = json_flag(answer, "ok", false) ? 0 : err_code_exit(ERR_INPUT);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    put_rules(cli, json_object_get(answer, "rules"));
    put_lines(cli, CLI_WARN, "·", json_object_get(answer, "notes"), NULL);
    put_lines(cli, CLI_BAD, "✗", json_object_get(answer, "problems"), "words");
    size_t count = json_array_size(json_object_get(answer, "problems"));
    if (count > 0) {
        cli_style(cli, CLI_BAD, "%zu %s\n", count,
                  cli_plural((int64_t)count, "problem", "problems"));
        return ERR_OK;
    }
    cli_style(cli, CLI_DIM, "signature %s\n", json_text(answer, "signature", ""));
    if (dataset != NULL)
        cli_style(cli, CLI_GOOD, "✓ the rules are sound and fit %s\n", dataset);
    else
        cli_style(cli, CLI_GOOD, "✓ the rules are sound\n");
    cli_next(cli, "marrow rules run %s --dataset %s", cli_word(cli, 0),
             dataset != NULL ? dataset : "NAME");
    return ERR_OK;
}

/* ---- run ---------------------------------------------------------------------------------------
 */

/* One line, as soon as the rule is done. */
static void tell(void *user, const json_t *rule)
{
    struct cli *cli = user;
    char a[32], b[32];
    struct err ignored;
    const json_t *error = json_object_get(rule, "error");
    if (cli->json)
        return;
    int64_t rows = json_int(rule, "row_count", 0);
    const char *took = cli_duration(json_int(rule, "duration_ms", 0), b);
    bool skipped = json_flag(rule, "skipped", false), reused = json_flag(rule, "reused", false);
    cli_progress_end(cli);
    cli_style(cli, error != NULL || skipped ? CLI_BAD : CLI_GOOD, "%s ",
              error != NULL || skipped ? "✗"
              : reused                 ? "="
                                       : "✓");
    cli_style(cli, CLI_BOLD, "%s", json_text(rule, "name", ""));
    if (error == NULL && !skipped)
        cli_say(cli, ": %s %s, %s in %s", cli_count(rows, a), cli_plural(rows, "row", "rows"),
                reused ? "reused" : "computed", took);
    cli_say(cli, error != NULL ? ": " : " · ");
    cli_add_visible(&cli->out, str_of(error != NULL ? json_text(error, "message", "")
                                                    : json_text(rule, "reason", "")));
    cli_say(cli, "\n");
    if (cli_flush(cli, &ignored) != ERR_OK)
        return; /* told again at the end */
}

enum err_code verb_rules_run(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    static const char *names[RULES_MOST];
    char took[32];
    struct api_rules_options options = {.path = cli_word(cli, 0),
                                        .version = cli_text(cli, "version", NULL),
                                        .engine = cli_text(cli, "engine", NULL),
                                        .force = cli_flag(cli, "force"),
                                        .rules = names,
                                        .rule_count = cli_list(cli, "rule", names, RULES_MOST),
                                        .told = tell,
                                        .user = cli};
    TRY(need_dataset(cli, &options.dataset, err));
    TRY(api_rules_run(cli->api, &options, &answer, err));
    cli->status = (int)json_int(answer, "exit", 0);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *rules = json_object_get(answer, "rules");
    size_t reused = 0, failed = 0;
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *one = json_array_get(rules, i);
        reused += json_flag(one, "reused", false) ? 1 : 0;
        failed += json_text(one, "run_id", NULL) == NULL ? 1 : 0;
    }
    cli_say(cli, "%zu %s: %zu computed, %zu reused, %zu failed or left out, %s\n",
            json_array_size(rules), cli_plural((int64_t)json_array_size(rules), "rule", "rules"),
            json_array_size(rules) - reused - failed, reused, failed,
            cli_duration(json_int(answer, "duration_ms", 0), took));
    if (json_array_size(rules) > 0 && failed == 0 && options.engine == NULL)
        cli_next(cli, "marrow sql %s \"SELECT * FROM %s\"", options.dataset,
                 json_text(json_array_get(rules, json_array_size(rules) - 1), "name", ""));
    return ERR_OK;
}

enum err_code verb_rules_explain(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    static const char *names[RULES_MOST];
    struct api_rules_options options = {.path = cli_word(cli, 0),
                                        .version = cli_text(cli, "version", NULL),
                                        .rules = names,
                                        .rule_count = cli_list(cli, "rule", names, RULES_MOST)};
    TRY(need_dataset(cli, &options.dataset, err));
    TRY(api_rules_explain(cli->api, &options, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *rules = json_object_get(answer, "rules");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "rule", false);
    cli_table_column(table, "would", false);
    cli_table_column(table, "why", false);
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *one = json_array_get(rules, i);
        bool runs = json_flag(one, "runs", false);
        cli_table_cell(table, CLI_BOLD, json_text(one, "name", ""));
        cli_table_cell(table, runs ? CLI_WARN : CLI_GOOD, runs ? "run" : "be reused");
        cli_table_cell(table, CLI_PLAIN, json_text(one, "reason", ""));
    }
    cli_table_wrap(table);
    cli_table_print(cli, table, true);
    return ERR_OK;
}

enum err_code verb_rules_graph(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(api_rules_graph(cli_word(cli, 0), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    /* text or dot, line by line: inputs' names may come from anywhere */
    for (const char *line = json_text(answer, cli_text(cli, "format", "text"), "");
         *line != '\0';) {
        size_t length = strcspn(line, "\n");
        cli_add_visible(&cli->out, (struct str){line, length});
        cli_say(cli, "\n");
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    return ERR_OK;
}
