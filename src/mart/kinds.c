/* Long tables: one column of values, another that says what each is a value of.
 *
 *   labs(patient_id, item_id ──▶ lab_items.label, chart_time, value_num, unit)
 *
 *   evidence                                        points
 *   item_id: its name says what was measured        2       (code, name: 1)
 *   a label goes with it: lab_items.label           1
 *   value_num: the name of a bare value             2       (amount, rate …: 1; a unit of its own:
 * +1) unit: several units                             1 6 ≥ 4   value_num is taken by kind of
 * item_id
 *
 *   encounters(code, description, total_claim_cost): 1 + 1 + 0 → not by kind
 *
 * Of two columns that say it equally well, it is the one that is there where the value is. Pure. */
#include "mart/mart_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define POINTS_NEEDED 4

struct word {
    const char *text;
    int points;
};
static const struct word kind_words[] = {
    {"item", 2},        {"test", 2},      {"concept", 1}, {"measurement", 2},
    {"observation", 2}, {"parameter", 2}, {"param", 2},   {"analyte", 2},
    {"loinc", 2},       {"component", 2}, {"vital", 2},   {"kind", 2},
    {"what", 2},        {"exam", 2},      {"code", 1},    {"name", 1},
};
/* Words by which a column tells something else about the row. */
static const struct word other_words[] = {
    {"type", 1},     {"unit", 1},   {"uom", 1},       {"operator", 1}, {"source", 1},
    {"status", 1},   {"value", 1},  {"result", 1},    {"category", 1}, {"class", 1},
    {"route", 1},    {"reason", 1}, {"qualifier", 1}, {"method", 1},   {"order", 1},
    {"flag", 1},     {"visit", 1},  {"link", 1},      {"time", 1},     {"date", 1},
    {"modifier", 1}, {"group", 1},  {"parent", 1},    {"specimen", 1},
};
static const struct word value_words[] = {
    {"value", 2},  {"result", 2}, {"reading", 2}, {"stresn", 2},   {"aval", 2},  {"numeric", 2},
    {"amount", 1}, {"rate", 1},   {"dose", 1},    {"quantity", 1}, {"level", 1}, {"score", 1},
};
/* A bound is no measurement. */
static const struct word bound_words[] = {{"low", 1},    {"high", 1},      {"lower", 1},
                                          {"upper", 1},  {"limit", 1},     {"range", 1},
                                          {"normal", 1}, {"reference", 1}, {"source", 1}};
static const struct word unit_words[] = {
    {"unit", 1}, {"uom", 1}, {"valueuom", 1}, {"stresu", 1}, {"orresu", 1}};
static const struct word label_words[] = {{"label", 3},   {"name", 3},  {"description", 2},
                                          {"display", 2}, {"title", 2}, {"test", 2},
                                          {"term", 1},    {"text", 1}};

/* The best of the words that the name holds; a word of four letters or more may begin a token
 * (itemid). Domains of SDTM begin their columns with their own name: LBTESTCD in LB. */
static int points_of(const struct profile_table *table, const char *name, const struct word *words,
                     size_t count)
{
    char token[64];
    int best = 0;
    size_t own = strlen(table->table->name);
    if (own <= 4 && strlen(name) > own && strncasecmp(name, table->table->name, own) == 0)
        name += own;
    while (mart_next_token(&name, token)) {
        for (size_t i = 0; i < count; i++) {
            size_t length = strlen(words[i].text);
            bool hit = strcmp(token, words[i].text) == 0 ||
                       (length >= 4 && strncmp(token, words[i].text, length) == 0);
            best = hit && words[i].points > best ? words[i].points : best;
        }
    }
    return best;
}
#define POINTS(table, name, words)                                                                 \
    points_of((table), (name), (words), sizeof(words) / sizeof *(words))

static bool is_text(const struct profile_column *column)
{
    return column->type.kind == DATA_TEXT &&
           (column->role == PROFILE_TEXT || column->role == PROFILE_CATEGORY ||
            column->role == PROFILE_CODE);
}

/* The dictionary's text that names a value of the key, or beside it in the fact: as many texts as
 * kinds. */
static void find_label(const struct profile *profile, size_t table, struct mart_kind_rule *rule)
{
    const struct profile_table *own = &profile->tables[table];
    int best = 0;
    rule->has_label = false;
    rule->dictionary = NULL;
    for (size_t i = 0; i < profile->relation_count && rule->dictionary == NULL; i++) {
        const struct profile_relation *relation = &profile->relations[i];
        if (relation->child != table || relation->column_count != 1 ||
            relation->child_columns[0] != rule->by || !mart_relation_usable(profile, relation))
            continue;
        const struct profile_table *parent = &profile->tables[relation->parent];
        for (size_t c = 0; c < parent->table->schema.count; c++) {
            int points = POINTS(parent, parent->columns[c].name, label_words);
            if (c == relation->parent_columns[0] || !is_text(&parent->columns[c]) || points <= best)
                continue;
            best = points;
            rule->has_label = true;
            rule->dictionary = relation;
            rule->label = c;
        }
    }
    int64_t kinds = own->columns[rule->by].distinct;
    for (size_t c = 0; c < own->table->schema.count && rule->dictionary == NULL; c++) {
        const struct profile_column *column = &own->columns[c];
        int points = POINTS(own, column->name, label_words);
        bool fits = c != rule->by && is_text(column) && column->distinct * 10 >= kinds * 9 &&
                    column->distinct * 4 <= kinds * 5;
        if (!fits || points <= best)
            continue;
        best = points;
        rule->has_label = true;
        rule->label = c;
    }
}

/* value → valueuom, dose → dose_unit. */
static bool is_unit_of(const char *unit, const char *measure)
{
    size_t length = strlen(measure);
    if (strncasecmp(unit, measure, length) != 0)
        return false;
    const char *rest = unit + length + (unit[length] == '_' ? 1 : 0);
    return strcasecmp(rest, "uom") == 0 || strcasecmp(rest, "unit") == 0 ||
           strcasecmp(rest, "units") == 0;
}

/* The column of units, or -1; the measure's own before any. */
static int find_unit(const struct profile_table *table, const char *measure, bool *ret_own)
{
    int found = -1;
    *ret_own = false;
    for (size_t c = 0; c < table->table->schema.count; c++) {
        if (table->columns[c].type.kind != DATA_TEXT)
            continue;
        if (is_unit_of(table->columns[c].name, measure)) {
            *ret_own = true;
            return (int)c;
        }
        if (found < 0 && POINTS(table, table->columns[c].name, unit_words) > 0)
            found = (int)c;
    }
    return found;
}

static int value_points(const struct profile_table *table, size_t column)
{
    const char *name = table->columns[column].name;
    return POINTS(table, name, bound_words) > 0 ? 0 : POINTS(table, name, value_words);
}

/* Numbers kept as text ("Never smoker" among them): a measure where the table has none in numbers.
 */
static bool is_text_of_values(const struct profile_table *table, size_t column)
{
    for (size_t c = 0; c < table->table->schema.count; c++)
        if (table->columns[c].role == PROFILE_MEASURE && value_points(table, c) > 0)
            return false;
    return is_text(&table->columns[column]) && value_points(table, column) >= 2;
}

/* How well a column says what kind the row is; 0: not at all. */
static int kind_points(const struct profile *profile, size_t table, size_t column)
{
    const struct profile_table *t = &profile->tables[table];
    const struct profile_column *c = &t->columns[column];
    bool type = c->type.kind == DATA_BIGINT || c->type.kind == DATA_TEXT;
    bool role = c->role == PROFILE_CODE || c->role == PROFILE_CATEGORY || c->role == PROFILE_TEXT ||
                c->role == PROFILE_IDENTIFIER;
    if (!type || !role || c->unique || c->distinct < 2 || c->distinct > MART_LIMIT_KINDS ||
        c->distinct * 2 > t->table->rows || POINTS(t, c->name, other_words) > 0)
        return 0;
    return POINTS(t, c->name, kind_words);
}

/* How far the rows with a kind and those with a value differ in number; a value without a kind is
 * worse than a kind without a value. */
static int64_t mismatch(const struct profile_table *table, size_t kind, size_t measure)
{
    int64_t difference = table->columns[kind].nulls - table->columns[measure].nulls;
    return difference < 0 ? -difference : 4 * difference;
}

static void find_kind(const struct profile *profile, size_t table, size_t measure,
                      struct mart_kind_rule *ret)
{
    const struct profile_table *t = &profile->tables[table];
    bool own_unit = false;
    int unit = find_unit(t, t->columns[measure].name, &own_unit), best = 0;
    int value = value_points(t, measure);
    bool several = unit >= 0 && t->columns[unit].distinct > 1;
    ret->unit = unit;
    if (value == 0)
        return;
    value += own_unit && value < 2 ? 1 : 0;
    for (size_t c = 0; c < t->table->schema.count; c++) {
        struct mart_kind_rule rule = {.by = c, .unit = unit};
        int kind = c == measure ? 0 : kind_points(profile, table, c);
        if (kind == 0)
            continue;
        find_label(profile, table, &rule);
        int points = kind + (rule.has_label ? 1 : 0) + value + (several ? 1 : 0);
        bool better = points > best ||
                      (points == best && mismatch(t, c, measure) < mismatch(t, ret->by, measure));
        if (points < POINTS_NEEDED || !better)
            continue;
        best = points;
        *ret = rule;
        ret->on = true;
        (void)snprintf(ret->why, sizeof ret->why,
                       "'%.100s' names a value and '%.100s' what was measured%s%s",
                       t->columns[measure].name, t->columns[c].name,
                       rule.has_label ? ", with a label" : "", several ? "; the units differ" : "");
    }
}

static enum err_code by_policy(const struct profile *profile, size_t table, size_t measure,
                               const struct mart_kind_policy *policy, struct mart_kind_rule *ret,
                               struct err *err)
{
    const struct profile_table *t = &profile->tables[table];
    bool own = false;
    int by = data_schema_find(&t->table->schema, str_of(policy->by));
    if (by < 0 || (size_t)by == measure)
        return policy->by_name
                   ? err_set(err, ERR_INPUT,
                             "policy for %s.%s: 'by' names '%s', which is no other column of it",
                             t->table->name, t->columns[measure].name, policy->by)
                   : ERR_OK;
    enum data_kind kind = t->columns[by].type.kind;
    if (kind != DATA_BIGINT && kind != DATA_TEXT && kind != DATA_BOOLEAN)
        return err_set(err, ERR_INPUT,
                       "policy for %s.%s: 'by' must be a column of texts or whole numbers",
                       t->table->name, t->columns[measure].name);
    *ret = (struct mart_kind_rule){.on = true, .by = (size_t)by};
    ret->unit = find_unit(t, t->columns[measure].name, &own);
    find_label(profile, table, ret);
    (void)snprintf(ret->why, sizeof ret->why, "given by the policy");
    return ERR_OK;
}

enum err_code mart_kind_rule_for(const struct profile *profile, const json_t *policy, size_t table,
                                 size_t column, struct mart_kind_rule *ret,
                                 struct mart_kind_policy *ret_policy, struct err *err)
{
    const struct profile_table *t = &profile->tables[table];
    const struct profile_column *c = &t->columns[column];
    bool text = is_text(c);
    *ret = (struct mart_kind_rule){.unit = -1};
    TRY(mart_policy_kinds(policy, t, c, ret_policy, err));
    if (ret_policy->by_name && !ret_policy->off && c->role != PROFILE_MEASURE && !text)
        return err_set(err, ERR_INPUT, "policy for %s.%s: a column of role %s is not taken by kind",
                       t->table->name, c->name, profile_column_role_text(c->role));
    if (ret_policy->off || t->table->rows == 0 ||
        (c->role != PROFILE_MEASURE &&
         !(ret_policy->by_name ? text : is_text_of_values(t, column))))
        return ERR_OK;
    if (ret_policy->by != NULL)
        TRY(by_policy(profile, table, column, ret_policy, ret, err));
    if (!ret->on)
        find_kind(profile, table, column, ret);
    ret->text = text;
    if (!ret->on && ret_policy->by_name) {
        err_set(err, ERR_INPUT, "policy for %s.%s: no column says what its values are values of",
                t->table->name, c->name);
        return err_hint(err, "name it: {\"%s\": {\"%s\": {\"by\": COLUMN}}}", t->table->name,
                        c->name);
    }
    return ERR_OK;
}
