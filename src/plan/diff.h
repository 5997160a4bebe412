/* What differs between two plans, in words. */
#ifndef MARROW_PLAN_DIFF_H
#define MARROW_PLAN_DIFF_H

#include "plan/plan.h"

/* {equal, changes:[{path, kind, before, after, words}]}. equal: one signature; then there are no changes. path: the nodes from the root
 * ("aggregate/join/left filter"); kind: added, removed, changed; before, after: text or null; words: a sentence ("filter: value > 5 became
 * value > 7"). Outputs, groups and scanned columns are matched by name, conjuncts and join keys as sets. New reference. */
enum err_code plan_diff(const struct plan_rel *before, const struct plan_rel *after, json_t **ret, struct err *err) WARN_UNUSED;

/* An expression as a person would say it: value > 5 and item is not null. */
void plan_words(const struct plan_expr *expr, struct buf *out);

#endif
