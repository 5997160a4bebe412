/* The answer's figure as a description (figure.h has the shapes): bars of counts and of what is
 * said of groups, boxes of a number described, lines over time. One number has none. */
#include "ask/ask_priv.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define MOST_ZEROS 1000 /* between two points */

struct drawn {
    const struct ask_reading *reading;
    const struct ask_question *q;
    const struct ask_result *result;
    size_t labels; /* columns of groups, the time's excepted */
    bool ok;
};

static size_t column_of(const struct ask_result *result, const char *name)
{
    for (size_t i = 0; i < json_array_size(result->columns); i++)
        if (strcmp(json_string_value(json_array_get(result->columns, i)), name) == 0)
            return i;
    return ASK_NONE;
}

static void add_text(struct buf *ret, const json_t *cell)
{
    char number[32];
    if (json_is_string(cell))
        buf_puts(ret, json_string_value(cell));
    else if (json_is_integer(cell))
        buf_printf(ret, "%" JSON_INTEGER_FORMAT, json_integer_value(cell));
    else if (json_is_real(cell))
        buf_puts(ret, str_from_double(json_real_value(cell), number));
    else
        buf_puts(ret, json_is_true(cell) ? "yes" : json_is_false(cell) ? "no" : "not recorded");
}

/* The groups of a row, one text. */
static void put_label(struct drawn *drawn, json_t *item, const json_t *row)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    for (size_t i = 0; i < drawn->labels; i++) {
        buf_puts(&text, i > 0 ? ", " : "");
        add_text(&text, json_array_get(row, i));
    }
    json_put_str(item, "label", buf_view(&text), &drawn->ok);
}

static json_t *number_of(const json_t *row, size_t column)
{
    const json_t *cell = json_array_get(row, column);
    double value;
    if (json_is_string(cell) && str_to_double(str_of(json_string_value(cell)), &value))
        return json_real(value); /* an exact decimal */
    return json_is_number(cell) ? json_incref(json_array_get(row, column)) : json_null();
}

static void put_number(struct drawn *drawn, json_t *item, const char *member, const json_t *row,
                       const char *column)
{
    size_t at = column_of(drawn->result, column);
    if (at != ASK_NONE)
        json_put(item, member, number_of(row, at), &drawn->ok);
}

/* What is counted, or what is said of the measure. */
static void put_measured(struct drawn *drawn, json_t *json, const char *member)
{
    static const char *const said[] = {
        "", "mean ", "median ", "maximum ", "minimum ", "sum of ", "standard deviation of "};
    static const char *const derived[] = {NULL,    "age (years)",    "length of stay (days)",
                                          "death", "hospital death", "ICU length of stay (days)"};
    const struct ask_question *q = drawn->q;
    AUTO(buf_done) struct buf text = BUF_INIT;
    if (q->intent == ASK_SHARE)
        buf_puts(&text, "% of ");
    if (!q->has_measure) {
        buf_puts(&text, q->by_entity ? ask_entity_many(q->entity)
                                     : drawn->reading->catalogue->tables[q->events[0].table].name);
    } else {
        const struct ask_event *target = &q->events[0];
        const char *name = q->measure.derived != ASK_PLAIN
                               ? derived[q->measure.derived]
                               : ask_attr_column(drawn->reading->catalogue, &q->measure)->name;
        for (size_t i = 0; i < target->predicate_count && q->measure.derived == ASK_PLAIN; i++)
            if (!target->predicates[i].is_number && target->predicates[i].said != NULL)
                name = target->predicates[i].said; /* the test whose value it is */
        buf_puts(&text, said[q->aggregate]);
        buf_puts(&text, name);
    }
    json_put_str(json, member, buf_view(&text), &drawn->ok);
}

static json_t *new_figure(struct drawn *drawn, const char *kind, const char *list)
{
    json_t *json = json_object();
    AUTO(buf_done) struct buf names = BUF_INIT;
    json_put_text(json, "kind", kind, &drawn->ok);
    for (size_t i = 0; i < drawn->labels; i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "",
                   json_string_value(json_array_get(drawn->result->columns, i)));
    json_put_str(json, "x", buf_view(&names), &drawn->ok);
    put_measured(drawn, json, "y");
    json_put(json, list, json_array(), &drawn->ok);
    return json;
}

/* Wilson's interval of a share, and of how many it is. */
static void put_interval(struct drawn *drawn, json_t *item, const json_t *row)
{
    double met = json_number_value(json_array_get(row, column_of(drawn->result, "met"))),
           total = json_number_value(json_array_get(row, column_of(drawn->result, "total"))),
           low = 0, high = 0;
    ask_wilson(met, total, &low, &high);
    if (total > 0) {
        json_put_real(item, "low", 100 * (low > 0 ? low : 0), &drawn->ok);
        json_put_real(item, "high", 100 * (high < 1 ? high : 1), &drawn->ok);
    }
    json_put_int(item, "n", (int64_t)total, &drawn->ok);
}

static json_t *bars(struct drawn *drawn, size_t value)
{
    json_t *json = new_figure(drawn, "bars", "items"), *items = json_object_get(json, "items");
    const struct ask_result *result = drawn->result;
    for (size_t r = 0; r < json_array_size(result->rows); r++) {
        const json_t *row = json_array_get(result->rows, r);
        json_t *item = json_object();
        put_label(drawn, item, row);
        json_put(item, "value", number_of(row, value), &drawn->ok);
        if (drawn->q->has_measure)
            put_number(drawn, item, "n", row, "n");
        if (drawn->q->intent == ASK_SHARE)
            put_interval(drawn, item, row);
        json_push(items, item, &drawn->ok);
    }
    return json;
}

/* Whiskers to the least and the greatest. */
static json_t *boxes(struct drawn *drawn)
{
    static const char *const members[][2] = {{"n", "n"},           {"min", "min"}, {"q1", "q1"},
                                             {"median", "median"}, {"q3", "q3"},   {"max", "max"},
                                             {"low", "min"},       {"high", "max"}};
    json_t *json = new_figure(drawn, "box", "items"), *items = json_object_get(json, "items");
    for (size_t r = 0; r < json_array_size(drawn->result->rows); r++) {
        const json_t *row = json_array_get(drawn->result->rows, r);
        json_t *item = json_object();
        put_label(drawn, item, row);
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
            put_number(drawn, item, members[i][0], row, members[i][1]);
        json_push(items, item, &drawn->ok);
    }
    return json;
}

/* The series of a row's groups; made where it is new. */
static json_t *series_of(struct drawn *drawn, json_t *all, const json_t *row)
{
    json_t *series = json_object();
    put_label(drawn, series, row);
    for (size_t i = 0; i < json_array_size(all); i++)
        if (strcmp(json_text(json_array_get(all, i), "label", ""),
                   json_text(series, "label", "")) == 0) {
            json_decref(series);
            return json_array_get(all, i);
        }
    json_put(series, "points", json_array(), &drawn->ok);
    json_push(all, series, &drawn->ok);
    return json_array_get(all, json_array_size(all) - 1);
}

/* The next year, month, week or day; NULL: x is no time. */
static json_t *next_time(enum ask_unit unit, const json_t *x)
{
    static const int64_t days_of[] = {
        [ASK_DAY] = 1, [ASK_WEEK] = 7, [ASK_MONTH] = 0, [ASK_YEAR] = 0, [ASK_HOUR] = 1};
    int64_t year, month, day;
    unsigned next_month, next_day;
    char text[32];
    struct str date = str_of(json_string_value(x));
    if (json_is_integer(x))
        return json_integer(json_integer_value(x) + 1);
    if (date.len < 10 || !str_to_int64((struct str){date.ptr, 4}, &year) ||
        !str_to_int64((struct str){date.ptr + 5, 2}, &month) ||
        !str_to_int64((struct str){date.ptr + 8, 2}, &day))
        return NULL;
    if (unit == ASK_MONTH) {
        year += month == 12 ? 1 : 0;
        next_month = month == 12 ? 1 : (unsigned)month + 1;
        next_day = 1;
    } else {
        int64_t at = clock_days_from_civil(year, (unsigned)month, (unsigned)day) + days_of[unit];
        clock_civil_from_days(at, &year, &next_month, &next_day);
    }
    (void)snprintf(text, sizeof text, "%04lld-%02u-%02u%.20s", (long long)year, next_month,
                   next_day, date.ptr + 10);
    return json_string(text);
}

static int compare_times(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b))
        return (json_integer_value(a) > json_integer_value(b)) -
               (json_integer_value(a) < json_integer_value(b));
    return json_is_string(a) && json_is_string(b)
               ? strcmp(json_string_value(a), json_string_value(b))
               : 0;
}

/* Times between two points at which nothing was counted are zeros, not a line across them. */
static void fill_zeros(struct drawn *drawn, json_t *series)
{
    json_t *points = json_object_get(series, "points"), *filled = json_array();
    for (size_t i = 0; i < json_array_size(points); i++) {
        json_t *point = json_array_get(points, i);
        size_t last = json_array_size(filled);
        json_t *before = json_array_get(json_array_get(filled, last - 1), 0);
        json_t *at = last > 0 ? next_time(drawn->q->time_unit, before) : NULL;
        for (size_t steps = 0;
             at != NULL && steps < MOST_ZEROS && compare_times(at, json_array_get(point, 0)) < 0;
             steps++) {
            json_t *zero = json_array(), *next = next_time(drawn->q->time_unit, at);
            json_push(zero, at, &drawn->ok);
            json_push(zero, json_integer(0), &drawn->ok);
            json_push(filled, zero, &drawn->ok);
            at = next;
        }
        json_decref(at);
        json_push(filled, json_incref(point), &drawn->ok);
    }
    json_put(series, "points", filled, &drawn->ok);
}

static json_t *lines(struct drawn *drawn, size_t value)
{
    json_t *json = new_figure(drawn, "lines", "series"), *all = json_object_get(json, "series");
    size_t time = drawn->q->group_count;
    const json_t *first = json_array_get(json_array_get(drawn->result->rows, 0), time);
    json_put_text(json, "x", ask_unit_text(drawn->q->time_unit), &drawn->ok);
    json_put_text(json, "x_type", json_is_number(first) ? "number" : "date", &drawn->ok);
    for (size_t r = 0; r < json_array_size(drawn->result->rows); r++) {
        const json_t *row = json_array_get(drawn->result->rows, r);
        json_t *point = json_array();
        json_push(point, json_incref(json_array_get(row, time)), &drawn->ok);
        json_push(point, number_of(row, value), &drawn->ok);
        json_push(json_object_get(series_of(drawn, all, row), "points"), point, &drawn->ok);
    }
    for (size_t i = 0; !drawn->q->has_measure && drawn->q->intent != ASK_SHARE &&
                       i < json_array_size(all);
         i++)
        fill_zeros(drawn, json_array_get(all, i));
    return json;
}

/* Of wide rows: how many of each column are missing. */
static json_t *missing(struct drawn *drawn)
{
    json_t *json = new_figure(drawn, "bars", "items"), *items = json_object_get(json, "items");
    const json_t *row = json_array_get(drawn->result->rows, 0);
    json_put_text(json, "x", "column", &drawn->ok);
    json_put_text(json, "y", "missing values", &drawn->ok);
    for (size_t i = 1; i < json_array_size(drawn->result->columns); i++) {
        if (json_integer_value(json_array_get(row, i)) <= 0)
            continue;
        json_t *item = json_object();
        json_put(item, "label", json_incref(json_array_get(drawn->result->columns, i)), &drawn->ok);
        json_put(item, "value", number_of(row, i), &drawn->ok);
        json_push(items, item, &drawn->ok);
    }
    if (json_array_size(items) > 0)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *figure_of(struct drawn *drawn)
{
    const struct ask_question *q = drawn->q;
    size_t rows = json_array_size(drawn->result->rows), n = column_of(drawn->result, "n"),
           columns = json_array_size(drawn->result->columns),
           mean = column_of(drawn->result, "mean");
    bool described = q->has_measure && q->aggregate == ASK_NO_AGGREGATE;
    size_t value = q->has_measure ? (described ? mean : columns - 1) : n;
    if (q->intent == ASK_MISSING)
        return rows == 1 ? missing(drawn) : NULL;
    if (q->intent == ASK_SHARE)
        value = column_of(drawn->result, "share");
    if (q->intent == ASK_FREQUENT && q->group_count == 0)
        drawn->labels = n != ASK_NONE && n > 1 ? 1 : n; /* the name, without its code */
    bool counts = q->intent == ASK_COUNT || q->intent == ASK_TIMES || q->intent == ASK_FREQUENT,
         describes = q->intent == ASK_DESCRIBE || q->intent == ASK_TREND;
    if ((!counts && !describes && q->intent != ASK_SHARE) || value == ASK_NONE || rows == 0 || drawn->labels == ASK_NONE)
        return NULL;
    if (q->by_time)
        return rows > 1 ? lines(drawn, value) : NULL;
    if (describes && described && column_of(drawn->result, "q1") != ASK_NONE)
        return boxes(drawn);
    return rows > 1 && drawn->labels > 0 ? bars(drawn, value) : NULL;
}

json_t *ask_figure(const struct ask_reading *reading, const struct ask_result *result, bool *ok)
{
    struct drawn drawn = {.reading = reading,
                          .q = &reading->question,
                          .result = result,
                          .labels = reading->question.group_count,
                          .ok = true};
    json_t *json = figure_of(&drawn);
    *ok = *ok && drawn.ok;
    return json;
}
