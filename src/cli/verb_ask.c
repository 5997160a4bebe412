/* ask: a question in plain English, answered, asked back or refused. */
#include "cli/render.h"
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_list(struct cli *cli, const json_t *list, enum cli_style style, const char *mark)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        cli_style(cli, style, "%s ", mark);
        cli_add_visible(&cli->out, str_of(json_string_value(json_array_get(list, i))));
        cli_say(cli, "\n");
    }
}

#define SHOWN_ROWS 40

static void put_result(struct cli *cli, const json_t *result)
{
    const json_t *columns = json_object_get(result, "columns"),
                 *rows = json_object_get(result, "rows");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    if (json_array_size(rows) == 0) {
        cli_say(cli, "no rows\n");
        return;
    }
    for (size_t c = 0; c < json_array_size(columns); c++)
        cli_table_column(table, json_string_value(json_array_get(columns, c)),
                         json_is_number(json_array_get(json_array_get(rows, 0), c)));
    for (size_t r = 0; r < json_array_size(rows) && r < SHOWN_ROWS; r++)
        for (size_t c = 0; c < json_array_size(columns); c++) {
            AUTO(buf_done) struct buf text = BUF_INIT;
            const json_t *cell = json_array_get(json_array_get(rows, r), c);
            report_cell(cell, &text);
            cli_table_cell_str(table, CLI_PLAIN, buf_view(&text));
        }
    cli_table_print(cli, table, true);
    if (json_array_size(rows) > SHOWN_ROWS)
        cli_style(cli, CLI_DIM, "… %zu rows in all: --json has them\n", json_array_size(rows));
}

static void put_answer(struct cli *cli, const json_t *answer)
{
    const json_t *value = json_object_get(answer, "value"),
                 *dropped = json_object_get(answer, "dropped");
    char text[32];
    cli_say(cli, "\n");
    if (value != NULL && !json_is_null(value)) {
        AUTO(buf_done) struct buf shown = BUF_INIT;
        report_cell(value, &shown);
        cli_style(cli, CLI_GOOD, "%s", "");
        cli_add_visible(&cli->out, buf_view(&shown));
        if (json_is_string(json_object_get(answer, "unit")))
            cli_say(cli, " %s", json_text(answer, "unit", ""));
        cli_say(cli, "\n");
        if (strcmp(json_text(answer, "intent", ""), "describe") == 0)
            cli_style(cli, CLI_DIM, "n = %s\n", cli_count(json_int(answer, "n", 0), text));
    }
    if (value == NULL || json_is_null(value) || json_is_object(json_object_get(answer, "test")))
        put_result(cli, json_object_get(answer, "result"));
    for (size_t i = 0; i < json_array_size(dropped); i++)
        cli_style(cli, CLI_WARN, "! %s left out: %s\n",
                  cli_count(json_int(json_array_get(dropped, i), "n", 0), text),
                  json_text(json_array_get(dropped, i), "reason", ""));
    cli_put_test(cli, answer);
}

static void put_lines(struct cli *cli, const char *text)
{
    cli_say(cli, "\n");
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        cli_add_visible(&cli->out, (struct str){text, length});
        cli_say(cli, "\n");
        text += length + (text[length] == '\n' ? 1 : 0);
    }
}

static void put_explained(struct cli *cli, const json_t *answer)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    put_list(cli, json_object_get(answer, "why"), CLI_DIM, "·");
    if (json_pretty(json_object_get(answer, "question"), &text, ERR_IGNORED) == ERR_OK)
        put_lines(cli, buf_text(&text));
    if (json_text(answer, "sql", NULL) != NULL)
        put_lines(cli, json_text(answer, "sql", ""));
}

static enum err_code put_status(struct cli *cli, const json_t *answer, struct err *err)
{
    const char *status = json_text(answer, "status", "");
    char text[32];
    if (strcmp(status, "answered") == 0) {
        put_answer(cli, answer);
        if (!cli_flag(cli, "no-plot"))
            TRY(cli_put_figure(cli, answer, err));
        cli_style(cli, CLI_DIM, "%s in %s; version %.12s; confidence %.2f\n",
                  json_flag(answer, "reused", false) ? "kept answer" : "computed",
                  cli_duration(json_int(answer, "duration_ms", 0), text),
                  json_text(answer, "version", ""), json_number(answer, "confidence", 0));
    } else if (strcmp(status, "asked_back") == 0) {
        cli_style(cli, CLI_WARN, "Not sure what is meant. One of these?\n");
        put_list(cli, json_object_get(answer, "choices"), CLI_PLAIN, "–");
        put_list(cli, json_object_get(answer, "why"), CLI_DIM, "·");
    } else {
        cli_style(cli, CLI_WARN, "This cannot be answered. Missing:\n");
        put_list(cli, json_object_get(answer, "missing"), CLI_PLAIN, "–");
    }
    return ERR_OK;
}

/* For people: reading, answer, figure, what to mind. */
static enum err_code put_text(struct cli *cli, const json_t *answer, struct err *err)
{
    if (json_text(answer, "reading", "")[0] != '\0') {
        cli_add_visible(&cli->out, str_of(json_text(answer, "reading", "")));
        cli_say(cli, "\n");
    }
    TRY(put_status(cli, answer, err));
    put_list(cli, json_object_get(answer, "warnings"), CLI_WARN, "!");
    if (cli_flag(cli, "explain"))
        put_explained(cli, answer);
    return ERR_OK;
}

/* As put_text writes it, for a file: no colours, no width. */
static enum err_code put_text_file(struct cli *cli, const json_t *answer, struct err *err)
{
    bool colour = cli->colour;
    int width = cli->width;
    AUTO(buf_done) struct buf waiting = cli->out;
    cli->out = (struct buf)BUF_INIT;
    cli->colour = false;
    cli->width = 0;
    enum err_code code = put_text(cli, answer, err);
    cli->colour = colour;
    cli->width = width;
    struct buf written = cli->out;
    cli->out = waiting;
    waiting = written;
    TRY(code);
    TRY(buf_check(&waiting, err));
    return cli_write_output(cli, buf_view(&waiting), err);
}

static enum err_code put_document(struct cli *cli, const char *format, const json_t *answer,
                                  struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    TRY(cli_ask_document(format, cli_word(cli, 1), answer, &text, err));
    if (cli_text(cli, "output", NULL) != NULL)
        return cli_write_output(cli, buf_view(&text), err);
    buf_add_str(&cli->out, buf_view(&text));
    return ERR_OK;
}

/* The R script and its rows; said in one line, for data leave the store. */
static enum err_code write_script(struct cli *cli, const json_t *answer, struct err *err)
{
    JSON_AUTO written = NULL;
    struct api_script_options options = {.dataset = cli_word(cli, 0),
                                         .question = cli_word(cli, 1),
                                         .directory = cli_text(cli, "r", NULL),
                                         .overwrite = cli_flag(cli, "overwrite")};
    char rows[32];
    if (options.directory == NULL)
        return ERR_OK;
    if (strcmp(json_text(answer, "status", ""), "answered") != 0) {
        cli_note(cli, "nothing is written to %s: the question is not answered\n", options.directory);
        return ERR_OK;
    }
    TRY(api_question_script(cli->api, &options, answer, &written, err));
    cli_note(cli, "✓ %s: analysis.R, data.parquet, data.csv. %s %s of the data left the store, for you named this folder\n",
             options.directory, cli_count(json_int(written, "rows", 0), rows),
             cli_plural(json_int(written, "rows", 0), "row", "rows"));
    return ERR_OK;
}

enum err_code verb_ask(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    const char *model = getenv("MARROW_LLM");
    struct api_question_options options = {.dataset = cli_word(cli, 0),
                                           .question = cli_word(cli, 1),
                                           .version = cli_text(cli, "version", NULL),
                                           .grain = cli_text(cli, "grain", NULL),
                                           .now = cli_text(cli, "now", NULL),
                                           .force = cli_flag(cli, "force"),
                                           .llm = cli_text(cli, "llm", model != NULL && model[0] != '\0' ? model : NULL),
                                           .llm_model = cli_text(cli, "llm-model", NULL),
                                           .llm_values = cli_flag(cli, "llm-values"),
                                           .llm_timeout_ms = cli_number(cli, "llm-timeout", 0)};
    const char *format = cli_text(cli, "format", cli->json ? "json" : "text");
    bool file = cli_text(cli, "output", NULL) != NULL;
    if (cli->json && strcmp(format, "json") != 0)
        return err_set(err, ERR_USAGE, "--json and --format %s contradict each other", format);
    TRY(cli_check_output(cli, err));
    TRY(cli_open(cli, false, err));
    TRY(api_question(cli->api, &options, &answer, err));
    TRY(write_script(cli, answer, err));
    if (strcmp(format, "json") == 0 && !file)
        return cli_print_json(cli, json_incref(answer), err);
    if (strcmp(format, "text") != 0)
        return put_document(cli, format, answer, err);
    if (file)
        return put_text_file(cli, answer, err);
    TRY(put_text(cli, answer, err));
    const json_t *next = json_array_get(json_object_get(answer, "follow_ups"), 0);
    if (json_is_string(next))
        cli_next(cli, "marrow ask %s '%s'", cli_word(cli, 0), json_string_value(next));
    return ERR_OK;
}
