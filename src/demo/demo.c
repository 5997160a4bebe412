/* The door: one pass over the patients for each table and each FHIR type. A life costs about a
 * microsecond to derive, so deriving it again for each file is cheaper than keeping it, and memory
 * does not grow with the number of patients. */
#include "demo/demo.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "demo/demo_priv.h"
#include "demo/zip.h"

#define DEMO_CHECK_PATIENTS 2048 /* between two looks at progress and cancellation */

struct job {
    struct demo_world world;
    const struct progress *progress;
    struct demo_facts facts;
    struct demo_report report;
    char directory[FILE_PATH_BYTES], staging[FILE_PATH_BYTES];
    int64_t done, total; /* patients × passes */
};

static const char *const fhir_files[] = {
    "fhir/Patient.ndjson",     "fhir/Encounter.ndjson",         "fhir/Condition.ndjson",
    "fhir/Observation.ndjson", "fhir/MedicationRequest.ndjson", "fhir/Procedure.ndjson",
};

static enum err_code run_pass(struct job *job, const struct demo_output *output, struct out *out,
                              int64_t *ret_rows, struct err *err)
{
    struct pass pass = {.world = &job->world, .out = out, .facts = &job->facts};
    struct patient patient = {0};
    if (output->header != NULL)
        out_text(out, output->header);
    if (output->whole != NULL)
        output->whole(&pass);
    for (int64_t i = 0; output->patient != NULL && i < job->world.patients; i++) {
        demo_life(&job->world, i, &pass.admission_id, &patient);
        output->patient(&pass, &patient);
        if ((i + 1) % DEMO_CHECK_PATIENTS != 0 && i + 1 != job->world.patients)
            continue;
        TRY(out_check(out));
        TRY(progress_check(job->progress, err));
        progress_report(job->progress, &(struct progress_event){.phase = "write",
                                                                .subject = output->name,
                                                                .done = job->done + i + 1,
                                                                .total = job->total,
                                                                .unit = "patients"});
    }
    if (output->patient != NULL)
        job->done += job->world.patients;
    *ret_rows = pass.rows;
    return out_check(out);
}

static enum err_code write_members(struct job *job, struct zip *zip, struct err *err)
{
    for (int i = 0; i < demo_csv_table_count; i++) {
        const struct demo_output *output = &demo_csv_tables[i];
        struct demo_table *table = &job->report.tables[i];
        char name[64];
        snprintf(name, sizeof name, "%s.csv", output->name);
        TRY(zip_member_begin(zip, name));
        table->name = output->name;
        TRY(run_pass(job, output, &zip->out, &table->rows, err));
        TRY(zip_member_end(zip));
        table->bytes = zip->members[i].bytes;
    }
    job->report.table_count = demo_csv_table_count;
    return ERR_OK;
}

static enum err_code write_zip(struct job *job, struct err *err)
{
    char path[FILE_PATH_BYTES];
    TRY(file_path_join(job->staging, "hospital.zip", path, err));
    struct zip *zip = mem_zalloc(1, sizeof *zip);
    if (zip == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the archive writer");
    enum err_code code = zip_open(zip, path, err);
    if (code == ERR_OK)
        code = write_members(job, zip, err);
    int64_t bytes = 0;
    if (code == ERR_OK)
        code = zip_close(zip, &bytes);
    out_abandon(&zip->out);
    mem_free(zip);
    job->report.bytes += bytes;
    job->report.files[job->report.file_count++] = "hospital.zip";
    return code;
}

static enum err_code write_resource(struct job *job, int at, struct err *err)
{
    const struct demo_output *output = &demo_fhir_resources[at];
    struct demo_table *table = &job->report.resources[at];
    char path[FILE_PATH_BYTES];
    struct out out;
    TRY(file_path_join(job->staging, fhir_files[at], path, err));
    enum err_code code = out_open(&out, path, false, err);
    table->name = output->name;
    if (code == ERR_OK)
        code = run_pass(job, output, &out, &table->rows, err);
    if (code == ERR_OK)
        code = out_close(&out);
    table->bytes = out.bytes;
    out_abandon(&out);
    job->report.bytes += table->bytes;
    job->report.files[job->report.file_count++] = fhir_files[at];
    job->report.resource_count++;
    return code;
}

static enum err_code write_truth(struct job *job, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT;
    char path[FILE_PATH_BYTES];
    TRY(file_path_join(job->staging, "truth.json", path, err));
    demo_truth(&job->report, &job->facts, &text);
    TRY(buf_check(&text, err));
    job->report.bytes += (int64_t)text.len;
    job->report.files[job->report.file_count++] = "truth.json";
    return file_write_new(path, buf_view(&text), err);
}

/* An earlier run's output may be replaced, nobody else's files. */
static enum err_code check_directory(const char *directory, struct err *err)
{
    struct file_list list = {0};
    bool foreign = false, ours = false;
    TRY(file_list_directory(directory, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        const char *name = list.entries[i].name;
        ours = ours || strcmp(name, "truth.json") == 0;
        foreign = foreign || strncmp(name, ".demo-", 6) != 0;
    }
    file_list_done(&list);
    if (!foreign || ours)
        return ERR_OK;
    err_set(err, ERR_USAGE, "%s is not empty and holds no truth.json of an earlier run", directory);
    return err_hint(err, "name an empty or a new directory");
}

static enum err_code move(struct job *job, const char *name, struct err *err)
{
    char from[FILE_PATH_BYTES], to[FILE_PATH_BYTES];
    TRY(file_path_join(job->staging, name, from, err));
    TRY(file_path_join(job->directory, name, to, err));
    TRY(file_remove(to, err));
    return file_publish(from, to, NULL, err);
}

/* What an earlier run wrote and this one does not. */
static enum err_code remove_stale_fhir(const struct job *job, struct err *err)
{
    char path[FILE_PATH_BYTES];
    for (int i = 0; i < demo_fhir_resource_count; i++) {
        TRY(file_path_join(job->directory, fhir_files[i], path, err));
        TRY(file_remove(path, err));
    }
    return ERR_OK;
}

static enum err_code write_all(struct job *job, bool fhir, struct err *err)
{
    char path[FILE_PATH_BYTES];
    TRY(write_zip(job, err));
    if (fhir) {
        TRY(file_path_join(job->staging, "fhir", path, err));
        TRY(file_make_directory(path, err));
        for (int i = 0; i < demo_fhir_resource_count; i++)
            TRY(write_resource(job, i, err));
        TRY(file_path_join(job->directory, "fhir", path, err));
        TRY(file_make_directory(path, err));
    } else {
        TRY(remove_stale_fhir(job, err));
    }
    TRY(write_truth(job, err));
    for (int i = 0; i < job->report.file_count; i++) /* truth.json is the last */
        TRY(move(job, job->report.files[i], err));
    return ERR_OK;
}

static enum err_code prepare(struct job *job, const char *directory,
                             const struct demo_options *options, struct err *err)
{
    int64_t patients = options->patients == 0 ? DEMO_PATIENTS_DEFAULT : options->patients;
    uint64_t seed = options->seed_given ? options->seed : DEMO_SEED_DEFAULT;
    if (patients < 1 || patients > DEMO_PATIENTS_LIMIT)
        return err_set(err, ERR_USAGE, "the number of patients must be 1 to %d, not %" PRId64,
                       DEMO_PATIENTS_LIMIT, patients);
    demo_world_init(&job->world, patients, seed);
    if (job->world.effect_first[LAB_COUNT] != demo_effect_count ||
        demo_treatment_count + 6 > DEMO_ORDERS_LIMIT)
        return err_set(
            err, ERR_FAILED,
            "effects.def is not in the order of labs.def, or treatments.def is too long");
    job->progress = options->progress;
    job->report.patients = patients;
    job->report.seed = seed;
    for (int i = 0; i < demo_csv_table_count; i++)
        job->total += demo_csv_tables[i].patient != NULL ? patients : 0;
    job->total += options->no_fhir ? 0 : patients * demo_fhir_resource_count;
    if (snprintf(job->directory, sizeof job->directory, "%s", directory) >=
        (int)sizeof job->directory)
        return err_set(err, ERR_LIMIT, "the directory's path is longer than %d bytes",
                       FILE_PATH_BYTES - 1);
    TRY(file_make_directory(directory, err));
    TRY(check_directory(directory, err));
    return file_make_staging(directory, ".demo", job->staging, err);
}

enum err_code demo_generate(const char *directory, const struct demo_options *options,
                            struct demo_report *ret, struct err *err)
{
    static const struct demo_options defaults = {0};
    if (options == NULL)
        options = &defaults;
    struct job *job = mem_zalloc(1, sizeof *job);
    if (job == NULL)
        return err_set(err, ERR_MEMORY, "no memory for the generator");
    enum err_code code = prepare(job, directory, options, err);
    if (code == ERR_OK)
        code = write_all(job, !options->no_fhir, err);
    if (job->staging[0] != '\0') {
        struct err ignored;
        enum err_code swept = file_remove_tree(job->staging, &ignored);
        (void)swept; /* what is left is empty or was to be thrown away; the first error is the one
                        to tell */
    }
    if (code == ERR_OK && ret != NULL)
        *ret = job->report;
    mem_free(job);
    return code;
}
