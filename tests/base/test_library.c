/* Libraries loaded on demand: libm stands in for the engine's. */
#include "base/library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct table {
    double (*fabs)(double number);
    void (*missing)(void);
};

static struct library library_of(const char *file, const struct library_function *functions,
                                 size_t count, struct table *table)
{
    return (struct library){.file = file,
                            .root = "MARROW_TEST_ROOT",
                            .remedy = "set MARROW_TEST_ROOT",
                            .functions = functions,
                            .function_count = count,
                            .table = table};
}

static void functions_of_a_system_library_are_called_through_the_table(void **state)
{
    (void)state;
    struct table table = {0};
    struct err err;
    static const struct library_function functions[] = {
        {"fabs", offsetof(struct table, fabs), false},
        {"marrow_no_such_function", offsetof(struct table, missing), true},
    };
    struct library library = library_of("libm.so.6", functions, 2, &table);
    assert_int_equal(library_load(&library, &err), ERR_OK);
    assert_true(table.fabs(-3.0) == 3.0);
    assert_null(table.missing);
    assert_int_equal(library_load(&library, &err), ERR_OK); /* again: nothing to do */
}

static void a_library_without_a_needed_function_fills_nothing(void **state)
{
    (void)state;
    struct table table = {0};
    struct err err;
    static const struct library_function functions[] = {
        {"fabs", offsetof(struct table, fabs), false},
        {"marrow_no_such_function", offsetof(struct table, missing), false},
    };
    struct library library = library_of("libm.so.6", functions, 2, &table);
    assert_int_equal(library_load(&library, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "marrow_no_such_function"));
    assert_string_equal(err.hint, "set MARROW_TEST_ROOT");
    assert_null(table.fabs);
}

static void a_library_that_is_nowhere_is_refused_with_the_places(void **state)
{
    (void)state;
    struct table table = {0};
    struct err err;
    struct library library = library_of("libmarrow-none.so", NULL, 0, &table);
    assert_int_equal(setenv("MARROW_TEST_ROOT", "/nowhere/at/all", 1), 0);
    assert_int_equal(library_load(&library, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "libmarrow-none.so"));
    assert_non_null(strstr(err.detail, "/usr/lib"));
    assert_non_null(strstr(err.detail, "/nowhere/at/all/lib, /nowhere/at/all"));
    assert_int_equal(setenv("MARROW_TEST_ROOT", "relative", 1), 0);
    assert_int_equal(library_load(&library, &err), ERR_UNSUPPORTED);
    assert_null(strstr(err.detail, "relative"));
    assert_int_equal(unsetenv("MARROW_TEST_ROOT"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_a_system_library_are_called_through_the_table),
        cmocka_unit_test(a_library_without_a_needed_function_fills_nothing),
        cmocka_unit_test(a_library_that_is_nowhere_is_refused_with_the_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
