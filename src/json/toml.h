/* TOML as JSON: the door of toml.c. */
#ifndef MARROW_JSON_TOML_H
#define MARROW_JSON_TOML_H

#include "json/json.h"

/* TOML 1.0 (strict UTF-8; a byte order mark is left out) as the same document in JSON: dates and times become texts, T between them. inf, nan,
 * U+0000 and whole numbers beyond 64 bits are refused; depth ≤ 200. Error: ERR_INPUT at source:line:column, ERR_LIMIT or ERR_MEMORY.
 * New reference. */
enum err_code json_parse_toml(struct str text, const char *source, json_t **ret, struct err *err) WARN_UNUSED;

#endif
