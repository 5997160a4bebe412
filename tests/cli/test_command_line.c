/* The program from outside: golden cases that are shell scripts (tests/golden/cli/), --json purity
 * of every verb, and the laws of the table of verbs. A golden case's answer is its stdout, its
 * stderr with "! " before each line, and its exit status when that is not 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "golden.h"

static char scratch[FILE_PATH_BYTES]; /* one a golden file: its cases build on each other */

static const char prelude[] =
    "marrow() { \"$MARROW_BINARY\" \"$@\"; }\n"
    "mask() { sed -E 's/[0-9.]+ (ms|s)\\b/TIME/g; s/\"duration_ms\": ?[0-9]+/\"duration_ms\":0/g; "
    "s/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}/WHEN/g; s/[0-9.]+ [kMG]?B\\b/SIZE/g; s/[0-9]+ "
    "(files|runs)/N \\1/g'; }\n";

static const char *binary(void)
{
    const char *path = getenv("MARROW_BINARY");
    return path != NULL && access(path, X_OK) == 0 ? path : NULL;
}

static void path_in_scratch(const char *name, char ret[FILE_PATH_BYTES])
{
    struct err err;
    assert_int_equal(file_path_join(scratch, name, ret, &err), ERR_OK);
}

static void read_text(const char *name, struct buf *ret)
{
    struct err err;
    char path[FILE_PATH_BYTES];
    path_in_scratch(name, path);
    if (file_exists(path))
        assert_int_equal(file_read(path, 0, ret, &err), ERR_OK);
}

/* Runs a script in the scratch directory: out and err get its streams. */
static int run(struct str script, struct buf *out, struct buf *err_out)
{
    struct err err;
    char path[FILE_PATH_BYTES];
    AUTO(buf_done) struct buf text = BUF_INIT, command = BUF_INIT;
    path_in_scratch("case.sh", path);
    buf_puts(&text, prelude);
    buf_add_str(&text, script);
    assert_int_equal(file_replace(path, buf_view(&text), &err), ERR_OK);
    buf_printf(&command,
               "cd '%s' && NO_COLOR= LC_ALL=C.UTF-8 MARROW_STORE=./store sh ./case.sh >case.out "
               "2>case.err </dev/null",
               scratch);
    int status = system(buf_text(&command));
    read_text("case.out", out);
    read_text("case.err", err_out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void run_case(const struct golden_case *test, struct buf *ret)
{
    AUTO(buf_done) struct buf out = BUF_INIT, err_out = BUF_INIT;
    int status = run(golden_section(test, "input"), &out, &err_out);
    buf_add_str(ret, buf_view(&out));
    if (out.len > 0 && out.ptr[out.len - 1] != '\n')
        buf_putc(ret, '\n');
    struct str rest = buf_view(&err_out);
    while (rest.len > 0) {
        buf_puts(ret, "! ");
        buf_add_str(ret, golden_line(&rest));
    }
    if (status != 0)
        buf_printf(ret, "exit %d\n", status);
}

static int enter(void **state)
{
    struct err err;
    (void)state;
    return file_make_staging("/tmp", "marrow-cli", scratch, &err) == ERR_OK ? 0 : -1;
}

static int leave(void **state)
{
    struct err err;
    (void)state;
    return file_remove_tree(scratch, &err) == ERR_OK ? 0 : -1;
}

static void golden_file(const char *name)
{
    char path[FILE_PATH_BYTES];
    if (binary() == NULL) {
        fprintf(stderr, "SKIPPED: no program at MARROW_BINARY\n");
        skip();
    }
    (void)snprintf(path, sizeof path, "%s/golden/cli/%s", TEST_SOURCE_DIRECTORY, name);
    assert_int_equal(golden_check(path, run_case), 0);
}

static void help_is_as_recorded(void **state)
{
    (void)state;
    golden_file("help.txt");
}

static void usage_errors_say_what_was_meant(void **state)
{
    (void)state;
    golden_file("usage.txt");
}

static void sql_answers_in_every_format(void **state)
{
    (void)state;
    golden_file("sql.txt");
}

static void verbs_answer_a_person(void **state)
{
    (void)state;
    golden_file("verbs.txt");
}

static void failures_have_their_exit_status(void **state)
{
    (void)state;
    golden_file("failures.txt");
}

static void folders_are_registered_where_they_stand(void **state)
{
    (void)state;
    golden_file("registry.txt");
}

/* ---- narrow terminals --------------------------------------------------------------------------
 */

static void a_long_line_breaks_at_blanks_under_its_text(void **state)
{
    (void)state;
    AUTO(buf_done) struct buf text = BUF_INIT;
    buf_puts(&text, "  --store DIR   where the datasets are kept, for ever\n\x1b[1mshort\x1b[0m\n");
    cli_wrap(&text, 0, 44);
    assert_string_equal(buf_text(&text), "  --store DIR   where the datasets are kept,\n           "
                                         "     for ever\n\x1b[1mshort\x1b[0m\n");
}

static void a_reason_without_room_stands_below_its_row(void **state)
{
    (void)state;
    struct cli cli = {.width = 50};
    AUTO(cli_table_free) struct cli_table *table = cli_table_new();
    cli_table_column(table, "child", false);
    cli_table_column(table, "evidence", false);
    cli_table_cell(table, CLI_PLAIN, "a_table_with_a_long_name.column");
    cli_table_cell(table, CLI_PLAIN, "the values agree and the name of the column says so");
    cli_table_wrap(table);
    cli_table_print(&cli, table, false);
    assert_string_equal(buf_text(&cli.out), "a_table_with_a_long_name.column\n    the values agree "
                                            "and the name of the column\n    says so\n");
    buf_done(&cli.out);
}

/* ---- --json ------------------------------------------------------------------------------------
 */

static void assert_pure(const char *script, int expected_status)
{
    AUTO(buf_done) struct buf out = BUF_INIT, err_out = BUF_INIT;
    JSON_AUTO document = NULL;
    struct err err = {.code = ERR_OK};
    int status = run(str_of(script), &out, &err_out);
    struct buf *pure = status == 0 || status == expected_status ? &out : &err_out;
    if (status != expected_status)
        fail_msg("%s: exit %d, expected %d\n%s%s", script, status, expected_status, buf_text(&out),
                 buf_text(&err_out));
    if (json_parse(buf_view(pure), script, &document, &err) != ERR_OK || !json_is_object(document))
        fail_msg("%s: stdout is no JSON object: %s\n%.500s", script, err.message, buf_text(pure));
    if (err_out.len > 0)
        fail_msg("%s: stderr is not empty: %s", script, buf_text(&err_out));
}

static void json_answers_are_one_object_and_stderr_is_silent(void **state)
{
    (void)state;
    static const char *const scripts[] = {
        "marrow --json demo-data demo --patients 60 --seed 3 --no-fhir",
        "marrow import demo/*.zip --name demo --json",
        "marrow import demo/*.zip --name demo --json",
        "marrow datasets --json",
        "marrow show demo --json",
        "marrow versions --json demo",
        "marrow profile demo --json",
        "marrow relations demo --json",
        "marrow mart build demo --grain patient --json",
        "marrow mart build demo --grain patient --dry-run --json",
        "marrow mart plan demo --json",
        "marrow mart list demo --json",
        "marrow mart show demo mart_patient --json",
        "marrow mart verify demo mart_patient --json",
        "marrow sql demo 'SELECT * FROM mart_patient' --json",
        "marrow sql demo 'SELECT 1 AS one' --json --out one.csv",
        "marrow history demo --json",
        "marrow history demo verify --json",
        "marrow history demo replay $(marrow history demo --last 1 --json | grep -o '\"seq\": "
        "[0-9]*' | grep -o '[0-9]*') --json",
        "marrow export demo mart_patient --format csv --out mart.csv --json",
        "marrow verify --json",
        "marrow repair --json",
        "marrow prune demo --dry-run --json",
    };
    if (binary() == NULL)
        skip();
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        assert_pure(scripts[i], 0);
}

static void json_errors_are_one_object_on_stderr(void **state)
{
    static const struct {
        const char *script, *code;
        int status;
    } cases[] = {
        {"marrow datasets --json --store none", "not_found", 6},
        {"marrow shwo --json", "usage", 2},
        {"marrow --json import", "usage", 2},
        {"echo x > a.csv; marrow import a.csv --name 'no/name' --json", NULL, -1},
        {"marrow import /nowhere.csv --json", "not_found", 6},
    };
    (void)state;
    if (binary() == NULL)
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(buf_done) struct buf out = BUF_INIT, err_out = BUF_INIT;
        JSON_AUTO document = NULL;
        struct err err;
        int status = run(str_of(cases[i].script), &out, &err_out);
        if (cases[i].status >= 0)
            assert_int_equal(status, cases[i].status);
        assert_int_not_equal(status, 0);
        assert_int_equal(out.len, 0);
        assert_int_equal(json_parse(buf_view(&err_out), "stderr", &document, &err), ERR_OK);
        json_t *error = json_object_get(document, "error");
        static const char *const keys[] = {"code", "message", "where", "hint"};
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            assert_non_null(json_object_get(error, keys[k]));
        if (cases[i].code != NULL)
            assert_string_equal(json_text(error, "code", ""), cases[i].code);
    }
}

/* ---- the table of verbs ------------------------------------------------------------------------
 */

static void an_option_means_the_same_kind_in_every_verb(void **state)
{
    (void)state;
    for (const struct cli_verb *a = cli_verbs(); a->name != NULL; a++) {
        for (const struct cli_option *o = a->options; o != NULL && o->name != NULL; o++) {
            assert_null(cli_option_find(cli_common_options(), o->name, strlen(o->name)));
            for (const struct cli_verb *b = cli_verbs(); b->name != NULL; b++) {
                const struct cli_option *same =
                    cli_option_find(b->options, o->name, strlen(o->name));
                assert_true(same == NULL || same->kind == o->kind);
            }
        }
    }
}

static void every_verb_has_examples_that_it_would_take(void **state)
{
    (void)state;
    for (const struct cli_verb *verb = cli_verbs(); verb->name != NULL; verb++) {
        assert_non_null(verb->examples[0]);
        assert_non_null(verb->run);
        assert_true(verb->purpose[strlen(verb->purpose) - 1] != '.');
        for (const char *const *example = verb->examples; *example != NULL; example += 2) {
            assert_non_null(strstr(example[0], verb->name));
            assert_non_null(example[1]);
        }
    }
}

static void the_man_page_is_current(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT, err_out = BUF_INIT, page = BUF_INIT;
    struct err err;
    char path[FILE_PATH_BYTES];
    (void)state;
    if (binary() == NULL)
        skip();
    assert_int_equal(run(STR("marrow help --man"), &out, &err_out), 0);
    (void)snprintf(path, sizeof path, "%s/../docs/marrow.1", TEST_SOURCE_DIRECTORY);
    assert_int_equal(file_read(path, 0, &page, &err), ERR_OK);
    if (!str_equal(buf_view(&out), buf_view(&page)))
        fail_msg("docs/marrow.1 is not what 'marrow help --man' prints: write it again");
}

int main(int argc, char **argv)
{
    golden_arguments(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_means_the_same_kind_in_every_verb),
        cmocka_unit_test(every_verb_has_examples_that_it_would_take),
        cmocka_unit_test(a_long_line_breaks_at_blanks_under_its_text),
        cmocka_unit_test(a_reason_without_room_stands_below_its_row),
        cmocka_unit_test_setup_teardown(the_man_page_is_current, enter, leave),
        cmocka_unit_test_setup_teardown(help_is_as_recorded, enter, leave),
        cmocka_unit_test_setup_teardown(usage_errors_say_what_was_meant, enter, leave),
        cmocka_unit_test_setup_teardown(sql_answers_in_every_format, enter, leave),
        cmocka_unit_test_setup_teardown(verbs_answer_a_person, enter, leave),
        cmocka_unit_test_setup_teardown(failures_have_their_exit_status, enter, leave),
        cmocka_unit_test_setup_teardown(folders_are_registered_where_they_stand, enter, leave),
        cmocka_unit_test_setup_teardown(json_answers_are_one_object_and_stderr_is_silent, enter,
                                        leave),
        cmocka_unit_test_setup_teardown(json_errors_are_one_object_on_stderr, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
