/* A statement's text for the history: every literal masked, because any of them may be somebody's
 * name or number. PRODUCT.md would keep a literal that 11 patients share; none is kept here, which
 * is stricter and needs no look at the data.
 *
 *   SELECT * FROM labs WHERE mrn = '00247859' AND value > 4.5 -- Smith     →     SELECT * FROM labs
 * WHERE mrn = '?' AND value > ?
 *
 * Comments are dropped. Quoted identifiers stay where they are names of the version's tables and
 * columns; others (an alias may say anything) become "?". The statement whole lies beside the data,
 * in queries/. */
#include "api/api_priv.h"

#include <ctype.h>
#include <string.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Past a quoted run that starts at text (its quote doubled means itself). */
static const char *past_quoted(const char *text)
{
    char quote = *text++;
    while (*text != '\0') {
        if (*text == quote && text[1] != quote)
            return text + 1;
        text += *text == quote ? 2 : 1;
    }
    return text;
}

/* $tag$ … $tag$; NULL: no dollar quote starts here. */
static const char *past_dollar(const char *text)
{
    const char *end = text + 1;
    while (is_word(*end))
        end++;
    if (*end != '$' || isdigit((unsigned char)text[1]))
        return NULL;
    size_t length = (size_t)(end - text) + 1;
    for (const char *close = end + 1; *close != '\0'; close++)
        if (strncmp(close, text, length) == 0)
            return close + length;
    return end + strlen(end);
}

static const char *past_comment(const char *text)
{
    if (text[0] == '-' && text[1] == '-')
        return text + strcspn(text, "\n");
    if (text[0] != '/' || text[1] != '*')
        return NULL;
    int depth = 0; /* they nest */
    for (; *text != '\0'; text++) {
        if (text[0] == '/' && text[1] == '*') {
            depth++;
            text++;
        } else if (text[0] == '*' && text[1] == '/') {
            text++;
            if (--depth == 0)
                return text + 1;
        }
    }
    return text;
}

/* 12, 1.5e-3, 0x1f, 1_000, .5 */
static const char *past_number(const char *text)
{
    for (; is_word(*text) || *text == '.'; text++)
        if ((*text == 'e' || *text == 'E') && (text[1] == '-' || text[1] == '+') &&
            isdigit((unsigned char)text[2]))
            text++;
    return text;
}

static bool is_known(const struct store_version *version, struct str name)
{
    for (size_t i = 0; i < store_version_table_count(version); i++) {
        const struct store_table *table = store_version_table(version, i);
        if (str_equal_nocase(str_of(table->name), name) ||
            data_schema_find(&table->schema, name) >= 0)
            return true;
    }
    return false;
}

/* The literal, comment or quoted name that starts at text: what stands for it goes to out; NULL:
 * none starts here. */
static const char *mask_one(const struct store_version *version, const char *start,
                            const char *text, struct buf *out)
{
    const char *end = past_comment(text);
    bool in_word = text > start && is_word(text[-1]);
    if (end != NULL) {
        buf_putc(out, ' ');
    } else if (*text == '\'') {
        end = past_quoted(text);
        buf_puts(out, "'?'");
    } else if (*text == '"') {
        end = past_quoted(text);
        struct str name = {text + 1, end - text >= 2 ? (size_t)(end - text) - 2 : 0};
        if (is_known(version, name))
            buf_add(out, text, (size_t)(end - text));
        else
            buf_puts(out, "\"?\"");
    } else if (*text == '$' && !in_word && (end = past_dollar(text)) != NULL) {
        buf_puts(out, "'?'");
    } else if (!in_word && (isdigit((unsigned char)*text) ||
                            (*text == '.' && isdigit((unsigned char)text[1])))) {
        end = past_number(text);
        buf_putc(out, '?');
    }
    return end;
}

void api_mask_statement(const struct store_version *version, const char *sql, struct buf *out)
{
    for (const char *text = sql; *text != '\0';) {
        const char *end = mask_one(version, sql, text, out);
        if (end == NULL)
            buf_putc(out, *text);
        text = end != NULL ? end : text + 1;
    }
}
