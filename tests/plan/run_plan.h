/* Run plans on the embedded engine and compare their rows as bags. */
#ifndef TESTS_RUN_PLAN_H
#define TESTS_RUN_PLAN_H

#include "engine/engine.h"
#include "random_plan.h"

/* What the embedded engine can run of the generator's plans; 50 seeds share their tables. */
struct random_options run_options(uint64_t seed);
/* Make the case's tables (replacing those of that name). */
enum err_code run_load(struct engine *engine, const struct random_case *random, struct err *err) WARN_UNUSED;
/* The rows, a line each, sorted; doubles of approximate columns are rounded to 9 digits. Appended to ret. */
enum err_code run_rows(struct engine *engine, const struct plan_rel *root, struct buf *ret, struct err *err) WARN_UNUSED;

#endif
