/* Quoting: the only way a name or a text gets into SQL here; types; decimals that a type holds. NUL
 * bytes cannot stand in SQL text: out->failed is set. */
#include <string.h>

#include "engine/driver.h"

static void quote(struct buf *out, struct str text, char mark)
{
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL) {
        out->failed = true;
        return;
    }
    buf_putc(out, mark);
    for (size_t idx = 0; idx < text.len; idx++) {
        if (text.ptr[idx] == mark)
            buf_putc(out, mark);
        buf_putc(out, text.ptr[idx]);
    }
    buf_putc(out, mark);
}

void engine_quote_identifier(struct buf *out, struct str name)
{
    quote(out, name, '"');
}

void engine_quote_literal(struct buf *out, struct str text)
{
    quote(out, text, '\'');
}

void engine_type_sql(struct data_type type, struct buf *out)
{
    static const char *const names[] = {
        [DATA_NULL] = "VARCHAR",
        [DATA_BOOLEAN] = "BOOLEAN",
        [DATA_BIGINT] = "BIGINT",
        [DATA_UHUGEINT] = "UHUGEINT",
        [DATA_DECIMAL] = "DECIMAL",
        [DATA_DOUBLE] = "DOUBLE",
        [DATA_TEXT] = "VARCHAR",
        [DATA_DATE] = "DATE",
        [DATA_TIME] = "TIME",
        [DATA_TIMESTAMP] = "TIMESTAMP",
        [DATA_TIMESTAMPTZ] = "TIMESTAMPTZ",
        [DATA_INTERVAL] = "INTERVAL",
        [DATA_BLOB] = "BLOB",
        [DATA_JSON] = "JSON",
    };
    buf_puts(out, names[type.kind]);
    if (type.kind == DATA_DECIMAL)
        buf_printf(out, "(%u,%u)", (unsigned)type.precision, (unsigned)type.scale);
}

bool engine_decimal_fits(struct str text, struct data_type type)
{
    size_t whole = 0, behind = 0;
    bool point = false, any = false;
    for (size_t idx = 0; idx < text.len; idx++) {
        char c = text.ptr[idx];
        if ((c == '-' || c == '+') && idx == 0)
            continue;
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9' || (point && behind == type.scale && c != '0'))
            return false;
        any = true;
        if (!point)
            whole += whole > 0 || c != '0';
        else if (behind < type.scale)
            behind++;
    }
    return any && whole + type.scale <= type.precision;
}
