/* The registry: how each table of a dataset is to be read, and who decides it.
 *
 *     plan's scan   {"options": {"pruning": "off"}}                    ← wins
 *     dataset.json  {"registry": {"labs": {"pruning": ["year"]}}}      a table's own
 *     dataset.json  {"registry": {"*": {"schema_policy": "add"}}}      all tables'
 *     the table     {"schema_policy": "exact"}                         as it was registered
 *     default       pruning on, schema_policy exact, sort_order none
 *
 * The one idea: a setting is one line of a table here, and every answer says from where its value
 * comes. None of them changes what rows a table has: at most, that it is refused. */
#include <stdio.h>
#include <string.h>

#include "store/place_priv.h"

#define ALL_TABLES "*"
#define LIMIT_LIST 100 /* columns in one setting */

enum kind { KIND_FIXED, KIND_POLICY, KIND_PRUNING, KIND_COLUMNS };
static const struct setting {
    const char *key;
    enum kind kind;
    bool by_plan;      /* a plan's scan may say it too */
    bool needs_table;  /* it names columns */
    const char *words; /* for hints */
} settings[] = {
    {"format", KIND_FIXED, false, true, "what the files are"},
    {"partition_columns", KIND_FIXED, false, true, "the keys of the folders"},
    {"sort_order", KIND_COLUMNS, false, true, "columns, such as subject_id,charttime"},
    {"pruning", KIND_PRUNING, true, false, "on, off or the columns to prune by"},
    {"schema_policy", KIND_POLICY, true, false, "exact, add or any"},
};

static const struct setting *find_setting(const char *key)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (strcmp(settings[i].key, key) == 0)
            return &settings[i];
    return NULL;
}

/* ---- precedence --------------------------------------------------------------------------------
 */

static const json_t *member_nocase(const json_t *object, const char *name)
{
    json_t *walked, *value;
    const char *key;
    memcpy(&walked, &object, sizeof walked);
    json_object_foreach(walked, key, value)
    {
        if (str_equal_nocase(str_of(key), str_of(name)))
            return value;
    }
    return NULL;
}

static json_t *default_of(const struct setting *setting)
{
    switch (setting->kind) {
    case KIND_FIXED:
        return strcmp(setting->key, "format") == 0 ? json_string("duckdb") : json_array();
    case KIND_POLICY:
        return json_string("exact");
    case KIND_PRUNING:
        return json_string("on");
    case KIND_COLUMNS:
        return json_array();
    }
    return NULL;
}

static void resolve_one(const struct setting *setting, const json_t *plan, const json_t *dataset,
                        const json_t *place, const char *table, json_t *ret, bool *ok)
{
    const json_t *registry = json_object_get(dataset, "registry");
    const bool fixed = setting->kind == KIND_FIXED;
    const struct {
        const json_t *from;
        const char *words;
    } order[] = {
        {setting->by_plan ? member_nocase(plan, table) : NULL, "plan"},
        {fixed ? NULL : member_nocase(registry, table), "table"},
        {fixed ? NULL : json_object_get(registry, ALL_TABLES), "dataset"},
        {place, "registered"},
    };
    json_t *one = json_object();
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const json_t *value = json_object_get(order[i].from, setting->key);
        if (value == NULL)
            continue;
        json_put(one, "value", json_deep_copy(value), ok);
        json_put_text(one, "from", order[i].words, ok);
        json_put(ret, setting->key, one, ok);
        return;
    }
    json_put(one, "value", default_of(setting), ok);
    json_put_text(one, "from", "default", ok);
    json_put(ret, setting->key, one, ok);
}

enum err_code store_registry_resolve(const json_t *plan, const json_t *dataset, const json_t *place,
                                     const char *table, json_t **ret, struct err *err)
{
    bool ok = true;
    *ret = json_object();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        resolve_one(&settings[i], plan, dataset, place, table, *ret, &ok);
    return json_built(ok, err);
}

const json_t *store_registry_value(const json_t *resolved, const char *key)
{
    return json_object_get(json_object_get(resolved, key), "value");
}

/* ---- values ------------------------------------------------------------------------------------
 */

static enum err_code refuse(const struct setting *setting, const char *found, struct err *err)
{
    (void)err_set(err, ERR_USAGE, "%s: expected %s, found '%.100s'", setting->key, setting->words,
                  found);
    return err_hint(err, "marrow help registry tells what each setting does");
}

static enum err_code column_list(const struct setting *setting, const char *text,
                                 const struct data_schema *schema, json_t **ret, struct err *err)
{
    bool ok = true;
    JSON_AUTO list = json_array();
    for (const char *at = text; *at != '\0';) {
        size_t length = strcspn(at, ",");
        struct str name = str_trim((struct str){at, length});
        int idx = schema == NULL ? -1 : data_schema_find(schema, name);
        if (idx < 0) {
            (void)err_set(err, ERR_INPUT, "%s: the table has no column %.*s", setting->key,
                          (int)(name.len < 100 ? name.len : 100), name.ptr);
            return err_hint(err, "%s", setting->words);
        }
        if (json_array_size(list) >= LIMIT_LIST)
            return err_set(err, ERR_LIMIT, "%s: more than %d columns", setting->key, LIMIT_LIST);
        json_push_text(list, schema->columns[idx].name, &ok);
        at += length + (at[length] == ',');
    }
    TRY(json_built(ok && list != NULL, err));
    *ret = json_incref(list);
    return ERR_OK;
}

enum err_code store_registry_parse(const char *key, const char *text,
                                   const struct data_schema *schema, json_t **ret, struct err *err)
{
    const struct setting *setting = find_setting(key);
    enum store_policy policy;
    *ret = NULL;
    if (setting == NULL) {
        (void)err_set(err, ERR_USAGE, "no setting is called '%.60s'", key);
        return err_hint(err, "settings are sort_order, pruning and schema_policy");
    }
    if (setting->kind == KIND_FIXED) {
        (void)err_set(err, ERR_USAGE, "%s is known from the files, and can't be set", key);
        return err_hint(err, "marrow register the folder again, with --format or --partition");
    }
    if (text[0] == '\0') {
        *ret = json_null();
        return ERR_OK;
    }
    if (setting->kind == KIND_POLICY && !store_policy_of(text, &policy))
        return refuse(setting, text, err);
    if (setting->kind == KIND_COLUMNS && schema == NULL) {
        (void)err_set(err, ERR_USAGE, "%s is of one table", key);
        return err_hint(err, "marrow registry NAME TABLE set %s=…", key);
    }
    bool word = setting->kind == KIND_POLICY ||
                (setting->kind == KIND_PRUNING &&
                 (strcmp(text, "on") == 0 || strcmp(text, "off") == 0 || schema == NULL));
    if (word && setting->kind == KIND_PRUNING && strcmp(text, "on") != 0 &&
        strcmp(text, "off") != 0)
        return refuse(setting, text, err);
    if (!word)
        return column_list(setting, text, schema, ret, err);
    *ret = json_string(text);
    return json_built(*ret != NULL, err);
}

enum err_code store_registry_check(const json_t *options, struct err *err)
{
    const char *key;
    json_t *walked, *value;
    memcpy(&walked, &options, sizeof walked);
    json_object_foreach(walked, key, value)
    {
        const struct setting *setting = find_setting(key);
        const char *text = json_string_value(value);
        enum store_policy policy;
        bool good = setting != NULL && setting->by_plan;
        if (good && setting->kind == KIND_POLICY)
            good = store_policy_of(text, &policy);
        if (good && setting->kind == KIND_PRUNING)
            good = json_is_array(value) ||
                   (text != NULL && (strcmp(text, "on") == 0 || strcmp(text, "off") == 0));
        if (good)
            continue;
        (void)err_set(err, ERR_INPUT, "a scan's option %.60s is not one that a plan can say", key);
        return err_hint(err, "pruning: on, off or a list of columns; schema_policy: exact, add or "
                             "any");
    }
    return ERR_OK;
}

/* ---- what they do ------------------------------------------------------------------------------
 */

bool store_registry_prunes(const json_t *resolved, const char *column)
{
    const json_t *value = store_registry_value(resolved, "pruning");
    const char *word = json_string_value(value);
    if (word != NULL)
        return strcmp(word, "off") != 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_string_value(json_array_get(value, i));
        if (name != NULL && str_equal_nocase(str_of(name), str_of(column)))
            return true;
    }
    return false;
}

enum err_code store_registry_check_policy(const json_t *resolved, const json_t *place,
                                          struct err *err)
{
    enum store_policy needs = STORE_POLICY_EXACT, given = STORE_POLICY_EXACT;
    const char *from = json_text(json_object_get(resolved, "schema_policy"), "from", "default");
    (void)store_policy_of(json_text(place, "needs", "exact"), &needs);
    (void)store_policy_of(json_string_value(store_registry_value(resolved, "schema_policy")),
                          &given);
    if (needs <= given)
        return ERR_OK;
    (void)err_set(err, ERR_INPUT,
                  "the table's files differ in their columns%s, and the schema policy is %s",
                  needs == STORE_POLICY_ANY ? "' types" : "", store_policy_text(given));
    return err_hint(err,
                    "that is said by the %s; the files need '%s': marrow registry NAME TABLE set "
                    "schema_policy=%s",
                    from, store_policy_text(needs), store_policy_text(needs));
}

/* ---- order -------------------------------------------------------------------------------------
 */

/* The row before (b0, b1 …) belongs behind this one (c0, c1 …): ascending, nulls last. */
static void add_disorder(size_t idx, size_t count, struct buf *sql)
{
    buf_printf(sql, "(b%zu > c%zu OR (b%zu IS NULL AND c%zu IS NOT NULL)", idx, idx, idx, idx);
    if (idx + 1 < count) {
        buf_printf(sql, " OR (b%zu IS NOT DISTINCT FROM c%zu AND ", idx, idx);
        add_disorder(idx + 1, count, sql);
        buf_puts(sql, ")");
    }
    buf_puts(sql, ")");
}

enum err_code store_registry_check_order(struct engine *engine, const char *relation,
                                         const json_t *columns, struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    int64_t wrong = 0;
    size_t count = json_array_size(columns);
    if (count == 0)
        return ERR_OK;
    buf_puts(&sql, "SELECT count(*) FROM (SELECT *, lag(true) OVER () AS later");
    for (size_t i = 0; i < count; i++)
        buf_printf(&sql, ", lag(c%zu) OVER () AS b%zu", i, i);
    buf_puts(&sql, " FROM (SELECT ");
    for (size_t i = 0; i < count; i++) {
        buf_puts(&sql, i == 0 ? "" : ", ");
        store_sql_name(&sql, json_string_value(json_array_get(columns, i)));
        buf_printf(&sql, " AS c%zu", i);
    }
    buf_printf(&sql, " FROM %s)) WHERE later AND ", relation);
    add_disorder(0, count, &sql);
    TRY(buf_check(&sql, err));
    TRY(engine_query_int(engine, buf_text(&sql), 0, &wrong, err));
    if (wrong == 0)
        return ERR_OK;
    (void)err_set(err, ERR_INPUT,
                  "the rows are not sorted as declared: %lld come before their place",
                  (long long)wrong);
    return err_hint(err, "an order holds over all files, by name, ascending, nulls last, texts by "
                         "their bytes; sort and write them again, or declare no order");
}
