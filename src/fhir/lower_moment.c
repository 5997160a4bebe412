/* Dates, dateTimes and times by their texts: comparison as far as both are written, boundaries.
 *
 *     2020-03-01T10:00+02:00   →   2020-03-01 08:00         what is compared: in UTC, as far as it
 * is written 2020-03                  →   2020-03 Of two, the longer is cut to the shorter; what is
 * equal then is undecided unless both are as long. */
#include "fhir/lower_priv.h"

#include <string.h>

static fhir_sql length_of(struct fhir_lower *lower, fhir_sql text)
{
    return fhir_sql_call(lower, "length", text, NULL, NULL);
}
static fhir_sql is_long(struct fhir_lower *lower, fhir_sql text, int64_t count)
{
    return fhir_sql_call(lower, "eq", length_of(lower, text), fhir_sql_int(lower, count), NULL);
}
static fhir_sql joined(struct fhir_lower *lower, fhir_sql a, const char *text)
{
    return fhir_sql_call(lower, "concat", a, fhir_sql_text(lower, text), NULL);
}
static fhir_sql left_of(struct fhir_lower *lower, fhir_sql text, int64_t count)
{
    return fhir_sql_call(lower, "left", text, fhir_sql_int(lower, count), NULL);
}
static fhir_sql has(struct fhir_lower *lower, fhir_sql text, const char *part)
{
    return fhir_sql_call(lower, "contains", text, fhir_sql_text(lower, part), NULL);
}

/* ---- keys ---------------------------------------------------------------------------------------
 */

/* Seconds that the zone at the text's end is ahead of UTC; none: 0 */
static fhir_sql offset_of(struct fhir_lower *lower, fhir_sql text)
{
    fhir_sql zone = fhir_sql_call(lower, "right", text, fhir_sql_int(lower, 6), NULL);
    fhir_sql hours =
        fhir_sql_call(lower, "substring", zone, fhir_sql_int(lower, 2), fhir_sql_int(lower, 2));
    fhir_sql minutes = fhir_sql_call(lower, "right", zone, fhir_sql_int(lower, 2), NULL);
    if (hours == NULL || minutes == NULL)
        return NULL;
    fhir_sql seconds =
        fhir_sql_call(lower, "add",
                      fhir_sql_call(lower, "mul", fhir_sql_cast(lower, hours, DATA_BIGINT),
                                    fhir_sql_int(lower, 3600), NULL),
                      fhir_sql_call(lower, "mul", fhir_sql_cast(lower, minutes, DATA_BIGINT),
                                    fhir_sql_int(lower, 60), NULL),
                      NULL);
    const fhir_sql parts[] = {
        fhir_sql_call(lower, "like", zone, fhir_sql_text(lower, "+__:__"), NULL), seconds,
        fhir_sql_call(lower, "like", zone, fhir_sql_text(lower, "-__:__"), NULL),
        fhir_sql_call(lower, "neg", seconds, NULL, NULL), fhir_sql_int(lower, 0)};
    return fhir_sql_case(lower, 5, parts);
}

/* Characters of the zone at its end */
static fhir_sql zone_length(struct fhir_lower *lower, fhir_sql text)
{
    fhir_sql zone = fhir_sql_call(lower, "right", text, fhir_sql_int(lower, 6), NULL);
    fhir_sql signs = fhir_sql_call(
        lower, "or", fhir_sql_call(lower, "like", zone, fhir_sql_text(lower, "+__:__"), NULL),
        fhir_sql_call(lower, "like", zone, fhir_sql_text(lower, "-__:__"), NULL), NULL);
    const fhir_sql parts[] = {signs, fhir_sql_int(lower, 6),
                              fhir_sql_call(lower, "like", zone, fhir_sql_text(lower, "%Z"), NULL),
                              fhir_sql_int(lower, 1), fhir_sql_int(lower, 0)};
    return fhir_sql_case(lower, 5, parts);
}

/* clock: without its zone */
static fhir_sql without_zone(struct fhir_lower *lower, fhir_sql text)
{
    return fhir_sql_call(
        lower, "left", text,
        fhir_sql_call(lower, "sub", length_of(lower, text), zone_length(lower, text), NULL), NULL);
}

/* The seconds as yyyy-mm-dd hh:mm:ss, in UTC */
static fhir_sql in_utc(struct fhir_lower *lower, fhir_sql clock, fhir_sql text)
{
    const fhir_sql parts[] = {is_long(lower, clock, 16), joined(lower, clock, ":00"),
                              left_of(lower, clock, 19)};
    fhir_sql full = fhir_sql_case(lower, 3, parts);
    fhir_sql local = full == NULL ? NULL : plan_cast(lower->plan, full, DATA_TYPE(TIMESTAMP), true);
    fhir_sql raise = fhir_sql_raise(lower, DATA_TYPE(TIMESTAMP), "expected a dateTime");
    if (local == NULL || raise == NULL)
        return NULL;
    local = fhir_sql_call(lower, "coalesce", local, raise, NULL);
    fhir_sql utc =
        fhir_sql_call(lower, "add_seconds", local,
                      fhir_sql_call(lower, "neg", offset_of(lower, text), NULL, NULL), NULL);
    return utc == NULL ? NULL : fhir_sql_cast(lower, utc, DATA_TEXT);
}

fhir_sql fhir_lower_moment_key(struct fhir_lower *lower, fhir_sql value)
{
    struct fhir_binding whole, plain;
    if (value != NULL && value->kind == PLAN_LITERAL && value->literal != NULL &&
        strchr(value->literal, 'T') == NULL)
        return value; /* a date is its own key */
    fhir_sql text = fhir_sql_bind(lower, &whole, value);
    unsigned made_at = lower->depth;
    fhir_sql clock = fhir_sql_bind(lower, &plain, without_zone(lower, text));
    text = fhir_sql_lift(lower, text, made_at);
    fhir_sql utc = in_utc(lower, clock, text);
    fhir_sql fraction = joined(
        lower, fhir_sql_call(lower, "substring", clock, fhir_sql_int(lower, 20), NULL), "000000");
    const fhir_sql forms[] = {
        is_long(lower, clock, 16), left_of(lower, utc, 16), is_long(lower, clock, 19),
        joined(lower, left_of(lower, utc, 19), ".000000"),
        fhir_sql_call(lower, "concat", left_of(lower, utc, 19), left_of(lower, fraction, 7), NULL)};
    fhir_sql key = fhir_sql_bound(lower, &plain, fhir_sql_case(lower, 5, forms));
    lower->depth = made_at;
    const fhir_sql parts[] = {
        has(lower, whole.let ? fhir_sql_element(lower, DATA_TYPE(TEXT)) : whole.value, "T"), key,
        whole.let ? fhir_sql_element(lower, DATA_TYPE(TEXT)) : whole.value};
    return fhir_sql_bound(lower, &whole, fhir_sql_case(lower, 3, parts));
}

static fhir_sql time_key(struct fhir_lower *lower, fhir_sql value)
{
    struct fhir_binding binding;
    fhir_sql text = fhir_sql_bind(lower, &binding, value);
    const fhir_sql parts[] = {
        fhir_sql_call(lower, "le", length_of(lower, text), fhir_sql_int(lower, 5), NULL), text,
        is_long(lower, text, 8), joined(lower, text, ".000000"),
        left_of(lower, joined(lower, text, "000000"), 15)};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 5, parts));
}

/* Is it a date there is, as far as it is written? */
static fhir_sql is_date(struct fhir_lower *lower, fhir_sql text)
{
    const fhir_sql parts[] = {is_long(lower, text, 4),
                              joined(lower, text, "-01-01"),
                              is_long(lower, text, 7),
                              joined(lower, text, "-01"),
                              is_long(lower, text, 10),
                              text,
                              fhir_sql_null(lower, DATA_TYPE(TEXT))};
    fhir_sql full = fhir_sql_case(lower, 7, parts);
    return full == NULL
               ? NULL
               : fhir_sql_call(lower, "is_not_null",
                               plan_cast(lower->plan, full, DATA_TYPE(DATE), true), NULL, NULL);
}

/* Is text a date or a dateTime, as far as it is written? Seconds have up to 15 characters after T,
 * further digits of their fraction are not looked at. */
static fhir_sql is_moment(struct fhir_lower *lower, fhir_sql text)
{
    fhir_sql clock = left_of(lower, without_zone(lower, text), 26);
    if (clock == NULL)
        return NULL;
    clock = plan_cast(lower->plan, clock, DATA_TYPE(TIMESTAMP), true);
    const fhir_sql parts[] = {has(lower, text, "T"),
                              fhir_sql_call(lower, "is_not_null", clock, NULL, NULL),
                              is_date(lower, text)};
    return fhir_sql_case(lower, 3, parts);
}

/* Of a text that is no moment an ordering fails; equality is false: its key is no moment's. */
static fhir_sql key_of(struct fhir_lower *lower, fhir_sql value, enum fhir_system system,
                       bool ordering)
{
    struct fhir_binding binding;
    if (system == FHIR_SYSTEM_TIME)
        return time_key(lower, value);
    if (value->kind == PLAN_LITERAL)
        return fhir_lower_moment_key(lower, value);
    fhir_sql text = fhir_sql_bind(lower, &binding, value);
    fhir_sql none = ordering ? fhir_sql_raise(lower, DATA_TYPE(TEXT), "expected a date or dateTime")
                             : fhir_sql_text(lower, "?");
    const fhir_sql parts[] = {fhir_sql_call(lower, "is_null", text, NULL, NULL),
                              fhir_sql_null(lower, DATA_TYPE(TEXT)), is_moment(lower, text),
                              fhir_lower_moment_key(lower, text), none};
    return fhir_sql_bound(lower, &binding, fhir_sql_case(lower, 5, parts));
}

fhir_sql fhir_lower_moment_compare(struct fhir_lower *lower, enum fhir_operator op, fhir_sql a,
                                   fhir_sql b, enum fhir_system system)
{
    if (a == NULL || b == NULL)
        return NULL;
    bool ordering = op != FHIR_EQUAL && op != FHIR_NOT_EQUAL;
    /* both keys in one list: one body less within the other, of which Trino's analysis takes four
     * times as long for each */
    struct fhir_binding keys = {fhir_sql_call(lower, "list", key_of(lower, a, system, ordering),
                                              key_of(lower, b, system, ordering), NULL),
                                true};
    if (keys.value == NULL)
        return NULL;
    lower->depth++;
    fhir_sql both = fhir_sql_element(lower, keys.value->type);
    fhir_sql x = fhir_sql_call(lower, "list_get", both, fhir_sql_int(lower, 1), NULL),
             y = fhir_sql_call(lower, "list_get", both, fhir_sql_int(lower, 2), NULL);
    fhir_sql shorter =
        fhir_sql_call(lower, "least", length_of(lower, x), length_of(lower, y), NULL);
    fhir_sql p = fhir_sql_call(lower, "left", x, shorter, NULL);
    fhir_sql q = fhir_sql_call(lower, "left", y, shorter, NULL);
    fhir_sql as_long = fhir_sql_call(lower, "eq", length_of(lower, x), length_of(lower, y), NULL);
    fhir_sql none = fhir_sql_null(lower, DATA_TYPE(BOOLEAN));
    bool equal = op == FHIR_EQUAL || op == FHIR_NOT_EQUAL;
    bool less = op == FHIR_LESS || op == FHIR_LESS_EQUAL;
    bool or_equal = op == FHIR_LESS_EQUAL || op == FHIR_GREATER_EQUAL;
    const fhir_sql parts[] = {fhir_sql_call(lower, "ne", p, q, NULL),
                              equal ? fhir_sql_bool(lower, false)
                                    : fhir_sql_call(lower, less ? "lt" : "gt", p, q, NULL),
                              as_long, fhir_sql_bool(lower, equal || or_equal), none};
    fhir_sql made = fhir_sql_case(lower, 5, parts);
    return fhir_sql_bound(lower, &keys, made);
}

/* ---- boundaries ---------------------------------------------------------------------------------
 */

/* A date whose missing parts are the first, the last there are; null: it is none */
static fhir_sql whole_date(struct fhir_lower *lower, fhir_sql text, bool high)
{
    fhir_sql first = plan_cast(lower->plan, joined(lower, text, "-01"), DATA_TYPE(DATE), true);
    fhir_sql last = fhir_sql_call(
        lower, "add_days", fhir_sql_call(lower, "add_months", first, fhir_sql_int(lower, 1), NULL),
        fhir_sql_int(lower, -1), NULL);
    fhir_sql none = fhir_sql_call(lower, "not", is_date(lower, text), NULL, NULL);
    if (last == NULL)
        return NULL;
    const fhir_sql parts[] = {none,
                              fhir_sql_null(lower, DATA_TYPE(TEXT)),
                              is_long(lower, text, 4),
                              joined(lower, text, high ? "-12-31" : "-01-01"),
                              is_long(lower, text, 7),
                              high ? fhir_sql_cast(lower, last, DATA_TEXT)
                                   : joined(lower, text, "-01"),
                              text};
    return fhir_sql_case(lower, 7, parts);
}

/* hh:mm:ss.fff of a clock that may end after its minutes, seconds, tenths; before: characters of it
 * before hh */
static fhir_sql whole_clock(struct fhir_lower *lower, fhir_sql clock, int64_t before, bool high)
{
    const fhir_sql parts[] = {is_long(lower, clock, before + 2),
                              joined(lower, clock, high ? ":59:59.999" : ":00:00.000"),
                              is_long(lower, clock, before + 5),
                              joined(lower, clock, high ? ":59.999" : ":00.000"),
                              is_long(lower, clock, before + 8),
                              joined(lower, clock, high ? ".999" : ".000"),
                              is_long(lower, clock, before + 10),
                              joined(lower, clock, high ? "99" : "00"),
                              is_long(lower, clock, before + 11),
                              joined(lower, clock, high ? "9" : "0"),
                              clock};
    return fhir_sql_case(lower, 11, parts);
}

static fhir_sql date_time(struct fhir_lower *lower, fhir_sql text, bool high)
{
    struct fhir_binding plain;
    const char *day = high ? "T23:59:59.999-12:00" : "T00:00:00.000+14:00";
    fhir_sql date = joined(lower, whole_date(lower, text, high), day);
    fhir_sql has_clock = has(lower, text, "T");
    fhir_sql length = zone_length(lower, text);
    unsigned made_at = lower->depth;
    fhir_sql clock = fhir_sql_bind(lower, &plain, without_zone(lower, text));
    fhir_sql count = fhir_sql_lift(lower, length, made_at);
    const fhir_sql zone[] = {
        fhir_sql_call(lower, "eq", count, fhir_sql_int(lower, 1), NULL),
        fhir_sql_text(lower, "+00:00"), /* Z */
        fhir_sql_call(lower, "gt", count, fhir_sql_int(lower, 0), NULL),
        fhir_sql_call(lower, "right", fhir_sql_lift(lower, text, made_at), count, NULL),
        fhir_sql_text(lower, high ? "-12:00" : "+14:00")};
    fhir_sql full = fhir_sql_call(lower, "concat", whole_clock(lower, clock, 11, high),
                                  fhir_sql_case(lower, 5, zone), NULL);
    full = fhir_sql_bound(lower, &plain, full);
    const fhir_sql parts[] = {has_clock, full, date};
    return fhir_sql_case(lower, 3, parts);
}

/* Half a unit of the last digit written, below or above: 1.0 → 0.95, 1.05 */
static fhir_sql number(struct fhir_lower *lower, fhir_sql digits, bool high)
{
    struct data_type exact = data_type_decimal(38, 15);
    fhir_sql point = fhir_sql_call(lower, "position", digits, fhir_sql_text(lower, "."), NULL);
    const fhir_sql places_of[] = {
        fhir_sql_call(lower, "eq", point, fhir_sql_int(lower, 0), NULL), fhir_sql_int(lower, 0),
        fhir_sql_call(lower, "sub", length_of(lower, digits), point, NULL)};
    fhir_sql places = fhir_sql_case(lower, 3, places_of);
    /* 0.05 of one place: "0." and the places' zeros and a 5 */
    fhir_sql zeros =
        fhir_sql_call(lower, "left", fhir_sql_text(lower, "0.000000000000000"),
                      fhir_sql_call(lower, "add", places, fhir_sql_int(lower, 2), NULL), NULL);
    fhir_sql half = fhir_sql_call(lower, "number_value", joined(lower, zeros, "5"), NULL, NULL);
    fhir_sql value = fhir_sql_call(lower, "number_value", digits, NULL, NULL);
    fhir_sql moved = fhir_sql_call(lower, high ? "add" : "sub", value, half, NULL);
    if (moved == NULL)
        return NULL;
    fhir_sql text = fhir_sql_cast(lower, plan_cast(lower->plan, moved, exact, false), DATA_TEXT);
    fhir_sql end = fhir_sql_call(
        lower, "add", fhir_sql_call(lower, "position", text, fhir_sql_text(lower, "."), NULL),
        fhir_sql_call(lower, "add", places, fhir_sql_int(lower, 1), NULL), NULL);
    const fhir_sql parts[] = {
        fhir_sql_call(lower, "or",
                      has(lower, fhir_sql_call(lower, "lower", digits, NULL, NULL), "e"),
                      fhir_sql_call(lower, "gt", places, fhir_sql_int(lower, 14), NULL), NULL),
        fhir_sql_raise(lower, DATA_TYPE(TEXT),
                       "a boundary of a number with an exponent or more than 14 places"),
        fhir_sql_call(lower, "left", text, end, NULL)};
    return fhir_sql_case(lower, 3, parts);
}

/* By what the text looks like, where FHIR R4 does not say what it is. */
static fhir_sql guessed(struct fhir_lower *lower, fhir_sql item, bool high)
{
    fhir_sql text = fhir_sql_call(lower, "json_lexeme", item, NULL, NULL);
    fhir_sql is_number =
        fhir_sql_call(lower, "eq", fhir_sql_call(lower, "json_kind", item, NULL, NULL),
                      fhir_sql_text(lower, "number"), NULL);
    const fhir_sql parts[] = {is_number,
                              number(lower, text, high),
                              has(lower, text, "T"),
                              date_time(lower, text, high),
                              has(lower, text, ":"),
                              whole_clock(lower, text, 0, high),
                              whole_date(lower, text, high)};
    return fhir_sql_case(lower, 7, parts);
}

fhir_sql fhir_lower_boundary(struct fhir_lower *lower, fhir_sql value, enum fhir_type type,
                             bool high)
{
    struct fhir_binding binding;
    enum fhir_system system = fhir_type_system(type);
    if (system == FHIR_SYSTEM_NONE && value->type.kind != DATA_JSON)
        return fhir_lower_refuse(lower, "a boundary of a value of unknown type");
    if (system == FHIR_SYSTEM_INTEGER || system == FHIR_SYSTEM_DECIMAL)
        value = fhir_sql_digits(lower, value);
    else if (system != FHIR_SYSTEM_NONE)
        value = fhir_sql_typed(lower, value, system);
    fhir_sql text = fhir_sql_bind(lower, &binding, value);
    fhir_sql made = NULL;
    switch (system) {
    case FHIR_SYSTEM_INTEGER:
    case FHIR_SYSTEM_DECIMAL:
        made = number(lower, text, high);
        break;
    case FHIR_SYSTEM_DATE:
        made = whole_date(lower, text, high);
        break;
    case FHIR_SYSTEM_DATETIME:
        made = date_time(lower, text, high);
        break;
    case FHIR_SYSTEM_TIME:
        made = whole_clock(lower, text, 0, high);
        break;
    case FHIR_SYSTEM_NONE:
        made = guessed(lower, text, high);
        break;
    case FHIR_SYSTEM_STRING:
    case FHIR_SYSTEM_BOOLEAN:
        made = fhir_lower_refuse(lower, "a boundary of a string");
        break;
    }
    return fhir_sql_bound(lower, &binding, made);
}
