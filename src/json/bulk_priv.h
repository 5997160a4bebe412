/* What bulk.cc (C++, simdjson) gives to bulk.c: the *structural index* of a text. simdjson's first stage finds, 64 bytes at a
 * time, where each token begins, and checks on the way that the text is UTF-8 and its strings are closed:
 *
 *     {"id":"p1","n":1.0}        0 1 5 6 10 11 14 15 18        { "id" : "p1" , "n" : 1.0 }
 *
 * All further reading (bulk.c) is walking from token to token. */
#ifndef MARROW_JSON_BULK_PRIV_H
#define MARROW_JSON_BULK_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bulk_index; /* simdjson's parser */
/* Loads the library when first called. ERR_UNSUPPORTED: it is not there. */
enum err_code bulk_index_new(struct bulk_index **ret, struct err *err) WARN_UNUSED;
void bulk_index_free(struct bulk_index *index);
/* Where tokens begin, ascending; behind them stands length twice. Held by index until the next call. ERR_INPUT: not UTF-8, a
 * string without end, a control character in one, or nothing but blanks. */
enum err_code bulk_index_text(struct bulk_index *index, const char *text, size_t length, const uint32_t **ret, size_t *ret_count, struct err *err) WARN_UNUSED;

#ifdef __cplusplus
}
#endif

#endif
