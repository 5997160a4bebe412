/* Dimensions: what a row refers to. Every table reached by n:1 relations is joined through, hop by
 * hop; the row count cannot change.
 *
 *   labs ──item_id──▶ lab_items        columns lab_items__label, lab_items__unit …
 *   admissions ──attending_id──▶ providers ──department_id──▶ departments     (two hops)
 *
 * A dimension is joined by its shortest way. Where several references of that length lead to it
 * (roles), it is joined once for each, as providers_by_attending_id, and so is what that role
 * refers to in turn. */
#include "mart/mart_priv.h"

#include <string.h>

const struct plan_rel *mart_scan(struct mart_work *work, size_t table)
{
    const struct store_table *t = work->profile->tables[table].table;
    return plan_scan(work->plan, t->name, &t->schema);
}

static bool add_column(struct mart_work *work, struct mart_dimensions *dimensions,
                       const char *source, size_t table, size_t column, const char *via)
{
    if (dimensions->count == dimensions->cap) {
        size_t cap = dimensions->cap == 0 ? 32 : dimensions->cap * 2;
        struct mart_dimension_column *grown =
            arena_array(plan_arena(work->plan), cap, sizeof *grown);
        if (grown == NULL)
            return false;
        if (dimensions->count > 0)
            memcpy(grown, dimensions->columns, dimensions->count * sizeof *grown);
        dimensions->columns = grown;
        dimensions->cap = cap;
    }
    dimensions->columns[dimensions->count++] =
        (struct mart_dimension_column){source, table, column, via};
    return true;
}

/* A table reached, whose own references are still to be followed. */
struct reached {
    size_t table;
    const char *prefix; /* of its columns in the joined relation */
    const char *via;    /* name it goes by */
    bool
        role; /* reached by one of several references: what it refers to belongs to that role too */
};
struct walk {
    struct mart_work *work;
    struct mart_dimensions *found;
    const bool *skip;
    const struct plan_rel *base;
    int *level; /* per table: relations from the start, by the shortest way; -1 = not reached */
    size_t *references; /* per table: references that reach it at that level */
    struct reached *queue;
    size_t count;
};

static const char *column_name(struct mart_work *work, const char *prefix, const char *name)
{
    return prefix[0] == '\0' ? name : arena_printf(plan_arena(work->plan), "%s%s", prefix, name);
}

static void reach(struct walk *walk, struct reached at)
{
    if (walk->count < MART_LIMIT_DIMENSIONS)
        walk->queue[walk->count++] = at;
}

/* Breadth first over the tables: how far each is, and by how many references of that length. */
static void measure(struct walk *walk, size_t start)
{
    const struct profile *profile = walk->work->profile;
    const struct profile_relation *roles[MART_LIMIT_ROLES];
    for (size_t t = 0; t < profile->table_count; t++)
        walk->level[t] = t == start ? 0 : -1;
    for (int level = 0; level < MART_LIMIT_HOPS; level++) {
        for (size_t child = 0; child < profile->table_count; child++) {
            for (size_t parent = 0; walk->level[child] == level && parent < profile->table_count;
                 parent++) {
                bool open = walk->level[parent] < 0 || walk->level[parent] == level + 1;
                size_t count =
                    open && !walk->skip[parent] ? mart_roles(profile, child, parent, roles) : 0;
                walk->references[parent] += count;
                if (count > 0)
                    walk->level[parent] = level + 1;
            }
        }
    }
}

/* Join the parent's columns under a prefix of their own. */
static void join_side(struct walk *walk, const struct profile_relation *relation,
                      const char *prefix, const char *inner)
{
    struct mart_work *work = walk->work;
    struct plan *plan = work->plan;
    const struct profile_table *child = &work->profile->tables[relation->child],
                               *parent = &work->profile->tables[relation->parent];
    const struct plan_rel *scan = mart_scan(work, relation->parent);
    size_t count = parent->table->schema.count;
    struct plan_named *outputs = arena_array(plan_arena(plan), count, sizeof *outputs);
    const struct plan_expr *left[MART_LIMIT_KEY_COLUMNS], *right[MART_LIMIT_KEY_COLUMNS];
    for (size_t c = 0; outputs != NULL && c < count; c++) {
        const char *name = parent->table->schema.columns[c].name;
        outputs[c] =
            (struct plan_named){column_name(work, inner, name), plan_column(plan, scan, name)};
    }
    const struct plan_rel *side = outputs != NULL ? plan_project(plan, scan, outputs, count) : NULL;
    for (size_t k = 0; k < relation->column_count; k++) {
        left[k] =
            plan_column(plan, walk->base,
                        column_name(work, prefix, child->columns[relation->child_columns[k]].name));
        right[k] = plan_column_right(
            plan, side,
            column_name(work, inner, parent->columns[relation->parent_columns[k]].name));
    }
    walk->base = plan_join(plan, PLAN_JOIN_LEFT, walk->base, side, left, right,
                           relation->column_count, NULL);
}

/* An event keeps the key of its patient where other tables lie between. */
static bool is_person_key(const struct mart_work *work, size_t table, size_t column)
{
    for (size_t k = 0; table == work->person.table && k < work->person.key_count; k++)
        if (work->person.key[k] == column)
            return true;
    return false;
}

static bool is_shown(const struct mart_work *work, size_t table, size_t column, int level)
{
    const struct profile_column *c = &work->profile->tables[table].columns[column];
    if (level > 1 && is_person_key(work, table, column))
        return true;
    bool names_the_row =
        c->unique && c->role == PROFILE_IDENTIFIER; /* row numbers of a dictionary tell nothing */
    return !names_the_row && !mart_column_is_key(work->profile, table, column);
}

static void join_one(struct walk *walk, const struct profile_relation *relation, struct reached at)
{
    struct mart_work *work = walk->work;
    struct arena *arena = plan_arena(work->plan);
    const struct profile_table *child = &work->profile->tables[relation->child],
                               *parent = &work->profile->tables[relation->parent];
    const char *inner = arena_printf(arena, "d%zu_", ++work->joins),
               *by = child->columns[relation->child_columns[0]].name;
    int level = walk->level[relation->parent];
    if (inner == NULL)
        return;
    join_side(walk, relation, at.prefix, inner);
    bool role = walk->references[relation->parent] > 1;
    const char *via = parent->table->name;
    if (role)
        via = level > 1 ? arena_printf(arena, "%s_by_%s_%s", via, child->table->name, by)
                        : arena_printf(arena, "%s_by_%s", via, by);
    if (at.role)
        via = arena_printf(arena, "%s_%s", at.via, via);
    for (size_t c = 0; c < parent->table->schema.count; c++)
        if (is_shown(work, relation->parent, c, level))
            (void)add_column(work, walk->found,
                             column_name(work, inner, parent->table->schema.columns[c].name),
                             relation->parent, c, via);
    walk->found->used[relation->parent] = true;
    reach(walk, (struct reached){relation->parent, inner, via, role || at.role});
}

static void join_from(struct walk *walk, struct reached at)
{
    const struct profile *profile = walk->work->profile;
    const struct profile_relation *roles[MART_LIMIT_ROLES];
    for (size_t parent = 0; parent < profile->table_count; parent++) {
        bool next = walk->level[parent] == walk->level[at.table] + 1;
        size_t count = next ? mart_roles(profile, at.table, parent, roles) : 0;
        for (size_t r = 0; r < count; r++)
            join_one(walk, roles[r], at);
    }
}

const struct plan_rel *mart_join_dimensions(struct mart_work *work, const struct plan_rel *base,
                                            size_t start_table, const bool *skip,
                                            struct mart_dimensions *ret)
{
    struct arena *arena = plan_arena(work->plan);
    size_t tables = work->profile->table_count;
    struct walk walk = {.work = work, .found = ret, .skip = skip, .base = base};
    memset(ret, 0, sizeof *ret);
    ret->used = arena_array(arena, tables, sizeof(bool));
    walk.level = arena_array(arena, tables, sizeof *walk.level);
    walk.references = arena_array(arena, tables, sizeof *walk.references);
    walk.queue = arena_array(arena, MART_LIMIT_DIMENSIONS, sizeof *walk.queue);
    if (ret->used == NULL || walk.level == NULL || walk.references == NULL || walk.queue == NULL)
        return NULL;
    measure(&walk, start_table);
    reach(&walk, (struct reached){.table = start_table, .prefix = "", .via = ""});
    for (size_t next = 0; next < walk.count; next++)
        join_from(&walk, walk.queue[next]);
    return walk.base;
}
