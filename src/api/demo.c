/* demo-data: the synthetic hospital as a use case. */
#include "api/api_priv.h"

#include "demo/demo.h"

static json_t *counts(const struct demo_table *tables, int count, bool *ok)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_t *one = json_object();
        json_put_text(one, "name", tables[i].name, ok);
        json_put_int(one, "rows", tables[i].rows, ok);
        json_put_int(one, "bytes", tables[i].bytes, ok);
        json_push(list, one, ok);
    }
    return list;
}

enum err_code api_demo_data(const struct api_demo_options *options, const struct progress *progress,
                            json_t **ret, struct err *err)
{
    struct demo_options demo = {.patients = options->patients,
                                .seed = options->seed,
                                .seed_given = true,
                                .no_fhir = options->no_fhir,
                                .progress = progress};
    struct demo_report report = {.bytes = 0};
    int64_t started_us = clock_monotonic_us();
    bool ok = true;
    json_install();
    TRY(demo_generate(options->directory, &demo, &report, err));
    json_t *object = json_object(), *files = json_array();
    for (int i = 0; i < report.file_count; i++)
        json_push_text(files, report.files[i], &ok);
    json_put_text(object, "directory", options->directory, &ok);
    json_put_int(object, "patients", report.patients, &ok);
    json_put_int(object, "seed", (int64_t)report.seed, &ok);
    json_put(object, "files", files, &ok);
    json_put(object, "tables", counts(report.tables, report.table_count, &ok), &ok);
    json_put(object, "resources", counts(report.resources, report.resource_count, &ok), &ok);
    json_put_int(object, "bytes", report.bytes, &ok);
    json_put_int(object, "duration_ms", api_elapsed_ms(started_us), &ok);
    *ret = object;
    return json_built(ok, err);
}
