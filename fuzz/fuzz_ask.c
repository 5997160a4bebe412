/* layer: ask — question text over a small catalogue, some of whose names are quotes, SQL and control
 * characters: no text may crash it, every answered question has a plan, and the plan's SQL is one
 * SELECT: outside of quotes no end of a statement and no comment. Tier two is asked too, and its
 * proposals are answered. */
#include <stdint.h>
#include <stdlib.h>

#include "ask/ask.h"
#include "dialect/dialect.h"
#include "plan/rewrite.h"
#include "tests/mart/plan_case.h"

static struct plan_case *tables;
static struct ask_catalogue *catalogue;
static struct ask_index *file;
static struct buf bytes;

static const char *const world = "table patients 100 dimension\n"
                                 "column patient_id bigint identifier unique\n"
                                 "column sex text category levels=F,M\n"
                                 "column birth_date date date\n"
                                 "key patient_id\n"
                                 "table admissions 129 dimension\n"
                                 "column admission_id bigint identifier unique\n"
                                 "column patient_id bigint identifier\n"
                                 "column admit_time timestamp date\n"
                                 "column discharge_time timestamp date\n"
                                 "column insurance text category levels=private,public\n"
                                 "key admission_id\n"
                                 "time admit_time\n"
                                 "relation admissions.patient_id -> patients.patient_id 0.95\n"
                                 "table prescriptions 800 event\n"
                                 "column prescription_id bigint identifier unique\n"
                                 "column patient_id bigint identifier\n"
                                 "column start_time timestamp date\n"
                                 "column drug text category distinct=50\n"
                                 "column dose decimal(18,2) measure\n"
                                 "column o'brien\";--x\x01 decimal(18,2) measure\n"
                                 "column kind\"/*; text category levels=a,b\n"
                                 "key prescription_id\n"
                                 "time start_time\n"
                                 "relation prescriptions.patient_id -> patients.patient_id 0.95\n";

static void make(void)
{
    struct ask_index_builder *builder = NULL;
    struct err err;
    json_install();
    tables = case_new(str_of(world));
    if (ask_catalogue_new(&tables->profile, NULL, &catalogue, &err) != ERR_OK ||
        ask_index_builder_new(&builder, &err) != ERR_OK)
        abort();
    for (size_t i = 0; i < ask_source_count(catalogue); i++)
        if (ask_index_add(builder, i, STR("heparin sodium"), 20, 12, &err) != ERR_OK ||
            ask_index_add(builder, i, STR("x'; DROP TABLE patients; --"), 20, 12, &err) != ERR_OK ||
            ask_index_add(builder, i, STR("F"), 50, 50, &err) != ERR_OK)
            abort();
    if (ask_index_finish(builder, 60000, &bytes, &err) != ERR_OK ||
        ask_index_open(buf_view(&bytes), &file, &err) != ERR_OK)
        abort();
    ask_index_builder_free(builder);
}

/* The text as the emitter quotes it: '…' and "…" with their quote doubled. */
static void one_select(struct str sql)
{
    if (!str_has_prefix(sql, "SELECT") && !str_has_prefix(sql, "WITH"))
        abort();
    char quote = '\0';
    for (size_t i = 0; i < sql.len; i++) {
        char c = sql.ptr[i], next = i + 1 < sql.len ? sql.ptr[i + 1] : '\0';
        if (quote != '\0') {
            if (c == quote && next == quote)
                i++;
            else if (c == quote)
                quote = '\0';
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == ';' || c == '\0' || (c == '-' && next == '-') || (c == '/' && next == '*')) {
            abort();
        }
    }
    if (quote != '\0')
        abort();
}

static void check_plan(const struct ask_reading *reading)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    AUTO(buf_done) struct buf sql = BUF_INIT;
    const struct plan_rel *root = NULL, *quick = NULL;
    const char **params = NULL;
    size_t count = 0;
    struct err err;
    if (ask_lower(reading, plan, &root, &err) != ERR_OK) {
        if (err.code != ERR_LIMIT)
            abort(); /* what is called clear can be lowered */
        return;
    }
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    if (plan_optimise(over, root, &quick, &err) != ERR_OK)
        abort();
    if (dialect_sql(dialect_find("duckdb"), quick, NULL, &sql, &params, &count, &err) == ERR_OK)
        one_select(buf_view(&sql));
    mem_free(params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ask_options options = {.now_day = INT64_MIN};
    struct ask_reading *reading = NULL;
    struct err err = {0};
    if (tables == NULL)
        make();
    char *text = mem_strndup((const char *)data, size);
    if (text == NULL)
        return 0;
    if (ask_read(catalogue, file, text, &options, &reading, &err) == ERR_OK) {
        AUTO(buf_done) struct buf masked = BUF_INIT;
        static const char *const past[] = {"how many patients on heparin", "average dose by sex"};
        JSON_AUTO json = NULL;
        JSON_AUTO proposals = NULL;
        ask_reading_masked(reading, &masked);
        if (ask_reading_json(reading, &json, &err) != ERR_OK)
            abort();
        if (ask_reading_status(reading) == ASK_ANSWERED)
            check_plan(reading);
        else if (ask_similar(reading, past, 2, &proposals, &err) != ERR_OK)
            abort();
    }
    ask_reading_free(reading);
    mem_free(text);
    return 0;
}
