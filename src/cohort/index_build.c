/* Building the index: ordinals by patient id; then each view's events, numbered by patient and day;
 * then for each indexed column its values in order with the rows and ordinals that have them,
 * streamed out of the engine into one pair of bitmaps after another. What a value or a day is in
 * the index is what it is in the plan: both come from the same expressions. */
#include "cohort/index_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "dialect/dialect.h"
#include "plan/rewrite.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDINALS "marrow_cohort_ordinals"
#define ROWS "marrow_cohort_rows"

struct view_events { /* a view's, as they will stand in the file */
    struct buf ordinals, first, last, bitmaps;
    uint32_t rows;
    bool exact;
};
struct builder {
    struct engine *engine;
    const struct cohort_views *views;
    struct buf entries, keys, bitmaps;
    struct buf born_first, born_last; /* i32 days by ordinal */
    struct buf births[2][3];          /* by first, by last day: ordinals, days, bands */
    uint32_t bands[2];
    struct view_events *events; /* by view */
    uint32_t patients, count;
    bool exact;
    struct err *err;
};

static enum err_code no_memory(const struct builder *builder)
{
    return err_set(builder->err, ERR_MEMORY, "no memory for the index");
}

/* ---- entries ------------------------------------------------------------------------------------
 */

/* Appends the bitmap's bytes; *ret_count: how many. */
static void add_bitmap(struct buf *out, roaring_bitmap_t *bitmap, uint32_t *ret_count)
{
    (void)libroaring.run_optimize_(bitmap);
    size_t bytes = libroaring.portable_size_in_bytes_(bitmap);
    *ret_count = (uint32_t)bytes;
    if (buf_reserve(out, bytes + 1)) {
        out->len += libroaring.portable_serialize_(bitmap, out->ptr + out->len);
        out->ptr[out->len] = '\0';
    }
}

/* Many patients are written as flat bits of all, which sets of a question are made of at once. */
static enum err_code add_patients(struct builder *builder, roaring_bitmap_t *patients,
                                  struct index_entry *entry)
{
    size_t words = index_words(builder->patients);
    entry->flat = (uint64_t)entry->cardinality * INDEX_FLAT_SHARE >= builder->patients;
    if (entry->flat == 0) {
        add_bitmap(&builder->bitmaps, patients, &entry->bitmap_bytes);
        return ERR_OK;
    }
    AUTO(mem_free) uint32_t *numbers = mem_zalloc((size_t)entry->cardinality + 1, sizeof *numbers);
    AUTO(mem_free) uint64_t *bits = mem_zalloc(words + 1, sizeof *bits);
    if (numbers == NULL || bits == NULL)
        return no_memory(builder);
    libroaring.to_uint32_array_(patients, numbers);
    for (uint32_t i = 0; i < entry->cardinality; i++)
        bits[numbers[i] / 64] |= UINT64_C(1) << (numbers[i] % 64);
    entry->bitmap_bytes = (uint32_t)(8 * words);
    buf_add(&builder->bitmaps, (const char *)bits, 8 * words);
    return ERR_OK;
}

/* rows: NULL for what is of patients. */
static enum err_code add_entry(struct builder *builder, unsigned view, unsigned slot,
                               struct str value, roaring_bitmap_t *patients, roaring_bitmap_t *rows)
{
    struct view_events *events = view > 0 ? &builder->events[view - 1] : NULL;
    struct index_entry entry = {.key_at = (uint32_t)builder->keys.len,
                                .key_bytes = (uint32_t)(value.len + 2),
                                .bitmap_at = builder->bitmaps.len,
                                .rows_at = events != NULL ? events->bitmaps.len : 0,
                                .cardinality = (uint32_t)libroaring.get_cardinality_(patients)};
    char key[2] = {(char)view, (char)slot};
    buf_add(&builder->keys, key, 2);
    buf_add_str(&builder->keys, value);
    TRY(add_patients(builder, patients, &entry));
    if (events != NULL && rows != NULL) {
        entry.rows = (uint32_t)libroaring.get_cardinality_(rows);
        add_bitmap(&events->bitmaps, rows, &entry.rows_bytes);
    }
    buf_add(&builder->entries, (const char *)&entry, sizeof entry);
    builder->count++;
    return builder->keys.len > UINT32_MAX / 2 || builder->entries.failed || builder->keys.failed ||
                   builder->bitmaps.failed || (events != NULL && events->bitmaps.failed)
               ? no_memory(builder)
               : ERR_OK;
}

static enum err_code query(struct builder *builder, const struct plan_rel *root, const char *before,
                           const char *behind, struct engine_result **ret)
{
    AUTO(buf_done) struct buf sql = BUF_INIT, inner = BUF_INIT;
    const char **params = NULL;
    size_t count = 0;
    AUTO(plan_free) struct plan *over = plan_new_over(root);
    const struct plan_rel *quick = NULL;
    TRY(plan_optimise(over, root, &quick, builder->err));
    TRY(dialect_sql(dialect_find(engine_dialect(builder->engine)), quick, NULL, &inner, &params,
                    &count, builder->err));
    mem_free(params);
    buf_printf(&sql, "%s(%s)%s", before, buf_text(&inner), behind);
    TRY(buf_check(&sql, builder->err));
    if (ret == NULL)
        return engine_execute(builder->engine, buf_text(&sql), NULL, 0, builder->err);
    return engine_query(builder->engine, buf_text(&sql), NULL, 0, ret, builder->err);
}

/* ---- a column's values --------------------------------------------------------------------------
 */

struct run_of { /* the value whose rows and ordinals are being gathered */
    struct builder *builder;
    unsigned view, slot;
    struct buf value;
    roaring_bitmap_t *patients, *rows; /* NULL: none yet */
};

static void drop_run(struct run_of *run)
{
    bitmap_free(run->patients);
    bitmap_free(run->rows);
    run->patients = run->rows = NULL;
}

static enum err_code end_run(struct run_of *run)
{
    enum err_code code = ERR_OK;
    if (run->patients != NULL)
        code = add_entry(run->builder, run->view, run->slot, buf_view(&run->value), run->patients,
                         run->rows);
    drop_run(run);
    return code;
}

static enum err_code begin_run(struct run_of *run, struct str value)
{
    TRY(end_run(run));
    buf_clear(&run->value);
    buf_add_str(&run->value, value);
    run->patients = bitmap_new();
    run->rows = bitmap_new();
    return run->patients == NULL || run->rows == NULL || run->value.failed ? no_memory(run->builder)
                                                                           : ERR_OK;
}

/* Rows (value text, ordinal bigint[, event bigint]) by value, then event, which is the order of the
 * ordinals too. */
static enum err_code read_rows(struct run_of *run, struct engine_result *result)
{
    const struct data_batch *batch = NULL;
    uint32_t ordinals[DATA_BATCH_ROWS], rows[DATA_BATCH_ROWS];
    for (;;) {
        TRY(engine_result_next(result, &batch, run->builder->err));
        if (batch == NULL)
            return end_run(run);
        for (int64_t row = 0; row < batch->rows;) {
            struct str value = batch->vectors[0].text[row];
            size_t count = 0;
            if (run->patients == NULL || !str_equal(value, buf_view(&run->value)))
                TRY(begin_run(run, value));
            for (; row < batch->rows && count < DATA_BATCH_ROWS &&
                   str_equal(batch->vectors[0].text[row], value);
                 row++) {
                rows[count] = batch->columns > 2 ? (uint32_t)batch->vectors[2].i64[row] : 0;
                ordinals[count++] = (uint32_t)batch->vectors[1].i64[row];
            }
            libroaring.add_many_(run->patients, count, ordinals);
            libroaring.add_many_(run->rows, count, rows);
        }
    }
}

static enum err_code index_sql(struct builder *builder, unsigned view, unsigned slot,
                               const char *sql)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    struct run_of run = {.builder = builder, .view = view, .slot = slot};
    TRY(engine_query(builder->engine, sql, NULL, 0, &result, builder->err));
    enum err_code code = read_rows(&run, result);
    drop_run(&run);
    buf_done(&run.value);
    return code;
}

/* ---- a view's events ----------------------------------------------------------------------------
 */

#define MOST_SLOTS 200

/* The slots that the view has, and their columns (NULL: every row has the value ''). */
static size_t slots_of(const struct cohort_view *view, unsigned slots[MOST_SLOTS],
                       const char *names[MOST_SLOTS])
{
    const char *const known[] = {view->category.name, view->status.name, view->text.name};
    size_t count = 0;
    slots[count] = SLOT_ANY;
    names[count++] = NULL;
    for (unsigned i = 0; i < 3; i++)
        if (known[i] != NULL) {
            slots[count] = SLOT_CATEGORY + i;
            names[count++] = known[i];
        }
    for (size_t i = 0; i < view->code_count && count < MOST_SLOTS; i++) {
        slots[count] = SLOT_CODES + (unsigned)i;
        names[count++] = view->codes[i].name;
    }
    return count;
}

/* {patient_id, first_day, last_day, value of each slot} of all rows. */
static const struct plan_rel *events_rel(struct plan *plan, const struct cohort_view *view)
{
    unsigned slots[MOST_SLOTS];
    const char *names[MOST_SLOTS];
    size_t count = slots_of(view, slots, names);
    struct plan_named *outputs = plan_named_array(plan, count + 3);
    int at = data_schema_find(&view->schema, str_of(view->patient));
    struct cohort_column patient = {view->patient, view->schema.columns[at].type};
    const struct plan_rel *scan = cohort_view_rel(plan, view);
    if (scan == NULL || outputs == NULL)
        return NULL;
    outputs[0] = (struct plan_named){COL_PATIENT, cohort_text_expr(plan, scan, &patient)};
    for (int last = 0; last < 2; last++)
        outputs[1 + last] = (struct plan_named){last == 1 ? COL_LAST : COL_FIRST,
                                                cohort_view_day(plan, scan, view, last == 1)};
    for (size_t i = 0; i < count; i++) {
        char *name = arena_array(plan_arena(plan), 16, 1);
        const struct plan_expr *value = names[i] == NULL
                                            ? plan_literal_text(plan, "")
                                            : cohort_code_expr(plan, scan, view, names[i]);
        if (name == NULL)
            return NULL;
        if (slots[i] == SLOT_CATEGORY || slots[i] == SLOT_STATUS) /* compared so */
            value = plan_call(plan, "lower", 1, &value);
        (void)snprintf(name, 16, "v%u", slots[i]);
        outputs[3 + i] = (struct plan_named){name, value};
    }
    return plan_project(plan, scan, outputs, count + 3);
}

/* ROWS: the view's events of known patients, numbered by ordinal, days and values. */
static enum err_code number_rows(struct builder *builder, const struct cohort_view *view,
                                 struct view_events *events)
{
    unsigned slots[MOST_SLOTS];
    const char *names[MOST_SLOTS];
    size_t count = slots_of(view, slots, names);
    AUTO(plan_free) struct plan *plan = plan_new();
    int64_t rows = 0;
    AUTO(buf_done) struct buf before = BUF_INIT;
    if (plan == NULL)
        return no_memory(builder);
    const struct plan_rel *rel = events_rel(plan, view);
    TRY(plan_finish(plan, rel, builder->err));
    buf_puts(&before, "CREATE OR REPLACE TEMP TABLE " ROWS " AS SELECT *, row_number() OVER (ORDER "
                      "BY ordinal, first_day NULLS FIRST, last_day NULLS FIRST");
    for (size_t i = 1; i < count; i++)
        buf_printf(&before, ", v%u", slots[i]);
    buf_puts(&before,
             ") - 1 AS event FROM (SELECT o.ordinal, CASE WHEN v.last_day IS NOT NULL THEN "
             "datediff('day', DATE '1970-01-01', v.first_day) END AS first_day, CASE WHEN "
             "v.first_day IS NOT NULL THEN datediff('day', DATE '1970-01-01', v.last_day) "
             "END AS last_day, v.* EXCLUDE (patient_id, first_day, last_day) FROM ");
    TRY(buf_check(&before, builder->err));
    TRY(query(builder, rel, buf_text(&before),
              " v JOIN " ORDINALS " o ON o.patient_id = v.patient_id)", NULL));
    TRY(engine_query_int(builder->engine, "SELECT count(*) FROM " ROWS, 0, &rows, builder->err));
    if (rows > INT32_MAX)
        return err_set(builder->err, ERR_LIMIT, "more than %d events in '%.100s'", INT32_MAX,
                       view->table);
    events->rows = (uint32_t)rows;
    return ERR_OK;
}

static int32_t day_of(const struct data_vector *vector, int64_t row)
{
    return data_vector_is_valid(vector, row) ? (int32_t)vector->i64[row] : INDEX_UNKNOWN_DAY;
}

static enum err_code read_events(struct builder *builder, struct view_events *events)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    events->exact = true;
    TRY(engine_query(builder->engine,
                     "SELECT ordinal, first_day, last_day FROM " ROWS " ORDER BY event", NULL, 0,
                     &result, builder->err));
    for (;;) {
        TRY(engine_result_next(result, &batch, builder->err));
        if (batch == NULL)
            return events->ordinals.failed || events->first.failed || events->last.failed
                       ? no_memory(builder)
                       : ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            uint32_t ordinal = (uint32_t)batch->vectors[0].i64[row];
            int32_t first = day_of(&batch->vectors[1], row), last = day_of(&batch->vectors[2], row);
            buf_add(&events->ordinals, (const char *)&ordinal, sizeof ordinal);
            buf_add(&events->first, (const char *)&first, sizeof first);
            buf_add(&events->last, (const char *)&last, sizeof last);
            events->exact = events->exact && first == last;
        }
    }
}

static enum err_code index_view(struct builder *builder, const struct cohort_view *view,
                                unsigned number)
{
    unsigned slots[MOST_SLOTS];
    const char *names[MOST_SLOTS];
    size_t count = slots_of(view, slots, names);
    struct view_events *events = &builder->events[number - 1];
    TRY(number_rows(builder, view, events));
    TRY(read_events(builder, events));
    for (size_t i = 0; i < count; i++) {
        char sql[200];
        (void)snprintf(sql, sizeof sql,
                       "SELECT v%u, ordinal, event FROM " ROWS
                       " WHERE v%u IS NOT NULL ORDER BY v%u, event",
                       slots[i], slots[i], slots[i]);
        TRY(index_sql(builder, number, slots[i], sql));
    }
    return engine_execute(builder->engine, "DROP TABLE " ROWS, NULL, 0, builder->err);
}

/* ---- patients -----------------------------------------------------------------------------------
 */

static enum err_code make_ordinals(struct builder *builder)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    int64_t count = 0;
    if (plan == NULL)
        return err_set(builder->err, ERR_MEMORY, "no memory for a plan");
    const struct plan_rel *rel = cohort_patients_rel(plan, builder->views);
    TRY(plan_finish(plan, rel, builder->err));
    TRY(query(builder, rel,
              "CREATE OR REPLACE TEMP TABLE " ORDINALS " AS SELECT *, "
              "row_number() OVER (ORDER BY patient_id) - 1 AS ordinal FROM ",
              "", NULL));
    TRY(engine_query_int(builder->engine, "SELECT count(*) FROM " ORDINALS, 0, &count,
                         builder->err));
    if (count > INT32_MAX)
        return err_set(builder->err, ERR_LIMIT, "more than %d patients", INT32_MAX);
    builder->patients = (uint32_t)count;
    return ERR_OK;
}

static enum err_code read_births(struct builder *builder)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    builder->exact = true;
    if (builder->views->patients.birth_date.name == NULL)
        return ERR_OK;
    TRY(engine_query(builder->engine,
                     "SELECT CASE WHEN born_last IS NOT NULL THEN datediff('day', DATE "
                     "'1970-01-01', born_first) END, CASE WHEN born_first IS NOT NULL THEN "
                     "datediff('day', DATE '1970-01-01', born_last) END FROM " ORDINALS
                     " ORDER BY ordinal",
                     NULL, 0, &result, builder->err));
    for (;;) {
        TRY(engine_result_next(result, &batch, builder->err));
        if (batch == NULL)
            return builder->born_first.failed || builder->born_last.failed ? no_memory(builder)
                                                                           : ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            int32_t first = day_of(&batch->vectors[0], row), last = day_of(&batch->vectors[1], row);
            buf_add(&builder->born_first, (const char *)&first, sizeof first);
            buf_add(&builder->born_last, (const char *)&last, sizeof last);
            builder->exact = builder->exact && first == last;
        }
    }
}

struct birth {
    int32_t day;
    uint32_t ordinal;
};

static int by_day(const void *a, const void *b)
{
    const struct birth *x = a, *y = b;
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal ? 1 : 0;
}

/* Ordinals and days by day; and at each band's begin those born before it, as flat bits. */
static enum err_code write_births(struct builder *builder, const struct birth *births,
                                  uint32_t count, unsigned which)
{
    struct buf *out = builder->births[which];
    uint32_t bands = count / INDEX_BAND + 1;
    bands = bands < INDEX_MOST_BANDS ? bands : INDEX_MOST_BANDS;
    builder->bands[which] = bands;
    AUTO(mem_free) uint64_t *bits = mem_zalloc(index_words(builder->patients) + 1, sizeof *bits);
    if (bits == NULL)
        return no_memory(builder);
    for (uint32_t i = 0, band = 1; i < count; i++) {
        if (band < bands && i == index_band_start(count, bands, band)) {
            buf_add(&out[2], (const char *)bits, 8 * index_words(builder->patients));
            band++;
        }
        buf_add(&out[0], (const char *)&births[i].ordinal, 4);
        buf_add(&out[1], (const char *)&births[i].day, 4);
        bits[births[i].ordinal / 64] |= UINT64_C(1) << (births[i].ordinal % 64);
    }
    return out[0].failed || out[1].failed || out[2].failed ? no_memory(builder) : ERR_OK;
}

static enum err_code index_births(struct builder *builder, const struct buf *days, unsigned which)
{
    size_t known = 0, count = days->len / sizeof(int32_t);
    AUTO(mem_free) struct birth *births = mem_zalloc(count + 1, sizeof *births);
    if (births == NULL)
        return no_memory(builder);
    for (uint32_t i = 0; i < count; i++) {
        int32_t day;
        memcpy(&day, days->ptr + 4 * (size_t)i, 4);
        if (day != INDEX_UNKNOWN_DAY)
            births[known++] = (struct birth){day, i};
    }
    qsort(births, known, sizeof *births, by_day);
    return write_births(builder, births, (uint32_t)known, which);
}

static enum err_code index_patients(struct builder *builder)
{
    const struct cohort_patients *patients = &builder->views->patients;
    TRY(make_ordinals(builder));
    TRY(read_births(builder));
    if (patients->gender.name != NULL)
        TRY(index_sql(builder, 0, SLOT_GENDER,
                      "SELECT gender, ordinal FROM " ORDINALS
                      " WHERE gender IS NOT NULL ORDER BY gender, ordinal"));
    if (patients->deceased.name != NULL)
        TRY(index_sql(builder, 0, SLOT_DECEASED,
                      "SELECT '', ordinal FROM " ORDINALS " WHERE deceased ORDER BY ordinal"));
    TRY(index_births(builder, &builder->born_first, 0));
    return builder->exact ? ERR_OK : index_births(builder, &builder->born_last, 1);
}

/* ---- the file -----------------------------------------------------------------------------------
 */

static void hash_part(struct buf *text, const char *part)
{
    buf_puts(text, part != NULL ? part : "");
    buf_putc(text, '\0');
}

struct hash128 cohort_views_hash(const struct cohort_views *views, bool *ok)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    const struct cohort_patients *patients = &views->patients;
    const char *const parts[] = {patients->table,           patients->identity,
                                 patients->patient,         patients->gender.name,
                                 patients->birth_date.name, patients->deceased.name};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        hash_part(&text, parts[i]);
    for (size_t v = 0; v < views->count; v++) {
        const struct cohort_view *view = &views->views[v];
        const char *const names[] = {view->bound ? view->table : NULL,
                                     view->identity,
                                     view->patient,
                                     view->text.name,
                                     view->category.name,
                                     view->status.name,
                                     view->lookup.table,
                                     view->lookup.identity};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            hash_part(&text, names[i]);
        for (size_t i = 0; i < view->code_count; i++) {
            hash_part(&text, view->codes[i].name);
            hash_part(&text, view->codes[i].system);
        }
        for (size_t i = 0; i < view->date_count; i++)
            hash_part(&text, view->dates[i].name);
        hash_part(&text, view->value.name);
        hash_part(&text, cohort_domain_word(view->domain));
    }
    *ok = !text.failed;
    return hash_xxh3_128(text.ptr, text.len, 0);
}

void cohort_views_identity(const struct cohort_views *views, char *ret)
{
    bool ok = true;
    struct hash128 hash = cohort_views_hash(views, &ok);
    (void)snprintf(ret, 33, "%016" PRIx64 "%016" PRIx64, ok ? hash.high : 0, ok ? hash.low : 0);
}

static void pad(struct buf *file, size_t to)
{
    while (file->len % to != 0 && !file->failed)
        buf_putc(file, '\0');
}

static uint64_t section(struct buf *file, const struct buf *bytes)
{
    pad(file, 32);
    uint64_t at = file->len;
    buf_add_str(file, buf_view(bytes));
    return at;
}

static void place_births(struct builder *builder, struct buf *file, struct index_header *header)
{
    header->born_first_at = section(file, &builder->born_first);
    header->born_last_at =
        builder->exact ? header->born_first_at : section(file, &builder->born_last);
    for (unsigned which = 0; which < 2; which++) {
        struct index_births_place *place = &header->births[which];
        if (which == 1 && builder->exact) {
            *place = header->births[0];
            return;
        }
        place->count = (uint32_t)(builder->births[which][0].len / 4);
        place->bands = builder->bands[which];
        place->ordinals_at = section(file, &builder->births[which][0]);
        place->days_at = section(file, &builder->births[which][1]);
        place->bands_at = section(file, &builder->births[which][2]);
    }
}

static void place_events(struct view_events *events, struct buf *file,
                         struct index_view_place *place)
{
    place->rows = events->rows;
    place->exact = events->exact;
    pad(file, 32);
    place->begin_at = file->len;
    place->ordinals_at = section(file, &events->ordinals);
    place->first_at = section(file, &events->first);
    place->last_at = events->exact ? place->first_at : section(file, &events->last);
    place->bitmaps_at = section(file, &events->bitmaps);
    pad(file, 32);
    place->end_at = file->len;
    struct hash128 hash =
        file->failed ? (struct hash128){0, 0}
                     : hash_xxh3_128(file->ptr + place->begin_at, file->len - place->begin_at, 0);
    place->hash_low = hash.low;
    place->hash_high = hash.high;
}

static void place_all(struct builder *builder, struct buf *file, struct index_header *header)
{
    size_t count = builder->views->count;
    AUTO(buf_done) struct buf places = BUF_INIT;
    struct index_view_place place = {0};
    for (size_t i = 0; i < count; i++) /* room; they are filled in at the end */
        buf_add(&places, (const char *)&place, sizeof place);
    buf_add(file, (const char *)header, sizeof *header);
    header->views_at = section(file, &places);
    header->entries_at = section(file, &builder->entries);
    header->keys_at = section(file, &builder->keys);
    header->bitmaps_at = section(file, &builder->bitmaps);
    place_births(builder, file, header);
    pad(file, 32);
    header->hashed_bytes = file->len;
    for (size_t i = 0; i < count; i++) {
        place_events(&builder->events[i], file, &place);
        if (!file->failed && !places.failed)
            memcpy(file->ptr + header->views_at + i * sizeof place, &place, sizeof place);
    }
    header->bytes = file->len;
    file->failed = file->failed || places.failed;
}

static enum err_code write_index(struct builder *builder, const char *path)
{
    AUTO(buf_done) struct buf file = BUF_INIT;
    bool ok = true;
    struct hash128 views = cohort_views_hash(builder->views, &ok);
    struct index_header header = {.magic = INDEX_MAGIC,
                                  .format = COHORT_INDEX_FORMAT,
                                  .byte_order = INDEX_ORDER,
                                  .views_low = views.low,
                                  .views_high = views.high,
                                  .patients = builder->patients,
                                  .entries = builder->count,
                                  .views = (uint32_t)builder->views->count,
                                  .flags = builder->exact ? INDEX_EXACT_BIRTHS : 0,
                                  .keys_bytes = builder->keys.len};
    file.limit = (size_t)64 << 30;
    place_all(builder, &file, &header);
    if (!ok || file.failed)
        return no_memory(builder);
    memcpy(file.ptr, &header, sizeof header);
    struct hash128 hash =
        hash_xxh3_128(file.ptr + INDEX_HASHED_FROM, header.hashed_bytes - INDEX_HASHED_FROM, 0);
    header.hash_low = hash.low;
    header.hash_high = hash.high;
    memcpy(file.ptr, &header, sizeof header);
    return file_write_new(path, buf_view(&file), builder->err);
}

static enum err_code build(struct builder *builder, const char *path, json_t **ret)
{
    bool ok = true;
    TRY(index_patients(builder));
    for (size_t i = 0; i < builder->views->count; i++)
        if (builder->views->views[i].bound)
            TRY(index_view(builder, &builder->views->views[i], (unsigned)i + 1));
    TRY(write_index(builder, path));
    json_t *about = json_object();
    json_put_int(about, "patients", builder->patients, &ok);
    json_put_int(about, "bitmaps", builder->count, &ok);
    *ret = about;
    return json_built(ok, builder->err);
}

static void builder_done(struct builder *builder)
{
    struct buf *const bufs[] = {&builder->entries, &builder->keys, &builder->bitmaps,
                                &builder->born_first, &builder->born_last};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_done(bufs[i]);
    for (size_t i = 0; i < 6; i++)
        buf_done(&builder->births[i / 3][i % 3]);
    for (size_t i = 0; builder->events != NULL && i < builder->views->count; i++) {
        struct view_events *events = &builder->events[i];
        buf_done(&events->ordinals);
        buf_done(&events->first);
        buf_done(&events->last);
        buf_done(&events->bitmaps);
    }
    mem_free(builder->events);
}

enum err_code cohort_index_build(struct engine *engine, const struct cohort_views *views,
                                 const char *path, json_t **ret_about, struct err *err)
{
    struct builder builder = {.engine = engine, .views = views, .err = err};
    TRY(libroaring_load(err));
    if (views->count > 250)
        return err_set(err, ERR_LIMIT, "more than 250 views");
    builder.events = mem_zalloc(views->count + 1, sizeof *builder.events);
    enum err_code code =
        builder.events == NULL ? no_memory(&builder) : build(&builder, path, ret_about);
    builder_done(&builder);
    if (code == ERR_OK)
        code = engine_execute(engine, "DROP TABLE " ORDINALS, NULL, 0, err);
    return code;
}
