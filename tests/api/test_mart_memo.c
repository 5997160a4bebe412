/* The second build of a mart is answered from a memo; the memo is never believed where something
 * changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/file.h"

struct world {
    char root[64];
    char csv[128], store[128];
    struct api *api;
};

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s", err_code_name(code), err->message);
}

static void write_csv(const struct world *world, const char *name, const char *text)
{
    char path[FILE_PATH_BYTES];
    struct err err = {0};
    must(file_path_join(world->csv, name, path, &err), &err);
    must(file_write_new(path, str_of(text), &err), &err);
}

static int set_up(void **state)
{
    static struct world world;
    struct err err = {0};
    json_t *answer = NULL;
    (void)snprintf(world.root, sizeof world.root, "/tmp/marrow-memo-test-XXXXXX");
    assert_non_null(mkdtemp(world.root));
    (void)snprintf(world.csv, sizeof world.csv, "%s/csv", world.root);
    (void)snprintf(world.store, sizeof world.store, "%s/store", world.root);
    must(file_make_directory(world.csv, &err), &err);
    write_csv(&world, "patients.csv", "patient_id,gender\n11,F\n12,M\n13,F\n14,M\n15,F\n16,M\n");
    write_csv(&world, "admissions.csv",
              "admission_id,patient_id,admit_time\n101,11,2020-01-01 10:00:00\n102,11,2020-02-01 "
              "10:00:00\n103,12,2020-01-05 08:00:00\n"
              "104,13,2020-01-06 08:00:00\n105,14,2020-01-07 08:00:00\n106,15,2020-03-01 "
              "08:00:00\n107,16,2020-03-02 08:00:00\n");
    struct api_options options = {.store = world.store, .create = true};
    must(api_open(&options, &world.api, &err), &err);
    const char *paths[] = {world.csv};
    struct api_import_options import = {.paths = paths, .path_count = 1, .name = "d", .header = -1};
    must(api_import(world.api, &import, &answer, &err), &err);
    json_decref(answer);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    api_close(world->api);
    return file_remove_tree(world->root, NULL) == ERR_OK ? 0 : 1;
}

static json_t *build(const struct world *world, bool force)
{
    struct err err = {0};
    json_t *answer = NULL;
    struct api_mart_options options = {.dataset = "d", .grain = "patient", .force = force};
    must(api_mart_build(world->api, &options, &answer, &err), &err);
    return answer;
}

/* Runs of kind "answer" on disk. */
static size_t memo_count(const struct world *world)
{
    char folder[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    struct err err = {0};
    struct file_list list = {0};
    size_t count = 0;
    must(file_path_join(world->store, "datasets/d/runs", folder, &err), &err);
    must(file_list_directory(folder, &list, &err), &err);
    for (size_t i = 0; i < list.count; i++) {
        json_t *manifest = NULL;
        char run[FILE_PATH_BYTES];
        must(file_path_join(folder, list.entries[i].name, run, &err), &err);
        must(file_path_join(run, "manifest.json", path, &err), &err);
        must(json_read_file(path, &manifest, &err), &err);
        count += strcmp(json_text(manifest, "kind", ""), "answer") == 0;
        json_decref(manifest);
    }
    file_list_done(&list);
    return count;
}

static void second_build_is_answered_alike_and_as_reused(void **state)
{
    struct world *world = *state;
    json_t *first = build(world, false), *second = build(world, false);
    assert_false(json_flag(first, "reused", true));
    assert_true(json_flag(second, "reused", false));
    assert_int_equal(memo_count(world), 1);
    bool ok = true;
    json_put_flag(first, "reused", true, &ok);
    json_put_int(first, "duration_ms", json_int(second, "duration_ms", 0), &ok);
    assert_true(ok && json_equal(first, second) == 1);
    json_decref(first);
    json_decref(second);
}

static void removed_mart_is_made_again(void **state)
{
    struct world *world = *state;
    char run[FILE_PATH_BYTES];
    struct err err = {0};
    json_t *first = build(world, false);
    char *path = strdup(json_text(first, "path", ""));
    (void)snprintf(run, sizeof run, "%s/datasets/d/runs/%s", world->store,
                   json_text(first, "run_id", ""));
    must(file_remove_tree(run, &err), &err);
    json_t *again = build(world, false);
    assert_false(json_flag(again, "reused", true));
    assert_true(file_exists(path));
    assert_int_equal(memo_count(world), 1);
    json_t *third = build(world, false);
    assert_true(json_flag(third, "reused", false));
    free(path);
    json_decref(first);
    json_decref(again);
    json_decref(third);
}

static void damaged_mart_manifest_is_not_hidden_by_the_memo(void **state)
{
    struct world *world = *state;
    char path[FILE_PATH_BYTES];
    struct err err = {0};
    json_t *first = build(world, false), *second = NULL;
    (void)snprintf(path, sizeof path, "%s/datasets/d/runs/%s/manifest.json", world->store,
                   json_text(first, "run_id", ""));
    must(file_replace(path, str_of("{\"format\":1}"), &err), &err);
    struct api_mart_options options = {.dataset = "d", .grain = "patient"};
    assert_int_equal(api_mart_build(world->api, &options, &second, &err), ERR_INTEGRITY);
    json_decref(first);
}

static void decision_about_a_key_gives_another_mart(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    json_t *first = build(world, false), *decided = NULL;
    must(api_relation_decide(world->api, "d", "reject", "admissions.patient_id",
                             "patients.patient_id", &decided, &err),
         &err);
    json_t *second = build(world, false);
    assert_string_not_equal(json_text(first, "run_id", ""), json_text(second, "run_id", ""));
    json_decref(first);
    json_decref(second);
    json_decref(decided);
}

static void forced_build_computes_again(void **state)
{
    struct world *world = *state;
    json_t *first = build(world, false), *forced = build(world, true);
    assert_string_equal(json_text(first, "run_id", ""), json_text(forced, "run_id", ""));
    assert_int_equal(memo_count(world), 1);
    json_decref(first);
    json_decref(forced);
}

/* The mart's name means what was asked for last, also when the answer came from a memo. */
static void build_with_a_policy_and_back_moves_the_name_back(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    json_t *plain = build(world, false), *other = NULL, *shown = NULL;
    json_t *policy = json_pack("{s:{s:[s]}}", "admissions", "admit_time", "min");
    struct api_mart_options options = {.dataset = "d", .grain = "patient", .policy = policy};
    must(api_mart_build(world->api, &options, &other, &err), &err);
    assert_string_not_equal(json_text(plain, "run_id", ""), json_text(other, "run_id", ""));
    json_decref(build(world, false));
    must(api_mart_show(world->api, "d", NULL, "patient", &shown, &err), &err);
    assert_string_equal(json_text(shown, "run_id", ""), json_text(plain, "run_id", ""));
    json_decref(plain);
    json_decref(other);
    json_decref(shown);
    json_decref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(second_build_is_answered_alike_and_as_reused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(removed_mart_is_made_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_mart_manifest_is_not_hidden_by_the_memo, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(decision_about_a_key_gives_another_mart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(build_with_a_policy_and_back_moves_the_name_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(forced_build_computes_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
