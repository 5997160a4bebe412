/* Runs: an id from what is asked alone; reused, forced, refused; nothing left behind; buckets. */
#include "profile/support.h"

#include "run/kit.h"

#include <pthread.h>
#include <unistd.h>

#include "base/fault.h"
#include "run/run_priv.h"

struct kit {
    struct fixture f;
    struct plan *plan;
    const struct plan_rel *root;
};
static const char *const sort[] = {"id"};

static int setup(void **state)
{
    struct kit *kit = mem_zalloc(1, sizeof *kit);
    AUTO(buf_done) struct buf csv = BUF_INIT;
    struct err err = {0};
    assert_non_null(kit);
    fixture_open(&kit->f);
    buf_puts(&csv, "id,name,value\n");
    for (int i = 0; i < 500; i++)
        buf_printf(&csv, "%d,n%d,%d.5\n", i, i % 7, i);
    const char *tables[] = {"t", buf_text(&csv), NULL};
    fixture_import(&kit->f, "d", tables);
    kit->plan = plan_new();
    kit->root = plan_scan(kit->plan, "t", &store_version_table(kit->f.version, 0)->schema);
    MUST(plan_finish(kit->plan, kit->root, &err));
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    struct kit *kit = *state;
    plan_free(kit->plan);
    fixture_close(&kit->f);
    mem_free(kit);
    return 0;
}

static struct run_request request_of(const struct kit *kit)
{
    return (struct run_request){
        .kind = "mart", .name = "m", .plan = kit->root, .sort_columns = sort, .sort_count = 1};
}

static enum err_code materialise(struct kit *kit, const struct run_request *request,
                                 struct run_result *ret, struct err *err)
{
    struct engine_options engine = {.threads = 2};
    return run_materialise(kit->f.store, kit->f.version, request, &engine, ret, err);
}

static size_t entries_below(const struct kit *kit, const char *leaf)
{
    struct err err = {0};
    struct file_list list = {0};
    char path[FILE_PATH_BYTES], store[FILE_PATH_BYTES];
    MUST(file_path_join(kit->f.directory, "store", store, &err));
    MUST(file_path_join(store, leaf, path, &err));
    if (!file_exists(path))
        return 0;
    MUST(file_list_directory(path, &list, &err));
    size_t count = 0;
    for (size_t i = 0; i < list.count; i++)
        count +=
            list.entries[i].kind == FILE_DIRECTORY && strcmp(list.entries[i].name, "spill") != 0
                ? 1
                : 0;
    file_list_done(&list);
    return count;
}

static void id_follows_from_what_is_asked_and_nothing_else(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    char first[65], again[65], other[65], signature[65];
    struct run_request request = request_of(kit);
    MUST(run_id_of(&request, kit->f.version, first, signature, &err));
    request.force = true;
    request.name = "another name";
    MUST(run_id_of(&request, kit->f.version, again, signature, &err));
    assert_string_equal(first, again);
    request.bucket_column = "id";
    request.buckets = 8;
    MUST(run_id_of(&request, kit->f.version, other, signature, &err));
    assert_string_not_equal(first, other);
    request.buckets = 9;
    MUST(run_id_of(&request, kit->f.version, again, signature, &err));
    assert_string_not_equal(other, again);
    request = request_of(kit);
    request.kind = "view";
    MUST(run_id_of(&request, kit->f.version, other, signature, &err));
    assert_string_not_equal(first, other);
    request = request_of(kit);
    request.plan = plan_limit(kit->plan, kit->root, 3, 0);
    MUST(run_id_of(&request, kit->f.version, other, signature, &err));
    assert_string_not_equal(first, other);
}

static void found_run_is_reused_without_computing(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    struct run_request request = request_of(kit);
    struct run_result first, again;
    MUST(materialise(kit, &request, &first, &err));
    assert_false(first.reused);
    assert_int_equal(json_int(first.manifest, "row_count", 0), 500);
    /* An engine that can't open would fail: none is opened. */
    struct engine_options broken = {.database = "/nonexistent/directory/x.duckdb"};
    MUST(run_materialise(kit->f.store, kit->f.version, &request, &broken, &again, &err));
    assert_true(again.reused);
    assert_true(json_equal(first.manifest, again.manifest));
    run_result_done(&first);
    run_result_done(&again);
}

static void forced_run_is_compared_and_kept(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    struct run_request request = request_of(kit);
    struct run_result first, again;
    MUST(materialise(kit, &request, &first, &err));
    request.force = true;
    MUST(materialise(kit, &request, &again, &err));
    assert_true(again.reused);
    assert_string_equal(json_text(first.manifest, "materialised_at", "a"),
                        json_text(again.manifest, "materialised_at", "b"));
    assert_int_equal(entries_below(kit, "tmp"), 0);
    run_result_done(&first);
    run_result_done(&again);
}

static enum err_code failing_check(void *user, struct engine *engine, json_t *manifest,
                                   struct err *err)
{
    int64_t rows = 0;
    (void)manifest;
    TRY(engine_query_int(engine, "SELECT count(*) FROM marrow_result", -1, &rows, err));
    *(int64_t *)user = rows;
    return err_set(err, ERR_INTEGRITY, "not this one");
}

static void check_that_fails_leaves_nothing_behind(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    int64_t seen = 0;
    struct run_request request = request_of(kit);
    struct run_result result;
    request.check = failing_check;
    request.user = &seen;
    REFUSED(ERR_INTEGRITY, materialise(kit, &request, &result, &err));
    assert_int_equal(seen, 500);
    assert_int_equal(entries_below(kit, "datasets/d/runs"), 0);
    assert_int_equal(entries_below(kit, "tmp"), 0);
    run_result_done(&result);
}

static void every_failing_write_fsync_and_rename_leaves_nothing_behind(void **state)
{
    struct kit *kit = *state;
    static const enum fault_kind kinds[] = {FAULT_WRITE, FAULT_FSYNC, FAULT_RENAME};
    struct run_request request = request_of(kit);
    int64_t failures = 0;
    request.bucket_column = "name";
    request.buckets = 2;
    for (size_t k = 0; k < 3; k++) {
        for (int64_t nth = 1;; nth++) {
            struct err err = {0};
            struct run_result result;
            request.plan = plan_limit(kit->plan, kit->root, 100 + nth + (int64_t)k * 1000,
                                      0); /* a run of its own each time */
            size_t before = entries_below(kit, "datasets/d/runs");
            fault_arm(kinds[k], nth);
            enum err_code code = materialise(kit, &request, &result, &err);
            bool fired = fault_fired();
            fault_disarm();
            run_result_done(&result);
            if (!fired) {
                assert_int_equal(code, ERR_OK);
                break;
            }
            if (code != ERR_OK) {
                failures++;
                assert_true(err.message[0] != '\0');
                assert_int_equal(entries_below(kit, "tmp"), 0);
                assert_true(entries_below(kit, "datasets/d/runs") <=
                            before + 1); /* + 1: renamed, and only the parent's fsync failed */
            }
        }
    }
#ifdef MARROW_FAULTS
    assert_true(failures > 3);
#endif
}

static void run_whose_file_is_cut_is_not_reused(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    struct run_request request = request_of(kit);
    struct run_result first, again;
    char directory[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
    MUST(materialise(kit, &request, &first, &err));
    MUST(store_run_path(kit->f.store, "d", first.run_id, directory, &err));
    MUST(file_path_join(directory, RUN_FILE, path, &err));
    assert_int_equal(truncate(path, 100), 0);
    REFUSED(ERR_INTEGRITY, materialise(kit, &request, &again, &err));
    assert_true(kit_contains(err.message, "mart.parquet") && kit_contains(err.hint, "repair"));
    run_result_done(&first);
    run_result_done(&again);
}

static void each_row_lies_in_the_bucket_of_its_hash(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    struct run_request request = request_of(kit);
    struct run_result result;
    char directory[FILE_PATH_BYTES], sql[FILE_PATH_BYTES + 300];
    request.bucket_column = "name";
    request.buckets = 5;
    MUST(materialise(kit, &request, &result, &err));
    MUST(store_run_path(kit->f.store, "d", result.run_id, directory, &err));
    snprintf(sql, sizeof sql,
             "SELECT count(*) || ' ' || count(DISTINCT bucket) || ' ' || sum((bucket <> "
             "marrow_bucket(name, 5))::INT) FROM read_parquet('%s/mart/*/*.parquet', "
             "hive_partitioning=true, hive_types={'bucket': 'BIGINT'})",
             directory);
    const char *answer = kit_sql(sql);
    assert_true(kit_contains(answer, "500 ") && kit_contains(answer, " 0"));
    snprintf(sql, sizeof sql, "SELECT count(*) FROM glob('%s/mart/bucket=0*/part.parquet')",
             directory);
    assert_string_equal(kit_sql(sql), "5");
    /* The view over it shows the rows without a bucket column. */
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = {.threads = 2};
    int64_t columns = 0;
    MUST(engine_open(&options, &engine, &err));
    MUST(run_attach(kit->f.store, "d", result.manifest, "v", engine, &err));
    MUST(engine_query_int(engine, "SELECT count(*) FROM (DESCRIBE v)", 0, &columns, &err));
    assert_int_equal(columns, 3);
    run_result_done(&result);
}

struct twin {
    struct kit *kit;
    struct run_result result;
    enum err_code code;
};

static void *twin_main(void *data)
{
    struct twin *twin = data;
    struct err err = {0};
    struct run_request request = request_of(twin->kit);
    twin->code = materialise(twin->kit, &request, &twin->result, &err);
    return NULL;
}

static void twins_that_build_at_once_both_succeed_and_one_is_kept(void **state)
{
    struct twin twins[2] = {{.kit = *state}, {.kit = *state}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, twin_main, &twins[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(twins[0].code, ERR_OK);
    assert_int_equal(twins[1].code, ERR_OK);
    assert_true(json_equal(twins[0].result.manifest, twins[1].result.manifest));
    assert_int_equal(entries_below(*state, "datasets/d/runs"), 1);
    assert_int_equal(entries_below(*state, "tmp"), 0);
    run_result_done(&twins[0].result);
    run_result_done(&twins[1].result);
}

static void plan_and_sql_lie_beside_the_run(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    struct run_request request = request_of(kit);
    struct run_result result;
    JSON_AUTO plan = NULL;
    MUST(materialise(kit, &request, &result, &err));
    MUST(run_plan_read(kit->f.store, "d", result.run_id, &plan, &err));
    assert_string_equal(json_text(plan, "signature", ""), result.signature);
    assert_true(kit_contains(json_text(plan, "sql", ""), "FROM t"));
    assert_non_null(json_object_get(plan, "plan"));
    run_result_done(&result);
}

static void plan_with_an_open_parameter_is_refused(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    AUTO(buf_done) struct buf sql = BUF_INIT;
    struct run_request request = request_of(kit);
    const struct plan_expr *args[] = {plan_column(kit->plan, kit->root, "id"),
                                      plan_param(kit->plan, "least", DATA_TYPE(BIGINT))};
    request.plan = plan_filter(kit->plan, kit->root, plan_call(kit->plan, "gt", 2, args));
    REFUSED(ERR_INPUT, run_sql(&request, &sql, &err));
}

int main(void)
{
    json_install();
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(id_follows_from_what_is_asked_and_nothing_else),
        TEST(found_run_is_reused_without_computing),
        TEST(forced_run_is_compared_and_kept),
        TEST(check_that_fails_leaves_nothing_behind),
        TEST(every_failing_write_fsync_and_rename_leaves_nothing_behind),
        TEST(run_whose_file_is_cut_is_not_reused),
        TEST(each_row_lies_in_the_bucket_of_its_hash),
        TEST(twins_that_build_at_once_both_succeed_and_one_is_kept),
        TEST(plan_and_sql_lie_beside_the_run),
        TEST(plan_with_an_open_parameter_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
