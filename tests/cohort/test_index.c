/* The index file: written twice it is the same bytes; damaged at any byte, cut, or of other views
 * it is refused; bitmaps that are none are refused one by one. */
#include "cohort/index_priv.h"
#include "cohort_kit.h"

static const char tables[] =
    "CREATE TABLE patient_demographics AS SELECT 'p' || lpad(CAST(i AS VARCHAR), 4, '0') AS "
    "patient_id, CASE i % 3 WHEN 0 THEN 'female' WHEN 1 THEN 'male' END AS gender, "
    "CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN CAST(1930 + i % 80 AS VARCHAR) ELSE CAST(DATE "
    "'1930-01-01' + CAST(37 * i % 30000 AS INTEGER) AS VARCHAR) END AS birth_date, "
    "CASE i % 9 WHEN 0 THEN 'true' ELSE 'false' END AS deceased FROM range(500) t(i);"
    "CREATE TABLE condition_simple AS SELECT 'p' || lpad(CAST(i % 600 AS VARCHAR), 4, '0') AS "
    "patient_id, "
    "CASE i % 4 WHEN 0 THEN '44054006' WHEN 1 THEN '230690007' END AS snomed_code, 'E1' || i % 5 "
    "AS icd10_code, CASE i % 5 WHEN 0 THEN 'Stroke' ELSE 'Diabetes ' || i % 11 END AS code_text, "
    "'problem-list-item' AS category, CASE i % 2 WHEN 0 THEN 'active' ELSE 'resolved' END AS "
    "clinical_status, '2020-01-01' AS onset_date FROM range(2000) t(i)";

struct setup {
    struct kit kit;
    struct cohort_views *views;
    char folder[FILE_PATH_BYTES], path[FILE_PATH_BYTES];
};

static int begin(void **state)
{
    struct err err = {0};
    struct engine_options options = {.threads = 1};
    struct setup *setup = calloc(1, sizeof *setup);
    JSON_AUTO about = NULL;
    kit_ok(engine_open(&options, &setup->kit.engine, &err), &err);
    kit_sql(&setup->kit, tables);
    setup->kit.one_row_each = true;
    setup->views = kit_views(&setup->kit, NULL);
    kit_ok(file_make_staging("/tmp", "cohort", setup->folder, &err), &err);
    kit_ok(file_path_join(setup->folder, COHORT_INDEX_FILE, setup->path, &err), &err);
    kit_ok(cohort_index_build(setup->kit.engine, setup->views, setup->path, &about, &err), &err);
    *state = setup;
    return 0;
}

static int end(void **state)
{
    struct setup *setup = *state;
    struct err err = {0};
    kit_ok(file_remove_tree(setup->folder, &err), &err);
    cohort_views_free(setup->views);
    data_schema_done(&setup->kit.schema);
    engine_close(setup->kit.engine);
    free(setup);
    return 0;
}

static void read_all(const struct setup *setup, struct buf *ret)
{
    struct err err = {0};
    kit_ok(file_read(setup->path, 0, ret, &err), &err);
}

static void the_same_content_gives_the_same_bytes(void **state)
{
    struct setup *setup = *state;
    struct err err = {0};
    char path[FILE_PATH_BYTES];
    JSON_AUTO about = NULL;
    AUTO(buf_done) struct buf first = BUF_INIT, second = BUF_INIT;
    kit_ok(file_path_join(setup->folder, "again", path, &err), &err);
    kit_ok(cohort_index_build(setup->kit.engine, setup->views, path, &about, &err), &err);
    read_all(setup, &first);
    kit_ok(file_read(path, 0, &second, &err), &err);
    assert_true(str_equal(buf_view(&first), buf_view(&second)));
    if (getenv("COHORT_KEEP_INDEX") != NULL) /* a seed for the fuzz corpus */
        kit_ok(file_replace(getenv("COHORT_KEEP_INDEX"), buf_view(&first), &err), &err);
}

/* The error of an index of these bytes, opened and its events used; or ERR_OK. */
static enum err_code open_bytes(const struct setup *setup, const struct buf *bytes)
{
    struct err err = {0};
    char path[FILE_PATH_BYTES];
    AUTO(cohort_index_close) struct cohort_index *index = NULL;
    kit_ok(file_path_join(setup->folder, "changed", path, &err), &err);
    kit_ok(file_replace(path, buf_view(bytes), &err), &err);
    enum err_code code = cohort_index_open(path, setup->views, &index, &err);
    for (size_t v = 0; code == ERR_OK && v < setup->views->count; v++) {
        const struct index_events *events;
        code = cohort_index_events(index, v, &events, &err);
    }
    return code;
}

static void a_changed_byte_is_found_when_it_is_used(void **state)
{
    struct setup *setup = *state;
    AUTO(buf_done) struct buf bytes = BUF_INIT;
    read_all(setup, &bytes);
    assert_int_equal(open_bytes(setup, &bytes), ERR_OK);
    for (size_t at = 0; at < bytes.len; at += at < 700 ? 1 : bytes.len / 97) {
        bytes.ptr[at] ^= 0x10;
        assert_int_not_equal(open_bytes(setup, &bytes), ERR_OK);
        bytes.ptr[at] ^= 0x10;
    }
}

static void a_cut_file_is_refused(void **state)
{
    struct setup *setup = *state;
    AUTO(buf_done) struct buf bytes = BUF_INIT;
    read_all(setup, &bytes);
    size_t whole = bytes.len;
    for (size_t length = 0; length < whole; length += 1 + whole / 50) {
        bytes.len = length;
        assert_int_equal(open_bytes(setup, &bytes), ERR_INTEGRITY);
    }
}

static void an_index_of_other_views_is_not_used(void **state)
{
    struct setup *setup = *state;
    struct err err = {0};
    JSON_AUTO declared = NULL;
    AUTO(cohort_index_close) struct cohort_index *index = NULL;
    kit_ok(json_parse(STR("{\"views\":[{\"kind\":\"condition\",\"table\":\"condition_simple\","
                          "\"patient\":\"patient_id\"}]}"),
                      "views", &declared, &err),
           &err);
    AUTO(cohort_views_free) struct cohort_views *others = kit_views(&setup->kit, declared);
    assert_int_equal(cohort_index_open(setup->path, others, &index, &err), ERR_NOT_FOUND);
}

static void bitmaps_that_are_none_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    kit_ok(libroaring_load(&err), &err);
    roaring_bitmap_t *bitmap = bitmap_new();
    libroaring.add_range_closed_(bitmap, 10, 70000); /* runs */
    (void)libroaring.run_optimize_(bitmap);
    for (uint32_t i = 0; i < 9000; i++) { /* a bitset, then an array */
        uint32_t number = 200000 + 7 * i;
        libroaring.add_many_(bitmap, 1, &number);
    }
    size_t bytes = libroaring.portable_size_in_bytes_(bitmap);
    uint32_t cardinality = (uint32_t)libroaring.get_cardinality_(bitmap);
    unsigned char *buffer = calloc(1, bytes + 1);
    (void)libroaring.portable_serialize_(bitmap, (char *)buffer);
    assert_true(cohort_bitmap_valid(buffer, bytes, cardinality, 300000));
    assert_false(cohort_bitmap_valid(buffer, bytes, cardinality + 1, 300000));
    assert_false(cohort_bitmap_valid(buffer, bytes, cardinality, 262000));
    for (size_t length = 0; length < bytes; length++)
        assert_false(cohort_bitmap_valid(buffer, length, cardinality, 300000));
    assert_false(cohort_bitmap_valid(buffer, bytes + 1, cardinality, 300000));
    free(buffer);
    bitmap_free(bitmap);
}

/* ---- sets block by block ------------------------------------------------------------------------
 */

#define PATIENTS 200001u /* three whole blocks and a part */
#define LEAVES 9
#define PATIENT_WORDS ((PATIENTS + 63) / 64)
struct leaf {
    unsigned char *bytes;
    uint64_t *bits; /* the same, flat */
    uint32_t count;
    bool *has; /* by patient: what is expected */
};

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* Arrays, bitsets and runs by the leaf's number. */
static void make_leaf(struct leaf *leaf, unsigned kind, uint64_t *state)
{
    roaring_bitmap_t *bitmap = bitmap_new();
    uint32_t count = 0, rarity = kind % 3 == 0 ? 50 : 2, stretch = kind % 3 == 2 ? 900 : 1;
    leaf->has = calloc(PATIENTS, sizeof *leaf->has);
    leaf->bits = calloc(PATIENT_WORDS, sizeof *leaf->bits);
    for (uint32_t at = 0; at < PATIENTS; at += stretch) {
        bool in = next_random(state) % rarity == 0 && !(kind == 3 && at / 65536 == 1);
        for (uint32_t n = at; in && n < at + stretch && n < PATIENTS; n++) {
            leaf->has[n] = true;
            leaf->bits[n / 64] |= UINT64_C(1) << (n % 64);
            libroaring.add_many_(bitmap, 1, &n);
            count++;
        }
    }
    (void)libroaring.run_optimize_(bitmap);
    size_t bytes = libroaring.portable_size_in_bytes_(bitmap);
    leaf->bytes = calloc(1, bytes);
    (void)libroaring.portable_serialize_(bitmap, (char *)leaf->bytes);
    assert_true(cohort_bitmap_valid(leaf->bytes, bytes, count, PATIENTS));
    const unsigned char *flat = (const unsigned char *)leaf->bits;
    assert_true(cohort_flat_valid(flat, 8 * PATIENT_WORDS, count, PATIENTS));
    assert_false(cohort_flat_valid(flat, 8 * PATIENT_WORDS - 8, count, PATIENTS));
    assert_false(cohort_flat_valid(flat, 8 * PATIENT_WORDS, count + 1, PATIENTS));
    leaf->count = count;
    bitmap_free(bitmap);
}

/* A random tree over the leaves; each one is begun anew. has: what is expected. */
static struct index_set *random_set(struct arena *arena, const struct leaf *leaves, int depth,
                                    uint64_t *state, bool *has)
{
    struct index_set *set = arena_array(arena, 1, sizeof *set);
    size_t count = 1 + next_random(state) % 3;
    set->inverted = next_random(state) % 3 == 0;
    set->any = next_random(state) % 2 == 0;
    bool leaf = depth == 0 || next_random(state) % 3 == 0, any = leaf || set->any;
    bool *one = arena_array(arena, PATIENTS, 1);
    set->parts = arena_array(arena, count, sizeof *set->parts);
    set->children = arena_array(arena, count, sizeof *set->children);
    memset(has, any ? 0 : 1, PATIENTS);
    for (size_t i = 0; i < count; i++) {
        const struct leaf *from = &leaves[next_random(state) % LEAVES];
        if (leaf) {
            unsigned form = next_random(state) % 4;
            if (form == 0 && set->bits == NULL) {
                set->bits = from->bits;
                set->bit_words = PATIENT_WORDS;
            } else if (form == 1) {
                set->parts[set->part_count++] =
                    (struct index_part){.flat = (const unsigned char *)from->bits,
                                        .words = PATIENT_WORDS,
                                        .cardinality = from->count};
            } else {
                cohort_part_begin(&set->parts[set->part_count++], from->bytes);
            }
        } else {
            set->children[set->child_count++] = random_set(arena, leaves, depth - 1, state, one);
        }
        for (uint32_t n = 0; n < PATIENTS; n++)
            has[n] = any ? has[n] || (leaf ? from->has[n] : one[n]) : has[n] && one[n];
    }
    for (uint32_t n = 0; n < PATIENTS; n++)
        has[n] ^= set->inverted;
    return set;
}

struct seen {
    bool *has;
    int64_t last;
};

static enum err_code see(void *user, const uint32_t *numbers, size_t count)
{
    struct seen *seen = user;
    for (size_t i = 0; i < count; i++) {
        assert_true(numbers[i] > seen->last && numbers[i] < PATIENTS);
        seen->has[numbers[i]] = true;
        seen->last = numbers[i];
    }
    return ERR_OK;
}

static void sets_are_counted_block_by_block(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct leaf leaves[LEAVES] = {{NULL}};
    uint64_t state = 20261129;
    bool *left = calloc(PATIENTS, 1), *has = calloc(PATIENTS, 1);
    kit_ok(libroaring_load(&err), &err);
    for (unsigned i = 0; i < LEAVES; i++)
        make_leaf(&leaves[i], i, &state);
    for (int turn = 0; turn < 60; turn++) {
        AUTO(arena_free) struct arena *arena = arena_new(0);
        struct index_set *steps[4];
        int64_t expected[4] = {0}, found[4];
        size_t count = 1 + next_random(&state) % 4;
        memset(left, 1, PATIENTS);
        for (size_t s = 0; s < count; s++) {
            steps[s] = random_set(arena, leaves, turn % 3, &state, has);
            for (uint32_t n = 0; n < PATIENTS; n++)
                expected[s] += left[n] = left[n] && has[n];
        }
        kit_ok(cohort_blocks_count(steps, count, PATIENTS, found, &err), &err);
        for (size_t s = 0; s < count; s++)
            assert_int_equal(found[s], expected[s]);
        struct seen seen = {calloc(PATIENTS, 1), -1};
        kit_ok(cohort_blocks_each(random_set(arena, leaves, turn % 3, &state, has), PATIENTS, see,
                                  &seen, &err),
               &err);
        assert_memory_equal(seen.has, has, PATIENTS);
        free(seen.has);
    }
    for (unsigned i = 0; i < LEAVES; i++) {
        free(leaves[i].bytes);
        free(leaves[i].bits);
        free(leaves[i].has);
    }
    free(left);
    free(has);
}

/* This processor's form and that of all say what is true bit by bit, of any length, of words that
 * lie anywhere. */
static void words_are_met_joined_and_counted(void **unused)
{
    (void)unused;
    enum { MOST = 70 };
    uint64_t state = 5, others[MOST + 1], before[MOST], words[MOST];
    for (size_t turn = 0; turn < 4 * MOST; turn++) {
        size_t count = turn / 4;
        const struct index_word_functions *by = cohort_words_by(turn % 2 == 0);
        const unsigned char *bytes = (const unsigned char *)others + turn % 8;
        uint64_t flip = turn / 2 % 2 == 0 ? 0 : ~UINT64_C(0);
        int64_t met = 0, set = 0;
        for (size_t i = 0; i <= MOST; i++)
            others[i] = (uint64_t)next_random(&state) << 33 ^ next_random(&state);
        for (size_t i = 0; i < MOST; i++)
            before[i] = words[i] = (uint64_t)next_random(&state) << 32 | next_random(&state);
        for (size_t i = 0; i < 64 * count; i++) {
            bool other = (bytes[i / 8] >> (i % 8) & 1) != 0;
            set += other;
            met += (other ^ (flip != 0)) && (before[i / 64] >> (i % 64) & 1) != 0;
        }
        assert_int_equal(by->count(bytes, count), set);
        assert_int_equal(by->meet(words, bytes, count, flip), met);
        for (size_t i = 0; i < MOST; i++) {
            uint64_t other = 0;
            memcpy(&other, bytes + 8 * (i < count ? i : 0), 8);
            assert_true(words[i] == (i < count ? before[i] & (other ^ flip) : before[i]));
            words[i] = before[i];
        }
        by->join(words, bytes, count, flip);
        for (size_t i = 0; i < MOST; i++) {
            uint64_t other = 0;
            memcpy(&other, bytes + 8 * (i < count ? i : 0), 8);
            assert_true(words[i] == (i < count ? before[i] | (other ^ flip) : before[i]));
        }
    }
}

static void a_code_within_a_value_column_is_a_view(void **state)
{
    struct setup *setup = *state;
    struct kit *kit = &setup->kit;
    struct err err = {0};
    int64_t counts[4];
    kit_sql(kit, "CREATE TABLE us_core_blood_pressure AS SELECT 'p0001' AS patient_id, "
                 "'2020-01-01' AS effective_date, 'final' AS status, 150.0::DOUBLE AS systolic, "
                 "'mmHg' AS systolic_unit, NULL::DOUBLE AS diastolic, 'mmHg' AS diastolic_unit");
    AUTO(cohort_views_free) struct cohort_views *views = kit_views(kit, NULL);
    static const struct {
        const char *criteria;
        int64_t count;
    } cases[] = {{"observation 8480-6 >= 140 mm[Hg]", 1},
                 {"observation loinc|8480*", 1},
                 {"observation 8462-4", 0},
                 {"observation 8480-6 > 150 mmHg", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(cohort_criteria_free) struct cohort_criteria *criteria = NULL;
        AUTO(cohort_question_free) struct cohort_question *question = NULL;
        struct cohort_lister lister = {kit_list, kit};
        kit_ok(cohort_criteria_read(str_of(cases[i].criteria), "criteria", &criteria, &err), &err);
        kit_ok(cohort_question_new(criteria, views, NULL, 20000, &lister, &question, &err), &err);
        assert_int_equal(kit_plan_counts(kit, question, counts, 4), 2);
        assert_int_equal(counts[1], cases[i].count);
    }
    kit_sql(kit, "DROP TABLE us_core_blood_pressure");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_content_gives_the_same_bytes),
        cmocka_unit_test(a_changed_byte_is_found_when_it_is_used),
        cmocka_unit_test(a_cut_file_is_refused),
        cmocka_unit_test(an_index_of_other_views_is_not_used),
        cmocka_unit_test(bitmaps_that_are_none_are_refused),
        cmocka_unit_test(words_are_met_joined_and_counted),
        cmocka_unit_test(sets_are_counted_block_by_block),
        cmocka_unit_test(a_code_within_a_value_column_is_a_view),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
