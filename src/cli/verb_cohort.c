/* cohort count | show | save | index: how many patients, step by step. */
#include "cli/render.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

#define CRITERIA_BYTES (1 << 20)

/* What the options say, and what they were read into. */
struct asked {
    struct api_cohort_options options;
    struct buf text;
    json_t *views;
    char folder[FILE_PATH_BYTES];
};

static void asked_done(struct asked *asked)
{
    buf_done(&asked->text);
    json_decref(asked->views);
}

/* The criteria: given, in a file (@FILE), or from standard input (-). */
static enum err_code read_criteria(struct cli *cli, struct asked *asked, struct err *err)
{
    const char *word = cli_word(cli, 1);
    asked->options.folder = ".";
    asked->options.criteria = word;
    if (word == NULL)
        return ERR_OK;
    if (strcmp(word, "-") == 0)
        TRY(cli_read_stdin(CRITERIA_BYTES, "the criteria", &asked->text, err));
    if (word[0] == '@') {
        const char *slash = strrchr(word, '/');
        TRY(file_read(word + 1, CRITERIA_BYTES, &asked->text, err));
        asked->options.source = word + 1;
        if (slash != NULL) {
            (void)snprintf(asked->folder, sizeof asked->folder, "%.*s",
                           slash == word + 1 ? 1 : (int)(slash - word - 1), word + 1);
            asked->options.folder = asked->folder;
        }
    }
    if (word[0] == '@' || strcmp(word, "-") == 0)
        asked->options.criteria = buf_text(&asked->text);
    return buf_check(&asked->text, err);
}

static enum err_code read_options(struct cli *cli, struct asked *asked, struct err *err)
{
    const char *views = cli_text(cli, "views", NULL);
    asked->options = (struct api_cohort_options){.dataset = cli_word(cli, 0),
                                                 .version = cli_text(cli, "version", NULL),
                                                 .as_of = cli_text(cli, "as-of", NULL),
                                                 .suppress = cli_number(cli, "suppress", 0),
                                                 .engine = cli_text(cli, "engine", NULL),
                                                 .null_on_error =
                                                     strcmp(cli_text(cli, "on-error", "fail"),
                                                            "null") == 0,
                                                 .snapshot =
                                                     strcmp(cli_text(cli, "freshness", "latest"),
                                                            "snapshot") == 0,
                                                 .no_index = cli_flag(cli, "no-index"),
                                                 .name = cli_text(cli, "name", NULL),
                                                 .force = cli_flag(cli, "force")};
    if (asked->options.snapshot && asked->options.version != NULL)
        return err_set(err, ERR_USAGE,
                       "--version names the rows; --freshness snapshot is what is kept, whatever it "
                       "is of");
    if (views != NULL) {
        TRY(json_read_file(views, &asked->views, err));
        asked->options.views = asked->views;
        asked->options.views_source = views;
    }
    TRY(read_criteria(cli, asked, err));
    return cli_open(cli, false, err);
}

static void put_notes(struct cli *cli, const json_t *answer)
{
    const json_t *notes = json_object_get(answer, "notes");
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const json_t *note = json_array_get(notes, i);
        const char *code = json_text(note, "code", "");
        bool bad = strcmp(code, "text_found") != 0 && strcmp(code, "built_in_observations") != 0;
        cli_style(cli, bad ? CLI_WARN : CLI_DIM, "%s ", bad ? "!" : "·");
        cli_add_visible(&cli->out, str_of(json_text(note, "message", "")));
        cli_say(cli, "\n");
    }
}

static void put_attrition(struct cli *cli, const json_t *list)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "patients", true);
    cli_table_column(table, "step", false);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (json_is_integer(json_object_get(one, "count")))
            cli_table_count(table, json_int(one, "count", 0));
        else
            cli_table_cell(table, CLI_WARN, "hidden");
        cli_table_cell(table, CLI_PLAIN, json_text(one, "step", ""));
    }
    cli_table_wrap(table);
    cli_table_print(cli, table, true);
}

static void put_count(struct cli *cli, const json_t *answer)
{
    char a[32], b[32];
    cli_say(cli, "\n");
    if (json_is_integer(json_object_get(answer, "count")))
        cli_style(cli, CLI_GOOD, "%s %s", cli_count(json_int(answer, "count", 0), a),
                  cli_plural(json_int(answer, "count", 0), "patient", "patients"));
    else
        cli_style(cli, CLI_WARN, "hidden: few patients, or few others");
    cli_say(cli, ", in %s\n", cli_duration(json_int(answer, "duration_ms", 0), b));
}

static void put_route(struct cli *cli, const json_t *answer)
{
    cli_style(cli, CLI_DIM, "%s: %s; ages at %s; version %.12s\n", json_text(answer, "route", ""),
              json_text(answer, "why", ""), json_text(answer, "as_of", ""),
              json_text(answer, "version", ""));
}

enum err_code verb_cohort_count(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    struct asked asked = {.views = NULL};
    enum err_code code = read_options(cli, &asked, err);
    if (code == ERR_OK)
        code = api_cohort_count(cli->api, &asked.options, &answer, err);
    asked_done(&asked);
    TRY(code);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    put_attrition(cli, json_object_get(answer, "attrition"));
    put_count(cli, answer);
    put_route(cli, answer);
    put_notes(cli, answer);
    cli_next(cli, "marrow cohort save %s CRITERIA --name NAME", cli_word(cli, 0));
    return ERR_OK;
}

static void put_lines(struct cli *cli, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        cli_add_visible(&cli->out, (struct str){text, length});
        cli_say(cli, "\n");
        text += length + (text[length] == '\n' ? 1 : 0);
    }
}

enum err_code verb_cohort_show(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    struct asked asked = {.views = NULL};
    AUTO(buf_done) struct buf criteria = BUF_INIT;
    enum err_code code = read_options(cli, &asked, err);
    if (code == ERR_OK)
        code = api_cohort_show(cli->api, &asked.options, &answer, err);
    asked_done(&asked);
    TRY(code);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    TRY(json_compact(json_object_get(answer, "criteria"), &criteria, err));
    cli_style(cli, CLI_BOLD, "reading\n");
    put_lines(cli, json_text(answer, "reading", ""));
    cli_style(cli, CLI_BOLD, "\ncriteria\n");
    put_lines(cli, buf_text(&criteria));
    cli_style(cli, CLI_BOLD, "\nsql\n");
    put_lines(cli, json_text(answer, "sql", ""));
    cli_say(cli, "\n");
    put_route(cli, answer);
    put_notes(cli, answer);
    return ERR_OK;
}

enum err_code verb_cohort_save(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    struct asked asked = {.views = NULL};
    enum err_code code = read_options(cli, &asked, err);
    if (code == ERR_OK)
        code = api_cohort_save(cli->api, &asked.options, &answer, err);
    asked_done(&asked);
    TRY(code);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    cli_style(cli, CLI_GOOD, "✓ %s", json_text(answer, "name", ""));
    cli_say(cli, json_flag(answer, "reused", false) ? ", which was there already\n" : "\n");
    cli_say(cli, "  ");
    put_lines(cli, json_text(answer, "reading", ""));
    put_count(cli, answer);
    put_notes(cli, answer);
    cli_next(cli, "marrow sql %s \"SELECT count(*) FROM %s\"", cli_word(cli, 0),
             json_text(answer, "name", ""));
    return ERR_OK;
}

enum err_code verb_cohort_index(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    struct asked asked = {.views = NULL};
    char a[32], b[32], c[32], d[32];
    enum err_code code = read_options(cli, &asked, err);
    if (code == ERR_OK)
        code = api_cohort_index(cli->api, &asked.options, &answer, err);
    asked_done(&asked);
    TRY(code);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    cli_style(cli, CLI_GOOD, "✓ index of %s patients",
              cli_count(json_int(answer, "patients", 0), a));
    cli_say(cli, ": %s bitmaps, %s, %s in %s\n", cli_count(json_int(answer, "bitmaps", 0), b),
            cli_bytes(json_int(answer, "bytes", 0), c),
            json_flag(answer, "reused", false) ? "was there already," : "built",
            cli_duration(json_int(answer, "duration_ms", 0), d));
    cli_next(cli, "marrow cohort count %s 'female and age >= 50'", cli_word(cli, 0));
    return ERR_OK;
}
