/* One random change to a plan's JSON: all places that could change are counted, one is drawn. */
#include <string.h>

#include "equivalent.h"
#include "plan/plan_priv.h"

struct mutation {
    uint64_t *state;
    size_t count, wish; /* places seen; the one to change (SIZE_MAX: count only) */
    const char *columns[256];
    size_t column_count;
    bool ok;
};

static const char *const SWAPS[][2] = {{"eq", "ne"},
                                       {"lt", "le"},
                                       {"gt", "ge"},
                                       {"ge", "lt"},
                                       {"and", "or"},
                                       {"add", "sub"},
                                       {"min", "max"},
                                       {"sum", "max"},
                                       {"count", "count_distinct"},
                                       {"lower", "upper"},
                                       {"is_null", "is_not_null"},
                                       {"year", "month"},
                                       {"rank", "dense_rank"},
                                       {"lag", "lead"},
                                       {"first_by", "last_by"},
                                       {"least", "greatest"},
                                       {"bool_and", "bool_or"},
                                       {"is_distinct_from", "ne"},
                                       {"count_rows", "row_number"},
                                       {"left", "right"},
                                       {"floor", "ceil"},
                                       {"abs", "neg"},
                                       {"inner", "left"},
                                       {"left", "inner"},
                                       {"semi", "anti"},
                                       {"day", "hour"},
                                       {"trunc_month", "trunc_year"},
                                       {"first_value", "last_value"}};
static const char *swapped(const char *name)
{
    for (size_t i = 0; i < sizeof SWAPS / sizeof SWAPS[0]; i++)
        for (size_t side = 0; side < 2; side++)
            if (strcmp(SWAPS[i][side], name) == 0)
                return SWAPS[i][1 - side];
    return NULL;
}

static bool here(struct mutation *m)
{
    return m->count++ == m->wish;
}
static void change_literal(struct mutation *m, json_t *object)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    struct data_type type;
    const char *name = json_text(object, "type", "bigint");
    if (data_type_parse(str_of(name), &type, ERR_IGNORED) != ERR_OK)
        return;
    json_put_text(object, "literal", random_text(plan, m->state, type), &m->ok);
}
static void change_text(json_t *object, const char *key, const char *text, struct mutation *m)
{
    if (text != NULL && here(m))
        json_put_text(object, key, text, &m->ok);
}
static void change_flag(json_t *object, const char *key, struct mutation *m)
{
    if (here(m))
        json_put_flag(object, key, !json_flag(object, key, false), &m->ok);
}

static void walk(struct mutation *m, json_t *json);

static void walk_object(struct mutation *m, json_t *json)
{
    const char *const CALLS[] = {"call", "aggregate", "window", "join"};
    if (json_object_get(json, "literal") != NULL && here(m))
        change_literal(m, json);
    for (size_t i = 0; i < 4; i++)
        if (json_text(json, CALLS[i], NULL) != NULL)
            change_text(json, CALLS[i], swapped(json_text(json, CALLS[i], "")), m);
    if (json_text(json, "column", NULL) != NULL && m->column_count > 0 && here(m))
        json_put_text(json, "column", m->columns[random_below(m->state, (uint32_t)m->column_count)],
                      &m->ok);
    if (json_object_get(json, "by") != NULL) {
        change_flag(json, "descending", m);
        change_flag(json, "nulls_first", m);
    }
    if (strcmp(json_text(json, "node", ""), "explode") == 0)
        change_flag(json, "keep_empty", m);
    if (json_object_get(json, "limit") != NULL && here(m))
        json_put_int(json, "limit", json_int(json, "limit", 0) + 1, &m->ok);
    json_t *args = json_object_get(json, "args");
    const char *call = json_text(json, "call", "");
    if ((strcmp(call, "and") == 0 || strcmp(call, "or") == 0) && json_array_size(args) > 1 &&
        here(m))
        (void)json_array_remove(args, random_below(m->state, (uint32_t)json_array_size(args)));
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value) if (strcmp(key, "columns") != 0) walk(m, value);
}
static void walk(struct mutation *m, json_t *json)
{
    size_t i;
    json_t *value;
    if (json_is_object(json))
        walk_object(m, json);
    else if (json_is_array(json))
        json_array_foreach(json, i, value) walk(m, value);
}

static void find_columns(struct mutation *m, const json_t *json)
{
    size_t i;
    const char *key;
    json_t *value;
    const char *name = json_is_object(json) ? json_text(json, "column", NULL) : NULL;
    if (name != NULL && m->column_count < 256)
        m->columns[m->column_count++] = name;
    if (json_is_array(json))
        json_array_foreach(json, i, value) find_columns(m, value);
    else if (json_is_object(json))
        json_object_foreach((json_t *)(uintptr_t)json, key, value) find_columns(m, value);
}

bool plan_mutate(json_t *plan, uint64_t *state)
{
    json_t *nodes = json_object_get(plan, "nodes"), *original = json_deep_copy(plan);
    struct mutation m = {.state = state, .wish = SIZE_MAX, .ok = true};
    find_columns(&m, original); /* whose names stay while plan changes */
    walk(&m, nodes);
    if (m.count > 0) {
        m.wish = random_below(state, (uint32_t)m.count);
        m.count = 0;
        walk(&m, nodes);
    }
    json_decref(original);
    return m.ok && m.count > 0;
}
