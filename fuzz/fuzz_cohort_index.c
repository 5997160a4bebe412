/* layer: cohort — the bitmap index as bytes: the hash and the header's fixed parts are put right,
 * so that what lies behind them is reached; then every entry is listed and criteria are counted. An
 * error is fine, a wrong address is not. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cohort/index_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static enum err_code table(void *user, const char *name, const char *patient,
                           struct cohort_table *ret, struct err *err)
{
    static struct data_schema patients, conditions;
    (void)user;
    (void)patient;
    (void)err;
    static const char *const one[] = {"patient_id", "gender", "birth_date", "deceased"};
    static const char *const two[] = {"patient_id", "snomed_code",     "icd10_code", "code_text",
                                      "category",   "clinical_status", "onset_date"};
    if (patients.count == 0) {
        for (size_t i = 0; i < 4; i++)
            if (data_schema_add(&patients, str_of(one[i]), DATA_TYPE(TEXT), ERR_IGNORED) != ERR_OK)
                abort();
        for (size_t i = 0; i < 7; i++)
            if (data_schema_add(&conditions, str_of(two[i]), DATA_TYPE(TEXT), ERR_IGNORED) !=
                ERR_OK)
                abort();
    }
    ret->schema = strcmp(name, "patient_demographics") == 0 ? &patients
                  : strcmp(name, "condition_simple") == 0   ? &conditions
                                                            : NULL;
    ret->one_row_each = true;
    return ERR_OK;
}

static void use(struct cohort_index *index, const struct cohort_views *views)
{
    static const char text[] =
        "female and (age between 20 and 70 or born before 1950-06) and condition E11*, \"stroke\" "
        "and not (condition status active or deceased) and condition 44054006 and gender x or "
        "condition E11* category x since 2010 at age > 30 within 90 days before (condition or "
        "condition 44054006 at least 2 times) at least 2 times";
    struct cohort_lister lister = cohort_index_lister(index);
    struct cohort_criteria *criteria = NULL;
    struct cohort_question *question = NULL;
    int64_t counts[16];
    if (cohort_criteria_read(str_of(text), "criteria", &criteria, ERR_IGNORED) != ERR_OK)
        abort();
    if (cohort_question_new(criteria, views, NULL, 20000, &lister, &question, ERR_IGNORED) ==
        ERR_OK)
        (void)!cohort_index_count(index, question, counts, ERR_IGNORED);
    cohort_question_free(question);
    cohort_criteria_free(criteria);
}

/* Views' events are hashed apart. */
static void mend_places(char *copy, size_t count, const struct index_header *header)
{
    struct index_view_place place;
    for (size_t i = 0; i < header->views; i++) {
        size_t at = header->views_at + i * sizeof place;
        if (header->views_at > count || at > count - sizeof place)
            return;
        memcpy(&place, copy + at, sizeof place);
        if (place.begin_at > place.end_at || place.end_at > count)
            continue;
        struct hash128 hash =
            hash_xxh3_128(copy + place.begin_at, place.end_at - place.begin_at, 0);
        place.hash_low = hash.low;
        place.hash_high = hash.high;
        memcpy(copy + at, &place, sizeof place);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct index_header header = {.format = 0};
    struct cohort_views *views = NULL;
    struct cohort_index *index = NULL;
    struct cohort_binding binding = {table, NULL};
    char path[64];
    bool ok = true;
    if (count < sizeof header || count > (1 << 20))
        return 0;
    if (cohort_views_new(NULL, "views", &views, ERR_IGNORED) != ERR_OK ||
        cohort_views_bind(views, &binding, ERR_IGNORED) != ERR_OK)
        abort();
    char *copy = mem_alloc(count);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, count);
    memcpy(&header, copy, sizeof header);
    struct hash128 hash = cohort_views_hash(views, &ok);
    memcpy(header.magic, INDEX_MAGIC, sizeof header.magic);
    header.format = COHORT_INDEX_FORMAT;
    header.byte_order = INDEX_ORDER;
    header.views_low = hash.low;
    header.views_high = hash.high;
    header.bytes = count;
    header.views = (uint32_t)views->count;
    header.patients %= 1 << 20;
    if (header.hashed_bytes > count || header.hashed_bytes < sizeof header)
        header.hashed_bytes = count;
    mend_places(copy, count, &header);
    memcpy(copy, &header, sizeof header);
    hash = hash_xxh3_128(copy + INDEX_HASHED_FROM, header.hashed_bytes - INDEX_HASHED_FROM, 0);
    header.hash_low = hash.low;
    header.hash_high = hash.high;
    memcpy(copy, &header, sizeof header);
    int fd = memfd_create("index", 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, copy, count) != (ssize_t)count)
        abort();
    if (cohort_index_open(path, views, &index, ERR_IGNORED) == ERR_OK)
        use(index, views);
    cohort_index_close(index);
    (void)close(fd);
    mem_free(copy);
    cohort_views_free(views);
    return 0;
}
