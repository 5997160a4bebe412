/* Dimensions: what a row refers to. Every table reached by n:1 relations is joined through, hop by hop; the row count cannot change.
 *
 *   labs ──item_id──▶ lab_items        columns lab_items__label, lab_items__unit …
 *   admissions ──attending_id──▶ providers ──department_id──▶ departments     (two hops)
 *
 * A dimension met by two columns (two roles) is joined once per role: providers_by_attending_id. */
#include "mart/mart_priv.h"

#include <stdio.h>
#include <string.h>

const struct plan_rel *mart_scan(struct mart_work *work, size_t table)
{
    const struct store_table *t = work->profile->tables[table].table;
    return plan_scan(work->plan, t->name, &t->schema);
}

static bool add_column(struct mart_work *work, struct mart_dimensions *dimensions, const char *source, size_t table, size_t column, const char *via)
{
    if (dimensions->count == dimensions->cap) {
        size_t cap = dimensions->cap == 0 ? 32 : dimensions->cap * 2;
        struct mart_dimension_column *grown = arena_array(plan_arena(work->plan), cap, sizeof *grown);
        if (grown == NULL)
            return false;
        if (dimensions->count > 0)
            memcpy(grown, dimensions->columns, dimensions->count * sizeof *grown);
        dimensions->columns = grown;
        dimensions->cap = cap;
    }
    dimensions->columns[dimensions->count++] = (struct mart_dimension_column){source, table, column, via};
    return true;
}

/* How many usable relations lead from child to parent: more than one means roles. */
static size_t role_count(const struct profile *profile, size_t child, size_t parent)
{
    size_t count = 0;
    for (size_t i = 0; i < profile->relation_count; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        count += relation->child == child && relation->parent == parent && mart_relation_usable(profile, relation) ? 1 : 0;
    }
    return count;
}

struct walk {
    struct mart_work *work;
    struct mart_dimensions *found;
    const bool *skip;
    bool *on_path; /* per table: being joined above, so a cycle stops */
    const struct plan_rel *base;
};

static void join_from(struct walk *walk, size_t table, const char *prefix, const char *via, int depth);

static const char *column_name(struct mart_work *work, const char *prefix, const char *name)
{
    return prefix[0] == '\0' ? name : arena_printf(plan_arena(work->plan), "%s%s", prefix, name);
}

static void join_one(struct walk *walk, const struct profile_relation *relation, const char *prefix, const char *via, int depth)
{
    struct mart_work *work = walk->work;
    struct plan *plan = work->plan;
    const struct profile_table *child = &work->profile->tables[relation->child], *parent = &work->profile->tables[relation->parent];
    const struct plan_rel *scan = mart_scan(work, relation->parent);
    size_t count = parent->table->schema.count;
    const char *inner = arena_printf(plan_arena(plan), "d%zu_", ++work->joins);
    struct plan_named *outputs = arena_array(plan_arena(plan), count, sizeof *outputs);
    const struct plan_expr *left[MART_LIMIT_KEY_COLUMNS], *right[MART_LIMIT_KEY_COLUMNS];
    if (outputs == NULL || inner == NULL)
        return;
    for (size_t c = 0; c < count; c++) {
        const char *name = parent->table->schema.columns[c].name;
        outputs[c] = (struct plan_named){column_name(work, inner, name), plan_column(plan, scan, name)};
    }
    const struct plan_rel *side = plan_project(plan, scan, outputs, count);
    for (size_t k = 0; k < relation->column_count; k++) {
        left[k] = plan_column(plan, walk->base, column_name(work, prefix, child->columns[relation->child_columns[k]].name));
        right[k] = plan_column_right(plan, side, column_name(work, inner, parent->columns[relation->parent_columns[k]].name));
    }
    walk->base = plan_join(plan, PLAN_JOIN_LEFT, walk->base, side, left, right, relation->column_count, NULL);
    const char *role = role_count(work->profile, relation->child, relation->parent) > 1
                           ? arena_printf(plan_arena(plan), "%s_by_%s", parent->table->name, child->columns[relation->child_columns[0]].name)
                           : parent->table->name;
    if (via[0] != '\0' && role != parent->table->name)
        role = arena_printf(plan_arena(plan), "%s_%s", via, role);
    for (size_t c = 0; c < count; c++)
        if (!mart_column_is_key(work->profile, relation->parent, c))
            (void)add_column(work, walk->found, column_name(work, inner, parent->table->schema.columns[c].name), relation->parent, c, role);
    walk->found->used[relation->parent] = true;
    join_from(walk, relation->parent, inner, role, depth + 1);
}

static void join_from(struct walk *walk, size_t table, const char *prefix, const char *via, int depth)
{
    const struct profile *profile = walk->work->profile;
    if (depth > MART_LIMIT_HOPS)
        return;
    walk->on_path[table] = true;
    for (size_t i = 0; i < profile->relation_count; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        if (relation->child != table || !mart_relation_usable(profile, relation))
            continue;
        if (walk->on_path[relation->parent] || (walk->skip != NULL && walk->skip[relation->parent]))
            continue;
        /* A dimension reached once by another way is not joined again at a deeper hop. */
        if (depth > 0 && walk->found->used[relation->parent])
            continue;
        join_one(walk, relation, prefix, via, depth);
    }
    walk->on_path[table] = false;
}

const struct plan_rel *mart_join_dimensions(struct mart_work *work, const struct plan_rel *base, size_t start_table, const bool *skip, struct mart_dimensions *ret)
{
    size_t count = work->profile->table_count;
    struct walk walk = {work, ret, skip, arena_array(plan_arena(work->plan), count, sizeof(bool)), base};
    memset(ret, 0, sizeof *ret);
    ret->used = arena_array(plan_arena(work->plan), count, sizeof(bool));
    if (ret->used == NULL || walk.on_path == NULL)
        return NULL;
    join_from(&walk, start_table, "", "", 0);
    return walk.base;
}
