/* End to end: small hospitals written as CSV, imported into a store, profiled, decided upon. */
#include "profile/support.h"

static void add(struct buf *csv, const char *format, ...) PRINTF_LIKE(2, 3);
static void add(struct buf *csv, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buf_puts(csv, line);
}

struct hospital {
    struct buf patients, admissions, departments, items, labs, notes, links;
};

/* Integer keys 1…n everywhere; an orphan item; outpatients; a measure and a running number that lie
 * inside every key. */
static void hospital_write(struct hospital *h)
{
    memset(h, 0, sizeof *h);
    buf_puts(&h->patients, "patient_id,sex,birth_date,referring_patient_id\n");
    for (int i = 1; i <= 60; i++)
        add(&h->patients, "%d,%s,19%02d-02-1%d,%s\n", i, i % 3 == 0 ? "F" : "M", 20 + i % 70, i % 9,
            "");
    buf_puts(
        &h->admissions,
        "admission_id,patient_id,department,admit_time,discharge_time,previous_admission_id\n");
    for (int i = 1; i <= 90; i++) {
        char previous[16] = "";
        if (i > 60)
            snprintf(previous, sizeof previous, "%d", i - 60);
        add(&h->admissions, "%d,%d,%d,2020-01-%02d 08:%02d:00,2020-02-%02d 10:00:00,%s\n", i,
            (i - 1) % 60 + 1, i % 7 + 1, i % 28 + 1, i % 60, i % 28 + 1, previous);
    }
    buf_puts(&h->departments, "department_id,name\n");
    for (int i = 1; i <= 7; i++)
        add(&h->departments, "%d,Ward %c\n", i, 'A' + i);
    buf_puts(&h->items, "item_id,label,loinc\n");
    for (int i = 1; i <= 40; i++)
        add(&h->items, "%d,Item number %d,%d-%d\n", i, i, 1000 + i * 7, i % 9);
    buf_puts(&h->labs,
             "lab_id,patient_id,admission_id,item_id,seq_num,chart_time,value_num,days\n");
    for (int i = 1; i <= 900; i++) {
        int admission = i % 91;
        char text[16] = "";
        if (admission > 0)
            snprintf(text, sizeof text, "%d", admission);
        add(&h->labs, "%d,%d,%s,%d,%d,2020-01-%02d 09:%02d:00,%d.%d,%d\n", i, i % 60 + 1, text,
            i == 7 ? 99 : i % 40 + 1, i % 5 + 1, i % 28 + 1, i % 60, i % 50, i % 10, i % 30 + 1);
    }
    buf_puts(&h->notes, "note_id,patient_id,text\n");
    buf_puts(&h->links, "patient_id,admission_id\n");
    for (int i = 1; i <= 90; i++)
        add(&h->links, "%d,%d\n", (i - 1) % 60 + 1, i);
}

static void hospital_done(struct hospital *h)
{
    buf_done(&h->patients);
    buf_done(&h->admissions);
    buf_done(&h->departments);
    buf_done(&h->items);
    buf_done(&h->labs);
    buf_done(&h->notes);
    buf_done(&h->links);
}

static int hospital_setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    struct hospital h;
    assert_non_null(f);
    fixture_open(f);
    hospital_write(&h);
    const char *tables[] = {"patients",
                            buf_text(&h.patients),
                            "admissions",
                            buf_text(&h.admissions),
                            "departments",
                            buf_text(&h.departments),
                            "lab_items",
                            buf_text(&h.items),
                            "labs",
                            buf_text(&h.labs),
                            "notes",
                            buf_text(&h.notes),
                            "patient_admissions",
                            buf_text(&h.links),
                            NULL};
    fixture_import(f, "hospital", tables);
    hospital_done(&h);
    *state = f;
    return 0;
}

static int empty_setup(void **state)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    assert_non_null(f);
    fixture_open(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    mem_free(*state);
    return 0;
}

/* "child.column>parent.column status", sorted by the profile's order, joined by newlines. */
static void relations_text(const struct profile *profile, struct buf *out)
{
    static const char *const status[] = {"", " confirmed", " rejected", " added"};
    for (size_t i = 0; i < profile->relation_count; i++) {
        const struct profile_relation *r = &profile->relations[i];
        buf_printf(out, "%s.%s>%s.%s%s\n", profile->tables[r->child].table->name,
                   profile->tables[r->child].columns[r->child_columns[0]].name,
                   profile->tables[r->parent].table->name,
                   profile->tables[r->parent].columns[r->parent_columns[0]].name,
                   status[r->status]);
    }
}

static bool has_relation(const struct profile *profile, const char *line)
{
    struct buf text = BUF_INIT;
    buf_putc(&text, '\n');
    relations_text(profile, &text);
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    bool found = strstr(buf_text(&text), wanted) != NULL;
    buf_done(&text);
    return found;
}

static const struct profile_table *table_of(const struct profile *profile, const char *name)
{
    for (size_t t = 0; t < profile->table_count; t++)
        if (strcmp(profile->tables[t].table->name, name) == 0)
            return &profile->tables[t];
    fail_msg("no table %s", name);
    return NULL;
}

static const struct profile_column *column_of(const struct profile *profile, const char *table,
                                              const char *name)
{
    const struct profile_table *found = table_of(profile, table);
    for (size_t c = 0; c < found->table->schema.count; c++)
        if (strcmp(found->columns[c].name, name) == 0)
            return &found->columns[c];
    fail_msg("no column %s", name);
    return NULL;
}

static void integer_keys_are_found_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    AUTO(profile_free) struct profile *profile = NULL;
    MUST(profile_open(f->store, f->version, &profile, &err));
    static const char *const expected[] = {
        "admissions.patient_id>patients.patient_id",
        "admissions.department>departments.department_id",
        "admissions.previous_admission_id>admissions.admission_id",
        "labs.patient_id>patients.patient_id",
        "labs.admission_id>admissions.admission_id",
        "labs.item_id>lab_items.item_id",
        "patient_admissions.patient_id>patients.patient_id",
        "patient_admissions.admission_id>admissions.admission_id"};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (!has_relation(profile, expected[i]))
            fail_msg("missing %s", expected[i]);
    assert_int_equal(profile->relation_count, sizeof expected / sizeof expected[0]);
}

static void true_orphans_and_nulls_are_counted(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    AUTO(profile_free) struct profile *profile = NULL;
    MUST(profile_open(f->store, f->version, &profile, &err));
    bool seen = false;
    for (size_t i = 0; i < profile->relation_count; i++) {
        const struct profile_relation *r = &profile->relations[i];
        const char *column = profile->tables[r->child].columns[r->child_columns[0]].name;
        if (strcmp(column, "item_id") == 0) {
            assert_int_equal(r->orphan_rows, 1);
            assert_int_equal(r->child_rows, 900);
            seen = true;
        }
        if (strcmp(column, "admission_id") == 0 &&
            strcmp(profile->tables[r->child].table->name, "labs") == 0)
            assert_int_equal(r->null_rows, 9);
    }
    assert_true(seen);
}

static void keys_and_roles_are_those_of_a_hospital(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    AUTO(profile_free) struct profile *profile = NULL;
    MUST(profile_open(f->store, f->version, &profile, &err));
    static const struct {
        const char *table, *key;
        enum profile_table_role role;
        const char *time;
    } expected[] = {
        {"patients", "patient_id", PROFILE_DIMENSION, NULL},
        {"admissions", "admission_id", PROFILE_DIMENSION, "admit_time"},
        {"departments", "department_id", PROFILE_DIMENSION, NULL},
        {"lab_items", "item_id", PROFILE_REFERENCE, NULL},
        {"labs", "lab_id", PROFILE_EVENT, "chart_time"},
        {"patient_admissions", "admission_id", PROFILE_BRIDGE, NULL},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct profile_table *table = table_of(profile, expected[i].table);
        assert_int_equal(table->primary_key.count, 1);
        assert_string_equal(table->columns[table->primary_key.columns[0]].name, expected[i].key);
        if (table->role != expected[i].role)
            fail_msg("%s is %s: %s", expected[i].table, profile_table_role_text(table->role),
                     table->role_reason);
        assert_true(strlen(table->role_reason) > 10);
        if (expected[i].time == NULL)
            assert_int_equal(table->time_column, -1);
        else
            assert_string_equal(table->columns[table->time_column].name, expected[i].time);
    }
    assert_int_equal(column_of(profile, "labs", "value_num")->role, PROFILE_MEASURE);
    assert_int_equal(column_of(profile, "labs", "seq_num")->role, PROFILE_CATEGORY);
    assert_int_equal(column_of(profile, "labs", "item_id")->role, PROFILE_IDENTIFIER);
    assert_int_equal(column_of(profile, "labs", "days")->role, PROFILE_MEASURE);
    assert_int_equal(column_of(profile, "lab_items", "loinc")->role, PROFILE_CODE);
    assert_int_equal(column_of(profile, "patients", "sex")->role, PROFILE_CATEGORY);
    assert_int_equal(column_of(profile, "patients", "birth_date")->role, PROFILE_DATE);
}

static void a_table_without_rows_has_a_role_and_no_relation(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    AUTO(profile_free) struct profile *profile = NULL;
    MUST(profile_open(f->store, f->version, &profile, &err));
    assert_non_null(strstr(table_of(profile, "notes")->role_reason, "no rows"));
    assert_false(has_relation(profile, "notes.patient_id>patients.patient_id"));
}

static void second_open_needs_no_data(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct profile *profile = NULL;
    json_t *first = NULL, *second = NULL, *runs = NULL;
    MUST(profile_open(f->store, f->version, &profile, &err));
    MUST(profile_relations_json(profile, &first, &err));
    profile_free(profile);
    char objects[FILE_PATH_BYTES];
    MUST(file_path_join(store_directory(f->store), "datasets/hospital/objects", objects, &err));
    assert_true(file_exists(objects));
    MUST(file_remove_tree(objects, &err));
    MUST(profile_open(f->store, f->version, &profile, &err));
    MUST(profile_relations_json(profile, &second, &err));
    profile_free(profile);
    assert_true(json_equal(first, second));
    MUST(store_run_list(f->store, "hospital", "profile", &runs, &err));
    assert_int_equal(json_array_size(runs), 1);
    json_decref(first);
    json_decref(second);
    json_decref(runs);
}

static void decisions_persist_and_can_be_taken_back(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct profile *profile = NULL;
    MUST(profile_relation_decide(f->store, f->version, "reject", "labs.item_id",
                                 "LAB_ITEMS.Item_Id", &err));
    MUST(profile_relation_decide(f->store, f->version, "confirm", "labs.patient_id",
                                 "patients.patient_id", &err));
    MUST(profile_relation_decide(f->store, f->version, "add", "labs.seq_num",
                                 "departments.department_id", &err));
    MUST(profile_open(f->store, f->version, &profile, &err));
    assert_true(has_relation(profile, "labs.item_id>lab_items.item_id rejected"));
    assert_true(has_relation(profile, "labs.patient_id>patients.patient_id confirmed"));
    assert_true(has_relation(profile, "labs.seq_num>departments.department_id added"));
    assert_int_equal(profile->relations[profile->relation_count - 1].status, PROFILE_REJECTED);
    assert_int_equal(profile->relations[0].status, PROFILE_CONFIRMED);
    assert_int_equal(column_of(profile, "labs", "seq_num")->role, PROFILE_IDENTIFIER);
    for (size_t i = 0; i < profile->relation_count; i++)
        if (profile->relations[i].status == PROFILE_ADDED)
            assert_true(profile->relations[i].coverage > .999 &&
                        profile->relations[i].child_rows == 900);
    profile_free(profile);
    MUST(profile_relation_decide(f->store, f->version, "reset", "labs.item_id", "lab_items.item_id",
                                 &err));
    MUST(profile_relation_decide(f->store, f->version, "reset", "labs.seq_num",
                                 "departments.department_id", &err));
    MUST(profile_open(f->store, f->version, &profile, &err));
    assert_true(has_relation(profile, "labs.item_id>lab_items.item_id"));
    assert_false(has_relation(profile, "labs.seq_num>departments.department_id added"));
    profile_free(profile);
}

static void a_two_column_relation_can_be_added(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    AUTO(profile_free) struct profile *profile = NULL;
    JSON_AUTO json = NULL;
    MUST(profile_relation_decide(f->store, f->version, "add", "labs.patient_id+admission_id",
                                 "patient_admissions.patient_id+admission_id", &err));
    MUST(profile_open(f->store, f->version, &profile, &err));
    MUST(profile_relations_json(profile, &json, &err));
    bool seen = false;
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(json, "relations"), i, item)
    {
        json_t *columns = json_object_get(json_object_get(item, "child"), "columns");
        if (json_array_size(columns) == 2) {
            seen = true;
            assert_string_equal(json_text(item, "status", ""), "added");
            assert_int_equal(json_int(item, "null_rows", 0), 9);
            assert_int_equal(json_int(item, "child_rows", 0), 891);
        }
    }
    assert_true(seen);
}

static void wrong_decisions_are_refused_with_a_hint(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    assert_int_equal(profile_relation_decide(f->store, f->version, "confirm", "labs.days",
                                             "patients.patient_id", &err),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "add"));
    assert_int_equal(profile_relation_decide(f->store, f->version, "add", "labs.nothing",
                                             "patients.patient_id", &err),
                     ERR_NOT_FOUND);
    assert_int_equal(profile_relation_decide(f->store, f->version, "add", "labs.chart_time",
                                             "patients.patient_id", &err),
                     ERR_INPUT);
    assert_int_equal(profile_relation_decide(f->store, f->version, "perhaps", "labs.days",
                                             "patients.patient_id", &err),
                     ERR_USAGE);
    assert_int_equal(
        profile_relation_decide(f->store, f->version, "add", "labs.days", "labs.days", &err),
        ERR_USAGE);
    assert_int_equal(profile_relation_decide(f->store, f->version, "add", "labs.days+lab_id",
                                             "patients.patient_id", &err),
                     ERR_USAGE);
    assert_int_equal(profile_table_role_set(f->store, f->version, "labs", "heap", &err), ERR_USAGE);
    assert_int_equal(profile_table_role_set(f->store, f->version, "none", "fact", &err),
                     ERR_NOT_FOUND);
}

static void a_persons_role_stands_until_taken_back(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct profile *profile = NULL;
    MUST(profile_table_role_set(f->store, f->version, "LABS", "fact", &err));
    MUST(profile_open(f->store, f->version, &profile, &err));
    assert_int_equal(table_of(profile, "labs")->role, PROFILE_FACT);
    assert_non_null(strstr(table_of(profile, "labs")->role_reason, "person"));
    profile_free(profile);
    MUST(profile_table_role_set(f->store, f->version, "labs", "auto", &err));
    MUST(profile_open(f->store, f->version, &profile, &err));
    assert_int_equal(table_of(profile, "labs")->role, PROFILE_EVENT);
    profile_free(profile);
}

static void composite_keys_are_minimal(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct buf csv = BUF_INIT;
    buf_puts(&csv, "visit,patient,line,code,score,comment\n");
    for (int i = 0; i < 200; i++)
        add(&csv, "%d,P%02d,%d,C%d,%d.5,free text of row\n", i / 40 + 1, i / 10 + 1, i % 10 + 1,
            i % 3, i);
    const char *tables[] = {"lines", buf_text(&csv), NULL};
    fixture_import(f, "one", tables);
    buf_done(&csv);
    AUTO(profile_free) struct profile *profile = NULL;
    MUST(profile_open(f->store, f->version, &profile, &err));
    const struct profile_table *table = &profile->tables[0];
    assert_int_equal(table->primary_key.count, 2);
    assert_string_equal(table->columns[table->primary_key.columns[0]].name, "patient");
    assert_string_equal(table->columns[table->primary_key.columns[1]].name, "line");
}

static void duplicate_rows_leave_a_table_without_key(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const char *tables[] = {"pairs", "a_id,b_id\n1,2\n1,2\n1,3\n2,3\n", NULL};
    fixture_import(f, "one", tables);
    AUTO(profile_free) struct profile *profile = NULL;
    MUST(profile_open(f->store, f->version, &profile, &err));
    assert_int_equal(profile->tables[0].primary_key.count, 0);
}

static void whole_numbers_meet_the_same_digits_kept_as_text(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct buf codes = BUF_INIT, uses = BUF_INIT;
    buf_puts(&codes, "icd_code,title\n0389,Septicemia\n");
    for (int i = 0; i < 300; i++)
        add(&codes, "%d,Title %d\n", 1000 + i * 29, i);
    buf_puts(&uses, "use_id,icd_code\n");
    for (int i = 0; i < 100; i++)
        add(&uses, "%d,%d\n", i + 1, 1000 + (i * 7 % 300) * 29);
    const char *tables[] = {"icd_codes", buf_text(&codes), "uses", buf_text(&uses), NULL};
    fixture_import(f, "codes", tables);
    buf_done(&codes);
    buf_done(&uses);
    AUTO(profile_free) struct profile *profile = NULL;
    MUST(profile_open(f->store, f->version, &profile, &err));
    assert_int_equal(column_of(profile, "icd_codes", "icd_code")->type.kind, DATA_TEXT);
    assert_int_equal(column_of(profile, "uses", "icd_code")->type.kind, DATA_BIGINT);
    assert_true(has_relation(profile, "uses.icd_code>icd_codes.icd_code"));
    assert_int_equal(profile->relation_count, 1);
    assert_int_equal(column_of(profile, "uses", "icd_code")->role, PROFILE_CODE);
}

static void the_engine_and_the_sets_count_the_same(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct relation_facts *found[2] = {NULL, NULL};
    size_t counts[2] = {0, 0}, compared = 0;
    AUTO(engine_close) struct engine *engine = NULL;
    MUST(profile_engine_open(f->store, &engine, &err));
    MUST(store_version_attach(f->version, engine, NULL, 0, &err));
    for (int pass = 0; pass < 2; pass++) {
        AUTO(facts_free) struct facts *facts = NULL;
        MUST(facts_read(f->version, engine, NULL, &facts, &err));
        facts->values_held = pass == 0 ? 0 : PROFILE_SETS_LIMIT; /* no memory left for sets */
        MUST(relation_candidates(engine, facts, NULL, &found[pass], &counts[pass], &err));
        if (pass == 1)
            assert_int_equal(facts->values_held, PROFILE_SETS_LIMIT);
        else
            assert_true(facts->values_held > 0);
    }
    assert_int_equal(counts[0], counts[1]);
    for (size_t i = 0; i < counts[0]; i++) {
        const struct relation_facts *a = &found[0][i], *b = &found[1][i];
        assert_int_equal(a->child, b->child);
        assert_int_equal(a->parent, b->parent);
        assert_int_equal(a->matched_rows, b->matched_rows);
        assert_int_equal(a->matched_distinct, b->matched_distinct);
        assert_int_equal(a->child_distinct, b->child_distinct);
        compared++;
    }
    assert_true(compared >= 8);
    mem_free(found[0]);
    mem_free(found[1]);
}

/* Orders are numbered within a customer, lines within an order. Beds are numbered within a ward,
 * and every ward has the same ones; shifts hold wards and beds of other meaning, with other beds;
 * readings a place that any combination would be: neither is a key of beds. */
static void composite_write(struct buf out[5], const char *tables[11])
{
    static const char *const names[] = {"orders", "order_lines", "beds", "shifts", "readings"};
    static const char *const headers[] = {
        "customer_code,order_no,placed\n", "customer_code,order_no,line_no,amount\n",
        "ward,bed,width\n", "ward,bed,hours,remark\n", "ward,bed,temperature\n"};
    for (int i = 0; i < 5; i++) {
        out[i] = (struct buf)BUF_INIT;
        buf_puts(&out[i], headers[i]);
    }
    for (int c = 1; c <= 80; c++)
        for (int o = 1; o <= 1 + c % 4; o++) {
            add(&out[0], "C%03d,%d,2020-0%d-1%d\n", c, o, o, c % 9);
            for (int l = 1; l <= 1 + (c + o) % 3; l++)
                add(&out[1], "C%03d,%d,%d,%d.5\n", c, o, l, (c * o * l) % 97);
        }
    for (int w = 1; w <= 6; w++)
        for (int b = 1; b <= 8; b++)
            add(&out[2], "%d,%d,%d.5\n", w, b, 80 + (w * b) % 9);
    for (int i = 0; i < 90; i++)
        add(&out[3], "%d,%d,%d.25,r%d\n", i % 6 + 1, i % 15 + 1, i % 9, i % 4);
    for (int i = 0; i < 300; i++)
        add(&out[4], "%d,%d,3%d.%d\n", i % 6 + 1, (i / 6) % 8 + 1, i % 9, i % 7);
    for (int i = 0; i < 5; i++) {
        tables[2 * i] = names[i];
        tables[2 * i + 1] = buf_text(&out[i]);
    }
    tables[10] = NULL;
}

static void a_composite_key_is_referred_to_by_all_its_columns(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    struct buf texts[5];
    const char *tables[11];
    composite_write(texts, tables);
    fixture_import(f, "shop", tables);
    for (int i = 0; i < 5; i++)
        buf_done(&texts[i]);
    for (int pass = 0; pass < 2; pass++) { /* computed, then from the cache */
        AUTO(profile_free) struct profile *profile = NULL;
        MUST(profile_open(f->store, f->version, &profile, &err));
        assert_int_equal(table_of(profile, "orders")->primary_key.count, 2);
        assert_int_equal(table_of(profile, "beds")->primary_key.count, 2);
        size_t composite = 0;
        for (size_t i = 0; i < profile->relation_count; i++) {
            const struct profile_relation *r = &profile->relations[i];
            if (r->column_count < 2)
                continue;
            composite++;
            assert_int_equal(r->column_count, 2);
            assert_string_equal(profile->tables[r->child].table->name, "order_lines");
            assert_string_equal(profile->tables[r->parent].table->name, "orders");
            assert_int_equal(r->child_columns[0], 0);
            assert_int_equal(r->child_columns[1], 1);
            assert_int_equal(r->orphan_rows, 0);
            assert_float_equal(r->coverage, 1, 0);
            assert_true(r->confidence > .9);
            assert_true(json_number(r->evidence, "chance_bits", 0) > 12);
        }
        assert_int_equal(composite, 1);
        assert_string_equal(column_of(profile, "orders", "placed")->role_reason, "a date or time");
    }
}

static void statistics_are_exact_and_kept(void **state)
{
    struct fixture *f = *state;
    struct err err = {0};
    const char *tables[] = {"t",
                            "row,x,g,d\n1,0.1,b,2020-01-01\n2,0.2,a,2020-01-02\n3,0.3,b,2020-01-"
                            "03\n4,0.4,a,2020-01-04\n5,,c,\n",
                            NULL};
    fixture_import(f, "one", tables);
    AUTO(profile_free) struct profile *profile = NULL;
    MUST(profile_open(f->store, f->version, &profile, &err));
    JSON_AUTO first = NULL;
    JSON_AUTO second = NULL;
    MUST(profile_tables_json(f->store, f->version, profile, "T", &first, &err));
    MUST(profile_tables_json(f->store, f->version, profile, NULL, &second, &err));
    assert_true(json_equal(first, second));
    const json_t *table = json_array_get(json_object_get(first, "tables"), 0),
                 *columns = json_object_get(table, "columns");
    assert_int_equal(json_int(table, "rows", 0), 5);
    const json_t *x = json_array_get(columns, 1), *g = json_array_get(columns, 2),
                 *d = json_array_get(columns, 3);
    assert_int_equal(json_int(x, "nulls", -1), 1);
    assert_int_equal(json_int(x, "distinct", -1), 4);
    assert_float_equal(json_number(x, "mean", 0), .25, 1e-15);
    assert_float_equal(json_number(x, "sd", 0), .12909944487358055, 1e-15);
    assert_float_equal(json_number(json_object_get(x, "quantiles"), "p50", 0), .25, 1e-12);
    const json_t *top = json_object_get(g, "top_values");
    assert_int_equal(json_array_size(top), 3);
    assert_string_equal(json_string_value(json_array_get(json_array_get(top, 0), 0)), "a");
    assert_string_equal(json_string_value(json_array_get(json_array_get(top, 1), 0)), "b");
    assert_int_equal(json_integer_value(json_array_get(json_array_get(top, 1), 1)), 2);
    assert_string_equal(json_text(d, "min", ""), "2020-01-01");
    assert_string_equal(json_text(json_object_get(d, "quantiles"), "p50", ""), "2020-01-02");
    assert_int_equal(profile_tables_json(f->store, f->version, profile, "absent", &second, &err),
                     ERR_NOT_FOUND);
}

int main(void)
{
    json_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(integer_keys_are_found_and_nothing_else, hospital_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(true_orphans_and_nulls_are_counted, hospital_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(keys_and_roles_are_those_of_a_hospital, hospital_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_table_without_rows_has_a_role_and_no_relation,
                                        hospital_setup, teardown),
        cmocka_unit_test_setup_teardown(second_open_needs_no_data, hospital_setup, teardown),
        cmocka_unit_test_setup_teardown(decisions_persist_and_can_be_taken_back, hospital_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_two_column_relation_can_be_added, hospital_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(wrong_decisions_are_refused_with_a_hint, hospital_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_persons_role_stands_until_taken_back, hospital_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_engine_and_the_sets_count_the_same, hospital_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(composite_keys_are_minimal, empty_setup, teardown),
        cmocka_unit_test_setup_teardown(duplicate_rows_leave_a_table_without_key, empty_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(whole_numbers_meet_the_same_digits_kept_as_text,
                                        empty_setup, teardown),
        cmocka_unit_test_setup_teardown(a_composite_key_is_referred_to_by_all_its_columns,
                                        empty_setup, teardown),
        cmocka_unit_test_setup_teardown(statistics_are_exact_and_kept, empty_setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
