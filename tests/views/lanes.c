/* The ways to run a view give the same rows: natively over each resource, and lowered to SQL on the
 * embedded engine, on PostgreSQL and on Trino, as far as they are there. Views and resources are
 * random, the resources of odd shapes: members missing, null, of another kind, arrays where objects
 * are meant and the other way round, digits that a double would lose, texts of any script,
 * extensions of primitives, items within items. MARROW_PAIRS: how many (view, resource) pairs;
 * MARROW_TRINO_PAIRS: of them on Trino, which plans a query for seconds; MARROW_SEED: another
 * sequence. */
#include "conform.h"

#include "dialect/dialect.h"
#include "fhir/fhir.h"
#include "plan/rewrite.h"

#define RESOURCES 24 /* for each view */

static uint64_t seed = 20260101;

static unsigned below(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)((seed >> 11) % n);
}
#define PICK(array) array[below((unsigned)(sizeof(array) / sizeof *(array)))]

/* ---- resources ---------------------------------------------------------------------------------
 */

static const char *const TEXTS[] = {"\"official\"",  "\"usual\"", "\"Müller\"",
                                    "\"Ω 日本\"",    "\"\"",      "\"a \\\"b\\\"\"",
                                    "\"x: 1.0, y\"", "\"1.50\""};
static const char *const NUMBERS[] = {
    "1.50", "0", "-0.0", "1e3", "2.5E-3", "12345678901234567.890", "7", "100", "0.10"};
static const char *const DATES[] = {"\"1970-06\"", "\"2020\"", "\"1999-12-31\"", "\"2020-02-29\""};
static const char *const MOMENTS[] = {
    "\"2020-01-01T00:00:00Z\"", "\"2020-01-01T02:00:00+02:00\"", "\"2020\"",
    "\"2019-12-31\"",           "\"2020-01-01T00:00:00.5Z\"",    "\"2020-01-01T10:30:00-05:00\""};
static const char *const REFERENCES[] = {"\"Patient/1\"",
                                         "\"https://h/fhir/Patient/2/_history/3\"",
                                         "\"#c\"",
                                         "\"urn:uuid:0a\"",
                                         "\"Organization/9\"",
                                         "\"Patient?identifier=x\""};

enum shape { TEXT, NUMBER, DATE, MOMENT, BOOLEAN, WHOLE, REFERENCE, OBJECT };
struct member {
    const char *name;
    enum shape shape;
    bool many;
    const char *of; /* OBJECT: its structure */
};
static const struct member PATIENT[] = {{"active", BOOLEAN, false, NULL},
                                        {"gender", TEXT, false, NULL},
                                        {"birthDate", DATE, false, NULL},
                                        {"deceasedBoolean", BOOLEAN, false, NULL},
                                        {"deceasedDateTime", MOMENT, false, NULL},
                                        {"multipleBirthInteger", WHOLE, false, NULL},
                                        {"name", OBJECT, true, "name"},
                                        {"telecom", OBJECT, true, "telecom"},
                                        {"contact", OBJECT, true, "contact"},
                                        {"maritalStatus", OBJECT, false, "concept"},
                                        {"generalPractitioner", OBJECT, true, "reference"},
                                        {"managingOrganization", OBJECT, false, "reference"},
                                        {"extension", OBJECT, true, "extension"},
                                        {"_birthDate", OBJECT, false, "beside"},
                                        {"meta", OBJECT, false, "meta"},
                                        {NULL, TEXT, false, NULL}};
static const struct member NAME[] = {{"use", TEXT, false, NULL},
                                     {"family", TEXT, false, NULL},
                                     {"given", TEXT, true, NULL},
                                     {"period", OBJECT, false, "period"},
                                     {NULL, TEXT, false, NULL}};
static const struct member TELECOM[] = {{"system", TEXT, false, NULL},
                                        {"value", TEXT, false, NULL},
                                        {"rank", WHOLE, false, NULL},
                                        {NULL, TEXT, false, NULL}};
static const struct member CONTACT[] = {{"name", OBJECT, false, "name"},
                                        {"telecom", OBJECT, true, "telecom"},
                                        {"gender", TEXT, false, NULL},
                                        {NULL, TEXT, false, NULL}};
static const struct member CONCEPT[] = {
    {"text", TEXT, false, NULL}, {"coding", OBJECT, true, "coding"}, {NULL, TEXT, false, NULL}};
static const struct member CODING[] = {
    {"system", TEXT, false, NULL}, {"code", TEXT, false, NULL}, {NULL, TEXT, false, NULL}};
static const struct member REFERS[] = {
    {"reference", REFERENCE, false, NULL}, {"type", TEXT, false, NULL}, {NULL, TEXT, false, NULL}};
static const struct member EXTENSION[] = {{"url", TEXT, false, NULL},
                                          {"valueString", TEXT, false, NULL},
                                          {"valueDecimal", NUMBER, false, NULL},
                                          {"extension", OBJECT, true, "extension"},
                                          {NULL, TEXT, false, NULL}};
static const struct member PERIOD[] = {
    {"start", MOMENT, false, NULL}, {"end", MOMENT, false, NULL}, {NULL, TEXT, false, NULL}};
static const struct member BESIDE[] = {{"extension", OBJECT, true, "extension"},
                                       {NULL, TEXT, false, NULL}};
static const struct member META[] = {{"lastUpdated", MOMENT, false, NULL},
                                     {"tag", OBJECT, true, "coding"},
                                     {NULL, TEXT, false, NULL}};
static const struct member OBSERVATION[] = {{"status", TEXT, false, NULL},
                                            {"code", OBJECT, false, "concept"},
                                            {"valueQuantity", OBJECT, false, "quantity"},
                                            {"valueString", TEXT, false, NULL},
                                            {"effectiveDateTime", MOMENT, false, NULL},
                                            {"subject", OBJECT, false, "reference"},
                                            {"component", OBJECT, true, "component"},
                                            {NULL, TEXT, false, NULL}};
static const struct member QUANTITY[] = {
    {"value", NUMBER, false, NULL}, {"unit", TEXT, false, NULL}, {NULL, TEXT, false, NULL}};
static const struct member COMPONENT[] = {{"code", OBJECT, false, "concept"},
                                          {"valueQuantity", OBJECT, false, "quantity"},
                                          {NULL, TEXT, false, NULL}};
static const struct member RESPONSE[] = {
    {"status", TEXT, false, NULL}, {"item", OBJECT, true, "item"}, {NULL, TEXT, false, NULL}};
static const struct member ITEM[] = {{"linkId", TEXT, false, NULL},
                                     {"text", TEXT, false, NULL},
                                     {"item", OBJECT, true, "item"},
                                     {"answer", OBJECT, true, "answer"},
                                     {NULL, TEXT, false, NULL}};
static const struct member ANSWER[] = {{"valueString", TEXT, false, NULL},
                                       {"valueDecimal", NUMBER, false, NULL},
                                       {"item", OBJECT, true, "item"},
                                       {NULL, TEXT, false, NULL}};
static const struct {
    const char *name;
    const struct member *members;
} STRUCTURES[] = {{"name", NAME},           {"telecom", TELECOM},   {"contact", CONTACT},
                  {"concept", CONCEPT},     {"coding", CODING},     {"reference", REFERS},
                  {"extension", EXTENSION}, {"period", PERIOD},     {"beside", BESIDE},
                  {"meta", META},           {"quantity", QUANTITY}, {"component", COMPONENT},
                  {"item", ITEM},           {"answer", ANSWER}};

static unsigned oddness; /* one value in so many is odd; 0: none */

static void put_members(const struct member *members, unsigned depth, bool comma, struct buf *out);

/* within: an array, in which no array stands: that is no FHIR, and the two ways differ
 * (docs/FHIR.md). */
static void put_one(const struct member *member, unsigned depth, bool within, struct buf *out)
{
    if (oddness > 0 && below(oddness) == 0) {
        static const char *const ODD[] = {"null", "{}",  "5",  "\"odd\"",
                                          "true", "1.0", "[]", "[null,\"x\"]"};
        buf_puts(out, ODD[below(within ? 6 : 8)]);
        return;
    }
    switch (member->shape) {
    case TEXT:
        buf_puts(out, PICK(TEXTS));
        return;
    case NUMBER:
        buf_puts(out, PICK(NUMBERS));
        return;
    case DATE:
        buf_puts(out, PICK(DATES));
        return;
    case MOMENT:
        buf_puts(out, PICK(MOMENTS));
        return;
    case BOOLEAN:
        buf_puts(out, below(2) == 0 ? "true" : "false");
        return;
    case WHOLE:
        buf_printf(out, "%u", below(4));
        return;
    case REFERENCE:
        buf_puts(out, PICK(REFERENCES));
        return;
    case OBJECT:
        break;
    }
    buf_putc(out, '{');
    for (size_t i = 0; i < sizeof STRUCTURES / sizeof STRUCTURES[0]; i++)
        if (strcmp(STRUCTURES[i].name, member->of) == 0)
            put_members(STRUCTURES[i].members, depth, false, out);
    buf_putc(out, '}');
}

/* Of a choice, value[x], one member: two are no FHIR, and the two ways differ (docs/FHIR.md). */
static void put_members(const struct member *members, unsigned depth, bool comma, struct buf *out)
{
    bool has_value = false;
    for (; members->name != NULL; members++) {
        bool value = strncmp(members->name, "value", 5) == 0 && members->name[5] != '\0';
        if (below(10) < 4 || (members->shape == OBJECT && depth == 0) || (value && has_value))
            continue;
        has_value = has_value || value;
        unsigned below_it = depth > 0 ? depth - 1 : 0;
        bool many = members->many != (oddness > 0 && below(oddness * 4) == 0);
        buf_printf(out, "%s\"%s\":", comma ? "," : "", members->name);
        comma = true;
        if (!many) {
            put_one(members, below_it, false, out);
            continue;
        }
        buf_putc(out, '[');
        for (unsigned i = 0, count = below(4); i < count; i++) {
            buf_puts(out, i > 0 ? "," : "");
            put_one(members, below_it, true, out);
        }
        buf_putc(out, ']');
    }
}

/* ---- views -------------------------------------------------------------------------------------
 */

struct kind {
    const char *resource;
    const struct member *members;
    const char *paths[64], *iterations[12], *conditions[10];
};
static const struct kind KINDS[] = {
    {"Patient",
     PATIENT,
     {"active",
      "gender",
      "birthDate",
      "name.family",
      "name.family.first()",
      "name.given",
      "name.where(use = 'official').family.first()",
      "name.first().given.join(',')",
      "telecom.where(rank > 1).value",
      "telecom.where(rank = 2).value",
      "telecom.where(rank != 2).value",
      "telecom.where(system != 'usual').value",
      "telecom.where((system = 'usual').not()).value",
      "telecom.where(system = 'usual' or system = 'official').value",
      "telecom.where(system = 'usual' and value = 'official').exists()",
      "contact.where('usual' = name.use).name.family",
      "contact.name.family",
      "maritalStatus.coding.code",
      "maritalStatus.text",
      "name.exists()",
      "name.given.exists()",
      "contact.telecom.count()",
      "deceased.ofType(boolean)",
      "deceased.ofType(dateTime)",
      "multipleBirth.ofType(integer)",
      "multipleBirth.ofType(integer) + 1",
      "birthDate.extension('official').value.ofType(string)",
      "extension('usual').value.ofType(decimal)",
      "extension.where(url = 'usual').value.ofType(string).first()",
      "generalPractitioner.getReferenceKey()",
      "managingOrganization.getReferenceKey(Organization)",
      "managingOrganization.getReferenceKey()",
      "birthDate.lowBoundary()",
      "birthDate.highBoundary()",
      "active = true",
      "gender = 'usual' or active",
      "birthDate > @1990-01-01",
      "deceased.ofType(dateTime) > @2020-01-01",
      "name[1].family",
      "name.skip(1).family",
      "iif(active, gender, 'none')",
      "name.period.start",
      "meta.lastUpdated",
      "meta.tag.code.first()",
      "'x'",
      "%rowIndex"},
     {"name", "contact", "contact.telecom", "name.given", "telecom.where(system = 'usual')",
      "extension", "name.where(use.exists())"},
     {"active", "active.exists()", "name.where(use = 'official').exists()",
      "gender = 'usual' and active", "name.family.empty()", "birthDate < @2000", "active.not()"}},
    {"Observation",
     OBSERVATION,
     {"status",
      "code.text",
      "code.coding.code",
      "code.coding.where(system = 'usual').code.first()",
      "value.ofType(Quantity).value",
      "value.ofType(Quantity).value * 2",
      "value.ofType(Quantity).value / 3",
      "value.ofType(Quantity).value > 1.5",
      "value.ofType(Quantity).value + 0.5",
      "value.ofType(string)",
      "effective.ofType(dateTime)",
      "effective.ofType(dateTime).lowBoundary()",
      "subject.getReferenceKey(Patient)",
      "component.value.ofType(Quantity).value",
      "component.value.ofType(Quantity).value.first()",
      "component.where(code.coding.code = 'usual').value.ofType(Quantity).unit",
      "component.count()",
      "component.where(code.text = 'usual' or code.text = 'x').count()",
      "code.coding.where(system != 'usual').code",
      "code.coding.where(system = '5').code",
      "value.ofType(Quantity)",
      "%rowIndex",
      "component.where(value.ofType(Quantity).value >= 1).exists()",
      "status.replace('o', '0')",
      "status.length()",
      "status.substring(1, 2)",
      "status.startsWith('o')",
      "status.empty()"},
     {"component", "component.code.coding", "code.coding",
      "component.where(value.ofType(Quantity).exists())"},
     {"status = 'usual'", "value.ofType(Quantity).value > 1",
      "effective.ofType(dateTime) >= @2020-01-01T00:00:00Z", "component.exists()"}},
    {"QuestionnaireResponse",
     RESPONSE,
     {"status", "item.linkId", "item.count()", "item.linkId.first()",
      "item.answer.value.ofType(decimal)", "item.where(linkId = 'usual').text", "%rowIndex", "'q'"},
     {"item", "item.answer", "item.item", "item.answer.item"},
     {"status.exists()", "item.exists()"}}};
static const char *const BELOW[][8] = {
    {"family", "use", "given", "value", "system", "%rowIndex", "$this", "name.family"},
    {"code", "system", "value.ofType(Quantity).value", "code.text", "%rowIndex", "$this",
     "coding.code", "code.coding.code"},
    {"linkId", "text", "%rowIndex", "answer.value.ofType(string)", "item.linkId",
     "value.ofType(decimal)", "$this", "item.exists()"}};

static unsigned columns_made;

static const char *some(const char *const *list, size_t cap)
{
    unsigned count = 0;
    while (count < cap && list[count] != NULL)
        count++;
    return list[below(count)];
}

static void put_column(const char *path, struct buf *out)
{
    buf_printf(out, "{\"name\":\"c%u\",\"path\":\"%s\"%s}", columns_made++, path,
               below(4) == 0 ? ",\"collection\":true" : "");
}

static void put_select(size_t kind, unsigned depth, bool inside, struct buf *out)
{
    const struct kind *of = &KINDS[kind];
    bool iterates = depth > 0 && !inside && below(2) == 0;
    buf_putc(out, '{');
    if (iterates && kind == 2 && below(2) == 0)
        buf_puts(out, below(2) == 0 ? "\"repeat\":[\"item\"],"
                                    : "\"repeat\":[\"item\",\"answer.item\"],");
    else if (iterates)
        buf_printf(out, "\"%s\":\"%s\",", below(2) == 0 ? "forEach" : "forEachOrNull",
                   some(of->iterations, 12));
    buf_puts(out, "\"column\":[");
    for (unsigned i = 0, count = 1 + below(3); i < count; i++) {
        buf_puts(out, i > 0 ? "," : "");
        put_column(iterates || inside ? some(BELOW[kind], 8) : some(of->paths, 64), out);
    }
    buf_putc(out, ']');
    if (depth > 0 && below(2) == 0) {
        buf_puts(out, ",\"select\":[");
        put_select(kind, depth - 1, iterates || inside, out);
        buf_putc(out, ']');
    }
    if (depth > 0 && below(4) == 0) {
        unsigned first = columns_made;
        buf_puts(out, ",\"unionAll\":[{\"column\":[");
        put_column(iterates || inside ? some(BELOW[kind], 8) : some(of->paths, 64), out);
        columns_made = first;
        buf_puts(out, "]},{\"column\":[");
        put_column("'other'", out);
        buf_puts(out, "]}]");
    }
    buf_putc(out, '}');
}

static size_t put_view(struct buf *out)
{
    size_t kind = below(sizeof KINDS / sizeof KINDS[0]);
    columns_made = 0;
    buf_printf(out,
               "{\"resourceType\":\"ViewDefinition\",\"name\":\"v\",\"status\":\"active\","
               "\"resource\":\"%s\",\"select\":[",
               KINDS[kind].resource);
    put_select(kind, 0, false, out);
    for (unsigned i = 0, count = below(3); i < count; i++) {
        buf_putc(out, ',');
        put_select(kind, 2, false, out);
    }
    buf_putc(out, ']');
    if (below(4) == 0)
        buf_printf(out, ",\"where\":[{\"path\":\"%s\"}]", some(KINDS[kind].conditions, 10));
    buf_putc(out, '}');
    return kind;
}

/* ---- the two lanes -----------------------------------------------------------------------------
 */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}
struct rows {
    char *list[4096];
    size_t count;
};
static void rows_clear(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->list[i]);
    rows->count = 0;
}
static void add_rows(const struct data_batch *batch, struct rows *rows)
{
    for (int64_t row = 0; row < batch->rows; row++) {
        struct buf text = BUF_INIT;
        for (size_t c = 0; c < batch->columns; c++) {
            buf_puts(&text, c > 0 ? " | " : "");
            if (!data_value_text(&batch->vectors[c], row, &text))
                buf_puts(&text, "NULL");
        }
        if (rows->count < 4096)
            rows->list[rows->count++] = strdup(buf_text(&text));
        buf_done(&text);
    }
}
static enum err_code take(void *user, size_t view_idx, const struct data_batch *batch,
                          struct err *err)
{
    (void)view_idx;
    (void)err;
    add_rows(batch, user);
    return ERR_OK;
}

/* The resource with every value that is a text replaced by the one behind it, so that where() and
 * its kin find other things: of the same shape, and of another meaning. */
static void rotate_texts(struct str resource, struct buf *out)
{
    struct str texts[512] = {{0}};
    size_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        const char *at = resource.ptr, *end = resource.ptr + resource.len;
        for (size_t seen = 0; at < end;) {
            const char *close = at + 1;
            while (*at == '"' && close < end && *close != '"')
                close += *close == '\\' ? 2 : 1;
            close += *at == '"';
            bool value = *at == '"' && (close >= end || *close != ':');
            if (value && pass == 0 && count < sizeof texts / sizeof *texts)
                texts[count++] = (struct str){at, (size_t)(close - at)};
            if (pass == 1)
                buf_add_str(out, value && seen < count ? texts[++seen % count]
                                                       : (struct str){at, (size_t)(close - at)});
            at = close;
        }
    }
}

/* By a worker that has seen the resource's like with other texts, and the resource itself: what it
 * remembers of them must not show. Some of them may fail: what counts is the last. */
static enum err_code run_native(const struct fhir_view *view, struct str resource, struct rows *ret,
                                struct err *err)
{
    const struct fhir_program_options options = {.resource_id = true, .same_type = true};
    AUTO(fhir_program_free) struct fhir_program *program = NULL;
    AUTO(fhir_worker_free) struct fhir_worker *worker = NULL;
    const struct fhir_sink sink = {.batch = take, .user = ret};
    struct fhir_counts counts;
    TRY(fhir_program_new(&view, 1, &options, &program, err));
    TRY(fhir_worker_new(program, &sink, &worker, err));
    AUTO(buf_done) struct buf rotated = BUF_INIT;
    rotate_texts(resource, &rotated);
    struct str like = buf_view(&rotated);
    for (int round = 0; round < 2; round++) {
        enum err_code like_code = fhir_worker_run(worker, &like, 1, false, ERR_IGNORED);
        enum err_code code = fhir_worker_run(worker, &resource, 1, false, ERR_IGNORED);
        (void)like_code;
        (void)code;
    }
    rows_clear(ret);
    TRY(fhir_worker_run(worker, &resource, 1, false, err));
    return fhir_worker_finish(worker, &counts, err);
}

static enum err_code run_sql(struct engine *engine, const char *sql, struct rows *ret,
                             struct err *err)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    TRY(engine_query(engine, sql, NULL, 0, &result, err));
    for (;;) {
        TRY(engine_result_next(result, &batch, err));
        if (batch == NULL)
            return ERR_OK;
        if (ret != NULL)
            add_rows(batch, ret);
    }
}

static char *resources[RESOURCES];

struct lane {
    struct engine *engine;
    const char *dialect;
    bool at_once;        /* all resources of a view in one query, those that end in rows */
    bool on[RESOURCES];  /* which are the table */
    int64_t pairs, most; /* compared so far; no more than that */
};

static void write_table(void *user, const char *table, struct buf *out)
{
    const struct lane *lane = user;
    bool trino = strcmp(lane->dialect, "trino") == 0, any = false;
    (void)table;
    for (size_t i = 0; i < RESOURCES; i++) {
        if (!lane->on[i])
            continue;
        buf_printf(out, "%sSELECT CAST('r%zu' AS %s) AS id, CAST('", any ? " UNION ALL " : "(", i,
                   trino ? "VARCHAR" : "TEXT");
        for (const char *at = resources[i]; *at != '\0'; at++) {
            buf_puts(out, *at == '\'' ? "'" : "");
            buf_putc(out, *at);
        }
        buf_printf(out, "' AS %s) AS resource", trino ? "VARCHAR" : "JSON");
        any = true;
    }
    buf_puts(out, any ? ")" : "");
}

/* How pairs ended. */
enum outcome {
    SAME,
    BOTH_FAIL,
    ARRAY,       /* SQL refuses an array where FHIR R4 has one value (docs/FHIR.md) */
    SQL_FAILS,   /* SQL is stricter with a value of another kind: an error, never another row */
    NATIVE_FAILS /* SQL computes no column of a row that another select takes away */
};
static const struct {
    const char *what;
    int64_t at_most; /* of a hundred pairs */
} OUTCOMES[] = {{"agree", 100},
                {"fail both ways", 15},
                {"hold an array that SQL refuses", 5},
                {"fail in SQL alone", 1},
                {"fail natively alone, without a row in SQL", 2}};
static struct counts {
    int64_t of[sizeof OUTCOMES / sizeof OUTCOMES[0]], refused, differ;
} counts;

/* What differs first: cmocka cuts a message at 1,024 bytes. */
static void tell(const char *view, const char *resource, const char *native, const char *lowered)
{
    if (counts.differ++ >= 12)
        return;
    print_error("native: %s\nlowered: %s\n", native, lowered);
    print_error("view: %s\n", view);
    print_error("resource: %s\n", resource);
}

/* Counts a pair of which a way failed; false: neither, or one without leave. */
static bool end_of(bool native, bool lowered, const char *why, size_t rows)
{
    enum outcome outcome;
    bool meant = lowered && strncmp(why, "view v:", 7) == 0; /* raised by the SQL */
    if (native && meant)
        outcome = BOTH_FAIL;
    else if (native && !lowered && rows == 0)
        outcome = NATIVE_FAILS;
    else if (meant)
        outcome = strstr(why, "an array where FHIR R4 has one") != NULL ? ARRAY : SQL_FAILS;
    else
        return false;
    counts.of[outcome]++;
    return true;
}

static enum err_code lowered_rows(struct lane *lane, const struct plan_rel *root, struct rows *ret,
                                  struct err *err)
{
    AUTO(buf_done) struct buf sql = BUF_INIT;
    const struct dialect_options options = {write_table, lane};
    TRY(dialect_sql(dialect_find(lane->dialect), root, &options, &sql, NULL, NULL, err));
    return run_sql(lane->engine, buf_text(&sql), ret, err);
}

/* What differs first between the two, which are sorted; false: nothing. */
static bool tell_difference(const char *text, const char *resource, struct rows *native,
                            struct rows *lowered)
{
    qsort(native->list, native->count, sizeof *native->list, by_text);
    qsort(lowered->list, lowered->count, sizeof *lowered->list, by_text);
    for (size_t i = 0; i < native->count || i < lowered->count; i++) {
        const char *a = i < native->count ? native->list[i] : "no row",
                   *b = i < lowered->count ? lowered->list[i] : "no row";
        if (strcmp(a, b) != 0) {
            tell(text, resource, a, b);
            return true;
        }
    }
    return false;
}

/* All resources that are on in one query. */
static void check_at_once(struct lane *lane, const char *text, const struct fhir_view *view,
                          const struct plan_rel *root)
{
    static struct rows native, lowered;
    struct err err = {0};
    size_t on = 0;
    rows_clear(&native);
    rows_clear(&lowered);
    for (size_t i = 0; i < RESOURCES; i++) {
        on += lane->on[i];
        if (lane->on[i] && run_native(view, str_of(resources[i]), &native, &err) != ERR_OK)
            fail_msg("%s", err.message);
    }
    /* a repeat in pre-order is planned for minutes (docs/DIALECTS.md): the suite has one */
    bool slow = strstr(text, "\"repeat\"") != NULL && strstr(text, "%rowIndex") != NULL;
    if (on == 0 || slow || lane->pairs >= lane->most)
        return;
    enum err_code code = lowered_rows(lane, root, &lowered, &err);
    if (code == ERR_UNSUPPORTED) /* what the dialect says that it lacks */
        return;
    lane->pairs += (int64_t)on;
    if (code != ERR_OK)
        tell(text, lane->dialect, "rows", err.detail[0] != '\0' ? err.detail : err.message);
    else
        (void)tell_difference(text, lane->dialect, &native, &lowered);
}

/* true: both gave the same rows. */
static bool check_pair(struct lane *lane, const char *text, const struct fhir_view *view,
                       const struct plan_rel *root, size_t idx)
{
    static struct rows native, lowered;
    struct err err = {0}, other = {0};
    rows_clear(&native);
    rows_clear(&lowered);
    lane->pairs++;
    memset(lane->on, 0, sizeof lane->on);
    lane->on[idx] = true;
    bool fails = run_native(view, str_of(resources[idx]), &native, &err) != ERR_OK;
    enum err_code code = lowered_rows(lane, root, &lowered, &other);
    if (end_of(fails, code != ERR_OK, other.message, lowered.count))
        return false;
    if (fails || code != ERR_OK) {
        tell(text, resources[idx], fails ? err.message : "rows",
             code != ERR_OK ? (other.detail[0] != '\0' ? other.detail : other.message) : "rows");
        return false;
    }
    if (tell_difference(text, resources[idx], &native, &lowered))
        return false;
    counts.of[SAME]++;
    return true;
}

static struct lane lanes[4];
static size_t lane_count;

static void make_resources(size_t kind)
{
    for (size_t i = 0; i < RESOURCES; i++) {
        struct buf made = BUF_INIT;
        oddness = i % 3 == 0 ? 12 : i % 3 == 1 ? 60 : 0;
        buf_printf(&made, "{\"resourceType\":\"%s\",\"id\":\"r%zu\"", KINDS[kind].resource, i);
        put_members(KINDS[kind].members, 4, true, &made);
        buf_putc(&made, '}');
        free(resources[i]);
        resources[i] = strdup(buf_text(&made));
        buf_done(&made);
    }
}

static void check_view(void)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    AUTO(fhir_view_free) struct fhir_view *view = NULL;
    JSON_AUTO definition = NULL;
    struct err err = {0};
    const struct plan_rel *root, *quick;
    size_t kind = put_view(&text);
    if (json_parse(buf_view(&text), "view", &definition, &err) != ERR_OK)
        fail_msg("%s: %s", err.message, buf_text(&text));
    if (fhir_view_read(definition, "view", &view, &err) != ERR_OK)
        return; /* a union of unlike columns, say: another view */
    AUTO(plan_free) struct plan *plan = plan_new();
    enum err_code code = fhir_view_lower(view, plan, NULL, NULL, true, &root, &err);
    if (code == ERR_UNSUPPORTED) {
        counts.refused++;
        return;
    }
    AUTO(plan_free) struct plan *over = code == ERR_OK ? plan_new_over(root) : NULL;
    if (code != ERR_OK || plan_optimise(over, root, &quick, &err) != ERR_OK)
        fail_msg("%s: %s", err.message, buf_text(&text));
    bool same[RESOURCES] = {false};
    make_resources(kind);
    for (size_t l = 0; l < lane_count; l++) {
        for (size_t i = 0; i < RESOURCES && !lanes[l].at_once; i++) {
            bool agrees = check_pair(&lanes[l], buf_text(&text), view, quick, i);
            same[i] = l == 0 ? agrees : same[i] && agrees;
        }
        if (lanes[l].at_once) {
            memcpy(lanes[l].on, same, sizeof same);
            check_at_once(&lanes[l], buf_text(&text), view, quick);
        }
    }
}

static int64_t number_of(const char *variable, int64_t otherwise)
{
    const char *text = getenv(variable);
    if (text != NULL)
        assert_true(str_to_int64(str_of(text), &otherwise));
    return otherwise;
}

static void open_lane(const char *url, const char *dialect)
{
    struct err err = {0};
    struct lane *lane = &lanes[lane_count++];
    *lane = (struct lane){.dialect = dialect, .at_once = strcmp(dialect, "trino") == 0};
    lane->most = lane->at_once ? number_of("MARROW_TRINO_PAIRS", 100) : INT64_MAX;
    if (engine_open(&(struct engine_options){.threads = 1, .url = url}, &lane->engine, &err) !=
        ERR_OK)
        fail_msg("%s", err.message);
}

/* DuckDB is first: what is the same there is asked of Trino. */
static void open_lanes(const struct target *targets)
{
    open_lane(NULL, "duckdb");
    for (; targets->name != NULL; targets++)
        if (strncmp(targets->name, "adbc", 4) != 0 && strcmp(targets->dialect, "duckdb") != 0 &&
            dialect_find(targets->dialect) != NULL && lane_count < 4)
            open_lane(targets->url, targets->dialect);
}

static void lanes_agree(void **state)
{
    const char *seed_text = getenv("MARROW_SEED");
    int64_t pairs = number_of("MARROW_PAIRS", 1200), made = 0;
    if (seed_text != NULL)
        seed = strtoull(seed_text, NULL, 10) * 2654435761u + 1;
    open_lanes(*state);
    while (lanes[0].pairs < pairs)
        check_view();
    for (size_t l = 0; l < lane_count; l++) {
        print_message("%s: %lld pairs\n", lanes[l].dialect, (long long)lanes[l].pairs);
        made += lanes[l].at_once ? 0 : lanes[l].pairs;
        engine_close(lanes[l].engine);
    }
    for (size_t i = 0; i < sizeof OUTCOMES / sizeof OUTCOMES[0]; i++)
        print_message("%lld pairs %s\n", (long long)counts.of[i], OUTCOMES[i].what);
    print_message("%lld differ; %lld views refused\n", (long long)counts.differ,
                  (long long)counts.refused);
    assert_int_equal(counts.differ, 0);
    for (size_t i = 0; i < sizeof OUTCOMES / sizeof OUTCOMES[0]; i++)
        if (made >= 1000 && counts.of[i] * 100 > made * OUTCOMES[i].at_most)
            fail_msg("%lld of %lld pairs %s, at most %lld %% expected", (long long)counts.of[i],
                     (long long)made, OUTCOMES[i].what, (long long)OUTCOMES[i].at_most);
}

int main(void)
{
    struct target *targets = targets_find();
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(lanes_agree, targets)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    targets_stop(targets);
    return failed;
}
