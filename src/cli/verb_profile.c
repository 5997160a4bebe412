/* What the tables are: profile (with small bars for distributions), relations with their evidence,
 * roles. */
#include "cli/render.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_TOP_SHOWN 5
#define PROFILE_BAR_CELLS 12

/* A share as a bar of eighths: 0.4 of 6 cells → "██▍   ". */
static void add_bar(struct buf *out, double share, int cells)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int parts = (int)lround((share < 0 ? 0 : share > 1 ? 1 : share) * cells * 8);
    for (int i = 0; i < parts / 8; i++)
        buf_puts(out, "█");
    buf_puts(out, eighths[parts % 8]);
}

/* "2026-11-20 16:13:05…" as seconds. */
static bool seconds_of(const char *text, double *ret)
{
    int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0;
    size_t length = strlen(text);
    if (length < 10 || text[4] != '-' || text[7] != '-' ||
        !str_to_int64((struct str){text, 4}, &year) ||
        !str_to_int64((struct str){text + 5, 2}, &month) ||
        !str_to_int64((struct str){text + 8, 2}, &day) || month < 1 || month > 12)
        return false;
    if (length >= 16 && (!str_to_int64((struct str){text + 11, 2}, &hour) ||
                         !str_to_int64((struct str){text + 14, 2}, &minute)))
        return false;
    *ret = (double)clock_days_from_civil(year, (unsigned)month, (unsigned)day) * 86400 +
           (double)hour * 3600 + (double)minute * 60;
    return true;
}

static bool number_of(const json_t *value, double *ret)
{
    if (json_is_number(value)) {
        *ret = json_number_value(value);
        return true;
    }
    const char *text = json_string_value(value);
    return text != NULL && (str_to_double(str_of(text), ret) || seconds_of(text, ret));
}

static void add_value(struct buf *out, const json_t *value)
{
    char text[32];
    if (json_is_string(value))
        buf_puts(out, json_string_value(value));
    else if (json_is_integer(value))
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value) && fabs(json_real_value(value)) < 1e15 &&
             snprintf(text, sizeof text, "%.6g", json_real_value(value)) > 0 &&
             strchr(text, 'e') == NULL)
        buf_puts(out, text); /* six digits are enough to see a range; --json has them all */
    else if (json_is_real(value))
        buf_puts(out, str_from_double(json_real_value(value), text));
    else if (json_is_boolean(value))
        buf_puts(out, json_is_true(value) ? "true" : "false");
    else
        buf_puts(out, "–");
}

/* A timestamp's day is enough to see a range. */
static void add_short(struct buf *out, const json_t *value)
{
    double seconds;
    const char *text = json_string_value(value);
    if (text != NULL && strlen(text) > 10 && seconds_of(text, &seconds))
        buf_add(out, text, 10);
    else
        add_value(out, value);
}

/* The density as far as quantiles tell it: the share between two of them, spread evenly, over the
 * range in 12 cells. min 0, p25 1, p50 2, p75 3, max 9  →  █▆▂▂…  */
static void add_sparkline(struct buf *out, const json_t *quantiles, double low, double high)
{
    static const char *const levels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const struct {
        const char *key;
        double at;
    } known[] = {{"p05", 0.05}, {"p25", 0.25}, {"p50", 0.5}, {"p75", 0.75}, {"p95", 0.95}};
    double edges[8], at[8], mass[PROFILE_BAR_CELLS] = {0}, most = 0,
                            cell = (high - low) / PROFILE_BAR_CELLS;
    size_t count = 0;
    edges[count] = low;
    at[count++] = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!number_of(json_object_get(quantiles, known[i].key), &edges[count]) ||
            edges[count] < edges[count - 1] || edges[count] > high)
            continue;
        at[count++] = known[i].at;
    }
    edges[count] = high;
    at[count++] = 1;
    if (cell <= 0 || !isfinite(cell) || count < 4)
        return;
    for (size_t i = 0; i + 1 < count; i++) {
        double width = edges[i + 1] - edges[i], share = at[i + 1] - at[i];
        for (int k = 0; k < PROFILE_BAR_CELLS; k++) {
            double from = low + k * cell, to = from + cell;
            double shared = fmin(to, edges[i + 1]) - fmax(from, edges[i]);
            bool point =
                width <= 0 && edges[i] >= from && (edges[i] < to || k + 1 == PROFILE_BAR_CELLS);
            mass[k] += point ? share : width > 0 && shared > 0 ? share * shared / width : 0;
        }
    }
    for (int k = 0; k < PROFILE_BAR_CELLS; k++)
        most = fmax(most, mass[k]);
    for (int k = 0; k < PROFILE_BAR_CELLS; k++)
        buf_puts(out, mass[k] <= 0 ? " " : levels[(int)fmin(7, floor(mass[k] / most * 7.999))]);
}

/* "männlich" for 1, where the file came with labels. */
static void add_labelled(struct buf *out, const json_t *value, const json_t *labels)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    add_value(&text, value);
    for (size_t i = 0; i < json_array_size(labels); i++) {
        const json_t *pair = json_array_get(labels, i);
        const char *code = json_string_value(json_array_get(pair, 0)),
                   *label = json_string_value(json_array_get(pair, 1));
        if (code != NULL && label != NULL && strcmp(code, buf_text(&text)) == 0) {
            buf_printf(out, "%s=%s", code, label);
            return;
        }
    }
    buf_puts(out, buf_text(&text));
}

static void add_distribution(struct buf *out, const json_t *column, int64_t filled)
{
    const json_t *top = json_object_get(column, "top_values"),
                 *quantiles = json_object_get(column, "quantiles");
    double low, high;
    if (json_object_size(quantiles) > 0 &&
        json_object_size(json_object_get(column, "value_labels")) == 0 &&
        json_array_size(json_object_get(column, "value_labels")) == 0 &&
        strcmp(json_text(column, "role", ""), "category") != 0 &&
        number_of(json_object_get(column, "min"), &low) &&
        number_of(json_object_get(column, "max"), &high) && high > low) {
        add_sparkline(out, quantiles, low, high);
        buf_puts(out, "  median ");
        add_short(out, json_object_get(quantiles, "p50"));
        return;
    }
    for (size_t i = 0; i < json_array_size(top) && i < PROFILE_TOP_SHOWN; i++) {
        const json_t *one = json_array_get(top, i);
        double count = json_number_value(json_array_get(one, 1));
        char share[32];
        buf_puts(out, i > 0 ? "  " : "");
        add_labelled(out, json_array_get(one, 0), json_object_get(column, "value_labels"));
        if (filled > 0) {
            buf_putc(out, ' ');
            add_bar(out, count / (double)filled, 4);
            buf_printf(out, " %s", cli_share(count / (double)filled, share));
        }
    }
}

static void put_column(struct cli_table *table, const json_t *column, int64_t rows, bool labels,
                       bool why)
{
    AUTO(buf_done) struct buf range = BUF_INIT;
    AUTO(buf_done) struct buf distribution = BUF_INIT;
    char text[32];
    int64_t nulls = json_int(column, "nulls", 0);
    const char *role = json_text(column, "role", "");
    const json_t *least = json_object_get(column, "min");
    double low;
    if (strcmp(json_text(column, "type", ""), "text") != 0 && least != NULL &&
        number_of(least, &low)) { /* texts are not shown */
        add_short(&range, least);
        buf_puts(&range, " … ");
        add_short(&range, json_object_get(column, "max"));
    }
    if (strcmp(role, "identifier") != 0) /* an identifier's values are nobody's business here */
        add_distribution(&distribution, column, rows - nulls);
    cli_table_cell(table, CLI_BOLD, json_text(column, "name", ""));
    cli_table_cell(table, CLI_PLAIN, json_text(column, "type", ""));
    cli_table_cell(table, CLI_PLAIN, role);
    if (why)
        cli_table_cell(table, CLI_DIM, json_text(column, "role_reason", ""));
    cli_table_cell(table, nulls > 0 ? CLI_PLAIN : CLI_DIM,
                   rows == 0 || nulls == 0 ? NULL : cli_share((double)nulls / (double)rows, text));
    cli_table_count(table, json_int(column, "distinct", 0));
    cli_table_cell(table, CLI_PLAIN, strcmp(role, "identifier") == 0 ? "" : buf_text(&range));
    if (labels)
        cli_table_cell(table, CLI_DIM, json_text(column, "label", ""));
    cli_table_cell(table, CLI_PLAIN, buf_text(&distribution));
}

static bool has_labels(const json_t *columns)
{
    for (size_t i = 0; i < json_array_size(columns); i++)
        if (json_text(json_array_get(columns, i), "label", NULL) != NULL)
            return true;
    return false;
}

/* why: the roles' reasons too, where one table alone is shown. */
static void put_table(struct cli *cli, const json_t *one, bool first, bool why)
{
    static const char *const names[] = {"column",   "type",  "role",  "why",         "nulls",
                                        "distinct", "range", "label", "distribution"};
    const json_t *columns = json_object_get(one, "columns"),
                 *key = json_object_get(one, "primary_key");
    char text[32];
    bool labels = has_labels(columns);
    cli_say(cli, first ? "" : "\n");
    cli_style(cli, CLI_BOLD, "%s", json_text(one, "name", ""));
    cli_say(cli, "  %s rows, %s", cli_count(json_int(one, "rows", 0), text),
            json_text(one, "role", ""));
    cli_style(cli, CLI_DIM, " (%s)", json_text(one, "reason", json_text(one, "role_reason", "")));
    for (size_t i = 0; i < json_array_size(key); i++)
        cli_say(cli, "%s%s", i == 0 ? "  key " : " + ", json_string_value(json_array_get(key, i)));
    cli_say(cli, "\n");
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((labels || i != 7) && (why || i != 3))
            cli_table_column(table, names[i], i == 4 || i == 5);
    cli_table_wrap(table);
    for (size_t i = 0; i < json_array_size(columns); i++)
        put_column(table, json_array_get(columns, i), json_int(one, "rows", 0), labels, why);
    cli_table_print(cli, table, true);
}

static enum err_code put_profile(struct cli *cli, const json_t *answer, struct err *err)
{
    const json_t *tables = json_object_get(answer, "tables");
    for (size_t i = 0; i < json_array_size(tables); i++) {
        put_table(cli, json_array_get(tables, i), i == 0, json_array_size(tables) == 1);
        TRY(cli_flush_some(cli, err));
    }
    return ERR_OK;
}

enum err_code verb_profile(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(cli_open(cli, false, err));
    TRY(api_profile(cli->api, cli_word(cli, 0), cli_text(cli, "version", NULL), cli_word(cli, 1),
                    &answer, err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    cli_next(cli, "marrow relations %s", cli_word(cli, 0));
    return put_profile(cli, answer, err);
}

enum err_code verb_role(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    TRY(cli_open(cli, false, err));
    TRY(api_table_role(cli->api, cli_word(cli, 0), cli_word(cli, 1), cli_word(cli, 2), &answer,
                       err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    return put_profile(cli, answer, err);
}

/* ---- relations ---------------------------------------------------------------------------------
 */

/* labevents.itemid, or orders.(patient + day) */
static void add_end(struct buf *out, const json_t *end)
{
    const json_t *columns = json_object_get(end, "columns");
    bool several = json_array_size(columns) > 1;
    buf_printf(out, "%s.%s", json_text(end, "table", ""), several ? "(" : "");
    for (size_t i = 0; i < json_array_size(columns); i++)
        buf_printf(out, "%s%s", i > 0 ? " + " : "", json_string_value(json_array_get(columns, i)));
    buf_puts(out, several ? ")" : "");
}

/* "same name; 9 of 9 values are in the parent's key; dense" → "same name; dense": the coverage
 * beside it says the same. Where values miss, "names the parent; 125 of 129 values found". */
static void add_reason(struct buf *out, const char *reason)
{
    static const char found[] = " values are in the parent's key";
    for (const char *p = reason; *p != '\0';) {
        const char *end = strstr(p, "; ");
        struct str part = {p, end == NULL ? strlen(p) : (size_t)(end - p)};
        char *rest = NULL;
        long long there = strtoll(p, &rest, 10), all = -1;
        bool counted =
            str_has_suffix_nocase(part, found) && rest != p && strncmp(rest, " of ", 4) == 0;
        if (counted)
            all = strtoll(rest + 4, NULL, 10);
        if (!counted || there != all)
            buf_puts(out, out->len > 0 ? "; " : "");
        if (!counted)
            buf_add_str(out, part);
        else if (there != all)
            buf_printf(out, "%lld of %lld values found", there, all);
        p = end == NULL ? p + part.len : end + 2;
    }
}

/* The sentence of the evidence, else its figures. */
static void add_evidence(struct buf *out, const json_t *evidence)
{
    const char *reason = json_text(evidence, "reason", NULL), *key;
    json_t *value;
    if (reason != NULL) {
        add_reason(out, reason);
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)evidence, key, value)
    {
        if (json_is_object(value) || json_is_array(value))
            continue;
        buf_printf(out, "%s%s ", out->len > 0 ? ", " : "", key);
        add_value(out, value);
    }
}

static void put_relation(struct cli_table *table, const json_t *one, bool decided)
{
    AUTO(buf_done) struct buf child = BUF_INIT;
    AUTO(buf_done) struct buf parent = BUF_INIT;
    AUTO(buf_done) struct buf evidence = BUF_INIT;
    char text[32];
    const char *status = json_text(one, "status", "");
    bool rejected = strcmp(status, "rejected") == 0;
    double confidence = json_number(one, "confidence", 0);
    add_end(&child, json_object_get(one, "child"));
    add_end(&parent, json_object_get(one, "parent"));
    add_evidence(&evidence, json_object_get(one, "evidence"));
    cli_table_cell_str(table, rejected ? CLI_DIM : CLI_BOLD, buf_view(&child));
    cli_table_cell(table, CLI_DIM, "→");
    cli_table_cell_str(table, rejected ? CLI_DIM : CLI_BOLD, buf_view(&parent));
    cli_table_printf(table, confidence >= 0.8 ? CLI_GOOD : CLI_WARN, "%.2f", confidence);
    cli_table_cell(table, CLI_PLAIN, cli_share(json_number(one, "coverage", 0), text));
    if (decided)
        cli_table_cell(table,
                       rejected                          ? CLI_BAD
                       : strcmp(status, "proposed") == 0 ? CLI_PLAIN
                                                         : CLI_GOOD,
                       status);
    cli_table_cell_str(table, CLI_DIM, buf_view(&evidence));
    cli_table_wrap(table);
}

static bool any_decided(const json_t *relations)
{
    for (size_t i = 0; i < json_array_size(relations); i++)
        if (strcmp(json_text(json_array_get(relations, i), "status", ""), "proposed") != 0)
            return true;
    return false;
}

static void render_relations(struct cli *cli, const json_t *answer)
{
    static const char *const names[] = {"child",    "",       "parent",  "sure",
                                        "coverage", "status", "evidence"};
    const json_t *relations = json_object_get(answer, "relations"), *proposed = NULL;
    bool decided =
        any_decided(relations); /* else each is a proposal, and a column that says so is wasted */
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (decided || i != 5)
            cli_table_column(table, names[i], i == 3 || i == 4);
    for (size_t i = 0; i < json_array_size(relations); i++) {
        const json_t *one = json_array_get(relations, i);
        put_relation(table, one, decided);
        if (strcmp(json_text(one, "status", ""), "proposed") == 0)
            proposed = one; /* the least sure comes last */
    }
    if (json_array_size(relations) == 0) {
        cli_say(cli, "no keys between the tables of '%s' were found\n", cli_word(cli, 0));
        cli_next(cli,
                 "marrow relations %s add CHILD.COLUMN PARENT.COLUMN   # where you know of one",
                 cli_word(cli, 0));
        return;
    }
    cli_table_print(cli, table, true);
    if (proposed != NULL && json_number(proposed, "confidence", 0) < 0.8) {
        AUTO(buf_done) struct buf child = BUF_INIT;
        AUTO(buf_done) struct buf parent = BUF_INIT;
        add_end(&child, json_object_get(proposed, "child"));
        add_end(&parent, json_object_get(proposed, "parent"));
        cli_next(cli, "marrow relations %s confirm %.200s %.200s   (or: reject)", cli_word(cli, 0),
                 buf_text(&child), buf_text(&parent));
    } else {
        cli_next(cli, "marrow mart build %s --grain patient", cli_word(cli, 0));
    }
}

static enum err_code check_decision(const struct cli *cli, struct err *err)
{
    static const char *const decisions[] = {"confirm", "reject", "add", "reset"};
    const char *asked = cli_word(cli, 1);
    struct nearest nearest = {.asked = asked};
    for (size_t i = 0; i < sizeof decisions / sizeof *decisions; i++) {
        if (strcmp(asked, decisions[i]) != 0) {
            nearest_offer(&nearest, decisions[i]);
            continue;
        }
        if (cli->word_count == 4)
            return ERR_OK;
        err_set(err, ERR_USAGE, "'relations … %s' needs CHILD and PARENT", asked);
        return err_hint(err, "for example: marrow relations %s %s labs.item_id lab_items.item_id",
                        cli_word(cli, 0), asked);
    }
    err_set(err, ERR_USAGE,
            "'%.100s' is no decision on a relation: expected confirm, reject, add or reset", asked);
    return nearest_text(&nearest) != NULL
               ? err_hint(err, "did you mean '%s'?", nearest_text(&nearest))
               : err->code;
}

enum err_code verb_relations(struct cli *cli, struct err *err)
{
    JSON_AUTO answer = NULL;
    if (cli->word_count > 1)
        TRY(check_decision(cli, err));
    TRY(cli_open(cli, false, err));
    if (cli->word_count > 1)
        TRY(api_relation_decide(cli->api, cli_word(cli, 0), cli_word(cli, 1), cli_word(cli, 2),
                                cli_word(cli, 3), &answer, err));
    else
        TRY(api_relations(cli->api, cli_word(cli, 0), cli_text(cli, "version", NULL), &answer,
                          err));
    if (cli->json)
        return cli_print_json(cli, json_incref(answer), err);
    render_relations(cli, answer);
    return ERR_OK;
}
