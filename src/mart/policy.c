/* Which aggregates a column gets. Policy is data: one line per column role, overridable per table and column, and part of the plan
 * (so of the run id). A code or an identifier is never averaged: asking for it is refused. */
#include "mart/mart_priv.h"

#include <string.h>

#define BIT(name) (1u << MART_AGGREGATE_##name)

static const char *const aggregate_names[MART_AGGREGATE_END] = {
    "count", "distinct", "mean", "sd", "min", "max", "sum", "first", "last", "mode", "levels", "days_since",
};

/* role → aggregates by default, and those that may be asked for. */
static const struct {
    enum profile_column_role role;
    unsigned usual, allowed;
} policy_table[] = {
    {PROFILE_MEASURE, BIT(COUNT) | BIT(MEAN) | BIT(SD) | BIT(MIN) | BIT(MAX) | BIT(SUM) | BIT(FIRST) | BIT(LAST),
     BIT(COUNT) | BIT(DISTINCT) | BIT(MEAN) | BIT(SD) | BIT(MIN) | BIT(MAX) | BIT(SUM) | BIT(FIRST) | BIT(LAST) | BIT(MODE)},
    {PROFILE_DATE, BIT(MIN) | BIT(MAX) | BIT(FIRST) | BIT(LAST) | BIT(DAYS_SINCE),
     BIT(COUNT) | BIT(DISTINCT) | BIT(MIN) | BIT(MAX) | BIT(FIRST) | BIT(LAST) | BIT(DAYS_SINCE)},
    {PROFILE_CODE, BIT(COUNT) | BIT(DISTINCT) | BIT(MODE), BIT(COUNT) | BIT(DISTINCT) | BIT(MODE) | BIT(FIRST) | BIT(LAST) | BIT(LEVELS)},
    {PROFILE_CATEGORY, BIT(LEVELS), BIT(COUNT) | BIT(DISTINCT) | BIT(MODE) | BIT(FIRST) | BIT(LAST) | BIT(LEVELS)},
    {PROFILE_IDENTIFIER, BIT(DISTINCT), BIT(COUNT) | BIT(DISTINCT)},
    {PROFILE_TEXT, BIT(COUNT), BIT(COUNT) | BIT(DISTINCT) | BIT(MODE) | BIT(FIRST) | BIT(LAST)},
    {PROFILE_CONSTANT, BIT(COUNT), BIT(COUNT) | BIT(DISTINCT) | BIT(FIRST) | BIT(LAST) | BIT(LEVELS)},
};
#define ROLE_COUNT (sizeof policy_table / sizeof *policy_table)

const char *mart_aggregate_text(enum mart_aggregate_kind kind)
{
    return aggregate_names[kind];
}

static unsigned usual_of(enum profile_column_role role)
{
    for (size_t i = 0; i < ROLE_COUNT; i++)
        if (policy_table[i].role == role)
            return policy_table[i].usual;
    return 0;
}

static unsigned allowed_of(enum profile_column_role role)
{
    for (size_t i = 0; i < ROLE_COUNT; i++)
        if (policy_table[i].role == role)
            return policy_table[i].allowed;
    return 0;
}

/* Member of an object by name without ASCII case, else "*". */
static const json_t *member(const json_t *object, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (str_equal_nocase(str_of(key), str_of(name)))
            return value;
    }
    return json_object_get(object, "*");
}

static enum err_code read_list(const json_t *list, const char *table, const struct profile_column *column, unsigned *ret, struct err *err)
{
    size_t idx;
    json_t *item;
    *ret = 0;
    json_array_foreach((json_t *)(uintptr_t)list, idx, item) {
        const char *name = json_is_string(item) ? json_string_value(item) : "";
        unsigned kind = 0;
        while (kind < MART_AGGREGATE_END && strcmp(aggregate_names[kind], name) != 0)
            kind++;
        if (kind == MART_AGGREGATE_END) {
            err_set(err, ERR_INPUT, "policy for %s.%s: unknown aggregate '%s'", table, column->name, name);
            return err_hint(err, "known: count distinct mean sd min max sum first last mode levels days_since");
        }
        if ((allowed_of(column->role) & (1u << kind)) == 0) {
            err_set(err, ERR_INPUT, "policy for %s.%s: '%s' does not apply to a column of role %s", table, column->name, name, profile_column_role_text(column->role));
            return err_hint(err, "a code or an identifier is never averaged; if the column is a measure, import it with a numeric type");
        }
        *ret |= 1u << kind;
    }
    return ERR_OK;
}

enum err_code mart_policy_for(const json_t *policy, const struct profile_table *table, const struct profile_column *column, unsigned *ret, struct err *err)
{
    *ret = usual_of(column->role);
    const json_t *columns = member(policy, table->table->name);
    const json_t *list = columns != NULL ? member(columns, column->name) : NULL;
    if (list == NULL)
        return ERR_OK;
    if (!json_is_array(list))
        return err_set(err, ERR_INPUT, "policy for %s.%s must be a list of aggregates", table->table->name, column->name);
    /* "*" asks for what fits: only an entry by name is refused when it does not. */
    bool by_name = json_object_get(columns, column->name) != NULL;
    if (by_name)
        return read_list(list, table->table->name, column, ret, err);
    unsigned asked = 0;
    size_t idx;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, idx, item) {
        for (unsigned kind = 0; kind < MART_AGGREGATE_END; kind++)
            if (json_is_string(item) && strcmp(aggregate_names[kind], json_string_value(item)) == 0)
                asked |= 1u << kind;
    }
    *ret = asked & allowed_of(column->role);
    return ERR_OK;
}

static enum err_code check_columns(const json_t *columns, const struct profile_table *table, const char *table_name, struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)columns, key, value) {
        if (strcmp(key, "*") == 0 || (table != NULL && data_schema_find(&table->table->schema, str_of(key)) >= 0))
            continue;
        if (table == NULL)
            continue; /* "*" table: the column may be anywhere */
        return err_set(err, ERR_INPUT, "policy names column '%s', which table '%s' does not have", key, table_name);
    }
    return ERR_OK;
}

enum err_code mart_policy_check(const json_t *policy, const struct profile *profile, struct err *err)
{
    const char *key;
    json_t *columns;
    if (policy == NULL)
        return ERR_OK;
    if (!json_is_object(policy))
        return err_set(err, ERR_INPUT, "a policy must be an object {table: {column: [aggregates]}}");
    json_object_foreach((json_t *)(uintptr_t)policy, key, columns) {
        size_t table = 0;
        if (!json_is_object(columns))
            return err_set(err, ERR_INPUT, "policy for table '%s' must be an object {column: [aggregates]}", key);
        if (strcmp(key, "*") != 0)
            TRY(mart_table_find(profile, key, &table, err));
        TRY(check_columns(columns, strcmp(key, "*") == 0 ? NULL : &profile->tables[table], key, err));
    }
    return ERR_OK;
}

json_t *mart_policy_json(const json_t *overrides, bool *ok)
{
    json_t *policy = json_object(), *roles = json_object();
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        json_t *list = json_array();
        for (unsigned kind = 0; kind < MART_AGGREGATE_END; kind++)
            if ((policy_table[i].usual & (1u << kind)) != 0)
                json_push_text(list, aggregate_names[kind], ok);
        json_put(roles, profile_column_role_text(policy_table[i].role), list, ok);
    }
    json_put(policy, "roles", roles, ok);
    json_put_int(policy, "level_cap", MART_LEVEL_CAP, ok);
    json_put(policy, "overrides", overrides != NULL ? json_deep_copy(overrides) : json_object(), ok);
    return policy;
}
