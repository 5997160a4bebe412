/* Bundles read and checked: every problem with its place, order, signatures, pictures. Golden cases
 * are whole bundles in tests/golden/rule/bundles.txt; "expected" is what the check tells. */
#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rule/rule.h"

static char folder[FILE_PATH_BYTES];

/* Plans of these tests have no parameters. */
static enum err_code bind(void *user, const json_t *plan, const json_t *params, const char *source,
                          json_t **ret, struct err *err)
{
    (void)user;
    (void)params;
    (void)source;
    *ret = json_deep_copy(plan);
    return json_built(*ret != NULL, err);
}

static const struct rule_host host = {bind, NULL};

static void put_file(const char *name, struct str text)
{
    char path[FILE_PATH_BYTES];
    assert_int_equal(file_path_join(folder, name, path, ERR_IGNORED), ERR_OK);
    assert_int_equal(file_remove(path, ERR_IGNORED), ERR_OK);
    assert_int_equal(file_write_new(path, text, ERR_IGNORED), ERR_OK);
}

static enum err_code read_text(struct str text, struct rule_bundle **ret, struct err *err)
{
    bool toml = str_has_prefix(text, "# TOML"); /* a case says so in its first line */
    char other[FILE_PATH_BYTES];
    assert_int_equal(
        file_path_join(folder, toml ? "bundle.json" : "bundle.toml", other, ERR_IGNORED), ERR_OK);
    assert_int_equal(file_remove(other, ERR_IGNORED), ERR_OK);
    put_file(toml ? "bundle.toml" : "bundle.json", text);
    return rule_bundle_read(folder, &host, ret, err);
}

static void check_case(const struct golden_case *test, struct buf *ret)
{
    AUTO(rule_bundle_free) struct rule_bundle *bundle = NULL;
    struct err err = {.code = ERR_OK};
    for (size_t i = 0; i < test->count; i++) { /* other sections are files of the folder */
        char name[200];
        (void)snprintf(name, sizeof name, "%.*s", (int)test->names[i].len, test->names[i].ptr);
        if (strstr(name, ".json") != NULL || strstr(name, ".toml") != NULL)
            put_file(name, test->texts[i]);
    }
    if (read_text(golden_section(test, "input"), &bundle, &err) != ERR_OK) {
        buf_printf(ret, "error %s: %s\n", err_code_name(err.code), err.message);
        if (err.line > 0)
            buf_printf(ret, "at %s:%d:%d\n", err.source, (int)err.line, (int)err.column);
        return;
    }
    for (size_t i = 0; i < json_array_size(bundle->problems); i++) {
        const json_t *one = json_array_get(bundle->problems, i);
        const char *words = json_text(one, "words", ""), *at = strstr(words, folder);
        buf_printf(ret, "%s: %.*s%s\n", json_text(one, "file", ""),
                   (int)(at == NULL ? strlen(words) : (size_t)(at - words)), words,
                   at == NULL ? "" : at + strlen(folder));
    }
    for (size_t i = 0; i < json_array_size(bundle->notes); i++)
        buf_printf(ret, "note: %s\n", json_string_value(json_array_get(bundle->notes, i)));
    if (bundle->order == NULL)
        return;
    buf_puts(ret, "order:");
    for (size_t i = 0; i < bundle->rule_count; i++)
        buf_printf(ret, " %s", bundle->rules[bundle->order[i]].name);
    buf_printf(ret, "\nsignature %s\n", bundle->signature);
    assert_int_equal(rule_graph_text(bundle, ret, &err), ERR_OK);
    assert_int_equal(rule_graph_dot(bundle, ret, &err), ERR_OK);
}

static void bundles_tell_every_problem_with_its_place(void **state)
{
    (void)state;
    assert_int_equal(golden_check(TEST_SOURCE_DIRECTORY "/golden/rule/bundles.txt", check_case), 0);
}

/* a ← b ← c, and d alone; `limit` is a's, `more` a rule's description. */
static struct rule_bundle *chain(int limit, const char *more, const char *order)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    struct rule_bundle *bundle = NULL;
    struct err err = {.code = ERR_OK};
    buf_puts(&text, "{\"format\":1,\"bundle\":\"chain\",\"inputs\":[{\"name\":\"t\",\"columns\":[["
                    "\"x\",\"bigint\"]]}],\"rules\":[");
    for (const char *name = order; *name != '\0'; name++) {
        char table[2] = {*name == 'a' || *name == 'd' ? 't' : (char)(*name - 1), '\0'};
        buf_printf(&text,
                   "%s{\"name\":\"%c\",\"description\":\"%s\",\"plan\":{\"format\":1,\"root\":2,"
                   "\"nodes\":[{\"id\":1,\"node\":\"scan\",\"table\":\"%s\",\"columns\":[[\"x\","
                   "\"bigint\"]]},{\"id\":2,\"node\":\"limit\",\"input\":1,\"limit\":%d}]},"
                   "\"output\":[[\"x\",\"bigint\"]]}",
                   name == order ? "" : ",", *name, more, table, *name == 'a' ? limit : 9);
    }
    buf_puts(&text, "]}");
    if (read_text(buf_view(&text), &bundle, &err) != ERR_OK)
        fail_msg("%s", err.message);
    assert_non_null(bundle->order);
    return bundle;
}

static const char *signature_of(const struct rule_bundle *bundle, const char *name)
{
    return bundle->rules[rule_find(bundle, name)].signature;
}

static void change_upstream_changes_what_depends_on_it_and_nothing_else(void **state)
{
    (void)state;
    AUTO(rule_bundle_free) struct rule_bundle *one = chain(1, "", "abcd");
    AUTO(rule_bundle_free) struct rule_bundle *two = chain(2, "", "abcd");
    assert_string_not_equal(signature_of(one, "a"), signature_of(two, "a"));
    assert_string_not_equal(signature_of(one, "b"), signature_of(two, "b"));
    assert_string_not_equal(signature_of(one, "c"), signature_of(two, "c"));
    assert_string_equal(signature_of(one, "d"), signature_of(two, "d"));
    assert_string_not_equal(one->signature, two->signature);
}

static void descriptions_and_the_order_of_writing_leave_no_trace(void **state)
{
    (void)state;
    AUTO(rule_bundle_free) struct rule_bundle *one = chain(1, "", "abcd");
    AUTO(rule_bundle_free) struct rule_bundle *two = chain(1, "in other words", "dcba");
    assert_string_equal(one->signature, two->signature);
    assert_string_equal(two->rules[two->order[1]].name, "a"); /* before b, which is written first */
}

static void files_outside_the_folder_are_not_read(void **state)
{
    (void)state;
    static const char *const paths[] = {"../x.json", "/etc/hostname", "a/../../x.json", "a\\\\b"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT;
        AUTO(rule_bundle_free) struct rule_bundle *bundle = NULL;
        struct err err = {.code = ERR_OK};
        buf_printf(&text, "{\"format\":1,\"bundle\":\"b\",\"rules\":[\"%s\"]}", paths[i]);
        assert_int_equal(read_text(buf_view(&text), &bundle, &err), ERR_OK);
        assert_int_equal(json_array_size(bundle->problems), 1);
        assert_non_null(strstr(json_text(json_array_get(bundle->problems, 0), "words", ""),
                               "no path inside the bundle's folder"));
    }
}

int main(int argc, char **argv)
{
    golden_arguments(argc, argv);
    json_install();
    if (file_make_staging("/tmp", "rule-test", folder, ERR_IGNORED) != ERR_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bundles_tell_every_problem_with_its_place),
        cmocka_unit_test(change_upstream_changes_what_depends_on_it_and_nothing_else),
        cmocka_unit_test(descriptions_and_the_order_of_writing_leave_no_trace),
        cmocka_unit_test(files_outside_the_folder_are_not_read),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return file_remove_tree(folder, ERR_IGNORED) == ERR_OK ? failed : 1;
}
