/* Building the index: ordinals by patient id, then for each indexed column its values in order with
 * the ordinals that have them, streamed out of the engine into one bitmap after another. What a
 * value is in the index is what it is in the plan: both come from the same expressions. */
#include "cohort/index_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "dialect/dialect.h"
#include "plan/rewrite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ORDINALS "marrow_cohort_ordinals"

struct builder {
    struct engine *engine;
    const struct cohort_views *views;
    struct buf entries, keys, bitmaps;
    struct buf born_first, born_last; /* i32 days by ordinal */
    struct buf first_days, last_days; /* as in the file */
    uint32_t patients, count;
    bool exact;
    struct err *err;
};

/* ---- entries ------------------------------------------------------------------------------------
 */

static enum err_code add_entry(struct builder *builder, unsigned view, unsigned slot,
                               struct str value, roaring_bitmap_t *bitmap)
{
    (void)libroaring.run_optimize_(bitmap);
    size_t bytes = libroaring.portable_size_in_bytes_(bitmap);
    struct index_entry entry = {.key_at = (uint32_t)builder->keys.len,
                                .key_bytes = (uint32_t)(value.len + 2),
                                .bitmap_at = builder->bitmaps.len,
                                .bitmap_bytes = (uint32_t)bytes,
                                .cardinality = (uint32_t)libroaring.get_cardinality_(bitmap)};
    char key[2] = {(char)view, (char)slot};
    buf_add(&builder->keys, key, 2);
    buf_add_str(&builder->keys, value);
    if (buf_reserve(&builder->bitmaps, bytes + 1)) {
        builder->bitmaps.len +=
            libroaring.portable_serialize_(bitmap, builder->bitmaps.ptr + builder->bitmaps.len);
        builder->bitmaps.ptr[builder->bitmaps.len] = '\0';
    }
    buf_add(&builder->entries, (const char *)&entry, sizeof entry);
    builder->count++;
    if (builder->keys.len > UINT32_MAX / 2 || builder->entries.failed || builder->keys.failed ||
        builder->bitmaps.failed)
        return err_set(builder->err, ERR_MEMORY, "no memory for the index");
    return ERR_OK;
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

struct run_of { /* the value whose ordinals are being gathered */
    struct builder *builder;
    unsigned view, slot;
    struct buf value;
    roaring_bitmap_t *bitmap; /* NULL: none yet */
};

static enum err_code end_run(struct run_of *run)
{
    enum err_code code = ERR_OK;
    if (run->bitmap != NULL)
        code = add_entry(run->builder, run->view, run->slot, buf_view(&run->value), run->bitmap);
    bitmap_free(run->bitmap);
    run->bitmap = NULL;
    return code;
}

static enum err_code begin_run(struct run_of *run, struct str value)
{
    TRY(end_run(run));
    buf_clear(&run->value);
    buf_add_str(&run->value, value);
    run->bitmap = bitmap_new();
    return run->bitmap == NULL || run->value.failed
               ? err_set(run->builder->err, ERR_MEMORY, "no memory for the index")
               : ERR_OK;
}

/* Rows (value text, ordinal bigint) in this order. */
static enum err_code read_rows(struct run_of *run, struct engine_result *result)
{
    const struct data_batch *batch = NULL;
    uint32_t ordinals[DATA_BATCH_ROWS];
    for (;;) {
        TRY(engine_result_next(result, &batch, run->builder->err));
        if (batch == NULL)
            return end_run(run);
        for (int64_t row = 0; row < batch->rows;) {
            struct str value = batch->vectors[0].text[row];
            size_t count = 0;
            if (run->bitmap == NULL || !str_equal(value, buf_view(&run->value)))
                TRY(begin_run(run, value));
            for (; row < batch->rows && count < DATA_BATCH_ROWS &&
                   str_equal(batch->vectors[0].text[row], value);
                 row++)
                ordinals[count++] = (uint32_t)batch->vectors[1].i64[row];
            libroaring.add_many_(run->bitmap, count, ordinals);
        }
    }
}

/* SELECT value, ordinal of a relation {value text, patient_id}. */
static enum err_code index_relation(struct builder *builder, struct plan *plan,
                                    const struct plan_rel *rel, unsigned view, unsigned slot)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    struct run_of run = {.builder = builder, .view = view, .slot = slot};
    TRY(plan_finish(plan, rel, builder->err));
    TRY(query(builder, rel, "SELECT DISTINCT v.value, o.ordinal FROM ",
              " v JOIN " ORDINALS " o ON o.patient_id = v.patient_id WHERE v.value IS NOT NULL "
              "ORDER BY v.value, o.ordinal",
              &result));
    enum err_code code = read_rows(&run, result);
    bitmap_free(run.bitmap);
    buf_done(&run.value);
    return code;
}

static const struct plan_rel *value_and_patient(struct plan *plan, const struct plan_rel *rel,
                                                const struct plan_expr *value,
                                                const struct plan_expr *patient)
{
    struct plan_named *outputs = plan_named_array(plan, 2);
    if (outputs == NULL)
        return NULL;
    outputs[0] = (struct plan_named){"value", value};
    outputs[1] = (struct plan_named){COL_PATIENT, patient};
    return plan_project(plan, rel, outputs, 2);
}

static enum err_code index_column(struct builder *builder, const struct cohort_view *view,
                                  unsigned number, unsigned slot, const char *name)
{
    AUTO(plan_free) struct plan *plan = plan_new();
    if (plan == NULL)
        return err_set(builder->err, ERR_MEMORY, "no memory for a plan");
    const struct plan_rel *scan =
        plan_scan_identified(plan, view->table, view->identity, &view->schema);
    int at = data_schema_find(&view->schema, str_of(view->patient));
    struct cohort_column patient = {view->patient, view->schema.columns[at].type};
    const struct plan_expr *value = plan_literal_text(plan, "");
    if (name != NULL) {
        value = cohort_code_expr(plan, scan, view, name);
        if (slot == SLOT_CATEGORY || slot == SLOT_STATUS) /* compared so */
            value = plan_call(plan, "lower", 1, &value);
    }
    const struct plan_rel *rel =
        value_and_patient(plan, scan, value, cohort_text_expr(plan, scan, &patient));
    return index_relation(builder, plan, rel, number, slot);
}

static enum err_code index_view(struct builder *builder, const struct cohort_view *view,
                                unsigned number)
{
    TRY(index_column(builder, view, number, SLOT_ANY, NULL));
    const char *const names[] = {view->category.name, view->status.name, view->text.name};
    for (unsigned i = 0; i < 3; i++)
        if (names[i] != NULL)
            TRY(index_column(builder, view, number, SLOT_CATEGORY + i, names[i]));
    for (size_t i = 0; i < view->code_count; i++)
        TRY(index_column(builder, view, number, SLOT_CODES + (unsigned)i, view->codes[i].name));
    return ERR_OK;
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

static enum err_code index_sql(struct builder *builder, unsigned slot, const char *sql)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    struct run_of run = {.builder = builder, .slot = slot};
    TRY(engine_query(builder->engine, sql, NULL, 0, &result, builder->err));
    enum err_code code = read_rows(&run, result);
    bitmap_free(run.bitmap);
    buf_done(&run.value);
    return code;
}

static enum err_code read_births(struct builder *builder)
{
    AUTO(engine_result_close) struct engine_result *result = NULL;
    const struct data_batch *batch = NULL;
    builder->exact = true;
    if (builder->views->patients.birth_date.name == NULL)
        return ERR_OK;
    TRY(engine_query(builder->engine,
                     "SELECT born_first, born_last FROM " ORDINALS " ORDER BY ordinal", NULL, 0,
                     &result, builder->err));
    for (;;) {
        TRY(engine_result_next(result, &batch, builder->err));
        if (batch == NULL)
            return ERR_OK;
        for (int64_t row = 0; row < batch->rows; row++) {
            bool known = data_vector_is_valid(&batch->vectors[0], row) &&
                         data_vector_is_valid(&batch->vectors[1], row);
            int32_t first = known ? (int32_t)batch->vectors[0].i64[row] : INDEX_UNKNOWN_DAY;
            int32_t last = known ? (int32_t)batch->vectors[1].i64[row] : INDEX_UNKNOWN_DAY;
            buf_add(&builder->born_first, (const char *)&first, sizeof first);
            buf_add(&builder->born_last, (const char *)&last, sizeof last);
            builder->exact = builder->exact && first == last;
        }
    }
}

/* Of each year that someone is born in: who is born up to its end, then who is born in it, and the
 * days within it. */
static enum err_code add_days(struct builder *builder, const int32_t *born, int64_t year,
                              const roaring_bitmap_t *bitmap, struct buf *ret)
{
    size_t count = (size_t)libroaring.get_cardinality_(bitmap);
    AUTO(mem_free) void *memory = mem_zalloc(count + 1, sizeof(uint32_t));
    uint32_t *ordinals = memory;
    if (ordinals == NULL)
        return err_set(builder->err, ERR_MEMORY, "no memory for the index");
    libroaring.to_uint32_array_(bitmap, ordinals);
    for (size_t i = 0; i < count; i++) {
        uint16_t day = (uint16_t)(born[ordinals[i]] - clock_days_from_civil(year, 1, 1));
        buf_add(ret, (const char *)&day, sizeof day);
    }
    return buf_check(ret, builder->err);
}

static enum err_code index_years(struct builder *builder, const struct buf *days, unsigned slot,
                                 struct buf *ret_days)
{
    const int32_t *born = (const int32_t *)(const void *)days->ptr;
    roaring_bitmap_t **years = mem_zalloc(10000, sizeof *years);
    roaring_bitmap_t *upto = bitmap_new();
    enum err_code code = years == NULL || upto == NULL
                             ? err_set(builder->err, ERR_MEMORY, "no memory for the index")
                             : ERR_OK;
    for (uint32_t i = 0; code == ERR_OK && i < days->len / sizeof *born; i++) {
        int64_t year;
        unsigned month, day;
        if (born[i] == INDEX_UNKNOWN_DAY)
            continue;
        clock_civil_from_days(born[i], &year, &month, &day);
        if (year < 0 || year > 9999)
            continue; /* no date of ours has such a year */
        if (years[year] == NULL)
            years[year] = bitmap_new();
        libroaring.add_many_(years[year], 1, &i);
    }
    for (unsigned pass = 0; code == ERR_OK && pass < 2; pass++)
        for (int year = 0; code == ERR_OK && year < 10000; year++) {
            char text[16];
            if (years[year] == NULL)
                continue;
            (void)snprintf(text, sizeof text, "%04d", year);
            if (pass == 0)
                libroaring.or_inplace_(upto, years[year]);
            code = add_entry(builder, 0, slot + pass, str_of(text), pass == 0 ? upto : years[year]);
            if (code == ERR_OK && pass == 1)
                code = add_days(builder, born, year, years[year], ret_days);
        }
    for (int year = 0; years != NULL && year < 10000; year++)
        bitmap_free(years[year]);
    bitmap_free(upto);
    mem_free(years);
    return code;
}

static enum err_code index_patients(struct builder *builder)
{
    const struct cohort_patients *patients = &builder->views->patients;
    TRY(make_ordinals(builder));
    TRY(read_births(builder));
    if (patients->gender.name != NULL)
        TRY(index_sql(builder, SLOT_GENDER,
                      "SELECT gender, ordinal FROM " ORDINALS
                      " WHERE gender IS NOT NULL ORDER BY gender, ordinal"));
    if (patients->deceased.name != NULL)
        TRY(index_sql(builder, SLOT_DECEASED,
                      "SELECT '', ordinal FROM " ORDINALS " WHERE deceased ORDER BY ordinal"));
    TRY(index_years(builder, &builder->born_first, SLOT_FIRST_UPTO, &builder->first_days));
    return builder->exact
               ? ERR_OK
               : index_years(builder, &builder->born_last, SLOT_LAST_UPTO, &builder->last_days);
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
                                     view->status.name};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            hash_part(&text, names[i]);
        for (size_t i = 0; i < view->code_count; i++) {
            hash_part(&text, view->codes[i].name);
            hash_part(&text, view->codes[i].system);
        }
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
                                  .flags = builder->exact ? INDEX_EXACT_BIRTHS : 0,
                                  .keys_bytes = builder->keys.len};
    file.limit = (size_t)64 << 30;
    buf_add(&file, (const char *)&header, sizeof header);
    header.entries_at = section(&file, &builder->entries);
    header.keys_at = section(&file, &builder->keys);
    header.born_first_at = section(&file, &builder->first_days);
    header.born_last_at =
        builder->exact ? header.born_first_at : section(&file, &builder->last_days);
    header.bitmaps_at = section(&file, &builder->bitmaps);
    header.bytes = file.len;
    if (!ok || file.failed)
        return err_set(builder->err, ERR_MEMORY, "no memory for the index");
    memcpy(file.ptr, &header, sizeof header);
    struct hash128 hash =
        hash_xxh3_128(file.ptr + INDEX_HASHED_FROM, file.len - INDEX_HASHED_FROM, 0);
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

enum err_code cohort_index_build(struct engine *engine, const struct cohort_views *views,
                                 const char *path, json_t **ret_about, struct err *err)
{
    struct builder builder = {.engine = engine, .views = views, .err = err};
    TRY(libroaring_load(err));
    if (views->count > 250)
        return err_set(err, ERR_LIMIT, "more than 250 views");
    enum err_code code = build(&builder, path, ret_about);
    struct buf *const bufs[] = {&builder.entries,    &builder.keys,      &builder.bitmaps,
                                &builder.born_first, &builder.born_last, &builder.first_days,
                                &builder.last_days};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        buf_done(bufs[i]);
    if (code == ERR_OK)
        code = engine_execute(engine, "DROP TABLE " ORDINALS, NULL, 0, err);
    return code;
}
