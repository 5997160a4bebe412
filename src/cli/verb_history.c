/* history: the trail as a list to read, its proof (verify), and doing an entry again (replay,
 * rerun, diff). */
#include "cli/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HISTORY_SQL_SHOWN 160

/* A text on one line: runs of blanks become one. */
static void add_one_line(struct buf *out, const char *text, size_t limit)
{
    bool blank = false;
    size_t start = out->len;
    for (const char *p = text; *p != '\0' && out->len - start < limit; p++) {
        bool is_blank = *p == ' ' || *p == '\n' || *p == '\t' || *p == '\r';
        if (is_blank && blank)
            continue;
        buf_putc(out, is_blank ? ' ' : *p);
        blank = is_blank;
    }
    if (out->len - start >= limit)
        buf_puts(out, "…");
}

/* An entry of a kind that has no words of its own: its members, and what the registry was set to. */
static void other_text(const json_t *entry, struct buf *out)
{
    static const char *const shown[] = {"decision", "child", "parent", "table",
                                        "role",     "what",  "format", "version"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (json_text(entry, shown[i], NULL) != NULL)
            buf_printf(out, "%s%.*s", out->len > 0 ? " " : "",
                       strcmp(shown[i], "version") == 0 ? 12 : 120,
                       json_text(entry, shown[i], ""));
    if (json_object_get(entry, "set") != NULL) {
        buf_putc(out, ' ');
        (void)!json_compact(json_object_get(entry, "set"), out, ERR_IGNORED);
    }
}

/* A question as the history has it, or an alias. */
static void question_text(const json_t *entry, struct buf *out)
{
    char text[32];
    if (json_text(entry, "question", NULL) == NULL) {
        buf_printf(out, "%s %s%s%s", json_text(entry, "decision", ""),
                   json_text(entry, "phrase", ""),
                   json_text(entry, "meaning", NULL) != NULL ? " → " : "",
                   json_text(entry, "meaning", ""));
        return;
    }
    buf_puts(out, json_text(entry, "question", ""));
    if (json_flag(entry, "ok", true))
        buf_printf(out, "  (%s, %s%s%s)", json_text(entry, "status", ""),
                   cli_duration(json_int(entry, "duration_ms", 0), text),
                   json_flag(entry, "reused", false) ? ", reused" : "",
                   json_object_get(entry, "taken") != NULL ? ", as offered" : "");
}

static void entry_text(const json_t *entry, struct buf *out)
{
    const char *kind = json_text(entry, "kind", ""), *error = json_text(entry, "error", NULL);
    char a[32], b[32];
    if (strcmp(kind, "sql") == 0) {
        add_one_line(out, json_text(entry, "sql", ""), HISTORY_SQL_SHOWN);
        if (json_flag(entry, "ok", true))
            buf_printf(out, "  (%s %s, %s)", cli_count(json_int(entry, "rows", 0), a),
                       cli_plural(json_int(entry, "rows", 0), "row", "rows"),
                       cli_duration(json_int(entry, "duration_ms", 0), b));
    } else if (strcmp(kind, "mart") == 0) {
        buf_printf(out, "%s", json_text(entry, "mart", ""));
        if (json_flag(entry, "ok", true))
            buf_printf(out, "  (%s %s × %" PRId64 " %s, %s%s)",
                       cli_count(json_int(entry, "rows", 0), a),
                       cli_plural(json_int(entry, "rows", 0), "row", "rows"),
                       json_int(entry, "columns", 0),
                       cli_plural(json_int(entry, "columns", 0), "column", "columns"),
                       cli_duration(json_int(entry, "duration_ms", 0), b),
                       json_flag(entry, "reused", false) ? ", reused" : "");
    } else if (strcmp(kind, "plan") == 0) {
        buf_printf(out, "%s%s%.12s", json_text(entry, "name", ""),
                   json_text(entry, "name", NULL) != NULL ? "  " : "",
                   json_text(entry, "signature", ""));
        if (json_flag(entry, "ok", true))
            buf_printf(
                out, "  (%s %s, %s%s)",
                cli_count(json_int(entry, "rows", json_int(entry, "row_count", 0)), a),
                cli_plural(json_int(entry, "rows", json_int(entry, "row_count", 0)), "row", "rows"),
                cli_duration(json_int(entry, "duration_ms", 0), b),
                json_flag(entry, "reused", false)  ? ", reused"
                : json_flag(entry, "saved", false) ? ", saved"
                                                   : "");
    } else if (strcmp(kind, "ask") == 0 || strcmp(kind, "alias") == 0) {
        question_text(entry, out);
    } else if (strcmp(kind, "import") == 0) {
        buf_printf(out, "version %.12s", json_text(entry, "version", ""));
        if (json_int(entry, "rows", -1) >= 0)
            buf_printf(out, "  (%s rows)", cli_count(json_int(entry, "rows", 0), a));
        if (json_flag(entry, "reused", false))
            buf_puts(out, "  (reused)");
    } else if (strcmp(kind, "edit") == 0) {
        buf_puts(out, "dataset.json: what a person decided");
    } else {
        other_text(entry, out);
    }
    if (error != NULL && !json_flag(entry, "ok", true))
        buf_printf(out, "%sfailed (%s)", out->len > 0 ? "  " : "", error);
    if (error != NULL && json_text(entry, "message", NULL) != NULL) {
        buf_puts(out, ": ");
        add_one_line(out, json_text(entry, "message", ""), HISTORY_SQL_SHOWN);
        const char *detail = json_text(entry, "detail", NULL);
        if (detail != NULL) {
            buf_puts(out, "; ");
            add_one_line(out, detail, HISTORY_SQL_SHOWN);
        }
    }
}

void cli_put_entry(struct cli *cli, const json_t *entry)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    entry_text(entry, &text);
    cli_add_visible(&cli->out, buf_view(&text));
}

static void render_entries(struct cli *cli, const json_t *entries)
{
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    int64_t replayable = -1;
    char time[32];
    cli_table_column(table, "entry", true);
    cli_table_column(table, "when (UTC)", false);
    cli_table_column(table, "what", false);
    cli_table_column(table, "", false);
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        const char *kind = json_text(entry, "kind", "");
        AUTO(buf_done) struct buf text = BUF_INIT;
        bool good = json_flag(entry, "ok", true);
        entry_text(entry, &text);
        cli_table_printf(table, CLI_DIM, "%" PRId64, json_int(entry, "seq", 0));
        cli_table_cell(table, CLI_PLAIN, cli_time(json_text(entry, "time", ""), time));
        cli_table_cell(table, good ? CLI_BOLD : CLI_BAD, kind);
        cli_table_cell_str(table, CLI_PLAIN, buf_view(&text));
        if (good && (strcmp(kind, "sql") == 0 || strcmp(kind, "mart") == 0 ||
                     json_text(entry, "result_hash", NULL) != NULL))
            replayable = json_int(entry, "seq", 0);
    }
    cli_table_print(cli, table, true);
    if (replayable >= 0)
        cli_next(cli, "marrow history %s replay %" PRId64 "   # run it again and compare",
                 cli_word(cli, 0), replayable);
}

static enum err_code show_last(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(api_history(cli->api, cli_word(cli, 0), cli_number(cli, "last", 50), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    render_entries(cli, json_object_get(answer, "entries"));
    return ERR_OK;
}

static enum err_code check_chain(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(api_history_verify(cli->api, cli_word(cli, 0), &answer, err));
    cli->status = json_flag(answer, "ok", false) ? 0 : err_code_exit(ERR_INTEGRITY);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *problems = json_object_get(answer, "problems");
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const json_t *one = json_array_get(problems, i);
        cli_style(cli, CLI_BAD, "✗ ");
        cli_say(cli, "%s:%" PRId64 ": %s\n", json_text(one, "file", ""), json_int(one, "line", 0),
                json_text(one, "problem", ""));
    }
    if (cli->status == 0)
        cli_style(cli, CLI_GOOD, "✓ the chain is whole: ");
    cli_say(cli, "%" PRId64 " %s in %" PRId64 " %s\n", json_int(answer, "entries", 0),
            cli_plural(json_int(answer, "entries", 0), "entry", "entries"),
            json_int(answer, "segments", 1),
            cli_plural(json_int(answer, "segments", 1), "segment", "segments"));
    return ERR_OK;
}

static enum err_code read_seq(struct cli *cli, int64_t *ret, struct err *err)
{
    const char *text = cli_word(cli, 2);
    if (text != NULL && str_to_int64(str_of(text), ret) && *ret >= 0)
        return ERR_OK;
    err_set(err, ERR_USAGE, "'history … %s' needs an entry's number", cli_word(cli, 1));
    return err_hint(err, "'marrow history %s' shows the numbers", cli_word(cli, 0));
}

/* A value, or how many rows: what an answer came to, in a few words. */
static void add_outcome(struct buf *out, const json_t *outcome)
{
    const json_t *value = json_object_get(outcome, "value");
    char text[32];
    if (strcmp(json_text(outcome, "status", ""), "answered") != 0)
        buf_printf(out, "%s%s%s", json_text(outcome, "status", ""),
                   json_text(outcome, "error", NULL) != NULL ? ": " : "",
                   json_text(outcome, "error", ""));
    else if (json_is_string(value))
        buf_puts(out, json_string_value(value));
    else if (value != NULL)
        (void)!json_compact(value, out, ERR_IGNORED);
    else if (json_object_get(outcome, "rows") != NULL)
        buf_printf(out, "%s %s", cli_count(json_int(outcome, "rows", 0), text),
                   cli_plural(json_int(outcome, "rows", 0), "row", "rows"));
    else
        buf_puts(out, "answered");
}

static enum err_code rerun(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    AUTO(buf_done) struct buf now = BUF_INIT;
    int64_t seq = 0;
    TRY(read_seq(cli, &seq, err));
    TRY(api_history_rerun(cli->api, cli_word(cli, 0), seq, cli_text(cli, "version", NULL), &answer,
                          err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *after = json_object_get(answer, "answer"),
                 *before = json_object_get(answer, "before");
    bool same = json_flag(answer, "same", false);
    cli_add_visible(&cli->out, str_of(json_text(after, "reading", "")));
    cli_say(cli, "\n");
    cli_style(cli, same ? CLI_GOOD : CLI_WARN,
              same ? "✓ entry %" PRId64 ": the same answer\n"
                   : "✗ entry %" PRId64 ": another answer\n",
              seq);
    add_outcome(&now, after);
    cli_say(cli, "  then %s on version %.12s\n  now  ", json_text(before, "status", ""),
            json_text(before, "version", ""));
    cli_add_visible(&cli->out, buf_view(&now));
    cli_say(cli, " on version %.12s\n", json_text(after, "version", ""));
    if (!same && !json_flag(answer, "same_plan", true))
        cli_style(cli, CLI_DIM, "  the question is read as another plan than then\n");
    return ERR_OK;
}

static enum err_code diff(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    const char *against = cli_text(cli, "against", NULL);
    static const char *const names[] = {"entry", "question", "then", "", "there"};
    if (against == NULL) {
        err_set(err, ERR_USAGE, "'history … diff' needs --against VERSION");
        return err_hint(err, "'marrow versions %s' lists them", cli_word(cli, 0));
    }
    TRY(api_history_diff(cli->api, cli_word(cli, 0), against, &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    const json_t *questions = json_object_get(answer, "questions");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cli_table_column(table, names[i], i == 0);
    for (size_t i = 0; i < json_array_size(questions); i++) {
        const json_t *one = json_array_get(questions, i);
        bool changed = json_flag(one, "changed", false);
        AUTO(buf_done) struct buf before = BUF_INIT, after = BUF_INIT;
        add_outcome(&before, json_object_get(one, "before"));
        add_outcome(&after, json_object_get(one, "after"));
        cli_table_printf(table, CLI_DIM, "%" PRId64, json_int(one, "seq", 0));
        cli_table_cell(table, CLI_PLAIN, json_text(one, "question", ""));
        cli_table_cell_str(table, CLI_PLAIN, buf_view(&before));
        cli_table_cell(table, changed ? CLI_WARN : CLI_DIM, changed ? "≠" : "=");
        cli_table_cell_str(table, CLI_PLAIN, buf_view(&after));
    }
    cli_table_print(cli, table, true);
    cli_say(cli, "%" PRId64 " of %zu past questions would be answered otherwise on version %.12s\n",
            json_int(answer, "changed", 0), json_array_size(questions),
            json_text(answer, "against", ""));
    if (json_int(answer, "left_off", 0) > 0)
        cli_style(cli, CLI_DIM, "%" PRId64 " older ones were not asked\n",
                  json_int(answer, "left_off", 0));
    return ERR_OK;
}

static enum err_code replay(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    int64_t seq = 0;
    TRY(read_seq(cli, &seq, err));
    TRY(api_history_replay(cli->api, cli_word(cli, 0), seq, &answer, err));
    bool identical = json_flag(answer, "identical", false);
    cli->status = identical ? 0 : err_code_exit(ERR_INTEGRITY);
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    cli_style(cli, identical ? CLI_GOOD : CLI_BAD,
              identical ? "✓ entry %" PRId64 ": bit-identical\n"
                        : "✗ entry %" PRId64 ": not the same\n",
              seq);
    cli_say(cli, "  then %s\n  now  %s\n", json_text(answer, "before", ""),
            json_text(answer, "after", ""));
    return ERR_OK;
}

/* The entries are gone afterwards: asked on a terminal, elsewhere --yes has to say so. */
static enum err_code confirm_clear(struct cli *cli, struct err *err)
{
    char answer[16] = "";
    if (cli_flag(cli, "yes"))
        return ERR_OK;
    if (!cli->json && isatty(STDIN_FILENO) == 1 && cli->stderr_tty) {
        (void)fprintf(stderr,
                      "remove every entry of the history of '%s'? One entry will keep their number "
                      "and last hash. [y/N] ",
                      cli_word(cli, 0));
        if (fgets(answer, sizeof answer, stdin) != NULL &&
            (str_equal_nocase(str_of(answer), STR("y\n")) ||
             str_equal_nocase(str_of(answer), STR("yes\n"))))
            return ERR_OK;
        return err_set(err, ERR_INTERRUPTED, "nothing was removed");
    }
    err_set(err, ERR_USAGE, "'history clear' removes every entry: --yes has to say so");
    return err_hint(err, "marrow history %s clear --yes", cli_word(cli, 0));
}

static enum err_code clear(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(confirm_clear(cli, err));
    TRY(api_history_clear(cli->api, cli_word(cli, 0), &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    cli_say(cli, "the history of '%s' was cleared; one entry says so\n", cli_word(cli, 0));
    return ERR_OK;
}

enum err_code verb_history(struct cli *cli, struct err *err)
{
    static const struct {
        const char *name;
        int words;
        enum err_code (*run)(struct cli *cli, struct err *err);
    } actions[] = {{"verify", 2, check_chain},
                 {"replay", 3, replay},
                 {"rerun", 3, rerun},
                 {"diff", 2, diff},
                 {"clear", 2, clear}};
    const char *action = cli_word(cli, 1);
    struct nearest nearest = {.asked = action == NULL ? "" : action};
    if (action == NULL) {
        TRY(cli_open(cli, false, err));
        return show_last(cli, err);
    }
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(actions[i].name, action) == 0 && cli->word_count <= actions[i].words) {
            TRY(cli_open(cli, false, err));
            return actions[i].run(cli, err);
        }
        nearest_offer(&nearest, actions[i].name);
    }
    err_set(err, ERR_USAGE, "'history' takes verify, replay N, rerun N, diff or clear; found '%.100s'%s", action,
            cli->word_count > 2 ? " and more" : "");
    return nearest_text(&nearest) != NULL
               ? err_hint(err, "did you mean '%s'?", nearest_text(&nearest))
               : err->code;
}
