/* PostgreSQL (12 and later): only what differs from the standard spelling by more than a word.
 * Lists are arrays; JSON is json (its text is kept); structs are json, built with the text that
 * nested.c gives. Text order is bytewise: COLLATE "C". Integer arguments that are int4 here are
 * clipped to what makes a difference. The session is Marrow's: UTC, ISO forms. Casts:
 * postgres_cast.c. */
#include "dialect/postgres_priv.h"

#include <string.h>

void postgres_type(struct data_type type, struct buf *out)
{
    switch (type.kind) {
    case DATA_BOOLEAN:
        buf_puts(out, "BOOLEAN");
        return;
    case DATA_BIGINT:
        buf_puts(out, "BIGINT");
        return;
    case DATA_UHUGEINT:
        buf_puts(out, "NUMERIC(39, 0)");
        return;
    case DATA_DECIMAL:
        buf_printf(out, "NUMERIC(%u, %u)", type.precision, type.scale);
        return;
    case DATA_DOUBLE:
        buf_puts(out, "DOUBLE PRECISION");
        return;
    case DATA_NULL:
    case DATA_TEXT:
        buf_puts(out, "TEXT");
        return;
    case DATA_DATE:
        buf_puts(out, "DATE");
        return;
    case DATA_TIME:
        buf_puts(out, "TIME");
        return;
    case DATA_TIMESTAMP:
        buf_puts(out, "TIMESTAMP");
        return;
    case DATA_TIMESTAMPTZ:
        buf_puts(out, "TIMESTAMPTZ");
        return;
    case DATA_INTERVAL:
        buf_puts(out, "INTERVAL");
        return;
    case DATA_BLOB:
        buf_puts(out, "BYTEA");
        return;
    case DATA_LIST:
        postgres_type(type.fields[0].type, out);
        buf_puts(out, "[]");
        return;
    case DATA_STRUCT:
    case DATA_JSON:
        buf_puts(out, "JSON");
        return;
    }
}

/* A template of argument i (from 0) as an INTEGER between least and most. */
static const char *clipped(struct emit *emit, const struct plan_expr *expr, size_t i, int64_t least,
                           int64_t most)
{
    const struct plan_expr *arg = expr->args[i];
    int64_t value;
    if (arg->kind == PLAN_LITERAL && arg->literal != NULL &&
        str_to_int64(str_of(arg->literal), &value)) {
        value = value < least ? least : value > most ? most : value;
        return arena_printf(emit->arena, "%lld", (long long)value);
    }
    size_t n = i + 1;
    return arena_printf(emit->arena,
                        "CAST(CASE WHEN %%%zu < %lld THEN %lld WHEN %%%zu > %lld THEN %lld ELSE "
                        "%%%zu END AS INTEGER)",
                        n, (long long)least, (long long)least, n, (long long)most, (long long)most,
                        n);
}

#define CHARACTERS_MOST 1000000000

/* name(text, n) with n clipped; rest: what follows it. */
static const char *with_count(struct emit *emit, const struct plan_expr *expr, const char *name,
                              int64_t least, const char *rest)
{
    const char *count = clipped(emit, expr, 1, least, CHARACTERS_MOST);
    return count == NULL ? NULL : arena_printf(emit->arena, "%s(%%1, %s%s)", name, count, rest);
}

static const char *substring(struct emit *emit, const struct plan_expr *expr)
{
    if (expr->arg_count == 2)
        return with_count(emit, expr, "substr", -CHARACTERS_MOST, "");
    const char *count = clipped(emit, expr, 2, 0, CHARACTERS_MOST);
    const char *rest = count == NULL ? NULL : arena_printf(emit->arena, ", %s", count);
    return rest == NULL ? NULL : with_count(emit, expr, "substr", -CHARACTERS_MOST, rest);
}

static const char *split_part(struct emit *emit, const struct plan_expr *expr)
{
    const char *number = clipped(emit, expr, 2, 0, CHARACTERS_MOST);
    if (number == NULL || number[0] != 'C') /* a literal */
        return number == NULL ? NULL
               : strcmp(number, "0") == 0
                   ? "left(%1, 0)"
                   : arena_printf(emit->arena, "split_part(%%1, %%2, %s)", number);
    return arena_printf(
        emit->arena,
        "CASE WHEN %%3 > 0 THEN split_part(%%1, %%2, %s) WHEN %%3 <= 0 THEN left(%%1, 0) END",
        number);
}

/* The first by its keys of what array_agg has; last: all turned round. */
static const char *by_keys(struct emit *emit, const struct plan_expr *expr)
{
    const char *direction = expr->function->id == PLAN_FUNCTION_LAST_BY ? " DESC" : "";
    struct buf text = BUF_INIT;
    buf_puts(&text, "(array_agg(%1 ORDER BY ");
    for (size_t i = 1; i < expr->arg_count; i++)
        buf_printf(&text, "%%T%zu%s NULLS LAST, ", i + 1, direction);
    buf_printf(&text, "%%T1%s)%%N)[1]", direction);
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy.ptr;
}

static const char *order_key(const struct plan_expr *expr)
{
    bool number = expr->args[0]->type.kind == DATA_BIGINT;
    if (expr->args[1]->type.kind == DATA_BIGINT)
        return number ? "CAST(%1 AS NUMERIC) * 18446744073709551616 + $2" : NULL;
    return number ? "CAST(%1 AS NUMERIC) * 18446744073709551616 + div(%2, 18446744073709551616)"
                  : "EXTRACT(epoch FROM CAST(%1 AS TIMESTAMP)) * 1000000 * 18446744073709551616 + "
                    "div(%2, 18446744073709551616)";
}

/* Greatest and least of texts: one collation is enough. */
static const char *extreme(const struct plan_expr *expr)
{
    bool greatest = expr->function->id == PLAN_FUNCTION_GREATEST;
    if (expr->type.kind != DATA_TEXT || expr->arg_count < 2)
        return NULL;
    return greatest ? "greatest(%T1, %2*)" : "least(%T1, %2*)";
}

static const char *compared(enum plan_function_id id)
{
    switch ((int)id) {
    case PLAN_FUNCTION_LT:
        return "%T1 < $2";
    case PLAN_FUNCTION_LE:
        return "%T1 <= $2";
    case PLAN_FUNCTION_GT:
        return "%T1 > $2";
    case PLAN_FUNCTION_GE:
        return "%T1 >= $2";
    case PLAN_FUNCTION_BETWEEN:
        return "%T1 BETWEEN $2 AND $3";
    }
    return NULL;
}

/* Sums and products of decimals are as wide as they must be; where the plan's type is narrower, too
 * much is an error. */
static const char *arithmetic(struct emit *emit, const struct plan_expr *expr,
                              enum precedence *ret_precedence)
{
    enum plan_function_id id = expr->function->id;
    if (expr->type.kind != DATA_DECIMAL ||
        (expr->type.precision != 18 && expr->type.precision != 38))
        return NULL;
    struct buf text = BUF_INIT;
    buf_printf(&text, "CAST(#1 %c #2 AS ",
               id == PLAN_FUNCTION_ADD   ? '+'
               : id == PLAN_FUNCTION_SUB ? '-'
                                         : '*');
    postgres_type(expr->type, &text);
    buf_putc(&text, ')');
    *ret_precedence = PRECEDENCE_ATOM;
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy.ptr;
}

static const char *rounded(struct emit *emit, const struct plan_expr *expr)
{
    const char *places = clipped(emit, expr, 1, -40, 40);
    struct buf text = BUF_INIT;
    buf_printf(&text, "CAST(round(%%1, %s) AS ", places != NULL ? places : "0");
    postgres_type(expr->type, &text);
    buf_putc(&text, ')');
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy.ptr;
}

static const char *added_time(const struct plan_expr *expr, enum precedence *ret_precedence)
{
    bool date = expr->type.kind == DATA_DATE;
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_ADD_DAYS:
        if (!date)
            return "$1 + #2 * INTERVAL '1 day'";
        return "$1 + CAST(%2 AS INTEGER)";
    case PLAN_FUNCTION_ADD_MONTHS:
        if (!date)
            return "$1 + #2 * INTERVAL '1 month'";
        *ret_precedence = PRECEDENCE_ATOM;
        return "CAST(#1 + #2 * INTERVAL '1 month' AS DATE)";
    }
    return "$1 + #2 * INTERVAL '1 second'";
}

/* Members that are objects or arrays are written without blanks, as elsewhere. */
#define MINIFIED(text) "regexp_replace(" text ", '(\"(?:[^\"\\\\]|\\\\.)*\")|\\s+', '\\1', 'g')"

static const char *member_text(const struct plan_expr *expr)
{
    if (expr->function->id == PLAN_FUNCTION_JSON_TEXT)
        return "CASE WHEN json_typeof(CAST(%1 AS JSON)) IN ('object', 'array') THEN " MINIFIED(
            "CAST(%1 AS TEXT)") " ELSE CAST(%1 AS JSON) #>> '{}' END";
    return "CASE WHEN json_typeof(CAST(%1 AS JSON) -> %2) IN ('object', 'array') THEN " MINIFIED(
        "CAST(%1 AS JSON) ->> %2") " ELSE CAST(%1 AS JSON) ->> %2 END";
}

static const char *json_at(struct emit *emit, const struct plan_expr *expr)
{
    const char *number = clipped(emit, expr, 1, -1, CHARACTERS_MOST);
    if (number == NULL)
        return NULL;
    return number[0] == 'C'
               ? arena_printf(emit->arena, "CASE WHEN %%2 >= 0 THEN CAST(%%1 AS JSON) -> %s END",
                              number)
           : number[0] == '-' ? "CAST(NULL AS JSON)"
                              : arena_printf(emit->arena, "(CAST(%%1 AS JSON) -> %s)", number);
}

static const char *list_get(struct emit *emit, const struct plan_expr *expr)
{
    const char *number = clipped(emit, expr, 1, 0, CHARACTERS_MOST);
    return number == NULL ? NULL : arena_printf(emit->arena, "(%%1)[%s]", number);
}

static const char *typed(struct emit *emit, const char *before, struct data_type type,
                         const char *after)
{
    struct buf text = BUF_INIT;
    buf_puts(&text, before);
    postgres_type(type, &text);
    buf_puts(&text, after);
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy.ptr;
}

/* There is no function that raises: a cast that fails says the text. A clock that is asked keeps it
 * from being tried before it is reached. */
static const char *raised(struct emit *emit, const struct plan_expr *expr)
{
#define FAILS "CAST('marrow: ' || #1 || left(CAST(clock_timestamp() AS TEXT), 0) AS BOOLEAN)"
    return expr->type.kind == DATA_BOOLEAN
               ? FAILS
               : typed(emit, "CAST(CAST(" FAILS " AS TEXT) AS ", expr->type, ")");
#undef FAILS
}

static const char *concatenated(struct emit *emit, const struct plan_expr *expr)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < expr->arg_count; i++)
        buf_printf(&text, " || #%zu", i + 1);
    buf_putc(&text, ')');
    const char *lists = typed(emit, "(CAST('{}' AS ", expr->type, ")");
    const char *all = arena_printf(emit->arena, "%s%s", lists, buf_text(&text));
    emit->failed = emit->failed || text.failed || all == NULL;
    buf_done(&text);
    return all;
}

static const char *has_array(struct emit *emit, const struct plan_expr *expr)
{
    struct buf text = BUF_INIT;
    buf_puts(&text, "coalesce('array' IN (");
    for (size_t i = 1; i < expr->arg_count; i++)
        buf_printf(&text, "%sjson_typeof(CAST(%%1 AS JSON) #> string_to_array(%%%zu, '.'))",
                   i > 1 ? ", " : "", i + 1);
    buf_puts(&text, "), FALSE)");
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy.ptr;
}

/* A path of names: '{a,b}' */
static const char *json_path(struct emit *emit, const struct plan_expr *expr)
{
    if (!emit_is_plain_path(expr->args[1]))
        return NULL;
    struct buf text = BUF_INIT;
    const char *name = expr->args[1]->literal;
    bool one = strchr(name, '.') == NULL;
    buf_puts(&text, one ? "(CAST(%1 AS JSON) -> '" : "(CAST(%1 AS JSON) #> '{");
    for (; *name != '\0'; name++)
        buf_putc(&text, *name == '.' ? ',' : *name);
    buf_puts(&text, one ? "')" : "}')");
    struct str copy = emit_copy(emit, &text);
    buf_done(&text);
    return copy.ptr;
}

static const char *of_lists(struct emit *emit, const struct plan_expr *expr)
{
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_JSON_PATH:
        return json_path(emit, expr);
    case PLAN_FUNCTION_JSON_HAS_ARRAY:
        return has_array(emit, expr);
    case PLAN_FUNCTION_RAISE:
        return raised(emit, expr);
    case PLAN_FUNCTION_LIST_CONCAT:
        return concatenated(emit, expr);
    }
    return NULL;
}

static const char *of_window(const struct plan_expr *expr)
{
    if (expr->arg_count < 2)
        return NULL;
    return expr->function->id == PLAN_FUNCTION_LAG ? "lag(%1, CAST(%2 AS INTEGER))%F"
                                                   : "lead(%1, CAST(%2 AS INTEGER))%F";
}

static const char *of_booleans(enum plan_function_id id)
{
    if (id == PLAN_FUNCTION_MIN)
        return "bool_and(%1)%F";
    return id == PLAN_FUNCTION_MAX ? "bool_or(%1)%F" : NULL;
}

static const char *of_numbers(struct emit *emit, const struct plan_expr *expr,
                              enum precedence *ret_precedence)
{
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_ADD:
    case PLAN_FUNCTION_SUB:
    case PLAN_FUNCTION_MUL:
        return arithmetic(emit, expr, ret_precedence);
    case PLAN_FUNCTION_ROUND:
        return rounded(emit, expr);
    case PLAN_FUNCTION_FLOOR:
    case PLAN_FUNCTION_CEIL:
        return expr->type.kind == DATA_BIGINT ? "CAST(%1 AS BIGINT)" : NULL;
    case PLAN_FUNCTION_ORDER_KEY:
        return order_key(expr);
    }
    return NULL;
}

static const char *of_texts(struct emit *emit, const struct plan_expr *expr)
{
    switch ((int)expr->function->id) {
    case PLAN_FUNCTION_SUBSTRING:
        return substring(emit, expr);
    case PLAN_FUNCTION_LEFT:
        return with_count(emit, expr, "left", -CHARACTERS_MOST, "");
    case PLAN_FUNCTION_RIGHT:
        return with_count(emit, expr, "right", -CHARACTERS_MOST, "");
    case PLAN_FUNCTION_LPAD:
        return with_count(emit, expr, "lpad", 0, ", %3");
    case PLAN_FUNCTION_SPLIT_PART:
        return split_part(emit, expr);
    case PLAN_FUNCTION_JSON_TEXT:
    case PLAN_FUNCTION_JSON_VALUE:
        return member_text(expr);
    case PLAN_FUNCTION_JSON_AT:
        return json_at(emit, expr);
    case PLAN_FUNCTION_LIST_GET:
        return list_get(emit, expr);
    }
    return NULL;
}

static const char *choose(struct emit *emit, const struct plan_expr *expr,
                          enum precedence *ret_precedence)
{
    enum plan_function_id id = expr->function->id;
    enum data_kind kind = expr->arg_count > 0 ? expr->args[0]->type.kind : DATA_NULL;
    const char *text = NULL;
    if (kind == DATA_TEXT)
        text = compared(id);
    else if (kind == DATA_BOOLEAN)
        text = of_booleans(id);
    if (text == NULL)
        text = of_numbers(emit, expr, ret_precedence);
    if (text == NULL)
        text = of_texts(emit, expr);
    if (text == NULL)
        text = of_lists(emit, expr);
    if (text != NULL)
        return text;
    switch ((int)id) {
    case PLAN_FUNCTION_NULLIF:
        return data_type_equal(expr->args[0]->type, expr->args[1]->type)
                   ? NULL
                   : "CASE WHEN #1 = #2 THEN NULL ELSE %1 END";
    case PLAN_FUNCTION_GREATEST:
    case PLAN_FUNCTION_LEAST:
        return extreme(expr);
    case PLAN_FUNCTION_ADD_DAYS:
    case PLAN_FUNCTION_ADD_MONTHS:
    case PLAN_FUNCTION_ADD_SECONDS:
        return added_time(expr, ret_precedence);
    case PLAN_FUNCTION_AGE_YEARS:
        *ret_precedence = PRECEDENCE_PRODUCT;
        return NULL;
    case PLAN_FUNCTION_FIRST_BY:
    case PLAN_FUNCTION_LAST_BY:
        return by_keys(emit, expr);
    case PLAN_FUNCTION_LAG:
    case PLAN_FUNCTION_LEAD:
        return of_window(expr);
    }
    return NULL;
}

/* ---- structs, lists, parameters -----------------------------------------------------------------
 */

static void field_sql(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                      struct buf *out)
{
    struct data_type type = expr->type;
    struct buf name = BUF_INIT;
    emit_quoted(&name, str_of(expr->name));
    bool json = type.kind == DATA_JSON || type.kind == DATA_STRUCT;
    buf_puts(
        out,
        type.kind == DATA_LIST
            ? "(SELECT CASE json_typeof(given.v) WHEN 'array' THEN ARRAY(SELECT CAST(listed.e AS "
        : json ? "(SELECT CASE WHEN json_typeof(given.v) <> 'null' THEN given.v END"
               : "CAST((");
    if (type.kind == DATA_LIST) {
        bool nested =
            type.fields[0].type.kind == DATA_JSON || type.fields[0].type.kind == DATA_STRUCT;
        postgres_type(type.fields[0].type, out);
        buf_printf(out,
                   ") FROM json_array_elements%s(given.v) WITH ORDINALITY AS listed(e, n) ORDER BY "
                   "listed.n) END",
                   nested ? "" : "_text");
    }
    buf_puts(out, json || type.kind == DATA_LIST ? " FROM (SELECT (" : "");
    emit_expr(emit, env, expr->args[0], true, out);
    buf_printf(out, ") %s %s", json || type.kind == DATA_LIST ? "->" : "->>", buf_text(&name));
    if (json || type.kind == DATA_LIST) {
        buf_puts(out, " AS v) AS given)");
    } else {
        buf_puts(out, " AS ");
        postgres_type(type, out);
        buf_putc(out, ')');
    }
    buf_done(&name);
}

static void record_sql(struct emit *emit, const struct env *env, const struct plan_expr *expr,
                       struct buf *out)
{
    const char **values = arena_array(emit->arena, expr->arg_count, sizeof *values);
    struct buf text = BUF_INIT;
    for (size_t i = 0; values != NULL && i < expr->arg_count; i++) {
        bool parentheses = emit_precedence(emit, env, expr->args[i]) < PRECEDENCE_ATOM;
        buf_puts(&text, parentheses ? "(" : "");
        emit_expr(emit, env, expr->args[i], true, &text);
        buf_puts(&text, parentheses ? ")" : "");
        values[i] = emit_copy(emit, &text).ptr;
    }
    buf_done(&text);
    if (values == NULL) {
        emit->failed = true;
        return;
    }
    buf_puts(out, "CAST(");
    emit_json_record(emit, expr->type, values, 1, out);
    buf_puts(out, " AS JSON)");
}

static void param_sql(struct data_type type, const char *place, struct buf *out)
{
    if (type.kind != DATA_LIST) {
        buf_printf(out, "CAST(%s AS ", place);
        postgres_type(type, out);
        buf_putc(out, ')');
        return;
    }
    struct data_type element = type.fields[0].type;
    bool nested = element.kind == DATA_JSON || element.kind == DATA_STRUCT;
    buf_printf(out, "CASE WHEN CAST(%s AS JSON) IS NOT NULL THEN ARRAY(SELECT CAST(listed.e AS ",
               place);
    postgres_type(element, out);
    buf_printf(out,
               ") FROM json_array_elements%s(CAST(%s AS JSON)) WITH ORDINALITY AS listed(e, n) "
               "ORDER BY listed.n) END",
               nested ? "" : "_text", place);
}

static void json_scalar(struct data_type type, const char *value, struct buf *out)
{
    switch (type.kind) {
    case DATA_DOUBLE:
        buf_printf(out,
                   "CASE WHEN CAST(%s AS TEXT) IN ('NaN', 'Infinity', '-Infinity') THEN NULL ELSE "
                   "CAST(%s AS TEXT) END",
                   value, value);
        return;
    case DATA_TEXT:
        buf_printf(out, "CAST(to_json(%s) AS TEXT)", value);
        return;
    case DATA_DECIMAL:
        buf_printf(out, "CAST(CAST(%s AS NUMERIC(%u, %u)) AS TEXT)", value, type.precision,
                   type.scale);
        return;
    case DATA_JSON:
    case DATA_STRUCT:
        buf_printf(out, MINIFIED("CAST(%s AS TEXT)"), value);
        return;
    case DATA_NULL:
    case DATA_BOOLEAN:
    case DATA_BIGINT:
    case DATA_UHUGEINT:
    case DATA_LIST:
        buf_printf(out, "CAST(%s AS TEXT)", value);
        return;
    case DATA_DATE:
    case DATA_TIME:
    case DATA_TIMESTAMP:
    case DATA_TIMESTAMPTZ:
    case DATA_INTERVAL:
    case DATA_BLOB:
        buf_printf(out, "'\"' || CAST(%s AS TEXT) || '\"'", value);
        return;
    }
}

static void json_list(const char *list, const char *element, const char *text, struct buf *out)
{
    buf_printf(out,
               "(SELECT '[' || coalesce(string_agg(%s, ',' ORDER BY n), '') || ']' FROM unnest(%s) "
               "WITH ORDINALITY AS listed(%s, n) HAVING ",
               text, list, element);
    buf_puts(out, list);
    buf_puts(out, " IS NOT NULL)");
}

/* A computed numeric has no scale of its own. */
static bool strays(struct data_type type, const struct origin *origin)
{
    bool cast = origin->expr != NULL && origin->expr->kind == PLAN_CAST;
    /* a try_cast is a CASE, whose type has no scale there */
    bool has_scale = origin->expr == NULL || (cast && !origin->expr->try_cast);
    return type.kind == DATA_DECIMAL && (origin->mixed || origin->picked || !has_scale);
}

static bool is_json(struct data_type type)
{
    return type.kind == DATA_JSON || type.kind == DATA_STRUCT ||
           (type.kind == DATA_LIST && is_json(type.fields[0].type));
}

static const char *lacks_expr(const struct plan_expr *expr)
{
    struct data_type type = expr->type;
    if (type.kind == DATA_LIST && type.fields[0].type.kind == DATA_LIST)
        return "a list of lists";
    if (expr->kind == PLAN_CAST)
        return postgres_lacks_cast(expr);
    if (expr->function != NULL && expr->function->id == PLAN_FUNCTION_COUNT_DISTINCT &&
        is_json(expr->args[0]->type))
        return "count_distinct of json";
    return NULL;
}

static const char *lacks_rel(const struct plan_rel *rel)
{
    for (size_t i = 0; rel->kind == PLAN_DISTINCT && i < rel->column_count; i++)
        if (is_json(rel->columns[i].type))
            return "distinct rows with json";
    return NULL;
}

const struct dialect dialect_postgres = {
    .name = "postgresql",
    .also = "postgres",
    .spellings = dialect_postgres_spellings,
    .choose = choose,
    .type = postgres_type,
    .cast = postgres_cast,
    .lacks_expr = lacks_expr,
    .lacks_rel = lacks_rel,
    .field = field_sql,
    .record = record_sql,
    .param = param_sql,
    .json_scalar = json_scalar,
    .json_list = json_list,
    .strays = strays,
    .identifier_bytes = 63,
    .text_order = " COLLATE \"C\"",
    .types_texts = true,
    .unnests_in_from = true,
    .lets = true,
};
