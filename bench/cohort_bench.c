/* Feasibility counts at 1,000,000 patients and 5,000,000 conditions: by the index in this process, by DuckDB over the views, by PostgreSQL over its indexed tables; the same counts are
 * asserted.
 *
 *     cohort_bench make DIRECTORY [PATIENTS] the data, as a DuckDB file and as CSV for PostgreSQL
 *     cohort_bench run DIRECTORY [URL]       the figures; URL of a PostgreSQL that holds the data
 *
 * Data are made by SQL from hash(row): the same at each run. Dates are texts in FHIR's form, as
 * materialised views have them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "cohort/cohort.h"
#include "dialect/dialect.h"
#include "plan/rewrite.h"

#define PATIENTS 1000000 /* five times as many conditions, twice as many prescriptions */

static void check(enum err_code code, const struct err *err)
{
    if (code == ERR_OK)
        return;
    fprintf(stderr, "cohort_bench: %s; %s; %s\n", err->message, err->detail, err->hint);
    exit(1);
}

/* ---- data ---------------------------------------------------------------------------------------
 */

/* 300 codes; code k is about 1 / (k + 1) as frequent as the first. */
static const char make_sql[] =
    "CREATE TABLE patient_demographics AS SELECT printf('p%07d', i) AS patient_id, CASE WHEN "
    "hash(i) % 2 = 0 THEN 'female' ELSE 'male' END AS gender, "
    "CAST(DATE '1930-01-01' + CAST(hash(i, 1) % 33000 AS INTEGER) AS VARCHAR) AS birth_date, "
    "hash(i, 2) % 10 = 0 AS deceased FROM range(getvariable('patients')) t(i);"
    "CREATE TEMP TABLE codes AS SELECT k, CASE k WHEN 3 THEN '44054006' WHEN 7 THEN '230690007' "
    "WHEN 20 THEN '22298006' ELSE CAST(10000000 + k * 7919 AS VARCHAR) END AS snomed_code, "
    "CASE WHEN k = 3 THEN 'E11.9' WHEN k = 40 THEN 'E11.65' WHEN k = 7 THEN 'I63.9' WHEN k = 20 "
    "THEN 'I21.9' ELSE printf('%c%02d.%d', CAST(65 + k % 26 AS INTEGER), k % 97, k % 10) END AS "
    "icd10_code, "
    "CASE k WHEN 3 THEN 'Type 2 diabetes mellitus (disorder)' WHEN 40 THEN 'Diabetes with "
    "hyperglycemia' WHEN 7 THEN 'Ischemic stroke' WHEN 20 THEN 'Myocardial infarction' ELSE "
    "'Condition ' || k END AS code_text FROM range(300) t(k);"
    "CREATE TABLE condition_simple AS SELECT CAST(i AS VARCHAR) AS id, printf('p%07d', hash(i, 3) "
    "% getvariable('patients')) AS patient_id, snomed_code, icd10_code, code_text, "
    "CASE WHEN hash(i, 4) % 3 = 0 THEN 'problem-list-item' ELSE 'encounter-diagnosis' END AS "
    "category, CASE WHEN hash(i, 5) % 4 = 0 THEN 'resolved' ELSE 'active' END AS clinical_status, "
    "CAST(DATE '2005-01-01' + CAST(hash(i, 6) % 7000 AS INTEGER) AS VARCHAR) AS onset_date FROM "
    "(SELECT i, CAST(floor(300 * pow((hash(i, 7) % 1000000) / 1000000.0, 2.5)) AS BIGINT) AS k "
    "FROM range(5 * getvariable('patients')) t(i)) JOIN codes USING (k) ORDER BY patient_id, onset_date, i;"
    "CREATE TABLE medication_requests AS SELECT CAST(i AS VARCHAR) AS id, printf('p%07d', hash(i, "
    "8) % getvariable('patients')) AS patient_id, CASE hash(i, 9) % 40 WHEN 0 THEN '860975' ELSE CAST(300000 "
    "+ hash(i, 9) % 40 AS VARCHAR) END AS rxnorm_code, "
    "CASE hash(i, 9) % 40 WHEN 0 THEN 'metformin 500 MG Oral Tablet' ELSE 'drug ' || hash(i, 9) % "
    "40 END AS code_text, CAST(DATE '2005-01-01' + CAST(hash(i, 10) % 7000 AS INTEGER) AS VARCHAR) "
    "AS authored_on FROM range(2 * getvariable('patients')) t(i) ORDER BY patient_id, authored_on, i;";

static const char *const tables[] = {"patient_demographics", "condition_simple",
                                     "medication_requests"};

static void open_engine(const char *directory, const char *url, struct engine **ret)
{
    struct err err = {0};
    char path[FILE_PATH_BYTES];
    check(file_path_join(directory, "cohort.duckdb", path, &err), &err);
    struct engine_options options = {
        .database = url == NULL ? path : NULL, .url = url, .read_only = false};
    check(engine_open(&options, ret, &err), &err);
}

static void make(const char *directory, int64_t patients)
{
    struct err err = {0};
    struct engine *engine = NULL;
    open_engine(directory, NULL, &engine);
    check(engine_executef(engine, &err, "SET VARIABLE patients = %" PRId64, patients), &err);
    check(engine_execute(engine, make_sql, NULL, 0, &err), &err);
    for (size_t i = 0; i < 3; i++)
        check(engine_executef(engine, &err, "COPY %s TO '%s/%s.csv' (HEADER)", tables[i], directory,
                              tables[i]),
              &err);
    engine_close(engine);
}

/* ---- views --------------------------------------------------------------------------------------
 */

struct source {
    struct engine *engine;
    struct data_schema schema;
};

static enum err_code table(void *user, const char *name, const char *patient,
                           struct cohort_table *ret, struct err *err)
{
    struct source *source = user;
    char sql[200];
    (void)patient;
    AUTO(engine_result_close) struct engine_result *result = NULL;
    *ret = (struct cohort_table){.schema = NULL};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(name, tables[i]) != 0)
            continue;
        data_schema_done(&source->schema);
        (void)snprintf(sql, sizeof sql, "SELECT * FROM %s LIMIT 0", name);
        TRY(engine_query(source->engine, sql, NULL, 0, &result, err));
        TRY(data_schema_copy(engine_result_schema(result), &source->schema, err));
        *ret = (struct cohort_table){.schema = &source->schema, .one_row_each = true};
    }
    return ERR_OK;
}

/* ---- measuring ----------------------------------------------------------------------------------
 */

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

struct timing {
    double first, median, least; /* µs */
    double cpu; /* µs of all threads, a run: what a loaded machine leaves comparable */
};

static struct timing summary(double *times, size_t count)
{
    struct timing ret = {.first = times[0]};
    qsort(times, count, sizeof *times, by_time);
    ret.median = times[count / 2];
    ret.least = times[0];
    return ret;
}

static double cpu_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double now_us(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void compile(const struct cohort_question *question, const char *dialect, struct buf *sql)
{
    struct err err = {0};
    const struct plan_rel *root = NULL, *quick = NULL;
    const char **params = NULL;
    size_t count = 0;
    AUTO(plan_free) struct plan *plan = plan_new();
    check(cohort_plan_attrition(plan, question, &root, &err), &err);
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    check(plan_optimise(over, root, &quick, &err), &err);
    check(dialect_sql(dialect_find(dialect), quick, NULL, sql, &params, &count, &err), &err);
    mem_free(params);
}

#define STEPS 32
static struct timing by_engine(struct engine *engine, const struct cohort_question *question,
                               size_t repeats, int64_t *counts)
{
    struct err err = {0};
    AUTO(buf_done) struct buf sql = BUF_INIT;
    double times[64];
    compile(question, engine_dialect(engine), &sql);
    double cpu = cpu_us();
    for (size_t i = 0; i < repeats; i++) {
        struct engine_result *result = NULL;
        const struct data_batch *batch = NULL;
        double began = now_us();
        size_t read = 0;
        check(engine_query(engine, buf_text(&sql), NULL, 0, &result, &err), &err);
        for (;;) {
            check(engine_result_next(result, &batch, &err), &err);
            if (batch == NULL)
                break;
            for (int64_t row = 0; row < batch->rows; row++)
                counts[read++] = batch->vectors[1].i64[row];
        }
        times[i] = now_us() - began;
        engine_result_close(result);
    }
    struct timing ret = summary(times, repeats);
    ret.cpu = (cpu_us() - cpu) / (double)repeats;
    return ret;
}

/* Until half a second of processor time is spent, 501 times at most. */
#define BITMAP_REPEATS 501
static struct timing by_bitmap(struct cohort_index *index, const struct cohort_question *question,
                               int64_t *counts)
{
    struct err err = {0};
    double times[BITMAP_REPEATS], first = 0, cpu = 0;
    size_t done = 0;
    for (; done < BITMAP_REPEATS && (done < 11 || cpu < 5e5); done++) {
        double began = now_us(), cpu_began = cpu_us();
        check(cohort_index_count(index, question, counts, &err), &err);
        times[done] = now_us() - began;
        cpu += cpu_us() - cpu_began;
        first = done == 0 ? times[0] : first;
    }
    struct timing ret = summary(times, done);
    ret.first = first;
    ret.cpu = cpu / (double)done;
    return ret;
}

static const char *const questions[] = {
    "condition snomed|44054006",
    "female and condition snomed|44054006",
    "female and age >= 50 and condition snomed|44054006 and not condition snomed|230690007",
    "female and age >= 50 and condition icd10|E11* and medication rxnorm|860975 and not condition "
    "icd10|I63*",
    "age between 40 and 60 and condition \"diabetes (all types)\" and alive",
    "male and (condition snomed|22298006 or condition snomed|230690007) and not (medication "
    "rxnorm|860975 or age < 65)",
    "condition snomed|44054006 within 365 days before (condition snomed|230690007)",
    "female and condition snomed|44054006 and not condition snomed|230690007 within 365 days "
    "before (medication rxnorm|860975)",
    "female and age >= 50 and condition snomed|44054006 after (condition snomed|22298006) and "
    "condition icd10|E11* at least 2 times",
    "condition snomed|230690007 since 2015 at age < 60 within 30 days of (condition "
    "snomed|22298006)",
};

static void measure(const char *text, struct cohort_index *index, const struct cohort_views *views,
                    struct engine *duckdb, struct engine *postgres)
{
    struct err err = {0};
    AUTO(cohort_criteria_free) struct cohort_criteria *criteria = NULL;
    AUTO(cohort_question_free) struct cohort_question *question = NULL;
    struct cohort_lister lister = cohort_index_lister(index);
    int64_t expected[STEPS], counts[STEPS];
    int64_t day = clock_days_from_civil(2026, 11, 29);
    double began = now_us();
    check(cohort_criteria_read(str_of(text), "criteria", &criteria, &err), &err);
    check(cohort_question_new(criteria, views, NULL, day, &lister, &question, &err), &err);
    double read_us = now_us() - began;
    size_t steps = cohort_step_count(criteria) + 1;
    bool bitmaps_only = getenv("BENCH_BITMAPS_ONLY") != NULL;
    struct timing engine = {0};
    if (bitmaps_only && cohort_index_why_not(question) == NULL)
        check(cohort_index_count(index, question, expected, &err), &err);
    else
        engine = by_engine(duckdb, question, 3, expected);
    printf("| %s | %" PRId64 " | %.0f | ", text, expected[steps - 1], read_us);
    if (cohort_index_why_not(question) == NULL) {
        struct timing bitmap = by_bitmap(index, question, counts);
        if (memcmp(counts, expected, steps * sizeof *counts) != 0)
            check(err_set(&err, ERR_INTEGRITY, "bitmaps and plan differ"), &err);
        printf("%.0f | %.1f | %.1f | %.1f | ", bitmap.first, bitmap.median, bitmap.least, bitmap.cpu);
    } else {
        printf("– | – | – | – | ");
    }
    printf("%.0f | %.0f | %.0f | ", engine.median / 1e3, engine.least / 1e3, engine.cpu / 1e3);
    if (postgres != NULL) {
        struct timing there = by_engine(postgres, question, 3, counts);
        if (memcmp(counts, expected, steps * sizeof *counts) != 0)
            check(err_set(&err, ERR_INTEGRITY, "PostgreSQL and DuckDB differ"), &err);
        printf("%.0f |\n", there.median / 1e3);
    } else {
        printf("– |\n");
    }
    (void)fflush(stdout);
}

static void run(const char *directory, const char *url)
{
    struct err err = {0};
    struct source source = {.engine = NULL};
    struct engine *postgres = NULL;
    struct cohort_views *views = NULL;
    struct cohort_index *index = NULL;
    struct cohort_binding binding = {table, &source};
    char path[FILE_PATH_BYTES];
    json_t *about = NULL;
    struct stat info;
    open_engine(directory, NULL, &source.engine);
    if (url != NULL)
        open_engine(directory, url, &postgres);
    check(cohort_views_new(NULL, "views", &views, &err), &err);
    check(cohort_views_bind(views, &binding, &err), &err);
    check(file_path_join(directory, COHORT_INDEX_FILE, path, &err), &err);
    bool keep = getenv("BENCH_KEEP_INDEX") != NULL && file_exists(path);
    double began = now_us();
    if (!keep) {
        check(file_remove(path, &err), &err);
        check(cohort_index_build(source.engine, views, path, &about, &err), &err);
    }
    printf("index: built in %.1f s, %d bitmaps", (now_us() - began) / 1e6,
           (int)json_int(about, "bitmaps", 0));
    began = now_us();
    check(cohort_index_open(path, views, &index, &err), &err);
    printf(", %.1f MB, opened and checked in %.1f ms\n\n",
           stat(path, &info) == 0 ? (double)info.st_size / 1e6 : NAN, (now_us() - began) / 1e3);
    printf("| criteria | patients | read and resolve µs | index: first µs | median µs | least µs "
           "| CPU µs | DuckDB median ms | least ms | CPU ms | PostgreSQL ms "
           "|\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        measure(questions[i], index, views, source.engine, postgres);
    json_decref(about);
    cohort_index_close(index);
    cohort_views_free(views);
    data_schema_done(&source.schema);
    engine_close(postgres);
    engine_close(source.engine);
}

int main(int argc, char **argv)
{
    int64_t patients = PATIENTS;
    if (argc == 4 && strcmp(argv[1], "make") == 0 && !str_to_int64(str_of(argv[3]), &patients))
        return 2;
    if ((argc == 3 || argc == 4) && strcmp(argv[1], "make") == 0)
        make(argv[2], patients);
    else if ((argc == 3 || argc == 4) && strcmp(argv[1], "run") == 0)
        run(argv[2], argc == 4 ? argv[3] : NULL);
    else
        return 2;
    return 0;
}
