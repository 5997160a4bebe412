/* A fact, aggregated to the grain before it is joined:
 *
 *   labs ⟕ lab_items ──project key, order, columns──▶ aggregate by key ──▶ one row per patient ──▶
 * anchor ⟕ (1:1)
 *
 * The order of first and last is (time, primary key), or (time, row hash) where no single key
 * exists, so ties are decided by content. */
#include "mart/mart_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_COLUMN "marrow_order"

struct fact {
    struct mart_work *work;
    size_t table;
    const char *name; /* begins the names of its columns */
    const struct mart_path *path;
    const struct plan_rel *base; /* rows with dimensions and keys in reach */
    const struct plan_expr *keys[MART_LIMIT_KEY_COLUMNS];
    struct plan_named *inputs; /* projection below the aggregate */
    size_t input_count;
    const struct plan_rel *projected;
    struct plan_named *aggregates;
    struct plan_named *finals;      /* output name ← aggregated column */
    bool *zero;                     /* absent → 0 */
    const struct plan_expr **since; /* days from the aggregated date to this one, else NULL */
    size_t aggregate_count, cap;
    bool ordered; /* ORDER_COLUMN is there */
};

static bool same_columns(const size_t *a, size_t a_count, const size_t *b, size_t b_count)
{
    size_t hits = 0;
    for (size_t i = 0; i < a_count; i++)
        for (size_t k = 0; k < b_count; k++)
            hits += a[i] == b[k] ? 1 : 0;
    return a_count == b_count && hits == a_count;
}

void mart_join_path(struct mart_work *work, const struct mart_path *path,
                    const struct plan_rel **base,
                    const struct plan_expr *ret_keys[MART_LIMIT_KEY_COLUMNS])
{
    struct plan *plan = work->plan;
    struct arena *arena = plan_arena(plan);
    const struct mart_anchor *anchor = &work->anchor;
    const char *prefix = "";
    for (size_t s = 0; s < path->count; s++) {
        const struct profile_relation *step = path->steps[s];
        const struct profile_table *child = &work->profile->tables[step->child],
                                   *parent = &work->profile->tables[step->parent];
        bool last = s + 1 == path->count;
        if (last && same_columns(step->parent_columns, step->column_count, anchor->key,
                                 anchor->key_count)) {
            for (size_t k = 0; k < anchor->key_count; k++)
                for (size_t j = 0; j < step->column_count; j++)
                    if (step->parent_columns[j] == anchor->key[k])
                        ret_keys[k] =
                            plan_column(plan, *base,
                                        arena_printf(arena, "%s%s", prefix,
                                                     child->columns[step->child_columns[j]].name));
            return;
        }
        const struct plan_rel *scan = mart_scan(work, step->parent);
        const char *inner = arena_printf(arena, "p%zu_", ++work->joins);
        size_t count = parent->table->schema.count;
        struct plan_named *outputs = arena_array(arena, count, sizeof *outputs);
        const struct plan_expr *left[MART_LIMIT_KEY_COLUMNS], *right[MART_LIMIT_KEY_COLUMNS];
        size_t kept = 0;
        for (size_t c = 0; outputs != NULL && c < count; c++) {
            const char *name = parent->table->schema.columns[c].name;
            bool anchor_key = step->parent == anchor->table;
            if (anchor_key || mart_column_is_key(work->profile, step->parent, c) ||
                parent->columns[c].unique)
                outputs[kept++] = (struct plan_named){arena_printf(arena, "%s%s", inner, name),
                                                      plan_column(plan, scan, name)};
        }
        const struct plan_rel *side = plan_project(plan, scan, outputs, kept);
        for (size_t k = 0; k < step->column_count; k++) {
            left[k] = plan_column(
                plan, *base,
                arena_printf(arena, "%s%s", prefix, child->columns[step->child_columns[k]].name));
            right[k] = plan_column_right(
                plan, side,
                arena_printf(arena, "%s%s", inner, parent->columns[step->parent_columns[k]].name));
        }
        *base =
            plan_join(plan, PLAN_JOIN_INNER, *base, side, left, right, step->column_count, NULL);
        prefix = inner;
    }
    const struct profile_table *at = &work->profile->tables[anchor->table];
    for (size_t k = 0; k < anchor->key_count; k++)
        ret_keys[k] = plan_column(
            plan, *base, arena_printf(arena, "%s%s", prefix, at->columns[anchor->key[k]].name));
}

const struct plan_expr *mart_order_key(struct mart_work *work, const struct plan_rel *base,
                                       size_t table)
{
    const struct profile_table *t = &work->profile->tables[table];
    struct plan *plan = work->plan;
    if (t->time_column < 0)
        return NULL;
    const struct plan_expr *tie = NULL;
    if (t->primary_key.count == 1 && t->columns[t->primary_key.columns[0]].type.kind == DATA_BIGINT)
        tie = plan_column(plan, base, t->columns[t->primary_key.columns[0]].name);
    else
        tie = mart_row_hash(work, base, table);
    const struct plan_expr *args[] = {plan_column(plan, base, t->columns[t->time_column].name),
                                      tie};
    return plan_call(plan, "order_key", 2, args);
}

static bool grow(struct fact *fact)
{
    if (fact->aggregate_count < fact->cap)
        return true;
    size_t cap = fact->cap == 0 ? 64 : fact->cap * 2;
    struct arena *arena = plan_arena(fact->work->plan);
    struct plan_named *aggregates = arena_array(arena, cap, sizeof *aggregates),
                      *finals = arena_array(arena, cap, sizeof *finals);
    bool *zero = arena_array(arena, cap, sizeof *zero);
    const struct plan_expr **since = arena_array(arena, cap, sizeof *since);
    if (aggregates == NULL || finals == NULL || zero == NULL || since == NULL)
        return false;
    if (fact->aggregate_count > 0) {
        memcpy(aggregates, fact->aggregates, fact->aggregate_count * sizeof *aggregates);
        memcpy(finals, fact->finals, fact->aggregate_count * sizeof *finals);
        memcpy(zero, fact->zero, fact->aggregate_count * sizeof *zero);
        memcpy(since, fact->since, fact->aggregate_count * sizeof *since);
    }
    fact->aggregates = aggregates;
    fact->finals = finals;
    fact->zero = zero;
    fact->since = since;
    fact->cap = cap;
    return true;
}

/* One aggregate: name is the output's, made unique against the whole mart. */
static const char *add(struct fact *fact, const char *name, const struct plan_expr *expr, bool zero)
{
    if (!grow(fact) || expr == NULL)
        return NULL;
    size_t i = fact->aggregate_count++;
    const char *lower = mart_lower(fact->work, name);
    const char *final_name = mart_output_add(fact->work, lower, NULL);
    fact->aggregates[i] = (struct plan_named){final_name, expr};
    fact->finals[i].name = final_name;
    fact->zero[i] = zero;
    return final_name;
}

static const char *output_name(struct fact *fact, const char *column, const char *suffix)
{
    return arena_printf(plan_arena(fact->work->plan), "%s__%s__%s", fact->name, column, suffix);
}

static void invariant(struct fact *fact, const char *what, const char *raw, const char *output)
{
    AUTO(buf_done) struct buf from = BUF_INIT, mart = BUF_INIT;
    mart_raw_from(fact->work, fact->path, &from);
    buf_puts(&mart, "sum(");
    engine_quote_identifier(&mart, str_of(output));
    buf_puts(&mart, ")");
    mart_invariant_add(fact->work, what, raw, buf_text(&from), buf_text(&mart));
}

static void sum_invariant(struct fact *fact, const struct profile_column *column,
                          const char *output)
{
    AUTO(buf_done) struct buf raw = BUF_INIT;
    bool is_double = column->type.kind == DATA_DOUBLE;
    buf_puts(&raw, is_double ? "marrow_sum(t0." : "sum(t0.");
    engine_quote_identifier(&raw, str_of(column->name));
    buf_puts(&raw, ")");
    invariant(fact,
              arena_printf(plan_arena(fact->work->plan), "%s.%s: sum", fact->name, column->name),
              buf_text(&raw), output);
}

/* Levels that are only signs: "+" → plus. */
static const struct {
    char sign;
    const char *name;
} sign_names[] = {{'+', "plus"},  {'-', "minus"},   {'<', "below"},   {'>', "above"},
                  {'=', "equal"}, {'%', "percent"}, {'?', "unknown"}, {'*', "star"},
                  {'#', "hash"},  {'.', "dot"}};

static const char *sign_slug(struct mart_work *work, const char *level)
{
    AUTO(buf_done) struct buf slug = BUF_INIT;
    for (const char *p = level; *p != '\0' && slug.len < 40; p++)
        for (size_t i = 0; i < sizeof sign_names / sizeof *sign_names; i++)
            if (sign_names[i].sign == *p)
                buf_printf(&slug, "%s%s", slug.len > 0 ? "_" : "", sign_names[i].name);
    return arena_strdup(plan_arena(work->plan), slug.len > 0 ? buf_text(&slug) : "blank");
}

/* "Metastatic Solid Tumor" → metastatic_solid_tumor; -1 → minus_1, so that it is not taken for 1 */
const char *mart_slug(struct mart_work *work, const char *level)
{
    char slug[48];
    size_t length = 0;
    const char *p = level;
    if (*p == '-' && isdigit((unsigned char)p[1]))
        length = (size_t)snprintf(slug, sizeof slug, "minus_");
    for (; *p != '\0' && length < 40; p++) {
        if (isalnum((unsigned char)*p) || (unsigned char)*p >= 0x80)
            slug[length++] = (char)tolower((unsigned char)*p);
        else if (length > 0 && slug[length - 1] != '_')
            slug[length++] = '_';
    }
    while (length > 0 && slug[length - 1] == '_')
        length--;
    length = str_utf8_valid_prefix((struct str){slug, length});
    slug[length] = '\0';
    return length == 0 ? sign_slug(work, level) : arena_strdup(plan_arena(work->plan), slug);
}

/* The level as the column's type writes it; false: the cell is no value of the type, so its row was
 * put aside. */
static bool level_text(struct fact *fact, enum data_kind kind, const char *cell, const char **ret)
{
    int64_t number = 0;
    *ret = cell;
    if (kind == DATA_TEXT)
        return true;
    if (kind == DATA_BOOLEAN)
        return strcmp(cell, "true") == 0 || strcmp(cell, "false") == 0;
    if (kind != DATA_BIGINT || !str_to_int64(str_of(cell), &number))
        return false;
    *ret = arena_printf(plan_arena(fact->work->plan), "%lld", (long long)number);
    return *ret != NULL;
}

static int compare_levels(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The levels of a category, sorted bytewise; 0: too many, or not all known. */
static size_t levels_of(struct fact *fact, const struct profile_table *table, size_t column,
                        const char *ret[MART_LEVEL_CAP])
{
    const json_t *cells =
        json_object_get(json_array_get(table->table->columns_profile, column), "top_values");
    const struct profile_column *c = &table->columns[column];
    size_t count = 0, kept = 0;
    if (c->type.kind == DATA_BOOLEAN) {
        ret[0] = "false";
        ret[1] = "true";
        return 2;
    }
    if (!json_is_array(cells) || json_array_size(cells) > MART_LEVEL_CAP ||
        (int64_t)json_array_size(cells) < c->distinct)
        return 0;
    for (size_t i = 0; i < json_array_size(cells); i++) {
        const char *cell = json_string_value(json_array_get(json_array_get(cells, i), 0));
        if (cell != NULL && level_text(fact, c->type.kind, cell, &ret[count]))
            count++;
    }
    qsort(ret, count, sizeof *ret, compare_levels);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(ret[kept - 1], ret[i]) != 0)
            ret[kept++] = ret[i];
    return kept;
}

/* A column to aggregate: of the fact itself, or of a dimension joined to it. */
struct subject {
    const struct profile_table *table;
    size_t column;
    const char *name;   /* in names of outputs */
    const char *source; /* in fact->base */
    const char *input;  /* in fact->projected */
};

/* The i-th level's slug, unlike those before it: "mL" and "ml" → ml, ml_2. */
static const char *slug_of(struct fact *fact, const char *slugs[MART_LEVEL_CAP], size_t i,
                           const char *level)
{
    const char *slug = mart_slug(fact->work, level), *unique = slug;
    bool taken = true;
    for (int serial = 2; taken && unique != NULL; serial++) {
        taken = false;
        for (size_t k = 0; k < i; k++)
            taken =
                taken || (slugs[k] != NULL && str_equal_nocase(str_of(slugs[k]), str_of(unique)));
        if (taken)
            unique = arena_printf(plan_arena(fact->work->plan), "%s_%d", slug, serial);
    }
    return slugs[i] = unique;
}

static void add_levels(struct fact *fact, const struct subject *subject,
                       const struct plan_expr *value, const char *const *levels, size_t count)
{
    struct plan *plan = fact->work->plan;
    const char *slugs[MART_LEVEL_CAP];
    for (size_t i = 0; i < count; i++) {
        const struct plan_expr *args[] = {
            value, plan_literal(plan, value != NULL ? value->type : DATA_TYPE(TEXT), levels[i])};
        const struct plan_expr *is_level = plan_call(plan, "eq", 2, args);
        const char *suffix =
            arena_printf(plan_arena(plan), "%s__count", slug_of(fact, slugs, i, levels[i]));
        const char *output =
            add(fact, output_name(fact, subject->name, suffix),
                plan_aggregate_call(plan, "count_rows", 0, NULL, false, is_level), true);
        if (output != NULL)
            mart_describe_level(fact->work, output, levels[i]);
    }
}

/* Days from the group's last date to the latest date of the whole column (a literal: it is part of
 * the version). */
static void add_days_since(struct fact *fact, const struct subject *subject, const char *name,
                           const struct plan_expr *value)
{
    struct plan *plan = fact->work->plan;
    const char *latest = json_text(
        json_array_get(subject->table->table->columns_profile, subject->column), "max", NULL);
    if (latest == NULL || value == NULL)
        return;
    if (add(fact, name, plan_aggregate_call(plan, "max", 1, &value, false, NULL), false) != NULL)
        fact->since[fact->aggregate_count - 1] = plan_literal(plan, value->type, latest);
}

/* First or last by time. A row without a time is neither: where no row of the group has one, the
 * answer is null. */
static void add_by_time(struct fact *fact, const char *name, const struct plan_expr *value,
                        const char *function)
{
    struct plan *plan = fact->work->plan;
    const struct profile_table *t = &fact->work->profile->tables[fact->table];
    if (!fact->ordered)
        return;
    const struct plan_expr *order = plan_column(plan, fact->projected, ORDER_COLUMN);
    const struct plan_expr *args[] = {value, order};
    const struct plan_expr *timed =
        t->columns[t->time_column].nulls > 0 ? plan_call(plan, "is_not_null", 1, &order) : NULL;
    (void)add(fact, name, plan_aggregate_call(plan, function, 2, args, false, timed), false);
}

/* Aggregates that are one call of a function of the plan; absent rows make some of them 0. */
static const struct {
    enum mart_aggregate_kind kind;
    const char *function;
    bool zero;
} simple_aggregates[] = {
    {MART_AGGREGATE_COUNT, "count", true}, {MART_AGGREGATE_DISTINCT, "count_distinct", true},
    {MART_AGGREGATE_MEAN, "mean", false},  {MART_AGGREGATE_SD, "sd", false},
    {MART_AGGREGATE_MIN, "min", false},    {MART_AGGREGATE_MAX, "max", false},
    {MART_AGGREGATE_SUM, "sum", false},    {MART_AGGREGATE_MODE, "mode", false},
};

static void add_simple(struct fact *fact, const struct subject *subject,
                       enum mart_aggregate_kind kind, const struct plan_expr *value)
{
    bool own = subject->table == &fact->work->profile->tables[fact->table];
    for (size_t i = 0; i < sizeof simple_aggregates / sizeof *simple_aggregates; i++) {
        if (simple_aggregates[i].kind != kind)
            continue;
        const struct plan_expr *call = plan_aggregate_call(
            fact->work->plan, simple_aggregates[i].function, 1, &value, false, NULL);
        const char *output = add(fact, output_name(fact, subject->name, mart_aggregate_text(kind)),
                                 call, simple_aggregates[i].zero);
        if (kind == MART_AGGREGATE_SUM && own && output != NULL)
            sum_invariant(fact, &subject->table->columns[subject->column], output);
    }
}

static void add_aggregate(struct fact *fact, const struct subject *subject,
                          enum mart_aggregate_kind kind)
{
    const struct plan_expr *value = plan_column(fact->work->plan, fact->projected, subject->input);
    const char *name = output_name(fact, subject->name, mart_aggregate_text(kind));
    const char *levels[MART_LEVEL_CAP];
    size_t level_count = kind == MART_AGGREGATE_LEVELS
                             ? levels_of(fact, subject->table, subject->column, levels)
                             : 0;
    if (level_count > 0) {
        add_levels(fact, subject, value, levels, level_count);
    } else if (kind == MART_AGGREGATE_LEVELS) {
        add_simple(fact, subject, MART_AGGREGATE_DISTINCT, value);
        add_simple(fact, subject, MART_AGGREGATE_MODE, value);
    } else if (kind == MART_AGGREGATE_FIRST || kind == MART_AGGREGATE_LAST) {
        add_by_time(fact, name, value, kind == MART_AGGREGATE_FIRST ? "first_by" : "last_by");
    } else if (kind == MART_AGGREGATE_DAYS_SINCE) {
        add_days_since(fact, subject, name, value);
    } else {
        add_simple(fact, subject, kind, value);
    }
}

static bool leads_to_anchor(const struct fact *fact, size_t column)
{
    if (fact->path->count == 0) {
        for (size_t k = 0; k < fact->work->anchor.key_count; k++)
            if (fact->work->anchor.key[k] == column)
                return true;
        return false;
    }
    const struct profile_relation *first = fact->path->steps[0];
    for (size_t k = 0; k < first->column_count; k++)
        if (first->child_columns[k] == column)
            return true;
    return false;
}

/* A surrogate key: counting its distinct values would count the rows once more. */
static bool names_the_row(const struct profile_table *table, size_t column)
{
    return table->columns[column].unique && table->columns[column].role == PROFILE_IDENTIFIER;
}

/* The patient of an admission's rows is the admission's own: counting them would tell nothing. */
static bool leads_to_person(const struct fact *fact, size_t column)
{
    const struct mart_work *work = fact->work;
    for (size_t i = 0; work->person.key_count > 0 && i < work->profile->relation_count; i++) {
        const struct profile_relation *relation = &work->profile->relations[i];
        bool same = relation->child == fact->table && relation->parent == work->person.table &&
                    mart_relation_usable(work->profile, relation);
        for (size_t k = 0; same && k < relation->column_count; k++)
            if (relation->child_columns[k] == column)
                return true;
    }
    return false;
}

static struct subject *subjects_of(struct fact *fact, const struct mart_dimensions *dimensions,
                                   size_t *ret_count)
{
    struct arena *arena = plan_arena(fact->work->plan);
    const struct profile_table *own = &fact->work->profile->tables[fact->table];
    struct subject *subjects =
        arena_array(arena, own->table->schema.count + dimensions->count + 1, sizeof *subjects);
    size_t count = 0;
    for (size_t c = 0; subjects != NULL && c < own->table->schema.count; c++)
        if (!leads_to_anchor(fact, c) && !leads_to_person(fact, c) && !names_the_row(own, c))
            subjects[count++] = (struct subject){own, c, own->columns[c].name, own->columns[c].name,
                                                 own->columns[c].name};
    for (size_t d = 0; subjects != NULL && d < dimensions->count; d++) {
        const struct mart_dimension_column *column = &dimensions->columns[d];
        const struct profile_table *table = &fact->work->profile->tables[column->table];
        enum profile_column_role role = table->columns[column->column].role;
        if (role == PROFILE_CODE || role == PROFILE_CATEGORY || role == PROFILE_TEXT)
            subjects[count++] = (struct subject){
                table, column->column,
                arena_printf(arena, "%s_%s", column->via, table->columns[column->column].name),
                column->source, column->source};
    }
    *ret_count = count;
    return subjects;
}

/* The projection below the aggregate: key_0…, the order, and each column that an aggregate reads.
 */
static void project_inputs(struct fact *fact, const struct subject *subjects,
                           const unsigned *wanted, size_t count)
{
    struct plan *plan = fact->work->plan;
    struct arena *arena = plan_arena(plan);
    unsigned order_bits = (1u << MART_AGGREGATE_FIRST) | (1u << MART_AGGREGATE_LAST);
    bool wants_order = false;
    fact->inputs = arena_array(arena, count + MART_LIMIT_KEY_COLUMNS + 1, sizeof *fact->inputs);
    if (fact->inputs == NULL)
        return;
    for (size_t k = 0; k < fact->work->anchor.key_count; k++)
        fact->inputs[fact->input_count++] =
            (struct plan_named){arena_printf(arena, "marrow_key_%zu", k), fact->keys[k]};
    for (size_t i = 0; i < count; i++) {
        wants_order = wants_order || (wanted[i] & order_bits) != 0;
        if (wanted[i] != 0)
            fact->inputs[fact->input_count++] = (struct plan_named){
                subjects[i].input, plan_column(plan, fact->base, subjects[i].source)};
    }
    const struct plan_expr *order =
        wants_order ? mart_order_key(fact->work, fact->base, fact->table) : NULL;
    if (order != NULL) {
        fact->inputs[fact->input_count++] = (struct plan_named){ORDER_COLUMN, order};
        fact->ordered = true;
    }
    const struct plan_rel *known = fact->base;
    for (size_t k = 0; k < fact->work->anchor.key_count; k++)
        known = plan_filter(plan, known, plan_call(plan, "is_not_null", 1, &fact->keys[k]));
    fact->projected = plan_project(plan, known, fact->inputs, fact->input_count);
}

/* The i-th aggregate as the mart shows it: counts of absent rows are 0, dates become days. */
static const struct plan_expr *final_expression(struct fact *fact, size_t i)
{
    struct plan *plan = fact->work->plan;
    const struct plan_expr *value = plan_column(plan, fact->work->joined, fact->finals[i].name);
    const struct plan_expr *zero[] = {value, plan_literal_int(plan, 0)},
                           *since[] = {fact->since[i], value};
    if (fact->since[i] != NULL)
        return plan_call(plan, "date_diff_days", 2, since);
    return fact->zero[i] ? plan_call(plan, "coalesce", 2, zero) : value;
}

void mart_join_grouped(struct mart_work *work, enum plan_join_kind kind,
                       const struct plan_rel *grouped, const struct plan_named *keys)
{
    struct plan *plan = work->plan;
    const struct plan_expr *left[MART_LIMIT_KEY_COLUMNS], *right[MART_LIMIT_KEY_COLUMNS];
    for (size_t k = 0; k < work->anchor.key_count; k++) {
        left[k] =
            plan_column(plan, work->joined, arena_printf(plan_arena(plan), "marrow_anchor_%zu", k));
        right[k] = plan_column_right(plan, grouped, keys[k].name);
    }
    work->joined =
        plan_join(plan, kind, work->joined, grouped, left, right, work->anchor.key_count, NULL);
}

static void join_to_anchor(struct fact *fact)
{
    struct mart_work *work = fact->work;
    struct plan *plan = work->plan;
    struct arena *arena = plan_arena(plan);
    struct plan_named groups[MART_LIMIT_KEY_COLUMNS];
    size_t serial = ++work->joins;
    for (size_t k = 0; k < work->anchor.key_count; k++)
        groups[k] = (struct plan_named){
            arena_printf(arena, "k%zu_%zu", serial, k),
            plan_column(plan, fact->projected, arena_printf(arena, "marrow_key_%zu", k))};
    const struct plan_rel *grouped =
        plan_aggregate(plan, fact->projected, groups, work->anchor.key_count, fact->aggregates,
                       fact->aggregate_count);
    grouped = plan_label(plan, grouped,
                         mart_lower(work, arena_printf(arena, "%s_per_%s", fact->name,
                                                       mart_grain_text(work->spec->grain))));
    mart_join_grouped(work, work->spec->inner ? PLAN_JOIN_INNER : PLAN_JOIN_LEFT, grouped, groups);
    for (size_t i = 0; i < fact->aggregate_count; i++)
        for (size_t o = 0; o < work->output_count; o++)
            if (work->outputs[o].name == fact->finals[i].name)
                work->outputs[o].expr = final_expression(fact, i);
}

/* Tables not to join into the fact: itself, the anchor, whatever leads to the anchor (it is
 * aggregated on its own), and the patients, who are joined to each admission already. */
static bool *tables_to_skip(const struct mart_work *work, size_t table)
{
    bool *skip = arena_array(plan_arena(work->plan), work->profile->table_count, sizeof *skip);
    struct mart_path ignored;
    for (size_t i = 0; skip != NULL && i < work->profile->table_count; i++)
        skip[i] = i == table || i == work->anchor.table ||
                  (work->person.key_count > 0 && i == work->person.table) ||
                  mart_path_find(work->profile, i, work->anchor.table, &ignored);
    return skip;
}

/* A column of a dimension was not measured on this row: it is named, not counted. */
static unsigned of_dimension(const struct subject *subject, unsigned wanted)
{
    bool text = subject->table->columns[subject->column].role == PROFILE_TEXT;
    return (wanted & ~(1u << MART_AGGREGATE_COUNT)) |
           (text && wanted != 0 ? 1u << MART_AGGREGATE_MODE : 0);
}

static enum err_code choose_aggregates(struct fact *fact, const struct subject *subjects,
                                       size_t count, unsigned *wanted, struct mart_pivot **pivots,
                                       struct err *err)
{
    struct mart_work *work = fact->work;
    for (size_t i = 0; i < count; i++) {
        const struct profile_column *column = &subjects[i].table->columns[subjects[i].column];
        bool by_policy = false;
        TRY(mart_policy_for(work->spec->policy, subjects[i].table, column, &wanted[i], &by_policy,
                            err));
        if (!by_policy && subjects[i].table != &work->profile->tables[fact->table])
            wanted[i] = of_dimension(&subjects[i], wanted[i]);
        if (subjects[i].table == &work->profile->tables[fact->table])
            TRY(mart_pivot_choose(work, fact->table, subjects[i].column, &pivots[i], err));
        if (pivots[i] != NULL && column->role == PROFILE_MEASURE)
            wanted[i] = pivots[i]->policy.whole; /* one mean over all kinds says nothing */
    }
    return ERR_OK;
}

/* One mean over glucose and sodium says nothing: where the rows are of many kinds, say so. */
static const char *caution(const struct fact *fact, const struct mart_dimensions *dimensions,
                           const unsigned *wanted, size_t count)
{
    const struct profile *profile = fact->work->profile;
    bool averaged = false;
    for (size_t i = 0; i < count; i++)
        averaged = averaged || (wanted[i] & (1u << MART_AGGREGATE_MEAN)) != 0;
    for (size_t i = 0; averaged && i < profile->relation_count; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        const struct profile_table *child = &profile->tables[relation->child];
        bool kinds = relation->child == fact->table && dimensions->used[relation->parent] &&
                     profile->tables[relation->parent].role == PROFILE_REFERENCE;
        if (kinds && mart_relation_usable(profile, relation) &&
            child->columns[relation->child_columns[0]].distinct > 1)
            return arena_printf(plan_arena(fact->work->plan),
                                "its rows are of several kinds (%s): a mean over all of them is "
                                "rarely meaningful; select kinds with 'marrow sql' first",
                                child->columns[relation->child_columns[0]].name);
    }
    return NULL;
}

static void describe_fact(struct fact *fact, const struct mart_dimensions *dimensions,
                          struct mart_pivot *const *pivots, size_t count, const char *note)
{
    struct mart_work *work = fact->work;
    struct arena *arena = plan_arena(work->plan);
    const char *table = work->profile->tables[fact->table].table->name;
    bool again = strcmp(fact->name, table) != 0;
    const char *reason =
        again ? arena_printf(arena, "aggregated to the grain as %s, then joined one-to-one",
                             fact->name)
              : "aggregated to the grain, then joined one-to-one";
    int64_t columns = (int64_t)fact->aggregate_count;
    for (size_t i = 0; i < count; i++) {
        if (pivots[i] == NULL)
            continue;
        reason =
            arena_printf(arena, "%s; %s", reason, mart_pivot_text(work, fact->table, pivots[i]));
        columns += pivots[i]->columns;
    }
    if (reason == NULL)
        return; /* out of memory: the plan says so */
    mart_describe(work, fact->table, true, reason, fact->path, columns);
    if (note != NULL)
        mart_describe_note(work, fact->table, note);
    for (size_t i = 0; i < work->profile->table_count; i++)
        if (dimensions->used[i])
            mart_describe(work, i, true,
                          arena_printf(arena, "joined into %s before it is aggregated", table),
                          NULL, 0);
}

enum err_code mart_add_fact(struct mart_work *work, size_t table, const char *name,
                            const struct mart_path *path, struct err *err)
{
    struct fact fact = {
        .work = work, .table = table, .name = name, .path = path, .base = mart_scan(work, table)};
    const bool *skip = tables_to_skip(work, table);
    struct mart_dimensions dimensions;
    size_t count = 0;
    if (skip == NULL)
        return err_set(err, ERR_MEMORY, "no memory to plan table '%s'", name);
    fact.base = mart_join_dimensions(work, fact.base, table, skip, &dimensions);
    mart_join_path(work, path, &fact.base, fact.keys);
    struct subject *subjects = subjects_of(&fact, &dimensions, &count);
    unsigned *wanted = arena_array(plan_arena(work->plan), count + 1, sizeof *wanted);
    struct mart_pivot **pivots = arena_array(plan_arena(work->plan), count + 1, sizeof *pivots);
    if (dimensions.used == NULL || subjects == NULL || wanted == NULL || pivots == NULL)
        return err_set(err, ERR_MEMORY, "no memory to plan table '%s'", name);
    TRY(choose_aggregates(&fact, subjects, count, wanted, pivots, err));
    project_inputs(&fact, subjects, wanted, count);
    const char *rows =
        add(&fact, output_name(&fact, "rows", "count"),
            plan_aggregate_call(work->plan, "count_rows", 0, NULL, false, NULL), true);
    if (rows != NULL)
        invariant(&fact, arena_printf(plan_arena(work->plan), "%s: rows", name), "count(*)", rows);
    for (size_t i = 0; i < count; i++)
        for (unsigned kind = 0; kind < MART_AGGREGATE_END; kind++)
            if ((wanted[i] & (1u << kind)) != 0)
                add_aggregate(&fact, &subjects[i], (enum mart_aggregate_kind)kind);
    join_to_anchor(&fact);
    for (size_t i = 0; i < count; i++)
        if (pivots[i] != NULL)
            TRY(mart_add_pivot(work, table, name, path, pivots[i], err));
    describe_fact(&fact, &dimensions, pivots, count, caution(&fact, &dimensions, wanted, count));
    return ERR_OK;
}
