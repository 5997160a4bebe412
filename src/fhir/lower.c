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
    struct plan *plan = state->lower->plan;
    const struct plan_rel *rel = state->rel;
    if (rel == NULL)
        return NULL;
    struct plan_named *all = plan_named_array(plan, rel->column_count + count);
    size_t at = 0;
    for (size_t i = 0; all != NULL && i < rel->column_count; i++) {
        bool replaced = false;
        for (size_t j = 0; j < count; j++)
            replaced = replaced || strcmp(more[j].name, rel->columns[i].name) == 0;
        if (!replaced)
            all[at++] = (struct plan_named){rel->columns[i].name,
                                            plan_column(plan, rel, rel->columns[i].name)};
    }
    for (size_t j = 0; all != NULL && j < count; j++)
        all[at++] = more[j];
    return all == NULL ? NULL : plan_project(plan, rel, all, at);
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

/* The focus, or an error where an array stands on a path that is taken at FHIR R4's word. */
static void put_guard(struct state *state, const struct fhir_guard *guard)
{
    struct fhir_lower *lower = state->lower;
    if (guard->count == 0 || state->rel == NULL)
        return;
    fhir_sql *args = arena_array(plan_arena(lower->plan), guard->count + 1, sizeof *args);
    struct buf what = BUF_INIT;
    buf_puts(&what, "an array where FHIR R4 has one value at most, at ");
    if (args == NULL)
        return;
    args[0] = plan_column(lower->plan, state->rel, state->focus);
    for (size_t i = 0; i < guard->count; i++) {
        args[i + 1] = fhir_sql_text(lower, guard->paths[i]);
        buf_printf(&what, "%s%s", i > 0 ? i + 1 < guard->count ? ", " : " or " : "",
                   guard->paths[i]);
    }
    const fhir_sql *copy = args;
    const fhir_sql parts[] = {plan_call(lower->plan, "json_has_array", guard->count + 1, copy),
                              fhir_sql_raise(lower, DATA_TYPE(JSON), buf_text(&what)), args[0]};
    buf_done(&what);
    const struct plan_named named = {state->focus, fhir_sql_case(lower, 3, parts)};
    state->rel = with(state, &named, 1);
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
        return fhir_sql_json(lower, value, known);
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

static void put_columns(struct state *state, const struct fhir_select *select)
{
    struct fhir_lower *lower = state->lower;
    struct plan_named *named = plan_named_array(lower->plan, select->column_count);
    for (size_t i = 0; named != NULL && i < select->column_count; i++) {
        const struct fhir_select_column *column = &select->columns[i];
        const struct fhir_view_column *output = &lower->view->columns[column->output];
        const char *place = arena_printf(plan_arena(lower->plan), "column %s", output->name);
        lower->place = place != NULL ? place : output->name;
        fhir_sql value = column_value(state, column);
        bool index = column->path->kind == FHIR_PATH_ROW_INDEX && !column->collection;
        if (state->absent != NULL && value != NULL && !index) {
            const fhir_sql parts[] = {plan_column(lower->plan, state->rel, state->absent),
                                      fhir_sql_null(lower, value->type), value};
            value = fhir_sql_case(lower, 3, parts);
        }
        const char *name = arena_printf(plan_arena(lower->plan), "out_%s", output->name);
        if (value == NULL || name == NULL) {
            state->rel = NULL;
            return;
        }
        named[i] = (struct plan_named){name, value};
        state->outputs[column->output] = name;
    }
    if (select->column_count > 0)
        state->rel = named == NULL ? NULL : with(state, named, select->column_count);
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

/* Each child, and after it what is below it: pre-order. */
static fhir_sql unrolled(struct state *state, const struct fhir_select *select, bool element,
                         int levels)
{
    struct fhir_lower *lower = state->lower;
    fhir_sql list = children(state, select, element);
    if (list == NULL)
        return NULL;
    if (levels == 0) {
        const char *what = arena_printf(plan_arena(lower->plan), "repeat goes deeper than %d",
                                        FHIR_LIMIT_REPEAT_LOWERED);
        const fhir_sql parts[] = {fhir_sql_there(lower, list),
                                  what == NULL ? NULL : fhir_sql_raise(lower, list->type, what),
                                  fhir_sql_list(lower, fhir_sql_null(lower, DATA_TYPE(JSON)))};
        return fhir_sql_case(lower, 3, parts);
    }
    fhir_sql_body(lower);
    fhir_sql self =
        fhir_sql_call(lower, "list", fhir_sql_element(lower, DATA_TYPE(JSON)), NULL, NULL);
    fhir_sql both =
        fhir_sql_call(lower, "list_concat", self, unrolled(state, select, true, levels - 1), NULL);
    return fhir_sql_each(lower, "list_flat", list, both);
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
        list = unrolled(state, select, false, FHIR_LIMIT_REPEAT_LOWERED);
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

static void put_where(struct state *state, const struct fhir_view *view)
{
    struct fhir_lower *lower = state->lower;
    for (size_t i = 0; i < view->where_count && state->rel != NULL; i++) {
        const char *place = arena_printf(plan_arena(lower->plan), "where[%zu]", i);
        lower->place = place != NULL ? place : "where";
        fhir_sql holds =
            fhir_sql_typed(lower, on_focus(state, view->where[i]), FHIR_SYSTEM_BOOLEAN);
        state->rel = holds == NULL ? NULL : plan_filter(lower->plan, state->rel, holds);
    }
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
    }
    lower->place = "resource";
    put_guard(state, &guard);
    if (state->rel != NULL && state->rel->kind != PLAN_SCAN)
        state->rel = plan_label(lower->plan, state->rel, "resources");
    put_where(state, view);
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
