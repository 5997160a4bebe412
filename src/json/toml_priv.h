/* What toml.c and toml_value.c share. */
#ifndef MARROW_JSON_TOML_PRIV_H
#define MARROW_JSON_TOML_PRIV_H

#include "json/toml.h"

struct toml_table;
struct toml {
    struct str text;
    size_t at; /* of the next byte */
    const char *source;
    struct err *err;
    struct toml_table *tables; /* open addressing, by value */
    size_t table_count, table_cap;
    size_t depth; /* of the table that lines go to */
};
/* ERR_INPUT with line and column of that byte. */
enum err_code toml_fail(struct toml *toml, size_t at, const char *format, ...) PRINTF_LIKE(3, 4);
char toml_peek(const struct toml *toml); /* NUL at the end */
bool toml_next_is(const struct toml *toml, const char *token);
/* A text in any of the four kinds of quotes. */
enum err_code toml_read_text(struct toml *toml, struct buf *ret) WARN_UNUSED;
/* A number, boolean, date or time. New reference. */
enum err_code toml_read_scalar(struct toml *toml, json_t **ret) WARN_UNUSED;

#endif
