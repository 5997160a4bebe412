/* A question as a plan: patients, then step by step who is left.
 *
 *     female and age >= 50 and condition E11* and not medication metformin
 *        patients ▶ filter gender, birth day ▶ semi join conditions ▶ anti join medications
 *
 * Criteria on the person filter; events are semi joins, their negations anti joins; alternatives
 * are a semi join with the union of ids. */
#include "cohort/plan_priv.h"

#include <inttypes.h>
#include <string.h>

/* ---- patients -----------------------------------------------------------------------------------
 */

static const struct plan_expr *deceased_expr(struct plan *plan, const struct plan_rel *rel,
                                             const struct cohort_column *column)
{
    static const char *const no[] = {"", "false", "f", "0", "no", "n"};
    const struct plan_expr *value = plan_column(plan, rel, column->name);
    const struct plan_expr *said = plan_call(plan, "is_not_null", 1, &value);
    const struct plan_expr *never = plan_literal(plan, DATA_TYPE(BOOLEAN), "false");
    if (column->type.kind == DATA_BOOLEAN)
        return cohort_call2(plan, "coalesce", value, never);
    if (column->type.kind == DATA_BIGINT)
        return cohort_call2(plan, "coalesce",
                            cohort_call2(plan, "ne", value, plan_literal_int(plan, 0)), never);
    if (column->type.kind != DATA_TEXT)
        return said; /* a date of death */
    const struct plan_expr *args[7];
    const struct plan_expr *trimmed = plan_call(plan, "trim", 1, &value);
    args[0] = plan_call(plan, "lower", 1, &trimmed);
    for (size_t i = 0; i < 6; i++)
        args[i + 1] = plan_literal_text(plan, no[i]);
    const struct plan_expr *denied = plan_call(plan, "in", 7, args);
    return cohort_call2(plan, "coalesce", plan_call(plan, "not", 1, &denied), never);
}

static size_t patient_outputs(struct plan *plan, const struct plan_rel *rel,
                              const struct cohort_patients *patients, struct plan_named *outputs)
{
    size_t count = 1;
    int at = data_schema_find(&patients->schema, str_of(patients->patient));
    struct cohort_column patient = {patients->patient, patients->schema.columns[at].type};
    outputs[0] = (struct plan_named){COL_PATIENT, cohort_text_expr(plan, rel, &patient)};
    if (patients->gender.name != NULL) {
        const struct plan_expr *gender = cohort_text_expr(plan, rel, &patients->gender);
        outputs[count++] = (struct plan_named){COL_GENDER, plan_call(plan, "lower", 1, &gender)};
    }
    if (patients->birth_date.name != NULL) {
        outputs[count++] = (struct plan_named){
            COL_BORN_FIRST, cohort_day_expr(plan, rel, &patients->birth_date, false)};
        outputs[count++] = (struct plan_named){
            COL_BORN_LAST, cohort_day_expr(plan, rel, &patients->birth_date, true)};
    }
    if (patients->deceased.name != NULL)
        outputs[count++] =
            (struct plan_named){COL_DECEASED, deceased_expr(plan, rel, &patients->deceased)};
    return count;
}

/* The first row of each patient by all other columns. */
static const struct plan_rel *first_rows(struct plan *plan, const struct plan_rel *rel)
{
    const struct plan_expr *key = plan_column(plan, rel, COL_PATIENT);
    struct plan_order *order = arena_array(plan_arena(plan), 5, sizeof *order);
    if (rel == NULL || order == NULL)
        return NULL;
    for (size_t i = 1; i < rel->column_count; i++)
        order[i - 1].expr = plan_column(plan, rel, rel->columns[i].name);
    return plan_dedupe(plan, rel, &key, 1, order, rel->column_count - 1);
}

const struct plan_rel *cohort_patients_rel(struct plan *plan, const struct cohort_views *views)
{
    const struct cohort_patients *patients = &views->patients;
    struct plan_named *outputs = plan_named_array(plan, 5);
    const struct plan_rel *rel =
        plan_scan_identified(plan, patients->table, patients->identity, &patients->schema);
    if (rel == NULL || outputs == NULL)
        return NULL;
    if (!patients->one_row_each) {
        const struct plan_expr *id = plan_column(plan, rel, patients->patient);
        rel = plan_filter(plan, rel, plan_call(plan, "is_not_null", 1, &id));
    }
    if (rel == NULL)
        return NULL;
    size_t count = patient_outputs(plan, rel, patients, outputs);
    rel = plan_project(plan, rel, outputs, count);
    return patients->one_row_each || count == 1
               ? (patients->one_row_each ? rel : plan_distinct(plan, rel))
               : first_rows(plan, rel);
}

/* ---- criteria -----------------------------------------------------------------------------------
 */

static const struct plan_expr *day_range(struct plan *plan, const struct plan_rel *rel, int64_t low,
                                         int64_t high)
{
    const struct plan_expr *parts[2], *born = plan_column(plan, rel, COL_BORN_FIRST);
    size_t count = 0;
    if (low != COHORT_OPEN_LOW)
        parts[count++] = cohort_call2(plan, "ge", born, cohort_day_literal(plan, low));
    if (high != COHORT_OPEN_HIGH)
        parts[count++] = cohort_call2(plan, "le", plan_column(plan, rel, COL_BORN_LAST),
                                      cohort_day_literal(plan, high));
    return count > 0 ? cohort_both(plan, parts, count) : plan_call(plan, "is_not_null", 1, &born);
}

static const struct plan_expr *gender_expr(struct plan *plan, const struct plan_rel *rel,
                                           const char *gender)
{
    size_t count = 0;
    const char *const *spellings = cohort_gender_spellings(gender, &count);
    const struct plan_expr *args[4] = {plan_column(plan, rel, COL_GENDER)};
    if (spellings == NULL)
        return cohort_call2(plan, "eq", args[0], plan_literal_text(plan, gender));
    for (size_t i = 0; i < count; i++)
        args[i + 1] = plan_literal_text(plan, spellings[i]);
    return plan_call(plan, "in", count + 1, args);
}

/* Does the criterion ask for nothing but the patient's row? */
static bool is_person(const struct cohort_node *node)
{
    for (size_t i = 0; i < node->child_count; i++)
        if (!is_person(node->children[i]))
            return false;
    return node->kind != COHORT_EVENT;
}

/* A condition on the patient's row that is never null. */
static const struct plan_expr *person_expr(struct cohort_writer *writer, const struct plan_rel *rel,
                                           const struct cohort_node *node)
{
    struct plan *plan = writer->plan;
    const struct plan_expr **parts =
        arena_array(plan_arena(plan), node->child_count + 1, sizeof *parts);
    const struct plan_expr *holds = NULL;
    int64_t low, high;
    for (size_t i = 0; parts != NULL && i < node->child_count; i++)
        parts[i] = person_expr(writer, rel, node->children[i]);
    if (parts == NULL)
        return NULL;
    switch (node->kind) {
    case COHORT_ALL:
        return plan_call(plan, "and", node->child_count, parts);
    case COHORT_ANY:
        return plan_call(plan, "or", node->child_count, parts);
    case COHORT_NOT:
        return plan_call(plan, "not", 1, parts);
    case COHORT_DECEASED:
        return plan_column(plan, rel, COL_DECEASED);
    case COHORT_GENDER:
        holds = gender_expr(plan, rel, node->gender);
        break;
    case COHORT_AGE:
        cohort_birth_days(writer->question->as_of_day, &node->span, &low, &high);
        holds = day_range(plan, rel, low, high);
        break;
    case COHORT_BORN:
        holds = day_range(plan, rel, node->span.low, node->span.high);
        break;
    case COHORT_EVENT:
        break;
    }
    return cohort_call2(plan, "coalesce", holds, plan_literal(plan, DATA_TYPE(BOOLEAN), "false"));
}

const struct plan_rel *cohort_patients_of(struct cohort_writer *writer)
{
    return writer->question->views->patients.one_row_each
               ? cohort_patients_rel(writer->plan, writer->question->views)
               : writer->patients;
}

/* The rows of left whose id is among right's (out: is not). Not a semi join, which an engine may
 * carry out by grouping all the patients: the ids, which are few, are made distinct and joined;
 * out: those that found none. */
static const struct plan_rel *join_ids(struct plan *plan, const struct plan_rel *left,
                                       const struct plan_rel *right, bool out)
{
    struct plan_named *key = plan_named_array(plan, 1),
                      *outputs = left == NULL ? NULL : plan_named_array(plan, left->column_count);
    if (left == NULL || right == NULL || key == NULL || outputs == NULL)
        return NULL;
    key[0] = (struct plan_named){"met_id", plan_column(plan, right, COL_PATIENT)};
    right = plan_aggregate(plan, right, key, 1, NULL, 0);
    const struct plan_expr *left_key = plan_column(plan, left, COL_PATIENT),
                           *right_key = plan_column_right(plan, right, "met_id");
    const struct plan_rel *rel = plan_join(plan, out ? PLAN_JOIN_LEFT : PLAN_JOIN_INNER, left,
                                           right, &left_key, &right_key, 1, NULL);
    if (out && rel != NULL) {
        const struct plan_expr *met = plan_column(plan, rel, "met_id");
        rel = plan_filter(plan, rel, plan_call(plan, "is_null", 1, &met));
    }
    for (size_t i = 0; rel != NULL && i < left->column_count; i++)
        outputs[i] = (struct plan_named){left->columns[i].name,
                                         plan_column(plan, rel, left->columns[i].name)};
    return plan_project(plan, rel, outputs, left->column_count);
}

static const struct plan_rel *select_in(struct cohort_writer *writer, const struct plan_rel *rel,
                                        const struct cohort_node *node);

/* Ids, perhaps several times each, of the patients that the criterion holds for. */
static const struct plan_rel *ids_of(struct cohort_writer *writer, const struct cohort_node *node)
{
    if (node->kind == COHORT_EVENT)
        return cohort_event_patients(writer, &writer->question->events[node->event->ordinal]);
    const struct plan_rel *rel = select_in(writer, cohort_patients_of(writer), node);
    struct plan_named *output = plan_named_array(writer->plan, 1);
    if (rel == NULL || output == NULL)
        return NULL;
    output[0] = (struct plan_named){COL_PATIENT, plan_column(writer->plan, rel, COL_PATIENT)};
    return plan_project(writer->plan, rel, output, 1);
}

static const struct plan_rel *select_any(struct cohort_writer *writer, const struct plan_rel *rel,
                                         const struct cohort_node *node)
{
    struct plan *plan = writer->plan;
    const struct plan_rel **inputs =
        arena_array(plan_arena(plan), node->child_count + 1, sizeof *inputs);
    if (inputs == NULL)
        return NULL;
    for (size_t i = 0; i < node->child_count; i++)
        inputs[i] = ids_of(writer, node->children[i]);
    return join_ids(plan, rel, plan_union_all(plan, inputs, node->child_count), false);
}

/* The rows of rel, which are patients, that the criterion holds for. */
static const struct plan_rel *select_in(struct cohort_writer *writer, const struct plan_rel *rel,
                                        const struct cohort_node *node)
{
    struct plan *plan = writer->plan;
    if (is_person(node))
        return plan_filter(plan, rel, person_expr(writer, rel, node));
    switch (node->kind) {
    case COHORT_ALL:
        for (size_t i = 0; i < node->child_count; i++)
            rel = select_in(writer, rel, node->children[i]);
        return rel;
    case COHORT_ANY:
        return select_any(writer, rel, node);
    case COHORT_NOT:
        return join_ids(plan, rel, ids_of(writer, node->children[0]), true);
    case COHORT_EVENT:
        return join_ids(plan, rel, ids_of(writer, node), false);
    case COHORT_GENDER:
    case COHORT_AGE:
    case COHORT_BORN:
    case COHORT_DECEASED:
        break;
    }
    return rel;
}

/* ---- the door -----------------------------------------------------------------------------------
 */

/* {step, patients} of a relation of one row, out of its column. */
static const struct plan_rel *numbered(struct plan *plan, const struct plan_rel *rel,
                                       const char *column, size_t step)
{
    struct plan_named *outputs = plan_named_array(plan, 2);
    if (rel == NULL || outputs == NULL)
        return NULL;
    outputs[0] = (struct plan_named){"step", plan_literal_int(plan, (int64_t)step)};
    outputs[1] = (struct plan_named){"patients", plan_column(plan, rel, column)};
    return plan_project(plan, rel, outputs, 2);
}

static const struct plan_rel *counted(struct plan *plan, const struct plan_rel *rel, size_t step)
{
    struct plan_named *number = plan_named_array(plan, 1);
    if (rel == NULL || number == NULL)
        return NULL;
    number[0] = (struct plan_named){"patients",
                                    plan_aggregate_call(plan, "count_rows", 0, NULL, false, NULL)};
    return numbered(plan, plan_aggregate(plan, rel, NULL, 0, number, 1), "patients", step);
}

static const struct cohort_node *step_node(const struct cohort_question *question, size_t step)
{
    const struct cohort_node *root = question->criteria->root;
    return root->kind == COHORT_ALL ? root->children[step] : root;
}

static const struct plan_rel *labelled_step(struct plan *plan, const struct plan_rel *rel,
                                            size_t step)
{
    char *label = arena_printf(plan_arena(plan), "step_%zu", step);
    return rel == NULL || label == NULL ? NULL : plan_label(plan, rel, label);
}

/* Steps that ask for the person only, at the beginning: counted in one pass over the patients.
 * Returns how many. */
static size_t count_persons(struct cohort_writer *writer, size_t steps,
                            const struct plan_rel **counts)
{
    struct plan *plan = writer->plan;
    const struct plan_rel *rel = cohort_patients_of(writer);
    struct plan_named *numbers = plan_named_array(plan, steps + 1);
    const struct plan_expr **parts = arena_array(plan_arena(plan), steps + 1, sizeof *parts);
    size_t persons = 0;
    if (numbers == NULL || parts == NULL || rel == NULL)
        return 0;
    while (persons < steps && is_person(step_node(writer->question, persons)))
        persons++;
    for (size_t i = 0; i <= persons; i++) {
        if (i > 0)
            parts[i - 1] = person_expr(writer, rel, step_node(writer->question, i - 1));
        numbers[i] = (struct plan_named){
            arena_printf(plan_arena(plan), "step_%zu", i),
            plan_aggregate_call(plan, "count_rows", 0, NULL, false, cohort_both(plan, parts, i))};
    }
    rel = plan_aggregate(plan, rel, NULL, 0, numbers, persons + 1);
    rel = rel == NULL ? NULL : plan_label(plan, rel, "persons");
    for (size_t i = 0; rel != NULL && i <= persons; i++)
        counts[i] = numbered(plan, rel, numbers[i].name, i);
    return persons;
}

enum err_code cohort_plan_attrition(struct plan *plan, const struct cohort_question *question,
                                    const struct plan_rel **ret, struct err *err)
{
    size_t steps = cohort_step_count(question->criteria);
    struct cohort_writer writer = {.plan = plan, .question = question};
    const struct plan_rel **counts = arena_array(plan_arena(plan), steps + 1, sizeof *counts);
    if (counts == NULL)
        return err_set(err, ERR_MEMORY, "no memory for a cohort's plan");
    writer.patients = plan_label(plan, cohort_patients_rel(plan, question->views), "all_patients");
    size_t persons = count_persons(&writer, steps, counts);
    const struct plan_rel *rel = cohort_patients_of(&writer);
    for (size_t i = 0; i < steps; i++) {
        rel = select_in(&writer, rel, step_node(question, i));
        if (i < persons)
            continue;
        rel = labelled_step(plan, rel, i + 1);
        counts[i + 1] = counted(plan, rel, i + 1);
    }
    const struct plan_rel *all = plan_union_all(plan, counts, steps + 1);
    struct plan_order order = {.expr = plan_column(plan, all, "step")};
    *ret = plan_sort(plan, all, &order, 1);
    return plan_finish(plan, *ret, err);
}

enum err_code cohort_plan_patients(struct plan *plan, const struct cohort_question *question,
                                   const struct plan_rel **ret, struct err *err)
{
    struct cohort_writer writer = {.plan = plan, .question = question};
    writer.patients = plan_label(plan, cohort_patients_rel(plan, question->views), "patients");
    *ret = ids_of(&writer, question->criteria->root);
    if (question->criteria->root->kind == COHORT_EVENT &&
        *ret != NULL) { /* those who are in the patients' view, once */
        struct plan_named *output = plan_named_array(plan, 1);
        const struct plan_rel *rel = join_ids(plan, cohort_patients_of(&writer), *ret, false);
        if (output != NULL && rel != NULL) {
            output[0] = (struct plan_named){COL_PATIENT, plan_column(plan, rel, COL_PATIENT)};
            *ret = plan_project(plan, rel, output, 1);
        }
    }
    return plan_finish(plan, *ret, err);
}

/* Rows of a threshold's event whose unit is another, by unit. */
static const struct plan_rel *other_units(struct cohort_writer *writer,
                                          const struct cohort_resolved *resolved, size_t idx)
{
    struct plan *plan = writer->plan;
    const struct cohort_view *view = &writer->question->views->views[idx];
    const struct plan_rel *rel = cohort_event_rows(writer, resolved, idx, false);
    struct plan_named *group = plan_named_array(plan, 1), *rows = plan_named_array(plan, 1),
                      *outputs = plan_named_array(plan, 3);
    AUTO(buf_done) struct buf label = BUF_INIT;
    if (rel == NULL || outputs == NULL || rows == NULL || group == NULL || view->unit.name == NULL)
        return NULL;
    size_t count = 0;
    const struct cohort_value *value = &resolved->event->value;
    const char *const *spellings =
        cohort_unit_spellings(plan_arena(plan), value->unit != NULL ? value->unit : "1", &count);
    const struct plan_expr **same = arena_array(plan_arena(plan), count + 2, sizeof *same);
    const struct plan_expr *unit = cohort_text_expr(plan, rel, &view->unit),
                           *number = plan_column(plan, rel, view->value.name);
    if (same == NULL)
        return NULL;
    same[0] = cohort_call2(plan, "coalesce", unit, plan_literal_text(plan, ""));
    for (size_t i = 0; i < count; i++)
        same[i + 1] = plan_literal_text(plan, spellings[i]);
    count += 1;
    if (value->unit == NULL)
        same[count++] = plan_literal_text(plan, "");
    const struct plan_expr *is_same = plan_call(plan, "in", count, same);
    const struct plan_expr *parts[] = {plan_call(plan, "not", 1, &is_same),
                                       plan_call(plan, "is_not_null", 1, &number)};
    rel = plan_filter(plan, rel, cohort_both(plan, parts, 2));
    struct cohort_node node = {.kind = COHORT_EVENT, .event = resolved->event};
    cohort_node_print(&node, &label);
    group[0] = (struct plan_named){"unit", cohort_text_expr(plan, rel, &view->unit)};
    rows[0] =
        (struct plan_named){"rows", plan_aggregate_call(plan, "count_rows", 0, NULL, false, NULL)};
    rel = plan_aggregate(plan, rel, group, 1, rows, 1);
    outputs[0] = (struct plan_named){"criterion", plan_literal_text(plan, buf_text(&label))};
    outputs[1] = (struct plan_named){"unit", plan_column(plan, rel, "unit")};
    outputs[2] = (struct plan_named){"rows", plan_column(plan, rel, "rows")};
    return plan_project(plan, rel, outputs, 3);
}

enum err_code cohort_plan_other_units(struct plan *plan, const struct cohort_question *question,
                                      const struct plan_rel **ret, struct err *err)
{
    struct cohort_writer writer = {.plan = plan, .question = question};
    struct cohort_list list = {0};
    *ret = NULL;
    for (size_t e = 0; e < question->criteria->event_count; e++)
        for (size_t i = 0; i < question->views->count; i++) {
            const struct cohort_resolved *resolved = &question->events[e];
            if (!resolved->event->value.given)
                continue;
            const struct plan_rel *rel = other_units(&writer, resolved, i);
            const struct plan_rel **item =
                rel == NULL ? NULL : cohort_list_add(plan_arena(plan), &list, sizeof *item);
            if (item != NULL)
                *item = rel;
        }
    if (list.count == 0)
        return ERR_OK;
    const struct plan_rel *all = list.count == 1 ? *(const struct plan_rel **)list.items
                                                 : plan_union_all(plan, list.items, list.count);
    *ret = all;
    return plan_finish(plan, all, err);
}

/* No code, looked up or its own. */
static const struct plan_rel *uncoded(struct plan *plan, const struct cohort_view *view)
{
    const struct plan_rel *rel = cohort_view_rel(plan, view);
    const struct plan_expr **parts =
        arena_array(plan_arena(plan), view->code_count + 1, sizeof *parts);
    struct plan_named *rows = plan_named_array(plan, 1);
    size_t count = 0;
    if (rel == NULL || parts == NULL || rows == NULL)
        return NULL;
    for (size_t i = 0; i < view->code_count; i++) {
        const struct plan_expr *value = plan_column(plan, rel, view->codes[i].name);
        parts[count++] = plan_call(plan, "is_null", 1, &value);
    }
    rows[0] =
        (struct plan_named){"rows", plan_aggregate_call(plan, "count_rows", 0, NULL, false, NULL)};
    rel = count > 0 ? plan_filter(plan, rel, cohort_both(plan, parts, count)) : rel;
    return plan_aggregate(plan, rel, NULL, 0, rows, 1);
}

enum err_code cohort_plan_uncoded(struct plan *plan, const struct cohort_views *views,
                                  const char *table, const struct plan_rel **ret, struct err *err)
{
    *ret = NULL;
    for (size_t i = 0; i < views->count; i++) {
        const struct cohort_view *view = &views->views[i];
        if (!view->bound || !view->by_reference || strcmp(view->table, table) != 0)
            continue;
        *ret = uncoded(plan, view);
        return plan_finish(plan, *ret, err);
    }
    return ERR_OK;
}
