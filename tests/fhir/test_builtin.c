/* The built-in views' rows, evaluated natively: golden cases. Each cell that is not null is shown,
 * and how many are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fhir/fhir.h"

#include "golden.h"

struct shown {
    const struct fhir_view *view;
    struct buf *out;
};

static enum err_code show_batch(void *user, size_t idx, const struct data_batch *batch,
                                struct err *err)
{
    struct shown *shown = user;
    (void)idx;
    (void)err;
    for (int64_t row = 0; row < batch->rows; row++) {
        int nulls = 0;
        for (size_t i = 0; i < batch->columns; i++) {
            nulls += !data_vector_is_valid(&batch->vectors[i], row);
            if (!data_vector_is_valid(&batch->vectors[i], row))
                continue;
            buf_printf(shown->out, "%s: ", fhir_view_column(shown->view, i)->name);
            data_value_json(&batch->vectors[i], row, shown->out);
            buf_putc(shown->out, '\n');
        }
        buf_printf(shown->out, "(%d null)\n", nulls);
    }
    return ERR_OK;
}

static const char *builtin_text(struct str name)
{
    size_t count;
    const struct fhir_builtin *views = fhir_builtin_views(&count);
    for (size_t i = 0; i < count; i++)
        if (str_equal(str_of(views[i].name), name))
            return views[i].json;
    return "";
}

static enum err_code run(struct str name, struct str resources, struct buf *ret, struct err *err)
{
    JSON_AUTO definition = NULL;
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    AUTO(fhir_program_free) struct fhir_program *program = NULL;
    AUTO(fhir_worker_free) struct fhir_worker *worker = NULL;
    struct fhir_program_options options = {.on_error = FHIR_FAIL};
    struct fhir_counts counts;
    TRY(json_parse(str_of(builtin_text(name)), "view", &definition, err));
    TRY(fhir_view_read(definition, "view", &view, err));
    struct shown shown = {view, ret};
    struct fhir_sink sink = {.batch = show_batch, .user = &shown};
    TRY(fhir_program_new((const struct fhir_view *const *)&view, 1, &options, &program, err));
    TRY(fhir_worker_new(program, &sink, &worker, err));
    TRY(fhir_worker_run_lines(worker, resources, false, err));
    return fhir_worker_finish(worker, &counts, err);
}

static void run_case(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    struct str name = str_trim(golden_section(test, "view"));
    if (run(name, golden_section(test, "resources"), ret, &err) != ERR_OK)
        buf_printf(ret, "error %s: %s\n", err_code_name(err.code), err.message);
}

static void test_golden(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/fhir/builtin.golden", run_case),
                     0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    golden_arguments(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
