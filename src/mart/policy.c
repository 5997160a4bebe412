/* Which aggregates a column gets. Policy is data: one line per column role, overridable per table
 * and column, and part of the plan (so of the run id). A code or an identifier is never averaged:
 * asking for it is refused. An override is a list of aggregates, or an object that says how the
 * column is taken by kind (kinds.c):
 *
 *     {"labs": {"value_num": {"by": "item_id", "kinds": ["Glucose"], "aggregates": ["mean"]}},
 *      "*": {"*": {"cap": 10}}} */
#include "mart/mart_priv.h"

#include <stdio.h>
#include <string.h>

#define BIT(name) (1u << MART_AGGREGATE_##name)

static const char *const aggregate_names[MART_AGGREGATE_END] = {
    "count", "distinct", "mean", "sd",   "min",    "max",
    "sum",   "first",    "last", "mode", "levels", "days_since",
};

/* role → aggregates by default, and those that may be asked for. */
static const struct {
    enum profile_column_role role;
    unsigned usual, allowed;
} policy_table[] = {
    {PROFILE_MEASURE,
     BIT(COUNT) | BIT(MEAN) | BIT(SD) | BIT(MIN) | BIT(MAX) | BIT(SUM) | BIT(FIRST) | BIT(LAST),
     BIT(COUNT) | BIT(DISTINCT) | BIT(MEAN) | BIT(SD) | BIT(MIN) | BIT(MAX) | BIT(SUM) |
         BIT(FIRST) | BIT(LAST) | BIT(MODE)},
    {PROFILE_DATE, BIT(MIN) | BIT(MAX) | BIT(FIRST) | BIT(LAST) | BIT(DAYS_SINCE),
     BIT(COUNT) | BIT(DISTINCT) | BIT(MIN) | BIT(MAX) | BIT(FIRST) | BIT(LAST) | BIT(DAYS_SINCE)},
    {PROFILE_CODE, BIT(COUNT) | BIT(DISTINCT) | BIT(MODE),
     BIT(COUNT) | BIT(DISTINCT) | BIT(MODE) | BIT(FIRST) | BIT(LAST) | BIT(LEVELS)},
    {PROFILE_CATEGORY, BIT(LEVELS),
     BIT(COUNT) | BIT(DISTINCT) | BIT(MODE) | BIT(FIRST) | BIT(LAST) | BIT(LEVELS)},
    {PROFILE_IDENTIFIER, BIT(DISTINCT), BIT(COUNT) | BIT(DISTINCT)},
    {PROFILE_TEXT, BIT(COUNT), BIT(COUNT) | BIT(DISTINCT) | BIT(MODE) | BIT(FIRST) | BIT(LAST)},
    {PROFILE_CONSTANT, BIT(COUNT),
     BIT(COUNT) | BIT(DISTINCT) | BIT(FIRST) | BIT(LAST) | BIT(LEVELS)},
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

/* Member of an object by name without ASCII case; NULL: none. */
static const json_t *member(const json_t *object, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (str_equal_nocase(str_of(key), str_of(name)))
            return value;
    }
    return NULL;
}

#define KIND_USUAL (BIT(COUNT) | BIT(MEAN) | BIT(MIN) | BIT(MAX) | BIT(FIRST) | BIT(LAST))
#define KIND_ALLOWED (KIND_USUAL | BIT(DISTINCT) | BIT(SD) | BIT(SUM) | BIT(MODE))

/* Bits of a list of aggregates; *ret_first_refused is the first outside allowed, or
 * MART_AGGREGATE_END. */
static enum err_code read_list(const json_t *list, unsigned allowed, const char *where,
                               unsigned *ret, unsigned *ret_first_refused, struct err *err)
{
    size_t idx;
    json_t *item;
    *ret = 0;
    *ret_first_refused = MART_AGGREGATE_END;
    if (!json_is_array(list))
        return err_set(err, ERR_INPUT, "policy for %s must be a list of aggregates, or an object",
                       where);
    json_array_foreach((json_t *)(uintptr_t)list, idx, item)
    {
        const char *name = json_is_string(item) ? json_string_value(item) : "";
        unsigned kind = 0;
        while (kind < MART_AGGREGATE_END && strcmp(aggregate_names[kind], name) != 0)
            kind++;
        if (kind == MART_AGGREGATE_END) {
            err_set(err, ERR_INPUT, "policy for %s: unknown aggregate '%s'", where, name);
            return err_hint(
                err, "known: count distinct mean sd min max sum first last mode levels days_since");
        }
        if ((allowed & (1u << kind)) != 0)
            *ret |= 1u << kind;
        else if (*ret_first_refused == MART_AGGREGATE_END)
            *ret_first_refused = kind;
    }
    return ERR_OK;
}

/* The entry closest to the column: table.column, table.*, *.column, *.*. */
static const json_t *closest(const json_t *policy, const char *table, const char *column,
                             bool *ret_by_name)
{
    const json_t *scopes[] = {member(policy, table), json_object_get(policy, "*")};
    for (size_t i = 0; i < 2; i++) {
        const json_t *named = member(scopes[i], column), *any = json_object_get(scopes[i], "*");
        *ret_by_name = named != NULL && i == 0;
        if (named != NULL || any != NULL)
            return named != NULL ? named : any;
    }
    return NULL;
}

enum err_code mart_policy_for(const json_t *policy, const struct profile_table *table,
                              const struct profile_column *column, unsigned *ret,
                              bool *ret_by_policy, struct err *err)
{
    bool by_name = false;
    char where[600];
    unsigned refused = MART_AGGREGATE_END;
    const json_t *list = closest(policy, table->table->name, column->name, &by_name);
    *ret_by_policy = json_is_array(list);
    *ret = usual_of(column->role);
    if (list == NULL || json_is_object(list))
        return ERR_OK;
    (void)snprintf(where, sizeof where, "%.250s.%.250s", table->table->name, column->name);
    TRY(read_list(list, allowed_of(column->role), where, ret, &refused, err));
    if (!by_name || refused == MART_AGGREGATE_END)
        return ERR_OK; /* "*" asks for what fits: only an entry by name is refused when it does not
                        */
    err_set(err, ERR_INPUT, "policy for %s: '%s' does not apply to a column of role %s", where,
            aggregate_names[refused], profile_column_role_text(column->role));
    return err_hint(err, "a code or an identifier is never averaged; if the column is a measure, "
                         "import it with a numeric type");
}

/* One member of the object that says how a column is taken by kind. */
static enum err_code read_kind_member(const char *where, const char *key, const json_t *value,
                                      struct mart_kind_policy *ret, struct err *err)
{
    unsigned *bits = strcmp(key, "aggregates") == 0 ? &ret->aggregates
                     : strcmp(key, "whole") == 0    ? &ret->whole
                                                    : NULL;
    if (bits != NULL) {
        unsigned refused = MART_AGGREGATE_END;
        TRY(read_list(value, KIND_ALLOWED, where, bits, &refused, err));
        if (refused != MART_AGGREGATE_END)
            return err_set(err, ERR_INPUT, "policy for %s: '%s' is not to be had by kind", where,
                           aggregate_names[refused]);
        return ERR_OK;
    }
    if (strcmp(key, "by") == 0 && (json_is_null(value) || json_is_string(value))) {
        ret->off = json_is_null(value);
        ret->by = json_string_value(value);
        return ERR_OK;
    }
    if (strcmp(key, "cap") == 0 && json_is_integer(value) && json_integer_value(value) >= 1 &&
        json_integer_value(value) <= MART_LIMIT_KINDS) {
        ret->cap = json_integer_value(value);
        return ERR_OK;
    }
    bool texts = strcmp(key, "kinds") == 0 && json_array_size(value) > 0;
    for (size_t i = 0; texts && i < json_array_size(value); i++)
        texts = json_is_string(json_array_get(value, i));
    if (texts) {
        ret->kinds = value;
        return ERR_OK;
    }
    err_set(err, ERR_INPUT, "policy for %s: '%s' is not understood", where, key);
    return err_hint(err, "the form is {\"by\": COLUMN or null, \"kinds\": [texts], \"cap\": n, "
                         "\"aggregates\": [by kind], \"whole\": [over all kinds]}");
}

static enum err_code read_kind_policy(const char *where, const json_t *object,
                                      struct mart_kind_policy *ret, struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
        TRY(read_kind_member(where, key, value, ret, err));
    return ERR_OK;
}

enum err_code mart_policy_kinds(const json_t *policy, const struct profile_table *table,
                                const struct profile_column *column, struct mart_kind_policy *ret,
                                struct err *err)
{
    char where[600];
    bool by_name = false;
    const json_t *entry = closest(policy, table->table->name, column->name, &by_name);
    *ret = (struct mart_kind_policy){
        .cap = MART_KIND_CAP, .aggregates = KIND_USUAL, .whole = BIT(COUNT)};
    ret->off = json_is_array(entry); /* a list is what is wanted of the column as a whole */
    if (!json_is_object(entry))
        return ERR_OK;
    ret->by_name = by_name;
    (void)snprintf(where, sizeof where, "%.250s.%.250s", table->table->name, column->name);
    return read_kind_policy(where, entry, ret, err);
}

static bool any_table_has(const struct profile *profile, const char *column)
{
    for (size_t i = 0; i < profile->table_count; i++)
        if (data_schema_find(&profile->tables[i].table->schema, str_of(column)) >= 0)
            return true;
    return false;
}

/* Every name and list of one table's entries; table NULL = "*". A list by name is checked against
 * its column even where no mart reads it. */
static enum err_code check_columns(const json_t *columns, const struct profile *profile,
                                   const struct profile_table *table, const char *table_name,
                                   struct err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)columns, key, value)
    {
        unsigned bits = 0, refused = 0;
        bool by_policy = false;
        int column = table != NULL ? data_schema_find(&table->table->schema, str_of(key)) : -1;
        struct mart_kind_policy kinds = {0};
        if (json_is_object(value))
            TRY(read_kind_policy(key, value, &kinds, err));
        else
            TRY(read_list(value, ~0u, key, &bits, &refused, err));
        if (strcmp(key, "*") == 0 || (table == NULL && any_table_has(profile, key)))
            continue;
        if (column < 0)
            return err_set(err, ERR_INPUT, "policy names column '%s', which %s%s", key,
                           table == NULL ? "no table has" : "is not in table ",
                           table == NULL ? "" : table_name);
        json_t *one = json_pack("{s:{s:O}}", table->table->name, key, value);
        enum err_code code = one == NULL ? err_set(err, ERR_MEMORY, "no memory for the policy")
                                         : mart_policy_for(one, table, &table->columns[column],
                                                           &bits, &by_policy, err);
        json_decref(one);
        TRY(code);
    }
    return ERR_OK;
}

enum err_code mart_policy_check(const json_t *policy, const struct profile *profile,
                                struct err *err)
{
    const char *key;
    json_t *columns;
    if (policy == NULL)
        return ERR_OK;
    if (!json_is_object(policy))
        return err_set(err, ERR_INPUT,
                       "a policy must be an object {table: {column: [aggregates]}}");
    json_object_foreach((json_t *)(uintptr_t)policy, key, columns)
    {
        size_t table = 0;
        bool any = strcmp(key, "*") == 0;
        if (!json_is_object(columns))
            return err_set(err, ERR_INPUT,
                           "policy for table '%s' must be an object {column: [aggregates]}", key);
        if (!any && mart_table_find(profile, key, &table, err) != ERR_OK)
            return err_set(err, ERR_INPUT,
                           "policy names table '%s', which this version does not have", key);
        TRY(check_columns(columns, profile, any ? NULL : &profile->tables[table], key, err));
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
    json_put_int(policy, "kind_cap", MART_KIND_CAP, ok);
    json_put(policy, "overrides", overrides != NULL ? json_deep_copy(overrides) : json_object(),
             ok);
    return policy;
}
