/* A measure by kind: labs.value_num by item_id becomes labs__value_num__glucose__mean, …
 *
 *   labs ──filter to the kinds, project──▶ aggregate by (patient, kind)      one row per patient
 * and kind ──▶ aggregate by patient: max(case kind when 50809 then mean end) … one row per patient
 * ──▶ joined 1:1
 *
 * The rows are read and hashed once whatever the number of kinds; the second step sees only groups.
 * A group holds at most one row of each kind, so max picks it and decides nothing. */
#include "mart/mart_priv.h"

#include <stdio.h>
#include <string.h>

struct aggregate {
    enum mart_aggregate_kind kind;
    const char *function;
    bool zero, by_time;
};
static const struct aggregate aggregates[] = {
    {MART_AGGREGATE_COUNT, "count", true, false},
    {MART_AGGREGATE_DISTINCT, "count_distinct", true, false},
    {MART_AGGREGATE_MEAN, "mean", false, false},
    {MART_AGGREGATE_SD, "sd", false, false},
    {MART_AGGREGATE_MIN, "min", false, false},
    {MART_AGGREGATE_MAX, "max", false, false},
    {MART_AGGREGATE_SUM, "sum", false, false},
    {MART_AGGREGATE_FIRST, "first_by", false, true},
    {MART_AGGREGATE_LAST, "last_by", false, true},
    {MART_AGGREGATE_MODE, "mode", false, false},
};
#define AGGREGATES (sizeof aggregates / sizeof *aggregates)

/* ---- which kinds ------------------------------------------------------------------------------
 */

static const char *code_of(const json_t *kind)
{
    return json_string_value(json_array_get(kind, 0));
}

static const char *label_of(const json_t *kind)
{
    const char *label = json_string_value(json_array_get(kind, 1));
    return label != NULL && label[0] != '\0' ? label : code_of(kind);
}

static bool is_called(const json_t *kind, const char *asked)
{
    return strcmp(code_of(kind), asked) == 0 ||
           str_equal_nocase(str_trim(str_of(label_of(kind))), str_trim(str_of(asked)));
}

/* The kinds that were asked for, each once; a label that several kinds have means all of them. */
static enum err_code take_asked(const struct profile_table *table, struct mart_pivot *pivot,
                                const json_t *all, const json_t **kinds, struct err *err)
{
    const json_t *asked = pivot->policy.kinds;
    for (size_t a = 0; a < json_array_size(asked); a++) {
        const char *name = json_string_value(json_array_get(asked, a));
        bool found = false;
        for (size_t i = 0; i < json_array_size(all); i++) {
            const json_t *kind = json_array_get(all, i);
            bool taken = false;
            if (!is_called(kind, name))
                continue;
            found = true;
            for (size_t k = 0; k < pivot->count; k++)
                taken = taken || kinds[k] == kind;
            if (!taken)
                kinds[pivot->count++] = kind;
        }
        if (found)
            continue;
        err_set(err, ERR_INPUT, "policy for %s.%s: no kind with values is called '%s'",
                table->table->name, table->columns[pivot->column].name, name);
        return err_hint(err, "kinds go by their label or by their code in '%s'",
                        table->columns[pivot->rule.by].name);
    }
    return ERR_OK;
}

static bool slug_repeats(const struct mart_pivot *pivot, const char *const *slugs, size_t i)
{
    for (size_t k = 0; k < pivot->count; k++)
        if (k != i && strcmp(slugs[k], slugs[i]) == 0)
            return true;
    return false;
}

static bool name_taken(const struct mart_pivot *pivot, size_t count, const char *name)
{
    for (size_t k = 0; k < count; k++)
        if (strcmp(pivot->names[k], name) == 0)
            return true;
    return false;
}

/* The label's slug where it is the only one, else with the code's: glucose_50809, glucose_50931. */
static bool name_kinds(struct mart_work *work, struct mart_pivot *pivot)
{
    struct arena *arena = plan_arena(work->plan);
    const char **slugs = arena_array(arena, pivot->count + 1, sizeof *slugs);
    pivot->names = arena_array(arena, pivot->count + 1, sizeof *pivot->names);
    for (size_t i = 0; slugs != NULL && i < pivot->count; i++)
        if ((slugs[i] = mart_slug(work, label_of(pivot->kinds[i]))) == NULL)
            return false;
    for (size_t i = 0; slugs != NULL && pivot->names != NULL && i < pivot->count; i++) {
        const char *name = slugs[i], *code = mart_slug(work, code_of(pivot->kinds[i]));
        if (code != NULL && slug_repeats(pivot, slugs, i) && strcmp(code, name) != 0)
            name = arena_printf(arena, "%s_%s", slugs[i], code);
        const char *unique = name;
        for (int serial = 2; unique != NULL && name_taken(pivot, i, unique); serial++)
            unique = arena_printf(arena, "%s_%d", name, serial);
        if ((pivot->names[i] = unique) == NULL)
            return false;
    }
    return slugs != NULL && pivot->names != NULL;
}

enum err_code mart_pivot_choose(struct mart_work *work, size_t table, size_t column,
                                struct mart_pivot **ret_pivot, struct err *err)
{
    const struct profile_table *t = &work->profile->tables[table];
    struct mart_pivot pivot = {.column = column};
    *ret_pivot = NULL;
    TRY(mart_kind_rule_for(work->profile, work->spec->policy, table, column, &pivot.rule,
                           &pivot.policy, err));
    if (!pivot.rule.on || work->spec->kinds == NULL)
        return ERR_OK;
    pivot.found = mart_kinds_find(work->spec->kinds, work->profile, table, column, &pivot.rule);
    const json_t *all = json_object_get(pivot.found, "kinds");
    size_t count = json_array_size(all);
    if (count < (pivot.policy.by_name ? 1 : 2))
        return ERR_OK; /* one kind: the column as a whole is it */
    const json_t **kinds = arena_array(plan_arena(work->plan), count, sizeof *kinds);
    struct mart_pivot *kept = arena_array(plan_arena(work->plan), 1, sizeof *kept);
    if (kinds == NULL || kept == NULL)
        return err_set(err, ERR_MEMORY, "no memory to plan table '%s'", t->table->name);
    if (pivot.policy.kinds != NULL)
        TRY(take_asked(t, &pivot, all, kinds, err));
    else
        for (size_t i = 0; i < count && (int64_t)i < pivot.policy.cap; i++)
            kinds[pivot.count++] = json_array_get(all, i);
    pivot.kinds = kinds;
    if (!name_kinds(work, &pivot))
        return err_set(err, ERR_MEMORY, "no memory to plan table '%s'", t->table->name);
    *kept = pivot;
    *ret_pivot = kept;
    return ERR_OK;
}

/* ---- the plan ---------------------------------------------------------------------------------
 */

struct spread {
    struct mart_work *work;
    const struct mart_pivot *pivot;
    const struct profile_table *table;
    const char *name;
    const struct plan_rel *rows;   /* keys, marrow_kind, marrow_value, marrow_order */
    const struct plan_rel *groups; /* keys, marrow_kind, then one column per aggregate */
    const struct aggregate *wanted[AGGREGATES];
    size_t wanted_count;
    bool ordered;
    struct plan_named keys[MART_LIMIT_KEY_COLUMNS]; /* of the last relation */
    const char **outputs;                           /* [kind × wanted]: names in the mart */
};

static const struct plan_expr *kind_literal(struct spread *spread, size_t kind)
{
    return plan_literal(spread->work->plan, spread->table->columns[spread->pivot->rule.by].type,
                        code_of(spread->pivot->kinds[kind]));
}

/* Rows that have a key, a value and one of the kinds. */
static bool select_rows(struct spread *spread, size_t table, const struct mart_path *path)
{
    struct mart_work *work = spread->work;
    struct plan *plan = work->plan;
    struct arena *arena = plan_arena(plan);
    const struct mart_pivot *pivot = spread->pivot;
    const struct plan_expr *keys[MART_LIMIT_KEY_COLUMNS] = {NULL};
    const struct plan_expr **in = arena_array(arena, pivot->count + 1, sizeof *in);
    struct plan_named *inputs = arena_array(arena, MART_LIMIT_KEY_COLUMNS + 3, sizeof *inputs);
    const struct plan_rel *base = mart_scan(work, table);
    size_t count = 0;
    if (in == NULL || inputs == NULL)
        return false;
    mart_join_path(work, path, &base, keys);
    const struct plan_expr *value =
        plan_column(plan, base, spread->table->columns[pivot->column].name);
    if (pivot->rule.text)
        value = plan_cast(plan, value, DATA_TYPE(DOUBLE), true);
    in[0] = plan_column(plan, base, spread->table->columns[pivot->rule.by].name);
    for (size_t i = 0; i < pivot->count; i++)
        in[i + 1] = kind_literal(spread, i);
    const struct plan_rel *rows =
        plan_filter(plan, base, plan_call(plan, "in", pivot->count + 1, in));
    rows = plan_filter(plan, rows, plan_call(plan, "is_not_null", 1, &value));
    for (size_t k = 0; k < work->anchor.key_count; k++) {
        rows = plan_filter(plan, rows, plan_call(plan, "is_not_null", 1, &keys[k]));
        inputs[count++] = (struct plan_named){arena_printf(arena, "marrow_key_%zu", k), keys[k]};
    }
    inputs[count++] = (struct plan_named){"marrow_kind", in[0]};
    inputs[count++] = (struct plan_named){"marrow_value", value};
    unsigned by_time = (1u << MART_AGGREGATE_FIRST) | (1u << MART_AGGREGATE_LAST);
    const struct plan_expr *order =
        (pivot->policy.aggregates & by_time) != 0 ? mart_order_key(work, base, table) : NULL;
    spread->ordered = order != NULL;
    if (order != NULL)
        inputs[count++] = (struct plan_named){"marrow_order", order};
    spread->rows = plan_project(plan, rows, inputs, count);
    return true;
}

static const struct plan_expr *aggregate_call(struct spread *spread,
                                              const struct aggregate *aggregate)
{
    struct plan *plan = spread->work->plan;
    const struct plan_expr *args[2] = {plan_column(plan, spread->rows, "marrow_value"), NULL};
    if (!aggregate->by_time)
        return plan_aggregate_call(plan, aggregate->function, 1, args, false, NULL);
    args[1] = plan_column(plan, spread->rows, "marrow_order");
    bool gaps = spread->table->columns[spread->table->time_column].nulls > 0;
    return plan_aggregate_call(plan, aggregate->function, 2, args, false,
                               gaps ? plan_call(plan, "is_not_null", 1, &args[1]) : NULL);
}

/* One row per key and kind. */
static void group_rows(struct spread *spread)
{
    struct plan *plan = spread->work->plan;
    struct arena *arena = plan_arena(plan);
    struct plan_named groups[MART_LIMIT_KEY_COLUMNS + 1], calls[AGGREGATES];
    size_t keys = spread->work->anchor.key_count;
    for (size_t k = 0; k < keys; k++) {
        const char *name = arena_printf(arena, "marrow_key_%zu", k);
        groups[k] = (struct plan_named){name, plan_column(plan, spread->rows, name)};
    }
    groups[keys] =
        (struct plan_named){"marrow_kind", plan_column(plan, spread->rows, "marrow_kind")};
    for (size_t i = 0; i < AGGREGATES; i++) {
        const struct aggregate *aggregate = &aggregates[i];
        bool wanted = (spread->pivot->policy.aggregates & (1u << aggregate->kind)) != 0;
        if (!wanted || (aggregate->by_time && !spread->ordered))
            continue;
        calls[spread->wanted_count] = (struct plan_named){
            arena_printf(arena, "by_kind_%s", mart_aggregate_text(aggregate->kind)),
            aggregate_call(spread, aggregate)};
        spread->wanted[spread->wanted_count++] = aggregate;
    }
    spread->groups =
        plan_aggregate(plan, spread->rows, groups, keys + 1, calls, spread->wanted_count);
}

/* The kinds side by side: one row per key. */
static const struct plan_rel *spread_kinds(struct spread *spread)
{
    struct mart_work *work = spread->work;
    struct plan *plan = work->plan;
    struct arena *arena = plan_arena(plan);
    const char *measure = spread->table->columns[spread->pivot->column].name;
    size_t serial = ++work->joins, columns = spread->pivot->count * spread->wanted_count;
    struct plan_named *picks = arena_array(arena, columns + 1, sizeof *picks);
    spread->outputs = arena_array(arena, columns + 1, sizeof *spread->outputs);
    if (picks == NULL || spread->outputs == NULL)
        return NULL;
    const struct plan_expr *kind = plan_column(plan, spread->groups, "marrow_kind");
    for (size_t i = 0; i < columns; i++) {
        size_t at = i / spread->wanted_count;
        const char *aggregate = mart_aggregate_text(spread->wanted[i % spread->wanted_count]->kind);
        const struct plan_expr *same[] = {kind, kind_literal(spread, at)};
        const struct plan_expr *when[] = {
            plan_call(plan, "eq", 2, same),
            plan_column(plan, spread->groups, arena_printf(arena, "by_kind_%s", aggregate))};
        const struct plan_expr *pick = plan_case(plan, 2, when);
        const char *name = arena_printf(arena, "%s__%s__%s__%s", spread->name, measure,
                                        spread->pivot->names[at], aggregate);
        spread->outputs[i] =
            name != NULL ? mart_output_add(work, mart_lower(work, name), NULL) : NULL;
        picks[i] = (struct plan_named){spread->outputs[i],
                                       plan_aggregate_call(plan, "max", 1, &pick, false, NULL)};
    }
    for (size_t k = 0; k < work->anchor.key_count; k++)
        spread->keys[k] = (struct plan_named){
            arena_printf(arena, "k%zu_%zu", serial, k),
            plan_column(plan, spread->groups, arena_printf(arena, "marrow_key_%zu", k))};
    const struct plan_rel *wide =
        plan_aggregate(plan, spread->groups, spread->keys, work->anchor.key_count, picks, columns);
    const char *label = arena_printf(arena, "%s_%s_by_%s", spread->name, measure,
                                     spread->table->columns[spread->pivot->rule.by].name);
    return plan_label(plan, wide, label != NULL ? mart_lower(work, label) : NULL);
}

static void put_outputs(struct spread *spread)
{
    struct mart_work *work = spread->work;
    struct plan *plan = work->plan;
    size_t columns = spread->pivot->count * spread->wanted_count;
    for (size_t i = 0; i < columns; i++) {
        const struct plan_expr *value = plan_column(plan, work->joined, spread->outputs[i]);
        const struct plan_expr *or_zero[] = {value, plan_literal_int(plan, 0)};
        for (size_t o = work->output_count; o-- > 0;) {
            if (work->outputs[o].name != spread->outputs[i])
                continue;
            work->outputs[o].expr = spread->wanted[i % spread->wanted_count]->zero
                                        ? plan_call(plan, "coalesce", 2, or_zero)
                                        : value;
            break;
        }
    }
}

/* ---- checks -----------------------------------------------------------------------------------
 */

static int64_t place_of(const struct spread *spread, enum mart_aggregate_kind kind)
{
    for (size_t i = 0; i < spread->wanted_count; i++)
        if (spread->wanted[i]->kind == kind)
            return (int64_t)i;
    return -1;
}

/* CASE WHEN t0.item_id IN (…) THEN t0.value_num END, by hand. */
static void raw_value(const struct spread *spread, struct buf *out)
{
    const struct mart_pivot *pivot = spread->pivot;
    buf_puts(out, "CASE WHEN t0.");
    engine_quote_identifier(out, str_of(spread->table->columns[pivot->rule.by].name));
    for (size_t i = 0; i < pivot->count; i++) {
        buf_puts(out, i == 0 ? " IN (" : ", ");
        engine_quote_literal(out, str_of(code_of(pivot->kinds[i])));
    }
    buf_puts(out, pivot->rule.text ? ") THEN TRY_CAST(t0." : ") THEN t0.");
    engine_quote_identifier(out, str_of(spread->table->columns[pivot->column].name));
    buf_puts(out, pivot->rule.text ? " AS DOUBLE) END" : " END");
}

static void put_output(const struct spread *spread, size_t kind, int64_t place, struct buf *out)
{
    engine_quote_identifier(out,
                            str_of(spread->outputs[kind * spread->wanted_count + (size_t)place]));
}

/* Function over the columns of one aggregate: before a, between b … after. */
static void over_kinds(const struct spread *spread, int64_t place, const char *before,
                       const char *between, const char *after, struct buf *out)
{
    for (size_t i = 0; i < spread->pivot->count; i++) {
        buf_puts(out, i == 0 ? before : between);
        put_output(spread, i, place, out);
    }
    buf_puts(out, after);
}

static void add_check(const struct spread *spread, const char *what, const char *raw_before,
                      const char *raw_after, const struct buf *from, const struct buf *mart)
{
    AUTO(buf_done) struct buf raw = BUF_INIT;
    buf_puts(&raw, raw_before);
    raw_value(spread, &raw);
    buf_puts(&raw, raw_after);
    spread->work->failed = spread->work->failed || raw.failed || from->failed || mart->failed;
    mart_invariant_add(spread->work,
                       arena_printf(plan_arena(spread->work->plan), "%s.%s by %s: %s", spread->name,
                                    spread->table->columns[spread->pivot->column].name,
                                    spread->table->columns[spread->pivot->rule.by].name, what),
                       buf_text(&raw), buf_text(from), buf_text(mart));
}

/* Sums, from means and counts. Every value is moved up to be positive first: where large values of
 * both signs cancel out, the rounding of means would else look like an error. */
static void check_sums(const struct spread *spread, const struct buf *from)
{
    int64_t mean = place_of(spread, MART_AGGREGATE_MEAN),
            count = place_of(spread, MART_AGGREGATE_COUNT);
    double least = json_number(spread->pivot->found, "least", 0);
    char up[64], shift[32];
    AUTO(buf_done) struct buf mart = BUF_INIT;
    if (mean < 0 || count < 0)
        return;
    (void)snprintf(up, sizeof up, " + %s)", str_from_double(1 - 2 * least, shift));
    buf_puts(&mart, "marrow_sum(");
    for (size_t i = 0; i < spread->pivot->count; i++) {
        buf_puts(&mart, i == 0 ? "coalesce((" : " + coalesce((");
        put_output(spread, i, mean, &mart);
        buf_printf(&mart, "%s * ", up);
        put_output(spread, i, count, &mart);
        buf_puts(&mart, ", 0)");
    }
    buf_puts(&mart, ")");
    add_check(spread, "sum", "marrow_sum(CAST(",
              arena_printf(plan_arena(spread->work->plan), " AS DOUBLE)%s", up), from, &mart);
}

static void add_checks(const struct spread *spread, const struct mart_path *path)
{
    AUTO(buf_done) struct buf from = BUF_INIT, counts = BUF_INIT, least = BUF_INIT, most = BUF_INIT;
    int64_t count = place_of(spread, MART_AGGREGATE_COUNT),
            min = place_of(spread, MART_AGGREGATE_MIN), max = place_of(spread, MART_AGGREGATE_MAX);
    mart_raw_from(spread->work, path, &from);
    if (count >= 0) {
        over_kinds(spread, count, "sum(", " + ", ")", &counts);
        add_check(spread, "values", "count(", ")", &from, &counts);
    }
    check_sums(spread, &from);
    if (min >= 0) {
        over_kinds(spread, min, "min(least(", ", ", "))", &least);
        add_check(spread, "min", "min(", ")", &from, &least);
    }
    if (max >= 0) {
        over_kinds(spread, max, "max(greatest(", ", ", "))", &most);
        add_check(spread, "max", "max(", ")", &from, &most);
    }
}

/* ---- what is said of it -----------------------------------------------------------------------
 */

static int64_t shown_values(const struct mart_pivot *pivot)
{
    int64_t values = 0;
    for (size_t i = 0; i < pivot->count; i++)
        values += json_integer_value(json_array_get(pivot->kinds[i], 2));
    return values;
}

static json_t *shown_json(const struct spread *spread, bool *ok)
{
    const struct mart_pivot *pivot = spread->pivot;
    json_t *shown = json_array();
    for (size_t i = 0; i < pivot->count; i++) {
        const json_t *kind = pivot->kinds[i], *unit = json_array_get(kind, 3);
        json_t *entry = json_object();
        AUTO(buf_done) struct buf prefix = BUF_INIT;
        buf_printf(&prefix, "%s__%s__%s", spread->name, spread->table->columns[pivot->column].name,
                   pivot->names[i]);
        const char *lower = mart_lower(spread->work, buf_text(&prefix));
        json_put_text(entry, "columns", lower, ok);
        json_put_text(entry, "code", code_of(kind), ok);
        json_put_text(entry, "label", json_string_value(json_array_get(kind, 1)), ok);
        json_put(entry, "values", json_incref(json_array_get(kind, 2)), ok);
        if (json_is_true(json_array_get(kind, 4)))
            json_put_flag(entry, "units_differ", true, ok);
        else if (json_is_string(unit))
            json_put_text(entry, "unit", json_string_value(unit), ok);
        json_push(shown, entry, ok);
    }
    return shown;
}

static void describe(const struct spread *spread)
{
    const struct mart_pivot *pivot = spread->pivot;
    int64_t values = json_int(pivot->found, "values", 0), shown = shown_values(pivot),
            kinds = json_int(pivot->found, "kind_count", 0);
    json_t *entry = json_object(), *rest = json_object(), *list = json_array();
    bool ok = true;
    for (size_t i = 0; i < spread->wanted_count; i++)
        json_push_text(list, mart_aggregate_text(spread->wanted[i]->kind), &ok);
    json_put_text(entry, "table", spread->table->table->name, &ok);
    json_put_text(entry, "column", spread->table->columns[pivot->column].name, &ok);
    json_put_text(entry, "by", spread->table->columns[pivot->rule.by].name, &ok);
    json_put_text(entry, "why", pivot->rule.why, &ok);
    json_put(entry, "aggregates", list, &ok);
    json_put_int(entry, "kind_count", kinds, &ok);
    json_put_int(entry, "values", values, &ok);
    json_put(entry, "shown", shown_json(spread, &ok), &ok);
    json_put_int(rest, "kinds", kinds - (int64_t)pivot->count, &ok);
    json_put_int(rest, "values", values - shown, &ok);
    int64_t thousandths = values > 0 ? (values - shown) * 1000 / values : 0;
    json_put_real(rest, "share", (double)thousandths / 1000.0, &ok);
    json_put(entry, "not_shown", rest, &ok);
    json_push(spread->work->kinds, entry, &ok);
    spread->work->failed = spread->work->failed || !ok;
}

const char *mart_pivot_text(struct mart_work *work, size_t table, const struct mart_pivot *pivot)
{
    const struct profile_table *t = &work->profile->tables[table];
    int64_t values = json_int(pivot->found, "values", 0), rest = values - shown_values(pivot),
            kinds = json_int(pivot->found, "kind_count", 0) - (int64_t)pivot->count;
    const char *what =
        arena_printf(plan_arena(work->plan), "%s by %s: %zu kind%s", t->columns[pivot->column].name,
                     t->columns[pivot->rule.by].name, pivot->count, pivot->count == 1 ? "" : "s");
    if (kinds == 0 || values == 0)
        return what;
    return arena_printf(plan_arena(work->plan), "%s, not shown: %lld kind%s, %lld %% of values",
                        what, (long long)kinds, kinds == 1 ? "" : "s",
                        (long long)((rest * 100 + values / 2) / values));
}

enum err_code mart_add_pivot(struct mart_work *work, size_t table, const char *name,
                             const struct mart_path *path, struct mart_pivot *pivot,
                             struct err *err)
{
    struct spread spread = {
        .work = work, .pivot = pivot, .table = &work->profile->tables[table], .name = name};
    if (!select_rows(&spread, table, path))
        return err_set(err, ERR_MEMORY, "no memory to plan table '%s'", name);
    group_rows(&spread);
    const struct plan_rel *wide = spread_kinds(&spread);
    mart_join_grouped(work, PLAN_JOIN_LEFT, wide, spread.keys);
    put_outputs(&spread);
    add_checks(&spread, path);
    describe(&spread);
    pivot->columns = (int64_t)(pivot->count * spread.wanted_count);
    return ERR_OK;
}
