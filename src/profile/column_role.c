/* What a column is, from its type, its values' shape and its name. Pure. Rules are tried from top
 * to bottom, the first that fits decides and is the stated reason:
 *
 *   no value or one value → constant; temporal → date; a key or part of a relation → identifier (a
 * code where its values are codes); a code's name → code; value labels, 0/1, small scales →
 * category; fractions and wide numbers → measure; short repeated texts → category or code; the rest
 * → text. Codes and identifiers are never averaged. */
#include "profile/profile_priv.h"

#include <string.h>

static const char *const code_names[] = {"code",   "cd",    "icd",    "icd9", "icd10",    "cpt",
                                         "atc",    "loinc", "snomed", "ndc",  "gsn",      "drg",
                                         "rxnorm", "cui",   "udi",    "zip",  "postcode", "fips",
                                         "hcpcs",  "ops",   "testcd", "cat",  "system",   NULL};
static const char *const measure_names[] = {
    "age",     "dose",   "value", "amount",   "cost",     "price",    "weight",  "height",
    "bmi",     "rate",   "score", "count",    "total",    "quantity", "qty",     "days",
    "day",     "hours",  "hour",  "duration", "los",      "length",   "level",   "percent",
    "pct",     "lat",    "lon",   "val",      "strength", "result",   "expense", "coverage",
    "revenue", "income", "time",  "unit",     NULL};
static const char *const order_names[] = {"seq",  "sequence", "line", "ordinal",
                                          "rank", "position", NULL};
static const char *const year_names[] = {"year", "yr", NULL};

/* A word of the name is a code's, or holds "code" ("mincodeinsubsection"). */
static bool named_code(const struct fact_column *column)
{
    for (size_t i = 0; i < column->name.words.count; i++)
        if (strstr(column->name.words.words[i], "code") != NULL)
            return true;
    return name_has_any(&column->name.words, code_names);
}

static bool whole(const struct fact_column *column)
{
    return column->class == FACT_INTEGER;
}

static bool uuid_like(const struct fact_column *column)
{
    return column->class == FACT_TEXT && column->shortest == 36 && column->longest == 36;
}

static bool has_digit(const char *text)
{
    return strpbrk(text, "0123456789") != NULL;
}

/* Short texts without blanks that hold digits at both ends of the order: E11.9, 0389, 50868. */
static bool code_like(const struct fact_column *column)
{
    return column->class == FACT_TEXT && column->longest <= 20 && column->blanks < .01 &&
           has_digit(column->low) && has_digit(column->high);
}

static enum profile_column_role role_of_text(const struct fact_column *column,
                                             const char **ret_reason)
{
    int64_t values = column->rows - column->nulls;
    if (uuid_like(column)) {
        *ret_reason = "texts of a UUID's length";
        return PROFILE_IDENTIFIER;
    }
    if (column->unique && column->name.id_like) {
        *ret_reason = "unique, and named as an identifier";
        return named_code(column) ? PROFILE_CODE : PROFILE_IDENTIFIER;
    }
    if (column->name.strict_id && column->blanks < .05) {
        *ret_reason = "named as an identifier";
        return PROFILE_IDENTIFIER;
    }
    if (named_code(column) && column->longest <= 40 && column->blanks < .2) {
        *ret_reason = "named as a code";
        return PROFILE_CODE;
    }
    if (column->distinct <= 50 && column->longest <= 80 &&
        (column->distinct * 2 <= values || column->distinct <= 12)) {
        *ret_reason = "few distinct texts";
        return PROFILE_CATEGORY;
    }
    if (name_has_any(&column->name.words, measure_names) &&
        (has_digit(column->low) || has_digit(column->high))) {
        *ret_reason = "numbers mixed with text";
        return PROFILE_TEXT;
    }
    if (code_like(column) && column->distinct * 2 <= values) {
        *ret_reason = "short texts with digits that repeat";
        return PROFILE_CODE;
    }
    if (column->longest <= 100 && column->distinct * 20 <= values && column->distinct <= 1000) {
        *ret_reason = "distinct texts that repeat often";
        return PROFILE_CATEGORY;
    }
    *ret_reason = "many distinct texts";
    return PROFILE_TEXT;
}

static enum profile_column_role role_of_number(const struct fact_column *column,
                                               const char **ret_reason)
{
    if (whole(column) && named_code(column) && !column->name.counts) {
        *ret_reason = "whole numbers named as a code";
        return PROFILE_CODE;
    }
    if (whole(column) && column->name.strict_id) {
        *ret_reason = "whole numbers named as an identifier";
        return PROFILE_IDENTIFIER;
    }
    if (whole(column) && column->unique && (column->name.id_like || column->name.generic)) {
        *ret_reason = "unique whole numbers named as a row's number";
        return PROFILE_IDENTIFIER;
    }
    bool years = whole(column) && column->min >= 1800 && column->max <= 2300 &&
                 name_has_any(&column->name.words, year_names);
    if (years) {
        *ret_reason = "years";
        return column->distinct <= 30 ? PROFILE_CATEGORY : PROFILE_MEASURE;
    }
    if (whole(column) && name_has_any(&column->name.words, order_names)) {
        *ret_reason = "a running number";
        return column->distinct <= 50 ? PROFILE_CATEGORY : PROFILE_IDENTIFIER;
    }
    bool measured = column->name.counts || name_has_any(&column->name.words, measure_names);
    if (whole(column) && column->min >= 0 && column->max <= 1) {
        *ret_reason = "a 0/1 flag";
        return PROFILE_CATEGORY;
    }
    if (whole(column) && !measured && column->distinct <= 10 && column->min >= -9 &&
        column->max <= 10) {
        *ret_reason = "a small whole-number scale";
        return PROFILE_CATEGORY;
    }
    *ret_reason = whole(column) ? "whole numbers" : "numbers with fractions";
    return PROFILE_MEASURE;
}

enum profile_column_role column_role(const struct fact_column *column, bool in_relation,
                                     const char **ret_reason)
{
    int64_t values = column->rows - column->nulls;
    if (data_type_is_temporal(column->schema->type) || column->schema->type.kind == DATA_TIME) {
        *ret_reason = "a date or time";
        return PROFILE_DATE;
    }
    if (in_relation) {
        *ret_reason = "part of a relation";
        return named_code(column) && !column->name.strict_id ? PROFILE_CODE : PROFILE_IDENTIFIER;
    }
    if (values == 0 || (column->distinct <= 1 && column->rows > 1)) {
        *ret_reason = values == 0 ? "no value" : "one value in every row";
        return PROFILE_CONSTANT;
    }
    if (column->schema->value_label_count > 0 && column->schema->type.kind != DATA_TEXT &&
        column->distinct <= (int64_t)column->schema->value_label_count + 20) {
        *ret_reason = "numbers with value labels";
        return PROFILE_CATEGORY;
    }
    switch (column->schema->type.kind) {
    case DATA_BOOLEAN:
        *ret_reason = "true or false";
        return PROFILE_CATEGORY;
    case DATA_BIGINT:
    case DATA_DOUBLE:
    case DATA_UHUGEINT:
        return role_of_number(column, ret_reason);
    case DATA_DECIMAL:
        if (column->schema->type.scale > 0)
            return role_of_number(column, ret_reason);
        *ret_reason = "whole numbers past 64 bits";
        return PROFILE_IDENTIFIER;
    case DATA_TEXT:
        return role_of_text(column, ret_reason);
    case DATA_INTERVAL:
        *ret_reason = "a duration";
        return PROFILE_MEASURE;
    case DATA_NULL:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        break;
    }
    *ret_reason = "neither number, date nor short text";
    return PROFILE_TEXT;
}
