/* What goes to the server: statements told apart, parameters encoded by type. Trino binds nothing
 * on the wire, so values become literals; each kind has one spelling, made from the typed value and
 * checked here, never from the caller's text:
 *
 *     SELECT * FROM t WHERE a = $1 AND b = $2, {text O'Hara}, {bigint 7}
 *     EXECUTE IMMEDIATE 'SELECT * FROM t WHERE a = ? AND b = ?' USING CAST('O''Hara' AS varchar),
 * BIGINT '7' */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "engine/trino/trino_priv.h"

/* Length of the quoted text, comment or single byte at text. */
static size_t token_length(const char *text, const char *end)
{
    size_t left = (size_t)(end - text);
    if (*text == '\'' || *text == '"') {
        const char *close = memchr(text + 1, *text, left - 1);
        return close != NULL ? (size_t)(close - text) + 1 : left; /* '' is two texts side by side */
    }
    if (left > 1 && text[0] == '-' && text[1] == '-') {
        const char *newline = memchr(text, '\n', left);
        return newline != NULL ? (size_t)(newline - text) + 1 : left;
    }
    if (left > 1 && text[0] == '/' && text[1] == '*') {
        const char *close = memmem(text + 2, left - 2, "*/", 2);
        return close != NULL ? (size_t)(close - text) + 2 : left;
    }
    return 1;
}

bool trino_next_statement(struct str *rest, struct str *ret)
{
    while (rest->len > 0) {
        const char *text = rest->ptr, *end = rest->ptr + rest->len;
        bool any = false;
        while (text < end && *text != ';') {
            size_t length = token_length(text, end);
            bool comment = length > 1 && (*text == '-' || *text == '/');
            any = any || (!comment && !isspace((unsigned char)*text));
            text += length;
        }
        *ret = (struct str){rest->ptr, (size_t)(text - rest->ptr)};
        *rest =
            text < end ? (struct str){text + 1, (size_t)(end - text - 1)} : (struct str){end, 0};
        if (any)
            return true;
    }
    return false;
}

/* ---- literals -----------------------------------------------------------------------------------
 */

/* A text as CAST('…' AS varchar); one with a zero byte in Trino's U& form. */
static bool add_text(struct str text, struct buf *out)
{
    if (str_utf8_valid_prefix(text) != text.len)
        return false;
    bool has_zero = text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL;
    buf_puts(out, has_zero ? "U&'" : "'");
    for (size_t idx = 0; idx < text.len; idx++) {
        char c = text.ptr[idx];
        if (c == '\0')
            buf_puts(out, "\\0000");
        else
            buf_putc(out, c);
        if (c == '\'' || (has_zero && c == '\\'))
            buf_putc(out, c);
    }
    buf_putc(out, '\'');
    return true;
}

static void add_date(int64_t days, struct buf *out)
{
    int64_t year;
    unsigned month, day;
    clock_civil_from_days(days, &year, &month, &day);
    const char *sign = year < 0 ? "-" : year > 9999 ? "+" : "";
    buf_printf(out, "%s%04lld-%02u-%02u", sign, (long long)(year < 0 ? -year : year), month, day);
}

static void add_time(int64_t us, struct buf *out)
{
    int64_t seconds = us / 1000000;
    buf_printf(out, "%02lld:%02lld:%02lld.%06lld", (long long)(seconds / 3600),
               (long long)(seconds / 60 % 60), (long long)(seconds % 60),
               (long long)(us % 1000000));
}

static void add_timestamp(int64_t us, const char *zone, struct buf *out)
{
    const int64_t day_us = 86400000000;
    int64_t days = us / day_us - (us % day_us < 0);
    buf_puts(out, "TIMESTAMP '");
    add_date(days, out);
    buf_putc(out, ' ');
    add_time(us - days * day_us, out);
    buf_printf(out, "%s'", zone);
}

static bool add_decimal(const struct engine_value *value, struct buf *out)
{
    if (!engine_decimal_fits(value->text, value->type))
        return false;
    buf_printf(out, "CAST('%.*s' AS decimal(%u,%u))", (int)value->text.len, value->text.ptr,
               (unsigned)value->type.precision, (unsigned)value->type.scale);
    return true;
}

static void add_double(double number, struct buf *out)
{
    char text[32];
    if (isnan(number))
        buf_puts(out, "nan()");
    else if (isinf(number))
        buf_puts(out, number < 0 ? "-infinity()" : "infinity()");
    else
        buf_printf(out, "DOUBLE '%s'", str_from_double(number, text));
}

static void add_hex(struct str bytes, struct buf *out)
{
    buf_puts(out, "X'");
    for (size_t idx = 0; idx < bytes.len; idx++)
        buf_printf(out, "%02X", (unsigned char)bytes.ptr[idx]);
    buf_putc(out, '\'');
}

/* False: no literal can hold it. */
static bool add_value(const struct engine_value *value, struct buf *out)
{
    switch (value->type.kind) {
    case DATA_NULL:
        buf_puts(out, "NULL");
        return true;
    case DATA_BOOLEAN:
        buf_puts(out, value->i64 != 0 ? "TRUE" : "FALSE");
        return true;
    case DATA_BIGINT:
        buf_printf(out, "BIGINT '%lld'", (long long)value->i64);
        return true;
    case DATA_DECIMAL:
        return add_decimal(value, out);
    case DATA_DOUBLE:
        add_double(value->f64, out);
        return true;
    case DATA_TEXT: {
        buf_puts(out, "CAST(");
        bool ok = add_text(value->text, out);
        buf_puts(out, " AS varchar)");
        return ok;
    }
    case DATA_JSON: {
        buf_puts(out, "json_parse(");
        bool ok = add_text(value->text, out);
        buf_putc(out, ')');
        return ok;
    }
    case DATA_BLOB:
        add_hex(value->text, out);
        return true;
    case DATA_DATE:
        buf_puts(out, "DATE '");
        add_date(value->i64, out);
        buf_putc(out, '\'');
        return true;
    case DATA_TIME:
        if (value->i64 < 0 || value->i64 >= 86400000000)
            return false;
        buf_puts(out, "TIME '");
        add_time(value->i64, out);
        buf_putc(out, '\'');
        return true;
    case DATA_TIMESTAMP:
        add_timestamp(value->i64, "", out);
        return true;
    case DATA_TIMESTAMPTZ:
        add_timestamp(value->i64, " UTC", out);
        return true;
    case DATA_UHUGEINT:
    case DATA_INTERVAL:
    case DATA_LIST:
    case DATA_STRUCT:
        return false;
    }
    return false;
}

/* ---- statements with parameters -----------------------------------------------------------------
 */

/* The values that "?" and "$n" stand for, in the order they stand in sql, into literals. */
struct binding {
    const struct engine_value *values;
    size_t count, next, used;
    struct buf literals;
};

static enum err_code bind_one(struct binding *binding, size_t idx, struct err *err)
{
    char type[32];
    if (idx >= binding->count)
        return err_set(err, ERR_USAGE, "the statement wants more than the %zu parameters given",
                       binding->count);
    buf_puts(&binding->literals, binding->used++ > 0 ? ", " : " USING ");
    if (add_value(&binding->values[idx], &binding->literals))
        return ERR_OK;
    return err_set(err, ERR_USAGE, "parameter %zu: a value of type %s cannot be bound", idx + 1,
                   data_type_text(binding->values[idx].type, type));
}

/* A "$12" at text; 0 = no parameter. */
static size_t numbered(const char *start, const char *text, const char *end, size_t *ret_idx)
{
    size_t length = 1, number = 0;
    bool in_word = text > start && (isalnum((unsigned char)text[-1]) || text[-1] == '_');
    while (text + length < end && isdigit((unsigned char)text[length]) && length < 8)
        number = number * 10 + (size_t)(text[length++] - '0');
    if (*text != '$' || in_word || number == 0)
        return 0;
    *ret_idx = number - 1;
    return length;
}

/* sql with "?" for every parameter, doubled quotes, into out. */
static enum err_code bind_all(struct str sql, struct binding *binding, struct buf *out,
                              struct err *err)
{
    const char *end = sql.ptr + sql.len;
    for (const char *text = sql.ptr; text < end;) {
        size_t idx = 0, length = numbered(sql.ptr, text, end, &idx);
        if (length > 0) {
            TRY(bind_one(binding, idx, err));
            buf_putc(out, '?');
            text += length;
            continue;
        }
        length = token_length(text, end);
        if (length == 1 && *text == '?')
            TRY(bind_one(binding, binding->next++, err));
        for (size_t at = 0; at < length; at++) {
            buf_putc(out, text[at]);
            if (text[at] == '\'')
                buf_putc(out, '\'');
        }
        text += length;
    }
    return ERR_OK;
}

static bool has_numbered(struct str sql)
{
    const char *end = sql.ptr + sql.len;
    size_t idx;
    for (const char *text = sql.ptr; text < end; text += token_length(text, end))
        if (numbered(sql.ptr, text, end, &idx) > 0)
            return true;
    return false;
}

enum err_code trino_bind(struct str sql, const struct engine_value *values, size_t count,
                         struct buf *out, struct err *err)
{
    if (count == 0 && !has_numbered(sql)) {
        buf_add_str(out, sql);
        return buf_check(out, err);
    }
    struct binding binding = {.values = values, .count = count};
    buf_puts(out, "EXECUTE IMMEDIATE '");
    enum err_code code = bind_all(sql, &binding, out, err);
    if (code == ERR_OK && binding.used == 0)
        code = err_set(err, ERR_USAGE, "the statement wants no parameters, %zu are given", count);
    if (code == ERR_OK) {
        buf_putc(out, '\'');
        buf_add_str(out, buf_view(&binding.literals));
        code = binding.literals.failed ? buf_check(&binding.literals, err) : buf_check(out, err);
    }
    buf_done(&binding.literals);
    return code;
}
