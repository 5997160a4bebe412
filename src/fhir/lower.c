/* A view as a plan. Rows are made by explodes alone, one after the other on the same row, so that
 * selects side by side multiply as they should and no key is needed:
 *
 *     resources   scan of the table; what its where holds for           id, resource
 *     names       explode of json_items(json_path(resource, "name"))    … item_1, n_1
 *     contacts    explode of … "contact"                                … item_2, n_2
 *     a project of the columns over each focus, at the end the view's columns in their order
 *
 * unionAll is a union of its branches over the rows before it. Below a forEachOrNull that found
 * nothing a row is absent: its columns are null, explodes keep it, unions take it once. */
#include "fhir/lower_priv.h"

#include <string.h>

struct state {
    struct fhir_lower *lower;
    const struct plan_rel *rel;
    const char *focus;     /* column: the focus */
    const char *row_index; /* column: number from 1, null where absent; NULL: at the top */
    const char *absent;    /* column: boolean; NULL: rows are never absent */
    size_t *scopes;        /* iterations so far: names of columns */
    const char **outputs;  /* columns of the view's columns, by index; NULL: not made yet */
};

static void set_focus(struct state *state)
{
    struct fhir_lower *lower = state->lower;
    lower->column = plan_column(lower->plan, state->rel, state->focus);
    if (state->row_index == NULL) {
        lower->row_index = fhir_sql_int(lower, 0);
        return;
    }
    fhir_sql number = plan_column(lower->plan, state->rel, state->row_index);
    lower->row_index = fhir_sql_call(
        lower, "sub", fhir_sql_call(lower, "coalesce", number, fhir_sql_int(lower, 1), NULL),
        fhir_sql_int(lower, 1), NULL);
}

static fhir_sql on_focus(struct state *state, const struct fhir_path *path)
{
    const struct fhir_focus focus = {.type = DATA_TYPE(JSON)};
    set_focus(state);
    return fhir_lower_path(state->lower, path, &focus);
}

/* All columns of the relation, and more. */
static const struct plan_rel *with(struct state *state, const struct plan_named *more, size_t count)
{
    return fhir_lower_with(state->lower->plan, state->rel, more, count);
}

static const char *numbered(struct state *state, const char *what)
{
    const char *name = arena_printf(plan_arena(state->lower->plan), "%s_%zu", what, *state->scopes);
    return name != NULL ? name : what;
}

/* ---- guards ------------------------------------------------------------------------------------
 */

static void guard_select(struct fhir_guard *guard, const struct fhir_select *select, bool inside)
{
    if (select->iteration != FHIR_NO_ITERATION && !inside) {
        for (size_t i = 0; i < select->iterate_count; i++)
            fhir_guard_add(guard, select->iterates[i]);
        return;
    }
    for (size_t i = 0; i < select->column_count; i++)
        fhir_guard_add(guard, select->columns[i].path);
    for (size_t i = 0; i < select->select_count; i++)
        guard_select(guard, select->selects[i], false);
    for (size_t i = 0; i < select->union_count; i++)
        guard_select(guard, select->unions[i], false);
}

/* An error where an array stands on a path that is taken at FHIR R4's word; else holds. NULL:
 * failed. */
static fhir_sql guarded(struct state *state, const struct fhir_guard *guard, fhir_sql holds)
{
    struct fhir_lower *lower = state->lower;
    if (guard->count == 0 || state->rel == NULL || holds == NULL)
        return holds;
    fhir_sql *args = arena_array(plan_arena(lower->plan), guard->count + 1, sizeof *args);
    struct buf what = BUF_INIT;
    buf_puts(&what, "an array where FHIR R4 has one value at most, at ");
    if (args == NULL)
        return NULL;
    args[0] = plan_column(lower->plan, state->rel, state->focus);
    for (size_t i = 0; i < guard->count; i++) {
        args[i + 1] = fhir_sql_text(lower, guard->paths[i]);
        buf_printf(&what, "%s%s", i > 0 ? i + 1 < guard->count ? ", " : " or " : "",
                   guard->paths[i]);
    }
    const fhir_sql *copy = args;
    const fhir_sql parts[] = {plan_call(lower->plan, "json_has_array", guard->count + 1, copy),
                              fhir_sql_raise(lower, DATA_TYPE(BOOLEAN), buf_text(&what)), holds};
    buf_done(&what);
    return fhir_sql_case(lower, 3, parts);
}

static void put_guard(struct state *state, const struct fhir_guard *guard)
{
    if (guard->count > 0 && state->rel != NULL)
        state->rel = plan_filter(state->lower->plan, state->rel,
                                 guarded(state, guard, fhir_sql_bool(state->lower, true)));
}

/* ---- columns -----------------------------------------------------------------------------------
 */

/* A text that SQL's type is made of: a time in UTC for timestamps. */
static fhir_sql as_type(struct fhir_lower *lower, fhir_sql value, struct data_type type)
{
    struct fhir_binding binding;
    bool zoned = type.kind == DATA_TIMESTAMPTZ, moment = zoned || type.kind == DATA_TIMESTAMP;
    if (value == NULL || data_type_equal(value->type, type))
        return value;
    fhir_sql text = fhir_sql_lexeme(lower, value);
    if (type.kind == DATA_TEXT || text == NULL)
        return text;
    fhir_sql at = fhir_sql_bind(lower, &binding, text);
    fhir_sql made = moment ? fhir_lower_moment_key(lower, at) : at;
    if (made == NULL)
        return NULL;
    made = plan_cast(lower->plan, made, moment ? DATA_TYPE(TIMESTAMP) : type, true);
    if (zoned)
        made = fhir_sql_call(lower, "from_utc", made, NULL, NULL);
    fhir_sql fails =
        fhir_sql_raise(lower, type, "a value that cannot be cast to the column's type");
    if (made == NULL || fails == NULL)
        return NULL;
    const fhir_sql parts[] = {fhir_sql_call(lower, "is_null", at, NULL, NULL),
                              fhir_sql_null(lower, type),
                              fhir_sql_call(lower, "coalesce", made, fails, NULL)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 3, parts));
}

static fhir_sql column_value(struct state *state, const struct fhir_select_column *column)
{
    struct fhir_lower *lower = state->lower;
    const struct fhir_view_column *output = &lower->view->columns[column->output];
    enum fhir_type known = column->path->known.type;
    enum fhir_type declared = fhir_type_find(fhir_type_local_name(str_of(output->fhir_type)));
    enum fhir_system system = fhir_type_system(declared != FHIR_TYPE_UNKNOWN ? declared : known);
    fhir_sql value = on_focus(state, column->path);
    if (value == NULL)
        return NULL;
    if (column->collection)
        return fhir_sql_json_array(lower, value, known, fhir_type_system(declared));
    if (output->type.kind == DATA_JSON)
        return fhir_sql_json_declared(lower, value, known, fhir_type_system(declared));
    bool number = system == FHIR_SYSTEM_DECIMAL || system == FHIR_SYSTEM_INTEGER;
    if (number && value->type.kind == DATA_TEXT && fhir_type_kind(known) == DATA_TEXT &&
        known != FHIR_TYPE_DECIMAL) {
        const fhir_sql parts[] = {fhir_sql_call(lower, "is_null", value, NULL, NULL),
                                  fhir_sql_null(lower, value->type),
                                  fhir_sql_raise(lower, value->type, "expected a number")};
        value = fhir_sql_case(lower, 3, parts);
    }
    if (system == FHIR_SYSTEM_NONE)
        value = fhir_sql_lexeme(lower, value);
    else if (system == FHIR_SYSTEM_DECIMAL)
        value = fhir_sql_digits(lower, value);
    else
        value = fhir_sql_typed(lower, value, system);
    return as_type(lower, value, output->type);
}

/* Where the row is absent, null: but for %rowIndex. */
static void put_absent(struct state *state, const struct fhir_select *select,
                       struct plan_named *named)
{
    struct fhir_lower *lower = state->lower;
    for (size_t i = 0; state->absent != NULL && i < select->column_count; i++) {
        const struct fhir_select_column *column = &select->columns[i];
        fhir_sql value = named[i].expr;
        if (value == NULL || (column->path->kind == FHIR_PATH_ROW_INDEX && !column->collection))
            continue;
        const fhir_sql parts[] = {plan_column(lower->plan, state->rel, state->absent),
                                  fhir_sql_null(lower, value->type), value};
        named[i].expr = fhir_sql_case(lower, 3, parts);
    }
}

static void put_columns(struct state *state, const struct fhir_select *select)
{
    struct fhir_lower *lower = state->lower;
    struct plan_named *named = plan_named_array(lower->plan, select->column_count);
    for (size_t i = 0; named != NULL && i < select->column_count; i++) {
        const struct fhir_select_column *column = &select->columns[i];
        const struct fhir_view_column *output = &lower->view->columns[column->output];
        const char *place = arena_printf(plan_arena(lower->plan), "column %s", output->name);
        lower->place = place != NULL ? place : output->name;
        const char *name = arena_printf(plan_arena(lower->plan), "out_%s", output->name);
        named[i] = (struct plan_named){name, column_value(state, column)};
        if (named[i].expr == NULL || name == NULL) {
            state->rel = NULL;
            return;
        }
        state->outputs[column->output] = name;
    }
    if (select->column_count == 0)
        return;
    if (named == NULL || !fhir_lower_stage(lower->plan, &state->rel,
                                           state->row_index == NULL ? "resources" : "items", named,
                                           select->column_count)) {
        state->rel = NULL;
        return;
    }
    put_absent(state, select, named);
    state->rel = with(state, named, select->column_count);
}

/* ---- iterations --------------------------------------------------------------------------------
 */

/* Children by all paths of the repeat, in their order. */
static fhir_sql children(struct state *state, const struct fhir_select *select, bool element)
{
    struct fhir_lower *lower = state->lower;
    const struct fhir_focus focus = {
        .is_element = element, .depth = lower->depth, .type = DATA_TYPE(JSON)};
    fhir_sql *lists = arena_array(plan_arena(lower->plan), select->iterate_count, sizeof *lists);
    for (size_t i = 0; lists != NULL && i < select->iterate_count; i++) {
        lists[i] = fhir_sql_list(lower, fhir_lower_path(lower, select->iterates[i], &focus));
        if (lists[i] == NULL)
            return NULL;
    }
    if (lists == NULL || select->iterate_count == 1)
        return lists == NULL ? NULL : lists[0];
    const fhir_sql *args = lists;
    return plan_call(lower->plan, "list_concat", select->iterate_count, args);
}

/* What is below the last level, an error where there is anything. */
static fhir_sql if_deeper(struct fhir_lower *lower, fhir_sql list)
{
    const char *what = arena_printf(plan_arena(lower->plan), "repeat goes deeper than %d",
                                    FHIR_LIMIT_REPEAT_LOWERED);
    if (list == NULL || what == NULL)
        return NULL;
    const fhir_sql parts[] = {fhir_sql_there(lower, list), fhir_sql_raise(lower, list->type, what),
                              fhir_sql_list(lower, fhir_sql_null(lower, DATA_TYPE(JSON)))};
    return fhir_sql_case(lower, 3, parts);
}

/* Each child, and after it what is below it: pre-order. */
static fhir_sql unrolled(struct state *state, const struct fhir_select *select, bool element,
                         int levels)
{
    struct fhir_lower *lower = state->lower;
    fhir_sql list = children(state, select, element);
    if (list == NULL)
        return NULL;
    if (levels == 0)
        return if_deeper(lower, list);
    fhir_sql_body(lower);
    fhir_sql self =
        fhir_sql_call(lower, "list", fhir_sql_element(lower, DATA_TYPE(JSON)), NULL, NULL);
    fhir_sql both =
        fhir_sql_call(lower, "list_concat", self, unrolled(state, select, true, levels - 1), NULL);
    return fhir_sql_each(lower, "list_flat", list, both);
}

/* The children of each of the list. */
static fhir_sql children_of(struct state *state, const struct fhir_select *select, fhir_sql list)
{
    fhir_sql_body(state->lower);
    return fhir_sql_each(state->lower, "list_flat", list, children(state, select, true));
}

/* Level by level, each a column made of the one before: nothing is nested, and each level is
 * computed once. */
static fhir_sql levelled(struct state *state, const struct fhir_select *select)
{
    struct fhir_lower *lower = state->lower;
    fhir_sql parts[FHIR_LIMIT_REPEAT_LOWERED + 1], below = children(state, select, false);
    const char *names[FHIR_LIMIT_REPEAT_LOWERED];
    for (size_t i = 0; i < FHIR_LIMIT_REPEAT_LOWERED; i++) {
        const char *what = arena_printf(plan_arena(lower->plan), "level_%zu", i + 1);
        names[i] = what == NULL ? NULL : numbered(state, what);
        const struct plan_named named = {names[i], below};
        state->rel = below == NULL || names[i] == NULL ? NULL : with(state, &named, 1);
        if (state->rel == NULL)
            return NULL;
        set_focus(state);
        below = children_of(state, select, plan_column(lower->plan, state->rel, names[i]));
    }
    for (size_t i = 0; i < FHIR_LIMIT_REPEAT_LOWERED; i++)
        parts[i] = plan_column(lower->plan, state->rel, names[i]);
    parts[FHIR_LIMIT_REPEAT_LOWERED] = if_deeper(lower, below);
    const fhir_sql *args = parts;
    return parts[FHIR_LIMIT_REPEAT_LOWERED] == NULL
               ? NULL
               : plan_call(lower->plan, "list_concat", FHIR_LIMIT_REPEAT_LOWERED + 1, args);
}

static bool path_counts(const struct fhir_path *path)
{
    bool counts = path->kind == FHIR_PATH_ROW_INDEX ||
                  (path->input != NULL && path_counts(path->input));
    for (size_t i = 0; i < path->arg_count && !counts; i++)
        counts = path_counts(path->args[i]);
    return counts;
}
/* Is %rowIndex read below the select? Then its items' order shows. */
static bool counts_rows(const struct fhir_select *select)
{
    for (size_t i = 0; i < select->column_count; i++)
        if (path_counts(select->columns[i].path))
            return true;
    for (size_t i = 0; i < select->select_count; i++)
        if (counts_rows(select->selects[i]))
            return true;
    for (size_t i = 0; i < select->union_count; i++)
        if (counts_rows(select->unions[i]))
            return true;
    return false;
}

/* "contacts", of the path's last member */
static const char *label_of(const struct fhir_select *select)
{
    const struct fhir_path *path = select->iterates[0];
    while (path != NULL && path->kind != FHIR_PATH_MEMBER)
        path = path->input;
    return path != NULL ? path->name.ptr : "items";
}

static void keep_present(struct state *state, const char *number)
{
    struct fhir_lower *lower = state->lower;
    fhir_sql there = fhir_sql_call(lower, "is_not_null",
                                   plan_column(lower->plan, state->rel, number), NULL, NULL);
    state->rel =
        plan_filter(lower->plan, state->rel,
                    fhir_sql_call(lower, "or", there,
                                  plan_column(lower->plan, state->rel, state->absent), NULL));
}

static void iterate(struct state *state, const struct fhir_select *select)
{
    struct fhir_lower *lower = state->lower;
    bool or_null = select->iteration == FHIR_FOR_EACH_OR_NULL;
    lower->place = select->where_in_view;
    fhir_sql list;
    if (select->iteration == FHIR_REPEAT) {
        set_focus(state);
        list = counts_rows(select) ? unrolled(state, select, false, FHIR_LIMIT_REPEAT_LOWERED)
                                   : levelled(state, select);
    } else {
        list = fhir_sql_list(lower, on_focus(state, select->iterates[0]));
    }
    if (list != NULL && list->type.fields[0].type.kind != DATA_JSON)
        list = fhir_lower_refuse(lower, "an iteration over computed values");
    if (list == NULL || state->rel == NULL) {
        state->rel = NULL;
        return;
    }
    ++*state->scopes;
    const char *item = numbered(state, "item"), *number = numbered(state, "n");
    state->rel =
        plan_explode(lower->plan, state->rel, list, item, number, or_null || state->absent != NULL);
    if (state->rel == NULL)
        return;
    state->rel = plan_label(lower->plan, state->rel, label_of(select));
    if (state->absent != NULL && !or_null)
        keep_present(state, number);
    if (or_null && state->rel != NULL) {
        const char *absent = numbered(state, "absent");
        const struct plan_named named = {
            absent, fhir_sql_call(lower, "is_null", plan_column(lower->plan, state->rel, number),
                                  NULL, NULL)};
        state->rel = named.expr == NULL ? NULL : with(state, &named, 1);
        state->absent = absent;
    }
    state->focus = item;
    state->row_index = number;
    struct fhir_guard guard = {.plan = lower->plan};
    guard_select(&guard, select, true);
    put_guard(state, &guard);
}

/* ---- selects -----------------------------------------------------------------------------------
 */

static void put_select(struct state *state, const struct fhir_select *select);

/* One branch, as the columns that were there and those of the unionAll. */
static const struct plan_rel *branch(const struct state *before, const struct fhir_select *select,
                                     bool first)
{
    struct state state = *before;
    struct fhir_lower *lower = before->lower;
    if (!first && state.absent != NULL) {
        fhir_sql present = fhir_sql_call(
            lower, "not", plan_column(lower->plan, state.rel, state.absent), NULL, NULL);
        state.rel = plan_filter(lower->plan, state.rel, present);
    }
    put_select(&state, select);
    if (state.rel == NULL)
        return NULL;
    size_t kept = before->rel->column_count;
    struct plan_named *named = plan_named_array(lower->plan, kept + select->output_count);
    for (size_t i = 0; named != NULL && i < kept; i++) {
        const char *name = before->rel->columns[i].name;
        named[i] = (struct plan_named){name, plan_column(lower->plan, state.rel, name)};
    }
    for (size_t i = 0; named != NULL && i < select->output_count; i++) {
        const char *name = before->outputs[select->outputs[i]];
        named[kept + i] = (struct plan_named){name, plan_column(lower->plan, state.rel, name)};
    }
    return named == NULL ? NULL
                         : plan_project(lower->plan, state.rel, named, kept + select->output_count);
}

static void put_unions(struct state *state, const struct fhir_select *select)
{
    struct fhir_lower *lower = state->lower;
    const struct plan_rel **parts =
        arena_array(plan_arena(lower->plan), select->union_count, sizeof *parts);
    if (parts == NULL || state->rel == NULL) {
        state->rel = NULL;
        return;
    }
    if (select->union_count > 1 && state->rel->kind != PLAN_SCAN)
        state->rel = plan_label(lower->plan, state->rel, "shared");
    for (size_t i = 0; i < select->union_count; i++) {
        parts[i] = branch(state, select->unions[i], i == 0);
        if (parts[i] == NULL) {
            state->rel = NULL;
            return;
        }
    }
    state->rel = select->union_count == 1 ? parts[0]
                                          : plan_union_all(lower->plan, parts, select->union_count);
}

static void put_select(struct state *outer, const struct fhir_select *select)
{
    struct state state = *outer;
    if (select->iteration != FHIR_NO_ITERATION)
        iterate(&state, select);
    if (state.rel != NULL)
        put_columns(&state, select);
    for (size_t i = 0; state.rel != NULL && i < select->select_count; i++)
        put_select(&state, select->selects[i]);
    if (state.rel != NULL && select->union_count > 0)
        put_unions(&state, select);
    outer->rel = state.rel; /* what is outside keeps its focus */
}

/* ---- exact numbers -----------------------------------------------------------------------------
 */

static bool is_exact(const struct fhir_path *path)
{
    enum fhir_type type = path->known.type;
    bool value = path->kind == FHIR_PATH_OPERATOR || path->kind == FHIR_PATH_CALL;
    bool numeric = type == FHIR_TYPE_DECIMAL && path->kind != FHIR_PATH_LITERAL;
    if (numeric || (path->input != NULL && is_exact(path->input)))
        return true;
    for (size_t i = 0; i < path->arg_count; i++) {
        bool unknown = value && path->args[i]->known.type == FHIR_TYPE_UNKNOWN &&
                       path->operator_ != FHIR_AND && path->operator_ != FHIR_OR;
        if (unknown || is_exact(path->args[i]))
            return true;
    }
    bool text = path->kind == FHIR_PATH_CALL && (path->function == FHIR_FUNCTION_TO_STRING ||
                                                 path->function == FHIR_FUNCTION_JOIN ||
                                                 path->function == FHIR_FUNCTION_LOW_BOUNDARY ||
                                                 path->function == FHIR_FUNCTION_HIGH_BOUNDARY);
    return text && path->input->known.type == FHIR_TYPE_UNKNOWN;
}

/* Do the digits of a number matter anywhere? */
static bool needs_exact(const struct fhir_view *view, const struct fhir_select *select)
{
    for (size_t i = 0; i < select->column_count; i++) {
        const struct fhir_select_column *column = &select->columns[i];
        enum fhir_type type = column->path->known.type;
        bool text = view->columns[column->output].type.kind == DATA_BOOLEAN;
        if (is_exact(column->path) ||
            (!text && (type == FHIR_TYPE_UNKNOWN || type == FHIR_TYPE_COMPLEX)))
            return true;
    }
    for (size_t i = 0; i < select->iterate_count; i++)
        if (is_exact(select->iterates[i]))
            return true;
    for (size_t i = 0; i < select->select_count; i++)
        if (needs_exact(view, select->selects[i]))
            return true;
    for (size_t i = 0; i < select->union_count; i++)
        if (needs_exact(view, select->unions[i]))
            return true;
    return false;
}

/* ---- the view ----------------------------------------------------------------------------------
 */

/* What the view's where holds for; NULL: failed. */
static fhir_sql wanted(struct state *state, const struct fhir_view *view)
{
    struct fhir_lower *lower = state->lower;
    fhir_sql all = NULL;
    for (size_t i = 0; i < view->where_count; i++) {
        const char *place = arena_printf(plan_arena(lower->plan), "where[%zu]", i);
        lower->place = place != NULL ? place : "where";
        fhir_sql holds =
            fhir_sql_typed(lower, on_focus(state, view->where[i]), FHIR_SYSTEM_BOOLEAN);
        if (holds == NULL)
            return NULL;
        all = all == NULL ? holds : fhir_sql_call(lower, "and", all, holds, NULL);
    }
    return all != NULL ? all : fhir_sql_bool(lower, true);
}

static void put_base(struct state *state, const struct fhir_view *view)
{
    struct fhir_lower *lower = state->lower;
    struct fhir_guard guard = {.plan = lower->plan};
    for (size_t i = 0; i < view->where_count; i++)
        fhir_guard_add(&guard, view->where[i]);
    guard_select(&guard, view->root, true);
    for (size_t i = 0; i < view->where_count; i++)
        lower->exact = lower->exact || is_exact(view->where[i]);
    lower->exact = lower->exact || needs_exact(view, view->root);
    if (lower->exact) {
        const struct plan_named named = {
            "resource",
            fhir_sql_call(lower, "json_exact", plan_column(lower->plan, state->rel, "resource"),
                          NULL, NULL)};
        state->rel = named.expr == NULL ? NULL : with(state, &named, 1);
        state->rel = state->rel == NULL ? NULL : plan_label(lower->plan, state->rel, "exact");
    }
    fhir_sql holds = state->rel == NULL ? NULL : wanted(state, view);
    lower->place = "resource";
    holds = holds == NULL ? NULL : guarded(state, &guard, holds);
    if (holds != NULL && (guard.count > 0 || view->where_count > 0))
        state->rel = plan_filter(lower->plan, state->rel, holds);
    else if (holds == NULL)
        state->rel = NULL;
}

static const struct plan_rel *result(const struct state *state, const struct fhir_view *view,
                                     bool resource_id)
{
    struct plan *plan = state->lower->plan;
    struct plan_named *named = plan_named_array(plan, view->column_count + 1);
    size_t at = 0;
    if (named != NULL && resource_id)
        named[at++] = (struct plan_named){"marrow_resource", plan_column(plan, state->rel, "id")};
    for (size_t i = 0; named != NULL && i < view->column_count; i++)
        named[at++] = (struct plan_named){view->columns[i].name,
                                          plan_column(plan, state->rel, state->outputs[i])};
    return named == NULL ? NULL : plan_project(plan, state->rel, named, at);
}

enum err_code fhir_view_lower(const struct fhir_view *view, struct plan *plan, const char *table,
                              const char *table_identity, bool resource_id,
                              const struct plan_rel **ret, struct err *err)
{
    struct data_column columns[] = {{.name = (char[]){"id"}, .type = DATA_TYPE(TEXT)},
                                    {.name = (char[]){"resource"}, .type = DATA_TYPE(JSON)}};
    struct data_schema schema = {.columns = columns, .count = 2};
    struct err found = {0};
    size_t scopes = 0;
    struct fhir_lower lower = {.plan = plan, .view = view, .place = "", .err = &found};
    struct state state = {.lower = &lower, .focus = "resource", .scopes = &scopes};
    state.outputs = arena_array(plan_arena(plan), view->column_count + 1, sizeof *state.outputs);
    *ret = NULL;
    if (state.outputs == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the view's plan");
    state.rel =
        plan_scan_identified(plan, table != NULL ? table : view->resource, table_identity, &schema);
    if (state.rel != NULL)
        put_base(&state, view);
    if (state.rel != NULL)
        put_select(&state, view->root);
    const struct plan_rel *root = state.rel == NULL ? NULL : result(&state, view, resource_id);
    if (found.code != ERR_OK) {
        *err = found;
        return found.code;
    }
    TRY(plan_finish(plan, root, err));
    *ret = root;
    return ERR_OK;
}
