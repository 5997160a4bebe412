/* Runs on a server: what it gives back is what the embedded engine gives; what it lacks is done
 * here; too wide rows are parted; a cancel leaves nothing. The server is a private PostgreSQL;
 * without one these cases say SKIPPED. */
#include "profile/support.h"

#include "run/kit.h"

#include <unistd.h>

#include "plan/rewrite.h"
#include "run/server.h"

#define E const struct plan_expr *const[]

static char url[400];
static char server_directory[64];

static bool run_script(const char *arguments, char *line, size_t cap)
{
    char command[1024];
    snprintf(command, sizeof command, "sh '%s/servers/postgres.sh' %s", TEST_SOURCE_DIRECTORY,
             arguments);
    FILE *output = popen(command, "r");
    line[0] = '\0';
    if (output == NULL)
        return false;
    if (fgets(line, (int)cap, output) != NULL)
        line[strcspn(line, "\n")] = '\0';
    return pclose(output) == 0;
}

/* False: there is no server, or plans cannot be written for it. */
static bool have_server(void)
{
    char arguments[128], line[64];
    if (dialect_find("postgresql") == NULL ||
        !run_script("available 2>/dev/null", line, sizeof line)) {
        printf("run/server: SKIPPED postgresql: no server is installed, or no dialect\n");
        return false;
    }
    snprintf(server_directory, sizeof server_directory, "/tmp/marrow-run-%ld", (long)getpid());
    snprintf(arguments, sizeof arguments, "start '%s' %ld", server_directory, (long)getpid());
    return run_script(arguments, url, sizeof url);
}

struct kit {
    struct fixture f;
    struct plan *plan;
    const struct plan_rel *scan;
};
static const char *const sort[] = {"id"};

static int setup(void **state)
{
    struct kit *kit = mem_zalloc(1, sizeof *kit);
    AUTO(buf_done) struct buf csv = BUF_INIT;
    assert_non_null(kit);
    fixture_open(&kit->f);
    buf_puts(&csv, "id,name,value\n");
    for (int i = 0; i < 3000; i++)
        buf_printf(&csv, "%d,n\xc3\xa9%d,%d.25\n", i, i % 7, i - 1500);
    const char *tables[] = {"t", buf_text(&csv), NULL};
    fixture_import(&kit->f, "d", tables);
    kit->plan = plan_new();
    kit->scan = plan_scan(kit->plan, "t", &store_version_table(kit->f.version, 0)->schema);
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

static void forget_server(void)
{
    struct err err = {0};
    AUTO(engine_close) struct engine *engine = NULL;
    struct engine_options options = {.url = url};
    AUTO(buf_done) struct buf name = BUF_INIT;
    MUST(engine_open(&options, &engine, &err));
    enum err_code found = engine_query_text(
        engine, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'marrow\\_%'", &name, &err);
    if (found == ERR_OK && name.len > 0)
        MUST(engine_executef(engine, &err, "DROP SCHEMA \"%s\" CASCADE", buf_text(&name)));
}

static void push(struct kit *kit, bool hashes)
{
    struct err err = {0};
    struct run_push_table table = {.name = "t", .hashes = hashes, .key = {0}, .key_count = 1};
    struct engine_options options = {.url = url, .threads = 2};
    json_t *pushed = NULL;
    forget_server();
    MUST(run_push(kit->f.version, &options, &table, 1, &pushed, &err));
    json_decref(pushed);
}

/* id and the row's hash as text, and who comes first by it. */
static const struct plan_rel *hashing_plan(struct kit *kit)
{
    struct plan *p = kit->plan;
    const struct plan_expr *all[] = {plan_column(p, kit->scan, "id"),
                                     plan_column(p, kit->scan, "name"),
                                     plan_column(p, kit->scan, "value")};
    const struct plan_expr *hash = plan_call(p, "row_hash", 3, all);
    const struct plan_named outputs[] = {
        {"id", all[0]},
        {"hash", plan_cast(p, hash, DATA_TYPE(TEXT), false)},
        {"at", plan_call(p, "order_key", 2, (E){all[0], hash})},
    };
    const struct plan_rel *hashed = plan_project(p, kit->scan, outputs, 3);
    struct plan_order by = {.expr = plan_column(p, hashed, "at")};
    const struct plan_expr *whole = plan_literal_int(p, 1);
    const struct plan_named ordinal = {
        "ordinal", plan_window_call(p, "row_number", 0, NULL, &whole, 1, &by, 1, NULL)};
    const struct plan_rel *numbered = plan_window(p, hashed, &ordinal, 1);
    const struct plan_named kept[] = {{"id", plan_column(p, numbered, "id")},
                                      {"hash", plan_column(p, numbered, "hash")},
                                      {"ordinal", plan_column(p, numbered, "ordinal")}};
    return plan_project(p, numbered, kept, 3);
}

static const struct plan_rel *wide_plan(struct kit *kit)
{
    static char names[1700][80];
    struct plan *p = kit->plan;
    struct plan_named *outputs = plan_named_array(p, 1701);
    assert_non_null(outputs);
    outputs[0] = (struct plan_named){"id", plan_column(p, kit->scan, "id")};
    for (int i = 0; i < 1700; i++) { /* names that differ only behind the server's 63 bytes */
        snprintf(names[i], sizeof names[i],
                 "a_name_that_is_far_too_long_for_the_server_and_ends_in_its_number_%04d", i);
        outputs[i + 1] = (struct plan_named){
            names[i],
            plan_call(p, "add", 2, (E){plan_column(p, kit->scan, "id"), plan_literal_int(p, i)})};
    }
    return plan_project(p, plan_limit(p, kit->scan, 50, 0), outputs, 1701);
}

static struct run_request request_of(const struct plan_rel *plan)
{
    return (struct run_request){
        .kind = "test", .name = "r", .plan = plan, .sort_columns = sort, .sort_count = 1};
}

/* Runs at home and there; both must have the same rows. Returns the manifest from there. */
static json_t *same_there(struct kit *kit, const struct plan_rel *plan)
{
    struct err err = {0};
    struct run_request request = request_of(plan);
    struct run_result home = {.manifest = NULL}, there = {.manifest = NULL};
    struct engine_options local = {.threads = 2}, remote = {.url = url, .threads = 2};
    MUST(plan_finish(kit->plan, plan, &err));
    MUST(run_materialise(kit->f.store, kit->f.version, &request, &local, &home, &err));
    MUST(run_materialise(kit->f.store, kit->f.version, &request, &remote, &there, &err));
    assert_false(there.reused);
    assert_string_not_equal(home.run_id, there.run_id);
    assert_string_equal(home.signature, there.signature);
    assert_int_equal(json_int(home.manifest, "row_count", -1),
                     json_int(there.manifest, "row_count", -2));
    assert_string_equal(json_text(home.manifest, "row_hash", "a"),
                        json_text(there.manifest, "row_hash", "b"));
    json_t *manifest = json_incref(there.manifest);
    run_result_done(&home);
    run_result_done(&there);
    MUST(run_materialise(kit->f.store, kit->f.version, &request, &remote, &there, &err));
    assert_true(there.reused);
    run_result_done(&there);
    return manifest;
}

static void url_in_manifests_tells_no_user_and_no_parameter(void **state)
{
    char found[RUN_SERVER_URL_BYTES];
    (void)state;
    run_url_public("postgresql://me:s@cret@db.example:5432/research?password=x", found);
    assert_string_equal(found, "postgresql://db.example:5432/research");
    run_url_public("trino://db.example/hive/a@b#x", found);
    assert_string_equal(found, "trino://db.example/hive/a@b");
}

static bool always(void *user, const char *table)
{
    (void)user;
    (void)table;
    return true;
}

static void row_hash_over_a_scan_becomes_the_stored_columns(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    const struct plan_rel *given = hashing_plan(kit), *made = NULL;
    AUTO(buf_done) struct buf text = BUF_INIT;
    MUST(plan_finish(kit->plan, given, &err));
    AUTO(plan_free) struct plan *over = plan_new_over(given);
    MUST(plan_stored_hashes(over, given, always, NULL, &made, &err));
    MUST(plan_print(made, &text, &err));
    assert_null(strstr(buf_text(&text), "row_hash("));
    assert_non_null(strstr(buf_text(&text), PLAN_STORED_ORDER));
    assert_int_equal(made->column_count, given->column_count);
}

static void stored_hash_orders_and_reads_as_the_computed_one(void **state)
{
    struct kit *kit = *state;
    if (url[0] == '\0')
        skip();
    push(kit, true);
    json_t *manifest = same_there(kit, hashing_plan(kit));
    assert_null(json_object_get(manifest, "computed_by_marrow"));
    json_decref(manifest);
}

static void what_the_server_lacks_is_computed_here(void **state)
{
    struct kit *kit = *state;
    if (url[0] == '\0')
        skip();
    push(kit, false);
    json_t *manifest = same_there(kit, hashing_plan(kit));
    assert_true(json_array_size(json_object_get(manifest, "computed_by_marrow")) > 0);
    json_decref(manifest);
}

static void row_too_wide_for_the_server_is_parted_by_its_key(void **state)
{
    struct kit *kit = *state;
    if (url[0] == '\0')
        skip();
    push(kit, false);
    json_t *manifest = same_there(kit, wide_plan(kit));
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(manifest, "layout"), "tables")), 2);
    json_decref(manifest);
}

static void table_that_is_not_pushed_is_named(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    struct run_request request = request_of(kit->scan);
    struct run_result there = {.manifest = NULL};
    struct engine_options remote = {.url = url};
    if (url[0] == '\0')
        skip();
    forget_server();
    REFUSED(ERR_NOT_FOUND,
            run_materialise(kit->f.store, kit->f.version, &request, &remote, &there, &err));
    assert_non_null(strstr(err.message, "table t "));
}

static bool at_once(void *user)
{
    (void)user;
    return true;
}

static void cancelled_push_and_run_leave_nothing(void **state)
{
    struct kit *kit = *state;
    struct err err = {0};
    struct progress stop = {.cancelled = at_once};
    struct engine_options options = {.url = url, .progress = &stop}, asking = {.url = url};
    struct run_push_table table = {.name = "t"};
    struct run_request request = request_of(kit->scan);
    struct run_result there = {.manifest = NULL};
    json_t *pushed = NULL;
    AUTO(engine_close) struct engine *engine = NULL;
    int64_t found = -1;
    if (url[0] == '\0')
        skip();
    forget_server();
    assert_int_not_equal(run_push(kit->f.version, &options, &table, 1, &pushed, &err), ERR_OK);
    MUST(engine_open(&asking, &engine, &err));
    MUST(engine_query_int(engine,
                          "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'marrow\\_%'", -1,
                          &found, &err));
    assert_int_equal(found, 0);
    push(kit, false);
    assert_int_not_equal(
        run_materialise(kit->f.store, kit->f.version, &request, &options, &there, &err), ERR_OK);
    MUST(engine_query_int(engine, "SELECT count(*) FROM pg_class WHERE relname LIKE 'run\\_%'", -1,
                          &found, &err));
    assert_int_equal(found, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url_in_manifests_tells_no_user_and_no_parameter),
        cmocka_unit_test_setup_teardown(row_hash_over_a_scan_becomes_the_stored_columns, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(stored_hash_orders_and_reads_as_the_computed_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_the_server_lacks_is_computed_here, setup, teardown),
        cmocka_unit_test_setup_teardown(row_too_wide_for_the_server_is_parted_by_its_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(table_that_is_not_pushed_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(cancelled_push_and_run_leave_nothing, setup, teardown),
    };
    char line[64], arguments[128];
    bool started = have_server();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (started) {
        snprintf(arguments, sizeof arguments, "stop '%s'", server_directory);
        (void)run_script(arguments, line, sizeof line);
    }
    return failed;
}
