/* Random criteria over random data: the bitmap index, the plan on the engine, and SQL written by
 * another way (correlated subqueries over tables in which the generator wrote down what each
 * partial date, unit and text means) must count the same patients. Data have nulls, patients
 * without events, events without patients, partial and impossible dates, units under several
 * spellings, codes never seen. */
#include "cohort_kit.h"

#include "cohort/index_priv.h"

#define DATASETS 12
#define QUESTIONS 50 /* of each; MARROW_COHORT_QUESTIONS=200 asks more than 2,000 */
#define AS_OF "2024-02-29"

static uint64_t seed;

static unsigned pick(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((seed >> 33) % below);
}

static bool chance(unsigned percent)
{
    return pick(100) < percent;
}

/* ---- data ---------------------------------------------------------------------------------------
 */

/* A date as FHIR writes it, and the days that it can mean. */
struct day {
    char text[64], first[40], last[40];
};

static struct day random_day(int from, int years)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct day day = {"", "", ""};
    int year = from + (int)pick((unsigned)years), month = 1 + (int)pick(12);
    int length = lengths[month - 1] + (month == 2 && year % 4 == 0 ? 1 : 0);
    int date = chance(20) ? length : 1 + (int)pick((unsigned)length);
    unsigned kind = pick(20);
    if (kind == 0) {
        snprintf(day.text, sizeof day.text, "%s", chance(50) ? "unknown" : "2019-02-30");
    } else if (kind == 1) {
        snprintf(day.text, sizeof day.text, "%04d", year);
        snprintf(day.first, sizeof day.first, "%04d-01-01", year);
        snprintf(day.last, sizeof day.last, "%04d-12-31", year);
    } else if (kind < 4) {
        snprintf(day.text, sizeof day.text, "%04d-%02d", year, month);
        snprintf(day.first, sizeof day.first, "%04d-%02d-01", year, month);
        snprintf(day.last, sizeof day.last, "%04d-%02d-%02d", year, month, length);
    } else {
        snprintf(day.first, sizeof day.first, "%04d-%02d-%02d", year, month, date);
        snprintf(day.last, sizeof day.last, "%s", day.first);
        snprintf(day.text, sizeof day.text, "%s%s", day.first, kind < 7 ? "T23:30:00-05:00" : "");
    }
    return day;
}

static const char *literal(const char *text, char ret[100])
{
    if (text == NULL || text[0] == '\0')
        return "NULL";
    snprintf(ret, 100, "'%s'", text);
    return ret;
}

/* Texts, and which of the asked texts below finds them (bits). */
static const struct {
    const char *text;
    unsigned found_by;
} texts[] = {{"Diabetes", 1},          {"Diabetes mellitus type 2 (disorder)", 1 | 2},
             {"Prediabetes", 0},       {"Stroke", 4},
             {"Strokes, ischemic", 4}, {"Heatstroke", 0}};
static const char *const asked_texts[] = {"Diabetes mellitus (all types)", "type II diabetes",
                                          "STROKE (any)", "gout"};
static const char *const codes[] = {"44054006", "73211009", "230690007", "E11.9",
                                    "E11.65",   "E10",      "I63"};
static const char *const units[] = {"mmHg", "mm[Hg]", "kPa"};
static const char *const categories[] = {"problem-list-item", "Encounter-Diagnosis"};
static const char *const statuses[] = {"active", "resolved"};

static void make_tables(struct kit *kit, bool typed)
{
    kit_sql(kit, "DROP TABLE IF EXISTS patient_demographics; DROP TABLE IF EXISTS condition_simple;"
                 "DROP TABLE IF EXISTS observation_labs; DROP TABLE IF EXISTS medication_requests;"
                 "DROP TABLE IF EXISTS p; DROP TABLE IF EXISTS e");
    kit_sql(kit, typed ? "CREATE TABLE patient_demographics(patient_id BIGINT, gender VARCHAR, "
                         "birth_date VARCHAR, deceased VARCHAR)"
                       : "CREATE TABLE patient_demographics(patient_id VARCHAR, gender VARCHAR, "
                         "birth_date VARCHAR, deceased BOOLEAN)");
    kit_sql(
        kit,
        "CREATE TABLE condition_simple(id VARCHAR, patient_id VARCHAR, snomed_code VARCHAR, "
        "icd10_code VARCHAR, code_text VARCHAR, "
        "category VARCHAR, clinical_status VARCHAR, onset_date VARCHAR, recorded_date VARCHAR)");
    kit_sql(kit, typed ? "CREATE TABLE observation_labs(id VARCHAR, patient_id BIGINT, loinc_code "
                         "VARCHAR, value DOUBLE, unit VARCHAR, effective_date VARCHAR)"
                       : "CREATE TABLE observation_labs(id VARCHAR, patient_id VARCHAR, loinc_code "
                         "VARCHAR, value VARCHAR, unit VARCHAR, effective_date VARCHAR)");
    kit_sql(kit, typed ? "CREATE TABLE medication_requests(id VARCHAR, patient_id VARCHAR, "
                         "rxnorm_code BIGINT, code_text VARCHAR, authored_on DATE)"
                       : "CREATE TABLE medication_requests(id VARCHAR, patient_id VARCHAR, "
                         "rxnorm_code VARCHAR, code_text VARCHAR, authored_on VARCHAR)");
    kit_sql(kit,
            "CREATE TABLE p(id VARCHAR, gender VARCHAR, first DATE, last DATE, deceased BOOLEAN)");
    kit_sql(kit, "CREATE TABLE e(kind VARCHAR, patient VARCHAR, a VARCHAR, b VARCHAR, found "
                 "INTEGER, category VARCHAR, status VARCHAR, "
                 "value DOUBLE, unit VARCHAR, first DATE, last DATE)");
}

static void add_patient(struct kit *kit, int number, bool typed, bool twice)
{
    char sql[800], text[100], first[100], last[100];
    static const char *const genders[][2] = {
        {"female", "female"}, {"Male", "male"}, {"F", "female"}, {"other", "other"}, {"", ""}};
    const char *const *gender = genders[pick(5)];
    struct day born = random_day(1940, 80);
    bool dead = chance(30);
    const char *deceased = typed ? (dead         ? "'2020-01-01'"
                                    : chance(50) ? "NULL"
                                                 : "'false'")
                                 : (dead         ? "true"
                                    : chance(50) ? "NULL"
                                                 : "false");
    if (chance(5))
        born = (struct day){"", "", ""};
    char gender_text[100];
    snprintf(sql, sizeof sql, "INSERT INTO patient_demographics VALUES ('%d', %s, %s, %s)", number,
             literal(gender[0], gender_text), literal(born.text, text), deceased);
    kit_sql(kit, sql);
    if (twice) /* the same row again: one patient */
        kit_sql(kit, sql);
    snprintf(sql, sizeof sql, "INSERT INTO p VALUES ('%d', %s, %s, %s, %s)", number,
             literal(gender[1], gender_text), literal(born.first, first), literal(born.last, last),
             dead ? "true" : "false");
    kit_sql(kit, sql);
}

static void add_condition(struct kit *kit, const char *patient)
{
    char sql[1200], a[100], b[100], c[100], d[100], e[100], f[100], g[100], h[100];
    const char *snomed = chance(70) ? codes[pick(3)] : "",
               *icd = chance(60) ? codes[3 + pick(4)] : "";
    unsigned text = pick(7);
    const char *category = chance(80) ? categories[pick(2)] : "",
               *status = chance(80) ? statuses[pick(2)] : "";
    struct day onset = random_day(2015, 9), recorded = random_day(2015, 9);
    if (chance(30))
        onset = (struct day){"", "", ""};
    snprintf(sql, sizeof sql,
             "INSERT INTO condition_simple VALUES ('x', %s, %s, %s, %s, %s, %s, %s, %s)", patient,
             literal(snomed, a), literal(icd, b), text < 6 ? literal(texts[text].text, c) : "NULL",
             literal(category, d), literal(status, e), literal(onset.text, f),
             literal(recorded.text, g));
    kit_sql(kit, sql);
    const struct day *day = onset.first[0] != '\0' ? &onset : &recorded;
    snprintf(sql, sizeof sql,
             "INSERT INTO e VALUES ('condition', %s, %s, %s, %u, %s, %s, NULL, NULL, %s, %s)",
             patient, literal(snomed, a), literal(icd, b), text < 6 ? texts[text].found_by : 0,
             literal(category, d), literal(status, e), literal(day->first, g),
             literal(day->last, h));
    kit_sql(kit, sql);
}

static void add_observation(struct kit *kit, const char *patient)
{
    char sql[1200], a[100], b[100], g[100], h[100];
    const char *code = chance(50) ? "8480-6" : "4548-4";
    unsigned unit = pick(4), tenths = 1300 + pick(200);
    struct day day = random_day(2015, 9);
    bool none = chance(10);
    char value[32];
    snprintf(value, sizeof value, "%u.%u", tenths / 10, tenths % 10);
    snprintf(sql, sizeof sql, "INSERT INTO observation_labs VALUES ('x', %s, '%s', %s, %s, %s)",
             patient, code, none ? "NULL" : literal(value, a),
             unit < 3 ? literal(units[unit], b) : "NULL", literal(day.text, g));
    kit_sql(kit, sql);
    snprintf(
        sql, sizeof sql,
        "INSERT INTO e VALUES ('observation', %s, '%s', NULL, 0, NULL, NULL, %s, '%s', %s, %s)",
        patient, code, none ? "NULL" : value,
        unit < 2    ? "mmHg"
        : unit == 2 ? "kPa"
                    : "",
        literal(day.first, g), literal(day.last, h));
    kit_sql(kit, sql);
}

static void add_medication(struct kit *kit, const char *patient, bool typed)
{
    char sql[1200], a[100], g[100], h[100];
    struct day day = random_day(2015, 9);
    unsigned text = pick(6);
    const char *code = chance(80) ? (chance(50) ? "860975" : "7") : "";
    if (typed && strcmp(day.first, day.last) != 0)
        day = (struct day){"", "", ""};
    if (typed)
        snprintf(day.text, sizeof day.text, "%s", day.first);
    snprintf(sql, sizeof sql, "INSERT INTO medication_requests VALUES ('x', %s, %s, '%s', %s)",
             patient, literal(code, a), texts[text].text, literal(day.text, g));
    kit_sql(kit, sql);
    snprintf(
        sql, sizeof sql,
        "INSERT INTO e VALUES ('medication', %s, %s, NULL, %u, NULL, NULL, NULL, NULL, %s, %s)",
        patient, literal(code, a), texts[text].found_by, literal(day.first, g),
        literal(day.last, h));
    kit_sql(kit, sql);
}

static void make_data(struct kit *kit, bool typed, bool twice)
{
    make_tables(kit, typed);
    kit_sql(kit, "BEGIN");
    unsigned patients = 20 + pick(40);
    for (unsigned i = 0; i < patients; i++)
        add_patient(kit, (int)i + 1, typed, twice && chance(20));
    if (twice)
        kit_sql(kit, "INSERT INTO patient_demographics VALUES (NULL, 'female', '1980', NULL)");
    for (unsigned i = 0; i < 6 * patients; i++) {
        char patient[32];
        unsigned kind = pick(3);
        snprintf(patient, sizeof patient, chance(3) ? "NULL" : "'%u'", 1 + pick(patients + 5));
        if (kind == 0)
            add_condition(kit, patient);
        else if (kind == 1)
            add_observation(kit, patient);
        else
            add_medication(kit, patient, typed);
    }
    kit_sql(kit, "COMMIT");
}

/* ---- criteria, and what they mean as SQL over p and e -------------------------------------------
 */

static void both(struct buf *text, struct buf *sql, const char *words, const char *meaning)
{
    buf_puts(text, words);
    buf_puts(sql, meaning);
}

#define AGE(day, born)                                                                             \
    "(year(" day ") - year(" born ") - CASE WHEN month(" day ") * 100 + day(" day                  \
    ") < month(" born ") * 100 + day(" born ") THEN 1 ELSE 0 END)"

static void random_matches(struct buf *text, struct buf *sql, const char *e, bool texts_too)
{
    static const char *const words[] = {"snomed|44054006",
                                        "http://snomed.info/sct|230690007",
                                        "icd10|E11*",
                                        "E1*",
                                        "E10",
                                        "44054006",
                                        "icd10|Z99",
                                        "loinc|8480-6",
                                        "8480-6",
                                        "860975",
                                        "rxnorm|7",
                                        "007"};
    static const char *const means[] = {"(@.kind = 'condition' AND @.a = '44054006')",
                                        "(@.kind = 'condition' AND @.a = '230690007')",
                                        "(@.kind = 'condition' AND @.b LIKE 'E11%')",
                                        "(@.kind = 'condition' AND @.b LIKE 'E1%')",
                                        "(@.kind = 'condition' AND @.b = 'E10')",
                                        "(@.kind = 'condition' AND @.a = '44054006')",
                                        "(@.kind IS NULL AND @.a = '')",
                                        "(@.kind = 'observation' AND @.a = '8480-6')",
                                        "(@.kind = 'observation' AND @.a = '8480-6')",
                                        "(@.kind = 'medication' AND @.a = '860975')",
                                        "(@.kind = 'medication' AND @.a = '7')",
                                        "(@.kind IS NULL AND @.a = '')"};
    unsigned count = pick(4);
    buf_puts(sql, count == 0 ? " AND (true" : " AND (false");
    for (unsigned i = 0; i < count; i++) {
        buf_puts(text, i == 0 ? " " : ", ");
        if (texts_too && chance(40)) {
            unsigned asked = pick(4);
            buf_printf(text, "\"%s\"", asked_texts[asked]);
            buf_printf(sql, " OR %s.found // %u %% 2 = 1", e, 1u << asked);
            continue;
        }
        unsigned which = pick(12);
        buf_puts(text, words[which]);
        buf_puts(sql, " OR coalesce(");
        for (const char *c = means[which]; *c != '\0'; c++)
            buf_printf(sql, *c == '@' ? "%s" : "%.1s", *c == '@' ? e : c);
        buf_puts(sql, ", false)");
    }
    buf_puts(sql, ")");
}

static void random_event(struct buf *text, struct buf *sql, const char *e, int depth, bool simple);

static void random_relation(struct buf *text, struct buf *sql, const char *e, int depth)
{
    AUTO(buf_done) struct buf inner = BUF_INIT;
    char other[16];
    unsigned order = pick(3), days = pick(400);
    bool within = order == 0 || chance(60);
    static const char *const words[] = {"of", "before", "after"};
    snprintf(other, sizeof other, "%sx", e);
    if (within)
        buf_printf(text, " within %u days", days);
    buf_printf(text, " %s (", words[order]);
    random_event(text, &inner, other, depth - 1, false);
    if (chance(20)) {
        AUTO(buf_done) struct buf second = BUF_INIT;
        buf_puts(text, " or ");
        buf_puts(&second, "((");
        buf_add_str(&second, buf_view(&inner));
        buf_puts(&second, ") OR (");
        random_event(text, &second, other, 0, false);
        buf_puts(&second, "))");
        buf_clear(&inner);
        buf_add_str(&inner, buf_view(&second));
    }
    buf_puts(text, ")");
    buf_printf(sql, " AND EXISTS (SELECT 1 FROM e %s WHERE %s.patient = %s.patient AND %s", other,
               other, e, buf_text(&inner));
    if (!within)
        buf_printf(sql, order == 1 ? " AND %s.last < %s.first" : " AND %s.first > %s.last", e,
                   other);
    if (within && order != 2) /* it is not too early; and not after */
        buf_printf(sql, " AND %s.last - %s.first <= %u", other, e, days);
    if (within && order == 1)
        buf_printf(sql, " AND %s.first - %s.last >= 0", other, e);
    if (within && order != 1)
        buf_printf(sql, " AND %s.last - %s.first <= %u", e, other, days);
    if (within && order == 2)
        buf_printf(sql, " AND %s.first - %s.last >= 0", e, other);
    buf_puts(sql, ")");
}

static void random_modifiers(struct buf *text, struct buf *sql, const char *e, unsigned kind,
                             int depth)
{
    if (kind == 0 && chance(30)) {
        unsigned which = pick(2);
        buf_printf(text, " category %s", which == 0 ? "PROBLEM-list-item" : "encounter-diagnosis");
        buf_printf(sql, " AND %s.category = '%s'", e, categories[which]);
    }
    if (kind == 0 && chance(30)) {
        unsigned which = pick(2);
        buf_printf(text, " status %s", statuses[which]);
        buf_printf(sql, " AND %s.status = '%s'", e, statuses[which]);
    }
    if (kind == 1 && chance(60)) {
        static const char *const signs[] = {">=", ">", "<=", "<", "="};
        const char *sign = signs[pick(5)];
        unsigned value = 130 + pick(20), unit = pick(3);
        static const char *const words[] = {"mmHg", "kPa", ""};
        buf_printf(text, " %s %u.50 %s", sign, value, words[unit]);
        buf_printf(sql, " AND %s.value %s %u.5 AND %s.unit = '%s'", e, sign, value, e, words[unit]);
    }
    if (chance(25)) {
        both(text, sql, " since 2017-06", " AND ");
        buf_printf(sql, "%s.first >= DATE '2017-06-01'", e);
    }
    if (chance(20)) {
        both(text, sql, " before 2022", " AND ");
        buf_printf(sql, "%s.last <= DATE '2021-12-31'", e);
    }
    if (chance(20)) {
        unsigned age = 20 + pick(60);
        buf_printf(text, " at age %s %u", age % 2 == 0 ? ">=" : "<", age);
        buf_printf(sql, " AND EXISTS (SELECT 1 FROM p q WHERE q.id = %s.patient AND ", e);
        if (age % 2 == 0)
            buf_printf(sql, AGE("%s.first", "q.last") " >= %u)", e, e, e, age);
        else
            buf_printf(sql,
                       AGE("%s.last", "q.first") " < %u AND " AGE("%s.first", "q.last") " >= 0)", e,
                       e, e, age, e, e, e);
    }
    if (depth > 0 && chance(50))
        random_relation(text, sql, e, depth);
}

/* kind, matches and modifiers of the event e: a condition on one row of table e. */
static void random_event(struct buf *text, struct buf *sql, const char *e, int depth, bool simple)
{
    static const char *const kinds[] = {"condition", "observation", "medication", "event"};
    unsigned kind = pick(4);
    buf_puts(text, kinds[kind]);
    if (kind < 3)
        buf_printf(sql, "%s.kind = '%s'", e, kinds[kind]);
    else
        buf_puts(sql, "true");
    random_matches(text, sql, e, kind != 1);
    if (!simple)
        random_modifiers(text, sql, e, kind, depth);
}

static void random_person(struct buf *text, struct buf *sql)
{
    unsigned age = pick(90);
    switch (pick(7)) {
    case 0:
        both(text, sql, "female", "coalesce(p.gender = 'female', false)");
        break;
    case 1:
        both(text, sql, "gender Other", "coalesce(p.gender = 'other', false)");
        break;
    case 2:
        buf_printf(text, "age >= %u", age);
        buf_printf(sql, "coalesce(" AGE("DATE '" AS_OF "'", "p.last") " >= %u, false)", age);
        break;
    case 3:
        buf_printf(text, "age between %u and %u", age, age + 15);
        buf_printf(sql,
                   "coalesce(" AGE("DATE '" AS_OF "'", "p.last") " >= %u AND " AGE(
                       "DATE '" AS_OF "'", "p.first") " <= %u, false)",
                   age, age + 15);
        break;
    case 4:
        buf_printf(text, "born since %u before %u-07", 1940 + age / 2, 1975 + age / 2);
        buf_printf(sql, "coalesce(p.first >= DATE '%u-01-01' AND p.last < DATE '%u-07-01', false)",
                   1940 + age / 2, 1975 + age / 2);
        break;
    case 5:
        both(text, sql, "deceased", "p.deceased");
        break;
    default:
        both(text, sql, "alive", "NOT p.deceased");
        break;
    }
}

static void random_criterion(struct buf *text, struct buf *sql, int depth, bool simple)
{
    unsigned kind = pick(depth > 0 ? 8 : 4);
    if (kind == 0) {
        random_person(text, sql);
    } else if (kind < 4) {
        unsigned least = !simple && chance(20) ? 2 + pick(2) : 1;
        AUTO(buf_done) struct buf inner = BUF_INIT;
        AUTO(buf_done) struct buf words = BUF_INIT;
        random_event(&words, &inner, "e1", simple ? 0 : chance(30) ? 2 : 1, simple);
        buf_add_str(text, buf_view(&words));
        if (least > 1)
            buf_printf(text, " at least %u times", least);
        buf_printf(sql, "(SELECT count(*) FROM e e1 WHERE e1.patient = p.id AND %s) >= %u",
                   buf_text(&inner), least);
    } else if (kind == 4) {
        both(text, sql, "not (", "NOT (");
        random_criterion(text, sql, depth - 1, simple);
        both(text, sql, ")", ")");
    } else {
        const char *word = kind < 7 ? " and " : " or ", *meaning = kind < 7 ? ") AND (" : ") OR (";
        unsigned count = 2 + pick(3);
        both(text, sql, "(", "((");
        for (unsigned i = 0; i < count; i++) {
            both(text, sql, i == 0 ? "" : word, i == 0 ? "" : meaning);
            random_criterion(text, sql, depth - 1, simple);
        }
        both(text, sql, ")", "))");
    }
}

/* ---- the comparison -----------------------------------------------------------------------------
 */

static struct cohort_index *make_index(struct kit *kit, const struct cohort_views *views,
                                       const char *folder)
{
    struct err err = {0};
    char path[FILE_PATH_BYTES];
    JSON_AUTO about = NULL;
    struct cohort_index *index = NULL;
    kit_ok(file_path_join(folder, COHORT_INDEX_FILE, path, &err), &err);
    kit_ok(file_remove(path, &err), &err);
    kit_ok(cohort_index_build(kit->engine, views, path, &about, &err), &err);
    kit_ok(cohort_index_open(path, views, &index, &err), &err);
    return index;
}

static int64_t bitmaps_answered, temporal_answered, nonempty, asked;

static void compare(struct kit *kit, struct cohort_index *index, const struct cohort_views *views,
                    bool simple)
{
    struct err err = {0};
    AUTO(buf_done) struct buf text = BUF_INIT, sql = BUF_INIT;
    AUTO(cohort_criteria_free) struct cohort_criteria *criteria = NULL;
    AUTO(cohort_question_free) struct cohort_question *question = NULL, *by_index = NULL;
    struct cohort_lister lister = {kit_list, kit}, index_lister = cohort_index_lister(index);
    int64_t by_plan[64], by_bitmap[64], day, last;
    random_criterion(&text, &sql, simple ? 2 : 1, simple);
    assert_true(cohort_date_read(STR(AS_OF), &day, &last));
    enum err_code code = cohort_criteria_read(buf_view(&text), "criteria", &criteria, &err);
    if (code != ERR_OK)
        fail_msg("%s: %s", err.message, buf_text(&text));
    code = cohort_question_new(criteria, views, NULL, day, &lister, &question, &err);
    if (code == ERR_NOT_FOUND)
        return; /* asks of a view what it does not have */
    kit_ok(code, &err);
    AUTO(buf_done) struct buf count = BUF_INIT;
    buf_printf(&count, "SELECT count(*) FROM p WHERE %s", buf_text(&sql));
    int64_t expected = kit_int(kit, buf_text(&count));
    size_t steps = kit_plan_counts(kit, question, by_plan, 64);
    assert_int_equal(steps, cohort_step_count(criteria) + 1);
    if (by_plan[steps - 1] != expected)
        fail_msg("the plan counts %ld, SQL %ld: %s\n%s", (long)by_plan[steps - 1], (long)expected,
                 buf_text(&text), buf_text(&sql));
    asked++;
    nonempty += expected > 0 ? 1 : 0;
    if (cohort_index_why_not(question) != NULL)
        return;
    bitmaps_answered++;
    for (size_t e = 0; e < criteria->event_count; e++)
        if (question->events[e].event->relation_count > 0) {
            temporal_answered++;
            break;
        }
    kit_ok(cohort_question_new(criteria, views, NULL, day, &index_lister, &by_index, &err), &err);
    kit_ok(cohort_index_count(index, by_index, by_bitmap, &err), &err);
    for (size_t i = 0; i < steps; i++)
        if (by_bitmap[i] != by_plan[i])
            fail_msg("step %zu: bitmaps count %ld, the plan %ld: %s", i, (long)by_bitmap[i],
                     (long)by_plan[i], buf_text(&text));
}

static void all_routes_count_the_same_patients(void **state)
{
    struct err err = {0};
    char folder[FILE_PATH_BYTES];
    struct engine_options options = {.threads = 1};
    int64_t questions = QUESTIONS;
    (void)state;
    if (getenv("MARROW_COHORT_QUESTIONS") != NULL)
        assert_true(str_to_int64(str_of(getenv("MARROW_COHORT_QUESTIONS")), &questions));
    kit_ok(file_make_staging("/tmp", "cohort", folder, &err), &err);
    for (unsigned d = 0; d < DATASETS; d++) {
        struct kit kit = {.engine = NULL};
        seed = 1000 + d;
        kit_ok(engine_open(&options, &kit.engine, &err), &err);
        make_data(&kit, d % 3 == 2, d % 2 == 1);
        kit.one_row_each = d % 2 == 0;
        AUTO(cohort_views_free) struct cohort_views *views = kit_views(&kit, NULL);
        AUTO(cohort_index_close) struct cohort_index *index = make_index(&kit, views, folder);
        assert_int_equal(cohort_index_patients(index), kit_int(&kit, "SELECT count(*) FROM p"));
        for (unsigned q = 0; q < questions; q++)
            compare(&kit, index, views, q % 3 != 0);
        data_schema_done(&kit.schema);
        engine_close(kit.engine);
    }
    kit_ok(file_remove_tree(folder, &err), &err);
    printf("%ld criteria on the plan and by SQL, %ld of them by the index (%ld with an order in "
           "time), "
           "%ld find someone\n",
           (long)asked, (long)bitmaps_answered, (long)temporal_answered, (long)nonempty);
    assert_true(asked >= DATASETS * questions * 9 / 10);
    assert_true(bitmaps_answered >= asked * 3 / 4);
    assert_true(temporal_answered >= asked / 10);
    assert_true(nonempty >= asked / 3);
}

/* So many births that the index has bands of them; days at their edges, partial and unknown ones.
 */
static void births_in_bands(struct kit *kit, bool exact)
{
    struct err err = {0};
    char folder[FILE_PATH_BYTES], text[100];
    kit_ok(file_make_staging("/tmp", "cohort", folder, &err), &err);
    kit_sql(kit, exact ? "CREATE OR REPLACE TABLE patient_demographics AS SELECT 'p' || i AS "
                         "patient_id, 'male' AS gender, CASE WHEN i % 50 > 0 THEN "
                         "CAST(DATE '1930-01-01' + CAST(hash(i) % 33000 AS INTEGER) AS VARCHAR) "
                         "END AS birth_date FROM range(50000) t(i)"
                       : "CREATE OR REPLACE TABLE patient_demographics AS SELECT 'p' || i AS "
                         "patient_id, 'male' AS gender, left(CAST(DATE '1930-01-01' + "
                         "CAST(hash(i) % 33000 AS INTEGER) AS VARCHAR), CASE i % 9 WHEN 0 THEN 4 "
                         "WHEN 1 THEN 7 ELSE 10 END) AS birth_date FROM range(50000) t(i)");
    AUTO(cohort_views_free) struct cohort_views *views = kit_views(kit, NULL);
    AUTO(cohort_index_close) struct cohort_index *index = make_index(kit, views, folder);
    assert_true(index->births[0].band_count > 4);
    for (unsigned turn = 0; turn < 45; turn++) {
        AUTO(cohort_criteria_free) struct cohort_criteria *criteria = NULL;
        AUTO(cohort_question_free) struct cohort_question *question = NULL;
        struct cohort_lister lister = cohort_index_lister(index);
        int64_t by_plan[4], by_bitmap[4];
        unsigned year = 1925 + pick(100), month = 1 + pick(12);
        if (turn % 3 == 0)
            (void)snprintf(text, sizeof text, "age >= %u", pick(100));
        else if (turn % 3 == 1)
            (void)snprintf(text, sizeof text, "born since %u-%02u before %u-%02u-%02u", year, month,
                           year + 1 + pick(30), month, 1 + pick(28));
        else
            (void)snprintf(text, sizeof text, "not born before %u-%02u-%02u", year, month,
                           1 + pick(28));
        kit_ok(cohort_criteria_read(str_of(text), "criteria", &criteria, &err), &err);
        int64_t day = 19000 + pick(2000);
        kit_ok(cohort_question_new(criteria, views, NULL, day, &lister, &question, &err), &err);
        size_t steps = kit_plan_counts(kit, question, by_plan, 4);
        kit_ok(cohort_index_count(index, question, by_bitmap, &err), &err);
        for (size_t i = 0; i < steps; i++)
            if (by_bitmap[i] != by_plan[i])
                fail_msg("bitmaps count %ld, the plan %ld: %s", (long)by_bitmap[i],
                         (long)by_plan[i], text);
    }
    kit_ok(file_remove_tree(folder, &err), &err);
}

static void births_are_counted_across_bands(void **state)
{
    struct err err = {0};
    struct kit kit = {.engine = NULL, .one_row_each = true};
    (void)state;
    kit_ok(engine_open(NULL, &kit.engine, &err), &err);
    births_in_bands(&kit, true);
    births_in_bands(&kit, false);
    data_schema_done(&kit.schema);
    engine_close(kit.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_routes_count_the_same_patients),
                                       cmocka_unit_test(births_are_counted_across_bands)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
