/* Questions made of words, injections and hostile names, over a catalogue whose tables and columns
 * are called by quotes, SQL and control characters: each ends in time, and every SQL that comes of
 * one is exactly one SELECT (as the engine parses it) over tables of the catalogue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "ask/ask_priv.h"
#include "dialect/dialect.h"
#include "engine/engine.h"
#include "mart/plan_case.h"
#include "plan/rewrite.h"

#define QUESTIONS 2000
#define LIMIT_S 2 /* of processor time for one question: a busy machine does not stretch it */

static const char *const lines =
    "table patients 100 dimension\n"
    "column patient_id bigint identifier unique\n"
    "column sex text category levels=F,M\n"
    "column birth_date date date\n"
    "column drop\";table--x text category levels=a,b\n"
    "column o'brien decimal(9,2) measure\n"
    "column select bigint measure\n"
    "key patient_id\n"
    "table labs\";DELETE/**/FROM-- 900 event\n"
    "column lab_id bigint identifier unique\n"
    "column patient_id bigint identifier\n"
    "column time\x01\x02 timestamp date\n"
    "column value';-- decimal(9,2) measure\n"
    "column kind\\\" text category levels=x,y\n"
    "key lab_id\n"
    "time time\x01\x02\n"
    "relation labs\";DELETE/**/FROM--.patient_id -> patients.patient_id 0.95\n";

static const char *const values[] = {"F",
                                     "M",
                                     "x'; DROP TABLE patients; --",
                                     "\"; ATTACH 'x' AS y; --",
                                     "heparin $1 ?",
                                     "\xe2\x80\xae odd",
                                     "union select",
                                     "a\x01b"};
static const char *const pieces[] = {"how many",
                                     "patients",
                                     "with",
                                     "without",
                                     "list",
                                     "the",
                                     "average",
                                     "mean",
                                     "by",
                                     "per year",
                                     "over",
                                     "65",
                                     "between",
                                     "2",
                                     "and",
                                     "5",
                                     "or",
                                     "no",
                                     "first",
                                     "last",
                                     "labs",
                                     "sex",
                                     "female",
                                     "men",
                                     "aged",
                                     "since 2104",
                                     "describe",
                                     "what is",
                                     "patient 7",
                                     "top 5",
                                     "most common",
                                     "missing",
                                     "percentage of",
                                     "died",
                                     "within 30 days of",
                                     "compare",
                                     "correlation of",
                                     "drop table x",
                                     "drop",
                                     "o'brien",
                                     "obrien",
                                     "select",
                                     "value",
                                     "kind",
                                     "time",
                                     "delete from",
                                     "'; DROP TABLE patients; --",
                                     "\"",
                                     "x'; DROP TABLE patients; --",
                                     "ATTACH 'x' AS y",
                                     "$1",
                                     "?",
                                     "union select 1",
                                     "/*",
                                     "*/",
                                     "--",
                                     "\\",
                                     ";",
                                     "heparin",
                                     "\x01",
                                     "\xe2\x80\xae",
                                     "odd",
                                     "copy patients to '/tmp/x'",
                                     "patients; DELETE FROM patients",
                                     "a b",
                                     "in",
                                     "on",
                                     "2104-01-01",
                                     "1e308",
                                     "99999999999999999999"};

struct world {
    struct plan_case *tables;
    struct ask_catalogue *catalogue;
    struct buf bytes;
    struct ask_index *index;
    struct engine *engine;
};

static void make(struct world *world)
{
    AUTO(ask_index_builder_free) struct ask_index_builder *builder = NULL;
    struct engine_options options = {.threads = 1};
    struct err err = {0};
    world->tables = case_new(str_of(lines));
    assert_int_equal(ask_catalogue_new(&world->tables->profile, NULL, &world->catalogue, &err),
                     ERR_OK);
    assert_int_equal(ask_index_builder_new(&builder, &err), ERR_OK);
    for (size_t s = 0; s < ask_source_count(world->catalogue); s++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            assert_int_equal(ask_index_add(builder, s, str_of(values[v]), 20, 15, &err), ERR_OK);
    assert_int_equal(ask_index_finish(builder, 50000, &world->bytes, &err), ERR_OK);
    assert_int_equal(ask_index_open(buf_view(&world->bytes), &world->index, &err), ERR_OK);
    assert_int_equal(engine_open(&options, &world->engine, &err), ERR_OK);
}

static void one_select(const struct world *world, const char *question, const char *sql)
{
    struct engine_statement statement = {0};
    struct err err = {0};
    enum err_code code = engine_statement_inspect(world->engine, sql, &statement, &err);
    if (code != ERR_OK || statement.count != 1 || !statement.is_select)
        fail_msg("'%s' gives no single SELECT (%s): %s", question, err.message, sql);
    for (size_t i = 0; i < statement.table_count; i++) {
        size_t t = 0;
        while (t < world->catalogue->table_count &&
               strcmp(world->catalogue->tables[t].name, statement.tables[i]) != 0)
            t++;
        if (t == world->catalogue->table_count)
            fail_msg("'%s' reads another table: %s", question, sql);
    }
    engine_statement_done(&statement);
}

/* Reads the question and the choices that tier two makes of it; true: it was answered. */
static bool try(const struct world *world, const char *question)
{
    AUTO(ask_reading_free) struct ask_reading *reading = NULL;
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    JSON_AUTO proposals = NULL;
    const struct plan_rel *root = NULL, *quick = NULL;
    const char **params = NULL;
    size_t count = 0;
    struct ask_options options = {.now_day = INT64_MIN};
    struct err err = {0};
    clock_t started = clock();
    enum err_code code =
        ask_read(world->catalogue, world->index, question, &options, &reading, &err);
    assert_true(code == ERR_OK || code == ERR_LIMIT);
    if (code == ERR_OK && ask_reading_status(reading) != ASK_ANSWERED)
        assert_int_equal(ask_similar(reading, pieces, 20, &proposals, &err), ERR_OK);
    assert_true(clock() - started < LIMIT_S * CLOCKS_PER_SEC);
    if (code != ERR_OK || ask_reading_status(reading) != ASK_ANSWERED)
        return false;
    if (ask_lower(reading, plan, &root, &err) != ERR_OK) {
        fail_msg("'%s' is called clear and has no plan: %s", question, err.message);
        return false;
    }
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    assert_int_equal(plan_optimise(over, root, &quick, &err), ERR_OK);
    assert_int_equal(dialect_sql(dialect_find("duckdb"), quick, NULL, &sql, &params, &count, &err),
                     ERR_OK);
    mem_free(params);
    one_select(world, question, buf_text(&sql));
    return true;
}

static void every_sql_is_one_select(void **state)
{
    struct world world = {.tables = NULL};
    uint64_t seed = 88172645463325252u;
    size_t answered = 0;
    (void)state;
    make(&world);
    for (int n = 0; n < QUESTIONS; n++) {
        char question[1200] = "";
        size_t length = 0;
        for (int words = 1 + n % 11; words > 0 && length < 1000; words--) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            length += (size_t)snprintf(question + length, sizeof question - length, "%s ",
                                       pieces[seed % (sizeof pieces / sizeof *pieces)]);
        }
        answered += try(&world, question);
    }
    answered += try(&world, "how many patients with x'; DROP TABLE patients; --");
    answered += try(&world, "average o'brien by sex");
    print_message("%zu of %d answered\n", answered, QUESTIONS + 2);
    assert_true(answered > 50); /* else nothing was tried */
    engine_close(world.engine);
    ask_index_free(world.index);
    buf_done(&world.bytes);
    ask_catalogue_free(world.catalogue);
    case_free(world.tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_sql_is_one_select)};
    json_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
