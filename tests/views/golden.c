/* Views as plans and as SQL: tests/golden/fhir/lower/views.txt. "view" is a ViewDefinition's
 * selects (and where, constant), "expected" its plan in words and the SQL of each dialect that has
 * all it needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dialect/dialect.h"
#include "fhir/fhir.h"
#include "golden.h"
#include "plan/rewrite.h"

static enum err_code lowered(struct str text, struct buf *ret, struct err *err)
{
    static const char *const DIALECTS[] = {"duckdb", "postgresql", "trino"};
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    AUTO(plan_free) struct plan *plan = plan_new();
    JSON_AUTO definition = NULL;
    const struct plan_rel *root, *quick;
    TRY(json_parse(text, "view", &definition, err));
    TRY(fhir_view_read(definition, "view", &view, err));
    TRY(fhir_view_lower(view, plan, NULL, NULL, false, &root, err));
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    TRY(plan_optimise(over, root, &quick, err));
    TRY(plan_print(quick, ret, err));
    for (size_t i = 0; i < sizeof DIALECTS / sizeof DIALECTS[0]; i++) {
        buf_printf(ret, "-- %s\n", DIALECTS[i]);
        TRY(dialect_sql(dialect_find(DIALECTS[i]), quick, NULL, ret, NULL, NULL, err));
        if (ret->len > 0 && ret->ptr[ret->len - 1] != '\n')
            buf_putc(ret, '\n');
    }
    return ERR_OK;
}

static void run(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    if (lowered(golden_section(test, "view"), ret, &err) != ERR_OK) {
        buf_clear(ret);
        buf_printf(ret, "error: %s\n", err.message);
    }
}

static void views_become_plans_and_sql(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/fhir/lower/views.txt", run), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(views_become_plans_and_sql)};
    golden_arguments(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
