/* What a view's rows lack because it broke its column's rule (--on-error null): counted, and where it stands, never what it was.
 *
 *   {VIEW: {resources, values, listed: [{id, column, values}], resource: its type, where it is told}}
 *           of the first VIEWS_NULLED_LISTED resources; column: the first that is null there */
#ifndef MARROW_API_VIEWS_NULLED_H
#define MARROW_API_VIEWS_NULLED_H

#include "json/json.h"

#define VIEWS_NULLED_LISTED 1000
#define VIEWS_NULLED_SHOWN 5

/* One more resource. ok becomes false where memory ends. */
void api_nulled_add(json_t *nulled, const char *view, struct str id, const char *column, int64_t values, bool *ok);
/* of (of one view; NULL: nothing) is added to the view's. */
void api_nulled_merge(json_t *nulled, const char *view, const json_t *of, bool *ok);
/* In the order of the ids; what is listed does not hang on which thread came first, as long as all are. */
void api_nulled_sort(json_t *nulled);
/* Of one view: are all its resources listed? */
bool api_nulled_is_whole(const json_t *of);
/* Of one view, for an answer: {resources, values, first: [{id, column}]}. New reference. */
json_t *api_nulled_brief(const json_t *of, bool *ok);
/* Of all views. */
int64_t api_nulled_values(const json_t *nulled);
/* "2 values of VIEW are null: they break their column's rule (Observation/o2, value; …)". suppress > 0: no resource is named, and no number where fewer
 * resources are so. */
void api_nulled_print(const char *view, const char *resource, const json_t *of, int64_t suppress, struct buf *out);

#endif
