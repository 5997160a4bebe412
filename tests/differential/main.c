/* Every engine that is there against the embedded one: golden cases first
 * (tests/golden/differential: each once a disagreement), then random plans. A disagreement is made
 * small and printed as a golden case.    differential [--bless] [PLANS [FIRST_SEED]]
 * MARROW_DIFFERENTIAL_FILE: such cases are appended there */
#include "differential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "conform.h"
#include "dialect/dialect.h"
#include "golden.h"

#define PLANS_USUAL 400
#define PLANS_TRINO 700 /* half a second each there */
#define ANSWER_MS 60000
#define TABLES_SHARED 50 /* seeds that share their tables */

static struct party parties[16]; /* the first is the embedded engine */
static size_t party_count;
static int disagreements, undetermined, refused /* by both */;

static void party_open(const struct target *at, bool substrait)
{
    struct err err = {0};
    struct party *party = &parties[party_count];
    if (engine_open(
            &(struct engine_options){.url = at->url[0] != '\0' ? at->url : NULL, .threads = 1},
            &party->engine, &err) != ERR_OK) {
        fprintf(stderr, "differential: %s: %s / %s\n", at->name, err.message, err.detail);
        exit(1);
    }
    /* a Hive catalog stores no timestamp with a zone; a server without the other skips what has one
     */
    bool is_trino = strcmp(engine_dialect(party->engine), "trino") == 0;
    party->plans = is_trino ? PLANS_TRINO : 0;
    if (is_trino &&
        engine_execute(party->engine, "USE memory.\"default\"", NULL, 0, &err) != ERR_OK)
        printf("differential: trino has no catalog memory: tables go where its URL says\n");
    if (at->url[0] != '\0')
        engine_set_time_limit(party->engine, ANSWER_MS);
    if (substrait && !engine_can(party->engine, ENGINE_TAKES_SUBSTRAIT)) {
        engine_close(party->engine);
        return;
    }
    party->substrait = substrait;
    if (engine_can(party->engine, ENGINE_IS_LOCAL)) /* its planner has bugs enough for thousands */
        party->plans = PLANS_USUAL;
    party->name = substrait ? "substrait" : at->name;
    party->dialect = dialect_find(engine_dialect(party->engine));
    if (party->dialect == NULL)
        printf("differential: SKIPPED %s: it has no dialect yet\n", at->name);
    else
        party_count++;
}

/* ---- golden cases -------------------------------------------------------------------------------
 */

static void read_table(struct arena *arena, const json_t *json, struct random_table *ret)
{
    struct err err = {0};
    size_t i, k;
    json_t *item;
    const json_t *columns = json_object_get(json, "columns"), *rows = json_object_get(json, "rows");
    ret->name = json_text(json, "name", "");
    json_array_foreach(columns, i, item)
    {
        struct data_type type = DATA_TYPE(TEXT);
        if (data_type_parse(str_of(json_string_value(json_array_get(item, 1))), &type, &err) !=
                ERR_OK ||
            data_schema_add(&ret->schema, str_of(json_string_value(json_array_get(item, 0))), type,
                            &err) != ERR_OK)
            fprintf(stderr, "%s\n", err.message);
    }
    ret->row_count = json_array_size(rows);
    ret->cells = arena_array(arena, ret->row_count * ret->schema.count + 1, sizeof *ret->cells);
    json_array_foreach(rows, i, item) for (k = 0; k < ret->schema.count; k++)
        ret->cells[i * ret->schema.count + k] = json_string_value(json_array_get(item, k));
}

/* The embedded engine's rows; what another says, if it says something else. */
static void run_case(const struct golden_case *test, struct buf *ret)
{
    struct err err = {0};
    json_t *tables = NULL, *json = NULL;
    const struct plan_rel *root = NULL;
    AUTO(arena_free) struct arena *arena = arena_new(0);
    AUTO(plan_free) struct plan *plan = plan_new();
    struct random_table list[RANDOM_TABLES] = {{0}};
    struct answer answers[2];
    if (json_parse(golden_section(test, "tables"), "tables", &tables, &err) != ERR_OK ||
        json_parse(golden_section(test, "input"), "input", &json, &err) != ERR_OK ||
        plan_from_json(plan, json, "input", &root, &err) != ERR_OK) {
        buf_printf(ret, "error %s: %s\n", err_code_name(err.code), err.message);
    } else {
        size_t count =
            json_array_size(tables) < RANDOM_TABLES ? json_array_size(tables) : RANDOM_TABLES;
        for (size_t i = 0; i < count; i++)
            read_table(arena, json_array_get(tables, i), &list[i]);
        for (size_t p = 0; p < party_count; p++) {
            if (party_load(&parties[p], list, count, &err) != ERR_OK)
                buf_printf(ret, "%s: %s / %s\n", parties[p].name, err.message, err.detail);
            answer_init(&answers[p > 0], &parties[p], root, NULL, 0);
            const char *differ = p > 0 ? answers_differ(root, &answers[0], &answers[1]) : NULL;
            if (differ != NULL)
                buf_printf(ret, "%s differs: %s\n", parties[p].name, differ);
            if (p == 0 && root->kind != PLAN_SORT)
                answer_sort(&answers[0], root);
            if (p == 0)
                answer_write(&answers[0], ret);
            if (p > 0)
                answer_done(&answers[1]);
        }
        answer_done(&answers[0]);
    }
    for (size_t i = 0; i < RANDOM_TABLES; i++)
        data_schema_done(&list[i].schema);
    json_decref(tables);
    json_decref(json);
}

/* ---- random plans -------------------------------------------------------------------------------
 */

static void keep(const struct buf *text)
{
    const char *path = getenv("MARROW_DIFFERENTIAL_FILE");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;
    if (file == NULL)
        return;
    fputs(buf_text(text), file);
    fclose(file);
}

static bool is_ordered(struct data_type type) /* may stand in an ORDER BY */
{
    return type.kind != DATA_JSON && type.kind != DATA_LIST && type.kind != DATA_STRUCT &&
           type.kind != DATA_INTERVAL;
}

/* Rows that tie in every column may be numbered in any order, and then two numberings need not fit
 * together: a window over rows of which two are equal has no one answer. */
static bool is_undetermined(const struct trouble *trouble)
{
    const struct plan_rel *rel = trouble->root;
    struct answer answer;
    bool equal = false;
    if (rel->kind == PLAN_PROJECT && rel->inputs[0]->kind == PLAN_WINDOW)
        rel = rel->inputs[0];
    if (rel->kind != PLAN_WINDOW)
        return false;
    answer_init(&answer, trouble->a, rel->inputs[0], trouble->params, trouble->param_count);
    for (size_t a = 0; a < answer.row_count && answer.code == ERR_OK; a++)
        for (size_t b = 0; b < a && !equal; b++) {
            equal = true;
            for (size_t i = 0; i < answer.column_count && equal; i++) {
                const char *x = answer.rows[a][i], *y = answer.rows[b][i];
                equal = x == y || (x != NULL && y != NULL && strcmp(x, y) == 0) ||
                        !is_ordered(rel->inputs[0]->columns[i].type);
            }
        }
    answer_done(&answer);
    return equal;
}

static void report(const struct random_case *random, struct party *a, struct party *b)
{
    struct trouble trouble = {random->plan,   random->root,        NULL, random->table_count,
                              random->params, random->param_count, a,    b};
    struct random_table tables[RANDOM_TABLES];
    struct err err = {0};
    struct buf text = BUF_INIT, sql = BUF_INIT;
    char title[128];
    memcpy(tables, random->tables, sizeof tables);
    trouble.tables = tables;
    trouble_minimise(&trouble);
    const char *differ = trouble_look(&trouble);
    bool counts = !is_undetermined(&trouble);
    (void)snprintf(title, sizeof title, "seed %llu, %s and %s", (unsigned long long)random->seed,
                   a->name, b->name);
    trouble_write(&trouble, title, &text);
    if (counts)
        keep(&text);
    if (counts)
        printf("DISAGREEMENT %s\n%s", differ != NULL ? differ : "(not again)", buf_text(&text));
    for (int i = 0; i < 2 && counts; i++) {
        const char **names = NULL;
        size_t count = 0;
        buf_clear(&sql);
        if (dialect_sql((i == 0 ? a : b)->dialect, trouble.root, NULL, &sql, &names, &count,
                        &err) == ERR_OK)
            printf("--- %s\n%s", (i == 0 ? a : b)->name, buf_text(&sql));
        mem_free(names);
    }
    if (party_load(a, random->tables, random->table_count, &err) != ERR_OK ||
        party_load(b, random->tables, random->table_count, &err) != ERR_OK)
        printf("differential: %s\n", err.message);
    buf_done(&text);
    buf_done(&sql);
    disagreements += counts;
    undetermined += !counts;
}

static void compare_with(const struct random_case *random, const struct answer *first,
                         struct party *party)
{
    struct answer other;
    answer_init(&other, party, random->root, random->params, random->param_count);
    const char *differ = answers_differ(random->root, first, &other);
    if (differ == NULL) {
        refused += first->code != ERR_OK && first->code != ERR_UNSUPPORTED;
    } else {
        printf("seed %llu: %s\n", (unsigned long long)random->seed, differ);
        report(random, &parties[0], party);
    }
    answer_done(&other);
}

static bool takes_part(const struct party *party)
{
    return party->plans == 0 || (uint64_t)party->run < party->plans;
}

static void compare(const struct random_case *random)
{
    struct answer first;
    answer_init(&first, &parties[0], random->root, random->params, random->param_count);
    if (first.wrong_type != NULL) {
        printf("seed %llu on %s: %s\n", (unsigned long long)random->seed, parties[0].name,
               first.wrong_type);
        report(random, &parties[0], &parties[0]);
    } else if (first.code != ERR_OK && party_count == 1) {
        printf("seed %llu: %s / %s\n", (unsigned long long)random->seed, first.err.message,
               first.err.detail);
        refused++;
    }
    for (size_t p = 1; p < party_count; p++)
        if (takes_part(&parties[p]))
            compare_with(random, &first, &parties[p]);
    answer_done(&first);
}

static int run_plans(uint64_t first, uint64_t count)
{
    struct err err = {0};
    int64_t start = clock_monotonic_us();
    int unmade = 0;
    uint64_t loaded = 0; /* seed of the tables that the engines have */
    for (uint64_t seed = first; seed < first + count && disagreements < 25; seed++) {
        struct random_case random;
        struct random_options options = {.tables_seed = 1 + seed / TABLES_SHARED, .params = true};
        if (random_case_init(&random, seed, &options, &err) != ERR_OK) {
            printf("seed %llu: %s\n", (unsigned long long)seed, err.message);
            unmade++;
            continue;
        }
        for (size_t p = 0; p < party_count && loaded != options.tables_seed; p++)
            if (takes_part(&parties[p]) &&
                party_load(&parties[p], random.tables, random.table_count, &err) != ERR_OK) {
                printf("seed %llu on %s: %s / %s\n", (unsigned long long)seed, parties[p].name,
                       err.message, err.detail);
                return 1;
            }
        loaded = options.tables_seed;
        compare(&random);
        random_case_done(&random);
    }
    for (size_t p = 0; p < party_count; p++)
        printf("differential: %s ran %d plans and lacks something for %d (%d of them did not end "
               "within %d s)\n",
               parties[p].name, parties[p].run - parties[p].skipped, parties[p].skipped,
               parties[p].slow, ANSWER_MS / 1000);
    printf("differential: %d disagreements in %llu plans (%d refused by all, %d without one "
           "answer, %d not "
           "made), %.1f s\n",
           disagreements, (unsigned long long)count, refused, undetermined, unmade,
           (double)(clock_monotonic_us() - start) / 1e6);
    return disagreements;
}

int main(int argc, char **argv)
{
    const char *plans = getenv("MARROW_DIFFERENTIAL_PLANS");
    uint64_t numbers[2] = {plans != NULL ? strtoull(plans, NULL, 10) : PLANS_USUAL, 1};
    golden_arguments(argc, argv);
    for (int i = 1, at = 0; i < argc && at < 2; i++)
        if (argv[i][0] != '-')
            numbers[at++] = strtoull(argv[i], NULL, 10);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct target *targets = targets_find();
    for (const struct target *at = targets; at->name != NULL && party_count < 15; at++)
        for (int substrait = 0; substrait < 2; substrait++)
            if (!at->decimals_are_texts) /* types of its own, rows of a server that takes part */
                party_open(at, substrait == 1);
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/golden/differential/cases.txt", TEST_SOURCE_DIRECTORY);
    int failures = golden_check(buf_text(&path), run_case);
    buf_done(&path);
    failures += run_plans(numbers[1], numbers[0]);
    for (size_t p = 0; p < party_count; p++)
        engine_close(parties[p].engine);
    targets_stop(targets);
    return failures == 0 ? 0 : 1;
}
