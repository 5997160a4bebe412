/* Rows of the plan → the answer: its one value where there is one, N, and who was dropped. */
#include "ask/ask_priv.h"

#include <string.h>

static size_t column_of(const struct ask_result *result, const char *name)
{
    for (size_t i = 0; i < json_array_size(result->columns); i++)
        if (strcmp(json_string_value(json_array_get(result->columns, i)), name) == 0)
            return i;
    return ASK_NONE;
}

static int64_t total_of(const struct ask_result *result, size_t column)
{
    int64_t total = 0;
    for (size_t r = 0; column != ASK_NONE && r < json_array_size(result->rows); r++)
        total +=
            (int64_t)json_number_value(json_array_get(json_array_get(result->rows, r), column));
    return total;
}

/* [[column, missing, rows]…] in place of one wide row. */
static json_t *missing_rows(const struct ask_result *result, bool *ok)
{
    json_t *rows = json_array();
    const json_t *wide = json_array_get(result->rows, 0);
    for (size_t i = 1; i < json_array_size(result->columns); i++) {
        json_t *row = json_array();
        if (json_integer_value(json_array_get(wide, i)) > 0) {
            json_push(row, json_incref(json_array_get(result->columns, i)), ok);
            json_push(row, json_incref(json_array_get(wide, i)), ok);
            json_push(row, json_incref(json_array_get(wide, 0)), ok);
            json_push(rows, row, ok);
        } else {
            json_decref(row);
        }
    }
    return rows;
}

/* The columns of a share's numerator that may not be recorded. */
static void put_unknown(const struct ask_reading *reading, struct buf *ret)
{
    const struct ask_question *q = &reading->question;
    for (size_t e = 0; e < q->event_count; e++)
        for (size_t i = 0; i < q->events[e].predicate_count; i++) {
            const struct ask_predicate *predicate = &q->events[e].predicates[i];
            const struct ask_column *column = ask_attr_column(reading->catalogue, &predicate->attr);
            if ((predicate->part || q->events[e].part) && column->nulls > 0 && !predicate->null)
                buf_printf(ret, "%s%s", ret->len > 0 ? " or " : "", column->name);
        }
    buf_puts(ret, " is not recorded");
}

static void put_dropped(const struct ask_reading *reading, const struct ask_result *result,
                        json_t *json, bool *ok)
{
    json_t *dropped = json_array();
    size_t rows = column_of(result, "rows"), n = column_of(result, "n");
    const struct ask_question *q = &reading->question;
    int64_t lost =
        rows != ASK_NONE && n != ASK_NONE ? total_of(result, rows) - total_of(result, n) : 0;
    if (lost > 0 && q->has_measure) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        buf_printf(&text, "%s is not recorded",
                   q->measure.derived == ASK_PLAIN
                       ? ask_attr_column(reading->catalogue, &q->measure)->name
                       : "the value");
        json_t *one = json_object();
        json_put_str(one, "reason", buf_view(&text), ok);
        json_put_int(one, "n", lost, ok);
        json_push(dropped, one, ok);
    }
    int64_t unknown = q->intent == ASK_SHARE ? total_of(result, column_of(result, "unknown")) : 0;
    if (unknown > 0) {
        json_t *one = json_object();
        AUTO(buf_done) struct buf text = BUF_INIT;
        put_unknown(reading, &text);
        json_put_str(one, "reason", buf_view(&text), ok);
        json_put_int(one, "n", unknown, ok);
        json_push(dropped, one, ok);
    }
    json_put(json, "dropped", dropped, ok);
}

/* Dates of birth moved to hide old age (MIMIC gives everyone over 89 an age of about 300) make
 * means of age worthless. */
static void put_doubts(const struct ask_reading *reading, const struct ask_result *result,
                       json_t *json, bool *ok)
{
    json_t *doubts = json_array();
    size_t oldest = column_of(result, "oldest");
    oldest = oldest == ASK_NONE ? column_of(result, "max") : oldest;
    for (size_t r = 0; reading->question.measure.derived == ASK_AGE && oldest != ASK_NONE &&
                       r < json_array_size(result->rows);
         r++)
        if (json_number_value(json_array_get(json_array_get(result->rows, r), oldest)) > 120) {
            json_push_text(doubts,
                           "ages over 120 occur: dates of birth may have been moved to hide old "
                           "age, so means of age are too high",
                           ok);
            break;
        }
    json_put(json, "doubts", doubts, ok);
}

/* The one number or text, where the answer is one. */
static json_t *value_of(const struct ask_reading *reading, const struct ask_result *result)
{
    const struct ask_question *q = &reading->question;
    const json_t *row = json_array_get(result->rows, 0);
    size_t n = column_of(result, "n"), columns = json_array_size(result->columns);
    if (json_array_size(result->rows) == 0)
        return q->intent == ASK_EXISTS  ? json_false()
               : q->intent == ASK_COUNT ? json_integer(0)
                                        : NULL;
    if (q->group_count > 0 || q->by_time || json_array_size(result->rows) > 1)
        return NULL;
    if (q->intent == ASK_EXISTS)
        return json_boolean(total_of(result, n) > 0);
    if (q->intent == ASK_COUNT && n != ASK_NONE)
        return json_incref(json_array_get(row, n));
    if (q->intent == ASK_SHARE)
        return json_incref(json_array_get(row, column_of(result, "share")));
    if (q->intent == ASK_DESCRIBE && q->aggregate != ASK_NO_AGGREGATE)
        return json_incref(json_array_get(row, columns - 1));
    size_t value = column_of(result, "value");
    if (q->intent == ASK_VALUE_OF && value != ASK_NONE && q->has_measure)
        return json_incref(json_array_get(row, value));
    if ((q->intent == ASK_VALUE_OF || q->intent == ASK_WHEN || q->intent == ASK_LIST) &&
        columns == 1)
        return json_incref(json_array_get(row, 0));
    return NULL;
}

static int64_t n_of(const struct ask_reading *reading, const struct ask_result *result)
{
    if (reading->question.intent == ASK_SHARE)
        return total_of(result, column_of(result, "total"));
    if (reading->question.intent == ASK_MISSING)
        return total_of(result, 0);
    size_t n = column_of(result, "n");
    return n != ASK_NONE ? total_of(result, n) : (int64_t)json_array_size(result->rows);
}

enum err_code ask_answer_json(const struct ask_reading *reading, const struct ask_result *result,
                              json_t **ret, struct err *err)
{
    bool ok = true, wide = reading->question.intent == ASK_MISSING,
         shares = reading->question.intent == ASK_SHARE;
    json_t *json = json_object(), *table = json_object(), *columns = NULL, *rows = NULL;
    if (shares)
        ask_share_rows(result, &columns, &rows, &ok);
    json_t *value = value_of(reading, result);
    if (value != NULL)
        json_put(json, "value", value, &ok);
    json_put_int(json, "n", n_of(reading, result), &ok);
    put_dropped(reading, result, json, &ok);
    put_doubts(reading, result, json, &ok);
    if (wide)
        json_put(table, "columns", json_pack("[s,s,s]", "column", "missing", "rows"), &ok);
    else
        json_put(table, "columns", shares ? columns : json_deep_copy(result->columns), &ok);
    json_put(table, "rows",
             wide     ? missing_rows(result, &ok)
             : shares ? rows
                      : json_deep_copy(result->rows),
             &ok);
    json_put(json, "result", table, &ok);
    json_t *figure = ask_figure(reading, result, &ok);
    if (figure != NULL)
        json_put(json, "figure", figure, &ok);
    enum err_code code = json_built(ok, err);
    if (code != ERR_OK)
        json_decref(json);
    else
        *ret = json;
    return code;
}
