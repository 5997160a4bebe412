/* What a report says, in which order: written once, for both formats. A part that the answer does
 * not have is left out, but never "who is counted" and the warnings: none is said. */
#include "report/report_priv.h"

#include "base/screen.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROWS_SHOWN 200

struct document {
    const json_t *answer;
    const struct report_about *about;
    const struct report_writer *write;
    struct buf *out;
};

void report_cell(const json_t *cell, struct buf *ret)
{
    char number[32];
    if (json_is_string(cell))
        buf_puts(ret, json_string_value(cell));
    else if (json_is_integer(cell))
        buf_printf(ret, "%" JSON_INTEGER_FORMAT, json_integer_value(cell));
    else if (json_is_real(cell) &&
             (json_real_value(cell) >= 1e15 || json_real_value(cell) <= -1e15))
        buf_puts(ret, str_from_double(json_real_value(cell), number));
    else if (json_is_real(cell))
        buf_printf(ret, "%.6g", json_real_value(cell));
    else
        buf_puts(ret, json_is_true(cell) ? "yes" : json_is_false(cell) ? "no" : "–");
}

bool report_is_numeric(const json_t *rows, size_t column)
{
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *cell = json_array_get(json_array_get(rows, r), column);
        if (!json_is_null(cell))
            return json_is_number(cell);
    }
    return false;
}

static void put_texts(const struct document *d, const json_t *list)
{
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++)
        d->write->item(d->out, json_string_value(json_array_get(list, i)), i == 0, i + 1 == count);
}

/* ---- the answer */

static void put_unanswered(const struct document *d)
{
    bool back = strcmp(json_text(d->answer, "status", ""), "asked_back") == 0;
    d->write->paragraph(d->out, "",
                        back ? "Not answered: it is not clear what is meant. One of these?"
                             : "Not answered: the data cannot say. Missing:");
    put_texts(d, json_object_get(d->answer, back ? "choices" : "missing"));
}

static void put_value(const struct document *d)
{
    const json_t *value = json_object_get(d->answer, "value");
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (value == NULL || json_is_null(value))
        return;
    report_cell(value, &text);
    buf_printf(&text, "%s%s", json_text(d->answer, "unit", NULL) != NULL ? " " : "",
               json_text(d->answer, "unit", ""));
    d->write->paragraph(d->out, "Answer:", buf_text(&text));
}

static void put_table(const struct document *d)
{
    const json_t *result = json_object_get(d->answer, "result"),
                 *rows = json_object_get(result, "rows");
    char text[80];
    if (json_array_size(rows) == 0) {
        d->write->paragraph(d->out, "", "No row of the data meets this.");
        return;
    }
    d->write->table(d->out, json_object_get(result, "columns"), rows, ROWS_SHOWN);
    (void)snprintf(text, sizeof text, "%d of %zu rows are shown.", ROWS_SHOWN,
                   json_array_size(rows));
    if (json_array_size(rows) > ROWS_SHOWN)
        d->write->paragraph(d->out, "", text);
}

/* "1.464 (0.947 to 2.262)" of three members; nothing where the first is none. */
static void add_interval(struct buf *ret, const json_t *one, const char *value, const char *low,
                         const char *high)
{
    if (!json_is_number(json_object_get(one, value)))
        return;
    buf_printf(ret, "%.4g", json_number(one, value, 0));
    if (json_is_number(json_object_get(one, low)) && json_is_number(json_object_get(one, high)))
        buf_printf(ret, " (%.4g to %.4g)", json_number(one, low, 0), json_number(one, high, 0));
}

/* "t = -2.29, df 36.8" */
static void add_statistic(struct buf *ret, const json_t *one)
{
    const char *name = json_text(one, "statistic_name", "");
    if (!json_is_number(json_object_get(one, "statistic")))
        return;
    buf_printf(ret, "%s%s%.4g", name, name[0] != '\0' ? " = " : "",
               json_number(one, "statistic", 0));
    if (json_is_number(json_object_get(one, "df")))
        buf_printf(ret, ", df %.4g", json_number(one, "df", 0));
    if (json_is_number(json_object_get(one, "df2")))
        buf_printf(ret, " and %.4g", json_number(one, "df2", 0));
}

static void push_statistic(json_t *rows, const json_t *one, bool *ok)
{
    AUTO(buf_done) struct buf statistic = BUF_INIT, estimate = BUF_INIT, ratio = BUF_INIT;
    json_t *row = json_array();
    const char *of = json_text(one, "term", json_text(one, "pair", ""));
    add_statistic(&statistic, one);
    add_interval(&estimate, one, "estimate", "ci_low", "ci_high");
    if (estimate.len > 0 && json_text(one, "estimate_name", NULL) != NULL)
        buf_printf(&estimate, " %s", json_text(one, "estimate_name", ""));
    add_interval(&ratio, one, "ratio", "ratio_low", "ratio_high");
    bool none = statistic.len + estimate.len + ratio.len == 0;
    if (none && !json_is_number(json_object_get(one, "p"))) {
        json_decref(row);
        return; /* a curve: its numbers are in the table */
    }
    json_push_text(row, json_text(one, "test", ""), ok);
    json_push_text(row, of, ok);
    json_push_str(row, buf_view(&statistic), ok);
    json_push_str(row, buf_view(&estimate), ok);
    json_push_str(row, buf_view(&ratio), ok);
    for (size_t i = 0; i < 2; i++) {
        const json_t *p = json_object_get(one, i == 0 ? "p" : "p_adjusted");
        char text[32] = "";
        if (json_is_number(p))
            (void)snprintf(text, sizeof text, "%.3g", json_number_value(p));
        json_push_text(row, text, ok);
    }
    json_push(rows, row, ok);
}

/* Columns that no row fills are left away. */
static void drop_empty(json_t *columns, json_t *rows)
{
    for (size_t c = json_array_size(columns); c-- > 0;) {
        bool any = false;
        for (size_t r = 0; r < json_array_size(rows); r++)
            any = any || json_string_length(json_array_get(json_array_get(rows, r), c)) > 0;
        if (any || json_array_remove(columns, c) != 0)
            continue;
        for (size_t r = 0; r < json_array_size(rows); r++)
            (void)json_array_remove(json_array_get(rows, r), c);
    }
}

static void put_statistics(const struct document *d)
{
    static const char *const titles[] = {"test",
                                         "of",
                                         "statistic",
                                         "estimate (95 % CI)",
                                         "ratio (95 % CI)",
                                         "p",
                                         "p adjusted (Holm)"};
    const json_t *list = json_object_get(json_object_get(d->answer, "result"), "statistics");
    JSON_AUTO columns = json_array();
    JSON_AUTO rows = json_array();
    bool ok = true;
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        json_push_text(columns, titles[i], &ok);
    for (size_t i = 0; i < json_array_size(list); i++)
        push_statistic(rows, json_array_get(list, i), &ok);
    drop_empty(columns, rows);
    d->out->failed = d->out->failed || !ok;
    if (json_array_size(rows) == 0)
        return;
    d->write->heading(d->out, "Statistics");
    d->write->table(d->out, columns, rows, ROWS_SHOWN);
}

static enum err_code put_figure(const struct document *d, struct err *err)
{
    const json_t *figure = json_object_get(d->answer, "figure");
    if (!json_is_object(figure))
        return ERR_OK;
    d->write->heading(d->out, "Figure");
    return d->write->figure(d->out, figure, json_text(d->answer, "reading", ""), err);
}

/* ---- who, how, what to mind */

static void put_counted(const struct document *d)
{
    const json_t *dropped = json_object_get(d->answer, "dropped");
    char text[400];
    d->write->heading(d->out, "Who is counted");
    (void)snprintf(text, sizeof text, "%" PRId64, json_int(d->answer, "n", 0));
    d->write->paragraph(d->out, "n =", text);
    if (json_array_size(dropped) == 0)
        d->write->paragraph(d->out, "", "Nobody was left out.");
    for (size_t i = 0; i < json_array_size(dropped); i++) {
        const json_t *one = json_array_get(dropped, i);
        (void)snprintf(text, sizeof text, "%" PRId64 " left out: %.300s", json_int(one, "n", 0),
                       json_text(one, "reason", ""));
        d->write->item(d->out, text, i == 0, i + 1 == json_array_size(dropped));
    }
}

static void put_members(const struct document *d, const json_t *list, const char *const *members,
                        const char *const *titles, size_t count)
{
    JSON_AUTO columns = json_array();
    JSON_AUTO rows = json_array();
    bool ok = true;
    for (size_t m = 0; m < count; m++)
        json_push_text(columns, titles[m], &ok);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *row = json_array();
        for (size_t m = 0; m < count; m++) {
            json_t *cell = json_object_get(json_array_get(list, i), members[m]);
            json_push(row, cell != NULL ? json_incref(cell) : json_null(), &ok);
        }
        json_push(rows, row, &ok);
    }
    d->out->failed = d->out->failed || !ok;
    if (json_array_size(rows) > 0)
        d->write->table(d->out, columns, rows, ROWS_SHOWN);
}

static void put_test(const struct document *d)
{
    const json_t *test = json_object_get(d->answer, "test");
    static const char *const assumed[] = {"name", "held", "detail"},
                             *const assumed_titles[] = {"assumption", "held", "detail"},
                             *const others[] = {"name", "p", "agrees"},
                             *const other_titles[] = {"the other test", "p", "agrees"};
    if (!json_is_object(test))
        return;
    d->write->heading(d->out, "Test");
    d->write->paragraph(d->out, json_text(test, "name", ""), "");
    d->write->paragraph(d->out, "Why this one:", json_text(test, "why", ""));
    put_members(d, json_object_get(test, "assumptions"), assumed, assumed_titles, 3);
    put_members(d, json_object_get(test, "alternatives"), others, other_titles, 3);
}

static void put_recoding(const struct document *d)
{
    static const char *const members[][2] = {
        {"event", "is the event"}, {"no_event", "is no event"}, {"missing", "counts as missing"}};
    const json_t *list = json_object_get(d->answer, "recoding");
    size_t count = json_array_size(list);
    if (count == 0)
        return;
    d->write->heading(d->out, "Recoding");
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(list, i);
        char text[400];
        for (size_t m = 0; m < 3; m++)
            if (json_text(one, members[m][0], NULL) != NULL) {
                (void)snprintf(text, sizeof text, "%.150s = %.150s %s",
                               json_text(one, "column", ""), json_text(one, members[m][0], ""),
                               members[m][1]);
                d->write->item(d->out, text, i == 0, i + 1 == count);
            }
    }
}

static void put_warnings(const struct document *d)
{
    const json_t *warnings = json_object_get(d->answer, "warnings");
    d->write->heading(d->out, "Warnings");
    if (json_array_size(warnings) == 0)
        d->write->paragraph(d->out, "", "None.");
    put_texts(d, warnings);
}

static void add_fact(json_t *rows, const char *name, const char *value, bool *ok)
{
    json_t *row = json_array();
    if (value == NULL || value[0] == '\0') {
        json_decref(row);
        return;
    }
    json_push_text(row, name, ok);
    json_push_text(row, value, ok);
    json_push(rows, row, ok);
}

static void put_provenance(const struct document *d)
{
    static const char *const members[][2] = {{"dataset", "dataset"},
                                             {"version", "version of the data"},
                                             {"signature", "plan's signature"},
                                             {"run_key", "run key"},
                                             {"tier", "read by"}};
    JSON_AUTO columns = json_pack("[s,s]", "what", "value");
    JSON_AUTO rows = json_array();
    char text[64];
    bool ok = true;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        add_fact(rows, members[i][1], json_text(d->answer, members[i][0], NULL), &ok);
    (void)snprintf(text, sizeof text, "%.2f", json_number(d->answer, "confidence", 0));
    add_fact(rows, "confidence of the reading", text, &ok);
    (void)snprintf(text, sizeof text, "%s in %" PRId64 " ms",
                   json_flag(d->answer, "reused", false) ? "kept answer" : "computed",
                   json_int(d->answer, "duration_ms", 0));
    add_fact(rows, "time", text, &ok);
    add_fact(rows, "reported at", d->about->made_at, &ok);
    add_fact(rows, "program", "Marrow " MARROW_VERSION, &ok);
    d->out->failed = d->out->failed || !ok;
    d->write->heading(d->out, "Provenance");
    d->write->table(d->out, columns, rows, ROWS_SHOWN);
    if (json_text(d->answer, "sql", "")[0] != '\0') {
        d->write->heading(d->out, "SQL");
        d->write->code(d->out, "sql", json_text(d->answer, "sql", ""));
    }
}

enum err_code report_document(const json_t *answer, const struct report_about *about,
                              enum report_format format, struct buf *ret, struct err *err)
{
    struct document d = {.answer = answer,
                         .about = about,
                         .write = format == REPORT_HTML ? &report_html : &report_markdown,
                         .out = ret};
    bool answered = strcmp(json_text(answer, "status", ""), "answered") == 0;
    d.write->open(ret, about->question);
    if (json_text(answer, "reading", "")[0] != '\0')
        d.write->paragraph(ret, "Reading:", json_text(answer, "reading", ""));
    if (answered) {
        put_value(&d);
        put_table(&d);
        TRY(put_figure(&d, err));
        put_counted(&d);
        put_test(&d);
        put_statistics(&d);
        put_recoding(&d);
    } else {
        put_unanswered(&d);
    }
    put_warnings(&d);
    put_provenance(&d);
    d.write->close(ret);
    return buf_check(ret, err);
}
