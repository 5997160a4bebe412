/* The dialects, one line each, and the table of spellings. That every function of the plan has a
 * spelling is checked here by the compiler: an enumerator SPELLED_X exists for each line of
 * functions.def, and each function of plan/functions.def asks for its own. */
#include "dialect/emit_priv.h"

#include <string.h>

enum {
#define SPELLING(id, precedence, standard, duckdb, postgres, trino, datafusion) SPELLED_##id,
#include "dialect/functions.def"
#undef SPELLING
    SPELLED_COUNT_OF_ALL
};
enum {
#define PLAN_FUNCTION(id, name, low, high, kind, commutative, rule, expects)                       \
    NEEDS_##id = SPELLED_##id,
#include "plan/functions.def"
#undef PLAN_FUNCTION
};
_Static_assert((int)SPELLED_COUNT_OF_ALL == (int)PLAN_FUNCTIONS_END,
               "dialect/functions.def has a line for each function");

static const char *const STANDARD[PLAN_FUNCTIONS_END] = {
#define SPELLING(id, precedence, standard, duckdb, postgres, trino, datafusion)                    \
    [PLAN_FUNCTION_##id] = standard,
#include "dialect/functions.def"
#undef SPELLING
};
static const unsigned char PRECEDENCES[PLAN_FUNCTIONS_END] = {
#define SPELLING(id, precedence, standard, duckdb, postgres, trino, datafusion)                    \
    [PLAN_FUNCTION_##id] = PRECEDENCE_##precedence,
#include "dialect/functions.def"
#undef SPELLING
};
const char *const dialect_duckdb_spellings[PLAN_FUNCTIONS_END] = {
#define SPELLING(id, precedence, standard, duckdb, postgres, trino, datafusion)                    \
    [PLAN_FUNCTION_##id] = duckdb,
#include "dialect/functions.def"
#undef SPELLING
};
const char *const dialect_postgres_spellings[PLAN_FUNCTIONS_END] = {
#define SPELLING(id, precedence, standard, duckdb, postgres, trino, datafusion)                    \
    [PLAN_FUNCTION_##id] = postgres,
#include "dialect/functions.def"
#undef SPELLING
};
const char *const dialect_trino_spellings[PLAN_FUNCTIONS_END] = {
#define SPELLING(id, precedence, standard, duckdb, postgres, trino, datafusion)                    \
    [PLAN_FUNCTION_##id] = trino,
#include "dialect/functions.def"
#undef SPELLING
};
const char *const dialect_datafusion_spellings[PLAN_FUNCTIONS_END] = {
#define SPELLING(id, precedence, standard, duckdb, postgres, trino, datafusion)                    \
    [PLAN_FUNCTION_##id] = datafusion,
#include "dialect/functions.def"
#undef SPELLING
};

const char *dialect_spelling(const struct dialect *dialect, enum plan_function_id id)
{
    return dialect->spellings[id] != NULL ? dialect->spellings[id] : STANDARD[id];
}
enum precedence dialect_precedence(enum plan_function_id id)
{
    return (enum precedence)PRECEDENCES[id];
}

static const struct dialect *const DIALECTS[] = {
    &dialect_duckdb,
    &dialect_postgres,
    &dialect_trino,
    &dialect_datafusion,
};

size_t dialect_count(void)
{
    return sizeof DIALECTS / sizeof DIALECTS[0];
}
const struct dialect *dialect_at(size_t idx)
{
    return idx < dialect_count() ? DIALECTS[idx] : NULL;
}
const struct dialect *dialect_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < dialect_count(); i++)
        if (strcmp(DIALECTS[i]->name, name) == 0 ||
            (DIALECTS[i]->also != NULL && strcmp(DIALECTS[i]->also, name) == 0))
            return DIALECTS[i];
    return NULL;
}
const char *dialect_name(const struct dialect *dialect)
{
    return dialect->name;
}
