/* The conformance suite: one set of cases, run whole against each engine that is there (targets.c).
 * A case says what every engine must do; SQL is literal, spelled per dialect only where it must
 * differ (struct target). A case that needs an ability skips where it is not declared. */
#ifndef TESTS_CONFORM_H
#define TESTS_CONFORM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/engine.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWED_DOWN 1 /* no measure of time or memory holds */
#endif

struct target {
    const char *name; /* for the report */
    char url[512];    /* empty: the embedded engine */
    char server[64];  /* folder of the server that we started; empty: not ours */
    const char *dialect;
    const char *series;    /* a table t(i) of 1…%lld */
    const char *array;     /* an expression of a nested type */
    bool keeps_zero_bytes; /* a text may hold U+0000 */
    bool keeps_json;       /* a JSON document comes back as it was written */
    bool decimals_are_texts; /* a numeric comes as text; infinite dates and 39 digits are refused */
    int skipped;
};
extern struct target *target; /* at hand */
/* All that are there; ended by name NULL. Starts what it must. */
struct target *targets_find(void);
void targets_stop(struct target *targets);
/* A type's spelling, in a static ring; NULL: the engine has no such type. */
const char *type_sql(struct data_type type);
/* The table expression "… AS alias(i)" of 1…count. In a static ring. */
const char *series(long long count, const char *alias);

static inline void check_ok(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s / %s / %s", err_code_name(code), err->message, err->detail, err->hint);
}
#define OK(call) check_ok((call), &err)
/* The call must fail so. */
#define FAILS(expected, call)                                                                      \
    do {                                                                                           \
        enum err_code failed_ = (call);                                                            \
        if (failed_ != (expected))                                                                 \
            fail_msg("expected %s, got %s: %s / %s", err_code_name(expected),                      \
                     err_code_name(failed_), err.message, err.detail);                             \
        assert_int_equal(err.code, expected);                                                      \
        assert_true(err.message[0] != '\0');                                                       \
    } while (0)

struct engine *open_target(const struct progress *progress);
/* The single value of a query as text; "NULL" for null. In a static ring. */
const char *ask(struct engine *engine, const char *sql);
/* As printf. In a static ring. */
const char *sql(const char *format, ...) PRINTF_LIKE(1, 2);
/* Skips the case where the engine at hand lacks the ability. */
bool lacks(const struct engine *engine, enum engine_ability ability);
#define NEEDS(engine, ability)                                                                     \
    do {                                                                                           \
        if (lacks(engine, ability)) {                                                              \
            engine_close(engine);                                                                  \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

extern const struct CMUnitTest type_cases[], run_cases[];
extern const size_t type_case_count, run_case_count;

#endif
