/* Small JSON documents (manifests, plans, results): jansson behind helpers that give errors with a place.
 * json_t is jansson's reference-counted value; the usual jansson calls may be used by every layer.
 * json_install routes jansson's allocations through mem_*; call it once at start (api does). */
#ifndef MARROW_JSON_JSON_H
#define MARROW_JSON_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

void json_install(void);
static inline void auto_json_decref(json_t **json)
{
    json_decref(*json);
}
#define JSON_AUTO __attribute__((cleanup(auto_json_decref))) json_t *

/* Parse; duplicate keys rejected; depth ≤ 512. Error: ERR_INPUT at source:line:column, ERR_LIMIT, or
 * (told apart once json_install was called) ERR_MEMORY. New reference. */
enum err_code json_parse(struct str text, const char *source, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code json_read_file(const char *path, json_t **ret, struct err *err) WARN_UNUSED;
/* Canonical: sorted keys, no spaces, ASCII escapes only where JSON needs them. Same value → same bytes. */
enum err_code json_canonical(const json_t *json, struct buf *ret, struct err *err) WARN_UNUSED;
/* For people: indent 2, keys in insertion order, trailing newline. */
enum err_code json_pretty(const json_t *json, struct buf *ret, struct err *err) WARN_UNUSED;
/* One line, insertion order, no newline. */
enum err_code json_compact(const json_t *json, struct buf *ret, struct err *err) WARN_UNUSED;

/* Typed members of an object; absent → fallback; wrong type → fallback. Borrowed. */
const char *json_text(const json_t *object, const char *key, const char *fallback);
int64_t json_int(const json_t *object, const char *key, int64_t fallback);
double json_number(const json_t *object, const char *key, double fallback);
bool json_flag(const json_t *object, const char *key, bool fallback);
/* Required members: ERR_INPUT naming source and key. */
enum err_code json_need_text(const json_t *object, const char *key, const char *source, const char **ret, struct err *err) WARN_UNUSED;
enum err_code json_need_int(const json_t *object, const char *key, const char *source, int64_t *ret, struct err *err) WARN_UNUSED;
enum err_code json_need_array(const json_t *object, const char *key, const char *source, json_t **ret, struct err *err) WARN_UNUSED;
enum err_code json_need_object(const json_t *object, const char *key, const char *source, json_t **ret, struct err *err) WARN_UNUSED;
/* Set members on an object; a failed allocation makes *ok false (never true again), so build straight
 * and test once. text NULL → null. */
void json_put_text(json_t *object, const char *key, const char *text, bool *ok);
void json_put_str(json_t *object, const char *key, struct str text, bool *ok); /* invalid UTF-8 → U+FFFD */
void json_put_int(json_t *object, const char *key, int64_t number, bool *ok);
void json_put_real(json_t *object, const char *key, double number, bool *ok); /* nan/inf → null */
void json_put_flag(json_t *object, const char *key, bool flag, bool *ok);
void json_put(json_t *object, const char *key, json_t *value_taken, bool *ok); /* steals value; NULL → failure */
void json_push(json_t *array, json_t *value_taken, bool *ok);                  /* steals value; NULL → failure */
void json_push_text(json_t *array, const char *text, bool *ok);
void json_push_str(json_t *array, struct str text, bool *ok); /* invalid UTF-8 → U+FFFD */
enum err_code json_built(bool ok, struct err *err) WARN_UNUSED; /* ERR_MEMORY when not ok */

#endif
