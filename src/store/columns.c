/* How a source's column becomes a stored one, as SQL expressions.
 *
 *     "DOB", markers {NA}, padded, DATE by %d/%m/%Y  →
 *     CAST(strptime(CASE WHEN trim("DOB", …) IN ('', 'NA') THEN NULL ELSE trim("DOB", …) END,
 * '%d/%m/%Y') AS DATE)
 *
 * The one idea: three expressions from one plan — the text meant, the value stored, and (for types
 * given by the user) the test that finds rows whose text the type can't hold without loss. Names
 * and literals pass the engine's quoters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_priv.h"

#define BLANKS "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)"

void store_sql_name(struct buf *out, const char *name)
{
    engine_quote_identifier(out, str_of(name));
}

static void add_base(const struct store_column_plan *plan, struct buf *out)
{
    if (plan->padded)
        buf_puts(out, "trim(");
    if (plan->from_text) {
        store_sql_name(out, plan->source);
    } else {
        buf_puts(out, "CAST(");
        store_sql_name(out, plan->source);
        buf_puts(out, " AS VARCHAR)");
    }
    if (plan->padded)
        buf_puts(out, ", " BLANKS ")");
}

void store_sql_column_text(const struct store_column_plan *plan, struct buf *out)
{
    bool empty_is_null = plan->empty_is_null;
    if (!empty_is_null && plan->null_marker_count == 0) {
        add_base(plan, out);
        return;
    }
    buf_puts(out, plan->by_function ? "marrow_null_if(" : "CASE WHEN ");
    add_base(plan, out);
    buf_puts(out, plan->by_function ? ", " : " IN (");
    if (empty_is_null)
        buf_puts(out, "''");
    for (size_t i = 0; i < plan->null_marker_count; i++) {
        buf_puts(out, empty_is_null || i > 0 ? ", " : "");
        engine_quote_literal(out, str_of(plan->null_markers[i]));
    }
    buf_puts(out, plan->by_function ? ")" : ") THEN NULL ELSE ");
    if (plan->by_function)
        return;
    add_base(plan, out);
    buf_puts(out, " END");
}

/* The text, for numbers with their commas and points as a number is cast from. */
static void add_castable(const struct store_column_plan *plan, struct buf *out)
{
    enum typing_notation notation;
    bool number =
        data_type_is_numeric(plan->type) && typing_format_is_number(plan->format, &notation);
    bool comma = number && notation == TYPING_COMMA_DECIMAL;
    buf_puts(out, comma ? "replace(replace(" : number ? "replace(" : "");
    store_sql_column_text(plan, out);
    buf_puts(out, comma ? ", '.', ''), ',', '.')" : number ? ", ',', '')" : "");
}

/* try: an unfit text gives null instead of an error. */
static void add_cast(const struct store_column_plan *plan, bool try, struct buf *out)
{
    bool text = plan->type.kind == DATA_TEXT || plan->type.kind == DATA_NULL;
    if (text && !try) {
        store_sql_column_text(plan, out);
        return;
    }
    buf_puts(out, try ? "TRY_CAST(" : "CAST(");
    if (plan->format != NULL && data_type_is_temporal(plan->type)) {
        buf_puts(out, try ? "try_strptime(" : "strptime(");
        store_sql_column_text(plan, out);
        buf_puts(out, ", ");
        engine_quote_literal(out, str_of(plan->format));
        buf_puts(out, ")");
    } else {
        add_castable(plan, out);
    }
    buf_puts(out, " AS ");
    engine_type_sql(text ? DATA_TYPE(TEXT) : plan->type, out);
    buf_puts(out, ")");
}

void store_sql_column_value(const struct store_column_plan *plan, struct buf *out)
{
    if (plan->typed) {
        store_sql_name(out, plan->source);
        return;
    }
    if (plan->from_text || plan->forced || plan->markers_given) {
        add_cast(plan, false, out);
        return;
    }
    buf_puts(out, "CAST(");
    store_sql_name(out, plan->source);
    buf_puts(out, " AS ");
    engine_type_sql(plan->type, out);
    buf_puts(out, ")");
}

/* The engine's cast rounds 1.5 to 2 as an integer and cuts the time off a date: such texts don't
 * fit; nor do groups of other than three digits. */
static void add_exactness(const struct store_column_plan *plan, struct buf *out)
{
    char pattern[80] = "";
    enum typing_notation notation;
    if (data_type_is_numeric(plan->type) && typing_format_is_number(plan->format, &notation)) {
        bool comma = notation == TYPING_COMMA_DECIMAL;
        buf_puts(out, " OR NOT regexp_full_match(");
        store_sql_column_text(plan, out);
        buf_printf(out, ", '[+-]?([0-9]+|[0-9]{1,3}(%s[0-9]{3})+)?(%s[0-9]+)?')",
                   comma ? "\\." : ",", comma ? "," : "\\.");
    }
    if (plan->type.kind == DATA_BIGINT)
        (void)snprintf(pattern, sizeof pattern, "[+-]?[0-9]+(\\.0*)?");
    else if (plan->type.kind == DATA_DECIMAL)
        (void)snprintf(pattern, sizeof pattern, "[+-]?([0-9]+|[0-9]*\\.[0-9]{0,%u}0*)",
                       plan->type.scale);
    else if (plan->type.kind == DATA_DATE && plan->format == NULL)
        (void)snprintf(pattern, sizeof pattern, "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}");
    if (pattern[0] == '\0')
        return;
    buf_puts(out, " OR NOT regexp_full_match(");
    add_castable(plan, out);
    buf_puts(out, ", ");
    engine_quote_literal(out, str_of(pattern));
    buf_puts(out, ")");
}

void store_sql_column_misfit(const struct store_column_plan *plan, struct buf *out)
{
    buf_puts(out, "(");
    store_sql_column_text(plan, out);
    buf_puts(out, " IS NOT NULL AND (");
    add_cast(plan, true, out);
    buf_puts(out, " IS NULL");
    if (plan->forced)
        add_exactness(plan, out);
    buf_puts(out, "))");
}

/* ---- canonical order ---------------------------------------------------------------------------
 */

struct named {
    const char *name;
    size_t idx;
};

static int compare_named(const void *a, const void *b)
{
    const char *x = ((const struct named *)a)->name, *y = ((const struct named *)b)->name;
    for (;; x++, y++) {
        unsigned char left = (unsigned char)*x, right = (unsigned char)*y;
        left = left >= 'A' && left <= 'Z' ? (unsigned char)(left + 32) : left;
        right = right >= 'A' && right <= 'Z' ? (unsigned char)(right + 32) : right;
        if (left != right || left == '\0')
            return left < right ? -1 : left > right ? 1 : 0;
    }
}

enum err_code store_sql_row_hash(const char *const *names, size_t count, const char *prefix,
                                 struct buf *out, struct err *err)
{
    AUTO(mem_free) struct named *sorted = mem_zalloc(count + 1, sizeof *sorted);
    if (sorted == NULL)
        return err_set(err, ERR_MEMORY, "no memory to hash a table");
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct named){names[i], i};
    qsort(sorted, count, sizeof *sorted, compare_named);
    buf_puts(out, "marrow_row_hash(");
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, i == 0 ? "" : ", ");
        buf_puts(out, prefix);
        store_sql_name(out, sorted[i].name);
    }
    buf_puts(out, ")");
    return buf_check(out, err);
}

enum err_code store_sql_table_hash(const struct data_schema *schema, struct buf *out,
                                   struct err *err)
{
    AUTO(mem_free) const char **names = mem_zalloc(schema->count + 1, sizeof *names);
    if (names == NULL)
        return err_set(err, ERR_MEMORY, "no memory to hash a table");
    for (size_t i = 0; i < schema->count; i++)
        names[i] = schema->columns[i].name;
    buf_puts(out, "marrow_hash_sum(");
    TRY(store_sql_row_hash(names, schema->count, "", out, err));
    buf_puts(out, ")");
    return buf_check(out, err);
}

const char *store_hex128(struct data_int128 value, char ret[33])
{
    (void)snprintf(ret, 33, "%016llx%016llx", (unsigned long long)value.high,
                   (unsigned long long)value.low);
    return ret;
}

/* ---- tables that become one --------------------------------------------------------------------
 */

static unsigned whole_digits(struct data_type type)
{
    return type.kind == DATA_BIGINT ? 19 : (unsigned)(type.precision - type.scale);
}

struct data_type store_type_wider(struct data_type a, struct data_type b)
{
    if (data_type_equal(a, b) || b.kind == DATA_NULL)
        return a;
    if (a.kind == DATA_NULL)
        return b;
    if (!data_type_is_numeric(a) || !data_type_is_numeric(b))
        return DATA_TYPE(TEXT);
    if (a.kind == DATA_DOUBLE || b.kind == DATA_DOUBLE)
        return DATA_TYPE(DOUBLE);
    unsigned whole = whole_digits(a) > whole_digits(b) ? whole_digits(a) : whole_digits(b);
    unsigned scale = a.scale > b.scale ? a.scale : b.scale;
    return whole + scale <= 38 ? data_type_decimal(whole + scale, scale) : DATA_TYPE(TEXT);
}

void store_sql_lost_as_double(const struct data_column *column, const char *relation,
                              struct buf *out)
{
    buf_printf(out, "SELECT count(*) FROM %s WHERE TRY_CAST(CAST(", relation);
    store_sql_name(out, column->name);
    buf_puts(out, " AS DOUBLE) AS ");
    engine_type_sql(column->type, out);
    buf_puts(out, ") IS DISTINCT FROM ");
    store_sql_name(out, column->name);
}
