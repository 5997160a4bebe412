/* layer: fhir — resources, any bytes, against a set of views that call for every kind of step: a worker gives rows or an error with a
 * message, the same rows whether a bad cell fails or becomes null where none is bad, and nothing it hands on reaches outside its memory. */
#include <stdlib.h>
#include <string.h>

#include "fhir/fhir.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const char *const VIEWS[] = {
    "{\"resource\":\"Patient\",\"select\":[{\"column\":[{\"name\":\"id\",\"path\":\"getResourceKey()\"},{\"name\":\"b\",\"path\":\"birthDate.lowBoundary()\"},"
    "{\"name\":\"e\",\"path\":\"birthDate.extension('u').value.ofType(dateTime).highBoundary()\"},{\"name\":\"o\",\"path\":\"managingOrganization.getReferenceKey(Organization)\"},"
    "{\"name\":\"d\",\"path\":\"deceased.ofType(boolean).not()\"},{\"name\":\"m\",\"path\":\"multipleBirth.ofType(integer) / 7 + 1.5\"},"
    "{\"name\":\"n\",\"path\":\"name.given.join(',')\"},{\"name\":\"all\",\"path\":\"name\",\"collection\":true},"
    "{\"name\":\"f\",\"path\":\"name.where(use = 'official').first().family.substring(1, 3).upper()\"},{\"name\":\"q\",\"path\":\"(name | contact.name).count()\"},"
    "{\"name\":\"day\",\"path\":\"birthDate\",\"type\":\"date\",\"tag\":[{\"name\":\"ansi/type\",\"value\":\"DATE\"}]}]},"
    "{\"forEachOrNull\":\"name\",\"column\":[{\"name\":\"i\",\"path\":\"%rowIndex\"},{\"name\":\"g\",\"path\":\"given.where(extension('u').exists()).first()\"}]},"
    "{\"unionAll\":[{\"forEach\":\"contact\",\"column\":[{\"name\":\"u\",\"path\":\"telecom.value.first()\"}]},{\"column\":[{\"name\":\"u\",\"path\":\"gender\"}]}]}]}",
    "{\"resource\":\"Patient\",\"where\":[{\"path\":\"birthDate > @1950 or active\"}],\"select\":[{\"column\":[{\"name\":\"v\",\"path\":\"extension.value.ofType(Quantity).value\",\"type\":"
    "\"decimal\",\"tag\":[{\"name\":\"ansi/type\",\"value\":\"DECIMAL(12,3)\"}]}]}]}",
    "{\"resource\":\"Patient\",\"select\":[{\"repeat\":[\"extension\",\"contained.extension\"],\"column\":[{\"name\":\"url\",\"path\":\"url\"},{\"name\":\"v\",\"path\":\"value\"}]}]}",
};
#define VIEW_COUNT (sizeof VIEWS / sizeof *VIEWS)

/* One that keeps nothing whole, so that what is alike is remembered. */
static const char ALIKE_VIEW[] =
    "{\"resource\":\"Patient\",\"where\":[{\"path\":\"active.exists().not() or active\"}],\"select\":[{\"column\":[{\"name\":\"id\",\"type\":\"string\",\"path\":\"getResourceKey()\"},"
    "{\"name\":\"o\",\"type\":\"string\",\"path\":\"managingOrganization.getReferenceKey(Organization)\"},{\"name\":\"r\",\"type\":\"string\",\"path\":\"'Organization/' + managingOrganization.getReferenceKey()\"},"
    "{\"name\":\"g\",\"type\":\"string\",\"path\":\"generalPractitioner.getReferenceKey(Practitioner).first()\"},{\"name\":\"f\",\"type\":\"string\",\"path\":\"name.where(use = 'official').family.first()\"},"
    "{\"name\":\"x\",\"type\":\"string\",\"path\":\"iif(gender.startsWith('m'), 'male', gender)\"},{\"name\":\"m\",\"type\":\"integer\",\"path\":\"multipleBirth.ofType(integer) + 1\"},"
    "{\"name\":\"u\",\"type\":\"string\",\"path\":\"extension('u').value.ofType(string).first()\"},"
    "{\"name\":\"day\",\"path\":\"birthDate\",\"type\":\"date\",\"tag\":[{\"name\":\"ansi/type\",\"value\":\"DATE\"}]}]},"
    "{\"forEachOrNull\":\"name\",\"column\":[{\"name\":\"i\",\"path\":\"%rowIndex\"},{\"name\":\"n\",\"type\":\"string\",\"path\":\"given.first()\"}]}]}";

struct kit {
    struct fhir_view *views[VIEW_COUNT], *alike_view;
    struct fhir_program *programs[2], *alike;
};

/* Made once: compiling is not what is fuzzed here. */
static const struct kit *kit(void)
{
    static struct kit made;
    struct err err;
    for (size_t idx = 0; idx < VIEW_COUNT && made.programs[1] == NULL; idx++) {
        JSON_AUTO definition = NULL;
        if (json_parse(str_of(VIEWS[idx]), "view", &definition, &err) != ERR_OK || fhir_view_read(definition, "view", &made.views[idx], &err) != ERR_OK)
            abort();
    }
    if (made.alike == NULL) {
        struct fhir_program_options options = {.on_error = FHIR_NULL, .same_type = true, .resource_id = true};
        JSON_AUTO definition = NULL;
        if (json_parse(str_of(ALIKE_VIEW), "view", &definition, &err) != ERR_OK || fhir_view_read(definition, "view", &made.alike_view, &err) != ERR_OK ||
            fhir_program_new((const struct fhir_view *const *)&made.alike_view, 1, &options, &made.alike, &err) != ERR_OK)
            abort();
    }
    for (int nulls = 0; nulls < 2; nulls++) {
        struct fhir_program_options options = {.on_error = nulls ? FHIR_NULL : FHIR_FAIL, .same_type = true, .resource_id = nulls != 0};
        if (made.programs[nulls] == NULL && fhir_program_new((const struct fhir_view *const *)made.views, VIEW_COUNT, &options, &made.programs[nulls], &err) != ERR_OK)
            abort();
    }
    return &made;
}

struct seen {
    int64_t rows;
    size_t skip; /* marrow_resource */
    uint64_t sum;
};

static enum err_code take(void *user, size_t view, const struct data_batch *batch, struct err *err)
{
    struct seen *seen = user;
    AUTO(buf_done) struct buf text = BUF_INIT;
    (void)view;
    (void)err;
    for (int64_t row = 0; row < batch->rows; row++)
        for (size_t idx = seen->skip; idx < batch->columns; idx++)
            data_value_json(&batch->vectors[idx], row, &text);
    for (size_t idx = 0; idx < text.len; idx++)
        seen->sum = seen->sum * 31 + (unsigned char)text.ptr[idx];
    seen->rows += batch->rows;
    return ERR_OK;
}

static bool run(const struct fhir_program *program, struct str text, struct seen *seen, struct fhir_counts *counts)
{
    AUTO(fhir_worker_free) struct fhir_worker *worker = NULL;
    struct fhir_sink sink = {.batch = take, .user = seen};
    struct err err = {0};
    if (fhir_worker_new(program, &sink, &worker, &err) != ERR_OK)
        abort();
    if (fhir_worker_run(worker, &text, 1, false, &err) != ERR_OK) {
        if (err.message[0] == '\0' || seen->rows != 0)
            abort();
        return false;
    }
    if (fhir_worker_finish(worker, counts, &err) != ERR_OK)
        abort();
    return true;
}

/* One worker for all lines, twice over, remembers what is alike among them: it gives for each what a new worker gives. */
static void run_alike(const struct fhir_program *program, struct str text)
{
    struct seen alike = {.skip = 1};
    AUTO(fhir_worker_free) struct fhir_worker *worker = NULL;
    struct fhir_sink sink = {.batch = take, .user = &alike};
    struct err err = {0};
    if (fhir_worker_new(program, &sink, &worker, &err) != ERR_OK)
        abort();
    int64_t nulled = 0;
    bool all = true;
    for (size_t from = 0, rounds = 0; rounds < 2 && text.len > 0; rounds += from >= text.len) {
        from = from >= text.len ? 0 : from;
        const char *end = memchr(text.ptr + from, '\n', text.len - from);
        struct str line = {text.ptr + from, end != NULL ? (size_t)(end - text.ptr) - from : text.len - from};
        struct seen alone = {.skip = 1};
        struct fhir_counts counts;
        alike.rows = 0;
        alike.sum = 0;
        bool done = fhir_worker_run(worker, &line, 1, false, &err) == ERR_OK;
        if (run(program, line, &alone, &counts) != done || alike.rows != alone.rows || alike.sum != alone.sum)
            abort();
        all = all && done;
        nulled += done ? counts.nulled : 0;
        from += line.len + 1;
    }
    struct fhir_counts counts;
    if (fhir_worker_finish(worker, &counts, &err) != ERR_OK || (all && counts.nulled != nulled))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct seen strict = {0}, lenient = {.skip = 1};
    struct fhir_counts counts, nulled;
    struct str text = {(const char *)bytes, count};
    bool passed = run(kit()->programs[0], text, &strict, &counts), done = run(kit()->programs[1], text, &lenient, &nulled);
    if (passed && (!done || nulled.nulled != 0 || strict.rows != lenient.rows || strict.sum != lenient.sum))
        abort();
    run_alike(kit()->alike, text);
    return 0;
}
