/* Events as plans: rows of the views that an event means, with the days that they can have been on.
 *
 *     condition E11* since 2020 within 365 days before (…)
 *        scan condition_simple ▶ filter icd10_code starts with E11 ▶ {patient_id, first_day,
 * last_day} ▶ filter first_day >= 2020-01-01 ▶ semi join the other event: same patient, other.first
 * >= last, other.last - first <= 365
 *
 * A partial date is a range of days, and a condition must hold for each of them: what can't be
 * decided is no match. */
#include "cohort/plan_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct plan_expr *cohort_call2(struct plan *plan, const char *function,
                                     const struct plan_expr *a, const struct plan_expr *b)
{
    const struct plan_expr *args[] = {a, b};
    return plan_call(plan, function, 2, args);
}

const struct plan_expr *cohort_both(struct plan *plan, const struct plan_expr *const *parts,
                                    size_t count)
{
    return count == 0 ? NULL : count == 1 ? parts[0] : plan_call(plan, "and", count, parts);
}

const struct plan_expr *cohort_day_literal(struct plan *plan, int64_t day)
{
    char text[16];
    return plan_literal(plan, DATA_TYPE(DATE), cohort_date_write(day, text));
}

const struct plan_expr *cohort_text_expr(struct plan *plan, const struct plan_rel *rel,
                                         const struct cohort_column *column)
{
    const struct plan_expr *value = plan_column(plan, rel, column->name);
    return column->type.kind == DATA_TEXT ? value : plan_cast(plan, value, DATA_TYPE(TEXT), false);
}

static struct cohort_column column_of(const struct cohort_view *view, const char *name)
{
    int at = data_schema_find(&view->schema, str_of(name));
    return (struct cohort_column){name, at < 0 ? DATA_TYPE(TEXT) : view->schema.columns[at].type};
}

const struct plan_expr *cohort_code_expr(struct plan *plan, const struct plan_rel *rel,
                                         const struct cohort_view *view, const char *name)
{
    struct cohort_column column = column_of(view, name);
    if (name[0] != '=')
        return cohort_text_expr(plan, rel, &column);
    const struct plan_expr *value = plan_column(plan, rel, view->value.name);
    const struct plan_expr *cases[] = {plan_call(plan, "is_not_null", 1, &value),
                                       plan_literal_text(plan, name + 1)};
    return plan_case(plan, 2, cases);
}

/* The other table's columns under names that clash with none of the view's. */
static const struct plan_rel *lookup_rel(struct plan *plan, const struct cohort_lookup *lookup)
{
    const struct data_schema *schema = &lookup->schema;
    const struct plan_rel *scan =
        plan_scan_identified(plan, lookup->table, lookup->identity, schema);
    struct plan_named *outputs = plan_named_array(plan, schema->count);
    if (scan == NULL || outputs == NULL)
        return NULL;
    for (size_t i = 0; i < schema->count; i++) {
        size_t bytes = strlen(schema->columns[i].name) + 8;
        char *name = arena_array(plan_arena(plan), bytes, 1);
        if (name == NULL)
            return NULL;
        (void)snprintf(name, bytes, "lookup_%s", schema->columns[i].name);
        outputs[i] = (struct plan_named){name, plan_column(plan, scan, schema->columns[i].name)};
    }
    return plan_project(plan, scan, outputs, schema->count);
}

static const struct plan_expr *looked_up(struct plan *plan, const struct plan_rel *joined,
                                         const char *column)
{
    char name[256];
    (void)snprintf(name, sizeof name, "lookup_%s", column);
    return cohort_call2(plan, "coalesce", plan_column(plan, joined, column),
                        plan_column(plan, joined, name));
}

const struct plan_rel *cohort_view_rel(struct plan *plan, const struct cohort_view *view)
{
    const struct cohort_lookup *lookup = &view->lookup;
    const struct plan_rel *rel =
        plan_scan_identified(plan, view->table, view->identity, &view->schema);
    if (lookup->table == NULL || lookup->schema.count < 2)
        return rel;
    char key[256];
    (void)snprintf(key, sizeof key, "lookup_%s", lookup->other_key);
    const struct plan_rel *other = lookup_rel(plan, lookup);
    struct plan_named *outputs = plan_named_array(plan, view->schema.count);
    if (rel == NULL || other == NULL || outputs == NULL)
        return NULL;
    const struct plan_rel *joined = plan_join(
        plan, PLAN_JOIN_LEFT, rel, other,
        (const struct plan_expr *[]){plan_column(plan, rel, lookup->key)},
        (const struct plan_expr *[]){plan_column_right(plan, other, key)}, 1, NULL);
    for (size_t i = 0; i < view->schema.count; i++) {
        const char *name = view->schema.columns[i].name;
        bool there = data_schema_find(&lookup->schema, str_of(name)) >= 0 &&
                     strcmp(name, lookup->other_key) != 0;
        outputs[i] = (struct plan_named){name, there ? looked_up(plan, joined, name)
                                                     : plan_column(plan, joined, name)};
    }
    return plan_project(plan, joined, outputs, view->schema.count);
}

/* A FHIR date or dateTime's day as written: 2020, 2020-05, 2020-05-17, 2020-05-17T10:00:00+02:00.
 */
static const struct plan_expr *lexical_day(struct plan *plan, const struct plan_expr *text,
                                           bool last)
{
    const struct plan_expr *length = plan_call(plan, "length", 1, &text);
    const struct plan_expr *month =
        cohort_call2(plan, "concat", text, plan_literal_text(plan, "-01"));
    const struct plan_expr *day = plan_cast(plan, month, DATA_TYPE(DATE), true);
    if (last)
        day =
            plan_cast(plan,
                      cohort_call2(plan, "add_days",
                                   cohort_call2(plan, "add_months", day, plan_literal_int(plan, 1)),
                                   plan_literal_int(plan, -1)),
                      DATA_TYPE(DATE), false);
    const struct plan_expr *cases[] = {
        cohort_call2(plan, "eq", length, plan_literal_int(plan, 4)),
        plan_cast(
            plan,
            cohort_call2(plan, "concat", text, plan_literal_text(plan, last ? "-12-31" : "-01-01")),
            DATA_TYPE(DATE), true),
        cohort_call2(plan, "eq", length, plan_literal_int(plan, 7)),
        day,
        plan_cast(plan, cohort_call2(plan, "left", text, plan_literal_int(plan, 10)),
                  DATA_TYPE(DATE), true),
    };
    return plan_case(plan, 5, cases);
}

const struct plan_expr *cohort_day_expr(struct plan *plan, const struct plan_rel *rel,
                                        const struct cohort_column *column, bool last)
{
    const struct plan_expr *value = plan_column(plan, rel, column->name);
    if (column->type.kind == DATA_DATE)
        return value;
    if (column->type.kind == DATA_TIMESTAMPTZ)
        value = plan_call(plan, "at_utc", 1, &value);
    if (column->type.kind == DATA_TIMESTAMPTZ || column->type.kind == DATA_TIMESTAMP)
        return plan_call(plan, "date_trunc_day", 1, &value);
    return lexical_day(plan, cohort_text_expr(plan, rel, column), last);
}

/* ---- which rows ---------------------------------------------------------------------------------
 */

/* text equals any of the texts. */
static const struct plan_expr *among(struct plan *plan, const struct plan_expr *text,
                                     const char *const *texts, size_t count)
{
    const struct plan_expr **args = arena_array(plan_arena(plan), count + 1, sizeof *args);
    if (args == NULL)
        return NULL;
    args[0] = text;
    for (size_t i = 0; i < count; i++)
        args[i + 1] = plan_literal_text(plan, texts[i]);
    return count == 1 ? cohort_call2(plan, "eq", args[0], args[1])
                      : plan_call(plan, "in", count + 1, args);
}

/* The same of a column of whole numbers, as numbers. NULL: none of the texts is one (007 is not 7).
 */
static const struct plan_expr *among_numbers(struct plan *plan, const struct plan_expr *number,
                                             const char *const *texts, size_t count)
{
    const struct plan_expr **args = arena_array(plan_arena(plan), count + 1, sizeof *args);
    size_t used = 1;
    if (args == NULL)
        return NULL;
    args[0] = number;
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        char again[32];
        bool fits = str_to_int64(str_of(texts[i]), &value);
        (void)snprintf(again, sizeof again, "%" PRId64, fits ? value : 0);
        if (fits && strcmp(again, texts[i]) == 0)
            args[used++] = plan_literal_int(plan, value);
    }
    if (used == 1)
        return NULL;
    return used == 2 ? cohort_call2(plan, "eq", args[0], args[1])
                     : plan_call(plan, "in", used, args);
}

static const struct plan_expr *match_expr(struct plan *plan, const struct plan_rel *rel,
                                          const struct cohort_view *view,
                                          const struct cohort_match *match)
{
    struct cohort_column column = column_of(view, match->column);
    const struct plan_expr *text = cohort_code_expr(plan, rel, view, match->column);
    const struct plan_expr **parts =
        arena_array(plan_arena(plan), match->prefix_count + 1, sizeof *parts);
    size_t count = 0;
    if (parts == NULL)
        return NULL;
    if (match->value_count > 0)
        parts[0] = column.type.kind == DATA_BIGINT
                       ? among_numbers(plan, plan_column(plan, rel, column.name), match->values,
                                       match->value_count)
                       : among(plan, text, match->values, match->value_count);
    count = parts[0] != NULL ? 1 : 0;
    for (size_t i = 0; i < match->prefix_count; i++)
        parts[count++] =
            cohort_call2(plan, "starts_with", text, plan_literal_text(plan, match->prefixes[i]));
    return count == 0 ? NULL : count == 1 ? parts[0] : plan_call(plan, "or", count, parts);
}

/* Any of the event's matches in this view; *ret_none: there is none, so no row is meant. */
static const struct plan_expr *matches_expr(struct cohort_writer *writer,
                                            const struct plan_rel *rel,
                                            const struct cohort_resolved *resolved, size_t view,
                                            bool *ret_none)
{
    struct plan *plan = writer->plan;
    const struct plan_expr **parts =
        arena_array(plan_arena(plan), resolved->match_count + 1, sizeof *parts);
    size_t count = 0;
    for (size_t i = 0; parts != NULL && i < resolved->match_count; i++) {
        if (resolved->matches[i].view != view)
            continue;
        parts[count] =
            match_expr(plan, rel, &writer->question->views->views[view], &resolved->matches[i]);
        count += parts[count] != NULL ? 1 : 0;
    }
    *ret_none = count == 0 && !resolved->all_rows;
    return count == 0 ? NULL : count == 1 ? parts[0] : plan_call(plan, "or", count, parts);
}

static const struct plan_expr *lower_equals(struct plan *plan, const struct plan_rel *rel,
                                            const struct cohort_column *column, const char *text)
{
    const struct plan_expr *value = cohort_text_expr(plan, rel, column),
                           *literal = plan_literal_text(plan, text);
    return cohort_call2(plan, "eq", plan_call(plan, "lower", 1, &value),
                        plan_call(plan, "lower", 1, &literal));
}

/* ---- values -------------------------------------------------------------------------------------
 */

static const struct plan_expr *number_literal(struct plan *plan, const char *lexeme)
{
    const char *digits = lexeme + (lexeme[0] == '-' ? 1 : 0), *point = strchr(digits, '.');
    size_t scale = point != NULL ? strlen(point + 1) : 0;
    size_t whole = point != NULL ? (size_t)(point - digits) : strlen(digits);
    return plan_literal(plan, data_type_decimal((unsigned)(whole + scale), (unsigned)scale),
                        lexeme);
}

static const struct plan_expr *value_expr(struct plan *plan, const struct plan_rel *rel,
                                          const struct cohort_column *column)
{
    const struct plan_expr *value = plan_column(plan, rel, column->name);
    if (data_type_is_numeric(column->type))
        return value;
    return plan_cast(plan, cohort_text_expr(plan, rel, column), data_type_decimal(30, 15), true);
}

/* The row's unit is the one asked for; where none is asked for, it has none. */
static const struct plan_expr *unit_expr(struct plan *plan, const struct plan_rel *rel,
                                         const struct cohort_view *view,
                                         const struct cohort_value *value)
{
    size_t count = 0;
    const char *const *spellings =
        cohort_unit_spellings(plan_arena(plan), value->unit != NULL ? value->unit : "1", &count);
    if (view->unit.name == NULL)
        return NULL;
    const struct plan_expr *text = cohort_text_expr(plan, rel, &view->unit);
    const struct plan_expr *same = among(plan, text, spellings, count);
    if (value->unit != NULL)
        return same;
    const struct plan_expr *unit = plan_column(plan, rel, view->unit.name);
    const struct plan_expr *any[] = {plan_call(plan, "is_null", 1, &unit), same,
                                     cohort_call2(plan, "eq", text, plan_literal_text(plan, ""))};
    return plan_call(plan, "or", 3, any);
}

/* "< 5" says nothing of what is above: of a value with a comparator only the bound on its side is
 * certain. "< 5" is below 5, though 5 is not. */
static const struct plan_expr *bound_expr(struct plan *plan, const struct plan_rel *rel,
                                          const struct cohort_view *view,
                                          const struct cohort_value *value, bool low)
{
    static const char *const above[] = {"", ">", ">="}, *const below[] = {"", "<", "<="};
    bool excluded = low ? value->low_excluded : value->high_excluded;
    const char *outside = low ? "gt" : "lt", *within = low ? "ge" : "le";
    const struct plan_expr *number = value_expr(plan, rel, &view->value),
                           *limit = number_literal(plan, low ? value->low : value->high),
                           *bound =
                               cohort_call2(plan, excluded ? outside : within, number, limit);
    if (view->comparator.name == NULL)
        return bound;
    const struct plan_expr *text =
        cohort_call2(plan, "coalesce", cohort_text_expr(plan, rel, &view->comparator),
                     plan_literal_text(plan, ""));
    bound = cohort_call2(plan, "and", bound, among(plan, text, low ? above : below, 3));
    if (!excluded)
        return bound;
    const struct plan_expr *strict =
        cohort_call2(plan, "eq", text, plan_literal_text(plan, low ? ">" : "<"));
    return cohort_call2(
        plan, "or", bound,
        cohort_call2(plan, "and", cohort_call2(plan, "eq", number, limit), strict));
}

static size_t value_exprs(struct plan *plan, const struct plan_rel *rel,
                          const struct cohort_view *view, const struct cohort_value *value,
                          const struct plan_expr **parts)
{
    size_t count = 0;
    const struct plan_expr *unit = unit_expr(plan, rel, view, value);
    if (value->low != NULL)
        parts[count++] = bound_expr(plan, rel, view, value, true);
    if (value->high != NULL)
        parts[count++] = bound_expr(plan, rel, view, value, false);
    if (unit != NULL)
        parts[count++] = unit;
    return count;
}

const struct plan_rel *cohort_event_rows(struct cohort_writer *writer,
                                         const struct cohort_resolved *resolved, size_t idx,
                                         bool in_unit)
{
    struct plan *plan = writer->plan;
    const struct cohort_view *view = &writer->question->views->views[idx];
    const struct cohort_event *event = resolved->event;
    const struct plan_expr *parts[8];
    size_t count = 0;
    bool none = false;
    if (!resolved->views[idx])
        return NULL;
    const struct plan_rel *rel = cohort_view_rel(plan, view);
    const struct plan_expr *matches = matches_expr(writer, rel, resolved, idx, &none);
    if (none)
        return NULL;
    if (matches != NULL)
        parts[count++] = matches;
    if (event->category != NULL)
        parts[count++] = lower_equals(plan, rel, &view->category, event->category);
    if (event->status != NULL)
        parts[count++] = lower_equals(plan, rel, &view->status, event->status);
    if (event->value.given && in_unit)
        count += value_exprs(plan, rel, view, &event->value, parts + count);
    return count == 0 ? rel : plan_filter(plan, rel, cohort_both(plan, parts, count));
}

/* ---- when ---------------------------------------------------------------------------------------
 */

const struct plan_expr *cohort_view_day(struct plan *plan, const struct plan_rel *rel,
                                        const struct cohort_view *view, bool last)
{
    const struct plan_expr **dates =
        arena_array(plan_arena(plan), view->date_count + 1, sizeof *dates);
    if (dates == NULL)
        return NULL;
    for (size_t i = 0; i < view->date_count; i++)
        dates[i] = cohort_day_expr(plan, rel, &view->dates[i], last);
    return view->date_count == 0   ? plan_literal(plan, DATA_TYPE(DATE), NULL)
           : view->date_count == 1 ? dates[0]
                                   : plan_call(plan, "coalesce", view->date_count, dates);
}

/* {patient_id[, first_day, last_day]} of the rows. */
static const struct plan_rel *rows_with_days(struct cohort_writer *writer,
                                             const struct plan_rel *rows,
                                             const struct cohort_view *view, bool days)
{
    struct plan *plan = writer->plan;
    struct plan_named *outputs = plan_named_array(plan, 3);
    if (outputs == NULL || rows == NULL)
        return NULL;
    struct cohort_column patient = column_of(view, view->patient);
    outputs[0] = (struct plan_named){COL_PATIENT, cohort_text_expr(plan, rows, &patient)};
    for (int last = 0; days && last < 2; last++)
        outputs[1 + last] = (struct plan_named){last == 1 ? COL_LAST : COL_FIRST,
                                                cohort_view_day(plan, rows, view, last == 1)};
    return plan_project(plan, rows, outputs, days ? 3 : 1);
}

static const struct plan_rel *no_rows(struct plan *plan, bool days)
{
    static const struct plan_column columns[] = {{COL_PATIENT, {.kind = DATA_TEXT}},
                                                 {COL_FIRST, {.kind = DATA_DATE}},
                                                 {COL_LAST, {.kind = DATA_DATE}}};
    return plan_values(plan, columns, days ? 3 : 1, NULL, 0);
}

static const struct plan_rel *within_dates(struct plan *plan, const struct plan_rel *rel,
                                           const struct cohort_span *dates)
{
    const struct plan_expr *parts[2];
    size_t count = 0;
    if (!dates->given)
        return rel;
    if (dates->low != COHORT_OPEN_LOW)
        parts[count++] = cohort_call2(plan, "ge", plan_column(plan, rel, COL_FIRST),
                                      cohort_day_literal(plan, dates->low));
    if (dates->high != COHORT_OPEN_HIGH)
        parts[count++] = cohort_call2(plan, "le", plan_column(plan, rel, COL_LAST),
                                      cohort_day_literal(plan, dates->high));
    return count == 0 ? rel : plan_filter(plan, rel, cohort_both(plan, parts, count));
}

static const struct plan_rel *semi(struct plan *plan, const struct plan_rel *left,
                                   const struct plan_rel *right, const struct plan_expr *residual)
{
    const struct plan_expr *left_key = plan_column(plan, left, COL_PATIENT),
                           *right_key = plan_column_right(plan, right, COL_PATIENT);
    return plan_join(plan, PLAN_JOIN_SEMI, left, right, &left_key, &right_key, 1, residual);
}

/* Completed years at the event: for each day that it and the birth can have been on. Before birth
 * there is no age. */
static const struct plan_rel *at_age(struct cohort_writer *writer, const struct plan_rel *rel,
                                     const struct cohort_span *age)
{
    struct plan *plan = writer->plan;
    struct plan_named *births = plan_named_array(plan, 3), *outputs = plan_named_array(plan, 3);
    if (!age->given)
        return rel;
    const struct plan_rel *patients = cohort_patients_of(writer);
    if (patients == NULL || births == NULL || outputs == NULL)
        return NULL;
    births[0] = (struct plan_named){"born_id", plan_column(plan, patients, COL_PATIENT)};
    births[1] = (struct plan_named){COL_BORN_FIRST, plan_column(plan, patients, COL_BORN_FIRST)};
    births[2] = (struct plan_named){COL_BORN_LAST, plan_column(plan, patients, COL_BORN_LAST)};
    patients = plan_project(plan, patients, births, 3);
    const struct plan_expr *left_key = plan_column(plan, rel, COL_PATIENT),
                           *right_key = plan_column_right(plan, patients, "born_id");
    rel = plan_join(plan, PLAN_JOIN_INNER, rel, patients, &left_key, &right_key, 1, NULL);
    const struct plan_expr *first = plan_column(plan, rel, COL_FIRST),
                           *last = plan_column(plan, rel, COL_LAST),
                           *born_first = plan_column(plan, rel, COL_BORN_FIRST),
                           *born_last = plan_column(plan, rel, COL_BORN_LAST);
    const struct plan_expr *parts[] = {
        age->low == 0 ? cohort_call2(plan, "ge", first, born_last)
                      : cohort_call2(plan, "ge", cohort_call2(plan, "age_years", first, born_last),
                                     plan_literal_int(plan, age->low)),
        cohort_call2(plan, "le", cohort_call2(plan, "age_years", last, born_first),
                     plan_literal_int(plan, age->high >= COHORT_AGE_MOST ? 10000 : age->high))};
    rel = plan_filter(plan, rel, cohort_both(plan, parts, 2));
    static const char *const names[] = {COL_PATIENT, COL_FIRST, COL_LAST};
    for (size_t i = 0; i < 3; i++)
        outputs[i] = (struct plan_named){names[i], plan_column(plan, rel, names[i])};
    return plan_project(plan, rel, outputs, 3);
}

static const struct plan_rel *event_days(struct cohort_writer *writer,
                                         const struct cohort_resolved *resolved, bool days);

/* Days from the one event's latest to the other's earliest are what must not be negative; from
 * earliest to latest what must not be many. */
static const struct plan_expr *relation_expr(struct plan *plan, const struct plan_rel *rel,
                                             const struct plan_rel *other,
                                             const struct cohort_relation *relation)
{
    const struct plan_expr *first = plan_column(plan, rel, COL_FIRST),
                           *last = plan_column(plan, rel, COL_LAST),
                           *other_first = plan_column_right(plan, other, COL_FIRST),
                           *other_last = plan_column_right(plan, other, COL_LAST);
    const struct plan_expr *days = plan_literal_int(plan, relation->days);
    const struct plan_expr *parts[2];
    bool before = relation->order == COHORT_BEFORE, after = relation->order == COHORT_AFTER;
    if (relation->days < 0)
        return before ? cohort_call2(plan, "lt", last, other_first)
                      : cohort_call2(plan, "gt", first, other_last);
    const struct plan_expr *not_after =
        cohort_call2(plan, "le", cohort_call2(plan, "date_diff_days", other_last, first), days);
    const struct plan_expr *not_before =
        cohort_call2(plan, "le", cohort_call2(plan, "date_diff_days", last, other_first), days);
    parts[0] = before  ? cohort_call2(plan, "le", last, other_first)
               : after ? cohort_call2(plan, "ge", first, other_last)
                       : not_before;
    parts[1] = after ? not_before : not_after;
    return cohort_both(plan, parts, 2);
}

static const struct plan_rel *operand_days(struct cohort_writer *writer,
                                           const struct cohort_node *node)
{
    struct plan *plan = writer->plan;
    const struct cohort_resolved *events = writer->question->events;
    if (node->kind == COHORT_EVENT)
        return event_days(writer, &events[node->event->ordinal], true);
    const struct plan_rel **inputs =
        arena_array(plan_arena(plan), node->child_count + 1, sizeof *inputs);
    if (inputs == NULL)
        return NULL;
    for (size_t i = 0; i < node->child_count; i++)
        inputs[i] = event_days(writer, &events[node->children[i]->event->ordinal], true);
    return plan_union_all(plan, inputs, node->child_count);
}

static const struct plan_rel *at_least(struct plan *plan, const struct plan_rel *rel, int64_t least)
{
    struct plan_named *group = plan_named_array(plan, 1), *number = plan_named_array(plan, 1),
                      *output = plan_named_array(plan, 1);
    if (group == NULL || number == NULL || output == NULL || rel == NULL)
        return NULL;
    group[0] = (struct plan_named){COL_PATIENT, plan_column(plan, rel, COL_PATIENT)};
    number[0] = (struct plan_named){"events",
                                    plan_aggregate_call(plan, "count_rows", 0, NULL, false, NULL)};
    rel = plan_aggregate(plan, rel, group, 1, number, 1);
    rel = plan_filter(
        plan, rel,
        cohort_call2(plan, "ge", plan_column(plan, rel, "events"), plan_literal_int(plan, least)));
    if (rel == NULL)
        return NULL;
    output[0] = (struct plan_named){COL_PATIENT, plan_column(plan, rel, COL_PATIENT)};
    return plan_project(plan, rel, output, 1);
}

/* The event's rows in all views, as ids with days where they are wanted, after everything that is
 * asked of one row. An operand that asks for several gives the rows of patients who have as many.
 */
static const struct plan_rel *event_days(struct cohort_writer *writer,
                                         const struct cohort_resolved *resolved, bool days)
{
    struct plan *plan = writer->plan;
    const struct cohort_views *views = writer->question->views;
    const struct cohort_event *event = resolved->event;
    const struct plan_rel **inputs =
        arena_array(plan_arena(plan), views->count + 1, sizeof *inputs);
    size_t count = 0;
    bool wanted = days;
    days = days || resolved->needs_dates;
    for (size_t i = 0; inputs != NULL && i < views->count; i++) {
        const struct plan_rel *rows = cohort_event_rows(writer, resolved, i, true);
        if (rows != NULL)
            inputs[count++] = rows_with_days(writer, rows, &views->views[i], days);
    }
    if (count == 0 || inputs == NULL)
        return no_rows(plan, days);
    const struct plan_rel *rel = count == 1 ? inputs[0] : plan_union_all(plan, inputs, count);
    rel = at_age(writer, within_dates(plan, rel, &event->dates), &event->age);
    for (size_t i = 0; i < event->relation_count; i++) {
        const struct plan_rel *other = operand_days(writer, event->relations[i].event);
        rel = semi(plan, rel, other, relation_expr(plan, rel, other, &event->relations[i]));
    }
    if (event->at_least > 1 && !wanted) /* who has so many is all that is asked */
        return at_least(plan, rel, event->at_least);
    if (event->at_least > 1)
        rel = semi(plan, rel, at_least(plan, rel, event->at_least), NULL);
    return rel;
}

const struct plan_rel *cohort_event_patients(struct cohort_writer *writer,
                                             const struct cohort_resolved *resolved)
{
    struct plan_named *output = plan_named_array(writer->plan, 1);
    const struct plan_rel *rel = event_days(writer, resolved, false);
    if (rel == NULL || output == NULL || rel->column_count == 1)
        return rel;
    output[0] = (struct plan_named){COL_PATIENT, plan_column(writer->plan, rel, COL_PATIENT)};
    return plan_project(writer->plan, rel, output, 1);
}
