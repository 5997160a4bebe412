/* view query: FHIR search parameters over a view's columns.
 *
 *   gender=male&birthdate=ge1950&code=http://loinc.org|8480-6,8462-4&name:contains=smi&_count=10&_sort=-date
 *
 * A parameter is a column of the view, or one of a table's other names for it (birthdate →
 * birth_date). Commas are "or", repeated parameters "and". Prefixes eq ne gt lt ge le sa eb of
 * dates and numbers; a partial date means its whole span (1950 is 1950-01-01 up to before 1951).
 * Modifiers :exact :contains :not :missing. What is not known is an error, never ignored. Values
 * are literals made by the engine's quoter. */
#include "api/views_priv.h"

#include <stdio.h>
#include <string.h>

#define SEARCH_LIMIT_BYTES 65536
#define SEARCH_MOST_VALUES 1000

enum matching { MATCH_TOKEN, MATCH_TEXT, MATCH_DATE, MATCH_NUMBER, MATCH_REFERENCE };
/* Search parameters of FHIR R4 (https://hl7.org/fhir/R4/searchparameter-registry.html) and the
 * columns of views that hold what they mean, in order of preference. A column's own name is a
 * parameter too. */
static const struct {
    const char *parameter, *columns;
    enum matching matching;
} names[] = {
    {"_id", "id", MATCH_TOKEN},
    {"identifier", "identifier", MATCH_TOKEN},
    {"gender", "gender", MATCH_TOKEN},
    {"birthdate", "birth_date", MATCH_DATE},
    {"family", "family family_name name_family", MATCH_TEXT},
    {"given", "given given_name given_names name_given", MATCH_TEXT},
    {"name", "name full_name family family_name", MATCH_TEXT},
    {"address-city", "city address_city", MATCH_TEXT},
    {"address-state", "state address_state", MATCH_TEXT},
    {"address-postalcode", "postal_code address_postal_code", MATCH_TEXT},
    {"address-country", "country address_country", MATCH_TEXT},
    {"deceased", "deceased", MATCH_TOKEN},
    {"death-date", "deceased_date death_date", MATCH_DATE},
    {"patient", "patient_id", MATCH_REFERENCE},
    {"subject", "patient_id", MATCH_REFERENCE},
    {"encounter", "encounter_id", MATCH_REFERENCE},
    {"code", "loinc_code snomed_code icd10_code rxnorm_code cpt_code code", MATCH_TOKEN},
    {"category", "category", MATCH_TOKEN},
    {"clinical-status", "clinical_status", MATCH_TOKEN},
    {"status", "status", MATCH_TOKEN},
    {"class", "class class_code", MATCH_TOKEN},
    {"type", "type type_code", MATCH_TOKEN},
    {"intent", "intent", MATCH_TOKEN},
    {"date", "effective_date date performed_date period_start start_date", MATCH_DATE},
    {"onset-date", "onset_date", MATCH_DATE},
    {"recorded-date", "recorded_date", MATCH_DATE},
    {"authoredon", "authored_on authored_date", MATCH_DATE},
    {"value-quantity", "value", MATCH_NUMBER},
};
/* Code systems by the columns that hold their codes. */
static const struct {
    const char *column, *system;
} systems[] = {
    {"loinc_code", "http://loinc.org"},
    {"snomed_code", "http://snomed.info/sct"},
    {"icd10_code", "http://hl7.org/fhir/sid/icd-10-cm http://hl7.org/fhir/sid/icd-10"},
    {"rxnorm_code", "http://www.nlm.nih.gov/research/umls/rxnorm"},
    {"cpt_code", "http://www.ama-assn.org/go/cpt"},
};

struct search {
    const struct fhir_view *view;
    struct buf *where, *order;
    int64_t count;
    struct err *err;
};
struct criterion {
    struct str name, modifier;
    const struct fhir_view_column *columns[8];
    size_t column_count;
    enum matching matching;
};

/* ---- names to columns ---------------------------------------------------------------------------
 */

static const struct fhir_view_column *column_of(const struct fhir_view *view, struct str name)
{
    for (size_t i = 0; i < fhir_view_column_count(view); i++)
        if (str_equal_nocase(str_of(fhir_view_column(view, i)->name), name))
            return fhir_view_column(view, i);
    return NULL;
}

static bool is_date(const struct fhir_view_column *column)
{
    static const char *const types[] = {"date", "dateTime", "instant"};
    bool date = column->type.kind == DATA_DATE || column->type.kind == DATA_TIMESTAMP ||
                column->type.kind == DATA_TIMESTAMPTZ;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        date = date || strcmp(column->fhir_type, types[i]) == 0;
    return date;
}

static enum matching matching_of(const struct fhir_view_column *column)
{
    bool number = data_type_is_numeric(column->type) || strcmp(column->fhir_type, "decimal") == 0;
    return is_date(column) ? MATCH_DATE : number ? MATCH_NUMBER : MATCH_TOKEN;
}

static void take_columns(struct criterion *criterion, const struct fhir_view *view,
                         const char *list)
{
    bool all = strcmp(list, "loinc_code snomed_code icd10_code rxnorm_code cpt_code code") ==
               0; /* a code may stand in any of them */
    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, " ");
        const struct fhir_view_column *column = column_of(view, (struct str){at, length});
        if (column != NULL && (criterion->column_count == 0 || all) &&
            criterion->column_count < sizeof criterion->columns / sizeof *criterion->columns)
            criterion->columns[criterion->column_count++] = column;
        at += length + (at[length] == ' ' ? 1 : 0);
    }
}

static enum err_code unknown_parameter(const struct search *search,
                                       const struct criterion *criterion)
{
    char asked[100];
    struct nearest nearest = {.asked = asked};
    AUTO(buf_done) struct buf known = BUF_INIT;
    (void)snprintf(asked, sizeof asked, "%.*s",
                   (int)(criterion->name.len < 90 ? criterion->name.len : 90), criterion->name.ptr);
    for (size_t i = 0; i < fhir_view_column_count(search->view); i++) {
        nearest_offer(&nearest, fhir_view_column(search->view, i)->name);
        if (known.len < 500)
            buf_printf(&known, "%s%s", i == 0 ? "" : ", ", fhir_view_column(search->view, i)->name);
    }
    err_set(search->err, ERR_INPUT, "the view has no column for the search parameter '%s'", asked);
    return nearest_text(&nearest) != NULL
               ? err_hint(search->err, "did you mean '%s'?", nearest_text(&nearest))
               : err_hint(search->err, "columns: %.600s", buf_text(&known));
}

static enum err_code resolve(const struct search *search, struct criterion *criterion)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!str_equal(criterion->name, str_of(names[i].parameter)))
            continue;
        take_columns(criterion, search->view, names[i].columns);
        criterion->matching = names[i].matching;
    }
    if (criterion->column_count > 0)
        return ERR_OK;
    criterion->columns[0] = column_of(search->view, criterion->name);
    if (criterion->columns[0] == NULL)
        return unknown_parameter(search, criterion);
    criterion->column_count = 1;
    criterion->matching = matching_of(criterion->columns[0]);
    return ERR_OK;
}

/* ---- values -------------------------------------------------------------------------------------
 */

static void add_column(struct buf *out, const struct fhir_view_column *column)
{
    engine_quote_identifier(out, str_of(column->name));
}

static enum err_code bad_value(const struct search *search, const struct criterion *criterion,
                               const char *expected)
{
    return err_set(search->err, ERR_INPUT, "search parameter '%.*s': expected %s",
                   (int)criterion->name.len, criterion->name.ptr, expected);
}

/* "http://loinc.org|8480-6", "|x", "8480-6": does the column hold codes of that system? */
static bool of_system(const struct fhir_view_column *column, struct str system)
{
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        if (strcmp(systems[i].column, column->name) != 0)
            continue;
        for (const char *at = systems[i].system; *at != '\0';) {
            size_t length = strcspn(at, " ");
            if (str_equal((struct str){at, length}, system))
                return true;
            at += length + (at[length] == ' ' ? 1 : 0);
        }
        return false;
    }
    return true; /* a column of no particular system */
}

static enum err_code add_token(const struct search *search, const struct criterion *criterion,
                               struct str value)
{
    const char *bar = memchr(value.ptr, '|', value.len);
    struct str system = {value.ptr, bar != NULL ? (size_t)(bar - value.ptr) : 0};
    struct str code = bar != NULL ? (struct str){bar + 1, value.len - system.len - 1} : value;
    const char *separator = "";
    if (code.len == 0)
        return bad_value(search, criterion, "a code, or system|code");
    buf_putc(search->where, '(');
    for (size_t i = 0; i < criterion->column_count; i++) {
        if (system.len > 0 && !of_system(criterion->columns[i], system))
            continue;
        buf_puts(search->where, separator);
        buf_puts(search->where, "CAST(");
        add_column(search->where, criterion->columns[i]);
        buf_puts(search->where, " AS VARCHAR) = ");
        engine_quote_literal(search->where, code);
        separator = " OR ";
    }
    buf_puts(search->where, separator[0] == '\0' ? "false)" : ")");
    return ERR_OK;
}

/* FHIR's string search: begins with, without case; :contains, :exact. */
static enum err_code add_text(const struct search *search, const struct criterion *criterion,
                              struct str value)
{
    bool exact = str_equal(criterion->modifier, STR("exact")),
         inside = str_equal(criterion->modifier, STR("contains"));
    buf_puts(search->where, exact ? "(" : inside ? "contains(lower(" : "starts_with(lower(");
    add_column(search->where, criterion->columns[0]);
    buf_puts(search->where, exact ? " = " : "), lower(");
    engine_quote_literal(search->where, value);
    buf_puts(search->where, exact ? ")" : "))");
    return ERR_OK;
}

static enum err_code add_reference(const struct search *search, const struct criterion *criterion,
                                   struct str value)
{
    for (size_t i = value.len; i > 0; i--)
        if (value.ptr[i - 1] == '/') {
            value = (struct str){value.ptr + i, value.len - i};
            break;
        }
    if (value.len == 0)
        return bad_value(search, criterion, "an id, or Patient/id");
    add_column(search->where, criterion->columns[0]);
    buf_puts(search->where, " = ");
    engine_quote_literal(search->where, value);
    return ERR_OK;
}

static const char *take_prefix(struct str *value)
{
    static const struct {
        const char *prefix, *meaning;
    } prefixes[] = {{"eq", "="},  {"ne", "<>"}, {"gt", ">"}, {"lt", "<"},
                    {"ge", ">="}, {"le", "<="}, {"sa", ">"}, {"eb", "<"}};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (str_has_prefix(*value, prefixes[i].prefix)) {
            *value = (struct str){value->ptr + 2, value->len - 2};
            return prefixes[i].meaning;
        }
    return "=";
}

static enum err_code add_number(const struct search *search, const struct criterion *criterion,
                                struct str value)
{
    const char *meaning = take_prefix(&value);
    double number;
    size_t length = 0;
    while (length < value.len && value.ptr[length] != '|')
        length++;
    if (!str_to_double((struct str){value.ptr, length}, &number))
        return bad_value(search, criterion, "a number, such as ge140");
    buf_puts(search->where, "TRY_CAST(");
    add_column(search->where, criterion->columns[0]);
    buf_printf(search->where, " AS DECIMAL(38,15)) %s CAST(", meaning);
    engine_quote_literal(search->where, (struct str){value.ptr, length});
    buf_puts(search->where, " AS DECIMAL(38,15))");
    return ERR_OK;
}

/* A partial date's span [from, to): 1950 → 1950-01-01, 1951-01-01. False: it is no date. */
static bool span_of(struct str value, char from[40], char to[40])
{
    int64_t year = 0, month = 1, day = 1;
    struct str date = {value.ptr, value.len < 10 ? value.len : 10};
    bool shape = (date.len == 4 || (date.len == 7 && date.ptr[4] == '-') ||
                  (date.len == 10 && date.ptr[4] == '-' && date.ptr[7] == '-'));
    if (!shape || !str_to_int64((struct str){date.ptr, 4}, &year) ||
        (date.len > 4 && !str_to_int64((struct str){date.ptr + 5, 2}, &month)) ||
        (date.len > 7 && !str_to_int64((struct str){date.ptr + 8, 2}, &day)) || month < 1 ||
        month > 12 || !clock_civil_valid(year, (unsigned)month, (unsigned)day))
        return false;
    if (value.len > 10) { /* a time: that instant, to the second that is written */
        (void)snprintf(from, 40, "%.*s", (int)(value.len < 39 ? value.len : 39), value.ptr);
        to[0] = '\0';
        return value.ptr[10] == 'T';
    }
    int64_t end_year = year, end_month = month;
    unsigned end_day = (unsigned)day;
    if (date.len == 4)
        end_year++;
    else if (date.len == 7) {
        end_month = month % 12 + 1;
        end_year += month == 12 ? 1 : 0;
    } else {
        unsigned next_month = 0;
        clock_civil_from_days(clock_days_from_civil(year, (unsigned)month, (unsigned)day) + 1,
                              &end_year, &next_month, &end_day);
        end_month = next_month;
    }
    (void)snprintf(from, 40, "%04d-%02d-%02d", (int)year, (int)month, (int)day);
    (void)snprintf(to, 40, "%04d-%02d-%02d", (int)end_year, (int)end_month, (int)end_day);
    return true;
}

/* Columns hold FHIR's lexical form, which may be partial: a row's date counts from its span's begin
 * (1950 as 1950-01-01). */
static void add_instant(struct buf *out, const struct fhir_view_column *column)
{
    if (column->type.kind != DATA_TEXT) {
        buf_puts(out, "CAST(");
        add_column(out, column);
        buf_puts(out, " AS TIMESTAMPTZ)");
        return;
    }
    buf_puts(out, "TRY_CAST(CASE length(");
    add_column(out, column);
    buf_puts(out, ") WHEN 4 THEN ");
    add_column(out, column);
    buf_puts(out, " || '-01-01' WHEN 7 THEN ");
    add_column(out, column);
    buf_puts(out, " || '-01' ELSE ");
    add_column(out, column);
    buf_puts(out, " END AS TIMESTAMPTZ)");
}

static void add_bound(struct buf *out, const struct fhir_view_column *column, const char *operator_,
                      const char *instant)
{
    add_instant(out, column);
    buf_printf(out, " %s CAST(", operator_);
    engine_quote_literal(out, str_of(instant));
    buf_puts(out, " AS TIMESTAMPTZ)");
}

static enum err_code add_date(const struct search *search, const struct criterion *criterion,
                              struct str value)
{
    const struct fhir_view_column *column = criterion->columns[0];
    const char *meaning = take_prefix(&value);
    struct buf *out = search->where;
    char from[40], to[40];
    if (!span_of(value, from, to))
        return bad_value(search, criterion, "a date, such as ge1950 or 2010-05-01");
    if (to[0] == '\0' || strcmp(meaning, "<") == 0 || strcmp(meaning, ">=") == 0) {
        add_bound(out, column, meaning, from);
    } else if (strcmp(meaning, ">") == 0) {
        add_bound(out, column, ">=", to);
    } else if (strcmp(meaning, "<=") == 0) {
        add_bound(out, column, "<", to);
    } else {
        buf_puts(out, strcmp(meaning, "=") == 0 ? "(" : "NOT (");
        add_bound(out, column, ">=", from);
        buf_puts(out, " AND ");
        add_bound(out, column, "<", to);
        buf_putc(out, ')');
    }
    return ERR_OK;
}

static enum err_code add_value(const struct search *search, const struct criterion *criterion,
                               struct str value)
{
    switch (criterion->matching) {
    case MATCH_TOKEN:
        return add_token(search, criterion, value);
    case MATCH_TEXT:
        return add_text(search, criterion, value);
    case MATCH_DATE:
        return add_date(search, criterion, value);
    case MATCH_NUMBER:
        return add_number(search, criterion, value);
    case MATCH_REFERENCE:
        return add_reference(search, criterion, value);
    }
    return ERR_OK;
}

/* ---- one parameter ------------------------------------------------------------------------------
 */

static enum err_code check_modifier(const struct search *search, const struct criterion *criterion)
{
    struct str m = criterion->modifier;
    bool text = criterion->matching == MATCH_TEXT &&
                (str_equal(m, STR("exact")) || str_equal(m, STR("contains")));
    bool token = criterion->matching == MATCH_TOKEN && str_equal(m, STR("not"));
    if (m.len == 0 || text || token || str_equal(m, STR("missing")))
        return ERR_OK;
    err_set(search->err, ERR_INPUT, "search parameter '%.*s' has no modifier '%.*s'",
            (int)criterion->name.len, criterion->name.ptr, (int)(m.len < 60 ? m.len : 60), m.ptr);
    return err_hint(search->err,
                    ":missing goes with all, :exact and :contains with texts, :not with codes");
}

static enum err_code add_missing(const struct search *search, const struct criterion *criterion,
                                 struct str value)
{
    bool missing = str_equal(value, STR("true"));
    if (!missing && !str_equal(value, STR("false")))
        return bad_value(search, criterion, "true or false after :missing");
    for (size_t i = 0; i < criterion->column_count; i++) {
        buf_puts(search->where, i == 0 ? "(" : missing ? " AND " : " OR ");
        add_column(search->where, criterion->columns[i]);
        buf_puts(search->where, missing ? " IS NULL" : " IS NOT NULL");
    }
    buf_putc(search->where, ')');
    return ERR_OK;
}

static enum err_code add_criterion(const struct search *search, struct criterion *criterion,
                                   struct str values)
{
    TRY(resolve(search, criterion));
    TRY(check_modifier(search, criterion));
    buf_puts(search->where, search->where->len == 0 ? "" : "\n  AND ");
    if (str_equal(criterion->modifier, STR("missing")))
        return add_missing(search, criterion, values);
    bool not_ = str_equal(criterion->modifier, STR("not"));
    buf_puts(search->where, not_ ? "coalesce(NOT (" : "(");
    size_t count = 0;
    for (size_t begin = 0; begin <= values.len;) {
        size_t end = begin;
        while (end < values.len && values.ptr[end] != ',')
            end++;
        if (++count > SEARCH_MOST_VALUES)
            return err_set(search->err, ERR_LIMIT, "a search parameter has more than %d values",
                           SEARCH_MOST_VALUES);
        buf_puts(search->where, count > 1 ? " OR " : "");
        TRY(add_value(search, criterion, (struct str){values.ptr + begin, end - begin}));
        begin = end + 1;
    }
    buf_puts(search->where, not_ ? "), true)" : ")"); /* :not takes those without a value too */
    return ERR_OK;
}

static enum err_code add_sort(const struct search *search, struct str value)
{
    for (size_t begin = 0; begin < value.len;) {
        size_t end = begin;
        while (end < value.len && value.ptr[end] != ',')
            end++;
        struct criterion key = {.name = {value.ptr + begin, end - begin}};
        bool down = key.name.len > 0 && key.name.ptr[0] == '-';
        key.name = (struct str){key.name.ptr + (down ? 1 : 0), key.name.len - (down ? 1 : 0)};
        TRY(resolve(search, &key));
        buf_puts(search->order, search->order->len == 0 ? "" : ", ");
        add_column(search->order, key.columns[0]);
        buf_puts(search->order, down ? " DESC NULLS LAST" : " NULLS LAST");
        begin = end + 1;
    }
    return ERR_OK;
}

/* name[:modifier]=value */
static enum err_code add_parameter(struct search *search, struct str name, struct str value)
{
    struct criterion criterion = {.name = name};
    const char *colon = memchr(name.ptr, ':', name.len);
    if (value.len == 0 || name.len == 0) {
        err_set(search->err, ERR_INPUT, "search parameter '%.*s' has no value",
                (int)(name.len < 90 ? name.len : 90), name.ptr);
        return err_hint(search->err,
                        "write name=value, joined by &: 'gender=male&birthdate=ge1950'");
    }
    if (str_equal(name, STR("_sort")))
        return add_sort(search, value);
    if (str_equal(name, STR("_count")))
        return str_to_int64(value, &search->count) && search->count >= 0
                   ? ERR_OK
                   : bad_value(search, &criterion, "a number of rows");
    if (colon != NULL) {
        criterion.name.len = (size_t)(colon - name.ptr);
        criterion.modifier = (struct str){colon + 1, name.len - criterion.name.len - 1};
    }
    return add_criterion(search, &criterion, value);
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Percent-decoded, + is a blank. */
static void decode(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        bool escape = text.ptr[i] == '%' && i + 2 < text.len && hex_of(text.ptr[i + 1]) >= 0 &&
                      hex_of(text.ptr[i + 2]) >= 0;
        buf_putc(out, escape ? (char)(hex_of(text.ptr[i + 1]) * 16 + hex_of(text.ptr[i + 2]))
                      : text.ptr[i] == '+' ? ' '
                                           : text.ptr[i]);
        i += escape ? 2 : 0;
    }
}

enum err_code api_view_search_sql(const struct api_view *view, const char *text, struct buf *sql,
                                  struct err *err)
{
    AUTO(buf_done) struct buf where = BUF_INIT, order = BUF_INIT, inner = BUF_INIT;
    struct search search = {
        .view = view->view, .where = &where, .order = &order, .count = -1, .err = err};
    size_t length = strlen(text);
    if (length > SEARCH_LIMIT_BYTES)
        return err_set(err, ERR_LIMIT, "the search is longer than %d bytes", SEARCH_LIMIT_BYTES);
    for (size_t begin = 0; begin < length;) {
        AUTO(buf_done) struct buf name = BUF_INIT, value = BUF_INIT;
        size_t end = begin + strcspn(text + begin, "&"), equals = begin;
        while (equals < end && text[equals] != '=')
            equals++;
        decode((struct str){text + begin, equals - begin}, &name);
        decode((struct str){text + equals + 1, equals < end ? end - equals - 1 : 0}, &value);
        TRY(buf_check(&name, err));
        TRY(buf_check(&value, err));
        TRY(add_parameter(&search, buf_view(&name), buf_view(&value)));
        begin = end + 1;
    }
    buf_add_str(&inner, buf_view(sql));
    buf_clear(sql);
    buf_printf(sql, "SELECT * FROM (%s) AS found", buf_text(&inner));
    if (where.len > 0)
        buf_printf(sql, "\nWHERE %s", buf_text(&where));
    if (order.len > 0)
        buf_printf(sql, "\nORDER BY %s", buf_text(&order));
    if (search.count >= 0)
        buf_printf(sql, "\nLIMIT %lld", (long long)search.count);
    TRY(buf_check(&where, err));
    TRY(buf_check(&order, err));
    return buf_check(sql, err);
}
