/* The function table: functions.def made into rows, and the type rules that its lines name.
 * Widening is implicit along bigint → decimal → double and date → timestamp; text never becomes
 * anything else. The decimal rules are DuckDB's (measured), so that a plan's type is what the
 * engine delivers: a bigint counts as decimal(19,0). */
#include "plan/plan_priv.h"

#include <string.h>

static const struct data_type NO_TYPE = {.kind = DATA_NULL};

static unsigned digits_of(struct data_type type)
{
    return type.kind == DATA_DECIMAL ? type.precision : 19u;
}
static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}
static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

struct data_type plan_type_common(struct data_type a, struct data_type b)
{
    if (data_type_equal(a, b))
        return a;
    if (data_type_is_numeric(a) && data_type_is_numeric(b)) {
        if (a.kind == DATA_DOUBLE || b.kind == DATA_DOUBLE)
            return DATA_TYPE(DOUBLE);
        unsigned scale = larger(a.scale, b.scale);
        unsigned whole = larger(digits_of(a) - a.scale, digits_of(b) - b.scale);
        return data_type_decimal(smaller(38, whole + scale), scale);
    }
    bool dates = (a.kind == DATA_DATE || a.kind == DATA_TIMESTAMP) &&
                 (b.kind == DATA_DATE || b.kind == DATA_TIMESTAMP);
    return dates ? DATA_TYPE(TIMESTAMP) : NO_TYPE;
}

bool plan_type_ordered(struct data_type type)
{
    switch (type.kind) {
    case DATA_BOOLEAN:
    case DATA_BIGINT:
    case DATA_UHUGEINT:
    case DATA_DECIMAL:
    case DATA_DOUBLE:
    case DATA_TEXT:
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
        return true;
    case DATA_NULL:
    case DATA_INTERVAL:
    case DATA_BLOB:
    case DATA_LIST:
    case DATA_STRUCT:
    case DATA_JSON:
        return false;
    }
    return false;
}

static bool is_time(struct data_type type)
{
    return type.kind == DATA_DATE || type.kind == DATA_TIMESTAMP || type.kind == DATA_TIMESTAMPTZ;
}
static bool all_of(const struct data_type *arguments, size_t count, enum data_kind kind)
{
    for (size_t i = 0; i < count; i++)
        if (arguments[i].kind != kind)
            return false;
    return true;
}
static struct data_type rule_common(const struct data_type *arguments, size_t count)
{
    struct data_type type = arguments[0];
    for (size_t i = 1; i < count && type.kind != DATA_NULL; i++)
        type = plan_type_common(type, arguments[i]);
    return type;
}
static struct data_type rule_comparison(const struct data_type *arguments, size_t count)
{
    struct data_type type = rule_common(arguments, count);
    return plan_type_ordered(type) ? DATA_TYPE(BOOLEAN) : NO_TYPE;
}
static struct data_type rule_booleans(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_BOOLEAN) ? DATA_TYPE(BOOLEAN) : NO_TYPE;
}
static struct data_type rule_any_to_boolean(const struct data_type *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    return DATA_TYPE(BOOLEAN);
}
static struct data_type rule_texts(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_TEXT) ? DATA_TYPE(TEXT) : NO_TYPE;
}
static struct data_type rule_texts_to_boolean(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_TEXT) ? DATA_TYPE(BOOLEAN) : NO_TYPE;
}
static struct data_type rule_text_to_bigint(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_TEXT) ? DATA_TYPE(BIGINT) : NO_TYPE;
}
static struct data_type rule_substring(const struct data_type *arguments, size_t count)
{
    bool fits = arguments[0].kind == DATA_TEXT && all_of(arguments + 1, count - 1, DATA_BIGINT);
    return fits ? DATA_TYPE(TEXT) : NO_TYPE;
}

/* DuckDB keeps decimals of up to 18 digits there (and checks for overflow) instead of widening past
 * 64 bits. */
static struct data_type decimal_of(unsigned precision, unsigned scale,
                                   const struct data_type *arguments)
{
    bool short_ones = digits_of(arguments[0]) <= 18 && digits_of(arguments[1]) <= 18;
    unsigned limit = short_ones && scale <= 18 ? 18 : 38;
    return data_type_decimal(smaller(limit, precision), scale);
}
static struct data_type rule_add(const struct data_type *arguments, size_t count)
{
    (void)count;
    struct data_type common = plan_type_common(arguments[0], arguments[1]);
    if (!data_type_is_numeric(common))
        return NO_TYPE;
    if (common.kind != DATA_DECIMAL)
        return common;
    return decimal_of(common.precision + 1u, common.scale, arguments);
}
static struct data_type rule_mul(const struct data_type *arguments, size_t count)
{
    (void)count;
    struct data_type common = plan_type_common(arguments[0], arguments[1]);
    if (!data_type_is_numeric(common))
        return NO_TYPE;
    if (common.kind != DATA_DECIMAL)
        return common;
    unsigned scale = (unsigned)arguments[0].scale + arguments[1].scale;
    if (scale > 38)
        return NO_TYPE;
    return decimal_of(digits_of(arguments[0]) + digits_of(arguments[1]), scale, arguments);
}
static struct data_type rule_div(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = data_type_is_numeric(arguments[0]) && data_type_is_numeric(arguments[1]);
    return fits ? DATA_TYPE(DOUBLE) : NO_TYPE;
}
static struct data_type rule_number_same(const struct data_type *arguments, size_t count)
{
    (void)count;
    return data_type_is_numeric(arguments[0]) ? arguments[0] : NO_TYPE;
}
static struct data_type rule_number_to_double(const struct data_type *arguments, size_t count)
{
    (void)count;
    return data_type_is_numeric(arguments[0]) ? DATA_TYPE(DOUBLE) : NO_TYPE;
}
static struct data_type rule_nullif(const struct data_type *arguments, size_t count)
{
    return plan_type_ordered(rule_common(arguments, count)) ? arguments[0] : NO_TYPE;
}
static struct data_type rule_times_to_bigint(const struct data_type *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_time(arguments[i]))
            return NO_TYPE;
    return DATA_TYPE(BIGINT);
}
static struct data_type rule_time_to_date(const struct data_type *arguments, size_t count)
{
    (void)count;
    return is_time(arguments[0]) ? DATA_TYPE(DATE) : NO_TYPE;
}
static struct data_type rule_row_hash(const struct data_type *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    return DATA_TYPE(UHUGEINT);
}
static struct data_type rule_bucket(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = plan_type_ordered(arguments[0]) && arguments[0].kind != DATA_DOUBLE &&
                arguments[1].kind == DATA_BIGINT;
    return fits ? DATA_TYPE(BIGINT) : NO_TYPE;
}
static struct data_type rule_order_key(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool first = is_time(arguments[0]) || arguments[0].kind == DATA_BIGINT;
    bool second = arguments[1].kind == DATA_BIGINT || arguments[1].kind == DATA_UHUGEINT;
    return first && second ? data_type_decimal(38, 0) : NO_TYPE;
}
static struct data_type rule_count(const struct data_type *arguments, size_t count)
{
    (void)arguments;
    (void)count;
    return DATA_TYPE(BIGINT);
}
static struct data_type rule_sum(const struct data_type *arguments, size_t count)
{
    (void)count;
    if (!data_type_is_numeric(arguments[0]))
        return NO_TYPE;
    if (arguments[0].kind == DATA_DOUBLE)
        return arguments[0];
    return data_type_decimal(38, arguments[0].scale);
}
static struct data_type rule_ordered(const struct data_type *arguments, size_t count)
{
    (void)count;
    return plan_type_ordered(arguments[0]) ? arguments[0] : NO_TYPE;
}
static struct data_type rule_first_by(const struct data_type *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!plan_type_ordered(arguments[i]))
            return NO_TYPE;
    return arguments[0];
}
static struct data_type rule_hash_sum(const struct data_type *arguments, size_t count)
{
    (void)count;
    return arguments[0].kind == DATA_UHUGEINT ? arguments[0] : NO_TYPE;
}

/* ---- numbers, texts, times ----------------------------------------------------------------------
 */

static struct data_type rule_bigints(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_BIGINT) ? DATA_TYPE(BIGINT) : NO_TYPE;
}
static struct data_type rule_mod(const struct data_type *arguments, size_t count)
{
    struct data_type type = rule_common(arguments, count);
    return type.kind == DATA_BIGINT || type.kind == DATA_DECIMAL ? type : NO_TYPE;
}
static struct data_type rule_round(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = arguments[0].kind == DATA_DECIMAL && arguments[1].kind == DATA_BIGINT;
    return fits ? arguments[0] : NO_TYPE;
}
static struct data_type rule_whole(const struct data_type *arguments, size_t count)
{
    (void)count;
    if (arguments[0].kind != DATA_DECIMAL)
        return data_type_is_numeric(arguments[0]) ? arguments[0] : NO_TYPE;
    unsigned whole = (unsigned)arguments[0].precision - arguments[0].scale + 1;
    return data_type_decimal(smaller(38, whole), 0);
}
static struct data_type rule_number_to_bigint(const struct data_type *arguments, size_t count)
{
    (void)count;
    return data_type_is_numeric(arguments[0]) ? DATA_TYPE(BIGINT) : NO_TYPE;
}
static struct data_type rule_lpad(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = arguments[0].kind == DATA_TEXT && arguments[1].kind == DATA_BIGINT &&
                arguments[2].kind == DATA_TEXT;
    return fits ? DATA_TYPE(TEXT) : NO_TYPE;
}
static struct data_type rule_split_part(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = all_of(arguments, 2, DATA_TEXT) && arguments[2].kind == DATA_BIGINT;
    return fits ? DATA_TYPE(TEXT) : NO_TYPE;
}
static struct data_type rule_clock_to_bigint(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = arguments[0].kind == DATA_TIMESTAMP || arguments[0].kind == DATA_TIME;
    return fits ? DATA_TYPE(BIGINT) : NO_TYPE;
}
static bool is_local(struct data_type type)
{
    return type.kind == DATA_DATE || type.kind == DATA_TIMESTAMP;
}
static struct data_type rule_add_days(const struct data_type *arguments, size_t count)
{
    (void)count;
    return is_local(arguments[0]) && arguments[1].kind == DATA_BIGINT ? arguments[0] : NO_TYPE;
}
static struct data_type rule_add_seconds(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = arguments[0].kind == DATA_TIMESTAMP && arguments[1].kind == DATA_BIGINT;
    return fits ? DATA_TYPE(TIMESTAMP) : NO_TYPE;
}
static struct data_type rule_add_interval(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = is_local(arguments[0]) && arguments[1].kind == DATA_INTERVAL;
    return fits ? DATA_TYPE(TIMESTAMP) : NO_TYPE;
}
static struct data_type rule_timestamp_same(const struct data_type *arguments, size_t count)
{
    (void)count;
    return arguments[0].kind == DATA_TIMESTAMP ? arguments[0] : NO_TYPE;
}
static struct data_type rule_make_date(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_BIGINT) ? DATA_TYPE(DATE) : NO_TYPE;
}
static struct data_type rule_at_utc(const struct data_type *arguments, size_t count)
{
    (void)count;
    return arguments[0].kind == DATA_TIMESTAMPTZ ? DATA_TYPE(TIMESTAMP) : NO_TYPE;
}
static struct data_type rule_from_utc(const struct data_type *arguments, size_t count)
{
    (void)count;
    return arguments[0].kind == DATA_TIMESTAMP ? DATA_TYPE(TIMESTAMPTZ) : NO_TYPE;
}

/* ---- JSON, lists --------------------------------------------------------------------------------
 */

static struct data_type json_and(const struct data_type *arguments, enum data_kind kind,
                                 struct data_type result)
{
    return arguments[0].kind == DATA_JSON && arguments[1].kind == kind ? result : NO_TYPE;
}
static struct data_type rule_json_get(const struct data_type *arguments, size_t count)
{
    (void)count;
    return json_and(arguments, DATA_TEXT, DATA_TYPE(JSON));
}
static struct data_type rule_json_at(const struct data_type *arguments, size_t count)
{
    (void)count;
    return json_and(arguments, DATA_BIGINT, DATA_TYPE(JSON));
}
static struct data_type rule_json_value(const struct data_type *arguments, size_t count)
{
    (void)count;
    return json_and(arguments, DATA_TEXT, DATA_TYPE(TEXT));
}
static struct data_type rule_json_to_text(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_JSON) ? DATA_TYPE(TEXT) : NO_TYPE;
}
static struct data_type rule_json_to_bigint(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_JSON) ? DATA_TYPE(BIGINT) : NO_TYPE;
}

static const struct data_field JSON_ELEMENT = {NULL, {.kind = DATA_JSON}};
static const struct data_field BIGINT_ELEMENT = {NULL, {.kind = DATA_BIGINT}};
static struct data_type list_of(const struct data_field *element)
{
    return (struct data_type){.kind = DATA_LIST, .fields = element, .field_count = 1};
}
static struct data_type rule_json_list(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_JSON) ? list_of(&JSON_ELEMENT) : NO_TYPE;
}
static struct data_type rule_sequence(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_BIGINT) ? list_of(&BIGINT_ELEMENT) : NO_TYPE;
}
static struct data_type rule_list(const struct data_type *arguments, size_t count)
{
    return rule_common(arguments, count).kind != DATA_NULL ? DATA_TYPE(LIST) : NO_TYPE;
}
static struct data_type rule_list_to_bigint(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_LIST) ? DATA_TYPE(BIGINT) : NO_TYPE;
}
static struct data_type rule_list_get(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = arguments[0].kind == DATA_LIST && arguments[1].kind == DATA_BIGINT;
    return fits ? arguments[0].fields[0].type : NO_TYPE;
}
static struct data_type rule_list_contains(const struct data_type *arguments, size_t count)
{
    (void)count;
    if (arguments[0].kind != DATA_LIST)
        return NO_TYPE;
    struct data_type common = plan_type_common(arguments[0].fields[0].type, arguments[1]);
    return plan_type_ordered(common) ? DATA_TYPE(BOOLEAN) : NO_TYPE;
}
static struct data_type rule_json_same(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_JSON) ? DATA_TYPE(JSON) : NO_TYPE;
}
static struct data_type rule_json_texts(const struct data_type *arguments, size_t count)
{
    bool fits = arguments[0].kind == DATA_JSON && all_of(arguments + 1, count - 1, DATA_TEXT);
    return fits ? DATA_TYPE(BOOLEAN) : NO_TYPE;
}
static struct data_type rule_json_to_boolean(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_JSON) ? DATA_TYPE(BOOLEAN) : NO_TYPE;
}
static bool is_list_of(struct data_type type, enum data_kind kind)
{
    return type.kind == DATA_LIST && type.fields[0].type.kind == kind;
}
static struct data_type rule_json_array(const struct data_type *arguments, size_t count)
{
    (void)count;
    return is_list_of(arguments[0], DATA_JSON) ? DATA_TYPE(JSON) : NO_TYPE;
}
static struct data_type rule_number_value(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_TEXT) ? data_type_decimal(38, 15) : NO_TYPE;
}
static struct data_type rule_number_text(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_DECIMAL) ? DATA_TYPE(TEXT) : NO_TYPE;
}
static struct data_type rule_json_string(const struct data_type *arguments, size_t count)
{
    return all_of(arguments, count, DATA_TEXT) ? DATA_TYPE(JSON) : NO_TYPE;
}
static struct data_type rule_number_two(const struct data_type *arguments, size_t count)
{
    struct data_type exact = data_type_decimal(38, 15);
    bool fits =
        count == 2 && data_type_equal(arguments[0], exact) && data_type_equal(arguments[1], exact);
    return fits ? exact : NO_TYPE;
}
static struct data_type rule_raise(const struct data_type *arguments, size_t count)
{
    (void)count;
    return arguments[0].kind == DATA_TEXT ? arguments[1] : NO_TYPE;
}
static struct data_type rule_last(const struct data_type *arguments, size_t count)
{
    return arguments[count - 1];
}
static struct data_type rule_list_body(const struct data_type *arguments, size_t count)
{
    (void)count;
    return arguments[0].kind == DATA_LIST ? DATA_TYPE(LIST) : NO_TYPE;
}
static struct data_type rule_list_filter(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = arguments[0].kind == DATA_LIST && arguments[1].kind == DATA_BOOLEAN;
    return fits ? arguments[0] : NO_TYPE;
}
static struct data_type rule_list_flat(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = arguments[0].kind == DATA_LIST && arguments[1].kind == DATA_LIST;
    return fits ? arguments[1] : NO_TYPE;
}
static struct data_type rule_lists(const struct data_type *arguments, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (arguments[i].kind != DATA_LIST || !data_type_equal(arguments[i], arguments[0]))
            return NO_TYPE;
    return arguments[0];
}
static struct data_type rule_list_slice(const struct data_type *arguments, size_t count)
{
    bool fits = arguments[0].kind == DATA_LIST && all_of(arguments + 1, count - 1, DATA_BIGINT);
    return fits ? arguments[0] : NO_TYPE;
}
static struct data_type rule_list_join(const struct data_type *arguments, size_t count)
{
    (void)count;
    bool fits = is_list_of(arguments[0], DATA_TEXT) && arguments[1].kind == DATA_TEXT;
    return fits ? DATA_TYPE(TEXT) : NO_TYPE;
}
static struct data_type rule_list_agg(const struct data_type *arguments, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!plan_type_ordered(arguments[i]))
            return NO_TYPE;
    return DATA_TYPE(LIST);
}
static struct data_type rule_text_agg(const struct data_type *arguments, size_t count)
{
    for (size_t i = 2; i < count; i++)
        if (!plan_type_ordered(arguments[i]))
            return NO_TYPE;
    return all_of(arguments, 2, DATA_TEXT) ? DATA_TYPE(TEXT) : NO_TYPE;
}
static struct data_type rule_same(const struct data_type *arguments, size_t count)
{
    (void)count;
    return arguments[0];
}
static struct data_type rule_lag(const struct data_type *arguments, size_t count)
{
    return count < 2 || arguments[1].kind == DATA_BIGINT ? arguments[0] : NO_TYPE;
}

static const struct plan_function FUNCTIONS[PLAN_FUNCTIONS_END] = {
#define PLAN_FUNCTION(id_, name_, low, high, kind_, commutative_, rule, expects_)                  \
    {.name = name_,                                                                                \
     .arity_min = low,                                                                             \
     .arity_max = high,                                                                            \
     .aggregate = (kind_) == PLAN_AGGREGATING || (kind_) == PLAN_AGGREGATING_OVER,                 \
     .windows = (kind_) == PLAN_AGGREGATING_OVER,                                                  \
     .commutative = commutative_,                                                                  \
     .type_rule = rule,                                                                            \
     .id = PLAN_FUNCTION_##id_,                                                                    \
     .kind = (kind_) == PLAN_AGGREGATING_OVER ? PLAN_AGGREGATING : (kind_),                        \
     .expects = expects_},
#include "plan/functions.def"
#undef PLAN_FUNCTION
};

/* Few and short: the first letter tells most apart. */
const struct plan_function *plan_function_find(const char *name)
{
    if (name == NULL)
        return NULL;
    for (size_t i = 0; i < PLAN_FUNCTIONS_END; i++)
        if (FUNCTIONS[i].name[0] == name[0] && strcmp(FUNCTIONS[i].name, name) == 0)
            return &FUNCTIONS[i];
    return NULL;
}
size_t plan_function_count(void)
{
    return PLAN_FUNCTIONS_END;
}
const struct plan_function *plan_function_at(size_t idx)
{
    return idx < PLAN_FUNCTIONS_END ? &FUNCTIONS[idx] : NULL;
}
